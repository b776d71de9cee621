"""The laws of autoencoders that you have: plain `pytest` in this folder runs them on autoencoders.py."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from autograder.laws import (
    assert_close,
    assert_equal,
    assert_shape,
    assert_true,
    gaussians,
    gradient,
    jacobian,
    reals,
    seeds,
    shapes,
    tensors,
    unchanged,
)

some = settings(max_examples=10)
few = settings(max_examples=5)
once = settings(max_examples=1)
STEPS = st.sampled_from([1, 0, 2, 3])  # the first is tried in any case: no step changes nothing


def vector(*values):
    """These numbers as a tensor in double precision."""
    return torch.tensor(values, dtype=torch.float64)


def draw_normal(*shape, seed=0):
    """Normal numbers that depend on the seed only."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(x, parameters):
    """The network with parameters [W_1, b_1, W_2, b_2, …], tanh between its layers, by torch.nn's functions."""
    pairs = list(zip(parameters[::2], parameters[1::2]))
    for weight, bias in pairs[:-1]:
        x = torch.tanh(F.linear(x, weight, bias))
    return F.linear(x, *pairs[-1])


def draw_network(sizes, seed):
    """Parameters of a network with layers of these sizes; biases are not zero."""
    parameters = []
    for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        parameters.append(draw_normal(outputs, inputs, seed=seed + 2 * layer) / math.sqrt(inputs))
        parameters.append(0.5 * draw_normal(outputs, seed=seed + 2 * layer + 1))
    return parameters


def spectrum(x):
    """The eigenvalues of the covariance (with 1/m), in descending order."""
    return torch.linalg.eigvalsh(torch.cov(x.T, correction=0).reshape(x.shape[1], x.shape[1])).flip(0)


@st.composite
def point_clouds(draw):
    """Points spread unequally in all directions, away from the origin, and a bottleneck below their dimension."""
    n = draw(st.integers(2, 5))
    d = draw(st.integers(1, n - 1))
    mixing, centre = draw(gaussians((n, n))), draw(tensors(n))
    return draw(gaussians((draw(st.integers(n + 2, 12)), n))) @ mixing + centre, d


def squared_error(x, reconstruction):
    """The mean over points of the squared distance to the reconstruction."""
    return (x - reconstruction).square().sum(dim=-1).mean(dim=-1)


@pytest.mark.exercise("linear_autoencoder", points=2)
class TestLinearAutoencoder:
    @some
    @given(cloud=point_clouds())
    def test_error_is_the_sum_of_dropped_eigenvalues(self, target, cloud):
        """The mean squared error of reconstruction is the sum of the eigenvalues that were dropped."""
        x, d = cloud
        with unchanged(x):
            mean, components, _ = target.linear_autoencoder(x, d)
        assert_close(mean, x.mean(dim=0), what="the mean")
        assert_shape(components, (x.shape[1], d), torch.float64, "the components")
        error = squared_error(x, mean + (x - mean) @ components @ components.T)
        assert_close(error, spectrum(x)[d:].sum(), atol=1e-9, what="the squared error")

    @some
    @given(cloud=point_clouds())
    def test_eigenvalues(self, target, cloud):
        """All n eigenvalues of the covariance are returned, largest first."""
        x, d = cloud
        assert_close(target.linear_autoencoder(x, d)[2], spectrum(x), atol=1e-9, what="the eigenvalues")

    @some
    @given(cloud=point_clouds())
    def test_projection(self, target, cloud):
        """The components are orthonormal, so that reconstructing is a projection: doing it twice changes nothing."""
        x, d = cloud
        mean, components, _ = target.linear_autoencoder(x, d)
        assert_close(components.T @ components, torch.eye(d, dtype=x.dtype), atol=1e-9, what="componentsᵀ components")
        once_more = mean + (x - mean) @ components @ components.T
        twice = mean + (once_more - mean) @ components @ components.T
        assert_close(twice, once_more, atol=1e-9, what="the reconstruction of the reconstruction")

    @some
    @given(cloud=point_clouds(), seed=seeds())
    def test_no_linear_map_does_better(self, target, cloud, seed):
        """Of random linear codes of d numbers, each with the best decoder for it, none has a smaller error."""
        x, d = cloud
        mean, components, _ = target.linear_autoencoder(x, d)
        error = squared_error(x, mean + (x - mean) @ components @ components.T)
        encoders = draw_normal(20, x.shape[1], d, seed=seed)
        encoders[10:] = components + 0.05 * encoders[10:]  # and some near the best
        codes = F.pad((x - x.mean(dim=0)) @ encoders, (0, 1), value=1.0)
        errors = squared_error(x, codes @ torch.linalg.lstsq(codes, x.expand(20, *x.shape)).solution)
        assert_true(error <= errors.min() + 1e-9, f"The error is {error:.6g}, a random code's {errors.min():.6g}.")


@st.composite
def widths(draw):
    """Widths of an encoder's layers, from n entries to a smaller number of codes, no two alike."""
    n, d = draw(st.integers(4, 6)), draw(st.integers(1, 3))
    return draw(st.sampled_from([(n, d), (n, 7, d), (n, 9, 8, d)]))


def helix(count):
    """Points on a turn of a helix in space: one degree of freedom, and no line near all of them."""
    angle = torch.linspace(-3, 3, count, dtype=torch.float64)
    return torch.stack([2 * angle / 3, angle.cos(), angle.sin()], dim=1)


def parameters_of(model):
    """Copies of a model's parameters, encoder first."""
    return [p.detach().clone() for p in [*model.encoder, *model.decoder]]


@pytest.mark.exercise("Autoencoder", points=3)
class TestAutoencoder:
    @few
    @given(sizes=widths(), seed=seeds())
    def test_bottleneck(self, target, sizes, seed):
        """The code of a point has d numbers, its reconstruction n; the decoder has the encoder's layers backwards."""
        model = target.Autoencoder(sizes, seed)
        x = draw_normal(5, sizes[0], seed=seed)
        code = model.encode(x)
        assert_shape(code, (5, sizes[-1]), torch.float64, "the code")
        assert_shape(model.decode(code), x.shape, torch.float64, "the reconstruction")
        for name, parameters, layers in (("encoder", model.encoder, sizes), ("decoder", model.decoder, sizes[::-1])):
            expected = [shape for i, o in zip(layers, layers[1:]) for shape in ((o, i), (o,))]
            found = [tuple(p.shape) for p in parameters]
            assert_true(found == expected, f"The {name}'s parameters have shapes {found}; they should be {expected}.")

    @few
    @given(sizes=widths(), seed=seeds())
    def test_networks(self, target, sizes, seed):
        """Encoder and decoder are the networks of their parameters, and the reconstruction is one after the other."""
        model = target.Autoencoder(sizes, seed)
        encoder, decoder = list(model.encoder), list(model.decoder)
        x, z = draw_normal(4, sizes[0], seed=seed), draw_normal(3, sizes[-1], seed=seed)
        with unchanged(x, z):
            assert_close(model.encode(x), network(x, encoder), what="the code")
            assert_close(model.decode(z), network(z, decoder), what="the decoded point")
            assert_close(model.reconstruct(x), network(network(x, encoder), decoder), what="the reconstruction")

    @few
    @given(sizes=widths(), seed=seeds())
    def test_rank(self, target, sizes, seed):
        """All that reaches the output has passed through d numbers: the Jacobian of the reconstruction has rank d."""
        model = target.Autoencoder(sizes, seed)
        x = draw_normal(sizes[0], seed=seed)
        stretches = torch.linalg.svdvals(jacobian(model.reconstruct, x))
        d = sizes[-1]
        assert_true(stretches[d] < 1e-9, f"More than d = {d} directions come through: {stretches.tolist()}.")
        assert_true(stretches[d - 1] > 1e-9, f"Fewer than d = {d} directions come through: {stretches.tolist()}.")

    @once
    @given(seed=st.integers(0, 10**6))
    def test_beats_pca_on_a_curve(self, target, seed):
        """Trained on a helix with a code of one number, it has less than a tenth of the squared error of PCA."""
        x = helix(48)
        model = target.Autoencoder((3, 16, 1), seed)
        model.fit(x, 300, 0.03)
        error, best_line = squared_error(x, model.reconstruct(x).detach()), spectrum(x)[1:].sum()
        assert_true(error < best_line / 10, f"The error is {error:.4f}; that of PCA is {best_line:.4f}.")

    @few
    @given(sizes=widths(), seed=seeds(), steps=st.sampled_from([1, 0, 2]))
    def test_losses(self, target, sizes, seed, steps):
        """Training returns the loss before every step: the mean over points of the squared distance."""
        model = target.Autoencoder(sizes, seed)
        x = draw_normal(5, sizes[0], seed=seed)
        before = parameters_of(model)
        expected = squared_error(x, model.reconstruct(x).detach()).item()
        with unchanged(x):
            losses = model.fit(x, steps, 0.01)
        assert_equal(len(losses), steps, what="the number of losses")
        if steps:
            assert_close(losses[0], expected, what="the first loss")
        else:
            assert_close(parameters_of(model), before, what="the parameters after no step")
        for parameter in [*model.encoder, *model.decoder]:
            assert_true(not parameter.requires_grad, "A trained parameter should not require gradients.")


@pytest.mark.exercise("denoising_loss", points=1)
class TestDenoisingLoss:
    @some
    @given(shape=shapes(2, 2), matrix=gaussians((4, 4)), seed=seeds())
    def test_value(self, target, shape, matrix, seed):
        """It is the mean over points of the squared distance from the reconstruction of x + noise to the clean x."""
        n = shape[1]
        matrix = matrix[:n, :n]
        x, noise = draw_normal(*shape, seed=seed), draw_normal(*shape, seed=seed + 1)
        distances = [math.dist((matrix @ (p + e)).tolist(), p.tolist()) ** 2 for p, e in zip(x, noise)]
        with unchanged(x, noise):
            loss = target.denoising_loss(lambda y: y @ matrix.T, x, noise)
        assert_close(loss, vector(sum(distances) / len(distances))[0])

    @some
    @given(x=gaussians((4, 3)), noise=gaussians((4, 3)))
    def test_copying_does_not_pay(self, target, x, noise):
        """The identity costs the mean squared length of the noise, and an oracle that knows x costs nothing."""
        assert_close(target.denoising_loss(lambda y: y, x, noise), (noise**2).sum() / 4)
        assert_close(target.denoising_loss(lambda y: x, x, noise), vector(0.0)[0])

    @some
    @given(cloud=gaussians((5, 3)), variance=reals(0.1, 3))
    def test_wiener_filter(self, target, cloud, variance):
        """Among linear maps the Wiener filter C(C + σ²I)⁻¹ has the least loss: there the gradient is zero."""
        # Every point meets the six noise vectors ±√(3σ²)·e_j, whose covariance is exactly σ²I.
        steps = math.sqrt(3 * variance) * torch.cat([torch.eye(3), -torch.eye(3)]).double()
        x = cloud.repeat_interleave(6, dim=0)
        noise = steps.repeat(len(cloud), 1)
        covariance = cloud.T @ cloud / len(cloud)
        noisy = covariance + variance * torch.eye(3, dtype=torch.float64)
        best = torch.linalg.solve(noisy, covariance).T

        def loss(matrix):
            return target.denoising_loss(lambda y: y @ matrix.T, x, noise)

        assert_close(gradient(loss, best), torch.zeros_like(best), atol=1e-9, what="the gradient at the Wiener filter")
        slope = gradient(loss, torch.zeros_like(best))
        assert_close(slope, -2 * covariance, atol=1e-9, what="the gradient at the zero map")


@st.composite
def codes(draw):
    """Means and logarithms of variances of a batch of diagonal Gaussians."""
    shape = draw(shapes(1, 3))
    return draw(tensors(shape)), draw(tensors(shape))


@st.composite
def noisy_codes(draw):
    """A batch of diagonal Gaussians with noise for each, sometimes several samples of it."""
    mu, logvar = draw(codes())
    return mu, logvar, draw(gaussians((*draw(st.sampled_from([(), (3,)])), *mu.shape)))


def noise_points(m, d):
    """The 2d noise samples ±√d·e_j for each of m points, of shape (2d, m, d): mean 0, covariance exactly I."""
    points = math.sqrt(d) * torch.cat([torch.eye(d), -torch.eye(d)]).double()
    return points[:, None, :].expand(2 * d, m, d)


def log_normal(z, mu=0.0, logvar=0.0):
    """log N(z; μ, diag exp(logvar)), summed over the last axis."""
    scale = torch.exp(torch.as_tensor(logvar, dtype=z.dtype) / 2)
    return Normal(torch.as_tensor(mu, dtype=z.dtype), scale).log_prob(z).sum(dim=-1)


@pytest.mark.exercise("reparameterize", points=1)
class TestReparameterize:
    @some
    @given(code=codes())
    def test_mean_and_variance(self, target, code):
        """Noise of mean 0 and variance 1 becomes samples of mean μ and variance exp(logvar)."""
        mu, logvar = code
        eps = torch.stack([torch.full_like(mu, value) for value in (-1.5, -0.5, 0.5, 1.5)]) / math.sqrt(1.25)
        with unchanged(mu, logvar, eps):
            z = target.reparameterize(mu, logvar, eps)
        assert_shape(z, eps.shape, torch.float64, "the samples")
        assert_close(z.mean(dim=0), mu, what="the mean")
        assert_close(z.var(dim=0, correction=0), logvar.exp(), what="the variance")

    @some
    @given(code=noisy_codes())
    def test_density(self, target, code):
        """The density of a sample is that of its noise, divided by the product of the standard deviations."""
        mu, logvar, eps = code
        z = target.reparameterize(mu, logvar, eps)
        assert_close(log_normal(z, mu, logvar), log_normal(eps) - logvar.sum(dim=-1) / 2, what="the log-density of z")
        assert_true(bool(((z - mu) * eps >= 0).all()), "Positive noise should move the sample up.")

    @some
    @given(mu=tensors(3), logvar=tensors(3), eps=gaussians(3))
    def test_gradients(self, target, mu, logvar, eps):
        """Entry by entry, the derivative is 1 in μ and ½σε in logvar."""
        in_mu = jacobian(lambda mu: target.reparameterize(mu, logvar, eps), mu)
        assert_close(in_mu, torch.eye(3, dtype=mu.dtype), what="∂z/∂μ")
        in_logvar = jacobian(lambda logvar: target.reparameterize(mu, logvar, eps), logvar)
        sigma = logvar.exp().sqrt()
        assert_close(in_logvar, torch.diag(sigma * eps / 2), what="∂z/∂logvar")


@pytest.mark.exercise("gaussian_kl", points=1)
class TestGaussianKL:
    @some
    @given(code=codes())
    def test_value(self, target, code):
        """It is the divergence that torch.distributions computes, added up over the latent dimensions."""
        mu, logvar = code
        parts = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0))
        with unchanged(mu, logvar):
            assert_close(target.gaussian_kl(mu, logvar), parts.sum(dim=-1), atol=1e-9)

    @some
    @given(mu=tensors((4, 3)), logvar=tensors((4, 3)))
    def test_expectation(self, target, mu, logvar):
        """It is the expectation under q of log q(z) − log p(z)."""
        z = mu + (logvar / 2).exp() * noise_points(4, 3)
        expected = (log_normal(z, mu, logvar) - log_normal(z)).mean(dim=0)
        assert_close(target.gaussian_kl(mu, logvar), expected, atol=1e-9)

    @some
    @given(code=codes(), where=st.integers(0, 100), shift=st.sampled_from([-0.5, 1e-3, 2.0]))
    def test_zero_only_for_the_prior(self, target, code, where, shift):
        """It is 0 for μ = 0 and σ = 1, and positive as soon as one mean or one variance differs."""
        zeros = torch.zeros_like(code[0])
        assert_close(target.gaussian_kl(zeros, zeros), zeros.sum(dim=-1), atol=1e-12)
        changed = zeros.flatten().clone()
        changed[where % len(changed)] = shift
        changed = changed.reshape(zeros.shape)
        for mu, logvar in ((changed, zeros), (zeros, changed)):
            divergence = target.gaussian_kl(mu, logvar)
            assert_true(divergence.min() >= -1e-12, f"A divergence is {divergence.min().item()}.")
            assert_true(divergence.max() > 1e-8, "It is 0 for a distribution that is not the prior.")

    @some
    @given(mu=tensors((2, 3)), logvar=tensors((2, 3)))
    def test_gradient(self, target, mu, logvar):
        """Its gradient is μ in the mean and ½(σ² − 1) in logvar."""
        assert_close(gradient(lambda m: target.gaussian_kl(m, logvar).sum(), mu), mu, what="the gradient in μ")
        slope = gradient(lambda v: target.gaussian_kl(mu, v).sum(), logvar)
        assert_close(slope, (logvar.exp() - 1) / 2, atol=1e-12, what="the gradient in logvar")


@st.composite
def observations(draw):
    """Points of a batch, and as many means or logits for one or several samples."""
    m, n = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    samples = draw(st.sampled_from([(), (2,), (4, 2)]))
    return draw(tensors((m, n))), draw(tensors((*samples, m, n)))


@pytest.mark.exercise("gaussian_log_likelihood", points=1)
class TestGaussianLogLikelihood:
    @some
    @given(data=observations(), sigma=reals(0.1, 3))
    def test_value(self, target, data, sigma):
        """It is the sum over entries of the log-densities that torch.distributions gives, for one σ shared by all."""
        x, mean = data
        expected = Normal(mean, sigma).log_prob(x).sum(dim=-1)
        with unchanged(x, mean):
            assert_close(target.gaussian_log_likelihood(x, mean, sigma), expected, atol=1e-9)

    @some
    @given(data=observations(), sigma=tensors(4, 0.1, 3))
    def test_a_sigma_per_entry(self, target, data, sigma):
        """Every point may have a σ of its own, and so may every entry."""
        x, mean = data
        of_points = sigma[: len(x), None]
        expected = Normal(mean, of_points).log_prob(x).sum(dim=-1)
        assert_close(target.gaussian_log_likelihood(x, mean, of_points), expected, atol=1e-9)
        sigma = sigma[: x.shape[1]]
        expected = MultivariateNormal(mean, torch.diag(sigma**2)).log_prob(x)
        with unchanged(sigma):
            assert_close(target.gaussian_log_likelihood(x, mean, sigma), expected, atol=1e-9)

    @few
    @given(mean=reals(), sigma=reals(0.3, 2))
    def test_density(self, target, mean, sigma):
        """It is the logarithm of a density: in one dimension its exponential integrates to one."""
        side = torch.linspace(-25, 25, 2001, dtype=torch.float64)
        log_density = target.gaussian_log_likelihood(side[:, None], torch.full((2001, 1), mean).double(), sigma)
        mass = log_density.exp().sum() * (side[1] - side[0])
        assert_close(mass, vector(1.0)[0], atol=1e-9, what="the integral")

    @some
    @given(mean=tensors((4, 3)), errors=gaussians((4, 3)))
    def test_best_sigma(self, target, mean, errors):
        """The σ of greatest likelihood is the root mean squared error per entry."""
        x, best = mean + errors, errors.square().mean().sqrt()
        slope = gradient(lambda s: target.gaussian_log_likelihood(x, mean, s).sum(), best)
        assert_close(slope, vector(0.0)[0], atol=1e-8, what="the gradient in σ at the root mean squared error")
        slope = gradient(lambda s: target.gaussian_log_likelihood(x, mean, s).sum(), 2 * best)
        assert_close(slope, -9 / (2 * best), atol=1e-8, what="the gradient in σ at twice that")


@pytest.mark.exercise("bernoulli_log_likelihood", points=1)
class TestBernoulliLogLikelihood:
    @some
    @given(logits=tensors(st.integers(1, 5)))
    def test_normalises(self, target, logits):
        """The probabilities of all binary vectors sum to one, and each is the product of its entries' probabilities."""
        n = len(logits)
        x = torch.tensor(list(itertools.product((0.0, 1.0), repeat=n)), dtype=torch.float64)
        log_probabilities = target.bernoulli_log_likelihood(x, logits.expand(2**n, n))
        on = 1 / (1 + torch.exp(-logits))
        expected = torch.where(x == 1, on, 1 - on).prod(dim=1)
        assert_close(log_probabilities.exp(), expected, atol=1e-12, what="the probability")
        assert_close(log_probabilities.exp().sum(), vector(1.0)[0], what="the sum of all probabilities")

    @some
    @given(data=observations())
    def test_value(self, target, data):
        """For grey values too it is minus the binary cross-entropy, summed over entries, sample by sample."""
        x, logits = torch.sigmoid(data[0]), data[1]
        pairs = (x.expand_as(logits), logits)
        expected = -F.binary_cross_entropy_with_logits(pairs[1], pairs[0], reduction="none").sum(dim=-1)
        with unchanged(x, logits):
            assert_close(target.bernoulli_log_likelihood(x, logits), expected, atol=1e-9)

    @some
    @given(data=observations())
    def test_gradient(self, target, data):
        """Its gradient in a logit is x − σ(a): it pulls σ(a) towards x."""
        x, logits = torch.sigmoid(data[0]), data[1]
        slope = gradient(lambda a: target.bernoulli_log_likelihood(x, a).sum(), logits)
        assert_close(slope, x - torch.sigmoid(logits), atol=1e-9, what="the gradient in the logits")

    def test_extremes(self, target):
        """Logits of ±10000 give finite values: 0 where they are right, −10000 where they are wrong."""
        x = vector(1.0, 0.0, 1.0, 0.0, 0.25)[:, None]
        logits = vector(1e4, -1e4, -1e4, 1e4, 1e4)[:, None]
        assert_close(target.bernoulli_log_likelihood(x, logits), vector(0.0, 0.0, -1e4, -1e4, -7.5e3))


@st.composite
def linear_models(draw):
    """A linear-Gaussian model (W, b, σ) and data; W has orthogonal columns, so that the posterior is diagonal."""
    n, d = draw(st.sampled_from([(3, 2), (4, 2), (4, 3), (2, 1)]))
    m = draw(st.integers(1, 3))
    basis = torch.linalg.qr(draw(gaussians((n, d)))).Q
    return basis * draw(tensors(d, 0.5, 2)), draw(tensors(n)), draw(reals(0.3, 1.5)), draw(tensors((m, n)))


@st.composite
def models_with_encoders(draw):
    """A linear-Gaussian model with any W, data, and a diagonal Gaussian for every data point."""
    weight, offset, sigma, x = draw(linear_models())
    d = weight.shape[1]
    weight = weight + 0.5 * draw(gaussians(tuple(weight.shape)))
    return (weight, offset, sigma, x), draw(tensors((len(x), d))), draw(tensors((len(x), d), -2, 1))


def decoder_of(model):
    """log p(x|z) of a linear-Gaussian model as a function of data and codes."""
    weight, offset, sigma, _ = model

    def log_likelihood(x, z):
        return Normal((z @ weight.to(z.dtype).T + offset.to(z.dtype)), sigma).log_prob(x).sum(dim=-1)

    log_likelihood.description = "log p(x|z) of a linear-Gaussian model"
    return log_likelihood


def log_evidence(model):
    """The exact log p(x) of a linear-Gaussian model at its data."""
    weight, offset, sigma, x = model
    identity = torch.eye(len(offset), dtype=x.dtype)
    return MultivariateNormal(offset, weight @ weight.T + sigma**2 * identity).log_prob(x)


def posterior(model):
    """The exact posterior of a linear-Gaussian model: its means, one per data point, and its covariance."""
    weight, offset, sigma, x = model
    precision = torch.eye(weight.shape[1], dtype=x.dtype) + weight.T @ weight / sigma**2
    covariance = torch.linalg.inv(precision)
    covariance = (covariance + covariance.T) / 2
    return (x - offset) @ weight @ covariance / sigma**2, covariance


def diagonal_posterior(model):
    """Mean and logarithm of the variances of a posterior whose covariance is diagonal."""
    mean, covariance = posterior(model)
    return mean, covariance.diagonal().log().expand_as(mean)


@pytest.mark.exercise("elbo", points=2)
class TestElbo:
    @some
    @given(model=linear_models())
    def test_tight_at_the_posterior(self, target, model):
        """At the exact posterior of a linear-Gaussian model it equals the exact log p(x) of every data point."""
        x = model[-1]
        mu, logvar = diagonal_posterior(model)
        eps = noise_points(*mu.shape)
        with unchanged(x, mu, eps):
            bound = target.elbo(x, mu, logvar, eps, decoder_of(model))
        assert_close(bound, log_evidence(model), atol=1e-8, what="the ELBO")

    @some
    @given(case=models_with_encoders())
    def test_lower_bound(self, target, case):
        """Whatever the encoder says, it is at most log p(x)."""
        model, mu, logvar = case
        bound = target.elbo(model[-1], mu, logvar, noise_points(*mu.shape), decoder_of(model))
        exact = log_evidence(model)
        assert_shape(bound, (len(mu),), torch.float64, "the ELBO")
        assert_true(bool((bound <= exact + 1e-9).all()), f"The ELBO is {bound.tolist()}, log p(x) {exact.tolist()}.")

    @some
    @given(case=models_with_encoders())
    def test_gap(self, target, case):
        """What is missing to log p(x) is exactly the divergence from the encoder's distribution to the posterior."""
        model, mu, logvar = case
        bound = target.elbo(model[-1], mu, logvar, noise_points(*mu.shape), decoder_of(model))
        mean, covariance = posterior(model)
        encoder = MultivariateNormal(mu, torch.diag_embed(logvar.exp()))
        gap = kl_divergence(encoder, MultivariateNormal(mean, covariance))
        assert_close(log_evidence(model) - bound, gap, atol=1e-8, rtol=1e-8, what="the gap")


@pytest.mark.exercise("importance_weighted_bound", points=2)
class TestImportanceWeightedBound:
    @some
    @given(model=linear_models(), samples=st.integers(1, 4), seed=seeds())
    def test_exact_at_the_posterior(self, target, model, samples, seed):
        """At the exact posterior all weights equal p(x): the bound is log p(x) for any noise and number of samples."""
        x = model[-1]
        mu, logvar = diagonal_posterior(model)
        eps = draw_normal(samples, *mu.shape, seed=seed)
        with unchanged(x, mu, eps):
            bound = target.importance_weighted_bound(x, mu, logvar, eps, decoder_of(model))
        assert_close(bound, log_evidence(model), atol=1e-8, what="the bound")

    @some
    @given(case=models_with_encoders(), seed=seeds())
    def test_value(self, target, case, seed):
        """It is the logarithm of the mean of the weights p(x|z) p(z) / q(z|x)."""
        model, mu, logvar = case
        eps = draw_normal(3, *mu.shape, seed=seed)
        decoder = decoder_of(model)
        total = 0.0
        for e in eps:
            z = mu + (logvar / 2).exp() * e
            log_weight = decoder(model[-1], z) + log_normal(z) - log_normal(z, mu, logvar)
            total = total + log_weight.exp()  # at least e^(−400) here: no underflow
        bound = target.importance_weighted_bound(model[-1], mu, logvar, eps, decoder)
        assert_close(bound, (total / 3).log(), atol=1e-7, what="the bound")

    @some
    @given(case=models_with_encoders(), samples=st.integers(2, 4), seed=seeds())
    def test_more_samples_are_better(self, target, case, samples, seed):
        """With all samples it is at least the average of the bounds that leave one out: it grows with their number."""
        model, mu, logvar = case
        eps = draw_normal(samples, *mu.shape, seed=seed)
        decoder = decoder_of(model)

        def bound(eps):
            return target.importance_weighted_bound(model[-1], mu, logvar, eps, decoder)

        fewer = sum(bound(torch.cat([eps[:k], eps[k + 1 :]])) for k in range(samples)) / samples
        everything = bound(eps)
        assert_shape(everything, (len(mu),), torch.float64, "the bound")
        message = f"With {samples} samples it is {everything.tolist()}, with one fewer {fewer.tolist()} on average."
        assert_true(bool((everything >= fewer - 1e-9).all()), message)


@st.composite
def batches_of_terms(draw):
    """Reconstruction terms of a batch, and means and log-variances of its codes."""
    m, d = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    return draw(tensors(m, -9, 0)), draw(tensors((m, d))), draw(tensors((m, d)))


def rates(mu, logvar):
    """KL(N(μ, diag exp(logvar)) ‖ N(0, I)) per data point."""
    return kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(dim=-1)


@pytest.mark.exercise("beta_vae_loss", points=1)
class TestBetaVAELoss:
    @some
    @given(model=linear_models())
    def test_minus_elbo(self, target, model):
        """With β = 1, the default, it is minus the mean ELBO: at the exact posterior minus the mean of log p(x)."""
        mu, logvar = diagonal_posterior(model)
        z = mu + (logvar / 2).exp() * noise_points(*mu.shape)
        reconstruction = decoder_of(model)(model[-1], z).mean(dim=0)
        expected = -log_evidence(model).mean()
        with unchanged(reconstruction, mu):
            assert_close(target.beta_vae_loss(reconstruction, mu, logvar), expected, atol=1e-8)
        assert_close(target.beta_vae_loss(reconstruction, mu, logvar, 1.0), expected, atol=1e-8)

    @some
    @given(terms=batches_of_terms(), beta=reals(0, 10))
    def test_value(self, target, terms, beta):
        """It is the mean over data points of minus the reconstruction plus β times the rate."""
        reconstruction, mu, logvar = terms
        expected = (beta * rates(mu, logvar) - reconstruction).sum() / len(mu)
        assert_close(target.beta_vae_loss(reconstruction, mu, logvar, beta), expected, atol=1e-9)

    @some
    @given(terms=batches_of_terms(), beta=reals(0, 5), more=reals(0, 5))
    def test_monotone(self, target, terms, beta, more):
        """It grows with β, in proportion to the mean rate; with β = 0 the codes cost nothing."""
        low = target.beta_vae_loss(*terms, beta)
        high = target.beta_vae_loss(*terms, beta + more)
        assert_true(high >= low - 1e-9, f"It is {low} for β = {beta} and {high} for β = {beta + more}.")
        assert_close(high - low, more * rates(*terms[1:]).mean(), atol=1e-8, what="the difference")
        assert_close(target.beta_vae_loss(*terms, 0.0), -terms[0].mean(), atol=1e-12, what="the loss for β = 0")

    @some
    @given(terms=batches_of_terms(), beta=reals(0, 5))
    def test_gradient_splits(self, target, terms, beta):
        """The reconstruction's share of the gradient is free of β; that of the codes is β times the rate's."""
        reconstruction, mu, logvar = terms
        m = len(mu)
        slope = gradient(lambda r: target.beta_vae_loss(r, mu, logvar, beta), reconstruction)
        assert_close(slope, torch.full_like(reconstruction, -1 / m), what="the gradient in the reconstruction")
        slope = gradient(lambda a: target.beta_vae_loss(reconstruction, a, logvar, beta), mu)
        assert_close(slope, beta * mu / m, atol=1e-12, what="the gradient in μ")
        slope = gradient(lambda v: target.beta_vae_loss(reconstruction, mu, v, beta), logvar)
        assert_close(slope, beta * (logvar.exp() - 1) / (2 * m), atol=1e-12, what="the gradient in logvar")


@st.composite
def networks(draw):
    """Parameters of an encoder n → 2d and of a decoder d → n, with d and n."""
    n, d = draw(st.integers(3, 5)), draw(st.integers(1, 3))
    encoder, decoder = draw(st.sampled_from([((n, 2 * d), (d, n)), ((n, 7, 2 * d), (d, 8, n))]))
    seed = draw(seeds())
    return draw_network(encoder, seed), draw_network(decoder, seed + 50), d, n


@pytest.mark.exercise("VAE", points=3)
class TestVAE:
    @some
    @given(nets=networks(), m=st.integers(1, 4), seed=seeds())
    def test_encoder_returns_a_distribution(self, target, nets, m, seed):
        """The encoder returns μ and logvar: the first and the second half of its network's outputs."""
        encoder, decoder, d, n = nets
        x = draw_normal(m, n, seed=seed)
        with unchanged(x, *encoder):
            mu, logvar = target.VAE(encoder, decoder).encode(x)
        outputs = network(x, encoder)
        assert_close(mu, outputs[:, :d], atol=1e-12, what="μ")
        assert_close(logvar, outputs[:, d:], atol=1e-12, what="logvar")

    @some
    @given(nets=networks(), m=st.integers(1, 4), seed=seeds())
    def test_decoder(self, target, nets, m, seed):
        """The decoder is its network; a reconstruction decodes the mean code, without noise."""
        encoder, decoder, d, n = nets
        model = target.VAE(encoder, decoder)
        x, z = draw_normal(m, n, seed=seed), draw_normal(m, d, seed=seed)
        with unchanged(x, z, *decoder):
            assert_close(model.decode(z), network(z, decoder), atol=1e-12, what="the decoder's output")
            expected = network(network(x, encoder)[:, :d], decoder)
            assert_close(model.reconstruct(x), expected, atol=1e-12, what="the reconstruction")

    @few
    @given(nets=networks(), count=st.integers(1, 5), seed=seeds())
    def test_samples_are_decoded_noise(self, target, nets, count, seed):
        """A sample is what the decoder makes of its code; one seed gives one set of samples, another another."""
        encoder, decoder, d, n = nets
        model = target.VAE(encoder, decoder)
        z, x = model.sample(count, seed)
        assert_shape(z, (count, d), torch.float64, "the codes")
        assert_close(x, network(z, decoder), atol=1e-12, what="the samples")
        assert_close(model.sample(count, seed), (z, x), what="the samples of the same seed")
        assert_true(not torch.equal(model.sample(count, seed + 1)[0], z), "Another seed gives the same codes.")

    @few
    @given(nets=networks(), seed=seeds())
    def test_prior(self, target, nets, seed):
        """The codes of many samples have mean 0 and covariance I, as N(0, I) demands."""
        encoder, decoder, d, _ = nets
        z, _ = target.VAE(encoder, decoder).sample(4000, seed)
        # Six standard errors: 1/√4000 of a mean and of a covariance, √(2/4000) of a variance.
        assert_close(z.mean(dim=0), torch.zeros(d).double(), atol=0.1, what="the mean of the codes")
        covariance = z.T @ z / len(z)
        assert_close(covariance, torch.eye(d).double(), atol=0.14, rtol=0, what="the covariance of the codes")

    @some
    @given(nets=networks(), where=st.integers(0, 2), values=tensors(st.integers(1, 4)), seed=seeds())
    def test_traversal(self, target, nets, where, values, seed):
        """A traversal decodes copies of z in which one entry takes the given values; z itself is left alone."""
        encoder, decoder, d, _ = nets
        z, where = draw_normal(d, seed=seed), where % d
        with unchanged(z, values):
            walk = target.VAE(encoder, decoder).traverse(z, where, values)
        codes = torch.stack([vector(*z[:where], v, *z[where + 1 :]) for v in values])
        assert_close(walk, network(codes, decoder), atol=1e-12, what="the traversal")

    @few
    @given(nets=networks(), where=st.integers(0, 2), seed=seeds())
    def test_traversal_is_continuous(self, target, nets, where, seed):
        """Small steps in the code make small steps in the output, and the output does move."""
        encoder, decoder, d, _ = nets
        values = torch.linspace(-2, 2, 401, dtype=torch.float64)
        walk = target.VAE(encoder, decoder).traverse(draw_normal(d, seed=seed), where % d, values)
        steps = (walk[1:] - walk[:-1]).norm(dim=1)
        # tanh has slope at most 1, so the network stretches by at most the product of its matrices' norms.
        limit = 0.01 * math.prod(torch.linalg.matrix_norm(weight, ord=2).item() for weight in decoder[::2])
        assert_true(steps.max() <= limit + 1e-9, f"A step is {steps.max():.4g}; it can be at most {limit:.4g}.")
        assert_true(steps.max() > 1e-9, "Nothing moves along the traversal.")


def linear_encode(x, parameters):
    """A linear encoder: μ is an affine function of x, logvar one number per dimension."""
    weight, offset, logvar = parameters[:3]
    mu = x @ weight.T + offset
    return mu, logvar.expand_as(mu)


def linear_log_likelihood(x, z, parameters):
    """log p(x|z) of a linear decoder whose noise level is a parameter too."""
    weight, offset, log_sigma = parameters[3:]
    return Normal(z @ weight.T + offset, log_sigma.exp()).log_prob(x).sum(dim=-1)


def linear_start(n, d, seed):
    """Parameters for a linear VAE to start from."""
    encoder = [0.3 * draw_normal(d, n, seed=seed), torch.zeros(d).double(), torch.zeros(d).double()]
    return [*encoder, 0.3 * draw_normal(n, d, seed=seed + 1), torch.zeros(n).double(), vector(0.0)[0]]


def curve_encode(x, parameters):
    """An encoder network with outputs (μ, logvar) for one latent dimension."""
    outputs = network(x, parameters[:4])
    return outputs[..., :1], outputs[..., 1:]


def curve_log_likelihood(x, z, parameters):
    """log p(x|z) of a decoder network whose noise level is a parameter too."""
    return Normal(network(z, parameters[4:8]), parameters[8].exp()).log_prob(x).sum(dim=-1)


@pytest.mark.exercise("train_vae", points=3)
class TestTrainVAE:
    @few
    @given(n=st.integers(2, 4), d=st.integers(1, 2), steps=STEPS, seed=seeds())
    def test_what_it_returns(self, target, n, d, steps, seed):
        """It returns new tensors without gradients and the loss before each step, and leaves its inputs alone."""
        x, start = draw_normal(5, n, seed=seed), linear_start(n, d, seed)
        noise = draw_normal(steps, 5, d, seed=seed + 9)
        with unchanged(x, noise, *start):
            fitted, losses = target.train_vae(x, start, linear_encode, linear_log_likelihood, noise, 0.01)
        assert_equal(len(fitted), len(start), what="the number of parameters")
        for parameter, before in zip(fitted, start):
            assert_shape(parameter, before.shape, before.dtype, "a parameter")
            assert_true(not parameter.requires_grad, "A fitted parameter should not require gradients.")
        assert_equal(len(losses), steps, what="the number of losses")
        if steps == 0:
            assert_close(list(fitted), start, what="the parameters after no step")
        else:
            mu, logvar = linear_encode(x, start)
            z = mu + (logvar / 2).exp() * noise[0]
            first = (rates(mu, logvar) - linear_log_likelihood(x, z, start)).mean()
            assert_close(losses[0], first.item(), what="the first loss")

    @once
    @given(seed=st.integers(0, 10**6))
    def test_reaches_the_maximum_likelihood(self, target, seed):
        """A linear VAE reaches the greatest likelihood of probabilistic PCA to 0.1 nats, and its ELBO to 0.5."""
        # The start is the same for every seed: a few in a hundred are still far from the optimum after these steps.
        n, d, m = 3, 1, 200
        axes = torch.linalg.qr(draw_normal(n, n, seed=seed)).Q
        x = draw_normal(m, n, seed=seed + 1) * vector(2.5, 0.6, 0.4) @ axes + 0.5
        noise = draw_normal(80, m, d, seed=seed + 2)
        fitted, _ = target.train_vae(x, linear_start(n, d, 1), linear_encode, linear_log_likelihood, noise, 0.1)
        values = spectrum(x)
        dropped = values[d:].mean()
        best = -(n * math.log(2 * math.pi) + n + values[:d].log().sum() + (n - d) * dropped.log()) / 2
        weight, offset, log_sigma = fitted[3:]
        likelihood = log_evidence((weight, offset, log_sigma.exp(), x)).mean()
        message = f"The log-likelihood is {likelihood:.3f} nats per point; the greatest is {best:.3f}."
        assert_true(likelihood > best - 0.1, message)
        mu, logvar = linear_encode(x, fitted)
        z = mu + (logvar / 2).exp() * noise_points(m, d)
        bound = (linear_log_likelihood(x, z, fitted).mean(dim=0) - rates(mu, logvar)).mean()
        assert_true(bound > best - 0.5, f"The ELBO is {bound:.3f} nats per point; the greatest is {best:.3f}.")

    @once
    @given(seed=st.integers(0, 10**6))
    def test_follows_a_curve(self, target, seed):
        """On a noisy arc the ELBO of a VAE with networks is greater than the log-likelihood of the best Gaussian."""
        angle = torch.linspace(-2, 2, 200, dtype=torch.float64)
        x = 1.5 * torch.stack([angle.sin(), angle.cos()], dim=1) + 0.2 * draw_normal(200, 2, seed=seed)
        start = [*draw_network((2, 12, 2), 3), *draw_network((1, 12, 2), 22), vector(0.0)[0]]
        noise = draw_normal(80, 200, 1, seed=seed + 40)
        fitted, _ = target.train_vae(x, start, curve_encode, curve_log_likelihood, noise, 0.03)
        mu, logvar = curve_encode(x, fitted)
        z = mu + (logvar / 2).exp() * draw_normal(50, 200, 1, seed=seed + 60)
        bound = (curve_log_likelihood(x, z, fitted).mean(dim=0) - rates(mu, logvar)).mean()
        gaussian = -(2 * (1 + math.log(2 * math.pi)) + spectrum(x).log().sum()) / 2
        assert_true(bound > gaussian, f"The ELBO is {bound:.3f} nats; the best Gaussian has {gaussian:.3f}.")


@pytest.mark.exercise("active_units", points=1)
class TestActiveUnits:
    @some
    @given(mu=gaussians((4, 5), 0.3), threshold=reals(0.01, 0.3))
    def test_value(self, target, mu, threshold):
        """A dimension is active where the variance of its mean code over the data is above the threshold."""
        expected = [bool(np.var(column.numpy()) > threshold) for column in mu.T]
        with unchanged(mu):
            active = target.active_units(mu, threshold)
        assert_shape(active, (5,), torch.bool, "the answer")
        assert_equal(active.tolist(), expected, what="the active dimensions")

    def test_collapse(self, target):
        """A dimension whose mean code is the same for all data is not active, however large it is."""
        mu = torch.stack([vector(5.0, 5.0, 5.0), vector(-1.0, 0.0, 1.0), vector(0.0, 0.0, 0.0)], dim=1)
        assert_equal(target.active_units(mu).tolist(), [False, True, False], what="the active dimensions")

    def test_default_threshold(self, target):
        """Without another threshold the variance must exceed 0.01."""
        mu = vector(-1.0, 1.0)[:, None] * vector(0.09, 0.0999, 0.1001, 0.11)
        assert_equal(target.active_units(mu).tolist(), [False, False, True, True], what="the active dimensions")


@st.composite
def arcs(draw):
    """An angle, small ones among them, and two orthonormal directions in two to five dimensions."""
    d = draw(st.integers(2, 5))
    directions = torch.linalg.qr(draw(gaussians((d, 2)))).Q.T
    return draw(st.sampled_from([0.003, 0.02]) | reals(0.1, 3.0)), directions[0], directions[1]


SMALL_ARC = (0.02, vector(0.6, 0.0, 0.8), vector(0.0, 1.0, 0.0))


@pytest.mark.exercise("spherical_interpolation", points=1)
class TestSphericalInterpolation:
    @some
    @given(arc=arcs(), radius=reals(0.2, 4), t=tensors(st.integers(1, 5), 0, 1))
    @example(arc=SMALL_ARC, radius=2.0, t=vector(0.3))
    def test_rotation(self, target, arc, radius, t):
        """Between vectors of one length it rotates at constant speed: after t of the way it has turned by t times θ."""
        angle, first, second = arc
        z0, z1 = radius * first, radius * (math.cos(angle) * first + math.sin(angle) * second)
        turned = (t * angle)[:, None]
        expected = radius * (turned.cos() * first + turned.sin() * second)
        with unchanged(z0, z1, t):
            walk = target.spherical_interpolation(z0, z1, t)
        assert_close(walk, expected, atol=1e-9, what="the walk")
        assert_close(walk.norm(dim=1), torch.full_like(t, radius), atol=1e-9, what="the length of the codes")

    @some
    @given(arc=arcs(), lengths=tensors(2, 0.3, 3), t=tensors(st.integers(1, 5), 0, 1))
    def test_unequal_lengths(self, target, arc, lengths, t):
        """It runs from z0 to z1, which may differ in length, with the weights of the formula."""
        angle, first, second = arc
        z0 = lengths[0] * first
        z1 = lengths[1] * (math.cos(angle) * first + math.sin(angle) * second)
        ends = target.spherical_interpolation(z0, z1, vector(0.0, 1.0))
        assert_close(ends, torch.stack([z0, z1]), atol=1e-9, what="the ends of the walk")
        expected = [(math.sin((1 - s) * angle) * z0 + math.sin(s * angle) * z1) / math.sin(angle) for s in t.tolist()]
        assert_close(target.spherical_interpolation(z0, z1, t), torch.stack(expected), atol=1e-8, what="the walk")

    @some
    @given(z=gaussians(st.integers(2, 5)), factor=reals(0.2, 3), t=tensors(3, 0, 1))
    def test_parallel(self, target, z, factor, t):
        """Between vectors of the same direction it is the straight line, also if they are the same or nearly so."""
        expected = torch.stack([(1 - s) * z + s * factor * z for s in t])
        assert_close(target.spherical_interpolation(z, factor * z, t), expected, atol=1e-9, what="the walk")
        near = z + 1e-9 * z.flip(0)
        walk = target.spherical_interpolation(z, near, t)
        assert_close(walk, z.expand(3, len(z)), atol=1e-8, what="the walk to a vector close by")
