"""The laws of perceptron_predict, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, seeds, unchanged

OK_FORMAT = False
name = "perceptron_predict"
points = [1, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
SOME = settings(max_examples=15)


def whole(seed, *sizes, low=-4, high=4):
    """One tensor of whole numbers, as floats, for each size: they print well, and sums of products are exact."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(low, high + 1, size, generator=generator).double() for size in sizes]


@st.composite
def neurons(draw, batches=((), (1,), (12,), (3, 5))):
    """Inputs in batches, weights and a bias of a single neuron, all whole numbers."""
    n = draw(st.integers(1, 4))
    x, w, b = whole(draw(seeds()), (*draw(st.sampled_from(batches)), n), (n,), ())
    return x, w, b


@pytest.mark.exercise("perceptron_predict", points=1)
class TestPerceptronPredict:
    @SOME
    @given(neuron=neurons())
    def test_indicator(self, target, neuron):
        """It is 1 where w\u1d40x + b is positive and 0 where it is negative or 0, for one example or a batch."""
        x, w, b = neuron
        with unchanged(x, w, b):
            result = target.perceptron_predict(x, w, b)
        assert_close(result, torch.heaviside((x * w).sum(-1) + b, torch.zeros((), dtype=torch.float64)))

    def test_boundary_and_bias(self, target):
        """On the boundary the answer is 0, and the bias moves the boundary."""
        x = torch.tensor([[1.0, 1.0], [2.0, 0.0], [2.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
        w = torch.tensor([1.0, 2.0], dtype=torch.float64)
        for b, expected in ((-3.0, [0.0, 0.0, 1.0, 0.0]), (0.0, [1.0, 1.0, 1.0, 0.0]), (0.5, [1.0, 1.0, 1.0, 1.0])):
            result = target.perceptron_predict(x, w, torch.tensor(b, dtype=torch.float64))
            assert_close(result, torch.tensor(expected, dtype=torch.float64), what=f"the answer with b = {b}")

    def test_shape_and_dtype(self, target):
        """Shape and dtype are those of the batch, an empty one and a single example included."""
        for dtype in FLOATS:
            for batch in ((), (1,), (0,), (2, 3)):
                x, w, b = torch.ones(*batch, 2, dtype=dtype), torch.ones(2, dtype=dtype), torch.zeros((), dtype=dtype)
                assert_shape(target.perceptron_predict(x, w, b), batch, dtype)


@test_case(name="perceptron_predict - test_indicator", hidden=False)
def law_1(env):
    check_law(TestPerceptronPredict, "test_indicator", env)


@test_case(name="perceptron_predict - test_boundary_and_bias", hidden=False)
def law_2(env):
    check_law(TestPerceptronPredict, "test_boundary_and_bias", env)


@test_case(name="perceptron_predict - test_shape_and_dtype", hidden=False)
def law_3(env):
    check_law(TestPerceptronPredict, "test_shape_and_dtype", env)
