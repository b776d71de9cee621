"""The laws of triangular_log_det, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, tensors, unchanged

OK_FORMAT = False
name = "triangular_log_det"
points = [1, 0]
all_or_nothing = True


some = settings(max_examples=6)


@st.composite
def square_matrices(draw, batches=((), (3,), (2, 2))):
    size = draw(st.integers(1, 4))
    return draw(gaussians((*draw(st.sampled_from(batches)), size, size)))


@pytest.mark.exercise("triangular_log_det", points=1)
class TestTriangularLogDet:
    @some
    @given(matrix=square_matrices())
    def test_is_that_of_the_matrix(self, target, matrix):
        """For lower and for upper triangular matrices it is log|det|."""
        for triangular in (matrix.tril(), matrix.triu()):
            with unchanged(triangular):
                result = target.triangular_log_det(triangular)
            assert_close(result, torch.linalg.slogdet(triangular).logabsdet, rtol=1e-8, atol=1e-8)

    @some
    @given(diagonal=tensors(st.integers(1, 5), 0.1, 3.0))
    def test_of_a_diagonal_matrix(self, target, diagonal):
        """For a diagonal matrix it is the sum of log|T\u1d62\u1d62|, whatever the signs."""
        expected = torch.tensor(sum(math.log(value) for value in diagonal.tolist()), dtype=torch.float64)
        for sign in (1, -1):
            assert_close(target.triangular_log_det(sign * torch.diag(diagonal)), expected)


@test_case(name="triangular_log_det - test_is_that_of_the_matrix", hidden=False)
def law_1(env):
    check_law(TestTriangularLogDet, "test_is_that_of_the_matrix", env)


@test_case(name="triangular_log_det - test_of_a_diagonal_matrix", hidden=False)
def law_2(env):
    check_law(TestTriangularLogDet, "test_of_a_diagonal_matrix", env)
