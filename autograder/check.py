"""The student's loop: run the public laws on a file and say, exercise by exercise, what holds and what does not."""

from __future__ import annotations

from textwrap import indent

from rich.console import Console, Group
from rich.markup import escape
from rich.text import Text

from autograder.errors import UserError
from autograder.laws import Exercise, ModuleTarget, Verdict, explain, load_laws, run_law
from autograder.source import load_cells
from autograder.work import Work

LAW_SECONDS = 10.0  # a law that takes longer counts as failed
INDENT = " " * 6


def open_work(work: Work) -> tuple[ModuleTarget, list[str]]:
    """Run the student's code; return its names, and what was skipped or went wrong."""
    cells = work.content.cells
    names, problems = load_cells([(cell.label, cell.source) for cell in cells], work.topic)
    notes = [*work.content.notes, *problems.splitlines()]
    return ModuleTarget(names, tuple(cell.label for cell in cells)), notes


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
    parts = [head, Text(indent(explain(failed[0]), INDENT))]
    parts += [Text(f"{INDENT}Also fails: {v.sentence}", style="dim") for v in failed[1:]]
    return Group(*parts)
