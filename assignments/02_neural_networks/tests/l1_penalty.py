"""The laws of l1_penalty, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, reals, seeds, unchanged

OK_FORMAT = False
name = "l1_penalty"
points = [1, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


PARAMETERS = st.builds(lambda seed: normal(seed, (2, 3), (4,), (1,)), seeds())
STRENGTHS = reals(0.1, 4.0)


@pytest.mark.exercise("l1_penalty", points=1)
class TestL1Penalty:
    @SOME
    @given(parameters=PARAMETERS, strength=STRENGTHS)
    def test_value(self, target, parameters, strength):
        """It is \u03bb times the sum of the absolute values of all entries of all tensors."""
        numbers = [abs(value) for w in parameters for value in w.flatten().tolist()]
        with unchanged(*parameters):
            result = target.l1_penalty(parameters, strength)
        assert_close(result, torch.tensor(strength * math.fsum(numbers), dtype=torch.float64), rtol=1e-9)

    def test_example(self, target):
        """For the weights (1, \u22122), (0, 3) and \u03bb = \xbd it is 3: a tensor without axes, of the dtype of the weights."""
        for dtype in FLOATS:
            parameters = [torch.tensor([1.0, -2.0], dtype=dtype), torch.tensor([[0.0, 3.0]], dtype=dtype)]
            assert_close(target.l1_penalty(parameters, 0.5), torch.tensor(3.0, dtype=dtype))
            assert_shape(target.l1_penalty(parameters, 0.5), (), dtype)


@test_case(name="l1_penalty - test_value", hidden=False)
def law_1(env):
    check_law(TestL1Penalty, "test_value", env)


@test_case(name="l1_penalty - test_example", hidden=False)
def law_2(env):
    check_law(TestL1Penalty, "test_example", env)
