"""The laws of output_padding_for, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal, assert_true, raises

OK_FORMAT = False
name = "output_padding_for"
points = [1, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


@st.composite
def axes(draw):
    """Size, kernel, stride and padding of a convolution along one axis whose window fits."""
    kernel, stride, padding = draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.integers(0, 3))
    return max(1, kernel - 2 * padding) + draw(st.integers(0, 9)), kernel, stride, padding


@pytest.mark.exercise("output_padding_for", points=1)
class TestOutputPaddingFor:
    @given(axis=axes())
    def test_there_and_back(self, target, axis):
        """After the convolution, torch's transposed convolution with this output padding returns to the size."""
        size, kernel, stride, padding = axis
        w = torch.zeros(1, 1, kernel)
        down = F.conv1d(torch.zeros(1, 1, size), w, stride=stride, padding=padding).shape[2]
        output_padding = target.output_padding_for(*axis)
        assert_true(0 <= output_padding < stride, f"It is {output_padding}, outside [0, {stride}).")
        assert_equal((down - 1) * stride + kernel - 2 * padding + output_padding, size, what="the size after both")

    @FEW
    @given(kernel=st.integers(1, 5), stride=st.integers(1, 5), windows=st.integers(1, 4))
    def test_leftover(self, target, kernel, stride, windows):
        """Without padding it is the number of entries after the last window."""
        last = (windows - 1) * stride + kernel
        for left_over in range(stride):
            assert_equal(target.output_padding_for(last + left_over, kernel, stride, 0), left_over)

    def test_errors(self, target):
        """A kernel that does not fit is a ValueError; one that just fits leaves nothing over."""
        assert_equal(target.output_padding_for(3, 5, 2, 1), 0)
        for size, kernel, padding in ((2, 5, 1), (2, 3, 0), (1, 6, 2)):
            with raises(ValueError, f"for a kernel of {kernel} on an input of {size} with padding {padding}"):
                target.output_padding_for(size, kernel, 2, padding)


@test_case(name="output_padding_for - test_there_and_back", hidden=False)
def law_1(env):
    check_law(TestOutputPaddingFor, "test_there_and_back", env)


@test_case(name="output_padding_for - test_leftover", hidden=False)
def law_2(env):
    check_law(TestOutputPaddingFor, "test_leftover", env)


@test_case(name="output_padding_for - test_errors", hidden=False)
def law_3(env):
    check_law(TestOutputPaddingFor, "test_errors", env)
