"""Files on disk, opened as if whoever put them there meant harm.

`read_file(path, limit)` reads one file, `list_folder(path, limits)` a folder. Below the path that the grader's user
names, every component is opened on its own, relative to its parent's descriptor and without following links: what
openat2 gives with RESOLVE_BENEATH, NO_SYMLINKS and NO_MAGICLINKS, without needing that call. Nothing but a regular file
is opened for reading, and no open blocks.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.submission.model import Files, Limits, SubmissionError, shown, size
from autograder.submission.names import odd, passed_over

# Windows has none of these flags, nor files opened relative to a folder: there, links are looked for one step earlier.
COMPONENTWISE = os.open in os.supports_dir_fd and os.scandir in os.supports_fd
SAFELY = sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))
FOLDER = SAFELY | getattr(os, "O_DIRECTORY", 0)

KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


def kind(mode: int) -> str:
    """What a file mode stands for, in words; empty for a regular file and for a folder."""
    return next((words for is_kind, words in KINDS if is_kind(mode)), "")


def path_mode(path: Path) -> int:
    """The mode of what lies at `path`, links not followed; SubmissionError if there is nothing or it is special."""
    with _errors(path.name):
        mode = os.lstat(path).st_mode
    _refuse_special(mode, path.name)
    return mode


def read_file(path: Path, limit: int, below: tuple[str, ...] = ()) -> bytes:
    """The bytes of the regular file `path`, or of the one at `below` under the folder `path`.

    Raises SubmissionError if it is something else, cannot be read, or holds more than `limit` bytes.
    """
    name = "/".join(below) or path.name
    with _errors(name), _parent(path, below) as (parent, last):
        _refuse_special(os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode, name)
        descriptor = os.open(last, os.O_RDONLY | SAFELY, dir_fd=parent)
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)  # asked again: this is the file that was opened
            _refuse_special(found.st_mode, name)
            data = file.read(limit + 1) if found.st_size <= limit else b""
    if found.st_size > limit or len(data) > limit:
        raise SubmissionError(f"{shown(name)} is larger than {size(limit)}.")
    return data


def list_folder(root: Path, limits: Limits) -> Files:
    """The files below `root`, in order; what is special is named, never opened."""
    paths: list[str] = []
    special: dict[str, str] = {}
    notes: list[str] = []
    waiting: list[tuple[str, ...]] = [()]
    seen = 0
    too_many = f"{shown(root.name)} holds more than {limits.files:,} files: hand in your own only."
    while waiting:
        parts = waiting.pop()
        for name, mode in _entries(root, parts):
            path = "/".join((*parts, name))
            seen += 1
            if seen > 10 * limits.files:  # with those passed over
                raise SubmissionError(too_many)
            if passed_over(path) or (stat.S_ISDIR(mode) and passed_over(f"{path}/_")):
                continue
            if odd(path):
                notes.append(f"{shown(path)} was left out: there are characters in its name that do not print.")
            elif stat.S_ISDIR(mode) and len(parts) >= limits.depth:
                notes.append(f"{shown(path)} was left out: it lies deeper than {limits.depth} folders.")
            elif stat.S_ISDIR(mode):
                waiting.append((*parts, name))
            elif stat.S_ISREG(mode):
                paths.append(path)
            else:
                special[path] = kind(mode) or "no regular file"
        if len(paths) + len(special) + len(waiting) > limits.files:
            raise SubmissionError(too_many)
    return Files(
        paths=tuple(sorted(paths)),
        special=dict(sorted(special.items())),
        read=lambda path, limit: read_file(root, limit, tuple(path.split("/"))),
        notes=tuple(sorted(notes)),
    )


def names_in(folder: Path) -> list[tuple[str, int]]:
    """Name and mode of everything directly in `folder`, sorted by name, links not followed."""
    return sorted(_entries(folder, ()))


def _entries(root: Path, parts: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    with _errors("/".join(parts) or root.name), _parent(root, (*parts, "")) as (parent, _):
        place = root.joinpath(*parts) if parent is None else parent
        with os.scandir(place) as found:
            for entry in found:
                yield entry.name, entry.stat(follow_symlinks=False).st_mode


@contextmanager
def _parent(root: Path, below: tuple[str, ...]) -> Iterator[tuple[int | None, str]]:
    """The descriptor of the folder that holds the last of `below`, and its name; (None, path) where there are none."""
    if not below:
        yield None, os.fspath(root)
        return
    *folders, last = below
    if not COMPONENTWISE:
        path = root
        for part in ("", *folders):
            path = path / part
            _refuse_special(os.lstat(path).st_mode, path.name)
        yield None, os.fspath(path / last)
        return
    descriptor = os.open(root, FOLDER)
    try:
        for part in folders:
            inner = os.open(part, FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor, last
    finally:
        os.close(descriptor)


@contextmanager
def _errors(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise SubmissionError(f"{shown(name)}: there is no such file.") from None
    except OSError as error:
        raise SubmissionError(f"{shown(name)} cannot be read: {error.strerror or type(error).__name__}.") from None


def _refuse_special(mode: int, name: str) -> None:
    if kind(mode):
        raise SubmissionError(f"{shown(name)} is {kind(mode)}: hand in the file itself.")
