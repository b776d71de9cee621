"""Run one law against one target and say what happened."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis.errors import Flaky, HypothesisException, Unsatisfiable, UnsatisfiedAssumption

from autograder.laws.collect import Law
from autograder.laws.compare import LawViolation
from autograder.laws.drawing import Input, for_each_input, law_seed, set_random_state
from autograder.laws.messages import describe, shorten

LONGEST_PROBLEM = 2000  # characters of what went wrong
PASSED = {"status": "passed"}


@dataclass(frozen=True)
class Verdict:
    """What came of one law: `status` is "passed", "failed" or "not started"."""

    exercise: str
    law: str
    sentence: str
    hidden: bool
    status: str
    symptom: str = ""  # the kind of failure in a word, the same for every input
    problem: str = ""  # what went wrong, for the student
    counterexample: tuple[tuple[str, str], ...] = ()  # the smallest inputs, by name
    call: str = ""  # the student's function as it was called last
    where: str = ""  # the student's line that raised
    diagnosis: str = ""  # of the known mistake whose symptoms these are
    seconds: float = 0.0

    @property
    def key(self) -> str:
        """The key of the law."""
        return f"{self.exercise}::{self.law}"

    @property
    def passed(self) -> bool:
        return self.status == "passed"


class TimeLimitExceeded(BaseException):
    """A law took too long. Not an Exception, so that neither student code nor the search for inputs catches it."""


def run_law(
    law: Law, target, *, seed: int = 0, time_limit: float | None = None, inputs: Sequence[Input] = ()
) -> Verdict:
    """Examine `target` by one law, with inputs drawn from `seed`, and never raise but for KeyboardInterrupt.

    `target` gives the student's names as attributes, and what a message shows of them by `autograder_call()`,
    `autograder_where(error)` and `autograder_symptom(error)`; `autograder_begin(seed)` tells it that a law begins.
    `time_limit` in seconds ends code in this process that takes too long (on the main thread of a Unix system only).
    `inputs` are those of this law and seed, if they have been drawn ahead (`draw_inputs`): then they are met first, and
    drawn again only where one fails, to look for a smaller one. The law may use them up.
    """
    met: dict = {}

    def once(claim: Callable, values: dict) -> None:
        met.clear()
        met.update(values)
        claim(target=target, **values)

    def everything() -> None:
        held = _holds_on(inputs, law, seed, target, once) if inputs else None
        if held:
            return
        failed = dict(met)
        target.autograder_begin(law_seed(seed, law))
        for_each_input(law, seed, once)
        if held is False:
            met.clear()
            met.update(failed)
            raise Flaky("It failed once and passed when it was tried again.")

    alarm = Alarm(time_limit)
    start = time.perf_counter()
    try:
        with alarm:
            everything()
        outcome = PASSED
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and its like come from student code: a failure as any other
        outcome = failure(error, target, met, time_limit)
    if alarm.rang:  # whatever became of it on its way up
        outcome = failure(TimeLimitExceeded(), target, met, time_limit)
    return verdict(law, outcome, time.perf_counter() - start)


def _holds_on(
    inputs: Sequence[Input], law: Law, seed: int, target, once: Callable[[Callable, dict], None]
) -> bool | None:
    """Whether the law holds for inputs drawn ahead; None if it refuses one, in whose place Hypothesis draws another.

    Failures of which a smaller input would say no more are raised.
    """
    target.autograder_begin(law_seed(seed, law))
    try:
        for one in inputs:
            set_random_state(one.random_state)
            once(one.claim, one.values)
    except NotImplementedError:
        raise
    except UnsatisfiedAssumption:
        return None
    except Exception:
        return False
    return True


def not_run(law: Law, symptom: str, problem: str) -> Verdict:
    """The verdict on a law that could not even be tried."""
    return Verdict(law.exercise, law.name, law.sentence, law.hidden, "failed", symptom, problem)


def verdict(law: Law, outcome: dict, seconds: float) -> Verdict:
    """The verdict on a law from its `outcome`: `PASSED`, or what `failure` returned."""
    return Verdict(law.exercise, law.name, law.sentence, law.hidden, seconds=seconds, **outcome)


def failure(error: BaseException, target, inputs: dict, time_limit: float | None) -> dict:
    """The fields of a verdict on a law that raised `error`."""
    if isinstance(error, NotImplementedError):
        return {"status": "not started", "symptom": "not started", "problem": str(error) or "not written yet"}
    if isinstance(error, Flaky):
        symptom, problem = "flaky", "The same input gave different results: the function must not depend on chance."
    elif isinstance(error, (Unsatisfiable, HypothesisException)):
        raise error  # the law itself is broken: its author must see it
    elif isinstance(error, TimeLimitExceeded):
        symptom, problem = "too slow", f"It took longer than {time_limit:g} s: is there a loop that does not end?"
    elif isinstance(error, AssertionError):
        symptom, problem = "wrong result", str(error) or "The claim does not hold."
    elif isinstance(error, RecursionError):
        symptom, problem = "RecursionError", "It called itself too often (RecursionError)."
    else:
        symptom, problem = target.autograder_symptom(error)
    return {
        "status": "failed",
        "symptom": symptom,
        "problem": shorten(problem, LONGEST_PROBLEM),
        "counterexample": tuple((name, describe(v)) for name, v in inputs.items() if name != "self"),
        "call": target.autograder_call(),
        "where": "" if isinstance(error, LawViolation) else target.autograder_where(error),
    }


class Alarm:
    """Raises TimeLimitExceeded in this thread after `seconds`, where the system can, and remembers that it `rang`.

    It rings on until it is left: an exception from a signal can be lost, in a destructor or a callback.
    """

    def __init__(self, seconds: float | None):
        usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        self._seconds = seconds if usable else None
        self.rang = False

    def __enter__(self) -> None:
        if self._seconds:
            self._previous = signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, self._seconds, 0.1)

    def __exit__(self, *details) -> None:
        if self._seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._previous)

    def _ring(self, *_) -> None:
        self.rang = True
        raise TimeLimitExceeded
