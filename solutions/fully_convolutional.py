# %% [markdown]
# # 04 · Fully convolutional networks
#
# A classifier turns an image into *one* answer. Many tasks want an answer at *every pixel*: which pixels are road,
# which belong to a tumour (semantic segmentation); what the photograph would look like as a drawing (image-to-image
# translation); how likely it is that the left elbow is here (human pose estimation, one heat map per joint). A
# network for such tasks has no dense layer that fixes the image's size; convolutions, pooling and upsampling only, so
# that an image of another size gives a map of another size: a **fully convolutional network** (Long, Shelhamer and
# Darrell, 2015).
#
# To know what a pixel *is* one must look far around it; to know *where* a border runs one must look closely. Going
# **down** (pooling, strides) makes each value see more of the image, cheaply, and loses the places. Going **up**
# again brings back the size. Bringing back the places is the hard part, and this topic is about the ways to do it:
# copying, interpolating, remembering positions, learning (transposed convolutions), and looking them up where they
# were not yet lost (skip connections, the U-Net).
#
# ### Conventions that hold throughout
#
# - Images and feature maps are torch tensors of shape `(N, C, H, W)`: batch, channels, rows, columns. Rows come first,
#   row 0 is at the top, column 0 at the left. Indices count from 0.
# - Label maps have shape `(N, H, W)` and hold class numbers (`int64`); masks have shape `(N, H, W)` and are `bool`.
# - A factor or stride $s$ applies to both axes. Kernels may be rectangular, $(k_h, k_w)$.
# - Results keep the dtype of the floating-point input, a batch may be empty, and what you are given is never changed in
#   place. Whatever takes part in a network can be differentiated by autograd.
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
# The simplest way to make an image $s$ times larger: every pixel becomes a block of $s\times s$ equal pixels,
#
# $$ y[n,c,i,j] = x\bigl[n,c,\lfloor i/s\rfloor ,\lfloor j/s\rfloor \bigr], \qquad
#    (N,C,H,W)\to(N,C,sH,sW). $$
#
# The average (and the maximum) of each block is the old pixel: down after up is the identity. Up after down is not:
# what was averaged is gone. The result looks blocky, and a convolution after it smooths the blocks; "nearest, then
# convolution" is a sound standard choice.
#
# **What to watch for.** *Repeating* and *tiling* are different things: `x.repeat(1, 1, s, s)` sets whole copies of
# the image side by side, and has the right shape.


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
# Or put the pixel into *one* cell of its block, the top left one, and zeros into the others:
#
# $$ y[n,c,si,sj]=x[n,c,i,j], \qquad 0 \text{ elsewhere}. $$
#
# Seen from the side these are nails on a board. On its own a poor picture; as the first half of a transposed
# convolution (section 3) it is the heart of the matter. Taking every $s$-th pixel undoes it, and it is the *adjoint*
# (transpose) of taking every $s$-th pixel: $\langle \operatorname{nails}(x), y\rangle=\langle x, y[::s,
# ::s]\rangle$.
#
# **What to watch for.** The nails stand at the corners of the blocks, so the output ends with $s-1$ rows and columns
# of zeros. (A transposed convolution has zeros only *between* the pixels.)


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
# Max pooling says *that* a feature is there and forgets *where* in the window. Unless it is written down. Take
# windows of $k\times k$ side by side (stride $k$); rows and columns at the bottom and right that fill no window are
# dropped:
#
# $$ y[n,c,i,j]=\max_{0\le u,v<k}x[n,c,ki+u,kj+v],\qquad
#    \text{position}[n,c,i,j]=(ki+u^\star)W+(kj+v^\star). $$
#
# The position is the number of the winning pixel **in its whole channel, in reading order** (row after row), with the
# width $W$ of the *unpooled* image; this is torch's convention. Shapes: both
# $(N,C,\lfloor H/k\rfloor ,\lfloor W/k\rfloor )$. Of equal maxima the first in reading order wins.
#
# **What to watch for.** `argmax` over a window gives a place in the *window*; to place it in the image takes the
# window's corner and the image's width. With $W$ not a multiple of $k$, the width of what is left after dropping
# columns is the wrong width.


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
# Going up, each value returns to the place it came from, zeros elsewhere: nails again, but driven in where the maxima
# were (Zeiler, Taylor and Fergus, 2011; the decoder of SegNet, Badrinarayanan, Kendall and Cipolla, 2017). Contours
# stay where they were although the decoder's values are new ones: only the *positions* come from the encoder.
#
# $$ y[n,c,\lfloor p/W\rfloor , p \bmod W] = x[n,c,i,j]\quad\text{with } p=\text{position}[n,c,i,j]. $$
#
# Positions alone do not tell the size: $\lfloor 7/2\rfloor =\lfloor 6/2\rfloor $, so the height and width are
# arguments. Pooling undoes unpooling as long as the values are positive; a negative one loses to the zeros around it.
#
# **What to watch for.** Every image and every channel has positions of its own. Windows that overlapped could name a
# pixel twice and one value would be lost; here they lie side by side, and within a channel all positions differ.


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
# Think of pixels as little *squares*: pixel $i$ covers $[i,i+1]$ and its value sits at the centre $i+\tfrac12$.
# Enlarged $s$ times, output pixel $o$ has its centre at $(o+\tfrac12)/s$, which is at index
#
# $$ u=\frac{o+\frac12}{s}-\frac12 $$
#
# of the input. Between two centres interpolate linearly; beyond the outermost centres repeat the border,
# $u\leftarrow\min(\max(u,0),H-1)$. With the hat function $\wedge(t)=\max(0,1-|t|)$ this is one line, and a matrix:
#
# $$ y[o]=\sum_i \wedge(u_o-i)x[i],\qquad Y = A X B^\top\ \text{ in two dimensions, }\
#    A[o,i]=\wedge(u_o-i)\in\mathbb R^{sH\times H},\ B\in\mathbb R^{sW\times W}. $$
#
# Each row of $A$ is non-negative and sums to 1: no value leaves the range of the input, constants stay constant.
#
# **Two conventions.** This one is called *half-pixel centres*, in torch `align_corners=False`. With
# `align_corners=True` the outermost centres are matched instead, $u=o(H-1)/(sH-1)$, which depends on the image's
# size: the same object is scaled differently in a larger image. Models trained with one and run with the other lose
# accuracy by a shift that no error message reports. Leaving the halves out, $u=o/s$, shifts the image by $(s-1)/2$
# output pixels.


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
# Away from the border the same interpolation is a *stamp*: each input pixel adds a pyramid, scaled by its value, to
# the output, and neighbouring pyramids overlap. That is a transposed convolution (section 3) with stride $s$, and
# Long et al. start the upsampling layers of their networks from this kernel and let them learn on. One side of the
# pyramid is a hat of half-width $s$, sampled at the pixels' centres:
#
# $$ k = 2s-(s\bmod 2),\qquad h[t]=1-\frac{|t-m|}{s},\quad m=\frac{k-1}{2}, \quad 0\le t<k,
#    \qquad K[t,t']=h[t]h[t']. $$
#
# With padding $p=\lfloor s/2\rfloor $ the output is exactly $s$ times the input's size: $(H-1)s-2p+k=sH$. (Check both
# parities.) An odd $s$ has a central pixel, $m=s-1$; an even one has not, $m=s-\frac12$. Every output pixel inside
# the image gets weights that sum to one: entries $h[a],h[a+s],\dots$ do, for every $a<s$.
#
# **What to watch for.** At the border some pyramids are missing, and the transposed convolution fades to black where
# `upsample_bilinear` repeats the border.


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
# A convolution (kernel $k$, stride $s$, padding $p$ on each side) is linear: along one axis $y=Cx$ with a matrix $C$
# whose rows are shifted copies of the kernel. It goes from $d$ to $\lfloor (d+2p-k)/s\rfloor +1$ entries. The
# **transposed convolution** is the multiplication with $C^\top$: it goes back *up*, from the small size to the large.
# It is the layer's backward pass used as a forward pass; it is **not** the inverse ("deconvolution" is a misnomer:
# $C^\top C\neq I$).
#
# Going backwards, $d'$ entries stamp kernels at distance $s$; the first begins at 0 and the last ends at
# $(d'-1)s+k$. Then the padding, which the convolution had added, is cut off:
#
# $$ \text{size}=(d'-1)s+k-2p+o, \qquad 0\le o<s. $$
#
# Why the *output padding* $o$? With $s>1$ the convolution rounds down: $s$ different sizes $d$ give one $d'$, and
# going back one has to say which. $o$ adds $o$ rows at the bottom, $o$ columns at the right.
#
# **What to watch for.** $p$ makes the output *smaller*. And $k=2,s=2,p=0$, or $k=4,s=2,p=1$, exactly double the size;
# $k=3,s=2,p=1$ gives $2d'-1$.


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
# The other way round: a network went down from size $d$ with a convolution $(k,s,p)$ and shall return to $d$ with the
# transposed convolution of the same $(k,s,p)$. The windows at distance $s$ start at 0; how many entries are left over
# at the end, after the last window that fits? As many as the division in $\lfloor (d+2p-k)/s\rfloor $ rounds off.


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
# How does one compute $C^\top x$ without the matrix? Entry $i$ of the input meets entry $si+u$ of the padded output
# through kernel entry $u$, in both directions. With channels,
#
# $$ y_{\text{pad}}[n,f,a,b]=\sum_c\quad\sum_{i,j,u,v:\quad si+u=a,\quad sj+v=b} W[c,f,u,v]x[n,c,i,j], \qquad
#    y = y_{\text{pad}}\text{ without } p\text{ rows and columns on each side}. $$
#
# Read as a recipe: (1) **insert $s-1$ zeros between neighbouring pixels**, so that $x[i]$ stands at $si$; the side
# becomes $(H-1)s+1$. (2) Then $\sum_{i'}W[u]x_0[a-u]$ is an ordinary **convolution** of stride 1. In full mode it
# needs $k-1$ zeros around; $p$ of them are saved as the result is cut there anyway: **pad with $k-p-1$ zeros** on
# each side. (3) Convolve. The side is $(H-1)s+1+2(k-p-1)-(k-1)=(H-1)s+k-2p$, as it should be.
#
# "Convolve" here means the real thing, with the *minus*: $x_0[a-u]$. Lecture notes often leave it at "then convolve
# with the kernel". The layer called `conv2d` in libraries computes a cross-correlation, so with it the kernel has to
# be **turned by half a turn first** (both axes reversed), and its two channel axes have to be swapped.
#
# **Channels.** The weight has shape $(C_{\text{in}},C_{\text{out}},k_h,k_w)$, as in torch: exactly the weight $(F, C,
# k_h, k_w)$ of the convolution that it transposes, whose outputs are now the inputs. With this weight, for all $x$
# and $y$,
#
# $$ \langle \operatorname{conv}(x),y\rangle=\langle x,\operatorname{conv}^\top(y)\rangle . $$
#
# **What to watch for.** A kernel that is not turned passes all tests with symmetric kernels. A single bright pixel
# shows it: it must give the kernel *upright*.


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
# Count how many stamps fall on each output pixel. Along one axis, without padding,
#
# $$ \text{overlaps}[a]=\text{number of } i \text{ with } 0\le i<d \text{ and } 0\le a-si<k,\qquad 0\le a<(d-1)s+k. $$
#
# If $s$ divides $k$, every pixel inside gets $k/s$ stamps. If not, some get one more than others, in a pattern of
# period $s$; in two dimensions the counts multiply, and a **checkerboard** appears in every generated image, even
# from untrained weights (Odena, Dumoulin and Olah, 2016). A network can learn to make up for it, and usually does not
# quite. The cure: a kernel size that the stride divides ($k=4,s=2$), or nearest-neighbour upsampling followed by a
# convolution.


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
# A dense layer after the last feature map of shape $(C,h,w)$ flattens it and takes inner products, $z_k=\sum_f
# V[k,f]\operatorname{vec}(x)[f]+b_k$. But an inner product with *all* of a window is what a convolution computes at
# *one* place: a dense layer **is** a convolution whose kernel is as large as the map, evaluated at the single place
# where it fits. Only the weight has to be folded:
#
# $$ (K, C\cdot h\cdot w)\to(K,C,h,w),\qquad W[k,c,u,v]=V[k,(c\cdot h+u)\cdot w+v]. $$
#
# A dense layer after another dense layer sees a map of $1\times1$ and becomes a $1\times1$ convolution.
#
# **What to watch for.** The order in which `flatten` numbers the entries: channel by channel, then row by row.
# Frameworks that store channels last number them differently, and weights carried from one to the other have to be
# permuted.


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
# Now the surprise. Give the converted network a *larger* image: it slides by itself. Its output is a map of scores,
# and the scores at $(i,j)$ are exactly those that the classifier gives for the window $x[:, i:i+h, j:j+w]$. Nothing
# was retrained. And it is cheap: neighbouring windows share nearly all of their work, which cutting out windows one
# by one repeats (this is what made detection by sliding windows affordable: Sermanet et al., 2014).
#
# Let the classifier be a multilayer perceptron on flattened windows: $a_0=\operatorname{vec}(\text{window})$,
# $a_\ell=\operatorname{relu}(V_\ell a_{\ell-1}+b_\ell)$, and the last layer without relu. Then
#
# $$ (N,C,H,W) \xrightarrow{h\times w} (N,n_1,H-h+1,W-w+1) \xrightarrow{1\times1} \cdots
#    \xrightarrow{1\times1} (N,K,H-h+1,W-w+1). $$
#
# **What to watch for.** No relu after the last layer: scores may be negative. No padding.


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
# Every pixel is a classification with its own $K$ scores $z[n,:,i,j]$ and its label $t[n,i,j]$:
#
# $$ L=\frac1{|\Omega|}\sum_{(n,i,j)\in\Omega} -\log\operatorname{softmax}(z[n,:,i,j])_{t[n,i,j]},\qquad
#    \Omega=\lbrace (n,i,j): t[n,i,j]\neq\text{void}\rbrace . $$
#
# The void label marks pixels that annotators left open (borders of objects, in Pascal VOC: 255). Those count neither
# in the sum *nor in the number*. If all pixels are void there is nothing to learn: here the loss is then 0 (torch
# returns NaN, which ends a training run because of one empty crop). Shapes: $z$ is $(N,K,H,W)$, $t$ is $(N,H,W)$:
# **classes in axis 1**.
#
# **What to watch for.** A softmax over the wrong axis still gives numbers between 0 and 1. `log(softmax(z))` is
# $-\infty$ for scores a few hundred apart: use log-softmax. An index of 255 into 21 classes is an error, so void
# labels have to be replaced before they are used as indices. Multiplying an infinite term by 0 does not remove it.


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
# How good is a prediction? Count: $M[a,b]$ is the number of pixels of class $a$ that were given class $b$. **Rows are
# the truth, columns the prediction** (scikit-learn's convention; some papers transpose). Right answers are on the
# diagonal. Counts of several batches add up, so keep the matrix during an evaluation and compute scores at the end: a
# mean of batch scores is another number.


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
# The denominator counts the pixels that *are* $a$ or were *called* $a$; those in both sums must be counted once. A
# class that is neither present nor predicted has 0/0 and is left out of the mean. (A class that is predicted but not
# present has IoU 0 and stays in.)


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
# For one object per image: IoU of two masks $A,B$, per image, $|A\cap B|/|A\cup B|$. Two empty masks agree perfectly;
# 0/0 is **1** by convention.


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
# ($D=2J/(1+J)$ with $J$ the IoU: each grows with the other) and softens well. With probabilities $p\in[0,1]$ for a
# mask $m\in\lbrace0,1\rbrace$,
#
# $$ \text{loss}=1-\frac1N\sum_{n}
#    \frac{2\sum_{ij}p_{nij}m_{nij}+\varepsilon}{\sum_{ij}p_{nij}+\sum_{ij}m_{nij}+\varepsilon}. $$
#
# Because numerator and denominator shrink together with the object, a small object matters as much as a large one.
# Cross-entropy alone, on a small object, starts by learning "background everywhere"; deep networks with ReLUs
# sometimes die there. Adding the two losses is common, and your U-Net will need it. The smoothing $\varepsilon$, here
# 1 pixel, defines 0/0 as a perfect score and keeps the gradient finite. (Milletari et al., 2016, square the terms of
# the denominator; both variants are in use. Here they are not squared.)
#
# **What to watch for.** One ratio per image, then the mean; one ratio of the whole batch lets large objects outvote
# small ones. And $\varepsilon$ goes into numerator and denominator both.


# %% exercise="dice_loss"
def dice_loss(
    probabilities: Float[Tensor, "n h w"], masks: Bool[Tensor, "n h w"], smooth: float = 1.0
) -> Float[Tensor, ""]:
    """Compute 1 − mean_n (2 Σ p·m + smooth) / (Σ p + Σ m + smooth), where the sums run over the pixels of image n.

    The dtype is that of `probabilities`, in which the result can be differentiated. Raises ValueError if the shapes
    differ. Source: Dice (1945); Milletari, Navab and Ahmadi (2016), here without their squares.
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
# After four poolings a position is known to within 16 pixels. No way of going up can restore what is not there. But
# it *was* there, earlier in the same network: the **skip connection** takes the feature map from just before each
# pooling and hands it to the layer on the way up that has the same size. So the decoder has both: *what* from below,
# *where* from the side.
#
# (Lecture notes sometimes have it the other way round, "global information from the skip connection, local
# information from the previous layer". The standard reading, and what you can measure, is: the skip carries **local**
# detail in high resolution; the previous layer, coming from the bottleneck, carries **global** context.)
#
# ### crop_and_concatenate
#
# The U-Net joins the two by **concatenating channels**: $(N,C_1,H,W)$ and $(N,C_2,H,W)$ give $(N,C_1+C_2,H,W)$, and
# the next convolution decides what to make of both. (FCN and residual networks *add*, which needs $C_1=C_2$.) In the
# original, the convolutions have no padding, so the map from the left is larger than that from below and is cropped
# to its centre first: with height $H_1\ge H_2$ the crop starts at row $\lfloor (H_1-H_2)/2\rfloor $, and columns
# alike.
#
# **What to watch for.** The order is part of the contract with the weights: here the skip's channels come first.


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
# The original U-Net is a plain recipe. On each of `depth` levels: two $3\times3$ convolutions without padding (the
# side shrinks by 2 each), then a $2\times2$ max pooling. At the bottom two convolutions. Back up: double the side,
# crop and concatenate, two convolutions. Large images are cut into overlapping tiles; the output covers only the part
# of the tile for which no context is missing. With depth 4 a tile of 572 gives a map of 388.
#
# Not every size works: each pooling must meet an **even** side, or a row is lost and the halves no longer fit.


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
# Today one pads the convolutions (`padding=1`), so that output and input have the same size. A side is *legal* if all
# poolings meet an even side: if $2^{\text{depth}}$ divides it. With $w$ = `width` and $c_\ell=w\cdot2^\ell$, level
# $\ell$ has $c_\ell$ channels and sides divided by $2^\ell$:
#
# | part | for | from → to | kernel |
# |---|---|---|---|
# | block down $\ell$ | $0\le\ell\le$ depth | $c_{\ell-1}\to c_\ell\to c_\ell$ | two 3×3, padding 1, relu after each |
# | pooling | between block down $\ell$ and $\ell+1$ | $c_\ell\to c_\ell$ | 2×2 maximum |
# | up $\ell$ | $\ell=\text{depth}-1,\dots,0$ | $c_{\ell+1}\to c_\ell$ | transposed convolution 2×2, stride 2 |
# | concatenate | | $(c_\ell,c_\ell)\to2c_\ell$ | output of block down $\ell$ **first**, then that of up $\ell$ |
# | block up $\ell$ | | $2c_\ell\to c_\ell\to c_\ell$ | two 3×3, padding 1, relu after each |
# | head | | $c_0\to$ `classes` | 1×1 convolution, no relu |
#
# Here $c_{-1}$ is `in_channels`. All layers have biases; there is no normalisation and no dropout. Block down `depth`
# is the bottom: it is not skipped over. With `use_skips=False` the same network runs with **zeros in place of the
# skips**. Then everything it says about an image of $H\times W$ has passed through $c_{\text{depth}}\cdot H
# W/4^{\text{depth}}$ numbers, and the Jacobian's rank cannot be larger.
#
# **Starting values.** Biases 0; weights independent normal numbers with variance $2/n$, where $n$ is the number of
# values that one output adds up (He et al., 2015; the U-Net paper asks for the same). A 3×3 convolution adds up
# $n=9C_{\text{in}}$, a 1×1 $n=C_{\text{in}}$. A transposed 2×2 convolution with stride 2 has no overlaps: each output
# gets *one* stamp, $n=C_{\text{in}}$ (`kaiming_normal_` takes its fan from the wrong axis there).
#
# ### train_segmentation
#
# Two classes, background 0 and object 1, and a network of `width` 8 and `depth` 2. Every step draws eight images at
# random, computes their scores, asks for the loss, and moves the weights; the loss is an argument. The optimiser is
# your choice: Adam (Kingma and Ba, 2015) with step size 0.01 works on the task below, with cross-entropy **plus** the
# Dice loss of the probability of class 1 as the loss. (Grading brings a loss of its
# own.)
#
# **What to watch for.** Seed a `torch.Generator` of your own (or use `torch.random.fork_rng`) for weights and
# batches: a result that depends on what ran before cannot be repeated. All predictions background, loss stuck near
# $-\sum_k f_k\log f_k$ for class shares $f_k$: the network died; lower the step size, look at the starting values,
# add Dice. Loss falls and borders stay blobs: a skip is missing or joined at the wrong level.


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
# The task: find a disc or a box in noise. Half of the objects are brighter than the background, half are darker. No
# pixel on its own can tell: a pixel of the object and one of the background differ by less than the noise now and
# then, and the best threshold leaves a mask full of specks and holes.


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
