"""The laws of policy_evaluation, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, seeds, unchanged

OK_FORMAT = False
name = "policy_evaluation"
points = [2, 0, 0]
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


# Worlds without symmetry, which no wrong formula gets right by chance: every law meets one.
USUAL = (4, 3), 4
WITH_POLICY = example(problem=world_with_policy(*USUAL, 0.97))


def lookahead(P, R, V, gamma):
    """Q(s, a) by loops over states, actions and next states, as the definition reads."""
    Q = np.zeros(R.shape)
    for s, a in np.ndindex(R.shape):
        Q[s, a] = R[s, a] + gamma * math.fsum(P[s, a, t] * V[t] for t in range(len(V)))
    return Q


@pytest.mark.exercise("policy_evaluation", points=2)
class TestPolicyEvaluation:
    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_satisfies_the_bellman_equation(self, target, problem):
        """V = r_\u03c0 + \u03b3 P_\u03c0 V in every state, to ten digits; nothing is changed."""
        P, R, gamma, policy, _ = problem
        with unchanged(P, R, policy):
            V = target.policy_evaluation(P, R, policy, gamma)
        assert_shape(V, (len(R),), np.dtype(np.float64))
        assert_close(V, (policy * lookahead(P, R, V, gamma)).sum(axis=1), atol=1e-9)

    @few
    @given(problem=mdps_with_policy(discounts=st.sampled_from([0.0, 0.3, 0.6])))
    @example(problem=world_with_policy(*USUAL, 0.6))
    def test_is_the_sum_of_discounted_rewards(self, target, problem):
        """V(s) is the expected reward of step 0, plus \u03b3 times that of step 1, plus \u03b3\xb2 times that of step 2, \u2026"""
        P, R, gamma, policy, _ = problem
        chain, rewards = (policy[:, :, None] * P).sum(axis=1), (policy * R).sum(axis=1)
        total, presence = np.zeros(len(R)), np.eye(len(R))
        for k in range(70):  # 0.6\u2077\u2070 < 1e-15
            total = total + gamma**k * (presence @ rewards)
            presence = presence @ chain
        assert_close(target.policy_evaluation(P, R, policy, gamma), total, atol=1e-9)

    def test_two_states_by_hand(self, target):
        """Missing probability ends the episode: 1 a step, and an even chance to go on, is worth 1/(1 \u2212 \xbc) at \u03b3 = \xbd."""
        P = np.array([[[0.5, 0.0]], [[0.5, 0.0]]])
        R = np.array([[1.0], [2.0]])
        assert_close(target.policy_evaluation(P, R, np.ones((2, 1)), 0.5), np.array([4 / 3, 7 / 3]), atol=1e-12)


@test_case(name="policy_evaluation - test_satisfies_the_bellman_equation", hidden=False)
def law_1(env):
    check_law(TestPolicyEvaluation, "test_satisfies_the_bellman_equation", env)


@test_case(name="policy_evaluation - test_is_the_sum_of_discounted_rewards", hidden=False)
def law_2(env):
    check_law(TestPolicyEvaluation, "test_is_the_sum_of_discounted_rewards", env)


@test_case(name="policy_evaluation - test_two_states_by_hand", hidden=False)
def law_3(env):
    check_law(TestPolicyEvaluation, "test_two_states_by_hand", env)
