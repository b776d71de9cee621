"""Both sources of a topic, read and found to agree."""

from dataclasses import dataclass

from autograder.build.cells import Solution, read_solution
from autograder.build.errors import BuildError
from autograder.build.lawfile import LawFile, read_laws
from autograder.course import Course, Topic


@dataclass(frozen=True)
class TopicSource:
    """A topic with its solution module and its laws."""

    topic: Topic
    solution: Solution
    laws: LawFile

    @property
    def points(self) -> dict[str, int | float]:
        """The points of each exercise, in the order of the handout."""
        laws = self.laws.exercises
        return {name: laws[name].points for name in self.solution.exercises}


def read_topic(course: Course, topic: Topic) -> TopicSource:
    """The sources of `topic`. Raises BuildError, naming file and line, where they are wrong or disagree."""
    solution = read_solution(course.solution(topic))
    laws = read_laws(course.laws(topic))
    for name, cell in solution.exercises.items():
        if name not in laws.exercises:
            raise BuildError(solution.path, cell.line, f"exercise {name} has no laws in {laws.path.name}.")
    for name, law_class in laws.exercises.items():
        if name not in solution.exercises:
            raise BuildError(laws.path, law_class.line, f"exercise {name} has no cell in {solution.path.name}.")
    return TopicSource(topic, solution, laws)


def points_text(points: int | float) -> str:
    """Points in words: `1 point`, `2 points`, `0.5 points`."""
    return f"{points:g} point" + ("" if points == 1 else "s")
