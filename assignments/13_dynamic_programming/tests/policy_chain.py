"""The laws of policy_chain, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, seeds, unchanged

OK_FORMAT = False
name = "policy_chain"
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


def mdps(discounts=DISCOUNTS):
    """Small random MDPs (P, R, gamma)."""
    return st.tuples(SIZES, seeds(), discounts).map(lambda draw: (*random_mdp(*draw[0], draw[1]), draw[2]))


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
WORLD = *random_mdp(4, 3, seed=4), 0.9
ALONE = example(problem=WORLD)


@pytest.mark.exercise("policy_chain", points=1)
class TestPolicyChain:
    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_averages_over_actions(self, target, problem):
        """P_\u03c0(t | s) and r_\u03c0(s) average over actions, weighted by the policy's row of state s; nothing is changed."""
        P, R, _, policy, _ = problem
        with unchanged(P, R, policy):
            chain, rewards = target.policy_chain(P, R, policy)
        weighted = [sum(w * P[s, a] for a, w in enumerate(policy[s])) for s in range(len(R))]
        assert_close(chain, np.array(weighted), atol=1e-12, what="P_\u03c0")
        assert_close(rewards, np.array([math.fsum(policy[s] * R[s]) for s in range(len(R))]), atol=1e-12, what="r_\u03c0")

    @few
    @given(problem=mdps())
    @ALONE
    def test_deterministic_policy_selects(self, target, problem):
        """For a deterministic policy, row s of P_\u03c0 is the row of the action taken in s, and r_\u03c0(s) is its reward."""
        P, R, _ = problem
        for actions in itertools.islice(itertools.product(range(R.shape[1]), repeat=len(R)), 9):
            chain, rewards = target.policy_chain(P, R, one_hot(actions, R.shape[1]))
            assert_close(chain, P[np.arange(len(R)), actions], atol=1e-12, what="P_\u03c0")
            assert_close(rewards, R[np.arange(len(R)), actions], atol=1e-12, what="r_\u03c0")


@test_case(name="policy_chain - test_averages_over_actions", hidden=False)
def law_1(env):
    check_law(TestPolicyChain, "test_averages_over_actions", env)


@test_case(name="policy_chain - test_deterministic_policy_selects", hidden=False)
def law_2(env):
    check_law(TestPolicyChain, "test_deterministic_policy_selects", env)
