"""Frames that nobody would send: 20,000 by default, SANDBOX_FUZZ_FRAMES=1000000 for a night's worth.

A frame is random bytes, or a good message with bytes changed, cut, repeated or spliced into another. Whatever it is,
decoding ends in a value or a WireError, quickly, and leaves no memory behind.
"""

import os
import random
import resource
import time

import numpy as np
import torch

from autograder.sandbox import WireError, pack, unpack
from autograder.sandbox.wire import FIRST_EXTENSION

FRAMES = int(os.environ.get("SANDBOX_FUZZ_FRAMES", "20000"))
SEED = int(os.environ.get("SANDBOX_FUZZ_SEED", "0"))
MIB = 1 << 20


class Extensions:
    """Accepts every extension, as the remote layer would have to."""

    def again(self, value):
        return None

    def pack(self, value):
        return FIRST_EXTENSION, [1, 2, "name"]

    def unpack(self, kind, fields):
        return (kind, *fields)


def messages():
    """Good frames of every kind."""
    values = [
        [0, 1, "call", [True, [], None, None, []], b"\x93\x01\x02\x03"],
        [1, 7, False, [3, b"\x90", b"\x90"], pack([1.5, "x"]), None],
        {"a": [1, 2.5, None, True], (1, 2): {"b"}, 3: frozenset([b"x"])},
        [np.arange(6.0).reshape(2, 3), np.float32(1), np.array("text"), np.zeros((0, 3)), np.dtype("<i4")],
        [torch.arange(4), torch.zeros(2, 0), torch.tensor(1 + 2j), torch.float64, torch.Size([1, 2])],
        [1 << 100, -(1 << 64), 1j, ..., slice(1, None, 2), range(3), print, (1, (2, ()))],
        ["long text " * 30, bytes(300), list(range(40)), {str(n): n for n in range(20)}],
    ]
    return [pack(value, Extensions()) for value in values]


INTERESTING = [
    0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, *range(0xC0, 0xE0), 0xFF, *range(1, 16), 30, 31, 64, 65, 66,
]  # fmt: skip


def mutant(rng, good):
    """One frame."""
    choice = rng.random()
    if choice < 0.15:
        return rng.randbytes(rng.randrange(64))
    if choice < 0.25:
        return bytes(rng.choice(INTERESTING) for _ in range(rng.randrange(1, 200)))
    frame = bytearray(rng.choice(good))
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        place = rng.randrange(len(frame) + 1)
        action = rng.random()
        if action < 0.5 and place < len(frame):
            frame[place] = rng.choice(INTERESTING) if rng.random() < 0.7 else rng.randrange(256)
        elif action < 0.65:
            del frame[place : place + rng.randrange(1, 9)]
        elif action < 0.8:
            frame[place:place] = bytes(rng.choice(INTERESTING) for _ in range(rng.randrange(1, 9)))
        elif action < 0.9:
            frame[place:place] = frame[place : place + rng.randrange(1, 40)]
        else:
            other = rng.choice(good)
            frame[place:] = other[rng.randrange(len(other)) :]
    return bytes(frame)


def test_no_frame_does_harm():
    rng = random.Random(SEED)
    good = messages()
    refused = slowest = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(FRAMES):
        frame = mutant(rng, good)
        began = time.process_time()
        try:
            value = unpack(frame, Extensions())
        except WireError:
            refused += 1
        else:
            del value
        slowest = max(slowest, time.process_time() - began)
        assert slowest < 1.0, (number, frame.hex())
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"\n{FRAMES} frames: {refused} refused, slowest {slowest * 1e3:.1f} ms, memory grew by {grown:.1f} MiB")
    assert 0.3 * FRAMES < refused < FRAMES, "the mutants are too tame, or none is decoded"
    assert grown < 64


def test_large_hostile_frames_cost_little():
    """Announced sizes allocate nothing; the largest frames that decode take seconds and a few times their size."""
    frames = [
        b"\xdd\x00\x03\x00\x00" * 1000,
        (b"\xdd" + (1 << 18).to_bytes(4, "big")) * 60 + b"\x90" * (32 * MIB),
        b"\xdd" + ((1 << 18) - 2).to_bytes(4, "big") + b"\x90" * ((1 << 18) - 2),
        b"\xdf" + (1 << 17).to_bytes(4, "big") + b"\x00\xc0" * (1 << 17),
        b"\xc6" + (32 * MIB).to_bytes(4, "big") + bytes(32 * MIB),
        b"\xdb" + (32 * MIB).to_bytes(4, "big") + b"\xff" * (32 * MIB),
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for frame in frames:
        began = time.process_time()
        try:
            unpack(frame)
        except WireError:
            pass
        assert time.process_time() - began < 5.0, frame[:8].hex()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 400
