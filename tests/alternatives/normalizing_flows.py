"""Other right answers about normalizing flows: loops, other algebra, and libraries."""

import math

import torch
import torch.nn.functional as F

from autograder.bank import alternative


@alternative("log_det_inverse", "from the singular values")
def log_det_inverse_by_singular_values(matrix):
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    values = torch.linalg.svdvals(matrix)
    # An exactly singular matrix may get a tiny singular value instead of 0.
    tiny = values <= values.amax(dim=-1, keepdim=True) * 4 * torch.finfo(matrix.dtype).eps
    return -torch.where(tiny, 0, values).log().sum(dim=-1)


@alternative("log_det_inverse", "from the LU factorisation")
def log_det_inverse_by_lu(matrix):
    rows, columns = matrix.shape[-2:]
    if rows != columns:
        raise ValueError("not square")
    _, _, upper = torch.linalg.lu(matrix)
    return -upper.diagonal(dim1=-2, dim2=-1).abs().log().sum(dim=-1)


@alternative("log_det_inverse", "elimination by hand, the whole batch at once")
def log_det_inverse_by_elimination(matrix):
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    total = torch.zeros(matrix.shape[:-2], dtype=matrix.dtype)
    while matrix.shape[-1]:
        best = matrix[..., 0].abs().argmax(dim=-1)[..., None, None]
        pivot_row = torch.take_along_dim(matrix, best, dim=-2)
        pivot = pivot_row[..., :1]
        total = total - pivot[..., 0, 0].abs().log()
        # The first row takes the pivot's place; then the first column is cleared. A column of zeros is clear already.
        first, last = matrix[..., :1, :], torch.arange(matrix.shape[-1])[:, None] == best
        below = torch.where(last, first, matrix)[..., 1:, :]
        factor = below[..., :1] / torch.where(pivot == 0, 1, pivot)
        matrix = (below - factor * pivot_row)[..., 1:]
    return total


@alternative("rank_one_log_det", "the matrix written out")
def rank_one_log_det_in_full(u, w, h):
    eye = torch.eye(u.shape[-1], dtype=u.dtype)
    return torch.linalg.slogdet(eye + h[..., None, None] * torch.einsum("...i,...j->...ij", u, w)).logabsdet


@alternative("rank_one_log_det", "einsum")
def rank_one_log_det_by_einsum(u, w, h):
    return torch.log(torch.abs(torch.einsum("...,...i,...i->...", h, u, w) + 1))


@alternative("rank_one_log_det", "log1p, with a case for each sign")
def rank_one_log_det_by_log1p(u, w, h):
    change = h * torch.linalg.vecdot(w, u)
    turned = change < -1
    # Either branch is given a harmless number where the other is taken.
    negative = torch.log(-1 - torch.where(turned, change, -2))
    return torch.where(turned, negative, torch.log1p(torch.where(turned, 0, change)))


@alternative("triangular_log_det", "slogdet of the whole matrix")
def triangular_log_det_by_slogdet(matrix):
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    return torch.linalg.slogdet(matrix)[1]


@alternative("triangular_log_det", "a loop over the diagonal")
def triangular_log_det_by_a_loop(matrix):
    size = matrix.shape[-1]
    if matrix.shape[-2] != size:
        raise ValueError("not square")
    total = torch.zeros(matrix.shape[:-2], dtype=matrix.dtype)
    for i in range(size):
        total = total + torch.log(torch.abs(matrix[..., i, i]))
    return total


@alternative("triangular_log_det", "NumPy")
def triangular_log_det_with_numpy(matrix):
    import numpy as np

    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    diagonals = np.einsum("...ii->...i", matrix.detach().numpy())
    with np.errstate(divide="ignore"):
        return torch.as_tensor(np.log(np.abs(diagonals)).sum(axis=-1))


@alternative("jacobian_log_det", "one sample at a time")
def jacobian_log_det_by_sample(function, x):
    size = math.prod(x.shape[1:])
    results = x.new_zeros(x.shape[0])
    for n in range(x.shape[0]):
        jacobian = torch.autograd.functional.jacobian(lambda v, n=n: function(v[None])[0], x[n])
        results[n] = torch.linalg.slogdet(jacobian.reshape(size, size))[1]
    return results


@alternative("jacobian_log_det", "row by row with autograd.grad")
def jacobian_log_det_by_rows(function, x):
    x = x.detach().clone().requires_grad_()
    z = function(x).flatten(start_dim=1)
    rows = [torch.autograd.grad(z[:, i].sum(), x, retain_graph=True)[0].flatten(start_dim=1) for i in range(z.shape[1])]
    return torch.linalg.slogdet(torch.stack(rows, dim=1)).logabsdet


@alternative("jacobian_log_det", "the blocks on the diagonal of the full Jacobian")
def jacobian_log_det_by_blocks(function, x):
    batch, size = len(x), math.prod(x.shape[1:])
    full = torch.autograd.functional.jacobian(function, x).reshape(batch, size, batch, size)
    return torch.stack([torch.linalg.slogdet(full[n, :, n]).logabsdet for n in range(batch)])


@alternative("change_of_variables", "in one expression")
def change_of_variables_in_one_line(log_pz, forward, x):
    return sum((lambda z, log_det: (log_pz(z), log_det))(*forward(x)))


@alternative("change_of_variables", "on the scale of densities, for each sample")
def change_of_variables_by_subtraction(log_pz, forward, x):
    result = forward(x)
    return log_pz(result[0]) - (-result[1])


@alternative("change_of_variables", "torch's TransformedDistribution")
def change_of_variables_by_torch(log_pz, forward, x):
    from torch.distributions import Distribution, Transform, TransformedDistribution, constraints

    class Base(Distribution):
        def log_prob(self, value):
            return log_pz(value)

    class FromNoise(Transform):
        """Torch's transforms go from noise to data: the flow is the inverse of one."""

        bijective = True
        domain = codomain = constraints.independent(constraints.real, x.dim() - 1)

        def _inverse(self, y):
            z, self.log_det = forward(y)
            return z

        def log_abs_det_jacobian(self, z, y):
            return -self.log_det

    base = Base(x.shape[:1], x.shape[1:], validate_args=False)
    return TransformedDistribution(base, [FromNoise()], validate_args=False).log_prob(x)


@alternative("additive_coupling", "torch.distributions' bookkeeping: shift the whole vector by a padded answer")
def additive_coupling_by_padding(x, network):
    half, odd = divmod(x.shape[-1], 2)
    if odd:
        raise ValueError("odd")
    return x + F.pad(network(x[..., half:]), (0, half)), torch.zeros(x.shape[0], dtype=x.dtype)


@alternative("additive_coupling", "writing into a copy", replaces="additive_coupling_inverse")
def additive_coupling_inverse_by_slices(z, network):
    half = z.shape[-1] // 2
    x = z.clone()
    x[..., :half] = z[..., :half] - network(z[..., half:])
    return x


@alternative("additive_coupling", "zuko's coupling transform", requires="zuko")
def additive_coupling_by_zuko(x, network):
    from zuko.transforms import AdditiveTransform, CouplingTransform, DependentTransform

    if x.shape[-1] % 2:
        raise ValueError("odd")
    if len(x) == 0:  # which zuko cannot reshape
        return x.clone(), x.new_zeros(0)
    passes = torch.arange(x.shape[-1]) >= x.shape[-1] // 2
    coupling = CouplingTransform(lambda x_b: DependentTransform(AdditiveTransform(network(x_b)), 1), passes)
    return coupling.call_and_ladj(x)


@alternative("checkerboard_mask", "loops")
def checkerboard_mask_by_loops(height, width, parity):
    if parity not in (0, 1):
        raise ValueError("parity")
    mask = torch.zeros(height, width)
    for i in range(height):
        for j in range(width):
            if (i + j) % 2 == parity:
                mask[i, j] = 1.0
    return mask


@alternative("checkerboard_mask", "slices")
def checkerboard_mask_by_slices(height, width, parity):
    if parity not in {0, 1}:
        raise ValueError("parity")
    mask = torch.zeros(height, width)
    mask[::2, parity::2] = 1
    mask[1::2, 1 - parity :: 2] = 1
    return mask


@alternative("checkerboard_mask", "tiles of 2 × 2, cut to size")
def checkerboard_mask_by_tiles(height, width, parity):
    if parity != 0 and parity != 1:
        raise ValueError("parity")
    tile = torch.eye(2).roll(parity, dims=1)
    return tile.repeat((height + 1) // 2, (width + 1) // 2)[:height, :width]


@alternative("channel_mask", "concatenated halves")
def channel_mask_by_cat(channels, parity):
    if channels % 2 == 1 or parity not in (0, 1):
        raise ValueError("refused")
    half = torch.ones(channels // 2, 1, 1)
    return torch.cat([parity * half, (1 - parity) * half])


@alternative("channel_mask", "slices")
def channel_mask_by_slices(channels, parity):
    if channels % 2 or parity not in (0, 1):
        raise ValueError("refused")
    mask = torch.zeros(channels, 1, 1)
    half = slice(channels // 2) if parity else slice(channels // 2, channels)
    mask[half] = 1.0
    return mask


@alternative("channel_mask", "repeat_interleave")
def channel_mask_by_repetition(channels, parity):
    half, odd = divmod(channels, 2)
    if odd or parity not in range(2):
        raise ValueError("refused")
    return torch.tensor([float(parity), float(not parity)]).repeat_interleave(half).view(channels, 1, 1)


@alternative("squeeze", "torch's pixel_unshuffle")
def squeeze_by_torch(x):
    if x.shape[2] % 2 or x.shape[3] % 2:
        raise ValueError("odd")
    return F.pixel_unshuffle(x, 2)


@alternative("squeeze", "strided slices")
def squeeze_by_slices(x):
    if x.shape[2] % 2 or x.shape[3] % 2:
        raise ValueError("odd")
    return torch.stack([x[:, :, i::2, j::2] for i in range(2) for j in range(2)], dim=2).flatten(1, 2)


@alternative("squeeze", "writing strided slices", replaces="unsqueeze")
def unsqueeze_by_slices(z):
    batch, channels, height, width = z.shape
    if channels % 4:
        raise ValueError("channels")
    x = z.new_zeros(batch, channels // 4, 2 * height, 2 * width)
    for k in range(4):
        x[:, :, k // 2 :: 2, k % 2 :: 2] = z[:, k::4]
    return x


@alternative("affine_coupling", "torch.where")
def affine_coupling_by_where(x, mask, scale, shift):
    passes = mask.bool().expand(x.shape)
    visible = torch.where(passes, x, 0)
    log_scale = torch.where(passes, 0, scale(visible))
    z = torch.where(passes, x, x * log_scale.exp() + shift(visible))
    return z, log_scale.reshape(x.shape[0], math.prod(x.shape[1:])).sum(dim=1)


@alternative("affine_coupling", "torch.distributions' affine transform")
def affine_coupling_by_distributions(x, mask, scale, shift):
    transformed = 1 - mask
    log_scale = transformed * scale(mask * x)
    transform = torch.distributions.AffineTransform(transformed * shift(mask * x), log_scale.exp())
    z = transform(x)
    return z, transform.log_abs_det_jacobian(x, z).flatten(start_dim=1).sum(dim=1)


@alternative("affine_coupling", "zuko's affine transform", requires="zuko")
def affine_coupling_by_zuko(x, mask, scale, shift):
    from zuko.transforms import MonotonicAffineTransform

    free = (1 - mask).to(x.dtype)
    # zuko bounds the log-scale s softly, to s / (1 + |s| / bound): undo that first.
    slope, log_scale = 1e-12, free * scale(mask * x)
    unbounded = log_scale / (1 - log_scale.abs() / -math.log(slope))
    transform = MonotonicAffineTransform(free * shift(mask * x), unbounded, slope=slope)
    z, log_det = transform.call_and_ladj(x)
    return z, log_det.flatten(start_dim=1).sum(dim=1)


@alternative("affine_coupling", "the equation as it stands", replaces="affine_coupling_inverse")
def affine_coupling_inverse_as_in_the_paper(z, mask, scale, shift):
    visible = mask * z
    s = torch.where(mask.expand(z.shape) == 1, 0.0, scale(visible))
    return visible + (1 - mask) * (z - shift(visible)) / torch.exp(s)


@alternative("compose", "recursion")
def compose_by_recursion(flows):
    if not flows:
        return lambda x: (x, torch.zeros(x.shape[0], dtype=x.dtype)), lambda z: z
    first, undo_first = flows[0]
    rest, undo_rest = compose_by_recursion(flows[1:])

    def forward(x):
        middle, log_det_1 = first(x)
        z, log_det_2 = rest(middle)
        return z, log_det_1 + log_det_2

    return forward, lambda z: undo_first(undo_rest(z))


@alternative("compose", "a list of log_dets, added at the end")
def compose_with_a_list(flows):
    def forward(x):
        log_dets = [x.new_zeros(len(x))]
        for pair in flows:
            x, log_det = pair[0](x)
            log_dets.append(log_det)
        return x, torch.stack([part.expand(len(x)) for part in log_dets]).sum(dim=0)

    def inverse(z):
        for pair in flows[::-1]:
            z = pair[1](z)
        return z

    return forward, inverse


@alternative("compose", "a torch module")
def compose_as_a_module(flows):
    class Chain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.forwards = [flow[0] for flow in flows]
            self.inverses = [flow[1] for flow in flows]
            self.inverses.reverse()

        def forward(self, x):
            log_det = torch.zeros(x.shape[0]).to(x)
            for layer in self.forwards:
                x, change = layer(x)
                log_det = torch.add(log_det, change)
            return x, log_det

        def inverse(self, z):
            for layer in self.inverses:
                z = layer(z)
            return z

    chain = Chain()
    return chain, chain.inverse


@alternative("real_nvp", "swapping the halves after every layer")
def real_nvp_by_swapping(x, layers):
    x_a, x_b = x.chunk(2, dim=-1)
    log_det = torch.zeros(x.shape[0], dtype=x.dtype)
    for w1, b1, w2, b2 in layers:
        answer = F.linear(F.linear(x_b, w1, b1).tanh(), w2, b2)
        s, t = answer.tensor_split(2, dim=-1)
        s = s.tanh()
        x_a, x_b = x_b, x_a * s.exp() + t
        log_det = log_det + s.sum(dim=-1)
    # After an odd number of swaps the halves are in each other's place.
    halves = [x_b, x_a] if len(layers) % 2 else [x_a, x_b]
    return torch.cat(halves, dim=-1), log_det


@alternative("real_nvp", "with masks")
def real_nvp_by_masks(x, layers):
    size = x.shape[-1]
    first_half = torch.arange(size) < size // 2
    log_det = x.new_zeros(x.shape[0])
    for k, (w1, b1, w2, b2) in enumerate(layers):
        changes = first_half if k % 2 == 0 else ~first_half
        s, t = (torch.tanh(x[:, ~changes] @ w1.T + b1) @ w2.T + b2).split(size // 2, dim=1)
        log_scale, shift = torch.zeros_like(x), torch.zeros_like(x)
        log_scale[:, changes], shift[:, changes] = s.tanh(), t
        x = x * log_scale.exp() + shift
        log_det = log_det + log_scale.sum(dim=1)
    return x, log_det


@alternative("real_nvp", "by recursion over layers", replaces="real_nvp_inverse")
def real_nvp_inverse_by_recursion(z, layers):
    if not layers:
        return z
    *before, (w1, b1, w2, b2) = layers
    half = z.shape[-1] // 2
    turned = z if len(layers) % 2 else z.roll(half, dims=-1)
    z_a, z_b = turned[..., :half], turned[..., half:]
    answer = torch.tanh(z_b @ w1.T + b1) @ w2.T + b2
    x_a = (z_a - answer[..., half:]) / answer[..., :half].tanh().exp()
    turned = torch.cat([x_a, z_b], dim=-1)
    return real_nvp_inverse_by_recursion(turned if len(layers) % 2 else turned.roll(half, dims=-1), before)


@alternative("planar_flow", "einsum, and the derivative as 1 / cosh²")
def planar_flow_by_cosh(x, u, w, b):
    a = torch.einsum("nd,d->n", x, w) + b
    slope = torch.cosh(a.clamp(-300, 300) if a.dtype == torch.float64 else a.clamp(-40, 40)) ** -2
    return x + torch.einsum("n,d->nd", a.tanh(), u), torch.log(torch.abs(1 + slope * torch.dot(w, u)))


@alternative("planar_flow", "the determinant of the whole Jacobian")
def planar_flow_with_the_full_jacobian(x, u, w, b):
    bend = torch.tanh((x * w).sum(dim=-1) + b)
    jacobians = torch.eye(len(u), dtype=x.dtype) + (1 - bend**2)[:, None, None] * torch.outer(u, w)
    return x + torch.outer(bend, u), torch.linalg.slogdet(jacobians).logabsdet


@alternative("planar_flow", "the derivative of tanh left to forward-mode autograd")
def planar_flow_by_jvp(x, u, w, b):
    a = torch.mv(x, w) + b
    bend, slope = torch.func.jvp(torch.tanh, (a,), (torch.ones_like(a),))
    return torch.addr(x, bend, u), (slope * u.dot(w)).add(1).abs().log()


@alternative("planar_constraint", "logaddexp")
def planar_constraint_by_logaddexp(u, w):
    along = torch.dot(w, u)
    wanted = torch.logaddexp(along, torch.zeros_like(along)) - 1
    return u + (wanted - along) / w.norm() ** 2 * w


@alternative("planar_constraint", "replacing the component along w")
def planar_constraint_by_projection(u, w):
    unit = w / w.norm()
    perpendicular = u - (u @ unit) * unit
    along = w @ u
    softplus = along.clamp(min=0) + torch.log1p(torch.exp(-along.abs()))
    return perpendicular + (softplus - 1) / w.norm() * unit


@alternative("planar_constraint", "the difference m(a) − a = softplus(−a) − 1")
def planar_constraint_by_the_difference(u, w):
    length = torch.linalg.vector_norm(w)
    return u + (F.softplus(-torch.inner(u, w)) - 1) / length * F.normalize(w, dim=0, eps=0)


@alternative("planar_inverse", "SciPy's root finder, sample by sample", requires="scipy")
def planar_inverse_by_scipy(z, u, w, b):
    from scipy.optimize import brentq

    slope, offset = (w @ u).item(), b.item()
    if slope < -1:
        raise ValueError("folds")
    x = torch.empty_like(z)
    for n, goal in enumerate((z @ w).tolist()):
        low, high = goal - abs(slope) - 1e-6, goal + abs(slope) + 1e-6
        alpha = brentq(lambda a, goal=goal: a + slope * math.tanh(a + offset) - goal, low, high, xtol=1e-14)
        x[n] = z[n] - math.tanh(alpha + offset) * u
    return x


@alternative("planar_inverse", "Newton's method kept inside a bracket")
def planar_inverse_by_newton(z, u, w, b):
    slope, goal = w @ u, z @ w
    if slope < -1:
        raise ValueError("folds")
    low, high = goal - slope.abs(), goal + slope.abs()
    alpha = goal
    for _ in range(100):
        bend = torch.tanh(alpha + b)
        error = alpha + slope * bend - goal
        low, high = torch.where(error < 0, alpha, low), torch.where(error < 0, high, alpha)
        step = alpha - error / (1 + slope * (1 - bend**2))
        inside = (step >= low) & (step <= high)
        alpha = torch.where(inside, step, (low + high) / 2)
    return z - torch.outer(torch.tanh(alpha + b), u)


@alternative("planar_inverse", "bisection on the value of tanh instead of α")
def planar_inverse_on_the_bend(z, u, w, b):
    slope = torch.sum(w * u)
    if slope.item() < -1:
        raise ValueError("folds")
    goal = (z * w).sum(dim=-1) + b
    # With t = tanh(α + b) the equation is atanh(t) + wᵀu t = wᵀz + b, for t from −1 to 1.
    t, step = torch.zeros_like(goal), 1.0
    for _ in range(60):
        step /= 2
        t = torch.where(torch.atanh(t) + slope * t < goal, t + step, t - step)
    return z - t.unsqueeze(-1) * u


@alternative("actnorm_init", "channels first, moments by hand")
def actnorm_init_by_moments(x):
    pixels = x.transpose(0, 1).flatten(start_dim=1)
    mean = pixels.mean(dim=1)
    deviation = ((pixels - mean[:, None]) ** 2).mean(dim=1).sqrt()
    deviation = torch.where(deviation < 1e-6, torch.full_like(deviation, 1e-6), deviation)
    return torch.log(1 / deviation), -(mean / deviation)


@alternative("actnorm_init", "channel by channel")
def actnorm_init_by_loop(x):
    log_scales, biases = [], []
    for c in range(x.shape[1]):
        deviation = max(torch.std(x[:, c], correction=0).item(), 1e-6)
        log_scales.append(-math.log(deviation))
        biases.append(-x[:, c].mean().item() / deviation)
    return torch.tensor(log_scales, dtype=x.dtype), torch.tensor(biases, dtype=x.dtype)


@alternative("actnorm_init", "var_mean, and the logarithm of the variance")
def actnorm_init_by_variance(x):
    variance, mean = torch.var_mean(x, dim=[0, 2, 3], unbiased=False)
    log_scale = -0.5 * torch.log(torch.clamp(variance, min=1e-12))
    return log_scale, -mean * torch.exp(log_scale)


@alternative("actnorm", "torch.distributions' affine transform")
def actnorm_by_distributions(x, log_scale, bias):
    # log_abs_det_jacobian counts each entry of the scale once: expand it to all pixels.
    scale = log_scale.exp().view(-1, 1, 1).expand(x.shape[1:])
    transform = torch.distributions.AffineTransform(bias.view(-1, 1, 1), scale, event_dim=3)
    z = transform(x)
    return z, transform.log_abs_det_jacobian(x, z)


@alternative("actnorm", "a grouped 1×1 convolution")
def actnorm_by_convolution(x, log_scale, bias):
    channels = x.shape[1]
    z = F.conv2d(x, log_scale.exp().reshape(channels, 1, 1, 1), bias, groups=channels)
    return z, log_scale.sum().repeat(x.shape[0]) * (x.shape[2] * x.shape[3])


@alternative("actnorm", "channel by channel", replaces="actnorm_inverse")
def actnorm_inverse_by_loop(z, log_scale, bias):
    return torch.stack([(z[:, c] - bias[c]) / log_scale[c].exp() for c in range(z.shape[1])], dim=1)


@alternative("lu_parameters", "Gaussian elimination by hand")
def lu_parameters_by_elimination(weight):
    if weight.dim() != 2 or weight.shape[0] != weight.shape[1]:
        raise ValueError("square")
    size = len(weight)
    upper, lower, order = weight.clone(), torch.zeros_like(weight), list(range(size))
    for k in range(size):
        pivot = k + int(upper[k:, k].abs().argmax())
        rows = list(range(size))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        upper, lower, order = upper[rows], lower[rows], [order[r] for r in rows]
        if upper[k, k] == 0:
            raise ValueError("singular")
        for i in range(k + 1, size):
            factor = upper[i, k] / upper[k, k]
            lower[i, k] = factor
            upper[i] = upper[i] - factor * upper[k]
    permutation = torch.eye(size, dtype=weight.dtype)[:, order]
    diagonal = torch.diag(upper)
    return permutation, lower, torch.triu(upper, 1), torch.sign(diagonal), torch.log(diagonal.abs())


@alternative("lu_parameters", "SciPy", requires="scipy")
def lu_parameters_by_scipy(weight):
    import scipy.linalg

    if weight.dim() != 2 or weight.shape[0] != weight.shape[1]:
        raise ValueError("square")
    permutation, lower, upper = (torch.from_numpy(part) for part in scipy.linalg.lu(weight.numpy()))
    diagonal = upper.diagonal()
    if not diagonal.all():
        raise ValueError("singular")
    return permutation.to(weight.dtype), lower.tril(-1), upper.triu(1), diagonal.sign(), diagonal.abs().log()


@alternative("lu_parameters", "LAPACK's packed factors, and its list of swaps")
def lu_parameters_from_packed_factors(weight):
    if weight.ndim != 2 or len(set(weight.shape)) > 1:
        raise ValueError("square")
    packed, pivots, zero_at = torch.linalg.lu_factor_ex(weight)
    if zero_at > 0:
        raise ValueError(f"pivot {zero_at.item()} is 0")
    order = list(range(len(weight)))
    for i, other in enumerate(pivots.tolist()):  # counted from 1
        order[i], order[other - 1] = order[other - 1], order[i]
    permutation = F.one_hot(torch.tensor(order), len(order)).T.to(weight.dtype)
    diagonal = torch.diagonal(packed)
    sign = torch.where(diagonal < 0, -1.0, 1.0).to(weight.dtype)
    return permutation, torch.tril(packed, -1), torch.triu(packed, 1), sign, torch.log(sign * diagonal)


@alternative("invertible_1x1", "torch's convolution")
def invertible_1x1_by_conv2d(x, permutation, lower, upper, sign, log_diagonal):
    unit_lower = torch.tril(lower, -1) + torch.eye(len(lower), dtype=lower.dtype)
    full_upper = torch.triu(upper, 1) + torch.diag_embed(sign * torch.exp(log_diagonal))
    weight = torch.linalg.multi_dot([permutation, unit_lower, full_upper])
    log_det = log_diagonal.sum() * math.prod(x.shape[2:])
    return F.conv2d(x, weight[:, :, None, None]), log_det.repeat(x.shape[0])


@alternative("invertible_1x1", "the three factors one after the other, channels last")
def invertible_1x1_factor_by_factor(x, permutation, lower, upper, sign, log_diagonal):
    size = x.shape[1]
    pixels = x.movedim(1, -1)
    strictly_upper = torch.where(torch.arange(size)[:, None] < torch.arange(size), upper, 0)
    pixels = pixels @ strictly_upper.T + pixels * sign * log_diagonal.exp()
    strictly_lower = torch.where(torch.arange(size)[:, None] > torch.arange(size), lower, 0)
    pixels = pixels @ strictly_lower.T + pixels
    z = (pixels @ permutation.T).movedim(-1, 1)
    return z, torch.ones(len(x), dtype=x.dtype) * log_diagonal.sum() * x.shape[2] * x.shape[3]


@alternative("invertible_1x1", "the inverse matrix", replaces="invertible_1x1_inverse")
def invertible_1x1_inverse_by_matrix(z, permutation, lower, upper, sign, log_diagonal):
    unit_lower = lower.tril(-1) + torch.eye(len(lower), dtype=lower.dtype)
    weight = permutation @ unit_lower @ (upper.triu(1) + torch.diag(sign * log_diagonal.exp()))
    return F.conv2d(z, torch.linalg.inv(weight)[:, :, None, None])


@alternative("invertible_1x1", "zuko's LU transform for the inner factors", requires="zuko")
def invertible_1x1_by_zuko(x, permutation, lower, upper, sign, log_diagonal):
    from zuko.transforms import LULinearTransform

    # zuko's factor L carries the diagonal and its U has ones: W = P (L D) (D⁻¹ U).
    diagonal = sign * log_diagonal.exp()
    eye = torch.eye(len(sign), dtype=x.dtype)
    unit_lower = lower.tril(-1) + eye
    unit_upper = upper.triu(1) / diagonal[:, None] + eye
    transform = LULinearTransform((unit_lower * diagonal).tril() + unit_upper.triu(1))
    z = transform(x.movedim(1, -1)) @ permutation.T
    return z.movedim(-1, 1), (log_diagonal.sum() * x.shape[2] * x.shape[3]).expand(x.shape[0])


@alternative("glow_step", "torch's convolution and slices")
def glow_step_by_conv2d(x, log_scale, bias, weight, network):
    batch, channels, height, width = x.shape
    scaled = weight * log_scale.exp()
    v = F.conv2d(x, scaled[:, :, None, None], weight @ bias)  # actnorm folded into the convolution
    half = channels // 2
    answer = network(v[:, half:])
    log_s, t = answer[:, :half], answer[:, half:]
    z = torch.cat([v[:, :half] * torch.exp(log_s) + t, v[:, half:]], dim=1)
    return z, log_s.sum(dim=(1, 2, 3)) + height * width * torch.linalg.slogdet(scaled)[1]


@alternative("glow_step", "solving instead of inverting", replaces="glow_step_inverse")
def glow_step_inverse_by_solve(z, log_scale, bias, weight, network):
    half = z.shape[1] // 2
    answer = network(z[:, half:])
    v = torch.cat([(z[:, :half] - answer[:, half:]) / answer[:, :half].exp(), z[:, half:]], dim=1)
    y = torch.linalg.solve(weight, v.flatten(start_dim=2)).reshape(v.shape)
    return (y - bias.view(-1, 1, 1)) / log_scale.exp().view(-1, 1, 1)


@alternative("glow_step", "writing log|det| pixel by pixel")
def glow_step_by_pixels(x, log_scale, bias, weight, network):
    pixels = x.permute(0, 2, 3, 1) * log_scale.exp() + bias
    v = (pixels @ weight.T).permute(0, 3, 1, 2)
    v_a, v_b = v.tensor_split(2, dim=1)
    log_s, t = network(v_b).tensor_split(2, dim=1)
    one = log_scale.sum() + torch.linalg.det(weight).abs().log()
    log_det = (one + log_s.sum(dim=1)).sum(dim=(1, 2))
    return torch.cat([v_a * log_s.exp() + t, v_b], dim=1), log_det


@alternative("glow", "by recursion over levels")
def glow_by_recursion(x, levels):
    if not levels or x.shape[2] % 2 ** len(levels) or x.shape[3] % 2 ** len(levels):
        raise ValueError("levels")
    steps, *rest = levels
    x = F.pixel_unshuffle(x, 2)
    log_det = torch.zeros(len(x), dtype=x.dtype)
    for step in steps:
        x, one = step[0](x)
        log_det = log_det + one
    if not rest:
        return [x], log_det
    half = x.shape[1] // 2
    latents, one = glow_by_recursion(x[:, :half], rest)
    return [x[:, half:], *latents], log_det + one


@alternative("glow", "by recursion over levels", replaces="glow_inverse")
def glow_inverse_by_recursion(latents, levels):
    x = latents[0]
    if len(levels) > 1:
        x = torch.cat([glow_inverse_by_recursion(latents[1:], levels[1:]), x], dim=1)
    for step in levels[0][::-1]:
        x = step[1](x)
    return F.pixel_shuffle(x, 2)


@alternative("glow", "squeezing with reshape, the log_dets added at the end")
def glow_with_a_list(x, levels):
    height, width = x.shape[2:]
    for _ in levels:
        if height % 2 or width % 2:
            raise ValueError("sides")
        height, width = height // 2, width // 2
    if len(levels) == 0:
        raise ValueError("levels")
    latents, log_dets = [], [x.new_zeros(x.shape[0])]
    for steps in levels:
        batch, channels, height, width = x.shape
        blocks = x.reshape(batch, channels, height // 2, 2, width // 2, 2).permute(0, 1, 3, 5, 2, 4)
        x = blocks.reshape(batch, 4 * channels, height // 2, width // 2)
        for forward, _ in steps:
            x, log_det = forward(x)
            log_dets.append(log_det)
        # Split always; what the last level should have kept is put back below.
        latents.append(x[:, 2 * channels :])
        x = x[:, : 2 * channels]
    latents[-1] = torch.cat([x, latents[-1]], dim=1)
    return latents, torch.stack(log_dets).sum(dim=0)


@alternative("glow", "pixels written into an empty image", replaces="glow_inverse")
def glow_inverse_by_slices(latents, levels):
    x = latents[-1]
    for k, steps in reversed(list(enumerate(levels))):
        if k + 1 < len(levels):
            x = torch.hstack([x, latents[k]])
        for i in range(len(steps) - 1, -1, -1):
            x = steps[i][1](x)
        image = x.new_empty(x.shape[0], x.shape[1] // 4, 2 * x.shape[2], 2 * x.shape[3])
        for i in range(2):
            for j in range(2):
                image[:, :, i::2, j::2] = x[:, 2 * i + j :: 4]
        x = image
    return x


@alternative("flow_nll", "torch.distributions")
def flow_nll_by_distributions(z, log_det):
    if tuple(log_det.shape) != (z.shape[0],):
        raise ValueError("shape")
    base = torch.distributions.Normal(torch.zeros((), dtype=z.dtype), torch.ones((), dtype=z.dtype))
    return -(base.log_prob(z).reshape(len(z), -1).sum(dim=1) + log_det).mean()


@alternative("flow_nll", "three sums over the whole batch")
def flow_nll_by_sums(z, log_det):
    if log_det.shape != (len(z),):
        raise ValueError("shape")
    constant = 0.5 * z[0].numel() * math.log(2 * math.pi)
    return (0.5 * z.pow(2).sum() - log_det.sum()) / len(z) + constant


@alternative("flow_nll", "torch's Gaussian loss with mean 0 and variance 1")
def flow_nll_by_gaussian_loss(z, log_det):
    if list(log_det.shape) != [z.size(0)]:
        raise ValueError("shape")
    total = F.gaussian_nll_loss(z, torch.zeros_like(z), torch.ones_like(z), full=True, reduction="sum")
    return total / z.size(0) - log_det.mean()


@alternative("dequantize", "torch.div, bounds by minimum and maximum")
def dequantize_by_div(pixels, noise, bins=256):
    if pixels.numel() and not 0 <= int(pixels.min()) <= int(pixels.max()) < bins:
        raise ValueError("pixels")
    return torch.div(pixels.to(noise.dtype) + noise, bins)


@alternative("dequantize", "interpolating between the edges of the bins")
def dequantize_by_edges(pixels, noise, bins=256):
    if not ((pixels >= 0) & (pixels <= bins - 1)).all():
        raise ValueError("pixels")
    edges = torch.arange(bins + 1, dtype=noise.dtype) / bins
    index = pixels.long()
    return torch.lerp(edges[index], edges[index + 1], noise)


@alternative("dequantize", "in place, on a copy of the noise")
def dequantize_in_place(pixels, noise, bins=256):
    if not torch.isin(pixels.long(), torch.arange(bins)).all():
        raise ValueError("pixels")
    y = noise.clone()
    y += pixels
    y /= bins
    return y


@alternative("bits_per_dimension", "with log2")
def bits_per_dimension_by_log2(nll, dimensions, bins=256):
    return nll * math.log2(math.e) / dimensions + math.log2(bins)


@alternative("bits_per_dimension", "bits of the whole image, then per dimension")
def bits_per_dimension_of_the_image(nll, dimensions, bins=256):
    nats = nll + dimensions * math.log(bins)
    return nats / math.log(2.0) / dimensions


@alternative("bits_per_dimension", "NumPy, from the likelihood of one entry")
def bits_per_dimension_with_numpy(nll, dimensions, bins=256):
    import numpy as np

    log_density = -np.float64(nll) / dimensions
    log_probability = log_density - np.log(bins)
    return -log_probability / np.log(2)


@alternative("train_flow", "autograd.grad and parameters as leaves")
def train_flow_by_autograd_grad(x, parameters, forward, steps, learning_rate):
    leaves = [torch.tensor(p.tolist(), dtype=p.dtype, requires_grad=True) for p in parameters]
    optimizer = torch.optim.Adam(leaves, learning_rate)
    base = torch.distributions.Normal(0.0, 1.0)
    losses = []
    for step in range(steps):
        z, log_det = forward(x, leaves)
        loss = (-base.log_prob(z).reshape(len(x), -1).sum(dim=1) - log_det).mean()
        if not math.isfinite(loss.item()):
            raise ValueError(f"step {step}")
        for leaf, gradient in zip(leaves, torch.autograd.grad(loss, leaves)):
            leaf.grad = gradient
        optimizer.step()
        losses.append(loss.item())
    return [leaf.detach().clone() for leaf in leaves], losses


@alternative("train_flow", "Adam written out")
def train_flow_with_its_own_adam(x, parameters, forward, steps, learning_rate):
    values = [p.detach().clone() for p in parameters]
    first = [torch.zeros_like(p) for p in values]
    second = [torch.zeros_like(p) for p in values]
    losses = []
    for t in range(1, steps + 1):
        leaves = [p.clone().requires_grad_() for p in values]
        z, log_det = forward(x, leaves)
        squares = (z**2).sum() / (2 * len(x)) + 0.5 * math.prod(z.shape[1:]) * math.log(2 * math.pi)
        loss = squares - log_det.mean()
        if not torch.isfinite(loss):
            raise ValueError(f"the loss is not finite in step {t - 1}")
        losses.append(loss.item())
        for i, g in enumerate(torch.autograd.grad(loss, leaves)):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g**2
            mean, variance = first[i] / (1 - 0.9**t), second[i] / (1 - 0.999**t)
            values[i] = values[i] - learning_rate * mean / (variance.sqrt() + 1e-8)
    return values, losses


@alternative("train_flow", "a closure on nn.Parameters")
def train_flow_with_a_closure(x, parameters, forward, steps, learning_rate):
    values = torch.nn.ParameterList([p.detach().clone() for p in parameters])
    adam = torch.optim.Adam(values, lr=learning_rate)
    history = []

    def closure():
        adam.zero_grad()
        z, log_det = forward(x, list(values))
        constant = math.prod(z.shape[1:]) * math.log(2 * math.pi) / 2
        loss = constant + (z.flatten(1).norm(dim=1).square() / 2 - log_det).mean()
        if loss.isnan() or loss.isinf():
            raise ValueError(f"the loss of step {len(history)} is {loss.item()}")
        loss.backward()
        return loss

    while len(history) < steps:
        history.append(adam.step(closure).item())
    return [value.detach() for value in values], history
