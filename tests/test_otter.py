"""`otter run` on the real packages, in an environment that has the wheel but not the repository.

The reference as module and notebook, the stub, and a submission with right, wrong and unwritten exercises. Marked
`fidelity` (`make fidelity`) is the rest: every mistake and every alternative of the bank (the first of each exercise
together in one submission, then the second …), and broken files.
"""

import functools
import json
import os
import subprocess
from itertools import zip_longest
from pathlib import Path

import pytest
from support import COURSE, EVERY_TOPIC, REPOSITORY, TOPICS, environment_with_wheel, every_topic, otter_run, scores_of

from autograder import bank
from autograder.build import build, read_topic, reference_notebook
from autograder.build.stub import stub_module
from autograder.grading import otter_config
from autograder.judge.results import gradescope
from autograder.laws import load_laws
from autograder.staff import defined_by_exercise

UNWRITTEN = '\n\ndef {0}(*args, **kwargs):\n    raise NotImplementedError("{0}: not written yet")\n'
BROKEN = {
    "empty cell.ipynb": lambda text: text.replace('"source": [', '"source": [\n    "%%bash\\n",', 1),
    "syntax error.py": lambda text: text + "\n\n# %%\ndef broken(:\n",
    "raises at once.py": lambda text: "raise RuntimeError('no')\n" + text,
    "other line ends.py": lambda text: text.replace("\n", "\r\n"),
    "exits.py": lambda text: text + "\n\nimport sys\nsys.exit(0)\n",
}

IMPORTS_LATE = """
from autograder.sandbox import Limits, SandboxError, WarmProcess

SUBMISSION = b"def load(name): __import__(name)"
for without in ("", "U"):
    try:
        with WarmProcess(Limits(), without=without) as warm, warm.spawn({"a.py": SUBMISSION}, "a.py") as child:
            child.target.load("beside_the_wheel")
            child.target.load("scipy.special")
    except SandboxError:
        assert without, "nothing can be confined here"
"""


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """A function that makes the otter package of a topic, and a Python that has its wheel only."""
    folder = tmp_path_factory.mktemp("packages")

    @functools.cache
    def package(name: str) -> Path:
        build(COURSE, [TOPICS[name]], folder)
        return folder / COURSE.package(TOPICS[name]).relative_to(COURSE.root)

    return package, environment_with_wheel(package(next(iter(TOPICS))), tmp_path_factory.mktemp("environment"))


def take_turns(name: str) -> str:
    """A module in which every third exercise is right, the second is wrong and all others are not written."""
    sources = read_topic(COURSE, TOPICS[name])
    text = sources.solution.text
    cells = defined_by_exercise(sources.solution)
    mistakes = bank.entries(COURSE.mistakes(TOPICS[name]))
    for place, exercise in enumerate(sources.points):
        if place == 1:
            text = next(entry for entry in mistakes if entry.exercise == exercise).apply(text)
        elif place % 3:
            text += "".join(UNWRITTEN.format(defined) for defined in sorted(cells[exercise]))
    return text


def rounds(name: str) -> list[str]:
    """Modules that hold together every mistake and every alternative of the bank, at most one in an exercise."""
    sources = read_topic(COURSE, TOPICS[name])
    reference = sources.solution.text
    texts = []
    for path in (COURSE.mistakes(TOPICS[name]), COURSE.alternatives(TOPICS[name])):
        by_exercise: dict[str, list] = {}
        for entry in bank.entries(path):
            by_exercise.setdefault(entry.exercise, []).append(entry)
        for some in zip_longest(*by_exercise.values()):
            text = reference
            for entry in filter(None, some):
                text = entry.apply(text)
            texts.append(text)
    return texts


def compare(packages, worker, folder, name: str, filename: str, text: str) -> tuple[dict, dict]:
    """The scores that `otter run` gives a submission, which must be those of `autograder grade`, and its results."""
    package, python = packages
    topic = TOPICS[name]
    path = folder / filename
    path.write_text(text, encoding="utf-8", newline="")
    scores = otter_run(python, package(name), path, folder / "out")
    exercises = load_laws(COURSE.laws(topic))
    outcome = worker.grade(path, topic)
    assert scores_of(gradescope(outcome, exercises, otter_config(points_of(name)))) == scores
    return scores, json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))


def points_of(name: str) -> dict[str, float]:
    """The points of each exercise of a topic."""
    return {exercise.name: exercise.points for exercise in load_laws(COURSE.laws(TOPICS[name]))}


def test_environment_has_no_repository(packages, tmp_path):
    _, python = packages
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    ask = [python, "-c", "import autograder; print(autograder.__file__)"]
    found = subprocess.run(ask, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert not found.startswith(str(REPOSITORY)), found


def test_everything_installed_can_be_imported_late(packages, tmp_path):
    """By student code: what lies beside the wheel, and what lies in a folder that a .pth file names."""
    _, python = packages
    site = next(Path(python).parents[1].glob("lib/python*/site-packages"))
    (site / "beside_the_wheel.py").touch()
    script = tmp_path / "script.py"
    script.write_text(IMPORTS_LATE, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    subprocess.run([python, script], cwd=tmp_path, env=environment, check=True)


@pytest.mark.parametrize("name", EVERY_TOPIC)
def test_otter_run(packages, worker, tmp_path, name):
    """Otter gives each exercise of a mixed submission what `autograder grade` does, and says what is not written."""
    scores, results = compare(packages, worker, tmp_path, name, f"{name}.py", take_turns(name))
    points = points_of(name)
    expected = {exercise: 0 if place % 3 else points[exercise] for place, exercise in enumerate(points)}
    assert scores == expected
    unwritten = next(test for test in results["tests"] if test["name"] == list(points)[2])
    assert "not written yet" in unwritten["output"]


@pytest.mark.parametrize("name", every_topic())
def test_otter_gives_the_reference_everything(packages, worker, tmp_path, name):
    """As a module, and with an import that must stand at its beginning."""
    text = "from __future__ import annotations\n\n" + read_topic(COURSE, TOPICS[name]).solution.text
    scores, results = compare(packages, worker, tmp_path, name, f"{name}.py", text)
    points = points_of(name)
    assert scores == points and results["score"] == sum(points.values())
    assert {test["name"] for test in results["tests"]} == {"Public Tests", *points}


@pytest.mark.parametrize("name", every_topic())
def test_otter_gives_the_reference_notebook_everything(packages, worker, tmp_path, name):
    text = reference_notebook(read_topic(COURSE, TOPICS[name]))
    assert compare(packages, worker, tmp_path, name, f"{name}.ipynb", text)[0] == points_of(name)


@pytest.mark.parametrize("name", every_topic())
def test_otter_gives_the_stub_nothing(packages, worker, tmp_path, name):
    text = stub_module(read_topic(COURSE, TOPICS[name]))
    scores, results = compare(packages, worker, tmp_path, name, f"{name}.py", text)
    assert scores == dict.fromkeys(points_of(name), 0)
    assert "not written yet" in next(test["output"] for test in results["tests"] if test["name"] in scores)


@pytest.mark.fidelity
@pytest.mark.parametrize("name", TOPICS)
def test_otter_agrees_on_the_whole_bank(packages, worker, tmp_path, name):
    for number, text in enumerate(rounds(name)):
        folder = tmp_path / str(number)
        folder.mkdir()
        compare(packages, worker, folder, name, f"{name}.py", text)


@pytest.mark.fidelity
@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("name", TOPICS)
def test_otter_agrees_on_broken_submissions(packages, worker, tmp_path, name, what):
    sources = read_topic(COURSE, TOPICS[name])
    text = reference_notebook(sources) if what.endswith(".ipynb") else sources.solution.text
    compare(packages, worker, tmp_path, name, f"{name}.{what.rpartition('.')[2]}", BROKEN[what](text))
