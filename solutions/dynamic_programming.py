# %% [markdown]
# # 13 · Dynamic programming
#
# A Markov decision process (MDP) is a world whose rules we know. In state $s$ an agent takes an action $a$, earns
# $r(s,a)$ on average, and lands in $s'$ with probability $P(s'\mid s,a)$. What comes next depends on $s$ and $a$ only
# (that is the word *Markov*). The agent wants the discounted return
#
# $$G_t = \sum_{k=0}^{\infty}\gamma^k\, r(s_{t+k},a_{t+k}) = r(s_t,a_t) + \gamma\, G_{t+1},\qquad 0\le\gamma<1,$$
#
# to be large in expectation. The recursion on the right is the whole topic: the value of a state is what one earns
# now plus $\gamma$ times the value of where one lands. *Dynamic programming* (Bellman, 1957) turns this sentence into
# equations between $S$ numbers and solves them, without trying a single action in the world.
#
# ### The arrays, and conventions that hold throughout
#
# | name | shape | meaning |
# |---|---|---|
# | `P` | `(S, A, S)` | `P[s, a, t]` $= P(t\mid s,a)$: from `s` by action `a` to `t`, *and the episode goes on* |
# | `R` | `(S, A)` | `R[s, a]` $= r(s,a)$: expected reward of taking `a` in `s` |
# | `policy` | `(S, A)` | `policy[s, a]` $= \pi(a\mid s)$; every row sums to one |
# | `V` | `(S,)` | value of every state |
# | `Q` | `(S, A)` | value of every action in every state |
# | `gamma` | number | discount: a reward $k$ steps ahead counts $\gamma^k$ |
#
# - **Time.** We write $r_t = r(s_t,a_t)$ for the reward of the action taken at $t$. Sutton and Barto (2018) call the
#   same number $R_{t+1}$; the equations are the same, the indices move by one.
# - **The end of an episode.** After a terminal transition nothing is earned any more: its value is $r$, not
#   $r+\gamma V(s')$ ("terminated transitions do not bootstrap"). We say so in `P` itself: the probability of an
#   ending transition is *left out*, so a row of `P` may sum to less than one. The missing mass is the probability
#   that the episode ends there; its reward stays in `R`. A terminal state is a state whose rows of `P` are all zero and
#   whose rewards are zero. Every equation below then holds as it stands, with no flags. (Other texts add an absorbing
#   state of reward zero, or make the discount depend on the transition; the values are the same.)
# - **Policies are tables of probabilities**, deterministic ones too: a row with a single one. Where several actions
#   are equally good, every choice among them is right, mixtures included. Your policies are judged by their value,
#   never by which of the tied actions they pick.
# - Arrays are NumPy arrays. Nothing you are given may be changed in place.
#
# $\lVert V\rVert_\infty=\max_s|V(s)|$ is the norm everywhere in this topic.
#
# *Sources.* Bellman, "Dynamic Programming" (1957); Howard, "Dynamic Programming and Markov Processes" (1960); Puterman,
# "Markov Decision Processes" (1994), for proofs; Sutton and Barto, "Reinforcement Learning: An Introduction" (second
# edition, 2018), for what the field calls things.

# %%
import numpy as np
from jaxtyping import Float

# %% [markdown]
# The discount is checked the same way everywhere; this function is given.

# %%
def check_discount(gamma: float) -> None:
    """Raise ValueError unless 0 ≤ gamma < 1, the discounts for which an endless sum of rewards is finite."""
    if not 0 <= gamma < 1:
        raise ValueError(f"The discount must be at least 0 and less than 1; it is {gamma}.")


# %% [markdown]
# ## 1 · From the world to arrays
#
# ### discounted_return
#
# For an episode that ended after $T$ rewards, $G_t=\sum_{k=0}^{T-1-t}\gamma^k r_{t+k}$. Computed from this sum for
# every $t$, it takes $T^2/2$ multiplications. Read the recursion backwards instead: $G_{T}=0$, then
# $G_t=r_t+\gamma G_{t+1}$ for $t=T-1,\dots,0$. One pass. An episode is finite, so $\gamma=1$ is legal here.
#
# *Watch for:* dividing a cumulative sum of $\gamma^t r_t$ by $\gamma^t$ is a popular one-liner; with $\gamma=0.5$ and
# a thousand steps $\gamma^t$ is no longer a number the machine can hold, and $0/0$ comes out as NaN.

# %% exercise="discounted_return"
def discounted_return(rewards: Float[np.ndarray, "T"], gamma: float) -> Float[np.ndarray, "T"]:
    """The return from every step of an episode: G_t = r_t + γ G_{t+1}, with G_T = 0.

    `rewards` (T,) are r_0 … r_{T−1}; T may be 0. The result has the same shape and dtype. 0 ≤ gamma ≤ 1.
    Raises ValueError for any other gamma.
    Source: Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 3.3.
    """
    # BEGIN SOLUTION: go from the last step to the first
    if not 0 <= gamma <= 1:
        raise ValueError(f"The discount of a finite episode must lie between 0 and 1; it is {gamma}.")
    returns = np.zeros_like(rewards)
    later = 0.0
    for t in reversed(range(len(rewards))):
        later = rewards[t] + gamma * later
        returns[t] = later
    return returns
    # END SOLUTION


# %% [markdown]
# ### mdp_from_table
#
# Gymnasium's small worlds (FrozenLake, Taxi, CliffWalking) publish their rules as nested dictionaries,
#
# `table[state][action] = [(probability, next_state, reward, terminated), …]`
#
# with states $0..S-1$ and actions $0..A-1$. Turn one into `P` and `R`:
#
# $$P(t\mid s,a)=\sum_{\text{entries with next}=t,\ \text{not terminated}} p,\qquad
#   r(s,a)=\sum_{\text{all entries}} p\cdot\text{reward}.$$
#
# *Watch for:*
# - One list may name the same next state twice: on FrozenLake's ice, two of the three slips in a corner lead back
#   into it. Probabilities *add up*; assigning keeps the last.
# - A terminated entry counts for the reward and not for `P`. FrozenLake forgives the error, because its holes
#   loop onto themselves for no reward. Taxi (Dietterich, 2000) does not: after a passenger is delivered the table goes
#   on from a state like any other, and an agent that bootstraps there delivers the same passenger for +20 again and
#   again. How it looks: values above 20 in a world in which 20 can be earned once.

# %% exercise="mdp_from_table"
def mdp_from_table(
    table: dict[int, dict[int, list[tuple[float, int, float, bool]]]],
) -> tuple[Float[np.ndarray, "S A S"], Float[np.ndarray, "S A"]]:
    """The arrays (P, R) of an MDP given as table[state][action] = [(probability, next state, reward, terminated), …].

    States are the whole numbers 0 … S−1 and actions 0 … A−1, in whatever order the dictionaries hold them; every state
    has all A actions. P has shape (S, A, S) and leaves terminated transitions out; R has shape (S, A). Both are
    float64. Raises ValueError where the probabilities of a state and action do not sum to 1 (to within 1e-6).
    Source: Towers et al. (2024), Gymnasium: A Standard Interface for Reinforcement Learning Environments.
    """
    # BEGIN SOLUTION
    number_of_states, number_of_actions = len(table), len(table[0])
    P = np.zeros((number_of_states, number_of_actions, number_of_states))
    R = np.zeros((number_of_states, number_of_actions))
    for s, actions in table.items():
        for a, transitions in actions.items():
            total = sum(transition[0] for transition in transitions)
            if abs(total - 1) > 1e-6:
                raise ValueError(f"The probabilities of state {s}, action {a} sum to {total}, not to 1.")
            for probability, next_state, reward, terminated in transitions:
                R[s, a] += probability * reward
                if not terminated:
                    P[s, a, next_state] += probability
    return P, R
    # END SOLUTION


# %% [markdown]
# ## 2 · The value of a policy
#
# ### policy_chain
#
# Fix a policy and the decisions are gone: what is left is a Markov chain with rewards.
#
# $$P_\pi(t\mid s)=\sum_a\pi(a\mid s)P(t\mid s,a)\quad(S,S),\qquad r_\pi(s)=\sum_a\pi(a\mid s)\,r(s,a)\quad(S,).$$
#
# *Watch for:* the sum is over the action axis, weighted by *this state's* row of the policy. Averaging over all actions
# is right for the uniform policy only, and passes every test that uses it.

# %% exercise="policy_chain"
def policy_chain(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], policy: Float[np.ndarray, "S A"]
) -> tuple[Float[np.ndarray, "S S"], Float[np.ndarray, "S"]]:
    """The Markov chain (P_π, r_π) that a policy makes of an MDP.

    P_π(t | s) = Σ_a π(a | s) P(t | s, a), of shape (S, S); r_π(s) = Σ_a π(a | s) r(s, a), of shape (S,).
    dtypes are kept. Raises ValueError unless `policy` has the shape of R, no negative entry, and rows that sum to 1
    (to within 1e-5).
    Source: Puterman (1994), Markov Decision Processes, section 5.6.
    """
    # BEGIN SOLUTION
    if policy.shape != R.shape:
        raise ValueError(f"The policy has shape {policy.shape}; the rewards have {R.shape}.")
    if (policy < 0).any() or (abs(policy.sum(axis=1) - 1) > 1e-5).any():
        raise ValueError("Every row of the policy must hold probabilities that sum to 1.")
    return np.einsum("sa,sat->st", policy, P), np.einsum("sa,sa->s", policy, R)
    # END SOLUTION


# %% [markdown]
# ### bellman_expectation
#
# $V^\pi(s)=\mathbb E_\pi[G_0\mid s_0=s]$. Put $G_0=r_0+\gamma G_1$ into the expectation:
#
# $$V^\pi(s)=\sum_a\pi(a\mid s)\Big[r(s,a)+\gamma\sum_{t}P(t\mid s,a)\,V^\pi(t)\Big].$$
#
# The right side, for any $V$ in place of $V^\pi$, is the operator $\mathcal T^\pi V=r_\pi+\gamma P_\pi V$. In shapes:
# `P @ V` is `(S, A, S) @ (S,) → (S, A)`; the policy averages the action axis away, `→ (S,)`.
# $V^\pi$ is its only fixed point:
# $\lVert\mathcal T^\pi V-\mathcal T^\pi W\rVert_\infty\le\gamma\lVert V-W\rVert_\infty$,
# since rows of $P_\pi$ sum to at most one, and Banach's theorem (1922) does the rest.

# %% exercise="bellman_expectation"
def bellman_expectation(
    P: Float[np.ndarray, "S A S"],
    R: Float[np.ndarray, "S A"],
    policy: Float[np.ndarray, "S A"],
    V: Float[np.ndarray, "S"],
    gamma: float,
) -> Float[np.ndarray, "S"]:
    """One application of a policy's Bellman operator to V, of shape (S,) and V's dtype.

    (T^π V)(s) = Σ_a π(a | s) [ r(s, a) + γ Σ_t P(t | s, a) V(t) ]. Raises ValueError unless 0 ≤ gamma < 1.
    Source: Bellman (1957), Dynamic Programming; Puterman (1994), section 6.1.
    """
    # BEGIN SOLUTION
    check_discount(gamma)
    return (policy * (R + gamma * (P @ V))).sum(axis=1)
    # END SOLUTION


# %% [markdown]
# ### policy_evaluation
#
# The fixed point of $V=r_\pi+\gamma P_\pi V$ is a linear system of $S$ equations:
#
# $$(I-\gamma P_\pi)\,V^\pi=r_\pi .$$
#
# The matrix has an inverse: $\sum_k\gamma^kP_\pi^k$ converges. Solve the system; do not invert the matrix (`solve`
# takes a third of the work and loses fewer digits). The price is $O(S^3)$: fine for the 500 states of Taxi, hopeless
# for $10^6$.
#
# *Watch for:* $P_\pi$ has the *present* state in rows and the next in columns. With the transpose every shape still
# fits, and the answer is a sum over where the agent comes *from*.

# %% exercise="policy_evaluation"
def policy_evaluation(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], policy: Float[np.ndarray, "S A"], gamma: float
) -> Float[np.ndarray, "S"]:
    """The value V^π of every state under a policy, exact up to rounding: (I − γ P_π) V^π = r_π, shape (S,).

    The dtype is float64. Raises ValueError unless 0 ≤ gamma < 1.
    Source: Howard (1960), Dynamic Programming and Markov Processes.
    """
    # BEGIN SOLUTION: build the (S, S) system, then np.linalg.solve
    check_discount(gamma)
    transitions = np.einsum("sa,sat->st", policy, P)
    rewards = (policy * R).sum(axis=1)
    return np.linalg.solve(np.eye(len(rewards)) - gamma * transitions, rewards)
    # END SOLUTION


# %% [markdown]
# ### iterative_policy_evaluation
#
# For large $S$ apply $\mathcal T^\pi$ again and again, from any $V_0$. When to stop? Many texts stop when the last
# change $\delta=\lVert V_{k+1}-V_k\rVert_\infty$ is below the tolerance. That is *not* an error below the tolerance:
#
# $$\lVert V_{k+1}-V^\pi\rVert\le\gamma\lVert V_k-V^\pi\rVert\le\gamma\big(\delta+\lVert V_{k+1}-V^\pi\rVert\big)
#   \;\Longrightarrow\;\lVert V_{k+1}-V^\pi\rVert_\infty\le\frac{\gamma}{1-\gamma}\,\delta .$$
#
# With $\gamma=0.99$ the error may be 99 times the last change. Your function must keep its promise: the values that
# come back lie within `tolerance` of $V^\pi$. Any method that does is accepted. (Updating in place, state by state,
# also contracts, and usually faster: Gauss–Seidel.) Ask for no more digits than there are: below about
# $10^{-13}\lVert V\rVert/(1-\gamma)$ rounding never lets the change get small enough.

# %% exercise="iterative_policy_evaluation"
def iterative_policy_evaluation(
    P: Float[np.ndarray, "S A S"],
    R: Float[np.ndarray, "S A"],
    policy: Float[np.ndarray, "S A"],
    gamma: float,
    tolerance: float,
) -> Float[np.ndarray, "S"]:
    """Values V (S,) with max_s |V(s) − V^π(s)| ≤ tolerance, by repeated application of V ← r_π + γ P_π V.

    The dtype is float64. Raises ValueError unless 0 ≤ gamma < 1 and tolerance > 0.
    Source: Puterman (1994), section 6.3; Sutton and Barto (2018), section 4.1.
    """
    # BEGIN SOLUTION: how large can the error be when the last change is δ?
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError(f"The tolerance must be positive; it is {tolerance}.")
    transitions = np.einsum("sa,sat->st", policy, P)
    rewards = (policy * R).sum(axis=1)
    V = np.zeros(len(rewards))
    while True:
        before, V = V, rewards + gamma * (transitions @ V)
        if gamma * np.abs(V - before).max() <= (1 - gamma) * tolerance:
            return V
    # END SOLUTION


# %% [markdown]
# ## 3 · The best there is
#
# ### action_values
#
# What is it worth to take action $a$ now and earn $V$ from where it leads?
# $Q_V(s,a)=r(s,a)+\gamma\sum_tP(t\mid s,a)V(t)$: one product, `(S, A, S) @ (S,) → (S, A)`. With $V=V^\pi$ these are the
# action values $Q^\pi$, with $V=V^*$ they are $Q^*$.

# %% exercise="action_values"
def action_values(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], V: Float[np.ndarray, "S"], gamma: float
) -> Float[np.ndarray, "S A"]:
    """The value of every action followed by V: Q(s, a) = r(s, a) + γ Σ_t P(t | s, a) V(t), of shape (S, A).

    The dtype is V's. Raises ValueError unless 0 ≤ gamma < 1. Source: Watkins (1989), Learning from Delayed Rewards.
    """
    # BEGIN SOLUTION
    check_discount(gamma)
    return R + gamma * (P @ V)
    # END SOLUTION


# %% [markdown]
# ### bellman_optimality
#
# The agent picks the best action instead of averaging over them:
#
# $$(\mathcal TV)(s)=\max_a\Big\{r(s,a)+\gamma\sum_tP(t\mid s,a)V(t)\Big\}.$$
#
# Three facts carry everything that follows.
#
# 1. *Contraction.* $|\max_af(a)-\max_ag(a)|\le\max_a|f(a)-g(a)|$, hence
#    $\lVert\mathcal TV-\mathcal TW\rVert_\infty\le\gamma\lVert V-W\rVert_\infty$. (In the maximum norm; in the
#    Euclidean norm it is false in general.) So $\mathcal T$ has exactly one fixed point $V^*$.
# 2. *Monotony.* If $V\le W$ in every state, then $\mathcal TV\le\mathcal TW$ in every state.
# 3. *Optimality.* $V^*(s)=\max_\pi V^\pi(s)$ in all states at once, and one deterministic policy attains it everywhere
#    (Shapley, 1953; Blackwell, 1965).
#
# *Watch for:* the maximum is over the expectation. $\sum_tP(t\mid s,a)\max(\dots)$, the maximum inside, would be a
# value for an agent that sees where it will slip before it steps.

# %% exercise="bellman_optimality"
def bellman_optimality(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], V: Float[np.ndarray, "S"], gamma: float
) -> Float[np.ndarray, "S"]:
    """One application of the Bellman optimality operator to V, of shape (S,) and V's dtype.

    (T V)(s) = max_a { r(s, a) + γ Σ_t P(t | s, a) V(t) }. Raises ValueError unless 0 ≤ gamma < 1.
    Source: Bellman (1957), Dynamic Programming.
    """
    # BEGIN SOLUTION
    check_discount(gamma)
    return (R + gamma * (P @ V)).max(axis=1)
    # END SOLUTION


# %% [markdown]
# ### greedy_policy
#
# $\pi_V(s)\in\operatorname{argmax}_a\lbrace r(s,a)+\gamma\sum_tP(t\mid s,a)V(t)\rbrace$. Lecture notes often write
# "$\pi(s)=\operatorname{argmax}$"; the standard form is *an element of* the set of maximisers. In this topic the policy
# is a table `(S, A)` whose rows put all their probability on maximisers.
#
# - Greedy for $V^*$ is optimal. Greedy for $V^\pi$ is at least as good as $\pi$ in every state (policy improvement;
#   Howard, 1960).
# - Greedy for an approximate $V$ loses at most
#   $\lVert V^{\pi_V}-V^*\rVert_\infty\le\frac{2\gamma}{1-\gamma}\lVert V-V^*\rVert_\infty$ (Singh and Yee, 1994;
#   Williams and Baird, 1993).
#
# *Watch for:* an action that is best by reward alone, or by the value of the most likely next state alone, is not
# greedy.

# %% exercise="greedy_policy"
def greedy_policy(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], V: Float[np.ndarray, "S"], gamma: float
) -> Float[np.ndarray, "S A"]:
    """A policy (S, A) that picks, in every state, an action that maximises r(s, a) + γ Σ_t P(t | s, a) V(t).

    Every row is a probability vector on maximisers, in float64; ties are broken as you like. Raises ValueError unless
    0 ≤ gamma < 1. Source: Howard (1960), Dynamic Programming and Markov Processes.
    """
    # BEGIN SOLUTION
    check_discount(gamma)
    best = (R + gamma * (P @ V)).argmax(axis=1)
    return np.eye(R.shape[1])[best]
    # END SOLUTION


# %% [markdown]
# ## 4 · Finding it
#
# ### sweeps_needed
#
# If every sweep multiplies the error by $\gamma$ at worst, then $t$ sweeps suffice as soon as
# $\gamma^te_0\le\varepsilon$, that is $t\ge\log(e_0/\varepsilon)/\log(1/\gamma)$. This *a priori* bound tells what a
# discount costs: to gain one decimal digit takes 22 sweeps for $\gamma=0.9$, 230 for $0.99$, 2302 for $0.999$.

# %% exercise="sweeps_needed"
def sweeps_needed(gamma: float, first_error: float, tolerance: float) -> int:
    """The smallest whole t ≥ 0 with γᵗ · first_error ≤ tolerance, where γ⁰ = 1 even for γ = 0.

    `first_error` ≥ 0 is ‖V_0 − V*‖∞ or a bound on it. Where rounding decides between two neighbours, either will do.
    Raises ValueError unless 0 ≤ gamma < 1 and tolerance > 0. Source: Banach (1922); Puterman (1994), section 6.3.
    """
    # BEGIN SOLUTION
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError(f"The tolerance must be positive; it is {tolerance}.")
    if first_error <= tolerance:
        return 0
    if gamma == 0:
        return 1
    return int(np.ceil(np.log(first_error / tolerance) / -np.log(gamma)))
    # END SOLUTION


# %% [markdown]
# ### value_iteration
#
# $V_{t+1}=\mathcal TV_t$. By the contraction, at every $t$ and from every start,
#
# $$\lVert V_t-V^*\rVert_\infty\le\gamma^t\lVert V_0-V^*\rVert_\infty .$$
#
# The errors shrink like a geometric sequence, which numerical analysts call *linear convergence*: a straight line
# when the error is drawn on a logarithmic scale. $V^*$ is unknown while we iterate, so we stop by what we can see,
#
# $$\frac{\gamma}{1-\gamma}\,\lVert V_t-V_{t-1}\rVert_\infty\le\text{tolerance},$$
#
# for the reason given under `iterative_policy_evaluation`; the last iterate is then within the tolerance of $V^*$.
# Return *all* iterates, `(number of sweeps + 1, S)`, starting with $V_0$: then the theorem can be looked at. If the
# budget of sweeps runs out first, say so with an error. An answer that is silently worse than promised is a bug that
# nobody finds.
#
# *Watch for:* the new values must all come from the old ones. Writing into the array one reads from mixes $V_t$ and
# $V_{t+1}$ (a convergent method, yet another one), and appending that one array again and again makes a history of
# identical rows.

# %% exercise="value_iteration"
def value_iteration(
    P: Float[np.ndarray, "S A S"],
    R: Float[np.ndarray, "S A"],
    gamma: float,
    start: Float[np.ndarray, "S"],
    tolerance: float,
    max_sweeps: int = 10_000,
) -> Float[np.ndarray, "sweeps_plus_1 S"]:
    """All iterates V_0 = start, V_{t+1}(s) = max_a { r(s, a) + γ Σ_u P(u | s, a) V_t(u) }, one per row.

    The last row is the first V_t with t ≥ 1 and γ ‖V_t − V_{t−1}‖∞ ≤ (1 − γ) · tolerance, so ‖V_t − V*‖∞ ≤ tolerance.
    The dtype is float64. Raises ValueError unless 0 ≤ gamma < 1 and tolerance > 0, and ArithmeticError if max_sweeps
    sweeps do not get there.
    Source: Bellman (1957); Puterman (1994), section 6.3.
    """
    # BEGIN SOLUTION
    check_discount(gamma)
    if not tolerance > 0:
        raise ValueError(f"The tolerance must be positive; it is {tolerance}.")
    history = [start]
    for _ in range(max_sweeps):
        history.append((R + gamma * (P @ history[-1])).max(axis=1))
        if gamma * np.abs(history[-1] - history[-2]).max() <= (1 - gamma) * tolerance:
            return np.stack(history)
    raise ArithmeticError(f"{max_sweeps} sweeps do not bring the values within {tolerance} of the optimum.")
    # END SOLUTION


# %% [markdown]
# ### policy_iteration
#
# Alternate: evaluate the policy exactly, then be greedy for its values (Howard, 1960).
#
# $$V^{\pi_k}=(I-\gamma P_{\pi_k})^{-1}r_{\pi_k},\qquad \pi_{k+1}\ \text{greedy for}\ V^{\pi_k}.$$
#
# Why it works: $\mathcal T^{\pi_{k+1}}V^{\pi_k}=\mathcal TV^{\pi_k}\ge V^{\pi_k}$; apply the monotone
# $\mathcal T^{\pi_{k+1}}$ for ever and the left end becomes $V^{\pi_{k+1}}\ge V^{\pi_k}$. If nowhere anything is
# gained, then $\mathcal TV^{\pi_k}=V^{\pi_k}$, so $V^{\pi_k}=V^*$. There are $A^S$ deterministic policies and none
# returns, so it ends; in practice after a handful of rounds (for a fixed discount their number is polynomial in $S$
# and $A$: Ye, 2011). Lecture notes often say only "alternate greedy policy and its values"; the start, the exact
# evaluation and the rule for stopping belong to the algorithm.
#
# *Watch for:* how to stop. "Until the policy no longer changes" can run for ever: where actions tie, rounding
# errors in the last digit pick now one, now the other. Stop when the greedy policy no longer gains *value*:
# $\max_s\lbrace\max_aQ(s,a)-V^{\pi_k}(s)\rbrace$ is zero up to rounding, e.g. at most $10^{-10}$ of the largest $|Q|$.
# (Of the largest $|Q|$: whether rewards are counted in cents or in millions must not matter.) If that gap is $\delta$,
# then $\lVert V^{\pi_k}-V^*\rVert_\infty\le\delta/(1-\gamma)$: the truth about the tolerance, again.

# %% exercise="policy_iteration"
def policy_iteration(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], gamma: float, start: Float[np.ndarray, "S A"]
) -> tuple[Float[np.ndarray, "rounds S A"], Float[np.ndarray, "rounds S"]]:
    """All policies of policy iteration, (rounds, S, A), and their exact values, (rounds, S).

    The first policy is `start` (it may be random), each other is greedy for the values of the one before, with ties
    broken as you like. The last is optimal: no action gains on its values by more than rounding. Each round before the
    last gains somewhere; the last may repeat the optimal values to confirm them.
    Both arrays are float64. Raises ValueError unless 0 ≤ gamma < 1.
    Source: Howard (1960), Dynamic Programming and Markov Processes.
    """
    # BEGIN SOLUTION: stop by value, not by action
    check_discount(gamma)
    policies, values = [start], []
    while True:
        transitions = np.einsum("sa,sat->st", policies[-1], P)
        rewards = (policies[-1] * R).sum(axis=1)
        values.append(np.linalg.solve(np.eye(len(rewards)) - gamma * transitions, rewards))
        Q = R + gamma * (P @ values[-1])
        gain = (Q.max(axis=1) - values[-1]).max()
        if gain <= 1e-10 * np.abs(Q).max():
            return np.stack(policies), np.stack(values)
        policies.append(np.eye(R.shape[1])[Q.argmax(axis=1)])
    # END SOLUTION


# %% [markdown]
# ### backward_induction
#
# When exactly $H$ steps remain, what is best depends on how many are left: two steps before the whistle one shoots from
# anywhere. Start at the end and come back:
#
# $$W_H=\text{final},\qquad W_h(s)=\max_a\Big\{r(s,a)+\gamma\sum_tP(t\mid s,a)W_{h+1}(t)\Big\},\quad h=H-1,\dots,0.$$
#
# `values[h]` is the best that can be earned from step $h$ on, `policies[h]` says how. This is dynamic programming in
# its first form (Bellman, 1957): $HS^2A$ multiplications instead of trying $A^{SH}$ plans. The sum is finite, so
# $\gamma=1$ is legal. (Value iteration is the same computation with the clock turned round: $V_t=W_{H-t}$.)
# An episode that ends early (missing mass in `P`) gets nothing from `final`.
#
# *Watch for:* `final` is earned once, at step $H$, and `values` has $H+1$ rows: the last is `final` itself.

# %% exercise="backward_induction"
def backward_induction(
    P: Float[np.ndarray, "S A S"],
    R: Float[np.ndarray, "S A"],
    gamma: float,
    horizon: int,
    final: Float[np.ndarray, "S"],
) -> tuple[Float[np.ndarray, "horizon_plus_1 S"], Float[np.ndarray, "horizon S A"]]:
    """The optimal values (H + 1, S) and an optimal policy for every step (H, S, A) when H = `horizon` ≥ 0 steps remain.

    values[H] = final, values[h](s) = max_a { r(s, a) + γ Σ_t P(t | s, a) values[h + 1](t) }; policies[h] picks
    maximisers, ties broken as you like. Both arrays are float64. Raises ValueError unless 0 ≤ gamma ≤ 1.
    Source: Bellman (1957), Dynamic Programming; Puterman (1994), chapter 4.
    """
    # BEGIN SOLUTION
    if not 0 <= gamma <= 1:
        raise ValueError(f"The discount of finitely many steps must lie between 0 and 1; it is {gamma}.")
    values = np.zeros((horizon + 1, len(final)))
    policies = np.zeros((horizon, *R.shape))
    values[horizon] = final
    for h in reversed(range(horizon)):
        Q = R + gamma * (P @ values[h + 1])
        values[h] = Q.max(axis=1)
        policies[h] = np.eye(R.shape[1])[Q.argmax(axis=1)]
    return values, policies
    # END SOLUTION


# %% [markdown]
# ## 5 · The picture
#
# FrozenLake, 8 by 8: the agent starts in the upper left corner, the only reward is 1 for reaching the lower right
# one, and ten holes end the episode with nothing. The ice is slippery: a step goes where it was meant to in one
# case out of three, and to either side otherwise. So the best arrows look odd at first: next to a hole
# they point *away* from it, even into the wall, because the move opposite to an arrow is the only one that cannot
# happen.

# %% tags=["picture"]
FROZEN_LAKE_ARROWS = [(-1, 0), (0, 1), (1, 0), (0, -1)]  # left, down, right, up; the y axis points down


def draw_lake(axes, letters: np.ndarray, V: np.ndarray, policy: np.ndarray) -> None:
    """Draw the lake as a grid coloured by V, with letters on special cells and an arrow for the likeliest action."""
    rows, columns = letters.shape
    image = axes.imshow(V.reshape(rows, columns), cmap="viridis", vmin=0, vmax=1)
    axes.figure.colorbar(image, ax=axes, label="optimal value V*(s)", shrink=0.85)
    for s, letter in enumerate(letters.ravel()):
        y, x = divmod(s, columns)
        ink = "black" if V[s] > 0.55 else "white"
        if letter in "HG":
            label = "hole" if letter == "H" else "goal"
            axes.text(x, y, label, ha="center", va="center", color=ink, fontsize=9, style="italic")
            continue
        dx, dy = FROZEN_LAKE_ARROWS[int(policy[s].argmax())]
        axes.annotate(
            "",
            xy=(x + 0.3 * dx, y - 0.17 + 0.22 * dy),
            xytext=(x - 0.3 * dx, y - 0.17 - 0.22 * dy),
            arrowprops={"arrowstyle": "-|>", "color": ink, "linewidth": 1.4},
        )
        axes.text(x, y + 0.33, f"{V[s]:.2f}", ha="center", va="center", color=ink, fontsize=8)
    axes.set_xticks(range(columns))
    axes.set_yticks(range(rows))
    axes.set_xlabel("column")
    axes.set_ylabel("row (the start is row 0, column 0)")


def picture() -> "matplotlib.figure.Figure":
    """The optimal values and policy on FrozenLake 8 by 8, and how fast value iteration gets there."""
    import gymnasium
    import matplotlib.pyplot as plt

    lake = gymnasium.make("FrozenLake-v1", map_name="8x8").unwrapped
    P, R = mdp_from_table(lake.P)
    letters = lake.desc.astype(str)
    gamma = 0.99
    history = value_iteration(P, R, gamma, start=np.zeros(len(R)), tolerance=1e-9)
    policy = greedy_policy(P, R, history[-1], gamma)

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(13, 6.4), width_ratios=[1.25, 1], layout="constrained"
    )
    draw_lake(left, letters, history[-1], policy)
    left.set_title(f"FrozenLake 8×8: optimal values and a greedy policy, γ = {gamma}")

    errors = np.abs(history[:-1] - history[-1]).max(axis=1)
    sweeps = np.arange(len(errors))
    right.semilogy(sweeps, errors, linewidth=2, label="error of value iteration, ‖V_t − V*‖∞")
    right.semilogy(sweeps, gamma**sweeps * errors[0], "--", label="the bound γᵗ ‖V_0 − V*‖∞")
    right.set_title("Linear convergence, never above the bound")
    right.set_xlabel("sweeps t")
    right.set_ylabel("largest error over all states")
    right.set_ylim(1e-9, 3)
    right.legend(loc="lower left")
    right.grid(alpha=0.3)
    figure.supxlabel(
        "You should see values that grow towards the goal, arrows that point away from the holes (the ice slips "
        "sideways),\nno value in holes and at the goal (the episode is over there), and an error that falls along a "
        "straight line\non the logarithmic scale and stays below the dashed bound.",
        fontsize=10,
    )
    plt.close(figure)
    return figure
