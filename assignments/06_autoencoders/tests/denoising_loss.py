"""The laws of denoising_loss, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings

from autograder.laws import assert_close, gaussians, gradient, reals, seeds, shapes, unchanged

OK_FORMAT = False
name = "denoising_loss"
points = [1, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)


def vector(*values):
    """These numbers as a tensor in double precision."""
    return torch.tensor(values, dtype=torch.float64)


def draw_normal(*shape, seed=0):
    """Normal numbers that depend on the seed only."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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
        """Among linear maps the Wiener filter C(C + \u03c3\xb2I)\u207b\xb9 has the least loss: there the gradient is zero."""
        # Every point meets the six noise vectors \xb1\u221a(3\u03c3\xb2)\xb7e_j, whose covariance is exactly \u03c3\xb2I.
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


@test_case(name="denoising_loss - test_value", hidden=False)
def law_1(env):
    check_law(TestDenoisingLoss, "test_value", env)


@test_case(name="denoising_loss - test_copying_does_not_pay", hidden=False)
def law_2(env):
    check_law(TestDenoisingLoss, "test_copying_does_not_pay", env)


@test_case(name="denoising_loss - test_wiener_filter", hidden=False)
def law_3(env):
    check_law(TestDenoisingLoss, "test_wiener_filter", env)
