"""Test the tests: do the laws accept what is right and reject what is wrong?

`cases(course, topic)` lists a topic's submissions with what should come of each: the reference and every alternative
earn full marks, the stub earns nothing, every mistake fails the law that names it and costs no other exercise, and
every exercise keeps its marks where all others are left out. `verify(course, cases)` grades them all through the warm
judge, on all cores, and yields a finding per case.
"""

import functools
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from autograder import bank
from autograder.build import read_topic
from autograder.build.stub import stub_module
from autograder.build.topic import TopicSource
from autograder.course import Course, Topic
from autograder.inprocess import Result, Subject, Task, examine_all
from autograder.judge.worker import Job
from autograder.laws import Verdict, load_laws
from autograder.staff import affected, defined_by_exercise, definitions, grade_staff

EMPTY = bank.Entry("", "", "", "", "")

# In process, what is to be found out is not how fast a busy machine is.
PATIENCE = 10.0  # times the limit of a law
MISTAKE_SECONDS = 5.0  # a mistake that takes that long is caught
SEEDS_AT_ONCE = 50  # enough that loading the sources costs little, few enough that no core is idle


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


def verify(course: Course, chosen: list[Case], jobs: int | None = None, quick: bool = False) -> Iterator[Finding]:
    """Grade some cases under the course's own seed, as they finish, on `jobs` workers.

    If `quick`, that is done in processes of our own instead of the sandbox (see `inprocess`), and a mistake meets of
    its own exercise only the law that must catch it: the verdict on the course is the same, and what else rejects a
    mistake is not found out.
    """
    yield from (Finding(case, (), skipped=case.skipped) for case in chosen if case.skipped)
    listed = {case.key: case for case in chosen if not case.skipped}
    if quick:
        yield from _verify_in_process(course, listed, jobs)
        return
    work = [
        Job(case.key, None, course.topic(case.topic), exercises=case.exercises, source=case.source)
        for case in listed.values()
    ]
    for job, outcome in grade_staff(course, work, jobs):
        case = listed[job.key]
        yield Finding(case, (outcome.refusal,)) if outcome.refusal else _finding(case, outcome.verdicts, outcome.notes)


def chosen_cases(course: Course, topics: list[Topic], quick: bool = False) -> list[Case]:
    """The cases of all topics; if `quick`, without those that grade one exercise alone."""
    listed = [case for topic in topics for case in cases(course, topic)]
    return [case for case in listed if not (quick and case.kind == "left out")]


def _verify_in_process(course: Course, listed: dict[str, Case], jobs: int | None) -> Iterator[Finding]:
    results: dict[str, list[Result]] = {key: [] for key in listed}
    for _, some in examine_all(side_by_side(course, listed.values(), (course.seed,)), jobs):
        for result in some:
            case, mine = listed[result.key], results[result.key]
            mine.append(result)
            if len(mine) == len(case.exercises):
                verdicts = [verdict for one in mine for verdict in one.verdicts[0]]
                verdicts.sort(key=lambda verdict: case.exercises.index(verdict.exercise))
                yield _finding(case, tuple(verdicts), dict.fromkeys(one.said for one in mine if one.said))


def side_by_side(course: Course, chosen: Iterable[Case], seeds: tuple[int, ...]) -> list[Task]:
    """What to examine to have the verdicts on some cases under all seeds, SEEDS_AT_ONCE in a task.

    A task has one exercise, and all cases whose verdicts on it are of interest. A mistake meets only the law of its
    own exercise that must catch it.
    """
    groups: dict[tuple[str, str], list[Subject]] = {}
    for case in chosen:
        topic = course.topic(case.topic)
        mistake = case.kind == "mistake"
        seconds = MISTAKE_SECONDS if mistake else PATIENCE * course.limits.law_seconds
        for exercise in case.exercises:
            own = mistake and exercise == case.entry.exercise
            keys = (case.entry.law_key,) if own else laws_of(course, topic, exercise)
            groups.setdefault((case.topic, exercise), []).append(Subject(case.key, case.source, keys, seconds))
    return [
        Task(topic, course.laws(course.topic(topic)), tuple(subjects), seeds[start : start + SEEDS_AT_ONCE])
        for (topic, _), subjects in groups.items()
        for start in range(0, len(seeds), SEEDS_AT_ONCE)
    ]


def laws_of(course: Course, topic: Topic, exercise: str) -> tuple[str, ...]:
    """The keys of an exercise's laws."""
    return next((tuple(law.key for law in e.laws) for e in _exercises(course.laws(topic)) if e.name == exercise), ())


_exercises = functools.cache(load_laws)


def _finding(case: Case, verdicts: tuple[Verdict, ...], notes: Iterable[str]) -> Finding:
    problems = judge_case(case, verdicts)
    if problems and case.kind != "stub":  # what was said while the code was loaded may explain them
        problems += tuple(notes)
    return Finding(case, problems, verdicts)
