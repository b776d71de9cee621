"""The mutants of a topic's reference: every single change that an operator makes inside a solution block.

Given code, docstrings, annotations and the messages of errors are left alone, and of changes that give the same syntax
tree only the first is kept.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from autograder.build.cells import Cell, Solution
from autograder.mutants import general, numerical
from autograder.mutants.text import Code, Place, apply

# Numerical operators come first: of two that make the same change, the name of the more telling one is kept.
OPERATORS = {**numerical.OPERATORS, **general.OPERATORS}


@dataclass(frozen=True)
class Mutant:
    """One change of the reference. `before` and `after` are the lines that differ, without indentation."""

    identity: str  # the same as long as the exercise, the operator and the lines are
    exercise: str
    operator: str
    function: str  # the function that was changed, such as Value.backward
    definition: str  # the name at the module's top that holds it
    line: int
    before: str
    after: str
    diff: str
    source: str = field(repr=False, compare=False)  # the whole module with the change


def mutants(solution: Solution) -> list[Mutant]:
    """Every mutant of a solution module, in the order of its exercises, lines and operators."""
    found: list[Mutant] = []
    for name, cell in solution.exercises.items():
        found += _numbered(_of_cell(solution, name, cell))
    return found


def _numbered(found: Iterator[Mutant]) -> Iterator[Mutant]:
    """Give an ordinal to those that the hash of their lines does not tell apart."""
    seen: dict[str, int] = {}
    for mutant in found:
        count = seen[mutant.identity] = seen.get(mutant.identity, 0) + 1
        yield mutant if count == 1 else replace(mutant, identity=f"{mutant.identity}-{count}")


def _of_cell(solution: Solution, name: str, cell: Cell) -> Iterator[Mutant]:
    code = Code(cell.source)
    trees = {ast.dump(code.tree)}
    for node in _changeable(code, cell):
        for operator, edits in OPERATORS.items():
            for edit in edits(Place(code, node)):
                changed = apply(code, edit)
                if changed is not None and changed[1] not in trees:
                    trees.add(changed[1])
                    yield _mutant(solution, name, cell, code, node, operator, changed[0])


def _changeable(code: Code, cell: Cell) -> list[ast.AST]:
    """The nodes that students write and that decide what the code does, in the order in which they stand."""
    blocks = [(block.begin - cell.first + 1, block.end - cell.first + 1) for block in cell.blocks]
    left_out: set[ast.AST] = set()
    for node in ast.walk(code.tree):
        if isinstance(node, (ast.Raise, ast.JoinedStr)):
            left_out.update(ast.walk(node))
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None:
                left_out.update(ast.walk(annotation))
    nodes = [
        (_lines(node), node)
        for node in ast.walk(code.tree)
        if node not in left_out and _lines(node) and any(a < _lines(node)[0] and _lines(node)[2] < b for a, b in blocks)
    ]
    return [node for _, node in sorted(nodes, key=lambda pair: pair[0])]


def _lines(node: ast.AST) -> tuple[int, int, int] | None:
    """First line, column and last line of a node; of a comprehension's clause those of what it runs over."""
    located = node.iter if isinstance(node, ast.comprehension) else node
    return (located.lineno, located.col_offset, located.end_lineno) if hasattr(located, "lineno") else None


def _mutant(
    solution: Solution, name: str, cell: Cell, code: Code, node: ast.AST, operator: str, changed: str
) -> Mutant:
    old, new = code.text.split("\n"), changed.split("\n")
    lines = solution.text.split("\n")
    first = cell.first - 1
    source = "\n".join(lines[:first] + new + lines[first + len(old) :])
    opcodes = [o for o in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if o[0] != "equal"]
    before = "\n".join(line.strip() for _, a, b, _, _ in opcodes for line in old[a:b])
    after = "\n".join(line.strip() for _, _, _, a, b in opcodes for line in new[a:b])
    inner = node.iter if isinstance(node, ast.comprehension) else node
    function = code.qualified_name(inner)
    words = "\0".join((name, operator, function, before, after))
    return Mutant(
        identity=hashlib.sha256(words.encode()).hexdigest()[:10],
        exercise=name,
        operator=operator,
        function=function,
        definition=function.partition(".")[0],
        line=cell.first + opcodes[0][1],
        before=before,
        after=after,
        diff="\n".join(_hunks(old, new, cell.first)),
        source=source,
    )


def _hunks(old: list[str], new: list[str], first: int) -> Iterator[str]:
    """A unified diff with one line of context, without the names of files, and with the solution's line numbers."""
    for line in list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]:
        if not line.startswith("@@"):
            yield line
