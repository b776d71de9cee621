"""The laws of glow_step, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, gaussians, gradient, seeds, tensors, unchanged

OK_FORMAT = False
name = "glow_step"
points = [3, 0, 0]
all_or_nothing = True


some = settings(max_examples=6)
handful = settings(max_examples=2)


def draw_normal(*shape, seed=0, scale=1.0, dtype=torch.float64):
    """Normal numbers that depend on the seed only."""
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def network(event_in, event_out, seed, scale=0.7):
    """A random network with one hidden layer for events of any shape."""
    first = draw_normal(math.prod(event_in), 4, seed=seed)
    second = draw_normal(4, math.prod(event_out), seed=seed + 1, scale=scale)
    bias = draw_normal(math.prod(event_out), seed=seed + 2, scale=scale)

    def call(x):
        assert_shape(x, (x.shape[0], *event_in), what="what the network is called with")
        hidden = torch.tanh(x.reshape(x.shape[0], math.prod(event_in)) @ first.to(x.dtype))
        return (hidden @ second.to(x.dtype) + bias.to(x.dtype)).reshape(x.shape[0], *event_out)

    call.description = f"a random network from {tuple(event_in)} to {tuple(event_out)}"
    return call


def log_det_by_autograd(function, x):
    """log|det| of the autograd Jacobian of every sample, for a function that treats the samples of a batch alone."""
    batch, size = x.shape[0], math.prod(x.shape[1:])
    # One copy of the batch for each row: all rows come of one backward pass, which takes output i of copy i.
    copies = x.repeat(size, *[1] * (x.dim() - 1))
    rows = gradient(lambda x: function(x).reshape(size, batch, size).diagonal(dim1=0, dim2=2).sum(), copies)
    return torch.linalg.slogdet(rows.reshape(size, batch, size).transpose(0, 1)).logabsdet


@st.composite
def glow_step_cases(draw):
    # No side is a single pixel: each must count in log_det, in every example.
    half, (height, width) = draw(st.integers(1, 2)), draw(st.sampled_from([(2, 2), (2, 3), (3, 2)]))
    channels = 2 * half
    x = draw(gaussians((2, channels, height, width)))
    # A random rotation with scaled columns is well-conditioned, so that tolerances may be tight.
    weight = torch.linalg.qr(draw(gaussians((channels, channels))))[0] * draw(tensors(channels, 0.5, 2.0))
    net = network((half, height, width), (channels, height, width), draw(seeds()), scale=0.5)
    return x, draw(gaussians(channels, scale=0.5)), draw(gaussians(channels)), weight, net


@pytest.mark.exercise("glow_step", points=3)
class TestGlowStep:
    @some
    @given(case=glow_step_cases())
    def test_three_maps_in_order(self, target, case):
        """A step is actnorm, then the 1\xd71 convolution, then the affine coupling on the first half of the channels."""
        x, log_scale, bias, weight, net = case
        with unchanged(*case[:-1]):
            z, _ = target.glow_step(*case)
        half = x.shape[1] // 2
        v = F.conv2d(x * log_scale.exp()[:, None, None] + bias[:, None, None], weight[:, :, None, None])
        answer = net(v[:, half:])
        changed = v[:, :half] * answer[:, :half].exp() + answer[:, half:]
        assert_close(z, torch.cat([changed, v[:, half:]], dim=1), what="z")

    @handful
    @given(case=glow_step_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det \u2202z/\u2202x| of the whole step, for every sample."""
        x, *step = case
        expected = log_det_by_autograd(lambda x: target.glow_step(x, *step)[0], x)
        assert_close(target.glow_step(x, *step)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")

    @some
    @given(case=glow_step_cases())
    def test_inverse(self, target, case):
        """The inverse undoes the step, and the step undoes the inverse."""
        x, *step = case
        z, _ = target.glow_step(x, *step)
        with unchanged(z, *step[:-1]):
            assert_close(target.glow_step_inverse(z, *step), x, rtol=1e-8, atol=1e-8, what="the inverse of z")
        back = target.glow_step(target.glow_step_inverse(x, *step), *step)[0]
        assert_close(back, x, rtol=1e-8, atol=1e-8, what="forward of the inverse")


@test_case(name="glow_step - test_three_maps_in_order", hidden=False)
def law_1(env):
    check_law(TestGlowStep, "test_three_maps_in_order", env)


@test_case(name="glow_step - test_log_det_is_that_of_the_jacobian", hidden=False)
def law_2(env):
    check_law(TestGlowStep, "test_log_det_is_that_of_the_jacobian", env)


@test_case(name="glow_step - test_inverse", hidden=False)
def law_3(env):
    check_law(TestGlowStep, "test_inverse", env)
