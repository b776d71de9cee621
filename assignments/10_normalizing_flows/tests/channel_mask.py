"""The laws of channel_mask, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal

OK_FORMAT = False
name = "channel_mask"
points = [1, 0]
all_or_nothing = True


some = settings(max_examples=6)


@pytest.mark.exercise("channel_mask", points=1)
class TestChannelMask:
    @some
    @given(half=st.integers(1, 4), parity=st.integers(0, 1))
    def test_entries(self, target, half, parity):
        """Parity 1 is 1 on the first half of the channels, parity 0 on the second; the shape is (C, 1, 1)."""
        expected = [[[float(parity)]]] * half + [[[1.0 - parity]]] * half
        assert_equal(target.channel_mask(2 * half, parity), torch.tensor(expected, dtype=torch.float32))

    @some
    @given(half=st.integers(1, 4))
    def test_complementary(self, target, half):
        """The masks of both parities add up to ones."""
        total = target.channel_mask(2 * half, 0) + target.channel_mask(2 * half, 1)
        assert_equal(total, torch.ones(2 * half, 1, 1))


@test_case(name="channel_mask - test_entries", hidden=False)
def law_1(env):
    check_law(TestChannelMask, "test_entries", env)


@test_case(name="channel_mask - test_complementary", hidden=False)
def law_2(env):
    check_law(TestChannelMask, "test_complementary", env)
