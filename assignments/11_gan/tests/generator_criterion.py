"""The laws of generator_criterion, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_true, tensors, unchanged

OK_FORMAT = False
name = "generator_criterion"
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


def value(d, p, q):
    """V(D, G) on a finite support with Python's numbers."""
    return sum(x_log_y(a, y) + x_log_y(b, 1 - y) for y, a, b in zip(d.tolist(), p.tolist(), q.tolist()))


@pytest.mark.exercise("generator_criterion", points=1)
class TestGeneratorCriterion:
    @few
    @given(pair=pairs())
    def test_jensen_shannon(self, target, pair):
        """C(G) = 2 JS(p_data, p_model) \u2212 log 4."""
        p, q = pair
        with unchanged(p, q):
            assert_close(target.generator_criterion(p, q), vector(2 * js(p, q) - math.log(4))[0], atol=1e-12)

    @few
    @given(pair=pairs(), logits=tensors(5))
    def test_maximum_over_discriminators(self, target, pair, logits):
        """C(G) is the value of D* = p_data / (p_data + p_model), and no discriminator exceeds it."""
        p, q = pair
        criterion = target.generator_criterion(p, q)
        assert_close(criterion, vector(value(p / (p + q), p, q))[0], atol=1e-12)
        d = torch.sigmoid(logits[: len(p)])
        assert_true(value(d, p, q) <= criterion.item() + 1e-12, f"D = {d.tolist()} has a higher value.")

    @few
    @given(p=distributions(3))
    def test_minimum(self, target, p):
        """The minimum is \u2212log 4, at p_model = p_data."""
        assert_close(target.generator_criterion(p, p), vector(-math.log(4))[0], atol=1e-12)

    @few
    @given(pair=disjoint_pairs())
    def test_disjoint_supports(self, target, pair):
        """Where the supports are disjoint a perfect discriminator exists and C(G) = 0."""
        assert_close(target.generator_criterion(*pair), vector(0)[0], atol=1e-12)


@test_case(name="generator_criterion - test_jensen_shannon", hidden=False)
def law_1(env):
    check_law(TestGeneratorCriterion, "test_jensen_shannon", env)


@test_case(name="generator_criterion - test_maximum_over_discriminators", hidden=False)
def law_2(env):
    check_law(TestGeneratorCriterion, "test_maximum_over_discriminators", env)


@test_case(name="generator_criterion - test_minimum", hidden=False)
def law_3(env):
    check_law(TestGeneratorCriterion, "test_minimum", env)


@test_case(name="generator_criterion - test_disjoint_supports", hidden=False)
def law_4(env):
    check_law(TestGeneratorCriterion, "test_disjoint_supports", env)
