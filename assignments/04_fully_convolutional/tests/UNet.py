"""The laws of UNet, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    assert_equal,
    assert_shape,
    assert_true,
    gradient,
    raises,
    seeds,
    unchanged,
)

OK_FORMAT = False
name = "UNet"
points = [4, 0, 0, 0, 0, 0, 0, 0, 0]
all_or_nothing = True


def normal(seed, *shape, dtype=torch.float64):
    """Independent normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def parameter_shapes(in_channels, classes, width, depth):
    """The shapes of all weights and biases of the U-Net, sorted."""
    widths = [width * 2**level for level in range(depth + 1)]
    layers = [(a, b, 3) for a, b in zip([in_channels, *widths], widths)] + [(c, c, 3) for c in widths]
    layers += [(2 * c, c, 3) for c in widths[:-1]] + [(c, c, 3) for c in widths[:-1]] + [(width, classes, 1)]
    shapes = [shape for a, b, k in layers for shape in ((b, a, k, k), (b,))]
    return sorted(shapes + [shape for c in widths[:-1] for shape in ((2 * c, c, 2, 2), (c,))])


@st.composite
def unets(draw):
    """Channels, classes, width and depth of a small U-Net."""
    return draw(st.integers(1, 3)), draw(st.integers(2, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))


def shapes_in_noise(count, seed):
    """Images of 16 \xd7 16 with one noisy disc or box, brighter than the background, and their masks."""
    random = torch.Generator().manual_seed(seed)
    centre = 3.5 + 8 * torch.rand(count, 2, 1, 1, generator=random)
    radius = 2.5 + 2 * torch.rand(count, 2, 1, 1, generator=random)
    disc = torch.rand(count, 1, 1, generator=random) < 0.5
    down = ((torch.arange(16.0)[:, None] - centre[:, 0]) / radius[:, 0]).abs()
    right = ((torch.arange(16.0) - centre[:, 1]) / radius[:, 1]).abs()
    masks = torch.where(disc, down**2 + right**2 <= 1, torch.maximum(down, right) <= 1)
    return (masks + 0.25 * torch.randn(count, 16, 16, generator=random))[:, None], masks


def cross_entropy_plus_dice(logits, masks):
    """The loss of the training: cross-entropy, and one minus the smoothed Dice score of the probability of class 1."""
    inside = logits.softmax(dim=1)[:, 1]
    both, total = (inside * masks).sum(dim=(1, 2)), (inside + masks).sum(dim=(1, 2))
    return F.cross_entropy(logits, masks.long()) + 1 - ((2 * both + 1) / (total + 1)).mean()


def watched():
    """A loss, and the list of its calls so far: (scores, masks, value)."""
    calls = []

    def loss(logits, masks):
        value = cross_entropy_plus_dice(logits, masks)
        calls.append((logits.detach().clone(), masks.clone(), value.item()))
        return value

    return loss, calls


@pytest.mark.exercise("UNet", points=4)
class TestUNet:
    @settings(max_examples=5)
    @given(options=unets(), sides=st.tuples(st.integers(1, 3), st.integers(1, 3)), batch=st.integers(0, 2))
    def test_same_size(self, target, options, sides, batch):
        """The output has the input's height and width for every size that 2 ** depth divides, one channel a class."""
        in_channels, classes, _, depth = options
        net = target.UNet(*options, seed=1)
        height, width = (side * 2**depth for side in sides)
        x = normal(2, batch, in_channels, height, width, dtype=torch.float32)
        with unchanged(x):
            assert_shape(net(x), (batch, classes, height, width), torch.float32)

    def test_illegal_sizes(self, target):
        """Sides that 2 ** depth does not divide are a ValueError, whichever side it is."""
        net = target.UNet(1, 2, 2, 2, seed=1)
        for height, width in ((8, 6), (6, 8), (8, 9), (7, 8), (2, 4), (10, 10)):
            with raises(ValueError, f"for an image of {height} \xd7 {width} at depth 2"):
                net(torch.zeros(1, 1, height, width))

    @settings(max_examples=3)
    @given(options=unets())
    def test_parameters(self, target, options):
        """Its weights and biases have the shapes of the handout's table, no more and no fewer."""
        state = target.UNet(*options, seed=1).state_dict()
        found = sorted(tuple(parameter.shape) for parameter in state.values())
        assert_equal([str(s) for s in found], [str(s) for s in parameter_shapes(*options)], what="the list of shapes")

    def test_skips_carry_information(self, target):
        """Without skips all goes through the few numbers at the bottom, and the Jacobian's rank shows it."""
        net = target.UNet(1, 1, 2, 3, seed=3).double()
        x = normal(4, 1, 1, 8, 8).expand(64, 1, 8, 8).clone()
        ranks = []
        for use_skips in (True, False):
            # Copy k of the image is asked for the gradient of output pixel k.
            rows = gradient(lambda x: net(x, use_skips=use_skips), x, torch.eye(64).double().reshape(64, 1, 8, 8))
            ranks.append(int(torch.linalg.matrix_rank(rows.flatten(1), rtol=1e-9)))
        assert_true(ranks[1] <= 16, f"Without skips the rank is {ranks[1]}; at the bottom there are only 16 numbers.")
        assert_true(ranks[0] > 16, f"With skips the rank is only {ranks[0]}: the skips carry nothing.")

    def test_seed(self, target):
        """Equal seeds give equal weights, whatever was made before; other seeds give others."""
        nets = [target.UNet(1, 2, 3, 1, seed=seed).state_dict() for seed in (5, 6, 5)]
        first, other, again = ([value.clone() for value in state.values() if value.dim() > 1] for state in nets)
        assert_equal(again, first, what="the list of weights made again with the same seed")
        different = all(not torch.equal(a, b) for a, b in zip(first, other))
        assert_true(different, "Weights made with another seed are the same.")

    def test_starting_values(self, target):
        """Biases start at 0, weights as independent normal numbers of variance 2/n for n addends of an output."""
        state = target.UNet(4, 64, 16, 1, seed=7).state_dict()  # with so many classes that the head's variance shows
        standard = []
        for name, value in state.items():
            if value.dim() == 1:
                assert_equal(value, torch.zeros_like(value), what=f"the bias {name}")
            elif value.numel() > 500:  # enough to estimate a variance within 15 %, at five standard errors
                n = value.shape[0] if value.shape[2] == 2 else value[0].numel()
                flat = value.double().flatten() * (n / 2) ** 0.5
                allowed = 5 / len(flat) ** 0.5
                spread = (flat**2).mean().item()
                assert_close(
                    spread, 1.0, rtol=0, atol=allowed * 2**0.5, what=f"the variance of {name} in units of 2/n"
                )
                assert_close(flat.mean().item(), 0.0, atol=allowed, what=f"the mean of {name} in units of \u221a(2/n)")
                standard.append(flat)
        together = torch.cat(standard)
        fourth = (together**4).mean().item()  # 3 for normal numbers, 1.8 for uniform ones
        assert_true(abs(fourth - 3) < 5 * (96 / len(together)) ** 0.5, "The weights are not normally distributed.")
        for first, second in itertools.combinations(standard, 2):
            count = min(len(first), len(second))
            correlation = (first[:count] * second[:count]).mean().item()
            assert_true(abs(correlation) < 5 / count**0.5, "Two layers start with the same random numbers.")

    @settings(max_examples=2)
    @given(seed=seeds(), steps=st.integers(1, 3))
    def test_steps(self, target, seed, steps):
        """Each step asks once for the loss of the scores of 8 images with their own masks, and reports that loss."""
        images, masks = normal(seed, 12, 3, 8, 12, dtype=torch.float32), normal(seed + 1, 12, 8, 12) > 0
        loss, calls = watched()
        with unchanged(images, masks):
            net, losses = target.train_segmentation(images, masks, steps, seed, loss)
        assert_true(len(calls) == steps, f"The loss was asked for {len(calls)} times in {steps} steps.")
        assert_close(losses, [value for _, _, value in calls], rtol=1e-6, what="the list of losses")
        for logits, inside, _ in calls:
            assert_shape(logits, (8, 2, 8, 12), torch.float32, what="the scores that the loss is given")
            assert_shape(inside, (8, 8, 12), torch.bool, what="the masks that the loss is given")
        found = sorted(tuple(parameter.shape) for parameter in net.state_dict().values())
        assert_equal([str(s) for s in found], [str(s) for s in parameter_shapes(3, 2, 8, 2)], what="the list of shapes")
        same = (calls[0][1][:, None] == masks).flatten(2).all(dim=2)
        assert_true(same.any(dim=1).all(), "A mask that the loss is given is none of the masks.")
        fresh, none = target.train_segmentation(images, masks, 0, seed, loss)
        assert_equal(len(none), 0, what="the number of losses of no steps")
        weights = list(target.UNet(3, 2, 8, 2, seed=seed).state_dict().values())
        assert_equal(list(fresh.state_dict().values()), weights, what="the weights after no steps")
        expected = fresh(images[same.int().argmax(dim=1)]).detach()
        assert_close(calls[0][0], expected, atol=1e-5, what="the scores that the loss is given first")

    @settings(max_examples=1)
    @given(seed=st.integers(0, 10**4))
    def test_learns(self, target, seed):
        """Trained for 100 steps on 48 noisy shapes it reaches an intersection over union of 0.9 on new ones."""
        images, masks = shapes_in_noise(48, seed)
        net, losses = target.train_segmentation(images, masks, 100, seed, cross_entropy_plus_dice)
        assert_true(len(losses) == 100, f"There are {len(losses)} losses for 100 steps.")
        new_images, new_masks = shapes_in_noise(64, seed + 10**6)
        found = net(new_images).argmax(dim=1) == 1
        score = ((found & new_masks).sum() / (found | new_masks).sum()).item()
        assert_true(score >= 0.9, f"The intersection over union on new images is only {score:.3f}.")

    def test_training_repeats(self, target):
        """Training depends on its arguments only: the same seed repeats it; another one draws other batches."""
        images, masks = shapes_in_noise(12, 1)
        runs = []
        for seed in (1, 2, 1):
            loss, calls = watched()
            losses = target.train_segmentation(images, masks, 3, seed, loss)[1]
            runs.append((losses, torch.stack([inside for _, inside, _ in calls])))
        assert_close(runs[2][0], runs[0][0], rtol=1e-5, what="the list of losses with the same seed")
        assert_equal(runs[2][1], runs[0][1], what="the batches of masks with the same seed")
        assert_true(not torch.equal(runs[1][1], runs[0][1]), "Another seed drew the same batches.")
        assert_true(not torch.equal(runs[0][1][0], runs[0][1][1]), "The second step drew the batch of the first.")


@test_case(name="UNet - test_same_size", hidden=False)
def law_1(env):
    check_law(TestUNet, "test_same_size", env)


@test_case(name="UNet - test_illegal_sizes", hidden=False)
def law_2(env):
    check_law(TestUNet, "test_illegal_sizes", env)


@test_case(name="UNet - test_parameters", hidden=False)
def law_3(env):
    check_law(TestUNet, "test_parameters", env)


@test_case(name="UNet - test_skips_carry_information", hidden=False)
def law_4(env):
    check_law(TestUNet, "test_skips_carry_information", env)


@test_case(name="UNet - test_seed", hidden=False)
def law_5(env):
    check_law(TestUNet, "test_seed", env)


@test_case(name="UNet - test_starting_values", hidden=False)
def law_6(env):
    check_law(TestUNet, "test_starting_values", env)


@test_case(name="UNet - test_steps", hidden=False)
def law_7(env):
    check_law(TestUNet, "test_steps", env)


@test_case(name="UNet - test_learns", hidden=False)
def law_8(env):
    check_law(TestUNet, "test_learns", env)


@test_case(name="UNet - test_training_repeats", hidden=False)
def law_9(env):
    check_law(TestUNet, "test_training_repeats", env)
