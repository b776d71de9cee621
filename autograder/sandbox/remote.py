"""Stand-ins for what stays in the child: `RemoteTarget` for the student's module, `RemoteObject` for their objects.

Attributes, calls and operators are requests to the child; see `peer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .objects import SPECIAL
from .peer import Peer
from .plain import WireError

READABLE_SPECIAL_NAMES = {"__name__", "__qualname__", "__doc__"}


def ask_for_one(peer: Peer, operation: str, *arguments: Any) -> tuple:
    """What an operation finds: (value,), or () if there is none."""
    found = peer.ask(operation, *arguments)
    if type(found) is not tuple or len(found) > 1:
        raise peer.violated(WireError("malformed answer"))
    return found


class RemoteObject:
    """An object that lives in the child. Compared by identity when hashed; everything else asks the child."""

    __slots__ = ("_remote_peer", "_remote_number", "_remote_type", "__weakref__")
    __array_ufunc__ = None  # NumPy leaves `array * handle` to us

    def __init__(self, peer: Peer, number: int, type_name: str) -> None:
        for slot, value in zip(RemoteObject.__slots__, (peer, number, type_name)):
            object.__setattr__(self, slot, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in READABLE_SPECIAL_NAMES:
            raise AttributeError(f"{name} of a student's object is not looked up")
        return self._remote_peer.ask("attribute", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._remote_peer.ask("assign", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._remote_peer.ask("remove", self, name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._remote_peer.ask("call", self, arguments, named)

    def __iter__(self) -> Any:
        iterator = self._remote_peer.ask("operate", "iter", self)
        while found := ask_for_one(self._remote_peer, "operate", "next", iterator):
            yield found[0]

    def __next__(self) -> Any:
        found = ask_for_one(self._remote_peer, "operate", "next", self)
        if not found:
            raise StopIteration
        return found[0]

    def __enter__(self) -> Any:
        return self._remote_peer.ask("operate", "enter", self)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        return self._remote_peer.ask("operate", "exit", self, error is not None)

    def __hash__(self) -> int:
        return hash((id(self._remote_peer), self._remote_number))

    def __repr__(self) -> str:
        return f"<student's {self._remote_type} #{self._remote_number}>"

    def __str__(self) -> str:
        return self._remote_peer.ask("text", self, False)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __copy__(self) -> Any:
        return self._remote_peer.ask("operate", "copy", self)

    def __deepcopy__(self, memo: dict) -> Any:
        return self._remote_peer.ask("operate", "deepcopy", self)

    def __reduce_ex__(self, protocol: int) -> Any:
        raise TypeError("a student's object cannot be pickled")

    def __del__(self) -> None:
        self._remote_peer.dropped_objects.append(self._remote_number)


def special_method(operation: str, swapped: bool) -> Callable[..., Any]:
    """A special method that asks for an operation of `objects.OPERATIONS`."""

    def method(self: RemoteObject, *others: Any) -> Any:
        operands = (*others, self) if swapped else (self, *others)
        return self._remote_peer.ask("operate", operation, *operands)

    return method


for _special, (_operation, _swapped) in SPECIAL.items():
    if _special not in vars(RemoteObject) or _special == "__eq__":
        setattr(RemoteObject, _special, special_method(_operation, _swapped))


class RemoteTarget:
    """The student's module, as laws see it."""

    def __init__(self, peer: Peer, name: str) -> None:
        self._peer, self._name, self._callables = peer, name, {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"{name} of a submission is not looked up")
        if name in self._callables:
            return self._callables[name]
        found = ask_for_one(self._peer, "name", name)
        if not found:
            raise AttributeError(f"{self._name} does not define {name!r}")
        if isinstance(found[0], RemoteObject):
            self._callables[name] = found[0]
        return found[0]

    def __repr__(self) -> str:
        return f"<submission {self._name}>"
