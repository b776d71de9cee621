"""The laws of flow_nll, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, reals, unchanged

OK_FORMAT = False
name = "flow_nll"
points = [1, 0]
all_or_nothing = True


some = settings(max_examples=6)


def log_normal(z):
    """The standard normal log-density of every sample of a batch."""
    return torch.distributions.Normal(0.0, 1.0).log_prob(z).reshape(z.shape[0], -1).sum(dim=1)


@st.composite
def latent_cases(draw):
    z = draw(gaussians(st.sampled_from([(1, 2), (3, 1), (2, 3), (3, 2, 1, 2)])))
    return z, draw(gaussians(z.shape[0], scale=2.0))


@pytest.mark.exercise("flow_nll", points=1)
class TestFlowNLL:
    @some
    @given(case=latent_cases())
    def test_mean_of_minus_log_density(self, target, case):
        """It is the mean over the batch of \u2212log N(z; 0, I) \u2212 log_det."""
        z, log_det = case
        with unchanged(z, log_det):
            assert_close(target.flow_nll(z, log_det), -(log_normal(z) + log_det).mean())

    @some
    @given(sigma=reals(0.1, 5.0), size=st.integers(1, 5))
    def test_at_the_mean_of_a_gaussian(self, target, sigma, size):
        """For data at the mean of N(0, \u03c3\xb2I) in d dimensions it is d\xb7log(\u03c3\u221a(2\u03c0))."""
        z = torch.zeros(2, size, dtype=torch.float64)
        log_det = torch.full((2,), -size * math.log(sigma), dtype=torch.float64)
        expected = size * math.log(sigma * math.sqrt(2 * math.pi))
        assert_close(target.flow_nll(z, log_det), torch.tensor(expected, dtype=torch.float64))


@test_case(name="flow_nll - test_mean_of_minus_log_density", hidden=False)
def law_1(env):
    check_law(TestFlowNLL, "test_mean_of_minus_log_density", env)


@test_case(name="flow_nll - test_at_the_mean_of_a_gaussian", hidden=False)
def law_2(env):
    check_law(TestFlowNLL, "test_at_the_mean_of_a_gaussian", env)
