"""The laws of simultaneous_step, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, reals, unchanged

OK_FORMAT = False
name = "simultaneous_step"
points = [2, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def bilinear(matrix):
    """The game V(d, g) = d\u1d40 A g."""

    def game(d, g):
        return d @ matrix @ g

    return game


def curved(matrix, pull):
    """The game V(d, g) = d\u1d40 A g \u2212 \xbd |d|\xb2 + pull \xb7 \u03a3 sin g; \u2202V/\u2202d = A g \u2212 d, \u2202V/\u2202g = A\u1d40 d + pull \xb7 cos g."""

    def game(d, g):
        return d @ matrix @ g - 0.5 * (d * d).sum() + pull * torch.sin(g).sum()

    return game


def games():
    """A matrix A of any small shape with a d and a g that fit it."""
    sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))
    return sizes.flatmap(lambda s: st.tuples(gaussians(s), gaussians(s[0]), gaussians(s[1])))


@pytest.mark.exercise("simultaneous_step", points=2)
class TestSimultaneousStep:
    @few
    @given(game=games(), pull=reals(), rate=reals(0.01, 1.0))
    def test_value(self, target, game, pull, rate):
        """d climbs its gradient of V and g descends its own, both taken at the old point."""
        matrix, d, g = game
        with unchanged(d, g):
            new = target.simultaneous_step(curved(matrix, pull), d, g, rate)
        expected = (d + rate * (matrix @ g - d), g - rate * (matrix.T @ d + pull * torch.cos(g)))
        assert_close(new, expected, atol=1e-12)

    @few
    @given(d=reals(), g=reals(), rate=reals(0.01, 1.0))
    @example(d=1.3, g=-0.7, rate=0.4)
    def test_spirals_outwards(self, target, d, g, rate):
        """On V = d \xb7 g every step turns (d, g) and makes |(d, g)|\xb2 larger by the factor 1 + rate\xb2."""
        new_d, new_g = target.simultaneous_step(bilinear(torch.eye(1).double()), vector(d), vector(g), rate)
        assert_close(new_d**2 + new_g**2, vector((1 + rate**2) * (d * d + g * g)), atol=1e-12)
        assert_close(new_d * d + new_g * g, vector(d * d + g * g), atol=1e-12)
        assert_close(new_d * g - new_g * d, vector(rate * (d * d + g * g)), atol=1e-12)

    def test_equilibrium_stays(self, target):
        """At the equilibrium of V = d\u1d40 A g nobody moves."""
        zero = torch.zeros(2, dtype=torch.float64)
        new = target.simultaneous_step(bilinear(torch.ones(2, 2).double()), zero, zero, 0.5)
        assert_close(new, (zero, zero))


@test_case(name="simultaneous_step - test_value", hidden=False)
def law_1(env):
    check_law(TestSimultaneousStep, "test_value", env)


@test_case(name="simultaneous_step - test_spirals_outwards", hidden=False)
def law_2(env):
    check_law(TestSimultaneousStep, "test_spirals_outwards", env)


@test_case(name="simultaneous_step - test_equilibrium_stays", hidden=False)
def law_3(env):
    check_law(TestSimultaneousStep, "test_equilibrium_stays", env)
