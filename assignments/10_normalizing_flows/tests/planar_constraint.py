"""The laws of planar_constraint, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, gaussians, gradient, seeds, unchanged

OK_FORMAT = False
name = "planar_constraint"
points = [1, 0, 0]
all_or_nothing = True


some = settings(max_examples=6)
few = settings(max_examples=4)


def draw_normal(*shape, seed=0, scale=1.0, dtype=torch.float64):
    """Normal numbers that depend on the seed only."""
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def assert_gradient(objective, point, seed):
    """Autograd's gradient along a random direction is the slope that central differences find."""
    direction = draw_normal(*point.shape, seed=seed)
    slope = (objective(point + 1e-6 * direction) - objective(point - 1e-6 * direction)) / 2e-6
    found = (gradient(objective, point) * direction).sum()
    # With step 1e-6 central differences of numbers of size about 10 are right to about 1e-8.
    assert_close(found, slope.detach(), rtol=1e-5, atol=1e-5, what="the gradient along a random direction")


@pytest.mark.exercise("planar_constraint", points=1)
class TestPlanarConstraint:
    @some
    @given(pair=st.integers(1, 4).flatmap(lambda d: st.tuples(gaussians(d, scale=3.0), gaussians(d))))
    def test_invertible(self, target, pair):
        """The result \xfb satisfies w\u1d40\xfb \u2265 \u22121; precisely, w\u1d40\xfb = \u22121 + log(1 + exp(w\u1d40u))."""
        u, w = pair
        with unchanged(u, w):
            moved = target.planar_constraint(u, w)
        assert_shape(moved, u.shape, u.dtype)
        assert_true(w @ moved >= -1 - 1e-9, f"w\u1d40\xfb is {(w @ moved).item():.6g}, which is less than \u22121.")
        assert_close(w @ moved, (1 + (w @ u).exp()).log() - 1, what="w\u1d40\xfb")

    @some
    @given(pair=st.integers(1, 4).flatmap(lambda d: st.tuples(gaussians(d), gaussians(d))))
    def test_moves_along_w(self, target, pair):
        """\xfb differs from u only along w: what is perpendicular to w stays."""
        u, w = pair
        unit = w / w.norm()
        moved = target.planar_constraint(u, w)
        assert_close(moved - (moved @ unit) * unit, u - (u @ unit) * unit, what="the part perpendicular to w")

    @few
    @given(pair=st.integers(1, 4).flatmap(lambda d: st.tuples(gaussians(d), gaussians(d))), seed=seeds())
    def test_gradient(self, target, pair, seed):
        """It can be differentiated in u, so that u can be trained freely."""
        u, w = pair
        weights = draw_normal(*u.shape, seed=seed)
        assert_gradient(lambda u: (weights * target.planar_constraint(u, w)).sum(), u, seed + 1)


@test_case(name="planar_constraint - test_invertible", hidden=False)
def law_1(env):
    check_law(TestPlanarConstraint, "test_invertible", env)


@test_case(name="planar_constraint - test_moves_along_w", hidden=False)
def law_2(env):
    check_law(TestPlanarConstraint, "test_moves_along_w", env)


@test_case(name="planar_constraint - test_gradient", hidden=False)
def law_3(env):
    check_law(TestPlanarConstraint, "test_gradient", env)
