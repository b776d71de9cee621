"""What each law is good for: how many mutants and mistakes it rejects, and whether it holds of the stub.

`tally(exercises, verdicts, trials)` counts; `try_idle` gives laws that were never the first to reject a mutant a chance
at all of them. A law that rejects nothing at all is no test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from autograder.build.cells import read_solution
from autograder.course import Course, Topic
from autograder.laws import Exercise, Verdict
from autograder.mutants.trial import LAW_SECONDS, TopicTrials, mutant_job
from autograder.staff import grade_staff
from autograder.verify import Finding


@dataclass(frozen=True)
class LawTally:
    """One law: the mutants that it was the first to reject, the mistakes that it rejects, and those that name it."""

    exercise: str
    law: str
    hidden: bool
    mutants: int = 0
    mistakes: int = 0
    named: int = 0
    holds_of_stub: bool = False
    others: int = 0  # mutants that it rejects too, after another law; counted only for laws that are first for none

    @property
    def key(self) -> str:
        """As exercise::law."""
        return f"{self.exercise}::{self.law}"

    @property
    def idle(self) -> bool:
        """Whether it rejects nothing."""
        return not (self.mutants or self.mistakes or self.others)


def rejects(verdict: Verdict) -> bool:
    """Whether the law itself failed: one that was not tried, as after another one's time-out, says nothing."""
    return not verdict.passed and verdict.seconds > 0


def tally(exercises: Iterable[Exercise], findings: Iterable[Finding], trials: TopicTrials | None) -> list[LawTally]:
    """Count for each law of one topic, from the findings on its cases and, if there are any, the trials of mutants."""
    mistakes, named, stub = Counter(), Counter(), set()
    for finding in findings:
        entry = finding.case.entry
        keys = {v.key: not rejects(v) for v in finding.verdicts}
        if finding.case.kind == "mistake":
            mistakes.update(key for key, passed in keys.items() if not passed)
            named[entry.law_key] += 1
        elif finding.case.kind == "stub":
            stub.update(key for key, passed in keys.items() if passed)
    killed = Counter(trial.law for trial in trials.trials) if trials else Counter()
    return [
        LawTally(
            law.exercise, law.name, law.hidden, killed[law.key], mistakes[law.key], named[law.key], law.key in stub
        )
        for exercise in exercises
        for law in exercise.laws
    ]


def try_idle(
    course: Course, topic: Topic, tallies: list[LawTally], trials: TopicTrials, workers: int | None = None
) -> list[LawTally]:
    """The same tallies after the idle laws were tried, by themselves, on every mutant of their exercise."""
    idle = {t.key for t in tallies if t.idle}
    exercises = {t.exercise for t in tallies if t.idle}
    solution = read_solution(course.solution(topic))
    jobs = []
    for trial in trials.trials:
        if trial.mutant.exercise in exercises and trial.state == "killed":
            job = mutant_job(topic, solution, trial.mutant)
            jobs.append(replace(job, exercises=(trial.mutant.exercise,), laws=tuple(sorted(idle)), stop=False))
    rejected: Counter[str] = Counter()
    quick = replace(course, limits=replace(course.limits, law_seconds=LAW_SECONDS))
    if jobs:
        for _, outcome in grade_staff(quick, jobs, workers):
            rejected.update(v.key for v in outcome.verdicts if rejects(v))
    return [replace(t, others=rejected[t.key]) for t in tallies]
