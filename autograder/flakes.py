"""Is any verdict a matter of chance? References, alternatives and mistakes, examined under many course seeds.

`trials(course, topics, seeds)` lists the work, `flakes(work)` does it in processes of its own (see `inprocess`), all
cases of an exercise side by side: a thousand seeds need every millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from autograder.course import Course, Topic
from autograder.inprocess import Task, examine_all
from autograder.verify import Case, cases, side_by_side


@dataclass(frozen=True)
class Flake:
    """A verdict that depends on the seed: a law that rejects what is right, or passes the mistake it must catch."""

    case: Case
    seed: int
    law: str
    problem: str


@dataclass(frozen=True)
class Trials:
    """The cases to examine, by their keys, and the tasks that examine them."""

    cases: dict[str, Case]
    tasks: list[Task]


def trials(course: Course, topics: list[Topic], seeds: range) -> Trials:
    """The work of `flakes`; `seeds` are added to the course's own."""
    chosen = {}
    for topic in topics:
        for case in cases(course, topic):
            if case.skipped or case.kind in ("stub", "left out"):
                continue
            own = (case.entry.exercise,) if case.kind == "mistake" else case.exercises
            chosen[case.key] = replace(case, exercises=own)
    return Trials(chosen, side_by_side(course, chosen.values(), tuple(course.seed + seed for seed in seeds)))


def flakes(work: Trials, jobs: int | None = None) -> Iterator[tuple[Task, list[Flake]]]:
    """Examine everything on all cores; each task with its flakes (mostly none), as it is done."""
    for task, results in examine_all(work.tasks, jobs):
        yield task, [
            Flake(case, seed, verdict.key, "passes it" if case.kind == "mistake" else verdict.problem)
            for result in results
            for case in [work.cases[result.key]]
            for seed, verdicts in zip(task.seeds, result.verdicts)
            for verdict in verdicts
            if verdict.passed == (case.kind == "mistake")
        ]
