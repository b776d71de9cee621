"""Is any verdict a matter of chance? References, alternatives and mistakes, examined under many course seeds.

`trials(course, topics, seeds)` lists the work, `flakes(work)` does it in processes of its own (see `inprocess`): a
thousand seeds need every millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autograder.course import Course, Topic
from autograder.inprocess import Task, examine_all
from autograder.verify import Case, cases, laws_of

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
    task: Task


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
                keys = (case.entry.law_key,) if mistake else laws_of(course, topic, exercise)
                for start in range(0, len(seeds), SEEDS_AT_ONCE):
                    some = tuple(course.seed + seed for seed in seeds[start : start + SEEDS_AT_ONCE])
                    task = Task(case.key, topic.name, case.source, course.laws(topic), keys, some, seconds)
                    work.append(Trial(case, task))
    return work


def flakes(work: list[Trial], jobs: int | None = None) -> Iterator[tuple[Trial, list[Flake]]]:
    """Examine everything on all cores; each trial with its flakes (mostly none), as it is done."""
    cases_by_key = {trial.case.key: trial.case for trial in work}
    for task, result in examine_all([trial.task for trial in work], jobs):
        case = cases_by_key[task.key]
        mistake = case.kind == "mistake"
        yield Trial(case, task), [
            Flake(case, seed, verdict.key, "passes it" if mistake else verdict.problem)
            for seed, verdicts in zip(task.seeds, result.verdicts)
            for verdict in verdicts
            if verdict.passed == mistake
        ]
