# %% [markdown]
# # 02 · Neural networks
# ### Conventions that hold throughout
#
# Write your answers here, or in neural_networks.ipynb. The handout is README.md;
# `autograder check neural_networks.py` tells which laws your answers obey.

# %%
import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

# %% [markdown]
# ## 1 · The perceptron
# ### perceptron_predict

# %% exercise="perceptron_predict"
def perceptron_predict(
    x: Float[Tensor, "*batch n"], w: Float[Tensor, " n"], b: Float[Tensor, ""]
) -> Float[Tensor, "*batch"]:
    """Compute ŷ = 1{wᵀx + b > 0} for every example: 1.0 where the score is positive, else 0.0.

    There may be any number of batch axes, none included; the dtype is that of `x`. Source: Rosenblatt (1958).
    """
    # TODO: write this.
    raise NotImplementedError("perceptron_predict: not written yet")

# %% [markdown]
# ### One step of learning: perceptron_update

# %% exercise="perceptron_update"
def perceptron_update(
    x: Float[Tensor, " n"], y: float, w: Float[Tensor, " n"], b: Float[Tensor, ""], learning_rate: float
) -> tuple[Float[Tensor, " n"], Float[Tensor, ""]]:
    """Compute the new (w, b) = (w + η(y − ŷ)x, b + η(y − ŷ)) after seeing one example, where η = `learning_rate`.

    `y` is 0 or 1, and ŷ = 1{wᵀx + b > 0} is the answer of the old parameters. Source: Rosenblatt (1958).
    """
    # TODO: write this.
    raise NotImplementedError("perceptron_update: not written yet")

# %% [markdown]
# ### All steps: perceptron_fit

# %% exercise="perceptron_fit"
def perceptron_fit(
    x: Float[Tensor, "N n"], y: Float[Tensor, " N"], epochs: int
) -> tuple[Float[Tensor, " n"], Float[Tensor, ""], int]:
    """Run the perceptron algorithm and return (w, b, number of updates).

    It starts at w = 0 and b = 0, visits the examples in their order, and at each wrong answer adds y − ŷ times x to w
    and y − ŷ to b. It ends after the first pass without an update, or after `epochs` passes. The dtype is that of `x`.
    Source: Rosenblatt (1958).
    """
    # TODO: how do you know that a whole pass went by without an update?
    raise NotImplementedError("perceptron_fit: not written yet")

# %% [markdown]
# ### How many mistakes can it make? novikoff_bound

# %% exercise="novikoff_bound"
def novikoff_bound(
    x: Float[Tensor, "N n"], y: Float[Tensor, " N"], w: Float[Tensor, " n"], b: Float[Tensor, ""]
) -> float:
    """Compute Novikoff's bound (R/γ)² on the number of updates, from a hyperplane (w, b) that separates the data.

    R is the largest norm of (x, 1), and γ the smallest s·(wᵀx + b) divided by the norm of (w, b), where s = 2y − 1.
    Raises ValueError unless γ > 0. Source: Novikoff (1962).
    """
    # TODO: write this.
    raise NotImplementedError("novikoff_bound: not written yet")

# %% [markdown]
# ### The perceptron as gradient descent: hinge_loss

# %% exercise="hinge_loss"
def hinge_loss(z: Float[Tensor, "*shape"], y: Float[Tensor, "*shape"], margin: float = 1.0) -> Float[Tensor, "*shape"]:
    """Compute max(0, margin − s·z) for every entry, where s = 2y − 1 is −1 or +1 and `z` is the score.

    Shape and dtype are those of `z`; autograd can differentiate it in `z`. Source: Cortes and Vapnik (1995).
    """
    # TODO: write this.
    raise NotImplementedError("hinge_loss: not written yet")

# %% [markdown]
# ## 2 · Many neurons
# ### mlp_forward

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
    # TODO: write this.
    raise NotImplementedError("mlp_forward: not written yet")

# %% [markdown]
# ### Where to start: initialise_mlp

# %% exercise="initialise_mlp"
def initialise_mlp(widths: list[int], seed: int) -> tuple[list[Tensor], list[Tensor]]:
    """Make the weights and biases of a multilayer perceptron with the given widths, input and output included.

    weights[l] has shape (widths[l+1], widths[l]) and independent entries from the normal distribution with mean 0 and
    variance 2 / widths[l]; biases[l] has shape (widths[l+1]) and is 0. The dtype is float64. The same seed gives the
    same weights. Source: He, Zhang, Ren and Sun (2015).
    """
    # TODO: one generator for all layers
    raise NotImplementedError("initialise_mlp: not written yet")

# %% [markdown]
# ## 3 · Which loss?
# ### binary_cross_entropy_with_logits

# %% exercise="binary_cross_entropy_with_logits"
def binary_cross_entropy_with_logits(
    logits: Float[Tensor, "*shape"], targets: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Compute −[y log σ(z) + (1 − y) log(1 − σ(z))] for every entry z of `logits` and y of `targets`.

    `targets` may lie anywhere in [0, 1]. Shape and dtype are those of `logits`; for all finite logits the loss is
    finite, and its derivative by autograd is σ(z) − y, also at z = 0. Source: Goodfellow, Bengio and Courville (2016),
    section 6.2.2.2.
    """
    # TODO: what is 1 − σ(z)?
    raise NotImplementedError("binary_cross_entropy_with_logits: not written yet")

# %% [markdown]
# ### cross_entropy

# %% exercise="cross_entropy"
def cross_entropy(logits: Float[Tensor, "N K"], labels: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Compute −log softmax(z)_y = log Σ_k e^(z_k) − z_y for every row z of `logits` and its label y in 0, …, K − 1.

    The batch may be empty. The dtype is that of `logits`; the loss is finite for all finite logits.
    Raises ValueError for a label below 0 or above K − 1.
    Source: Goodfellow, Bengio and Courville (2016), section 6.2.2.3.
    """
    # TODO: `gather` picks one entry per row
    raise NotImplementedError("cross_entropy: not written yet")

# %% [markdown]
# ### Regularisation as a prior: map_loss

# %% exercise="map_loss"
def map_loss(nll: Float[Tensor, ""], params: list[Tensor], prior: str, strength: float) -> Float[Tensor, ""]:
    """Compute the negative log likelihood plus the negative log prior of all entries of `params`, without constants.

    The prior "gaussian" with mean 0 and variance 1/λ adds λ/2 · Σ w², and "laplace" with rate λ adds λ · Σ |w|, where
    λ = `strength`. Autograd can differentiate the result in `nll` and in `params`. Raises ValueError for another prior
    or a negative λ. Source: Bishop (2006), section 3.1.4.
    """
    # TODO: write this.
    raise NotImplementedError("map_loss: not written yet")

# %% [markdown]
# ### l1_penalty

# %% exercise="l1_penalty"
def l1_penalty(params: list[Tensor], strength: float) -> Float[Tensor, ""]:
    """Compute strength · Σ |w| over all entries of all tensors in `params`, of which there is at least one.

    A tensor without axes, of the dtype of `params`. Source: Tibshirani (1996).
    """
    # TODO: write this.
    raise NotImplementedError("l1_penalty: not written yet")

# %% [markdown]
# ### l1_subgradient

# %% exercise="l1_subgradient"
def l1_subgradient(params: list[Tensor], strength: float) -> list[Tensor]:
    """Compute a subgradient of strength · Σ |w|: for each tensor one of the same shape and dtype, 0 where w = 0.

    Source: Rockafellar, "Convex Analysis" (1970), part V, for subgradients; Tibshirani (1996) for the penalty.
    """
    # TODO: write this.
    raise NotImplementedError("l1_subgradient: not written yet")

# %% [markdown]
# ## 4 · Backpropagation
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
    # TODO: keep the input of every layer on the way forwards, then walk back
    raise NotImplementedError("mlp_backward: not written yet")

# %% [markdown]
# ## 5 · Gradient descent
# ### gradient_descent

# %% exercise="gradient_descent"
def gradient_descent(
    gradient: Callable[[Tensor], Tensor], x0: Float[Tensor, "*shape"], learning_rate: float, steps: int
) -> Float[Tensor, "steps+1 *shape"]:
    """Compute the path x_0, x_1, …, x_steps of x_{t+1} = x_t − learning_rate · gradient(x_t), stacked along a new axis.

    `gradient` takes and returns tensors of the shape of `x0`; it is called `steps` times. For 0 steps the path is the
    start alone. The dtype is that of `x0`. Source: Cauchy (1847).
    """
    # TODO: write this.
    raise NotImplementedError("gradient_descent: not written yet")

# %% [markdown]
# ### largest_learning_rate

# %% exercise="largest_learning_rate"
def largest_learning_rate(A: Float[Tensor, "n n"]) -> float:
    """Compute 2 / λ_max, the learning rate below which gradient descent on ½ xᵀA x converges and above which not.

    `A` is symmetric and has no negative eigenvalue. Raises ValueError if it is all zeros: then any rate will do.
    Source: Boyd and Vandenberghe, "Convex Optimization" (2004), section 9.3.
    """
    # TODO: write this.
    raise NotImplementedError("largest_learning_rate: not written yet")

# %% [markdown]
# ## 6 · Networks can compute anything (continuous)
# ### universal_approximator

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
    # TODO: one unit per piece, whose output weight is the change of slope at its knot
    raise NotImplementedError("universal_approximator: not written yet")

# %% [markdown]
# ## 7 · Early stopping
# ### EarlyStopping

# %% exercise="EarlyStopping"
class EarlyStopping:
    """Tells when to stop training: after `patience` checks in a row without a new smallest validation loss.

    Attributes: `best_loss` (infinity before the first improvement), `best_epoch` and `best_weights` (None before it).
    Raises ValueError unless `patience` and `every` are at least 1. Source: Prechelt (1998).
    """

    def __init__(self, patience: int, every: int = 1):
        # TODO: write this.
        raise NotImplementedError("EarlyStopping.__init__: not written yet")

    def update(self, epoch: int, loss: float, weights: list[Tensor]) -> bool:
        """Look at the validation loss after an epoch, if its number is divisible by `every`; say whether to stop now.

        Epochs are given as 1, 2, 3, … until the answer is True. A loss below the best one so far is an improvement: it
        is kept together with its epoch and a copy of the weights, without gradient history. Equal losses and NaN are
        none.
        """
        # TODO: write this.
        raise NotImplementedError("EarlyStopping.update: not written yet")

# %% [markdown]
# ## 8 · Batch normalisation
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
    # TODO: there are two different variances
    raise NotImplementedError("batch_norm_train: not written yet")

# %% [markdown]
# ### batch_norm_eval

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
    # TODO: write this.
    raise NotImplementedError("batch_norm_eval: not written yet")

# %% [markdown]
# ### batch_norm_backward

# %% exercise="batch_norm_backward"
def batch_norm_backward(
    dy: Float[Tensor, "N D"], x: Float[Tensor, "N D"], gamma: Float[Tensor, " D"], eps: float = 1e-5
) -> tuple[Float[Tensor, "N D"], Float[Tensor, " D"], Float[Tensor, " D"]]:
    """Compute (∂L/∂x, ∂L/∂gamma, ∂L/∂beta) of batch normalisation in training, where dy = ∂L/∂y.

    y = gamma · (x − mean) / sqrt(var + eps) + beta with the mean and the variance (divided by N) of the batch `x`.
    Source: Ioffe and Szegedy (2015), section 3.
    """
    # TODO: what is subtracted from dy is what the normalisation undoes
    raise NotImplementedError("batch_norm_backward: not written yet")

# %% [markdown]
# ## 9 · Data augmentation
# ### random_flip

# %% exercise="random_flip"
def random_flip(
    images: Float[Tensor, "N C H W"], labels: Int[Tensor, " N"], seed: int, probability: float = 0.5
) -> tuple[Float[Tensor, "N C H W"], Int[Tensor, " N"]]:
    """Mirror each image left to right with the given probability, independently; return (images, labels).

    The order of the images stays, and the labels are those given. The same seed gives the same result.
    Source: Krizhevsky, Sutskever and Hinton (2012), section 4.1.
    """
    # TODO: write this.
    raise NotImplementedError("random_flip: not written yet")

# %% [markdown]
# ### random_crop

# %% exercise="random_crop"
def random_crop(
    images: Float[Tensor, "N C H W"], labels: Int[Tensor, " N"], padding: int, seed: int
) -> tuple[Float[Tensor, "N C H W"], Int[Tensor, " N"]]:
    """Pad each image with zeros on all sides and cut a random window of the old size out; return (images, labels).

    The window's first row and first column are uniform on 0, …, 2·padding, independent of each other and from image to
    image, and the same for all channels. The order of the images stays, and the labels are those given. The batch may
    be empty. The same seed gives the same result. Source: He, Zhang, Ren and Sun (2016), section 4.2.
    """
    # TODO: mind which end of its range torch.randint leaves out
    raise NotImplementedError("random_crop: not written yet")

# %% [markdown]
# ## 10 · Residual connections
# ### residual_block

# %% exercise="residual_block"
def residual_block(x: Float[Tensor, "*shape"], f: Callable[[Tensor], Tensor]) -> Float[Tensor, "*shape"]:
    """Compute x + f(x). Raises ValueError if f(x) has another shape than `x`.

    Autograd can differentiate the result in `x`, through both terms. Source: He, Zhang, Ren and Sun (2016).
    """
    # TODO: write this.
    raise NotImplementedError("residual_block: not written yet")

# %% [markdown]
# ### residual_jacobian

# %% exercise="residual_jacobian"
def residual_jacobian(jacobians: list[Float[Tensor, "n n"]]) -> Float[Tensor, "n n"]:
    """Compute (I + J_K) ⋯ (I + J_2)(I + J_1), the Jacobian of a stack of residual blocks from its input to its output.

    `jacobians` holds J_1, …, J_K, the Jacobians of the functions inside the blocks, in the order in which the blocks
    are applied; K is at least 1. Source: He, Zhang, Ren and Sun (2016).
    """
    # TODO: write this.
    raise NotImplementedError("residual_jacobian: not written yet")

# %% [markdown]
# ## 11 · Pretraining and fine-tuning
# ### transfer_weights

# %% exercise="transfer_weights"
def transfer_weights(
    weights: list[Tensor], biases: list[Tensor], classes: int, seed: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Copy all layers of a network but the last, and put a new last layer for `classes` classes in its place.

    weights[l] has shape (n_l, n_{l−1}). The new head has weights of shape (classes, n) for the n features that the old
    one read, independent normal with mean 0 and variance 1/n, and biases 0, both of the old head's dtype. Returns the
    lists (weights, biases). The same seed gives the same head. Source: Yosinski, Clune, Bengio and Lipson (2014).
    """
    # TODO: write this.
    raise NotImplementedError("transfer_weights: not written yet")

# %% [markdown]
# ### finetune

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
    # TODO: run the frozen layers once, then descend in copies of the others
    raise NotImplementedError("finetune: not written yet")

# %% [markdown]
# ## The picture

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
