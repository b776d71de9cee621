"""The laws of wasserstein_1d, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_true, reals, tensors, unchanged

OK_FORMAT = False
name = "wasserstein_1d"
points = [2, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def sample_pairs():
    """Two samples on the line, of sizes that may differ."""
    return st.tuples(tensors(st.integers(1, 5)), tensors(st.integers(1, 5)))


def matched(x, y):
    """W\u2081 on the line: give both samples the same size by repetition and match them in order."""
    x, y = x.sort().values.repeat_interleave(len(y)), y.sort().values.repeat_interleave(len(x))
    return (x - y).abs().mean()


@pytest.mark.exercise("wasserstein_1d", points=2)
class TestWasserstein1d:
    @few
    @given(samples=st.integers(1, 4).flatmap(lambda n: st.tuples(tensors(n), tensors(n))))
    @example(samples=(vector(2.0, -1.0, 1.0), vector(-2.0, 3.0, 0.5)))  # sorted, unsorted, means, pairs: all differ
    def test_best_matching(self, target, samples):
        """For samples of one size it is the least mean distance over all ways to match them."""
        x, y = samples
        ways = itertools.permutations(range(len(x)))
        best = min((x - y[list(order)]).abs().mean().item() for order in ways)
        with unchanged(x, y):
            assert_close(target.wasserstein_1d(x, y), vector(best)[0], atol=1e-12)

    @few
    @given(samples=sample_pairs())
    @example(samples=(vector(5.0, -1.0, 1.0), vector(-2.0, 3.0)))
    def test_sizes_may_differ(self, target, samples):
        """Every sample has total mass one: samples of different sizes are compared as distributions."""
        x, y = samples
        assert_close(target.wasserstein_1d(x, y), matched(x, y), atol=1e-12)

    @few
    @given(x=tensors(), y=tensors(), z=tensors())
    def test_metric(self, target, x, y, z):
        """It is a metric: symmetric, 0 for the same points in another order, and no detour is shorter."""
        xy, yz, xz = target.wasserstein_1d(x, y), target.wasserstein_1d(y, z), target.wasserstein_1d(x, z)
        assert_close(target.wasserstein_1d(y, x), matched(x, y), atol=1e-12)
        assert_close(target.wasserstein_1d(x, x.flip(0)), vector(0)[0], atol=1e-12)
        assert_true(xz <= xy + yz + 1e-12, f"W(x, z) = {xz.item()} exceeds {xy.item()} + {yz.item()}.")

    @few
    @given(x=tensors(), shift=reals(-100, 100))
    def test_grows_with_the_shift(self, target, x, shift):
        """Moving all points by c costs |c|, also when the supports have long been disjoint."""
        assert_close(target.wasserstein_1d(x, x + shift), vector(abs(shift))[0], atol=1e-10)


@test_case(name="wasserstein_1d - test_best_matching", hidden=False)
def law_1(env):
    check_law(TestWasserstein1d, "test_best_matching", env)


@test_case(name="wasserstein_1d - test_sizes_may_differ", hidden=False)
def law_2(env):
    check_law(TestWasserstein1d, "test_sizes_may_differ", env)


@test_case(name="wasserstein_1d - test_metric", hidden=False)
def law_3(env):
    check_law(TestWasserstein1d, "test_metric", env)


@test_case(name="wasserstein_1d - test_grows_with_the_shift", hidden=False)
def law_4(env):
    check_law(TestWasserstein1d, "test_grows_with_the_shift", env)
