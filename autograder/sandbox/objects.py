"""What can be done to an object on the other side: the table of operations, by name.

The judge sends a name of this table; the child looks the function up in it. `SPECIAL` says which special method of a
stand-in asks for which operation, and whether its operands are swapped.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from typing import Any

BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
UNARY = ("neg", "pos", "abs", "invert")
CONVERSIONS = {"bool": bool, "int": int, "float": float, "complex": complex, "index": operator.index, "len": len}
OTHERS: dict[str, Callable[..., Any]] = {
    "iter": iter,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "contains": operator.contains,
    "divmod": divmod,
    "round": round,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
END = "the iterator is exhausted"


def python_name(name: str) -> str:
    """The name of the function in the module `operator`."""
    return name + "_" if name in ("and", "or") else name


def following(iterator: Any) -> tuple:
    """(item,) or () at the end: StopIteration does not cross."""
    for item in iterator:
        return (item,)
    return ()


def enter(context: Any) -> Any:
    """Enter a context manager."""
    return type(context).__enter__(context)


def leave(context: Any, failed: bool) -> bool:
    """Leave a context manager; the judge's exception is told as a RuntimeError without details."""
    error = RuntimeError("the body of the with statement raised") if failed else None
    return bool(type(context).__exit__(context, type(error) if failed else None, error, None))


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, python_name(name)) for name in (*BINARY, *COMPARISONS, *UNARY)},
    **{"i" + name: getattr(operator, "i" + name) for name in BINARY},
    **CONVERSIONS,
    **OTHERS,
    "next": following,
    "enter": enter,
    "exit": leave,
}

SPECIAL: dict[str, tuple[str, bool]] = {
    **{f"__{name}__": (name, False) for name in (*BINARY, *COMPARISONS, *UNARY, *CONVERSIONS, *OTHERS)},
    **{f"__i{name}__": ("i" + name, False) for name in BINARY},
    **{f"__r{name}__": (name, True) for name in (*BINARY, "divmod")},
}
