"""A sample class, graded: `python -m autograder.demo` (or `make demo`).

Fourteen imaginary students answer every topic: some well, some in another style, some with famous mistakes, some with
files that would bring a careless grader down. Their submissions are made from the references, stubs, mistakes and
alternatives of the course, so the demo shows what is really there.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from autograder import bank
from autograder.build import read_topic
from autograder.build.notebook import notebook_text, reference_notebook
from autograder.build.stub import stub_module
from autograder.course import Course, Topic, find_root, load
from autograder.grading import class_table, grade_class
from autograder.laws import load_laws
from autograder.tables import print_whole


class Material:
    """What a topic offers to make submissions from."""

    def __init__(self, course: Course, topic: Topic):
        self.name = topic.name
        self.sources = read_topic(course, topic)
        self.reference = self.sources.solution.text
        self.exercises = list(self.sources.points)
        self.mistakes = bank.entries(course.mistakes(topic))
        self.alternatives = [entry for entry in bank.entries(course.alternatives(topic)) if not entry.requires]

    def with_mistakes(self, count: int) -> str:
        """The reference with the first mistake of each of the last `count` exercises."""
        source = self.reference
        for exercise in self.exercises[-count:]:
            source = next(entry for entry in self.mistakes if entry.exercise == exercise).apply(source)
        return source

    def with_alternatives(self) -> str:
        """The reference with every exercise answered in another style."""
        source = self.reference
        for exercise in self.exercises:
            entry = next((entry for entry in self.alternatives if entry.exercise == exercise), None)
            source = entry.apply(source) if entry else source
        return source

    def without(self, kept: int) -> str:
        """Only the first `kept` exercises are written; those after them are as in the stub."""
        stub = stub_module(self.sources)
        cells = self.sources.solution.exercises
        written = "\n\n\n".join(cells[exercise].source for exercise in self.exercises[:kept])
        return f"{stub}\n\n{written}\n"

    def overriding_last(self, body: str) -> str:
        """The reference, whose last exercise does `body` instead."""
        last = next(entry for entry in self.mistakes if entry.exercise == self.exercises[-1])
        return f"{self.reference}\n\ndef {last.replaces}(*arguments, **named):\n    {body}\n"


Answer = Callable[[Material], tuple[str, str]]


def python(make: Callable[[Material], str]) -> Answer:
    """An answer as a module."""
    return lambda material: (f"{material.name}.py", make(material))


def notebook(make: Callable[[Material], str]) -> Answer:
    """An answer as a notebook."""
    return lambda material: (f"{material.name}.ipynb", make(material))


def with_syntax_error(material: Material) -> str:
    """The reference, whose first exercise ends in an open bracket."""
    return material.reference.replace("# END SOLUTION", "return (", 1)


CLASS: dict[str, Answer] = {
    "ada": python(lambda m: m.reference),
    "alan": notebook(lambda m: reference_notebook(m.sources)),
    "barbara": python(Material.with_alternatives),
    "claude": python(lambda m: m.with_mistakes(1)),
    "donald": python(lambda m: m.with_mistakes(3)),
    "edsger": python(lambda m: m.with_mistakes(len(m.exercises))),
    "frances": python(lambda m: m.without(3)),
    "grace": python(lambda m: m.without(len(m.exercises) // 2)),
    "hedy": python(lambda m: stub_module(m.sources)),
    "john": notebook(lambda m: notebook_text(m.sources)),
    "katherine": python(with_syntax_error),
    "linus": python(lambda m: m.overriding_last("while True: pass")),
    "mallory": python(lambda m: m.overriding_last("import os; os._exit(0)")),
    "niklaus": notebook(lambda m: json.dumps({"cells": "lost"})[:-3]),
}


def write_class(folder: Path, materials: list[Material]) -> None:
    """Write `folder/STUDENT/TOPIC.py` or `.ipynb` for every student and topic."""
    for student, answer in CLASS.items():
        for material in materials:
            name, text = answer(material)
            path = folder / student / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def main() -> None:
    """Make the class anew, grade it for every topic, and print a table per topic."""
    course = load(find_root(Path(__file__).parent))
    folder = course.root / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    write_class(folder / "submissions", [Material(course, topic) for topic in course.topics])
    console = Console(highlight=False, soft_wrap=True)
    start = time.monotonic()
    graded = 0
    for topic in course.topics:
        out = folder / "results" / topic.name
        outcomes = grade_class(course, topic, [folder / "submissions"], out, console)
        graded += len(outcomes)
        title = f"\n{topic.number:02d} {topic.title}"
        print_whole(console, class_table(outcomes, load_laws(course.laws(topic)), title))
        for student, outcome in sorted(outcomes.items()):
            if outcome.refusal:
                console.print(f"{student} could not be graded: {outcome.refusal}", markup=False)
    tier = next(iter(outcomes.values())).tier
    console.print(
        f"\n✓ all laws hold   ✗ a law fails   ○ not started   – could not be graded   (confinement: tier {tier})"
    )
    console.print(f"{graded} submissions in {time.monotonic() - start:.0f} s.", markup=False)
    console.print(f"Submissions: {folder / 'submissions'}", markup=False, soft_wrap=True)
    console.print(f"Results:     {folder / 'results'}/TOPIC/grades.csv and …/STUDENT/results.json", markup=False)


if __name__ == "__main__":
    main()
