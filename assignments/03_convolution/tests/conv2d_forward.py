"""The laws of conv2d_forward, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, raises, seeds

OK_FORMAT = False
name = "conv2d_forward"
points = [3, 0, 0, 0, 0, 0, 0]
all_or_nothing = True


FLOATS = (np.float32, np.float64)
FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(seed, *shape):
    """Independent normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


@st.composite
def layers(draw):
    """A layer and its input: x, w, b, and the whole-number settings stride, padding, dilation."""
    stride, padding, dilation = draw(st.integers(1, 3)), draw(st.integers(0, 2)), draw(st.integers(1, 3))
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    sides = [max(1, dilation * (k - 1) + 1 - 2 * padding) + draw(st.integers(0, 4)) for k in kernel]
    batch, channels, filters = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    seed = draw(seeds())
    x, w = normal(seed, batch, channels, *sides), normal(seed + 1, filters, channels, *kernel)
    return x, w, normal(seed + 2, filters), (stride, padding, dilation)


def layer_by_torch(x, w, b, *settings):
    """The layer's output by torch's conv2d."""
    return F.conv2d(*map(torch.from_numpy, (x, w, b)), *settings).numpy()


@pytest.mark.exercise("conv2d_forward", points=3)
class TestConv2dForward:
    @given(layer=layers())
    def test_torch(self, target, layer):
        """It equals torch's conv2d for every stride, padding and dilation."""
        x, w, b, settings = layer
        assert_close(target.conv2d_forward(x, w, b, *settings), layer_by_torch(x, w, b, *settings))

    def test_example(self, target):
        """A small example worked out with pencil and paper: every second column, one column of zeros on either side."""
        x = np.array([[[[1.0, 2.0, 3.0, 4.0]]]])
        w, b = np.array([[[[1.0, 10.0]]]]), np.array([0.5])
        y = target.conv2d_forward(x, w, b, stride=2)
        assert_close(y, np.array([[[[21.5, 43.5]]]]), what="the result with stride 2")
        y = target.conv2d_forward(x, w, b, dilation=2)
        assert_close(y, np.array([[[[31.5, 42.5]]]]), what="the result with dilation 2")
        y = target.conv2d_forward(x, w, b, padding=1)
        outside, inside = [0.5] * 5, [10.5, 21.5, 32.5, 43.5, 4.5]
        assert_close(y, np.array([[[outside, inside, outside]]]), what="the result with padding 1")

    @FEW
    @given(seed=seeds(), channels=st.integers(1, 4), filters=st.integers(1, 4))
    def test_one_by_one(self, target, seed, channels, filters):
        """A 1 \xd7 1 kernel is one matrix, W, applied to the channels of every pixel."""
        x, w = normal(seed, 2, channels, 3, 4), normal(seed + 1, filters, channels)
        y = target.conv2d_forward(x, w[:, :, None, None], np.zeros(filters))
        for i, j in itertools.product(range(3), range(4)):
            assert_close(y[:, :, i, j], x[:, :, i, j] @ w.T, what=f"pixel ({i}, {j}) of the result")

    @FEW
    @given(layer=layers())
    def test_stride_skips(self, target, layer):
        """A stride of s keeps every s-th row and column of what a stride of 1 gives."""
        x, w, b, (stride, padding, dilation) = layer
        dense = layer_by_torch(x, w, b, 1, padding, dilation)
        assert_close(target.conv2d_forward(x, w, b, stride, padding, dilation), dense[:, :, ::stride, ::stride])

    @FEW
    @given(layer=layers())
    def test_dilation_spreads(self, target, layer):
        """A dilation of d is a kernel with d \u2212 1 zeros between neighbouring entries."""
        x, w, b, (stride, padding, dilation) = layer
        filters, channels, height, width = w.shape
        spread = np.zeros((filters, channels, dilation * (height - 1) + 1, dilation * (width - 1) + 1))
        spread[:, :, ::dilation, ::dilation] = w
        expected = layer_by_torch(x, spread, b, stride, padding)
        assert_close(target.conv2d_forward(x, w, b, stride, padding, dilation), expected)

    def test_shapes_and_dtypes(self, target):
        """Single precision stays single, and an empty batch gives an empty result of the right shape."""
        for dtype in FLOATS:
            w, b = np.ones((4, 2, 3, 2), dtype), np.ones(4, dtype)
            for batch in (0, 1, 2):
                y = target.conv2d_forward(np.ones((batch, 2, 6, 5), dtype), w, b, 2, 1, 1)
                assert_shape(y, (batch, 4, 3, 3), dtype)

    def test_errors(self, target):
        """Channels that differ, a bias of the wrong length, and a window that does not fit are a ValueError."""
        x, w, b = np.ones((2, 3, 4, 5)), np.ones((2, 3, 2, 2)), np.ones(2)
        with raises(ValueError, "when x has 3 channels and w has 2"):
            target.conv2d_forward(x, w[:, :2], b)
        with raises(ValueError, "when x has 1 channel and w has 3"):
            target.conv2d_forward(x[:, :1], w, b)
        with raises(ValueError, "when x has 3 channels and w has 1"):
            target.conv2d_forward(x, w[:, :1], b)
        with raises(ValueError, "when there are 2 filters and 1 bias"):
            target.conv2d_forward(x, w, b[:1])
        with raises(ValueError, "when the biases are a matrix"):
            target.conv2d_forward(x, w, b[:, None])
        with raises(ValueError, "when there are 1 filter and 2 biases"):
            target.conv2d_forward(x, w[:1], b)
        with raises(ValueError, "when the window is one pixel too high"):
            target.conv2d_forward(x, np.ones((2, 3, 5, 1)), b)
        with raises(ValueError, "when the window is one pixel too wide"):
            target.conv2d_forward(x, np.ones((2, 3, 1, 6)), b, 3)
        with raises(ValueError, "when the spread window is too high"):
            target.conv2d_forward(x, np.ones((2, 3, 3, 1)), b, 1, 1, 3)


@test_case(name="conv2d_forward - test_torch", hidden=False)
def law_1(env):
    check_law(TestConv2dForward, "test_torch", env)


@test_case(name="conv2d_forward - test_example", hidden=False)
def law_2(env):
    check_law(TestConv2dForward, "test_example", env)


@test_case(name="conv2d_forward - test_one_by_one", hidden=False)
def law_3(env):
    check_law(TestConv2dForward, "test_one_by_one", env)


@test_case(name="conv2d_forward - test_stride_skips", hidden=False)
def law_4(env):
    check_law(TestConv2dForward, "test_stride_skips", env)


@test_case(name="conv2d_forward - test_dilation_spreads", hidden=False)
def law_5(env):
    check_law(TestConv2dForward, "test_dilation_spreads", env)


@test_case(name="conv2d_forward - test_shapes_and_dtypes", hidden=False)
def law_6(env):
    check_law(TestConv2dForward, "test_shapes_and_dtypes", env)


@test_case(name="conv2d_forward - test_errors", hidden=False)
def law_7(env):
    check_law(TestConv2dForward, "test_errors", env)
