"""What only IPython or otter understands, taken out of a cell so that Python runs the rest.

`plain(source)` replaces such lines by `pass`, so that line numbers and blocks stay. Cells are scanned, not parsed: a
logical line ends where brackets and strings are closed, which tells `%` at the start of a line from the operator.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

# Cell magics whose body runs as Python in the notebook's own names; the body of any other is not for this kernel.
TRANSPARENT = {"time", "capture", "prun"}
CELL_MAGIC = re.compile(r"\s*%%(\w*)[^\n]*")

# Without one of these there is nothing to do, and most files have none.
SUSPECT = re.compile(
    r"^[ \t]*(?:[%!?]|(?:pip|conda)[ \t])|\?[ \t]*$|=[ \t]*[!%]|\botter\b|\bgrader\b|\bget_ipython\b", re.MULTILINE
)
# What may begin a logical line in a notebook and never in Python: `%magic`, `!shell`, `?help`, `help?`, `files = !ls`.
COMMAND = re.compile(
    r"[%!?]|(?:pip|conda)[ \t]+(?:install|uninstall|list|show|freeze)\b|[\w.]+\?\??[ \t]*$|[\w., \t]+=[ \t]*[!%]",
    re.MULTILINE,
)
CONTENT = re.compile(r"^[ \t]*[^ \t\n#]", re.MULTILINE)  # a line that is not blank and not a comment
INDENT = re.compile(r"[ \t]*")
TOKEN = re.compile(r"[#'\"()\[\]{}\\]|\n+")
QUOTED = {"'": re.compile(r"['\\\n]"), '"': re.compile(r'["\\\n]')}
TRIPLE = {"'": re.compile(r"'''|\\"), '"': re.compile(r'"""|\\')}

LONGEST_CALL = 2000  # characters: longer calls are not what the handout gives, and these patterns backtrack
COMMENT = r"\s*(?:\#[^\n]*)?"
CALL = rf"\([^;]*\)\s*;?{COMMENT}"
GIVEN = re.compile(
    rf"""\s*(?:
        import\s+otter{COMMENT} | from\s+otter\b[^;]* | (?:\w+\s*=\s*otter\s*\.|grader\s*=)\s*Notebook\s*{CALL}
        | grader\s*\.\s*(?:check|check_all|export|run_plugin|add_plugin_files)\s*{CALL}
    )""",
    re.VERBOSE,
)
CONVERTED = re.compile(rf"\s*get_ipython\s*\(\s*\)\s*\.\s*\w+\s*{CALL}", re.VERBOSE)


class Plain(NamedTuple):
    """Source for Python alone, and the (line, text) of what was taken out of it, otter's own lines left unmentioned."""

    source: str
    taken: list[tuple[int, str]]


def cell_magic(source: str) -> tuple[str, str] | None:
    """(magic, body) of a cell that begins with `%%magic`; the body is empty unless Python runs it. Else None."""
    found = CELL_MAGIC.match(source)
    if not found:
        return None
    if found[1] not in TRANSPARENT:
        return found[1], ""
    return found[1], "\n" * source[: found.end()].count("\n") + source[found.end() :]


def plain(source: str) -> Plain:
    """Replace magics, shell commands, help requests and otter's calls by `pass`; the source has line ends "\\n"."""
    if not SUSPECT.search(source):
        return Plain(source, [])
    pieces, taken, done, line, counted = [], [], 0, 1, 0
    for start, end, foreign in _logical_lines(source):
        given = False
        if not foreign and end - start <= LONGEST_CALL:
            text = source[start:end]
            foreign = CONVERTED.fullmatch(text) is not None
            given = GIVEN.fullmatch(text) is not None
        if not foreign and not given:
            continue
        text = source[start:end]
        line += source.count("\n", counted, start)
        counted = start
        if foreign:
            taken.append((line, text.strip().partition("\n")[0]))
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        pieces += [source[done:start], indent, "pass", "\n" * text.count("\n")]
        done = end
    return Plain("".join([*pieces, source[done:]]), taken)


def _logical_lines(source: str) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is IPython's) of each logical line with content, without its line end; in linear time."""
    start = 0
    while line := CONTENT.search(source, start):
        start = line.start()
        if COMMAND.match(source, INDENT.match(source, start).end()):
            end, foreign = _end_of_command(source, start), True
        else:
            end, foreign = _end_of_statement(source, start), False
        yield start, end, foreign
        start = end


def _end_of_command(source: str, position: int) -> int:
    """The end of the physical line, or of the last that a backslash joins to it."""
    while True:
        end = source.find("\n", position)
        if end < 0:
            return len(source)
        if source[end - 1] != "\\":
            return end
        position = end + 1


def _end_of_statement(source: str, position: int) -> int:
    depth = 0
    while found := TOKEN.search(source, position):
        token, position = found[0], found.end()
        if token[0] == "\n":
            if depth == 0:
                return found.start()
        elif token == "#":
            end = source.find("\n", position)
            position = len(source) if end < 0 else end
        elif token in "'\"":
            position = _end_of_string(source, found.start())
        elif token == "\\":
            position += 1
        else:
            depth = depth + 1 if token in "([{" else max(0, depth - 1)
    return len(source)


def _end_of_string(source: str, start: int) -> int:
    quote = source[start]
    tripled = source.startswith(quote * 3, start)
    stop = (TRIPLE if tripled else QUOTED)[quote]
    position = start + (3 if tripled else 1)
    while found := stop.search(source, position):
        if found[0] == "\\":
            position = found.end() + 1
        elif found[0] == "\n":  # not closed on its line
            return found.start()
        else:
            return found.end()
    return len(source)
