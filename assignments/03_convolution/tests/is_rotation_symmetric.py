"""The laws of is_rotation_symmetric, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.laws import assert_equal, seeds

OK_FORMAT = False
name = "is_rotation_symmetric"
points = [1, 0]
all_or_nothing = True


SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
LAPLACIAN = np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def rotated(kernel):
    """The kernel after half a turn."""
    return np.rot90(kernel, 2).copy()


@st.composite
def kernels_of_bits(draw):
    """Kernels of zeros and ones, half of them made to be their own rotation or one entry away from it."""
    kernel = np.random.default_rng(draw(seeds())).integers(0, 2, (draw(st.integers(1, 4)), draw(st.integers(1, 4))))
    kernel = kernel.astype(float)
    if draw(st.booleans()):
        kernel = np.maximum(kernel, rotated(kernel))
        if draw(st.booleans()):
            kernel[-1, 0] += 1
    return kernel


@pytest.mark.exercise("is_rotation_symmetric", points=1)
class TestIsRotationSymmetric:
    def test_famous_kernels(self, target):
        """A box blur, a Laplacian and a single number qualify; Sobel's filters and a mere transposition do not."""
        for kernel in (np.ones((3, 3)), LAPLACIAN, np.array([[7.0]]), np.array([[1.0, 2.0], [2.0, 1.0]])):
            assert_equal(target.is_rotation_symmetric(kernel), True)
        for kernel in (SOBEL, SOBEL.T, np.array([[1.0, 2.0], [2.0, 3.0]]), np.array([[1.0, -1.0]])):
            assert_equal(target.is_rotation_symmetric(kernel), False)

    @given(kernel=kernels_of_bits())
    def test_reversal(self, target, kernel):
        """A kernel is its own rotation exactly if its entries read the same backwards."""
        entries = kernel.ravel().tolist()
        assert_equal(target.is_rotation_symmetric(kernel), entries == entries[::-1])


@test_case(name="is_rotation_symmetric - test_famous_kernels", hidden=False)
def law_1(env):
    check_law(TestIsRotationSymmetric, "test_famous_kernels", env)


@test_case(name="is_rotation_symmetric - test_reversal", hidden=False)
def law_2(env):
    check_law(TestIsRotationSymmetric, "test_reversal", env)
