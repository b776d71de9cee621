"""The laws of relu_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_close, tensors

OK_FORMAT = False
name = "relu_jacobian"
points = [1, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


def entrywise(function, x):
    """Apply a function of Python numbers to every entry: an oracle that shares nothing with torch's."""
    return torch.tensor([function(value) for value in x.flatten().tolist()], dtype=x.dtype).reshape(x.shape)


def check_diagonal(matrix, diagonal):
    """The matrix is square, has this diagonal, and zeros elsewhere."""
    assert_close(matrix, torch.diag(diagonal), atol=1e-12, what="the Jacobian")


@pytest.mark.exercise("relu_jacobian", points=1)
class TestReluJacobian:
    @FEW
    @given(x=tensors().filter(lambda x: bool((x != 0).all())))
    def test_diagonal(self, target, x):
        """The matrix is diagonal with 1 where x > 0 and 0 where x < 0."""
        check_diagonal(target.relu_jacobian(x), entrywise(lambda v: 1.0 if v > 0 else 0.0, x))

    def test_at_zero(self, target):
        """At the kink, x = 0, the derivative is 0 by convention."""
        x = torch.tensor([0.0, 2.0, 0.0, -2.0], dtype=torch.float64)
        check_diagonal(target.relu_jacobian(x), torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64))


@test_case(name="relu_jacobian - test_diagonal", hidden=False)
def law_1(env):
    check_law(TestReluJacobian, "test_diagonal", env)


@test_case(name="relu_jacobian - test_at_zero", hidden=False)
def law_2(env):
    check_law(TestReluJacobian, "test_at_zero", env)
