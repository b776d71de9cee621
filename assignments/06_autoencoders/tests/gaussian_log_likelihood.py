"""The laws of gaussian_log_likelihood, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, Normal

from autograder.laws import assert_close, gaussians, gradient, reals, tensors, unchanged

OK_FORMAT = False
name = "gaussian_log_likelihood"
points = [1, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)
few = settings(max_examples=5)


def vector(*values):
    """These numbers as a tensor in double precision."""
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def observations(draw):
    """Points of a batch, and as many means or logits for one or several samples."""
    m, n = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    samples = draw(st.sampled_from([(), (2,), (4, 2)]))
    return draw(tensors((m, n))), draw(tensors((*samples, m, n)))


@pytest.mark.exercise("gaussian_log_likelihood", points=1)
class TestGaussianLogLikelihood:
    @some
    @given(data=observations(), sigma=reals(0.1, 3))
    def test_value(self, target, data, sigma):
        """It is the sum over entries of the log-densities that torch.distributions gives, for one \u03c3 shared by all."""
        x, mean = data
        expected = Normal(mean, sigma).log_prob(x).sum(dim=-1)
        with unchanged(x, mean):
            assert_close(target.gaussian_log_likelihood(x, mean, sigma), expected, atol=1e-9)

    @some
    @given(data=observations(), sigma=tensors(4, 0.1, 3))
    def test_a_sigma_per_entry(self, target, data, sigma):
        """Every point may have a \u03c3 of its own, and so may every entry."""
        x, mean = data
        of_points = sigma[: len(x), None]
        expected = Normal(mean, of_points).log_prob(x).sum(dim=-1)
        assert_close(target.gaussian_log_likelihood(x, mean, of_points), expected, atol=1e-9)
        sigma = sigma[: x.shape[1]]
        expected = MultivariateNormal(mean, torch.diag(sigma**2)).log_prob(x)
        with unchanged(sigma):
            assert_close(target.gaussian_log_likelihood(x, mean, sigma), expected, atol=1e-9)

    @few
    @given(mean=reals(), sigma=reals(0.3, 2))
    def test_density(self, target, mean, sigma):
        """It is the logarithm of a density: in one dimension its exponential integrates to one."""
        side = torch.linspace(-25, 25, 2001, dtype=torch.float64)
        log_density = target.gaussian_log_likelihood(side[:, None], torch.full((2001, 1), mean).double(), sigma)
        mass = log_density.exp().sum() * (side[1] - side[0])
        assert_close(mass, vector(1.0)[0], atol=1e-9, what="the integral")

    @some
    @given(mean=tensors((4, 3)), errors=gaussians((4, 3)))
    def test_best_sigma(self, target, mean, errors):
        """The \u03c3 of greatest likelihood is the root mean squared error per entry."""
        x, best = mean + errors, errors.square().mean().sqrt()
        slope = gradient(lambda s: target.gaussian_log_likelihood(x, mean, s).sum(), best)
        assert_close(slope, vector(0.0)[0], atol=1e-8, what="the gradient in \u03c3 at the root mean squared error")
        slope = gradient(lambda s: target.gaussian_log_likelihood(x, mean, s).sum(), 2 * best)
        assert_close(slope, -9 / (2 * best), atol=1e-8, what="the gradient in \u03c3 at twice that")


@test_case(name="gaussian_log_likelihood - test_value", hidden=False)
def law_1(env):
    check_law(TestGaussianLogLikelihood, "test_value", env)


@test_case(name="gaussian_log_likelihood - test_a_sigma_per_entry", hidden=False)
def law_2(env):
    check_law(TestGaussianLogLikelihood, "test_a_sigma_per_entry", env)


@test_case(name="gaussian_log_likelihood - test_density", hidden=False)
def law_3(env):
    check_law(TestGaussianLogLikelihood, "test_density", env)


@test_case(name="gaussian_log_likelihood - test_best_sigma", hidden=False)
def law_4(env):
    check_law(TestGaussianLogLikelihood, "test_best_sigma", env)
