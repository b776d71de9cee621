"""The laws of Value, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
from hypothesis import example, given, settings

from autograder.laws import assert_close, reals

OK_FORMAT = False
name = "Value"
points = [4, 0, 0, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


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
        """A node that is used twice receives the sum of both gradients: x\xb7x + x has derivative 2x + 1."""
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
        """Sixty doublings (2\u2076\u2070 paths, 61 nodes) are differentiated at once: each node is visited a single time."""
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


@test_case(name="Value - test_operations", hidden=False)
def law_1(env):
    check_law(TestValue, "test_operations", env)


@test_case(name="Value - test_functions", hidden=False)
def law_2(env):
    check_law(TestValue, "test_functions", env)


@test_case(name="Value - test_accumulates", hidden=False)
def law_3(env):
    check_law(TestValue, "test_accumulates", env)


@test_case(name="Value - test_numbers_as_operands", hidden=False)
def law_4(env):
    check_law(TestValue, "test_numbers_as_operands", env)


@test_case(name="Value - test_linear_time", hidden=False)
def law_5(env):
    check_law(TestValue, "test_linear_time", env)


@test_case(name="Value - test_order", hidden=False)
def law_6(env):
    check_law(TestValue, "test_order", env)
