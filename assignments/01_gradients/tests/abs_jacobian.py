"""The laws of abs_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_close, finite_difference_jacobian, tensors

OK_FORMAT = False
name = "abs_jacobian"
points = [1, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


def check_diagonal(matrix, diagonal):
    """The matrix is square, has this diagonal, and zeros elsewhere."""
    assert_close(matrix, torch.diag(diagonal), atol=1e-12, what="the Jacobian")


@pytest.mark.exercise("abs_jacobian", points=1)
class TestAbsJacobian:
    @FEW
    @given(x=tensors().filter(lambda x: bool((x.abs() > 1e-3).all())))
    def test_finite_differences(self, target, x):
        """Away from 0 the matrix agrees with finite differences of |x|."""
        assert_close(target.abs_jacobian(x), finite_difference_jacobian(torch.abs, x), atol=1e-8)

    def test_at_zero(self, target):
        """At the kink, x = 0, the derivative is 0 by convention, not NaN."""
        x = torch.tensor([0.0, 3.0, -3.0, 0.0], dtype=torch.float64)
        check_diagonal(target.abs_jacobian(x), torch.tensor([0.0, 1.0, -1.0, 0.0], dtype=torch.float64))


@test_case(name="abs_jacobian - test_finite_differences", hidden=False)
def law_1(env):
    check_law(TestAbsJacobian, "test_finite_differences", env)


@test_case(name="abs_jacobian - test_at_zero", hidden=False)
def law_2(env):
    check_law(TestAbsJacobian, "test_at_zero", env)
