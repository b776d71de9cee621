"""The laws of random_crop, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, seeds, unchanged

OK_FORMAT = False
name = "random_crop"
points = [2, 0, 0, 0]
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


def corner_of(image, before, padding):
    """The first row and column of the window of the padded image `before` that equals `image`; fails without one."""
    height, width = before.shape[1:]
    padded = torch.zeros(before.shape[0], height + 2 * padding, width + 2 * padding, dtype=before.dtype)
    padded[:, padding : padding + height, padding : padding + width] = before
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            if torch.equal(padded[:, top : top + height, left : left + width], image):
                return top, left
    assert_true(False, f"This image is no window of the padded original: {image.tolist()}.")


@pytest.mark.exercise("random_crop", points=2)
class TestRandomCrop:
    @SOME
    @given(case=pictures(), padding=st.integers(0, 3), seed=seeds())
    def test_window(self, target, case, padding, seed):
        """Image i of the result is a window of image i surrounded by zeros, all channels alike; labels stay."""
        images, labels = case
        with unchanged(images, labels):
            result, same_labels = target.random_crop(images, labels, padding, seed)
        assert_shape(result, images.shape, torch.float64, what="the batch of images")
        for image, before in zip(result, images):
            corner_of(image, before, padding)
        assert_equal(same_labels, labels, what="the labels")

    @FEW
    @given(case=pictures(), seed=seeds())
    def test_no_padding(self, target, case, seed):
        """Without padding nothing moves."""
        images, labels = case
        assert_equal(target.random_crop(images, labels, 0, seed)[0], images, what="the batch of images")

    @settings(max_examples=2)
    @given(seed=seeds())
    def test_uniform(self, target, seed):
        """Each image has a corner of its own, and all (2\xb7padding + 1)\xb2 corners are equally likely."""
        for padding, count in ((1, 900), (2, 1500)):
            side = 2 * padding + 1
            images = torch.zeros(count, 1, side, side, dtype=torch.float64)
            images[:, 0, padding, padding] = 1  # one bright pixel that stays in the picture
            result = target.random_crop(images, torch.zeros(count, dtype=torch.int64), padding, seed)[0]
            assert_shape(result, images.shape, torch.float64, what="the batch of images")
            counts = result.sum(0)[0]
            mean = count / side**2
            # Six standard deviations of a binomial count around its mean.
            allowed = 6 * math.sqrt(mean)
            assert_true(
                ((counts - mean).abs() <= allowed).all(),
                f"Corners come up too often or too rarely: {counts.int().tolist()}, expected about {mean:.0f} each.",
            )
            corners, share = result.flatten(1).argmax(1), 1 / side**2
            alike = (corners[1:] == corners[:-1]).double().mean().item()
            allowed = 6 * math.sqrt(share * (1 - share) / (count - 1))
            assert_close(alike, share, rtol=0, atol=allowed, what="the share of images with their neighbour's corner")

    @FEW
    @given(seed=seeds())
    def test_seed(self, target, seed):
        """The same seed gives the same result, another seed another."""
        images = torch.arange(1.0, 257.0, dtype=torch.float64).reshape(64, 1, 2, 2)
        labels = torch.arange(64)
        first, again, other = (target.random_crop(images, labels, 2, s)[0] for s in (seed, seed, seed + 1))
        assert_equal(again, first, what="the result from the same seed")
        assert_true(not torch.equal(other, first), "Another seed gave the same result.")


@test_case(name="random_crop - test_window", hidden=False)
def law_1(env):
    check_law(TestRandomCrop, "test_window", env)


@test_case(name="random_crop - test_no_padding", hidden=False)
def law_2(env):
    check_law(TestRandomCrop, "test_no_padding", env)


@test_case(name="random_crop - test_uniform", hidden=False)
def law_3(env):
    check_law(TestRandomCrop, "test_uniform", env)


@test_case(name="random_crop - test_seed", hidden=False)
def law_4(env):
    check_law(TestRandomCrop, "test_seed", env)
