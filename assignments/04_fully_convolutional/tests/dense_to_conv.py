"""The laws of dense_to_conv, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, raises, seeds, unchanged

OK_FORMAT = False
name = "dense_to_conv"
points = [1, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(seed, *shape, dtype=torch.float64):
    """Independent normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.exercise("dense_to_conv", points=1)
class TestDenseToConv:
    @FEW
    @given(shape=st.tuples(*[st.integers(1, 4)] * 4), seed=seeds())
    def test_same_answer(self, target, shape, seed):
        """On a map of the right size the convolution gives what the dense layer gives for the flattened map."""
        classes, channels, height, width = shape
        weight, x = normal(seed, classes, channels * height * width), normal(seed + 1, 3, channels, height, width)
        with unchanged(weight):
            kernel = target.dense_to_conv(weight, channels, height, width)
        assert_shape(kernel, shape, torch.float64, what="the kernel")
        assert_close(F.conv2d(x, kernel).flatten(1), F.linear(x.flatten(1), weight), what="the convolution's output")

    def test_order(self, target):
        """Features are numbered channel by channel, then row by row."""
        kernel = target.dense_to_conv(torch.arange(24.0)[None], 2, 3, 4)
        assert_shape(kernel, (1, 2, 3, 4), torch.float32)
        for c, u, v in itertools.product(range(2), range(3), range(4)):
            assert_close(kernel[0, c, u, v], torch.tensor((c * 3.0 + u) * 4 + v), what=f"entry [0, {c}, {u}, {v}]")

    def test_errors(self, target):
        """A number of features that does not fit the map is a ValueError, even if it could be folded."""
        for rows, features in ((2, 23), (2, 48), (2, 12), (5, 25)):
            with raises(ValueError, f"for {features} features and a map of 2 \xd7 3 \xd7 4"):
                target.dense_to_conv(torch.zeros(rows, features), 2, 3, 4)


@test_case(name="dense_to_conv - test_same_answer", hidden=False)
def law_1(env):
    check_law(TestDenseToConv, "test_same_answer", env)


@test_case(name="dense_to_conv - test_order", hidden=False)
def law_2(env):
    check_law(TestDenseToConv, "test_order", env)


@test_case(name="dense_to_conv - test_errors", hidden=False)
def law_3(env):
    check_law(TestDenseToConv, "test_errors", env)
