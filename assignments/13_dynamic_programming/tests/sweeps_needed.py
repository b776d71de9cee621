"""The laws of sweeps_needed, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal

OK_FORMAT = False
name = "sweeps_needed"
points = [1, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # an example holds a whole random world, so half a dozen of them says enough


@pytest.mark.exercise("sweeps_needed", points=1)
class TestSweepsNeeded:
    @few
    @given(
        gamma=st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99]),
        error=st.sampled_from([0.0, 0.37, 3.1, 47.0]),
        tolerance=st.sampled_from([7.0, 0.53, 0.013, 1.7e-7]),
    )
    @example(gamma=0.9, error=3.1, tolerance=0.013)
    @example(gamma=0.0, error=3.1, tolerance=0.013)
    def test_is_the_smallest(self, target, gamma, error, tolerance):
        """After t sweeps \u03b3\u1d57 \xb7 first error is within the tolerance, and one sweep earlier it is not."""
        sweeps = target.sweeps_needed(gamma, error, tolerance)
        expected = 0
        while error * gamma**expected > tolerance:
            expected += 1
        assert_equal(sweeps, expected, what="the number of sweeps")

    def test_good_enough_from_the_start(self, target):
        """No sweep is needed where the first error is not above the tolerance, whatever the discount."""
        for gamma, error in itertools.product((0.0, 0.5, 0.99), (0.0, 0.2, 0.37)):
            assert_equal(target.sweeps_needed(gamma, error, 0.37), 0, what=f"the sweeps from an error of {error}")

    def test_the_price_of_patience(self, target):
        """One more decimal digit costs 1 sweep at \u03b3 = 0.05, 22 at 0.9, 230 at 0.99 and 2302 at 0.999."""
        for gamma, sweeps in ((0.05, 1), (0.9, 22), (0.99, 230), (0.999, 2302)):
            assert_equal(target.sweeps_needed(gamma, 1.0, 0.1), sweeps, what=f"the sweeps for \u03b3 = {gamma}")

    def test_the_tolerance_is_enough(self, target):
        """An error that is exactly the tolerance is small enough: halving reaches a half in 1 sweep, a quarter in 2."""
        for share, sweeps in ((2.0, 1), (4.0, 2)):
            assert_equal(target.sweeps_needed(0.5, share, 1.0), sweeps, what=f"the sweeps from an error of {share}")


@test_case(name="sweeps_needed - test_is_the_smallest", hidden=False)
def law_1(env):
    check_law(TestSweepsNeeded, "test_is_the_smallest", env)


@test_case(name="sweeps_needed - test_good_enough_from_the_start", hidden=False)
def law_2(env):
    check_law(TestSweepsNeeded, "test_good_enough_from_the_start", env)


@test_case(name="sweeps_needed - test_the_price_of_patience", hidden=False)
def law_3(env):
    check_law(TestSweepsNeeded, "test_the_price_of_patience", env)


@test_case(name="sweeps_needed - test_the_tolerance_is_enough", hidden=False)
def law_4(env):
    check_law(TestSweepsNeeded, "test_the_tolerance_is_enough", env)
