"""Otter's plugin: under `otter run`, too, student code runs in a confined child and never in otter's own processes.

`before_grading` moves the submission out of the folder that otter works in, before otter reads `.OTTER_LOG` (which it
would unpickle) or starts a kernel there (which would import a student's `torch.py`). `before_execution` gives otter,
in place of the student's cells, one that opens the submission in the sandbox; the laws in otter's test files find it
there (see `laws.otter`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbformat
from otter.plugins import AbstractOtterPlugin

from autograder.course import GradingLimits
from autograder.judge.examination import Examinee, sandbox_limits
from autograder.laws.otter import EXAMINEE
from autograder.sandbox import WarmProcess
from autograder.submission import SubmissionError, read

QUARANTINE = "quarantine"
OTTERS_OWN = {"tests", "__init__.py"}  # what otter itself put into the submission's folder
OPEN_CELL = """\
from autograder.judge.plugin import open_examinee

{name} = open_examinee({path!r}, {settings!r})
"""


class SandboxPlugin(AbstractOtterPlugin):
    """Configured in the package as {"autograder.judge.plugin.SandboxPlugin": {"topic": …, "limits": …}}."""

    IMPORTABLE_NAME = "autograder.judge.plugin.SandboxPlugin"

    def before_grading(self, config) -> None:
        """Move all that the student handed in out of otter's way; leave an empty file for otter to open."""
        folder = Path.cwd()
        main = Path(self.submission_path)
        quarantine = folder.parent / QUARANTINE
        shutil.rmtree(quarantine, ignore_errors=True)
        quarantine.mkdir(mode=0o700)
        for path in sorted(folder.iterdir()):
            if path.name == ".OTTER_LOG":
                path.unlink()
            elif path.name not in OTTERS_OWN:
                os.rename(path, quarantine / path.name)  # a link is moved, not followed
        empty = nbformat.v4.new_notebook()
        main.write_text(nbformat.writes(empty) if main.suffix == ".ipynb" else "", encoding="utf-8")
        config.grade_from_log = False

    def before_execution(self, submission) -> nbformat.NotebookNode:
        """A notebook whose only cell opens the quarantined submission in the sandbox."""
        main = Path(self.submission_path)
        path = main.parents[1] / QUARANTINE / main.name
        code = OPEN_CELL.format(name=EXAMINEE, path=str(path), settings=dict(self.plugin_config))
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        return notebook


class Refused:
    """Stands in for a submission that cannot be graded: every law fails with the reason."""

    def __init__(self, reason: str):
        self.reason = reason


def open_examinee(path: str, settings: dict) -> Examinee | Refused:
    """The submission at `path` in a confined child of a new warm process. Runs in otter's kernel.

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
