"""A student's code modifies its copy of an argument: `apply_changes` does the same to the caller's.

So "the input was not modified in place" is observed as it would be in process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .errors import StudentError, error_class
from .gradients import same_data


def apply_changes(arguments: Any, changed: Any) -> None:
    """Modify the caller's lists, dicts, arrays and tensors as the student's code modified its copies."""
    sequences = isinstance(arguments, (list, tuple)) and isinstance(changed, (list, tuple))
    if type(changed) is not type(arguments) and not sequences:
        return
    if isinstance(arguments, (list, tuple)):
        for old, new in zip(arguments, changed):
            apply_changes(old, new)
        if type(arguments) is list:
            arguments[:] = [keep_identity(old, new) for old, new in zip_longest_new(arguments, changed)]
    elif isinstance(arguments, dict):
        for name in arguments.keys() & changed.keys():
            apply_changes(arguments[name], changed[name])
            changed[name] = keep_identity(arguments[name], changed[name])
        arguments.clear()
        arguments.update(changed)
    elif type(arguments) is set:
        arguments.clear()
        arguments.update(changed)
    elif isinstance(arguments, (np.ndarray, torch.Tensor)) and arguments is not changed:
        copy_into(arguments, changed)


def zip_longest_new(old: list, new: list) -> list[tuple]:
    """Pairs for every new item, with a fresh object where there is no old one."""
    return [(old[index] if index < len(old) else None, item) for index, item in enumerate(new)]


def keep_identity(old: Any, new: Any) -> Any:
    """The old object if it can have been brought up to date in place, else the new one."""
    mutable = (list, dict, set, np.ndarray, torch.Tensor)
    same = isinstance(old, mutable) and type(old) is type(new)
    if same and isinstance(old, (np.ndarray, torch.Tensor)):
        same = old.shape == new.shape and old.dtype == new.dtype
    return old if same else new


def copy_into(old: Any, new: Any) -> None:
    """Copy elements over; an array that was resized is left, its new self is found in the container."""
    if old.shape != new.shape or old.dtype != new.dtype:
        return
    try:
        if isinstance(old, np.ndarray):
            np.copyto(old, new)
        elif not same_data(old, new):  # what a graph has saved must not look modified
            with torch.no_grad():
                old.copy_(new)
    except (ValueError, RuntimeError) as error:
        kind = type(error).__name__
        raise error_class(StudentError, kind)(kind, f"modified an argument that is read-only: {error}") from error
