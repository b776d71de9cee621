"""What a student means by the name they give: a file, its topic, and its laws. Quick, since it needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder import submission
from autograder.course import CourseError, find_root, load
from autograder.errors import UserError


@dataclass(frozen=True)
class Work:
    """A student's file, the name of its topic, the file that holds the public laws, and what the first holds."""

    path: Path
    topic: str
    laws: Path
    content: submission.Submission


def find_work(name: str | None, topic: str | None = None) -> Work:
    """What `name` means: a file, a folder with an assignment in it, a topic of the course, or the current folder.

    `topic` says which topic a file is for when its name does not. Raises UserError for anything else.
    """
    path = Path(name or ".")
    if path.is_dir():
        return _work_in_folder(path)
    if path.is_file():
        stem = topic or path.stem
        return _read(path, stem, _laws_for(path, stem))
    if path.suffix in (".py", ".ipynb") or len(path.parts) > 1:
        raise UserError(f"There is no file {path}.")
    try:
        course = load(find_root())
        return _work_in_folder(course.assignment(course.topic(name)))
    except CourseError as error:
        raise UserError(f"{name!r} is neither a file nor a folder here. {error}") from None


def _work_in_folder(folder: Path) -> Work:
    laws = sorted(folder.glob("test_*.py"))
    if len(laws) != 1:
        found = "no file test_TOPIC.py" if not laws else f"{len(laws)} files test_TOPIC.py"
        raise UserError(f"{folder}: {found} here. Name your file, or go to the folder of one assignment.")
    topic = laws[0].stem.removeprefix("test_")
    for path in (folder / f"{topic}.py", folder / f"{topic}.ipynb"):
        if path.is_file():
            return _read(path, topic, laws[0])
    raise UserError(f"{folder}: neither {topic}.py nor {topic}.ipynb is here.")


def _read(path: Path, topic: str, laws: Path) -> Work:
    try:
        return Work(path, topic, laws, submission.read(path, topic))
    except submission.SubmissionError as error:
        raise UserError(f"{path}: {error}") from None


def _laws_for(path: Path, topic: str) -> Path:
    """The public laws of `topic`: beside the student's file, or in the assignments of the course it lies in."""
    beside = path.parent / f"test_{topic}.py"
    if beside.is_file():
        return beside
    try:
        course = load(find_root(path.parent))
        laws = course.assignment(course.topic(topic)) / f"test_{topic}.py"
    except CourseError as error:
        raise UserError(
            f"{path}: no test_{topic}.py lies beside it. {error} (--topic NAME says which it is.)"
        ) from None
    if not laws.is_file():
        raise UserError(f"{laws} does not exist yet: `autograder build {topic}` makes it.")
    return laws
