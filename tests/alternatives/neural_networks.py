"""Other right answers to the exercises of neural networks."""

import math

import torch
from torch.nn import functional as F

from autograder.bank import alternative


@alternative("perceptron_predict", "with where and a sum of products")
def perceptron_predict_by_where(x, w, b):
    return torch.where((x * w).sum(-1) + b > 0, 1.0, 0.0).to(x.dtype)


@alternative("perceptron_predict", "with an einsum and heaviside")
def perceptron_predict_by_heaviside(x, w, b):
    scores = torch.einsum("...i,i->...", x, w) + b
    return torch.heaviside(scores, scores.new_zeros(()))


@alternative("perceptron_predict", "one example at a time")
def perceptron_predict_by_loops(x, w, b):
    answers = [float(sum(a * c for a, c in zip(row, w)) + b > 0) for row in x.reshape(-1, len(w))]
    return torch.tensor(answers, dtype=x.dtype).reshape(x.shape[:-1])


@alternative("perceptron_predict", "the last layer of a torch module")
def perceptron_predict_by_a_layer(x, w, b):
    return torch.sign(F.linear(x, w[None], b[None])[..., 0]).clamp(min=0)


@alternative("perceptron_update", "with branches")
def perceptron_update_by_branches(x, y, w, b, learning_rate):
    positive = torch.dot(x, w) + b > 0
    if y == 1 and not positive:
        return w + learning_rate * x, b + learning_rate
    if y == 0 and positive:
        return w - learning_rate * x, b - learning_rate
    return w, b


@alternative("perceptron_update", "with a constant feature")
def perceptron_update_by_a_constant_feature(x, y, w, b, learning_rate):
    example, theta = torch.cat([x, x.new_ones(1)]), torch.cat([w, b.reshape(1)])
    answer = int(example @ theta > 0)
    theta = theta + learning_rate * (y - answer) * example
    return theta[:-1], theta[-1]


@alternative("perceptron_update", "as gradient descent on the hinge with margin 0")
def perceptron_update_by_autograd(x, y, w, b, learning_rate):
    w, b = w.detach().clone().requires_grad_(), b.detach().clone().requires_grad_()
    score = x @ w + b
    answer = float(score > 0)
    loss = (answer - y) * score
    slopes = torch.autograd.grad(loss, (w, b))
    return tuple(part.detach() - learning_rate * slope for part, slope in zip((w, b), slopes))


@alternative("perceptron_fit", "with a constant feature and signs")
def perceptron_fit_by_signs(x, y, epochs):
    examples = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    signs = 2 * y - 1
    theta, updates = torch.zeros_like(examples[0]), 0
    for _ in range(epochs):
        clean = True
        for example, sign in zip(examples, signs):
            answer = 1 if example @ theta > 0 else -1
            if answer != sign:
                theta = theta + sign * example
                updates, clean = updates + 1, False
        if clean:
            return theta[:-1], theta[-1], updates
    return theta[:-1], theta[-1], updates


@alternative("perceptron_fit", "in plain Python numbers")
def perceptron_fit_in_plain_python(x, y, epochs):
    rows, labels = x.tolist(), y.tolist()
    w, b, updates = [0.0] * x.shape[1], 0.0, 0
    while epochs > 0:
        mistakes = 0
        for row, label in zip(rows, labels):
            answer = sum(wi * xi for wi, xi in zip(w, row)) + b > 0
            if answer != (label == 1):
                step = 1.0 if label == 1 else -1.0
                w = [wi + step * xi for wi, xi in zip(w, row)]
                b += step
                mistakes += 1
        updates += mistakes
        epochs = epochs - 1 if mistakes else 0
    return torch.tensor(w, dtype=x.dtype), torch.tensor(b, dtype=x.dtype), updates


@alternative("perceptron_fit", "in the dual, by counting mistakes")
def perceptron_fit_in_the_dual(x, y, epochs):
    signs = 2 * y - 1
    gram = (x @ x.T + 1) * signs
    counts = torch.zeros(len(x), dtype=x.dtype)
    for _ in range(epochs):
        before = counts.clone()
        for i in range(len(x)):
            if bool(gram[i] @ counts > 0) != bool(signs[i] > 0):
                counts[i] += 1
        if torch.equal(before, counts):
            break
    return (counts * signs) @ x, (counts * signs).sum(), int(counts.sum())


@alternative("novikoff_bound", "with homogeneous coordinates")
def novikoff_bound_in_homogeneous_coordinates(x, y, w, b):
    points = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    theta = torch.cat([w, b.reshape(1)])
    margins = torch.where(y == 1, 1.0, -1.0) * (points @ theta) / theta.norm()
    if not bool((margins > 0).all()):
        raise ValueError("this hyperplane does not separate the data")
    return float((points.norm(dim=1).max() / margins.min()) ** 2)


@alternative("novikoff_bound", "in plain Python")
def novikoff_bound_in_plain_python(x, y, w, b):
    weights, bias = w.tolist(), float(b)
    margin, radius = math.inf, 0.0
    for row, label in zip(x.tolist(), y.tolist()):
        score = math.fsum([bias, *(a * c for a, c in zip(row, weights))])
        margin = min(margin, score if label else -score)
        radius = max(radius, math.sqrt(1 + math.fsum(a * a for a in row)))
    if margin <= 0:
        raise ValueError("an example is on the wrong side")
    return (radius * math.hypot(bias, *weights) / margin) ** 2


@alternative("novikoff_bound", "with a unit normal vector")
def novikoff_bound_with_a_unit_vector(x, y, w, b):
    points, normal = torch.cat([x, torch.ones_like(x[:, :1])], dim=1), torch.cat([w, b.reshape(1)])
    gamma = ((2 * y - 1) * (points @ (normal / normal.norm()))).min()
    if gamma <= 0:
        raise ValueError("hyperplane")
    return (points.norm(dim=1).max() / gamma).item() ** 2


@alternative("novikoff_bound", "with NumPy")
def novikoff_bound_in_numpy(x, y, w, b):
    import numpy as np

    points = np.pad(x.numpy(), ((0, 0), (0, 1)), constant_values=1.0)
    theta = np.append(w.numpy(), b.numpy())
    margins = (2 * y.numpy() - 1) * (points @ theta) / np.linalg.norm(theta)
    if margins.min() <= 0:
        raise ValueError("not separated")
    return float(np.sum(points**2, axis=1).max() / margins.min() ** 2)


@alternative("hinge_loss", "with relu and where")
def hinge_loss_by_where(z, y, margin=1.0):
    return F.relu(margin + torch.where(y == 1, -z, z))


@alternative("hinge_loss", "with maximum")
def hinge_loss_by_maximum(z, y, margin=1.0):
    charge = margin - (y - (1 - y)) * z
    return torch.maximum(charge, torch.zeros_like(charge))


@alternative("hinge_loss", "with an indicator")
def hinge_loss_by_indicator(z, y, margin=1.0):
    signed = (2 * y - 1) * z
    return (margin - signed) * (signed < margin)


@alternative("mlp_forward", "by torch.nn.functional.linear, the last layer apart")
def mlp_forward_by_linear(x, weights, biases):
    if len(weights) != len(biases):
        raise ValueError("each layer needs its bias")
    for W, b in zip(weights[:-1], biases[:-1]):
        x = F.relu(F.linear(x, W, b))
    return F.linear(x, weights[-1], biases[-1])


@alternative("mlp_forward", "by recursion")
def mlp_forward_by_recursion(x, weights, biases):
    if len(weights) != len(biases):
        raise ValueError(f"{len(weights)} weights, {len(biases)} biases")
    a = torch.einsum("...i,oi->...o", x, weights[0]) + biases[0]
    return a if len(weights) == 1 else mlp_forward_by_recursion(a.clamp(min=0), weights[1:], biases[1:])


@alternative("mlp_forward", "with torch.nn.Sequential")
def mlp_forward_by_sequential(x, weights, biases):
    if len(weights) != len(biases):
        raise ValueError("numbers of weights and biases differ")
    network = torch.nn.Sequential()
    parameters = {}
    for layer, (W, b) in enumerate(zip(weights, biases)):
        if layer:
            network.append(torch.nn.ReLU())
        network.append(torch.nn.Linear(W.shape[1], W.shape[0], dtype=W.dtype))
        parameters[f"{len(network) - 1}.weight"], parameters[f"{len(network) - 1}.bias"] = W, b
    return torch.func.functional_call(network, parameters, (x,))


@alternative("initialise_mlp", "with normal_ in place")
def initialise_mlp_in_place(widths, seed):
    generator = torch.Generator()
    generator.manual_seed(seed)
    weights = []
    for layer in range(1, len(widths)):
        W = torch.empty(widths[layer], widths[layer - 1], dtype=torch.float64)
        weights.append(W.normal_(0, (2 / widths[layer - 1]) ** 0.5, generator=generator))
    return weights, [torch.zeros(width, dtype=torch.float64) for width in widths[1:]]


@alternative("initialise_mlp", "with NumPy's generator")
def initialise_mlp_by_numpy(widths, seed):
    import numpy as np

    random = np.random.default_rng(seed)
    pairs = list(zip(widths[1:], widths[:-1]))
    weights = [torch.from_numpy(random.normal(scale=np.sqrt(2 / pair[1]), size=pair)) for pair in pairs]
    return weights, [torch.from_numpy(np.zeros(pair[0])) for pair in pairs]


@alternative("initialise_mlp", "with torch.nn.init")
def initialise_mlp_by_kaiming(widths, seed):
    generator = torch.Generator().manual_seed(seed)
    weights, biases = [], []
    for n, m in zip(widths, widths[1:]):
        W = torch.empty(m, n, dtype=torch.float64)
        torch.nn.init.kaiming_normal_(W, nonlinearity="relu", generator=generator)
        weights.append(W)
        biases.append(W.new_zeros(m))
    return weights, biases


@alternative("binary_cross_entropy_with_logits", "with softplus")
def bce_by_softplus(logits, targets):
    return F.softplus(logits) - targets * logits


@alternative("binary_cross_entropy_with_logits", "with logaddexp")
def bce_by_logaddexp(logits, targets):
    return torch.logaddexp(torch.zeros_like(logits), logits) - targets * logits


@alternative("binary_cross_entropy_with_logits", "by torch")
def bce_by_torch(logits, targets):
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


@alternative("binary_cross_entropy_with_logits", "as a softmax with a second logit of 0")
def bce_by_softmax(logits, targets):
    logs = torch.log_softmax(torch.stack([torch.zeros_like(logits), logits]), dim=0)
    return -((1 - targets) * logs[0] + targets * logs[1])


@alternative("cross_entropy", "by torch")
def cross_entropy_by_torch(logits, labels):
    if len(labels) and (labels.min() < 0 or labels.max() >= logits.shape[1]):
        raise ValueError("label out of range")
    return F.cross_entropy(logits, labels, reduction="none")


@alternative("cross_entropy", "with the maximum subtracted and a one-hot label")
def cross_entropy_by_one_hot(logits, labels):
    classes = torch.arange(logits.shape[1])
    right = labels[:, None] == classes
    if not right.any(dim=1).all():
        raise ValueError("there is a label that is no class")
    shifted = logits - logits.amax(dim=1, keepdim=True)
    return torch.log(torch.exp(shifted).sum(dim=1)) - (shifted * right).sum(dim=1)


@alternative("cross_entropy", "example by example")
def cross_entropy_by_loops(logits, labels):
    losses = []
    for z, y in zip(logits, labels):
        if not 0 <= y < len(z):
            raise ValueError(f"no class {y}")
        losses.append(-torch.log_softmax(z, dim=0)[y])
    return torch.stack(losses) if losses else logits.new_zeros(0)


@alternative("map_loss", "with one long vector of all parameters")
def map_loss_of_a_vector(nll, params, prior, strength):
    if prior not in {"gaussian", "laplace"} or strength < 0:
        raise ValueError("unknown prior or negative strength")
    w = torch.cat([part.reshape(-1) for part in params])
    return nll + (0.5 * strength * torch.dot(w, w) if prior == "gaussian" else strength * torch.norm(w, p=1))


@alternative("map_loss", "with a table of penalties")
def map_loss_by_table(nll, params, prior, strength):
    penalties = {"gaussian": lambda w: (w * w).sum() / 2, "laplace": lambda w: w.abs().sum()}
    if strength < 0:
        raise ValueError("negative strength")
    if prior not in penalties:
        raise ValueError(f"no prior {prior}")
    for w in params:
        nll = nll + strength * penalties[prior](w)
    return nll


@alternative("map_loss", "with torch.distributions and the constants taken off again")
def map_loss_by_distributions(nll, params, prior, strength):
    if strength < 0 or prior not in ("gaussian", "laplace"):
        raise ValueError("prior or strength")
    if strength == 0:
        return nll + 0
    zero = torch.zeros((), dtype=params[0].dtype)
    if prior == "gaussian":
        density = torch.distributions.Normal(zero, strength**-0.5)
    else:
        density = torch.distributions.Laplace(zero, 1 / strength)
    return nll - sum((density.log_prob(w) - density.log_prob(zero)).sum() for w in params)


@alternative("l1_penalty", "with vector norms")
def l1_penalty_by_norms(params, strength):
    return strength * torch.stack([torch.linalg.vector_norm(w, ord=1) for w in params]).sum()


@alternative("l1_penalty", "with signs")
def l1_penalty_by_signs(params, strength):
    total = 0
    for w in params:
        total = total + (torch.sign(w) * w).sum()
    return total * strength


@alternative("l1_penalty", "with one long vector")
def l1_penalty_of_a_vector(params, strength):
    w = torch.cat([part.flatten() for part in params])
    return strength * (F.relu(w) + F.relu(-w)).sum()


@alternative("l1_subgradient", "with where")
def l1_subgradient_by_where(params, strength):
    slopes = []
    for w in params:
        slope = torch.zeros_like(w)
        slope[w > 0] = strength
        slope[w < 0] = -strength
        slopes.append(slope)
    return slopes


@alternative("l1_subgradient", "with comparisons")
def l1_subgradient_by_comparisons(params, strength):
    return [strength * ((w > 0).to(w.dtype) - (w < 0).to(w.dtype)) for w in params]


@alternative("l1_subgradient", "by autograd")
def l1_subgradient_by_autograd(params, strength):
    leaves = [w.detach().clone().requires_grad_() for w in params]
    return list(torch.autograd.grad(strength * sum(w.abs().sum() for w in leaves), leaves))


@alternative("mlp_backward", "by autograd")
def mlp_backward_by_autograd(x, weights, biases, delta):
    leaves = [part.detach().clone().requires_grad_() for part in (*weights, *biases)]
    depth = len(weights)
    for layer in range(depth):
        x = x @ leaves[layer].T + leaves[depth + layer]
        x = torch.relu(x) if layer + 1 < depth else x
    gradients = torch.autograd.grad(x, leaves, delta)
    return list(gradients[:depth]), list(gradients[depth:])


@alternative("mlp_backward", "example by example with outer products")
def mlp_backward_by_outer_products(x, weights, biases, delta):
    weight_gradients = [torch.zeros_like(W) for W in weights]
    bias_gradients = [torch.zeros_like(b) for b in biases]
    for example, error in zip(x, delta):
        activations, inputs = [example], []
        for W, b in zip(weights, biases):
            inputs.append(W @ activations[-1] + b)
            activations.append(inputs[-1].clamp(min=0))
        for layer in range(len(weights) - 1, -1, -1):
            weight_gradients[layer] += torch.outer(error, activations[layer])
            bias_gradients[layer] += error
            if layer:
                error = torch.where(inputs[layer - 1] > 0, weights[layer].T @ error, 0.0)
    return weight_gradients, bias_gradients


@alternative("mlp_backward", "with einsum and indices")
def mlp_backward_by_einsum(x, weights, biases, delta):
    depth, h, a = len(weights), [x], []
    for layer in range(depth):
        a.append(torch.einsum("ni,oi->no", h[layer], weights[layer]) + biases[layer])
        h.append(F.relu(a[layer]))
    dW, db = [None] * depth, [None] * depth
    for layer in reversed(range(depth)):
        dW[layer] = torch.einsum("no,ni->oi", delta, h[layer])
        db[layer] = torch.einsum("no->o", delta)
        if layer > 0:
            delta = torch.einsum("no,oi->ni", delta, weights[layer]) * torch.sign(h[layer])
    return dW, db


@alternative("gradient_descent", "into a tensor made beforehand")
def gradient_descent_into_a_tensor(gradient, x0, learning_rate, steps):
    path = torch.empty(steps + 1, *x0.shape, dtype=x0.dtype)
    path[0] = x0
    for t in range(steps):
        path[t + 1] = path[t] - learning_rate * gradient(path[t].clone())
    return path


@alternative("gradient_descent", "with torch.optim.SGD")
def gradient_descent_by_sgd(gradient, x0, learning_rate, steps):
    x = x0.detach().clone().requires_grad_()
    optimiser = torch.optim.SGD([x], lr=learning_rate)
    path = [x0.clone()]
    for _ in range(steps):
        x.grad = gradient(x.detach().clone())
        optimiser.step()
        path.append(x.detach().clone())
    return torch.stack(path)


@alternative("gradient_descent", "by recursion")
def gradient_descent_by_recursion(gradient, x0, learning_rate, steps):
    points, point = [x0.unsqueeze(0)], x0
    while len(points) <= steps:
        point = torch.sub(point, gradient(point), alpha=learning_rate)
        points.append(point.unsqueeze(0))
    return torch.cat(points)


@alternative("largest_learning_rate", "with the spectral norm")
def largest_learning_rate_by_the_norm(A):
    norm = torch.linalg.matrix_norm(A, ord=2)
    if norm == 0:
        raise ValueError("flat everywhere")
    return float(2 / norm)


@alternative("largest_learning_rate", "with NumPy")
def largest_learning_rate_by_numpy(A):
    import numpy as np

    eigenvalues = np.linalg.eigvals(A.numpy()).real
    if not eigenvalues.max() > 0:
        raise ValueError("flat everywhere")
    return 2 / float(eigenvalues.max())


@alternative("largest_learning_rate", "with SciPy", requires="scipy")
def largest_learning_rate_by_scipy(A):
    from scipy.linalg import eigh

    n = len(A)
    largest = float(eigh(A.numpy(), eigvals_only=True, subset_by_index=(n - 1, n - 1))[0])
    if largest <= 0:
        raise ValueError("no curvature")
    return 2 / largest


@alternative("universal_approximator", "knot by knot")
def universal_approximator_by_loops(f, eps, lipschitz):
    if eps <= 0 or lipschitz < 0:
        raise ValueError("eps must be positive and lipschitz at least 0")
    n = max(1, math.ceil(lipschitz / eps / 2))
    points = torch.tensor([j / n for j in range(n + 1)], dtype=torch.float64)
    values = f(points).tolist()
    v, slope = [], 0.0
    for j in range(n):
        new = (values[j + 1] - values[j]) * n
        v.append(new - slope)
        slope = new
    ones = torch.ones(n, dtype=torch.float64)
    return ones, -points[:n], torch.tensor(v, dtype=torch.float64), torch.tensor(values[0], dtype=torch.float64)


@alternative("universal_approximator", "by solving for the output weights")
def universal_approximator_by_solving(f, eps, lipschitz):
    if not (eps > 0 and lipschitz >= 0):
        raise ValueError("eps must be positive and lipschitz at least 0")
    n = max(1, math.ceil(lipschitz / (2 * eps)))
    knots = torch.arange(n + 1, dtype=torch.float64) / n
    values = f(knots)
    hidden = F.relu(knots[1:, None] - knots[:-1])
    v = torch.linalg.solve_triangular(hidden, (values[1:] - values[0])[:, None], upper=False)[:, 0]
    return torch.ones(n, dtype=torch.float64), -knots[:-1], v, values[0].clone()


@alternative("universal_approximator", "no unit at all where a constant will do")
def universal_approximator_by_a_constant(f, eps, lipschitz):
    if eps <= 0 or lipschitz < 0:
        raise ValueError("eps or lipschitz")
    pieces = math.ceil(lipschitz / (2 * eps))
    if pieces <= 1:
        none = torch.zeros(0, dtype=torch.float64)
        return none, none, none, f(torch.tensor([0.5], dtype=torch.float64))[0]
    knots = torch.linspace(0, 1, pieces + 1, dtype=torch.float64)
    slopes = f(knots).diff() / knots.diff()
    changes = torch.cat([slopes[:1], slopes.diff()])
    return torch.ones_like(changes), -knots[:-1], changes, f(knots[:1])[0]


@alternative("universal_approximator", "mirrored, with units that fall, and scaled")
def universal_approximator_mirrored(f, eps, lipschitz):
    if not (eps > 0 and lipschitz >= 0):
        raise ValueError("eps must be positive and lipschitz at least 0")
    n = max(1, math.ceil(lipschitz / (2 * eps)))
    knots = torch.linspace(1, 0, n + 1, dtype=torch.float64)
    values = f(knots)
    slopes = values.diff()  # per unit of n(u − x), from right to left
    v = torch.cat([slopes[:1], slopes.diff()])
    return torch.full((n,), -float(n), dtype=torch.float64), n * knots[:-1], v, values[0]


@alternative("EarlyStopping", "with the list of all checks")
class EarlyStoppingWithHistory:
    def __init__(self, patience, every=1):
        if min(patience, every) < 1:
            raise ValueError("patience and every start at 1")
        self.patience, self.every = patience, every
        self.checks = []
        self.best_weights = None

    @property
    def best(self):
        valid = [check for check in self.checks if not math.isnan(check[0])]
        return min(valid, key=lambda check: check[0]) if valid else (math.inf, None)

    @property
    def best_loss(self):
        return self.best[0]

    @property
    def best_epoch(self):
        return self.best[1]

    def update(self, epoch, loss, weights):
        if epoch % self.every:
            return False
        before = self.best_loss
        self.checks.append((loss, epoch))
        if self.best_loss < before:
            self.best_weights = [w.detach().clone() for w in weights]
        since = [e for _, e in self.checks if self.best_epoch is None or e > self.best_epoch]
        return len(since) >= self.patience


@alternative("EarlyStopping", "with a budget that counts down")
class EarlyStoppingCountingDown:
    def __init__(self, patience, every=1):
        if patience < 1:
            raise ValueError("the patience is at least 1")
        if every < 1:
            raise ValueError("the interval is at least 1")
        self.patience, self.every, self.left = patience, every, patience
        self.best_loss, self.best_epoch, self.best_weights = float("inf"), None, None

    def update(self, epoch, loss, weights):
        check = epoch // self.every * self.every == epoch
        if check and not loss < self.best_loss:
            self.left -= 1
        elif check:
            self.best_loss, self.best_epoch = float(loss), epoch
            self.best_weights = [torch.tensor(w.tolist(), dtype=w.dtype) for w in weights]
            self.left = self.patience
        return self.left <= 0


@alternative("EarlyStopping", "by the distance to the best epoch")
class EarlyStoppingByDistance:
    def __init__(self, patience, every=1):
        if not (patience > 0 and every > 0):
            raise ValueError("patience and every must be positive")
        self.patience, self.every = patience, every
        self.best_loss, self.best_epoch, self.best_weights = math.inf, None, None

    def update(self, epoch, loss, weights):
        if epoch % self.every != 0:
            return False
        if self.best_loss > loss:
            self.best_loss, self.best_epoch = loss, epoch
            self.best_weights = [w.detach() + 0 for w in weights]
        return epoch - (self.best_epoch or 0) >= self.patience * self.every


@alternative("batch_norm_train", "by torch")
def batch_norm_train_by_torch(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    mean, var = running_mean.clone(), running_var.clone()
    if len(x) < 2:
        raise ValueError("a batch of at least two is needed")
    y = F.batch_norm(x, mean, var, gamma, beta, training=True, momentum=momentum, eps=eps)
    return y, mean, var


@alternative("batch_norm_train", "with sums written out")
def batch_norm_train_by_sums(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    n = x.shape[0]
    if n <= 1:
        raise ValueError("a batch of at least two is needed")
    mean = x.sum(0) / n
    centred = x - mean
    squares = (centred * centred).sum(0)
    y = centred * torch.rsqrt(squares / n + eps) * gamma + beta
    new_mean = running_mean + momentum * (mean - running_mean)
    new_var = running_var + momentum * (squares / (n - 1) - running_var)
    return y, new_mean.detach(), new_var.detach()


@alternative("batch_norm_train", "feature by feature with var_mean and lerp")
def batch_norm_train_by_features(x, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("a batch of at least two is needed")
    columns = []
    for index in range(x.shape[1]):
        var, mean = torch.var_mean(x[:, index], correction=0)
        columns.append(gamma[index] * ((x[:, index] - mean) / (var + eps) ** 0.5) + beta[index])
    var, mean = torch.var_mean(x.detach(), dim=0)
    return torch.stack(columns, 1), running_mean.lerp(mean, momentum), running_var.lerp(var, momentum)


@alternative("batch_norm_eval", "by torch")
def batch_norm_eval_by_torch(x, gamma, beta, running_mean, running_var, eps=1e-5):
    if len(x) == 0:
        return x.clone()
    return F.batch_norm(x, running_mean, running_var, gamma, beta, training=False, eps=eps)


@alternative("batch_norm_eval", "folded into a scale and a shift")
def batch_norm_eval_folded(x, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / (running_var + eps).sqrt()
    return scale * x + (beta - scale * running_mean)


@alternative("batch_norm_eval", "as a linear layer with a diagonal matrix")
def batch_norm_eval_as_a_layer(x, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma * torch.rsqrt(running_var + eps)
    return F.linear(x - running_mean, torch.diag(scale), beta)


@alternative("batch_norm_backward", "by autograd")
def batch_norm_backward_by_autograd(dy, x, gamma, eps=1e-5):
    x, gamma = x.detach().clone().requires_grad_(), gamma.detach().clone().requires_grad_()
    beta = torch.zeros_like(gamma).requires_grad_()
    y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
    return torch.autograd.grad(y, (x, gamma, beta), dy)


@alternative("batch_norm_backward", "node by node through mean and variance")
def batch_norm_backward_by_nodes(dy, x, gamma, eps=1e-5):
    n = len(x)
    centred = x - x.mean(0)
    var = (centred**2).mean(0)
    inverse = 1 / torch.sqrt(var + eps)
    dnormalised = dy * gamma
    dvar = (dnormalised * centred).sum(0) * -0.5 * inverse**3
    dmean = -(dnormalised * inverse).sum(0) - 2 * dvar * centred.mean(0)
    dx = dnormalised * inverse + dvar * 2 * centred / n + dmean / n
    return dx, (dy * centred * inverse).sum(0), dy.sum(0)


@alternative("batch_norm_backward", "with the Jacobian of every feature")
def batch_norm_backward_by_jacobians(dy, x, gamma, eps=1e-5):
    n, features = x.shape
    dx, dgamma = torch.zeros_like(x), torch.zeros_like(gamma)
    identity = torch.eye(n, dtype=x.dtype)
    for k in range(features):
        centred = x[:, k] - x[:, k].mean()
        q = torch.sqrt((centred @ centred) / n + eps)
        normalised = centred / q
        J = (identity - 1 / n - torch.outer(normalised, normalised) / n) / q
        dx[:, k] = gamma[k] * J.T @ dy[:, k]
        dgamma[k] = dy[:, k] @ normalised
    return dx, dgamma, dy.sum(dim=0)


@alternative("random_flip", "image by image with Python's generator")
def random_flip_by_loops(images, labels, seed, probability=0.5):
    import random

    coin = random.Random(seed)
    flipped = images.clone()
    for index in range(len(images)):
        if coin.random() < probability:
            flipped[index] = torch.flip(images[index], dims=(2,))
    return flipped, labels


@alternative("random_flip", "with bernoulli and indices")
def random_flip_by_indices(images, labels, seed, probability=0.5):
    generator = torch.Generator().manual_seed(seed)
    coins = torch.full((len(images),), probability, dtype=torch.float64)
    chosen = torch.bernoulli(coins, generator=generator).bool()
    flipped = images.clone()
    flipped[chosen] = images[chosen].flip(3)
    return flipped, labels.clone()


@alternative("random_flip", "with NumPy")
def random_flip_by_numpy(images, labels, seed, probability=0.5):
    import numpy as np

    chosen = np.random.default_rng(seed).uniform(size=(len(images), 1, 1, 1)) < probability
    pixels = images.numpy()
    return torch.from_numpy(np.where(chosen, pixels[..., ::-1], pixels)), labels


@alternative("random_crop", "with NumPy")
def random_crop_by_numpy(images, labels, padding, seed):
    import numpy as np

    random = np.random.default_rng(seed)
    n, channels, height, width = images.shape
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    result = np.zeros_like(images.numpy())
    for i in range(n):
        top, left = random.integers(0, 2 * padding, size=2, endpoint=True)
        result[i] = padded[i, :, top : top + height, left : left + width]
    return torch.from_numpy(result), labels


@alternative("random_crop", "by indexing all windows at once")
def random_crop_by_windows(images, labels, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    n, _, height, width = images.shape
    padded = F.pad(images, [padding] * 4)
    tops = torch.randint(2 * padding + 1, (n,), generator=generator)
    lefts = torch.randint(2 * padding + 1, (n,), generator=generator)
    rows = tops[:, None, None] + torch.arange(height)[None, :, None]
    columns = lefts[:, None, None] + torch.arange(width)[None, None, :]
    return padded.permute(0, 2, 3, 1)[torch.arange(n)[:, None, None], rows, columns].permute(0, 3, 1, 2), labels


@alternative("random_crop", "by moving each image over zeros")
def random_crop_by_moving(images, labels, padding, seed):
    import random

    dice = random.Random(seed)
    height, width = images.shape[-2:]
    result = torch.zeros_like(images)
    for image, moved in zip(images, result):
        down, right = dice.randint(-padding, padding), dice.randint(-padding, padding)
        for i in range(height):
            for j in range(width):
                if 0 <= i - down < height and 0 <= j - right < width:
                    moved[:, i, j] = image[:, i - down, j - right]
    return result, labels


@alternative("residual_block", "with torch.add")
def residual_block_by_add(x, f):
    change = f(x)
    if tuple(change.size()) != tuple(x.size()):
        raise ValueError("the block changes the shape")
    return torch.add(change, x)


@alternative("residual_block", "with a stack and a sum")
def residual_block_by_stack(x, f):
    try:
        return torch.stack([x, f(x)]).sum(dim=0)
    except RuntimeError as error:
        raise ValueError("f(x) and x cannot be stacked") from error


@alternative("residual_block", "with an einsum over both paths")
def residual_block_by_paths(x, f):
    paths = [x, f(x)]
    if paths[1].ndim != x.ndim or any(a != b for a, b in zip(paths[1].shape, x.shape)):
        raise ValueError("shapes differ")
    return sum(path for path in paths)


@alternative("residual_jacobian", "with multi_dot")
def residual_jacobian_by_multi_dot(jacobians):
    factors = [torch.eye(len(J), dtype=J.dtype) + J for J in reversed(jacobians)]
    return factors[0] if len(factors) == 1 else torch.linalg.multi_dot(factors)


@alternative("residual_jacobian", "without an identity in the loop")
def residual_jacobian_by_increments(jacobians):
    product = jacobians[0] + torch.eye(jacobians[0].shape[0], dtype=jacobians[0].dtype)
    for J in jacobians[1:]:
        product = product + J @ product
    return product


@alternative("residual_jacobian", "column by column, pushing vectors through")
def residual_jacobian_by_columns(jacobians):
    columns = []
    for column in torch.eye(len(jacobians[0]), dtype=jacobians[0].dtype):
        for J in jacobians:
            column = column + J @ column
        columns.append(column)
    return torch.stack(columns, dim=1)


@alternative("transfer_weights", "with normal_ in place")
def transfer_weights_in_place(weights, biases, classes, seed):
    new_weights, new_biases = [W.clone() for W in weights], [b.clone() for b in biases]
    inputs = weights[-1].size(1)
    generator = torch.Generator().manual_seed(seed)
    new_weights[-1] = torch.empty(classes, inputs, dtype=weights[-1].dtype).normal_(
        0, inputs**-0.5, generator=generator
    )
    new_biases[-1] = torch.zeros(classes, dtype=biases[-1].dtype)
    return new_weights, new_biases


@alternative("transfer_weights", "with NumPy")
def transfer_weights_by_numpy(weights, biases, classes, seed):
    import numpy as np

    *body, old = weights
    inputs = old.shape[1]
    noise = np.random.default_rng(seed).standard_normal((classes, inputs)) / np.sqrt(inputs)
    head = torch.from_numpy(noise).to(old.dtype)
    return [*(W.clone() for W in body), head], [*(b.clone() for b in biases[:-1]), head.new_zeros(classes)]


@alternative("transfer_weights", "a head of torch.nn, ready to be trained")
def transfer_weights_with_a_module(weights, biases, classes, seed):
    features, dtype = weights[-1].shape[1], weights[-1].dtype
    head = torch.nn.Linear(features, classes, dtype=dtype)
    torch.nn.init.normal_(head.weight, std=features**-0.5, generator=torch.Generator().manual_seed(seed))
    torch.nn.init.zeros_(head.bias)
    return [w.clone() for w in weights[:-1]] + [head.weight], [b.clone() for b in biases[:-1]] + [head.bias]


@alternative("transfer_weights", "with torch.normal and deepcopy")
def transfer_weights_by_deepcopy(weights, biases, classes, seed):
    import copy

    weights, biases = copy.deepcopy(list(weights)), copy.deepcopy(list(biases))
    head = weights.pop()
    biases.pop()
    generator = torch.Generator().manual_seed(seed)
    scale = torch.full((classes, head.shape[1]), 1 / math.sqrt(head.shape[1]), dtype=head.dtype)
    weights.append(torch.normal(torch.zeros_like(scale), scale, generator=generator))
    biases.append(torch.zeros_like(scale[:, 0]))
    return weights, biases


@alternative("finetune", "with torch.optim.SGD and modules")
def finetune_by_modules(weights, biases, x, labels, learning_rate, steps, trained=1):
    if trained < 1 or trained > len(weights):
        raise ValueError("trained must be between 1 and the number of layers")
    layers = []
    for index, (W, b) in enumerate(zip(weights, biases)):
        layer = torch.nn.Linear(W.shape[1], W.shape[0], dtype=W.dtype)
        with torch.no_grad():
            layer.weight.copy_(W)
            layer.bias.copy_(b)
        layer.requires_grad_(index >= len(weights) - trained)
        layers += [layer, torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=learning_rate)
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(network(x), labels).backward()
        optimiser.step()
    linear = layers[::2]
    return [layer.weight.detach() for layer in linear], [layer.bias.detach() for layer in linear]


@alternative("finetune", "by backpropagation by hand")
def finetune_by_hand(weights, biases, x, labels, learning_rate, steps, trained=1):
    if not 0 < trained <= len(weights):
        raise ValueError("trained must be between 1 and the number of layers")
    weights, biases = [W.clone() for W in weights], [b.clone() for b in biases]
    first = len(weights) - trained
    for _ in range(steps):
        h = [x]
        for W, b in zip(weights, biases):
            h.append(torch.relu(h[-1] @ W.T + b))
        logits = h[-2] @ weights[-1].T + biases[-1]
        delta = (torch.softmax(logits, dim=1) - F.one_hot(labels, logits.shape[1])) / len(x)
        for layer in range(len(weights) - 1, first - 1, -1):
            below = (delta @ weights[layer]) * (h[layer] > 0)
            weights[layer] = weights[layer] - learning_rate * delta.T @ h[layer]
            biases[layer] = biases[layer] - learning_rate * delta.sum(0)
            delta = below
    return weights, biases


@alternative("finetune", "by functional gradients, every step from new tensors")
def finetune_by_functional_gradients(weights, biases, x, labels, learning_rate, steps, trained=1):
    depth = len(weights)
    if trained not in range(1, depth + 1):
        raise ValueError("trained must be between 1 and the number of layers")

    def loss(last):
        h = x
        for layer in range(depth):
            own = layer - (depth - trained)
            W, b = last[own] if own >= 0 else (weights[layer], biases[layer])
            h = F.linear(h, W, b)
            if layer < depth - 1:
                h = F.relu(h)
        return F.nll_loss(torch.log_softmax(h, dim=1), labels)

    last = list(zip(weights[-trained:], biases[-trained:]))
    for _ in range(steps):
        slopes = torch.func.grad(loss)(last)
        last = [
            tuple(part - learning_rate * slope for part, slope in zip(pair, down)) for pair, down in zip(last, slopes)
        ]
    return [*weights[:-trained], *(W for W, _ in last)], [*biases[:-trained], *(b for _, b in last)]
