"""Run a topic's laws on one submission whose code lives in a confined child."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from autograder.course import GradingLimits
from autograder.judge.outcome import Outcome
from autograder.laws import Exercise, Input, Law, LawViolation, Verdict, not_run, run_law
from autograder.laws.target import call_text
from autograder.sandbox import Child, ChildDied, Limits, StudentError, WarmProcess
from autograder.submission import Cell, Submission, percent_cells

TOO_SLOW = "too slow"
# By the first word of the sentence that says how a child ended.
DEATHS = {
    "took": TOO_SLOW,
    "used": TOO_SLOW,
    "ended": "exit",
    "crashed": "crash",
    "was": "memory",
    "printed": "output",
    "broke": "protocol",
}


# Inputs of laws, by the law's key and the course's seed.
Ahead = dict[tuple[str, int], tuple[Input, ...]]


def sandbox_limits(limits: GradingLimits) -> Limits:
    """The bounds on a child that go with a course's limits."""
    return Limits(
        memory=int(limits.memory_mib) << 20,
        cpu_seconds=int(limits.submission_seconds) + 1,
        load_seconds=limits.load_seconds,
        call_seconds=limits.law_seconds,
    )


class Examinee:
    """A submission in a child, which is replaced by a new one when it dies.

    A law during which the child dies fails. When the time of an exercise or of the whole submission is over, the laws
    that are left fail untried.
    """

    def __init__(self, warm: WarmProcess, submission: Submission, limits: GradingLimits):
        self._warm = warm
        self._submission = submission
        self._limits = limits
        self._child: Child | None = None
        self._cannot_load: ChildDied | None = None
        self.notes = list(submission.notes)
        self.printed = ""
        self.begin()

    def begin(self) -> None:
        """Start the clocks of the submission and of its first exercise."""
        self._end = time.monotonic() + self._limits.submission_seconds
        self._exercise, self._exercise_end = "", 0.0

    def child(self) -> Child:
        """A living child that has loaded the submission. Raises ChildDied if loading it ends the child, ever after."""
        if self._cannot_load is not None:
            raise self._cannot_load
        if self._child is None or not self._child.alive:
            first = self._child is None
            self.close()
            try:
                self._child = self._spawn()
            except ChildDied as death:
                self._cannot_load = death
                self.notes.append(f"Your code could not be loaded: the process {death.reason}.")
                raise
            if first:
                self.notes += [_loading_note(cell, error) for cell, error in self._child.errors]
                self.notes += self._child.notes
        return self._child

    def verdict(self, law: Law, seed: int, inputs: Sequence[Input] = ()) -> Verdict:
        """The verdict on one law, whose inputs derive from the course's `seed` and may have been drawn ahead."""
        now = time.monotonic()
        if law.exercise != self._exercise:
            self._exercise = law.exercise
            self._exercise_end = min(now + self._limits.exercise_seconds, self._end)
        seconds = min(self._limits.law_seconds, self._exercise_end - now)
        if seconds <= 0:
            return not_run(law, TOO_SLOW, "Not tried: the time for this exercise was used up.")
        try:
            child = self.child()
        except ChildDied as death:
            return not_run(law, "not loaded", f"Your code could not be loaded: the process {death.reason}.")
        with child.deadline(seconds):
            verdict = run_law(law, Target(child), seed=seed, inputs=inputs)
        if verdict.symptom == TOO_SLOW:
            self._exercise_end = 0.0  # the exercise is lost; its other laws would likely hang as well
        return verdict

    def _spawn(self) -> Child:
        submission = self._submission
        if submission.name.endswith(".ipynb"):
            return self._warm.spawn(submission.helpers, submission.name, _numbered(submission.cells))
        source = submission.cells[0].source
        child = self._warm.spawn({**submission.helpers, submission.name: source.encode()}, submission.name)
        cells = percent_cells(source)
        if len(cells) > 1 and any(isinstance(error, SyntaxError) for _, error in child.errors):
            # Nothing of the module was run: run its cells one by one, as a notebook's, to lose only what is broken.
            child.kill()
            child = self._warm.spawn(submission.helpers, submission.name, cells)
        return child

    def close(self) -> None:
        """End the child, if there is one, keeping the first of what it printed."""
        if self._child is not None:
            self.printed = self.printed or self._child.output
            self._child.kill()


def _numbered(cells: tuple[Cell, ...]) -> list[str]:
    """The cells of a notebook with empty ones for those that are skipped, so that each is run under its number."""
    numbers = [int(cell.label.split()[-1]) for cell in cells]
    sources = [""] * max(numbers, default=0)
    for number, cell in zip(numbers, cells):
        sources[number - 1] = cell.source
    return sources


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

    def autograder_begin(self, seed: int) -> None:
        """A law begins: the child forgets the last one and seeds its random generators."""
        self._child.seed(seed)

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

    def autograder_symptom(self, error: BaseException) -> tuple[str, str]:
        """What came of a call, by its kind in a word and by a sentence: an exception, or the end of the process."""
        if isinstance(error, ChildDied):
            return DEATHS.get(error.reason.split()[0], "lost"), f"The process with your code {error.reason}."
        kind = error.type_name if isinstance(error, StudentError) else type(error).__name__
        return kind, f"It raised {kind}: {error}"


def examine(
    warm: WarmProcess, submission: Submission, exercises: Iterable[Exercise], seed: int, limits: GradingLimits
) -> Outcome:
    """The outcome of running every law of `exercises` on `submission`, one after another in a child of `warm`."""
    return examine_seeds(warm, submission, exercises, (seed,), limits)[0]


def examine_seeds(
    warm: WarmProcess,
    submission: Submission,
    exercises: Iterable[Exercise],
    seeds: Iterable[int],
    limits: GradingLimits,
    stop: bool = False,
    ahead: Ahead | None = None,
) -> list[Outcome]:
    """As `examine`, once for each seed, all in one child; with `stop`, until the first law that fails.

    Inputs drawn `ahead` are taken out as laws use them up.
    """
    ahead = ahead or {}
    laws = [law for exercise in exercises for law in exercise.laws]
    examinee = Examinee(warm, submission, limits)
    outcomes = []
    try:
        for seed in seeds:
            start = time.monotonic()
            examinee.begin()
            verdicts = []
            for law in laws:
                verdicts.append(examinee.verdict(law, seed, ahead.pop((law.key, seed), ())))
                if stop and not verdicts[-1].passed:
                    break
            seconds = time.monotonic() - start
            outcomes.append(Outcome(tuple(verdicts), "", (), "", warm.tier, seconds))
    finally:
        examinee.close()
    return [replace(outcome, notes=tuple(examinee.notes), output=examinee.printed) for outcome in outcomes]
