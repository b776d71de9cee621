"""Grade a class: find the submissions, examine each, write every result the moment it is known."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from autograder.build.package import otter_config
from autograder.course import Course, Topic, other_names
from autograder.errors import UserError
from autograder.judge import diagnosis
from autograder.judge.outcome import Outcome
from autograder.judge.results import grades_csv, gradescope, write_atomically, write_results
from autograder.judge.worker import Job, grade_all
from autograder.laws import Exercise, load_laws
from autograder.sandbox import SandboxError
from autograder.submission import discover

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not started": ("○", "dim")}


def grade_class(
    course: Course,
    topic: Topic,
    paths: Iterable[Path],
    out: Path,
    console: Console,
    workers: int | None = None,
    unconfined: bool = False,
) -> dict[str, Outcome]:
    """Grade every submission to `topic` under `paths`; return the outcomes by student.

    Writes `out/STUDENT/results.json` as each is done, and at the end `out/grades.csv`. Raises UserError if there is
    nothing to grade, or if student code cannot be confined and `unconfined` is not set.
    """
    found = discover(list(paths), topic.name, other_names(course, topic))
    if not found:
        raise UserError(f"There is no submission to {topic.name} in {', '.join(map(str, paths))}.")
    exercises = load_laws(course.laws(topic))
    config = otter_config({exercise.name: exercise.points for exercise in exercises})
    symptoms = diagnosis.load(course, topic)
    jobs = [Job(student, path, topic) for student, path in found]
    outcomes: dict[str, Outcome] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(f"Grading {topic.name}", total=len(jobs))
            for job, outcome in grade_all(course, jobs, workers, unconfined):
                outcome = diagnosis.diagnose(outcome, symptoms)
                outcomes[job.key] = outcome
                write_results(out / job.key, gradescope(outcome, exercises, config))
                progress.advance(task)
    except SandboxError as error:
        raise UserError(f"{error} (--unconfined grades without confinement: only for code that you trust.)") from None
    write_atomically(out / "grades.csv", grades_csv(outcomes, exercises))
    return outcomes


def class_table(outcomes: dict[str, Outcome], exercises: tuple[Exercise, ...], title: str):
    """A table with a row per exercise and a column per student, in the order of their names."""
    from rich.table import Table

    students = sorted(outcomes)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("exercise")
    table.add_column("points", justify="right")
    for student in students:
        table.add_column(Text(student), justify="center", no_wrap=True)
    scores = {student: outcomes[student].scores(exercises) for student in students}
    for index, exercise in enumerate(exercises):
        marks = [_mark(outcomes[student], scores[student][index]) for student in students]
        table.add_row(exercise.name, f"{exercise.points:g}", *marks)
    totals = [f"{sum(score.earned for score in scores[student]):g}" for student in students]
    table.add_row("score", f"{sum(exercise.points for exercise in exercises):g}", *totals, style="bold")
    return table


def _mark(outcome: Outcome, score) -> Text:
    if outcome.refusal:
        return Text("–", style="red")
    return Text(*MARKS[score.status])
