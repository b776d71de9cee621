"""The laws of initialise_mlp, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, seeds

OK_FORMAT = False
name = "initialise_mlp"
points = [1, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


@pytest.mark.exercise("initialise_mlp", points=1)
class TestInitialiseMlp:
    @FEW
    @given(widths=st.lists(st.integers(1, 6), min_size=2, max_size=5), seed=seeds())
    def test_shapes(self, target, widths, seed):
        """There is one weight matrix (outputs, inputs) in double precision and one bias of zeros for each layer."""
        weights, biases = target.initialise_mlp(widths, seed)
        assert_equal((len(weights), len(biases)), (len(widths) - 1, len(widths) - 1), what="the numbers of layers")
        for layer, (W, b) in enumerate(zip(weights, biases)):
            assert_shape(W, (widths[layer + 1], widths[layer]), torch.float64, what=f"weights[{layer}]")
            assert_equal(b, torch.zeros(widths[layer + 1], dtype=torch.float64), what=f"biases[{layer}]")

    @settings(max_examples=3)
    @given(seed=seeds())
    def test_moments(self, target, seed):
        """The weights of a layer have mean 0 and variance 2 / (number of its inputs), up to chance."""
        for W in target.initialise_mlp([100, 400, 50], seed)[0]:
            inputs, count = W.shape[1], W.numel()
            spread = math.sqrt(2 / inputs)
            # Six standard deviations of the mean, and of the variance of a normal sample.
            assert_close(W.mean(), torch.zeros((), dtype=W.dtype), atol=6 * spread / math.sqrt(count), what="the mean")
            ratio = W.square().mean() * inputs / 2
            assert_close(
                ratio, torch.ones((), dtype=W.dtype), atol=6 * math.sqrt(2 / count), what="variance \xb7 inputs / 2"
            )

    @FEW
    @given(seed=seeds())
    def test_seed(self, target, seed):
        """The same seed gives the same weights, another seed others, and no two layers share theirs."""
        weights, again = (target.initialise_mlp([3, 3, 3], seed)[0] for _ in range(2))
        assert_equal(list(again), list(weights), what="the list of weights from the same seed")
        other = target.initialise_mlp([3, 3, 3], seed + 1)[0]
        for layer in range(2):
            assert_true(not torch.equal(other[layer], weights[layer]), "Another seed gave the same weights.")
        assert_true(not torch.equal(weights[0], weights[1]), "Two layers have the same weights.")


@test_case(name="initialise_mlp - test_shapes", hidden=False)
def law_1(env):
    check_law(TestInitialiseMlp, "test_shapes", env)


@test_case(name="initialise_mlp - test_moments", hidden=False)
def law_2(env):
    check_law(TestInitialiseMlp, "test_moments", env)


@test_case(name="initialise_mlp - test_seed", hidden=False)
def law_3(env):
    check_law(TestInitialiseMlp, "test_seed", env)
