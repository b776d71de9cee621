"""The laws of state_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, jacobian, raises, seeds, unchanged

OK_FORMAT = False
name = "state_jacobian"
points = [2, 0, 0, 0, 0]
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


def all_states(h0, W_h, rest):
    """The states h_0, \u2026, h_T of those steps."""
    return torch.stack([roll(h0, W_h, rest[:t]) for t in range(len(rest) + 1)])


@st.composite
def trajectories(draw, lowest=1, highest=5):
    """An initial state, a matrix, and for every step what else goes into the tanh."""
    m = draw(st.integers(1, 4))
    length = draw(st.integers(lowest, highest))
    return tuple(normal(draw(seeds()), (m,), (m, m), (length, m), scale=0.8))


@st.composite
def spans(draw):
    """A trajectory and two times k <= t of it."""
    case = draw(trajectories())
    k = draw(st.integers(0, len(case[2])))
    return (*case, draw(st.integers(k, len(case[2]))), k)


def spectral_norm(matrix):
    """The largest singular value."""
    return float(np.linalg.svd(np.asarray(matrix), compute_uv=False)[0])


@pytest.mark.exercise("state_jacobian", points=2)
class TestStateJacobian:
    @settings(max_examples=12)
    @given(case=spans())
    def test_autograd(self, target, case):
        """\u2202h_t/\u2202h_k is the Jacobian of running the network from time k to time t, as autograd finds it."""
        h0, W_h, rest, t, k = case
        hs = all_states(h0, W_h, rest)
        with unchanged(hs, W_h):
            result = target.state_jacobian(hs, W_h, t, k)
        assert_close(result, jacobian(lambda h: roll(h, W_h, rest[k:t]), hs[k]), atol=1e-11)

    @settings(max_examples=12)
    @given(case=trajectories(highest=3))
    def test_one_step(self, target, case):
        """Over one step it is diag(1 \u2212 h_t\xb2) W_h, and over none the identity."""
        h0, W_h, rest = case
        hs = all_states(h0, W_h, rest)
        t = len(rest)
        expected = torch.diag(1 - hs[t] ** 2) @ W_h
        assert_close(target.state_jacobian(hs, W_h, t, t - 1), expected, atol=1e-12, what="the step's Jacobian")
        assert_close(target.state_jacobian(hs, W_h, t, t), torch.eye(len(h0), dtype=torch.float64))

    @settings(max_examples=12)
    @given(case=trajectories(lowest=2), middle=st.integers(1, 4))
    def test_order(self, target, case, middle):
        """\u2202h_T/\u2202h_0 is \u2202h_T/\u2202h_j times \u2202h_j/\u2202h_0 for every j in between: the later factor stands left."""
        h0, W_h, rest = case
        hs = all_states(h0, W_h, rest)
        last, middle = len(rest), min(middle, len(rest) - 1)
        late = jacobian(lambda h: roll(h, W_h, rest[middle:]), hs[middle])
        early = target.state_jacobian(hs, W_h, middle, 0)
        assert_close(target.state_jacobian(hs, W_h, last, 0), late @ early, atol=1e-11)

    @settings(max_examples=12)
    @given(case=spans())
    def test_norm_bound(self, target, case):
        """Its spectral norm is at most \u03c3_max(W_h)^(t\u2212k), with \u03c3_max the largest singular value."""
        h0, W_h, rest, t, k = case
        result = target.state_jacobian(all_states(h0, W_h, rest), W_h, t, k)
        assert_shape(result, W_h.shape, torch.float64)
        bound = spectral_norm(W_h) ** (t - k)
        norm = spectral_norm(result)
        assert_true(norm <= bound * (1 + 1e-9), f"The norm is {norm:.6g}; the bound is {bound:.6g}.")

    @settings(max_examples=6)
    @given(case=trajectories())
    def test_times_out_of_order(self, target, case):
        """Times that are not in the order 0 <= k <= t <= T are refused with a ValueError."""
        h0, W_h, rest = case
        hs = all_states(h0, W_h, rest)
        last = len(rest)
        for t, k in ((0, 1), (last + 1, 0), (last, -1), (last - 1, last), (-1, -1)):
            with raises(ValueError, f"for t = {t} and k = {k} when the last time is {last}"):
                target.state_jacobian(hs, W_h, t, k)


@test_case(name="state_jacobian - test_autograd", hidden=False)
def law_1(env):
    check_law(TestStateJacobian, "test_autograd", env)


@test_case(name="state_jacobian - test_one_step", hidden=False)
def law_2(env):
    check_law(TestStateJacobian, "test_one_step", env)


@test_case(name="state_jacobian - test_order", hidden=False)
def law_3(env):
    check_law(TestStateJacobian, "test_order", env)


@test_case(name="state_jacobian - test_norm_bound", hidden=False)
def law_4(env):
    check_law(TestStateJacobian, "test_norm_bound", env)


@test_case(name="state_jacobian - test_times_out_of_order", hidden=False)
def law_5(env):
    check_law(TestStateJacobian, "test_times_out_of_order", env)
