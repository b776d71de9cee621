# %% [markdown]
# # 04 · Fully convolutional networks
#
# Many tasks want an answer at *every pixel*: semantic segmentation (which pixels belong to a tumour), image-to-image
# translation, human pose estimation (one heat map per joint). A **fully convolutional network** (Long et al., 2015) has
# no dense layer that fixes the image's size, only convolutions, pooling and upsampling: a larger image gives a larger
# map.
#
# Going **down** (pooling, strides) lets each value see more of the image and loses the places. Going **up** brings back
# the size; for the places one copies, interpolates, remembers positions, learns (transposed convolutions), or looks
# where they were not yet lost (skip connections, the U-Net).
#
# ### Conventions that hold throughout
#
# - Images and feature maps have shape `(N, C, H, W)`: batch, channels, rows from the top, columns from the left. Label
#   maps (class numbers, `int64`) and masks (`bool`) have shape `(N, H, W)`.
# - A factor or stride $s$ applies to both axes. Kernels may be rectangular, $(k_h, k_w)$.
# - Results keep the input's floating-point dtype, a batch may be empty, nothing given is changed in place, and whatever
#   takes part in a network can be differentiated by autograd.
#
# *Sources.* Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation" (2015);
# Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation" (2015); Dumoulin
# and Visin, "A guide to convolution arithmetic for deep learning" (2016); Goodfellow, Bengio and Courville, "Deep
# Learning" (2016), chapter 9.

# %%
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

# %% [markdown]
# ## 1 · Going up without learning anything
#
# ### upsample_nearest
#
# Every pixel becomes a block of equal pixels,
#
# $$ y[n,c,i,j] = x\bigl[n,c,\lfloor i/s\rfloor ,\lfloor j/s\rfloor \bigr], \qquad
#    (N,C,H,W)\to(N,C,sH,sW). $$
#
# The average (and the maximum) of each block is the old pixel: down after up is the identity. A convolution after it
# smooths the blocks.
#
# **What to watch for.** `x.repeat(1, 1, s, s)` has the right shape, but sets copies of the image side by side.


# %% exercise="upsample_nearest"
def upsample_nearest(x: Float[Tensor, "n c h w"], scale: int) -> Float[Tensor, "n c scale*h scale*w"]:
    """Compute y[n, c, i, j] = x[n, c, ⌊i / scale⌋, ⌊j / scale⌋]: every pixel becomes a block of scale × scale.

    Raises ValueError if `scale` is less than 1. Source: Dumoulin and Visin (2016); Odena, Dumoulin and Olah (2016).
    """
    # BEGIN SOLUTION
    if scale < 1:
        raise ValueError(f"scale must be at least 1; it is {scale}")
    return x.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)
    # END SOLUTION


# %% [markdown]
# ### bed_of_nails
#
# Or put the pixel at the top left of its block:
#
# $$ y[n,c,si,sj]=x[n,c,i,j], \qquad 0 \text{ elsewhere}. $$
#
# This is the first half of a transposed convolution (section 3). Taking every $s$-th pixel undoes it, and is its
# *adjoint* (transpose): $\langle \operatorname{nails}(x), y\rangle=\langle x, y[::s, ::s]\rangle$.
#
# **What to watch for.** The output ends with $s-1$ rows and columns of zeros; a transposed convolution has zeros only
# *between* the pixels.


# %% exercise="bed_of_nails"
def bed_of_nails(x: Float[Tensor, "n c h w"], scale: int) -> Float[Tensor, "n c scale*h scale*w"]:
    """Put x[n, c, i, j] at y[n, c, scale·i, scale·j], the top left of its block, and 0 everywhere else.

    Raises ValueError if `scale` is less than 1. Source: Dumoulin and Visin (2016), chapter 4, as the first step of a
    transposed convolution.
    """
    # BEGIN SOLUTION
    if scale < 1:
        raise ValueError(f"scale must be at least 1; it is {scale}")
    batch, channels, height, width = x.shape
    nails = x.new_zeros(batch, channels, scale * height, scale * width)
    nails[:, :, ::scale, ::scale] = x
    return nails
    # END SOLUTION


# %% [markdown]
# ### max_pool_with_positions
#
# Max pooling forgets *where* a feature was, unless one writes it down. Windows of $k\times k$ lie side by side (stride
# $k$); rows and columns at the bottom and right that fill no window are dropped:
#
# $$ y[n,c,i,j]=\max_{0\le u,v<k}x[n,c,ki+u,kj+v],\qquad
#    \text{position}[n,c,i,j]=(ki+u^\star)W+(kj+v^\star). $$
#
# Both have shape $(N,C,\lfloor H/k\rfloor ,\lfloor W/k\rfloor )$. As in torch, the position is the number of the
# winning pixel **in its whole channel, in reading order**, with the width $W$ of the *unpooled* image, dropped columns
# included.
#
# **What to watch for.** `argmax` over a window gives a place in the *window*: add the window's corner.


# %% exercise="max_pool_with_positions"
def max_pool_with_positions(
    x: Float[Tensor, "n c h w"], size: int
) -> tuple[Float[Tensor, "n c h//size w//size"], Int[Tensor, "n c h//size w//size"]]:
    """Compute the maximum of each window of size × size, and its position: row · w + column in the channel of `x`.

    The windows lie side by side; of equal maxima the first in reading order counts. Positions are int64. Raises
    ValueError if `size` is less than 1 or no window fits. Source: Zeiler et al. (2011); Badrinarayanan et al. (2017).
    """
    # BEGIN SOLUTION: bring each window into one axis, so that one call finds maximum and place
    batch, channels, height, width = x.shape
    if not 1 <= size <= min(height, width):
        raise ValueError(f"windows of {size} × {size} do not fit into an image of {height} × {width}")
    rows, columns = height // size, width // size
    blocks = x[:, :, : rows * size, : columns * size].reshape(batch, channels, rows, size, columns, size)
    windows = blocks.transpose(3, 4).reshape(batch, channels, rows, columns, size * size)
    values, place = windows.max(dim=4)
    row = size * torch.arange(rows)[:, None] + place // size
    column = size * torch.arange(columns) + place % size
    return values, row * width + column
    # END SOLUTION


# %% [markdown]
# ### max_unpool
#
# Unpooling drives the nails in where the maxima were (Zeiler, Taylor and Fergus, 2011; the decoder of SegNet,
# Badrinarayanan, Kendall and Cipolla, 2017): *positions* come from the encoder, values from the decoder.
#
# $$ y[n,c,\lfloor p/W\rfloor , p \bmod W] = x[n,c,i,j]\quad\text{with } p=\text{position}[n,c,i,j]. $$
#
# Positions do not tell the size, $\lfloor 7/2\rfloor =\lfloor 6/2\rfloor $: height and width are arguments. Pooling
# undoes unpooling if the values are positive; a negative one loses to the zeros around it.
#
# **What to watch for.** Every image and channel has its own positions.


# %% exercise="max_unpool"
def max_unpool(
    pooled: Float[Tensor, "n c rows columns"], positions: Int[Tensor, "n c rows columns"], height: int, width: int
) -> Float[Tensor, "n c height width"]:
    """Put each entry of `pooled` at its position (row · width + column) in a channel of zeros.

    Within each channel the positions differ. Raises ValueError if the two shapes differ, or if a position is negative
    or not less than height · width. Source: Zeiler, Taylor and Fergus (2011); Badrinarayanan et al. (2017).
    """
    # BEGIN SOLUTION
    if pooled.shape != positions.shape:
        raise ValueError(f"values of shape {tuple(pooled.shape)}, positions of shape {tuple(positions.shape)}")
    if ((positions < 0) | (positions >= height * width)).any():
        raise ValueError(f"a position lies outside an image of {height} × {width}")
    batch, channels = pooled.shape[:2]
    flat = pooled.new_zeros(batch, channels, height * width)
    flat = flat.scatter(2, positions.flatten(start_dim=2), pooled.flatten(start_dim=2))
    return flat.reshape(batch, channels, height, width)
    # END SOLUTION


# %% [markdown]
# ## 2 · Going up smoothly: bilinear interpolation
#
# ### upsample_bilinear
#
# Pixels are little *squares*: pixel $i$ covers $[i,i+1]$, its value sits at the centre $i+\tfrac12$. Enlarged $s$
# times, output pixel $o$ has its centre at $(o+\tfrac12)/s$, at index
#
# $$ u=\frac{o+\frac12}{s}-\frac12 $$
#
# of the input. Between centres interpolate linearly; beyond the outermost repeat the border,
# $u\leftarrow\min(\max(u,0),H-1)$. With the hat function $\wedge(t)=\max(0,1-|t|)$ this is a matrix:
#
# $$ y[o]=\sum_i \wedge(u_o-i)x[i],\qquad Y = A X B^\top\ \text{ in two dimensions, }\
#    A[o,i]=\wedge(u_o-i)\in\mathbb R^{sH\times H},\ B\in\mathbb R^{sW\times W}. $$
#
# Each row of $A$ is non-negative and sums to 1: no value leaves the input's range.
#
# **Two conventions.** This one is *half-pixel centres*, in torch `align_corners=False`. With `align_corners=True` the
# outermost centres are matched instead, $u=o(H-1)/(sH-1)$, which depends on the image's size.
#
# **What to watch for.** Trained with one and run with the other, a model loses accuracy without an error message.
# Leaving the halves out, $u=o/s$, shifts the image by $(s-1)/2$ output pixels.


# %% exercise="upsample_bilinear"
def upsample_bilinear(x: Float[Tensor, "n c h w"], scale: int) -> Float[Tensor, "n c scale*h scale*w"]:
    """Enlarge images `scale` times by bilinear interpolation with half-pixel centres, repeating the border.

    Along each axis y[o] interpolates x linearly at u = (o + ½) / scale − ½, clamped to [0, side − 1]. Raises ValueError
    if `scale` is less than 1. Source: Dumoulin and Visin (2016) for resizing as a layer; torch's align_corners=False.
    """
    # BEGIN SOLUTION: build the matrix of hat functions for rows and for columns
    if scale < 1:
        raise ValueError(f"scale must be at least 1; it is {scale}")
    hats = []
    for side in x.shape[2:]:
        centres = (torch.arange(scale * side, dtype=x.dtype) + 0.5) / scale - 0.5
        distance = centres.clamp(0, side - 1)[:, None] - torch.arange(side, dtype=x.dtype)
        hats.append((1 - distance.abs()).clamp(min=0))
    return hats[0] @ x @ hats[1].T
    # END SOLUTION


# %% [markdown]
# ### bilinear_kernel
#
# Away from the border bilinear interpolation is a transposed convolution (section 3) with stride $s$: each input pixel
# adds a *stamp*, a pyramid scaled by its value. One side of it is a hat of half-width $s$, sampled at the pixels'
# centres:
#
# $$ k = 2s-(s\bmod 2),\qquad h[t]=1-\frac{|t-m|}{s},\quad m=\frac{k-1}{2}, \quad 0\le t<k,
#    \qquad K[t,t']=h[t]h[t']. $$
#
# With padding $p=\lfloor s/2\rfloor $ the output's size is $(H-1)s-2p+k=sH$, for even and odd $s$. Inside the image the
# weights of every output pixel sum to one: entries $h[a],h[a+s],\dots$ do, for every $a<s$.
#
# **What to watch for.** At the border pyramids are missing, and the output fades to black.


# %% exercise="bilinear_kernel"
def bilinear_kernel(scale: int) -> Float[Tensor, "k k"]:
    """Compute K[t, t'] = h[t] · h[t'] with h[t] = 1 − |t − (k − 1)/2| / scale and k = 2·scale − (scale mod 2).

    The dtype is float64. Raises ValueError if `scale` is less than 1. Source: Long, Shelhamer and Darrell (2015),
    whose upsampling layers start from it.
    """
    # BEGIN SOLUTION
    if scale < 1:
        raise ValueError(f"scale must be at least 1; it is {scale}")
    side = 2 * scale - scale % 2
    hat = 1 - (torch.arange(side, dtype=torch.float64) - (side - 1) / 2).abs() / scale
    return torch.outer(hat, hat)
    # END SOLUTION


# %% [markdown]
# ## 3 · Going up with learned weights: the transposed convolution
#
# ### conv_transpose_output_size
#
# A convolution (kernel $k$, stride $s$, padding $p$ on each side) is linear: along one axis $y=Cx$, from $d$ to
# $\lfloor (d+2p-k)/s\rfloor +1$ entries, the rows of $C$ being shifted copies of the kernel. The **transposed
# convolution** multiplies by $C^\top$ and goes back *up*: the backward pass used as a forward pass, **not** the inverse
# ("deconvolution" is a misnomer: $C^\top C\neq I$).
#
# Its $d'$ inputs stamp kernels at distance $s$, the last ending at $(d'-1)s+k$; the padding that the convolution had
# added is cut off:
#
# $$ \text{size}=(d'-1)s+k-2p+o, \qquad 0\le o<s. $$
#
# The convolution rounds down: $s$ different sizes $d$ give one $d'$. The *output padding* $o$ says which is meant: $o$
# more rows at the bottom and columns at the right.
#
# **What to watch for.** $p$ makes the output *smaller*. $k=2,s=2,p=0$ and $k=4,s=2,p=1$ double the size; $k=3,s=2,p=1$
# gives $2d'-1$.


# %% exercise="conv_transpose_output_size"
def conv_transpose_output_size(size: int, kernel: int, stride: int, padding: int, output_padding: int = 0) -> int:
    """Compute (size − 1) · stride + kernel − 2 · padding + output_padding, the output's side.

    Raises ValueError unless 0 ≤ output_padding < stride, and if the result is less than 1. Source: Dumoulin and Visin
    (2016), relationship 14.
    """
    # BEGIN SOLUTION
    if not 0 <= output_padding < stride:
        raise ValueError(f"output_padding must lie in [0, {stride}); it is {output_padding}")
    result = (size - 1) * stride + kernel - 2 * padding + output_padding
    if result < 1:
        raise ValueError(f"nothing is left: the output would have size {result}")
    return result
    # END SOLUTION


# %% [markdown]
# ### output_padding_for
#
# To return to size $d$, $o$ must be the number of entries left over after the last window that fits: what the division
# in $\lfloor (d+2p-k)/s\rfloor $ rounds off.


# %% exercise="output_padding_for"
def output_padding_for(size: int, kernel: int, stride: int, padding: int) -> int:
    """Compute the output padding with which a transposed convolution returns to `size` after the convolution.

    Both have the same kernel, stride and padding. The result lies in [0, stride). Raises ValueError if the kernel does
    not fit into the padded input, size + 2 · padding. Source: Dumoulin and Visin (2016), relationship 14.
    """
    # BEGIN SOLUTION
    slack = size + 2 * padding - kernel
    if slack < 0:
        raise ValueError(f"a kernel of {kernel} does not fit into {size} + 2 · {padding}")
    return slack % stride
    # END SOLUTION


# %% [markdown]
# ### conv_transpose2d
#
# As in the convolution, entry $i$ on the small side meets entry $si+u$ on the large, padded side through kernel entry
# $u$:
#
# $$ y_{\text{pad}}[n,f,a,b]=\sum_c\quad\sum_{i,j,u,v:\quad si+u=a,\quad sj+v=b} W[c,f,u,v]x[n,c,i,j], \qquad
#    y = y_{\text{pad}}\text{ without } p\text{ rows and columns on each side}. $$
#
# As a recipe: (1) **Insert $s-1$ zeros between neighbouring pixels**: an image $x_0$ of side $(H-1)s+1$, with $x[i]$ at
# $si$. (2) Entry $a$ now adds up $W[u]x_0[a-u]$ over $u$: a **convolution** of stride 1. In full mode it needs $k-1$
# zeros around, of which the cut saves $p$: **pad with $k-p-1$ zeros** on each side. (3) Convolve. The side is
# $(H-1)s+1+2(k-p-1)-(k-1)=(H-1)s+k-2p$.
#
# "Convolve" means with the *minus*, $x_0[a-u]$. Lecture notes often leave it at "convolve", but `conv2d` in libraries
# is a cross-correlation: for it the kernel must be **turned by half a turn first** (both axes reversed), and its two
# channel axes swapped.
#
# **Channels.** The weight has shape $(C_{\text{in}},C_{\text{out}},k_h,k_w)$, as in torch: the weight
# $(F,C,k_h,k_w)$ of the convolution that it transposes, whose outputs are now the inputs. With it, for all $x$ and $y$,
#
# $$ \langle \operatorname{conv}(x),y\rangle=\langle x,\operatorname{conv}^\top(y)\rangle . $$
#
# **What to watch for.** Symmetric kernels hide whether the kernel was turned; a single bright pixel must give it
# *upright*.


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
    # BEGIN SOLUTION: insert stride − 1 zeros between pixels, pad with k − padding − 1, correlate with the turned kernel
    (batch, channels, height, width), (kernel_height, kernel_width) = x.shape, w.shape[2:]
    if w.shape[0] != channels:
        raise ValueError(f"x has {channels} channels, w is made for {w.shape[0]}")
    if not 0 <= padding < min(kernel_height, kernel_width):
        raise ValueError(f"a padding of {padding} does not go with a kernel of {kernel_height} × {kernel_width}")
    spread = x.new_zeros(batch, channels, (height - 1) * stride + 1, (width - 1) * stride + 1)
    spread[:, :, ::stride, ::stride] = x
    above, left = kernel_height - padding - 1, kernel_width - padding - 1
    padded = F.pad(spread, (left, left, above, above))
    if padded.shape[2] < kernel_height or padded.shape[3] < kernel_width:
        raise ValueError(f"a padding of {padding} leaves nothing of an image of {height} × {width}")
    return F.conv2d(padded, w.flip(2, 3).transpose(0, 1))
    # END SOLUTION


# %% [markdown]
# ### overlaps
#
# How many stamps fall on each output pixel? Along one axis, without padding,
#
# $$ \text{overlaps}[a]=\text{number of } i \text{ with } 0\le i<d \text{ and } 0\le a-si<k,\qquad 0\le a<(d-1)s+k. $$
#
# If $s$ divides $k$, every pixel inside gets $k/s$ stamps. If not, some get one more than others, with period $s$; in
# two dimensions the counts multiply, and a **checkerboard** appears in every generated image, even from untrained
# weights (Odena, Dumoulin and Olah, 2016). The cure: a kernel size that the stride divides ($k=4,s=2$), or
# `upsample_nearest`, then a convolution.


# %% exercise="overlaps"
def overlaps(size: int, kernel: int, stride: int) -> Int[Tensor, " length"]:
    """Count, per entry of the output, the entries of an input of `size` that a transposed convolution adds up there.

    One axis, no padding: length = (size − 1) · stride + kernel; the dtype is int64. Source: Odena et al. (2016).
    """
    # BEGIN SOLUTION
    counts = torch.zeros((size - 1) * stride + kernel, dtype=torch.int64)
    for start in range(0, size * stride, stride):
        counts[start : start + kernel] += 1
    return counts
    # END SOLUTION


# %% [markdown]
# ## 4 · From a classifier to a map
#
# ### dense_to_conv
#
# A dense layer flattens a feature map of shape $(C,h,w)$ and takes inner products,
# $z_k=\sum_fV[k,f]\operatorname{vec}(x)[f]+b_k$. That is what a convolution computes at *one* place: a dense layer
# **is** a convolution whose kernel is as large as the map, with its weight folded:
#
# $$ (K, C\cdot h\cdot w)\to(K,C,h,w),\qquad W[k,c,u,v]=V[k,(c\cdot h+u)\cdot w+v]. $$
#
# The next dense layers see a map of $1\times1$ and become $1\times1$ convolutions.
#
# **What to watch for.** `flatten` goes channel by channel, then row by row: weights from frameworks that store channels
# last must be permuted.


# %% exercise="dense_to_conv"
def dense_to_conv(
    weight: Float[Tensor, "k features"], channels: int, height: int, width: int
) -> Float[Tensor, "k channels height width"]:
    """Fold the weight of a dense layer on flattened maps of (channels, height, width) into that of a convolution.

    The convolution gives on such a map, at its only place, what the dense layer gives. Raises ValueError if the number
    of features is not channels · height · width. Source: Long, Shelhamer and Darrell (2015), section 3.1.
    """
    # BEGIN SOLUTION
    if weight.shape[1] != channels * height * width:
        raise ValueError(f"{weight.shape[1]} features are not a map of {channels} × {height} × {width}")
    return weight.reshape(-1, channels, height, width)
    # END SOLUTION


# %% [markdown]
# ### sliding_classifier
#
# Give the converted network a *larger* image, and it slides by itself: its scores at $(i,j)$ are the classifier's for
# the window $x[:, i:i+h, j:j+w]$. Neighbouring windows share nearly all their work, which cutting them out one by one
# repeats (Sermanet et al., 2014).
#
# For a multilayer perceptron on flattened windows, with relu between its layers,
#
# $$ (N,C,H,W) \xrightarrow{h\times w} (N,n_1,H-h+1,W-w+1) \xrightarrow{1\times1} \cdots
#    \xrightarrow{1\times1} (N,K,H-h+1,W-w+1). $$
#
# **What to watch for.** No relu at the end: scores may be negative. No padding.


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
    # BEGIN SOLUTION: the first layer is a convolution with the whole window, the others are 1 × 1
    if height > x.shape[2] or width > x.shape[3]:
        raise ValueError(f"a window of {height} × {width} does not fit into an image of {tuple(x.shape[2:])}")
    scores = F.conv2d(x, weights[0].reshape(-1, x.shape[1], height, width), biases[0])
    for weight, bias in zip(weights[1:], biases[1:]):
        scores = F.conv2d(scores.relu(), weight[:, :, None, None], bias)
    return scores
    # END SOLUTION


# %% [markdown]
# ## 5 · What to minimise, and what to report
#
# ### pixel_cross_entropy
#
# Every pixel is classified, with $K$ scores $z[n,:,i,j]$ and label $t[n,i,j]$:
#
# $$ L=\frac1{|\Omega|}\sum_{(n,i,j)\in\Omega} -\log\operatorname{softmax}(z[n,:,i,j])_{t[n,i,j]},\qquad
#    \Omega=\lbrace (n,i,j): t[n,i,j]\neq\text{void}\rbrace . $$
#
# Shapes: $z$ is $(N,K,H,W)$, $t$ is $(N,H,W)$: **classes in axis 1**. Void pixels, which annotators left open (255 in
# Pascal VOC), count neither in the sum *nor in the number*. If all are void the loss is 0 here (torch returns NaN).
#
# **What to watch for.** A softmax over the wrong axis still gives numbers between 0 and 1. `log(softmax(z))` is
# $-\infty$ for scores a few hundred apart: use log-softmax. Replace void labels before indexing with labels.


# %% exercise="pixel_cross_entropy"
def pixel_cross_entropy(
    logits: Float[Tensor, "n k h w"], labels: Int[Tensor, "n h w"], void: int = 255
) -> Float[Tensor, ""]:
    """Compute the mean of −log softmax(logits over k)[label] over all pixels whose label is not `void`; 0 if all are.

    Finite for finite logits, and differentiable. Raises ValueError for a label that is neither `void` nor in [0, k).
    Source: Long, Shelhamer and Darrell (2015), section 4.
    """
    # BEGIN SOLUTION
    counted = labels != void
    if (counted & ((labels < 0) | (labels >= logits.shape[1]))).any():
        raise ValueError(f"labels must lie in [0, {logits.shape[1]}) or be {void}")
    classes = torch.where(counted, labels, 0)
    surprise = -F.log_softmax(logits, dim=1).gather(1, classes[:, None])[:, 0]
    return (surprise * counted).sum() / counted.sum().clamp(min=1)
    # END SOLUTION


# %% [markdown]
# ### confusion_matrix
#
# $M[a,b]$ counts pixels of class $a$ that were given class $b$: **rows are the truth, columns the prediction**
# (scikit-learn's convention; some papers transpose). Counts of batches add up, so compute scores at the end: a mean of
# batch scores is another number.


# %% exercise="confusion_matrix"
def confusion_matrix(
    actual: Int[Tensor, "*shape"], predicted: Int[Tensor, "*shape"], classes: int
) -> Int[Tensor, "classes classes"]:
    """Count M[a, b] = the number of pixels whose label is a and whose prediction is b, as int64.

    Raises ValueError if the shapes differ or a class lies outside [0, classes). Source: Long et al. (2015), section 5,
    where it is n_ij.
    """
    # BEGIN SOLUTION
    if actual.shape != predicted.shape:
        raise ValueError(f"labels of shape {tuple(actual.shape)}, predictions of shape {tuple(predicted.shape)}")
    both = torch.stack([actual, predicted])
    if ((both < 0) | (both >= classes)).any():
        raise ValueError(f"classes must lie in [0, {classes})")
    pairs = (actual * classes + predicted).flatten()
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    # END SOLUTION


# %% [markdown]
# ### mean_iou
#
# The share of right pixels flatters: where 95 % is background, "background everywhere" scores 95 %. The standard
# measure is the **intersection over union** of each class (Jaccard, 1912), averaged over the classes:
#
# $$ \mathrm{IoU}_a=\frac{M[a,a]}{\sum_bM[a,b]+\sum_bM[b,a]-M[a,a]}. $$
#
# The denominator counts the pixels that *are* or were *called* $a$, each once. A class neither present nor predicted
# has 0/0 and is left out of the mean; one only predicted has IoU 0 and stays in.


# %% exercise="mean_iou"
def mean_iou(confusion: Int[Tensor, "k k"]) -> float:
    """Compute the mean of M[a, a] / (row sum a + column sum a − M[a, a]) over the classes where this is not 0/0.

    Rows of `confusion` are the truth, columns the prediction. Raises ValueError if it counts no pixel. Source: Jaccard
    (1912); Everingham et al. (2015) for segmentation.
    """
    # BEGIN SOLUTION
    both = confusion.diagonal()
    either = confusion.sum(dim=0) + confusion.sum(dim=1) - both
    occurs = either > 0
    if not occurs.any():
        raise ValueError("the matrix counts no pixel")
    return (both[occurs] / either[occurs].double()).mean().item()
    # END SOLUTION


# %% [markdown]
# ### iou
#
# For one object per image: $|A\cap B|/|A\cup B|$ of two masks $A,B$; **1** by convention if both are empty.


# %% exercise="iou"
def iou(a: Bool[Tensor, "*batch h w"], b: Bool[Tensor, "*batch h w"]) -> Float[Tensor, "*batch"]:
    """Compute |A ∩ B| / |A ∪ B| of two masks over their last two axes, as float64; 1 where both are empty.

    Raises ValueError if the shapes differ. Source: Jaccard (1912).
    """
    # BEGIN SOLUTION
    if a.shape != b.shape:
        raise ValueError(f"masks of shapes {tuple(a.shape)} and {tuple(b.shape)}")
    intersection = (a & b).sum(dim=(-2, -1))
    union = (a | b).sum(dim=(-2, -1))
    return torch.where(union == 0, 1.0, intersection.double() / union.clamp(min=1))
    # END SOLUTION


# %% [markdown]
# ### dice_loss
#
# The IoU of hard masks has no useful gradient. The **Dice score** (Dice, 1945), $2|A\cap B|/(|A|+|B|)$, says the same
# ($D=2J/(1+J)$ with $J$ the IoU) and softens well. With probabilities $p\in[0,1]$ for a mask $m\in\lbrace0,1\rbrace$,
#
# $$ \text{loss}=1-\frac1N\sum_{n}
#    \frac{2\sum_{ij}p_{nij}m_{nij}+\varepsilon}{\sum_{ij}p_{nij}+\sum_{ij}m_{nij}+\varepsilon}. $$
#
# (Milletari et al., 2016, square the denominator's terms; we do not.) The smoothing $\varepsilon$, here 1 pixel, makes
# 0/0 a perfect score and keeps the gradient finite. Small objects matter as much as large ones; on them cross-entropy
# alone first learns "background everywhere", and deep ReLU networks sometimes die there: your U-Net will need the sum
# of both.
#
# **What to watch for.** One ratio per image, then the mean: in one ratio for the batch large objects outvote small
# ones.


# %% exercise="dice_loss"
def dice_loss(
    probabilities: Float[Tensor, "n h w"], masks: Bool[Tensor, "n h w"], smooth: float = 1.0
) -> Float[Tensor, ""]:
    """Compute 1 − mean_n (2 Σ p·m + smooth) / (Σ p + Σ m + smooth), where the sums run over the pixels of image n.

    There is at least one image. The dtype is that of `probabilities`, in which the result can be differentiated. Raises
    ValueError if the shapes differ. Source: Dice (1945); Milletari, Navab and Ahmadi (2016), without their squares.
    """
    # BEGIN SOLUTION
    if probabilities.shape != masks.shape:
        raise ValueError(f"probabilities {tuple(probabilities.shape)}, masks {tuple(masks.shape)}")
    both = (probabilities * masks).sum(dim=(1, 2))
    total = probabilities.sum(dim=(1, 2)) + masks.sum(dim=(1, 2))
    return 1 - ((2 * both + smooth) / (total + smooth)).mean()
    # END SOLUTION


# %% [markdown]
# ## 6 · Skip connections and the U-Net
#
# After four poolings a position is known to within 16 pixels, and no way up restores the rest. A **skip connection**
# takes the feature map before each pooling to the same level on the way up: the decoder has *what*, **global** context,
# from below and *where*, **local** detail in high resolution, from the side. (Lecture notes sometimes call the skip's
# information global and the previous layer's local: it is the other way round.)
#
# ### crop_and_concatenate
#
# The U-Net joins the two by **concatenating channels**: $(N,C_1,H,W)$ and $(N,C_2,H,W)$ give $(N,C_1+C_2,H,W)$. (FCN
# and residual networks *add*, which needs $C_1=C_2$.) In the original, the convolutions have no padding, so the skip is
# larger and is first cropped to its centre.
#
# **What to watch for.** The order is part of the contract with the weights.


# %% exercise="crop_and_concatenate"
def crop_and_concatenate(
    skip: Float[Tensor, "n c1 h1 w1"], x: Float[Tensor, "n c2 h2 w2"]
) -> Float[Tensor, "n c1+c2 h2 w2"]:
    """Crop `skip` to the height and width of `x` around its centre, and concatenate the channels of skip and x.

    The crop starts at row ⌊(h1 − h2)/2⌋ and column ⌊(w1 − w2)/2⌋; the skip's channels come first. Raises ValueError if
    `skip` is smaller than `x` or the batches differ. Source: Ronneberger, Fischer and Brox (2015), figure 1.
    """
    # BEGIN SOLUTION
    height, width = x.shape[2:]
    down, right = skip.shape[2] - height, skip.shape[3] - width
    if down < 0 or right < 0 or len(skip) != len(x):
        raise ValueError(f"a skip of shape {tuple(skip.shape)} cannot be joined to {tuple(x.shape)}")
    top, left = down // 2, right // 2
    return torch.cat([skip[:, :, top : top + height, left : left + width], x], dim=1)
    # END SOLUTION


# %% [markdown]
# ### valid_unet_size
#
# In the original, two $3\times3$ convolutions without padding (the side shrinks by 2 each) stand before each of `depth`
# max poolings of $2\times2$, at the bottom, and on the way up after each doubling of the side, crop and concatenation.
# With depth 4 a side of 572 gives 388.
#
# **What to watch for.** Each pooling must meet an **even** side, or a row is lost and the halves no longer fit.


# %% exercise="valid_unet_size"
def valid_unet_size(size: int, depth: int) -> int:
    """Compute the output side of a U-Net without padding, with `depth` poolings, for an input side of `size`.

    Two 3 × 3 convolutions stand before each pooling, at the bottom, and after each doubling. Raises ValueError if a
    pooling meets an odd side, or if a map would have no pixel left. Source: Ronneberger, Fischer and Brox (2015).
    """
    # BEGIN SOLUTION
    side = size
    for _ in range(depth):
        side -= 4
        if side % 2:
            raise ValueError(f"an input of {size} reaches a pooling with side {side}")
        side //= 2
    side -= 4
    for _ in range(depth):
        side = 2 * side - 4
    if side < 1:
        raise ValueError(f"an input of {size} leaves nothing at depth {depth}")
    return side
    # END SOLUTION


# %% [markdown]
# ### UNet
#
# Today one pads the convolutions (`padding=1`), and the output has the input's size. *Legal* sides are multiples of
# $2^{\text{depth}}$: all poolings meet even sides. With `width` $w$ and $c_\ell=w\cdot2^\ell$, level $\ell$ has
# $c_\ell$ channels and sides divided by $2^\ell$:
#
# | part | from → to | made of |
# |---|---|---|
# | block down $\ell$, $0\le\ell\le$ depth | $c_{\ell-1}\to c_\ell\to c_\ell$ | two 3×3, padding 1, relu after each |
# | pooling between blocks down $\ell$ and $\ell+1$ | $c_\ell\to c_\ell$ | 2×2 maximum |
# | up $\ell$, $\ell=\text{depth}-1,\dots,0$ | $c_{\ell+1}\to c_\ell$ | transposed convolution 2×2, stride 2 |
# | concatenate | $(c_\ell,c_\ell)\to2c_\ell$ | block down $\ell$ **first**, then up $\ell$ |
# | block up $\ell$ | $2c_\ell\to c_\ell\to c_\ell$ | as block down |
# | head | $c_0\to$ `classes` | 1×1 convolution, no relu |
#
# Here $c_{-1}$ is `in_channels`. All layers have biases; there is no normalisation or dropout. Block down `depth` is
# the bottom and has no skip. With **zeros in place of the skips** (`use_skips=False`) all that the network says about
# an image of $H\times W$ has passed through $c_{\text{depth}}\cdot H W/4^{\text{depth}}$ numbers, and the Jacobian's
# rank cannot be larger.
#
# **Starting values.** Biases 0; weights independent normal numbers with variance $2/n$, where one output adds up $n$
# values (He et al., 2015): $n=9C_{\text{in}}$ for a 3×3 convolution, $n=C_{\text{in}}$ for a 1×1. Stamps of 2×2 with
# stride 2 do not overlap: each output of the transposed convolution gets *one*, $n=C_{\text{in}}$ (`kaiming_normal_`
# takes its fan from the wrong axis there).
#
# ### train_segmentation
#
# Two classes, background 0 and object 1. The loss is an argument (grading brings its own) and the optimiser your
# choice: Adam (Kingma and Ba, 2015) with step size 0.01 works on the task below, with cross-entropy **plus** the Dice
# loss of the probability of class 1.
#
# **What to watch for.** Seed a `torch.Generator` of your own for weights and batches. All predictions background, loss
# stuck near $-\sum_k f_k\log f_k$ for class shares $f_k$: the network died; lower the step size, look at the starting
# values, add Dice. Loss falls, borders stay blobs: a skip is missing or joined at the wrong level.


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
        # BEGIN SOLUTION: lists of layers belong into torch.nn.ModuleList, or their parameters are not found
        widths = [width * 2**level for level in range(depth + 1)]
        inputs = [in_channels, *widths]
        self.down = torch.nn.ModuleList(double_convolution(a, b) for a, b in zip(inputs, widths))
        self.up = torch.nn.ModuleList(torch.nn.ConvTranspose2d(2 * c, c, 2, stride=2) for c in widths[:-1])
        self.merge = torch.nn.ModuleList(double_convolution(2 * c, c) for c in widths[:-1])
        self.head = torch.nn.Conv2d(width, classes, kernel_size=1)
        random = torch.Generator().manual_seed(seed)
        for layer in self.modules():
            if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                overlapping = 1 if isinstance(layer, torch.nn.ConvTranspose2d) else layer.kernel_size[0] ** 2
                deviation = (2 / (layer.in_channels * overlapping)) ** 0.5
                torch.nn.init.normal_(layer.weight, std=deviation, generator=random)
                torch.nn.init.zeros_(layer.bias)
        # END SOLUTION

    def forward(self, x: Float[Tensor, "n c h w"], use_skips: bool = True) -> Float[Tensor, "n classes h w"]:
        """Compute the scores of every class at every pixel; with use_skips=False zeros take the place of the skips.

        Raises ValueError if 2 ** depth does not divide both sides of the image.
        """
        # BEGIN SOLUTION: on the way down remember what each block gives; on the way up take it back, last first
        if any(side % 2 ** len(self.up) for side in x.shape[2:]):
            raise ValueError(f"the sides {tuple(x.shape[2:])} are not multiples of {2 ** len(self.up)}")
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            skip = skips[level] if use_skips else torch.zeros_like(skips[level])
            x = self.merge[level](torch.cat([skip, self.up[level](x)], dim=1))
        return self.head(x)
        # END SOLUTION


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
    # BEGIN SOLUTION: per step: draw a batch, scores, loss, zero the gradients, backward, optimiser
    net = UNet(images.shape[1], 2, width=8, depth=2, seed=seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    random = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(steps):
        batch = torch.randint(len(images), (8,), generator=random)
        value = loss(net(images[batch]), masks[batch])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return net, losses
    # END SOLUTION


# %% [markdown]
# ## The picture
#
# Find the disc or box in noise; half are brighter than the background, half darker. No pixel on its own can tell: the
# best threshold leaves specks and holes.


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
