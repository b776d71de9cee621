"""The data of this room: `Submission`, its `Cell`s, the `Limits` of reading, and the one error."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from autograder.errors import UserError

MEBIBYTE = 2**20


class SubmissionError(UserError):
    """The submission cannot be graded; the message is one line, for the student, and safe to print."""


class NotHandedIn(SubmissionError):
    """Everything in the folder or archive belongs to other topics."""


@dataclass(frozen=True)
class Limits:
    """How much is read. Sizes are in bytes; a notebook's outputs count for `notebook` alone, not for `source`."""

    source: int = 4 * MEBIBYTE  # one .py, or all code of a notebook
    notebook: int = 16 * MEBIBYTE  # the .ipynb file with its outputs
    archive: int = 64 * MEBIBYTE  # a zip, its content, and the helper modules together
    files: int = 2000  # in a folder or an archive
    depth: int = 8  # folders within folders; what lies deeper is left out
    cells: int = 10_000  # code cells: so many are graded, one more is refused
    brackets: int = 1_000_000  # opening brackets in a notebook's JSON: they bound what it becomes in memory


LIMITS = Limits()


@dataclass(frozen=True)
class Cell:
    """Source to execute; `label` is the file's name for a .py, "cell 3" for the third code cell of a notebook."""

    label: str
    source: str


@dataclass(frozen=True)
class Submission:
    """What is executed and what may be imported from it.

    `name` is the main file's name, `cells` its code in order (one cell for a .py), `helpers` the modules beside it by
    their path relative to the main file, `notes` what was skipped or repaired, for the student.
    """

    name: str
    cells: tuple[Cell, ...]
    helpers: dict[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over the name, the cells with their labels and the helpers: equal exactly if all of them are."""
        parts = [self.name.encode(), b"%d" % len(self.cells)]
        for cell in self.cells:
            parts += [cell.label.encode(), cell.source.encode()]
        for path in sorted(self.helpers):
            parts += [path.encode(), self.helpers[path]]
        hashed = hashlib.sha256()
        for part in parts:  # the length first, so that no two lists of parts read the same
            hashed.update(b"%d:" % len(part))
            hashed.update(part)
        return hashed.hexdigest()


@dataclass(frozen=True)
class Files:
    """The files of a folder or an archive by relative path; `read(path, limit)` gives one file's bytes.

    `special` says of paths that are no regular files what they are ("a symbolic link").
    """

    paths: tuple[str, ...]
    special: dict[str, str]
    read: Callable[[str, int], bytes]
    notes: tuple[str, ...] = ()


def shown(text: str, length: int = 80) -> str:
    """The text on one line, fit for a message: bounded, with whatever is not printable written as an escape."""
    start = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in start
    )


def listed(names: list[str], most: int = 5) -> str:
    """The names in one phrase: "a.csv, b.png and 3 others"."""
    phrase = ", ".join(shown(name) for name in names[:most])
    rest = len(names) - most
    return phrase if rest <= 0 else f"{phrase} and {rest} other{'s' * (rest > 1)}"


def size(count: int) -> str:
    """A number of bytes for a message."""
    return f"{count / MEBIBYTE:.0f} MiB" if count >= MEBIBYTE else f"{count:,} bytes"
