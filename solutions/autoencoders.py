# %% [markdown]
# # 06 · Autoencoders
#
# An autoencoder learns a short description of its data without labels. An **encoder** $f$ maps a point
# $x\in\mathbb R^n$ to a **code** $z\in\mathbb R^d$ with $d\ll n$, a **decoder** $g$ maps it back, and both are trained
# so that $\hat x=g(f(x))$ is close to $x$. All that the decoder knows of $x$ has passed through $d$ numbers, the
# **bottleneck**: the code must keep what varies in the data and drop the rest.
#
# With linear $f$ and $g$ the best autoencoder is principal component analysis. Networks follow curved data, which no
# linear map can. An encoder that returns a *distribution* over codes gives the **variational autoencoder** (VAE), a
# model from which new data can be drawn.
#
# Lecture notes often get two things wrong. A plain autoencoder is **not** a generative model: it says nothing about
# which codes are likely, and a code that no data point has may decode to anything. In a VAE the **encoder** outputs a
# distribution over latents, not "the generator": that name is the decoder's.
#
# **Conventions.** A batch is a stack of rows: data $(m, n)$, codes $(m, d)$; several noise samples per point stand in
# front, $(s, m, d)$. Logarithms are natural, log-likelihoods in *nats per data point*: sums over the $n$ entries of $x$
# and the $d$ latent dimensions, means over the batch. (Libraries that also average over entries shift the balance of a
# VAE's two terms by a factor of $n$: a frequent cause of blurred or ignored codes.) A diagonal Gaussian is given by its
# mean `mu` and by `logvar` $=\log\sigma^2$, the logarithm of the *variance*, any real number; the standard deviation is
# $\sigma=e^{\text{logvar}/2}$. Likelihoods and bounds are maximised, losses minimised.
#
# *Sources.* Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks" (2006); Kingma and
# Welling, "Auto-encoding variational Bayes" (2014); Rezende, Mohamed and Wierstra, "Stochastic backpropagation and
# approximate inference in deep generative models" (2014); the papers named at each exercise.

# %%
import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

# %% [markdown]
# ## Linear autoencoders: principal component analysis
#
# Let $f$ and $g$ be affine. Which $d$-dimensional plane is closest to the data? Let $\bar x$ be the mean,
# $C=\frac1m\sum_i(x_i-\bar x)(x_i-\bar x)^\top$ the covariance, of shape $(n, n)$, with eigenvalues
# $\lambda_1\ge\dots\ge\lambda_n\ge0$, and the columns of $V$, of shape $(n, d)$, orthonormal. Encode by
# $z=V^\top(x-\bar x)$, decode by $\hat x=\bar x+Vz$. The residual is $(I-VV^\top)(x-\bar x)$, so
#
# $$ \frac1m\sum_i\lVert x_i-\hat x_i\rVert^2 = \operatorname{tr}\bigl((I-VV^\top)\,C\bigr)
#    = \operatorname{tr}C-\operatorname{tr}(V^\top CV). $$
#
# The last trace is largest, $\lambda_1+\dots+\lambda_d$, when $V$ holds the eigenvectors of the $d$ largest
# eigenvalues. What is lost is the **sum of the dropped eigenvalues**, $\lambda_{d+1}+\dots+\lambda_n$, and no other
# affine map of rank $d$ loses less (Eckart and Young, 1936). $P=VV^\top$ is an orthogonal projection, $P^2=P=P^\top$:
# reconstructing twice changes nothing.
#
# Gradient descent on the squared error finds the same *plane* (if no two eigenvalues are equal, every other critical
# point is a saddle: Baldi and Hornik, 1989) but not the same *axes*: $g(Az)$ and $A^{-1}f(x)$ do just as well for every
# invertible $A$. "A linear autoencoder is PCA" is true of the subspace only.
#
# **What to watch for.** Without centring the first direction points at the mean. `eigh` sorts in *ascending* order. The
# sign of an eigenvector means nothing. The covariance divides by $m$, as the error does; with $m-1$ the two sides
# disagree.

# %% [markdown]
# ### linear_autoencoder
#
# $(m, n)\to(n), (n, d), (n)$.


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
    # BEGIN SOLUTION: centre; eigenvectors of a symmetric matrix; mind the order in which they come
    if not 1 <= d <= x.shape[1]:
        raise ValueError(f"the bottleneck d = {d} must lie between 1 and n = {x.shape[1]}.")
    mean = x.mean(dim=0)
    centred = x - mean
    eigenvalues, eigenvectors = torch.linalg.eigh(centred.T @ centred / len(x))
    return mean, eigenvectors.flip(1)[:, :d], eigenvalues.flip(0)
    # END SOLUTION


# %% [markdown]
# ## Nonlinear autoencoders
#
# Points on a curve in space have one degree of freedom, but no straight line passes near all of them. Let $f$ and $g$
# be networks, and minimise
#
# $$ L = \frac1m\sum_{i=1}^m\lVert x_i-g(f(x_i))\rVert^2 . $$
#
# The image of $g$ is then a curved surface of dimension at most $d$, and by the chain rule the Jacobian
#
# $$ \frac{\partial\hat x}{\partial x}=\underbrace{\frac{\partial g}{\partial z}}_{(n, d)}
#    \underbrace{\frac{\partial f}{\partial x}}_{(d, n)} $$
#
# has rank at most $d$. That is what a bottleneck *is*: a wider network with a layer of size $d$ on a side path has
# none.
#
# **What to watch for.** Without a nonlinearity (or with one nearly linear on small inputs, as $\tanh$ is) the network
# is PCA, only slower: the loss stalls at the sum of the dropped eigenvalues. A nonlinearity on the *code* or *output*
# caps what can be expressed: $\tanh$ outputs cannot reconstruct 3, ReLU codes waste half of each axis. With $d\ge n$
# the identity has loss 0 and nothing is learned.
#
# Given below: networks as lists of tensors, $[W_1, b_1, W_2, b_2, \dots]$ with $W_i$ of shape (outputs, inputs), tanh
# between the layers and nothing after the last.


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
#
# Training is full-batch Adam (torch's defaults but for the learning rate): one step per call of the loss, *all*
# parameters, gradients cleared in between.


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
        # BEGIN SOLUTION: self.decoder, by the same generator
        self.decoder = random_parameters(sizes[::-1], generator)
        # END SOLUTION

    def encode(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch d"]:
        """Compute the code z = f(x)."""
        # BEGIN SOLUTION
        return mlp(x, self.encoder)
        # END SOLUTION

    def decode(self, z: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch n"]:
        """Compute the reconstruction g(z) of a code."""
        # BEGIN SOLUTION
        return mlp(z, self.decoder)
        # END SOLUTION

    def reconstruct(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        """Compute g(f(x))."""
        # BEGIN SOLUTION
        return mlp(mlp(x, self.encoder), self.decoder)
        # END SOLUTION

    def fit(self, x: Float[Tensor, "m n"], steps: int, learning_rate: float) -> list[float]:
        """Train by Adam on the mean over points of ‖x − g(f(x))‖²; return the loss before each of the steps.

        Afterwards the parameters in `encoder` and `decoder` are the trained ones and do not require gradients.
        """
        # BEGIN SOLUTION: one optimizer for all parameters; sum over the entries of a point, mean over points
        parameters = [p.requires_grad_() for p in self.encoder + self.decoder]
        optimizer = torch.optim.Adam(parameters, lr=learning_rate)
        losses = []
        for _ in range(steps):
            loss = (x - self.reconstruct(x)).square().sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        for parameter in parameters:
            parameter.requires_grad_(False)
        return losses
        # END SOLUTION


# %% [markdown]
# ## Denoising
#
# Another way to prevent mere copying: corrupt the input and ask for the clean one,
#
# $$ L_{\text{DAE}} = \mathbb E_{x}\,\mathbb E_{\varepsilon}\,\lVert r(x+\varepsilon)-x\rVert^2,
#    \qquad r=g\circ f . $$
#
# The identity now costs $\mathbb E\lVert\varepsilon\rVert^2$; to do better, $r$ must know where data are and move
# points towards them. The best $r$ is the posterior mean $\mathbb E[x\mid x+\varepsilon]$. For centred data with
# covariance $C$ and noise of variance $\sigma^2$ the best *linear* one is the Wiener filter $C(C+\sigma^2I)^{-1}$, a
# soft version of PCA's bottleneck: it keeps directions in which the data vary more than the noise and shrinks the
# others. In general $r(\tilde x)-\tilde x=\sigma^2\nabla\log p_\sigma(\tilde x)$ with the density $p_\sigma$ of the
# noisy data (Tweedie's formula): a denoiser knows the gradient of the log-density, the seed of diffusion models.
#
# **What to watch for.** The target is the *clean* point: with the noisy one the identity is optimal again, and the loss
# still falls nicely.

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
    # BEGIN SOLUTION
    if x.shape != noise.shape:
        raise ValueError(f"x has shape {tuple(x.shape)} and the noise {tuple(noise.shape)}; they must be the same.")
    return (reconstruct(x + noise) - x).square().sum(dim=1).mean()
    # END SOLUTION


# %% [markdown]
# ## A model of the data
#
# To draw new data we must know where to look for codes. A **latent variable model** says how the data came about: first
# a code $z\sim p(z)=\mathcal N(0, I)$, then a point $x\sim p_\theta(x\mid z)$ from a distribution whose parameters the
# decoder computes. The likelihood of a data point,
#
# $$ p_\theta(x) = \int p_\theta(x\mid z)\,p(z)\,\mathrm dz, $$
#
# is intractable for a network: nearly all codes explain a given $x$ badly, and the few others must be found. So an
# **encoder** with parameters $\phi$ of its own proposes them,
# $q_\phi(z\mid x)=\mathcal N\bigl(\mu_\phi(x), \operatorname{diag}\sigma_\phi^2(x)\bigr)$. (Notes that write $\theta$
# for both hide that encoder and decoder are two networks.) For *any* $q$, by
# $p_\theta(x)=p_\theta(x, z)/p_\theta(z\mid x)$,
#
# $$ \log p_\theta(x) = \underbrace{\mathbb E_{q}\Bigl[\log\frac{p_\theta(x, z)}{q_\phi(z\mid x)}\Bigr]}_{\text{ELBO}}
#    + \underbrace{\mathrm{KL}\bigl(q_\phi(z\mid x)\,\|\,p_\theta(z\mid x)\bigr)}_{\ge0} . $$
#
# The first term, the **evidence lower bound**, bounds the log-likelihood from below; the gap, the divergence from the
# exact posterior, closes exactly when $q$ is the posterior. Split $p_\theta(x, z)=p_\theta(x\mid z)p(z)$:
#
# $$ \mathrm{ELBO}(x) = \underbrace{\mathbb E_{q}[\log p_\theta(x\mid z)]}_{\text{reconstruction}}
#    - \underbrace{\mathrm{KL}\bigl(q_\phi(z\mid x)\,\|\,p(z)\bigr)}_{\text{rate}} . $$
#
# The first term alone would drive every $\sigma$ to 0 and the means far apart: points again, with deserts between them.
# The second pulls every $q$ towards $\mathcal N(0, I)$: codes crowd around the origin, overlap, and neighbours must
# decode alike. That is why one can sample from a VAE.

# %% [markdown]
# ### reparameterize
#
# The expectation is estimated from samples $z\sim q_\phi$. How does one differentiate a sample? Draw
# $\varepsilon\sim\mathcal N(0, I)$, which depends on nothing, and set
#
# $$ z = \mu + \sigma\odot\varepsilon, \qquad \sigma = e^{\text{logvar}/2}, \qquad
#    \frac{\partial z}{\partial\mu} = 1, \quad \frac{\partial z}{\partial\text{logvar}} = \tfrac12\,\sigma\varepsilon .
# $$
#
# The randomness is now an input, `eps`, and the gradient passes by it. With several samples per point `eps` is
# $(s, m, d)$, `mu` and `logvar` $(m, d)$.
#
# **What to watch for.** $e^{\text{logvar}}$ is the variance: forget the ½ and the model trains, with the wrong noise.
# Halve the exponent rather than take the root of the exponential, which overflows earlier and has no derivative where
# it underflows. `torch.normal(mu, sigma)` gives right samples and no gradient.


# %% exercise="reparameterize"
def reparameterize(
    mu: Float[Tensor, "*batch d"], logvar: Float[Tensor, "*batch d"], eps: Float[Tensor, "*samples d"]
) -> Float[Tensor, "*samples d"]:
    """Compute z = μ + σ ⊙ ε with σ = exp(logvar / 2): a sample of N(μ, diag σ²) if ε is one of N(0, I).

    `eps` has the shape of `mu` or further axes in front. Finite, with finite gradients, for logvar from −1000 to 1000.
    Source: Kingma and Welling (2014), section 2.4.
    """
    # BEGIN SOLUTION
    return mu + torch.exp(0.5 * logvar) * eps
    # END SOLUTION


# %% [markdown]
# ### gaussian_kl
#
# The rate has a closed form and needs no samples. For one dimension,
# $\mathrm{KL}(\mathcal N(\mu,\sigma^2)\Vert\mathcal N(0,1))=\mathbb E_q[\log q-\log p]$, and with
# $\mathbb E_q[(z-\mu)^2]=\sigma^2$, $\mathbb E_q[z^2]=\mu^2+\sigma^2$,
#
# $$ \mathrm{KL} = \mathbb E_q\Bigl[-\tfrac12\log\sigma^2-\frac{(z-\mu)^2}{2\sigma^2}+\frac{z^2}2\Bigr]
#    = \tfrac12\bigl(\mu^2+\sigma^2-1-\log\sigma^2\bigr) . $$
#
# Independent dimensions add up: $(\dots, d)\to(\dots)$. It is 0 exactly for $\mu=0$, $\sigma=1$, since
# $\sigma^2-1\ge\log\sigma^2$.


# %% exercise="gaussian_kl"
def gaussian_kl(mu: Float[Tensor, "*batch d"], logvar: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
    """Compute KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ_j (μ_j² + σ_j² − 1 − log σ_j²) in nats, with log σ² = logvar.

    The sum is over the last axis. Finite for logvar as small as −10⁴.
    Source: Kingma and Welling (2014), appendix B.
    """
    # BEGIN SOLUTION
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar).sum(dim=-1)
    # END SOLUTION


# %% [markdown]
# ### gaussian_log_likelihood
#
# What the decoder's output means is a choice. For real-valued data take
# $p_\theta(x\mid z)=\mathcal N(\hat x, \sigma^2I)$ with the output $\hat x=g(z)$ as the mean:
#
# $$ \log p(x\mid z) = -\frac{\lVert x-\hat x\rVert^2}{2\sigma^2} - n\log\sigma - \frac n2\log2\pi . $$
#
# The squared error is thus a log-likelihood, *up to the scale* $1/2\sigma^2$, which weighs reconstruction against rate.
# "MSE + KL" fixes $\sigma^2=\frac12$, a huge noise for pixels in $[0, 1]$: blurred reconstructions. The $\sigma$ of
# greatest likelihood is the root mean squared error per entry (Rybkin, Daniilidis and Levine, 2021).
#
# **What to watch for.** One $\sigma$ shared by $n$ entries still costs $n\log\sigma$, not $\log\sigma$.


# %% exercise="gaussian_log_likelihood"
def gaussian_log_likelihood(
    x: Float[Tensor, "*batch n"], mean: Float[Tensor, "*samples n"], sigma: float | Tensor
) -> Float[Tensor, "*samples"]:
    """Compute log N(x; mean, diag σ²) in nats, summed over the last axis.

    `x` and `mean` broadcast against each other, as (m, n) and (s, m, n) do; `sigma` is one positive number, or a tensor
    that broadcasts against them, such as one of shape (n,) with a noise level per entry.
    Raises ValueError if some sigma <= 0. Source: Bishop (2006), section 2.3.
    """
    # BEGIN SOLUTION
    sigma = torch.as_tensor(sigma, dtype=mean.dtype)
    if (sigma <= 0).any():
        raise ValueError("sigma must be positive: it is a standard deviation.")
    standardised = (x - mean) / sigma
    return (-0.5 * standardised.square() - sigma.log() - 0.5 * math.log(2 * math.pi)).sum(dim=-1)
    # END SOLUTION


# %% [markdown]
# ### bernoulli_log_likelihood
#
# For binary data the decoder returns one logit $a_i$ per entry and $p(x_i=1\mid z)=\sigma(a_i)$, with $\sigma$ the
# logistic sigmoid for once:
#
# $$ \log p(x\mid z) = \sum_i x_i\log\sigma(a_i)+(1-x_i)\log\sigma(-a_i) . $$
#
# It is minus the binary cross-entropy, the minus sign on *both* terms. Grey values $x_i\in[0,1]$ are often put in as
# they stand: the formula is still greatest at $\sigma(a_i)=x_i$ and a useful loss, but no log-density on $[0,1]^n$, as
# it does not integrate to one (Loaiza-Ganem and Cunningham, 2019).
#
# **What to watch for.** `log(sigmoid(a))` is $-\infty$ for $a=-1000$ in double precision, in single already for
# $a=-90$; so is `log(1 - sigmoid(a))` for $a=40$. There is a function for the logarithm of a sigmoid.


# %% exercise="bernoulli_log_likelihood"
def bernoulli_log_likelihood(
    x: Float[Tensor, "*batch n"], logits: Float[Tensor, "*samples n"]
) -> Float[Tensor, "*samples"]:
    """Compute Σ_i x_i log σ(a_i) + (1 − x_i) log σ(−a_i) in nats over the last axis, with logits a.

    `x` lies in [0, 1] and broadcasts against `logits`, as (m, n) and (s, m, n) do. Logits of ±10⁴ give finite values.
    Source: Kingma and Welling (2014), appendix C.1.
    """
    # BEGIN SOLUTION
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(dim=-1)
    # END SOLUTION


# %% [markdown]
# ### elbo
#
# For every data point average the log-likelihood over sampled codes and subtract the rate in closed form,
#
# $$ \widehat{\mathrm{ELBO}}(x) = \frac1s\sum_{k=1}^s\log p_\theta(x\mid z_k)
#    - \mathrm{KL}\bigl(q_\phi(z\mid x)\,\|\,\mathcal N(0,I)\bigr), \qquad z_k=\mu+\sigma\odot\varepsilon_k,
#    \qquad (s, m, d)\to(m). $$
#
# An exact check: in the **linear-Gaussian** model $x=Wz+b+\sigma\cdot$ noise the likelihood is
# $p(x)=\mathcal N(b, WW^\top+\sigma^2I)$, and the posterior is Gaussian with covariance $S=(I+W^\top W/\sigma^2)^{-1}$
# and mean $SW^\top(x-b)/\sigma^2$. The ELBO must be $\log p(x)$ at the posterior, and less elsewhere. (A diagonal $q$
# reaches it only where $S$ is diagonal: where $W$ has orthogonal columns.)
#
# **What to watch for.** The sign of the rate; a mean over dimensions where a sum belongs; a mean over the batch in
# place of one value per point.


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
    # BEGIN SOLUTION
    z = mu + torch.exp(0.5 * logvar) * eps  # (s, m, d)
    rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)  # (m,)
    return log_likelihood(x, z).mean(dim=0) - rate
    # END SOLUTION


# %% [markdown]
# ### importance_weighted_bound
#
# With several samples one can do better than average. Each ratio $w_k=p_\theta(x, z_k)/q_\phi(z_k\mid x)$ has mean
# $p_\theta(x)$, so their average estimates the likelihood itself, and by Jensen its logarithm bounds $\log p_\theta(x)$
# from below on average:
#
# $$ \mathcal L_K(x) = \mathbb E\Bigl[\log\frac1K\sum_{k=1}^K w_k\Bigr], \qquad
#    \mathrm{ELBO} = \mathcal L_1\le\mathcal L_2\le\dots\le\log p_\theta(x) . $$
#
# It grows with $K$: the average of all weights is the average of the averages that leave one out, and the logarithm of
# an average is at least the average of the logarithms. At the exact posterior all weights equal $p_\theta(x)$: no
# variance, no gap, whatever the noise.
#
# In terms of the noise, $\log q_\phi(z\mid x)=-\tfrac12\sum_j(\varepsilon_j^2+\text{logvar}_j+\log2\pi)$, since
# $(z-\mu)/\sigma=\varepsilon$.
#
# **What to watch for.** $w_k$ is around $e^{-1000}$ for an image: never leave the logarithm. The mean comes *before*
# it; the mean of the logarithms is the ELBO again.


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
    # BEGIN SOLUTION
    z = mu + torch.exp(0.5 * logvar) * eps  # (s, m, d)
    log_prior_over_posterior = 0.5 * (eps.square() + logvar - z.square()).sum(dim=-1)  # 2π cancels
    log_weights = log_likelihood(x, z) + log_prior_over_posterior  # (s, m)
    return torch.logsumexp(log_weights, dim=0) - math.log(len(eps))
    # END SOLUTION


# %% [markdown]
# ### beta_vae_loss
#
# The $\beta$-VAE puts a weight on the rate,
#
# $$ L_\beta = \frac1m\sum_{i=1}^m\Bigl(-\mathbb E_{q}[\log p_\theta(x_i\mid z)]
#    + \beta\,\mathrm{KL}\bigl(q_\phi(z\mid x_i)\,\|\,p(z)\bigr)\Bigr) . $$
#
# This is the Lagrangian of "maximise the reconstruction within a budget for the rate", with $\beta$ the multiplier.
# Large $\beta$ buys few nats of code, spent first where they help most; single dimensions then often follow single
# factors of variation ("disentangled"): an observation, not a theorem, since without further assumptions nothing in the
# data tells factors from a rotation of them (Locatello et al., 2019). For $\beta>1$, $-L_\beta$ is still a bound of
# $\log p_\theta$, a looser one; for $\beta<1$ it need not be. Raising $\beta$ from 0 in the first epochs ("warm-up") is
# the usual cure for posterior collapse (below).


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
    # BEGIN SOLUTION
    if beta < 0:
        raise ValueError(f"beta must not be negative; it is {beta}.")
    rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)  # (m,)
    return (beta * rate - reconstruction).mean()
    # END SOLUTION


# %% [markdown]
# ## The variational autoencoder
#
# The encoder has $2d$ outputs, first $\mu$, then logvar. The decoder maps $d$ numbers to $n$: means for the Gaussian,
# logits for the Bernoulli likelihood.
#
# To **sample**, draw $z\sim\mathcal N(0, I)$ and decode, without the encoder. To see what a latent dimension does,
# **traverse** it: let it run through a range while the others stay. The decoder is continuous, so the picture morphs;
# that every stop on the way *looks like data* is what the rate bought.
#
# **What to watch for.** What is sampled is $z$, not noise around the codes of training points; codes of an ordinary
# autoencoder are not normal, so there the recipe fails. A sample shown as the decoder's mean lacks the noise of
# $p(x\mid z)$: strictly it is the mean of a sample.

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
        # BEGIN SOLUTION: the first axis of a weight is its outputs, the second its inputs
        outputs, latents = encoder[-1].shape[0], decoder[0].shape[1]
        if outputs != 2 * latents:
            raise ValueError(f"the encoder has {outputs} outputs; for {latents} latents it needs {2 * latents}.")
        self.encoder, self.decoder = list(encoder), list(decoder)
        # END SOLUTION

    def encode(self, x: Float[Tensor, "*batch n"]) -> tuple[Float[Tensor, "*batch d"], Float[Tensor, "*batch d"]]:
        """Compute the distribution q(z|x) = N(μ, diag exp(logvar)) as the pair (μ, logvar)."""
        # BEGIN SOLUTION
        mu, logvar = mlp(x, self.encoder).chunk(2, dim=-1)
        return mu, logvar
        # END SOLUTION

    def decode(self, z: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch n"]:
        """Compute the parameters of p(x|z): the means, or the logits."""
        # BEGIN SOLUTION
        return mlp(z, self.decoder)
        # END SOLUTION

    def reconstruct(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        """Decode the mean code μ(x): no noise, so that the same point always gives the same reconstruction."""
        # BEGIN SOLUTION
        mu, _ = mlp(x, self.encoder).chunk(2, dim=-1)
        return mlp(mu, self.decoder)
        # END SOLUTION

    def sample(self, count: int, seed: int) -> tuple[Float[Tensor, "count d"], Float[Tensor, "count n"]]:
        """Draw codes z ~ N(0, I) with a generator of this seed and decode them: the pair (z, decoder's output).

        The codes have the dtype of the parameters. The same seed gives the same samples.
        """
        # BEGIN SOLUTION
        weight = self.decoder[0]
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(count, weight.shape[1], generator=generator, dtype=weight.dtype)
        return z, mlp(z, self.decoder)
        # END SOLUTION

    def traverse(
        self, z: Float[Tensor, " d"], dimension: int, values: Float[Tensor, " steps"]
    ) -> Float[Tensor, "steps n"]:
        """Decode copies of z in which entry `dimension` takes each of the values in turn; z itself stays as it is."""
        # BEGIN SOLUTION
        codes = z.repeat(len(values), 1)
        codes[:, dimension] = values
        return mlp(codes, self.decoder)
        # END SOLUTION


# %% [markdown]
# ### train_vae
#
# Encoder and decoder are trained *together*: Adam descends on $L_\beta$ with one fresh noise sample per data point and
# step. One is enough, because the batch averages too.
#
# A yardstick: in the linear-Gaussian model, probabilistic PCA, the maximum of the likelihood is known (Tipping and
# Bishop, 1999): with the eigenvalues $\lambda_i$ of the data covariance and $\sigma^2=\frac1{n-d}\sum_{i>d}\lambda_i$,
#
# $$ \max\frac1m\sum_i\log p(x_i) =
#    -\tfrac12\Bigl(n\log2\pi+n+\sum_{i\le d}\log\lambda_i+(n-d)\log\sigma^2\Bigr), $$
#
# and the ELBO of a linear VAE reaches it (Lucas et al., 2019).
#
# **What to watch for.** Gradients that are not cleared add up. The same noise in every step is learned by heart: the
# loss looks better than any held-out bound. A single-sample loss is noisy: judge by averages. If $\sigma$ starts far
# too small, the reconstruction outweighs everything else and training can settle where the codes are torn apart: start
# near the data's scale and let it fall.


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
    # BEGIN SOLUTION: torch.optim.Adam on detached copies
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for step, eps in enumerate(noise):
        mu, logvar = encode(x, parameters)
        rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)  # (m,)
        z = mu + torch.exp(0.5 * logvar) * eps
        loss = (beta * rate - log_likelihood(x, z, parameters)).mean()
        if not loss.isfinite():
            raise ValueError(f"the loss is {loss.item()} in step {step}: try a smaller learning rate.")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in parameters], losses
    # END SOLUTION


# %% [markdown]
# ## Looking into the latent space

# %% [markdown]
# ### active_units
#
# **Posterior collapse**: the encoder returns $q(z_j\mid x)\approx\mathcal N(0, 1)$ for every $x$, the rate of dimension
# $j$ is 0, and the decoder ignores it. In the linear model a direction whose variance is below the noise is not worth
# its rate: the optimum leaves it out, and a decoder with too large a $\sigma$ collapses because the objective asks for
# it (Lucas et al., 2019). With a decoder that can model $x$ by itself, *every* dimension may go (Bowman et al., 2016).
# How it looks: a loss that stalls early, a rate of 0, samples all alike, traversals in which nothing moves.
#
# A dimension is **active** if its mean code varies over the data,
#
# $$ \operatorname{Var}_x\bigl[\mu_j(x)\bigr] = \frac1m\sum_i\bigl(\mu_{ij}-\bar\mu_j\bigr)^2 > 0.01 . $$
#
# A dimension with $\mu_j(x)=5$ for all $x$ has a large rate and says nothing: the *variance* counts, not the size.


# %% exercise="active_units"
def active_units(mu: Float[Tensor, "m d"], threshold: float = 0.01) -> Bool[Tensor, " d"]:
    """Tell for each latent dimension whether the variance (1/m) Σ_i (μ_ij − mean_j)² of its mean code > threshold.

    Source: Burda, Grosse and Salakhutdinov (2016).
    """
    # BEGIN SOLUTION
    return mu.var(dim=0, correction=0) > threshold
    # END SOLUTION


# %% [markdown]
# ### spherical_interpolation
#
# A straight walk between codes passes too close to the origin. In $d$ dimensions $\lVert z\rVert^2$ of a standard
# normal $z$ has mean $d$ and standard deviation $\sqrt{2d}$: nearly all codes lie near the sphere of radius $\sqrt d$,
# two of them are nearly orthogonal, and their midpoint has norm $\sqrt{d/2}$, where hardly any codes are. **Spherical
# interpolation** walks along the arc. With $\theta$ the angle between $z_0$ and $z_1$,
#
# $$ z(t) = \frac{\sin((1-t)\theta)}{\sin\theta}\,z_0 + \frac{\sin(t\theta)}{\sin\theta}\,z_1, \qquad 0\le t\le1, $$
#
# and for parallel vectors the straight line, the limit $\theta\to0$. Opposite vectors have no shortest arc.
#
# **What to watch for.** The arc cosine of a number that rounding pushed above 1 is NaN, and near 1 it loses half its
# digits: for unit vectors, $\theta=2\arctan\bigl(\lVert u_0-u_1\rVert/\lVert u_0+u_1\rVert\bigr)$ keeps them all.
# And $\frac00$ at $\theta=0$.


# %% exercise="spherical_interpolation"
def spherical_interpolation(
    z0: Float[Tensor, " d"], z1: Float[Tensor, " d"], t: Float[Tensor, " steps"]
) -> Float[Tensor, "steps d"]:
    """Compute (sin((1 − t)θ) z0 + sin(tθ) z1) / sin θ for each t, with θ the angle between z0 and z1.

    For vectors of the same direction (θ = 0) it is the straight line (1 − t) z0 + t z1.
    Raises ValueError if z0 or z1 is zero, or if they point in opposite directions (θ > π − 10⁻⁶).
    Source: Shoemake (1985); White, "Sampling generative networks" (2016).
    """
    # BEGIN SOLUTION: torch.sinc(x) is sin(πx)/(πx), and 1 at 0
    if not z0.any() or not z1.any():
        raise ValueError("the zero vector has no direction.")
    first, second = z0 / z0.norm(), z1 / z1.norm()
    angle = 2 * torch.atan2((first - second).norm(), (first + second).norm())
    if angle > math.pi - 1e-6:
        raise ValueError("z0 and z1 are opposite: no arc between them is the shortest.")
    turns = angle / math.pi
    t = t[:, None]  # (steps, 1)
    from_first = (1 - t) * torch.sinc((1 - t) * turns) * z0
    from_second = t * torch.sinc(t * turns) * z1
    return (from_first + from_second) / torch.sinc(turns)
    # END SOLUTION


# %% [markdown]
# ## The picture
#
# Handwritten digits of 8 × 8 pixels (Alpaydin and Kaynak, 1998), through two latent numbers: by PCA, your autoencoder,
# your VAE. They come with scikit-learn (`pip install scikit-learn`; nothing is downloaded); without it, the picture
# uses generated strokes of ten slants, and says so.


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
