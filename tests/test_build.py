"""The builder: what it makes of a topic's sources, and what it refuses."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from support import EVERY_TOPIC, TOPICS

from autograder.build import BuildError, build, check, leaks, read_topic, reference_notebook
from autograder.build.cells import read_solution
from autograder.build.ottertests import in_ascii
from autograder.build.package import package_root, wheel
from autograder.build.prune import global_names
from autograder.course import load

REPOSITORY = Path(__file__).parents[1]

COURSE = """\
title = "A course"
seed = 1

[[topic]]
name = "sums"
number = 3
title = "Sums"
"""

SOLUTION = '''\
# %% [markdown]
# # 03 · Sums
#
# Adding up: $\\sum_i x_i$.

# %%
import math

import torch

# %% [markdown] tags=["staff"]
# The staff knows a shorter way.

# %% tags=["staff"]
STAFF_SECRET = math.factorial(5) + math.factorial(6)

# %% [markdown]
# ### total
#
# Mind the empty sum.

# %% exercise="total"
def total(x: torch.Tensor) -> torch.Tensor:
    """Compute the sum of all entries."""
    if x.numel() == 0:
        return x.new_zeros(())
    # BEGIN SOLUTION: begin with zero
    result = x.new_zeros(()) + torch.tensor(0.0)
    for value in x.flatten():
        result = result + value * torch.tensor(1.0)
    return result
    # END SOLUTION


# %%
def given(x):
    return x * 2 + x * 3 - x * 4


# %% [markdown]
# ### Counter

# %% exercise="Counter"
class Counter:
    """Counts how often `add` was called."""

    step: int = 1

    def __init__(self):
        self.count = 0

    def add(self, times: int = 1) -> int:
        """Count once more, `times` times."""
        # BEGIN SOLUTION
        self.count = self.count + self.step * times
        return self.count
        # END SOLUTION

    def reset(self) -> None:
        """Begin again at zero."""
        # BEGIN SOLUTION
        self.count = 0 * self.count + 0 * self.step
        # END SOLUTION


# %% tags=["picture"]
def picture():
    """Draw a line."""
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([0, float(total(torch.ones(3)))])
    return figure
'''

LAWS = '''\
"""The laws of sums; the hidden ones use Gauss's formula."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, reals

LENGTHS = st.integers(0, 5)


# Only hidden laws need this constant.
GAUSS = {n: n * (n + 1) / 2 for n in range(10)}


def arithmetic(n):
    """The oracle of Gauss, for the hidden law alone."""
    return torch.tensor(GAUSS[n] + rounding(n), dtype=torch.float64)


def rounding(n):
    return math.fsum([n, -n]) * next(itertools.count())


def ones(n):
    """A vector of n ones. Its local variable has the name of another helper: ρ."""
    rounding = torch.ones(n, dtype=torch.float64)
    return rounding


@pytest.mark.exercise("total", points=1)
class TestTotal:
    """What holds of sums."""

    BOUND = 7
    SECRET_BOUND = 9 + 9 + 9 + 9

    @given(n=LENGTHS)
    def test_ones(self, target, n):
        """A sum of n ones is n: Σ 1 = n."""
        assert_close(target.total(ones(n)), torch.tensor(float(min(n, self.BOUND)), dtype=torch.float64))

    # A remark on what is hidden: use the formula of Gauss.
    @pytest.mark.hidden
    @given(n=st.integers(0, 9))
    def test_gauss(self, target, n):
        """1 + 2 + … + n is n (n + 1) / 2, as young Gauss saw."""
        assert n < self.SECRET_BOUND
        assert_close(target.total(torch.arange(n + 1, dtype=torch.float64)), arithmetic(n))

    def test_single(self, target):
        """A sum of one number is that number."""
        assert_close(target.total(torch.tensor([2.5])), torch.tensor(2.5))


@pytest.mark.exercise("Counter", points=2.5)
class TestCounter:
    @given(n=LENGTHS, start=reals())
    def test_counts(self, target, n, start):
        """After n calls the count is n."""
        counter = target.Counter()
        for _ in range(n):
            counter.add()
        assert_equal(counter.count, n)

    @pytest.mark.hidden
    def test_reset(self, target):
        """After a reset it counts from zero."""
        counter = target.Counter()
        counter.add(3)
        counter.reset()
        assert_equal(counter.add(), 1, what="the count after a reset and one call")
'''


def make_course(root: Path, solution: str = SOLUTION, laws: str = LAWS):
    """A course with one topic in `root`, and that topic."""
    (root / "solutions").mkdir(parents=True, exist_ok=True)
    (root / "tests" / "properties").mkdir(parents=True, exist_ok=True)
    (root / "course.toml").write_text(COURSE, encoding="utf-8")
    (root / "solutions" / "sums.py").write_text(solution, encoding="utf-8")
    (root / "tests" / "properties" / "test_sums.py").write_text(laws, encoding="utf-8")
    course = load(root)
    return course, course.topics[0]


def real_topics():
    course = load(REPOSITORY)
    return [t for t in course.topics if course.solution(t).is_file() and course.laws(t).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder, course and topic of a built synthetic course. Tests only read it."""
    root = tmp_path_factory.mktemp("course")
    course, topic = make_course(root)
    build(course, [topic])
    return course, topic


@pytest.fixture
def fresh(tmp_path):
    """A built course of the test's own, to change."""
    course, topic = make_course(tmp_path)
    build(course, [topic])
    return course, topic


def read(course, topic, name: str) -> str:
    return (course.assignment(topic) / name).read_text(encoding="utf-8")


# What is made


def test_files_written(tmp_path):
    course, topic = make_course(tmp_path / "course")
    written = build(course, [topic], tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == [
        "assignments/03_sums/README.md",
        "assignments/03_sums/sums.py",
        "assignments/03_sums/sums.ipynb",
        "assignments/03_sums/test_sums.py",
        "assignments/03_sums/tests/total.py",
        "assignments/03_sums/tests/Counter.py",
        "dist/sums/autograder.zip",
    ]
    assert all(path.is_file() for path in written)
    assert not course.assignment(topic).exists()


def test_stub(built):
    text = read(*built, "sums.py")
    names: dict = {}
    exec(compile(text, "sums.py", "exec"), names)
    with pytest.raises(NotImplementedError, match="^total: not written yet$"):
        names["total"](__import__("torch").ones(2))
    with pytest.raises(NotImplementedError, match=r"^Counter\.reset: not written yet$"):
        names["Counter"]().reset()
    assert "    # TODO: begin with zero\n    raise NotImplementedError(" in text
    assert "# %% [markdown]\n# # 03 · Sums\n" in text and "# ### Counter\n" in text
    assert "def picture():" in text and "return x * 2 + x * 3 - x * 4" in text
    assert "x.new_zeros(())\n    # TODO" in text, "a given first step stays"
    for absent in ("SOLUTION", "STAFF", "shorter way", "Mind the empty sum", "result + value"):
        assert absent not in text


def test_round_trip_of_the_notebook(built):
    course, topic = built
    notebook = nbformat.reads(read(course, topic, "sums.ipynb"), as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    stub = read_solution_cells(course.assignment(topic) / "sums.py")
    assert graded_code(notebook) == stub


def graded_code(notebook) -> list[str]:
    """The code cells of a notebook that otter runs when it grades."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell.source for cell in cells if "otter_ignore" not in cell.metadata.get("tags", [])]


def read_solution_cells(path: Path) -> list[str]:
    """The code cells of a percent file as jupytext reads them."""
    jupytext = pytest.importorskip("jupytext")
    return [cell.source for cell in jupytext.read(path, fmt="py:percent").cells if cell.cell_type == "code"]


def test_cells_are_those_of_jupytext(built):
    course, topic = built
    jupytext = pytest.importorskip("jupytext")
    theirs = jupytext.read(course.solution(topic), fmt="py:percent").cells
    ours = read_solution(course.solution(topic)).cells
    assert [(c.kind, c.source) for c in ours] == [(c.cell_type, c.source) for c in theirs]
    assert [c.exercise for c in ours] == [c.metadata.get("exercise") for c in theirs]
    assert [list(c.tags) for c in ours] == [c.metadata.get("tags", []) for c in theirs]


def test_notebook_cells(built):
    notebook = nbformat.reads(read(*built, "sums.ipynb"), as_version=nbformat.NO_CONVERT)
    skipped = [c.source for c in notebook.cells if "otter_ignore" in c.metadata.get("tags", [])]
    assert skipped[0] == 'import otter\n\ngrader = otter.Notebook("sums.ipynb")'
    assert skipped[1:3] == ['grader.check("total")  # 1 point', 'grader.check("Counter")  # 2.5 points']
    assert "picture()" in skipped[3] and skipped[4] == "grader.check_all()" and len(skipped) == 5
    order = [c.source for c in notebook.cells]
    assert order[order.index(skipped[1]) - 1].startswith("def total(")
    assert notebook.cells[0].source == skipped[0]
    assert "Mind the empty sum." in notebook.cells[3].source and "shorter way" not in str(notebook)
    assert len({c.id for c in notebook.cells}) == len(notebook.cells)


def test_handout(built):
    text = read(*built, "README.md")
    assert text.startswith("# 03 · Sums\n\n**To start**, write your answers in `sums.py`")
    assert "autograder check sums.py" in text and "| `Counter` | 2.5 |" in text and "| **together** | **3.5** |" in text
    assert 'x: torch.Tensor) -> torch.Tensor:\n    """Compute the sum of all entries."""\n```' in text
    assert "    step: int = 1\n\n    def add(self, times: int = 1) -> int:" in text
    assert "- A sum of n ones is n: Σ 1 = n.\n- A sum of one number is that number.\n- and 1 more" in text
    assert text.index("Mind the empty sum") < text.index("def total") < text.index("class Counter")
    for absent in ("Gauss", "shorter way", "SOLUTION", "result"):
        assert absent not in text


def test_public_laws_are_pruned(built):
    text = read(*built, "test_sums.py")
    assert ast.parse(text)
    for kept in ("def test_ones", "def test_single", "def test_counts", "def ones", "LENGTHS =", "BOUND = 7", "reals"):
        assert kept in text, kept
    for pruned in ("auss", "GAUSS", "arithmetic", "def r", "itertools", "math", "hidden", "SECRET", "test_reset"):
        assert pruned not in text, pruned
    assert "from hypothesis import strategies as st" in text
    assert '@pytest.mark.exercise("Counter", points=2.5)' in text
    ruff = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select=E,F", "--line-length=120", "-"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ruff.returncode == 0 or "No module named ruff" in ruff.stderr, ruff.stdout


def test_names_are_told_from_local_ones():
    source = "@d(a)\ndef f(x: t = b):\n    c = x + e\n    return [c for y in g(lambda z: z + h)]\n"
    assert {"d", "a", "t", "b", "e", "g", "h"} == global_names(source)
    assert global_names("class C(B):\n    k = m\n    def f(self):\n        return self.k + n\n") == {"B", "m", "n"}


def start(command: list[str], folder: Path) -> subprocess.Popen:
    """A command in another process, with its output as text."""
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "encoding": "utf-8"}
    return subprocess.Popen(command, cwd=folder, **pipe)


def test_plain_pytest_runs_the_public_laws(built):
    course, topic = built
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    stub = start(command, course.assignment(topic))
    reference = start([*command, "--target", str(course.solution(topic))], course.assignment(topic))
    output = stub.communicate()[0]
    assert "3 failed" in output and "total: not written yet" in output, output
    output = reference.communicate()[0]
    assert "3 passed" in output, output


# Otter


def otter_file(path: Path):
    """The test file as otter reads it."""
    from otter.nbmeta_config import NBMetadataConfig
    from otter.test_files import create_test_file

    return create_test_file(str(path), NBMetadataConfig())


@pytest.fixture(scope="module")
def extracted(built, tmp_path_factory):
    course, topic = built
    folder = tmp_path_factory.mktemp("zip")
    with zipfile.ZipFile(course.package(topic)) as archive:
        archive.extractall(folder)
    return folder


def test_otter_reads_the_public_files(built):
    course, topic = built
    total = otter_file(course.assignment(topic) / "tests" / "total.py")
    assert (total.name, total.possible, total.all_or_nothing) == ("total", 1, True)
    assert [case.name for case in total.test_cases] == ["total - test_ones", "total - test_single"]
    assert total.all_public
    counter = otter_file(course.assignment(topic) / "tests" / "Counter.py")
    assert counter.possible == 2.5


def test_otter_reads_the_hidden_files(extracted):
    total = otter_file(extracted / "tests" / "total.py")
    assert [(case.name, case.hidden) for case in total.test_cases] == [
        ("total - test_ones", False), ("total - test_gauss", True), ("total - test_single", False)
    ]  # fmt: skip
    assert total.possible == 1
    text = (extracted / "tests" / "total.py").read_text(encoding="ascii")
    assert "def arithmetic" in text and "TestCounter" not in text and "assert_equal" not in text


def test_otter_verdicts(extracted, built):
    course, topic = built
    reference: dict = {}
    exec(compile(course.solution(topic).read_text(encoding="utf-8"), "sums.py", "exec"), reference)
    for name in ("total", "Counter"):
        right, wrong = otter_file(extracted / "tests" / f"{name}.py"), otter_file(extracted / "tests" / f"{name}.py")
        right.run(reference)
        assert right.score == right.possible, right.summary()
        wrong.run({"total": lambda x: x.sum() + 1, "Counter": type("Counter", (), {"add": lambda self: None})})
        assert wrong.score == 0
        assert "check_law(Test" in wrong.summary(), "otter shows the line that names the law"


def test_package(extracted, built):
    config = json.loads((extracted / "otter_config.json").read_text())
    assert config["points_possible"] == 3.5 and config["pdf"] is False and config["zips"] is False
    assert sorted(p.name for p in (extracted / "tests").iterdir()) == ["Counter.py", "total.py"]
    wheels = list((extracted / "files").iterdir())
    assert len(wheels) == 1 and wheels[0].suffix == ".whl"
    environment = (extracted / "environment.yml").read_text()
    assert f"autograder[grading] @ file:///autograder/source/files/{wheels[0].name}" in environment
    assert "torch==" in environment
    names = zipfile.ZipFile(wheels[0]).namelist()
    package = package_root(built[0]) / "autograder"
    assert {f"autograder/{path.relative_to(package).as_posix()}" for path in package.rglob("*.py")} <= set(names)
    assert all(name.startswith(("autograder/", "autograder-")) for name in names)


def test_reference_notebook_runs(built, tmp_path):
    """The notebook, filled in, runs from top to bottom in a kernel, passes its checks and shows its picture."""
    nbclient = pytest.importorskip("nbclient")
    course, topic = built
    tests = tmp_path / "tests"
    tests.mkdir()
    for path in (course.assignment(topic) / "tests").glob("*.py"):
        (tests / path.name).write_bytes(path.read_bytes())
    text = reference_notebook(read_topic(course, topic))
    (tmp_path / "sums.ipynb").write_text(text, encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = {cell.id: str(cell.get("outputs")) for cell in notebook.cells}
    assert "passed" in outputs["check-total"] and "passed" in outputs["check-Counter"]
    drawing = next(cell for cell in notebook.cells if cell.id.startswith("draw-"))
    assert [list(output.get("data", {})) for output in drawing.outputs] == [["text/plain", "image/png"]]
    assert outputs["check-all"].count("All test cases passed!") == 2


def test_otter_files_are_ascii():
    text = 'x = "Σ" + f"½{1}" + r"\\σ"  # ρ\ny = """a\nλ"""\n'
    result = in_ascii(text)
    assert result.isascii() and ast.dump(ast.parse(result)) == ast.dump(ast.parse(text))
    with pytest.raises(ValueError, match="ASCII"):
        in_ascii("σ = 1\n")


def package_source(root: Path, gitignore: str, include: str) -> Path:
    """The source of a small package `autograder`, with solutions beside it."""
    for name in ("autograder/__init__.py", "autograder/build/__init__.py", "solutions/sums.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text('__version__ = "1"\n', encoding="utf-8")
    (root / ".gitignore").write_text(gitignore, encoding="utf-8")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "autograder"\nversion = "1"\nrequires-python = ">=3.10"\n'
        '[build-system]\nrequires = ["hatchling"]\n'
        f'build-backend = "hatchling.build"\n[tool.hatch.build.targets.wheel]\n{include}\n',
        encoding="utf-8",
    )
    return root


def test_a_wheel_with_solutions_or_without_a_module_is_refused(tmp_path):
    name, _ = wheel(package_source(tmp_path / "right", "/build/\n", 'packages = ["autograder"]'))
    assert name == "autograder-1-py3-none-any.whl"
    with pytest.raises(BuildError, match=r"would hold solutions/sums\.py"):
        wheel(package_source(tmp_path / "more", "", 'include = ["autograder", "solutions"]'))
    with pytest.raises(BuildError, match=r"would lack autograder/build/__init__\.py"):
        wheel(package_source(tmp_path / "less", "build/\n", 'packages = ["autograder"]'))


# Determinism, drift, leaks


def test_two_builds_are_the_same_to_the_byte(tmp_path):
    made = []
    for name in ("one", "two"):
        course, topic = make_course(tmp_path / name)
        files = build(course, [topic])
        made.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert made[0] == made[1]


def test_wheel_is_the_same_to_the_byte(built):
    root = package_root(built[0])
    assert wheel(root) == wheel(root)


def test_drift(fresh):
    course, topic = fresh
    folder = course.assignment(topic)
    assert check(course, [topic]) == []
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"")
    assert check(course, [topic]) == []
    (folder / "sums.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "README.md").unlink()
    (folder / "tests" / "old.py").write_text("", encoding="utf-8")
    drifts = {drift.path.relative_to(folder).as_posix(): drift.what for drift in check(course, [topic])}
    assert drifts == {"README.md": "missing", "sums.py": "changed", "tests/old.py": "unexpected"}
    build(course, [topic])
    assert check(course, [topic]) == []


def test_drift_of_a_changed_source(fresh):
    course, topic = fresh
    make_course(course.root, SOLUTION.replace("Mind the empty sum.", "Mind it."))
    assert {drift.path.name for drift in check(course, [topic])} == {"README.md", "sums.ipynb"}


def test_no_leaks(built):
    assert leaks(*built) == []


PLANTED = {
    "a line of a solution in a module": ("extra.py", "def f():\n        result = result + value * torch.tensor(1.0)\n"),
    "the same, written otherwise": ("sums.py", "result = (result\n    + value * torch.tensor( 1.0 ))  # ha\n"),
    "a loop's head": ("sums.py", "for value in x.flatten(): pass\n"),
    "inline code in the handout": ("README.md", "Think of `self.count + self.step * times`.\n"),
    "fenced code in the handout": ("README.md", "```python\nself.count = (self.count\n  + self.step * times)\n```\n"),
    "a line of a hidden law": ("test_sums.py", "counter.add(3)\nassert n < self.SECRET_BOUND\n"),
    "the sentence of a hidden law": ("README.md", "- After a reset it counts from zero.\n"),
    "the name of a hidden law": ("tests/total.py", "# see test_gauss\n"),
    "a helper of hidden laws": ("README.md", "GAUSS = {n: n * (n + 1) / 2 for n in range(10)}\n"),
    "a remark above a hidden law": ("test_sums.py", "# A remark on what is hidden: use the formula of Gauss.\n"),
    "a helper of a helper": ("sums.py", "    return math.fsum([n, -n]) * next(itertools.count())\n"),
    "a member of the class for hidden laws": ("test_sums.py", "SECRET_BOUND = 9 + 9 + 9 + 9\n"),
    "a staff-only cell": ("README.md", "The staff knows a shorter way.\n"),
    "staff-only code": ("sums.py", "STAFF_SECRET = math.factorial(5) + math.factorial(6)\n"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_leak_is_found(built, tmp_path, what):
    course, topic = built
    course, topic = make_course(tmp_path)
    name, text = PLANTED[what]
    path = course.assignment(topic) / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    found = leaks(course, topic)
    assert found and {leak.path for leak in found} == {path}, what
    assert all(leak.line >= 1 for leak in found)


def test_a_leak_in_a_notebook_is_found(fresh):
    course, topic = fresh
    path = course.assignment(topic) / "sums.ipynb"
    line = SOLUTION[: SOLUTION.index("result = result +")].count("\n") + 1
    for plant in ("cell", "metadata"):
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        if plant == "cell":
            notebook.cells[3].source += "\nresult = result + value * torch.tensor(1.0)"
        else:
            notebook.metadata["note"] = "result = result + value * torch.tensor(1.0)"
        path.write_text(nbformat.writes(notebook), encoding="utf-8")
        assert [leak.secret for leak in leaks(course, topic)] == [f"the solution of total (sums.py:{line})"]
        build(course, [topic])
        assert leaks(course, topic) == []


def test_an_unpruned_law_file_leaks(fresh):
    course, topic = fresh
    (course.assignment(topic) / "test_sums.py").write_text(LAWS, encoding="utf-8")
    text = " ".join(leak.secret for leak in leaks(course, topic))
    for secret in ("test_gauss", "test_reset", "arithmetic", "rounding", "GAUSS", "SECRET_BOUND"):
        assert secret in text


def test_a_solution_quoted_in_the_handout_is_a_leak(tmp_path):
    quoted = SOLUTION.replace("Mind the empty sum.", "Write `self.count = self.count + self.step * times`.")
    course, topic = make_course(tmp_path, quoted)
    build(course, [topic])
    assert {leak.path.name for leak in leaks(course, topic)} == {"README.md", "sums.ipynb"}


def test_given_code_and_small_lines_are_no_leak(tmp_path):
    same = SOLUTION.replace("return x * 2 + x * 3 - x * 4", "return x.new_zeros(()) + torch.tensor(0.0)")
    same = same.replace("def given(x):", "def given(x):\n    result = x.new_zeros(()) + torch.tensor(0.0)")
    course, topic = make_course(tmp_path, same)
    build(course, [topic])
    (course.assignment(topic) / "note.md").write_text("return result\n", encoding="utf-8")
    assert leaks(course, topic) == []


def test_leaks_of_what_is_not_built(tmp_path):
    course, topic = make_course(tmp_path)
    with pytest.raises(BuildError, match="build it first"):
        leaks(course, topic)


# What is refused

# What is replaced by what, the message, and how the line begins that the message names.
WRONG_SOLUTIONS = {
    "no BEGIN": ("    # BEGIN SOLUTION: begin with zero\n", "", "END SOLUTION without", "    # END"),
    "no END": ("    return result\n    # END SOLUTION\n", "", "BEGIN SOLUTION without an END", "    # BEGIN"),
    "no markers": (
        "    # BEGIN SOLUTION: begin with zero\n    result = x.new_zeros(()) + torch.tensor(0.0)\n"
        "    for value in x.flatten():\n        result = result + value * torch.tensor(1.0)\n    return result\n"
        "    # END SOLUTION\n",
        "    return x.sum()\n",
        "exercise total has no BEGIN SOLUTION",
        '# %% exercise="total"',
    ),
    "nested": (
        "    for value in",
        "    # BEGIN SOLUTION: again\n    for value in",
        r"BEGIN SOLUTION inside the block begun on line \d+",
        "    # BEGIN SOLUTION: again",
    ),
    "misspelt": ("# BEGIN SOLUTION: b", "# Begin solution: b", "write `# BEGIN SOLUTION`", "    # Begin"),
    "indented otherwise": ("    # END SOLUTION\n\n\n", "      # END SOLUTION\n\n\n", "indented unlike", "      # END"),
    "not in a function": (
        "    step: int = 1\n",
        "    # BEGIN SOLUTION: x\n    step: int = 1\n    # END SOLUTION\n",
        "in the body of a function",
        "    # BEGIN SOLUTION: x",
    ),
    "outside an exercise": ('# %% exercise="total"', "# %%", "a solution outside an exercise", "    # BEGIN"),
    "named twice": ('exercise="total"', 'exercise="Counter"', "stands on line", '# %% exercise="Counter"\nc'),
    "no identifier": ('exercise="total"', 'exercise="my total"', "Python identifier", '# %% exercise="my'),
    "unknown option": ('exercise="total"', 'question="total"', "no option 'question'", "# %% question"),
    "unreadable marker": ('# %% exercise="total"', "# %% total", "cannot read 'total'", "# %% total"),
    "syntax error": ("    return result\n", "    return result result\n", "not valid Python", "    return result"),
    "text before": ("# %% [markdown]\n# # 03", "import os\n# %% [markdown]\n# # 03", "before the first", "import os"),
    "code in markdown": ("# Mind the empty sum.", "x = 1", "a line of a markdown cell", "x = 1"),
    "no laws": ('exercise="total"', 'exercise="other"', r"other has no laws in test_sums\.py", '# %% exercise="other"'),
    "empty block": (
        "    result = x.new_zeros(()) + torch.tensor(0.0)\n    for value in x.flatten():\n"
        "        result = result + value * torch.tensor(1.0)\n    return result\n",
        "",
        "empty solution block",
        "    # BEGIN",
    ),
    "marker in a statement": (
        "    return result\n    # END SOLUTION\n",
        "    return (\n    # END SOLUTION\n        result)\n",
        "END SOLUTION is inside the statement",
        "    # END",
    ),
}


def assert_refused(course, topic, path: Path, message: str, line_start: str) -> None:
    """Building raises an error with `message` that names the line of `path` beginning with `line_start`."""
    with pytest.raises(BuildError, match=message) as error:
        build(course, [topic])
    text = path.read_text(encoding="utf-8")
    line = ("\n" + text)[: ("\n" + text).index("\n" + line_start) + 1].count("\n")
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert not course.assignment(topic).exists(), "nothing is written"


@pytest.mark.parametrize("what", WRONG_SOLUTIONS)
def test_a_wrong_solution_module_is_refused(tmp_path, what):
    old, new, message, line_start = WRONG_SOLUTIONS[what]
    assert old in SOLUTION
    course, topic = make_course(tmp_path, SOLUTION.replace(old, new, 1))
    assert_refused(course, topic, course.solution(topic), message, line_start)


MORE = '@pytest.mark.exercise("More", points=1)\nclass TestMore:\n    def test_a(self, target):\n        """A."""\n\n\n'
HIDDEN = "    @pytest.mark.hidden\n"
COUNTER = '@pytest.mark.exercise("Counter"'
WRONG_LAWS = {
    "class without a cell": (COUNTER, MORE + COUNTER, r"More has no cell in sums\.py", "class TestMore"),
    "named twice": ('exercise("Counter"', 'exercise("total"', "total stands on line", "class TestCounter"),
    "class named twice": ("class TestCounter", "class TestTotal", "stands on line", "class TestTotal:\n    @given("),
    "law named twice": ("def test_single", "def test_ones", "stands on line", "    def test_ones(self, target):"),
    "no mark": (COUNTER + ", points=2.5)\n", "", "TestCounter needs @pytest.mark.exercise", "class TestCounter"),
    "no points": (", points=2.5", "", "write @pytest.mark.exercise", COUNTER),
    "no points worth": ("points=2.5", "points=0", "write @pytest.mark.exercise", COUNTER),
    "no sentence": ('        """After n calls the count is n."""\n', "", "needs a docstring", "    def test_counts"),
    "no target": ("test_single(self, target)", "test_single(self)", "needs the argument", "    def test_single"),
    "hidden laws only": ("    @given(n=LENGTHS, s", HIDDEN + "    @given(n=LENGTHS, s", "no public law", "class TestC"),
    "hidden class": ("class TestCounter", "@pytest.mark.hidden\nclass TestCounter", "not the class", "class TestC"),
    "reserved name": ("LENGTHS = ", "points = LENGTHS = ", "otter's files use the name 'points'", "points = "),
    "law outside a class": ("def ones(", "def test_ones(", "test_ones is in no class", "def test_ones"),
    "star import": ("import assert_close, assert_equal, reals", "import *", "names one by one", "from autograder"),
    "statement": ("LENGTHS = ", "if True:\n    pass\nLENGTHS = ", "only imports, definitions", "if True"),
    "two on a line": ("LENGTHS = ", "SIZE = 1; LENGTHS = ", "one statement per line", "SIZE"),
    "syntax error": ("LENGTHS = ", "LENGTHS = = ", "not valid Python", "LENGTHS"),
}


@pytest.mark.parametrize("what", WRONG_LAWS)
def test_a_wrong_property_module_is_refused(tmp_path, what):
    old, new, message, line_start = WRONG_LAWS[what]
    assert old in LAWS
    course, topic = make_course(tmp_path, laws=LAWS.replace(old, new, 1))
    assert_refused(course, topic, course.laws(topic), message, line_start)


@pytest.mark.parametrize("attribute", ["solution", "laws"])
def test_a_missing_source_is_refused(tmp_path, attribute):
    course, topic = make_course(tmp_path)
    path = getattr(course, attribute)(topic)
    path.unlink()
    with pytest.raises(BuildError, match="no such file"):
        build(course, [topic])


# The course itself


@pytest.mark.parametrize("topic", real_topics(), ids=lambda topic: topic.name)
def test_the_course_is_built_and_leaks_nothing(topic):
    course = load(REPOSITORY)
    assert check(course, [topic]) == [], "run `autograder build`"
    assert leaks(course, topic) == []


@pytest.mark.parametrize("topic", real_topics(), ids=lambda topic: topic.name)
def test_inline_formulas_survive_markdown(topic):
    """Code hosts take a backslash before punctuation for an escape, and may break a formula that runs over a line."""
    readme = (load(REPOSITORY).assignment(topic) / "README.md").read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$", "", readme, flags=re.DOTALL)
    formulas = re.findall(r"\$[^$]+\$", prose)
    assert len(formulas) > 20
    assert [formula for formula in formulas if re.search(r"\\[^a-zA-Z\s]|\n", formula)] == []


@pytest.mark.parametrize("name", EVERY_TOPIC)
def test_the_files_of_the_course_are_sound(name, tmp_path):
    course, topic = load(REPOSITORY), TOPICS[name]
    source = read_topic(course, topic)
    written = build(course, [topic], tmp_path)
    folder = tmp_path / "assignments" / topic.folder
    notebook = nbformat.read(folder / f"{topic.name}.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert graded_code(notebook) == read_solution_cells(folder / f"{topic.name}.py")
    with zipfile.ZipFile(written[-1]) as archive:
        archive.extractall(tmp_path / "zip")
    for tests in (folder / "tests", tmp_path / "zip" / "tests"):
        files = [otter_file(path) for path in sorted(tests.glob("*.py"))]
        assert {file.name: file.possible for file in files} == source.points
        assert all(file.all_public for file in files) == (tests.parent == folder)
