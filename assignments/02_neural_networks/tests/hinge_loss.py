"""The laws of hinge_loss, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, gradient, reals, seeds, tensors, unchanged

OK_FORMAT = False
name = "hinge_loss"
points = [1, 0, 0, 0]
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
def neurons(draw, batches=((), (1,), (12,), (3, 5))):
    """Inputs in batches, weights and a bias of a single neuron, all whole numbers."""
    n = draw(st.integers(1, 4))
    x, w, b = whole(draw(seeds()), (*draw(st.sampled_from(batches)), n), (n,), ())
    return x, w, b


@pytest.mark.exercise("hinge_loss", points=1)
class TestHingeLoss:
    @SOME
    @given(z=tensors((3, 2)), seed=seeds(), margin=reals(0.0, 2.0))
    def test_value(self, target, z, seed, margin):
        """A positive example is charged max(0, margin \u2212 z), a negative one max(0, margin + z)."""
        y = whole(seed, (3, 2), low=0, high=1)[0]
        expected = torch.where(y == 1, F.relu(margin - z), F.relu(margin + z))
        with unchanged(z, y):
            assert_close(target.hinge_loss(z, y, margin), expected, atol=1e-12)

    @FEW
    @given(z=tensors(4))
    def test_default_margin(self, target, z):
        """The margin is 1 unless another is given."""
        assert_close(target.hinge_loss(z, torch.ones_like(z)), F.relu(1 - z), atol=1e-12)
        assert_close(target.hinge_loss(z, torch.zeros_like(z)), F.relu(1 + z), atol=1e-12)

    @FEW
    @given(case=neurons([(5,)]), seed=seeds())
    def test_perceptron(self, target, case, seed):
        """With margin 0 the gradient in w of one example's loss is \u2212(y \u2212 \u0177)x: the perceptron's update."""
        x, w, b = case
        b = b + 0.5  # whole scores and half a bias: no example is on the boundary
        y, cotangent = whole(seed, (5,), low=0, high=1)[0], normal(seed, (5,))[0]
        answers = (x @ w + b > 0).double()
        expected = -((y - answers) * cotangent) @ x
        slope = gradient(lambda vector: target.hinge_loss(x @ vector + b, y, 0.0), w, cotangent)
        assert_close(slope, expected, atol=1e-12, what="the gradient")

    def test_shape_and_dtype(self, target):
        """Shape and dtype are those of the scores, also for none at all."""
        for dtype in FLOATS:
            for shape in ((), (0,), (2, 3)):
                assert_shape(
                    target.hinge_loss(torch.ones(shape, dtype=dtype), torch.ones(shape, dtype=dtype)), shape, dtype
                )


@test_case(name="hinge_loss - test_value", hidden=False)
def law_1(env):
    check_law(TestHingeLoss, "test_value", env)


@test_case(name="hinge_loss - test_default_margin", hidden=False)
def law_2(env):
    check_law(TestHingeLoss, "test_default_margin", env)


@test_case(name="hinge_loss - test_perceptron", hidden=False)
def law_3(env):
    check_law(TestHingeLoss, "test_perceptron", env)


@test_case(name="hinge_loss - test_shape_and_dtype", hidden=False)
def law_4(env):
    check_law(TestHingeLoss, "test_shape_and_dtype", env)
