"""The laws of residual_block, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_close, assert_shape, gaussians, jacobian, raises, unchanged

OK_FORMAT = False
name = "residual_block"
points = [1, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


@pytest.mark.exercise("residual_block", points=1)
class TestResidualBlock:
    @FEW
    @given(x=gaussians((3, 2)))
    def test_value(self, target, x):
        """It adds f(x) to x; with f = 0 it is the identity."""
        with unchanged(x):
            assert_close(target.residual_block(x, lambda v: 0 * v), x, atol=1e-12)
            assert_close(target.residual_block(x, lambda v: torch.sin(3 * v)), x + torch.sin(3 * x), atol=1e-12)

    @FEW
    @given(x=gaussians(3), weights=gaussians((3, 3)))
    def test_jacobian(self, target, x, weights):
        """Its Jacobian is the identity plus that of f."""
        inside = torch.diag(1 - torch.tanh(weights @ x) ** 2) @ weights
        actual = jacobian(lambda v: target.residual_block(v, lambda u: torch.tanh(weights @ u)), x)
        assert_close(actual, torch.eye(3, dtype=torch.float64) + inside, atol=1e-10, what="the Jacobian")

    def test_shapes_and_errors(self, target):
        """Shape and dtype are kept; an f(x) of another shape is a ValueError, even if it could be broadcast."""
        for dtype in FLOATS:
            for shape in ((), (2,), (0, 3), (2, 3)):
                assert_shape(target.residual_block(torch.ones(shape, dtype=dtype), torch.cos), shape, dtype)
        x = torch.ones(2, 3, dtype=torch.float64)
        for shape in ((3,), (1, 3), (2, 1), (), (4, 2, 3)):
            with raises(ValueError, f"for f(x) of shape {shape} where x has shape (2, 3)"):
                target.residual_block(x, lambda v, shape=shape: torch.ones(shape, dtype=torch.float64))


@test_case(name="residual_block - test_value", hidden=False)
def law_1(env):
    check_law(TestResidualBlock, "test_value", env)


@test_case(name="residual_block - test_jacobian", hidden=False)
def law_2(env):
    check_law(TestResidualBlock, "test_jacobian", env)


@test_case(name="residual_block - test_shapes_and_errors", hidden=False)
def law_3(env):
    check_law(TestResidualBlock, "test_shapes_and_errors", env)
