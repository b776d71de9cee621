"""The laws of convolve2d_backward, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, raises, seeds, unchanged

OK_FORMAT = False
name = "convolve2d_backward"
points = [2, 0, 0]
all_or_nothing = True


FLOATS = (np.float32, np.float64)
FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5 as floats: they print well, and sums of products are exact."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


SIDES = st.sampled_from((1, 2, 3, 3, 4, 5))  # of kernels: odd enough for the mode "same"


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


def torch_gradients(function, cotangent, *inputs):
    """The gradients of \u27e8cotangent, function(*inputs)\u27e9 by autograd, as NumPy arrays."""
    variables = [torch.from_numpy(np.array(value)).requires_grad_() for value in inputs]
    output = function(*variables)
    return tuple(g.numpy() for g in torch.autograd.grad(output, variables, torch.from_numpy(np.array(cotangent))))


def slopes(function, cotangent, x, picks, step=0.5):
    """Central differences of \u27e8cotangent, function(x)\u27e9 at a few flat indices of `x`.

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


@test_case(name="convolve2d_backward - test_autograd", hidden=False)
def law_1(env):
    check_law(TestConvolve2dBackward, "test_autograd", env)


@test_case(name="convolve2d_backward - test_finite_differences", hidden=False)
def law_2(env):
    check_law(TestConvolve2dBackward, "test_finite_differences", env)


@test_case(name="convolve2d_backward - test_shapes_and_errors", hidden=False)
def law_3(env):
    check_law(TestConvolve2dBackward, "test_shapes_and_errors", env)
