"""The laws of mlp_forward, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, raises, seeds, unchanged

OK_FORMAT = False
name = "mlp_forward"
points = [1, 0, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


@st.composite
def networks(draw, deepest=3, widest=4):
    """Weights and biases of a multilayer perceptron of random depth and widths."""
    widths = draw(st.lists(st.integers(1, widest), min_size=2, max_size=deepest + 1))
    pairs = list(zip(widths[1:], widths[:-1]))
    parts = normal(draw(seeds()), *pairs, *[(outputs,) for outputs, _ in pairs])
    return parts[: len(pairs)], parts[len(pairs) :]


def sequential(x, weights, biases):
    """The logits of torch's own network: linear layers with ReLU between them."""
    layers = []
    for W in weights:
        layers += [torch.nn.Linear(W.shape[1], W.shape[0], dtype=W.dtype), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    names = [name for index in range(len(weights)) for name in (f"{2 * index}.weight", f"{2 * index}.bias")]
    parameters = [parameter for pair in zip(weights, biases) for parameter in pair]
    return torch.func.functional_call(network, dict(zip(names, parameters)), (x,))


@pytest.mark.exercise("mlp_forward", points=1)
class TestMlpForward:
    @SOME
    @given(network=networks(), seed=seeds(), batch=st.sampled_from([(), (1,), (3,), (2, 2)]))
    def test_torch(self, target, network, seed, batch):
        """It equals torch.nn.Sequential of linear layers with ReLU between them, for one example or a batch."""
        weights, biases = network
        x = normal(seed, (*batch, weights[0].shape[1]))[0]
        with unchanged(x, *weights, *biases):
            result = target.mlp_forward(x, weights, biases)
        assert_close(result, sequential(x, weights, biases), atol=1e-12)

    @FEW
    @given(network=networks())
    def test_biases(self, target, network):
        """At x = 0 with weights of 0 in the last layer, the logits are the last bias, negative numbers included."""
        weights, biases = network
        weights = [*weights[:-1], torch.zeros_like(weights[-1])]
        result = target.mlp_forward(torch.zeros(2, weights[0].shape[1], dtype=torch.float64), weights, biases)
        assert_close(result, biases[-1].expand(2, -1), atol=1e-12)

    def test_xor(self, target):
        """Two hidden units compute XOR, which no single neuron can: ReLU(a + b) \u2212 2 ReLU(a + b \u2212 1)."""
        weights = [torch.ones(2, 2, dtype=torch.float64), torch.tensor([[1.0, -2.0]], dtype=torch.float64)]
        biases = [torch.tensor([0.0, -1.0], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)]
        x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
        expected = torch.tensor([[0.0], [1.0], [1.0], [0.0]], dtype=torch.float64)
        assert_close(target.mlp_forward(x, weights, biases), expected, atol=1e-12)

    def test_shape_dtype_and_errors(self, target):
        """Any batch has its shape and dtype, an empty one too; one bias too few or too many is a ValueError."""
        for dtype in FLOATS:
            weights = [torch.ones(3, 2, dtype=dtype), torch.ones(4, 3, dtype=dtype)]
            biases = [torch.ones(3, dtype=dtype), torch.ones(4, dtype=dtype)]
            for batch in ((), (0,), (1,), (2, 3)):
                assert_shape(
                    target.mlp_forward(torch.ones(*batch, 2, dtype=dtype), weights, biases), (*batch, 4), dtype
                )
        with raises(ValueError, "for two layers with one bias"):
            target.mlp_forward(torch.ones(1, 2, dtype=dtype), weights, biases[:1])
        with raises(ValueError, "for one layer with two biases"):
            target.mlp_forward(torch.ones(1, 2, dtype=dtype), weights[:1], biases)


@test_case(name="mlp_forward - test_torch", hidden=False)
def law_1(env):
    check_law(TestMlpForward, "test_torch", env)


@test_case(name="mlp_forward - test_biases", hidden=False)
def law_2(env):
    check_law(TestMlpForward, "test_biases", env)


@test_case(name="mlp_forward - test_xor", hidden=False)
def law_3(env):
    check_law(TestMlpForward, "test_xor", env)


@test_case(name="mlp_forward - test_shape_dtype_and_errors", hidden=False)
def law_4(env):
    check_law(TestMlpForward, "test_shape_dtype_and_errors", env)
