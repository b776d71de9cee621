"""The laws of active_units, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_equal, assert_shape, gaussians, reals, unchanged

OK_FORMAT = False
name = "active_units"
points = [1, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)


def vector(*values):
    """These numbers as a tensor in double precision."""
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.exercise("active_units", points=1)
class TestActiveUnits:
    @some
    @given(mu=gaussians((4, 5), 0.3), threshold=reals(0.01, 0.3))
    def test_value(self, target, mu, threshold):
        """A dimension is active where the variance of its mean code over the data is above the threshold."""
        expected = [bool(np.var(column.numpy()) > threshold) for column in mu.T]
        with unchanged(mu):
            active = target.active_units(mu, threshold)
        assert_shape(active, (5,), torch.bool, "the answer")
        assert_equal(active.tolist(), expected, what="the active dimensions")

    def test_collapse(self, target):
        """A dimension whose mean code is the same for all data is not active, however large it is."""
        mu = torch.stack([vector(5.0, 5.0, 5.0), vector(-1.0, 0.0, 1.0), vector(0.0, 0.0, 0.0)], dim=1)
        assert_equal(target.active_units(mu).tolist(), [False, True, False], what="the active dimensions")

    def test_default_threshold(self, target):
        """Without another threshold the variance must exceed 0.01."""
        mu = vector(-1.0, 1.0)[:, None] * vector(0.09, 0.0999, 0.1001, 0.11)
        assert_equal(target.active_units(mu).tolist(), [False, False, True, True], what="the active dimensions")


@test_case(name="active_units - test_value", hidden=False)
def law_1(env):
    check_law(TestActiveUnits, "test_value", env)


@test_case(name="active_units - test_collapse", hidden=False)
def law_2(env):
    check_law(TestActiveUnits, "test_collapse", env)


@test_case(name="active_units - test_default_threshold", hidden=False)
def law_3(env):
    check_law(TestActiveUnits, "test_default_threshold", env)
