"""The few system calls that Python has no function for. Each raises OSError."""

from __future__ import annotations

import ctypes
import os
import platform

PDEATHSIG, DUMPABLE, SECCOMP, NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_FILTER = 2
NEW_MOUNTS = 0x00020000
READ_ONLY, NO_SUID, NO_DEVICES, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 1 << 14, 1 << 18
DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPSET = {"x86_64": 126, "aarch64": 91}
CAPABILITY_VERSION = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """A BPF program: number of instructions, address."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def checked(result: int, what: str) -> int:
    """The result of a system call; raises OSError if it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int = 0, pointer: object = None) -> int:
    """prctl(2) with one argument and perhaps an address."""
    zero = ctypes.c_ulong(0)
    return checked(libc.prctl(option, ctypes.c_ulong(value), pointer or zero, zero, zero), f"prctl {option}")


def die_with_parent(parent: int) -> None:
    """SIGKILL when the parent ends; ends at once if it has ended already. Linux only; elsewhere nothing."""
    if not hasattr(libc, "prctl"):
        return
    prctl(PDEATHSIG, 9)
    if os.getppid() != parent:
        os._exit(0)


def filter_system_calls(program: ctypes.Array) -> None:
    """Install a seccomp filter, given as its bytes."""
    prctl(SECCOMP, SECCOMP_FILTER, ctypes.byref(Program(len(program) // 8, ctypes.addressof(program))))


def drop_capabilities() -> None:
    """Give up every capability of this process."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    checked(libc.syscall(CAPSET[platform.machine()], header, (ctypes.c_uint32 * 6)()), "capset")


def own_mounts() -> None:
    """A mount namespace of our own, from which nothing propagates back."""
    checked(libc.unshare(NEW_MOUNTS), "unshare")
    checked(libc.mount(b"none", b"/", None, RECURSIVE | PRIVATE, None), "mount private")


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2)."""
    arguments = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    data = None if options is None else options.encode()
    checked(libc.mount(*arguments, ctypes.c_ulong(flags), data), f"mount {target}")


def make_root(directory: str) -> None:
    """Make a mounted directory the root of this namespace, and detach everything else."""
    os.chdir(directory)
    checked(libc.syscall(PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    checked(libc.umount2(b".", DETACH), "umount")
    os.chdir("/")
