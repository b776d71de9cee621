"""The laws of bed_of_nails, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, gradient, seeds

OK_FORMAT = False
name = "bed_of_nails"
points = [1, 0, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=10)  # every example is generic, and a wrong answer is wrong for nearly all of them


def normal(seed, *shape, dtype=torch.float64):
    """Independent normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def whole(seed, *shape):
    """Whole numbers from \u22125 to 5, as float64: they print well, and windows of them have ties."""
    return torch.randint(-5, 6, shape, generator=torch.Generator().manual_seed(seed)).double()


@st.composite
def maps(draw, low=1, high=5):
    """Batches of feature maps with sides that differ, of whole numbers."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(low, high)), draw(st.integers(low, high))
    return whole(draw(seeds()), *shape)


@pytest.mark.exercise("bed_of_nails", points=1)
class TestBedOfNails:
    @FEW
    @given(x=maps(), scale=st.integers(1, 4))
    def test_kronecker(self, target, x, scale):
        """Each pixel becomes a block: the pixel times a matrix with a 1 at the top left and zeros elsewhere."""
        nail = torch.zeros(1, 1, scale, scale, dtype=x.dtype)
        nail[0, 0, 0, 0] = 1
        assert_equal(target.bed_of_nails(x, scale), torch.kron(x, nail))

    def test_example(self, target):
        """A small example worked out with pencil and paper."""
        nothing = [0.0, 0.0, 0.0, 0.0]
        expected = torch.tensor([[[[1.0, 0.0, 2.0, 0.0], nothing, [3.0, 0.0, 4.0, 0.0], nothing]]])
        assert_equal(target.bed_of_nails(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), 2), expected)

    @FEW
    @given(x=maps(), scale=st.integers(1, 4))
    def test_down_after_up(self, target, x, scale):
        """Taking every s-th pixel undoes it, and the sum of all pixels stays what it was."""
        y = target.bed_of_nails(x, scale)
        assert_equal(y[:, :, ::scale, ::scale], x, what="every s-th pixel")
        assert_close(y.sum(dim=(2, 3)), x.sum(dim=(2, 3)), what="the sum of each channel")

    @FEW
    @given(x=maps(), scale=st.integers(1, 4), seed=seeds())
    def test_adjoint(self, target, x, scale, seed):
        """\u27e8nails(x), y\u27e9 = \u27e8x, every s-th pixel of y\u27e9, and the gradient of a pixel is that of its nail."""
        y = normal(seed, *x.shape[:2], scale * x.shape[2], scale * x.shape[3])
        nails = target.bed_of_nails(x, scale)
        assert_shape(nails, y.shape)
        picked = y[:, :, ::scale, ::scale]
        assert_close((nails * y).sum(), (x * picked).sum(), what="\u27e8nails(x), y\u27e9")
        assert_close(gradient(lambda x: target.bed_of_nails(x, scale), x, y), picked, what="the gradient")


@test_case(name="bed_of_nails - test_kronecker", hidden=False)
def law_1(env):
    check_law(TestBedOfNails, "test_kronecker", env)


@test_case(name="bed_of_nails - test_example", hidden=False)
def law_2(env):
    check_law(TestBedOfNails, "test_example", env)


@test_case(name="bed_of_nails - test_down_after_up", hidden=False)
def law_3(env):
    check_law(TestBedOfNails, "test_down_after_up", env)


@test_case(name="bed_of_nails - test_adjoint", hidden=False)
def law_4(env):
    check_law(TestBedOfNails, "test_adjoint", env)
