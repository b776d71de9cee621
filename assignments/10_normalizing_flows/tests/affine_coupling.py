"""The laws of affine_coupling, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    assert_equal,
    assert_shape,
    gaussians,
    gradient,
    reals,
    seeds,
    unchanged,
)

OK_FORMAT = False
name = "affine_coupling"
points = [3, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=6)
few = settings(max_examples=4)


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
def masked_cases(draw):
    """x, a mask of zeros and ones, and two networks, for vectors or images."""
    event = draw(st.sampled_from([(2,), (3,), (2, 2, 2), (1, 2, 3)]))
    if len(event) == 1:
        mask = torch.arange(event[0]) % 2
    elif event[0] == 2 and draw(st.booleans()):
        mask = torch.tensor([1, 0])[:, None, None]
    else:
        mask = torch.arange(event[1])[:, None] + torch.arange(event[2])
        mask = mask % 2
    mask = mask.float()
    if draw(st.booleans()):
        mask = 1 - mask
    x = draw(gaussians((2, *event)))
    seed = draw(seeds())
    return x, mask, network(event, event, seed), network(event, event, seed + 10)


def constant(value):
    """A function that returns one value everywhere."""

    def call(x):
        return torch.full_like(x, value)

    call.description = f"constant {value:g}"
    return call


@pytest.mark.exercise("affine_coupling", points=3)
class TestAffineCoupling:
    @some
    @given(case=masked_cases())
    def test_masked_entries_pass(self, target, case):
        """Where the mask is 1 the entries are exactly unchanged."""
        x, mask, scale, shift = case
        with unchanged(x, mask):
            z, _ = target.affine_coupling(x, mask, scale, shift)
        assert_shape(z, x.shape, x.dtype, "z")
        assert_equal(mask * z, mask * x, "the entries that pass through")

    @some
    @given(case=masked_cases())
    def test_inverse(self, target, case):
        """The inverse undoes the layer, and the layer undoes the inverse."""
        x, *layer = case
        z, _ = target.affine_coupling(x, *layer)
        with unchanged(z):
            assert_close(target.affine_coupling_inverse(z, *layer), x, what="the inverse of z")
        assert_close(target.affine_coupling(target.affine_coupling_inverse(x, *layer), *layer)[0], x)

    @few
    @given(case=masked_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det \u2202z/\u2202x| of the map, for every sample."""
        x, *layer = case
        expected = log_det_by_autograd(lambda x: target.affine_coupling(x, *layer)[0], x)
        assert_close(target.affine_coupling(x, *layer)[1], expected, what="log_det")

    @some
    @given(x=gaussians((2, 4)), s=reals(-2.0, 2.0), t=reals())
    @example(x=draw_normal(2, 4), s=0.7, t=-1.3)
    def test_constant_networks(self, target, x, s, t):
        """With s and t constant, entries under a 0 become x\xb7exp(s) + t, and log_det is s times their number."""
        mask = torch.tensor([0.0, 1.0, 0.0, 0.0])
        z, log_det = target.affine_coupling(x, mask, constant(s), constant(t))
        assert_close(z[:, [0, 2, 3]], x[:, [0, 2, 3]] * math.exp(s) + t, what="the entries under a 0")
        assert_close(log_det, torch.full((2,), 3 * s, dtype=x.dtype), what="log_det")


@test_case(name="affine_coupling - test_masked_entries_pass", hidden=False)
def law_1(env):
    check_law(TestAffineCoupling, "test_masked_entries_pass", env)


@test_case(name="affine_coupling - test_inverse", hidden=False)
def law_2(env):
    check_law(TestAffineCoupling, "test_inverse", env)


@test_case(name="affine_coupling - test_log_det_is_that_of_the_jacobian", hidden=False)
def law_3(env):
    check_law(TestAffineCoupling, "test_log_det_is_that_of_the_jacobian", env)


@test_case(name="affine_coupling - test_constant_networks", hidden=False)
def law_4(env):
    check_law(TestAffineCoupling, "test_constant_networks", env)
