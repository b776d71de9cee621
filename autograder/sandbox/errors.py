"""What goes wrong at the boundary: `StudentError` (their code raised) and `ChildDied` (their process is gone).

`error_class` makes exceptions that are instances of a built-in class as well, so that `pytest.raises(ValueError)` works
on a remote target. The built-in class is found by name in a fixed table; no class object ever crosses.
"""

from __future__ import annotations

import builtins
import functools
from typing import NamedTuple

NEEDS_ARGUMENTS = {"BaseExceptionGroup", "ExceptionGroup"}
BUILTIN_ERRORS: dict[str, type[Exception]] = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception) and name == value.__name__
    if name not in NEEDS_ARGUMENTS
}


class SandboxError(RuntimeError):
    """The sandbox could not be set up, or was used in a way it does not allow."""


class ChildDied(BaseException):
    """The child hung, crashed, ended itself or broke the protocol; `reason` says which, as a sentence for students.

    Not an Exception: whoever searches for smaller inputs must not go on with a dead child.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the submission's process {reason}")
        self.reason = reason


class Frame(NamedTuple):
    """One line of a student's own traceback."""

    filename: str
    line: int
    function: str
    source: str


class StudentError(Exception):
    """An exception raised by student code, as text: `type_name`, `message`, and the student's own `frames`."""

    def __init__(self, type_name: str, message: str, frames: tuple[Frame, ...] = ()) -> None:
        Exception.__init__(self, message)
        self.type_name, self.message, self.frames = type_name, message, frames

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"StudentError({self.type_name!r}, {self.message!r})"

    def describe(self) -> str:
        """Type, message and the place in the student's file, on one line."""
        where = ""
        if self.frames:
            frame = self.frames[-1]
            where = f" ({frame.filename}, line {frame.line}, in {frame.function})"
        return f"{self.type_name}: {self.message}{where}"


class JudgeError(Exception):
    """In the child: an exception that a callback raised in the judge, by its number there."""

    def __init__(self, number: int, message: str) -> None:
        Exception.__init__(self, message)
        self.number, self.message = number, message

    def __str__(self) -> str:
        return self.message


class JudgeInterrupt(BaseException):
    """In the child: as JudgeError, for those that `except Exception` must not catch."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@functools.cache
def error_class(base: type[Exception], builtin_name: str | None) -> type[Exception]:
    """`base`, also derived from the built-in exception of that name when there is one."""
    builtin = BUILTIN_ERRORS.get(builtin_name or "", Exception)
    if builtin is Exception:
        return base
    return type(base.__name__, (base, builtin), {"__module__": base.__module__, "__doc__": base.__doc__})


def first_builtin(names: list[str]) -> str | None:
    """The first name that stands for a built-in exception."""
    return next((name for name in names if name in BUILTIN_ERRORS), None)
