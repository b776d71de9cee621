"""The child's side: runs the student's code and answers the judge.

A role of `forkserver`: `prepare` warms up the process that children are forked from, `run` is all that a child does.
"""

from __future__ import annotations

import importlib.util
import io
import linecache
import os
import random
import select
import sys
import tempfile
import traceback
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch

from . import confine
from .errors import JudgeError, JudgeInterrupt, SandboxError, error_class
from .forkserver import thread_count
from .limits import Limits
from .loader import Submission
from .objects import OPERATIONS
from .peer import CHILD, JUDGE, NAME_LENGTH, Outgoing, Peer
from .plain import ORDERED, TORCH_DTYPES, TUPLE, WireError, array_fields
from .waiting import Lookout
from .wire import CONTAINERS, Frames, framed, pack

MESSAGE_LENGTH = 2000
MAX_FRAMES = 20
CHUNK = 1 << 18


class ChildChannel(Frames):
    """Frames over a blocking file descriptor; the end of the stream ends the process."""

    def __init__(self, descriptor: int, limit: int) -> None:
        super().__init__(limit)
        self.descriptor = descriptor
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        self.lookout = Lookout(poll)

    def send(self, frame: bytes) -> None:
        """Send one frame."""
        for pending in map(memoryview, framed(frame)):
            while pending:
                pending = pending[os.write(self.descriptor, pending) :]

    def more(self) -> bytes:
        """What has arrived, once something has."""
        self.lookout.look()
        return os.read(self.descriptor, CHUNK) or os._exit(0)


class JudgeFunction:
    """A callable of the judge's, as student code sees it."""

    def __init__(self, peer: ChildPeer, number: int, name: str) -> None:
        self._peer, self._number, self._law, self.__name__ = peer, number, peer.law, name

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self._law != self._peer.law:
            raise RuntimeError(f"{self.__name__} was passed by an earlier law; do not keep it")
        return self._peer.ask("call", self, arguments, named)

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


class ChildPeer(Peer):
    """The child's end."""

    side = CHILD

    def __init__(self, channel: ChildChannel) -> None:
        super().__init__(channel, channel.limit)
        self.functions: WeakValueDictionary[int, JudgeFunction] = WeakValueDictionary()
        self.law = 0
        self.submission = Submission(self.describe)
        self.operations |= {
            "load": self.submission.run,
            "name": self.name,
            "call": self.call,
            "attribute": getattr,
            "assign": setattr,
            "remove": delattr,
            "text": lambda value, exact: repr(value) if exact else str(value),
            "operate": lambda operation, *operands: OPERATIONS[operation](*operands),
            "gradient": self.gradient,
        }

    def name(self, name: str) -> tuple:
        """(value,) of a global name of the submission, () if it has none."""
        names = self.submission.module.__dict__
        return (names[name],) if name in names else ()

    def gradient(self, key: int, gradient: torch.Tensor | None) -> None:
        """A gradient that the judge accumulated in one of our leaves."""
        self.links.tensors[key].grad = gradient

    def foreign(self, number: int, name: str) -> JudgeFunction:
        """The stand-in for a callable of the judge's."""
        function = self.functions.get(number)
        if function is None:
            self.functions[number] = function = JudgeFunction(self, number, name)
        return function

    def call(self, function: Any, arguments: tuple, named: dict) -> Any:
        """What a call returns. An object that a class has made is kept, even if it is a tuple or dict besides."""
        value = function(*arguments, **named)
        if isinstance(function, type) and isinstance(value, (tuple, dict)) and type(value) not in CONTAINERS:
            self.keep(value)
        return value

    def pack_object(self, value: Any) -> tuple[int, list] | None:
        """A named tuple, defaultdict, matrix or the like that is not kept goes as the plain kind that laws expect."""
        if id(value) not in self.numbers:
            if isinstance(value, tuple):
                return TUPLE, list(value)
            if isinstance(value, dict):
                return ORDERED, [dict(value)]
            if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
                value = np.asarray(value)
                return array_fields(value) or super().pack_object(value)
        return super().pack_object(value)

    def own_number(self, value: Any) -> tuple[int, int, str]:
        """What is not plain data stays here, whatever it is."""
        if type(value) is JudgeFunction:
            return JUDGE, value._number, value.__name__
        return CHILD, self.keep(value), type(value).__name__[:NAME_LENGTH]

    def context(self) -> list:
        """The judge needs nothing from us."""
        return []

    def enter(self, context: list) -> None:
        """Set the default dtype and the seed, let go of objects, modify tensors; between laws forget tensors."""
        dtype, seed, dropped, modified = context
        if self.nesting == 0:
            self.links.forget_passing()
        if dtype is not None:
            torch.set_default_dtype(TORCH_DTYPES[dtype])
        if seed is not None:
            self.links.forget()
            self.functions.clear()
            self.law += 1
            seed_everything(seed)
        self.let_go(dropped)
        self.links.modify(modified)

    def changes(self, arguments: list, frame: bytes, outgoing: Outgoing) -> bytes | None:
        """The arguments packed again, if the call has changed them."""
        again = pack(arguments, outgoing, self.frame_limit)
        return None if again == frame else again

    def raise_there(self, error: BaseException) -> Any:
        """The number of an exception of the judge's, or the description of our own."""
        return error.number if isinstance(error, (JudgeError, JudgeInterrupt)) else self.describe(error)

    def raise_here(self, description: list) -> BaseException:
        """An exception that a callback raised in the judge."""
        number, ordinary, builtin_name, message = description
        return error_class(JudgeError, builtin_name)(number, message) if ordinary else JudgeInterrupt(number, message)

    def violated(self, error: WireError) -> BaseException:
        """The judge does not break the protocol, so our own state is broken: end."""
        print(f"sandbox: {error}", file=sys.stderr)
        os._exit(70)

    def describe(self, error: BaseException) -> list:
        """Type, names of its bases, text, and the lines of the submission's own files in its traceback."""
        names = [kind.__name__[:NAME_LENGTH] for kind in type(error).__mro__[:20]]
        try:
            message = str(error)[:MESSAGE_LENGTH]
        except BaseException:
            message = "(its text could not be made)"
        frames = []
        for frame, line in traceback.walk_tb(error.__traceback__):
            filename = frame.f_code.co_filename
            if filename in self.submission.filenames:
                frames.append([filename, line, frame.f_code.co_name, linecache.getline(filename, line).strip()[:200]])
        if isinstance(error, SyntaxError) and error.filename in self.submission.filenames:
            frames.append([error.filename, error.lineno or 0, "<module>", (error.text or "").strip()[:200]])
        return [names[0], names, message, frames[-MAX_FRAMES:]]


def seed_everything(seed: int) -> None:
    """Seed random, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def prepare(settings: dict) -> tuple[dict, confine.Plan]:
    """Once, in the warm process: import, warm up, and plan the confinement of the children."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    absent = [name for name in settings["preload"] if importlib.util.find_spec(name.partition(".")[0]) is None]
    with tempfile.TemporaryDirectory() as directory:
        os.environ["MPLCONFIGDIR"] = directory  # matplotlib cannot be imported without a folder that it may write to
        for name in settings["preload"]:
            if name not in absent:
                importlib.import_module(name)
        del os.environ["MPLCONFIGDIR"]
    warm_up()
    threads = thread_count()
    if threads != 1:
        raise SandboxError(f"the warm process has {threads} threads; children forked from it would hang")
    limits = Limits(**settings["limits"])
    plan = confine.make_plan(limits, settings["unconfined"], settings["without"])
    reasons = plan.reasons + [f"{name} is not installed and was not preloaded" for name in absent]
    return {"tier": plan.tier, "reasons": reasons, "own_root": plan.own_root}, plan


def warm_up() -> None:
    """Use what is slow the first time: convolution, LSTM, backward, Adam."""
    sequence, _ = torch.nn.LSTM(4, 4)(torch.zeros(2, 1, 4))
    image = torch.nn.Conv2d(1, 2, 3)(torch.zeros(1, 1, 5, 5))
    layer = torch.nn.Linear(4, 2)
    loss = layer(sequence).square().sum() + image.square().sum()
    optimizer = torch.optim.Adam(layer.parameters())
    loss.backward()
    optimizer.step()


def open_streams() -> None:
    """Standard streams over the descriptors as they are now; nothing printed is held back in a buffer."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        raw = io.FileIO(descriptor, "w" if descriptor else "r", closefd=False)
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(descriptors: list[int], plan: confine.Plan) -> None:
    """All that a fork does: confine itself, then answer the judge until the socket closes."""
    link, output = descriptors
    confine.apply(plan, link, output)
    open_streams()
    seed_everything(int.from_bytes(os.urandom(4), "little"))
    sys.argv = [""]
    peer = ChildPeer(ChildChannel(confine.LINK, plan.limits.frame))
    while True:
        peer.answer(peer.receive())
