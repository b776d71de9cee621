"""The laws of action_values, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, seeds, unchanged

OK_FORMAT = False
name = "action_values"
points = [1, 0]
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


def mdps_with_values(discounts=DISCOUNTS):
    """Small random MDPs with two random value functions (P, R, gamma, V, W)."""

    return st.tuples(SIZES, seeds(), discounts).map(lambda draw: world_with_values(*draw))


def world_with_values(size, seed, gamma):
    """(P, R, gamma, V, W) of that many states and actions."""
    values = np.random.default_rng(seed + 2).uniform(-9, 9, size=(2, size[0]))
    return *random_mdp(*size, seed), gamma, *np.round(values, 2)


def one_hot(chosen, actions):
    """The deterministic policy that takes action chosen[s] in state s."""
    policy = np.zeros((len(chosen), actions))
    policy[np.arange(len(chosen)), chosen] = 1.0
    return policy


# Worlds without symmetry, which no wrong formula gets right by chance: every law meets one.
USUAL = (4, 3), 4
WITH_POLICY = example(problem=world_with_policy(*USUAL, 0.97))
WITH_VALUES = example(problem=world_with_values(*USUAL, 0.9))


def solved(P, R, gamma, policy):
    """V^\u03c0 by a linear solve; `policy` may carry leading axes (many policies at once)."""
    chain = (policy[..., None] * P).sum(axis=-2)
    rewards = (policy * R).sum(axis=-1)
    return np.linalg.solve(np.eye(len(R)) - gamma * chain, rewards[..., None])[..., 0]


def lookahead(P, R, V, gamma):
    """Q(s, a) by loops over states, actions and next states, as the definition reads."""
    Q = np.zeros(R.shape)
    for s, a in np.ndindex(R.shape):
        Q[s, a] = R[s, a] + gamma * math.fsum(P[s, a, t] * V[t] for t in range(len(V)))
    return Q


@pytest.mark.exercise("action_values", points=1)
class TestActionValues:
    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_definition(self, target, problem):
        """Q(s, a) = r(s, a) + \u03b3 \u03a3_t P(t | s, a) V(t); nothing is changed."""
        P, R, gamma, V, _ = problem
        with unchanged(P, R, V):
            Q = target.action_values(P, R, V, gamma)
        assert_close(Q, lookahead(P, R, V, gamma), atol=1e-12)

    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_average_of_a_policys_action_values(self, target, problem):
        """Averaged by the policy, the action values of its own V^\u03c0 are V^\u03c0 again."""
        P, R, gamma, policy, _ = problem
        V = solved(P, R, gamma, policy)
        Q = target.action_values(P, R, V, gamma)
        assert_shape(Q, R.shape, R.dtype)
        assert_close((policy * Q).sum(axis=1), V, atol=1e-10)


@test_case(name="action_values - test_definition", hidden=False)
def law_1(env):
    check_law(TestActionValues, "test_definition", env)


@test_case(name="action_values - test_average_of_a_policys_action_values", hidden=False)
def law_2(env):
    check_law(TestActionValues, "test_average_of_a_policys_action_values", env)
