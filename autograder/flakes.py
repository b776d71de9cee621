"""Is any verdict a matter of chance? References, alternatives and mistakes, examined under many course seeds.

`trials(course, topics, seeds)` lists the work, `flakes(work)` does it in processes of its own, not in the sandbox: the
bank is the staff's, the laws say the same of a module in process and of one in the sandbox (tests/test_judge.py), and
a thousand seeds need every millisecond.
"""

from __future__ import annotations

import contextlib
import functools
import io
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from autograder.course import Course, Topic
from autograder.laws import Law, ModuleTarget, load_laws, run_law
from autograder.laws.profile import load_profile
from autograder.sandbox import kernel
from autograder.source import load_source
from autograder.verify import Case, cases

SEEDS_AT_ONCE = 20  # examined in one go: enough that loading the source costs little, few enough that no core is idle
PATIENCE = 10.0  # times the limit of a law: what is measured is chance, not a busy machine
MISTAKE_SECONDS = 5.0  # a mistake that takes that long is caught


@dataclass(frozen=True)
class Flake:
    """A verdict that depends on the seed: a law that rejects what is right, or passes the mistake it must catch."""

    case: Case
    seed: int
    law: str
    problem: str


@dataclass(frozen=True)
class Trial:
    """Some seeds of one exercise of one case: every law of the exercise, or only the one that must catch a mistake."""

    case: Case
    laws: Path
    exercise: str
    seeds: tuple[int, ...]
    seconds: float


def trials(course: Course, topics: list[Topic], seeds: range) -> list[Trial]:
    """The work of `flakes`; `seeds` are added to the course's own."""
    work = []
    for topic in topics:
        for case in cases(course, topic):
            if case.skipped or case.kind in ("stub", "left out"):
                continue
            mistake = case.kind == "mistake"
            seconds = MISTAKE_SECONDS if mistake else PATIENCE * course.limits.law_seconds
            for exercise in (case.entry.exercise,) if mistake else case.exercises:
                for start in range(0, len(seeds), SEEDS_AT_ONCE):
                    some = tuple(course.seed + seed for seed in seeds[start : start + SEEDS_AT_ONCE])
                    work.append(Trial(case, course.laws(topic), exercise, some, seconds))
    return work


def flakes(work: list[Trial], jobs: int | None = None) -> Iterator[tuple[Trial, list[Flake]]]:
    """Examine everything on all cores; each trial with its flakes (mostly none), as it is done."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs or os.cpu_count(), context, initializer=_prepare, initargs=(os.getpid(),)) as pool:
        futures = {pool.submit(examine, trial): trial for trial in work}
        for future in as_completed(futures):
            yield futures[future], future.result()


def examine(trial: Trial) -> list[Flake]:
    """The flakes of one trial, in this process."""
    case = trial.case
    mistake = case.kind == "mistake"
    laws = [law for law in _laws_of(trial.laws, trial.exercise) if not mistake or law.name == case.entry.law]
    found = []
    with contextlib.redirect_stdout(io.StringIO()):
        names, _ = load_source(case.source, f"{case.topic}.py")
        for seed in trial.seeds:
            for law in laws:
                verdict = run_law(law, ModuleTarget(names), seed=seed, time_limit=trial.seconds)
                if verdict.passed == mistake:
                    found.append(Flake(case, seed, law.key, "passes it" if mistake else verdict.problem))
    return found


@functools.cache
def _laws_of(path: Path, exercise: str) -> tuple[Law, ...]:
    return next(found.laws for found in _load(path) if found.name == exercise)


_load = functools.cache(load_laws)


def _prepare(parent: int) -> None:
    """Once in each process: one thread, no search for the smallest input that fails, and an end with the parent."""
    kernel.die_with_parent(parent)
    torch.set_num_threads(1)
    load_profile(shrink=False)
