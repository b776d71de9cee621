"""The laws of iterative_policy_evaluation, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_shape, assert_true, seeds, unchanged

OK_FORMAT = False
name = "iterative_policy_evaluation"
points = [2, 0]
all_or_nothing = True


few = settings(max_examples=6)  # an example holds a whole random world, so half a dozen of them says enough
DISCOUNTS = st.sampled_from([0.5, 0.9, 0.97, 0.3, 0.0])


def random_mdp(states, actions, seed):
    """P (S, A, S) with some zeros and, for every other seed, some chance of ending; R (S, A) of both signs."""
    random = np.random.default_rng(seed)
    P = random.gamma(0.7, size=(states, actions, states)) + 1e-3
    P *= random.random(P.shape) < 0.8
    P[..., 0] += 1e-2
    P /= P.sum(axis=2, keepdims=True)
    if seed % 2:
        P *= random.choice([1.0, 1.0, 0.6, 0.0], size=(states, actions, 1))
    return P, np.round(random.normal(size=(states, actions)) * 3, 2)


# Numbers of states and actions: from the least upwards, with more weight on worlds in which there is a choice.
SIZES = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (4, 2), (4, 3)])


def mdps_with_policy(discounts=DISCOUNTS):
    """Small random MDPs with a policy and any values (P, R, gamma, policy, V); some policies are deterministic."""

    return st.tuples(SIZES, seeds(), discounts).map(lambda draw: world_with_policy(*draw))


def world_with_policy(size, seed, gamma):
    """(P, R, gamma, policy, V) of that many states and actions; with every third seed the policy is deterministic."""
    states, actions = size
    random = np.random.default_rng(seed + 1)
    policy = random.dirichlet(np.ones(actions), size=states)
    if seed % 3 == 0:
        policy = one_hot(policy.argmax(axis=1), actions)
    return *random_mdp(states, actions, seed), gamma, policy, np.round(random.uniform(-9, 9, size=states), 2)


def one_hot(chosen, actions):
    """The deterministic policy that takes action chosen[s] in state s."""
    policy = np.zeros((len(chosen), actions))
    policy[np.arange(len(chosen)), chosen] = 1.0
    return policy


def solved(P, R, gamma, policy):
    """V^\u03c0 by a linear solve; `policy` may carry leading axes (many policies at once)."""
    chain = (policy[..., None] * P).sum(axis=-2)
    rewards = (policy * R).sum(axis=-1)
    return np.linalg.solve(np.eye(len(R)) - gamma * chain, rewards[..., None])[..., 0]


def distance(V, W):
    """The largest difference between two value functions."""
    return float(np.max(np.abs(np.asarray(V) - np.asarray(W)), initial=0.0))


TOLERANCES = st.sampled_from([1.0, 0.1, 1e-2, 1e-4])


def world_where_one_state_pays(level):
    """Ten states in which everything stays where it is, and the first pays for ever: (P, R, what each state pays)."""
    paid = np.zeros(10)
    paid[0] = level
    return np.eye(10)[:, None].repeat(2, axis=1), paid[:, None].repeat(2, axis=1), paid


@pytest.mark.exercise("iterative_policy_evaluation", points=2)
class TestIterativePolicyEvaluation:
    @few
    @given(problem=mdps_with_policy(), tolerance=TOLERANCES)
    def test_keeps_its_promise(self, target, problem, tolerance):
        """Every value lies within the tolerance of the true one; nothing is changed."""
        P, R, gamma, policy, _ = problem
        with unchanged(P, R, policy):
            V = target.iterative_policy_evaluation(P, R, policy, gamma, tolerance)
        assert_shape(V, (len(R),), np.dtype(np.float64))
        error = distance(V, solved(P, R, gamma, policy))
        assert_true(error <= tolerance * (1 + 1e-9), f"The error is {error:.6g}; the tolerance is {tolerance:g}.")

    @few
    @given(level=st.sampled_from([-2.0, 1.0, 5.0]), gamma=st.sampled_from([0.3, 0.9, 0.99]), tolerance=TOLERANCES)
    @example(level=-2.0, gamma=0.99, tolerance=1e-2)
    def test_slow_worlds(self, target, level, gamma, tolerance):
        """In a world that pays the same for ever, where a small change hides a large error, the promise holds."""
        P, R, policy = np.full((2, 2, 2), 0.5), np.full((2, 2), level), np.full((2, 2), 0.5)
        V = target.iterative_policy_evaluation(P, R, policy, gamma, tolerance)
        error = distance(V, np.full(2, level / (1 - gamma)))
        assert_true(error <= tolerance * (1 + 1e-9), f"The error is {error:.6g}; the tolerance is {tolerance:g}.")
        P, R, paid = world_where_one_state_pays(level)
        V = target.iterative_policy_evaluation(P, R, np.full(R.shape, 0.5), gamma, tolerance)
        error = distance(V, paid / (1 - gamma))
        assert_true(error <= tolerance * (1 + 1e-9), f"The error is {error:.6g} where one state of ten pays.")


@test_case(name="iterative_policy_evaluation - test_keeps_its_promise", hidden=False)
def law_1(env):
    check_law(TestIterativePolicyEvaluation, "test_keeps_its_promise", env)


@test_case(name="iterative_policy_evaluation - test_slow_worlds", hidden=False)
def law_2(env):
    check_law(TestIterativePolicyEvaluation, "test_slow_worlds", env)
