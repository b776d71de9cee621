"""The laws of greedy_policy, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, seeds, unchanged

OK_FORMAT = False
name = "greedy_policy"
points = [2, 0, 0, 0]
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
WORLD = *random_mdp(4, 3, seed=4), 0.9
ALONE = example(problem=WORLD)


def solved(P, R, gamma, policy):
    """V^\u03c0 by a linear solve; `policy` may carry leading axes (many policies at once)."""
    chain = (policy[..., None] * P).sum(axis=-2)
    rewards = (policy * R).sum(axis=-1)
    return np.linalg.solve(np.eye(len(R)) - gamma * chain, rewards[..., None])[..., 0]


def every_policy(states, actions):
    """All deterministic policies, of shape (A^S, S, A)."""
    return np.stack([one_hot(choice, actions) for choice in itertools.product(range(actions), repeat=states)])


def best_values(P, R, gamma):
    """V* by enumeration: the best value of every state over all deterministic policies."""
    return solved(P, R, gamma, every_policy(*R.shape)).max(axis=0)


def lookahead(P, R, V, gamma):
    """Q(s, a) by loops over states, actions and next states, as the definition reads."""
    Q = np.zeros(R.shape)
    for s, a in np.ndindex(R.shape):
        Q[s, a] = R[s, a] + gamma * math.fsum(P[s, a, t] * V[t] for t in range(len(V)))
    return Q


def check_is_policy(policy, shape, what="the policy"):
    """It is an array of this shape whose last axis holds probabilities."""
    assert_shape(policy, shape, what=what)
    assert_true(bool(np.all(policy >= 0)), f"{what} has a negative probability.")
    assert_close(policy.sum(axis=-1) + 0.0, np.ones(shape[:-1]), what=f"the sum of every row of {what}")


def check_is_greedy(policy, Q, what="the policy"):
    """The policy puts its probability on actions of the largest Q, whichever of them."""
    check_is_policy(policy, Q.shape, what)
    scale = max(1.0, float(abs(Q).max()))
    earned = (policy * Q).sum(axis=1)
    assert_close(earned, Q.max(axis=1), atol=1e-8 * scale, what=f"what {what} earns by one look ahead")


@pytest.mark.exercise("greedy_policy", points=2)
class TestGreedyPolicy:
    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_looks_one_step_ahead(self, target, problem):
        """All probability lies on actions that maximise r(s, a) + \u03b3 \u03a3_t P(t | s, a) V(t); nothing is changed."""
        P, R, gamma, V, _ = problem
        with unchanged(P, R, V):
            policy = target.greedy_policy(P, R, V, gamma)
        check_is_greedy(policy, lookahead(P, R, V, gamma))

    @few
    @given(problem=mdps())
    @ALONE
    def test_greedy_for_the_optimum_is_optimal(self, target, problem):
        """Greedy for V*, a policy earns V* in every state."""
        P, R, gamma = problem
        best = best_values(P, R, gamma)
        policy = target.greedy_policy(P, R, best, gamma)
        check_is_policy(policy, R.shape)
        assert_close(solved(P, R, gamma, policy), best, atol=1e-8, what="the value of the policy")

    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_improves(self, target, problem):
        """Greedy for the values of a policy, the new policy is at least as good in every state."""
        P, R, gamma, old, _ = problem
        before = solved(P, R, gamma, old)
        policy = target.greedy_policy(P, R, before, gamma)
        check_is_policy(policy, R.shape)
        after = solved(P, R, gamma, policy)
        assert_true(bool((after >= before - 1e-9).all()), f"Values fell from {before.tolist()} to {after.tolist()}.")

    @few
    @given(actions=st.integers(1, 4), states=st.integers(1, 3), gamma=DISCOUNTS)
    @example(actions=3, states=2, gamma=0.9)
    def test_any_choice_among_ties_is_right(self, target, actions, states, gamma):
        """Where all actions are equally good, any row of probabilities is a greedy one, but it must be one."""
        P, R = np.full((states, actions, states), 1 / states), np.ones((states, actions))
        check_is_policy(target.greedy_policy(P, R, np.arange(float(states)), gamma), R.shape)


@test_case(name="greedy_policy - test_looks_one_step_ahead", hidden=False)
def law_1(env):
    check_law(TestGreedyPolicy, "test_looks_one_step_ahead", env)


@test_case(name="greedy_policy - test_greedy_for_the_optimum_is_optimal", hidden=False)
def law_2(env):
    check_law(TestGreedyPolicy, "test_greedy_for_the_optimum_is_optimal", env)


@test_case(name="greedy_policy - test_improves", hidden=False)
def law_3(env):
    check_law(TestGreedyPolicy, "test_improves", env)


@test_case(name="greedy_policy - test_any_choice_among_ties_is_right", hidden=False)
def law_4(env):
    check_law(TestGreedyPolicy, "test_any_choice_among_ties_is_right", env)
