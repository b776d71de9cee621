"""The laws of penalised_value, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    finite_difference_jacobian,
    gaussians,
    gradient,
    reals,
    tensors,
    unchanged,
)

OK_FORMAT = False
name = "penalised_value"
points = [2, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def normal(*shape, seed=0):
    """Normal numbers that depend on the seed only."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear(weights):
    """The function x \u21a6 \u03a3 weights \xb7 x of every sample of a batch: (m, \u2026) \u2192 (m,)."""

    def scores(x):
        return (x * weights).flatten(start_dim=1).sum(dim=1)

    return scores


def quadratic(matrix):
    """The function x \u21a6 \xbd x\u1d40 A x of every row of a batch; its gradient at x is \xbd (A + A\u1d40) x."""

    def scores(x):
        return 0.5 * ((x @ matrix) * x).sum(dim=1)

    return scores


def batches(least=1):
    """Two batches of points of the same dimension, of sizes that may differ, and a vector of that dimension."""
    sizes = st.tuples(st.integers(least, 5), st.integers(least, 5), st.integers(1, 3))
    return sizes.flatmap(lambda s: st.tuples(gaussians((s[0], s[2])), gaussians((s[1], s[2])), gaussians(s[2])))


def small_networks():
    """Parameters and sizes of a network with one hidden layer, for points of dimension one to three."""
    sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))
    return sizes.flatmap(lambda s: st.tuples(gaussians((s[0] * s[1] + 2 * s[1] + 1,)), st.just((s[0], s[1], 1))))


def logits_and_slopes(parameters, sizes, x):
    """The outputs (m,) of a network with one hidden layer of tanh, and its gradients (m, d) by the chain rule."""
    d, h, _ = sizes
    first, bias, second, last = torch.split(parameters, [d * h, h, h, 1])
    hidden = torch.tanh(x @ first.reshape(d, h) + bias)
    return hidden @ second + last, ((1 - hidden**2) * second) @ first.reshape(d, h).T


@st.composite
def interpolations(draw):
    """Two batches of one size and dimension, one number of [0, 1] per sample, and a square matrix."""
    m, d = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    real, fake, matrix = draw(gaussians((m, d))), draw(gaussians((m, d))), draw(gaussians((d, d)))
    return real, fake, draw(tensors(m, 0, 1)), matrix


@pytest.mark.exercise("penalised_value", points=2)
class TestPenalisedValue:
    @few
    @given(batch=batches(), weight=reals(0, 5))
    @example(batch=(normal(3, 2), normal(2, 2, seed=1), vector(0.7, -1.1)), weight=1.7)
    def test_linear_discriminator(self, target, batch, weight):
        """For logits w\xb7x the penalty lowers V by weight \xb7 \u2016w\u2016\xb2: steepness costs the discriminator."""
        real, fake, w = batch
        ordinary = F.logsigmoid(real @ w).mean() + F.logsigmoid(-fake @ w).mean()
        with unchanged(real, fake):
            penalised = target.penalised_value(linear(w), real, fake, weight)
        assert_close(penalised, ordinary - weight * (w @ w), atol=1e-9)

    @few
    @given(points=interpolations(), weight=reals(0, 5))
    @example(points=(normal(3, 2), normal(3, 2, seed=1), vector(0.5), normal(2, 2, seed=2)), weight=1.7)
    def test_quadratic_discriminator(self, target, points, weight):
        """The slope that counts is that at the real samples, and each has its own."""
        real, fake, _, matrix = points
        logits = quadratic(matrix)
        slopes = real @ (matrix + matrix.T) / 2
        ordinary = F.logsigmoid(logits(real)).mean() + F.logsigmoid(-logits(fake)).mean()
        penalised = target.penalised_value(logits, real, fake, weight)
        assert_close(penalised, ordinary - weight * slopes.square().sum(dim=1).mean(), atol=1e-9)

    @few
    @given(net=small_networks(), real=gaussians((3, 3)), fake=gaussians((2, 3)), weight=reals(0, 5))
    @example(net=(normal(13), (2, 3, 1)), real=normal(3, 3, seed=1), fake=normal(2, 3, seed=2), weight=1.7)
    def test_trains_the_discriminator(self, target, net, real, fake, weight):
        """Its gradient with respect to the discriminator's parameters includes the penalty's (finite differences)."""
        parameters, sizes = net
        real, fake = real[:, : sizes[0]], fake[:, : sizes[0]]

        def penalised(parameters):
            on_real, slopes = logits_and_slopes(parameters, sizes, real)
            on_fake, _ = logits_and_slopes(parameters, sizes, fake)
            ordinary = F.logsigmoid(on_real).mean() + F.logsigmoid(-on_fake).mean()
            return ordinary - weight * slopes.square().sum(dim=1).mean()

        computed = gradient(lambda p: target.network_penalised_value(p, sizes, real, fake, weight), parameters)
        expected = finite_difference_jacobian(penalised, parameters)
        assert_close(computed, expected, atol=1e-6, rtol=1e-5, what="the gradient")


@test_case(name="penalised_value - test_linear_discriminator", hidden=False)
def law_1(env):
    check_law(TestPenalisedValue, "test_linear_discriminator", env)


@test_case(name="penalised_value - test_quadratic_discriminator", hidden=False)
def law_2(env):
    check_law(TestPenalisedValue, "test_quadratic_discriminator", env)


@test_case(name="penalised_value - test_trains_the_discriminator", hidden=False)
def law_3(env):
    check_law(TestPenalisedValue, "test_trains_the_discriminator", env)
