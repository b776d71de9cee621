"""The laws of gradients that you have: plain `pytest` in this folder runs them on gradients.py."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    assert_equal,
    assert_finite,
    assert_shape,
    finite_difference_jacobian,
    jacobian,
    raises,
    reals,
    shapes,
    tensors,
    unchanged,
)

ANY_SHAPE = shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
EXTREME = torch.tensor([-1000.0, -750.0, -40.0, 0.0, 40.0, 750.0, 1000.0], dtype=torch.float64)
FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


def entrywise(function, x):
    """Apply a function of Python numbers to every entry: an oracle that shares nothing with torch's."""
    return torch.tensor([function(value) for value in x.flatten().tolist()], dtype=x.dtype).reshape(x.shape)


def logistic(value):
    """The logistic function of one number, without overflow."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def check_diagonal(matrix, diagonal):
    """The matrix is square, has this diagonal, and zeros elsewhere."""
    assert_close(matrix, torch.diag(diagonal), atol=1e-12, what="the Jacobian")


@pytest.mark.exercise("sigmoid", points=1)
class TestSigmoid:
    @FEW
    @given(x=tensors())
    def test_value(self, target, x):
        """σ(x) = 1 / (1 + e^(−x)) at every entry."""
        assert_close(target.sigmoid(x), entrywise(logistic, x), atol=1e-14)

    @FEW
    @given(x=tensors(low=-30, high=30))
    def test_symmetry(self, target, x):
        """σ(−x) = 1 − σ(x): turning the curve about the point (0, ½) leaves it as it is."""
        assert_close(target.sigmoid(-x), 1 - entrywise(logistic, x), atol=1e-14)

    @FEW
    @given(x=tensors(ANY_SHAPE))
    def test_shape_and_dtype(self, target, x):
        """The result has the shape and the dtype of the input, empty tensors and single precision included."""
        for dtype in FLOATS:
            assert_shape(target.sigmoid(x.to(dtype)), x.shape, dtype)

    def test_extremes(self, target):
        """The result stays between 0 and 1, and is no NaN, for inputs as large as ±1000."""
        y = target.sigmoid(EXTREME)
        assert_close(y, entrywise(logistic, EXTREME.clamp(-700, 700)), atol=1e-14)
        assert_finite(target.sigmoid(EXTREME.float()))


@pytest.mark.exercise("tanh", points=1)
class TestTanh:
    @FEW
    @given(x=tensors())
    def test_value(self, target, x):
        """tanh x = (e^x − e^(−x)) / (e^x + e^(−x)) at every entry."""
        assert_close(target.tanh(x), entrywise(math.tanh, x), atol=1e-12)

    @FEW
    @given(x=tensors(low=-10, high=10))
    def test_scaled_sigmoid(self, target, x):
        """tanh x = 2σ(2x) − 1: it is the sigmoid at another scale."""
        assert_close(target.tanh(x), 2 * entrywise(logistic, 2 * x) - 1, atol=1e-12)

    def test_extremes(self, target):
        """The result is ±1, and no NaN, for inputs as large as ±1000, in single precision too."""
        assert_close(target.tanh(EXTREME), entrywise(math.tanh, EXTREME), atol=1e-12)
        assert_close(target.tanh(EXTREME.float()), entrywise(math.tanh, EXTREME.float()), atol=1e-6)

    @FEW
    @given(x=tensors(ANY_SHAPE))
    def test_shape_and_dtype(self, target, x):
        """The result has the shape and the dtype of the input, empty tensors and single precision included."""
        for dtype in FLOATS:
            assert_shape(target.tanh(x.to(dtype)), x.shape, dtype)


@pytest.mark.exercise("relu", points=1)
class TestRelu:
    @FEW
    @given(x=tensors())
    @example(x=torch.tensor([-1.5, 0.0, 2.5], dtype=torch.float64))
    def test_value(self, target, x):
        """ReLU(x) = max(0, x) at every entry, exactly."""
        assert_equal(target.relu(x), entrywise(lambda value: max(0.0, value), x))

    @FEW
    @given(x=tensors(ANY_SHAPE))
    def test_shape_and_dtype(self, target, x):
        """The result has the shape and the dtype of the input, empty tensors and single precision included."""
        for dtype in FLOATS:
            assert_shape(target.relu(x.to(dtype)), x.shape, dtype)

    @FEW
    @given(x=tensors())
    @example(x=torch.tensor([-1.5, 0.0, 2.5], dtype=torch.float64))
    def test_input_is_kept(self, target, x):
        """The input is left as it was: clamp a copy, not the original."""
        with unchanged(x):
            assert_equal(target.relu(x), x.clamp(min=0))


@pytest.mark.exercise("sigmoid_jacobian", points=1)
class TestSigmoidJacobian:
    @FEW
    @given(x=tensors())
    def test_finite_differences(self, target, x):
        """The matrix is the Jacobian: it agrees with finite differences of the sigmoid."""
        expected = finite_difference_jacobian(torch.sigmoid, x)
        assert_close(target.sigmoid_jacobian(x), expected, atol=1e-8)

    @FEW
    @given(x=tensors(low=-30, high=30))
    def test_diagonal(self, target, x):
        """The matrix is diagonal with entries σ(x)·σ(−x), which is σ(x)·(1 − σ(x))."""
        check_diagonal(target.sigmoid_jacobian(x), entrywise(lambda v: logistic(v) * logistic(-v), x))


@pytest.mark.exercise("tanh_jacobian", points=1)
class TestTanhJacobian:
    @FEW
    @given(x=tensors())
    def test_finite_differences(self, target, x):
        """The matrix is the Jacobian: it agrees with finite differences of tanh."""
        assert_close(target.tanh_jacobian(x), finite_difference_jacobian(torch.tanh, x), atol=1e-8)

    @FEW
    @given(x=tensors())
    def test_diagonal(self, target, x):
        """The matrix is diagonal with entries 1 / cosh²(x), which is 1 − tanh²(x)."""
        check_diagonal(target.tanh_jacobian(x), entrywise(lambda v: math.cosh(v) ** -2, x))


@pytest.mark.exercise("relu_jacobian", points=1)
class TestReluJacobian:
    @FEW
    @given(x=tensors().filter(lambda x: bool((x != 0).all())))
    def test_diagonal(self, target, x):
        """The matrix is diagonal with 1 where x > 0 and 0 where x < 0."""
        check_diagonal(target.relu_jacobian(x), entrywise(lambda v: 1.0 if v > 0 else 0.0, x))

    def test_at_zero(self, target):
        """At the kink, x = 0, the derivative is 0 by convention."""
        x = torch.tensor([0.0, 2.0, 0.0, -2.0], dtype=torch.float64)
        check_diagonal(target.relu_jacobian(x), torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64))


@pytest.mark.exercise("abs_jacobian", points=1)
class TestAbsJacobian:
    @FEW
    @given(x=tensors().filter(lambda x: bool((x.abs() > 1e-3).all())))
    def test_finite_differences(self, target, x):
        """Away from 0 the matrix agrees with finite differences of |x|."""
        assert_close(target.abs_jacobian(x), finite_difference_jacobian(torch.abs, x), atol=1e-8)

    def test_at_zero(self, target):
        """At the kink, x = 0, the derivative is 0 by convention, not NaN."""
        x = torch.tensor([0.0, 3.0, -3.0, 0.0], dtype=torch.float64)
        check_diagonal(target.abs_jacobian(x), torch.tensor([0.0, 1.0, -1.0, 0.0], dtype=torch.float64))


MATRICES = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(lambda size: tensors(size))


@pytest.mark.exercise("affine_jacobian", points=1)
class TestAffineJacobian:
    @FEW
    @given(A=MATRICES, offset=reals())
    def test_autograd(self, target, A, offset):
        """The result is the Jacobian of x ↦ A x + b in numerator layout, as autograd computes it."""
        x = torch.linspace(-1, 1, A.shape[1], dtype=torch.float64) + offset
        assert_close(target.affine_jacobian(A, x), jacobian(lambda v: A @ v + offset, x))

    @FEW
    @given(A=MATRICES)
    def test_mismatch(self, target, A):
        """A matrix that cannot multiply the vector is a ValueError."""
        n = A.shape[1]
        for entries in (n + 1, n - 1):
            with raises(ValueError, f"when the matrix has {n} columns and the vector {entries} entries"):
                target.affine_jacobian(A, torch.zeros(entries, dtype=torch.float64))


@pytest.mark.exercise("hadamard_jacobians", points=1)
class TestHadamardJacobians:
    @FEW
    @given(pair=st.integers(1, 5).flatmap(lambda n: st.tuples(tensors(n), tensors(n))))
    def test_autograd(self, target, pair):
        """The two matrices are the Jacobians of x ⊙ y with respect to x and to y, as autograd computes them."""
        x, y = pair
        expected = torch.autograd.functional.jacobian(torch.mul, (x, y))
        assert_close(target.hadamard_jacobians(x, y), expected)


@pytest.mark.exercise("quotient_rule", points=1)
class TestQuotientRule:
    @FEW
    @given(shift=reals(), x=tensors())
    def test_finite_differences(self, target, shift, x):
        """The result is the derivative of f/g, here of sin(x + a) / (2 + cos x)."""
        f, df = torch.sin(x + shift), torch.cos(x + shift)
        g, dg = 2 + torch.cos(x), -torch.sin(x)
        h = 1e-5
        up, down = (torch.sin(x + shift + s) / (2 + torch.cos(x + s)) for s in (h, -h))
        assert_close(target.quotient_rule(f, df, g, dg), (up - down) / (2 * h), atol=1e-8)

    @FEW
    @given(values=st.tuples(reals(), reals(), reals(0.5, 3), reals()), sign=st.sampled_from([-1.0, 1.0]))
    def test_product_rule(self, target, values, sign):
        """(f/g)′·g + (f/g)·g′ = f′: the quotient rule is the product rule for f = (f/g)·g."""
        f, df, g, dg = (torch.tensor([value], dtype=torch.float64) for value in values)
        g = g * sign
        derivative = target.quotient_rule(f, df, g, dg)
        assert_shape(derivative, (1,), torch.float64)
        assert_close(derivative * g + f / g * dg, df, atol=1e-11)


def affine_layer(seed, outputs, inputs):
    """A layer v ↦ tanh(W v + b) with its Jacobian, as a pair of functions."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)
    bias = torch.randn(outputs, generator=generator, dtype=torch.float64)

    def layer(v):
        return torch.tanh(weight @ v + bias)

    def layer_jacobian(v):
        return (1 - torch.tanh(weight @ v + bias) ** 2)[:, None] * weight

    layer.description = f"v ↦ tanh(W v + b) from {inputs} to {outputs} entries"
    layer_jacobian.description = "its Jacobian"
    return layer, layer_jacobian


@st.composite
def stacks(draw, lowest=1, highest=4):
    """A list of layers whose widths fit, and an input for the first."""
    widths = draw(st.lists(st.integers(1, 4), min_size=lowest + 1, max_size=highest + 1))
    seed = draw(st.integers(0, 1000))
    layers = [affine_layer(seed + i, *sizes) for i, sizes in enumerate(zip(widths[1:], widths[:-1]))]
    return layers, draw(tensors(widths[0]))


TWO_LAYERS = [affine_layer(0, 3, 2), affine_layer(1, 4, 3)], torch.tensor([0.5, -1.0], dtype=torch.float64)


def run_stack(layers, x):
    """The composition of the layers at x."""
    for function, _ in layers:
        x = function(x)
    return x


@pytest.mark.exercise("compose_jacobians", points=2)
class TestComposeJacobians:
    @FEW
    @given(stack=stacks())
    @example(stack=TWO_LAYERS)
    def test_autograd(self, target, stack):
        """The product is the Jacobian of the composition, as autograd computes it, each factor at its own input."""
        layers, x = stack
        expected = jacobian(lambda v: run_stack(layers, v), x)
        assert_close(target.compose_jacobians(layers, x), expected, atol=1e-11)

    @FEW
    @given(stack=stacks(lowest=2))
    @example(stack=TWO_LAYERS)
    def test_shape(self, target, stack):
        """From n inputs to m outputs the shape is (m, n): one row per output."""
        layers, x = stack
        shape = run_stack(layers, x).shape[0], x.shape[0]
        assert_shape(target.compose_jacobians(layers, x), shape, torch.float64)

    @FEW
    @given(x=tensors())
    def test_no_layers(self, target, x):
        """Of no layers at all the Jacobian is the identity."""
        assert_close(target.compose_jacobians([], x), torch.eye(x.shape[0], dtype=torch.float64))


@st.composite
def affine_functions(draw):
    """An affine map with its matrix, and a point."""
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    A, b, x = draw(tensors((m, n))), draw(tensors(m)), draw(tensors(n))

    def affine(v):
        return A @ v + b

    affine.description = f"v ↦ A v + b with a {m} × {n} matrix A"
    return affine, A, x


def curved(v):
    """A smooth map from three to two entries."""
    return torch.stack([torch.sin(v[0] * v[1]) + v[2] ** 3, torch.exp(v[0]) * v[2] - v[1]])


@pytest.mark.exercise("numerical_jacobian", points=2)
class TestNumericalJacobian:
    @FEW
    @given(case=affine_functions())
    def test_affine(self, target, case):
        """Of an affine map v ↦ A v + b it gives A, up to rounding, whatever the step."""
        function, A, x = case
        for h in (1.0, 1e-3):
            assert_close(target.numerical_jacobian(function, x, h), A, atol=1e-9)

    @FEW
    @given(x=tensors(3, low=-1, high=1))
    def test_curved(self, target, x):
        """Of a curved map it agrees with autograd to nine digits or so at the default step."""
        assert_close(target.numerical_jacobian(curved, x), jacobian(curved, x), atol=1e-7)

    @FEW
    @given(x=tensors(3, low=0.5, high=1))
    def test_error_order(self, target, x):
        """Halving the step divides the error by four: the central difference is of second order."""

        def cubic(v):
            return v**3

        # The central difference of v³ is 3v² + h² exactly.
        expected = torch.diag(3 * x**2 + 0.01)
        assert_close(target.numerical_jacobian(cubic, x, 0.1), expected, atol=1e-12)
        expected = torch.diag(3 * x**2 + 0.0025)
        assert_close(target.numerical_jacobian(cubic, x, 0.05), expected, atol=1e-12)

    @FEW
    @given(x=tensors(3, low=-1, high=1))
    def test_input_is_kept(self, target, x):
        """The point itself is left as it was, and the result has one row per output."""
        with unchanged(x):
            result = target.numerical_jacobian(curved, x, 1e-3)
        assert_shape(result, (2, 3), torch.float64)


@st.composite
def typed_functions(draw):
    """A function of a tensor, the tensor, and the shape of the function's output."""
    return typed_function(draw(tensors(shapes(1, 2, 2, 3))), draw(st.sampled_from([(), (1,), (2,), (4,), (2, 3)])))


def typed_function(x, m):
    """A function of tensors such as x whose output has shape m, with x and m."""

    def function(v):
        return v.sum() * torch.ones(m, dtype=v.dtype)

    function.description = f"a function from shape {tuple(x.shape)} to shape {m}"
    return function, x, m


@pytest.mark.exercise("type_check_gradient", points=2)
class TestTypeCheckGradient:
    @FEW
    @given(case=typed_functions(), scale=reals())
    @example(case=typed_function(torch.ones(2, 3, dtype=torch.float64), (4,)), scale=1.5)
    @example(case=typed_function(torch.ones(2, dtype=torch.float64), (2, 3)), scale=1.5)
    def test_accepts(self, target, case, scale):
        """A tensor of the output's shape followed by the input's shape is accepted, whatever its values."""
        function, x, m = case
        grad = torch.full((*m, *x.shape), scale, dtype=torch.float64)
        assert_equal(target.type_check_gradient(function, x, grad), True)

    @FEW
    @given(x=tensors((2, 3)))
    def test_rejects_transposed(self, target, x):
        """The transpose of a gradient is rejected."""
        assert_equal(target.type_check_gradient(torch.sum, x, torch.ones(3, 2, dtype=torch.float64)), False)

    @FEW
    @given(case=typed_functions())
    def test_rejects_broadcast(self, target, case):
        """A shape that would merely broadcast, with a dimension of 1 added, collapsed or missing, is rejected."""
        function, x, m = case
        right = (*m, *x.shape)
        for wrong in ((1, *right), (*right, 1), (*right[:-1], 1), right[1:], (*right[:-1], right[-1] + 1)):
            grad = torch.ones(wrong, dtype=torch.float64)
            assert_equal(target.type_check_gradient(function, x, grad), False, f"the verdict on shape {wrong}")

    @FEW
    @given(case=typed_functions())
    def test_rejects_missing(self, target, case):
        """None is no gradient, as when backward was never called."""
        function, x, _ = case
        assert_equal(target.type_check_gradient(function, x, None), False)


@pytest.mark.exercise("Value", points=4)
class TestValue:
    @FEW
    @given(a=reals(), b=reals())
    def test_operations(self, target, a, b):
        """Sums, products and differences have the right value and the right two derivatives."""
        for operate, da, db in (
            (lambda x, y: x + y, 1.0, 1.0),
            (lambda x, y: x * y, b, a),
            (lambda x, y: x - y, 1.0, -1.0),
        ):
            x, y = target.Value(a), target.Value(b)
            z = operate(x, y)
            z.backward()
            assert_close(z.data, operate(a, b), atol=1e-12, what="the value")
            assert_close((x.grad, y.grad, z.grad), (da, db, 1.0), atol=1e-12, what="the gradients")

    @FEW
    @given(a=reals(-2, 2))
    @example(a=0.8)
    def test_functions(self, target, a):
        """exp, tanh, relu and powers have the right value and derivative, and relu has derivative 0 at 0."""
        cases = [
            (lambda x: x.exp(), math.exp(a), math.exp(a)),
            (lambda x: x.tanh(), math.tanh(a), 1 - math.tanh(a) ** 2),
            (lambda x: x.relu(), max(a, 0.0), 1.0 if a > 0 else 0.0),
            (lambda x: x**3, a**3, 3 * a**2),
            (lambda x: (x + 3.0) ** -0.5, (a + 3) ** -0.5, -0.5 * (a + 3) ** -1.5),
        ]
        for function, value, derivative in cases:
            x = target.Value(a)
            y = function(x)
            y.backward()
            assert_close(y.data, value, atol=1e-12, what="the value")
            assert_close(x.grad, derivative, atol=1e-12, what="the gradient")

    @FEW
    @given(a=reals())
    def test_accumulates(self, target, a):
        """A node that is used twice receives the sum of both gradients: x·x + x has derivative 2x + 1."""
        x = target.Value(a)
        (x * x + x).backward()
        assert_close(x.grad, 2 * a + 1, atol=1e-12, what="the gradient")

    @FEW
    @given(a=reals(), b=reals())
    def test_numbers_as_operands(self, target, a, b):
        """Plain numbers may stand on either side of + and *."""
        x = target.Value(a)
        y = 2.0 * x + b + x * b + (1 + x)
        y.backward()
        assert_close(y.data, 3 * a + b + a * b + 1, atol=1e-12, what="the value")
        assert_close(x.grad, 3 + b, atol=1e-12, what="the gradient")

    def test_linear_time(self, target):
        """Sixty doublings (2⁶⁰ paths, 61 nodes) are differentiated at once: each node is visited a single time."""
        x = node = target.Value(1.5)
        for _ in range(60):
            node = node + node
        node.backward()
        assert_close(x.grad, 2.0**60, what="the gradient")

    @FEW
    @given(a=reals())
    @example(a=1.2)
    def test_order(self, target, a):
        """A node passes its gradient on only after it has received all of it, however the graph is built."""
        x = target.Value(a)
        y = x * 2.0
        z = y + (y * y) * y
        z.backward()
        assert_close(x.grad, 2 + 24 * a**2, atol=1e-9, what="the gradient at the input")
        assert_close(y.grad, 1 + 12 * a**2, atol=1e-9, what="the gradient of the node in between")
