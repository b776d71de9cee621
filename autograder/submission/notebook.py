"""The code cells of a notebook, read as data: Jupyter, its kernels and its metadata take no part.

As otter does when it grades, cells are skipped that bear the tag `otter_ignore` or otter's `ignore` in their metadata;
so are those with the tag `picture`. A comment such as `# IGNORE` means nothing here, nor does it to otter's grading.
"""

import json
import re

from autograder.submission.ipython import cell_magic, plain
from autograder.submission.model import Cell, Limits, SubmissionError, shown, size
from autograder.submission.text import notebook_text, unified

SKIPPED_TAGS = {"picture", "otter_ignore"}
SURROGATE = re.compile(r"[\ud800-\udfff]")
PYTHON = ("python", "ipython", "xpython", "sage")


def notebook_cells(data: bytes, name: str, limits: Limits) -> tuple[list[Cell], list[str]]:
    """The cells to execute and notes on those that were skipped.

    Raises SubmissionError for what is no notebook, or not Python's, or too large.
    """
    document = _json(notebook_text(data, name), name, limits)
    _refuse_other_languages(document, name)
    code = [cell for cell in _all_cells(document, name) if cell.get("cell_type") == "code"]
    if not code:
        raise SubmissionError(f"{shown(name)} has no code cells.")
    if len(code) > limits.cells:
        raise SubmissionError(f"{shown(name)} has {len(code):,} code cells; at most {limits.cells:,} are graded.")
    sources = [_source(cell, number, name) for number, cell in enumerate(code, 1)]
    if sum(map(len, sources)) > limits.source:
        raise SubmissionError(f"{shown(name)} holds more than {size(limits.source)} of code.")
    cells, notes, skipped = [], [], 0
    for number, (cell, source) in enumerate(zip(code, sources), 1):
        if _is_skipped(cell):
            skipped += 1
            continue
        source = _plain(source, f"cell {number}", notes)
        if source.strip():
            cells.append(Cell(f"cell {number}", source))
    if skipped:
        notes.insert(0, f"Skipped {skipped} code cell{'s' * (skipped > 1)} tagged otter_ignore or picture.")
    if not cells:
        raise SubmissionError(f"{shown(name)} has no code to grade: every code cell is empty or marked to be skipped.")
    return cells, notes


def _json(text: str, name: str, limits: Limits) -> dict:
    if not text.strip():
        raise SubmissionError(f"{shown(name)} is empty.")
    if text.count("{") + text.count("[") > limits.brackets:
        raise SubmissionError(f"{shown(name)} is too complex: clear its outputs and save it again.")
    try:
        # The digits are cut, for they count nowhere here and Python takes quadratic time for long ones.
        document = json.loads(text, parse_int=lambda digits: int(digits[:20]))
    except json.JSONDecodeError as error:
        raise SubmissionError(f"{shown(name)}, line {error.lineno}: this is no notebook (JSON: {error.msg}).") from None
    except RecursionError:
        raise SubmissionError(f"{shown(name)} is no notebook: its JSON is nested too deeply.") from None
    if not isinstance(document, dict):
        raise SubmissionError(f"{shown(name)} is no notebook: its JSON is not an object.")
    return document


def _refuse_other_languages(document: dict, name: str) -> None:
    metadata = _object(document.get("metadata"))
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        language = _object(metadata.get(section)).get(key)
        if isinstance(language, str) and language and not language.lower().startswith(PYTHON):
            raise SubmissionError(f"{shown(name)} is a notebook in {shown(language, 40)}, not in Python.")


def _all_cells(document: dict, name: str) -> list[dict]:
    if "cells" in document:
        groups = [document["cells"]]
    elif "worksheets" in document:  # formats 2 and 3 had sheets of cells
        sheets = document["worksheets"]
        if not isinstance(sheets, list):
            raise SubmissionError(f"{shown(name)} is a damaged notebook: its worksheets are not a list.")
        groups = [_object(sheet).get("cells") for sheet in sheets]
    else:
        raise SubmissionError(f"{shown(name)} is no notebook: it has no cells.")
    for group in groups:
        if not isinstance(group, list):
            raise SubmissionError(f"{shown(name)} is a damaged notebook: its cells are not a list.")
    cells = [cell for group in groups for cell in group]
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            raise SubmissionError(f"{shown(name)} is a damaged notebook: entry {number} of its cells is not a cell.")
    return cells


def _source(cell: dict, number: int, name: str) -> str:
    source = cell.get("source", cell.get("input"))  # `input` in formats 2 and 3
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise SubmissionError(f"{shown(name)} is a damaged notebook: the source of code cell {number} is not text.")
    return unified(source)


def _is_skipped(cell: dict) -> bool:
    metadata = _object(cell.get("metadata"))
    tags = metadata.get("tags")
    marked = isinstance(tags, list) and any(isinstance(tag, str) and tag in SKIPPED_TAGS for tag in tags)
    return marked or bool(_object(metadata.get("otter")).get("ignore"))


def _plain(source: str, label: str, notes: list[str]) -> str:
    """The cell as Python can run it; empty, with a note, if it cannot."""
    magic = cell_magic(source)
    if magic:
        source = magic[1]
        notes.append(f"{label}: %%{shown(magic[0], 20)} was ignored" + ("." if source else ", and its cell with it."))
    if "\0" in source:
        notes.append(f"{label} was left out: it holds a NUL character, which Python refuses.")
        return ""
    if SURROGATE.search(source):
        notes.append(f"{label}: half characters (lone surrogates) were replaced by �.")
        source = SURROGATE.sub("\ufffd", source)
    source, taken = plain(source)
    notes += [f"{label}, line {line}: skipped {shown(text, 40)}" for line, text in taken]
    return source


def _object(value: object) -> dict:
    return value if isinstance(value, dict) else {}
