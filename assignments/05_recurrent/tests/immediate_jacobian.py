"""The laws of immediate_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, jacobian, seeds, unchanged

OK_FORMAT = False
name = "immediate_jacobian"
points = [2, 0, 0]
all_or_nothing = True


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


@st.composite
def single_steps(draw):
    """An old state, a matrix, and what else goes into the tanh."""
    m = draw(st.integers(1, 4))
    return tuple(normal(draw(seeds()), (m,), (m, m), (m,)))


@pytest.mark.exercise("immediate_jacobian", points=2)
class TestImmediateJacobian:
    @settings(max_examples=12)
    @given(case=single_steps())
    def test_autograd(self, target, case):
        """It is the derivative of tanh(W_h h_{k\u22121} + \u2026) in W_h with h_{k\u22121} held fixed, as autograd finds it."""
        h_previous, W_h, rest = case
        h = torch.tanh(W_h @ h_previous + rest)
        expected = jacobian(lambda W: torch.tanh(W @ h_previous + rest), W_h)
        with unchanged(h_previous, h):
            result = target.immediate_jacobian(h_previous, h)
        assert_close(result, expected, atol=1e-12)

    @settings(max_examples=12)
    @given(case=single_steps())
    def test_sparse(self, target, case):
        """Entry i of the state depends on row i of the matrix only."""
        h_previous, W_h, rest = case
        result = target.immediate_jacobian(h_previous, torch.tanh(W_h @ h_previous + rest))
        m = len(rest)
        assert_shape(result, (m, m, m), torch.float64)
        for i in range(m):
            assert_close(result[i, torch.arange(m) != i], torch.zeros(m - 1, m, dtype=torch.float64), what="other rows")

    @settings(max_examples=12)
    @given(case=single_steps(), seed=seeds())
    def test_outer_product(self, target, case, seed):
        """A gradient g from the left makes it the outer product of g \u2299 (1 \u2212 h_k\xb2) and h_{k\u22121}."""
        h_previous, W_h, rest = case
        h = torch.tanh(W_h @ h_previous + rest)
        (g,) = normal(seed, h.shape)
        result = torch.tensordot(g, target.immediate_jacobian(h_previous, h), dims=1)
        assert_close(result, torch.outer(g * (1 - h) * (1 + h), h_previous), atol=1e-12)


@test_case(name="immediate_jacobian - test_autograd", hidden=False)
def law_1(env):
    check_law(TestImmediateJacobian, "test_autograd", env)


@test_case(name="immediate_jacobian - test_sparse", hidden=False)
def law_2(env):
    check_law(TestImmediateJacobian, "test_sparse", env)


@test_case(name="immediate_jacobian - test_outer_product", hidden=False)
def law_3(env):
    check_law(TestImmediateJacobian, "test_outer_product", env)
