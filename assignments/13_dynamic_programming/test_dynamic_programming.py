"""The laws of dynamic_programming that you have: plain `pytest` in this folder runs them on dynamic_programming.py."""

import itertools
import math

import gymnasium
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import arrays, assert_close, assert_equal, assert_shape, assert_true, seeds, unchanged

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
TINY_SIZES = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)])


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
    """V^π by a linear solve; `policy` may carry leading axes (many policies at once)."""
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


def distance(V, W):
    """The largest difference between two value functions."""
    return float(np.max(np.abs(np.asarray(V) - np.asarray(W)), initial=0.0))


def taxi_optimum(gamma):
    """V* of Taxi by breadth-first search from the drop-off: d steps are worth −1 each but the last, which earns 20."""
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


@pytest.mark.exercise("discounted_return", points=1)
class TestDiscountedReturn:
    @few
    @given(rewards=arrays(st.integers(0, 6)), gamma=st.sampled_from([0.0, 0.3, 0.9, 1.0]))
    @example(rewards=np.array([1.0, -2.0, 0.5, 3.0]), gamma=0.9)
    def test_is_the_discounted_sum(self, target, rewards, gamma):
        """From every step t the return is Σ_k γᵏ r_{t+k}, an empty episode included."""
        expected = [sum(gamma**k * r for k, r in enumerate(rewards[t:])) for t in range(len(rewards))]
        assert_close(target.discounted_return(rewards, gamma), np.array(expected, dtype=np.float64), atol=1e-12)

    @few
    @given(rewards=arrays(st.integers(2, 6)), gamma=st.sampled_from([0.0, 0.3, 0.9, 1.0]))
    @example(rewards=np.array([1.0, -2.0, 0.5, 3.0]), gamma=0.9)
    def test_recursion(self, target, rewards, gamma):
        """G_t = r_t + γ G_{t+1}, and the last return is the last reward; the rewards are left as they were."""
        with unchanged(rewards):
            returns = target.discounted_return(rewards, gamma)
        assert_shape(returns, rewards.shape, np.dtype(np.float64))
        assert_close(returns[:-1], rewards[:-1] + gamma * returns[1:], atol=1e-12)
        assert_close(float(returns[-1]), float(rewards[-1]), atol=1e-12)

    def test_long_episodes(self, target):
        """In 1200 steps with γ = ½ no return overflows: a constant reward of 1 is worth 2 far from the end."""
        returns = target.discounted_return(np.ones(1200), 0.5)
        assert_close(returns[:1100], np.full(1100, 2.0))
        assert_close(returns[-3:], np.array([1.75, 1.5, 1.0]))


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


@pytest.mark.exercise("policy_chain", points=1)
class TestPolicyChain:
    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_averages_over_actions(self, target, problem):
        """P_π(t | s) and r_π(s) average over actions, weighted by the policy's row of state s; nothing is changed."""
        P, R, _, policy, _ = problem
        with unchanged(P, R, policy):
            chain, rewards = target.policy_chain(P, R, policy)
        weighted = [sum(w * P[s, a] for a, w in enumerate(policy[s])) for s in range(len(R))]
        assert_close(chain, np.array(weighted), atol=1e-12, what="P_π")
        assert_close(rewards, np.array([math.fsum(policy[s] * R[s]) for s in range(len(R))]), atol=1e-12, what="r_π")

    @few
    @given(problem=mdps())
    @ALONE
    def test_deterministic_policy_selects(self, target, problem):
        """For a deterministic policy, row s of P_π is the row of the action taken in s, and r_π(s) is its reward."""
        P, R, _ = problem
        for actions in itertools.islice(itertools.product(range(R.shape[1]), repeat=len(R)), 9):
            chain, rewards = target.policy_chain(P, R, one_hot(actions, R.shape[1]))
            assert_close(chain, P[np.arange(len(R)), actions], atol=1e-12, what="P_π")
            assert_close(rewards, R[np.arange(len(R)), actions], atol=1e-12, what="r_π")


@pytest.mark.exercise("bellman_expectation", points=1)
class TestBellmanExpectation:
    @few
    @given(problem=mdps_with_policy(), seed=seeds())
    @example(problem=world_with_policy(*USUAL, 0.97), seed=1)
    def test_definition(self, target, problem, seed):
        """(T^π V)(s) = Σ_a π(a | s) [ r(s, a) + γ Σ_t P(t | s, a) V(t) ] for any V; nothing is changed."""
        P, R, gamma, policy, _ = problem
        V = np.random.default_rng(seed).normal(size=len(R))
        with unchanged(P, R, policy, V):
            backed_up = target.bellman_expectation(P, R, policy, V, gamma)
        assert_close(backed_up, (policy * lookahead(P, R, V, gamma)).sum(axis=1), atol=1e-12)

    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_fixed_point(self, target, problem):
        """The policy's true values (by a linear solve) come back as they went in."""
        P, R, gamma, policy, _ = problem
        V = solved(P, R, gamma, policy)
        assert_close(target.bellman_expectation(P, R, policy, V, gamma), V, atol=1e-10)

    @few
    @given(problem=mdps_with_policy(), seed=seeds())
    @example(problem=world_with_policy(*USUAL, 0.3), seed=1)
    def test_contraction(self, target, problem, seed):
        """Two value functions come closer together by the factor γ at least, in the largest difference."""
        P, R, gamma, policy, _ = problem
        V, W = np.random.default_rng(seed).normal(size=(2, len(R)))
        moved = [target.bellman_expectation(P, R, policy, values, gamma) for values in (V, W)]
        assert_shape(moved[0], V.shape, V.dtype)
        assert_true(distance(*moved) <= gamma * distance(V, W) + 1e-12, "They are further apart than γ allows.")


@pytest.mark.exercise("policy_evaluation", points=2)
class TestPolicyEvaluation:
    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_satisfies_the_bellman_equation(self, target, problem):
        """V = r_π + γ P_π V in every state, to ten digits; nothing is changed."""
        P, R, gamma, policy, _ = problem
        with unchanged(P, R, policy):
            V = target.policy_evaluation(P, R, policy, gamma)
        assert_shape(V, (len(R),), np.dtype(np.float64))
        assert_close(V, (policy * lookahead(P, R, V, gamma)).sum(axis=1), atol=1e-9)

    @few
    @given(problem=mdps_with_policy(discounts=st.sampled_from([0.0, 0.3, 0.6])))
    @example(problem=world_with_policy(*USUAL, 0.6))
    def test_is_the_sum_of_discounted_rewards(self, target, problem):
        """V(s) is the expected reward of step 0, plus γ times that of step 1, plus γ² times that of step 2, …"""
        P, R, gamma, policy, _ = problem
        chain, rewards = (policy[:, :, None] * P).sum(axis=1), (policy * R).sum(axis=1)
        total, presence = np.zeros(len(R)), np.eye(len(R))
        for k in range(70):  # 0.6⁷⁰ < 1e-15
            total = total + gamma**k * (presence @ rewards)
            presence = presence @ chain
        assert_close(target.policy_evaluation(P, R, policy, gamma), total, atol=1e-9)

    def test_two_states_by_hand(self, target):
        """Missing probability ends the episode: 1 a step, and an even chance to go on, is worth 1/(1 − ¼) at γ = ½."""
        P = np.array([[[0.5, 0.0]], [[0.5, 0.0]]])
        R = np.array([[1.0], [2.0]])
        assert_close(target.policy_evaluation(P, R, np.ones((2, 1)), 0.5), np.array([4 / 3, 7 / 3]), atol=1e-12)


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


@pytest.mark.exercise("action_values", points=1)
class TestActionValues:
    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_definition(self, target, problem):
        """Q(s, a) = r(s, a) + γ Σ_t P(t | s, a) V(t); nothing is changed."""
        P, R, gamma, V, _ = problem
        with unchanged(P, R, V):
            Q = target.action_values(P, R, V, gamma)
        assert_close(Q, lookahead(P, R, V, gamma), atol=1e-12)

    @few
    @given(problem=mdps_with_policy())
    @WITH_POLICY
    def test_average_of_a_policys_action_values(self, target, problem):
        """Averaged by the policy, the action values of its own V^π are V^π again."""
        P, R, gamma, policy, _ = problem
        V = solved(P, R, gamma, policy)
        Q = target.action_values(P, R, V, gamma)
        assert_shape(Q, R.shape, R.dtype)
        assert_close((policy * Q).sum(axis=1), V, atol=1e-10)


@pytest.mark.exercise("bellman_optimality", points=1)
class TestBellmanOptimality:
    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_definition(self, target, problem):
        """(T V)(s) is the largest r(s, a) + γ Σ_t P(t | s, a) V(t) over the actions; nothing is changed."""
        P, R, gamma, V, _ = problem
        with unchanged(P, R, V):
            backed_up = target.bellman_optimality(P, R, V, gamma)
        assert_close(backed_up, lookahead(P, R, V, gamma).max(axis=1), atol=1e-12)

    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_contraction(self, target, problem):
        """‖TV − TW‖∞ ≤ γ ‖V − W‖∞: two value functions come closer together by the factor γ at least."""
        P, R, gamma, V, W = problem
        moved = [target.bellman_optimality(P, R, values, gamma) for values in (V, W)]
        assert_shape(moved[0], V.shape, V.dtype)
        assert_true(distance(*moved) <= gamma * distance(V, W) + 1e-12, "They are further apart than γ allows.")

    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_monotone(self, target, problem):
        """If V ≤ W in every state, then TV ≤ TW in every state."""
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


@pytest.mark.exercise("greedy_policy", points=2)
class TestGreedyPolicy:
    @few
    @given(problem=mdps_with_values())
    @WITH_VALUES
    def test_looks_one_step_ahead(self, target, problem):
        """All probability lies on actions that maximise r(s, a) + γ Σ_t P(t | s, a) V(t); nothing is changed."""
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


@pytest.mark.exercise("sweeps_needed", points=1)
class TestSweepsNeeded:
    @few
    @given(
        gamma=st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99]),
        error=st.sampled_from([0.0, 0.37, 3.1, 47.0]),
        tolerance=st.sampled_from([7.0, 0.53, 0.013, 1.7e-7]),
    )
    @example(gamma=0.9, error=3.1, tolerance=0.013)
    @example(gamma=0.0, error=3.1, tolerance=0.013)
    def test_is_the_smallest(self, target, gamma, error, tolerance):
        """After t sweeps γᵗ · first error is within the tolerance, and one sweep earlier it is not."""
        sweeps = target.sweeps_needed(gamma, error, tolerance)
        expected = 0
        while error * gamma**expected > tolerance:
            expected += 1
        assert_equal(sweeps, expected, what="the number of sweeps")

    def test_good_enough_from_the_start(self, target):
        """No sweep is needed where the first error is not above the tolerance, whatever the discount."""
        for gamma, error in itertools.product((0.0, 0.5, 0.99), (0.0, 0.2, 0.37)):
            assert_equal(target.sweeps_needed(gamma, error, 0.37), 0, what=f"the sweeps from an error of {error}")

    def test_the_price_of_patience(self, target):
        """One more decimal digit costs 1 sweep at γ = 0.05, 22 at 0.9, 230 at 0.99 and 2302 at 0.999."""
        for gamma, sweeps in ((0.05, 1), (0.9, 22), (0.99, 230), (0.999, 2302)):
            assert_equal(target.sweeps_needed(gamma, 1.0, 0.1), sweeps, what=f"the sweeps for γ = {gamma}")

    def test_the_tolerance_is_enough(self, target):
        """An error that is exactly the tolerance is small enough: halving reaches a half in 1 sweep, a quarter in 2."""
        for share, sweeps in ((2.0, 1), (4.0, 2)):
            assert_equal(target.sweeps_needed(0.5, share, 1.0), sweeps, what=f"the sweeps from an error of {share}")


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
        """‖V_t − V*‖∞ ≤ γᵗ ‖V_0 − V*‖∞ at every t, where V* is the best over all deterministic policies."""
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
        """values[h](s) is the largest r(s, a) + γ Σ_t P(t | s, a) values[h + 1](t) over the actions."""
        P, R, _ = problem
        final = np.random.default_rng(seed).normal(size=len(R))
        values, _ = target.backward_induction(P, R, gamma, horizon, final)
        assert_shape(values, (horizon + 1, len(R)), np.dtype(np.float64), what="the values")
        assert_close(values[-1], final, atol=0, what="the last values")
        for h in range(horizon):
            assert_close(values[h], lookahead(P, R, values[h + 1], gamma).max(axis=1), atol=1e-10, what=f"values[{h}]")
