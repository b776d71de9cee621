"""The laws of elman_unroll, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, seeds, unchanged

OK_FORMAT = False
name = "elman_unroll"
points = [2, 0, 0, 0]
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
def sequences(draw, lowest=1, highest=6, batch=BATCHES):
    """What a whole sequence needs: the inputs, the initial state and the weights."""
    W_h, W_x, b = draw(elman_weights())
    size = draw(batch)
    length = draw(st.integers(lowest, highest))
    xs, h0 = normal(draw(seeds()), (length, *size, W_x.shape[1]), (*size, W_h.shape[1]))
    return xs, h0, W_h, W_x, b


def elman_network(xs, h0, W_h, W_x, b):
    """torch's own Elman network on a sequence, for at most one batch axis."""
    network = torch.nn.RNN(W_x.shape[1], W_h.shape[0], dtype=xs.dtype)
    weights = {"weight_hh_l0": W_h, "weight_ih_l0": W_x, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    return torch.func.functional_call(network, weights, (xs, h0[None]))[0]


@pytest.mark.exercise("elman_unroll", points=2)
class TestElmanUnroll:
    @settings(max_examples=12)
    @given(case=sequences(batch=st.sampled_from([(), (1,), (3,)])))
    def test_value(self, target, case):
        """The states are those of torch.nn.RNN, from the given initial state, for sequences of any length."""
        with unchanged(*case):
            result = target.elman_unroll(*case)
        xs, h0, *weights = case
        batched = xs[:, None] if xs.ndim == 2 else xs
        expected = elman_network(batched, h0.reshape(-1, h0.shape[-1]), *weights)
        assert_close(result, expected.reshape(len(xs), *h0.shape), atol=1e-12)

    @settings(max_examples=12)
    @given(case=sequences(lowest=2, batch=st.just(())), cut=st.integers(1, 5))
    def test_state_is_carried(self, target, case, cut):
        """A sequence may be cut: the second piece, started from the last state of the first, goes on as if uncut."""
        xs, h0, *weights = case
        cut = min(cut, len(xs) - 1)
        whole = elman_network(xs[:, None], h0[None], *weights)[:, 0]
        first = target.elman_unroll(xs[:cut], h0, *weights)
        second = target.elman_unroll(xs[cut:], first[-1], *weights)
        assert_close(torch.cat([first, second]), whole, atol=1e-12)

    @settings(max_examples=6)
    @given(case=sequences(lowest=0, highest=0))
    def test_empty_sequence(self, target, case):
        """Of an empty sequence the result has no states, but the right shape (0, *batch, m) and dtype."""
        for dtype in FLOATS:
            result = target.elman_unroll(*(part.to(dtype) for part in case))
            assert_shape(result, (0, *case[1].shape), dtype)

    @settings(max_examples=6)
    @given(case=sequences(lowest=1, highest=3))
    def test_shape_and_dtype(self, target, case):
        """Time is the first axis of the result, the batch axes follow, and single precision stays single."""
        for dtype in FLOATS:
            result = target.elman_unroll(*(part.to(dtype) for part in case))
            assert_shape(result, (len(case[0]), *case[1].shape), dtype)


@test_case(name="elman_unroll - test_value", hidden=False)
def law_1(env):
    check_law(TestElmanUnroll, "test_value", env)


@test_case(name="elman_unroll - test_state_is_carried", hidden=False)
def law_2(env):
    check_law(TestElmanUnroll, "test_state_is_carried", env)


@test_case(name="elman_unroll - test_empty_sequence", hidden=False)
def law_3(env):
    check_law(TestElmanUnroll, "test_empty_sequence", env)


@test_case(name="elman_unroll - test_shape_and_dtype", hidden=False)
def law_4(env):
    check_law(TestElmanUnroll, "test_shape_and_dtype", env)
