"""The laws of train_on_simplex, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, gradient, reals, unchanged

OK_FORMAT = False
name = "train_on_simplex"
points = [3, 0, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def normalised(weights):
    """Distributions from columns of whole numbers; they print well and cost little to draw."""
    columns = torch.tensor(weights, dtype=torch.float64).T
    return tuple((column / column.sum()).clone() for column in columns)


def pairs():
    """Two distributions on the same support of two to five points."""
    weights = st.tuples(st.integers(1, 20), st.integers(1, 20))
    return st.lists(weights, min_size=2, max_size=5).map(normalised)


def x_log_y(x, y):
    """x log y of two numbers, with 0 log 0 = 0 and log 0 = \u2212\u221e."""
    if x == 0:
        return 0.0
    return x * math.log(y) if y > 0 else -math.inf


def kl(p, q):
    """KL(p\u2016q) with Python's numbers."""
    return sum(x_log_y(a, a) - x_log_y(a, b) for a, b in zip(p.tolist(), q.tolist()))


def value(d, p, q):
    """V(D, G) on a finite support with Python's numbers."""
    return sum(x_log_y(a, y) + x_log_y(b, 1 - y) for y, a, b in zip(d.tolist(), p.tolist(), q.tolist()))


@pytest.mark.exercise("train_on_simplex", points=3)
class TestTrainOnSimplex:
    @few
    @given(pair=pairs(), rate=reals(0.1, 1.0), steps=st.integers(0, 6))
    @example(pair=normalised([(5, 1), (2, 7), (3, 3)]), rate=0.5, steps=3)
    def test_history(self, target, pair, rate, steps):
        """The history starts with p_model and holds one distribution and one value more than there are steps."""
        p, q = pair
        with unchanged(p, q):
            distributions, values = target.train_on_simplex(p, q, rate, steps)
        assert_shape(distributions, (steps + 1, len(p)), torch.float64, what="the distributions")
        assert_shape(values, (steps + 1,), torch.float64, what="the values")
        assert_close(distributions[0], q, atol=1e-12, what="the first distribution")
        assert_close(distributions.sum(dim=1), torch.ones(steps + 1).double(), atol=1e-9, what="the sums")
        assert_true(bool((distributions > 0).all()), "A probability is not positive.")

    @few
    @given(pair=pairs(), rate=reals(0.1, 1.0))
    def test_values(self, target, pair, rate):
        """Every value is V(D*, p_model) of the distribution in the same row."""
        p, q = pair
        distributions, values = target.train_on_simplex(p, q, rate, 4)
        assert_shape(distributions, (5, len(p)), torch.float64, what="the distributions")
        assert_close(values, vector(*(value(p / (p + row), p, row) for row in distributions)), atol=1e-10)

    @few
    @given(pair=pairs(), rate=reals(0.1, 2.0))
    def test_step(self, target, pair, rate):
        """Each step multiplies p_model by exp(\u2212rate \xb7 gradient of V with D held at D*) and normalises."""
        p, q = pair
        distributions, _ = target.train_on_simplex(p, q, rate, 3)
        for before, after in zip(distributions, distributions[1:]):
            fixed = p / (p + before)
            slope = gradient(lambda row: (p * fixed.log() + row * (1 - fixed).log()).sum(), before)
            grown = before * torch.exp(-rate * slope)
            assert_close(after, grown / grown.sum(), atol=1e-10, what="the next distribution")

    @few
    @given(pair=pairs())
    def test_halves_the_error(self, target, pair):
        """With learning rate 1 every step halves the distance to the data: p_model \u2212 p_data shrinks to a half."""
        p, q = pair
        distributions, _ = target.train_on_simplex(p, q, 1.0, 5)
        expected = torch.stack([p + (q - p) / 2**t for t in range(6)])
        assert_close(distributions, expected, atol=1e-10)

    @few
    @given(pair=pairs(), rate=reals(0.3, 1.0))
    def test_falls_to_minus_log_4(self, target, pair, rate):
        """For learning rates up to 1 the value never rises, and it ends at \u2212log 4 with p_model = p_data."""
        p, q = pair
        distributions, values = target.train_on_simplex(p, q, rate, 80)
        assert_true(bool((values.diff() <= 1e-12).all()), "The value rises somewhere.")
        start = kl(p, q)
        bound = vector(*(start / (rate * t) for t in range(1, 81)))
        assert_true(bool((values[1:] + math.log(4) <= bound + 1e-12).all()), "It falls more slowly than it should.")
        assert_close(values[-1], vector(-math.log(4))[0], atol=1e-6)
        assert_close(distributions[-1], p, atol=1e-3)


@test_case(name="train_on_simplex - test_history", hidden=False)
def law_1(env):
    check_law(TestTrainOnSimplex, "test_history", env)


@test_case(name="train_on_simplex - test_values", hidden=False)
def law_2(env):
    check_law(TestTrainOnSimplex, "test_values", env)


@test_case(name="train_on_simplex - test_step", hidden=False)
def law_3(env):
    check_law(TestTrainOnSimplex, "test_step", env)


@test_case(name="train_on_simplex - test_halves_the_error", hidden=False)
def law_4(env):
    check_law(TestTrainOnSimplex, "test_halves_the_error", env)


@test_case(name="train_on_simplex - test_falls_to_minus_log_4", hidden=False)
def law_5(env):
    check_law(TestTrainOnSimplex, "test_falls_to_minus_log_4", env)
