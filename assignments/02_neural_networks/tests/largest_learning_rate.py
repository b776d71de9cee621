"""The laws of largest_learning_rate, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_true, raises, seeds, unchanged

OK_FORMAT = False
name = "largest_learning_rate"
points = [1, 0, 0]
all_or_nothing = True


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


@pytest.mark.exercise("largest_learning_rate", points=1)
class TestLargestLearningRate:
    @SOME
    @given(quadratic=quadratics(least=0.0))
    def test_eigenvalue(self, target, quadratic):
        """It is 2 over the largest eigenvalue, for a matrix built from known eigenvalues."""
        A, eigenvalues = quadratic
        with unchanged(A):
            assert_close(target.largest_learning_rate(A), 2 / eigenvalues[-1].item(), rtol=1e-9)

    @FEW
    @given(quadratic=quadratics())
    def test_threshold(self, target, quadratic):
        """At 0.95 of it gradient descent shrinks every start, at 1.05 of it some start grows."""
        A, _ = quadratic
        rate = target.largest_learning_rate(A)
        for factor, converges in ((0.95, True), (1.05, False)):
            step = torch.eye(len(A), dtype=torch.float64) - factor * rate * A
            norm = torch.linalg.matrix_norm(torch.linalg.matrix_power(step, 400), ord=2).item()
            verb = "does not converge" if converges else "converges"
            assert_true(
                (norm < 0.1) is converges, f"Gradient descent {verb} at {factor} of this learning rate ({rate})."
            )

    def test_valley(self, target):
        """For ((1, 0.9), (0.9, 1)), whose eigenvalues are 1.9 and 0.1, it is 2/1.9; flat matrices are a ValueError."""
        A = torch.tensor([[1.0, 0.9], [0.9, 1.0]], dtype=torch.float64)
        assert_close(target.largest_learning_rate(A), 2 / 1.9, rtol=1e-9)
        assert_close(target.largest_learning_rate(torch.diag(torch.tensor([0.0, 4.0], dtype=torch.float64))), 0.5)
        assert_close(target.largest_learning_rate(torch.tensor([[1e-3]], dtype=torch.float64)), 2000.0, rtol=1e-9)
        opposed = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
        assert_close(target.largest_learning_rate(opposed), 1.0, rtol=1e-9)
        with raises(ValueError, "for a matrix of zeros"):
            target.largest_learning_rate(torch.zeros(2, 2, dtype=torch.float64))


@test_case(name="largest_learning_rate - test_eigenvalue", hidden=False)
def law_1(env):
    check_law(TestLargestLearningRate, "test_eigenvalue", env)


@test_case(name="largest_learning_rate - test_threshold", hidden=False)
def law_2(env):
    check_law(TestLargestLearningRate, "test_threshold", env)


@test_case(name="largest_learning_rate - test_valley", hidden=False)
def law_3(env):
    check_law(TestLargestLearningRate, "test_valley", env)
