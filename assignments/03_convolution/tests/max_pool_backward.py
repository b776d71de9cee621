"""The laws of max_pool_backward, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, raises, seeds, unchanged

OK_FORMAT = False
name = "max_pool_backward"
points = [2, 0, 0, 0, 0]
all_or_nothing = True


FLOATS = (np.float32, np.float64)
FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5 as floats: they print well, and sums of products are exact."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


def torch_gradients(function, cotangent, *inputs):
    """The gradients of \u27e8cotangent, function(*inputs)\u27e9 by autograd, as NumPy arrays."""
    variables = [torch.from_numpy(np.array(value)).requires_grad_() for value in inputs]
    output = function(*variables)
    return tuple(g.numpy() for g in torch.autograd.grad(output, variables, torch.from_numpy(np.array(cotangent))))


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


@test_case(name="max_pool_backward - test_autograd", hidden=False)
def law_1(env):
    check_law(TestMaxPoolBackward, "test_autograd", env)


@test_case(name="max_pool_backward - test_total_is_conserved", hidden=False)
def law_2(env):
    check_law(TestMaxPoolBackward, "test_total_is_conserved", env)


@test_case(name="max_pool_backward - test_ties", hidden=False)
def law_3(env):
    check_law(TestMaxPoolBackward, "test_ties", env)


@test_case(name="max_pool_backward - test_example", hidden=False)
def law_4(env):
    check_law(TestMaxPoolBackward, "test_example", env)


@test_case(name="max_pool_backward - test_shapes_and_errors", hidden=False)
def law_5(env):
    check_law(TestMaxPoolBackward, "test_shapes_and_errors", env)
