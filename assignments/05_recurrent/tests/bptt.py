"""The laws of bptt, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, assert_shape, seeds, unchanged

OK_FORMAT = False
name = "bptt"
points = [3, 0, 0, 0]
all_or_nothing = True


FLOATS = (torch.float32, torch.float64)


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
        """Of a sequence of one step only direct terms exist: outer products of \u03b4_1 and of e_1."""
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


@test_case(name="bptt - test_autograd", hidden=False)
def law_1(env):
    check_law(TestBptt, "test_autograd", env)


@test_case(name="bptt - test_direct_terms", hidden=False)
def law_2(env):
    check_law(TestBptt, "test_direct_terms", env)


@test_case(name="bptt - test_indirect_terms", hidden=False)
def law_3(env):
    check_law(TestBptt, "test_indirect_terms", env)


@test_case(name="bptt - test_shapes", hidden=False)
def law_4(env):
    check_law(TestBptt, "test_shapes", env)
