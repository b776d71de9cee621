"""The laws of valid_unet_size, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal, raises

OK_FORMAT = False
name = "valid_unet_size"
points = [1, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def valid_side(size, depth):
    """The side after running an actual U-Net without padding on an image of `size`, or None where it does not fit."""
    three, two = torch.zeros(1, 1, 3), torch.zeros(1, 1, 2)
    x = torch.zeros(1, 1, size)
    for level in range(2 * depth + 1):
        if level and level <= depth:
            if x.shape[2] % 2:
                return None
            x = F.max_pool1d(x, 2)
        elif level:
            x = F.conv_transpose1d(x, two, stride=2)
        if x.shape[2] < 5:
            return None
        x = F.conv1d(F.conv1d(x, three), three)
    return x.shape[2]


@pytest.mark.exercise("valid_unet_size", points=1)
class TestValidUnetSize:
    def test_paper(self, target):
        """The tile of the paper: 572 pixels at depth 4 give 388."""
        assert_equal(target.valid_unet_size(572, 4), 388)
        assert_equal(target.valid_unet_size(572, 0), 568)
        assert_equal(target.valid_unet_size(140, 3), 52)

    @settings(max_examples=20)
    @given(size=st.integers(1, 90), depth=st.integers(0, 3))
    @example(size=21, depth=1)
    def test_layers(self, target, size, depth):
        """It is the side that the layers give; an odd side at a pooling or a map without pixels is a ValueError."""
        expected = valid_side(size, depth)
        if expected is None:
            with raises(ValueError, f"for an input of {size} and depth {depth}"):
                target.valid_unet_size(size, depth)
        else:
            assert_equal(target.valid_unet_size(size, depth), expected)

    @FEW
    @given(side=st.integers(1, 40), depth=st.integers(0, 4))
    def test_steps(self, target, side, depth):
        """The next legal size is 2 ** depth larger, and gives an output that is as much larger."""
        size = side + 4  # from the bottom's output back up the left branch
        for _ in range(depth):
            size = 2 * size + 4
        bottom = side
        for _ in range(depth):
            bottom = 2 * bottom - 4
        if bottom >= 1:
            assert_equal(target.valid_unet_size(size, depth), bottom)
            assert_equal(target.valid_unet_size(size + 2**depth, depth), bottom + 2**depth)
        for between in range(1, 2**depth, 3):
            with raises(ValueError, f"for an input of {size + between}, between two legal sizes, and depth {depth}"):
                target.valid_unet_size(size + between, depth)

    def test_smallest(self, target):
        """The smallest legal sizes, below which a map would be without pixels."""
        for depth in range(4):
            legal = [size for size in range(1, 100) if valid_side(size, depth) is not None]
            assert_equal(target.valid_unet_size(legal[0], depth), valid_side(legal[0], depth))
            with raises(ValueError, f"for an input of {legal[0] - 2**depth} and depth {depth}"):
                target.valid_unet_size(legal[0] - 2**depth, depth)


@test_case(name="valid_unet_size - test_paper", hidden=False)
def law_1(env):
    check_law(TestValidUnetSize, "test_paper", env)


@test_case(name="valid_unet_size - test_layers", hidden=False)
def law_2(env):
    check_law(TestValidUnetSize, "test_layers", env)


@test_case(name="valid_unet_size - test_steps", hidden=False)
def law_3(env):
    check_law(TestValidUnetSize, "test_steps", env)


@test_case(name="valid_unet_size - test_smallest", hidden=False)
def law_4(env):
    check_law(TestValidUnetSize, "test_smallest", env)
