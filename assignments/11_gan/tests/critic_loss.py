"""The laws of critic_loss, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, reals, tensors, unchanged

OK_FORMAT = False
name = "critic_loss"
points = [1, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def sample_pairs():
    """Two samples on the line, of sizes that may differ."""
    return st.tuples(tensors(st.integers(1, 5)), tensors(st.integers(1, 5)))


def matched(x, y):
    """W\u2081 on the line: give both samples the same size by repetition and match them in order."""
    x, y = x.sort().values.repeat_interleave(len(y)), y.sort().values.repeat_interleave(len(x))
    return (x - y).abs().mean()


@pytest.mark.exercise("critic_loss", points=1)
class TestCriticLoss:
    @few
    @given(scores=sample_pairs())
    @example(scores=(vector(-2.0, 3.0), vector(2.0, -1.0, 1.0)))
    def test_value(self, target, scores):
        """It is the mean score of generated samples minus that of real ones, whatever the sizes of the batches."""
        real, fake = scores
        expected = sum(fake.tolist()) / len(fake) - sum(real.tolist()) / len(real)
        with unchanged(real, fake):
            assert_close(target.critic_loss(real, fake), vector(expected)[0], atol=1e-12)

    @few
    @given(samples=sample_pairs(), centre=reals())
    def test_bounds_the_distance(self, target, samples, centre):
        """For a 1-Lipschitz critic, minus the loss never exceeds W\u2081 of real and generated samples."""
        real, fake = samples
        distance = matched(real, fake)
        for critic in (torch.abs, torch.sin, torch.relu):
            loss = target.critic_loss(critic(real - centre), critic(fake - centre))
            assert_shape(loss, (), torch.float64)
            assert_true(-loss <= distance + 1e-12, f"\u2212loss is {-loss.item()}, but W\u2081 is {distance.item()}.")

    @few
    @given(real=tensors(), shift=reals(0, 10))
    def test_attains_the_distance(self, target, real, shift):
        """For samples shifted to the left, the critic f(x) = x attains the bound: minus the loss is the shift."""
        assert_close(-target.critic_loss(real, real - shift), vector(shift)[0], atol=1e-12)


@test_case(name="critic_loss - test_value", hidden=False)
def law_1(env):
    check_law(TestCriticLoss, "test_value", env)


@test_case(name="critic_loss - test_bounds_the_distance", hidden=False)
def law_2(env):
    check_law(TestCriticLoss, "test_bounds_the_distance", env)


@test_case(name="critic_loss - test_attains_the_distance", hidden=False)
def law_3(env):
    check_law(TestCriticLoss, "test_attains_the_distance", env)
