"""The laws of impulse_response, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, seeds

OK_FORMAT = False
name = "impulse_response"
points = [1, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5 as floats: they print well, and sums of products are exact."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


def grids(low=1, high=5, odd=False):
    """Matrices of whole numbers with sides from `low` to `high`, on request only odd ones."""
    sides = st.integers(low, high).filter(lambda side: side % 2 == 1) if odd else st.integers(low, high)
    return st.builds(whole, seeds(), sides, sides)


def rotated(kernel):
    """The kernel after half a turn."""
    return np.rot90(kernel, 2).copy()


def correlated(image, kernel, mode):
    """The cross-correlation by torch, zeros outside the image; "same" for odd sides."""
    height, width = kernel.shape
    padding = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}[mode]
    images, kernels = torch.from_numpy(np.array(image))[None, None], torch.from_numpy(np.array(kernel))[None, None]
    return F.conv2d(images, kernels, padding=padding)[0, 0].numpy()


def convolved(image, kernel, mode):
    """The convolution by torch: the cross-correlation with the rotated kernel."""
    return correlated(image, rotated(kernel), mode)


def filter_with(kernel):
    """The system that convolves an image with a kernel, "same"."""

    def system(image):
        return convolved(np.asarray(image, dtype=float), kernel, "same")

    system.description = "a filter"
    return system


def step_downwards(image):
    """The image minus itself moved down by one row."""
    image = np.asarray(image, dtype=float)
    moved = np.zeros_like(image)
    moved[1:] = image[:-1]
    return image - moved


def moved_left(image):
    """The image moved to the left by one column, and doubled."""
    image = np.asarray(image, dtype=float)
    moved = np.zeros_like(image)
    moved[:, :-1] = 2 * image[:, 1:]
    return moved


@pytest.mark.exercise("impulse_response", points=1)
class TestImpulseResponse:
    @FEW
    @given(seed=seeds(), radius=st.integers(0, 3))
    def test_recovers_the_kernel(self, target, seed, radius):
        """From a system that convolves with a kernel it finds that kernel."""
        kernel = whole(seed, 2 * radius + 1, 2 * radius + 1)
        assert_close(target.impulse_response(filter_with(kernel), radius), kernel)

    def test_systems_without_a_kernel(self, target):
        """It finds the kernels of a difference of neighbouring rows and of a shift to the left."""
        step = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
        assert_close(target.impulse_response(step_downwards, 1), step)
        left = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        assert_close(target.impulse_response(moved_left, 1), left)

    @FEW
    @given(kernel=grids(3, 3), image=grids(1, 6), spare=st.integers(0, 2))
    def test_replaces_the_system(self, target, kernel, image, spare):
        """Convolving with the kernel it finds does what the system does, even if the radius is larger than needed."""
        found = target.impulse_response(filter_with(kernel), 1 + spare)
        assert_shape(found, (3 + 2 * spare, 3 + 2 * spare), np.float64)
        assert_close(convolved(image, found, "same"), filter_with(kernel)(image), what="the convolution")


@test_case(name="impulse_response - test_recovers_the_kernel", hidden=False)
def law_1(env):
    check_law(TestImpulseResponse, "test_recovers_the_kernel", env)


@test_case(name="impulse_response - test_systems_without_a_kernel", hidden=False)
def law_2(env):
    check_law(TestImpulseResponse, "test_systems_without_a_kernel", env)


@test_case(name="impulse_response - test_replaces_the_system", hidden=False)
def law_3(env):
    check_law(TestImpulseResponse, "test_replaces_the_system", env)
