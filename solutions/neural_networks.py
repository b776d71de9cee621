# %% [markdown]
# # 02 · Neural networks
#
# A neural network stacks simple layers, each an affine map and then a bend. *Training* fits its many adjustable
# numbers, the **parameters** $\theta$, to data by following the gradient downhill.
#
# ### Conventions that hold throughout
#
# - A batch $x$ of shape $(N, n)$ holds one example per row. A layer from $n$ to $m$ features has weights $W$ of shape
#   $(m, n)$, as in `torch.nn.Linear`, and a bias $b$ of shape $(m)$. In formulas an example is a column: $Wx+b$; in
#   code, `x @ W.T + b`.
# - Binary labels are floats $y\in\lbrace0,1\rbrace$, or $s=2y-1\in\lbrace-1,+1\rbrace$ where that is prettier. Class
#   labels are whole numbers $0,\dots,K-1$.
# - Networks here end in **logits**, the numbers before any sigmoid or softmax; that belongs to the loss. (Notes often
#   write one more $\sigma$ around the last layer: the same probability, computed where it does harm; see section 3.)
# - Results have the docstring's shape and dtype; change no argument in place.
# - What is random takes a `seed`: pass `generator=torch.Generator().manual_seed(seed)` to `torch.rand`, `torch.randn`
#   or `torch.randint`.
#
# *Sources.* Goodfellow, Bengio and Courville, "Deep Learning" (2016), chapters 6–8; Bishop, "Pattern Recognition and
# Machine Learning" (2006), chapters 4–5.

# %%
import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

# %% [markdown]
# ## 1 · The perceptron
#
# Rosenblatt's perceptron (1958) is a neuron with a hard threshold:
#
# $$ \hat y=\mathbb 1\lbrace w^\top x+b>0\rbrace . $$
#
# The score $w^\top x+b$ is 0 on the **decision boundary**, a hyperplane perpendicular to $w$; there $\hat y=0$.
#
# ### perceptron_predict
#
# A comparison gives truth values; answers are floats.


# %% exercise="perceptron_predict"
def perceptron_predict(
    x: Float[Tensor, "*batch n"], w: Float[Tensor, " n"], b: Float[Tensor, ""]
) -> Float[Tensor, "*batch"]:
    """Compute ŷ = 1{wᵀx + b > 0} for every example: 1.0 where the score is positive, else 0.0.

    There may be any number of batch axes, none included; the dtype is that of `x`. Source: Rosenblatt (1958).
    """
    # BEGIN SOLUTION
    return (x @ w + b > 0).to(x.dtype)
    # END SOLUTION


# %% [markdown]
# ### One step of learning: perceptron_update
#
# A right answer changes nothing; a wrong one moves the parameters towards the example ($y=1$) or away ($y=0$):
#
# $$ w\leftarrow w+\eta(y-\hat y)x,\qquad b\leftarrow b+\eta(y-\hat y). $$
#
# Do not lose the bias: notes that write $\theta\leftarrow\theta+\eta(y-\hat y)x$ mean an $x$ with a constant feature 1,
# of weight $b$. The step moves this example's score by $\eta(y-\hat y)(\lVert x\rVert^2+1)$, the right way, perhaps not
# far enough; others may become wrong.


# %% exercise="perceptron_update"
def perceptron_update(
    x: Float[Tensor, " n"], y: float, w: Float[Tensor, " n"], b: Float[Tensor, ""], learning_rate: float
) -> tuple[Float[Tensor, " n"], Float[Tensor, ""]]:
    """Compute the new (w, b) = (w + η(y − ŷ)x, b + η(y − ŷ)) after seeing one example, where η = `learning_rate`.

    `y` is 0 or 1, and ŷ = 1{wᵀx + b > 0} is the answer of the old parameters. Source: Rosenblatt (1958).
    """
    # BEGIN SOLUTION
    error = y - (x @ w + b > 0).to(x.dtype)
    return w + learning_rate * error * x, b + learning_rate * error
    # END SOLUTION


# %% [markdown]
# ### All steps: perceptron_fit
#
# With $\eta=1$ (from zero, another would only scale $(w,b)$) go through the examples until a whole pass makes no
# update. Without a separating hyperplane that never happens, so passes are limited.
#
# Updating on a whole pass with the *old* parameters is another algorithm.


# %% exercise="perceptron_fit"
def perceptron_fit(
    x: Float[Tensor, "N n"], y: Float[Tensor, " N"], epochs: int
) -> tuple[Float[Tensor, " n"], Float[Tensor, ""], int]:
    """Run the perceptron algorithm and return (w, b, number of updates).

    It starts at w = 0 and b = 0, visits the examples in their order, and at each wrong answer adds y − ŷ times x to w
    and y − ŷ to b. It ends after the first pass without an update, or after `epochs` passes. The dtype is that of `x`.
    Source: Rosenblatt (1958).
    """
    # BEGIN SOLUTION: how do you know that a whole pass went by without an update?
    w, b, updates = x.new_zeros(x.shape[1]), x.new_zeros(()), 0
    for _ in range(epochs):
        before = updates
        for example, label in zip(x, y):
            error = label - (example @ w + b > 0).to(x.dtype)
            if error != 0:
                w, b, updates = w + error * example, b + error, updates + 1
        if updates == before:
            break
    return w, b, updates
    # END SOLUTION


# %% [markdown]
# ### How many mistakes can it make? novikoff_bound
#
# With $\tilde x=(x,1)$ and $\tilde w=(w,b)$ let some $\tilde w_\star$ separate the data and define
#
# $$ R=\max_i\lVert\tilde x_i\rVert,\qquad
#    \gamma=\min_i\frac{s_i\tilde w_\star^\top\tilde x_i}{\lVert\tilde w_\star\rVert}>0 , $$
#
# the radius and the **margin**. Follow $\tilde w$ through $k$ updates from zero; each adds $s_i\tilde x_i$.
#
# - Its component along $\tilde w_\star/\lVert\tilde w_\star\rVert$ grows by at least $\gamma$ each time, so
#   $\lVert\tilde w\rVert\ge k\gamma$.
# - Wrong answers have $s_i\tilde w^\top\tilde x_i\le0$, so
#   $\lVert\tilde w+s_i\tilde x_i\rVert^2\le\lVert\tilde w\rVert^2+R^2$ and $\lVert\tilde w\rVert\le\sqrt k R$.
#
# Together $k\gamma\le\sqrt kR$, that is
#
# $$ k\le\Bigl(\frac R\gamma\Bigr)^2 \qquad\text{(Novikoff, 1962).} $$
#
# Neither number nor dimension of the examples enters. Notes often say "converges in linear time"; the theorem only
# bounds *updates*, and with a tiny margin $(R/\gamma)^2$ is large.


# %% exercise="novikoff_bound"
def novikoff_bound(
    x: Float[Tensor, "N n"], y: Float[Tensor, " N"], w: Float[Tensor, " n"], b: Float[Tensor, ""]
) -> float:
    """Compute Novikoff's bound (R/γ)² on the number of updates, from a hyperplane (w, b) that separates the data.

    R is the largest norm of (x, 1), and γ the smallest s·(wᵀx + b) divided by the norm of (w, b), where s = 2y − 1.
    Raises ValueError unless γ > 0. Source: Novikoff (1962).
    """
    # BEGIN SOLUTION
    margin = ((2 * y - 1) * (x @ w + b)).min()
    if margin <= 0:
        raise ValueError("(w, b) does not separate the data: an example lies on the wrong side or on the boundary.")
    squared_radius = (x.square().sum(dim=1) + 1).max()
    return (squared_radius * (w.square().sum() + b**2) / margin**2).item()
    # END SOLUTION


# %% [markdown]
# ### The perceptron as gradient descent: hinge_loss
#
# The score $z=w^\top x+b$ is right if $sz>0$; a **hinge** charges for what is missing to a margin $m$:
#
# $$ \ell_m(z,y)=\max\lbrace0,\ m-sz\rbrace ,\qquad
#    \frac{\partial\ell_m}{\partial z}=-s\ \text{ if } sz<m,\quad 0\ \text{ if } sz>m. $$
#
# Notes often call the perceptron "gradient descent on the hinge loss". That holds for $m=0$ (the *perceptron
# criterion*): a wrong example has gradient $-sx$ in $w$ with $s=y-\hat y$, hence the update above (in the kink $z=0$,
# where the algorithm starts, choose the slope that fits the answer 0). *The* hinge loss usually has $m=1$ and also
# pushes examples that are right by too little (Cortes and Vapnik, 1995).


# %% exercise="hinge_loss"
def hinge_loss(z: Float[Tensor, "*shape"], y: Float[Tensor, "*shape"], margin: float = 1.0) -> Float[Tensor, "*shape"]:
    """Compute max(0, margin − s·z) for every entry, where s = 2y − 1 is −1 or +1 and `z` is the score.

    Shape and dtype are those of `z`; autograd can differentiate it in `z`. Source: Cortes and Vapnik (1995).
    """
    # BEGIN SOLUTION
    return torch.clamp(margin - (2 * y - 1) * z, min=0)
    # END SOLUTION


# %% [markdown]
# ## 2 · Many neurons
#
# No line separates $(0,0),(1,1)$ from $(0,1),(1,0)$, so a perceptron cannot compute XOR (Minsky and Papert, 1969). A
# layer in between can bend the space first: a **multilayer perceptron** with $k$ layers is
#
# $$ h_0=x,\qquad a_\ell=W_\ell h_{\ell-1}+b_\ell,\qquad h_\ell=\operatorname{ReLU}(a_\ell)\ \ (\ell<k),\qquad
#    \text{logits } z=a_k . $$
#
# Shapes: $W_\ell$ is $(n_\ell,n_{\ell-1})$, $b_\ell$ is $(n_\ell)$, and in a batch $a_\ell,h_\ell$ are $(N,n_\ell)$.
#
# Without bends the network is one affine map; **without biases** $z(cx)=cz(x)$ for $c>0$ and $z(0)=0$.
#
# ### mlp_forward
#
# No ReLU after the last layer: logits may be negative. Python's `zip` stops silently at the shorter list: a forgotten
# bias drops a layer.


# %% exercise="mlp_forward"
def mlp_forward(
    x: Float[Tensor, "*batch n"], weights: list[Tensor], biases: list[Tensor]
) -> Float[Tensor, "*batch outputs"]:
    """Compute the logits of a multilayer perceptron with ReLU after every layer but the last.

    Layer l maps h to W h + b, with W = weights[l] of shape (n_l, n_{l−1}) and b = biases[l] of shape (n_l). There is at
    least one layer and may be any number of batch axes, none included. Autograd can differentiate the result in every
    argument. Raises ValueError unless there are as many biases as weights.
    Source: Goodfellow, Bengio and Courville (2016), chapter 6.
    """
    # BEGIN SOLUTION
    if len(weights) != len(biases):
        raise ValueError(f"there are {len(weights)} weight matrices and {len(biases)} biases.")
    for layer, (W, b) in enumerate(zip(weights, biases)):
        x = x @ W.T + b
        if layer < len(weights) - 1:
            x = torch.relu(x)
    return x
    # END SOLUTION


# %% [markdown]
# ### Where to start: initialise_mlp
#
# From zero weights, a layer's units would stay alike for ever, so weights start random, biases at 0. If $W_\ell$ has
# independent normal entries with mean 0 and variance $v$, each $a_{\ell,i}$ has variance
# $v\sum_j\mathbb E[h_{\ell-1,j}^2]$. The distribution of $a_{\ell-1}$ is symmetric about 0 and ReLU sets half of it to
# 0, so $\mathbb E[h_{\ell-1,j}^2]=\tfrac12\operatorname{Var}[a_{\ell-1,j}]$, and
#
# $$ \operatorname{Var}[a_\ell]=\tfrac12 n_{\ell-1}v\operatorname{Var}[a_{\ell-1}] .
#    \qquad\text{It stays the same from layer to layer if}\quad v=\frac{2}{n_{\ell-1}} . $$
#
# (He, Zhang, Ren and Sun, 2015.) With half of it, thirty layers shrink the standard deviation by the factor $2^{-15}$;
# with twice it, they blow it up as far. The *fan-in* $n_{\ell-1}$ counts the **columns** of $W_\ell$.


# %% exercise="initialise_mlp"
def initialise_mlp(widths: list[int], seed: int) -> tuple[list[Tensor], list[Tensor]]:
    """Make the weights and biases of a multilayer perceptron with the given widths, input and output included.

    weights[l] has shape (widths[l+1], widths[l]) and independent entries from the normal distribution with mean 0 and
    variance 2 / widths[l]; biases[l] has shape (widths[l+1]) and is 0. The dtype is float64. The same seed gives the
    same weights. Source: He, Zhang, Ren and Sun (2015).
    """
    # BEGIN SOLUTION: one generator for all layers
    generator = torch.Generator().manual_seed(seed)
    weights, biases = [], []
    for inputs, outputs in zip(widths, widths[1:]):
        noise = torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)
        weights.append(math.sqrt(2 / inputs) * noise)
        biases.append(torch.zeros(outputs, dtype=torch.float64))
    return weights, biases
    # END SOLUTION


# %% [markdown]
# ## 3 · Which loss?
#
# **Maximum likelihood** (Fisher, 1922) chooses the parameters that make the observed labels most probable. For
# independent examples it minimises a sum:
#
# $$ \hat\theta_{\text{MLE}}=\arg\min_\theta -\sum_{i=1}^N\log p(y_i\mid x_i,\theta). $$
#
# Exercises return **one loss per example**: take the mean to train (torch's default), the sum for a likelihood.
#
# ### binary_cross_entropy_with_logits
#
# A yes-or-no label is Bernoulli, $p(y)=p^y(1-p)^{1-y}$ with $p=\sigma(z)=1/(1+e^{-z})$:
#
# $$ \ell(z,y)=-\bigl[y\log\sigma(z)+(1-y)\log(1-\sigma(z))\bigr],\qquad
#    \frac{\partial\ell}{\partial z}=\sigma(z)-y . $$
#
# The minus sign covers **both** terms; without the brackets, which notes often lose, the second rewards being wrong.
# The gradient stays useful when the network is confidently wrong; a squared error behind the sigmoid loses it to the
# vanishing slope $\sigma'(z)$.
#
# **What to watch for.** In floating point $\log(1-\sigma(1000))=\log0=-\infty$ and $0\cdot\infty$ is NaN. Never take
# the logarithm of a sigmoid: with $1-\sigma(z)=\sigma(-z)$ only $\log\sigma(z)=-\log(1+e^{-z})$ is needed, which has a
# stable form (torch's `logsigmoid`). The popular $\max(z,0)-zy+\log(1+e^{-|z|})$, if `relu` or `clamp` takes the
# maximum, has the right value but at $z=0$, where all-zero parameters start, a wrong derivative by autograd: its kinks
# cancel only on paper.


# %% exercise="binary_cross_entropy_with_logits"
def binary_cross_entropy_with_logits(
    logits: Float[Tensor, "*shape"], targets: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Compute −[y log σ(z) + (1 − y) log(1 − σ(z))] for every entry z of `logits` and y of `targets`.

    `targets` may lie anywhere in [0, 1]. Shape and dtype are those of `logits`; for all finite logits the loss is
    finite, and its derivative by autograd is σ(z) − y, also at z = 0. Source: Goodfellow, Bengio and Courville (2016),
    section 6.2.2.2.
    """
    # BEGIN SOLUTION: what is 1 − σ(z)?
    return -(targets * F.logsigmoid(logits) + (1 - targets) * F.logsigmoid(-logits))
    # END SOLUTION


# %% [markdown]
# ### cross_entropy
#
# For $K$ classes with probabilities $\operatorname{softmax}(z)_j=e^{z_j}/\sum_ke^{z_k}$ the loss is
#
# $$ \ell(z,y)=-\log\frac{e^{z_y}}{\sum_ke^{z_k}}=\log\sum_{k}e^{z_k}-z_y ,\qquad
#    \frac{\partial\ell}{\partial z_j}=\operatorname{softmax}(z)_j-\mathbb 1\lbrace j=y\rbrace . $$
#
# Logits are $(N, K)$, labels and losses $(N)$. Subtracting each example's largest logit changes nothing and avoids
# overflow (`torch.logsumexp` does that). A network that knows nothing pays $\log K$: check at the start.
#
# Softmax before this loss is softmax twice: it trains slowly and never gets below $\log(1+(K-1)/e)$. A label of $-1$
# silently picks the *last* logit.


# %% exercise="cross_entropy"
def cross_entropy(logits: Float[Tensor, "N K"], labels: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Compute −log softmax(z)_y = log Σ_k e^(z_k) − z_y for every row z of `logits` and its label y in 0, …, K − 1.

    The batch may be empty. The dtype is that of `logits`; the loss is finite for all finite logits.
    Raises ValueError for a label below 0 or above K − 1.
    Source: Goodfellow, Bengio and Courville (2016), section 6.2.2.3.
    """
    # BEGIN SOLUTION: `gather` picks one entry per row
    if ((labels < 0) | (labels >= logits.shape[1])).any():
        raise ValueError(f"labels must lie between 0 and {logits.shape[1] - 1}.")
    chosen = logits.gather(1, labels[:, None]).squeeze(1)
    return torch.logsumexp(logits, dim=1) - chosen
    # END SOLUTION


# %% [markdown]
# ### Regularisation as a prior: map_loss
#
# With few data, maximum likelihood overfits. With a prior belief $p(\theta)$ Bayes' rule gives
# $p(\theta\mid\text{data})\propto p(\theta)\prod_ip(y_i\mid x_i,\theta)$ and the **maximum a posteriori** estimate one
# more term:
#
# $$ \hat\theta_{\text{MAP}}=\arg\min_\theta-\log p(\theta)-\sum_i\log p(y_i\mid x_i,\theta). $$
#
# | prior, independent for each weight | $-\log p(w)+\text{constant}$ | known as |
# |---|---|---|
# | Gaussian, mean 0, variance $1/\lambda$ | $\tfrac\lambda2\sum_jw_j^2$ | $\ell_2$ penalty, weight decay |
# | Laplace $\tfrac\lambda2e^{-\lambda\lvert w\rvert}$ | $\lambda\sum_j\lvert w_j\rvert$ | $\ell_1$ penalty, lasso |
#
# Usually weights are penalised, not biases. Libraries differ in the **factor** $\tfrac12$. The likelihood term is a
# *sum*: with the mean of $N$ losses, divide the penalty by $N$ too, or more data make the prior stronger.


# %% exercise="map_loss"
def map_loss(nll: Float[Tensor, ""], params: list[Tensor], prior: str, strength: float) -> Float[Tensor, ""]:
    """Compute the negative log likelihood plus the negative log prior of all entries of `params`, without constants.

    The prior "gaussian" with mean 0 and variance 1/λ adds λ/2 · Σ w², and "laplace" with rate λ adds λ · Σ |w|, where
    λ = `strength`. Autograd can differentiate the result in `nll` and in `params`. Raises ValueError for another prior
    or a negative λ. Source: Bishop (2006), section 3.1.4.
    """
    # BEGIN SOLUTION
    if strength < 0:
        raise ValueError(f"the strength must not be negative; it is {strength}.")
    if prior == "gaussian":
        return nll + strength / 2 * sum(w.square().sum() for w in params)
    if prior == "laplace":
        return nll + strength * sum(w.abs().sum() for w in params)
    raise ValueError(f"the prior must be 'gaussian' or 'laplace'; it is {prior!r}.")
    # END SOLUTION


# %% [markdown]
# ### l1_penalty
#
# What does $\lambda\lVert w\rVert_1=\lambda\sum_j\lvert w_j\rvert$ do? In one dimension, minimise
# $\tfrac12(w-c)^2+\lambda\lvert w\rvert$. Right of zero the slope is $w-c+\lambda$, left of it $w-c-\lambda$: if
# $\lvert c\rvert\le\lambda$ the minimum sits in the kink, at **exactly** 0, otherwise at $c$ moved by $\lambda$
# towards 0. The $\ell_2$ penalty gives $c/(1+\lambda)$, smaller but not 0. So $\ell_1$ makes weights sparse
# (Tibshirani, 1996).


# %% exercise="l1_penalty"
def l1_penalty(params: list[Tensor], strength: float) -> Float[Tensor, ""]:
    """Compute strength · Σ |w| over all entries of all tensors in `params`, of which there is at least one.

    A tensor without axes, of the dtype of `params`. Source: Tibshirani (1996).
    """
    # BEGIN SOLUTION
    return strength * sum(w.abs().sum() for w in params)
    # END SOLUTION


# %% [markdown]
# ### l1_subgradient
#
# At 0 there is no derivative. A **subgradient** of a convex $f$ at $w$ is any $g$ whose line stays below the graph:
#
# $$ f(v)\ge f(w)+g^\top(v-w)\qquad\text{for all } v . $$
#
# For $\lambda\lvert w\rvert$ that is $\lambda\operatorname{sign}(w)$ away from zero and *every* number in
# $[-\lambda,\lambda]$ at zero: **here, as in torch, 0.** (The $\lvert x\rvert'=x/\lvert x\rvert$ of many notes is NaN
# there.)
#
# With a fixed step size descent does not *reach* zero but jumps back and forth over it, by up to $\eta\lambda$; the
# exact minimisation above (soft thresholding) does.


# %% exercise="l1_subgradient"
def l1_subgradient(params: list[Tensor], strength: float) -> list[Tensor]:
    """Compute a subgradient of strength · Σ |w|: for each tensor one of the same shape and dtype, 0 where w = 0.

    Source: Rockafellar, "Convex Analysis" (1970), part V, for subgradients; Tibshirani (1996) for the penalty.
    """
    # BEGIN SOLUTION
    return [strength * torch.sign(w) for w in params]
    # END SOLUTION


# %% [markdown]
# ## 4 · Backpropagation
#
# The chain rule, applied from the loss backwards, gives *all* parameters' derivatives at about the cost of two forward
# passes (Linnainmaa, 1970; Rumelhart, Hinton and Williams, 1986).
#
# Let $\delta_\ell=\partial L/\partial a_\ell$, a column. The last comes from the loss (above: probabilities minus
# labels). From $a_\ell=W_\ell h_{\ell-1}+b_\ell$ and $h_{\ell-1}=\operatorname{ReLU}(a_{\ell-1})$:
#
# $$ \frac{\partial L}{\partial W_\ell}=\delta_\ell h_{\ell-1}^\top,\qquad
#    \frac{\partial L}{\partial b_\ell}=\delta_\ell,\qquad
#    \frac{\partial L}{\partial h_{\ell-1}}=W_\ell^\top\delta_\ell,\qquad
#    \delta_{\ell-1}=\bigl(W_\ell^\top\delta_\ell\bigr)\odot\mathbb 1\lbrace a_{\ell-1}>0\rbrace . $$
#
# **Check the types**: every gradient has the shape of its parameter; $\delta_\ell h_{\ell-1}^\top$ is
# $(n_\ell,1)\cdot(1,n_{\ell-1})$. For a batch $\Delta_\ell$ is $(N,n_\ell)$ and the shared parameters collect from all
# rows:
#
# $$ \frac{\partial L}{\partial W_\ell}=\Delta_\ell^\top H_{\ell-1},\qquad
#    \frac{\partial L}{\partial b_\ell}=\sum_n\Delta_\ell[n],\qquad
#    \Delta_{\ell-1}=(\Delta_\ell W_\ell)\odot\mathbb 1\lbrace A_{\ell-1}>0\rbrace . $$
#
# Sums, not means: a mean's $1/N$ is already in $\Delta_k$.
#
# **What to watch for.** The last layer has no ReLU, hence no mask. At $a=0$ the derivative is 0, as in torch (notes
# that write $\mathbb 1\lbrace x\ge0\rbrace$ take 1). A unit with $a<0$ for all data gets no gradient and never comes
# back: a *dead* ReLU.
#
# ### mlp_backward


# %% exercise="mlp_backward"
def mlp_backward(
    x: Float[Tensor, "N n"], weights: list[Tensor], biases: list[Tensor], delta: Float[Tensor, "N outputs"]
) -> tuple[list[Tensor], list[Tensor]]:
    """Compute the gradients of a loss in all weights and biases of a multilayer perceptron, by backpropagation.

    The network has ReLU after every layer but the last; layer l maps h to weights[l] h + biases[l]. `delta` is the
    gradient of the loss in the logits, one row per example. Returns (gradients of the weights, gradients of the
    biases), two lists of tensors with the shapes of the parameters. The derivative of ReLU at 0 is 0. The batch may be
    empty: then all gradients are 0. Source: Rumelhart, Hinton and Williams (1986).
    """
    # BEGIN SOLUTION: keep the input of every layer on the way forwards, then walk back
    inputs = []
    for W, b in zip(weights, biases):
        inputs.append(x)
        x = torch.relu(x @ W.T + b)
    weight_gradients, bias_gradients = [], []
    for W, h in zip(reversed(weights), reversed(inputs)):
        weight_gradients.insert(0, delta.T @ h)
        bias_gradients.insert(0, delta.sum(dim=0))
        delta = (delta @ W) * (h > 0)
    return weight_gradients, bias_gradients
    # END SOLUTION


# %% [markdown]
# ## 5 · Gradient descent
#
# Go downhill:
#
# $$ \theta_{t+1}=\theta_t-\eta\nabla L(\theta_t)\qquad\text{(Cauchy, 1847).} $$
#
# How large may the **learning rate** $\eta$ be? Near a minimum a smooth loss looks like
# $L(\theta)=\tfrac12\theta^\top A\theta$ with a symmetric $A$ (the Hessian) and gradient $A\theta$. Then
# $\theta_{t+1}=(I-\eta A)\theta_t$, and along an eigenvector with eigenvalue $\lambda$
#
# $$ \theta_t=(1-\eta\lambda)^t\theta_0 . $$
#
# This shrinks if and only if $\lvert1-\eta\lambda\rvert<1$, that is $0<\eta\lambda<2$. With all $\lambda>0$ and
# $L=\lambda_{\max}$ now the steepest curvature, gradient descent converges from every start **if and only if
# $\eta<2/L$**. For $\eta\le1/L$ it walks straight down; beyond, it hops from wall to wall of the valley. With
# $\eta\approx1/L$ the flattest direction shrinks only by the factor $1-\lambda_{\min}/\lambda_{\max}$ per step.
#
# ### gradient_descent


# %% exercise="gradient_descent"
def gradient_descent(
    gradient: Callable[[Tensor], Tensor], x0: Float[Tensor, "*shape"], learning_rate: float, steps: int
) -> Float[Tensor, "steps+1 *shape"]:
    """Compute the path x_0, x_1, …, x_steps of x_{t+1} = x_t − learning_rate · gradient(x_t), stacked along a new axis.

    `gradient` takes and returns tensors of the shape of `x0`; it is called `steps` times. For 0 steps the path is the
    start alone. The dtype is that of `x0`. Source: Cauchy (1847).
    """
    # BEGIN SOLUTION
    path = [x0]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * gradient(path[-1]))
    return torch.stack(path)
    # END SOLUTION


# %% [markdown]
# ### largest_learning_rate
#
# $L$ is the largest *eigenvalue* of $A$, not its largest entry.


# %% exercise="largest_learning_rate"
def largest_learning_rate(A: Float[Tensor, "n n"]) -> float:
    """Compute 2 / λ_max, the learning rate below which gradient descent on ½ xᵀA x converges and above which not.

    `A` is symmetric and has no negative eigenvalue. Raises ValueError if it is all zeros: then any rate will do.
    Source: Boyd and Vandenberghe, "Convex Optimization" (2004), section 9.3.
    """
    # BEGIN SOLUTION
    largest = torch.linalg.eigvalsh(A)[-1].item()
    if largest <= 0:
        raise ValueError("A has no positive eigenvalue: every learning rate will do.")
    return 2 / largest
    # END SOLUTION


# %% [markdown]
# ## 6 · Networks can compute anything (continuous)
#
# **Universal approximation.** For *continuous* $f$ on a *compact* set such as $[0,1]^n$ and any $\varepsilon>0$, some
# network with one hidden layer, wide enough, has $\sup_x\lvert\text{network}(x)-f(x)\rvert\le\varepsilon$ (Cybenko,
# 1989, and Hornik, Stinchcombe and White, 1989, for sigmoids; Leshno, Lin, Pinkus and Schocken, 1993: for a continuous
# activation if and *only if* it is no polynomial). Notes drop three conditions: not *any* function (nothing continuous
# follows a jump), not on all of $\mathbb R^n$ (a ReLU network is straight far out), not any nonlinearity (a layer of
# squares makes quadratics). And nothing says how many units, or whether training finds them.
#
# In one dimension you can *build* the network from ReLUs. Let $f$ be $L$-Lipschitz,
# $\lvert f(x)-f(x')\rvert\le L\lvert x-x'\rvert$, and $g$ its straight-line interpolation at the knots
# $0,\tfrac1n,\tfrac2n,\dots,1$.
#
# **Error.** Let $x$ lie a fraction $s$ of the way from knot $u$ to $u'=u+\tfrac1n$. Then $g(x)=(1-s)f(u)+sf(u')$ and
#
# $$ \lvert f(x)-g(x)\rvert\le(1-s)\lvert f(x)-f(u)\rvert+s\lvert f(x)-f(u')\rvert
#    \le(1-s)L\frac sn+sL\frac{1-s}n=\frac{2Ls(1-s)}n\le\frac L{2n} . $$
#
# So $n=\lceil L/(2\varepsilon)\rceil$ pieces suffice.
#
# **Network.** $\operatorname{ReLU}(x-u)$ changes the slope of a sum by 1, at $u$ only. If $g$ has slope $m_j$ on piece
# $j$, the output weight of the unit at knot $u_j=j/n$ is the *change* of slope there, not the slope:
#
# $$ g(x)=f(0)+\sum_{j=0}^{n-1}v_j\operatorname{ReLU}(1\cdot x-u_j),\qquad v_0=m_0,\quad v_j=m_j-m_{j-1},\qquad
#    m_j=n\bigl(f(u_{j+1})-f(u_j)\bigr). $$
#
# ### universal_approximator
#
# The last knot, at 1, needs no unit.


# %% exercise="universal_approximator"
def universal_approximator(
    f: Callable[[Tensor], Tensor], eps: float, lipschitz: float
) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"], Float[Tensor, " m"], Float[Tensor, ""]]:
    """Build a ReLU network with one hidden layer and |network(x) − f(x)| ≤ `eps` for all x in [0, 1].

    `f` maps a vector of points (float64) to the vector of its values and satisfies |f(x) − f(x')| ≤ lipschitz·|x − x'|.
    Returns (w, b, v, c), float64, for which network(x) = c + Σ_j v_j ReLU(w_j x + b_j), with at most
    max(1, ⌈lipschitz / (2·eps)⌉) hidden units. Raises ValueError unless eps > 0 and lipschitz ≥ 0.
    Source: Leshno, Lin, Pinkus and Schocken (1993) for the theorem.
    """
    # BEGIN SOLUTION: one unit per piece, whose output weight is the change of slope at its knot
    if not (eps > 0 and lipschitz >= 0):
        raise ValueError(f"eps must be positive and lipschitz not negative; they are {eps} and {lipschitz}.")
    pieces = max(1, math.ceil(lipschitz / (2 * eps)))
    knots = torch.linspace(0, 1, pieces + 1, dtype=torch.float64)
    values = f(knots)
    slopes = pieces * values.diff()
    changes = slopes.diff(prepend=slopes.new_zeros(1))
    return torch.ones_like(changes), -knots[:-1], changes, values[0]
    # END SOLUTION


# %% [markdown]
# ## 7 · Early stopping
#
# A network fits first what all data share, then the noise of the training set: its loss goes on falling, that on
# held-out **validation** data turns and rises. Validation is costly and noisy: *check* it every $n$ epochs, stop after
# $p$ checks in a row without improvement (the *patience*), and go back to the best weights (Prechelt, 1998).
#
# Notes often stop "if the error *increased* for the last $p$ checks". The standard form compares with the **best so
# far**, not the previous check: 5, 6, 5.5, 6, 5.5 never improves on 5.
#
# ### EarlyStopping
#
# Keep a *copy* of the best weights: optimisers change tensors in place.


# %% exercise="EarlyStopping"
class EarlyStopping:
    """Tells when to stop training: after `patience` checks in a row without a new smallest validation loss.

    Attributes: `best_loss` (infinity before the first improvement), `best_epoch` and `best_weights` (None before it).
    Raises ValueError unless `patience` and `every` are at least 1. Source: Prechelt (1998).
    """

    def __init__(self, patience: int, every: int = 1):
        # BEGIN SOLUTION
        if patience < 1 or every < 1:
            raise ValueError(f"patience and every must be at least 1; they are {patience} and {every}.")
        self.patience, self.every, self.failures = patience, every, 0
        self.best_loss, self.best_epoch, self.best_weights = math.inf, None, None
        # END SOLUTION

    def update(self, epoch: int, loss: float, weights: list[Tensor]) -> bool:
        """Look at the validation loss after an epoch, if its number is divisible by `every`; say whether to stop now.

        Epochs are given as 1, 2, 3, … until the answer is True. A loss below the best one so far is an improvement: it
        is kept together with its epoch and a copy of the weights, without gradient history. Equal losses and NaN are
        none.
        """
        # BEGIN SOLUTION
        if epoch % self.every == 0:
            if loss < self.best_loss:
                self.best_loss, self.best_epoch, self.failures = loss, epoch, 0
                self.best_weights = [w.detach().clone() for w in weights]
            else:
                self.failures += 1
        return self.failures >= self.patience
        # END SOLUTION


# %% [markdown]
# ## 8 · Batch normalisation
#
# Against the drift of a layer's input while layers below learn ("internal covariate shift"), Ioffe and Szegedy (2015)
# normalise every feature over the batch, then let the layer choose scale and shift,
#
# $$ \mu=\frac1N\sum_ix_i,\qquad \sigma^2=\frac1N\sum_i(x_i-\mu)^2,\qquad
#    \hat x_i=\frac{x_i-\mu}{\sqrt{\sigma^2+\epsilon}},\qquad y_i=\gamma\odot\hat x_i+\beta , $$
#
# with shapes $(N,D)$ for $x,\hat x,y$ and $(D)$ for the rest. (It helps, but not by reducing the shift: Santurkar,
# Tsipras, Ilyas and Madry, 2018.)
#
# Gradient descent learns $\gamma$ and $\beta$. The running mean and variance, which notes often list as learnable, are
# **buffers**, updated by averaging, so that a test answer does not depend on the rest of its batch:
#
# $$ \text{training:}\quad r\leftarrow(1-\alpha)r+\alpha\cdot\text{(statistic of the batch)},\qquad
#    \text{evaluation:}\quad y=\gamma\odot\frac{x-r_\mu}{\sqrt{r_{\sigma^2}+\epsilon}}+\beta . $$
#
# **Conventions, torch's.** $\alpha$, called `momentum`, is 0.1 and weighs the *new* statistic (other libraries: the old
# one). Normalisation divides the sum of squares by $N$, the running variance by $N-1$.
#
# **What to watch for.** A model excellent in training and random in evaluation, or dependent on the batch size: the
# mode was not switched, or the running statistics never updated. Memory that grows step by step: these statistics still
# hang on the graph (`detach`). And $\epsilon$ belongs *inside* the root.
#
# ### batch_norm_train


# %% exercise="batch_norm_train"
def batch_norm_train(
    x: Float[Tensor, "N D"],
    gamma: Float[Tensor, " D"],
    beta: Float[Tensor, " D"],
    running_mean: Float[Tensor, " D"],
    running_var: Float[Tensor, " D"],
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Float[Tensor, "N D"], Float[Tensor, " D"], Float[Tensor, " D"]]:
    """Normalise a batch by its own mean and variance; return (y, new running mean, new running variance).

    y = gamma · (x − mean) / sqrt(var + eps) + beta with var the mean squared deviation (divided by N). The running
    statistics become (1 − momentum) · old + momentum · new, where the new variance is the unbiased one (divided by
    N − 1). Nothing is changed in place; autograd can differentiate y in `x`, `gamma` and `beta`, whereas the running
    statistics carry no gradient history.
    Raises ValueError for a batch of fewer than two. Source: Ioffe and Szegedy (2015), algorithm 1.
    """
    # BEGIN SOLUTION: there are two different variances
    if len(x) < 2:
        raise ValueError(f"the variance of a batch of {len(x)} is not defined; two or more examples are needed.")
    mean, var = x.mean(dim=0), x.var(dim=0, correction=0)
    y = gamma * (x - mean) / torch.sqrt(var + eps) + beta
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * x.var(dim=0)
    return y, new_mean.detach(), new_var.detach()
    # END SOLUTION


# %% [markdown]
# ### batch_norm_eval
#
# This is affine, each example on its own: a batch of one or none is fine.


# %% exercise="batch_norm_eval"
def batch_norm_eval(
    x: Float[Tensor, "N D"],
    gamma: Float[Tensor, " D"],
    beta: Float[Tensor, " D"],
    running_mean: Float[Tensor, " D"],
    running_var: Float[Tensor, " D"],
    eps: float = 1e-5,
) -> Float[Tensor, "N D"]:
    """Compute gamma · (x − running_mean) / sqrt(running_var + eps) + beta: batch normalisation after training.

    Source: Ioffe and Szegedy (2015), algorithm 2.
    """
    # BEGIN SOLUTION
    return gamma * (x - running_mean) / torch.sqrt(running_var + eps) + beta
    # END SOLUTION


# %% [markdown]
# ### batch_norm_backward
#
# Through $\mu$ and $\sigma^2$, each $x_i$ acts on *all* $\hat x_j$. Feature by feature, with
# $d_i=\gamma\partial L/\partial y_i=\partial L/\partial\hat x_i$ and $q=\sqrt{\sigma^2+\epsilon}$:
#
# $$ \frac{\partial\hat x_j}{\partial x_i}
#    =\frac1q\Bigl(\mathbb 1\lbrace i=j\rbrace-\frac1N\Bigr)-\frac{x_j-\mu}{q^3}\cdot\frac{x_i-\mu}{N}
#    =\frac1q\Bigl(\mathbb 1\lbrace i=j\rbrace-\frac1N-\frac{\hat x_i\hat x_j}{N}\Bigr). $$
#
# (The middle step uses $\partial\sigma^2/\partial x_i=\tfrac2N(x_i-\mu)$ and
# $\partial q/\partial\sigma^2=\tfrac1{2q}$.) Multiply by $d_j$ and sum over $j$:
#
# $$ \frac{\partial L}{\partial x_i}=\frac1q\Bigl(d_i-\frac1N\sum_jd_j-\hat x_i\frac1N\sum_jd_j\hat x_j\Bigr),\qquad
#    \frac{\partial L}{\partial\gamma}=\sum_i\frac{\partial L}{\partial y_i}\hat x_i,\qquad
#    \frac{\partial L}{\partial\beta}=\sum_i\frac{\partial L}{\partial y_i}. $$
#
# The gradient loses its mean and (up to $\epsilon$) its component along $\hat x$, since normalising undoes shift and
# stretching: a bias just before a batch norm never learns.


# %% exercise="batch_norm_backward"
def batch_norm_backward(
    dy: Float[Tensor, "N D"], x: Float[Tensor, "N D"], gamma: Float[Tensor, " D"], eps: float = 1e-5
) -> tuple[Float[Tensor, "N D"], Float[Tensor, " D"], Float[Tensor, " D"]]:
    """Compute (∂L/∂x, ∂L/∂gamma, ∂L/∂beta) of batch normalisation in training, where dy = ∂L/∂y.

    y = gamma · (x − mean) / sqrt(var + eps) + beta with the mean and the variance (divided by N) of the batch `x`.
    Source: Ioffe and Szegedy (2015), section 3.
    """
    # BEGIN SOLUTION: what is subtracted from dy is what the normalisation undoes
    deviation = torch.sqrt(x.var(dim=0, correction=0) + eps)
    normalised = (x - x.mean(dim=0)) / deviation
    d = gamma * dy
    dx = (d - d.mean(dim=0) - normalised * (d * normalised).mean(dim=0)) / deviation
    return dx, (dy * normalised).sum(dim=0), dy.sum(dim=0)
    # END SOLUTION


# %% [markdown]
# ## 9 · Data augmentation
#
# A mirrored cat is a cat (a mirrored "b" is a "d"). Change training images at random, anew every epoch, in ways that
# keep the label, and the network learns the invariance from fewer data (LeCun, Bottou, Bengio and Haffner, 1998;
# Krizhevsky, Sutskever and Hinton, 2012).
#
# ### random_flip
#
# Mirror the last axis of $(N, C, H, W)$, each image by its own coin, all channels alike, or colours come apart.


# %% exercise="random_flip"
def random_flip(
    images: Float[Tensor, "N C H W"], labels: Int[Tensor, " N"], seed: int, probability: float = 0.5
) -> tuple[Float[Tensor, "N C H W"], Int[Tensor, " N"]]:
    """Mirror each image left to right with the given probability, independently; return (images, labels).

    The order of the images stays, and the labels are those given. The same seed gives the same result.
    Source: Krizhevsky, Sutskever and Hinton (2012), section 4.1.
    """
    # BEGIN SOLUTION
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(len(images), generator=generator) < probability
    return torch.where(chosen[:, None, None, None], images.flip(-1), images), labels
    # END SOLUTION


# %% [markdown]
# ### random_crop
#
# Padding by $p$ makes an image $(H+2p, W+2p)$, with $2p+1$ places $0,\dots,2p$ for the window in either direction.


# %% exercise="random_crop"
def random_crop(
    images: Float[Tensor, "N C H W"], labels: Int[Tensor, " N"], padding: int, seed: int
) -> tuple[Float[Tensor, "N C H W"], Int[Tensor, " N"]]:
    """Pad each image with zeros on all sides and cut a random window of the old size out; return (images, labels).

    The window's first row and first column are uniform on 0, …, 2·padding, independent of each other and from image to
    image, and the same for all channels. The order of the images stays, and the labels are those given. The batch may
    be empty. The same seed gives the same result. Source: He, Zhang, Ren and Sun (2016), section 4.2.
    """
    # BEGIN SOLUTION: mind which end of its range torch.randint leaves out
    generator = torch.Generator().manual_seed(seed)
    height, width = images.shape[2:]
    padded = F.pad(images, (padding, padding, padding, padding))
    corners = torch.randint(0, 2 * padding + 1, (len(images), 2), generator=generator).tolist()
    cropped = torch.empty_like(images)
    for index, (top, left) in enumerate(corners):
        cropped[index] = padded[index, :, top : top + height, left : left + width]
    return cropped, labels
    # END SOLUTION


# %% [markdown]
# ## 10 · Residual connections
#
# Stack enough layers and even the *training* error grows, although extra layers need only do nothing. He, Zhang, Ren
# and Sun (2016) made that the default: a block learns the *difference* to its input,
#
# $$ y=x+f(x),\qquad \frac{\partial y}{\partial x}=I+\frac{\partial f}{\partial x} . $$
#
# The input passes untouched, fine (high-frequency) detail included, and so does the gradient, through $I$.
#
# ### residual_block
#
# $f(x)$ must have the *shape* of $x$; $(1)$ or $(N,1)$ is broadcast without complaint.


# %% exercise="residual_block"
def residual_block(x: Float[Tensor, "*shape"], f: Callable[[Tensor], Tensor]) -> Float[Tensor, "*shape"]:
    """Compute x + f(x). Raises ValueError if f(x) has another shape than `x`.

    Autograd can differentiate the result in `x`, through both terms. Source: He, Zhang, Ren and Sun (2016).
    """
    # BEGIN SOLUTION
    y = f(x)
    if y.shape != x.shape:
        raise ValueError(f"f(x) has shape {tuple(y.shape)}; to be added to x it needs shape {tuple(x.shape)}.")
    return x + y
    # END SOLUTION


# %% [markdown]
# ### residual_jacobian
#
# A stack of blocks $x_k=x_{k-1}+f_k(x_{k-1})$ has, with $J_k=\partial f_k/\partial x_{k-1}$,
#
# $$ \frac{\partial x_K}{\partial x_0}=(I+J_K)(I+J_{K-1})\cdots(I+J_1)
#    =I+\sum_kJ_k+\sum_{k>l}J_kJ_l+\dots+J_K\cdots J_1 . $$
#
# A sum over all $2^K$ paths through or around the blocks (Veit, Wilber and Belongie, 2016). Without the connections
# only the last term is left, which vanishes geometrically for small $J_k$; with them the product stays near the
# identity.


# %% exercise="residual_jacobian"
def residual_jacobian(jacobians: list[Float[Tensor, "n n"]]) -> Float[Tensor, "n n"]:
    """Compute (I + J_K) ⋯ (I + J_2)(I + J_1), the Jacobian of a stack of residual blocks from its input to its output.

    `jacobians` holds J_1, …, J_K, the Jacobians of the functions inside the blocks, in the order in which the blocks
    are applied; K is at least 1. Source: He, Zhang, Ren and Sun (2016).
    """
    # BEGIN SOLUTION
    identity = torch.eye(len(jacobians[0]), dtype=jacobians[0].dtype)
    product = identity
    for J in jacobians:
        product = (identity + J) @ product
    return product
    # END SOLUTION


# %% [markdown]
# ## 11 · Pretraining and fine-tuning
#
# With few data for the task but many for a related one, train on those first, keep all layers but the last (the
# **body**), add a new one (the **head**) with a row per class, and train on the few: the head only, the body *frozen*,
# or more layers with a small learning rate (Yosinski, Clune, Bengio and Lipson, 2014).
#
# ### transfer_weights
#
# A new head that reads $n_{\text{in}}$ features starts with weights of variance $1/n_{\text{in}}$, half of He's: no
# later layer needs its scores to keep their size, and smaller ones are nearer to equal probabilities. The body must be
# a *copy*, or fine-tuning ruins the pretrained network.


# %% exercise="transfer_weights"
def transfer_weights(
    weights: list[Tensor], biases: list[Tensor], classes: int, seed: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Copy all layers of a network but the last, and put a new last layer for `classes` classes in its place.

    weights[l] has shape (n_l, n_{l−1}). The new head has weights of shape (classes, n) for the n features that the old
    one read, independent normal with mean 0 and variance 1/n, and biases 0, both of the old head's dtype. Returns the
    lists (weights, biases). The same seed gives the same head. Source: Yosinski, Clune, Bengio and Lipson (2014).
    """
    # BEGIN SOLUTION
    old = weights[-1]
    generator = torch.Generator().manual_seed(seed)
    head = torch.randn(classes, old.shape[1], generator=generator, dtype=old.dtype) / math.sqrt(old.shape[1])
    body = [W.clone() for W in weights[:-1]], [b.clone() for b in biases[:-1]]
    return [*body[0], head], [*body[1], old.new_zeros(classes)]
    # END SOLUTION


# %% [markdown]
# ### finetune
#
# Run the frozen layers once and start from their features $h$. For `trained=1` this is logistic regression on them,
# with the gradient $\tfrac1N\sum_i(\operatorname{softmax}(z_i)-e_{y_i})h_i^\top$ of the **mean** loss: convex, so a
# small learning rate finds the best head.


# %% exercise="finetune"
def finetune(
    weights: list[Tensor],
    biases: list[Tensor],
    x: Float[Tensor, "N n"],
    labels: Int[Tensor, " N"],
    learning_rate: float,
    steps: int,
    trained: int = 1,
) -> tuple[list[Tensor], list[Tensor]]:
    """Train the last `trained` layers of a multilayer perceptron, the others frozen; return the new (weights, biases).

    The network has ReLU after every layer but the last. Each of the `steps` steps takes θ ← θ − learning_rate · ∇L for
    all trained parameters at once, where L is the mean cross-entropy over all of `x`. The lists given and their tensors
    are not changed, and the new ones carry no gradient history. Raises ValueError unless
    1 ≤ trained ≤ number of layers. Source: Yosinski, Clune, Bengio and Lipson (2014).
    """
    # BEGIN SOLUTION: run the frozen layers once, then descend in copies of the others
    if not 1 <= trained <= len(weights):
        raise ValueError(f"there are {len(weights)} layers; {trained} of them cannot be trained.")
    frozen = len(weights) - trained
    layers = [[W.detach().clone(), b.detach().clone()] for W, b in zip(weights, biases)]
    features = x
    for W, b in layers[:frozen]:
        features = torch.relu(features @ W.T + b)
    parameters = [parameter.requires_grad_() for layer in layers[frozen:] for parameter in layer]
    for _ in range(steps):
        z = features
        for W, b in layers[frozen:-1]:
            z = torch.relu(z @ W.T + b)
        loss = F.cross_entropy(z @ layers[-1][0].T + layers[-1][1], labels)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients):
                parameter -= learning_rate * gradient
    return [W.detach() for W, _ in layers], [b.detach() for _, b in layers]
    # END SOLUTION


# %% [markdown]
# ## The picture
#
# * **Top**: two half-moons and your network's answers during training; dashed, your perceptron after fifty passes,
#   which finds no rest here.
# * **Bottom left**: the training and held-out losses, and the step that your `EarlyStopping` goes back to.
# * **Bottom right**: `universal_approximator` closing in on a function.

# %% tags=["picture"]
MOMENTS = (0, 10, 600, 3000)  # steps of training at which the decision boundary is drawn


def picture():
    """Draw a decision boundary while training, the losses, and the universal approximator closing in."""
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(2, 4, figsize=(15, 8))
    figure.subplots_adjust(left=0.05, right=0.92, top=0.9, bottom=0.16, wspace=0.28, hspace=0.36)
    x, y = _moons(80, seed=0)
    shapes, path = _train(x, y)
    for axes, moment in zip(grid[0], MOMENTS):
        shown = _draw_boundary(axes, x, y, _unpacked(path[moment], shapes))
        axes.set_title(f"after {moment} steps", fontsize=10)
    figure.colorbar(shown, cax=figure.add_axes((0.935, 0.56, 0.008, 0.34)), label="σ(logit)")
    w, b, updates = perceptron_fit(x, y, epochs=50)
    ends = torch.tensor([-1.6, 2.6], dtype=torch.float64)
    grid[0, 0].plot(ends, -(b + w[0] * ends) / w[1], "k--", label=f"perceptron, {updates} updates")
    grid[0, 0].legend(fontsize=7, loc="upper right")
    _draw_losses(grid[1, 0], x, y, path, shapes)
    for axes, eps in zip(grid[1, 1:], (0.6, 0.2, 0.05)):
        _draw_approximator(axes, eps)
    figure.suptitle("Neural networks: a decision boundary while training, and a network built to order")
    figure.text(
        0.5,
        0.02,
        "You should see, on top, a boundary (black) that starts anywhere, is nearly straight after 10 steps, follows "
        "the gap between the two moons after 600, and in the end bends\nround single noisy points. Below, the training "
        "loss falls, while the held-out one turns and rises: the dotted line marks where to stop. On the right the "
        "network\n(orange) stays inside the grey tube of ±ε around f everywhere, and its number of hidden units "
        "grows like 1/ε. Where orange leaves the tube, the construction is wrong.",
        ha="center",
        fontsize=9,
    )
    return figure


def _moons(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Points (count, 2) on two interleaved, noisy half-moons, and which moon each belongs to."""
    generator = torch.Generator().manual_seed(seed)
    angle = math.pi * torch.rand(count, generator=generator, dtype=torch.float64)
    y = (torch.arange(count) % 2).to(torch.float64)
    upper = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    lower = torch.stack([1 - torch.cos(angle), 0.5 - torch.sin(angle)], dim=1)
    noise = 0.3 * torch.randn(count, 2, generator=generator, dtype=torch.float64)
    return torch.where(y[:, None] == 1, upper, lower) + noise, y


def _unpacked(vector: Tensor, shapes: list) -> tuple[list[Tensor], list[Tensor]]:
    """The weights and biases that lie one behind the other in a long vector."""
    parts = vector.split([math.prod(shape) for shape in shapes])
    tensors = [part.reshape(shape) for part, shape in zip(parts, shapes)]
    return tensors[: len(tensors) // 2], tensors[len(tensors) // 2 :]


def _train(x: Tensor, y: Tensor) -> tuple[list, Tensor]:
    """The shapes of all parameters and the path of their long vector under gradient descent on the mean loss."""
    weights, biases = initialise_mlp([2, 16, 16, 1], seed=1)
    shapes = [tuple(parameter.shape) for parameter in weights + biases]

    def gradient(vector: Tensor) -> Tensor:
        weights, biases = _unpacked(vector, shapes)
        delta = (torch.sigmoid(mlp_forward(x, weights, biases)) - y[:, None]) / len(x)
        gradients = mlp_backward(x, weights, biases, delta)
        return torch.cat([part.flatten() for part in gradients[0] + gradients[1]])

    start = torch.cat([parameter.flatten() for parameter in weights + biases])
    return shapes, gradient_descent(gradient, start, 0.2, MOMENTS[-1])


def _draw_boundary(axes, x: Tensor, y: Tensor, network: tuple):
    """Draw what a network says in the plane, its decision boundary, and the data."""
    across, up = torch.linspace(-1.6, 2.6, 120), torch.linspace(-1.2, 1.7, 100)
    points = torch.cartesian_prod(across, up).to(torch.float64)
    probability = torch.sigmoid(mlp_forward(points, *network)).reshape(120, 100).T
    shown = axes.contourf(across, up, probability, levels=torch.linspace(0, 1, 21).tolist(), cmap="RdBu", alpha=0.7)
    axes.contour(across, up, probability, levels=[0.5], colors="black")
    for label, colour in ((0, "darkred"), (1, "darkblue")):
        axes.scatter(*x[y == label].T, s=9, color=colour)
    axes.set(xlabel="feature 1", ylabel="feature 2", xlim=(-1.6, 2.6), ylim=(-1.2, 1.7))
    return shown


def _draw_losses(axes, x: Tensor, y: Tensor, path: Tensor, shapes: list) -> None:
    """Draw the losses on the training and on held-out points, and where early stopping would go back to."""
    held_out = _moons(400, seed=1)
    stopper, best, losses = EarlyStopping(patience=10, every=20), None, ([], [])
    for step in range(1, len(path)):
        network = _unpacked(path[step], shapes)
        for (points, labels), values in zip(((x, y), held_out), losses):
            logits = mlp_forward(points, *network)[:, 0]
            values.append(binary_cross_entropy_with_logits(logits, labels).mean().item())
        if best is None and stopper.update(step, losses[1][-1], list(network[0])):
            best = stopper.best_epoch
    axes.semilogy(losses[0], label="training")
    axes.semilogy(losses[1], label="held out")
    axes.axvline(stopper.best_epoch, color="grey", linestyle=":", label=f"best check: step {stopper.best_epoch}")
    axes.set(title="mean loss", xlabel="step", ylabel="binary cross-entropy (nats)")
    axes.set_yticks([0.05, 0.1, 0.2, 0.4], ["0.05", "0.1", "0.2", "0.4"])
    axes.minorticks_off()
    axes.legend(fontsize=7)


def _draw_approximator(axes, eps: float) -> None:
    """Draw a function, the tube of ±eps around it, and the network that was built to stay inside."""
    points = torch.linspace(0, 1, 801, dtype=torch.float64)

    def wave(x: Tensor) -> Tensor:
        zigzag = torch.abs((x + 0.13) % 0.3 - 0.15)  # slopes ±1
        return 8 * zigzag + 0.5 * torch.sin(8 * x)

    w, b, v, c = universal_approximator(wave, eps, lipschitz=12)  # |wave'| <= 8 + 0.5 · 8
    network = c + torch.relu(points[:, None] * w + b) @ v
    error = (network - wave(points)).abs().max().item()
    axes.fill_between(points, wave(points) - eps, wave(points) + eps, color="lightgrey")
    axes.plot(points, wave(points), color="grey", label="f")
    axes.plot(points, network, color="tab:orange", label=f"{len(w)} hidden units")
    axes.set_title(f"ε = {eps:g}: largest error {error:.3f}", fontsize=10)
    axes.set(xlabel="x", ylabel="f(x) and network(x)", ylim=(-1.2, 3.2))
    axes.legend(fontsize=7, loc="upper right")
