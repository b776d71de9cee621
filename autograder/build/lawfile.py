"""Reads a property module without importing it: its exercises, their laws, and the helpers beside them.

`read_laws(path)` gives a `LawFile`. Everything in it is source text: which laws are public is decided by their marks,
and what the others need is found by `autograder.build.prune`.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from autograder.build.errors import BuildError

# The generated otter files define these themselves.
RESERVED = {"name", "points", "OK_FORMAT", "all_or_nothing", "test_case", "check_law"}


@dataclass(frozen=True)
class Member:
    """A statement in the body of an exercise's class: a law (then with its sentence), or something laws share."""

    name: str | None
    source: str  # with its decorators and the comments above it
    node: ast.stmt
    sentence: str | None = None
    hidden: bool = False

    @property
    def is_law(self) -> bool:
        return self.sentence is not None


@dataclass(frozen=True)
class LawClass:
    """The class that holds the laws of one exercise."""

    exercise: str
    points: int | float
    name: str
    line: int
    head: str  # decorators, `class …:` and the docstring, with the comments above them
    members: tuple[Member, ...]

    @property
    def laws(self) -> list[Member]:
        """The laws in order, public and hidden."""
        return [member for member in self.members if member.is_law]

    @property
    def public(self) -> list[Member]:
        """The laws that students receive."""
        return [law for law in self.laws if not law.hidden]


@dataclass(frozen=True)
class Item:
    """A statement at the top of the module: an import, a helper, or (then with `exercise`) the laws of an exercise."""

    source: str
    node: ast.stmt
    exercise: LawClass | None = None


@dataclass(frozen=True)
class LawFile:
    """A topic's property module: its path, its text and its statements in order, the docstring left out."""

    path: Path
    text: str
    items: tuple[Item, ...]

    @property
    def exercises(self) -> dict[str, LawClass]:
        """The classes of laws by exercise, in order."""
        return {item.exercise.exercise: item.exercise for item in self.items if item.exercise}


def read_laws(path: Path) -> LawFile:
    """The property module at `path`. Raises BuildError, naming the line, for whatever is wrong with its form."""
    if not path.is_file():
        raise BuildError(path, 1, "there is no such file.")
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise BuildError(path, error.lineno or 1, f"not valid Python: {error.msg}.") from None
    lines = text.splitlines()
    body = tree.body
    start = 1
    if ast.get_docstring(tree) is not None:
        start, body = body[0].end_lineno + 1, body[1:]
    items = []
    for node in body:
        _check_top_level(path, node, start)
        exercise = _law_class(path, lines, node, start) if isinstance(node, ast.ClassDef) else None
        items.append(Item(_slice(lines, start, node.end_lineno), node, exercise))
        start = node.end_lineno + 1
    law_file = LawFile(path, text, tuple(items))
    _check_names(law_file)
    return law_file


def bound_names(node: ast.stmt) -> set[str]:
    """The names that a top-level statement or class member defines; an item assignment counts for its container."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names = set()
    for target in filter(None, targets):
        names |= {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
    return names


def first_line(node: ast.stmt) -> int:
    """The line on which a statement begins, its decorators included."""
    return min([node.lineno] + [decorator.lineno for decorator in getattr(node, "decorator_list", [])])


def _slice(lines: list[str], first: int, last: int) -> str:
    """Lines `first` to `last` as text, without blank lines at the start.

    The comments between two statements go with the later one, so that they vanish with it.
    """
    part = [line.rstrip() for line in lines[first - 1 : last]]
    while part and not part[0]:
        part.pop(0)
    return "\n".join(part)


def _check_top_level(path: Path, node: ast.stmt, start: int) -> None:
    if first_line(node) < start:
        raise BuildError(path, node.lineno, "write one statement per line.")
    if isinstance(node, ast.ImportFrom) and (node.level or any(alias.name == "*" for alias in node.names)):
        raise BuildError(path, node.lineno, "import names one by one from an installed package.")
    simple = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)
    if not isinstance(node, simple) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        raise BuildError(path, node.lineno, "only imports, definitions, assignments and calls may stand here.")
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
        raise BuildError(path, node.lineno, f"{node.name} is in no class marked @pytest.mark.exercise.")


def _law_class(path: Path, lines: list[str], node: ast.ClassDef, start: int) -> LawClass | None:
    """The laws in a class that bears the exercise mark; None for a helper class."""
    marks = [decorator for decorator in node.decorator_list if _mark(decorator) == "exercise"]
    if not marks:
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name.startswith("test_"):
                raise BuildError(path, node.lineno, f'{node.name} needs @pytest.mark.exercise("name", points=1).')
        return None
    exercise, points = _exercise_arguments(path, marks[0])
    if any(_mark(decorator) == "hidden" for decorator in node.decorator_list):
        raise BuildError(path, node.lineno, f"{node.name}: mark single laws as hidden, not the class.")
    body, head_end = node.body, node.body[0].lineno - 1
    if ast.get_docstring(node) is not None:
        head_end, body = body[0].end_lineno, body[1:]
    else:
        head_end = _end_of_header(lines, node)
    members, position = [], head_end + 1
    for child in body:
        if first_line(child) < position:
            raise BuildError(path, child.lineno, "write one statement per line.")
        members.append(_member(path, child, _slice(lines, position, child.end_lineno)))
        position = child.end_lineno + 1
    law_class = LawClass(exercise, points, node.name, node.lineno, _slice(lines, start, head_end), tuple(members))
    _check_laws(path, node, law_class)
    return law_class


def _end_of_header(lines: list[str], node: ast.ClassDef) -> int:
    """The line of the colon that ends `class …:`; comments below it belong to the first member."""
    last = first_line(node.body[0]) - 1 if node.body else node.lineno
    while last > node.lineno and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
        last -= 1
    return last


def _member(path: Path, node: ast.stmt, source: str) -> Member:
    names = bound_names(node)
    name = next(iter(names)) if len(names) == 1 else None
    if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
        return Member(name, source, node)
    sentence = " ".join((ast.get_docstring(node) or "").split())
    if not sentence:
        raise BuildError(path, node.lineno, f"{node.name} needs a docstring: the sentence that students read.")
    if "target" not in [argument.arg for argument in node.args.args]:
        raise BuildError(path, node.lineno, f"{node.name} needs the argument `target`.")
    return Member(name, source, node, sentence, any(_mark(d) == "hidden" for d in node.decorator_list))


def _exercise_arguments(path: Path, mark: ast.expr) -> tuple[str, int | float]:
    form = 'write @pytest.mark.exercise("name", points=1).'
    if not isinstance(mark, ast.Call) or len(mark.args) != 1 or [k.arg for k in mark.keywords] != ["points"]:
        raise BuildError(path, mark.lineno, form)
    try:
        name, points = ast.literal_eval(mark.args[0]), ast.literal_eval(mark.keywords[0].value)
    except ValueError:
        raise BuildError(path, mark.lineno, form) from None
    if type(name) is not str or not name.isidentifier() or type(points) not in (int, float) or points <= 0:
        raise BuildError(path, mark.lineno, form)
    return name, points


def _mark(decorator: ast.expr) -> str | None:
    """The name of a pytest mark, from `pytest.mark.NAME` or `pytest.mark.NAME(…)`."""
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    return node.attr if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pytest.mark" else None


def _check_laws(path: Path, node: ast.ClassDef, law_class: LawClass) -> None:
    if not law_class.public:
        raise BuildError(path, node.lineno, f"exercise {law_class.exercise} has no public law.")
    seen: dict[str, int] = {}
    for member in law_class.members:
        if member.is_law and member.name in seen:
            raise BuildError(path, member.node.lineno, f"{member.name} stands on line {seen[member.name]} already.")
        if member.name:
            seen[member.name] = member.node.lineno


def _check_names(law_file: LawFile) -> None:
    exercises: dict[str, int] = {}
    classes: dict[str, int] = {}
    for item in law_file.items:
        line = item.node.lineno
        taken = bound_names(item.node) & RESERVED
        if taken:
            raise BuildError(law_file.path, line, f"otter's files use the name {taken.pop()!r}: choose another.")
        if item.exercise is None:
            continue
        for seen, name in ((exercises, item.exercise.exercise), (classes, item.exercise.name)):
            if name in seen:
                raise BuildError(law_file.path, line, f"{name} stands on line {seen[name]} already.")
            seen[name] = line
    if not exercises:
        raise BuildError(law_file.path, 1, "there is no class marked @pytest.mark.exercise.")
