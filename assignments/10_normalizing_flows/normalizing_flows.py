# %% [markdown]
# # 10 · Normalizing flows
# ## Change of variables
#
# Write your answers here, or in normalizing_flows.ipynb. The handout is README.md;
# `autograder check normalizing_flows.py` tells which laws your answers obey.

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
# ### log_det_inverse

# %% exercise="log_det_inverse"
def log_det_inverse(matrix: Float[Tensor, "*batch d d"]) -> Float[Tensor, "*batch"]:
    """The log-determinant of the inverse of each matrix.

    log|det A⁻¹| = −log|det A|, without overflow for large d; +∞ for a singular A.
    matrix: (*batch, d, d) -> (*batch,).
    Raises ValueError if the last two sides differ.
    """
    # TODO: never form the determinant itself
    raise NotImplementedError("log_det_inverse: not written yet")

# %% [markdown]
# ### rank_one_log_det

# %% exercise="rank_one_log_det"
def rank_one_log_det(
    u: Float[Tensor, "*batch d"], w: Float[Tensor, "*batch d"], h: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch"]:
    """The log-determinant of a rank-one change of the identity (matrix determinant lemma).

    log|det(I + h u wᵀ)| = log|1 + h wᵀu|.
    u, w: (*batch, d); h: (*batch,), a factor for each pair -> (*batch,).
    Source: Rezende and Mohamed (2015), section 4.1.
    """
    # TODO: write this.
    raise NotImplementedError("rank_one_log_det: not written yet")

# %% [markdown]
# ### triangular_log_det

# %% exercise="triangular_log_det"
def triangular_log_det(matrix: Float[Tensor, "*batch d d"]) -> Float[Tensor, "*batch"]:
    """The log-determinant of each triangular matrix, upper or lower.

    log|det T| = Σᵢ log|Tᵢᵢ|, without overflow for large d.
    matrix: (*batch, d, d) -> (*batch,).
    Raises ValueError if the last two sides differ.
    """
    # TODO: write this.
    raise NotImplementedError("triangular_log_det: not written yet")

# %% [markdown]
# ### jacobian_log_det

# %% exercise="jacobian_log_det"
def jacobian_log_det(
    function: Callable[[Tensor], Tensor], x: Float[Tensor, "batch *event"]
) -> Float[Tensor, "batch"]:
    """The log-determinant of the Jacobian of `function` at every sample, by autograd.

    out[n] = log|det ∂function(x)[n] / ∂x[n]|, with the event flattened; −∞ where the Jacobian is singular.
    function: (batch, *event) -> (batch, *event), sample by sample; x: (batch, *event) -> (batch,).
    """
    # TODO: torch.autograd.functional.jacobian, then torch.linalg.slogdet
    raise NotImplementedError("jacobian_log_det: not written yet")

# %% [markdown]
# ### change_of_variables

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
    # TODO: write this.
    raise NotImplementedError("change_of_variables: not written yet")

# %% [markdown]
# ## Coupling layers
# ### additive_coupling

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
    # TODO: write this.
    raise NotImplementedError("additive_coupling: not written yet")


def additive_coupling_inverse(
    z: Float[Tensor, "batch d"], network: Callable[[Tensor], Tensor]
) -> Float[Tensor, "batch d"]:
    """The x that `additive_coupling` maps to z: x_A = z_A − network(z_B), x_B = z_B."""
    # TODO: write this.
    raise NotImplementedError("additive_coupling_inverse: not written yet")

# %% [markdown]
# ### checkerboard_mask

# %% exercise="checkerboard_mask"
def checkerboard_mask(height: int, width: int, parity: int) -> Float[Tensor, "height width"]:
    """The mask that is 1 where row + column has the given parity, else 0.

    mask[i, j] = 1 if (i + j) mod 2 = parity else 0; float32; broadcasts against (batch, C, height, width).
    parity: 0 (top left corner passes through) or 1 (it is transformed). Raises ValueError for any other parity.
    Source: Dinh, Sohl-Dickstein and Bengio, RealNVP (2017), section 3.4 (where parity is 1).
    """
    # TODO: write this.
    raise NotImplementedError("checkerboard_mask: not written yet")

# %% [markdown]
# ### channel_mask

# %% exercise="channel_mask"
def channel_mask(channels: int, parity: int) -> Float[Tensor, "channels 1 1"]:
    """The mask that is 1 on half of the channels: on the first half for parity 1, on the second for parity 0.

    Float32, of shape (channels, 1, 1); broadcasts against (batch, channels, H, W).
    Raises ValueError if `channels` is odd or parity is neither 0 nor 1.
    Source: Dinh, Sohl-Dickstein and Bengio, RealNVP (2017), section 3.4 (where parity is 1).
    """
    # TODO: write this.
    raise NotImplementedError("channel_mask: not written yet")

# %% [markdown]
# ### squeeze

# %% exercise="squeeze"
def squeeze(x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch 4*c h//2 w//2"]:
    """Every 2×2 block of pixels as four channels.

    z[n, 4c + 2i + j, h, w] = x[n, c, 2h + i, 2w + j].
    x: (batch, C, H, W) -> (batch, 4C, H/2, W/2). Raises ValueError if H or W is odd.
    Source: Dinh, Sohl-Dickstein and Bengio, RealNVP (2017), section 3.6.
    """
    # TODO: two reshapes with a permute between them
    raise NotImplementedError("squeeze: not written yet")


def unsqueeze(z: Float[Tensor, "batch 4*c h w"]) -> Float[Tensor, "batch c 2*h 2*w"]:
    """The image that `squeeze` maps to z: (batch, 4C, H, W) -> (batch, C, 2H, 2W).

    Raises ValueError if the number of channels is not a multiple of 4.
    """
    # TODO: write this.
    raise NotImplementedError("unsqueeze: not written yet")

# %% [markdown]
# ### affine_coupling

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
    # TODO: mask what the networks return before using it
    raise NotImplementedError("affine_coupling: not written yet")


def affine_coupling_inverse(
    z: Float[Tensor, "batch *event"],
    mask: Float[Tensor, "..."],
    scale: Callable[[Tensor], Tensor],
    shift: Callable[[Tensor], Tensor],
) -> Float[Tensor, "batch *event"]:
    """The x that `affine_coupling` maps to z: x = b⊙z + (1−b)⊙(z − t(b⊙z))⊙exp(−s(b⊙z))."""
    # TODO: write this.
    raise NotImplementedError("affine_coupling_inverse: not written yet")

# %% [markdown]
# ### compose

# %% exercise="compose"
def compose(flows: Sequence[Flow]) -> Flow:
    """One flow that applies `flows` one after the other, the first of the list first.

    forward(x) = (f_m(…f_1(x)), Σ_k log_det_k) and inverse(z) = f_1⁻¹(…f_m⁻¹(z)).
    flows: pairs (forward, inverse), forward: (batch, *event) -> ((batch, *event), (batch,)), inverse: (batch,
    *event) -> (batch, *event). Returns such a pair of functions; for an empty list the identity, with log_det = 0.
    Source: Rezende and Mohamed (2015), equations 6 and 7.
    """
    # TODO: define two functions in here and return both
    raise NotImplementedError("compose: not written yet")

# %% [markdown]
# ### real_nvp

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
    # TODO: write this.
    raise NotImplementedError("real_nvp: not written yet")


def real_nvp_inverse(z: Float[Tensor, "batch d"], layers: Sequence[Sequence[Tensor]]) -> Float[Tensor, "batch d"]:
    """The x that `real_nvp` maps to z: the layers undone from the last to the first."""
    # TODO: write this.
    raise NotImplementedError("real_nvp_inverse: not written yet")

# %% [markdown]
# ## Planar flows
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
    # TODO: write this.
    raise NotImplementedError("planar_flow: not written yet")

# %% [markdown]
# ### planar_constraint

# %% exercise="planar_constraint"
def planar_constraint(u: Float[Tensor, "d"], w: Float[Tensor, "d"]) -> Float[Tensor, "d"]:
    """The vector û, u moved along w, with which the planar flow is invertible.

    û = u + (m(wᵀu) − wᵀu) w / ‖w‖² with m(a) = −1 + log(1 + eᵃ); hence wᵀû = m(wᵀu) ≥ −1. Finite for all finite wᵀu.
    u, w: (d,), w ≠ 0 -> (d,).
    Source: Rezende and Mohamed (2015), appendix A.1.
    """
    # TODO: write this.
    raise NotImplementedError("planar_constraint: not written yet")

# %% [markdown]
# ### planar_inverse

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
    # TODO: bisection on α, for the whole batch at once
    raise NotImplementedError("planar_inverse: not written yet")

# %% [markdown]
# ## Glow
# ### actnorm_init

# %% exercise="actnorm_init"
def actnorm_init(x: Float[Tensor, "batch c h w"]) -> tuple[Float[Tensor, "c"], Float[Tensor, "c"]]:
    """The (log_scale, bias) with which exp(log_scale) x + bias has mean 0 and variance 1 in every channel.

    log_scale = −log σ, bias = −μ / σ, with mean μ and standard deviation σ (dividing by n) over batch, height and
    width; a σ below 10⁻⁶ counts as 10⁻⁶.
    x: (batch, C, H, W) -> (C,), (C,).
    Source: Kingma and Dhariwal, Glow (2018), section 3.1.
    """
    # TODO: write this.
    raise NotImplementedError("actnorm_init: not written yet")

# %% [markdown]
# ### actnorm

# %% exercise="actnorm"
def actnorm(
    x: Float[Tensor, "batch c h w"], log_scale: Float[Tensor, "c"], bias: Float[Tensor, "c"]
) -> tuple[Float[Tensor, "batch c h w"], Float[Tensor, "batch"]]:
    """The activation normalisation of Glow, from x to (z, log_det).

    z[n, c, h, w] = exp(log_scale[c]) x[n, c, h, w] + bias[c] and log_det = H W Σ_c log_scale[c].
    x: (batch, C, H, W); log_scale, bias: (C,); z: (batch, C, H, W); log_det: (batch,), the same for all samples.
    Source: Kingma and Dhariwal, Glow (2018), table 1.
    """
    # TODO: write this.
    raise NotImplementedError("actnorm: not written yet")


def actnorm_inverse(
    z: Float[Tensor, "batch c h w"], log_scale: Float[Tensor, "c"], bias: Float[Tensor, "c"]
) -> Float[Tensor, "batch c h w"]:
    """The x that `actnorm` maps to z: x = exp(−log_scale) (z − bias)."""
    # TODO: write this.
    raise NotImplementedError("actnorm_inverse: not written yet")

# %% [markdown]
# ### lu_parameters

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
    # TODO: write this.
    raise NotImplementedError("lu_parameters: not written yet")

# %% [markdown]
# ### invertible_1x1

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
    # TODO: write this.
    raise NotImplementedError("invertible_1x1: not written yet")


def invertible_1x1_inverse(
    z: Float[Tensor, "batch c h w"],
    permutation: Float[Tensor, "c c"],
    lower: Float[Tensor, "c c"],
    upper: Float[Tensor, "c c"],
    sign: Float[Tensor, "c"],
    log_diagonal: Float[Tensor, "c"],
) -> Float[Tensor, "batch c h w"]:
    """The x that `invertible_1x1` maps to z: x[n, :, h, w] = W⁻¹ z[n, :, h, w]."""
    # TODO: undo P, then solve with L, then with U
    raise NotImplementedError("invertible_1x1_inverse: not written yet")

# %% [markdown]
# ### glow_step

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
    # TODO: write this.
    raise NotImplementedError("glow_step: not written yet")


def glow_step_inverse(
    z: Float[Tensor, "batch c h w"],
    log_scale: Float[Tensor, "c"],
    bias: Float[Tensor, "c"],
    weight: Float[Tensor, "c c"],
    network: Callable[[Tensor], Tensor],
) -> Float[Tensor, "batch c h w"]:
    """The x that `glow_step` maps to z: coupling, convolution and actnorm undone, in this order."""
    # TODO: write this.
    raise NotImplementedError("glow_step_inverse: not written yet")

# %% [markdown]
# ### glow

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
    # TODO: write this.
    raise NotImplementedError("glow: not written yet")


def glow_inverse(
    latents: Sequence[Float[Tensor, "batch _ _ _"]], levels: Sequence[Sequence[Flow]]
) -> Float[Tensor, "batch c h w"]:
    """The image x that `glow` maps to `latents`: from the last level to the first, join, undo the steps, unsqueeze."""
    # TODO: write this.
    raise NotImplementedError("glow_inverse: not written yet")

# %% [markdown]
# ## Training by maximum likelihood
# ### flow_nll

# %% exercise="flow_nll"
def flow_nll(z: Float[Tensor, "batch *event"], log_det: Float[Tensor, "batch"]) -> Float[Tensor, ""]:
    """The mean negative log-likelihood of a batch, in nats per sample, under a standard normal base density.

    NLL = mean over n of [ ½‖z_n‖² + ½ d log 2π − log_det_n ], where d is the number of entries of an event.
    z: (batch, *event), batch ≥ 1; log_det: (batch,) -> ().
    Raises ValueError if log_det is not of shape (batch,).
    Source: Dinh, Krueger and Bengio, NICE (2015), equation 2.
    """
    # TODO: write this.
    raise NotImplementedError("flow_nll: not written yet")

# %% [markdown]
# ### dequantize

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
    # TODO: write this.
    raise NotImplementedError("dequantize: not written yet")

# %% [markdown]
# ### bits_per_dimension

# %% exercise="bits_per_dimension"
def bits_per_dimension(nll: float, dimensions: int, bins: int = 256) -> float:
    """The bits per dimension that correspond to the NLL of dequantised data on the unit cube.

    bits = (nll / dimensions + log bins) / log 2.
    nll: nats per sample, of data in [0, 1)ᵈ; dimensions: d = C H W; bins: values a pixel can take.
    Source: Theis, van den Oord and Bethge (2016), section 3.1.
    """
    # TODO: write this.
    raise NotImplementedError("bits_per_dimension: not written yet")

# %% [markdown]
# ### train_flow

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
    # TODO: torch.optim.Adam on detached copies
    raise NotImplementedError("train_flow: not written yet")

# %% [markdown]
# ## The picture

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
