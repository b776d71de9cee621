"""The laws of mixture_log_likelihood, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import example, given, settings

from autograder.laws import assert_close, reals, tensors, unchanged

OK_FORMAT = False
name = "mixture_log_likelihood"
points = [1, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


@pytest.mark.exercise("mixture_log_likelihood", points=1)
class TestMixtureLogLikelihood:
    @few
    @given(p=tensors(3, 0.01, 5), q=tensors(3, 0.01, 5), weight=reals(0.01, 0.99))
    def test_value(self, target, p, q, weight):
        """It is log(weight \xb7 p + (1 \u2212 weight) \xb7 q) at every point."""
        expected = vector(*(math.log(weight * a + (1 - weight) * b) for a, b in zip(p.tolist(), q.tolist())))
        assert_close(target.mixture_log_likelihood(p.log(), q.log(), weight), expected, atol=1e-12)

    @few
    @given(log_p=tensors(low=-50, high=50), weight=reals(0.01, 0.99), shift=reals(-30, 30))
    def test_bound(self, target, log_p, weight, shift):
        """The bound is log p + log weight, which is log p \u2212 log 100 by default, and no mixture is below it."""
        assert_close(target.mixture_log_likelihood_bound(log_p), log_p - math.log(100), atol=1e-12)
        bound = target.mixture_log_likelihood_bound(log_p, weight)
        assert_close(bound, log_p + math.log(weight), atol=1e-12)
        log_q = log_p + shift
        excess = target.mixture_log_likelihood(log_p, log_q, weight) - bound
        odds = (1 - weight) / weight
        assert_close(excess, torch.full_like(log_p, math.log1p(odds * math.exp(shift))), atol=1e-12)

    @few
    @given(log_p=tensors(low=-50, high=50))
    def test_tight(self, target, log_p):
        """Where the noise has no mass, log q = \u2212\u221e, the mixture is worth log p \u2212 log 100 exactly."""
        nothing = torch.full_like(log_p, -math.inf)
        assert_close(target.mixture_log_likelihood(log_p, nothing), log_p - math.log(100), atol=1e-12)

    @few
    @given(log_p=tensors(3, -1e5, -1e3), gap=tensors(3, -30, 30))
    @example(log_p=vector(-1e5, -1e3, -2e3), gap=vector(99_990.0, -5e3, 3.0))
    def test_extremes(self, target, log_p, gap):
        """Densities as small as e^(\u2212100000) keep a finite logarithm."""
        log_q = log_p + gap
        with unchanged(log_p, log_q):
            mixture = target.mixture_log_likelihood(log_p, log_q)
        pieces = [(math.log(0.01), math.log(0.99) + g) for g in gap.tolist()]
        expected = vector(*(max(a, b) + math.log1p(math.exp(-abs(a - b))) for a, b in pieces))
        assert_close(mixture, log_p + expected, rtol=1e-12)


@test_case(name="mixture_log_likelihood - test_value", hidden=False)
def law_1(env):
    check_law(TestMixtureLogLikelihood, "test_value", env)


@test_case(name="mixture_log_likelihood - test_bound", hidden=False)
def law_2(env):
    check_law(TestMixtureLogLikelihood, "test_bound", env)


@test_case(name="mixture_log_likelihood - test_tight", hidden=False)
def law_3(env):
    check_law(TestMixtureLogLikelihood, "test_tight", env)


@test_case(name="mixture_log_likelihood - test_extremes", hidden=False)
def law_4(env):
    check_law(TestMixtureLogLikelihood, "test_extremes", env)
