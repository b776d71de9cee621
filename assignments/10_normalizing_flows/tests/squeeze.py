"""The laws of squeeze, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal, assert_shape, gaussians, unchanged

OK_FORMAT = False
name = "squeeze"
points = [2, 0]
all_or_nothing = True


some = settings(max_examples=6)


@st.composite
def images(draw, longest=3):
    """Two images of up to three channels whose sides are up to `longest` pairs of pixels."""
    channels = draw(st.integers(1, 3))
    height, width = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    return draw(gaussians((2, channels, 2 * height, 2 * width)))


@pytest.mark.exercise("squeeze", points=2)
class TestSqueeze:
    @some
    @given(x=images())
    def test_every_pixel_finds_its_place(self, target, x):
        """Channel 4c + 2i + j of the result holds row 2h + i, column 2w + j of channel c."""
        batch, channels, height, width = x.shape
        with unchanged(x):
            z = target.squeeze(x)
        assert_shape(z, (batch, 4 * channels, height // 2, width // 2), x.dtype, "z")
        for c in range(channels):
            for i in range(2):
                for j in range(2):
                    what = f"channel {4 * c + 2 * i + j}"
                    assert_equal(z[:, 4 * c + 2 * i + j], x[:, c, i::2, j::2], what)

    @some
    @given(x=images())
    def test_unsqueeze_undoes_squeeze(self, target, x):
        """Unsqueezing gives the image back, pixel by pixel."""
        z = target.squeeze(x)
        with unchanged(z):
            assert_equal(target.unsqueeze(z), x)


@test_case(name="squeeze - test_every_pixel_finds_its_place", hidden=False)
def law_1(env):
    check_law(TestSqueeze, "test_every_pixel_finds_its_place", env)


@test_case(name="squeeze - test_unsqueeze_undoes_squeeze", hidden=False)
def law_2(env):
    check_law(TestSqueeze, "test_unsqueeze_undoes_squeeze", env)
