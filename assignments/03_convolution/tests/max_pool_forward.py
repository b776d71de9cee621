"""The laws of max_pool_forward, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, raises, seeds

OK_FORMAT = False
name = "max_pool_forward"
points = [1, 0, 0, 0]
all_or_nothing = True


FLOATS = (np.float32, np.float64)
FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


@st.composite
def pools(draw, ties=False):
    """Images with a size and stride of windows that fit; all pixels differ unless there are to be ties."""
    size, stride = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    sides = size + draw(st.integers(0, 4)), size + draw(st.integers(0, 4))
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *sides)
    generator = np.random.default_rng(draw(seeds()))
    count = int(np.prod(shape))
    values = generator.integers(0, 2, count) if ties else generator.permutation(count) - count // 2
    return values.reshape(shape).astype(float), size, stride


def pooled_by_torch(x, size, stride):
    """Max pooling by torch."""
    return F.max_pool2d(torch.from_numpy(x), size, stride).numpy()


@pytest.mark.exercise("max_pool_forward", points=1)
class TestMaxPoolForward:
    @FEW
    @given(pool=pools())
    @example(pool=(-np.arange(1.0, 17.0).reshape(1, 1, 4, 4), 2, 2))
    def test_torch(self, target, pool):
        """It equals torch's max_pool2d for every size and stride, negative pixels included."""
        assert_close(target.max_pool_forward(*pool), pooled_by_torch(*pool))

    def test_example(self, target):
        """A small example worked out with pencil and paper: the last row fills no window."""
        x = np.array([[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 8.0, 7.0], [9.0, 9.0, 9.0, 9.0]]]])
        assert_close(target.max_pool_forward(x, 2, 2), np.array([[[[4.0, 8.0]]]]))
        assert_close(target.max_pool_forward(x, 2, 1), np.array([[[[4.0, 8.0, 8.0], [9.0, 9.0, 9.0]]]]))

    @FEW
    @given(pool=pools(), shift=st.integers(-50, 50), scale=st.integers(0, 3))
    def test_monotone_maps_pass(self, target, pool, shift, scale):
        """Pooling commutes with every rising map: max(a\xb7x + c) = a\xb7max(x) + c for a \u2265 0."""
        x, size, stride = pool
        expected = scale * pooled_by_torch(x, size, stride) + shift
        assert_close(target.max_pool_forward(scale * x + shift, size, stride), expected)

    def test_shapes_and_errors(self, target):
        """Dtypes are kept, an empty batch gives an empty result, and a window that does not fit is a ValueError."""
        for dtype in FLOATS:
            for batch in (0, 1, 2):
                x = -np.ones((batch, 3, 5, 4), dtype)
                assert_shape(target.max_pool_forward(x, 2, 2), (batch, 3, 2, 2), dtype)
        for shape in ((1, 1, 2, 5), (1, 1, 5, 2)):
            with raises(ValueError, f"when a 3 \xd7 3 window is to fit into an image of {shape[2:]}"):
                target.max_pool_forward(np.zeros(shape), 3, 1)


@test_case(name="max_pool_forward - test_torch", hidden=False)
def law_1(env):
    check_law(TestMaxPoolForward, "test_torch", env)


@test_case(name="max_pool_forward - test_example", hidden=False)
def law_2(env):
    check_law(TestMaxPoolForward, "test_example", env)


@test_case(name="max_pool_forward - test_monotone_maps_pass", hidden=False)
def law_3(env):
    check_law(TestMaxPoolForward, "test_monotone_maps_pass", env)


@test_case(name="max_pool_forward - test_shapes_and_errors", hidden=False)
def law_4(env):
    check_law(TestMaxPoolForward, "test_shapes_and_errors", env)
