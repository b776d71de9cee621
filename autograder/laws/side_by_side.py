"""One law on several targets, with the same inputs: to make the inputs is most of the work, and here it is done once.

For staff, who try a law on a reference, its alternatives and its mistakes. Every target meets what it would meet alone,
in a copy of its own and with the random generators where they would be; tests/test_laws.py compares the verdicts.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis.errors import StopTest

from autograder.laws.collect import Law
from autograder.laws.drawing import for_each_input, random_state, set_random_state
from autograder.laws.runner import PASSED, Alarm, TimeLimitExceeded, Verdict, failure, verdict


@dataclass
class _Part:
    """A target, how many seconds the law may take on it, how many it took, and the outcome if it has failed."""

    target: object
    limit: float | None
    seconds: float = 0.0
    failed: dict = field(default_factory=dict)


class _AllFailed(BaseException):
    """No target is left. Not an Exception, so that it ends the search for inputs."""


def run_law_side_by_side(
    law: Law, targets: Sequence, *, seed: int = 0, time_limits: Sequence[float | None]
) -> list[Verdict]:
    """The verdict on each target, as `run_law` would give it but for the search for the smallest input.

    `time_limits` are in seconds, one for each target, for its own code; `Verdict.seconds` also has what it took to make
    the inputs.
    """
    parts = [_Part(target, limit) for target, limit in zip(targets, time_limits, strict=True)]

    def once(claim: Callable, inputs: dict) -> None:
        state = random_state()
        standing = [part for part in parts if not part.failed]
        for part in standing:
            own = inputs if part is standing[-1] else _copied(inputs)  # nobody has touched the original
            if part is not standing[0]:
                set_random_state(state)
            _try(part, claim, own)
        if all(part.failed for part in standing):
            raise _AllFailed

    start = time.perf_counter()
    try:
        for_each_input(law, seed, once)
    except _AllFailed:
        pass
    shared = time.perf_counter() - start - sum(part.seconds for part in parts)
    return [verdict(law, part.failed or PASSED, shared + part.seconds) for part in parts]


def _try(part: _Part, claim: Callable, inputs: dict) -> None:
    """Let a target meet some inputs, and note if it fails."""
    alarm = Alarm(part.limit and max(part.limit - part.seconds, 1e-3))
    start = time.perf_counter()
    try:
        with alarm:
            claim(target=part.target, **inputs)
    except (KeyboardInterrupt, StopTest):
        raise
    except BaseException as error:
        part.failed = failure(error, part.target, inputs, part.limit)
    if alarm.rang:
        part.failed = failure(TimeLimitExceeded(), part.target, inputs, part.limit)
    part.seconds += time.perf_counter() - start


def _copied(inputs: dict) -> dict:
    return {name: value if name == "self" else copy.deepcopy(value) for name, value in inputs.items()}
