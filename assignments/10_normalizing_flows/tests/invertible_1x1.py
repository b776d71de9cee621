"""The laws of invertible_1x1, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, gradient, unchanged

OK_FORMAT = False
name = "invertible_1x1"
points = [3, 0, 0]
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
def lu_cases(draw, free=False):
    """Images and the five factors; with `free`, the unused triangles hold numbers too."""
    x = draw(images(longest=1))[:, :, : draw(st.integers(1, 2))]
    channels = x.shape[1]
    order = draw(st.permutations(range(channels)))
    permutation = torch.eye(channels, dtype=x.dtype)[list(order)]
    lower, upper = draw(gaussians((channels, channels))), draw(gaussians((channels, channels)))
    if not free:
        lower, upper = lower.tril(-1), upper.triu(1)
    sign = draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=channels, max_size=channels))
    log_diagonal = draw(gaussians(channels, scale=0.5))
    return x, permutation, lower, upper, torch.tensor(sign, dtype=x.dtype), log_diagonal


@pytest.mark.exercise("invertible_1x1", points=3)
class TestInvertible1x1:
    @some
    @given(case=lu_cases())
    def test_multiplies_every_pixel(self, target, case):
        """Each pixel's vector of channels is multiplied by W = P (lower + I) (upper + diag(sign\xb7exp(log_diagonal)))."""
        x, permutation, lower, upper, sign, log_diagonal = case
        with unchanged(*case):
            z, _ = target.invertible_1x1(*case)
        eye = torch.eye(x.shape[1], dtype=x.dtype)
        weight = permutation @ (lower + eye) @ (upper + torch.diag(sign * log_diagonal.exp()))
        assert_close(z, F.conv2d(x, weight[:, :, None, None]), what="z")

    @few
    @given(case=lu_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det \u2202z/\u2202x| of the whole image, for every sample."""
        x, *layer = case
        expected = log_det_by_autograd(lambda x: target.invertible_1x1(x, *layer)[0], x)
        assert_close(target.invertible_1x1(x, *layer)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")

    @some
    @given(case=lu_cases(free=True))
    def test_inverse(self, target, case):
        """The inverse undoes the layer, and the layer undoes the inverse."""
        x, *layer = case
        z, _ = target.invertible_1x1(x, *layer)
        with unchanged(z, *layer):
            # Factors with entries up to 3 make condition numbers up to about 1e4.
            assert_close(target.invertible_1x1_inverse(z, *layer), x, rtol=1e-7, atol=1e-7, what="the inverse of z")
        back = target.invertible_1x1(target.invertible_1x1_inverse(x, *layer), *layer)[0]
        assert_close(back, x, rtol=1e-7, atol=1e-7, what="forward of the inverse")


@test_case(name="invertible_1x1 - test_multiplies_every_pixel", hidden=False)
def law_1(env):
    check_law(TestInvertible1x1, "test_multiplies_every_pixel", env)


@test_case(name="invertible_1x1 - test_log_det_is_that_of_the_jacobian", hidden=False)
def law_2(env):
    check_law(TestInvertible1x1, "test_log_det_is_that_of_the_jacobian", env)


@test_case(name="invertible_1x1 - test_inverse", hidden=False)
def law_3(env):
    check_law(TestInvertible1x1, "test_inverse", env)
