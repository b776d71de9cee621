"""The laws of optimal_discriminator, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, tensors, unchanged

OK_FORMAT = False
name = "optimal_discriminator"
points = [1, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def normalised(weights):
    """Distributions from columns of whole numbers; they print well and cost little to draw."""
    columns = torch.tensor(weights, dtype=torch.float64).T
    return tuple((column / column.sum()).clone() for column in columns)


def pairs():
    """Two distributions on the same support of two to five points."""
    weights = st.tuples(st.integers(1, 20), st.integers(1, 20))
    return st.lists(weights, min_size=2, max_size=5).map(normalised)


def sparse_pairs():
    """Two distributions with zeros: points of only one, of both, and of neither."""
    weight = st.sampled_from((0, 0, 1, 2, 5))
    columns = st.lists(st.tuples(weight, weight), min_size=2, max_size=6)
    return columns.filter(lambda w: all(map(any, zip(*w)))).map(normalised)


def x_log_y(x, y):
    """x log y of two numbers, with 0 log 0 = 0 and log 0 = \u2212\u221e."""
    if x == 0:
        return 0.0
    return x * math.log(y) if y > 0 else -math.inf


def value(d, p, q):
    """V(D, G) on a finite support with Python's numbers."""
    return sum(x_log_y(a, y) + x_log_y(b, 1 - y) for y, a, b in zip(d.tolist(), p.tolist(), q.tolist()))


@pytest.mark.exercise("optimal_discriminator", points=1)
class TestOptimalDiscriminator:
    @few
    @given(pair=pairs())
    def test_value(self, target, pair):
        """D* = p_data / (p_data + p_model) at every point."""
        p, q = pair
        expected = vector(*(a / (a + b) for a, b in zip(p.tolist(), q.tolist())))
        with unchanged(p, q):
            assert_close(target.optimal_discriminator(p, q), expected, atol=1e-14)

    @few
    @given(pair=pairs(), change=tensors(5, -0.5, 0.5))
    def test_nothing_is_better(self, target, pair, change):
        """No other discriminator has a higher value V."""
        p, q = pair
        best = target.optimal_discriminator(p, q)
        assert_shape(best, p.shape, torch.float64)
        other = (best + change[: len(p)]).clamp(0, 1)
        assert_true(value(best, p, q) >= value(other, p, q) - 1e-12, f"D = {other.tolist()} has a higher value.")

    @few
    @given(pair=pairs())
    def test_log_odds(self, target, pair):
        """Its logit log(D / (1 \u2212 D)) is the logarithm of the density ratio p_data / p_model."""
        p, q = pair
        best = target.optimal_discriminator(p, q)
        assert_close(torch.logit(best), p.log() - q.log(), atol=1e-9)

    @few
    @given(pair=sparse_pairs())
    @example(pair=normalised([(2, 0), (1, 3), (0, 1), (0, 0)]))
    def test_zeros(self, target, pair):
        """D* is 1 where only the data are, 0 where only the model is, and \xbd where neither is."""
        p, q = pair
        expected = vector(*(0.5 if a + b == 0 else a / (a + b) for a, b in zip(p.tolist(), q.tolist())))
        assert_close(target.optimal_discriminator(p, q), expected, atol=1e-14)


@test_case(name="optimal_discriminator - test_value", hidden=False)
def law_1(env):
    check_law(TestOptimalDiscriminator, "test_value", env)


@test_case(name="optimal_discriminator - test_nothing_is_better", hidden=False)
def law_2(env):
    check_law(TestOptimalDiscriminator, "test_nothing_is_better", env)


@test_case(name="optimal_discriminator - test_log_odds", hidden=False)
def law_3(env):
    check_law(TestOptimalDiscriminator, "test_log_odds", env)


@test_case(name="optimal_discriminator - test_zeros", hidden=False)
def law_4(env):
    check_law(TestOptimalDiscriminator, "test_zeros", env)
