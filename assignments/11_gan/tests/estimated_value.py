"""The laws of estimated_value, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, unchanged

OK_FORMAT = False
name = "estimated_value"
points = [1, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def x_log_y(x, y):
    """x log y of two numbers, with 0 log 0 = 0 and log 0 = \u2212\u221e."""
    if x == 0:
        return 0.0
    return x * math.log(y) if y > 0 else -math.inf


def value(d, p, q):
    """V(D, G) on a finite support with Python's numbers."""
    return sum(x_log_y(a, y) + x_log_y(b, 1 - y) for y, a, b in zip(d.tolist(), p.tolist(), q.tolist()))


def linear(weights):
    """The function x \u21a6 \u03a3 weights \xb7 x of every sample of a batch: (m, \u2026) \u2192 (m,)."""

    def scores(x):
        return (x * weights).flatten(start_dim=1).sum(dim=1)

    return scores


def batches(least=1):
    """Two batches of points of the same dimension, of sizes that may differ, and a vector of that dimension."""
    sizes = st.tuples(st.integers(least, 5), st.integers(least, 5), st.integers(1, 3))
    return sizes.flatmap(lambda s: st.tuples(gaussians((s[0], s[2])), gaussians((s[1], s[2])), gaussians(s[2])))


@pytest.mark.exercise("estimated_value", points=1)
class TestEstimatedValue:
    @few
    @given(batch=batches())
    def test_minus_cross_entropy(self, target, batch):
        """The estimate is minus the sum of both mean cross-entropies, each batch with its own mean."""
        real, fake, w = batch
        ones = F.binary_cross_entropy_with_logits(real @ w, torch.ones(len(real)).double())
        zeros = F.binary_cross_entropy_with_logits(fake @ w, torch.zeros(len(fake)).double())
        with unchanged(real, fake):
            assert_close(target.estimated_value(linear(w), real, fake), -(ones + zeros), atol=1e-9)

    @few
    @given(counts=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=2, max_size=4))
    @example(counts=[(1, 3), (2, 1), (3, 3)])
    def test_exact_from_counts(self, target, counts):
        """Samples in exact proportion to the probabilities give the exact value \u03a3 p_data log D + p_model log(1 \u2212 D)."""
        points = torch.arange(len(counts), dtype=torch.float64).reshape(-1, 1)
        in_data, in_model = (torch.tensor(column) for column in zip(*counts))
        d = torch.sigmoid(0.7 * points[:, 0])
        exact = value(d, in_data.double() / in_data.sum(), in_model.double() / in_model.sum())
        real, fake = points.repeat_interleave(in_data, dim=0), points.repeat_interleave(in_model, dim=0)
        estimate = target.estimated_value(linear(vector(0.7)), real, fake)
        assert_close(estimate, vector(exact)[0], atol=1e-9)

    def test_extremes(self, target):
        """A logit of \xb110000 gives a finite value: \u221210000 if it is wrong, 0 if it is right."""
        low, high = vector(-1e4).reshape(1, 1), vector(1e4).reshape(1, 1)
        sign = linear(vector(1.0))
        assert_close(target.estimated_value(sign, high, low), vector(0.0)[0], atol=1e-12)
        assert_close(target.estimated_value(sign, low, low), vector(-1e4)[0])
        assert_close(target.estimated_value(sign, high, high), vector(-1e4)[0])


@test_case(name="estimated_value - test_minus_cross_entropy", hidden=False)
def law_1(env):
    check_law(TestEstimatedValue, "test_minus_cross_entropy", env)


@test_case(name="estimated_value - test_exact_from_counts", hidden=False)
def law_2(env):
    check_law(TestEstimatedValue, "test_exact_from_counts", env)


@test_case(name="estimated_value - test_extremes", hidden=False)
def law_3(env):
    check_law(TestEstimatedValue, "test_extremes", env)
