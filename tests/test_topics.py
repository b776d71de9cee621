"""Every topic of the course: its laws judge the bank rightly, its notebook runs in Jupyter, its picture is drawn."""

import shutil

import nbclient
import nbformat
import pytest
from support import COURSE, TOPICS

from autograder import bank
from autograder.build import check, leaks, read_topic, reference_notebook
from autograder.check import Work
from autograder.judge import diagnosis
from autograder.judge.worker import Worker
from autograder.show import show
from autograder.verify import verify


@pytest.mark.parametrize("name", TOPICS)
def test_the_bank_is_judged_rightly(name):
    """The reference, the stub, every mistake and every alternative get what they should, in the sandbox."""
    problems, kinds = [], set()
    for finding in verify(COURSE, [TOPICS[name]], jobs=1):
        kinds.add(finding.case.kind)
        problems += [f"{finding.case.key}: {problem}" for problem in finding.problems]
    assert not problems
    assert kinds >= {"reference", "stub", "mistake", "alternative"}


@pytest.mark.parametrize("name", TOPICS)
def test_the_assignment_is_current_and_leaks_nothing(name):
    assert check(COURSE, [TOPICS[name]]) == []
    assert leaks(COURSE, TOPICS[name]) == []


@pytest.mark.parametrize("name", TOPICS)
def test_the_notebook_runs_in_jupyter(name, tmp_path):
    """Filled in with the reference, every cell runs in a real kernel, every check passes, the picture is shown."""
    topic = TOPICS[name]
    shutil.copytree(COURSE.assignment(topic), tmp_path / "work")
    text = reference_notebook(read_topic(COURSE, topic))
    (tmp_path / "work" / f"{name}.ipynb").write_text(text, encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    where = {"metadata": {"path": str(tmp_path / "work")}}
    nbclient.NotebookClient(notebook, timeout=300, resources=where).execute()
    outputs = {cell.id: str(cell.get("outputs")) for cell in notebook.cells}
    for exercise in read_topic(COURSE, topic).points:
        assert "passed" in outputs[f"check-{exercise}"], outputs[f"check-{exercise}"]
    drawing = next(cell for cell in notebook.cells if cell.id.startswith("draw-"))
    assert any("image/png" in output.get("data", {}) for output in drawing.outputs)


@pytest.mark.parametrize("name", TOPICS)
def test_the_picture_is_drawn(name, tmp_path):
    path, notes = show(Work(COURSE.solution(TOPICS[name]), name, COURSE.laws(TOPICS[name])), tmp_path / "picture.png")
    assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 20_000
    assert notes == []


@pytest.mark.parametrize("name", TOPICS)
def test_known_mistakes_are_named(name):
    """A sample of the bank's mistakes is named rightly where it is known; alternatives get no diagnosis."""
    topic = TOPICS[name]
    symptoms = diagnosis.load(COURSE, topic)
    assert symptoms, "the symptoms are out of date: autograder verify --symptoms"
    reference = COURSE.solution(topic).read_text(encoding="utf-8")
    entries = bank.entries(COURSE.mistakes(topic))[::5]
    named = 0
    with Worker(COURSE, [topic]) as worker:
        for entry in entries:
            outcome = diagnosis.diagnose(worker.run(diagnosis.job(topic, entry, reference))[0], symptoms)
            found = {verdict.diagnosis for verdict in outcome.verdicts} - {""}
            assert found <= {entry.diagnosis}, (entry.label, found)
            named += bool(found)
    assert named >= 0.7 * len(entries)
