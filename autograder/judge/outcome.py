"""What came of one submission: a verdict per law, or the reason why it could not be graded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from autograder.laws import Exercise, Verdict


@dataclass(frozen=True)
class Score:
    """One exercise: the points earned and possible, and "passed", "failed" or "not started"."""

    exercise: str
    earned: float
    possible: float
    status: str


@dataclass(frozen=True)
class Outcome:
    """All that is known of a graded submission. `refusal` is empty unless it could not be graded at all."""

    verdicts: tuple[Verdict, ...] = ()
    refusal: str = ""
    notes: tuple[str, ...] = ()  # what was skipped, repaired or went wrong while the code was loaded
    output: str = ""  # what the student's code printed
    tier: str = ""  # how student code was confined
    seconds: float = 0.0

    def scores(self, exercises: Iterable[Exercise]) -> list[Score]:
        """The score of every exercise; one with no verdicts, or with a law missing, earns nothing."""
        return [self._score(exercise) for exercise in exercises]

    def _score(self, exercise: Exercise) -> Score:
        held = {verdict.law: verdict.status for verdict in self.verdicts if verdict.exercise == exercise.name}
        statuses = [held.get(law.name, "failed") for law in exercise.laws]
        if all(status == "passed" for status in statuses):
            return Score(exercise.name, exercise.points, exercise.points, "passed")
        unstarted = all(status == "not started" for status in statuses)
        return Score(exercise.name, 0, exercise.points, "not started" if unstarted else "failed")

    def to_json(self) -> str:
        """As text that `from_json` reads; it crosses from the judge to whoever asked."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Outcome:
        """The outcome that `to_json` wrote."""
        data = json.loads(text)
        for verdict in data["verdicts"]:
            verdict["counterexample"] = tuple(map(tuple, verdict["counterexample"]))
        verdicts = tuple(Verdict(**verdict) for verdict in data.pop("verdicts"))
        return Outcome(verdicts=verdicts, notes=tuple(data.pop("notes")), **data)
