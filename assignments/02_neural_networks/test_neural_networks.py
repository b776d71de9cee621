"""The laws of neural_networks that you have: plain `pytest` in this folder runs them on neural_networks.py."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    assert_equal,
    assert_shape,
    assert_true,
    gaussians,
    gradient,
    jacobian,
    raises,
    reals,
    seeds,
    tensors,
    unchanged,
)

FLOATS = (torch.float32, torch.float64)
FEW = settings(max_examples=8)  # every example is generic, and a wrong answer is wrong for nearly all of them
SOME = settings(max_examples=15)


def normal(seed, *sizes, scale=1.0):
    """One tensor of independent normal numbers for each size, all from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


def whole(seed, *sizes, low=-4, high=4):
    """One tensor of whole numbers, as floats, for each size: they print well, and sums of products are exact."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(low, high + 1, size, generator=generator).double() for size in sizes]


@st.composite
def neurons(draw, batches=((), (1,), (12,), (3, 5))):
    """Inputs in batches, weights and a bias of a single neuron, all whole numbers."""
    n = draw(st.integers(1, 4))
    x, w, b = whole(draw(seeds()), (*draw(st.sampled_from(batches)), n), (n,), ())
    return x, w, b


@st.composite
def separable_data(draw, most=10):
    """Examples x, labels y and a hyperplane (w, b) that separates them by a margin, all whole numbers."""
    n = draw(st.integers(1, 3))
    seed = draw(seeds())
    w, b = whole(seed, (n,), (), low=-3, high=3)
    if not w.any():
        w = torch.ones(n, dtype=torch.float64)
    x = whole(seed + 1, (40, n))[0]
    scores = x @ w + b
    clear = scores.abs() >= 0.7 * w.norm()  # a margin keeps Novikoff's bound, and the work, small
    x, scores = x[clear][:most], scores[clear][:most]
    return x, (scores > 0).double(), w, b


# Any line through the origin gives both examples the same answer.
NOT_THROUGH_THE_ORIGIN = tuple(
    torch.tensor(part, dtype=torch.float64) for part in ([[1.0], [2.0]], [0.0, 1.0], [1.0], -1.5)
)


def dual_perceptron(x, y, epochs):
    """The perceptron in its dual form: it counts the mistakes on each example and looks only at inner products."""
    signs = (2 * y - 1).tolist()
    products = (x @ x.T + 1).tolist()
    counts = [0] * len(signs)
    for _ in range(epochs):
        before = sum(counts)
        for i, sign in enumerate(signs):
            score = sum(c * s * p for c, s, p in zip(counts, signs, products[i]))
            counts[i] += (score > 0) != (sign > 0)
        if sum(counts) == before:
            break
    signed = torch.tensor([c * s for c, s in zip(counts, signs)], dtype=x.dtype)
    return signed @ x, signed.sum(), sum(counts)


@pytest.mark.exercise("perceptron_predict", points=1)
class TestPerceptronPredict:
    @SOME
    @given(neuron=neurons())
    def test_indicator(self, target, neuron):
        """It is 1 where wᵀx + b is positive and 0 where it is negative or 0, for one example or a batch."""
        x, w, b = neuron
        with unchanged(x, w, b):
            result = target.perceptron_predict(x, w, b)
        assert_close(result, torch.heaviside((x * w).sum(-1) + b, torch.zeros((), dtype=torch.float64)))

    def test_boundary_and_bias(self, target):
        """On the boundary the answer is 0, and the bias moves the boundary."""
        x = torch.tensor([[1.0, 1.0], [2.0, 0.0], [2.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
        w = torch.tensor([1.0, 2.0], dtype=torch.float64)
        for b, expected in ((-3.0, [0.0, 0.0, 1.0, 0.0]), (0.0, [1.0, 1.0, 1.0, 0.0]), (0.5, [1.0, 1.0, 1.0, 1.0])):
            result = target.perceptron_predict(x, w, torch.tensor(b, dtype=torch.float64))
            assert_close(result, torch.tensor(expected, dtype=torch.float64), what=f"the answer with b = {b}")

    def test_shape_and_dtype(self, target):
        """Shape and dtype are those of the batch, an empty one and a single example included."""
        for dtype in FLOATS:
            for batch in ((), (1,), (0,), (2, 3)):
                x, w, b = torch.ones(*batch, 2, dtype=dtype), torch.ones(2, dtype=dtype), torch.zeros((), dtype=dtype)
                assert_shape(target.perceptron_predict(x, w, b), batch, dtype)


@pytest.mark.exercise("perceptron_update", points=1)
class TestPerceptronUpdate:
    @SOME
    @given(neuron=neurons([()]), y=st.sampled_from([0, 1]), learning_rate=reals(0.1, 2.0))
    def test_rule(self, target, neuron, y, learning_rate):
        """A missed positive example is added to the parameters, a false alarm is subtracted, times η."""
        x, w, b = neuron
        answer = 1 if (x * w).sum() + b > 0 else 0
        sign = {(1, 0): 1, (0, 1): -1}.get((y, answer), 0)
        with unchanged(x, w, b):
            result = target.perceptron_update(x, y, w, b, learning_rate)
        assert_close(result, (w + sign * learning_rate * x, b + sign * learning_rate), what="(w, b)")

    @FEW
    @given(neuron=neurons([()]), learning_rate=reals(0.1, 2.0))
    def test_right_answers(self, target, neuron, learning_rate):
        """After a right answer the parameters are what they were."""
        x, w, b = neuron
        y = 1 if (x * w).sum() + b > 0 else 0
        assert_close(target.perceptron_update(x, y, w, b, learning_rate), (w, b), what="(w, b)")

    @FEW
    @given(neuron=neurons([()]), learning_rate=reals(0.1, 2.0))
    def test_score_moves(self, target, neuron, learning_rate):
        """After a wrong answer the score of this example has moved by η(‖x‖² + 1), the right way."""
        x, w, b = neuron
        score = (x * w).sum() + b
        y = 0 if score > 0 else 1
        new_w, new_b = target.perceptron_update(x, y, w, b, learning_rate)
        expected = score + (2 * y - 1) * learning_rate * (x.square().sum() + 1)
        assert_close((x * new_w).sum() + new_b, expected, what="the new score")

    def test_boundary(self, target):
        """An example on the boundary counts as answered 0: right if y = 0, wrong if y = 1."""
        x, w = torch.tensor([2.0, 1.0], dtype=torch.float64), torch.tensor([1.0, -2.0], dtype=torch.float64)
        b = torch.tensor(0.0, dtype=torch.float64)
        assert_close(target.perceptron_update(x, 0, w, b, 0.5), (w, b), what="(w, b)")
        assert_close(target.perceptron_update(x, 1, w, b, 0.5), (w + 0.5 * x, b + 0.5), what="(w, b)")


@pytest.mark.exercise("perceptron_fit", points=2)
class TestPerceptronFit:
    @SOME
    @given(data=separable_data())
    @example(data=NOT_THROUGH_THE_ORIGIN)
    def test_separates(self, target, data):
        """If the data are separable, every answer of the result is right."""
        x, y, _, _ = data
        with unchanged(x, y):
            w, b, _ = target.perceptron_fit(x, y, 10_000)
        assert_shape(w, x.shape[1:], what="w")
        assert_equal((x @ w + b > 0).double(), y, what="the list of the answers")

    @SOME
    @given(data=separable_data())
    def test_novikoff(self, target, data):
        """The number of updates is at most (R/γ)², for a margin γ of a hyperplane that separates the data."""
        x, y, w, b = data
        margin = ((2 * y - 1) * (x @ w + b)).min() / (w.square().sum() + b**2).sqrt()
        radius = (x.square().sum(1) + 1).max().sqrt()
        updates = target.perceptron_fit(x, y, 10_000)[2]
        bound = ((radius / margin) ** 2).item()
        assert_true(0 <= updates <= bound + 1e-9, f"{updates} updates; Novikoff allows {bound:.6g}.")

    def test_example(self, target):
        """A small example worked out with pencil and paper: five updates in three passes, then a pass in vain."""
        x = torch.tensor([[2.0], [1.0]], dtype=torch.float64)
        y = torch.tensor([1.0, 0.0], dtype=torch.float64)
        # (0, 0), wrong at 2: (2, 1), wrong at 1: (1, 0) | right at 2, wrong at 1: (0, −1) | wrong at 2: (2, 0), wrong
        # at 1: (1, −1) | right, right
        steps = {1: (1.0, 0.0, 2), 2: (0.0, -1.0, 3), 3: (1.0, -1.0, 5), 4: (1.0, -1.0, 5), 9: (1.0, -1.0, 5)}
        for epochs, (w, b, updates) in steps.items():
            result = target.perceptron_fit(x, y, epochs)
            expected = (torch.tensor([w], dtype=torch.float64), torch.tensor(b, dtype=torch.float64))
            assert_close(tuple(result[:2]), expected, what=f"(w, b) after {epochs} passes")
            assert_equal(result[2], updates, what=f"the number of updates in {epochs} passes")

    def test_stops(self, target):
        """It ends after a pass without an update, even if a thousand million passes are allowed."""
        x = torch.tensor([[1.0, 2.0], [-1.0, 0.0], [3.0, 1.0]], dtype=torch.float64)
        y = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
        w, b, updates = target.perceptron_fit(x, y, 1_000_000_000)
        expected = dual_perceptron(x, y, 100)
        assert_close((w, b), expected[:2], what="(w, b)")
        assert_equal(updates, expected[2], what="the number of updates")

    @SOME
    @given(seed=seeds(), size=st.integers(1, 8), n=st.integers(1, 3), epochs=st.integers(0, 4))
    def test_order(self, target, seed, size, n, epochs):
        """Examples are visited in their order with the newest parameters, so that every run has one right result."""
        x, y = whole(seed, (size, n))[0], whole(seed + 1, (size,), low=0, high=1)[0]
        result = target.perceptron_fit(x, y, epochs)
        expected = dual_perceptron(x, y, epochs)
        assert_close(tuple(result[:2]), expected[:2], what="(w, b)")
        assert_equal(result[2], expected[2], what="the number of updates")


@pytest.mark.exercise("novikoff_bound", points=1)
class TestNovikoffBound:
    @SOME
    @given(data=separable_data())
    def test_definition(self, target, data):
        """It is the square of the largest ‖(x, 1)‖ over the smallest distance of an (x, 1) to the hyperplane."""
        x, y, w, b = data
        normal_vector = torch.cat([w, b[None]]) / torch.cat([w, b[None]]).norm()
        points = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        distances = (points @ normal_vector).abs()
        expected = ((points.norm(dim=1).max() / distances.min()) ** 2).item()
        with unchanged(x, y, w, b):
            assert_close(target.novikoff_bound(x, y, w, b), expected, rtol=1e-9)

    def test_example(self, target):
        """Two points at 2 and −2 and the hyperplane w = 1, b = 0: R² = 5, γ = 2, bound 5/4."""
        x, y = torch.tensor([[2.0], [-2.0]], dtype=torch.float64), torch.tensor([1.0, 0.0], dtype=torch.float64)
        w, b = torch.tensor([1.0], dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64)
        assert_close(target.novikoff_bound(x, y, w, b), 1.25)
        assert_close(target.novikoff_bound(x, y, w, b + 1), 10.0)

    @FEW
    @given(data=separable_data(), scale=reals(0.1, 3.0))
    def test_scale_and_errors(self, target, data, scale):
        """Scaling the hyperplane changes nothing; one that does not separate the data is a ValueError."""
        x, y, w, b = data
        points, vector = torch.cat([x, torch.ones_like(x[:, :1])], 1), torch.cat([w, b[None]])
        squared_distances = ((2 * y - 1) * (points @ vector)) ** 2 / vector.square().sum()
        expected = (points.square().sum(1).max() / squared_distances.min()).item()
        assert_close(target.novikoff_bound(x, y, scale * w, scale * b), expected, rtol=1e-9)
        with raises(ValueError, "for a hyperplane with every example on the wrong side"):
            target.novikoff_bound(x, y, -w, -b)
        with raises(ValueError, "for a hyperplane with one example on the wrong side"):
            target.novikoff_bound(torch.cat([x, x[:1]]), torch.cat([y, 1 - y[:1]]), w, b)
        points, one = torch.tensor([[2.0], [3.0]], dtype=torch.float64), torch.ones(1, dtype=torch.float64)
        with raises(ValueError, "for a hyperplane through an example"):  # exactly, in whatever order one computes
            target.novikoff_bound(points, torch.ones(2, dtype=y.dtype), one, -2 * one[0])


@pytest.mark.exercise("hinge_loss", points=1)
class TestHingeLoss:
    @SOME
    @given(z=tensors((3, 2)), seed=seeds(), margin=reals(0.0, 2.0))
    def test_value(self, target, z, seed, margin):
        """A positive example is charged max(0, margin − z), a negative one max(0, margin + z)."""
        y = whole(seed, (3, 2), low=0, high=1)[0]
        expected = torch.where(y == 1, F.relu(margin - z), F.relu(margin + z))
        with unchanged(z, y):
            assert_close(target.hinge_loss(z, y, margin), expected, atol=1e-12)

    @FEW
    @given(z=tensors(4))
    def test_default_margin(self, target, z):
        """The margin is 1 unless another is given."""
        assert_close(target.hinge_loss(z, torch.ones_like(z)), F.relu(1 - z), atol=1e-12)
        assert_close(target.hinge_loss(z, torch.zeros_like(z)), F.relu(1 + z), atol=1e-12)

    @FEW
    @given(case=neurons([(5,)]), seed=seeds())
    def test_perceptron(self, target, case, seed):
        """With margin 0 the gradient in w of one example's loss is −(y − ŷ)x: the perceptron's update."""
        x, w, b = case
        b = b + 0.5  # whole scores and half a bias: no example is on the boundary
        y, cotangent = whole(seed, (5,), low=0, high=1)[0], normal(seed, (5,))[0]
        answers = (x @ w + b > 0).double()
        expected = -((y - answers) * cotangent) @ x
        slope = gradient(lambda vector: target.hinge_loss(x @ vector + b, y, 0.0), w, cotangent)
        assert_close(slope, expected, atol=1e-12, what="the gradient")

    def test_shape_and_dtype(self, target):
        """Shape and dtype are those of the scores, also for none at all."""
        for dtype in FLOATS:
            for shape in ((), (0,), (2, 3)):
                assert_shape(
                    target.hinge_loss(torch.ones(shape, dtype=dtype), torch.ones(shape, dtype=dtype)), shape, dtype
                )


@st.composite
def networks(draw, deepest=3, widest=4):
    """Weights and biases of a multilayer perceptron of random depth and widths."""
    widths = draw(st.lists(st.integers(1, widest), min_size=2, max_size=deepest + 1))
    pairs = list(zip(widths[1:], widths[:-1]))
    parts = normal(draw(seeds()), *pairs, *[(outputs,) for outputs, _ in pairs])
    return parts[: len(pairs)], parts[len(pairs) :]


def sequential(x, weights, biases):
    """The logits of torch's own network: linear layers with ReLU between them."""
    layers = []
    for W in weights:
        layers += [torch.nn.Linear(W.shape[1], W.shape[0], dtype=W.dtype), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    names = [name for index in range(len(weights)) for name in (f"{2 * index}.weight", f"{2 * index}.bias")]
    parameters = [parameter for pair in zip(weights, biases) for parameter in pair]
    return torch.func.functional_call(network, dict(zip(names, parameters)), (x,))


def parameter_gradients(function, weights, biases, cotangent):
    """The gradients of ⟨cotangent, function(weights, biases)⟩ in all parameters, by autograd."""
    leaves = [parameter.detach().clone().requires_grad_() for parameter in [*weights, *biases]]
    y = function(leaves[: len(weights)], leaves[len(weights) :])
    if not y.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return list(torch.autograd.grad(y, leaves, cotangent, allow_unused=True, materialize_grads=True))


@pytest.mark.exercise("mlp_forward", points=1)
class TestMlpForward:
    @SOME
    @given(network=networks(), seed=seeds(), batch=st.sampled_from([(), (1,), (3,), (2, 2)]))
    def test_torch(self, target, network, seed, batch):
        """It equals torch.nn.Sequential of linear layers with ReLU between them, for one example or a batch."""
        weights, biases = network
        x = normal(seed, (*batch, weights[0].shape[1]))[0]
        with unchanged(x, *weights, *biases):
            result = target.mlp_forward(x, weights, biases)
        assert_close(result, sequential(x, weights, biases), atol=1e-12)

    @FEW
    @given(network=networks())
    def test_biases(self, target, network):
        """At x = 0 with weights of 0 in the last layer, the logits are the last bias, negative numbers included."""
        weights, biases = network
        weights = [*weights[:-1], torch.zeros_like(weights[-1])]
        result = target.mlp_forward(torch.zeros(2, weights[0].shape[1], dtype=torch.float64), weights, biases)
        assert_close(result, biases[-1].expand(2, -1), atol=1e-12)

    def test_xor(self, target):
        """Two hidden units compute XOR, which no single neuron can: ReLU(a + b) − 2 ReLU(a + b − 1)."""
        weights = [torch.ones(2, 2, dtype=torch.float64), torch.tensor([[1.0, -2.0]], dtype=torch.float64)]
        biases = [torch.tensor([0.0, -1.0], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)]
        x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
        expected = torch.tensor([[0.0], [1.0], [1.0], [0.0]], dtype=torch.float64)
        assert_close(target.mlp_forward(x, weights, biases), expected, atol=1e-12)

    def test_shape_dtype_and_errors(self, target):
        """Any batch has its shape and dtype, an empty one too; one bias too few or too many is a ValueError."""
        for dtype in FLOATS:
            weights = [torch.ones(3, 2, dtype=dtype), torch.ones(4, 3, dtype=dtype)]
            biases = [torch.ones(3, dtype=dtype), torch.ones(4, dtype=dtype)]
            for batch in ((), (0,), (1,), (2, 3)):
                assert_shape(
                    target.mlp_forward(torch.ones(*batch, 2, dtype=dtype), weights, biases), (*batch, 4), dtype
                )
        with raises(ValueError, "for two layers with one bias"):
            target.mlp_forward(torch.ones(1, 2, dtype=dtype), weights, biases[:1])
        with raises(ValueError, "for one layer with two biases"):
            target.mlp_forward(torch.ones(1, 2, dtype=dtype), weights[:1], biases)


@pytest.mark.exercise("initialise_mlp", points=1)
class TestInitialiseMlp:
    @FEW
    @given(widths=st.lists(st.integers(1, 6), min_size=2, max_size=5), seed=seeds())
    def test_shapes(self, target, widths, seed):
        """There is one weight matrix (outputs, inputs) in double precision and one bias of zeros for each layer."""
        weights, biases = target.initialise_mlp(widths, seed)
        assert_equal((len(weights), len(biases)), (len(widths) - 1, len(widths) - 1), what="the numbers of layers")
        for layer, (W, b) in enumerate(zip(weights, biases)):
            assert_shape(W, (widths[layer + 1], widths[layer]), torch.float64, what=f"weights[{layer}]")
            assert_equal(b, torch.zeros(widths[layer + 1], dtype=torch.float64), what=f"biases[{layer}]")

    @settings(max_examples=3)
    @given(seed=seeds())
    def test_moments(self, target, seed):
        """The weights of a layer have mean 0 and variance 2 / (number of its inputs), up to chance."""
        for W in target.initialise_mlp([100, 400, 50], seed)[0]:
            inputs, count = W.shape[1], W.numel()
            spread = math.sqrt(2 / inputs)
            # Six standard deviations of the mean, and of the variance of a normal sample.
            assert_close(W.mean(), torch.zeros((), dtype=W.dtype), atol=6 * spread / math.sqrt(count), what="the mean")
            ratio = W.square().mean() * inputs / 2
            assert_close(
                ratio, torch.ones((), dtype=W.dtype), atol=6 * math.sqrt(2 / count), what="variance · inputs / 2"
            )

    @FEW
    @given(seed=seeds())
    def test_seed(self, target, seed):
        """The same seed gives the same weights, another seed others, and no two layers share theirs."""
        weights, again = (target.initialise_mlp([3, 3, 3], seed)[0] for _ in range(2))
        assert_equal(list(again), list(weights), what="the list of weights from the same seed")
        other = target.initialise_mlp([3, 3, 3], seed + 1)[0]
        for layer in range(2):
            assert_true(not torch.equal(other[layer], weights[layer]), "Another seed gave the same weights.")
        assert_true(not torch.equal(weights[0], weights[1]), "Two layers have the same weights.")


@st.composite
def logits_and_targets(draw):
    """Logits of moderate size and targets in [0, 1], many of them 0 or 1."""
    z, y = draw(tensors((3, 2), -8, 8)), draw(tensors((3, 2), 0, 1))
    return z, torch.where(z > 2, y.round(), y)


@pytest.mark.exercise("binary_cross_entropy_with_logits", points=2)
class TestBinaryCrossEntropyWithLogits:
    @SOME
    @given(z=tensors((3, 2), -8, 8), seed=seeds())
    def test_bernoulli(self, target, z, seed):
        """For labels 0 and 1 it is the negative log probability of the label under a Bernoulli distribution."""
        y = whole(seed, (3, 2), low=0, high=1)[0]
        expected = -torch.distributions.Bernoulli(logits=z).log_prob(y)
        with unchanged(z, y):
            assert_close(target.binary_cross_entropy_with_logits(z, y), expected, atol=1e-8)

    @SOME
    @given(case=logits_and_targets())
    def test_soft_targets(self, target, case):
        """For targets between 0 and 1 it is −y log σ(z) − (1 − y) log(1 − σ(z)): both terms are charged."""
        z, y = case
        p = 1 / (1 + torch.exp(-z))
        expected = -y * torch.log(p) - (1 - y) * torch.log(1 - p)
        assert_close(target.binary_cross_entropy_with_logits(z, y), expected, atol=1e-8)

    def test_extreme_logits(self, target):
        """At logits of ±10 000 the loss is 0 for the right label and 10 000 for the wrong one."""
        z = torch.tensor([1e4, 1e4, -1e4, -1e4], dtype=torch.float64)
        y = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64)
        expected = torch.tensor([0.0, 1e4, 0.0, 1e4], dtype=torch.float64)
        assert_close(target.binary_cross_entropy_with_logits(z, y), expected, atol=1e-8)
        assert_close(target.binary_cross_entropy_with_logits(z.float(), y.float()), expected.float(), atol=1e-5)

    def test_undecided(self, target):
        """A logit of 0 costs log 2 whatever the target."""
        y = torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64)
        loss = target.binary_cross_entropy_with_logits(torch.zeros_like(y), y)
        assert_close(loss, torch.full_like(y, math.log(2)), atol=1e-9)

    @FEW
    @given(case=logits_and_targets(), seed=seeds())
    def test_gradient(self, target, case, seed):
        """Its derivative by autograd is σ(z) − y, also at z = 0 and at z = ±10 000."""
        z, y = case
        z = torch.cat([z.flatten(), torch.tensor([0.0, 0.0, 1e4, -1e4], dtype=torch.float64)])
        y = torch.cat([y.flatten(), torch.tensor([0.0, 1.0, 0.0, 0.5], dtype=torch.float64)])
        cotangent = normal(seed, z.shape)[0]
        slope = gradient(lambda v: target.binary_cross_entropy_with_logits(v, y), z, cotangent)
        assert_close(slope, cotangent * (torch.sigmoid(z) - y), atol=1e-7, what="the gradient")


@st.composite
def classified(draw, spread=3.0):
    """Logits (N, K) of at least two classes and labels (N)."""
    classes, size = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    seed = draw(seeds())
    labels = torch.randint(0, classes, (size,), generator=torch.Generator().manual_seed(seed))
    return normal(seed, (size, classes), scale=spread)[0], labels


@pytest.mark.exercise("cross_entropy", points=2)
class TestCrossEntropy:
    @SOME
    @given(case=classified())
    def test_categorical(self, target, case):
        """It is the negative log probability of the label under a categorical distribution, example by example."""
        z, labels = case
        expected = -torch.distributions.Categorical(logits=z).log_prob(labels)
        with unchanged(z, labels):
            assert_close(target.cross_entropy(z, labels), expected, atol=1e-10)

    @FEW
    @given(case=classified(), shift=reals(-100, 100))
    def test_shift(self, target, case, shift):
        """Adding the same number to all logits of an example changes nothing."""
        z, labels = case
        shifts = shift * torch.arange(1.0, len(z) + 1, dtype=torch.float64)[:, None]
        probabilities = torch.exp(z) / torch.exp(z).sum(1, keepdim=True)
        expected = -torch.log(probabilities[torch.arange(len(z)), labels])
        assert_close(target.cross_entropy(z + shifts, labels), expected, atol=1e-9)

    def test_extreme_logits(self, target):
        """At logits of ±10 000 the loss is finite: 0 for the right label, 20 000 for the wrong one."""
        z = torch.tensor([[1e4, -1e4], [1e4, -1e4], [-1e4, -1e4]], dtype=torch.float64)
        labels = torch.tensor([0, 1, 1])
        expected = torch.tensor([0.0, 2e4, math.log(2)], dtype=torch.float64)
        assert_close(target.cross_entropy(z, labels), expected, atol=1e-9)

    def test_undecided(self, target):
        """Equal logits cost log K."""
        for classes in (1, 2, 10):
            z = torch.full((2, classes), 0.7, dtype=torch.float64)
            expected = torch.full((2,), math.log(classes), dtype=torch.float64)
            assert_close(target.cross_entropy(z, torch.tensor([0, classes - 1])), expected, atol=1e-12)

    @FEW
    @given(z=tensors((4, 2), -8, 8), seed=seeds())
    def test_two_classes(self, target, z, seed):
        """With two classes it is the binary cross-entropy with logit z₁ − z₀."""
        y = whole(seed, (4,), low=0, high=1)[0]
        p = 1 / (1 + torch.exp(z[:, 0] - z[:, 1]))
        expected = -y * torch.log(p) - (1 - y) * torch.log(1 - p)
        assert_close(target.cross_entropy(z, y.long()), expected, atol=1e-8)

    def test_shape_dtype_and_errors(self, target):
        """One loss per example, of the logits' dtype, none for an empty batch; a label out of range is a ValueError."""
        for dtype in FLOATS:
            for size in (0, 1, 3):
                loss = target.cross_entropy(torch.ones(size, 4, dtype=dtype), torch.full((size,), 2))
                assert_shape(loss, (size,), dtype)
        for wrong in (-1, 4):
            with raises(ValueError, f"for the label {wrong} with 4 classes"):
                target.cross_entropy(torch.ones(2, 4, dtype=torch.float64), torch.tensor([3, wrong]))


PARAMETERS = st.builds(lambda seed: normal(seed, (2, 3), (4,), (1,)), seeds())
STRENGTHS = reals(0.1, 4.0)
NLL = torch.tensor(1.75, dtype=torch.float64)


def sum_of_logs(distribution, parameters):
    """The log probability of all entries of all parameters, independent of each other."""
    return sum(distribution.log_prob(w).sum() for w in parameters)


@pytest.mark.exercise("map_loss", points=1)
class TestMapLoss:
    @SOME
    @given(parameters=PARAMETERS, strength=STRENGTHS)
    def test_gaussian(self, target, parameters, strength):
        """With a Gaussian prior it is the likelihood term plus −log p(w), less its constant, for variance 1/λ."""
        prior = torch.distributions.Normal(torch.zeros((), dtype=torch.float64), strength**-0.5)
        origin = [torch.zeros_like(w) for w in parameters]
        expected = NLL - sum_of_logs(prior, parameters) + sum_of_logs(prior, origin)
        with unchanged(*parameters):
            assert_close(target.map_loss(NLL, parameters, "gaussian", strength), expected, rtol=1e-9)

    @SOME
    @given(parameters=PARAMETERS, strength=STRENGTHS)
    def test_laplace(self, target, parameters, strength):
        """With a Laplace prior it is the likelihood term plus −log p(w), less its constant, for the rate λ."""
        prior = torch.distributions.Laplace(torch.zeros((), dtype=torch.float64), 1 / strength)
        origin = [torch.zeros_like(w) for w in parameters]
        expected = NLL - sum_of_logs(prior, parameters) + sum_of_logs(prior, origin)
        with unchanged(*parameters):
            assert_close(target.map_loss(NLL, parameters, "laplace", strength), expected, rtol=1e-9)

    def test_no_prior_and_errors(self, target):
        """Strength 0 leaves the likelihood term alone; an unknown prior or a negative strength is a ValueError."""
        parameters = [torch.tensor([2.0, -3.0], dtype=torch.float64)]
        for prior, penalty in (("gaussian", 6.5), ("laplace", 5.0)):
            assert_close(target.map_loss(NLL, parameters, prior, 0.0), NLL, what=f"the loss ({prior}, λ = 0)")
            assert_close(target.map_loss(NLL, parameters, prior, 1.0), NLL + penalty, what=f"the loss ({prior}, λ = 1)")
            with raises(ValueError, "for a negative strength"):
                target.map_loss(NLL, parameters, prior, -0.5)
        with raises(ValueError, "for the unknown prior 'cauchy'"):
            target.map_loss(NLL, parameters, "cauchy", 1.0)


@pytest.mark.exercise("l1_penalty", points=1)
class TestL1Penalty:
    @SOME
    @given(parameters=PARAMETERS, strength=STRENGTHS)
    def test_value(self, target, parameters, strength):
        """It is λ times the sum of the absolute values of all entries of all tensors."""
        numbers = [abs(value) for w in parameters for value in w.flatten().tolist()]
        with unchanged(*parameters):
            result = target.l1_penalty(parameters, strength)
        assert_close(result, torch.tensor(strength * math.fsum(numbers), dtype=torch.float64), rtol=1e-9)

    def test_example(self, target):
        """For the weights (1, −2), (0, 3) and λ = ½ it is 3: a tensor without axes, of the dtype of the weights."""
        for dtype in FLOATS:
            parameters = [torch.tensor([1.0, -2.0], dtype=dtype), torch.tensor([[0.0, 3.0]], dtype=dtype)]
            assert_close(target.l1_penalty(parameters, 0.5), torch.tensor(3.0, dtype=dtype))
            assert_shape(target.l1_penalty(parameters, 0.5), (), dtype)


@pytest.mark.exercise("l1_subgradient", points=1)
class TestL1Subgradient:
    @SOME
    @given(parameters=PARAMETERS, strength=STRENGTHS)
    def test_away_from_zero(self, target, parameters, strength):
        """Where no weight is 0 it is the gradient of λ Σ |w|, tensor by tensor."""
        leaves = [w.clone().requires_grad_() for w in parameters]
        penalty = strength * sum(torch.linalg.vector_norm(w, ord=1) for w in leaves)
        expected = list(torch.autograd.grad(penalty, leaves))
        with unchanged(*parameters):
            assert_close(target.l1_subgradient(parameters, strength), expected, what="the list of subgradients")

    @SOME
    @given(seed=seeds(), strength=STRENGTHS)
    def test_supporting_line(self, target, seed, strength):
        """λ|v| never lies below the line through λ|w| with this slope, also where w = 0."""
        w, v = whole(seed, (6,), (6,), low=-1, high=1)
        (slope,) = target.l1_subgradient([w], strength)
        assert_shape(slope, (6,), torch.float64, what="the subgradient")
        above = strength * v.abs() - strength * w.abs() - slope * (v - w)
        assert_true((above >= -1e-12).all(), f"The graph lies below the line: by {-above.min().item():.4g}.")

    def test_zero(self, target):
        """At w = 0 it is 0, and shapes and dtypes are those of the weights."""
        for dtype in FLOATS:
            parameters = [torch.tensor([0.0, -2.0, 1e-30], dtype=dtype), torch.tensor([[0.0], [1e20]], dtype=dtype)]
            expected = [torch.tensor([0.0, -0.5, 0.5], dtype=dtype), torch.tensor([[0.0], [0.5]], dtype=dtype)]
            assert_close(target.l1_subgradient(parameters, 0.5), expected, what="the list of subgradients")


@pytest.mark.exercise("mlp_backward", points=3)
class TestMlpBackward:
    @SOME
    @given(network=networks(deepest=4), seed=seeds(), size=st.integers(1, 4))
    def test_autograd(self, target, network, seed, size):
        """Every gradient equals autograd's, for any depth, widths and batch."""
        weights, biases = network
        x, delta = normal(seed, (size, weights[0].shape[1]), (size, len(biases[-1])))
        expected = parameter_gradients(lambda W, b: sequential(x, W, b), weights, biases, delta)
        with unchanged(x, delta, *weights, *biases):
            actual = target.mlp_backward(x, weights, biases, delta)
        assert_close(
            [*actual[0], *actual[1]], expected, atol=1e-10, what="the list of gradients (weights, then biases)"
        )

    @FEW
    @given(seed=seeds())
    def test_one_layer(self, target, seed):
        """Without hidden layers the gradients are δhᵀ and δ, added up over the batch."""
        W, b, x, delta = normal(seed, (2, 3), (2,), (4, 3), (4, 2))
        outer = sum(torch.outer(d, h) for d, h in zip(delta, x))
        actual = target.mlp_backward(x, [W], [b], delta)
        assert_close([list(part) for part in actual], [[outer], [delta.sum(0)]], atol=1e-12, what="(weights, biases)")

    def test_kink(self, target):
        """A unit whose input is exactly 0 passes no gradient on: the derivative of ReLU at 0 is 0."""
        one = torch.ones(1, 1, dtype=torch.float64)
        zero = torch.zeros(1, dtype=torch.float64)
        weights, biases = target.mlp_backward(one, [0 * one, one], [zero, zero], one)
        assert_close([list(weights), list(biases)], [[0 * one, 0 * one], [zero, zero + 1]], what="[weights, biases]")

    def test_shape_and_dtype(self, target):
        """Each gradient has the shape and dtype of its parameter; for an empty batch it is 0."""
        for dtype in FLOATS:
            shapes = [(3, 2), (5, 3), (4, 5)]
            weights = [torch.ones(shape, dtype=dtype) for shape in shapes]
            biases = [torch.ones(shape[0], dtype=dtype) for shape in shapes]
            for size in (0, 1):
                x, delta = torch.ones(size, 2, dtype=dtype), torch.ones(size, 4, dtype=dtype)
                actual = target.mlp_backward(x, weights, biases, delta)
                for gradients, parameters in zip(actual, (weights, biases)):
                    assert_equal(len(gradients), 3, "the number of gradients")
                    for layer, (given_gradient, parameter) in enumerate(zip(gradients, parameters)):
                        assert_shape(given_gradient, parameter.shape, dtype, what=f"the gradient of layer {layer}")
                        if size == 0:
                            assert_close(
                                given_gradient, torch.zeros_like(parameter), what=f"the gradient of layer {layer}"
                            )


@st.composite
def quadratics(draw, least=0.2):
    """The symmetric positive definite matrix of a quadratic, and its eigenvalues in ascending order."""
    n = draw(st.integers(1, 4))
    seed = draw(seeds())
    rotation = torch.linalg.qr(normal(seed, (n, n))[0])[0]
    generator = torch.Generator().manual_seed(seed)
    eigenvalues = (least + 3 * torch.rand(n, generator=generator, dtype=torch.float64)).sort()[0]
    matrix = rotation @ torch.diag(eigenvalues) @ rotation.T
    return (matrix + matrix.T) / 2, eigenvalues


@pytest.mark.exercise("gradient_descent", points=1)
class TestGradientDescent:
    @SOME
    @given(quadratic=quadratics(), seed=seeds(), learning_rate=reals(0.01, 1.0), steps=st.integers(0, 6))
    def test_quadratic(self, target, quadratic, seed, learning_rate, steps):
        """On ½xᵀAx the path is x_t = (I − ηA)ᵗ x_0, start included."""
        A, _ = quadratic
        x0 = normal(seed, (len(A),))[0]
        step = torch.eye(len(A), dtype=torch.float64) - learning_rate * A
        expected = torch.stack([torch.linalg.matrix_power(step, t) @ x0 for t in range(steps + 1)])
        with unchanged(x0):
            path = target.gradient_descent(lambda x: A @ x, x0, learning_rate, steps)
        assert_close(path, expected, atol=1e-9, what="the path")

    @settings(max_examples=2)
    @given(quadratic=quadratics())
    def test_converges(self, target, quadratic):
        """It converges if η < 2/λ_max and does not if η > 2/λ_max."""
        A, eigenvalues = quadratic
        x0 = torch.linalg.eigh(A)[1].sum(dim=1)  # every eigenvector takes part
        for factor, converges in ((1.9, True), (2.1, False)):
            path = target.gradient_descent(lambda x: A @ x, x0, factor / eigenvalues[-1].item(), 40)
            assert_shape(path, (41, len(A)), what="the path")
            end = path[-1].norm().item() / x0.norm().item()
            expected = "converge" if converges else "diverge"
            assert_true(
                (end < 0.1) is converges and math.isfinite(end), f"It does not {expected} at η = {factor}/λ_max."
            )

    @FEW
    @given(quadratic=quadratics(), share=reals(0.1, 1.0), seed=seeds())
    def test_monotone(self, target, quadratic, share, seed):
        """For η ≤ 1/λ_max the loss falls at every step by at least η/2 times the squared norm of the gradient."""
        A, eigenvalues = quadratic
        learning_rate = share / eigenvalues[-1].item()
        path = target.gradient_descent(lambda x: A @ x, normal(seed, (len(A),))[0], learning_rate, 5)
        losses, slopes = (path * (path @ A)).sum(1) / 2, (path @ A).square().sum(1)
        fallen = losses[:-1] - losses[1:] - learning_rate / 2 * slopes[:-1]
        assert_true(len(path) == 6 and (fallen >= -1e-9).all().item(), "The loss does not fall as it should.")

    def test_dtype_and_shape(self, target):
        """The point may have any shape, steps come first, and the dtype is that of the start."""
        for dtype in FLOATS:
            for shape in ((), (2, 3)):
                path = target.gradient_descent(lambda x: 2 * x, torch.ones(shape, dtype=dtype), 0.25, 2)
                expected = torch.stack([torch.full(shape, value, dtype=dtype) for value in (1.0, 0.5, 0.25)])
                assert_close(path, expected, what="the path")


@pytest.mark.exercise("largest_learning_rate", points=1)
class TestLargestLearningRate:
    @SOME
    @given(quadratic=quadratics(least=0.0))
    def test_eigenvalue(self, target, quadratic):
        """It is 2 over the largest eigenvalue, for a matrix built from known eigenvalues."""
        A, eigenvalues = quadratic
        with unchanged(A):
            assert_close(target.largest_learning_rate(A), 2 / eigenvalues[-1].item(), rtol=1e-9)

    @FEW
    @given(quadratic=quadratics())
    def test_threshold(self, target, quadratic):
        """At 0.95 of it gradient descent shrinks every start, at 1.05 of it some start grows."""
        A, _ = quadratic
        rate = target.largest_learning_rate(A)
        for factor, converges in ((0.95, True), (1.05, False)):
            step = torch.eye(len(A), dtype=torch.float64) - factor * rate * A
            norm = torch.linalg.matrix_norm(torch.linalg.matrix_power(step, 400), ord=2).item()
            verb = "does not converge" if converges else "converges"
            assert_true(
                (norm < 0.1) is converges, f"Gradient descent {verb} at {factor} of this learning rate ({rate})."
            )

    def test_valley(self, target):
        """For ((1, 0.9), (0.9, 1)), whose eigenvalues are 1.9 and 0.1, it is 2/1.9; flat matrices are a ValueError."""
        A = torch.tensor([[1.0, 0.9], [0.9, 1.0]], dtype=torch.float64)
        assert_close(target.largest_learning_rate(A), 2 / 1.9, rtol=1e-9)
        assert_close(target.largest_learning_rate(torch.diag(torch.tensor([0.0, 4.0], dtype=torch.float64))), 0.5)
        assert_close(target.largest_learning_rate(torch.tensor([[1e-3]], dtype=torch.float64)), 2000.0, rtol=1e-9)
        opposed = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
        assert_close(target.largest_learning_rate(opposed), 1.0, rtol=1e-9)
        with raises(ValueError, "for a matrix of zeros"):
            target.largest_learning_rate(torch.zeros(2, 2, dtype=torch.float64))


@st.composite
def lipschitz_functions(draw):
    """A function with its Lipschitz constant: a zigzag whose slopes are ±L, plus a wave, at random places."""
    constant = draw(reals(0.5, 20.0))
    seed = draw(seeds())
    generator = torch.Generator().manual_seed(seed)
    inner = torch.rand(5, generator=generator, dtype=torch.float64).sort()[0]
    turns = torch.cat([torch.zeros(1, dtype=torch.float64), inner, torch.ones(1, dtype=torch.float64)])
    signs = 2.0 * torch.randint(0, 2, (6,), generator=generator) - 1
    share = draw(st.sampled_from([1.0, 0.6]))
    heights = torch.cat([turns.new_zeros(1), torch.cumsum(share * constant * signs * turns.diff(), 0)])
    start, phase = torch.randn(2, generator=generator, dtype=torch.float64)

    def f(x):
        piece = torch.clamp(torch.searchsorted(turns, x, right=True) - 1, 0, 5)
        zigzag = heights[piece] + share * constant * signs[piece] * (x - turns[piece])
        return start + zigzag + (1 - share) * constant / 10 * torch.sin(10 * x + phase)

    f.description = f"a random {constant}-Lipschitz function"
    return f, constant


def network_on(grid, network):
    """The values c + Σ_j v_j ReLU(w_j x + b_j) of a network with one hidden layer."""
    w, b, v, c = network
    for name, part in (("w", w), ("b", b), ("v", v)):
        assert_shape(part, (len(v),), torch.float64, what=name)
    assert_shape(c, (), torch.float64, what="c")
    return c + F.relu(grid[:, None] * w + b) @ v


@pytest.mark.exercise("universal_approximator", points=3)
class TestUniversalApproximator:
    @SOME
    @given(case=lipschitz_functions(), eps=reals(0.05, 1.0))
    def test_error(self, target, case, eps):
        """The network differs from f by at most eps everywhere on [0, 1]."""
        f, lipschitz = case
        grid = torch.linspace(0, 1, 1501, dtype=torch.float64)
        error = (network_on(grid, target.universal_approximator(f, eps, lipschitz)) - f(grid)).abs().max().item()
        assert_true(error <= eps + 1e-9, f"The largest error is {error:.6g}; it should be at most {eps}.")

    @SOME
    @given(case=lipschitz_functions(), eps=reals(0.05, 1.0))
    def test_width(self, target, case, eps):
        """At most max(1, ⌈lipschitz / (2·eps)⌉) hidden units are used."""
        f, lipschitz = case
        units = len(target.universal_approximator(f, eps, lipschitz)[2])
        allowed = max(1, math.ceil(lipschitz / (2 * eps)))
        assert_true(units <= allowed, f"There are {units} hidden units; {allowed} are enough.")

    @FEW
    @example(slope=0.0, start=-2.0, eps=0.5)
    @example(slope=-1.0, start=1.0, eps=0.5)
    @given(slope=reals(-5, 5), start=reals(), eps=reals(0.1, 1.0))
    def test_straight_lines(self, target, slope, start, eps):
        """A straight line, or a constant, is approximated within eps too, by no more units than allowed."""
        grid = torch.linspace(0, 1, 101, dtype=torch.float64)
        network = target.universal_approximator(lambda x: start + slope * x, eps, abs(slope))
        allowed = max(1, math.ceil(abs(slope) / (2 * eps)))
        assert_true(len(network[2]) <= allowed, f"There are {len(network[2])} hidden units; {allowed} are enough.")
        error = (network_on(grid, network) - start - slope * grid).abs().max().item()
        assert_true(error <= eps + 1e-9, f"The largest error is {error:.6g}; it should be at most {eps}.")

    def test_errors(self, target):
        """An eps of 0 or below, or a negative Lipschitz constant, is a ValueError."""
        for eps, lipschitz in ((0.0, 1.0), (-0.1, 1.0), (0.1, -1.0)):
            with raises(ValueError, f"for eps = {eps} and lipschitz = {lipschitz}"):
                target.universal_approximator(torch.sin, eps, lipschitz)


@st.composite
def validations(draw):
    """A patience, an interval between checks, and a validation loss for every epoch, many of them equal."""
    losses = draw(st.lists(st.integers(0, 6).map(lambda value: value / 2), min_size=8, max_size=20))
    return draw(st.integers(1, 3)), draw(st.integers(1, 3)), losses


def stopped_by_hand(patience, every, losses):
    """The epoch at which to stop (or None), and the best loss and epoch until then, by looking at the whole history."""
    for epoch in range(1, len(losses) + 1):
        checks = [(losses[e - 1], e) for e in range(every, epoch + 1, every)]
        if not checks:
            continue
        best = min(checks)  # of equal losses the first
        if sum(e > best[1] for _, e in checks) >= patience:
            return epoch, best
    return None, (min(checks) if checks else (math.inf, None))


def at_epoch(epoch):
    """Weights that tell the epoch that they are from."""
    return [torch.full((2,), float(epoch), dtype=torch.float64), torch.tensor([[-float(epoch)]], dtype=torch.float64)]


@pytest.mark.exercise("EarlyStopping", points=2)
class TestEarlyStopping:
    @SOME
    @given(case=validations())
    def test_history(self, target, case):
        """It stops once `patience` checks have passed since the best one, and knows its loss, epoch and weights."""
        patience, every, losses = case
        stop, (best_loss, best_epoch) = stopped_by_hand(patience, every, losses)
        stopper = target.EarlyStopping(patience, every)
        for epoch, loss in enumerate(losses[:stop], start=1):
            assert_equal(
                stopper.update(epoch, loss, at_epoch(epoch)), epoch == stop, what=f"the answer in epoch {epoch}"
            )
        assert_close(stopper.best_loss, best_loss, what="best_loss")
        assert_equal(stopper.best_epoch, best_epoch, what="best_epoch")
        if best_epoch is not None:
            assert_close(stopper.best_weights, at_epoch(best_epoch), what="best_weights")

    def test_patience(self, target):
        """It stops exactly after p checks without improvement, equal losses and oscillation above the best included."""
        for patience, losses in (
            (1, [3.0, 2.0, 2.0]),
            (3, [5.0, 6.0, 5.5, 5.2]),
            (2, [3.0, 4.0, 2.0, 2.5, 1.0, 1.5, 1.0]),
        ):
            stopper = target.EarlyStopping(patience)
            answers = [stopper.update(epoch, loss, at_epoch(epoch)) for epoch, loss in enumerate(losses, start=1)]
            assert_equal(
                answers, [False] * (len(losses) - 1) + [True], what=f"the list of answers (patience {patience})"
            )

    def test_interval(self, target):
        """With every=3 only epochs 3, 6, 9, … are looked at, whatever happens between them."""
        stopper = target.EarlyStopping(2, every=3)
        losses = [0.1, 0.1, 5.0, 0.1, 9.0, 4.0, 0.1, 0.1, 4.5, 9.0, 0.1, 4.2]
        answers = [stopper.update(epoch, loss, at_epoch(epoch)) for epoch, loss in enumerate(losses, start=1)]
        assert_equal(answers, [False] * 11 + [True], what="the list of answers")
        assert_close(stopper.best_loss, 4.0, what="best_loss")
        assert_equal(stopper.best_epoch, 6, what="best_epoch")
        assert_close(stopper.best_weights, at_epoch(6), what="best_weights")

    def test_start_and_errors(self, target):
        """Before the first check nothing is best; a patience or an interval below 1 is a ValueError."""
        stopper = target.EarlyStopping(1, 2)
        assert_equal(stopper.update(1, 3.0, at_epoch(1)), False, what="the answer")
        assert_close(stopper.best_loss, math.inf, what="best_loss")
        assert_equal(stopper.best_epoch, None, what="best_epoch")
        assert_equal(stopper.best_weights, None, what="best_weights")
        for patience, every in ((0, 1), (1, 0), (-1, 1)):
            with raises(ValueError, f"for patience = {patience} and every = {every}"):
                target.EarlyStopping(patience, every)

    def test_changed_in_place(self, target):
        """The best weights stay what they were when the given ones change in place afterwards."""
        weights = at_epoch(1)
        stopper = target.EarlyStopping(5)
        stopper.update(1, 1.0, weights)
        for part in weights:
            part += 10
        stopper.update(2, 2.0, weights)
        assert_close(stopper.best_weights, at_epoch(1), what="best_weights")


@st.composite
def normalised(draw, least=2):
    """A batch with means and spreads of its own, and γ, β, running mean and variance for its features."""
    n, size = draw(st.integers(1, 4)), draw(st.integers(least, 6))
    noise, spread, shift, gamma, beta, mean, var = normal(draw(seeds()), (size, n), *[(n,)] * 6)
    return 2 * shift + (0.3 + spread.abs()) * noise, gamma, beta, mean, 0.2 + var.abs()


@pytest.mark.exercise("batch_norm_train", points=2)
class TestBatchNormTrain:
    @SOME
    @given(case=normalised(), momentum=reals(0.05, 0.9), eps=st.sampled_from([1e-5, 0.1]))
    def test_torch(self, target, case, momentum, eps):
        """Output and running statistics equal torch's batch_norm in training."""
        x, gamma, beta, mean, var = case
        new_mean, new_var = mean.clone(), var.clone()
        y = F.batch_norm(x, new_mean, new_var, gamma, beta, training=True, momentum=momentum, eps=eps)
        with unchanged(*case):
            result = target.batch_norm_train(*case, momentum, eps)
        assert_close(tuple(result), (y, new_mean, new_var), atol=1e-9, what="(y, running mean, running variance)")

    @FEW
    @given(case=normalised(least=3), seed=seeds())
    def test_standardises(self, target, case, seed):
        """With γ = 1 and β = 0 every feature has mean 0 and mean square σ²/(σ² + ε), whatever it had before."""
        x, gamma, beta, mean, var = case
        y = target.batch_norm_train(x, torch.ones_like(gamma), torch.zeros_like(beta), mean, var)[0]
        squares = (x - x.mean(0)).square().mean(0)
        assert_close(y.mean(0), torch.zeros_like(gamma), atol=1e-9, what="the mean over the batch")
        assert_close(y.square().mean(0), squares / (squares + 1e-5), atol=1e-9, what="the mean square over the batch")

    def test_example(self, target):
        """The batch (1, 3): mean 2, variance 1, unbiased variance 2; for ε = 3 the root of variance plus ε is 2."""
        x, one = torch.tensor([[1.0], [3.0]], dtype=torch.float64), torch.ones(1, dtype=torch.float64)
        y, mean, var = target.batch_norm_train(x, 5 * one, 7 * one, 0 * one, one, 0.25, 3.0)
        assert_close(y, torch.tensor([[4.5], [9.5]], dtype=torch.float64), what="y")
        assert_close((mean, var), (0.5 * one, 1.25 * one), what="(running mean, running variance)")

    @FEW
    @given(case=normalised())
    def test_defaults(self, target, case):
        """Momentum is 0.1 and epsilon 1e-5 unless others are given."""
        x, gamma, beta, mean, var = case
        new_mean, new_var = mean.clone(), var.clone()
        y = F.batch_norm(x, new_mean, new_var, gamma, beta, training=True, momentum=0.1, eps=1e-5)
        assert_close(tuple(target.batch_norm_train(*case)), (y, new_mean, new_var), what="(y, mean, variance)")

    def test_dtype_and_errors(self, target):
        """Dtypes are kept; a constant feature becomes β and not NaN; a batch of one or none is a ValueError."""
        for dtype in FLOATS:
            ones = torch.ones(3, dtype=dtype)
            y, mean, var = target.batch_norm_train(torch.full((4, 3), 2.0, dtype=dtype), ones, 5 * ones, ones, ones)
            assert_close(y, torch.full((4, 3), 5.0, dtype=dtype), what="y")
            assert_close((mean, var), (1.1 * ones, 0.9 * ones), what="(running mean, running variance)")
            for size in (0, 1):
                with raises(ValueError, f"for a batch of {size}"):
                    target.batch_norm_train(torch.ones(size, 3, dtype=dtype), ones, ones, ones, ones)


@pytest.mark.exercise("batch_norm_eval", points=1)
class TestBatchNormEval:
    @SOME
    @given(case=normalised(least=1), eps=st.sampled_from([1e-5, 0.1]))
    def test_torch(self, target, case, eps):
        """It equals torch's batch_norm in evaluation, for a batch of one too."""
        x, gamma, beta, mean, var = case
        expected = F.batch_norm(x, mean, var, gamma, beta, training=False, eps=eps)
        with unchanged(*case):
            assert_close(target.batch_norm_eval(*case, eps), expected, atol=1e-10)

    @FEW
    @given(case=normalised())
    def test_each_on_its_own(self, target, case):
        """The answer for an example does not depend on the rest of the batch."""
        x, *rest = case
        together = target.batch_norm_eval(x, *rest)
        expected = F.batch_norm(x[:1], rest[2], rest[3], rest[0], rest[1], training=False)
        assert_close(together[:1], expected, atol=1e-10, what="the first row in the batch")
        assert_close(target.batch_norm_eval(x[:1], *rest), expected, atol=1e-10, what="the first row alone")

    def test_shape_and_dtype(self, target):
        """Shape and dtype are kept for every batch, an empty one included; epsilon is 1e-5 unless another is given."""
        for dtype in FLOATS:
            ones = torch.ones(3, dtype=dtype)
            for size in (0, 1, 4):
                result = target.batch_norm_eval(torch.ones(size, 3, dtype=dtype), ones, ones, 0 * ones, 0 * ones)
                assert_close(result, torch.full((size, 3), 1 + 1e-5**-0.5, dtype=dtype), rtol=1e-5)
        mean, x = torch.full((1,), 0.5, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
        assert_close(target.batch_norm_eval(x, mean, mean, mean, 0 * mean), 0.5 + 0.25 * (x * 1e5) ** 0.5, rtol=1e-9)


@pytest.mark.exercise("batch_norm_backward", points=2)
class TestBatchNormBackward:
    @SOME
    @given(case=normalised(), seed=seeds(), eps=st.sampled_from([1e-5, 0.1]))
    def test_autograd(self, target, case, seed, eps):
        """The three gradients equal autograd's through torch's batch_norm."""
        x, gamma, beta = (part.clone().requires_grad_() for part in case[:3])
        dy = normal(seed, x.shape)[0]
        y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
        expected = torch.autograd.grad(y, (x, gamma, beta), dy)
        with unchanged(dy, *case[:2]):
            actual = target.batch_norm_backward(dy, case[0], case[1], eps)
        assert_close(tuple(actual), expected, atol=1e-7, what="(dx, dgamma, dbeta)")

    @FEW
    @given(case=normalised(least=3), seed=seeds())
    def test_shift_invariance(self, target, case, seed):
        """The gradients of x add up to 0 over the batch, since a common shift of all inputs changes nothing."""
        x, gamma = case[:2]
        dy = normal(seed, x.shape)[0]
        dx, dgamma, dbeta = target.batch_norm_backward(dy, x, gamma)
        assert_close(dx.sum(0), torch.zeros_like(gamma), atol=1e-9, what="the sum of dx")
        assert_close(dbeta, dy.sum(0), atol=1e-9, what="dbeta")
        spread = (x - x.mean(0)) / ((x - x.mean(0)).square().mean(0) + 1e-5).sqrt()
        assert_close(dgamma, (spread * dy).sum(0), atol=1e-9, what="dgamma")
        assert_true((dx.abs() > 0).any(), "dx is 0 everywhere.")

    def test_shapes_and_dtypes(self, target):
        """dx has the shape of x, the others that of gamma, all with the dtype of x."""
        for dtype in FLOATS:
            x = torch.arange(8.0, dtype=dtype).reshape(4, 2) ** 2
            dx, dgamma, dbeta = target.batch_norm_backward(torch.ones_like(x), x, torch.ones(2, dtype=dtype))
            assert_shape(dx, (4, 2), dtype, what="dx")
            assert_shape(dgamma, (2,), dtype, what="dgamma")
            assert_shape(dbeta, (2,), dtype, what="dbeta")


@st.composite
def pictures(draw, least=1):
    """Images of random sizes whose pixels all differ, so that no two places can be taken for each other, and labels."""
    size, channels = draw(st.integers(least, 6)), draw(st.integers(1, 3))
    height, width = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    count = size * channels * height * width
    images = torch.arange(1.0, count + 1, dtype=torch.float64).reshape(size, channels, height, width)
    return images, torch.arange(10, 10 + size)


def mirrored(images):
    """Every image with its columns in reverse order."""
    return images[..., torch.arange(images.shape[-1] - 1, -1, -1)]


@pytest.mark.exercise("random_flip", points=1)
class TestRandomFlip:
    @SOME
    @given(case=pictures(), seed=seeds())
    def test_mirror_or_not(self, target, case, seed):
        """Image i of the result is image i or its mirror image, all channels alike, and the labels are those given."""
        images, labels = case
        with unchanged(images, labels):
            result, same_labels = target.random_flip(images, labels, seed)
        assert_shape(result, images.shape, torch.float64, what="the batch of images")
        for image, before, mirror in zip(result, images, mirrored(images)):
            assert_true(
                torch.equal(image, before) or torch.equal(image, mirror), "An image is neither as it was nor mirrored."
            )
        assert_equal(same_labels, labels, what="the labels")

    @FEW
    @given(case=pictures(), seed=seeds())
    def test_certain(self, target, case, seed):
        """With probability 1 every image is mirrored, with 0 none, and mirroring twice gives the image back."""
        images, labels = case
        for probability, expected in ((1.0, mirrored(images)), (0.0, images)):
            assert_equal(target.random_flip(images, labels, seed, probability)[0], expected, what="the batch of images")
        twice = target.random_flip(target.random_flip(images, labels, seed, 1.0)[0], labels, seed + 1, 1.0)[0]
        assert_equal(twice, images, what="the batch mirrored twice")

    @settings(max_examples=3)
    @given(seed=seeds())
    def test_frequency(self, target, seed):
        """Each image tosses its own coin, which falls with the given probability, ½ by default."""
        images = torch.tensor([1.0, 2.0], dtype=torch.float64).expand(2000, 1, 1, 2).contiguous()
        labels = torch.zeros(2000, dtype=torch.int64)
        for probability, options in ((0.5, ()), (0.2, (0.2,)), (0.8, (0.8,))):
            flipped = target.random_flip(images, labels, seed, *options)[0][:, 0, 0, 0] == 2
            # Six standard deviations of a share among 2000, and of the share of neighbours that agree.
            share, agree = flipped.double().mean().item(), (flipped[1:] == flipped[:-1]).double().mean().item()
            assert_close(share, probability, atol=6 * (0.25 / 2000) ** 0.5, what="the share of mirrored images")
            alike = probability**2 + (1 - probability) ** 2
            assert_close(agree, alike, atol=0.1, what="the share of images treated as their neighbour")
        few = [target.random_flip(images[:8], labels[:8], seed + k)[0][:, 0, 0, 0] == 2 for k in range(20)]
        counts = {int(flipped.sum()) for flipped in few}
        assert_true(len(counts) > 1, f"Of 8 images always {min(counts)} are mirrored, as if by lot and not by coins.")

    @FEW
    @given(seed=seeds())
    def test_seed(self, target, seed):
        """The same seed gives the same result, another seed another."""
        images = torch.arange(128.0, dtype=torch.float64).reshape(64, 1, 1, 2)
        labels = torch.arange(64)
        first, again, other = (target.random_flip(images, labels, s)[0] for s in (seed, seed, seed + 1))
        assert_equal(again, first, what="the result from the same seed")
        assert_true(not torch.equal(other, first), "Another seed gave the same result.")


def corner_of(image, before, padding):
    """The first row and column of the window of the padded image `before` that equals `image`; fails without one."""
    height, width = before.shape[1:]
    padded = torch.zeros(before.shape[0], height + 2 * padding, width + 2 * padding, dtype=before.dtype)
    padded[:, padding : padding + height, padding : padding + width] = before
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            if torch.equal(padded[:, top : top + height, left : left + width], image):
                return top, left
    assert_true(False, f"This image is no window of the padded original: {image.tolist()}.")


@pytest.mark.exercise("random_crop", points=2)
class TestRandomCrop:
    @SOME
    @given(case=pictures(), padding=st.integers(0, 3), seed=seeds())
    def test_window(self, target, case, padding, seed):
        """Image i of the result is a window of image i surrounded by zeros, all channels alike; labels stay."""
        images, labels = case
        with unchanged(images, labels):
            result, same_labels = target.random_crop(images, labels, padding, seed)
        assert_shape(result, images.shape, torch.float64, what="the batch of images")
        for image, before in zip(result, images):
            corner_of(image, before, padding)
        assert_equal(same_labels, labels, what="the labels")

    @FEW
    @given(case=pictures(), seed=seeds())
    def test_no_padding(self, target, case, seed):
        """Without padding nothing moves."""
        images, labels = case
        assert_equal(target.random_crop(images, labels, 0, seed)[0], images, what="the batch of images")

    @settings(max_examples=2)
    @given(seed=seeds())
    def test_uniform(self, target, seed):
        """Each image has a corner of its own, and all (2·padding + 1)² corners are equally likely."""
        for padding, count in ((1, 900), (2, 1500)):
            side = 2 * padding + 1
            images = torch.zeros(count, 1, side, side, dtype=torch.float64)
            images[:, 0, padding, padding] = 1  # one bright pixel that stays in the picture
            result = target.random_crop(images, torch.zeros(count, dtype=torch.int64), padding, seed)[0]
            assert_shape(result, images.shape, torch.float64, what="the batch of images")
            counts = result.sum(0)[0]
            mean = count / side**2
            # Six standard deviations of a binomial count around its mean.
            allowed = 6 * math.sqrt(mean)
            assert_true(
                ((counts - mean).abs() <= allowed).all(),
                f"Corners come up too often or too rarely: {counts.int().tolist()}, expected about {mean:.0f} each.",
            )
            corners, share = result.flatten(1).argmax(1), 1 / side**2
            alike = (corners[1:] == corners[:-1]).double().mean().item()
            allowed = 6 * math.sqrt(share * (1 - share) / (count - 1))
            assert_close(alike, share, rtol=0, atol=allowed, what="the share of images with their neighbour's corner")

    @FEW
    @given(seed=seeds())
    def test_seed(self, target, seed):
        """The same seed gives the same result, another seed another."""
        images = torch.arange(1.0, 257.0, dtype=torch.float64).reshape(64, 1, 2, 2)
        labels = torch.arange(64)
        first, again, other = (target.random_crop(images, labels, 2, s)[0] for s in (seed, seed, seed + 1))
        assert_equal(again, first, what="the result from the same seed")
        assert_true(not torch.equal(other, first), "Another seed gave the same result.")


@pytest.mark.exercise("residual_block", points=1)
class TestResidualBlock:
    @FEW
    @given(x=gaussians((3, 2)))
    def test_value(self, target, x):
        """It adds f(x) to x; with f = 0 it is the identity."""
        with unchanged(x):
            assert_close(target.residual_block(x, lambda v: 0 * v), x, atol=1e-12)
            assert_close(target.residual_block(x, lambda v: torch.sin(3 * v)), x + torch.sin(3 * x), atol=1e-12)

    @FEW
    @given(x=gaussians(3), weights=gaussians((3, 3)))
    def test_jacobian(self, target, x, weights):
        """Its Jacobian is the identity plus that of f."""
        inside = torch.diag(1 - torch.tanh(weights @ x) ** 2) @ weights
        actual = jacobian(lambda v: target.residual_block(v, lambda u: torch.tanh(weights @ u)), x)
        assert_close(actual, torch.eye(3, dtype=torch.float64) + inside, atol=1e-10, what="the Jacobian")

    def test_shapes_and_errors(self, target):
        """Shape and dtype are kept; an f(x) of another shape is a ValueError, even if it could be broadcast."""
        for dtype in FLOATS:
            for shape in ((), (2,), (0, 3), (2, 3)):
                assert_shape(target.residual_block(torch.ones(shape, dtype=dtype), torch.cos), shape, dtype)
        x = torch.ones(2, 3, dtype=torch.float64)
        for shape in ((3,), (1, 3), (2, 1), (), (4, 2, 3)):
            with raises(ValueError, f"for f(x) of shape {shape} where x has shape (2, 3)"):
                target.residual_block(x, lambda v, shape=shape: torch.ones(shape, dtype=torch.float64))


@pytest.mark.exercise("residual_jacobian", points=1)
class TestResidualJacobian:
    @SOME
    @given(n=st.integers(1, 3), depth=st.integers(1, 4), seed=seeds())
    def test_autograd(self, target, n, depth, seed):
        """It equals autograd's Jacobian of a stack of residual blocks, later blocks to the left."""
        matrices = normal(seed, *[(n, n)] * depth)
        x = normal(seed + 1, (n,))[0]

        def stack(v):
            for W in matrices:
                v = v + torch.tanh(W @ v)
            return v

        jacobians, h = [], x
        for W in matrices:
            jacobians.append((1 - torch.tanh(W @ h) ** 2)[:, None] * W)
            h = h + torch.tanh(W @ h)
        with unchanged(*jacobians):
            assert_close(target.residual_jacobian(jacobians), jacobian(stack, x), atol=1e-9)

    @FEW
    @given(seed=seeds())
    def test_expansion(self, target, seed):
        """Two blocks give I + J₁ + J₂ + J₂J₁: the sum over all paths through or around them."""
        first, second = whole(seed, (3, 3), (3, 3))
        expected = torch.eye(3, dtype=torch.float64) + first + second + second @ first
        assert_close(target.residual_jacobian([first, second]), expected)

    def test_identity(self, target):
        """A hundred blocks that do nothing give the identity, in the dtype of the Jacobians."""
        for dtype in FLOATS:
            zeros = torch.zeros(2, 2, dtype=dtype)
            assert_close(target.residual_jacobian([zeros] * 100), torch.eye(2, dtype=dtype))


@st.composite
def pretrained(draw, shallowest=1, deepest=4):
    """Weights and biases of a network of at least two inputs and outputs, with unequal widths."""
    depth = draw(st.integers(shallowest, deepest))
    widths = [draw(st.integers(2, 5)) for _ in range(depth + 1)]
    parts = normal(draw(seeds()), *zip(widths[1:], widths[:-1]), *[(width,) for width in widths[1:]], scale=0.7)
    return parts[:depth], parts[depth:]


@pytest.mark.exercise("transfer_weights", points=1)
class TestTransferWeights:
    @SOME
    @given(network=pretrained(), classes=st.integers(1, 7), seed=seeds())
    def test_body(self, target, network, classes, seed):
        """All layers but the last are equal to those given; the new head has a row per class and biases of 0."""
        weights, biases = network
        with unchanged(*weights, *biases):
            new_weights, new_biases = target.transfer_weights(weights, biases, classes, seed)
        assert_equal(list(new_weights[:-1]), weights[:-1], what="the body's list of weights")
        assert_equal(
            list(new_biases), [*biases[:-1], torch.zeros(classes, dtype=torch.float64)], what="the list of biases"
        )
        assert_shape(new_weights[-1], (classes, weights[-1].shape[1]), torch.float64, what="the head's weights")
        assert_true(not torch.equal(new_weights[-1], weights[-1]), "The head is the old one.")

    @FEW
    @given(network=pretrained(), seed=seeds())
    def test_copies(self, target, network, seed):
        """Changing the new parameters in place leaves the pretrained ones as they were."""
        weights, biases = network
        with unchanged(*weights, *biases):
            new_weights, new_biases = target.transfer_weights(weights, biases, 3, seed)
            with torch.no_grad():
                for part in (*new_weights, *new_biases):
                    part += 1

    @settings(max_examples=3)
    @given(seed=seeds())
    def test_head(self, target, seed):
        """The head's weights are normal with mean 0 and variance 1 over the number of features that it reads."""
        weights = [torch.ones(100, 2, dtype=torch.float64), torch.ones(7, 100, dtype=torch.float64)]
        biases = [torch.ones(100, dtype=torch.float64), torch.ones(7, dtype=torch.float64)]
        head = 10 * target.transfer_weights(weights, biases, 150, seed)[0][-1]
        assert_shape(head, (150, 100), torch.float64, what="the head's weights")
        # Six standard deviations of each statistic of 15 000 numbers.
        assert_close(head.mean().item(), 0.0, atol=6 / math.sqrt(15_000), what="the mean of the head times √n")
        assert_close(head.square().mean().item(), 1.0, atol=6 * math.sqrt(2 / 15_000), what="the variance times n")
        beyond = (head.abs() > 2).double().mean().item()
        assert_close(beyond, 0.0455, atol=6 * math.sqrt(0.0455 / 15_000), what="the share beyond two deviations")

    @FEW
    @given(network=pretrained(), seed=seeds())
    def test_seed(self, target, network, seed):
        """The same seed gives the same head, another seed another."""
        first, again, other = (target.transfer_weights(*network, 4, s)[0][-1] for s in (seed, seed, seed + 1))
        assert_equal(again, first, what="the head from the same seed")
        assert_true(not torch.equal(other, first), "Another seed gave the same head.")


@st.composite
def finetuning(draw, shallowest=1):
    """A network, examples and labels for it, a learning rate and a number of steps."""
    weights, biases = draw(pretrained(shallowest, 3))
    seed, size = draw(seeds()), draw(st.integers(1, 5))
    x = normal(seed, (size, weights[0].shape[1]))[0]
    labels = torch.randint(0, len(biases[-1]), (size,), generator=torch.Generator().manual_seed(seed))
    return weights, biases, x, labels, draw(reals(0.05, 0.5)), draw(st.integers(0, 4))


def two_layers_to_tune():
    """A case of `finetuning` in which it matters which layer is trained, and with what."""
    W, V, b, c, x = normal(1, (3, 2), (2, 3), (3,), (2,), (4, 2))
    return [W, V], [b, c], x, torch.tensor([0, 1, 1, 0]), 0.3, 2


def descended(weights, biases, x, labels, learning_rate, steps, trained):
    """Gradient descent by autograd on the last `trained` layers of torch's own network."""
    weights, biases = list(weights), list(biases)
    for _ in range(steps):

        def logits(last_weights, last_biases):
            return sequential(x, [*weights[:-trained], *last_weights], [*biases[:-trained], *last_biases])

        gradients = parameter_gradients(
            lambda W, b: F.cross_entropy(logits(W, b), labels), weights[-trained:], biases[-trained:], None
        )
        weights[-trained:] = [W - learning_rate * g for W, g in zip(weights[-trained:], gradients[:trained])]
        biases[-trained:] = [b - learning_rate * g for b, g in zip(biases[-trained:], gradients[trained:])]
    return weights, biases


@pytest.mark.exercise("finetune", points=2)
class TestFinetune:
    @FEW
    @given(case=finetuning(shallowest=2))
    def test_head_alone(self, target, case):
        """By default only the last layer moves, as autograd's gradient says; the body stays exactly as it was."""
        weights, biases, x, labels, learning_rate, _ = case
        with unchanged(x, labels, *weights, *biases):
            actual = target.finetune(weights, biases, x, labels, learning_rate, 3)
        expected = descended(weights, biases, x, labels, learning_rate, 3, 1)
        assert_equal(list(actual[0][:-1]), weights[:-1], what="the list of the body's weights")
        assert_equal(list(actual[1][:-1]), biases[:-1], what="the list of the body's biases")
        assert_close([actual[0][-1], actual[1][-1]], [expected[0][-1], expected[1][-1]], atol=1e-10, what="the head")

    @SOME
    @given(case=finetuning(), frozen=st.integers(0, 2))
    @example(case=two_layers_to_tune(), frozen=1)
    def test_some_layers(self, target, case, frozen):
        """The last `trained` layers move together, one gradient step at a time; for 0 steps nothing moves."""
        weights = case[0]
        trained = max(1, len(weights) - frozen)
        actual = target.finetune(*case, trained)
        expected = descended(*case, trained)
        assert_close([list(part) for part in actual], list(expected), atol=1e-10, what="[weights, biases]")

    @FEW
    @given(case=finetuning())
    def test_one_step(self, target, case):
        """One step on the head subtracts the mean over the examples of (softmax − one-hot label) times features."""
        weights, biases, x, labels, learning_rate, _ = case
        features = x
        for W, b in zip(weights[:-1], biases[:-1]):
            features = F.relu(features @ W.T + b)
        z = features @ weights[-1].T + biases[-1]
        error = (torch.softmax(z, 1) - F.one_hot(labels, z.shape[1])) / len(x)
        new_weights, new_biases = target.finetune(weights, biases, x, labels, learning_rate, 1)
        assert_close(
            new_weights[-1], weights[-1] - learning_rate * error.T @ features, atol=1e-10, what="the head's weights"
        )
        assert_close(new_biases[-1], biases[-1] - learning_rate * error.sum(0), atol=1e-10, what="the head's biases")

    @settings(max_examples=3)
    @given(seed=seeds())
    def test_learns(self, target, seed):
        """Twenty-five steps on the head lower the mean cross-entropy, and two layers trained lower it further."""
        W, V, b, c, x = normal(seed, (16, 3), (4, 16), (16,), (4,), (40, 3), scale=0.5)
        labels = (x @ normal(seed + 1, (3, 4))[0]).argmax(1)
        losses = [F.cross_entropy(sequential(x, [W, V], [b, c]), labels).item()]
        for trained in (1, 2):
            weights, biases = target.finetune([W, V], [b, c], x, labels, 0.2, 25, trained)
            losses.append(F.cross_entropy(sequential(x, list(weights), list(biases)), labels).item())
        assert_true(losses[0] > losses[1] > losses[2], f"The losses do not fall: {losses}.")

    def test_errors(self, target):
        """Training no layer, or more than there are, is a ValueError."""
        weights, biases = normal(0, (3, 2), (2, 3)), normal(1, (3,), (2,))
        x, labels = torch.ones(2, 2, dtype=torch.float64), torch.tensor([0, 1])
        for trained in (0, 3, -1):
            with raises(ValueError, f"for trained = {trained} with two layers"):
                target.finetune(weights, biases, x, labels, 0.1, 1, trained)
