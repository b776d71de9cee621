"""The laws of clip_gradient, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, raises, reals, seeds, unchanged

OK_FORMAT = False
name = "clip_gradient"
points = [2, 0, 0, 0, 0, 0]
all_or_nothing = True


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


@st.composite
def gradient_lists(draw):
    """Gradients of parameters of several shapes, a scalar sometimes among them, with a norm that 1e-6 is nothing to."""
    shapes = draw(st.lists(st.sampled_from([(), (1,), (3,), (2, 3), (2, 1, 2)]), min_size=1, max_size=4))
    scale = draw(st.sampled_from([0.1, 1.0, 30.0]))
    gradients = normal(draw(seeds()), *shapes, scale=scale)
    assume(joint_norm(gradients) > 0.05)
    return gradients


def joint_norm(gradients):
    """The Euclidean norm of all entries together."""
    return math.hypot(*(value for gradient in gradients for value in gradient.flatten().tolist()))


# Libraries add 1e-6 to the norm before they divide by it: so much of a difference is allowed.
CLIPPED = 1e-4


@pytest.mark.exercise("clip_gradient", points=2)
class TestClipGradient:
    @settings(max_examples=12)
    @given(gradients=gradient_lists(), share=reals(0.05, 0.95))
    def test_norm(self, target, gradients, share):
        """Where the joint norm of all tensors is above k, it becomes k."""
        k = share * joint_norm(gradients)
        with unchanged(*gradients):
            result = target.clip_gradient(gradients, k)
        assert_close(joint_norm(result), k, atol=0, rtol=CLIPPED, what="the norm after clipping")

    @settings(max_examples=12)
    @given(gradients=gradient_lists(), share=reals(0.05, 0.95))
    def test_direction(self, target, gradients, share):
        """All tensors are scaled by one factor, so that the direction of the whole gradient is kept."""
        result = target.clip_gradient(gradients, share * joint_norm(gradients))
        expected = [share * gradient for gradient in gradients]
        assert_close(list(result), expected, atol=1e-9, rtol=CLIPPED, what="the list of gradients")

    @settings(max_examples=12)
    @given(gradients=gradient_lists(), share=reals(1.01, 20))
    def test_untouched(self, target, gradients, share):
        """Where the joint norm is below k, nothing changes, not in the last digit."""
        with unchanged(*gradients):
            result = target.clip_gradient(gradients, share * joint_norm(gradients))
        assert_equal(list(result), gradients, "the list of gradients")

    def test_joint(self, target):
        """The norm is that of all tensors together: (3) and (4) have norm 5, though each alone is below 4.5."""
        gradients = [torch.tensor([3.0], dtype=torch.float64), torch.tensor([[4.0]], dtype=torch.float64)]
        expected = [0.9 * gradient for gradient in gradients]
        assert_close(list(target.clip_gradient(gradients, 4.5)), expected, rtol=CLIPPED, what="the list of gradients")

    def test_zero(self, target):
        """A gradient of zero stays zero and does not become NaN."""
        gradients = [torch.zeros(2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)]
        assert_equal(list(target.clip_gradient(gradients, 1.0)), gradients, "the list of gradients")

    @settings(max_examples=5)
    @given(gradients=gradient_lists())
    def test_bad_bound(self, target, gradients):
        """A bound that is not positive is refused with a ValueError."""
        for k in (0.0, -1.0):
            with raises(ValueError, f"for k = {k}"):
                target.clip_gradient(gradients, k)


@test_case(name="clip_gradient - test_norm", hidden=False)
def law_1(env):
    check_law(TestClipGradient, "test_norm", env)


@test_case(name="clip_gradient - test_direction", hidden=False)
def law_2(env):
    check_law(TestClipGradient, "test_direction", env)


@test_case(name="clip_gradient - test_untouched", hidden=False)
def law_3(env):
    check_law(TestClipGradient, "test_untouched", env)


@test_case(name="clip_gradient - test_joint", hidden=False)
def law_4(env):
    check_law(TestClipGradient, "test_joint", env)


@test_case(name="clip_gradient - test_zero", hidden=False)
def law_5(env):
    check_law(TestClipGradient, "test_zero", env)


@test_case(name="clip_gradient - test_bad_bound", hidden=False)
def law_6(env):
    check_law(TestClipGradient, "test_bad_bound", env)
