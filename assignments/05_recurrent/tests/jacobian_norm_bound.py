"""The laws of jacobian_norm_bound, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_true, gaussians, jacobian, raises, reals, seeds, unchanged

OK_FORMAT = False
name = "jacobian_norm_bound"
points = [1, 0, 0, 0, 0]
all_or_nothing = True


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


def roll(h, W_h, rest):
    """The state after the steps h \u21a6 tanh(W_h h + rest_i) for every row of rest."""
    for row in rest:
        h = torch.tanh(W_h @ h + row)
    return h


@st.composite
def trajectories(draw, lowest=1, highest=5):
    """An initial state, a matrix, and for every step what else goes into the tanh."""
    m = draw(st.integers(1, 4))
    length = draw(st.integers(lowest, highest))
    return tuple(normal(draw(seeds()), (m,), (m, m), (length, m), scale=0.8))


def spectral_norm(matrix):
    """The largest singular value."""
    return float(np.linalg.svd(np.asarray(matrix), compute_uv=False)[0])


@pytest.mark.exercise("jacobian_norm_bound", points=1)
class TestJacobianNormBound:
    @settings(max_examples=12)
    @given(W_h=gaussians((3, 3)), lag=st.integers(0, 5))
    def test_value(self, target, W_h, lag):
        """For tanh the bound is the largest singular value of W_h to the power of the lag."""
        with unchanged(W_h):
            result = target.jacobian_norm_bound(W_h, lag)
        assert_close(result, spectral_norm(W_h) ** lag, rtol=1e-9)

    @settings(max_examples=12)
    @given(W_h=gaussians((2, 2)), lag=st.integers(1, 4), slope=reals(0.1, 2))
    def test_slope(self, target, W_h, lag, slope):
        """A nonlinearity with slopes of at most \u03b3 has the bound (\u03b3 \u03c3_max)^lag: \u03b3 counts once per step."""
        assert_close(target.jacobian_norm_bound(W_h, lag, slope), (slope * spectral_norm(W_h)) ** lag, rtol=1e-9)

    @settings(max_examples=6)
    @given(size=reals(0.5, 10))
    def test_singular_not_eigenvalue(self, target, size):
        """Where all eigenvalues are 0 the bound still allows for what the matrix does in one step."""
        W_h = torch.tensor([[0.0, size], [0.0, 0.0]], dtype=torch.float64)
        assert_close(target.jacobian_norm_bound(W_h, 1), size, rtol=1e-9)

    @settings(max_examples=12)
    @given(case=trajectories())
    @example(case=(torch.zeros(2).double(), torch.full((2, 2), 0.5).double(), torch.zeros(1, 2).double()))
    def test_holds(self, target, case):
        """No Jacobian of a tanh network, over any lag, is larger."""
        h0, W_h, rest = case
        for lag in range(len(rest) + 1):
            norm = spectral_norm(jacobian(lambda h: roll(h, W_h, rest[:lag]), h0))
            bound = target.jacobian_norm_bound(W_h, lag)
            assert_true(float(bound) >= norm * (1 - 1e-9), f"Lag {lag}: the norm is {norm:.6g}, the bound {bound:.6g}.")

    def test_negative_lag(self, target):
        """A negative lag is refused with a ValueError; lag 0 is not, its bound is 1."""
        W_h = torch.eye(2, dtype=torch.float64) / 2
        with raises(ValueError, "for a negative lag"):
            target.jacobian_norm_bound(W_h, -1)
        assert_close(target.jacobian_norm_bound(W_h, 0), 1.0)


@test_case(name="jacobian_norm_bound - test_value", hidden=False)
def law_1(env):
    check_law(TestJacobianNormBound, "test_value", env)


@test_case(name="jacobian_norm_bound - test_slope", hidden=False)
def law_2(env):
    check_law(TestJacobianNormBound, "test_slope", env)


@test_case(name="jacobian_norm_bound - test_singular_not_eigenvalue", hidden=False)
def law_3(env):
    check_law(TestJacobianNormBound, "test_singular_not_eigenvalue", env)


@test_case(name="jacobian_norm_bound - test_holds", hidden=False)
def law_4(env):
    check_law(TestJacobianNormBound, "test_holds", env)


@test_case(name="jacobian_norm_bound - test_negative_lag", hidden=False)
def law_5(env):
    check_law(TestJacobianNormBound, "test_negative_lag", env)
