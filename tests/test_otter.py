"""`otter run` on the real packages, in an environment that has the wheel but not the repository."""

import json
import os
import subprocess

import pytest
from support import COURSE, REPOSITORY, TOPICS, environment_with_wheel, otter_run, scores_of

from autograder import bank
from autograder.build import build, read_topic, reference_notebook
from autograder.build.stub import stub_module
from autograder.grading import otter_config
from autograder.judge.results import gradescope
from autograder.judge.worker import Worker
from autograder.laws import load_laws

KINDS = ("reference.py", "reference.ipynb", "stub.py", "mistakes.py")


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The otter package of every topic, built now, and a Python that has its wheel only."""
    root = tmp_path_factory.mktemp("packages")
    build(COURSE, COURSE.topics, root)
    found = {name: root / COURSE.package(topic).relative_to(REPOSITORY) for name, topic in TOPICS.items()}
    python = environment_with_wheel(next(iter(found.values())), root / "environment")
    return found, python


def submission(topic, kind: str) -> str:
    """The text of one submission to `topic`."""
    sources = read_topic(COURSE, topic)
    if kind == "reference.ipynb":
        return reference_notebook(sources)
    if kind == "stub.py":
        return stub_module(sources)
    text = sources.solution.text
    if kind == "mistakes.py":  # one for every other exercise: what is wrong and what is right must both be seen
        mistakes = bank.entries(COURSE.mistakes(topic))
        for exercise in list(sources.points)[::2]:
            text = next(entry for entry in mistakes if entry.exercise == exercise).apply(text)
    return text


def test_environment_has_no_repository(packages, tmp_path):
    _, python = packages
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    ask = [python, "-c", "import autograder; print(autograder.__file__)"]
    found = subprocess.run(ask, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert not found.startswith(str(REPOSITORY)), found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TOPICS)
def test_otter_run(packages, tmp_path, name, kind):
    """Otter gives the reference everything, the stub nothing, and every submission what `autograder grade` gives it."""
    found, python = packages
    topic = TOPICS[name]
    path = tmp_path / f"{name}.{kind.rpartition('.')[2]}"
    path.write_text(submission(topic, kind), encoding="utf-8")
    scores = otter_run(python, found[name], path, tmp_path / "out")
    points = {exercise.name: exercise.points for exercise in load_laws(COURSE.laws(topic))}
    if kind.startswith("reference"):
        assert scores == points
    if kind == "stub.py":
        assert scores == dict.fromkeys(points, 0)
        results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
        assert "not written yet" in next(t["output"] for t in results["tests"] if t["name"] in points)
    exercises = load_laws(COURSE.laws(topic))
    with Worker(COURSE, [topic]) as worker:
        outcome = worker.grade(path, topic)
    assert scores_of(gradescope(outcome, exercises, otter_config(points))) == scores
