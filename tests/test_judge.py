"""The judge: what goes wrong in one exercise stays there, texts are harmless, nothing outlives the grader."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import COURSE, EVERY_TOPIC, REPOSITORY, TOPICS, examine_here, scores_of

from autograder import bank
from autograder.bench import trivial_course
from autograder.build import read_topic
from autograder.build.stub import stub_module
from autograder.grading import otter_config
from autograder.judge.hygiene import clean, csv_cell, one_line
from autograder.judge.outcome import Outcome
from autograder.judge.results import grades_csv, gradescope, write_atomically
from autograder.judge.worker import Job, Worker
from autograder.laws import load_laws

TOPIC = TOPICS["gradients"]
EXERCISES = load_laws(COURSE.laws(TOPIC))
REFERENCE = COURSE.solution(TOPIC).read_text(encoding="utf-8")
FULL = {exercise.name: exercise.points for exercise in EXERCISES}


def grade(worker, tmp_path, source: str, name: str = "gradients.py", exercises: tuple[str, ...] = ()) -> Outcome:
    path = tmp_path / name
    path.write_text(source, encoding="utf-8")
    return worker.grade(path, TOPIC, exercises=exercises)


def scores(outcome: Outcome) -> dict[str, float]:
    return {score.exercise: score.earned for score in outcome.scores(EXERCISES)}


DISASTERS = {
    "os._exit": ("import os; os._exit(0)", "exit"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "crash"),
    "50 GB": ("return torch.ones(50 * 2**27)", "memory"),
    "fork bomb": ("import os\n    while True: os.fork()", "error"),
    "endless output": ("while True: print('x' * 10000)", "output"),
    "sys.exit": ("import sys; sys.exit(0)", "SystemExit"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "endless loop": ("while True: pass", "too slow"),
}


@pytest.mark.parametrize("what", DISASTERS)
def test_a_disaster_in_one_exercise_costs_only_that(worker, tmp_path, what):
    body, _ = DISASTERS[what]
    some = ("tanh", "quotient_rule", "relu")
    source = f"{REFERENCE}\n\ndef quotient_rule(f, df, g, dg):\n    {body}\n"
    outcome = grade(worker, tmp_path, source, exercises=some)
    assert {name: scores(outcome)[name] for name in some} == {name: FULL[name] for name in some} | {"quotient_rule": 0}


def test_a_disaster_while_loading_costs_everything_at_once(worker, tmp_path):
    start = time.monotonic()
    outcome = grade(worker, tmp_path, REFERENCE + "\nimport os; os._exit(3)\n")
    assert set(scores(outcome).values()) == {0}
    assert any("could not be loaded" in note for note in outcome.notes)
    assert time.monotonic() - start < COURSE.limits.submission_seconds / 2


def test_a_syntax_error_costs_only_its_cell(worker, tmp_path):
    broken = REFERENCE.replace("    return 1 / (1 + torch.exp(-x))", "    return 1 / (1 + torch.exp(-x)", 1)
    outcome = grade(worker, tmp_path, broken)
    assert scores(outcome) == FULL | {"sigmoid": 0}
    assert any("SyntaxError" in note for note in outcome.notes)


@pytest.mark.parametrize("step", [30, pytest.param(1, marks=pytest.mark.fidelity)])
@pytest.mark.parametrize("name", EVERY_TOPIC)
def test_remote_and_local_verdicts_agree(worker, name, step):
    """The laws say the same of a module in this process and of one in the sandbox, whether it is right or wrong."""
    topic = TOPICS[name]
    exercises = load_laws(COURSE.laws(topic))
    reference = COURSE.solution(topic).read_text(encoding="utf-8")
    stub = stub_module(read_topic(COURSE, topic))
    submissions = [(reference, ()), (stub, ())] if step == 1 else [(stub, tuple(e.name for e in exercises[::4]))]
    for entry in (bank.entries(COURSE.mistakes(topic)) + bank.entries(COURSE.alternatives(topic)))[::step]:
        submissions.append((entry.apply(reference), (entry.exercise,)))
    for source, names in submissions:
        remote = worker.run(Job("", None, topic, exercises=names, source=source))[0].verdicts
        chosen = [exercise for exercise in exercises if not names or exercise.name in names]
        local = examine_here(source, chosen, COURSE.seed)
        # In the sandbox a law that takes too long costs its exercise: the laws after it are not tried.
        slow = [place for place, verdict in enumerate(remote) if verdict.symptom == "too slow"][:1]
        tried = slow[0] + 1 if slow and len(chosen) == 1 else len(remote)
        assert len(remote) == len(local)
        assert {verdict.symptom for verdict in remote[tried:]} <= {"too slow"}
        assert [(v.law, v.status) for v in remote[:tried]] == [(v.law, v.status) for v in local[:tried]], (
            names,
            source[-500:],
        )


def test_what_laws_import_late_is_imported_once(tmp_path):
    course, topic, submission = trivial_course(tmp_path)
    laws = course.laws(topic)
    laws.write_text(laws.read_text() + "        import colorsys  # once the target has answered\n")
    with Worker(course, [topic]) as worker:
        orders = []
        fork = worker._server.fork
        worker._server.fork = lambda order: orders.append(order) or fork(order)
        assert all(worker.grade(submission, topic).verdicts[0].passed for _ in range(3))
    assert [order["modules"] for order in orders] == [[], ["colorsys"], []]


def test_results_are_otters(worker, tmp_path):
    outcome = grade(worker, tmp_path, REFERENCE)
    data = json.loads(json.dumps(gradescope(outcome, EXERCISES, otter_config(FULL))))
    assert data["score"] == sum(FULL.values()) and scores_of(data) == FULL
    assert data["tests"][0]["name"] == "Public Tests" and data["tests"][0]["status"] == "passed"
    assert data["extra_data"]["confinement"] == worker.tier


def test_hidden_inputs_are_not_shown(worker, tmp_path):
    source = f"{REFERENCE}\n\ndef relu(x):\n    raise ValueError(repr(x))\n"
    outcome = grade(worker, tmp_path, source, exercises=("relu",))
    data = gradescope(outcome, EXERCISES, otter_config(FULL))
    text = next(test["output"] for test in data["tests"] if test["name"] == "relu")
    hidden = text.partition("test_difference_of_halves result")[2]
    assert "ReLU(x) − ReLU(−x) = x" in hidden and "tensor(" not in hidden and "inputs are not shown" in hidden


def test_a_missing_law_earns_nothing():
    full = Outcome(verdicts=())
    assert set(scores(full).values()) == {0}


def test_the_outcome_survives_its_journey(worker, tmp_path):
    outcome = grade(worker, tmp_path, f"{REFERENCE}\n\ndef relu(x):\n    return -x\n", exercises=("tanh", "relu"))
    assert Outcome.from_json(outcome.to_json()) == outcome


HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202eevil\u2066 \x00\x07 <script>alert(1)</script> =1+1\r\nnext"


def test_texts_are_cleaned():
    text = clean(HOSTILE)
    assert "\x1b" not in text and "\u202e" not in text and "\x00" not in text and "title" not in text
    assert "\n" in text and "\n" not in one_line(HOSTILE)
    assert len(clean("x" * 10**6)) <= 4000
    for formula in ("=1+1", "+1", "-1", "@x", "=cmd|' /C calc'!A0"):
        assert csv_cell(formula).startswith("'")


def test_hostile_text_reaches_no_report(worker, tmp_path):
    body = f"def relu(x):\n    print({HOSTILE!r})\n    raise ValueError({HOSTILE!r})\n"
    outcome = grade(worker, tmp_path, f"{REFERENCE}\n\n{body}", exercises=("tanh", "relu"))
    text = json.dumps(gradescope(outcome, EXERCISES, otter_config(FULL)), ensure_ascii=False)
    assert "\\u001b" not in text and "\u202e" not in text and "\\u0000" not in text
    table = grades_csv({"=eve": outcome}, EXERCISES)
    rows = list(csv.reader(io.StringIO(table)))
    assert len(rows) == 2 and rows[1][0] == "'=eve"


def test_files_are_written_whole_or_not(tmp_path, monkeypatch):
    path = tmp_path / "a" / "results.json"
    write_atomically(path, "old")

    def fails(*_):
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError):
        write_atomically(path, "new")
    assert path.read_text() == "old" and [p.name for p in path.parent.iterdir()] == ["results.json"]


def living() -> dict[int, int]:
    """The parent of every process that is no zombie."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    return parents


def descendants(pid: int) -> set[int]:
    """All living processes below `pid`."""
    parents = living()
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


@pytest.mark.parametrize("after", [0.5, 4.0, 9.0])
def test_killing_the_grader_leaves_nothing_behind(tmp_path, after):
    """At whatever moment it is killed: no process lives on, and no result is half written."""
    submissions = tmp_path / "class"
    submissions.mkdir()
    for index in range(6):
        (submissions / f"s{index}.py").write_text(REFERENCE, encoding="utf-8")
    hang = f"{REFERENCE}\n\ndef relu(x):\n    while True: pass\n"
    (submissions / "a_hangs.py").write_text(hang, encoding="utf-8")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "autograder.cli", "grade", str(submissions), "--topic", "gradients"]
    grader = subprocess.Popen([*command, "--out", str(out)], cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    time.sleep(after)
    below = descendants(grader.pid)
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    deadline = time.monotonic() + 20
    while (alive := below & living().keys()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive
    for path in out.glob("*/results.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["tests"]
