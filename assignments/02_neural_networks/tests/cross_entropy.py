"""The laws of cross_entropy, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, raises, reals, seeds, tensors, unchanged

OK_FORMAT = False
name = "cross_entropy"
points = [2, 0, 0, 0, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
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
def classified(draw, spread=3.0):
    """Logits (N, K) of at least two classes and labels (N)."""
    classes, size = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    seed = draw(seeds())
    labels = torch.randint(0, classes, (size,), generator=torch.Generator().manual_seed(seed))
    return normal(seed, (size, classes), scale=spread)[0], labels


@pytest.mark.exercise("cross_entropy", points=2)
class TestCrossEntropy:
    @SOME
    @given(case=classified())
    def test_categorical(self, target, case):
        """It is the negative log probability of the label under a categorical distribution, example by example."""
        z, labels = case
        expected = -torch.distributions.Categorical(logits=z).log_prob(labels)
        with unchanged(z, labels):
            assert_close(target.cross_entropy(z, labels), expected, atol=1e-10)

    @FEW
    @given(case=classified(), shift=reals(-100, 100))
    def test_shift(self, target, case, shift):
        """Adding the same number to all logits of an example changes nothing."""
        z, labels = case
        shifts = shift * torch.arange(1.0, len(z) + 1, dtype=torch.float64)[:, None]
        probabilities = torch.exp(z) / torch.exp(z).sum(1, keepdim=True)
        expected = -torch.log(probabilities[torch.arange(len(z)), labels])
        assert_close(target.cross_entropy(z + shifts, labels), expected, atol=1e-9)

    def test_extreme_logits(self, target):
        """At logits of \xb110 000 the loss is finite: 0 for the right label, 20 000 for the wrong one."""
        z = torch.tensor([[1e4, -1e4], [1e4, -1e4], [-1e4, -1e4]], dtype=torch.float64)
        labels = torch.tensor([0, 1, 1])
        expected = torch.tensor([0.0, 2e4, math.log(2)], dtype=torch.float64)
        assert_close(target.cross_entropy(z, labels), expected, atol=1e-9)

    def test_undecided(self, target):
        """Equal logits cost log K."""
        for classes in (1, 2, 10):
            z = torch.full((2, classes), 0.7, dtype=torch.float64)
            expected = torch.full((2,), math.log(classes), dtype=torch.float64)
            assert_close(target.cross_entropy(z, torch.tensor([0, classes - 1])), expected, atol=1e-12)

    @FEW
    @given(z=tensors((4, 2), -8, 8), seed=seeds())
    def test_two_classes(self, target, z, seed):
        """With two classes it is the binary cross-entropy with logit z\u2081 \u2212 z\u2080."""
        y = whole(seed, (4,), low=0, high=1)[0]
        p = 1 / (1 + torch.exp(z[:, 0] - z[:, 1]))
        expected = -y * torch.log(p) - (1 - y) * torch.log(1 - p)
        assert_close(target.cross_entropy(z, y.long()), expected, atol=1e-8)

    def test_shape_dtype_and_errors(self, target):
        """One loss per example, of the logits' dtype, none for an empty batch; a label out of range is a ValueError."""
        for dtype in FLOATS:
            for size in (0, 1, 3):
                loss = target.cross_entropy(torch.ones(size, 4, dtype=dtype), torch.full((size,), 2))
                assert_shape(loss, (size,), dtype)
        for wrong in (-1, 4):
            with raises(ValueError, f"for the label {wrong} with 4 classes"):
                target.cross_entropy(torch.ones(2, 4, dtype=torch.float64), torch.tensor([3, wrong]))


@test_case(name="cross_entropy - test_categorical", hidden=False)
def law_1(env):
    check_law(TestCrossEntropy, "test_categorical", env)


@test_case(name="cross_entropy - test_shift", hidden=False)
def law_2(env):
    check_law(TestCrossEntropy, "test_shift", env)


@test_case(name="cross_entropy - test_extreme_logits", hidden=False)
def law_3(env):
    check_law(TestCrossEntropy, "test_extreme_logits", env)


@test_case(name="cross_entropy - test_undecided", hidden=False)
def law_4(env):
    check_law(TestCrossEntropy, "test_undecided", env)


@test_case(name="cross_entropy - test_two_classes", hidden=False)
def law_5(env):
    check_law(TestCrossEntropy, "test_two_classes", env)


@test_case(name="cross_entropy - test_shape_dtype_and_errors", hidden=False)
def law_6(env):
    check_law(TestCrossEntropy, "test_shape_dtype_and_errors", env)
