"""The laws of leaky_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, jacobian, reals, seeds, unchanged

OK_FORMAT = False
name = "leaky_jacobian"
points = [1, 0, 0]
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


@pytest.mark.exercise("leaky_jacobian", points=1)
class TestLeakyJacobian:
    @settings(max_examples=12)
    @given(case=single_steps(), alpha=reals(0, 1))
    def test_autograd(self, target, case, alpha):
        """It is the derivative of \u03b1 h + (1 \u2212 \u03b1) tanh(W_h h + \u2026) in h, as autograd finds it."""
        h, W_h, rest = case
        expected = jacobian(lambda h: alpha * h + (1 - alpha) * torch.tanh(W_h @ h + rest), h)
        proposal = torch.tanh(W_h @ h + rest)
        with unchanged(proposal, W_h):
            result = target.leaky_jacobian(proposal, W_h, alpha)
        assert_close(result, expected, atol=1e-12)

    @settings(max_examples=12)
    @given(
        W_h=gaussians((3, 3)), alpha=reals(0, 1), signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=3, max_size=3)
    )
    def test_saturated(self, target, W_h, alpha, signs):
        """Where every unit saturates (\u0125 = \xb11) the straight road is left: \u03b1 I."""
        proposal = torch.tensor(signs, dtype=torch.float64)
        assert_close(target.leaky_jacobian(proposal, W_h, alpha), alpha * torch.eye(3, dtype=torch.float64), atol=1e-14)

    @settings(max_examples=12)
    @given(case=single_steps())
    def test_ends(self, target, case):
        """\u03b1 = 1 gives the identity, \u03b1 = 0 the Elman network's diag(1 \u2212 \u0125\xb2) W_h."""
        h, W_h, rest = case
        proposal = torch.tanh(W_h @ h + rest)
        identity = torch.eye(len(h), dtype=torch.float64)
        assert_close(target.leaky_jacobian(proposal, W_h, 1.0), identity, atol=1e-14)
        assert_close(target.leaky_jacobian(proposal, W_h, 0.0), torch.diag(1 - proposal**2) @ W_h, atol=1e-12)


@test_case(name="leaky_jacobian - test_autograd", hidden=False)
def law_1(env):
    check_law(TestLeakyJacobian, "test_autograd", env)


@test_case(name="leaky_jacobian - test_saturated", hidden=False)
def law_2(env):
    check_law(TestLeakyJacobian, "test_saturated", env)


@test_case(name="leaky_jacobian - test_ends", hidden=False)
def law_3(env):
    check_law(TestLeakyJacobian, "test_ends", env)
