"""The laws of truncated_bptt, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, raises, seeds, unchanged

OK_FORMAT = False
name = "truncated_bptt"
points = [2, 0, 0, 0]
all_or_nothing = True


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


def elman_network(xs, h0, W_h, W_x, b):
    """torch's own Elman network on a sequence, for at most one batch axis."""
    network = torch.nn.RNN(W_x.shape[1], W_h.shape[0], dtype=xs.dtype)
    weights = {"weight_hh_l0": W_h, "weight_ih_l0": W_x, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    return torch.func.functional_call(network, weights, (xs, h0[None]))[0]


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
    """The gradients of \u03a3_t \xbd\u2016\u0177_t \u2212 y_t\u2016\xb2 by autograd, the state detached every `window` steps."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in {**params, "h0": h0}.items()}
    h, loss = leaves["h0"], 0.0
    for t, (x, y) in enumerate(zip(xs, targets)):
        if window and t and t % window == 0:
            h = h.detach()
        h = torch.tanh(leaves["W_h"] @ h + leaves["W_x"] @ x + leaves["b"])
        loss = loss + (leaves["W_y"] @ h + leaves["b_y"] - y).square().sum() / 2
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))


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


@test_case(name="truncated_bptt - test_detached", hidden=False)
def law_1(env):
    check_law(TestTruncatedBptt, "test_detached", env)


@test_case(name="truncated_bptt - test_wide_window", hidden=False)
def law_2(env):
    check_law(TestTruncatedBptt, "test_wide_window", env)


@test_case(name="truncated_bptt - test_window_of_one", hidden=False)
def law_3(env):
    check_law(TestTruncatedBptt, "test_window_of_one", env)


@test_case(name="truncated_bptt - test_no_window", hidden=False)
def law_4(env):
    check_law(TestTruncatedBptt, "test_no_window", env)
