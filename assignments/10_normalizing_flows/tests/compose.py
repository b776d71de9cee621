"""The laws of compose, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, gradient, reals, seeds, unchanged

OK_FORMAT = False
name = "compose"
points = [2, 0, 0]
all_or_nothing = True


some = settings(max_examples=6)
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


def scaled_identity_flow(factor, offset):
    """The flow z = factor\xb7x + offset for events of any shape."""

    def forward(x):
        z = factor * x + offset
        return z, torch.full((x.shape[0],), math.prod(x.shape[1:]) * math.log(abs(factor)), dtype=x.dtype)

    forward.description = f"forward of z = {factor:g} x + {offset:g}"
    return forward, lambda z: (z - offset) / factor


def wave_flow(size, seed):
    """A flow of vectors that mixes the entries: a scaled shift that depends on the entry before, twice around."""
    factors, shifts = draw_normal(size, seed=seed, scale=0.3), draw_normal(size, seed=seed + 1)

    def forward(x):
        x = x.flip(1)
        parts, log_det = [x[:, :1] * factors[0].exp()], factors.sum().expand(x.shape[0])
        for i in range(1, size):
            parts.append(x[:, i : i + 1] * factors[i].exp() + shifts[i] * torch.sin(x[:, i - 1 : i]))
        return torch.cat(parts, dim=1), log_det

    def inverse(z):
        parts = [z[:, :1] * (-factors[0]).exp()]
        for i in range(1, size):
            parts.append((z[:, i : i + 1] - shifts[i] * torch.sin(parts[-1])) * (-factors[i]).exp())
        return torch.cat(parts, dim=1).flip(1)

    forward.description = "forward of a random flow of vectors"
    inverse.description = "inverse of a random flow of vectors"
    return forward, inverse


def bent_flow():
    """The flow z = asinh(x) entry by entry, whose log_det differs from sample to sample."""

    def forward(x):
        return x.asinh(), -0.5 * (1 + x**2).log().flatten(1).sum(dim=1)

    forward.description = "forward of z = asinh(x)"
    return forward, torch.sinh


@st.composite
def flow_lists(draw):
    size = draw(st.integers(1, 3))
    x = draw(gaussians((draw(st.integers(1, 3)), size)))
    kinds = draw(st.lists(st.booleans(), min_size=1, max_size=3))
    flows = []
    for wavy in kinds:
        if wavy:
            flows.append(wave_flow(size, draw(seeds())))
        else:
            flows.append(scaled_identity_flow(draw(reals(0.3, 3.0)), draw(reals(1.0, 3.0))))
    return x, [*flows, bent_flow()]


@pytest.mark.exercise("compose", points=2)
class TestCompose:
    @some
    @given(case=flow_lists())
    def test_applies_in_order_and_adds_log_dets(self, target, case):
        """Forwards the flows are applied in order, each to what the one before returned, and the log_dets add up."""
        x, flows = case
        forward, _ = target.compose(flows)
        with unchanged(x):
            z, log_det = forward(x)
        expected, total = x, torch.zeros(x.shape[0], dtype=x.dtype)
        for layer, _ in flows:
            expected, one = layer(expected)
            total = total + one
        assert_close(z, expected, what="z")
        assert_close(log_det, total, what="log_det")

    @some
    @given(case=flow_lists())
    def test_inverse(self, target, case):
        """Going back undoes going forth, whatever the order of the flows."""
        x, flows = case
        forward, inverse = target.compose(flows)
        assert_close(inverse(forward(x)[0]), x, rtol=1e-8, atol=1e-8, what="the inverse of z")
        assert_close(forward(inverse(x))[0], x, rtol=1e-8, atol=1e-8, what="forward of the inverse")

    @handful
    @given(case=flow_lists())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det \u2202z/\u2202x| of the whole chain."""
        x, flows = case
        forward, _ = target.compose(flows)
        expected = log_det_by_autograd(lambda x: forward(x)[0], x)
        assert_close(forward(x)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")


@test_case(name="compose - test_applies_in_order_and_adds_log_dets", hidden=False)
def law_1(env):
    check_law(TestCompose, "test_applies_in_order_and_adds_log_dets", env)


@test_case(name="compose - test_inverse", hidden=False)
def law_2(env):
    check_law(TestCompose, "test_inverse", env)


@test_case(name="compose - test_log_det_is_that_of_the_jacobian", hidden=False)
def law_3(env):
    check_law(TestCompose, "test_log_det_is_that_of_the_jacobian", env)
