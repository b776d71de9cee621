"""The laws of max_unpool, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, gradient, raises, seeds, unchanged

OK_FORMAT = False
name = "max_unpool"
points = [1, 0, 0, 0, 0]
all_or_nothing = True


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


@st.composite
def maps_and_windows(draw):
    """Feature maps, with ties, and the side of a window that fits and often leaves rows and columns over."""
    size = draw(st.integers(1, 3))
    height, width = size + draw(st.integers(0, 4)), size + draw(st.integers(0, 4))
    return whole(draw(seeds()), draw(st.integers(1, 2)), draw(st.integers(1, 3)), height, width), size


@st.composite
def pooled_maps(draw):
    """Values, positions and the sides that they came from, of windows side by side, values unlike the maxima."""
    x, size = draw(maps_and_windows())
    positions = F.max_pool2d(x + normal(draw(seeds()), *x.shape), size, return_indices=True)[1]
    return normal(draw(seeds()), *positions.shape), positions, size, x.shape[2], x.shape[3]


@pytest.mark.exercise("max_unpool", points=1)
class TestMaxUnpool:
    @given(case=pooled_maps())
    def test_torch(self, target, case):
        """It equals torch's max_unpool2d with the size of the image before pooling."""
        pooled, positions, size, height, width = case
        expected = F.max_unpool2d(pooled, positions, size, output_size=(height, width))
        with unchanged(pooled, positions):
            assert_equal(target.max_unpool(pooled, positions, height, width), expected)

    def test_example(self, target):
        """Values return to their places in reading order, every channel to its own."""
        pooled, positions = torch.tensor([[[[5.0]], [[7.0]]]]), torch.tensor([[[[1]], [[5]]]])
        expected = torch.tensor([[[[0.0, 5.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, 7.0]]]])
        assert_equal(target.max_unpool(pooled, positions, 2, 3), expected)

    @FEW
    @given(x=maps(2, 6), size=st.integers(1, 2))
    def test_pool_after_unpool(self, target, x, size):
        """For positive values pooling undoes unpooling, and the values stand where they stood in the image."""
        x = x.abs() + 1
        values, positions = F.max_pool2d(x, size, return_indices=True)
        y = target.max_unpool(values, positions, *x.shape[2:])
        assert_shape(y, x.shape)
        assert_equal(F.max_pool2d(y, size), values, what="the pooled result")
        assert_equal(y[y != 0], x[y != 0], what="the values that are not 0")
        assert_equal((y != 0).sum(), torch.tensor(values.numel()), what="the number of values that are not 0")

    @FEW
    @given(case=pooled_maps(), seed=seeds())
    def test_gradient(self, target, case, seed):
        """The gradient of a value is the gradient at its position."""
        pooled, positions, _, height, width = case
        cotangent = normal(seed, *pooled.shape[:2], height, width)
        expected = cotangent.flatten(2).gather(2, positions.flatten(2)).reshape(pooled.shape)
        assert_close(gradient(lambda x: target.max_unpool(x, positions, height, width), pooled, cotangent), expected)

    def test_errors(self, target):
        """Shapes that differ and positions outside the image are a ValueError; the last pixel is inside."""
        pooled = torch.ones(1, 2, 1, 3)
        inside = torch.tensor([0, 4, 11]).expand(1, 2, 1, 3).clone()
        assert_shape(target.max_unpool(pooled, inside, 3, 4), (1, 2, 3, 4), torch.float32)
        for wrong in (-1, 12):
            outside = inside.clone()
            outside[0, 1, 0, 1] = wrong
            with raises(ValueError, f"for position {wrong} in an image of 3 \xd7 4"):
                target.max_unpool(pooled, outside, 3, 4)
        for shape in ((1, 2, 3, 1), (1, 2, 1, 2), (1, 1, 1, 3)):
            with raises(ValueError, f"for values of shape (1, 2, 1, 3) and positions of shape {shape}"):
                target.max_unpool(pooled, torch.zeros(shape, dtype=torch.int64), 3, 4)


@test_case(name="max_unpool - test_torch", hidden=False)
def law_1(env):
    check_law(TestMaxUnpool, "test_torch", env)


@test_case(name="max_unpool - test_example", hidden=False)
def law_2(env):
    check_law(TestMaxUnpool, "test_example", env)


@test_case(name="max_unpool - test_pool_after_unpool", hidden=False)
def law_3(env):
    check_law(TestMaxUnpool, "test_pool_after_unpool", env)


@test_case(name="max_unpool - test_gradient", hidden=False)
def law_4(env):
    check_law(TestMaxUnpool, "test_gradient", env)


@test_case(name="max_unpool - test_errors", hidden=False)
def law_5(env):
    check_law(TestMaxUnpool, "test_errors", env)
