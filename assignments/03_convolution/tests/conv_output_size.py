"""The laws of conv_output_size, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from autograder.laws import assert_equal, raises

OK_FORMAT = False
name = "conv_output_size"
points = [1, 0, 0, 0]
all_or_nothing = True


@st.composite
def windows(draw):
    """Legal settings of a window in one direction: size, kernel, stride, padding, dilation."""
    kernel, stride, dilation = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, 4))
    smallest = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
    return smallest + draw(st.integers(0, 12)), kernel, stride, padding, dilation


@pytest.mark.exercise("conv_output_size", points=1)
class TestConvOutputSize:
    @given(window=windows())
    def test_torch(self, target, window):
        """It is the size that torch's layer gives, for every legal setting."""
        size, kernel, stride, padding, dilation = window
        y = F.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding, dilation)
        assert_equal(target.conv_output_size(size, kernel, stride, padding, dilation), y.shape[-1])

    @given(window=windows())
    def test_counting(self, target, window):
        """It is the number of places at which the window starts and still ends inside the padded input."""
        size, kernel, stride, padding, dilation = window
        padded = size + 2 * padding
        places = [start for start in range(0, padded, stride) if start + dilation * (kernel - 1) < padded]
        assert_equal(target.conv_output_size(size, kernel, stride, padding, dilation), len(places))

    def test_defaults(self, target):
        """Without further settings the stride is 1, the padding 0 and the dilation 1."""
        assert_equal(target.conv_output_size(7, 3), 5)
        assert_equal(target.conv_output_size(7, 7), 1)
        assert_equal(target.conv_output_size(7, 3, padding=1), 7)
        assert_equal(target.conv_output_size(7, 3, stride=2), 3)
        assert_equal(target.conv_output_size(7, 3, dilation=2), 3)

    def test_errors(self, target):
        """Settings that make no sense, and windows that do not fit, are a ValueError."""
        for wrong in ((0, 1), (3, 0), (3, 1, 0), (3, 1, 1, -1), (3, 1, 1, 0, 0), (3, -1), (-2, 1, 1, 4)):
            with raises(ValueError, f"for (size, kernel, stride, padding, dilation) = {wrong}"):
                target.conv_output_size(*wrong)
        for outside in ((3, 4), (3, 4, 3), (1, 3, 2, 0), (2, 5, 1, 1), (4, 3, 1, 0, 2), (3, 4, 5)):
            with raises(ValueError, f"when no window fits: (size, kernel, \u2026) = {outside}"):
                target.conv_output_size(*outside)


@test_case(name="conv_output_size - test_torch", hidden=False)
def law_1(env):
    check_law(TestConvOutputSize, "test_torch", env)


@test_case(name="conv_output_size - test_counting", hidden=False)
def law_2(env):
    check_law(TestConvOutputSize, "test_counting", env)


@test_case(name="conv_output_size - test_defaults", hidden=False)
def law_3(env):
    check_law(TestConvOutputSize, "test_defaults", env)


@test_case(name="conv_output_size - test_errors", hidden=False)
def law_4(env):
    check_law(TestConvOutputSize, "test_errors", env)
