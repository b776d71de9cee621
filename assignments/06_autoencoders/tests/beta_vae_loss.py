"""The laws of beta_vae_loss, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from autograder.laws import assert_close, assert_true, gaussians, gradient, reals, tensors, unchanged

OK_FORMAT = False
name = "beta_vae_loss"
points = [1, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)


def noise_points(m, d):
    """The 2d noise samples \xb1\u221ad\xb7e_j for each of m points, of shape (2d, m, d): mean 0, covariance exactly I."""
    points = math.sqrt(d) * torch.cat([torch.eye(d), -torch.eye(d)]).double()
    return points[:, None, :].expand(2 * d, m, d)


@st.composite
def linear_models(draw):
    """A linear-Gaussian model (W, b, \u03c3) and data; W has orthogonal columns, so that the posterior is diagonal."""
    n, d = draw(st.sampled_from([(3, 2), (4, 2), (4, 3), (2, 1)]))
    m = draw(st.integers(1, 3))
    basis = torch.linalg.qr(draw(gaussians((n, d)))).Q
    return basis * draw(tensors(d, 0.5, 2)), draw(tensors(n)), draw(reals(0.3, 1.5)), draw(tensors((m, n)))


def decoder_of(model):
    """log p(x|z) of a linear-Gaussian model as a function of data and codes."""
    weight, offset, sigma, _ = model

    def log_likelihood(x, z):
        return Normal((z @ weight.to(z.dtype).T + offset.to(z.dtype)), sigma).log_prob(x).sum(dim=-1)

    log_likelihood.description = "log p(x|z) of a linear-Gaussian model"
    return log_likelihood


def log_evidence(model):
    """The exact log p(x) of a linear-Gaussian model at its data."""
    weight, offset, sigma, x = model
    identity = torch.eye(len(offset), dtype=x.dtype)
    return MultivariateNormal(offset, weight @ weight.T + sigma**2 * identity).log_prob(x)


def posterior(model):
    """The exact posterior of a linear-Gaussian model: its means, one per data point, and its covariance."""
    weight, offset, sigma, x = model
    precision = torch.eye(weight.shape[1], dtype=x.dtype) + weight.T @ weight / sigma**2
    covariance = torch.linalg.inv(precision)
    covariance = (covariance + covariance.T) / 2
    return (x - offset) @ weight @ covariance / sigma**2, covariance


def diagonal_posterior(model):
    """Mean and logarithm of the variances of a posterior whose covariance is diagonal."""
    mean, covariance = posterior(model)
    return mean, covariance.diagonal().log().expand_as(mean)


@st.composite
def batches_of_terms(draw):
    """Reconstruction terms of a batch, and means and log-variances of its codes."""
    m, d = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    return draw(tensors(m, -9, 0)), draw(tensors((m, d))), draw(tensors((m, d)))


def rates(mu, logvar):
    """KL(N(\u03bc, diag exp(logvar)) \u2016 N(0, I)) per data point."""
    return kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(dim=-1)


@pytest.mark.exercise("beta_vae_loss", points=1)
class TestBetaVAELoss:
    @some
    @given(model=linear_models())
    def test_minus_elbo(self, target, model):
        """With \u03b2 = 1, the default, it is minus the mean ELBO: at the exact posterior minus the mean of log p(x)."""
        mu, logvar = diagonal_posterior(model)
        z = mu + (logvar / 2).exp() * noise_points(*mu.shape)
        reconstruction = decoder_of(model)(model[-1], z).mean(dim=0)
        expected = -log_evidence(model).mean()
        with unchanged(reconstruction, mu):
            assert_close(target.beta_vae_loss(reconstruction, mu, logvar), expected, atol=1e-8)
        assert_close(target.beta_vae_loss(reconstruction, mu, logvar, 1.0), expected, atol=1e-8)

    @some
    @given(terms=batches_of_terms(), beta=reals(0, 10))
    def test_value(self, target, terms, beta):
        """It is the mean over data points of minus the reconstruction plus \u03b2 times the rate."""
        reconstruction, mu, logvar = terms
        expected = (beta * rates(mu, logvar) - reconstruction).sum() / len(mu)
        assert_close(target.beta_vae_loss(reconstruction, mu, logvar, beta), expected, atol=1e-9)

    @some
    @given(terms=batches_of_terms(), beta=reals(0, 5), more=reals(0, 5))
    def test_monotone(self, target, terms, beta, more):
        """It grows with \u03b2, in proportion to the mean rate; with \u03b2 = 0 the codes cost nothing."""
        low = target.beta_vae_loss(*terms, beta)
        high = target.beta_vae_loss(*terms, beta + more)
        assert_true(high >= low - 1e-9, f"It is {low} for \u03b2 = {beta} and {high} for \u03b2 = {beta + more}.")
        assert_close(high - low, more * rates(*terms[1:]).mean(), atol=1e-8, what="the difference")
        assert_close(target.beta_vae_loss(*terms, 0.0), -terms[0].mean(), atol=1e-12, what="the loss for \u03b2 = 0")

    @some
    @given(terms=batches_of_terms(), beta=reals(0, 5))
    def test_gradient_splits(self, target, terms, beta):
        """The reconstruction's share of the gradient is free of \u03b2; that of the codes is \u03b2 times the rate's."""
        reconstruction, mu, logvar = terms
        m = len(mu)
        slope = gradient(lambda r: target.beta_vae_loss(r, mu, logvar, beta), reconstruction)
        assert_close(slope, torch.full_like(reconstruction, -1 / m), what="the gradient in the reconstruction")
        slope = gradient(lambda a: target.beta_vae_loss(reconstruction, a, logvar, beta), mu)
        assert_close(slope, beta * mu / m, atol=1e-12, what="the gradient in \u03bc")
        slope = gradient(lambda v: target.beta_vae_loss(reconstruction, mu, v, beta), logvar)
        assert_close(slope, beta * (logvar.exp() - 1) / (2 * m), atol=1e-12, what="the gradient in logvar")


@test_case(name="beta_vae_loss - test_minus_elbo", hidden=False)
def law_1(env):
    check_law(TestBetaVAELoss, "test_minus_elbo", env)


@test_case(name="beta_vae_loss - test_value", hidden=False)
def law_2(env):
    check_law(TestBetaVAELoss, "test_value", env)


@test_case(name="beta_vae_loss - test_monotone", hidden=False)
def law_3(env):
    check_law(TestBetaVAELoss, "test_monotone", env)


@test_case(name="beta_vae_loss - test_gradient_splits", hidden=False)
def law_4(env):
    check_law(TestBetaVAELoss, "test_gradient_splits", env)
