"""Confinement of a child, in layers: U unique user, L Landlock, S seccomp, R resource limits.

`make_plan`, in the warm process, finds out what this machine can do, prebuilds the Landlock ruleset and the seccomp
program, and tries them on a fork. `apply`, in the child, follows one order of operations: every step would be
impossible, or undone, after a later one. Tier A is U+L+S+R, B lacks the unique user, C lacks Landlock. Without seccomp,
or without both U and L, student code could read what it must not; then `make_plan` refuses unless told "unconfined".
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import tempfile
from dataclasses import dataclass, field

from . import kernel, view
from .errors import SandboxError
from .limits import Limits

ALLOWED = """
read write readv writev pread64 pwrite64 lseek close close_range newfstatat fstat stat lstat statx readlink readlinkat
access faccessat faccessat2 getdents64 getcwd mmap munmap mprotect mremap madvise brk mincore membarrier futex
futex_waitv set_robust_list get_robust_list sched_yield sched_getparam sched_getscheduler getcpu rt_sigaction
rt_sigprocmask rt_sigreturn sigaltstack rt_sigtimedwait pause clock_gettime clock_getres clock_nanosleep nanosleep
gettimeofday time times getrusage getrandom sysinfo uname getpid gettid getppid getuid geteuid getgid getegid getresuid
getresgid getpgid getpgrp getsid getgroups poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait
eventfd2 pipe2 pipe dup dup2 dup3 recvfrom recvmsg getsockopt getsockname getpeername shutdown exit exit_group
restart_syscall getrlimit rseq set_tid_address arch_prctl getitimer setitimer alarm fadvise64
""".split()
# rseq is allowed: once a process has registered it, glibc ends every thread that cannot.
ABSENT = ("clone3", "memfd_create", "io_uring_setup", "statmount", "listmount")
DESCRIPTOR_COMMANDS = (1, 2, 3, 1030)  # fcntl: F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC
NEW_FILE = os.O_CREAT | os.O_TRUNC | 0o20000000  # the last is O_TMPFILE without O_DIRECTORY
CLONE_THREAD, CLONE_NEW = 0x00010000, 0x7E020080
SETGID, SETUID = 6, 7
LINK, RULESET = 3, 4
ID_FLOOR, ID_CEILING = 100_000, 2_000_000_000


@dataclass
class Plan:
    """How children are confined: what `apply` needs, and what is told to the instructor."""

    limits: Limits
    unconfined: bool = False
    reasons: list[str] = field(default_factory=list)
    identities: range | None = None
    ruleset: int | None = None
    program: ctypes.Array | None = None
    processes: int = 0
    own_root: bool = False

    @property
    def tier(self) -> str:
        """A, B, C or "unconfined"."""
        if self.unconfined:
            return "unconfined"
        return {(True, True): "A", (False, True): "B", (True, False): "C"}[
            self.identities is not None, self.ruleset is not None
        ]


def detect() -> dict[str, str | None]:
    """For each layer, None if this process could have it, else the reason why not."""
    return {"U": why_no_identities(), "L": why_no_landlock(), "S": why_no_seccomp(), "R": None}


def why_no_identities() -> str | None:
    """Why a child cannot become another user."""
    if not hasattr(os, "setresuid") or not os.path.exists("/proc/self/status"):
        return "this system has no setresuid or no /proc"
    with open("/proc/self/status") as status:
        capabilities = int(next(line for line in status if line.startswith("CapEff")).split()[1], 16)
    if not (capabilities >> SETUID & 1 and capabilities >> SETGID & 1):
        return "the grader does not run as root (or lacks CAP_SETUID, CAP_SETGID)"
    return None if free_identities() else "the user namespace has no spare user ids"


def free_identities() -> range | None:
    """User ids that belong to nobody, as many as there can be processes where possible."""
    with open("/proc/self/uid_map") as table:
        spans = [[int(number) for number in line.split()] for line in table]
    top = max(min(first + count, ID_CEILING) for first, _, count in spans)
    floor = ID_FLOOR if top > 2 * ID_FLOOR else 20_000
    return range(floor, top) if top - floor > 1000 else None


def why_no_landlock() -> str | None:
    """Why Landlock is not to be had."""
    try:
        from py_landlock import landlock_sys
        from py_landlock.errors import LandlockError
    except ImportError as error:
        return f"py-landlock is not installed ({error})"
    try:
        landlock_sys.get_abi_version()
    except (LandlockError, OSError) as error:
        return f"the kernel offers no Landlock ({error})"
    return None


def why_no_seccomp() -> str | None:
    """Why seccomp is not to be had."""
    try:
        import pyseccomp  # noqa: F401
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        return f"seccomp is not to be had ({error})"
    try:
        kernel.prctl(21)  # PR_GET_SECCOMP
    except (OSError, AttributeError) as error:
        return f"the kernel offers no seccomp ({error})"
    return None


def make_plan(limits: Limits, unconfined: bool, without: str = "") -> Plan:
    """The best plan that works here, tried on a fork; raises SandboxError if it is not enough.

    Changes the root directory of this process where it may; import everything before.
    """
    plan = Plan(limits, unconfined)
    if unconfined:
        plan.reasons.append("confinement was switched off")
        return plan
    missing = detect() | {layer: "left out on request" for layer in without}
    names = {"U": "no unique user", "L": "no Landlock", "S": "no seccomp"}
    plan.reasons = [f"{names[layer]}: {why}" for layer, why in missing.items() if why is not None]
    if missing["S"] or (missing["U"] and missing["L"]):
        raise SandboxError(refusal(plan.reasons))
    roots = view.readable_roots()
    plan.processes = limits.threads + count_own_tasks()
    if missing["U"] is None:
        plan.identities = free_identities()
        obstacle = view.private_parent(roots)
        try:
            view.enter(roots)
            plan.own_root = True
        except OSError as error:
            if obstacle is not None:
                plan.identities = None
                plan.reasons.append(f"no unique user: the interpreter is under {obstacle}, private, and {error}")
    plan.ruleset = build_ruleset(roots) if missing["L"] is None else None
    plan.program = build_program()
    settle(plan)
    return plan


def refusal(reasons: list[str]) -> str:
    """Why nothing is graded."""
    return "student code cannot be confined here: " + "; ".join(reasons) + ". Run unconfined only if you trust the code"


def settle(plan: Plan) -> None:
    """Try the plan; without the unique user if it fails with it. Raises SandboxError."""
    problem = attempt(plan)
    if problem and plan.identities is not None and plan.ruleset is not None:
        plan.reasons.append(f"no unique user: {problem}")
        plan.identities = None
        problem = attempt(plan)
    if problem or (plan.identities is None and plan.ruleset is None):
        raise SandboxError(refusal([*plan.reasons, *([problem] if problem else [])]))


def attempt(plan: Plan) -> str | None:
    """Apply the plan in a fork and use Python there; the problem, or None."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            apply(plan, writing, writing)
            lazily_import()
            os.write(LINK, b"fine")
        except BaseException as error:
            os.write(1, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(pid, 0)
    return None if said == "fine" else f"a confined process could not start ({said or 'it died'})"


def lazily_import() -> None:
    """Do what needs files and libraries: import a module, read a package, compute."""
    import colorsys  # noqa: F401
    import wave  # noqa: F401

    import torch

    with open(torch.__file__) as source:
        source.read(1)
    torch.ones(4, 4).matmul(torch.ones(4, 4))


def count_own_tasks() -> int:
    """Tasks of this user, which RLIMIT_NPROC counts too when the child stays this user."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == os.getuid():
                    count += len(os.listdir(f"/proc/{name}/task"))
            except OSError:
                continue  # it has ended meanwhile
    return count


def build_ruleset(roots: list[str]) -> int:
    """A Landlock ruleset: the roots may be read, nothing else may be touched; no TCP, no signals outwards."""
    from py_landlock import landlock_sys as landlock
    from py_landlock.flags import AccessFs, AccessNet, Scope

    abi = int(landlock.get_abi_version())
    newer = {AccessFs.REFER: 2, AccessFs.TRUNCATE: 3, AccessFs.IOCTL_DEV: 5}
    files = sum(access for access in AccessFs if newer.get(access, 1) <= abi)
    network = int(AccessNet.BIND_TCP | AccessNet.CONNECT_TCP) if abi >= 4 else 0
    scoped = int(Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) if abi >= 6 else 0
    ruleset = landlock.create_ruleset(landlock.RulesetAttr(int(files), network, scoped))
    for root in roots:
        access = AccessFs.READ_FILE | (AccessFs.READ_DIR if os.path.isdir(root) else 0)
        descriptor = os.open(root, os.O_PATH | os.O_CLOEXEC)
        landlock.add_rule(ruleset, landlock.PathBeneathAttr(int(access), descriptor))
        os.close(descriptor)
    return ruleset


def build_program() -> ctypes.Array:
    """The seccomp filter as BPF: what is allowed is listed, the rest fails with EPERM."""
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))

    def add(action: int, name: str, *arguments: seccomp.Arg) -> None:
        if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:
            rules.add_rule(action, name, *arguments)

    for name in ALLOWED:
        add(seccomp.ALLOW, name)
    for name in ABSENT:
        add(seccomp.ERRNO(errno.ENOSYS), name)
    masked, equal = seccomp.MASKED_EQ, seccomp.EQ
    add(seccomp.ALLOW, "clone", seccomp.Arg(0, masked, CLONE_THREAD | CLONE_NEW, CLONE_THREAD))
    add(seccomp.ALLOW, "open", seccomp.Arg(1, masked, os.O_ACCMODE | NEW_FILE, os.O_RDONLY))
    add(seccomp.ALLOW, "openat", seccomp.Arg(2, masked, os.O_ACCMODE | NEW_FILE, os.O_RDONLY))
    add(seccomp.ALLOW, "sendto", seccomp.Arg(4, equal, 0))
    add(seccomp.ALLOW, "sched_getaffinity", seccomp.Arg(0, equal, 0))
    add(seccomp.ALLOW, "prlimit64", seccomp.Arg(0, equal, 0), seccomp.Arg(2, equal, 0))
    for command in DESCRIPTOR_COMMANDS:
        add(seccomp.ALLOW, "fcntl", seccomp.Arg(1, equal, command))
    with tempfile_in_memory() as file:
        rules.export_bpf(file)
        file.seek(0)
        code = file.read()
    return ctypes.create_string_buffer(code, len(code))


def tempfile_in_memory() -> object:
    """A file that is nowhere on disk: the root may be read-only by now."""
    return open(os.memfd_create("filter"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()


def apply(plan: Plan, link: int, output: int) -> None:
    """Confine the calling process, a fork with one thread. Afterwards `link` is descriptor 3, `output` is 1 and 2."""
    parent = os.getppid()
    os.setsid()
    arrange_descriptors(plan.ruleset, link, output)
    limit_resources(plan)
    if plan.identities is not None:
        identity = plan.identities[os.getpid() % len(plan.identities)]
        os.setgroups([])
        os.setresgid(identity, identity, identity)
        os.setresuid(identity, identity, identity)
    kernel.die_with_parent(parent)
    if plan.unconfined:
        return
    kernel.drop_capabilities()
    kernel.prctl(kernel.NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.DUMPABLE, 0)
    if plan.ruleset is not None:
        from py_landlock import landlock_sys

        landlock_sys.restrict_self(RULESET, None)
        os.close(RULESET)
    kernel.filter_system_calls(plan.program)


def arrange_descriptors(ruleset: int | None, link: int, output: int) -> None:
    """0 is nothing, 1 and 2 the output, 3 the link, 4 the ruleset; all others are closed."""
    saved = [os.dup(descriptor) for descriptor in (output, output, link, *([] if ruleset is None else [ruleset]))]
    for target, descriptor in enumerate(saved, 1):
        os.dup2(descriptor, target, inheritable=target < LINK)
    os.closerange(1 + len(saved), os.sysconf("SC_OPEN_MAX"))


def limit_resources(plan: Plan) -> None:
    """Set the limits that the kernel keeps, both soft and hard."""
    limits = plan.limits
    wanted = {
        "AS": limits.memory,
        "NPROC": limits.threads if plan.identities is not None else plan.processes,
        "NOFILE": limits.open_files,
        **{name: 0 for name in ("FSIZE", "CORE", "MEMLOCK", "MSGQUEUE")},
    }
    if plan.unconfined:
        wanted = {"AS": limits.memory, "CORE": 0}
    for name, value in wanted.items():
        if hasattr(resource, "RLIMIT_" + name):
            lower(getattr(resource, "RLIMIT_" + name), value, value)
    lower(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1)


def lower(kind: int, soft: int, hard: int) -> None:
    """Set one limit, never above what is in force."""
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))
