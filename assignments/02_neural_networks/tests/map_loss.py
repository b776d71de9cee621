"""The laws of map_loss, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, raises, reals, seeds, unchanged

OK_FORMAT = False
name = "map_loss"
points = [1, 0, 0]
all_or_nothing = True


SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


PARAMETERS = st.builds(lambda seed: normal(seed, (2, 3), (4,), (1,)), seeds())
STRENGTHS = reals(0.1, 4.0)
NLL = torch.tensor(1.75, dtype=torch.float64)


def sum_of_logs(distribution, parameters):
    """The log probability of all entries of all parameters, independent of each other."""
    return sum(distribution.log_prob(w).sum() for w in parameters)


@pytest.mark.exercise("map_loss", points=1)
class TestMapLoss:
    @SOME
    @given(parameters=PARAMETERS, strength=STRENGTHS)
    def test_gaussian(self, target, parameters, strength):
        """With a Gaussian prior it is the likelihood term plus \u2212log p(w), less its constant, for variance 1/\u03bb."""
        prior = torch.distributions.Normal(torch.zeros((), dtype=torch.float64), strength**-0.5)
        origin = [torch.zeros_like(w) for w in parameters]
        expected = NLL - sum_of_logs(prior, parameters) + sum_of_logs(prior, origin)
        with unchanged(*parameters):
            assert_close(target.map_loss(NLL, parameters, "gaussian", strength), expected, rtol=1e-9)

    @SOME
    @given(parameters=PARAMETERS, strength=STRENGTHS)
    def test_laplace(self, target, parameters, strength):
        """With a Laplace prior it is the likelihood term plus \u2212log p(w), less its constant, for the rate \u03bb."""
        prior = torch.distributions.Laplace(torch.zeros((), dtype=torch.float64), 1 / strength)
        origin = [torch.zeros_like(w) for w in parameters]
        expected = NLL - sum_of_logs(prior, parameters) + sum_of_logs(prior, origin)
        with unchanged(*parameters):
            assert_close(target.map_loss(NLL, parameters, "laplace", strength), expected, rtol=1e-9)

    def test_no_prior_and_errors(self, target):
        """Strength 0 leaves the likelihood term alone; an unknown prior or a negative strength is a ValueError."""
        parameters = [torch.tensor([2.0, -3.0], dtype=torch.float64)]
        for prior, penalty in (("gaussian", 6.5), ("laplace", 5.0)):
            assert_close(target.map_loss(NLL, parameters, prior, 0.0), NLL, what=f"the loss ({prior}, \u03bb = 0)")
            assert_close(target.map_loss(NLL, parameters, prior, 1.0), NLL + penalty, what=f"the loss ({prior}, \u03bb = 1)")
            with raises(ValueError, "for a negative strength"):
                target.map_loss(NLL, parameters, prior, -0.5)
        with raises(ValueError, "for the unknown prior 'cauchy'"):
            target.map_loss(NLL, parameters, "cauchy", 1.0)


@test_case(name="map_loss - test_gaussian", hidden=False)
def law_1(env):
    check_law(TestMapLoss, "test_gaussian", env)


@test_case(name="map_loss - test_laplace", hidden=False)
def law_2(env):
    check_law(TestMapLoss, "test_laplace", env)


@test_case(name="map_loss - test_no_prior_and_errors", hidden=False)
def law_3(env):
    check_law(TestMapLoss, "test_no_prior_and_errors", env)
