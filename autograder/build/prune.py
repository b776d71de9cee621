"""Cuts a property module down to chosen laws and what they need: the rest goes, its comments and imports included.

`selection(laws, exercises, hidden)` gives the text. What a law needs is found by the interpreter's own symbol tables,
so that a local variable named like a helper does not keep that helper.
"""

import ast
import symtable
from collections.abc import Collection

from autograder.build.lawfile import Item, LawClass, LawFile, Member, bound_names

LINE_LENGTH = 110
Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def selection(laws: LawFile, exercises: Collection[str], hidden: bool) -> tuple[str, str]:
    """The imports, and all that follows them, of the chosen exercises with their public (and `hidden`) laws.

    Both are Python source without a docstring, ending in a line end unless empty.
    """
    chosen: dict[int, str] = {}
    for index, item in enumerate(laws.items):
        if item.exercise and item.exercise.exercise in exercises:
            chosen[index] = _class_source(item.exercise, hidden)
        elif isinstance(item.node, ast.Expr):
            chosen[index] = item.source  # a call at the top acts on everything, such as a default dtype
    needed = set().union(*(global_names(source) for source in chosen.values()))
    while more := [index for index, item in enumerate(laws.items) if index not in chosen and _is_needed(item, needed)]:
        for index in more:
            chosen[index] = laws.items[index].source
            needed |= global_names(chosen[index])
    rest = [(item, chosen[index]) for index, item in enumerate(laws.items) if index in chosen]
    return _imports(laws, needed), _join(rest)


def global_names(source: str) -> set[str]:
    """The names that a piece of top-level source takes from its module or from Python itself."""
    top = symtable.symtable(source, "<laws>", "exec")
    names = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    pending = top.get_children()
    while pending:
        table = pending.pop()
        names |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        pending.extend(table.get_children())
    return names


def _is_needed(item: Item, needed: set[str]) -> bool:
    if item.exercise or isinstance(item.node, (ast.Import, ast.ImportFrom)):
        return False
    return bool(bound_names(item.node) & needed)


def _class_source(law_class: LawClass, hidden: bool) -> str:
    """The class with its chosen laws and those other members that they use, directly or not."""
    kept = [m for m in law_class.members if m.is_law and (hidden or not m.hidden)]
    while more := [m for m in law_class.members if not m.is_law and m not in kept and _is_used(m, kept)]:
        kept += more
    pieces = [law_class.head]
    previous: Member | None = None
    for member in law_class.members:
        if member in kept:
            spaced = previous is None or isinstance(member.node, Definition) or isinstance(previous.node, Definition)
            under_header = previous is None and law_class.head.endswith(":")
            pieces.append(("\n" if spaced and not under_header else "") + member.source)
            previous = member
    return "\n".join(pieces)


def _is_used(member: Member, kept: list[Member]) -> bool:
    """Whether a kept member mentions a name that this one defines, alone or as an attribute."""
    names = bound_names(member.node)
    for node in (part for other in kept for part in ast.walk(other.node)):
        if isinstance(node, ast.Name) and node.id in names or isinstance(node, ast.Attribute) and node.attr in names:
            return True
    return not names and isinstance(member.node, ast.Expr)


def _imports(laws: LawFile, needed: set[str]) -> str:
    """The needed imports, with a blank line wherever the module has one between its imports."""
    text, group_ended, end = "", False, None
    for item in laws.items:
        if not isinstance(item.node, (ast.Import, ast.ImportFrom)):
            continue
        group_ended |= end is not None and item.node.lineno > end + 1
        end = item.node.end_lineno
        if source := _import_source(item, needed):
            text += ("\n" if group_ended and text else "") + source + "\n"
            group_ended = False
    return text


def _import_source(item: Item, needed: set[str]) -> str:
    """The import with only those names that are needed; empty if there are none."""
    node = item.node
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return item.source
    used = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in needed]
    if len(used) == len(node.names):
        return item.source
    if not used:
        return ""
    names = [f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in used]
    if isinstance(node, ast.Import):
        return f"import {', '.join(names)}"
    line = f"from {node.module} import {', '.join(names)}"
    if len(line) <= LINE_LENGTH:
        return line
    return "\n".join([f"from {node.module} import (", *(f"    {name}," for name in names), ")"])


def _join(rest: list[tuple[Item, str]]) -> str:
    """Statements one after another, with two blank lines around definitions."""
    text, previous = "", None
    for item, source in rest:
        if previous is not None:
            around_definition = isinstance(item.node, Definition) or isinstance(previous.node, Definition)
            text += "\n\n" if around_definition else ""
        text += source + "\n"
        previous = item
    return text
