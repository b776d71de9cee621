"""How judge and child wait for each other."""

from __future__ import annotations

import os
import select
import time

AWAKE = 200e-6  # seconds
ALONE = 20e-6  # a processor that was yielded and comes back within that was wanted by nobody else
PENANCE = 50  # a yield that cost more is not risked again before that many times its cost has gone by


class Lookout:
    """A poll that is asked for a moment without going to sleep, as long as nobody else wants the processor.

    Most calls are answered within that moment, and to wake a process on an idle core takes about as long as a call. But
    whoever yields on a busy machine is without a processor for milliseconds, where one who sleeps would be woken.
    """

    def __init__(self, poll: select.poll) -> None:
        self.poll = poll
        self.asleep_until = 0.0

    def look(self) -> list[tuple[int, int]]:
        """What the poll finds at once or within a moment; perhaps nothing."""
        now = time.monotonic()
        if now < self.asleep_until:
            return []
        end = now + AWAKE
        while not (events := self.poll.poll(0)) and now < end:
            before = now
            os.sched_yield()
            now = time.monotonic()
            if now - before > ALONE:
                self.asleep_until = now + PENANCE * (now - before)
                break
        return events
