"""The laws of finetune, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_true, raises, reals, seeds, unchanged

OK_FORMAT = False
name = "finetune"
points = [2, 0, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


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


@st.composite
def pretrained(draw, shallowest=1, deepest=4):
    """Weights and biases of a network of at least two inputs and outputs, with unequal widths."""
    depth = draw(st.integers(shallowest, deepest))
    widths = [draw(st.integers(2, 5)) for _ in range(depth + 1)]
    parts = normal(draw(seeds()), *zip(widths[1:], widths[:-1]), *[(width,) for width in widths[1:]], scale=0.7)
    return parts[:depth], parts[depth:]


@st.composite
def finetuning(draw, shallowest=1):
    """A network, examples and labels for it, a learning rate and a number of steps."""
    weights, biases = draw(pretrained(shallowest, 3))
    seed, size = draw(seeds()), draw(st.integers(1, 5))
    x = normal(seed, (size, weights[0].shape[1]))[0]
    labels = torch.randint(0, len(biases[-1]), (size,), generator=torch.Generator().manual_seed(seed))
    return weights, biases, x, labels, draw(reals(0.05, 0.5)), draw(st.integers(0, 4))


def two_layers_to_tune():
    """A case of `finetuning` in which it matters which layer is trained, and with what."""
    W, V, b, c, x = normal(1, (3, 2), (2, 3), (3,), (2,), (4, 2))
    return [W, V], [b, c], x, torch.tensor([0, 1, 1, 0]), 0.3, 2


def descended(weights, biases, x, labels, learning_rate, steps, trained):
    """Gradient descent by autograd on the last `trained` layers of torch's own network."""
    weights, biases = list(weights), list(biases)
    for _ in range(steps):

        def logits(last_weights, last_biases):
            return sequential(x, [*weights[:-trained], *last_weights], [*biases[:-trained], *last_biases])

        gradients = parameter_gradients(
            lambda W, b: F.cross_entropy(logits(W, b), labels), weights[-trained:], biases[-trained:], None
        )
        weights[-trained:] = [W - learning_rate * g for W, g in zip(weights[-trained:], gradients[:trained])]
        biases[-trained:] = [b - learning_rate * g for b, g in zip(biases[-trained:], gradients[trained:])]
    return weights, biases


@pytest.mark.exercise("finetune", points=2)
class TestFinetune:
    @FEW
    @given(case=finetuning(shallowest=2))
    def test_head_alone(self, target, case):
        """By default only the last layer moves, as autograd's gradient says; the body stays exactly as it was."""
        weights, biases, x, labels, learning_rate, _ = case
        with unchanged(x, labels, *weights, *biases):
            actual = target.finetune(weights, biases, x, labels, learning_rate, 3)
        expected = descended(weights, biases, x, labels, learning_rate, 3, 1)
        assert_equal(list(actual[0][:-1]), weights[:-1], what="the list of the body's weights")
        assert_equal(list(actual[1][:-1]), biases[:-1], what="the list of the body's biases")
        assert_close([actual[0][-1], actual[1][-1]], [expected[0][-1], expected[1][-1]], atol=1e-10, what="the head")

    @SOME
    @given(case=finetuning(), frozen=st.integers(0, 2))
    @example(case=two_layers_to_tune(), frozen=1)
    def test_some_layers(self, target, case, frozen):
        """The last `trained` layers move together, one gradient step at a time; for 0 steps nothing moves."""
        weights = case[0]
        trained = max(1, len(weights) - frozen)
        actual = target.finetune(*case, trained)
        expected = descended(*case, trained)
        assert_close([list(part) for part in actual], list(expected), atol=1e-10, what="[weights, biases]")

    @FEW
    @given(case=finetuning())
    def test_one_step(self, target, case):
        """One step on the head subtracts the mean over the examples of (softmax \u2212 one-hot label) times features."""
        weights, biases, x, labels, learning_rate, _ = case
        features = x
        for W, b in zip(weights[:-1], biases[:-1]):
            features = F.relu(features @ W.T + b)
        z = features @ weights[-1].T + biases[-1]
        error = (torch.softmax(z, 1) - F.one_hot(labels, z.shape[1])) / len(x)
        new_weights, new_biases = target.finetune(weights, biases, x, labels, learning_rate, 1)
        assert_close(
            new_weights[-1], weights[-1] - learning_rate * error.T @ features, atol=1e-10, what="the head's weights"
        )
        assert_close(new_biases[-1], biases[-1] - learning_rate * error.sum(0), atol=1e-10, what="the head's biases")

    @settings(max_examples=3)
    @given(seed=seeds())
    def test_learns(self, target, seed):
        """Twenty-five steps on the head lower the mean cross-entropy, and two layers trained lower it further."""
        W, V, b, c, x = normal(seed, (16, 3), (4, 16), (16,), (4,), (40, 3), scale=0.5)
        labels = (x @ normal(seed + 1, (3, 4))[0]).argmax(1)
        losses = [F.cross_entropy(sequential(x, [W, V], [b, c]), labels).item()]
        for trained in (1, 2):
            weights, biases = target.finetune([W, V], [b, c], x, labels, 0.2, 25, trained)
            losses.append(F.cross_entropy(sequential(x, list(weights), list(biases)), labels).item())
        assert_true(losses[0] > losses[1] > losses[2], f"The losses do not fall: {losses}.")

    def test_errors(self, target):
        """Training no layer, or more than there are, is a ValueError."""
        weights, biases = normal(0, (3, 2), (2, 3)), normal(1, (3,), (2,))
        x, labels = torch.ones(2, 2, dtype=torch.float64), torch.tensor([0, 1])
        for trained in (0, 3, -1):
            with raises(ValueError, f"for trained = {trained} with two layers"):
                target.finetune(weights, biases, x, labels, 0.1, 1, trained)


@test_case(name="finetune - test_head_alone", hidden=False)
def law_1(env):
    check_law(TestFinetune, "test_head_alone", env)


@test_case(name="finetune - test_some_layers", hidden=False)
def law_2(env):
    check_law(TestFinetune, "test_some_layers", env)


@test_case(name="finetune - test_one_step", hidden=False)
def law_3(env):
    check_law(TestFinetune, "test_one_step", env)


@test_case(name="finetune - test_learns", hidden=False)
def law_4(env):
    check_law(TestFinetune, "test_learns", env)


@test_case(name="finetune - test_errors", hidden=False)
def law_5(env):
    check_law(TestFinetune, "test_errors", env)
