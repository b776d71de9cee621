# %% [markdown]
# # 13 · Dynamic programming
# ### The arrays, and conventions that hold throughout
#
# Write your answers here, or in dynamic_programming.ipynb. The handout is README.md;
# `autograder check dynamic_programming.py` tells which laws your answers obey.

# %%
import numpy as np
from jaxtyping import Float

# %%
def check_discount(gamma: float) -> None:
    """Raise ValueError unless 0 ≤ gamma < 1, the discounts for which an endless sum of rewards is finite."""
    if not 0 <= gamma < 1:
        raise ValueError(f"The discount must be at least 0 and less than 1; it is {gamma}.")

# %% [markdown]
# ## 1 · From the world to arrays
# ### discounted_return

# %% exercise="discounted_return"
def discounted_return(rewards: Float[np.ndarray, "T"], gamma: float) -> Float[np.ndarray, "T"]:
    """The return from every step of an episode: G_t = r_t + γ G_{t+1}, with G_T = 0.

    `rewards` (T,) are r_0 … r_{T−1}; T may be 0. The result has the same shape and dtype. 0 ≤ gamma ≤ 1.
    Raises ValueError for any other gamma.
    Source: Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 3.3.
    """
    # TODO: go from the last step to the first
    raise NotImplementedError("discounted_return: not written yet")

# %% [markdown]
# ### mdp_from_table

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
    # TODO: write this.
    raise NotImplementedError("mdp_from_table: not written yet")

# %% [markdown]
# ## 2 · The value of a policy
# ### policy_chain

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
    # TODO: write this.
    raise NotImplementedError("policy_chain: not written yet")

# %% [markdown]
# ### bellman_expectation

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
    # TODO: write this.
    raise NotImplementedError("bellman_expectation: not written yet")

# %% [markdown]
# ### policy_evaluation

# %% exercise="policy_evaluation"
def policy_evaluation(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], policy: Float[np.ndarray, "S A"], gamma: float
) -> Float[np.ndarray, "S"]:
    """The value V^π of every state under a policy, exact up to rounding: (I − γ P_π) V^π = r_π, shape (S,).

    The dtype is float64. Raises ValueError unless 0 ≤ gamma < 1.
    Source: Howard (1960), Dynamic Programming and Markov Processes.
    """
    # TODO: build the (S, S) system, then np.linalg.solve
    raise NotImplementedError("policy_evaluation: not written yet")

# %% [markdown]
# ### iterative_policy_evaluation

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
    # TODO: how large can the error be when the last change is δ?
    raise NotImplementedError("iterative_policy_evaluation: not written yet")

# %% [markdown]
# ## 3 · The best there is
# ### action_values

# %% exercise="action_values"
def action_values(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], V: Float[np.ndarray, "S"], gamma: float
) -> Float[np.ndarray, "S A"]:
    """The value of every action followed by V: Q(s, a) = r(s, a) + γ Σ_t P(t | s, a) V(t), of shape (S, A).

    The dtype is V's. Raises ValueError unless 0 ≤ gamma < 1. Source: Watkins (1989), Learning from Delayed Rewards.
    """
    # TODO: write this.
    raise NotImplementedError("action_values: not written yet")

# %% [markdown]
# ### bellman_optimality

# %% exercise="bellman_optimality"
def bellman_optimality(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], V: Float[np.ndarray, "S"], gamma: float
) -> Float[np.ndarray, "S"]:
    """One application of the Bellman optimality operator to V, of shape (S,) and V's dtype.

    (T V)(s) = max_a { r(s, a) + γ Σ_t P(t | s, a) V(t) }. Raises ValueError unless 0 ≤ gamma < 1.
    Source: Bellman (1957), Dynamic Programming.
    """
    # TODO: write this.
    raise NotImplementedError("bellman_optimality: not written yet")

# %% [markdown]
# ### greedy_policy

# %% exercise="greedy_policy"
def greedy_policy(
    P: Float[np.ndarray, "S A S"], R: Float[np.ndarray, "S A"], V: Float[np.ndarray, "S"], gamma: float
) -> Float[np.ndarray, "S A"]:
    """A policy (S, A) that picks, in every state, an action that maximises r(s, a) + γ Σ_t P(t | s, a) V(t).

    Every row is a probability vector on maximisers, in float64; ties are broken as you like. Raises ValueError unless
    0 ≤ gamma < 1. Source: Howard (1960), Dynamic Programming and Markov Processes.
    """
    # TODO: write this.
    raise NotImplementedError("greedy_policy: not written yet")

# %% [markdown]
# ## 4 · Finding it
# ### sweeps_needed

# %% exercise="sweeps_needed"
def sweeps_needed(gamma: float, first_error: float, tolerance: float) -> int:
    """The smallest whole t ≥ 0 with γᵗ · first_error ≤ tolerance, where γ⁰ = 1 even for γ = 0.

    `first_error` ≥ 0 is ‖V_0 − V*‖∞ or a bound on it. Where rounding decides between two neighbours, either will do.
    Raises ValueError unless 0 ≤ gamma < 1 and tolerance > 0. Source: Banach (1922); Puterman (1994), section 6.3.
    """
    # TODO: write this.
    raise NotImplementedError("sweeps_needed: not written yet")

# %% [markdown]
# ### value_iteration

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
    # TODO: write this.
    raise NotImplementedError("value_iteration: not written yet")

# %% [markdown]
# ### policy_iteration

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
    # TODO: stop by value, not by action
    raise NotImplementedError("policy_iteration: not written yet")

# %% [markdown]
# ### backward_induction

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
    # TODO: write this.
    raise NotImplementedError("backward_induction: not written yet")

# %% [markdown]
# ## 5 · The picture

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
