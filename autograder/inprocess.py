"""Cases of the bank examined in processes of our own, not in the sandbox.

That is for the staff's own code, and several times as fast: no call leaves the process, and all that a law is to be
tried on meets it side by side. The laws say the same of a module in process and of one in the sandbox
(tests/test_judge.py sees to it).
"""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import torch

from autograder.errors import UserError
from autograder.laws import Law, ModuleTarget, Verdict, drew_nothing, load_laws, run_law_side_by_side
from autograder.laws.profile import load_profile
from autograder.sandbox import kernel
from autograder.source import load_source

# A law that cannot tell seeds apart is run under so many, to notice chance from elsewhere: the clock, or a generator of
# the target's own.
ENOUGH = 5


@dataclass(frozen=True)
class Subject:
    """A source to examine, by which laws (their keys), and how many seconds each may take on it."""

    key: str
    source: str
    law_keys: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Task:
    """Sources to examine side by side by laws of one topic, under every seed."""

    topic: str
    laws: Path
    subjects: tuple[Subject, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """What came of one subject: its verdicts under each seed, and what was said while the source was loaded."""

    key: str
    verdicts: tuple[tuple[Verdict, ...], ...]
    said: str


def examine_all(tasks: list[Task], jobs: int | None = None) -> Iterator[tuple[Task, list[Result]]]:
    """Each task with its results, as it is done; on all cores, or in `jobs` processes.

    Raises UserError if a source ends its process, which nothing here prevents.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs or os.cpu_count(), context, initializer=_prepare, initargs=(os.getpid(),)) as pool:
        futures = {pool.submit(examine, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
        except BrokenProcessPool:
            raise UserError(
                "Some code of the bank ended the process it ran in. `autograder verify`, without --quick or --seeds, "
                "runs it in the sandbox and says which."
            ) from None


def examine(task: Task) -> list[Result]:
    """The results of one task, in this process.

    A law that took too long on a source is not run on it again, nor one that cannot tell seeds apart and was run under
    `ENOUGH` of them: then its verdict stands for the other seeds too.
    """
    found: dict[tuple[str, str, int], Verdict] = {}
    settled: dict[tuple[str, str], Verdict] = {}
    same_for_all: Counter[tuple[str, str]] = Counter()
    laws = [law for law in _laws(task.laws) if any(law.key in subject.law_keys for subject in task.subjects)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        loaded = {subject.key: _loaded(subject.source, f"{task.topic}.py") for subject in task.subjects}
        for seed in task.seeds:
            for law in laws:
                left = [s for s in task.subjects if law.key in s.law_keys and (s.key, law.key) not in settled]
                # Where there are no inputs to share, each alone: then the random generators tell what it drew.
                for subjects in [left] if law.takes_inputs else [[subject] for subject in left]:
                    targets = [ModuleTarget(loaded[subject.key][0]) for subject in subjects]
                    limits = [subject.seconds for subject in subjects]
                    verdicts = run_law_side_by_side(law, targets, seed=seed, time_limits=limits)
                    calm = drew_nothing(law, seed)
                    for subject, verdict in zip(subjects, verdicts):
                        found[subject.key, law.key, seed] = verdict
                        same_for_all[subject.key, law.key] += calm
                        if verdict.symptom == "too slow" or same_for_all[subject.key, law.key] == ENOUGH:
                            settled[subject.key, law.key] = verdict

    def verdicts_of(subject: Subject, seed: int) -> tuple[Verdict, ...]:
        mine = [law.key for law in laws if law.key in subject.law_keys]
        return tuple(found.get((subject.key, key, seed)) or settled[subject.key, key] for key in mine)

    return [
        Result(subject.key, tuple(verdicts_of(subject, seed) for seed in task.seeds), loaded[subject.key][1])
        for subject in task.subjects
    ]


@functools.lru_cache(32)  # the reference and the stub come back with every exercise
def _loaded(source: str, filename: str) -> tuple[dict, str]:
    return load_source(source, filename)


@functools.cache
def _laws(path: Path) -> tuple[Law, ...]:
    return tuple(law for exercise in load_laws(path) for law in exercise.laws)


def _prepare(parent: int) -> None:
    """Once in each process: one thread, no search for the smallest input that fails, and an end with the parent."""
    kernel.die_with_parent(parent)
    torch.set_num_threads(1)
    load_profile(shrink=False)
    gc.freeze()  # what has been imported stays: nothing to look through again and again
