"""The laws of leaky_step, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, jacobian, raises, reals, seeds, unchanged

OK_FORMAT = False
name = "leaky_step"
points = [1, 0, 0, 0, 0]
all_or_nothing = True


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


ALPHAS = reals(0.05, 0.95)


@pytest.mark.exercise("leaky_step", points=1)
class TestLeakyStep:
    @settings(max_examples=12)
    @given(case=steps(batch=st.sampled_from([(), (1,), (3,)])), alpha=ALPHAS)
    def test_mixture(self, target, case, alpha):
        """The new state keeps a share \u03b1 of the old one and takes the share 1 \u2212 \u03b1 from an Elman step."""
        with unchanged(*case):
            result = target.leaky_step(*case, alpha)
        assert_close(result, torch.lerp(elman_cell(*case), case[0], alpha), atol=1e-12)

    @settings(max_examples=12)
    @given(case=steps())
    def test_frozen(self, target, case):
        """\u03b1 = 1 freezes the state, whatever the input."""
        assert_close(target.leaky_step(*case, 1.0), case[0], atol=1e-14)

    @settings(max_examples=12)
    @given(case=steps(batch=st.sampled_from([(), (3,)])))
    def test_elman(self, target, case):
        """\u03b1 = 0 is an Elman step, nothing is kept."""
        assert_close(target.leaky_step(*case, 0.0), elman_cell(*case), atol=1e-12)

    @settings(max_examples=12)
    @given(case=steps(batch=st.just(())), alpha=ALPHAS)
    def test_jacobian(self, target, case, alpha):
        """Its Jacobian in the old state is \u03b1 I plus (1 \u2212 \u03b1) times that of an Elman step."""
        h, *rest = case
        straight = alpha * torch.eye(len(h), dtype=torch.float64)
        expected = straight + (1 - alpha) * jacobian(lambda h: elman_cell(h, *rest), h)
        assert_close(jacobian(lambda h: target.leaky_step(h, *rest, alpha), h), expected, atol=1e-12)

    @settings(max_examples=5)
    @given(case=steps())
    def test_alpha_out_of_range(self, target, case):
        """An \u03b1 below 0 or above 1 is refused with a ValueError."""
        for alpha in (-0.1, 1.1):
            with raises(ValueError, f"for alpha = {alpha}"):
                target.leaky_step(*case, alpha)


@test_case(name="leaky_step - test_mixture", hidden=False)
def law_1(env):
    check_law(TestLeakyStep, "test_mixture", env)


@test_case(name="leaky_step - test_frozen", hidden=False)
def law_2(env):
    check_law(TestLeakyStep, "test_frozen", env)


@test_case(name="leaky_step - test_elman", hidden=False)
def law_3(env):
    check_law(TestLeakyStep, "test_elman", env)


@test_case(name="leaky_step - test_jacobian", hidden=False)
def law_4(env):
    check_law(TestLeakyStep, "test_jacobian", env)


@test_case(name="leaky_step - test_alpha_out_of_range", hidden=False)
def law_5(env):
    check_law(TestLeakyStep, "test_alpha_out_of_range", env)
