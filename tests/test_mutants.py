"""Mutants: what the operators make, what they leave alone, and what the laws of a small course do with them."""

import ast
import json
from pathlib import Path

import pytest

from autograder.build.cells import read_solution
from autograder.course import load
from autograder.errors import UserError
from autograder.laws import load_laws
from autograder.mutants import as_toml, equivalents_path, mutants, read_equivalents, try_mutants
from autograder.mutants.report import write_reports
from autograder.mutants.tally import tally, try_idle

SOLUTION = '''# %% [markdown]
# # 01 · Small

# %%
import torch


def given(x):
    return x + 1


# %% [markdown]
# ### double

# %% exercise="double"
def double(x):
    """Compute 2 x."""
    # BEGIN SOLUTION
    total = 0
    while total < x:
        total += 1
    return 2 * total
    # END SOLUTION


# %% exercise="clip"
def clip(x, low):
    """Compute max(x, low), the larger."""
    given_step = x - 0
    # BEGIN SOLUTION
    if low > 100:
        raise ValueError(f"{low + 1} is too large")
    return max(given_step, low)
    # END SOLUTION


# %% tags=["picture"]
def picture():
    return None
'''
LAWS = '''"""The laws of small."""
import pytest
from hypothesis import given, strategies as st

from autograder.laws import assert_equal, raises


@pytest.mark.exercise("double", points=1)
class TestDouble:
    @given(x=st.integers(-5, 5))
    def test_sum(self, target, x):
        """2 x = x + x."""
        assert_equal(target.double(x), x + x)

    @given(x=st.integers(-5, 5))
    def test_twice(self, target, x):
        """Twice the double is four times the number."""
        assert_equal(target.double(target.double(x)), 4 * x)

    def test_nothing(self, target):
        """One is one."""
        assert_equal(1, 1)


@pytest.mark.exercise("clip", points=1)
class TestClip:
    def test_low(self, target):
        """clip(1, 3) = 3."""
        assert_equal(target.clip(1, 3), 3)

    def test_high(self, target):
        """clip(7, 3) = 7."""
        assert_equal(target.clip(7, 3), 7)
'''


def small_course(folder: Path, solution: str = SOLUTION, laws: str = LAWS):
    """A course of one topic called small."""
    for name in ("solutions", "tests/properties", "tests/mistakes", "tests/alternatives"):
        (folder / name).mkdir(parents=True)
    (folder / "course.toml").write_text('seed = 7\n[[topic]]\nname = "small"\nnumber = 1\ntitle = "Small"\n')
    (folder / "solutions/small.py").write_text(solution)
    (folder / "tests/properties/test_small.py").write_text(laws)
    for bank in ("mistakes", "alternatives"):
        (folder / f"tests/{bank}/small.py").write_text("")
    return load(folder)


def of(body: str, tmp_path: Path, signature: str = "def f(x, y, seed, n):", imports: str = "import torch"):
    """(operator, line after) of every mutant of a function with this body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    path = tmp_path / "f.py"
    path.write_text(
        f'# %% [markdown]\n# # F\n\n# %%\n{imports}\n\n# %% exercise="f"\n{signature}\n'
        f"    # BEGIN SOLUTION\n{lines}\n    # END SOLUTION\n"
    )
    return {(mutant.operator, mutant.after) for mutant in mutants(read_solution(path))}


@pytest.mark.parametrize(
    "body, operator, after",
    [
        ("return x - y", "arithmetic", "return x + y"),
        ("return x @ y", "arithmetic", "return x * y"),
        ("return (x + y) * n", "operand dropped", "return x + y"),
        ("n = x\nn += y", "augmented assignment", "n -= y"),
        ("n = x\nn += y", "augmented assignment", "n = y"),
        ("return -x", "sign dropped", "return x"),
        ("return x < y", "comparison", "return x <= y"),
        ("return x < y", "comparison", "return x >= y"),
        ("return x if y else n", "condition", "return x if not y else n"),
        ("return x and y", "condition", "return x or y"),
        ("return x and y", "operand dropped", "return y"),
        ("return x ** 2", "constant", "return x ** 3"),
        ("return x * 0.5", "constant", "return x * -0.5"),
        ("return g(x, True)", "constant", "return g(x, False)"),
        ("x = g(x)\nreturn x", "statement dropped", "pass"),
        ("if y:\n    raise ValueError('no')\nreturn x", "statement dropped", "pass"),
        ("for n in reversed(x):\n    g(n)", "loop", "for n in x:"),
        ("return g(x, y)", "arguments swapped", "return g(y, x)"),
        ("return x, y", "arguments swapped", "return y, x"),
        ("return g(x, keepdim=y)", "argument dropped", "return g(x)"),
        ("return x.sum(dim=0)", "axis", "return x.sum(dim=1)"),
        ("return x.sum(dim=-1)", "axis", "return x.sum(dim=-2)"),
        ("return x.sum(dim=0)", "argument dropped", "return x.sum()"),
        ("return torch.sum(x, 1)", "axis", "return torch.sum(x, 0)"),
        ("return torch.sum(x, 1)", "axis", "return torch.sum(x)"),
        ("return x.sum(dim=(-2, -1))", "axis", "return x.sum(dim=(-1,))"),
        ("return x.T", "layout", "return x"),
        ("return x @ y", "layout", "return x @ y.mT"),
        ("return x[:, None] * y", "layout", "return x[None, :] * y"),
        ("return torch.einsum('ij,jk->ik', x, y)", "layout", "return torch.einsum('ij,jk->ki', x, y)"),
        ("return x.detach() * y", "function dropped", "return x * y"),
        ("with torch.no_grad():\n    y = x * n\nreturn y", "gradient", "with torch.enable_grad():"),
        ("return torch.zeros(n, dtype=torch.float64)", "dtype", "return torch.zeros(n, dtype=torch.float32)"),
        ("return x[n]", "time", "return x[n - 1]"),
        ("return x[:n]", "time", "return x[:n + 1]"),
        ("for n in range(y):\n    g(n)", "time", "for n in range(y - 1):"),
        ("return x + y", "sign", "return -(x + y)"),
        ("return x, y", "sign", "return x, -y"),
        ("x = x + y\nreturn x", "changed input", "x += y"),
        ("return x.exp()", "changed input", "return x.exp_()"),
        ("return torch.Generator().manual_seed(seed)", "chance", "return torch.Generator().manual_seed(0)"),
        ("return torch.max(x, y)", "twin function", "return torch.min(x, y)"),
        ("return max(x, y)", "twin function", "return min(x, y)"),
        ("return x.clamp(min=y)", "twin function", "return x.clamp(max=y)"),
    ],
)
def test_operators(tmp_path, body, operator, after):
    """Every operator makes the change that it is for."""
    assert (operator, after) in of(body, tmp_path)


def test_operators_that_read_shapes(tmp_path):
    """Where the annotation says that a tensor is returned, its dtype, its layout and the input are tried."""
    signature = 'def f(x: Float[Tensor, "m n"]) -> Float[Tensor, "m n"]:'
    found = of("return x + 1", tmp_path, signature)
    assert ("dtype", "return (x + 1).float()") in found
    assert ("layout", "return (x + 1).mT") in found
    assert ("changed input", "return x.copy_(x + 1)") in found


def test_twins_exist(tmp_path):
    """A function is exchanged only with one that its library has: math has no sigmoid."""
    assert not [after for kind, after in of("return math.tanh(x)", tmp_path) if "sigmoid" in after]


def test_every_mutant_is_another_program(tmp_path):
    """Mutants are valid Python, differ from the reference and from each other, and have identities of their own."""
    solution = read_solution(small_course(tmp_path).root / "solutions/small.py")
    found = mutants(solution)
    trees = {ast.dump(ast.parse(mutant.source)) for mutant in found}
    assert len(trees) == len(found) == len({mutant.identity for mutant in found}) > 10
    assert ast.dump(ast.parse(solution.text)) not in trees


def test_only_what_students_write_is_changed(tmp_path):
    """Given code, docstrings, messages of errors and the picture stay as they are."""
    solution = read_solution(small_course(tmp_path).root / "solutions/small.py")
    for mutant in mutants(solution):
        for line in ("return x + 1", '"""Compute max(x, low), the larger."""', "given_step = x - 0", "return None"):
            assert line in mutant.source
        assert "too large" in mutant.source or mutant.operator == "statement dropped"
        assert "low + 1" not in mutant.before or mutant.operator == "statement dropped"


def test_identities_survive_other_changes(tmp_path):
    """A mutant keeps its identity when code elsewhere in the file changes."""
    solution = read_solution(small_course(tmp_path / "a").root / "solutions/small.py")
    moved = SOLUTION.replace("def given(x):\n    return x + 1", "def given(x):\n    x = x + 0\n    return x + 1")
    other = read_solution(small_course(tmp_path / "b", moved).root / "solutions/small.py")
    assert [mutant.identity for mutant in mutants(solution)] == [mutant.identity for mutant in mutants(other)]


def test_characters_of_several_bytes(tmp_path):
    """Columns are those of characters, also after a ∂."""
    assert ("arithmetic", 'return "∂é", x + y') in of('return "∂é", x - y', tmp_path)


def test_trials(tmp_path):
    """Laws kill what they can, a hang is killed by the clock, survivors are listed; the same again gives the same."""
    course = small_course(tmp_path)
    (trials,) = try_mutants(course, course.topics, workers=1, law_seconds=0.5)
    states = {trial.mutant.after: (trial.state, trial.symptom) for trial in trials.trials}
    assert states["return total"] == ("killed", "wrong result")
    assert states["total -= 1"] == ("killed", "too slow")
    assert states["if low >= 100:"] == ("survived", "")
    assert not trials.good and trials.score < 0.97
    killers = {trial.law for trial in trials.trials if trial.mutant.exercise == "double"}
    assert killers == {"double::test_sum"}
    assert trials.mutants == len(trials.trials) == trials.count("killed") + trials.count("survived")
    (sample,) = try_mutants(course, course.topics, sample=4, workers=1, law_seconds=0.5)
    assert len(sample.trials) == 4 and sample.mutants == trials.mutants
    assert set(sample.trials) <= set(trials.trials)
    check_reports(course, trials, tmp_path)


def check_reports(course, trials, tmp_path):
    """The reports name survivors with entries to fill in; the tally tells idle laws from second ones."""
    exercises = load_laws(course.laws(course.topics[0]))
    laws = {law.law: law for law in try_idle(course, course.topics[0], tally(exercises, [], trials), trials, 1)}
    assert laws["test_sum"].mutants and not laws["test_sum"].idle
    assert not laws["test_twice"].mutants and laws["test_twice"].others and not laws["test_twice"].idle
    assert laws["test_nothing"].idle
    page, data = write_reports(tmp_path / "reports", [trials], {"small": list(laws.values())})
    assert "+    if low >= 100:" in page.read_text() and 'reason = ""' in page.read_text()
    assert json.loads(data.read_text())["survived"] == trials.count("survived")


def test_equivalents(tmp_path):
    """An entry excuses its mutant and no other; one that a law kills is wrong, one that no mutant fits is stale."""
    course = small_course(tmp_path)
    path = equivalents_path(course, course.topics[0])
    assert path.name == "small.equivalents.toml"
    boundary, killed = pick(course, "if low >= 100:"), pick(course, "return 3 * total")
    entries = [as_toml(mutant).replace('reason = ""', 'reason = "because"') for mutant in (boundary, killed)]
    path.write_text("\n\n".join([*entries, entries[1].replace("2 * total", "5 * total")]))
    assert read_equivalents(path)[0].names(boundary) and not read_equivalents(path)[0].names(killed)
    (trials,) = try_mutants(course, course.topics, workers=1, law_seconds=0.5)
    assert [trial.mutant for trial in trials.trials if trial.state == "equivalent"] == [boundary]
    first, second = sorted(trials.errors)
    assert "kills what is said to be equivalent" in first and "stale" in second
    assert not trials.good


def test_entries_that_cannot_be_read(tmp_path):
    """An entry without a reason, or without a field, is refused."""
    course = small_course(tmp_path)
    path = equivalents_path(course, course.topics[0])
    path.write_text(as_toml(pick(course, "return total")))
    with pytest.raises(UserError, match="gives no reason"):
        read_equivalents(path)
    path.write_text("[[equivalent]]\nexercise = 1\n")
    with pytest.raises(UserError, match="needs a text as exercise"):
        read_equivalents(path)


def test_blocks_of_several_lines_round_trip(tmp_path):
    """A dropped statement of several lines is written and read back."""
    course = small_course(tmp_path)
    mutant = next(m for m in mutants(read_solution(course.solution(course.topics[0]))) if "\n" in m.before)
    path = equivalents_path(course, course.topics[0])
    path.write_text(as_toml(mutant).replace('reason = ""', 'reason = "because"'))
    assert read_equivalents(path)[0].names(mutant)


def pick(course, after):
    """The mutant of the small course that makes this line."""
    found = mutants(read_solution(course.solution(course.topics[0])))
    return next(mutant for mutant in found if mutant.after == after)
