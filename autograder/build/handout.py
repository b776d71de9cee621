"""The handout: the topic's markdown with each exercise's signature, points and public laws, as a README."""

import ast
import textwrap

from autograder.build.cells import Cell, student_code
from autograder.build.topic import TopicSource, points_text


def handout_text(source: TopicSource) -> str:
    """The README of the assignment as markdown."""
    parts, started = [], False
    for cell in source.solution.shared:
        if cell.kind == "markdown" and not started and cell.headings:
            title, _, rest = cell.source.partition("\n")
            parts += [title, start(source), rest.strip()]
            started = True
        elif cell.kind == "markdown":
            parts.append(cell.source)
        elif cell.exercise:
            parts.append(exercise_text(source, cell))
        elif "picture" in cell.tags:
            parts.append(_picture(source))
    return "\n\n".join(part for part in parts if part) + "\n"


def start(source: TopicSource) -> str:
    """How to begin: which file to fill in, what to run, and what there is to earn."""
    name = source.topic.name
    commands = {
        f"autograder check {name}.py": "which laws hold, and the smallest input that breaks one",
        f"autograder check {name}.py --exercise {next(iter(source.points))}": "one exercise only",
        f"autograder show {name} {name}.py": "the picture that your functions draw",
    }
    width = max(map(len, commands))
    return "\n".join([
        f"**To start**, write your answers in `{name}.py`, or in the notebook `{name}.ipynb`: the two are the same,",
        "and you hand in one of them. In this folder",
        "",
        "```",
        *(f"{command:{width}}  # {purpose}" for command, purpose in commands.items()),
        "```",
        "",
        f"`check` and `show` read `{name}.ipynb` as well; plain `pytest` runs the same laws on `{name}.py`.",
        "An exercise earns its points when all its laws hold, those you have here and those kept for grading.",
        "Differentiate a function that you are given as an argument with `torch.autograd`, not with `torch.func` or",
        "`vmap`: when you are graded it lives in another process.",
        "",
        points_table(source),
    ])


def points_table(source: TopicSource) -> str:
    """The exercises and their points as a markdown table."""
    rows = [f"| `{exercise}` | {points:g} |" for exercise, points in source.points.items()]
    total = f"| **together** | **{sum(source.points.values()):g}** |"
    return "\n".join(["| exercise | points |", "|---|---:|", *rows, total])


def exercise_text(source: TopicSource, cell: Cell) -> str:
    """What a student is to write, its points and the sentences of its public laws."""
    laws = source.laws.exercises[cell.exercise]
    more = len(laws.laws) - len(laws.public)
    heading = f"**`{cell.exercise}`, {points_text(laws.points)}.** Laws:"
    sentences = [f"- {law.sentence}" for law in laws.public]
    if more:
        sentences.append(f"- and {more} more when it is graded.")
    return "\n".join(["```python", signatures(student_code(cell)), "```", "", heading, "", *sentences])


def signatures(code: str) -> str:
    """The functions and classes in `code`: decorators, signature and docstring, with `...` for a body."""
    lines = code.splitlines()
    shown = [_signature(node, lines) for node in ast.parse(code).body if _is_definition(node)]
    return "\n\n\n".join(shown)


def _is_definition(node: ast.stmt) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _signature(node: ast.stmt, lines: list[str]) -> str:
    documented = ast.get_docstring(node) is not None
    body = node.body[1:] if documented else node.body
    first = min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])
    # Up to the docstring's end, or to the line before the body (a body on the line of the signature shows with it).
    last = node.body[0].end_lineno if documented else max(node.lineno, node.body[0].lineno - 1)
    head = "\n".join(lines[first - 1 : last]).rstrip()
    indent = " " * (node.col_offset + 4)
    if isinstance(node, ast.ClassDef):
        shown = [text for child in body if (text := _member(child, lines))]
        return "\n\n".join([head, *shown]) if shown else f"{head}\n{indent}..."
    while head.splitlines()[-1].lstrip().startswith("#"):
        head = "\n".join(head.splitlines()[:-1])
    return head if documented else f"{head}\n{indent}..."


def _member(node: ast.stmt, lines: list[str]) -> str:
    """What the handout shows of a class's member: fields, and methods that are documented or to be written."""
    if isinstance(node, (ast.AnnAssign, ast.Assign)):
        return "\n".join(lines[node.lineno - 1 : node.end_lineno])
    to_write = any(isinstance(part, ast.Raise) and "not written yet" in ast.unparse(part) for part in ast.walk(node))
    return _signature(node, lines) if _is_definition(node) and (to_write or ast.get_docstring(node)) else ""


def _picture(source: TopicSource) -> str:
    name = source.topic.name
    return textwrap.dedent(f"""\
        When your functions work, they draw the picture: `autograder show {name} {name}.py` writes it to a PNG, and the
        notebook shows it at its end.""")
