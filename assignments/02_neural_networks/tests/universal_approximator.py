"""The laws of universal_approximator, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_shape, assert_true, raises, reals, seeds

OK_FORMAT = False
name = "universal_approximator"
points = [3, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


@st.composite
def lipschitz_functions(draw):
    """A function with its Lipschitz constant: a zigzag whose slopes are \xb1L, plus a wave, at random places."""
    constant = draw(reals(0.5, 20.0))
    seed = draw(seeds())
    generator = torch.Generator().manual_seed(seed)
    inner = torch.rand(5, generator=generator, dtype=torch.float64).sort()[0]
    turns = torch.cat([torch.zeros(1, dtype=torch.float64), inner, torch.ones(1, dtype=torch.float64)])
    signs = 2.0 * torch.randint(0, 2, (6,), generator=generator) - 1
    share = draw(st.sampled_from([1.0, 0.6]))
    heights = torch.cat([turns.new_zeros(1), torch.cumsum(share * constant * signs * turns.diff(), 0)])
    start, phase = torch.randn(2, generator=generator, dtype=torch.float64)

    def f(x):
        piece = torch.clamp(torch.searchsorted(turns, x, right=True) - 1, 0, 5)
        zigzag = heights[piece] + share * constant * signs[piece] * (x - turns[piece])
        return start + zigzag + (1 - share) * constant / 10 * torch.sin(10 * x + phase)

    f.description = f"a random {constant}-Lipschitz function"
    return f, constant


def network_on(grid, network):
    """The values c + \u03a3_j v_j ReLU(w_j x + b_j) of a network with one hidden layer."""
    w, b, v, c = network
    for name, part in (("w", w), ("b", b), ("v", v)):
        assert_shape(part, (len(v),), torch.float64, what=name)
    assert_shape(c, (), torch.float64, what="c")
    return c + F.relu(grid[:, None] * w + b) @ v


@pytest.mark.exercise("universal_approximator", points=3)
class TestUniversalApproximator:
    @SOME
    @given(case=lipschitz_functions(), eps=reals(0.05, 1.0))
    def test_error(self, target, case, eps):
        """The network differs from f by at most eps everywhere on [0, 1]."""
        f, lipschitz = case
        grid = torch.linspace(0, 1, 1501, dtype=torch.float64)
        error = (network_on(grid, target.universal_approximator(f, eps, lipschitz)) - f(grid)).abs().max().item()
        assert_true(error <= eps + 1e-9, f"The largest error is {error:.6g}; it should be at most {eps}.")

    @SOME
    @given(case=lipschitz_functions(), eps=reals(0.05, 1.0))
    def test_width(self, target, case, eps):
        """At most max(1, \u2308lipschitz / (2\xb7eps)\u2309) hidden units are used."""
        f, lipschitz = case
        units = len(target.universal_approximator(f, eps, lipschitz)[2])
        allowed = max(1, math.ceil(lipschitz / (2 * eps)))
        assert_true(units <= allowed, f"There are {units} hidden units; {allowed} are enough.")

    @FEW
    @example(slope=0.0, start=-2.0, eps=0.5)
    @example(slope=-1.0, start=1.0, eps=0.5)
    @given(slope=reals(-5, 5), start=reals(), eps=reals(0.1, 1.0))
    def test_straight_lines(self, target, slope, start, eps):
        """A straight line, or a constant, is approximated within eps too, by no more units than allowed."""
        grid = torch.linspace(0, 1, 101, dtype=torch.float64)
        network = target.universal_approximator(lambda x: start + slope * x, eps, abs(slope))
        allowed = max(1, math.ceil(abs(slope) / (2 * eps)))
        assert_true(len(network[2]) <= allowed, f"There are {len(network[2])} hidden units; {allowed} are enough.")
        error = (network_on(grid, network) - start - slope * grid).abs().max().item()
        assert_true(error <= eps + 1e-9, f"The largest error is {error:.6g}; it should be at most {eps}.")

    def test_errors(self, target):
        """An eps of 0 or below, or a negative Lipschitz constant, is a ValueError."""
        for eps, lipschitz in ((0.0, 1.0), (-0.1, 1.0), (0.1, -1.0)):
            with raises(ValueError, f"for eps = {eps} and lipschitz = {lipschitz}"):
                target.universal_approximator(torch.sin, eps, lipschitz)


@test_case(name="universal_approximator - test_error", hidden=False)
def law_1(env):
    check_law(TestUniversalApproximator, "test_error", env)


@test_case(name="universal_approximator - test_width", hidden=False)
def law_2(env):
    check_law(TestUniversalApproximator, "test_width", env)


@test_case(name="universal_approximator - test_straight_lines", hidden=False)
def law_3(env):
    check_law(TestUniversalApproximator, "test_straight_lines", env)


@test_case(name="universal_approximator - test_errors", hidden=False)
def law_4(env):
    check_law(TestUniversalApproximator, "test_errors", env)
