"""The laws of lu_parameters, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, gaussians, unchanged

OK_FORMAT = False
name = "lu_parameters"
points = [2, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=6)


def draw_normal(*shape, seed=0, scale=1.0, dtype=torch.float64):
    """Normal numbers that depend on the seed only."""
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.exercise("lu_parameters", points=2)
class TestLUParameters:
    @some
    @given(weight=gaussians(st.integers(1, 5).map(lambda c: (c, c))))
    @example(weight=draw_normal(3, 3))
    def test_factors_multiply_to_the_matrix(self, target, weight):
        """W = P (lower + I) (upper + diag(sign\xb7exp(log_diagonal)))."""
        with unchanged(weight):
            permutation, lower, upper, sign, log_diagonal = target.lu_parameters(weight)
        eye = torch.eye(len(weight), dtype=weight.dtype)
        product = permutation @ (lower + eye) @ (upper + torch.diag(sign * log_diagonal.exp()))
        assert_close(product, weight, rtol=1e-8, atol=1e-8, what="the product of the factors")

    @some
    @given(weight=gaussians(st.integers(1, 5).map(lambda c: (c, c))))
    def test_kinds_of_factors(self, target, weight):
        """P permutes, lower and upper are strictly triangular, the signs are \xb11."""
        size = len(weight)
        permutation, lower, upper, sign, log_diagonal = target.lu_parameters(weight)
        ones = torch.ones(size, dtype=weight.dtype)
        assert_shape(permutation, (size, size), weight.dtype, "the permutation")
        zeros_and_ones = ((permutation == 0) | (permutation == 1)).all()
        assert_true(zeros_and_ones, "The permutation matrix should hold zeros and ones.")
        assert_equal(permutation.sum(dim=0), ones, "the sums of the permutation's columns")
        assert_equal(permutation.sum(dim=1), ones, "the sums of the permutation's rows")
        assert_equal(lower.tril(-1), lower, "lower")
        assert_equal(upper.triu(1), upper, "upper")
        assert_equal(sign.abs(), ones, "the absolute values of sign")
        assert_shape(log_diagonal, (size,), weight.dtype, "log_diagonal")

    @some
    @given(weight=gaussians(st.integers(1, 5).map(lambda c: (c, c))))
    def test_log_determinant(self, target, weight):
        """The entries of log_diagonal add up to log|det W|."""
        log_diagonal = target.lu_parameters(weight)[4]
        assert_close(log_diagonal.sum(), torch.linalg.slogdet(weight).logabsdet, rtol=1e-8, atol=1e-8)

    def test_small_matrices(self, target):
        """A matrix with a tiny determinant is not singular: 10\u207b\xb3 times the identity has pivots of 10\u207b\xb3."""
        weight = 1e-3 * torch.eye(3, dtype=torch.float64)
        assert_close(target.lu_parameters(weight)[4], torch.full((3,), math.log(1e-3), dtype=torch.float64))


@test_case(name="lu_parameters - test_factors_multiply_to_the_matrix", hidden=False)
def law_1(env):
    check_law(TestLUParameters, "test_factors_multiply_to_the_matrix", env)


@test_case(name="lu_parameters - test_kinds_of_factors", hidden=False)
def law_2(env):
    check_law(TestLUParameters, "test_kinds_of_factors", env)


@test_case(name="lu_parameters - test_log_determinant", hidden=False)
def law_3(env):
    check_law(TestLUParameters, "test_log_determinant", env)


@test_case(name="lu_parameters - test_small_matrices", hidden=False)
def law_4(env):
    check_law(TestLUParameters, "test_small_matrices", env)
