# %% [markdown]
# # 04 · Fully convolutional networks
# ### Conventions that hold throughout
#
# Write your answers here, or in fully_convolutional.ipynb. The handout is README.md;
# `autograder check fully_convolutional.py` tells which laws your answers obey.

# %%
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

# %% [markdown]
# ## 1 · Going up without learning anything
# ### upsample_nearest

# %% exercise="upsample_nearest"
def upsample_nearest(x: Float[Tensor, "n c h w"], scale: int) -> Float[Tensor, "n c scale*h scale*w"]:
    """Compute y[n, c, i, j] = x[n, c, ⌊i / scale⌋, ⌊j / scale⌋]: every pixel becomes a block of scale × scale.

    Raises ValueError if `scale` is less than 1. Source: Dumoulin and Visin (2016); Odena, Dumoulin and Olah (2016).
    """
    # TODO: write this.
    raise NotImplementedError("upsample_nearest: not written yet")

# %% [markdown]
# ### bed_of_nails

# %% exercise="bed_of_nails"
def bed_of_nails(x: Float[Tensor, "n c h w"], scale: int) -> Float[Tensor, "n c scale*h scale*w"]:
    """Put x[n, c, i, j] at y[n, c, scale·i, scale·j], the top left of its block, and 0 everywhere else.

    Raises ValueError if `scale` is less than 1. Source: Dumoulin and Visin (2016), chapter 4, as the first step of a
    transposed convolution.
    """
    # TODO: write this.
    raise NotImplementedError("bed_of_nails: not written yet")

# %% [markdown]
# ### max_pool_with_positions

# %% exercise="max_pool_with_positions"
def max_pool_with_positions(
    x: Float[Tensor, "n c h w"], size: int
) -> tuple[Float[Tensor, "n c h//size w//size"], Int[Tensor, "n c h//size w//size"]]:
    """Compute the maximum of each window of size × size, and its position: row · w + column in the channel of `x`.

    The windows lie side by side; of equal maxima the first in reading order counts. Positions are int64. Raises
    ValueError if `size` is less than 1 or no window fits. Source: Zeiler et al. (2011); Badrinarayanan et al. (2017).
    """
    # TODO: bring each window into one axis, so that one call finds maximum and place
    raise NotImplementedError("max_pool_with_positions: not written yet")

# %% [markdown]
# ### max_unpool

# %% exercise="max_unpool"
def max_unpool(
    pooled: Float[Tensor, "n c rows columns"], positions: Int[Tensor, "n c rows columns"], height: int, width: int
) -> Float[Tensor, "n c height width"]:
    """Put each entry of `pooled` at its position (row · width + column) in a channel of zeros.

    Within each channel the positions differ. Raises ValueError if the two shapes differ, or if a position is negative
    or not less than height · width. Source: Zeiler, Taylor and Fergus (2011); Badrinarayanan et al. (2017).
    """
    # TODO: write this.
    raise NotImplementedError("max_unpool: not written yet")

# %% [markdown]
# ## 2 · Going up smoothly: bilinear interpolation
# ### upsample_bilinear

# %% exercise="upsample_bilinear"
def upsample_bilinear(x: Float[Tensor, "n c h w"], scale: int) -> Float[Tensor, "n c scale*h scale*w"]:
    """Enlarge images `scale` times by bilinear interpolation with half-pixel centres, repeating the border.

    Along each axis y[o] interpolates x linearly at u = (o + ½) / scale − ½, clamped to [0, side − 1]. Raises ValueError
    if `scale` is less than 1. Source: Dumoulin and Visin (2016) for resizing as a layer; torch's align_corners=False.
    """
    # TODO: build the matrix of hat functions for rows and for columns
    raise NotImplementedError("upsample_bilinear: not written yet")

# %% [markdown]
# ### bilinear_kernel

# %% exercise="bilinear_kernel"
def bilinear_kernel(scale: int) -> Float[Tensor, "k k"]:
    """Compute K[t, t'] = h[t] · h[t'] with h[t] = 1 − |t − (k − 1)/2| / scale and k = 2·scale − (scale mod 2).

    The dtype is float64. Raises ValueError if `scale` is less than 1. Source: Long, Shelhamer and Darrell (2015),
    whose upsampling layers start from it.
    """
    # TODO: write this.
    raise NotImplementedError("bilinear_kernel: not written yet")

# %% [markdown]
# ## 3 · Going up with learned weights: the transposed convolution
# ### conv_transpose_output_size

# %% exercise="conv_transpose_output_size"
def conv_transpose_output_size(size: int, kernel: int, stride: int, padding: int, output_padding: int = 0) -> int:
    """Compute (size − 1) · stride + kernel − 2 · padding + output_padding, the output's side.

    Raises ValueError unless 0 ≤ output_padding < stride, and if the result is less than 1. Source: Dumoulin and Visin
    (2016), relationship 14.
    """
    # TODO: write this.
    raise NotImplementedError("conv_transpose_output_size: not written yet")

# %% [markdown]
# ### output_padding_for

# %% exercise="output_padding_for"
def output_padding_for(size: int, kernel: int, stride: int, padding: int) -> int:
    """Compute the output padding with which a transposed convolution returns to `size` after the convolution.

    Both have the same kernel, stride and padding. The result lies in [0, stride). Raises ValueError if the kernel does
    not fit into the padded input, size + 2 · padding. Source: Dumoulin and Visin (2016), relationship 14.
    """
    # TODO: write this.
    raise NotImplementedError("output_padding_for: not written yet")

# %% [markdown]
# ### conv_transpose2d

# %% exercise="conv_transpose2d"
def conv_transpose2d(
    x: Float[Tensor, "n c_in h w"], w: Float[Tensor, "c_in c_out kh kw"], stride: int = 1, padding: int = 0
) -> Float[Tensor, "n c_out rows columns"]:
    """Compute the transposed convolution: the adjoint of the cross-correlation with weight w, stride and padding.

    y[n, f, a, b] = Σ w[c, f, u, v] · x[n, c, i, j] over all c and all i, j, u, v with stride·i + u = a + padding and
    stride·j + v = b + padding. rows = (h − 1)·stride + kh − 2·padding, and columns alike. Raises ValueError if the
    channels of x and w differ, unless 0 ≤ padding < min(kh, kw), and if no row or no column would be left.
    Source: Zeiler et al. (2010); Dumoulin and Visin (2016), relationship 13.
    """
    # TODO: insert stride − 1 zeros between pixels, pad with k − padding − 1, correlate with the turned kernel
    raise NotImplementedError("conv_transpose2d: not written yet")

# %% [markdown]
# ### overlaps

# %% exercise="overlaps"
def overlaps(size: int, kernel: int, stride: int) -> Int[Tensor, " length"]:
    """Count, per entry of the output, the entries of an input of `size` that a transposed convolution adds up there.

    One axis, no padding: length = (size − 1) · stride + kernel; the dtype is int64. Source: Odena et al. (2016).
    """
    # TODO: write this.
    raise NotImplementedError("overlaps: not written yet")

# %% [markdown]
# ## 4 · From a classifier to a map
# ### dense_to_conv

# %% exercise="dense_to_conv"
def dense_to_conv(
    weight: Float[Tensor, "k features"], channels: int, height: int, width: int
) -> Float[Tensor, "k channels height width"]:
    """Fold the weight of a dense layer on flattened maps of (channels, height, width) into that of a convolution.

    The convolution gives on such a map, at its only place, what the dense layer gives. Raises ValueError if the number
    of features is not channels · height · width. Source: Long, Shelhamer and Darrell (2015), section 3.1.
    """
    # TODO: write this.
    raise NotImplementedError("dense_to_conv: not written yet")

# %% [markdown]
# ### sliding_classifier

# %% exercise="sliding_classifier"
def sliding_classifier(
    x: Float[Tensor, "n c rows columns"],
    weights: list[Float[Tensor, "n_out n_in"]],
    biases: list[Float[Tensor, " n_out"]],
    height: int,
    width: int,
) -> Float[Tensor, "n k rows-height+1 columns-width+1"]:
    """Compute the scores of a multilayer perceptron on every window of height × width, as convolutions.

    The perceptron flattens a window of shape (c, height, width), applies a_ℓ = relu(V_ℓ a_{ℓ−1} + b_ℓ) for its layers
    V_ℓ = weights[ℓ], b_ℓ = biases[ℓ], the last one without relu. Entry (i, j) belongs to the window whose top left
    pixel is (i, j). Raises ValueError if the window is larger than the image. Source: Long et al. (2015); Sermanet et
    al. (2014).
    """
    # TODO: the first layer is a convolution with the whole window, the others are 1 × 1
    raise NotImplementedError("sliding_classifier: not written yet")

# %% [markdown]
# ## 5 · What to minimise, and what to report
# ### pixel_cross_entropy

# %% exercise="pixel_cross_entropy"
def pixel_cross_entropy(
    logits: Float[Tensor, "n k h w"], labels: Int[Tensor, "n h w"], void: int = 255
) -> Float[Tensor, ""]:
    """Compute the mean of −log softmax(logits over k)[label] over all pixels whose label is not `void`; 0 if all are.

    Finite for finite logits, and differentiable. Raises ValueError for a label that is neither `void` nor in [0, k).
    Source: Long, Shelhamer and Darrell (2015), section 4.
    """
    # TODO: write this.
    raise NotImplementedError("pixel_cross_entropy: not written yet")

# %% [markdown]
# ### confusion_matrix

# %% exercise="confusion_matrix"
def confusion_matrix(
    actual: Int[Tensor, "*shape"], predicted: Int[Tensor, "*shape"], classes: int
) -> Int[Tensor, "classes classes"]:
    """Count M[a, b] = the number of pixels whose label is a and whose prediction is b, as int64.

    Raises ValueError if the shapes differ or a class lies outside [0, classes). Source: Long et al. (2015), section 5,
    where it is n_ij.
    """
    # TODO: write this.
    raise NotImplementedError("confusion_matrix: not written yet")

# %% [markdown]
# ### mean_iou

# %% exercise="mean_iou"
def mean_iou(confusion: Int[Tensor, "k k"]) -> float:
    """Compute the mean of M[a, a] / (row sum a + column sum a − M[a, a]) over the classes where this is not 0/0.

    Rows of `confusion` are the truth, columns the prediction. Raises ValueError if it counts no pixel. Source: Jaccard
    (1912); Everingham et al. (2015) for segmentation.
    """
    # TODO: write this.
    raise NotImplementedError("mean_iou: not written yet")

# %% [markdown]
# ### iou

# %% exercise="iou"
def iou(a: Bool[Tensor, "*batch h w"], b: Bool[Tensor, "*batch h w"]) -> Float[Tensor, "*batch"]:
    """Compute |A ∩ B| / |A ∪ B| of two masks over their last two axes, as float64; 1 where both are empty.

    Raises ValueError if the shapes differ. Source: Jaccard (1912).
    """
    # TODO: write this.
    raise NotImplementedError("iou: not written yet")

# %% [markdown]
# ### dice_loss

# %% exercise="dice_loss"
def dice_loss(
    probabilities: Float[Tensor, "n h w"], masks: Bool[Tensor, "n h w"], smooth: float = 1.0
) -> Float[Tensor, ""]:
    """Compute 1 − mean_n (2 Σ p·m + smooth) / (Σ p + Σ m + smooth), where the sums run over the pixels of image n.

    There is at least one image. The dtype is that of `probabilities`, in which the result can be differentiated. Raises
    ValueError if the shapes differ. Source: Dice (1945); Milletari, Navab and Ahmadi (2016), without their squares.
    """
    # TODO: write this.
    raise NotImplementedError("dice_loss: not written yet")

# %% [markdown]
# ## 6 · Skip connections and the U-Net
# ### crop_and_concatenate

# %% exercise="crop_and_concatenate"
def crop_and_concatenate(
    skip: Float[Tensor, "n c1 h1 w1"], x: Float[Tensor, "n c2 h2 w2"]
) -> Float[Tensor, "n c1+c2 h2 w2"]:
    """Crop `skip` to the height and width of `x` around its centre, and concatenate the channels of skip and x.

    The crop starts at row ⌊(h1 − h2)/2⌋ and column ⌊(w1 − w2)/2⌋; the skip's channels come first. Raises ValueError if
    `skip` is smaller than `x` or the batches differ. Source: Ronneberger, Fischer and Brox (2015), figure 1.
    """
    # TODO: write this.
    raise NotImplementedError("crop_and_concatenate: not written yet")

# %% [markdown]
# ### valid_unet_size

# %% exercise="valid_unet_size"
def valid_unet_size(size: int, depth: int) -> int:
    """Compute the output side of a U-Net without padding, with `depth` poolings, for an input side of `size`.

    Two 3 × 3 convolutions stand before each pooling, at the bottom, and after each doubling. Raises ValueError if a
    pooling meets an odd side, or if a map would have no pixel left. Source: Ronneberger, Fischer and Brox (2015).
    """
    # TODO: write this.
    raise NotImplementedError("valid_unet_size: not written yet")

# %% [markdown]
# ### UNet
# ### train_segmentation

# %%
def double_convolution(inputs: int, outputs: int) -> torch.nn.Sequential:
    """Make the block of the U-Net: two 3 × 3 convolutions that keep the size, each followed by a relu (given)."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(inputs, outputs, kernel_size=3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(outputs, outputs, kernel_size=3, padding=1),
        torch.nn.ReLU(),
    )

# %% exercise="UNet"
class UNet(torch.nn.Module):
    """The U-Net with padded convolutions, whose output has the height and width of its input.

    Its layers are those of the handout's table and no others, with weights of torch's shapes (a convolution's is
    (out, in, kh, kw), a transposed one's (in, out, kh, kw)); `state_dict` and `load_state_dict` are those of
    torch.nn.Module. Source: Ronneberger, Fischer and Brox (2015), with padding.
    """

    def __init__(self, in_channels: int, classes: int, width: int, depth: int, seed: int):
        """Make the layers; weights are normal with variance 2/n, biases 0, and both depend on the arguments only."""
        super().__init__()
        # TODO: lists of layers belong into torch.nn.ModuleList, or their parameters are not found
        raise NotImplementedError("UNet.__init__: not written yet")

    def forward(self, x: Float[Tensor, "n c h w"], use_skips: bool = True) -> Float[Tensor, "n classes h w"]:
        """Compute the scores of every class at every pixel; with use_skips=False zeros take the place of the skips.

        Raises ValueError if 2 ** depth does not divide both sides of the image.
        """
        # TODO: on the way down remember what each block gives; on the way up take it back, last first
        raise NotImplementedError("UNet.forward: not written yet")


def train_segmentation(
    images: Float[Tensor, "n c h w"],
    masks: Bool[Tensor, "n h w"],
    steps: int,
    seed: int,
    loss: Callable[[Float[Tensor, "8 2 h w"], Bool[Tensor, "8 h w"]], Float[Tensor, ""]],
) -> tuple[UNet, list[float]]:
    """Train UNet(c, 2, width=8, depth=2, seed=seed), 1 being inside the masks; return it and the loss of every step.

    Each step draws 8 images at random and calls loss(scores of these images, their masks) once, before the weights
    move. Weights and batches depend on `seed`, and on nothing that ran before. The sides of the images are multiples of
    4, their dtype is float32. Within 100 steps on 48 images of 16 × 16, noisy discs and boxes brighter than their
    background, with cross-entropy plus Dice loss, the intersection over union on new images of that kind reaches 0.9.
    """
    # TODO: per step: draw a batch, scores, loss, zero the gradients, backward, optimiser
    raise NotImplementedError("train_segmentation: not written yet")

# %% [markdown]
# ## The picture

# %% tags=["picture"]
def noisy_shapes(count: int, seed: int) -> tuple[Float[Tensor, "count 1 16 16"], Bool[Tensor, "count 16 16"]]:
    """Draw images of 16 × 16 with one disc or box, brighter or darker than the noise around it, and their masks."""
    random = torch.Generator().manual_seed(seed)
    centre = 3.5 + 8 * torch.rand(count, 2, 1, 1, generator=random)
    radius = 2.5 + 2 * torch.rand(count, 2, 1, 1, generator=random)
    disc, dark = torch.rand(2, count, 1, 1, generator=random) < 0.5
    pixels = torch.arange(16.0)
    down = (pixels[:, None] - centre[:, 0]) / radius[:, 0]
    right = (pixels - centre[:, 1]) / radius[:, 1]
    masks = torch.where(disc, down**2 + right**2 <= 1, torch.maximum(down.abs(), right.abs()) <= 1)
    images = torch.where(dark, -1.0, 1.0) * masks + 0.25 * torch.randn(count, 16, 16, generator=random)
    return images[:, None], masks


def picture() -> "matplotlib.figure.Figure":
    """Draw segmentation masks before and after training, the loss, and the ways of going up."""
    from matplotlib.figure import Figure

    images, masks = noisy_shapes(48, seed=1)
    new_images, new_masks = noisy_shapes(64, seed=2)
    before, _ = train_segmentation(images, masks, 0, 0, _cross_entropy_plus_dice)
    net, losses = train_segmentation(images, masks, 100, 0, _cross_entropy_plus_dice)
    with torch.no_grad():
        columns = [
            ("brighter than ½\nor darker than −½", new_images[:, 0].abs() > 0.5),
            ("U-Net\nbefore training", before(new_images).argmax(dim=1) == 1),
            ("after training,\nskips set to zero", net(new_images, use_skips=False).argmax(dim=1) == 1),
            ("after training", net(new_images).argmax(dim=1) == 1),
            ("the truth", new_masks),
        ]
    figure = Figure(figsize=(13, 11.5))
    grid = figure.add_gridspec(3, 6, hspace=0.55, wspace=0.3, top=0.89, bottom=0.52, left=0.05, right=0.98)
    lower = figure.add_gridspec(2, 6, hspace=0.65, wspace=0.35, top=0.44, bottom=0.14, left=0.07, right=0.98)
    for row, shown in enumerate((5, 8, 13)):
        _draw_map(figure.add_subplot(grid[row, 0]), new_images[shown, 0], "image" if row == 0 else "", "gray")
        for column, (title, found) in enumerate(columns, 1):
            score = iou(found, new_masks).mean().item()
            heading = f"{title}\nmean IoU {score:.2f}" if row == 0 else ""
            _draw_map(figure.add_subplot(grid[row, column]), found[shown].float(), heading, "viridis")
    _draw_loss(figure.add_subplot(lower[:, :2]), losses)
    _draw_ways_up(figure, lower)
    figure.suptitle("Segmentation with a U-Net, and the ways of going up", fontsize=14)
    figure.text(
        0.5,
        0.02,
        "You should see masks that turn from arbitrary patches to clean discs and boxes close to the truth, better "
        "than the threshold, and useless\nones from the same trained network without its skips. Below: a falling loss; "
        "blocks, nails, a smooth ramp, maxima back in their places; and the\ncheckerboard of a 3 × 3 kernel of ones "
        "with stride 2, which a 4 × 4 kernel does not have (inside).",
        ha="center",
        fontsize=9.5,
    )
    return figure


def _cross_entropy_plus_dice(logits: Tensor, masks: Tensor) -> Tensor:
    """The loss of the training: your two losses together."""
    return pixel_cross_entropy(logits, masks.long()) + dice_loss(logits.softmax(dim=1)[:, 1], masks)


def _draw_map(axes, values: Tensor, title: str, colours: str) -> None:
    """Draw one map of numbers with rows and columns in pixels."""
    axes.imshow(values, cmap=colours, interpolation="nearest")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_title(title, fontsize=8.5)
    axes.set_xlabel("column (pixels)", fontsize=7)
    axes.set_ylabel("row (pixels)", fontsize=7)
    axes.tick_params(labelsize=6)


def _draw_loss(axes, losses: list[float]) -> None:
    """Draw the loss against the training step."""
    axes.plot(range(1, len(losses) + 1), losses)
    axes.set(xlabel="training step", ylabel="cross-entropy + Dice loss (nats + 1)", ylim=(0, None))
    axes.set_title("training", fontsize=9)
    axes.grid(alpha=0.3)


def _draw_ways_up(figure, grid) -> None:
    """Draw one small map enlarged in each way, and the checkerboard."""
    x = torch.tensor([[1.0, 3.0, 2.0, 4.0], [5.0, 2.0, 6.0, 3.0], [2.0, 7.0, 1.0, 8.0], [4.0, 3.0, 9.0, 5.0]])[
        None, None
    ]
    pooled, positions = max_pool_with_positions(x, 2)
    ones = torch.ones(1, 1, 6, 6)
    panels = [
        ("a map of 4 × 4", x),
        ("upsample_nearest", upsample_nearest(x, 4)),
        ("bed_of_nails", bed_of_nails(x, 4)),
        ("upsample_bilinear", upsample_bilinear(x, 4)),
        ("max pooled 2 × 2", pooled),
        ("max_unpool", max_unpool(pooled, positions, 4, 4)),
        ("conv_transpose2d of ones:\n3 × 3, stride 2", conv_transpose2d(ones, ones[:, :, :3, :3], 2)),
        ("conv_transpose2d of ones:\n4 × 4, stride 2", conv_transpose2d(ones, ones[:, :, :4, :4], 2)),
    ]
    for number, (title, values) in enumerate(panels):
        _draw_map(figure.add_subplot(grid[number // 4, 2 + number % 4]), values[0, 0], title, "magma")
