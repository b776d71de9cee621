"""Which file of a folder or an archive is the answer to a topic, and which others it may import.

The topic's own name decides, wherever it lies (the shallowest folder first); failing that, the only .py or .ipynb there
is. Files that bear another topic's name are neither.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from autograder.submission.model import Files, NotHandedIn, SubmissionError, listed, shown
from autograder.submission.names import hides_a_library, importable

SUFFIXES = (".py", ".ipynb")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".rar", ".7z")


class Choice(NamedTuple):
    """The folder of the answer ("" or "path/"), and its main file; two if a module and a notebook bear the name."""

    folder: str
    mains: tuple[str, ...]


def choose(files: Files, name: str, stem: str, others: Collection[str]) -> Choice:
    """The main file for the topic `stem` among the files of the submission called `name`.

    Raises SubmissionError if there is none or more than one, and NotHandedIn if all are for topics in `others`.
    """
    exact = [path for path in (*files.paths, *files.special) if _base(path) in (f"{stem}.py", f"{stem}.ipynb")]
    if exact:
        folder = _only_folder(exact, f"in {shown(name)}, {stem} lies in several folders")
        mains = tuple(sorted(path for path in exact if _folder(path) == folder))
        for path in mains:
            if path in files.special:
                raise SubmissionError(f"{shown(path)} is {files.special[path]}: hand in the file itself.")
        return Choice(folder, mains)
    found = [path for path in files.paths if path.endswith(SUFFIXES)]
    own = [path for path in found if _base(path).rpartition(".")[0] not in others]
    if not own:
        raise _nothing(files, name, stem, bool(found))
    folder = _only_folder(own, f"in {shown(name)}, no file is called {stem}, and several folders hold code")
    mains = sorted(path for path in own if _folder(path) == folder)
    if len(mains) > 1:
        raise SubmissionError(
            f"in {shown(name)}, which file is the answer ({listed(mains)})? Call it {stem}.py or {stem}.ipynb."
        )
    return Choice(folder, tuple(mains))


def helper_paths(
    files: Files, choice: Choice, main: str, stem: str, others: Collection[str]
) -> tuple[list[str], list[str]]:
    """The modules beside the main file and in packages below it, and notes on the files that were left out."""
    left_out: dict[str, list[str]] = defaultdict(list)
    helpers = []
    topics = {f"{other}{suffix}" for other in others for suffix in SUFFIXES} | {f"{stem}.ipynb"}
    for path in sorted((*files.paths, *files.special)):
        relative = path[len(choice.folder) :]
        outside = not path.startswith(choice.folder)
        if path == main or relative in topics or (outside and _base(path) in topics):
            continue
        if path in files.special:
            left_out[f"{files.special[path]}, which is never followed or opened"].append(path)
        elif outside:
            left_out["outside the folder of the main file"].append(path)
        elif path.lower().endswith(ARCHIVES):
            left_out["an archive within"].append(path)
        elif not path.endswith(".py"):
            left_out["not a Python module"].append(path)
        elif not importable(relative):
            left_out["not a name that Python can import"].append(path)
        elif hides_a_library(relative):
            left_out["the name of a library, which it would hide"].append(path)
        else:
            helpers.append(path)
    return helpers, [f"Not used ({reason}): {listed(paths)}." for reason, paths in left_out.items()]


def _only_folder(paths: list[str], problem: str) -> str:
    """The folder of the paths that lie least deep; SubmissionError if there are several."""
    depth = min(path.count("/") for path in paths)
    folders = sorted({_folder(path) for path in paths if path.count("/") == depth})
    if len(folders) > 1:
        raise SubmissionError(f"{problem} ({listed(folders)}): hand in one.")
    return folders[0]


def _nothing(files: Files, name: str, stem: str, for_others: bool) -> SubmissionError:
    if for_others:
        return NotHandedIn(f"{shown(name)} has no {stem}.py or {stem}.ipynb.")
    special = [path for path in files.special if path.endswith(SUFFIXES)]
    if special:
        return SubmissionError(f"{shown(special[0])} is {files.special[special[0]]}: hand in the file itself.")
    archives = [path for path in files.paths if path.lower().endswith(ARCHIVES)]
    hint = f" Archives within it are not opened: {listed(archives)}." if archives else ""
    return SubmissionError(f"{shown(name)} holds no .py and no .ipynb.{hint}")


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _folder(path: str) -> str:
    head, slash, _ = path.rpartition("/")
    return head + slash
