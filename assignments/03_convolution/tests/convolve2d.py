"""The laws of convolve2d, for otter. Generated: change the course's own files instead."""

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
name = "convolve2d"
points = [2, 0, 0, 0, 0, 0, 0, 0]
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


def convolved(image, kernel, mode):
    """The convolution by torch: the cross-correlation with the rotated kernel."""
    return correlated(image, rotated(kernel), mode)


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


@pytest.mark.exercise("convolve2d", points=2)
class TestConvolve2d:
    @FEW
    @given(pair=images_and_kernels())
    def test_convolution_theorem(self, target, pair):
        """The Fourier transform of the full convolution is the product of the Fourier transforms."""
        image, kernel = pair
        shape = (image.shape[0] + kernel.shape[0] - 1, image.shape[1] + kernel.shape[1] - 1)
        expected = np.fft.irfft2(np.fft.rfft2(image, shape) * np.fft.rfft2(kernel, shape), shape)
        assert_close(target.convolve2d(image, kernel, "full"), expected)

    @FEW
    @given(pair=images_and_kernels())
    def test_torch(self, target, pair):
        """In every mode it equals torch's conv2d, a cross-correlation, with the kernel turned by half a turn."""
        image, kernel = pair
        for mode in modes_for(kernel):
            result = target.convolve2d(image, kernel, mode)
            assert_close(result, convolved(image, kernel, mode), what=f"the result of mode {mode!r}")

    @FEW
    @given(kernel=grids(odd=True))
    def test_impulse(self, target, kernel):
        """One bright pixel in the middle of a dark image of the kernel's size gives the kernel, upright."""
        impulse = np.zeros_like(kernel)
        impulse[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1
        assert_close(target.convolve2d(impulse, kernel, "same"), kernel)

    @FEW
    @given(a=grids(), b=grids())
    def test_commutative(self, target, a, b):
        """A \u2217 B = B \u2217 A in full mode, whichever of the two is larger."""
        expected = convolved(a, b, "full")
        assert_close(target.convolve2d(a, b, "full"), expected)
        assert_close(target.convolve2d(b, a, "full"), expected)

    @settings(max_examples=20)
    @given(a=grids(1, 3), b=grids(1, 3), c=grids(1, 3))
    def test_associative(self, target, a, b, c):
        """(A \u2217 B) \u2217 C = A \u2217 (B \u2217 C) in full mode: two filters in a row are one filter."""
        expected = convolved(convolved(a, b, "full"), c, "full")
        assert_close(target.convolve2d(target.convolve2d(a, b, "full"), c, "full"), expected, what="(A \u2217 B) \u2217 C")
        assert_close(target.convolve2d(a, target.convolve2d(b, c, "full"), "full"), expected, what="A \u2217 (B \u2217 C)")

    @FEW
    @given(image=grids(3, 6), kernel=grids(3, 3))
    def test_symmetric_kernels(self, target, image, kernel):
        """It equals the cross-correlation for every image if the kernel is its own rotation, and only then."""
        symmetric = kernel + rotated(kernel)
        assert_close(target.convolve2d(image, symmetric, "valid"), correlated(image, symmetric, "valid"))
        impulse = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
        difference = target.convolve2d(impulse, kernel, "same") - correlated(impulse, kernel, "same")
        assert_close(difference, kernel - rotated(kernel), what="convolution minus cross-correlation of one pixel")

    @FEW
    @given(pair=images_and_kernels(), a=reals(), down=st.integers(0, 3), right=st.integers(0, 3))
    def test_linear_and_equivariant(self, target, pair, a, down, right):
        """A sum of an image and a shifted, scaled copy of it gives the sum of result and shifted, scaled result."""
        image, kernel = pair
        mixed = np.pad(image, ((0, down), (0, right))) + a * np.pad(image, ((down, 0), (right, 0)))
        once = convolved(image, kernel, "full")
        expected = np.pad(once, ((0, down), (0, right))) + a * np.pad(once, ((down, 0), (right, 0)))
        assert_close(target.convolve2d(mixed, kernel, "full"), expected)

    def test_shapes_and_errors(self, target):
        """Each mode has its shape, dtypes are kept, and what is not defined is a ValueError."""
        check_modes_and_errors(target.convolve2d)


@test_case(name="convolve2d - test_convolution_theorem", hidden=False)
def law_1(env):
    check_law(TestConvolve2d, "test_convolution_theorem", env)


@test_case(name="convolve2d - test_torch", hidden=False)
def law_2(env):
    check_law(TestConvolve2d, "test_torch", env)


@test_case(name="convolve2d - test_impulse", hidden=False)
def law_3(env):
    check_law(TestConvolve2d, "test_impulse", env)


@test_case(name="convolve2d - test_commutative", hidden=False)
def law_4(env):
    check_law(TestConvolve2d, "test_commutative", env)


@test_case(name="convolve2d - test_associative", hidden=False)
def law_5(env):
    check_law(TestConvolve2d, "test_associative", env)


@test_case(name="convolve2d - test_symmetric_kernels", hidden=False)
def law_6(env):
    check_law(TestConvolve2d, "test_symmetric_kernels", env)


@test_case(name="convolve2d - test_linear_and_equivariant", hidden=False)
def law_7(env):
    check_law(TestConvolve2d, "test_linear_and_equivariant", env)


@test_case(name="convolve2d - test_shapes_and_errors", hidden=False)
def law_8(env):
    check_law(TestConvolve2d, "test_shapes_and_errors", env)
