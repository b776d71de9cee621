"""The laws of sigmoid, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_close, assert_finite, assert_shape, shapes, tensors

OK_FORMAT = False
name = "sigmoid"
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


@pytest.mark.exercise("sigmoid", points=1)
class TestSigmoid:
    @FEW
    @given(x=tensors())
    def test_value(self, target, x):
        """\u03c3(x) = 1 / (1 + e^(\u2212x)) at every entry."""
        assert_close(target.sigmoid(x), entrywise(logistic, x), atol=1e-14)

    @FEW
    @given(x=tensors(low=-30, high=30))
    def test_symmetry(self, target, x):
        """\u03c3(\u2212x) = 1 \u2212 \u03c3(x): turning the curve about the point (0, \xbd) leaves it as it is."""
        assert_close(target.sigmoid(-x), 1 - entrywise(logistic, x), atol=1e-14)

    @FEW
    @given(x=tensors(ANY_SHAPE))
    def test_shape_and_dtype(self, target, x):
        """The result has the shape and the dtype of the input, empty tensors and single precision included."""
        for dtype in FLOATS:
            assert_shape(target.sigmoid(x.to(dtype)), x.shape, dtype)

    def test_extremes(self, target):
        """The result stays between 0 and 1, and is no NaN, for inputs as large as \xb11000."""
        y = target.sigmoid(EXTREME)
        assert_close(y, entrywise(logistic, EXTREME.clamp(-700, 700)), atol=1e-14)
        assert_finite(target.sigmoid(EXTREME.float()))


@test_case(name="sigmoid - test_value", hidden=False)
def law_1(env):
    check_law(TestSigmoid, "test_value", env)


@test_case(name="sigmoid - test_symmetry", hidden=False)
def law_2(env):
    check_law(TestSigmoid, "test_symmetry", env)


@test_case(name="sigmoid - test_shape_and_dtype", hidden=False)
def law_3(env):
    check_law(TestSigmoid, "test_shape_and_dtype", env)


@test_case(name="sigmoid - test_extremes", hidden=False)
def law_4(env):
    check_law(TestSigmoid, "test_extremes", env)
