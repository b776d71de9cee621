"""The laws of upsample_bilinear, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, reals, seeds

OK_FORMAT = False
name = "upsample_bilinear"
points = [2, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5, as float64: they print well, and windows of them have ties."""
    return torch.randint(-5, 6, shape, generator=torch.Generator().manual_seed(seed)).double()


@st.composite
def maps(draw, low=1, high=5):
    """Batches of feature maps with sides that differ, of whole numbers."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(low, high)), draw(st.integers(low, high))
    return whole(draw(seeds()), *shape)


def bilinear(x, scale):
    """Torch's bilinear interpolation with half-pixel centres."""
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


@pytest.mark.exercise("upsample_bilinear", points=2)
class TestUpsampleBilinear:
    @FEW
    @given(x=maps(), scale=st.integers(1, 4))
    def test_torch(self, target, x, scale):
        """It equals torch's interpolate with mode "bilinear" and align_corners=False."""
        assert_close(target.upsample_bilinear(x, scale), bilinear(x, scale))

    def test_example(self, target):
        """A row [0, 4] enlarged twice is [0, 1, 3, 4]."""
        row = torch.tensor([0.0, 1.0, 3.0, 4.0])
        assert_close(target.upsample_bilinear(torch.tensor([[[[0.0, 4.0]]]]), 2), torch.stack([row, row])[None, None])

    @FEW
    @given(a=reals(), b=reals(), c=reals(), scale=st.integers(2, 4))
    def test_planes(self, target, a, b, c, scale):
        """A plane a + b\xb7row + c\xb7column stays that plane away from the border, at the centres of the new pixels."""
        rows, columns = torch.arange(4.0).double()[:, None], torch.arange(5.0).double()
        y = target.upsample_bilinear((a + b * rows + c * columns)[None, None], scale)
        assert_shape(y, (1, 1, 4 * scale, 5 * scale), torch.float64)
        u = (torch.arange(4.0 * scale).double()[:, None] + 0.5) / scale - 0.5
        v = (torch.arange(5.0 * scale).double() + 0.5) / scale - 0.5
        inside = (slice(None), slice(None), slice(scale, -scale), slice(scale, -scale))
        assert_close(y[inside], (a + b * u + c * v)[None, None][inside], what="the inside of the plane")

    @FEW
    @given(x=maps(), scale=st.integers(1, 3))
    def test_range(self, target, x, scale):
        """No value leaves the range of its channel, and a constant image stays constant up to the border."""
        y = target.upsample_bilinear(x, scale)
        assert_shape(y, (*x.shape[:2], scale * x.shape[2], scale * x.shape[3]))
        low, high = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
        assert_true(((y >= low - 1e-12) & (y <= high + 1e-12)).all(), "A value lies outside the range of the image.")
        assert_close(target.upsample_bilinear(torch.full_like(x, 3.5), scale), torch.full_like(y, 3.5))


@test_case(name="upsample_bilinear - test_torch", hidden=False)
def law_1(env):
    check_law(TestUpsampleBilinear, "test_torch", env)


@test_case(name="upsample_bilinear - test_example", hidden=False)
def law_2(env):
    check_law(TestUpsampleBilinear, "test_example", env)


@test_case(name="upsample_bilinear - test_planes", hidden=False)
def law_3(env):
    check_law(TestUpsampleBilinear, "test_planes", env)


@test_case(name="upsample_bilinear - test_range", hidden=False)
def law_4(env):
    check_law(TestUpsampleBilinear, "test_range", env)
