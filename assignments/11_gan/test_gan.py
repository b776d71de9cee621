"""The laws of gan that you have: plain `pytest` in this folder runs them on gan.py."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    assert_equal,
    assert_finite,
    assert_shape,
    assert_true,
    finite_difference_jacobian,
    gaussians,
    gradient,
    jacobian,
    reals,
    tensors,
    unchanged,
)

LOG_2 = math.log(2)
few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them
EXTREME_LOGITS = torch.tensor([-1e4, -800.0, -40.0, 0.0, 40.0, 800.0, 1e4], dtype=torch.float64)


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


def normal(*shape, seed=0):
    """Normal numbers that depend on the seed only."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def normalised(weights):
    """Distributions from columns of whole numbers; they print well and cost little to draw."""
    columns = torch.tensor(weights, dtype=torch.float64).T
    return tuple((column / column.sum()).clone() for column in columns)


def distributions(n):
    """A distribution on n points without zeros."""
    return st.lists(st.tuples(st.integers(1, 20)), min_size=n, max_size=n).map(lambda w: normalised(w)[0])


def pairs():
    """Two distributions on the same support of two to five points."""
    weights = st.tuples(st.integers(1, 20), st.integers(1, 20))
    return st.lists(weights, min_size=2, max_size=5).map(normalised)


def sparse_pairs():
    """Two distributions with zeros: points of only one, of both, and of neither."""
    weight = st.sampled_from((0, 0, 1, 2, 5))
    columns = st.lists(st.tuples(weight, weight), min_size=2, max_size=6)
    return columns.filter(lambda w: all(map(any, zip(*w)))).map(normalised)


def disjoint_pairs():
    """Two distributions of which each is zero wherever the other is not, with a gap between them."""
    weights = st.lists(st.integers(1, 20), min_size=1, max_size=4)
    pieces = st.tuples(weights, st.integers(0, 3), weights)
    return pieces.map(lambda w: normalised([(x, 0) for x in w[0]] + [(0, 0)] * w[1] + [(0, x) for x in w[2]]))


def x_log_y(x, y):
    """x log y of two numbers, with 0 log 0 = 0 and log 0 = −∞."""
    if x == 0:
        return 0.0
    return x * math.log(y) if y > 0 else -math.inf


def kl(p, q):
    """KL(p‖q) with Python's numbers."""
    return sum(x_log_y(a, a) - x_log_y(a, b) for a, b in zip(p.tolist(), q.tolist()))


def js(p, q):
    """JS(p, q) with Python's numbers."""
    return 0.5 * kl(p, (p + q) / 2) + 0.5 * kl(q, (p + q) / 2)


def value(d, p, q):
    """V(D, G) on a finite support with Python's numbers."""
    return sum(x_log_y(a, y) + x_log_y(b, 1 - y) for y, a, b in zip(d.tolist(), p.tolist(), q.tolist()))


def softplus(a):
    """log(1 + eᵃ) of a number, for any size of a; −log σ(a) is softplus(−a)."""
    return max(a, 0.0) + math.log1p(math.exp(-abs(a)))


def linear(weights):
    """The function x ↦ Σ weights · x of every sample of a batch: (m, …) → (m,)."""

    def scores(x):
        return (x * weights).flatten(start_dim=1).sum(dim=1)

    return scores


def quadratic(matrix):
    """The function x ↦ ½ xᵀ A x of every row of a batch; its gradient at x is ½ (A + Aᵀ) x."""

    def scores(x):
        return 0.5 * ((x @ matrix) * x).sum(dim=1)

    return scores


def batches(least=1):
    """Two batches of points of the same dimension, of sizes that may differ, and a vector of that dimension."""
    sizes = st.tuples(st.integers(least, 5), st.integers(least, 5), st.integers(1, 3))
    return sizes.flatmap(lambda s: st.tuples(gaussians((s[0], s[2])), gaussians((s[1], s[2])), gaussians(s[2])))


def small_networks():
    """Parameters and sizes of a network with one hidden layer, for points of dimension one to three."""
    sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))
    return sizes.flatmap(lambda s: st.tuples(gaussians((s[0] * s[1] + 2 * s[1] + 1,)), st.just((s[0], s[1], 1))))


def logits_and_slopes(parameters, sizes, x):
    """The outputs (m,) of a network with one hidden layer of tanh, and its gradients (m, d) by the chain rule."""
    d, h, _ = sizes
    first, bias, second, last = torch.split(parameters, [d * h, h, h, 1])
    hidden = torch.tanh(x @ first.reshape(d, h) + bias)
    return hidden @ second + last, ((1 - hidden**2) * second) @ first.reshape(d, h).T


@pytest.mark.exercise("kl_divergence", points=1)
class TestKLDivergence:
    @few
    @given(pair=pairs())
    def test_value(self, target, pair):
        """KL(p‖q) = Σ p_i log(p_i / q_i)."""
        p, q = pair
        with unchanged(p, q):
            assert_close(target.kl_divergence(p, q), vector(kl(p, q))[0], atol=1e-12)

    @few
    @given(pair=pairs())
    def test_zero_only_if_equal(self, target, pair):
        """KL(p‖p) = 0, and otherwise KL(p‖q) is at least half the square of Σ|p_i − q_i| (Pinsker)."""
        p, q = pair
        assert_close(target.kl_divergence(p, p), vector(0)[0], atol=1e-14)
        divergence = target.kl_divergence(p, q)
        assert_shape(divergence, (), torch.float64)
        assert_true(divergence >= (p - q).abs().sum() ** 2 / 2 - 1e-14, f"It is only {divergence.item()}.")

    @few
    @given(pair=sparse_pairs())
    @example(pair=normalised([(2, 0), (1, 3), (0, 1), (0, 0)]))
    @example(pair=normalised([(0, 2), (3, 1), (0, 0)]))
    def test_zeros(self, target, pair):
        """Points with p_i = 0 add nothing; a point with p_i > 0 and q_i = 0 makes the divergence infinite."""
        p, q = pair
        # No relative tolerance: a share of an infinite value would allow anything.
        assert_close(target.kl_divergence(p, q), vector(kl(p, q))[0], atol=1e-12, rtol=0)
        assert_close(target.kl_divergence(p, (p + q) / 2), vector(kl(p, (p + q) / 2))[0], atol=1e-12)

    @few
    @given(p=distributions(4), q=distributions(4))
    def test_batch_and_dtype(self, target, p, q):
        """The last axis is summed and every other kept, in single precision too; an empty batch stays empty."""
        rows, others = torch.stack([p, q, p]).reshape(3, 1, 4), torch.stack([q, p, p]).reshape(3, 1, 4)
        expected = vector(kl(p, q), kl(q, p), 0.0).reshape(3, 1)
        assert_close(target.kl_divergence(rows, others), expected, atol=1e-12)
        assert_close(target.kl_divergence(rows.float(), others.float()), expected.float(), atol=1e-5)
        assert_shape(target.kl_divergence(rows[:0], others[:0]), (0, 1), torch.float64)


@pytest.mark.exercise("js_divergence", points=1)
class TestJSDivergence:
    @few
    @given(pair=sparse_pairs())
    def test_value(self, target, pair):
        """JS(p, q) = ½ KL(p‖m) + ½ KL(q‖m) with m = ½ (p + q), zeros included."""
        p, q = pair
        with unchanged(p, q):
            assert_close(target.js_divergence(p, q), vector(js(p, q))[0], atol=1e-12)

    @few
    @given(pair=pairs())
    def test_symmetric(self, target, pair):
        """JS(p, q) = JS(q, p), it is 0 for p = q, and it never exceeds log 2."""
        p, q = pair
        assert_close(target.js_divergence(q, p), vector(js(p, q))[0], atol=1e-12)
        assert_close(target.js_divergence(p, p), vector(0)[0], atol=1e-14)
        assert_true(target.js_divergence(p, q) <= LOG_2 + 1e-12, "It exceeds log 2.")

    @few
    @given(pair=disjoint_pairs())
    def test_disjoint_supports(self, target, pair):
        """On disjoint supports JS is log 2, however wide the gap."""
        assert_close(target.js_divergence(*pair), vector(LOG_2)[0], atol=1e-12)

    @few
    @given(p=distributions(4), q=distributions(4))
    def test_batch_and_dtype(self, target, p, q):
        """The last axis is summed and every other kept, in single precision too; an empty batch stays empty."""
        rows, others = torch.stack([p, q, p]).reshape(3, 1, 4), torch.stack([q, p, p]).reshape(3, 1, 4)
        expected = vector(js(p, q), js(q, p), 0.0).reshape(3, 1)
        assert_close(target.js_divergence(rows, others), expected, atol=1e-12)
        assert_close(target.js_divergence(rows.float(), others.float()), expected.float(), atol=1e-5)
        assert_shape(target.js_divergence(rows[:0], others[:0]), (0, 1), torch.float64)


@pytest.mark.exercise("mixture_log_likelihood", points=1)
class TestMixtureLogLikelihood:
    @few
    @given(p=tensors(3, 0.01, 5), q=tensors(3, 0.01, 5), weight=reals(0.01, 0.99))
    def test_value(self, target, p, q, weight):
        """It is log(weight · p + (1 − weight) · q) at every point."""
        expected = vector(*(math.log(weight * a + (1 - weight) * b) for a, b in zip(p.tolist(), q.tolist())))
        assert_close(target.mixture_log_likelihood(p.log(), q.log(), weight), expected, atol=1e-12)

    @few
    @given(log_p=tensors(low=-50, high=50), weight=reals(0.01, 0.99), shift=reals(-30, 30))
    def test_bound(self, target, log_p, weight, shift):
        """The bound is log p + log weight, which is log p − log 100 by default, and no mixture is below it."""
        assert_close(target.mixture_log_likelihood_bound(log_p), log_p - math.log(100), atol=1e-12)
        bound = target.mixture_log_likelihood_bound(log_p, weight)
        assert_close(bound, log_p + math.log(weight), atol=1e-12)
        log_q = log_p + shift
        excess = target.mixture_log_likelihood(log_p, log_q, weight) - bound
        odds = (1 - weight) / weight
        assert_close(excess, torch.full_like(log_p, math.log1p(odds * math.exp(shift))), atol=1e-12)

    @few
    @given(log_p=tensors(low=-50, high=50))
    def test_tight(self, target, log_p):
        """Where the noise has no mass, log q = −∞, the mixture is worth log p − log 100 exactly."""
        nothing = torch.full_like(log_p, -math.inf)
        assert_close(target.mixture_log_likelihood(log_p, nothing), log_p - math.log(100), atol=1e-12)

    @few
    @given(log_p=tensors(3, -1e5, -1e3), gap=tensors(3, -30, 30))
    @example(log_p=vector(-1e5, -1e3, -2e3), gap=vector(99_990.0, -5e3, 3.0))
    def test_extremes(self, target, log_p, gap):
        """Densities as small as e^(−100000) keep a finite logarithm."""
        log_q = log_p + gap
        with unchanged(log_p, log_q):
            mixture = target.mixture_log_likelihood(log_p, log_q)
        pieces = [(math.log(0.01), math.log(0.99) + g) for g in gap.tolist()]
        expected = vector(*(max(a, b) + math.log1p(math.exp(-abs(a - b))) for a, b in pieces))
        assert_close(mixture, log_p + expected, rtol=1e-12)


@pytest.mark.exercise("value_function", points=1)
class TestValueFunction:
    @few
    @given(pair=pairs(), logits=tensors(5))
    def test_value(self, target, pair, logits):
        """V(D, G) = Σ p_data log D + p_model log(1 − D)."""
        p, q = pair
        d = torch.sigmoid(logits[: len(p)])
        with unchanged(d, p, q):
            assert_close(target.value_function(d, p, q), vector(value(d, p, q))[0], atol=1e-12)

    @few
    @given(pair=pairs(), logits=tensors(5))
    def test_minus_cross_entropy(self, target, pair, logits):
        """V is minus the cross-entropy of label 1 on the data plus that of label 0 on the model's samples."""
        p, q = pair
        d = torch.sigmoid(logits[: len(p)])
        ones = F.binary_cross_entropy(d, torch.ones_like(d), weight=p, reduction="sum")
        zeros = F.binary_cross_entropy(d, torch.zeros_like(d), weight=q, reduction="sum")
        assert_close(target.value_function(d, p, q), -(ones + zeros), atol=1e-12)

    @few
    @given(pair=pairs())
    def test_guessing(self, target, pair):
        """A discriminator that says ½ everywhere has value −log 4, whatever the distributions."""
        p, q = pair
        assert_close(target.value_function(torch.full_like(p, 0.5), p, q), vector(-math.log(4))[0], atol=1e-12)

    @few
    @given(pair=disjoint_pairs())
    def test_certainty(self, target, pair):
        """Certain and right has value 0, certain and wrong −∞; a point that never occurs counts for nothing."""
        p, q = pair
        right = (p > 0).double()
        assert_close(target.value_function(right, p, q), vector(0)[0], atol=1e-14)
        assert_close(target.value_function(1 - (q > 0).double(), p, q), vector(0)[0], atol=1e-14)
        assert_equal(target.value_function(1 - right, p, q), vector(-math.inf)[0])


@pytest.mark.exercise("estimated_value", points=1)
class TestEstimatedValue:
    @few
    @given(batch=batches())
    def test_minus_cross_entropy(self, target, batch):
        """The estimate is minus the sum of both mean cross-entropies, each batch with its own mean."""
        real, fake, w = batch
        ones = F.binary_cross_entropy_with_logits(real @ w, torch.ones(len(real)).double())
        zeros = F.binary_cross_entropy_with_logits(fake @ w, torch.zeros(len(fake)).double())
        with unchanged(real, fake):
            assert_close(target.estimated_value(linear(w), real, fake), -(ones + zeros), atol=1e-9)

    @few
    @given(counts=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=2, max_size=4))
    @example(counts=[(1, 3), (2, 1), (3, 3)])
    def test_exact_from_counts(self, target, counts):
        """Samples in exact proportion to the probabilities give the exact value Σ p_data log D + p_model log(1 − D)."""
        points = torch.arange(len(counts), dtype=torch.float64).reshape(-1, 1)
        in_data, in_model = (torch.tensor(column) for column in zip(*counts))
        d = torch.sigmoid(0.7 * points[:, 0])
        exact = value(d, in_data.double() / in_data.sum(), in_model.double() / in_model.sum())
        real, fake = points.repeat_interleave(in_data, dim=0), points.repeat_interleave(in_model, dim=0)
        estimate = target.estimated_value(linear(vector(0.7)), real, fake)
        assert_close(estimate, vector(exact)[0], atol=1e-9)

    def test_extremes(self, target):
        """A logit of ±10000 gives a finite value: −10000 if it is wrong, 0 if it is right."""
        low, high = vector(-1e4).reshape(1, 1), vector(1e4).reshape(1, 1)
        sign = linear(vector(1.0))
        assert_close(target.estimated_value(sign, high, low), vector(0.0)[0], atol=1e-12)
        assert_close(target.estimated_value(sign, low, low), vector(-1e4)[0])
        assert_close(target.estimated_value(sign, high, high), vector(-1e4)[0])


@pytest.mark.exercise("optimal_discriminator", points=1)
class TestOptimalDiscriminator:
    @few
    @given(pair=pairs())
    def test_value(self, target, pair):
        """D* = p_data / (p_data + p_model) at every point."""
        p, q = pair
        expected = vector(*(a / (a + b) for a, b in zip(p.tolist(), q.tolist())))
        with unchanged(p, q):
            assert_close(target.optimal_discriminator(p, q), expected, atol=1e-14)

    @few
    @given(pair=pairs(), change=tensors(5, -0.5, 0.5))
    def test_nothing_is_better(self, target, pair, change):
        """No other discriminator has a higher value V."""
        p, q = pair
        best = target.optimal_discriminator(p, q)
        assert_shape(best, p.shape, torch.float64)
        other = (best + change[: len(p)]).clamp(0, 1)
        assert_true(value(best, p, q) >= value(other, p, q) - 1e-12, f"D = {other.tolist()} has a higher value.")

    @few
    @given(pair=pairs())
    def test_log_odds(self, target, pair):
        """Its logit log(D / (1 − D)) is the logarithm of the density ratio p_data / p_model."""
        p, q = pair
        best = target.optimal_discriminator(p, q)
        assert_close(torch.logit(best), p.log() - q.log(), atol=1e-9)

    @few
    @given(pair=sparse_pairs())
    @example(pair=normalised([(2, 0), (1, 3), (0, 1), (0, 0)]))
    def test_zeros(self, target, pair):
        """D* is 1 where only the data are, 0 where only the model is, and ½ where neither is."""
        p, q = pair
        expected = vector(*(0.5 if a + b == 0 else a / (a + b) for a, b in zip(p.tolist(), q.tolist())))
        assert_close(target.optimal_discriminator(p, q), expected, atol=1e-14)


@pytest.mark.exercise("generator_criterion", points=1)
class TestGeneratorCriterion:
    @few
    @given(pair=pairs())
    def test_jensen_shannon(self, target, pair):
        """C(G) = 2 JS(p_data, p_model) − log 4."""
        p, q = pair
        with unchanged(p, q):
            assert_close(target.generator_criterion(p, q), vector(2 * js(p, q) - math.log(4))[0], atol=1e-12)

    @few
    @given(pair=pairs(), logits=tensors(5))
    def test_maximum_over_discriminators(self, target, pair, logits):
        """C(G) is the value of D* = p_data / (p_data + p_model), and no discriminator exceeds it."""
        p, q = pair
        criterion = target.generator_criterion(p, q)
        assert_close(criterion, vector(value(p / (p + q), p, q))[0], atol=1e-12)
        d = torch.sigmoid(logits[: len(p)])
        assert_true(value(d, p, q) <= criterion.item() + 1e-12, f"D = {d.tolist()} has a higher value.")

    @few
    @given(p=distributions(3))
    def test_minimum(self, target, p):
        """The minimum is −log 4, at p_model = p_data."""
        assert_close(target.generator_criterion(p, p), vector(-math.log(4))[0], atol=1e-12)

    @few
    @given(pair=disjoint_pairs())
    def test_disjoint_supports(self, target, pair):
        """Where the supports are disjoint a perfect discriminator exists and C(G) = 0."""
        assert_close(target.generator_criterion(*pair), vector(0)[0], atol=1e-12)


@pytest.mark.exercise("train_on_simplex", points=3)
class TestTrainOnSimplex:
    @few
    @given(pair=pairs(), rate=reals(0.1, 1.0), steps=st.integers(0, 6))
    @example(pair=normalised([(5, 1), (2, 7), (3, 3)]), rate=0.5, steps=3)
    def test_history(self, target, pair, rate, steps):
        """The history starts with p_model and holds one distribution and one value more than there are steps."""
        p, q = pair
        with unchanged(p, q):
            distributions, values = target.train_on_simplex(p, q, rate, steps)
        assert_shape(distributions, (steps + 1, len(p)), torch.float64, what="the distributions")
        assert_shape(values, (steps + 1,), torch.float64, what="the values")
        assert_close(distributions[0], q, atol=1e-12, what="the first distribution")
        assert_close(distributions.sum(dim=1), torch.ones(steps + 1).double(), atol=1e-9, what="the sums")
        assert_true(bool((distributions > 0).all()), "A probability is not positive.")

    @few
    @given(pair=pairs(), rate=reals(0.1, 1.0))
    def test_values(self, target, pair, rate):
        """Every value is V(D*, p_model) of the distribution in the same row."""
        p, q = pair
        distributions, values = target.train_on_simplex(p, q, rate, 4)
        assert_shape(distributions, (5, len(p)), torch.float64, what="the distributions")
        assert_close(values, vector(*(value(p / (p + row), p, row) for row in distributions)), atol=1e-10)

    @few
    @given(pair=pairs(), rate=reals(0.1, 2.0))
    def test_step(self, target, pair, rate):
        """Each step multiplies p_model by exp(−rate · gradient of V with D held at D*) and normalises."""
        p, q = pair
        distributions, _ = target.train_on_simplex(p, q, rate, 3)
        for before, after in zip(distributions, distributions[1:]):
            fixed = p / (p + before)
            slope = gradient(lambda row: (p * fixed.log() + row * (1 - fixed).log()).sum(), before)
            grown = before * torch.exp(-rate * slope)
            assert_close(after, grown / grown.sum(), atol=1e-10, what="the next distribution")

    @few
    @given(pair=pairs())
    def test_halves_the_error(self, target, pair):
        """With learning rate 1 every step halves the distance to the data: p_model − p_data shrinks to a half."""
        p, q = pair
        distributions, _ = target.train_on_simplex(p, q, 1.0, 5)
        expected = torch.stack([p + (q - p) / 2**t for t in range(6)])
        assert_close(distributions, expected, atol=1e-10)

    @few
    @given(pair=pairs(), rate=reals(0.3, 1.0))
    def test_falls_to_minus_log_4(self, target, pair, rate):
        """For learning rates up to 1 the value never rises, and it ends at −log 4 with p_model = p_data."""
        p, q = pair
        distributions, values = target.train_on_simplex(p, q, rate, 80)
        assert_true(bool((values.diff() <= 1e-12).all()), "The value rises somewhere.")
        start = kl(p, q)
        bound = vector(*(start / (rate * t) for t in range(1, 81)))
        assert_true(bool((values[1:] + math.log(4) <= bound + 1e-12).all()), "It falls more slowly than it should.")
        assert_close(values[-1], vector(-math.log(4))[0], atol=1e-6)
        assert_close(distributions[-1], p, atol=1e-3)


@pytest.mark.exercise("saturating_loss", points=1)
class TestSaturatingLoss:
    @few
    @given(a=tensors(st.integers(1, 6), -30, 30))
    def test_value(self, target, a):
        """It is the mean of log(1 − σ(a))."""
        expected = sum(-softplus(x) for x in a.tolist()) / len(a)
        with unchanged(a):
            assert_close(target.saturating_loss(a), vector(expected)[0])

    @few
    @given(a=tensors(st.integers(1, 6), -30, 30))
    def test_gradient(self, target, a):
        """Its gradient is −σ(a) / m: it pushes every logit up, hardly at all those that are very negative."""
        assert_close(gradient(target.saturating_loss, a), -torch.sigmoid(a) / len(a), rtol=1e-8, atol=1e-12)

    def test_saturates(self, target):
        """Where the discriminator is sure of a fake, a → −∞, the loss tends to 0 and so does its gradient."""
        a = vector(-40.0, -800.0)
        assert_close(target.saturating_loss(a), vector(0.0)[0], atol=1e-15)
        slope = gradient(target.saturating_loss, a)
        assert_close(slope, torch.zeros_like(a), atol=1e-15)
        assert_true(bool((slope[0] < 0).all()), "At a = −40 the gradient is tiny but still negative.")

    def test_extremes(self, target):
        """Logits up to ±10000 give finite losses and gradients, in single precision too."""
        for a in EXTREME_LOGITS:
            expected = vector(-softplus(a.item()))[0]
            assert_close(target.saturating_loss(a[None]), expected)
            assert_close(target.saturating_loss(a[None].float()), expected.float(), atol=1e-5)
            assert_finite(gradient(target.saturating_loss, a[None]), what="the gradient")


@pytest.mark.exercise("non_saturating_loss", points=1)
class TestNonSaturatingLoss:
    @few
    @given(a=tensors(st.integers(1, 6), -30, 30))
    def test_value(self, target, a):
        """It is minus the mean of log σ(a)."""
        expected = sum(softplus(-x) for x in a.tolist()) / len(a)
        with unchanged(a):
            assert_close(target.non_saturating_loss(a), vector(expected)[0])

    @few
    @given(a=tensors(st.integers(1, 6), -30, 30))
    def test_gradient(self, target, a):
        """Its gradient is −(1 − σ(a)) / m: it pushes every logit up, and hardest the most negative ones."""
        assert_close(gradient(target.non_saturating_loss, a), -torch.sigmoid(-a) / len(a), rtol=1e-8, atol=1e-12)

    def test_does_not_saturate(self, target):
        """Where the discriminator is sure of a fake, a → −∞, the gradient tends to −1, not to 0."""
        for a in (-40.0, -800.0):
            assert_close(gradient(target.non_saturating_loss, vector(a)), vector(-1.0), atol=1e-12)

    def test_same_fixed_point(self, target):
        """Where D = ½ it pushes exactly as hard as log(1 − D) does."""
        a = torch.zeros(3, dtype=torch.float64)
        other = gradient(lambda x: torch.log(1 - torch.sigmoid(x)).mean(), a)
        assert_close(gradient(target.non_saturating_loss, a), other, atol=1e-12)

    def test_extremes(self, target):
        """Logits up to ±10000 give finite losses and gradients, in single precision too."""
        for a in EXTREME_LOGITS:
            expected = vector(softplus(-a.item()))[0]
            assert_close(target.non_saturating_loss(a[None]), expected)
            assert_close(target.non_saturating_loss(a[None].float()), expected.float(), atol=1e-5)
            assert_finite(gradient(target.non_saturating_loss, a[None]), what="the gradient")


def bilinear(matrix):
    """The game V(d, g) = dᵀ A g."""

    def game(d, g):
        return d @ matrix @ g

    return game


def curved(matrix, pull):
    """The game V(d, g) = dᵀ A g − ½ |d|² + pull · Σ sin g; ∂V/∂d = A g − d, ∂V/∂g = Aᵀ d + pull · cos g."""

    def game(d, g):
        return d @ matrix @ g - 0.5 * (d * d).sum() + pull * torch.sin(g).sum()

    return game


def games():
    """A matrix A of any small shape with a d and a g that fit it."""
    sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))
    return sizes.flatmap(lambda s: st.tuples(gaussians(s), gaussians(s[0]), gaussians(s[1])))


@pytest.mark.exercise("simultaneous_step", points=2)
class TestSimultaneousStep:
    @few
    @given(game=games(), pull=reals(), rate=reals(0.01, 1.0))
    def test_value(self, target, game, pull, rate):
        """d climbs its gradient of V and g descends its own, both taken at the old point."""
        matrix, d, g = game
        with unchanged(d, g):
            new = target.simultaneous_step(curved(matrix, pull), d, g, rate)
        expected = (d + rate * (matrix @ g - d), g - rate * (matrix.T @ d + pull * torch.cos(g)))
        assert_close(new, expected, atol=1e-12)

    @few
    @given(d=reals(), g=reals(), rate=reals(0.01, 1.0))
    @example(d=1.3, g=-0.7, rate=0.4)
    def test_spirals_outwards(self, target, d, g, rate):
        """On V = d · g every step turns (d, g) and makes |(d, g)|² larger by the factor 1 + rate²."""
        new_d, new_g = target.simultaneous_step(bilinear(torch.eye(1).double()), vector(d), vector(g), rate)
        assert_close(new_d**2 + new_g**2, vector((1 + rate**2) * (d * d + g * g)), atol=1e-12)
        assert_close(new_d * d + new_g * g, vector(d * d + g * g), atol=1e-12)
        assert_close(new_d * g - new_g * d, vector(rate * (d * d + g * g)), atol=1e-12)

    def test_equilibrium_stays(self, target):
        """At the equilibrium of V = dᵀ A g nobody moves."""
        zero = torch.zeros(2, dtype=torch.float64)
        new = target.simultaneous_step(bilinear(torch.ones(2, 2).double()), zero, zero, 0.5)
        assert_close(new, (zero, zero))


@st.composite
def shift_gans(draw):
    """The parameters of a GAN that shifts its noise, its data and noise, a number of steps and a rate."""
    dimension = draw(st.integers(1, 2))
    sizes = ((dimension,), (dimension,), (3, dimension), (2, dimension))
    d, g, real, noise = (draw(gaussians(size)) for size in sizes)
    return d, g, real, noise, draw(st.integers(0, 4)), draw(reals(0.05, 1.0))


THREE_STEPS = normal(2), normal(2, seed=1), normal(3, 2, seed=2), normal(2, 2, seed=3), 3, 0.6


def ascend(d, g, real, noise, steps, rate):
    """The discriminator of the shifting GAN after some steps, with its gradient written out by hand."""
    for _ in range(steps):
        fake = noise + g
        slope = torch.sigmoid(-real @ d) @ real / len(real) - torch.sigmoid(fake @ d) @ fake / len(fake)
        d = d + rate * slope
    return d


@pytest.mark.exercise("unrolled_discriminator", points=3)
class TestUnrolledDiscriminator:
    @few
    @given(game=games())
    def test_no_steps(self, target, game):
        """Zero steps give the discriminator itself: the loss is then the ordinary one."""
        matrix, d, g = game
        assert_close(target.unrolled_discriminator(curved(matrix, 1.0), d, g, 0, 0.3), d, atol=1e-14)

    @few
    @given(game=games(), steps=st.integers(1, 5), rate=reals(0.01, 0.9))
    @example(game=(normal(2, 3), normal(2, seed=1), normal(3, seed=2)), steps=3, rate=0.3)
    def test_value(self, target, game, steps, rate):
        """After k steps up V = dᵀAg − ½|d|² + …, d_k = (1 − rate)ᵏ d + (1 − (1 − rate)ᵏ) A g."""
        matrix, d, g = game
        with unchanged(d, g):
            ahead = target.unrolled_discriminator(curved(matrix, 1.0), d, g, steps, rate)
        left = (1 - rate) ** steps
        assert_close(ahead, left * d + (1 - left) * (matrix @ g), atol=1e-12)

    @few
    @given(gan=shift_gans())
    @example(gan=THREE_STEPS)
    def test_gradient_of_the_generator(self, target, gan):
        """The derivative of d_k with respect to the generator goes through all k steps (finite differences)."""
        d, g, real, noise, steps, rate = gan
        ahead = jacobian(lambda g: target.unrolled_shift_gan(d, g, real, noise, steps, rate), g)
        expected = finite_difference_jacobian(lambda g: ascend(d, g, real, noise, steps, rate), g)
        assert_close(ahead, expected, atol=1e-7, rtol=1e-6, what="∂d_k/∂g")

    @few
    @given(gan=shift_gans())
    @example(gan=THREE_STEPS)
    def test_gradient_of_the_discriminator(self, target, gan):
        """The derivative of d_k with respect to the first d goes through all k steps too."""
        d, g, real, noise, steps, rate = gan
        ahead = jacobian(lambda d: target.unrolled_shift_gan(d, g, real, noise, steps, rate), d)
        expected = finite_difference_jacobian(lambda d: ascend(d, g, real, noise, steps, rate), d)
        assert_close(ahead, expected, atol=1e-7, rtol=1e-6, what="∂d_k/∂d")


def sample_pairs():
    """Two samples on the line, of sizes that may differ."""
    return st.tuples(tensors(st.integers(1, 5)), tensors(st.integers(1, 5)))


def matched(x, y):
    """W₁ on the line: give both samples the same size by repetition and match them in order."""
    x, y = x.sort().values.repeat_interleave(len(y)), y.sort().values.repeat_interleave(len(x))
    return (x - y).abs().mean()


@pytest.mark.exercise("wasserstein_1d", points=2)
class TestWasserstein1d:
    @few
    @given(samples=st.integers(1, 4).flatmap(lambda n: st.tuples(tensors(n), tensors(n))))
    @example(samples=(vector(2.0, -1.0, 1.0), vector(-2.0, 3.0, 0.5)))  # sorted, unsorted, means, pairs: all differ
    def test_best_matching(self, target, samples):
        """For samples of one size it is the least mean distance over all ways to match them."""
        x, y = samples
        ways = itertools.permutations(range(len(x)))
        best = min((x - y[list(order)]).abs().mean().item() for order in ways)
        with unchanged(x, y):
            assert_close(target.wasserstein_1d(x, y), vector(best)[0], atol=1e-12)

    @few
    @given(samples=sample_pairs())
    @example(samples=(vector(5.0, -1.0, 1.0), vector(-2.0, 3.0)))
    def test_sizes_may_differ(self, target, samples):
        """Every sample has total mass one: samples of different sizes are compared as distributions."""
        x, y = samples
        assert_close(target.wasserstein_1d(x, y), matched(x, y), atol=1e-12)

    @few
    @given(x=tensors(), y=tensors(), z=tensors())
    def test_metric(self, target, x, y, z):
        """It is a metric: symmetric, 0 for the same points in another order, and no detour is shorter."""
        xy, yz, xz = target.wasserstein_1d(x, y), target.wasserstein_1d(y, z), target.wasserstein_1d(x, z)
        assert_close(target.wasserstein_1d(y, x), matched(x, y), atol=1e-12)
        assert_close(target.wasserstein_1d(x, x.flip(0)), vector(0)[0], atol=1e-12)
        assert_true(xz <= xy + yz + 1e-12, f"W(x, z) = {xz.item()} exceeds {xy.item()} + {yz.item()}.")

    @few
    @given(x=tensors(), shift=reals(-100, 100))
    def test_grows_with_the_shift(self, target, x, shift):
        """Moving all points by c costs |c|, also when the supports have long been disjoint."""
        assert_close(target.wasserstein_1d(x, x + shift), vector(abs(shift))[0], atol=1e-10)


@pytest.mark.exercise("critic_loss", points=1)
class TestCriticLoss:
    @few
    @given(scores=sample_pairs())
    @example(scores=(vector(-2.0, 3.0), vector(2.0, -1.0, 1.0)))
    def test_value(self, target, scores):
        """It is the mean score of generated samples minus that of real ones, whatever the sizes of the batches."""
        real, fake = scores
        expected = sum(fake.tolist()) / len(fake) - sum(real.tolist()) / len(real)
        with unchanged(real, fake):
            assert_close(target.critic_loss(real, fake), vector(expected)[0], atol=1e-12)

    @few
    @given(samples=sample_pairs(), centre=reals())
    def test_bounds_the_distance(self, target, samples, centre):
        """For a 1-Lipschitz critic, minus the loss never exceeds W₁ of real and generated samples."""
        real, fake = samples
        distance = matched(real, fake)
        for critic in (torch.abs, torch.sin, torch.relu):
            loss = target.critic_loss(critic(real - centre), critic(fake - centre))
            assert_shape(loss, (), torch.float64)
            assert_true(-loss <= distance + 1e-12, f"−loss is {-loss.item()}, but W₁ is {distance.item()}.")

    @few
    @given(real=tensors(), shift=reals(0, 10))
    def test_attains_the_distance(self, target, real, shift):
        """For samples shifted to the left, the critic f(x) = x attains the bound: minus the loss is the shift."""
        assert_close(-target.critic_loss(real, real - shift), vector(shift)[0], atol=1e-12)


@st.composite
def interpolations(draw):
    """Two batches of one size and dimension, one number of [0, 1] per sample, and a square matrix."""
    m, d = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    real, fake, matrix = draw(gaussians((m, d))), draw(gaussians((m, d))), draw(gaussians((d, d)))
    return real, fake, draw(tensors(m, 0, 1)), matrix


@pytest.mark.exercise("gradient_penalty", points=3)
class TestGradientPenalty:
    @few
    @given(points=interpolations())
    def test_linear_critic(self, target, points):
        """A critic w·x has penalty (‖w‖ − 1)² everywhere: none if w is a unit vector."""
        real, fake, noise, matrix = points
        w = matrix[0]
        expected = (w.norm() - 1) ** 2
        with unchanged(real, fake, noise):
            assert_close(target.gradient_penalty(linear(w), real, fake, noise), expected, atol=1e-9)
        unit = linear(w / w.norm())
        assert_close(target.gradient_penalty(unit, real, fake, noise), vector(0)[0], atol=1e-9)

    @few
    @given(points=interpolations())
    def test_quadratic_critic(self, target, points):
        """For ½ xᵀAx it is the mean of (‖½(A + Aᵀ)x̂‖ − 1)² over points x̂ between real and generated ones."""
        real, fake, noise, matrix = points
        between = noise[:, None] * real + (1 - noise[:, None]) * fake
        slopes = between @ (matrix + matrix.T) / 2
        expected = ((slopes.norm(dim=1) - 1) ** 2).mean()
        assert_close(target.gradient_penalty(quadratic(matrix), real, fake, noise), expected, atol=1e-9)

    @few
    @given(real=gaussians((2, 3, 2, 2)), fake=gaussians((2, 3, 2, 2)), w=gaussians((3, 2, 2)), noise=tensors(2, 0, 1))
    def test_images(self, target, real, fake, w, noise):
        """For images the norm is taken over channels, rows and columns together, one norm per image."""

        def critic(x):
            return (w * x * x).sum(dim=(1, 2, 3))

        share = noise.reshape(2, 1, 1, 1)
        slopes = 2 * w * (share * real + (1 - share) * fake)
        expected = ((slopes.square().sum(dim=(1, 2, 3)).sqrt() - 1) ** 2).mean()
        assert_close(target.gradient_penalty(critic, real, fake, noise), expected, atol=1e-9)

    @few
    @given(net=small_networks(), real=gaussians((3, 3)), fake=gaussians((3, 3)), noise=tensors(3, 0, 1))
    def test_trains_the_critic(self, target, net, real, fake, noise):
        """The penalty has a gradient with respect to the critic's parameters (finite differences)."""
        parameters, sizes = net
        real, fake = real[:, : sizes[0]], fake[:, : sizes[0]]
        between = noise[:, None] * real + (1 - noise[:, None]) * fake

        def penalty(parameters):
            _, slopes = logits_and_slopes(parameters, sizes, between)
            return ((slopes.norm(dim=1) - 1) ** 2).mean()

        computed = gradient(lambda p: target.network_gradient_penalty(p, sizes, real, fake, noise), parameters)
        expected = finite_difference_jacobian(penalty, parameters)
        assert_close(computed, expected, atol=1e-6, rtol=1e-5, what="the gradient of the penalty")


@pytest.mark.exercise("penalised_value", points=2)
class TestPenalisedValue:
    @few
    @given(batch=batches(), weight=reals(0, 5))
    @example(batch=(normal(3, 2), normal(2, 2, seed=1), vector(0.7, -1.1)), weight=1.7)
    def test_linear_discriminator(self, target, batch, weight):
        """For logits w·x the penalty lowers V by weight · ‖w‖²: steepness costs the discriminator."""
        real, fake, w = batch
        ordinary = F.logsigmoid(real @ w).mean() + F.logsigmoid(-fake @ w).mean()
        with unchanged(real, fake):
            penalised = target.penalised_value(linear(w), real, fake, weight)
        assert_close(penalised, ordinary - weight * (w @ w), atol=1e-9)

    @few
    @given(points=interpolations(), weight=reals(0, 5))
    @example(points=(normal(3, 2), normal(3, 2, seed=1), vector(0.5), normal(2, 2, seed=2)), weight=1.7)
    def test_quadratic_discriminator(self, target, points, weight):
        """The slope that counts is that at the real samples, and each has its own."""
        real, fake, _, matrix = points
        logits = quadratic(matrix)
        slopes = real @ (matrix + matrix.T) / 2
        ordinary = F.logsigmoid(logits(real)).mean() + F.logsigmoid(-logits(fake)).mean()
        penalised = target.penalised_value(logits, real, fake, weight)
        assert_close(penalised, ordinary - weight * slopes.square().sum(dim=1).mean(), atol=1e-9)

    @few
    @given(net=small_networks(), real=gaussians((3, 3)), fake=gaussians((2, 3)), weight=reals(0, 5))
    @example(net=(normal(13), (2, 3, 1)), real=normal(3, 3, seed=1), fake=normal(2, 3, seed=2), weight=1.7)
    def test_trains_the_discriminator(self, target, net, real, fake, weight):
        """Its gradient with respect to the discriminator's parameters includes the penalty's (finite differences)."""
        parameters, sizes = net
        real, fake = real[:, : sizes[0]], fake[:, : sizes[0]]

        def penalised(parameters):
            on_real, slopes = logits_and_slopes(parameters, sizes, real)
            on_fake, _ = logits_and_slopes(parameters, sizes, fake)
            ordinary = F.logsigmoid(on_real).mean() + F.logsigmoid(-on_fake).mean()
            return ordinary - weight * slopes.square().sum(dim=1).mean()

        computed = gradient(lambda p: target.network_penalised_value(p, sizes, real, fake, weight), parameters)
        expected = finite_difference_jacobian(penalised, parameters)
        assert_close(computed, expected, atol=1e-6, rtol=1e-5, what="the gradient")


@st.composite
def clouds(draw):
    """Samples, modes and a radius in one to three dimensions."""
    d = draw(st.integers(1, 3))
    samples, modes = draw(gaussians((draw(st.integers(4, 12)), d))), draw(gaussians((draw(st.integers(2, 5)), d), 2.0))
    return samples, modes, draw(reals(0.3, 2.5))


@pytest.mark.exercise("mode_coverage", points=1)
class TestModeCoverage:
    @few
    @given(cloud=clouds())
    @example(cloud=(vector(0.7, 2.2, 3.0)[:, None], vector(0.0, 2.0)[:, None], 0.6))
    def test_value(self, target, cloud):
        """A mode is covered if it is the nearest one of a sample within the radius; the share counts such samples."""
        samples, modes, radius = cloud
        nearest = [min((math.dist(s, m), i) for i, m in enumerate(modes.tolist())) for s in samples.tolist()]
        good = [i for distance, i in nearest if distance <= radius]
        with unchanged(samples, modes):
            covered, share = target.mode_coverage(samples, modes, radius)
        assert_equal(covered, len(set(good)), what="the number of modes")
        assert_close(share, len(good) / len(samples), rtol=1e-6, what="the share of good samples")

    @few
    @given(modes=st.integers(2, 8), copies=st.integers(1, 5))
    def test_collapse(self, target, modes, copies):
        """Samples of a single mode are all good and cover one mode; a sample at each covers all."""
        centres = torch.arange(modes, dtype=torch.float64)[:, None] * vector(3.0, 0.0)
        assert_equal(target.mode_coverage(centres[1:2].repeat(copies, 1), centres, 0.5)[0], 1)
        assert_close(target.mode_coverage(centres[1:2].repeat(copies, 1), centres, 0.5)[1], 1.0)
        covered, share = target.mode_coverage(centres.repeat(copies, 1), centres, 0.5)
        assert_equal(covered, modes)
        assert_close(share, 1.0)

    def test_nothing(self, target):
        """Samples far from every mode cover none, and no samples at all give (0, 0.0)."""
        modes = vector(0.0, 0.0, 1.0, 1.0).reshape(2, 2)
        for samples in (modes + 50, modes[:0]):
            covered, share = target.mode_coverage(samples, modes, 0.5)
            assert_equal(covered, 0)
            assert_close(share, 0.0)
