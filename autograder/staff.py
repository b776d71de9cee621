"""Grading code that the course's own staff wrote: references, mistakes, alternatives, mutants.

It goes through the same warm judge as submissions do, confined where the system can, but as text instead of files,
only for the exercises that a change can affect, and without looking for the smallest input that fails.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import replace

from autograder.build.cells import Solution
from autograder.course import Course
from autograder.judge.outcome import Outcome
from autograder.judge.worker import Job, grade_all
from autograder.sandbox import SandboxError

PATIENCE = 10  # times the limits of exercises and submissions: what is measured are the laws, not a busy machine


def grade_staff(course: Course, jobs: list[Job], workers: int | None = None) -> Iterator[tuple[Job, Outcome]]:
    """As `grade_all`; where code cannot be confined it runs unconfined, since the staff wrote it."""
    limits = course.limits
    patient = replace(
        limits,
        exercise_seconds=limits.exercise_seconds * PATIENCE,
        submission_seconds=limits.submission_seconds * PATIENCE,
    )
    course = replace(course, limits=patient)
    started = False
    try:
        for result in grade_all(course, jobs, workers, shrink=False):
            started = True
            yield result
    except SandboxError:
        if started:
            raise
        yield from grade_all(course, jobs, workers, unconfined=True, shrink=False)


def definitions(source: str) -> dict[str, ast.AST]:
    """The functions and classes that a module defines at its top, by name."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name: node for node in ast.parse(source).body if isinstance(node, kinds)}


def defined_by_exercise(solution: Solution) -> dict[str, set[str]]:
    """The names that each exercise's cell defines."""
    return {name: set(definitions(cell.source)) for name, cell in solution.exercises.items()}


def affected(source: str, name: str, cells: dict[str, set[str]], own: str) -> tuple[str, ...]:
    """The exercises whose verdicts can change when `name` is defined otherwise: its own first, then all that use it.

    The laws of an exercise call only what its cell defines (verified by leaving all others out), so an exercise whose
    code never reaches `name` keeps the verdicts of the reference. `cells` has the names that each exercise defines.
    """
    uses = _uses(source)
    reached = {name}
    while more := {d for d, used in uses.items() if used & reached} - reached:
        reached |= more
    return (own, *(exercise for exercise, names in cells.items() if exercise != own and reached & names))


@functools.cache
def _uses(source: str) -> dict[str, set[str]]:
    """The names that each definition at the top of a module mentions."""
    return {
        defined: {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        for defined, node in definitions(source).items()
    }
