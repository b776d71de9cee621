"""The laws of hadamard_jacobians, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, tensors

OK_FORMAT = False
name = "hadamard_jacobians"
points = [1]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


@pytest.mark.exercise("hadamard_jacobians", points=1)
class TestHadamardJacobians:
    @FEW
    @given(pair=st.integers(1, 5).flatmap(lambda n: st.tuples(tensors(n), tensors(n))))
    def test_autograd(self, target, pair):
        """The two matrices are the Jacobians of x \u2299 y with respect to x and to y, as autograd computes them."""
        x, y = pair
        expected = torch.autograd.functional.jacobian(torch.mul, (x, y))
        assert_close(target.hadamard_jacobians(x, y), expected)


@test_case(name="hadamard_jacobians - test_autograd", hidden=False)
def law_1(env):
    check_law(TestHadamardJacobians, "test_autograd", env)
