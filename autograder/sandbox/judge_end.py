"""The judge's end of the conversation, `JudgePeer`, and what the judge holds of a child: `Child`.

Nothing a child sends is executed here. The only things of the judge a child can reach are the callables that the
present law has passed to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import torch

from .changes import apply_changes
from .channel import JudgeChannel
from .errors import BUILTIN_ERRORS, ChildDied, Frame, SandboxError, StudentError, error_class, first_builtin
from .limits import Limits
from .peer import CHILD, JUDGE, NAME_LENGTH, Peer
from .plain import TORCH_NAMES, WireError
from .remote import RemoteObject, RemoteTarget

MESSAGE_LENGTH = 2000
MAX_FRAMES = 20


class JudgePeer(Peer):
    """The judge's end."""

    side = JUDGE

    def __init__(self, channel: JudgeChannel, limits: Limits) -> None:
        super().__init__(channel, limits.frame)
        self.limits = limits
        self.stand_ins: WeakValueDictionary[int, RemoteObject] = WeakValueDictionary()
        self.dropped_objects: list[int] = []
        self.raised: list[BaseException] = []
        self.seed: int | None = None
        self.default_dtype = torch.float32
        self.asking = 0
        self.operations = {"call": self.call, "pull": self.pull}

    def ask(self, operation: str, *arguments: Any) -> Any:
        """As Peer.ask, within the deadlines; raises ChildDied."""
        if self.asking == 0:
            self.raised.clear()
            self.channel.start_clock(self.limits.load_seconds if operation == "load" else self.limits.call_seconds)
        self.asking += 1
        try:
            return super().ask(operation, *arguments)
        finally:
            self.asking -= 1

    def forget(self) -> None:
        """Let go of all that was passed to the child: what refers to us through a graph is never freed otherwise."""
        self.links.forget()
        self.objects.clear()
        self.numbers.clear()
        self.graphs.kept.clear()

    def call(self, *request: Any) -> Any:
        """Call back a function that the law has passed, and no other."""
        if [type(part) for part in request[1:]] != [tuple, dict] or not all(type(name) is str for name in request[2]):
            raise self.violated(WireError("a malformed call"))
        function, arguments, named = request
        if id(function) not in self.numbers:
            raise self.violated(WireError("a call to something that was not passed"))
        return function(*arguments, **named)

    def on_gradient(self, key: int, gradient: torch.Tensor) -> None:
        """Tell the child of a gradient accumulated in one of its leaves."""
        self.ask("gradient", key, gradient)

    def pull(self, *request: Any) -> list:
        """As Graphs.pull; the graph must be one of a callback."""
        try:
            return self.graphs.pull(*request)
        except (WireError, TypeError) as error:
            raise self.violated(WireError("a graph or cotangents that do not fit")) from error

    def foreign(self, number: int, name: str) -> RemoteObject:
        """The stand-in for a student's object; the same one as long as it lives."""
        known = self.stand_ins.get(number)
        if known is not None:
            return known
        if number in self.dropped_objects:
            self.dropped_objects.remove(number)
        self.stand_ins[number] = created = RemoteObject(self, number, name)
        return created

    def own_number(self, value: Any) -> tuple[int, int, str]:
        """A student's object goes back by its number; of ours, only callables may be reached."""
        if isinstance(value, RemoteObject):
            if value._remote_peer is not self:
                raise WireError("an object of another child")
            return CHILD, value._remote_number, value._remote_type
        if not callable(value):
            raise WireError(
                f"a {type(value).__name__} cannot be sent to student code: "
                "only plain data, callables and the student's own objects cross"
            )
        return JUDGE, self.keep(value), str(getattr(value, "__name__", type(value).__name__))[:NAME_LENGTH]

    def context(self) -> list:
        """Default dtype if it changed, seed if set, stand-ins that died, tensors of the child's that were modified."""
        dtype = torch.get_default_dtype()
        name = None if dtype == self.default_dtype else TORCH_NAMES[dtype]
        dropped, self.dropped_objects = self.dropped_objects, []
        seed, self.seed, self.default_dtype = self.seed, None, dtype
        return [name, seed, dropped, self.links.modified()]

    def enter(self, context: list) -> None:
        """A child sends nothing along."""
        if context:
            raise WireError("malformed context")

    def raise_there(self, error: BaseException) -> list:
        """A callback's exception stays here; its number, built-in class and text go."""
        self.raised.append(error)
        names = [kind.__name__ for kind in type(error).__mro__]
        return [len(self.raised) - 1, isinstance(error, Exception), first_builtin(names), str(error)[:MESSAGE_LENGTH]]

    def raise_here(self, description: Any) -> BaseException:
        """The student's exception, or our own come back."""
        if type(description) is int and 0 <= description < len(self.raised):
            return self.raised[description]
        if type(description) is not list or [type(part) for part in description] != [str, list, str, list]:
            raise WireError("malformed exception")
        type_name, names, message, frames = description
        if len(frames) > MAX_FRAMES or not all(type(name) is str for name in names):
            raise WireError("malformed exception")
        kind = error_class(StudentError, next((name for name in names if name in BUILTIN_ERRORS), None))
        read = tuple(read_frame(frame) for frame in frames)
        return kind(type_name[:NAME_LENGTH], message[:MESSAGE_LENGTH], read)

    def violated(self, error: WireError) -> ChildDied:
        """A child that breaks the protocol is killed."""
        return self.channel.failed(f"broke the sandbox's protocol ({error})")

    def apply_changes(self, arguments: tuple, changed: Any) -> None:
        """Make the caller's arguments what the callee made of its copies."""
        apply_changes(arguments, changed)


def read_frame(frame: Any) -> Frame:
    """One traceback line, checked and shortened; raises WireError."""
    if type(frame) is not list or [type(part) for part in frame] != [str, int, str, str]:
        raise WireError("malformed frame")
    filename, line, function, source = frame
    return Frame(filename[:NAME_LENGTH], line, function[:NAME_LENGTH], source[:NAME_LENGTH])


class Child:
    """A confined process with one submission in it; made by `WarmProcess.spawn`.

    `target` is what laws use; `errors` are what the submission raised while it was loaded (cell number or None, error);
    `notes` are remarks of the loader. Every use of a dead child raises ChildDied.
    """

    def __init__(self, channel: JudgeChannel, limits: Limits, name: str, tier: str) -> None:
        self.channel, self.limits, self.name, self.tier = channel, limits, name, tier
        self.peer = JudgePeer(channel, limits)
        self.target = RemoteTarget(self.peer, name)
        self.errors: list[tuple[int | None, StudentError]] = []
        self.notes: list[str] = []

    def load(self, files: dict[str, bytes], main: str, cells: list[str] | None) -> None:
        """Send the sources and run them; raises ChildDied."""
        report = self.peer.ask("load", files, main, cells)
        try:
            errors, notes = report
            self.errors = [(cell, self.peer.raise_here(description)) for cell, description in errors]
            self.notes = [note[:MESSAGE_LENGTH] for note in notes if type(note) is str]
        except (TypeError, ValueError, WireError) as error:
            raise self.peer.violated(WireError("malformed report of loading")) from error

    def seed(self, seed: int) -> None:
        """Begin a law: random, NumPy and torch of the child are seeded before its next call.

        What laws before passed to the child (callables, tensors that require grad) is out of its reach from now on.
        """
        if not 0 <= seed < 1 << 32:
            raise SandboxError("a seed has 32 bits")
        self.peer.seed = seed
        self.peer.forget()

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Within this context all calls together may take that long; then the child is killed.

        That is wall time, and more where a busy machine has kept judge and child from working.
        """
        before = self.channel.law_deadline
        self.channel.start_law(seconds)
        try:
            yield
        finally:
            self.channel.law_deadline = before

    @property
    def alive(self) -> bool:
        """Whether the process can still be asked."""
        return self.channel.alive()

    @property
    def output(self) -> str:
        """What the student's code has printed, its first part; for the report, escaped by whoever shows it."""
        self.channel.drain()
        return self.channel.printed.decode("utf-8", "replace")

    def kill(self) -> None:
        """End the process, and wait until it is gone."""
        self.channel.close()
        self.peer.forget()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *details: Any) -> None:
        self.kill()
