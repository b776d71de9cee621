"""The laws of batch_norm_eval, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, seeds, unchanged

OK_FORMAT = False
name = "batch_norm_eval"
points = [1, 0, 0]
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


@pytest.mark.exercise("batch_norm_eval", points=1)
class TestBatchNormEval:
    @SOME
    @given(case=normalised(least=1), eps=st.sampled_from([1e-5, 0.1]))
    def test_torch(self, target, case, eps):
        """It equals torch's batch_norm in evaluation, for a batch of one too."""
        x, gamma, beta, mean, var = case
        expected = F.batch_norm(x, mean, var, gamma, beta, training=False, eps=eps)
        with unchanged(*case):
            assert_close(target.batch_norm_eval(*case, eps), expected, atol=1e-10)

    @FEW
    @given(case=normalised())
    def test_each_on_its_own(self, target, case):
        """The answer for an example does not depend on the rest of the batch."""
        x, *rest = case
        together = target.batch_norm_eval(x, *rest)
        expected = F.batch_norm(x[:1], rest[2], rest[3], rest[0], rest[1], training=False)
        assert_close(together[:1], expected, atol=1e-10, what="the first row in the batch")
        assert_close(target.batch_norm_eval(x[:1], *rest), expected, atol=1e-10, what="the first row alone")

    def test_shape_and_dtype(self, target):
        """Shape and dtype are kept for every batch, an empty one included; epsilon is 1e-5 unless another is given."""
        for dtype in FLOATS:
            ones = torch.ones(3, dtype=dtype)
            for size in (0, 1, 4):
                result = target.batch_norm_eval(torch.ones(size, 3, dtype=dtype), ones, ones, 0 * ones, 0 * ones)
                assert_close(result, torch.full((size, 3), 1 + 1e-5**-0.5, dtype=dtype), rtol=1e-5)
        mean, x = torch.full((1,), 0.5, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
        assert_close(target.batch_norm_eval(x, mean, mean, mean, 0 * mean), 0.5 + 0.25 * (x * 1e5) ** 0.5, rtol=1e-9)


@test_case(name="batch_norm_eval - test_torch", hidden=False)
def law_1(env):
    check_law(TestBatchNormEval, "test_torch", env)


@test_case(name="batch_norm_eval - test_each_on_its_own", hidden=False)
def law_2(env):
    check_law(TestBatchNormEval, "test_each_on_its_own", env)


@test_case(name="batch_norm_eval - test_shape_and_dtype", hidden=False)
def law_3(env):
    check_law(TestBatchNormEval, "test_shape_and_dtype", env)
