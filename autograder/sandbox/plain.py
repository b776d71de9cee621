"""Which values are plain data beyond msgpack's own, and how each is taken apart and rebuilt.

`plain_fields` gives the kind and the fields of a value, `BUILD` maps a kind to the function that rebuilds it from
fields of unknown origin: it raises TypeError, ValueError, RuntimeError, OverflowError or KeyError for wrong ones, and
allocates no more than the bytes it was given.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

MAX_DIMENSIONS = 64
MAX_EXTENT = 1 << 40

TUPLE, SET, FROZENSET, SLICE, RANGE, ELLIPSIS, ORDERED, ARRAY, SCALAR, NUMPY_DTYPE, TENSOR, SIZE, DTYPE = range(1, 14)

TORCH_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.int8, torch.int16, torch.int32,
        torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
    )
}  # fmt: skip
TORCH_NAMES = {dtype: name for name, dtype in TORCH_DTYPES.items()}
NUMPY_KINDS = "biufcSU"
TEXT_SCALARS = {("U", str): np.str_, ("S", bytes): np.bytes_}
DTYPE_TEXT = re.compile(rf"[<>|=][{NUMPY_KINDS}][0-9]{{1,9}}")


class WireError(Exception):
    """A frame that is malformed or over a limit, or a value that cannot be sent."""


def check_shape(shape: Any, itemsize: int, data: Any) -> tuple[int, ...]:
    """The shape as a tuple, if `data` are bytes for exactly that; raises ValueError."""
    if type(data) is not bytes or type(shape) is not list or len(shape) > MAX_DIMENSIONS:
        raise ValueError("not a shape and bytes")
    total, extent = itemsize, itemsize
    for side in shape:
        if type(side) is not int or side < 0:
            raise ValueError("not a shape")
        total, extent = total * side, extent * max(side, 1)
    if total != len(data) or itemsize == 0 or extent > MAX_EXTENT:
        raise ValueError("shape and data disagree")
    return tuple(shape)


def place(value: Any) -> tuple | None:
    """Where the elements of a dense tensor or an array lie, and how: equal for two that share all of them.

    None for what has no elements, or none of its own.
    """
    if type(value) is np.ndarray:
        first = value.__array_interface__["data"][0]
        return (first, value.shape, value.strides, value.dtype.str) if value.size else None
    if type(value) is not torch.Tensor or torch._C._functorch.is_functorch_wrapped_tensor(value):
        return None
    if not value.is_cpu or value.layout is not torch.strided or value.is_conj() or value.is_neg() or not value.numel():
        return None
    first = value.data_ptr()
    return (first, value.shape, value.stride(), value.dtype) if first else None


def tensor_bytes(tensor: torch.Tensor) -> bytes:
    """The elements in row-major order, as they are in memory."""
    if tensor.dtype is torch.bfloat16:  # NumPy has none
        tensor = tensor.detach().contiguous().view(torch.int16)
    return tensor.numpy(force=True).tobytes()  # may be a conjugate, a negative, or autograd's zeros without memory


def tensor_fields(tensor: torch.Tensor) -> tuple[int, list] | None:
    """A dense tensor on the CPU; None for any other. Raises WireError inside torch.func."""
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        raise WireError("a tensor inside torch.func or vmap cannot be sent; use torch.autograd")
    name = TORCH_NAMES.get(tensor.dtype)
    if name is None or not tensor.is_cpu or tensor.layout is not torch.strided:
        return None
    return TENSOR, [name, list(tensor.shape), tensor_bytes(tensor)]


def build_tensor(name: str, shape: list, data: bytes) -> torch.Tensor:
    """A tensor that owns its memory; raises ValueError or KeyError."""
    dtype = TORCH_DTYPES[name]
    sides = check_shape(shape, dtype.itemsize, data)
    if not data:
        return torch.empty(sides, dtype=dtype)
    if dtype is torch.bool and data.translate(None, b"\0\1"):
        raise ValueError("a bool that is neither 0 nor 1")
    return torch.frombuffer(bytearray(data), dtype=dtype).view(sides)


def array_fields(array: np.ndarray) -> tuple[int, list] | None:
    """An array of numbers or text; None for any other."""
    if array.dtype.kind not in NUMPY_KINDS or array.dtype.itemsize == 0:
        return None
    return ARRAY, [array.dtype.str, list(array.shape), array.tobytes()]


def read_dtype(text: str) -> np.dtype:
    """A NumPy dtype of numbers or text; raises ValueError or TypeError."""
    if type(text) is not str or not DTYPE_TEXT.fullmatch(text):  # np.dtype would evaluate part of other texts
        raise ValueError("not a dtype that may be sent")
    return np.dtype(text)


def build_array(text: str, shape: list, data: bytes) -> np.ndarray:
    """An array that owns its memory; raises ValueError or TypeError."""
    dtype = read_dtype(text)
    sides = check_shape(shape, dtype.itemsize, data)
    if dtype.kind == "b" and data.translate(None, b"\0\1"):
        raise ValueError("a bool that is neither 0 nor 1")
    return np.frombuffer(bytearray(data), dtype=dtype).reshape(sides)


def build_scalar(text: str, data: bytes | str) -> np.generic:
    """A NumPy scalar; raises ValueError or TypeError."""
    if (text, type(data)) in TEXT_SCALARS:
        return TEXT_SCALARS[text, type(data)](data)
    if type(data) is not bytes or text[1:2] in ("S", "U"):
        raise ValueError("not a scalar")
    return build_array(text, [], data)[()]


def numpy_scalar_fields(value: np.generic) -> tuple[int, list] | None:
    """A NumPy scalar of numbers or text; None for any other."""
    if value.dtype.kind not in NUMPY_KINDS or type(value) is not value.dtype.type:
        return None
    if isinstance(value, (np.str_, np.bytes_)):
        return SCALAR, ["U", str(value)] if isinstance(value, np.str_) else ["S", bytes(value)]
    return SCALAR, [value.dtype.str, value.tobytes()]


def dtype_fields(value: np.dtype | torch.dtype) -> tuple[int, list] | None:
    """A dtype whose values may be sent; None for any other."""
    if isinstance(value, torch.dtype):
        return (DTYPE, [TORCH_NAMES[value]]) if value in TORCH_NAMES else None
    return (NUMPY_DTYPE, [value.str]) if value.kind in NUMPY_KINDS else None


def plain_fields(value: Any) -> tuple[int, list] | None:
    """Kind and fields of a value that is plain and no scalar; None for any other."""
    fields = FIELDS.get(type(value))
    if fields is not None:
        return fields(value)
    if isinstance(value, np.generic):
        return numpy_scalar_fields(value)
    return dtype_fields(value) if isinstance(value, (np.dtype, torch.dtype)) else None


def build_set(*items: Any) -> set:
    """A set, every element once."""
    if len(set(items)) != len(items):
        raise ValueError("an element twice")
    return set(items)


def build_ordered(pairs: dict) -> OrderedDict:
    """An OrderedDict from a dict in its order."""
    if type(pairs) is not dict:
        raise ValueError("not a dict")
    return OrderedDict(pairs)


def build_size(*sides: int) -> torch.Size:
    """A torch.Size; sides are integers that fit 64 bits."""
    if not all(type(side) is int and -MAX_EXTENT <= side <= MAX_EXTENT for side in sides):
        raise ValueError("not a size")
    return torch.Size(sides)


FIELDS: dict[type, Callable[[Any], tuple[int, list] | None]] = {
    tuple: lambda value: (TUPLE, list(value)),
    set: lambda value: (SET, list(value)),
    frozenset: lambda value: (FROZENSET, list(value)),
    slice: lambda value: (SLICE, [value.start, value.stop, value.step]),
    range: lambda value: (RANGE, [value.start, value.stop, value.step]),
    type(Ellipsis): lambda value: (ELLIPSIS, []),
    OrderedDict: lambda value: (ORDERED, [dict(value)]),
    torch.Size: lambda value: (SIZE, list(value)),
    np.ndarray: array_fields,
    torch.Tensor: tensor_fields,
}
BUILD: dict[int, Callable[..., Any]] = {
    TUPLE: lambda *items: items,
    SET: build_set,
    FROZENSET: lambda *items: frozenset(build_set(*items)),
    SLICE: lambda start, stop, step: slice(start, stop, step),
    RANGE: lambda start, stop, step: range(start, stop, step),
    ELLIPSIS: lambda: ...,
    ORDERED: build_ordered,
    ARRAY: build_array,
    SCALAR: build_scalar,
    NUMPY_DTYPE: read_dtype,
    TENSOR: build_tensor,
    SIZE: build_size,
    DTYPE: lambda name: TORCH_DTYPES[name],
}
