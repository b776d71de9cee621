"""The laws of crop_and_concatenate, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.laws import assert_equal, assert_shape, raises, seeds, unchanged

OK_FORMAT = False
name = "crop_and_concatenate"
points = [1, 0, 0]
all_or_nothing = True


def normal(seed, *shape, dtype=torch.float64):
    """Independent normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@st.composite
def skips_and_maps(draw):
    """A skip that is at least as large as the map it is joined to; channels differ."""
    batch, height, width, seed = (
        draw(st.integers(1, 2)),
        draw(st.integers(1, 4)),
        draw(st.integers(1, 4)),
        draw(seeds()),
    )
    skip = normal(
        seed, batch, draw(st.integers(1, 3)), height + draw(st.integers(0, 5)), width + draw(st.integers(0, 5))
    )
    return skip, normal(seed + 1, batch, draw(st.integers(1, 3)), height, width)


@pytest.mark.exercise("crop_and_concatenate", points=1)
class TestCropAndConcatenate:
    @given(case=skips_and_maps())
    def test_every_entry(self, target, case):
        """Channels of the skip, cropped, come first, those of the map from below after them."""
        skip, x = case
        with unchanged(skip, x):
            joined = target.crop_and_concatenate(skip, x)
        assert_shape(joined, (len(x), skip.shape[1] + x.shape[1], *x.shape[2:]), torch.float64)
        assert_equal(joined[:, skip.shape[1] :].clone(), x, what="the channels from below")
        for row, column in itertools.product(range(x.shape[2]), range(x.shape[3])):
            place = row + (skip.shape[2] - x.shape[2]) // 2, column + (skip.shape[3] - x.shape[3]) // 2
            expected = skip[:, :, place[0], place[1]].clone()
            assert_equal(
                joined[:, : skip.shape[1], row, column].clone(), expected, what=f"the skip at ({row}, {column})"
            )

    def test_example(self, target):
        """Of five columns the middle three stay; of four columns the first three."""
        x = torch.zeros(1, 1, 1, 3)
        joined = target.crop_and_concatenate(torch.tensor([[[[1.0, 2.0, 3.0, 4.0, 5.0]]]]), x)
        assert_equal(joined, torch.tensor([[[[2.0, 3.0, 4.0]], [[0.0, 0.0, 0.0]]]]))
        joined = target.crop_and_concatenate(torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]]), x)
        assert_equal(joined, torch.tensor([[[[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0]]]]))

    def test_errors(self, target):
        """A skip that is too small, along one axis or both, and batches that differ are a ValueError."""
        x = torch.zeros(2, 1, 3, 4)
        for shape in ((2, 1, 2, 4), (2, 1, 3, 3), (2, 1, 2, 9), (2, 1, 9, 3), (1, 1, 3, 4), (3, 1, 5, 5)):
            with raises(ValueError, f"for a skip of shape {shape} and a map of shape (2, 1, 3, 4)"):
                target.crop_and_concatenate(torch.zeros(shape), x)


@test_case(name="crop_and_concatenate - test_every_entry", hidden=False)
def law_1(env):
    check_law(TestCropAndConcatenate, "test_every_entry", env)


@test_case(name="crop_and_concatenate - test_example", hidden=False)
def law_2(env):
    check_law(TestCropAndConcatenate, "test_example", env)


@test_case(name="crop_and_concatenate - test_errors", hidden=False)
def law_3(env):
    check_law(TestCropAndConcatenate, "test_errors", env)
