# ruff: noqa: E501  (tables of one-line attacks read better whole)
"""The attacks, as data: what a hostile submission does, and what must come of it.

`attack()` in each source returns True if it has won. SECRET, RESULTS, FOLDER, JUDGE and PORT are replaced by the path of
a file with a secret, of a file to forge, of their folder, by the judge's process id and by a port it listens on.
"""

from dataclasses import dataclass, field

PRELUDE = """
import ctypes, errno, os, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def raw(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
def frame(payload):
    return len(payload).to_bytes(4, "big") + payload
"""

DENIED = ("PermissionError", "FileNotFoundError")
REFUSED = ("PermissionError", "FileNotFoundError", "ProcessLookupError", "OSError", "BlockingIOError")


@dataclass(frozen=True)
class Attack:
    """One hostile submission. `errors` and `deaths` are the outcomes that mean it was stopped."""

    name: str
    body: str
    errors: tuple[str, ...] = ()
    deaths: tuple[str, ...] = ()
    values: tuple = ()
    tiers: str = "AB"
    again: bool = False
    files: dict[str, bytes] = field(default_factory=dict)

    def source(self) -> str:
        """The submission."""
        body = self.body.strip("\n")
        if "def attack" not in body:
            lines = body.splitlines()
            body = "def attack(*given):\n" + "\n".join("    " + line for line in lines) + "\n    return True"
        return PRELUDE + body


def reading() -> list[Attack]:
    """Files, memory and environment that are not theirs."""
    secret = "assert 'tell nobody' in "
    return [
        Attack("read_secret", secret + "open('SECRET').read()", DENIED),
        Attack("read_secret_through_dot_dot", secret + "open(os.__file__ + '/../../../../../../../../..' + 'SECRET').read()", (*DENIED, "NotADirectoryError")),
        Attack("read_secret_through_path_descriptor", "d = os.open('SECRET', os.O_PATH)\n" + secret + "open('/proc/self/fd/%d' % d).read()", DENIED),
        Attack("read_secret_through_folder_descriptor", "d = os.open('FOLDER', os.O_PATH)\n" + secret + "open(os.open('secret', os.O_RDONLY, dir_fd=d)).read()", DENIED),
        Attack("read_secret_through_proc_root", secret + "open('/proc/1/root' + 'SECRET').read()", DENIED),
        Attack("read_secret_through_judges_cwd", secret + "open('/proc/JUDGE/root' + 'SECRET').read()", DENIED),
        Attack("read_secret_with_libc", "raw(257, -100, b'SECRET', 0, 0)", DENIED),
        Attack("read_secret_with_openat2", "how = (ctypes.c_uint64 * 3)(0, 0, 0)\nraw(437, -100, b'SECRET', how, 24)", DENIED),
        Attack("read_secret_by_file_handle", "raw(303, -100, b'SECRET', ctypes.create_string_buffer(200), ctypes.byref(ctypes.c_int()), 0)", DENIED),
        Attack("read_secret_as_import", "sys.path.insert(0, 'FOLDER')\nimport hidden_solution", ("ModuleNotFoundError",)),
        Attack("read_secret_with_numpy", "import numpy\nnumpy.fromfile('SECRET', dtype='u1')", DENIED),
        Attack("read_secret_with_torch", "import torch\ntorch.from_file('SECRET', shared=False, size=4, dtype=torch.uint8)", ("RuntimeError",)),
        Attack("stat_secret", "os.stat('SECRET')", DENIED, tiers="A"),
        Attack("list_folder", "assert os.listdir('FOLDER')", DENIED),
        Attack("list_root_home", "assert '.bashrc' in os.listdir(os.path.expanduser('~root')) or os.listdir('/root')[1:]", (*DENIED, "AssertionError"), tiers="A"),
        Attack("list_checkout", "import autograder\nassert os.listdir(os.path.dirname(os.path.dirname(autograder.__file__)))[1:]", (*DENIED, "IndexError", "AssertionError")),
        Attack("read_passwd", "open('/etc/passwd').read()", DENIED),
        Attack("read_shadow", "open('/etc/shadow').read()", DENIED),
        Attack("read_judges_environment", "open('/proc/JUDGE/environ').read()", DENIED),
        Attack("read_judges_command_line", "open('/proc/JUDGE/cmdline').read()", DENIED),
        Attack("read_judges_memory", "open('/proc/JUDGE/mem', 'rb').read(1)", DENIED),
        Attack("read_judges_map", "open('/proc/JUDGE/maps').read()", DENIED),
        Attack("read_parents_memory", "open('/proc/%d/mem' % os.getppid(), 'rb').read(1)", DENIED),
        Attack("list_processes", "assert os.listdir('/proc')", DENIED),
        Attack("own_environment_is_clean", "assert [name for name in os.environ if 'TOKEN' in name]", ("AssertionError",)),
        Attack("secret_in_inherited_memory", "import gc\nword = 'judge' + '-only-marker'\nassert any(word in str(o) for o in gc.get_objects() if isinstance(o, (dict, list)) and len(o) < 50 and o is not globals() and '_' + 'ann' not in str(type(o)))", ("AssertionError", "RecursionError"), tiers=""),
        Attack("secret_in_frames", "frame, found = sys._getframe(), []\nwhile frame := frame.f_back:\n    found += [k for k, v in frame.f_locals.items() if type(v) is str and 'tell nobody' in v]\nassert found", ("AssertionError",)),
        Attack("laws_in_modules", "assert [m for m in sys.modules if m.startswith('autograder.') and not m.startswith('autograder.sandbox')]", ("AssertionError",)),
        Attack("inherited_descriptors", "import resource\nfound = []\nfor d in range(4, 4096):\n    try:\n        os.fstat(d)\n        found.append(d)\n    except OSError:\n        pass\nassert found", ("AssertionError",)),
        Attack("drain_link_for_other_messages", "assert socket.socket(fileno=os.dup(3)).recv(1, socket.MSG_DONTWAIT)", ("BlockingIOError",)),
    ]  # fmt: skip


def writing() -> list[Attack]:
    """Files that are not theirs: everything, that is."""
    no = (*DENIED, "OSError", "RuntimeError")
    return [
        Attack("overwrite_results", "open('RESULTS', 'w').write('full marks')", DENIED),
        Attack("append_to_results", "open('RESULTS', 'a').write('full marks')", DENIED),
        Attack("overwrite_results_in_place", "d = os.open('RESULTS', os.O_WRONLY)\nos.write(d, b'X')", DENIED),
        Attack("truncate_results", "os.truncate('RESULTS', 0)", DENIED),
        Attack("delete_results", "os.remove('RESULTS')", DENIED),
        Attack("rename_results", "os.rename('RESULTS', 'RESULTS.old')", DENIED),
        Attack("replace_folder", "os.rename('FOLDER', 'FOLDER.old')", DENIED),
        Attack("chmod_results", "os.chmod('RESULTS', 0)", DENIED),
        Attack("chown_results", "os.chown('RESULTS', os.getuid(), -1)", DENIED),
        Attack("utime_results", "os.utime('RESULTS', (0, 0))", DENIED),
        Attack("xattr_results", "os.setxattr('RESULTS', 'user.grade', b'100')", (*DENIED, "OSError")),
        Attack("symlink_into_folder", "os.symlink('/etc/passwd', 'FOLDER/link')", DENIED),
        Attack("hard_link_secret", "os.link('SECRET', 'FOLDER/link')", DENIED),
        Attack("fifo_in_folder", "os.mkfifo('FOLDER/pipe')", DENIED),
        Attack("directory_in_folder", "os.mkdir('FOLDER/new')", DENIED),
        Attack("create_in_folder", "open('FOLDER/new', 'w')", DENIED),
        Attack("create_in_tmp", "open('/tmp/left-by-a-student', 'w')", DENIED),
        Attack("create_unnamed_file", "os.open('/tmp', os.O_TMPFILE | os.O_RDWR)", DENIED),
        Attack("create_in_shared_memory", "open('/dev/shm/left-by-a-student', 'w')", DENIED),
        Attack("create_in_working_directory", "open('left-by-a-student', 'w')", (*DENIED, "OSError")),
        Attack("create_with_tempfile", "import tempfile\ntempfile.NamedTemporaryFile()", DENIED),
        Attack("poison_site_packages", "import numpy\nopen(os.path.join(os.path.dirname(numpy.__file__), 'evil.py'), 'w')", (*DENIED, "OSError")),
        Attack("poison_standard_library", "os.open(os.__file__, os.O_RDWR)", (*DENIED, "OSError")),
        Attack("poison_bytecode", "import py_compile\npy_compile.compile(os.__file__)", (*DENIED, "OSError")),
        Attack("write_device", "open('/dev/vda', 'r+b')", DENIED),
        Attack("write_kernel_setting", "open('/proc/sys/kernel/core_pattern', 'w')", DENIED),
        Attack("adjust_oom_score", "open('/proc/self/oom_score_adj', 'w').write('-1000')", DENIED),
        Attack("torch_save", "import torch\ntorch.save({}, 'FOLDER/new.pt')", no),
        Attack("numpy_memmap", "import numpy\nnumpy.memmap('RESULTS', dtype='u1', mode='r+')", DENIED),
        Attack("sqlite_file", "import sqlite3\nsqlite3.connect('FOLDER/new.db').execute('create table t(a)')", ("OperationalError",)),
    ]  # fmt: skip


def processes() -> list[Attack]:
    """Starting, reaching and outliving processes."""
    listing = {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_open": 434, "pidfd_getfd": 438,
        "pidfd_send_signal": 424, "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155,
        "chroot": 161, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "keyctl": 250, "add_key": 248,
        "shmget": 29, "msgget": 68, "semget": 64, "mq_open": 240, "kexec_load": 246, "init_module": 175, "reboot": 169,
        "personality": 135, "acct": 163, "swapon": 167, "sethostname": 170, "settimeofday": 164, "iopl": 172,
        "quotactl": 179, "kcmp": 312, "seccomp": 317, "move_pages": 279, "mbind": 237, "io_setup": 206, "splice": 275,
        "tee": 276, "vmsplice": 278, "process_madvise": 440, "landlock_create_ruleset": 444, "memfd_secret": 447,
        "ioprio_set": 251, "syslog": 103, "inotify_init1": 294, "fanotify_init": 300, "timerfd_create": 283,
        "timer_create": 222, "signalfd4": 289, "execveat": 322, "capset": 126, "setuid": 105, "rt_sigqueueinfo": 129,
        "tgkill": 234, "modify_ldt": 154,
    }  # fmt: skip
    absent = {"memfd_create": 319, "io_uring_setup": 425, "clone3": 435}
    zeros = ", 0" * 6
    return [
        *[Attack(f"call_{name}", f"raw({number}{zeros})", ("PermissionError",)) for name, number in listing.items()],
        *[Attack(f"call_{name}", f"raw({number}{zeros})", ("OSError",)) for name, number in absent.items()],
        Attack("fork", "os.fork()", DENIED),
        Attack("vfork", "raw(58)", DENIED),
        Attack("clone_without_thread", "raw(56, 17, 0, 0, 0, 0)", DENIED),
        Attack("clone_into_namespace", "raw(56, 0x10000000 | 17, 0, 0, 0, 0)", DENIED),
        Attack("clone_thread_into_namespace", "raw(56, 0x10000000 | 0x10000 | 0x900, 0, 0, 0, 0)", DENIED),
        Attack("fork_bomb", "while True:\n    os.fork()", DENIED),
        Attack("daemon", "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)", DENIED),
        Attack("system", "assert os.system('true') == 0", ("AssertionError",)),
        Attack("exec", "os.execv('/bin/sh', ['sh'])", DENIED),
        Attack("exec_interpreter", "os.execv(sys.executable, [sys.executable, '-c', ''])", DENIED),
        Attack("posix_spawn", "os.posix_spawn('/bin/sh', ['sh'], {})", DENIED),
        Attack("multiprocessing", "import multiprocessing\nmultiprocessing.get_context('fork').Process(target=print).start()", DENIED),
        Attack("data_loader_workers", "import torch\nlist(torch.utils.data.DataLoader([1, 2], num_workers=1))", (*DENIED, "OSError", "RuntimeError")),
        Attack("become_root", "os.setuid(0)", DENIED),
        Attack("become_another_group", "os.setgid(0)", DENIED),
        Attack("kill_judge", "os.kill(JUDGE, 9)", DENIED),
        Attack("kill_parent", "os.kill(os.getppid(), 9)", DENIED),
        Attack("kill_everyone", "os.kill(-1, 9)", DENIED),
        Attack("kill_group", "os.killpg(0, 9)", DENIED),
        Attack("stop_judge", "os.kill(JUDGE, 19)", DENIED),
        Attack("trace_judge", "raw(101, 16, JUDGE, 0, 0)", DENIED),
        Attack("read_judge_with_process_vm", "raw(310, JUDGE, 0, 0, 0, 0, 0)", DENIED),
        Attack("limit_judge", "import resource\nresource.prlimit(JUDGE, resource.RLIMIT_CPU, (1, 1))", DENIED),
        Attack("read_judges_limits", "import resource\nresource.prlimit(JUDGE, resource.RLIMIT_CPU)", DENIED),
        Attack("raise_own_limits", "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))", (*DENIED, "ValueError")),
        Attack("renice_judge", "os.setpriority(os.PRIO_PROCESS, JUDGE, 19)", DENIED),
        Attack("own_nice", "os.nice(-5)", DENIED),
        Attack("judges_affinity", "os.sched_setaffinity(JUDGE, {0})", DENIED),
        Attack("read_judges_affinity", "os.sched_getaffinity(JUDGE)", DENIED),
        Attack("real_time_scheduling", "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", DENIED),
        Attack("outlive_parent", "raw(157, 1, 0, 0, 0, 0)", DENIED),
        Attack("become_dumpable", "raw(157, 4, 1, 0, 0, 0)", DENIED),
        Attack("new_session", "os.setsid()", DENIED),
        Attack("signal_judge_by_descriptor_owner", "import fcntl\nfcntl.fcntl(3, fcntl.F_SETOWN, JUDGE)", DENIED),
        Attack("asynchronous_descriptor", "import fcntl\nfcntl.fcntl(3, fcntl.F_SETFL, os.O_ASYNC)", DENIED),
        Attack("type_into_terminal", "import fcntl\nfcntl.ioctl(0, 0x5412, b'x')", DENIED),
        Attack("x32_call", "raw(0x40000000 + 39)", (), ("crashed",)),
    ]  # fmt: skip


def network() -> list[Attack]:
    """Any way out."""
    return [
        Attack("tcp", "socket.create_connection(('127.0.0.1', PORT), timeout=1)", DENIED),
        Attack("tcp_listen", "socket.create_server(('127.0.0.1', 0))", DENIED),
        Attack("mptcp", "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)", DENIED),
        Attack("udp", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", DENIED),
        Attack("udp_ipv6", "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)", DENIED),
        Attack("raw_socket", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", DENIED),
        Attack("unix_socket", "socket.socket(socket.AF_UNIX)", DENIED),
        Attack("abstract_socket", "socket.socket(socket.AF_UNIX).connect('\\0judge')", DENIED),
        Attack("netlink", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", DENIED),
        Attack("vsock", "socket.socket(40, socket.SOCK_STREAM)", DENIED),
        Attack("socket_pair", "socket.socketpair()", DENIED),
        Attack("resolve_name", "assert socket.getaddrinfo('example.org', 80)", ("gaierror",)),
        Attack("url", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:PORT')", ("URLError",)),
        Attack("reconnect_link", "raw(42, 3, b'\\1\\0' + b'/x', 4)", DENIED),
        Attack("send_to_address", "socket.socket(fileno=os.dup(3)).sendto(b'x', '/x')", DENIED),
        Attack("pass_descriptor", "socket.socket(fileno=os.dup(3)).sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b'\\0\\0\\0\\0')])", DENIED),
    ]  # fmt: skip


def resources() -> list[Attack]:
    """Memory, processor time, threads, output."""
    late = ("took longer",)
    memory = ("MemoryError", "RuntimeError", "OSError", "error")
    return [
        Attack("50_gb_of_bytes", "bytearray(50 << 30)", memory),
        Attack("50_gb_of_numpy", "import numpy\nnumpy.ones(50 << 27)", ("MemoryError", "_ArrayMemoryError")),
        Attack("50_gb_of_torch", "import torch\ntorch.ones(50 << 27, dtype=torch.float64)", memory),
        Attack("50_gb_shared", "import mmap\nmmap.mmap(-1, 50 << 30)", memory),
        Attack("growing_list", "kept = []\nwhile True:\n    kept.append(bytearray(1 << 24))", memory),
        Attack("lock_memory", "import mmap\nm = mmap.mmap(-1, 1 << 20)\nassert libc.mlock(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(m))), 1 << 20) == 0", ("AssertionError",)),
        Attack("thread_bomb", "stop = threading.Event()\nfor _ in range(5000):\n    threading.Thread(target=stop.wait, daemon=True).start()", ("RuntimeError", "MemoryError"), ("killed", "crashed")),
        Attack("descriptor_bomb", "while True:\n    os.dup(0)", ("OSError",)),
        Attack("pipe_bomb", "while True:\n    os.pipe()", ("OSError",)),
        Attack("endless_loop", "while True:\n    pass", (), late),
        Attack("endless_sleep", "time.sleep(1e6)", (), late),
        Attack("endless_pause", "import signal\nsignal.pause()", (), late),
        Attack("endless_loop_ignoring_signals", "import signal, torch\nfor n in range(1, 32):\n    if n not in (9, 19):\n        signal.signal(n, signal.SIG_IGN)\nx = torch.ones(50, 50)\nwhile True:\n    x @ x", (), late),
        Attack("loop_that_catches_everything", "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass", (), late),
        Attack("slow_regular_expression", "import re\nre.match('(a+)+$', 'a' * 64 + 'b')", (), late),
        Attack("huge_power", "assert 7 ** (10 ** 9)", (), (*late, "killed"),),
        Attack("deadlock", "lock = threading.Lock()\nlock.acquire()\nlock.acquire()", (), late),
        Attack("endless_recursion", "def again(n):\n    return again(n + 1)\nagain(0)", ("RecursionError",)),
        Attack("deep_c_recursion", "sys.setrecursionlimit(10 ** 9)\ndef again(n):\n    return sorted([n], key=again)\nagain(0)", ("RecursionError", "MemoryError"), ("crashed", "killed", "took")),
        Attack("endless_generator", "def attack():\n    def forever():\n        while True:\n            pass\n        yield 1\n    return list(forever())", (), late),
        Attack("endless_printing", "while True:\n    print('x' * 1000)", (), ("printed more than",)),
        Attack("endless_error_output", "while True:\n    sys.stderr.write('x' * 1000)", (), ("printed more than",)),
        Attack("endless_raw_output", "while True:\n    os.write(1, b'x' * 65536)", (), ("printed more than",)),
        Attack("endless_output_from_a_thread", "def talk():\n    while True:\n        os.write(1, b'x' * 65536)\nthreading.Thread(target=talk).start()\ntime.sleep(1e6)", (), ("printed more than",)),
        Attack("huge_result", "def attack():\n    return bytes(100 << 20)", ("WireError",)),
        Attack("huge_list_result", "def attack():\n    return [0] * (4 << 20)", ("WireError",)),
        Attack("deep_result", "def attack():\n    value = []\n    for _ in range(1000):\n        value = [value]\n    return value", ("WireError",)),
        Attack("circular_result", "def attack():\n    value = []\n    value.append(value)\n    return value", ("WireError",)),
        Attack("huge_integer_result", "def attack():\n    return 1 << (1 << 22)", ("WireError",)),
    ]  # fmt: skip


def endings() -> list[Attack]:
    """Ending, crashing, and confusing the judge by it."""
    own = ("ended itself",)
    crash = ("crashed",)
    return [
        Attack("exit_process", "os._exit(0)", (), own),
        Attack("exit_process_with_code", "os._exit(100)", (), own),
        Attack("system_exit", "sys.exit(0)", ("SystemExit",)),
        Attack("keyboard_interrupt", "raise KeyboardInterrupt", ("KeyboardInterrupt",)),
        Attack("generator_exit", "raise GeneratorExit", ("GeneratorExit",)),
        Attack("stop_iteration", "raise StopIteration", ("StopIteration",)),
        Attack("segmentation_fault", "ctypes.string_at(0)", (), crash),
        Attack("abort", "os.abort()", (), crash),
        Attack("illegal_free", "libc.free(ctypes.c_void_p(4096))", (), crash),
        Attack("exit_in_thread", "threading.Thread(target=os._exit, args=(3,)).start()\ntime.sleep(100)", (), own),
        Attack("exit_at_alarm", "import signal\nsignal.alarm(1)\ntime.sleep(0.1)\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\ntime.sleep(100)", (), crash),
        Attack("close_link", "os.close(3)\nos.close(1)\nos.close(2)", ("OSError",), (*own, *crash, "took")),
        Attack("exit_in_destructor", "class D:\n    def __del__(self):\n        os._exit(5)\ndef attack():\n    D()\n    return True", (), own),
        Attack("exit_in_exceptions_text", "class E(Exception):\n    def __str__(self):\n        os._exit(6)\ndef attack():\n    raise E", (), own),
        Attack("exception_with_failing_text", "class E(Exception):\n    def __str__(self):\n        raise SystemExit\ndef attack():\n    raise E", ("E",)),
        Attack("exception_with_huge_text", "raise ValueError('x' * (64 << 20))", ("ValueError",)),
        Attack("exception_with_odd_text", "class E(Exception):\n    def __str__(self):\n        return 7\ndef attack():\n    raise E", ("E",)),
        Attack("exception_posing_as_the_judges", "class ChildDied(BaseException):\n    pass\ndef attack():\n    raise ChildDied('passed')", ("ChildDied",)),
        Attack("exception_with_lying_names", "class M(type):\n    __name__ = 5\n    __mro__ = property(lambda c: (c,))\nclass E(Exception, metaclass=M):\n    pass\ndef attack():\n    raise E", ("E",), ("broke", *own)),
        Attack("exception_that_pickles", "class E(Exception):\n    def __reduce__(self):\n        return os.system, ('true',)\ndef attack():\n    raise E", ("E",)),
    ]  # fmt: skip


def wire() -> list[Attack]:
    """Speaking to the judge out of turn."""
    broke = ("broke the sandbox's protocol",)
    send = "os.write(3, {})\ntime.sleep(100)"
    peers = "import gc\nfrom autograder.sandbox.peer import Peer, pack\npeer = next(o for o in gc.get_objects() if isinstance(o, Peer))\n"
    return [
        Attack("garbage", send.format("os.urandom(1 << 16)"), (), (*broke, "took")),
        Attack("frame_of_4_gb", send.format("b'\\xff\\xff\\xff\\xff'"), (), broke),
        Attack("frame_over_the_cap", send.format("(33 << 20).to_bytes(4, 'big')"), (), broke),
        Attack("empty_frame", send.format("bytes(4)"), (), broke),
        Attack("frame_that_never_ends", send.format("(1 << 20).to_bytes(4, 'big') + b'x'"), (), ("took",)),
        Attack("frame_in_drops", "os.write(3, (1 << 20).to_bytes(4, 'big'))\nwhile True:\n    os.write(3, b'x')\n    time.sleep(0.001)", (), ("took",)),
        Attack("frame_of_nested_lists", send.format("frame(b'\\x91' * 100000)"), (), broke),
        Attack("frame_announcing_4_billion_items", send.format("frame(b'\\xdd\\xff\\xff\\xff\\xff')"), (), broke),
        Attack("frame_of_many_announced_lists", send.format("frame(b'\\xdd\\x00\\x10\\x00\\x00' * 200000)"), (), broke),
        Attack("frame_of_a_million_empty_lists", send.format("frame(b'\\xdd' + (8 << 20).to_bytes(4, 'big') + b'\\x90' * (8 << 20))"), (), broke),
        Attack("pickle_instead_of_a_frame", "import pickle\n" + send.format("frame(pickle.dumps(os.getcwd))"), (), broke),
        Attack("timestamp_extension", send.format("frame(b'\\xd6\\xff\\0\\0\\0\\0')"), (), broke),
        Attack("reply_to_another_question", peers + "os.write(3, frame(pack([1, 99999, False, None, pack(True), None])))\ntime.sleep(100)", (), broke),
        Attack("reply_with_a_bool_for_a_number", peers + "os.write(3, frame(pack([True, 1, False, None, pack(True), None])))\ntime.sleep(100)", (), broke),
        Attack("reply_twice", "def attack():\n    from autograder.sandbox.peer import Peer, pack\n    import gc\n    peer = next(o for o in gc.get_objects() if isinstance(o, Peer))\n    os.write(3, frame(pack([1, peer.answered, False, None, pack(0), None])))\n    return True", (), broke, values=(0,), again=True),
        Attack("speak_between_calls", "def attack():\n    threading.Timer(0.02, lambda: os.write(3, frame(b'\\xc0'))).start()\n    return 0", (), broke, values=(0,), again=True),
        Attack("ask_for_unknown_operation", peers + "peer.ask('system', 'true')", (), broke),
        Attack("ask_the_judge_to_load", peers + "peer.ask('load', {}, 'x', [])", (), broke),
        Attack("ask_the_judge_for_attributes", peers + "peer.ask('attribute', given[0], '__globals__')", (), broke),
        Attack("call_what_was_not_passed", peers + "from autograder.sandbox.child import JudgeFunction\nJudgeFunction(peer, 12345, 'eval')('1')", (), broke),
        Attack("call_a_number", peers + "peer.ask('call', 5, (), {})", (), broke),
        Attack("pull_an_unknown_graph", peers + "peer.ask('pull', 77, False, [True], [None])", ("JudgeError",), broke),
        Attack("ask_out_of_order", peers + "peer.asked = 10\npeer.ask('pull', 1, False, [], [])", (), broke),
        Attack("forge_an_object_of_the_judges", "from autograder.sandbox.wire import frame_header\n" + peers + "class X: pass\ntype(peer).own_number = lambda self, value: (0, 4242, 'f')\ndef attack():\n    return X()", (), broke),
        Attack("forge_a_graph", peers + "def attack():\n    os.write(3, frame(pack([1, peer.answered, False, [1, pack([5]), pack([6])], pack(0), None])))\n    time.sleep(100)", (), broke),
        Attack("tell_of_changes_that_make_no_sense", peers + "def attack():\n    os.write(3, frame(pack([1, peer.answered, False, None, pack(0), pack({'x': 1})])))\n    time.sleep(0.2)\n    os._exit(0)", (), ("broke", "ended"), values=(0,), again=True),
        Attack("shut_the_link", "socket.socket(fileno=3).shutdown(socket.SHUT_RDWR)\ntime.sleep(100)", (), ("ended", "crashed", "killed")),
        Attack("call_back_for_ever", "def attack(f):\n    return f(attack)", ("RecursionError",)),
        Attack("call_back_endlessly", "def attack(f):\n    while True:\n        f(lambda g: 0)", (), ("took",)),
    ]  # fmt: skip


def deceit() -> list[Attack]:
    """Values that lie, and code that patches what checks them."""
    return [
        Attack("equal_to_everything", "class L(float):\n    def __eq__(self, o):\n        return True\n    __hash__ = float.__hash__\ndef attack():\n    return L(2.0)", values=("RemoteObject",)),
        Attack("text_that_lies", "class L(str):\n    def __eq__(self, o):\n        return True\n    __hash__ = str.__hash__\ndef attack():\n    return L('a')", values=("RemoteObject",)),
        Attack("tensor_that_lies", "import torch\nclass L(torch.Tensor):\n    pass\ndef attack():\n    return torch.ones(2).as_subclass(L)", values=("RemoteObject",)),
        Attack("array_that_lies", "import numpy\nclass L(numpy.ndarray):\n    def __eq__(self, other):\n        return True\n    def tobytes(self):\n        return b''\ndef attack():\n    return numpy.ones(2).view(L)", values=("ndarray",)),
        Attack("array_of_objects", "import numpy\ndef attack():\n    return numpy.array([object()])", values=("RemoteObject",)),
        Attack("class_that_lies", "class L:\n    __class__ = bool\ndef attack():\n    return L()", values=("RemoteObject",)),
        Attack("module_as_value", "def attack():\n    return os", values=("RemoteObject",)),
        Attack("pickled_payload", "import pickle\nclass P:\n    def __reduce__(self):\n        return os.system, ('touch FOLDER/owned',)\ndef attack():\n    return pickle.dumps(P())", values=("bytes",)),
        Attack("patch_the_checkers", "import builtins, numpy, torch, unittest, math\ntorch.allclose = torch.equal = numpy.allclose = math.isclose = lambda *a, **k: True\ntorch.testing.assert_close = lambda *a, **k: None\ndef attack():\n    return 0", values=("int",)),
        Attack("patch_the_sandbox", "import autograder.sandbox.judge_end, autograder.sandbox.errors\nautograder.sandbox.judge_end.JudgePeer.raise_here = None\nautograder.sandbox.errors.ChildDied = ValueError\ndef attack():\n    return 0", values=("int",)),
        Attack("hide_torch_with_a_file", "import torch\ndef attack():\n    return torch.__name__ + str(hasattr(torch, 'owned'))", values=("torchFalse",), files={"torch.py": b"owned = 1"}),
        Attack("hide_json_with_a_file", "import json\ndef attack():\n    return hasattr(json, 'owned')", values=("False",), files={"json.py": b"owned = 1"}),
        Attack("hide_numpy_with_a_package", "import numpy.linalg\ndef attack():\n    return hasattr(numpy.linalg, 'owned')", values=("False",), files={"numpy/linalg.py": b"owned = 1", "numpy/__init__.py": b""}),
        Attack("hide_the_sandbox_with_a_file", "import autograder.sandbox\ndef attack():\n    return hasattr(autograder, 'owned')", values=("False",), files={"autograder.py": b"owned = 1"}),
        Attack("startup_file", "def attack():\n    return 'owned' in os.environ", values=("False",), files={"sitecustomize.py": b"import os; os.environ['owned'] = '1'", "usercustomize.py": b"import os; os.environ['owned'] = '1'"}),
        Attack("leave_something_for_the_next", "import torch, builtins, sys\nseen = hasattr(torch, 'left') or hasattr(builtins, 'left') or 'left' in sys.modules\ntorch.left = builtins.left = sys.modules['left'] = 1\ndef attack():\n    return seen", values=("False",)),
        Attack("find_what_the_last_one_left", "import torch, builtins, sys\ndef attack():\n    return hasattr(torch, 'left') or hasattr(builtins, 'left') or 'left' in sys.modules", values=("False",)),
        Attack("thread_that_goes_on", "def go_on():\n    while True:\n        time.sleep(0.001)\nthreading.Thread(target=go_on).start()\ndef attack():\n    return 0", values=("int",)),
        Attack("exit_handler", "import atexit\natexit.register(lambda: time.sleep(1000))\ndef attack():\n    os._exit(0)", (), ("ended itself",)),
    ]  # fmt: skip


ATTACKS = [
    attack
    for group in (reading, writing, processes, network, resources, endings, wire, deceit)
    for attack in group()
    if attack.tiers
]

# Harmless ones that must win where nothing confines: otherwise the table would prove nothing.
CONTROLS = (
    "read_secret read_secret_through_path_descriptor read_secret_with_libc stat_secret list_folder read_passwd "
    "read_judges_environment list_processes overwrite_results append_to_results chmod_results create_in_folder "
    "symlink_into_folder fifo_in_folder system tcp tcp_listen udp unix_socket netlink socket_pair read_judges_limits "
    "read_judges_affinity"
).split()
