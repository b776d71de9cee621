"""Answers that no honest child gives: 3,000 conversations by default, SANDBOX_FUZZ_TALKS=1000000 for a night's worth.

What a child says in a few conversations is recorded; then the judge has the same conversations with what was said
changed, message by message and value by value. Whatever it hears, it goes on, or ends the child; no other error comes
out of the sandbox, the law's own tensors are what they were, and nothing is left in memory.
"""

import copy
import os
import random
import resource
import time
import traceback

import msgpack
import numpy as np
import pytest
import torch
from student_functions import SOURCE
from test_wire_fuzz import mutant

from autograder.sandbox import ChildDied, Limits, StudentError
from autograder.sandbox.channel import JudgeChannel
from autograder.sandbox.judge_end import Child
from autograder.sandbox.peer import GIVEN, LINK, OBJECT, OUTPUT
from autograder.sandbox.plain import TENSOR, TUPLE

TALKS = int(os.environ.get("SANDBOX_FUZZ_TALKS", "3000"))
SEED = int(os.environ.get("SANDBOX_FUZZ_SEED", "0"))

SOURCE += """
def fill(x): return x.fill_(1.0)
def change(array, tensor, names):
    array[0] = 5
    tensor += 1
    names["new"] = [1]
    names["a"].append(2)
    return names, array, tensor
def fail(x): raise KeyError("no")
def apply(f, *arguments): return f(*arguments)
class Box:
    def __init__(self, value): self.value = value
    def __add__(self, other): return Box(self.value + other)
    def __eq__(self, other): return self.value is other.value
    def __hash__(self): return 1
    def __iter__(self): return iter([1, self, 2.0])
    def __len__(self): return 3
    def __enter__(self): return self
    def __exit__(self, *details): return False
    def apply(self, f): return f(self, self.value)
CONSTANT = {"a": (1, 2.5, None), "b": [True, b"x", 1j]}
"""


# The conversations, as laws have them.


def numbers(*shape):
    return torch.linspace(0.5, 2.0, int(np.prod(shape)), dtype=torch.float64).reshape(shape).requires_grad_()


def derive(value, *leaves):
    """Gradients of all that has some, whatever came back."""
    values = value if isinstance(value, (list, tuple)) else [value]
    total = sum(v.abs().double().sum() for v in values if isinstance(v, torch.Tensor) and v.requires_grad)
    if isinstance(total, torch.Tensor):
        return torch.autograd.grad(total, leaves, allow_unused=True, retain_graph=True, create_graph=True)
    return None


def plain(target):
    target.CONSTANT, target.sine(torch.ones(3)), target.sine(x=torch.ones(2), scale=3)


def gradients(target):
    x, y = numbers(2, 2), numbers(2, 2)
    derive(target.square(x), x)
    derive(derive(target.cube(x), x), x)
    derive(target.two(x, y), x, y)


def given(target):
    x, z, array = numbers(3), torch.zeros(4), np.ones(3)
    target.same(z)
    derive(target.keeps_argument(x), x)
    target.same([z, x, array])
    assert not z.requires_grad and z.grad is None and x.is_leaf, "the law's own tensors"


def changed(target):
    zeros = torch.zeros(4)
    target.fill(zeros)
    target.change(np.zeros(3), zeros, {"a": [1]})


def errors(target):
    for fails in (lambda: target.fail(1), lambda: target.apply(lambda: {}["a"])):
        try:
            fails()
        except (StudentError, KeyError) as error:
            repr(error), getattr(error, "describe", str)()


def callbacks(target):
    w = numbers(2)
    target.train(lambda v: (v * w).square().sum(), torch.ones(2), 2)
    derive(target.euler(lambda v: v * target.sine(v), w, 2), w)
    target.hessian_diagonal(lambda v: v**3, w.detach())


def objects(target):
    box = target.Box(torch.ones(2))
    assert box == box and len(box) and {box, box + 1}
    list(zip(range(5), box))
    str(box)
    box.value = 3
    with box:
        box.apply(lambda inner, value: (inner.value, value))


def module(target):
    model, x = target.Model(), numbers(2, 3)
    [parameter for _, parameter in zip(range(9), model.parameters())]
    y = model(x)
    if isinstance(y, torch.Tensor) and y.requires_grad:
        y.abs().double().sum().backward()
    model.step()
    model(x)


# A name that the submission does not have; a callback of the law's called with other arguments than it takes.
NATURAL = {(AttributeError, "__getattr__"), (TypeError, "call")}
TALK = [plain, gradients, given, changed, errors, callbacks, objects, module]


class Replay:
    """In place of a channel: the child says what was recorded, and ends."""

    def __init__(self, frames):
        self.frames, self.death, self.limit = frames, None, 1 << 25

    def start_clock(self, seconds):
        pass

    def send(self, frame):
        if self.death:
            raise ChildDied(self.death)

    def receive(self):
        if self.death or not self.frames:
            raise self.failed("ended")
        return self.frames.pop(0)

    def failed(self, reason):
        self.death = self.death or reason
        return ChildDied(self.death)

    def close(self):
        self.failed("was ended")


def talk(conversation, frames):
    with Child(Replay(frames), Limits(), "work.py", "A") as child:
        child.load({}, "work.py", None)
        child.seed(1)
        conversation(child.target)


@pytest.fixture(scope="module")
def recorded(warm):
    """What the child said, conversation by conversation."""
    said, receive = [], JudgeChannel.receive

    def listen(channel):
        said[-1].append(receive(channel))
        return said[-1][-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JudgeChannel, "receive", listen)
        for conversation in TALK:
            said.append([])
            with warm.spawn({"work.py": SOURCE.encode()}, "work.py") as child:
                child.seed(1)
                conversation(child.target)
    return said


# Messages as trees whose parts can be exchanged: frames within frames are opened, dicts are lists of pairs.


class Within:
    """Bytes that are a frame, opened."""

    def __init__(self, value):
        self.value = [value]


class Pairs:
    """A dict."""

    def __init__(self, pairs):
        self.pairs = [list(pair) for pair in pairs]


def opened(frame):
    return open_value(
        msgpack.unpackb(frame, strict_map_key=False, unicode_errors="surrogatepass", object_pairs_hook=Pairs)
    )


def open_value(value):
    if type(value) is list:
        return [open_value(item) for item in value]
    if type(value) is Pairs:
        value.pairs = [open_value(pair) for pair in value.pairs]
    if type(value) is bytes and value:
        try:
            inner = opened(value)
        except (ValueError, msgpack.UnpackException):
            return value
        return Within(inner) if type(inner) in (list, Pairs, Within, msgpack.ExtType) else value
    return value


def closed(value):
    if type(value) is list:
        return msgpack.Packer().pack_array_header(len(value)) + b"".join(map(closed, value))
    if type(value) is Pairs:
        items = [item for pair in value.pairs for item in pair]
        return msgpack.Packer().pack_map_header(len(value.pairs)) + b"".join(map(closed, items))
    return msgpack.packb(closed(value.value[0]) if type(value) is Within else value, unicode_errors="surrogatepass")


def places(value):
    """(list, index) of every part."""
    inner = value.pairs if type(value) is Pairs else value.value if type(value) is Within else value
    if type(inner) is not list:
        return []
    own = [(inner, index) for index in range(len(inner))] if type(value) is not Pairs else []
    return own + [place for item in inner for place in places(item)]


ATOMS = [
    None, True, False, 0, 1, 2, 3, -1, -2, 7, 64, 1 << 40, -(1 << 40), (1 << 61) + 1, 1.5, float("nan"), "", "x",
    "float64", "call", "pull", b"", bytes(8), bytes(24), [], [None],
    *[msgpack.ExtType(kind, b"") for kind in (*range(24), *range(OBJECT, GIVEN + 2))],
]  # fmt: skip


def tagged(parts):
    return [msgpack.ExtType(parts[0], b""), *parts[1:]]


def invented(rng):
    """A value of one of the conversation's own kinds."""
    small = rng.choice((0, 1, 2, 3, 4, 5, -1, -2, -3))
    shape = rng.choice(([], [1], [2], [3], [0], [2, 2], [2, 3], [4]))
    data = bytes(rng.choice((0, 3, 8, 16, 24, 32, 48)))
    tensor = [TENSOR, rng.choice(("float64", "float32", "int64", "complex128", "bool")), shape, data]
    given_one = [GIVEN, small]
    kind, *fields = rng.choice((
        [OBJECT, rng.choice((0, 1, 2)), small, "x"],
        [LINK, small, rng.choice((None, tensor, given_one)), rng.choice((None, tensor, given_one)), small > 1],
        [OUTPUT, small],
        given_one,
        tensor,
        [TUPLE, tensor, given_one],
    ))  # fmt: skip
    return tagged([kind, *[tagged(field) if field in (tensor, given_one) else field for field in fields]])


def altered(rng, frame, frames):
    """A message with up to three parts exchanged for others, left out or repeated."""
    tree = [opened(frame)]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        found = places(tree)
        parts, index = rng.choice(found)
        if index >= len(parts):
            continue
        action = rng.random()
        if action < 0.25:
            parts[index] = copy.copy(rng.choice(ATOMS))
        elif action < 0.5:
            parts[index] = invented(rng)
        elif action < 0.75:
            others, other = rng.choice(places([opened(rng.choice(frames))]) if rng.random() < 0.5 else found)
            parts[index] = copy.deepcopy(others[other]) if other < len(others) else None
        elif action < 0.85 and type(parts[index]) is int:
            parts[index] += rng.choice((-1, 1))
        elif action < 0.93:
            parts.insert(index, invented(rng))
        elif len(parts) > 1:
            del parts[index]
    return closed(tree[0])


def test_no_answer_does_harm(recorded):
    rng = random.Random(SEED)
    everything = [frame for frames in recorded for frame in frames]
    for conversation, frames in zip(TALK, recorded):
        talk(conversation, list(frames))  # the recording itself is heard without complaint
    went_on = refused = slowest = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(TALKS):
        which = rng.randrange(len(TALK))
        frames = list(recorded[which])
        for _ in range(rng.choice((1, 1, 2))):
            place = rng.randrange(len(frames))
            action = rng.random()
            if action < 0.8:
                frames[place] = altered(rng, (recorded[which] + everything)[place], everything)
            elif action < 0.9:
                frames[place] = mutant(rng, [frames[place], rng.choice(everything)])
            elif action < 0.95:
                frames.insert(place, rng.choice(everything))
            elif len(frames) > 1:
                del frames[place]
        began = time.process_time()
        try:
            talk(TALK[which], frames)
        except ChildDied:
            refused += 1
        except StudentError:
            pass
        except AssertionError as error:
            assert "the law's own tensors" not in str(error), number
        except Exception as error:  # the law's own, because it was told something else
            last = traceback.extract_tb(error.__traceback__)[-1]
            own = last.filename == __file__ or (type(error), last.name) in NATURAL
            assert own, (number, TALK[which].__name__, "".join(traceback.format_exception(error)))
        else:
            went_on += 1
        slowest = max(slowest, time.process_time() - began)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"\n{TALKS} conversations: {refused} refused, {went_on} went on, {slowest * 1e3:.0f} ms, {grown:.1f} MiB")
    assert 0.5 * TALKS < refused < TALKS and went_on > 0
    assert slowest < 2.0 and grown < 64
