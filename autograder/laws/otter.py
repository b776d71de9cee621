"""What the generated otter test files call: one law against the names of a student's notebook or module."""

from autograder.laws.collect import Law, exercise_mark
from autograder.laws.messages import explain
from autograder.laws.runner import run_law
from autograder.laws.target import ModuleTarget

TIME_LIMIT = 30.0  # seconds for one law under otter, which has no limit of its own


class LawFailed(Exception):
    """A law did not hold; the message is what otter shows to the student."""


def check_law(test_class: type, name: str, env: dict, seed: int = 0) -> None:
    """Raise LawFailed, with the explanation, unless the law `name` of `test_class` holds of the names in `env`.

    Everything a student's function can raise ends here: otter would lose all questions over a SystemExit.
    """
    method = getattr(test_class, name)
    hidden = any(mark.name == "hidden" for mark in getattr(method, "pytestmark", []))
    sentence = " ".join((method.__doc__ or "").split())
    law = Law(exercise_mark(test_class).args[0], name, sentence, hidden, test_class)
    try:
        verdict = run_law(law, ModuleTarget(env), seed=seed, time_limit=TIME_LIMIT)
    except KeyboardInterrupt:
        raise LawFailed("It raised KeyboardInterrupt.") from None
    if not verdict.passed:
        raise LawFailed(explain(verdict, inputs=not hidden))
