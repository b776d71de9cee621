"""The laws of conv_matrix2d, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, seeds

OK_FORMAT = False
name = "conv_matrix2d"
points = [2, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5 as floats: they print well, and sums of products are exact."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


def grids(low=1, high=5, odd=False):
    """Matrices of whole numbers with sides from `low` to `high`, on request only odd ones."""
    sides = st.integers(low, high).filter(lambda side: side % 2 == 1) if odd else st.integers(low, high)
    return st.builds(whole, seeds(), sides, sides)


def rotated(kernel):
    """The kernel after half a turn."""
    return np.rot90(kernel, 2).copy()


def correlated(image, kernel, mode):
    """The cross-correlation by torch, zeros outside the image; "same" for odd sides."""
    height, width = kernel.shape
    padding = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}[mode]
    images, kernels = torch.from_numpy(np.array(image))[None, None], torch.from_numpy(np.array(kernel))[None, None]
    return F.conv2d(images, kernels, padding=padding)[0, 0].numpy()


def convolved(image, kernel, mode):
    """The convolution by torch: the cross-correlation with the rotated kernel."""
    return correlated(image, rotated(kernel), mode)


@pytest.mark.exercise("conv_matrix2d", points=2)
class TestConvMatrix2d:
    @FEW
    @given(image=grids(1, 4), kernel=grids(1, 3))
    def test_product(self, target, image, kernel):
        """The matrix times the image, row after row in one vector, is the full convolution in one vector."""
        matrix = target.conv_matrix2d(kernel, *image.shape)
        expected = convolved(image, kernel, "full")
        assert_shape(matrix, (expected.size, image.size), np.float64)
        assert_close(matrix @ image.ravel(), expected.ravel(), what="the product")

    @FEW
    @given(kernel=grids(1, 3), height=st.integers(1, 3), width=st.integers(1, 3))
    def test_sparse(self, target, kernel, height, width):
        """Every pixel passes on each entry of the kernel once: a column holds the kernel, and zeros elsewhere."""
        kernel = kernel + 10  # no zeros among the entries
        matrix = target.conv_matrix2d(kernel, height, width)
        for column in range(height * width):
            entries = matrix[:, column]
            assert_equal(entries[entries != 0], kernel.ravel(), what=f"column {column} without its zeros")

    @FEW
    @given(kernel=grids(1, 3), seed=seeds(), height=st.integers(1, 3), width=st.integers(1, 3))
    def test_transpose(self, target, kernel, seed, height, width):
        """The transposed matrix is the valid cross-correlation with the same kernel."""
        y = whole(seed, height + kernel.shape[0] - 1, width + kernel.shape[1] - 1)
        result = target.conv_matrix2d(kernel, height, width).T @ y.ravel()
        assert_close(result, correlated(y, kernel, "valid").ravel(), what="M\u1d40 y")


@test_case(name="conv_matrix2d - test_product", hidden=False)
def law_1(env):
    check_law(TestConvMatrix2d, "test_product", env)


@test_case(name="conv_matrix2d - test_sparse", hidden=False)
def law_2(env):
    check_law(TestConvMatrix2d, "test_sparse", env)


@test_case(name="conv_matrix2d - test_transpose", hidden=False)
def law_3(env):
    check_law(TestConvMatrix2d, "test_transpose", env)
