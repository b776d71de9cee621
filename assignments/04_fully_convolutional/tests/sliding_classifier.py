"""The laws of sliding_classifier, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, raises, seeds, unchanged

OK_FORMAT = False
name = "sliding_classifier"
points = [2, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(seed, *shape, dtype=torch.float64):
    """Independent normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@st.composite
def classifiers(draw):
    """A multilayer perceptron on windows, and images at least as large as a window: (x, weights, biases, sides)."""
    channels, height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    sizes = [channels * height * width, *draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))]
    seed = draw(seeds())
    weights = [normal(seed + k, b, a) for k, (a, b) in enumerate(zip(sizes, sizes[1:]))]
    biases = [normal(seed + 10 + k, b) for k, b in enumerate(sizes[1:])]
    x = normal(seed + 20, 2, channels, height + draw(st.integers(0, 3)), width + draw(st.integers(0, 3)))
    return x, weights, biases, height, width


def perceptron(features, weights, biases):
    """The scores of a multilayer perceptron with relu between its layers."""
    for weight, bias in zip(weights[:-1], biases[:-1]):
        features = F.linear(features, weight, bias).relu()
    return F.linear(features, weights[-1], biases[-1])


@pytest.mark.exercise("sliding_classifier", points=2)
class TestSlidingClassifier:
    @settings(max_examples=15)
    @given(case=classifiers())
    def test_every_window(self, target, case):
        """The scores at (i, j) are those of the perceptron for the window whose top left pixel is (i, j)."""
        x, weights, biases, height, width = case
        with unchanged(x, *weights, *biases):
            scores = target.sliding_classifier(*case)
        rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
        assert_shape(scores, (len(x), len(biases[-1]), rows, columns), torch.float64)
        for i, j in itertools.product(range(rows), range(columns)):
            window = x[:, :, i : i + height, j : j + width]
            expected = perceptron(window.flatten(1), weights, biases)
            assert_close(scores[:, :, i, j], expected, what=f"the scores of the window at ({i}, {j})")

    @FEW
    @given(case=classifiers(), down=st.integers(1, 2), right=st.integers(0, 2))
    def test_shift(self, target, case, down, right):
        """Rows and columns put before an image move its scores down and to the right, and change none of them."""
        x, weights, biases, height, width = case
        scores = target.sliding_classifier(F.pad(x, (right, 0, down, 0)), weights, biases, height, width)
        rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
        assert_shape(scores, (len(x), len(biases[-1]), rows + down, columns + right))
        patches = F.unfold(x, (height, width)).transpose(1, 2)
        expected = perceptron(patches, weights, biases).transpose(1, 2).reshape(len(x), -1, rows, columns)
        assert_close(scores[:, :, down:, right:], expected, what="the shifted scores")

    def test_errors(self, target):
        """A window that is higher or wider than the image is a ValueError."""
        for height, width in ((4, 1), (1, 5), (4, 5)):
            weights, biases = [torch.ones(2, height * width)], [torch.ones(2)]
            with raises(ValueError, f"for a window of {height} \xd7 {width} on an image of 3 \xd7 4"):
                target.sliding_classifier(torch.ones(1, 1, 3, 4), weights, biases, height, width)


@test_case(name="sliding_classifier - test_every_window", hidden=False)
def law_1(env):
    check_law(TestSlidingClassifier, "test_every_window", env)


@test_case(name="sliding_classifier - test_shift", hidden=False)
def law_2(env):
    check_law(TestSlidingClassifier, "test_shift", env)


@test_case(name="sliding_classifier - test_errors", hidden=False)
def law_3(env):
    check_law(TestSlidingClassifier, "test_errors", env)
