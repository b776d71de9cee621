# %% [markdown]
# # 01 · Gradients
#
# Write your answers here, or in gradients.ipynb. The handout is README.md;
# `autograder check gradients.py` tells which laws your answers obey.

# %%
import math

import torch
from jaxtyping import Float
from torch import Tensor

# %% [markdown]
# ## Three activations

# %% [markdown]
# ### The logistic sigmoid

# %% exercise="sigmoid"
def sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Compute the logistic sigmoid 1 / (1 + e^(−x)) of every entry.

    Shape and dtype are those of `x`; the result is finite for every finite `x`, however large.
    Source: Verhulst (1845), who named the curve; Cox (1958) for its use with probabilities.
    """
    # TODO: write this.
    raise NotImplementedError("sigmoid: not written yet")

# %% [markdown]
# ### The hyperbolic tangent

# %% exercise="tanh"
def tanh(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Compute the hyperbolic tangent (e^x − e^(−x)) / (e^x + e^(−x)) of every entry.

    Shape and dtype are those of `x`; the result is finite for every finite `x`, however large.
    Source: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 6.3.
    """
    # TODO: write this.
    raise NotImplementedError("tanh: not written yet")

# %% [markdown]
# ### The rectifier

# %% exercise="relu"
def relu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Compute max(0, x) of every entry.

    Shape and dtype are those of `x`. Source: Nair and Hinton (2010).
    """
    # TODO: write this.
    raise NotImplementedError("relu: not written yet")

# %% [markdown]
# ## Their Jacobians

# %% [markdown]
# ### Jacobian of the sigmoid

# %% exercise="sigmoid_jacobian"
def sigmoid_jacobian(x: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """Compute the Jacobian of the sigmoid at `x`: diag(y ⊙ (1 − y)) with y = σ(x).

    Shape (n, n), dtype that of `x`. Source: Goodfellow, Bengio and Courville (2016), section 3.10.
    """
    # TODO: write this.
    raise NotImplementedError("sigmoid_jacobian: not written yet")

# %% [markdown]
# ### Jacobian of the hyperbolic tangent

# %% exercise="tanh_jacobian"
def tanh_jacobian(x: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """Compute the Jacobian of tanh at `x`: diag(1 − y²) with y = tanh x.

    Shape (n, n), dtype that of `x`. Source: Goodfellow, Bengio and Courville (2016), section 6.3.
    """
    # TODO: write this.
    raise NotImplementedError("tanh_jacobian: not written yet")

# %% [markdown]
# ### Jacobian of the rectifier

# %% exercise="relu_jacobian"
def relu_jacobian(x: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """Compute the Jacobian of max(0, x) at `x`: diag(1{x > 0}), with 0 where x = 0.

    Shape (n, n), dtype that of `x`. Source: Nair and Hinton (2010).
    """
    # TODO: write this.
    raise NotImplementedError("relu_jacobian: not written yet")

# %% [markdown]
# ### Jacobian of the absolute value

# %% exercise="abs_jacobian"
def abs_jacobian(x: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """Compute the Jacobian of |x| at `x`: diag(sign x), with 0 where x = 0.

    Shape (n, n), dtype that of `x`. Source: Rockafellar, "Convex Analysis" (1970), section 23, for the subgradient.
    """
    # TODO: write this.
    raise NotImplementedError("abs_jacobian: not written yet")

# %% [markdown]
# ## Linear pieces

# %% [markdown]
# ### Jacobian of an affine map

# %% exercise="affine_jacobian"
def affine_jacobian(A: Float[Tensor, "m n"], x: Float[Tensor, " n"]) -> Float[Tensor, "m n"]:
    """Compute the Jacobian of x ↦ A x + b at `x` (it is the same at every `x` and for every b).

    Shape (m, n), dtype that of `A`. Raises ValueError unless `A` is a matrix and `x` a vector with as
    many entries as `A` has columns. Source: Magnus and Neudecker (1988).
    """
    # TODO: check that the shapes of A and x fit, then think about one entry of A x
    raise NotImplementedError("affine_jacobian: not written yet")

# %% [markdown]
# ### Jacobians of an entrywise product

# %% exercise="hadamard_jacobians"
def hadamard_jacobians(
    x: Float[Tensor, " n"], y: Float[Tensor, " n"]
) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n n"]]:
    """Compute the Jacobians of x ⊙ y with respect to `x` and with respect to `y`, in this order.

    Both have shape (n, n). Source: Magnus and Neudecker (1988).
    """
    # TODO: write this.
    raise NotImplementedError("hadamard_jacobians: not written yet")

# %% [markdown]
# ### The quotient rule

# %% exercise="quotient_rule"
def quotient_rule(
    f: Float[Tensor, "*shape"],
    df: Float[Tensor, "*shape"],
    g: Float[Tensor, "*shape"],
    dg: Float[Tensor, "*shape"],
) -> Float[Tensor, "*shape"]:
    """Compute the derivative of f / g from the values `f`, `g` and the derivatives `df`, `dg` at the same points.

    All four tensors and the result have one shape; `g` is nowhere zero. Source: any calculus text.
    """
    # TODO: write this.
    raise NotImplementedError("quotient_rule: not written yet")

# %% [markdown]
# ## The chain rule for a stack of layers

# %% exercise="compose_jacobians"
def compose_jacobians(layers: list, x: Float[Tensor, " n"]) -> Float[Tensor, "m n"]:
    """Compute the Jacobian at `x` of the composition of `layers`, the first of which is applied first.

    Each layer is a pair (function, jacobian) of callables: for an input v of shape (k,), function(v) has shape (l,) and
    jacobian(v) has shape (l, k). The result has shape (m, n); for an empty list it is the identity.
    Source: Griewank and Walther (2008), chapter 3.
    """
    # TODO: walk through the layers, carrying the current value and the product so far
    raise NotImplementedError("compose_jacobians: not written yet")

# %% [markdown]
# ## Checking a gradient
# ### Numerical differentiation

# %% exercise="numerical_jacobian"
def numerical_jacobian(f, x: Float[Tensor, " n"], h: float = 1e-5) -> Float[Tensor, "m n"]:
    """Approximate the Jacobian of `f` at `x` by central differences with step `h`.

    `f` maps a tensor of shape (n,) to one of shape (m,); the result has shape (m, n). `x` is left as it was.
    Source: Nocedal and Wright, "Numerical Optimization" (2006), section 8.1.
    """
    # TODO: write this.
    raise NotImplementedError("numerical_jacobian: not written yet")

# %% [markdown]
# ### Type-checking

# %% exercise="type_check_gradient"
def type_check_gradient(f, x: Tensor, grad: Tensor | None) -> bool:
    """Tell whether `grad` has the type of a derivative of `f` at `x`.

    That is: it is a tensor, its shape is that of f(x) followed by that of `x` (just that of `x` if f(x) is a scalar of
    shape ()), and its dtype is that of `x`. Its values do not matter. `None` is not a gradient.
    Source: the course's motto.
    """
    # TODO: write this.
    raise NotImplementedError("type_check_gradient: not written yet")

# %% [markdown]
# ## Reverse-mode automatic differentiation
# ### A scalar that remembers where it came from

# %% exercise="Value"
class Value:
    """A number that records how it was computed, so that `backward()` can differentiate it.

    `data` is the number, `grad` the derivative of the node on which `backward()` was called last with respect to this
    one (0.0 before). Supports +, *, ** with a constant exponent, exp, tanh and relu; the other operators follow.
    Source: Linnainmaa (1970) for the algorithm; Rumelhart, Hinton and Williams (1986) for its use in networks.
    """

    def __init__(self, data: float, inputs: tuple = ()):
        """Make a node; `inputs` holds a pair (node, local derivative) for every value it was computed from."""
        self.data = float(data)
        self.grad = 0.0
        self.inputs = inputs

    def __add__(self, other):
        """Compute self + other; `other` is a Value or a number."""
        other = other if isinstance(other, Value) else Value(other)
        # TODO: return Value(result, inputs), where inputs pairs each operand with its local derivative
        raise NotImplementedError("Value.__add__: not written yet")

    def __mul__(self, other):
        """Compute self · other; `other` is a Value or a number."""
        other = other if isinstance(other, Value) else Value(other)
        # TODO: write this.
        raise NotImplementedError("Value.__mul__: not written yet")

    def __pow__(self, exponent: float):
        """Compute self to the power of a constant number."""
        # TODO: write this.
        raise NotImplementedError("Value.__pow__: not written yet")

    def exp(self):
        """Compute e to the power of self."""
        # TODO: write this.
        raise NotImplementedError("Value.exp: not written yet")

    def tanh(self):
        """Compute the hyperbolic tangent of self."""
        # TODO: write this.
        raise NotImplementedError("Value.tanh: not written yet")

    def relu(self):
        """Compute max(0, self), with derivative 0 at 0."""
        # TODO: write this.
        raise NotImplementedError("Value.relu: not written yet")

    def backward(self) -> None:
        """Set `grad` of every node that self depends on to ∂self/∂node, whatever it was before.

        Time is linear in the number of nodes, not in the number of paths.
        """
        # TODO: order the nodes, reset their gradients, then pass gradients backwards
        raise NotImplementedError("Value.backward: not written yet")

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * (other**-1.0 if isinstance(other, Value) else 1.0 / other)

    def __rtruediv__(self, other):
        return self**-1.0 * other

# %% [markdown]
# ## The picture

# %% tags=["picture"]
def picture():
    """Draw the activations with their derivatives, and a computation graph with values and gradients."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(12, 6.4))
    grid = figure.add_gridspec(3, 2, width_ratios=(1, 2), hspace=0.75, wspace=0.12, top=0.88, bottom=0.17)
    x = torch.linspace(-4, 4, 201, dtype=torch.float64)
    curves = [("sigmoid", sigmoid, sigmoid_jacobian), ("tanh", tanh, tanh_jacobian), ("ReLU", relu, relu_jacobian)]
    for row, (name, function, jacobian) in enumerate(curves):
        axes = figure.add_subplot(grid[row, 0])
        axes.plot(x, function(x), label="f(x)")
        axes.plot(x, torch.diagonal(jacobian(x)), "--", label="f ′(x)")
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("input x" if row == 2 else "")
        axes.set_ylabel("output")
        axes.legend(fontsize=8, loc="upper left")
        axes.grid(alpha=0.3)
    _draw_neuron(figure.add_subplot(grid[:, 1]))
    figure.suptitle("Gradients: activations with their derivatives, and one neuron differentiated by your Value class")
    figure.text(
        0.5,
        0.03,
        "You should see each dashed line as the slope of its solid one (0.25 at the centre of the sigmoid, 1 at that "
        "of tanh, a step for ReLU),\nand in the graph gradients that flow from the loss (gradient 1) back to "
        "w₁, w₂ and b: ∂L/∂w₁ = x₁·∂L/∂b and ∂L/∂w₂ = x₂·∂L/∂b.",
        ha="center",
        fontsize=9,
    )
    return figure


def _draw_neuron(axes) -> None:
    """Draw L = (tanh(w₁x₁ + w₂x₂ + b) − t)² as a graph from left to right."""
    x1, w1, x2, w2, b, t = (Value(v) for v in (1.5, 0.4, -1.0, 0.9, 0.2, 1.0))
    product1, product2 = w1 * x1, w2 * x2
    total = product1 + product2
    shifted = total + b
    output = shifted.tanh()
    error = output + t * -1.0
    loss = error**2
    loss.backward()
    places = {
        "x₁": (x1, 0, 5), "w₁": (w1, 0, 4), "x₂": (x2, 0, 2.6), "w₂": (w2, 0, 1.6), "b": (b, 1, 0.4),
        "w₁x₁": (product1, 1, 4.5), "w₂x₂": (product2, 1, 2.1), "sum": (total, 2, 3.3), "+ b": (shifted, 3, 2.2),
        "tanh": (output, 4, 2.2), "− t": (error, 5, 3.3), "loss": (loss, 6, 2.2),
    }  # fmt: skip
    arrows = (
        "x₁>w₁x₁ w₁>w₁x₁ x₂>w₂x₂ w₂>w₂x₂ w₁x₁>sum w₂x₂>sum".split()
        + ["sum>+ b", "b>+ b", "+ b>tanh", "tanh>− t", "− t>loss"]
    )  # fmt: skip
    for arrow in arrows:
        start, end = (places[name][1:] for name in arrow.split(">"))
        axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "shrinkA": 24, "shrinkB": 26, "color": "grey"})
    for name, (node, column, row) in places.items():
        text = f"{name}\nvalue {node.data:.2f}\ngrad {node.grad:.2f}"
        box = {"boxstyle": "round", "facecolor": "#eef4ff", "edgecolor": "#4060a0"}
        axes.text(column, row, text, ha="center", va="center", fontsize=8, bbox=box)
    axes.set_xlim(-0.6, 6.6)
    axes.set_ylim(-0.3, 5.7)
    axes.set_title("computation graph of one neuron's loss (values forward, gradients backward)", fontsize=10)
    axes.axis("off")
