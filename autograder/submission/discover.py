"""`discover`: the submissions of a class, one per student.

A path is one student's if it is a file, or a folder that holds the topic's file; any other folder is a class, in which
every .py, .ipynb, zip and folder is one student's. Whatever else might be an attempt to hand in (a link, a .rar) is
listed too, so that reading it tells the student why it does not count.
"""

import os
import stat
import unicodedata
from collections.abc import Collection
from pathlib import Path

from autograder.submission.choose import ARCHIVES, SUFFIXES, choose
from autograder.submission.folder import names_in, path_mode
from autograder.submission.model import LIMITS, NotHandedIn, SubmissionError, shown
from autograder.submission.names import passed_over
from autograder.submission.reader import contents

LONGEST_ID = 100


def discover(paths: list[Path], stem: str, other_topics: Collection[str] = ()) -> list[tuple[str, Path]]:
    """(student id, path) of every submission to the topic `stem`, sorted by id; `read` takes the path.

    The id is the name of the student's file or folder; of `carol/gradients.py` it is carol. Students whose folder or
    zip holds nothing but `other_topics` are left out. Raises SubmissionError if two submissions have one id, naming
    both, and if a path does not exist.
    """
    found: dict[str, tuple[str, Path]] = {}
    for path in _candidates(paths, stem):
        if _is_for_others(path, stem, other_topics):
            continue
        student = student_id(path, stem)
        key = student.casefold()  # so that reports named after students do not overwrite one another
        if key in found:
            first = found[key][1]
            raise SubmissionError(
                f"{shown(str(first), 200)} and {shown(str(path), 200)} are both submissions of {student}: keep one."
            )
        found[key] = (student, path)
    return [found[key] for key in sorted(found)]


def student_id(path: Path, stem: str) -> str:
    """The student's id: letters, digits and ._@+- only, beginning with a letter or digit.

    Raises SubmissionError if nothing is left of the name.
    """
    name = path.name if path.is_dir() and not path.is_symlink() else path.stem
    if name in ("", stem):
        name = Path(os.path.abspath(path)).parent.name if name else Path(os.path.abspath(path)).name
    normal = unicodedata.normalize("NFC", name)
    clean = "".join(character if character.isalnum() or character in "._@+-" else "_" for character in normal)
    while clean and not clean[0].isalnum():
        clean = clean[1:]
    clean = clean[:LONGEST_ID].rstrip("._-")
    if not clean:
        raise SubmissionError(f"{shown(str(path), 200)}: its name has no letter or digit to tell the student by.")
    return clean


def _candidates(paths: list[Path], stem: str) -> list[Path]:
    """The students' paths, each once, classes opened up."""
    candidates: dict[str, Path] = {}
    for path in map(Path, paths):
        for candidate in _of_class(path, stem) if stat.S_ISDIR(path_mode(path)) else [path]:
            candidates.setdefault(os.path.abspath(candidate), candidate)
    return list(candidates.values())


def _of_class(folder: Path, stem: str) -> list[Path]:
    entries = names_in(folder)
    if any(name in (f"{stem}.py", f"{stem}.ipynb") for name, _ in entries):
        return [folder]
    return [folder / name for name, mode in entries if _may_be_a_student(name, mode)]


def _may_be_a_student(name: str, mode: int) -> bool:
    if passed_over(f"{name}/_") or name.lower().startswith("readme"):
        return False
    suffix = os.path.splitext(name)[1].lower()
    return stat.S_ISDIR(mode) or suffix in (*SUFFIXES, *ARCHIVES) or (stat.S_ISLNK(mode) and not suffix)


def _is_for_others(path: Path, stem: str, others: Collection[str]) -> bool:
    if not others:
        return False
    try:
        files = contents(path, LIMITS)
        if files is None:
            return path.stem in others
        choose(files, path.name, stem, others)
    except NotHandedIn:
        return True
    except SubmissionError:  # reading it will say so to its student
        return False
    return False
