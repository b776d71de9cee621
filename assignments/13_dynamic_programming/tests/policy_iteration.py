"""The laws of policy_iteration, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools
import math

import gymnasium
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, seeds, unchanged

OK_FORMAT = False
name = "policy_iteration"
points = [3, 0, 0, 0, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # an example holds a whole random world, so half a dozen of them says enough
DISCOUNTS = st.sampled_from([0.5, 0.9, 0.97, 0.3, 0.0])
WORLDS = {
    "FrozenLake": ("FrozenLake", {}),
    "FrozenLake 8x8": ("FrozenLake", {"map_name": "8x8"}),
    "FrozenLake without ice": ("FrozenLake", {"is_slippery": False}),
    "Taxi": ("Taxi", {}),
    "CliffWalking": ("CliffWalking", {}),
}
TABLES: dict = {}


def plain_transition(probability, next_state, reward, terminated):
    """One entry of a table in Python's own types."""
    return float(probability), int(next_state), float(reward), bool(terminated)


def world_table(world):
    """The transition table of a Gymnasium world as plain data, made once."""
    if world not in TABLES:
        name, options = WORLDS[world]
        version = max(spec.version or 0 for spec in gymnasium.registry.values() if spec.name == name)
        source = gymnasium.make(f"{name}-v{version}", **options).unwrapped.P
        TABLES[world] = {
            int(s): {int(a): [plain_transition(*transition) for transition in row] for a, row in rows.items()}
            for s, rows in source.items()
        }
    return TABLES[world]


def arrays_of(table):
    """(P, R) of a table, from the definition: terminated transitions earn their reward and lead nowhere."""
    P, R = np.zeros((len(table), len(table[0]), len(table))), np.zeros((len(table), len(table[0])))
    for s, a in np.ndindex(R.shape):
        R[s, a] = math.fsum(p * reward for p, _, reward, _ in table[s][a])
        np.add.at(P[s, a], [t for _, t, _, end in table[s][a] if not end], [e[0] for e in table[s][a] if not e[3]])
    return P, R


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


def check_rounds(policies, values, P, R, gamma, start):
    """Every policy is greedy for the values before it, every value exact, and only the last round may gain nothing."""
    assert_shape(policies, (len(policies), *R.shape), what="the policies")
    assert_shape(values, (len(policies), len(R)), np.dtype(np.float64), what="the values")
    assert_close(policies[0], start, atol=0, what="the first policy")
    scale = max(1.0, float(np.abs(R).max()) / (1 - gamma))
    for k, policy in enumerate(policies):
        check_is_policy(policy, R.shape, f"policy {k}")
        exact = solved(P, R, gamma, policy)
        assert_close(values[k], exact, atol=1e-9 * scale, what=f"the values of policy {k}")
        if k > 0:
            check_is_greedy(policy, R + gamma * (P @ values[k - 1]), f"policy {k}")
    gains = np.diff(values, axis=0)
    assert_true(bool((gains >= -1e-9 * scale).all()), "Some value falls from one round to the next.")
    idle = np.flatnonzero(gains[:-1].max(axis=1, initial=-np.inf) <= 1e-13 * scale)
    assert_true(len(idle) == 0, f"Round {(idle + 1).tolist()} gains nothing, and yet it goes on.")


@pytest.mark.exercise("policy_iteration", points=3)
class TestPolicyIteration:
    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_ends_at_the_optimum(self, target, problem):
        """The last values are V*, the best over all deterministic policies, and the last policy earns them."""
        P, R, gamma, start, _ = problem
        with unchanged(P, R, start):
            policies, values = target.policy_iteration(P, R, gamma, start)
        best = best_values(P, R, gamma)
        assert_close(values[-1], best, atol=1e-8, what="the last values")
        check_is_policy(policies[-1], R.shape, "the last policy")
        assert_close(solved(P, R, gamma, policies[-1]), best, atol=1e-8, what="what the last policy earns")

    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_improves_every_round(self, target, problem):
        """From `start` on, each policy is greedy for the exact values of the one before; no value ever falls."""
        P, R, gamma, start, _ = problem
        policies, values = target.policy_iteration(P, R, gamma, start)
        check_rounds(policies, values, P, R, gamma, start)

    @few
    @given(problem=mdps())
    @ALONE
    def test_an_optimal_start_is_kept(self, target, problem):
        """From an optimal policy it ends at once, after at most one round that confirms the values."""
        P, R, gamma = problem
        candidates = every_policy(*R.shape)
        start = candidates[solved(P, R, gamma, candidates).sum(axis=1).argmax()]
        policies, values = target.policy_iteration(P, R, gamma, start)
        assert_true(len(values) <= 2, f"It takes {len(values)} rounds from an optimal policy.")
        check_rounds(policies, values, P, R, gamma, start)

    def test_tells_close_actions_apart(self, target):
        """An action that earns one part in ten million more is better, and is found."""
        P, R = np.ones((1, 3, 1)), np.array([[1.0, 1.0 + 1e-7, 1.0]])
        _, values = target.policy_iteration(P, R, 0.9, np.array([[1.0, 0.0, 0.0]]))
        assert_close(values[-1], np.array([10 + 1e-6]), atol=1e-9, rtol=0, what="the last values")
        P, R = np.ones((1, 2, 1)), 1e-6 * np.array([[1.0, 1.001]])  # in another unit
        _, values = target.policy_iteration(P, R, 0.9, np.array([[1.0, 0.0]]))
        assert_close(values[-1], np.array([1.001e-5]), atol=0, rtol=1e-6, what="the last values for small rewards")

    @few
    @given(problem=mdps_with_policy(), unit=st.sampled_from([1e6, 1e-6]))
    def test_units_of_reward(self, target, problem, unit):
        """Rewards counted in millions or in millionths change the unit of the values and nothing else."""
        P, R, gamma, start, _ = problem
        _, values = target.policy_iteration(P, unit * R, gamma, start)
        best = best_values(P, R, gamma)
        assert_shape(values[-1], (len(R),), np.dtype(np.float64), what="the last values")
        assert_close(values[-1] / unit, best, atol=1e-7, what=f"the last values in units of {unit:g}")

    @few
    @given(size=SIZES, gamma=st.sampled_from([0.5, 0.9, 0.99]), seed=seeds())
    def test_ends_although_actions_tie(self, target, size, gamma, seed):
        """In a world with a twin of every state, where all choices tie in pairs, it still ends, at the optimum."""
        P, R = random_mdp(*size, seed)
        states, actions = size
        # Action a leads to the first copies and action a + A to the second; both copies of a state are alike.
        twins = np.zeros((2 * states, 2 * actions, 2 * states))
        twins[:states, :actions, :states] = twins[states:, :actions, :states] = P
        twins[:states, actions:, states:] = twins[states:, actions:, states:] = P
        rewards = np.tile(R, (2, 2))
        random = np.random.default_rng(seed)
        shuffled = random.permutation(2 * states)
        twins, rewards = twins[shuffled][:, :, shuffled], rewards[shuffled]
        start = random.dirichlet(np.ones(2 * actions), size=2 * states)
        policies, values = target.policy_iteration(twins, rewards, gamma, start)
        check_rounds(policies, values, twins, rewards, gamma, start)
        gap = (rewards + gamma * (twins @ values[-1])).max(axis=1) - values[-1]
        assert_true(gap.max() <= 1e-8 * max(1, abs(values).max()), "The last policy is not optimal.")

    def test_frozen_lake(self, target):
        """On both FrozenLakes it ends at a policy on which no single action improves."""
        for world, states in (("FrozenLake", 16), ("FrozenLake 8x8", 64)):
            P, R = arrays_of(world_table(world))
            start = np.full((states, 4), 0.25)
            policies, values = target.policy_iteration(P, R, 0.95, start)
            check_rounds(policies, values, P, R, 0.95, start)
            gap = (R + 0.95 * (P @ values[-1])).max(axis=1) - values[-1]
            assert_true(gap.max() <= 1e-9, f"An action of {world} improves the last policy by {gap.max():.3g}.")


@test_case(name="policy_iteration - test_ends_at_the_optimum", hidden=False)
def law_1(env):
    check_law(TestPolicyIteration, "test_ends_at_the_optimum", env)


@test_case(name="policy_iteration - test_improves_every_round", hidden=False)
def law_2(env):
    check_law(TestPolicyIteration, "test_improves_every_round", env)


@test_case(name="policy_iteration - test_an_optimal_start_is_kept", hidden=False)
def law_3(env):
    check_law(TestPolicyIteration, "test_an_optimal_start_is_kept", env)


@test_case(name="policy_iteration - test_tells_close_actions_apart", hidden=False)
def law_4(env):
    check_law(TestPolicyIteration, "test_tells_close_actions_apart", env)


@test_case(name="policy_iteration - test_units_of_reward", hidden=False)
def law_5(env):
    check_law(TestPolicyIteration, "test_units_of_reward", env)


@test_case(name="policy_iteration - test_ends_although_actions_tie", hidden=False)
def law_6(env):
    check_law(TestPolicyIteration, "test_ends_although_actions_tie", env)


@test_case(name="policy_iteration - test_frozen_lake", hidden=False)
def law_7(env):
    check_law(TestPolicyIteration, "test_frozen_lake", env)
