"""The laws of perceptron_fit, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, seeds, unchanged

OK_FORMAT = False
name = "perceptron_fit"
points = [2, 0, 0, 0, 0]
all_or_nothing = True


SOME = settings(max_examples=15)


def whole(seed, *sizes, low=-4, high=4):
    """One tensor of whole numbers, as floats, for each size: they print well, and sums of products are exact."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(low, high + 1, size, generator=generator).double() for size in sizes]


@st.composite
def separable_data(draw, most=10):
    """Examples x, labels y and a hyperplane (w, b) that separates them by a margin, all whole numbers."""
    n = draw(st.integers(1, 3))
    seed = draw(seeds())
    w, b = whole(seed, (n,), (), low=-3, high=3)
    if not w.any():
        w = torch.ones(n, dtype=torch.float64)
    x = whole(seed + 1, (40, n))[0]
    scores = x @ w + b
    clear = scores.abs() >= 0.7 * w.norm()  # a margin keeps Novikoff's bound, and the work, small
    x, scores = x[clear][:most], scores[clear][:most]
    return x, (scores > 0).double(), w, b


# Any line through the origin gives both examples the same answer.
NOT_THROUGH_THE_ORIGIN = tuple(
    torch.tensor(part, dtype=torch.float64) for part in ([[1.0], [2.0]], [0.0, 1.0], [1.0], -1.5)
)


def dual_perceptron(x, y, epochs):
    """The perceptron in its dual form: it counts the mistakes on each example and looks only at inner products."""
    signs = (2 * y - 1).tolist()
    products = (x @ x.T + 1).tolist()
    counts = [0] * len(signs)
    for _ in range(epochs):
        before = sum(counts)
        for i, sign in enumerate(signs):
            score = sum(c * s * p for c, s, p in zip(counts, signs, products[i]))
            counts[i] += (score > 0) != (sign > 0)
        if sum(counts) == before:
            break
    signed = torch.tensor([c * s for c, s in zip(counts, signs)], dtype=x.dtype)
    return signed @ x, signed.sum(), sum(counts)


@pytest.mark.exercise("perceptron_fit", points=2)
class TestPerceptronFit:
    @SOME
    @given(data=separable_data())
    @example(data=NOT_THROUGH_THE_ORIGIN)
    def test_separates(self, target, data):
        """If the data are separable, every answer of the result is right."""
        x, y, _, _ = data
        with unchanged(x, y):
            w, b, _ = target.perceptron_fit(x, y, 10_000)
        assert_shape(w, x.shape[1:], what="w")
        assert_equal((x @ w + b > 0).double(), y, what="the list of the answers")

    @SOME
    @given(data=separable_data())
    def test_novikoff(self, target, data):
        """The number of updates is at most (R/\u03b3)\xb2, for a margin \u03b3 of a hyperplane that separates the data."""
        x, y, w, b = data
        margin = ((2 * y - 1) * (x @ w + b)).min() / (w.square().sum() + b**2).sqrt()
        radius = (x.square().sum(1) + 1).max().sqrt()
        updates = target.perceptron_fit(x, y, 10_000)[2]
        bound = ((radius / margin) ** 2).item()
        assert_true(0 <= updates <= bound + 1e-9, f"{updates} updates; Novikoff allows {bound:.6g}.")

    def test_example(self, target):
        """A small example worked out with pencil and paper: five updates in three passes, then a pass in vain."""
        x = torch.tensor([[2.0], [1.0]], dtype=torch.float64)
        y = torch.tensor([1.0, 0.0], dtype=torch.float64)
        # (0, 0), wrong at 2: (2, 1), wrong at 1: (1, 0) | right at 2, wrong at 1: (0, \u22121) | wrong at 2: (2, 0), wrong
        # at 1: (1, \u22121) | right, right
        steps = {1: (1.0, 0.0, 2), 2: (0.0, -1.0, 3), 3: (1.0, -1.0, 5), 4: (1.0, -1.0, 5), 9: (1.0, -1.0, 5)}
        for epochs, (w, b, updates) in steps.items():
            result = target.perceptron_fit(x, y, epochs)
            expected = (torch.tensor([w], dtype=torch.float64), torch.tensor(b, dtype=torch.float64))
            assert_close(tuple(result[:2]), expected, what=f"(w, b) after {epochs} passes")
            assert_equal(result[2], updates, what=f"the number of updates in {epochs} passes")

    def test_stops(self, target):
        """It ends after a pass without an update, even if a thousand million passes are allowed."""
        x = torch.tensor([[1.0, 2.0], [-1.0, 0.0], [3.0, 1.0]], dtype=torch.float64)
        y = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
        w, b, updates = target.perceptron_fit(x, y, 1_000_000_000)
        expected = dual_perceptron(x, y, 100)
        assert_close((w, b), expected[:2], what="(w, b)")
        assert_equal(updates, expected[2], what="the number of updates")

    @SOME
    @given(seed=seeds(), size=st.integers(1, 8), n=st.integers(1, 3), epochs=st.integers(0, 4))
    def test_order(self, target, seed, size, n, epochs):
        """Examples are visited in their order with the newest parameters, so that every run has one right result."""
        x, y = whole(seed, (size, n))[0], whole(seed + 1, (size,), low=0, high=1)[0]
        result = target.perceptron_fit(x, y, epochs)
        expected = dual_perceptron(x, y, epochs)
        assert_close(tuple(result[:2]), expected[:2], what="(w, b)")
        assert_equal(result[2], expected[2], what="the number of updates")


@test_case(name="perceptron_fit - test_separates", hidden=False)
def law_1(env):
    check_law(TestPerceptronFit, "test_separates", env)


@test_case(name="perceptron_fit - test_novikoff", hidden=False)
def law_2(env):
    check_law(TestPerceptronFit, "test_novikoff", env)


@test_case(name="perceptron_fit - test_example", hidden=False)
def law_3(env):
    check_law(TestPerceptronFit, "test_example", env)


@test_case(name="perceptron_fit - test_stops", hidden=False)
def law_4(env):
    check_law(TestPerceptronFit, "test_stops", env)


@test_case(name="perceptron_fit - test_order", hidden=False)
def law_5(env):
    check_law(TestPerceptronFit, "test_order", env)
