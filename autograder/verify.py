"""Test the tests: do the laws accept what is right and reject what is wrong?

`cases(course, topic)` lists a topic's submissions with what should come of each: the reference and every alternative
earn full marks, the stub earns nothing, every mistake fails the law that names it and costs no other exercise.
`verify(course, topics)` grades them all, on all cores, and yields a finding per case.
"""

import ast
import importlib.util
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

from autograder import bank
from autograder.build import read_topic
from autograder.build.stub import stub_module
from autograder.course import Course, Topic
from autograder.laws import Exercise, ModuleTarget, Verdict, load_laws, run_law
from autograder.source import load_source

LAW_SECONDS = 10.0  # after which a law counts as failed
EMPTY = bank.Entry("", "", "", "", "")


@dataclass(frozen=True)
class Case:
    """One submission and what should come of it. `exercises` are those whose verdicts it can change."""

    topic: str
    kind: str  # reference, stub, mistake, alternative
    label: str
    source: str
    exercises: tuple[str, ...]
    entry: bank.Entry = EMPTY


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
    cells = {name: set(definitions(cell.source)) for name, cell in sources.solution.exercises.items()}
    names = tuple(cells)
    listed = [
        Case(topic.name, "reference", "the reference", reference, names),
        Case(topic.name, "stub", "the stub", stub_module(sources), names),
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


def definitions(source: str) -> dict[str, ast.AST]:
    """The functions and classes that a module defines at its top, by name."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name: node for node in ast.parse(source).body if isinstance(node, kinds)}


def affected(source: str, name: str, cells: dict[str, set[str]], own: str) -> tuple[str, ...]:
    """The exercises whose verdicts can change when `name` is defined otherwise: its own, and all whose code uses it.

    The laws of an exercise call only what its cell defines, so an exercise whose code never reaches `name` keeps the
    verdicts of the reference. `cells` has the names that each exercise defines.
    """
    uses = {defined: _names(node) for defined, node in definitions(source).items()}
    reached = {name}
    while more := {d for d, used in uses.items() if used & reached} - reached:
        reached |= more
    return tuple(exercise for exercise, own_names in cells.items() if exercise == own or reached & own_names)


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def examine(source: str, exercises: tuple[Exercise, ...], seed: int, filename: str = "<submission>") -> list[Verdict]:
    """The verdicts on a module's source, in this process: only for code that the course's own staff wrote."""
    names, problem = load_source(source, filename)
    target = ModuleTarget(names, filename)
    verdicts = [run_law(law, target, seed=seed, time_limit=LAW_SECONDS) for e in exercises for law in e.laws]
    if problem:
        verdicts = [replace(v, problem=f"{problem}\n{v.problem}") for v in verdicts]
    return verdicts


def judge_case(case: Case, verdicts: list[Verdict]) -> tuple[str, ...]:
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


def verify(course: Course, topics: list[Topic], seeds: range = range(1), jobs: int | None = None) -> Iterator[Finding]:
    """Grade every case of `topics` under each course seed (the course's own plus each of `seeds`), as they finish."""
    import torch

    context = multiprocessing.get_context("fork")
    torch.set_num_threads(1)  # before the fork: torch's threads do not survive it
    jobs = jobs or os.cpu_count() or 1
    work = [(case, course.seed + offset) for topic in topics for case in cases(course, topic) for offset in seeds]
    _LAWS.update({topic.name: load_laws(course.laws(topic)) for topic in topics})
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        yield from pool.map(_finding, *zip(*work), chunksize=1)


_LAWS: dict[str, tuple[Exercise, ...]] = {}  # filled before the workers are forked


def _finding(case: Case, seed: int) -> Finding:
    needs = case.entry.requires
    if needs and importlib.util.find_spec(needs) is None:
        return Finding(case, (), skipped=f"needs {needs}")
    exercises = tuple(e for e in _LAWS[case.topic] if e.name in case.exercises)
    verdicts = examine(case.source, exercises, seed, f"{case.topic}.py")
    return Finding(case, judge_case(case, verdicts), tuple(verdicts))
