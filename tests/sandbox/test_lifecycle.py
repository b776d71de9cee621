"""Deadlines, deaths and their reasons, tiers, and that nothing survives."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from autograder.sandbox import ChildDied, ForkServer, Limits, SandboxError, StudentError, WarmProcess, confine

SOURCE = b"""
import os, time
def f(x): return x
def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
    return seconds
def nap(seconds): time.sleep(seconds)
def die(code): os._exit(code)
def grow(): return bytearray(8 << 30)
def burn():
    while True: pass
"""
FILES = {"work.py": SOURCE}


@pytest.fixture
def child(warm):
    with warm.spawn(FILES, "work.py") as one:
        yield one


def dead(child, call, *arguments):
    """The reason of a death, checked to be told again by every later use."""
    with pytest.raises(ChildDied) as caught:
        call(*arguments)
    for later in (lambda: child.target.f(1), lambda: child.target.nothing, lambda: child.target.f):
        with pytest.raises(ChildDied) as again:
            later()
        assert again.value.reason == caught.value.reason
    assert not child.alive
    return caught.value.reason


@pytest.fixture(scope="module")
def strict():
    """A warm process with tight limits."""
    with WarmProcess(Limits(call_seconds=0.5, load_seconds=5.0, cpu_seconds=1)) as process:
        yield process


def test_a_call_has_a_deadline(strict):
    with strict.spawn(FILES, "work.py") as child:
        assert child.target.spin(0.05) == 0.05
        began = time.monotonic()
        assert dead(child, child.target.spin, 60) == "took longer than 0.5 s"
        assert time.monotonic() - began < 10


def test_loading_has_a_deadline(strict):
    with pytest.raises(ChildDied, match=r"took longer than 5 s"):
        strict.spawn({"work.py": b"import time; time.sleep(100)"}, "work.py")


def test_processor_time_is_limited(strict):
    with strict.spawn(FILES, "work.py") as child:
        child.peer.limits = Limits(call_seconds=300)
        assert dead(child, child.target.burn) == "used more than 1 s of processor time"


def test_a_law_has_a_deadline_over_all_its_calls(child):
    with child.deadline(60.0):
        assert child.target.f(1) == 1
    with child.deadline(0.6):
        with pytest.raises(ChildDied, match="took longer than 0.6 s"):
            for _ in range(100):
                child.target.spin(0.1)


def test_death_has_a_reason(warm, child):
    assert dead(child, child.target.die, 3) == "ended itself (exit code 3)"
    with pytest.raises(ChildDied, match="ended itself"):
        warm.spawn({"work.py": b"import os; os._exit(1)"}, "work.py")
    with warm.spawn(FILES, "work.py") as other:
        os.kill(other.channel.process.pid, signal.SIGSEGV)
        assert "crashed (signal 11" in dead(other, lambda: other.target.f(1))
    with warm.spawn(FILES, "work.py") as other:
        other.kill()
        assert dead(other, lambda: other.target.f(1)) == "was ended by the judge"


def test_a_child_that_died_between_calls_is_noticed(warm, child):
    assert child.alive
    os.kill(child.channel.process.pid, signal.SIGKILL)
    select.select([child.channel.socket], [], [], 5)
    assert not child.alive


def test_a_death_costs_only_that_child(warm):
    with warm.spawn(FILES, "work.py") as first, warm.spawn(FILES, "work.py") as second:
        dead(first, first.target.die, 0)
        assert second.target.f(2) == 2
    with warm.spawn(FILES, "work.py") as third:
        assert third.target.f(3) == 3


def test_memory_is_limited_and_the_child_lives_on(child):
    with pytest.raises(MemoryError):
        child.target.grow()
    assert child.target.f(1) == 1


def test_an_object_of_a_dead_child_says_so(warm, child):
    function = child.target.f
    with warm.spawn(FILES, "work.py") as other, pytest.raises(Exception, match="another child"):
        other.target.f(function)
    child.kill()
    with pytest.raises(ChildDied):
        function(1)
    assert "function" in repr(function)


@pytest.mark.parametrize(("without", "tier"), [("U", "B"), ("L", "C")])
def test_lesser_tiers_are_named_with_their_reason(without, tier):
    if confine.detect()["U"] or confine.detect()["L"]:
        pytest.skip("this machine has not every layer to leave out")
    with WarmProcess(without=without) as warm, warm.spawn(FILES, "work.py") as child:
        assert warm.tier == child.tier == tier
        assert any("left out on request" in reason for reason in warm.reasons)
        assert child.target.f(torch.ones(2)).tolist() == [1, 1]


@pytest.mark.parametrize("without", ["S", "UL"])
def test_too_little_confinement_is_refused(without):
    with pytest.raises(SandboxError, match="cannot be confined here"):
        confine.make_plan(Limits(), unconfined=False, without=without)  # refuses before it changes anything


def test_the_best_tier_is_the_default(warm):
    missing = [layer for layer, reason in confine.detect().items() if reason]
    expected = {(): "A", ("U",): "B", ("L",): "C"}[tuple(missing)]
    assert warm.tier == expected, warm.reasons


def test_layers_are_really_on(submit, warm):
    if warm.tier != "A":
        pytest.skip("tier A is needed")
    child = submit("""
        import os
        PLACES = "/proc", "/home", "/tmp", "/bin/sh", "/etc/passwd"
        def f(): return os.getuid(), os.getgid(), os.getgroups(), [p for p in PLACES if os.path.exists(p)]
    """)
    uid, gid, groups, seen = child.target.f()
    with open(f"/proc/{child.channel.process.pid}/status") as status:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in status if len(line.split(":\t")) == 2)
    assert lines["Seccomp"] == "2" and lines["NoNewPrivs"] == "1" and lines["Threads"] == "1"
    assert {lines[f"Cap{kind}"] for kind in ("Prm", "Eff", "Amb")} == {"0" * 16}
    # Of the folders above the interpreter the names are there, as they must be, and nothing else in them.
    assert uid == gid > 0 and groups == [] == [place for place in seen if not sys.prefix.startswith(place + "/")]
    assert lines["Uid"].split() == [str(uid)] * 4
    with open(f"/proc/{child.channel.process.pid}/limits") as limits:
        text = limits.read()
    assert f"Max address space         {warm.limits.memory}" in text and "Max file size             0" in text


def test_each_child_is_another_user(warm):
    if warm.tier != "A":
        pytest.skip("tier A is needed")
    source = {"work.py": b"import os\ndef f(): return os.getuid()"}
    with warm.spawn(source, "work.py") as one, warm.spawn(source, "work.py") as other:
        assert one.target.f() != other.target.f()


def test_two_warm_processes_side_by_side(warm, strict):
    with warm.spawn(FILES, "work.py") as one, strict.spawn(FILES, "work.py") as other:
        assert (one.target.f(1), other.target.f(2)) == (1, 2)
        assert one.channel.process.server is not other.channel.process.server


def test_a_warm_process_that_is_gone_is_reported():
    warm = WarmProcess()
    warm.start()
    child = warm.spawn(FILES, "work.py")
    warm.process.kill()
    warm.process.wait()
    assert "was lost" in dead(child, lambda: child.target.f(1))
    with pytest.raises(SandboxError, match="gone"):
        warm.spawn(FILES, "work.py")
    warm.close()


JUDGE = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from autograder.sandbox import WarmProcess
warm = WarmProcess(); warm.start()
children = [warm.spawn({"work.py": b"def f():\\n    while True: pass"}, "work.py") for _ in range(3)]
print(warm.process.pid, *[child.channel.process.pid for child in children], flush=True)
children[0].target.f()
"""


def test_killing_the_judge_leaves_no_process(warm):
    root = str(Path(confine.__file__).parents[2])
    judge = subprocess.Popen([sys.executable, "-c", JUDGE, root], stdout=subprocess.PIPE, text=True)
    try:
        pids = [int(pid) for pid in judge.stdout.readline().split()]
        assert len(pids) == 4
        time.sleep(0.2)
        watched = [os.pidfd_open(pid) for pid in pids]
    finally:
        judge.kill()
        judge.wait()
        judge.stdout.close()
    for pidfd in watched:
        assert select.select([pidfd], [], [], 10)[0], "a process survived the judge"
        os.close(pidfd)


def test_unconfined_is_said_and_closing_leaves_nothing():
    before = set(os.listdir("/proc/self/fd"))
    with WarmProcess(unconfined=True) as warm:
        child = warm.spawn(FILES, "work.py")
        assert warm.tier == child.tier == "unconfined" and warm.reasons == ["confinement was switched off"]
        assert child.target.f(1) == 1
        pidfd = os.pidfd_open(child.channel.process.pid)
    assert select.select([pidfd], [], [], 10)[0]
    os.close(pidfd)
    child.kill()
    assert len(set(os.listdir("/proc/self/fd")) - before) <= 1  # the listing itself


def test_a_role_that_cannot_prepare_says_why():
    with pytest.raises(SandboxError, match="no_such_module|did not start"):
        ForkServer("autograder.sandbox.no_such_module", {}).start()


def test_many_children_leave_memory_flat(warm):
    def resident(pid):
        with open(f"/proc/{pid}/statm") as statm:
            return int(statm.read().split()[1]) * 4096

    def grade():
        with warm.spawn(FILES, "work.py") as child:
            child.target.f(torch.ones(3, requires_grad=True)).sum().backward()

    for _ in range(5):
        grade()
    before = resident(warm.process.pid), resident(os.getpid()), len(os.listdir("/proc/self/fd"))
    for _ in range(40):
        grade()
    after = resident(warm.process.pid), resident(os.getpid()), len(os.listdir("/proc/self/fd"))
    assert after[0] - before[0] < 2 << 20 and after[1] - before[1] < 8 << 20 and after[2] == before[2]


def test_limits_are_positive():
    with pytest.raises(ValueError):
        Limits(memory=0)


def test_student_errors_are_values(child):
    with pytest.raises(StudentError) as caught:
        child.target.f()
    assert isinstance(caught.value, TypeError) and "f()" in caught.value.message


def test_a_busy_machine_does_not_shorten_a_limit(child, monkeypatch):
    """Code that has had little of the processor gets more time, up to a bound; code that has used it does not."""
    channel = child.channel
    monkeypatch.setattr(channel, "processor_time", lambda: 0.0)
    with child.deadline(0.4):
        assert child.target.nap(0.7) is None
    began = time.monotonic()
    with child.deadline(0.4):
        assert dead(child, child.target.nap, 60) == "took longer than 0.4 s"
    assert time.monotonic() - began < 30
