"""The laws of mdp_from_table, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools
import math

import gymnasium
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, seeds

OK_FORMAT = False
name = "mdp_from_table"
points = [2, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # an example holds a whole random world, so half a dozen of them says enough
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


# Numbers of states and actions: from the least upwards, with more weight on worlds in which there is a choice.
SIZES = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (4, 2), (4, 3)])


def taxi_optimum(gamma):
    """V* of Taxi by breadth-first search from the drop-off: d steps are worth \u22121 each but the last, which earns 20."""
    table = world_table("Taxi")
    comes_from: dict = {}
    steps, frontier = {}, set()
    for s, a in itertools.product(table, table[0]):
        ((_, t, reward, end),) = table[s][a]
        if end:
            steps[s] = 1
            frontier.add(s)
        elif reward == -1:
            comes_from.setdefault(t, set()).add(s)
    while frontier:
        before = {s for t in frontier for s in comes_from.get(t, ())} - steps.keys()
        distance_to_go = 1 + steps[next(iter(frontier))]
        steps.update(dict.fromkeys(before, distance_to_go))
        frontier = before
    return np.array(
        [20 * gamma ** (steps[s] - 1) - sum(gamma**k for k in range(steps[s] - 1)) for s in range(len(table))]
    )


def transition_tables():
    """Random tables whose lists repeat next states and mix ending transitions with others, keys in any order."""

    return st.tuples(SIZES, seeds()).map(lambda draw: random_table(*draw))


def random_table(size, seed):
    """Such a table, of that many states and actions."""
    states, actions = size
    random = np.random.default_rng(seed)

    def transitions():
        weights = random.integers(1, 5, size=random.integers(1, 5)).tolist()
        return [
            plain_transition(w / sum(weights), random.integers(states), random.integers(-3, 4), random.integers(2))
            for w in weights
        ]

    table = {s: {a: transitions() for a in range(actions)} for s in random.permutation(states).tolist()}
    return {s: dict(reversed(entries.items())) for s, entries in table.items()}  # the last action comes first


@pytest.mark.exercise("mdp_from_table", points=2)
class TestMdpFromTable:
    @few
    @given(table=transition_tables())
    @example(table=random_table((4, 3), 2))
    def test_sums_over_the_entries(self, target, table):
        """P[s, a, t] sums the probabilities of transitions to t that do not terminate; R[s, a] is the mean reward."""
        P, R = target.mdp_from_table(table)
        expected_P, expected_R = arrays_of(table)
        assert_close(P, expected_P, atol=1e-12, what="P")
        assert_close(R, expected_R, atol=1e-12, what="R")

    def test_repeated_next_states_add_up(self, target):
        """Where two entries lead to the same state, their probabilities add up."""
        P, R = target.mdp_from_table({0: {0: [(0.25, 0, 4.0, False), (0.25, 0, 0.0, False), (0.5, 0, 2.0, True)]}})
        assert_close(P, np.array([[[0.5]]]), what="P")
        assert_close(R, np.array([[2.0]]), what="R")

    def test_delivered_passengers_pay_once(self, target):
        """On Taxi, where an episode ends with the drop-off, no state is worth more than the one reward of 20."""
        gamma = 0.9
        P, R = target.mdp_from_table(world_table("Taxi"))
        assert_shape(P, (500, 6, 500), what="P")
        V = taxi_optimum(gamma)
        assert_close(V, (R + gamma * (P @ V)).max(axis=1), atol=1e-9, what="the known optimum, seen through (P, R)")


@test_case(name="mdp_from_table - test_sums_over_the_entries", hidden=False)
def law_1(env):
    check_law(TestMdpFromTable, "test_sums_over_the_entries", env)


@test_case(name="mdp_from_table - test_repeated_next_states_add_up", hidden=False)
def law_2(env):
    check_law(TestMdpFromTable, "test_repeated_next_states_add_up", env)


@test_case(name="mdp_from_table - test_delivered_passengers_pay_once", hidden=False)
def law_3(env):
    check_law(TestMdpFromTable, "test_delivered_passengers_pay_once", env)
