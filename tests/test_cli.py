"""The command line as a person meets it: in another process, with good input and bad."""

import json
import re
import shutil

import nbformat
import pytest
from support import COURSE, REPOSITORY, TOPICS, command

from autograder.build import read_topic, reference_notebook

TOPIC = TOPICS["gradients"]
ASSIGNMENT = COURSE.assignment(TOPIC)


@pytest.fixture
def student(tmp_path):
    """The folder of an assignment, as a student has it, outside of any course."""
    folder = tmp_path / ASSIGNMENT.name
    shutil.copytree(ASSIGNMENT, folder)
    return folder


def solve(folder):
    shutil.copy(COURSE.solution(TOPIC), folder / "gradients.py")


@pytest.mark.parametrize("arguments", [(), ("check",), ("grade",), ("build",), ("verify",), ("show",)])
def test_help_teaches_by_example(tmp_path, arguments):
    text = command(*arguments, "--help", cwd=tmp_path).stdout
    assert "autograder " in text
    if arguments:
        assert "Example" in text and "Exit status" in text


def test_check_the_stub(student):
    text = command("check", cwd=student, expect=1).stdout
    assert text.count("not started") == len(read_topic(COURSE, TOPIC).points)
    assert "0 of 20 points" in text


def test_check_a_solution(student):
    solve(student)
    for arguments in (("check",), ("check", str(student))):
        text = command(*arguments, cwd=student).stdout
        assert "✗" not in text and "20 of 20 points" in text


def test_check_a_notebook(student):
    (student / "gradients.ipynb").write_text(reference_notebook(read_topic(COURSE, TOPIC)), encoding="utf-8")
    assert "20 of 20 points" in command("check", "gradients.ipynb", cwd=student).stdout


def test_check_explains_a_failure(student):
    solve(student)
    with (student / "gradients.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef sigmoid(x):\n    return 1 / (1 + torch.exp(x))\n\n\ndef relu(x):\n    return x / 0\n")
    text = command("check", "--exercise", "sigmoid", cwd=student, expect=1, columns=40).stdout  # nothing is cut off
    for part in (
        "✗ sigmoid",
        "Law: σ(x) = 1 / (1 + e^(−x))",
        "Smallest counterexample",
        "x = tensor(",
        "sigmoid(tensor(",
    ):
        assert part in text, text
    assert "expected" in text and "got" in text and max(map(len, text.splitlines())) > 40
    text = command("check", "--exercise", "tanh", cwd=student).stdout
    assert "✓ tanh" in text and "1 of 1 points" in text


def test_check_a_file_of_another_name(student):
    shutil.copy(COURSE.solution(TOPIC), student / "mine.py")
    assert "test_mine.py" in command("check", "mine.py", cwd=student, expect=2).stderr
    text = command("check", "mine.py", "--topic", "gradients", "--exercise", "relu", cwd=student).stdout
    assert "1 of 1 points" in text


def test_a_cell_with_an_error_does_not_lose_the_others(student):
    text = reference_notebook(read_topic(COURSE, TOPIC))
    notebook = nbformat.reads(text, as_version=4)
    broken = next(cell for cell in notebook.cells if cell.source.startswith("def tanh("))
    broken.source += "\n\nthis is no Python"
    (student / "gradients.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    text = command("check", "gradients.ipynb", cwd=student, expect=1).stdout
    assert "SyntaxError" in text and "19 of 20 points" in text


BAD = {
    "an unknown command": (("chekc",), "Did you mean 'check'?"),
    "an unknown topic": (("check", "gradeints"), "gradeints"),
    "a missing file": (("check", "nowhere/gradients.py"), "no file"),
    "a missing file to show": (("show", "gradients", "nowhere.py"), "no file"),
    "an unknown exercise": (("check", "--exercise", "sgimoid"), "sgimoid"),
    "not a notebook": (("check", "broken.ipynb", "--topic", "gradients"), "notebook"),
    "an empty file": (("check", "empty.py", "--topic", "gradients"), "empty"),
    "a wrong encoding": (("check", "latin.py", "--topic", "gradients"), "latin.py"),
    "an unwritten picture": (("show", "gradients", "gradients.py"), "not written"),
    "a course that is not there": (("build",), "course.toml"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_clear_line(student, what):
    (student / "broken.ipynb").write_text("{", encoding="utf-8")
    (student / "empty.py").write_text("", encoding="utf-8")
    (student / "latin.py").write_bytes("x = 'é'\n".encode("latin-1"))
    arguments, words = BAD[what]
    process = command(*arguments, cwd=student, expect=2)
    assert words in process.stderr, process.stderr
    assert "Traceback" not in process.stderr
    if "Usage" not in process.stderr:
        assert len(process.stderr.strip().splitlines()) == 1, process.stderr


def test_an_unknown_topic_of_the_course_suggests_the_nearest():
    process = command("build", "gradeints", cwd=REPOSITORY, expect=2)
    assert "did you mean 'gradients'?" in process.stderr


def test_show_draws_a_picture(student, tmp_path):
    solve(student)
    out = tmp_path / "pictures" / "mine.png"
    text = command("show", "gradients", "gradients.py", "--out", str(out), cwd=student).stdout
    assert str(out) in text
    assert out.read_bytes().startswith(b"\x89PNG") and out.stat().st_size > 10_000


def test_grade_a_class(tmp_path):
    submissions = tmp_path / "class"
    submissions.mkdir()
    reference = COURSE.solution(TOPIC).read_text(encoding="utf-8")
    (submissions / "ada.py").write_text(reference, encoding="utf-8")
    (submissions / "eve.ipynb").write_text("{", encoding="utf-8")
    folder = submissions / "grace"
    folder.mkdir()
    (folder / "gradients.py").write_text(reference + "\n\ndef relu(x):\n    return x\n", encoding="utf-8")
    out = tmp_path / "out"
    # In a terminal too narrow for it, the table is whole all the same.
    arguments = ("grade", submissions, "--topic", "gradients", "--out", out)
    text = command(*arguments, cwd=REPOSITORY, columns=30).stdout
    assert re.search(r"^exercise +points +ada +eve +grace *$", text, re.MULTILINE)
    assert re.search(r"^type_check_gradient +2 +✓ +– +✓ *$", text, re.MULTILINE)
    rows = [line.split(",") for line in (out / "grades.csv").read_text(encoding="utf-8").splitlines()]
    assert rows[0][:4] == ["student", "status", "score", "possible"]
    assert [row[:4] for row in rows[1:]] == [
        ["ada", "graded", "20", "20"],
        ["eve", "refused", "0", "20"],
        ["grace", "graded", "19", "20"],
    ]
    assert "tier" in text and "eve" in text
    results = json.loads((out / "eve" / "results.json").read_text(encoding="utf-8"))
    assert results["score"] == 0 and "could not be graded" in results["output"]
    assert json.loads((out / "ada" / "results.json").read_text(encoding="utf-8"))["score"] == 20


def test_grade_nothing(tmp_path):
    process = command(
        "grade", str(tmp_path), "--topic", "gan", "--out", str(tmp_path / "out"), cwd=REPOSITORY, expect=2
    )
    assert "no submission" in process.stderr


def test_build_check_finds_drift(tmp_path):
    root = tmp_path / "course"
    for name in ("solutions", "tests/properties", "assignments"):
        shutil.copytree(REPOSITORY / name, root / name)
    shutil.copy(REPOSITORY / "course.toml", root)
    assert "No drift" in command("build", "--check", "gradients", cwd=root).stdout
    stub = root / "assignments" / TOPIC.folder / "gradients.py"
    stub.write_text(stub.read_text(encoding="utf-8") + "\n# edited by hand\n", encoding="utf-8")
    (stub.parent / "README.md").unlink()
    text = command("build", "--check", "gradients", cwd=root, expect=1).stdout
    assert "gradients.py" in text and "README.md" in text
