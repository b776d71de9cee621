"""The laws of unrolled_discriminator, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, finite_difference_jacobian, gaussians, jacobian, reals, unchanged

OK_FORMAT = False
name = "unrolled_discriminator"
points = [3, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(*shape, seed=0):
    """Normal numbers that depend on the seed only."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def curved(matrix, pull):
    """The game V(d, g) = d\u1d40 A g \u2212 \xbd |d|\xb2 + pull \xb7 \u03a3 sin g; \u2202V/\u2202d = A g \u2212 d, \u2202V/\u2202g = A\u1d40 d + pull \xb7 cos g."""

    def game(d, g):
        return d @ matrix @ g - 0.5 * (d * d).sum() + pull * torch.sin(g).sum()

    return game


def games():
    """A matrix A of any small shape with a d and a g that fit it."""
    sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))
    return sizes.flatmap(lambda s: st.tuples(gaussians(s), gaussians(s[0]), gaussians(s[1])))


@st.composite
def shift_gans(draw):
    """The parameters of a GAN that shifts its noise, its data and noise, a number of steps and a rate."""
    dimension = draw(st.integers(1, 2))
    sizes = ((dimension,), (dimension,), (3, dimension), (2, dimension))
    d, g, real, noise = (draw(gaussians(size)) for size in sizes)
    return d, g, real, noise, draw(st.integers(0, 4)), draw(reals(0.05, 1.0))


THREE_STEPS = normal(2), normal(2, seed=1), normal(3, 2, seed=2), normal(2, 2, seed=3), 3, 0.6


def ascend(d, g, real, noise, steps, rate):
    """The discriminator of the shifting GAN after some steps, with its gradient written out by hand."""
    for _ in range(steps):
        fake = noise + g
        slope = torch.sigmoid(-real @ d) @ real / len(real) - torch.sigmoid(fake @ d) @ fake / len(fake)
        d = d + rate * slope
    return d


@pytest.mark.exercise("unrolled_discriminator", points=3)
class TestUnrolledDiscriminator:
    @few
    @given(game=games())
    def test_no_steps(self, target, game):
        """Zero steps give the discriminator itself: the loss is then the ordinary one."""
        matrix, d, g = game
        assert_close(target.unrolled_discriminator(curved(matrix, 1.0), d, g, 0, 0.3), d, atol=1e-14)

    @few
    @given(game=games(), steps=st.integers(1, 5), rate=reals(0.01, 0.9))
    @example(game=(normal(2, 3), normal(2, seed=1), normal(3, seed=2)), steps=3, rate=0.3)
    def test_value(self, target, game, steps, rate):
        """After k steps up V = d\u1d40Ag \u2212 \xbd|d|\xb2 + \u2026, d_k = (1 \u2212 rate)\u1d4f d + (1 \u2212 (1 \u2212 rate)\u1d4f) A g."""
        matrix, d, g = game
        with unchanged(d, g):
            ahead = target.unrolled_discriminator(curved(matrix, 1.0), d, g, steps, rate)
        left = (1 - rate) ** steps
        assert_close(ahead, left * d + (1 - left) * (matrix @ g), atol=1e-12)

    @few
    @given(gan=shift_gans())
    @example(gan=THREE_STEPS)
    def test_gradient_of_the_generator(self, target, gan):
        """The derivative of d_k with respect to the generator goes through all k steps (finite differences)."""
        d, g, real, noise, steps, rate = gan
        ahead = jacobian(lambda g: target.unrolled_shift_gan(d, g, real, noise, steps, rate), g)
        expected = finite_difference_jacobian(lambda g: ascend(d, g, real, noise, steps, rate), g)
        assert_close(ahead, expected, atol=1e-7, rtol=1e-6, what="\u2202d_k/\u2202g")

    @few
    @given(gan=shift_gans())
    @example(gan=THREE_STEPS)
    def test_gradient_of_the_discriminator(self, target, gan):
        """The derivative of d_k with respect to the first d goes through all k steps too."""
        d, g, real, noise, steps, rate = gan
        ahead = jacobian(lambda d: target.unrolled_shift_gan(d, g, real, noise, steps, rate), d)
        expected = finite_difference_jacobian(lambda d: ascend(d, g, real, noise, steps, rate), d)
        assert_close(ahead, expected, atol=1e-7, rtol=1e-6, what="\u2202d_k/\u2202d")


@test_case(name="unrolled_discriminator - test_no_steps", hidden=False)
def law_1(env):
    check_law(TestUnrolledDiscriminator, "test_no_steps", env)


@test_case(name="unrolled_discriminator - test_value", hidden=False)
def law_2(env):
    check_law(TestUnrolledDiscriminator, "test_value", env)


@test_case(name="unrolled_discriminator - test_gradient_of_the_generator", hidden=False)
def law_3(env):
    check_law(TestUnrolledDiscriminator, "test_gradient_of_the_generator", env)


@test_case(name="unrolled_discriminator - test_gradient_of_the_discriminator", hidden=False)
def law_4(env):
    check_law(TestUnrolledDiscriminator, "test_gradient_of_the_discriminator", env)
