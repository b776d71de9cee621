"""The laws of backward_induction, for otter. Generated: change the course's own files instead."""

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
name = "backward_induction"
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
TINY_SIZES = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)])


def mdps(discounts=DISCOUNTS):
    """Small random MDPs (P, R, gamma)."""
    return st.tuples(SIZES, seeds(), discounts).map(lambda draw: (*random_mdp(*draw[0], draw[1]), draw[2]))


def one_hot(chosen, actions):
    """The deterministic policy that takes action chosen[s] in state s."""
    policy = np.zeros((len(chosen), actions))
    policy[np.arange(len(chosen)), chosen] = 1.0
    return policy


WORLD = *random_mdp(4, 3, seed=4), 0.9


def every_policy(states, actions):
    """All deterministic policies, of shape (A^S, S, A)."""
    return np.stack([one_hot(choice, actions) for choice in itertools.product(range(actions), repeat=states)])


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


HORIZON_DISCOUNTS = st.sampled_from([0.0, 0.5, 0.9, 1.0])


def earned_by_plan(P, R, gamma, plan, final):
    """What a policy for every step earns from every step on, (H + 1, S): the last row is `final`."""
    rows = [final]
    for policy in plan[::-1]:
        rows.append((policy * (R + gamma * (P @ rows[-1]))).sum(axis=1))
    return np.stack(rows[::-1])


@pytest.mark.exercise("backward_induction", points=2)
class TestBackwardInduction:
    @few
    @given(size=TINY_SIZES, seed=seeds(), gamma=HORIZON_DISCOUNTS, horizon=st.integers(0, 3))
    @example(size=(2, 2), seed=4, gamma=1.0, horizon=3)
    def test_beats_every_plan(self, target, size, seed, gamma, horizon):
        """values[0] is the best that any plan (a deterministic policy for every step) earns, found by trying each."""
        P, R = random_mdp(*size, seed)
        final = np.random.default_rng(seed).normal(size=len(R))
        with unchanged(P, R, final):
            values, _ = target.backward_induction(P, R, gamma, horizon, final)
        assert_shape(values, (horizon + 1, len(R)), np.dtype(np.float64), what="the values")
        plans = itertools.product(every_policy(*R.shape), repeat=horizon)
        best = np.max([earned_by_plan(P, R, gamma, plan, final)[0] for plan in plans], axis=0)
        assert_close(values[0], best, atol=1e-10, what="values[0]")

    @few
    @given(problem=mdps(), gamma=HORIZON_DISCOUNTS, horizon=st.integers(0, 4), seed=seeds())
    @example(problem=WORLD, gamma=0.9, horizon=3, seed=1)
    def test_the_policies_earn_the_values(self, target, problem, gamma, horizon, seed):
        """Followed from any step on, the policies earn the values of that step, and the last values are `final`."""
        P, R, _ = problem
        final = np.random.default_rng(seed).normal(size=len(R))
        values, policies = target.backward_induction(P, R, gamma, horizon, final)
        check_is_policy(policies, (horizon, *R.shape), "the policies")
        assert_close(values, earned_by_plan(P, R, gamma, policies, final), atol=1e-10, what="the values")

    def test_what_is_best_depends_on_the_clock(self, target):
        """Where an unpaid step leads from 1 a step to 3 a step, it pays with two steps to go, and not with one."""
        P, R = np.zeros((2, 2, 2)), np.array([[1.0, 0.0], [3.0, 3.0]])
        P[0, 0, 0] = P[0, 1, 1] = P[1, :, 1] = 1.0
        values, policies = target.backward_induction(P, R, 1.0, 3, np.zeros(2))
        assert_close(values, np.array([[6.0, 9.0], [3.0, 6.0], [1.0, 3.0], [0.0, 0.0]]), what="the values")
        check_is_policy(policies, (3, 2, 2), "the policies")
        assert_close(policies[:, 0], np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]), what="what is done in state 0")

    @few
    @given(problem=mdps(), gamma=HORIZON_DISCOUNTS, horizon=st.integers(0, 4), seed=seeds())
    @example(problem=WORLD, gamma=0.9, horizon=3, seed=1)
    def test_recursion(self, target, problem, gamma, horizon, seed):
        """values[h](s) is the largest r(s, a) + \u03b3 \u03a3_t P(t | s, a) values[h + 1](t) over the actions."""
        P, R, _ = problem
        final = np.random.default_rng(seed).normal(size=len(R))
        values, _ = target.backward_induction(P, R, gamma, horizon, final)
        assert_shape(values, (horizon + 1, len(R)), np.dtype(np.float64), what="the values")
        assert_close(values[-1], final, atol=0, what="the last values")
        for h in range(horizon):
            assert_close(values[h], lookahead(P, R, values[h + 1], gamma).max(axis=1), atol=1e-10, what=f"values[{h}]")


@test_case(name="backward_induction - test_beats_every_plan", hidden=False)
def law_1(env):
    check_law(TestBackwardInduction, "test_beats_every_plan", env)


@test_case(name="backward_induction - test_the_policies_earn_the_values", hidden=False)
def law_2(env):
    check_law(TestBackwardInduction, "test_the_policies_earn_the_values", env)


@test_case(name="backward_induction - test_what_is_best_depends_on_the_clock", hidden=False)
def law_3(env):
    check_law(TestBackwardInduction, "test_what_is_best_depends_on_the_clock", env)


@test_case(name="backward_induction - test_recursion", hidden=False)
def law_4(env):
    check_law(TestBackwardInduction, "test_recursion", env)
