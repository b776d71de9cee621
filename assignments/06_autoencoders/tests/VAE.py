"""The laws of VAE, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, seeds, tensors, unchanged

OK_FORMAT = False
name = "VAE"
points = [3, 0, 0, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)
few = settings(max_examples=5)


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


@st.composite
def networks(draw):
    """Parameters of an encoder n \u2192 2d and of a decoder d \u2192 n, with d and n."""
    n, d = draw(st.integers(3, 5)), draw(st.integers(1, 3))
    encoder, decoder = draw(st.sampled_from([((n, 2 * d), (d, n)), ((n, 7, 2 * d), (d, 8, n))]))
    seed = draw(seeds())
    return draw_network(encoder, seed), draw_network(decoder, seed + 50), d, n


@pytest.mark.exercise("VAE", points=3)
class TestVAE:
    @some
    @given(nets=networks(), m=st.integers(1, 4), seed=seeds())
    def test_encoder_returns_a_distribution(self, target, nets, m, seed):
        """The encoder returns \u03bc and logvar: the first and the second half of its network's outputs."""
        encoder, decoder, d, n = nets
        x = draw_normal(m, n, seed=seed)
        with unchanged(x, *encoder):
            mu, logvar = target.VAE(encoder, decoder).encode(x)
        outputs = network(x, encoder)
        assert_close(mu, outputs[:, :d], atol=1e-12, what="\u03bc")
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
        # Six standard errors: 1/\u221a4000 of a mean and of a covariance, \u221a(2/4000) of a variance.
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


@test_case(name="VAE - test_encoder_returns_a_distribution", hidden=False)
def law_1(env):
    check_law(TestVAE, "test_encoder_returns_a_distribution", env)


@test_case(name="VAE - test_decoder", hidden=False)
def law_2(env):
    check_law(TestVAE, "test_decoder", env)


@test_case(name="VAE - test_samples_are_decoded_noise", hidden=False)
def law_3(env):
    check_law(TestVAE, "test_samples_are_decoded_noise", env)


@test_case(name="VAE - test_prior", hidden=False)
def law_4(env):
    check_law(TestVAE, "test_prior", env)


@test_case(name="VAE - test_traversal", hidden=False)
def law_5(env):
    check_law(TestVAE, "test_traversal", env)


@test_case(name="VAE - test_traversal_is_continuous", hidden=False)
def law_6(env):
    check_law(TestVAE, "test_traversal_is_continuous", env)
