"""The laws of train_vae, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, seeds, unchanged

OK_FORMAT = False
name = "train_vae"
points = [3, 0, 0]
all_or_nothing = True


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
    """The network with parameters [W_1, b_1, W_2, b_2, \u2026], tanh between its layers, by torch.nn's functions."""
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


def noise_points(m, d):
    """The 2d noise samples \xb1\u221ad\xb7e_j for each of m points, of shape (2d, m, d): mean 0, covariance exactly I."""
    points = math.sqrt(d) * torch.cat([torch.eye(d), -torch.eye(d)]).double()
    return points[:, None, :].expand(2 * d, m, d)


def log_evidence(model):
    """The exact log p(x) of a linear-Gaussian model at its data."""
    weight, offset, sigma, x = model
    identity = torch.eye(len(offset), dtype=x.dtype)
    return MultivariateNormal(offset, weight @ weight.T + sigma**2 * identity).log_prob(x)


def rates(mu, logvar):
    """KL(N(\u03bc, diag exp(logvar)) \u2016 N(0, I)) per data point."""
    return kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(dim=-1)


def linear_encode(x, parameters):
    """A linear encoder: \u03bc is an affine function of x, logvar one number per dimension."""
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
    """An encoder network with outputs (\u03bc, logvar) for one latent dimension."""
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


@test_case(name="train_vae - test_what_it_returns", hidden=False)
def law_1(env):
    check_law(TestTrainVAE, "test_what_it_returns", env)


@test_case(name="train_vae - test_reaches_the_maximum_likelihood", hidden=False)
def law_2(env):
    check_law(TestTrainVAE, "test_reaches_the_maximum_likelihood", env)


@test_case(name="train_vae - test_follows_a_curve", hidden=False)
def law_3(env):
    check_law(TestTrainVAE, "test_follows_a_curve", env)
