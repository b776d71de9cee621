"""Mutants that compute the same as the reference, each with the reason: `tests/mistakes/TOPIC.equivalents.toml`.

    [[equivalent]]
    exercise = "relu"
    function = "relu"
    before = "return torch.where(x > 0, x, torch.zeros_like(x))"
    after = "return torch.where(x >= 0, x, torch.zeros_like(x))"
    reason = "At x = 0 both branches give 0."

`before` and `after` are the lines that the mutant changes. An entry counts as long as there is a mutant that changes
just these lines in that function: when the reference's code changes, the entry is stale, and an error.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course, Topic
from autograder.errors import UserError
from autograder.mutants.generate import Mutant

if sys.version_info >= (3, 11):
    import tomllib
else:  # Python 3.10 has no TOML reader of its own
    import tomli as tomllib

KEYS = ("exercise", "function", "before", "after", "reason")


@dataclass(frozen=True)
class Equivalent:
    """One entry: the change, by its lines without indentation, and why it changes nothing."""

    exercise: str
    function: str
    before: str
    after: str
    reason: str

    def names(self, mutant: Mutant) -> bool:
        """Whether this is the change that `mutant` makes."""
        mine = (self.exercise, self.function, self.before, self.after)
        return mine == (mutant.exercise, mutant.function, mutant.before, mutant.after)


def equivalents_path(course: Course, topic: Topic) -> Path:
    """Where the topic's equivalent mutants are recorded."""
    return course.mistakes(topic).with_suffix(".equivalents.toml")


def read_equivalents(path: Path) -> list[Equivalent]:
    """The entries of the file at `path`; none if there is no such file. Raises UserError for one that is not valid."""
    if not path.is_file():
        return []
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None
    return [_entry(path, number, entry) for number, entry in enumerate(data.get("equivalent", []), 1)]


def _entry(path: Path, number: int, entry: dict) -> Equivalent:
    for key in KEYS:
        if not isinstance(entry.get(key), str):
            raise UserError(f"{path}: the {number}. [[equivalent]] needs a text as {key}.")
    if not entry["reason"].strip():
        raise UserError(f"{path}: the {number}. [[equivalent]] ({entry['exercise']}) gives no reason.")
    lines = {key: _stripped(entry[key]) for key in ("before", "after")}
    return Equivalent(entry["exercise"], entry["function"], **lines, reason=" ".join(entry["reason"].split()))


def _stripped(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip("\n").splitlines())


def as_toml(mutant: Mutant) -> str:
    """An entry for `mutant` whose reason is left to be written."""
    values = {"exercise": mutant.exercise, "function": mutant.function, "before": mutant.before, "after": mutant.after}
    lines = [f"{key} = {_quoted(value)}" for key, value in values.items()]
    return "\n".join(["[[equivalent]]", *lines, 'reason = ""'])


def _quoted(text: str) -> str:
    if "\n" in text and "'''" not in text:
        return f"'''\n{text}\n'''"
    return json.dumps(text, ensure_ascii=False)
