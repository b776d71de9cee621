"""The laws of linear_autoencoder, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, gaussians, seeds, tensors, unchanged

OK_FORMAT = False
name = "linear_autoencoder"
points = [2, 0, 0, 0]
all_or_nothing = True


some = settings(max_examples=10)


def draw_normal(*shape, seed=0):
    """Normal numbers that depend on the seed only."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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
        assert_close(components.T @ components, torch.eye(d, dtype=x.dtype), atol=1e-9, what="components\u1d40 components")
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


@test_case(name="linear_autoencoder - test_error_is_the_sum_of_dropped_eigenvalues", hidden=False)
def law_1(env):
    check_law(TestLinearAutoencoder, "test_error_is_the_sum_of_dropped_eigenvalues", env)


@test_case(name="linear_autoencoder - test_eigenvalues", hidden=False)
def law_2(env):
    check_law(TestLinearAutoencoder, "test_eigenvalues", env)


@test_case(name="linear_autoencoder - test_projection", hidden=False)
def law_3(env):
    check_law(TestLinearAutoencoder, "test_projection", env)


@test_case(name="linear_autoencoder - test_no_linear_map_does_better", hidden=False)
def law_4(env):
    check_law(TestLinearAutoencoder, "test_no_linear_map_does_better", env)
