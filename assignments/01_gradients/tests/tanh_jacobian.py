"""The laws of tanh_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_close, finite_difference_jacobian, tensors

OK_FORMAT = False
name = "tanh_jacobian"
points = [1, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


def entrywise(function, x):
    """Apply a function of Python numbers to every entry: an oracle that shares nothing with torch's."""
    return torch.tensor([function(value) for value in x.flatten().tolist()], dtype=x.dtype).reshape(x.shape)


def check_diagonal(matrix, diagonal):
    """The matrix is square, has this diagonal, and zeros elsewhere."""
    assert_close(matrix, torch.diag(diagonal), atol=1e-12, what="the Jacobian")


@pytest.mark.exercise("tanh_jacobian", points=1)
class TestTanhJacobian:
    @FEW
    @given(x=tensors())
    def test_finite_differences(self, target, x):
        """The matrix is the Jacobian: it agrees with finite differences of tanh."""
        assert_close(target.tanh_jacobian(x), finite_difference_jacobian(torch.tanh, x), atol=1e-8)

    @FEW
    @given(x=tensors())
    def test_diagonal(self, target, x):
        """The matrix is diagonal with entries 1 / cosh\xb2(x), which is 1 \u2212 tanh\xb2(x)."""
        check_diagonal(target.tanh_jacobian(x), entrywise(lambda v: math.cosh(v) ** -2, x))


@test_case(name="tanh_jacobian - test_finite_differences", hidden=False)
def law_1(env):
    check_law(TestTanhJacobian, "test_finite_differences", env)


@test_case(name="tanh_jacobian - test_diagonal", hidden=False)
def law_2(env):
    check_law(TestTanhJacobian, "test_diagonal", env)
