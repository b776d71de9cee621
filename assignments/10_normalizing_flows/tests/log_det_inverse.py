"""The laws of log_det_inverse, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, reals, unchanged

OK_FORMAT = False
name = "log_det_inverse"
points = [1, 0]
all_or_nothing = True


some = settings(max_examples=6)


@st.composite
def square_matrices(draw, batches=((), (3,), (2, 2))):
    size = draw(st.integers(1, 4))
    return draw(gaussians((*draw(st.sampled_from(batches)), size, size)))


@pytest.mark.exercise("log_det_inverse", points=1)
class TestLogDetInverse:
    @some
    @given(matrix=square_matrices())
    def test_is_that_of_the_inverse(self, target, matrix):
        """The result is log|det| of the inverse matrix."""
        expected = torch.linalg.slogdet(torch.linalg.inv(matrix)).logabsdet
        with unchanged(matrix):
            # The oracle inverts: a condition number of 1e5 costs five of sixteen digits.
            assert_close(target.log_det_inverse(matrix), expected, rtol=1e-7, atol=1e-7)

    @some
    @given(factor=reals(0.1, 5.0), half=st.integers(0, 2))
    def test_of_a_multiple_of_the_identity(self, target, factor, half):
        """For A = c\xb7I in d dimensions it is \u2212d\xb7log|c|, for negative c too."""
        for size in (2 * half + 1, 2 * half + 2):
            expected = torch.tensor(-size * math.log(factor), dtype=torch.float64)
            for sign in (1, -1):
                assert_close(target.log_det_inverse(sign * factor * torch.eye(size, dtype=torch.float64)), expected)


@test_case(name="log_det_inverse - test_is_that_of_the_inverse", hidden=False)
def law_1(env):
    check_law(TestLogDetInverse, "test_is_that_of_the_inverse", env)


@test_case(name="log_det_inverse - test_of_a_multiple_of_the_identity", hidden=False)
def law_2(env):
    check_law(TestLogDetInverse, "test_of_a_multiple_of_the_identity", env)
