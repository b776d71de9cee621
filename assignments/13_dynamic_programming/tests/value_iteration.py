"""The laws of value_iteration, for otter. Generated: change the course's own files instead."""

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
name = "value_iteration"
points = [3, 0, 0, 0, 0]
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


TOLERANCES = st.sampled_from([1.0, 0.1, 1e-2, 1e-4])


def world_where_one_state_pays(level):
    """Ten states in which everything stays where it is, and the first pays for ever: (P, R, what each state pays)."""
    paid = np.zeros(10)
    paid[0] = level
    return np.eye(10)[:, None].repeat(2, axis=1), paid[:, None].repeat(2, axis=1), paid


def check_history(history, P, R, gamma, start, tolerance):
    """Rows are the iterates from `start`, and the last is the first that the stopping rule lets through."""
    assert_true(len(history) >= 2, "There should be at least two rows: the start and one sweep.")
    assert_shape(history, (len(history), len(R)), np.dtype(np.float64), what="the history")
    assert_close(history[0], start, atol=0, what="the first row")
    for t in range(1, len(history)):
        once = np.stack([(R[s] + gamma * (P[s] @ history[t - 1])).max() for s in range(len(R))])
        assert_close(history[t], once, atol=1e-10, what=f"row {t}")
    changes = gamma * np.abs(np.diff(history, axis=0)).max(axis=1)
    assert_true(changes[-1] <= (1 - gamma) * tolerance * (1 + 1e-9), "It stops before the stopping rule holds.")
    late = np.flatnonzero(changes[:-1] <= (1 - gamma) * tolerance * (1 - 1e-9)) + 1
    assert_true(len(late) == 0, f"It goes on although the stopping rule held at sweep {late.tolist()}.")


@pytest.mark.exercise("value_iteration", points=3)
class TestValueIteration:
    @few
    @given(problem=mdps_with_values(), tolerance=TOLERANCES)
    @example(problem=world_with_values(*USUAL, 0.9), tolerance=0.1)
    def test_error_shrinks_geometrically(self, target, problem, tolerance):
        """\u2016V_t \u2212 V*\u2016\u221e \u2264 \u03b3\u1d57 \u2016V_0 \u2212 V*\u2016\u221e at every t, where V* is the best over all deterministic policies."""
        P, R, gamma, start, _ = problem
        best = best_values(P, R, gamma)
        with unchanged(P, R, start):
            history = target.value_iteration(P, R, gamma, start, tolerance)
        assert_shape(history, (len(history), len(R)), np.dtype(np.float64), what="the history")
        assert_close(history[0], start, atol=0, what="the first row")
        errors = np.abs(history - best).max(axis=1)
        bound = gamma ** np.arange(len(history)) * errors[0]
        above = np.flatnonzero(errors > bound + 1e-10)
        assert_true(len(above) == 0, f"The error exceeds the bound at t = {above[:5].tolist()}.")

    @few
    @given(problem=mdps_with_values(), tolerance=TOLERANCES)
    @example(problem=world_with_values(*USUAL, 0.9), tolerance=0.1)
    def test_keeps_its_promise(self, target, problem, tolerance):
        """The last row lies within the tolerance of V*."""
        P, R, gamma, start, _ = problem
        history = target.value_iteration(P, R, gamma, start, tolerance)
        assert_shape(history[-1], (len(R),), np.dtype(np.float64), what="the last row")
        error = distance(history[-1], best_values(P, R, gamma))
        assert_true(error <= tolerance * (1 + 1e-9), f"The error is {error:.6g}; the tolerance is {tolerance:g}.")

    @few
    @given(problem=mdps_with_values(discounts=st.sampled_from([0.0, 0.3, 0.9])), tolerance=TOLERANCES)
    @example(problem=world_with_values(*USUAL, 0.9), tolerance=0.1)
    def test_every_row_is_one_sweep(self, target, problem, tolerance):
        """Each row is the Bellman optimality operator applied to the row before; it stops as soon as the rule says."""
        P, R, gamma, start, _ = problem
        history = target.value_iteration(P, R, gamma, start, tolerance)
        check_history(history, P, R, gamma, start, tolerance)

    @few
    @given(level=st.sampled_from([-2.0, 5.0]), gamma=st.sampled_from([0.3, 0.9, 0.99]), tolerance=TOLERANCES)
    @example(level=-2.0, gamma=0.99, tolerance=1e-2)
    def test_slow_worlds(self, target, level, gamma, tolerance):
        """In a world that pays the same for ever, where a small change hides a large error, the promise holds."""
        P, R = np.full((2, 2, 2), 0.5), np.full((2, 2), level)
        history = target.value_iteration(P, R, gamma, np.zeros(2), tolerance)
        error = distance(history[-1], np.full(2, level / (1 - gamma)))
        assert_true(error <= tolerance * (1 + 1e-9), f"The error is {error:.6g}; the tolerance is {tolerance:g}.")
        P, R, paid = world_where_one_state_pays(level)
        history = target.value_iteration(P, R, gamma, np.zeros(10), tolerance)
        error = distance(history[-1], paid / (1 - gamma))
        assert_true(error <= tolerance * (1 + 1e-9), f"The error is {error:.6g} where one state of ten pays.")

    def test_frozen_lake(self, target):
        """On FrozenLake the values reach the optimum: there, no policy that differs in one state earns more."""
        P, R = arrays_of(world_table("FrozenLake"))
        V = target.value_iteration(P, R, 0.95, np.zeros(16), 1e-8)[-1]
        Q = lookahead(P, R, V, 0.95)
        assert_shape(V, (16,), np.dtype(np.float64), what="the last row")
        earned = solved(P, R, 0.95, one_hot(Q.argmax(axis=1), 4))
        assert_close(V, earned, atol=1e-6, rtol=0, what="the last row, against what its greedy policy earns")
        assert_true(bool((lookahead(P, R, earned, 0.95).max(axis=1) <= earned + 1e-9).all()), "It can be improved.")


@test_case(name="value_iteration - test_error_shrinks_geometrically", hidden=False)
def law_1(env):
    check_law(TestValueIteration, "test_error_shrinks_geometrically", env)


@test_case(name="value_iteration - test_keeps_its_promise", hidden=False)
def law_2(env):
    check_law(TestValueIteration, "test_keeps_its_promise", env)


@test_case(name="value_iteration - test_every_row_is_one_sweep", hidden=False)
def law_3(env):
    check_law(TestValueIteration, "test_every_row_is_one_sweep", env)


@test_case(name="value_iteration - test_slow_worlds", hidden=False)
def law_4(env):
    check_law(TestValueIteration, "test_slow_worlds", env)


@test_case(name="value_iteration - test_frozen_lake", hidden=False)
def law_5(env):
    check_law(TestValueIteration, "test_frozen_lake", env)
