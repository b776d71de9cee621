"""The laws of l1_subgradient, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, reals, seeds, unchanged

OK_FORMAT = False
name = "l1_subgradient"
points = [1, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


def whole(seed, *sizes, low=-4, high=4):
    """One tensor of whole numbers, as floats, for each size: they print well, and sums of products are exact."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(low, high + 1, size, generator=generator).double() for size in sizes]


PARAMETERS = st.builds(lambda seed: normal(seed, (2, 3), (4,), (1,)), seeds())
STRENGTHS = reals(0.1, 4.0)


@pytest.mark.exercise("l1_subgradient", points=1)
class TestL1Subgradient:
    @SOME
    @given(parameters=PARAMETERS, strength=STRENGTHS)
    def test_away_from_zero(self, target, parameters, strength):
        """Where no weight is 0 it is the gradient of \u03bb \u03a3 |w|, tensor by tensor."""
        leaves = [w.clone().requires_grad_() for w in parameters]
        penalty = strength * sum(torch.linalg.vector_norm(w, ord=1) for w in leaves)
        expected = list(torch.autograd.grad(penalty, leaves))
        with unchanged(*parameters):
            assert_close(target.l1_subgradient(parameters, strength), expected, what="the list of subgradients")

    @SOME
    @given(seed=seeds(), strength=STRENGTHS)
    def test_supporting_line(self, target, seed, strength):
        """\u03bb|v| never lies below the line through \u03bb|w| with this slope, also where w = 0."""
        w, v = whole(seed, (6,), (6,), low=-1, high=1)
        (slope,) = target.l1_subgradient([w], strength)
        assert_shape(slope, (6,), torch.float64, what="the subgradient")
        above = strength * v.abs() - strength * w.abs() - slope * (v - w)
        assert_true((above >= -1e-12).all(), f"The graph lies below the line: by {-above.min().item():.4g}.")

    def test_zero(self, target):
        """At w = 0 it is 0, and shapes and dtypes are those of the weights."""
        for dtype in FLOATS:
            parameters = [torch.tensor([0.0, -2.0, 1e-30], dtype=dtype), torch.tensor([[0.0], [1e20]], dtype=dtype)]
            expected = [torch.tensor([0.0, -0.5, 0.5], dtype=dtype), torch.tensor([[0.0], [0.5]], dtype=dtype)]
            assert_close(target.l1_subgradient(parameters, 0.5), expected, what="the list of subgradients")


@test_case(name="l1_subgradient - test_away_from_zero", hidden=False)
def law_1(env):
    check_law(TestL1Subgradient, "test_away_from_zero", env)


@test_case(name="l1_subgradient - test_supporting_line", hidden=False)
def law_2(env):
    check_law(TestL1Subgradient, "test_supporting_line", env)


@test_case(name="l1_subgradient - test_zero", hidden=False)
def law_3(env):
    check_law(TestL1Subgradient, "test_zero", env)
