"""The laws of batch_norm_train, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, raises, reals, seeds, unchanged

OK_FORMAT = False
name = "batch_norm_train"
points = [2, 0, 0, 0, 0]
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


@pytest.mark.exercise("batch_norm_train", points=2)
class TestBatchNormTrain:
    @SOME
    @given(case=normalised(), momentum=reals(0.05, 0.9), eps=st.sampled_from([1e-5, 0.1]))
    def test_torch(self, target, case, momentum, eps):
        """Output and running statistics equal torch's batch_norm in training."""
        x, gamma, beta, mean, var = case
        new_mean, new_var = mean.clone(), var.clone()
        y = F.batch_norm(x, new_mean, new_var, gamma, beta, training=True, momentum=momentum, eps=eps)
        with unchanged(*case):
            result = target.batch_norm_train(*case, momentum, eps)
        assert_close(tuple(result), (y, new_mean, new_var), atol=1e-9, what="(y, running mean, running variance)")

    @FEW
    @given(case=normalised(least=3), seed=seeds())
    def test_standardises(self, target, case, seed):
        """With \u03b3 = 1 and \u03b2 = 0 every feature has mean 0 and mean square \u03c3\xb2/(\u03c3\xb2 + \u03b5), whatever it had before."""
        x, gamma, beta, mean, var = case
        y = target.batch_norm_train(x, torch.ones_like(gamma), torch.zeros_like(beta), mean, var)[0]
        squares = (x - x.mean(0)).square().mean(0)
        assert_close(y.mean(0), torch.zeros_like(gamma), atol=1e-9, what="the mean over the batch")
        assert_close(y.square().mean(0), squares / (squares + 1e-5), atol=1e-9, what="the mean square over the batch")

    def test_example(self, target):
        """The batch (1, 3): mean 2, variance 1, unbiased variance 2; for \u03b5 = 3 the root of variance plus \u03b5 is 2."""
        x, one = torch.tensor([[1.0], [3.0]], dtype=torch.float64), torch.ones(1, dtype=torch.float64)
        y, mean, var = target.batch_norm_train(x, 5 * one, 7 * one, 0 * one, one, 0.25, 3.0)
        assert_close(y, torch.tensor([[4.5], [9.5]], dtype=torch.float64), what="y")
        assert_close((mean, var), (0.5 * one, 1.25 * one), what="(running mean, running variance)")

    @FEW
    @given(case=normalised())
    def test_defaults(self, target, case):
        """Momentum is 0.1 and epsilon 1e-5 unless others are given."""
        x, gamma, beta, mean, var = case
        new_mean, new_var = mean.clone(), var.clone()
        y = F.batch_norm(x, new_mean, new_var, gamma, beta, training=True, momentum=0.1, eps=1e-5)
        assert_close(tuple(target.batch_norm_train(*case)), (y, new_mean, new_var), what="(y, mean, variance)")

    def test_dtype_and_errors(self, target):
        """Dtypes are kept; a constant feature becomes \u03b2 and not NaN; a batch of one or none is a ValueError."""
        for dtype in FLOATS:
            ones = torch.ones(3, dtype=dtype)
            y, mean, var = target.batch_norm_train(torch.full((4, 3), 2.0, dtype=dtype), ones, 5 * ones, ones, ones)
            assert_close(y, torch.full((4, 3), 5.0, dtype=dtype), what="y")
            assert_close((mean, var), (1.1 * ones, 0.9 * ones), what="(running mean, running variance)")
            for size in (0, 1):
                with raises(ValueError, f"for a batch of {size}"):
                    target.batch_norm_train(torch.ones(size, 3, dtype=dtype), ones, ones, ones, ones)


@test_case(name="batch_norm_train - test_torch", hidden=False)
def law_1(env):
    check_law(TestBatchNormTrain, "test_torch", env)


@test_case(name="batch_norm_train - test_standardises", hidden=False)
def law_2(env):
    check_law(TestBatchNormTrain, "test_standardises", env)


@test_case(name="batch_norm_train - test_example", hidden=False)
def law_3(env):
    check_law(TestBatchNormTrain, "test_example", env)


@test_case(name="batch_norm_train - test_defaults", hidden=False)
def law_4(env):
    check_law(TestBatchNormTrain, "test_defaults", env)


@test_case(name="batch_norm_train - test_dtype_and_errors", hidden=False)
def law_5(env):
    check_law(TestBatchNormTrain, "test_dtype_and_errors", env)
