"""`WarmProcess`: one exec'd process with torch imported, from which a confined child is forked per submission.

>>> with WarmProcess(Limits()) as warm, warm.spawn({"a.py": b"def f(x): return 2 * x"}, "a.py") as child:
...     child.target.f(21)
42
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .channel import JudgeChannel
from .errors import ChildDied, SandboxError
from .forkserver import receive_message, send_message
from .judge_end import Child
from .limits import Limits

START_SECONDS = 120.0
ENVIRONMENT = {
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
    "MPLBACKEND": "agg",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")},
    # A large array is copied a dozen times on its way. The kernel clears memory that is new; glibc is to keep what it
    # has instead of giving it back each time. A fork ends soon.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the most that glibc takes
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}
# The same package as this process has, even where another is installed.
START = "import sys; sys.path[0] = sys.argv[2]; import {0}; {0}.main(int(sys.argv[1]))"


class Forked:
    """A forked process: its socket, the reading end of what it prints, and how to end it."""

    def __init__(self, server: ForkServer, pid: int, pidfd: int, link: socket.socket, output: int) -> None:
        self.server, self.pid, self.pidfd, self.socket, self.output = server, pid, pidfd, link, output

    def kill(self) -> None:
        """SIGKILL by pidfd: no other process can be hit."""
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended already

    def status(self, grace: float) -> tuple[str, int, float] | None:
        """("exit" or "signal", number, cpu seconds), after killing it if it does not end within `grace` seconds.

        None if the server is gone; then its children are gone too.
        """
        if grace == 0.0:
            self.kill()
        try:
            status = self.server.request(["status", self.pid, grace])[0]
        except (EOFError, OSError):
            self.kill()
            return None
        return None if status is None else tuple(status)

    def close(self) -> None:
        """Close the descriptors; the process must have ended."""
        self.socket.close()
        os.close(self.output)
        os.close(self.pidfd)


class ForkServer:
    """A process that runs `forkserver.main` with a role; a context manager.

    It dies with the thread that started it (PDEATHSIG), and takes its children along.
    """

    def __init__(self, role: str, settings: dict) -> None:
        self.role, self.settings = role, settings
        self.process: subprocess.Popen | None = None
        self.connection: socket.socket | None = None
        self.report: Any = None
        self.lock = threading.Lock()

    def __enter__(self) -> ForkServer:
        self.start()
        return self

    def __exit__(self, *details: Any) -> None:
        self.close()

    def start(self) -> None:
        """Start the process and wait until it is ready; raises SandboxError with what it said."""
        if not hasattr(os, "pidfd_open"):
            raise SandboxError("the sandbox needs Linux 5.3 or later; check the work in process instead")
        ours, theirs = socket.socketpair()
        root = str(Path(__file__).resolve().parents[2])
        module = __name__.rpartition(".")[0] + ".forkserver"
        command = [sys.executable, "-s", "-c", START.format(module), str(theirs.fileno()), root]
        complaints = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, env=ENVIRONMENT, cwd="/", pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            stdout=complaints, stderr=complaints,
        )  # fmt: skip
        theirs.close()
        self.connection = ours
        ours.settimeout(START_SECONDS)
        try:
            send_message(ours, [self.role, self.settings | {"parent": os.getpid()}, root])
            state, self.report = receive_message(ours)[0]
        except (EOFError, OSError) as error:
            state, self.report = "failed", f"no answer ({error or 'it ended'})"
        if state != "ready":
            self.close()
            complaints.seek(0)
            said = complaints.read().decode("utf-8", "replace")[-2000:]
            raise SandboxError(f"the warm process did not start: {self.report}\n{said}".rstrip())
        complaints.close()

    def request(self, message: list, descriptors: tuple[int, ...] = ()) -> tuple[Any, list[int]]:
        """One question to the server; raises EOFError or OSError when it is gone."""
        if self.connection is None:
            raise EOFError
        with self.lock:
            send_message(self.connection, message, descriptors)
            return receive_message(self.connection)

    def fork(self, order: Any = None) -> Forked:
        """Fork a process; it holds the other end of the socket and of the output pipe.

        An `order` is plain data for the role's `expect`.
        """
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        try:
            pid, (pidfd,) = self.request(["fork", order], (theirs.fileno(), writing))
        except (EOFError, OSError) as error:
            ours.close()
            os.close(reading)
            raise SandboxError("the warm process is gone") from error
        finally:
            theirs.close()
            os.close(writing)
        return Forked(self, pid, pidfd, ours, reading)

    def close(self) -> None:
        """End the process and all its children, and wait for them."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        if self.process is not None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class WarmProcess(ForkServer):
    """The server that children with student code are forked from.

    `tier` is A, B, C or "unconfined", `reasons` say why it is not a better one. Starting raises SandboxError when
    confinement is not possible, unless `unconfined=True`. `without` names layers (of "ULSR") to leave out, for tests;
    `preload` are modules to import beforehand besides numpy and torch.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        unconfined: bool = False,
        preload: tuple[str, ...] = ("gymnasium", "jaxtyping", "matplotlib.pyplot"),
        without: str = "",
    ) -> None:
        self.limits = limits or Limits()
        settings = {"limits": asdict(self.limits), "unconfined": unconfined, "preload": preload, "without": without}
        super().__init__(__name__.rpartition(".")[0] + ".child", settings)

    @property
    def tier(self) -> str:
        """A = U+L+S+R, B = no setuid, C = no Landlock, or "unconfined"."""
        return self.report["tier"]

    @property
    def reasons(self) -> list[str]:
        """What is missing and why, as sentences."""
        return self.report["reasons"]

    def spawn(self, files: dict[str, bytes], main: str, cells: list[str] | None = None) -> Child:
        """Fork a confined child and load a submission in it; raises ChildDied if loading ends it.

        `files` are the submission's sources by relative path, `main` names the one laws are about. For a notebook,
        `cells` are its code cells, run one after the other. What they raise is in `Child.errors`.
        """
        if cells is None and main not in files:
            raise SandboxError(f"{main} is not among the files of the submission")
        process = self.fork()
        name = main.rpartition("/")[2].rpartition(".")[0] or main
        child = Child(JudgeChannel(process, self.limits), self.limits, name, self.tier)
        try:
            child.load(files, main, cells)
        except ChildDied:
            raise
        except BaseException:
            child.kill()
            raise
        return child
