"""The laws of residual_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, jacobian, seeds, unchanged

OK_FORMAT = False
name = "residual_jacobian"
points = [1, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


def whole(seed, *sizes, low=-4, high=4):
    """One tensor of whole numbers, as floats, for each size: they print well, and sums of products are exact."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(low, high + 1, size, generator=generator).double() for size in sizes]


@pytest.mark.exercise("residual_jacobian", points=1)
class TestResidualJacobian:
    @SOME
    @given(n=st.integers(1, 3), depth=st.integers(1, 4), seed=seeds())
    def test_autograd(self, target, n, depth, seed):
        """It equals autograd's Jacobian of a stack of residual blocks, later blocks to the left."""
        matrices = normal(seed, *[(n, n)] * depth)
        x = normal(seed + 1, (n,))[0]

        def stack(v):
            for W in matrices:
                v = v + torch.tanh(W @ v)
            return v

        jacobians, h = [], x
        for W in matrices:
            jacobians.append((1 - torch.tanh(W @ h) ** 2)[:, None] * W)
            h = h + torch.tanh(W @ h)
        with unchanged(*jacobians):
            assert_close(target.residual_jacobian(jacobians), jacobian(stack, x), atol=1e-9)

    @FEW
    @given(seed=seeds())
    def test_expansion(self, target, seed):
        """Two blocks give I + J\u2081 + J\u2082 + J\u2082J\u2081: the sum over all paths through or around them."""
        first, second = whole(seed, (3, 3), (3, 3))
        expected = torch.eye(3, dtype=torch.float64) + first + second + second @ first
        assert_close(target.residual_jacobian([first, second]), expected)

    def test_identity(self, target):
        """A hundred blocks that do nothing give the identity, in the dtype of the Jacobians."""
        for dtype in FLOATS:
            zeros = torch.zeros(2, 2, dtype=dtype)
            assert_close(target.residual_jacobian([zeros] * 100), torch.eye(2, dtype=dtype))


@test_case(name="residual_jacobian - test_autograd", hidden=False)
def law_1(env):
    check_law(TestResidualJacobian, "test_autograd", env)


@test_case(name="residual_jacobian - test_expansion", hidden=False)
def law_2(env):
    check_law(TestResidualJacobian, "test_expansion", env)


@test_case(name="residual_jacobian - test_identity", hidden=False)
def law_3(env):
    check_law(TestResidualJacobian, "test_identity", env)
