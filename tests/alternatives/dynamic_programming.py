"""Other right answers to the exercises of dynamic programming: loops, other algorithms, other packages."""

import numpy as np

from autograder.bank import alternative

# --- discounted_return -----------------------------------------------------------------------------------------------


@alternative("discounted_return", "the definition, as a product with a triangular matrix of powers")
def discounted_return_by_matrix(rewards, gamma):
    if gamma < 0 or gamma > 1:
        raise ValueError(f"gamma = {gamma}")
    steps = np.arange(len(rewards))
    lag = steps[None, :] - steps[:, None]
    powers = np.where(lag >= 0, float(gamma) ** np.maximum(lag, 0), 0.0)
    return (powers @ rewards).astype(rewards.dtype)


@alternative("discounted_return", "itertools.accumulate from the end")
def discounted_return_accumulated(rewards, gamma):
    from itertools import accumulate

    if not 0 <= gamma <= 1:
        raise ValueError(f"gamma = {gamma}")
    backwards = accumulate(rewards[::-1].tolist(), lambda later, reward: reward + gamma * later)
    return np.array(list(backwards)[::-1], dtype=rewards.dtype)


@alternative("discounted_return", "a recursive filter run over the reversed rewards", requires="scipy")
def discounted_return_as_filter(rewards, gamma):
    from scipy.signal import lfilter

    if not 0 <= gamma <= 1:
        raise ValueError(f"gamma = {gamma}")
    if len(rewards) == 0:
        return rewards.copy()
    return lfilter([1.0], [1.0, -gamma], rewards[::-1])[::-1].astype(rewards.dtype)


# --- mdp_from_table --------------------------------------------------------------------------------------------------


@alternative("mdp_from_table", "np.add.at over flat lists of transitions")
def mdp_from_table_flat(table):
    rows = [(s, a, *entry) for s in sorted(table) for a in sorted(table[s]) for entry in table[s][a]]
    s, a, p, t, reward, end = (np.array(column) for column in zip(*rows))
    shape = (len(table), len(next(iter(table.values()))))
    total, R, P = np.zeros(shape), np.zeros(shape), np.zeros((*shape, len(table)))
    np.add.at(total, (s, a), p)
    if not np.allclose(total, 1, rtol=0, atol=1e-6):
        raise ValueError("Some probabilities do not sum to 1.")
    np.add.at(R, (s, a), p * reward)
    np.add.at(P, (s, a, t), np.where(end.astype(bool), 0.0, p))
    return P, R


@alternative("mdp_from_table", "an absorbing state for the end, cut off afterwards")
def mdp_from_table_with_an_absorbing_state(table):
    states, actions = len(table), len(table[0])
    P, R = np.zeros((states, actions, states + 1)), np.zeros((states, actions))
    for s in range(states):
        for a in range(actions):
            for p, t, reward, end in table[s][a]:
                P[s, a, states if end else t] += p
                R[s, a] += p * reward
    if (np.abs(P.sum(axis=2) - 1) > 1e-6).any():
        raise ValueError("Some probabilities do not sum to 1.")
    return P[:, :, :states].copy(), R


@alternative("mdp_from_table", "a sparse matrix, which adds up entries of the same place", requires="scipy")
def mdp_from_table_sparse(table):
    from scipy.sparse import coo_array

    states, actions = len(table), len(table[0])
    rows = [(s * actions + a, *entry) for s in table for a in table[s] for entry in table[s][a]]
    row, p, t, reward, end = (np.array(column) for column in zip(*rows))
    if np.abs(np.bincount(row, weights=p, minlength=states * actions) - 1).max() > 1e-6:
        raise ValueError("Some probabilities do not sum to 1.")
    goes_on = ~end.astype(bool)
    P = coo_array((p[goes_on], (row[goes_on], t[goes_on])), shape=(states * actions, states)).toarray()
    R = np.bincount(row, weights=p * reward, minlength=states * actions)
    return P.reshape(states, actions, states), R.reshape(states, actions)


# --- policy_chain ----------------------------------------------------------------------------------------------------


@alternative("policy_chain", "loops over states and actions")
def policy_chain_by_loops(P, R, policy):
    if policy.shape != R.shape:
        raise ValueError("shape")
    chain, rewards = np.zeros((len(R), len(R)), dtype=P.dtype), np.zeros(len(R), dtype=R.dtype)
    for s in range(len(R)):
        if min(policy[s]) < 0 or abs(sum(policy[s]) - 1) > 1e-5:
            raise ValueError(f"Row {s} holds no probabilities.")
        for a in range(R.shape[1]):
            chain[s] += policy[s, a] * P[s, a]
            rewards[s] += policy[s, a] * R[s, a]
    return chain, rewards


@alternative("policy_chain", "batched matrix products")
def policy_chain_by_matmul(P, R, policy):
    if policy.shape != R.shape or np.any(policy < 0) or not np.allclose(policy.sum(1), 1, rtol=0, atol=1e-5):
        raise ValueError("This is not a policy.")
    row = policy[:, None, :]
    return (row @ P)[:, 0, :], (row @ R[:, :, None])[:, 0, 0]


@alternative("policy_chain", "torch, and NumPy's own idea of close to 1")
def policy_chain_by_torch(P, R, policy):
    import torch

    if policy.shape != R.shape or policy.min() < 0 or not np.allclose(policy.sum(axis=1), 1):
        raise ValueError("This is not a policy.")
    weights = torch.tensor(policy)
    chain = torch.bmm(weights.unsqueeze(1), torch.tensor(P)).squeeze(1)
    return chain.numpy(), torch.linalg.vecdot(weights, torch.tensor(R)).numpy()


# --- bellman_expectation ---------------------------------------------------------------------------------------------


@alternative("bellman_expectation", "first the chain of the policy, then one product")
def bellman_expectation_by_chain(P, R, policy, V, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    return np.einsum("sa,sa->s", policy, R) + gamma * np.einsum("sa,sat,t->s", policy, P, V)


@alternative("bellman_expectation", "loops as the equation reads")
def bellman_expectation_by_loops(P, R, policy, V, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    result = np.zeros_like(V)
    for s in range(len(V)):
        for a in range(R.shape[1]):
            following = sum(P[s, a, t] * V[t] for t in range(len(V)))
            result[s] += policy[s, a] * (R[s, a] + gamma * following)
    return result


@alternative("bellman_expectation", "QuantEcon's DiscreteDP, with the policy as the only action", requires="quantecon")
def bellman_expectation_by_quantecon(P, R, policy, V, gamma):
    import numba

    # Compiled code would be cached in a file, and the sandbox has none to write.
    numba.config.DISABLE_JIT = True
    numba.guvectorize = lambda *_, **__: lambda function: function
    from quantecon.markov import DiscreteDP

    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    chain, rewards = np.einsum("sa,sat->st", policy, P), (policy * R).sum(axis=1)
    alone = DiscreteDP(rewards[:, None].astype(float), chain[:, None, :].astype(float), gamma)
    return alone.bellman_operator(V.astype(float)).astype(V.dtype)


# --- policy_evaluation -----------------------------------------------------------------------------------------------


@alternative("policy_evaluation", "the inverse matrix")
def policy_evaluation_by_inverse(P, R, policy, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    chain = (policy[:, :, None] * P).sum(axis=1)
    return np.linalg.inv(np.eye(len(R)) - gamma * chain) @ (policy * R).sum(axis=1)


@alternative("policy_evaluation", "the geometric series of the chain, doubled until nothing is left")
def policy_evaluation_by_doubling(P, R, policy, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    # After k rounds V is the return of 2^k steps and M the discounted chain of 2^k steps.
    M, V = gamma * np.einsum("sa,sat->st", policy, P), (policy * R).sum(axis=1)
    while np.abs(M).max() > 1e-18:
        V, M = V + M @ V, M @ M
    return V


@alternative("policy_evaluation", "a sparse factorisation", requires="scipy")
def policy_evaluation_sparse(P, R, policy, gamma):
    from scipy.sparse import csc_array, eye_array
    from scipy.sparse.linalg import splu

    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    chain = csc_array(np.einsum("sa,sat->st", policy, P))
    return splu((eye_array(len(R), format="csc") - gamma * chain).tocsc()).solve((policy * R).sum(axis=1))


# --- iterative_policy_evaluation -------------------------------------------------------------------------------------


@alternative("iterative_policy_evaluation", "in place, state by state (Gauss–Seidel)")
def iterative_policy_evaluation_in_place(P, R, policy, gamma, tolerance):
    if not 0 <= gamma < 1 or not tolerance > 0:
        raise ValueError(f"gamma = {gamma}, tolerance = {tolerance}")
    V = np.zeros(len(R))
    while True:
        change = 0.0
        for s in range(len(V)):
            new = policy[s] @ (R[s] + gamma * (P[s] @ V))
            change, V[s] = max(change, abs(new - V[s])), new
        if gamma * change <= (1 - gamma) * tolerance:
            return V


@alternative("iterative_policy_evaluation", "as many sweeps as the bound asks for before the first")
def iterative_policy_evaluation_a_priori(P, R, policy, gamma, tolerance):
    if not 0 <= gamma < 1 or not tolerance > 0:
        raise ValueError(f"gamma = {gamma}, tolerance = {tolerance}")
    V, error = np.zeros(len(R)), np.abs(R).max() / (1 - gamma)
    while error > tolerance:
        V, error = (policy * (R + gamma * (P @ V))).sum(axis=1), gamma * error
    return V


@alternative("iterative_policy_evaluation", "not iterative at all: the exact solution keeps every promise")
def iterative_policy_evaluation_exact(P, R, policy, gamma, tolerance):
    if not 0 <= gamma < 1 or not tolerance > 0:
        raise ValueError(f"gamma = {gamma}, tolerance = {tolerance}")
    chain = np.einsum("sa,sat->st", policy, P)
    return np.linalg.solve(np.eye(len(R)) - gamma * chain, (policy * R).sum(axis=1))


# --- action_values ---------------------------------------------------------------------------------------------------


@alternative("action_values", "einsum")
def action_values_by_einsum(P, R, V, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    return R + gamma * np.einsum("sat,t->sa", P, V)


@alternative("action_values", "loops over states and actions")
def action_values_by_loops(P, R, V, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    return np.array(
        [[R[s, a] + gamma * np.dot(P[s, a], V) for a in range(R.shape[1])] for s in range(len(V))], dtype=V.dtype
    )


@alternative("action_values", "QuantEcon's DiscreteDP, one action at a time", requires="quantecon")
def action_values_by_quantecon(P, R, V, gamma):
    import numba

    # Compiled code would be cached in a file, and the sandbox has none to write.
    numba.config.DISABLE_JIT = True
    numba.guvectorize = lambda *_, **__: lambda function: function
    from quantecon.markov import DiscreteDP

    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    columns = [
        DiscreteDP(R[:, [a]].astype(float), P[:, [a], :].astype(float), gamma).bellman_operator(V.astype(float))
        for a in range(R.shape[1])
    ]
    return np.stack(columns, axis=1).astype(V.dtype)


# --- bellman_optimality ----------------------------------------------------------------------------------------------


@alternative("bellman_optimality", "loops as the equation reads")
def bellman_optimality_by_loops(P, R, V, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    result = np.empty_like(V)
    for s in range(len(V)):
        result[s] = max(R[s, a] + gamma * sum(p * v for p, v in zip(P[s, a], V)) for a in range(R.shape[1]))
    return result


@alternative("bellman_optimality", "a running maximum over the actions")
def bellman_optimality_by_running_maximum(P, R, V, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    best = np.full_like(V, -np.inf)
    for a in range(R.shape[1]):
        best = np.maximum(best, R[:, a] + gamma * (P[:, a] @ V))
    return best


@alternative("bellman_optimality", "QuantEcon's DiscreteDP", requires="quantecon")
def bellman_optimality_by_quantecon(P, R, V, gamma):
    import numba

    # Compiled code would be cached in a file, and the sandbox has none to write.
    numba.config.DISABLE_JIT = True
    numba.guvectorize = lambda *_, **__: lambda function: function
    from quantecon.markov import DiscreteDP

    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    problem = DiscreteDP(R.astype(float), P.astype(float), gamma)
    return problem.bellman_operator(V.astype(float)).astype(V.dtype)


# --- greedy_policy ---------------------------------------------------------------------------------------------------


@alternative("greedy_policy", "ties shared evenly")
def greedy_policy_sharing_ties(P, R, V, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    Q = R + gamma * (P @ V)
    best = np.isclose(Q, Q.max(axis=1, keepdims=True), rtol=0, atol=1e-12)
    return best / best.sum(axis=1, keepdims=True)


@alternative("greedy_policy", "the last of the tied actions, by loops")
def greedy_policy_last_of_the_best(P, R, V, gamma):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    policy = np.zeros(R.shape)
    for s in range(len(V)):
        best, best_value = 0, -np.inf
        for a in range(R.shape[1]):
            value = R[s, a] + gamma * (P[s, a] * V).sum()
            if value >= best_value:
                best, best_value = a, value
        policy[s, best] = 1
    return policy


@alternative("greedy_policy", "QuantEcon's DiscreteDP", requires="quantecon")
def greedy_policy_by_quantecon(P, R, V, gamma):
    import numba

    # Compiled code would be cached in a file, and the sandbox has none to write.
    numba.config.DISABLE_JIT = True
    numba.guvectorize = lambda *_, **__: lambda function: function
    from quantecon.markov import DiscreteDP

    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    return np.eye(R.shape[1])[DiscreteDP(R, P, gamma).compute_greedy(V)]


# --- sweeps_needed ---------------------------------------------------------------------------------------------------


@alternative("sweeps_needed", "counting")
def sweeps_needed_by_counting(gamma, first_error, tolerance):
    if not 0 <= gamma < 1 or tolerance <= 0:
        raise ValueError(f"gamma = {gamma}, tolerance = {tolerance}")
    sweeps = 0
    while first_error > tolerance:
        first_error *= gamma
        sweeps += 1
    return sweeps


@alternative("sweeps_needed", "math.log to the base gamma")
def sweeps_needed_by_logarithm_to_base_gamma(gamma, first_error, tolerance):
    import math

    if not 0 <= gamma < 1 or tolerance <= 0:
        raise ValueError(f"gamma = {gamma}, tolerance = {tolerance}")
    if first_error == 0 or gamma == 0:
        return int(first_error > tolerance)
    return max(0, math.ceil(math.log(tolerance / first_error, gamma)))


@alternative("sweeps_needed", "doubling, then bisection")
def sweeps_needed_by_bisection(gamma, first_error, tolerance):
    if not 0 <= gamma < 1 or tolerance <= 0:
        raise ValueError(f"gamma = {gamma}, tolerance = {tolerance}")

    def enough(sweeps):
        return gamma**sweeps * first_error <= tolerance

    if enough(0):
        return 0
    low, high = 0, 1
    while not enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


# --- value_iteration -------------------------------------------------------------------------------------------------


@alternative("value_iteration", "loops over states and actions, a list of lists")
def value_iteration_by_loops(P, R, gamma, start, tolerance, max_sweeps=10_000):
    if not 0 <= gamma < 1 or not tolerance > 0:
        raise ValueError(f"gamma = {gamma}, tolerance = {tolerance}")
    rows = [list(start)]
    for _ in range(max_sweeps):
        old = np.array(rows[-1])
        rows.append([max(R[s, a] + gamma * (P[s, a] @ old) for a in range(R.shape[1])) for s in range(len(R))])
        if max(abs(new - before) for new, before in zip(rows[-1], old)) * gamma <= tolerance * (1 - gamma):
            return np.array(rows)
    raise ArithmeticError("The sweeps ran out.")


@alternative("value_iteration", "an array for the whole history, cut to length")
def value_iteration_with_one_large_array(P, R, gamma, start, tolerance, max_sweeps=10_000):
    if not 0 <= gamma < 1 or not tolerance > 0:
        raise ValueError(f"gamma = {gamma}, tolerance = {tolerance}")
    history = np.empty((max_sweeps + 1, len(start)))
    history[0] = start
    states, actions = R.shape
    flat = gamma * P.reshape(states * actions, states)
    for t in range(1, max_sweeps + 1):
        history[t] = (R.ravel() + flat @ history[t - 1]).reshape(states, actions).max(axis=1)
        if gamma * np.linalg.norm(history[t] - history[t - 1], np.inf) <= (1 - gamma) * tolerance:
            return history[: t + 1].copy()
    raise ArithmeticError("The sweeps ran out.")


@alternative("value_iteration", "sweeps by QuantEcon's DiscreteDP", requires="quantecon")
def value_iteration_by_quantecon(P, R, gamma, start, tolerance, max_sweeps=10_000):
    import numba

    # Compiled code would be cached in a file, and the sandbox has none to write.
    numba.config.DISABLE_JIT = True
    numba.guvectorize = lambda *_, **__: lambda function: function
    from quantecon.markov import DiscreteDP

    if not 0 <= gamma < 1 or not tolerance > 0:
        raise ValueError(f"gamma = {gamma}, tolerance = {tolerance}")
    problem = DiscreteDP(R, P, gamma)
    history = [start]
    while len(history) <= max_sweeps:
        history.append(problem.bellman_operator(history[-1]))
        if gamma * np.abs(history[-1] - history[-2]).max() <= (1 - gamma) * tolerance:
            return np.stack(history)
    raise ArithmeticError("The sweeps ran out.")


# --- policy_iteration ------------------------------------------------------------------------------------------------


@alternative("policy_iteration", "keeps the old action unless another is better by a margin, until none is")
def policy_iteration_that_keeps_actions(P, R, gamma, start):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    states = np.arange(len(R))
    policies, values, actions = [start], [], None
    while True:
        policy = policies[-1]
        chain = (policy[:, :, None] * P).sum(axis=1)
        values.append(np.linalg.inv(np.eye(len(R)) - gamma * chain) @ (policy * R).sum(axis=1))
        Q = R + gamma * (P @ values[-1])
        best = Q.argmax(axis=1)
        if actions is not None:
            margin = 1e-11 * np.abs(Q).max()
            best = np.where(Q[states, actions] >= Q.max(axis=1) - margin, actions, best)
            if (best == actions).all():
                return np.array(policies), np.array(values)
        actions = best
        policies.append(np.eye(R.shape[1])[best])


@alternative("policy_iteration", "ties shared evenly; stops when the values stay")
def policy_iteration_sharing_ties(P, R, gamma, start):
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    policies, values = [start], []
    while True:
        chain = np.einsum("sa,sat->st", policies[-1], P)
        values.append(np.linalg.solve(np.eye(len(R)) - gamma * chain, (policies[-1] * R).sum(axis=1)))
        if len(values) > 1 and np.abs(values[-1] - values[-2]).max() <= 1e-11 * np.abs(values[-1]).max():
            return np.stack(policies), np.stack(values)
        Q = R + gamma * (P @ values[-1])
        best = Q >= Q.max(axis=1, keepdims=True) - 1e-11 * np.abs(Q).max()
        policies.append(best / best.sum(axis=1, keepdims=True))


@alternative("policy_iteration", "evaluation and improvement by QuantEcon's DiscreteDP", requires="quantecon")
def policy_iteration_by_quantecon(P, R, gamma, start):
    import numba

    # Compiled code would be cached in a file, and the sandbox has none to write.
    numba.config.DISABLE_JIT = True
    numba.guvectorize = lambda *_, **__: lambda function: function
    from quantecon.markov import DiscreteDP

    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma}")
    problem = DiscreteDP(R, P, gamma)
    # The first policy may be random, which the package does not know: a world with that policy as its only action.
    chain, rewards = np.einsum("sa,sat->st", start, P), (start * R).sum(axis=1)
    alone = DiscreteDP(rewards[:, None], chain[:, None, :], gamma)
    policies, values = [start], [alone.evaluate_policy(np.zeros(len(R), dtype=int))]
    while True:
        gain = problem.bellman_operator(values[-1]) - values[-1]
        if gain.max() <= 1e-10 * np.abs(values[-1]).max():
            return np.stack(policies), np.stack(values)
        chosen = problem.compute_greedy(values[-1])
        policies.append(np.eye(R.shape[1])[chosen])
        values.append(problem.evaluate_policy(chosen))


# --- backward_induction ----------------------------------------------------------------------------------------------


@alternative("backward_induction", "lists built from the end and turned round")
def backward_induction_with_lists(P, R, gamma, horizon, final):
    if gamma < 0 or gamma > 1:
        raise ValueError(f"gamma = {gamma}")
    values, policies = [np.array(final)], []
    for _ in range(horizon):
        Q = R + gamma * np.einsum("sat,t->sa", P, values[-1])
        values.append(np.max(Q, axis=1))
        policies.append((Q.argmax(axis=1)[:, None] == np.arange(R.shape[1])).astype(float))
    return np.array(values[::-1]), np.array(policies[::-1]).reshape(horizon, *R.shape)


@alternative("backward_induction", "recursion from the first step with a memory")
def backward_induction_by_recursion(P, R, gamma, horizon, final):
    if gamma < 0 or gamma > 1:
        raise ValueError(f"gamma = {gamma}")
    memory, policies = {}, np.zeros((horizon, *R.shape))

    def value(h, s):
        if h == horizon:
            return final[s]
        if (h, s) not in memory:
            earned = [
                R[s, a] + gamma * sum(P[s, a, t] * value(h + 1, t) for t in range(len(R))) for a in range(R.shape[1])
            ]
            memory[h, s] = max(earned)
            policies[h, s, earned.index(max(earned))] = 1
        return memory[h, s]

    values = np.array([[value(h, s) for s in range(len(R))] for h in range(horizon + 1)], dtype=float)
    return values, policies


@alternative("backward_induction", "QuantEcon's backward induction", requires="quantecon")
def backward_induction_by_quantecon(P, R, gamma, horizon, final):
    import warnings

    import numba

    # Compiled code would be cached in a file, and the sandbox has none to write.
    numba.config.DISABLE_JIT = True
    numba.guvectorize = lambda *_, **__: lambda function: function
    from quantecon.markov import DiscreteDP
    from quantecon.markov.ddp import backward_induction

    if gamma < 0 or gamma > 1:
        raise ValueError(f"gamma = {gamma}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that gamma = 1 has no solution without a horizon; there is one
        problem = DiscreteDP(R, P, gamma)
    values, chosen = backward_induction(problem, horizon, np.array(final))
    return values, np.eye(R.shape[1])[chosen.astype(int)].reshape(horizon, *R.shape)
