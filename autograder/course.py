"""The course: which topics there are, in which order, and where their files lie.

`load(root)` reads `course.toml`; `find_root()` looks for it from the current folder upwards.
"""

import difflib
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:  # Python 3.10 has no TOML reader of its own
    import tomli as tomllib


class CourseError(UserError):
    """Something about the course itself is wrong; the message says what and where, for its author."""


@dataclass(frozen=True)
class Topic:
    """One section of the course: `name` is the stem of all its files, `number` its place in the text."""

    name: str
    number: int
    title: str

    @property
    def folder(self) -> str:
        """The name of its folder under `assignments/`, such as `01_gradients`."""
        return f"{self.number:02d}_{self.name}"


@dataclass(frozen=True)
class GradingLimits:
    """What a submission may use: seconds of wall time and mebibytes of memory."""

    law_seconds: float = 10.0
    exercise_seconds: float = 30.0
    submission_seconds: float = 120.0
    load_seconds: float = 15.0
    memory_mib: int = 3072


@dataclass(frozen=True)
class Course:
    """All topics in order, the seed from which every law's inputs derive, and the folder of `course.toml`."""

    root: Path
    title: str
    seed: int
    topics: tuple[Topic, ...]
    limits: GradingLimits = GradingLimits()

    def topic(self, name: str) -> Topic:
        """The topic called `name`; its folder's name and a path ending in either will do.

        Raises CourseError for an unknown name, suggesting the nearest.
        """
        wanted = Path(name).name
        for topic in self.topics:
            if wanted in (topic.name, topic.folder):
                return topic
        names = [topic.name for topic in self.topics]
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"the topics are {', '.join(names)}."
        raise CourseError(f"There is no topic {name!r}: {hint}")

    def select(self, names: tuple[str, ...] | list[str]) -> list[Topic]:
        """The topics called `names`, each once, in the course's order; all topics if there are no names."""
        if not names:
            return list(self.topics)
        wanted = {self.topic(name) for name in names}
        return [topic for topic in self.topics if topic in wanted]

    def solution(self, topic: Topic) -> Path:
        """The literate module that holds the handout and the reference."""
        return self.root / "solutions" / f"{topic.name}.py"

    def laws(self, topic: Topic) -> Path:
        """The property module: every law of the topic, public and hidden."""
        return self.root / "tests" / "properties" / f"test_{topic.name}.py"

    def mistakes(self, topic: Topic) -> Path:
        """The wrong answers that the laws must reject."""
        return self.root / "tests" / "mistakes" / f"{topic.name}.py"

    def alternatives(self, topic: Topic) -> Path:
        """The independent right answers that the laws must accept."""
        return self.root / "tests" / "alternatives" / f"{topic.name}.py"

    def assignment(self, topic: Topic) -> Path:
        """The folder that students receive."""
        return self.root / "assignments" / topic.folder

    def package(self, topic: Topic) -> Path:
        """The otter package with all laws."""
        return self.root / "dist" / topic.name / "autograder.zip"


def other_names(course: Course, topic: Topic) -> tuple[str, ...]:
    """The names of all topics but this one: files that bear them answer another topic."""
    return tuple(other.name for other in course.topics if other != topic)


def find_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` (default: the current one) that holds `course.toml`.

    Raises CourseError if there is none.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "course.toml").is_file():
            return folder
    raise CourseError(f"There is no course.toml in {start} or above it: run this inside a course repository.")


def load(root: Path | None = None) -> Course:
    """Read the course whose `course.toml` lies in `root` (default: `find_root()`).

    Raises CourseError, naming the entry, if the file is not valid.
    """
    root = Path(root) if root is not None else find_root()
    path = root / "course.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"{path} is missing.") from None
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path} is not valid TOML: {error}") from None
    topics = tuple(_topic(path, entry) for entry in data.get("topic", []))
    for attribute in ("name", "number"):
        values = [getattr(topic, attribute) for topic in topics]
        if len(set(values)) < len(values):
            raise CourseError(f"{path}: two topics have the same {attribute}.")
    seed = data.get("seed", 0)
    if type(seed) is not int:
        raise CourseError(f"{path}: seed must be a whole number, not {seed!r}.")
    return Course(root.resolve(), str(data.get("title", "Course")), seed, topics, _limits(path, data.get("limits", {})))


def _limits(path: Path, entries: dict) -> GradingLimits:
    for key, value in entries.items():
        if key not in GradingLimits.__dataclass_fields__:
            raise CourseError(
                f"{path}: [limits] has no {key!r}; it has {', '.join(GradingLimits.__dataclass_fields__)}."
            )
        if type(value) not in (int, float) or value <= 0:
            raise CourseError(f"{path}: [limits] {key} must be a positive number, not {value!r}.")
    return GradingLimits(**entries)


def _topic(path: Path, entry: dict) -> Topic:
    for key, kind in (("name", str), ("number", int), ("title", str)):
        if type(entry.get(key)) is not kind:
            raise CourseError(f"{path}: a [[topic]] needs {key} = {kind.__name__}; this one reads {entry}.")
    if not entry["name"].isidentifier():
        raise CourseError(f"{path}: the topic name {entry['name']!r} must be a Python identifier.")
    return Topic(entry["name"], entry["number"], entry["title"])
