"""The laws of non_saturating_loss, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_finite, gradient, tensors, unchanged

OK_FORMAT = False
name = "non_saturating_loss"
points = [1, 0, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them
EXTREME_LOGITS = torch.tensor([-1e4, -800.0, -40.0, 0.0, 40.0, 800.0, 1e4], dtype=torch.float64)


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def softplus(a):
    """log(1 + e\u1d43) of a number, for any size of a; \u2212log \u03c3(a) is softplus(\u2212a)."""
    return max(a, 0.0) + math.log1p(math.exp(-abs(a)))


@pytest.mark.exercise("non_saturating_loss", points=1)
class TestNonSaturatingLoss:
    @few
    @given(a=tensors(st.integers(1, 6), -30, 30))
    def test_value(self, target, a):
        """It is minus the mean of log \u03c3(a)."""
        expected = sum(softplus(-x) for x in a.tolist()) / len(a)
        with unchanged(a):
            assert_close(target.non_saturating_loss(a), vector(expected)[0])

    @few
    @given(a=tensors(st.integers(1, 6), -30, 30))
    def test_gradient(self, target, a):
        """Its gradient is \u2212(1 \u2212 \u03c3(a)) / m: it pushes every logit up, and hardest the most negative ones."""
        assert_close(gradient(target.non_saturating_loss, a), -torch.sigmoid(-a) / len(a), rtol=1e-8, atol=1e-12)

    def test_does_not_saturate(self, target):
        """Where the discriminator is sure of a fake, a \u2192 \u2212\u221e, the gradient tends to \u22121, not to 0."""
        for a in (-40.0, -800.0):
            assert_close(gradient(target.non_saturating_loss, vector(a)), vector(-1.0), atol=1e-12)

    def test_same_fixed_point(self, target):
        """Where D = \xbd it pushes exactly as hard as log(1 \u2212 D) does."""
        a = torch.zeros(3, dtype=torch.float64)
        other = gradient(lambda x: torch.log(1 - torch.sigmoid(x)).mean(), a)
        assert_close(gradient(target.non_saturating_loss, a), other, atol=1e-12)

    def test_extremes(self, target):
        """Logits up to \xb110000 give finite losses and gradients, in single precision too."""
        for a in EXTREME_LOGITS:
            expected = vector(softplus(-a.item()))[0]
            assert_close(target.non_saturating_loss(a[None]), expected)
            assert_close(target.non_saturating_loss(a[None].float()), expected.float(), atol=1e-5)
            assert_finite(gradient(target.non_saturating_loss, a[None]), what="the gradient")


@test_case(name="non_saturating_loss - test_value", hidden=False)
def law_1(env):
    check_law(TestNonSaturatingLoss, "test_value", env)


@test_case(name="non_saturating_loss - test_gradient", hidden=False)
def law_2(env):
    check_law(TestNonSaturatingLoss, "test_gradient", env)


@test_case(name="non_saturating_loss - test_does_not_saturate", hidden=False)
def law_3(env):
    check_law(TestNonSaturatingLoss, "test_does_not_saturate", env)


@test_case(name="non_saturating_loss - test_same_fixed_point", hidden=False)
def law_4(env):
    check_law(TestNonSaturatingLoss, "test_same_fixed_point", env)


@test_case(name="non_saturating_loss - test_extremes", hidden=False)
def law_5(env):
    check_law(TestNonSaturatingLoss, "test_extremes", env)
