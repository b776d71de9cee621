"""The laws of novikoff_bound, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, raises, reals, seeds, unchanged

OK_FORMAT = False
name = "novikoff_bound"
points = [1, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
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


@pytest.mark.exercise("novikoff_bound", points=1)
class TestNovikoffBound:
    @SOME
    @given(data=separable_data())
    def test_definition(self, target, data):
        """It is the square of the largest \u2016(x, 1)\u2016 over the smallest distance of an (x, 1) to the hyperplane."""
        x, y, w, b = data
        normal_vector = torch.cat([w, b[None]]) / torch.cat([w, b[None]]).norm()
        points = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        distances = (points @ normal_vector).abs()
        expected = ((points.norm(dim=1).max() / distances.min()) ** 2).item()
        with unchanged(x, y, w, b):
            assert_close(target.novikoff_bound(x, y, w, b), expected, rtol=1e-9)

    def test_example(self, target):
        """Two points at 2 and \u22122 and the hyperplane w = 1, b = 0: R\xb2 = 5, \u03b3 = 2, bound 5/4."""
        x, y = torch.tensor([[2.0], [-2.0]], dtype=torch.float64), torch.tensor([1.0, 0.0], dtype=torch.float64)
        w, b = torch.tensor([1.0], dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64)
        assert_close(target.novikoff_bound(x, y, w, b), 1.25)
        assert_close(target.novikoff_bound(x, y, w, b + 1), 10.0)

    @FEW
    @given(data=separable_data(), scale=reals(0.1, 3.0))
    def test_scale_and_errors(self, target, data, scale):
        """Scaling the hyperplane changes nothing; one that does not separate the data is a ValueError."""
        x, y, w, b = data
        points, vector = torch.cat([x, torch.ones_like(x[:, :1])], 1), torch.cat([w, b[None]])
        squared_distances = ((2 * y - 1) * (points @ vector)) ** 2 / vector.square().sum()
        expected = (points.square().sum(1).max() / squared_distances.min()).item()
        assert_close(target.novikoff_bound(x, y, scale * w, scale * b), expected, rtol=1e-9)
        with raises(ValueError, "for a hyperplane with every example on the wrong side"):
            target.novikoff_bound(x, y, -w, -b)
        with raises(ValueError, "for a hyperplane with one example on the wrong side"):
            target.novikoff_bound(torch.cat([x, x[:1]]), torch.cat([y, 1 - y[:1]]), w, b)
        points, one = torch.tensor([[2.0], [3.0]], dtype=torch.float64), torch.ones(1, dtype=torch.float64)
        with raises(ValueError, "for a hyperplane through an example"):  # exactly, in whatever order one computes
            target.novikoff_bound(points, torch.ones(2, dtype=y.dtype), one, -2 * one[0])


@test_case(name="novikoff_bound - test_definition", hidden=False)
def law_1(env):
    check_law(TestNovikoffBound, "test_definition", env)


@test_case(name="novikoff_bound - test_example", hidden=False)
def law_2(env):
    check_law(TestNovikoffBound, "test_example", env)


@test_case(name="novikoff_bound - test_scale_and_errors", hidden=False)
def law_3(env):
    check_law(TestNovikoffBound, "test_scale_and_errors", env)
