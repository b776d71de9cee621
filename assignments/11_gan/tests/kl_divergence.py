"""The laws of kl_divergence, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, unchanged

OK_FORMAT = False
name = "kl_divergence"
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


def distributions(n):
    """A distribution on n points without zeros."""
    return st.lists(st.tuples(st.integers(1, 20)), min_size=n, max_size=n).map(lambda w: normalised(w)[0])


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


def kl(p, q):
    """KL(p\u2016q) with Python's numbers."""
    return sum(x_log_y(a, a) - x_log_y(a, b) for a, b in zip(p.tolist(), q.tolist()))


@pytest.mark.exercise("kl_divergence", points=1)
class TestKLDivergence:
    @few
    @given(pair=pairs())
    def test_value(self, target, pair):
        """KL(p\u2016q) = \u03a3 p_i log(p_i / q_i)."""
        p, q = pair
        with unchanged(p, q):
            assert_close(target.kl_divergence(p, q), vector(kl(p, q))[0], atol=1e-12)

    @few
    @given(pair=pairs())
    def test_zero_only_if_equal(self, target, pair):
        """KL(p\u2016p) = 0, and otherwise KL(p\u2016q) is at least half the square of \u03a3|p_i \u2212 q_i| (Pinsker)."""
        p, q = pair
        assert_close(target.kl_divergence(p, p), vector(0)[0], atol=1e-14)
        divergence = target.kl_divergence(p, q)
        assert_shape(divergence, (), torch.float64)
        assert_true(divergence >= (p - q).abs().sum() ** 2 / 2 - 1e-14, f"It is only {divergence.item()}.")

    @few
    @given(pair=sparse_pairs())
    @example(pair=normalised([(2, 0), (1, 3), (0, 1), (0, 0)]))
    @example(pair=normalised([(0, 2), (3, 1), (0, 0)]))
    def test_zeros(self, target, pair):
        """Points with p_i = 0 add nothing; a point with p_i > 0 and q_i = 0 makes the divergence infinite."""
        p, q = pair
        # No relative tolerance: a share of an infinite value would allow anything.
        assert_close(target.kl_divergence(p, q), vector(kl(p, q))[0], atol=1e-12, rtol=0)
        assert_close(target.kl_divergence(p, (p + q) / 2), vector(kl(p, (p + q) / 2))[0], atol=1e-12)

    @few
    @given(p=distributions(4), q=distributions(4))
    def test_batch_and_dtype(self, target, p, q):
        """The last axis is summed and every other kept, in single precision too; an empty batch stays empty."""
        rows, others = torch.stack([p, q, p]).reshape(3, 1, 4), torch.stack([q, p, p]).reshape(3, 1, 4)
        expected = vector(kl(p, q), kl(q, p), 0.0).reshape(3, 1)
        assert_close(target.kl_divergence(rows, others), expected, atol=1e-12)
        assert_close(target.kl_divergence(rows.float(), others.float()), expected.float(), atol=1e-5)
        assert_shape(target.kl_divergence(rows[:0], others[:0]), (0, 1), torch.float64)


@test_case(name="kl_divergence - test_value", hidden=False)
def law_1(env):
    check_law(TestKLDivergence, "test_value", env)


@test_case(name="kl_divergence - test_zero_only_if_equal", hidden=False)
def law_2(env):
    check_law(TestKLDivergence, "test_zero_only_if_equal", env)


@test_case(name="kl_divergence - test_zeros", hidden=False)
def law_3(env):
    check_law(TestKLDivergence, "test_zeros", env)


@test_case(name="kl_divergence - test_batch_and_dtype", hidden=False)
def law_4(env):
    check_law(TestKLDivergence, "test_batch_and_dtype", env)
