"""The laws of planar_flow, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, gradient, reals, unchanged

OK_FORMAT = False
name = "planar_flow"
points = [2, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=6)
few = settings(max_examples=4)


def log_det_by_autograd(function, x):
    """log|det| of the autograd Jacobian of every sample, for a function that treats the samples of a batch alone."""
    batch, size = x.shape[0], math.prod(x.shape[1:])
    # One copy of the batch for each row: all rows come of one backward pass, which takes output i of copy i.
    copies = x.repeat(size, *[1] * (x.dim() - 1))
    rows = gradient(lambda x: function(x).reshape(size, batch, size).diagonal(dim1=0, dim2=2).sum(), copies)
    return torch.linalg.slogdet(rows.reshape(size, batch, size).transpose(0, 1)).logabsdet


@st.composite
def planar_cases(draw, invertible=False):
    size = draw(st.integers(1, 4))
    x, u, w = draw(gaussians((draw(st.integers(1, 3)), size))), draw(gaussians(size)), draw(gaussians(size))
    if invertible and w @ u < -0.9:
        u = u - (w @ u + draw(reals(-0.9, 1.0))) * w / (w @ w)
        u = u if w @ u >= -0.9 else -u
    return x, u, w, draw(gaussians(()))


@pytest.mark.exercise("planar_flow", points=2)
class TestPlanarFlow:
    @some
    @given(case=planar_cases())
    def test_moves_along_u(self, target, case):
        """Every point moves along u, by tanh(w\u1d40x + b)."""
        x, u, w, b = case
        with unchanged(x, u, w, b):
            z, _ = target.planar_flow(x, u, w, b)
        steps = torch.tanh((x * w).sum(dim=1) + b)
        assert_close(z, x + torch.outer(steps, u), what="z")

    @few
    @given(case=planar_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det \u2202z/\u2202x|, also where the determinant is negative."""
        x, *layer = case
        expected = log_det_by_autograd(lambda x: target.planar_flow(x, *layer)[0], x)
        # The determinant may come near 0, where its logarithm is steep.
        assert_close(target.planar_flow(x, *layer)[1], expected, rtol=1e-6, atol=1e-6, what="log_det")

    @some
    @given(along=reals(-4.0, 4.0).filter(lambda a: abs(1 + a) > 0.01))
    def test_at_the_plane(self, target, along):
        """Where w\u1d40x + b = 0 nothing moves and log_det is log|1 + w\u1d40u|, also for w\u1d40u < \u22121, where space folds over."""
        w = torch.tensor([0.0, 2.0], dtype=torch.float64)
        x = torch.tensor([[5.0, 1.5]], dtype=torch.float64)
        # One of the two lies below \u22121.
        for product in (along, -2 - along):
            u = torch.tensor([1.0, product / 2], dtype=torch.float64)
            z, log_det = target.planar_flow(x, u, w, torch.tensor(-3.0, dtype=torch.float64))
            assert_close(z, x, what="z")
            assert_close(log_det, torch.tensor([math.log(abs(1 + product))], dtype=torch.float64), what="log_det")

    @some
    @given(case=planar_cases())
    def test_far_from_the_plane(self, target, case):
        """Far from the plane w\u1d40x + b = 0 the flow only shifts, by u or \u2212u, and log_det is 0."""
        x, u, w, _ = case
        for sign in (1.0, -1.0):
            z, log_det = target.planar_flow(x, u, w, torch.tensor(1000 * sign, dtype=x.dtype))
            assert_close(z, x + sign * u, what="z")
            assert_close(log_det, torch.zeros(x.shape[0], dtype=x.dtype), what="log_det")


@test_case(name="planar_flow - test_moves_along_u", hidden=False)
def law_1(env):
    check_law(TestPlanarFlow, "test_moves_along_u", env)


@test_case(name="planar_flow - test_log_det_is_that_of_the_jacobian", hidden=False)
def law_2(env):
    check_law(TestPlanarFlow, "test_log_det_is_that_of_the_jacobian", env)


@test_case(name="planar_flow - test_at_the_plane", hidden=False)
def law_3(env):
    check_law(TestPlanarFlow, "test_at_the_plane", env)


@test_case(name="planar_flow - test_far_from_the_plane", hidden=False)
def law_4(env):
    check_law(TestPlanarFlow, "test_far_from_the_plane", env)
