"""The laws of additive_coupling, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, gaussians, gradient, seeds, unchanged

OK_FORMAT = False
name = "additive_coupling"
points = [2, 0, 0]
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
def halves_cases(draw):
    half = draw(st.integers(1, 3))
    return draw(gaussians((draw(st.integers(1, 3)), 2 * half))), network((half,), (half,), draw(seeds()))


@pytest.mark.exercise("additive_coupling", points=2)
class TestAdditiveCoupling:
    @some
    @given(case=halves_cases())
    def test_second_half_passes_first_is_shifted(self, target, case):
        """The second half of the entries is unchanged, the first is shifted by network(second half)."""
        x, net = case
        half = x.shape[1] // 2
        with unchanged(x):
            z, _ = target.additive_coupling(x, net)
        assert_shape(z, x.shape, x.dtype, "z")
        assert_equal(z[:, half:], x[:, half:], "the second half of z")
        assert_close(z[:, :half] - x[:, :half], net(x[:, half:]), what="the shift of the first half")

    @some
    @given(case=halves_cases())
    def test_inverse(self, target, case):
        """The inverse undoes the layer, and the layer undoes the inverse."""
        x, net = case
        z, _ = target.additive_coupling(x, net)
        with unchanged(z):
            assert_close(target.additive_coupling_inverse(z, net), x, what="the inverse of z")
        assert_close(target.additive_coupling(target.additive_coupling_inverse(x, net), net)[0], x)

    @few
    @given(case=halves_cases())
    def test_volume_is_preserved(self, target, case):
        """log_det is 0, and that is also the log-determinant of the Jacobian."""
        x, net = case
        assert_equal(target.additive_coupling(x, net)[1], torch.zeros(x.shape[0], dtype=x.dtype), "log_det")
        by_autograd = log_det_by_autograd(lambda x: target.additive_coupling(x, net)[0], x)
        assert_close(by_autograd, torch.zeros(x.shape[0], dtype=x.dtype), what="log|det| of the Jacobian")


@test_case(name="additive_coupling - test_second_half_passes_first_is_shifted", hidden=False)
def law_1(env):
    check_law(TestAdditiveCoupling, "test_second_half_passes_first_is_shifted", env)


@test_case(name="additive_coupling - test_inverse", hidden=False)
def law_2(env):
    check_law(TestAdditiveCoupling, "test_inverse", env)


@test_case(name="additive_coupling - test_volume_is_preserved", hidden=False)
def law_3(env):
    check_law(TestAdditiveCoupling, "test_volume_is_preserved", env)
