"""The laws of max_pool_with_positions, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal, assert_shape, assert_true, seeds

OK_FORMAT = False
name = "max_pool_with_positions"
points = [2, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5, as float64: they print well, and windows of them have ties."""
    return torch.randint(-5, 6, shape, generator=torch.Generator().manual_seed(seed)).double()


@st.composite
def maps_and_windows(draw):
    """Feature maps, with ties, and the side of a window that fits and often leaves rows and columns over."""
    size = draw(st.integers(1, 3))
    height, width = size + draw(st.integers(0, 4)), size + draw(st.integers(0, 4))
    return whole(draw(seeds()), draw(st.integers(1, 2)), draw(st.integers(1, 3)), height, width), size


@pytest.mark.exercise("max_pool_with_positions", points=2)
class TestMaxPoolWithPositions:
    @given(case=maps_and_windows())
    def test_torch(self, target, case):
        """Maxima and positions equal those of torch's max_pool2d with return_indices=True."""
        x, size = case
        assert_equal(target.max_pool_with_positions(x, size), F.max_pool2d(x, size, return_indices=True))

    @FEW
    @given(case=maps_and_windows())
    def test_positions_point_at_the_maxima(self, target, case):
        """Read at its position in the flattened channel, the image has the maximum; each lies in its own window."""
        x, size = case
        values, positions = target.max_pool_with_positions(x, size)
        assert_equal(values, F.max_pool2d(x, size), what="the maxima")
        assert_shape(positions, values.shape, torch.int64, what="the positions")
        assert_true((positions >= 0).all() and (positions < x[0, 0].numel()).all(), "A position is outside the image.")
        assert_equal(x.flatten(2).gather(2, positions.flatten(2)), values.flatten(2), what="the image at the positions")
        rows, columns = positions // x.shape[3] // size, positions % x.shape[3] // size
        expected = torch.arange(values.shape[2])[:, None].expand_as(rows)
        assert_equal(rows, expected.clone(), what="the rows of the windows in which the positions lie")
        expected = torch.arange(values.shape[3]).expand_as(columns)
        assert_equal(columns, expected.clone(), what="the columns of the windows in which the positions lie")

    def test_example(self, target):
        """In a 3 \xd7 5 image with windows of 2 \xd7 2 the last row and column are left over but count in positions."""
        x = torch.tensor([[[[1.0, 2.0, 0.0, 0.0, 9.0], [3.0, 4.0, 7.0, 5.0, 9.0], [9.0, 9.0, 9.0, 9.0, 9.0]]]])
        values, positions = target.max_pool_with_positions(x, 2)
        assert_equal(values, torch.tensor([[[[4.0, 7.0]]]]), what="the maxima")
        assert_equal(positions, torch.tensor([[[[6, 7]]]]), what="the positions")

    def test_ties(self, target):
        """Of equal maxima the first in reading order counts."""
        x = torch.zeros(1, 1, 4, 6)
        x[0, 0, 0, 4] = x[0, 0, 1, 3] = 5
        expected = torch.tensor([[[[0, 4]]]])
        assert_equal(target.max_pool_with_positions(x, 3)[1], torch.tensor([[[[0, 4]]]]), what="the positions")
        assert_equal(target.max_pool_with_positions(x - 9, 3)[1], expected, what="the positions in a negative image")


@test_case(name="max_pool_with_positions - test_torch", hidden=False)
def law_1(env):
    check_law(TestMaxPoolWithPositions, "test_torch", env)


@test_case(name="max_pool_with_positions - test_positions_point_at_the_maxima", hidden=False)
def law_2(env):
    check_law(TestMaxPoolWithPositions, "test_positions_point_at_the_maxima", env)


@test_case(name="max_pool_with_positions - test_example", hidden=False)
def law_3(env):
    check_law(TestMaxPoolWithPositions, "test_example", env)


@test_case(name="max_pool_with_positions - test_ties", hidden=False)
def law_4(env):
    check_law(TestMaxPoolWithPositions, "test_ties", env)
