# %% [markdown]
# # 10 · Normalizing flows
#
# A normalizing flow is an invertible map $f$ that turns data into noise of a known density, usually
# $\mathcal N(0, I)$. Read forwards it *normalizes*: it gives the exact likelihood of any $x$, with no bound
# and no adversary. Read backwards it *generates*: draw noise, undo $f$. A variational autoencoder has a
# latent space and a lower bound; an autoregressive model has a likelihood and no latent space; a flow has
# both. The price: $f$ must be a bijection, so the latent space has as many dimensions as the data, and its
# Jacobian's determinant must be cheap.
#
# **One direction, kept throughout.** Here $f: x \mapsto z$ goes from data to noise, as in NICE, RealNVP and
# Glow.
#
# | | maps | returns |
# |---|---|---|
# | `forward` | $x \mapsto z = f(x)$ | `(z, log_det)`, `log_det` of shape `(batch,)` |
# | `inverse` | $z \mapsto x = f^{-1}(z)$ | `x` |
#
# `log_det` is $\log\lvert\det \partial z/\partial x\rvert$, one number for each sample, also for images.
# A *flow* is the pair `(forward, inverse)`. Lecture notes often write $x = f(z)$ and then draw each layer
# from $x$ to $y$, so that the sign of the log-determinant changes with the page. Both are correct when kept:
# with $x = g(z)$, $g = f^{-1}$, the term is $-\log\lvert\det \partial g/\partial z\rvert$, which is the same
# number. Before you use somebody's code, find out which of the two its `forward` is.
#
# **What holds throughout.** A batch may be empty, and the dtype of results is that of the inputs. What a flow computes
# from $x$ is trained, so it is made of torch operations that autograd can follow; `jacobian_log_det`,
# `triangular_log_det` and `planar_inverse`, with which one only looks, need not be.
#
# ## Change of variables
# Let $p_Z$ be a density and $z = f(x)$. Probability is conserved: a small cube of volume $\mathrm dV$ around
# $x$ becomes a parallelepiped of volume $\lvert\det J_f(x)\rvert\mathrm dV$ around $f(x)$, and both hold
# the same mass. So
# $$p_X(x) = p_Z(f(x))\,\lvert\det J_f(x)\rvert, \qquad J_f(x) = \frac{\partial f(x)}{\partial x} \in \mathbb
# R^{d\times d}.$$
# For a chain $h_0 = x$, $h_k = f_k(h_{k-1})$, $z = h_m$ the chain rule multiplies Jacobians, and logarithms
# add:
# $$\log p_X(x) = \log p_Z(z) + \sum_{k=1}^m \log\lvert\det \partial h_k/\partial h_{k-1}\rvert.$$
# Every Jacobian is taken at the layer's *own input* $h_{k-1}$. (Lecture notes often write $J_x f_k(x)$ in the
# product; that is the Jacobian at the wrong point.)
#
# **What to watch for.** A wrong sign of the log-determinant still trains, and the loss still falls, towards a
# flow that squeezes all data into one point: the reported likelihood grows without end. The remedy is never
# to trust a loss: check that the density integrates to 1, that `inverse(forward(x))` is `x`, and that
# `log_det` is that of the Jacobian that autograd gives. Those three checks are the laws of this topic.
#
# References: Tabak and Vanden-Eijnden (2010); Rezende and Mohamed, *Variational inference with normalizing
# flows* (2015); Papamakarios et al., *Normalizing flows for probabilistic modeling and inference* (2021).

# %%
import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

# A flow: forward(x) -> (z, log_det) and inverse(z) -> x.
Flow = tuple[Callable[[Tensor], tuple[Tensor, Tensor]], Callable[[Tensor], Tensor]]

# %% [markdown]
# ## Determinants that are cheap
# A general determinant costs $O(d^3)$; for an image of $d = 3\cdot 64\cdot 64$ that is $10^{12}$ operations
# per sample and layer. Flows are built from maps whose determinants are nearly free. All of them are computed
# as $\log\lvert\det\rvert$: the determinant itself leaves the range of floating-point numbers as soon as $d$
# is a few hundred ($0.1^{400}$ is 0), and the sign does not matter, since a volume is scaled by
# $\lvert\det\rvert$.
#
# ### log_det_inverse
# $\det(A)\det(A^{-1}) = \det(I) = 1$, so $\log\lvert\det A^{-1}\rvert = -\log\lvert\det A\rvert$: running a
# layer backwards only flips the sign, and no inverse has to be computed. A singular $A$ has
# $\log\lvert\det A\rvert = -\infty$.

# %% exercise="log_det_inverse"
def log_det_inverse(matrix: Float[Tensor, "*batch d d"]) -> Float[Tensor, "*batch"]:
    """The log-determinant of the inverse of each matrix.

    log|det A⁻¹| = −log|det A|, without overflow for large d; +∞ for a singular A.
    matrix: (*batch, d, d) -> (*batch,).
    Raises ValueError if the last two sides differ.
    """
    # BEGIN SOLUTION: never form the determinant itself
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"only a square matrix has a determinant, this one has shape {tuple(matrix.shape)}")
    return -torch.linalg.slogdet(matrix).logabsdet
    # END SOLUTION


# %% [markdown]
# ### rank_one_log_det
# The *matrix determinant lemma*: $\det(I + hu w^\top) = 1 + hw^\top u$. The matrix moves vectors only
# along $u$, by an amount that depends only on their component along $w$: of its $d$ eigenvalues $d - 1$ are
# 1, and the last, with eigenvector $u$, is $1 + hw^\top u$. That is $O(d)$ instead of $O(d^3)$. Mind the
# absolute value: $1 + hw^\top u$ may be negative.

# %% exercise="rank_one_log_det"
def rank_one_log_det(
    u: Float[Tensor, "*batch d"], w: Float[Tensor, "*batch d"], h: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch"]:
    """The log-determinant of a rank-one change of the identity (matrix determinant lemma).

    log|det(I + h u wᵀ)| = log|1 + h wᵀu|.
    u, w: (*batch, d); h: (*batch,), a factor for each pair -> (*batch,).
    Source: Rezende and Mohamed (2015), section 4.1.
    """
    # BEGIN SOLUTION
    return (1 + h * (u * w).sum(dim=-1)).abs().log()
    # END SOLUTION


# %% [markdown]
# ### triangular_log_det
# The determinant of a triangular matrix is the product of its diagonal, whichever triangle is filled. Nearly
# every layer below has a triangular Jacobian, if its variables are put in the right order. This is a
# convenience, not a condition (notes often say that the Jacobian *must* be triangular): planar flows and 1×1
# convolutions are not triangular and cheap all the same.

# %% exercise="triangular_log_det"
def triangular_log_det(matrix: Float[Tensor, "*batch d d"]) -> Float[Tensor, "*batch"]:
    """The log-determinant of each triangular matrix, upper or lower.

    log|det T| = Σᵢ log|Tᵢᵢ|, without overflow for large d.
    matrix: (*batch, d, d) -> (*batch,).
    Raises ValueError if the last two sides differ.
    """
    # BEGIN SOLUTION
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"only a square matrix has a determinant, this one has shape {tuple(matrix.shape)}")
    return matrix.diagonal(dim1=-2, dim2=-1).abs().log().sum(dim=-1)
    # END SOLUTION


# %% [markdown]
# ### jacobian_log_det
# The slow way that checks all the fast ones: let autograd write down the Jacobian of any function, then take
# $\log\lvert\det\rvert$. Use it on your own layers below. `function` works on batches and treats every sample
# by itself. Events may have any shape: a batch of images `(batch, C, H, W)` has Jacobians of
# $CHW \times CHW$.
#
# `torch.autograd.functional.jacobian(function, x)` of a batch has shape `(batch, *event, batch, *event)`, and
# nearly all of it is zero: sample 3 does not depend on sample 5. Either go through the batch one by one, or
# think about what the Jacobian of the sum over the batch is.

# %% exercise="jacobian_log_det"
def jacobian_log_det(
    function: Callable[[Tensor], Tensor], x: Float[Tensor, "batch *event"]
) -> Float[Tensor, "batch"]:
    """The log-determinant of the Jacobian of `function` at every sample, by autograd.

    out[n] = log|det ∂function(x)[n] / ∂x[n]|, with the event flattened; −∞ where the Jacobian is singular.
    function: (batch, *event) -> (batch, *event), sample by sample; x: (batch, *event) -> (batch,).
    """
    # BEGIN SOLUTION: torch.autograd.functional.jacobian, then torch.linalg.slogdet
    size = math.prod(x.shape[1:])
    # Summed over the batch, output i still depends on every sample, but on each through its own Jacobian only.
    jacobians = torch.autograd.functional.jacobian(lambda batch: function(batch).sum(dim=0), x)
    jacobians = jacobians.reshape(size, x.shape[0], size).transpose(0, 1)  # (batch, outputs, inputs)
    return torch.linalg.slogdet(jacobians).logabsdet
    # END SOLUTION


# %% [markdown]
# ### change_of_variables
# The formula above in logarithms. For $z = ax + b$ and $p_Z = \mathcal N(0,1)$ it gives
# $\mathcal N(-b/a, 1/a^2)$: where the map stretches ($\lvert a\rvert > 1$) the data were dense. If you get
# $\mathcal N(b, a^2)$, you have used the inverse.

# %% exercise="change_of_variables"
def change_of_variables(
    log_pz: Callable[[Tensor], Tensor],
    forward: Callable[[Tensor], tuple[Tensor, Tensor]],
    x: Float[Tensor, "batch *event"],
) -> Float[Tensor, "batch"]:
    """The log-density of data x whose image z = f(x) has log-density `log_pz`.

    log p_X(x) = log p_Z(f(x)) + log|det ∂f/∂x|.
    log_pz: z -> (batch,); forward: x -> (z, log_det) with log_det of shape (batch,); x: (batch, *event) -> (batch,).
    Source: Rezende and Mohamed (2015), equation 5.
    """
    # BEGIN SOLUTION
    z, log_det = forward(x)
    return log_pz(z) + log_det
    # END SOLUTION


# %% [markdown]
# ## Coupling layers
# Split the input into $x_A$ and $x_B$. Leave $x_B$ alone and transform $x_A$ by a map that is invertible for
# every setting of its parameters, with parameters computed from $x_B$ by any network $\beta$:
# $$z_A = h(x_A, \beta(x_B)), \qquad z_B = x_B, \qquad\qquad x_A = h^{-1}(z_A, \beta(z_B)), \qquad x_B =
# z_B.$$
# The inverse can ask the same network the same question, because $z_B = x_B$ is still there. So $\beta$
# itself is never inverted: it may be deep, and need not be a bijection. The Jacobian is triangular in blocks,
# $$\frac{\partial(z_A, z_B)}{\partial(x_A, x_B)} = \begin{bmatrix} \partial h/\partial x_A & \ast \\ 0 &
# I\end{bmatrix}, \qquad \det = \det \partial h/\partial x_A,$$
# and the block $\ast$, which holds the network's derivatives, does not matter. One layer leaves $x_B$ as it
# was, hence consecutive layers swap the roles; with two layers everything has been transformed, with three or
# four everything can depend on everything.
#
# **What to watch for.** If the network sees even one entry of $x_A$, the layer runs, trains, and samples
# garbage: it can no longer be inverted and its `log_det` is wrong.
#
# ### additive_coupling
# NICE: $z_A = x_A + \beta(x_B)$. The Jacobian's diagonal is all ones: volume is preserved and `log_det` is
# exactly 0. A flow of such layers alone can bend a density, but not concentrate it, which is why NICE ends
# with one diagonal scaling. Here $A$ is the first half of the last axis and $B$ the second.

# %% exercise="additive_coupling"
def additive_coupling(
    x: Float[Tensor, "batch d"], network: Callable[[Tensor], Tensor]
) -> tuple[Float[Tensor, "batch d"], Float[Tensor, "batch"]]:
    """The additive coupling layer of NICE, from x to (z, log_det).

    z_A = x_A + network(x_B), z_B = x_B, where A is the first half of the entries and B the second; log_det = 0.
    x: (batch, d), d even; network: (batch, d/2) -> (batch, d/2); z: (batch, d); log_det: (batch,).
    Raises ValueError if d is odd.
    Source: Dinh, Krueger and Bengio, NICE (2015), section 3.
    """
    # BEGIN SOLUTION
    if x.shape[-1] % 2:
        raise ValueError(f"d must be even to be split into halves, it is {x.shape[-1]}")
    x_a, x_b = x.chunk(2, dim=-1)  # each (batch, d/2)
    z = torch.cat([x_a + network(x_b), x_b], dim=-1)
    return z, x.new_zeros(x.shape[0])
    # END SOLUTION


def additive_coupling_inverse(
    z: Float[Tensor, "batch d"], network: Callable[[Tensor], Tensor]
) -> Float[Tensor, "batch d"]:
    """The x that `additive_coupling` maps to z: x_A = z_A − network(z_B), x_B = z_B."""
    # BEGIN SOLUTION
    z_a, z_b = z.chunk(2, dim=-1)
    return torch.cat([z_a - network(z_b), z_b], dim=-1)
    # END SOLUTION


# %% [markdown]
# ### checkerboard_mask
# RealNVP splits images by masks of zeros and ones; here, as there, **1 passes through, 0 is transformed**.
# The checkerboard alternates in space: each pixel that is transformed sees its four neighbours. `parity`
# chooses between the two complementary boards. Masks are of torch's default type (float32): times a float32
# image that stays float32, times a float64 image it becomes float64.

# %% exercise="checkerboard_mask"
def checkerboard_mask(height: int, width: int, parity: int) -> Float[Tensor, "height width"]:
    """The mask that is 1 where row + column has the given parity, else 0.

    mask[i, j] = 1 if (i + j) mod 2 = parity else 0; float32; broadcasts against (batch, C, height, width).
    parity: 0 (top left corner passes through) or 1 (it is transformed). Raises ValueError for any other parity.
    Source: Dinh, Sohl-Dickstein and Bengio, RealNVP (2017), section 3.4 (where parity is 1).
    """
    # BEGIN SOLUTION
    if parity not in (0, 1):
        raise ValueError(f"parity must be 0 or 1, not {parity}")
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    return ((rows + columns) % 2 == parity).float()
    # END SOLUTION


# %% [markdown]
# ### channel_mask
# After a squeeze (below) there are enough channels to split these instead. The shape `(C, 1, 1)` broadcasts
# over height and width; a mask of shape `(C,)` would broadcast over the *width*, silently if $W = C$.

# %% exercise="channel_mask"
def channel_mask(channels: int, parity: int) -> Float[Tensor, "channels 1 1"]:
    """The mask that is 1 on half of the channels: on the first half for parity 1, on the second for parity 0.

    Float32, of shape (channels, 1, 1); broadcasts against (batch, channels, H, W).
    Raises ValueError if `channels` is odd or parity is neither 0 nor 1.
    Source: Dinh, Sohl-Dickstein and Bengio, RealNVP (2017), section 3.4 (where parity is 1).
    """
    # BEGIN SOLUTION
    if channels % 2 or parity not in (0, 1):
        raise ValueError(f"need an even number of channels and parity 0 or 1, not {channels} and {parity}")
    first_half = torch.arange(channels) < channels // 2
    return (first_half == bool(parity)).float()[:, None, None]
    # END SOLUTION


# %% [markdown]
# ### squeeze
# A squeeze trades space for channels, $C\times H\times W \to 4C\times H/2\times W/2$: every 2×2 block of
# pixels becomes four channels of one pixel. It is a permutation of the entries, so it is a bijection with
# `log_det` 0. The order of the channels is a convention; this is ours (and that of `pixel_unshuffle` in
# torch):
# $$z[4c + 2i + j,\; h,\; w] = x[c,\; 2h + i,\; 2w + j], \qquad i, j \in \{0, 1\}.$$
# Shapes on the way: `(B, C, H/2, 2, W/2, 2)` → `(B, C, 2, 2, H/2, W/2)` → `(B, 4C, H/2, W/2)`. **What to
# watch for.** One `reshape` from the first shape to the last runs and returns the right shape, but it does
# not keep blocks together.

# %% exercise="squeeze"
def squeeze(x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch 4*c h//2 w//2"]:
    """Every 2×2 block of pixels as four channels.

    z[n, 4c + 2i + j, h, w] = x[n, c, 2h + i, 2w + j].
    x: (batch, C, H, W) -> (batch, 4C, H/2, W/2). Raises ValueError if H or W is odd.
    Source: Dinh, Sohl-Dickstein and Bengio, RealNVP (2017), section 3.6.
    """
    # BEGIN SOLUTION: two reshapes with a permute between them
    batch, channels, height, width = x.shape
    if height % 2 or width % 2:
        raise ValueError(f"height and width must be even to be squeezed, they are {height} and {width}")
    blocks = x.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return blocks.permute(0, 1, 3, 5, 2, 4).reshape(batch, 4 * channels, height // 2, width // 2)
    # END SOLUTION


def unsqueeze(z: Float[Tensor, "batch 4*c h w"]) -> Float[Tensor, "batch c 2*h 2*w"]:
    """The image that `squeeze` maps to z: (batch, 4C, H, W) -> (batch, C, 2H, 2W).

    Raises ValueError if the number of channels is not a multiple of 4.
    """
    # BEGIN SOLUTION
    batch, channels, height, width = z.shape
    if channels % 4:
        raise ValueError(f"the number of channels must be a multiple of 4, it is {channels}")
    blocks = z.reshape(batch, channels // 4, 2, 2, height, width)
    return blocks.permute(0, 1, 4, 2, 5, 3).reshape(batch, channels // 4, 2 * height, 2 * width)
    # END SOLUTION


# %% [markdown]
# ### affine_coupling
# RealNVP scales as well as shifts. With a mask $b$ and two networks $s$ and $t$ that see only $b \odot x$,
# $$z = b\odot x + (1-b)\odot\bigl(x\odot \exp(s(b\odot x)) + t(b\odot x)\bigr), \qquad \log\lvert\det\rvert =
# \sum_i (1-b_i)\,s_i(b\odot x).$$
# $\exp$ keeps the factor positive, so the layer is invertible whatever the network says, and makes the
# determinant a sum. The sum runs over all axes but the batch, and only over entries that are transformed.
# **What to watch for.** The networks also return numbers where the mask is 1; these mean nothing and must not
# reach the result. `(1 - b) * exp(s)` is NaN where $b = 1$ and $\exp(s)$ overflows ($0\cdot\infty$): mask $s$
# before the exponential.

# %% exercise="affine_coupling"
def affine_coupling(
    x: Float[Tensor, "batch *event"],
    mask: Float[Tensor, "..."],
    scale: Callable[[Tensor], Tensor],
    shift: Callable[[Tensor], Tensor],
) -> tuple[Float[Tensor, "batch *event"], Float[Tensor, "batch"]]:
    """The masked affine coupling layer of RealNVP, from x to (z, log_det).

    z = b⊙x + (1−b)⊙(x⊙exp(s(b⊙x)) + t(b⊙x)) and log_det = Σ (1−b)⊙s(b⊙x), with b = mask, s = scale, t = shift.
    x: (batch, *event); mask: zeros and ones, broadcasts against the event; scale, shift: (batch, *event) ->
    (batch, *event); z: (batch, *event); log_det: (batch,). What the networks return where b = 1 is ignored.
    Source: Dinh, Sohl-Dickstein and Bengio, RealNVP (2017), equation 9.
    """
    # BEGIN SOLUTION: mask what the networks return before using it
    log_scale = (1 - mask) * scale(mask * x)  # (batch, *event)
    z = x * log_scale.exp() + (1 - mask) * shift(mask * x)
    return z, log_scale.flatten(start_dim=1).sum(dim=1)
    # END SOLUTION


def affine_coupling_inverse(
    z: Float[Tensor, "batch *event"],
    mask: Float[Tensor, "..."],
    scale: Callable[[Tensor], Tensor],
    shift: Callable[[Tensor], Tensor],
) -> Float[Tensor, "batch *event"]:
    """The x that `affine_coupling` maps to z: x = b⊙z + (1−b)⊙(z − t(b⊙z))⊙exp(−s(b⊙z))."""
    # BEGIN SOLUTION
    log_scale = (1 - mask) * scale(mask * z)
    return (z - (1 - mask) * shift(mask * z)) * (-log_scale).exp()
    # END SOLUTION


# %% [markdown]
# ### compose
# Flows compose: forwards in order, adding up the log-determinants; backwards **in reverse order**, as one
# takes off shoes before socks. The composition is again a pair `(forward, inverse)`, so it can be composed
# further. No flows at all compose to the identity.

# %% exercise="compose"
def compose(flows: Sequence[Flow]) -> Flow:
    """One flow that applies `flows` one after the other, the first of the list first.

    forward(x) = (f_m(…f_1(x)), Σ_k log_det_k) and inverse(z) = f_1⁻¹(…f_m⁻¹(z)).
    flows: pairs (forward, inverse), forward: (batch, *event) -> ((batch, *event), (batch,)), inverse: (batch,
    *event) -> (batch, *event). Returns such a pair of functions; for an empty list the identity, with log_det = 0.
    Source: Rezende and Mohamed (2015), equations 6 and 7.
    """
    # BEGIN SOLUTION: define two functions in here and return both
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        log_det = x.new_zeros(x.shape[0])
        for layer, _ in flows:
            x, layer_log_det = layer(x)
            log_det = log_det + layer_log_det
        return x, log_det

    def inverse(z: Tensor) -> Tensor:
        for _, undo in reversed(flows):
            z = undo(z)
        return z

    return forward, inverse
    # END SOLUTION


# %% [markdown]
# ### real_nvp
# A whole flow for vectors, written with plain tensors so that it can be trained below. Layer
# $k = 0, 1, 2, \dots$ has parameters $(W_1, b_1, W_2, b_2)$ and two halves of the entries. In even layers
# ($k = 0, 2, …$) the first half is transformed, in odd layers the second:
# $$ a = W_2\tanh(W_1 x_B + b_1) + b_2, \qquad s = \tanh(a_{:d/2}), \quad t = a_{d/2:}, \qquad z_A = x_A\odot
# e^{s} + t, \quad z_B = x_B.$$
# Shapes: $x_B$ `(batch, d/2)` → hidden `(batch, hidden)` → $a$ `(batch, d)` → $s, t$ `(batch, d/2)`. The
# $\tanh$ around $s$ bounds the stretch of a layer to $[1/e, e]$. Without it one large step of the optimiser
# makes $e^s$ overflow, which is how RealNVPs usually die (the loss jumps, then is NaN for ever). The entries
# keep their places: the result is put together in the order of the input.

# %% exercise="real_nvp"
def real_nvp(
    x: Float[Tensor, "batch d"], layers: Sequence[Sequence[Tensor]]
) -> tuple[Float[Tensor, "batch d"], Float[Tensor, "batch"]]:
    """A stack of affine coupling layers with alternating halves, from x to (z, log_det).

    In layer k, A is the first half if k is even, else the second, and B the other. With a = W₂ tanh(W₁ x_B + b₁) + b₂,
    s = tanh(first half of a), t = second half of a: z_A = x_A ⊙ exp(s) + t, z_B = x_B, log_det gains Σ s.
    x: (batch, d), d even; layers: of each W₁ (hidden, d/2), b₁ (hidden,), W₂ (d, hidden), b₂ (d,);
    z: (batch, d); log_det: (batch,).
    Source: Dinh, Sohl-Dickstein and Bengio, RealNVP (2017), sections 3.2 and 3.5.
    """
    # BEGIN SOLUTION
    halves = list(x.chunk(2, dim=-1))
    log_det = x.new_zeros(x.shape[0])
    for k, (w1, b1, w2, b2) in enumerate(layers):
        changes = k % 2
        hidden = torch.tanh(halves[1 - changes] @ w1.T + b1)  # (batch, hidden)
        s, t = (hidden @ w2.T + b2).chunk(2, dim=-1)  # each (batch, d/2)
        s = torch.tanh(s)
        halves[changes] = halves[changes] * s.exp() + t
        log_det = log_det + s.sum(dim=-1)
    return torch.cat(halves, dim=-1), log_det
    # END SOLUTION


def real_nvp_inverse(z: Float[Tensor, "batch d"], layers: Sequence[Sequence[Tensor]]) -> Float[Tensor, "batch d"]:
    """The x that `real_nvp` maps to z: the layers undone from the last to the first."""
    # BEGIN SOLUTION
    halves = list(z.chunk(2, dim=-1))
    for k, (w1, b1, w2, b2) in reversed(list(enumerate(layers))):
        changes = k % 2
        hidden = torch.tanh(halves[1 - changes] @ w1.T + b1)
        s, t = (hidden @ w2.T + b2).chunk(2, dim=-1)
        halves[changes] = (halves[changes] - t) * (-torch.tanh(s)).exp()
    return torch.cat(halves, dim=-1)
    # END SOLUTION


# %% [markdown]
# ## Planar flows
# $z = x + u\tanh(w^\top x + b)$ pushes everything along the one direction $u$, by an amount that depends on
# the side of the hyperplane $w^\top x + b = 0$ on which it lies. With $a = w^\top x + b$ the Jacobian is
# $I + \tanh'(a)u w^\top$, and the matrix determinant lemma gives
# $$\log\lvert\det\rvert = \log\lvert 1 + \tanh'(a)\,w^\top u\rvert, \qquad \tanh' = 1 - \tanh^2 \in (0, 1].$$
#
# **Invertible if and only if $w^\top u \ge -1$.** Only $\alpha = w^\top x$ decides where a point goes, and
# $w^\top z = \alpha + w^\top u\tanh(\alpha + b)$ increases with $\alpha$ for all $\alpha$ exactly if
# $w^\top u \ge -1$; below that, the plane folds over. The fold is not visible in the loss:
# $\log\lvert\cdot\rvert$ stays finite nearly everywhere.
#
# (Rezende and Mohamed use planar flows in the other direction, from noise to latent variables of a VAE, and
# therefore subtract the term.)
#
# ### planar_flow

# %% exercise="planar_flow"
def planar_flow(
    x: Float[Tensor, "batch d"], u: Float[Tensor, "d"], w: Float[Tensor, "d"], b: Float[Tensor, ""]
) -> tuple[Float[Tensor, "batch d"], Float[Tensor, "batch"]]:
    """The planar flow, from x to (z, log_det).

    z = x + u tanh(wᵀx + b) and log_det = log|1 + (1 − tanh²(wᵀx + b)) wᵀu|.
    x: (batch, d); u, w: (d,); b: (); z: (batch, d); log_det: (batch,).
    Source: Rezende and Mohamed (2015), equations 10 to 12.
    """
    # BEGIN SOLUTION
    bend = torch.tanh(x @ w + b)  # (batch,)
    z = x + bend[:, None] * u
    return z, (1 + (1 - bend**2) * (w @ u)).abs().log()
    # END SOLUTION


# %% [markdown]
# ### planar_constraint
# To train $u$ freely and still have a bijection, move it along $w$ as far as needed:
# $$\hat u = u + \bigl(m(w^\top u) - w^\top u\bigr)\frac{w}{\lVert w\rVert^2}, \qquad m(a) = -1 + \log(1 +
# e^a),$$
# so that $w^\top\hat u = m(w^\top u) \ge -1$. For large $a$ compute $\log(1+e^a)$ without $e^a$ (it overflows
# at $a = 710$). Note that $\hat u \neq u$ even where $u$ was fine: $m$ is smooth, and close to $a - 1$ for
# large $a$.

# %% exercise="planar_constraint"
def planar_constraint(u: Float[Tensor, "d"], w: Float[Tensor, "d"]) -> Float[Tensor, "d"]:
    """The vector û, u moved along w, with which the planar flow is invertible.

    û = u + (m(wᵀu) − wᵀu) w / ‖w‖² with m(a) = −1 + log(1 + eᵃ); hence wᵀû = m(wᵀu) ≥ −1. Finite for all finite wᵀu.
    u, w: (d,), w ≠ 0 -> (d,).
    Source: Rezende and Mohamed (2015), appendix A.1.
    """
    # BEGIN SOLUTION
    along = w @ u
    wanted = F.softplus(along, threshold=40) - 1
    return u + (wanted - along) * w / (w @ w)
    # END SOLUTION


# %% [markdown]
# ### planar_inverse
# There is no formula for the inverse, yet it is one-dimensional. Multiply $z = x + u\tanh(w^\top x + b)$ by
# $w^\top$:
# $$\alpha + w^\top u\,\tanh(\alpha + b) = w^\top z, \qquad \alpha = w^\top x.$$
# The left side increases, so bisection finds $\alpha$ for certain: since $\lvert\tanh\rvert \le 1$, it lies
# within $\lvert w^\top u\rvert$ of $w^\top z$. Halve that interval until floating point has nothing left to
# halve, then $x = z - u\tanh(\alpha + b)$. (Newton's method is faster but can be thrown off where the slope
# $1 + \tanh'(\alpha+b)w^\top u$ is nearly 0; guard it.)

# %% exercise="planar_inverse"
def planar_inverse(
    z: Float[Tensor, "batch d"], u: Float[Tensor, "d"], w: Float[Tensor, "d"], b: Float[Tensor, ""]
) -> Float[Tensor, "batch d"]:
    """The x that the planar flow maps to z, to machine precision.

    x = z − u tanh(α + b), where α solves α + wᵀu tanh(α + b) = wᵀz.
    z: (batch, d); u, w: (d,); b: () -> (batch, d).
    Raises ValueError if wᵀu < −1, where the flow is not invertible.
    Source: Rezende and Mohamed (2015), appendix A.1.
    """
    # BEGIN SOLUTION: bisection on α, for the whole batch at once
    slope = w @ u
    if slope < -1:
        raise ValueError(f"the flow is invertible only if wᵀu >= -1, and wᵀu = {slope.item():.4g}")
    goal = z @ w  # (batch,)
    low, high = goal - slope.abs(), goal + slope.abs()
    for _ in range(80):
        middle = (low + high) / 2
        too_low = middle + slope * torch.tanh(middle + b) < goal
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    return z - torch.tanh((low + high) / 2 + b)[:, None] * u
    # END SOLUTION


# %% [markdown]
# ## Glow
# Glow replaces RealNVP's batch normalisation and fixed permutations. One *step of flow* is, from data to
# noise and in this order: actnorm, invertible 1×1 convolution, affine coupling. $K$ steps make a level, and
# $L$ levels the model, with a squeeze before each level and a split after each but the last. Every image in
# this part has shape `(batch, C, H, W)`.
#
# ### actnorm_init
# Batch normalisation depends on the batch, which spoils an exact likelihood, and is noisy for the small
# batches that large images allow. Actnorm is a plain affine map per channel,
# $z_{chw} = e^{\ell_c} x_{chw} + b_c$, whose parameters are *initialised* from the first batch so that every
# channel comes out with mean 0 and variance 1, and are then trained as any others. Mean and variance are over
# batch, height and width, and the variance divides by $n$, not $n - 1$. A constant channel has no scale;
# count its standard deviation as $10^{-6}$.

# %% exercise="actnorm_init"
def actnorm_init(x: Float[Tensor, "batch c h w"]) -> tuple[Float[Tensor, "c"], Float[Tensor, "c"]]:
    """The (log_scale, bias) with which exp(log_scale) x + bias has mean 0 and variance 1 in every channel.

    log_scale = −log σ, bias = −μ / σ, with mean μ and standard deviation σ (dividing by n) over batch, height and
    width; a σ below 10⁻⁶ counts as 10⁻⁶.
    x: (batch, C, H, W) -> (C,), (C,).
    Source: Kingma and Dhariwal, Glow (2018), section 3.1.
    """
    # BEGIN SOLUTION
    mean = x.mean(dim=(0, 2, 3))  # (C,)
    deviation = x.std(dim=(0, 2, 3), correction=0).clamp(min=1e-6)
    return -deviation.log(), -mean / deviation
    # END SOLUTION


# %% [markdown]
# ### actnorm
# The same factor acts on all $H\cdot W$ pixels of a channel, so it counts $HW$ times:
# $\log\lvert\det\rvert = HW\sum_c \ell_c$. Forgetting $HW$ is the most common mistake in implementations of
# Glow; the loss then still falls.

# %% exercise="actnorm"
def actnorm(
    x: Float[Tensor, "batch c h w"], log_scale: Float[Tensor, "c"], bias: Float[Tensor, "c"]
) -> tuple[Float[Tensor, "batch c h w"], Float[Tensor, "batch"]]:
    """The activation normalisation of Glow, from x to (z, log_det).

    z[n, c, h, w] = exp(log_scale[c]) x[n, c, h, w] + bias[c] and log_det = H W Σ_c log_scale[c].
    x: (batch, C, H, W); log_scale, bias: (C,); z: (batch, C, H, W); log_det: (batch,), the same for all samples.
    Source: Kingma and Dhariwal, Glow (2018), table 1.
    """
    # BEGIN SOLUTION
    batch, _, height, width = x.shape
    z = log_scale.exp()[:, None, None] * x + bias[:, None, None]
    return z, (height * width * log_scale.sum()).expand(batch)
    # END SOLUTION


def actnorm_inverse(
    z: Float[Tensor, "batch c h w"], log_scale: Float[Tensor, "c"], bias: Float[Tensor, "c"]
) -> Float[Tensor, "batch c h w"]:
    """The x that `actnorm` maps to z: x = exp(−log_scale) (z − bias)."""
    # BEGIN SOLUTION
    return (z - bias[:, None, None]) * (-log_scale).exp()[:, None, None]
    # END SOLUTION


# %% [markdown]
# ### lu_parameters
# An invertible 1×1 convolution multiplies the channels of every pixel by the same $C\times C$ matrix $W$. It
# generalises the permutation of channels between couplings: the split stays a fixed one into halves, and $W$
# learns *what* to put into each half. (Notes often say that the convolution "splits the data".) A free $W$
# costs an $O(C^3)$ determinant in every step, and nothing keeps it invertible. Glow therefore factorises it
# once,
# $$W = P\,L\,\bigl(U + \operatorname{diag}(\sigma \odot e^{\lambda})\bigr),$$
# $P$ a permutation matrix (fixed), $L$ lower triangular with ones on the diagonal, $U$ strictly upper
# triangular, $\sigma$ the signs (fixed) and $\lambda$ the logarithms of the diagonal's absolute values. Then
# $\log\lvert\det W\rvert = \sum_c\lambda_c$, and $W$ stays invertible whatever $L$, $U$, $\lambda$ become.
# `torch.linalg.lu` returns $P$, $L$, $U$ with $A = PLU$ (some libraries return $P^\top$). `lower` below is
# $L$ *without* its ones.

# %% exercise="lu_parameters"
def lu_parameters(
    weight: Float[Tensor, "c c"],
) -> tuple[Float[Tensor, "c c"], Float[Tensor, "c c"], Float[Tensor, "c c"], Float[Tensor, "c"], Float[Tensor, "c"]]:
    """The factors (permutation, lower, upper, sign, log_diagonal) of an invertible matrix.

    W = P (lower + I) (upper + diag(sign ⊙ exp(log_diagonal))), with `lower` strictly lower and `upper` strictly upper
    triangular, and sign ±1.
    weight: (C, C) -> (C, C), (C, C), (C, C), (C,), (C,).
    Raises ValueError if the matrix is not square, or is singular (a pivot is exactly 0).
    Source: Kingma and Dhariwal, Glow (2018), equation 10.
    """
    # BEGIN SOLUTION
    if weight.shape[0] != weight.shape[1]:
        raise ValueError(f"the matrix must be square, its shape is {tuple(weight.shape)}")
    permutation, lower, upper = torch.linalg.lu(weight)
    diagonal = upper.diagonal()
    if (diagonal == 0).any():
        raise ValueError("the matrix is singular: a pivot of its factorisation is 0")
    return permutation, lower.tril(-1), upper.triu(1), diagonal.sign(), diagonal.abs().log()
    # END SOLUTION


# %% [markdown]
# ### invertible_1x1
# The layer, from its factors. `lower` and `upper` are *parameters*: an optimiser updates all $C^2$ entries,
# so use only the strict triangles; what else is stored there must have no effect. For the inverse, two
# triangular solves cost $O(C^2)$ per pixel and need no inverse matrix. As for actnorm, the determinant counts
# once per pixel: $\log\lvert\det\rvert = HW\sum_c\lambda_c$.

# %% exercise="invertible_1x1"
def invertible_1x1(
    x: Float[Tensor, "batch c h w"],
    permutation: Float[Tensor, "c c"],
    lower: Float[Tensor, "c c"],
    upper: Float[Tensor, "c c"],
    sign: Float[Tensor, "c"],
    log_diagonal: Float[Tensor, "c"],
) -> tuple[Float[Tensor, "batch c h w"], Float[Tensor, "batch"]]:
    """The invertible 1×1 convolution of Glow in LU form, from x to (z, log_det).

    z[n, :, h, w] = W x[n, :, h, w] with W = P (tril(lower) + I) (triu(upper) + diag(sign ⊙ exp(log_diagonal))), where
    only the strict triangles of `lower` and `upper` count; log_det = H W Σ_c log_diagonal[c].
    x, z: (batch, C, H, W); permutation, lower, upper: (C, C); sign, log_diagonal: (C,); log_det: (batch,).
    Source: Kingma and Dhariwal, Glow (2018), section 3.2.
    """
    # BEGIN SOLUTION
    batch, channels, height, width = x.shape
    lower = lower.tril(-1) + torch.eye(channels, dtype=lower.dtype)
    upper = upper.triu(1) + torch.diag(sign * log_diagonal.exp())
    z = torch.einsum("oc,bchw->bohw", permutation @ lower @ upper, x)
    return z, (height * width * log_diagonal.sum()).expand(batch)
    # END SOLUTION


def invertible_1x1_inverse(
    z: Float[Tensor, "batch c h w"],
    permutation: Float[Tensor, "c c"],
    lower: Float[Tensor, "c c"],
    upper: Float[Tensor, "c c"],
    sign: Float[Tensor, "c"],
    log_diagonal: Float[Tensor, "c"],
) -> Float[Tensor, "batch c h w"]:
    """The x that `invertible_1x1` maps to z: x[n, :, h, w] = W⁻¹ z[n, :, h, w]."""
    # BEGIN SOLUTION: undo P, then solve with L, then with U
    upper = upper.triu(1) + torch.diag(sign * log_diagonal.exp())
    pixels = z.transpose(0, 1).flatten(start_dim=1)  # (C, batch·H·W)
    pixels = torch.linalg.solve_triangular(lower, permutation.T @ pixels, upper=False, unitriangular=True)
    pixels = torch.linalg.solve_triangular(upper, pixels, upper=True)
    return pixels.reshape(z.transpose(0, 1).shape).transpose(0, 1)
    # END SOLUTION


# %% [markdown]
# ### glow_step
# The three maps in a row. For clarity $W$ is a full matrix here; its log-determinant comes from `slogdet`. In
# the coupling $A$, the first half of the channels, is transformed, and $B$, the second half, passes through
# and feeds the network, whose output's first half is $\log s$ and second half $t$:
# $$y = e^{\ell}\odot x + b, \qquad v = W y, \qquad (\log s,\, t) = \mathrm{NN}(v_B), \qquad z_A = s\odot v_A
# + t, \quad z_B = v_B,$$
# $$\log\lvert\det\rvert = HW\Bigl(\sum_c \ell_c + \log\lvert\det W\rvert\Bigr) + \sum_{chw}\log s_{chw}.$$
# The first two terms are the same for all samples, the last is not.

# %% exercise="glow_step"
def glow_step(
    x: Float[Tensor, "batch c h w"],
    log_scale: Float[Tensor, "c"],
    bias: Float[Tensor, "c"],
    weight: Float[Tensor, "c c"],
    network: Callable[[Tensor], Tensor],
) -> tuple[Float[Tensor, "batch c h w"], Float[Tensor, "batch"]]:
    """One step of Glow, from x to (z, log_det): actnorm, then 1×1 convolution, then affine coupling.

    y = exp(log_scale) x + bias; v = W y; (log s, t) = network(v_B) split along channels; z_A = s v_A + t; z_B = v_B,
    where A is the first half of the channels. log_det = H W (Σ log_scale + log|det W|) + Σ log s.
    x, z: (batch, C, H, W), C even; log_scale, bias: (C,); weight: (C, C); network: (batch, C/2, H, W) ->
    (batch, C, H, W); log_det: (batch,).
    Source: Kingma and Dhariwal, Glow (2018), figure 2a and table 1.
    """
    # BEGIN SOLUTION
    height, width = x.shape[-2:]
    y = log_scale.exp()[:, None, None] * x + bias[:, None, None]
    v_a, v_b = torch.einsum("oc,bchw->bohw", weight, y).chunk(2, dim=1)  # each (batch, C/2, H, W)
    log_s, t = network(v_b).chunk(2, dim=1)
    z = torch.cat([log_s.exp() * v_a + t, v_b], dim=1)
    per_pixel = log_scale.sum() + torch.linalg.slogdet(weight).logabsdet
    return z, height * width * per_pixel + log_s.flatten(start_dim=1).sum(dim=1)
    # END SOLUTION


def glow_step_inverse(
    z: Float[Tensor, "batch c h w"],
    log_scale: Float[Tensor, "c"],
    bias: Float[Tensor, "c"],
    weight: Float[Tensor, "c c"],
    network: Callable[[Tensor], Tensor],
) -> Float[Tensor, "batch c h w"]:
    """The x that `glow_step` maps to z: coupling, convolution and actnorm undone, in this order."""
    # BEGIN SOLUTION
    z_a, v_b = z.chunk(2, dim=1)
    log_s, t = network(v_b).chunk(2, dim=1)
    v = torch.cat([(z_a - t) * (-log_s).exp(), v_b], dim=1)
    y = torch.einsum("oc,bchw->bohw", torch.linalg.inv(weight), v)
    return (y - bias[:, None, None]) * (-log_scale).exp()[:, None, None]
    # END SOLUTION


# %% [markdown]
# ### glow
# The multi-scale architecture. Each level squeezes, applies its steps, and then, unless it is the last,
# splits: **the first half of the channels goes on, the second half is done** and becomes part of the latent
# code. This saves computation (half of the entries leave at each level) and gives the layers near the data a
# direct path to the loss. An image $C\times H\times W$ and $L = 3$:
#
# | | after squeeze | goes on | leaves as latent |
# |---|---|---|---|
# | level 1 | $4C\times\frac H2\times\frac W2$ | $2C\times\frac H2\times\frac W2$ | $2C\times\frac H2\times\frac W2$ |
# | level 2 | $8C\times\frac H4\times\frac W4$ | $4C\times\frac H4\times\frac W4$ | $4C\times\frac H4\times\frac W4$ |
# | level 3 | $16C\times\frac H8\times\frac W8$ | | all of it |
#
# The numbers of entries in the latents add up to $CHW$: a bijection preserves dimension. The squeeze is that
# of the exercise above (`F.pixel_unshuffle(x, 2)` and
# `F.pixel_shuffle(z, 2)` will do, but leave a batch of no images as it is). Squeeze and split
# have `log_det` 0. The steps are given as flows, so you need not have finished `glow_step`.

# %% exercise="glow"
def glow(
    x: Float[Tensor, "batch c h w"], levels: Sequence[Sequence[Flow]]
) -> tuple[list[Float[Tensor, "batch _ _ _"]], Float[Tensor, "batch"]]:
    """The multi-scale flow of Glow, from x to (latents, log_det).

    In each level: squeeze, then all steps in order, then (not in the last level) split off the second half of the
    channels as a latent and go on with the first; the rest is the last latent. log_det = Σ of the steps' log_dets.
    x: (batch, C, H, W); levels: L lists of steps, each a pair (forward, inverse) for images of that level;
    latents: L tensors, latent l of shape (batch, 2ˡC, H/2ˡ, W/2ˡ) for l = 1 … L − 1 and the last of shape
    (batch, 2ᴸ⁺¹C, H/2ᴸ, W/2ᴸ); log_det: (batch,).
    Raises ValueError if there is no level, or H or W is not a multiple of 2ᴸ.
    Source: Kingma and Dhariwal, Glow (2018), figure 2b; Dinh et al., RealNVP (2017), section 3.6.
    """
    # BEGIN SOLUTION
    batch, _, height, width = x.shape
    side = 2 ** len(levels)
    if not levels or height % side or width % side:
        raise ValueError(f"{len(levels)} levels do not fit an image of {height} × {width} pixels")
    latents = []
    log_det = x.new_zeros(batch)
    for number, steps in enumerate(levels, start=1):
        x = F.pixel_unshuffle(x, 2)
        for forward, _ in steps:
            x, step_log_det = forward(x)
            log_det = log_det + step_log_det
        if number < len(levels):
            x, latent = x.chunk(2, dim=1)
            latents.append(latent)
    return [*latents, x], log_det
    # END SOLUTION


def glow_inverse(
    latents: Sequence[Float[Tensor, "batch _ _ _"]], levels: Sequence[Sequence[Flow]]
) -> Float[Tensor, "batch c h w"]:
    """The image x that `glow` maps to `latents`: from the last level to the first, join, undo the steps, unsqueeze."""
    # BEGIN SOLUTION
    *latents, x = latents
    for number in reversed(range(len(levels))):
        if number < len(latents):
            x = torch.cat([x, latents[number]], dim=1)
        for _, inverse in reversed(levels[number]):
            x = inverse(x)
        x = F.pixel_shuffle(x, 2)
    return x
    # END SOLUTION


# %% [markdown]
# ## Training by maximum likelihood
# $$\mathrm{NLL} = -\frac1n\sum_{i=1}^n\Bigl[\log\mathcal N(f(x_i); 0, I) + \log\lvert\det
# J_f(x_i)\rvert\Bigr].$$
# The two terms pull against each other: the first wants all points at the origin, the second wants $f$ to
# stretch. Minimising the NLL is minimising $\mathrm{KL}(p_{\text{data}}\Vert p_X)$.
#
# ### flow_nll
# In nats per sample. Keep the constant $\frac d2\log 2\pi$: it does not change gradients, but without it the
# number is no likelihood and cannot be compared with anybody's. **What to watch for.** Sum over the event,
# mean over the batch. If one term has shape `(batch,)` and the other `(batch, 1)`, their sum is
# `(batch, batch)` and its mean is even the right number in expectation: a bug that never shows. Hence the
# ValueError.

# %% exercise="flow_nll"
def flow_nll(z: Float[Tensor, "batch *event"], log_det: Float[Tensor, "batch"]) -> Float[Tensor, ""]:
    """The mean negative log-likelihood of a batch, in nats per sample, under a standard normal base density.

    NLL = mean over n of [ ½‖z_n‖² + ½ d log 2π − log_det_n ], where d is the number of entries of an event.
    z: (batch, *event), batch ≥ 1; log_det: (batch,) -> ().
    Raises ValueError if log_det is not of shape (batch,).
    Source: Dinh, Krueger and Bengio, NICE (2015), equation 2.
    """
    # BEGIN SOLUTION
    if log_det.shape != z.shape[:1]:
        raise ValueError(f"log_det should have shape {tuple(z.shape[:1])}, not {tuple(log_det.shape)}")
    log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).sum(dim=1)  # (batch,)
    return -(log_normal + log_det).mean()
    # END SOLUTION


# %% [markdown]
# ### dequantize
# Pixels are whole numbers. A continuous density can put a spike of any height on each of them, so its
# likelihood on raw pixels has no upper bound, and training finds the spikes (the NLL falls without end).
# Adding uniform noise fills the gaps: then the expected log-density is at most the log-probability of a
# discrete model (Theis et al., 2016).

# %% exercise="dequantize"
def dequantize(
    pixels: Int[Tensor, "*shape"], noise: Float[Tensor, "*shape"], bins: int = 256
) -> Float[Tensor, "*shape"]:
    """Whole-numbered pixels spread over the unit interval.

    y = (pixels + noise) / bins; pixel k fills the interval [k / bins, (k + 1) / bins).
    pixels: whole numbers from 0 to bins − 1, any shape and integer dtype (images are often uint8); noise: the same
    shape, uniform in [0, 1) -> same shape, dtype of the noise.
    Raises ValueError for a pixel outside 0 … bins − 1.
    Source: Theis, van den Oord and Bethge, A note on the evaluation of generative models (2016), section 3.1.
    """
    # BEGIN SOLUTION
    whole = pixels.long()  # 256 itself is no uint8: compared as such it would be 0
    if ((whole < 0) | (whole >= bins)).any():
        raise ValueError(f"pixels must lie between 0 and {bins - 1}")
    return (pixels + noise) / bins
    # END SOLUTION


# %% [markdown]
# ### bits_per_dimension
# Flows report bits per dimension. The density on $[0,1)^d$ becomes a probability when multiplied by the
# volume $\text{bins}^{-d}$ of a pixel's cell: $-\log P = \mathrm{NLL} + d\log\text{bins}$; divide by $d$, and
# by $\log 2$ for bits. A model that knows nothing (uniform density, NLL 0) pays $\log_2 256 = 8$ bits; good
# ones about 3 on CIFAR-10 (RealNVP 3.49, Glow 3.35).

# %% exercise="bits_per_dimension"
def bits_per_dimension(nll: float, dimensions: int, bins: int = 256) -> float:
    """The bits per dimension that correspond to the NLL of dequantised data on the unit cube.

    bits = (nll / dimensions + log bins) / log 2.
    nll: nats per sample, of data in [0, 1)ᵈ; dimensions: d = C H W; bins: values a pixel can take.
    Source: Theis, van den Oord and Bethge (2016), section 3.1.
    """
    # BEGIN SOLUTION
    return (nll / dimensions + math.log(bins)) / math.log(2)
    # END SOLUTION


# %% [markdown]
# ### train_flow
# Maximum likelihood for any flow: `forward(x, parameters)` returns `(z, log_det)`, and Adam (with torch's
# defaults but for the learning rate) follows the gradient of the NLL of all data at once. Work on copies: the
# caller's parameters are a starting point to compare with. Return plain tensors that do not require
# gradients, and the NLL before each update. A loss that is no longer finite will not recover: stop and say
# so. Gradients accumulate in torch: without `zero_grad` each step follows the sum of all gradients so far,
# which shows as a loss that swings.

# %% exercise="train_flow"
def train_flow(
    x: Float[Tensor, "batch *event"],
    parameters: Sequence[Tensor],
    forward: Callable[[Tensor, list[Tensor]], tuple[Tensor, Tensor]],
    steps: int,
    learning_rate: float,
) -> tuple[list[Tensor], list[float]]:
    """Parameters of a flow fitted to data by Adam, and the loss before each of the steps.

    Minimises the mean over n of −log N(z_n; 0, I) − log_det_n with z, log_det = forward(x, parameters).
    x: (batch, *event); parameters: tensors to start from, left as they are; forward: (x, list of tensors) -> (z of
    shape (batch, *event), log_det of shape (batch,)). Returns the new parameters (same shapes, no gradients) and
    `steps` losses in nats as floats.
    Raises ValueError, naming the step, if the loss is not finite.
    Source: Dinh et al., RealNVP (2017), section 3.1; Kingma and Ba, Adam (2015).
    """
    # BEGIN SOLUTION: torch.optim.Adam on detached copies
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for step in range(steps):
        z, log_det = forward(x, parameters)
        log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).sum(dim=1)  # (batch,)
        loss = -(log_normal + log_det).mean()
        if not loss.isfinite():
            raise ValueError(f"the loss is {loss.item()} in step {step}: try a smaller learning rate")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in parameters], losses
    # END SOLUTION


# %% [markdown]
# ## The picture
# Two moons, the usual test of a flow in the plane: two interlocked half circles, which no Gaussian can
# follow. Given below: the data, random starting parameters, and the way from a flat list of tensors to
# layers.


# %%
def two_moons(count: int, seed: int) -> Float[Tensor, "count 2"]:
    """Points on two interlocked half circles of radius 1, with noise of standard deviation 0.08."""
    generator = torch.Generator().manual_seed(seed)
    angle = math.pi * torch.rand(count, generator=generator)
    upper = torch.arange(count) % 2 == 0
    x = torch.where(upper, angle.cos(), 1 - angle.cos())
    y = torch.where(upper, angle.sin(), 0.5 - angle.sin())
    points = torch.stack([x - 0.5, y - 0.25], dim=1)
    return points + 0.08 * torch.randn(count, 2, generator=generator)


def random_parameters(layers: int, hidden: int, seed: int) -> list[Tensor]:
    """Small random parameters of a `real_nvp` in the plane, four tensors for each layer."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(hidden, 1), (hidden,), (2, hidden), (2,)] * layers
    scales = [1.0, 1.0, 0.1, 0.0] * layers
    return [scale * torch.randn(shape, generator=generator) for shape, scale in zip(shapes, scales)]


def in_layers(parameters: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
    """The flat list of parameters in groups of four, as `real_nvp` takes them."""
    return [tuple(parameters[i : i + 4]) for i in range(0, len(parameters), 4)]


# %% tags=["picture"]
def picture() -> "matplotlib.figure.Figure":
    """Two moons: the data, samples, the density, and a grid of the latent space bent back into the data space."""
    from matplotlib.figure import Figure

    data = two_moons(500, seed=0)
    start = random_parameters(layers=6, hidden=24, seed=3)
    fitted, losses = train_flow(data, start, lambda x, p: real_nvp(x, in_layers(p)), steps=450, learning_rate=0.015)
    layers = in_layers(fitted)
    samples = real_nvp_inverse(torch.randn(500, 2, generator=torch.Generator().manual_seed(2)), layers)

    side = torch.linspace(-2.2, 2.2, 220)
    log_density = change_of_variables(
        lambda z: -0.5 * (z**2).sum(1) - math.log(2 * math.pi),
        lambda x: real_nvp(x, layers),
        torch.cartesian_prod(side, side),
    )
    density = log_density.exp().reshape(220, 220).T
    mass = density.sum().item() * (side[1] - side[0]).item() ** 2

    figure = Figure(figsize=(10, 8), layout="constrained")
    panels = figure.subplots(2, 2).flatten()
    panels[0].scatter(*data.T, s=4, color="tab:blue")
    panels[0].set_title("Data")
    panels[1].scatter(*samples.T, s=4, color="tab:orange")
    panels[1].set_title("Samples")
    panels[2].imshow(density, origin="lower", extent=(-2.2, 2.2, -2.2, 2.2), cmap="viridis")
    panels[2].set_title(f"Density, total mass {mass:.3f}")
    _draw_warped_grid(panels[3], layers)
    panels[3].set_title("Grid of the latent space, warped")
    for panel in panels:
        panel.set(xlim=(-2.2, 2.2), ylim=(-1.6, 1.6), xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    figure.suptitle(f"A RealNVP of 6 layers on two moons: NLL {losses[0]:.2f} → {losses[-1]:.2f} nats")
    figure.supxlabel(
        "You should see samples on the same two half circles as the data, a density of total mass 1, bright on them,\n"
        "and circles and rays of the latent space that crowd where the data are dense and never fold over.\n"
        "A thin bridge joins the moons: a bijection can stretch the plane but not tear it.",
        fontsize=9,
    )
    return figure


def _draw_warped_grid(panel, layers) -> None:
    """Circles around the origin of the latent space and rays from it, as they lie in the data space."""
    angles, radii = torch.linspace(0, 2 * math.pi, 400), torch.linspace(0, 2.5, 100)
    circles = [torch.stack([r * angles.cos(), r * angles.sin()], dim=1) for r in (0.5, 1.0, 1.5, 2.0, 2.5)]
    rays = [torch.stack([radii * a.cos(), radii * a.sin()], dim=1) for a in angles[:-1:25]]
    for lines, color in ((circles, "tab:green"), (rays, "tab:purple")):
        for line in lines:
            panel.plot(*real_nvp_inverse(line, layers).T, color=color, linewidth=0.7)
