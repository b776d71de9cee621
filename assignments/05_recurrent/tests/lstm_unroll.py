"""The laws of lstm_unroll, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, seeds, unchanged

OK_FORMAT = False
name = "lstm_unroll"
points = [2, 0, 0, 0, 0, 0]
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


def lstm_cell(h, c, x, W_h, W_x, b):
    """torch's own LSTM step, for at most one batch axis; its second bias is zero."""
    cell = torch.nn.LSTMCell(W_x.shape[1], W_h.shape[1], dtype=h.dtype)
    weights = {"weight_hh": W_h, "weight_ih": W_x, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, weights, (x, (h, c)))


def gradients_of(function, arguments, cotangents):
    """The gradients of \u03a3 \u27e8cotangent, output\u27e9 in every argument, by autograd; zeros where nothing depends on one."""
    leaves = [argument.detach().clone().requires_grad_() for argument in arguments]
    outputs = function(*leaves)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    total = sum((cotangent * output).sum() for cotangent, output in zip(cotangents, outputs))
    if not total.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return list(torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True))


OPEN, CLOSED = 200.0, -200.0  # biases at which a sigmoid is 1 exactly, and smaller than any rounding


def with_gate_biases(b, input_gate, forget_gate):
    """The biases with those of the input and the forget gate replaced."""
    b = b.clone()
    m = len(b) // 4
    b[:m], b[m : 2 * m] = input_gate, forget_gate
    return b


@st.composite
def long_memories(draw, lowest=0, highest=5, batch=BATCHES):
    """What an LSTM needs for a whole sequence: the inputs, the two initial states and the weights."""
    h0, c0, x, *weights = draw(steps(gates=4, batch=batch))
    length = draw(st.integers(lowest, highest))
    return (*normal(draw(seeds()), (length, *x.shape)), h0, c0, *weights)


def lstm_states(xs, h, c, *weights):
    """The hidden states and cells by torch's own LSTM step, for at most one batch axis and at least one input."""
    pairs = []
    for x in xs:
        h, c = lstm_cell(h, c, x, *weights)
        pairs.append((h, c))
    return tuple(torch.stack(parts) for parts in zip(*pairs))


def lstm_network(xs, h0, c0, W_h, W_x, b):
    """The hidden states and the last cell by torch's own LSTM, for one batch axis."""
    network = torch.nn.LSTM(W_x.shape[1], W_h.shape[1], dtype=xs.dtype)
    weights = {"weight_hh_l0": W_h, "weight_ih_l0": W_x, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    hs, (_, c) = torch.func.functional_call(network, weights, (xs, (h0[None], c0[None])))
    return hs, c[0]


@st.composite
def guarded_memories(draw, length=1000):
    """A long sequence for an LSTM whose forget gates are at 1 and whose input gates are at 0."""
    W_h, W_x, b = draw(elman_weights(gates=4))
    m, n = W_h.shape[1], W_x.shape[1]
    xs, h0, c0 = normal(draw(seeds()), (length, n), (m,), (m,))
    return xs, h0, c0, W_h, W_x, with_gate_biases(b, CLOSED, OPEN)


@pytest.mark.exercise("lstm_unroll", points=2)
class TestLstmUnroll:
    @settings(max_examples=12)
    @given(case=long_memories(lowest=1, batch=st.sampled_from([(), (1,), (3,)])))
    def test_value(self, target, case):
        """Hidden states and cells are those of torch.nn.LSTMCell, applied once per time, from the given states."""
        with unchanged(*case):
            result = target.lstm_unroll(*case)
        assert_close(tuple(result), lstm_states(*case), atol=1e-12, what="the pair (hs, cs)")

    @settings(max_examples=12)
    @given(case=long_memories(lowest=1, batch=st.just((2,))))
    def test_library(self, target, case):
        """All hidden states and the last cell are those of torch.nn.LSTM, for sequences of any length."""
        hs, cs = target.lstm_unroll(*case)
        assert_close((hs, cs[-1]), lstm_network(*case), atol=1e-12, what="the pair (hs, last cell)")

    @settings(max_examples=1)
    @given(case=guarded_memories())
    def test_memory_is_carried(self, target, case):
        """With the forget gate at 1 and the input gate at 0 the cell is unchanged through 1000 steps."""
        _, cs = target.lstm_unroll(*case)
        assert_close(cs, case[2].expand(1000, -1), atol=0, rtol=1e-12, what="the cells")

    @settings(max_examples=1)
    @given(case=guarded_memories(), seed=seeds())
    def test_error_flow(self, target, case, seed):
        """With the forget gate at 1 and the input gate at 0 the gradient in the cell is the same 1000 steps earlier."""
        xs, h0, c0, *weights = case
        (cotangent,) = normal(seed, c0.shape)
        result = gradients_of(lambda c: target.lstm_unroll(xs, h0, c, *weights)[1][-1], [c0], [cotangent])
        assert_close(result[0], cotangent, atol=0, rtol=1e-10, what="the gradient in the initial cell")

    @settings(max_examples=6)
    @given(case=long_memories(highest=3))
    def test_shape_and_dtype(self, target, case):
        """Time is the first axis of both results, the batch axes follow, and single precision stays single."""
        for dtype in FLOATS:
            hs, cs = target.lstm_unroll(*(part.to(dtype) for part in case))
            assert_shape(hs, (len(case[0]), *case[1].shape), dtype, "hs")
            assert_shape(cs, (len(case[0]), *case[1].shape), dtype, "cs")

    @settings(max_examples=6)
    @given(case=long_memories(lowest=0, highest=0))
    def test_empty_sequence(self, target, case):
        """Of an empty sequence both results have no states, but the right shape (0, *batch, m) and dtype."""
        for dtype in FLOATS:
            for part in target.lstm_unroll(*(part.to(dtype) for part in case)):
                assert_shape(part, (0, *case[1].shape), dtype)


@test_case(name="lstm_unroll - test_value", hidden=False)
def law_1(env):
    check_law(TestLstmUnroll, "test_value", env)


@test_case(name="lstm_unroll - test_library", hidden=False)
def law_2(env):
    check_law(TestLstmUnroll, "test_library", env)


@test_case(name="lstm_unroll - test_memory_is_carried", hidden=False)
def law_3(env):
    check_law(TestLstmUnroll, "test_memory_is_carried", env)


@test_case(name="lstm_unroll - test_error_flow", hidden=False)
def law_4(env):
    check_law(TestLstmUnroll, "test_error_flow", env)


@test_case(name="lstm_unroll - test_shape_and_dtype", hidden=False)
def law_5(env):
    check_law(TestLstmUnroll, "test_shape_and_dtype", env)


@test_case(name="lstm_unroll - test_empty_sequence", hidden=False)
def law_6(env):
    check_law(TestLstmUnroll, "test_empty_sequence", env)
