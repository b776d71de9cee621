"""The laws of jacobian_log_det, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, unchanged

OK_FORMAT = False
name = "jacobian_log_det"
points = [2, 0]
all_or_nothing = True


few = settings(max_examples=4)


@pytest.mark.exercise("jacobian_log_det", points=2)
class TestJacobianLogDet:
    @few
    @given(matrix=gaussians((3, 3)), x=gaussians((2, 3)))
    def test_of_a_linear_map(self, target, matrix, x):
        """For z = A x it is log|det A| for every sample."""

        def linear(x):
            return x @ matrix.T

        with unchanged(x):
            result = target.jacobian_log_det(linear, x)
        assert_close(result, torch.linalg.slogdet(matrix).logabsdet.expand(2), rtol=1e-8, atol=1e-8)

    @few
    @given(x=gaussians(st.tuples(st.integers(1, 3), st.integers(1, 3))))
    def test_entry_by_entry(self, target, x):
        """For z = sinh(x) entry by entry it is the sum of log cosh(x) over each sample's own entries."""
        assert_close(target.jacobian_log_det(torch.sinh, x), x.cosh().log().sum(dim=1), atol=1e-8)


@test_case(name="jacobian_log_det - test_of_a_linear_map", hidden=False)
def law_1(env):
    check_law(TestJacobianLogDet, "test_of_a_linear_map", env)


@test_case(name="jacobian_log_det - test_entry_by_entry", hidden=False)
def law_2(env):
    check_law(TestJacobianLogDet, "test_entry_by_entry", env)
