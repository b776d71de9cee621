"""What a student handed in, read as bytes and text: no code of theirs runs, is parsed or is imported here.

`read(path, stem)` turns one .py, one .ipynb, a zip or a folder into a `Submission`, or raises `SubmissionError` with
one line that says why it cannot be graded. `discover(paths, stem)` finds the submissions of a class. `percent_cells`
cuts a module in the percent format into its cells.

Every file is opened without following links and without blocking, and read up to a cap; archives are never unpacked to
disk. Python is not parsed: four megabytes of brackets keep CPython's parser busy for minutes, so a syntax error is
reported by whoever executes the cell, in the confined child.
"""

from autograder.submission.discover import discover
from autograder.submission.model import Cell, Limits, Submission, SubmissionError
from autograder.submission.percent import percent_cells
from autograder.submission.reader import read

__all__ = ["Cell", "Limits", "Submission", "SubmissionError", "discover", "percent_cells", "read"]
