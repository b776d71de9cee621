"""Wrong answers that students give to the exercises of gradients, and what each gets wrong."""

import math

import torch

from autograder.bank import mistake


@mistake("sigmoid", law="test_value", diagnosis="The exponent lost its minus sign: this computes 1 − σ(x).")
def sigmoid_without_the_minus(x):
    return 1 / (1 + torch.exp(x))


@mistake("sigmoid", law="test_value", diagnosis="1/1 + e^(−x) was read without brackets: divide by (1 + e^(−x)).")
def sigmoid_without_brackets(x):
    return 1 / 1 + torch.exp(-x)


@mistake("sigmoid", law="test_extremes", diagnosis="e^x overflows for large x, and infinity / infinity is NaN.")
def sigmoid_that_overflows(x):
    return torch.exp(x) / (1 + torch.exp(x))


@mistake(
    "sigmoid", law="test_shape_and_dtype", diagnosis="The dtype of the input is lost: the result is always double."
)
def sigmoid_in_double_precision(x):
    return 1 / (1 + torch.exp(-x.double()))


@mistake("tanh", law="test_extremes", diagnosis="e^x and e^(−x) overflow for large |x|, and inf / inf is NaN.")
def tanh_by_the_book(x):
    return (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))


@mistake("tanh", law="test_scaled_sigmoid", diagnosis="The argument of the sigmoid must be doubled too: 2σ(2x) − 1.")
def tanh_with_half_the_slope(x):
    return 2 * torch.sigmoid(x) - 1


@mistake("tanh", law="test_value", diagnosis="Numerator and denominator are swapped: this is the hyperbolic cotangent.")
def tanh_upside_down(x):
    return (torch.exp(x) + torch.exp(-x)) / (torch.exp(x) - torch.exp(-x))


@mistake("relu", law="test_value", diagnosis="This is |x|: negative inputs should give 0.")
def relu_as_absolute_value(x):
    return torch.abs(x)


@mistake("relu", law="test_input_is_kept", diagnosis="clamp_ works in place and destroys the caller's tensor.")
def relu_in_place(x):
    return x.clamp_(min=0)


@mistake("relu", law="test_value", diagnosis="This is the derivative of the rectifier, not the rectifier.")
def relu_as_a_step(x):
    return (x > 0).to(x.dtype)


@mistake("relu", law="test_value", diagnosis="Negative inputs leak: a leaky rectifier is another function.")
def relu_that_leaks(x):
    return torch.where(x > 0, x, 0.01 * x)


@mistake("sigmoid_jacobian", law="test_diagonal", diagnosis="This is the vector of derivatives; the Jacobian is n × n.")
def sigmoid_jacobian_as_a_vector(x):
    y = torch.sigmoid(x)
    return y * (1 - y)


@mistake("sigmoid_jacobian", law="test_diagonal", diagnosis="x(1 − x) wants y = σ(x) in it, not x itself.")
def sigmoid_jacobian_of_the_input(x):
    return torch.diag(x * (1 - x))


@mistake(
    "sigmoid_jacobian", law="test_diagonal", diagnosis="An outer product mixes inputs: output i depends on xᵢ only."
)
def sigmoid_jacobian_outer(x):
    y = torch.sigmoid(x)
    return torch.outer(y, 1 - y)


@mistake("tanh_jacobian", law="test_diagonal", diagnosis="The square is missing: the derivative is 1 − tanh²(x).")
def tanh_jacobian_without_the_square(x):
    return torch.diag(1 - torch.tanh(x))


@mistake("tanh_jacobian", law="test_diagonal", diagnosis="y(1 − y) is the sigmoid's derivative, not that of tanh.")
def tanh_jacobian_of_the_sigmoid(x):
    y = torch.tanh(x)
    return torch.diag(y * (1 - y))


@mistake("relu_jacobian", law="test_at_zero", diagnosis="The derivative at 0 is 0 here: use x > 0, not x >= 0.")
def relu_jacobian_one_at_zero(x):
    return torch.diag((x >= 0).to(x.dtype))


@mistake("relu_jacobian", law="test_diagonal", diagnosis="The Jacobian is a diagonal matrix, not the vector of slopes.")
def relu_jacobian_as_a_vector(x):
    return (x > 0).to(x.dtype)


@mistake(
    "relu_jacobian", law="test_diagonal", diagnosis="A Boolean matrix cannot be multiplied: convert it to x.dtype."
)
def relu_jacobian_of_booleans(x):
    return torch.diag(x > 0)


@mistake("abs_jacobian", law="test_at_zero", diagnosis="x / |x| is 0/0 at zero: use 0 there.")
def abs_jacobian_by_division(x):
    return torch.diag(x / x.abs())


@mistake("abs_jacobian", law="test_finite_differences", diagnosis="The slope is −1 for negative x, not 0.")
def abs_jacobian_of_the_rectifier(x):
    return torch.diag((x > 0).to(x.dtype))


@mistake(
    "affine_jacobian", law="test_autograd", diagnosis="This is the denominator layout; here the Jacobian is A, not Aᵀ."
)
def affine_jacobian_transposed(A, x):
    if A.ndim != 2 or x.ndim != 1 or A.shape[1] != x.shape[0]:
        raise ValueError("shapes do not fit")
    return A.T


@mistake("affine_jacobian", law="test_autograd", diagnosis="This is the value of the map, not its derivative.")
def affine_jacobian_as_the_value(A, x):
    if A.ndim != 2 or x.ndim != 1 or A.shape[1] != x.shape[0]:
        raise ValueError("shapes do not fit")
    return A @ x


@mistake(
    "affine_jacobian", law="test_mismatch", diagnosis="The shapes are never checked: A must be able to multiply x."
)
def affine_jacobian_unchecked(A, x):
    return A


@mistake("hadamard_jacobians", law="test_autograd", diagnosis="The two are swapped: ∂(x⊙y)/∂x is diag(y).")
def hadamard_jacobians_swapped(x, y):
    return torch.diag(x), torch.diag(y)


@mistake("hadamard_jacobians", law="test_autograd", diagnosis="The Jacobians are diagonal matrices, not the vectors.")
def hadamard_jacobians_as_vectors(x, y):
    return y, x


@mistake("quotient_rule", law="test_finite_differences", diagnosis="The products are swapped: f′g comes first.")
def quotient_rule_with_the_wrong_sign(f, df, g, dg):
    return (f * dg - df * g) / g**2


@mistake(
    "quotient_rule",
    law="test_finite_differences",
    diagnosis="The quotient rule has a minus; a plus is the product rule.",
)
def quotient_rule_with_a_plus(f, df, g, dg):
    return (df * g + f * dg) / g**2


@mistake("quotient_rule", law="test_finite_differences", diagnosis="The denominator must be squared.")
def quotient_rule_without_the_square(f, df, g, dg):
    return (df * g - f * dg) / g


@mistake("quotient_rule", law="test_finite_differences", diagnosis="(f/g)′ is not f′/g′.")
def quotient_rule_of_derivatives(f, df, g, dg):
    return df / torch.where(dg == 0, torch.ones_like(dg), dg)


@mistake(
    "compose_jacobians",
    law="test_autograd",
    diagnosis="The factors are in the wrong order: the last layer's stands left.",
)
def compose_jacobians_reversed(layers, x):
    product = torch.eye(x.shape[0], dtype=x.dtype)
    for function, jacobian in layers:
        product = product @ jacobian(x)
        x = function(x)
    return product


@mistake(
    "compose_jacobians",
    law="test_autograd",
    diagnosis="Each Jacobian must be taken at its own layer's input, not at x.",
)
def compose_jacobians_all_at_the_first_input(layers, x):
    product = torch.eye(x.shape[0], dtype=x.dtype)
    for _, jacobian in layers:
        width = product.shape[0]  # repeat or cut the first input so that it fits
        product = jacobian(x.repeat(width)[:width]) @ product
    return product


@mistake(
    "compose_jacobians",
    law="test_autograd",
    diagnosis="Each Jacobian is taken at its layer's output; it needs the input.",
)
def compose_jacobians_at_the_output(layers, x):
    product = torch.eye(x.shape[0], dtype=x.dtype)
    values = [x]
    for function, _ in layers:
        values.append(function(values[-1]))
    for k, (_, jacobian) in enumerate(layers):
        point = values[k + 1] if values[k + 1].shape == values[k].shape else values[k] + 1
        product = jacobian(point) @ product
    return product


@mistake("compose_jacobians", law="test_shape", diagnosis="This is the transpose: m outputs and n inputs give (m, n).")
def compose_jacobians_transposed(layers, x):
    product = torch.eye(x.shape[0], dtype=x.dtype)
    for function, jacobian in layers:
        product = jacobian(x) @ product
        x = function(x)
    return product.T


@mistake(
    "numerical_jacobian", law="test_error_order", diagnosis="A one-sided difference has an error of order h, not h²."
)
def numerical_jacobian_one_sided(f, x, h=1e-5):
    columns = []
    for j in range(x.shape[0]):
        step = torch.zeros_like(x)
        step[j] = h
        columns.append((f(x + step) - f(x)) / h)
    return torch.stack(columns, dim=1)


@mistake("numerical_jacobian", law="test_affine", diagnosis="The two points are 2h apart: divide by 2h.")
def numerical_jacobian_divided_by_h(f, x, h=1e-5):
    columns = []
    for j in range(x.shape[0]):
        step = torch.zeros_like(x)
        step[j] = h
        columns.append((f(x + step) - f(x - step)) / h)
    return torch.stack(columns, dim=1)


@mistake("numerical_jacobian", law="test_affine", diagnosis="The inputs belong to the columns: this is the transpose.")
def numerical_jacobian_transposed(f, x, h=1e-5):
    rows = []
    for j in range(x.shape[0]):
        step = torch.zeros_like(x)
        step[j] = h
        rows.append((f(x + step) - f(x - step)) / (2 * h))
    return torch.stack(rows)


@mistake("numerical_jacobian", law="test_input_is_kept", diagnosis="x is changed in place and not put back.")
def numerical_jacobian_in_place(f, x, h=1e-5):
    columns = []
    for j in range(x.shape[0]):
        x[j] += h
        up = f(x)
        x[j] -= 2 * h
        columns.append((up - f(x)) / (2 * h))
    return torch.stack(columns, dim=1)


@mistake("type_check_gradient", law="test_rejects_transposed", diagnosis="The number of entries is not the shape.")
def type_check_gradient_by_size(f, x, grad):
    return grad is not None and grad.numel() == f(x).numel() * x.numel() and grad.dtype == x.dtype


@mistake(
    "type_check_gradient", law="test_rejects_broadcast", diagnosis="A shape that broadcasts is not the right shape."
)
def type_check_gradient_by_broadcasting(f, x, grad):
    if grad is None or grad.dtype != x.dtype:
        return False
    try:
        return torch.broadcast_shapes(grad.shape, f(x).shape + x.shape) == f(x).shape + x.shape
    except RuntimeError:
        return False


@mistake("type_check_gradient", law="test_rejects_missing", diagnosis="None has no shape: check for it first.")
def type_check_gradient_of_none(f, x, grad):
    return grad.shape == f(x).shape + x.shape and grad.dtype == x.dtype


@mistake("type_check_gradient", law="test_accepts", diagnosis="The output's shape comes first in the numerator layout.")
def type_check_gradient_denominator_layout(f, x, grad):
    return grad is not None and grad.shape == x.shape + f(x).shape and grad.dtype == x.dtype


@mistake(
    "type_check_gradient",
    law="test_accepts",
    diagnosis="Only the first axis of f(x) is counted; all axes of the output come before those of the input.",
)
def type_check_gradient_of_vectors_only(f, x, grad):
    if not isinstance(grad, torch.Tensor):
        return False
    out = f(x)
    shape = tuple(x.shape) if out.dim() == 0 else (len(out), *x.shape)
    return tuple(grad.shape) == shape and grad.dtype == x.dtype


@mistake("type_check_gradient", law="test_dtype", diagnosis="The dtype is part of the type.")
def type_check_gradient_of_any_dtype(f, x, grad):
    return grad is not None and grad.shape == f(x).shape + x.shape


@mistake("Value", law="test_accumulates", diagnosis="Gradients are overwritten: contributions must add up (+=).")
class ValueThatOverwrites(Value):
    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for child, _ in node.inputs:
                    visit(child)
                order.append(node)

        visit(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for child, local in node.inputs:
                child.grad = local * node.grad


@mistake(
    "Value", law="test_linear_time", diagnosis="Every path is followed: with 2⁶⁰ paths it never ends. Visit nodes once."
)
class ValueThatFollowsPaths(Value):
    def backward(self):
        def reset(node, seen):
            if node not in seen:
                seen.add(node)
                node.grad = 0.0
                for child, _ in node.inputs:
                    reset(child, seen)

        def send(node, gradient):
            node.grad += gradient
            for child, local in node.inputs:
                send(child, local * gradient)

        reset(self, set())
        send(self, 1.0)


@mistake("Value", law="test_order", diagnosis="A node passed its gradient on before it had received all of it.")
class ValueInBreadthFirstOrder(Value):
    def backward(self):
        order = [self]
        for node in order:
            for child, _ in node.inputs:
                if child not in order:
                    order.append(child)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in order:
            for child, local in node.inputs:
                child.grad += local * node.grad


@mistake("Value", law="test_functions", diagnosis="The exponent is cut to a whole number; √x is a power too.")
class ValueOfWholePowers(Value):
    def __pow__(self, exponent):
        whole = int(exponent)
        return Value(self.data**whole, ((self, whole * self.data ** (whole - 1)),))


@mistake("Value", law="test_starts_afresh", diagnosis="Gradients of an earlier call linger: reset them first.")
class ValueThatRemembers(Value):
    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for child, _ in node.inputs:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for child, local in node.inputs:
                child.grad += local * node.grad


@mistake("Value", law="test_operations", diagnosis="The local derivatives of a product are swapped.")
class ValueWithSwappedProduct(Value):
    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, ((self, self.data), (other, other.data)))


@mistake("Value", law="test_functions", diagnosis="The derivative of tanh is 1 − tanh², with the square.")
class ValueWithWrongTanh(Value):
    def tanh(self):
        result = math.tanh(self.data)
        return Value(result, ((self, 1 - result),))
