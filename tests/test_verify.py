"""Verification finds what is wrong with a course's tests: each kind of defect, planted in a small course."""

import pytest
from click.testing import CliRunner

from autograder.bank import BankError
from autograder.cli import main
from autograder.course import load
from autograder.errors import UserError
from autograder.flakes import flakes, trials
from autograder.staff import affected
from autograder.verify import cases, chosen_cases, verify

SOLUTION = '''# %% [markdown]
# # 01 · Small

# %%
import random

# %% exercise="double"
def double(x):
    """Compute 2 x."""
    # BEGIN SOLUTION
    return x + x
    # END SOLUTION


# %% exercise="quadruple"
def quadruple(x):
    """Compute 4 x."""
    # BEGIN SOLUTION
    return QUADRUPLE
    # END SOLUTION
'''
LAWS = '''"""The laws of small."""
import random

import pytest
from hypothesis import given, strategies as st

from autograder.laws import assert_equal, assert_true


@pytest.mark.exercise("double", points=1)
class TestDouble:
    @given(x=st.integers(1, 5))
    def test_sum(self, target, x):
        """2 x = x + x."""
        assert_equal(target.double(x), x + x)

    def test_chance(self, target):
        """A die shows at most 6."""
        assert_true(random.randint(1, 6) <= HIGHEST, "it showed more")
        assert_equal(target.double(1), 2)


@pytest.mark.exercise("quadruple", points=1)
class TestQuadruple:
    @given(x=st.integers(1, 5))
    def test_product(self, target, x):
        """4 x is four times x."""
        assert_equal(target.quadruple(x), 4 * x)
'''
MISTAKES = """from autograder.bank import mistake

@mistake("double", law="test_sum", diagnosis="This is the number itself.")
def double_of_nothing(x):
    return x
"""
ALTERNATIVES = """from autograder.bank import alternative

@alternative("double", "product")
def double_by_product(x):
    return 2 * x

@alternative("double", "with a package", requires="no_such_package")
def double_by_package(x):
    import no_such_package
"""


def write_topic(
    folder, name="small", quadruple="4 * x", highest=6, mistakes=MISTAKES, alternatives=ALTERNATIVES, holds=""
):
    """Write a topic's files; the arguments plant a defect."""
    laws = LAWS.replace("HIGHEST", str(highest))
    if holds:
        laws = laws.replace("assert_equal(target.quadruple(x), 4 * x)", holds)
    files = {
        f"solutions/{name}.py": SOLUTION.replace("QUADRUPLE", quadruple),
        f"tests/properties/test_{name}.py": laws,
        f"tests/mistakes/{name}.py": mistakes,
        f"tests/alternatives/{name}.py": alternatives,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def course_with(folder, **defects):
    """A course of a topic for each keyword, with the defect that it gives; of one good topic if there are none."""
    folder.mkdir(exist_ok=True)
    entries = ["seed = 7"]
    for number, (name, defect) in enumerate((defects or {"small": {}}).items(), 1):
        write_topic(folder, name, **defect)
        entries.append(f'[[topic]]\nname = "{name}"\nnumber = {number}\ntitle = "Small"')
    (folder / "course.toml").write_text("\n".join(entries) + "\n")
    return load(folder)


def test_verify(tmp_path):
    """Nothing is found in a good topic; each defect is found where it is planted, and only there."""
    course = course_with(
        tmp_path,
        good={},
        uncaught={"mistakes": MISTAKES.replace('law="test_sum"', 'law="test_nothing"')},
        refused={"alternatives": ALTERNATIVES.replace("2 * x", "3 * x")},
        leaning={"quadruple": "double(double(x))"},
        wrong={"quadruple": "5 * x"},
        empty={"holds": "assert_true(x > 0, 'no')"},
    )
    findings = list(verify(course, chosen_cases(course, course.topics), 2))
    assert len(findings) == sum(len(cases(course, topic)) for topic in course.topics)
    found = {(f.case.topic, f.case.label): f.problems for f in findings if f.problems}
    assert set(found) == {
        ("uncaught", "double_of_nothing"),
        ("refused", "double_by_product"),
        ("leaning", "double_of_nothing"),
        ("leaning", "all but quadruple"),
        ("wrong", "the reference"),
        ("wrong", "all but quadruple"),
        ("empty", "the stub"),
    }
    missed = "test_nothing does not catch it (caught by test_sum, test_chance)"
    assert found["uncaught", "double_of_nothing"] == (missed,)
    assert found["leaning", "double_of_nothing"] == ("costs marks in quadruple (test_product)",)
    assert found["empty", "the stub"] == ("quadruple.test_product holds of the stub",)
    good = {finding.case.label: finding for finding in findings if finding.case.topic == "good"}
    assert good["double_by_package"].skipped == "needs no_such_package"
    assert len(good["the reference"].verdicts) == 3
    assert {verdict.exercise for verdict in good["double_of_nothing"].verdicts} == {"double"}


def test_verify_quickly(tmp_path):
    """Quickly, a mistake meets the law that must catch it, and the exercises that it might cost; nothing is lost."""
    right = MISTAKES.replace("return x", "return 2 * x")
    course = course_with(
        tmp_path,
        good={},
        uncaught={"mistakes": right},
        leaning={"quadruple": "double(double(x))"},
    )
    chosen = chosen_cases(course, course.topics, quick=True)
    findings = {(f.case.topic, f.case.label): f for f in verify(course, chosen, 1, quick=True)}
    assert {key for key, finding in findings.items() if finding.problems} == {
        ("uncaught", "double_of_nothing"),
        ("leaning", "double_of_nothing"),
    }
    assert [verdict.law for verdict in findings["good", "double_of_nothing"].verdicts] == ["test_sum"]


def test_code_that_ends_its_process_is_reported(tmp_path):
    """Outside the sandbox nothing stops it; the message says what to run instead."""
    deadly = MISTAKES.replace("return x", "import os; os._exit(1)")
    course = course_with(tmp_path, deadly={"mistakes": deadly})
    with pytest.raises(UserError, match="without --quick"):
        list(verify(course, chosen_cases(course, course.topics), 1, quick=True))


def test_flakes(tmp_path):
    """Laws that depend on chance are found with their seeds: by the reference, by alternatives, and by mistakes."""
    by_chance = MISTAKES.replace("return x", "return x + x").replace("test_sum", "test_chance")
    course = course_with(tmp_path, good={}, flaky={"highest": 5}, lucky={"highest": 4, "mistakes": by_chance})
    work = trials(course, list(course.topics[:1]), range(50))
    gradings = sum(len(task.seeds) * len(task.subjects) for task in work.tasks)
    assert gradings == 50 * 4  # two exercises of the reference, one of each other
    work = trials(course, list(course.topics), range(24))
    found = [flake for _, some in flakes(work, 2) for flake in some]
    assert not [flake for flake in found if flake.case.topic == "good"]
    flaky = [flake for flake in found if flake.case.topic == "flaky"]
    assert {flake.law for flake in flaky} == {"double::test_chance"}
    assert {flake.case.kind for flake in flaky} == {"reference", "alternative"}
    assert 0 < len({flake.seed for flake in flaky}) < 24
    assert {flake.seed for flake in found} <= set(range(7, 31))
    lucky = [flake.seed for flake in found if flake.case.topic == "lucky" and flake.case.kind == "mistake"]
    assert 0 < len(lucky) < 24


def test_bank_entries_that_name_nothing(tmp_path):
    """An entry for an unknown exercise or name is refused with its label."""
    course = course_with(tmp_path / "a", small={"mistakes": MISTAKES.replace('"double"', '"treble"')})
    with pytest.raises(BankError, match="double_of_nothing names the unknown exercise 'treble'"):
        cases(course, course.topics[0])
    course = course_with(tmp_path / "b", small={"mistakes": MISTAKES.replace("law=", 'replaces="treble", law=')})
    with pytest.raises(BankError, match="replaces 'treble', which is not defined"):
        cases(course, course.topics[0])


def test_affected():
    """A change reaches its own exercise first, and those whose code uses the name, however far away."""
    source = "def a(): pass\ndef b(): return a()\ndef c(): return b()\ndef d(): pass\n"
    cells = {"C": {"c"}, "B": {"b"}, "A": {"a"}, "D": {"d"}}
    assert affected(source, "a", cells, "A") == ("A", "C", "B")
    assert affected(source, "c", cells, "C") == ("C",)


def test_command(tmp_path, monkeypatch):
    """`autograder verify --mutants --seeds` prints tables, writes the reports and exits 1 for a survivor."""
    course_with(tmp_path, small={"holds": "target.quadruple(x)"})
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["build"]).exit_code == 0
    result = CliRunner().invoke(main, ["verify", "--mutants", "--seeds", "2", "--jobs", "1", "--law-seconds", "2"])
    assert "0 flakes in 8 gradings under 2 seeds" in result.output, result.output
    assert (tmp_path / "dist/mutants/small.md").is_file() and (tmp_path / "dist/mutants/small.json").is_file()
    assert result.exit_code == 1, result.output
    assert "small: survived: quadruple" in result.output and "+    return 5 * x" in result.output
