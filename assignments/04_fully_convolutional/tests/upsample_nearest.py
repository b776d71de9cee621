"""The laws of upsample_nearest, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, raises, seeds, unchanged

OK_FORMAT = False
name = "upsample_nearest"
points = [1, 0, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(seed, *shape, dtype=torch.float64):
    """Independent normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5, as float64: they print well, and windows of them have ties."""
    return torch.randint(-5, 6, shape, generator=torch.Generator().manual_seed(seed)).double()


@st.composite
def maps(draw, low=1, high=5):
    """Batches of feature maps with sides that differ, of whole numbers."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(low, high)), draw(st.integers(low, high))
    return whole(draw(seeds()), *shape)


def check_enlarging(function, name):
    """What every way of enlarging promises about shapes, dtypes, empty batches and errors."""
    for dtype in FLOATS:
        for batch in (0, 1, 2):
            x = normal(1, batch, 3, 2, 5, dtype=dtype)
            with unchanged(x):
                assert_shape(function(x, 3), (batch, 3, 6, 15), dtype, what=f"the result of {name}")
    x = normal(2, 2, 1, 3, 4)
    assert_close(function(x, 1), x, what="the result for scale 1")
    for scale in (0, -2):
        with raises(ValueError, f"because the scale is {scale}"):
            function(x, scale)


@pytest.mark.exercise("upsample_nearest", points=1)
class TestUpsampleNearest:
    @FEW
    @given(x=maps(), scale=st.integers(1, 4))
    def test_torch(self, target, x, scale):
        """It equals torch's interpolate with mode "nearest"."""
        assert_equal(target.upsample_nearest(x, scale), F.interpolate(x, scale_factor=scale, mode="nearest"))

    def test_example(self, target):
        """A small example worked out with pencil and paper."""
        row, last = [1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 4.0, 4.0]
        expected = torch.tensor([[[row, row, last, last]]])
        assert_equal(target.upsample_nearest(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), 2), expected)

    @FEW
    @given(x=maps(), scale=st.integers(1, 4))
    def test_down_after_up(self, target, x, scale):
        """Average pooling, max pooling and taking every s-th pixel each undo it."""
        y = target.upsample_nearest(x, scale)
        assert_close(F.avg_pool2d(y, scale), x, what="the average of each block")
        assert_equal(F.max_pool2d(y, scale), x, what="the maximum of each block")
        assert_equal(y[:, :, scale - 1 :: scale, ::scale], x, what="one pixel of each block")

    def test_shapes_and_errors(self, target):
        """The sides grow by the factor, dtypes are kept, and a scale below 1 is a ValueError."""
        check_enlarging(target.upsample_nearest, "upsample_nearest")


@test_case(name="upsample_nearest - test_torch", hidden=False)
def law_1(env):
    check_law(TestUpsampleNearest, "test_torch", env)


@test_case(name="upsample_nearest - test_example", hidden=False)
def law_2(env):
    check_law(TestUpsampleNearest, "test_example", env)


@test_case(name="upsample_nearest - test_down_after_up", hidden=False)
def law_3(env):
    check_law(TestUpsampleNearest, "test_down_after_up", env)


@test_case(name="upsample_nearest - test_shapes_and_errors", hidden=False)
def law_4(env):
    check_law(TestUpsampleNearest, "test_shapes_and_errors", env)
