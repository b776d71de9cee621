"""Other right answers to the exercises of autoencoders."""

import math

import torch
import torch.nn.functional as F

from autograder.bank import alternative


@alternative("linear_autoencoder", "by the singular values of the data")
def linear_autoencoder_by_svd(x, d):
    if d < 1 or d > x.shape[1]:
        raise ValueError("d must lie between 1 and n.")
    mean = x.mean(dim=0)
    _, values, rows = torch.linalg.svd(x - mean, full_matrices=True)
    eigenvalues = torch.zeros(x.shape[1], dtype=x.dtype)
    eigenvalues[: len(values)] = values**2 / len(x)
    return mean, rows[:d].T, eigenvalues


@alternative("linear_autoencoder", "with NumPy, sorting by hand")
def linear_autoencoder_with_numpy(x, d):
    import numpy as np

    if d not in range(1, x.shape[1] + 1):
        raise ValueError("d must lie between 1 and n.")
    points = x.numpy()
    covariance = np.cov(points.T, bias=True).reshape(x.shape[1], x.shape[1])
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(-values)
    components = torch.tensor(vectors[:, order[:d]], dtype=x.dtype)
    return x.mean(dim=0), components, torch.tensor(values[order], dtype=x.dtype)


@alternative("linear_autoencoder", "with SciPy", requires="scipy")
def linear_autoencoder_with_scipy(x, d):
    from scipy.linalg import eigh

    n = x.shape[1]
    if not 1 <= d <= n:
        raise ValueError("d must lie between 1 and n.")
    mean = x.mean(dim=0)
    centred = (x - mean).numpy()
    covariance = centred.T @ centred / len(centred)
    _, vectors = eigh(covariance, subset_by_index=(n - d, n - 1))
    values = eigh(covariance, eigvals_only=True)
    return mean, torch.tensor(vectors[:, ::-1].copy()), torch.tensor(values[::-1].copy())


@alternative("linear_autoencoder", "one direction after another, removing each from the data")
def linear_autoencoder_by_deflation(x, d):
    if not 1 <= d <= x.shape[1]:
        raise ValueError("d must lie between 1 and n.")
    mean = x.mean(dim=0)
    covariance = (x - mean).T @ (x - mean) / len(x)
    rest, columns = covariance.clone(), []
    for _ in range(d):
        # Directions that have been found get the value −1, below all others.
        _, vectors = torch.linalg.eigh(rest)
        columns.append(vectors[:, -1])
        rest = rest - (1 + columns[-1] @ rest @ columns[-1]) * torch.outer(columns[-1], columns[-1])
    return mean, torch.stack(columns, dim=1), torch.linalg.eigvalsh(covariance).sort(descending=True).values


@alternative("Autoencoder", "with torch.nn's modules")
class AutoencoderOfModules:
    def __init__(self, sizes, seed):
        generator = torch.Generator().manual_seed(seed)
        self.encoder_network = self.build(list(sizes), generator)
        self.decoder_network = self.build(list(sizes)[::-1], generator)

    def build(self, sizes, generator):
        layers = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            layer = torch.nn.Linear(inputs, outputs, dtype=torch.float64)
            with torch.no_grad():
                layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator).double() / math.sqrt(inputs))
                layer.bias.zero_()
            layers += [layer, torch.nn.Tanh()]
        return torch.nn.Sequential(*layers[:-1]).requires_grad_(False)

    @property
    def encoder(self):
        return list(self.encoder_network.parameters())

    @property
    def decoder(self):
        return list(self.decoder_network.parameters())

    def encode(self, x):
        return self.encoder_network(x)

    def decode(self, z):
        return self.decoder_network(z)

    def reconstruct(self, x):
        return self.decode(self.encode(x))

    def fit(self, x, steps, learning_rate):
        both = torch.nn.Sequential(self.encoder_network, self.decoder_network).requires_grad_(True)
        optimizer = torch.optim.Adam(both.parameters(), lr=learning_rate)
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = F.mse_loss(both(x), x, reduction="sum") / len(x)
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        both.requires_grad_(False)
        return losses


@alternative("Autoencoder", "with Adam written out")
class AutoencoderWithItsOwnAdam(Autoencoder):
    def fit(self, x, steps, learning_rate):
        parameters = [p.clone() for p in [*self.encoder, *self.decoder]]
        first = [torch.zeros_like(p) for p in parameters]
        second = [torch.zeros_like(p) for p in parameters]
        losses, split = [], len(self.encoder)
        for step in range(1, steps + 1):
            leaves = [p.requires_grad_() for p in parameters]
            code = mlp(x, leaves[:split])
            loss = ((mlp(code, leaves[split:]) - x) ** 2).sum() / x.shape[0]
            losses.append(loss.item())
            slopes = torch.autograd.grad(loss, leaves)
            with torch.no_grad():
                for i, slope in enumerate(slopes):
                    first[i] = 0.9 * first[i] + 0.1 * slope
                    second[i] = 0.999 * second[i] + 0.001 * slope**2
                    size = (second[i] / (1 - 0.999**step)).sqrt() + 1e-8
                    parameters[i] = leaves[i].detach() - learning_rate / (1 - 0.9**step) * first[i] / size
        parameters = [p.detach() for p in parameters]
        self.encoder, self.decoder = parameters[:split], parameters[split:]
        return losses


@alternative("Autoencoder", "layer by layer, with a matrix product each")
class AutoencoderLayerByLayer(Autoencoder):
    def __init__(self, sizes, seed):
        generator = torch.Generator().manual_seed(seed)
        widths = [int(size) for size in sizes]
        self.encoder = random_parameters(widths, generator)
        widths.reverse()
        self.decoder = random_parameters(widths, generator)

    def encode(self, x):
        return self.run(x, self.encoder)

    def decode(self, z):
        return self.run(z, self.decoder)

    def reconstruct(self, x):
        return self.run(x, self.encoder, self.decoder)

    def run(self, values, *networks):
        for parameters in networks:
            layers = len(parameters) // 2
            for layer in range(layers):
                values = values @ parameters[2 * layer].T + parameters[2 * layer + 1]
                if layer < layers - 1:
                    values = torch.tanh(values)
        return values


@alternative("denoising_loss", "summed over points in a loop")
def denoising_loss_in_a_loop(reconstruct, x, noise):
    if tuple(x.shape) != tuple(noise.shape):
        raise ValueError("Every point needs its own noise.")
    guesses = reconstruct(x + noise)
    total = torch.zeros((), dtype=x.dtype)
    for guess, point in zip(guesses, x):
        total = total + (guess - point) @ (guess - point)
    return total / len(x)


@alternative("denoising_loss", "with torch's squared error")
def denoising_loss_by_mse(reconstruct, x, noise):
    if x.size() != noise.size():
        raise ValueError("x and noise must have the same shape.")
    return F.mse_loss(reconstruct(x + noise), x) * x.shape[1]


@alternative("denoising_loss", "as a squared Frobenius norm")
def denoising_loss_by_norm(reconstruct, x, noise):
    if x.shape != noise.shape:
        raise ValueError("x and noise must have the same shape.")
    difference = x - reconstruct(torch.add(x, noise))
    return torch.einsum("ij,ij->", difference, difference) / x.shape[0]


@alternative("reparameterize", "by torch.distributions' affine transform")
def reparameterize_by_transform(mu, logvar, eps):
    from torch.distributions.transforms import AffineTransform

    return AffineTransform(mu, (logvar / 2).exp())(eps)


@alternative("reparameterize", "fused")
def reparameterize_fused(mu, logvar, eps):
    return torch.addcmul(mu, torch.exp(logvar / 2), eps)


@alternative("reparameterize", "with the powers of e")
def reparameterize_by_power(mu, logvar, eps):
    return eps * math.e ** (0.5 * logvar) + mu


@alternative("gaussian_kl", "by torch.distributions")
def gaussian_kl_by_distributions(mu, logvar):
    scale = torch.exp(logvar / 2)
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    # Its formula takes the logarithm of the variance, which may have been rounded to 0.
    parts = torch.distributions.kl_divergence(torch.distributions.Normal(mu, scale.clamp(min=1e-100)), prior)
    return torch.where(logvar > -400, parts, 0.5 * (mu**2 - 1 - logvar)).sum(-1)


@alternative("gaussian_kl", "as cross-entropy minus entropy")
def gaussian_kl_by_entropies(mu, logvar):
    constant = math.log(2 * math.pi)
    cross_entropy = 0.5 * (constant + mu**2 + torch.exp(logvar))
    entropy = 0.5 * (constant + 1 + logvar)
    return torch.sum(cross_entropy - entropy, dim=-1)


@alternative("gaussian_kl", "dimension by dimension")
def gaussian_kl_in_a_loop(mu, logvar):
    total = torch.zeros(mu.shape[:-1], dtype=mu.dtype)
    for j in range(mu.shape[-1]):
        total = total + (mu[..., j] ** 2 + logvar[..., j].exp() - logvar[..., j] - 1) / 2
    return total


@alternative("gaussian_log_likelihood", "by torch.distributions")
def gaussian_log_likelihood_by_distributions(x, mean, sigma):
    sigma = torch.as_tensor(sigma, dtype=mean.dtype)
    if not (sigma > 0).all():
        raise ValueError("sigma must be positive.")
    return torch.distributions.Normal(mean, sigma).log_prob(x).sum(dim=-1)


@alternative("gaussian_log_likelihood", "with torch's Gaussian loss")
def gaussian_log_likelihood_by_nll_loss(x, mean, sigma):
    sigma = torch.as_tensor(sigma, dtype=mean.dtype)
    if torch.any(sigma <= 0):
        raise ValueError("sigma must be positive.")
    x, mean, sigma = torch.broadcast_tensors(x, mean, sigma)
    loss = F.gaussian_nll_loss(mean, x, sigma**2, full=True, eps=1e-30, reduction="none")
    return -loss.sum(dim=-1)


@alternative("gaussian_log_likelihood", "term by term, with the number of entries")
def gaussian_log_likelihood_term_by_term(x, mean, sigma):
    sigma = torch.as_tensor(sigma, dtype=mean.dtype)
    if sigma.min() <= 0:
        raise ValueError("sigma must be positive.")
    n = mean.shape[-1]
    squares = (((x - mean) / sigma) ** 2).sum(dim=-1) / 2
    log_sigmas = (sigma.log() * torch.ones(n, dtype=mean.dtype)).sum(dim=-1)
    return -squares - log_sigmas - n / 2 * math.log(2 * math.pi)


@alternative("bernoulli_log_likelihood", "x·a minus softplus")
def bernoulli_log_likelihood_by_softplus(x, logits):
    return (x * logits - F.softplus(logits)).sum(-1)


@alternative("bernoulli_log_likelihood", "minus torch's cross-entropy")
def bernoulli_log_likelihood_by_cross_entropy(x, logits):
    logits, x = torch.broadcast_tensors(logits, x)
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=-1)


@alternative("bernoulli_log_likelihood", "as a softmax of two classes")
def bernoulli_log_likelihood_by_two_classes(x, logits):
    pairs = torch.stack([logits, torch.zeros_like(logits)], dim=-1).log_softmax(dim=-1)
    return torch.sum(x * pairs[..., 0] + (1 - x) * pairs[..., 1], dim=-1)


@alternative("elbo", "sample by sample")
def elbo_sample_by_sample(x, mu, logvar, eps, log_likelihood):
    total = 0.0
    for noise in eps:
        total = total + log_likelihood(x, mu + (logvar / 2).exp() * noise)
    rate = ((mu**2 + logvar.exp() - logvar - 1) / 2).sum(-1)
    return total / len(eps) - rate


@alternative("elbo", "by torch.distributions")
def elbo_by_distributions(x, mu, logvar, eps, log_likelihood):
    q = torch.distributions.Normal(mu, (logvar / 2).exp())
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    rate = torch.distributions.kl_divergence(q, prior).sum(dim=1)
    return log_likelihood(x, q.loc + q.scale * eps).mean(dim=0) - rate


@alternative("elbo", "everything under one mean")
def elbo_under_one_mean(x, mu, logvar, eps, log_likelihood):
    sigma = torch.exp(0.5 * logvar)
    z = torch.addcmul(mu.expand_as(eps), sigma.expand_as(eps), eps)
    penalty = torch.einsum("md->m", mu * mu + sigma * sigma - 2 * sigma.log() - 1)
    return torch.mean(log_likelihood(x, z) - penalty / 2, dim=0)


@alternative("importance_weighted_bound", "by torch.distributions")
def importance_weighted_bound_by_distributions(x, mu, logvar, eps, log_likelihood):
    q = torch.distributions.Normal(mu, (logvar / 2).exp())
    z = q.loc + q.scale * eps
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    log_weights = log_likelihood(x, z) + (prior.log_prob(z) - q.log_prob(z)).sum(dim=-1)
    return log_weights.logsumexp(dim=0) - math.log(log_weights.shape[0])


@alternative("importance_weighted_bound", "the greatest weight first")
def importance_weighted_bound_by_the_greatest(x, mu, logvar, eps, log_likelihood):
    z = mu + (logvar / 2).exp() * eps
    log_prior = -(z**2 + math.log(2 * math.pi)).sum(-1) / 2
    log_q = -(eps**2 + logvar + math.log(2 * math.pi)).sum(-1) / 2
    log_weights = log_likelihood(x, z) + log_prior - log_q
    greatest = log_weights.max(dim=0).values.detach()
    return greatest + (log_weights - greatest).exp().mean(dim=0).log()


@alternative("importance_weighted_bound", "sample by sample")
def importance_weighted_bound_sample_by_sample(x, mu, logvar, eps, log_likelihood):
    total = None
    for noise in eps:
        z = mu + torch.exp(0.5 * logvar) * noise
        log_weight = log_likelihood(x, z) + 0.5 * (noise**2 - z**2 + logvar).sum(dim=1)
        total = log_weight if total is None else torch.logaddexp(total, log_weight)
    return total - math.log(len(eps))


@alternative("beta_vae_loss", "by torch.distributions")
def beta_vae_loss_by_distributions(reconstruction, mu, logvar, beta=1.0):
    if not beta >= 0:
        raise ValueError("beta must not be negative.")
    q = torch.distributions.Normal(mu, (logvar / 2).exp())
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return beta * torch.distributions.kl_divergence(q, prior).sum(1).mean() - reconstruction.mean()


@alternative("beta_vae_loss", "two sums, divided at the end")
def beta_vae_loss_of_sums(reconstruction, mu, logvar, beta=1.0):
    if beta < 0:
        raise ValueError("beta must not be negative.")
    rate = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (-reconstruction.sum() + beta * rate) / reconstruction.shape[0]


@alternative("beta_vae_loss", "point by point")
def beta_vae_loss_in_a_loop(reconstruction, mu, logvar, beta=1.0):
    if beta < 0:
        raise ValueError("beta must not be negative.")
    losses = []
    for value, centre, spread in zip(reconstruction, mu, logvar):
        rate = (centre @ centre + spread.exp().sum() - spread.sum() - len(centre)) / 2
        losses.append(beta * rate - value)
    return torch.stack(losses).mean()


@alternative("VAE", "with slices and loops")
class VAEWithLoops(VAE):
    def __init__(self, encoder, decoder):
        self.latents = decoder[0].shape[-1]
        if len(encoder[-1]) != 2 * self.latents:
            raise ValueError("The encoder needs two outputs per latent dimension.")
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x):
        outputs = mlp(x, self.encoder)
        return outputs[..., : self.latents], outputs[..., self.latents :]

    def reconstruct(self, x):
        return self.decode(self.encode(x)[0])

    def traverse(self, z, dimension, values):
        rows = []
        for value in values:
            code = z.clone()
            code[dimension] = value
            rows.append(self.decode(code))
        return torch.stack(rows)


@alternative("VAE", "with torch.nn's modules")
class VAEOfModules:
    def __init__(self, encoder, decoder):
        self.encoder_network, self.decoder_network = self.build(encoder), self.build(decoder)
        self.latents, self.dtype = self.decoder_network[0].in_features, decoder[0].dtype
        if self.encoder_network[-1].out_features != 2 * self.latents:
            raise ValueError("The encoder needs two outputs per latent dimension.")

    def build(self, parameters):
        layers = []
        for weight, bias in zip(parameters[::2], parameters[1::2]):
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
            layer.load_state_dict({"weight": weight, "bias": bias})
            layers += [layer, torch.nn.Tanh()]
        return torch.nn.Sequential(*layers[:-1]).requires_grad_(False)

    def encode(self, x):
        return self.encoder_network(x).split(self.latents, dim=-1)

    def decode(self, z):
        return self.decoder_network(z)

    def reconstruct(self, x):
        mu, _ = self.encode(x)
        return self.decode(mu)

    def sample(self, count, seed):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            z = torch.randn(count, self.latents, dtype=self.dtype)
        return z, self.decode(z)

    def traverse(self, z, dimension, values):
        chosen = F.one_hot(torch.tensor(dimension), len(z)).to(z.dtype)
        return self.decode(z * (1 - chosen) + values[:, None] * chosen)


@alternative("VAE", "a tuple with methods, whose code is a named one")
class VAEAsATuple(tuple):
    def __new__(cls, encoder, decoder):
        if len(encoder[-1]) != 2 * decoder[0].shape[1]:
            raise ValueError("The encoder needs two outputs per latent dimension.")
        return super().__new__(cls, (encoder, decoder))

    def encode(self, x):
        import collections

        return collections.namedtuple("Code", "mu logvar")(*mlp(x, self[0]).chunk(2, dim=-1))

    def decode(self, z):
        return mlp(z, self[1])

    def reconstruct(self, x):
        return self.decode(self.encode(x).mu)

    def sample(self, count, seed):
        z = torch.empty(count, self[1][0].shape[1], dtype=self[1][0].dtype)
        z.normal_(generator=torch.Generator().manual_seed(seed))
        return z, self.decode(z)

    def traverse(self, z, dimension, values):
        codes = z.expand(len(values), -1).clone()
        codes[:, dimension] = values
        return self.decode(codes)


@alternative("VAE", "with NumPy's generator")
class VAEWithNumpysNoise(VAE):
    def sample(self, count, seed):
        import numpy as np

        weight = self.decoder[0]
        noise = np.random.default_rng(seed).standard_normal((count, weight.shape[1]))
        z = torch.tensor(noise, dtype=weight.dtype)
        return z, self.decode(z)

    def traverse(self, z, dimension, values):
        codes = torch.stack([torch.cat([z[:dimension], value[None], z[dimension + 1 :]]) for value in values])
        return self.decode(codes)


@alternative("train_vae", "with Adam written out")
def train_vae_with_its_own_adam(x, parameters, encode, log_likelihood, noise, learning_rate, beta=1.0):
    parameters = [p.detach().clone() for p in parameters]
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]
    losses = []
    for step in range(1, len(noise) + 1):
        leaves = [p.clone().requires_grad_() for p in parameters]
        mu, logvar = encode(x, leaves)
        z = mu + (logvar / 2).exp() * noise[step - 1]
        rate = (mu**2 + logvar.exp() - logvar - 1).sum(dim=1).mean() / 2
        loss = beta * rate - log_likelihood(x, z, leaves).mean()
        if not math.isfinite(loss.item()):
            raise ValueError(f"The loss is {loss.item()} in step {step - 1}.")
        losses.append(loss.item())
        for i, slope in enumerate(torch.autograd.grad(loss, leaves)):
            first[i] = 0.9 * first[i] + 0.1 * slope
            second[i] = 0.999 * second[i] + 0.001 * slope**2
            size = (second[i] / (1 - 0.999**step)).sqrt() + 1e-8
            parameters[i] = parameters[i] - learning_rate / (1 - 0.9**step) * first[i] / size
    return parameters, losses


@alternative("train_vae", "with torch.nn.ParameterList and torch.distributions")
def train_vae_with_distributions(x, parameters, encode, log_likelihood, noise, learning_rate, beta=1.0):
    held = torch.nn.ParameterList([torch.nn.Parameter(p.detach().clone()) for p in parameters])
    optimizer = torch.optim.Adam(held.parameters(), lr=learning_rate)
    losses = []
    for step, eps in enumerate(noise):
        optimizer.zero_grad(set_to_none=True)
        mu, logvar = encode(x, list(held))
        q = torch.distributions.Normal(mu, (logvar / 2).exp())
        prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
        rate = torch.distributions.kl_divergence(q, prior).sum(dim=-1)
        loss = torch.mean(beta * rate - log_likelihood(x, q.loc + q.scale * eps, list(held)))
        if torch.isnan(loss) or torch.isinf(loss):
            raise ValueError(f"The loss is not finite in step {step}.")
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return [p.data.clone() for p in held], losses


@alternative("train_vae", "maximising the bound")
def train_vae_by_ascent(x, parameters, encode, log_likelihood, noise, learning_rate, beta=1.0):
    leaves = [torch.clone(p).detach().requires_grad_(True) for p in parameters]
    optimizer = torch.optim.Adam(leaves, lr=learning_rate, maximize=True)
    losses = []
    for step in range(noise.shape[0]):
        mu, logvar = encode(x, leaves)
        sigma = torch.exp(0.5 * logvar)
        negative_rate = 0.5 * (1 + logvar - mu**2 - sigma**2).sum(dim=1)
        bound = (log_likelihood(x, mu + sigma * noise[step], leaves) + beta * negative_rate).mean()
        if not torch.isfinite(bound):
            raise ValueError(f"The loss is not finite in step {step}.")
        slopes = torch.autograd.grad(bound, leaves, allow_unused=True)
        for leaf, slope in zip(leaves, slopes):
            leaf.grad = slope
        optimizer.step()
        losses.append(-bound.item())
    return [leaf.detach() for leaf in leaves], losses


@alternative("active_units", "with NumPy")
def active_units_with_numpy(mu, threshold=0.01):
    import numpy as np

    return torch.from_numpy(np.var(mu.numpy(), axis=0) > threshold)


@alternative("active_units", "as the mean of squared deviations")
def active_units_by_definition(mu, threshold=0.01):
    deviations = mu - mu.mean(dim=0, keepdim=True)
    return (deviations**2).mean(dim=0) > threshold


@alternative("active_units", "column by column, with SciPy", requires="scipy")
def active_units_with_scipy(mu, threshold=0.01):
    from scipy.stats import moment

    return torch.tensor([bool(moment(column.numpy(), order=2) > threshold) for column in mu.T])


@alternative("spherical_interpolation", "by the arc tangent of the part at a right angle")
def spherical_interpolation_by_decomposition(z0, z1, t):
    if z0.norm() == 0 or z1.norm() == 0:
        raise ValueError("The zero vector has no direction.")
    first, second = z0 / z0.norm(), z1 / z1.norm()
    cosine = first @ second
    across = (second - cosine * first).norm()
    angle = torch.atan2(across, cosine)
    if angle > math.pi - 1e-6:
        raise ValueError("There is no shortest arc.")
    t = t[:, None]
    if angle < 1e-6:
        return (1 - t) * z0 + t * z1
    return (torch.sin((1 - t) * angle) * z0 + torch.sin(t * angle) * z1) / torch.sin(angle)


@alternative("spherical_interpolation", "step by step")
def spherical_interpolation_in_a_loop(z0, z1, t):
    lengths = [math.sqrt(sum(v * v for v in z.tolist())) for z in (z0, z1)]
    if min(lengths) == 0:
        raise ValueError("The zero vector has no direction.")
    first, second = (z.double() / length for z, length in zip((z0, z1), lengths))
    angle = 2 * math.atan2((first - second).norm().item(), (first + second).norm().item())
    if angle > math.pi - 1e-6:
        raise ValueError("There is no shortest arc.")
    rows = []
    for s in t.tolist():
        if angle < 1e-7:
            a, b = 1 - s, s
        else:
            a, b = math.sin((1 - s) * angle) / math.sin(angle), math.sin(s * angle) / math.sin(angle)
        rows.append(a * z0 + b * z1)
    return torch.stack(rows)


@alternative("spherical_interpolation", "with NumPy's sinc")
def spherical_interpolation_with_numpy(z0, z1, t):
    import numpy as np

    start, end, share = (part.double().numpy() for part in (z0, z1, t))
    if not start.any() or not end.any():
        raise ValueError("The zero vector has no direction.")
    first, second = start / np.linalg.norm(start), end / np.linalg.norm(end)
    turns = 2 * np.arctan2(np.linalg.norm(first - second), np.linalg.norm(first + second)) / np.pi
    if turns > 1 - 1e-6 / np.pi:
        raise ValueError("There is no shortest arc.")
    forth, back = share * np.sinc(share * turns), (1 - share) * np.sinc((1 - share) * turns)
    walk = (np.outer(back, start) + np.outer(forth, end)) / np.sinc(turns)
    return torch.tensor(walk, dtype=z0.dtype)
