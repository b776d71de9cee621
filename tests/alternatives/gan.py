"""Other right answers to the exercises of generative adversarial networks."""

import math

import torch
import torch.nn.functional as F

from autograder.bank import alternative


@alternative("kl_divergence", "selecting the terms that count")
def kl_divergence_by_cases(p, q):
    if p.shape != q.shape:
        raise ValueError("p and q must have the same shape.")
    return torch.where(p > 0, p * torch.log(p / q), torch.zeros_like(p)).sum(dim=-1)


@alternative("kl_divergence", "cross-entropy minus entropy")
def kl_divergence_by_entropies(p, q):
    if p.shape != q.shape:
        raise ValueError("p and q must have the same shape.")
    return -torch.xlogy(p, q).sum(dim=-1) - torch.special.entr(p).sum(dim=-1)


@alternative("kl_divergence", "with SciPy", requires="scipy")
def kl_divergence_of_scipy(p, q):
    from scipy.special import rel_entr

    if p.shape != q.shape:
        raise ValueError("p and q must have the same shape.")
    return torch.as_tensor(rel_entr(p.numpy(), q.numpy()).sum(axis=-1), dtype=p.dtype)


@alternative("js_divergence", "as the entropy of the mean minus the mean of the entropies")
def js_divergence_by_entropies(p, q):
    if p.shape != q.shape:
        raise ValueError("p and q must have the same shape.")

    def entropy(r):
        return torch.special.entr(r).sum(dim=-1)

    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


@alternative("js_divergence", "two divergences to the mean")
def js_divergence_by_definition(p, q):
    if p.shape != q.shape:
        raise ValueError("p and q must have the same shape.")
    m = 0.5 * (p + q)
    terms = [torch.where(r > 0, r * torch.log(r / m), torch.zeros_like(r)) for r in (p, q)]
    return 0.5 * (terms[0] + terms[1]).sum(dim=-1)


@alternative("js_divergence", "with SciPy", requires="scipy")
def js_divergence_of_scipy(p, q):
    from scipy.spatial.distance import jensenshannon

    if p.shape != q.shape:
        raise ValueError("p and q must have the same shape.")
    if p.numel() == 0:
        return p.sum(dim=-1)
    distance = jensenshannon(p.double().numpy(), q.double().numpy(), axis=-1)
    return torch.as_tensor(distance, dtype=p.dtype) ** 2


@alternative("mixture_log_likelihood", "stacked log-sum-exp")
def mixture_log_likelihood_by_logsumexp(log_p, log_q, weight=0.01):
    if weight <= 0 or weight >= 1:
        raise ValueError("weight must lie strictly between 0 and 1.")
    return torch.logsumexp(torch.stack([log_p + math.log(weight), log_q + math.log(1 - weight)]), dim=0)


@alternative("mixture_log_likelihood", "the bound plus its excess")
def mixture_log_likelihood_above_the_bound(log_p, log_q, weight=0.01):
    if weight <= 0 or weight >= 1:
        raise ValueError("weight must lie strictly between 0 and 1.")
    return log_p + math.log(weight) + F.softplus(log_q - log_p + math.log(1 / weight - 1), threshold=40)


@alternative("mixture_log_likelihood", "dividing by the inverse", replaces="mixture_log_likelihood_bound")
def mixture_log_likelihood_bound_by_inverse(log_p, weight=0.01):
    if weight <= 0 or weight >= 1:
        raise ValueError("weight must lie strictly between 0 and 1.")
    return log_p - math.log(1 / weight)


@alternative("value_function", "masking points of probability zero")
def value_function_masked(discriminator, p_data, p_model):
    on_data, on_model = p_data > 0, p_model > 0
    first = (p_data * discriminator.log())[on_data].sum()
    return first + (p_model * torch.log1p(-discriminator))[on_model].sum()


@alternative("value_function", "in a loop")
def value_function_in_a_loop(discriminator, p_data, p_model):
    total = torch.zeros((), dtype=p_data.dtype)
    for d, p, q in zip(discriminator, p_data, p_model):
        if p > 0:
            total = total + p * torch.log(d)
        if q > 0:
            total = total + q * torch.log(1 - d)
    return total


@alternative("value_function", "leaving out what is not a number")
def value_function_by_nansum(discriminator, p_data, p_model):
    # Only 0 times minus infinity is not a number here, and it counts as 0.
    on_data, on_model = p_data * torch.log(discriminator), p_model * torch.log1p(-discriminator)
    return torch.nansum(on_data) + torch.nansum(on_model)


@alternative("estimated_value", "minus the cross-entropies")
def estimated_value_by_cross_entropy(discriminator, real, fake):
    on_real, on_fake = discriminator(real), discriminator(fake)
    ones = F.binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))
    return -ones - F.binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))


@alternative("estimated_value", "one pass over both batches")
def estimated_value_in_one_pass(discriminator, real, fake):
    logits = discriminator(torch.cat([real, fake]))
    on_real, on_fake = logits.split([len(real), len(fake)])
    return (
        -torch.logaddexp(torch.zeros_like(on_real), -on_real).mean()
        - torch.logaddexp(torch.zeros_like(on_fake), on_fake).mean()
    )


@alternative("estimated_value", "a softmax over the two classes")
def estimated_value_by_two_classes(discriminator, real, fake):
    def mean_log_probability(logits, label):
        classes = torch.stack([torch.zeros_like(logits), logits], dim=1)
        return torch.log_softmax(classes, dim=1)[:, label].mean()

    return mean_log_probability(discriminator(real), 1) + mean_log_probability(discriminator(fake), 0)


@alternative("optimal_discriminator", "dividing where it is possible")
def optimal_discriminator_where_possible(p_data, p_model):
    result = torch.full_like(p_data, 0.5)
    known = (p_data > 0) | (p_model > 0)
    result[known] = p_data[known] / (p_data[known] + p_model[known])
    return result


@alternative("optimal_discriminator", "the sigmoid of the log ratio")
def optimal_discriminator_by_sigmoid(p_data, p_model):
    logit = torch.log(p_data) - torch.log(p_model)
    return torch.sigmoid(torch.nan_to_num(logit, nan=0.0, posinf=math.inf, neginf=-math.inf))


@alternative("optimal_discriminator", "through the odds")
def optimal_discriminator_by_odds(p_data, p_model):
    return torch.nan_to_num(1 / (1 + p_model / p_data), nan=0.5)


@alternative("generator_criterion", "2 JS − log 4")
def generator_criterion_by_js(p_data, p_model):
    m = (p_data + p_model) / 2
    js = (torch.special.entr(m) - (torch.special.entr(p_data) + torch.special.entr(p_model)) / 2).sum()
    return 2 * js - math.log(4)


@alternative("generator_criterion", "the optimal discriminator put back")
def generator_criterion_by_discriminator(p_data, p_model):
    total = p_data + p_model
    safe = torch.where(total > 0, total, torch.ones_like(total))
    real, fake = p_data / safe, p_model / safe
    return torch.xlogy(p_data, real).sum() + torch.xlogy(p_model, fake).sum()


@alternative("generator_criterion", "with torch's divergence, where anything happens")
def generator_criterion_by_kl_div(p_data, p_model):
    occurs = p_data + p_model > 0
    p, q = p_data[occurs], p_model[occurs]
    log_mean = torch.log((p + q) / 2)
    divergences = F.kl_div(log_mean, p, reduction="sum") + F.kl_div(log_mean, q, reduction="sum")
    return divergences - math.log(4)


@alternative("train_on_simplex", "multiplying and normalising")
def train_on_simplex_by_multiplication(p_data, p_model, learning_rate, steps):
    if (p_model <= 0).any():
        raise ValueError("p_model must be positive everywhere.")
    history = [p_model.clone()]
    for _ in range(steps):
        p = history[-1]
        grown = p * ((p_data + p) / p) ** learning_rate
        history.append(grown / grown.sum())
    rows = torch.stack(history)
    total = p_data + rows
    values = torch.xlogy(p_data, p_data / total) + torch.xlogy(rows, rows / total)
    return rows, values.sum(dim=1)


@alternative("train_on_simplex", "differentiating V with D held fixed")
def train_on_simplex_by_autograd(p_data, p_model, learning_rate, steps):
    if p_model.min() <= 0:
        raise ValueError("p_model must be positive everywhere.")
    rows, values = torch.empty(steps + 1, len(p_model), dtype=p_model.dtype), []
    rows[0] = p_model
    for t in range(steps + 1):
        p = rows[t].clone().requires_grad_()
        with torch.no_grad():
            log_fake, real = torch.log(p) - torch.log(p_data + p), p_data / (p_data + p)
        value = torch.xlogy(p_data, real).sum() + (p * log_fake).sum()
        (slope,) = torch.autograd.grad(value, p)
        values.append(value.detach())
        if t < steps:
            rows[t + 1] = F.softmax(rows[t].log() - learning_rate * slope, dim=0)
    return rows, torch.stack(values)


@alternative("train_on_simplex", "in logarithms from beginning to end")
def train_on_simplex_in_logarithms(p_data, p_model, learning_rate, steps):
    if not bool(torch.all(p_model > 0)):
        raise ValueError("p_model must be positive everywhere.")
    log_data, log_model = torch.log(p_data), torch.log(p_model)
    rows, values = [], []
    for _ in range(steps + 1):
        log_total = torch.logaddexp(log_data, log_model)
        on_data = torch.where(p_data > 0, p_data * (log_data - log_total), 0.0)
        on_model = log_model.exp() * (log_model - log_total)
        rows.append(log_model.exp())
        values.append(on_data.sum() + on_model.sum())
        log_model = torch.log_softmax(log_model - learning_rate * (log_model - log_total), dim=0)
    return torch.stack(rows), torch.stack(values)


@alternative("saturating_loss", "with softplus")
def saturating_loss_by_softplus(fake_logits):
    return -F.softplus(fake_logits).mean()


@alternative("saturating_loss", "minus the cross-entropy of label 0")
def saturating_loss_by_cross_entropy(fake_logits):
    return -F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


@alternative("saturating_loss", "as a log-sum-exp, summed in a loop")
def saturating_loss_in_a_loop(fake_logits):
    total = 0
    for a in fake_logits:
        total = total - torch.logaddexp(torch.zeros_like(a), a)
    return total / len(fake_logits)


@alternative("non_saturating_loss", "with softplus")
def non_saturating_loss_by_softplus(fake_logits):
    return F.softplus(-fake_logits).mean()


@alternative("non_saturating_loss", "the cross-entropy of label 1")
def non_saturating_loss_by_cross_entropy(fake_logits):
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


@alternative("non_saturating_loss", "logit by logit, with a case for each sign")
def non_saturating_loss_by_cases(fake_logits):
    losses = []
    for a in fake_logits:
        losses.append(torch.log1p(torch.exp(-a)) if a > 0 else torch.log1p(torch.exp(a)) - a)
    return sum(losses) / len(losses)


@alternative("simultaneous_step", "with backward()")
def simultaneous_step_by_backward(value, discriminator, generator, learning_rate):
    d = discriminator.detach().clone().requires_grad_()
    g = generator.detach().clone().requires_grad_()
    value(d, g).backward()
    with torch.no_grad():
        return d + learning_rate * d.grad, g - learning_rate * g.grad


@alternative("simultaneous_step", "with two optimizers")
def simultaneous_step_by_optimizers(value, discriminator, generator, learning_rate):
    d = discriminator.detach().clone().requires_grad_()
    g = generator.detach().clone().requires_grad_()
    climb = torch.optim.SGD([d], lr=learning_rate, maximize=True)
    descend = torch.optim.SGD([g], lr=learning_rate)
    value(d, g).backward()
    climb.step()
    descend.step()
    return d.detach(), g.detach()


@alternative("simultaneous_step", "with autograd.functional")
def simultaneous_step_by_jacobian(value, discriminator, generator, learning_rate):
    old = (discriminator.detach(), generator.detach())
    slopes = torch.autograd.functional.jacobian(value, old)
    return tuple(player + sign * learning_rate * slope for player, slope, sign in zip(old, slopes, (1, -1)))


@alternative("unrolled_discriminator", "recursively")
def unrolled_discriminator_recursively(value, discriminator, generator, steps, learning_rate):
    if steps < 0:
        raise ValueError("steps must be 0 or more.")
    if steps == 0:
        return discriminator
    d = discriminator if discriminator.requires_grad else discriminator.detach().requires_grad_()
    climbed = d + learning_rate * torch.autograd.grad(value(d, generator), d, create_graph=True)[0]
    return unrolled_discriminator_recursively(value, climbed, generator, steps - 1, learning_rate)


@alternative("unrolled_discriminator", "adding up the steps")
def unrolled_discriminator_by_sum(value, discriminator, generator, steps, learning_rate):
    if steps < 0:
        raise ValueError("steps must be 0 or more.")
    start = discriminator + torch.zeros_like(discriminator, requires_grad=True)
    moved = torch.zeros_like(discriminator)
    for _ in range(steps):
        here = start + moved
        moved = moved + learning_rate * torch.autograd.grad(value(here, generator), here, create_graph=True)[0]
    return start + moved


@alternative("unrolled_discriminator", "with autograd.functional, one function after the other")
def unrolled_discriminator_by_jacobian(value, discriminator, generator, steps, learning_rate):
    if steps < 0:
        raise ValueError("steps must be 0 or more.")
    jacobian = torch.autograd.functional.jacobian

    def climb(d):
        return d + learning_rate * jacobian(lambda v: value(v, generator), d, create_graph=True)

    for _ in range(steps):
        discriminator = climb(discriminator)
    return discriminator


@alternative("wasserstein_1d", "matching repeated samples in order")
def wasserstein_1d_by_matching(x, y):
    if len(x) == 0 or len(y) == 0:
        raise ValueError("A sample is empty.")
    return (x.sort().values.repeat_interleave(len(y)) - y.sort().values.repeat_interleave(len(x))).abs().mean()


@alternative("wasserstein_1d", "moving mass from left to right")
def wasserstein_1d_by_moving_mass(x, y):
    if len(x) == 0 or len(y) == 0:
        raise ValueError("A sample is empty.")
    points, order = torch.cat([x, y]).sort()
    mass = torch.cat([torch.full_like(x, 1 / len(x)), torch.full_like(y, -1 / len(y))])[order].detach()
    carried = mass.cumsum(dim=0)[:-1].abs()
    return (carried * (points[1:] - points[:-1])).sum()


@alternative("wasserstein_1d", "by quantile functions")
def wasserstein_1d_by_quantiles(x, y):
    if len(x) == 0 or len(y) == 0:
        raise ValueError("A sample is empty.")
    n, m = len(x), len(y)
    levels = torch.cat([torch.arange(n + 1) * m, torch.arange(m + 1) * n]).unique()  # in units of 1 / (n·m)
    left, width = levels[:-1], levels.diff().to(x.dtype)
    gaps = x.sort().values[left // m] - y.sort().values[left // n]
    return (width * gaps.abs()).sum() / (n * m)


@alternative("critic_loss", "with sums")
def critic_loss_by_sums(real_scores, fake_scores):
    return fake_scores.sum() / fake_scores.numel() - real_scores.sum() / real_scores.numel()


@alternative("critic_loss", "as one weighted sum")
def critic_loss_by_weights(real_scores, fake_scores):
    shares = [torch.full_like(s, sign / len(s)) for s, sign in ((real_scores, -1), (fake_scores, 1))]
    return torch.cat(shares) @ torch.cat([real_scores, fake_scores])


@alternative("critic_loss", "over all pairs")
def critic_loss_over_pairs(real_scores, fake_scores):
    return torch.mean(fake_scores.unsqueeze(1) - real_scores.unsqueeze(0))


@alternative("gradient_penalty", "interpolating with lerp, in the caller's graph")
def gradient_penalty_by_lerp(critic, real, fake, noise):
    share = noise.view(len(noise), *([1] * (real.ndim - 1)))
    between = torch.lerp(fake, real, share.expand_as(real))
    between.requires_grad_(True)
    scores = critic(between)
    slope = torch.autograd.grad(scores, between, torch.ones_like(scores), create_graph=True)[0]
    norms = slope.reshape(len(real), -1).norm(2, dim=1)
    return torch.mean((norms - 1) ** 2)


@alternative("gradient_penalty", "one sample at a time")
def gradient_penalty_one_by_one(critic, real, fake, noise):
    penalties = []
    for x, y, u in zip(real, fake, noise):
        between = (u * x + (1 - u) * y).detach()[None].requires_grad_()
        slope = torch.autograd.grad(critic(between)[0], between, create_graph=True)[0]
        penalties.append((torch.sqrt((slope**2).sum() + 1e-20) - 1) ** 2)
    return torch.stack(penalties).mean()


@alternative("gradient_penalty", "the square multiplied out, with a root that is safe at 0")
def gradient_penalty_multiplied_out(critic, real, fake, noise):
    between = fake + torch.einsum("i,i...->i...", noise, real - fake)
    slope = torch.autograd.functional.jacobian(lambda x: critic(x).sum(), between, create_graph=True)
    squares = (slope * slope).sum(dim=tuple(range(1, slope.dim())))
    steep = squares > 0
    norms = torch.where(steep, torch.where(steep, squares, 1.0).sqrt(), 0.0)
    return (squares - 2 * norms + 1).mean()


@alternative("penalised_value", "with softplus, and a pass of its own for the penalty")
def penalised_value_by_softplus(discriminator, real, fake, weight):
    points = real.clone().detach().requires_grad_(True)
    slope = torch.autograd.grad(discriminator(points).sum(), points, create_graph=True)[0]
    penalty = slope.square().sum() / len(real)
    ordinary = -F.softplus(-discriminator(real)).mean() - F.softplus(discriminator(fake)).mean()
    return ordinary - weight * penalty


@alternative("penalised_value", "one real sample at a time")
def penalised_value_one_by_one(discriminator, real, fake, weight):
    terms = []
    for x in real:
        point = x.detach().clone()[None].requires_grad_()
        logit = discriminator(point)[0]
        slope = torch.autograd.grad(logit, point, create_graph=True)[0]
        terms.append(F.logsigmoid(logit) - weight * (slope * slope).sum())
    return torch.stack(terms).mean() + F.logsigmoid(-discriminator(fake)).mean()


@alternative("penalised_value", "one pass over both batches, with cross-entropies")
def penalised_value_in_one_pass(discriminator, real, fake, weight):
    m = real.shape[0]
    points = torch.cat([real, fake]).detach().requires_grad_()
    logits = discriminator(points)
    labels = torch.zeros_like(logits)
    labels[:m] = 1
    losses = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    slope = torch.autograd.grad(logits[:m].sum(), points, create_graph=True)[0][:m]
    penalties = torch.linalg.vector_norm(slope.reshape(m, -1), dim=1) ** 2
    return -(losses[:m] + weight * penalties).mean() - losses[m:].mean()


@alternative("mode_coverage", "in a loop")
def mode_coverage_in_a_loop(samples, modes, radius):
    covered, good = set(), 0
    for sample in samples.tolist():
        distances = [math.dist(sample, mode) for mode in modes.tolist()]
        if min(distances) <= radius:
            good += 1
            covered.add(distances.index(min(distances)))
    return len(covered), good / len(samples) if len(samples) else 0.0


@alternative("mode_coverage", "with cdist and a histogram")
def mode_coverage_by_histogram(samples, modes, radius):
    if samples.shape[0] == 0:
        return 0, 0.0
    distance, mode = torch.cdist(samples, modes).min(dim=1)
    counts = torch.bincount(mode[distance <= radius], minlength=len(modes))
    return int((counts > 0).sum()), float(counts.sum()) / len(samples)


@alternative("mode_coverage", "with cdist, the share in single precision")
def mode_coverage_in_single_precision(samples, modes, radius):
    if len(samples) == 0:
        return 0, 0.0
    distance, nearest = torch.cdist(samples, modes, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    good = distance <= radius
    return nearest[good].unique().numel(), good.float().mean().item()


@alternative("mode_coverage", "with a search tree", requires="scipy")
def mode_coverage_by_tree(samples, modes, radius):
    from scipy.spatial import KDTree

    if len(samples) == 0:
        return 0, 0.0
    distance, mode = KDTree(modes.numpy()).query(samples.numpy())
    near = distance <= radius
    return len(set(mode[near].tolist())), float(near.mean())
