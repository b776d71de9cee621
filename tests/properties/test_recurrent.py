"""The laws of recurrent networks: steps, sequences, backpropagation through time, long memories and clipping."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    assert_equal,
    assert_finite,
    assert_shape,
    assert_true,
    gaussians,
    jacobian,
    raises,
    reals,
    seeds,
    tensors,
    unchanged,
)

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


@st.composite
def sequences(draw, lowest=1, highest=6, batch=BATCHES):
    """What a whole sequence needs: the inputs, the initial state and the weights."""
    W_h, W_x, b = draw(elman_weights())
    size = draw(batch)
    length = draw(st.integers(lowest, highest))
    xs, h0 = normal(draw(seeds()), (length, *size, W_x.shape[1]), (*size, W_h.shape[1]))
    return xs, h0, W_h, W_x, b


def elman_cell(h, x, W_h, W_x, b):
    """torch's own Elman step, for at most one batch axis; its second bias is zero."""
    cell = torch.nn.RNNCell(W_x.shape[1], W_h.shape[0], dtype=h.dtype)
    weights = {"weight_hh": W_h, "weight_ih": W_x, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, weights, (x, h))


def elman_network(xs, h0, W_h, W_x, b):
    """torch's own Elman network on a sequence, for at most one batch axis."""
    network = torch.nn.RNN(W_x.shape[1], W_h.shape[0], dtype=xs.dtype)
    weights = {"weight_hh_l0": W_h, "weight_ih_l0": W_x, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    return torch.func.functional_call(network, weights, (xs, h0[None]))[0]


def lstm_cell(h, c, x, W_h, W_x, b):
    """torch's own LSTM step, for at most one batch axis; its second bias is zero."""
    cell = torch.nn.LSTMCell(W_x.shape[1], W_h.shape[1], dtype=h.dtype)
    weights = {"weight_hh": W_h, "weight_ih": W_x, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, weights, (x, (h, c)))


def gradients_of(function, arguments, cotangents):
    """The gradients of Σ ⟨cotangent, output⟩ in every argument, by autograd; zeros where nothing depends on one."""
    leaves = [argument.detach().clone().requires_grad_() for argument in arguments]
    outputs = function(*leaves)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    total = sum((cotangent * output).sum() for cotangent, output in zip(cotangents, outputs))
    if not total.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return list(torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True))


def check_gradients(actual, expected, arguments, seed):
    """Two functions with the same outputs have the same gradients in every argument, for random cotangents."""
    outputs = expected(*arguments)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    cotangents = normal(seed, *[output.shape for output in outputs])
    right = gradients_of(expected, arguments, cotangents)
    assert_close(gradients_of(actual, arguments, cotangents), right, atol=1e-10, what="the list of gradients")


@pytest.mark.exercise("unroll", points=1)
class TestUnroll:
    @settings(max_examples=12)
    @given(xs=tensors(st.integers(1, 6)), start=reals())
    def test_fading_sum(self, target, xs, start):
        """With the step s ↦ s/2 + x the states are s_t = s_0/2^t + Σ_k x_k/2^(t−k)."""
        start = torch.tensor(start, dtype=torch.float64)
        times = range(1, len(xs) + 1)
        expected = [start / 2**t + sum(xs[k - 1] / 2 ** (t - k) for k in range(1, t + 1)) for t in times]
        assert_close(target.unroll(lambda s, x: s / 2 + x, start, xs), expected, what="the list of states")

    @settings(max_examples=6)
    @given(start=tensors(2), length=st.integers(0, 5))
    def test_length(self, target, start, length):
        """There is one state per input, the initial one not counted: none for an empty sequence."""
        xs = torch.arange(1.0, 3 * length + 1, dtype=torch.float64).reshape(length, 3)
        states = target.unroll(lambda s, x: s + x.sum(), start, xs)
        assert_close(list(states), [start + xs[: t + 1].sum() for t in range(length)], what="the list of states")

    @settings(max_examples=12)
    @given(xs=tensors((4, 2)), start=tensors(2))
    def test_state_of_two_parts(self, target, xs, start):
        """The state may be a tuple: here a running sum beside the previous input."""
        states = target.unroll(lambda s, x: (s[0] + x, x), (start, start), xs)
        expected = [(start + xs[: t + 1].sum(0), xs[t]) for t in range(4)]
        assert_close([tuple(state) for state in states], expected, what="the list of states")

    @pytest.mark.hidden
    @settings(max_examples=12)
    @given(xs=tensors((3, 2)), start=tensors(2))
    def test_calls(self, target, xs, start):
        """The step is called once per time, with the state before it and the input at it, in the order of time."""
        calls = []

        def step(state, x):
            calls.append((state, x))
            return torch.sin(state) - x

        with unchanged(xs, start):
            states = target.unroll(step, start, xs)
        assert_equal(len(calls), 3, "the number of calls of the step")
        expected = [start]
        for x in xs:
            expected.append(torch.sin(expected[-1]) - x)
        assert_close(calls, list(zip(expected, xs)), what="the list of the step's arguments")
        assert_close(states, expected[1:], what="the list of states")


@pytest.mark.exercise("elman_step", points=1)
class TestElmanStep:
    @settings(max_examples=12)
    @given(case=steps(batch=st.sampled_from([(), (1,), (3,)])))
    def test_value(self, target, case):
        """h_t = tanh(W_h h_{t−1} + W_x x_t + b), as torch.nn.RNNCell computes it, for one state or a batch."""
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

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=steps(batch=st.sampled_from([(), (3,)])), seed=seeds())
    def test_gradients(self, target, case, seed):
        """Autograd finds the right gradient in the state, the input and every weight."""
        check_gradients(target.elman_step, elman_cell, case, seed)


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

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=sequences(lowest=3, highest=5, batch=st.just((2,))), time=st.integers(0, 2))
    def test_causal(self, target, case, time):
        """An input changes no state before its own time, and all members of a batch go their own ways."""
        xs, h0, *weights = case
        changed = xs.clone()
        changed[time, 0] += 1
        before, after = target.elman_unroll(*case), target.elman_unroll(changed, h0, *weights)
        assert_close(after[:time], before[:time], atol=0, rtol=0, what="the states before the changed input")
        assert_close(after[:, 1], before[:, 1], atol=1e-14, what="the states of the other sequence")
        assert_close(after, elman_network(changed, h0, *weights), atol=1e-12)

    @pytest.mark.hidden
    @settings(max_examples=5)
    @given(seed=seeds())
    def test_long(self, target, seed):
        """A sequence of 300 steps is no different."""
        xs, h0, W_h, W_x, b = normal(seed, (300, 2, 3), (2, 4), (4, 4), (4, 3), (4,), scale=0.4)
        expected = elman_network(xs, h0, W_h, W_x, b)
        assert_close(target.elman_unroll(xs, h0, W_h, W_x, b), expected, atol=1e-9)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=sequences(batch=st.just((2,))), seed=seeds())
    def test_gradients(self, target, case, seed):
        """Autograd finds the right gradient in the inputs, the initial state and every weight, through all times."""
        check_gradients(target.elman_unroll, elman_network, case, seed)


@st.composite
def single_steps(draw):
    """An old state, a matrix, and what else goes into the tanh."""
    m = draw(st.integers(1, 4))
    return tuple(normal(draw(seeds()), (m,), (m, m), (m,)))


@pytest.mark.exercise("immediate_jacobian", points=2)
class TestImmediateJacobian:
    @settings(max_examples=12)
    @given(case=single_steps())
    def test_autograd(self, target, case):
        """It is the derivative of tanh(W_h h_{k−1} + …) in W_h with h_{k−1} held fixed, as autograd finds it."""
        h_previous, W_h, rest = case
        h = torch.tanh(W_h @ h_previous + rest)
        expected = jacobian(lambda W: torch.tanh(W @ h_previous + rest), W_h)
        with unchanged(h_previous, h):
            result = target.immediate_jacobian(h_previous, h)
        assert_close(result, expected, atol=1e-12)

    @settings(max_examples=12)
    @given(case=single_steps())
    def test_sparse(self, target, case):
        """Entry i of the state depends on row i of the matrix only."""
        h_previous, W_h, rest = case
        result = target.immediate_jacobian(h_previous, torch.tanh(W_h @ h_previous + rest))
        m = len(rest)
        assert_shape(result, (m, m, m), torch.float64)
        for i in range(m):
            assert_close(result[i, torch.arange(m) != i], torch.zeros(m - 1, m, dtype=torch.float64), what="other rows")

    @settings(max_examples=12)
    @given(case=single_steps(), seed=seeds())
    def test_outer_product(self, target, case, seed):
        """A gradient g from the left makes it the outer product of g ⊙ (1 − h_k²) and h_{k−1}."""
        h_previous, W_h, rest = case
        h = torch.tanh(W_h @ h_previous + rest)
        (g,) = normal(seed, h.shape)
        result = torch.tensordot(g, target.immediate_jacobian(h_previous, h), dims=1)
        assert_close(result, torch.outer(g * (1 - h) * (1 + h), h_previous), atol=1e-12)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=single_steps())
    def test_single_precision(self, target, case):
        """Single precision stays single."""
        h_previous, W_h, rest = (part.float() for part in case)
        h = torch.tanh(W_h @ h_previous + rest)
        expected = jacobian(lambda W: torch.tanh(W @ h_previous + rest), W_h)
        assert_close(target.immediate_jacobian(h_previous, h), expected, atol=1e-5)


def roll(h, W_h, rest):
    """The state after the steps h ↦ tanh(W_h h + rest_i) for every row of rest."""
    for row in rest:
        h = torch.tanh(W_h @ h + row)
    return h


def all_states(h0, W_h, rest):
    """The states h_0, …, h_T of those steps."""
    return torch.stack([roll(h0, W_h, rest[:t]) for t in range(len(rest) + 1)])


@st.composite
def trajectories(draw, lowest=1, highest=5):
    """An initial state, a matrix, and for every step what else goes into the tanh."""
    m = draw(st.integers(1, 4))
    length = draw(st.integers(lowest, highest))
    return tuple(normal(draw(seeds()), (m,), (m, m), (length, m), scale=0.8))


@st.composite
def spans(draw):
    """A trajectory and two times k <= t of it."""
    case = draw(trajectories())
    k = draw(st.integers(0, len(case[2])))
    return (*case, draw(st.integers(k, len(case[2]))), k)


def spectral_norm(matrix):
    """The largest singular value."""
    return float(np.linalg.svd(np.asarray(matrix), compute_uv=False)[0])


@pytest.mark.exercise("state_jacobian", points=2)
class TestStateJacobian:
    @settings(max_examples=12)
    @given(case=spans())
    def test_autograd(self, target, case):
        """∂h_t/∂h_k is the Jacobian of running the network from time k to time t, as autograd finds it."""
        h0, W_h, rest, t, k = case
        hs = all_states(h0, W_h, rest)
        with unchanged(hs, W_h):
            result = target.state_jacobian(hs, W_h, t, k)
        assert_close(result, jacobian(lambda h: roll(h, W_h, rest[k:t]), hs[k]), atol=1e-11)

    @settings(max_examples=12)
    @given(case=trajectories(highest=3))
    def test_one_step(self, target, case):
        """Over one step it is diag(1 − h_t²) W_h, and over none the identity."""
        h0, W_h, rest = case
        hs = all_states(h0, W_h, rest)
        t = len(rest)
        expected = torch.diag(1 - hs[t] ** 2) @ W_h
        assert_close(target.state_jacobian(hs, W_h, t, t - 1), expected, atol=1e-12, what="the step's Jacobian")
        assert_close(target.state_jacobian(hs, W_h, t, t), torch.eye(len(h0), dtype=torch.float64))

    @settings(max_examples=12)
    @given(case=trajectories(lowest=2), middle=st.integers(1, 4))
    def test_order(self, target, case, middle):
        """∂h_T/∂h_0 is ∂h_T/∂h_j times ∂h_j/∂h_0 for every j in between: the later factor stands left."""
        h0, W_h, rest = case
        hs = all_states(h0, W_h, rest)
        last, middle = len(rest), min(middle, len(rest) - 1)
        late = jacobian(lambda h: roll(h, W_h, rest[middle:]), hs[middle])
        early = target.state_jacobian(hs, W_h, middle, 0)
        assert_close(target.state_jacobian(hs, W_h, last, 0), late @ early, atol=1e-11)

    @settings(max_examples=12)
    @given(case=spans())
    def test_norm_bound(self, target, case):
        """Its spectral norm is at most σ_max(W_h)^(t−k), with σ_max the largest singular value."""
        h0, W_h, rest, t, k = case
        result = target.state_jacobian(all_states(h0, W_h, rest), W_h, t, k)
        assert_shape(result, W_h.shape, torch.float64)
        bound = spectral_norm(W_h) ** (t - k)
        norm = spectral_norm(result)
        assert_true(norm <= bound * (1 + 1e-9), f"The norm is {norm:.6g}; the bound is {bound:.6g}.")

    @settings(max_examples=6)
    @given(case=trajectories())
    def test_times_out_of_order(self, target, case):
        """Times that are not in the order 0 <= k <= t <= T are refused with a ValueError."""
        h0, W_h, rest = case
        hs = all_states(h0, W_h, rest)
        last = len(rest)
        for t, k in ((0, 1), (last + 1, 0), (last, -1), (last - 1, last), (-1, -1)):
            with raises(ValueError, f"for t = {t} and k = {k} when the last time is {last}"):
                target.state_jacobian(hs, W_h, t, k)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=spans())
    def test_single_precision(self, target, case):
        """Single precision stays single, in an empty product too."""
        h0, W_h, rest, t, k = case
        h0, W_h, rest = h0.float(), W_h.float(), rest.float()
        hs = all_states(h0, W_h, rest)
        expected = jacobian(lambda h: roll(h, W_h, rest[k:t]), hs[k])
        assert_close(target.state_jacobian(hs, W_h, t, k), expected, atol=1e-4)


@pytest.mark.exercise("jacobian_norm_bound", points=1)
class TestJacobianNormBound:
    @settings(max_examples=12)
    @given(W_h=gaussians((3, 3)), lag=st.integers(0, 5))
    def test_value(self, target, W_h, lag):
        """For tanh the bound is the largest singular value of W_h to the power of the lag."""
        with unchanged(W_h):
            result = target.jacobian_norm_bound(W_h, lag)
        assert_close(result, spectral_norm(W_h) ** lag, rtol=1e-9)

    @settings(max_examples=12)
    @given(W_h=gaussians((2, 2)), lag=st.integers(1, 4), slope=reals(0.1, 2))
    def test_slope(self, target, W_h, lag, slope):
        """A nonlinearity with slopes of at most γ has the bound (γ σ_max)^lag: γ counts once per step."""
        assert_close(target.jacobian_norm_bound(W_h, lag, slope), (slope * spectral_norm(W_h)) ** lag, rtol=1e-9)

    @settings(max_examples=6)
    @given(size=reals(0.5, 10))
    def test_singular_not_eigenvalue(self, target, size):
        """Where all eigenvalues are 0 the bound still allows for what the matrix does in one step."""
        W_h = torch.tensor([[0.0, size], [0.0, 0.0]], dtype=torch.float64)
        assert_close(target.jacobian_norm_bound(W_h, 1), size, rtol=1e-9)

    @settings(max_examples=12)
    @given(case=trajectories())
    @example(case=(torch.zeros(2).double(), torch.full((2, 2), 0.5).double(), torch.zeros(1, 2).double()))
    def test_holds(self, target, case):
        """No Jacobian of a tanh network, over any lag, is larger."""
        h0, W_h, rest = case
        for lag in range(len(rest) + 1):
            norm = spectral_norm(jacobian(lambda h: roll(h, W_h, rest[:lag]), h0))
            bound = target.jacobian_norm_bound(W_h, lag)
            assert_true(float(bound) >= norm * (1 - 1e-9), f"Lag {lag}: the norm is {norm:.6g}, the bound {bound:.6g}.")

    def test_negative_lag(self, target):
        """A negative lag is refused with a ValueError; lag 0 is not, its bound is 1."""
        W_h = torch.eye(2, dtype=torch.float64) / 2
        with raises(ValueError, "for a negative lag"):
            target.jacobian_norm_bound(W_h, -1)
        assert_close(target.jacobian_norm_bound(W_h, 0), 1.0)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(W_h=gaussians((4, 4)), lag=st.integers(1, 30))
    def test_symmetric(self, target, W_h, lag):
        """For linear units with a symmetric matrix the bound is attained: it is the norm of the matrix's power."""
        W_h = W_h + W_h.T
        expected = spectral_norm(torch.linalg.matrix_power(W_h, lag))
        assert_close(target.jacobian_norm_bound(W_h, lag), expected, rtol=1e-8)


@pytest.mark.exercise("bptt_terms", points=2)
class TestBpttTerms:
    @settings(max_examples=12)
    @given(case=trajectories(), seed=seeds())
    def test_copies(self, target, case, seed):
        """Give every time its own copy of W_h: term k is the gradient in copy k, as autograd finds it."""
        h0, W_h, rest = case
        hs = all_states(h0, W_h, rest)
        (g,) = normal(seed, h0.shape)

        def with_copies(copies):
            h = h0
            for W, row in zip(copies, rest):
                h = torch.tanh(W @ h + row)
            return g @ h

        with unchanged(g, hs, W_h):
            result = target.bptt_terms(g, hs, W_h)
        assert_close(result, jacobian(with_copies, W_h.expand(len(rest), *W_h.shape)), atol=1e-11)

    @settings(max_examples=12)
    @given(case=trajectories(), seed=seeds())
    def test_sum(self, target, case, seed):
        """The direct and the indirect terms add up to the gradient in the one matrix that all times share."""
        h0, W_h, rest = case
        (g,) = normal(seed, h0.shape)
        result = target.bptt_terms(g, all_states(h0, W_h, rest), W_h)
        assert_shape(result, (len(rest), *W_h.shape), torch.float64)
        assert_close(result.sum(0), jacobian(lambda W: g @ roll(h0, W, rest), W_h), atol=1e-11, what="the sum")

    @settings(max_examples=12)
    @given(case=trajectories(), seed=seeds())
    def test_direct_term(self, target, case, seed):
        """The last term is the direct one, the outer product of g ⊙ (1 − h_t²) and h_{t−1}."""
        h0, W_h, rest = case
        hs = all_states(h0, W_h, rest)
        (g,) = normal(seed, h0.shape)
        assert_close(target.bptt_terms(g, hs, W_h)[-1], torch.outer(g * (1 - hs[-1] ** 2), hs[-2]), atol=1e-12)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=trajectories(lowest=3), seed=seeds())
    def test_indirect_terms(self, target, case, seed):
        """Where W_h is zero nothing comes back: all indirect terms vanish and the direct one is left."""
        h0, W_h, rest = case
        W_h = torch.zeros_like(W_h)
        hs = all_states(h0, W_h, rest)
        (g,) = normal(seed, h0.shape)
        result = target.bptt_terms(g, hs, W_h)
        expected = torch.zeros(len(rest), *W_h.shape, dtype=torch.float64)
        expected[-1] = torch.outer(g * (1 - hs[-1] ** 2), hs[-2])
        assert_close(result, expected, atol=1e-12)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=trajectories(), seed=seeds())
    def test_single_precision(self, target, case, seed):
        """Single precision stays single."""
        h0, W_h, rest = (part.float() for part in case)
        g = normal(seed, h0.shape)[0].float()
        result = target.bptt_terms(g, all_states(h0, W_h, rest), W_h)
        assert_close(result.sum(0), jacobian(lambda W: g @ roll(h0, W, rest), W_h), atol=1e-3, what="the sum")


@st.composite
def regressions(draw, lowest=1, highest=6):
    """A sequence of inputs with targets, an initial state, and the parameters of a network with outputs."""
    W_h, W_x, b = draw(elman_weights())
    p = draw(st.integers(1, 3))
    length = draw(st.integers(lowest, highest))
    m, n = W_x.shape
    sizes = [(length, n), (length, p), (m,), (p, m), (p,)]
    xs, targets, h0, W_y, b_y = normal(draw(seeds()), *sizes)
    return xs, targets, h0, {"W_h": W_h, "W_x": W_x, "b": b, "W_y": W_y, "b_y": b_y}


def loss_gradients(xs, targets, h0, params, window=None):
    """The gradients of Σ_t ½‖ŷ_t − y_t‖² by autograd, the state detached every `window` steps."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for t, (x, y) in enumerate(zip(xs, targets)):
        if window and t and t % window == 0:
            h = h.detach()
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))


@pytest.mark.exercise("bptt", points=3)
class TestBptt:
    @settings(max_examples=12)
    @given(case=regressions())
    def test_autograd(self, target, case):
        """Every gradient equals autograd's, for sequences of any length."""
        xs, targets, h0, params = case
        with unchanged(xs, targets, h0, *params.values()):
            result = target.bptt(xs, targets, h0, params)
        assert_close(result, loss_gradients(*case), atol=1e-9, what="the dictionary of gradients")

    @settings(max_examples=12)
    @given(case=regressions(highest=1))
    def test_direct_terms(self, target, case):
        """Of a sequence of one step only direct terms exist: outer products of δ_1 and of e_1."""
        xs, targets, h0, params = case
        h = torch.tanh(params["W_h"] @ h0 + params["W_x"] @ xs[0] + params["b"])
        error = params["W_y"] @ h + params["b_y"] - targets[0]
        delta = (1 - h**2) * (params["W_y"].T @ error)
        result = target.bptt(xs, targets, h0, params)
        assert_close(result["W_h"], torch.outer(delta, h0), atol=1e-10, what="the gradient of W_h")
        assert_close(result["W_x"], torch.outer(delta, xs[0]), atol=1e-10, what="the gradient of W_x")
        assert_close(result["W_y"], torch.outer(error, h), atol=1e-10, what="the gradient of W_y")

    @settings(max_examples=12)
    @given(case=regressions(lowest=2))
    def test_indirect_terms(self, target, case):
        """If only the last prediction is wrong, its error reaches all earlier times through the states."""
        xs, _, h0, params = case
        hs = elman_network(xs[:, None], h0[None], params["W_h"], params["W_x"], params["b"])[:, 0]
        targets = hs @ params["W_y"].T + params["b_y"]
        targets[-1] += 1
        result = target.bptt(xs, targets, h0, params)
        assert_close(result, loss_gradients(xs, targets, h0, params), atol=1e-9, what="the dictionary of gradients")

    @settings(max_examples=6)
    @given(case=regressions())
    def test_shapes(self, target, case):
        """Every gradient has the shape and the dtype of its parameter, in single precision too."""
        xs, targets, h0, params = case
        for dtype in FLOATS:
            cast = {name: value.to(dtype) for name, value in params.items()}
            result = target.bptt(xs.to(dtype), targets.to(dtype), h0.to(dtype), cast)
            assert_equal(sorted(result), sorted([*params, "h0"]), "the list of names in the result")
            for name, value in {**cast, "h0": h0}.items():
                assert_shape(result[name], value.shape, dtype, f"the gradient of {name}")

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=regressions())
    def test_perfect_predictions(self, target, case):
        """Where every prediction is right, every gradient is zero."""
        xs, _, h0, params = case
        hs = elman_network(xs[:, None], h0[None], params["W_h"], params["W_x"], params["b"])[:, 0]
        result = target.bptt(xs, hs @ params["W_y"].T + params["b_y"], h0, params)
        expected = {name: torch.zeros_like(value) for name, value in {**params, "h0": h0}.items()}
        assert_close(result, expected, atol=1e-10, what="the dictionary of gradients")

    @pytest.mark.hidden
    @settings(max_examples=3)
    @given(case=regressions(lowest=60, highest=80))
    def test_long(self, target, case):
        """A long sequence is no different."""
        xs, targets, h0, params = case
        result = target.bptt(xs, targets, h0, params)
        assert_close(result, loss_gradients(*case), atol=1e-7, rtol=1e-7, what="the dictionary of gradients")


@pytest.mark.exercise("truncated_bptt", points=2)
class TestTruncatedBptt:
    @settings(max_examples=12)
    @given(case=regressions(lowest=3), window=st.sampled_from([2, 1, 3, 4]))
    def test_detached(self, target, case, window):
        """It is autograd's gradient with the state detached wherever a new window begins."""
        xs, targets, h0, params = case
        with unchanged(xs, targets, h0, *params.values()):
            result = target.truncated_bptt(xs, targets, h0, params, window)
        assert_close(result, loss_gradients(*case, window), atol=1e-9, what="the dictionary of gradients")

    @settings(max_examples=12)
    @given(case=regressions(), more=st.integers(0, 3))
    def test_wide_window(self, target, case, more):
        """A window as long as the sequence, or longer, cuts nothing: the gradient is the full one."""
        result = target.truncated_bptt(*case, len(case[0]) + more)
        assert_close(result, loss_gradients(*case), atol=1e-9, what="the dictionary of gradients")

    @settings(max_examples=12)
    @given(case=regressions(lowest=2))
    def test_window_of_one(self, target, case):
        """A window of one step leaves the direct terms: the sum over all times of each step's own gradient."""
        xs, targets, h0, params = case
        hs = elman_network(xs[:, None], h0[None], params["W_h"], params["W_x"], params["b"])[:, 0]
        before = torch.cat([h0[None], hs[:-1]])
        delta = (1 - hs**2) * ((hs @ params["W_y"].T + params["b_y"] - targets) @ params["W_y"])
        result = target.truncated_bptt(*case, 1)
        assert_close(result["W_h"], delta.T @ before, atol=1e-9, what="the gradient of W_h")
        assert_close(result["W_x"], delta.T @ xs, atol=1e-9, what="the gradient of W_x")
        assert_close(result["h0"], params["W_h"].T @ delta[0], atol=1e-9, what="the gradient of h0")

    @settings(max_examples=5)
    @given(case=regressions())
    def test_no_window(self, target, case):
        """A window of fewer than one step is refused with a ValueError."""
        for window in (0, -1):
            with raises(ValueError, f"for a window of {window} steps"):
                target.truncated_bptt(*case, window)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=regressions(lowest=5, highest=9), window=st.integers(2, 4))
    def test_single_precision(self, target, case, window):
        """Single precision stays single, over several windows with a shorter one at the end."""
        xs, targets, h0, params = case
        params = {name: value.float() for name, value in params.items()}
        single = (xs.float(), targets.float(), h0.float(), params)
        result = target.truncated_bptt(*single, window)
        assert_close(result, loss_gradients(*single, window), atol=1e-2, rtol=1e-3, what="the dictionary of gradients")


@st.composite
def backward_paths(draw, lowest=0, highest=6):
    """A gradient and the Jacobians of the steps that it travels back."""
    m = draw(st.integers(1, 4))
    length = draw(st.integers(lowest, highest))
    return tuple(normal(draw(seeds()), (m,), (length, m, m)))


def powers(base, last):
    """The tensor (1, base, base², …, base^last)."""
    return torch.tensor([base**exponent for exponent in range(last + 1)], dtype=torch.float64)


@st.composite
def orthogonal_matrices(draw, m=3):
    """A random orthogonal matrix."""
    return torch.linalg.qr(normal(draw(seeds()), (m, m))[0])[0]


@pytest.mark.exercise("gradient_norms", points=2)
class TestGradientNorms:
    @settings(max_examples=12)
    @given(case=backward_paths())
    def test_autograd(self, target, case):
        """Entry s is the norm of the gradient that autograd sends s steps back."""
        gradient, jacobians = case
        with unchanged(gradient, jacobians):
            result = target.gradient_norms(gradient, jacobians)
        states = [torch.zeros_like(gradient).requires_grad_()]
        for matrix in jacobians:
            states.append(matrix @ states[-1])
        found = torch.autograd.grad(gradient @ states[-1], states)
        assert_close(result, torch.stack([g.norm() for g in reversed(found)]), atol=1e-11, rtol=1e-10)

    @settings(max_examples=12)
    @given(case=backward_paths())
    def test_length(self, target, case):
        """There is one norm per lag 0, …, T, the first that of the gradient itself; without steps it is alone."""
        gradient, jacobians = case
        result = target.gradient_norms(gradient, jacobians)
        assert_shape(result, (len(jacobians) + 1,), torch.float64)
        assert_close(result[0], math.hypot(*gradient.tolist()), what="the norm at lag 0")

    @settings(max_examples=12)
    @given(turn=orthogonal_matrices(), size=reals(0.2, 2.5), gradient=gaussians(3), length=st.integers(1, 20))
    def test_geometric(self, target, turn, size, gradient, length):
        """Where every step is a rotation times r, each multiplies the norm by r: it decays, stays or explodes."""
        norms = target.gradient_norms(gradient, (size * turn).expand(length, 3, 3))
        assert_close(norms, gradient.norm() * powers(size, length), atol=0, rtol=1e-9)

    @settings(max_examples=12)
    @given(case=trajectories(), size=reals(0.1, 0.95), seed=seeds())
    def test_vanishes(self, target, case, size, seed):
        """With a largest singular value σ < 1 the norm at lag s is at most σ^s times the first, for tanh units too."""
        h0, W_h, rest = case
        W_h = W_h * (size / spectral_norm(W_h))
        hs = all_states(h0, W_h, rest)
        (gradient,) = normal(seed, h0.shape)
        norms = target.gradient_norms(gradient, (1 - hs[1:] ** 2)[:, :, None] * W_h)
        assert_shape(norms, (len(rest) + 1,), torch.float64)
        bound = gradient.norm() * powers(size, len(rest))
        assert_true(bool((norms <= bound * (1 + 1e-9)).all()), f"The norms {norms.tolist()} exceed {bound.tolist()}.")
        exact = [gradient @ jacobian(lambda h: roll(h, W_h, rest[t:]), hs[t]) for t in range(len(hs))]
        assert_close(norms, torch.stack([g.norm() for g in reversed(exact)]), atol=1e-11)

    @settings(max_examples=12)
    @given(basis=gaussians((3, 3)), radius=reals(1.1, 2.0), gradient=gaussians(3))
    def test_explodes(self, target, basis, radius, gradient):
        """Linear units explode if W v = r v with r > 1: the norm at lag s is at least r^s |g·v| / ‖v‖."""
        basis = basis + 3 * torch.eye(3, dtype=torch.float64)
        values = torch.tensor([radius, 0.5, -0.3], dtype=torch.float64)
        W = torch.linalg.solve(basis, values[:, None] * basis)
        v = torch.linalg.solve(basis, torch.eye(3, dtype=torch.float64)[0])
        norms = target.gradient_norms(gradient, W.expand(25, 3, 3))
        bound = powers(radius, 25) * (gradient @ v).abs() / v.norm()
        assert_shape(norms, (26,), torch.float64)
        assert_true(
            bool((norms >= bound * (1 - 1e-6)).all()), f"The norms {norms.tolist()} are below {bound.tolist()}."
        )

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=backward_paths())
    def test_single_precision(self, target, case):
        """Single precision stays single."""
        gradient, jacobians = (part.float() for part in case)
        norms = [gradient.norm()]
        for t in range(len(jacobians)):
            norms.append((jacobians[len(jacobians) - 1 - t :][0].T @ gradient).norm())
            gradient = jacobians[len(jacobians) - 1 - t].T @ gradient
        assert_close(target.gradient_norms(case[0].float(), jacobians), torch.stack(norms), atol=1e-4, rtol=1e-4)


ALPHAS = reals(0.05, 0.95)


@pytest.mark.exercise("leaky_step", points=1)
class TestLeakyStep:
    @settings(max_examples=12)
    @given(case=steps(batch=st.sampled_from([(), (1,), (3,)])), alpha=ALPHAS)
    def test_mixture(self, target, case, alpha):
        """The new state keeps a share α of the old one and takes the share 1 − α from an Elman step."""
        with unchanged(*case):
            result = target.leaky_step(*case, alpha)
        assert_close(result, torch.lerp(elman_cell(*case), case[0], alpha), atol=1e-12)

    @settings(max_examples=12)
    @given(case=steps())
    def test_frozen(self, target, case):
        """α = 1 freezes the state, whatever the input."""
        assert_close(target.leaky_step(*case, 1.0), case[0], atol=1e-14)

    @settings(max_examples=12)
    @given(case=steps(batch=st.sampled_from([(), (3,)])))
    def test_elman(self, target, case):
        """α = 0 is an Elman step, nothing is kept."""
        assert_close(target.leaky_step(*case, 0.0), elman_cell(*case), atol=1e-12)

    @settings(max_examples=12)
    @given(case=steps(batch=st.just(())), alpha=ALPHAS)
    def test_jacobian(self, target, case, alpha):
        """Its Jacobian in the old state is α I plus (1 − α) times that of an Elman step."""
        h, *rest = case
        straight = alpha * torch.eye(len(h), dtype=torch.float64)
        expected = straight + (1 - alpha) * jacobian(lambda h: elman_cell(h, *rest), h)
        assert_close(jacobian(lambda h: target.leaky_step(h, *rest, alpha), h), expected, atol=1e-12)

    @settings(max_examples=5)
    @given(case=steps())
    def test_alpha_out_of_range(self, target, case):
        """An α below 0 or above 1 is refused with a ValueError."""
        for alpha in (-0.1, 1.1):
            with raises(ValueError, f"for alpha = {alpha}"):
                target.leaky_step(*case, alpha)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=steps(), alpha=ALPHAS)
    def test_shape_and_dtype(self, target, case, alpha):
        """The new state has the shape and the dtype of the old one, for any batch."""
        for dtype in FLOATS:
            result = target.leaky_step(*(part.to(dtype) for part in case), alpha)
            assert_shape(result, case[0].shape, dtype)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=steps(batch=st.just((2,))), alpha=ALPHAS, seed=seeds())
    def test_gradients(self, target, case, alpha, seed):
        """Autograd finds the right gradient in the state, the input and every weight."""

        def expected(h, *rest):
            return torch.lerp(elman_cell(h, *rest), h, alpha)

        check_gradients(lambda *parts: target.leaky_step(*parts, alpha), expected, case, seed)


@pytest.mark.exercise("leaky_jacobian", points=1)
class TestLeakyJacobian:
    @settings(max_examples=12)
    @given(case=single_steps(), alpha=reals(0, 1))
    def test_autograd(self, target, case, alpha):
        """It is the derivative of α h + (1 − α) tanh(W_h h + …) in h, as autograd finds it."""
        h, W_h, rest = case
        expected = jacobian(lambda h: alpha * h + (1 - alpha) * torch.tanh(W_h @ h + rest), h)
        proposal = torch.tanh(W_h @ h + rest)
        with unchanged(proposal, W_h):
            result = target.leaky_jacobian(proposal, W_h, alpha)
        assert_close(result, expected, atol=1e-12)

    @settings(max_examples=12)
    @given(
        W_h=gaussians((3, 3)), alpha=reals(0, 1), signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=3, max_size=3)
    )
    def test_saturated(self, target, W_h, alpha, signs):
        """Where every unit saturates (ĥ = ±1) the straight road is left: α I."""
        proposal = torch.tensor(signs, dtype=torch.float64)
        assert_close(target.leaky_jacobian(proposal, W_h, alpha), alpha * torch.eye(3, dtype=torch.float64), atol=1e-14)

    @settings(max_examples=12)
    @given(case=single_steps())
    def test_ends(self, target, case):
        """α = 1 gives the identity, α = 0 the Elman network's diag(1 − ĥ²) W_h."""
        h, W_h, rest = case
        proposal = torch.tanh(W_h @ h + rest)
        identity = torch.eye(len(h), dtype=torch.float64)
        assert_close(target.leaky_jacobian(proposal, W_h, 1.0), identity, atol=1e-14)
        assert_close(target.leaky_jacobian(proposal, W_h, 0.0), torch.diag(1 - proposal**2) @ W_h, atol=1e-12)

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=single_steps(), alpha=ALPHAS)
    def test_single_precision(self, target, case, alpha):
        """Single precision stays single."""
        h, W_h, rest = (part.float() for part in case)
        expected = jacobian(lambda h: alpha * h + (1 - alpha) * torch.tanh(W_h @ h + rest), h)
        assert_close(target.leaky_jacobian(torch.tanh(W_h @ h + rest), W_h, alpha), expected, atol=1e-5)


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
        assert_close(result, torch.diag(forget), atol=1e-12, what="∂c_t/∂c_{t−1}")

    @settings(max_examples=6)
    @given(case=steps(gates=4, batch=st.sampled_from([(), (0,), (2, 3)])))
    def test_shape_and_dtype(self, target, case):
        """Both results have the shape and the dtype of the old states, for any batch and in single precision too."""
        for dtype in FLOATS:
            h, c = target.lstm_step(*(part.to(dtype) for part in case))
            assert_shape(h, case[0].shape, dtype, "h_t")
            assert_shape(c, case[0].shape, dtype, "c_t")

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=steps(gates=4, batch=st.just((2, 3))))
    def test_more_batch_axes(self, target, case):
        """Any number of batch axes will do: every member is computed as if it were alone."""
        h, c, x, *weights = case
        alone = lstm_cell(h.reshape(6, -1), c.reshape(6, -1), x.reshape(6, -1), *weights)
        expected = tuple(part.reshape(h.shape) for part in alone)
        assert_close(tuple(target.lstm_step(*case)), expected, atol=1e-12, what="the pair (h, c)")

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=steps(gates=4, batch=st.just((2,))))
    def test_extremes(self, target, case):
        """Inputs in the thousands saturate the gates and make no NaN, in either precision, nor do gradients."""
        h, c, x, *weights = case
        for dtype in FLOATS:
            parts = [part.to(dtype) for part in (h, c, 1e4 * x, *weights)]
            result = tuple(target.lstm_step(*parts))
            for part, name in zip(result, ("h_t", "c_t")):
                assert_finite(part, name)
            # Where thousands nearly cancel, single precision is wrong by a thousandth, in whichever order it adds.
            tolerance = 1e-2 if dtype == torch.float32 else 1e-10
            assert_close(result, lstm_cell(*parts), atol=tolerance, what="the pair (h, c)")
            for slope in gradients_of(lambda *parts: tuple(target.lstm_step(*parts)), parts, [torch.ones_like(h)] * 2):
                assert_finite(slope, "a gradient")

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=steps(gates=4, batch=st.just((2,))), seed=seeds())
    def test_gradients(self, target, case, seed):
        """Autograd finds the right gradient of both results in the states, the input and every weight."""
        check_gradients(lambda *parts: tuple(target.lstm_step(*parts)), lstm_cell, case, seed)


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

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=long_memories(lowest=2, batch=st.just(())), cut=st.integers(1, 4))
    def test_states_are_carried(self, target, case, cut):
        """A sequence may be cut: the second piece, started from both last states of the first, goes on as if uncut."""
        xs, h0, c0, *weights = case
        cut = min(cut, len(xs) - 1)
        first = target.lstm_unroll(xs[:cut], h0, c0, *weights)
        second = target.lstm_unroll(xs[cut:], first[0][-1], first[1][-1], *weights)
        whole = tuple(torch.cat(parts) for parts in zip(first, second))
        assert_close(whole, lstm_states(*case), atol=1e-12, what="the pair (hs, cs)")

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=long_memories(lowest=1, highest=3, batch=st.just((2, 3))))
    def test_more_batch_axes(self, target, case):
        """Any number of batch axes will do: every sequence is computed as if it were alone."""
        xs, h0, c0, *weights = case
        flat = (xs.reshape(len(xs), 6, -1), h0.reshape(6, -1), c0.reshape(6, -1))
        expected = tuple(part.reshape(len(xs), *h0.shape) for part in lstm_states(*flat, *weights))
        assert_close(tuple(target.lstm_unroll(*case)), expected, atol=1e-12, what="the pair (hs, cs)")

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(case=long_memories(lowest=1, highest=4, batch=st.just((2,))), seed=seeds())
    def test_gradients(self, target, case, seed):
        """Autograd finds the right gradient of both results in the inputs, the states and every weight."""
        check_gradients(lambda *parts: tuple(target.lstm_unroll(*parts)), lstm_states, case, seed)


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

    @pytest.mark.hidden
    @settings(max_examples=6)
    @given(gradients=gradient_lists(), k=reals(0.5, 5))
    def test_shapes_and_dtype(self, target, gradients, k):
        """Every tensor keeps its place, its shape and its dtype, clipped or not."""
        for dtype in FLOATS:
            cast = [gradient.to(dtype) for gradient in gradients]
            result = target.clip_gradient(cast, k)
            assert_equal(len(result), len(cast), "the number of tensors")
            factor = min(1.0, k / joint_norm(cast))
            assert_close(list(result), [factor * g for g in cast], rtol=CLIPPED, what="the list of gradients")

    @pytest.mark.hidden
    @settings(max_examples=12)
    @given(gradients=gradient_lists(), k=reals(0.1, 3), seed=seeds())
    def test_step_is_bounded(self, target, gradients, k, seed):
        """A descent step θ − η g with the clipped gradient is never longer than η k."""
        parameters = normal(seed, *[g.shape for g in gradients])
        clipped = target.clip_gradient(gradients, k)
        moved = [p - 0.1 * g for p, g in zip(parameters, clipped, strict=True)]
        length = joint_norm([after - before for after, before in zip(moved, parameters)])
        assert_close(length, 0.1 * min(k, joint_norm(gradients)), rtol=CLIPPED, what="the length of the step")
