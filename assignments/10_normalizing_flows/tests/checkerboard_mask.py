"""The laws of checkerboard_mask, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal

OK_FORMAT = False
name = "checkerboard_mask"
points = [1, 0]
all_or_nothing = True


some = settings(max_examples=6)


@pytest.mark.exercise("checkerboard_mask", points=1)
class TestCheckerboardMask:
    @some
    @given(height=st.integers(2, 5), width=st.integers(1, 5), parity=st.integers(0, 1))
    def test_entries(self, target, height, width, parity):
        """The mask is 1 exactly where row + column has the given parity, and of type float32."""
        for columns in (width, width + 1):
            expected = [[float((i + j) % 2 == parity) for j in range(columns)] for i in range(height)]
            mask = target.checkerboard_mask(height, columns, parity)
            assert_equal(mask, torch.tensor(expected, dtype=torch.float32), f"the mask of {height} \xd7 {columns}")

    @some
    @given(height=st.integers(1, 5), width=st.integers(1, 5))
    def test_complementary(self, target, height, width):
        """The masks of both parities add up to ones."""
        total = target.checkerboard_mask(height, width, 0) + target.checkerboard_mask(height, width, 1)
        assert_equal(total, torch.ones(height, width))


@test_case(name="checkerboard_mask - test_entries", hidden=False)
def law_1(env):
    check_law(TestCheckerboardMask, "test_entries", env)


@test_case(name="checkerboard_mask - test_complementary", hidden=False)
def law_2(env):
    check_law(TestCheckerboardMask, "test_complementary", env)
