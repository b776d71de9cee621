# %% [markdown]
# # 05 · Recurrent networks
#
# A recurrent network reads a sequence of any length with a fixed number of parameters. It keeps a **state** $h_t$, and
# at every time step the *same* function, with the same parameters, takes the old state and the next input to the new
# state:
#
# $$ h_t = f_\theta(h_{t-1}, x_t), \qquad t = 1, \dots, T . $$
#
# It is a dynamical system driven by its input; $h_t$ is a summary of $x_1, \dots, x_t$ of fixed size, whatever $t$.
# This handout runs such systems, differentiates them through time, and asks why it is hard for them to learn from
# what happened long ago. The answer (a product of many Jacobians) leads to leaky units, to the LSTM and to gradient
# clipping.
#
# **Conventions.** Time is the *first* axis: a sequence `xs` has shape $(T, n)$, a batch of sequences $(T, B, n)$
# (torch's default; `batch_first=True` swaps the two). States have $m$ entries. In formulas $h_t$ is a column vector,
# and $W_h$ of shape $(m, m)$ and $W_x$ of shape $(m, n)$ multiply from the left; in code a batch is a stack of rows, so
# that $W_h h$ becomes `h @ W_h.T`. Times are counted from 1 as in the formulas, and $h_0$ is the initial state: where a
# list of states includes it, `hs[t]` is $h_t$. Jacobians are in numerator layout: $\partial h_t/\partial h_k$ has one
# row per entry of $h_t$.
#
# *Sources.* Elman, "Finding structure in time" (1990); Werbos, "Backpropagation through time: what it does and how to
# do it" (1990); Hochreiter and Schmidhuber, "Long short-term memory" (1997); Pascanu, Mikolov and Bengio, "On the
# difficulty of training recurrent neural networks" (2013); Goodfellow, Bengio and Courville, "Deep Learning" (2016),
# chapter 10.

# %%
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

# %% [markdown]
# ## Running a recurrent network
#
# *Unrolling* means applying the step once per input and carrying the state along. The length is decided by the data: a
# loop, no fixed number of layers. Because the state is all that the network remembers, a sequence may be cut anywhere:
# run the first piece, keep its last state, start the second piece from it, and the states are those of the whole.
#
# **What to watch for.** The state that starts the sequence must be the one you were given; starting from zeros looks
# right in every test with $h_0=0$. Nothing may flow backwards: $h_t$ depends on $x_1,\dots,x_t$ and on no later input.

# %% [markdown]
# ### Unrolling any step
#
# Some networks carry more than one tensor (the LSTM carries two), so the state is passed on as it is, without looking
# into it.


# %% exercise="unroll"
def unroll(step: Callable[[Any, Tensor], Any], state: Any, xs: Float[Tensor, "time ..."]) -> list:
    """Run state_t = step(state_{t−1}, x_t) over a sequence and return the list [state_1, …, state_T].

    `state` is the initial state, which is not in the list; it may be anything that `step` understands, such as a tensor
    or a tuple of tensors. `xs` holds one input per entry of its first axis; for T = 0 the list is empty.
    Source: Goodfellow, Bengio and Courville (2016), section 10.1.
    """
    # BEGIN SOLUTION
    states = []
    for x in xs:
        state = step(state, x)
        states.append(state)
    return states
    # END SOLUTION


# %% [markdown]
# ### The Elman network: one step
#
# The simplest step is a layer of tanh units that sees the old state beside the input:
#
# $$ \underbrace{h_t}_{(m)} = \tanh\bigl(\underbrace{W_h}_{(m, m)}\underbrace{h_{t-1}}_{(m)}
#    + \underbrace{W_x}_{(m, n)}\underbrace{x_t}_{(n)} + \underbrace{b}_{(m)}\bigr). $$
#
# Lecture notes often leave out the bias $b$; the standard form has it. (torch has *two*, `bias_ih` and `bias_hh`, of
# which only the sum matters.) With square matrices nothing but the numbers tells `h @ W_h` from `h @ W_h.T`: it is the
# latter.


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
    # BEGIN SOLUTION
    return torch.tanh(h @ W_h.T + x @ W_x.T + b)
    # END SOLUTION


# %% [markdown]
# ### The Elman network: a whole sequence
#
# Shapes: $(T, \dots, n)$ and $(\dots, m)$ give $(T, \dots, m)$. The result starts with $h_1$, not with $h_0$, and keeps
# all states: a classifier needs only the last, a language model needs every one.


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
    # BEGIN SOLUTION: an empty list cannot be stacked: think of T = 0
    h, hs = h0, []
    for x in xs:
        h = torch.tanh(h @ W_h.T + x @ W_x.T + b)
        hs.append(h)
    return torch.stack(hs) if hs else h0.new_zeros(0, *h0.shape)
    # END SOLUTION


# %% [markdown]
# ## Differentiating through time
#
# Unrolled, the network is a deep network with one layer per time step, and **all layers share their parameters**.
# Let $\ell_t$ be a loss at time $t$ that depends on $h_t$. The matrix $W_h$ acts on $\ell_t$ in $t$ places: at time $t$
# itself, and at every earlier time $k<t$, through all the states in between. Each place contributes a term,
#
# $$ \frac{\partial \ell_t}{\partial W_h} = \sum_{k=1}^{t}
#    \underbrace{\frac{\partial \ell_t}{\partial h_t}}_{(m)}\;
#    \underbrace{\frac{\partial h_t}{\partial h_k}}_{(m, m)}\;
#    \underbrace{\frac{\partial^+ h_k}{\partial W_h}}_{(m, m, m)},
#    \qquad
#    \frac{\partial h_t}{\partial h_k} =
#    \frac{\partial h_t}{\partial h_{t-1}}\,\frac{\partial h_{t-1}}{\partial h_{t-2}}\cdots\frac{\partial
#    h_{k+1}}{\partial h_k}. $$
#
# The term $k=t$ is the **direct** one, the terms $k<t$ are the **indirect** ones. The plus in $\partial^+$ marks the
# *immediate* derivative: differentiate $h_k=\tanh(W_hh_{k-1}+\dots)$ as if $h_{k-1}$ were a constant, although it
# depends on $W_h$ as well; that dependence is what the other terms are for. Why does this add up? Give every time its
# own copy $W^{(k)}$ of the matrix. By the chain rule the derivative in the shared matrix is the sum of the derivatives
# in the copies, and the one in $W^{(k)}$ is the term $k$.
#
# Lecture notes often write the product as $\prod_{i=k+1}^t \partial h_i/\partial h_{i-1}$ without saying in which
# order. Matrices do not commute: **later factors stand to the left**.

# %% [markdown]
# ### The immediate derivative
#
# With $a_k=W_hh_{k-1}+\dots$ and $h_k=\tanh a_k$, only row $i$ of the matrix feeds entry $i$ of the state:
#
# $$ \frac{\partial^+ h_{k,i}}{\partial W_{h,ab}} = (1-h_{k,i}^2)\;\mathbb 1\{i=a\}\;h_{k-1,b},
#    \qquad\text{shape } (m, m, m). $$
#
# Nobody stores this array in practice. Multiplied by a gradient $g$ from the left it collapses to an outer product,
# $\sum_i g_i\partial^+h_{k,i}/\partial W_h = \bigl(g\odot(1-h_k^2)\bigr)h_{k-1}^\top$ of shape $(m, m)$: that is
# the form in which it enters the exercises below.


# %% exercise="immediate_jacobian"
def immediate_jacobian(h_previous: Float[Tensor, " m"], h: Float[Tensor, " m"]) -> Float[Tensor, "m m m"]:
    """Compute ∂⁺h_k/∂W_h: entry [i, a, b] is (1 − h_i²) · 1{i = a} · h_previous_b.

    `h_previous` is h_{k−1}, held fixed, and `h` is h_k = tanh(W_h h_{k−1} + …). Shape (m, m, m), output first.
    Source: Pascanu, Mikolov and Bengio (2013), section 1.1.
    """
    # BEGIN SOLUTION
    return torch.diag(1 - h**2)[:, :, None] * h_previous
    # END SOLUTION


# %% [markdown]
# ### From state to state
#
# One step of the Elman network has the Jacobian
#
# $$ \frac{\partial h_i}{\partial h_{i-1}} = \operatorname{diag}(1-h_i^2)\,W_h, $$
#
# the slope of tanh at the *new* state, times the matrix. Over several steps these multiply,
#
# $$ \frac{\partial h_t}{\partial h_k} = \operatorname{diag}(1-h_t^2)\,W_h\;\operatorname{diag}(1-h_{t-1}^2)\,W_h\cdots
#    \operatorname{diag}(1-h_{k+1}^2)\,W_h, $$
#
# $t-k$ factors; for $t=k$ the product is empty and equals the identity. Type-check does not help with the order here:
# all factors are square. The states already went through tanh, so the slope is $1-h^2$, not $1-\tanh^2(h)$.


# %% exercise="state_jacobian"
def state_jacobian(hs: Float[Tensor, "states m"], W_h: Float[Tensor, "m m"], t: int, k: int) -> Float[Tensor, "m m"]:
    """Compute ∂h_t/∂h_k = Π_{i=t,…,k+1} diag(1 − h_i²) W_h of an Elman network, the factor of time t leftmost.

    `hs` holds h_0, …, h_T, so that hs[i] is h_i; for t = k the result is the identity.
    Raises ValueError unless 0 <= k <= t <= T. Source: Pascanu, Mikolov and Bengio (2013), equation 5.
    """
    # BEGIN SOLUTION
    if not 0 <= k <= t < len(hs):
        raise ValueError(f"t = {t} and k = {k} must satisfy 0 <= k <= t <= {len(hs) - 1}.")
    product = torch.eye(hs.shape[1], dtype=hs.dtype)
    for h in hs[k + 1 : t + 1]:
        product = (1 - h**2)[:, None] * W_h @ product
    return product
    # END SOLUTION


# %% [markdown]
# ### How large can it get?
#
# In the spectral norm $\lVert A\rVert=\sigma_{\max}(A)$, the largest **singular** value, products satisfy
# $\lVert AB\rVert\le\lVert A\rVert\lVert B\rVert$. If the nonlinearity has slopes of at most $\gamma$ in absolute
# value ($\gamma=1$ for tanh, $\tfrac14$ for the sigmoid), then
# $\lVert\operatorname{diag}(\text{slopes})\rVert\le\gamma$ and
#
# $$ \left\lVert\frac{\partial h_t}{\partial h_k}\right\rVert \;\le\; \bigl(\gamma\,\sigma_{\max}(W_h)\bigr)^{t-k}. $$
#
# So $\sigma_{\max}(W_h)<1/\gamma$ is *sufficient* for the gradient to vanish, geometrically in the lag $t-k$, and
# $\sigma_{\max}(W_h)>1/\gamma$ is *necessary*, not sufficient, for it to explode. Lecture notes often write "the
# largest eigenvalue" here; the standard form is the largest singular value. The difference matters:
# $\left(\begin{smallmatrix}0&10\cr0&0\end{smallmatrix}\right)$ has no eigenvalue but 0, and yet it multiplies a
# gradient by 10 in one step. The modulus of the largest eigenvalue, the spectral radius $\rho$, governs the *long
# run* of a linear unit, $\lVert W^t\rVert^{1/t}\to\rho(W)$ (Gelfand, 1941), and it is never larger than
# $\sigma_{\max}$.


# %% exercise="jacobian_norm_bound"
def jacobian_norm_bound(W_h: Float[Tensor, "m m"], lag: int, slope: float = 1.0) -> float:
    """Compute (slope · σ_max(W_h))^lag, which the spectral norm of ∂h_t/∂h_{t−lag} cannot exceed.

    `slope` is the largest absolute slope of the nonlinearity, 1 for tanh; σ_max is the largest singular value.
    Raises ValueError for a negative lag. Source: Pascanu, Mikolov and Bengio (2013), section 2.1.
    """
    # BEGIN SOLUTION
    if lag < 0:
        raise ValueError(f"the lag must not be negative; it is {lag}.")
    return (slope * torch.linalg.matrix_norm(W_h, ord=2).item()) ** lag
    # END SOLUTION


# %% [markdown]
# ### Direct and indirect terms, one by one
#
# Given the gradient $g=\partial\ell_t/\partial h_t$ of a single loss, carry $\lambda_k=\partial\ell_t/\partial h_k$
# backwards:
#
# $$ \lambda_t = g, \qquad \delta_k = (1-h_k^2)\odot\lambda_k, \qquad
#    \underbrace{\text{term}_k}_{(m, m)} = \delta_k\,h_{k-1}^\top, \qquad \lambda_{k-1} = W_h^\top\delta_k . $$
#
# Look at the norms of the terms in the picture: if the indirect terms of early times are a million times smaller than
# the direct one, the sum does not know what happened then, and neither will the weights.


# %% exercise="bptt_terms"
def bptt_terms(
    gradient: Float[Tensor, " m"], hs: Float[Tensor, "states m"], W_h: Float[Tensor, "m m"]
) -> Float[Tensor, "time m m"]:
    """Compute the t terms ∂ℓ_t/∂h_t · ∂h_t/∂h_k · ∂⁺h_k/∂W_h, k = 1, …, t, whose sum is ∂ℓ_t/∂W_h.

    `gradient` is ∂ℓ_t/∂h_t and `hs` holds h_0, …, h_t with t >= 1. Entry [k − 1] of the result belongs to time k: the
    last one is the direct term, the others are the indirect ones.
    Source: Pascanu, Mikolov and Bengio (2013), section 1.1.
    """
    # BEGIN SOLUTION
    terms = []
    for k in range(len(hs) - 1, 0, -1):
        delta = (1 - hs[k] ** 2) * gradient
        terms.append(torch.outer(delta, hs[k - 1]))
        gradient = W_h.T @ delta
    return torch.stack(terms[::-1])
    # END SOLUTION


# %% [markdown]
# ### Backpropagation through time
#
# Now a loss at *every* time. The network predicts $\hat y_t=W_yh_t+b_y$ and is charged
#
# $$ L = \sum_{t=1}^T \tfrac12\lVert\hat y_t-y_t\rVert^2 . $$
#
# Summing the terms of all losses one by one costs $O(T^2)$. It is enough to go back **once**: at time $t$ add what
# $\ell_t$ says directly to what has come back from all later times, and send the sum on,
#
# $$ e_t = \hat y_t-y_t, \qquad
#    \lambda_t = \underbrace{W_y^\top e_t}_{\text{from }\ell_t}
#    + \underbrace{W_h^\top\delta_{t+1}}_{\text{from the future}},
#    \qquad \delta_t = (1-h_t^2)\odot\lambda_t, \qquad \delta_{T+1}=0, $$
#
# $$ \frac{\partial L}{\partial W_h}=\sum_t\delta_th_{t-1}^\top,\quad
#    \frac{\partial L}{\partial W_x}=\sum_t\delta_tx_t^\top,\quad
#    \frac{\partial L}{\partial b}=\sum_t\delta_t,\quad
#    \frac{\partial L}{\partial W_y}=\sum_te_th_t^\top,\quad
#    \frac{\partial L}{\partial b_y}=\sum_te_t,\quad
#    \frac{\partial L}{\partial h_0}=W_h^\top\delta_1 . $$
#
# | | $x_t$ | $h_t,\lambda_t,\delta_t$ | $\hat y_t, y_t, e_t$ | $W_h$ | $W_x$ | $b$ | $W_y$ | $b_y$ |
# |---|---|---|---|---|---|---|---|---|
# | shape | $(n)$ | $(m)$ | $(p)$ | $(m, m)$ | $(m, n)$ | $(m)$ | $(p, m)$ | $(p)$ |
#
# The forward pass must keep all states: memory grows with $T$.
#
# **What to watch for.** Three slips give a gradient of the right shape that even trains, badly: forgetting the part
# from the future (each loss then sees one step only), pairing $\delta_t$ with $h_t$ instead of $h_{t-1}$, and using
# the slope of the wrong time. Compare with autograd on a sequence of length 1, then 2, then 3: a mistake in the direct
# term shows at once, one in the indirect terms from length 2 on.


# %% exercise="bptt"
def bptt(
    xs: Float[Tensor, "time n"], targets: Float[Tensor, "time p"], h0: Float[Tensor, " m"], params: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Compute the gradient of L = Σ_t ½‖W_y h_t + b_y − y_t‖² for an Elman network by backpropagation through time.

    `params` has the entries "W_h" (m, m), "W_x" (m, n), "b" (m), "W_y" (p, m) and "b_y" (p); the sequence has T >= 1
    steps. The result has a gradient for each of them, of the same shape, and under "h0" that of the initial state.
    Source: Werbos (1990).
    """
    # BEGIN SOLUTION: run forward and keep the states, then go back from the last time to the first
    W_h, W_x, b, W_y, b_y = (params[name] for name in ("W_h", "W_x", "b", "W_y", "b_y"))
    hs = [h0]
    for x in xs:
        hs.append(torch.tanh(W_h @ hs[-1] + W_x @ x + b))
    gradients = {name: torch.zeros_like(value) for name, value in params.items()}
    from_future = torch.zeros_like(h0)
    for t in range(len(xs), 0, -1):
        error = W_y @ hs[t] + b_y - targets[t - 1]
        delta = (1 - hs[t] ** 2) * (W_y.T @ error + from_future)
        gradients["W_y"] += torch.outer(error, hs[t])
        gradients["b_y"] += error
        gradients["W_h"] += torch.outer(delta, hs[t - 1])
        gradients["W_x"] += torch.outer(delta, xs[t - 1])
        gradients["b"] += delta
        from_future = W_h.T @ delta
    return {**gradients, "h0": from_future}
    # END SOLUTION


# %% [markdown]
# ### Truncated backpropagation through time
#
# A sequence of a million steps cannot be kept in memory, and nobody wants to wait for its end before the first update.
# The usual remedy: cut it into consecutive windows of $w$ steps. The **state is carried** from window to window, so the
# forward pass and the loss are what they were; the **gradient is not**: the state that enters a window counts as a
# constant. In torch this is `h = h.detach()` at each cut.
#
# The result is biased: indirect terms that cross a cut are missing, and no dependence longer than $w$ steps is learnt
# on purpose. With $w\ge T$ it is the full gradient, with $w=1$ only the direct terms are left.
#
# **What to watch for.** Carrying no state (starting each window from zeros) trains another network. Carrying the state
# *without* cutting makes torch complain about backpropagating a second time, or eat memory until it dies.


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
    # BEGIN SOLUTION
    if window < 1:
        raise ValueError(f"a window has at least one step; {window} was asked for.")
    W_h, W_x, b, W_y, b_y = (params[name] for name in ("W_h", "W_x", "b", "W_y", "b_y"))
    hs = [h0]
    for x in xs:
        hs.append(torch.tanh(W_h @ hs[-1] + W_x @ x + b))
    gradients = {name: torch.zeros_like(value) for name, value in params.items()}
    from_future = torch.zeros_like(h0)
    for t in range(len(xs), 0, -1):
        if t % window == 0:  # the next time begins a window, and nothing comes back from there
            from_future = torch.zeros_like(h0)
        error = W_y @ hs[t] + b_y - targets[t - 1]
        delta = (1 - hs[t] ** 2) * (W_y.T @ error + from_future)
        gradients["W_y"] += torch.outer(error, hs[t])
        gradients["b_y"] += error
        gradients["W_h"] += torch.outer(delta, hs[t - 1])
        gradients["W_x"] += torch.outer(delta, xs[t - 1])
        gradients["b"] += delta
        from_future = W_h.T @ delta
    return {**gradients, "h0": from_future}
    # END SOLUTION


# %% [markdown]
# ## Vanishing and exploding gradients
#
# A gradient that travels back from time $T$ is multiplied by one step Jacobian $J_t=\partial h_t/\partial h_{t-1}$ per
# step. It is a row vector, and it meets the latest Jacobian first:
#
# $$ \frac{\partial\ell}{\partial h_{T-s}} = \frac{\partial\ell}{\partial h_T}\;J_T\,J_{T-1}\cdots J_{T-s+1} . $$
#
# Its norm against the lag $s$ tells the fate of a network:
#
# * **linear units** ($J_t=W$): if $\sigma_{\max}(W)<1$ it decays geometrically. If $W$ has an eigenvalue $\mu$ with
#   $|\mu|>1$ and eigenvector $v$, then $\lVert gW^s\rVert\ge|\mu|^s|g\cdot v|/\lVert v\rVert$: it **explodes**, for
#   all $g$ that are not orthogonal to $v$. If $W$ is orthogonal, the norm is kept exactly.
# * **tanh units** ($J_t=\operatorname{diag}(1-h_t^2)W_h$): never more than for linear units in the bound above, and
#   much less when the units saturate ($h\approx\pm1$, slope $\approx0$).
# * Between $\rho(W)<1<\sigma_{\max}(W)$ the norm may grow at first and vanish later.
#
# How it looks. *Exploding*: the loss falls nicely, then jumps, or becomes NaN; clip the gradient (last section).
# *Vanishing*: nothing looks wrong at all. The loss falls to what short memory can do, and stays. Plot the norm against
# the lag. (Hochreiter, 1991; Bengio, Simard and Frasconi, 1994.)


# %% exercise="gradient_norms"
def gradient_norms(gradient: Float[Tensor, " m"], jacobians: Float[Tensor, "time m m"]) -> Float[Tensor, "time+1"]:
    """Compute the Euclidean norms of ∂ℓ/∂h_T, ∂ℓ/∂h_{T−1}, …, ∂ℓ/∂h_0, in this order: entry s belongs to lag s.

    `gradient` is ∂ℓ/∂h_T; `jacobians` holds J_1, …, J_T, so that jacobians[t − 1] is ∂h_t/∂h_{t−1}. For T = 0 there is
    one norm. Source: Bengio, Simard and Frasconi (1994).
    """
    # BEGIN SOLUTION
    norms = [gradient.norm()]
    for jacobian in jacobians.flip(0):
        gradient = gradient @ jacobian
        norms.append(gradient.norm())
    return torch.stack(norms)
    # END SOLUTION


# %% [markdown]
# ## Leaky units
#
# If a product of many matrices is the trouble, let every factor be close to the identity. A leaky unit keeps a share
# $\alpha$ of its old state and takes only the rest from the new proposal $\hat h_t$:
#
# $$ \hat h_t = \tanh(W_hh_{t-1}+W_xx_t+b), \qquad h_t = \alpha\,h_{t-1} + (1-\alpha)\,\hat h_t, \qquad
#    \frac{\partial h_t}{\partial h_{t-1}} = \alpha I + (1-\alpha)\operatorname{diag}(1-\hat h_t^2)\,W_h . $$
#
# The first summand is a straight road for the gradient: even where all units saturate, a share $\alpha^s$ arrives at
# lag $s$, and $\alpha$ may be close to 1. The price is inertia: the state follows the input with a time constant of
# about $1/(1-\alpha)$ steps.
#
# **Convention.** Here $\alpha$ is what is *kept*: $\alpha=1$ freezes the state and $\alpha=0$ is the Elman network.
# Much of the literature on reservoir computing calls $1-\alpha$ the *leaking rate* and writes $\alpha$ for it (Jaeger,
# Lukoševičius, Popovici and Siewert, 2007). Check which one a paper means before you copy its constant.

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
    # BEGIN SOLUTION
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is a share between 0 and 1; it is {alpha}.")
    proposal = torch.tanh(h @ W_h.T + x @ W_x.T + b)
    return alpha * h + (1 - alpha) * proposal
    # END SOLUTION


# %% [markdown]
# ### Its Jacobian
#
# The slope of tanh is taken at the proposal $\hat h_t$, the output of the tanh, and not at the mixture $h_t$.


# %% exercise="leaky_jacobian"
def leaky_jacobian(proposal: Float[Tensor, " m"], W_h: Float[Tensor, "m m"], alpha: float) -> Float[Tensor, "m m"]:
    """Compute ∂h_t/∂h_{t−1} = α I + (1 − α) diag(1 − ĥ_t²) W_h of a leaky unit.

    `proposal` is ĥ_t = tanh(W_h h_{t−1} + W_x x_t + b). Source: Jaeger, Lukoševičius, Popovici and Siewert (2007).
    """
    # BEGIN SOLUTION
    slope = 1 - proposal**2
    return alpha * torch.eye(len(proposal), dtype=W_h.dtype) + (1 - alpha) * slope[:, None] * W_h
    # END SOLUTION


# %% [markdown]
# ## Long short-term memory
#
# A leaky unit forgets at a fixed rate. The LSTM lets the network decide, for each unit and each time, what to keep. It
# has two states: the **cell** $c_t$, which is the memory, and the **hidden state** $h_t$, which is what the rest of the
# network sees. Three gates with values in $(0, 1)$ protect the cell:
#
# $$ \begin{aligned}
#    i_t &= \sigma(W_i\,[h_{t-1}, x_t] + b_i) && \text{input gate: which cells may be written} \\
#    f_t &= \sigma(W_f\,[h_{t-1}, x_t] + b_f) && \text{forget gate: what to keep of the old cell} \\
#    g_t &= \tanh(W_g\,[h_{t-1}, x_t] + b_g)  && \text{candidate: what to write} \\
#    o_t &= \sigma(W_o\,[h_{t-1}, x_t] + b_o) && \text{output gate: what to show} \\
#    c_t &= f_t\odot c_{t-1} + i_t\odot g_t, \qquad h_t = o_t\odot\tanh(c_t).
#    \end{aligned} $$
#
# Lecture notes often call the matrix of the candidate $W_q$ and leave out the biases; the standard form is $W_g$, and
# every gate has a bias. It matters: with $b_f=1$ or 2 at the start the forget gate is mostly open, and the network can
# learn long memories from the first step on (Gers, Schmidhuber and Cummins, 2000; Jozefowicz, Zaremba and Sutskever,
# 2015).
#
# **Shapes and order.** All four are computed at once. `W_h` has shape $(4m, m)$, `W_x` shape $(4m, n)$, `b` shape
# $(4m)$, and their rows are stacked in the order **i, f, g, o**, torch's order. (Other libraries stack i, f, o, g or f,
# i, g, o: weights copied between them load without complaint and compute nonsense.) torch's `LSTMCell` has two biases
# again; `b` is their sum.
#
# **Why it helps.** With the gates held fixed, $\partial c_t/\partial c_{t-1}=\operatorname{diag}(f_t)$: no matrix, no
# tanh. Where $f=1$ the error flows back undiminished for as long as the network likes, the "constant error carousel";
# where $i=0$ nothing overwrites the memory meanwhile. (In the paper of 1997 there is no forget gate, $f=1$ throughout;
# it was added by Gers, Schmidhuber and Cummins.)
#
# **What to watch for.** $h_t$ uses the *new* cell, and goes through tanh *and* the output gate. $h$ lies between
# −1 and 1, $c$ need not. The gates are sigmoids; only the candidate is a tanh.


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
    # BEGIN SOLUTION
    i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
    # END SOLUTION


# %% [markdown]
# ### The LSTM over a sequence
#
# Shapes: $(T, \dots, n)$ and twice $(\dots, m)$ give twice $(T, \dots, m)$, the hidden states and the cells, both from
# time 1 on. Both states must be carried: forget to pass the cell on and you have an expensive Elman network, which
# trains and remembers little. (torch's `LSTM` returns all hidden states but only the last cell; here you see the memory
# at work.) With $f=1$ and $i=0$ both the cell and the gradient in it survive a thousand steps unchanged; in a product
# of a thousand matrices nothing would.


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
    # BEGIN SOLUTION
    h, c = h0, c0
    hs, cs = [], []
    for x in xs:
        i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        cs.append(c)
    empty = h0.new_zeros(0, *h0.shape)
    return (torch.stack(hs), torch.stack(cs)) if hs else (empty, empty)
    # END SOLUTION


# %% [markdown]
# ## Clipping the gradient
#
# Gates fight the vanishing gradient. Against the exploding one there is a blunt and good remedy: limit the length of
# the step and keep its direction,
#
# $$ g \leftarrow \begin{cases} g & \text{if } \lVert g\rVert\le k,\\ \dfrac{k}{\lVert g\rVert}\,g & \text{otherwise,}
#    \end{cases}
#    \qquad\text{then}\quad \theta\leftarrow\theta-\eta\,g . $$
#
# A network has many parameter tensors, and $g$ is **all of them together**:
# $\lVert g\rVert^2=\sum_j\lVert g_j\rVert^2$, one norm and one factor for the whole list. Clipping each tensor by
# its own norm, or each entry to $[-k, k]$, bends the direction: another method.
#
# **What to watch for.** A gradient of zero has no direction: $0/0$ is NaN. And clipping cannot repair a gradient
# that already holds an infinity or a NaN: $\infty\cdot0$ is NaN. Log the norm *before* clipping; if it is above $k$ at
# nearly every step, $k$ is a learning rate in disguise.


# %% exercise="clip_gradient"
def clip_gradient(gradients: list[Tensor], k: float) -> list[Tensor]:
    """Scale a list of gradients by min(1, k / ‖g‖), where ‖g‖ is the Euclidean norm of all their entries together.

    Returns new tensors (or the old ones, if nothing is clipped) of the same shapes and dtypes in the same order; the
    given ones are not changed. Raises ValueError unless k > 0. Source: Pascanu, Mikolov and Bengio (2013), algorithm 1.
    """
    # BEGIN SOLUTION
    if not k > 0:
        raise ValueError(f"the largest norm must be positive; it is {k}.")
    norm = sum(gradient.square().sum().item() for gradient in gradients) ** 0.5
    if norm <= k:
        return list(gradients)
    return [gradient * (k / norm) for gradient in gradients]
    # END SOLUTION


# %% [markdown]
# ## The picture
#
# All three panels are on a logarithmic scale, where a geometric decay is a straight line.
#
# * **Left**: one loss at the end of a sequence of 100 steps; how much of its gradient arrives $s$ steps earlier in an
#   Elman network, a leaky one and an LSTM, all with the same inputs and random weights of the same size. The LSTM's
#   Jacobian is taken with respect to both its states.
# * **Middle**: the norm of $\partial h_t/\partial h_{t-s}$ for three sizes of $W_h$, with its bound
#   $\sigma_{\max}(W_h)^s$ dashed. The bound is never crossed, and tanh is kinder than it.
# * **Right**: the norms of the direct term (lag 0) and the indirect ones, for linear-looking (small) and saturated
#   (large) states.


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
