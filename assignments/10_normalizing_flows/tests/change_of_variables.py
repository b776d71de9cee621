"""The laws of change_of_variables, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_close, assert_shape, gaussians, reals, unchanged

OK_FORMAT = False
name = "change_of_variables"
points = [1, 0]
all_or_nothing = True


some = settings(max_examples=6)


def log_normal(z):
    """The standard normal log-density of every sample of a batch."""
    return torch.distributions.Normal(0.0, 1.0).log_prob(z).reshape(z.shape[0], -1).sum(dim=1)


def scaled_identity_flow(factor, offset):
    """The flow z = factor\xb7x + offset for events of any shape."""

    def forward(x):
        z = factor * x + offset
        return z, torch.full((x.shape[0],), math.prod(x.shape[1:]) * math.log(abs(factor)), dtype=x.dtype)

    forward.description = f"forward of z = {factor:g} x + {offset:g}"
    return forward, lambda z: (z - offset) / factor


@pytest.mark.exercise("change_of_variables", points=1)
class TestChangeOfVariables:
    @some
    @given(factor=reals(0.2, 4.0), offset=reals(), x=gaussians((3, 1)))
    def test_affine_map(self, target, factor, offset, x):
        """With z = ax + b standard normal, x is normal with mean \u2212b/a and standard deviation 1/a."""
        forward, _ = scaled_identity_flow(factor, offset)
        mean, deviation = torch.tensor([-offset / factor, 1 / factor], dtype=torch.float64)
        expected = torch.distributions.Normal(mean, deviation).log_prob(x[:, 0])
        with unchanged(x):
            assert_close(target.change_of_variables(log_normal, forward, x), expected)

    @some
    @given(bend=reals(0.3, 1.5), factor=reals(0.5, 2.0), offset=reals(-1.0, 1.0))
    def test_integrates_to_one(self, target, bend, factor, offset):
        """The density of x sums to 1 over a fine grid, however the map bends the line."""
        grid = torch.linspace(-12, 12, 2001, dtype=torch.float64)[:, None]

        def forward(x):
            z = factor * torch.sinh(bend * x) + offset
            return z, (factor * bend * torch.cosh(bend * x)).log().sum(dim=1)

        forward.description = f"forward of z = {factor} sinh({bend} x) + {offset}"
        density = target.change_of_variables(log_normal, forward, grid).exp()
        assert_shape(density, (2001,), what="the result")
        # The trapezoidal rule is exact to many digits for smooth functions that vanish at both ends.
        assert_close(torch.trapezoid(density, grid[:, 0]), torch.tensor(1.0, dtype=torch.float64), atol=1e-6)


@test_case(name="change_of_variables - test_affine_map", hidden=False)
def law_1(env):
    check_law(TestChangeOfVariables, "test_affine_map", env)


@test_case(name="change_of_variables - test_integrates_to_one", hidden=False)
def law_2(env):
    check_law(TestChangeOfVariables, "test_integrates_to_one", env)
