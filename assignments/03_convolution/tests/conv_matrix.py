"""The laws of conv_matrix, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, seeds

OK_FORMAT = False
name = "conv_matrix"
points = [1, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5 as floats: they print well, and sums of products are exact."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


@st.composite
def signals_and_kernels(draw):
    """A signal and a kernel, each of one to five whole numbers."""
    return whole(draw(seeds()), draw(st.integers(1, 5))), whole(draw(seeds()), draw(st.integers(1, 5)))


@pytest.mark.exercise("conv_matrix", points=1)
class TestConvMatrix:
    @FEW
    @given(pair=signals_and_kernels())
    def test_product(self, target, pair):
        """The matrix times a signal is the full convolution of kernel and signal."""
        x, kernel = pair
        matrix = target.conv_matrix(kernel, len(x))
        assert_shape(matrix, (len(x) + len(kernel) - 1, len(x)), np.float64)
        assert_close(matrix @ x, np.convolve(x, kernel), what="the product")

    @FEW
    @given(pair=signals_and_kernels())
    def test_toeplitz(self, target, pair):
        """Every diagonal is constant; the first column is the kernel followed by zeros."""
        x, kernel = pair
        matrix = target.conv_matrix(kernel, len(x))
        assert_equal(matrix[1:, 1:], matrix[:-1, :-1], what="the matrix without its first row and column")
        assert_equal(matrix[:, 0], np.pad(kernel, (0, len(x) - 1)), what="the first column")

    @FEW
    @given(pair=signals_and_kernels(), seed=seeds())
    def test_transpose(self, target, pair, seed):
        """The transposed matrix is the valid cross-correlation with the same kernel."""
        x, kernel = pair
        y = whole(seed, len(x) + len(kernel) - 1)
        assert_close(target.conv_matrix(kernel, len(x)).T @ y, np.correlate(y, kernel, "valid"), what="T\u1d40 y")


@test_case(name="conv_matrix - test_product", hidden=False)
def law_1(env):
    check_law(TestConvMatrix, "test_product", env)


@test_case(name="conv_matrix - test_toeplitz", hidden=False)
def law_2(env):
    check_law(TestConvMatrix, "test_toeplitz", env)


@test_case(name="conv_matrix - test_transpose", hidden=False)
def law_3(env):
    check_law(TestConvMatrix, "test_transpose", env)
