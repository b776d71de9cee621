"""A process that is exec'd once, prepares a role, and then forks a ready copy of itself on request.

A *role* is a module with `prepare(settings) -> (report, prepared)`, run once, and `run(descriptors, prepared)`, run in
each fork with the descriptors that came with the request. A request may name an `order`; then the role's
`expect(order, prepared)` runs first, before the fork, for what is worth doing once for many forks. The role of student
code is `child`; a warm judge is another. `main` runs here, in the exec'd process; `warm.ForkServer` is the other end.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
import threading
import traceback
from typing import Any

from . import kernel, view
from .wire import frame_header, frame_length, pack, unpack

DESCRIPTORS = 4


def send_message(connection: socket.socket, value: Any, descriptors: tuple[int, ...] = ()) -> None:
    """Send plain data and file descriptors over a blocking socket."""
    frame = pack(value)
    socket.send_fds(connection, [frame_header(len(frame))], list(descriptors))
    connection.sendall(frame)


def receive_message(connection: socket.socket) -> tuple[Any, list[int]]:
    """Receive plain data and file descriptors; raises EOFError when the other end is gone."""
    header, descriptors, _, _ = socket.recv_fds(connection, 4, DESCRIPTORS)
    if len(header) < 4:
        raise EOFError
    left, parts = frame_length(header), []
    while left:
        part = connection.recv(left)
        if not part:
            raise EOFError
        parts.append(part)
        left -= len(part)
    return unpack(b"".join(parts)), descriptors


def thread_count() -> int:
    """How many threads this process has, by the kernel's count where it can be had."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


class Server:
    """The forking end of the connection."""

    def __init__(self, connection: socket.socket, role: Any, prepared: Any) -> None:
        self.connection, self.role, self.prepared = connection, role, prepared
        self.children: dict[int, int] = {}
        self.ended: dict[int, list] = {}

    def serve(self) -> None:
        """Answer until the other end is gone, then kill what is left."""
        try:
            while True:
                self.reap_until_asked()
                request, descriptors = receive_message(self.connection)
                if request[0] == "fork":
                    if request[1] is not None:
                        self.role.expect(request[1], self.prepared)
                        gc.freeze()  # what forks share stays shared
                    self.fork(descriptors)
                elif request[0] == "status":
                    send_message(self.connection, self.status(request[1], request[2]))
        except (EOFError, ConnectionError):
            pass
        finally:
            for pid in list(self.children):
                self.status(pid, 0.0)

    def reap_until_asked(self) -> None:
        """Collect children that end, so that none stays a zombie, until a request is there."""
        while True:
            poll = select.poll()
            poll.register(self.connection, select.POLLIN)
            for pidfd in self.children.values():
                poll.register(pidfd, select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll()}
            for pid, pidfd in list(self.children.items()):
                if pidfd in ready:
                    self.reap(pid)
            if self.connection.fileno() in ready:
                return

    def fork(self, descriptors: list[int]) -> None:
        """Fork a child that runs the role; tell its pid and pass its pidfd."""
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                self.role.run(descriptors, self.prepared)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        for descriptor in descriptors:
            os.close(descriptor)
        self.children[pid] = os.pidfd_open(pid)
        send_message(self.connection, pid, (self.children[pid],))

    def status(self, pid: int, grace: float) -> list | None:
        """[how, number, cpu seconds] of a child, killed unless it ends within `grace` seconds."""
        if pid in self.children:
            poll = select.poll()
            poll.register(self.children[pid], select.POLLIN)
            if not poll.poll(grace * 1000):
                signal.pidfd_send_signal(self.children[pid], signal.SIGKILL)
            self.reap(pid)
        return self.ended.pop(pid, None)

    def reap(self, pid: int) -> None:
        """Wait for a child that is ending, and note how it ended."""
        _, status, usage = os.wait4(pid, 0)
        how, number = ("signal", os.WTERMSIG(status)) if os.WIFSIGNALED(status) else ("exit", os.WEXITSTATUS(status))
        os.close(self.children.pop(pid))
        self.ended[pid] = [how, number, usage.ru_utime + usage.ru_stime]


def main(descriptor: int) -> None:
    """Prepare the role that the first message names, say ready, and serve."""
    connection = socket.socket(fileno=descriptor)
    (role_name, settings, package_root), _ = receive_message(connection)
    kernel.die_with_parent(settings["parent"])
    role = importlib.import_module(role_name)
    try:
        report, prepared = role.prepare(settings)
    except Exception as error:
        send_message(connection, ["failed", f"{type(error).__name__}: {error}"])
        raise
    # What is installed can be imported later too; the source tree that holds this package cannot.
    hidden = {"", package_root} - view.package_directories()
    sys.path[:] = [entry for entry in sys.path if entry not in hidden]
    sys.path_importer_cache.clear()
    gc.collect()
    gc.freeze()
    send_message(connection, ["ready", report])
    Server(connection, role, prepared).serve()
