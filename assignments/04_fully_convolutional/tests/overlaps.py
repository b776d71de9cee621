"""The laws of overlaps, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal, assert_shape

OK_FORMAT = False
name = "overlaps"
points = [1, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


@pytest.mark.exercise("overlaps", points=1)
class TestOverlaps:
    @given(size=st.integers(1, 6), kernel=st.integers(1, 6), stride=st.integers(1, 5))
    def test_torch(self, target, size, kernel, stride):
        """It equals torch's transposed convolution of ones with ones."""
        expected = F.conv_transpose1d(torch.ones(1, 1, size), torch.ones(1, 1, kernel), stride=stride)[0, 0].long()
        assert_equal(target.overlaps(size, kernel, stride), expected)

    def test_examples(self, target):
        """Kernel 3 with stride 2 is uneven; kernel 4 with stride 2 is even inside; kernel 1 with stride 2 has holes."""
        assert_equal(target.overlaps(4, 3, 2), torch.tensor([1, 1, 2, 1, 2, 1, 2, 1, 1]))
        assert_equal(target.overlaps(4, 4, 2), torch.tensor([1, 1, 2, 2, 2, 2, 2, 2, 1, 1]))
        assert_equal(target.overlaps(3, 1, 2), torch.tensor([1, 0, 1, 0, 1]))

    @FEW
    @given(kernel=st.integers(1, 6), stride=st.integers(1, 5))
    def test_even_iff_divisible(self, target, kernel, stride):
        """Away from the ends the counts are equal exactly if the stride divides the kernel's size."""
        size = 12
        counts = target.overlaps(size, kernel, stride)
        assert_shape(counts, ((size - 1) * stride + kernel,), torch.int64)
        inside = counts[kernel - 1 : size * stride]  # where no stamp is missing
        assert_equal(bool((inside == inside[0]).all()), kernel % stride == 0, what="whether the counts are equal")
        assert_equal(counts.sum(), torch.tensor(size * kernel), what="the sum of the counts")


@test_case(name="overlaps - test_torch", hidden=False)
def law_1(env):
    check_law(TestOverlaps, "test_torch", env)


@test_case(name="overlaps - test_examples", hidden=False)
def law_2(env):
    check_law(TestOverlaps, "test_examples", env)


@test_case(name="overlaps - test_even_iff_divisible", hidden=False)
def law_3(env):
    check_law(TestOverlaps, "test_even_iff_divisible", env)
