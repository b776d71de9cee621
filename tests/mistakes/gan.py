"""Wrong answers that students give to the exercises of generative adversarial networks, and what each gets wrong."""

import math

import torch
import torch.nn.functional as F

from autograder.bank import mistake


@mistake("kl_divergence", law="test_zeros", diagnosis="0 · log 0 is 0 · (−∞), a NaN: terms with p = 0 must count as 0.")
def kl_divergence_with_nan(p, q):
    if p.shape != q.shape:
        raise ValueError("The shapes differ.")
    return (p * (p.log() - q.log())).sum(dim=-1)


@mistake("kl_divergence", law="test_value", diagnosis="The arguments are exchanged: this is KL(q‖p).")
def kl_divergence_exchanged(p, q):
    if p.shape != q.shape:
        raise ValueError("The shapes differ.")
    return (torch.xlogy(q, q) - torch.xlogy(q, p)).sum(dim=-1)


@mistake("kl_divergence", law="test_value", diagnosis="This is the cross-entropy: the entropy of p is not subtracted.")
def kl_divergence_as_cross_entropy(p, q):
    if p.shape != q.shape:
        raise ValueError("The shapes differ.")
    return -torch.xlogy(p, q).sum(dim=-1)


@mistake("kl_divergence", law="test_batch_and_dtype", diagnosis="The whole batch is summed; only the last axis is.")
def kl_divergence_of_the_whole_batch(p, q):
    if p.shape != q.shape:
        raise ValueError("The shapes differ.")
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


@mistake(
    "kl_divergence", law="test_zeros", diagnosis="A constant added inside the logarithm hides that KL is infinite."
)
def kl_divergence_with_epsilon(p, q):
    if p.shape != q.shape:
        raise ValueError("The shapes differ.")
    return (p * torch.log((p + 1e-12) / (q + 1e-12))).sum(dim=-1)


@mistake("js_divergence", law="test_value", diagnosis="The factor ½ is missing: it would reach 2 log 2.")
def js_divergence_without_the_half(p, q):
    if p.shape != q.shape:
        raise ValueError("The shapes differ.")
    m = (p + q) / 2
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(m, m)).sum(dim=-1)


@mistake(
    "js_divergence", law="test_disjoint_supports", diagnosis="This is ½ KL(p‖q) + ½ KL(q‖p), infinite where it matters."
)
def js_divergence_without_the_mean(p, q):
    if p.shape != q.shape:
        raise ValueError("The shapes differ.")
    both = torch.xlogy(p, p) - torch.xlogy(p, q) + torch.xlogy(q, q) - torch.xlogy(q, p)
    return both.sum(dim=-1) / 2


@mistake(
    "js_divergence", law="test_value", diagnosis="The square root is the Jensen–Shannon distance, not the divergence."
)
def js_divergence_as_a_distance(p, q):
    if p.shape != q.shape:
        raise ValueError("The shapes differ.")
    m = (p + q) / 2
    squared = (torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(m, m)).sum(dim=-1) / 2
    return squared.clamp(min=0).sqrt()


@mistake(
    "js_divergence", law="test_disjoint_supports", diagnosis="In base 2 the bound is 1; here logarithms are natural."
)
def js_divergence_in_bits(p, q):
    if p.shape != q.shape:
        raise ValueError("The shapes differ.")
    m = (p + q) / 2
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(m, m)).sum(dim=-1) / 2 / math.log(2)


@mistake(
    "mixture_log_likelihood", law="test_extremes", diagnosis="e^(−100000) is 0 in floating point, and log 0 is −∞."
)
def mixture_log_likelihood_that_underflows(log_p, log_q, weight=0.01):
    if not 0 < weight < 1:
        raise ValueError("The weight must lie between 0 and 1.")
    return torch.log(weight * log_p.exp() + (1 - weight) * log_q.exp())


@mistake(
    "mixture_log_likelihood",
    law="test_value",
    diagnosis="Logarithms were averaged: that is not the log of the average.",
)
def mixture_log_likelihood_of_logarithms(log_p, log_q, weight=0.01):
    if not 0 < weight < 1:
        raise ValueError("The weight must lie between 0 and 1.")
    return weight * log_p + (1 - weight) * log_q


@mistake("mixture_log_likelihood", law="test_value", diagnosis="The weights are exchanged: `weight` belongs to p.")
def mixture_log_likelihood_with_exchanged_weights(log_p, log_q, weight=0.01):
    if not 0 < weight < 1:
        raise ValueError("The weight must lie between 0 and 1.")
    return torch.logaddexp(log_p + math.log1p(-weight), log_q + math.log(weight))


@mistake(
    "mixture_log_likelihood",
    law="test_extremes",
    diagnosis="The ratio q/p overflows where p is far smaller than q: add logarithms with logaddexp.",
)
def mixture_log_likelihood_by_the_ratio(log_p, log_q, weight=0.01):
    if not 0 < weight < 1:
        raise ValueError("weight")
    return log_p + torch.log(weight + (1 - weight) * torch.exp(log_q - log_p))


@mistake(
    "mixture_log_likelihood",
    law="test_bound",
    replaces="mixture_log_likelihood_bound",
    diagnosis="The weight is a factor of p: inside the logarithm it becomes a summand, not a factor.",
)
def mixture_log_likelihood_bound_with_a_factor(log_p, weight=0.01):
    if not 0 < weight < 1:
        raise ValueError("The weight must lie between 0 and 1.")
    return weight * log_p


@mistake(
    "value_function", law="test_certainty", diagnosis="0 · log 0 is NaN: a point of probability 0 must count as 0."
)
def value_function_with_nan(discriminator, p_data, p_model):
    return (p_data * discriminator.log() + p_model * (1 - discriminator).log()).sum()


@mistake("value_function", law="test_value", diagnosis="The sign is that of the cross-entropy; V is what D maximises.")
def value_function_as_a_loss(discriminator, p_data, p_model):
    return -(torch.xlogy(p_data, discriminator) + torch.xlogy(p_model, 1 - discriminator)).sum()


@mistake("value_function", law="test_value", diagnosis="Generated samples need log(1 − D), not log D.")
def value_function_with_log_d_twice(discriminator, p_data, p_model):
    return (torch.xlogy(p_data, discriminator) + torch.xlogy(p_model, discriminator)).sum()


@mistake(
    "value_function", law="test_guessing", diagnosis="An expectation weighs with the probability; this averages too."
)
def value_function_averaged(discriminator, p_data, p_model):
    return (torch.xlogy(p_data, discriminator) + torch.xlogy(p_model, 1 - discriminator)).mean()


@mistake("estimated_value", law="test_extremes", diagnosis="σ of a large logit rounds to 1, and log(1 − 1) is −∞.")
def estimated_value_through_probabilities(discriminator, real, fake):
    on_real, on_fake = torch.sigmoid(discriminator(real)), torch.sigmoid(discriminator(fake))
    return on_real.log().mean() + (1 - on_fake).log().mean()


@mistake("estimated_value", law="test_minus_cross_entropy", diagnosis="log(1 − σ(a)) is log σ(−a), not 1 − log σ(a).")
def estimated_value_with_the_one_outside(discriminator, real, fake):
    return F.logsigmoid(discriminator(real)).mean() + (1 - F.logsigmoid(discriminator(fake))).mean()


@mistake(
    "estimated_value", law="test_exact_from_counts", diagnosis="Each batch needs its own mean when their sizes differ."
)
def estimated_value_with_one_mean(discriminator, real, fake):
    terms = torch.cat([F.logsigmoid(discriminator(real)), F.logsigmoid(-discriminator(fake))])
    return 2 * terms.mean()


@mistake(
    "estimated_value", law="test_gradient_reaches_the_samples", diagnosis="detach() cuts the generator's gradient off."
)
def estimated_value_detached(discriminator, real, fake):
    return F.logsigmoid(discriminator(real)).mean() + F.logsigmoid(-discriminator(fake.detach())).mean()


@mistake("optimal_discriminator", law="test_value", diagnosis="p / p + q was read without brackets: divide by (p + q).")
def optimal_discriminator_without_brackets(p_data, p_model):
    return p_data / p_data + p_model


@mistake("optimal_discriminator", law="test_value", diagnosis="This is the probability of being generated: 1 − D*.")
def optimal_discriminator_of_fakes(p_data, p_model):
    total = p_data + p_model
    return torch.where(total > 0, p_model / total, torch.full_like(total, 0.5))


@mistake("optimal_discriminator", law="test_zeros", diagnosis="Where both densities are 0 this is 0 / 0, a NaN.")
def optimal_discriminator_with_nan(p_data, p_model):
    return p_data / (p_data + p_model)


@mistake("optimal_discriminator", law="test_value", diagnosis="This is the density ratio; D* is ratio / (1 + ratio).")
def optimal_discriminator_as_a_ratio(p_data, p_model):
    return torch.where(p_model > 0, p_data / p_model, torch.full_like(p_model, 0.5))


@mistake(
    "optimal_discriminator", law="test_shape_and_dtype", diagnosis="The constant added below biases small densities."
)
def optimal_discriminator_with_epsilon(p_data, p_model):
    total = p_data + p_model
    return torch.where(total > 0, p_data / (total + 1e-30), torch.full_like(total, 0.5))


@mistake("generator_criterion", law="test_disjoint_supports", diagnosis="0 · log 0 is NaN: zeros must count as 0.")
def generator_criterion_with_nan(p_data, p_model):
    d = p_data / (p_data + p_model)
    return (p_data * d.log() + p_model * (1 - d).log()).sum()


@mistake("generator_criterion", law="test_minimum", diagnosis="The constant −log 4 is missing: this is 2 JS.")
def generator_criterion_without_log_4(p_data, p_model):
    middle = (p_data + p_model) / 2
    entropies = torch.xlogy(p_data, p_data) + torch.xlogy(p_model, p_model)
    return (entropies - 2 * torch.xlogy(middle, middle)).sum()


@mistake("generator_criterion", law="test_jensen_shannon", diagnosis="JS appears with the factor 2.")
def generator_criterion_with_one_js(p_data, p_model):
    middle = (p_data + p_model) / 2
    entropies = torch.xlogy(p_data, p_data) + torch.xlogy(p_model, p_model)
    return (entropies - 2 * torch.xlogy(middle, middle)).sum() / 2 - math.log(4)


@mistake(
    "generator_criterion",
    law="test_zeros",
    diagnosis="1 − D* rounds to 0 where the model's probability is tiny, and its logarithm to −∞.",
)
def generator_criterion_by_one_minus_d(p_data, p_model):
    best = torch.where(p_data + p_model > 0, p_data / (p_data + p_model), 0.5)
    return (torch.xlogy(p_data, best) + torch.xlogy(p_model, 1 - best)).sum()


@mistake(
    "generator_criterion", law="test_jensen_shannon", diagnosis="Both terms use log D*; generated samples need 1 − D*."
)
def generator_criterion_with_log_d_twice(p_data, p_model):
    total = p_data + p_model
    d = torch.where(total > 0, p_data / total, torch.full_like(total, 0.5))
    return (torch.xlogy(p_data, d) + torch.xlogy(p_model, d)).sum()


@mistake(
    "train_on_simplex", law="test_halves_the_error", diagnosis="The sign of the step: V is being raised, not lowered."
)
def train_on_simplex_uphill(p_data, p_model, learning_rate, steps):
    if not (p_model > 0).all():
        raise ValueError("Every entry must be positive.")
    rows, values = [p_model], []
    for _ in range(steps + 1):
        d = p_data / (p_data + rows[-1])
        values.append((torch.xlogy(p_data, d) + torch.xlogy(rows[-1], 1 - d)).sum())
        rows.append(torch.softmax(rows[-1].log() + learning_rate * (1 - d).log(), dim=0))
    return torch.stack(rows[:-1]), torch.stack(values)


@mistake(
    "train_on_simplex",
    law="test_revival",
    diagnosis="1 − D* rounds to 0 at a lost mode: write p_model / (p + p_model).",
)
def train_on_simplex_with_a_subtraction(p_data, p_model, learning_rate, steps):
    if not (p_model > 0).all():
        raise ValueError("Every entry must be positive.")
    rows, values = [p_model], []
    for _ in range(steps + 1):
        d = p_data / (p_data + rows[-1])
        values.append((torch.xlogy(p_data, d) + torch.xlogy(rows[-1], 1 - d)).sum())
        grown = rows[-1] * (1 - d) ** -learning_rate
        rows.append(grown / grown.sum())
    return torch.stack(rows[:-1]), torch.stack(values)


@mistake(
    "train_on_simplex",
    law="test_step",
    diagnosis="The discriminator stays that of the start; D must become D* each step.",
)
def train_on_simplex_with_a_frozen_discriminator(p_data, p_model, learning_rate, steps):
    if not (p_model > 0).all():
        raise ValueError("Every entry must be positive.")
    fake = p_model / (p_data + p_model)
    rows, values = [p_model], []
    for _ in range(steps + 1):
        best = p_data / (p_data + rows[-1])
        values.append((torch.xlogy(p_data, best) + torch.xlogy(rows[-1], 1 - best)).sum())
        rows.append(torch.softmax(rows[-1].log() - learning_rate * fake.log(), dim=0))
    return torch.stack(rows[:-1]), torch.stack(values)


@mistake(
    "train_on_simplex", law="test_history", diagnosis="Without normalising, p_model is no distribution after one step."
)
def train_on_simplex_unnormalised(p_data, p_model, learning_rate, steps):
    if not (p_model > 0).all():
        raise ValueError("Every entry must be positive.")
    rows, values = [p_model], []
    for _ in range(steps + 1):
        total = p_data + rows[-1]
        values.append((torch.xlogy(p_data, p_data / total) + torch.xlogy(rows[-1], rows[-1] / total)).sum())
        rows.append(rows[-1] * (total / rows[-1]) ** learning_rate)
    return torch.stack(rows[:-1]), torch.stack(values)


@mistake(
    "train_on_simplex", law="test_values", diagnosis="The value is taken with the discriminator of the step before."
)
def train_on_simplex_with_late_values(p_data, p_model, learning_rate, steps):
    if not (p_model > 0).all():
        raise ValueError("Every entry must be positive.")
    rows, values = [p_model], []
    d = p_data / (p_data + p_model)
    for _ in range(steps + 1):
        values.append((torch.xlogy(p_data, d) + torch.xlogy(rows[-1], 1 - d)).sum())
        d, fake = p_data / (p_data + rows[-1]), rows[-1] / (p_data + rows[-1])
        rows.append(torch.softmax(rows[-1].log() - learning_rate * fake.log(), dim=0))
    return torch.stack(rows[:-1]), torch.stack(values)


@mistake("train_on_simplex", law="test_history", diagnosis="The start is missing from the history.")
def train_on_simplex_without_the_start(p_data, p_model, learning_rate, steps):
    if not (p_model > 0).all():
        raise ValueError("Every entry must be positive.")
    rows, values = [p_model.new_zeros(0, len(p_model))], [p_model.new_zeros(0)]
    current = p_model
    for _ in range(steps):
        fake = current / (p_data + current)
        current = torch.softmax(current.log() - learning_rate * fake.log(), dim=0)
        total = p_data + current
        rows.append(current[None])
        values.append((torch.xlogy(p_data, p_data / total) + torch.xlogy(current, current / total)).sum()[None])
    return torch.cat(rows), torch.cat(values)


@mistake("saturating_loss", law="test_extremes", diagnosis="σ(40) rounds to 1, and log(1 − 1) is −∞: use log σ(−a).")
def saturating_loss_naively(fake_logits):
    return torch.log(1 - torch.sigmoid(fake_logits)).mean()


@mistake("saturating_loss", law="test_value", diagnosis="This is the discriminator's loss: the sign is reversed.")
def saturating_loss_with_the_sign_reversed(fake_logits):
    return F.softplus(fake_logits).mean()


@mistake("saturating_loss", law="test_saturates", diagnosis="This is the non-saturating loss, −log D.")
def saturating_loss_that_does_not(fake_logits):
    return -F.logsigmoid(fake_logits).mean()


@mistake("saturating_loss", law="test_mean", diagnosis="The loss is a mean over the batch, not a sum.")
def saturating_loss_summed(fake_logits):
    return F.logsigmoid(-fake_logits).sum()


@mistake("non_saturating_loss", law="test_extremes", diagnosis="σ(−800) is 0 and log 0 is −∞: use a log-sigmoid.")
def non_saturating_loss_naively(fake_logits):
    return -torch.log(torch.sigmoid(fake_logits)).mean()


@mistake("non_saturating_loss", law="test_value", diagnosis="The minus is missing: minimising this makes fakes worse.")
def non_saturating_loss_without_the_minus(fake_logits):
    return F.logsigmoid(fake_logits).mean()


@mistake("non_saturating_loss", law="test_does_not_saturate", diagnosis="This is log(1 − D), which saturates.")
def non_saturating_loss_that_saturates(fake_logits):
    return F.logsigmoid(-fake_logits).mean()


@mistake("non_saturating_loss", law="test_extremes", diagnosis="Clamping hides the infinity and kills the gradient.")
def non_saturating_loss_clamped(fake_logits):
    return -torch.log(torch.sigmoid(fake_logits).clamp(min=1e-12)).mean()


@mistake(
    "simultaneous_step",
    law="test_spirals_outwards",
    diagnosis="g moved after d had moved: that is an alternating step.",
)
def simultaneous_step_in_turn(value, discriminator, generator, learning_rate):
    d = discriminator.detach().clone().requires_grad_()
    (ascent,) = torch.autograd.grad(value(d, generator.detach()), d)
    d = d.detach() + learning_rate * ascent
    g = generator.detach().clone().requires_grad_()
    (descent,) = torch.autograd.grad(value(d, g), g)
    return d, g.detach() - learning_rate * descent


@mistake("simultaneous_step", law="test_value", diagnosis="Both players descend; the discriminator must climb.")
def simultaneous_step_down_for_both(value, discriminator, generator, learning_rate):
    d = discriminator.detach().clone().requires_grad_()
    g = generator.detach().clone().requires_grad_()
    first, second = torch.autograd.grad(value(d, g), (d, g))
    return d.detach() - learning_rate * first, g.detach() - learning_rate * second


@mistake("simultaneous_step", law="test_value", diagnosis="The roles are exchanged: d maximises V and g minimises it.")
def simultaneous_step_with_roles_exchanged(value, discriminator, generator, learning_rate):
    d = discriminator.detach().clone().requires_grad_()
    g = generator.detach().clone().requires_grad_()
    first, second = torch.autograd.grad(value(d, g), (d, g))
    return d.detach() - learning_rate * first, g.detach() + learning_rate * second


@mistake("simultaneous_step", law="test_value", diagnosis="The caller's tensors are changed in place.")
def simultaneous_step_in_place(value, discriminator, generator, learning_rate):
    d = discriminator.detach().requires_grad_()
    g = generator.detach().requires_grad_()
    first, second = torch.autograd.grad(value(d, g), (d, g))
    with torch.no_grad():
        d += learning_rate * first
        g -= learning_rate * second
    return d.detach(), g.detach()


@mistake(
    "unrolled_discriminator",
    law="test_gradient_of_the_generator",
    diagnosis="The inner gradients are constants: without create_graph the reaction of the discriminator is lost.",
)
def unrolled_discriminator_without_create_graph(value, discriminator, generator, steps, learning_rate):
    if steps < 0:
        raise ValueError("steps must not be negative.")
    current = discriminator.clone().requires_grad_()
    for _ in range(steps):
        (ascent,) = torch.autograd.grad(value(current, generator), current)
        current = current + learning_rate * ascent
    return current


@mistake(
    "unrolled_discriminator",
    law="test_gradient_of_the_discriminator",
    diagnosis="detach() between the steps cuts the chain: only the last step is differentiated.",
)
def unrolled_discriminator_detached(value, discriminator, generator, steps, learning_rate):
    if steps < 0:
        raise ValueError("steps must not be negative.")
    current = discriminator
    for _ in range(steps):
        current = current.detach().requires_grad_()
        (ascent,) = torch.autograd.grad(value(current, generator), current, create_graph=True)
        current = current + learning_rate * ascent
    return current


@mistake("unrolled_discriminator", law="test_value", diagnosis="The discriminator descends here; it climbs V.")
def unrolled_discriminator_downhill(value, discriminator, generator, steps, learning_rate):
    if steps < 0:
        raise ValueError("steps must not be negative.")
    current = discriminator.clone().requires_grad_()
    for _ in range(steps):
        (ascent,) = torch.autograd.grad(value(current, generator), current, create_graph=True)
        current = current - learning_rate * ascent
    return current


@mistake("unrolled_discriminator", law="test_value", diagnosis="Every step uses the gradient at the start, not at d_j.")
def unrolled_discriminator_along_one_gradient(value, discriminator, generator, steps, learning_rate):
    if steps < 0:
        raise ValueError("steps must not be negative.")
    start = discriminator.clone().requires_grad_()
    if steps == 0:
        return start
    (ascent,) = torch.autograd.grad(value(start, generator), start, create_graph=True)
    return start + steps * learning_rate * ascent


@mistake("unrolled_discriminator", law="test_no_steps", diagnosis="One step too many: k = 0 must give d itself.")
def unrolled_discriminator_one_too_many(value, discriminator, generator, steps, learning_rate):
    if steps < 0:
        raise ValueError("steps must not be negative.")
    current = discriminator.clone().requires_grad_()
    for _ in range(steps + 1):
        (ascent,) = torch.autograd.grad(value(current, generator), current, create_graph=True)
        current = current + learning_rate * ascent
    return current


@mistake(
    "wasserstein_1d", law="test_best_matching", diagnosis="Points are paired as they come; the best matching is sorted."
)
def wasserstein_1d_unsorted(x, y):
    if x.numel() == 0 or y.numel() == 0:
        raise ValueError("A sample is empty.")
    return (x.repeat_interleave(len(y)) - y.repeat_interleave(len(x))).abs().mean()


@mistake(
    "wasserstein_1d",
    law="test_best_matching",
    diagnosis="This is the difference of the means, 0 for different spreads.",
)
def wasserstein_1d_of_means(x, y):
    if x.numel() == 0 or y.numel() == 0:
        raise ValueError("A sample is empty.")
    return (x.mean() - y.mean()).abs()


@mistake(
    "wasserstein_1d", law="test_best_matching", diagnosis="The mean distance of all pairs is not 0 for equal samples."
)
def wasserstein_1d_of_all_pairs(x, y):
    if x.numel() == 0 or y.numel() == 0:
        raise ValueError("A sample is empty.")
    return (x[:, None] - y[None]).abs().mean()


@mistake("wasserstein_1d", law="test_sizes_may_differ", diagnosis="The larger sample is cut off instead of shared out.")
def wasserstein_1d_cut_to_size(x, y):
    if x.numel() == 0 or y.numel() == 0:
        raise ValueError("A sample is empty.")
    size = min(len(x), len(y))
    return (x.sort().values[:size] - y.sort().values[:size]).abs().mean()


@mistake("wasserstein_1d", law="test_best_matching", diagnosis="The squared distance gives W₂², not W₁.")
def wasserstein_1d_squared(x, y):
    if x.numel() == 0 or y.numel() == 0:
        raise ValueError("A sample is empty.")
    x, y = x.sort().values.repeat_interleave(len(y)), y.sort().values.repeat_interleave(len(x))
    return ((x - y) ** 2).mean()


@mistake("critic_loss", law="test_value", diagnosis="The sign is reversed: the critic would score fakes high.")
def critic_loss_with_the_sign_reversed(real_scores, fake_scores):
    return real_scores.mean() - fake_scores.mean()


@mistake(
    "critic_loss", law="test_value", diagnosis="A critic's score is no logit: there is no sigmoid and no logarithm."
)
def critic_loss_with_logarithms(real_scores, fake_scores):
    return -F.logsigmoid(real_scores).mean() - F.logsigmoid(-fake_scores).mean()


@mistake(
    "critic_loss", law="test_value", diagnosis="The absolute value rewards the critic for ranking fakes above data."
)
def critic_loss_in_absolute_value(real_scores, fake_scores):
    return -(fake_scores.mean() - real_scores.mean()).abs()


@mistake(
    "gradient_penalty",
    law="test_trains_the_critic",
    diagnosis="Without create_graph the penalty is a constant: it never changes the critic.",
)
def gradient_penalty_without_create_graph(critic, real, fake, noise):
    share = noise.reshape(-1, *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between)
    return ((torch.linalg.vector_norm(slope.flatten(start_dim=1), dim=1) - 1) ** 2).mean()


@mistake("gradient_penalty", law="test_linear_critic", diagnosis="Averaging the scores first divides every slope by m.")
def gradient_penalty_of_the_mean(critic, real, fake, noise):
    share = noise.reshape(-1, *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).mean(), between, create_graph=True)
    return ((torch.linalg.vector_norm(slope.flatten(start_dim=1), dim=1) - 1) ** 2).mean()


@mistake(
    "gradient_penalty", law="test_linear_critic", diagnosis="The square belongs outside: (‖∇‖ − 1)², not (‖∇‖² − 1)²."
)
def gradient_penalty_of_the_square(critic, real, fake, noise):
    share = noise.reshape(-1, *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (((slope.flatten(start_dim=1) ** 2).sum(dim=1) - 1) ** 2).mean()


@mistake(
    "gradient_penalty", law="test_linear_critic", diagnosis="One norm over the whole batch; every sample has its own."
)
def gradient_penalty_of_the_whole_batch(critic, real, fake, noise):
    share = noise.reshape(-1, *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (torch.linalg.vector_norm(slope) - 1) ** 2


@mistake(
    "gradient_penalty", law="test_images", diagnosis="The norm runs over the last axis only, not over the whole image."
)
def gradient_penalty_by_rows(critic, real, fake, noise):
    share = noise.reshape(-1, *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((torch.linalg.vector_norm(slope, dim=-1) - 1) ** 2).mean()


@mistake(
    "gradient_penalty",
    law="test_quadratic_critic",
    diagnosis="The noise weighs the real sample, 1 − noise the fake one.",
)
def gradient_penalty_with_exchanged_shares(critic, real, fake, noise):
    share = noise.reshape(-1, *[1] * (real.dim() - 1))
    between = (share * fake + (1 - share) * real).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((torch.linalg.vector_norm(slope.flatten(start_dim=1), dim=1) - 1) ** 2).mean()


@mistake(
    "gradient_penalty", law="test_flat_critic", diagnosis="The root has no derivative at 0: a flat critic gives NaN."
)
def gradient_penalty_with_a_root(critic, real, fake, noise):
    share = noise.reshape(-1, *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (((slope.flatten(start_dim=1) ** 2).sum(dim=1).sqrt() - 1) ** 2).mean()


@mistake(
    "penalised_value",
    law="test_linear_discriminator",
    diagnosis="The penalty is added: D would be paid for being steep.",
)
def penalised_value_with_the_penalty_added(discriminator, real, fake, weight):
    points = real.detach().clone().requires_grad_()
    logits = discriminator(points)
    (slope,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    penalty = (slope.flatten(start_dim=1) ** 2).sum(dim=1).mean()
    return F.logsigmoid(logits).mean() + F.logsigmoid(-discriminator(fake)).mean() + weight * penalty


@mistake(
    "penalised_value", law="test_trains_the_discriminator", diagnosis="Without create_graph the penalty never trains D."
)
def penalised_value_without_create_graph(discriminator, real, fake, weight):
    points = real.detach().clone().requires_grad_()
    logits = discriminator(points)
    (slope,) = torch.autograd.grad(logits.sum(), points, retain_graph=True)
    penalty = (slope.flatten(start_dim=1) ** 2).sum(dim=1).mean()
    return F.logsigmoid(logits).mean() + F.logsigmoid(-discriminator(fake)).mean() - weight * penalty


@mistake(
    "penalised_value", law="test_quadratic_discriminator", diagnosis="The slope counts at the data, not at the fakes."
)
def penalised_value_at_the_fakes(discriminator, real, fake, weight):
    points = fake.detach().clone().requires_grad_()
    logits = discriminator(points)
    (slope,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    penalty = (slope.flatten(start_dim=1) ** 2).sum(dim=1).mean()
    return F.logsigmoid(discriminator(real)).mean() + F.logsigmoid(-logits).mean() - weight * penalty


@mistake(
    "penalised_value", law="test_linear_discriminator", diagnosis="This slope is that of D = σ(a), not of the logit a."
)
def penalised_value_of_the_probability(discriminator, real, fake, weight):
    points = real.detach().clone().requires_grad_()
    logits = discriminator(points)
    (slope,) = torch.autograd.grad(torch.sigmoid(logits).sum(), points, create_graph=True)
    penalty = (slope.flatten(start_dim=1) ** 2).sum(dim=1).mean()
    return F.logsigmoid(logits).mean() + F.logsigmoid(-discriminator(fake)).mean() - weight * penalty


@mistake(
    "penalised_value",
    law="test_linear_discriminator",
    diagnosis="The slope is penalised for differing from 1, not from 0.",
)
def penalised_value_centred_at_one(discriminator, real, fake, weight):
    points = real.detach().clone().requires_grad_()
    logits = discriminator(points)
    (slope,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    penalty = ((torch.linalg.vector_norm(slope.flatten(start_dim=1), dim=1) - 1) ** 2).mean()
    return F.logsigmoid(logits).mean() + F.logsigmoid(-discriminator(fake)).mean() - weight * penalty


@mistake(
    "mode_coverage", law="test_value", diagnosis="Every sample is counted for its nearest mode, however far it is."
)
def mode_coverage_without_a_radius(samples, modes, radius):
    if len(samples) == 0:
        return 0, 0.0
    nearest = torch.linalg.vector_norm(samples[:, None] - modes[None], dim=2).argmin(dim=1)
    return len(nearest.unique()), 1.0


@mistake(
    "mode_coverage", law="test_nearest_and_edge", diagnosis="A sample counts for all modes near it, not the nearest."
)
def mode_coverage_of_all_near_modes(samples, modes, radius):
    if len(samples) == 0:
        return 0, 0.0
    near = torch.linalg.vector_norm(samples[:, None] - modes[None], dim=2) <= radius
    return int(near.any(dim=0).sum()), near.any(dim=1).double().mean().item()


@mistake("mode_coverage", law="test_value", diagnosis="The squared distance is compared with the radius.")
def mode_coverage_by_squares(samples, modes, radius):
    if len(samples) == 0:
        return 0, 0.0
    nearest = ((samples[:, None] - modes[None]) ** 2).sum(dim=2).min(dim=1)
    good = nearest.values <= radius
    return len(nearest.indices[good].unique()), good.double().mean().item()


@mistake("mode_coverage", law="test_nothing", diagnosis="The mean of no samples is NaN: no samples give (0, 0.0).")
def mode_coverage_with_nan(samples, modes, radius):
    nearest = torch.linalg.vector_norm(samples[:, None] - modes[None], dim=2).min(dim=1)
    good = nearest.values <= radius
    return len(nearest.indices[good].unique()), good.double().mean().item()
