"""The laws of confusion_matrix, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.laws import assert_equal, raises, seeds, unchanged

OK_FORMAT = False
name = "confusion_matrix"
points = [1, 0, 0]
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


@pytest.mark.exercise("confusion_matrix", points=1)
class TestConfusionMatrix:
    @given(case=labelled_pairs())
    def test_counts(self, target, case):
        """Entry [a, b] counts the pixels whose label is a and whose prediction is b."""
        actual, predicted, classes = case
        with unchanged(actual, predicted):
            matrix = target.confusion_matrix(actual, predicted, classes)
        pairs = list(zip(actual.flatten().tolist(), predicted.flatten().tolist()))
        rows = [[pairs.count((a, b)) for b in range(classes)] for a in range(classes)]
        assert_equal(matrix, torch.tensor(rows))

    def test_rows_are_the_truth(self, target):
        """Two pixels of class 0, both taken for class 2, are counted in row 0 and column 2."""
        matrix = target.confusion_matrix(torch.tensor([0, 0, 1]), torch.tensor([2, 2, 1]), 3)
        assert_equal(matrix, torch.tensor([[0, 0, 2], [0, 1, 0], [0, 0, 0]]))

    def test_errors(self, target):
        """Shapes that differ and classes outside [0, classes) are a ValueError, also where they could be broadcast."""
        good = torch.tensor([[0, 1, 2]])
        for wrong in (torch.tensor([0, 1, 2]), torch.tensor([[0]]), torch.tensor([[0], [1], [2]])):
            with raises(ValueError, f"for maps of shapes (1, 3) and {tuple(wrong.shape)}"):
                target.confusion_matrix(good, wrong, 3)
        for bad in (torch.tensor([[0, 1, 3]]), torch.tensor([[-1, 1, 2]])):
            with raises(ValueError, f"for the class {bad.flatten().tolist()} of 3"):
                target.confusion_matrix(good, bad, 3)
            with raises(ValueError, f"for the class {bad.flatten().tolist()} of 3"):
                target.confusion_matrix(bad, good, 3)


@test_case(name="confusion_matrix - test_counts", hidden=False)
def law_1(env):
    check_law(TestConfusionMatrix, "test_counts", env)


@test_case(name="confusion_matrix - test_rows_are_the_truth", hidden=False)
def law_2(env):
    check_law(TestConfusionMatrix, "test_rows_are_the_truth", env)


@test_case(name="confusion_matrix - test_errors", hidden=False)
def law_3(env):
    check_law(TestConfusionMatrix, "test_errors", env)
