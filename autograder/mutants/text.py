"""Source code with its syntax tree: the text of a node, and edits that change that text and nothing else.

An operator sees a `Place` and yields `Edit`s. The text is changed, not the tree, so that a mutant reads like the
reference and its diff is one line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

# What needs no brackets wherever it stands.
ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.Set)


class Code:
    """A piece of source code: its text, its tree, and each node's parent."""

    def __init__(self, text: str):
        self.text = text
        self.tree = ast.parse(text)
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self._lines = [line.encode() for line in text.splitlines(keepends=True)]
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where the text of `node` begins and ends (without brackets around it)."""
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        # The columns of ast count bytes.
        return self._starts[line - 1] + len(self._lines[line - 1][:column].decode())

    def of(self, node: ast.AST) -> str:
        """The text of `node`."""
        start, end = self.span(node)
        return self.text[start:end]

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The parent of `node`, its parent, and so on."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def function(self, node: ast.AST) -> ast.FunctionDef | None:
        """The innermost function around `node`."""
        return next((above for above in self.ancestors(node) if isinstance(above, ast.FunctionDef)), None)

    def qualified_name(self, node: ast.AST) -> str:
        """The functions and classes around `node`, from the outermost in."""
        names = [a.name for a in self.ancestors(node) if isinstance(a, (ast.FunctionDef, ast.ClassDef))]
        return ".".join(reversed(names))


@dataclass(frozen=True)
class Edit:
    """The text from `start` to `end` is replaced by `new`; `plain` may do without brackets where the sense allows."""

    start: int
    end: int
    new: str
    plain: str = ""


class Place:
    """A node of some code, as operators see it, with the edits that they can make there."""

    def __init__(self, code: Code, node: ast.AST):
        self.code, self.node = code, node

    @property
    def parent(self) -> ast.AST:
        """The node around this one."""
        return self.code.parents[self.node]

    def text(self, node: ast.AST | None = None) -> str:
        """The text of `node` (default: this one)."""
        return self.code.of(node or self.node)

    def bracketed(self, node: ast.AST) -> str:
        """The text of an expression such that operators and attributes may follow it."""
        text = self.code.of(node)
        number = isinstance(node, ast.Constant) and not isinstance(node.value, str)
        return text if isinstance(node, ATOMS) and not number else f"({text})"

    def replace(self, new: str, node: ast.AST | None = None) -> Edit:
        """Replace an expression (default: this one) by another."""
        start, end = self.code.span(node or self.node)
        return Edit(start, end, f"({new})", new)

    def write(self, new: str, node: ast.AST | None = None) -> Edit:
        """Replace the text of anything (default: this node), as it is."""
        return Edit(*self.code.span(node or self.node), new)

    def between(self, left: ast.AST, right: ast.AST, old: str, new: str) -> Edit:
        """Replace the operator `old` between two operands."""
        start, end = self.code.span(left)[1], self.code.span(right)[0]
        at = self.code.text.index(old, start, end)
        return Edit(at, at + len(old), new)

    def without_argument(self, call: ast.Call, argument: ast.AST) -> Edit:
        """Leave an argument (an expression or a keyword) out of a call."""
        others = sorted([*call.args, *call.keywords], key=lambda node: (node.lineno, node.col_offset))
        start, end = self.code.span(argument)
        index = others.index(argument)
        if index > 0:
            start = self._end_of(others[index - 1])
        elif len(others) > 1:
            end = self.code.span(others[1])[0]
        return Edit(start, end, "")

    def _end_of(self, node: ast.AST) -> int:
        """The end of an argument, closing brackets included."""
        end = self.code.span(node)[1]
        return self.code.text.index(",", end) if self.code.text[end:].lstrip()[:1] in (",", ")") else end


def apply(code: Code, edit: Edit) -> tuple[str, str] | None:
    """The text after an edit and what identifies its tree; None if it is not Python or changes nothing.

    Brackets that the edit could do without are left out.
    """
    before, after = code.text[: edit.start], code.text[edit.end :]
    try:
        text = before + edit.new + after
        tree = dump(text)
        if edit.plain:
            plain = before + edit.plain + after
            if dump(plain) == tree:
                text = plain
    except SyntaxError:
        return None
    return None if tree == ast.dump(code.tree) else (text, tree)


def dump(text: str) -> str:
    """The tree of some source as text, the same for the same code however it is laid out."""
    return ast.dump(ast.parse(text))
