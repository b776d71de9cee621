"""Run a module's source in this process, keeping what it defined before it failed."""

import linecache
import traceback
from collections.abc import Iterable


def load_source(source: str, filename: str) -> tuple[dict, str]:
    """Execute `source` as a module and return its names, and what stopped it (an empty text if nothing did)."""
    return load_cells([(filename, source)], filename.rpartition(".")[0])


def load_cells(cells: Iterable[tuple[str, str]], module: str) -> tuple[dict, str]:
    """Execute (label, source) cells one after another in one namespace; a cell that fails does not stop the next.

    Returns the names, and one line for each failure. The label is the file name that tracebacks show.
    """
    names = {"__name__": module, "__builtins__": __builtins__}
    problems = []
    for label, source in cells:
        linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
        try:
            exec(compile(source, label, "exec", dont_inherit=True), names)
        except KeyboardInterrupt:
            raise
        except SyntaxError as error:
            problems.append(f"{label}, line {error.lineno}: {error.msg} (SyntaxError)")
        except BaseException as error:  # exit calls too: what was defined so far is graded
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == label]
            line = frames[-1].lineno if frames else "?"
            problems.append(f"{label}, line {line}: {type(error).__name__}: {error}")
    return names, "\n".join(problems)
