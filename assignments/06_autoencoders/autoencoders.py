# %% [markdown]
# # 06 · Autoencoders
#
# Write your answers here, or in autoencoders.ipynb. The handout is README.md;
# `autograder check autoencoders.py` tells which laws your answers obey.

# %%
import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

# %% [markdown]
# ## Linear autoencoders: principal component analysis

# %% [markdown]
# ### linear_autoencoder

# %% exercise="linear_autoencoder"
def linear_autoencoder(
    x: Float[Tensor, "m n"], d: int
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n d"], Float[Tensor, " n"]]:
    """Find the affine autoencoder of bottleneck d with the least squared error: (mean, components, eigenvalues).

    The code of a point is (x − mean) @ components, its reconstruction mean + code @ components.T. The columns of
    `components` are orthonormal eigenvectors of the covariance (1/m) Σ_i (x_i − mean)(x_i − mean)ᵀ, largest eigenvalue
    first; `eigenvalues` holds all n of them in descending order.
    Raises ValueError unless 1 <= d <= n. Source: Eckart and Young (1936); Baldi and Hornik (1989).
    """
    # TODO: centre; eigenvectors of a symmetric matrix; mind the order in which they come
    raise NotImplementedError("linear_autoencoder: not written yet")

# %% [markdown]
# ## Nonlinear autoencoders

# %%
def mlp(x: Float[Tensor, "*batch inputs"], parameters: Sequence[Tensor]) -> Float[Tensor, "*batch outputs"]:
    """Apply a network with parameters [W_1, b_1, W_2, b_2, …]: affine layers with tanh between them."""
    for i in range(0, len(parameters), 2):
        x = F.linear(torch.tanh(x) if i else x, parameters[i], parameters[i + 1])
    return x


def random_parameters(sizes: Sequence[int], generator: torch.Generator) -> list[Tensor]:
    """Draw parameters for layers of these sizes: weights of variance 1/inputs, biases 0, in double precision."""
    parameters = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        weight = torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)
        parameters += [weight / math.sqrt(inputs), torch.zeros(outputs, dtype=torch.float64)]
    return parameters

# %% [markdown]
# ### Autoencoder

# %% exercise="Autoencoder"
class Autoencoder:
    """An encoder and a decoder network with a bottleneck between them.

    `encoder` and `decoder` are lists of parameters for `mlp`. Source: Hinton and Salakhutdinov (2006).
    """

    def __init__(self, sizes: Sequence[int], seed: int):
        """Draw the encoder, of widths `sizes` = (n, …, d), and then the decoder, of widths (d, …, n), from one seed."""
        sizes = list(sizes)
        generator = torch.Generator().manual_seed(seed)
        self.encoder = random_parameters(sizes, generator)
        # TODO: self.decoder, by the same generator
        raise NotImplementedError("Autoencoder.__init__: not written yet")

    def encode(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch d"]:
        """Compute the code z = f(x)."""
        # TODO: write this.
        raise NotImplementedError("Autoencoder.encode: not written yet")

    def decode(self, z: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch n"]:
        """Compute the reconstruction g(z) of a code."""
        # TODO: write this.
        raise NotImplementedError("Autoencoder.decode: not written yet")

    def reconstruct(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        """Compute g(f(x))."""
        # TODO: write this.
        raise NotImplementedError("Autoencoder.reconstruct: not written yet")

    def fit(self, x: Float[Tensor, "m n"], steps: int, learning_rate: float) -> list[float]:
        """Train by Adam on the mean over points of ‖x − g(f(x))‖²; return the loss before each of the steps.

        Afterwards the parameters in `encoder` and `decoder` are the trained ones and do not require gradients.
        """
        # TODO: one optimizer for all parameters; sum over the entries of a point, mean over points
        raise NotImplementedError("Autoencoder.fit: not written yet")

# %% [markdown]
# ## Denoising

# %% [markdown]
# ### denoising_loss

# %% exercise="denoising_loss"
def denoising_loss(
    reconstruct: Callable[[Float[Tensor, "m n"]], Float[Tensor, "m n"]],
    x: Float[Tensor, "m n"],
    noise: Float[Tensor, "m n"],
) -> Float[Tensor, ""]:
    """Compute the mean over points of ‖reconstruct(x + noise) − x‖², a scalar that autograd can differentiate.

    Raises ValueError if x and noise differ in shape. Source: Vincent et al. (2008); Alain and Bengio (2014).
    """
    # TODO: write this.
    raise NotImplementedError("denoising_loss: not written yet")

# %% [markdown]
# ## A model of the data

# %% [markdown]
# ### reparameterize

# %% exercise="reparameterize"
def reparameterize(
    mu: Float[Tensor, "*batch d"], logvar: Float[Tensor, "*batch d"], eps: Float[Tensor, "*samples d"]
) -> Float[Tensor, "*samples d"]:
    """Compute z = μ + σ ⊙ ε with σ = exp(logvar / 2): a sample of N(μ, diag σ²) if ε is one of N(0, I).

    `eps` has the shape of `mu` or further axes in front. Finite, with finite gradients, for logvar from −1000 to 1000.
    Source: Kingma and Welling (2014), section 2.4.
    """
    # TODO: write this.
    raise NotImplementedError("reparameterize: not written yet")

# %% [markdown]
# ### gaussian_kl

# %% exercise="gaussian_kl"
def gaussian_kl(mu: Float[Tensor, "*batch d"], logvar: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
    """Compute KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ_j (μ_j² + σ_j² − 1 − log σ_j²) in nats, with log σ² = logvar.

    The sum is over the last axis. Finite for logvar as small as −10⁴.
    Source: Kingma and Welling (2014), appendix B.
    """
    # TODO: write this.
    raise NotImplementedError("gaussian_kl: not written yet")

# %% [markdown]
# ### gaussian_log_likelihood

# %% exercise="gaussian_log_likelihood"
def gaussian_log_likelihood(
    x: Float[Tensor, "*batch n"], mean: Float[Tensor, "*samples n"], sigma: float | Tensor
) -> Float[Tensor, "*samples"]:
    """Compute log N(x; mean, diag σ²) in nats, summed over the last axis.

    `x` and `mean` broadcast against each other, as (m, n) and (s, m, n) do; `sigma` is one positive number, or a tensor
    that broadcasts against them, such as one of shape (n,) with a noise level per entry.
    Raises ValueError if some sigma <= 0. Source: Bishop (2006), section 2.3.
    """
    # TODO: write this.
    raise NotImplementedError("gaussian_log_likelihood: not written yet")

# %% [markdown]
# ### bernoulli_log_likelihood

# %% exercise="bernoulli_log_likelihood"
def bernoulli_log_likelihood(
    x: Float[Tensor, "*batch n"], logits: Float[Tensor, "*samples n"]
) -> Float[Tensor, "*samples"]:
    """Compute Σ_i x_i log σ(a_i) + (1 − x_i) log σ(−a_i) in nats over the last axis, with logits a.

    `x` lies in [0, 1] and broadcasts against `logits`, as (m, n) and (s, m, n) do. Logits of ±10⁴ give finite values.
    Source: Kingma and Welling (2014), appendix C.1.
    """
    # TODO: write this.
    raise NotImplementedError("bernoulli_log_likelihood: not written yet")

# %% [markdown]
# ### elbo

# %% exercise="elbo"
def elbo(
    x: Float[Tensor, "m n"],
    mu: Float[Tensor, "m d"],
    logvar: Float[Tensor, "m d"],
    eps: Float[Tensor, "s m d"],
    log_likelihood: Callable[[Tensor, Tensor], Tensor],
) -> Float[Tensor, " m"]:
    """Estimate E_q[log p(x|z)] − KL(q ‖ N(0, I)) per data point with q = N(μ, diag exp(logvar)), in nats.

    The expectation is the mean over the s samples z = μ + exp(logvar / 2) ε; KL is exact. `log_likelihood(x, z)` gives
    log p(x|z) of shape (s, m) for z of shape (s, m, d), and (m,) for (m, d).
    Source: Kingma and Welling (2014), equation 7.
    """
    # TODO: write this.
    raise NotImplementedError("elbo: not written yet")

# %% [markdown]
# ### importance_weighted_bound

# %% exercise="importance_weighted_bound"
def importance_weighted_bound(
    x: Float[Tensor, "m n"],
    mu: Float[Tensor, "m d"],
    logvar: Float[Tensor, "m d"],
    eps: Float[Tensor, "s m d"],
    log_likelihood: Callable[[Tensor, Tensor], Tensor],
) -> Float[Tensor, " m"]:
    """Compute log (1/s) Σ_k p(x|z_k) p(z_k) / q(z_k|x) per data point, with q = N(μ, diag exp(logvar)), p = N(0, I).

    The samples are z_k = μ + exp(logvar / 2) ε_k. `log_likelihood(x, z)` gives log p(x|z) of shape (s, m) for z of
    shape (s, m, d), and (m,) for (m, d). Finite for log-likelihoods as small as −10⁵.
    Source: Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders" (2016).
    """
    # TODO: write this.
    raise NotImplementedError("importance_weighted_bound: not written yet")

# %% [markdown]
# ### beta_vae_loss

# %% exercise="beta_vae_loss"
def beta_vae_loss(
    reconstruction: Float[Tensor, " m"],
    mu: Float[Tensor, "m d"],
    logvar: Float[Tensor, "m d"],
    beta: float = 1.0,
) -> Float[Tensor, ""]:
    """Compute the mean over the batch of −reconstruction + β · KL(N(μ, diag exp(logvar)) ‖ N(0, I)), a scalar in nats.

    `reconstruction` holds (an estimate of) E_q[log p(x|z)] for every data point. β = 1 gives minus the mean ELBO.
    Raises ValueError if beta < 0. Source: Higgins et al., "beta-VAE" (2017).
    """
    # TODO: write this.
    raise NotImplementedError("beta_vae_loss: not written yet")

# %% [markdown]
# ## The variational autoencoder

# %% [markdown]
# ### VAE

# %% exercise="VAE"
class VAE:
    """A probabilistic encoder and a decoder, given as lists of parameters for `mlp`; the prior is N(0, I).

    Source: Kingma and Welling (2014); Rezende, Mohamed and Wierstra (2014).
    """

    def __init__(self, encoder: Sequence[Tensor], decoder: Sequence[Tensor]):
        """Keep the parameters of the encoder (n → 2d) and of the decoder (d → n).

        Raises ValueError if the encoder does not have twice as many outputs as the decoder has inputs.
        """
        # TODO: the first axis of a weight is its outputs, the second its inputs
        raise NotImplementedError("VAE.__init__: not written yet")

    def encode(self, x: Float[Tensor, "*batch n"]) -> tuple[Float[Tensor, "*batch d"], Float[Tensor, "*batch d"]]:
        """Compute the distribution q(z|x) = N(μ, diag exp(logvar)) as the pair (μ, logvar)."""
        # TODO: write this.
        raise NotImplementedError("VAE.encode: not written yet")

    def decode(self, z: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch n"]:
        """Compute the parameters of p(x|z): the means, or the logits."""
        # TODO: write this.
        raise NotImplementedError("VAE.decode: not written yet")

    def reconstruct(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        """Decode the mean code μ(x): no noise, so that the same point always gives the same reconstruction."""
        # TODO: write this.
        raise NotImplementedError("VAE.reconstruct: not written yet")

    def sample(self, count: int, seed: int) -> tuple[Float[Tensor, "count d"], Float[Tensor, "count n"]]:
        """Draw codes z ~ N(0, I) with a generator of this seed and decode them: the pair (z, decoder's output).

        The codes have the dtype of the parameters. The same seed gives the same samples.
        """
        # TODO: write this.
        raise NotImplementedError("VAE.sample: not written yet")

    def traverse(
        self, z: Float[Tensor, " d"], dimension: int, values: Float[Tensor, " steps"]
    ) -> Float[Tensor, "steps n"]:
        """Decode copies of z in which entry `dimension` takes each of the values in turn; z itself stays as it is."""
        # TODO: write this.
        raise NotImplementedError("VAE.traverse: not written yet")

# %% [markdown]
# ### train_vae

# %% exercise="train_vae"
def train_vae(
    x: Float[Tensor, "m n"],
    parameters: Sequence[Tensor],
    encode: Callable[[Tensor, list[Tensor]], tuple[Tensor, Tensor]],
    log_likelihood: Callable[[Tensor, Tensor, list[Tensor]], Tensor],
    noise: Float[Tensor, "steps m d"],
    learning_rate: float,
    beta: float = 1.0,
) -> tuple[list[Tensor], list[float]]:
    """Fit a VAE by Adam: the new parameters, and the loss in nats before each of the steps.

    Step t minimises the mean over points of −log p(x|z) + β KL(q ‖ N(0, I)) with mu, logvar = encode(x, parameters) of
    shape (m, d), z = mu + exp(logvar / 2) · noise[t], and log p(x|z) = log_likelihood(x, z, parameters) of shape (m,).
    `parameters` are what it starts from, left as they are; the new ones have the same shapes and require no gradient.
    Raises ValueError, naming the step, if the loss is not finite.
    Source: Kingma and Welling (2014), algorithm 1; Kingma and Ba, Adam (2015).
    """
    # TODO: torch.optim.Adam on detached copies
    raise NotImplementedError("train_vae: not written yet")

# %% [markdown]
# ## Looking into the latent space

# %% [markdown]
# ### active_units

# %% exercise="active_units"
def active_units(mu: Float[Tensor, "m d"], threshold: float = 0.01) -> Bool[Tensor, " d"]:
    """Tell for each latent dimension whether the variance (1/m) Σ_i (μ_ij − mean_j)² of its mean code > threshold.

    Source: Burda, Grosse and Salakhutdinov (2016).
    """
    # TODO: write this.
    raise NotImplementedError("active_units: not written yet")

# %% [markdown]
# ### spherical_interpolation

# %% exercise="spherical_interpolation"
def spherical_interpolation(
    z0: Float[Tensor, " d"], z1: Float[Tensor, " d"], t: Float[Tensor, " steps"]
) -> Float[Tensor, "steps d"]:
    """Compute (sin((1 − t)θ) z0 + sin(tθ) z1) / sin θ for each t, with θ the angle between z0 and z1.

    For vectors of the same direction (θ = 0) it is the straight line (1 − t) z0 + t z1.
    Raises ValueError if z0 or z1 is zero, or if they point in opposite directions (θ > π − 10⁻⁶).
    Source: Shoemake (1985); White, "Sampling generative networks" (2016).
    """
    # TODO: torch.sinc(x) is sin(πx)/(πx), and 1 at 0
    raise NotImplementedError("spherical_interpolation: not written yet")

# %% [markdown]
# ## The picture

# %%
def digit_images(count: int) -> tuple[Float[Tensor, "count 64"], Tensor, str]:
    """Grey images of 8 × 8 pixels in [0, 1], their classes 0–9, and what they are."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        return _strokes(count)
    digits = load_digits()
    images = torch.tensor(digits.data[:count]) / 16
    return images, torch.tensor(digits.target[:count]), "digits"


def _strokes(count: int) -> tuple[Float[Tensor, "count 64"], Tensor, str]:
    """Bars of ten slants at random places: images for those who have no scikit-learn."""
    generator = torch.Generator().manual_seed(0)
    kinds = torch.arange(count) % 10
    slant = math.pi * kinds[:, None] / 10
    place = 1.2 * torch.randn(count, 1, generator=generator, dtype=torch.float64)
    side = torch.linspace(-3.5, 3.5, 8, dtype=torch.float64)
    across, down = torch.cartesian_prod(side, side).T
    distance = slant.cos() * across + slant.sin() * down - place
    return torch.exp(-(distance**2) / 1.5), kinds, "generated strokes (scikit-learn is not installed)"

# %% tags=["picture"]
def picture() -> "matplotlib.figure.Figure":
    """Digits through two latent dimensions: reconstructions, the codes, samples, and walks through the latent space."""
    from matplotlib.figure import Figure

    x, kinds, name = digit_images(600)
    mean, components, _ = linear_autoencoder(x, 2)
    plain = Autoencoder((64, 64, 2), seed=0)
    losses = plain.fit(x, 500, 0.02)
    model, loss = _trained_vae(x)
    chosen = torch.tensor([int((kinds == kind).nonzero()[1]) for kind in range(10)])
    shown = x[chosen]
    rows = [
        ("data", shown),
        ("PCA", mean + (shown - mean) @ components @ components.T),
        ("autoencoder", plain.reconstruct(shown)),
        ("VAE", torch.sigmoid(model.reconstruct(shown))),
        ("VAE samples", torch.sigmoid(model.sample(10, seed=1)[1])),
    ]
    mu, _ = model.encode(x)
    figure = Figure(figsize=(13, 10.8))
    grid = figure.add_gridspec(2, 2, top=0.91, bottom=0.14, left=0.09, right=0.98, hspace=0.26, wspace=0.22)
    title = f"Two latent dimensions: {name}, reconstructed and sampled"
    _draw_rows(figure.add_subplot(grid[0, 0]), rows, title, "one of each class (last row: ten samples)")
    _draw_codes(figure.add_subplot(grid[0, 1]), mu, kinds)
    _draw_plane(figure.add_subplot(grid[1, 0]), model)
    start, end = mu[chosen[2]], mu[chosen[4]]
    walk = torch.linspace(0, 1, 10, dtype=x.dtype)
    reach = torch.linspace(-2, 2, 10, dtype=x.dtype)
    straight = model.decode(torch.lerp(start, end, walk[:, None]))
    walks = [
        ("$z_1$ from −2 to 2", torch.sigmoid(model.traverse(torch.zeros_like(start), 0, reach))),
        ("$z_2$ from −2 to 2", torch.sigmoid(model.traverse(torch.zeros_like(start), 1, reach))),
        ("2 to 4, straight", torch.sigmoid(straight)),
        ("2 to 4, arc", torch.sigmoid(model.decode(spherical_interpolation(start, end, walk)))),
    ]
    _draw_rows(figure.add_subplot(grid[1, 1]), walks, "Walks through the latent space of the VAE", "step of the walk")
    error = (x - mean - (x - mean) @ components @ components.T).square().sum(1).mean()
    figure.suptitle(
        f"Autoencoders on {name}: squared error per image {error:.2f} (PCA), {losses[-1]:.2f} (autoencoder); "
        f"VAE: ELBO about {-loss:.1f} nats, {int(active_units(mu).sum())} of 2 dimensions active",
        fontsize=12,
    )
    figure.text(
        0.5,
        0.02,
        "You should see the autoencoder and the VAE keep the shape of most classes where PCA leaves the same smudge "
        "for many.\nThe codes of the VAE fill the disc of a standard normal (dashed: radius 2), most classes in a "
        "region of their own,\nand any point of the plane decodes to something like an image. Along the walks one "
        "image turns into another without a break.",
        ha="center",
        fontsize=10,
    )
    return figure


def _trained_vae(x: Tensor) -> tuple[VAE, float]:
    """A VAE with two latent dimensions and Bernoulli likelihood, trained on images, and its loss at the end."""
    generator = torch.Generator().manual_seed(0)
    encoder = random_parameters((64, 48, 4), generator)
    decoder = random_parameters((2, 48, 64), generator)
    noise = torch.randn(500, len(x), 2, generator=generator, dtype=x.dtype)
    parameters, losses = train_vae(
        x,
        encoder + decoder,
        lambda x, p: VAE(p[:4], p[4:]).encode(x),
        lambda x, z, p: bernoulli_log_likelihood(x, VAE(p[:4], p[4:]).decode(z)),
        noise,
        0.01,
    )
    return VAE(parameters[:4], parameters[4:]), sum(losses[-20:]) / 20


def _draw_rows(axes, rows: list, title: str, label: str) -> None:
    """Draw labelled rows of ten images each."""
    framed = [F.pad(images.reshape(-1, 8, 8), (1, 1, 1, 1)) for _, images in rows]
    strips = [images.permute(1, 0, 2).reshape(10, -1) for images in framed]
    axes.imshow(torch.cat(strips), cmap="gray_r", vmin=0, vmax=1)
    axes.set_yticks([10 * i + 4.5 for i in range(len(rows))], [name for name, _ in rows])
    axes.set_xticks([10 * i + 4.5 for i in range(10)], range(10))
    axes.set_xticks([10 * i - 0.5 for i in range(11)], minor=True)
    axes.set_yticks([10 * i - 0.5 for i in range(len(rows) + 1)], minor=True)
    axes.grid(which="minor", color="tab:blue", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel(label)
    axes.set_title(title, fontsize=10)


def _draw_codes(axes, mu: Tensor, kinds: Tensor) -> None:
    """Draw the mean codes, coloured by class."""
    dots = axes.scatter(*mu.T, c=kinds, cmap="tab10", s=9, vmin=-0.5, vmax=9.5)
    angle = torch.linspace(0, 2 * math.pi, 200)
    axes.plot(2 * angle.cos(), 2 * angle.sin(), "--", color="grey", linewidth=1)
    axes.figure.colorbar(dots, ax=axes, ticks=range(10), label="class (the VAE has not seen it)")
    axes.set(xlabel="$\\mu_1(x)$", ylabel="$\\mu_2(x)$", aspect="equal")
    axes.set_title("Mean codes of the VAE", fontsize=10)


def _draw_plane(axes, model: VAE) -> None:
    """Draw what a grid of codes decodes to; each row of the grid is a traversal of the first dimension."""
    count, reach = 11, 2.4
    values = torch.linspace(-reach, reach, count, dtype=torch.float64)
    rows = [torch.sigmoid(model.traverse(torch.stack([v, v]), 0, values)) for v in values.flip(0)]
    framed = [F.pad(row.reshape(count, 8, 8), (1, 1, 1, 1)) for row in rows]
    image = torch.cat([row.permute(1, 0, 2).reshape(10, -1) for row in framed])
    edge = reach * count / (count - 1)
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(-edge, edge, -edge, edge))
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    axes.set_title("What the points of the latent plane decode to", fontsize=10)
