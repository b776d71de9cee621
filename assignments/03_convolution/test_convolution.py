"""The laws of convolution that you have: plain `pytest` in this folder runs them on convolution.py."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, raises, reals, seeds, unchanged

MODES = ("valid", "same", "full")
FLOATS = (np.float32, np.float64)
FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
LAPLACIAN = np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def whole(seed, *shape):
    """Whole numbers from −5 to 5 as floats: they print well, and sums of products are exact."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


SIDES = st.sampled_from((1, 2, 3, 3, 4, 5))  # of kernels: odd enough for the mode "same"


def normal(seed, *shape):
    """Independent normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


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


@st.composite
def gradients_images_and_kernels(draw):
    """What a backward pass is given: an image, a kernel that fits, and a gradient for every valid place."""
    image, kernel = draw(images_and_kernels())
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    return whole(draw(seeds()), rows, columns), image, kernel


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
        """A ∗ B = B ∗ A in full mode, whichever of the two is larger."""
        expected = convolved(a, b, "full")
        assert_close(target.convolve2d(a, b, "full"), expected)
        assert_close(target.convolve2d(b, a, "full"), expected)

    @settings(max_examples=20)
    @given(a=grids(1, 3), b=grids(1, 3), c=grids(1, 3))
    def test_associative(self, target, a, b, c):
        """(A ∗ B) ∗ C = A ∗ (B ∗ C) in full mode: two filters in a row are one filter."""
        expected = convolved(convolved(a, b, "full"), c, "full")
        assert_close(target.convolve2d(target.convolve2d(a, b, "full"), c, "full"), expected, what="(A ∗ B) ∗ C")
        assert_close(target.convolve2d(a, target.convolve2d(b, c, "full"), "full"), expected, what="A ∗ (B ∗ C)")

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


@st.composite
def kernels_of_bits(draw):
    """Kernels of zeros and ones, half of them made to be their own rotation or one entry away from it."""
    kernel = np.random.default_rng(draw(seeds())).integers(0, 2, (draw(st.integers(1, 4)), draw(st.integers(1, 4))))
    kernel = kernel.astype(float)
    if draw(st.booleans()):
        kernel = np.maximum(kernel, rotated(kernel))
        if draw(st.booleans()):
            kernel[-1, 0] += 1
    return kernel


@pytest.mark.exercise("is_rotation_symmetric", points=1)
class TestIsRotationSymmetric:
    def test_famous_kernels(self, target):
        """A box blur, a Laplacian and a single number qualify; Sobel's filters and a mere transposition do not."""
        for kernel in (np.ones((3, 3)), LAPLACIAN, np.array([[7.0]]), np.array([[1.0, 2.0], [2.0, 1.0]])):
            assert_equal(target.is_rotation_symmetric(kernel), True)
        for kernel in (SOBEL, SOBEL.T, np.array([[1.0, 2.0], [2.0, 3.0]]), np.array([[1.0, -1.0]])):
            assert_equal(target.is_rotation_symmetric(kernel), False)

    @given(kernel=kernels_of_bits())
    def test_reversal(self, target, kernel):
        """A kernel is its own rotation exactly if its entries read the same backwards."""
        entries = kernel.ravel().tolist()
        assert_equal(target.is_rotation_symmetric(kernel), entries == entries[::-1])


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


@st.composite
def signals_and_kernels(draw):
    """A signal and a kernel, each of one to five whole numbers."""
    return whole(draw(seeds()), draw(st.integers(1, 5))), whole(draw(seeds()), draw(st.integers(1, 5)))


@pytest.mark.exercise("conv_matrix", points=1)
class TestConvMatrix:
    @FEW
    @given(pair=signals_and_kernels())
    def test_product(self, target, pair):
        """The matrix times a signal is the full convolution of kernel and signal."""
        x, kernel = pair
        matrix = target.conv_matrix(kernel, len(x))
        assert_shape(matrix, (len(x) + len(kernel) - 1, len(x)), np.float64)
        assert_close(matrix @ x, np.convolve(x, kernel), what="the product")

    @FEW
    @given(pair=signals_and_kernels())
    def test_toeplitz(self, target, pair):
        """Every diagonal is constant; the first column is the kernel followed by zeros."""
        x, kernel = pair
        matrix = target.conv_matrix(kernel, len(x))
        assert_equal(matrix[1:, 1:], matrix[:-1, :-1], what="the matrix without its first row and column")
        assert_equal(matrix[:, 0], np.pad(kernel, (0, len(x) - 1)), what="the first column")

    @FEW
    @given(pair=signals_and_kernels(), seed=seeds())
    def test_transpose(self, target, pair, seed):
        """The transposed matrix is the valid cross-correlation with the same kernel."""
        x, kernel = pair
        y = whole(seed, len(x) + len(kernel) - 1)
        assert_close(target.conv_matrix(kernel, len(x)).T @ y, np.correlate(y, kernel, "valid"), what="Tᵀ y")


@pytest.mark.exercise("conv_matrix2d", points=2)
class TestConvMatrix2d:
    @FEW
    @given(image=grids(1, 4), kernel=grids(1, 3))
    def test_product(self, target, image, kernel):
        """The matrix times the image, row after row in one vector, is the full convolution in one vector."""
        matrix = target.conv_matrix2d(kernel, *image.shape)
        expected = convolved(image, kernel, "full")
        assert_shape(matrix, (expected.size, image.size), np.float64)
        assert_close(matrix @ image.ravel(), expected.ravel(), what="the product")

    @FEW
    @given(kernel=grids(1, 3), height=st.integers(1, 3), width=st.integers(1, 3))
    def test_sparse(self, target, kernel, height, width):
        """Every pixel passes on each entry of the kernel once: a column holds the kernel, and zeros elsewhere."""
        kernel = kernel + 10  # no zeros among the entries
        matrix = target.conv_matrix2d(kernel, height, width)
        for column in range(height * width):
            entries = matrix[:, column]
            assert_equal(entries[entries != 0], kernel.ravel(), what=f"column {column} without its zeros")

    @FEW
    @given(kernel=grids(1, 3), seed=seeds(), height=st.integers(1, 3), width=st.integers(1, 3))
    def test_transpose(self, target, kernel, seed, height, width):
        """The transposed matrix is the valid cross-correlation with the same kernel."""
        y = whole(seed, height + kernel.shape[0] - 1, width + kernel.shape[1] - 1)
        result = target.conv_matrix2d(kernel, height, width).T @ y.ravel()
        assert_close(result, correlated(y, kernel, "valid").ravel(), what="Mᵀ y")


@st.composite
def windows(draw):
    """Legal settings of a window in one direction: size, kernel, stride, padding, dilation."""
    kernel, stride, dilation = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, 4))
    smallest = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
    return smallest + draw(st.integers(0, 12)), kernel, stride, padding, dilation


@pytest.mark.exercise("conv_output_size", points=1)
class TestConvOutputSize:
    @given(window=windows())
    def test_torch(self, target, window):
        """It is the size that torch's layer gives, for every legal setting."""
        size, kernel, stride, padding, dilation = window
        y = F.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding, dilation)
        assert_equal(target.conv_output_size(size, kernel, stride, padding, dilation), y.shape[-1])

    @given(window=windows())
    def test_counting(self, target, window):
        """It is the number of places at which the window starts and still ends inside the padded input."""
        size, kernel, stride, padding, dilation = window
        padded = size + 2 * padding
        places = [start for start in range(0, padded, stride) if start + dilation * (kernel - 1) < padded]
        assert_equal(target.conv_output_size(size, kernel, stride, padding, dilation), len(places))

    def test_defaults(self, target):
        """Without further settings the stride is 1, the padding 0 and the dilation 1."""
        assert_equal(target.conv_output_size(7, 3), 5)
        assert_equal(target.conv_output_size(7, 7), 1)
        assert_equal(target.conv_output_size(7, 3, padding=1), 7)
        assert_equal(target.conv_output_size(7, 3, stride=2), 3)
        assert_equal(target.conv_output_size(7, 3, dilation=2), 3)

    def test_errors(self, target):
        """Settings that make no sense, and windows that do not fit, are a ValueError."""
        for wrong in ((0, 1), (3, 0), (3, 1, 0), (3, 1, 1, -1), (3, 1, 1, 0, 0), (3, -1), (-2, 1, 1, 4)):
            with raises(ValueError, f"for (size, kernel, stride, padding, dilation) = {wrong}"):
                target.conv_output_size(*wrong)
        for outside in ((3, 4), (3, 4, 3), (1, 3, 2, 0), (2, 5, 1, 1), (4, 3, 1, 0, 2), (3, 4, 5)):
            with raises(ValueError, f"when no window fits: (size, kernel, …) = {outside}"):
                target.conv_output_size(*outside)


@pytest.mark.exercise("conv_parameters", points=1)
class TestConvParameters:
    @FEW
    @given(
        channels=st.tuples(st.integers(1, 6), st.integers(1, 6)),
        kernel_size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
        bias=st.booleans(),
        groups=st.integers(1, 4),
    )
    def test_torch(self, target, channels, kernel_size, bias, groups):
        """It is the number of parameters of torch's layer, for every legal setting."""
        inputs, outputs = channels[0] * groups, channels[1] * groups
        layer = torch.nn.Conv2d(inputs, outputs, kernel_size, bias=bias, groups=groups, device="meta")
        expected = sum(parameter.numel() for parameter in layer.parameters())
        assert_equal(target.conv_parameters(inputs, outputs, kernel_size, bias, groups), expected)

    def test_famous_layers(self, target):
        """Layers of famous networks, with the settings that are left out at their defaults."""
        assert_equal(target.conv_parameters(3, 64, (3, 3)), 1792)  # the first layer of VGG
        assert_equal(target.conv_parameters(3, 64, (7, 7), bias=False), 9408)  # the first layer of a ResNet
        assert_equal(target.conv_parameters(96, 256, (5, 5), groups=2), 307456)  # the second layer of AlexNet
        assert_equal(target.conv_parameters(32, 32, (3, 3), False, 32), 288)  # depthwise, as in MobileNet

    def test_errors(self, target):
        """Groups that do not divide the channels, of the input or of the output, are a ValueError."""
        for channels in ((4, 6), (6, 4)):
            with raises(ValueError, f"when 3 groups are to divide {channels} channels"):
                target.conv_parameters(*channels, (1, 1), groups=3)


@st.composite
def layers(draw):
    """A layer and its input: x, w, b, and the whole-number settings stride, padding, dilation."""
    stride, padding, dilation = draw(st.integers(1, 3)), draw(st.integers(0, 2)), draw(st.integers(1, 3))
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    sides = [max(1, dilation * (k - 1) + 1 - 2 * padding) + draw(st.integers(0, 4)) for k in kernel]
    batch, channels, filters = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    seed = draw(seeds())
    x, w = normal(seed, batch, channels, *sides), normal(seed + 1, filters, channels, *kernel)
    return x, w, normal(seed + 2, filters), (stride, padding, dilation)


def layer_by_torch(x, w, b, *settings):
    """The layer's output by torch's conv2d."""
    return F.conv2d(*map(torch.from_numpy, (x, w, b)), *settings).numpy()


@pytest.mark.exercise("conv2d_forward", points=3)
class TestConv2dForward:
    @given(layer=layers())
    def test_torch(self, target, layer):
        """It equals torch's conv2d for every stride, padding and dilation."""
        x, w, b, settings = layer
        assert_close(target.conv2d_forward(x, w, b, *settings), layer_by_torch(x, w, b, *settings))

    def test_example(self, target):
        """A small example worked out with pencil and paper: every second column, one column of zeros on either side."""
        x = np.array([[[[1.0, 2.0, 3.0, 4.0]]]])
        w, b = np.array([[[[1.0, 10.0]]]]), np.array([0.5])
        y = target.conv2d_forward(x, w, b, stride=2)
        assert_close(y, np.array([[[[21.5, 43.5]]]]), what="the result with stride 2")
        y = target.conv2d_forward(x, w, b, dilation=2)
        assert_close(y, np.array([[[[31.5, 42.5]]]]), what="the result with dilation 2")
        y = target.conv2d_forward(x, w, b, padding=1)
        outside, inside = [0.5] * 5, [10.5, 21.5, 32.5, 43.5, 4.5]
        assert_close(y, np.array([[[outside, inside, outside]]]), what="the result with padding 1")

    @FEW
    @given(seed=seeds(), channels=st.integers(1, 4), filters=st.integers(1, 4))
    def test_one_by_one(self, target, seed, channels, filters):
        """A 1 × 1 kernel is one matrix, W, applied to the channels of every pixel."""
        x, w = normal(seed, 2, channels, 3, 4), normal(seed + 1, filters, channels)
        y = target.conv2d_forward(x, w[:, :, None, None], np.zeros(filters))
        for i, j in itertools.product(range(3), range(4)):
            assert_close(y[:, :, i, j], x[:, :, i, j] @ w.T, what=f"pixel ({i}, {j}) of the result")

    @FEW
    @given(layer=layers())
    def test_stride_skips(self, target, layer):
        """A stride of s keeps every s-th row and column of what a stride of 1 gives."""
        x, w, b, (stride, padding, dilation) = layer
        dense = layer_by_torch(x, w, b, 1, padding, dilation)
        assert_close(target.conv2d_forward(x, w, b, stride, padding, dilation), dense[:, :, ::stride, ::stride])

    @FEW
    @given(layer=layers())
    def test_dilation_spreads(self, target, layer):
        """A dilation of d is a kernel with d − 1 zeros between neighbouring entries."""
        x, w, b, (stride, padding, dilation) = layer
        filters, channels, height, width = w.shape
        spread = np.zeros((filters, channels, dilation * (height - 1) + 1, dilation * (width - 1) + 1))
        spread[:, :, ::dilation, ::dilation] = w
        expected = layer_by_torch(x, spread, b, stride, padding)
        assert_close(target.conv2d_forward(x, w, b, stride, padding, dilation), expected)

    def test_shapes_and_dtypes(self, target):
        """Single precision stays single, and an empty batch gives an empty result of the right shape."""
        for dtype in FLOATS:
            w, b = np.ones((4, 2, 3, 2), dtype), np.ones(4, dtype)
            for batch in (0, 1, 2):
                y = target.conv2d_forward(np.ones((batch, 2, 6, 5), dtype), w, b, 2, 1, 1)
                assert_shape(y, (batch, 4, 3, 3), dtype)

    def test_errors(self, target):
        """Channels that differ, a bias of the wrong length, and a window that does not fit are a ValueError."""
        x, w, b = np.ones((2, 3, 4, 5)), np.ones((2, 3, 2, 2)), np.ones(2)
        with raises(ValueError, "when x has 3 channels and w has 2"):
            target.conv2d_forward(x, w[:, :2], b)
        with raises(ValueError, "when x has 1 channel and w has 3"):
            target.conv2d_forward(x[:, :1], w, b)
        with raises(ValueError, "when x has 3 channels and w has 1"):
            target.conv2d_forward(x, w[:, :1], b)
        with raises(ValueError, "when there are 2 filters and 1 bias"):
            target.conv2d_forward(x, w, b[:1])
        with raises(ValueError, "when the biases are a matrix"):
            target.conv2d_forward(x, w, b[:, None])
        with raises(ValueError, "when there are 1 filter and 2 biases"):
            target.conv2d_forward(x, w[:1], b)
        with raises(ValueError, "when the window is one pixel too high"):
            target.conv2d_forward(x, np.ones((2, 3, 5, 1)), b)
        with raises(ValueError, "when the window is one pixel too wide"):
            target.conv2d_forward(x, np.ones((2, 3, 1, 6)), b, 3)
        with raises(ValueError, "when the spread window is too high"):
            target.conv2d_forward(x, np.ones((2, 3, 3, 1)), b, 1, 1, 3)


def torch_gradients(function, cotangent, *inputs):
    """The gradients of ⟨cotangent, function(*inputs)⟩ by autograd, as NumPy arrays."""
    variables = [torch.from_numpy(np.array(value)).requires_grad_() for value in inputs]
    output = function(*variables)
    return tuple(g.numpy() for g in torch.autograd.grad(output, variables, torch.from_numpy(np.array(cotangent))))


def slopes(function, cotangent, x, picks, step=0.5):
    """Central differences of ⟨cotangent, function(x)⟩ at a few flat indices of `x`.

    The step is large: the functions are linear in each argument, so the difference is exact but for rounding.
    """
    found = []
    for pick in picks:
        shift = np.zeros(x.size)
        shift[pick] = step
        shift = shift.reshape(x.shape)
        found.append(np.sum(cotangent * (function(x + shift) - function(x - shift))) / (2 * step))
    return np.array(found)


def correlation_of(image, kernel):
    """The valid cross-correlation of torch tensors."""
    return F.conv2d(image[None, None], kernel[None, None])[0, 0]


def convolution_of(image, kernel):
    """The valid convolution of torch tensors."""
    return correlation_of(image, kernel.flip(0, 1))


def check_backward_shapes_and_errors(function):
    """What both single-channel backward passes promise about shapes, dtypes, errors and inputs."""
    for dtype in FLOATS:
        delta, image, kernel = (
            whole(seed, *shape).astype(dtype) for seed, shape in ((1, (3, 3)), (2, (4, 3)), (3, (2, 1)))
        )
        with unchanged(delta, image, kernel):
            gradients = function(delta, image, kernel)
        assert_true(len(gradients) == 2, "Return a pair: the gradient of the image and that of the kernel.")
        assert_shape(gradients[0], (4, 3), dtype, what="the gradient of the image")
        assert_shape(gradients[1], (2, 1), dtype, what="the gradient of the kernel")
    image, kernel = np.ones((4, 3)), np.ones((2, 1))
    for wrong in ((4, 3), (3, 2), (2, 3), (1, 1), (3, 1)):
        with raises(ValueError, f"when delta has shape {wrong} and the output of the forward pass (3, 3)"):
            function(np.ones(wrong), image, kernel)


@pytest.mark.exercise("cross_correlate2d_backward", points=2)
class TestCrossCorrelate2dBackward:
    @FEW
    @given(triple=gradients_images_and_kernels())
    def test_autograd(self, target, triple):
        """Both gradients equal those of torch's autograd through the valid cross-correlation."""
        delta, image, kernel = triple
        expected = torch_gradients(correlation_of, delta, image, kernel)
        assert_close(target.cross_correlate2d_backward(delta, image, kernel), expected, what="the pair of gradients")

    @FEW
    @given(triple=gradients_images_and_kernels(), pick=st.integers(0, 10**6))
    def test_finite_differences(self, target, triple, pick):
        """A pixel or a kernel entry changed a little changes the loss as its gradient says."""
        delta, image, kernel = triple
        image_gradient, kernel_gradient = target.cross_correlate2d_backward(delta, image, kernel)
        assert_shape(image_gradient, image.shape, what="the gradient of the image")
        assert_shape(kernel_gradient, kernel.shape, what="the gradient of the kernel")
        at = [pick % image.size]
        slope = slopes(lambda changed: correlated(changed, kernel, "valid"), delta, image, at)
        assert_close(image_gradient.ravel()[at], slope, what=f"the gradient at pixel {at[0]}")
        at = [pick % kernel.size]
        slope = slopes(lambda changed: correlated(image, changed, "valid"), delta, kernel, at)
        assert_close(kernel_gradient.ravel()[at], slope, what=f"the gradient at kernel entry {at[0]}")

    def test_shapes_and_errors(self, target):
        """Shapes and dtypes are those of image and kernel, inputs are kept, a misshapen delta is a ValueError."""
        check_backward_shapes_and_errors(target.cross_correlate2d_backward)


@pytest.mark.exercise("convolve2d_backward", points=2)
class TestConvolve2dBackward:
    @FEW
    @given(triple=gradients_images_and_kernels())
    def test_autograd(self, target, triple):
        """Both gradients equal those of torch's autograd through the valid convolution."""
        delta, image, kernel = triple
        expected = torch_gradients(convolution_of, delta, image, kernel)
        assert_close(target.convolve2d_backward(delta, image, kernel), expected, what="the pair of gradients")

    @FEW
    @given(triple=gradients_images_and_kernels(), pick=st.integers(0, 10**6))
    def test_finite_differences(self, target, triple, pick):
        """A pixel or a kernel entry changed a little changes the loss as its gradient says."""
        delta, image, kernel = triple
        image_gradient, kernel_gradient = target.convolve2d_backward(delta, image, kernel)
        assert_shape(image_gradient, image.shape, what="the gradient of the image")
        assert_shape(kernel_gradient, kernel.shape, what="the gradient of the kernel")
        at = [pick % image.size]
        slope = slopes(lambda changed: convolved(changed, kernel, "valid"), delta, image, at)
        assert_close(image_gradient.ravel()[at], slope, what=f"the gradient at pixel {at[0]}")
        at = [pick % kernel.size]
        slope = slopes(lambda changed: convolved(image, changed, "valid"), delta, kernel, at)
        assert_close(kernel_gradient.ravel()[at], slope, what=f"the gradient at kernel entry {at[0]}")

    def test_shapes_and_errors(self, target):
        """Shapes and dtypes are those of image and kernel, inputs are kept, a misshapen delta is a ValueError."""
        check_backward_shapes_and_errors(target.convolve2d_backward)


@st.composite
def layers_and_gradients(draw):
    """A layer, its input, and a random gradient of the loss with respect to its output."""
    x, w, b, settings = draw(layers())
    return normal(draw(seeds()), *layer_by_torch(x, w, b, *settings).shape), x, w, settings


@pytest.mark.exercise("conv2d_backward", points=3)
class TestConv2dBackward:
    @given(layer=layers_and_gradients())
    def test_autograd(self, target, layer):
        """The three gradients equal those of torch's autograd for every stride, padding and dilation."""
        dy, x, w, settings = layer
        expected = torch_gradients(lambda *inputs: F.conv2d(*inputs, *settings), dy, x, w, np.zeros(len(w)))
        for name, gradient, wanted in zip(("dx", "dw", "db"), _three(target, dy, x, w, settings), expected):
            assert_close(gradient, wanted, what=name)

    @settings(max_examples=15)
    @given(layer=layers_and_gradients(), picks=st.lists(st.integers(0, 10**6), min_size=2, max_size=2))
    def test_finite_differences(self, target, layer, picks):
        """A few entries of x, w and b, changed a little, change the loss as their gradients say."""
        dy, x, w, settings = layer
        zeros = np.zeros(len(w))
        arguments = {
            "dx": (x, lambda changed: layer_by_torch(changed, w, zeros, *settings)),
            "dw": (w, lambda changed: layer_by_torch(x, changed, zeros, *settings)),
            "db": (zeros, lambda changed: layer_by_torch(x, w, changed, *settings)),
        }
        for (name, (value, function)), gradient in zip(arguments.items(), _three(target, dy, x, w, settings)):
            assert_shape(gradient, value.shape, np.float64, what=name)
            at = [pick % value.size for pick in picks]
            assert_close(gradient.ravel()[at], slopes(function, dy, value, at), what=f"{name} at flat indices {at}")

    @FEW
    @given(layer=layers_and_gradients(), seed=seeds())
    def test_adjoint(self, target, layer, seed):
        """⟨dy, layer(v)⟩ = ⟨dx, v⟩ for any input v of a layer without bias: backward is the transpose of forward."""
        dy, x, w, settings = layer
        v = normal(seed, *x.shape)
        dx = _three(target, dy, x, w, settings)[0]
        assert_shape(dx, x.shape, what="dx")
        forward = np.sum(dy * layer_by_torch(v, w, np.zeros(len(w)), *settings))
        assert_close(float(np.sum(dx * v)), float(forward), what="⟨dx, v⟩")

    def test_unreached_pixels(self, target):
        """Where the stride does not divide, the last rows and columns reach no output: their gradient is zero."""
        dx = _three(target, np.ones((1, 1, 2, 2)), np.ones((1, 1, 6, 7)), np.ones((1, 1, 2, 2)), (3, 0, 1))[0]
        row = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0])
        expected = np.stack([row, row, 0 * row, row, row, 0 * row])[None, None]
        assert_close(dx, expected, what="dx")

    def test_shapes_and_dtypes(self, target):
        """Single precision stays single, and an empty batch gives zero gradients for w and b."""
        for dtype in FLOATS:
            w = np.ones((4, 2, 3, 2), dtype)
            for batch in (0, 1, 2):
                x, dy = np.ones((batch, 2, 6, 5), dtype), np.ones((batch, 4, 3, 3), dtype)
                dx, dw, db = _three(target, dy, x, w, (2, 1, 1))
                assert_shape(dx, x.shape, dtype, what="dx")
                assert_shape(dw, w.shape, dtype, what="dw")
                assert_close(db, np.full(4, 9 * batch, dtype), what="db")
                if batch == 0:
                    assert_equal(dw, 0 * w, what="dw")

    def test_errors(self, target):
        """A gradient that has not the shape of the layer's output is a ValueError."""
        x, w = np.ones((2, 3, 4, 5)), np.ones((6, 3, 2, 3))
        for wrong in ((2, 6, 3, 4), (2, 6, 4, 3), (2, 3, 3, 3), (1, 6, 3, 3), (2, 1, 3, 3), (2, 6, 1, 1), (2, 6, 3, 1)):
            with raises(ValueError, f"when dy has shape {wrong} and the output has (2, 6, 3, 3)"):
                target.conv2d_backward(np.ones(wrong), x, w)
        with raises(
            ValueError, "when dy has shape (2, 6, 2, 2) and the output, with stride 2 and padding 1, (2, 6, 3, 3)"
        ):
            target.conv2d_backward(np.ones((2, 6, 2, 2)), x, w, 2, 1)


def _three(target, dy, x, w, settings):
    """The three gradients, after a look at how many there are."""
    gradients = target.conv2d_backward(dy, x, w, *settings)
    assert_true(isinstance(gradients, (tuple, list)) and len(gradients) == 3, "Return the three arrays dx, dw, db.")
    return gradients


@st.composite
def pools(draw, ties=False):
    """Images with a size and stride of windows that fit; all pixels differ unless there are to be ties."""
    size, stride = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    sides = size + draw(st.integers(0, 4)), size + draw(st.integers(0, 4))
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *sides)
    generator = np.random.default_rng(draw(seeds()))
    count = int(np.prod(shape))
    values = generator.integers(0, 2, count) if ties else generator.permutation(count) - count // 2
    return values.reshape(shape).astype(float), size, stride


@st.composite
def pools_and_gradients(draw, ties=False):
    """Images, the settings of the windows, and a random gradient of the loss with respect to the pooled images."""
    x, size, stride = draw(pools(ties))
    return whole(draw(seeds()), *pooled_by_torch(x, size, stride).shape), x, size, stride


def pooled_by_torch(x, size, stride):
    """Max pooling by torch."""
    return F.max_pool2d(torch.from_numpy(x), size, stride).numpy()


@pytest.mark.exercise("max_pool_forward", points=1)
class TestMaxPoolForward:
    @FEW
    @given(pool=pools())
    @example(pool=(-np.arange(1.0, 17.0).reshape(1, 1, 4, 4), 2, 2))
    def test_torch(self, target, pool):
        """It equals torch's max_pool2d for every size and stride, negative pixels included."""
        assert_close(target.max_pool_forward(*pool), pooled_by_torch(*pool))

    def test_example(self, target):
        """A small example worked out with pencil and paper: the last row fills no window."""
        x = np.array([[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 8.0, 7.0], [9.0, 9.0, 9.0, 9.0]]]])
        assert_close(target.max_pool_forward(x, 2, 2), np.array([[[[4.0, 8.0]]]]))
        assert_close(target.max_pool_forward(x, 2, 1), np.array([[[[4.0, 8.0, 8.0], [9.0, 9.0, 9.0]]]]))

    @FEW
    @given(pool=pools(), shift=st.integers(-50, 50), scale=st.integers(0, 3))
    def test_monotone_maps_pass(self, target, pool, shift, scale):
        """Pooling commutes with every rising map: max(a·x + c) = a·max(x) + c for a ≥ 0."""
        x, size, stride = pool
        expected = scale * pooled_by_torch(x, size, stride) + shift
        assert_close(target.max_pool_forward(scale * x + shift, size, stride), expected)

    def test_shapes_and_errors(self, target):
        """Dtypes are kept, an empty batch gives an empty result, and a window that does not fit is a ValueError."""
        for dtype in FLOATS:
            for batch in (0, 1, 2):
                x = -np.ones((batch, 3, 5, 4), dtype)
                assert_shape(target.max_pool_forward(x, 2, 2), (batch, 3, 2, 2), dtype)
        for shape in ((1, 1, 2, 5), (1, 1, 5, 2)):
            with raises(ValueError, f"when a 3 × 3 window is to fit into an image of {shape[2:]}"):
                target.max_pool_forward(np.zeros(shape), 3, 1)


@pytest.mark.exercise("max_pool_backward", points=2)
class TestMaxPoolBackward:
    @FEW
    @given(pool=pools_and_gradients())
    def test_autograd(self, target, pool):
        """The gradient equals that of torch's autograd, windows that overlap included."""
        dy, x, size, stride = pool
        expected = torch_gradients(lambda v: F.max_pool2d(v, size, stride), dy, x)[0]
        assert_close(target.max_pool_backward(dy, x, size, stride), expected)

    @FEW
    @given(pool=pools_and_gradients(ties=True))
    def test_total_is_conserved(self, target, pool):
        """In every image and channel the gradients add up to what came in, ties or not: none is lost, none made."""
        dy, x, size, stride = pool
        dx = target.max_pool_backward(dy, x, size, stride)
        assert_shape(dx, x.shape, np.float64)
        assert_close(dx.sum(axis=(2, 3)), dy.sum(axis=(2, 3)), what="the total per channel")

    @FEW
    @given(pool=pools_and_gradients(ties=True))
    def test_ties(self, target, pool):
        """Of equal maxima the first in reading order receives all: breaking the ties in its favour changes nothing."""
        dy, x, size, stride = pool
        order = np.arange(x[0, 0].size, dtype=float).reshape(x.shape[2:])
        expected = torch_gradients(lambda v: F.max_pool2d(v, size, stride), dy, x - order / 1000)[0]
        assert_close(target.max_pool_backward(dy, x, size, stride), expected)

    def test_example(self, target):
        """A pixel that wins in all four windows collects from all four; the others get nothing."""
        x = np.array([[[[0.0, 1.0, 2.0], [3.0, 9.0, 4.0], [5.0, 6.0, 7.0]]]])
        dx = target.max_pool_backward(np.array([[[[1.0, 10.0], [100.0, 1000.0]]]]), x, 2, 1)
        assert_close(dx, np.array([[[[0.0, 0.0, 0.0], [0.0, 1111.0, 0.0], [0.0, 0.0, 0.0]]]]))

    def test_shapes_and_errors(self, target):
        """The dtype is kept, and a gradient that has not the shape of the pooled images is a ValueError."""
        for dtype in FLOATS:
            x, dy = whole(1, 2, 3, 5, 4).astype(dtype), whole(2, 2, 3, 2, 2).astype(dtype)
            with unchanged(dy, x):
                assert_shape(target.max_pool_backward(dy, x, 2, 2), x.shape, dtype)
        x = np.ones((2, 3, 5, 4))
        for wrong in ((2, 3, 5, 4), (2, 3, 2, 3), (2, 3, 3, 2), (1, 3, 2, 2), (2, 1, 2, 2), (2, 3, 1, 1), (2, 3, 2, 1)):
            with raises(ValueError, f"when dy has shape {wrong} and the pooled images have (2, 3, 2, 2)"):
                target.max_pool_backward(np.ones(wrong), x, 2, 2)
