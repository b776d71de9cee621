"""Wrong answers that students give to the exercises of fully convolutional networks, and what each gets wrong."""

import torch
import torch.nn.functional as F

from autograder.bank import mistake


@mistake("upsample_nearest", law="test_torch", diagnosis="This tiles: whole copies of the image stand side by side.")
def upsample_nearest_by_tiling(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    return x.repeat(1, 1, scale, scale)


@mistake("upsample_nearest", law="test_down_after_up", diagnosis="Only the rows are repeated; columns are not.")
def upsample_nearest_of_rows(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    return x.repeat_interleave(scale, dim=2)


@mistake("upsample_nearest", law="test_down_after_up", diagnosis="This interpolates; nearest copies the pixel.")
def upsample_nearest_bilinear(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    return F.interpolate(x, scale_factor=scale, mode="bilinear")


@mistake(
    "upsample_nearest",
    law="test_shapes_and_errors",
    diagnosis="The axes of batch and channel are repeated along with rows and columns.",
)
def upsample_nearest_of_everything(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    for axis in range(4):
        x = x.repeat_interleave(scale, dim=axis)
    return x


@mistake(
    "bed_of_nails", law="test_kronecker", diagnosis="The nail stands at the bottom right of its block, not top left."
)
def bed_of_nails_at_the_bottom_right(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    y = x.new_zeros(*x.shape[:2], scale * x.shape[2], scale * x.shape[3])
    y[:, :, scale - 1 :: scale, scale - 1 :: scale] = x
    return y


@mistake(
    "bed_of_nails",
    law="test_example",
    diagnosis="Zeros stand only between pixels: the s − 1 rows and columns after the last pixel are missing.",
)
def bed_of_nails_without_the_last_zeros(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    y = x.new_zeros(*x.shape[:2], scale * (x.shape[2] - 1) + 1, scale * (x.shape[3] - 1) + 1)
    y[:, :, ::scale, ::scale] = x
    return y


@mistake("bed_of_nails", law="test_adjoint", diagnosis="The whole block is filled; a nail is a single cell.")
def bed_of_nails_as_nearest(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    return x.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)


@mistake(
    "bed_of_nails", law="test_down_after_up", diagnosis="The nail stands at the centre of its block, not top left."
)
def bed_of_nails_at_the_centre(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    y = x.new_zeros(*x.shape[:2], scale * x.shape[2], scale * x.shape[3])
    y[:, :, scale // 2 :: scale, scale // 2 :: scale] = x
    return y


@mistake(
    "max_pool_with_positions",
    law="test_positions_point_at_the_maxima",
    diagnosis="The positions count inside the window; they have to count in the whole channel.",
)
def max_pool_with_positions_in_the_window(x, size):
    if not 1 <= size <= min(x.shape[2:]):
        raise ValueError("No window fits.")
    windows = x.unfold(2, size, size).unfold(3, size, size).flatten(start_dim=4)
    return tuple(windows.max(dim=4))


@mistake(
    "max_pool_with_positions",
    law="test_example",
    diagnosis="Rows are numbered with the width that is left after dropping columns, not with the image's.",
)
def max_pool_with_positions_in_the_cropped_image(x, size):
    if not 1 <= size <= min(x.shape[2:]):
        raise ValueError("No window fits.")
    cropped = x[:, :, : x.shape[2] // size * size, : x.shape[3] // size * size]
    return F.max_pool2d(cropped, size, return_indices=True)


@mistake(
    "max_pool_with_positions",
    law="test_ties",
    diagnosis="Of equal maxima this takes the last one in reading order; the first one counts.",
)
def max_pool_with_positions_of_the_last(x, size):
    if not 1 <= size <= min(x.shape[2:]):
        raise ValueError("No window fits.")
    windows = x.unfold(2, size, size).unfold(3, size, size).flatten(start_dim=4)
    place = size * size - 1 - windows.flip(4).argmax(dim=4)
    row = size * torch.arange(windows.shape[2])[:, None] + place // size
    column = size * torch.arange(windows.shape[3]) + place % size
    return windows.amax(dim=4), row * x.shape[3] + column


@mistake(
    "max_pool_with_positions",
    law="test_torch",
    diagnosis="Positions are numbered column by column; reading order goes row by row, row · width + column.",
)
def max_pool_with_positions_by_columns(x, size):
    if not 1 <= size <= min(x.shape[2:]):
        raise ValueError("No window fits.")
    values, positions = F.max_pool2d(x, size, return_indices=True)
    height, width = x.shape[2:]
    return values, positions % width * height + positions // width


@mistake(
    "max_pool_with_positions",
    law="test_torch",
    diagnosis="Zeros were padded at the border: they win over negative pixels, and add windows.",
)
def max_pool_with_positions_of_padded(x, size):
    if not 1 <= size <= min(x.shape[2:]):
        raise ValueError("No window fits.")
    down, right = -x.shape[2] % size, -x.shape[3] % size
    return F.max_pool2d(F.pad(x, (0, right, 0, down)), size, return_indices=True)


@mistake(
    "max_unpool", law="test_torch", diagnosis="Values stand at the top left of their windows: positions are ignored."
)
def max_unpool_as_nails(pooled, positions, height, width):
    if pooled.shape != positions.shape or ((positions < 0) | (positions >= height * width)).any():
        raise ValueError("Shapes or positions are wrong.")
    y = pooled.new_zeros(*pooled.shape[:2], height, width)
    down, right = height // pooled.shape[2], width // pooled.shape[3]
    rows, columns = down * pooled.shape[2], right * pooled.shape[3]
    y[:, :, :rows:down, :columns:right] = pooled
    return y


@mistake("max_unpool", law="test_example", diagnosis="Height and width are exchanged: position p is row p // width.")
def max_unpool_by_columns(pooled, positions, height, width):
    if pooled.shape != positions.shape or ((positions < 0) | (positions >= height * width)).any():
        raise ValueError("Shapes or positions are wrong.")
    flat = pooled.new_zeros(*pooled.shape[:2], height * width)
    flat = flat.scatter(2, positions.flatten(2), pooled.flatten(2))
    return flat.reshape(*pooled.shape[:2], width, height).transpose(2, 3)


@mistake("max_unpool", law="test_example", diagnosis="The positions of the first channel are used for all channels.")
def max_unpool_with_shared_positions(pooled, positions, height, width):
    if pooled.shape != positions.shape or ((positions < 0) | (positions >= height * width)).any():
        raise ValueError("Shapes or positions are wrong.")
    flat = pooled.new_zeros(*pooled.shape[:2], height * width)
    shared = positions[:, :1].expand_as(positions).flatten(2)
    return flat.scatter(2, shared, pooled.flatten(2)).reshape(*pooled.shape[:2], height, width)


@mistake("max_unpool", law="test_gradient", diagnosis="The values were detached: no gradient flows back to them.")
def max_unpool_detached(pooled, positions, height, width):
    if pooled.shape != positions.shape or ((positions < 0) | (positions >= height * width)).any():
        raise ValueError("Shapes or positions are wrong.")
    flat = pooled.new_zeros(*pooled.shape[:2], height * width)
    flat = flat.scatter(2, positions.flatten(2), pooled.detach().flatten(2))
    return flat.reshape(*pooled.shape[:2], height, width)


@mistake(
    "max_unpool", law="test_errors", diagnosis="Negative positions pass: they count from the end and go unnoticed."
)
def max_unpool_from_the_end(pooled, positions, height, width):
    if pooled.shape != positions.shape or (positions >= height * width).any():
        raise ValueError("Shapes or positions are wrong.")
    flat = pooled.new_zeros(*pooled.shape[:2], height * width)
    flat = flat.scatter(2, positions.flatten(2) % (height * width), pooled.flatten(2))
    return flat.reshape(*pooled.shape[:2], height, width)


@mistake(
    "upsample_bilinear",
    law="test_torch",
    diagnosis="The outermost pixels' centres were matched (align_corners=True); here pixels are squares.",
)
def upsample_bilinear_with_aligned_corners(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=True)


@mistake("upsample_bilinear", law="test_planes", diagnosis="The halves are missing: u = o / s shifts the image.")
def upsample_bilinear_shifted(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    hats = []
    for side in x.shape[2:]:
        centres = (torch.arange(scale * side, dtype=x.dtype) / scale).clamp(0, side - 1)
        hats.append((1 - (centres[:, None] - torch.arange(side, dtype=x.dtype)).abs()).clamp(min=0))
    return hats[0] @ x @ hats[1].T


@mistake(
    "upsample_bilinear",
    law="test_range",
    diagnosis="The border is not repeated: weights there sum to less than one, and the image fades to black.",
)
def upsample_bilinear_with_a_dark_border(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    hats = []
    for side in x.shape[2:]:
        centres = (torch.arange(scale * side, dtype=x.dtype) + 0.5) / scale - 0.5
        hats.append((1 - (centres[:, None] - torch.arange(side, dtype=x.dtype)).abs()).clamp(min=0))
    return hats[0] @ x @ hats[1].T


@mistake("upsample_bilinear", law="test_planes", diagnosis="The nearest pixel is copied; bilinear weighs four of them.")
def upsample_bilinear_as_nearest(x, scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    return x.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)


@mistake(
    "bilinear_kernel",
    law="test_small",
    diagnosis="The side is always 2s − 1: for an even s the kernel has an even side, 2s.",
)
def bilinear_kernel_always_odd(scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    hat = 1 - (torch.arange(2 * scale - 1, dtype=torch.float64) - (scale - 1)).abs() / scale
    return torch.outer(hat, hat)


@mistake(
    "bilinear_kernel",
    law="test_weights_sum_to_one",
    diagnosis="The kernel was normalised to sum 1: enlarged images become s² times darker. The sum is s².",
)
def bilinear_kernel_normalised(scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    side = 2 * scale - scale % 2
    hat = 1 - (torch.arange(side, dtype=torch.float64) - (side - 1) / 2).abs() / scale
    return torch.outer(hat, hat) / hat.sum() ** 2


@mistake(
    "bilinear_kernel",
    law="test_small",
    diagnosis="The centre of an even kernel is at k/2; it lies between two pixels, at (k − 1)/2.",
)
def bilinear_kernel_off_centre(scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    side = 2 * scale - scale % 2
    hat = 1 - (torch.arange(side, dtype=torch.float64) - side // 2).abs() / scale
    return torch.outer(hat, hat)


@mistake(
    "bilinear_kernel",
    law="test_weights_sum_to_one",
    diagnosis="This is a cone: the distances were added. Bilinear means the product of two hats.",
)
def bilinear_kernel_as_a_sum(scale):
    if scale < 1:
        raise ValueError("The scale is below 1.")
    side = 2 * scale - scale % 2
    distance = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2).abs() / scale
    return (1 - distance[:, None] - distance).clamp(min=0)


@mistake(
    "conv_transpose_output_size",
    law="test_torch",
    diagnosis="This is the formula of the convolution; a transposed convolution goes the other way.",
)
def conv_transpose_output_size_downwards(size, kernel, stride, padding, output_padding=0):
    if not 0 <= output_padding < stride:
        raise ValueError("The output padding is wrong.")
    result = (size + 2 * padding - kernel) // stride + 1 + output_padding
    if result < 1:
        raise ValueError("Nothing is left.")
    return result


@mistake(
    "conv_transpose_output_size",
    law="test_usual_settings",
    diagnosis="The padding is added; in a transposed convolution it is cut off.",
)
def conv_transpose_output_size_plus_padding(size, kernel, stride, padding, output_padding=0):
    if not 0 <= output_padding < stride:
        raise ValueError("The output padding is wrong.")
    result = (size - 1) * stride + kernel + 2 * padding + output_padding
    if result < 1:
        raise ValueError("Nothing is left.")
    return result


@mistake(
    "conv_transpose_output_size",
    law="test_usual_settings",
    diagnosis="size · stride counts s − 1 zeros after the last pixel too; they stand only between pixels.",
)
def conv_transpose_output_size_with_nails(size, kernel, stride, padding, output_padding=0):
    if not 0 <= output_padding < stride:
        raise ValueError("The output padding is wrong.")
    result = size * stride + kernel - 1 - 2 * padding + output_padding
    if result < 1:
        raise ValueError("Nothing is left.")
    return result


@mistake(
    "conv_transpose_output_size",
    law="test_torch",
    diagnosis="The output padding counts once, at the end, not on both sides.",
)
def conv_transpose_output_size_on_both_sides(size, kernel, stride, padding, output_padding=0):
    if not 0 <= output_padding < stride:
        raise ValueError("The output padding is wrong.")
    result = (size - 1) * stride + kernel - 2 * padding + 2 * output_padding
    if result < 1:
        raise ValueError("Nothing is left.")
    return result


@mistake(
    "conv_transpose_output_size",
    law="test_usual_settings",
    diagnosis="Whether anything is left is asked before the output padding has been added.",
)
def conv_transpose_output_size_refused_too_early(size, kernel, stride, padding, output_padding=0):
    if not 0 <= output_padding < stride:
        raise ValueError("The output padding is wrong.")
    result = (size - 1) * stride + kernel - 2 * padding
    if result < 1:
        raise ValueError("Nothing is left.")
    return result + output_padding


@mistake(
    "output_padding_for",
    law="test_there_and_back",
    diagnosis="The padding counts on both sides: the slack is size + 2p − k.",
)
def output_padding_for_with_one_padding(size, kernel, stride, padding):
    if size + 2 * padding < kernel:
        raise ValueError("The kernel does not fit.")
    return (size + padding - kernel) % stride


@mistake(
    "output_padding_for",
    law="test_leftover",
    diagnosis="The kernel is forgotten: what counts is what is left over after the last whole window.",
)
def output_padding_for_without_kernel(size, kernel, stride, padding):
    if size + 2 * padding < kernel:
        raise ValueError("The kernel does not fit.")
    return size % stride


@mistake(
    "output_padding_for",
    law="test_there_and_back",
    diagnosis="It is always s − 1, which is right only for one of the s possible sizes.",
)
def output_padding_for_always_the_most(size, kernel, stride, padding):
    if size + 2 * padding < kernel:
        raise ValueError("The kernel does not fit.")
    return stride - 1


@mistake("output_padding_for", law="test_errors", diagnosis="A kernel that does not fit is not refused.")
def output_padding_for_any_kernel(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) % stride


@mistake(
    "conv_transpose2d",
    law="test_one_pixel",
    diagnosis="The kernel is not turned: conv2d is a cross-correlation, and here a convolution is needed.",
)
def conv_transpose2d_unturned(x, w, stride=1, padding=0):
    if w.shape[0] != x.shape[1] or not 0 <= padding < min(w.shape[2:]):
        raise ValueError("Channels or padding are wrong.")
    (batch, channels, height, width), (kh, kw) = x.shape, w.shape[2:]
    spread = x.new_zeros(batch, channels, (height - 1) * stride + 1, (width - 1) * stride + 1)
    spread[:, :, ::stride, ::stride] = x
    padded = F.pad(spread, (kw - padding - 1,) * 2 + (kh - padding - 1,) * 2)
    if padded.shape[2] < kh or padded.shape[3] < kw:
        raise ValueError("Nothing is left.")
    return F.conv2d(padded, w.transpose(0, 1))


@mistake(
    "conv_transpose2d",
    law="test_torch",
    diagnosis="The padding p itself was added around the image; it has to be k − p − 1.",
)
def conv_transpose2d_with_plain_padding(x, w, stride=1, padding=0):
    if w.shape[0] != x.shape[1] or not 0 <= padding < min(w.shape[2:]):
        raise ValueError("Channels or padding are wrong.")
    batch, channels, height, width = x.shape
    if min((n - 1) * stride + k - 2 * padding for n, k in zip(x.shape[2:], w.shape[2:])) < 1:
        raise ValueError("Nothing is left.")
    spread = x.new_zeros(batch, channels, (height - 1) * stride + 1, (width - 1) * stride + 1)
    spread[:, :, ::stride, ::stride] = x
    return F.conv2d(spread, w.flip(2, 3).transpose(0, 1), padding=padding)


@mistake(
    "conv_transpose2d",
    law="test_torch",
    diagnosis="The zeros after the last pixel are too many: s − 1 zeros stand between pixels only.",
)
def conv_transpose2d_of_nails(x, w, stride=1, padding=0):
    if w.shape[0] != x.shape[1] or not 0 <= padding < min(w.shape[2:]):
        raise ValueError("Channels or padding are wrong.")
    if min((n - 1) * stride + k - 2 * padding for n, k in zip(x.shape[2:], w.shape[2:])) < 1:
        raise ValueError("Nothing is left.")
    (batch, channels, height, width), (kh, kw) = x.shape, w.shape[2:]
    nails = x.new_zeros(batch, channels, height * stride, width * stride)
    nails[:, :, ::stride, ::stride] = x
    padded = F.pad(nails, (kw - padding - 1,) * 2 + (kh - padding - 1,) * 2)
    return F.conv2d(padded, w.flip(2, 3).transpose(0, 1))


@mistake(
    "conv_transpose2d",
    law="test_torch",
    diagnosis="Stamps that overlap overwrite each other: contributions must add up (+=).",
)
def conv_transpose2d_overwriting(x, w, stride=1, padding=0):
    if w.shape[0] != x.shape[1] or not 0 <= padding < min(w.shape[2:]):
        raise ValueError("Channels or padding are wrong.")
    (batch, _, height, width), (_, filters, kh, kw) = x.shape, w.shape
    rows, columns = (height - 1) * stride + kh, (width - 1) * stride + kw
    if min(rows, columns) - 2 * padding < 1:
        raise ValueError("Nothing is left.")
    y = x.new_zeros(batch, filters, rows, columns)
    for i in range(height):
        for j in range(width):
            stamp = torch.einsum("nc,cfuv->nfuv", x[:, :, i, j], w)
            y[:, :, stride * i : stride * i + kh, stride * j : stride * j + kw] = stamp
    return y[:, :, padding : rows - padding, padding : columns - padding]


@mistake(
    "conv_transpose2d",
    law="test_torch",
    diagnosis="Only the columns of the kernel are reversed; half a turn reverses both axes.",
)
def conv_transpose2d_half_turned(x, w, stride=1, padding=0):
    if w.shape[0] != x.shape[1] or not 0 <= padding < min(w.shape[2:]):
        raise ValueError("Channels or padding are wrong.")
    if min((n - 1) * stride + k - 2 * padding for n, k in zip(x.shape[2:], w.shape[2:])) < 1:
        raise ValueError("Nothing is left.")
    return F.conv_transpose2d(x, w.flip(2), stride=stride, padding=padding)


@mistake("overlaps", law="test_torch", diagnosis="Stamps lie side by side here, at distance k; they start every s.")
def overlaps_side_by_side(size, kernel, stride):
    counts = torch.zeros((size - 1) * stride + kernel, dtype=torch.int64)
    for i in range(size):
        counts[i * kernel : (i + 1) * kernel] += 1
    return counts


@mistake("overlaps", law="test_examples", diagnosis="Entries that overlap are set to 1; they must be counted (+=).")
def overlaps_of_at_most_one(size, kernel, stride):
    counts = torch.zeros((size - 1) * stride + kernel, dtype=torch.int64)
    for i in range(size):
        counts[i * stride : i * stride + kernel] = 1
    return counts


@mistake(
    "overlaps", law="test_examples", diagnosis="This is k/s everywhere, the mean; at the ends, or if s ∤ k, it is not."
)
def overlaps_on_average(size, kernel, stride):
    return torch.full(((size - 1) * stride + kernel,), kernel // stride, dtype=torch.int64)


@mistake("overlaps", law="test_examples", diagnosis="The last stamp is missing: size entries make size stamps.")
def overlaps_without_the_last(size, kernel, stride):
    counts = torch.zeros((size - 1) * stride + kernel, dtype=torch.int64)
    for i in range(size - 1):
        counts[i * stride : i * stride + kernel] += 1
    return counts


@mistake(
    "dense_to_conv",
    law="test_order",
    diagnosis="The features are taken with channels last; flatten numbers channel by channel.",
)
def dense_to_conv_channels_last(weight, channels, height, width):
    if weight.shape[1] != channels * height * width:
        raise ValueError("The number of features is wrong.")
    return weight.reshape(-1, height, width, channels).permute(0, 3, 1, 2)


@mistake("dense_to_conv", law="test_order", diagnosis="Height and width are exchanged: rows come before columns.")
def dense_to_conv_transposed(weight, channels, height, width):
    if weight.shape[1] != channels * height * width:
        raise ValueError("The number of features is wrong.")
    return weight.reshape(-1, channels, width, height).transpose(2, 3)


@mistake(
    "dense_to_conv",
    law="test_same_answer",
    diagnosis="The kernel is turned by half a turn, but the layer is a cross-correlation and reads it upright.",
)
def dense_to_conv_turned(weight, channels, height, width):
    if weight.shape[1] != channels * height * width:
        raise ValueError("The number of features is wrong.")
    return weight.reshape(-1, channels, height, width).flip(2, 3)


@mistake(
    "dense_to_conv",
    law="test_errors",
    diagnosis="A number of features that does not fit is folded all the same, into another number of classes.",
)
def dense_to_conv_of_anything(weight, channels, height, width):
    size = channels * height * width
    return weight.flatten()[: weight.numel() // size * size].reshape(-1, channels, height, width)


@mistake(
    "sliding_classifier",
    law="test_every_window",
    diagnosis="There is a relu after the last layer: scores may be negative.",
)
def sliding_classifier_with_a_last_relu(x, weights, biases, height, width):
    if height > x.shape[2] or width > x.shape[3]:
        raise ValueError("The window does not fit.")
    scores = F.conv2d(x, weights[0].reshape(-1, x.shape[1], height, width), biases[0]).relu()
    for weight, bias in zip(weights[1:], biases[1:]):
        scores = F.conv2d(scores, weight[:, :, None, None], bias).relu()
    return scores


@mistake(
    "sliding_classifier",
    law="test_every_window",
    diagnosis="The hidden layers have no relu: the perceptron has become linear.",
)
def sliding_classifier_without_relu(x, weights, biases, height, width):
    if height > x.shape[2] or width > x.shape[3]:
        raise ValueError("The window does not fit.")
    scores = F.conv2d(x, weights[0].reshape(-1, x.shape[1], height, width), biases[0])
    for weight, bias in zip(weights[1:], biases[1:]):
        scores = F.conv2d(scores, weight[:, :, None, None], bias)
    return scores


@mistake(
    "sliding_classifier",
    law="test_every_window",
    diagnosis="The windows lie side by side: the classifier has to slide pixel by pixel, with stride 1.",
)
def sliding_classifier_in_jumps(x, weights, biases, height, width):
    if height > x.shape[2] or width > x.shape[3]:
        raise ValueError("The window does not fit.")
    kernel = weights[0].reshape(-1, x.shape[1], height, width)
    scores = F.conv2d(x, kernel, biases[0], stride=(height, width))
    for weight, bias in zip(weights[1:], biases[1:]):
        scores = F.conv2d(scores.relu(), weight[:, :, None, None], bias)
    return scores


@mistake("sliding_classifier", law="test_shift", diagnosis="Biases are left out.")
def sliding_classifier_without_biases(x, weights, biases, height, width):
    if height > x.shape[2] or width > x.shape[3]:
        raise ValueError("The window does not fit.")
    scores = F.conv2d(x, weights[0].reshape(-1, x.shape[1], height, width))
    for weight in weights[1:]:
        scores = F.conv2d(scores.relu(), weight[:, :, None, None])
    return scores


@mistake(
    "pixel_cross_entropy",
    law="test_torch",
    diagnosis="Pixels count if their label is a class, also where that class is the void label.",
)
def pixel_cross_entropy_of_every_class(logits, labels, void=255):
    counted = (labels >= 0) & (labels < logits.shape[1])
    if (~counted & (labels != void)).any():
        raise ValueError("There is no such class.")
    picked = F.log_softmax(logits, dim=1).gather(1, torch.where(counted, labels, 0)[:, None])[:, 0]
    return -(picked * counted).sum() / counted.sum().clamp(min=1)


@mistake(
    "pixel_cross_entropy",
    law="test_torch",
    diagnosis="Void pixels count in the number: the sum is divided by all pixels, not by the labelled ones.",
)
def pixel_cross_entropy_over_all_pixels(logits, labels, void=255):
    counted = labels != void
    if (counted & ((labels < 0) | (labels >= logits.shape[1]))).any():
        raise ValueError("A label is wrong.")
    loss = F.cross_entropy(logits, labels, ignore_index=void, reduction="sum")
    return loss / max(labels.numel(), 1)


@mistake(
    "pixel_cross_entropy",
    law="test_all_void",
    diagnosis="With no labelled pixel this is 0/0, a NaN, and one such crop ends the training.",
)
def pixel_cross_entropy_with_nan(logits, labels, void=255):
    counted = labels != void
    if (counted & ((labels < 0) | (labels >= logits.shape[1]))).any():
        raise ValueError("A label is wrong.")
    return F.cross_entropy(logits, labels, ignore_index=void)


@mistake(
    "pixel_cross_entropy",
    law="test_extremes",
    diagnosis="The logarithm of a softmax that underflowed is −∞; use log-softmax.",
)
def pixel_cross_entropy_that_underflows(logits, labels, void=255):
    counted = labels != void
    if (counted & ((labels < 0) | (labels >= logits.shape[1]))).any():
        raise ValueError("A label is wrong.")
    chosen = logits.softmax(dim=1).gather(1, torch.where(counted, labels, 0)[:, None])[:, 0]
    return -(chosen.log() * counted).sum() / counted.sum().clamp(min=1)


@mistake(
    "pixel_cross_entropy",
    law="test_torch",
    diagnosis="The softmax runs over the columns of the image; it has to run over the classes, axis 1.",
)
def pixel_cross_entropy_over_columns(logits, labels, void=255):
    counted = labels != void
    if (counted & ((labels < 0) | (labels >= logits.shape[1]))).any():
        raise ValueError("A label is wrong.")
    chosen = F.log_softmax(logits, dim=3).gather(1, torch.where(counted, labels, 0)[:, None])[:, 0]
    return -(chosen * counted).sum() / counted.sum().clamp(min=1)


@mistake(
    "pixel_cross_entropy",
    law="test_torch",
    diagnosis="Every image has the same weight here; every labelled pixel has to have it.",
)
def pixel_cross_entropy_per_image(logits, labels, void=255):
    counted = labels != void
    if (counted & ((labels < 0) | (labels >= logits.shape[1]))).any():
        raise ValueError("A label is wrong.")
    chosen = F.log_softmax(logits, dim=1).gather(1, torch.where(counted, labels, 0)[:, None])[:, 0]
    per_image = -(chosen * counted).sum(dim=(1, 2)) / counted.sum(dim=(1, 2)).clamp(min=1)
    return per_image.sum() / max(len(per_image), 1)


@mistake(
    "confusion_matrix", law="test_rows_are_the_truth", diagnosis="Rows and columns are exchanged: rows are the truth."
)
def confusion_matrix_transposed(actual, predicted, classes):
    if actual.shape != predicted.shape:
        raise ValueError("The shapes differ.")
    both = torch.stack([actual, predicted])
    if ((both < 0) | (both >= classes)).any():
        raise ValueError("A class is wrong.")
    return torch.bincount((predicted * classes + actual).flatten(), minlength=classes**2).reshape(classes, classes)


@mistake(
    "confusion_matrix",
    law="test_counts",
    diagnosis="Indexed addition counts an index that occurs twice only once; bincount counts all.",
)
def confusion_matrix_counting_once(actual, predicted, classes):
    if actual.shape != predicted.shape:
        raise ValueError("The shapes differ.")
    both = torch.stack([actual, predicted])
    if ((both < 0) | (both >= classes)).any():
        raise ValueError("A class is wrong.")
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    matrix[actual.flatten(), predicted.flatten()] += 1
    return matrix


@mistake("confusion_matrix", law="test_counts", diagnosis="Counts are divided by the row sums; they shall be counts.")
def confusion_matrix_normalised(actual, predicted, classes):
    if actual.shape != predicted.shape:
        raise ValueError("The shapes differ.")
    both = torch.stack([actual, predicted])
    if ((both < 0) | (both >= classes)).any():
        raise ValueError("A class is wrong.")
    counts = torch.bincount((actual * classes + predicted).flatten(), minlength=classes**2).reshape(classes, classes)
    return counts / counts.sum(dim=1, keepdim=True).clamp(min=1)


@mistake(
    "confusion_matrix",
    law="test_errors",
    diagnosis="Classes are not checked: class 3 of 3 in column 3 is taken for column 0 of the next row.",
)
def confusion_matrix_unchecked(actual, predicted, classes):
    if actual.shape != predicted.shape:
        raise ValueError("The shapes differ.")
    pairs = (actual * classes + predicted).flatten().clamp(0, classes**2 - 1)
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


@mistake("mean_iou", law="test_flattering_accuracy", diagnosis="This is the accuracy, which flatters large classes.")
def mean_iou_as_accuracy(confusion):
    if confusion.sum() == 0:
        raise ValueError("No pixel is counted.")
    return (confusion.diagonal().sum() / confusion.sum().double()).item()


@mistake(
    "mean_iou",
    law="test_sets_of_pixels",
    diagnosis="The intersection is counted twice in the union: subtract it once.",
)
def mean_iou_counting_twice(confusion):
    both, either = confusion.diagonal(), confusion.sum(0) + confusion.sum(1)
    if not (either > 0).any():
        raise ValueError("No pixel is counted.")
    return (both[either > 0] / either[either > 0].double()).mean().item()


@mistake(
    "mean_iou",
    law="test_absent_classes",
    diagnosis="A class that neither occurs nor is predicted counts as 0; it is left out of the mean.",
)
def mean_iou_with_absent_classes(confusion):
    both = confusion.diagonal()
    either = confusion.sum(0) + confusion.sum(1) - both
    if not (either > 0).any():
        raise ValueError("No pixel is counted.")
    return (both / either.clamp(min=1).double()).mean().item()


@mistake(
    "mean_iou",
    law="test_absent_classes",
    diagnosis="Classes that do not occur but are predicted are left out too; those score 0.",
)
def mean_iou_of_present_classes(confusion):
    both = confusion.diagonal()
    either, present = confusion.sum(0) + confusion.sum(1) - both, confusion.sum(1) > 0
    if not present.any():
        raise ValueError("No pixel is counted.")
    return (both[present] / either[present].double()).mean().item()


@mistake("mean_iou", law="test_sets_of_pixels", diagnosis="This is the recall: pixels called a wrongly do not count.")
def mean_iou_as_recall(confusion):
    either = confusion.sum(0) + confusion.sum(1)
    if not (either > 0).any():
        raise ValueError("No pixel is counted.")
    recall = confusion.diagonal() / confusion.sum(1).clamp(min=1).double()
    return recall[either > 0].mean().item()


@mistake("iou", law="test_special_cases", diagnosis="Two empty masks give 0/0, a NaN; by convention they agree, 1.")
def iou_with_nan(a, b):
    if a.shape != b.shape:
        raise ValueError("The shapes differ.")
    return (a & b).sum(dim=(-2, -1)).double() / (a | b).sum(dim=(-2, -1))


@mistake("iou", law="test_sets_of_pixels", diagnosis="This is the Dice score, 2|A ∩ B| / (|A| + |B|).")
def iou_as_dice(a, b):
    if a.shape != b.shape:
        raise ValueError("The shapes differ.")
    total = a.sum(dim=(-2, -1)) + b.sum(dim=(-2, -1))
    return torch.where(total == 0, 1.0, 2 * (a & b).sum(dim=(-2, -1)).double() / total.clamp(min=1))


@mistake(
    "iou", law="test_sets_of_pixels", diagnosis="The whole batch is one mask here; every image has a score of its own."
)
def iou_of_the_whole_batch(a, b):
    if a.shape != b.shape:
        raise ValueError("The shapes differ.")
    union = (a | b).sum()
    score = (a & b).sum().double() / union if union else torch.tensor(1.0).double()
    return score.expand(a.shape[:-2]).clone()


@mistake("iou", law="test_special_cases", diagnosis="A constant in numerator and denominator changes every score.")
def iou_smoothed(a, b):
    if a.shape != b.shape:
        raise ValueError("The shapes differ.")
    return ((a & b).sum(dim=(-2, -1)).double() + 1) / ((a | b).sum(dim=(-2, -1)) + 1)


@mistake(
    "dice_loss",
    law="test_value",
    diagnosis="The ratio is that of the whole batch; take one ratio per image, then their mean.",
)
def dice_loss_of_the_batch(probabilities, masks, smooth=1.0):
    if probabilities.shape != masks.shape:
        raise ValueError("The shapes differ.")
    both = (probabilities * masks).sum()
    return 1 - (2 * both + smooth) / (probabilities.sum() + masks.sum() + smooth)


@mistake(
    "dice_loss",
    law="test_special_cases",
    diagnosis="The smoothing is missing in the numerator: a perfect answer costs.",
)
def dice_loss_smoothed_below_only(probabilities, masks, smooth=1.0):
    if probabilities.shape != masks.shape:
        raise ValueError("The shapes differ.")
    both = (probabilities * masks).sum(dim=(1, 2))
    total = probabilities.sum(dim=(1, 2)) + masks.sum(dim=(1, 2))
    return 1 - (2 * both / (total + smooth)).mean()


@mistake("dice_loss", law="test_value", diagnosis="This is the score, which grows as answers get better, not the loss.")
def dice_loss_as_score(probabilities, masks, smooth=1.0):
    if probabilities.shape != masks.shape:
        raise ValueError("The shapes differ.")
    both = (probabilities * masks).sum(dim=(1, 2))
    total = probabilities.sum(dim=(1, 2)) + masks.sum(dim=(1, 2))
    return ((2 * both + smooth) / (total + smooth)).mean()


@mistake("dice_loss", law="test_gradient", diagnosis="The probabilities were rounded to a mask: that has no gradient.")
def dice_loss_of_hard_masks(probabilities, masks, smooth=1.0):
    if probabilities.shape != masks.shape:
        raise ValueError("The shapes differ.")
    hard = (probabilities > 0.5).to(probabilities.dtype) + 0 * probabilities
    both, total = (hard * masks).sum(dim=(1, 2)), hard.sum(dim=(1, 2)) + masks.sum(dim=(1, 2))
    return 1 - ((2 * both + smooth) / (total + smooth)).mean()


@mistake(
    "dice_loss", law="test_value", diagnosis="The factor 2 is missing: even a perfect answer scores only one half."
)
def dice_loss_without_the_two(probabilities, masks, smooth=1.0):
    if probabilities.shape != masks.shape:
        raise ValueError("The shapes differ.")
    both = (probabilities * masks).sum(dim=(1, 2))
    total = probabilities.sum(dim=(1, 2)) + masks.sum(dim=(1, 2))
    return 1 - ((both + smooth) / (total + smooth)).mean()


@mistake(
    "crop_and_concatenate",
    law="test_every_entry",
    diagnosis="The crop starts at the top left corner; it has to be the centre.",
)
def crop_and_concatenate_of_the_corner(skip, x):
    if skip.shape[2] < x.shape[2] or skip.shape[3] < x.shape[3] or len(skip) != len(x):
        raise ValueError("The skip does not fit.")
    return torch.cat([skip[:, :, : x.shape[2], : x.shape[3]], x], dim=1)


@mistake(
    "crop_and_concatenate", law="test_every_entry", diagnosis="The order is exchanged: the skip's channels come first."
)
def crop_and_concatenate_in_the_other_order(skip, x):
    down, right = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
    if down < 0 or right < 0 or len(skip) != len(x):
        raise ValueError("The skip does not fit.")
    cropped = skip[:, :, down // 2 : down // 2 + x.shape[2], right // 2 : right // 2 + x.shape[3]]
    return torch.cat([x, cropped], dim=1)


@mistake(
    "crop_and_concatenate",
    law="test_every_entry",
    diagnosis="The skip was resized to the map's size; cropping keeps its pixels as they are.",
)
def crop_and_concatenate_resized(skip, x):
    if skip.shape[2] < x.shape[2] or skip.shape[3] < x.shape[3] or len(skip) != len(x):
        raise ValueError("The skip does not fit.")
    return torch.cat([F.interpolate(skip, size=x.shape[2:], mode="nearest"), x], dim=1)


@mistake(
    "crop_and_concatenate",
    law="test_example",
    diagnosis="Half of an odd difference is rounded up; the crop starts at its floor.",
)
def crop_and_concatenate_rounded_up(skip, x):
    down, right = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
    if down < 0 or right < 0 or len(skip) != len(x):
        raise ValueError("The skip does not fit.")
    top, left = (down + 1) // 2, (right + 1) // 2
    return torch.cat([skip[:, :, top : top + x.shape[2], left : left + x.shape[3]], x], dim=1)


@mistake(
    "crop_and_concatenate",
    law="test_errors",
    diagnosis="A negative margin counts from the end: a skip that is too small is not noticed.",
)
def crop_and_concatenate_unchecked(skip, x):
    if len(skip) != len(x):
        raise ValueError("The batches differ.")
    top, left = max(skip.shape[2] - x.shape[2], 0) // 2, max(skip.shape[3] - x.shape[3], 0) // 2
    cropped = skip[:, :, top : top + x.shape[2], left : left + x.shape[3]]
    missing = x.shape[2] - cropped.shape[2], x.shape[3] - cropped.shape[3]
    return torch.cat([F.pad(cropped, (0, missing[1], 0, missing[0])), x], dim=1)


@mistake("valid_unet_size", law="test_layers", diagnosis="Odd sides are rounded down at a pooling; they are not legal.")
def valid_unet_size_rounding_down(size, depth):
    side = size
    for _ in range(depth):
        side = (side - 4) // 2
    side -= 4
    for _ in range(depth):
        side = 2 * side - 4
    if side < 1:
        raise ValueError("Nothing is left.")
    return side


@mistake("valid_unet_size", law="test_paper", diagnosis="The two convolutions at the bottom are forgotten.")
def valid_unet_size_without_bottom(size, depth):
    side = size
    for _ in range(depth):
        side -= 4
        if side < 2 or side % 2:
            raise ValueError("The size is not legal.")
        side //= 2
    for _ in range(depth):
        side = 2 * side - 4
    if side < 1:
        raise ValueError("Nothing is left.")
    return side


@mistake(
    "valid_unet_size", law="test_paper", diagnosis="A 3 × 3 convolution takes 2 pixels off, one at each end, not one."
)
def valid_unet_size_losing_one(size, depth):
    side = size
    for _ in range(depth):
        side -= 2
        if side < 2 or side % 2:
            raise ValueError("The size is not legal.")
        side //= 2
    side -= 2
    for _ in range(depth):
        side = 2 * side - 2
    if side < 1:
        raise ValueError("Nothing is left.")
    return side


@mistake("valid_unet_size", law="test_paper", diagnosis="The poolings come before the convolutions of their level.")
def valid_unet_size_pooling_first(size, depth):
    side = size
    for _ in range(depth):
        if side < 2 or side % 2:
            raise ValueError("The size is not legal.")
        side = side // 2 - 4
    side -= 4
    for _ in range(depth):
        side = 2 * side - 4
    if side < 1:
        raise ValueError("Nothing is left.")
    return side


@mistake(
    "UNet", law="test_skips_carry_information", diagnosis="The skips are zeros all the time: nothing passes through."
)
class UNetWithoutSkips(UNet):
    def forward(self, x, use_skips=True):
        return super().forward(x, use_skips=False)


@mistake("UNet", law="test_table", diagnosis="The skip comes second in the concatenation; its channels come first.")
class UNetWithTheOtherOrder(UNet):
    def forward(self, x, use_skips=True):
        if any(side % 2 ** len(self.up) for side in x.shape[2:]):
            raise ValueError("The sides are not legal.")
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            skip = skips[level] if use_skips else torch.zeros_like(skips[level])
            x = self.merge[level](torch.cat([self.up[level](x), skip], dim=1))
        return self.head(x)


@mistake(
    "UNet",
    law="test_illegal_sizes",
    diagnosis="An illegal size is cut to a legal one, and the output is smaller than the image.",
)
class UNetThatCuts(UNet):
    def forward(self, x, use_skips=True):
        step = 2 ** len(self.up)
        height, width = (max(side // step, 1) * step for side in x.shape[2:])
        return super().forward(F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2])), use_skips)


@mistake("UNet", law="test_table", diagnosis="There is a relu after the head: scores may be negative.")
class UNetWithALastRelu(UNet):
    def forward(self, x, use_skips=True):
        return super().forward(x, use_skips).relu()


@mistake("UNet", law="test_table", diagnosis="The maps are averaged on the way down; the table says maximum.")
class UNetWithAveragePooling(UNet):
    def forward(self, x, use_skips=True):
        if any(side % 2 ** len(self.up) for side in x.shape[2:]):
            raise ValueError("The sides are not legal.")
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            skip = skips[level] if use_skips else torch.zeros_like(skips[level])
            x = self.merge[level](torch.cat([skip, self.up[level](x)], dim=1))
        return self.head(x)


@mistake("UNet", law="test_parameters", diagnosis="The width is the same on every level; it doubles with each pooling.")
class UNetOfConstantWidth(UNet):
    def __init__(self, in_channels, classes, width, depth, seed):
        super().__init__(in_channels, classes, width, depth, seed)
        inputs = [in_channels] + [width] * depth
        self.down = torch.nn.ModuleList(double_convolution(a, width) for a in inputs)
        self.up = torch.nn.ModuleList(torch.nn.ConvTranspose2d(width, width, 2, stride=2) for _ in range(depth))
        self.merge = torch.nn.ModuleList(double_convolution(2 * width, width) for _ in range(depth))


@mistake(
    "UNet",
    law="test_seed",
    diagnosis="The seed is not used: every network starts elsewhere, and no result can be repeated.",
)
class UNetWithoutSeed(UNet):
    def __init__(self, in_channels, classes, width, depth, seed):
        super().__init__(in_channels, classes, width, depth, int(torch.randint(10**9, ())))


@mistake(
    "UNet",
    law="test_starting_values",
    diagnosis="The starting values are uniform; they should be normal.",
)
class UNetWithUniformStart(UNet):
    def __init__(self, in_channels, classes, width, depth, seed):
        super().__init__(in_channels, classes, width, depth, seed)
        random = torch.Generator().manual_seed(seed)
        for layer in self.modules():
            if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                overlapping = 1 if isinstance(layer, torch.nn.ConvTranspose2d) else layer.kernel_size[0] ** 2
                addends = layer.in_channels * overlapping
                bound = (6 / addends) ** 0.5
                torch.nn.init.uniform_(layer.weight, -bound, bound, generator=random)


@mistake(
    "UNet",
    law="test_starting_values",
    diagnosis="Every layer starts the generator anew: all begin with the same numbers instead of independent ones.",
)
class UNetWithAGeneratorPerLayer(UNet):
    def __init__(self, in_channels, classes, width, depth, seed):
        super().__init__(in_channels, classes, width, depth, seed)
        for layer in self.modules():
            if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                overlapping = 1 if isinstance(layer, torch.nn.ConvTranspose2d) else layer.kernel_size[0] ** 2
                addends = layer.in_channels * overlapping
                random = torch.Generator().manual_seed(seed)
                torch.nn.init.normal_(layer.weight, std=(2 / addends) ** 0.5, generator=random)


@mistake(
    "UNet",
    law="test_starting_values",
    diagnosis="The head starts with variance 1/n, as it has no relu behind it; it was to start like all others.",
)
class UNetWithASmallHead(UNet):
    def __init__(self, in_channels, classes, width, depth, seed):
        super().__init__(in_channels, classes, width, depth, seed)
        with torch.no_grad():
            self.head.weight /= 2**0.5


@mistake(
    "UNet",
    law="test_starting_values",
    diagnosis="The starting values are torch's: their variance is 1/(3n), and signals fade from layer to layer.",
)
class UNetWithDefaultStart(UNet):
    def __init__(self, in_channels, classes, width, depth, seed):
        super().__init__(in_channels, classes, width, depth, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for layer in self.modules():
                if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                    layer.reset_parameters()


@mistake(
    "UNet",
    law="test_starting_values",
    diagnosis="The fan of the transposed convolution was taken from the wrong axis (kaiming_normal_ does so).",
)
class UNetWithTheWrongFan(UNet):
    def __init__(self, in_channels, classes, width, depth, seed):
        super().__init__(in_channels, classes, width, depth, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for layer in self.modules():
                if isinstance(layer, torch.nn.ConvTranspose2d):
                    torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")


@mistake(
    "UNet",
    law="test_learns",
    replaces="train_segmentation",
    diagnosis="Gradients of earlier steps are not cleared: they pile up, and the steps go astray.",
)
def train_segmentation_without_zero_grad(images, masks, steps, seed, loss):
    net = UNet(images.shape[1], 2, width=8, depth=2, seed=seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    random, losses = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        batch = torch.randint(len(images), (8,), generator=random)
        value = loss(net(images[batch]), masks[batch])
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return net, losses


@mistake(
    "UNet",
    law="test_learns",
    replaces="train_segmentation",
    diagnosis="The masks are the wrong way round: the network learns the background.",
)
def train_segmentation_of_the_background(images, masks, steps, seed, loss):
    net = UNet(images.shape[1], 2, width=8, depth=2, seed=seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    random, losses = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        batch = torch.randint(len(images), (8,), generator=random)
        value = loss(net(images[batch]), ~masks[batch])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return net, losses


@mistake(
    "UNet",
    law="test_steps",
    replaces="train_segmentation",
    diagnosis="Images and masks are drawn independently of each other: the scores meet the masks of other images.",
)
def train_segmentation_of_unrelated_masks(images, masks, steps, seed, loss):
    net = UNet(images.shape[1], 2, width=8, depth=2, seed=seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    random, losses = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        first = torch.randint(len(images), (8,), generator=random)
        second = torch.randint(len(images), (8,), generator=random)
        value = loss(net(images[first]), masks[second])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return net, losses


@mistake(
    "UNet",
    law="test_training_repeats",
    replaces="train_segmentation",
    diagnosis="Batches come from the global generator: the result depends on what ran before.",
)
def train_segmentation_with_global_batches(images, masks, steps, seed, loss):
    net = UNet(images.shape[1], 2, width=8, depth=2, seed=seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        batch = torch.randint(len(images), (8,))
        value = loss(net(images[batch]), masks[batch])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return net, losses
