"""Finds lines of solutions and hidden laws among the files that students receive.

What is secret: every line of a solution block, of a staff-only cell and of a hidden law, its sentence and its name, and
every line of a helper that no public law uses, directly or through another helper.

When two lines are the same: they are compared without spaces, so that indentation does not matter; and wherever the
text is Python, statement by statement in a normal form as well, so that line breaks, quotes, brackets and comments do
not matter either. In markdown, inline code is compared with the values of returns and assignments too, but for a single
call with plain arguments, which only names a function of a library.

What is not reported: a line with fewer than six words, numbers and signs (`return x`, `loss.backward()`, `else:`),
which says nothing; and a line that also stands in the given code or in a public law, which students may see. Text in
a markdown cell excuses nothing: a solution quoted in the handout is a leak.
"""

import ast
import copy
import json
import re
import textwrap
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.build.cells import Solution
from autograder.build.drift import IGNORED
from autograder.build.lawfile import LawFile, bound_names, first_line
from autograder.build.topic import TopicSource

FEWEST_TOKENS = 6
FEWEST_TOKENS_OF_VALUE = 8  # an expression alone is less telling than a statement
LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d+\.)\s+(?P<text>.*)")
LINE_COMMENT = re.compile(r"\s*#\s?(?P<text>.*)")


@dataclass(frozen=True)
class Leak:
    """A line of a student's file that gives away `secret`, which says where it comes from."""

    path: Path
    line: int
    text: str
    secret: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text.strip()!r} is from {self.secret}"


def find_leaks(source: TopicSource, folder: Path) -> list[Leak]:
    """The leaks of one topic in all files of `folder`, by file and line."""
    secrets = _secrets(source)
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if IGNORED & set(path.relative_to(folder).parts):
            continue
        for key, line, text in _file_keys(path):
            if key in secrets:
                found.setdefault((path, line, secrets[key]), Leak(path, line, text, secrets[key]))
    return list(found.values())


def _secrets(source: TopicSource) -> dict[str, str]:
    """What must not occur, with a description of where it comes from."""
    open_keys, secret = set(), {}
    for path, lines, open_lines, origins in (_of_solution(source.solution), _of_laws(source.laws)):
        open_keys |= {key for key, _, _ in _python_keys(lines, open_lines)}
        for key, number, text in _python_keys(lines, origins.keys(), values=True):
            fewest = FEWEST_TOKENS_OF_VALUE if text.startswith("value ") else FEWEST_TOKENS
            if len(re.findall(r"\w+|[^\w\s]", text.removeprefix("value "))) >= fewest:
                secret.setdefault(key, f"{origins[number]} ({path.name}:{number})")
    return {key: origin for key, origin in secret.items() if key not in open_keys}


def _of_solution(solution: Solution) -> tuple[Path, list[str], set[int], dict[int, str]]:
    """The lines of given code, and the secret ones with their origin, by number."""
    given, origins = set(), {}
    for cell in solution.cells:
        numbers = range(cell.first, cell.first + len(cell.lines))
        if "staff" in cell.tags:
            origins.update(dict.fromkeys(numbers, "a staff-only cell"))
        elif cell.kind == "code":
            inside = {n for block in cell.blocks for n in range(block.begin, block.end + 1)}
            markers = {n for block in cell.blocks for n in (block.begin, block.end)}
            given |= set(numbers) - inside
            origins.update(dict.fromkeys(sorted(inside - markers), f"the solution of {cell.exercise}"))
    return solution.path, solution.text.splitlines(), given, origins


def _of_laws(laws: LawFile) -> tuple[Path, list[str], set[int], dict[int, str]]:
    """The lines of public laws and what they use, and the secret ones with their origin, by number.

    What is used is found by name alone: this does not trust `autograder.build.prune`, whose work it examines.
    """
    parts = []  # (statement, first line, origin if secret, whether to begin from it)
    for item in laws.items:
        members = item.exercise.members if item.exercise else ()
        for member in members:
            origin = f"the hidden law {member.name}" if member.hidden else f"{member.name or 'a member'} of hidden laws"
            parts.append((member.node, origin, member.is_law and not member.hidden))
        if not members:
            is_open = isinstance(item.node, (ast.Import, ast.ImportFrom, ast.Expr))
            origin = f"{' and '.join(sorted(bound_names(item.node)))}, a helper of hidden laws only"
            parts.append((item.node, origin, is_open))
    used = [node for node, _, begins in parts if begins]
    hidden = {id(member.node) for item in laws.items if item.exercise for member in item.exercise.laws if member.hidden}
    mentioned = set().union(*map(_mentions, used))
    while more := [n for n, _, _ in parts if n not in used and id(n) not in hidden and bound_names(n) & mentioned]:
        used += more
        mentioned.update(*map(_mentions, more))
    origins = {}
    lines = laws.text.splitlines()
    for node, origin, _ in parts:
        if node not in used:
            first = first_line(node)
            while first > 1 and LINE_COMMENT.fullmatch(lines[first - 2]):
                first -= 1
            origins.update(dict.fromkeys(range(first, node.end_lineno + 1), origin))
    return laws.path, lines, set(range(1, len(lines) + 1)) - origins.keys(), origins


def _mentions(node: ast.stmt) -> set[str]:
    """The names and attributes that a statement uses; what a function calls by its own local names does not count."""
    parts = list(ast.walk(node))
    names = {part.attr for part in parts if isinstance(part, ast.Attribute)}
    if not isinstance(node, ast.FunctionDef):
        return names | {part.id for part in parts if isinstance(part, ast.Name)}
    inside = [part for statement in node.body for part in ast.walk(statement)]
    local = {part.id for part in inside if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    local |= {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
    outside = [part for tree in (node.args, *node.decorator_list) for part in ast.walk(tree)]
    names |= {part.id for part in outside if isinstance(part, ast.Name)}
    return names | {part.id for part in inside if isinstance(part, ast.Name) and part.id not in local}


def _key(text: str) -> str:
    return "".join(text.split())


def _python_keys(lines: list[str], numbers: Collection[int], values: bool = False) -> Iterator[tuple[str, int, str]]:
    """The keys of the numbered lines of a module, and of the statements that begin on them."""
    for number in sorted(numbers):
        text = lines[number - 1]
        comment = LINE_COMMENT.fullmatch(text)
        yield _key(comment["text"] if comment else text), number, text
    for key, number, text in _statements(ast.parse("\n".join(lines)), values):
        if number in numbers:
            yield key, number, text


def _statements(tree: ast.Module, values: bool) -> Iterator[tuple[str, int, str]]:
    """Every statement in normal form with its line; with `values`, also what is returned or assigned."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        for decorator in getattr(node, "decorator_list", []):
            yield _key(f"@{ast.unparse(decorator)}"), decorator.lineno, f"@{ast.unparse(decorator)}"
        head = copy.copy(node)
        for attribute in ("body", "orelse", "finalbody", "handlers", "decorator_list", "cases"):
            if hasattr(head, attribute):
                setattr(head, attribute, [ast.Pass()] if attribute == "body" else [])
        text = ast.unparse(head)
        yield _key(text), node.lineno, text
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield _key(node.value.value), node.lineno, node.value.value  # a docstring: the sentence of a law
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield f"name {node.name}", node.lineno, f"the name {node.name}, which is enough to ask after it"
        value = getattr(node, "value", None) if isinstance(node, (ast.Return, ast.Assign, ast.AugAssign)) else None
        if values and value is not None and not _is_plain_call(value):
            yield _key(ast.unparse(value)), node.lineno, f"value {ast.unparse(value)}"


def _is_plain_call(value: ast.expr) -> bool:
    if not isinstance(value, ast.Call):
        return False
    arguments = [*value.args, *(keyword.value for keyword in value.keywords)]
    return all(isinstance(argument, (ast.Name, ast.Constant)) for argument in arguments)


def _file_keys(path: Path) -> Iterator[tuple[str, int, str]]:
    """The keys of everything in a student's file, with lines; in a notebook those of the cell or other string."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    document = _notebook(text) if path.suffix == ".ipynb" else None
    if document is None:
        yield from _text_keys(text)
        if path.suffix == ".py":
            yield from _code_keys(text)
        elif path.suffix == ".md":
            yield from _markdown_keys(text)
        return
    for string in _strings(document):
        yield from _text_keys(string)
    for cell in document.get("cells", []):
        source = "".join(cell.get("source", ""))
        yield from _code_keys(source) if cell.get("cell_type") == "code" else _markdown_keys(source)


def _notebook(text: str) -> dict | None:
    """The notebook in `text`; None if it is not JSON, then it is compared as plain text."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _strings(value) -> Iterator[str]:
    """Every string in a JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from _strings(child)
    elif isinstance(value, list):
        for child in value:
            yield from _strings(child)


def _text_keys(text: str) -> Iterator[tuple[str, int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        comment = LINE_COMMENT.fullmatch(line) or LIST_ITEM.fullmatch(line)
        yield _key(comment["text"] if comment else line), number, line
        for name in re.findall(r"\btest_\w+", line):
            yield f"name {name}", number, line


def _code_keys(code: str) -> Iterator[tuple[str, int, str]]:
    try:
        tree = ast.parse(textwrap.dedent(code))
    except SyntaxError:
        return  # not Python, such as a cell with a notebook command: its lines have been compared as text
    yield from _statements(tree, values=False)


def _markdown_keys(text: str) -> Iterator[tuple[str, int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for span in re.findall(r"`+([^`]+)`+", line):
            yield _key(span), number, span
            for key, _, _ in _code_keys(span.strip()):
                yield key, number, span
    for match in re.finditer(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        offset = text.count("\n", 0, match.start(1))
        for key, number, statement in _code_keys(match[1]):
            yield key, number + offset, statement
