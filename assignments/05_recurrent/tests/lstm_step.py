"""The laws of lstm_step, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, jacobian, seeds, unchanged

OK_FORMAT = False
name = "lstm_step"
points = [3, 0, 0, 0, 0]
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


def lstm_cell(h, c, x, W_h, W_x, b):
    """torch's own LSTM step, for at most one batch axis; its second bias is zero."""
    cell = torch.nn.LSTMCell(W_x.shape[1], W_h.shape[1], dtype=h.dtype)
    weights = {"weight_hh": W_h, "weight_ih": W_x, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, weights, (x, (h, c)))


OPEN, CLOSED = 200.0, -200.0  # biases at which a sigmoid is 1 exactly, and smaller than any rounding


def with_gate_biases(b, input_gate, forget_gate):
    """The biases with those of the input and the forget gate replaced."""
    b = b.clone()
    m = len(b) // 4
    b[:m], b[m : 2 * m] = input_gate, forget_gate
    return b


@pytest.mark.exercise("lstm_step", points=3)
class TestLstmStep:
    @settings(max_examples=12)
    @given(case=steps(gates=4, batch=st.sampled_from([(), (1,), (3,)])))
    def test_value(self, target, case):
        """h_t and c_t are those of torch.nn.LSTMCell, whose gates are stacked in the order i, f, g, o."""
        with unchanged(*case):
            result = target.lstm_step(*case)
        assert_close(tuple(result), lstm_cell(*case), atol=1e-12, what="the pair (h, c)")

    @settings(max_examples=6)
    @given(case=steps(gates=4, batch=st.sampled_from([(), (3,)])))
    def test_memory_is_kept(self, target, case):
        """With the forget gate at 1 and the input gate at 0 the cell is unchanged, however many steps there are."""
        h, c, x, W_h, W_x, b = case
        b = with_gate_biases(b, CLOSED, OPEN)
        now = c
        for _ in range(5):
            h, now = target.lstm_step(h, now, x, W_h, W_x, b)
            assert_close(now, c, atol=0, rtol=1e-15, what="the cell")

    @settings(max_examples=12)
    @given(case=steps(gates=4, batch=st.sampled_from([(), (2,)])), seed=seeds())
    def test_memory_is_replaced(self, target, case, seed):
        """With the forget gate at 0 and the input gate at 1 the old cell does not matter: c_t is the candidate g_t."""
        h, c, x, W_h, W_x, b = case
        b = with_gate_biases(b, OPEN, CLOSED)
        m = h.shape[-1]
        candidate = elman_cell(h, x, W_h[2 * m : 3 * m], W_x[2 * m : 3 * m], b[2 * m : 3 * m])
        (other,) = normal(seed, c.shape)
        for cell in (c, other):
            assert_close(target.lstm_step(h, cell, x, W_h, W_x, b)[1], candidate, atol=1e-12, what="the new cell")

    @settings(max_examples=12)
    @given(case=steps(gates=4, batch=st.just(())))
    def test_cell_jacobian(self, target, case):
        """From cell to cell the Jacobian is diag(f_t), the forget gate alone: no matrix, no tanh."""
        h, c, x, W_h, W_x, b = case
        forget = torch.sigmoid(W_h @ h + W_x @ x + b)[len(c) : 2 * len(c)]
        result = jacobian(lambda c: target.lstm_step(h, c, x, W_h, W_x, b)[1], c)
        assert_close(result, torch.diag(forget), atol=1e-12, what="\u2202c_t/\u2202c_{t\u22121}")

    @settings(max_examples=6)
    @given(case=steps(gates=4, batch=st.sampled_from([(), (0,), (2, 3)])))
    def test_shape_and_dtype(self, target, case):
        """Both results have the shape and the dtype of the old states, for any batch and in single precision too."""
        for dtype in FLOATS:
            h, c = target.lstm_step(*(part.to(dtype) for part in case))
            assert_shape(h, case[0].shape, dtype, "h_t")
            assert_shape(c, case[0].shape, dtype, "c_t")


@test_case(name="lstm_step - test_value", hidden=False)
def law_1(env):
    check_law(TestLstmStep, "test_value", env)


@test_case(name="lstm_step - test_memory_is_kept", hidden=False)
def law_2(env):
    check_law(TestLstmStep, "test_memory_is_kept", env)


@test_case(name="lstm_step - test_memory_is_replaced", hidden=False)
def law_3(env):
    check_law(TestLstmStep, "test_memory_is_replaced", env)


@test_case(name="lstm_step - test_cell_jacobian", hidden=False)
def law_4(env):
    check_law(TestLstmStep, "test_cell_jacobian", env)


@test_case(name="lstm_step - test_shape_and_dtype", hidden=False)
def law_5(env):
    check_law(TestLstmStep, "test_shape_and_dtype", env)
