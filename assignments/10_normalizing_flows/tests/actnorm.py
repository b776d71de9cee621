"""The laws of actnorm, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, gaussians, gradient, unchanged

OK_FORMAT = False
name = "actnorm"
points = [2, 0, 0]
all_or_nothing = True


some = settings(max_examples=6)
few = settings(max_examples=4)


def log_det_by_autograd(function, x):
    """log|det| of the autograd Jacobian of every sample, for a function that treats the samples of a batch alone."""
    batch, size = x.shape[0], math.prod(x.shape[1:])
    # One copy of the batch for each row: all rows come of one backward pass, which takes output i of copy i.
    copies = x.repeat(size, *[1] * (x.dim() - 1))
    rows = gradient(lambda x: function(x).reshape(size, batch, size).diagonal(dim1=0, dim2=2).sum(), copies)
    return torch.linalg.slogdet(rows.reshape(size, batch, size).transpose(0, 1)).logabsdet


@st.composite
def images(draw, longest=3):
    """Two images of up to three channels whose sides are up to `longest` pairs of pixels."""
    channels = draw(st.integers(1, 3))
    height, width = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    return draw(gaussians((2, channels, 2 * height, 2 * width)))


@st.composite
def actnorm_cases(draw):
    x = draw(images(longest=1))
    x = x[:, :, : draw(st.integers(1, 2))]
    return x, draw(gaussians(x.shape[1], scale=0.7)), draw(gaussians(x.shape[1]))


@pytest.mark.exercise("actnorm", points=2)
class TestActnorm:
    @some
    @given(case=actnorm_cases())
    def test_one_affine_map_for_each_channel(self, target, case):
        """Channel c becomes exp(log_scale[c])\xb7x + bias[c]."""
        x, log_scale, bias = case
        with unchanged(x, log_scale, bias):
            z, _ = target.actnorm(x, log_scale, bias)
        assert_shape(z, x.shape, x.dtype, "z")
        for c in range(x.shape[1]):
            assert_close(z[:, c], x[:, c] * math.exp(log_scale[c]) + bias[c], what=f"channel {c} of z")

    @few
    @given(case=actnorm_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det \u2202z/\u2202x| of the whole image, for every sample."""
        x, *layer = case
        expected = log_det_by_autograd(lambda x: target.actnorm(x, *layer)[0], x)
        assert_close(target.actnorm(x, *layer)[1], expected, what="log_det")

    @some
    @given(case=actnorm_cases())
    def test_inverse(self, target, case):
        """The inverse undoes the layer, and the layer undoes the inverse."""
        x, *layer = case
        z, _ = target.actnorm(x, *layer)
        with unchanged(z):
            assert_close(target.actnorm_inverse(z, *layer), x, what="the inverse of z")
        assert_close(target.actnorm(target.actnorm_inverse(x, *layer), *layer)[0], x)


@test_case(name="actnorm - test_one_affine_map_for_each_channel", hidden=False)
def law_1(env):
    check_law(TestActnorm, "test_one_affine_map_for_each_channel", env)


@test_case(name="actnorm - test_log_det_is_that_of_the_jacobian", hidden=False)
def law_2(env):
    check_law(TestActnorm, "test_log_det_is_that_of_the_jacobian", env)


@test_case(name="actnorm - test_inverse", hidden=False)
def law_3(env):
    check_law(TestActnorm, "test_inverse", env)
