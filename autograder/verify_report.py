"""`autograder verify`, as a table and a list of what is wrong."""

from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from autograder import build
from autograder.course import Course, Topic
from autograder.verify import cases, verify

KINDS = ("reference", "stub", "mistake", "alternative")


def report(course: Course, topics: list[Topic], seeds: range, jobs: int | None, console: Console) -> bool:
    """Verify `topics`, print the table and every problem, and tell whether there was none."""
    total = sum(len(cases(course, topic)) for topic in topics) * len(seeds)
    counts, good = Counter(), Counter()
    problems, skipped = [], set()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Verifying", total=total)
        for finding in verify(course, topics, seeds, jobs):
            progress.advance(task)
            case = finding.case
            if finding.skipped:
                skipped.add(f"{case.topic}: {case.label} {finding.skipped}")
                continue
            counts[case.topic, case.kind] += 1
            good[case.topic, case.kind] += not finding.problems
            problems += [f"{case.topic}: {case.kind} {case.label}: {problem}" for problem in finding.problems]
    leaks = {topic.name: build.leaks(course, topic) for topic in topics}
    problems += [f"{name}: {leak}" for name, found in leaks.items() for leak in found]
    console.print(_table(topics, counts, good, leaks))
    for line in sorted(skipped):
        console.print(f"skipped: {line}", markup=False)
    for line in dict.fromkeys(problems):
        console.print(line, markup=False, style="red")
    return not problems


def _table(topics, counts, good, leaks) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = ("reference full", "stub zero", "mistakes caught", "alternatives full", "leaks")
    for index, head in enumerate(("topic", *heads)):
        table.add_column(head, justify="right" if index else "left")
    for topic in topics:
        cells = [f"{good[topic.name, kind]} of {counts[topic.name, kind]}" for kind in KINDS]
        table.add_row(topic.name, *cells, str(len(leaks[topic.name])))
    return table
