"""The laws of batch_norm_backward, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, seeds, unchanged

OK_FORMAT = False
name = "batch_norm_backward"
points = [2, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


@st.composite
def normalised(draw, least=2):
    """A batch with means and spreads of its own, and \u03b3, \u03b2, running mean and variance for its features."""
    n, size = draw(st.integers(1, 4)), draw(st.integers(least, 6))
    noise, spread, shift, gamma, beta, mean, var = normal(draw(seeds()), (size, n), *[(n,)] * 6)
    return 2 * shift + (0.3 + spread.abs()) * noise, gamma, beta, mean, 0.2 + var.abs()


@pytest.mark.exercise("batch_norm_backward", points=2)
class TestBatchNormBackward:
    @SOME
    @given(case=normalised(), seed=seeds(), eps=st.sampled_from([1e-5, 0.1]))
    def test_autograd(self, target, case, seed, eps):
        """The three gradients equal autograd's through torch's batch_norm."""
        x, gamma, beta = (part.clone().requires_grad_() for part in case[:3])
        dy = normal(seed, x.shape)[0]
        y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
        expected = torch.autograd.grad(y, (x, gamma, beta), dy)
        with unchanged(dy, *case[:2]):
            actual = target.batch_norm_backward(dy, case[0], case[1], eps)
        assert_close(tuple(actual), expected, atol=1e-7, what="(dx, dgamma, dbeta)")

    @FEW
    @given(case=normalised(least=3), seed=seeds())
    def test_shift_invariance(self, target, case, seed):
        """The gradients of x add up to 0 over the batch, since a common shift of all inputs changes nothing."""
        x, gamma = case[:2]
        dy = normal(seed, x.shape)[0]
        dx, dgamma, dbeta = target.batch_norm_backward(dy, x, gamma)
        assert_close(dx.sum(0), torch.zeros_like(gamma), atol=1e-9, what="the sum of dx")
        assert_close(dbeta, dy.sum(0), atol=1e-9, what="dbeta")
        spread = (x - x.mean(0)) / ((x - x.mean(0)).square().mean(0) + 1e-5).sqrt()
        assert_close(dgamma, (spread * dy).sum(0), atol=1e-9, what="dgamma")
        assert_true((dx.abs() > 0).any(), "dx is 0 everywhere.")

    def test_shapes_and_dtypes(self, target):
        """dx has the shape of x, the others that of gamma, all with the dtype of x."""
        for dtype in FLOATS:
            x = torch.arange(8.0, dtype=dtype).reshape(4, 2) ** 2
            dx, dgamma, dbeta = target.batch_norm_backward(torch.ones_like(x), x, torch.ones(2, dtype=dtype))
            assert_shape(dx, (4, 2), dtype, what="dx")
            assert_shape(dgamma, (2,), dtype, what="dgamma")
            assert_shape(dbeta, (2,), dtype, what="dbeta")


@test_case(name="batch_norm_backward - test_autograd", hidden=False)
def law_1(env):
    check_law(TestBatchNormBackward, "test_autograd", env)


@test_case(name="batch_norm_backward - test_shift_invariance", hidden=False)
def law_2(env):
    check_law(TestBatchNormBackward, "test_shift_invariance", env)


@test_case(name="batch_norm_backward - test_shapes_and_dtypes", hidden=False)
def law_3(env):
    check_law(TestBatchNormBackward, "test_shapes_and_dtypes", env)
