"""Waiting awake: what is there is found, a moment is not longer than that, and others get the processor."""

import os
import select
import time

import pytest

from autograder.sandbox import waiting


def poll_of(descriptor):
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless somebody yields; [what a yield takes, the time, the number of yields]."""
    state = [1e-6, 0.0, 0]

    def sched_yield():
        state[1] += state[0]
        state[2] += 1

    monkeypatch.setattr(time, "monotonic", lambda: state[1])
    monkeypatch.setattr(os, "sched_yield", sched_yield)
    return state


def test_finds_what_is_there_and_gives_up_on_what_is_not():
    reading, writing = os.pipe()
    lookout = waiting.Lookout(poll_of(reading))
    assert lookout.look() == []
    os.write(writing, b"x")
    lookout.asleep_until = 0.0
    assert lookout.look() == [(reading, select.POLLIN)]


def test_stays_awake_for_a_moment_while_alone(clock):
    reading, _ = os.pipe()
    clock[0] = waiting.AWAKE / 100
    assert waiting.Lookout(poll_of(reading)).look() == []
    assert clock[2] == pytest.approx(100, abs=1)


def test_yields_once_to_others_and_then_sleeps_for_long(clock):
    """On a busy machine a thousand waits cost a yield now and then, not one each."""
    reading, _ = os.pipe()
    lookout = waiting.Lookout(poll_of(reading))
    clock[0] = 3e-3
    start = clock[1]
    for _ in range(1000):
        assert lookout.look() == []
        clock[1] += 1e-3
    lost = clock[2] * clock[0]
    assert clock[2] >= 2
    assert lost <= (clock[1] - start) / waiting.PENANCE + clock[0]
