"""The laws of gaussian_kl, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from autograder.laws import assert_close, assert_true, gradient, shapes, tensors, unchanged

OK_FORMAT = False
name = "gaussian_kl"
points = [1, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)


@st.composite
def codes(draw):
    """Means and logarithms of variances of a batch of diagonal Gaussians."""
    shape = draw(shapes(1, 3))
    return draw(tensors(shape)), draw(tensors(shape))


def noise_points(m, d):
    """The 2d noise samples \xb1\u221ad\xb7e_j for each of m points, of shape (2d, m, d): mean 0, covariance exactly I."""
    points = math.sqrt(d) * torch.cat([torch.eye(d), -torch.eye(d)]).double()
    return points[:, None, :].expand(2 * d, m, d)


def log_normal(z, mu=0.0, logvar=0.0):
    """log N(z; \u03bc, diag exp(logvar)), summed over the last axis."""
    scale = torch.exp(torch.as_tensor(logvar, dtype=z.dtype) / 2)
    return Normal(torch.as_tensor(mu, dtype=z.dtype), scale).log_prob(z).sum(dim=-1)


@pytest.mark.exercise("gaussian_kl", points=1)
class TestGaussianKL:
    @some
    @given(code=codes())
    def test_value(self, target, code):
        """It is the divergence that torch.distributions computes, added up over the latent dimensions."""
        mu, logvar = code
        parts = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0))
        with unchanged(mu, logvar):
            assert_close(target.gaussian_kl(mu, logvar), parts.sum(dim=-1), atol=1e-9)

    @some
    @given(mu=tensors((4, 3)), logvar=tensors((4, 3)))
    def test_expectation(self, target, mu, logvar):
        """It is the expectation under q of log q(z) \u2212 log p(z)."""
        z = mu + (logvar / 2).exp() * noise_points(4, 3)
        expected = (log_normal(z, mu, logvar) - log_normal(z)).mean(dim=0)
        assert_close(target.gaussian_kl(mu, logvar), expected, atol=1e-9)

    @some
    @given(code=codes(), where=st.integers(0, 100), shift=st.sampled_from([-0.5, 1e-3, 2.0]))
    def test_zero_only_for_the_prior(self, target, code, where, shift):
        """It is 0 for \u03bc = 0 and \u03c3 = 1, and positive as soon as one mean or one variance differs."""
        zeros = torch.zeros_like(code[0])
        assert_close(target.gaussian_kl(zeros, zeros), zeros.sum(dim=-1), atol=1e-12)
        changed = zeros.flatten().clone()
        changed[where % len(changed)] = shift
        changed = changed.reshape(zeros.shape)
        for mu, logvar in ((changed, zeros), (zeros, changed)):
            divergence = target.gaussian_kl(mu, logvar)
            assert_true(divergence.min() >= -1e-12, f"A divergence is {divergence.min().item()}.")
            assert_true(divergence.max() > 1e-8, "It is 0 for a distribution that is not the prior.")

    @some
    @given(mu=tensors((2, 3)), logvar=tensors((2, 3)))
    def test_gradient(self, target, mu, logvar):
        """Its gradient is \u03bc in the mean and \xbd(\u03c3\xb2 \u2212 1) in logvar."""
        assert_close(gradient(lambda m: target.gaussian_kl(m, logvar).sum(), mu), mu, what="the gradient in \u03bc")
        slope = gradient(lambda v: target.gaussian_kl(mu, v).sum(), logvar)
        assert_close(slope, (logvar.exp() - 1) / 2, atol=1e-12, what="the gradient in logvar")


@test_case(name="gaussian_kl - test_value", hidden=False)
def law_1(env):
    check_law(TestGaussianKL, "test_value", env)


@test_case(name="gaussian_kl - test_expectation", hidden=False)
def law_2(env):
    check_law(TestGaussianKL, "test_expectation", env)


@test_case(name="gaussian_kl - test_zero_only_for_the_prior", hidden=False)
def law_3(env):
    check_law(TestGaussianKL, "test_zero_only_for_the_prior", env)


@test_case(name="gaussian_kl - test_gradient", hidden=False)
def law_4(env):
    check_law(TestGaussianKL, "test_gradient", env)
