"""The laws of gradient_norms, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    assert_shape,
    assert_true,
    gaussians,
    jacobian,
    reals,
    seeds,
    unchanged,
)

OK_FORMAT = False
name = "gradient_norms"
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


def spectral_norm(matrix):
    """The largest singular value."""
    return float(np.linalg.svd(np.asarray(matrix), compute_uv=False)[0])


@st.composite
def backward_paths(draw, lowest=0, highest=6):
    """A gradient and the Jacobians of the steps that it travels back."""
    m = draw(st.integers(1, 4))
    length = draw(st.integers(lowest, highest))
    return tuple(normal(draw(seeds()), (m,), (length, m, m)))


def powers(base, last):
    """The tensor (1, base, base\xb2, \u2026, base^last)."""
    return torch.tensor([base**exponent for exponent in range(last + 1)], dtype=torch.float64)


@st.composite
def orthogonal_matrices(draw, m=3):
    """A random orthogonal matrix."""
    return torch.linalg.qr(normal(draw(seeds()), (m, m))[0])[0]


@pytest.mark.exercise("gradient_norms", points=2)
class TestGradientNorms:
    @settings(max_examples=12)
    @given(case=backward_paths())
    def test_autograd(self, target, case):
        """Entry s is the norm of the gradient that autograd sends s steps back."""
        gradient, jacobians = case
        with unchanged(gradient, jacobians):
            result = target.gradient_norms(gradient, jacobians)
        states = [torch.zeros_like(gradient).requires_grad_()]
        for matrix in jacobians:
            states.append(matrix @ states[-1])
        found = torch.autograd.grad(gradient @ states[-1], states)
        assert_close(result, torch.stack([g.norm() for g in reversed(found)]), atol=1e-11, rtol=1e-10)

    @settings(max_examples=12)
    @given(case=backward_paths())
    def test_length(self, target, case):
        """There is one norm per lag 0, \u2026, T, the first that of the gradient itself; without steps it is alone."""
        gradient, jacobians = case
        result = target.gradient_norms(gradient, jacobians)
        assert_shape(result, (len(jacobians) + 1,), torch.float64)
        assert_close(result[0], math.hypot(*gradient.tolist()), what="the norm at lag 0")

    @settings(max_examples=12)
    @given(turn=orthogonal_matrices(), size=reals(0.2, 2.5), gradient=gaussians(3), length=st.integers(1, 20))
    def test_geometric(self, target, turn, size, gradient, length):
        """Where every step is a rotation times r, each multiplies the norm by r: it decays, stays or explodes."""
        norms = target.gradient_norms(gradient, (size * turn).expand(length, 3, 3))
        assert_close(norms, gradient.norm() * powers(size, length), atol=0, rtol=1e-9)

    @settings(max_examples=12)
    @given(case=trajectories(), size=reals(0.1, 0.95), seed=seeds())
    def test_vanishes(self, target, case, size, seed):
        """With a largest singular value \u03c3 < 1 the norm at lag s is at most \u03c3^s times the first, for tanh units too."""
        h0, W_h, rest = case
        W_h = W_h * (size / spectral_norm(W_h))
        hs = all_states(h0, W_h, rest)
        (gradient,) = normal(seed, h0.shape)
        norms = target.gradient_norms(gradient, (1 - hs[1:] ** 2)[:, :, None] * W_h)
        assert_shape(norms, (len(rest) + 1,), torch.float64)
        bound = gradient.norm() * powers(size, len(rest))
        assert_true(bool((norms <= bound * (1 + 1e-9)).all()), f"The norms {norms.tolist()} exceed {bound.tolist()}.")
        exact = [gradient @ jacobian(lambda h: roll(h, W_h, rest[t:]), hs[t]) for t in range(len(hs))]
        assert_close(norms, torch.stack([g.norm() for g in reversed(exact)]), atol=1e-11)

    @settings(max_examples=12)
    @given(basis=gaussians((3, 3)), radius=reals(1.1, 2.0), gradient=gaussians(3))
    def test_explodes(self, target, basis, radius, gradient):
        """Linear units explode if W v = r v with r > 1: the norm at lag s is at least r^s |g\xb7v| / \u2016v\u2016."""
        basis = basis + 3 * torch.eye(3, dtype=torch.float64)
        values = torch.tensor([radius, 0.5, -0.3], dtype=torch.float64)
        W = torch.linalg.solve(basis, values[:, None] * basis)
        v = torch.linalg.solve(basis, torch.eye(3, dtype=torch.float64)[0])
        norms = target.gradient_norms(gradient, W.expand(25, 3, 3))
        bound = powers(radius, 25) * (gradient @ v).abs() / v.norm()
        assert_shape(norms, (26,), torch.float64)
        assert_true(
            bool((norms >= bound * (1 - 1e-6)).all()), f"The norms {norms.tolist()} are below {bound.tolist()}."
        )


@test_case(name="gradient_norms - test_autograd", hidden=False)
def law_1(env):
    check_law(TestGradientNorms, "test_autograd", env)


@test_case(name="gradient_norms - test_length", hidden=False)
def law_2(env):
    check_law(TestGradientNorms, "test_length", env)


@test_case(name="gradient_norms - test_geometric", hidden=False)
def law_3(env):
    check_law(TestGradientNorms, "test_geometric", env)


@test_case(name="gradient_norms - test_vanishes", hidden=False)
def law_4(env):
    check_law(TestGradientNorms, "test_vanishes", env)


@test_case(name="gradient_norms - test_explodes", hidden=False)
def law_5(env):
    check_law(TestGradientNorms, "test_explodes", env)
