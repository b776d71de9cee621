"""The laws of discounted_return, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import arrays, assert_close, assert_shape, unchanged

OK_FORMAT = False
name = "discounted_return"
points = [1, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # an example holds a whole random world, so half a dozen of them says enough


@pytest.mark.exercise("discounted_return", points=1)
class TestDiscountedReturn:
    @few
    @given(rewards=arrays(st.integers(0, 6)), gamma=st.sampled_from([0.0, 0.3, 0.9, 1.0]))
    @example(rewards=np.array([1.0, -2.0, 0.5, 3.0]), gamma=0.9)
    def test_is_the_discounted_sum(self, target, rewards, gamma):
        """From every step t the return is \u03a3_k \u03b3\u1d4f r_{t+k}, an empty episode included."""
        expected = [sum(gamma**k * r for k, r in enumerate(rewards[t:])) for t in range(len(rewards))]
        assert_close(target.discounted_return(rewards, gamma), np.array(expected, dtype=np.float64), atol=1e-12)

    @few
    @given(rewards=arrays(st.integers(2, 6)), gamma=st.sampled_from([0.0, 0.3, 0.9, 1.0]))
    @example(rewards=np.array([1.0, -2.0, 0.5, 3.0]), gamma=0.9)
    def test_recursion(self, target, rewards, gamma):
        """G_t = r_t + \u03b3 G_{t+1}, and the last return is the last reward; the rewards are left as they were."""
        with unchanged(rewards):
            returns = target.discounted_return(rewards, gamma)
        assert_shape(returns, rewards.shape, np.dtype(np.float64))
        assert_close(returns[:-1], rewards[:-1] + gamma * returns[1:], atol=1e-12)
        assert_close(float(returns[-1]), float(rewards[-1]), atol=1e-12)

    def test_long_episodes(self, target):
        """In 1200 steps with \u03b3 = \xbd no return overflows: a constant reward of 1 is worth 2 far from the end."""
        returns = target.discounted_return(np.ones(1200), 0.5)
        assert_close(returns[:1100], np.full(1100, 2.0))
        assert_close(returns[-3:], np.array([1.75, 1.5, 1.0]))


@test_case(name="discounted_return - test_is_the_discounted_sum", hidden=False)
def law_1(env):
    check_law(TestDiscountedReturn, "test_is_the_discounted_sum", env)


@test_case(name="discounted_return - test_recursion", hidden=False)
def law_2(env):
    check_law(TestDiscountedReturn, "test_recursion", env)


@test_case(name="discounted_return - test_long_episodes", hidden=False)
def law_3(env):
    check_law(TestDiscountedReturn, "test_long_episodes", env)
