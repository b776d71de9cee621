"""Wrong answers that students give to the exercises of convolution, and what each gets wrong."""

import numpy as np

from autograder.bank import mistake


@mistake("cross_correlate2d", law="test_torch", diagnosis="The kernel is turned: this is the convolution.")
def cross_correlate2d_as_a_convolution(image, kernel, mode):
    height, width = kernel.shape
    margins = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}
    if mode not in margins or (mode == "same" and (height % 2 == 0 or width % 2 == 0)):
        raise ValueError(mode)
    top, left = margins[mode]
    padded = np.pad(image, ((top, top), (left, left)))
    rows, columns = padded.shape[0] - height + 1, padded.shape[1] - width + 1
    if rows < 1 or columns < 1:
        raise ValueError("the kernel does not fit")
    result = np.zeros((rows, columns), dtype=image.dtype)
    for m in range(height):
        for n in range(width):
            result += kernel[-1 - m, -1 - n] * padded[m : m + rows, n : n + columns]
    return result


@mistake(
    "cross_correlate2d",
    law="test_torch",
    diagnosis="Zeros are put after the image only: 'same' and 'full' need them on all four sides.",
)
def cross_correlate2d_padded_on_one_side(image, kernel, mode):
    height, width = kernel.shape
    margins = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}
    if mode not in margins or (mode == "same" and (height % 2 == 0 or width % 2 == 0)):
        raise ValueError(mode)
    top, left = margins[mode]
    padded = np.pad(image, ((0, 2 * top), (0, 2 * left)))
    if padded.shape[0] < height or padded.shape[1] < width:
        raise ValueError("the kernel does not fit")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijmn,mn->ij", windows, kernel)


@mistake(
    "cross_correlate2d",
    law="test_torch",
    diagnosis="Pixels outside the image count as zero; np.pad with mode 'edge' repeats the border instead.",
)
def cross_correlate2d_with_a_repeated_border(image, kernel, mode):
    height, width = kernel.shape
    margins = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}
    if mode not in margins or (mode == "same" and (height % 2 == 0 or width % 2 == 0)):
        raise ValueError(mode)
    top, left = margins[mode]
    padded = np.pad(image, ((top, top), (left, left)), mode="edge")
    if padded.shape[0] < height or padded.shape[1] < width:
        raise ValueError("the kernel does not fit")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijmn,mn->ij", windows, kernel)


@mistake(
    "cross_correlate2d",
    law="test_shapes_and_errors",
    diagnosis="np.zeros without a dtype is double precision: single-precision images come back as double.",
)
def cross_correlate2d_in_double_precision(image, kernel, mode):
    height, width = kernel.shape
    margins = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}
    if mode not in margins or (mode == "same" and (height % 2 == 0 or width % 2 == 0)):
        raise ValueError(mode)
    top, left = margins[mode]
    padded = np.pad(image, ((top, top), (left, left)))
    rows, columns = padded.shape[0] - height + 1, padded.shape[1] - width + 1
    if rows < 1 or columns < 1:
        raise ValueError("the kernel does not fit")
    result = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            result[i, j] = np.sum(kernel * padded[i : i + height, j : j + width])
    return result


@mistake(
    "convolve2d", law="test_convolution_theorem", diagnosis="The kernel was not turned: this is cross-correlation."
)
def convolve2d_as_a_correlation(image, kernel, mode):
    height, width = kernel.shape
    margins = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}
    if mode not in margins or (mode == "same" and (height % 2 == 0 or width % 2 == 0)):
        raise ValueError(mode)
    top, left = margins[mode]
    padded = np.pad(image, ((top, top), (left, left)))
    if padded.shape[0] < height or padded.shape[1] < width:
        raise ValueError("the kernel does not fit")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijmn,mn->ij", windows, kernel)


@mistake("convolve2d", law="test_impulse", diagnosis="Only the rows are reversed: a half turn reverses both axes.")
def convolve2d_with_one_axis_reversed(image, kernel, mode):
    height, width = kernel.shape
    margins = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}
    if mode not in margins or (mode == "same" and (height % 2 == 0 or width % 2 == 0)):
        raise ValueError(mode)
    top, left = margins[mode]
    padded = np.pad(image, ((top, top), (left, left)))
    if padded.shape[0] < height or padded.shape[1] < width:
        raise ValueError("the kernel does not fit")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijmn,mn->ij", windows, kernel[::-1])


@mistake("convolve2d", law="test_torch", diagnosis="Transposing is no rotation: reverse both axes, swap none.")
def convolve2d_with_a_transposed_kernel(image, kernel, mode):
    height, width = kernel.shape
    margins = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}
    if mode not in margins or (mode == "same" and (height % 2 == 0 or width % 2 == 0)):
        raise ValueError(mode)
    top, left = margins[mode]
    padded = np.pad(image, ((top, top), (left, left)))
    rows, columns = padded.shape[0] - height + 1, padded.shape[1] - width + 1
    if rows < 1 or columns < 1:
        raise ValueError("the kernel does not fit")
    turned = np.rot90(kernel.T, 2).reshape(kernel.shape)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("ijmn,mn->ij", windows, turned)


@mistake(
    "convolve2d",
    law="test_convolution_theorem",
    diagnosis="A product of Fourier transforms without padding wraps around: what leaves on one side enters opposite.",
)
def convolve2d_that_wraps_around(image, kernel, mode):
    (h, w), (height, width) = image.shape, kernel.shape
    if mode not in ("valid", "same", "full") or (mode == "same" and (height % 2 == 0 or width % 2 == 0)):
        raise ValueError(mode)
    if mode == "valid" and (height > h or width > w):
        raise ValueError("the kernel does not fit")
    shape = (max(h, height), max(w, width))
    circular = np.fft.irfft2(np.fft.rfft2(image, shape) * np.fft.rfft2(kernel, shape), shape)
    full = np.zeros((h + height - 1, w + width - 1), dtype=image.dtype)
    full[: shape[0], : shape[1]] = circular
    if mode == "valid":
        return full[height - 1 : h, width - 1 : w]
    if mode == "same":
        return full[height // 2 : height // 2 + h, width // 2 : width // 2 + w]
    return full


@mistake(
    "convolve2d", law="test_impulse", diagnosis="'same' is the middle of the full result, not its upper left corner."
)
def convolve2d_cut_from_the_corner(image, kernel, mode):
    (h, w), (height, width) = image.shape, kernel.shape
    if mode not in ("valid", "same", "full") or (mode == "same" and (height % 2 == 0 or width % 2 == 0)):
        raise ValueError(mode)
    if mode == "valid" and (height > h or width > w):
        raise ValueError("the kernel does not fit")
    full = np.zeros((h + height - 1, w + width - 1), dtype=image.dtype)
    for m in range(height):
        for n in range(width):
            full[m : m + h, n : n + w] += kernel[m, n] * image
    return {"full": full, "same": full[:h, :w], "valid": full[height - 1 : h, width - 1 : w]}[mode]


@mistake(
    "is_rotation_symmetric", law="test_famous_kernels", diagnosis="K = Kᵀ is another symmetry: rotate, don't transpose."
)
def is_rotation_symmetric_by_transposing(kernel):
    return bool(np.array_equal(kernel, kernel.T))


@mistake(
    "is_rotation_symmetric",
    law="test_famous_kernels",
    diagnosis="Only the rows are reversed: a half turn reverses both axes.",
)
def is_rotation_symmetric_by_one_mirror(kernel):
    return bool(np.array_equal(kernel, kernel[::-1]))


@mistake(
    "is_rotation_symmetric",
    law="test_famous_kernels",
    diagnosis="Both mirrors are asked for, but only their product, the half turn, has to leave the kernel as it is.",
)
def is_rotation_symmetric_by_both_mirrors(kernel):
    return bool(np.array_equal(kernel, kernel[::-1]) and np.array_equal(kernel, kernel[:, ::-1]))


@mistake(
    "is_rotation_symmetric",
    law="test_famous_kernels",
    diagnosis="np.rot90 without a 2 turns by a quarter, not by half a turn.",
)
def is_rotation_symmetric_by_a_quarter(kernel):
    return bool(np.array_equal(kernel, np.rot90(kernel)))


@mistake(
    "impulse_response", law="test_recovers_the_kernel", diagnosis="The result must not be turned: the system convolves."
)
def impulse_response_upside_down(system, radius):
    impulse = np.zeros((2 * radius + 1, 2 * radius + 1))
    impulse[radius, radius] = 1
    return system(impulse)[::-1, ::-1]


@mistake(
    "impulse_response",
    law="test_recovers_the_kernel",
    diagnosis="In the corner three quarters of the kernel fall off the image.",
)
def impulse_response_in_the_corner(system, radius):
    impulse = np.zeros((2 * radius + 1, 2 * radius + 1))
    impulse[0, 0] = 1
    return system(impulse)


@mistake(
    "impulse_response",
    law="test_recovers_the_kernel",
    diagnosis="A white image gives sums of kernel entries, not the entries.",
)
def impulse_response_to_white(system, radius):
    return system(np.ones((2 * radius + 1, 2 * radius + 1)))


@mistake(
    "conv_matrix",
    law="test_product",
    diagnosis="The rows hold the kernel reversed and shifted: yours is the cross-correlation.",
)
def conv_matrix_of_the_correlation(kernel, n):
    matrix = np.zeros((n + len(kernel) - 1, n), dtype=kernel.dtype)
    for j in range(n):
        matrix[j : j + len(kernel), j] = kernel[::-1]
    return matrix


@mistake("conv_matrix", law="test_product", diagnosis="The matrix is transposed: it must map n numbers to n+m−1.")
def conv_matrix_transposed(kernel, n):
    matrix = np.zeros((n, n + len(kernel) - 1), dtype=kernel.dtype)
    for i in range(n):
        matrix[i, i : i + len(kernel)] = kernel
    return matrix


@mistake(
    "conv_matrix",
    law="test_product",
    diagnosis="The kernel wraps around: this is the circulant matrix of a periodic signal.",
)
def conv_matrix_that_wraps_around(kernel, n):
    size = n + len(kernel) - 1
    column = np.zeros(size, dtype=kernel.dtype)
    column[: len(kernel)] = kernel
    return np.stack([np.roll(column, j + 1) for j in range(n)], axis=1)


@mistake(
    "conv_matrix",
    law="test_scipy",
    diagnosis="np.zeros without a dtype is double precision: the kernel's dtype is lost.",
)
def conv_matrix_in_double_precision(kernel, n):
    matrix = np.zeros((n + len(kernel) - 1, n))
    for j in range(n):
        matrix[j : j + len(kernel), j] = kernel
    return matrix


@mistake("conv_matrix2d", law="test_product", diagnosis="Column-major vectors: here images are stacked row by row.")
def conv_matrix2d_column_major(kernel, height, width):
    kernel_height, kernel_width = kernel.shape
    rows, columns = height + kernel_height - 1, width + kernel_width - 1
    matrix = np.zeros((rows * columns, height * width), dtype=kernel.dtype)
    for i in range(height):
        for j in range(width):
            for m in range(kernel_height):
                for n in range(kernel_width):
                    matrix[(j + n) * rows + i + m, j * height + i] = kernel[m, n]
    return matrix


@mistake(
    "conv_matrix2d", law="test_product", diagnosis="The kernel is turned: this is the matrix of the cross-correlation."
)
def conv_matrix2d_of_the_correlation(kernel, height, width):
    kernel_height, kernel_width = kernel.shape
    rows, columns = height + kernel_height - 1, width + kernel_width - 1
    matrix = np.zeros((rows, columns, height, width), dtype=kernel.dtype)
    for i in range(height):
        for j in range(width):
            matrix[i : i + kernel_height, j : j + kernel_width, i, j] = kernel[::-1, ::-1]
    return matrix.reshape(rows * columns, height * width)


@mistake(
    "conv_matrix2d", law="test_product", diagnosis="A row of the result is w+kw−1 long, not w: your rows are sheared."
)
def conv_matrix2d_sheared(kernel, height, width):
    kernel_height, kernel_width = kernel.shape
    rows, columns = height + kernel_height - 1, width + kernel_width - 1
    matrix = np.zeros((rows * columns, height * width), dtype=kernel.dtype)
    for i in range(height):
        for j in range(width):
            for m in range(kernel_height):
                for n in range(kernel_width):
                    matrix[(i + m) * width + j + n, i * width + j] += kernel[m, n]
    return matrix


@mistake(
    "conv_output_size",
    law="test_torch",
    diagnosis="The 1 is lost: from the first to the last window there are floor(…) steps.",
)
def conv_output_size_without_the_one(size, kernel, stride=1, padding=0, dilation=1):
    last = size + 2 * padding - dilation * (kernel - 1) - 1
    if min(size, kernel, stride, dilation) < 1 or padding < 0 or last < 0:
        raise ValueError("no window fits")
    return last // stride


@mistake("conv_output_size", law="test_torch", diagnosis="Padding is put on both sides: it counts twice.")
def conv_output_size_with_padding_once(size, kernel, stride=1, padding=0, dilation=1):
    last = size + padding - dilation * (kernel - 1) - 1
    if min(size, kernel, stride, dilation) < 1 or padding < 0 or last < 0:
        raise ValueError("no window fits")
    return last // stride + 1


@mistake("conv_output_size", law="test_torch", diagnosis="A dilated kernel spans d(k−1)+1 pixels, not d·k.")
def conv_output_size_with_a_wider_span(size, kernel, stride=1, padding=0, dilation=1):
    last = size + 2 * padding - dilation * kernel
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError("no window fits")
    return last // stride + 1


@mistake("conv_output_size", law="test_torch", diagnosis="Divide with //: a size is a whole number, rounded down.")
def conv_output_size_as_a_fraction(size, kernel, stride=1, padding=0, dilation=1):
    last = size + 2 * padding - dilation * (kernel - 1) - 1
    if min(size, kernel, stride, dilation) < 1 or padding < 0 or last < 0:
        raise ValueError("no window fits")
    return last / stride + 1


@mistake(
    "conv_output_size", law="test_errors", diagnosis="Rounding towards zero gives 1 where no window fits: check first."
)
def conv_output_size_rounded_towards_zero(size, kernel, stride=1, padding=0, dilation=1):
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError("settings")
    result = int((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
    if result < 1:
        raise ValueError("no window fits")
    return result


@mistake("conv_parameters", law="test_torch", diagnosis="There is one bias per output channel, not one per kernel.")
def conv_parameters_with_a_bias_per_kernel(in_channels, out_channels, kernel_size, bias=True, groups=1):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups")
    return (kernel_size[0] * kernel_size[1] + bool(bias)) * (in_channels // groups) * out_channels


@mistake("conv_parameters", law="test_torch", diagnosis="There is one bias per output channel, not one per layer.")
def conv_parameters_with_one_bias(in_channels, out_channels, kernel_size, bias=True, groups=1):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups")
    return in_channels // groups * kernel_size[0] * kernel_size[1] * out_channels + bool(bias)


@mistake(
    "conv_parameters",
    law="test_torch",
    diagnosis="Groups divide the inputs once; the outputs stay as many as they are.",
)
def conv_parameters_divided_twice(in_channels, out_channels, kernel_size, bias=True, groups=1):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups")
    weights = (in_channels // groups) * (out_channels // groups) * kernel_size[0] * kernel_size[1]
    return weights + bool(bias) * out_channels


@mistake(
    "conv_parameters",
    law="test_torch",
    diagnosis="Every output channel has a kernel for every input channel, not one for all.",
)
def conv_parameters_with_shared_kernels(in_channels, out_channels, kernel_size, bias=True, groups=1):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups")
    return (kernel_size[0] * kernel_size[1] + bool(bias)) * out_channels


@mistake(
    "conv2d_forward",
    law="test_errors",
    diagnosis="Only the number of biases is looked at: a matrix with as many entries is taken for a vector.",
)
def conv2d_forward_of_any_biases(x, w, b, stride=1, padding=0, dilation=1):
    filters, channels, kernel_height, kernel_width = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if x.shape[1] != channels or b.size != filters or rows < 1 or columns < 1:
        raise ValueError("shapes")
    y = np.zeros((len(x), filters, rows, columns), dtype=x.dtype)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            bottom, right = top + dilation * (kernel_height - 1) + 1, left + dilation * (kernel_width - 1) + 1
            window = padded[:, :, top:bottom:dilation, left:right:dilation]
            y[:, :, i, j] = np.einsum("ncuv,fcuv->nf", window, w) + b.ravel()
    return y


@mistake("conv2d_forward", law="test_torch", diagnosis="The kernels are turned: the layer is a cross-correlation.")
def conv2d_forward_as_a_convolution(x, w, b, stride=1, padding=0, dilation=1):
    w = w[:, :, ::-1, ::-1]
    filters, channels, kernel_height, kernel_width = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if x.shape[1] != channels or b.shape != (filters,) or rows < 1 or columns < 1:
        raise ValueError("shapes")
    y = np.zeros((len(x), filters, rows, columns), dtype=x.dtype)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            bottom, right = top + dilation * (kernel_height - 1) + 1, left + dilation * (kernel_width - 1) + 1
            window = padded[:, :, top:bottom:dilation, left:right:dilation]
            y[:, :, i, j] = np.einsum("ncuv,fcuv->nf", window, w) + b
    return y


@mistake(
    "conv2d_forward",
    law="test_torch",
    diagnosis="Stride and dilation are swapped: stride moves the window, dilation spreads it.",
)
def conv2d_forward_with_swapped_settings(x, w, b, stride=1, padding=0, dilation=1):
    filters, channels, kernel_height, kernel_width = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if x.shape[1] != channels or b.shape != (filters,) or rows < 1 or columns < 1:
        raise ValueError("shapes")
    y = np.zeros((len(x), filters, rows, columns), dtype=x.dtype) + b[:, None, None]
    for i in range(rows):
        for j in range(columns):
            for u in range(kernel_height):
                for v in range(kernel_width):
                    row = (i * dilation + u * stride) % padded.shape[2]
                    column = (j * dilation + v * stride) % padded.shape[3]
                    y[:, :, i, j] += padded[:, :, row, column] @ w[:, :, u, v].T
    return y


@mistake("conv2d_forward", law="test_torch", diagnosis="The bias is missing.")
def conv2d_forward_without_bias(x, w, b, stride=1, padding=0, dilation=1):
    filters, channels, kernel_height, kernel_width = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if x.shape[1] != channels or b.shape != (filters,) or rows < 1 or columns < 1:
        raise ValueError("shapes")
    y = np.zeros((len(x), filters, rows, columns), dtype=x.dtype)
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            y += np.einsum("fc,ncij->nfij", w[:, :, u, v], padded[:, :, down, right])
    return y


@mistake(
    "conv2d_forward", law="test_torch", diagnosis="Padding the batch and the channels too: pad the last two axes only."
)
def conv2d_forward_that_pads_every_axis(x, w, b, stride=1, padding=0, dilation=1):
    filters, channels, kernel_height, kernel_width = w.shape
    if x.shape[1] != channels or b.shape != (filters,):
        raise ValueError("shapes")
    padded = np.pad(x, padding)[:, :channels]
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if rows < 1 or columns < 1:
        raise ValueError("the window does not fit")
    y = np.zeros((len(padded), filters, rows, columns), dtype=x.dtype) + b[:, None, None]
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            y += np.einsum("fc,ncij->nfij", w[:, :, u, v], padded[:, :, down, right])
    return y


@mistake(
    "conv2d_forward",
    law="test_torch",
    diagnosis="Input channel c meets filter c only: every filter reads all channels.",
)
def conv2d_forward_with_channels_summed_first(x, w, b, stride=1, padding=0, dilation=1):
    filters, channels, kernel_height, kernel_width = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if x.shape[1] != channels or b.shape != (filters,) or rows < 1 or columns < 1:
        raise ValueError("shapes")
    y = np.zeros((len(x), filters, rows, columns), dtype=x.dtype) + b[:, None, None]
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            mean = padded[:, :, down, right].mean(axis=1, keepdims=True)
            y += w[:, :, u, v].sum(axis=1)[:, None, None] * mean
    return y


@mistake(
    "cross_correlate2d_backward",
    law="test_autograd",
    diagnosis="∂L/∂image needs the convolution of delta with the kernel; yours is the cross-correlation.",
)
def cross_correlate2d_backward_without_rotation(delta, image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if delta.shape != (rows, columns):
        raise ValueError("delta")
    image_gradient, kernel_gradient = np.zeros_like(image), np.zeros_like(kernel)
    for m in range(kernel.shape[0]):
        for n in range(kernel.shape[1]):
            image_gradient[m : m + rows, n : n + columns] += kernel[-1 - m, -1 - n] * delta
            kernel_gradient[m, n] = np.sum(delta * image[m : m + rows, n : n + columns])
    return image_gradient, kernel_gradient


@mistake(
    "cross_correlate2d_backward",
    law="test_finite_differences",
    diagnosis="∂L/∂kernel is off by half a turn: it is the cross-correlation of image and delta.",
)
def cross_correlate2d_backward_with_the_kernel_turned(delta, image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if delta.shape != (rows, columns):
        raise ValueError("delta")
    image_gradient, kernel_gradient = np.zeros_like(image), np.zeros_like(kernel)
    for m in range(kernel.shape[0]):
        for n in range(kernel.shape[1]):
            image_gradient[m : m + rows, n : n + columns] += kernel[m, n] * delta
            kernel_gradient[-1 - m, -1 - n] = np.sum(delta * image[m : m + rows, n : n + columns])
    return image_gradient, kernel_gradient


@mistake(
    "cross_correlate2d_backward",
    law="test_autograd",
    diagnosis="Windows overlap: their gradients add up, so += and not =.",
)
def cross_correlate2d_backward_that_overwrites(delta, image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if delta.shape != (rows, columns):
        raise ValueError("delta")
    image_gradient, kernel_gradient = np.zeros_like(image), np.zeros_like(kernel)
    height, width = kernel.shape
    for i in range(rows):
        for j in range(columns):
            image_gradient[i : i + height, j : j + width] = kernel * delta[i, j]
            kernel_gradient += delta[i, j] * image[i : i + height, j : j + width]
    return image_gradient, kernel_gradient


@mistake(
    "cross_correlate2d_backward", law="test_autograd", diagnosis="The two gradients are returned in the wrong order."
)
def cross_correlate2d_backward_in_the_wrong_order(delta, image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if delta.shape != (rows, columns):
        raise ValueError("delta")
    image_gradient, kernel_gradient = np.zeros_like(image), np.zeros_like(kernel)
    for m in range(kernel.shape[0]):
        for n in range(kernel.shape[1]):
            image_gradient[m : m + rows, n : n + columns] += kernel[m, n] * delta
            kernel_gradient[m, n] = np.sum(delta * image[m : m + rows, n : n + columns])
    return kernel_gradient, image_gradient


@mistake(
    "convolve2d_backward",
    law="test_autograd",
    diagnosis="The half turn is missing in ∂L/∂kernel: it is Rot180(image ⋆ delta).",
)
def convolve2d_backward_with_a_rotation_missing(delta, image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if delta.shape != (rows, columns):
        raise ValueError("delta")
    image_gradient, kernel_gradient = np.zeros_like(image), np.zeros_like(kernel)
    for m in range(kernel.shape[0]):
        for n in range(kernel.shape[1]):
            image_gradient[m : m + rows, n : n + columns] += kernel[-1 - m, -1 - n] * delta
            kernel_gradient[m, n] = np.sum(delta * image[m : m + rows, n : n + columns])
    return image_gradient, kernel_gradient


@mistake(
    "convolve2d_backward",
    law="test_finite_differences",
    diagnosis="These are the gradients of the cross-correlation: for the convolution both need the half turn.",
)
def convolve2d_backward_of_the_correlation(delta, image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if delta.shape != (rows, columns):
        raise ValueError("delta")
    image_gradient, kernel_gradient = np.zeros_like(image), np.zeros_like(kernel)
    for m in range(kernel.shape[0]):
        for n in range(kernel.shape[1]):
            image_gradient[m : m + rows, n : n + columns] += kernel[m, n] * delta
            kernel_gradient[m, n] = np.sum(delta * image[m : m + rows, n : n + columns])
    return image_gradient, kernel_gradient


@mistake(
    "convolve2d_backward",
    law="test_which_operation",
    diagnosis="∂L/∂image is the full convolution here; for a convolution layer it is the full cross-correlation.",
)
def convolve2d_backward_with_the_image_convolved(delta, image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if delta.shape != (rows, columns):
        raise ValueError("delta")
    image_gradient, kernel_gradient = np.zeros_like(image), np.zeros_like(kernel)
    for m in range(kernel.shape[0]):
        for n in range(kernel.shape[1]):
            image_gradient[m : m + rows, n : n + columns] += kernel[m, n] * delta
            kernel_gradient[-1 - m, -1 - n] = np.sum(delta * image[m : m + rows, n : n + columns])
    return image_gradient, kernel_gradient


@mistake(
    "conv2d_backward",
    law="test_autograd",
    diagnosis="Windows overlap: where a pixel is in several, its gradients add up (+=).",
)
def conv2d_backward_that_overwrites(dy, x, w, stride=1, padding=0, dilation=1):
    (batch, _, height, width), (filters, _, kernel_height, kernel_width) = x.shape, w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if dy.shape != (batch, filters, rows, columns):
        raise ValueError("dy")
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            dw[:, :, u, v] = np.einsum("nfij,ncij->fc", dy, padded[:, :, down, right])
            dpadded[:, :, down, right] = np.einsum("fc,nfij->ncij", w[:, :, u, v], dy)
    return dpadded[:, :, padding : padding + height, padding : padding + width], dw, dy.sum(axis=(0, 2, 3))


@mistake(
    "conv2d_backward",
    law="test_batch_adds_up",
    diagnosis="Averaged over the batch: if the loss is a mean, dy already knows; gradients of shared weights add up.",
)
def conv2d_backward_averaged_over_the_batch(dy, x, w, stride=1, padding=0, dilation=1):
    (batch, _, height, width), (filters, _, kernel_height, kernel_width) = x.shape, w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if dy.shape != (batch, filters, rows, columns):
        raise ValueError("dy")
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            dw[:, :, u, v] = np.einsum("nfij,ncij->fc", dy, padded[:, :, down, right]) / max(batch, 1)
            dpadded[:, :, down, right] += np.einsum("fc,nfij->ncij", w[:, :, u, v], dy)
    dx = dpadded[:, :, padding : padding + height, padding : padding + width]
    return dx, dw, dy.sum(axis=(0, 2, 3)) / max(batch, 1)


@mistake("conv2d_backward", law="test_autograd", diagnosis="The padding was not cut off: dx must have the shape of x.")
def conv2d_backward_with_its_padding(dy, x, w, stride=1, padding=0, dilation=1):
    batch, (filters, _, kernel_height, kernel_width) = len(x), w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if dy.shape != (batch, filters, rows, columns):
        raise ValueError("dy")
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            dw[:, :, u, v] = np.einsum("nfij,ncij->fc", dy, padded[:, :, down, right])
            dpadded[:, :, down, right] += np.einsum("fc,nfij->ncij", w[:, :, u, v], dy)
    return dpadded, dw, dy.sum(axis=(0, 2, 3))


@mistake(
    "conv2d_backward",
    law="test_unreached_pixels",
    diagnosis="The shape of dx is worked out from dy: where the stride does not divide, rows and columns are missing.",
)
def conv2d_backward_of_the_implied_size(dy, x, w, stride=1, padding=0, dilation=1):
    (batch, channels), (filters, _, kernel_height, kernel_width) = x.shape[:2], w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if dy.shape != (batch, filters, rows, columns):
        raise ValueError("dy")
    reach = stride * (rows - 1) + dilation * (kernel_height - 1) + 1
    span = stride * (columns - 1) + dilation * (kernel_width - 1) + 1
    dpadded, dw = np.zeros((batch, channels, reach, span), dtype=x.dtype), np.zeros_like(w)
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            dw[:, :, u, v] = np.einsum("nfij,ncij->fc", dy, padded[:, :, down, right])
            dpadded[:, :, down, right] += np.einsum("fc,nfij->ncij", w[:, :, u, v], dy)
    return dpadded[:, :, padding : reach - padding, padding : span - padding], dw, dy.sum(axis=(0, 2, 3))


@mistake(
    "conv2d_backward",
    law="test_adjoint",
    diagnosis="The kernel is turned once too often in dx: the layer is a cross-correlation.",
)
def conv2d_backward_rotated_once_too_often(dy, x, w, stride=1, padding=0, dilation=1):
    (batch, _, height, width), (filters, _, kernel_height, kernel_width) = x.shape, w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if dy.shape != (batch, filters, rows, columns):
        raise ValueError("dy")
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            dw[:, :, u, v] = np.einsum("nfij,ncij->fc", dy, padded[:, :, down, right])
            dpadded[:, :, down, right] += np.einsum("fc,nfij->ncij", w[:, :, -1 - u, -1 - v], dy)
    return dpadded[:, :, padding : padding + height, padding : padding + width], dw, dy.sum(axis=(0, 2, 3))


@mistake("max_pool_forward", law="test_torch", diagnosis="The maximum starts at 0: windows of negative pixels give 0.")
def max_pool_forward_from_zero(x, size, stride):
    rows, columns = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    if size > min(x.shape[2:]):
        raise ValueError("the window does not fit")
    y = np.zeros((*x.shape[:2], rows, columns), dtype=x.dtype)
    for i in range(rows):
        for j in range(columns):
            window = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            y[:, :, i, j] = np.maximum(y[:, :, i, j], window.max(axis=(2, 3)))
    return y


@mistake("max_pool_forward", law="test_torch", diagnosis="This is average pooling.")
def max_pool_forward_as_an_average(x, size, stride):
    if size > min(x.shape[2:]):
        raise ValueError("the window does not fit")
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    return windows[:, :, ::stride, ::stride].mean(axis=(4, 5))


@mistake(
    "max_pool_forward", law="test_torch", diagnosis="The stride is ignored: windows lie side by side, whatever it is."
)
def max_pool_forward_side_by_side(x, size, stride):
    if size > min(x.shape[2:]):
        raise ValueError("the window does not fit")
    rows, columns = x.shape[2] // size, x.shape[3] // size
    blocks = x[:, :, : rows * size, : columns * size].reshape(*x.shape[:2], rows, size, columns, size)
    return blocks.max(axis=(3, 5))


@mistake(
    "max_pool_forward",
    law="test_example",
    diagnosis="Windows that stick out are kept: sizes are rounded down here, not up.",
)
def max_pool_forward_rounded_up(x, size, stride):
    if size > min(x.shape[2:]):
        raise ValueError("the window does not fit")
    rows, columns = -(-(x.shape[2] - size) // stride) + 1, -(-(x.shape[3] - size) // stride) + 1
    y = np.zeros((*x.shape[:2], rows, columns), dtype=x.dtype)
    for i in range(rows):
        for j in range(columns):
            top, left = min(i * stride, x.shape[2] - 1), min(j * stride, x.shape[3] - 1)
            y[:, :, i, j] = x[:, :, top : top + size, left : left + size].max(axis=(2, 3))
    return y


@mistake(
    "max_pool_backward",
    law="test_total_is_conserved",
    diagnosis="Every tied pixel is paid in full: gradient is made from nothing.",
)
def max_pool_backward_that_pays_every_tie(dy, x, size, stride):
    rows, columns = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    if dy.shape != (*x.shape[:2], rows, columns):
        raise ValueError("dy")
    dx = np.zeros_like(x)
    for i in range(rows):
        for j in range(columns):
            place = np.s_[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            best = x[place].max(axis=(2, 3), keepdims=True)
            dx[place] += (x[place] == best) * dy[:, :, i : i + 1, j : j + 1]
    return dx


@mistake(
    "max_pool_backward",
    law="test_ties",
    diagnosis="Ties are shared evenly; here the first in reading order receives all.",
)
def max_pool_backward_that_shares_ties(dy, x, size, stride):
    rows, columns = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    if dy.shape != (*x.shape[:2], rows, columns):
        raise ValueError("dy")
    dx = np.zeros_like(x)
    for i in range(rows):
        for j in range(columns):
            place = np.s_[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            best = x[place] == x[place].max(axis=(2, 3), keepdims=True)
            dx[place] += best / best.sum(axis=(2, 3), keepdims=True) * dy[:, :, i : i + 1, j : j + 1]
    return dx


@mistake(
    "max_pool_backward",
    law="test_example",
    diagnosis="Windows overlap: a pixel that wins in several collects from each, so add instead of assigning.",
)
def max_pool_backward_that_overwrites(dy, x, size, stride):
    batch, channels, height, width = x.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    if dy.shape != (batch, channels, rows, columns):
        raise ValueError("dy")
    dx = np.zeros_like(x)
    image, channel = np.indices((batch, channels))
    for i in range(rows):
        for j in range(columns):
            window = x[:, :, stride * i : stride * i + size, stride * j : stride * j + size]
            place = window.reshape(batch, channels, size * size).argmax(axis=2)
            dx[image, channel, stride * i + place // size, stride * j + place % size] = dy[:, :, i, j]
    return dx


@mistake(
    "max_pool_backward",
    law="test_example",
    diagnosis="dx[indices] += values adds only once where an index occurs twice: use np.add.at.",
)
def max_pool_backward_by_fancy_indices(dy, x, size, stride):
    batch, channels, height, width = x.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    if dy.shape != (batch, channels, rows, columns):
        raise ValueError("dy")
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    place = windows.reshape(*windows.shape[:4], size * size).argmax(axis=4)
    image, channel, i, j = np.indices(place.shape)
    dx = np.zeros_like(x)
    dx[image, channel, stride * i + place // size, stride * j + place % size] += dy
    return dx


@mistake(
    "max_pool_backward",
    law="test_autograd",
    diagnosis="The gradient is spread over the window: that is average pooling.",
)
def max_pool_backward_of_the_average(dy, x, size, stride):
    rows, columns = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    if dy.shape != (*x.shape[:2], rows, columns):
        raise ValueError("dy")
    dx = np.zeros_like(x)
    for i in range(rows):
        for j in range(columns):
            share = dy[:, :, i : i + 1, j : j + 1] / size**2
            dx[:, :, i * stride : i * stride + size, j * stride : j * stride + size] += share
    return dx
