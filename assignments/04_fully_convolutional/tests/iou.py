"""The laws of iou, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.laws import assert_close, raises, seeds, unchanged

OK_FORMAT = False
name = "iou"
points = [1, 0, 0]
all_or_nothing = True


@st.composite
def mask_pairs(draw):
    """Two batches of masks of one shape; some are empty."""
    shape = (*draw(st.lists(st.integers(1, 3), max_size=2)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    random = torch.Generator().manual_seed(draw(seeds()))
    share = draw(st.sampled_from((0.1, 0.4, 0.8)))
    a, b = torch.rand((2, *shape), generator=random) < share
    return a.clone(), b.clone()


@pytest.mark.exercise("iou", points=1)
class TestIou:
    @given(pair=mask_pairs())
    def test_sets_of_pixels(self, target, pair):
        """It is |A \u2229 B| / |A \u222a B| for every pair of masks, and 1 for two empty ones."""
        a, b = pair
        flat = zip(a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]))
        scores = []
        for first, second in flat:
            first = {tuple(place) for place in first.nonzero().tolist()}
            second = {tuple(place) for place in second.nonzero().tolist()}
            scores.append(len(first & second) / len(first | second) if first | second else 1.0)
        expected = torch.tensor(scores, dtype=torch.float64).reshape(a.shape[:-2])
        with unchanged(a, b):
            assert_close(target.iou(a, b), expected)

    def test_special_cases(self, target):
        """Equal masks have 1, disjoint ones 0, half of a mask \xbd, two empty ones 1, and one empty one 0."""
        none, left = torch.zeros(2, 4, dtype=torch.bool), torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0]]).bool()
        a = torch.stack([left, left, left, none, none])
        b = torch.stack([left, ~left, ~none, none, left])
        assert_close(target.iou(a, b), torch.tensor([1, 0, 0.5, 1, 0], dtype=torch.float64))
        assert_close(target.iou(b, a), torch.tensor([1, 0, 0.5, 1, 0], dtype=torch.float64))
        pixel = torch.eye(3, dtype=torch.bool)[:, None]  # three masks of one pixel each
        assert_close(target.iou(pixel, pixel[[0, 0, 2]]), torch.tensor([1, 0, 1], dtype=torch.float64))

    def test_errors(self, target):
        """Masks of different shapes are a ValueError, even if they could be broadcast."""
        mask = torch.ones(2, 3, 4, dtype=torch.bool)
        for shape in ((3, 4), (1, 3, 4), (2, 3, 1), (2, 4, 3)):
            with raises(ValueError, f"for masks of shapes (2, 3, 4) and {shape}"):
                target.iou(mask, torch.ones(shape, dtype=torch.bool))


@test_case(name="iou - test_sets_of_pixels", hidden=False)
def law_1(env):
    check_law(TestIou, "test_sets_of_pixels", env)


@test_case(name="iou - test_special_cases", hidden=False)
def law_2(env):
    check_law(TestIou, "test_special_cases", env)


@test_case(name="iou - test_errors", hidden=False)
def law_3(env):
    check_law(TestIou, "test_errors", env)
