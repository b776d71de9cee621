"""Every topic of the course: its notebook runs in Jupyter and draws its picture, mistakes are named.

That its laws judge the bank rightly is what `autograder verify` says, which `make test` runs before these tests.
"""

import shutil

import nbclient
import nbformat
import pytest
from support import COURSE, EVERY_TOPIC, TOPICS

from autograder import bank
from autograder.build import read_topic, reference_notebook
from autograder.judge import diagnosis


@pytest.mark.parametrize("name", EVERY_TOPIC)
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


@pytest.mark.parametrize("name", EVERY_TOPIC)
def test_known_mistakes_are_named(worker, name):
    """A sample of the bank's mistakes is named rightly where it is known; alternatives get no diagnosis."""
    topic = TOPICS[name]
    symptoms = diagnosis.load(COURSE, topic)
    assert symptoms, "the symptoms are out of date: autograder verify --symptoms"
    reference = COURSE.solution(topic).read_text(encoding="utf-8")
    entries = bank.entries(COURSE.mistakes(topic))[::12]
    named = 0
    for entry in entries:
        outcome = diagnosis.diagnose(worker.run(diagnosis.job(topic, entry, reference))[0], symptoms)
        found = {verdict.diagnosis for verdict in outcome.verdicts} - {""}
        assert found <= {entry.diagnosis}, (entry.label, found)
        named += bool(found)
    assert named >= 0.7 * len(entries)
