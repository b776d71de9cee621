# %% [markdown]
# # 05 · Recurrent networks
#
# Write your answers here, or in recurrent.ipynb. The handout is README.md;
# `autograder check recurrent.py` tells which laws your answers obey.

# %%
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

# %% [markdown]
# ## Running a recurrent network

# %% [markdown]
# ### Unrolling any step

# %% exercise="unroll"
def unroll(step: Callable[[Any, Tensor], Any], state: Any, xs: Float[Tensor, "time ..."]) -> list:
    """Run state_t = step(state_{t−1}, x_t) over a sequence and return the list [state_1, …, state_T].

    `state` is the initial state, which is not in the list; it may be anything that `step` understands, such as a tensor
    or a tuple of tensors. `xs` holds one input per entry of its first axis; for T = 0 the list is empty.
    Source: Goodfellow, Bengio and Courville (2016), section 10.1.
    """
    # TODO: write this.
    raise NotImplementedError("unroll: not written yet")

# %% [markdown]
# ### The Elman network: one step

# %% exercise="elman_step"
def elman_step(
    h: Float[Tensor, "*batch m"],
    x: Float[Tensor, "*batch n"],
    W_h: Float[Tensor, "m m"],
    W_x: Float[Tensor, "m n"],
    b: Float[Tensor, " m"],
) -> Float[Tensor, "*batch m"]:
    """Compute the next state h_t = tanh(W_h h_{t−1} + W_x x_t + b) from `h` = h_{t−1} and `x` = x_t.

    There may be any number of batch axes, none included; autograd can differentiate the result in every argument.
    Source: Elman (1990).
    """
    # TODO: write this.
    raise NotImplementedError("elman_step: not written yet")

# %% [markdown]
# ### The Elman network: a whole sequence

# %% exercise="elman_unroll"
def elman_unroll(
    xs: Float[Tensor, "time *batch n"],
    h0: Float[Tensor, "*batch m"],
    W_h: Float[Tensor, "m m"],
    W_x: Float[Tensor, "m n"],
    b: Float[Tensor, " m"],
) -> Float[Tensor, "time *batch m"]:
    """Compute the states h_1, …, h_T of h_t = tanh(W_h h_{t−1} + W_x x_t + b), stacked along time, from h_0 = `h0`.

    Any length will do; for T = 0 the result has shape (0, *batch, m) and the dtype of `h0`. Autograd can differentiate
    the result in every argument. Source: Elman (1990).
    """
    # TODO: an empty list cannot be stacked: think of T = 0
    raise NotImplementedError("elman_unroll: not written yet")

# %% [markdown]
# ## Differentiating through time

# %% [markdown]
# ### The immediate derivative

# %% exercise="immediate_jacobian"
def immediate_jacobian(h_previous: Float[Tensor, " m"], h: Float[Tensor, " m"]) -> Float[Tensor, "m m m"]:
    """Compute ∂⁺h_k/∂W_h: entry [i, a, b] is (1 − h_i²) · 1{i = a} · h_previous_b.

    `h_previous` is h_{k−1}, held fixed, and `h` is h_k = tanh(W_h h_{k−1} + …). Shape (m, m, m), output first.
    Source: Pascanu, Mikolov and Bengio (2013), section 1.1.
    """
    # TODO: write this.
    raise NotImplementedError("immediate_jacobian: not written yet")

# %% [markdown]
# ### From state to state

# %% exercise="state_jacobian"
def state_jacobian(hs: Float[Tensor, "states m"], W_h: Float[Tensor, "m m"], t: int, k: int) -> Float[Tensor, "m m"]:
    """Compute ∂h_t/∂h_k = Π_{i=t,…,k+1} diag(1 − h_i²) W_h of an Elman network, the factor of time t leftmost.

    `hs` holds h_0, …, h_T, so that hs[i] is h_i; for t = k the result is the identity.
    Raises ValueError unless 0 <= k <= t <= T. Source: Pascanu, Mikolov and Bengio (2013), equation 5.
    """
    # TODO: write this.
    raise NotImplementedError("state_jacobian: not written yet")

# %% [markdown]
# ### How large can it get?

# %% exercise="jacobian_norm_bound"
def jacobian_norm_bound(W_h: Float[Tensor, "m m"], lag: int, slope: float = 1.0) -> float:
    """Compute (slope · σ_max(W_h))^lag, which the spectral norm of ∂h_t/∂h_{t−lag} cannot exceed.

    `slope` is the largest absolute slope of the nonlinearity, 1 for tanh; σ_max is the largest singular value.
    Raises ValueError for a negative lag. Source: Pascanu, Mikolov and Bengio (2013), section 2.1.
    """
    # TODO: write this.
    raise NotImplementedError("jacobian_norm_bound: not written yet")

# %% [markdown]
# ### Direct and indirect terms, one by one

# %% exercise="bptt_terms"
def bptt_terms(
    gradient: Float[Tensor, " m"], hs: Float[Tensor, "states m"], W_h: Float[Tensor, "m m"]
) -> Float[Tensor, "time m m"]:
    """Compute the t terms ∂ℓ_t/∂h_t · ∂h_t/∂h_k · ∂⁺h_k/∂W_h, k = 1, …, t, whose sum is ∂ℓ_t/∂W_h.

    `gradient` is ∂ℓ_t/∂h_t and `hs` holds h_0, …, h_t with t >= 1. Entry [k − 1] of the result belongs to time k: the
    last one is the direct term, the others are the indirect ones.
    Source: Pascanu, Mikolov and Bengio (2013), section 1.1.
    """
    # TODO: write this.
    raise NotImplementedError("bptt_terms: not written yet")

# %% [markdown]
# ### Backpropagation through time

# %% exercise="bptt"
def bptt(
    xs: Float[Tensor, "time n"], targets: Float[Tensor, "time p"], h0: Float[Tensor, " m"], params: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Compute the gradient of L = Σ_t ½‖W_y h_t + b_y − y_t‖² for an Elman network by backpropagation through time.

    `params` has the entries "W_h" (m, m), "W_x" (m, n), "b" (m), "W_y" (p, m) and "b_y" (p); the sequence has T >= 1
    steps. The result has a gradient for each of them, of the same shape, and under "h0" that of the initial state.
    Source: Werbos (1990).
    """
    # TODO: run forward and keep the states, then go back from the last time to the first
    raise NotImplementedError("bptt: not written yet")

# %% [markdown]
# ### Truncated backpropagation through time

# %% exercise="truncated_bptt"
def truncated_bptt(
    xs: Float[Tensor, "time n"],
    targets: Float[Tensor, "time p"],
    h0: Float[Tensor, " m"],
    params: dict[str, Tensor],
    window: int,
) -> dict[str, Tensor]:
    """Compute the gradient of `bptt`, cut at the boundaries of consecutive windows of `window` steps.

    The windows are the times 1, …, w; w + 1, …, 2w; and so on; the last may be shorter. The state is carried across a
    boundary but counts as a constant there. Arguments and result are as for `bptt`; under "h0" is the gradient that the
    first window sends to the initial state. Raises ValueError unless window >= 1. Source: Williams and Peng (1990).
    """
    # TODO: write this.
    raise NotImplementedError("truncated_bptt: not written yet")

# %% [markdown]
# ## Vanishing and exploding gradients

# %% exercise="gradient_norms"
def gradient_norms(gradient: Float[Tensor, " m"], jacobians: Float[Tensor, "time m m"]) -> Float[Tensor, "time+1"]:
    """Compute the Euclidean norms of ∂ℓ/∂h_T, ∂ℓ/∂h_{T−1}, …, ∂ℓ/∂h_0, in this order: entry s belongs to lag s.

    `gradient` is ∂ℓ/∂h_T; `jacobians` holds J_1, …, J_T, so that jacobians[t − 1] is ∂h_t/∂h_{t−1}. For T = 0 there is
    one norm. Source: Bengio, Simard and Frasconi (1994).
    """
    # TODO: write this.
    raise NotImplementedError("gradient_norms: not written yet")

# %% [markdown]
# ## Leaky units

# %% [markdown]
# ### One leaky step

# %% exercise="leaky_step"
def leaky_step(
    h: Float[Tensor, "*batch m"],
    x: Float[Tensor, "*batch n"],
    W_h: Float[Tensor, "m m"],
    W_x: Float[Tensor, "m n"],
    b: Float[Tensor, " m"],
    alpha: float,
) -> Float[Tensor, "*batch m"]:
    """Compute h_t = α h_{t−1} + (1 − α) tanh(W_h h_{t−1} + W_x x_t + b) from `h` = h_{t−1} and `x` = x_t.

    α = 1 keeps the state for ever, α = 0 is an Elman step. Autograd can differentiate the result in every tensor.
    Raises ValueError unless 0 <= alpha <= 1. Source: Mozer (1992); Jaeger, Lukoševičius, Popovici and Siewert (2007).
    """
    # TODO: write this.
    raise NotImplementedError("leaky_step: not written yet")

# %% [markdown]
# ### Its Jacobian

# %% exercise="leaky_jacobian"
def leaky_jacobian(proposal: Float[Tensor, " m"], W_h: Float[Tensor, "m m"], alpha: float) -> Float[Tensor, "m m"]:
    """Compute ∂h_t/∂h_{t−1} = α I + (1 − α) diag(1 − ĥ_t²) W_h of a leaky unit.

    `proposal` is ĥ_t = tanh(W_h h_{t−1} + W_x x_t + b). Source: Jaeger, Lukoševičius, Popovici and Siewert (2007).
    """
    # TODO: write this.
    raise NotImplementedError("leaky_jacobian: not written yet")

# %% [markdown]
# ## Long short-term memory

# %% exercise="lstm_step"
def lstm_step(
    h: Float[Tensor, "*batch m"],
    c: Float[Tensor, "*batch m"],
    x: Float[Tensor, "*batch n"],
    W_h: Float[Tensor, "4*m m"],
    W_x: Float[Tensor, "4*m n"],
    b: Float[Tensor, " 4*m"],
) -> tuple[Float[Tensor, "*batch m"], Float[Tensor, "*batch m"]]:
    """Compute (h_t, c_t) with c_t = f ⊙ c_{t−1} + i ⊙ g and h_t = o ⊙ tanh(c_t) from `h`, `c` at t − 1 and `x` = x_t.

    The rows of W_h h + W_x x + b belong to i, f, g, o in this order, m each; i, f, o are sigmoids, g is a tanh. Finite
    for every finite input; autograd can differentiate both results in every argument, and finds finite gradients.
    Source: Hochreiter and Schmidhuber (1997); Gers, Schmidhuber and Cummins (2000) for the forget gate.
    """
    # TODO: write this.
    raise NotImplementedError("lstm_step: not written yet")

# %% [markdown]
# ### The LSTM over a sequence

# %% exercise="lstm_unroll"
def lstm_unroll(
    xs: Float[Tensor, "time *batch n"],
    h0: Float[Tensor, "*batch m"],
    c0: Float[Tensor, "*batch m"],
    W_h: Float[Tensor, "4*m m"],
    W_x: Float[Tensor, "4*m n"],
    b: Float[Tensor, " 4*m"],
) -> tuple[Float[Tensor, "time *batch m"], Float[Tensor, "time *batch m"]]:
    """Compute the hidden states h_1, …, h_T and the cells c_1, …, c_T of an LSTM, each stacked along time.

    A step is c_t = f ⊙ c_{t−1} + i ⊙ g, h_t = o ⊙ tanh(c_t); the rows of W_h h + W_x x + b are in the order i, f, g, o.
    Any length will do; for T = 0 both results have shape (0, *batch, m) and the dtype of `h0`. Autograd can
    differentiate both in every argument. Source: Hochreiter and Schmidhuber (1997).
    """
    # TODO: write this.
    raise NotImplementedError("lstm_unroll: not written yet")

# %% [markdown]
# ## Clipping the gradient

# %% exercise="clip_gradient"
def clip_gradient(gradients: list[Tensor], k: float) -> list[Tensor]:
    """Scale a list of gradients by min(1, k / ‖g‖), where ‖g‖ is the Euclidean norm of all their entries together.

    Returns new tensors (or the old ones, if nothing is clipped) of the same shapes and dtypes in the same order; the
    given ones are not changed. Raises ValueError unless k > 0. Source: Pascanu, Mikolov and Bengio (2013), algorithm 1.
    """
    # TODO: write this.
    raise NotImplementedError("clip_gradient: not written yet")

# %% [markdown]
# ## The picture

# %% tags=["picture"]
def picture():
    """Draw gradient norms against the time lag for three networks, the Jacobian's bound, and the terms of BPTT."""
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 5.6))
    figure.subplots_adjust(bottom=0.24, top=0.84, left=0.06, right=0.985, wspace=0.25)
    _draw_networks(left)
    _draw_bounds(middle)
    _draw_terms(right)
    figure.suptitle("How far back does a gradient reach?")
    figure.text(
        0.5,
        0.03,
        "You should see, on the left, the Elman gradient fall in a steep line, the LSTM with forget bias 1 far more "
        "slowly, and the leaky units and the LSTM with its forget gate open (bias 5) keep\nmore than a thousandth of "
        "it over all 100 steps. In the middle the gradient vanishes for σ_max = 0.8, explodes for σ_max = 8 and does "
        "neither for 2; every solid line stays\nbelow the dashed one of its colour. On the right the indirect terms "
        "fade with the lag, the faster the larger the inputs: the weights then learn from the last few steps only.",
        ha="center",
        fontsize=9,
    )
    return figure


def _random_weights(m: int, n: int, size: float, seed: int = 0):
    """Random W_h with largest singular value `size`, W_x and b = 0 of an Elman network."""
    random = torch.Generator().manual_seed(seed)
    W_h = torch.randn(m, m, generator=random, dtype=torch.float64)
    W_x = torch.randn(m, n, generator=random, dtype=torch.float64) / n**0.5
    return size * W_h / torch.linalg.matrix_norm(W_h, ord=2), W_x, torch.zeros(m, dtype=torch.float64)


def _draw_networks(axes, m: int = 16, n: int = 4, steps: int = 100) -> None:
    """Draw the norm of the gradient against the lag for an Elman network, a leaky one and LSTMs."""
    random = torch.Generator().manual_seed(1)
    xs = 0.5 * torch.randn(steps, n, generator=random, dtype=torch.float64)
    gradient = torch.full((m,), m**-0.5, dtype=torch.float64)
    zeros = torch.zeros(m, dtype=torch.float64)
    weights = _random_weights(m, n, size=1.2)

    hs = torch.cat([zeros[None], elman_unroll(xs, zeros, *weights)])
    steps_back = torch.stack([state_jacobian(hs, weights[0], t, t - 1) for t in range(1, steps + 1)])
    axes.semilogy(gradient_norms(gradient, steps_back), label="Elman")
    for alpha in (0.9, 0.98):
        states = [zeros, *unroll(lambda h, x, a=alpha: leaky_step(h, x, *weights, a), zeros, xs)]
        proposals = [elman_step(h, x, *weights) for h, x in zip(states, xs)]
        steps_back = torch.stack([leaky_jacobian(proposal, weights[0], alpha) for proposal in proposals])
        axes.semilogy(gradient_norms(gradient, steps_back), label=f"leaky, α = {alpha}")
    for forget_bias in (1.0, 5.0):
        steps_back = _lstm_jacobians(xs, m, forget_bias)
        both = torch.cat([gradient, zeros])  # the loss looks at h, not at c
        axes.semilogy(gradient_norms(both, steps_back), label=f"LSTM, forget bias {forget_bias:g}")
    axes.set(xlabel="time lag s (steps)", ylabel="‖∂ℓ/∂ state at T − s‖", ylim=(1e-20, 1e1))
    axes.set_title("Gradient norm against time lag", fontsize=10)
    axes.legend(fontsize=8, loc="lower left")
    axes.grid(alpha=0.3)


def _lstm_jacobians(xs: Tensor, m: int, forget_bias: float) -> Tensor:
    """The Jacobians (2m, 2m) of (h_t, c_t) in (h_{t−1}, c_{t−1}) along a sequence, by autograd through `lstm_step`."""
    blocks = [_random_weights(m, xs.shape[1], size=1.2, seed=seed) for seed in range(4)]
    W_h, W_x, b = (torch.cat(parts) for parts in zip(*blocks))
    b[m : 2 * m] = forget_bias

    def step(state, x):
        return torch.cat(lstm_step(state[:m], state[m:], x, W_h, W_x, b))

    start = torch.zeros(2 * m, dtype=xs.dtype)
    states = [start, *unroll(step, start, xs)]
    return torch.stack([torch.autograd.functional.jacobian(lambda s, x=x: step(s, x), s) for s, x in zip(states, xs)])


def _draw_bounds(axes, m: int = 32, n: int = 4, steps: int = 40) -> None:
    """Draw the norm of ∂h_t/∂h_{t−s} with its bound for three sizes of W_h."""
    random = torch.Generator().manual_seed(2)
    xs = 0.1 * torch.randn(steps, n, generator=random, dtype=torch.float64)
    zeros = torch.zeros(m, dtype=torch.float64)
    for size, colour in ((0.8, "tab:blue"), (2.0, "tab:green"), (8.0, "tab:red")):
        W_h, W_x, b = _random_weights(m, n, size)
        hs = torch.cat([zeros[None], elman_unroll(xs, zeros, W_h, W_x, b)])
        lags = range(steps + 1)
        norms = [torch.linalg.matrix_norm(state_jacobian(hs, W_h, steps, steps - s), ord=2) for s in lags]
        axes.semilogy(lags, norms, color=colour, label=f"σ_max = {size:g}")
        axes.semilogy(lags, [jacobian_norm_bound(W_h, s) for s in lags], color=colour, linestyle="--", alpha=0.7)
    axes.set(xlabel="time lag s (steps)", ylabel="spectral norm of ∂h_t/∂h_{t−s}", ylim=(1e-12, 1e12))
    axes.set_title("State Jacobian (solid) and its bound σ_max^s (dashed)", fontsize=10)
    axes.legend(fontsize=8, loc="lower left")
    axes.grid(alpha=0.3)


def _draw_terms(axes, m: int = 16, n: int = 4, steps: int = 40) -> None:
    """Draw the norms of the direct and the indirect terms against the lag, for small and for large inputs."""
    random = torch.Generator().manual_seed(3)
    noise = torch.randn(steps, n, generator=random, dtype=torch.float64)
    start = torch.full((m,), 0.1, dtype=torch.float64)
    W_h, W_x, b = _random_weights(m, n, size=1.5)
    for scale, label in (
        (0.1, "inputs of size 0.1: slopes near 1"),
        (1.0, "inputs of size 1"),
        (4.0, "inputs of size 4: saturated units"),
    ):
        hs = torch.cat([start[None], elman_unroll(scale * noise, start, W_h, W_x, b)])
        terms = bptt_terms(torch.full((m,), m**-0.5, dtype=torch.float64), hs, W_h)
        norms = torch.linalg.matrix_norm(terms).flip(0)
        axes.semilogy(range(len(norms)), norms / norms[0], marker=".", label=label)
    axes.set(xlabel="lag t − k (steps); 0 is the direct term", ylabel="norm of the term ÷ norm of the direct term")
    axes.set_title("Terms of ∂ℓ_t/∂W_h", fontsize=10)
    axes.set_ylim(1e-20, 1e1)
    axes.legend(fontsize=8, loc="lower left")
    axes.grid(alpha=0.3)
