"""The laws of importance_weighted_bound, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, Normal

from autograder.laws import (
    assert_close,
    assert_shape,
    assert_true,
    gaussians,
    reals,
    seeds,
    tensors,
    unchanged,
)

OK_FORMAT = False
name = "importance_weighted_bound"
points = [2, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)


def draw_normal(*shape, seed=0):
    """Normal numbers that depend on the seed only."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def log_normal(z, mu=0.0, logvar=0.0):
    """log N(z; \u03bc, diag exp(logvar)), summed over the last axis."""
    scale = torch.exp(torch.as_tensor(logvar, dtype=z.dtype) / 2)
    return Normal(torch.as_tensor(mu, dtype=z.dtype), scale).log_prob(z).sum(dim=-1)


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


@pytest.mark.exercise("importance_weighted_bound", points=2)
class TestImportanceWeightedBound:
    @some
    @given(model=linear_models(), samples=st.integers(1, 4), seed=seeds())
    def test_exact_at_the_posterior(self, target, model, samples, seed):
        """At the exact posterior all weights equal p(x): the bound is log p(x) for any noise and number of samples."""
        x = model[-1]
        mu, logvar = diagonal_posterior(model)
        eps = draw_normal(samples, *mu.shape, seed=seed)
        with unchanged(x, mu, eps):
            bound = target.importance_weighted_bound(x, mu, logvar, eps, decoder_of(model))
        assert_close(bound, log_evidence(model), atol=1e-8, what="the bound")

    @some
    @given(case=models_with_encoders(), seed=seeds())
    def test_value(self, target, case, seed):
        """It is the logarithm of the mean of the weights p(x|z) p(z) / q(z|x)."""
        model, mu, logvar = case
        eps = draw_normal(3, *mu.shape, seed=seed)
        decoder = decoder_of(model)
        total = 0.0
        for e in eps:
            z = mu + (logvar / 2).exp() * e
            log_weight = decoder(model[-1], z) + log_normal(z) - log_normal(z, mu, logvar)
            total = total + log_weight.exp()  # at least e^(\u2212400) here: no underflow
        bound = target.importance_weighted_bound(model[-1], mu, logvar, eps, decoder)
        assert_close(bound, (total / 3).log(), atol=1e-7, what="the bound")

    @some
    @given(case=models_with_encoders(), samples=st.integers(2, 4), seed=seeds())
    def test_more_samples_are_better(self, target, case, samples, seed):
        """With all samples it is at least the average of the bounds that leave one out: it grows with their number."""
        model, mu, logvar = case
        eps = draw_normal(samples, *mu.shape, seed=seed)
        decoder = decoder_of(model)

        def bound(eps):
            return target.importance_weighted_bound(model[-1], mu, logvar, eps, decoder)

        fewer = sum(bound(torch.cat([eps[:k], eps[k + 1 :]])) for k in range(samples)) / samples
        everything = bound(eps)
        assert_shape(everything, (len(mu),), torch.float64, "the bound")
        message = f"With {samples} samples it is {everything.tolist()}, with one fewer {fewer.tolist()} on average."
        assert_true(bool((everything >= fewer - 1e-9).all()), message)


@test_case(name="importance_weighted_bound - test_exact_at_the_posterior", hidden=False)
def law_1(env):
    check_law(TestImportanceWeightedBound, "test_exact_at_the_posterior", env)


@test_case(name="importance_weighted_bound - test_value", hidden=False)
def law_2(env):
    check_law(TestImportanceWeightedBound, "test_value", env)


@test_case(name="importance_weighted_bound - test_more_samples_are_better", hidden=False)
def law_3(env):
    check_law(TestImportanceWeightedBound, "test_more_samples_are_better", env)
