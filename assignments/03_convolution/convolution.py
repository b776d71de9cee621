# %% [markdown]
# # 03 · Convolution
# ### Conventions that hold throughout
#
# Write your answers here, or in convolution.ipynb. The handout is README.md;
# `autograder check convolution.py` tells which laws your answers obey.

# %%
import numpy as np
from jaxtyping import Float

# %% [markdown]
# ## 1 · Two operations that look alike
# ### cross_correlate2d

# %% exercise="cross_correlate2d"
def cross_correlate2d(
    image: Float[np.ndarray, "h w"], kernel: Float[np.ndarray, "kh kw"], mode: str
) -> Float[np.ndarray, "rows columns"]:
    """Compute the cross-correlation (I ⋆ K)[i, j] = Σ K[m, n] · I[i+m, j+n], with zeros outside the image.

    `mode` says what is kept. "valid": windows inside the image, shape (h−kh+1, w−kw+1). "same": windows centred on a
    pixel, shape (h, w). "full": windows that touch the image, shape (h+kh−1, w+kw−1). The dtype is that of `image`.
    Raises ValueError for another mode, for "same" with a kernel of even height or width, and for "valid" with a kernel
    that is higher or wider than the image.
    Source: Goodfellow, Bengio and Courville (2016), equation 9.6.
    """
    # TODO: pad with zeros as the mode says, then add up one moved copy of the image per kernel entry
    raise NotImplementedError("cross_correlate2d: not written yet")

# %% [markdown]
# ### convolve2d

# %% exercise="convolve2d"
def convolve2d(
    image: Float[np.ndarray, "h w"], kernel: Float[np.ndarray, "kh kw"], mode: str
) -> Float[np.ndarray, "rows columns"]:
    """Compute the convolution (K ∗ I)[i, j] = Σ K[m, n] · I[i−m, j−n], with zeros outside the image.

    "full" keeps every place that a pixel reaches, shape (h+kh−1, w+kw−1); "same" the middle (h, w) of it; "valid" the
    (h−kh+1, w−kw+1) places where no pixel outside the image takes part. The dtype is that of `image`.
    Raises ValueError for another mode, for "same" with a kernel of even height or width, and for "valid" with a kernel
    that is higher or wider than the image.
    Source: Goodfellow, Bengio and Courville (2016), equations 9.4 and 9.5; Szeliski (2010), section 3.2.
    """
    # TODO: stamp one scaled, moved copy of the image per kernel entry, then cut out what the mode keeps
    raise NotImplementedError("convolve2d: not written yet")

# %% [markdown]
# ### is_rotation_symmetric

# %% exercise="is_rotation_symmetric"
def is_rotation_symmetric(kernel: Float[np.ndarray, "kh kw"]) -> bool:
    """Tell whether convolution and cross-correlation with `kernel` are the same for every image: K = Rot180 K.

    Up to rounding or exactly, as you like.

    Source: Szeliski (2010), section 3.2.
    """
    # TODO: write this.
    raise NotImplementedError("is_rotation_symmetric: not written yet")

# %% [markdown]
# ### impulse_response

# %% exercise="impulse_response"
def impulse_response(system, radius: int) -> Float[np.ndarray, "side side"]:
    """Find the kernel K of shape (2·radius+1, 2·radius+1) for which system(I) is the "same" convolution K ∗ I.

    `system` maps an image of any shape (float64) to one of the same shape. It is linear and shift-equivariant, takes
    everything outside the image to be zero, and no output depends on an input more than `radius` rows or columns away.
    Source: Oppenheim and Schafer, "Discrete-Time Signal Processing" (1989), section 2.3.
    """
    # TODO: show it an image with a single one
    raise NotImplementedError("impulse_response: not written yet")

# %% [markdown]
# ## 2 · Convolution is a matrix

# %% exercise="conv_matrix"
def conv_matrix(kernel: Float[np.ndarray, " m"], n: int) -> Float[np.ndarray, "n+m-1 n"]:
    """Compute the Toeplitz matrix T with T @ x = kernel ∗ x (full convolution) for every signal x of length `n`.

    T[i, j] = kernel[i − j] where 0 ≤ i − j < m, else 0. Shape (n+m−1, n), dtype that of `kernel`; m, n are at least 1.
    Source: Gray, "Toeplitz and Circulant Matrices: A Review" (2006), chapter 1.
    """
    # TODO: what does column j look like?
    raise NotImplementedError("conv_matrix: not written yet")

# %% [markdown]
# ### conv_matrix2d

# %% exercise="conv_matrix2d"
def conv_matrix2d(kernel: Float[np.ndarray, "kh kw"], height: int, width: int) -> Float[np.ndarray, "places pixels"]:
    """Compute the matrix M with M @ I.ravel() = (K ∗ I).ravel() (full convolution) for images I of (height, width).

    Shape ((height+kh−1)·(width+kw−1), height·width), dtype that of `kernel`; both vectors are row-major.
    Source: Jain, "Fundamentals of Digital Image Processing" (1989), chapter 2, on doubly block Toeplitz matrices.
    """
    # TODO: index an array of shape (output rows, output columns, height, width), then reshape it
    raise NotImplementedError("conv_matrix2d: not written yet")

# %% [markdown]
# ## 3 · The layer's arithmetic
# ### conv_output_size

# %% exercise="conv_output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Compute how many windows fit in one direction: ⌊(size + 2·padding − dilation·(kernel−1) − 1) / stride⌋ + 1.

    All are whole numbers, and so is the result. Raises ValueError if size, kernel, stride or dilation is less than 1,
    if padding is negative, or if no window fits.
    Source: Dumoulin and Visin (2016), relationships 6 and 15.
    """
    # TODO: write this.
    raise NotImplementedError("conv_output_size: not written yet")

# %% [markdown]
# ### conv_parameters

# %% exercise="conv_parameters"
def conv_parameters(
    in_channels: int, out_channels: int, kernel_size: tuple[int, int], bias: bool = True, groups: int = 1
) -> int:
    """Count the learned numbers of a convolutional layer: (in_channels/groups · kh · kw + 1) · out_channels.

    `kernel_size` is (kh, kw); without bias the 1 is missing. The result is a whole number.
    Raises ValueError if `groups` does not divide both numbers of channels.
    Source: Goodfellow, Bengio and Courville (2016), section 9.5; Krizhevsky, Sutskever and Hinton (2012) for groups.
    """
    # TODO: write this.
    raise NotImplementedError("conv_parameters: not written yet")

# %% [markdown]
# ## 4 · The layer
# ### conv2d_forward

# %% exercise="conv2d_forward"
def conv2d_forward(
    x: Float[np.ndarray, "batch channels height width"],
    w: Float[np.ndarray, "filters channels kh kw"],
    b: Float[np.ndarray, " filters"],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> Float[np.ndarray, "batch filters rows columns"]:
    """Compute a convolutional layer, Y[n, f, i, j] = b[f] + Σ W[f, c, u, v] · X_pad[n, c, s·i + d·u, s·j + d·v].

    This is a cross-correlation. stride s, padding p and dilation d are whole numbers that count in both directions;
    X_pad is `x` with p zeros on each of its four sides. The batch may be empty. The dtype is that of `x`.
    Raises ValueError if `x` and `w` differ in the number of channels, if `b` is not of shape (filters,), or if the
    window does not fit.
    Source: LeCun et al. (1989); Dumoulin and Visin (2016).
    """
    # TODO: loop over the entries of the kernel; slice out the grid of pixels that each of them meets
    raise NotImplementedError("conv2d_forward: not written yet")

# %% [markdown]
# ## 5 · The gradients
# ### cross_correlate2d_backward

# %% exercise="cross_correlate2d_backward"
def cross_correlate2d_backward(
    delta: Float[np.ndarray, "rows columns"], image: Float[np.ndarray, "h w"], kernel: Float[np.ndarray, "kh kw"]
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "kh kw"]]:
    """Compute ∂L/∂image and ∂L/∂kernel for z = image ⋆ kernel (valid cross-correlation), where delta = ∂L/∂z.

    ∂L/∂image = kernel ∗ delta (full convolution); ∂L/∂kernel = image ⋆ delta (valid cross-correlation).
    `delta` has shape (h−kh+1, w−kw+1). Raises ValueError if it has not. Dtypes are those of `image` and `kernel`.
    Source: LeCun et al. (1989); Goodfellow, Bengio and Courville (2016), section 9.5.
    """
    # TODO: one loop over the entries of the kernel serves both
    raise NotImplementedError("cross_correlate2d_backward: not written yet")

# %% [markdown]
# ### convolve2d_backward

# %% exercise="convolve2d_backward"
def convolve2d_backward(
    delta: Float[np.ndarray, "rows columns"], image: Float[np.ndarray, "h w"], kernel: Float[np.ndarray, "kh kw"]
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "kh kw"]]:
    """Compute ∂L/∂image and ∂L/∂kernel for z = kernel ∗ image (valid convolution), where delta = ∂L/∂z.

    ∂L/∂image = delta ⋆ kernel (full cross-correlation); ∂L/∂kernel = Rot180(image ⋆ delta) (valid).
    `delta` has shape (h−kh+1, w−kw+1). Raises ValueError if it has not. Dtypes are those of `image` and `kernel`.
    Source: Goodfellow, Bengio and Courville (2016), section 9.5, with the convolution of their equation 9.4.
    """
    # TODO: entry (m, n) of the kernel meets the patch that starts at (kh−1−m, kw−1−n)
    raise NotImplementedError("convolve2d_backward: not written yet")

# %% [markdown]
# ### conv2d_backward

# %% exercise="conv2d_backward"
def conv2d_backward(
    dy: Float[np.ndarray, "batch filters rows columns"],
    x: Float[np.ndarray, "batch channels height width"],
    w: Float[np.ndarray, "filters channels kh kw"],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> tuple[
    Float[np.ndarray, "batch channels height width"],
    Float[np.ndarray, "filters channels kh kw"],
    Float[np.ndarray, " filters"],
]:
    """Compute (∂L/∂x, ∂L/∂w, ∂L/∂b) of the layer y = `conv2d_forward(x, w, b, stride, padding, dilation)`.

    `dy` is ∂L/∂y, of the shape of y. The three results have the shapes of `x`, `w` and b, and their dtype. The batch
    may be empty: then the gradients of w and b are zero. Raises ValueError if `dy` has not the shape of y.
    Source: LeCun et al. (1989); Goodfellow, Bengio and Courville (2016), section 9.5.
    """
    # TODO: the loop of the forward pass; where it read from x, read for dw and add for dx
    raise NotImplementedError("conv2d_backward: not written yet")

# %% [markdown]
# ## 6 · Max pooling
# ### max_pool_forward

# %% exercise="max_pool_forward"
def max_pool_forward(
    x: Float[np.ndarray, "batch channels height width"], size: int, stride: int
) -> Float[np.ndarray, "batch channels rows columns"]:
    """Compute y[n, c, i, j] = max of x[n, c, s·i + u, s·j + v] over 0 ≤ u, v < size, where s = stride.

    rows = ⌊(height − size) / stride⌋ + 1, and columns alike. The batch may be empty. The dtype is that of `x`.
    Raises ValueError if the window does not fit into the image.
    Source: Weng, Ahuja and Huang (1992); Scherer, Müller and Behnke (2010).
    """
    # TODO: write this.
    raise NotImplementedError("max_pool_forward: not written yet")

# %% [markdown]
# ### max_pool_backward

# %% exercise="max_pool_backward"
def max_pool_backward(
    dy: Float[np.ndarray, "batch channels rows columns"],
    x: Float[np.ndarray, "batch channels height width"],
    size: int,
    stride: int,
) -> Float[np.ndarray, "batch channels height width"]:
    """Compute ∂L/∂x of y = `max_pool_forward(x, size, stride)`, where dy = ∂L/∂y has the shape of y.

    Each entry of `dy` is added to the place of its window's maximum; of equal maxima to the first in reading order. The
    shape and dtype are those of `x`. Raises ValueError if `dy` has not the shape of y.
    Source: Weng, Ahuja and Huang (1992); Goodfellow, Bengio and Courville (2016), section 9.3.
    """
    # TODO: window by window, find the flat place of the maximum for all images and channels at once
    raise NotImplementedError("max_pool_backward: not written yet")

# %% [markdown]
# ## The picture

# %% tags=["picture"]
EYE = (slice(68, 100), slice(36, 68))  # rows and columns of the photograph, whole windows of 4 × 4


def picture():
    """Draw edge filters on a photograph, the two operations apart, and max pooling with its gradient."""
    import matplotlib.pyplot as plt

    image = _photograph()
    vertical = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    across = cross_correlate2d(image, vertical, "valid")
    down = cross_correlate2d(image, vertical.T, "valid")
    strength = np.hypot(across, down)
    laplacian = np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    blur = np.outer([1.0, 4.0, 6.0, 4.0, 1.0], [1.0, 4.0, 6.0, 4.0, 1.0]) / 256
    blurred = convolve2d(blur, blur, "full")
    pooled = max_pool_forward(strength[None, None], 4, 4)
    gradient = max_pool_backward(np.ones_like(pooled), strength[None, None], 4, 4)
    panels = [
        ("the photograph", image, "gray"),
        ("cross-correlation with Sobel, across", across, "RdBu"),
        ("convolution, same kernel: signs flip", convolve2d(image, vertical, "valid"), "RdBu"),
        ("cross-correlation with Sobel, downwards", down, "RdBu"),
        ("blurred (two filters convolved into one)", convolve2d(image, blurred, "valid"), "gray"),
        ("Laplacian: the same either way", convolve2d(image, laplacian, "valid"), "RdBu"),
        ("edge strength, max pooled 4 × 4", pooled[0, 0], "magma"),
        ("where the gradient goes (one eye)", strength[EYE], "magma"),
    ]
    figure, grid = plt.subplots(2, 4, figsize=(15, 9.2))
    for axes, (title, values, colours) in zip(grid.flat, panels):
        limit = np.percentile(np.abs(values), 99.5)
        low = -limit if colours == "RdBu" else 0
        shown = axes.imshow(values, cmap=colours, vmin=low, vmax=limit, interpolation="nearest")
        axes.set_title(title, fontsize=9.5)
        axes.set_xlabel("column (pixels)", fontsize=8)
        axes.set_ylabel("row (pixels)", fontsize=8)
        axes.tick_params(labelsize=7)
        figure.colorbar(shown, ax=axes, shrink=0.7).ax.tick_params(labelsize=7)
    winners = np.argwhere(gradient[0, 0][EYE] > 0)
    grid[1, 3].plot(winners[:, 1], winners[:, 0], "o", color="cyan", markersize=4)
    grid[1, 3].set_xticks(np.arange(-0.5, values.shape[1], 4), [])
    grid[1, 3].set_yticks(np.arange(-0.5, values.shape[0], 4), [])
    grid[1, 3].grid(color="white", alpha=0.5)
    grid[1, 3].set(xlabel="column (a line every 4 pixels)", ylabel="row (a line every 4 pixels)")
    figure.suptitle("Convolution: edge filters on a photograph", fontsize=14)
    figure.subplots_adjust(left=0.05, right=0.97, top=0.93, bottom=0.12, wspace=0.3, hspace=0.12)
    figure.text(
        0.5,
        0.02,
        "You should see upright contours in the first Sobel response (blue: brighter to the right; red: darker), the "
        "same with the colours swapped under\nconvolution, lying contours (brows, mouth, chin) in the second, a smooth "
        "blur, thin double lines from the Laplacian, and, after pooling, a face drawn\nat a quarter of the size. "
        "Last, one dot in every 4 × 4 window, on its brightest pixel: the only one that gets gradient.",
        ha="center",
        fontsize=9.5,
    )
    return figure


def _photograph() -> np.ndarray:
    """The grey values, from 0 to 1, of the face in matplotlib's bundled photograph."""
    import matplotlib.cbook
    import matplotlib.pyplot as plt

    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        colours = plt.imread(file, format="jpg").astype(np.float64) / 255
    grey = colours @ np.array([0.299, 0.587, 0.114])  # how bright the eye finds red, green and blue
    return grey[20:420:2, 100:400:2]
