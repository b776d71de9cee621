"""How judge and child wait for each other."""

from __future__ import annotations

import os
import select
import time

AWAKE = 200e-6  # seconds
ALONE = 20e-6  # a processor that was yielded and comes back within that was wanted by nobody else


def look_a_moment(poll: select.poll) -> list[tuple[int, int]]:
    """What `poll` finds at once or within a moment, without going to sleep, as long as nobody else wants the processor.

    Most calls are answered within that moment, and to wake a process on an idle core takes about as long as a call.
    """
    now = time.monotonic()
    end = now + AWAKE
    while not (events := poll.poll(0)) and now < end:
        before = now
        os.sched_yield()
        now = time.monotonic()
        if now - before > ALONE:
            break
    return events
