"""Other right answers to the exercises of fully convolutional networks."""

import torch
import torch.nn.functional as F

from autograder.bank import alternative


@alternative("upsample_nearest", "with torch's interpolate")
def upsample_nearest_of_torch(x, scale):
    if scale < 1:
        raise ValueError("scale")
    return F.interpolate(x, scale_factor=scale, mode="nearest")


@alternative("upsample_nearest", "by looking up the pixel of every output pixel")
def upsample_nearest_by_index(x, scale):
    if scale <= 0:
        raise ValueError("scale")
    rows, columns = (torch.arange(scale * side) // scale for side in x.shape[2:])
    return x[:, :, rows[:, None], columns]


@alternative("upsample_nearest", "by expanding two new axes")
def upsample_nearest_by_expanding(x, scale):
    if scale < 1:
        raise ValueError("scale")
    n, c, h, w = x.shape
    return x[:, :, :, None, :, None].expand(n, c, h, scale, w, scale).reshape(n, c, h * scale, w * scale)


@alternative("upsample_nearest", "as a Kronecker product")
def upsample_nearest_by_kronecker(x, scale):
    if scale < 1:
        raise ValueError("scale")
    block = torch.ones(1, 1, scale, scale, dtype=x.dtype)
    if len(x) == 0:
        return x.new_zeros(0, x.shape[1], x.shape[2] * scale, x.shape[3] * scale)
    return torch.kron(x, block)


@alternative("bed_of_nails", "as a Kronecker product with one nail")
def bed_of_nails_by_kronecker(x, scale):
    if scale < 1:
        raise ValueError("scale")
    if len(x) == 0:
        return x.new_zeros(*x.shape[:2], x.shape[2] * scale, x.shape[3] * scale)
    nail = torch.zeros(1, 1, scale, scale, dtype=x.dtype)
    nail[..., 0, 0] = 1
    return torch.kron(x, nail)


@alternative("bed_of_nails", "pixel by pixel")
def bed_of_nails_by_loops(x, scale):
    if scale < 1:
        raise ValueError("scale")
    y = torch.zeros(*x.shape[:2], x.shape[2] * scale, x.shape[3] * scale, dtype=x.dtype)
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            y[:, :, i * scale, j * scale] = x[:, :, i, j]
    return y


@alternative("bed_of_nails", "by padding two new axes")
def bed_of_nails_by_padding(x, scale):
    if scale < 1:
        raise ValueError("scale")
    n, c, h, w = x.shape
    return F.pad(x[:, :, :, None, :, None], (0, scale - 1, 0, 0, 0, scale - 1)).reshape(n, c, h * scale, w * scale)


@alternative("bed_of_nails", "repeated, then multiplied by a pattern of nails")
def bed_of_nails_by_mask(x, scale):
    if scale < 1:
        raise ValueError("scale")
    y = x.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    down, right = (torch.arange(side) % scale == 0 for side in y.shape[2:])
    return torch.where(down[:, None] & right, y, torch.zeros_like(y))


@alternative("max_pool_with_positions", "with torch's max_pool2d")
def max_pool_with_positions_of_torch(x, size):
    if size < 1 or size > x.shape[2] or size > x.shape[3]:
        raise ValueError("size")
    return F.max_pool2d(x, size, return_indices=True)


@alternative("max_pool_with_positions", "window by window")
def max_pool_with_positions_by_loops(x, size):
    if size < 1 or size > x.shape[2] or size > x.shape[3]:
        raise ValueError("size")
    n, c, h, w = x.shape
    values = x.new_zeros(n, c, h // size, w // size)
    positions = torch.zeros(n, c, h // size, w // size, dtype=torch.int64)
    numbers = torch.arange(h * w).reshape(h, w)
    for i in range(h // size):
        for j in range(w // size):
            down, right = slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size)
            best, place = x[:, :, down, right].reshape(n, c, size * size).max(dim=2)
            values[:, :, i, j], positions[:, :, i, j] = best, numbers[down, right].flatten()[place]
    return values, positions


@alternative("max_pool_with_positions", "amax and argmax, as a named tuple")
def max_pool_with_positions_as_a_named_tuple(x, size):
    from typing import NamedTuple

    class Pooled(NamedTuple):
        values: torch.Tensor
        positions: torch.Tensor

    rows, columns = x.shape[2] // size if size > 0 else 0, x.shape[3] // size if size > 0 else 0
    if rows < 1 or columns < 1:
        raise ValueError("window")
    cut = x[:, :, : rows * size, : columns * size]
    windows = cut.unflatten(3, (columns, size)).unflatten(2, (rows, size)).transpose(3, 4).flatten(4)
    place = windows.argmax(dim=-1)
    row = torch.arange(rows)[:, None] * size + place // size
    column = torch.arange(columns) * size + place % size
    return Pooled(windows.amax(dim=-1), row * x.shape[3] + column)


@alternative("max_pool_with_positions", "with unfold and a table of numbers")
def max_pool_with_positions_by_unfold(x, size):
    if not 0 < size <= min(x.shape[-2:]):
        raise ValueError("size")
    numbers = torch.arange(x.shape[2] * x.shape[3]).reshape(x.shape[2:])
    numbers = numbers.unfold(0, size, size).unfold(1, size, size).flatten(2)
    windows = x.unfold(2, size, size).unfold(3, size, size).flatten(4)
    place = windows.argmax(dim=4, keepdim=True)
    positions = numbers.expand(*windows.shape).gather(4, place)
    return [windows.gather(4, place)[..., 0], positions[..., 0]]


@alternative("max_unpool", "with torch's max_unpool2d, one window per value")
def max_unpool_of_torch(pooled, positions, height, width):
    if pooled.shape != positions.shape:
        raise ValueError("shapes")
    if positions.numel() and (positions.min() < 0 or positions.max() >= height * width):
        raise ValueError("positions")
    if pooled.numel() == 0:
        return pooled.new_zeros(*pooled.shape[:2], height, width)
    # Values and positions in one row; torch allows any output below two windows beyond the values' own size.
    row, places = pooled.flatten(2)[:, :, None], positions.flatten(2)[:, :, None]
    window = height * width
    flat = F.max_unpool2d(row, places, (1, window), stride=(1, window), output_size=(1, row.shape[3] * window))
    return flat[..., :window].reshape(*pooled.shape[:2], height, width)


@alternative("max_unpool", "with index arrays for every axis")
def max_unpool_by_index(pooled, positions, height, width):
    if pooled.shape != positions.shape or bool(((positions < 0) + (positions > height * width - 1)).any()):
        raise ValueError("shapes or positions")
    n, c = pooled.shape[:2]
    y = torch.zeros(n, c, height, width, dtype=pooled.dtype)
    image, channel = torch.arange(n)[:, None, None, None], torch.arange(c)[:, None, None]
    y[image, channel, positions // width, positions % width] = pooled
    return y


@alternative("max_unpool", "channel by channel")
def max_unpool_by_loops(pooled, positions, height, width):
    if tuple(pooled.shape) != tuple(positions.shape):
        raise ValueError("shapes")
    y = torch.zeros(*pooled.shape[:2], height, width, dtype=pooled.dtype)
    for n in range(pooled.shape[0]):
        for c in range(pooled.shape[1]):
            for i in range(pooled.shape[2]):
                for j in range(pooled.shape[3]):
                    row, column = divmod(int(positions[n, c, i, j]), width)
                    if not 0 <= row < height:
                        raise ValueError("a position is outside")
                    y[n, c, row, column] = pooled[n, c, i, j]
    return y


@alternative("upsample_bilinear", "with torch's interpolate")
def upsample_bilinear_of_torch(x, scale):
    if scale < 1:
        raise ValueError("scale")
    if len(x) == 0:
        return x.new_zeros(*x.shape[:2], scale * x.shape[2], scale * x.shape[3])
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


@alternative("upsample_bilinear", "four neighbours and their weights")
def upsample_bilinear_of_four_neighbours(x, scale):
    if scale < 1:
        raise ValueError("scale")
    parts = []
    for side in x.shape[2:]:
        u = ((torch.arange(side * scale).to(x.dtype) + 0.5) / scale - 0.5).clamp(0, side - 1)
        low = u.floor().long()
        parts.append((low, (low + 1).clamp(max=side - 1), u - low))
    (top, bottom, v), (left, right, h) = parts
    upper = x[:, :, top][..., left] * (1 - h) + x[:, :, top][..., right] * h
    lower = x[:, :, bottom][..., left] * (1 - h) + x[:, :, bottom][..., right] * h
    return upper * (1 - v)[:, None] + lower * v[:, None]


@alternative("upsample_bilinear", "from one pixel towards the next")
def upsample_bilinear_by_steps(x, scale):
    if scale < 1:
        raise ValueError("scale")
    for axis in (2, 3):
        side = x.shape[axis]
        u = ((torch.arange(side * scale, dtype=x.dtype) + 0.5) / scale - 0.5).clamp(0, side - 1)
        first = u.floor().long().clamp(max=max(side - 2, 0))
        second = (first + 1).clamp(max=side - 1)
        share = u - first if axis == 3 else (u - first)[:, None]
        start = x.index_select(axis, first)
        x = start + share * (x.index_select(axis, second) - start)
    return x


@alternative("upsample_bilinear", "as a transposed convolution of the image with a repeated border")
def upsample_bilinear_by_stamps(x, scale):
    if scale < 1:
        raise ValueError("scale")
    n, c, h, w = x.shape
    side = 2 * scale - scale % 2
    hat = 1 - (torch.arange(side, dtype=x.dtype) - (side - 1) / 2).abs() / scale
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate").reshape(n * c, 1, h + 2, w + 2)
    y = F.conv_transpose2d(padded, torch.outer(hat, hat)[None, None], stride=scale, padding=scale // 2)
    return y[:, :, scale:-scale, scale:-scale].reshape(n, c, h * scale, w * scale)


@alternative("bilinear_kernel", "a box convolved with a box")
def bilinear_kernel_of_boxes(scale):
    if scale < 1:
        raise ValueError("scale")
    box = torch.ones(1, 1, scale, dtype=torch.float64)
    hat = F.conv1d(box, box, padding=scale - 1)[0, 0] / scale  # odd, with its peak on a pixel
    if scale % 2 == 0:
        hat = (F.pad(hat, (1, 0)) + F.pad(hat, (0, 1))) / 2
    return hat[:, None] * hat


@alternative("bilinear_kernel", "entry by entry")
def bilinear_kernel_by_entries(scale):
    if scale <= 0:
        raise ValueError("scale")
    size, middle = (2 * scale - 1, scale - 1) if scale % 2 else (2 * scale, scale - 0.5)
    hat = [1 - abs(t - middle) / scale for t in range(size)]
    return torch.tensor([[a * b for b in hat] for a in hat], dtype=torch.float64)


@alternative("bilinear_kernel", "with NumPy, one half mirrored")
def bilinear_kernel_mirrored(scale):
    import numpy as np

    if scale < 1:
        raise ValueError("scale")
    if scale % 2:
        half = np.arange(1, scale + 1) / scale
        hat = np.concatenate([half, half[-2::-1]])
    else:
        half = (np.arange(scale) + 0.5) / scale
        hat = np.concatenate([half, half[::-1]])
    return torch.from_numpy(np.outer(hat, hat))


@alternative("bilinear_kernel", "the response of torch's interpolate to one pixel")
def bilinear_kernel_of_one_pixel(scale):
    if scale < 1:
        raise ValueError("scale")
    pixel = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    pixel[0, 0, 2, 2] = 1
    start, side = 2 * scale - scale // 2, 2 * scale - scale % 2
    y = F.interpolate(pixel, scale_factor=scale, mode="bilinear", align_corners=False)
    return y[0, 0, start : start + side, start : start + side]


@alternative("conv_transpose_output_size", "counting the last stamp")
def conv_transpose_output_size_by_stamps(size, kernel, stride, padding, output_padding=0):
    if output_padding not in range(stride):
        raise ValueError("output_padding")
    length = max(start + kernel for start in range(0, size * stride, stride))
    length += output_padding - padding - padding
    if length <= 0:
        raise ValueError("empty")
    return length


@alternative("conv_transpose_output_size", "inserted and padded zeros, then a convolution")
def conv_transpose_output_size_of_zeros(size, kernel, stride, padding, output_padding=0):
    if output_padding < 0 or output_padding >= stride:
        raise ValueError("output_padding")
    spread = size + (size - 1) * (stride - 1)
    padded = spread + 2 * (kernel - padding - 1) + output_padding
    if padded < kernel:
        raise ValueError("empty")
    return padded - kernel + 1


@alternative("conv_transpose_output_size", "asking torch")
def conv_transpose_output_size_of_torch(size, kernel, stride, padding, output_padding=0):
    x, w = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    if not 0 <= output_padding < stride:
        raise ValueError("output_padding")
    try:
        y = F.conv_transpose1d(x, w, stride=stride, padding=padding, output_padding=output_padding)
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    if y.shape[2] == 0:
        raise ValueError("empty")
    return y.shape[2]


@alternative("output_padding_for", "trying every one")
def output_padding_for_by_search(size, kernel, stride, padding):
    if size + 2 * padding < kernel:
        raise ValueError("kernel")
    down = (size + 2 * padding - kernel) // stride + 1
    for o in range(stride):
        if (down - 1) * stride - 2 * padding + kernel + o == size:
            return o
    raise AssertionError("there is always one")


@alternative("output_padding_for", "as a difference of sizes")
def output_padding_for_by_difference(size, kernel, stride, padding):
    steps = (size + 2 * padding - kernel) // stride
    if kernel > size + 2 * padding:
        raise ValueError("kernel")
    return size - (steps * stride + kernel - 2 * padding)


@alternative("output_padding_for", "sliding the window until it stops")
def output_padding_for_by_sliding(size, kernel, stride, padding):
    end, padded = kernel, size + 2 * padding
    if end > padded:
        raise ValueError("kernel")
    while end + stride <= padded:
        end += stride
    return padded - end


@alternative("conv_transpose2d", "with torch's conv_transpose2d")
def conv_transpose2d_of_torch(x, w, stride=1, padding=0):
    if x.shape[1] != w.shape[0] or padding < 0 or padding >= min(w.shape[2], w.shape[3]):
        raise ValueError("channels or padding")
    if any((n - 1) * stride + k - 2 * padding < 1 for n, k in zip(x.shape[2:], w.shape[2:])):
        raise ValueError("nothing is left")
    return F.conv_transpose2d(x, w, stride=stride, padding=padding)


@alternative("conv_transpose2d", "stamps that add up")
def conv_transpose2d_by_stamps(x, w, stride=1, padding=0):
    if x.shape[1] != w.shape[0] or not 0 <= padding < min(w.shape[2], w.shape[3]):
        raise ValueError("channels or padding")
    (n, _, h, width), (_, f, kh, kw) = x.shape, w.shape
    y = torch.zeros(n, f, (h - 1) * stride + kh, (width - 1) * stride + kw, dtype=x.dtype)
    for u in range(kh):
        for v in range(kw):
            part = torch.einsum("ncij,cf->nfij", x, w[:, :, u, v])
            y[:, :, u : u + (h - 1) * stride + 1 : stride, v : v + (width - 1) * stride + 1 : stride] += part
    y = y[:, :, padding : y.shape[2] - padding, padding : y.shape[3] - padding]
    if 0 in y.shape[2:]:
        raise ValueError("nothing is left")
    return y


@alternative("conv_transpose2d", "as the gradient of a convolution")
def conv_transpose2d_as_gradient(x, w, stride=1, padding=0):
    if x.shape[1] != w.shape[0] or not 0 <= padding < min(w.shape[2], w.shape[3]):
        raise ValueError("channels or padding")
    rows, columns = ((a - 1) * stride + k - 2 * padding for a, k in zip(x.shape[2:], w.shape[2:]))
    if min(rows, columns) < 1:
        raise ValueError("nothing is left")
    return torch.nn.grad.conv2d_input((len(x), w.shape[1], rows, columns), w, x, stride=stride, padding=padding)


@alternative("conv_transpose2d", "by Fourier transforms")
def conv_transpose2d_by_fourier(x, w, stride=1, padding=0):
    kh, kw = w.shape[2:]
    if x.shape[1] != w.shape[0] or not 0 <= padding < min(kh, kw):
        raise ValueError("channels or padding")
    n, _, h, v = x.shape
    height, width = (h - 1) * stride + kh, (v - 1) * stride + kw
    if min(height, width) <= 2 * padding:
        raise ValueError("nothing left")
    apart = x.new_zeros(*x.shape[:2], (h - 1) * stride + 1, (v - 1) * stride + 1)
    apart[:, :, ::stride, ::stride] = x
    if n == 0:
        y = x.new_zeros(0, w.shape[1], height, width)
    else:
        waves = [torch.fft.rfft2(part, s=(height, width)) for part in (apart, w)]
        y = torch.fft.irfft2(torch.einsum("ncab,cfab->nfab", *waves), s=(height, width))
    return y[:, :, padding : height - padding, padding : width - padding]


@alternative("conv_transpose2d", "one matrix product, then fold")
def conv_transpose2d_by_fold(x, w, stride=1, padding=0):
    if x.shape[1] != w.shape[0] or not 0 <= padding < min(w.shape[2], w.shape[3]):
        raise ValueError("channels or padding")
    size = [(a - 1) * stride + k - 2 * padding for a, k in zip(x.shape[2:], w.shape[2:])]
    if min(size) < 1:
        raise ValueError("nothing is left")
    if len(x) == 0:
        return x.new_zeros(0, w.shape[1], *size)
    columns = w.flatten(1).T @ x.flatten(2)
    return F.fold(columns, size, tuple(w.shape[2:]), stride=stride, padding=padding)


@alternative("overlaps", "with torch's transposed convolution of ones")
def overlaps_of_torch(size, kernel, stride):
    ones = torch.ones(1, 1, size, dtype=torch.float64), torch.ones(1, 1, kernel, dtype=torch.float64)
    return F.conv_transpose1d(*ones, stride=stride).flatten().round().long()


@alternative("overlaps", "counting for each output entry")
def overlaps_by_counting(size, kernel, stride):
    length = (size - 1) * stride + kernel
    return torch.tensor([sum(0 <= a - stride * i < kernel for i in range(size)) for a in range(length)])


@alternative("overlaps", "with a table of all pairs")
def overlaps_by_table(size, kernel, stride):
    place = torch.arange(stride * (size - 1) + kernel)[:, None] - stride * torch.arange(size)
    return ((place >= 0) & (place < kernel)).sum(dim=1)


@alternative("overlaps", "starts minus ends, summed up")
def overlaps_by_differences(size, kernel, stride):
    change = torch.zeros((size - 1) * stride + kernel + 1, dtype=torch.int64)
    starts = stride * torch.arange(size)
    change[starts] += 1
    change[starts + kernel] -= 1
    return change.cumsum(0)[:-1]


@alternative("dense_to_conv", "with unflatten")
def dense_to_conv_by_unflatten(weight, channels, height, width):
    try:
        return weight.unflatten(1, (channels, height, width))
    except RuntimeError as error:
        raise ValueError("features") from error


@alternative("dense_to_conv", "entry by entry")
def dense_to_conv_by_entries(weight, channels, height, width):
    if len(weight[0]) != channels * height * width:
        raise ValueError("features")
    kernel = torch.zeros(len(weight), channels, height, width, dtype=weight.dtype)
    for c in range(channels):
        for u in range(height):
            for v in range(width):
                kernel[:, c, u, v] = weight[:, (c * height + u) * width + v]
    return kernel


@alternative("dense_to_conv", "with NumPy")
def dense_to_conv_of_numpy(weight, channels, height, width):
    values = weight.detach().numpy()
    if values.shape[1] != channels * height * width:
        raise ValueError("features")
    return torch.from_numpy(values.reshape((values.shape[0], channels, height, width)).copy())


@alternative("sliding_classifier", "unfolded windows")
def sliding_classifier_by_unfold(x, weights, biases, height, width):
    if x.shape[2] < height or x.shape[3] < width:
        raise ValueError("window")
    rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
    a = x.unfold(2, height, 1).unfold(3, width, 1).permute(0, 2, 3, 1, 4, 5).flatten(3)
    for k, (weight, bias) in enumerate(zip(weights, biases)):
        a = (a.relu() if k else a) @ weight.T + bias
    return a.permute(0, 3, 1, 2).reshape(len(x), len(biases[-1]), rows, columns)


@alternative("sliding_classifier", "window by window")
def sliding_classifier_by_windows(x, weights, biases, height, width):
    if x.shape[2] < height or x.shape[3] < width:
        raise ValueError("window")
    rows = []
    for i in range(x.shape[2] - height + 1):
        row = []
        for j in range(x.shape[3] - width + 1):
            a = x[:, :, i : i + height, j : j + width].flatten(1)
            for weight, bias in zip(weights[:-1], biases[:-1]):
                a = F.linear(a, weight, bias).clamp(min=0)
            row.append(F.linear(a, weights[-1], biases[-1]))
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


@alternative("sliding_classifier", "layers of torch.nn")
def sliding_classifier_of_modules(x, weights, biases, height, width):
    if x.shape[2] < height or x.shape[3] < width:
        raise ValueError("window")
    layers, inputs, side = [], x.shape[1], (height, width)
    for weight, bias in zip(weights, biases):
        layer = torch.nn.Conv2d(inputs, len(bias), side)
        layer.weight = torch.nn.Parameter(weight.unflatten(1, (inputs, *side)), requires_grad=False)
        layer.bias = torch.nn.Parameter(bias.clone(), requires_grad=False)
        layers += [torch.nn.ReLU(), layer]
        inputs, side = len(bias), (1, 1)
    return torch.nn.Sequential(*layers[1:])(x)


@alternative("pixel_cross_entropy", "picking the labelled pixels first")
def pixel_cross_entropy_of_picked_pixels(logits, labels, void=255):
    scores = logits.movedim(1, -1)[labels != void]
    labels = labels[labels != void]
    if labels.numel() == 0:
        return logits.sum() * 0
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError("label")
    return (scores.logsumexp(dim=1) - scores[torch.arange(len(labels)), labels]).mean()


@alternative("pixel_cross_entropy", "with torch's cross_entropy")
def pixel_cross_entropy_of_torch(logits, labels, void=255):
    counted = labels != void
    if not ((labels >= 0) & (labels < logits.shape[1]) | ~counted).all():
        raise ValueError("label")
    total = F.cross_entropy(logits, labels, ignore_index=void, reduction="sum") if counted.any() else 0 * logits.sum()
    return total / max(int(counted.sum()), 1)


@alternative("pixel_cross_entropy", "with one-hot labels and the maximum subtracted")
def pixel_cross_entropy_by_one_hot(logits, labels, void=255):
    allowed = set(range(logits.shape[1])) | {void}
    if not set(labels.flatten().tolist()) <= allowed:
        raise ValueError("label")
    counted = (labels != void).to(logits.dtype)
    hot = torch.stack([(labels == k) & (labels != void) for k in range(logits.shape[1])], dim=1)
    shifted = logits - logits.detach().amax(dim=1, keepdim=True)
    logs = shifted.exp().sum(dim=1).log() * counted
    return ((logs - (shifted * hot).sum(dim=1)).sum()) / max(counted.sum().item(), 1)


@alternative("confusion_matrix", "two loops over classes")
def confusion_matrix_by_classes(actual, predicted, classes):
    if actual.shape != predicted.shape:
        raise ValueError("shapes")
    for labels in (actual, predicted):
        if labels.numel() and not (0 <= labels.min() and labels.max() < classes):
            raise ValueError("class")
    rows = [[((actual == a) & (predicted == b)).sum() for b in range(classes)] for a in range(classes)]
    return torch.tensor(rows)


@alternative("confusion_matrix", "a product of one-hot matrices")
def confusion_matrix_by_one_hot(actual, predicted, classes):
    if actual.shape != predicted.shape:
        raise ValueError("shapes")
    a, b = actual.flatten(), predicted.flatten()
    if ((a < 0) | (b < 0) | (a >= classes) | (b >= classes)).any():
        raise ValueError("class")
    return (a[:, None] == torch.arange(classes)).long().T @ (b[:, None] == torch.arange(classes)).long()


@alternative("confusion_matrix", "pixel by pixel")
def confusion_matrix_by_pixels(actual, predicted, classes):
    if tuple(actual.shape) != tuple(predicted.shape):
        raise ValueError("shapes")
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    for a, b in zip(actual.flatten().tolist(), predicted.flatten().tolist()):
        if not (0 <= a < classes and 0 <= b < classes):
            raise ValueError("class")
        matrix[a, b] += 1
    return matrix


@alternative("confusion_matrix", "SciPy's sparse matrix adds equal places", requires="scipy")
def confusion_matrix_of_scipy(actual, predicted, classes):
    import numpy as np
    from scipy.sparse import coo_matrix

    if actual.shape != predicted.shape:
        raise ValueError("shapes")
    a, b = actual.numpy().ravel(), predicted.numpy().ravel()
    if a.size and (min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= classes):
        raise ValueError("class")
    counts = coo_matrix((np.ones(a.size, dtype=np.int64), (a, b)), shape=(classes, classes)).toarray()
    return torch.from_numpy(counts)


@alternative("mean_iou", "class by class with Python's numbers")
def mean_iou_by_loops(confusion):
    rows = confusion.tolist()
    scores = []
    for a, row in enumerate(rows):
        union = sum(row) + sum(other[a] for other in rows) - row[a]
        if union:
            scores.append(row[a] / union)
    if not scores:
        raise ValueError("no pixel")
    return sum(scores) / len(scores)


@alternative("mean_iou", "a mean that leaves NaN out")
def mean_iou_with_nanmean(confusion):
    if not confusion.any():
        raise ValueError("no pixel")
    counts = confusion.double()
    return torch.nanmean(counts.diag() / (counts.sum(0) + counts.sum(1) - counts.diag()))


@alternative("mean_iou", "in single precision")
def mean_iou_in_single_precision(confusion):
    both = confusion.diagonal()
    either = confusion.sum(0) + confusion.sum(1) - both
    if confusion.sum() == 0:
        raise ValueError("no pixel")
    return (both / either)[either > 0].mean().item()


@alternative("mean_iou", "by true positives, false positives and false negatives")
def mean_iou_by_errors(confusion):
    if confusion.sum() == 0:
        raise ValueError("no pixel")
    import numpy as np

    m = confusion.numpy()
    right = np.diag(m)
    missed, invented = m.sum(axis=1) - right, m.sum(axis=0) - right
    union = right + missed + invented
    return float(np.mean(right[union > 0] / union[union > 0]))


@alternative("iou", "from the Dice score")
def iou_by_dice(a, b):
    if a.shape != b.shape:
        raise ValueError("shapes")
    a, b = a.double().flatten(-2), b.double().flatten(-2)
    both, total = (a * b).sum(-1), a.sum(-1) + b.sum(-1)
    dice = torch.where(total > 0, 2 * both / total.clamp(min=1), torch.ones_like(total))
    return dice / (2 - dice)


@alternative("iou", "with minimum and maximum, NaN replaced")
def iou_by_minimum(a, b):
    if list(a.shape) != list(b.shape):
        raise ValueError("shapes")
    a, b = a.to(torch.float64), b.to(torch.float64)
    return (torch.minimum(a, b).sum((-2, -1)) / torch.maximum(a, b).sum((-2, -1))).nan_to_num(nan=1.0)


@alternative("iou", "mask by mask")
def iou_by_loops(a, b):
    if a.shape != b.shape:
        raise ValueError("shapes")
    scores = torch.ones(a.shape[:-2], dtype=torch.float64)
    first, second, flat = a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]), scores.view(-1)
    for k in range(len(flat)):
        union = int((first[k] | second[k]).sum())
        if union:
            flat[k] = int((first[k] & second[k]).sum()) / union
    return scores


@alternative("dice_loss", "with einsum")
def dice_loss_by_einsum(probabilities, masks, smooth=1.0):
    if probabilities.shape != masks.shape:
        raise ValueError("shapes")
    m = masks.to(probabilities.dtype)
    both = torch.einsum("nij,nij->n", probabilities, m)
    ratio = (2 * both + smooth) / (torch.einsum("nij->n", probabilities + m) + smooth)
    return (1 - ratio).mean()


@alternative("dice_loss", "image by image")
def dice_loss_by_images(probabilities, masks, smooth=1.0):
    if probabilities.shape != masks.shape:
        raise ValueError("shapes")
    losses = []
    for p, m in zip(probabilities, masks):
        inside = p[m].sum()
        losses.append(1 - (2 * inside + smooth) / (p.sum() + m.sum() + smooth))
    return torch.stack(losses).mean()


@alternative("dice_loss", "what is missing and what is too much, over the total")
def dice_loss_by_errors(probabilities, masks, smooth=1.0):
    if probabilities.shape != masks.shape:
        raise ValueError("shapes")
    wrong = torch.where(masks, 1 - probabilities, probabilities).flatten(1).sum(1)
    total = (probabilities + masks.to(probabilities.dtype)).flatten(1).sum(1)
    return (wrong / (total + smooth)).mean()


@alternative("crop_and_concatenate", "with narrow")
def crop_and_concatenate_by_narrow(skip, x):
    if skip.shape[0] != x.shape[0]:
        raise ValueError("batch")
    for axis in (2, 3):
        extra = skip.shape[axis] - x.shape[axis]
        if extra < 0:
            raise ValueError("too small")
        skip = skip.narrow(axis, extra // 2, x.shape[axis])
    return torch.hstack([skip, x])


@alternative("crop_and_concatenate", "with negative padding")
def crop_and_concatenate_by_padding(skip, x):
    down, right = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
    if min(down, right) < 0 or skip.shape[0] != x.shape[0]:
        raise ValueError("skip")
    cropped = F.pad(skip, (-(right // 2), right // 2 - right, -(down // 2), down // 2 - down))
    return torch.cat((cropped, x), 1)


@alternative("crop_and_concatenate", "into a prepared tensor")
def crop_and_concatenate_into_zeros(skip, x):
    (n, a, h, w), (m, b, rows, columns) = skip.shape, x.shape
    if n != m or h < rows or w < columns:
        raise ValueError("skip")
    top, left = int((h - rows) / 2), int((w - columns) / 2)
    joined = torch.zeros(n, a + b, rows, columns, dtype=x.dtype)
    joined[:, :a] = skip[:, :, top : top + rows, left : left + columns]
    joined[:, a:] = x
    return joined


@alternative("valid_unet_size", "recursively")
def valid_unet_size_by_recursion(size, depth):
    inner = size - 4
    if depth:
        if inner <= 0 or inner % 2:
            raise ValueError("size")
        inner = 2 * valid_unet_size_by_recursion(inner // 2, depth - 1) - 4
    if inner <= 0:
        raise ValueError("size")
    return inner


@alternative("valid_unet_size", "in closed form")
def valid_unet_size_in_closed_form(size, depth):
    step = 2**depth
    # Going down takes 4 off on every level, which is 4 + 8 + … = 4 (2^depth − 1) pixels of the input.
    rest = size - 4 * (step - 1)
    if rest % step or rest // step < 5:
        raise ValueError("size")
    # The bottom takes 4 of its own pixels; on the way up each level takes 4 of its own.
    side = rest - 4 * step - 4 * (step - 1)
    if side < 1:
        raise ValueError("size")
    return side


@alternative("valid_unet_size", "all convolutions one by one")
def valid_unet_size_by_layers(size, depth):
    plan = ["conv", "conv", "pool"] * depth + ["conv", "conv"] + ["double", "conv", "conv"] * depth
    for layer in plan:
        if layer == "pool" and size % 2:
            raise ValueError("odd")
        size = {"conv": size - 2, "pool": size // 2, "double": 2 * size}[layer]
        if size < 1:
            raise ValueError("nothing left")
    return size


@alternative("UNet", "levels nested in one another")
class NestedUNet(torch.nn.Module):
    def __init__(self, in_channels, classes, width, depth, seed):
        super().__init__()
        self.depth = depth

        def level(inputs, channels, remaining):
            parts = {"down": double_convolution(inputs, channels)}
            if remaining:
                parts["inner"] = level(channels, 2 * channels, remaining - 1)
                parts["up"] = torch.nn.ConvTranspose2d(2 * channels, channels, kernel_size=2, stride=2)
                parts["merge"] = double_convolution(2 * channels, channels)
            return torch.nn.ModuleDict(parts)

        self.body = level(in_channels, width, depth)
        self.head = torch.nn.Conv2d(width, classes, 1)
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.dim() == 1:
                    parameter.zero_()
                else:
                    count = parameter.shape[0] if parameter.shape[2] == 2 else parameter[0].numel()
                    parameter.copy_(torch.randn(parameter.shape, generator=random) * (2 / count) ** 0.5)

    def forward(self, x, use_skips=True):
        if x.shape[2] % 2**self.depth or x.shape[3] % 2**self.depth:
            raise ValueError("sides")

        def run(parts, x):
            x = parts["down"](x)
            if "inner" not in parts:
                return x
            below = parts["up"](run(parts["inner"], F.max_pool2d(x, kernel_size=2)))
            return parts["merge"](torch.cat([x if use_skips else x * 0, below], dim=1))

        return self.head(run(self.body, x))


@alternative("UNet", "with a dictionary of plain parameters")
class FunctionalUNet(torch.nn.Module):
    def __init__(self, in_channels, classes, width, depth, seed):
        super().__init__()
        self.depth, self.widths = depth, [width * 2**k for k in range(depth + 1)]
        random = torch.Generator().manual_seed(seed)
        self.w, self.b = torch.nn.ParameterDict(), torch.nn.ParameterDict()

        def add(name, shape, outputs, summed):
            self.w[name] = torch.nn.Parameter(torch.randn(shape, generator=random) * (2 / summed) ** 0.5)
            self.b[name] = torch.nn.Parameter(torch.zeros(outputs))

        before = in_channels
        for k, c in enumerate(self.widths):
            add(f"down{k}a", (c, before, 3, 3), c, 9 * before)
            add(f"down{k}b", (c, c, 3, 3), c, 9 * c)
            before = c
        for k, c in enumerate(self.widths[:-1]):
            add(f"grow{k}", (2 * c, c, 2, 2), c, 2 * c)
            add(f"up{k}a", (c, 2 * c, 3, 3), c, 18 * c)
            add(f"up{k}b", (c, c, 3, 3), c, 9 * c)
        add("head", (classes, width, 1, 1), classes, width)

    def block(self, name, x):
        for part in "ab":
            x = torch.relu(F.conv2d(x, self.w[name + part], self.b[name + part], padding="same"))
        return x

    def forward(self, x, use_skips=True):
        if any(side & (2**self.depth - 1) for side in x.shape[-2:]):
            raise ValueError("sides")
        kept = [self.block("down0", x)]
        for k in range(1, self.depth + 1):
            kept.append(self.block(f"down{k}", F.max_pool2d(kept[-1], 2, 2)))
        x = kept.pop()
        for k in range(self.depth - 1, -1, -1):
            n, c, h, w = x.shape
            # Without overlaps a transposed convolution is one product per pixel, laid out in blocks of 2 × 2.
            grown = torch.einsum("nchw,cfuv->nfhuwv", x, self.w[f"grow{k}"]).reshape(n, c // 2, 2 * h, 2 * w)
            grown = grown + self.b[f"grow{k}"][:, None, None]
            skip = kept.pop()
            x = self.block(f"up{k}", torch.cat([skip * float(use_skips), grown], dim=1))
        return F.conv2d(x, self.w["head"], self.b["head"])


@alternative("UNet", "AdamW, all images before any comes again", replaces="train_segmentation")
def train_segmentation_in_epochs(images, masks, steps, seed, loss):
    net = UNet(images.shape[1], 2, 8, 2, seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.008)
    random, losses = torch.Generator().manual_seed(seed + 1), []
    order = torch.zeros(0, dtype=torch.int64)
    for _ in range(steps):
        if len(order) < 8:
            order = torch.cat([order, torch.randperm(len(images), generator=random)])
        batch, order = order[:8], order[8:]
        value = loss(net(images[batch]), masks[batch])
        net.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    return net, losses


@alternative("UNet", "stochastic gradient descent with momentum and clipped gradients", replaces="train_segmentation")
def train_segmentation_with_momentum(images, masks, steps, seed, loss):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = UNet(images.shape[1], 2, 8, 2, seed)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
        losses = []
        for _ in range(steps):
            batch = torch.randperm(len(images))[:8]
            optimizer.zero_grad()
            value = loss(net(images[batch]), masks[batch])
            value.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            losses.append(value.item())
    return net, losses
