"""The laws of Autoencoder, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, assert_true, jacobian, seeds, unchanged

OK_FORMAT = False
name = "Autoencoder"
points = [3, 0, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=5)
once = settings(max_examples=1)


def draw_normal(*shape, seed=0):
    """Normal numbers that depend on the seed only."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(x, parameters):
    """The network with parameters [W_1, b_1, W_2, b_2, \u2026], tanh between its layers, by torch.nn's functions."""
    pairs = list(zip(parameters[::2], parameters[1::2]))
    for weight, bias in pairs[:-1]:
        x = torch.tanh(F.linear(x, weight, bias))
    return F.linear(x, *pairs[-1])


def spectrum(x):
    """The eigenvalues of the covariance (with 1/m), in descending order."""
    return torch.linalg.eigvalsh(torch.cov(x.T, correction=0).reshape(x.shape[1], x.shape[1])).flip(0)


def squared_error(x, reconstruction):
    """The mean over points of the squared distance to the reconstruction."""
    return (x - reconstruction).square().sum(dim=-1).mean(dim=-1)


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


@test_case(name="Autoencoder - test_bottleneck", hidden=False)
def law_1(env):
    check_law(TestAutoencoder, "test_bottleneck", env)


@test_case(name="Autoencoder - test_networks", hidden=False)
def law_2(env):
    check_law(TestAutoencoder, "test_networks", env)


@test_case(name="Autoencoder - test_rank", hidden=False)
def law_3(env):
    check_law(TestAutoencoder, "test_rank", env)


@test_case(name="Autoencoder - test_beats_pca_on_a_curve", hidden=False)
def law_4(env):
    check_law(TestAutoencoder, "test_beats_pca_on_a_curve", env)


@test_case(name="Autoencoder - test_losses", hidden=False)
def law_5(env):
    check_law(TestAutoencoder, "test_losses", env)
