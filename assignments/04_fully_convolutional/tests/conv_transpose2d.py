"""The laws of conv_transpose2d, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, gradient, raises, seeds, unchanged

OK_FORMAT = False
name = "conv_transpose2d"
points = [3, 0, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(seed, *shape, dtype=torch.float64):
    """Independent normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5, as float64: they print well, and windows of them have ties."""
    return torch.randint(-5, 6, shape, generator=torch.Generator().manual_seed(seed)).double()


@st.composite
def transposed_layers(draw):
    """Input, weight, stride and padding of a transposed convolution, with sides and channels that differ."""
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, min(kernel) - 1))
    sides = []
    for side in kernel:
        size = draw(st.integers(1, 4))
        while (size - 1) * stride + side - 2 * padding < 1:
            size += 1
        sides.append(size)
    batch, inputs, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x, w = whole(draw(seeds()), batch, inputs, *sides), whole(draw(seeds()), inputs, outputs, *kernel)
    return x, w, stride, padding


@pytest.mark.exercise("conv_transpose2d", points=3)
class TestConvTranspose2d:
    @given(layer=transposed_layers())
    def test_torch(self, target, layer):
        """It equals torch's conv_transpose2d for every stride and padding."""
        x, w, stride, padding = layer
        with unchanged(x, w):
            y = target.conv_transpose2d(x, w, stride, padding)
        assert_close(y, F.conv_transpose2d(x, w, stride=stride, padding=padding))

    @given(layer=transposed_layers(), seed=seeds())
    def test_adjoint(self, target, layer, seed):
        """\u27e8conv(z), x\u27e9 = \u27e8z, conv\u1d40(x)\u27e9: it is the transpose of torch's conv2d with the same weight."""
        x, w, stride, padding = layer
        y = target.conv_transpose2d(x, w, stride, padding)
        z = normal(seed, len(x), w.shape[1], *(_up(x.shape[a], w.shape[a], stride, padding) for a in (2, 3)))
        assert_shape(y, z.shape)
        assert_close((z * y).sum(), (F.conv2d(z, w, stride=stride, padding=padding) * x).sum(), what="\u27e8z, conv\u1d40(x)\u27e9")

    @FEW
    @given(seed=seeds(), stride=st.integers(1, 3))
    def test_one_pixel(self, target, seed, stride):
        """One bright pixel gives the kernel, upright, at stride times its place."""
        w = whole(seed, 1, 2, 3, 2)
        x = torch.zeros(1, 1, 3, 3, dtype=torch.float64)
        x[0, 0, 1, 2] = 1
        expected = torch.zeros(1, 2, 2 * stride + 3, 2 * stride + 2, dtype=torch.float64)
        expected[:, :, stride : stride + 3, 2 * stride :] = w
        assert_close(target.conv_transpose2d(x, w, stride), expected)

    @FEW
    @given(layer=transposed_layers(), seed=seeds())
    def test_gradients(self, target, layer, seed):
        """The gradients of input and weight equal those of torch's conv_transpose2d."""
        x, w, *options = layer
        cotangent = normal(seed, *F.conv_transpose2d(x, w, None, *options).shape)
        expected = gradient(lambda x: F.conv_transpose2d(x, w, None, *options), x, cotangent)
        found = gradient(lambda x: target.conv_transpose2d(x, w, *options), x, cotangent)
        assert_close(found, expected, what="the gradient of x")
        expected = gradient(lambda w: F.conv_transpose2d(x, w, None, *options), w, cotangent)
        found = gradient(lambda w: target.conv_transpose2d(x, w, *options), w, cotangent)
        assert_close(found, expected, what="the gradient of w")

    def test_errors(self, target):
        """Channels that differ, a padding outside [0, smaller side of the kernel), and an empty result are errors."""
        x, w = torch.ones(1, 2, 3, 3), torch.ones(2, 4, 3, 2)
        for channels in (1, 3):
            with raises(ValueError, f"when x has {channels} channels and w is made for 2"):
                target.conv_transpose2d(torch.ones(1, channels, 3, 3), w)
        for kernel, padding in (((3, 2), 2), ((2, 3), 2), ((3, 2), -1), ((2, 2), 3)):
            with raises(ValueError, f"for padding {padding} with a kernel of {kernel}"):
                target.conv_transpose2d(x, torch.ones(2, 4, *kernel), 2, padding)
        for sides in ((1, 3), (3, 1), (1, 1)):
            with raises(ValueError, f"because padding 2 leaves nothing of an image of {sides} and a kernel of 3 \xd7 3"):
                target.conv_transpose2d(torch.ones(1, 2, *sides), torch.ones(2, 4, 3, 3), 2, 2)
            with raises(ValueError, f"because padding 1 leaves nothing of an image of {sides} and a kernel of 2 \xd7 2"):
                target.conv_transpose2d(torch.ones(1, 2, *sides), torch.ones(2, 4, 2, 2), 2, 1)


def _up(size, kernel, stride, padding):
    """The side of a transposed convolution's output."""
    return (size - 1) * stride + kernel - 2 * padding


@test_case(name="conv_transpose2d - test_torch", hidden=False)
def law_1(env):
    check_law(TestConvTranspose2d, "test_torch", env)


@test_case(name="conv_transpose2d - test_adjoint", hidden=False)
def law_2(env):
    check_law(TestConvTranspose2d, "test_adjoint", env)


@test_case(name="conv_transpose2d - test_one_pixel", hidden=False)
def law_3(env):
    check_law(TestConvTranspose2d, "test_one_pixel", env)


@test_case(name="conv_transpose2d - test_gradients", hidden=False)
def law_4(env):
    check_law(TestConvTranspose2d, "test_gradients", env)


@test_case(name="conv_transpose2d - test_errors", hidden=False)
def law_5(env):
    check_law(TestConvTranspose2d, "test_errors", env)
