"""The notebook: the topic's cells with otter's, which grading skips.

`notebook_text(source)` gives what students receive, `reference_notebook(source)` the same with the solution filled in.
"""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.build.cells import Cell, reference_code, student_code
from autograder.build.handout import points_table
from autograder.build.topic import TopicSource, points_text

SKIPPED = "otter_ignore"  # otter leaves a cell with this tag out when it grades

START = """\
**To start**, run the cells in order and write your answers where a cell says TODO. The cell `grader.check(…)` below an
exercise tells which of its laws hold, and the smallest input that breaks one. An exercise earns its points when all its
laws hold, those you have here and those kept for grading. `{name}.py` is the same as a module: hand in one of them."""

# A picture may be made with or without pyplot: turning it on lets the notebook show both kinds, closing shows it once.
DRAW = """\
import matplotlib.pyplot as plt

plt.ion()
figure = picture()
plt.close(figure)
figure"""


def notebook_text(source: TopicSource, code_of=student_code) -> str:
    """The notebook as JSON text, valid under nbformat 4.5 and the same at every build.

    `code_of` turns a code cell of the solution module into the code of the notebook's cell.
    """
    name = source.topic.name
    cells = [_skipped("otter", f'import otter\n\ngrader = otter.Notebook("{name}.ipynb")')]
    for number, cell in enumerate(source.solution.shared):
        cells += _cells(source, number, cell, code_of)
    cells.append(_skipped("check-all", "grader.check_all()"))
    document = new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )
    nbformat.validate(document)
    return nbformat.writes(document) + "\n"


def reference_notebook(source: TopicSource) -> str:
    """The notebook as a student would hand it in who wrote the reference solution."""
    return notebook_text(source, reference_code)


def _cells(source: TopicSource, number: int, cell: Cell, code_of) -> list:
    if cell.kind == "markdown":
        text = cell.source
        if cell is next(c for c in source.solution.shared if c.headings):
            title, _, rest = text.partition("\n")
            parts = [title, START.format(name=source.topic.name), points_table(source), rest.strip()]
            text = "\n\n".join(filter(None, parts))
        return [new_markdown_cell(text, id=f"text-{number}", metadata=_metadata(cell))]
    identifier = f"exercise-{cell.exercise}" if cell.exercise else f"code-{number}"
    cells = [new_code_cell(code_of(cell), id=identifier, metadata=_metadata(cell))]
    if cell.exercise:
        points = points_text(source.points[cell.exercise])
        cells.append(_skipped(f"check-{cell.exercise}", f'grader.check("{cell.exercise}")  # {points}'))
    if "picture" in cell.tags:
        cells.append(_skipped(f"draw-{number}", DRAW, "picture"))
    return cells


def _metadata(cell: Cell) -> dict:
    metadata: dict = {"tags": list(cell.tags)} if cell.tags else {}
    if cell.exercise:
        metadata["exercise"] = cell.exercise
    return metadata


def _skipped(identifier: str, code: str, *tags: str):
    """A code cell that students run, neither delete nor change, and grading skips."""
    metadata = {"tags": [*tags, SKIPPED], "deletable": False, "editable": False}
    return new_code_cell(code, id=identifier, metadata=metadata)
