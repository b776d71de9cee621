"""The laws of planar_inverse, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, reals, unchanged

OK_FORMAT = False
name = "planar_inverse"
points = [2, 0]
all_or_nothing = True


some = settings(max_examples=6)


@st.composite
def planar_cases(draw, invertible=False):
    size = draw(st.integers(1, 4))
    x, u, w = draw(gaussians((draw(st.integers(1, 3)), size))), draw(gaussians(size)), draw(gaussians(size))
    if invertible and w @ u < -0.9:
        u = u - (w @ u + draw(reals(-0.9, 1.0))) * w / (w @ w)
        u = u if w @ u >= -0.9 else -u
    return x, u, w, draw(gaussians(()))


@pytest.mark.exercise("planar_inverse", points=2)
class TestPlanarInverse:
    @some
    @given(case=planar_cases(invertible=True))
    def test_undoes_the_flow(self, target, case):
        """x comes back from z = x + u tanh(w\u1d40x + b)."""
        x, u, w, b = case
        z = x + torch.outer(torch.tanh(x @ w + b), u)
        with unchanged(z, u, w, b):
            # The slope is at least 0.1, which costs one digit.
            assert_close(target.planar_inverse(z, u, w, b), x, rtol=1e-8, atol=1e-8)

    @some
    @given(case=planar_cases(invertible=True))
    def test_solves_the_equation(self, target, case):
        """The flow maps the result to z again, for any z."""
        z, u, w, b = case
        x = target.planar_inverse(z, u, w, b)
        assert_close(x + torch.outer(torch.tanh(x @ w + b), u), z, what="the flow of the result")


@test_case(name="planar_inverse - test_undoes_the_flow", hidden=False)
def law_1(env):
    check_law(TestPlanarInverse, "test_undoes_the_flow", env)


@test_case(name="planar_inverse - test_solves_the_equation", hidden=False)
def law_2(env):
    check_law(TestPlanarInverse, "test_solves_the_equation", env)
