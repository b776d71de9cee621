"""The laws of sigmoid_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_close, finite_difference_jacobian, tensors

OK_FORMAT = False
name = "sigmoid_jacobian"
points = [1, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


def entrywise(function, x):
    """Apply a function of Python numbers to every entry: an oracle that shares nothing with torch's."""
    return torch.tensor([function(value) for value in x.flatten().tolist()], dtype=x.dtype).reshape(x.shape)


def logistic(value):
    """The logistic function of one number, without overflow."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def check_diagonal(matrix, diagonal):
    """The matrix is square, has this diagonal, and zeros elsewhere."""
    assert_close(matrix, torch.diag(diagonal), atol=1e-12, what="the Jacobian")


@pytest.mark.exercise("sigmoid_jacobian", points=1)
class TestSigmoidJacobian:
    @FEW
    @given(x=tensors())
    def test_finite_differences(self, target, x):
        """The matrix is the Jacobian: it agrees with finite differences of the sigmoid."""
        expected = finite_difference_jacobian(torch.sigmoid, x)
        assert_close(target.sigmoid_jacobian(x), expected, atol=1e-8)

    @FEW
    @given(x=tensors(low=-30, high=30))
    def test_diagonal(self, target, x):
        """The matrix is diagonal with entries \u03c3(x)\xb7\u03c3(\u2212x), which is \u03c3(x)\xb7(1 \u2212 \u03c3(x))."""
        check_diagonal(target.sigmoid_jacobian(x), entrywise(lambda v: logistic(v) * logistic(-v), x))


@test_case(name="sigmoid_jacobian - test_finite_differences", hidden=False)
def law_1(env):
    check_law(TestSigmoidJacobian, "test_finite_differences", env)


@test_case(name="sigmoid_jacobian - test_diagonal", hidden=False)
def law_2(env):
    check_law(TestSigmoidJacobian, "test_diagonal", env)
