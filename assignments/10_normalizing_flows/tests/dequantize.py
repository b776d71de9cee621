"""The laws of dequantize, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, reals, unchanged

OK_FORMAT = False
name = "dequantize"
points = [1, 0, 0]
all_or_nothing = True


some = settings(max_examples=6)


@pytest.mark.exercise("dequantize", points=1)
class TestDequantize:
    @some
    @given(pixels=st.lists(st.integers(0, 255), min_size=1, max_size=6), noise=reals(0.0, 0.999))
    @example(pixels=[0, 7, 255], noise=0.6)
    def test_stays_in_the_pixel_s_interval(self, target, pixels, noise):
        """Pixel k lands in [k/256, (k+1)/256), at the place within that the noise says."""
        values = torch.tensor(pixels)
        noise = torch.full((len(pixels),), noise, dtype=torch.float64)
        with unchanged(values, noise):
            y = target.dequantize(values, noise)
        assert_shape(y, (len(pixels),), torch.float64)
        assert_close(256 * y - values, noise, what="256\xb7y \u2212 pixel")

    @some
    @given(bins=st.integers(2, 40), noise=reals(0.0, 0.99))
    def test_all_pixels_fill_the_unit_interval(self, target, bins, noise):
        """The values of all pixels 0 \u2026 bins \u2212 1 are evenly spaced in [0, 1)."""
        y = target.dequantize(torch.arange(bins), torch.full((bins,), noise, dtype=torch.float64), bins)
        assert_close(y[0], torch.tensor(noise / bins, dtype=torch.float64), what="the value of pixel 0")
        assert_close(y.diff(), torch.full((bins - 1,), 1 / bins, dtype=torch.float64), what="the spacing")
        assert_true((y >= 0).all() and (y < 1).all(), "The values should lie in [0, 1).")

    def test_bytes(self, target):
        """Pixels may be bytes with all their 256 values."""
        pixels = torch.arange(256).to(torch.uint8)
        y = target.dequantize(pixels, torch.zeros(256, dtype=torch.float64))
        assert_close(y, torch.arange(256, dtype=torch.float64) / 256)


@test_case(name="dequantize - test_stays_in_the_pixel_s_interval", hidden=False)
def law_1(env):
    check_law(TestDequantize, "test_stays_in_the_pixel_s_interval", env)


@test_case(name="dequantize - test_all_pixels_fill_the_unit_interval", hidden=False)
def law_2(env):
    check_law(TestDequantize, "test_all_pixels_fill_the_unit_interval", env)


@test_case(name="dequantize - test_bytes", hidden=False)
def law_3(env):
    check_law(TestDequantize, "test_bytes", env)
