"""How fast grading is, as ratios measured in one run: `python -m autograder.bench` (or `make bench`).

1. The fixed cost of a submission against `otter run` on the same package: a course whose only law is trivial.
2. A topic's laws on its reference through the sandbox, against the same laws bare in one warm process.
3. Two workers on two cores against one worker on one core; and against one that has both cores to itself: its judge
   and its child then overlap a little, so that less is left to gain.
4. A thousand submissions: memory of the worker and of the warm process, before and after.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.build import build
from autograder.course import Course, Topic, find_root, load
from autograder.judge.worker import Worker
from autograder.laws import ModuleTarget, load_laws, run_law
from autograder.source import load_source
from autograder.tables import print_whole

TRIVIAL = {
    "course.toml": 'title = "Trivial"\n[[topic]]\nname = "trivial"\nnumber = 1\ntitle = "Trivial"\n',
    "solutions/trivial.py": (
        "# %% [markdown]\n# # 01 · Trivial\n\n# %%\nimport torch\n\n# %% [markdown]\n# ### one\n\n"
        '# %% exercise="one"\ndef one() -> int:\n    """Return 1."""\n    # BEGIN SOLUTION\n    return 1\n'
        "    # END SOLUTION\n"
    ),
    "tests/properties/test_trivial.py": (
        '"""The law of one."""\n\nimport pytest\n\nfrom autograder.laws import assert_equal\n\n\n'
        '@pytest.mark.exercise("one", points=1)\nclass TestOne:\n    def test_one(self, target):\n'
        '        """one() is 1."""\n        assert_equal(target.one(), 1)\n'
    ),
}


def trivial_course(folder: Path) -> tuple[Course, Topic, Path]:
    """A course with one trivial exercise, built in `folder`, and a right submission to it."""
    for name, text in TRIVIAL.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    course = load(folder)
    build(course, course.topics)
    return course, course.topics[0], course.solution(course.topics[0])


def timed(function) -> float:
    """Seconds of wall time that one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def fixed_cost(folder: Path, rounds: int = 3) -> tuple[float, float]:
    """Seconds per submission with `otter run` and with a warm worker, medians of interleaved rounds."""
    course, topic, submission = trivial_course(folder)
    otter = [sys.executable, "-m", "otter", "run", "-a", course.package(topic), "-o", folder, "--no-logo", submission]
    theirs, ours = [], []
    with Worker(course, [topic]) as worker:
        worker.grade(submission, topic)
        for _ in range(rounds):
            theirs.append(timed(lambda: subprocess.run(otter, cwd=folder, check=True, capture_output=True)))
            ours += [timed(lambda: worker.grade(submission, topic)) for _ in range(20)]
    return statistics.median(theirs), statistics.median(ours)


def sandbox_cost(course: Course, topic: Topic, rounds: int = 5) -> tuple[float, float, float]:
    """Seconds for a topic's laws on its reference: bare in this process, through the sandbox, and there with the rest.

    Medians. Through the sandbox, to start the child and to load the code in it is counted too; the rest is what every
    submission costs besides, which `fixed_cost` measures.
    """
    exercises = load_laws(course.laws(topic))
    names, _ = load_source(course.solution(topic).read_text(encoding="utf-8"), f"{topic.name}.py")

    def bare() -> None:
        for exercise in exercises:
            for law in exercise.laws:
                run_law(law, ModuleTarget(names), seed=course.seed)

    bare()  # warm: what is imported or compiled once is not counted
    plain, confined, whole = [], [], []

    def boxed() -> None:
        confined.append(worker.grade(course.solution(topic), topic).seconds)

    with Worker(course, [topic]) as worker:
        for _ in range(2):  # the first draws the inputs, the second imports what the first had to import
            worker.grade(course.solution(topic), topic)
        for _ in range(rounds):
            plain.append(timed(bare))
            whole.append(timed(boxed))
    return statistics.median(plain), statistics.median(confined), statistics.median(whole)


def throughput(course: Course, topic: Topic, cores: list[set[int]], jobs: int = 12) -> float:
    """Submissions per second of workers, each on its cores; their start and their first two are not counted."""
    workers = len(cores)
    ready, go = threading.Barrier(workers + 1), threading.Event()

    def work(count: int, mine: set[int]) -> None:
        os.sched_setaffinity(0, mine)  # this thread's, and of the processes that it starts
        with Worker(course, [topic]) as worker:
            for _ in range(2):  # as in `sandbox_cost`
                worker.grade(course.solution(topic), topic)
            ready.wait()
            go.wait()
            for _ in range(count):
                worker.grade(course.solution(topic), topic)
            done.wait()

    done = threading.Barrier(workers + 1)
    threads = [threading.Thread(target=work, args=(jobs // workers, mine)) for mine in cores]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.perf_counter()
    go.set()
    done.wait()
    seconds = time.perf_counter() - start
    for thread in threads:
        thread.join()
    return jobs / seconds


def workers_cost(course: Course, rounds: int = 3) -> list[tuple[float, float, str, str]]:
    """Submissions per second of two workers and of one, how the one works, what is wanted.

    Medians of interleaved rounds; nothing where there is only one core.
    """
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        return []
    second = others[0]
    settings = [[{first}, {second}], [{first}], [{first, second}]]
    rates = [[throughput(course, course.topics[0], cores) for cores in settings] for _ in range(rounds)]
    two, one, roomy = (statistics.median(column) for column in zip(*rates))
    return [(two, one, "one, a core for each", "≥ 1.8×"), (two, roomy, "one, both cores for it", "")]


def memory_of_a_thousand(folder: Path, count: int = 1000) -> tuple[list[float], list[float]]:
    """Resident memory in MiB of every long-lived process after 50 submissions, and after `count` more."""
    course, topic, submission = trivial_course(folder)
    with Worker(course, [topic]) as worker:
        for _ in range(50):
            worker.grade(submission, topic)
        before = resident(worker.pids())
        for _ in range(count):
            worker.grade(submission, topic)
        return before, resident(worker.pids())


def resident(pids: list[int]) -> list[float]:
    """The resident memory of processes, in MiB."""
    found = []
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found.append(int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024)
    return found


def main() -> None:
    """Measure everything and print the table."""
    import torch

    torch.set_num_threads(1)
    course = load(find_root(Path(__file__).parent))
    table = Table("measured", "against", "ratio", "wanted", box=None, pad_edge=False, header_style="bold")
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as name, console.status("measuring"):
        otter, ours = fixed_cost(Path(name))
        table.add_row("fixed cost of a submission", f"otter run ({otter:.1f} s, {1000 * ours:.0f} ms)",
                      f"{otter / ours:.0f}× less", "≥ 100×")  # fmt: skip
        for topic in course.topics:
            bare, confined, whole = sandbox_cost(course, topic)
            table.add_row(f"laws of {topic.name} in the sandbox",
                          f"bare ({bare:.2f} s, {confined:.2f} s; all of the submission {whole:.2f} s)",
                          f"{confined / bare:.2f}×", "≤ 1.3×")  # fmt: skip
        for two, one, what, wanted in workers_cost(course):
            table.add_row("two workers", f"{what} ({one:.2f} per s, {two:.2f} per s)", f"{two / one:.2f}×", wanted)
        before, after = memory_of_a_thousand(Path(name))
        table.add_row("memory after 1,000 submissions", "before: " + ", ".join(f"{m:.0f} MiB" for m in before),
                      ", ".join(f"{a - b:+.1f} MiB" for a, b in zip(after, before)), "flat")  # fmt: skip
    print_whole(console, table)


if __name__ == "__main__":
    main()
