"""The module under examination, in this process."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from autograder.laws.compare import LawViolation
from autograder.laws.messages import describe, shorten


class ModuleTarget:
    """Gives laws the names that a student's code defined, and remembers the last call for the message.

    `filenames` are those under which the code was compiled: frames of an exception that bear one are the student's.
    """

    def __init__(self, names: Mapping[str, Any], filenames: str | tuple[str, ...] = ()):
        self._names = names
        self._filenames = (filenames,) if isinstance(filenames, str) else filenames
        self._last_call: tuple = ()

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            value = self._names[name]
        except KeyError:
            raise LawViolation(f"`{name}` is not defined: keep the name from the handout.") from None
        return self._recorded(name, value) if isinstance(value, (FunctionType, type)) else value

    def _recorded(self, name: str, function):
        @functools.wraps(function, updated=())
        def call(*args, **kwargs):
            self._last_call = (name, args, kwargs)  # as text only when a message needs it
            passed = {key: _as_passed(value) for key, value in kwargs.items()}
            return function(*map(_as_passed, args), **passed)

        return call

    def autograder_begin(self, seed: int) -> None:
        """A law begins: the random generators are those of this process, and stand where its inputs put them."""

    def autograder_call(self) -> str:
        """The last call of the student's code by a law, as text."""
        return call_text(*self._last_call) if self._last_call else ""

    def autograder_where(self, error: BaseException) -> str:
        """The student's line that raised `error`, or an empty text if none did."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in self._filenames]
        if not frames:
            return ""
        last = frames[-1]
        place = f"{last.filename}, line {last.lineno}, in {last.name}"
        return f"{place}: {last.line}" if last.line else place

    def autograder_symptom(self, error: BaseException) -> tuple[str, str]:
        """An exception of the student's code: its kind in a word, and a sentence."""
        kind = type(error).__name__
        return kind, f"It raised {kind}: {_text(error)}"


def _as_passed(value: Any) -> Any:
    """An argument as the student's code will meet it when it is graded: a function lives in another process there.

    What works here and not there would be full marks at home and none in the end.
    """
    if type(value) in (list, tuple) and any(isinstance(item, FunctionType) for item in value):
        return type(value)(map(_as_passed, value))
    if not isinstance(value, FunctionType):
        return value

    @functools.wraps(value)
    def passed(*args, **kwargs):
        if any(isinstance(a, Tensor) and is_functorch_wrapped_tensor(a) for a in (*args, *kwargs.values())):
            raise TypeError("a tensor inside torch.func or vmap cannot be sent; use torch.autograd")
        return value(*args, **kwargs)

    return passed


def _text(error: BaseException) -> str:
    """The message of an exception, which student code may have made impossible to read."""
    try:
        return str(error)
    except Exception as broken:
        return f"(its message cannot be shown: {type(broken).__name__})"


def call_text(name: str, args: tuple, kwargs: dict) -> str:
    """A call as a student would write it, such as `sigmoid(tensor([1.]))`."""
    parts = [describe(value) for value in args] + [f"{key}={describe(value)}" for key, value in kwargs.items()]
    return shorten(f"{name}({', '.join(parts)})", 600)
