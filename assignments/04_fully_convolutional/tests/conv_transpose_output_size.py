"""The laws of conv_transpose_output_size, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from autograder.laws import assert_equal, raises

OK_FORMAT = False
name = "conv_transpose_output_size"
points = [1, 0, 0, 0]
all_or_nothing = True


@st.composite
def transposed_axes(draw):
    """Size, kernel, stride, padding and output padding along one axis; the output has at least one entry."""
    kernel, stride = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    padding, output_padding = draw(st.integers(0, kernel - 1)), draw(st.integers(0, stride - 1))
    size = draw(st.integers(1, 6))
    while (size - 1) * stride + kernel - 2 * padding + output_padding < 1:
        size += 1
    return size, kernel, stride, padding, output_padding


@pytest.mark.exercise("conv_transpose_output_size", points=1)
class TestConvTransposeOutputSize:
    @given(axis=transposed_axes())
    def test_torch(self, target, axis):
        """It is the size that torch's conv_transpose1d gives."""
        size, kernel, stride, padding, output_padding = axis
        x, w = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
        y = F.conv_transpose1d(x, w, stride=stride, padding=padding, output_padding=output_padding)
        assert_equal(target.conv_transpose_output_size(*axis), y.shape[2])

    @given(axis=transposed_axes())
    def test_back_down(self, target, axis):
        """A convolution with the same kernel, stride and padding leads from this size back to where it came from."""
        size, kernel, stride, padding, output_padding = axis
        up = target.conv_transpose_output_size(size, kernel, stride, padding, output_padding)
        assert_equal((up + 2 * padding - kernel) // stride + 1, size, what="the size after going down again")
        assert_equal(target.conv_transpose_output_size(size + 1, kernel, stride, padding, output_padding), up + stride)

    def test_usual_settings(self, target):
        """The usual settings: 2/2/0 and 4/2/1 double the size, 3/2/1 does so only with an output padding of 1."""
        assert_equal(target.conv_transpose_output_size(7, 2, 2, 0), 14)
        assert_equal(target.conv_transpose_output_size(7, 4, 2, 1), 14)
        assert_equal(target.conv_transpose_output_size(7, 3, 2, 1), 13)
        assert_equal(target.conv_transpose_output_size(7, 3, 2, 1, output_padding=1), 14)
        assert_equal(target.conv_transpose_output_size(7, 3, 1, 1), 7)
        assert_equal(target.conv_transpose_output_size(1, 3, 2, 1), 1)
        assert_equal(target.conv_transpose_output_size(1, 2, 2, 1, output_padding=1), 1)

    def test_errors(self, target):
        """An output padding outside [0, stride) and an output without an entry are a ValueError."""
        for stride, output_padding in ((2, 2), (2, -1), (1, 1), (3, 5)):
            with raises(ValueError, f"for output padding {output_padding} with stride {stride}"):
                target.conv_transpose_output_size(5, 3, stride, 1, output_padding)
        for arguments in ((1, 2, 2, 1), (1, 4, 3, 2), (2, 3, 1, 2), (1, 3, 2, 2)):
            with raises(ValueError, f"because nothing is left for {arguments}"):
                target.conv_transpose_output_size(*arguments)


@test_case(name="conv_transpose_output_size - test_torch", hidden=False)
def law_1(env):
    check_law(TestConvTransposeOutputSize, "test_torch", env)


@test_case(name="conv_transpose_output_size - test_back_down", hidden=False)
def law_2(env):
    check_law(TestConvTransposeOutputSize, "test_back_down", env)


@test_case(name="conv_transpose_output_size - test_usual_settings", hidden=False)
def law_3(env):
    check_law(TestConvTransposeOutputSize, "test_usual_settings", env)


@test_case(name="conv_transpose_output_size - test_errors", hidden=False)
def law_4(env):
    check_law(TestConvTransposeOutputSize, "test_errors", env)
