"""The laws of numerical_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, jacobian, tensors, unchanged

OK_FORMAT = False
name = "numerical_jacobian"
points = [2, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


@st.composite
def affine_functions(draw):
    """An affine map with its matrix, and a point."""
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    A, b, x = draw(tensors((m, n))), draw(tensors(m)), draw(tensors(n))

    def affine(v):
        return A @ v + b

    affine.description = f"v \u21a6 A v + b with a {m} \xd7 {n} matrix A"
    return affine, A, x


def curved(v):
    """A smooth map from three to two entries."""
    return torch.stack([torch.sin(v[0] * v[1]) + v[2] ** 3, torch.exp(v[0]) * v[2] - v[1]])


@pytest.mark.exercise("numerical_jacobian", points=2)
class TestNumericalJacobian:
    @FEW
    @given(case=affine_functions())
    def test_affine(self, target, case):
        """Of an affine map v \u21a6 A v + b it gives A, up to rounding, whatever the step."""
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

        # The central difference of v\xb3 is 3v\xb2 + h\xb2 exactly.
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


@test_case(name="numerical_jacobian - test_affine", hidden=False)
def law_1(env):
    check_law(TestNumericalJacobian, "test_affine", env)


@test_case(name="numerical_jacobian - test_curved", hidden=False)
def law_2(env):
    check_law(TestNumericalJacobian, "test_curved", env)


@test_case(name="numerical_jacobian - test_error_order", hidden=False)
def law_3(env):
    check_law(TestNumericalJacobian, "test_error_order", env)


@test_case(name="numerical_jacobian - test_input_is_kept", hidden=False)
def law_4(env):
    check_law(TestNumericalJacobian, "test_input_is_kept", env)
