"""The laws of elman_step, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, seeds, unchanged

OK_FORMAT = False
name = "elman_step"
points = [1, 0, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)
BATCHES = st.sampled_from([(), (1,), (3,), (2, 2)])


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


@st.composite
def elman_weights(draw, gates=1):
    """The weights W_h, W_x and b of a network of random sizes, for an LSTM stacked gate on gate."""
    m = draw(st.integers(1, 4 if gates == 1 else 6))
    n = draw(st.integers(1, 4))
    return tuple(normal(draw(seeds()), (gates * m, m), (gates * m, n), (gates * m,), scale=0.8))


@st.composite
def steps(draw, gates=1, batch=BATCHES):
    """What one step needs: the state(s), the input and the weights."""
    W_h, W_x, b = draw(elman_weights(gates))
    size = draw(batch)
    parts = [(*size, W_h.shape[1])] * (1 if gates == 1 else 2) + [(*size, W_x.shape[1])]
    return (*normal(draw(seeds()), *parts), W_h, W_x, b)


def elman_cell(h, x, W_h, W_x, b):
    """torch's own Elman step, for at most one batch axis; its second bias is zero."""
    cell = torch.nn.RNNCell(W_x.shape[1], W_h.shape[0], dtype=h.dtype)
    weights = {"weight_hh": W_h, "weight_ih": W_x, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, weights, (x, h))


@pytest.mark.exercise("elman_step", points=1)
class TestElmanStep:
    @settings(max_examples=12)
    @given(case=steps(batch=st.sampled_from([(), (1,), (3,)])))
    def test_value(self, target, case):
        """h_t = tanh(W_h h_{t\u22121} + W_x x_t + b), as torch.nn.RNNCell computes it, for one state or a batch."""
        with unchanged(*case):
            result = target.elman_step(*case)
        assert_close(result, elman_cell(*case), atol=1e-12)

    @settings(max_examples=6)
    @given(case=steps())
    def test_bias_alone(self, target, case):
        """Without a state and an input, h_t = tanh(b) for every member of the batch."""
        h, x, *weights = case
        expected = torch.tanh(weights[2]).expand(h.shape)
        assert_close(target.elman_step(torch.zeros_like(h), torch.zeros_like(x), *weights), expected, atol=1e-12)

    @settings(max_examples=6)
    @given(case=steps(batch=st.just((2, 3))))
    def test_more_batch_axes(self, target, case):
        """Any number of batch axes will do: every member is computed as if it were alone."""
        h, x, *weights = case
        alone = elman_cell(h.reshape(6, -1), x.reshape(6, -1), *weights)
        assert_close(target.elman_step(*case), alone.reshape(h.shape), atol=1e-12)

    @settings(max_examples=6)
    @given(case=steps(batch=st.sampled_from([(), (2,), (0,)])))
    def test_shape_and_dtype(self, target, case):
        """The new state has the shape and the dtype of the old one, an empty batch and single precision included."""
        for dtype in FLOATS:
            assert_shape(target.elman_step(*(part.to(dtype) for part in case)), case[0].shape, dtype)


@test_case(name="elman_step - test_value", hidden=False)
def law_1(env):
    check_law(TestElmanStep, "test_value", env)


@test_case(name="elman_step - test_bias_alone", hidden=False)
def law_2(env):
    check_law(TestElmanStep, "test_bias_alone", env)


@test_case(name="elman_step - test_more_batch_axes", hidden=False)
def law_3(env):
    check_law(TestElmanStep, "test_more_batch_axes", env)


@test_case(name="elman_step - test_shape_and_dtype", hidden=False)
def law_4(env):
    check_law(TestElmanStep, "test_shape_and_dtype", env)
