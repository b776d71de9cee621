"""Otter's plugin: under `otter run`, too, student code runs in a confined child and never in otter's own processes.

`before_grading` moves the submission out of the folder that otter works in, before otter reads `.OTTER_LOG` (which it
would unpickle) or starts a kernel there (which would import a student's `torch.py`). `before_execution` gives otter,
in place of the student's cells, one that opens the submission in the sandbox; the laws in otter's test files find it
there (see `laws.otter`, and `judge.quarantine` for what the cell calls). Otter's own process has no need of torch, so
nothing here imports it: that would be two of the seconds that `otter run` takes.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbformat
from otter.plugins import AbstractOtterPlugin

QUARANTINE = "quarantine"
OTTERS_OWN = {"tests", "__init__.py"}  # what otter itself put into the submission's folder
OPEN_CELL = """\
from autograder.judge.quarantine import open_examinee
from autograder.laws.otter import EXAMINEE

globals()[EXAMINEE] = open_examinee({path!r}, {settings!r})
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
        code = OPEN_CELL.format(path=str(path), settings=dict(self.plugin_config))
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        return notebook
