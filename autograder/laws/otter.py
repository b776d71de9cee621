"""What the generated otter test files call: one law on the submission that otter is grading."""

import torch

from autograder.laws.collect import Law, law_of
from autograder.laws.messages import explain
from autograder.laws.runner import Verdict, not_run, run_law
from autograder.laws.target import ModuleTarget

TIME_LIMIT = 10.0  # seconds for one law
EXAMINEE = "autograder_examinee"  # set by the package's plugin, when student code is in the sandbox


class LawFailed(Exception):
    """A law did not hold; the message is what otter shows to the student."""


def check_law(test_class: type, name: str, env: dict, seed: int = 0) -> None:
    """Raise LawFailed, with the explanation, unless the law `name` of `test_class` holds.

    In a student's own notebook the law examines the names in `env`, in this process. When a submission is graded, the
    plugin has put it into `env` as an examinee in the sandbox. Everything a student's function can raise ends here:
    otter would lose all questions over a SystemExit.
    """
    law = law_of(test_class, name)
    try:
        verdict = _verdict(law, env, seed)
    except KeyboardInterrupt:
        raise LawFailed("It raised KeyboardInterrupt.") from None
    if not verdict.passed:
        raise LawFailed(explain(verdict, inputs=not law.hidden))


def _verdict(law: Law, env: dict, seed: int) -> Verdict:
    examinee = env.get(EXAMINEE)
    if examinee is None:
        return run_law(law, ModuleTarget(env), seed=seed, time_limit=TIME_LIMIT)
    torch.set_num_threads(1)  # as in the judge, so that the two agree to the last bit
    if hasattr(examinee, "reason"):
        return not_run(law, "refused", f"This submission could not be graded: {examinee.reason}")
    return examinee.verdict(law, seed)
