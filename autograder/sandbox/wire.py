"""Plain data over a byte stream: exact types both ways, nothing ever unpickled.

`pack` turns a value into one msgpack frame, `unpack` turns a frame back; `frame_header` and `frame_length` put frames
on a stream. Plain data is None, bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, slice,
range, Ellipsis, OrderedDict, NumPy arrays, scalars and dtypes, torch tensors, sizes and dtypes. Everything else goes
through an `Extension`, which the remote layer supplies.

Decoding is written for a hostile sender. msgpack's own recursion is not used: containers are read element by element,
so that depth and number of items are bounded, and no length is believed before that many bytes are there.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import msgpack
import torch

from .plain import BUILD, WireError, plain_fields

MAX_FRAME = 32 * 1024 * 1024
MAX_DEPTH = 64
MAX_ITEMS = 1 << 18
MAX_INTEGER_BYTES = 1 << 16
FIRST_EXTENSION = 64
INTEGER, COMPLEX = 30, 31  # the two whose bytes are the extension's own payload
SCALARS = frozenset((type(None), bool, int, float, str, bytes))
CONTAINERS = frozenset((list, tuple, dict, set, frozenset, OrderedDict))


class Extension(Protocol):
    """What the remote layer adds to plain data: its own kinds, numbered from FIRST_EXTENSION."""

    def pack(self, value: Any) -> tuple[int, list] | None:
        """Kind and fields for a value that is not plain (or a tensor that requires grad); None if it is plain."""

    def unpack(self, kind: int, fields: list) -> Any:
        """The value for one of its own kinds; raises WireError."""


def frame_header(length: int) -> bytes:
    """Four bytes, big-endian, that precede a frame of `length` bytes."""
    return struct.pack(">I", length)


def frame_length(header: bytes, limit: int = MAX_FRAME) -> int:
    """The length a header announces; raises WireError when it is zero or over the limit."""
    (length,) = struct.unpack(">I", header)
    if not 0 < length <= limit:
        raise WireError(f"a frame of {length} bytes; at most {limit} may be sent")
    return length


def pack(value: Any, extension: Extension | None = None, limit: int = MAX_FRAME) -> bytes:
    """One frame holding `value`; raises WireError if it is not plain, too deep, too long or too large."""
    packing = Packing(extension, limit)
    packing.put(value, 0)
    return packing.finish()


def unpack(frame: bytes, extension: Extension | None = None) -> Any:
    """The value in a frame; raises WireError, and nothing else, for whatever bytes it is given."""
    reading = Reading(frame, extension)
    value = reading.get(0)
    reading.finish()
    return value


class Packing:
    """A frame being written."""

    def __init__(self, extension: Extension | None = None, limit: int = MAX_FRAME) -> None:
        self.extension, self.limit, self.items, self.size = extension, limit, 0, 0
        self.packer = msgpack.Packer(
            autoreset=False, strict_types=True, use_bin_type=True, unicode_errors="surrogatepass", buf_size=1024
        )

    def put(self, value: Any, depth: int) -> None:
        """Append one value."""
        self.items += 1
        if depth > MAX_DEPTH:
            raise WireError(f"nested more than {MAX_DEPTH} deep (does it contain itself?)")
        if self.items > MAX_ITEMS:
            raise WireError(f"more than {MAX_ITEMS} items")
        kind = type(value)
        if kind in SCALARS:
            self.put_scalar(kind, value)
        elif kind in CONTAINERS and len(value) > MAX_ITEMS:
            raise WireError(f"more than {MAX_ITEMS} items; use an array")
        elif kind is list:
            self.packer.pack_array_header(len(value))
            for item in list(value):
                self.put(item, depth + 1)
        elif kind is dict:
            self.packer.pack_map_header(len(value))
            for key, item in list(value.items()):
                self.put(key, depth + 1)
                self.put(item, depth + 1)
        else:
            self.put_tagged(value, depth)

    def put_scalar(self, kind: type, value: Any) -> None:
        """Append None, a bool, a number, a string or bytes."""
        if kind is int and not -(1 << 63) <= value < 1 << 64:
            width = value.bit_length() // 8 + 1
            if width > MAX_INTEGER_BYTES:
                raise WireError(f"an integer of {width} bytes")
            self.packer.pack_ext_type(INTEGER, value.to_bytes(width, "little", signed=True))
            return
        if kind in (str, bytes):
            self.size += len(value)
            if self.size > self.limit:
                raise WireError(f"more than {self.limit} bytes")
        self.packer.pack(value)

    def put_tagged(self, value: Any, depth: int) -> None:
        """Append a value of one of the other kinds: an array whose first element is the kind."""
        kind = type(value)
        if kind is complex:
            self.packer.pack_ext_type(COMPLEX, struct.pack("<dd", value.real, value.imag))
            return
        linked = kind is torch.Tensor and value.requires_grad and self.extension is not None
        tagged = None if linked else plain_fields(value)
        if tagged is None and self.extension is not None:
            tagged = self.extension.pack(value)
        if tagged is None:
            raise WireError(f"a {kind.__name__} is not plain data")
        tag, fields = tagged
        self.packer.pack_array_header(len(fields) + 1)
        self.packer.pack_ext_type(tag, b"")
        for field in fields:
            self.put(field, depth + 1)

    def finish(self) -> bytes:
        """The bytes of the frame."""
        frame = self.packer.bytes()
        if len(frame) > self.limit:
            raise WireError(f"{len(frame)} bytes; at most {self.limit} may be sent")
        return frame


class Reading:
    """A frame being read."""

    def __init__(self, frame: bytes, extension: Extension | None = None) -> None:
        self.frame, self.extension, self.items = frame, extension, 0
        self.unpacker = msgpack.Unpacker(
            raw=False, strict_map_key=False, unicode_errors="surrogatepass", max_buffer_size=max(len(frame), 1)
        )
        self.unpacker.feed(frame)

    def get(self, depth: int) -> Any:
        """The next value."""
        value = self.next(depth)
        if type(value) is msgpack.ExtType:
            return ext_value(value)
        return value

    def next(self, depth: int) -> Any:
        """The next value, or the bare tag that opens a tagged array."""
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise WireError("nested too deep" if depth > MAX_DEPTH else f"more than {MAX_ITEMS} items")
        position = self.unpacker.tell()
        if position >= len(self.frame):
            raise WireError("the frame ends early")
        first = self.frame[position]
        if 0x90 <= first <= 0x9F or first in (0xDC, 0xDD):
            return self.get_array(depth)
        if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):
            return self.get_map(depth)
        value = self.read(self.unpacker.unpack)
        if type(value) not in SCALARS and type(value) is not msgpack.ExtType:
            raise WireError(f"a {type(value).__name__} on the wire")
        return value

    def read(self, step: Callable[[], Any]) -> Any:
        """Run one step of msgpack's reader, all of whose complaints are WireErrors."""
        try:
            return step()
        except (ValueError, msgpack.exceptions.UnpackException) as error:
            raise WireError(f"malformed frame: {type(error).__name__}") from error

    def count(self, step: Callable[[], int], per_item: int) -> int:
        """A container's length, checked against the bytes that are left."""
        count = self.read(step)
        if self.items + count > MAX_ITEMS:
            raise WireError(f"more than {MAX_ITEMS} items")
        if count * per_item > len(self.frame) - self.unpacker.tell():
            raise WireError("a container longer than its frame")
        return count

    def get_array(self, depth: int) -> Any:
        """A list, or the value of a tagged array."""
        count = self.count(self.unpacker.read_array_header, 1)
        if count == 0:
            return []
        head = self.next(depth + 1)
        if type(head) is msgpack.ExtType and not head.data:
            return self.tagged(head.code, [self.get(depth + 1) for _ in range(count - 1)])
        values = [ext_value(head) if type(head) is msgpack.ExtType else head]
        for _ in range(count - 1):
            values.append(self.get(depth + 1))
        return values

    def get_map(self, depth: int) -> dict:
        """A dict; every key once."""
        count = self.count(self.unpacker.read_map_header, 2)
        values: dict = {}
        for _ in range(count):
            key = self.get(depth + 1)
            hashable(key)
            values[key] = self.get(depth + 1)
        if len(values) != count:
            raise WireError("a dict with a key twice")
        return values

    def tagged(self, tag: int, fields: list) -> Any:
        """The value of a tagged array."""
        if tag >= FIRST_EXTENSION and self.extension is not None:
            return self.extension.unpack(tag, fields)
        build = BUILD.get(tag)
        if build is None:
            raise WireError(f"unknown kind {tag}")
        try:
            return build(*fields)
        except (TypeError, ValueError, RuntimeError, OverflowError, KeyError) as error:
            raise WireError(f"malformed value of kind {tag}: {error}") from error

    def finish(self) -> None:
        """Raise WireError if anything follows the value."""
        if self.unpacker.tell() != len(self.frame):
            raise WireError("bytes after the value")


def ext_value(item: msgpack.ExtType) -> Any:
    """An integer or a complex number from its payload."""
    if item.code == INTEGER and 8 <= len(item.data) <= MAX_INTEGER_BYTES:
        return int.from_bytes(item.data, "little", signed=True)
    if item.code == COMPLEX and len(item.data) == 16:
        return complex(*struct.unpack("<dd", item.data))
    raise WireError(f"a stray extension of kind {item.code}")


def hashable(key: Any) -> None:
    """Raise WireError for a key or element that cannot be hashed."""
    try:
        hash(key)
    except TypeError as error:
        raise WireError("a key that cannot be hashed") from error
