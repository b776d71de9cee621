"""Other right answers to the exercises of convolution."""

import numpy as np

from autograder.bank import alternative


@alternative("cross_correlate2d", "four nested loops over the definition")
def cross_correlate2d_by_loops(image, kernel, mode):
    (h, w), (kh, kw) = image.shape, kernel.shape
    if mode == "valid":
        tops, lefts = range(0, h - kh + 1), range(0, w - kw + 1)
    elif mode == "same":
        if kh % 2 == 0 or kw % 2 == 0:
            raise ValueError("even sides")
        tops, lefts = range(-(kh // 2), h - kh // 2), range(-(kw // 2), w - kw // 2)
    elif mode == "full":
        tops, lefts = range(1 - kh, h), range(1 - kw, w)
    else:
        raise ValueError(mode)
    if not tops or not lefts:
        raise ValueError("the kernel does not fit")
    result = np.zeros((len(tops), len(lefts)), dtype=image.dtype)
    for a, i in enumerate(tops):
        for b, j in enumerate(lefts):
            for m in range(kh):
                for n in range(kw):
                    if 0 <= i + m < h and 0 <= j + n < w:
                        result[a, b] += kernel[m, n] * image[i + m, j + n]
    return result


@alternative("cross_correlate2d", "with sliding windows and one einsum")
def cross_correlate2d_by_windows(image, kernel, mode):
    height, width = kernel.shape
    if mode == "full":
        margins = [(height - 1, height - 1), (width - 1, width - 1)]
    elif mode == "same" and height % 2 and width % 2:
        margins = [(height // 2, height // 2), (width // 2, width // 2)]
    elif mode == "valid":
        margins = [(0, 0), (0, 0)]
    else:
        raise ValueError(f"mode {mode!r} with a kernel of shape {kernel.shape}")
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, margins), kernel.shape)
    return np.einsum("ijmn,mn->ij", windows, kernel)


@alternative("cross_correlate2d", "with SciPy", requires="scipy")
def cross_correlate2d_of_scipy(image, kernel, mode):
    from scipy.signal import correlate2d

    if mode == "same" and not (kernel.shape[0] % 2 and kernel.shape[1] % 2):
        raise ValueError("even sides")
    if mode == "valid" and (kernel.shape[0] > image.shape[0] or kernel.shape[1] > image.shape[1]):
        raise ValueError("the kernel does not fit")
    return correlate2d(image, kernel, mode=mode).astype(image.dtype)


@alternative("convolve2d", "by Fourier transforms")
def convolve2d_by_fourier(image, kernel, mode):
    (h, w), (kh, kw) = image.shape, kernel.shape
    if mode not in ("valid", "same", "full") or (mode == "same" and not (kh % 2 and kw % 2)):
        raise ValueError(mode)
    if mode == "valid" and not (kh <= h and kw <= w):
        raise ValueError("the kernel does not fit")
    shape = (h + kh - 1, w + kw - 1)
    full = np.fft.irfft2(np.fft.rfft2(image, shape) * np.fft.rfft2(kernel, shape), shape).astype(image.dtype)
    cut = {"full": (0, 0, *shape), "same": (kh // 2, kw // 2, h, w), "valid": (kh - 1, kw - 1, h - kh + 1, w - kw + 1)}
    top, left, rows, columns = cut[mode]
    return full[top : top + rows, left : left + columns]


@alternative("convolve2d", "as a cross-correlation with the rotated kernel")
def convolve2d_by_rotation(image, kernel, mode):
    height, width = kernel.shape
    if mode == "same" and (height % 2 == 0 or width % 2 == 0):
        raise ValueError("even sides")
    top, left = {"valid": (0, 0), "same": (height // 2, width // 2)}.get(mode, (height - 1, width - 1))
    if mode not in ("valid", "same", "full"):
        raise ValueError(mode)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, [(top, top), (left, left)]), kernel.shape)
    return (windows * np.rot90(kernel, 2)).sum(axis=(2, 3))


@alternative("convolve2d", "every pixel stamps the kernel")
def convolve2d_by_stamps(image, kernel, mode):
    (h, w), (kh, kw) = image.shape, kernel.shape
    full = np.zeros((h + kh - 1, w + kw - 1), dtype=image.dtype)
    for (i, j), value in np.ndenumerate(image):
        full[i : i + kh, j : j + kw] += value * kernel
    if mode == "full":
        return full
    if mode == "same" and kh % 2 == 1 and kw % 2 == 1:
        return full[(kh - 1) // 2 :, (kw - 1) // 2 :][:h, :w]
    if mode == "valid" and kh <= h and kw <= w:
        return full[kh - 1 : h, kw - 1 : w]
    raise ValueError(f"mode {mode!r}, image {image.shape}, kernel {kernel.shape}")


@alternative("convolve2d", "with SciPy", requires="scipy")
def convolve2d_of_scipy(image, kernel, mode):
    from scipy.signal import convolve2d as convolve

    if mode == "same" and not (kernel.shape[0] % 2 and kernel.shape[1] % 2):
        raise ValueError("even sides")
    if mode == "valid" and (kernel.shape[0] > image.shape[0] or kernel.shape[1] > image.shape[1]):
        raise ValueError("the kernel does not fit")
    return convolve(image, kernel, mode).astype(image.dtype)


@alternative("is_rotation_symmetric", "entries read backwards")
def is_rotation_symmetric_by_reading(kernel):
    flat = kernel.ravel()
    return bool((flat == flat[::-1]).all())


@alternative("is_rotation_symmetric", "with rot90 and a tolerance")
def is_rotation_symmetric_by_rot90(kernel):
    return np.allclose(kernel, np.rot90(kernel, 2))


@alternative("is_rotation_symmetric", "entry by entry")
def is_rotation_symmetric_by_loops(kernel):
    height, width = kernel.shape
    return all(kernel[m, n] == kernel[height - 1 - m, width - 1 - n] for m in range(height) for n in range(width))


@alternative("impulse_response", "on a larger image, cut out")
def impulse_response_on_a_larger_image(system, radius):
    side = 4 * radius + 5
    impulse = np.zeros((side, side))
    impulse[side // 2, side // 2] = 1.0
    answer = np.asarray(system(impulse))
    return answer[radius + 2 : 3 * radius + 3, radius + 2 : 3 * radius + 3]


@alternative("impulse_response", "one entry after the other")
def impulse_response_entry_by_entry(system, radius):
    side = 2 * radius + 1
    kernel = np.zeros((side, side))
    for m in range(side):
        for n in range(side):
            image = np.zeros((side, side))
            image[side - 1 - m, side - 1 - n] = 1
            kernel[m, n] = system(image)[radius, radius]
    return kernel


@alternative("impulse_response", "the differences of the answer to a step")
def impulse_response_from_a_step(system, radius):
    corner, side = radius + 1, 3 * radius + 2
    step = np.zeros((side, side))
    step[corner:, corner:] = 1
    answer = system(step)[: corner + radius + 1, : corner + radius + 1]
    return np.diff(np.diff(answer, axis=0), axis=1)


@alternative("conv_matrix", "entry by entry")
def conv_matrix_by_entries(kernel, n):
    m = len(kernel)
    matrix = np.zeros((n + m - 1, n), dtype=kernel.dtype)
    for i in range(n + m - 1):
        for j in range(n):
            if 0 <= i - j < m:
                matrix[i, j] = kernel[i - j]
    return matrix


@alternative("conv_matrix", "the columns are convolved unit vectors")
def conv_matrix_by_unit_vectors(kernel, n):
    return np.stack([np.convolve(kernel, unit) for unit in np.eye(n, dtype=kernel.dtype)], axis=1)


@alternative("conv_matrix", "with SciPy", requires="scipy")
def conv_matrix_of_scipy(kernel, n):
    from scipy.linalg import toeplitz

    row = np.zeros(n, dtype=kernel.dtype)
    row[0] = kernel[0]
    return toeplitz(np.concatenate([kernel, np.zeros(n - 1, dtype=kernel.dtype)]), row)


@alternative("conv_matrix2d", "row and column numbers worked out")
def conv_matrix2d_by_numbers(kernel, height, width):
    kh, kw = kernel.shape
    columns = width + kw - 1
    matrix = np.zeros(((height + kh - 1) * columns, height * width), dtype=kernel.dtype)
    i, j, m, n = np.indices((height, width, kh, kw))
    matrix[(i + m) * columns + j + n, i * width + j] = kernel[m, n]
    return matrix


@alternative("conv_matrix2d", "a sum of Kronecker products")
def conv_matrix2d_by_kronecker(kernel, height, width):
    kh, kw = kernel.shape
    result = np.zeros(((height + kh - 1) * (width + kw - 1), height * width), dtype=kernel.dtype)
    for m in range(kh):
        for n in range(kw):
            down = np.eye(height + kh - 1, height, -m, dtype=kernel.dtype)
            right = np.eye(width + kw - 1, width, -n, dtype=kernel.dtype)
            result += kernel[m, n] * np.kron(down, right)
    return result


@alternative("conv_matrix2d", "with SciPy, one unit image after the other", requires="scipy")
def conv_matrix2d_of_scipy(kernel, height, width):
    from scipy.signal import convolve2d as convolve

    units = np.eye(height * width, dtype=kernel.dtype).reshape(-1, height, width)
    return np.stack([convolve(unit, kernel).ravel() for unit in units], axis=1)


@alternative("conv_output_size", "with the span spelled out")
def conv_output_size_by_span(size, kernel, stride=1, padding=0, dilation=1):
    for value, least in ((size, 1), (kernel, 1), (stride, 1), (padding, 0), (dilation, 1)):
        if value < least:
            raise ValueError(f"{value} is less than {least}")
    span = dilation * (kernel - 1) + 1
    if span > size + 2 * padding:
        raise ValueError("the window is larger than the padded input")
    return (size + 2 * padding - span + stride) // stride


@alternative("conv_output_size", "by counting")
def conv_output_size_by_counting(size, kernel, stride=1, padding=0, dilation=1):
    if size < 1 or kernel < 1 or stride < 1 or dilation < 1 or padding < 0:
        raise ValueError("settings")
    count = len(range(0, size + 2 * padding - dilation * (kernel - 1), stride))
    if count == 0:
        raise ValueError("no window fits")
    return count


@alternative("conv_output_size", "with NumPy's windows")
def conv_output_size_of_numpy(size, kernel, stride=1, padding=0, dilation=1):
    if any(value < 1 for value in (size, kernel, stride, dilation)) or padding < 0:
        raise ValueError("settings")
    padded = np.pad(np.zeros(size), padding)
    windows = np.lib.stride_tricks.sliding_window_view(padded, dilation * (kernel - 1) + 1)
    return len(windows[::stride])


@alternative("conv_parameters", "weights and biases apart")
def conv_parameters_apart(in_channels, out_channels, kernel_size, bias=True, groups=1):
    for channels in (in_channels, out_channels):
        if channels % groups != 0:
            raise ValueError(f"{groups} groups do not divide {channels} channels")
    weights = in_channels * out_channels * kernel_size[0] * kernel_size[1] // groups
    return weights + out_channels if bias else weights


@alternative("conv_parameters", "by asking torch")
def conv_parameters_of_torch(in_channels, out_channels, kernel_size, bias=True, groups=1):
    import torch

    layer = torch.nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias, groups=groups)
    return sum(parameter.numel() for parameter in layer.parameters())


@alternative("conv_parameters", "one group, times their number")
def conv_parameters_of_a_group(in_channels, out_channels, kernel_size, bias=True, groups=1):
    (inputs, lost), (outputs, left) = divmod(in_channels, groups), divmod(out_channels, groups)
    if lost or left:
        raise ValueError("the groups do not divide the channels")
    group = np.empty((outputs, inputs, *kernel_size)).size
    if bias:
        group += outputs
    return groups * group


@alternative("conv2d_forward", "window by window")
def conv2d_forward_by_windows(x, w, b, stride=1, padding=0, dilation=1):
    if x.shape[1] != w.shape[1] or b.shape != w.shape[:1]:
        raise ValueError("shapes")
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    span_down, span_right = dilation * (w.shape[2] - 1) + 1, dilation * (w.shape[3] - 1) + 1
    tops = range(0, padded.shape[2] - span_down + 1, stride)
    lefts = range(0, padded.shape[3] - span_right + 1, stride)
    if not tops or not lefts:
        raise ValueError("the window does not fit")
    y = np.empty((x.shape[0], w.shape[0], len(tops), len(lefts)), dtype=x.dtype)
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            window = padded[:, :, top : top + span_down : dilation, left : left + span_right : dilation]
            y[:, :, i, j] = np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3])) + b
    return y


@alternative("conv2d_forward", "im2col: one matrix product")
def conv2d_forward_by_im2col(x, w, b, stride=1, padding=0, dilation=1):
    filters, channels, kh, kw = w.shape
    if x.shape[1] != channels or b.shape != (filters,):
        raise ValueError("shapes")
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    spread = (dilation * (kh - 1) + 1, dilation * (kw - 1) + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, spread, axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride, ::dilation, ::dilation].transpose(0, 2, 3, 1, 4, 5)
    batch, rows, columns = windows.shape[:3]
    matrix = windows.reshape(batch * rows * columns, channels * kh * kw)
    y = matrix @ w.reshape(filters, channels * kh * kw).T + b
    return y.reshape(batch, rows, columns, filters).transpose(0, 3, 1, 2)


@alternative("conv2d_forward", "with torch")
def conv2d_forward_of_torch(x, w, b, stride=1, padding=0, dilation=1):
    import torch

    if x.shape[1] != w.shape[1] or b.shape != w.shape[:1]:
        raise ValueError("shapes")
    spans = [dilation * (k - 1) + 1 for k in w.shape[2:]]
    if any(span > side + 2 * padding for span, side in zip(spans, x.shape[2:])):
        raise ValueError("the window does not fit")
    inputs = [torch.tensor(value) for value in (x, w, b)]
    return torch.nn.functional.conv2d(*inputs, stride=stride, padding=padding, dilation=dilation).numpy()


@alternative("conv2d_forward", "with SciPy, channel by channel", requires="scipy")
def conv2d_forward_of_scipy(x, w, b, stride=1, padding=0, dilation=1):
    from scipy.signal import correlate2d

    filters, channels, kh, kw = w.shape
    spans = dilation * (kh - 1) + 1, dilation * (kw - 1) + 1
    if x.shape[1] != channels or b.shape != (filters,):
        raise ValueError("shapes")
    if spans[0] > x.shape[2] + 2 * padding or spans[1] > x.shape[3] + 2 * padding:
        raise ValueError("the window does not fit")
    spread = np.zeros((filters, channels, *spans), dtype=w.dtype)
    spread[:, :, ::dilation, ::dilation] = w
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    size = [(side - span) // stride + 1 for side, span in zip(padded.shape[2:], spans)]
    y = np.zeros((len(x), filters, *size), dtype=x.dtype)
    for n in range(len(x)):
        for f in range(filters):
            maps = [correlate2d(padded[n, c], spread[f, c], "valid")[::stride, ::stride] for c in range(channels)]
            y[n, f] = b[f] + sum(maps)
    return y


@alternative("cross_correlate2d_backward", "window by window")
def cross_correlate2d_backward_by_windows(delta, image, kernel):
    height, width = kernel.shape
    if delta.shape != (image.shape[0] - height + 1, image.shape[1] - width + 1):
        raise ValueError("delta")
    image_gradient, kernel_gradient = np.zeros(image.shape, image.dtype), np.zeros(kernel.shape, kernel.dtype)
    for (i, j), value in np.ndenumerate(delta):
        image_gradient[i : i + height, j : j + width] += value * kernel
        kernel_gradient += value * image[i : i + height, j : j + width]
    return image_gradient, kernel_gradient


@alternative("cross_correlate2d_backward", "with SciPy", requires="scipy")
def cross_correlate2d_backward_of_scipy(delta, image, kernel):
    from scipy.signal import convolve2d as convolve
    from scipy.signal import correlate2d as correlate

    if any(d != i - k + 1 for d, i, k in zip(delta.shape, image.shape, kernel.shape)):
        raise ValueError("delta")
    return convolve(delta, kernel, "full"), correlate(image, delta, "valid")


@alternative("cross_correlate2d_backward", "with sliding windows and einsum")
def cross_correlate2d_backward_by_einsum(delta, image, kernel):
    height, width = kernel.shape
    windows = np.lib.stride_tricks.sliding_window_view
    patches = windows(image, kernel.shape)
    if patches.shape[:2] != delta.shape:
        raise ValueError("delta")
    framed = np.pad(delta, [(height - 1, height - 1), (width - 1, width - 1)])
    image_gradient = np.einsum("pqmn,mn->pq", windows(framed, kernel.shape), np.rot90(kernel, 2))
    return image_gradient, np.tensordot(delta, patches, axes=2)


@alternative("convolve2d_backward", "by turning the kernel before and its gradient after")
def convolve2d_backward_by_turning(delta, image, kernel):
    turned = kernel[::-1, ::-1]
    height, width = kernel.shape
    if delta.shape != (image.shape[0] - height + 1, image.shape[1] - width + 1):
        raise ValueError("delta")
    image_gradient, gradient = np.zeros_like(image), np.zeros_like(kernel)
    for (i, j), value in np.ndenumerate(delta):
        image_gradient[i : i + height, j : j + width] += value * turned
        gradient += value * image[i : i + height, j : j + width]
    return image_gradient, gradient[::-1, ::-1]


@alternative("convolve2d_backward", "with SciPy", requires="scipy")
def convolve2d_backward_of_scipy(delta, image, kernel):
    from scipy.signal import convolve2d as convolve
    from scipy.signal import correlate2d as correlate

    if any(d != i - k + 1 for d, i, k in zip(delta.shape, image.shape, kernel.shape)):
        raise ValueError("delta")
    return correlate(delta, kernel, "full"), convolve(image[::-1, ::-1], delta, "valid")


@alternative("convolve2d_backward", "with torch's autograd")
def convolve2d_backward_of_torch(delta, image, kernel):
    import torch

    inputs = [torch.tensor(array, requires_grad=True) for array in (image, kernel)]
    z = torch.nn.functional.conv2d(inputs[0][None, None], inputs[1].flip(0, 1)[None, None])[0, 0]
    if tuple(z.shape) != delta.shape:
        raise ValueError("delta")
    z.backward(torch.tensor(delta))
    return tuple(variable.grad.numpy() for variable in inputs)


@alternative("conv2d_backward", "window by window")
def conv2d_backward_by_windows(dy, x, w, stride=1, padding=0, dilation=1):
    filters, channels, kh, kw = w.shape
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    down, right = dilation * (kh - 1) + 1, dilation * (kw - 1) + 1
    rows, columns = (padded.shape[2] - down) // stride + 1, (padded.shape[3] - right) // stride + 1
    if dy.shape != (len(x), filters, rows, columns):
        raise ValueError("dy")
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(rows):
        for j in range(columns):
            place = np.s_[:, :, i * stride : i * stride + down : dilation, j * stride : j * stride + right : dilation]
            dw += np.einsum("nf,ncuv->fcuv", dy[:, :, i, j], padded[place])
            dpadded[place] += np.einsum("nf,fcuv->ncuv", dy[:, :, i, j], w)
    dx = dpadded[:, :, padding:, padding:][:, :, : x.shape[2], : x.shape[3]]
    return dx, dw, np.einsum("nfij->f", dy)


@alternative("conv2d_backward", "as convolutions of dy with zeros between its entries")
def conv2d_backward_by_zero_insertion(dy, x, w, stride=1, padding=0, dilation=1):
    (batch, channels, height, width), (filters, _, kh, kw) = x.shape, w.shape
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    down, right = dilation * (kh - 1) + 1, dilation * (kw - 1) + 1
    rows, columns = (padded.shape[2] - down) // stride + 1, (padded.shape[3] - right) // stride + 1
    if dy.shape != (batch, filters, rows, columns):
        raise ValueError("dy")
    # With stride 1 there would be one gradient for every place: those of the places that were skipped are zero.
    dense = np.zeros((batch, filters, padded.shape[2] - down + 1, padded.shape[3] - right + 1), dtype=x.dtype)
    dense[:, :, : stride * rows : stride, : stride * columns : stride] = dy
    windows = np.lib.stride_tricks.sliding_window_view(padded, dense.shape[2:], axis=(2, 3))
    dw = np.einsum("ncuvij,nfij->fcuv", windows[:, :, ::dilation, ::dilation], dense)
    spread = np.zeros((filters, channels, down, right), dtype=w.dtype)
    spread[:, :, ::dilation, ::dilation] = w
    framed = np.pad(dense, [(0, 0), (0, 0), (down - 1, down - 1), (right - 1, right - 1)])
    windows = np.lib.stride_tricks.sliding_window_view(framed, (down, right), axis=(2, 3))
    dx = np.einsum("nfpquv,fcuv->ncpq", windows, spread[:, :, ::-1, ::-1])
    return dx[:, :, padding : padding + height, padding : padding + width], dw, dy.sum((0, 2, 3))


@alternative("conv2d_backward", "with torch's autograd")
def conv2d_backward_of_torch(dy, x, w, stride=1, padding=0, dilation=1):
    import torch

    x, w = torch.tensor(x, requires_grad=True), torch.tensor(w, requires_grad=True)
    b = torch.zeros(w.shape[0], dtype=x.dtype, requires_grad=True)
    y = torch.nn.functional.conv2d(x, w, b, stride, padding, dilation)
    if dy.shape != tuple(y.shape):
        raise ValueError("dy")
    return tuple(gradient.numpy() for gradient in torch.autograd.grad(y, (x, w, b), torch.tensor(dy)))


@alternative("max_pool_forward", "a running maximum over the places in the window")
def max_pool_forward_by_places(x, size, stride):
    rows, columns = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    if x.shape[2] < size or x.shape[3] < size:
        raise ValueError("the window does not fit")
    y = np.full((*x.shape[:2], rows, columns), -np.inf, dtype=x.dtype)
    for u in range(size):
        for v in range(size):
            y = np.maximum(y, x[:, :, u:, v:][:, :, ::stride, ::stride][:, :, :rows, :columns])
    return y


@alternative("max_pool_forward", "window by window")
def max_pool_forward_by_windows(x, size, stride):
    tops, lefts = range(0, x.shape[2] - size + 1, stride), range(0, x.shape[3] - size + 1, stride)
    if not tops or not lefts:
        raise ValueError("the window does not fit")
    y = np.empty(x.shape[:2] + (len(tops), len(lefts)), dtype=x.dtype)
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            y[:, :, i, j] = x[:, :, top : top + size, left : left + size].max(axis=(2, 3))
    return y


@alternative("max_pool_forward", "with SciPy's rank filter", requires="scipy")
def max_pool_forward_of_scipy(x, size, stride):
    from scipy.ndimage import maximum_filter

    if size > x.shape[2] or size > x.shape[3]:
        raise ValueError("the window does not fit")
    # With this origin the filter's value at (i, j) is the maximum of the window that starts there.
    moved = maximum_filter(x, size=(1, 1, size, size), origin=(0, 0, -(size // 2), -(size // 2)))
    return moved[:, :, : x.shape[2] - size + 1 : stride, : x.shape[3] - size + 1 : stride]


@alternative("max_pool_backward", "all windows at once, with np.add.at")
def max_pool_backward_by_add_at(dy, x, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    if dy.shape != windows.shape[:4]:
        raise ValueError("dy")
    place = windows.reshape(*windows.shape[:4], size * size).argmax(axis=-1)
    n, c, i, j = np.indices(place.shape)
    dx = np.zeros_like(x)
    np.add.at(dx, (n, c, i * stride + place // size, j * stride + place % size), dy)
    return dx


@alternative("max_pool_backward", "pixel by pixel")
def max_pool_backward_by_loops(dy, x, size, stride):
    rows, columns = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    if dy.shape != (x.shape[0], x.shape[1], rows, columns):
        raise ValueError("dy")
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dy.shape):
        best = (i * stride, j * stride)
        for p in range(i * stride, i * stride + size):
            for q in range(j * stride, j * stride + size):
                if x[n, c, p, q] > x[n, c, best[0], best[1]]:
                    best = (p, q)
        dx[n, c, best[0], best[1]] += dy[n, c, i, j]
    return dx


@alternative("max_pool_backward", "with torch's autograd")
def max_pool_backward_of_torch(dy, x, size, stride):
    import torch

    variable = torch.tensor(x, requires_grad=True)
    y = torch.nn.functional.max_pool2d(variable, size, stride)
    if tuple(y.shape) != dy.shape:
        raise ValueError("dy")
    return torch.autograd.grad(y, variable, torch.tensor(dy))[0].numpy()
