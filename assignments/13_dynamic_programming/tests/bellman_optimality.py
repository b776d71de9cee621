"""The laws of bellman_optimality, for otter. Generated: change the course's own files instead."""

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
name = "bellman_optimality"
points = [1, 0, 0, 0]
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


def distance(V, W):
    """The largest difference between two value functions."""
    return float(np.max(np.abs(np.asarray(V) - np.asarray(W)), initial=0.0))


@pytest.mark.exercise("bellman_optimality", points=1)
class TestBellmanOptimality:
    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_definition(self, target, problem):
        """(T V)(s) is the largest r(s, a) + \u03b3 \u03a3_t P(t | s, a) V(t) over the actions; nothing is changed."""
        P, R, gamma, V, _ = problem
        with unchanged(P, R, V):
            backed_up = target.bellman_optimality(P, R, V, gamma)
        assert_close(backed_up, lookahead(P, R, V, gamma).max(axis=1), atol=1e-12)

    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_contraction(self, target, problem):
        """\u2016TV \u2212 TW\u2016\u221e \u2264 \u03b3 \u2016V \u2212 W\u2016\u221e: two value functions come closer together by the factor \u03b3 at least."""
        P, R, gamma, V, W = problem
        moved = [target.bellman_optimality(P, R, values, gamma) for values in (V, W)]
        assert_shape(moved[0], V.shape, V.dtype)
        assert_true(distance(*moved) <= gamma * distance(V, W) + 1e-12, "They are further apart than \u03b3 allows.")

    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_monotone(self, target, problem):
        """If V \u2264 W in every state, then TV \u2264 TW in every state."""
        P, R, gamma, V, W = problem
        low = target.bellman_optimality(P, R, np.minimum(V, W), gamma)
        high = target.bellman_optimality(P, R, np.maximum(V, W), gamma)
        assert_shape(low, V.shape, V.dtype)
        assert_true(bool((low <= high + 1e-12).all()), f"TV = {low.tolist()} exceeds TW = {high.tolist()}.")

    @few
    @given(problem=mdps())
    @ALONE
    def test_fixed_point(self, target, problem):
        """The best values over all deterministic policies, found by trying each, come back as they went in."""
        P, R, gamma = problem
        V = best_values(P, R, gamma)
        assert_close(target.bellman_optimality(P, R, V, gamma), V, atol=1e-10)


@test_case(name="bellman_optimality - test_definition", hidden=False)
def law_1(env):
    check_law(TestBellmanOptimality, "test_definition", env)


@test_case(name="bellman_optimality - test_contraction", hidden=False)
def law_2(env):
    check_law(TestBellmanOptimality, "test_contraction", env)


@test_case(name="bellman_optimality - test_monotone", hidden=False)
def law_3(env):
    check_law(TestBellmanOptimality, "test_monotone", env)


@test_case(name="bellman_optimality - test_fixed_point", hidden=False)
def law_4(env):
    check_law(TestBellmanOptimality, "test_fixed_point", env)
