"""The codec: what goes in comes out, exactly; whatever else comes in is a WireError."""

import math
import struct
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandbox import WireError, pack, unpack
from autograder.sandbox.plain import TORCH_DTYPES
from autograder.sandbox.wire import MAX_DEPTH, MAX_ITEMS, frame_header, frame_length

quick = settings(max_examples=60, deadline=None, database=None)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(1 << 700), 1 << 700),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters()),
    st.binary(),
    st.just(...),
    st.builds(slice, st.none() | st.integers(-9, 9), st.integers(-9, 9), st.none()),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9)),
)
keys = st.one_of(st.booleans(), st.integers(), st.text(), st.binary(), st.tuples(st.integers(), st.text()))
plain = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(keys, inner, max_size=5),
        st.dictionaries(st.text(), inner, max_size=3).map(OrderedDict),
        st.sets(keys, max_size=4),
        st.frozensets(keys, max_size=4),
    ),
    max_leaves=12,
)
numpy_dtypes = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes(),
    hnp.complex_number_dtypes(), hnp.unicode_string_dtypes(max_len=4), hnp.byte_string_dtypes(max_len=4),
)  # fmt: skip
arrays = hnp.arrays(numpy_dtypes, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))


def same(left, right):
    """Equal in type and value; floats by their bits."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("d", left) == struct.pack("d", right)
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left), list(right)) and all(same(left[key], right[key]) for key in left)
    return left == right


@quick
@given(plain)
def test_plain_data_keeps_type_value_and_order(value):
    assert same(unpack(pack(value)), value)


@quick
@given(arrays, st.booleans())
def test_arrays_keep_type_shape_and_every_bit(array, transposed):
    array = array.T if transposed else array
    back = unpack(pack(array))
    assert (type(back), back.dtype, back.shape) == (np.ndarray, array.dtype, array.shape)
    assert back.tobytes() == array.tobytes() and back.flags.writeable


@quick
@given(arrays)
def test_numpy_scalars_keep_type_and_bits(array):
    if array.size:
        value = array.ravel()[0]
        back = unpack(pack(value))
        assert type(back) is type(value) and back.tobytes() == value.tobytes()


@pytest.mark.parametrize("name", sorted(TORCH_DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3), (2, 1, 3, 2)], ids=str)
def test_tensors_keep_type_shape_and_every_bit(name, shape):
    dtype = TORCH_DTYPES[name]
    count = math.prod(shape)
    raw = bytes(n % 2 if dtype is torch.bool else (37 * n + 200) % 256 for n in range(count * dtype.itemsize))
    flat = torch.frombuffer(bytearray(raw), dtype=dtype) if raw else torch.empty(0, dtype=dtype)
    tensor = flat.view(shape)
    back = unpack(pack(tensor))
    assert (type(back), back.dtype, back.shape, back.requires_grad) == (torch.Tensor, dtype, tensor.shape, False)
    assert bytes(back.view(-1).view(torch.uint8).tolist() if raw else b"") == raw


@pytest.mark.parametrize(
    "view",
    [
        lambda t: t.T,
        lambda t: t[::2, 1:],
        lambda t: t.expand(3, 4, 5),
        lambda t: torch.flip(t, [0]),
        lambda t: (t + 1j * t).conj(),
        lambda t: torch.imag((t + 1j * t).conj()),
        lambda t: t[1, 2],
    ],
    ids=["transposed", "strided", "expanded", "flipped", "conjugate", "negative", "zero_dimensional"],
)
def test_views_arrive_as_what_they_show(view):
    tensor = view(torch.arange(20.0, dtype=torch.float64).reshape(4, 5))
    back = unpack(pack(tensor))
    assert back.dtype == tensor.dtype and back.shape == tensor.shape and torch.equal(back, tensor)


def test_payloads_of_nan_survive():
    bits = np.array([0x7FF8DEADBEEF0001, 0xFFF8000000000123], dtype=np.uint64)
    assert unpack(pack(bits.view(np.float64))).view(np.uint64).tolist() == bits.tolist()
    tensor = torch.from_numpy(bits.view(np.int64)).view(torch.float64)
    assert torch.equal(unpack(pack(tensor)).view(torch.int64), tensor.view(torch.int64))


def test_dtypes_and_sizes_cross():
    for value in (torch.float64, torch.bfloat16, np.dtype("<f4"), np.dtype(bool), torch.Size([2, 3]), torch.Size([])):
        assert same(unpack(pack(value)), value)


def test_what_arrives_does_not_share_memory_with_the_frame():
    frame = pack([np.zeros(3), torch.zeros(3)])
    first = unpack(frame)
    first[0] += 1
    first[1] += 1
    again = unpack(frame)
    assert not again[0].any() and not again[1].any()


@pytest.mark.parametrize(
    "value",
    [
        object(),
        print,
        type("Number", (int,), {})(3),
        type("Text", (str,), {})("a"),
        type("Array", (np.ndarray,), {})((2,)),
        np.array([object()]),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.zeros(2, dtype=[("a", "f8")]),
        torch.nn.Parameter(torch.zeros(2)),
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2, device="meta"),
        bytearray(b"x"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_refused(value):
    with pytest.raises(WireError):
        pack([value])


def test_limits_on_what_is_sent():
    deep = []
    for _ in range(MAX_DEPTH + 2):
        deep = [deep]
    circular = []
    circular.append(circular)
    for value in (deep, circular, [0] * (MAX_ITEMS + 1), bytes(33 << 20), np.zeros(33 << 20, np.uint8), 1 << (1 << 20)):
        with pytest.raises(WireError):
            pack(value)


@pytest.mark.parametrize("length", [0, (32 << 20) + 1, (1 << 32) - 1])
def test_length_of_a_frame_is_bounded(length):
    with pytest.raises(WireError):
        frame_length(frame_header(length))


def tagged(kind, *fields):
    """The bytes of a tagged array, made by hand."""
    return bytes([0x90 + len(fields) + 1, 0xC7, 0, kind]) + b"".join(fields)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xdb\x7f\xff\xff\xff" + b"a",
        b"\x91" * 1000 + b"\xc0",
        b"\xc0\xc0",
        b"\xa1\xff",
        b"\x82\x01\x01\x01\x02",
        b"\x81\x90\x01",
        b"\xd6\xff\0\0\0\0",
        b"\xc7\x00\x01",
        b"\xc7\x01\x1e\x05",
        tagged(99),
        tagged(70),
        tagged(8, pack("<f8"), pack([1 << 60, 0]), pack(b"")),
        tagged(8, pack("<f8"), pack([2]), pack(b"1234567")),
        tagged(8, pack("<f8"), pack([-1, -1]), pack(b"12345678")),
        tagged(8, pack("<f8"), pack([True]), pack(b"12345678")),
        tagged(8, pack("|O8"), pack([1]), pack(b"12345678")),
        tagged(8, pack("f8,f8"), pack([1]), pack(b"1" * 16)),
        tagged(10, pack("2,<f8")),
        tagged(10, pack("<f8\n")),
        tagged(8, pack("<U0"), pack([1 << 40]), pack(b"")),
        tagged(8, pack("|b1"), pack([1]), pack(b"\x07")),
        tagged(8, pack("<f8"), pack([1] * 70), pack(b"12345678")),
        tagged(11, pack("float64"), pack([1 << 62, 1 << 62, 0]), pack(b"")),
        tagged(11, pack("float65"), pack([1]), pack(b"12345678")),
        tagged(11, pack("bool"), pack([1]), pack(b"\x02")),
        tagged(11, pack(["float64"]), pack([1]), pack(b"12345678")),
        tagged(12, pack(1 << 64)),
        tagged(12, pack("a")),
        tagged(2, pack(1), pack(1)),
        tagged(2, pack([])),
        tagged(5, pack(1), pack(2), pack(0)),
        tagged(7, pack([])),
    ],
    ids=lambda frame: frame[:12].hex() or "empty",
)
def test_malformed_frames_are_wire_errors(frame):
    with pytest.raises(WireError):
        unpack(frame)
