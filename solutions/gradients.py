# %% [markdown]
# # 01 · Gradients
#
# Training a network means asking, for every parameter: if this number grows a little, by how much does the loss grow?
# The answers form the gradient. Libraries compute it for you, but you still have to know what it *is*: an array whose
# shape is decided before you compute a single entry. **Always type-check your gradients**: most wrong derivations die
# of a shape that does not fit, long before a number is wrong.
#
# **Convention.** For $f:\mathbb{R}^n\to\mathbb{R}^m$ the Jacobian at $x$ is the matrix of shape $(m, n)$ with
# $J_{ij} = \partial f_i/\partial x_j$: one row per output, one column per input (the *numerator layout*; the
# *denominator layout* used by some texts is its transpose). With it, $f(x+\delta)\approx f(x)+J\delta$, and the
# chain rule reads from left to right like the composition itself:
#
# $$ z = f(y),\ y = g(x) \quad\Longrightarrow\quad
#    \frac{\partial z}{\partial x} = \frac{\partial z}{\partial y}\,\frac{\partial y}{\partial x},
#    \qquad (m\times n) = (m\times k)(k\times n). $$
#
# *Sources.* Magnus and Neudecker, "Matrix Differential Calculus" (1988), for the algebra; Griewank and Walther,
# "Evaluating Derivatives" (2008), for the algorithms; Baydin, Pearlmutter, Radul and Siskind, "Automatic
# differentiation in machine learning: a survey" (2018), for the way from one to the other.

# %%
import math

import torch
from jaxtyping import Float
from torch import Tensor

# %% [markdown]
# ## Three activations
#
# A network without nonlinearities is one big matrix. Three functions break that up, each applied to every entry on its
# own:
#
# $$ \sigma(x) = \frac{1}{1+e^{-x}}, \qquad \tanh x = \frac{e^x-e^{-x}}{e^x+e^{-x}}, \qquad
#    \operatorname{ReLU}(x) = \max\{0, x\}. $$
#
# The first two are the same curve at another scale, $\tanh x = 2\sigma(2x)-1$. (Watch the brackets: lecture notes like
# to write $1/1+e^{-x}$ on one line, which read literally is $1+e^{-x}$.)
#
# **What to watch for.** Formulas that are right on paper can break in floating point: $e^{1000}$ is infinite, and
# infinity divided by infinity is NaN. A NaN in one activation turns the whole loss into NaN one step later. Before you
# type a quotient of exponentials, ask what it does at $x=\pm1000$.

# %% [markdown]
# ### The logistic sigmoid

# %% exercise="sigmoid"
def sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Compute the logistic sigmoid 1 / (1 + e^(−x)) of every entry.

    Shape and dtype are those of `x`; the result is finite for every finite `x`, however large.
    Source: Verhulst (1845), who named the curve; Cox (1958) for its use with probabilities.
    """
    # BEGIN SOLUTION
    return 1 / (1 + torch.exp(-x))
    # END SOLUTION


# %% [markdown]
# ### The hyperbolic tangent
#
# Written with $e^x$ and $e^{-x}$ it is infinity over infinity for large $x$. Rewrite it so that only exponentials of
# negative numbers occur, or lean on another form of the curve. Near zero, where $\tanh x\approx x$, a difference of two
# almost equal numbers also loses digits; an absolute accuracy of $10^{-12}$ is enough here.

# %% exercise="tanh"
def tanh(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Compute the hyperbolic tangent (e^x − e^(−x)) / (e^x + e^(−x)) of every entry.

    Shape and dtype are those of `x`; the result is finite for every finite `x`, however large.
    Source: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 6.3.
    """
    # BEGIN SOLUTION
    decay = torch.exp(-2 * torch.abs(x))
    return torch.sign(x) * (1 - decay) / (1 + decay)
    # END SOLUTION


# %% [markdown]
# ### The rectifier

# %% exercise="relu"
def relu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Compute max(0, x) of every entry.

    Shape and dtype are those of `x`. Source: Nair and Hinton (2010).
    """
    # BEGIN SOLUTION
    return torch.where(x > 0, x, torch.zeros_like(x))
    # END SOLUTION


# %% [markdown]
# ## Their Jacobians
#
# An elementwise function maps $\mathbb{R}^n\to\mathbb{R}^n$, so its Jacobian has shape $(n, n)$. Output $i$ depends on
# input $i$ only: everything off the diagonal is zero. With $y=\sigma(x)$ and $y=\tanh x$ respectively,
#
# $$ \frac{\partial\sigma}{\partial x} = \operatorname{diag}\bigl(y\odot(1-y)\bigr), \qquad
#    \frac{\partial\tanh}{\partial x} = \operatorname{diag}(1-y^2), \qquad
#    \frac{\partial\operatorname{ReLU}}{\partial x} = \operatorname{diag}\bigl(\mathbb{1}\{x>0\}\bigr), \qquad
#    \frac{\partial|x|}{\partial x} = \operatorname{diag}(\operatorname{sign} x). $$
#
# Derivation of the first: $\sigma' = e^{-x}/(1+e^{-x})^2 = \sigma\cdot e^{-x}/(1+e^{-x}) = \sigma(1-\sigma)$.
#
# **What to watch for.** The Jacobian of the rectifier is a *diagonal matrix*, not the indicator vector that notes often
# write. At the kink, $x=0$, neither the rectifier nor $|x|$ has a derivative, and $x/|x|$ is $0/0$; any number between
# the two slopes is a subgradient. Here, as in torch, both use **0 at 0**. These exercises ask for the matrix to make
# you see it; in real code nobody builds it, one multiplies by the diagonal.

# %% [markdown]
# ### Jacobian of the sigmoid

# %% exercise="sigmoid_jacobian"
def sigmoid_jacobian(x: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """Compute the Jacobian of the sigmoid at `x`: diag(y ⊙ (1 − y)) with y = σ(x).

    Shape (n, n), dtype that of `x`. Source: Goodfellow, Bengio and Courville (2016), section 3.10.
    """
    # BEGIN SOLUTION
    y = torch.sigmoid(x)
    return torch.diag(y * (1 - y))
    # END SOLUTION


# %% [markdown]
# ### Jacobian of the hyperbolic tangent

# %% exercise="tanh_jacobian"
def tanh_jacobian(x: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """Compute the Jacobian of tanh at `x`: diag(1 − y²) with y = tanh x.

    Shape (n, n), dtype that of `x`. Source: Goodfellow, Bengio and Courville (2016), section 6.3.
    """
    # BEGIN SOLUTION
    return torch.diag(1 - torch.tanh(x) ** 2)
    # END SOLUTION


# %% [markdown]
# ### Jacobian of the rectifier

# %% exercise="relu_jacobian"
def relu_jacobian(x: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """Compute the Jacobian of max(0, x) at `x`: diag(1{x > 0}), with 0 where x = 0.

    Shape (n, n), dtype that of `x`. Source: Nair and Hinton (2010).
    """
    # BEGIN SOLUTION
    return torch.diag((x > 0).to(x.dtype))
    # END SOLUTION


# %% [markdown]
# ### Jacobian of the absolute value

# %% exercise="abs_jacobian"
def abs_jacobian(x: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """Compute the Jacobian of |x| at `x`: diag(sign x), with 0 where x = 0.

    Shape (n, n), dtype that of `x`. Source: Rockafellar, "Convex Analysis" (1970), section 23, for the subgradient.
    """
    # BEGIN SOLUTION
    return torch.diag(torch.sign(x))
    # END SOLUTION


# %% [markdown]
# ## Linear pieces
#
# Almost every layer is built from two linear operations: a matrix times a vector, and an entrywise product. Their
# Jacobians are worth knowing by heart:
#
# $$ \frac{\partial (Ax+b)}{\partial x} = A, \qquad
#    \frac{\partial (x\odot y)}{\partial x} = \operatorname{diag}(y), \qquad
#    \frac{\partial (x\odot y)}{\partial y} = \operatorname{diag}(x). $$
#
# Type-check: $A$ has shape $(m,n)$, maps $\mathbb{R}^n$ to $\mathbb{R}^m$, and so does its Jacobian. If you got
# $A^\top$, you used the denominator layout.

# %% [markdown]
# ### Jacobian of an affine map

# %% exercise="affine_jacobian"
def affine_jacobian(A: Float[Tensor, "m n"], x: Float[Tensor, " n"]) -> Float[Tensor, "m n"]:
    """Compute the Jacobian of x ↦ A x + b at `x` (it is the same at every `x` and for every b).

    Shape (m, n), dtype that of `A`. Raises ValueError if `A` cannot be multiplied by `x`.
    Source: Magnus and Neudecker (1988).
    """
    # BEGIN SOLUTION: check that the shapes of A and x fit, then think about one entry of A x
    if A.ndim != 2 or x.ndim != 1 or A.shape[1] != x.shape[0]:
        raise ValueError(f"a matrix of shape {tuple(A.shape)} cannot multiply a vector of shape {tuple(x.shape)}")
    return A.clone()
    # END SOLUTION


# %% [markdown]
# ### Jacobians of an entrywise product
#
# A function of two arguments has two Jacobians, one for each.

# %% exercise="hadamard_jacobians"
def hadamard_jacobians(
    x: Float[Tensor, " n"], y: Float[Tensor, " n"]
) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n n"]]:
    """Compute the Jacobians of x ⊙ y with respect to `x` and with respect to `y`, in this order.

    Both have shape (n, n). Source: Magnus and Neudecker (1988).
    """
    # BEGIN SOLUTION
    return torch.diag(y), torch.diag(x)
    # END SOLUTION


# %% [markdown]
# ### The quotient rule
#
# $$ \left(\frac{f}{g}\right)' = \frac{f'\,g - f\,g'}{g^2}. $$
#
# The *minus* and the order matter: swap the two products and the sign of every gradient flips, and gradient descent
# climbs. (In the lecture shorthand the minus and the brackets tend to get lost in print.) It is the product rule in
# disguise: $f = (f/g)\cdot g$, so $f' = (f/g)'g + (f/g)g'$; solve for $(f/g)'$.

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
    # BEGIN SOLUTION
    return (df * g - f * dg) / g**2
    # END SOLUTION


# %% [markdown]
# ## The chain rule for a stack of layers
#
# For $h_L\circ\dots\circ h_1$ the Jacobian is the product $J_L\cdots J_1$, each factor evaluated **at the input of its
# own layer**. Two things go wrong in practice: the factors in the wrong order (the shapes usually tell, unless all
# layers are square!) and all factors evaluated at the first input $x$ (the shapes never tell).
#
# Multiplying from the left, $(J_L J_{L-1})\cdots$, is *reverse mode*: cheap when the output is small, as a loss is.
# From the right, $\cdots(J_2 J_1)$, is *forward mode*: cheap when the input is small. The result is the same.

# %% exercise="compose_jacobians"
def compose_jacobians(layers: list, x: Float[Tensor, " n"]) -> Float[Tensor, "m n"]:
    """Compute the Jacobian at `x` of the composition of `layers`, the first of which is applied first.

    Each layer is a pair (function, jacobian) of callables: for an input v of shape (k,), function(v) has shape (l,) and
    jacobian(v) has shape (l, k). The result has shape (m, n); for an empty list it is the identity.
    Source: Griewank and Walther (2008), chapter 3.
    """
    # BEGIN SOLUTION: walk through the layers, carrying the current value and the product so far
    product = torch.eye(x.shape[0], dtype=x.dtype)
    for function, jacobian in layers:
        product = jacobian(x) @ product
        x = function(x)
    return product
    # END SOLUTION


# %% [markdown]
# ## Checking a gradient
#
# ### Numerical differentiation
#
# Any derivative can be checked against the definition. The *central* difference
#
# $$ \frac{\partial f_i}{\partial x_j} \approx \frac{f_i(x+h\,e_j) - f_i(x-h\,e_j)}{2h} $$
#
# has an error of order $h^2$, because the second-order terms of the two Taylor expansions cancel; the one-sided
# difference is only of order $h$. Smaller is not always better: below $h\approx10^{-5}$ the rounding error
# $\varepsilon/h$ takes over (in double precision; in single precision this happens before the check is of any use, so
# check gradients in double precision). It costs two calls per input, hence a check and not a way to train.
#
# **What to watch for.** Changing an entry of `x` in place and forgetting to put it back changes your caller's data.

# %% exercise="numerical_jacobian"
def numerical_jacobian(f, x: Float[Tensor, " n"], h: float = 1e-5) -> Float[Tensor, "m n"]:
    """Approximate the Jacobian of `f` at `x` by central differences with step `h`.

    `f` maps a tensor of shape (n,) to one of shape (m,); the result has shape (m, n). `x` is left as it was.
    Source: Nocedal and Wright, "Numerical Optimization" (2006), section 8.1.
    """
    # BEGIN SOLUTION
    columns = []
    for j in range(x.shape[0]):
        step = torch.zeros_like(x)
        step[j] = h
        columns.append((f(x + step) - f(x - step)) / (2 * h))
    return torch.stack(columns, dim=1)
    # END SOLUTION


# %% [markdown]
# ### Type-checking
#
# The derivative of a function at `x` has the shape of its output followed by the shape of `x`: a scalar loss of a
# matrix of weights has a gradient of exactly the shape of the matrix. A gradient that is transposed, summed over the
# batch, or of shape `(n, 1)` for a parameter of shape `(n,)` will often *broadcast* without complaint in the update
# step and train something else.

# %% exercise="type_check_gradient"
def type_check_gradient(f, x: Tensor, grad: Tensor | None) -> bool:
    """Tell whether `grad` has the type of a derivative of `f` at `x`.

    That is: it is a tensor, its shape is that of f(x) followed by that of `x` (just that of `x` if f(x) is a scalar of
    shape ()), and its dtype is that of `x`. Its values do not matter. `None` is not a gradient.
    Source: the course's motto.
    """
    # BEGIN SOLUTION
    if not isinstance(grad, torch.Tensor):
        return False
    return grad.shape == f(x).shape + x.shape and grad.dtype == x.dtype
    # END SOLUTION


# %% [markdown]
# ## Reverse-mode automatic differentiation
#
# Backpropagation is the chain rule, ordered well. Every arithmetic operation creates a node that remembers its inputs
# and its local derivatives. To differentiate the last node with respect to *all* others,
#
# 1. list the nodes so that each stands after everything it was made from (a topological order);
# 2. give the last node the gradient 1, all others 0;
# 3. go through the list **backwards**; each node sends to each of its inputs (its own gradient) × (local derivative).
#
# **What to watch for.** A node used twice receives two contributions: they **add up** ($x\cdot x$ must give $2x$, not
# $x$). A node may pass its gradient on only when it has received all contributions, hence the order; and each node is
# visited **once**. A recursion that follows every path instead takes $2^{60}$ steps on the 60 doublings
# $x_{i+1}=x_i+x_i$, a graph of 61 nodes. Gradients of an earlier call of `backward` must not linger.
#
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
        # BEGIN SOLUTION: return Value(result, inputs), where inputs pairs each operand with its local derivative
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))
        # END SOLUTION

    def __mul__(self, other):
        """Compute self · other; `other` is a Value or a number."""
        other = other if isinstance(other, Value) else Value(other)
        # BEGIN SOLUTION
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))
        # END SOLUTION

    def __pow__(self, exponent: float):
        """Compute self to the power of a constant number."""
        # BEGIN SOLUTION
        return Value(self.data**exponent, ((self, exponent * self.data ** (exponent - 1)),))
        # END SOLUTION

    def exp(self):
        """Compute e to the power of self."""
        # BEGIN SOLUTION
        result = math.exp(self.data)
        return Value(result, ((self, result),))
        # END SOLUTION

    def tanh(self):
        """Compute the hyperbolic tangent of self."""
        # BEGIN SOLUTION
        result = math.tanh(self.data)
        return Value(result, ((self, 1 - result**2),))
        # END SOLUTION

    def relu(self):
        """Compute max(0, self), with derivative 0 at 0."""
        # BEGIN SOLUTION
        return Value(max(0.0, self.data), ((self, 1.0 if self.data > 0 else 0.0),))
        # END SOLUTION

    def backward(self) -> None:
        """Set `grad` of every node that self depends on to ∂self/∂node, whatever it was before.

        Time is linear in the number of nodes, not in the number of paths.
        """
        # BEGIN SOLUTION: order the nodes, reset their gradients, then pass gradients backwards
        order, seen = [], set()
        stack = [(self, False)]
        while stack:
            node, finished = stack.pop()
            if finished:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((child, False) for child, _ in node.inputs)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for child, local in node.inputs:
                child.grad += local * node.grad
        # END SOLUTION

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
#
# Left: each activation with its derivative, read off the diagonal of your Jacobians. Right: the graph of one neuron
# $L=(\tanh(w_1x_1+w_2x_2+b)-t)^2$ with the value and the gradient of every node, as your `Value` computed them.

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
