"""The laws of pixel_cross_entropy, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, gradient, raises, seeds, unchanged

OK_FORMAT = False
name = "pixel_cross_entropy"
points = [2, 0, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(seed, *shape, dtype=torch.float64):
    """Independent normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@st.composite
def labelled_scores(draw):
    """Scores of one to four classes per pixel, labels, and a void label that is at some of the pixels."""
    batch, classes = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    height, width, seed = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(seeds())
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes, (batch, height, width), generator=random)
    void = draw(st.sampled_from((255, -1, -100, classes, *([0] if classes > 1 else []))))
    labels[torch.rand(labels.shape, generator=random) < 0.3] = void
    labels[0, 0, 0] = draw(st.integers(0 if void else 1, classes - 1))
    return 3 * normal(seed + 1, batch, classes, height, width), labels, void


VOID_IS_A_CLASS = normal(1, 1, 3, 2, 2), torch.tensor([[[0, 2], [1, 0]]]), 0


@pytest.mark.exercise("pixel_cross_entropy", points=2)
class TestPixelCrossEntropy:
    @given(case=labelled_scores())
    @example(case=VOID_IS_A_CLASS)
    def test_torch(self, target, case):
        """It equals torch's cross_entropy with ignore_index."""
        logits, labels, void = case
        with unchanged(logits, labels):
            loss = target.pixel_cross_entropy(logits, labels, void)
        assert_close(loss, F.cross_entropy(logits, labels, ignore_index=void))

    @FEW
    @given(case=labelled_scores())
    def test_gradient(self, target, case):
        """The gradient is (softmax \u2212 one-hot label) / number of labelled pixels, and 0 at void ones."""
        logits, labels, void = case
        counted = labels != void
        hot = F.one_hot(torch.where(counted, labels, 0), logits.shape[1]).permute(0, 3, 1, 2)
        expected = (logits.softmax(1) - hot) * counted[:, None] / counted.sum()
        found = gradient(lambda z: target.pixel_cross_entropy(z, labels, void), logits, torch.tensor(1.0).double())
        assert_close(found, expected)

    def test_all_void(self, target):
        """If every pixel is void the loss is 0, with zero gradients, and so it is for an empty batch."""
        labels, zero = torch.full((2, 3, 4), 255), torch.tensor(0.0, dtype=torch.float64)
        logits = normal(8, 2, 5, 3, 4)
        assert_equal(target.pixel_cross_entropy(logits, labels), zero)
        assert_equal(target.pixel_cross_entropy(logits[:0], labels[:0]), zero, what="the loss of an empty batch")
        found = gradient(lambda z: target.pixel_cross_entropy(z, labels), logits)
        assert_equal(found, torch.zeros_like(logits), what="the gradient")

    @FEW
    @given(seed=seeds(), size=st.sampled_from((1e3, 1e4)))
    def test_extremes(self, target, seed, size):
        """Scores of \xb110000 give a finite loss, 2 \xb7 10000 for a confident mistake and 0 for a confident right answer."""
        labels = torch.randint(0, 2, (1, 2, 3), generator=torch.Generator().manual_seed(seed))
        right = torch.stack([1.0 - 2 * labels, 2.0 * labels - 1], dim=1).double() * size
        assert_close(target.pixel_cross_entropy(right, labels), torch.tensor(0.0).double())
        assert_close(target.pixel_cross_entropy(-right, labels), torch.tensor(2 * size).double())

    def test_errors(self, target):
        """A label that is neither void nor a class is a ValueError."""
        logits = torch.zeros(1, 3, 1, 2)
        for wrong in (-1, 3, 254):
            with raises(ValueError, f"for label {wrong} of 3 classes"):
                target.pixel_cross_entropy(logits, torch.tensor([[[0, wrong]]]))
        with raises(ValueError, "for label 255 when the void label is 9"):
            target.pixel_cross_entropy(logits, torch.tensor([[[0, 255]]]), 9)


@test_case(name="pixel_cross_entropy - test_torch", hidden=False)
def law_1(env):
    check_law(TestPixelCrossEntropy, "test_torch", env)


@test_case(name="pixel_cross_entropy - test_gradient", hidden=False)
def law_2(env):
    check_law(TestPixelCrossEntropy, "test_gradient", env)


@test_case(name="pixel_cross_entropy - test_all_void", hidden=False)
def law_3(env):
    check_law(TestPixelCrossEntropy, "test_all_void", env)


@test_case(name="pixel_cross_entropy - test_extremes", hidden=False)
def law_4(env):
    check_law(TestPixelCrossEntropy, "test_extremes", env)


@test_case(name="pixel_cross_entropy - test_errors", hidden=False)
def law_5(env):
    check_law(TestPixelCrossEntropy, "test_errors", env)
