"""The laws of gradient_descent, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, assert_true, reals, seeds, unchanged

OK_FORMAT = False
name = "gradient_descent"
points = [1, 0, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


@st.composite
def quadratics(draw, least=0.2):
    """The symmetric positive definite matrix of a quadratic, and its eigenvalues in ascending order."""
    n = draw(st.integers(1, 4))
    seed = draw(seeds())
    rotation = torch.linalg.qr(normal(seed, (n, n))[0])[0]
    generator = torch.Generator().manual_seed(seed)
    eigenvalues = (least + 3 * torch.rand(n, generator=generator, dtype=torch.float64)).sort()[0]
    matrix = rotation @ torch.diag(eigenvalues) @ rotation.T
    return (matrix + matrix.T) / 2, eigenvalues


@pytest.mark.exercise("gradient_descent", points=1)
class TestGradientDescent:
    @SOME
    @given(quadratic=quadratics(), seed=seeds(), learning_rate=reals(0.01, 1.0), steps=st.integers(0, 6))
    def test_quadratic(self, target, quadratic, seed, learning_rate, steps):
        """On \xbdx\u1d40Ax the path is x_t = (I \u2212 \u03b7A)\u1d57 x_0, start included."""
        A, _ = quadratic
        x0 = normal(seed, (len(A),))[0]
        step = torch.eye(len(A), dtype=torch.float64) - learning_rate * A
        expected = torch.stack([torch.linalg.matrix_power(step, t) @ x0 for t in range(steps + 1)])
        with unchanged(x0):
            path = target.gradient_descent(lambda x: A @ x, x0, learning_rate, steps)
        assert_close(path, expected, atol=1e-9, what="the path")

    @settings(max_examples=2)
    @given(quadratic=quadratics())
    def test_converges(self, target, quadratic):
        """It converges if \u03b7 < 2/\u03bb_max and does not if \u03b7 > 2/\u03bb_max."""
        A, eigenvalues = quadratic
        x0 = torch.linalg.eigh(A)[1].sum(dim=1)  # every eigenvector takes part
        for factor, converges in ((1.9, True), (2.1, False)):
            path = target.gradient_descent(lambda x: A @ x, x0, factor / eigenvalues[-1].item(), 40)
            assert_shape(path, (41, len(A)), what="the path")
            end = path[-1].norm().item() / x0.norm().item()
            expected = "converge" if converges else "diverge"
            assert_true(
                (end < 0.1) is converges and math.isfinite(end), f"It does not {expected} at \u03b7 = {factor}/\u03bb_max."
            )

    @FEW
    @given(quadratic=quadratics(), share=reals(0.1, 1.0), seed=seeds())
    def test_monotone(self, target, quadratic, share, seed):
        """For \u03b7 \u2264 1/\u03bb_max the loss falls at every step by at least \u03b7/2 times the squared norm of the gradient."""
        A, eigenvalues = quadratic
        learning_rate = share / eigenvalues[-1].item()
        path = target.gradient_descent(lambda x: A @ x, normal(seed, (len(A),))[0], learning_rate, 5)
        losses, slopes = (path * (path @ A)).sum(1) / 2, (path @ A).square().sum(1)
        fallen = losses[:-1] - losses[1:] - learning_rate / 2 * slopes[:-1]
        assert_true(len(path) == 6 and (fallen >= -1e-9).all().item(), "The loss does not fall as it should.")

    def test_dtype_and_shape(self, target):
        """The point may have any shape, steps come first, and the dtype is that of the start."""
        for dtype in FLOATS:
            for shape in ((), (2, 3)):
                path = target.gradient_descent(lambda x: 2 * x, torch.ones(shape, dtype=dtype), 0.25, 2)
                expected = torch.stack([torch.full(shape, value, dtype=dtype) for value in (1.0, 0.5, 0.25)])
                assert_close(path, expected, what="the path")


@test_case(name="gradient_descent - test_quadratic", hidden=False)
def law_1(env):
    check_law(TestGradientDescent, "test_quadratic", env)


@test_case(name="gradient_descent - test_converges", hidden=False)
def law_2(env):
    check_law(TestGradientDescent, "test_converges", env)


@test_case(name="gradient_descent - test_monotone", hidden=False)
def law_3(env):
    check_law(TestGradientDescent, "test_monotone", env)


@test_case(name="gradient_descent - test_dtype_and_shape", hidden=False)
def law_4(env):
    check_law(TestGradientDescent, "test_dtype_and_shape", env)
