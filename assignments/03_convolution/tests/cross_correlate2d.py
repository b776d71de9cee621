"""The laws of cross_correlate2d, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, raises, reals, seeds

OK_FORMAT = False
name = "cross_correlate2d"
points = [2, 0, 0, 0, 0, 0]
all_or_nothing = True


MODES = ("valid", "same", "full")
FLOATS = (np.float32, np.float64)
FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5 as floats: they print well, and sums of products are exact."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


SIDES = st.sampled_from((1, 2, 3, 3, 4, 5))  # of kernels: odd enough for the mode "same"


def grids(low=1, high=5, odd=False):
    """Matrices of whole numbers with sides from `low` to `high`, on request only odd ones."""
    sides = st.integers(low, high).filter(lambda side: side % 2 == 1) if odd else st.integers(low, high)
    return st.builds(whole, seeds(), sides, sides)


@st.composite
def images_and_kernels(draw):
    """An image and a kernel that fits into it, of any sides."""
    height, width = draw(SIDES), draw(SIDES)
    image = whole(draw(seeds()), height + draw(st.integers(0, 3)), width + draw(st.integers(0, 3)))
    return image, whole(draw(seeds()), height, width)


def rotated(kernel):
    """The kernel after half a turn."""
    return np.rot90(kernel, 2).copy()


def correlated(image, kernel, mode):
    """The cross-correlation by torch, zeros outside the image; "same" for odd sides."""
    height, width = kernel.shape
    padding = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}[mode]
    images, kernels = torch.from_numpy(np.array(image))[None, None], torch.from_numpy(np.array(kernel))[None, None]
    return F.conv2d(images, kernels, padding=padding)[0, 0].numpy()


def modes_for(kernel):
    """The modes that are defined for a kernel."""
    return MODES if kernel.shape[0] % 2 and kernel.shape[1] % 2 else ("valid", "full")


def check_modes_and_errors(function):
    """What both operations promise about sizes, dtypes and errors."""
    for dtype in FLOATS:
        image, kernel = whole(1, 4, 6).astype(dtype), whole(2, 3, 1).astype(dtype)
        for mode, shape in (("valid", (2, 6)), ("same", (4, 6)), ("full", (6, 6))):
            assert_shape(function(image, kernel, mode), shape, dtype, what=f"the result of mode {mode!r}")
    small, large = whole(3, 2, 3), whole(4, 3, 5)
    assert_shape(function(small, large, "same"), (2, 3), what="the result of 'same' with a larger kernel")
    assert_shape(function(small, large, "full"), (4, 7), what="the result of 'full' with a larger kernel")
    with raises(ValueError, "for the unknown mode 'half'"):
        function(small, whole(5, 1, 1), "half")
    for sides in ((2, 1), (1, 2), (2, 2)):
        with raises(ValueError, f"for mode 'same' with a kernel of shape {sides}"):
            function(whole(6, 4, 4), whole(7, *sides), "same")
    for sides in ((3, 1), (1, 4), (3, 4)):
        with raises(ValueError, f"for mode 'valid' with a kernel of shape {sides} and an image of shape (2, 3)"):
            function(small, whole(8, *sides), "valid")


@pytest.mark.exercise("cross_correlate2d", points=2)
class TestCrossCorrelate2d:
    @FEW
    @given(pair=images_and_kernels())
    def test_torch(self, target, pair):
        """It equals torch's conv2d, which is a cross-correlation, in every mode."""
        image, kernel = pair
        for mode in modes_for(kernel):
            result = target.cross_correlate2d(image, kernel, mode)
            assert_close(result, correlated(image, kernel, mode), what=f"the result of mode {mode!r}")

    def test_example(self, target):
        """A small example worked out with pencil and paper."""
        image = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        kernel = np.array([[1.0, 10.0]])
        assert_close(target.cross_correlate2d(image, kernel, "valid"), np.array([[21.0, 32.0], [54.0, 65.0]]))
        full = np.array([[10.0, 21.0, 32.0, 3.0], [40.0, 54.0, 65.0, 6.0]])
        assert_close(target.cross_correlate2d(image, kernel, "full"), full)

    @FEW
    @given(kernel=grids(odd=True))
    def test_impulse(self, target, kernel):
        """One bright pixel in the middle of a dark image of the kernel's size gives the kernel upside down."""
        impulse = np.zeros_like(kernel)
        impulse[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1
        assert_close(target.cross_correlate2d(impulse, kernel, "same"), rotated(kernel))

    @FEW
    @given(pair=images_and_kernels(), a=reals(), b=reals())
    def test_bilinear(self, target, pair, a, b):
        """It is linear in the image and linear in the kernel."""
        image, kernel = pair
        other_image, other_kernel = np.roll(image, 1, 1)[::-1] + 1, np.roll(kernel, 1, 0)[:, ::-1] - 1
        result = target.cross_correlate2d(a * image + b * other_image, kernel, "valid")
        parts = a * correlated(image, kernel, "valid") + b * correlated(other_image, kernel, "valid")
        assert_close(result, parts, what="the result for a sum of images")
        result = target.cross_correlate2d(image, a * kernel + b * other_kernel, "full")
        parts = a * correlated(image, kernel, "full") + b * correlated(image, other_kernel, "full")
        assert_close(result, parts, what="the result for a sum of kernels")

    @FEW
    @given(pair=images_and_kernels(), down=st.integers(0, 3), right=st.integers(0, 3))
    def test_shift(self, target, pair, down, right):
        """An image shifted down and to the right gives the same full result, shifted as far."""
        image, kernel = pair
        shifted = target.cross_correlate2d(np.pad(image, ((down, 0), (right, 0))), kernel, "full")
        assert_close(shifted, np.pad(correlated(image, kernel, "full"), ((down, 0), (right, 0))))

    def test_shapes_and_errors(self, target):
        """Each mode has its shape, dtypes are kept, and what is not defined is a ValueError."""
        check_modes_and_errors(target.cross_correlate2d)


@test_case(name="cross_correlate2d - test_torch", hidden=False)
def law_1(env):
    check_law(TestCrossCorrelate2d, "test_torch", env)


@test_case(name="cross_correlate2d - test_example", hidden=False)
def law_2(env):
    check_law(TestCrossCorrelate2d, "test_example", env)


@test_case(name="cross_correlate2d - test_impulse", hidden=False)
def law_3(env):
    check_law(TestCrossCorrelate2d, "test_impulse", env)


@test_case(name="cross_correlate2d - test_bilinear", hidden=False)
def law_4(env):
    check_law(TestCrossCorrelate2d, "test_bilinear", env)


@test_case(name="cross_correlate2d - test_shift", hidden=False)
def law_5(env):
    check_law(TestCrossCorrelate2d, "test_shift", env)


@test_case(name="cross_correlate2d - test_shapes_and_errors", hidden=False)
def law_6(env):
    check_law(TestCrossCorrelate2d, "test_shapes_and_errors", env)
