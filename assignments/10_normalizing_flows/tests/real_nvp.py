"""The laws of real_nvp, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, gradient, seeds, unchanged

OK_FORMAT = False
name = "real_nvp"
points = [3, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=6)
few = settings(max_examples=4)


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


@st.composite
def coupling_stacks(draw, depth=None, half=None):
    """x and the layers of a `real_nvp`, of the given depth and half-width or random ones."""
    half = half or draw(st.integers(1, 3))
    hidden, seed = draw(st.integers(1, 3)), draw(seeds())
    layers = coupling_layers(half, hidden, depth or draw(st.integers(2, 4)), seed)
    return draw(gaussians((draw(st.integers(1, 3)), 2 * half))), layers


def coupling_layers(half, hidden, depth, seed):
    """Random layers of a `real_nvp` for points of twice `half` entries."""
    shapes = [(hidden, half), (hidden,), (2 * half, hidden), (2 * half,)]
    return [[draw_normal(*shape, seed=seed + 9 * k + i) for i, shape in enumerate(shapes)] for k in range(depth)]


def swap_halves(x):
    """The two halves of the last axis exchanged."""
    return x.roll(x.shape[-1] // 2, dims=-1)


@pytest.mark.exercise("real_nvp", points=3)
class TestRealNVP:
    @some
    @given(case=coupling_stacks(depth=1))
    def test_one_layer(self, target, case):
        """One layer leaves the second half alone and maps the first to x_A\xb7exp(s) + t, with s bounded by tanh."""
        x, [(w1, b1, w2, b2)] = case
        half = x.shape[1] // 2
        with unchanged(x):
            z, log_det = target.real_nvp(x, [(w1, b1, w2, b2)])
        answer = F.linear(F.linear(x[:, half:], w1, b1).tanh(), w2, b2)
        s, t = answer[:, :half].tanh(), answer[:, half:]
        assert_close(z, torch.cat([x[:, :half] * s.exp() + t, x[:, half:]], dim=1), what="z")
        assert_close(log_det, s.sum(dim=1), what="log_det")

    @some
    @given(case=coupling_stacks(depth=2))
    def test_halves_alternate(self, target, case):
        """The second layer does to the swapped halves what a first layer does."""
        x, (first, second) = case
        middle, log_det_1 = target.real_nvp(x, [first])
        swapped, log_det_2 = target.real_nvp(swap_halves(middle), [second])
        z, log_det = target.real_nvp(x, [first, second])
        assert_close(z, swap_halves(swapped), what="z")
        assert_close(log_det, log_det_1 + log_det_2, what="log_det")

    @some
    @given(case=coupling_stacks())
    def test_inverse(self, target, case):
        """The inverse undoes the flow, and the flow undoes the inverse."""
        x, layers = case
        # An odd and an even number of layers.
        for stack in (layers, layers[1:]):
            z, _ = target.real_nvp(x, stack)
            with unchanged(z):
                assert_close(target.real_nvp_inverse(z, stack), x, rtol=1e-8, atol=1e-8, what="the inverse of z")
        back = target.real_nvp(target.real_nvp_inverse(x, layers), layers)[0]
        assert_close(back, x, rtol=1e-8, atol=1e-8, what="forward of the inverse")

    @few
    @given(case=coupling_stacks())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det \u2202z/\u2202x| of the whole stack, for every sample."""
        x, layers = case
        expected = log_det_by_autograd(lambda x: target.real_nvp(x, layers)[0], x)
        assert_close(target.real_nvp(x, layers)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")


@test_case(name="real_nvp - test_one_layer", hidden=False)
def law_1(env):
    check_law(TestRealNVP, "test_one_layer", env)


@test_case(name="real_nvp - test_halves_alternate", hidden=False)
def law_2(env):
    check_law(TestRealNVP, "test_halves_alternate", env)


@test_case(name="real_nvp - test_inverse", hidden=False)
def law_3(env):
    check_law(TestRealNVP, "test_inverse", env)


@test_case(name="real_nvp - test_log_det_is_that_of_the_jacobian", hidden=False)
def law_4(env):
    check_law(TestRealNVP, "test_log_det_is_that_of_the_jacobian", env)
