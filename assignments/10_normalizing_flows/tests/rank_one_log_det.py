"""The laws of rank_one_log_det, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, gaussians, reals, unchanged

OK_FORMAT = False
name = "rank_one_log_det"
points = [1, 0]
all_or_nothing = True


some = settings(max_examples=6)


@st.composite
def rank_one_cases(draw):
    batch, size = draw(st.sampled_from([(), (3,), (2, 2)])), draw(st.integers(1, 5))
    return draw(gaussians((*batch, size))), draw(gaussians((*batch, size))), draw(gaussians(batch, scale=2.0))


@pytest.mark.exercise("rank_one_log_det", points=1)
class TestRankOneLogDet:
    @some
    @given(case=rank_one_cases())
    def test_is_that_of_the_full_matrix(self, target, case):
        """The result is log|det(I + h u w\u1d40)|, the matrix written out."""
        u, w, h = case
        full = torch.eye(u.shape[-1], dtype=u.dtype) + h[..., None, None] * u[..., :, None] * w[..., None, :]
        with unchanged(u, w, h):
            # slogdet of a nearly singular matrix loses digits in the logarithm.
            assert_close(target.rank_one_log_det(u, w, h), torch.linalg.slogdet(full).logabsdet, rtol=1e-7, atol=1e-7)

    @some
    @given(h=reals(-4.0, 4.0).filter(lambda h: abs(1 + 2 * h) > 0.01))
    def test_two_equal_vectors(self, target, h):
        """For u = w = (1, 1) it is log|1 + 2h|, also where 1 + 2h is negative."""
        ones = torch.ones(2, dtype=torch.float64)
        expected = torch.tensor(math.log(abs(1 + 2 * h)), dtype=torch.float64)
        # 1 + 2h has the same absolute value and the other sign for \u22121 \u2212 h.
        for factor in (h, -1 - h):
            assert_close(target.rank_one_log_det(ones, ones, torch.tensor(factor, dtype=torch.float64)), expected)


@test_case(name="rank_one_log_det - test_is_that_of_the_full_matrix", hidden=False)
def law_1(env):
    check_law(TestRankOneLogDet, "test_is_that_of_the_full_matrix", env)


@test_case(name="rank_one_log_det - test_two_equal_vectors", hidden=False)
def law_2(env):
    check_law(TestRankOneLogDet, "test_two_equal_vectors", env)
