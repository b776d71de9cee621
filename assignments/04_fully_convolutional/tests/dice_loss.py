"""The laws of dice_loss, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gradient, seeds, unchanged

OK_FORMAT = False
name = "dice_loss"
points = [1, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


@st.composite
def mask_pairs(draw):
    """Two batches of masks of one shape; some are empty."""
    shape = (*draw(st.lists(st.integers(1, 3), max_size=2)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    random = torch.Generator().manual_seed(draw(seeds()))
    share = draw(st.sampled_from((0.1, 0.4, 0.8)))
    a, b = torch.rand((2, *shape), generator=random) < share
    return a.clone(), b.clone()


@st.composite
def soft_masks(draw):
    """Probabilities and masks of one shape, and a smoothing constant."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    probabilities = torch.rand(shape, generator=torch.Generator().manual_seed(draw(seeds()))).double()
    masks = torch.rand(shape, generator=torch.Generator().manual_seed(draw(seeds()))) < 0.5
    return probabilities, masks, draw(st.sampled_from((0.5, 1.0, 2.0)))


def dice_by_hand(probabilities, masks, smooth):
    """One minus the mean smoothed Dice score, image by image with Python's numbers."""
    scores = []
    for p, m in zip(probabilities.flatten(1).tolist(), masks.flatten(1).tolist()):
        both = sum(value for value, inside in zip(p, m) if inside)
        scores.append((2 * both + smooth) / (sum(p) + sum(m) + smooth))
    return torch.tensor(1 - sum(scores) / len(scores), dtype=torch.float64)


@pytest.mark.exercise("dice_loss", points=1)
class TestDiceLoss:
    @given(case=soft_masks())
    def test_value(self, target, case):
        """It is one minus the mean over the images of (2 \u03a3 p\xb7m + smooth) / (\u03a3 p + \u03a3 m + smooth)."""
        probabilities, masks, smooth = case
        with unchanged(probabilities, masks):
            assert_close(target.dice_loss(probabilities, masks, smooth), dice_by_hand(*case))

    @FEW
    @given(pair=mask_pairs())
    def test_iou(self, target, pair):
        """For hard masks and almost no smoothing, one minus the loss is D = 2J / (1 + J) with J the IoU."""
        a, b = (mask.reshape(-1, *mask.shape[-2:])[:1] for mask in pair)
        a[0, 0, 0] = True
        j = (a & b).sum().double() / (a | b).sum()
        assert_close(target.dice_loss(a.double(), b, 1e-12), 1 - 2 * j / (1 + j), atol=1e-11)

    def test_special_cases(self, target):
        """A perfect answer costs 0, an empty mask found empty too; finding nothing of 3 pixels costs 1 \u2212 1/4."""
        masks = torch.tensor([[[True, True, False, True]]])
        for mask, expected in ((masks, 0.0), (~masks & masks, 0.0)):
            assert_close(target.dice_loss(mask.double(), mask), torch.tensor(expected, dtype=torch.float64))
        missed = target.dice_loss(torch.zeros(1, 1, 4), masks)
        assert_close(missed, torch.tensor(0.75), what="the loss of finding nothing")

    @FEW
    @given(case=soft_masks())
    def test_gradient(self, target, case):
        """The gradient equals that of the formula, pixel by pixel, worked out by hand."""
        p, m, smooth = case
        both, total = (p * m).sum((1, 2), keepdim=True), p.sum((1, 2), keepdim=True) + m.sum((1, 2), keepdim=True)
        slope = (2 * m * (total + smooth) - (2 * both + smooth)) / (total + smooth) ** 2
        found = gradient(lambda p: target.dice_loss(p, m, smooth), p, torch.tensor(1.0, dtype=torch.float64))
        assert_close(found, -slope / len(p))


@test_case(name="dice_loss - test_value", hidden=False)
def law_1(env):
    check_law(TestDiceLoss, "test_value", env)


@test_case(name="dice_loss - test_iou", hidden=False)
def law_2(env):
    check_law(TestDiceLoss, "test_iou", env)


@test_case(name="dice_loss - test_special_cases", hidden=False)
def law_3(env):
    check_law(TestDiceLoss, "test_special_cases", env)


@test_case(name="dice_loss - test_gradient", hidden=False)
def law_4(env):
    check_law(TestDiceLoss, "test_gradient", env)
