"""Reads a solution module: cells in the percent format, exercises, and the blocks that hold the solution.

`read_solution(path)` gives a `Solution` whose cells know their exercise, tags and solution blocks; `student_code(cell)`
is what is left of a code cell when its blocks are replaced by TODOs, `reference_code(cell)` the cell without markers.
"""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from autograder.build.errors import BuildError

MARKER = re.compile(r"# %%(?P<options>.*)")
OPTION = re.compile(r"\s*(?P<key>\w+)\s*=\s*(?P<value>\"[^\"]*\"|'[^']*'|\[[^\]]*\])")
BEGIN = re.compile(r"(?P<indent> *)# BEGIN SOLUTION(?:: *(?P<hint>\S.*))?")
END = re.compile(r"(?P<indent> *)# END SOLUTION")
# Anything that looks like a marker and is none would hand the solution to students.
MISSPELT = re.compile(r"\s*#\W*(begin|end)\W*solutions?\b", re.IGNORECASE)


@dataclass(frozen=True)
class Block:
    """A solution block: the lines of its two markers, its indentation, hint, and the function it is the body of."""

    begin: int
    end: int
    indent: str
    hint: str | None
    function: str


@dataclass(frozen=True)
class Cell:
    """One cell. `line` is that of its marker; `lines` are those below it, without blank ones at either end."""

    kind: str  # "markdown" or "code"
    line: int
    first: int  # line number of lines[0]
    lines: tuple[str, ...]
    exercise: str | None = None
    tags: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = field(default=())

    @property
    def source(self) -> str:
        """The code as it stands, or the markdown without its comment signs."""
        if self.kind == "code":
            return "\n".join(self.lines)
        return "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in self.lines)

    @property
    def headings(self) -> list[str]:
        """The heading lines of a markdown cell, outside of fenced code."""
        found, fenced = [], False
        for line in self.source.splitlines():
            fenced ^= line.lstrip().startswith("```")
            if not fenced and re.match(r"#{1,6} ", line):
                found.append(line)
        return found


@dataclass(frozen=True)
class Solution:
    """A topic's solution module: its path, its text and all its cells, staff-only ones included."""

    path: Path
    text: str
    cells: tuple[Cell, ...]

    @property
    def shared(self) -> list[Cell]:
        """The cells that students receive."""
        return [cell for cell in self.cells if "staff" not in cell.tags]

    @property
    def exercises(self) -> dict[str, Cell]:
        """The exercise cells by name, in order."""
        return {cell.exercise: cell for cell in self.shared if cell.exercise}


def read_solution(path: Path) -> Solution:
    """The solution module at `path`. Raises BuildError, naming the line, for whatever is wrong with its form."""
    if not path.is_file():
        raise BuildError(path, 1, "there is no such file.")
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise BuildError(path, error.lineno or 1, f"not valid Python: {error.msg}.") from None
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    cells = tuple(_with_blocks(path, cell, tree, statements) for cell in _split(path, text.splitlines()))
    _check(path, cells)
    return Solution(path, text, cells)


def student_code(cell: Cell) -> str:
    """The code cell with each solution block replaced by a TODO and `raise NotImplementedError`."""
    return _replace_blocks(cell, lambda block: [
        f"{block.indent}# TODO: {block.hint or 'write this.'}",
        f'{block.indent}raise NotImplementedError("{block.function}: not written yet")',
    ])


def reference_code(cell: Cell) -> str:
    """The code cell with its solution, without the markers."""
    def body(block: Block) -> list[str]:
        return list(cell.lines[block.begin + 1 - cell.first : block.end - cell.first])

    return _replace_blocks(cell, body)


def _replace_blocks(cell: Cell, replacement) -> str:
    lines = list(cell.lines)
    for block in reversed(cell.blocks):
        lines[block.begin - cell.first : block.end - cell.first + 1] = replacement(block)
    return "\n".join(lines)


def _split(path: Path, lines: list[str]) -> list[Cell]:
    starts = [number for number, line in enumerate(lines, 1) if MARKER.fullmatch(line)]
    before = lines[: starts[0] - 1] if starts else lines
    for number, line in enumerate(before, 1):
        if line.strip():
            raise BuildError(path, number, "text before the first cell; begin the file with `# %% [markdown]`.")
    if not starts:
        raise BuildError(path, 1, "there are no cells; a cell begins with a line `# %%`.")
    ends = [start - 1 for start in starts[1:]] + [len(lines)]
    return [_cell(path, lines, start, end) for start, end in zip(starts, ends)]


def _cell(path: Path, lines: list[str], start: int, end: int) -> Cell:
    kind, options = _options(path, start, MARKER.fullmatch(lines[start - 1])["options"])
    first = start + 1
    while first <= end and not lines[first - 1].strip():
        first += 1
    while end >= first and not lines[end - 1].strip():
        end -= 1
    body = tuple(line.rstrip() for line in lines[first - 1 : end])
    if kind == "markdown":
        for number, line in enumerate(body, first):
            if line and not line.startswith("#"):
                raise BuildError(path, number, "a line of a markdown cell must begin with `# `.")
        if options["exercise"]:
            raise BuildError(path, start, "a markdown cell cannot be an exercise.")
    return Cell(kind, start, first, body, options["exercise"], tuple(options["tags"]))


def _options(path: Path, line: int, text: str) -> tuple[str, dict]:
    """The kind of a cell, its exercise and tags, from what follows `# %%`."""
    rest = text.strip()
    kind = "code"
    if rest.startswith("[markdown]"):
        kind, rest = "markdown", rest.removeprefix("[markdown]")
    options = {"exercise": None, "tags": []}
    types = {"exercise": str, "tags": list}
    while match := OPTION.match(rest):
        key = match["key"]
        if key not in options:
            raise BuildError(path, line, f"a cell has no option {key!r}; there are exercise and tags.")
        try:
            options[key] = ast.literal_eval(match["value"])
        except (ValueError, SyntaxError):
            raise BuildError(path, line, f"the value of {key} is not valid: {match['value']}.") from None
        if not isinstance(options[key], types[key]):
            raise BuildError(path, line, f'write exercise="NAME" and tags=["TAG"], not {match[0].strip()}.')
        rest = rest[match.end() :]
    if rest.strip():
        raise BuildError(path, line, f"cannot read {rest.strip()!r} after `# %%`.")
    if options["exercise"] is not None and not options["exercise"].isidentifier():
        raise BuildError(path, line, f"the exercise name {options['exercise']!r} must be a Python identifier.")
    return kind, options


def _with_blocks(path: Path, cell: Cell, tree: ast.Module, statements: list[ast.stmt]) -> Cell:
    """The same cell with its solution blocks found and checked."""
    blocks, opened = [], None
    for number, line in enumerate(cell.lines, cell.first):
        begin, end = BEGIN.fullmatch(line), END.fullmatch(line)
        if begin:
            if opened:
                raise BuildError(path, number, f"BEGIN SOLUTION inside the block begun on line {opened[0]}.")
            opened = (number, begin)
        elif end:
            if not opened:
                raise BuildError(path, number, "END SOLUTION without a BEGIN SOLUTION in this cell.")
            inside = [node for node in statements if opened[0] < node.lineno < number]
            blocks.append(_block(path, tree, inside, opened, end, number))
            opened = None
        elif MISSPELT.match(line):
            raise BuildError(path, number, f"write `# BEGIN SOLUTION` or `# END SOLUTION`, not {line.strip()!r}.")
    if opened:
        raise BuildError(path, opened[0], "BEGIN SOLUTION without an END SOLUTION in this cell.")
    if blocks and cell.exercise is None:
        raise BuildError(path, blocks[0].begin, 'a solution outside an exercise; write `# %% exercise="NAME"`.')
    if cell.exercise and not blocks:
        raise BuildError(path, cell.line, f"exercise {cell.exercise} has no BEGIN SOLUTION … END SOLUTION.")
    return Cell(cell.kind, cell.line, cell.first, cell.lines, cell.exercise, cell.tags, tuple(blocks))


def _block(path: Path, tree: ast.Module, inside: list[ast.stmt], opened: tuple, end_match: re.Match, end: int) -> Block:
    """The block between two markers, with the statements `inside` of it."""
    begin, begin_match = opened
    indent = begin_match["indent"]
    if end_match["indent"] != indent:
        raise BuildError(path, end, f"END SOLUTION is indented unlike its BEGIN on line {begin}.")
    if not inside:
        raise BuildError(path, begin, "an empty solution block.")
    first = min(inside, key=lambda node: (node.lineno, node.col_offset))
    if first.col_offset != len(indent):
        raise BuildError(path, begin, "BEGIN SOLUTION must be indented like the body that it encloses.")
    for node in inside:
        if node.end_lineno >= end:
            raise BuildError(path, end, f"END SOLUTION is inside the statement that begins on line {node.lineno}.")
    name = _function_around(tree, first)
    if name is None:
        raise BuildError(path, begin, "a solution block must be in the body of a function.")
    return Block(begin, end, indent, begin_match["hint"], name)


def _function_around(tree: ast.Module, statement: ast.stmt) -> str | None:
    """The qualified name of the function in whose body `statement` stands; None at the level of a class or module."""
    def search(node: ast.AST, names: list[str], function: str | None) -> str | None:
        for child in ast.iter_child_nodes(node):
            if child is statement:
                return function
            if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                continue
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inner, path = ".".join([*names, child.name]), [*names, child.name]
            elif isinstance(child, ast.ClassDef):
                inner, path = None, [*names, child.name]
            else:
                inner, path = function, names
            if (found := search(child, path, inner)) is not None:
                return found
        return None

    return search(tree, [], None)


def _check(path: Path, cells: tuple[Cell, ...]) -> None:
    seen: dict[str, int] = {}
    for cell in cells:
        if cell.exercise and "staff" in cell.tags:
            raise BuildError(path, cell.line, f"exercise {cell.exercise} is in a staff-only cell.")
        if cell.exercise in seen:
            raise BuildError(path, cell.line, f"exercise {cell.exercise} stands on line {seen[cell.exercise]} already.")
        if cell.exercise:
            seen[cell.exercise] = cell.line
    if not any(cell.kind == "markdown" and cell.headings for cell in cells if "staff" not in cell.tags):
        raise BuildError(path, 1, "the handout needs a heading: begin with `# %% [markdown]` and `# # Title`.")
