"""The laws of actnorm_init, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, gaussians, reals, unchanged

OK_FORMAT = False
name = "actnorm_init"
points = [1]
all_or_nothing = True


some = settings(max_examples=6)


@st.composite
def images(draw, longest=3):
    """Two images of up to three channels whose sides are up to `longest` pairs of pixels."""
    channels = draw(st.integers(1, 3))
    height, width = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    return draw(gaussians((2, channels, 2 * height, 2 * width)))


@pytest.mark.exercise("actnorm_init", points=1)
class TestActnormInit:
    @some
    @given(x=images(), factor=reals(0.1, 10.0), offset=reals(-5.0, 5.0))
    def test_normalises_every_channel(self, target, x, factor, offset):
        """exp(log_scale)\xb7x + bias has mean 0 and variance 1 in every channel, over batch, height and width."""
        x = factor * x + offset * torch.arange(1.0, x.shape[1] + 1, dtype=x.dtype)[:, None, None]
        with unchanged(x):
            log_scale, bias = target.actnorm_init(x)
        assert_shape(log_scale, (x.shape[1],), x.dtype, "log_scale")
        assert_shape(bias, (x.shape[1],), x.dtype, "bias")
        z = (log_scale.exp()[:, None, None] * x + bias[:, None, None]).transpose(0, 1).flatten(start_dim=1)
        assert_close(z.mean(dim=1), torch.zeros(x.shape[1], dtype=x.dtype), what="the mean of each channel")
        assert_close((z**2).mean(dim=1), torch.ones(x.shape[1], dtype=x.dtype), what="the variance of each channel")


@test_case(name="actnorm_init - test_normalises_every_channel", hidden=False)
def law_1(env):
    check_law(TestActnormInit, "test_normalises_every_channel", env)
