"""The laws of value_function, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, tensors, unchanged

OK_FORMAT = False
name = "value_function"
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


def value(d, p, q):
    """V(D, G) on a finite support with Python's numbers."""
    return sum(x_log_y(a, y) + x_log_y(b, 1 - y) for y, a, b in zip(d.tolist(), p.tolist(), q.tolist()))


@pytest.mark.exercise("value_function", points=1)
class TestValueFunction:
    @few
    @given(pair=pairs(), logits=tensors(5))
    def test_value(self, target, pair, logits):
        """V(D, G) = \u03a3 p_data log D + p_model log(1 \u2212 D)."""
        p, q = pair
        d = torch.sigmoid(logits[: len(p)])
        with unchanged(d, p, q):
            assert_close(target.value_function(d, p, q), vector(value(d, p, q))[0], atol=1e-12)

    @few
    @given(pair=pairs(), logits=tensors(5))
    def test_minus_cross_entropy(self, target, pair, logits):
        """V is minus the cross-entropy of label 1 on the data plus that of label 0 on the model's samples."""
        p, q = pair
        d = torch.sigmoid(logits[: len(p)])
        ones = F.binary_cross_entropy(d, torch.ones_like(d), weight=p, reduction="sum")
        zeros = F.binary_cross_entropy(d, torch.zeros_like(d), weight=q, reduction="sum")
        assert_close(target.value_function(d, p, q), -(ones + zeros), atol=1e-12)

    @few
    @given(pair=pairs())
    def test_guessing(self, target, pair):
        """A discriminator that says \xbd everywhere has value \u2212log 4, whatever the distributions."""
        p, q = pair
        assert_close(target.value_function(torch.full_like(p, 0.5), p, q), vector(-math.log(4))[0], atol=1e-12)

    @few
    @given(pair=disjoint_pairs())
    def test_certainty(self, target, pair):
        """Certain and right has value 0, certain and wrong \u2212\u221e; a point that never occurs counts for nothing."""
        p, q = pair
        right = (p > 0).double()
        assert_close(target.value_function(right, p, q), vector(0)[0], atol=1e-14)
        assert_close(target.value_function(1 - (q > 0).double(), p, q), vector(0)[0], atol=1e-14)
        assert_equal(target.value_function(1 - right, p, q), vector(-math.inf)[0])


@test_case(name="value_function - test_value", hidden=False)
def law_1(env):
    check_law(TestValueFunction, "test_value", env)


@test_case(name="value_function - test_minus_cross_entropy", hidden=False)
def law_2(env):
    check_law(TestValueFunction, "test_minus_cross_entropy", env)


@test_case(name="value_function - test_guessing", hidden=False)
def law_3(env):
    check_law(TestValueFunction, "test_guessing", env)


@test_case(name="value_function - test_certainty", hidden=False)
def law_4(env):
    check_law(TestValueFunction, "test_certainty", env)
