"""Wrong answers that students give to the exercises of dynamic programming, and what each gets wrong."""

import numpy as np

from autograder.bank import mistake

# --- discounted_return -----------------------------------------------------------------------------------------------


@mistake(
    "discounted_return",
    law="test_recursion",
    diagnosis="The sum runs forwards: every entry holds what was earned so far, not what is still to come.",
)
def discounted_return_of_the_past(rewards, gamma):
    if not 0 <= gamma <= 1:
        raise ValueError("gamma")
    return np.cumsum(gamma ** np.arange(len(rewards)) * rewards).astype(rewards.dtype)


@mistake(
    "discounted_return",
    law="test_is_the_discounted_sum",
    diagnosis="The reward of the present step is discounted too: it counts in full, the next one γ.",
)
def discounted_return_that_discounts_the_present(rewards, gamma):
    if not 0 <= gamma <= 1:
        raise ValueError("gamma")
    returns, later = np.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        later = gamma * (rewards[t] + later)
        returns[t] = later
    return returns


@mistake(
    "discounted_return",
    law="test_long_episodes",
    diagnosis="γᵗ underflows to zero in long episodes, and 0/0 is NaN: use the recursion from the end.",
)
def discounted_return_divided_by_powers(rewards, gamma):
    if not 0 <= gamma <= 1:
        raise ValueError("gamma")
    if gamma == 0:
        return rewards.copy()
    powers = gamma ** np.arange(len(rewards))
    with np.errstate(all="ignore"):
        return (np.cumsum((powers * rewards)[::-1])[::-1] / powers).astype(rewards.dtype)


@mistake(
    "discounted_return",
    law="test_recursion",
    diagnosis="It writes the returns into the array of rewards that it was given.",
)
def discounted_return_in_place(rewards, gamma):
    if not 0 <= gamma <= 1:
        raise ValueError("gamma")
    for t in reversed(range(len(rewards) - 1)):
        rewards[t] += gamma * rewards[t + 1]
    return rewards


# --- mdp_from_table --------------------------------------------------------------------------------------------------


@mistake(
    "mdp_from_table",
    law="test_delivered_passengers_pay_once",
    diagnosis="Terminated transitions stay in P, so that values bootstrap from beyond the end of the episode.",
)
def mdp_from_table_that_ignores_the_end(table):
    P, R = np.zeros((len(table), len(table[0]), len(table))), np.zeros((len(table), len(table[0])))
    for s in table:
        for a in table[s]:
            if abs(sum(p for p, _, _, _ in table[s][a]) - 1) > 1e-6:
                raise ValueError("probabilities")
            for p, t, reward, _ in table[s][a]:
                P[s, a, t] += p
                R[s, a] += p * reward
    return P, R


@mistake(
    "mdp_from_table",
    law="test_repeated_next_states_add_up",
    diagnosis="P is assigned where it should be added to: of two entries with one next state only the last counts.",
)
def mdp_from_table_that_assigns(table):
    P, R = np.zeros((len(table), len(table[0]), len(table))), np.zeros((len(table), len(table[0])))
    for s in table:
        for a in table[s]:
            if abs(sum(p for p, _, _, _ in table[s][a]) - 1) > 1e-6:
                raise ValueError("probabilities")
            for p, t, reward, terminated in table[s][a]:
                R[s, a] += p * reward
                if not terminated:
                    P[s, a, t] = p
    return P, R


@mistake(
    "mdp_from_table",
    law="test_sums_over_the_entries",
    diagnosis="The reward of a terminated transition is dropped with it: it is earned, only what follows is not.",
)
def mdp_from_table_without_last_rewards(table):
    P, R = np.zeros((len(table), len(table[0]), len(table))), np.zeros((len(table), len(table[0])))
    for s in table:
        for a in table[s]:
            if abs(sum(p for p, _, _, _ in table[s][a]) - 1) > 1e-6:
                raise ValueError("probabilities")
            for p, t, reward, terminated in table[s][a]:
                if not terminated:
                    P[s, a, t] += p
                    R[s, a] += p * reward
    return P, R


@mistake(
    "mdp_from_table",
    law="test_sums_over_the_entries",
    diagnosis="Rewards are added without their probabilities: r(s, a) is the mean reward.",
)
def mdp_from_table_with_unweighted_rewards(table):
    P, R = np.zeros((len(table), len(table[0]), len(table))), np.zeros((len(table), len(table[0])))
    for s in table:
        for a in table[s]:
            if abs(sum(p for p, _, _, _ in table[s][a]) - 1) > 1e-6:
                raise ValueError("probabilities")
            for p, t, reward, terminated in table[s][a]:
                R[s, a] += reward
                P[s, a, t] += p * (not terminated)
    return P, R


@mistake(
    "mdp_from_table",
    law="test_sums_over_the_entries",
    diagnosis="States are numbered in the order in which the dictionary holds them; use its keys.",
)
def mdp_from_table_in_dictionary_order(table):
    P, R = np.zeros((len(table), len(table[0]), len(table))), np.zeros((len(table), len(table[0])))
    for s, actions in enumerate(table.values()):
        for a, transitions in enumerate(actions.values()):
            if abs(sum(p for p, _, _, _ in transitions) - 1) > 1e-6:
                raise ValueError("probabilities")
            for p, t, reward, terminated in transitions:
                R[s, a] += p * reward
                P[s, a, t] += p * (not terminated)
    return P, R


@mistake(
    "mdp_from_table",
    law="test_sums_over_the_entries",
    diagnosis="Actions are numbered as they come in the dictionary, and not by their keys.",
)
def mdp_from_table_by_place(table):
    size, actions = len(table), len(table[0])
    P, R = np.zeros((size, actions, size)), np.zeros((size, actions))
    for s in range(size):
        for a, entries in enumerate(table[s].values()):
            if abs(sum(entry[0] for entry in entries) - 1) > 1e-6:
                raise ValueError("probabilities")
            for probability, t, reward, terminated in entries:
                R[s, a] += probability * reward
                P[s, a, t] += probability * (not terminated)
    return P, R


@mistake(
    "mdp_from_table",
    law="test_accepts_rounded_probabilities",
    diagnosis="np.isclose allows a difference of 1e-5 unless it is told otherwise: the limit is 1e-6.",
)
def mdp_from_table_with_the_default_tolerance(table):
    P, R = np.zeros((len(table), len(table[0]), len(table))), np.zeros((len(table), len(table[0])))
    for s in table:
        for a in table[s]:
            if not np.isclose(sum(p for p, _, _, _ in table[s][a]), 1):
                raise ValueError("probabilities")
            for p, t, reward, terminated in table[s][a]:
                R[s, a] += p * reward
                if not terminated:
                    P[s, a, t] += p
    return P, R


# --- policy_chain ----------------------------------------------------------------------------------------------------


@mistake(
    "policy_chain",
    law="test_averages_over_actions",
    diagnosis="All actions count the same: weight them by the policy.",
)
def policy_chain_of_the_uniform_policy(P, R, policy):
    if policy.shape != R.shape or (policy < 0).any() or (abs(policy.sum(axis=1) - 1) > 1e-5).any():
        raise ValueError("policy")
    return P.mean(axis=1), R.mean(axis=1)


@mistake(
    "policy_chain",
    law="test_averages_over_actions",
    diagnosis="Only the likeliest action of each state counts: that is right for deterministic policies alone.",
)
def policy_chain_of_the_likeliest_action(P, R, policy):
    if policy.shape != R.shape or (policy < 0).any() or (abs(policy.sum(axis=1) - 1) > 1e-5).any():
        raise ValueError("policy")
    states, best = np.arange(len(R)), policy.argmax(axis=1)
    return P[states, best], R[states, best]


@mistake(
    "policy_chain",
    law="test_averages_over_actions",
    diagnosis="The chain is transposed: rows are the present state, columns the next.",
)
def policy_chain_transposed(P, R, policy):
    if policy.shape != R.shape or (policy < 0).any() or (abs(policy.sum(axis=1) - 1) > 1e-5).any():
        raise ValueError("policy")
    return np.einsum("sa,sat->ts", policy, P), (policy * R).sum(axis=1)


@mistake(
    "policy_chain",
    law="test_rejects_what_is_not_a_policy",
    diagnosis="Tables that are no policies are accepted: check the shape, the signs and the sums of the rows.",
)
def policy_chain_without_checks(P, R, policy):
    return np.einsum("sa,sat->st", policy, P), (policy * R).sum(axis=1)


@mistake(
    "policy_chain",
    law="test_rejects_policies_of_larger_worlds",
    diagnosis="The shape is left to einsum, which repeats an axis of length 1: compare it with the shape of R.",
)
def policy_chain_that_repeats(P, R, policy):
    if (policy < 0).any() or (abs(policy.sum(axis=1) - 1) > 1e-5).any():
        raise ValueError("policy")
    return np.einsum("sa,sat->st", policy, P), np.einsum("sa,sa->s", policy, R)


# --- bellman_expectation ---------------------------------------------------------------------------------------------


@mistake(
    "bellman_expectation",
    law="test_definition",
    diagnosis="It takes the best action instead of averaging by the policy: that is the optimality operator.",
)
def bellman_expectation_of_the_best_action(P, R, policy, V, gamma):
    check_discount(gamma)
    return (R + gamma * (P @ V)).max(axis=1)


@mistake(
    "bellman_expectation",
    law="test_fixed_point",
    diagnosis="The reward is discounted with the rest: γ belongs to the next value only.",
)
def bellman_expectation_that_discounts_rewards(P, R, policy, V, gamma):
    check_discount(gamma)
    return (policy * gamma * (R + P @ V)).sum(axis=1)


@mistake(
    "bellman_expectation",
    law="test_definition",
    diagnosis="P is used the wrong way round: it sums over where the agent comes from.",
)
def bellman_expectation_looking_back(P, R, policy, V, gamma):
    check_discount(gamma)
    return (policy * R).sum(axis=1) + gamma * np.einsum("sa,sat,s->t", policy, P, V)


@mistake(
    "bellman_expectation",
    law="test_contraction",
    diagnosis="The discount is forgotten: the operator no longer contracts.",
)
def bellman_expectation_without_discount(P, R, policy, V, gamma):
    check_discount(gamma)
    return (policy * (R + P @ V)).sum(axis=1)


# --- policy_evaluation -----------------------------------------------------------------------------------------------


@mistake(
    "policy_evaluation",
    law="test_satisfies_the_bellman_equation",
    diagnosis="The chain is transposed: (I − γ P_πᵀ) sums over where the agent comes from.",
)
def policy_evaluation_transposed(P, R, policy, gamma):
    check_discount(gamma)
    chain = np.einsum("sa,sat->ts", policy, P)
    return np.linalg.solve(np.eye(len(R)) - gamma * chain, (policy * R).sum(axis=1))


@mistake(
    "policy_evaluation",
    law="test_satisfies_the_bellman_equation",
    diagnosis="A hundred sweeps are not a solution: for γ near 1 most of the value is still missing.",
)
def policy_evaluation_by_a_hundred_sweeps(P, R, policy, gamma):
    check_discount(gamma)
    V = np.zeros(len(R))
    for _ in range(100):
        V = (policy * (R + gamma * (P @ V))).sum(axis=1)
    return V


@mistake(
    "policy_evaluation",
    law="test_is_the_sum_of_discounted_rewards",
    diagnosis="The sign is wrong: V − γ P_π V = r_π, hence I − γ P_π.",
)
def policy_evaluation_with_a_plus(P, R, policy, gamma):
    check_discount(gamma)
    chain = np.einsum("sa,sat->st", policy, P)
    return np.linalg.solve(np.eye(len(R)) + gamma * chain, (policy * R).sum(axis=1))


@mistake(
    "policy_evaluation",
    law="test_two_states_by_hand",
    diagnosis="The rows of P are scaled to sum to 1, so that episodes never end: the missing mass is their end.",
)
def policy_evaluation_that_never_ends(P, R, policy, gamma):
    check_discount(gamma)
    chain = np.einsum("sa,sat->st", policy, P)
    chain = chain / np.maximum(chain.sum(axis=1, keepdims=True), 1e-300)
    return np.linalg.solve(np.eye(len(R)) - gamma * chain, (policy * R).sum(axis=1))


# --- iterative_policy_evaluation -------------------------------------------------------------------------------------


@mistake(
    "iterative_policy_evaluation",
    law="test_slow_worlds",
    diagnosis="It stops when the last change is below the tolerance; the error may be γ/(1 − γ) times as large.",
)
def iterative_policy_evaluation_by_last_change(P, R, policy, gamma, tolerance):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    V = np.zeros(len(R))
    while True:
        before, V = V, (policy * (R + gamma * (P @ V))).sum(axis=1)
        if np.abs(V - before).max() <= tolerance:
            return V


@mistake(
    "iterative_policy_evaluation",
    law="test_slow_worlds",
    diagnosis="A fixed number of sweeps keeps no promise: how many are needed depends on γ and the tolerance.",
)
def iterative_policy_evaluation_of_fifty_sweeps(P, R, policy, gamma, tolerance):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    V = np.zeros(len(R))
    for _ in range(50):
        V = (policy * (R + gamma * (P @ V))).sum(axis=1)
    return V


@mistake(
    "iterative_policy_evaluation",
    law="test_slow_worlds",
    diagnosis="The mean change is compared, which hides one state that still moves; the promise is for every state.",
)
def iterative_policy_evaluation_by_the_mean(P, R, policy, gamma, tolerance):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    transitions, rewards = np.einsum("sa,sat->st", policy, P), (policy * R).sum(axis=1)
    V = np.zeros(len(rewards))
    while True:
        before, V = V, rewards + gamma * (transitions @ V)
        if gamma * np.abs(V - before).mean() <= (1 - gamma) * tolerance:
            return V


@mistake(
    "iterative_policy_evaluation",
    law="test_slow_worlds",
    diagnosis="Changes of opposite sign cancel, and downward ones never count: compare the largest absolute change.",
)
def iterative_policy_evaluation_without_absolute_values(P, R, policy, gamma, tolerance):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    V = np.zeros(len(R))
    while True:
        before, V = V, (policy * (R + gamma * (P @ V))).sum(axis=1)
        if gamma * (V - before).max() <= (1 - gamma) * tolerance:
            return V


# --- action_values ---------------------------------------------------------------------------------------------------


@mistake(
    "action_values",
    law="test_definition",
    diagnosis="V is multiplied with the axis of the present state: sum over the next state, the last axis of P.",
)
def action_values_over_the_wrong_axis(P, R, V, gamma):
    check_discount(gamma)
    return R + gamma * np.einsum("sat,s->ta", P, V)


@mistake(
    "action_values",
    law="test_average_of_a_policys_action_values",
    diagnosis="The discount is forgotten.",
)
def action_values_without_discount(P, R, V, gamma):
    check_discount(gamma)
    return R + P @ V


@mistake(
    "action_values",
    law="test_definition",
    diagnosis="The value of the likeliest next state stands for the mean over all of them.",
)
def action_values_of_the_likeliest_state(P, R, V, gamma):
    check_discount(gamma)
    return R + gamma * V[P.argmax(axis=2)]


@mistake("action_values", law="test_definition", diagnosis="It adds the value of the present state, not of the next.")
def action_values_of_the_present_state(P, R, V, gamma):
    check_discount(gamma)
    return R + gamma * V[:, None]


# --- bellman_optimality ----------------------------------------------------------------------------------------------


@mistake(
    "bellman_optimality",
    law="test_definition",
    diagnosis="It averages over the actions: the agent takes the best one.",
)
def bellman_optimality_of_the_mean(P, R, V, gamma):
    check_discount(gamma)
    return (R + gamma * (P @ V)).mean(axis=1)


@mistake(
    "bellman_optimality",
    law="test_definition",
    diagnosis="Reward and next value are maximised apart: the maximum is over their sum, for one and the same action.",
)
def bellman_optimality_with_two_maxima(P, R, V, gamma):
    check_discount(gamma)
    return R.max(axis=1) + gamma * (P @ V).max(axis=1)


@mistake(
    "bellman_optimality",
    law="test_fixed_point",
    diagnosis="It returns the number of the best action, not its value.",
)
def bellman_optimality_as_argmax(P, R, V, gamma):
    check_discount(gamma)
    return (R + gamma * (P @ V)).argmax(axis=1).astype(V.dtype)


@mistake(
    "bellman_optimality",
    law="test_contraction",
    diagnosis="The discount is forgotten: the operator no longer contracts.",
)
def bellman_optimality_without_discount(P, R, V, gamma):
    check_discount(gamma)
    return (R + P @ V).max(axis=1)


@mistake(
    "bellman_optimality",
    law="test_definition",
    diagnosis="States are updated in place, so later states see the new values of earlier ones.",
)
def bellman_optimality_in_place(P, R, V, gamma):
    check_discount(gamma)
    V = V.copy()
    for s in range(len(V)):
        V[s] = (R[s] + gamma * (P[s] @ V)).max()
    return V


# --- greedy_policy ---------------------------------------------------------------------------------------------------


@mistake(
    "greedy_policy",
    law="test_looks_one_step_ahead",
    diagnosis="It looks at the reward alone and not at where the action leads.",
)
def greedy_policy_for_rewards(P, R, V, gamma):
    check_discount(gamma)
    return np.eye(R.shape[1])[R.argmax(axis=1)]


@mistake(
    "greedy_policy",
    law="test_looks_one_step_ahead",
    diagnosis="It looks at the next value alone and not at the reward on the way.",
)
def greedy_policy_without_rewards(P, R, V, gamma):
    check_discount(gamma)
    return np.eye(R.shape[1])[(P @ V).argmax(axis=1)]


@mistake(
    "greedy_policy",
    law="test_any_choice_among_ties_is_right",
    diagnosis="Every one of several best actions gets probability 1: the row has to sum to 1.",
)
def greedy_policy_with_too_much_probability(P, R, V, gamma):
    check_discount(gamma)
    Q = R + gamma * (P @ V)
    return (Q == Q.max(axis=1, keepdims=True)).astype(float)


@mistake(
    "greedy_policy",
    law="test_greedy_for_the_optimum_is_optimal",
    diagnosis="It returns the numbers of the actions, not a table of probabilities.",
)
def greedy_policy_as_numbers(P, R, V, gamma):
    check_discount(gamma)
    return (R + gamma * (P @ V)).argmax(axis=1)


@mistake(
    "greedy_policy",
    law="test_looks_one_step_ahead",
    diagnosis="A softmax of the action values still takes the worse actions now and then.",
)
def greedy_policy_as_softmax(P, R, V, gamma):
    check_discount(gamma)
    Q = R + gamma * (P @ V)
    weights = np.exp(Q - Q.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


# --- sweeps_needed ---------------------------------------------------------------------------------------------------


@mistake(
    "sweeps_needed",
    law="test_is_the_smallest",
    diagnosis="It rounds down: one sweep is missing.",
)
def sweeps_needed_rounded_down(gamma, first_error, tolerance):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    if first_error <= tolerance:
        return 0
    return 1 if gamma == 0 else int(np.log(first_error / tolerance) / -np.log(gamma))


@mistake(
    "sweeps_needed",
    law="test_good_enough_from_the_start",
    diagnosis="An error that is small enough from the start needs no sweep; the formula gives a negative number.",
)
def sweeps_needed_may_be_negative(gamma, first_error, tolerance):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    if gamma == 0 or first_error == 0:
        return int(first_error > tolerance)
    return int(np.ceil(np.log(first_error / tolerance) / -np.log(gamma)))


@mistake(
    "sweeps_needed",
    law="test_the_tolerance_is_enough",
    diagnosis="It goes on where the error is exactly the tolerance; the definition says ≤.",
)
def sweeps_needed_one_more(gamma, first_error, tolerance):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    if first_error <= tolerance:
        return 0
    return 1 if gamma == 0 else int(np.log(first_error / tolerance) / -np.log(gamma)) + 1


@mistake(
    "sweeps_needed",
    law="test_the_price_of_patience",
    diagnosis="log(1/γ) is taken to be 1 − γ: near 1 that is close, and for small γ far too many sweeps.",
)
def sweeps_needed_by_the_effective_horizon(gamma, first_error, tolerance):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    return max(0, int(np.ceil(np.log(max(first_error, 1e-300) / tolerance) / (1 - gamma))))


# --- value_iteration -------------------------------------------------------------------------------------------------


@mistake(
    "value_iteration",
    law="test_slow_worlds",
    diagnosis="It stops when the last change is below the tolerance; the error may be γ/(1 − γ) times as large.",
)
def value_iteration_by_last_change(P, R, gamma, start, tolerance, max_sweeps=10_000):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    history = [start]
    for _ in range(max_sweeps):
        history.append((R + gamma * (P @ history[-1])).max(axis=1))
        if np.abs(history[-1] - history[-2]).max() <= tolerance:
            return np.stack(history)
    raise ArithmeticError("not converged")


@mistake(
    "value_iteration",
    law="test_error_shrinks_geometrically",
    diagnosis="One array is written over and appended again and again: all rows of the history are the last.",
)
def value_iteration_with_one_array(P, R, gamma, start, tolerance, max_sweeps=10_000):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    V = start.copy()
    history = [V]
    for _ in range(max_sweeps):
        new = (R + gamma * (P @ V)).max(axis=1)
        change = np.abs(new - V).max()
        V[:] = new
        history.append(V)
        if gamma * change <= (1 - gamma) * tolerance:
            return np.stack(history)
    raise ArithmeticError("not converged")


@mistake(
    "value_iteration",
    law="test_every_row_is_one_sweep",
    diagnosis="States are updated in place, so that one sweep mixes new and old values.",
)
def value_iteration_gauss_seidel(P, R, gamma, start, tolerance, max_sweeps=10_000):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    history = [start]
    for _ in range(max_sweeps):
        V = history[-1].copy()
        for s in range(len(V)):
            V[s] = (R[s] + gamma * (P[s] @ V)).max()
        history.append(V)
        if gamma * np.abs(history[-1] - history[-2]).max() <= (1 - gamma) * tolerance:
            return np.stack(history)
    raise ArithmeticError("not converged")


@mistake(
    "value_iteration",
    law="test_budget",
    diagnosis="When the sweeps run out it returns what it has, as if the tolerance had been reached.",
)
def value_iteration_that_gives_up_silently(P, R, gamma, start, tolerance, max_sweeps=10_000):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    history = [start]
    for _ in range(max_sweeps):
        history.append((R + gamma * (P @ history[-1])).max(axis=1))
        if gamma * np.abs(history[-1] - history[-2]).max() <= (1 - gamma) * tolerance:
            break
    return np.stack(history)


@mistake(
    "value_iteration",
    law="test_slow_worlds",
    diagnosis="The mean change is compared, which hides one state that still moves; the rule takes the largest.",
)
def value_iteration_by_the_mean(P, R, gamma, start, tolerance, max_sweeps=10_000):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    history = [start]
    for _ in range(max_sweeps):
        history.append((R + gamma * (P @ history[-1])).max(axis=1))
        if gamma * np.abs(history[-1] - history[-2]).mean() <= (1 - gamma) * tolerance:
            return np.stack(history)
    raise ArithmeticError("sweeps")


@mistake(
    "value_iteration",
    law="test_error_shrinks_geometrically",
    diagnosis="It starts from zero and ignores the values that it was given to start from.",
)
def value_iteration_from_zero(P, R, gamma, start, tolerance, max_sweeps=10_000):
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError("tolerance")
    history = [np.zeros_like(start)]
    for _ in range(max_sweeps):
        history.append((R + gamma * (P @ history[-1])).max(axis=1))
        if gamma * np.abs(history[-1] - history[-2]).max() <= (1 - gamma) * tolerance:
            return np.stack(history)
    raise ArithmeticError("not converged")


# --- policy_iteration ------------------------------------------------------------------------------------------------


@mistake(
    "policy_iteration",
    law="test_improves_every_round",
    diagnosis="The policies are evaluated by one sweep only: that is value iteration, and the values are not exact.",
)
def policy_iteration_with_one_sweep(P, R, gamma, start):
    check_discount(gamma)
    policies, values = [start], [np.zeros(len(R))]
    for _ in range(1000):
        Q = R + gamma * (P @ values[-1])
        policies.append(np.eye(R.shape[1])[Q.argmax(axis=1)])
        values.append(Q.max(axis=1))
        if np.abs(values[-1] - values[-2]).max() <= 1e-12:
            break
    return np.stack(policies), np.stack(values)


@mistake(
    "policy_iteration",
    law="test_frozen_lake",
    diagnosis="It improves once and stops: alternate until nothing is gained.",
)
def policy_iteration_of_one_round(P, R, gamma, start):
    check_discount(gamma)
    policies, values = [start], []
    for _ in range(2):
        chain = np.einsum("sa,sat->st", policies[-1], P)
        values.append(np.linalg.solve(np.eye(len(R)) - gamma * chain, (policies[-1] * R).sum(axis=1)))
        policies.append(np.eye(R.shape[1])[(R + gamma * (P @ values[-1])).argmax(axis=1)])
    return np.stack(policies[:-1]), np.stack(values)


@mistake(
    "policy_iteration",
    law="test_ends_although_actions_tie",
    diagnosis="It waits for the policy to stay the same; with ties and rounding errors the choice goes on changing.",
)
def policy_iteration_until_the_policy_stays(P, R, gamma, start):
    check_discount(gamma)
    policies, values = [start], []
    for _ in range(200):  # a student's loop would not end
        chain = np.einsum("sa,sat->st", policies[-1], P)
        values.append(np.linalg.solve(np.eye(len(R)) - gamma * chain, (policies[-1] * R).sum(axis=1)))
        better = np.eye(R.shape[1])[(R + gamma * (P @ values[-1])).argmax(axis=1)]
        if np.array_equal(better, policies[-1]):
            break
        policies.append(better)
    return np.stack(policies[: len(values)]), np.stack(values)


@mistake(
    "policy_iteration",
    law="test_improves_every_round",
    diagnosis="It does not begin with the policy that it was given.",
)
def policy_iteration_from_the_uniform_policy(P, R, gamma, start):
    check_discount(gamma)
    policies, values = [np.full(R.shape, 1 / R.shape[1])], []
    while True:
        chain = np.einsum("sa,sat->st", policies[-1], P)
        values.append(np.linalg.solve(np.eye(len(R)) - gamma * chain, (policies[-1] * R).sum(axis=1)))
        Q = R + gamma * (P @ values[-1])
        if (Q.max(axis=1) - values[-1]).max() <= 1e-10 * np.abs(Q).max():
            return np.stack(policies), np.stack(values)
        policies.append(np.eye(R.shape[1])[Q.argmax(axis=1)])


@mistake(
    "policy_iteration",
    law="test_tells_close_actions_apart",
    diagnosis="A gain below a fixed 10⁻⁸ is taken for rounding; in small units of reward it is a real one.",
)
def policy_iteration_with_a_fixed_threshold(P, R, gamma, start):
    check_discount(gamma)
    policies, values = [start], []
    while True:
        transitions = np.einsum("sa,sat->st", policies[-1], P)
        rewards = (policies[-1] * R).sum(axis=1)
        values.append(np.linalg.solve(np.eye(len(rewards)) - gamma * transitions, rewards))
        Q = R + gamma * (P @ values[-1])
        if (Q.max(axis=1) - values[-1]).max() <= 1e-8:
            return np.stack(policies), np.stack(values)
        policies.append(np.eye(R.shape[1])[Q.argmax(axis=1)])


@mistake(
    "policy_iteration",
    law="test_improves_every_round",
    diagnosis="Policies and values are out of step: values[k] has to be the value of policies[k].",
)
def policy_iteration_out_of_step(P, R, gamma, start):
    check_discount(gamma)
    policies, values, policy = [], [], start
    while True:
        chain = np.einsum("sa,sat->st", policy, P)
        values.append(np.linalg.solve(np.eye(len(R)) - gamma * chain, (policy * R).sum(axis=1)))
        Q = R + gamma * (P @ values[-1])
        policy = np.eye(R.shape[1])[Q.argmax(axis=1)]
        policies.append(policy)
        if (Q.max(axis=1) - values[-1]).max() <= 1e-10 * np.abs(Q).max():
            return np.stack(policies), np.stack(values)


# --- backward_induction ----------------------------------------------------------------------------------------------


@mistake(
    "backward_induction",
    law="test_recursion",
    diagnosis="The final values are left out: values[H] is `final`.",
)
def backward_induction_without_final(P, R, gamma, horizon, final):
    if not 0 <= gamma <= 1:
        raise ValueError("gamma")
    values, policies = np.zeros((horizon + 1, len(final))), np.zeros((horizon, *R.shape))
    for h in reversed(range(horizon)):
        Q = R + gamma * (P @ values[h + 1])
        values[h], policies[h] = Q.max(axis=1), np.eye(R.shape[1])[Q.argmax(axis=1)]
    return values, policies


@mistake(
    "backward_induction",
    law="test_the_policies_earn_the_values",
    diagnosis="The clock runs the wrong way: values[0] belongs to the first step, with all H steps to go.",
)
def backward_induction_with_the_clock_reversed(P, R, gamma, horizon, final):
    if not 0 <= gamma <= 1:
        raise ValueError("gamma")
    values, policies = [final], []
    for _ in range(horizon):
        Q = R + gamma * (P @ values[-1])
        values.append(Q.max(axis=1))
        policies.append(np.eye(R.shape[1])[Q.argmax(axis=1)])
    return np.stack(values), np.array(policies).reshape(horizon, *R.shape)


@mistake(
    "backward_induction",
    law="test_what_is_best_depends_on_the_clock",
    diagnosis="One policy is used for every step: what is best depends on how many steps are left.",
)
def backward_induction_with_one_policy(P, R, gamma, horizon, final):
    if not 0 <= gamma <= 1:
        raise ValueError("gamma")
    values, policies = np.zeros((horizon + 1, len(final))), np.zeros((horizon, *R.shape))
    values[horizon] = final
    for h in reversed(range(horizon)):
        Q = R + gamma * (P @ values[h + 1])
        values[h], policies[:] = Q.max(axis=1), np.eye(R.shape[1])[Q.argmax(axis=1)]
    return values, policies


@mistake(
    "backward_induction",
    law="test_beats_every_plan",
    diagnosis="The final values are added at every step: they are earned once, at the end.",
)
def backward_induction_with_final_every_step(P, R, gamma, horizon, final):
    if not 0 <= gamma <= 1:
        raise ValueError("gamma")
    values, policies = np.zeros((horizon + 1, len(final))), np.zeros((horizon, *R.shape))
    values[horizon] = final
    for h in reversed(range(horizon)):
        Q = R + gamma * (P @ (values[h + 1] + final))
        values[h], policies[h] = Q.max(axis=1), np.eye(R.shape[1])[Q.argmax(axis=1)]
    return values, policies
