"""Wrong answers that students give to the exercises of neural networks."""

import math

import torch
from torch.nn import functional as F

from autograder.bank import mistake


@mistake("perceptron_predict", law="test_boundary_and_bias", diagnosis="The bias is missing.")
def perceptron_predict_without_bias(x, w, b):
    return (x @ w > 0).to(x.dtype)


@mistake(
    "perceptron_predict",
    law="test_boundary_and_bias",
    diagnosis="On the boundary the answer is 0: the inequality is strict.",
)
def perceptron_predict_with_the_boundary(x, w, b):
    return (x @ w + b >= 0).to(x.dtype)


@mistake("perceptron_predict", law="test_indicator", diagnosis="These are the labels −1 and +1; here they are 0 and 1.")
def perceptron_predict_with_signs(x, w, b):
    return torch.sign(x @ w + b)


@mistake(
    "perceptron_predict", law="test_shape_and_dtype", diagnosis="A comparison gives truth values, not floats like x."
)
def perceptron_predict_with_truth_values(x, w, b):
    return x @ w + b > 0


@mistake("perceptron_predict", law="test_indicator", diagnosis="A sigmoid is not a threshold: answers are 0 or 1.")
def perceptron_predict_with_a_sigmoid(x, w, b):
    return torch.sigmoid(x @ w + b)


@mistake("perceptron_update", law="test_rule", diagnosis="The bias learns too: b ← b + η(y − ŷ).")
def perceptron_update_without_the_bias(x, y, w, b, learning_rate):
    error = y - (x @ w + b > 0).to(x.dtype)
    return w + learning_rate * error * x, b


@mistake("perceptron_update", law="test_rule", diagnosis="The sign is wrong: it moves away from what it should answer.")
def perceptron_update_in_the_wrong_direction(x, y, w, b, learning_rate):
    error = (x @ w + b > 0).to(x.dtype) - y
    return w + learning_rate * error * x, b + learning_rate * error


@mistake(
    "perceptron_update",
    law="test_right_answers",
    diagnosis="The raw score was used instead of the thresholded answer: that is least squares (Widrow and Hoff).",
)
def perceptron_update_with_the_score(x, y, w, b, learning_rate):
    error = y - (x @ w + b)
    return w + learning_rate * error * x, b + learning_rate * error


@mistake(
    "perceptron_update",
    law="test_right_answers",
    diagnosis="False alarms are ignored, missed ones are not: y(1 − ŷ) instead of y − ŷ, or the reverse.",
)
def perceptron_update_that_always_moves(x, y, w, b, learning_rate):
    sign = 2 * y - 1
    return w + learning_rate * sign * x, b + learning_rate * sign


@mistake("perceptron_update", law="test_rule", diagnosis="The learning rate multiplies the step of the bias as well.")
def perceptron_update_with_full_bias_steps(x, y, w, b, learning_rate):
    error = y - (x @ w + b > 0).to(x.dtype)
    return w + learning_rate * error * x, b + error


@mistake(
    "perceptron_fit",
    law="test_order",
    diagnosis="A whole pass is answered with the old parameters; each example must meet the newest ones.",
)
def perceptron_fit_by_batches(x, y, epochs):
    w, b, updates = x.new_zeros(x.shape[1]), x.new_zeros(()), 0
    for _ in range(epochs):
        errors = y - (x @ w + b > 0).to(x.dtype)
        if not errors.any():
            break
        w, b, updates = w + errors @ x, b + errors.sum(), updates + int(errors.abs().sum())
    return w, b, updates


@mistake("perceptron_fit", law="test_example", diagnosis="Passes are counted instead of updates.")
def perceptron_fit_that_counts_passes(x, y, epochs):
    w, b, passes = x.new_zeros(x.shape[1]), x.new_zeros(()), 0
    for _ in range(epochs):
        wrong = False
        for example, label in zip(x, y):
            error = label - (example @ w + b > 0).to(x.dtype)
            if error != 0:
                w, b, wrong = w + error * example, b + error, True
        if not wrong:
            break
        passes += 1
    return w, b, passes


@mistake("perceptron_fit", law="test_separates", diagnosis="The bias never moves: the hyperplane stays at the origin.")
def perceptron_fit_without_bias(x, y, epochs):
    w, updates = x.new_zeros(x.shape[1]), 0
    for _ in range(min(epochs, 200)):
        before = updates
        for example, label in zip(x, y):
            error = label - (example @ w > 0).to(x.dtype)
            if error != 0:
                w, updates = w + error * example, updates + 1
        if updates == before:
            break
    return w, x.new_zeros(()), updates


@mistake(
    "perceptron_fit",
    law="test_separates",
    diagnosis="It stops at the first right answer; it may stop only after a whole pass of right answers.",
)
def perceptron_fit_that_stops_early(x, y, epochs):
    w, b, updates = x.new_zeros(x.shape[1]), x.new_zeros(()), 0
    for _ in range(epochs):
        for example, label in zip(x, y):
            error = label - (example @ w + b > 0).to(x.dtype)
            if error == 0:
                return w, b, updates
            w, b, updates = w + error * example, b + error, updates + 1
    return w, b, updates


@mistake("novikoff_bound", law="test_definition", diagnosis="The bound is (R/γ)²: the square is missing.")
def novikoff_bound_without_the_square(x, y, w, b):
    margin = ((2 * y - 1) * (x @ w + b)).min()
    if margin <= 0:
        raise ValueError("not separated")
    return (torch.sqrt((x.square().sum(1) + 1).max() * (w.square().sum() + b**2)) / margin).item()


@mistake(
    "novikoff_bound", law="test_example", diagnosis="R is the largest norm of (x, 1): the constant feature counts."
)
def novikoff_bound_without_the_one(x, y, w, b):
    margin = ((2 * y - 1) * (x @ w + b)).min()
    if margin <= 0:
        raise ValueError("not separated")
    return (x.square().sum(1).max() * (w.square().sum() + b**2) / margin**2).item()


@mistake(
    "novikoff_bound",
    law="test_definition",
    diagnosis="γ is a distance in the space of (x, 1): divide by the norm of (w, b), not by that of w.",
)
def novikoff_bound_with_the_norm_of_w(x, y, w, b):
    margin = ((2 * y - 1) * (x @ w + b)).min()
    if margin <= 0:
        raise ValueError("not separated")
    return ((x.square().sum(1) + 1).max() * w.square().sum() / margin**2).item()


@mistake(
    "novikoff_bound",
    law="test_scale_and_errors",
    diagnosis="|wᵀx + b| is positive on the wrong side too: the margin has a sign.",
)
def novikoff_bound_with_absolute_scores(x, y, w, b):
    margin = (x @ w + b).abs().min()
    if margin <= 0:
        raise ValueError("not separated")
    return ((x.square().sum(1) + 1).max() * (w.square().sum() + b**2) / margin**2).item()


@mistake(
    "novikoff_bound", law="test_scale_and_errors", diagnosis="γ must not depend on the scale of (w, b): normalise."
)
def novikoff_bound_not_normalised(x, y, w, b):
    margin = ((2 * y - 1) * (x @ w + b)).min()
    if margin <= 0:
        raise ValueError("not separated")
    return ((x.square().sum(1) + 1).max() / margin**2).item()


@mistake("hinge_loss", law="test_value", diagnosis="Labels 0 and 1 must become signs −1 and +1 first.")
def hinge_loss_with_labels_as_signs(z, y, margin=1.0):
    return torch.clamp(margin - y * z, min=0)


@mistake("hinge_loss", law="test_default_margin", diagnosis="The default margin is 1, not 0.")
def hinge_loss_with_margin_zero(z, y, margin=0.0):
    return torch.clamp(margin - (2 * y - 1) * z, min=0)


@mistake("hinge_loss", law="test_value", diagnosis="The sign in the hinge is turned round: right answers are charged.")
def hinge_loss_turned_round(z, y, margin=1.0):
    return torch.clamp(margin + (2 * y - 1) * z, min=0)


@mistake("hinge_loss", law="test_value", diagnosis="The maximum with 0 is missing: good answers earn a negative loss.")
def hinge_loss_without_the_maximum(z, y, margin=1.0):
    return margin - (2 * y - 1) * z


@mistake("hinge_loss", law="test_value", diagnosis="One loss per example is asked for, not their mean.")
def hinge_loss_averaged(z, y, margin=1.0):
    return torch.clamp(margin - (2 * y - 1) * z, min=0).mean()


@mistake("mlp_forward", law="test_biases", diagnosis="There is a ReLU after the last layer: logits may be negative.")
def mlp_forward_with_a_last_relu(x, weights, biases):
    if len(weights) != len(biases):
        raise ValueError("numbers of layers differ")
    for W, b in zip(weights, biases):
        x = torch.relu(x @ W.T + b)
    return x


@mistake("mlp_forward", law="test_biases", diagnosis="The biases are forgotten.")
def mlp_forward_without_biases(x, weights, biases):
    if len(weights) != len(biases):
        raise ValueError("numbers of layers differ")
    for W in weights[:-1]:
        x = torch.relu(x @ W.T)
    return x @ weights[-1].T


@mistake("mlp_forward", law="test_xor", diagnosis="No ReLU anywhere: layers without a bend are one affine map.")
def mlp_forward_without_bends(x, weights, biases):
    if len(weights) != len(biases):
        raise ValueError("numbers of layers differ")
    for W, b in zip(weights, biases):
        x = x @ W.T + b
    return x


@mistake(
    "mlp_forward",
    law="test_shape_dtype_and_errors",
    diagnosis="`zip` stops at the shorter list: a missing bias is a missing layer and must be an error.",
)
def mlp_forward_that_trusts_zip(x, weights, biases):
    for layer, (W, b) in enumerate(zip(weights, biases)):
        x = x @ W.T + b
        if layer < len(weights) - 1:
            x = torch.relu(x)
    return x


@mistake("mlp_forward", law="test_torch", diagnosis="The bias is added after the ReLU instead of before it.")
def mlp_forward_with_late_biases(x, weights, biases):
    if len(weights) != len(biases):
        raise ValueError("numbers of layers differ")
    for W, b in zip(weights[:-1], biases[:-1]):
        x = torch.relu(x @ W.T) + b
    return x @ weights[-1].T + biases[-1]


@mistake(
    "initialise_mlp", law="test_shapes", diagnosis="Weights have shape (outputs, inputs), not the other way round."
)
def initialise_mlp_transposed(widths, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = [
        torch.randn(m, n, generator=generator, dtype=torch.float64) * math.sqrt(2 / m)
        for m, n in zip(widths, widths[1:])
    ]
    return weights, [torch.zeros(n, dtype=torch.float64) for n in widths[1:]]


@mistake(
    "initialise_mlp", law="test_moments", diagnosis="The variance is 1/inputs: ReLU halves the signal, hence the 2."
)
def initialise_mlp_without_the_two(widths, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = [
        torch.randn(m, n, generator=generator, dtype=torch.float64) / math.sqrt(n) for n, m in zip(widths, widths[1:])
    ]
    return weights, [torch.zeros(m, dtype=torch.float64) for m in widths[1:]]


@mistake("initialise_mlp", law="test_moments", diagnosis="The fan-out was used; the number of inputs decides.")
def initialise_mlp_by_fan_out(widths, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = [
        torch.randn(m, n, generator=generator, dtype=torch.float64) * math.sqrt(2 / m)
        for n, m in zip(widths, widths[1:])
    ]
    return weights, [torch.zeros(m, dtype=torch.float64) for m in widths[1:]]


@mistake(
    "initialise_mlp", law="test_moments", diagnosis="2/inputs is the variance; the noise is multiplied by its root."
)
def initialise_mlp_without_the_root(widths, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(m, n, generator=generator, dtype=torch.float64) * 2 / n for n, m in zip(widths, widths[1:])]
    return weights, [torch.zeros(m, dtype=torch.float64) for m in widths[1:]]


@mistake("initialise_mlp", law="test_seed", diagnosis="A new generator for every layer: layers of one shape are equal.")
def initialise_mlp_reseeded(widths, seed):
    weights = []
    for n, m in zip(widths, widths[1:]):
        generator = torch.Generator().manual_seed(seed)
        weights.append(torch.randn(m, n, generator=generator, dtype=torch.float64) * math.sqrt(2 / n))
    return weights, [torch.zeros(m, dtype=torch.float64) for m in widths[1:]]


@mistake("initialise_mlp", law="test_moments", diagnosis="Weights of 0: all units of a layer stay the same for ever.")
def initialise_mlp_with_zeros(widths, seed):
    weights = [torch.zeros(m, n, dtype=torch.float64) for n, m in zip(widths, widths[1:])]
    return weights, [torch.zeros(m, dtype=torch.float64) for m in widths[1:]]


@mistake(
    "binary_cross_entropy_with_logits",
    law="test_extreme_logits",
    diagnosis="The logarithm of a sigmoid: at large logits σ(z) is exactly 0 or 1 and the logarithm infinite.",
)
def bce_through_a_sigmoid(logits, targets):
    p = torch.sigmoid(logits)
    return -(targets * torch.log(p) + (1 - targets) * torch.log(1 - p))


@mistake(
    "binary_cross_entropy_with_logits",
    law="test_bernoulli",
    diagnosis="The minus sign covers both terms: here the second one rewards being wrong.",
)
def bce_with_one_minus(logits, targets):
    return -targets * F.logsigmoid(logits) + (1 - targets) * F.logsigmoid(-logits)


@mistake(
    "binary_cross_entropy_with_logits",
    law="test_gradient",
    diagnosis="max(z, 0) and |z| have kinks at z = 0 that cancel on paper only: there autograd gets the slope wrong.",
)
def bce_with_kinks(logits, targets):
    return torch.clamp(logits, min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))


@mistake(
    "binary_cross_entropy_with_logits",
    law="test_extreme_logits",
    diagnosis="A clamped probability caps the loss and switches the gradient off where it is needed most.",
)
def bce_with_clamped_probabilities(logits, targets):
    p = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
    return -(targets * torch.log(p) + (1 - targets) * torch.log(1 - p))


@mistake(
    "binary_cross_entropy_with_logits",
    law="test_soft_targets",
    diagnosis="Only the term of the label is charged, and targets between 0 and 1 have both.",
)
def bce_for_hard_labels(logits, targets):
    return torch.where(targets > 0.5, -F.logsigmoid(logits), -F.logsigmoid(-logits))


@mistake("binary_cross_entropy_with_logits", law="test_bernoulli", diagnosis="One loss per entry, not their mean.")
def bce_averaged(logits, targets):
    return F.binary_cross_entropy_with_logits(logits, targets)


@mistake("cross_entropy", law="test_categorical", diagnosis="A softmax before the loss: that is softmax twice.")
def cross_entropy_of_a_softmax(logits, labels):
    if ((labels < 0) | (labels >= logits.shape[1])).any():
        raise ValueError("label out of range")
    return F.cross_entropy(torch.softmax(logits, dim=1), labels, reduction="none")


@mistake("cross_entropy", law="test_extreme_logits", diagnosis="e^10000 is infinite: use logsumexp.")
def cross_entropy_that_overflows(logits, labels):
    if ((labels < 0) | (labels >= logits.shape[1])).any():
        raise ValueError("label out of range")
    chosen = logits.gather(1, labels[:, None])[:, 0]
    return torch.log(torch.exp(logits).sum(dim=1)) - chosen


@mistake("cross_entropy", law="test_categorical", diagnosis="The normalisation runs over the batch, not the classes.")
def cross_entropy_over_the_batch(logits, labels):
    if ((labels < 0) | (labels >= logits.shape[1])).any():
        raise ValueError("label out of range")
    chosen = logits.gather(1, labels[:, None])[:, 0]
    return torch.logsumexp(logits, dim=0)[labels] - chosen


@mistake("cross_entropy", law="test_shape_dtype_and_errors", diagnosis="A label of −1 picks the last class in silence.")
def cross_entropy_that_accepts_negative_labels(logits, labels):
    if (labels >= logits.shape[1]).any():
        raise ValueError("label out of range")
    return torch.logsumexp(logits, dim=1) - logits[torch.arange(len(labels)), labels]


@mistake("cross_entropy", law="test_categorical", diagnosis="One loss per example is asked for, not their mean.")
def cross_entropy_averaged(logits, labels):
    if ((labels < 0) | (labels >= logits.shape[1])).any():
        raise ValueError("label out of range")
    return F.cross_entropy(logits, labels)


@mistake("map_loss", law="test_gaussian", diagnosis="The Gaussian penalty is λ/2 · Σ w²: the ½ is missing.")
def map_loss_without_the_half(nll, params, prior, strength):
    if strength < 0 or prior not in ("gaussian", "laplace"):
        raise ValueError(prior)
    power = 2 if prior == "gaussian" else 1
    return nll + strength * sum((w.abs() ** power).sum() for w in params)


@mistake("map_loss", law="test_gaussian", diagnosis="The log prior was added; its negative is needed.")
def map_loss_with_the_wrong_sign(nll, params, prior, strength):
    if strength < 0 or prior not in ("gaussian", "laplace"):
        raise ValueError(prior)
    if prior == "gaussian":
        return nll - strength / 2 * sum(w.square().sum() for w in params)
    return nll - strength * sum(w.abs().sum() for w in params)


@mistake("map_loss", law="test_gaussian", diagnosis="The norm of each tensor is not squared: λ/2 · ‖w‖ is no Gaussian.")
def map_loss_with_norms(nll, params, prior, strength):
    if strength < 0 or prior not in ("gaussian", "laplace"):
        raise ValueError(prior)
    if prior == "gaussian":
        return nll + strength / 2 * sum(w.norm() for w in params)
    return nll + strength * sum(w.abs().sum() for w in params)


@mistake("map_loss", law="test_laplace", diagnosis="Means instead of sums: large tensors are punished less per entry.")
def map_loss_with_means(nll, params, prior, strength):
    if strength < 0 or prior not in ("gaussian", "laplace"):
        raise ValueError(prior)
    if prior == "gaussian":
        return nll + strength / 2 * sum(w.square().mean() for w in params)
    return nll + strength * sum(w.abs().mean() for w in params)


@mistake("map_loss", law="test_no_prior_and_errors", diagnosis="An unknown prior falls through to the Laplace one.")
def map_loss_for_any_prior(nll, params, prior, strength):
    if strength < 0:
        raise ValueError(strength)
    if prior == "gaussian":
        return nll + strength / 2 * sum(w.square().sum() for w in params)
    return nll + strength * sum(w.abs().sum() for w in params)


@mistake("l1_penalty", law="test_value", diagnosis="This is the squared norm, the ℓ2 penalty.")
def l1_penalty_squared(params, strength):
    return strength * sum(w.square().sum() for w in params)


@mistake("l1_penalty", law="test_value", diagnosis="Without absolute values positive and negative weights cancel.")
def l1_penalty_without_absolute_values(params, strength):
    return strength * sum(w.sum() for w in params)


@mistake("l1_penalty", law="test_value", diagnosis="torch.norm(w, 1) of all but the first tensor is missing.")
def l1_penalty_of_the_first(params, strength):
    return strength * params[0].abs().sum()


@mistake(
    "l1_penalty",
    law="test_value",
    diagnosis="ord=1 of a matrix is its largest column sum, not the sum of all absolute values.",
)
def l1_penalty_with_matrix_norms(params, strength):
    return strength * sum(torch.linalg.norm(w, ord=1) for w in params)


@mistake("l1_subgradient", law="test_zero", diagnosis="w/|w| is NaN at 0.")
def l1_subgradient_by_division(params, strength):
    return [strength * w / w.abs() for w in params]


@mistake("l1_subgradient", law="test_zero", diagnosis="At 0 the subgradient is taken to be 0, not λ.")
def l1_subgradient_one_at_zero(params, strength):
    return [torch.where(w >= 0, strength, -strength).to(w.dtype) for w in params]


@mistake("l1_subgradient", law="test_away_from_zero", diagnosis="This is the gradient of λ/2 · Σ w².")
def l1_subgradient_of_squares(params, strength):
    return [strength * w for w in params]


@mistake("l1_subgradient", law="test_away_from_zero", diagnosis="The strength λ is missing.")
def l1_subgradient_without_strength(params, strength):
    return [torch.sign(w) for w in params]


@mistake("l1_subgradient", law="test_zero", diagnosis="A smoothed |w|, √(w² + ε), has another slope near 0.")
def l1_subgradient_smoothed(params, strength):
    return [strength * w / torch.sqrt(w.square() + 1e-12) for w in params]


@mistake("mlp_backward", law="test_autograd", diagnosis="The derivative of the ReLU is missing from the recursion.")
def mlp_backward_without_masks(x, weights, biases, delta):
    inputs = []
    for W, b in zip(weights, biases):
        inputs.append(x)
        x = torch.relu(x @ W.T + b)
    weight_gradients, bias_gradients = [], []
    for W, h in zip(reversed(weights), reversed(inputs)):
        weight_gradients.insert(0, delta.T @ h)
        bias_gradients.insert(0, delta.sum(dim=0))
        delta = delta @ W
    return weight_gradients, bias_gradients


@mistake("mlp_backward", law="test_one_layer", diagnosis="There is no ReLU after the last layer, so no mask for it.")
def mlp_backward_with_a_mask_on_the_logits(x, weights, biases, delta):
    inputs = [x]
    for W, b in zip(weights, biases):
        inputs.append(torch.relu(inputs[-1] @ W.T + b))
    weight_gradients, bias_gradients = [], []
    for W, h, out in zip(reversed(weights), reversed(inputs[:-1]), reversed(inputs[1:])):
        delta = delta * (out > 0)
        weight_gradients.insert(0, delta.T @ h)
        bias_gradients.insert(0, delta.sum(dim=0))
        delta = delta @ W
    return weight_gradients, bias_gradients


@mistake("mlp_backward", law="test_one_layer", diagnosis="A mean over the batch; the 1/N is in delta already.")
def mlp_backward_with_means(x, weights, biases, delta):
    inputs = []
    for W, b in zip(weights, biases):
        inputs.append(x)
        x = torch.relu(x @ W.T + b)
    weight_gradients, bias_gradients = [], []
    for W, h in zip(reversed(weights), reversed(inputs)):
        weight_gradients.insert(0, delta.T @ h / max(1, len(h)))
        bias_gradients.insert(0, delta.sum(dim=0) / max(1, len(h)))
        delta = (delta @ W) * (h > 0)
    return weight_gradients, bias_gradients


@mistake("mlp_backward", law="test_kink", diagnosis="The derivative of ReLU at 0 is taken to be 0 here, not 1.")
def mlp_backward_with_one_at_the_kink(x, weights, biases, delta):
    inputs, masks = [], [torch.ones_like(x)]
    for W, b in zip(weights, biases):
        inputs.append(x)
        a = x @ W.T + b
        masks.append((a >= 0).to(a.dtype))
        x = torch.relu(a)
    weight_gradients, bias_gradients = [], []
    for W, h, mask in zip(reversed(weights), reversed(inputs), reversed(masks[:-1])):
        weight_gradients.insert(0, delta.T @ h)
        bias_gradients.insert(0, delta.sum(dim=0))
        delta = (delta @ W) * mask
    return weight_gradients, bias_gradients


@mistake("mlp_backward", law="test_autograd", diagnosis="The lists are in the order of the walk: last layer first.")
def mlp_backward_last_layer_first(x, weights, biases, delta):
    inputs = []
    for W, b in zip(weights, biases):
        inputs.append(x)
        x = torch.relu(x @ W.T + b)
    weight_gradients, bias_gradients = [], []
    for W, h in zip(reversed(weights), reversed(inputs)):
        weight_gradients.append(delta.T @ h)
        bias_gradients.append(delta.sum(dim=0))
        delta = (delta @ W) * (h > 0)
    return weight_gradients, bias_gradients


@mistake("mlp_backward", law="test_shape_and_dtype", diagnosis="hᵀδ has shape (inputs, outputs): it must be δᵀh.")
def mlp_backward_transposed(x, weights, biases, delta):
    inputs = []
    for W, b in zip(weights, biases):
        inputs.append(x)
        x = torch.relu(x @ W.T + b)
    weight_gradients, bias_gradients = [], []
    for W, h in zip(reversed(weights), reversed(inputs)):
        weight_gradients.insert(0, h.T @ delta)
        bias_gradients.insert(0, delta.sum(dim=0))
        delta = (delta @ W) * (h > 0)
    return weight_gradients, bias_gradients


@mistake("gradient_descent", law="test_quadratic", diagnosis="This goes uphill: the gradient must be subtracted.")
def gradient_descent_uphill(gradient, x0, learning_rate, steps):
    path = [x0]
    for _ in range(steps):
        path.append(path[-1] + learning_rate * gradient(path[-1]))
    return torch.stack(path)


@mistake("gradient_descent", law="test_quadratic", diagnosis="The gradient is always taken at the start.")
def gradient_descent_from_the_start(gradient, x0, learning_rate, steps):
    path = [x0]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * gradient(x0))
    return torch.stack(path)


@mistake("gradient_descent", law="test_quadratic", diagnosis="The start belongs to the path: steps + 1 points.")
def gradient_descent_without_the_start(gradient, x0, learning_rate, steps):
    path = [x0]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * gradient(path[-1]))
    return torch.stack(path[1:] or path)


@mistake(
    "gradient_descent",
    law="test_quadratic",
    diagnosis="x changes in place: all points of the path are the same tensor.",
)
def gradient_descent_in_place(gradient, x0, learning_rate, steps):
    x = x0.clone()
    path = [x]
    for _ in range(steps):
        x -= learning_rate * gradient(x)
        path.append(x)
    return torch.stack(path)


@mistake(
    "gradient_descent", law="test_quadratic", diagnosis="The gradient is normalised: the step has always length η."
)
def gradient_descent_normalised(gradient, x0, learning_rate, steps):
    path = [x0]
    for _ in range(steps):
        slope = gradient(path[-1])
        path.append(path[-1] - learning_rate * slope / (slope.norm() + 1e-12))
    return torch.stack(path)


@mistake(
    "largest_learning_rate", law="test_eigenvalue", diagnosis="1/L is where it stops being monotone; 2/L is asked."
)
def largest_learning_rate_for_monotony(A):
    largest = torch.linalg.eigvalsh(A)[-1].item()
    if largest <= 0:
        raise ValueError("flat")
    return 1 / largest


@mistake(
    "largest_learning_rate", law="test_valley", diagnosis="The smallest eigenvalue was used; the steepest decides."
)
def largest_learning_rate_of_the_flattest(A):
    eigenvalues = torch.linalg.eigvalsh(A)
    if eigenvalues[-1] <= 0:
        raise ValueError("flat")
    return 2 / max(eigenvalues[0].item(), 1e-12)


@mistake("largest_learning_rate", law="test_valley", diagnosis="The diagonal does not show how steep a valley is.")
def largest_learning_rate_of_the_diagonal(A):
    largest = A.diagonal().max().item()
    if largest <= 0:
        raise ValueError("flat")
    return 2 / largest


@mistake(
    "largest_learning_rate",
    law="test_valley",
    diagnosis="A matrix whose entries add up to zero is taken for one of zeros.",
)
def largest_learning_rate_by_the_sum(A):
    if A.sum() == 0:
        raise ValueError("A is zero.")
    return 2 / torch.linalg.eigvalsh(A).max().item()


@mistake(
    "largest_learning_rate", law="test_valley", diagnosis="The Frobenius norm is larger than the largest eigenvalue."
)
def largest_learning_rate_by_frobenius(A):
    largest = torch.linalg.matrix_norm(A).item()
    if largest <= 0:
        raise ValueError("flat")
    return 2 / largest


@mistake(
    "universal_approximator",
    law="test_error",
    diagnosis="Output weights are changes of slope; these are the slopes themselves, and they add up.",
)
def universal_approximator_with_slopes(f, eps, lipschitz):
    if not (eps > 0 and lipschitz >= 0):
        raise ValueError("eps")
    pieces = max(1, math.ceil(lipschitz / (2 * eps)))
    knots = torch.linspace(0, 1, pieces + 1, dtype=torch.float64)
    values = f(knots)
    return torch.ones(pieces, dtype=torch.float64), -knots[:-1], pieces * values.diff(), values[0]


@mistake("universal_approximator", law="test_straight_lines", diagnosis="The value at 0 is missing: c = f(0).")
def universal_approximator_through_the_origin(f, eps, lipschitz):
    if not (eps > 0 and lipschitz >= 0):
        raise ValueError("eps")
    pieces = max(1, math.ceil(lipschitz / (2 * eps)))
    knots = torch.linspace(0, 1, pieces + 1, dtype=torch.float64)
    slopes = pieces * f(knots).diff()
    changes = torch.cat([slopes[:1], slopes.diff()])
    return torch.ones_like(changes), -knots[:-1], changes, torch.zeros((), dtype=torch.float64)


@mistake("universal_approximator", law="test_error", diagnosis="Too few pieces: ⌈L/(2ε)⌉ are needed, not half of them.")
def universal_approximator_too_coarse(f, eps, lipschitz):
    if not (eps > 0 and lipschitz >= 0):
        raise ValueError("eps")
    pieces = max(1, math.ceil(lipschitz / (4 * eps)))
    knots = torch.linspace(0, 1, pieces + 1, dtype=torch.float64)
    values = f(knots)
    slopes = pieces * values.diff()
    changes = torch.cat([slopes[:1], slopes.diff()])
    return torch.ones_like(changes), -knots[:-1], changes, values[0]


@mistake("universal_approximator", law="test_width", diagnosis="Far more hidden units than ⌈L/(2ε)⌉.")
def universal_approximator_too_fine(f, eps, lipschitz):
    if not (eps > 0 and lipschitz >= 0):
        raise ValueError("eps")
    pieces = max(1, math.ceil(lipschitz / eps))
    knots = torch.linspace(0, 1, pieces + 1, dtype=torch.float64)
    values = f(knots)
    slopes = pieces * values.diff()
    changes = torch.cat([slopes[:1], slopes.diff()])
    return torch.ones_like(changes), -knots[:-1], changes, values[0]


@mistake("universal_approximator", law="test_error", diagnosis="ReLU(x − u) has the bias −u; here the sign is lost.")
def universal_approximator_with_wrong_biases(f, eps, lipschitz):
    if not (eps > 0 and lipschitz >= 0):
        raise ValueError("eps")
    pieces = max(1, math.ceil(lipschitz / (2 * eps)))
    knots = torch.linspace(0, 1, pieces + 1, dtype=torch.float64)
    values = f(knots)
    slopes = pieces * values.diff()
    changes = torch.cat([slopes[:1], slopes.diff()])
    return torch.ones_like(changes), knots[:-1], changes, values[0]


@mistake("universal_approximator", law="test_error", diagnosis="Differences of values must be divided by the step 1/n.")
def universal_approximator_without_the_step(f, eps, lipschitz):
    if not (eps > 0 and lipschitz >= 0):
        raise ValueError("eps")
    pieces = max(1, math.ceil(lipschitz / (2 * eps)))
    knots = torch.linspace(0, 1, pieces + 1, dtype=torch.float64)
    values = f(knots)
    slopes = values.diff()
    changes = torch.cat([slopes[:1], slopes.diff()])
    return torch.ones_like(changes), -knots[:-1], changes, values[0]


@mistake(
    "EarlyStopping",
    law="test_patience",
    diagnosis="Each check is compared with the one before it; compare with the best so far.",
)
class EarlyStoppingAgainstThePrevious(EarlyStopping):
    def update(self, epoch, loss, weights):
        if epoch % self.every == 0:
            if loss < getattr(self, "previous", math.inf):
                self.failures = 0
            else:
                self.failures += 1
            self.previous = loss
            if loss < self.best_loss:
                self.best_loss, self.best_epoch, self.best_weights = loss, epoch, [w.clone() for w in weights]
        return self.failures >= self.patience


@mistake("EarlyStopping", law="test_patience", diagnosis="One check too late: it stops at p failures, not after more.")
class EarlyStoppingOneTooLate(EarlyStopping):
    def update(self, epoch, loss, weights):
        super().update(epoch, loss, weights)
        return self.failures > self.patience


@mistake("EarlyStopping", law="test_patience", diagnosis="An improvement must set the count of failures back to 0.")
class EarlyStoppingWithoutReset(EarlyStopping):
    def update(self, epoch, loss, weights):
        before = self.failures
        super().update(epoch, loss, weights)
        self.failures = max(before, self.failures + before * (self.failures == 0))
        return self.failures >= self.patience


@mistake("EarlyStopping", law="test_interval", diagnosis="Every epoch is checked, whatever `every` says.")
class EarlyStoppingEveryEpoch(EarlyStopping):
    def __init__(self, patience, every=1):
        super().__init__(patience, every)
        self.every = 1


@mistake(
    "EarlyStopping", law="test_interval", diagnosis="Epochs 1, 1 + n, … are checked; it should be n, 2n, and so on."
)
class EarlyStoppingOffByOne(EarlyStopping):
    def update(self, epoch, loss, weights):
        if (epoch - 1) % self.every == 0:
            if loss < self.best_loss:
                self.best_loss, self.best_epoch, self.failures = loss, epoch, 0
                self.best_weights = [w.clone() for w in weights]
            else:
                self.failures += 1
        return self.failures >= self.patience


@mistake("EarlyStopping", law="test_patience", diagnosis="An equal loss is no improvement: the inequality is strict.")
class EarlyStoppingWithTies(EarlyStopping):
    def update(self, epoch, loss, weights):
        if epoch % self.every == 0:
            if loss <= self.best_loss:
                self.best_loss, self.best_epoch, self.failures = loss, epoch, 0
                self.best_weights = [w.clone() for w in weights]
            else:
                self.failures += 1
        return self.failures >= self.patience


@mistake("EarlyStopping", law="test_history", diagnosis="The newest weights are kept instead of the best ones.")
class EarlyStoppingWithTheNewestWeights(EarlyStopping):
    def update(self, epoch, loss, weights):
        stop = super().update(epoch, loss, weights)
        self.best_weights = [w.clone() for w in weights]
        return stop


@mistake("batch_norm_train", law="test_torch", diagnosis="The batch is normalised with the unbiased variance (N − 1).")
def batch_norm_train_unbiased(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("batch of one")
    mean, var = x.mean(dim=0), x.var(dim=0)
    y = gamma * (x - mean) / torch.sqrt(var + eps) + beta
    return y, (1 - momentum) * running_mean + momentum * mean, (1 - momentum) * running_var + momentum * var


@mistake("batch_norm_train", law="test_torch", diagnosis="The running variance is fed with the biased variance (N).")
def batch_norm_train_biased(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("batch of one")
    mean, var = x.mean(dim=0), x.var(dim=0, correction=0)
    y = gamma * (x - mean) / torch.sqrt(var + eps) + beta
    return y, (1 - momentum) * running_mean + momentum * mean, (1 - momentum) * running_var + momentum * var


@mistake("batch_norm_train", law="test_torch", diagnosis="Momentum weighs the new statistic here, not the old one.")
def batch_norm_train_with_old_momentum(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("batch of one")
    mean, var = x.mean(dim=0), x.var(dim=0, correction=0)
    y = gamma * (x - mean) / torch.sqrt(var + eps) + beta
    return y, momentum * running_mean + (1 - momentum) * mean, momentum * running_var + (1 - momentum) * x.var(dim=0)


@mistake(
    "batch_norm_train", law="test_torch", diagnosis="In training the statistics of the batch normalise, not the old."
)
def batch_norm_train_with_running_statistics(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("batch of one")
    new_mean = (1 - momentum) * running_mean + momentum * x.mean(dim=0)
    new_var = (1 - momentum) * running_var + momentum * x.var(dim=0)
    return gamma * (x - new_mean) / torch.sqrt(new_var + eps) + beta, new_mean, new_var


@mistake("batch_norm_train", law="test_torch", diagnosis="One mean over the whole array: it goes feature by feature.")
def batch_norm_train_over_everything(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("batch of one")
    y = gamma * (x - x.mean()) / torch.sqrt(x.var(correction=0) + eps) + beta
    new_mean = (1 - momentum) * running_mean + momentum * x.mean(dim=0)
    return y, new_mean, (1 - momentum) * running_var + momentum * x.var(dim=0)


@mistake("batch_norm_train", law="test_torch", diagnosis="Epsilon belongs inside the square root.")
def batch_norm_train_with_epsilon_outside(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("batch of one")
    mean, var = x.mean(dim=0), x.var(dim=0, correction=0)
    y = gamma * (x - mean) / (torch.sqrt(var) + eps) + beta
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return y, new_mean, (1 - momentum) * running_var + momentum * x.var(dim=0)


@mistake("batch_norm_train", law="test_gradients", diagnosis="Mean and variance are detached: their gradient is lost.")
def batch_norm_train_detached(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("batch of one")
    mean, var = x.mean(dim=0).detach(), x.var(dim=0, correction=0).detach()
    y = gamma * (x - mean) / torch.sqrt(var + eps) + beta
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return y, new_mean, (1 - momentum) * running_var + momentum * x.var(dim=0).detach()


@mistake(
    "batch_norm_eval",
    law="test_torch",
    diagnosis="The batch's own statistics are used: answers depend on the rest of the batch.",
)
def batch_norm_eval_in_training_mode(x, gamma, beta, running_mean, running_var, eps=1e-5):
    var = x.var(dim=0, correction=0) if len(x) else running_var
    mean = x.mean(dim=0) if len(x) else running_mean
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta


@mistake("batch_norm_eval", law="test_torch", diagnosis="The square root is missing: divide by the deviation.")
def batch_norm_eval_by_the_variance(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return gamma * (x - running_mean) / (running_var + eps) + beta


@mistake("batch_norm_eval", law="test_torch", diagnosis="γ and β, the learned scale and shift, are missing.")
def batch_norm_eval_without_scale_and_shift(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return (x - running_mean) / torch.sqrt(running_var + eps)


@mistake("batch_norm_eval", law="test_shape_and_dtype", diagnosis="Epsilon belongs inside the square root.")
def batch_norm_eval_with_epsilon_outside(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return gamma * (x - running_mean) / (torch.sqrt(running_var) + eps) + beta


@mistake(
    "batch_norm_backward",
    law="test_autograd",
    diagnosis="Mean and variance were taken for constants: their paths to every output are missing.",
)
def batch_norm_backward_with_constant_statistics(dy, x, gamma, eps=1e-5):
    deviation = torch.sqrt(x.var(dim=0, correction=0) + eps)
    normalised = (x - x.mean(dim=0)) / deviation
    return gamma * dy / deviation, (dy * normalised).sum(dim=0), dy.sum(dim=0)


@mistake("batch_norm_backward", law="test_autograd", diagnosis="The path through the variance is missing.")
def batch_norm_backward_without_the_variance(dy, x, gamma, eps=1e-5):
    deviation = torch.sqrt(x.var(dim=0, correction=0) + eps)
    normalised = (x - x.mean(dim=0)) / deviation
    d = gamma * dy
    return (d - d.mean(dim=0)) / deviation, (dy * normalised).sum(dim=0), dy.sum(dim=0)


@mistake("batch_norm_backward", law="test_autograd", diagnosis="The gradients of γ and β add up over the batch.")
def batch_norm_backward_with_means(dy, x, gamma, eps=1e-5):
    deviation = torch.sqrt(x.var(dim=0, correction=0) + eps)
    normalised = (x - x.mean(dim=0)) / deviation
    d = gamma * dy
    dx = (d - d.mean(dim=0) - normalised * (d * normalised).mean(dim=0)) / deviation
    return dx, (dy * normalised).mean(dim=0), dy.mean(dim=0)


@mistake("batch_norm_backward", law="test_autograd", diagnosis="γ is missing: ∂L/∂x̂ is γ times ∂L/∂y.")
def batch_norm_backward_without_gamma(dy, x, gamma, eps=1e-5):
    deviation = torch.sqrt(x.var(dim=0, correction=0) + eps)
    normalised = (x - x.mean(dim=0)) / deviation
    dx = (dy - dy.mean(dim=0) - normalised * (dy * normalised).mean(dim=0)) / deviation
    return dx, (dy * normalised).sum(dim=0), dy.sum(dim=0)


@mistake("batch_norm_backward", law="test_autograd", diagnosis="∂L/∂γ needs the normalised inputs, not the raw ones.")
def batch_norm_backward_with_raw_inputs(dy, x, gamma, eps=1e-5):
    deviation = torch.sqrt(x.var(dim=0, correction=0) + eps)
    normalised = (x - x.mean(dim=0)) / deviation
    d = gamma * dy
    dx = (d - d.mean(dim=0) - normalised * (d * normalised).mean(dim=0)) / deviation
    return dx, (dy * x).sum(dim=0), dy.sum(dim=0)


@mistake("random_flip", law="test_frequency", diagnosis="One coin for the whole batch: each image needs its own.")
def random_flip_all_or_none(images, labels, seed, probability=0.5):
    generator = torch.Generator().manual_seed(seed)
    if torch.rand((), generator=generator) < probability:
        images = images.flip(-1)
    return images, labels


@mistake("random_flip", law="test_certain", diagnosis="Upside down: a horizontal flip reverses the columns.")
def random_flip_upside_down(images, labels, seed, probability=0.5):
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(len(images), generator=generator) < probability
    return torch.where(chosen[:, None, None, None], images.flip(-2), images), labels


@mistake("random_flip", law="test_seed", diagnosis="The seed is not used: results cannot be repeated.")
def random_flip_without_the_seed(images, labels, seed, probability=0.5):
    chosen = torch.rand(len(images), generator=torch.Generator().manual_seed(0)) < probability
    return torch.where(chosen[:, None, None, None], images.flip(-1), images), labels


@mistake("random_flip", law="test_mirror_or_not", diagnosis="flip without an axis reverses the batch and channels too.")
def random_flip_of_everything(images, labels, seed, probability=0.5):
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(len(images), generator=generator) < probability
    return torch.where(chosen[:, None, None, None], images.flip(dims=(0, 1, 2, 3)), images), labels


@mistake(
    "random_flip",
    law="test_mirror_or_not",
    diagnosis="Mirrored images were put first: the images no longer stand beside their labels.",
)
def random_flip_sorted(images, labels, seed, probability=0.5):
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(len(images), generator=generator) < probability
    return torch.cat([images[chosen].flip(-1), images[~chosen]]), labels


@mistake(
    "random_flip",
    law="test_frequency",
    diagnosis="A fixed share of the images is drawn by lot; each image should toss a coin of its own.",
)
def random_flip_of_a_fixed_number(images, labels, seed, probability=0.5):
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(images), generator=generator)[: round(probability * len(images))]
    result = images.clone()
    result[chosen] = images[chosen].flip(-1)
    return result, labels


@mistake("random_flip", law="test_certain", diagnosis="Images are mirrored with probability 1 − p instead of p.")
def random_flip_turned_round(images, labels, seed, probability=0.5):
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(len(images), generator=generator) >= probability
    return torch.where(chosen[:, None, None, None], images.flip(-1), images), labels


@mistake("random_crop", law="test_uniform", diagnosis="randint leaves its upper end out: the last corner never comes.")
def random_crop_without_the_last_corner(images, labels, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    height, width = images.shape[2:]
    padded = F.pad(images, (padding,) * 4)
    corners = torch.randint(0, max(1, 2 * padding), (len(images), 2), generator=generator).tolist()
    cropped = torch.empty_like(images)
    for index, (top, left) in enumerate(corners):
        cropped[index] = padded[index, :, top : top + height, left : left + width]
    return cropped, labels


@mistake("random_crop", law="test_uniform", diagnosis="One corner for the whole batch: each image needs its own.")
def random_crop_with_one_corner(images, labels, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    height, width = images.shape[2:]
    top, left = torch.randint(0, 2 * padding + 1, (2,), generator=generator).tolist()
    return F.pad(images, (padding,) * 4)[:, :, top : top + height, left : left + width], labels


@mistake("random_crop", law="test_uniform", diagnosis="Row and column use the same number: only diagonal moves.")
def random_crop_along_the_diagonal(images, labels, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    height, width = images.shape[2:]
    padded = F.pad(images, (padding,) * 4)
    corners = torch.randint(0, 2 * padding + 1, (len(images),), generator=generator).tolist()
    cropped = torch.empty_like(images)
    for index, corner in enumerate(corners):
        cropped[index] = padded[index, :, corner : corner + height, corner : corner + width]
    return cropped, labels


@mistake("random_crop", law="test_window", diagnosis="Rolling wraps pixels round to the other side; zeros come in.")
def random_crop_by_rolling(images, labels, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    shifts = torch.randint(-padding, padding + 1, (len(images), 2), generator=generator).tolist()
    cropped = torch.empty_like(images)
    for index, shift in enumerate(shifts):
        cropped[index] = images[index].roll(shift, (1, 2))
    return cropped, labels


@mistake(
    "random_crop",
    law="test_uniform",
    diagnosis="The corners come in turn after a random first one; each image should draw its own.",
)
def random_crop_in_turn(images, labels, padding, seed):
    side = 2 * padding + 1
    start = int(torch.randint(0, side**2, (), generator=torch.Generator().manual_seed(seed)))
    padded = F.pad(images, (padding,) * 4)
    result = torch.empty_like(images)
    for i in range(len(images)):
        top, left = divmod((start + i) % side**2, side)
        result[i] = padded[i, :, top : top + images.shape[2], left : left + images.shape[3]]
    return result, labels


@mistake("random_crop", law="test_window", diagnosis="The border is repeated instead of padded with zeros.")
def random_crop_with_a_repeated_border(images, labels, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    height, width = images.shape[2:]
    padded = F.pad(images, (padding,) * 4, mode="replicate") if len(images) else F.pad(images, (padding,) * 4)
    corners = torch.randint(0, 2 * padding + 1, (len(images), 2), generator=generator).tolist()
    cropped = torch.empty_like(images)
    for index, (top, left) in enumerate(corners):
        cropped[index] = padded[index, :, top : top + height, left : left + width]
    return cropped, labels


@mistake("residual_block", law="test_value", diagnosis="The connection is missing: this is f(x) alone.")
def residual_block_without_the_connection(x, f):
    y = f(x)
    if y.shape != x.shape:
        raise ValueError("shape")
    return y


@mistake("residual_block", law="test_shapes_and_errors", diagnosis="Broadcasting adds an f(x) of the wrong shape.")
def residual_block_that_broadcasts(x, f):
    return x + f(x)


@mistake("residual_block", law="test_jacobian", diagnosis="x was detached: the gradient through the identity is lost.")
def residual_block_detached(x, f):
    y = f(x)
    if y.shape != x.shape:
        raise ValueError("shape")
    return x.detach() + y


@mistake(
    "residual_block", law="test_value", diagnosis="Input and f(x) were multiplied: that is a gate, not a residual."
)
def residual_block_that_multiplies(x, f):
    y = f(x)
    if y.shape != x.shape:
        raise ValueError("shape")
    return x * (1 + y)


@mistake("residual_jacobian", law="test_autograd", diagnosis="The order is reversed: later blocks stand to the left.")
def residual_jacobian_in_reverse(jacobians):
    identity = torch.eye(len(jacobians[0]), dtype=jacobians[0].dtype)
    product = identity
    for J in jacobians:
        product = product @ (identity + J)
    return product


@mistake("residual_jacobian", law="test_expansion", diagnosis="I plus the product of all: only two of the 2^K paths.")
def residual_jacobian_with_two_paths(jacobians):
    product = torch.eye(len(jacobians[0]), dtype=jacobians[0].dtype)
    for J in jacobians:
        product = J @ product
    return torch.eye(len(jacobians[0]), dtype=jacobians[0].dtype) + product


@mistake("residual_jacobian", law="test_no_vanishing", diagnosis="The identities are missing: the product vanishes.")
def residual_jacobian_without_identities(jacobians):
    product = torch.eye(len(jacobians[0]), dtype=jacobians[0].dtype)
    for J in jacobians:
        product = J @ product
    return product


@mistake(
    "residual_jacobian", law="test_expansion", diagnosis="I + J₁ + … + J_K leaves out paths through several blocks."
)
def residual_jacobian_of_first_order(jacobians):
    return torch.eye(len(jacobians[0]), dtype=jacobians[0].dtype) + sum(jacobians)


@mistake("transfer_weights", law="test_body", diagnosis="The old head was kept as one more layer of the body.")
def transfer_weights_on_top_of_the_head(weights, biases, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    features = weights[-1].shape[0]
    head = torch.randn(classes, features, generator=generator, dtype=weights[-1].dtype) / math.sqrt(features)
    return [*weights, head], [*biases, weights[-1].new_zeros(classes)]


@mistake(
    "transfer_weights", law="test_head", diagnosis="The fan-in is the number of columns, the features, not classes."
)
def transfer_weights_by_classes(weights, biases, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    head = torch.randn(classes, weights[-1].shape[1], generator=generator, dtype=weights[-1].dtype) / math.sqrt(classes)
    return [*weights[:-1], head], [*biases[:-1], weights[-1].new_zeros(classes)]


@mistake("transfer_weights", law="test_head", diagnosis="A head of zeros: weights should be small and random.")
def transfer_weights_with_a_head_of_zeros(weights, biases, classes, seed):
    head = weights[-1].new_zeros(classes, weights[-1].shape[1])
    return [*weights[:-1], head], [*biases[:-1], weights[-1].new_zeros(classes)]


@mistake("transfer_weights", law="test_body", diagnosis="The old head's biases were kept; the new head starts at 0.")
def transfer_weights_with_old_biases(weights, biases, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    inputs = weights[-1].shape[1]
    head = torch.randn(classes, inputs, generator=generator, dtype=weights[-1].dtype) / math.sqrt(inputs)
    return [*weights[:-1], head], list(biases)


@mistake("transfer_weights", law="test_single_precision", diagnosis="The head is always in double precision.")
def transfer_weights_in_double_precision(weights, biases, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    inputs = weights[-1].shape[1]
    head = torch.randn(classes, inputs, generator=generator, dtype=torch.float64) / math.sqrt(inputs)
    return [*weights[:-1], head], [*biases[:-1], torch.zeros(classes, dtype=torch.float64)]


@mistake("finetune", law="test_head_alone", diagnosis="All layers are trained: the body should be frozen.")
def finetune_everything(weights, biases, x, labels, learning_rate, steps, trained=1):
    if not 1 <= trained <= len(weights):
        raise ValueError("trained")
    weights = [W.detach().clone().requires_grad_() for W in weights]
    biases = [b.detach().clone().requires_grad_() for b in biases]
    for _ in range(steps):
        h = x
        for W, b in zip(weights[:-1], biases[:-1]):
            h = torch.relu(h @ W.T + b)
        loss = F.cross_entropy(h @ weights[-1].T + biases[-1], labels)
        gradients = torch.autograd.grad(loss, [*weights, *biases])
        with torch.no_grad():
            for parameter, gradient in zip([*weights, *biases], gradients):
                parameter -= learning_rate * gradient
    return [W.detach() for W in weights], [b.detach() for b in biases]


@mistake("finetune", law="test_one_step", diagnosis="The sum of the losses was descended; it should be their mean.")
def finetune_on_the_sum(weights, biases, x, labels, learning_rate, steps, trained=1):
    if not 1 <= trained <= len(weights):
        raise ValueError("trained")
    parameters = [p.detach().clone().requires_grad_() for p in (*weights[-trained:], *biases[-trained:])]
    frozen = len(weights) - trained
    for _ in range(steps):
        h = x
        for layer in range(len(weights)):
            own = layer - frozen
            W, b = (weights[layer], biases[layer]) if own < 0 else (parameters[own], parameters[trained + own])
            h = h @ W.T + b
            h = torch.relu(h) if layer < len(weights) - 1 else h
        gradients = torch.autograd.grad(F.cross_entropy(h, labels, reduction="sum"), parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients):
                parameter -= learning_rate * gradient
    plain = [p.detach() for p in parameters]
    return [*weights[:frozen], *plain[:trained]], [*biases[:frozen], *plain[trained:]]


@mistake("finetune", law="test_one_step", diagnosis="The head's bias is never updated.")
def finetune_without_the_bias(weights, biases, x, labels, learning_rate, steps, trained=1):
    if not 1 <= trained <= len(weights):
        raise ValueError("trained")
    parameters = [p.detach().clone().requires_grad_() for p in weights[-trained:]]
    frozen = len(weights) - trained
    for _ in range(steps):
        h = x
        for layer in range(len(weights)):
            W = weights[layer] if layer < frozen else parameters[layer - frozen]
            h = h @ W.T + biases[layer]
            h = torch.relu(h) if layer < len(weights) - 1 else h
        gradients = torch.autograd.grad(F.cross_entropy(h, labels), parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients):
                parameter -= learning_rate * gradient
    return [*weights[:frozen], *(p.detach() for p in parameters)], list(biases)


@mistake("finetune", law="test_some_layers", diagnosis="The first layers are trained and the last ones frozen.")
def finetune_the_first_layers(weights, biases, x, labels, learning_rate, steps, trained=1):
    if not 1 <= trained <= len(weights):
        raise ValueError("trained")
    parameters = [p.detach().clone().requires_grad_() for p in (*weights[:trained], *biases[:trained])]
    for _ in range(steps):
        h = x
        for layer in range(len(weights)):
            W, b = weights[layer], biases[layer]
            if layer < trained:
                W, b = parameters[layer], parameters[trained + layer]
            h = h @ W.T + b
            h = torch.relu(h) if layer < len(weights) - 1 else h
        gradients = torch.autograd.grad(F.cross_entropy(h, labels), parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients):
                parameter -= learning_rate * gradient
    plain = [p.detach() for p in parameters]
    return [*plain[:trained], *weights[trained:]], [*plain[trained:], *biases[trained:]]


@mistake("finetune", law="test_some_layers", diagnosis="Gradients pile up from step to step: they were never reset.")
def finetune_without_zero_grad(weights, biases, x, labels, learning_rate, steps, trained=1):
    if not 1 <= trained <= len(weights):
        raise ValueError("trained")
    weights = [W.detach().clone() for W in weights]
    biases = [b.detach().clone() for b in biases]
    last = [p.requires_grad_() for p in (*weights[-trained:], *biases[-trained:])]
    optimiser = torch.optim.SGD(last, lr=learning_rate)
    for _ in range(steps):
        h = x
        for W, b in zip(weights[:-1], biases[:-1]):
            h = torch.relu(h @ W.T + b)
        F.cross_entropy(h @ weights[-1].T + biases[-1], labels).backward()
        optimiser.step()
    return [W.detach() for W in weights], [b.detach() for b in biases]
