"""The laws of relu, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import example, given, settings

from autograder.laws import assert_equal, assert_shape, shapes, tensors, unchanged

OK_FORMAT = False
name = "relu"
points = [1, 0, 0]
all_or_nothing = True


ANY_SHAPE = shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them


def entrywise(function, x):
    """Apply a function of Python numbers to every entry: an oracle that shares nothing with torch's."""
    return torch.tensor([function(value) for value in x.flatten().tolist()], dtype=x.dtype).reshape(x.shape)


@pytest.mark.exercise("relu", points=1)
class TestRelu:
    @FEW
    @given(x=tensors())
    @example(x=torch.tensor([-1.5, 0.0, 2.5], dtype=torch.float64))
    def test_value(self, target, x):
        """ReLU(x) = max(0, x) at every entry, exactly."""
        assert_equal(target.relu(x), entrywise(lambda value: max(0.0, value), x))

    @FEW
    @given(x=tensors(ANY_SHAPE))
    def test_shape_and_dtype(self, target, x):
        """The result has the shape and the dtype of the input, empty tensors and single precision included."""
        for dtype in FLOATS:
            assert_shape(target.relu(x.to(dtype)), x.shape, dtype)

    @FEW
    @given(x=tensors())
    @example(x=torch.tensor([-1.5, 0.0, 2.5], dtype=torch.float64))
    def test_input_is_kept(self, target, x):
        """The input is left as it was: clamp a copy, not the original."""
        with unchanged(x):
            assert_equal(target.relu(x), x.clamp(min=0))


@test_case(name="relu - test_value", hidden=False)
def law_1(env):
    check_law(TestRelu, "test_value", env)


@test_case(name="relu - test_shape_and_dtype", hidden=False)
def law_2(env):
    check_law(TestRelu, "test_shape_and_dtype", env)


@test_case(name="relu - test_input_is_kept", hidden=False)
def law_3(env):
    check_law(TestRelu, "test_input_is_kept", env)
