"""Test the tests: do the laws accept what is right and reject what is wrong?

`cases(course, topic)` lists a topic's submissions with what should come of each: the reference and every alternative
earn full marks, the stub earns nothing, every mistake fails the law that names it and costs no other exercise, and
every exercise keeps its marks where all others are left out. `verify(course, topics)` grades them all through the warm
judge, on all cores, and yields a finding per case.
"""

import functools
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field

from autograder import bank
from autograder.build import read_topic
from autograder.build.stub import stub_module
from autograder.build.topic import TopicSource
from autograder.course import Course, Topic
from autograder.judge.outcome import Outcome
from autograder.judge.worker import Job
from autograder.laws import Verdict, load_laws
from autograder.staff import affected, defined_by_exercise, definitions, grade_staff

EMPTY = bank.Entry("", "", "", "", "")


@dataclass(frozen=True)
class Case:
    """One submission and what should come of it. `exercises` are those whose verdicts it can change."""

    topic: str
    kind: str  # reference, stub, mistake, alternative, left out
    label: str
    source: str = field(repr=False)
    exercises: tuple[str, ...]
    entry: bank.Entry = EMPTY

    @property
    def key(self) -> str:
        """What tells the case from all others."""
        return f"{self.topic}: {self.kind} {self.label}"

    @property
    def skipped(self) -> str:
        """Why it cannot be graded here; an empty text if it can."""
        needs = self.entry.requires
        return f"needs {needs}" if needs and importlib.util.find_spec(needs) is None else ""


@dataclass(frozen=True)
class Finding:
    """What came of one case; `problems` is empty if that is what should have come."""

    case: Case
    problems: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = field(repr=False, default=())
    skipped: str = ""


def cases(course: Course, topic: Topic) -> list[Case]:
    """Every submission that the topic's laws are tested on."""
    sources = read_topic(course, topic)
    reference = sources.solution.text
    defined = definitions(reference)
    cells = defined_by_exercise(sources.solution)
    names = tuple(cells)
    listed = [
        Case(topic.name, "reference", "the reference", reference, names),
        Case(topic.name, "stub", "the stub", stub_module(sources), names),
        *(Case(topic.name, "left out", f"all but {name}", _alone(sources, name), (name,)) for name in names),
    ]
    for path in (course.mistakes(topic), course.alternatives(topic)):
        for entry in bank.entries(path):
            if entry.exercise not in names:
                raise bank.BankError(f"{path}: {entry.label} names the unknown exercise {entry.exercise!r}.")
            if entry.replaces not in defined:
                raise bank.BankError(f"{path}: {entry.label} replaces {entry.replaces!r}, which is not defined.")
            touched = affected(reference, entry.replaces, cells, entry.exercise)
            listed.append(Case(topic.name, entry.kind, entry.label, entry.apply(reference), touched, entry))
    return listed


def _alone(sources: TopicSource, name: str) -> str:
    """The stub with one exercise solved: what keeps its marks here keeps them whichever exercise is left out."""
    lines = sources.solution.text.split("\n")
    for exercise, cell in reversed(sources.solution.exercises.items()):
        if exercise != name:
            for block in reversed(cell.blocks):
                lines[block.begin - 1 : block.end] = [f"{block.indent}raise NotImplementedError"]
    return "\n".join(lines)


def judge_case(case: Case, verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    """What is wrong with the verdicts on a case, one sentence each."""
    failed = [v for v in verdicts if not v.passed]
    if case.kind == "stub":
        passed = [f"{v.exercise}.{v.law} holds of the stub" for v in verdicts if v.passed]
        unclear = [f"{v.exercise}.{v.law}: {v.problem}" for v in failed if v.status != "not started"]
        return (*passed, *unclear)
    if case.kind == "mistake":
        own = [v.law for v in failed if v.exercise == case.entry.exercise]
        problems = [f"costs marks in {v.exercise} ({v.law})" for v in failed if v.exercise != case.entry.exercise]
        if case.entry.law not in own:
            caught = f"caught by {', '.join(own)}" if own else "not caught by any law"
            problems.append(f"{case.entry.law} does not catch it ({caught})")
        return tuple(problems)
    return tuple(f"{v.exercise}.{v.law}: {v.problem}" for v in failed)


def verify(course: Course, topics: list[Topic], jobs: int | None = None, quick: bool = False) -> Iterator[Finding]:
    """Grade every case of `topics` under the course's own seed, as they finish, on `jobs` workers.

    If `quick`, a mistake meets of its own exercise only the law that must catch it, and no exercise is graded alone:
    the verdict on the course is the same, and what else rejects a mistake is not found out.
    """
    listed = {case.key: case for topic in topics for case in chosen_cases(course, topic, quick)}
    work = []
    for case in listed.values():
        if case.skipped:
            yield Finding(case, (), skipped=case.skipped)
        else:
            laws = _needed_laws(course, case) if quick and case.kind == "mistake" else ()
            topic = course.topic(case.topic)
            work.append(Job(case.key, None, topic, exercises=case.exercises, source=case.source, laws=laws))
    for job, outcome in grade_staff(course, work, jobs):
        yield _finding(listed[job.key], outcome)


def chosen_cases(course: Course, topic: Topic, quick: bool) -> list[Case]:
    """The cases that `verify` grades."""
    return [case for case in cases(course, topic) if not (quick and case.kind == "left out")]


def _needed_laws(course: Course, case: Case) -> tuple[str, ...]:
    """The law that must catch a mistake, and all laws of the other exercises that it might cost."""
    own = f"{case.entry.exercise}::{case.entry.law}"
    others = set(case.exercises) - {case.entry.exercise}
    exercises = _exercises(course.laws(course.topic(case.topic)))
    return (own, *(law.key for exercise in exercises if exercise.name in others for law in exercise.laws))


_exercises = functools.cache(load_laws)


def _finding(case: Case, outcome: Outcome) -> Finding:
    if outcome.refusal:
        return Finding(case, (outcome.refusal,))
    problems = judge_case(case, outcome.verdicts)
    if problems and case.kind != "stub":  # what was said while the code was loaded may explain them
        problems += tuple(note for note in outcome.notes)
    return Finding(case, problems, outcome.verdicts)
