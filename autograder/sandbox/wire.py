"""Plain data over a byte stream: exact types both ways, nothing ever unpickled.

`pack` turns a value into one msgpack frame, `unpack` turns a frame back; `framed` puts frames on a stream and `Frames`
takes them off it. Plain data is None, bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, slice,
range, Ellipsis, OrderedDict, NumPy arrays, scalars and dtypes, torch tensors, sizes and dtypes. Everything else goes
through an `Extension`, which the remote layer supplies.

Decoding is written for a hostile sender. A small frame is decoded by msgpack itself, in C, which is what makes a call
cheap; it cannot hold much, whatever it announces. Any other frame is read element by element, so that depth and number
of items are bounded, and no length is believed before that many bytes are there.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import msgpack
import numpy as np
import torch

from .plain import BUILD, TUPLE, WireError, plain_fields

MAX_FRAME = 32 * 1024 * 1024
MAX_DEPTH = 64
MAX_ITEMS = 1 << 18
MAX_INTEGER_BYTES = 1 << 16
LARGE_FRAME = 1 << 16
QUICK_FRAME, QUICK_LIST = MAX_ITEMS, 1 << 12  # what msgpack's own decoder is trusted with
FIRST_EXTENSION = 64
INTEGER, COMPLEX = 30, 31  # the two whose bytes are the extension's own payload
TUPLE_TAG = msgpack.ExtType(TUPLE, b"")
SCALARS = frozenset((type(None), bool, int, float, str, bytes))
CONTAINERS = frozenset((list, tuple, dict, set, frozenset, OrderedDict))
# At least as many items as a value of the kind takes on the wire, by itself.
WEIGHTS = dict.fromkeys(CONTAINERS, 3) | dict.fromkeys((*SCALARS, list, dict), 1)
OTHER_WEIGHT = 24


class Extension(Protocol):
    """What the remote layer adds to plain data: its own kinds, numbered from FIRST_EXTENSION."""

    def again(self, value: Any) -> tuple[int, list] | None:
        """Kind and fields for an array or tensor without gradient that the receiver has already, else None."""

    def pack(self, value: Any) -> tuple[int, list] | None:
        """Kind and fields for a value that is not plain (or a tensor that requires grad); None if it is plain."""

    def unpack(self, kind: int, fields: list) -> Any:
        """The value for one of its own kinds; raises WireError."""


def frame_header(length: int) -> bytes:
    """Four bytes, big-endian, that precede a frame of `length` bytes."""
    return struct.pack(">I", length)


def framed(frame: bytes) -> tuple[bytes, ...]:
    """A frame with its header, as they go onto a stream; a large frame is not copied for it."""
    header = frame_header(len(frame))
    return (header + frame,) if len(frame) < LARGE_FRAME else (header, frame)


def frame_length(header: bytes, limit: int = MAX_FRAME) -> int:
    """The length a header announces; raises WireError when it is zero or over the limit."""
    (length,) = struct.unpack(">I", header)
    if not 0 < length <= limit:
        raise WireError(f"a frame of {length} bytes; at most {limit} may be sent")
    return length


class Frames:
    """Whole frames from a stream of bytes. Memory grows with what has arrived, not with what was announced."""

    def __init__(self, limit: int) -> None:
        self.limit, self.arrived = limit, bytearray()

    def more(self) -> bytes:
        """Some bytes of the stream, at least one."""
        raise NotImplementedError

    def receive(self) -> bytes:
        """The next frame; raises WireError for a length over the limit."""
        self.gather(4)
        end = 4 + frame_length(bytes(self.arrived[:4]), self.limit)
        self.gather(end)
        with memoryview(self.arrived) as arrived:
            frame = bytes(arrived[4:end])
        del self.arrived[:end]
        return frame

    def gather(self, count: int) -> None:
        """Read until `count` bytes are there."""
        while len(self.arrived) < count:
            self.arrived += self.more()


def pack(value: Any, extension: Extension | None = None, limit: int = MAX_FRAME) -> bytes:
    """One frame holding `value`; raises WireError if it is not plain, too deep, too long or too large."""
    measure(value)
    try:
        frame = msgpack.packb(
            value,
            default=lambda other: take_apart(other, extension),
            strict_types=True,
            use_bin_type=True,
            unicode_errors="surrogatepass",
        )
    except (ValueError, OverflowError, MemoryError) as error:  # msgpack's own limits: nesting, lengths, its buffer
        raise WireError(f"too large to be sent ({error})") from error
    if len(frame) > limit:
        raise WireError(f"{len(frame)} bytes; at most {limit} may be sent")
    return frame


def unpack(frame: bytes, extension: Extension | None = None) -> Any:
    """The value in a frame; raises WireError, and nothing else, for whatever bytes it is given."""
    if len(frame) <= QUICK_FRAME:
        try:
            return quick(frame, extension)
        except (ValueError, TypeError, msgpack.UnpackException):
            pass  # malformed, or with a long list: the reader below decides, and says why
    reading = Reading(frame, extension)
    value = reading.get(0)
    reading.finish()
    return value


def measure(value: Any) -> None:
    """Raise WireError if containers are nested too deep or hold too much; needs no recursion and ends at the limit."""
    level, depth, items = [value], 0, 0
    while level:
        below: list = []
        for item in level:
            kind = type(item)
            items += WEIGHTS.get(kind, OTHER_WEIGHT)
            if kind in CONTAINERS:
                if items + len(item) > MAX_ITEMS:
                    raise WireError(f"more than {MAX_ITEMS} items; use an array")
                below += item
                if kind is dict or kind is OrderedDict:
                    below += item.values()
            elif kind in NEVER:
                raise WireError(f"a {kind.__name__} is not plain data")
        if items + len(below) > MAX_ITEMS:
            raise WireError(f"more than {MAX_ITEMS} items; use an array")
        level, depth = below, depth + 1
        if depth > MAX_DEPTH and level:
            raise WireError(f"nested more than {MAX_DEPTH} deep (does it contain itself?)")


def take_apart(value: Any, extension: Extension | None) -> list | msgpack.ExtType:
    """What msgpack sends for a value that is not its own: an array whose first element is the kind."""
    kind = type(value)
    if kind is tuple:
        return [TUPLE_TAG, *value]
    if kind is complex:
        return msgpack.ExtType(COMPLEX, struct.pack("<dd", value.real, value.imag))
    if kind is int:  # more than 64 bits
        width = value.bit_length() // 8 + 1
        if width > MAX_INTEGER_BYTES:
            raise WireError(f"an integer of {width} bytes")
        return msgpack.ExtType(INTEGER, value.to_bytes(width, "little", signed=True))
    linked = kind is torch.Tensor and value.requires_grad and extension is not None
    tagged = None
    if not linked:
        if extension is not None and kind in (torch.Tensor, np.ndarray):
            tagged = extension.again(value)
        tagged = tagged or plain_fields(value)
    if tagged is None and extension is not None:
        tagged = extension.pack(value)
    if tagged is None:
        raise WireError(f"a {kind.__name__} is not plain data")
    tag, fields = tagged
    return [msgpack.ExtType(tag, b""), *fields]


class Tag:
    """The bare kind that opens a tagged array, while a frame is being read."""

    def __init__(self, code: int) -> None:
        self.code = code


TAGS = {code: Tag(code) for code in range(-128, 128)}
# What msgpack would send or make by itself although it is not plain data.
NEVER = frozenset((Tag, bytearray, memoryview, msgpack.ExtType, msgpack.Timestamp))


def quick(frame: bytes, extension: Extension | None) -> Any:
    """The value in a small frame, decoded by msgpack; raises ValueError or TypeError for `Reading` to decide.

    A frame of so few bytes holds few items, and a list is not longer than QUICK_LIST: what is allocated for announced
    lengths stays small too.
    """

    def whole_list(items: list) -> Any:
        if items and type(items[0]) is Tag:
            return tagged(items[0].code, items[1:], extension)
        return items

    value = msgpack.unpackb(
        frame,
        list_hook=whole_list,
        object_pairs_hook=whole_dict,
        ext_hook=quick_extension,
        strict_map_key=False,
        unicode_errors="surrogatepass",
        max_array_len=QUICK_LIST,
        max_map_len=QUICK_LIST,
    )
    measure(value)
    return value


def whole_dict(pairs: list[tuple]) -> dict:
    """A dict; every key once."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise WireError("a dict with a key twice")
    return values


def quick_extension(code: int, data: bytes) -> Any:
    """A bare tag, an integer or a complex number."""
    return ext_value(msgpack.ExtType(code, data)) if data else TAGS[code]


def tagged(tag: int, fields: list, extension: Extension | None) -> Any:
    """The value of a tagged array; raises WireError."""
    if not NEVER.isdisjoint(map(type, fields)):
        raise WireError("a stray extension in a tagged array")
    if tag >= FIRST_EXTENSION and extension is not None:
        return extension.unpack(tag, fields)
    build = BUILD.get(tag)
    if build is None:
        raise WireError(f"unknown kind {tag}")
    try:
        return build(*fields)
    except (TypeError, ValueError, RuntimeError, OverflowError, KeyError) as error:
        raise WireError(f"malformed value of kind {tag}: {error}") from error


class Reading:
    """A frame being read item by item, however large it is."""

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
            return tagged(head.code, [self.get(depth + 1) for _ in range(count - 1)], self.extension)
        values = [ext_value(head) if type(head) is msgpack.ExtType else head]
        for _ in range(count - 1):
            values.append(self.get(depth + 1))
        return values

    def get_map(self, depth: int) -> dict:
        """A dict; every key once."""
        count = self.count(self.unpacker.read_map_header, 2)
        pairs = []
        for _ in range(count):
            key = self.get(depth + 1)
            hashable(key)
            pairs.append((key, self.get(depth + 1)))
        return whole_dict(pairs)

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
