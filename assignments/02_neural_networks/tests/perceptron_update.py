"""The laws of perceptron_update, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, reals, seeds, unchanged

OK_FORMAT = False
name = "perceptron_update"
points = [1, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
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


@pytest.mark.exercise("perceptron_update", points=1)
class TestPerceptronUpdate:
    @SOME
    @given(neuron=neurons([()]), y=st.sampled_from([0, 1]), learning_rate=reals(0.1, 2.0))
    def test_rule(self, target, neuron, y, learning_rate):
        """A missed positive example is added to the parameters, a false alarm is subtracted, times \u03b7."""
        x, w, b = neuron
        answer = 1 if (x * w).sum() + b > 0 else 0
        sign = {(1, 0): 1, (0, 1): -1}.get((y, answer), 0)
        with unchanged(x, w, b):
            result = target.perceptron_update(x, y, w, b, learning_rate)
        assert_close(result, (w + sign * learning_rate * x, b + sign * learning_rate), what="(w, b)")

    @FEW
    @given(neuron=neurons([()]), learning_rate=reals(0.1, 2.0))
    def test_right_answers(self, target, neuron, learning_rate):
        """After a right answer the parameters are what they were."""
        x, w, b = neuron
        y = 1 if (x * w).sum() + b > 0 else 0
        assert_close(target.perceptron_update(x, y, w, b, learning_rate), (w, b), what="(w, b)")

    @FEW
    @given(neuron=neurons([()]), learning_rate=reals(0.1, 2.0))
    def test_score_moves(self, target, neuron, learning_rate):
        """After a wrong answer the score of this example has moved by \u03b7(\u2016x\u2016\xb2 + 1), the right way."""
        x, w, b = neuron
        score = (x * w).sum() + b
        y = 0 if score > 0 else 1
        new_w, new_b = target.perceptron_update(x, y, w, b, learning_rate)
        expected = score + (2 * y - 1) * learning_rate * (x.square().sum() + 1)
        assert_close((x * new_w).sum() + new_b, expected, what="the new score")

    def test_boundary(self, target):
        """An example on the boundary counts as answered 0: right if y = 0, wrong if y = 1."""
        x, w = torch.tensor([2.0, 1.0], dtype=torch.float64), torch.tensor([1.0, -2.0], dtype=torch.float64)
        b = torch.tensor(0.0, dtype=torch.float64)
        assert_close(target.perceptron_update(x, 0, w, b, 0.5), (w, b), what="(w, b)")
        assert_close(target.perceptron_update(x, 1, w, b, 0.5), (w + 0.5 * x, b + 0.5), what="(w, b)")


@test_case(name="perceptron_update - test_rule", hidden=False)
def law_1(env):
    check_law(TestPerceptronUpdate, "test_rule", env)


@test_case(name="perceptron_update - test_right_answers", hidden=False)
def law_2(env):
    check_law(TestPerceptronUpdate, "test_right_answers", env)


@test_case(name="perceptron_update - test_score_moves", hidden=False)
def law_3(env):
    check_law(TestPerceptronUpdate, "test_score_moves", env)


@test_case(name="perceptron_update - test_boundary", hidden=False)
def law_4(env):
    check_law(TestPerceptronUpdate, "test_boundary", env)
