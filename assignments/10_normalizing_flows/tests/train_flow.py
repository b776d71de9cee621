"""The laws of train_flow, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, gaussians, tensors, unchanged

OK_FORMAT = False
name = "train_flow"
points = [3, 0, 0]
all_or_nothing = True


few = settings(max_examples=4)


def draw_normal(*shape, seed=0, scale=1.0, dtype=torch.float64):
    """Normal numbers that depend on the seed only."""
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def log_normal(z):
    """The standard normal log-density of every sample of a batch."""
    return torch.distributions.Normal(0.0, 1.0).log_prob(z).reshape(z.shape[0], -1).sum(dim=1)


def moons(count, seed):
    """Two interlocked half circles with noise, of mean about 0."""
    angle = math.pi * torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    side = torch.arange(count) % 2 == 0
    x = torch.where(side, angle.cos(), 1 - angle.cos()) - 0.5
    y = torch.where(side, angle.sin(), 0.5 - angle.sin()) - 0.25
    return torch.stack([x, y], dim=1) + draw_normal(count, 2, seed=seed + 1, scale=0.08)


def coupling_flow(x, parameters):
    """A flow of the plane: affine couplings whose log scale and shift are tanh networks of the other coordinate."""
    log_det = torch.zeros(x.shape[0], dtype=x.dtype)
    for first, bias, second in zip(parameters[::3], parameters[1::3], parameters[2::3]):
        answer = torch.tanh(x[:, 1:] * first + bias) @ second
        log_scale = torch.tanh(answer[:, :1])
        # The coordinates change places, so that the next layer transforms the other one.
        x = torch.cat([x[:, 1:], x[:, :1] * log_scale.exp() + answer[:, 1:]], dim=1)
        log_det = log_det + log_scale[:, 0]
    return x, log_det


def coupling_parameters(layers, hidden, seed):
    """Starting values for `coupling_flow`."""
    parameters = []
    for k in range(layers):
        parameters.append(draw_normal(hidden, seed=seed + 3 * k))
        parameters.append(draw_normal(hidden, seed=seed + 3 * k + 1))
        parameters.append(draw_normal(hidden, 2, seed=seed + 3 * k + 2, scale=0.1))
    return parameters


def affine_flow(x, parameters):
    """z = exp(a)\xb7x + b entry by entry, with parameters a and b of the shape of an event."""
    log_scale, shift = parameters
    return log_scale.exp() * x + shift, log_scale.sum().expand(x.shape[0])


@st.composite
def affine_problems(draw):
    """Data of some width and distance from 0, and parameters of `affine_flow` to start from."""
    size = draw(st.integers(1, 3))
    x = draw(gaussians((20, size))) * draw(tensors(size, 0.5, 2.0)) + draw(tensors(size, -1.0, 1.0))
    return x, [draw(gaussians(size, scale=0.3)), draw(gaussians(size, scale=0.3))]


@pytest.mark.exercise("train_flow", points=3)
class TestTrainFlow:
    def test_finds_the_maximum_likelihood(self, target):
        """An affine flow learns to standardise: at the maximum of the likelihood z has mean 0 and variance 1."""
        width, centre = torch.tensor([[1.3, 0.8], [0.4, -0.3]], dtype=torch.float64)
        x = width * draw_normal(20, 2, seed=3) + centre
        fitted, losses = target.train_flow(x, [torch.zeros_like(width), torch.zeros_like(width)], affine_flow, 30, 0.1)
        z, _ = affine_flow(x, fitted)
        # Thirty steps come within 0.01 of the mean, 0.04 of the variance and 0.002 nats of the best, from 0.3 nats.
        assert_close(z.mean(dim=0), torch.zeros(x.shape[1], dtype=x.dtype), atol=0.1, rtol=0, what="the mean of z")
        assert_close(z.var(dim=0, correction=0), torch.ones_like(z[0]), atol=0.1, rtol=0, what="the variance of z")
        best = x.shape[1] * (1 + math.log(2 * math.pi)) / 2 + x.std(dim=0, correction=0).log().sum().item()
        assert_close(losses[-1], best, atol=1e-2, rtol=0, what="the last loss")

    @few
    @given(problem=affine_problems(), steps=st.sampled_from([1, 0, 2, 3]))  # one step is tried in any case
    def test_what_it_returns(self, target, problem, steps):
        """It returns new tensors without gradients, and the NLL before each step; it leaves its inputs alone."""
        x, start = problem
        with unchanged(x, *start):
            fitted, losses = target.train_flow(x, start, affine_flow, steps, 0.01)
        assert_true(len(fitted) == 2, f"There should be 2 parameters, not {len(fitted)}.")
        for parameter, before in zip(fitted, start):
            assert_shape(parameter, before.shape, before.dtype, "a parameter")
            assert_true(not parameter.requires_grad, "A fitted parameter should not require gradients.")
        assert_true(len(losses) == steps, f"There should be {steps} losses, not {len(losses)}.")
        if steps == 0:
            assert_close(fitted, start, what="the parameters after no step")
        else:
            z, log_det = affine_flow(x, start)
            assert_close(losses[0], -(log_normal(z) + log_det).mean().item(), what="the first loss")

    def test_two_moons(self, target):
        """On two moons the NLL falls below that of the best Gaussian, and the fitted density sums to 1 over a grid."""
        x = moons(96, seed=41)
        # From this start fifteen steps come 0.34 nats below the Gaussian; from others they may not get there.
        start = coupling_parameters(layers=2, hidden=12, seed=41)
        fitted, losses = target.train_flow(x, start, coupling_flow, 15, 0.12)
        gaussian = 1 + math.log(2 * math.pi) + torch.linalg.slogdet(torch.cov(x.T)).logabsdet.item() / 2
        z, log_det = coupling_flow(x, fitted)
        nll = -(log_normal(z) + log_det).mean().item()
        assert_true(nll < gaussian - 0.2, f"The NLL is {nll:.3f} nats, that of a Gaussian {gaussian:.3f}.")
        assert_true(losses[-1] < losses[0], f"The NLL did not fall: {losses[0]:.3f} to {losses[-1]:.3f} nats.")
        side = torch.linspace(-4, 4, 101, dtype=torch.float64)
        z, log_det = coupling_flow(torch.cartesian_prod(side, side), fitted)
        mass = ((log_normal(z) + log_det).exp().sum() * (side[1] - side[0]) ** 2).item()
        assert_close(mass, 1.0, atol=0.03, rtol=0, what="the total mass of the density")


@test_case(name="train_flow - test_finds_the_maximum_likelihood", hidden=False)
def law_1(env):
    check_law(TestTrainFlow, "test_finds_the_maximum_likelihood", env)


@test_case(name="train_flow - test_what_it_returns", hidden=False)
def law_2(env):
    check_law(TestTrainFlow, "test_what_it_returns", env)


@test_case(name="train_flow - test_two_moons", hidden=False)
def law_3(env):
    check_law(TestTrainFlow, "test_two_moons", env)
