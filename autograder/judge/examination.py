"""Run a topic's laws on one submission whose code lives in a confined child."""

from __future__ import annotations

import time
from collections.abc import Iterable

from autograder.course import GradingLimits
from autograder.judge.outcome import Outcome
from autograder.laws import Exercise, Law, LawViolation, Verdict, law_seed, not_run, run_law
from autograder.laws.target import call_text
from autograder.sandbox import Child, ChildDied, Limits, StudentError, WarmProcess
from autograder.submission import Submission


def sandbox_limits(limits: GradingLimits) -> Limits:
    """The bounds on a child that go with a course's limits."""
    return Limits(
        memory=int(limits.memory_mib) << 20,
        cpu_seconds=int(limits.submission_seconds) + 1,
        load_seconds=limits.load_seconds,
        call_seconds=limits.law_seconds,
    )


class Examinee:
    """A submission in a child, which is replaced by a new one when it dies."""

    def __init__(self, warm: WarmProcess, submission: Submission):
        self._warm = warm
        self._submission = submission
        self._child: Child | None = None
        self.notes = list(submission.notes)
        self.printed = ""

    def child(self) -> Child:
        """A living child that has loaded the submission. Raises ChildDied if loading it ends the child."""
        if self._child is None or not self._child.alive:
            first = self._child is None
            self.close()
            self._child = self._spawn()
            if first:
                self.notes += [_loading_note(cell, error) for cell, error in self._child.errors]
                self.notes += self._child.notes
        return self._child

    def _spawn(self) -> Child:
        submission = self._submission
        if submission.name.endswith(".ipynb"):
            cells = [cell.source for cell in submission.cells]
            return self._warm.spawn(submission.helpers, submission.name, cells)
        source = submission.cells[0].source.encode()
        return self._warm.spawn({**submission.helpers, submission.name: source}, submission.name)

    def close(self) -> None:
        """End the child, if there is one, keeping the first of what it printed."""
        if self._child is not None:
            self.printed = self.printed or self._child.output
            self._child.kill()


def _loading_note(cell: int | None, error: StudentError) -> str:
    """One line on what went wrong while the code was loaded."""
    place = f"{error.frames[-1].filename}, line {error.frames[-1].line}: " if error.frames else ""
    return f"{place}{error.type_name}: {error.message}"


class Target:
    """What a law sees: the remote module, which remembers the last call for the message."""

    def __init__(self, child: Child):
        self._child = child
        self._last_call: tuple = ()

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            value = getattr(self._child.target, name)
        except AttributeError:
            raise LawViolation(f"`{name}` is not defined: keep the name from the handout.") from None
        return self._recorded(name, value) if callable(value) else value

    def _recorded(self, name: str, function):
        def call(*args, **kwargs):
            self._last_call = (name, args, kwargs)
            return function(*args, **kwargs)

        return call

    def autograder_call(self) -> str:
        """The last call of the student's code by a law, as text."""
        return call_text(*self._last_call) if self._last_call else ""

    def autograder_where(self, error: BaseException) -> str:
        """The student's line that raised `error`, or an empty text."""
        frames = getattr(error, "frames", ())
        if not frames:
            return ""
        last = frames[-1]
        place = f"{last.filename}, line {last.line}, in {last.function}"
        return f"{place}: {last.source}" if last.source else place


def examine(
    warm: WarmProcess, submission: Submission, exercises: Iterable[Exercise], seed: int, limits: GradingLimits
) -> Outcome:
    """The outcome of running every law of `exercises` on `submission`, one after another in a child of `warm`.

    A law during which the child dies fails, and the next one gets a new child. When the time of an exercise or of the
    whole submission is over, the laws that are left fail.
    """
    start = time.monotonic()
    examinee = Examinee(warm, submission)
    verdicts: list[Verdict] = []
    try:
        for exercise in exercises:
            end = min(time.monotonic() + limits.exercise_seconds, start + limits.submission_seconds)
            for law in exercise.laws:
                verdicts.append(examine_law(examinee, law, seed, min(limits.law_seconds, end - time.monotonic())))
    finally:
        examinee.close()
    seconds = time.monotonic() - start
    return Outcome(tuple(verdicts), "", tuple(examinee.notes), examinee.printed, warm.tier, seconds)


def examine_law(examinee: Examinee, law: Law, seed: int, seconds: float) -> Verdict:
    """The verdict on one law, which may take `seconds` in all."""
    if seconds <= 0:
        return not_run(law, "too slow", "The time for this exercise, or for the whole submission, was used up before.")
    try:
        child = examinee.child()
    except ChildDied as death:
        return not_run(law, "not loaded", f"Your code could not be loaded: the process {death.reason}.")
    child.seed(law_seed(seed, law))
    with child.deadline(seconds):
        return run_law(law, Target(child), seed=seed)
