"""The laws of type_check_gradient, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal, reals, shapes, tensors

OK_FORMAT = False
name = "type_check_gradient"
points = [2, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


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


@test_case(name="type_check_gradient - test_accepts", hidden=False)
def law_1(env):
    check_law(TestTypeCheckGradient, "test_accepts", env)


@test_case(name="type_check_gradient - test_rejects_transposed", hidden=False)
def law_2(env):
    check_law(TestTypeCheckGradient, "test_rejects_transposed", env)


@test_case(name="type_check_gradient - test_rejects_broadcast", hidden=False)
def law_3(env):
    check_law(TestTypeCheckGradient, "test_rejects_broadcast", env)


@test_case(name="type_check_gradient - test_rejects_missing", hidden=False)
def law_4(env):
    check_law(TestTypeCheckGradient, "test_rejects_missing", env)
