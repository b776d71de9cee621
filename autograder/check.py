"""The student's loop: run the public laws on a file and say, exercise by exercise, what holds and what does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from autograder import submission
from autograder.course import CourseError, find_root, load
from autograder.errors import UserError
from autograder.laws import Exercise, ModuleTarget, Verdict, explain, load_laws, run_law
from autograder.source import load_cells

LAW_SECONDS = 10.0  # a law that takes longer counts as failed


@dataclass(frozen=True)
class Work:
    """A student's file, the name of its topic, and the file that holds the public laws."""

    path: Path
    topic: str
    laws: Path


def find_work(name: str | None, topic: str | None = None) -> Work:
    """What `name` means: a file, a folder with an assignment in it, a topic of the course, or the current folder.

    `topic` says which topic a file is for when its name does not. Raises UserError for anything else.
    """
    path = Path(name or ".")
    if path.is_dir():
        return _work_in_folder(path)
    if path.is_file():
        stem = topic or path.stem
        return Work(path, stem, _laws_for(path, stem))
    if path.suffix in (".py", ".ipynb") or len(path.parts) > 1:
        raise UserError(f"There is no file {path}.")
    try:
        course = load(find_root())
        return _work_in_folder(course.assignment(course.topic(name)))
    except CourseError as error:
        raise UserError(f"{name!r} is neither a file nor a folder here. {error}") from None


def _work_in_folder(folder: Path) -> Work:
    laws = sorted(folder.glob("test_*.py"))
    if len(laws) != 1:
        found = "no file test_TOPIC.py" if not laws else f"{len(laws)} files test_TOPIC.py"
        raise UserError(f"{folder}: {found} here. Name your file, or go to the folder of one assignment.")
    topic = laws[0].stem.removeprefix("test_")
    for path in (folder / f"{topic}.py", folder / f"{topic}.ipynb"):
        if path.is_file():
            return Work(path, topic, laws[0])
    raise UserError(f"{folder}: neither {topic}.py nor {topic}.ipynb is here.")


def _laws_for(path: Path, topic: str) -> Path:
    """The public laws of `topic`: beside the student's file, or in the assignments of the course it lies in."""
    beside = path.parent / f"test_{topic}.py"
    if beside.is_file():
        return beside
    try:
        course = load(find_root(path.parent))
        laws = course.assignment(course.topic(topic)) / f"test_{topic}.py"
    except CourseError as error:
        raise UserError(
            f"{path}: no test_{topic}.py lies beside it. {error} (--topic NAME says which it is.)"
        ) from None
    if not laws.is_file():
        raise UserError(f"{laws} does not exist yet: `autograder build {topic}` makes it.")
    return laws


def open_work(work: Work) -> tuple[ModuleTarget, list[str]]:
    """Run the student's code; return its names, and what was skipped or went wrong. Raises UserError if unreadable."""
    try:
        content = submission.read(work.path, work.topic)
    except submission.SubmissionError as error:
        raise UserError(f"{work.path}: {error}") from None
    names, problems = load_cells([(cell.label, cell.source) for cell in content.cells], work.topic)
    notes = [*content.notes, *problems.splitlines()]
    return ModuleTarget(names, tuple(cell.label for cell in content.cells)), notes


def check(work: Work, only: str | None, console: Console) -> bool:
    """Run the public laws, print what came of each exercise as it is known, and tell whether all hold."""
    exercises = load_laws(work.laws)
    if only is not None:
        chosen = [exercise for exercise in exercises if exercise.name == only]
        if not chosen:
            names = ", ".join(exercise.name for exercise in exercises)
            raise UserError(f"{work.topic} has no exercise {only!r}; it has {names}.")
        exercises = chosen
    target, notes = open_work(work)
    console.print(f"[bold]{escape(str(work.path))}[/bold]")
    for note in notes:
        console.print(Text(f"  ! {note}", style="yellow"))
    earned = 0.0
    for exercise in exercises:
        verdicts = [run_law(law, target, time_limit=LAW_SECONDS) for law in exercise.laws]
        console.print(_report(exercise, verdicts))
        earned += exercise.points * all(verdict.passed for verdict in verdicts)
    total = sum(exercise.points for exercise in exercises)
    console.print(f"[bold]{earned:g} of {total:g} points[/bold] by the laws you have; hidden ones are run when graded.")
    other = work.path.with_suffix(".ipynb" if work.path.suffix == ".py" else ".py")
    if not earned and other.is_file():
        console.print(Text(f"If you work in {other.name}: autograder check {other}", style="dim"))
    return earned == total


def _report(exercise: Exercise, verdicts: list[Verdict]):
    """One exercise: a line, and for every law that failed its explanation."""
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if not failed:
        laws = "its law holds" if len(verdicts) == 1 else f"all {len(verdicts)} laws hold"
        return Text.assemble(
            ("  ✓ ", "green"),
            f"{exercise.name:<24}",
            (f" {exercise.points:g}/{exercise.points:g}", ""),
            (f"   {laws}", "dim"),
        )
    if all(verdict.status == "not started" for verdict in verdicts):
        return Text.assemble(
            ("  ○ ", "dim"), f"{exercise.name:<24}", f" 0/{exercise.points:g}", ("   not started", "dim")
        )
    head = Text.assemble(
        ("  ✗ ", "red"),
        f"{exercise.name:<24}",
        f" 0/{exercise.points:g}",
        (f"   {len(failed)} of {len(verdicts)} laws fail", "dim"),
    )
    # The first failure in full; of the others the claim, so that the page stays readable.
    parts = [head, Padding(Text(explain(failed[0])), (0, 0, 0, 6))]
    parts += [Padding(Text(f"Also fails: {v.sentence}", style="dim"), (0, 0, 0, 6)) for v in failed[1:]]
    return Group(*parts)
