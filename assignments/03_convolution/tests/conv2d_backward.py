"""The laws of conv2d_backward, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, raises, seeds

OK_FORMAT = False
name = "conv2d_backward"
points = [3, 0, 0, 0, 0, 0]
all_or_nothing = True


FLOATS = (np.float32, np.float64)
FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(seed, *shape):
    """Independent normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


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
        """\u27e8dy, layer(v)\u27e9 = \u27e8dx, v\u27e9 for any input v of a layer without bias: backward is the transpose of forward."""
        dy, x, w, settings = layer
        v = normal(seed, *x.shape)
        dx = _three(target, dy, x, w, settings)[0]
        assert_shape(dx, x.shape, what="dx")
        forward = np.sum(dy * layer_by_torch(v, w, np.zeros(len(w)), *settings))
        assert_close(float(np.sum(dx * v)), float(forward), what="\u27e8dx, v\u27e9")

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


@test_case(name="conv2d_backward - test_autograd", hidden=False)
def law_1(env):
    check_law(TestConv2dBackward, "test_autograd", env)


@test_case(name="conv2d_backward - test_finite_differences", hidden=False)
def law_2(env):
    check_law(TestConv2dBackward, "test_finite_differences", env)


@test_case(name="conv2d_backward - test_adjoint", hidden=False)
def law_3(env):
    check_law(TestConv2dBackward, "test_adjoint", env)


@test_case(name="conv2d_backward - test_unreached_pixels", hidden=False)
def law_4(env):
    check_law(TestConv2dBackward, "test_unreached_pixels", env)


@test_case(name="conv2d_backward - test_shapes_and_dtypes", hidden=False)
def law_5(env):
    check_law(TestConv2dBackward, "test_shapes_and_dtypes", env)


@test_case(name="conv2d_backward - test_errors", hidden=False)
def law_6(env):
    check_law(TestConv2dBackward, "test_errors", env)
