"""Outcomes in the forms that others read: otter's results for Gradescope, and one table of grades."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path

from autograder.judge.hygiene import csv_cell
from autograder.judge.outcome import Outcome
from autograder.laws import Exercise, explain


def gradescope(outcome: Outcome, exercises: Iterable[Exercise], config: dict) -> dict:
    """The outcome as otter would write it to results.json, made by otter's own classes.

    `config` is otter's configuration of the topic's package. How the code was confined, and how long it took, is in
    `extra_data`, which Gradescope keeps for instructors.
    """
    from otter.run import AutograderConfig
    from otter.test_files import GradingResults

    results = GradingResults([_test_file(outcome, exercise) for exercise in exercises])
    results.set_output("\n".join(_remarks(outcome)))
    data = results.to_gradescope_dict(AutograderConfig(config))
    status = "refused" if outcome.refusal else "graded"
    data["extra_data"] = {"status": status, "confinement": outcome.tier, "seconds": round(outcome.seconds, 3)}
    return data


def _remarks(outcome: Outcome) -> list[str]:
    remarks = [f"This submission could not be graded: {outcome.refusal}"] if outcome.refusal else []
    remarks += list(outcome.notes)
    if outcome.output:
        remarks += ["Your code printed:", outcome.output]
    return remarks


def _test_file(outcome: Outcome, exercise: Exercise):
    """Otter's record of one exercise: a test case per law, worth everything together or nothing."""
    from otter.test_files import TestCase
    from otter.test_files.abstract_test import TestCaseResult
    from otter.test_files.exception_test import ExceptionTestFile

    verdicts = {verdict.law: verdict for verdict in outcome.verdicts if verdict.exercise == exercise.name}
    cases, results = [], []
    for index, law in enumerate(exercise.laws):
        # As in the package: all points stand on the first law, so that their sum is exact.
        points = exercise.points if index == 0 else 0
        case = TestCase(f"{exercise.name} - {law.name}", None, law.hidden, points, None, None)
        verdict = verdicts.get(law.name)
        if verdict is None:
            message, passed = f"❌ Not examined: {outcome.refusal or 'grading ended before'}", False
        elif verdict.passed:
            message, passed = "✅ Test case passed", True
        else:
            message, passed = "❌ Test case failed\n" + explain(verdict, inputs=not law.hidden), False
        cases.append(case)
        results.append(TestCaseResult(case, message, passed))
    test_file = ExceptionTestFile(exercise.name, f"tests/{exercise.name}.py", cases, all_or_nothing=True)
    test_file.test_case_results = results
    return test_file


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is there either whole or not at all, also if this process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_results(folder: Path, data: dict) -> None:
    """Write `results.json` to a student's folder."""
    write_atomically(folder / "results.json", json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def grades_csv(outcomes: dict[str, Outcome], exercises: tuple[Exercise, ...]) -> str:
    """One row per student: status, score, points per exercise, and why, if there is no score."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    possible = sum(exercise.points for exercise in exercises)
    writer.writerow(["student", "status", "score", "possible", *(exercise.name for exercise in exercises), "note"])
    for student, outcome in sorted(outcomes.items()):
        scores = [score.earned for score in outcome.scores(exercises)]
        note = outcome.refusal or "; ".join(outcome.notes)
        row = [csv_cell(student), "refused" if outcome.refusal else "graded", f"{sum(scores):g}", f"{possible:g}"]
        writer.writerow([*row, *(f"{score:g}" for score in scores), csv_cell(note)])
    return text.getvalue()
