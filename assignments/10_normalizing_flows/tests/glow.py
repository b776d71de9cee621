"""The laws of glow, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, gradient, seeds, unchanged

OK_FORMAT = False
name = "glow"
points = [3, 0, 0]
all_or_nothing = True


few = settings(max_examples=4)
handful = settings(max_examples=2)


def draw_normal(*shape, seed=0, scale=1.0, dtype=torch.float64):
    """Normal numbers that depend on the seed only."""
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def log_det_by_autograd(function, x):
    """log|det| of the autograd Jacobian of every sample, for a function that treats the samples of a batch alone."""
    batch, size = x.shape[0], math.prod(x.shape[1:])
    # One copy of the batch for each row: all rows come of one backward pass, which takes output i of copy i.
    copies = x.repeat(size, *[1] * (x.dim() - 1))
    rows = gradient(lambda x: function(x).reshape(size, batch, size).diagonal(dim1=0, dim2=2).sum(), copies)
    return torch.linalg.slogdet(rows.reshape(size, batch, size).transpose(0, 1)).logabsdet


def bent_flow():
    """The flow z = asinh(x) entry by entry, whose log_det differs from sample to sample."""

    def forward(x):
        return x.asinh(), -0.5 * (1 + x**2).log().flatten(1).sum(dim=1)

    forward.description = "forward of z = asinh(x)"
    return forward, torch.sinh


def channel_flow(channels, seed):
    """A flow of images: a random well-conditioned matrix on the channels, then a shift that grows with the column."""
    scale = draw_normal(channels, seed=seed, scale=0.2).exp()
    weight = torch.linalg.qr(draw_normal(channels, channels, seed=seed + 1))[0] * scale
    shift = draw_normal(channels, seed=seed + 2)
    undo = torch.linalg.inv(weight)

    def forward(x):
        pixels = x.shape[2] * x.shape[3]
        columns = torch.arange(1.0, x.shape[3] + 1).to(x.dtype)
        z = torch.einsum("oc,bchw->bohw", weight.to(x.dtype), x) + shift.to(x.dtype)[:, None, None] * columns
        return z, (pixels * scale.log().sum()).to(x.dtype).expand(x.shape[0]) + 0 * z.flatten(1).sum(1)

    def inverse(z):
        columns = torch.arange(1.0, z.shape[3] + 1).to(z.dtype)
        return torch.einsum("oc,bchw->bohw", undo.to(z.dtype), z - shift.to(z.dtype)[:, None, None] * columns)

    forward.description = f"forward of a random flow of images with {channels} channels"
    inverse.description = f"inverse of a random flow of images with {channels} channels"
    return forward, inverse


def glow_levels(channels, steps, seed):
    """For each level the given number of random flows for its number of channels, the first level's last one bent."""
    levels = []
    for index, count in enumerate(steps):
        channels_here = 4 * channels * 2**index
        flows = [channel_flow(channels_here, seed + 10 * index + k) for k in range(count)]
        levels.append([*flows, bent_flow()] if index == 0 else flows)
    return levels


@st.composite
def glow_cases(draw, most_levels=2):
    steps = draw(st.lists(st.integers(0, 2), min_size=1, max_size=most_levels))
    channels = draw(st.integers(1, 2)) if len(steps) == 1 else 1
    side = 2 ** len(steps)
    x = draw(gaussians((2, channels, side, side)))
    return x, glow_levels(channels, steps, draw(seeds()))


def glow_by_hand(x, levels):
    """The latents of the multi-scale flow, with torch's pixel_unshuffle."""
    latents, log_det = [], torch.zeros(x.shape[0], dtype=x.dtype)
    for index, flows in enumerate(levels):
        x = F.pixel_unshuffle(x, 2)
        for forward, _ in flows:
            x, one = forward(x)
            log_det = log_det + one
        half = x.shape[1] // 2
        if index + 1 < len(levels):
            latents.append(x[:, half:])
            x = x[:, :half]
    return [*latents, x], log_det


TWO_LEVELS = draw_normal(2, 1, 4, 4), glow_levels(1, [2, 1], seed=0)


@pytest.mark.exercise("glow", points=3)
class TestGlow:
    @few
    @given(case=glow_cases(most_levels=3))
    @example(case=TWO_LEVELS)
    def test_levels_and_steps_in_order(self, target, case):
        """Each level squeezes, applies its steps in order, and, but for the last, gives up half of its channels."""
        x, levels = case
        with unchanged(x):
            latents, log_det = target.glow(x, levels)
        expected, total = glow_by_hand(x, levels)
        assert_close(latents, expected, rtol=1e-8, atol=1e-8, what="the latents")
        assert_close(log_det, total, what="log_det")

    @few
    @given(case=glow_cases(most_levels=3))
    @example(case=TWO_LEVELS)
    def test_inverse(self, target, case):
        """The inverse gives the image back from its latents."""
        x, levels = case
        latents, _ = target.glow(x, levels)
        with unchanged(*latents):
            back = target.glow_inverse(latents, levels)
        assert_close(back, x, rtol=1e-7, atol=1e-7, what="the inverse of the latents")

    @handful
    @given(case=glow_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det| of the Jacobian from the image to all latents together, for every sample."""
        x, levels = case

        def flat(x):
            return torch.cat([latent.flatten(start_dim=1) for latent in target.glow(x, levels)[0]], dim=1)

        expected = log_det_by_autograd(flat, x)
        assert_close(target.glow(x, levels)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")


@test_case(name="glow - test_levels_and_steps_in_order", hidden=False)
def law_1(env):
    check_law(TestGlow, "test_levels_and_steps_in_order", env)


@test_case(name="glow - test_inverse", hidden=False)
def law_2(env):
    check_law(TestGlow, "test_inverse", env)


@test_case(name="glow - test_log_det_is_that_of_the_jacobian", hidden=False)
def law_3(env):
    check_law(TestGlow, "test_log_det_is_that_of_the_jacobian", env)
