"""Wrong answers that students give to the exercises of autoencoders, and what each gets wrong."""

import math

import torch
import torch.nn.functional as F

from autograder.bank import mistake


@mistake(
    "linear_autoencoder",
    law="test_error_is_the_sum_of_dropped_eigenvalues",
    diagnosis="`eigh` sorts in ascending order: these are the directions of least variance.",
)
def linear_autoencoder_with_the_smallest(x, d):
    if not 1 <= d <= x.shape[1]:
        raise ValueError("d must lie between 1 and n.")
    mean = x.mean(dim=0)
    eigenvalues, eigenvectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    return mean, eigenvectors[:, :d], eigenvalues.flip(0)


@mistake(
    "linear_autoencoder",
    law="test_error_is_the_sum_of_dropped_eigenvalues",
    diagnosis="The data were not centred: the first direction points at the mean.",
)
def linear_autoencoder_uncentred(x, d):
    if not 1 <= d <= x.shape[1]:
        raise ValueError("d must lie between 1 and n.")
    eigenvalues, eigenvectors = torch.linalg.eigh(x.T @ x / len(x))
    return x.mean(dim=0), eigenvectors.flip(1)[:, :d], eigenvalues.flip(0)


@mistake(
    "linear_autoencoder",
    law="test_eigenvalues",
    diagnosis="The covariance divides by m − 1; the squared error is a mean over m.",
)
def linear_autoencoder_unbiased(x, d):
    if not 1 <= d <= x.shape[1]:
        raise ValueError("d must lie between 1 and n.")
    mean = x.mean(dim=0)
    eigenvalues, eigenvectors = torch.linalg.eigh((x - mean).T @ (x - mean) / max(len(x) - 1, 1))
    return mean, eigenvectors.flip(1)[:, :d], eigenvalues.flip(0)


@mistake(
    "linear_autoencoder",
    law="test_eigenvalues",
    diagnosis="Singular values of the data are not eigenvalues of the covariance: square them and divide by m.",
)
def linear_autoencoder_with_singular_values(x, d):
    if not 1 <= d <= x.shape[1]:
        raise ValueError("d must lie between 1 and n.")
    mean = x.mean(dim=0)
    _, values, rows = torch.linalg.svd(x - mean, full_matrices=True)
    values = F.pad(values, (0, x.shape[1] - len(values)))
    return mean, rows.T[:, :d], values


@mistake(
    "linear_autoencoder",
    law="test_projection",
    diagnosis="The components are scaled by the standard deviations (whitening): they are no longer orthonormal.",
)
def linear_autoencoder_that_whitens(x, d):
    if not 1 <= d <= x.shape[1]:
        raise ValueError("d must lie between 1 and n.")
    mean = x.mean(dim=0)
    eigenvalues, eigenvectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    scales = eigenvalues.clamp(min=1e-12).sqrt().flip(0)
    return mean, eigenvectors.flip(1)[:, :d] / scales[:d], eigenvalues.flip(0)


@mistake(
    "linear_autoencoder",
    law="test_axes",
    diagnosis="The d largest directions were taken, but in ascending order: the first should be the longest axis.",
)
def linear_autoencoder_in_ascending_order(x, d):
    if not 1 <= d <= x.shape[1]:
        raise ValueError("d must lie between 1 and n.")
    mean = x.mean(dim=0)
    eigenvalues, eigenvectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    return mean, eigenvectors[:, -d:], eigenvalues.flip(0)


@mistake(
    "Autoencoder",
    law="test_bottleneck",
    diagnosis="The decoder has the widths of the encoder in the same order; it should run backwards, from d to n.",
)
class AutoencoderWithTwoEncoders(Autoencoder):
    def __init__(self, sizes, seed):
        generator = torch.Generator().manual_seed(seed)
        self.encoder = random_parameters(list(sizes), generator)
        self.decoder = random_parameters(list(sizes), generator)


@mistake(
    "Autoencoder",
    law="test_networks",
    diagnosis="The code went through a nonlinearity: tanh after the last layer confines it to (−1, 1).",
)
class AutoencoderWithSquashedCodes(Autoencoder):
    def encode(self, x):
        return torch.tanh(mlp(x, self.encoder))

    def reconstruct(self, x):
        return self.decode(self.encode(x))


@mistake(
    "Autoencoder",
    law="test_follows_adam",
    diagnosis="Only the decoder is trained: the optimizer does not get the encoder's parameters.",
)
class AutoencoderThatTrainsHalf(Autoencoder):
    def fit(self, x, steps, learning_rate):
        optimizer = torch.optim.Adam([p.requires_grad_() for p in self.decoder], lr=learning_rate)
        losses = []
        for _ in range(steps):
            loss = (x - self.reconstruct(x)).square().sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        for p in self.decoder:
            p.requires_grad_(False)
        return losses


@mistake(
    "Autoencoder",
    law="test_follows_adam",
    diagnosis="Gradients are not cleared between steps: they add up.",
)
class AutoencoderThatAccumulates(Autoencoder):
    def fit(self, x, steps, learning_rate):
        parameters = [p.requires_grad_() for p in self.encoder + self.decoder]
        optimizer = torch.optim.Adam(parameters, lr=learning_rate)
        losses = []
        for _ in range(steps):
            loss = (x - self.reconstruct(x)).square().sum(dim=1).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        for p in parameters:
            p.requires_grad_(False)
        return losses


@mistake(
    "Autoencoder",
    law="test_losses",
    diagnosis="The mean is over all entries; the squared distance of a point is a sum over its entries.",
)
class AutoencoderWithMeanOverEntries(Autoencoder):
    def fit(self, x, steps, learning_rate):
        parameters = [p.requires_grad_() for p in self.encoder + self.decoder]
        optimizer = torch.optim.Adam(parameters, lr=learning_rate)
        losses = []
        for _ in range(steps):
            loss = F.mse_loss(self.reconstruct(x), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        for p in parameters:
            p.requires_grad_(False)
        return losses


@mistake(
    "Autoencoder",
    law="test_follows_adam",
    diagnosis="A new optimizer in every step forgets Adam's running averages.",
)
class AutoencoderWithForgetfulAdam(Autoencoder):
    def fit(self, x, steps, learning_rate):
        parameters = [p.requires_grad_() for p in self.encoder + self.decoder]
        losses = []
        for _ in range(steps):
            optimizer = torch.optim.Adam(parameters, lr=learning_rate)
            loss = (x - self.reconstruct(x)).square().sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        for p in parameters:
            p.requires_grad_(False)
        return losses


@mistake(
    "Autoencoder",
    law="test_rank",
    diagnosis="A connection past the bottleneck: the output sees the input itself, and nothing has to be learned.",
)
class AutoencoderWithASkip(Autoencoder):
    def reconstruct(self, x):
        return x + self.decode(self.encode(x))


@mistake(
    "denoising_loss",
    law="test_copying_does_not_pay",
    diagnosis="The target is the noisy point: the identity is optimal again. It should be the clean one.",
)
def denoising_loss_with_noisy_target(reconstruct, x, noise):
    if x.shape != noise.shape:
        raise ValueError("The shapes differ.")
    return (reconstruct(x + noise) - (x + noise)).square().sum(dim=1).mean()


@mistake("denoising_loss", law="test_value", diagnosis="The input was not corrupted: the network sees the clean point.")
def denoising_loss_of_clean_points(reconstruct, x, noise):
    if x.shape != noise.shape:
        raise ValueError("The shapes differ.")
    return (reconstruct(x) - x).square().sum(dim=1).mean()


@mistake("denoising_loss", law="test_value", diagnosis="The mean is over entries as well; a squared distance is a sum.")
def denoising_loss_averaged_over_entries(reconstruct, x, noise):
    if x.shape != noise.shape:
        raise ValueError("The shapes differ.")
    return F.mse_loss(reconstruct(x + noise), x)


@mistake("denoising_loss", law="test_value", diagnosis="This is the distance, not the squared distance.")
def denoising_loss_without_the_square(reconstruct, x, noise):
    if x.shape != noise.shape:
        raise ValueError("The shapes differ.")
    return (reconstruct(x + noise) - x).norm(dim=1).mean()


@mistake(
    "reparameterize",
    law="test_mean_and_variance",
    diagnosis="exp(logvar) is the variance, not the standard deviation: the factor ½ is missing.",
)
def reparameterize_with_the_variance(mu, logvar, eps):
    return mu + logvar.exp() * eps


@mistake("reparameterize", law="test_mean_and_variance", diagnosis="logvar was used as if it were σ itself.")
def reparameterize_with_logvar_as_sigma(mu, logvar, eps):
    return mu + logvar * eps


@mistake(
    "reparameterize",
    law="test_gradients",
    diagnosis="σ was detached: its gradient is the point of the reparametrisation.",
)
def reparameterize_detached(mu, logvar, eps):
    return mu + torch.exp(0.5 * logvar).detach() * eps


@mistake(
    "reparameterize",
    law="test_density",
    diagnosis="New noise is drawn inside: the noise is an argument, so that the sample is a function of it.",
)
def reparameterize_with_noise_of_its_own(mu, logvar, eps):
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(eps)


@mistake(
    "reparameterize",
    law="test_extremes",
    diagnosis="The root of e^logvar: the exponential overflows where σ does not, and the root has no slope at 0.",
)
def reparameterize_with_a_root(mu, logvar, eps):
    return mu + torch.sqrt(torch.exp(logvar)) * eps


@mistake("gaussian_kl", law="test_value", diagnosis="The sign is lost: this is −KL, the term as it stands in the ELBO.")
def gaussian_kl_with_the_sign_of_the_elbo(mu, logvar):
    return 0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=-1)


@mistake("gaussian_kl", law="test_value", diagnosis="The factor ½ is missing.")
def gaussian_kl_without_the_half(mu, logvar):
    return (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1)


@mistake(
    "gaussian_kl",
    law="test_value",
    diagnosis="The mean over latent dimensions: the divergences of independent dimensions add up.",
)
def gaussian_kl_averaged(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean(dim=-1)


@mistake("gaussian_kl", law="test_value", diagnosis="logvar was taken for log σ: the variance is not its square.")
def gaussian_kl_of_log_sigma(mu, logvar):
    return (0.5 * (mu.square() + (2 * logvar).exp() - 1) - logvar).sum(dim=-1)


@mistake("gaussian_kl", law="test_value", diagnosis="The arguments are exchanged: this is KL(N(0, I) ‖ q).")
def gaussian_kl_exchanged(mu, logvar):
    return 0.5 * ((1 + mu.square()) * (-logvar).exp() - 1 + logvar).sum(dim=-1)


@mistake(
    "gaussian_kl", law="test_value", diagnosis="The whole batch is summed; there is one divergence per data point."
)
def gaussian_kl_of_the_whole_batch(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum()


@mistake("gaussian_kl", law="test_extremes", diagnosis="log(exp(logvar)) is −∞ where the variance rounds to 0.")
def gaussian_kl_by_way_of_the_variance(mu, logvar):
    variance = logvar.exp()
    return 0.5 * (mu.square() + variance - 1 - variance.log()).sum(dim=-1)


@mistake(
    "gaussian_log_likelihood",
    law="test_a_sigma_per_entry",
    diagnosis="A σ that all entries of a point share counts once in log σ; it counts once per entry.",
)
def gaussian_log_likelihood_with_one_log_per_point(x, mean, sigma):
    sigma = torch.as_tensor(sigma, dtype=mean.dtype)
    if (sigma <= 0).any():
        raise ValueError("sigma must be positive.")
    n = x.shape[-1]
    log_sigmas = n * sigma.log() if sigma.ndim == 0 else sigma.log().sum(dim=-1)
    return -0.5 * ((x - mean) / sigma).square().sum(dim=-1) - log_sigmas - 0.5 * n * math.log(2 * math.pi)


@mistake(
    "gaussian_log_likelihood",
    law="test_value",
    diagnosis="One σ shared by n entries costs n log σ, not log σ.",
)
def gaussian_log_likelihood_with_one_log_sigma(x, mean, sigma):
    sigma = torch.as_tensor(sigma, dtype=mean.dtype)
    if (sigma <= 0).any():
        raise ValueError("sigma must be positive.")
    squares = ((x - mean) / sigma).square().sum(dim=-1)
    return -0.5 * squares - sigma.log().sum() - 0.5 * mean.shape[-1] * math.log(2 * math.pi)


@mistake(
    "gaussian_log_likelihood",
    law="test_value",
    diagnosis="The constant ½ log 2π per entry is missing: the density does not integrate to one.",
)
def gaussian_log_likelihood_without_the_constant(x, mean, sigma):
    sigma = torch.as_tensor(sigma, dtype=mean.dtype)
    if (sigma <= 0).any():
        raise ValueError("sigma must be positive.")
    return (-0.5 * ((x - mean) / sigma).square() - sigma.log()).sum(dim=-1)


@mistake("gaussian_log_likelihood", law="test_value", diagnosis="`sigma` is the standard deviation, not the variance.")
def gaussian_log_likelihood_of_the_variance(x, mean, sigma):
    variance = torch.as_tensor(sigma, dtype=mean.dtype)
    if (variance <= 0).any():
        raise ValueError("sigma must be positive.")
    return -0.5 * ((x - mean).square() / variance + variance.log() + math.log(2 * math.pi)).sum(dim=-1)


@mistake(
    "gaussian_log_likelihood",
    law="test_best_sigma",
    diagnosis="Only minus the squared error: without log σ an infinite σ would be best.",
)
def gaussian_log_likelihood_as_squared_error(x, mean, sigma):
    sigma = torch.as_tensor(sigma, dtype=mean.dtype)
    if (sigma <= 0).any():
        raise ValueError("sigma must be positive.")
    return -0.5 * ((x - mean) / sigma).square().sum(dim=-1)


@mistake(
    "gaussian_log_likelihood",
    law="test_best_sigma",
    diagnosis="σ is turned into a plain number: no gradient reaches it, and a learned σ never moves.",
)
def gaussian_log_likelihood_with_sigma_cut_off(x, mean, sigma):
    sigma = torch.as_tensor(sigma, dtype=mean.dtype).detach()
    if (sigma <= 0).any():
        raise ValueError("sigma must be positive.")
    return (-0.5 * ((x - mean) / sigma).square() - sigma.log() - 0.5 * math.log(2 * math.pi)).sum(dim=-1)


@mistake(
    "bernoulli_log_likelihood",
    law="test_value",
    diagnosis="The sign is that of the cross-entropy, which is a loss; a log-likelihood is never positive here.",
)
def bernoulli_log_likelihood_as_a_loss(x, logits):
    return -(x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(dim=-1)


@mistake(
    "bernoulli_log_likelihood",
    law="test_extremes",
    diagnosis="σ(a) rounds to 0 or 1, and the logarithm of 0 is −∞: use the logarithm of the sigmoid.",
)
def bernoulli_log_likelihood_that_overflows(x, logits):
    p = torch.sigmoid(logits)
    return (torch.xlogy(x, p) + torch.xlogy(1 - x, 1 - p)).sum(dim=-1)


@mistake(
    "bernoulli_log_likelihood",
    law="test_normalises",
    diagnosis="Only the white pixels count: the term (1 − x) log(1 − p) is missing.",
)
def bernoulli_log_likelihood_of_ones(x, logits):
    return (x * F.logsigmoid(logits)).sum(dim=-1)


@mistake(
    "bernoulli_log_likelihood",
    law="test_value",
    diagnosis="The mean over pixels: the log-likelihood of an image is a sum, or the rate weighs n times too much.",
)
def bernoulli_log_likelihood_averaged(x, logits):
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).mean(dim=-1)


@mistake(
    "bernoulli_log_likelihood",
    law="test_extremes",
    diagnosis="A constant inside the logarithm caps the loss: a certain and wrong logit costs 18 nats, not 10000.",
)
def bernoulli_log_likelihood_with_epsilon(x, logits):
    p = torch.sigmoid(logits)
    return (x * torch.log(p + 1e-8) + (1 - x) * torch.log(1 - p + 1e-8)).sum(dim=-1)


@mistake("elbo", law="test_gap", diagnosis="The rate is added; it has to be subtracted.")
def elbo_with_the_rate_added(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(0.5 * logvar) * eps
    return log_likelihood(x, z).mean(dim=0) + 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1)


@mistake("elbo", law="test_gap", diagnosis="The rate is averaged over latent dimensions; it is a sum.")
def elbo_with_an_averaged_rate(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(0.5 * logvar) * eps
    return log_likelihood(x, z).mean(dim=0) - 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean(dim=-1)


@mistake("elbo", law="test_gap", diagnosis="There is no rate: without it this is only the reconstruction term.")
def elbo_without_the_rate(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(0.5 * logvar) * eps
    return log_likelihood(x, z).mean(dim=0)


@mistake(
    "elbo",
    law="test_gap",
    diagnosis="The mean code was decoded instead of samples: the reconstruction looks better than it is.",
)
def elbo_of_the_mean_code(x, mu, logvar, eps, log_likelihood):
    return log_likelihood(x, mu) - 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1)


@mistake("elbo", law="test_gap", diagnosis="exp(logvar) is the variance; σ is exp(logvar / 2).")
def elbo_with_the_variance_as_sigma(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(logvar) * eps
    return log_likelihood(x, z).mean(dim=0) - 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1)


@mistake(
    "elbo", law="test_lower_bound", diagnosis="The mean over the batch as well: there is one bound per data point."
)
def elbo_of_the_batch(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(0.5 * logvar) * eps
    rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1)
    return (log_likelihood(x, z).mean(dim=0) - rate).mean()


@mistake(
    "importance_weighted_bound",
    law="test_value",
    diagnosis="The mean of the logarithms is the ELBO again; the mean comes before the logarithm.",
)
def importance_weighted_bound_of_logarithms(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(0.5 * logvar) * eps
    log_weights = log_likelihood(x, z) + 0.5 * (eps.square() + logvar - z.square()).sum(dim=-1)
    return log_weights.mean(dim=0)


@mistake(
    "importance_weighted_bound",
    law="test_exact_at_the_posterior",
    diagnosis="The logarithm of the sum: log K is not subtracted.",
)
def importance_weighted_bound_of_the_sum(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(0.5 * logvar) * eps
    log_weights = log_likelihood(x, z) + 0.5 * (eps.square() + logvar - z.square()).sum(dim=-1)
    return torch.logsumexp(log_weights, dim=0)


@mistake(
    "importance_weighted_bound",
    law="test_extremes",
    diagnosis="e^(−100000) is 0 in floating point, and log 0 is −∞: stay in the logarithm.",
)
def importance_weighted_bound_that_underflows(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(0.5 * logvar) * eps
    log_weights = log_likelihood(x, z) + 0.5 * (eps.square() + logvar - z.square()).sum(dim=-1)
    return log_weights.exp().mean(dim=0).log()


@mistake(
    "importance_weighted_bound",
    law="test_exact_at_the_posterior",
    diagnosis="The rate in closed form cannot be used here: a weight needs the density ratio at its own sample.",
)
def importance_weighted_bound_with_closed_form_rate(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(0.5 * logvar) * eps
    rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1)
    return torch.logsumexp(log_likelihood(x, z) - rate, dim=0) - math.log(len(eps))


@mistake(
    "importance_weighted_bound",
    law="test_value",
    diagnosis="The density of a sample under q lacks the factor 1/σ (½ logvar per dimension): the change of variables.",
)
def importance_weighted_bound_without_sigma(x, mu, logvar, eps, log_likelihood):
    z = mu + torch.exp(0.5 * logvar) * eps
    log_weights = log_likelihood(x, z) + 0.5 * (eps.square() - z.square()).sum(dim=-1)
    return torch.logsumexp(log_weights, dim=0) - math.log(len(eps))


@mistake("beta_vae_loss", law="test_minus_elbo", diagnosis="The sign is that of the bound; a loss is minimised.")
def beta_vae_loss_as_a_bound(reconstruction, mu, logvar, beta=1.0):
    if beta < 0:
        raise ValueError("beta must not be negative.")
    return (reconstruction - beta * 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1)).mean()


@mistake(
    "beta_vae_loss",
    law="test_gradient_splits",
    diagnosis="β weighs the reconstruction; it belongs to the rate.",
)
def beta_vae_loss_with_beta_on_the_reconstruction(reconstruction, mu, logvar, beta=1.0):
    if beta < 0:
        raise ValueError("beta must not be negative.")
    return (0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1) - beta * reconstruction).mean()


@mistake(
    "beta_vae_loss",
    law="test_value",
    diagnosis="The rate is averaged over latent dimensions, which divides β by their number.",
)
def beta_vae_loss_with_an_averaged_rate(reconstruction, mu, logvar, beta=1.0):
    if beta < 0:
        raise ValueError("beta must not be negative.")
    return (beta * 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean(dim=-1) - reconstruction).mean()


@mistake("beta_vae_loss", law="test_value", diagnosis="The sum over the batch; the loss is a mean over data points.")
def beta_vae_loss_summed(reconstruction, mu, logvar, beta=1.0):
    if beta < 0:
        raise ValueError("beta must not be negative.")
    return (beta * 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1) - reconstruction).sum()


@mistake("beta_vae_loss", law="test_minus_elbo", diagnosis="The default of β is 1, where the loss is minus the ELBO.")
def beta_vae_loss_with_another_default(reconstruction, mu, logvar, beta=4.0):
    if beta < 0:
        raise ValueError("beta must not be negative.")
    return (beta * 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=-1) - reconstruction).mean()


@mistake(
    "VAE",
    law="test_encoder_returns_a_distribution",
    diagnosis="μ and logvar are exchanged: the first half of the outputs is μ.",
)
class VAEWithExchangedHalves(VAE):
    def encode(self, x):
        logvar, mu = mlp(x, self.encoder).chunk(2, dim=-1)
        return mu, logvar


@mistake(
    "VAE",
    law="test_encoder_returns_a_distribution",
    diagnosis="The outputs are split alternately; the first half is μ and the second half logvar.",
)
class VAEWithInterleavedOutputs(VAE):
    def encode(self, x):
        outputs = mlp(x, self.encoder)
        return outputs[..., ::2], outputs[..., 1::2]


@mistake(
    "VAE",
    law="test_encoder_returns_a_distribution",
    diagnosis="The second output is logvar; here it is turned into σ already.",
)
class VAEThatReturnsSigma(VAE):
    def encode(self, x):
        mu, logvar = mlp(x, self.encoder).chunk(2, dim=-1)
        return mu, torch.exp(0.5 * logvar)


@mistake(
    "VAE",
    law="test_prior",
    diagnosis="The codes are drawn uniformly from [0, 1); the prior is N(0, I).",
)
class VAEWithUniformCodes(VAE):
    def sample(self, count, seed):
        weight = self.decoder[0]
        generator = torch.Generator().manual_seed(seed)
        z = torch.rand(count, weight.shape[1], generator=generator, dtype=weight.dtype)
        return z, self.decode(z)


@mistake(
    "VAE",
    law="test_samples_are_decoded_noise",
    diagnosis="The seed is not used: two calls with the same seed give different samples.",
)
class VAEWithoutASeed(VAE):
    def sample(self, count, seed):
        weight = self.decoder[0]
        z = torch.randn(count, weight.shape[1], dtype=weight.dtype)
        return z, self.decode(z)


@mistake(
    "VAE",
    law="test_prior",
    diagnosis="One code is drawn and repeated: every sample needs a code of its own.",
)
class VAEWithOneSample(VAE):
    def sample(self, count, seed):
        weight = self.decoder[0]
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(1, weight.shape[1], generator=generator, dtype=weight.dtype).repeat(count, 1)
        return z, self.decode(z)


@mistake(
    "VAE",
    law="test_traversal",
    diagnosis="The codes are views of z: writing into them changes z, and all copies at once.",
)
class VAEThatWritesIntoItsCode(VAE):
    def traverse(self, z, dimension, values):
        rows = []
        for value in values:
            z[dimension] = value
            rows.append(self.decode(z))
        return torch.stack(rows)


@mistake(
    "VAE",
    law="test_traversal",
    diagnosis="The values are added to the entry; it should take them.",
)
class VAEThatShifts(VAE):
    def traverse(self, z, dimension, values):
        codes = z.repeat(len(values), 1)
        codes[:, dimension] += values
        return self.decode(codes)


@mistake(
    "VAE",
    law="test_sizes",
    diagnosis="The widths are not compared: an encoder with the wrong number of outputs is accepted.",
)
class VAEThatAcceptsAnything(VAE):
    def __init__(self, encoder, decoder):
        self.encoder, self.decoder = list(encoder), list(decoder)


@mistake("train_vae", law="test_follows_adam", diagnosis="Gradients are not cleared between steps: they add up.")
def train_vae_that_accumulates(x, parameters, encode, log_likelihood, noise, learning_rate, beta=1.0):
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for eps in noise:
        mu, logvar = encode(x, parameters)
        rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
        loss = (beta * rate - log_likelihood(x, mu + torch.exp(0.5 * logvar) * eps, parameters)).mean()
        if not loss.isfinite():
            raise ValueError("The loss is not finite.")
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in parameters], losses


@mistake(
    "train_vae", law="test_follows_adam", diagnosis="Every step uses the noise of the first: it is learned by heart."
)
def train_vae_with_the_same_noise(x, parameters, encode, log_likelihood, noise, learning_rate, beta=1.0):
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for _ in noise:
        mu, logvar = encode(x, parameters)
        rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
        loss = (beta * rate - log_likelihood(x, mu + torch.exp(0.5 * logvar) * noise[0], parameters)).mean()
        if not loss.isfinite():
            raise ValueError("The loss is not finite.")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in parameters], losses


@mistake(
    "train_vae",
    law="test_reaches_the_maximum_likelihood",
    diagnosis="The code is detached before decoding: the reconstruction never trains the encoder.",
)
def train_vae_with_detached_codes(x, parameters, encode, log_likelihood, noise, learning_rate, beta=1.0):
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for eps in noise:
        mu, logvar = encode(x, parameters)
        rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
        z = (mu + torch.exp(0.5 * logvar) * eps).detach()
        loss = (beta * rate - log_likelihood(x, z, parameters)).mean()
        if not loss.isfinite():
            raise ValueError("The loss is not finite.")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in parameters], losses


@mistake(
    "train_vae",
    law="test_what_it_returns",
    diagnosis="The parameters were trained in place: the caller's tensors changed.",
)
def train_vae_in_place(x, parameters, encode, log_likelihood, noise, learning_rate, beta=1.0):
    parameters = [p.requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for eps in noise:
        mu, logvar = encode(x, parameters)
        rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
        loss = (beta * rate - log_likelihood(x, mu + torch.exp(0.5 * logvar) * eps, parameters)).mean()
        if not loss.isfinite():
            raise ValueError("The loss is not finite.")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in parameters], losses


@mistake(
    "train_vae",
    law="test_reaches_the_maximum_likelihood",
    diagnosis="The sign of the rate is lost: the codes are driven away from the prior.",
)
def train_vae_with_the_rate_rewarded(x, parameters, encode, log_likelihood, noise, learning_rate, beta=1.0):
    parameters = [p.detach().clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    for eps in noise:
        mu, logvar = encode(x, parameters)
        rate = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
        loss = (-beta * rate - log_likelihood(x, mu + torch.exp(0.5 * logvar) * eps, parameters)).mean()
        if not loss.isfinite():
            raise ValueError("The loss is not finite.")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [p.detach() for p in parameters], losses


@mistake("active_units", law="test_collapse", diagnosis="The size of the mean code counts here; its variance should.")
def active_units_by_size(mu, threshold=0.01):
    return mu.square().mean(dim=0) > threshold


@mistake("active_units", law="test_value", diagnosis="The standard deviation is compared; the variance should be.")
def active_units_by_standard_deviation(mu, threshold=0.01):
    return mu.std(dim=0, correction=0) > threshold


@mistake(
    "active_units", law="test_boundary", diagnosis="The variance divides by m − 1; here it is a mean over the data."
)
def active_units_unbiased(mu, threshold=0.01):
    return mu.var(dim=0) > threshold


@mistake(
    "active_units",
    law="test_value",
    diagnosis="The variance over the latent dimensions of each point, not over the data.",
)
def active_units_of_points(mu, threshold=0.01):
    return mu.var(dim=1, correction=0) > threshold


@mistake(
    "spherical_interpolation",
    law="test_rotation",
    diagnosis="The straight line is taken from a cosine of 0.9995 on; arcs of a few hundredths are still round.",
)
def spherical_interpolation_straight_too_soon(z0, z1, t):
    if not z0.any() or not z1.any():
        raise ValueError("A zero vector has no direction.")
    u, v = z0 / z0.norm(), z1 / z1.norm()
    angle = 2 * torch.atan2((u - v).norm(), (u + v).norm())
    if angle > math.pi - 1e-6:
        raise ValueError("Opposite vectors.")
    t = t[:, None]
    if u @ v > 0.9995:
        return (1 - t) * z0 + t * z1
    return (torch.sin((1 - t) * angle) * z0 + torch.sin(t * angle) * z1) / torch.sin(angle)


@mistake(
    "spherical_interpolation",
    law="test_rotation",
    diagnosis="This is the straight line: it passes too close to the origin.",
)
def spherical_interpolation_on_the_chord(z0, z1, t):
    if not z0.any() or not z1.any() or torch.cosine_similarity(z0, z1, dim=0) < -1 + 1e-13:
        raise ValueError("There is no arc.")
    return (1 - t)[:, None] * z0 + t[:, None] * z1


@mistake(
    "spherical_interpolation",
    law="test_rotation",
    diagnosis="The chord was projected to the sphere: the ends are right, but the speed is not constant.",
)
def spherical_interpolation_projected(z0, z1, t):
    if not z0.any() or not z1.any() or torch.cosine_similarity(z0, z1, dim=0) < -1 + 1e-13:
        raise ValueError("There is no arc.")
    chord = (1 - t)[:, None] * z0 + t[:, None] * z1
    lengths = (1 - t) * z0.norm() + t * z1.norm()
    return chord / chord.norm(dim=1, keepdim=True) * lengths[:, None]


@mistake(
    "spherical_interpolation",
    law="test_parallel",
    diagnosis="0/0 for parallel vectors: there the walk is the straight line.",
)
def spherical_interpolation_without_the_limit(z0, z1, t):
    if not z0.any() or not z1.any():
        raise ValueError("The zero vector has no direction.")
    cosine = torch.cosine_similarity(z0, z1, dim=0)
    if cosine < -1 + 1e-13:
        raise ValueError("There is no shortest arc.")
    angle, t = torch.acos(cosine), t[:, None]
    return (torch.sin((1 - t) * angle) * z0 + torch.sin(t * angle) * z1) / torch.sin(angle)


@mistake(
    "spherical_interpolation",
    law="test_rotation",
    diagnosis="The vectors were not normalised before the arc cosine: the angle is wrong unless both have length 1.",
)
def spherical_interpolation_of_unnormalised_vectors(z0, z1, t):
    if not z0.any() or not z1.any() or torch.cosine_similarity(z0, z1, dim=0) < -1 + 1e-13:
        raise ValueError("There is no arc.")
    angle, t = torch.acos((z0 @ z1).clamp(-1, 1)), t[:, None]
    if angle < 1e-6:
        return (1 - t) * z0 + t * z1
    return (torch.sin((1 - t) * angle) * z0 + torch.sin(t * angle) * z1) / torch.sin(angle)


@mistake(
    "spherical_interpolation",
    law="test_unequal_lengths",
    diagnosis="The walk runs backwards: for t = 0 it should be at z0.",
)
def spherical_interpolation_backwards(z0, z1, t):
    if not z0.any() or not z1.any():
        raise ValueError("The zero vector has no direction.")
    first, second = z0 / z0.norm(), z1 / z1.norm()
    angle = 2 * torch.atan2((first - second).norm(), (first + second).norm())
    if angle > math.pi - 1e-6:
        raise ValueError("There is no shortest arc.")
    turns, t = angle / math.pi, t[:, None]
    walk = t * torch.sinc(t * turns) * z0 + (1 - t) * torch.sinc((1 - t) * turns) * z1
    return walk / torch.sinc(turns)
