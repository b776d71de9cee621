"""The judge's end of the socket to a child: frames under deadlines, output drained and bounded, death explained."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from pathlib import Path
from typing import Protocol

from .errors import ChildDied
from .limits import GIB, MIB, Limits
from .waiting import Lookout
from .wire import Frames, framed

CHUNK = 1 << 18
GRACE = 1.0
# On a busy machine a limit in wall time would cost marks. Who has not had this share of it as processor time is given
# more, up to so many times the limit.
SHARE, PATIENCE = 0.5, 3.0


class Process(Protocol):
    """A forked process: see `warm.Forked`."""

    pid: int
    socket: socket.socket
    output: int

    def kill(self) -> None: ...

    def status(self, grace: float) -> tuple[str, int, float] | None: ...

    def close(self) -> None: ...


class JudgeChannel(Frames):
    """Frames to and from one child.

    Every wait is a poll with a deadline: of the call, and of the law if one was set. What the child prints is read
    while waiting. When anything is wrong the child is killed, and this and every later use raises ChildDied with the
    reason.
    """

    def __init__(self, process: Process, limits: Limits) -> None:
        super().__init__(limits.frame)
        self.process, self.limits = process, limits
        self.socket, self.output = process.socket, process.output
        self.socket.setblocking(False)
        os.set_blocking(self.output, False)
        self.socket_number = self.socket.fileno()
        self.poll = select.poll()
        self.poll.register(self.output, select.POLLIN)
        self.poll.register(self.socket_number, select.POLLIN)
        self.lookout = Lookout(self.poll)
        self.output_open = True
        self.printed, self.printed_total = bytearray(), 0
        self.death: str | None = None
        self.call_deadline = self.call_seconds = float("inf")
        self.law_deadline = self.law_seconds = float("inf")
        self.started, self.spent = time.monotonic(), 0.0

    def start_law(self, seconds: float) -> None:
        """All calls from now on together may take that long."""
        self.started, self.spent = time.monotonic(), self.processor_time()
        self.law_deadline, self.law_seconds = self.started + seconds, seconds

    def start_clock(self, seconds: float) -> None:
        """The call that begins now may take that long."""
        self.call_deadline, self.call_seconds = time.monotonic() + seconds, seconds

    def send(self, frame: bytes) -> None:
        """Send one frame; raises ChildDied."""
        self.check()
        self.look()
        for pending in map(memoryview, framed(frame)):
            while pending:
                try:
                    pending = pending[self.socket.send(pending) :]
                except BlockingIOError:
                    self.wait(select.POLLOUT)
                except OSError:
                    raise self.ended() from None

    def receive(self) -> bytes:
        """The next frame; raises ChildDied, and WireError for a length over the limit."""
        self.check()
        return super().receive()

    def more(self) -> bytes:
        """What has arrived, once something has; raises ChildDied."""
        while True:
            self.wait(select.POLLIN)
            try:
                chunk = self.socket.recv(CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                raise self.ended()
            return chunk

    def wait(self, events: int) -> None:
        """Wait until the socket is ready, within the deadlines; read what is printed meanwhile."""
        if events != select.POLLIN:
            self.poll.modify(self.socket_number, events)
        while True:
            deadline = min(self.call_deadline, self.law_deadline)
            left = deadline - time.monotonic()
            if left <= 0:
                late = self.call_seconds if self.call_deadline <= self.law_deadline else self.law_seconds
                if self.was_kept_waiting(late):
                    continue
                raise self.failed(f"took longer than {late:g} s")
            if self.ready(min(left, 3600.0) * 1000 + 1):
                break
        if events != select.POLLIN:
            self.poll.modify(self.socket_number, select.POLLIN)

    def was_kept_waiting(self, seconds: float) -> bool:
        """Whether a limit is over only because others had the processor; then it is extended."""
        now = time.monotonic()
        in_time = now - self.started < PATIENCE * seconds
        if not in_time or self.processor_time() - self.spent >= SHARE * min(seconds, now - self.started):
            return False
        extended = now + 0.2 * seconds
        self.call_deadline, self.law_deadline = max(self.call_deadline, extended), max(self.law_deadline, extended)
        return True

    def processor_time(self) -> float:
        """Seconds of processor time that judge and child have used; without end if the child cannot be asked."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return float("inf")
        return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ready(self, milliseconds: float) -> bool:
        """Whether the socket is ready now or within that time; what was printed is read."""
        found = False
        events = self.lookout.look() if milliseconds else []
        for descriptor, _ in events or self.poll.poll(milliseconds):
            if descriptor == self.socket_number:
                found = True
            else:
                self.drain()
        return found

    def look(self) -> None:
        """See to it that nothing came that nobody asked for; raises ChildDied."""
        if self.arrived or self.ready(0):
            raise self.unexpected()

    def unexpected(self) -> ChildDied:
        """Why the socket is readable although nothing was asked."""
        try:
            spoke = bool(self.arrived or self.socket.recv(1, socket.MSG_PEEK))
        except OSError:
            spoke = False
        return self.failed("broke the sandbox's protocol (a message nobody asked for)") if spoke else self.ended()

    def drain(self) -> None:
        """Read what has been printed; raises ChildDied when it is too much."""
        while self.output_open:
            try:
                text = os.read(self.output, CHUNK)
            except BlockingIOError:
                return
            if not text:
                self.output_open = False
                self.poll.unregister(self.output)
                return
            self.printed_total += len(text)
            self.printed += text[: max(0, self.limits.output_kept - len(self.printed))]
            if self.printed_total > self.limits.output_kill and self.death is None:
                raise self.failed(f"printed more than {self.limits.output_kill / MIB:g} MiB")

    def check(self) -> None:
        """Raise ChildDied again if the child is dead."""
        if self.death is not None:
            raise ChildDied(self.death)

    def alive(self) -> bool:
        """Whether the child can be asked; notices that it ended by itself."""
        if self.death is None:
            try:
                self.look()
            except ChildDied:
                return False
        return self.death is None

    def failed(self, reason: str) -> ChildDied:
        """Kill the child for a reason."""
        if self.death is None:
            self.death = reason
            self.finish(0.0)
        return ChildDied(self.death)

    def ended(self) -> ChildDied:
        """The socket closed: find out how the child ended."""
        if self.death is None:
            self.death = "ended"  # nothing below may come back here
            self.death = self.explain(self.finish(GRACE))
        return ChildDied(self.death)

    def finish(self, grace: float) -> tuple[str, int, float] | None:
        """Make sure the child is gone, keep what it printed last, close what it left open."""
        status = self.process.status(grace)
        self.drain()
        self.process.close()
        self.output_open = False
        return status

    def explain(self, status: tuple[str, int, float] | None) -> str:
        """How the child ended, as the end of a sentence."""
        if status is None:
            return "was lost: the process that started it is gone"
        how, number, cpu_seconds = status
        out_of_memory = any(sign in self.printed for sign in (b"bad_alloc", b"annot allocate memory", b"MemoryError"))
        if cpu_seconds >= self.limits.cpu_seconds - 0.5 or (how != "exit" and number == signal.SIGXCPU):
            return f"used more than {self.limits.cpu_seconds} s of processor time"
        if how == "exit":
            return f"ended itself (exit code {number})"
        if out_of_memory or number == signal.SIGKILL:
            return f"was killed: used more than {self.limits.memory / GIB:g} GiB"
        return f"crashed (signal {number}, {signal.strsignal(number)})"

    def close(self) -> None:
        """End the child; later uses raise ChildDied."""
        self.failed("was ended by the judge")
