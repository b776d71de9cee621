"""The laws of fully convolutional networks: ways up, transposed convolutions, maps of scores, losses, the U-Net.

Oracles: torch's `interpolate`, `max_pool2d`, `max_unpool2d`, `conv2d`, `conv_transpose2d` and `cross_entropy` with
their autograd, inner products, enumeration, closed forms, and (hidden) SciPy.
"""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    assert_equal,
    assert_shape,
    assert_true,
    gradient,
    raises,
    reals,
    seeds,
    unchanged,
)

FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(seed, *shape, dtype=torch.float64):
    """Independent normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def whole(seed, *shape):
    """Whole numbers from −5 to 5, as float64: they print well, and windows of them have ties."""
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

    @pytest.mark.hidden
    @FEW
    @given(x=maps(), scale=st.integers(1, 3), seed=seeds())
    def test_gradient(self, target, x, scale, seed):
        """The gradient of a pixel is the sum of the gradients of its block."""
        cotangent = normal(seed, *x.shape[:2], scale * x.shape[2], scale * x.shape[3])
        expected = F.avg_pool2d(cotangent, scale) * scale**2
        assert_close(gradient(lambda x: target.upsample_nearest(x, scale), x, cotangent), expected)


@pytest.mark.exercise("bed_of_nails", points=1)
class TestBedOfNails:
    @FEW
    @given(x=maps(), scale=st.integers(1, 4))
    def test_kronecker(self, target, x, scale):
        """Each pixel becomes a block: the pixel times a matrix with a 1 at the top left and zeros elsewhere."""
        nail = torch.zeros(1, 1, scale, scale, dtype=x.dtype)
        nail[0, 0, 0, 0] = 1
        assert_equal(target.bed_of_nails(x, scale), torch.kron(x, nail))

    def test_example(self, target):
        """A small example worked out with pencil and paper."""
        nothing = [0.0, 0.0, 0.0, 0.0]
        expected = torch.tensor([[[[1.0, 0.0, 2.0, 0.0], nothing, [3.0, 0.0, 4.0, 0.0], nothing]]])
        assert_equal(target.bed_of_nails(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), 2), expected)

    @FEW
    @given(x=maps(), scale=st.integers(1, 4))
    def test_down_after_up(self, target, x, scale):
        """Taking every s-th pixel undoes it, and the sum of all pixels stays what it was."""
        y = target.bed_of_nails(x, scale)
        assert_equal(y[:, :, ::scale, ::scale], x, what="every s-th pixel")
        assert_close(y.sum(dim=(2, 3)), x.sum(dim=(2, 3)), what="the sum of each channel")

    @FEW
    @given(x=maps(), scale=st.integers(1, 4), seed=seeds())
    def test_adjoint(self, target, x, scale, seed):
        """⟨nails(x), y⟩ = ⟨x, every s-th pixel of y⟩, and the gradient of a pixel is that of its nail."""
        y = normal(seed, *x.shape[:2], scale * x.shape[2], scale * x.shape[3])
        nails = target.bed_of_nails(x, scale)
        assert_shape(nails, y.shape)
        picked = y[:, :, ::scale, ::scale]
        assert_close((nails * y).sum(), (x * picked).sum(), what="⟨nails(x), y⟩")
        assert_close(gradient(lambda x: target.bed_of_nails(x, scale), x, y), picked, what="the gradient")

    @pytest.mark.hidden
    def test_shapes_and_errors(self, target):
        """The sides grow by the factor, dtypes are kept, and a scale below 1 is a ValueError."""
        check_enlarging(target.bed_of_nails, "bed_of_nails")


@st.composite
def maps_and_windows(draw):
    """Feature maps, with ties, and the side of a window that fits and often leaves rows and columns over."""
    size = draw(st.integers(1, 3))
    height, width = size + draw(st.integers(0, 4)), size + draw(st.integers(0, 4))
    return whole(draw(seeds()), draw(st.integers(1, 2)), draw(st.integers(1, 3)), height, width), size


@pytest.mark.exercise("max_pool_with_positions", points=2)
class TestMaxPoolWithPositions:
    @given(case=maps_and_windows())
    def test_torch(self, target, case):
        """Maxima and positions equal those of torch's max_pool2d with return_indices=True."""
        x, size = case
        assert_equal(target.max_pool_with_positions(x, size), F.max_pool2d(x, size, return_indices=True))

    @FEW
    @given(case=maps_and_windows())
    def test_positions_point_at_the_maxima(self, target, case):
        """Read at its position in the flattened channel, the image has the maximum; each lies in its own window."""
        x, size = case
        values, positions = target.max_pool_with_positions(x, size)
        assert_equal(values, F.max_pool2d(x, size), what="the maxima")
        assert_shape(positions, values.shape, torch.int64, what="the positions")
        assert_true((positions >= 0).all() and (positions < x[0, 0].numel()).all(), "A position is outside the image.")
        assert_equal(x.flatten(2).gather(2, positions.flatten(2)), values.flatten(2), what="the image at the positions")
        rows, columns = positions // x.shape[3] // size, positions % x.shape[3] // size
        expected = torch.arange(values.shape[2])[:, None].expand_as(rows)
        assert_equal(rows, expected.clone(), what="the rows of the windows in which the positions lie")
        expected = torch.arange(values.shape[3]).expand_as(columns)
        assert_equal(columns, expected.clone(), what="the columns of the windows in which the positions lie")

    def test_example(self, target):
        """In a 3 × 5 image with windows of 2 × 2 the last row and column are left over but count in positions."""
        x = torch.tensor([[[[1.0, 2.0, 0.0, 0.0, 9.0], [3.0, 4.0, 7.0, 5.0, 9.0], [9.0, 9.0, 9.0, 9.0, 9.0]]]])
        values, positions = target.max_pool_with_positions(x, 2)
        assert_equal(values, torch.tensor([[[[4.0, 7.0]]]]), what="the maxima")
        assert_equal(positions, torch.tensor([[[[6, 7]]]]), what="the positions")

    def test_ties(self, target):
        """Of equal maxima the first in reading order counts."""
        x = torch.zeros(1, 1, 4, 6)
        x[0, 0, 0, 4] = x[0, 0, 1, 3] = 5
        expected = torch.tensor([[[[0, 4]]]])
        assert_equal(target.max_pool_with_positions(x, 3)[1], torch.tensor([[[[0, 4]]]]), what="the positions")
        assert_equal(target.max_pool_with_positions(x - 9, 3)[1], expected, what="the positions in a negative image")

    @pytest.mark.hidden
    def test_shapes_and_errors(self, target):
        """Dtypes are kept, a batch may be empty, and a window below 1 or larger than the image is a ValueError."""
        for dtype in FLOATS:
            for batch in (0, 1, 2):
                x = normal(3, batch, 3, 5, 6, dtype=dtype)
                with unchanged(x):
                    values, positions = target.max_pool_with_positions(x, 2)
                assert_shape(values, (batch, 3, 2, 3), dtype, what="the maxima")
                assert_shape(positions, (batch, 3, 2, 3), torch.int64, what="the positions")
        for sides, size in (((3, 5), 4), ((5, 3), 4), ((3, 5), 0), ((3, 5), -1)):
            with raises(ValueError, f"for windows of side {size} on an image of {sides}"):
                target.max_pool_with_positions(normal(4, 1, 1, *sides), size)

    @pytest.mark.hidden
    @FEW
    @given(case=maps_and_windows(), seed=seeds())
    def test_gradient(self, target, case, seed):
        """Gradients of the maxima go to the pixels at the positions, and to no other."""
        x, size = case
        x = x + normal(seed + 1, *x.shape)  # at a tie several shares of the gradient are right
        values, positions = F.max_pool2d(x, size, return_indices=True)
        cotangent = normal(seed, *values.shape)
        found = gradient(lambda x: target.max_pool_with_positions(x, size)[0], x, cotangent)
        assert_close(found, F.max_unpool2d(cotangent, positions, size, output_size=x.shape[2:]))


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
            with raises(ValueError, f"for position {wrong} in an image of 3 × 4"):
                target.max_unpool(pooled, outside, 3, 4)
        for shape in ((1, 2, 3, 1), (1, 2, 1, 2), (1, 1, 1, 3)):
            with raises(ValueError, f"for values of shape (1, 2, 1, 3) and positions of shape {shape}"):
                target.max_unpool(pooled, torch.zeros(shape, dtype=torch.int64), 3, 4)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Dtypes are kept, and a batch may be empty."""
        for dtype in FLOATS:
            for batch in (0, 1, 2):
                pooled = normal(5, batch, 3, 2, 1, dtype=dtype)
                positions = torch.tensor([[3], [8]]).expand(batch, 3, 2, 1).clone()
                assert_shape(target.max_unpool(pooled, positions, 5, 2), (batch, 3, 5, 2), dtype)


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
        """A plane a + b·row + c·column stays that plane away from the border, at the centres of the new pixels."""
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

    @pytest.mark.hidden
    def test_shapes_and_errors(self, target):
        """The sides grow by the factor, dtypes are kept, and a scale below 1 is a ValueError."""
        check_enlarging(target.upsample_bilinear, "upsample_bilinear")

    @pytest.mark.hidden
    @FEW
    @given(x=maps(), scale=st.integers(1, 3), seed=seeds())
    def test_gradient(self, target, x, scale, seed):
        """Its gradient equals that of torch's interpolation."""
        cotangent = normal(seed, *x.shape[:2], scale * x.shape[2], scale * x.shape[3])
        expected = gradient(lambda x: bilinear(x, scale), x, cotangent)
        assert_close(gradient(lambda x: target.upsample_bilinear(x, scale), x, cotangent), expected)


@pytest.mark.exercise("bilinear_kernel", points=1)
class TestBilinearKernel:
    @FEW
    @given(scale=st.sampled_from([2, 1, 3, 4, 5]), x=maps(3, 5))
    def test_stamps_interpolate(self, target, scale, x):
        """A transposed convolution with it, stride s and padding ⌊s/2⌋, interpolates bilinearly inside the image."""
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

    @pytest.mark.hidden
    def test_errors(self, target):
        """A scale below 1 is a ValueError."""
        for scale in (0, -1):
            with raises(ValueError, f"because the scale is {scale}"):
                target.bilinear_kernel(scale)


@st.composite
def transposed_axes(draw):
    """Size, kernel, stride, padding and output padding along one axis; the output has at least one entry."""
    kernel, stride = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    padding, output_padding = draw(st.integers(0, kernel - 1)), draw(st.integers(0, stride - 1))
    size = draw(st.integers(1, 6))
    while (size - 1) * stride + kernel - 2 * padding + output_padding < 1:
        size += 1
    return size, kernel, stride, padding, output_padding


@pytest.mark.exercise("conv_transpose_output_size", points=1)
class TestConvTransposeOutputSize:
    @given(axis=transposed_axes())
    def test_torch(self, target, axis):
        """It is the size that torch's conv_transpose1d gives."""
        size, kernel, stride, padding, output_padding = axis
        x, w = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
        y = F.conv_transpose1d(x, w, stride=stride, padding=padding, output_padding=output_padding)
        assert_equal(target.conv_transpose_output_size(*axis), y.shape[2])

    @given(axis=transposed_axes())
    def test_back_down(self, target, axis):
        """A convolution with the same kernel, stride and padding leads from this size back to where it came from."""
        size, kernel, stride, padding, output_padding = axis
        up = target.conv_transpose_output_size(size, kernel, stride, padding, output_padding)
        assert_equal((up + 2 * padding - kernel) // stride + 1, size, what="the size after going down again")
        assert_equal(target.conv_transpose_output_size(size + 1, kernel, stride, padding, output_padding), up + stride)

    def test_usual_settings(self, target):
        """The usual settings: 2/2/0 and 4/2/1 double the size, 3/2/1 does so only with an output padding of 1."""
        assert_equal(target.conv_transpose_output_size(7, 2, 2, 0), 14)
        assert_equal(target.conv_transpose_output_size(7, 4, 2, 1), 14)
        assert_equal(target.conv_transpose_output_size(7, 3, 2, 1), 13)
        assert_equal(target.conv_transpose_output_size(7, 3, 2, 1, output_padding=1), 14)
        assert_equal(target.conv_transpose_output_size(7, 3, 1, 1), 7)
        assert_equal(target.conv_transpose_output_size(1, 3, 2, 1), 1)
        assert_equal(target.conv_transpose_output_size(1, 2, 2, 1, output_padding=1), 1)

    def test_errors(self, target):
        """An output padding outside [0, stride) and an output without an entry are a ValueError."""
        for stride, output_padding in ((2, 2), (2, -1), (1, 1), (3, 5)):
            with raises(ValueError, f"for output padding {output_padding} with stride {stride}"):
                target.conv_transpose_output_size(5, 3, stride, 1, output_padding)
        for arguments in ((1, 2, 2, 1), (1, 4, 3, 2), (2, 3, 1, 2), (1, 3, 2, 2)):
            with raises(ValueError, f"because nothing is left for {arguments}"):
                target.conv_transpose_output_size(*arguments)


@st.composite
def axes(draw):
    """Size, kernel, stride and padding of a convolution along one axis whose window fits."""
    kernel, stride, padding = draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.integers(0, 3))
    return max(1, kernel - 2 * padding) + draw(st.integers(0, 9)), kernel, stride, padding


@pytest.mark.exercise("output_padding_for", points=1)
class TestOutputPaddingFor:
    @given(axis=axes())
    def test_there_and_back(self, target, axis):
        """After the convolution, torch's transposed convolution with this output padding returns to the size."""
        size, kernel, stride, padding = axis
        w = torch.zeros(1, 1, kernel)
        down = F.conv1d(torch.zeros(1, 1, size), w, stride=stride, padding=padding).shape[2]
        output_padding = target.output_padding_for(*axis)
        assert_true(0 <= output_padding < stride, f"It is {output_padding}, outside [0, {stride}).")
        assert_equal((down - 1) * stride + kernel - 2 * padding + output_padding, size, what="the size after both")

    @FEW
    @given(kernel=st.integers(1, 5), stride=st.integers(1, 5), windows=st.integers(1, 4))
    def test_leftover(self, target, kernel, stride, windows):
        """Without padding it is the number of entries after the last window."""
        last = (windows - 1) * stride + kernel
        for left_over in range(stride):
            assert_equal(target.output_padding_for(last + left_over, kernel, stride, 0), left_over)

    def test_errors(self, target):
        """A kernel that does not fit is a ValueError; one that just fits leaves nothing over."""
        assert_equal(target.output_padding_for(3, 5, 2, 1), 0)
        for size, kernel, padding in ((2, 5, 1), (2, 3, 0), (1, 6, 2)):
            with raises(ValueError, f"for a kernel of {kernel} on an input of {size} with padding {padding}"):
                target.output_padding_for(size, kernel, 2, padding)


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
        """⟨conv(z), x⟩ = ⟨z, convᵀ(x)⟩: it is the transpose of torch's conv2d with the same weight."""
        x, w, stride, padding = layer
        y = target.conv_transpose2d(x, w, stride, padding)
        z = normal(seed, len(x), w.shape[1], *(_up(x.shape[a], w.shape[a], stride, padding) for a in (2, 3)))
        assert_shape(y, z.shape)
        assert_close((z * y).sum(), (F.conv2d(z, w, stride=stride, padding=padding) * x).sum(), what="⟨z, convᵀ(x)⟩")

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
            with raises(ValueError, f"because padding 2 leaves nothing of an image of {sides} and a kernel of 3 × 3"):
                target.conv_transpose2d(torch.ones(1, 2, *sides), torch.ones(2, 4, 3, 3), 2, 2)
            with raises(ValueError, f"because padding 1 leaves nothing of an image of {sides} and a kernel of 2 × 2"):
                target.conv_transpose2d(torch.ones(1, 2, *sides), torch.ones(2, 4, 2, 2), 2, 1)

    @pytest.mark.hidden
    def test_shapes_and_defaults(self, target):
        """Dtypes are kept, a batch may be empty, stride is 1 and padding 0 unless given, and names can be used."""
        for dtype in FLOATS:
            w = normal(6, 3, 4, 3, 2, dtype=dtype)
            for batch in (0, 1, 2):
                x = normal(7, batch, 3, 2, 5, dtype=dtype)
                assert_shape(target.conv_transpose2d(x, w, 2, 1), (batch, 4, 3, 8), dtype)
        assert_close(target.conv_transpose2d(x, w), F.conv_transpose2d(x, w))
        assert_close(target.conv_transpose2d(x, w, padding=1), F.conv_transpose2d(x, w, padding=1))
        assert_close(target.conv_transpose2d(x, w, stride=3), F.conv_transpose2d(x, w, stride=3))

    @pytest.mark.hidden
    @settings(max_examples=4)
    @given(seed=seeds(), stride=st.integers(1, 4), padding=st.integers(0, 3))
    def test_larger(self, target, seed, stride, padding):
        """It equals torch's conv_transpose2d on a batch of larger images."""
        x, w = normal(seed, 3, 4, 9, 11), normal(seed + 1, 4, 5, 5, 4)
        expected = F.conv_transpose2d(x, w, stride=stride, padding=padding)
        assert_close(target.conv_transpose2d(x, w, stride, padding), expected)

    @pytest.mark.hidden
    @FEW
    @given(image=maps(), kernel=maps())
    def test_scipy(self, target, image, kernel):
        """With stride 1 and no padding it is the full convolution of signal processing."""
        from scipy.signal import convolve2d

        x, w = image[:1, :1], kernel[:1, :1]
        expected = torch.from_numpy(convolve2d(x[0, 0].numpy(), w[0, 0].numpy(), mode="full"))
        assert_close(target.conv_transpose2d(x, w)[0, 0], expected)


def _up(size, kernel, stride, padding):
    """The side of a transposed convolution's output."""
    return (size - 1) * stride + kernel - 2 * padding


@pytest.mark.exercise("overlaps", points=1)
class TestOverlaps:
    @given(size=st.integers(1, 6), kernel=st.integers(1, 6), stride=st.integers(1, 5))
    def test_torch(self, target, size, kernel, stride):
        """It equals torch's transposed convolution of ones with ones."""
        expected = F.conv_transpose1d(torch.ones(1, 1, size), torch.ones(1, 1, kernel), stride=stride)[0, 0].long()
        assert_equal(target.overlaps(size, kernel, stride), expected)

    def test_examples(self, target):
        """Kernel 3 with stride 2 is uneven; kernel 4 with stride 2 is even inside; kernel 1 with stride 2 has holes."""
        assert_equal(target.overlaps(4, 3, 2), torch.tensor([1, 1, 2, 1, 2, 1, 2, 1, 1]))
        assert_equal(target.overlaps(4, 4, 2), torch.tensor([1, 1, 2, 2, 2, 2, 2, 2, 1, 1]))
        assert_equal(target.overlaps(3, 1, 2), torch.tensor([1, 0, 1, 0, 1]))

    @FEW
    @given(kernel=st.integers(1, 6), stride=st.integers(1, 5))
    def test_even_iff_divisible(self, target, kernel, stride):
        """Away from the ends the counts are equal exactly if the stride divides the kernel's size."""
        size = 12
        counts = target.overlaps(size, kernel, stride)
        assert_shape(counts, ((size - 1) * stride + kernel,), torch.int64)
        inside = counts[kernel - 1 : size * stride]  # where no stamp is missing
        assert_equal(bool((inside == inside[0]).all()), kernel % stride == 0, what="whether the counts are equal")
        assert_equal(counts.sum(), torch.tensor(size * kernel), what="the sum of the counts")


@pytest.mark.exercise("dense_to_conv", points=1)
class TestDenseToConv:
    @FEW
    @given(shape=st.tuples(*[st.integers(1, 4)] * 4), seed=seeds())
    def test_same_answer(self, target, shape, seed):
        """On a map of the right size the convolution gives what the dense layer gives for the flattened map."""
        classes, channels, height, width = shape
        weight, x = normal(seed, classes, channels * height * width), normal(seed + 1, 3, channels, height, width)
        with unchanged(weight):
            kernel = target.dense_to_conv(weight, channels, height, width)
        assert_shape(kernel, shape, torch.float64, what="the kernel")
        assert_close(F.conv2d(x, kernel).flatten(1), F.linear(x.flatten(1), weight), what="the convolution's output")

    def test_order(self, target):
        """Features are numbered channel by channel, then row by row."""
        kernel = target.dense_to_conv(torch.arange(24.0)[None], 2, 3, 4)
        assert_shape(kernel, (1, 2, 3, 4), torch.float32)
        for c, u, v in itertools.product(range(2), range(3), range(4)):
            assert_close(kernel[0, c, u, v], torch.tensor((c * 3.0 + u) * 4 + v), what=f"entry [0, {c}, {u}, {v}]")

    def test_errors(self, target):
        """A number of features that does not fit the map is a ValueError, even if it could be folded."""
        for rows, features in ((2, 23), (2, 48), (2, 12), (5, 25)):
            with raises(ValueError, f"for {features} features and a map of 2 × 3 × 4"):
                target.dense_to_conv(torch.zeros(rows, features), 2, 3, 4)


@st.composite
def classifiers(draw):
    """A multilayer perceptron on windows, and images at least as large as a window: (x, weights, biases, sides)."""
    channels, height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    sizes = [channels * height * width, *draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))]
    seed = draw(seeds())
    weights = [normal(seed + k, b, a) for k, (a, b) in enumerate(zip(sizes, sizes[1:]))]
    biases = [normal(seed + 10 + k, b) for k, b in enumerate(sizes[1:])]
    x = normal(seed + 20, 2, channels, height + draw(st.integers(0, 3)), width + draw(st.integers(0, 3)))
    return x, weights, biases, height, width


def perceptron(features, weights, biases):
    """The scores of a multilayer perceptron with relu between its layers."""
    for weight, bias in zip(weights[:-1], biases[:-1]):
        features = F.linear(features, weight, bias).relu()
    return F.linear(features, weights[-1], biases[-1])


@pytest.mark.exercise("sliding_classifier", points=2)
class TestSlidingClassifier:
    @settings(max_examples=15)
    @given(case=classifiers())
    def test_every_window(self, target, case):
        """The scores at (i, j) are those of the perceptron for the window whose top left pixel is (i, j)."""
        x, weights, biases, height, width = case
        with unchanged(x, *weights, *biases):
            scores = target.sliding_classifier(*case)
        rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
        assert_shape(scores, (len(x), len(biases[-1]), rows, columns), torch.float64)
        for i, j in itertools.product(range(rows), range(columns)):
            window = x[:, :, i : i + height, j : j + width]
            expected = perceptron(window.flatten(1), weights, biases)
            assert_close(scores[:, :, i, j], expected, what=f"the scores of the window at ({i}, {j})")

    @FEW
    @given(case=classifiers(), down=st.integers(1, 2), right=st.integers(0, 2))
    def test_shift(self, target, case, down, right):
        """Rows and columns put before an image move its scores down and to the right, and change none of them."""
        x, weights, biases, height, width = case
        scores = target.sliding_classifier(F.pad(x, (right, 0, down, 0)), weights, biases, height, width)
        rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
        assert_shape(scores, (len(x), len(biases[-1]), rows + down, columns + right))
        patches = F.unfold(x, (height, width)).transpose(1, 2)
        expected = perceptron(patches, weights, biases).transpose(1, 2).reshape(len(x), -1, rows, columns)
        assert_close(scores[:, :, down:, right:], expected, what="the shifted scores")

    def test_errors(self, target):
        """A window that is higher or wider than the image is a ValueError."""
        for height, width in ((4, 1), (1, 5), (4, 5)):
            weights, biases = [torch.ones(2, height * width)], [torch.ones(2)]
            with raises(ValueError, f"for a window of {height} × {width} on an image of 3 × 4"):
                target.sliding_classifier(torch.ones(1, 1, 3, 4), weights, biases, height, width)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Dtypes are kept, a batch may be empty, and a window as large as the image gives one place."""
        for dtype in FLOATS:
            weights, biases = [normal(1, 4, 12, dtype=dtype)], [normal(2, 4, dtype=dtype)]
            for batch in (0, 1, 2):
                x = normal(3, batch, 1, 3, 4, dtype=dtype)
                assert_shape(target.sliding_classifier(x, weights, biases, 3, 4), (batch, 4, 1, 1), dtype)

    @pytest.mark.hidden
    @settings(max_examples=5)
    @given(case=classifiers(), seed=seeds())
    def test_gradient(self, target, case, seed):
        """Gradients flow back to the image as through the perceptron on all windows."""
        x, weights, biases, height, width = case

        def by_windows(x):
            return perceptron(F.unfold(x, (height, width)).transpose(1, 2), weights, biases).transpose(1, 2)

        cotangent = normal(seed, *by_windows(x).shape)
        found = gradient(
            lambda x: target.sliding_classifier(x, weights, biases, height, width).flatten(2), x, cotangent
        )
        assert_close(found, gradient(by_windows, x, cotangent))


@st.composite
def labelled_scores(draw):
    """Scores of one to four classes per pixel, labels, and a void label that is at some of the pixels."""
    batch, classes = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    height, width, seed = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(seeds())
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes, (batch, height, width), generator=random)
    void = draw(st.sampled_from((255, -1, -100, classes, *([0] if classes > 1 else []))))
    labels[torch.rand(labels.shape, generator=random) < 0.3] = void
    labels[0, 0, 0] = draw(st.integers(0 if void else 1, classes - 1))
    return 3 * normal(seed + 1, batch, classes, height, width), labels, void


VOID_IS_A_CLASS = normal(1, 1, 3, 2, 2), torch.tensor([[[0, 2], [1, 0]]]), 0


@pytest.mark.exercise("pixel_cross_entropy", points=2)
class TestPixelCrossEntropy:
    @given(case=labelled_scores())
    @example(case=VOID_IS_A_CLASS)
    def test_torch(self, target, case):
        """It equals torch's cross_entropy with ignore_index."""
        logits, labels, void = case
        with unchanged(logits, labels):
            loss = target.pixel_cross_entropy(logits, labels, void)
        assert_close(loss, F.cross_entropy(logits, labels, ignore_index=void))

    @FEW
    @given(case=labelled_scores())
    def test_gradient(self, target, case):
        """The gradient is (softmax − one-hot label) / number of labelled pixels, and 0 at void ones."""
        logits, labels, void = case
        counted = labels != void
        hot = F.one_hot(torch.where(counted, labels, 0), logits.shape[1]).permute(0, 3, 1, 2)
        expected = (logits.softmax(1) - hot) * counted[:, None] / counted.sum()
        found = gradient(lambda z: target.pixel_cross_entropy(z, labels, void), logits, torch.tensor(1.0).double())
        assert_close(found, expected)

    def test_all_void(self, target):
        """If every pixel is void the loss is 0, with zero gradients, and so it is for an empty batch."""
        labels, zero = torch.full((2, 3, 4), 255), torch.tensor(0.0, dtype=torch.float64)
        logits = normal(8, 2, 5, 3, 4)
        assert_equal(target.pixel_cross_entropy(logits, labels), zero)
        assert_equal(target.pixel_cross_entropy(logits[:0], labels[:0]), zero, what="the loss of an empty batch")
        found = gradient(lambda z: target.pixel_cross_entropy(z, labels), logits)
        assert_equal(found, torch.zeros_like(logits), what="the gradient")

    @FEW
    @given(seed=seeds(), size=st.sampled_from((1e3, 1e4)))
    def test_extremes(self, target, seed, size):
        """Scores of ±10000 give a finite loss, 2 · 10000 for a confident mistake and 0 for a confident right answer."""
        labels = torch.randint(0, 2, (1, 2, 3), generator=torch.Generator().manual_seed(seed))
        right = torch.stack([1.0 - 2 * labels, 2.0 * labels - 1], dim=1).double() * size
        assert_close(target.pixel_cross_entropy(right, labels), torch.tensor(0.0).double())
        assert_close(target.pixel_cross_entropy(-right, labels), torch.tensor(2 * size).double())

    def test_errors(self, target):
        """A label that is neither void nor a class is a ValueError."""
        logits = torch.zeros(1, 3, 1, 2)
        for wrong in (-1, 3, 254):
            with raises(ValueError, f"for label {wrong} of 3 classes"):
                target.pixel_cross_entropy(logits, torch.tensor([[[0, wrong]]]))
        with raises(ValueError, "for label 255 when the void label is 9"):
            target.pixel_cross_entropy(logits, torch.tensor([[[0, 255]]]), 9)

    @pytest.mark.hidden
    def test_dtypes_and_default(self, target):
        """Single precision stays single; the void label is 255 unless another is given."""
        logits, labels = normal(9, 2, 3, 2, 2), torch.tensor([[[0, 255], [2, 1]], [[1, 255], [255, 0]]])
        for dtype in FLOATS:
            expected = F.cross_entropy(logits.to(dtype), labels, ignore_index=255)
            assert_close(target.pixel_cross_entropy(logits.to(dtype), labels), expected)
        named = target.pixel_cross_entropy(logits, torch.where(labels == 255, -7, labels), void=-7)
        assert_close(named, F.cross_entropy(logits, labels, ignore_index=255), what="the loss with void=-7")


@st.composite
def labelled_pairs(draw):
    """Two label maps of one shape and the number of classes."""
    classes, shape, seed = (
        draw(st.integers(1, 5)),
        draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)),
        draw(seeds()),
    )
    random = torch.Generator().manual_seed(seed)
    first, second = torch.randint(0, classes, (2, *shape), generator=random)
    return first.clone(), second.clone(), classes


@pytest.mark.exercise("confusion_matrix", points=1)
class TestConfusionMatrix:
    @given(case=labelled_pairs())
    def test_counts(self, target, case):
        """Entry [a, b] counts the pixels whose label is a and whose prediction is b."""
        actual, predicted, classes = case
        with unchanged(actual, predicted):
            matrix = target.confusion_matrix(actual, predicted, classes)
        pairs = list(zip(actual.flatten().tolist(), predicted.flatten().tolist()))
        rows = [[pairs.count((a, b)) for b in range(classes)] for a in range(classes)]
        assert_equal(matrix, torch.tensor(rows))

    def test_rows_are_the_truth(self, target):
        """Two pixels of class 0, both taken for class 2, are counted in row 0 and column 2."""
        matrix = target.confusion_matrix(torch.tensor([0, 0, 1]), torch.tensor([2, 2, 1]), 3)
        assert_equal(matrix, torch.tensor([[0, 0, 2], [0, 1, 0], [0, 0, 0]]))

    def test_errors(self, target):
        """Shapes that differ and classes outside [0, classes) are a ValueError, also where they could be broadcast."""
        good = torch.tensor([[0, 1, 2]])
        for wrong in (torch.tensor([0, 1, 2]), torch.tensor([[0]]), torch.tensor([[0], [1], [2]])):
            with raises(ValueError, f"for maps of shapes (1, 3) and {tuple(wrong.shape)}"):
                target.confusion_matrix(good, wrong, 3)
        for bad in (torch.tensor([[0, 1, 3]]), torch.tensor([[-1, 1, 2]])):
            with raises(ValueError, f"for the class {bad.flatten().tolist()} of 3"):
                target.confusion_matrix(good, bad, 3)
            with raises(ValueError, f"for the class {bad.flatten().tolist()} of 3"):
                target.confusion_matrix(bad, good, 3)

    @pytest.mark.hidden
    def test_empty(self, target):
        """Without pixels all counts are 0, and the matrix has its full size whatever classes occur."""
        nothing = torch.zeros((0, 4, 4), dtype=torch.int64)
        assert_equal(target.confusion_matrix(nothing, nothing, 3), torch.zeros((3, 3), dtype=torch.int64))
        one = torch.zeros(1, dtype=torch.int64)
        assert_equal(target.confusion_matrix(one, one, 2), torch.tensor([[1, 0], [0, 0]]))


@pytest.mark.exercise("mean_iou", points=1)
class TestMeanIou:
    @given(case=labelled_pairs())
    def test_sets_of_pixels(self, target, case):
        """It is the mean of |A ∩ B| / |A ∪ B| over the classes that occur among labels or predictions."""
        actual, predicted, classes = case
        matrix = torch.zeros((classes, classes), dtype=torch.int64)
        scores, actual, predicted = [], actual.flatten().tolist(), predicted.flatten().tolist()
        for a, b in zip(actual, predicted):
            matrix[a, b] += 1
        for c in range(classes):
            first = {i for i, a in enumerate(actual) if a == c}
            second = {i for i, b in enumerate(predicted) if b == c}
            if first | second:
                scores.append(len(first & second) / len(first | second))
        with unchanged(matrix):
            assert_close(target.mean_iou(matrix), sum(scores) / len(scores), rtol=1e-6)

    def test_flattering_accuracy(self, target):
        """95 of 100 pixels are background: "background everywhere" is right at 95 % and has a mean IoU of 0.475."""
        assert_close(target.mean_iou(torch.tensor([[95, 0], [5, 0]])), 0.475, rtol=1e-6)

    def test_absent_classes(self, target):
        """A class that neither occurs nor is predicted is left out; one that is predicted in vain counts 0."""
        assert_close(target.mean_iou(torch.tensor([[3, 0, 0], [0, 0, 0], [0, 0, 5]])), 1.0)
        assert_close(target.mean_iou(torch.tensor([[3, 1, 0], [0, 0, 0], [0, 0, 5]])), (0.75 + 0 + 1) / 3, rtol=1e-6)

    def test_errors(self, target):
        """A matrix that counts no pixel is a ValueError."""
        with raises(ValueError, "because no pixel is counted"):
            target.mean_iou(torch.zeros((3, 3), dtype=torch.int64))

    @pytest.mark.hidden
    @FEW
    @given(seed=seeds(), classes=st.integers(2, 6))
    def test_large_counts(self, target, seed, classes):
        """Counts of a billion pixels are no problem, and the result does not change if all counts are doubled."""
        matrix = torch.randint(1, 10**9, (classes, classes), generator=torch.Generator().manual_seed(seed))
        counts = matrix.numpy().astype(object)  # whole numbers without rounding
        total = sum(counts[a, a] / (counts[a].sum() + counts[:, a].sum() - counts[a, a]) for a in range(classes))
        assert_close(target.mean_iou(matrix), total / classes, rtol=1e-6)
        assert_close(target.mean_iou(2 * matrix), total / classes, rtol=1e-6, what="the result for doubled counts")


@st.composite
def mask_pairs(draw):
    """Two batches of masks of one shape; some are empty."""
    shape = (*draw(st.lists(st.integers(1, 3), max_size=2)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    random = torch.Generator().manual_seed(draw(seeds()))
    share = draw(st.sampled_from((0.1, 0.4, 0.8)))
    a, b = torch.rand((2, *shape), generator=random) < share
    return a.clone(), b.clone()


@pytest.mark.exercise("iou", points=1)
class TestIou:
    @given(pair=mask_pairs())
    def test_sets_of_pixels(self, target, pair):
        """It is |A ∩ B| / |A ∪ B| for every pair of masks, and 1 for two empty ones."""
        a, b = pair
        flat = zip(a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]))
        scores = []
        for first, second in flat:
            first = {tuple(place) for place in first.nonzero().tolist()}
            second = {tuple(place) for place in second.nonzero().tolist()}
            scores.append(len(first & second) / len(first | second) if first | second else 1.0)
        expected = torch.tensor(scores, dtype=torch.float64).reshape(a.shape[:-2])
        with unchanged(a, b):
            assert_close(target.iou(a, b), expected)

    def test_special_cases(self, target):
        """Equal masks have 1, disjoint ones 0, half of a mask ½, two empty ones 1, and one empty one 0."""
        none, left = torch.zeros(2, 4, dtype=torch.bool), torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0]]).bool()
        a = torch.stack([left, left, left, none, none])
        b = torch.stack([left, ~left, ~none, none, left])
        assert_close(target.iou(a, b), torch.tensor([1, 0, 0.5, 1, 0], dtype=torch.float64))
        assert_close(target.iou(b, a), torch.tensor([1, 0, 0.5, 1, 0], dtype=torch.float64))
        pixel = torch.eye(3, dtype=torch.bool)[:, None]  # three masks of one pixel each
        assert_close(target.iou(pixel, pixel[[0, 0, 2]]), torch.tensor([1, 0, 1], dtype=torch.float64))

    def test_errors(self, target):
        """Masks of different shapes are a ValueError, even if they could be broadcast."""
        mask = torch.ones(2, 3, 4, dtype=torch.bool)
        for shape in ((3, 4), (1, 3, 4), (2, 3, 1), (2, 4, 3)):
            with raises(ValueError, f"for masks of shapes (2, 3, 4) and {shape}"):
                target.iou(mask, torch.ones(shape, dtype=torch.bool))

    @pytest.mark.hidden
    def test_empty_batch(self, target):
        """An empty batch gives an empty result."""
        nothing = torch.zeros(0, 3, 4, dtype=torch.bool)
        assert_shape(target.iou(nothing, nothing), (0,), torch.float64)


@st.composite
def soft_masks(draw):
    """Probabilities and masks of one shape, and a smoothing constant."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    probabilities = torch.rand(shape, generator=torch.Generator().manual_seed(draw(seeds()))).double()
    masks = torch.rand(shape, generator=torch.Generator().manual_seed(draw(seeds()))) < 0.5
    return probabilities, masks, draw(st.sampled_from((0.5, 1.0, 2.0)))


def dice_by_hand(probabilities, masks, smooth):
    """One minus the mean smoothed Dice score, image by image with Python's numbers."""
    scores = []
    for p, m in zip(probabilities.flatten(1).tolist(), masks.flatten(1).tolist()):
        both = sum(value for value, inside in zip(p, m) if inside)
        scores.append((2 * both + smooth) / (sum(p) + sum(m) + smooth))
    return torch.tensor(1 - sum(scores) / len(scores), dtype=torch.float64)


@pytest.mark.exercise("dice_loss", points=1)
class TestDiceLoss:
    @given(case=soft_masks())
    def test_value(self, target, case):
        """It is one minus the mean over the images of (2 Σ p·m + smooth) / (Σ p + Σ m + smooth)."""
        probabilities, masks, smooth = case
        with unchanged(probabilities, masks):
            assert_close(target.dice_loss(probabilities, masks, smooth), dice_by_hand(*case))

    @FEW
    @given(pair=mask_pairs())
    def test_iou(self, target, pair):
        """For hard masks and almost no smoothing, one minus the loss is D = 2J / (1 + J) with J the IoU."""
        a, b = (mask.reshape(-1, *mask.shape[-2:])[:1] for mask in pair)
        a[0, 0, 0] = True
        j = (a & b).sum().double() / (a | b).sum()
        assert_close(target.dice_loss(a.double(), b, 1e-12), 1 - 2 * j / (1 + j), atol=1e-11)

    def test_special_cases(self, target):
        """A perfect answer costs 0, an empty mask found empty too; finding nothing of 3 pixels costs 1 − 1/4."""
        masks = torch.tensor([[[True, True, False, True]]])
        for mask, expected in ((masks, 0.0), (~masks & masks, 0.0)):
            assert_close(target.dice_loss(mask.double(), mask), torch.tensor(expected, dtype=torch.float64))
        missed = target.dice_loss(torch.zeros(1, 1, 4), masks)
        assert_close(missed, torch.tensor(0.75), what="the loss of finding nothing")

    @FEW
    @given(case=soft_masks())
    def test_gradient(self, target, case):
        """The gradient equals that of the formula, pixel by pixel, worked out by hand."""
        p, m, smooth = case
        both, total = (p * m).sum((1, 2), keepdim=True), p.sum((1, 2), keepdim=True) + m.sum((1, 2), keepdim=True)
        slope = (2 * m * (total + smooth) - (2 * both + smooth)) / (total + smooth) ** 2
        found = gradient(lambda p: target.dice_loss(p, m, smooth), p, torch.tensor(1.0, dtype=torch.float64))
        assert_close(found, -slope / len(p))

    @pytest.mark.hidden
    def test_errors_and_dtypes(self, target):
        """Single precision stays single, and shapes that differ are a ValueError."""
        probabilities, masks = normal(1, 2, 3, 4).sigmoid(), normal(2, 2, 3, 4) > 0
        expected = dice_by_hand(probabilities, masks, 1.0)
        for dtype in FLOATS:
            assert_close(target.dice_loss(probabilities.to(dtype), masks), expected.to(dtype), atol=1e-5)
        for shape in ((1, 3, 4), (2, 1, 4), (2, 3, 1), (3, 4)):
            with raises(ValueError, f"for probabilities of shape (2, 3, 4) and masks of shape {shape}"):
                target.dice_loss(probabilities, torch.ones(shape, dtype=torch.bool))
        named = target.dice_loss(probabilities, masks, smooth=0.25)
        assert_close(named, dice_by_hand(probabilities, masks, 0.25), what="the loss with smooth=0.25")


@st.composite
def skips_and_maps(draw):
    """A skip that is at least as large as the map it is joined to; channels differ."""
    batch, height, width, seed = (
        draw(st.integers(1, 2)),
        draw(st.integers(1, 4)),
        draw(st.integers(1, 4)),
        draw(seeds()),
    )
    skip = normal(
        seed, batch, draw(st.integers(1, 3)), height + draw(st.integers(0, 5)), width + draw(st.integers(0, 5))
    )
    return skip, normal(seed + 1, batch, draw(st.integers(1, 3)), height, width)


@pytest.mark.exercise("crop_and_concatenate", points=1)
class TestCropAndConcatenate:
    @given(case=skips_and_maps())
    def test_every_entry(self, target, case):
        """Channels of the skip, cropped, come first, those of the map from below after them."""
        skip, x = case
        with unchanged(skip, x):
            joined = target.crop_and_concatenate(skip, x)
        assert_shape(joined, (len(x), skip.shape[1] + x.shape[1], *x.shape[2:]), torch.float64)
        assert_equal(joined[:, skip.shape[1] :].clone(), x, what="the channels from below")
        for row, column in itertools.product(range(x.shape[2]), range(x.shape[3])):
            place = row + (skip.shape[2] - x.shape[2]) // 2, column + (skip.shape[3] - x.shape[3]) // 2
            expected = skip[:, :, place[0], place[1]].clone()
            assert_equal(
                joined[:, : skip.shape[1], row, column].clone(), expected, what=f"the skip at ({row}, {column})"
            )

    def test_example(self, target):
        """Of five columns the middle three stay; of four columns the first three."""
        x = torch.zeros(1, 1, 1, 3)
        joined = target.crop_and_concatenate(torch.tensor([[[[1.0, 2.0, 3.0, 4.0, 5.0]]]]), x)
        assert_equal(joined, torch.tensor([[[[2.0, 3.0, 4.0]], [[0.0, 0.0, 0.0]]]]))
        joined = target.crop_and_concatenate(torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]]), x)
        assert_equal(joined, torch.tensor([[[[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0]]]]))

    def test_errors(self, target):
        """A skip that is too small, along one axis or both, and batches that differ are a ValueError."""
        x = torch.zeros(2, 1, 3, 4)
        for shape in ((2, 1, 2, 4), (2, 1, 3, 3), (2, 1, 2, 9), (2, 1, 9, 3), (1, 1, 3, 4), (3, 1, 5, 5)):
            with raises(ValueError, f"for a skip of shape {shape} and a map of shape (2, 1, 3, 4)"):
                target.crop_and_concatenate(torch.zeros(shape), x)

    @pytest.mark.hidden
    @FEW
    @given(case=skips_and_maps(), seed=seeds())
    def test_gradients(self, target, case, seed):
        """Gradients flow to the middle of the skip and to the map from below."""
        skip, x = case
        height, width = x.shape[2:]
        cotangent = normal(seed, len(x), skip.shape[1] + x.shape[1], height, width)
        top, left = (skip.shape[2] - height) // 2, (skip.shape[3] - width) // 2
        expected = torch.zeros_like(skip)
        expected[:, :, top : top + height, left : left + width] = cotangent[:, : skip.shape[1]]
        found = gradient(lambda skip: target.crop_and_concatenate(skip, x), skip, cotangent)
        assert_close(found, expected, what="the gradient of the skip")
        found = gradient(lambda x: target.crop_and_concatenate(skip, x), x, cotangent)
        assert_close(found, cotangent[:, skip.shape[1] :].clone(), what="the gradient of the map from below")

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Dtypes are kept, and a batch may be empty."""
        for dtype in FLOATS:
            for batch in (0, 1, 2):
                joined = target.crop_and_concatenate(
                    torch.ones(batch, 2, 5, 6, dtype=dtype), torch.ones(batch, 3, 4, 3, dtype=dtype)
                )
                assert_shape(joined, (batch, 5, 4, 3), dtype)


def valid_side(size, depth):
    """The side after running an actual U-Net without padding on an image of `size`, or None where it does not fit."""
    three, two = torch.zeros(1, 1, 3), torch.zeros(1, 1, 2)
    x = torch.zeros(1, 1, size)
    for level in range(2 * depth + 1):
        if level and level <= depth:
            if x.shape[2] % 2:
                return None
            x = F.max_pool1d(x, 2)
        elif level:
            x = F.conv_transpose1d(x, two, stride=2)
        if x.shape[2] < 5:
            return None
        x = F.conv1d(F.conv1d(x, three), three)
    return x.shape[2]


@pytest.mark.exercise("valid_unet_size", points=1)
class TestValidUnetSize:
    def test_paper(self, target):
        """The tile of the paper: 572 pixels at depth 4 give 388."""
        assert_equal(target.valid_unet_size(572, 4), 388)
        assert_equal(target.valid_unet_size(572, 0), 568)
        assert_equal(target.valid_unet_size(140, 3), 52)

    @settings(max_examples=20)
    @given(size=st.integers(1, 90), depth=st.integers(0, 3))
    @example(size=21, depth=1)
    def test_layers(self, target, size, depth):
        """It is the side that the layers give; an odd side at a pooling or a map without pixels is a ValueError."""
        expected = valid_side(size, depth)
        if expected is None:
            with raises(ValueError, f"for an input of {size} and depth {depth}"):
                target.valid_unet_size(size, depth)
        else:
            assert_equal(target.valid_unet_size(size, depth), expected)

    @FEW
    @given(side=st.integers(1, 40), depth=st.integers(0, 4))
    def test_steps(self, target, side, depth):
        """The next legal size is 2 ** depth larger, and gives an output that is as much larger."""
        size = side + 4  # from the bottom's output back up the left branch
        for _ in range(depth):
            size = 2 * size + 4
        bottom = side
        for _ in range(depth):
            bottom = 2 * bottom - 4
        if bottom >= 1:
            assert_equal(target.valid_unet_size(size, depth), bottom)
            assert_equal(target.valid_unet_size(size + 2**depth, depth), bottom + 2**depth)
        for between in range(1, 2**depth, 3):
            with raises(ValueError, f"for an input of {size + between}, between two legal sizes, and depth {depth}"):
                target.valid_unet_size(size + between, depth)

    def test_smallest(self, target):
        """The smallest legal sizes, below which a map would be without pixels."""
        for depth in range(4):
            legal = [size for size in range(1, 100) if valid_side(size, depth) is not None]
            assert_equal(target.valid_unet_size(legal[0], depth), valid_side(legal[0], depth))
            with raises(ValueError, f"for an input of {legal[0] - 2**depth} and depth {depth}"):
                target.valid_unet_size(legal[0] - 2**depth, depth)


def parameter_shapes(in_channels, classes, width, depth):
    """The shapes of all weights and biases of the U-Net, sorted."""
    widths = [width * 2**level for level in range(depth + 1)]
    layers = [(a, b, 3) for a, b in zip([in_channels, *widths], widths)] + [(c, c, 3) for c in widths]
    layers += [(2 * c, c, 3) for c in widths[:-1]] + [(c, c, 3) for c in widths[:-1]] + [(width, classes, 1)]
    shapes = [shape for a, b, k in layers for shape in ((b, a, k, k), (b,))]
    return sorted(shapes + [shape for c in widths[:-1] for shape in ((2 * c, c, 2, 2), (c,))])


def values_by_shape(shapes, seed, dtype=torch.float64):
    """Random numbers for every shape that parameters have: those of equal shape get equal values."""
    values = {}
    for number, shape in enumerate(sorted(set(map(tuple, shapes)))):
        fan = math.prod(shape) / shape[0] if len(shape) > 1 else 4
        values[shape] = (normal(seed + number, *shape) * (2 / fan) ** 0.5).to(dtype)
    return values


def unet_by_hand(x, values, in_channels, classes, width, depth, use_skips=True):
    """The U-Net of the handout's table with parameters by shape."""

    def block(x, outputs):
        for _ in range(2):
            x = F.conv2d(x, values[outputs, x.shape[1], 3, 3], values[outputs,], padding=1).relu()
        return x

    widths, skips = [width * 2**level for level in range(depth + 1)], []
    for channels in widths:
        x = block(F.max_pool2d(x, 2) if skips else x, channels)
        skips.append(x)
    for channels, skip in list(zip(widths, skips))[-2::-1]:
        x = F.conv_transpose2d(x, values[2 * channels, channels, 2, 2], values[channels,], stride=2)
        x = block(torch.cat([skip if use_skips else 0 * skip, x], dim=1), channels)
    return F.conv2d(x, values[classes, width, 1, 1], values[classes,])


def with_values(net, values):
    """Give a student's network these parameters, by shape."""
    state = net.state_dict()
    assert_true(len(state) > 0, "The network has no parameters: are its layers in torch.nn.ModuleList?")
    for name, parameter in state.items():
        known = tuple(parameter.shape) in values
        assert_true(known, f"The parameter {name} has shape {tuple(parameter.shape)}, which is not in the table.")
    net.load_state_dict({name: values[tuple(parameter.shape)] for name, parameter in state.items()})
    return net


@st.composite
def unets(draw):
    """Channels, classes, width and depth of a small U-Net."""
    return draw(st.integers(1, 3)), draw(st.integers(2, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))


def shapes_in_noise(count, seed):
    """Images of 16 × 16 with one noisy disc or box, brighter than the background, and their masks."""
    random = torch.Generator().manual_seed(seed)
    centre = 3.5 + 8 * torch.rand(count, 2, 1, 1, generator=random)
    radius = 2.5 + 2 * torch.rand(count, 2, 1, 1, generator=random)
    disc = torch.rand(count, 1, 1, generator=random) < 0.5
    down = ((torch.arange(16.0)[:, None] - centre[:, 0]) / radius[:, 0]).abs()
    right = ((torch.arange(16.0) - centre[:, 1]) / radius[:, 1]).abs()
    masks = torch.where(disc, down**2 + right**2 <= 1, torch.maximum(down, right) <= 1)
    return (masks + 0.25 * torch.randn(count, 16, 16, generator=random))[:, None], masks


def cross_entropy_plus_dice(logits, masks):
    """The loss of the training: cross-entropy, and one minus the smoothed Dice score of the probability of class 1."""
    inside = logits.softmax(dim=1)[:, 1]
    both, total = (inside * masks).sum(dim=(1, 2)), (inside + masks).sum(dim=(1, 2))
    return F.cross_entropy(logits, masks.long()) + 1 - ((2 * both + 1) / (total + 1)).mean()


def watched():
    """A loss, and the list of its calls so far: (scores, masks, value)."""
    calls = []

    def loss(logits, masks):
        value = cross_entropy_plus_dice(logits, masks)
        calls.append((logits.detach().clone(), masks.clone(), value.item()))
        return value

    return loss, calls


@pytest.mark.exercise("UNet", points=4)
class TestUNet:
    @settings(max_examples=5)
    @given(options=unets(), sides=st.tuples(st.integers(1, 3), st.integers(1, 3)), batch=st.integers(0, 2))
    def test_same_size(self, target, options, sides, batch):
        """The output has the input's height and width for every size that 2 ** depth divides, one channel a class."""
        in_channels, classes, _, depth = options
        net = target.UNet(*options, seed=1)
        height, width = (side * 2**depth for side in sides)
        x = normal(2, batch, in_channels, height, width, dtype=torch.float32)
        with unchanged(x):
            assert_shape(net(x), (batch, classes, height, width), torch.float32)

    def test_illegal_sizes(self, target):
        """Sides that 2 ** depth does not divide are a ValueError, whichever side it is."""
        net = target.UNet(1, 2, 2, 2, seed=1)
        for height, width in ((8, 6), (6, 8), (8, 9), (7, 8), (2, 4), (10, 10)):
            with raises(ValueError, f"for an image of {height} × {width} at depth 2"):
                net(torch.zeros(1, 1, height, width))

    @settings(max_examples=3)
    @given(options=unets())
    def test_parameters(self, target, options):
        """Its weights and biases have the shapes of the handout's table, no more and no fewer."""
        state = target.UNet(*options, seed=1).state_dict()
        found = sorted(tuple(parameter.shape) for parameter in state.values())
        assert_equal([str(s) for s in found], [str(s) for s in parameter_shapes(*options)], what="the list of shapes")

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(options=unets(), seed=seeds())
    def test_table(self, target, options, seed):
        """With given weights it computes what the handout's table says, with and without skips."""
        in_channels, _, _, depth = options
        values = values_by_shape(parameter_shapes(*options), seed)
        net = with_values(target.UNet(*options, seed=1).double(), values)
        x = normal(seed, 2, in_channels, 2**depth, 2 * 2**depth)
        assert_close(net(x), unet_by_hand(x, values, *options), what="the scores")
        expected = unet_by_hand(x, values, *options, use_skips=False)
        assert_close(net(x, use_skips=False), expected, what="the scores without skips")

    def test_skips_carry_information(self, target):
        """Without skips all goes through the few numbers at the bottom, and the Jacobian's rank shows it."""
        net = target.UNet(1, 1, 2, 3, seed=3).double()
        x = normal(4, 1, 1, 8, 8).expand(64, 1, 8, 8).clone()
        ranks = []
        for use_skips in (True, False):
            # Copy k of the image is asked for the gradient of output pixel k.
            rows = gradient(lambda x: net(x, use_skips=use_skips), x, torch.eye(64).double().reshape(64, 1, 8, 8))
            ranks.append(int(torch.linalg.matrix_rank(rows.flatten(1), rtol=1e-9)))
        assert_true(ranks[1] <= 16, f"Without skips the rank is {ranks[1]}; at the bottom there are only 16 numbers.")
        assert_true(ranks[0] > 16, f"With skips the rank is only {ranks[0]}: the skips carry nothing.")

    def test_seed(self, target):
        """Equal seeds give equal weights, whatever was made before; other seeds give others."""
        nets = [target.UNet(1, 2, 3, 1, seed=seed).state_dict() for seed in (5, 6, 5)]
        first, other, again = ([value.clone() for value in state.values() if value.dim() > 1] for state in nets)
        assert_equal(again, first, what="the list of weights made again with the same seed")
        different = all(not torch.equal(a, b) for a, b in zip(first, other))
        assert_true(different, "Weights made with another seed are the same.")

    def test_starting_values(self, target):
        """Biases start at 0, weights as independent normal numbers of variance 2/n for n addends of an output."""
        state = target.UNet(4, 64, 16, 1, seed=7).state_dict()  # with so many classes that the head's variance shows
        standard = []
        for name, value in state.items():
            if value.dim() == 1:
                assert_equal(value, torch.zeros_like(value), what=f"the bias {name}")
            elif value.numel() > 500:  # enough to estimate a variance within 15 %, at five standard errors
                n = value.shape[0] if value.shape[2] == 2 else value[0].numel()
                flat = value.double().flatten() * (n / 2) ** 0.5
                allowed = 5 / len(flat) ** 0.5
                spread = (flat**2).mean().item()
                assert_close(
                    spread, 1.0, rtol=0, atol=allowed * 2**0.5, what=f"the variance of {name} in units of 2/n"
                )
                assert_close(flat.mean().item(), 0.0, atol=allowed, what=f"the mean of {name} in units of √(2/n)")
                standard.append(flat)
        together = torch.cat(standard)
        fourth = (together**4).mean().item()  # 3 for normal numbers, 1.8 for uniform ones
        assert_true(abs(fourth - 3) < 5 * (96 / len(together)) ** 0.5, "The weights are not normally distributed.")
        for first, second in itertools.combinations(standard, 2):
            count = min(len(first), len(second))
            correlation = (first[:count] * second[:count]).mean().item()
            assert_true(abs(correlation) < 5 / count**0.5, "Two layers start with the same random numbers.")

    @settings(max_examples=2)
    @given(seed=seeds(), steps=st.integers(1, 3))
    def test_steps(self, target, seed, steps):
        """Each step asks once for the loss of the scores of 8 images with their own masks, and reports that loss."""
        images, masks = normal(seed, 12, 3, 8, 12, dtype=torch.float32), normal(seed + 1, 12, 8, 12) > 0
        loss, calls = watched()
        with unchanged(images, masks):
            net, losses = target.train_segmentation(images, masks, steps, seed, loss)
        assert_true(len(calls) == steps, f"The loss was asked for {len(calls)} times in {steps} steps.")
        assert_close(losses, [value for _, _, value in calls], rtol=1e-6, what="the list of losses")
        for logits, inside, _ in calls:
            assert_shape(logits, (8, 2, 8, 12), torch.float32, what="the scores that the loss is given")
            assert_shape(inside, (8, 8, 12), torch.bool, what="the masks that the loss is given")
        found = sorted(tuple(parameter.shape) for parameter in net.state_dict().values())
        assert_equal([str(s) for s in found], [str(s) for s in parameter_shapes(3, 2, 8, 2)], what="the list of shapes")
        same = (calls[0][1][:, None] == masks).flatten(2).all(dim=2)
        assert_true(same.any(dim=1).all(), "A mask that the loss is given is none of the masks.")
        fresh, none = target.train_segmentation(images, masks, 0, seed, loss)
        assert_equal(len(none), 0, what="the number of losses of no steps")
        weights = list(target.UNet(3, 2, 8, 2, seed=seed).state_dict().values())
        assert_equal(list(fresh.state_dict().values()), weights, what="the weights after no steps")
        expected = fresh(images[same.int().argmax(dim=1)]).detach()
        assert_close(calls[0][0], expected, atol=1e-5, what="the scores that the loss is given first")

    @settings(max_examples=1)
    @given(seed=st.integers(0, 10**4))
    def test_learns(self, target, seed):
        """Trained for 100 steps on 48 noisy shapes it reaches an intersection over union of 0.9 on new ones."""
        images, masks = shapes_in_noise(48, seed)
        net, losses = target.train_segmentation(images, masks, 100, seed, cross_entropy_plus_dice)
        assert_true(len(losses) == 100, f"There are {len(losses)} losses for 100 steps.")
        new_images, new_masks = shapes_in_noise(64, seed + 10**6)
        found = net(new_images).argmax(dim=1) == 1
        score = ((found & new_masks).sum() / (found | new_masks).sum()).item()
        assert_true(score >= 0.9, f"The intersection over union on new images is only {score:.3f}.")

    def test_training_repeats(self, target):
        """Training depends on its arguments only: the same seed repeats it; another one draws other batches."""
        images, masks = shapes_in_noise(12, 1)
        runs = []
        for seed in (1, 2, 1):
            loss, calls = watched()
            losses = target.train_segmentation(images, masks, 3, seed, loss)[1]
            runs.append((losses, torch.stack([inside for _, inside, _ in calls])))
        assert_close(runs[2][0], runs[0][0], rtol=1e-5, what="the list of losses with the same seed")
        assert_equal(runs[2][1], runs[0][1], what="the batches of masks with the same seed")
        assert_true(not torch.equal(runs[1][1], runs[0][1]), "Another seed drew the same batches.")
        assert_true(not torch.equal(runs[0][1][0], runs[0][1][1]), "The second step drew the batch of the first.")
