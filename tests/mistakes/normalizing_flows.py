"""Wrong answers that students give about normalizing flows."""

import math

import torch
import torch.nn.functional as F

from autograder.bank import mistake


@mistake("log_det_inverse", law="test_of_a_multiple_of_the_identity", diagnosis="The sign of the inverse is missing.")
def log_det_of_the_matrix_itself(matrix):
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    return torch.linalg.slogdet(matrix).logabsdet


@mistake(
    "log_det_inverse",
    law="test_large_matrices",
    diagnosis="The determinant itself overflows or becomes 0 in many dimensions: use slogdet.",
)
def log_det_inverse_through_det(matrix):
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    return -torch.linalg.det(matrix).abs().log()


@mistake(
    "log_det_inverse",
    law="test_of_a_multiple_of_the_identity",
    diagnosis="The absolute value is missing: a negative determinant has no logarithm.",
)
def log_det_inverse_without_absolute_value(matrix):
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    sign, logabsdet = torch.linalg.slogdet(matrix)
    return torch.where(sign < 0, math.nan, -logabsdet)


@mistake(
    "rank_one_log_det",
    law="test_two_equal_vectors",
    diagnosis="The absolute value is missing: 1 + h wᵀu may be negative.",
)
def rank_one_log_det_by_log1p(u, w, h):
    return torch.log1p(h * (u * w).sum(dim=-1))


@mistake("rank_one_log_det", law="test_two_equal_vectors", diagnosis="The factor h is missing.")
def rank_one_log_det_without_factor(u, w, h):
    return (1 + (u * w).sum(dim=-1)).abs().log() + 0 * h


@mistake("rank_one_log_det", law="test_two_equal_vectors", diagnosis="The determinant itself, not its logarithm.")
def rank_one_det(u, w, h):
    return (1 + h * (u * w).sum(dim=-1)).abs()


@mistake("triangular_log_det", law="test_of_a_diagonal_matrix", diagnosis="This is the log of the trace.")
def triangular_log_det_by_the_trace(matrix):
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    return matrix.diagonal(dim1=-2, dim2=-1).sum(dim=-1).abs().log()


@mistake(
    "triangular_log_det",
    law="test_large_matrices",
    diagnosis="The product of the diagonal overflows or becomes 0: add up logarithms.",
)
def triangular_log_det_by_the_product(matrix):
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    return matrix.diagonal(dim1=-2, dim2=-1).prod(dim=-1).abs().log()


@mistake(
    "triangular_log_det",
    law="test_of_a_diagonal_matrix",
    diagnosis="The absolute value is missing: diagonal entries may be negative.",
)
def triangular_log_det_without_absolute_value(matrix):
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError("not square")
    return matrix.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)


@mistake(
    "jacobian_log_det",
    law="test_of_a_linear_map",
    diagnosis="This takes the determinant of the Jacobian summed over the batch: each sample has its own.",
)
def jacobian_log_det_of_the_sum(function, x):
    size = math.prod(x.shape[1:])
    jacobian = torch.autograd.functional.jacobian(lambda x: function(x).sum(dim=0), x)
    jacobian = jacobian.reshape(size, x.shape[0], size).sum(dim=1)
    return torch.linalg.slogdet(jacobian).logabsdet.expand(x.shape[0])


@mistake(
    "jacobian_log_det",
    law="test_of_a_linear_map",
    diagnosis="The gradient of the sum of the outputs holds the column sums of the Jacobian, not its diagonal.",
)
def jacobian_log_det_from_a_gradient(function, x):
    gradient = torch.autograd.functional.jacobian(lambda x: function(x).sum(), x)
    return gradient.flatten(start_dim=1).abs().log().sum(dim=1)


@mistake(
    "change_of_variables",
    law="test_affine_map",
    diagnosis="The log-determinant has the wrong sign: this is the formula for x = f(z), and f maps x to z here.",
)
def change_of_variables_with_the_wrong_sign(log_pz, forward, x):
    z, log_det = forward(x)
    return log_pz(z) - log_det


@mistake("change_of_variables", law="test_integrates_to_one", diagnosis="The log-determinant is missing.")
def change_of_variables_without_volume(log_pz, forward, x):
    z, _ = forward(x)
    return log_pz(z)


@mistake("change_of_variables", law="test_affine_map", diagnosis="The base density is evaluated at x instead of z.")
def change_of_variables_at_x(log_pz, forward, x):
    _, log_det = forward(x)
    return log_pz(x) + log_det


@mistake("change_of_variables", law="test_integrates_to_one", diagnosis="The determinant is added, not its logarithm.")
def change_of_variables_with_the_determinant(log_pz, forward, x):
    z, log_det = forward(x)
    return log_pz(z) + log_det.exp()


@mistake(
    "additive_coupling",
    law="test_second_half_passes_first_is_shifted",
    diagnosis="The halves are exchanged: the first is transformed, the second passes through.",
)
def additive_coupling_with_exchanged_halves(x, network):
    if x.shape[-1] % 2:
        raise ValueError("odd")
    x_a, x_b = x.chunk(2, dim=-1)
    return torch.cat([x_a, x_b + network(x_a)], dim=-1), x.new_zeros(x.shape[0])


@mistake(
    "additive_coupling",
    law="test_inverse",
    replaces="additive_coupling_inverse",
    diagnosis="The inverse adds once more instead of subtracting.",
)
def additive_coupling_inverse_that_adds(z, network):
    z_a, z_b = z.chunk(2, dim=-1)
    return torch.cat([z_a + network(z_b), z_b], dim=-1)


@mistake(
    "additive_coupling",
    law="test_volume_is_preserved",
    diagnosis="The shift was summed as if it were a log-scale: a shift does not change volume.",
)
def additive_coupling_with_a_log_det(x, network):
    if x.shape[-1] % 2:
        raise ValueError("odd")
    x_a, x_b = x.chunk(2, dim=-1)
    shift = network(x_b)
    return torch.cat([x_a + shift, x_b], dim=-1), shift.sum(dim=-1)


@mistake(
    "additive_coupling",
    law="test_inverse",
    replaces="additive_coupling_inverse",
    diagnosis="The network is asked about the half that was transformed; the inverse knows only the other.",
)
def additive_coupling_inverse_from_the_wrong_half(z, network):
    z_a, z_b = z.chunk(2, dim=-1)
    return torch.cat([z_a - network(z_a), z_b], dim=-1)


@mistake("checkerboard_mask", law="test_entries", diagnosis="The two parities are exchanged.")
def checkerboard_mask_with_the_other_parity(height, width, parity):
    if parity not in (0, 1):
        raise ValueError("parity")
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    return ((rows + columns) % 2 != parity).float()


@mistake(
    "checkerboard_mask",
    law="test_entries",
    diagnosis="Counting through the pixels gives stripes where the width is even.",
)
def striped_mask(height, width, parity):
    if parity not in (0, 1):
        raise ValueError("parity")
    return (torch.arange(height * width) % 2 == parity).float().reshape(height, width)


@mistake(
    "channel_mask",
    law="test_entries",
    diagnosis="A mask of shape (C,) broadcasts over the width of an image, not over its channels.",
)
def channel_mask_without_space(channels, parity):
    if channels % 2 or parity not in (0, 1):
        raise ValueError("refused")
    return ((torch.arange(channels) < channels // 2) == bool(parity)).float()


@mistake(
    "channel_mask", law="test_entries", diagnosis="The channels alternate; here the mask should split them into halves."
)
def channel_mask_that_alternates(channels, parity):
    if channels % 2 or parity not in (0, 1):
        raise ValueError("refused")
    return (torch.arange(channels) % 2 != parity).float()[:, None, None]


@mistake("channel_mask", law="test_entries", diagnosis="The two parities are exchanged.")
def channel_mask_with_the_other_parity(channels, parity):
    if channels % 2 or parity not in (0, 1):
        raise ValueError("refused")
    return ((torch.arange(channels) < channels // 2) != bool(parity)).float()[:, None, None]


@mistake(
    "squeeze",
    law="test_every_pixel_finds_its_place",
    diagnosis="A single reshape gives the right shape, but 2×2 blocks do not stay together.",
)
def squeeze_by_one_reshape(x):
    batch, channels, height, width = x.shape
    if height % 2 or width % 2:
        raise ValueError("odd")
    return x.reshape(batch, 4 * channels, height // 2, width // 2)


@mistake(
    "squeeze",
    law="test_every_pixel_finds_its_place",
    diagnosis="The place within the block comes before the channel: channel 4c + 2i + j is asked for.",
)
def squeeze_with_the_block_outside(x):
    batch, channels, height, width = x.shape
    if height % 2 or width % 2:
        raise ValueError("odd")
    blocks = x.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(batch, 4 * channels, height // 2, width // 2)


@mistake(
    "squeeze",
    law="test_unsqueeze_undoes_squeeze",
    replaces="unsqueeze",
    diagnosis="Rows and columns within the block are exchanged on the way back.",
)
def unsqueeze_with_exchanged_axes(z):
    batch, channels, height, width = z.shape
    if channels % 4:
        raise ValueError("channels")
    blocks = z.reshape(batch, channels // 4, 2, 2, height, width)
    return blocks.permute(0, 1, 4, 3, 5, 2).reshape(batch, channels // 4, 2 * height, 2 * width)


@mistake("squeeze", law="test_shapes", diagnosis="Average pooling's habit of dropping odd rows loses pixels.")
def squeeze_that_drops_odd_rows(x):
    x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
    return torch.stack([x[:, :, i::2, j::2] for i in range(2) for j in range(2)], dim=2).flatten(1, 2)


@mistake(
    "affine_coupling",
    law="test_networks_see_only_what_passes",
    diagnosis="The networks see all of x: then the layer cannot be inverted and log_det is wrong.",
)
def affine_coupling_with_networks_that_see_everything(x, mask, scale, shift):
    log_scale = (1 - mask) * scale(x)
    return x * log_scale.exp() + (1 - mask) * shift(x), log_scale.flatten(start_dim=1).sum(dim=1)


@mistake(
    "affine_coupling",
    law="test_constant_networks",
    diagnosis="log_det sums the scale over all entries, also those that pass through.",
)
def affine_coupling_that_counts_masked_scales(x, mask, scale, shift):
    log_scale = scale(mask * x)
    z = mask * x + (1 - mask) * (x * log_scale.exp() + shift(mask * x))
    return z, log_scale.flatten(start_dim=1).sum(dim=1)


@mistake(
    "affine_coupling",
    law="test_answers_under_the_mask_are_ignored",
    diagnosis="0·∞ is NaN: mask the log-scale before taking the exponential.",
)
def affine_coupling_that_masks_too_late(x, mask, scale, shift):
    log_scale = scale(mask * x)
    z = mask * x + (1 - mask) * (x * log_scale.exp() + shift(mask * x))
    return z, ((1 - mask) * log_scale).flatten(start_dim=1).sum(dim=1)


@mistake(
    "affine_coupling", law="test_masked_entries_pass", diagnosis="The mask is read the other way: 1 passes through."
)
def affine_coupling_with_the_mask_reversed(x, mask, scale, shift):
    log_scale = mask * scale((1 - mask) * x)
    return x * log_scale.exp() + mask * shift((1 - mask) * x), log_scale.flatten(start_dim=1).sum(dim=1)


@mistake(
    "affine_coupling",
    law="test_inverse",
    replaces="affine_coupling_inverse",
    diagnosis="The inverse divides before it subtracts: undo the last operation first.",
)
def affine_coupling_inverse_in_the_wrong_order(z, mask, scale, shift):
    log_scale = (1 - mask) * scale(mask * z)
    return z * (-log_scale).exp() - (1 - mask) * shift(mask * z)


@mistake(
    "affine_coupling",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="log_det is the mean over the batch; there should be one number for each sample.",
)
def affine_coupling_with_a_mean_log_det(x, mask, scale, shift):
    log_scale = (1 - mask) * scale(mask * x)
    z = x * log_scale.exp() + (1 - mask) * shift(mask * x)
    return z, log_scale.flatten(start_dim=1).sum(dim=1).mean().expand(x.shape[0])


@mistake("compose", law="test_inverse", diagnosis="The inverses are applied in the order of the flows, not reversed.")
def compose_without_reversing(flows):
    def forward(x):
        log_det = x.new_zeros(x.shape[0])
        for layer, _ in flows:
            x, layer_log_det = layer(x)
            log_det = log_det + layer_log_det
        return x, log_det

    def inverse(z):
        for _, undo in flows:
            z = undo(z)
        return z

    return forward, inverse


@mistake(
    "compose",
    law="test_applies_in_order_and_adds_log_dets",
    diagnosis="The log_dets are evaluated at x for every flow, not at what the flow before returned.",
)
def compose_with_log_dets_at_x(flows):
    def forward(x):
        z, log_det = x, x.new_zeros(x.shape[0])
        for layer, _ in flows:
            log_det = log_det + layer(x)[1]
            z = layer(z)[0]
        return z, log_det

    def inverse(z):
        for _, undo in reversed(flows):
            z = undo(z)
        return z

    return forward, inverse


@mistake(
    "compose",
    law="test_applies_in_order_and_adds_log_dets",
    diagnosis="Only the last flow's log_det is returned: they add up.",
)
def compose_with_the_last_log_det(flows):
    def forward(x):
        log_det = x.new_zeros(x.shape[0])
        for layer, _ in flows:
            x, log_det = layer(x)
        return x, log_det

    def inverse(z):
        for _, undo in reversed(flows):
            z = undo(z)
        return z

    return forward, inverse


@mistake(
    "compose",
    law="test_applies_in_order_and_adds_log_dets",
    diagnosis="The last flow is applied first, as in f₁ ∘ f₂ ∘ … ; the first of the list comes first.",
)
def compose_like_a_circle(flows):
    def forward(x):
        log_det = x.new_zeros(x.shape[0])
        for layer, _ in reversed(flows):
            x, layer_log_det = layer(x)
            log_det = log_det + layer_log_det
        return x, log_det

    def inverse(z):
        for _, undo in flows:
            z = undo(z)
        return z

    return forward, inverse


@mistake(
    "real_nvp",
    law="test_halves_alternate",
    diagnosis="Every layer transforms the first half: the second is never changed.",
)
def real_nvp_without_alternation(x, layers):
    x_a, x_b = x.chunk(2, dim=-1)
    log_det = x.new_zeros(x.shape[0])
    for w1, b1, w2, b2 in layers:
        s, t = (torch.tanh(x_b @ w1.T + b1) @ w2.T + b2).chunk(2, dim=-1)
        x_a = x_a * torch.tanh(s).exp() + t
        log_det = log_det + torch.tanh(s).sum(dim=-1)
    return torch.cat([x_a, x_b], dim=-1), log_det


@mistake("real_nvp", law="test_one_layer", diagnosis="The log-scale is not bounded by tanh.")
def real_nvp_with_an_unbounded_scale(x, layers):
    halves = list(x.chunk(2, dim=-1))
    log_det = x.new_zeros(x.shape[0])
    for k, (w1, b1, w2, b2) in enumerate(layers):
        changes = k % 2
        s, t = (torch.tanh(halves[1 - changes] @ w1.T + b1) @ w2.T + b2).chunk(2, dim=-1)
        halves[changes] = halves[changes] * s.exp() + t
        log_det = log_det + s.sum(dim=-1)
    return torch.cat(halves, dim=-1), log_det


@mistake(
    "real_nvp",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="log_det sums the network's raw answer, but the map scales by exp(tanh(s)).",
)
def real_nvp_with_the_raw_log_det(x, layers):
    halves = list(x.chunk(2, dim=-1))
    log_det = x.new_zeros(x.shape[0])
    for k, (w1, b1, w2, b2) in enumerate(layers):
        changes = k % 2
        s, t = (torch.tanh(halves[1 - changes] @ w1.T + b1) @ w2.T + b2).chunk(2, dim=-1)
        halves[changes] = halves[changes] * torch.tanh(s).exp() + t
        log_det = log_det + s.sum(dim=-1)
    return torch.cat(halves, dim=-1), log_det


@mistake(
    "real_nvp",
    law="test_inverse",
    replaces="real_nvp_inverse",
    diagnosis="Going back starts with the roles of the first layer; it should start with those of the last.",
)
def real_nvp_inverse_with_roles_counted_from_the_end(z, layers):
    halves = list(z.chunk(2, dim=-1))
    for k, (w1, b1, w2, b2) in enumerate(reversed(layers)):
        changes = k % 2
        s, t = (torch.tanh(halves[1 - changes] @ w1.T + b1) @ w2.T + b2).chunk(2, dim=-1)
        halves[changes] = (halves[changes] - t) * (-torch.tanh(s)).exp()
    return torch.cat(halves, dim=-1)


@mistake(
    "real_nvp",
    law="test_gradient",
    diagnosis="The log_det is detached: its gradient never reaches the parameters.",
)
def real_nvp_with_a_detached_log_det(x, layers):
    halves = list(x.chunk(2, dim=-1))
    log_det = x.new_zeros(x.shape[0])
    for k, (w1, b1, w2, b2) in enumerate(layers):
        changes = k % 2
        s, t = (torch.tanh(halves[1 - changes] @ w1.T + b1) @ w2.T + b2).chunk(2, dim=-1)
        s = torch.tanh(s)
        halves[changes] = halves[changes] * s.exp() + t
        log_det = log_det + s.sum(dim=-1).detach()
    return torch.cat(halves, dim=-1), log_det


@mistake(
    "planar_flow",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="The derivative of tanh is 1 − tanh², not tanh.",
)
def planar_flow_without_the_derivative(x, u, w, b):
    bend = torch.tanh(x @ w + b)
    return x + bend[:, None] * u, (1 + bend * (w @ u)).abs().log()


@mistake(
    "planar_flow",
    law="test_at_the_plane",
    diagnosis="The absolute value is missing: the determinant is negative where the plane folds over.",
)
def planar_flow_without_absolute_value(x, u, w, b):
    bend = torch.tanh(x @ w + b)
    return x + bend[:, None] * u, torch.log1p((1 - bend**2) * (w @ u))


@mistake("planar_flow", law="test_moves_along_u", diagnosis="u and w have changed places.")
def planar_flow_with_u_and_w_exchanged(x, u, w, b):
    bend = torch.tanh(x @ u + b)
    return x + bend[:, None] * w, (1 + (1 - bend**2) * (w @ u)).abs().log()


@mistake(
    "planar_flow",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="The sign is that of the other direction, in which planar flows appear in variational inference.",
)
def planar_flow_of_the_paper_s_direction(x, u, w, b):
    bend = torch.tanh(x @ w + b)
    return x + bend[:, None] * u, -(1 + (1 - bend**2) * (w @ u)).abs().log()


@mistake(
    "planar_constraint",
    law="test_invertible",
    diagnosis="The division is by ‖w‖ instead of ‖w‖²: wᵀû misses its goal unless w has length 1.",
)
def planar_constraint_divided_by_the_norm(u, w):
    along = w @ u
    return u + (F.softplus(along) - 1 - along) * w / w.norm()


@mistake("planar_constraint", law="test_invertible", diagnosis="The −1 of m is missing: m(a) = −1 + log(1 + eᵃ).")
def planar_constraint_without_minus_one(u, w):
    along = w @ u
    return u + (F.softplus(along) - along) * w / (w @ w)


@mistake(
    "planar_constraint",
    law="test_extreme_values",
    diagnosis="exp overflows for large wᵀu: compute log(1 + eᵃ) without it.",
)
def planar_constraint_that_overflows(u, w):
    along = w @ u
    return u + ((1 + along.exp()).log() - 1 - along) * w / (w @ w)


@mistake(
    "planar_constraint",
    law="test_gradient",
    diagnosis="wᵀu is taken as a plain number: the gradient through it is lost.",
)
def planar_constraint_through_a_number(u, w):
    along = (w @ u).item()
    wanted = along - 1 + math.log1p(math.exp(-along)) if along > 0 else math.log1p(math.exp(along)) - 1
    return u + (wanted - along) * w / (w @ w)


@mistake("planar_constraint", law="test_moves_along_w", diagnosis="u is moved along itself instead of along w.")
def planar_constraint_along_u(u, w):
    along = w @ u
    return u * (F.softplus(along) - 1) / along


@mistake(
    "planar_inverse",
    law="test_undoes_the_flow",
    diagnosis="tanh is evaluated at z; it has to be evaluated at the x that is sought.",
)
def planar_inverse_at_z(z, u, w, b):
    if w @ u < -1:
        raise ValueError("folds")
    return z - torch.tanh(z @ w + b)[:, None] * u


@mistake(
    "planar_inverse",
    law="test_steep_and_flat",
    diagnosis="Fixed-point iteration converges only where |wᵀu| < 1: use bisection.",
)
def planar_inverse_by_fixed_points(z, u, w, b):
    if w @ u < -1:
        raise ValueError("folds")
    x = z
    for _ in range(500):
        x = z - torch.tanh(x @ w + b)[:, None] * u
    return x


@mistake(
    "planar_inverse",
    law="test_refuses_what_folds",
    diagnosis="There is no inverse for wᵀu < −1: raise ValueError.",
)
def planar_inverse_without_the_check(z, u, w, b):
    slope, goal = w @ u, z @ w
    low, high = goal - slope.abs(), goal + slope.abs()
    for _ in range(80):
        middle = (low + high) / 2
        too_low = middle + slope * torch.tanh(middle + b) < goal
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    return z - torch.tanh(low + b)[:, None] * u


@mistake(
    "planar_inverse",
    law="test_undoes_the_flow",
    diagnosis="Ten halvings give three digits: go on until it stands still.",
)
def planar_inverse_that_stops_early(z, u, w, b):
    slope, goal = w @ u, z @ w
    if slope < -1:
        raise ValueError("folds")
    low, high = goal - slope.abs(), goal + slope.abs()
    for _ in range(10):
        middle = (low + high) / 2
        too_low = middle + slope * torch.tanh(middle + b) < goal
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    return z - torch.tanh(low + b)[:, None] * u


@mistake(
    "actnorm_init",
    law="test_normalises_every_channel",
    diagnosis="The bias is −μ, but x is scaled before the bias is added: it should be −μ/σ.",
)
def actnorm_init_with_an_unscaled_bias(x):
    deviation = x.std(dim=(0, 2, 3), correction=0).clamp(min=1e-6)
    return -deviation.log(), -x.mean(dim=(0, 2, 3))


@mistake(
    "actnorm_init",
    law="test_normalises_every_channel",
    diagnosis="torch.std divides by n − 1 unless told otherwise (correction=0).",
)
def actnorm_init_with_the_unbiased_variance(x):
    deviation = x.std(dim=(0, 2, 3)).clamp(min=1e-6)
    return -deviation.log(), -x.mean(dim=(0, 2, 3)) / deviation


@mistake(
    "actnorm_init",
    law="test_normalises_every_channel",
    diagnosis="log_scale is log σ; to divide by σ it is −log σ.",
)
def actnorm_init_that_multiplies(x):
    deviation = x.std(dim=(0, 2, 3), correction=0).clamp(min=1e-6)
    return deviation.log(), -x.mean(dim=(0, 2, 3)) / deviation


@mistake(
    "actnorm_init",
    law="test_normalises_every_channel",
    diagnosis="One mean and deviation for all channels together, as in layer normalisation.",
)
def actnorm_init_of_all_channels(x):
    deviation = x.std(correction=0).clamp(min=1e-6)
    ones = x.new_ones(x.shape[1])
    return -deviation.log() * ones, -x.mean() / deviation * ones


@mistake(
    "actnorm",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="The factor H·W is missing: every pixel of a channel is scaled.",
)
def actnorm_without_the_pixels(x, log_scale, bias):
    return log_scale.exp()[:, None, None] * x + bias[:, None, None], log_scale.sum().expand(x.shape[0])


@mistake(
    "actnorm",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="log_det is summed over the batch too; there should be one number for each sample.",
)
def actnorm_summed_over_the_batch(x, log_scale, bias):
    z = log_scale.exp()[:, None, None] * x + bias[:, None, None]
    return z, (x.numel() / x.shape[1] * log_scale.sum() if len(x) else log_scale.sum()).expand(x.shape[0])


@mistake(
    "actnorm",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="torch's AffineTransform counts a scale that is broadcast over the pixels only once for each channel.",
)
def actnorm_by_a_broadcast_transform(x, log_scale, bias):
    transform = torch.distributions.AffineTransform(bias[:, None, None], log_scale.exp()[:, None, None], event_dim=3)
    z = transform(x)
    return z, transform.log_abs_det_jacobian(x, z)


@mistake(
    "actnorm",
    law="test_one_affine_map_for_each_channel",
    diagnosis="The bias is added before the scaling; here it comes after.",
)
def actnorm_that_shifts_first(x, log_scale, bias):
    z = log_scale.exp()[:, None, None] * (x + bias[:, None, None])
    return z, (x.shape[2] * x.shape[3] * log_scale.sum()).expand(x.shape[0])


@mistake(
    "actnorm",
    law="test_inverse",
    replaces="actnorm_inverse",
    diagnosis="The inverse divides before it subtracts: undo the last operation first.",
)
def actnorm_inverse_in_the_wrong_order(z, log_scale, bias):
    return z * (-log_scale).exp()[:, None, None] - bias[:, None, None]


@mistake("lu_parameters", law="test_kinds_of_factors", diagnosis="`lower` still has its ones on the diagonal.")
def lu_parameters_with_the_ones(weight):
    if weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
        raise ValueError("square")
    permutation, lower, upper = torch.linalg.lu(weight)
    if (upper.diagonal() == 0).any():
        raise ValueError("singular")
    return permutation, lower, upper.triu(1), upper.diagonal().sign(), upper.diagonal().abs().log()


@mistake(
    "lu_parameters",
    law="test_factors_multiply_to_the_matrix",
    diagnosis="The signs of the diagonal are lost: exp is always positive.",
)
def lu_parameters_without_signs(weight):
    if weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
        raise ValueError("square")
    permutation, lower, upper = torch.linalg.lu(weight)
    diagonal = upper.diagonal().abs()
    if (diagonal == 0).any():
        raise ValueError("singular")
    return permutation, lower.tril(-1), upper.triu(1), torch.ones_like(diagonal), diagonal.log()


@mistake(
    "lu_parameters",
    law="test_permutations",
    diagnosis="The permutation is transposed: torch has W = P L U, some libraries P W = L U.",
)
def lu_parameters_with_the_permutation_transposed(weight):
    if weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
        raise ValueError("square")
    permutation, lower, upper = torch.linalg.lu(weight)
    diagonal = upper.diagonal()
    if (diagonal == 0).any():
        raise ValueError("singular")
    return permutation.T, lower.tril(-1), upper.triu(1), diagonal.sign(), diagonal.abs().log()


@mistake(
    "lu_parameters",
    law="test_small_matrices",
    diagnosis="A small determinant is taken for zero; a matrix is singular only if a pivot is 0.",
)
def lu_parameters_refusing_small_determinants(weight):
    if weight.shape[0] != weight.shape[1] or abs(torch.linalg.det(weight)) < 1e-6:
        raise ValueError("weight")
    permutation, lower, upper = torch.linalg.lu(weight)
    diagonal = upper.diagonal()
    return permutation, lower.tril(-1), upper.triu(1), diagonal.sign(), diagonal.abs().log()


@mistake("lu_parameters", law="test_refuses", diagnosis="A singular matrix gives −∞ in log_diagonal: refuse it.")
def lu_parameters_of_singular_matrices(weight):
    if weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
        raise ValueError("square")
    permutation, lower, upper = torch.linalg.lu(weight)
    diagonal = upper.diagonal()
    return permutation, lower.tril(-1), upper.triu(1), diagonal.sign(), diagonal.abs().log()


@mistake(
    "invertible_1x1",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="The factor H·W is missing: every pixel is multiplied by W.",
)
def invertible_1x1_without_the_pixels(x, permutation, lower, upper, sign, log_diagonal):
    eye = torch.eye(x.shape[1], dtype=x.dtype)
    weight = permutation @ (lower.tril(-1) + eye) @ (upper.triu(1) + torch.diag(sign * log_diagonal.exp()))
    return torch.einsum("oc,bchw->bohw", weight, x), log_diagonal.sum().expand(x.shape[0])


@mistake(
    "invertible_1x1",
    law="test_only_the_strict_triangles_count",
    diagnosis="All entries of `lower` and `upper` are used: after one optimiser step they are no longer triangular.",
)
def invertible_1x1_with_full_factors(x, permutation, lower, upper, sign, log_diagonal):
    eye = torch.eye(x.shape[1], dtype=x.dtype)
    weight = permutation @ (lower + eye) @ (upper + torch.diag(sign * log_diagonal.exp()))
    log_det = x.shape[2] * x.shape[3] * log_diagonal.sum()
    return torch.einsum("oc,bchw->bohw", weight, x), log_det.expand(x.shape[0])


@mistake(
    "invertible_1x1",
    law="test_multiplies_every_pixel",
    diagnosis="The pixels are multiplied by the transpose of W.",
)
def invertible_1x1_transposed(x, permutation, lower, upper, sign, log_diagonal):
    eye = torch.eye(x.shape[1], dtype=x.dtype)
    weight = permutation @ (lower.tril(-1) + eye) @ (upper.triu(1) + torch.diag(sign * log_diagonal.exp()))
    log_det = x.shape[2] * x.shape[3] * log_diagonal.sum()
    return torch.einsum("co,bchw->bohw", weight, x), log_det.expand(x.shape[0])


@mistake(
    "invertible_1x1",
    law="test_inverse",
    replaces="invertible_1x1_inverse",
    diagnosis="The inverse uses the transpose of W, as if W were a rotation.",
)
def invertible_1x1_inverse_by_the_transpose(z, permutation, lower, upper, sign, log_diagonal):
    eye = torch.eye(z.shape[1], dtype=z.dtype)
    weight = permutation @ (lower.tril(-1) + eye) @ (upper.triu(1) + torch.diag(sign * log_diagonal.exp()))
    return torch.einsum("oc,bohw->bchw", weight, z)


@mistake("invertible_1x1", law="test_multiplies_every_pixel", diagnosis="The signs of the diagonal are missing.")
def invertible_1x1_without_signs(x, permutation, lower, upper, sign, log_diagonal):
    eye = torch.eye(x.shape[1], dtype=x.dtype)
    weight = permutation @ (lower.tril(-1) + eye) @ (upper.triu(1) + torch.diag(log_diagonal.exp()))
    log_det = x.shape[2] * x.shape[3] * log_diagonal.sum()
    return torch.einsum("oc,bchw->bohw", weight, x), log_det.expand(x.shape[0])


@mistake(
    "glow_step",
    law="test_three_maps_in_order",
    diagnosis="The convolution comes before actnorm: the order is actnorm, convolution, coupling.",
)
def glow_step_with_the_convolution_first(x, log_scale, bias, weight, network):
    y = torch.einsum("oc,bchw->bohw", weight, x)
    v_a, v_b = (log_scale.exp()[:, None, None] * y + bias[:, None, None]).chunk(2, dim=1)
    log_s, t = network(v_b).chunk(2, dim=1)
    per_pixel = log_scale.sum() + torch.linalg.slogdet(weight).logabsdet
    log_det = x.shape[2] * x.shape[3] * per_pixel + log_s.flatten(start_dim=1).sum(dim=1)
    return torch.cat([log_s.exp() * v_a + t, v_b], dim=1), log_det


@mistake(
    "glow_step",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="The convolution's log-determinant is missing; it is 0 for a rotation only, as at the start of training.",
)
def glow_step_without_the_convolution_s_log_det(x, log_scale, bias, weight, network):
    y = log_scale.exp()[:, None, None] * x + bias[:, None, None]
    v_a, v_b = torch.einsum("oc,bchw->bohw", weight, y).chunk(2, dim=1)
    log_s, t = network(v_b).chunk(2, dim=1)
    log_det = x.shape[2] * x.shape[3] * log_scale.sum() + log_s.flatten(start_dim=1).sum(dim=1)
    return torch.cat([log_s.exp() * v_a + t, v_b], dim=1), log_det


@mistake(
    "glow_step",
    law="test_log_det_is_that_of_the_jacobian",
    diagnosis="H·W also multiplies the coupling's part, which is summed over the pixels already.",
)
def glow_step_that_counts_pixels_twice(x, log_scale, bias, weight, network):
    y = log_scale.exp()[:, None, None] * x + bias[:, None, None]
    v_a, v_b = torch.einsum("oc,bchw->bohw", weight, y).chunk(2, dim=1)
    log_s, t = network(v_b).chunk(2, dim=1)
    per_pixel = log_scale.sum() + torch.linalg.slogdet(weight).logabsdet + log_s.flatten(start_dim=1).sum(dim=1)
    return torch.cat([log_s.exp() * v_a + t, v_b], dim=1), x.shape[2] * x.shape[3] * per_pixel


@mistake(
    "glow_step",
    law="test_inverse",
    replaces="glow_step_inverse",
    diagnosis="The inverse undoes actnorm first; it has to undo the coupling first.",
)
def glow_step_inverse_in_the_forward_order(z, log_scale, bias, weight, network):
    y = (z - bias[:, None, None]) * (-log_scale).exp()[:, None, None]
    v_a, v_b = torch.einsum("oc,bchw->bohw", torch.linalg.inv(weight), y).chunk(2, dim=1)
    log_s, t = network(v_b).chunk(2, dim=1)
    return torch.cat([(v_a - t) * (-log_s).exp(), v_b], dim=1)


@mistake(
    "glow",
    law="test_levels_and_steps_in_order",
    diagnosis="The first half of the channels leaves and the second goes on; it should be the other way round.",
)
def glow_that_keeps_the_second_half(x, levels):
    if not levels or x.shape[2] % 2 ** len(levels) or x.shape[3] % 2 ** len(levels):
        raise ValueError("levels")
    latents, log_det = [], x.new_zeros(x.shape[0])
    for number, steps in enumerate(levels, start=1):
        x = F.pixel_unshuffle(x, 2)
        for forward, _ in steps:
            x, step_log_det = forward(x)
            log_det = log_det + step_log_det
        if number < len(levels):
            latent, x = x.chunk(2, dim=1)
            latents.append(latent)
    return [*latents, x], log_det


@mistake(
    "glow",
    law="test_levels_and_steps_in_order",
    diagnosis="The last level is split too; it keeps all of its channels.",
)
def glow_that_splits_the_last_level(x, levels):
    if not levels or x.shape[2] % 2 ** len(levels) or x.shape[3] % 2 ** len(levels):
        raise ValueError("levels")
    latents, log_det = [], x.new_zeros(x.shape[0])
    for steps in levels:
        x = F.pixel_unshuffle(x, 2)
        for forward, _ in steps:
            x, step_log_det = forward(x)
            log_det = log_det + step_log_det
        x, latent = x.chunk(2, dim=1)
        latents.append(latent)
    return [*latents, x], log_det


@mistake(
    "glow",
    law="test_inverse",
    replaces="glow_inverse",
    diagnosis="The steps within a level are undone in their forward order.",
)
def glow_inverse_with_steps_in_order(latents, levels):
    *latents, x = latents
    for number in reversed(range(len(levels))):
        if number < len(latents):
            x = torch.cat([x, latents[number]], dim=1)
        for _, inverse in levels[number]:
            x = inverse(x)
        x = F.pixel_shuffle(x, 2)
    return x


@mistake(
    "glow",
    law="test_inverse",
    replaces="glow_inverse",
    diagnosis="The latent is put before the channels that went on; it was the second half.",
)
def glow_inverse_with_halves_exchanged(latents, levels):
    *latents, x = latents
    for number in reversed(range(len(levels))):
        if number < len(latents):
            x = torch.cat([latents[number], x], dim=1)
        for _, inverse in reversed(levels[number]):
            x = inverse(x)
        x = F.pixel_shuffle(x, 2)
    return x


@mistake("flow_nll", law="test_mean_of_minus_log_density", diagnosis="log_det has the wrong sign.")
def flow_nll_with_the_wrong_sign(z, log_det):
    if log_det.shape != z.shape[:1]:
        raise ValueError("shape")
    log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).sum(dim=1)
    return -(log_normal - log_det).mean()


@mistake(
    "flow_nll",
    law="test_at_the_mean_of_a_gaussian",
    diagnosis="The constant ½ d log 2π is missing: this is no likelihood.",
)
def flow_nll_without_the_constant(z, log_det):
    if log_det.shape != z.shape[:1]:
        raise ValueError("shape")
    return (0.5 * (z**2).flatten(start_dim=1).sum(dim=1) - log_det).mean()


@mistake(
    "flow_nll",
    law="test_mean_of_minus_log_density",
    diagnosis="The mean is taken over the entries of an event too: they are summed.",
)
def flow_nll_with_a_mean_over_entries(z, log_det):
    if log_det.shape != z.shape[:1]:
        raise ValueError("shape")
    log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).mean(dim=1)
    return -(log_normal + log_det).mean()


@mistake("flow_nll", law="test_shapes", diagnosis="A log_det of shape (batch, 1) broadcasts without a word: refuse it.")
def flow_nll_that_broadcasts(z, log_det):
    log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).sum(dim=1)
    return -(log_normal + log_det).mean()


@mistake(
    "dequantize",
    law="test_stays_in_the_pixel_s_interval",
    diagnosis="The division is by bins − 1: then the largest pixel plus noise leaves the unit interval.",
)
def dequantize_by_one_bin_less(pixels, noise, bins=256):
    if ((pixels < 0) | (pixels >= bins)).any():
        raise ValueError("pixels")
    return (pixels + noise) / (bins - 1)


@mistake(
    "dequantize",
    law="test_stays_in_the_pixel_s_interval",
    diagnosis="The noise is not scaled: it should fill one pixel's interval, of width 1/bins.",
)
def dequantize_with_loud_noise(pixels, noise, bins=256):
    if ((pixels < 0) | (pixels >= bins)).any():
        raise ValueError("pixels")
    return pixels / bins + noise


@mistake(
    "dequantize",
    law="test_bytes",
    diagnosis="256 does not fit into a byte: compared with uint8 pixels it becomes 0, and every pixel is refused.",
)
def dequantize_that_compares_bytes(pixels, noise, bins=256):
    if ((pixels < 0) | (pixels >= bins)).any():
        raise ValueError(f"pixels must lie between 0 and {bins - 1}")
    return (pixels + noise) / bins


@mistake("dequantize", law="test_all_pixels_fill_the_unit_interval", diagnosis="256 is written in; `bins` may differ.")
def dequantize_for_256_bins_only(pixels, noise, bins=256):
    if ((pixels < 0) | (pixels >= bins)).any():
        raise ValueError("pixels")
    return (pixels + noise) / 256


@mistake(
    "bits_per_dimension",
    law="test_uniform_density",
    diagnosis="The division by log 2 is missing: these are nats.",
)
def nats_per_dimension(nll, dimensions, bins=256):
    return nll / dimensions + math.log(bins)


@mistake("bits_per_dimension", law="test_uniform_density", diagnosis="The volume of a pixel's cell is missing.")
def bits_per_dimension_of_the_density(nll, dimensions, bins=256):
    return nll / dimensions / math.log(2)


@mistake(
    "bits_per_dimension",
    law="test_uniform_density",
    diagnosis="log(bins) is divided by the dimension too: every dimension has its own factor 1/bins.",
)
def bits_per_dimension_with_one_cell(nll, dimensions, bins=256):
    return (nll + math.log(bins)) / (dimensions * math.log(2))


@mistake(
    "train_flow",
    law="test_finds_the_maximum_likelihood",
    diagnosis="The log-determinant is missing from the loss: all data collapse to one point.",
)
def train_flow_without_volume(x, parameters, forward, steps, learning_rate):
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for _ in range(steps):
        z, log_det = forward(x, parameters)
        loss = 0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).sum(dim=1).mean()
        if not (loss + log_det.sum()).isfinite():
            raise ValueError("not finite")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in parameters], losses


@mistake(
    "train_flow",
    law="test_follows_adam",
    diagnosis="zero_grad is missing: each step follows the sum of all gradients so far.",
)
def train_flow_that_accumulates(x, parameters, forward, steps, learning_rate):
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for _ in range(steps):
        z, log_det = forward(x, parameters)
        log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).sum(dim=1)
        loss = -(log_normal + log_det).mean()
        if not loss.isfinite():
            raise ValueError("not finite")
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in parameters], losses


@mistake(
    "train_flow",
    law="test_what_it_returns",
    diagnosis="The caller's tensors are trained in place: work on copies.",
)
def train_flow_in_place(x, parameters, forward, steps, learning_rate):
    fitted = [p.detach().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(fitted, lr=learning_rate)
    losses = []
    for _ in range(steps):
        z, log_det = forward(x, fitted)
        log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).sum(dim=1)
        loss = -(log_normal + log_det).mean()
        if not loss.isfinite():
            raise ValueError("not finite")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in fitted], losses


@mistake(
    "train_flow",
    law="test_what_it_returns",
    diagnosis="The losses are those after each update; the loss before it is asked for.",
)
def train_flow_with_losses_one_step_late(x, parameters, forward, steps, learning_rate):
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []

    def negative_log_likelihood():
        z, log_det = forward(x, parameters)
        log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).sum(dim=1)
        loss = -(log_normal + log_det).mean()
        if not loss.isfinite():
            raise ValueError("not finite")
        return loss

    for _ in range(steps):
        optimizer.zero_grad()
        negative_log_likelihood().backward()
        optimizer.step()
        losses.append(negative_log_likelihood().item())
    return [p.detach() for p in parameters], losses


@mistake(
    "train_flow",
    law="test_finds_the_maximum_likelihood",
    diagnosis="The likelihood is minimised: the sign is wrong.",
)
def train_flow_that_descends_the_likelihood(x, parameters, forward, steps, learning_rate):
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for _ in range(steps):
        z, log_det = forward(x, parameters)
        log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).flatten(start_dim=1).sum(dim=1)
        loss = (log_normal + log_det).mean()
        if not loss.isfinite():
            raise ValueError("not finite")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(-loss.item())
    return [p.detach() for p in parameters], losses
