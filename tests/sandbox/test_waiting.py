"""Waiting awake: what is there is found, a moment is not longer than that, and others get the processor."""

import os
import select
import time

from autograder.sandbox import waiting


def poll_of(descriptor):
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll


def test_finds_what_is_there_and_gives_up_on_what_is_not():
    reading, writing = os.pipe()
    poll = poll_of(reading)
    assert waiting.look_a_moment(poll) == []
    os.write(writing, b"x")
    assert waiting.look_a_moment(poll) == [(reading, select.POLLIN)]


def test_stays_awake_only_while_alone(monkeypatch):
    """As long as the processor comes back at once, for the moment; not any more once it does not."""
    reading, _ = os.pipe()
    yields = []
    clock = iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock) * 1e-5)
    monkeypatch.setattr(os, "sched_yield", lambda: yields.append(1))
    assert waiting.look_a_moment(poll_of(reading)) == []
    assert len(yields) == round(waiting.AWAKE / 1e-5)
    yields.clear()
    monkeypatch.setattr(time, "monotonic", lambda: next(clock) * 1e-4)
    waiting.look_a_moment(poll_of(reading))
    assert len(yields) == 1
