"""The laws of bptt_terms, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_shape, jacobian, seeds, unchanged

OK_FORMAT = False
name = "bptt_terms"
points = [2, 0, 0]
all_or_nothing = True


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


def roll(h, W_h, rest):
    """The state after the steps h \u21a6 tanh(W_h h + rest_i) for every row of rest."""
    for row in rest:
        h = torch.tanh(W_h @ h + row)
    return h


def all_states(h0, W_h, rest):
    """The states h_0, \u2026, h_T of those steps."""
    return torch.stack([roll(h0, W_h, rest[:t]) for t in range(len(rest) + 1)])


@st.composite
def trajectories(draw, lowest=1, highest=5):
    """An initial state, a matrix, and for every step what else goes into the tanh."""
    m = draw(st.integers(1, 4))
    length = draw(st.integers(lowest, highest))
    return tuple(normal(draw(seeds()), (m,), (m, m), (length, m), scale=0.8))


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
        """The last term is the direct one, the outer product of g \u2299 (1 \u2212 h_t\xb2) and h_{t\u22121}."""
        h0, W_h, rest = case
        hs = all_states(h0, W_h, rest)
        (g,) = normal(seed, h0.shape)
        assert_close(target.bptt_terms(g, hs, W_h)[-1], torch.outer(g * (1 - hs[-1] ** 2), hs[-2]), atol=1e-12)


@test_case(name="bptt_terms - test_copies", hidden=False)
def law_1(env):
    check_law(TestBpttTerms, "test_copies", env)


@test_case(name="bptt_terms - test_sum", hidden=False)
def law_2(env):
    check_law(TestBpttTerms, "test_sum", env)


@test_case(name="bptt_terms - test_direct_term", hidden=False)
def law_3(env):
    check_law(TestBpttTerms, "test_direct_term", env)
