"""The laws of saturating_loss, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_finite, assert_true, gradient, tensors, unchanged

OK_FORMAT = False
name = "saturating_loss"
points = [1, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them
EXTREME_LOGITS = torch.tensor([-1e4, -800.0, -40.0, 0.0, 40.0, 800.0, 1e4], dtype=torch.float64)


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def softplus(a):
    """log(1 + e\u1d43) of a number, for any size of a; \u2212log \u03c3(a) is softplus(\u2212a)."""
    return max(a, 0.0) + math.log1p(math.exp(-abs(a)))


@pytest.mark.exercise("saturating_loss", points=1)
class TestSaturatingLoss:
    @few
    @given(a=tensors(st.integers(1, 6), -30, 30))
    def test_value(self, target, a):
        """It is the mean of log(1 \u2212 \u03c3(a))."""
        expected = sum(-softplus(x) for x in a.tolist()) / len(a)
        with unchanged(a):
            assert_close(target.saturating_loss(a), vector(expected)[0])

    @few
    @given(a=tensors(st.integers(1, 6), -30, 30))
    def test_gradient(self, target, a):
        """Its gradient is \u2212\u03c3(a) / m: it pushes every logit up, hardly at all those that are very negative."""
        assert_close(gradient(target.saturating_loss, a), -torch.sigmoid(a) / len(a), rtol=1e-8, atol=1e-12)

    def test_saturates(self, target):
        """Where the discriminator is sure of a fake, a \u2192 \u2212\u221e, the loss tends to 0 and so does its gradient."""
        a = vector(-40.0, -800.0)
        assert_close(target.saturating_loss(a), vector(0.0)[0], atol=1e-15)
        slope = gradient(target.saturating_loss, a)
        assert_close(slope, torch.zeros_like(a), atol=1e-15)
        assert_true(bool((slope[0] < 0).all()), "At a = \u221240 the gradient is tiny but still negative.")

    def test_extremes(self, target):
        """Logits up to \xb110000 give finite losses and gradients, in single precision too."""
        for a in EXTREME_LOGITS:
            expected = vector(-softplus(a.item()))[0]
            assert_close(target.saturating_loss(a[None]), expected)
            assert_close(target.saturating_loss(a[None].float()), expected.float(), atol=1e-5)
            assert_finite(gradient(target.saturating_loss, a[None]), what="the gradient")


@test_case(name="saturating_loss - test_value", hidden=False)
def law_1(env):
    check_law(TestSaturatingLoss, "test_value", env)


@test_case(name="saturating_loss - test_gradient", hidden=False)
def law_2(env):
    check_law(TestSaturatingLoss, "test_gradient", env)


@test_case(name="saturating_loss - test_saturates", hidden=False)
def law_3(env):
    check_law(TestSaturatingLoss, "test_saturates", env)


@test_case(name="saturating_loss - test_extremes", hidden=False)
def law_4(env):
    check_law(TestSaturatingLoss, "test_extremes", env)
