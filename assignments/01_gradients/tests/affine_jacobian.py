"""The laws of affine_jacobian, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, jacobian, raises, reals, tensors

OK_FORMAT = False
name = "affine_jacobian"
points = [1, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
MATRICES = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(lambda size: tensors(size))


@pytest.mark.exercise("affine_jacobian", points=1)
class TestAffineJacobian:
    @FEW
    @given(A=MATRICES, offset=reals())
    def test_autograd(self, target, A, offset):
        """The result is the Jacobian of x \u21a6 A x + b in numerator layout, as autograd computes it."""
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


@test_case(name="affine_jacobian - test_autograd", hidden=False)
def law_1(env):
    check_law(TestAffineJacobian, "test_autograd", env)


@test_case(name="affine_jacobian - test_mismatch", hidden=False)
def law_2(env):
    check_law(TestAffineJacobian, "test_mismatch", env)
