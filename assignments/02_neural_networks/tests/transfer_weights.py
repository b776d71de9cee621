"""The laws of transfer_weights, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, seeds, unchanged

OK_FORMAT = False
name = "transfer_weights"
points = [1, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


@st.composite
def pretrained(draw, shallowest=1, deepest=4):
    """Weights and biases of a network of at least two inputs and outputs, with unequal widths."""
    depth = draw(st.integers(shallowest, deepest))
    widths = [draw(st.integers(2, 5)) for _ in range(depth + 1)]
    parts = normal(draw(seeds()), *zip(widths[1:], widths[:-1]), *[(width,) for width in widths[1:]], scale=0.7)
    return parts[:depth], parts[depth:]


@pytest.mark.exercise("transfer_weights", points=1)
class TestTransferWeights:
    @SOME
    @given(network=pretrained(), classes=st.integers(1, 7), seed=seeds())
    def test_body(self, target, network, classes, seed):
        """All layers but the last are equal to those given; the new head has a row per class and biases of 0."""
        weights, biases = network
        with unchanged(*weights, *biases):
            new_weights, new_biases = target.transfer_weights(weights, biases, classes, seed)
        assert_equal(list(new_weights[:-1]), weights[:-1], what="the body's list of weights")
        assert_equal(
            list(new_biases), [*biases[:-1], torch.zeros(classes, dtype=torch.float64)], what="the list of biases"
        )
        assert_shape(new_weights[-1], (classes, weights[-1].shape[1]), torch.float64, what="the head's weights")
        assert_true(not torch.equal(new_weights[-1], weights[-1]), "The head is the old one.")

    @FEW
    @given(network=pretrained(), seed=seeds())
    def test_copies(self, target, network, seed):
        """Changing the new parameters in place leaves the pretrained ones as they were."""
        weights, biases = network
        with unchanged(*weights, *biases):
            new_weights, new_biases = target.transfer_weights(weights, biases, 3, seed)
            with torch.no_grad():
                for part in (*new_weights, *new_biases):
                    part += 1

    @settings(max_examples=3)
    @given(seed=seeds())
    def test_head(self, target, seed):
        """The head's weights are normal with mean 0 and variance 1 over the number of features that it reads."""
        weights = [torch.ones(100, 2, dtype=torch.float64), torch.ones(7, 100, dtype=torch.float64)]
        biases = [torch.ones(100, dtype=torch.float64), torch.ones(7, dtype=torch.float64)]
        head = 10 * target.transfer_weights(weights, biases, 150, seed)[0][-1]
        assert_shape(head, (150, 100), torch.float64, what="the head's weights")
        # Six standard deviations of each statistic of 15 000 numbers.
        assert_close(head.mean().item(), 0.0, atol=6 / math.sqrt(15_000), what="the mean of the head times \u221an")
        assert_close(head.square().mean().item(), 1.0, atol=6 * math.sqrt(2 / 15_000), what="the variance times n")
        beyond = (head.abs() > 2).double().mean().item()
        assert_close(beyond, 0.0455, atol=6 * math.sqrt(0.0455 / 15_000), what="the share beyond two deviations")

    @FEW
    @given(network=pretrained(), seed=seeds())
    def test_seed(self, target, network, seed):
        """The same seed gives the same head, another seed another."""
        first, again, other = (target.transfer_weights(*network, 4, s)[0][-1] for s in (seed, seed, seed + 1))
        assert_equal(again, first, what="the head from the same seed")
        assert_true(not torch.equal(other, first), "Another seed gave the same head.")


@test_case(name="transfer_weights - test_body", hidden=False)
def law_1(env):
    check_law(TestTransferWeights, "test_body", env)


@test_case(name="transfer_weights - test_copies", hidden=False)
def law_2(env):
    check_law(TestTransferWeights, "test_copies", env)


@test_case(name="transfer_weights - test_head", hidden=False)
def law_3(env):
    check_law(TestTransferWeights, "test_head", env)


@test_case(name="transfer_weights - test_seed", hidden=False)
def law_4(env):
    check_law(TestTransferWeights, "test_seed", env)
