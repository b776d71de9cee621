"""The laws of gradient_penalty, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, finite_difference_jacobian, gaussians, gradient, tensors, unchanged

OK_FORMAT = False
name = "gradient_penalty"
points = [3, 0, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


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


@pytest.mark.exercise("gradient_penalty", points=3)
class TestGradientPenalty:
    @few
    @given(points=interpolations())
    def test_linear_critic(self, target, points):
        """A critic w\xb7x has penalty (\u2016w\u2016 \u2212 1)\xb2 everywhere: none if w is a unit vector."""
        real, fake, noise, matrix = points
        w = matrix[0]
        expected = (w.norm() - 1) ** 2
        with unchanged(real, fake, noise):
            assert_close(target.gradient_penalty(linear(w), real, fake, noise), expected, atol=1e-9)
        unit = linear(w / w.norm())
        assert_close(target.gradient_penalty(unit, real, fake, noise), vector(0)[0], atol=1e-9)

    @few
    @given(points=interpolations())
    def test_quadratic_critic(self, target, points):
        """For \xbd x\u1d40Ax it is the mean of (\u2016\xbd(A + A\u1d40)x\u0302\u2016 \u2212 1)\xb2 over points x\u0302 between real and generated ones."""
        real, fake, noise, matrix = points
        between = noise[:, None] * real + (1 - noise[:, None]) * fake
        slopes = between @ (matrix + matrix.T) / 2
        expected = ((slopes.norm(dim=1) - 1) ** 2).mean()
        assert_close(target.gradient_penalty(quadratic(matrix), real, fake, noise), expected, atol=1e-9)

    @few
    @given(real=gaussians((2, 3, 2, 2)), fake=gaussians((2, 3, 2, 2)), w=gaussians((3, 2, 2)), noise=tensors(2, 0, 1))
    def test_images(self, target, real, fake, w, noise):
        """For images the norm is taken over channels, rows and columns together, one norm per image."""

        def critic(x):
            return (w * x * x).sum(dim=(1, 2, 3))

        share = noise.reshape(2, 1, 1, 1)
        slopes = 2 * w * (share * real + (1 - share) * fake)
        expected = ((slopes.square().sum(dim=(1, 2, 3)).sqrt() - 1) ** 2).mean()
        assert_close(target.gradient_penalty(critic, real, fake, noise), expected, atol=1e-9)

    @few
    @given(net=small_networks(), real=gaussians((3, 3)), fake=gaussians((3, 3)), noise=tensors(3, 0, 1))
    def test_trains_the_critic(self, target, net, real, fake, noise):
        """The penalty has a gradient with respect to the critic's parameters (finite differences)."""
        parameters, sizes = net
        real, fake = real[:, : sizes[0]], fake[:, : sizes[0]]
        between = noise[:, None] * real + (1 - noise[:, None]) * fake

        def penalty(parameters):
            _, slopes = logits_and_slopes(parameters, sizes, between)
            return ((slopes.norm(dim=1) - 1) ** 2).mean()

        computed = gradient(lambda p: target.network_gradient_penalty(p, sizes, real, fake, noise), parameters)
        expected = finite_difference_jacobian(penalty, parameters)
        assert_close(computed, expected, atol=1e-6, rtol=1e-5, what="the gradient of the penalty")


@test_case(name="gradient_penalty - test_linear_critic", hidden=False)
def law_1(env):
    check_law(TestGradientPenalty, "test_linear_critic", env)


@test_case(name="gradient_penalty - test_quadratic_critic", hidden=False)
def law_2(env):
    check_law(TestGradientPenalty, "test_quadratic_critic", env)


@test_case(name="gradient_penalty - test_images", hidden=False)
def law_3(env):
    check_law(TestGradientPenalty, "test_images", env)


@test_case(name="gradient_penalty - test_trains_the_critic", hidden=False)
def law_4(env):
    check_law(TestGradientPenalty, "test_trains_the_critic", env)
