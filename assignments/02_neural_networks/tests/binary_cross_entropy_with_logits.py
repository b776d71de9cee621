"""The laws of binary_cross_entropy_with_logits, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gradient, seeds, tensors, unchanged

OK_FORMAT = False
name = "binary_cross_entropy_with_logits"
points = [2, 0, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


def whole(seed, *sizes, low=-4, high=4):
    """One tensor of whole numbers, as floats, for each size: they print well, and sums of products are exact."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(low, high + 1, size, generator=generator).double() for size in sizes]


@st.composite
def logits_and_targets(draw):
    """Logits of moderate size and targets in [0, 1], many of them 0 or 1."""
    z, y = draw(tensors((3, 2), -8, 8)), draw(tensors((3, 2), 0, 1))
    return z, torch.where(z > 2, y.round(), y)


@pytest.mark.exercise("binary_cross_entropy_with_logits", points=2)
class TestBinaryCrossEntropyWithLogits:
    @SOME
    @given(z=tensors((3, 2), -8, 8), seed=seeds())
    def test_bernoulli(self, target, z, seed):
        """For labels 0 and 1 it is the negative log probability of the label under a Bernoulli distribution."""
        y = whole(seed, (3, 2), low=0, high=1)[0]
        expected = -torch.distributions.Bernoulli(logits=z).log_prob(y)
        with unchanged(z, y):
            assert_close(target.binary_cross_entropy_with_logits(z, y), expected, atol=1e-8)

    @SOME
    @given(case=logits_and_targets())
    def test_soft_targets(self, target, case):
        """For targets between 0 and 1 it is \u2212y log \u03c3(z) \u2212 (1 \u2212 y) log(1 \u2212 \u03c3(z)): both terms are charged."""
        z, y = case
        p = 1 / (1 + torch.exp(-z))
        expected = -y * torch.log(p) - (1 - y) * torch.log(1 - p)
        assert_close(target.binary_cross_entropy_with_logits(z, y), expected, atol=1e-8)

    def test_extreme_logits(self, target):
        """At logits of \xb110 000 the loss is 0 for the right label and 10 000 for the wrong one."""
        z = torch.tensor([1e4, 1e4, -1e4, -1e4], dtype=torch.float64)
        y = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64)
        expected = torch.tensor([0.0, 1e4, 0.0, 1e4], dtype=torch.float64)
        assert_close(target.binary_cross_entropy_with_logits(z, y), expected, atol=1e-8)
        assert_close(target.binary_cross_entropy_with_logits(z.float(), y.float()), expected.float(), atol=1e-5)

    def test_undecided(self, target):
        """A logit of 0 costs log 2 whatever the target."""
        y = torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64)
        loss = target.binary_cross_entropy_with_logits(torch.zeros_like(y), y)
        assert_close(loss, torch.full_like(y, math.log(2)), atol=1e-9)

    @FEW
    @given(case=logits_and_targets(), seed=seeds())
    def test_gradient(self, target, case, seed):
        """Its derivative by autograd is \u03c3(z) \u2212 y, also at z = 0 and at z = \xb110 000."""
        z, y = case
        z = torch.cat([z.flatten(), torch.tensor([0.0, 0.0, 1e4, -1e4], dtype=torch.float64)])
        y = torch.cat([y.flatten(), torch.tensor([0.0, 1.0, 0.0, 0.5], dtype=torch.float64)])
        cotangent = normal(seed, z.shape)[0]
        slope = gradient(lambda v: target.binary_cross_entropy_with_logits(v, y), z, cotangent)
        assert_close(slope, cotangent * (torch.sigmoid(z) - y), atol=1e-7, what="the gradient")


@test_case(name="binary_cross_entropy_with_logits - test_bernoulli", hidden=False)
def law_1(env):
    check_law(TestBinaryCrossEntropyWithLogits, "test_bernoulli", env)


@test_case(name="binary_cross_entropy_with_logits - test_soft_targets", hidden=False)
def law_2(env):
    check_law(TestBinaryCrossEntropyWithLogits, "test_soft_targets", env)


@test_case(name="binary_cross_entropy_with_logits - test_extreme_logits", hidden=False)
def law_3(env):
    check_law(TestBinaryCrossEntropyWithLogits, "test_extreme_logits", env)


@test_case(name="binary_cross_entropy_with_logits - test_undecided", hidden=False)
def law_4(env):
    check_law(TestBinaryCrossEntropyWithLogits, "test_undecided", env)


@test_case(name="binary_cross_entropy_with_logits - test_gradient", hidden=False)
def law_5(env):
    check_law(TestBinaryCrossEntropyWithLogits, "test_gradient", env)
