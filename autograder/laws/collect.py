"""From a property module to its exercises and laws."""

from __future__ import annotations

import importlib.util
import inspect
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class Law:
    """One claim about the target: a test method, the sentence that students read, and whether it is hidden."""

    exercise: str
    name: str
    sentence: str
    hidden: bool
    test_class: type

    @property
    def key(self) -> str:
        """What identifies the law within its topic, wherever its class was loaded from."""
        return f"{self.exercise}::{self.name}"

    def bound(self):
        """The test method, ready to be called with `target=`."""
        return getattr(self.test_class(), self.name)

    @property
    def takes_inputs(self) -> bool:
        """Whether Hypothesis draws inputs for it."""
        return hasattr(self.bound(), "hypothesis")


@dataclass(frozen=True)
class Exercise:
    """One question: it earns its `points` when every law holds."""

    name: str
    points: float
    laws: tuple[Law, ...]


def collect(module: ModuleType) -> tuple[Exercise, ...]:
    """The exercises of a property module, in the order in which its classes stand.

    Raises ValueError, naming the class, for a mark without name or points, a law without a sentence, or a name used
    twice.
    """
    exercises = []
    for test_class in vars(module).values():
        mark = exercise_mark(test_class)
        if mark is not None and test_class.__module__ == module.__name__:
            exercises.append(_exercise(test_class, mark))
    names = [exercise.name for exercise in exercises]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{module.__name__}: exercise {repeated.pop()!r} has two classes.")
    return tuple(exercises)


def load_laws(path: Path) -> tuple[Exercise, ...]:
    """The exercises of the property module at `path`, which is imported under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"laws_of_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return collect(module)


def exercise_mark(test_class):
    """The `exercise` mark on a test class, or None."""
    marks = getattr(test_class, "pytestmark", None) if inspect.isclass(test_class) else None
    return next((mark for mark in marks or [] if mark.name == "exercise"), None)


def _exercise(test_class: type, mark) -> Exercise:
    if not mark.args or not mark.kwargs.get("points"):
        raise ValueError(f'{test_class.__name__}: write @pytest.mark.exercise("name", points=1).')
    name, points = mark.args[0], mark.kwargs["points"]
    laws = [law_of(test_class, attribute) for attribute in vars(test_class) if attribute.startswith("test_")]
    if not laws:
        raise ValueError(f"{test_class.__name__}: an exercise needs at least one law.")
    return Exercise(name, points, tuple(laws))


def law_of(test_class: type, name: str) -> Law:
    """The law that is the method `name` of an exercise's class. Raises ValueError if it has no sentence."""
    method = vars(test_class)[name]
    sentence = " ".join((method.__doc__ or "").split())
    if not sentence:
        raise ValueError(f"{test_class.__name__}.{name}: a law needs a docstring, the sentence students read.")
    hidden = any(mark.name == "hidden" for mark in getattr(method, "pytestmark", []))
    return Law(exercise_mark(test_class).args[0], name, sentence, hidden, test_class)
