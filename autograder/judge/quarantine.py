"""Under `otter run`: the submission that the plugin has put aside is opened in the sandbox, by otter's kernel."""

from __future__ import annotations

from pathlib import Path

from autograder.course import GradingLimits
from autograder.judge.examination import Examinee, sandbox_limits
from autograder.sandbox import WarmProcess
from autograder.submission import SubmissionError, read


class Refused:
    """Stands in for a submission that cannot be graded: every law fails with the reason."""

    def __init__(self, reason: str):
        self.reason = reason


def open_examinee(path: str, settings: dict) -> Examinee | Refused:
    """The submission at `path` in a confined child of a new warm process.

    Raises SandboxError if student code cannot be confined here and the settings do not allow that.
    """
    limits = GradingLimits(**settings.get("limits", {}))
    quarantine = Path(path)
    others = [other for other in quarantine.parent.iterdir() if other != quarantine]
    try:
        # As `autograder grade` does: a file alone is read as a file, with helpers beside it as a folder.
        submission = read(quarantine.parent if others else quarantine, settings["topic"])
    except SubmissionError as error:
        return Refused(str(error))
    warm = WarmProcess(sandbox_limits(limits), unconfined=bool(settings.get("unconfined")))
    warm.start()
    return Examinee(warm, submission, limits)
