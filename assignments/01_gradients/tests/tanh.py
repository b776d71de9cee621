"""The laws of tanh, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_close, assert_shape, shapes, tensors

OK_FORMAT = False
name = "tanh"
points = [1, 0, 0, 0]
all_or_nothing = True


ANY_SHAPE = shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
EXTREME = torch.tensor([-1000.0, -750.0, -40.0, 0.0, 40.0, 750.0, 1000.0], dtype=torch.float64)
FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


def entrywise(function, x):
    """Apply a function of Python numbers to every entry: an oracle that shares nothing with torch's."""
    return torch.tensor([function(value) for value in x.flatten().tolist()], dtype=x.dtype).reshape(x.shape)


def logistic(value):
    """The logistic function of one number, without overflow."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


@pytest.mark.exercise("tanh", points=1)
class TestTanh:
    @FEW
    @given(x=tensors())
    def test_value(self, target, x):
        """tanh x = (e^x \u2212 e^(\u2212x)) / (e^x + e^(\u2212x)) at every entry."""
        assert_close(target.tanh(x), entrywise(math.tanh, x), atol=1e-12)

    @FEW
    @given(x=tensors(low=-10, high=10))
    def test_scaled_sigmoid(self, target, x):
        """tanh x = 2\u03c3(2x) \u2212 1: it is the sigmoid at another scale."""
        assert_close(target.tanh(x), 2 * entrywise(logistic, 2 * x) - 1, atol=1e-12)

    def test_extremes(self, target):
        """The result is \xb11, and no NaN, for inputs as large as \xb11000, in single precision too."""
        assert_close(target.tanh(EXTREME), entrywise(math.tanh, EXTREME), atol=1e-12)
        assert_close(target.tanh(EXTREME.float()), entrywise(math.tanh, EXTREME.float()), atol=1e-6)

    @FEW
    @given(x=tensors(ANY_SHAPE))
    def test_shape_and_dtype(self, target, x):
        """The result has the shape and the dtype of the input, empty tensors and single precision included."""
        for dtype in FLOATS:
            assert_shape(target.tanh(x.to(dtype)), x.shape, dtype)


@test_case(name="tanh - test_value", hidden=False)
def law_1(env):
    check_law(TestTanh, "test_value", env)


@test_case(name="tanh - test_scaled_sigmoid", hidden=False)
def law_2(env):
    check_law(TestTanh, "test_scaled_sigmoid", env)


@test_case(name="tanh - test_extremes", hidden=False)
def law_3(env):
    check_law(TestTanh, "test_extremes", env)


@test_case(name="tanh - test_shape_and_dtype", hidden=False)
def law_4(env):
    check_law(TestTanh, "test_shape_and_dtype", env)
