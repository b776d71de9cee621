"""Run a module's source in this process, keeping what it defined before it failed."""

import contextlib
import linecache
import traceback
from collections.abc import Iterable
from types import CodeType

from autograder.submission import percent_cells


def load_source(source: str, filename: str) -> tuple[dict, str]:
    """Execute `source` as a module and return its names, and what stopped it (an empty text if nothing did)."""
    return load_cells([(filename, source)], filename.rpartition(".")[0])


def load_cells(cells: Iterable[tuple[str, str]], module: str) -> tuple[dict, str]:
    """Execute (label, source) cells one after another in one namespace; a cell that fails does not stop the next.

    Returns the names, and one line for each failure. The label is the file name that tracebacks show.
    """
    names = {"__name__": module, "__builtins__": __builtins__}
    problems = []
    for label, text in cells:
        linecache.cache[label] = (len(text), None, text.splitlines(keepends=True), label)
        for part in _parts(label, text):
            try:
                exec(_compiled(part, label) if isinstance(part, str) else part, names)
            except KeyboardInterrupt:
                raise
            except SyntaxError as error:
                problems.append(f"{label}, line {error.lineno}: {error.msg} (SyntaxError)")
            except BaseException as error:  # exit calls too: what was defined so far is graded
                frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == label]
                line = frames[-1].lineno if frames else "?"
                problems.append(f"{label}, line {line}: {type(error).__name__}: {error}")
    return names, "\n".join(problems)


def _parts(label: str, text: str) -> list[CodeType | str]:
    """What to run one by one: the whole text, compiled if that was tried.

    A module in the percent format that has a syntax error is run by its own cells, to lose only what is broken.
    """
    parts = percent_cells(text)
    if len(parts) > 1:
        with contextlib.suppress(SyntaxError):  # it is reported when the cell that has it is run
            return [_compiled(text, label)]
    return parts


def _compiled(source: str, label: str) -> CodeType:
    return compile(source, label, "exec", dont_inherit=True)
