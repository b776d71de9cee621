"""The laws of spherical_interpolation, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, reals, tensors, unchanged

OK_FORMAT = False
name = "spherical_interpolation"
points = [1, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)


def vector(*values):
    """These numbers as a tensor in double precision."""
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def arcs(draw):
    """An angle, small ones among them, and two orthonormal directions in two to five dimensions."""
    d = draw(st.integers(2, 5))
    directions = torch.linalg.qr(draw(gaussians((d, 2)))).Q.T
    return draw(st.sampled_from([0.003, 0.02]) | reals(0.1, 3.0)), directions[0], directions[1]


SMALL_ARC = (0.02, vector(0.6, 0.0, 0.8), vector(0.0, 1.0, 0.0))


@pytest.mark.exercise("spherical_interpolation", points=1)
class TestSphericalInterpolation:
    @some
    @given(arc=arcs(), radius=reals(0.2, 4), t=tensors(st.integers(1, 5), 0, 1))
    @example(arc=SMALL_ARC, radius=2.0, t=vector(0.3))
    def test_rotation(self, target, arc, radius, t):
        """Between vectors of one length it rotates at constant speed: after t of the way it has turned by t times \u03b8."""
        angle, first, second = arc
        z0, z1 = radius * first, radius * (math.cos(angle) * first + math.sin(angle) * second)
        turned = (t * angle)[:, None]
        expected = radius * (turned.cos() * first + turned.sin() * second)
        with unchanged(z0, z1, t):
            walk = target.spherical_interpolation(z0, z1, t)
        assert_close(walk, expected, atol=1e-9, what="the walk")
        assert_close(walk.norm(dim=1), torch.full_like(t, radius), atol=1e-9, what="the length of the codes")

    @some
    @given(arc=arcs(), lengths=tensors(2, 0.3, 3), t=tensors(st.integers(1, 5), 0, 1))
    def test_unequal_lengths(self, target, arc, lengths, t):
        """It runs from z0 to z1, which may differ in length, with the weights of the formula."""
        angle, first, second = arc
        z0 = lengths[0] * first
        z1 = lengths[1] * (math.cos(angle) * first + math.sin(angle) * second)
        ends = target.spherical_interpolation(z0, z1, vector(0.0, 1.0))
        assert_close(ends, torch.stack([z0, z1]), atol=1e-9, what="the ends of the walk")
        expected = [(math.sin((1 - s) * angle) * z0 + math.sin(s * angle) * z1) / math.sin(angle) for s in t.tolist()]
        assert_close(target.spherical_interpolation(z0, z1, t), torch.stack(expected), atol=1e-8, what="the walk")

    @some
    @given(z=gaussians(st.integers(2, 5)), factor=reals(0.2, 3), t=tensors(3, 0, 1))
    def test_parallel(self, target, z, factor, t):
        """Between vectors of the same direction it is the straight line, also if they are the same or nearly so."""
        expected = torch.stack([(1 - s) * z + s * factor * z for s in t])
        assert_close(target.spherical_interpolation(z, factor * z, t), expected, atol=1e-9, what="the walk")
        near = z + 1e-9 * z.flip(0)
        walk = target.spherical_interpolation(z, near, t)
        assert_close(walk, z.expand(3, len(z)), atol=1e-8, what="the walk to a vector close by")


@test_case(name="spherical_interpolation - test_rotation", hidden=False)
def law_1(env):
    check_law(TestSphericalInterpolation, "test_rotation", env)


@test_case(name="spherical_interpolation - test_unequal_lengths", hidden=False)
def law_2(env):
    check_law(TestSphericalInterpolation, "test_unequal_lengths", env)


@test_case(name="spherical_interpolation - test_parallel", hidden=False)
def law_3(env):
    check_law(TestSphericalInterpolation, "test_parallel", env)
