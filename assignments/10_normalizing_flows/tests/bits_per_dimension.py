"""The laws of bits_per_dimension, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, tensors

OK_FORMAT = False
name = "bits_per_dimension"
points = [1, 0]
all_or_nothing = True


some = settings(max_examples=6)


@pytest.mark.exercise("bits_per_dimension", points=1)
class TestBitsPerDimension:
    @some
    @given(bits=st.integers(1, 10), dimensions=st.integers(1, 3072))
    def test_uniform_density(self, target, bits, dimensions):
        """A model that knows nothing, uniform on the unit cube, pays log\u2082(bins) bits for each dimension."""
        assert_close(target.bits_per_dimension(0.0, dimensions, 2**bits), float(bits))

    @some
    @given(weights=tensors(st.integers(2, 6), 0.05, 1.0), dimensions=st.integers(1, 5))
    def test_entropy(self, target, weights, dimensions):
        """For a density that is constant on each of the bins it is the entropy of their probabilities, in bits."""
        p = weights / weights.sum()
        density = p * len(p)  # bin k has probability p_k and width 1 / len(p)
        nll = -dimensions * (p * density.log()).sum().item()
        entropy = -(p * p.log2()).sum().item()
        assert_close(target.bits_per_dimension(nll, dimensions, len(p)), entropy)


@test_case(name="bits_per_dimension - test_uniform_density", hidden=False)
def law_1(env):
    check_law(TestBitsPerDimension, "test_uniform_density", env)


@test_case(name="bits_per_dimension - test_entropy", hidden=False)
def law_2(env):
    check_law(TestBitsPerDimension, "test_entropy", env)
