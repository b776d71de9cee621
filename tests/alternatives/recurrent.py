"""Other right answers to the exercises of recurrent."""

import torch

from autograder.bank import alternative


@alternative("unroll", "with accumulate")
def unroll_by_accumulate(step, state, xs):
    import itertools

    return list(itertools.accumulate(xs, step, initial=state))[1:]


@alternative("unroll", "by indices")
def unroll_by_index(step, state, xs):
    states = [state]
    for t in range(xs.shape[0]):
        states.append(step(states[t], xs[t]))
    return states[1:]


@alternative("unroll", "recursive")
def unroll_recursively(step, state, xs):
    if len(xs) == 0:
        return []
    state = step(state, xs[0])
    return [state, *unroll_recursively(step, state, xs[1:])]


@alternative("elman_step", "with torch.nn.functional.linear")
def elman_step_by_linear(h, x, W_h, W_x, b):
    linear = torch.nn.functional.linear
    return linear(h, W_h).add(linear(x, W_x, b)).tanh()


@alternative("elman_step", "as one matrix times [h, x]")
def elman_step_of_the_joined_vector(h, x, W_h, W_x, b):
    return torch.tanh(torch.cat([h, x], dim=-1) @ torch.cat([W_h, W_x], dim=1).mT + b)


@alternative("elman_step", "with einsum")
def elman_step_by_einsum(h, x, W_h, W_x, b):
    return torch.tanh(torch.einsum("ij,...j->...i", W_h, h) + torch.einsum("ij,...j->...i", W_x, x) + b)


@alternative("elman_step", "with torch.nn.RNNCell")
def elman_step_of_torch(h, x, W_h, W_x, b):
    m, n = W_x.shape
    cell = torch.nn.RNNCell(n, m, dtype=h.dtype)
    weights = {"weight_hh": W_h, "weight_ih": W_x, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    flat = (x.reshape(x.shape[:-1].numel(), n), h.reshape(h.shape[:-1].numel(), m))
    return torch.func.functional_call(cell, weights, flat).reshape(h.shape)


@alternative("elman_unroll", "the inputs multiplied at once, the states stacked")
def elman_unroll_with_inputs_first(xs, h0, W_h, W_x, b):
    drive = xs @ W_x.T + b
    hs = [h0]
    for row in drive:
        hs.append(torch.tanh(hs[-1] @ W_h.T + row))
    return torch.stack(hs)[1:]


@alternative("elman_unroll", "with torch.nn.RNN")
def elman_unroll_of_torch(xs, h0, W_h, W_x, b):
    m, n = W_x.shape
    if len(xs) == 0:
        return torch.empty(0, *h0.shape, dtype=h0.dtype)
    network = torch.nn.RNN(n, m, dtype=xs.dtype)
    weights = {"weight_hh_l0": W_h, "weight_ih_l0": W_x, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    batch = h0.shape[:-1].numel()
    hs, _ = torch.func.functional_call(network, weights, (xs.reshape(len(xs), batch, n), h0.reshape(1, batch, m)))
    return hs.reshape(len(xs), *h0.shape)


@alternative("elman_unroll", "filling a tensor")
def elman_unroll_into_a_tensor(xs, h0, W_h, W_x, b):
    hs = torch.zeros(xs.shape[0], *h0.shape, dtype=h0.dtype)
    h = h0
    for t in range(xs.shape[0]):
        h = torch.tanh(torch.matmul(h, W_h.T) + torch.matmul(xs[t], W_x.T) + b)
        hs[t] = h
    return hs


@alternative("immediate_jacobian", "entry by entry")
def immediate_jacobian_by_loops(h_previous, h):
    m = len(h)
    result = torch.zeros(m, m, m, dtype=h.dtype)
    for i in range(m):
        result[i, i] = (1 - h[i] ** 2) * h_previous
    return result


@alternative("immediate_jacobian", "with einsum")
def immediate_jacobian_by_einsum(h_previous, h):
    return torch.einsum("i,ia,b->iab", 1 - h**2, torch.eye(len(h), dtype=h.dtype), h_previous)


@alternative("immediate_jacobian", "with autograd")
def immediate_jacobian_by_autograd(h_previous, h):
    start = torch.zeros(len(h), len(h), dtype=h.dtype)
    rest = torch.atanh(h.double()).to(h.dtype)
    return torch.autograd.functional.jacobian(lambda W: torch.tanh(rest + W @ h_previous), start)


@alternative("state_jacobian", "from the left, backwards in time")
def state_jacobian_backwards(hs, W_h, t, k):
    if k < 0 or k > t or t >= hs.shape[0]:
        raise ValueError("the times must satisfy 0 <= k <= t <= T")
    product = torch.eye(W_h.shape[0], dtype=W_h.dtype)
    for i in range(t, k, -1):
        product = product @ torch.diag(1 - hs[i].square()) @ W_h
    return product


@alternative("state_jacobian", "recursive")
def state_jacobian_recursively(hs, W_h, t, k):
    if not 0 <= k <= t <= len(hs) - 1:
        raise ValueError("the times must satisfy 0 <= k <= t <= T")
    if t == k:
        return torch.eye(len(W_h), dtype=W_h.dtype)
    return (1 - hs[t] ** 2).unsqueeze(1) * (W_h @ state_jacobian_recursively(hs, W_h, t - 1, k))


@alternative("state_jacobian", "with multi_dot")
def state_jacobian_by_multi_dot(hs, W_h, t, k):
    if k not in range(len(hs)) or t not in range(k, len(hs)):
        raise ValueError("the times must satisfy 0 <= k <= t <= T")
    factors = [torch.diag(1 - hs[i] ** 2) @ W_h for i in range(t, k, -1)]
    identity = torch.eye(len(W_h), dtype=W_h.dtype)
    return torch.linalg.multi_dot([*factors, identity]) if factors else identity


@alternative("jacobian_norm_bound", "with the singular values")
def jacobian_norm_bound_by_svd(W_h, lag, slope=1.0):
    if lag < 0:
        raise ValueError("negative lag")
    return torch.linalg.svdvals(slope * W_h).max() ** lag


@alternative("jacobian_norm_bound", "through the eigenvalues of WᵀW")
def jacobian_norm_bound_by_gram(W_h, lag, slope=1.0):
    if lag < 0:
        raise ValueError("negative lag")
    largest = torch.linalg.eigvalsh(W_h.T @ W_h)[-1].item()
    return slope**lag * largest ** (lag / 2)


@alternative("jacobian_norm_bound", "with SciPy", requires="scipy")
def jacobian_norm_bound_of_scipy(W_h, lag, slope=1.0):
    from scipy.linalg import svdvals

    if lag < 0:
        raise ValueError("negative lag")
    return float((slope * svdvals(W_h.numpy())[0]) ** lag)


@alternative("bptt_terms", "by the formula, term for term")
def bptt_terms_by_the_formula(gradient, hs, W_h):
    t, m = len(hs) - 1, len(gradient)
    terms = []
    for k in range(1, t + 1):
        travelled = torch.eye(m, dtype=hs.dtype)
        for i in range(k + 1, t + 1):
            travelled = torch.diag(1 - hs[i] ** 2) @ W_h @ travelled
        immediate = torch.diag(1 - hs[k] ** 2)[:, :, None] * hs[k - 1]
        terms.append(torch.einsum("j,ji,iab->ab", gradient, travelled, immediate))
    return torch.stack(terms)


@alternative("bptt_terms", "with autograd and a copy of the matrix for every time")
def bptt_terms_by_autograd(gradient, hs, W_h):
    copies = W_h.expand(len(hs) - 1, *W_h.shape).clone().requires_grad_()
    h = hs[0]
    for k in range(1, len(hs)):
        # The states are given, so the rest of the tanh's argument is what makes h_k come out.
        a = W_h @ h.detach()
        value = hs[k]
        linear = copies[k - 1] @ h
        h = value + (1 - value**2) * (linear - a)
    (result,) = torch.autograd.grad(gradient @ h, copies)
    return result


@alternative("bptt_terms", "all terms in one outer product")
def bptt_terms_at_once(gradient, hs, W_h):
    t = hs.shape[0] - 1
    deltas = torch.empty(t, hs.shape[1], dtype=hs.dtype)
    back = gradient
    for k in reversed(range(t)):
        deltas[k] = (1 + hs[k + 1]) * (1 - hs[k + 1]) * back
        back = deltas[k] @ W_h
    return deltas.unsqueeze(2) * hs[:-1].unsqueeze(1)


@alternative("bptt", "with autograd")
def bptt_by_autograd(xs, targets, h0, params):
    leaves = {name: value.clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for x, y in zip(xs, targets):
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2
    loss.backward()
    return {name: leaf.grad for name, leaf in leaves.items()}


@alternative("bptt", "the products over time as matrix products")
def bptt_with_stacked_times(xs, targets, h0, params):
    states = [h0]
    for x in xs:
        states.append(torch.tanh(params["W_h"] @ states[-1] + params["W_x"] @ x + params["b"]))
    hs = torch.stack(states)
    errors = hs[1:] @ params["W_y"].T + params["b_y"] - targets
    deltas, back = [], torch.zeros_like(h0)
    for h, error in zip(reversed(hs[1:]), reversed(errors)):
        deltas.append((1 - h * h) * (error @ params["W_y"] + back))
        back = deltas[-1] @ params["W_h"]
    delta = torch.stack(deltas[::-1])
    return {
        "W_h": delta.T @ hs[:-1],
        "W_x": delta.T @ xs,
        "b": delta.sum(0),
        "W_y": errors.T @ hs[1:],
        "b_y": errors.sum(0),
        "h0": back,
    }


@alternative("bptt", "by autograd, in a defaultdict")
def bptt_in_a_defaultdict(xs, targets, h0, params):
    from collections import defaultdict

    leaves = {name: value.detach().clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0
    for x, target in zip(xs, targets):
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + 0.5 * (leaves["W_y"] @ h + leaves["b_y"] - target).square().sum()
    gradients = defaultdict(float)
    for name, gradient in zip(leaves, torch.autograd.grad(loss, list(leaves.values()))):
        gradients[name] += gradient
    return gradients


@alternative("bptt", "with torch.nn.RNN and torch.nn.Linear")
def bptt_of_torch_modules(xs, targets, h0, params):
    m, n = params["W_x"].shape
    network = torch.nn.RNN(n, m, dtype=xs.dtype)
    readout = torch.nn.Linear(m, len(params["b_y"]), dtype=xs.dtype)
    with torch.no_grad():
        network.weight_hh_l0.copy_(params["W_h"])
        network.weight_ih_l0.copy_(params["W_x"])
        network.bias_ih_l0.copy_(params["b"])
        network.bias_hh_l0.zero_()
        readout.weight.copy_(params["W_y"])
        readout.bias.copy_(params["b_y"])
    start = h0.clone().requires_grad_()
    hs, _ = network(xs, start[None])
    (0.5 * torch.nn.functional.mse_loss(readout(hs), targets, reduction="sum")).backward()
    return {
        "W_h": network.weight_hh_l0.grad,
        "W_x": network.weight_ih_l0.grad,
        "b": network.bias_ih_l0.grad,
        "W_y": readout.weight.grad,
        "b_y": readout.bias.grad,
        "h0": start.grad,
    }


@alternative("truncated_bptt", "with autograd, one backward pass per window")
def truncated_bptt_by_windows(xs, targets, h0, params, window):
    if window < 1:
        raise ValueError("a window has at least one step")
    leaves = {name: value.clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h = leaves["h0"]
    for x_part, y_part in zip(xs.split(window), targets.split(window)):
        loss = 0.0
        for x, y in zip(x_part, y_part):
            h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
            loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2
        loss.backward()
        h = h.detach()
    return {name: leaf.grad for name, leaf in leaves.items()}


@alternative("truncated_bptt", "every loss on its own, back to the start of its window")
def truncated_bptt_loss_by_loss(xs, targets, h0, params, window):
    if window < 1:
        raise ValueError("a window has at least one step")
    W_h, W_x, b, W_y, b_y = (params[name] for name in ("W_h", "W_x", "b", "W_y", "b_y"))
    hs = [h0]
    for x in xs:
        hs.append(torch.tanh(W_h @ hs[-1] + W_x @ x + b))
    total = {name: torch.zeros_like(value) for name, value in {**params, "h0": h0}.items()}
    for t in range(1, len(hs)):
        error = W_y @ hs[t] + b_y - targets[t - 1]
        total["W_y"] += torch.outer(error, hs[t])
        total["b_y"] += error
        back = error @ W_y
        first = (t - 1) // window * window  # the state that enters the window of time t
        for k in range(t, first, -1):
            delta = back * (1 - hs[k] ** 2)
            total["W_h"] += torch.outer(delta, hs[k - 1])
            total["W_x"] += torch.outer(delta, xs[k - 1])
            total["b"] += delta
            back = delta @ W_h
        if first == 0:
            total["h0"] += back
    return total


@alternative("truncated_bptt", "all windows at once, as a batch")
def truncated_bptt_as_a_batch(xs, targets, h0, params, window):
    if window <= 0:
        raise ValueError("a window has at least one step")
    time, m = len(xs), len(h0)
    states = [h0]
    for drive in xs @ params["W_x"].T + params["b"]:
        states.append(torch.tanh(params["W_h"] @ states[-1] + drive))
    hs = torch.stack(states)
    errors = hs[1:] @ params["W_y"].T + params["b_y"] - targets
    window = min(window, time)
    count = (time + window - 1) // window
    # One row per window; the places after the end of the last one stay zero.
    direct, slopes = torch.zeros(2, count * window, m, dtype=h0.dtype)
    direct[:time], slopes[:time] = errors @ params["W_y"], 1 - hs[1:] ** 2
    direct, slopes = direct.view(count, window, m), slopes.view(count, window, m)
    deltas, back = torch.zeros_like(direct), torch.zeros(count, m, dtype=h0.dtype)
    for place in range(window - 1, -1, -1):
        deltas[:, place] = slopes[:, place] * (direct[:, place] + back)
        back = deltas[:, place] @ params["W_h"]
    delta = deltas.flatten(0, 1)[:time]
    gradients = {"W_h": delta.T @ hs[:-1], "W_x": delta.T @ xs, "b": delta.sum(dim=0), "h0": back[0]}
    return gradients | {"W_y": errors.T @ hs[1:], "b_y": errors.sum(dim=0)}


@alternative("gradient_norms", "with matrix products of everything so far")
def gradient_norms_by_products(gradient, jacobians):
    product = torch.eye(len(gradient), dtype=gradient.dtype)
    norms = [torch.linalg.vector_norm(gradient)]
    for t in range(len(jacobians) - 1, -1, -1):
        product = product @ jacobians[t]
        norms.append(torch.linalg.vector_norm(gradient @ product))
    return torch.stack(norms)


@alternative("gradient_norms", "with autograd")
def gradient_norms_by_autograd(gradient, jacobians):
    state = torch.zeros_like(gradient).requires_grad_()
    states = [state]
    for matrix in jacobians:
        states.append(matrix @ states[-1])
    found = torch.autograd.grad(states[-1], states, gradient)
    return torch.stack([g.square().sum().sqrt() for g in found[::-1]])


@alternative("gradient_norms", "with NumPy")
def gradient_norms_of_numpy(gradient, jacobians):
    import numpy as np

    rows = [gradient.numpy()]
    for matrix in jacobians.numpy()[::-1]:
        rows.append(matrix.T @ rows[-1])
    return torch.from_numpy(np.linalg.norm(np.stack(rows), axis=1))


@alternative("leaky_step", "as a step towards the proposal")
def leaky_step_as_a_correction(h, x, W_h, W_x, b, alpha):
    if alpha < 0 or alpha > 1:
        raise ValueError("alpha is a share")
    return h + (1 - alpha) * (torch.tanh(h @ W_h.T + x @ W_x.T + b) - h)


@alternative("leaky_step", "with lerp")
def leaky_step_by_lerp(h, x, W_h, W_x, b, alpha):
    if not 0.0 <= alpha <= 1.0:
        raise ValueError("alpha is a share")
    linear = torch.nn.functional.linear
    return torch.lerp(torch.tanh(linear(h, W_h) + linear(x, W_x, b)), h, alpha)


@alternative("leaky_step", "one unit at a time")
def leaky_step_unit_by_unit(h, x, W_h, W_x, b, alpha):
    if alpha < 0:
        raise ValueError("alpha is negative")
    if alpha > 1:
        raise ValueError("alpha is more than 1")
    units = []
    for i in range(len(b)):
        proposal = torch.tanh((W_h[i] * h).sum(dim=-1) + (W_x[i] * x).sum(dim=-1) + b[i])
        units.append(alpha * h[..., i] + (1 - alpha) * proposal)
    return torch.stack(units, dim=-1)


@alternative("leaky_jacobian", "with diagonal matrices")
def leaky_jacobian_by_diagonals(proposal, W_h, alpha):
    m = proposal.shape[0]
    slopes = torch.diag((1 - proposal) * (1 + proposal))
    return torch.diag(torch.full((m,), alpha, dtype=W_h.dtype)) + (1 - alpha) * slopes @ W_h


@alternative("leaky_jacobian", "adding to the diagonal")
def leaky_jacobian_on_the_diagonal(proposal, W_h, alpha):
    result = torch.einsum("i,ij->ij", (1 - alpha) * (1 - proposal**2), W_h)
    result.diagonal().add_(alpha)
    return result


@alternative("leaky_jacobian", "entry by entry")
def leaky_jacobian_by_loops(proposal, W_h, alpha):
    result = torch.zeros_like(W_h)
    for i in range(W_h.shape[0]):
        for j in range(W_h.shape[1]):
            straight = alpha if i == j else 0.0
            result[i, j] = straight + (1 - alpha) * (1 - proposal[i] ** 2) * W_h[i, j]
    return result


@alternative("lstm_step", "with torch.nn.LSTMCell")
def lstm_step_of_torch(h, c, x, W_h, W_x, b):
    m, n = h.shape[-1], x.shape[-1]
    cell = torch.nn.LSTMCell(n, m, dtype=h.dtype)
    weights = {"weight_hh": W_h, "weight_ih": W_x, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    size = h.shape[:-1].numel()
    states = (h.reshape(size, m), c.reshape(size, m))
    new_h, new_c = torch.func.functional_call(cell, weights, (x.reshape(size, n), states))
    return new_h.reshape(h.shape), new_c.reshape(c.shape)


@alternative("lstm_step", "one gate at a time, on the joined vector")
def lstm_step_gate_by_gate(h, c, x, W_h, W_x, b):
    m = h.shape[-1]
    joined = torch.cat([h, x], dim=-1)
    W = torch.cat([W_h, W_x], dim=1)

    def affine(place):
        rows = slice(place * m, (place + 1) * m)
        return joined @ W[rows].T + b[rows]

    new_c = torch.sigmoid(affine(1)) * c + torch.sigmoid(affine(0)) * torch.tanh(affine(2))
    new_h = torch.sigmoid(affine(3)) * torch.tanh(new_c)
    return new_h, new_c


@alternative("lstm_step", "the sigmoids through tanh, the gates as an axis")
def lstm_step_through_tanh(h, c, x, W_h, W_x, b):
    a = (h @ W_h.T + x @ W_x.T + b).unflatten(-1, (4, h.shape[-1]))
    gate = 0.5 + 0.5 * torch.tanh(a / 2)
    new_c = gate[..., 1, :] * c + gate[..., 0, :] * torch.tanh(a[..., 2, :])
    return [gate[..., 3, :] * torch.tanh(new_c), new_c]


@alternative("lstm_unroll", "with torch.nn.LSTMCell")
def lstm_unroll_of_torch(xs, h0, c0, W_h, W_x, b):
    m, n = h0.shape[-1], xs.shape[-1]
    cell = torch.nn.LSTMCell(n, m, dtype=h0.dtype)
    weights = {"weight_hh": W_h, "weight_ih": W_x, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    size = h0.shape[:-1].numel()
    states = [(h0.reshape(size, m), c0.reshape(size, m))]
    for x in xs:
        states.append(torch.func.functional_call(cell, weights, (x.reshape(size, n), states[-1])))
    return tuple(torch.stack(parts)[1:].reshape(len(xs), *h0.shape) for parts in zip(*states))


@alternative("lstm_unroll", "with torch.nn.LSTM, one step at a time for the cells")
def lstm_unroll_of_the_torch_network(xs, h0, c0, W_h, W_x, b):
    m, n = h0.shape[-1], xs.shape[-1]
    network = torch.nn.LSTM(n, m, dtype=h0.dtype)
    weights = {"weight_hh_l0": W_h, "weight_ih_l0": W_x, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    size = h0.shape[:-1].numel()
    hs, cs = [h0.reshape(1, size, m)], [c0.reshape(1, size, m)]
    for x in xs:
        _, (h, c) = torch.func.functional_call(network, weights, (x.reshape(1, size, n), (hs[-1], cs[-1])))
        hs.append(h)
        cs.append(c)
    return tuple(torch.cat(parts)[1:].reshape(len(xs), *h0.shape) for parts in (hs, cs))


@alternative("lstm_unroll", "the inputs multiplied at once, one gate at a time")
def lstm_unroll_with_inputs_first(xs, h0, c0, W_h, W_x, b):
    m = h0.shape[-1]
    drive = xs @ W_x.T + b
    hs, cs = [h0], [c0]
    for row in drive:
        a = row + hs[-1] @ W_h.T
        write = a[..., :m].sigmoid() * a[..., 2 * m : 3 * m].tanh()
        cs.append(write + a[..., m : 2 * m].sigmoid() * cs[-1])
        hs.append(a[..., 3 * m :].sigmoid() * cs[-1].tanh())
    return torch.stack(hs)[1:], torch.stack(cs)[1:]


@alternative("clip_gradient", "with torch.nn.utils")
def clip_gradient_of_torch(gradients, k):
    if k <= 0:
        raise ValueError("the bound must be positive")
    parameters = []
    for gradient in gradients:
        parameters.append(torch.nn.Parameter(torch.zeros_like(gradient)))
        parameters[-1].grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_(parameters, k)
    return [parameter.grad for parameter in parameters]


@alternative("clip_gradient", "through one long vector")
def clip_gradient_flattened(gradients, k):
    if k <= 0:
        raise ValueError("the bound must be positive")
    norm = torch.cat([gradient.reshape(-1) for gradient in gradients]).norm()
    factor = torch.clamp(k / norm, max=1.0) if norm > 0 else 1.0
    return [gradient * factor for gradient in gradients]


@alternative("clip_gradient", "with a minimum")
def clip_gradient_by_minimum(gradients, k):
    if not k > 0:
        raise ValueError("the bound must be positive")
    norm = sum(float((gradient**2).sum()) for gradient in gradients) ** 0.5
    return [gradient * min(1.0, k / norm) if norm else gradient.clone() for gradient in gradients]
