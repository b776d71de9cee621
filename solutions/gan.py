# %% [markdown]
# # 11 · Generative adversarial networks
#
# A generator $G$ turns noise $z\sim\mathcal N(0, I)$ into samples $G(z)$ and so defines a distribution
# $p_{\text{model}}$ that can be sampled but has no formula. A discriminator $D$ is shown samples of the data and of the
# model and says for each how likely it is to be real. The two play
#
# $$ \min_G\,\max_D\; V(D,G), \qquad
#    V(D,G) = \mathbb E_{x\sim p_{\text{data}}}[\log D(x)] + \mathbb E_{z}[\log(1-D(G(z)))] . $$
#
# This handout goes from the theory on finite supports, where everything can be computed exactly, to what breaks in
# practice (vanishing gradients, mode collapse, rotation, disjoint supports) and the remedies.
#
# **Conventions.** A distribution on a finite support is a tensor of shape $(n,)$ with non-negative entries that sum to
# one. Logarithms are natural. In the theory $D(x)\in[0,1]$ is a probability; *networks* return the **logit**
# $a(x)$, with $D(x)=\sigma(a(x))$, because $\log\sigma(a)$ can be computed without overflow and $\log D$ cannot once
# $D$ has been rounded to 0 or 1. A batch of samples has shape $(m, d)$, its logits $(m,)$. $V$ is what the
# discriminator **maximises**; what is called a *loss* is minimised.
#
# *Sources.* Goodfellow et al., "Generative adversarial nets" (2014); Arjovsky and Bottou, "Towards principled methods
# for training generative adversarial networks" (2017); the papers named at each exercise.

# %%
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# %% [markdown]
# ## Divergences
#
# How far is one distribution from another? The **Kullback–Leibler divergence** is the expected log-ratio under the
# first,
#
# $$ \mathrm{KL}(p\,\|\,q) = \sum_i p_i \log\frac{p_i}{q_i} \;\ge 0, \qquad = 0 \iff p = q, $$
#
# with the conventions $0\log\frac{0}{q}=0$ and $p\log\frac{p}{0}=\infty$ for $p>0$. It is not symmetric, and infinite
# as soon as $q$ misses a point that $p$ has. (It is $\ge0$ by Jensen:
# $-\sum p\log\frac qp\ge-\log\sum p\frac qp = 0$.) The **Jensen–Shannon divergence** compares both with their average
# $m=\tfrac12(p+q)$,
#
# $$ \mathrm{JS}(p, q) = \tfrac12\mathrm{KL}(p\,\|\,m) + \tfrac12\mathrm{KL}(q\,\|\,m),
#    \qquad 0\le\mathrm{JS}\le\log 2 . $$
#
# It is symmetric and always finite, since $m$ is positive wherever $p$ or $q$ is. On disjoint supports $p/m=2$ wherever
# $p>0$, so $\mathrm{JS}=\log2$ exactly, *however far apart* the supports are. Keep that in mind.
#
# **What to watch for.** In floating point `0 * log(0)` is `0 * -inf`, a NaN, and one NaN spoils the sum. Multiply and
# take logarithms in a way that knows that zero times anything is zero here (look for a function that does). Some
# libraries return the *square root* of JS, which is a metric, under the name "Jensen–Shannon distance".

# %% [markdown]
# ### The Kullback–Leibler divergence
#
# The last axis is the support; earlier axes are a batch: $(\dots, n), (\dots, n)\to(\dots)$.

# %% exercise="kl_divergence"
def kl_divergence(p: Float[Tensor, "*batch n"], q: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """Compute KL(p‖q) = Σ_i p_i log(p_i / q_i) over the last axis.

    Terms with p_i = 0 count as 0; the result is infinite if some p_i > 0 where q_i = 0.
    Raises ValueError if the shapes differ. Source: Kullback and Leibler (1951).
    """
    # BEGIN SOLUTION
    if p.shape != q.shape:
        raise ValueError(f"p has shape {tuple(p.shape)} and q has shape {tuple(q.shape)}; they must be the same.")
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(dim=-1)
    # END SOLUTION


# %% [markdown]
# ### The Jensen–Shannon divergence

# %% exercise="js_divergence"
def js_divergence(p: Float[Tensor, "*batch n"], q: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """Compute JS(p, q) = ½ KL(p‖m) + ½ KL(q‖m) with m = ½ (p + q) over the last axis, in nats.

    Finite for all distributions, zeros included: between 0 and log 2.
    Raises ValueError if the shapes differ. Source: Lin (1991).
    """
    # BEGIN SOLUTION
    if p.shape != q.shape:
        raise ValueError(f"p has shape {tuple(p.shape)} and q has shape {tuple(q.shape)}; they must be the same.")
    middle = (p + q) / 2
    surprise = torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, middle)
    return surprise.sum(dim=-1) / 2
    # END SOLUTION


# %% [markdown]
# ## Why not simply maximise likelihood?
#
# Because likelihood and sample quality are nearly independent in high dimension. Let $p$ be a good model and $q$ noise.
# The mixture $0.01p + 0.99q$ produces garbage 99 times out of 100, yet
#
# $$ \log\bigl(0.01\,p(x)+0.99\,q(x)\bigr) \;\ge\; \log\bigl(0.01\,p(x)\bigr) = \log p(x) - \log 100 , $$
#
# because $q\ge0$; the gap closes as $q(x)\to0$. $\log100\approx4.6$ does not depend on the dimension, while $\log p(x)$
# of an image grows in proportion to the number of its pixels and is in the thousands: the two models look alike to the
# likelihood. The converse happens too: a model that has memorised the training set draws perfect samples and has a
# terrible likelihood on the test set. (Theis, van den Oord and Bethge, 2016.)
#
# **What to watch for.** $p(x)=e^{-5000}$ is 0 in floating point. Work with logarithms throughout: the mixture is a
# *log-sum-exp*. Write the bound beside it.

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
    # BEGIN SOLUTION
    if not 0 < weight < 1:
        raise ValueError(f"weight must lie strictly between 0 and 1; it is {weight}.")
    return torch.logaddexp(log_p + math.log(weight), log_q + math.log1p(-weight))
    # END SOLUTION


def mixture_log_likelihood_bound(log_p: Float[Tensor, "*shape"], weight: float = 0.01) -> Float[Tensor, "*shape"]:
    """Compute the bound log p + log(weight), below which the mixture's log-likelihood never falls.

    Raises ValueError if weight ≤ 0 or weight ≥ 1. Source: Theis, van den Oord and Bethge (2016).
    """
    # BEGIN SOLUTION
    if not 0 < weight < 1:
        raise ValueError(f"weight must lie strictly between 0 and 1; it is {weight}.")
    return log_p + math.log(weight)
    # END SOLUTION


# %% [markdown]
# ## The value function
#
# Give real samples the label 1 and generated ones the label 0. The binary cross-entropy of a classifier $D$ on half
# real, half generated data is $-\tfrac12 V(D,G)$: the discriminator is an ordinary classifier, and $V$ is minus the
# *sum* of the two mean losses. If $D$ answers ½ everywhere, $V = 2\log\tfrac12 = -\log4$; a perfect $D$ reaches $0$.
#
# On a finite support the expectation over $z$ becomes one over $p_{\text{model}}$:
# $V = \sum_i p_{\text{data},i}\log D_i + p_{\text{model},i}\log(1-D_i)$. In practice both expectations are means over
# mini-batches, $(m, d)\to(m,)$ logits, then a mean.

# %% [markdown]
# ### The exact value on a finite support
#
# $D_i=0$ is legal where there are no data, and $D_i=1$ where there are no model samples; a discriminator that is
# certain and wrong has value $-\infty$.

# %% exercise="value_function"
def value_function(
    discriminator: Float[Tensor, " n"], p_data: Float[Tensor, " n"], p_model: Float[Tensor, " n"]
) -> Float[Tensor, ""]:
    """Compute V(D, G) = Σ_i p_data_i log D_i + p_model_i log(1 − D_i), a scalar.

    `discriminator` holds the probabilities D_i ∈ [0, 1]; terms of probability 0 count as 0, even where the logarithm is
    infinite. Source: Goodfellow et al. (2014), equation 1.
    """
    # BEGIN SOLUTION
    return (torch.xlogy(p_data, discriminator) + torch.xlogy(p_model, 1 - discriminator)).sum()
    # END SOLUTION


# %% [markdown]
# ### The value estimated from samples
#
# With $D=\sigma(a)$: $\log D=\log\sigma(a)$ and $\log(1-D)=\log\sigma(-a)$. Both batches may have different sizes; each
# gets its own mean.

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
    # BEGIN SOLUTION
    return F.logsigmoid(discriminator(real)).mean() + F.logsigmoid(-discriminator(fake)).mean()
    # END SOLUTION


# %% [markdown]
# ## The best discriminator, and what the generator then minimises
#
# For a fixed generator $V$ is a sum over points $x$ of $a\log y+b\log(1-y)$ with $a=p_{\text{data}}(x)$,
# $b=p_{\text{model}}(x)$, $y=D(x)$. It is concave in $y$; setting $a/y-b/(1-y)=0$ gives $y=a/(a+b)$:
#
# $$ D^*(x) = \frac{p_{\text{data}}(x)}{p_{\text{data}}(x)+p_{\text{model}}(x)} . $$
#
# (Mind the brackets: lecture notes often write $p_{\text{data}}/p_{\text{data}}+p_{\text{model}}$, which is
# $1+p_{\text{model}}$.) Its logit is the log density ratio $\log p_{\text{data}}-\log p_{\text{model}}$: a
# discriminator *learns the ratio* of two densities from samples alone. Put $D^*$ back and multiply inside both
# logarithms by $\tfrac22$:
#
# $$ C(G) = V(D^*,G) =
#    \mathbb E_{p_{\text{data}}}\Bigl[\log\frac{p_{\text{data}}}{(p_{\text{data}}+p_{\text{model}})/2}\Bigr]
#  + \mathbb E_{p_{\text{model}}}\Bigl[\log\frac{p_{\text{model}}}{(p_{\text{data}}+p_{\text{model}})/2}\Bigr] - 2\log2
#  = 2\,\mathrm{JS}(p_{\text{data}},p_{\text{model}})-\log4 . $$
#
# So the generator minimises a Jensen–Shannon divergence without knowing either density. The minimum is $-\log4$,
# reached exactly at $p_{\text{model}}=p_{\text{data}}$, where $D^*=\tfrac12$ everywhere: a discriminator that is
# guessing is the sign of success, but also of one that has not learned; look at samples.

# %% [markdown]
# ### The optimal discriminator
#
# Where both densities are zero any answer is optimal; we take ½. The densities need not be on a finite support: pass
# their values at any points.

# %% exercise="optimal_discriminator"
def optimal_discriminator(
    p_data: Float[Tensor, "*shape"], p_model: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Compute D*(x) = p_data(x) / (p_data(x) + p_model(x)), and ½ where both densities are 0.

    Source: Goodfellow et al. (2014), proposition 1.
    """
    # BEGIN SOLUTION
    total = p_data + p_model
    return torch.where(total > 0, p_data / total, torch.full_like(total, 0.5))
    # END SOLUTION


# %% [markdown]
# ### The generator's criterion
#
# $\log(1-D^*)$ is best taken of the fraction $p_{\text{model}}/(p_{\text{data}}+p_{\text{model}})$: forming $D^*$
# first and subtracting it from 1 rounds small fractions to zero.

# %% exercise="generator_criterion"
def generator_criterion(p_data: Float[Tensor, " n"], p_model: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """Compute C(G) = max_D V(D, G) = Σ_i p_data_i log D*_i + p_model_i log(1 − D*_i), a scalar.

    Zeros in either distribution are legal. Source: Goodfellow et al. (2014), theorem 1.
    """
    # BEGIN SOLUTION
    total = p_data + p_model
    entropies = torch.xlogy(p_data, p_data) + torch.xlogy(p_model, p_model)
    return (entropies - torch.xlogy(total, total)).sum()
    # END SOLUTION


# %% [markdown]
# ## The convergence guarantee
#
# Suppose both players have unlimited capacity: at each step $D$ becomes $D^*$, and $p_{\text{model}}$ itself, not some
# parameters, moves to improve $V(D^*,p_{\text{model}})$. For each fixed $D$ the value is *linear* in
# $p_{\text{model}}$, and a supremum of linear functions is convex. Hence $C$ is convex in $p_{\text{model}}$, and
# small enough descent steps reach its only minimum. Two details that are easy to get wrong:
#
# - The gradient of $C$ at $p_{\text{model}}$ is the gradient of $V(D,\cdot)$ **with $D$ held at $D^*$**, namely
#   $g_i=\log(1-D^*_i)$; that $D^*$ moves too does not matter at a maximum (Danskin's theorem).
# - A plain gradient step leaves the simplex. *Exponentiated gradient* (mirror descent with the entropy) stays on it:
#
# $$ p_{\text{model},i}\;\leftarrow\;\frac{p_{\text{model},i}\,e^{-\eta g_i}}{\sum_j p_{\text{model},j}\,e^{-\eta g_j}},
#    \qquad e^{-g_i} = \frac{p_{\text{data},i}+p_{\text{model},i}}{p_{\text{model},i}} . $$
#
# For $\eta=1$ this is simply $p_{\text{model}}\leftarrow\tfrac12(p_{\text{data}}+p_{\text{model}})$: the error halves
# at every step. For every $0<\eta\le1$ the value falls monotonically, and after $t$ steps
# $C_t+\log4\le\mathrm{KL}(p_{\text{data}}\Vert p_{\text{model}}^{(0)})/(\eta t)$ (because
# $\partial^2C/\partial p_i^2 = \frac{p_{\text{data},i}}{p_i(p_{\text{data},i}+p_i)}\le\frac1{p_i}$; Bauschke, Bolte
# and Teboulle, 2017). Much larger steps overshoot.
#
# With neural networks none of this holds: capacity is finite, $D$ is not at its optimum, and $V$ is not convex in the
# *parameters* of $G$.
#
# **What to watch for.** A multiplicative update can never revive an entry that is exactly zero: a mode given up
# entirely is lost, hence the `ValueError`. An entry of $10^{-20}$ must recover, though; there $1-D^*$ computed by
# subtraction is 0 and the update NaN.

# %% [markdown]
# ### Training on the simplex
#
# Returns the whole history: distributions of shape $(T+1, n)$, the first row being the start, and values of shape
# $(T+1,)$, where entry $t$ is $V(D^*,p^{(t)})$ with the $D^*$ that belongs to $p^{(t)}$.

# %% exercise="train_on_simplex"
def train_on_simplex(
    p_data: Float[Tensor, " n"], p_model: Float[Tensor, " n"], learning_rate: float, steps: int
) -> tuple[Float[Tensor, "steps_plus_1 n"], Float[Tensor, " steps_plus_1"]]:
    """Alternate D ← D* and p_model ← p_model · exp(−learning_rate · log(1 − D*)), normalised, for `steps` steps.

    Returns the distributions, the start included, and the value V(D*, p_model) of each. `p_data` may have zeros.
    Raises ValueError if an entry of `p_model` is not positive. Source: Goodfellow et al. (2014), proposition 2;
    Kivinen and Warmuth (1997) for the update.
    """
    # BEGIN SOLUTION
    if not (p_model > 0).all():
        raise ValueError("Every entry of p_model must be positive: the update cannot revive a zero.")
    current = p_model
    distributions, values = [], []
    for _ in range(steps + 1):
        total = p_data + current
        real, fake = p_data / total, current / total  # D* and 1 − D*, each to full precision
        distributions.append(current)
        values.append((torch.xlogy(p_data, real) + torch.xlogy(current, fake)).sum())
        current = torch.softmax(current.log() - learning_rate * fake.log(), dim=0)
    return torch.stack(distributions), torch.stack(values)
    # END SOLUTION


# %% [markdown]
# ## The generator's loss saturates
#
# Early in training samples are bad and the discriminator is sure of it: $D(G(z))\to0$. Then
# $\log(1-D(G(z)))\to\log1=\mathbf0$, and with the logit $a$, $D=\sigma(a)$,
#
# $$ \frac{\partial}{\partial a}\log(1-\sigma(a)) = -\sigma(a)\to0 \quad(a\to-\infty), \qquad
#    \frac{\partial}{\partial a}\bigl[-\log\sigma(a)\bigr] = -(1-\sigma(a))\to-1 . $$
#
# Lecture notes often say that $\log(1-D(G(z)))$ goes to $-\infty$. It does so where the generator *wins*,
# $D(G(z))\to1$; where it loses the curve is flat at 0, and it is the vanishing **gradient** that stops the learning.
# The remedy is to minimise $-\log D(G(z))$ instead. Both losses push every logit upwards, with equal force at
# $D=\tfrac12$, so the game keeps its fixed point; but the second pushes hardest where the samples are worst. (It is no
# longer a zero-sum game.)
#
# **What to watch for.** A generator loss that sits at 0.000 from the first hundred steps while the discriminator is
# right all the time; and `log(1 - sigmoid(a))`, which is $-\infty$ already at $a=40$.

# %% [markdown]
# ### The saturating loss

# %% exercise="saturating_loss"
def saturating_loss(fake_logits: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Compute mean log(1 − σ(a)) over the logits a of generated samples, which the generator minimises.

    Finite for logits of ±10⁴. Source: Goodfellow et al. (2014), equation 1.
    """
    # BEGIN SOLUTION
    return F.logsigmoid(-fake_logits).mean()
    # END SOLUTION


# %% [markdown]
# ### The non-saturating loss

# %% exercise="non_saturating_loss"
def non_saturating_loss(fake_logits: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Compute −mean log σ(a) over the logits a of generated samples, which the generator minimises.

    Finite for logits of ±10⁴. Source: Goodfellow et al. (2014), section 3.
    """
    # BEGIN SOLUTION
    return -F.logsigmoid(fake_logits).mean()
    # END SOLUTION


# %% [markdown]
# ## Two players: rotation instead of descent
#
# Gradient descent on one loss goes downhill. Two players each go downhill on a landscape that the other keeps changing,
# and may run in circles. The smallest example is $V(d,g)=dg$ with its equilibrium at $(0,0)$. Simultaneous steps
#
# $$ d' = d+\eta\,\frac{\partial V}{\partial d}(d,g) = d+\eta g, \qquad
#    g' = g-\eta\,\frac{\partial V}{\partial g}(d,g) = g-\eta d $$
#
# satisfy $d'^2+g'^2=(1+\eta^2)(d^2+g^2)$: they spiral **outwards** at every learning rate. A GAN has the same rotation
# near its equilibrium when the discriminator is linear and the data is one point (the "Dirac-GAN"; Mescheder, Geiger
# and Nowozin, 2018). In practice this looks like losses that oscillate for ever and samples that jump from mode to
# mode. Letting $g$ move *after* $d$ (alternating steps) bounds the orbit
# while steps are small, but it does not converge.
#
# A convention for this and the next exercise: the parameters of each player are one tensor, and
# `value(discriminator, generator)` is a function of the two that returns the scalar $V$.

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
    # BEGIN SOLUTION
    d = discriminator.detach().clone().requires_grad_()
    g = generator.detach().clone().requires_grad_()
    ascent, descent = torch.autograd.grad(value(d, g), (d, g))
    return d.detach() + learning_rate * ascent, g.detach() - learning_rate * descent
    # END SOLUTION


# %% [markdown]
# ## Mode collapse and unrolling
#
# Against a *fixed* discriminator the generator's best answer is to put all its mass on the one point where $D$ is
# largest. The discriminator then learns that this point is fake, the generator moves to the next one, and so on:
# samples are good and all alike. This is mode collapse: the game became $\max_D\min_G$.
#
# An **unrolled** GAN lets the generator see the answer to its move. Before each of its steps the discriminator is
# advanced, on paper, by $k$ ascent steps
#
# $$ d_0=d,\qquad d_{j+1}=d_j+\eta\,\frac{\partial V}{\partial d}(d_j,g), $$
#
# and the generator descends $g\mapsto V(d_k(d,g),g)$, **including the path through $d_k$**:
#
# $$ \frac{\mathrm d}{\mathrm dg}V(d_k(d,g),g) = \frac{\partial V}{\partial g}(d_k,g)
#    + \Bigl(\frac{\partial d_k}{\partial g}\Bigr)^{\!\top}\frac{\partial V}{\partial d}(d_k,g) . $$
#
# The second term says how the discriminator would react. With $k=0$ this is the ordinary loss; as $k\to\infty$,
# $d_k\to D^*$ and the second term vanishes, leaving the gradient of $C(G)$. The real discriminator still takes
# ordinary steps; $d_k$ is thrown away. Lecture notes often say that the generator is optimised against the *last* $k$
# discriminators; it looks $k$ steps **ahead**. For $V=dg$ and $k$ steps, $V(d_k,g)=dg+k\eta g^2$: the new term
# $k\eta g^2$ is a spring that pulls $g$ to the equilibrium, and the spiral turns inwards. (Metz, Poole, Pfau and
# Sohl-Dickstein, 2017.)
#
# **What to watch for.** The inner gradients must be part of the graph (`create_graph=True`). Without it everything
# runs, the numbers of $d_k$ are right, and the second term is silently missing. Do not modify $d$ itself, and never
# `detach` inside the loop. Memory grows with $k$.

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
    # BEGIN SOLUTION
    if steps < 0:
        raise ValueError(f"steps must not be negative; it is {steps}.")
    current = discriminator.clone().requires_grad_()
    for _ in range(steps):
        (ascent,) = torch.autograd.grad(value(current, generator), current, create_graph=True)
        current = current + learning_rate * ascent
    return current
    # END SOLUTION


# %% [markdown]
# The smallest GAN to try it on, given: the discriminator is linear, $a(x)=d^\top x$, and the generator shifts its
# noise, $G(z)=z+g$. It is also how the grader examines derivatives of your function.

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
#
# A generator that maps a low-dimensional $z$ into image space produces a thin surface, and the data lie on another; the
# two hardly meet. Then a *perfect* discriminator exists, $V(D^*,G)=0$ (JS is stuck at $\log2$), and there is **no
# gradient** that tells the generator which way to go, whichever of the two losses it uses
# (Arjovsky and Bottou, 2017). JS compares densities *vertically*, at each point by itself. The **Wasserstein distance**
# compares *horizontally*: the least work, mass times distance, that turns one distribution into the other,
#
# $$ W_1(p,q) = \inf_{\gamma\in\Pi(p,q)}\mathbb E_{(x,y)\sim\gamma}\|x-y\|
#             = \sup_{\|f\|_{\text{Lip}}\le1}\ \mathbb E_p[f]-\mathbb E_q[f]. $$
#
# Two blocks at distance $\theta$ have $W_1=\theta$ for every $\theta$: a slope everywhere. On the line there is a
# closed form through the cumulative distribution functions, $W_1=\int|F_p(t)-F_q(t)|\mathrm dt$ (Vallender, 1974);
# for two samples of *equal* size it is the mean of $|x_{(i)}-y_{(i)}|$ over the sorted samples.
#
# The second form (Kantorovich–Rubinstein duality) is what a Wasserstein GAN trains: a **critic** $f$, which is no
# probability and has no sigmoid, is made to score real samples high and generated ones low, as long as it stays
# 1-Lipschitz. The critic minimises $\mathbb E[f(G(z))]-\mathbb E[f(x)]$, and *minus* this loss estimates $W_1$; it is a
# training curve that means something. The generator minimises $-\mathbb E[f(G(z))]$. (Arjovsky, Chintala and Bottou,
# 2017.)

# %% [markdown]
# ### The Wasserstein distance on the line
#
# Merge the samples, $(n+m,)$ sorted; between neighbours both distribution functions are constant, so the integral is a
# sum of $n+m-1$ rectangles. Sorting differs from pairing in the given order, and the sizes may differ.

# %% exercise="wasserstein_1d"
def wasserstein_1d(x: Float[Tensor, " n"], y: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Compute W₁ = ∫ |F_x(t) − F_y(t)| dt between the empirical distributions of two samples on the line.

    In the unit of the samples, and differentiable in both. Raises ValueError if a sample is empty.
    Source: Vallender (1974).
    """
    # BEGIN SOLUTION
    if x.numel() == 0 or y.numel() == 0:
        raise ValueError("Both samples need at least one point.")
    points = torch.cat([x, y]).sort().values
    left = points[:-1].detach()
    below_x = torch.searchsorted(x.detach().sort().values, left, right=True).to(x.dtype) / len(x)
    below_y = torch.searchsorted(y.detach().sort().values, left, right=True).to(y.dtype) / len(y)
    return ((below_x - below_y).abs() * points.diff()).sum()
    # END SOLUTION


# %% [markdown]
# ### The critic's loss
#
# Scores are plain numbers: no sigmoid, no logarithm. Mind the sign: the critic *minimises* this.

# %% exercise="critic_loss"
def critic_loss(real_scores: Float[Tensor, " m_real"], fake_scores: Float[Tensor, " m_fake"]) -> Float[Tensor, ""]:
    """Compute mean f(fake) − mean f(real), which the critic f minimises; minus it is a lower bound of W₁.

    The bound needs f to be 1-Lipschitz. The batches may differ in size. Source: Arjovsky, Chintala and Bottou (2017).
    """
    # BEGIN SOLUTION
    return fake_scores.mean() - real_scores.mean()
    # END SOLUTION


# %% [markdown]
# ## Gradient penalties
#
# How does one keep a network 1-Lipschitz? Clipping its weights works badly. At the optimum of the dual,
# $\Vert\nabla f\Vert=1$ almost everywhere on the straight lines between coupled real and generated points; so
# **WGAN-GP** asks for just that at random points of such lines,
#
# $$ \hat x_i = u_i\,x_i + (1-u_i)\,G(z_i),\quad u_i\sim U[0,1], \qquad
#    \mathrm{GP} = \frac1m\sum_i\bigl(\|\nabla_{\hat x}f(\hat x_i)\|_2-1\bigr)^2 , $$
#
# and the critic minimises `critic_loss` $+\lambda\mathrm{GP}$ with $\lambda=10$ (Gulrajani et al., 2017). Shapes:
# $\hat x$ is $(m, d)$ or, for images, $(m, c, h, w)$; the gradient has the same shape; its norm, over everything but
# the batch axis, is $(m,)$.
#
# **What to watch for.** One $u$ per *sample*, not one per coordinate. The norm is squared after subtracting 1, not
# before. Each sample has its own norm, so the scores are summed (not averaged) before differentiating. The penalty has
# to train the critic: the gradient is itself differentiated (`create_graph=True`), or the penalty is a constant and
# does nothing. The norm of a zero gradient has no derivative; `sqrt` gives NaN there, `torch.linalg.vector_norm` gives
# 0. Batch normalisation in the critic mixes samples and makes "the gradient at a sample" meaningless.

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
    # BEGIN SOLUTION
    share = noise.reshape(-1, *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((torch.linalg.vector_norm(slope.flatten(start_dim=1), dim=1) - 1) ** 2).mean()
    # END SOLUTION


# %% [markdown]
# ### A penalised discriminator
#
# The ordinary GAN gains from a penalty too. The zero-centred penalty on the data, called $R_1$, asks for a flat
# discriminator where the data are; it makes the Dirac-GAN converge (Roth et al., 2017; Mescheder, Geiger and Nowozin,
# 2018):
#
# $$ V_\lambda(D,G) = \mathbb E_{p_{\text{data}}}\bigl[\log D(x)-\lambda\|\nabla_xa(x)\|_2^2\bigr]
#    +\mathbb E_z[\log(1-D(G(z)))] . $$
#
# The discriminator *maximises* this, so the penalty is **subtracted**. (Lecture notes often write
# $+\lambda\Vert\nabla D\Vert^2$, which would reward steep discriminators; the plus sign belongs to a loss that is
# minimised.) As in Mescheder et al. the gradient is that of the logit $a$; they write $\gamma/2$ for $\lambda$. The
# square of the norm needs no root.

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
    # BEGIN SOLUTION
    points = real.detach().clone().requires_grad_()
    logits = discriminator(points)
    (slope,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    penalty = (slope.flatten(start_dim=1) ** 2).sum(dim=1).mean()
    return F.logsigmoid(logits).mean() + F.logsigmoid(-discriminator(fake)).mean() - weight * penalty
    # END SOLUTION


# %% [markdown]
# Given: a small network as a function of one parameter vector, and both penalties of it. You can check with these that
# a penalty reaches the parameters; the grader does the same.

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
#
# Neither loss tells you. For data whose modes are known one counts: a sample is *good* if it lies within a radius
# (three standard deviations, say) of its **nearest** mode, and a mode is *covered* if it is the nearest mode of at
# least one good sample. Report both numbers: a generator can cover every mode with 1 % good samples (noise), or make
# 100 % good samples of one mode (collapse). (Metz et al., 2017; Srivastava et al., 2017.)

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
    # BEGIN SOLUTION
    if len(samples) == 0:
        return 0, 0.0
    distances = torch.linalg.vector_norm(samples[:, None] - modes[None], dim=2)  # (m, k)
    nearest = distances.min(dim=1)
    good = nearest.values <= radius
    return len(nearest.indices[good].unique()), good.double().mean().item()
    # END SOLUTION


# %% [markdown]
# ## The picture
#
# Eight Gaussians on a ring, the classic test of mode collapse, trained twice with the same seed and the same
# hyperparameters; the second generator looks $k=10$ steps ahead through your `unrolled_discriminator`. The
# discriminator is linear in its parameters, $a(x)=\sum_j d_j\phi_j(x)$ with Gaussian bumps $\phi_j$ on a grid, so that
# its ascent is well behaved at once. Below, your `js_divergence` and `wasserstein_1d` of two blocks that move apart.
#
# The settings were picked so that the difference shows: the generator's steps are large and its first samples lie close
# together. With smaller steps, or a narrower bump, the plain GAN covers this ring too, and with steps larger still
# neither does. Unrolling widens the range of settings that work; it is no guarantee.

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
