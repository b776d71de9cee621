"""The laws of unroll, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, reals, tensors

OK_FORMAT = False
name = "unroll"
points = [1, 0, 0]
all_or_nothing = True


@pytest.mark.exercise("unroll", points=1)
class TestUnroll:
    @settings(max_examples=12)
    @given(xs=tensors(st.integers(1, 6)), start=reals())
    def test_fading_sum(self, target, xs, start):
        """With the step s \u21a6 s/2 + x the states are s_t = s_0/2^t + \u03a3_k x_k/2^(t\u2212k)."""
        start = torch.tensor(start, dtype=torch.float64)
        times = range(1, len(xs) + 1)
        expected = [start / 2**t + sum(xs[k - 1] / 2 ** (t - k) for k in range(1, t + 1)) for t in times]
        assert_close(target.unroll(lambda s, x: s / 2 + x, start, xs), expected, what="the list of states")

    @settings(max_examples=6)
    @given(start=tensors(2), length=st.integers(0, 5))
    def test_length(self, target, start, length):
        """There is one state per input, the initial one not counted: none for an empty sequence."""
        xs = torch.arange(1.0, 3 * length + 1, dtype=torch.float64).reshape(length, 3)
        states = target.unroll(lambda s, x: s + x.sum(), start, xs)
        assert_close(list(states), [start + xs[: t + 1].sum() for t in range(length)], what="the list of states")

    @settings(max_examples=12)
    @given(xs=tensors((4, 2)), start=tensors(2))
    def test_state_of_two_parts(self, target, xs, start):
        """The state may be a tuple: here a running sum beside the previous input."""
        states = target.unroll(lambda s, x: (s[0] + x, x), (start, start), xs)
        expected = [(start + xs[: t + 1].sum(0), xs[t]) for t in range(4)]
        assert_close([tuple(state) for state in states], expected, what="the list of states")


@test_case(name="unroll - test_fading_sum", hidden=False)
def law_1(env):
    check_law(TestUnroll, "test_fading_sum", env)


@test_case(name="unroll - test_length", hidden=False)
def law_2(env):
    check_law(TestUnroll, "test_length", env)


@test_case(name="unroll - test_state_of_two_parts", hidden=False)
def law_3(env):
    check_law(TestUnroll, "test_state_of_two_parts", env)
