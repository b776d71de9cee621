"""The laws of bilinear_kernel, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, seeds

OK_FORMAT = False
name = "bilinear_kernel"
points = [1, 0, 0]
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


@pytest.mark.exercise("bilinear_kernel", points=1)
class TestBilinearKernel:
    @FEW
    @given(scale=st.sampled_from([2, 1, 3, 4, 5]), x=maps(3, 5))
    def test_stamps_interpolate(self, target, scale, x):
        """A transposed convolution with it, stride s and padding \u230as/2\u230b, interpolates bilinearly inside the image."""
        kernel = target.bilinear_kernel(scale)
        side = 2 * scale - scale % 2
        assert_shape(kernel, (side, side), torch.float64)
        one = x[:, :1]
        y = F.conv_transpose2d(one, kernel[None, None], stride=scale, padding=scale // 2)
        inside = (slice(None), slice(None), slice(scale, -scale), slice(scale, -scale))
        assert_close(y[inside], bilinear(one, scale)[inside], what="the enlarged image, away from its border")

    def test_small(self, target):
        """The kernels for 1, 2 and 3 as worked out by hand."""
        for scale, hat in ((1, [1.0]), (2, [0.25, 0.75, 0.75, 0.25]), (3, [1 / 3, 2 / 3, 1.0, 2 / 3, 1 / 3])):
            row = torch.tensor(hat, dtype=torch.float64)
            assert_close(target.bilinear_kernel(scale), row[:, None] * row, what=f"the kernel for scale {scale}")

    @FEW
    @given(scale=st.integers(1, 9))
    def test_weights_sum_to_one(self, target, scale):
        """Every output pixel inside gets weights that sum to one: entries s apart along both axes do."""
        kernel = target.bilinear_kernel(scale)
        side = 2 * scale - scale % 2
        assert_shape(kernel, (side, side), torch.float64)
        for a, b in itertools.product(range(scale), range(scale)):
            total = kernel[a::scale, b::scale].sum()
            assert_close(total, torch.tensor(1.0, dtype=torch.float64), what=f"the sum of entries [{a}::s, {b}::s]")
        assert_close(kernel, kernel.flip(0), what="the kernel against its mirror image")
        assert_close(kernel, kernel.T.clone(), what="the kernel against its transpose")


@test_case(name="bilinear_kernel - test_stamps_interpolate", hidden=False)
def law_1(env):
    check_law(TestBilinearKernel, "test_stamps_interpolate", env)


@test_case(name="bilinear_kernel - test_small", hidden=False)
def law_2(env):
    check_law(TestBilinearKernel, "test_small", env)


@test_case(name="bilinear_kernel - test_weights_sum_to_one", hidden=False)
def law_3(env):
    check_law(TestBilinearKernel, "test_weights_sum_to_one", env)
