"""The laws of compose_jacobians, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, jacobian, tensors

OK_FORMAT = False
name = "compose_jacobians"
points = [2, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


def affine_layer(seed, outputs, inputs):
    """A layer v \u21a6 tanh(W v + b) with its Jacobian, as a pair of functions."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)
    bias = torch.randn(outputs, generator=generator, dtype=torch.float64)

    def layer(v):
        return torch.tanh(weight @ v + bias)

    def layer_jacobian(v):
        return (1 - torch.tanh(weight @ v + bias) ** 2)[:, None] * weight

    layer.description = f"v \u21a6 tanh(W v + b) from {inputs} to {outputs} entries"
    layer_jacobian.description = "its Jacobian"
    return layer, layer_jacobian


@st.composite
def stacks(draw, lowest=1, highest=4):
    """A list of layers whose widths fit, and an input for the first."""
    widths = draw(st.lists(st.integers(1, 4), min_size=lowest + 1, max_size=highest + 1))
    seed = draw(st.integers(0, 1000))
    layers = [affine_layer(seed + i, *sizes) for i, sizes in enumerate(zip(widths[1:], widths[:-1]))]
    return layers, draw(tensors(widths[0]))


TWO_LAYERS = [affine_layer(0, 3, 2), affine_layer(1, 4, 3)], torch.tensor([0.5, -1.0], dtype=torch.float64)


def run_stack(layers, x):
    """The composition of the layers at x."""
    for function, _ in layers:
        x = function(x)
    return x


@pytest.mark.exercise("compose_jacobians", points=2)
class TestComposeJacobians:
    @FEW
    @given(stack=stacks())
    @example(stack=TWO_LAYERS)
    def test_autograd(self, target, stack):
        """The product is the Jacobian of the composition, as autograd computes it, each factor at its own input."""
        layers, x = stack
        expected = jacobian(lambda v: run_stack(layers, v), x)
        assert_close(target.compose_jacobians(layers, x), expected, atol=1e-11)

    @FEW
    @given(stack=stacks(lowest=2))
    @example(stack=TWO_LAYERS)
    def test_shape(self, target, stack):
        """From n inputs to m outputs the shape is (m, n): one row per output."""
        layers, x = stack
        shape = run_stack(layers, x).shape[0], x.shape[0]
        assert_shape(target.compose_jacobians(layers, x), shape, torch.float64)

    @FEW
    @given(x=tensors())
    def test_no_layers(self, target, x):
        """Of no layers at all the Jacobian is the identity."""
        assert_close(target.compose_jacobians([], x), torch.eye(x.shape[0], dtype=torch.float64))


@test_case(name="compose_jacobians - test_autograd", hidden=False)
def law_1(env):
    check_law(TestComposeJacobians, "test_autograd", env)


@test_case(name="compose_jacobians - test_shape", hidden=False)
def law_2(env):
    check_law(TestComposeJacobians, "test_shape", env)


@test_case(name="compose_jacobians - test_no_layers", hidden=False)
def law_3(env):
    check_law(TestComposeJacobians, "test_no_layers", env)
