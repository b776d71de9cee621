"""The laws of elbo, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from autograder.laws import assert_close, assert_shape, assert_true, gaussians, reals, tensors, unchanged

OK_FORMAT = False
name = "elbo"
points = [2, 0, 0]
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


@st.composite
def models_with_encoders(draw):
    """A linear-Gaussian model with any W, data, and a diagonal Gaussian for every data point."""
    weight, offset, sigma, x = draw(linear_models())
    d = weight.shape[1]
    weight = weight + 0.5 * draw(gaussians(tuple(weight.shape)))
    return (weight, offset, sigma, x), draw(tensors((len(x), d))), draw(tensors((len(x), d), -2, 1))


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


@pytest.mark.exercise("elbo", points=2)
class TestElbo:
    @some
    @given(model=linear_models())
    def test_tight_at_the_posterior(self, target, model):
        """At the exact posterior of a linear-Gaussian model it equals the exact log p(x) of every data point."""
        x = model[-1]
        mu, logvar = diagonal_posterior(model)
        eps = noise_points(*mu.shape)
        with unchanged(x, mu, eps):
            bound = target.elbo(x, mu, logvar, eps, decoder_of(model))
        assert_close(bound, log_evidence(model), atol=1e-8, what="the ELBO")

    @some
    @given(case=models_with_encoders())
    def test_lower_bound(self, target, case):
        """Whatever the encoder says, it is at most log p(x)."""
        model, mu, logvar = case
        bound = target.elbo(model[-1], mu, logvar, noise_points(*mu.shape), decoder_of(model))
        exact = log_evidence(model)
        assert_shape(bound, (len(mu),), torch.float64, "the ELBO")
        assert_true(bool((bound <= exact + 1e-9).all()), f"The ELBO is {bound.tolist()}, log p(x) {exact.tolist()}.")

    @some
    @given(case=models_with_encoders())
    def test_gap(self, target, case):
        """What is missing to log p(x) is exactly the divergence from the encoder's distribution to the posterior."""
        model, mu, logvar = case
        bound = target.elbo(model[-1], mu, logvar, noise_points(*mu.shape), decoder_of(model))
        mean, covariance = posterior(model)
        encoder = MultivariateNormal(mu, torch.diag_embed(logvar.exp()))
        gap = kl_divergence(encoder, MultivariateNormal(mean, covariance))
        assert_close(log_evidence(model) - bound, gap, atol=1e-8, rtol=1e-8, what="the gap")


@test_case(name="elbo - test_tight_at_the_posterior", hidden=False)
def law_1(env):
    check_law(TestElbo, "test_tight_at_the_posterior", env)


@test_case(name="elbo - test_lower_bound", hidden=False)
def law_2(env):
    check_law(TestElbo, "test_lower_bound", env)


@test_case(name="elbo - test_gap", hidden=False)
def law_3(env):
    check_law(TestElbo, "test_gap", env)
