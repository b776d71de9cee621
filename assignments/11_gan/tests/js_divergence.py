"""The laws of js_divergence, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, unchanged

OK_FORMAT = False
name = "js_divergence"
points = [1, 0, 0, 0]
all_or_nothing = True


LOG_2 = math.log(2)
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


def disjoint_pairs():
    """Two distributions of which each is zero wherever the other is not, with a gap between them."""
    weights = st.lists(st.integers(1, 20), min_size=1, max_size=4)
    pieces = st.tuples(weights, st.integers(0, 3), weights)
    return pieces.map(lambda w: normalised([(x, 0) for x in w[0]] + [(0, 0)] * w[1] + [(0, x) for x in w[2]]))


def x_log_y(x, y):
    """x log y of two numbers, with 0 log 0 = 0 and log 0 = \u2212\u221e."""
    if x == 0:
        return 0.0
    return x * math.log(y) if y > 0 else -math.inf


def kl(p, q):
    """KL(p\u2016q) with Python's numbers."""
    return sum(x_log_y(a, a) - x_log_y(a, b) for a, b in zip(p.tolist(), q.tolist()))


def js(p, q):
    """JS(p, q) with Python's numbers."""
    return 0.5 * kl(p, (p + q) / 2) + 0.5 * kl(q, (p + q) / 2)


@pytest.mark.exercise("js_divergence", points=1)
class TestJSDivergence:
    @few
    @given(pair=sparse_pairs())
    def test_value(self, target, pair):
        """JS(p, q) = \xbd KL(p\u2016m) + \xbd KL(q\u2016m) with m = \xbd (p + q), zeros included."""
        p, q = pair
        with unchanged(p, q):
            assert_close(target.js_divergence(p, q), vector(js(p, q))[0], atol=1e-12)

    @few
    @given(pair=pairs())
    def test_symmetric(self, target, pair):
        """JS(p, q) = JS(q, p), it is 0 for p = q, and it never exceeds log 2."""
        p, q = pair
        assert_close(target.js_divergence(q, p), vector(js(p, q))[0], atol=1e-12)
        assert_close(target.js_divergence(p, p), vector(0)[0], atol=1e-14)
        assert_true(target.js_divergence(p, q) <= LOG_2 + 1e-12, "It exceeds log 2.")

    @few
    @given(pair=disjoint_pairs())
    def test_disjoint_supports(self, target, pair):
        """On disjoint supports JS is log 2, however wide the gap."""
        assert_close(target.js_divergence(*pair), vector(LOG_2)[0], atol=1e-12)

    @few
    @given(p=distributions(4), q=distributions(4))
    def test_batch_and_dtype(self, target, p, q):
        """The last axis is summed and every other kept, in single precision too; an empty batch stays empty."""
        rows, others = torch.stack([p, q, p]).reshape(3, 1, 4), torch.stack([q, p, p]).reshape(3, 1, 4)
        expected = vector(js(p, q), js(q, p), 0.0).reshape(3, 1)
        assert_close(target.js_divergence(rows, others), expected, atol=1e-12)
        assert_close(target.js_divergence(rows.float(), others.float()), expected.float(), atol=1e-5)
        assert_shape(target.js_divergence(rows[:0], others[:0]), (0, 1), torch.float64)


@test_case(name="js_divergence - test_value", hidden=False)
def law_1(env):
    check_law(TestJSDivergence, "test_value", env)


@test_case(name="js_divergence - test_symmetric", hidden=False)
def law_2(env):
    check_law(TestJSDivergence, "test_symmetric", env)


@test_case(name="js_divergence - test_disjoint_supports", hidden=False)
def law_3(env):
    check_law(TestJSDivergence, "test_disjoint_supports", env)


@test_case(name="js_divergence - test_batch_and_dtype", hidden=False)
def law_4(env):
    check_law(TestJSDivergence, "test_batch_and_dtype", env)
