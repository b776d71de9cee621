"""The laws of mean_iou, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.laws import assert_close, raises, seeds, unchanged

OK_FORMAT = False
name = "mean_iou"
points = [1, 0, 0, 0]
all_or_nothing = True


@st.composite
def labelled_pairs(draw):
    """Two label maps of one shape and the number of classes."""
    classes, shape, seed = (
        draw(st.integers(1, 5)),
        draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)),
        draw(seeds()),
    )
    random = torch.Generator().manual_seed(seed)
    first, second = torch.randint(0, classes, (2, *shape), generator=random)
    return first.clone(), second.clone(), classes


@pytest.mark.exercise("mean_iou", points=1)
class TestMeanIou:
    @given(case=labelled_pairs())
    def test_sets_of_pixels(self, target, case):
        """It is the mean of |A \u2229 B| / |A \u222a B| over the classes that occur among labels or predictions."""
        actual, predicted, classes = case
        matrix = torch.zeros((classes, classes), dtype=torch.int64)
        scores, actual, predicted = [], actual.flatten().tolist(), predicted.flatten().tolist()
        for a, b in zip(actual, predicted):
            matrix[a, b] += 1
        for c in range(classes):
            first = {i for i, a in enumerate(actual) if a == c}
            second = {i for i, b in enumerate(predicted) if b == c}
            if first | second:
                scores.append(len(first & second) / len(first | second))
        with unchanged(matrix):
            assert_close(target.mean_iou(matrix), sum(scores) / len(scores), rtol=1e-6)

    def test_flattering_accuracy(self, target):
        """95 of 100 pixels are background: "background everywhere" is right at 95 % and has a mean IoU of 0.475."""
        assert_close(target.mean_iou(torch.tensor([[95, 0], [5, 0]])), 0.475, rtol=1e-6)

    def test_absent_classes(self, target):
        """A class that neither occurs nor is predicted is left out; one that is predicted in vain counts 0."""
        assert_close(target.mean_iou(torch.tensor([[3, 0, 0], [0, 0, 0], [0, 0, 5]])), 1.0)
        assert_close(target.mean_iou(torch.tensor([[3, 1, 0], [0, 0, 0], [0, 0, 5]])), (0.75 + 0 + 1) / 3, rtol=1e-6)

    def test_errors(self, target):
        """A matrix that counts no pixel is a ValueError."""
        with raises(ValueError, "because no pixel is counted"):
            target.mean_iou(torch.zeros((3, 3), dtype=torch.int64))


@test_case(name="mean_iou - test_sets_of_pixels", hidden=False)
def law_1(env):
    check_law(TestMeanIou, "test_sets_of_pixels", env)


@test_case(name="mean_iou - test_flattering_accuracy", hidden=False)
def law_2(env):
    check_law(TestMeanIou, "test_flattering_accuracy", env)


@test_case(name="mean_iou - test_absent_classes", hidden=False)
def law_3(env):
    check_law(TestMeanIou, "test_absent_classes", env)


@test_case(name="mean_iou - test_errors", hidden=False)
def law_4(env):
    check_law(TestMeanIou, "test_errors", env)
