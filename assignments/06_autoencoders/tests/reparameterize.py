"""The laws of reparameterize, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal

from autograder.laws import (
    assert_close,
    assert_shape,
    assert_true,
    gaussians,
    jacobian,
    shapes,
    tensors,
    unchanged,
)

OK_FORMAT = False
name = "reparameterize"
points = [1, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)


@st.composite
def codes(draw):
    """Means and logarithms of variances of a batch of diagonal Gaussians."""
    shape = draw(shapes(1, 3))
    return draw(tensors(shape)), draw(tensors(shape))


@st.composite
def noisy_codes(draw):
    """A batch of diagonal Gaussians with noise for each, sometimes several samples of it."""
    mu, logvar = draw(codes())
    return mu, logvar, draw(gaussians((*draw(st.sampled_from([(), (3,)])), *mu.shape)))


def log_normal(z, mu=0.0, logvar=0.0):
    """log N(z; \u03bc, diag exp(logvar)), summed over the last axis."""
    scale = torch.exp(torch.as_tensor(logvar, dtype=z.dtype) / 2)
    return Normal(torch.as_tensor(mu, dtype=z.dtype), scale).log_prob(z).sum(dim=-1)


@pytest.mark.exercise("reparameterize", points=1)
class TestReparameterize:
    @some
    @given(code=codes())
    def test_mean_and_variance(self, target, code):
        """Noise of mean 0 and variance 1 becomes samples of mean \u03bc and variance exp(logvar)."""
        mu, logvar = code
        eps = torch.stack([torch.full_like(mu, value) for value in (-1.5, -0.5, 0.5, 1.5)]) / math.sqrt(1.25)
        with unchanged(mu, logvar, eps):
            z = target.reparameterize(mu, logvar, eps)
        assert_shape(z, eps.shape, torch.float64, "the samples")
        assert_close(z.mean(dim=0), mu, what="the mean")
        assert_close(z.var(dim=0, correction=0), logvar.exp(), what="the variance")

    @some
    @given(code=noisy_codes())
    def test_density(self, target, code):
        """The density of a sample is that of its noise, divided by the product of the standard deviations."""
        mu, logvar, eps = code
        z = target.reparameterize(mu, logvar, eps)
        assert_close(log_normal(z, mu, logvar), log_normal(eps) - logvar.sum(dim=-1) / 2, what="the log-density of z")
        assert_true(bool(((z - mu) * eps >= 0).all()), "Positive noise should move the sample up.")

    @some
    @given(mu=tensors(3), logvar=tensors(3), eps=gaussians(3))
    def test_gradients(self, target, mu, logvar, eps):
        """Entry by entry, the derivative is 1 in \u03bc and \xbd\u03c3\u03b5 in logvar."""
        in_mu = jacobian(lambda mu: target.reparameterize(mu, logvar, eps), mu)
        assert_close(in_mu, torch.eye(3, dtype=mu.dtype), what="\u2202z/\u2202\u03bc")
        in_logvar = jacobian(lambda logvar: target.reparameterize(mu, logvar, eps), logvar)
        sigma = logvar.exp().sqrt()
        assert_close(in_logvar, torch.diag(sigma * eps / 2), what="\u2202z/\u2202logvar")


@test_case(name="reparameterize - test_mean_and_variance", hidden=False)
def law_1(env):
    check_law(TestReparameterize, "test_mean_and_variance", env)


@test_case(name="reparameterize - test_density", hidden=False)
def law_2(env):
    check_law(TestReparameterize, "test_density", env)


@test_case(name="reparameterize - test_gradients", hidden=False)
def law_3(env):
    check_law(TestReparameterize, "test_gradients", env)
