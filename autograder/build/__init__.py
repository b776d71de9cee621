"""From a topic's sources to what students receive and what otter grades with.

- `build(course, topics, out)` writes `assignments/NN_topic/` and `dist/topic/autograder.zip`.
- `check(course, topics)` says where the assignments on disk differ from their sources.
- `leaks(course, topic)` finds lines of solutions and hidden laws among the files that students receive.

All raise `BuildError`, with file and line, when a source is not in the form that CONTRIBUTING.md describes.
"""

from collections.abc import Iterable
from pathlib import Path

from autograder.build.drift import Drift, compare
from autograder.build.errors import BuildError
from autograder.build.handout import handout_text
from autograder.build.notebook import notebook_text, reference_notebook
from autograder.build.ottertests import otter_file, public_laws
from autograder.build.package import otter_zip, package_root, wheel
from autograder.build.secrecy import Leak, find_leaks
from autograder.build.stub import stub_module
from autograder.build.topic import TopicSource, read_topic
from autograder.course import Course, Topic

__all__ = [
    "BuildError",
    "Drift",
    "Leak",
    "build",
    "check",
    "leaks",
    "read_topic",
    "reference_notebook",
    "student_files",
]


def build(course: Course, topics: Iterable[Topic], out: Path | None = None) -> list[Path]:
    """Write the assignments and otter packages of `topics` below `out` (default: the course's folder).

    Returns the files written, in order. Test files of exercises that are no more are removed. All sources are read
    before anything is written; raises BuildError where one is wrong.
    """
    out = Path(out) if out is not None else course.root
    sources = [read_topic(course, topic) for topic in topics]
    shipped = wheel(package_root(course))
    made: dict[Path, bytes] = {}
    for source in sources:
        made.update(student_files(course, source, out))
        made[out / course.package(source.topic).relative_to(course.root)] = otter_zip(course, source, shipped)
    for path, data in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for source in sources:
        tests = out / course.assignment(source.topic).relative_to(course.root) / "tests"
        for path in tests.glob("*.py"):
            if path not in made:
                path.unlink()
    return list(made)


def check(course: Course, topics: Iterable[Topic]) -> list[Drift]:
    """Where the assignments of `topics` on disk differ from what their sources make: nothing, if all is well."""
    drifts = []
    for topic in topics:
        expected = student_files(course, read_topic(course, topic), course.root)
        drifts += compare(expected, course.assignment(topic))
    return drifts


def leaks(course: Course, topic: Topic) -> list[Leak]:
    """The lines of solutions and hidden laws that occur among the files of the topic's assignment on disk.

    `autograder.build.secrecy` has the exact rule. Raises BuildError if the assignment has not been built.
    """
    folder = course.assignment(topic)
    if not folder.is_dir():
        raise BuildError(course.solution(topic), 1, f"{folder} does not exist yet: build it first.")
    return find_leaks(read_topic(course, topic), folder)


def student_files(course: Course, source: TopicSource, out: Path) -> dict[Path, bytes]:
    """The files of the assignment below `out`, by path."""
    folder = out / course.assignment(source.topic).relative_to(course.root)
    name = source.topic.name
    texts = {
        "README.md": handout_text(source),
        f"{name}.py": stub_module(source),
        f"{name}.ipynb": notebook_text(source),
        f"test_{name}.py": public_laws(source),
    }
    for exercise in source.points:
        texts[f"tests/{exercise}.py"] = otter_file(source, exercise, hidden=False)
    return {folder / path: text.encode("utf-8") for path, text in texts.items()}
