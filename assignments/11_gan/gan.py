# %% [markdown]
# # 11 · Generative adversarial networks
#
# Write your answers here, or in gan.ipynb. The handout is README.md;
# `autograder check gan.py` tells which laws your answers obey.

# %%
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# %% [markdown]
# ## Divergences

# %% [markdown]
# ### The Kullback–Leibler divergence

# %% exercise="kl_divergence"
def kl_divergence(p: Float[Tensor, "*batch n"], q: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """Compute KL(p‖q) = Σ_i p_i log(p_i / q_i) over the last axis.

    Terms with p_i = 0 count as 0; the result is infinite if some p_i > 0 where q_i = 0.
    Raises ValueError if the shapes differ. Source: Kullback and Leibler (1951).
    """
    # TODO: write this.
    raise NotImplementedError("kl_divergence: not written yet")

# %% [markdown]
# ### The Jensen–Shannon divergence

# %% exercise="js_divergence"
def js_divergence(p: Float[Tensor, "*batch n"], q: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """Compute JS(p, q) = ½ KL(p‖m) + ½ KL(q‖m) with m = ½ (p + q) over the last axis, in nats.

    Finite for all distributions, zeros included: between 0 and log 2.
    Raises ValueError if the shapes differ. Source: Lin (1991).
    """
    # TODO: write this.
    raise NotImplementedError("js_divergence: not written yet")

# %% [markdown]
# ## Why not simply maximise likelihood?

# %% [markdown]
# ### A mixture with noise, and its bound

# %% exercise="mixture_log_likelihood"
def mixture_log_likelihood(
    log_p: Float[Tensor, "*shape"], log_q: Float[Tensor, "*shape"], weight: float = 0.01
) -> Float[Tensor, "*shape"]:
    """Compute log(weight · p + (1 − weight) · q) from log p and log q at the same points.

    Finite wherever log p is, for log-densities as small as −10⁵ and for q = 0 (log q = −∞).
    Raises ValueError if weight ≤ 0 or weight ≥ 1. Source: Theis, van den Oord and Bethge (2016).
    """
    # TODO: write this.
    raise NotImplementedError("mixture_log_likelihood: not written yet")


def mixture_log_likelihood_bound(log_p: Float[Tensor, "*shape"], weight: float = 0.01) -> Float[Tensor, "*shape"]:
    """Compute the bound log p + log(weight), below which the mixture's log-likelihood never falls.

    Raises ValueError if weight ≤ 0 or weight ≥ 1. Source: Theis, van den Oord and Bethge (2016).
    """
    # TODO: write this.
    raise NotImplementedError("mixture_log_likelihood_bound: not written yet")

# %% [markdown]
# ## The value function

# %% [markdown]
# ### The exact value on a finite support

# %% exercise="value_function"
def value_function(
    discriminator: Float[Tensor, " n"], p_data: Float[Tensor, " n"], p_model: Float[Tensor, " n"]
) -> Float[Tensor, ""]:
    """Compute V(D, G) = Σ_i p_data_i log D_i + p_model_i log(1 − D_i), a scalar.

    `discriminator` holds the probabilities D_i ∈ [0, 1]; terms of probability 0 count as 0, even where the logarithm is
    infinite. Source: Goodfellow et al. (2014), equation 1.
    """
    # TODO: write this.
    raise NotImplementedError("value_function: not written yet")

# %% [markdown]
# ### The value estimated from samples

# %% exercise="estimated_value"
def estimated_value(
    discriminator: Callable[[Float[Tensor, "m d"]], Float[Tensor, " m"]],
    real: Float[Tensor, "m_real d"],
    fake: Float[Tensor, "m_fake d"],
) -> Float[Tensor, ""]:
    """Estimate V(D, G) as mean log D(real) + mean log(1 − D(fake)), a scalar.

    `discriminator` maps a batch of points to logits a, with D = σ(a); logits of ±10⁴ must give finite values.
    Source: Goodfellow et al. (2014), algorithm 1.
    """
    # TODO: write this.
    raise NotImplementedError("estimated_value: not written yet")

# %% [markdown]
# ## The best discriminator, and what the generator then minimises

# %% [markdown]
# ### The optimal discriminator

# %% exercise="optimal_discriminator"
def optimal_discriminator(
    p_data: Float[Tensor, "*shape"], p_model: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Compute D*(x) = p_data(x) / (p_data(x) + p_model(x)), and ½ where both densities are 0.

    Source: Goodfellow et al. (2014), proposition 1.
    """
    # TODO: write this.
    raise NotImplementedError("optimal_discriminator: not written yet")

# %% [markdown]
# ### The generator's criterion

# %% exercise="generator_criterion"
def generator_criterion(p_data: Float[Tensor, " n"], p_model: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """Compute C(G) = max_D V(D, G) = Σ_i p_data_i log D*_i + p_model_i log(1 − D*_i), a scalar.

    Zeros in either distribution are legal. Source: Goodfellow et al. (2014), theorem 1.
    """
    # TODO: write this.
    raise NotImplementedError("generator_criterion: not written yet")

# %% [markdown]
# ## The convergence guarantee

# %% [markdown]
# ### Training on the simplex

# %% exercise="train_on_simplex"
def train_on_simplex(
    p_data: Float[Tensor, " n"], p_model: Float[Tensor, " n"], learning_rate: float, steps: int
) -> tuple[Float[Tensor, "steps_plus_1 n"], Float[Tensor, " steps_plus_1"]]:
    """Alternate D ← D* and p_model ← p_model · exp(−learning_rate · log(1 − D*)), normalised, for `steps` steps.

    Returns the distributions, the start included, and the value V(D*, p_model) of each. `p_data` may have zeros.
    Raises ValueError if an entry of `p_model` is not positive. Source: Goodfellow et al. (2014), proposition 2;
    Kivinen and Warmuth (1997) for the update.
    """
    # TODO: write this.
    raise NotImplementedError("train_on_simplex: not written yet")

# %% [markdown]
# ## The generator's loss saturates

# %% [markdown]
# ### The saturating loss

# %% exercise="saturating_loss"
def saturating_loss(fake_logits: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Compute mean log(1 − σ(a)) over the logits a of generated samples, which the generator minimises.

    Finite for logits of ±10⁴. Source: Goodfellow et al. (2014), equation 1.
    """
    # TODO: write this.
    raise NotImplementedError("saturating_loss: not written yet")

# %% [markdown]
# ### The non-saturating loss

# %% exercise="non_saturating_loss"
def non_saturating_loss(fake_logits: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Compute −mean log σ(a) over the logits a of generated samples, which the generator minimises.

    Finite for logits of ±10⁴. Source: Goodfellow et al. (2014), section 3.
    """
    # TODO: write this.
    raise NotImplementedError("non_saturating_loss: not written yet")

# %% [markdown]
# ## Two players: rotation instead of descent

# %% [markdown]
# ### One simultaneous step

# %% exercise="simultaneous_step"
def simultaneous_step(
    value: Callable[[Tensor, Tensor], Float[Tensor, ""]],
    discriminator: Float[Tensor, "*shape_d"],
    generator: Float[Tensor, "*shape_g"],
    learning_rate: float,
) -> tuple[Float[Tensor, "*shape_d"], Float[Tensor, "*shape_g"]]:
    """Take one step of gradient ascent in d and descent in g on V(d, g), both gradients at the old (d, g).

    Returns the new (d, g), new tensors that carry no gradient history. Source: Goodfellow et al. (2014); Mescheder,
    Geiger and Nowozin (2018) for why it may diverge.
    """
    # TODO: write this.
    raise NotImplementedError("simultaneous_step: not written yet")

# %% [markdown]
# ## Mode collapse and unrolling

# %% [markdown]
# ### The discriminator k steps ahead

# %% exercise="unrolled_discriminator"
def unrolled_discriminator(
    value: Callable[[Tensor, Tensor], Float[Tensor, ""]],
    discriminator: Float[Tensor, "*shape_d"],
    generator: Float[Tensor, "*shape_g"],
    steps: int,
    learning_rate: float,
) -> Float[Tensor, "*shape_d"]:
    """Compute d_k from d_{j+1} = d_j + learning_rate · ∂V/∂d (d_j, g), k = `steps` times from `discriminator`.

    The result can be differentiated with respect to `discriminator` and `generator`, through all the steps; neither
    is modified. Raises ValueError if `steps` is negative. Source: Metz, Poole, Pfau and Sohl-Dickstein (2017).
    """
    # TODO: write this.
    raise NotImplementedError("unrolled_discriminator: not written yet")

# %%
def unrolled_shift_gan(
    discriminator: Float[Tensor, " d"],
    generator: Float[Tensor, " d"],
    real: Float[Tensor, "m_real d"],
    noise: Float[Tensor, "m_fake d"],
    steps: int,
    learning_rate: float,
) -> Float[Tensor, " d"]:
    """Unroll the linear discriminator of the GAN with logits dᵀx and generator z + g by `unrolled_discriminator`."""

    def value(d, g):
        return F.logsigmoid(real @ d).mean() + F.logsigmoid(-(noise + g) @ d).mean()

    return unrolled_discriminator(value, discriminator, generator, steps, learning_rate)

# %% [markdown]
# ## Disjoint supports: the Wasserstein distance

# %% [markdown]
# ### The Wasserstein distance on the line

# %% exercise="wasserstein_1d"
def wasserstein_1d(x: Float[Tensor, " n"], y: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Compute W₁ = ∫ |F_x(t) − F_y(t)| dt between the empirical distributions of two samples on the line.

    In the unit of the samples, and differentiable in both. Raises ValueError if a sample is empty.
    Source: Vallender (1974).
    """
    # TODO: write this.
    raise NotImplementedError("wasserstein_1d: not written yet")

# %% [markdown]
# ### The critic's loss

# %% exercise="critic_loss"
def critic_loss(real_scores: Float[Tensor, " m_real"], fake_scores: Float[Tensor, " m_fake"]) -> Float[Tensor, ""]:
    """Compute mean f(fake) − mean f(real), which the critic f minimises; minus it is a lower bound of W₁.

    The bound needs f to be 1-Lipschitz. The batches may differ in size. Source: Arjovsky, Chintala and Bottou (2017).
    """
    # TODO: write this.
    raise NotImplementedError("critic_loss: not written yet")

# %% [markdown]
# ## Gradient penalties

# %% [markdown]
# ### The penalty of WGAN-GP

# %% exercise="gradient_penalty"
def gradient_penalty(
    critic: Callable[[Float[Tensor, "m *shape"]], Float[Tensor, " m"]],
    real: Float[Tensor, "m *shape"],
    fake: Float[Tensor, "m *shape"],
    noise: Float[Tensor, " m"],
) -> Float[Tensor, ""]:
    """Compute mean_i (‖∇f(x̂_i)‖₂ − 1)² at x̂_i = noise_i · real_i + (1 − noise_i) · fake_i, without the factor λ.

    `noise` holds one number of [0, 1] per sample. The result can be differentiated with respect to the parameters that
    the critic is made of, and has finite derivatives where ∇f = 0. Source: Gulrajani et al. (2017), equation 3.
    """
    # TODO: write this.
    raise NotImplementedError("gradient_penalty: not written yet")

# %% [markdown]
# ### A penalised discriminator

# %% exercise="penalised_value"
def penalised_value(
    discriminator: Callable[[Float[Tensor, "m *shape"]], Float[Tensor, " m"]],
    real: Float[Tensor, "m_real *shape"],
    fake: Float[Tensor, "m_fake *shape"],
    weight: float,
) -> Float[Tensor, ""]:
    """Compute mean log σ(a(real)) + mean log σ(−a(fake)) − weight · mean_i ‖∇a(real_i)‖₂², which D maximises.

    `discriminator` returns the logits a. The result can be differentiated with respect to the parameters that it is
    made of; `real` is not modified. Source: Mescheder, Geiger and Nowozin (2018), where weight = γ/2.
    """
    # TODO: write this.
    raise NotImplementedError("penalised_value: not written yet")

# %%
def network(parameters: Float[Tensor, " p"], x: Float[Tensor, "m n_in"], sizes: tuple) -> Float[Tensor, "m n_out"]:
    """Compute a network with tanh between its layers, whose weights and biases are cut from one vector.

    `sizes` = (n_in, hidden…, n_out); per layer the vector holds the (in, out) weights, then the biases.
    """
    start = 0
    for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        weights = parameters[start : start + inputs * outputs].reshape(inputs, outputs)
        start += inputs * outputs
        x = (torch.tanh(x) if layer else x) @ weights + parameters[start : start + outputs]
        start += outputs
    return x


def network_gradient_penalty(parameters: Tensor, sizes: tuple, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
    """The gradient penalty of a network as critic, as a function of its parameters."""
    return gradient_penalty(lambda x: network(parameters, x, sizes).squeeze(1), real, fake, noise)


def network_penalised_value(parameters: Tensor, sizes: tuple, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """The penalised value of a network as discriminator, as a function of its parameters."""
    return penalised_value(lambda x: network(parameters, x, sizes).squeeze(1), real, fake, weight)

# %% [markdown]
# ## Has it collapsed?

# %% [markdown]
# ### Counting modes

# %% exercise="mode_coverage"
def mode_coverage(
    samples: Float[Tensor, "m d"], modes: Float[Tensor, "k d"], radius: float
) -> tuple[int, float]:
    """Count the modes that are nearest to a sample within `radius` of them, and the share of such samples.

    Distances are Euclidean, in the unit of the samples; a distance equal to `radius` counts. Returns (covered, share),
    which is (0, 0.0) for no samples. Source: Srivastava et al. (2017).
    """
    # TODO: write this.
    raise NotImplementedError("mode_coverage: not written yet")

# %% [markdown]
# ## The picture

# %% tags=["picture"]
def picture() -> "matplotlib.figure.Figure":
    """Draw a ring of Gaussians learned with and without unrolling, and JS against W₁ as two supports part."""
    from matplotlib.figure import Figure

    moments = (240, 260, 280, 300)
    figure = Figure(figsize=(12, 9.6))
    grid = figure.add_gridspec(3, 4, hspace=0.42, wspace=0.28, top=0.92, bottom=0.14, left=0.06, right=0.98)
    coverage = figure.add_subplot(grid[2, :2])
    for row, (steps_ahead, colour) in enumerate(((0, "#c04040"), (10, "#3060b0"))):
        for seed in range(2):
            counts, snapshots, modes = _train_ring(steps_ahead, seed, moments)
            label = f"k = {steps_ahead}" if seed == 0 else None
            coverage.plot(*zip(*counts), color=colour, alpha=1 if seed == 0 else 0.4, label=label)
            if seed == 0:
                for column, moment in enumerate(moments):
                    axes = figure.add_subplot(grid[row, column])
                    _draw_ring(axes, snapshots[moment], modes, f"k = {steps_ahead}, after {moment} steps", colour)
    coverage.set(xlabel="generator steps", ylabel="modes covered (of 8)", ylim=(-0.3, 8.3))
    coverage.set_title("Modes covered, two seeds each (seed 0 in full colour)", fontsize=10)
    coverage.legend(loc="lower center")
    coverage.grid(alpha=0.3)
    _draw_divergences(figure.add_subplot(grid[2, 2:]))
    figure.suptitle("GANs: a ring of Gaussians with and without unrolling, and two ways to compare distributions")
    figure.text(
        0.5,
        0.02,
        "You should see the plain generator (k = 0, red) hop between modes, losing some to win others, while the "
        "one that looks\nk = 10 steps ahead (blue) fills the ring and stays. Bottom right: once the two blocks are "
        "disjoint (shift > 1), JS stays at log 2\nand has no slope, while W₁ goes on growing.",
        ha="center",
        fontsize=9,
    )
    return figure


def _train_ring(steps_ahead: int, seed: int, moments: tuple):
    """Train one GAN on the ring; return (step, modes covered) pairs, samples at the given moments, and the modes."""
    random = torch.Generator().manual_seed(seed)
    angles = torch.arange(8) * math.pi / 4
    modes, spread = 2 * torch.stack([angles.cos(), angles.sin()], dim=1), 0.15
    centres = torch.cartesian_prod(torch.linspace(-3, 3, 11), torch.linspace(-3, 3, 11))
    sizes = (2, 32, 32, 2)
    weights = [torch.randn(i * o, generator=random) * 0.3 / math.sqrt(i) for i, o in zip(sizes, sizes[1:])]
    generator = torch.cat([part for w, o in zip(weights, sizes[1:]) for part in (w, torch.zeros(o))]).requires_grad_()
    discriminator, rate = torch.zeros(len(centres)), 2.0
    optimizer = torch.optim.Adam([generator], lr=0.03, betas=(0.5, 0.999))
    view = torch.randn(400, 2, generator=random)
    counts, snapshots = [], {}

    def bumps(x):
        squares = (x**2).sum(1, keepdim=True) - 2 * x @ centres.T + (centres**2).sum(1)
        return torch.exp(-squares / 2)

    def generate(parameters, z):
        return 3 * torch.tanh(network(parameters, z, sizes) / 3)  # inside the grid of bumps

    for step in range(max(moments) + 1):
        if step % 10 == 0 or step in moments:
            samples = generate(generator, view).detach()
            counts.append((step, mode_coverage(samples, modes, 3 * spread)[0]))
            snapshots[step] = samples
        chosen = torch.randint(8, (128,), generator=random)
        real = bumps(modes[chosen] + spread * torch.randn(128, 2, generator=random))
        fake = bumps(generate(generator, torch.randn(128, 2, generator=random)))

        # Here the second player is its batch of features: their gradient goes on into the generator's parameters.
        def value(d, features, real=real):
            return estimated_value(lambda x: x @ d, real, features)

        ahead = unrolled_discriminator(value, discriminator, fake, steps_ahead, rate)
        (generator.grad,) = torch.autograd.grad(value(ahead, fake), generator)
        optimizer.step()
        discriminator = unrolled_discriminator(value, discriminator, fake.detach(), 1, rate).detach()
    return counts, snapshots, modes


def _draw_ring(axes, samples: Tensor, modes: Tensor, title: str, colour: str) -> None:
    """Draw samples over the modes and say how many modes they cover."""
    covered, share = mode_coverage(samples, modes, 0.45)
    axes.scatter(*modes.T, s=150, facecolors="none", edgecolors="black", linewidths=0.8)
    axes.scatter(*samples.T, s=4, color=colour, alpha=0.5)
    axes.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal", xlabel="x₁", ylabel="x₂")
    axes.set_title(f"{title}:\n{covered} modes, {share:.0%} good samples", fontsize=9)


def _draw_divergences(axes) -> None:
    """Draw JS and W₁ between two blocks of width one against the shift of the second."""
    cells = 20  # per unit of length
    block = torch.full((cells,), 1 / cells, dtype=torch.float64)
    points = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells
    shifts = torch.arange(0, 3 * cells + 1, 2)
    room = torch.zeros(4 * cells, dtype=torch.float64)
    first = room.index_copy(0, torch.arange(cells), block)
    js = [js_divergence(first, room.index_copy(0, torch.arange(cells) + s, block)) for s in shifts]
    w1 = [wasserstein_1d(points, points + s / cells) for s in shifts]
    axes.plot(shifts / cells, js, label="JS (nats)")
    axes.plot(shifts / cells, w1, label="W₁ (units of length)")
    axes.axhline(math.log(2), color="grey", linestyle=":", label="log 2")
    axes.set(xlabel="shift between two blocks of width 1", ylabel="divergence")
    axes.set_title("JS against W₁ as the supports part", fontsize=10)
    axes.legend()
    axes.grid(alpha=0.3)
