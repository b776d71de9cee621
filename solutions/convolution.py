# %% [markdown]
# # 03 · Convolution
#
# A fully connected layer looks at all pixels at once and has a weight for each. A convolutional layer slides one small
# window of weights, the *kernel*, over the image and writes down, at every place, how well the patch under the window
# matches it. Two ideas are in that sentence. **Locality**: an output depends on a few neighbouring pixels only.
# **Weight sharing**: the same few numbers are used everywhere, so that a cat shifted to the right gives the same
# response, shifted to the right (*shift equivariance*). A 3×3 kernel has nine weights whether the image has a
# thousand pixels or a million.
#
# This topic is NumPy only: forward *and* backward by hand.
#
# ### Conventions that hold throughout
#
# | sign | name | definition (indices from 0, zero outside the arrays) |
# |---|---|---|
# | $I\star K$ | **cross-correlation** | $(I\star K)[i,j]=\sum_{m,n} K[m,n]I[i+m,j+n]$ |
# | $K \ast I$ | **convolution** | $(K\ast I)[i,j]=\sum_{m,n} K[m,n]I[i-m,j-n]$ |
# | $\operatorname{Rot}_{180}K$ | rotation by half a turn | $K[k_h-1-m, k_w-1-n]$: both axes reversed |
#
# - **One dtype.** All arrays of a call have the same one, and so has the result.
# - **What deep learning calls a convolution is a cross-correlation.** `torch.nn.Conv2d` adds the indices. Signal
#   processing, `scipy.signal.convolve2d` and the theorems below mean the one with the minus. As the kernel of a layer
#   is learned, the layer does not care; but a formula for its gradient does. Every formula here says which one it is.
# - **How much of the result is kept.** With an image of shape $(h,w)$ and a kernel of shape $(k_h,k_w)$:
#   *valid* keeps the places where the window lies inside the image, $(h-k_h+1, w-k_w+1)$; *full* those where it
#   touches the image at all, $(h+k_h-1, w+k_w-1)$; *same* the $(h,w)$ places where its *centre* lies on the image.
#   Everything outside the image counts as zero. A centre exists only for odd sides (for even ones SciPy and torch
#   place it differently), so here *same* asks for odd sides.
# - Lecture notes often number the kernel from $-k$ to $k$ around its centre. That is the *same* result; with indices
#   from 0 the numbers are identical and only the origin moves.
# - Batches have shape `(N, C, H, W)`: images, channels, rows, columns. Kernels have shape `(C_out, C_in, k_h, k_w)`.
#   Rows come before columns, always: row index $i$ points down, column index $j$ to the right.
# - Arrays are NumPy arrays, results have the dtype of the input, and nothing you are given may be changed in place.
#
# *Sources.* Goodfellow, Bengio and Courville, "Deep Learning" (2016), chapter 9; Szeliski, "Computer Vision" (2010),
# section 3.2, for filters; Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), for sizes;
# Fukushima (1980) and LeCun et al. (1989) for the networks.

# %%
import numpy as np
from jaxtyping import Float

# %% [markdown]
# ## 1 · Two operations that look alike
#
# ### cross_correlate2d
#
# Lay the kernel on the image with its corner $K[0,0]$ on pixel $(i,j)$, multiply what lies on top of each other, add
# up, write the sum to $(i,j)$, move on:
#
# $$ (I\star K)[i,j]=\sum_{m=0}^{k_h-1}\sum_{n=0}^{k_w-1} K[m,n]I[i+m,j+n]. $$
#
# That is *valid*. For *same* put $(k_h-1)/2$ rows and $(k_w-1)/2$ columns of zeros around the image first, for *full*
# $k_h-1$ and $k_w-1$ of them. It is a bilinear operation: linear in the image, and linear in the kernel.
#
# **Faster than it looks.** Four nested loops in Python are slow. Swap them: loop over the few entries of the *kernel*,
# and for each add `K[m, n] ·` (the whole image, moved by (m, n)). Two short loops, and NumPy does the rest.
#
# **What to watch for.** A response that is large where the image is *bright*, not where it matches: the score is a
# plain inner product, so a kernel whose entries do not sum to zero measures brightness too. With *same*, the zeros
# outside are a black frame: edge filters light up along the border of every image.


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
    # BEGIN SOLUTION: pad with zeros as the mode says, then add up one moved copy of the image per kernel entry
    height, width = kernel.shape
    margins = {"valid": (0, 0), "same": (height // 2, width // 2), "full": (height - 1, width - 1)}
    if mode not in margins:
        raise ValueError(f"mode must be one of {', '.join(margins)}; it is {mode!r}")
    if mode == "same" and (height % 2 == 0 or width % 2 == 0):
        raise ValueError(f"a kernel of shape {kernel.shape} has no centre: use odd sides with mode 'same'")
    top, left = margins[mode]
    padded = np.pad(image, ((top, top), (left, left)))
    rows, columns = padded.shape[0] - height + 1, padded.shape[1] - width + 1
    if rows < 1 or columns < 1:
        raise ValueError(f"a kernel of shape {kernel.shape} does not fit into an image of shape {image.shape}")
    result = np.zeros((rows, columns), dtype=image.dtype)
    for m in range(height):
        for n in range(width):
            result += kernel[m, n] * padded[m : m + rows, n : n + columns]
    return result
    # END SOLUTION


# %% [markdown]
# ### convolve2d
#
# Turn the question round: not "which pixels does this output collect?" but "where does this pixel go?". Each pixel
# stamps a copy of the kernel, scaled by its value, onto the output; copies that overlap add up:
#
# $$ (K\ast I)[i,j]=\sum_{m,n} K[m,n]I[i-m,j-n],\qquad 0\le i< h+k_h-1,\quad 0\le j< w+k_w-1. $$
#
# This is the *full* result. *valid* and *same* are cut out of its middle. A single bright pixel gives the kernel
# itself, upright. (The cross-correlation gives it upside down: it is the kernel that moves, and the first entry to
# reach the pixel is the last one of the kernel.)
#
# The minus buys algebra. Substituting $m\to i-m$ shows $K\ast I=I\ast K$ (*commutative*), and likewise
# $(A\ast B)\ast C=A\ast(B\ast C)$ (*associative*), both in full mode: two filters in a row are one, computed once.
# Cross-correlation has neither. It is the same as multiplying polynomials: coefficients with equal total degree are
# collected. And
#
# $$ K\ast I  =  I\star\operatorname{Rot}_{180}K \qquad\text{(in each of the three modes).} $$
#
# **What to watch for.** Reversing one axis only, or transposing, is not a rotation. A mistake here is invisible with
# symmetric test kernels (a blur, a Laplacian): test with one whose entries all differ.


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
    # BEGIN SOLUTION: stamp one scaled, moved copy of the image per kernel entry, then cut out what the mode keeps
    (h, w), (height, width) = image.shape, kernel.shape
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"mode must be valid, same or full; it is {mode!r}")
    if mode == "same" and (height % 2 == 0 or width % 2 == 0):
        raise ValueError(f"a kernel of shape {kernel.shape} has no centre: use odd sides with mode 'same'")
    if mode == "valid" and (height > h or width > w):
        raise ValueError(f"a kernel of shape {kernel.shape} does not fit into an image of shape {image.shape}")
    full = np.zeros((h + height - 1, w + width - 1), dtype=image.dtype)
    for m in range(height):
        for n in range(width):
            full[m : m + h, n : n + w] += kernel[m, n] * image
    if mode == "valid":
        return full[height - 1 : h, width - 1 : w]
    if mode == "same":
        return full[height // 2 : height // 2 + h, width // 2 : width // 2 + w]
    return full
    # END SOLUTION


# %% [markdown]
# ### is_rotation_symmetric
#
# From $K\ast I=I\star\operatorname{Rot}_{180}K$: the two operations agree for *every* image if and only if
# $K=\operatorname{Rot}_{180}K$, that is $K[m,n]=K[k_h-1-m,k_w-1-n]$ ($K[i,j]=K[-i,-j]$ when counted from the
# centre). "If" is plain; for "only if", take a single bright pixel as the image. A blur and a Laplacian qualify. A
# Sobel filter does not: rotated, it changes sign, and the edges found are the same but bright and dark swap roles.


# %% exercise="is_rotation_symmetric"
def is_rotation_symmetric(kernel: Float[np.ndarray, "kh kw"]) -> bool:
    """Tell whether convolution and cross-correlation with `kernel` are the same for every image: K = Rot180 K.

    Up to rounding or exactly, as you like.

    Source: Szeliski (2010), section 3.2.
    """
    # BEGIN SOLUTION
    return bool(np.array_equal(kernel, kernel[::-1, ::-1]))
    # END SOLUTION


# %% [markdown]
# ### impulse_response
#
# *Any* linear, shift-equivariant map of images is a convolution. Write the image as a sum of single bright pixels
# (*impulses*), $I=\sum_{p,q} I[p,q]\delta_{p,q}$. By linearity the answer is the sum of the answers to the impulses,
# and by equivariance each of these is the answer $K$ to *one* impulse, moved:
#
# $$ f(I)[i,j]=\sum_{p,q} I[p,q]f(\delta_{p,q})[i,j]=\sum_{p,q} I[p,q]K[i-p,j-q]=(K\ast I)[i,j]. $$
#
# So you can open a black box by showing it one bright pixel. (The theorem is exact on an unbounded grid, or one that
# wraps around; at the border of a finite image "zeros outside" has to be agreed on, as we do.)
#
# **What to watch for.** A pixel in the corner shows a quarter of the kernel: the rest falls off the image.


# %% exercise="impulse_response"
def impulse_response(system, radius: int) -> Float[np.ndarray, "side side"]:
    """Find the kernel K of shape (2·radius+1, 2·radius+1) for which system(I) is the "same" convolution K ∗ I.

    `system` maps an image of any shape (float64) to one of the same shape. It is linear and shift-equivariant, takes
    everything outside the image to be zero, and no output depends on an input more than `radius` rows or columns away.
    Source: Oppenheim and Schafer, "Discrete-Time Signal Processing" (1989), section 2.3.
    """
    # BEGIN SOLUTION: show it an image with a single one
    impulse = np.zeros((2 * radius + 1, 2 * radius + 1))
    impulse[radius, radius] = 1
    return system(impulse)
    # END SOLUTION


# %% [markdown]
# ## 2 · Convolution is a matrix
#
# A linear map has a matrix. For a signal of length $n$ and a kernel of length $m$, the full convolution
# $(k\ast x)[i]=\sum_j k[i-j]x[j]$ has the matrix $T[i,j]=k[i-j]$ (zero unless $0\le i-j<m$) of shape $(n+m-1, n)$:
#
# $$ k \ast x = \begin{bmatrix} k_0 & & \cr k_1 & k_0 & \cr k_2 & k_1 & k_0\cr & k_2 & k_1\cr & & k_2 \end{bmatrix}
#    \begin{bmatrix} x_0\cr x_1\cr x_2\end{bmatrix}\qquad (m=3,\ n=3). $$
#
# Its entries depend on $i-j$ only, so every diagonal is constant: a *Toeplitz* matrix. Here are locality (the zeros)
# and weight sharing (the equal entries) as properties of a fully connected layer. And the transposed matrix collects
# what the matrix scattered: $T^\top y$ is the **valid cross-correlation** $y\star k$. Keep this for backpropagation,
# which multiplies by transposed Jacobians.


# %% exercise="conv_matrix"
def conv_matrix(kernel: Float[np.ndarray, " m"], n: int) -> Float[np.ndarray, "n+m-1 n"]:
    """Compute the Toeplitz matrix T with T @ x = kernel ∗ x (full convolution) for every signal x of length `n`.

    T[i, j] = kernel[i − j] where 0 ≤ i − j < m, else 0. Shape (n+m−1, n), dtype that of `kernel`; m, n are at least 1.
    Source: Gray, "Toeplitz and Circulant Matrices: A Review" (2006), chapter 1.
    """
    # BEGIN SOLUTION: what does column j look like?
    matrix = np.zeros((n + len(kernel) - 1, n), dtype=kernel.dtype)
    for j in range(n):
        matrix[j : j + len(kernel), j] = kernel
    return matrix
    # END SOLUTION


# %% [markdown]
# ### conv_matrix2d
#
# For an image, stack its rows into one long vector: $\operatorname{vec}(I)[iw+j]=I[i,j]$ (row-major, which is what
# `image.ravel()` does). The matrix of the full convolution then has shape $\bigl((h+k_h-1)(w+k_w-1), hw\bigr)$.
# Pixel $(i,j)$ reaches place $(i+m,j+n)$ with weight $K[m,n]$; the row of that place is $(i+m)(w+k_w-1)+(j+n)$, the
# column of the pixel $iw+j$. Cut into blocks, one per pair of image rows, the matrix is Toeplitz twice over: the
# blocks are Toeplitz, and they repeat along diagonals. For a 224×224 image and a 3×3 kernel it would have 2.5 thousand
# million entries, 0.02 % of them not zero. Nobody builds it; one slides a window.
#
# **What to watch for.** Column-major stacking (`order="F"`, common in mathematics texts) gives another matrix. And the
# output is wider than the input: using $w$ where $w+k_w-1$ belongs shears the picture, row by row.


# %% exercise="conv_matrix2d"
def conv_matrix2d(kernel: Float[np.ndarray, "kh kw"], height: int, width: int) -> Float[np.ndarray, "places pixels"]:
    """Compute the matrix M with M @ I.ravel() = (K ∗ I).ravel() (full convolution) for images I of (height, width).

    Shape ((height+kh−1)·(width+kw−1), height·width), dtype that of `kernel`; both vectors are row-major.
    Source: Jain, "Fundamentals of Digital Image Processing" (1989), chapter 2, on doubly block Toeplitz matrices.
    """
    # BEGIN SOLUTION: index an array of shape (output rows, output columns, height, width), then reshape it
    kernel_height, kernel_width = kernel.shape
    rows, columns = height + kernel_height - 1, width + kernel_width - 1
    matrix = np.zeros((rows, columns, height, width), dtype=kernel.dtype)
    for i in range(height):
        for j in range(width):
            matrix[i : i + kernel_height, j : j + kernel_width, i, j] = kernel
    return matrix.reshape(rows * columns, height * width)
    # END SOLUTION


# %% [markdown]
# ## 3 · The layer's arithmetic
#
# ### conv_output_size
#
# Three settings change which windows are used, in each direction on its own:
# **padding** $p$ puts $p$ zeros on *both* sides; **dilation** $d$ spreads the kernel, so that its $k$ entries lie $d$
# pixels apart and it spans $d(k-1)+1$ pixels (Yu and Koltun, 2016); **stride** $s$ uses every $s$-th window only. The
# first window starts at 0, the last at most at $D+2p-\bigl(d(k-1)+1\bigr)$, hence
#
# $$ D_{\text{out}}=\left\lfloor\frac{D+2p-d(k-1)-1}{s}\right\rfloor+1 . $$
#
# To keep the size with stride 1 and odd $k$, pad by $p=d(k-1)/2$.
#
# **What to watch for.** When $s$ does not divide, the floor *drops* pixels at the right and the bottom: they never
# reach the output, and their gradient is zero. With too small an input the formula gives 0 or less, or (rounding
# towards zero instead of down) a size of 1 that does not exist: raise an error instead.


# %% exercise="conv_output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Compute how many windows fit in one direction: ⌊(size + 2·padding − dilation·(kernel−1) − 1) / stride⌋ + 1.

    All are whole numbers, and so is the result. Raises ValueError if size, kernel, stride or dilation is less than 1,
    if padding is negative, or if no window fits.
    Source: Dumoulin and Visin (2016), relationships 6 and 15.
    """
    # BEGIN SOLUTION
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError("size, kernel, stride and dilation must be at least 1, and padding at least 0")
    last_start = size + 2 * padding - dilation * (kernel - 1) - 1
    if last_start < 0:
        raise ValueError(f"the window does not fit: it sticks out by {-last_start}")
    return last_start // stride + 1
    # END SOLUTION


# %% [markdown]
# ### conv_parameters
#
# A layer from $C_{\text{in}}$ to $C_{\text{out}}$ channels has one kernel for every *pair* of channels, and one bias
# per output channel:
#
# $$ Z_j = b_j + \sum_{c=1}^{C_{\text{in}}} X_c\star W_{jc},\qquad j=1,\dots,C_{\text{out}},\qquad
#    \text{parameters: } \bigl(C_{\text{in}}\cdot k_h\cdot k_w+1\bigr)\cdot C_{\text{out}} . $$
#
# (Lecture notes often write $H\times W$ in this count. It is the height and width of the *kernel*: that the size of
# the image does not occur is the point.) Stride, padding and dilation add nothing. With **groups** $g$ the channels
# fall into $g$ parts that do not see each other: every output channel reads $C_{\text{in}}/g$ inputs. Krizhevsky et
# al. (2012) did so to fit on two graphics cards; $g=C_{\text{in}}$ is the *depthwise* convolution of small networks
# (Howard et al., 2017).


# %% exercise="conv_parameters"
def conv_parameters(
    in_channels: int, out_channels: int, kernel_size: tuple[int, int], bias: bool = True, groups: int = 1
) -> int:
    """Count the learned numbers of a convolutional layer: (in_channels/groups · kh · kw + 1) · out_channels.

    `kernel_size` is (kh, kw); without bias the 1 is missing. The result is a whole number.
    Raises ValueError if `groups` does not divide both numbers of channels.
    Source: Goodfellow, Bengio and Courville (2016), section 9.5; Krizhevsky, Sutskever and Hinton (2012) for groups.
    """
    # BEGIN SOLUTION
    if in_channels % groups or out_channels % groups:
        raise ValueError(f"{groups} groups do not divide {in_channels} and {out_channels} channels")
    height, width = kernel_size
    return (in_channels // groups * height * width + bool(bias)) * out_channels
    # END SOLUTION


# %% [markdown]
# ## 4 · The layer
#
# ### conv2d_forward
#
# All at once, and **as a cross-correlation**, like every library: with $X$ padded by $p$ zeros on all four sides,
#
# $$ Y[n,f,i,j]=b[f]+\sum_{c}\sum_{u,v} W[f,c,u,v] X_{\text{pad}}[n,c, si+du, sj+dv]. $$
#
# Shapes: $X$ is $(N,C,H,W)$, $W$ is $(F,C,k_h,k_w)$, $b$ is $(F)$, $Y$ is $(N,F,H',W')$ with $H',W'$ from section 3.
# Read the index: **stride multiplies the output's index, dilation the kernel's.** For one entry $(u,v)$ of the kernel
# the pixels that it meets form the regular grid `X_pad[:, :, d·u : … : s, d·v : … : s]` of shape $(N,C,H',W')$, and it
# contributes $W[:,:,u,v]$ times that: a matrix product over channels. (Laying all these grids side by side and doing
# one big matrix product is the *im2col* trick of Chellapilla, Puri and Simard, 2006.)
#
# A layer with stride 1 is shift-equivariant away from the border. With stride $s$ this holds for shifts by multiples of
# $s$ only; classifiers that change their mind when a photograph moves by one pixel owe it to that (Zhang, 2019).
#
# **What to watch for.** Stride and dilation swapped, or padding on one side only: the shape is often still right. Test
# with stride ≠ dilation and an input that is not square. And NumPy's slices never complain: one that runs over the end
# is just shorter.


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
    # BEGIN SOLUTION: loop over the entries of the kernel; slice out the grid of pixels that each of them meets
    filters, channels, kernel_height, kernel_width = w.shape
    if x.shape[1] != channels or b.shape != (filters,):
        raise ValueError(f"shapes do not fit: x {x.shape}, w {w.shape}, b {b.shape}")
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if rows < 1 or columns < 1:
        raise ValueError(f"a window of {w.shape[2:]} with dilation {dilation} does not fit into {padded.shape[2:]}")
    y = np.zeros((len(x), filters, rows, columns), dtype=x.dtype) + b[:, None, None]
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            y += np.einsum("fc,ncij->nfij", w[:, :, u, v], padded[:, :, down, right])
    return y
    # END SOLUTION


# %% [markdown]
# ## 5 · The gradients
#
# Write $\delta[i,j]:=\dfrac{\partial L}{\partial z[i,j]}$ for the gradient of the loss with respect to an output of
# the layer: *defined* as that partial derivative, it has the shape of the output. Given $\delta$ we want
# $\partial L/\partial I$ (to pass on) and $\partial L/\partial K$ (to learn from). The chain rule is one sum over all
# outputs; the rest is reading off which output contains which input, and with which factor.
#
# ### cross_correlate2d_backward
#
# One channel, *valid*, stride 1. For the **cross-correlation** $z[i,j]=\sum_{m,n}K[m,n]I[i+m,j+n]$:
#
# $$ \frac{\partial L}{\partial K[m,n]}=\sum_{i,j}\delta[i,j]I[i+m,j+n]
#    \quad\Rightarrow\quad \frac{\partial L}{\partial K}=I\star\delta\quad\text{ (valid cross-correlation)}, $$
#
# $$ \frac{\partial L}{\partial I[p,q]}=\sum_{i,j}\delta[i,j]K[p-i,q-j]
#    \quad\Rightarrow\quad \frac{\partial L}{\partial I}=K\ast \delta\quad\text{ (full convolution)}. $$
#
# Type-check: $(h,w)\star(h-k_h+1,\dots)$ valid gives $(k_h,k_w)$, and full gives $(h,w)$ back. Why is the second a
# convolution? In $z[i,j]$, pixel $(p,q)$ is met by the entry $K[p-i,q-j]$: the minus comes from solving $i+m=p$ for
# $m$. It is section 2 again, where the transposed matrix turned the one operation into the other.


# %% exercise="cross_correlate2d_backward"
def cross_correlate2d_backward(
    delta: Float[np.ndarray, "rows columns"], image: Float[np.ndarray, "h w"], kernel: Float[np.ndarray, "kh kw"]
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "kh kw"]]:
    """Compute ∂L/∂image and ∂L/∂kernel for z = image ⋆ kernel (valid cross-correlation), where delta = ∂L/∂z.

    ∂L/∂image = kernel ∗ delta (full convolution); ∂L/∂kernel = image ⋆ delta (valid cross-correlation).
    `delta` has shape (h−kh+1, w−kw+1). Raises ValueError if it has not. Dtypes are those of `image` and `kernel`.
    Source: LeCun et al. (1989); Goodfellow, Bengio and Courville (2016), section 9.5.
    """
    # BEGIN SOLUTION: one loop over the entries of the kernel serves both
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if delta.shape != (rows, columns):
        raise ValueError(f"delta has shape {delta.shape}; the output of the forward pass has {(rows, columns)}")
    image_gradient, kernel_gradient = np.zeros_like(image), np.zeros_like(kernel)
    for m in range(kernel.shape[0]):
        for n in range(kernel.shape[1]):
            image_gradient[m : m + rows, n : n + columns] += kernel[m, n] * delta
            kernel_gradient[m, n] = np.sum(delta * image[m : m + rows, n : n + columns])
    return image_gradient, kernel_gradient
    # END SOLUTION


# %% [markdown]
# ### convolve2d_backward
#
# The same for the **convolution**, $z=K\ast I$ (valid). With indices from 0, valid output $(i,j)$ is place
# $(i+k_h-1,j+k_w-1)$ of the full one, $z[i,j]=\sum_{m,n}K[m,n]I[i+k_h-1-m, j+k_w-1-n]$. This time
#
# $$ \frac{\partial L}{\partial I}=\delta\star K=\operatorname{Rot}_{180}K\ast \delta\quad\text{ (full)},\qquad
#    \frac{\partial L}{\partial K}=\operatorname{Rot}_{180}(I\star\delta)=\operatorname{Rot}_{180}I\ast \delta\quad
#    \text{ (valid)}. $$
#
# | layer | gradient of the image | gradient of the kernel |
# |---|---|---|
# | cross-correlation (libraries) | $K\ast\delta$: convolution, full | $I\star\delta$: cross-correlation, valid |
# | convolution (textbooks) | $\delta\star K$: cross-correlation, full | $\operatorname{Rot}_{180}(I\star\delta)$ |
#
# (Lecture notes often write $\Delta^{(\ell-1)}=\Delta^{(\ell)}\ast \operatorname{Rot}_{180}(W)$ together with
# $\partial L/\partial W=\Delta^{(\ell)}\ast Z^{(\ell-1)}$, using one star for both operations. With the star a
# convolution, the first belongs to the second row of the table; the second belongs to no row. The standard form has
# $\operatorname{Rot}_{180}(Z^{(\ell-1)})\ast \Delta^{(\ell)}$ there if the layer convolves, and the cross-correlation
# $Z^{(\ell-1)}\star\Delta^{(\ell)}$ if it cross-correlates, as libraries do. Say which, each time.)
#
# **What to watch for.** A rotation forgotten in the kernel's gradient does not crash: the shape is right, the size is
# right, and the loss may even fall for a while. Compare with finite differences.


# %% exercise="convolve2d_backward"
def convolve2d_backward(
    delta: Float[np.ndarray, "rows columns"], image: Float[np.ndarray, "h w"], kernel: Float[np.ndarray, "kh kw"]
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "kh kw"]]:
    """Compute ∂L/∂image and ∂L/∂kernel for z = kernel ∗ image (valid convolution), where delta = ∂L/∂z.

    ∂L/∂image = delta ⋆ kernel (full cross-correlation); ∂L/∂kernel = Rot180(image ⋆ delta) (valid).
    `delta` has shape (h−kh+1, w−kw+1). Raises ValueError if it has not. Dtypes are those of `image` and `kernel`.
    Source: Goodfellow, Bengio and Courville (2016), section 9.5, with the convolution of their equation 9.4.
    """
    # BEGIN SOLUTION: entry (m, n) of the kernel meets the patch that starts at (kh−1−m, kw−1−n)
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    if delta.shape != (rows, columns):
        raise ValueError(f"delta has shape {delta.shape}; the output of the forward pass has {(rows, columns)}")
    image_gradient, kernel_gradient = np.zeros_like(image), np.zeros_like(kernel)
    for m in range(kernel.shape[0]):
        for n in range(kernel.shape[1]):
            top, left = kernel.shape[0] - 1 - m, kernel.shape[1] - 1 - n
            image_gradient[top : top + rows, left : left + columns] += kernel[m, n] * delta
            kernel_gradient[m, n] = np.sum(delta * image[top : top + rows, left : left + columns])
    return image_gradient, kernel_gradient
    # END SOLUTION


# %% [markdown]
# ### conv2d_backward
#
# Now the whole layer. With $\delta=\partial L/\partial Y$ of shape $(N,F,H',W')$, differentiate the formula of section
# 4 (a **cross-correlation**) term by term:
#
# $$ \frac{\partial L}{\partial b[f]}=\sum_{n,i,j}\delta[n,f,i,j],\qquad
#    \frac{\partial L}{\partial W[f,c,u,v]}=\sum_{n,i,j}\delta[n,f,i,j] X_{\text{pad}}[n,c,si+du,sj+dv], $$
#
# $$ \frac{\partial L}{\partial X_{\text{pad}}[n,c,p,q]}=\sum_f\quad\sum_{u,v,i,j:\quad si+du=p,\quad sj+dv=q}
#    W[f,c,u,v] \delta[n,f,i,j]. $$
#
# The conditions under the last sum look bad and are harmless: do not solve them. Walk through the kernel as in the
# forward pass; where entry $(u,v)$ *read* the grid `X_pad[:, :, d·u : … : s, d·v : … : s]`, it now *adds* to the same
# grid of the gradient. At the end cut the padding off. Everything that is shared adds up: over the batch, over places,
# and, for $X$, over filters.
#
# Shapes: $\partial X$ as $X$, $\partial W$ as $W$, $\partial b$ as $b$. Pixels that no window reached get 0.
#
# **What to watch for.** `=` instead of `+=` on overlapping windows; an average over the batch (the loss has done that
# already); a gradient of the shape that $H'$ implies instead of that of $X$ when the stride does not divide.


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
    # BEGIN SOLUTION: the loop of the forward pass; where it read from x, read for dw and add for dx
    (batch, _, height, width), (filters, _, kernel_height, kernel_width) = x.shape, w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[2] - dilation * (kernel_height - 1) - 1) // stride + 1
    columns = (padded.shape[3] - dilation * (kernel_width - 1) - 1) // stride + 1
    if dy.shape != (batch, filters, rows, columns):
        raise ValueError(f"dy has shape {dy.shape}; the layer's output has {(batch, filters, rows, columns)}")
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for u in range(kernel_height):
        for v in range(kernel_width):
            down = slice(dilation * u, dilation * u + stride * (rows - 1) + 1, stride)
            right = slice(dilation * v, dilation * v + stride * (columns - 1) + 1, stride)
            dw[:, :, u, v] = np.einsum("nfij,ncij->fc", dy, padded[:, :, down, right])
            dpadded[:, :, down, right] += np.einsum("fc,nfij->ncij", w[:, :, u, v], dy)
    dx = dpadded[:, :, padding : padding + height, padding : padding + width]
    return dx, dw, dy.sum(axis=(0, 2, 3))
    # END SOLUTION


# %% [markdown]
# ## 6 · Max pooling
#
# ### max_pool_forward
#
# After a filter has said *where* its pattern is, pooling says *whether* it is there, roughly: each window of
# $k\times k$ pixels is replaced by its largest value, every channel on its own, nothing learned
# (Weng, Ahuja and Huang, 1992):
#
# $$ y[n,c,i,j]=\max\bigl\lbrace x[n,c, si+u, sj+v]  :  0\le u,v<k\bigr\rbrace . $$
#
# Common is $s=k$, windows side by side; with $s<k$ they overlap. No padding here; if there is any, it must be
# $-\infty$: a zero is a large value among negative ones. Rows and columns that fill no window are dropped, as in
# section 3.
#
# **What to watch for.** A running maximum that starts at 0 is right for all activations after a ReLU, and wrong on the
# first negative window.


# %% exercise="max_pool_forward"
def max_pool_forward(
    x: Float[np.ndarray, "batch channels height width"], size: int, stride: int
) -> Float[np.ndarray, "batch channels rows columns"]:
    """Compute y[n, c, i, j] = max of x[n, c, s·i + u, s·j + v] over 0 ≤ u, v < size, where s = stride.

    rows = ⌊(height − size) / stride⌋ + 1, and columns alike. The batch may be empty. The dtype is that of `x`.
    Raises ValueError if the window does not fit into the image.
    Source: Weng, Ahuja and Huang (1992); Scherer, Müller and Behnke (2010).
    """
    # BEGIN SOLUTION
    if size > min(x.shape[2:]):
        raise ValueError(f"a window of {size} × {size} does not fit into an image of shape {x.shape[2:]}")
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    return windows[:, :, ::stride, ::stride].max(axis=(4, 5))
    # END SOLUTION


# %% [markdown]
# ### max_pool_backward
#
# Wiggle a pixel that is not the largest of its window: nothing happens. Wiggle the largest: the output moves with it.
# So each $\delta[n,c,i,j]$ goes, whole, to the place $[i^\star,j^\star]$ of the maximum of its window:
#
# $$ \frac{\partial y[i,j]}{\partial x[p,q]}=\mathbb{1}\lbrace [p,q]=[i^\star,j^\star]\rbrace ,\qquad
#    \frac{\partial L}{\partial x[p,q]}=\sum_{\text{windows } [i,j] \text{ whose maximum is at } [p,q]}\delta[i,j]. $$
#
# (The indicator is the derivative of *one* output; do not forget the sum. With overlapping windows one pixel may win
# several times, and collects from each.) No gradient is lost or made: $\sum\partial L/\partial x=\sum\delta$.
#
# **Ties.** Where several pixels of a window share the maximum, the maximum has no derivative, and each way of dividing
# $\delta$ among them is a subgradient. **Here, as in torch on a CPU, the first in reading order (top row first, then
# from left to right) receives all.** Ties are common: after a ReLU whole windows are zero.
#
# **What to watch for.** `dx[x == maximum] = …` pays every tied pixel in full, so that gradients grow from layer to
# layer in flat regions. And `dx[rows, columns] += values` with index arrays adds only **once** for an index that occurs
# twice; use `np.add.at`, or go window by window.


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
    # BEGIN SOLUTION: window by window, find the flat place of the maximum for all images and channels at once
    batch, channels, height, width = x.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    if dy.shape != (batch, channels, rows, columns):
        raise ValueError(f"dy has shape {dy.shape}; the output has {(batch, channels, rows, columns)}")
    dx = np.zeros_like(x)
    image, channel = np.indices((batch, channels))
    for i in range(rows):
        for j in range(columns):
            window = x[:, :, stride * i : stride * i + size, stride * j : stride * j + size]
            place = window.reshape(batch, channels, size * size).argmax(axis=2)
            dx[image, channel, stride * i + place // size, stride * j + place % size] += dy[:, :, i, j]
    return dx
    # END SOLUTION


# %% [markdown]
# ## The picture
#
# Your functions on a photograph: Rear Admiral Grace Hopper, who wrote the first compiler, as bundled with matplotlib.
# The Sobel filters (Sobel and Feldman, 1968) are the simplest edge detectors: a difference in one direction, a blur in
# the other. Their responses together give strength and direction of an edge, as the hand-made first layer of a
# network.

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
