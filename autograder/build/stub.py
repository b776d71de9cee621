"""The stub module: what students fill in, cell by cell like the notebook, with the handout left out."""

import ast

from autograder.build.cells import student_code
from autograder.build.errors import BuildError
from autograder.build.topic import TopicSource


def stub_module(source: TopicSource) -> str:
    """The stub as Python source in the percent format: headings, given code, and a TODO for each solution block.

    Raises BuildError if what is left of an exercise is not valid Python.
    """
    name = source.topic.name
    parts = []
    for cell in source.solution.shared:
        if cell.kind == "markdown":
            lines = [f"# {heading}" for heading in cell.headings]
            if lines and not parts:
                lines += ["#", f"# Write your answers here, or in {name}.ipynb. The handout is README.md;"]
                lines += [f"# `autograder check {name}.py` tells which laws your answers obey."]
            if lines:
                parts.append("\n".join(["# %% [markdown]", *lines]))
            continue
        code = student_code(cell)
        _check_syntax(source, cell, code)
        parts.append("\n".join([_marker(cell), code]))
    return "\n\n".join(parts) + "\n"


def _marker(cell) -> str:
    options = [f'exercise="{cell.exercise}"'] if cell.exercise else []
    if cell.tags:
        options.append("tags=[" + ", ".join(f'"{tag}"' for tag in cell.tags) + "]")
    return " ".join(["# %%", *options])


def _check_syntax(source: TopicSource, cell, code: str) -> None:
    try:
        ast.parse(code)
    except SyntaxError as error:
        message = f"without its solution this cell is not valid Python: {error.msg}."
        raise BuildError(source.solution.path, cell.line, message) from None
