"""Wrong answers that students give to the exercises of recurrent, and what each gets wrong."""

import torch

from autograder.bank import mistake


@mistake("unroll", law="test_fading_sum", diagnosis="The state is never carried: every step starts from the first one.")
def unroll_without_memory(step, state, xs):
    return [step(state, x) for x in xs]


@mistake("unroll", law="test_length", diagnosis="The initial state is not part of the list: it starts with state 1.")
def unroll_with_the_initial_state(step, state, xs):
    states = [state]
    for x in xs:
        states.append(step(states[-1], x))
    return states


@mistake("unroll", law="test_length", diagnosis="All states are wanted, not only the last.")
def unroll_to_the_last_state(step, state, xs):
    for x in xs:
        state = step(state, x)
    return [state]


@mistake("unroll", law="test_fading_sum", diagnosis="The sequence is read from its end.")
def unroll_backwards(step, state, xs):
    states = []
    for t in range(len(xs) - 1, -1, -1):
        state = step(state, xs[t])
        states.append(state)
    return states


@mistake("unroll", law="test_calls", diagnosis="The step is called twice per time: a step with a memory would notice.")
def unroll_twice(step, state, xs):
    states = []
    for x in xs:
        states.append(step(state, x))
        state = step(state, x)
    return states


@mistake("elman_step", law="test_value", diagnosis="A batch is a stack of rows: multiply by the transpose, h @ W_h.T.")
def elman_step_with_the_matrix_transposed(h, x, W_h, W_x, b):
    return torch.tanh(h @ W_h + x @ W_x.T + b)


@mistake("elman_step", law="test_bias_alone", diagnosis="The bias is missing.")
def elman_step_without_bias(h, x, W_h, W_x, b):
    return torch.tanh(h @ W_h.T + x @ W_x.T)


@mistake("elman_step", law="test_value", diagnosis="The old state is missing: this is an ordinary layer.")
def elman_step_without_memory(h, x, W_h, W_x, b):
    return torch.tanh(x @ W_x.T + b) + torch.zeros_like(h)


@mistake("elman_step", law="test_value", diagnosis="The tanh goes around the whole sum, the old state included.")
def elman_step_with_the_state_outside(h, x, W_h, W_x, b):
    return h @ W_h.T + torch.tanh(x @ W_x.T + b)


@mistake("elman_step", law="test_gradients", diagnosis="Detaching the old state cuts the gradient through time.")
def elman_step_detached(h, x, W_h, W_x, b):
    return torch.tanh(h.detach() @ W_h.T + x @ W_x.T + b)


@mistake("elman_unroll", law="test_value", diagnosis="The sequence must start from h0, not from zeros.")
def elman_unroll_from_zeros(xs, h0, W_h, W_x, b):
    h, hs = torch.zeros_like(h0), h0.new_zeros(0, *h0.shape)
    for x in xs:
        h = torch.tanh(h @ W_h.T + x @ W_x.T + b)
        hs = torch.cat([hs, h[None]])
    return hs


@mistake("elman_unroll", law="test_shape_and_dtype", diagnosis="h0 is not part of the result, which starts with h_1.")
def elman_unroll_with_the_initial_state(xs, h0, W_h, W_x, b):
    hs = h0[None]
    for x in xs:
        hs = torch.cat([hs, torch.tanh(hs[-1] @ W_h.T + x @ W_x.T + b)[None]])
    return hs


@mistake("elman_unroll", law="test_value", diagnosis="The state is not carried: every step starts from h0.")
def elman_unroll_without_memory(xs, h0, W_h, W_x, b):
    return torch.tanh(h0 @ W_h.T + xs @ W_x.T + b)


@mistake("elman_unroll", law="test_empty_sequence", diagnosis="An empty list cannot be stacked: T = 0 is a length too.")
def elman_unroll_of_something(xs, h0, W_h, W_x, b):
    hs = [h0]
    for x in xs:
        hs.append(torch.tanh(hs[-1] @ W_h.T + x @ W_x.T + b))
    return torch.stack(hs[1:])


@mistake(
    "elman_unroll", law="test_value", diagnosis="Time is the first axis here; this stacks the states along the last."
)
def elman_unroll_with_time_last(xs, h0, W_h, W_x, b):
    hs = h0.new_zeros(*h0.shape, 0)
    h = h0
    for x in xs:
        h = torch.tanh(h @ W_h.T + x @ W_x.T + b)
        hs = torch.cat([hs, h[..., None]], dim=-1)
    return hs if len(xs) else h0.new_zeros(0, *h0.shape)


@mistake("elman_unroll", law="test_gradients", diagnosis="The state is detached: no gradient comes from later times.")
def elman_unroll_detached(xs, h0, W_h, W_x, b):
    h, hs = h0, h0.new_zeros(0, *h0.shape)
    for x in xs:
        h = torch.tanh(h.detach() @ W_h.T + x @ W_x.T + b)
        hs = torch.cat([hs, h[None]])
    return hs


@mistake("immediate_jacobian", law="test_autograd", diagnosis="The slope of tanh, 1 − h², is missing.")
def immediate_jacobian_without_the_slope(h_previous, h):
    return torch.eye(len(h), dtype=h.dtype)[:, :, None] * h_previous


@mistake("immediate_jacobian", law="test_autograd", diagnosis="h already went through tanh: the slope is 1 − h².")
def immediate_jacobian_with_tanh_twice(h_previous, h):
    return torch.diag(1 - torch.tanh(h) ** 2)[:, :, None] * h_previous


@mistake("immediate_jacobian", law="test_sparse", diagnosis="Entry i of the state depends on row i of W_h only.")
def immediate_jacobian_of_all_rows(h_previous, h):
    return ((1 - h**2)[:, None, None] * h_previous).expand(len(h), len(h), len(h))


@mistake("immediate_jacobian", law="test_autograd", diagnosis="The factor is h_{k−1}, which W_h multiplies, not h_k.")
def immediate_jacobian_with_the_new_state(h_previous, h):
    return torch.diag(1 - h**2)[:, :, None] * h


@mistake("immediate_jacobian", law="test_sparse", diagnosis="Rows and columns of W_h are swapped in the last two axes.")
def immediate_jacobian_transposed(h_previous, h):
    return torch.diag(1 - h**2)[:, None, :] * h_previous[:, None]


@mistake(
    "state_jacobian", law="test_order", diagnosis="The factors are in the wrong order: the later stands to the left."
)
def state_jacobian_in_reverse(hs, W_h, t, k):
    if not 0 <= k <= t < len(hs):
        raise ValueError("times out of order")
    product = torch.eye(hs.shape[1], dtype=hs.dtype)
    for i in range(k + 1, t + 1):
        product = product @ torch.diag(1 - hs[i] ** 2) @ W_h
    return product


@mistake("state_jacobian", law="test_one_step", diagnosis="The slope belongs to the new state h_i, not to h_{i−1}.")
def state_jacobian_at_the_old_state(hs, W_h, t, k):
    if not 0 <= k <= t < len(hs):
        raise ValueError("times out of order")
    product = torch.eye(hs.shape[1], dtype=hs.dtype)
    for i in range(k, t):
        product = torch.diag(1 - hs[i] ** 2) @ W_h @ product
    return product


@mistake("state_jacobian", law="test_one_step", diagnosis="The slope scales the rows of W_h, not its columns.")
def state_jacobian_with_scaled_columns(hs, W_h, t, k):
    if not 0 <= k <= t < len(hs):
        raise ValueError("times out of order")
    product = torch.eye(hs.shape[1], dtype=hs.dtype)
    for i in range(k + 1, t + 1):
        product = W_h @ torch.diag(1 - hs[i] ** 2) @ product
    return product


@mistake("state_jacobian", law="test_autograd", diagnosis="The slopes of tanh are missing: this is a linear network's.")
def state_jacobian_of_linear_units(hs, W_h, t, k):
    if not 0 <= k <= t < len(hs):
        raise ValueError("times out of order")
    return torch.linalg.matrix_power(W_h, t - k)


@mistake("state_jacobian", law="test_one_step", diagnosis="One factor too many: there are t − k, none for t = k.")
def state_jacobian_with_one_factor_more(hs, W_h, t, k):
    if not 0 <= k <= t < len(hs):
        raise ValueError("times out of order")
    product = torch.eye(hs.shape[1], dtype=hs.dtype)
    for i in range(k, t + 1):
        product = torch.diag(1 - hs[i] ** 2) @ W_h @ product
    return product


@mistake(
    "state_jacobian", law="test_times_out_of_order", diagnosis="Negative times count from the end in Python: check."
)
def state_jacobian_unchecked(hs, W_h, t, k):
    product = torch.eye(hs.shape[1], dtype=hs.dtype)
    for i in range(k + 1, t + 1):
        product = torch.diag(1 - hs[i] ** 2) @ W_h @ product
    return product


@mistake(
    "jacobian_norm_bound",
    law="test_singular_not_eigenvalue",
    diagnosis="The largest eigenvalue is no bound: it is the largest singular value that is.",
)
def jacobian_norm_bound_by_eigenvalues(W_h, lag, slope=1.0):
    if lag < 0:
        raise ValueError("negative lag")
    return (slope * torch.linalg.eigvals(W_h).abs().max().item()) ** lag


@mistake("jacobian_norm_bound", law="test_value", diagnosis="This is the Frobenius norm, which is too large a bound.")
def jacobian_norm_bound_by_frobenius(W_h, lag, slope=1.0):
    if lag < 0:
        raise ValueError("negative lag")
    return (slope * torch.linalg.matrix_norm(W_h).item()) ** lag


@mistake("jacobian_norm_bound", law="test_slope", diagnosis="The slope counts once per step, not once in all.")
def jacobian_norm_bound_with_one_slope(W_h, lag, slope=1.0):
    if lag < 0:
        raise ValueError("negative lag")
    return slope * torch.linalg.matrix_norm(W_h, ord=2).item() ** lag


@mistake(
    "jacobian_norm_bound", law="test_value", diagnosis="The bound is geometric: a power of the lag, not a multiple."
)
def jacobian_norm_bound_times_lag(W_h, lag, slope=1.0):
    if lag < 0:
        raise ValueError("negative lag")
    return slope * torch.linalg.matrix_norm(W_h, ord=2).item() * lag


@mistake(
    "jacobian_norm_bound",
    law="test_holds",
    diagnosis="The largest entry is no bound: several entries of a row can work together.",
)
def jacobian_norm_bound_by_the_largest_entry(W_h, lag, slope=1.0):
    if lag < 0:
        raise ValueError("negative lag")
    return (slope * W_h.abs().max().item()) ** lag


@mistake("bptt_terms", law="test_sum", diagnosis="Only the direct term is computed: the indirect ones are missing.")
def bptt_terms_direct_only(gradient, hs, W_h):
    terms = torch.zeros(len(hs) - 1, *W_h.shape, dtype=W_h.dtype)
    terms[-1] = torch.outer((1 - hs[-1] ** 2) * gradient, hs[-2])
    return terms


@mistake("bptt_terms", law="test_direct_term", diagnosis="The terms stand in the wrong order: the last is of time t.")
def bptt_terms_from_the_end(gradient, hs, W_h):
    terms = []
    for k in range(len(hs) - 1, 0, -1):
        delta = (1 - hs[k] ** 2) * gradient
        terms.append(torch.outer(delta, hs[k - 1]))
        gradient = W_h.T @ delta
    return torch.stack(terms)


@mistake("bptt_terms", law="test_copies", diagnosis="Backwards the gradient meets the transpose of W_h.")
def bptt_terms_without_the_transpose(gradient, hs, W_h):
    terms = []
    for k in range(len(hs) - 1, 0, -1):
        delta = (1 - hs[k] ** 2) * gradient
        terms.append(torch.outer(delta, hs[k - 1]))
        gradient = W_h @ delta
    return torch.stack(terms[::-1])


@mistake("bptt_terms", law="test_direct_term", diagnosis="W_h multiplied h_{k−1}; this pairs δ_k with h_k.")
def bptt_terms_with_the_new_state(gradient, hs, W_h):
    terms = []
    for k in range(len(hs) - 1, 0, -1):
        delta = (1 - hs[k] ** 2) * gradient
        terms.append(torch.outer(delta, hs[k]))
        gradient = W_h.T @ delta
    return torch.stack(terms[::-1])


@mistake("bptt_terms", law="test_copies", diagnosis="The slope of tanh is lost on the way back.")
def bptt_terms_without_slopes_on_the_way(gradient, hs, W_h):
    terms = []
    for k in range(len(hs) - 1, 0, -1):
        terms.append(torch.outer((1 - hs[k] ** 2) * gradient, hs[k - 1]))
        gradient = W_h.T @ gradient
    return torch.stack(terms[::-1])


@mistake(
    "bptt", law="test_indirect_terms", diagnosis="Nothing comes back from later times: only direct terms are summed."
)
def bptt_without_the_future(xs, targets, h0, params):
    W_h, W_x, b, W_y, b_y = (params[name] for name in ("W_h", "W_x", "b", "W_y", "b_y"))
    hs = [h0]
    for x in xs:
        hs.append(torch.tanh(W_h @ hs[-1] + W_x @ x + b))
    before, after = torch.stack(hs[:-1]), torch.stack(hs[1:])
    errors = after @ W_y.T + b_y - targets
    deltas = (1 - after**2) * (errors @ W_y)
    return {
        "W_h": deltas.T @ before,
        "W_x": deltas.T @ xs,
        "b": deltas.sum(0),
        "W_y": errors.T @ after,
        "b_y": errors.sum(0),
        "h0": W_h.T @ deltas[0],
    }


@mistake("bptt", law="test_direct_terms", diagnosis="δ_t is paired with h_t; W_h multiplied h_{t−1}.")
def bptt_with_the_new_state(xs, targets, h0, params):
    W_h, W_x, b, W_y, b_y = (params[name] for name in ("W_h", "W_x", "b", "W_y", "b_y"))
    hs = [h0]
    for x in xs:
        hs.append(torch.tanh(W_h @ hs[-1] + W_x @ x + b))
    gradients = {name: torch.zeros_like(value) for name, value in params.items()}
    from_future = torch.zeros_like(h0)
    for t in range(len(xs), 0, -1):
        error = W_y @ hs[t] + b_y - targets[t - 1]
        delta = (1 - hs[t] ** 2) * (W_y.T @ error + from_future)
        gradients["W_y"] += torch.outer(error, hs[t])
        gradients["b_y"] += error
        gradients["W_h"] += torch.outer(delta, hs[t])
        gradients["W_x"] += torch.outer(delta, xs[t - 1])
        gradients["b"] += delta
        from_future = W_h.T @ delta
    return {**gradients, "h0": from_future}


@mistake("bptt", law="test_autograd", diagnosis="Gradients of shared weights add up over time; these are overwritten.")
def bptt_that_overwrites(xs, targets, h0, params):
    W_h, W_x, b, W_y, b_y = (params[name] for name in ("W_h", "W_x", "b", "W_y", "b_y"))
    hs = [h0]
    for x in xs:
        hs.append(torch.tanh(W_h @ hs[-1] + W_x @ x + b))
    gradients = {}
    from_future = torch.zeros_like(h0)
    for t in range(len(xs), 0, -1):
        error = W_y @ hs[t] + b_y - targets[t - 1]
        delta = (1 - hs[t] ** 2) * (W_y.T @ error + from_future)
        gradients = {
            "W_y": torch.outer(error, hs[t]),
            "b_y": error,
            "W_h": torch.outer(delta, hs[t - 1]),
            "W_x": torch.outer(delta, xs[t - 1]),
            "b": delta,
        }
        from_future = W_h.T @ delta
    return {**gradients, "h0": from_future}


@mistake(
    "bptt", law="test_autograd", diagnosis="The loss is ½ times a sum of squares over time, not the mean over time."
)
def bptt_of_the_mean(xs, targets, h0, params):
    leaves = {name: value.clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for x, y in zip(xs, targets):
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2 / len(xs)
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))


@mistake("bptt", law="test_direct_terms", diagnosis="The ½ is forgotten: every gradient is twice too large.")
def bptt_without_the_half(xs, targets, h0, params):
    leaves = {name: value.clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for x, y in zip(xs, targets):
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum()
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))


@mistake("truncated_bptt", law="test_detached", diagnosis="Nothing is cut: this is the full gradient.")
def truncated_bptt_uncut(xs, targets, h0, params, window):
    if window < 1:
        raise ValueError("no window")
    leaves = {name: value.clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for x, y in zip(xs, targets):
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))


@mistake("truncated_bptt", law="test_detached", diagnosis="The state must be carried into the next window, not reset.")
def truncated_bptt_from_zeros(xs, targets, h0, params, window):
    if window < 1:
        raise ValueError("no window")
    leaves = {name: value.clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for t, (x, y) in enumerate(zip(xs, targets)):
        if t and t % window == 0:
            h = torch.zeros_like(h0)
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))


@mistake(
    "truncated_bptt", law="test_detached", diagnosis="Windows are counted from the start: the first is the full one."
)
def truncated_bptt_counted_from_the_end(xs, targets, h0, params, window):
    if window < 1:
        raise ValueError("no window")
    leaves = {name: value.clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for t, (x, y) in enumerate(zip(xs, targets)):
        if t and (len(xs) - t) % window == 0:
            h = h.detach()
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(leaves, gradients))


@mistake(
    "truncated_bptt", law="test_window_of_one", diagnosis="The cut comes after the step: its own weights get nothing."
)
def truncated_bptt_cut_one_step_late(xs, targets, h0, params, window):
    if window < 1:
        raise ValueError("no window")
    leaves = {name: value.clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for t, (x, y) in enumerate(zip(xs, targets)):
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        if t and t % window == 0:
            h = h.detach()
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))


@mistake("truncated_bptt", law="test_detached", diagnosis="Only the last window is trained on; all windows count.")
def truncated_bptt_of_the_last_window(xs, targets, h0, params, window):
    if window < 1:
        raise ValueError("no window")
    leaves = {name: value.clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for t, (x, y) in enumerate(zip(xs, targets)):
        if t and t % window == 0:
            h, loss = h.detach(), 0.0
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(leaves, gradients))


@mistake("gradient_norms", law="test_autograd", diagnosis="The gradient is a row: g J, not J g.")
def gradient_norms_without_the_transpose(gradient, jacobians):
    norms = [gradient.norm()]
    for jacobian in jacobians.flip(0):
        gradient = jacobian @ gradient
        norms.append(gradient.norm())
    return torch.stack(norms)


@mistake("gradient_norms", law="test_autograd", diagnosis="Going back, the gradient meets the latest Jacobian first.")
def gradient_norms_from_the_first_step(gradient, jacobians):
    norms = [gradient.norm()]
    for jacobian in jacobians:
        gradient = gradient @ jacobian
        norms.append(gradient.norm())
    return torch.stack(norms)


@mistake("gradient_norms", law="test_length", diagnosis="The norm at lag 0, of the gradient itself, is missing.")
def gradient_norms_without_lag_zero(gradient, jacobians):
    norms = []
    for jacobian in jacobians.flip(0):
        gradient = gradient @ jacobian
        norms.append(gradient.norm())
    return torch.stack(norms) if norms else gradient.new_zeros(0)


@mistake("gradient_norms", law="test_geometric", diagnosis="These are the squares of the norms.")
def gradient_norms_squared(gradient, jacobians):
    norms = [gradient @ gradient]
    for jacobian in jacobians.flip(0):
        gradient = gradient @ jacobian
        norms.append(gradient @ gradient)
    return torch.stack(norms)


@mistake(
    "gradient_norms", law="test_autograd", diagnosis="A product of norms is only a bound on the norm of the product."
)
def gradient_norms_by_the_bound(gradient, jacobians):
    norms = [gradient.norm()]
    for jacobian in jacobians.flip(0):
        norms.append(norms[-1] * torch.linalg.matrix_norm(jacobian, ord=2))
    return torch.stack(norms)


@mistake("gradient_norms", law="test_autograd", diagnosis="The norms stand in the order of time, not of the lag.")
def gradient_norms_in_the_order_of_time(gradient, jacobians):
    norms = [gradient.norm()]
    for jacobian in jacobians.flip(0):
        gradient = gradient @ jacobian
        norms.append(gradient.norm())
    return torch.stack(norms[::-1])


@mistake("leaky_step", law="test_frozen", diagnosis="α is the share that is kept; here it is the leaking rate, 1 − α.")
def leaky_step_with_the_leaking_rate(h, x, W_h, W_x, b, alpha):
    if not 0 <= alpha <= 1:
        raise ValueError("alpha out of range")
    return (1 - alpha) * h + alpha * torch.tanh(h @ W_h.T + x @ W_x.T + b)


@mistake("leaky_step", law="test_mixture", diagnosis="The new share must be 1 − α, so that the two make a whole.")
def leaky_step_that_adds_up(h, x, W_h, W_x, b, alpha):
    if not 0 <= alpha <= 1:
        raise ValueError("alpha out of range")
    return alpha * h + torch.tanh(h @ W_h.T + x @ W_x.T + b)


@mistake("leaky_step", law="test_mixture", diagnosis="The mixture is taken after the tanh, not inside it.")
def leaky_step_inside_the_tanh(h, x, W_h, W_x, b, alpha):
    if not 0 <= alpha <= 1:
        raise ValueError("alpha out of range")
    return torch.tanh(alpha * h + (1 - alpha) * (h @ W_h.T + x @ W_x.T + b))


@mistake("leaky_step", law="test_mixture", diagnosis="Only W_h h is damped; the old state itself must be kept.")
def leaky_step_without_the_straight_road(h, x, W_h, W_x, b, alpha):
    if not 0 <= alpha <= 1:
        raise ValueError("alpha out of range")
    return torch.tanh(alpha * h @ W_h.T + x @ W_x.T + b)


@mistake("leaky_step", law="test_alpha_out_of_range", diagnosis="α is never checked: beyond 1 the state explodes.")
def leaky_step_unchecked(h, x, W_h, W_x, b, alpha):
    return alpha * h + (1 - alpha) * torch.tanh(h @ W_h.T + x @ W_x.T + b)


@mistake("leaky_jacobian", law="test_saturated", diagnosis="α stands on the diagonal: it is α I, not α everywhere.")
def leaky_jacobian_with_alpha_everywhere(proposal, W_h, alpha):
    return alpha + (1 - alpha) * (1 - proposal**2)[:, None] * W_h


@mistake("leaky_jacobian", law="test_ends", diagnosis="The straight road α I is missing.")
def leaky_jacobian_without_the_straight_road(proposal, W_h, alpha):
    return (1 - alpha) * (1 - proposal**2)[:, None] * W_h


@mistake("leaky_jacobian", law="test_ends", diagnosis="α and 1 − α are swapped: α is what is kept.")
def leaky_jacobian_with_the_leaking_rate(proposal, W_h, alpha):
    return (1 - alpha) * torch.eye(len(proposal), dtype=W_h.dtype) + alpha * (1 - proposal**2)[:, None] * W_h


@mistake("leaky_jacobian", law="test_autograd", diagnosis="The slope scales the rows of W_h; this scales its columns.")
def leaky_jacobian_with_scaled_columns(proposal, W_h, alpha):
    return alpha * torch.eye(len(proposal), dtype=W_h.dtype) + (1 - alpha) * W_h * (1 - proposal**2)


@mistake("leaky_jacobian", law="test_saturated", diagnosis="ĥ already went through tanh: the slope is 1 − ĥ².")
def leaky_jacobian_with_tanh_twice(proposal, W_h, alpha):
    slope = 1 - torch.tanh(proposal) ** 2
    return alpha * torch.eye(len(proposal), dtype=W_h.dtype) + (1 - alpha) * slope[:, None] * W_h


@mistake(
    "lstm_step",
    law="test_extremes",
    diagnosis="The sigmoid is 1/(1 + exp(−z)): exp overflows at large negative z, and its gradient is NaN there.",
)
def lstm_step_with_a_sigmoid_that_overflows(h, c, x, W_h, W_x, b):
    i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
    c = c / (1 + torch.exp(-f)) + torch.tanh(g) / (1 + torch.exp(-i))
    return torch.tanh(c) / (1 + torch.exp(-o)), c


@mistake(
    "lstm_step", law="test_value", diagnosis="The gates are stacked in the order i, f, g, o; this reads i, f, o, g."
)
def lstm_step_in_another_order(h, c, x, W_h, W_x, b):
    i, f, o, g = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mistake("lstm_step", law="test_memory_is_kept", diagnosis="Input and forget gate are swapped.")
def lstm_step_with_gates_swapped(h, c, x, W_h, W_x, b):
    f, i, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mistake("lstm_step", law="test_value", diagnosis="h_t shows the new cell, c_t; this shows the old one.")
def lstm_step_that_shows_the_old_cell(h, c, x, W_h, W_x, b):
    i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
    new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), new


@mistake("lstm_step", law="test_value", diagnosis="The cell goes through tanh before the output gate shows it.")
def lstm_step_without_the_last_tanh(h, c, x, W_h, W_x, b):
    i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * c, c


@mistake(
    "lstm_step", law="test_memory_is_replaced", diagnosis="The candidate is a tanh, not a gate: it may be negative."
)
def lstm_step_with_a_sigmoid_candidate(h, c, x, W_h, W_x, b):
    i, f, g, o = torch.sigmoid(h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
    c = f * c + i * g
    return o * torch.tanh(c), c


@mistake("lstm_step", law="test_cell_jacobian", diagnosis="The cell itself is squashed: c_t must stay as it is.")
def lstm_step_that_squashes_the_cell(h, c, x, W_h, W_x, b):
    i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
    c = torch.tanh(torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g))
    return torch.sigmoid(o) * c, c


@mistake("lstm_step", law="test_value", diagnosis="The result is the pair (h, c) in this order.")
def lstm_step_with_the_pair_swapped(h, c, x, W_h, W_x, b):
    i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return c, torch.sigmoid(o) * torch.tanh(c)


@mistake("lstm_step", law="test_value", diagnosis="The biases of the gates are missing.")
def lstm_step_without_biases(h, c, x, W_h, W_x, b):
    i, f, g, o = (h @ W_h.T + x @ W_x.T).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@mistake(
    "lstm_unroll", law="test_library", diagnosis="The cell is not carried: every step starts from the first cell again."
)
def lstm_unroll_without_carrying_the_cell(xs, h0, c0, W_h, W_x, b):
    h, c = h0, c0
    hs, cs, empty = [], [], h0.new_zeros(0, *h0.shape)
    for x in xs:
        i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c0 + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        cs.append(c)
    return (torch.stack(hs), torch.stack(cs)) if hs else (empty, empty)


@mistake(
    "lstm_unroll", law="test_value", diagnosis="The hidden state is not carried: the gates see the first one for ever."
)
def lstm_unroll_without_carrying_the_hidden_state(xs, h0, c0, W_h, W_x, b):
    h, c = h0, c0
    hs, cs, empty = [], [], h0.new_zeros(0, *h0.shape)
    for x in xs:
        i, f, g, o = (h0 @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        cs.append(c)
    return (torch.stack(hs), torch.stack(cs)) if hs else (empty, empty)


@mistake(
    "lstm_unroll", law="test_memory_is_carried", diagnosis="The initial states must be used: this starts from zeros."
)
def lstm_unroll_from_zeros(xs, h0, c0, W_h, W_x, b):
    h, c = torch.zeros_like(h0), torch.zeros_like(c0)
    hs, cs, empty = [], [], h0.new_zeros(0, *h0.shape)
    for x in xs:
        i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        cs.append(c)
    return (torch.stack(hs), torch.stack(cs)) if hs else (empty, empty)


@mistake(
    "lstm_unroll",
    law="test_memory_is_carried",
    diagnosis="The cell itself is squashed at every step: it must be carried as it is.",
)
def lstm_unroll_that_passes_the_cell_through_tanh(xs, h0, c0, W_h, W_x, b):
    h, c = h0, c0
    hs, cs, empty = [], [], h0.new_zeros(0, *h0.shape)
    for x in xs:
        i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
        c = torch.tanh(torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g))
        h = torch.sigmoid(o) * c
        hs.append(h)
        cs.append(c)
    return (torch.stack(hs), torch.stack(cs)) if hs else (empty, empty)


@mistake(
    "lstm_unroll",
    law="test_error_flow",
    diagnosis="Detaching the cell cuts the highway: no gradient reaches earlier times.",
)
def lstm_unroll_detached(xs, h0, c0, W_h, W_x, b):
    h, c = h0, c0
    hs, cs, empty = [], [], h0.new_zeros(0, *h0.shape)
    for x in xs:
        i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c.detach() + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        cs.append(c)
    return (torch.stack(hs), torch.stack(cs)) if hs else (empty, empty)


@mistake(
    "lstm_unroll", law="test_value", diagnosis="All cells are wanted, not only the last as torch.nn.LSTM returns it."
)
def lstm_unroll_to_the_last_cell(xs, h0, c0, W_h, W_x, b):
    h, c = h0, c0
    hs, cs, empty = [], [], h0.new_zeros(0, *h0.shape)
    for x in xs:
        i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        cs.append(c)
    return (torch.stack(hs), c) if hs else (empty, empty)


@mistake(
    "lstm_unroll",
    law="test_shape_and_dtype",
    diagnosis="The initial states are not part of the result: both start at time 1.",
)
def lstm_unroll_with_an_initial_cell_too_many(xs, h0, c0, W_h, W_x, b):
    h, c = h0, c0
    hs, cs = [], []
    for x in xs:
        i, f, g, o = (h @ W_h.T + x @ W_x.T + b).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
        cs.append(c)
    return torch.stack([h0, *hs]), torch.stack([c0, *cs])


@mistake("clip_gradient", law="test_joint", diagnosis="One norm for the whole list: this clips each tensor by its own.")
def clip_gradient_each_on_its_own(gradients, k):
    if k <= 0:
        raise ValueError("no bound")
    return [gradient * min(1.0, k / max(gradient.norm().item(), 1e-300)) for gradient in gradients]


@mistake("clip_gradient", law="test_direction", diagnosis="Clipping every entry bends the direction: scale the whole.")
def clip_gradient_by_value(gradients, k):
    if k <= 0:
        raise ValueError("no bound")
    return [gradient.clamp(-k, k) for gradient in gradients]


@mistake(
    "clip_gradient", law="test_untouched", diagnosis="Gradients below the bound are left alone, not scaled up to it."
)
def clip_gradient_that_scales_up(gradients, k):
    if k <= 0:
        raise ValueError("no bound")
    norm = sum(gradient.square().sum() for gradient in gradients).sqrt()
    return [gradient if norm == 0 else gradient * (k / norm) for gradient in gradients]


@mistake("clip_gradient", law="test_zero", diagnosis="A gradient of zero has norm 0: 0 · (k/0) is NaN.")
def clip_gradient_that_divides_by_zero(gradients, k):
    if k <= 0:
        raise ValueError("no bound")
    norm = sum(gradient.square().sum() for gradient in gradients).sqrt()
    scaled = [gradient * (k / norm) for gradient in gradients]
    return scaled if not norm <= k or norm == 0 else gradients


@mistake("clip_gradient", law="test_norm", diagnosis="The gradients are changed in place; the caller's must be kept.")
def clip_gradient_in_place(gradients, k):
    if k <= 0:
        raise ValueError("no bound")
    norm = torch.nn.utils.get_total_norm(gradients)
    if norm > k:
        for gradient in gradients:
            gradient.mul_(k / norm)
    return gradients


@mistake("clip_gradient", law="test_norm", diagnosis="The norm is the root of the sum of squares, not a sum of norms.")
def clip_gradient_by_the_sum_of_norms(gradients, k):
    if k <= 0:
        raise ValueError("no bound")
    norm = sum(gradient.abs().sum().item() for gradient in gradients)
    return [gradient if norm <= k else gradient * (k / norm) for gradient in gradients]


@mistake("clip_gradient", law="test_norm", diagnosis="Dividing by the norm makes it 1: the bound k is missing.")
def clip_gradient_to_one(gradients, k):
    if k <= 0:
        raise ValueError("no bound")
    norm = sum(gradient.square().sum().item() for gradient in gradients) ** 0.5
    return [gradient if norm <= k else gradient / norm for gradient in gradients]
