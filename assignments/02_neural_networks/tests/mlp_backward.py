"""The laws of mlp_backward, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, seeds, unchanged

OK_FORMAT = False
name = "mlp_backward"
points = [3, 0, 0, 0]
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


def parameter_gradients(function, weights, biases, cotangent):
    """The gradients of \u27e8cotangent, function(weights, biases)\u27e9 in all parameters, by autograd."""
    leaves = [parameter.detach().clone().requires_grad_() for parameter in [*weights, *biases]]
    y = function(leaves[: len(weights)], leaves[len(weights) :])
    if not y.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return list(torch.autograd.grad(y, leaves, cotangent, allow_unused=True, materialize_grads=True))


@pytest.mark.exercise("mlp_backward", points=3)
class TestMlpBackward:
    @SOME
    @given(network=networks(deepest=4), seed=seeds(), size=st.integers(1, 4))
    def test_autograd(self, target, network, seed, size):
        """Every gradient equals autograd's, for any depth, widths and batch."""
        weights, biases = network
        x, delta = normal(seed, (size, weights[0].shape[1]), (size, len(biases[-1])))
        expected = parameter_gradients(lambda W, b: sequential(x, W, b), weights, biases, delta)
        with unchanged(x, delta, *weights, *biases):
            actual = target.mlp_backward(x, weights, biases, delta)
        assert_close(
            [*actual[0], *actual[1]], expected, atol=1e-10, what="the list of gradients (weights, then biases)"
        )

    @FEW
    @given(seed=seeds())
    def test_one_layer(self, target, seed):
        """Without hidden layers the gradients are \u03b4h\u1d40 and \u03b4, added up over the batch."""
        W, b, x, delta = normal(seed, (2, 3), (2,), (4, 3), (4, 2))
        outer = sum(torch.outer(d, h) for d, h in zip(delta, x))
        actual = target.mlp_backward(x, [W], [b], delta)
        assert_close([list(part) for part in actual], [[outer], [delta.sum(0)]], atol=1e-12, what="(weights, biases)")

    def test_kink(self, target):
        """A unit whose input is exactly 0 passes no gradient on: the derivative of ReLU at 0 is 0."""
        one = torch.ones(1, 1, dtype=torch.float64)
        zero = torch.zeros(1, dtype=torch.float64)
        weights, biases = target.mlp_backward(one, [0 * one, one], [zero, zero], one)
        assert_close([list(weights), list(biases)], [[0 * one, 0 * one], [zero, zero + 1]], what="[weights, biases]")

    def test_shape_and_dtype(self, target):
        """Each gradient has the shape and dtype of its parameter; for an empty batch it is 0."""
        for dtype in FLOATS:
            shapes = [(3, 2), (5, 3), (4, 5)]
            weights = [torch.ones(shape, dtype=dtype) for shape in shapes]
            biases = [torch.ones(shape[0], dtype=dtype) for shape in shapes]
            for size in (0, 1):
                x, delta = torch.ones(size, 2, dtype=dtype), torch.ones(size, 4, dtype=dtype)
                actual = target.mlp_backward(x, weights, biases, delta)
                for gradients, parameters in zip(actual, (weights, biases)):
                    assert_equal(len(gradients), 3, "the number of gradients")
                    for layer, (given_gradient, parameter) in enumerate(zip(gradients, parameters)):
                        assert_shape(given_gradient, parameter.shape, dtype, what=f"the gradient of layer {layer}")
                        if size == 0:
                            assert_close(
                                given_gradient, torch.zeros_like(parameter), what=f"the gradient of layer {layer}"
                            )


@test_case(name="mlp_backward - test_autograd", hidden=False)
def law_1(env):
    check_law(TestMlpBackward, "test_autograd", env)


@test_case(name="mlp_backward - test_one_layer", hidden=False)
def law_2(env):
    check_law(TestMlpBackward, "test_one_layer", env)


@test_case(name="mlp_backward - test_kink", hidden=False)
def law_3(env):
    check_law(TestMlpBackward, "test_kink", env)


@test_case(name="mlp_backward - test_shape_and_dtype", hidden=False)
def law_4(env):
    check_law(TestMlpBackward, "test_shape_and_dtype", env)
