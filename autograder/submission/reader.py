"""`read`: one file, folder or archive to one `Submission`."""

import os
import re
import stat
from collections.abc import Collection
from pathlib import Path

from autograder.submission.archive import list_archive
from autograder.submission.choose import SUFFIXES, choose, helper_paths
from autograder.submission.folder import list_folder, path_mode, read_file
from autograder.submission.ipython import plain
from autograder.submission.model import LIMITS, Cell, Files, Limits, Submission, SubmissionError, shown, size
from autograder.submission.notebook import notebook_cells
from autograder.submission.text import source_text

MOST_NOTES = 30
UNWRITTEN = re.compile(r"^[ \t]*raise NotImplementedError\b", re.MULTILINE)


def read(path: Path, stem: str, limits: Limits = LIMITS, other_topics: Collection[str] = ()) -> Submission:
    """What the student handed in at `path` for the topic `stem`: a .py, an .ipynb, a .zip or a folder.

    `other_topics` names those whose files may lie in the same folder. If a folder holds both `stem`.py and
    `stem`.ipynb, as the handout's does, the one with fewer exercises unwritten is read, and a note says so.
    Raises SubmissionError, in one line for the student.
    """
    path = Path(path)
    files = contents(path, limits)
    if files is not None:
        return _choose_and_read(files, _name(path), stem, limits, other_topics)
    if path.suffix.lower() not in SUFFIXES:
        raise SubmissionError(f"{shown(path.name)}: hand in a .py, an .ipynb, a .zip or a folder.")
    return _submission(path.name, read_file(path, _limit(path.name, limits)), limits)


def contents(path: Path, limits: Limits) -> Files | None:
    """The files of a folder or a zip, unread; None for another file. Raises SubmissionError for anything else."""
    if stat.S_ISDIR(path_mode(path)):
        return list_folder(path, limits)
    if path.suffix.lower() == ".zip":
        return list_archive(read_file(path, limits.archive), path.name, limits)
    return None


def _choose_and_read(files: Files, name: str, stem: str, limits: Limits, others: Collection[str]) -> Submission:
    choice = choose(files, name, stem, others)
    read = [(main, _submission(main, files.read(main, _limit(main, limits)), limits)) for main in choice.mains]
    notes = list(files.notes)
    if len(read) > 1:
        read.sort(key=lambda pair: _unwritten(pair[1]))
        (main, first), (other, second) = read
        if _unwritten(first) == _unwritten(second):
            raise SubmissionError(f"{shown(main)} and {shown(other)} are both in {shown(name)}: hand in one of them.")
        notes.insert(0, f"{shown(main)} was graded, not {shown(other)}, where more exercises are unwritten.")
    main, submission = read[0]
    paths, left_out = helper_paths(files, choice, main, stem, others)
    helpers, total = {}, 0
    for path in paths:
        data = files.read(path, limits.source)
        total += len(data)
        if total > limits.archive:
            raise SubmissionError(f"the modules beside {shown(main)} are larger than {size(limits.archive)} together.")
        helpers[path[len(choice.folder) :]] = data
    notes += [*left_out, *submission.notes]
    return Submission(submission.name, submission.cells, helpers, _bounded(notes))


def _submission(path: str, data: bytes, limits: Limits) -> Submission:
    name = shown(path.rpartition("/")[2], 120)
    if not data.strip():
        raise SubmissionError(f"{name} is empty.")
    if path.lower().endswith(".ipynb"):
        cells, notes = notebook_cells(data, name, limits)
        return Submission(name, tuple(cells), notes=_bounded(notes))
    text, notes = source_text(data, name)
    if not text.strip():
        raise SubmissionError(f"{name} is empty.")
    source, taken = plain(text)
    notes += [f"{name}, line {line}: skipped {shown(words, 40)}" for line, words in taken]
    return Submission(name, (Cell(name, source),), notes=_bounded(notes))


def _name(path: Path) -> str:
    return os.path.basename(os.path.abspath(path))  # Path(".") has no name of its own


def _limit(path: str, limits: Limits) -> int:
    return limits.notebook if path.lower().endswith(".ipynb") else limits.source


def _unwritten(submission: Submission) -> int:
    return sum(len(UNWRITTEN.findall(cell.source)) for cell in submission.cells)


def _bounded(notes: list[str]) -> tuple[str, ...]:
    if len(notes) <= MOST_NOTES:
        return tuple(notes)
    return (*notes[:MOST_NOTES], f"… and {len(notes) - MOST_NOTES:,} more such notes.")
