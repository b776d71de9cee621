"""The bank: wrong answers that the laws must reject, and other right answers that they must accept.

A bank file is ordinary Python: functions and classes under `@mistake(…)` or `@alternative(…)`. `entries(path)` reads
them as source, never importing the file, and `Entry.apply(reference)` gives the submission that a student who wrote
that answer would hand in: the reference module with one definition replaced.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UserError


def mistake(exercise: str, *, law: str, diagnosis: str, replaces: str | None = None):
    """Mark a wrong answer to `exercise`, which the law (test method) `law` must reject.

    `diagnosis` says in one sentence what went wrong, to the student who made it. `replaces` names the function or
    class it stands in for, by default the one named like the exercise.
    """
    return lambda definition: definition


def alternative(exercise: str, style: str, *, replaces: str | None = None, requires: str | None = None):
    """Mark a right answer to `exercise` written in another `style`, which must earn full marks.

    `requires` names a package beyond the course's own that the answer imports.
    """
    return lambda definition: definition


class BankError(UserError):
    """An entry of a bank file cannot be read; the message names the file and line."""


@dataclass(frozen=True)
class Entry:
    """One wrong or right answer: the exercise, the name it replaces, its source, and what its decorator says."""

    kind: str  # "mistake" or "alternative"
    label: str  # the name of the function or class in the bank file
    exercise: str
    replaces: str
    source: str  # the definition under the name that it replaces
    law: str | None = None
    diagnosis: str | None = None
    style: str | None = None
    requires: str | None = None

    @property
    def law_key(self) -> str:
        """The key of the law that must catch a mistake."""
        return f"{self.exercise}::{self.law}"

    def apply(self, reference: str) -> str:
        """The source of `reference` with this answer in place of its own.

        The definition is appended: Python looks names up when a function runs, so the later one counts, and a class
        may still derive from the one it replaces.
        """
        return f"{reference.rstrip()}\n\n\n{self.source}\n"


def entries(path: Path) -> list[Entry]:
    """All entries of the bank file at `path`, in order. Raises BankError for one that cannot be read."""
    text = path.read_text(encoding="utf-8")
    found = []
    for node in ast.parse(text, filename=str(path)).body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        marks = [call for call in node.decorator_list if _mark(call) in ("mistake", "alternative")]
        if len(marks) == 1:
            found.append(_entry(path, text, node, marks[0]))
        elif not node.name.startswith("_"):
            raise BankError(f"{path}:{node.lineno}: {node.name} needs one @mistake(…) or @alternative(…).")
    labels = [entry.label for entry in found]
    for label in labels:
        if labels.count(label) > 1:
            raise BankError(f"{path}: {label} is defined twice.")
    return found


def _mark(decorator: ast.expr) -> str | None:
    if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name):
        return decorator.func.id
    return None


def _entry(path: Path, text: str, node: ast.FunctionDef | ast.ClassDef, mark: ast.Call) -> Entry:
    kind = mark.func.id
    where = f"{path}:{node.lineno}: {node.name}"
    try:
        positional = [ast.literal_eval(argument) for argument in mark.args]
        options = {keyword.arg: ast.literal_eval(keyword.value) for keyword in mark.keywords}
    except ValueError:
        raise BankError(f"{where}: the arguments of @{kind} must be plain strings.") from None
    names = ["exercise"] if kind == "mistake" else ["exercise", "style"]
    options.update(zip(names, positional))
    needed = {"exercise", "law", "diagnosis"} if kind == "mistake" else {"exercise", "style"}
    if missing := needed - options.keys():
        raise BankError(f"{where}: @{kind} needs {', '.join(sorted(missing))}.")
    replaces = options.pop("replaces", None) or options["exercise"]
    source = _renamed(text, node, replaces)
    return Entry(kind=kind, label=node.name, replaces=replaces, source=source, **options)


def _renamed(text: str, node: ast.FunctionDef | ast.ClassDef, name: str) -> str:
    """The source of `node` without its decorators and under another name; recursive calls follow the name."""
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    first = node.lineno
    # Names are renamed from the last to the first, so that columns stay true.
    uses = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == node.name]
    for use in sorted(uses, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        line = lines[use.lineno - first].encode()
        line = line[: use.col_offset] + name.encode() + line[use.end_col_offset :]
        lines[use.lineno - first] = line.decode()
    keyword = "class" if isinstance(node, ast.ClassDef) else "def"
    lines[0] = lines[0].replace(f"{keyword} {node.name}", f"{keyword} {name}", 1)
    return "\n".join(lines)
