"""The laws of bernoulli_log_likelihood, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gradient, tensors, unchanged

OK_FORMAT = False
name = "bernoulli_log_likelihood"
points = [1, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)


def vector(*values):
    """These numbers as a tensor in double precision."""
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def observations(draw):
    """Points of a batch, and as many means or logits for one or several samples."""
    m, n = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    samples = draw(st.sampled_from([(), (2,), (4, 2)]))
    return draw(tensors((m, n))), draw(tensors((*samples, m, n)))


@pytest.mark.exercise("bernoulli_log_likelihood", points=1)
class TestBernoulliLogLikelihood:
    @some
    @given(logits=tensors(st.integers(1, 5)))
    def test_normalises(self, target, logits):
        """The probabilities of all binary vectors sum to one, and each is the product of its entries' probabilities."""
        n = len(logits)
        x = torch.tensor(list(itertools.product((0.0, 1.0), repeat=n)), dtype=torch.float64)
        log_probabilities = target.bernoulli_log_likelihood(x, logits.expand(2**n, n))
        on = 1 / (1 + torch.exp(-logits))
        expected = torch.where(x == 1, on, 1 - on).prod(dim=1)
        assert_close(log_probabilities.exp(), expected, atol=1e-12, what="the probability")
        assert_close(log_probabilities.exp().sum(), vector(1.0)[0], what="the sum of all probabilities")

    @some
    @given(data=observations())
    def test_value(self, target, data):
        """For grey values too it is minus the binary cross-entropy, summed over entries, sample by sample."""
        x, logits = torch.sigmoid(data[0]), data[1]
        pairs = (x.expand_as(logits), logits)
        expected = -F.binary_cross_entropy_with_logits(pairs[1], pairs[0], reduction="none").sum(dim=-1)
        with unchanged(x, logits):
            assert_close(target.bernoulli_log_likelihood(x, logits), expected, atol=1e-9)

    @some
    @given(data=observations())
    def test_gradient(self, target, data):
        """Its gradient in a logit is x \u2212 \u03c3(a): it pulls \u03c3(a) towards x."""
        x, logits = torch.sigmoid(data[0]), data[1]
        slope = gradient(lambda a: target.bernoulli_log_likelihood(x, a).sum(), logits)
        assert_close(slope, x - torch.sigmoid(logits), atol=1e-9, what="the gradient in the logits")

    def test_extremes(self, target):
        """Logits of \xb110000 give finite values: 0 where they are right, \u221210000 where they are wrong."""
        x = vector(1.0, 0.0, 1.0, 0.0, 0.25)[:, None]
        logits = vector(1e4, -1e4, -1e4, 1e4, 1e4)[:, None]
        assert_close(target.bernoulli_log_likelihood(x, logits), vector(0.0, 0.0, -1e4, -1e4, -7.5e3))


@test_case(name="bernoulli_log_likelihood - test_normalises", hidden=False)
def law_1(env):
    check_law(TestBernoulliLogLikelihood, "test_normalises", env)


@test_case(name="bernoulli_log_likelihood - test_value", hidden=False)
def law_2(env):
    check_law(TestBernoulliLogLikelihood, "test_value", env)


@test_case(name="bernoulli_log_likelihood - test_gradient", hidden=False)
def law_3(env):
    check_law(TestBernoulliLogLikelihood, "test_gradient", env)


@test_case(name="bernoulli_log_likelihood - test_extremes", hidden=False)
def law_4(env):
    check_law(TestBernoulliLogLikelihood, "test_extremes", env)
