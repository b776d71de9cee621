"""The laws of random_flip, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, seeds, unchanged

OK_FORMAT = False
name = "random_flip"
points = [1, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


@st.composite
def pictures(draw, least=1):
    """Images of random sizes whose pixels all differ, so that no two places can be taken for each other, and labels."""
    size, channels = draw(st.integers(least, 6)), draw(st.integers(1, 3))
    height, width = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    count = size * channels * height * width
    images = torch.arange(1.0, count + 1, dtype=torch.float64).reshape(size, channels, height, width)
    return images, torch.arange(10, 10 + size)


def mirrored(images):
    """Every image with its columns in reverse order."""
    return images[..., torch.arange(images.shape[-1] - 1, -1, -1)]


@pytest.mark.exercise("random_flip", points=1)
class TestRandomFlip:
    @SOME
    @given(case=pictures(), seed=seeds())
    def test_mirror_or_not(self, target, case, seed):
        """Image i of the result is image i or its mirror image, all channels alike, and the labels are those given."""
        images, labels = case
        with unchanged(images, labels):
            result, same_labels = target.random_flip(images, labels, seed)
        assert_shape(result, images.shape, torch.float64, what="the batch of images")
        for image, before, mirror in zip(result, images, mirrored(images)):
            assert_true(
                torch.equal(image, before) or torch.equal(image, mirror), "An image is neither as it was nor mirrored."
            )
        assert_equal(same_labels, labels, what="the labels")

    @FEW
    @given(case=pictures(), seed=seeds())
    def test_certain(self, target, case, seed):
        """With probability 1 every image is mirrored, with 0 none, and mirroring twice gives the image back."""
        images, labels = case
        for probability, expected in ((1.0, mirrored(images)), (0.0, images)):
            assert_equal(target.random_flip(images, labels, seed, probability)[0], expected, what="the batch of images")
        twice = target.random_flip(target.random_flip(images, labels, seed, 1.0)[0], labels, seed + 1, 1.0)[0]
        assert_equal(twice, images, what="the batch mirrored twice")

    @settings(max_examples=3)
    @given(seed=seeds())
    def test_frequency(self, target, seed):
        """Each image tosses its own coin, which falls with the given probability, \xbd by default."""
        images = torch.tensor([1.0, 2.0], dtype=torch.float64).expand(2000, 1, 1, 2).contiguous()
        labels = torch.zeros(2000, dtype=torch.int64)
        for probability, options in ((0.5, ()), (0.2, (0.2,)), (0.8, (0.8,))):
            flipped = target.random_flip(images, labels, seed, *options)[0][:, 0, 0, 0] == 2
            # Six standard deviations of a share among 2000, and of the share of neighbours that agree.
            share, agree = flipped.double().mean().item(), (flipped[1:] == flipped[:-1]).double().mean().item()
            assert_close(share, probability, atol=6 * (0.25 / 2000) ** 0.5, what="the share of mirrored images")
            alike = probability**2 + (1 - probability) ** 2
            assert_close(agree, alike, atol=0.1, what="the share of images treated as their neighbour")
        few = [target.random_flip(images[:8], labels[:8], seed + k)[0][:, 0, 0, 0] == 2 for k in range(20)]
        counts = {int(flipped.sum()) for flipped in few}
        assert_true(len(counts) > 1, f"Of 8 images always {min(counts)} are mirrored, as if by lot and not by coins.")

    @FEW
    @given(seed=seeds())
    def test_seed(self, target, seed):
        """The same seed gives the same result, another seed another."""
        images = torch.arange(128.0, dtype=torch.float64).reshape(64, 1, 1, 2)
        labels = torch.arange(64)
        first, again, other = (target.random_flip(images, labels, s)[0] for s in (seed, seed, seed + 1))
        assert_equal(again, first, what="the result from the same seed")
        assert_true(not torch.equal(other, first), "Another seed gave the same result.")


@test_case(name="random_flip - test_mirror_or_not", hidden=False)
def law_1(env):
    check_law(TestRandomFlip, "test_mirror_or_not", env)


@test_case(name="random_flip - test_certain", hidden=False)
def law_2(env):
    check_law(TestRandomFlip, "test_certain", env)


@test_case(name="random_flip - test_frequency", hidden=False)
def law_3(env):
    check_law(TestRandomFlip, "test_frequency", env)


@test_case(name="random_flip - test_seed", hidden=False)
def law_4(env):
    check_law(TestRandomFlip, "test_seed", env)
