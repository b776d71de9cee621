"""The laws of quotient_rule, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, reals, tensors

OK_FORMAT = False
name = "quotient_rule"
points = [1, 0]
all_or_nothing = True


FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


@pytest.mark.exercise("quotient_rule", points=1)
class TestQuotientRule:
    @FEW
    @given(shift=reals(), x=tensors())
    def test_finite_differences(self, target, shift, x):
        """The result is the derivative of f/g, here of sin(x + a) / (2 + cos x)."""
        f, df = torch.sin(x + shift), torch.cos(x + shift)
        g, dg = 2 + torch.cos(x), -torch.sin(x)
        h = 1e-5
        up, down = (torch.sin(x + shift + s) / (2 + torch.cos(x + s)) for s in (h, -h))
        assert_close(target.quotient_rule(f, df, g, dg), (up - down) / (2 * h), atol=1e-8)

    @FEW
    @given(values=st.tuples(reals(), reals(), reals(0.5, 3), reals()), sign=st.sampled_from([-1.0, 1.0]))
    def test_product_rule(self, target, values, sign):
        """(f/g)\u2032\xb7g + (f/g)\xb7g\u2032 = f\u2032: the quotient rule is the product rule for f = (f/g)\xb7g."""
        f, df, g, dg = (torch.tensor([value], dtype=torch.float64) for value in values)
        g = g * sign
        derivative = target.quotient_rule(f, df, g, dg)
        assert_shape(derivative, (1,), torch.float64)
        assert_close(derivative * g + f / g * dg, df, atol=1e-11)


@test_case(name="quotient_rule - test_finite_differences", hidden=False)
def law_1(env):
    check_law(TestQuotientRule, "test_finite_differences", env)


@test_case(name="quotient_rule - test_product_rule", hidden=False)
def law_2(env):
    check_law(TestQuotientRule, "test_product_rule", env)
