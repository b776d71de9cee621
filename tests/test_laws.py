"""The laws room: comparisons reject what only looks right, and verdicts say what went wrong."""

import importlib
import math
import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import laws
from autograder.laws import (
    LawViolation,
    ModuleTarget,
    assert_close,
    assert_equal,
    collect,
    draw_inputs,
    drew_nothing,
    explain,
    load_profile,
    run_law,
    run_law_side_by_side,
)
from autograder.laws.collect import law_of
from autograder.laws.otter import LawFailed, check_law
from autograder.source import load_source

DOUBLE = torch.float64
ONES = torch.ones(2, 3, dtype=DOUBLE)


class AlwaysEqual:
    """What a student might return to please a naive checker."""

    shape, dtype, ndim = (2, 3), DOUBLE, 2

    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0

    __hash__ = None


LOOKS_RIGHT = {
    "NaN": ONES * math.nan,
    "one NaN": torch.where(torch.eye(2, 3, dtype=torch.bool), math.nan, ONES),
    "a shape that broadcasts": torch.ones(1, 3, dtype=DOUBLE),
    "a number": 1.0,
    "another dtype": ONES.float(),
    "whole numbers": ONES.long(),
    "transposed": ONES.T,
    "one dimension more": ONES[None],
    "an array": ONES.numpy(),
    "a list": ONES.tolist(),
    "nothing": None,
    "empty": torch.ones(0, 3, dtype=DOUBLE),
    "equal to everything": AlwaysEqual(),
    "infinite": ONES * math.inf,
    "complex": ONES.to(torch.complex128),
    "slightly off": ONES + 1e-6,
}


@pytest.mark.parametrize("what", LOOKS_RIGHT)
def test_assert_close_rejects(what):
    with pytest.raises(LawViolation):
        assert_close(LOOKS_RIGHT[what], ONES)


@pytest.mark.parametrize("what", [name for name in LOOKS_RIGHT if name not in ("slightly off",)])
def test_assert_equal_rejects(what):
    with pytest.raises(LawViolation):
        assert_equal(LOOKS_RIGHT[what], ONES)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (1.0 + 1e-12, 1.0),
        (1, 1.0),
        (np.float64(1.0), 1.0),
        (torch.tensor(1.0, dtype=DOUBLE), 1.0),
        (1.0, torch.tensor(1.0, dtype=DOUBLE)),
        ([1.0, 2.0], (1.0, 2.0)),
        ({"a": 1.0}, {"a": 1.0}),
        (math.inf, math.inf),
        (ONES.clone().requires_grad_(), ONES),
        (np.ones(3, dtype=np.float32) + 1e-7, np.ones(3, dtype=np.float32)),
    ],
)
def test_assert_close_accepts(actual, expected):
    assert_close(actual, expected)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (True, 1), (1, True), ("1", 1), (1.0, 1), (None, 0), ([1], [1, 2]), ([1, 2], [2, 1]), ({"a": 1}, {"b": 1}),
        ("a", "b"), (torch.tensor(1.0), 1), (b"a", "a"), (np.True_, False),
    ],
)  # fmt: skip
def test_assert_equal_rejects_values(actual, expected):
    with pytest.raises(LawViolation):
        assert_equal(actual, expected)


def test_assert_equal_accepts():
    for actual, expected in [
        (1, 1),
        (np.int64(2), 2),
        (torch.tensor(3), 3),
        (np.True_, True),
        ("a", "a"),
        (None, None),
    ]:
        assert_equal(actual, expected)


def test_infinity_equals_only_itself():
    for wrong in (5.0, -math.inf, math.nan, 1e308):
        with pytest.raises(LawViolation):
            assert_close(wrong, math.inf)


def test_messages_name_the_first_difference():
    wrong = ONES.clone()
    wrong[1, 2] = 7
    with pytest.raises(LawViolation, match=r"first difference at index \[1, 2\]: expected 1, got 7"):
        assert_close(wrong, ONES)


def test_raises():
    with laws.raises(ValueError, "always"):
        raise ValueError
    with pytest.raises(LawViolation, match="raised nothing"):
        with laws.raises(ValueError, "always"):
            pass
    with pytest.raises(LawViolation, match="it raised KeyError"):
        with laws.raises(ValueError, "always"):
            raise KeyError(1)
    with pytest.raises(NotImplementedError):  # an unwritten exercise is not a wrong one
        with laws.raises(ValueError, "always"):
            raise NotImplementedError


def test_unchanged():
    x = torch.tensor([1.0, math.nan])
    with pytest.raises(LawViolation, match="changed its input"):
        with laws.unchanged(x):
            x[0] = 2
    a = np.zeros(2)
    with laws.unchanged(a):
        a + 1
    with pytest.raises(LawViolation):
        with laws.unchanged(a):
            a += 1


@pytest.mark.exercise("double", points=2)
class LawsOfDouble:
    @given(x=st.integers(-100, 100))
    def test_value(self, target, x):
        """double(x) is x + x."""
        assert_equal(target.double(x), x + x)

    @pytest.mark.hidden
    @given(x=st.integers(1000, 2000))
    def test_large(self, target, x):
        """double(x) is x + x for large x too."""
        assert_equal(target.double(x), x + x)


def exercise():
    module = type(pytest)("test_sample")
    module.LawsOfDouble = type("LawsOfDouble", (), dict(vars(LawsOfDouble)) | {"__module__": "test_sample"})
    return collect(module)[0]


def verdicts(source: str, **options):
    names, _ = load_source(source, "double.py")
    return [run_law(law, ModuleTarget(names, "double.py"), **options) for law in exercise().laws]


def test_verdict_of_a_right_answer():
    assert [v.status for v in verdicts("def double(x): return 2 * x")] == ["passed", "passed"]


def test_verdict_of_the_smallest_counterexample():
    public, hidden = verdicts("def double(x):\n    return 2 * x if x < 7 else 0")
    assert public.counterexample == (("x", "7"),)
    assert public.call == "double(7)"
    text = explain(public)
    assert "double(x) is x + x." in text and "x = 7" in text and "expected  14" in text and "got       0" in text
    text = explain(hidden, inputs=False)
    assert "double(x) is x + x for large x too." in text and "1000" not in text and "inputs are not shown" in text


@pytest.mark.parametrize(
    ("source", "symptom", "words"),
    [
        ("def double(x): raise KeyError('k')", "KeyError", "It raised KeyError"),
        ("def double(x): raise SystemExit(0)", "SystemExit", "It raised SystemExit"),
        ("def double(x): return double(x)", "RecursionError", "called itself too often"),
        ("def double(x):\n    while True: pass", "too slow", "longer than 3 s"),
        ("def other(x): return x", "wrong result", "is not defined"),
        (
            "import itertools\nc = itertools.count()\ndef double(x): return 2 * x if next(c) else 1",
            "flaky",
            "different results",
        ),
    ],
)
def test_verdict_of_code_that_breaks(source, symptom, words):
    public, _ = verdicts(source, time_limit=3)
    assert (public.status, public.symptom) == ("failed", symptom)
    assert words in explain(public)


def test_verdict_of_a_stub():
    public, hidden = verdicts("def double(x): raise NotImplementedError('double: not written yet')")
    assert public.status == hidden.status == "not started"
    assert explain(public) == "Not started: double: not written yet"


def test_an_exception_that_cannot_be_shown():
    source = "class E(Exception):\n    def __str__(self): raise OSError\ndef double(x): raise E"
    assert "cannot be shown" in explain(verdicts(source)[0])


def test_where_names_the_students_line():
    public, _ = verdicts("def double(x):\n    y = x\n    return y / 0")
    assert public.where == "double.py, line 3, in double: return y / 0"


def test_the_same_seed_draws_the_same_inputs():
    seen = []

    def record(seed):
        names = {"double": lambda x: seen[-1].append(x) or 2 * x}
        seen.append([])
        run_law(exercise().laws[0], ModuleTarget(names), seed=seed)
        return seen[-1]

    assert record(1) == record(1)
    assert record(1) != record(2)


def test_generators_are_seeded():
    source = "import random, torch, numpy\ndef double(x): return {}"
    for draw in ("random.random()", "float(torch.rand(()))", "numpy.random.rand()"):
        first, second = (verdicts(source.format(draw))[0].problem for _ in range(2))
        assert first == second


@pytest.mark.exercise("backwards", points=1)
class LawsOfBackwards:
    @given(x=st.lists(st.integers(0, 9), min_size=2), noise=st.integers(0, 9))
    def test_value(self, target, x, noise):
        """backwards(x) begins with the last."""
        x.append(noise)  # a law may change what it was given
        assert_equal(target.backwards(x, random.random() + float(torch.rand(())))[0], noise)

    def test_no_input(self, target):
        """backwards depends on no chance."""
        chance = random.random() + np.random.rand()
        assert_equal(target.backwards([1, 2], chance), [2, 1, chance])


BACKWARDS = (
    "def backwards(x, chance): return [*x[::-1], chance]",
    "def backwards(x, chance): return [*x[:0:-1], chance]",  # right in one law
    "def backwards(x, chance):\n    x.reverse()\n    return x + [chance]",
    "def backwards(x, chance): return 0 if sum(x) > 9 else [*reversed(x), chance]",
    "import torch\ndef backwards(x, chance): return [float(torch.rand(())), 0, chance]",
    "import random\ndef backwards(x, chance): return [*x[::-1], random.random()]",
    "def backwards(x, chance): raise NotImplementedError('backwards: not written yet')",
    "def backwards(x, chance): raise SystemExit",
)


@pytest.mark.parametrize("law", [law_of(LawsOfBackwards, name) for name in ("test_value", "test_no_input")])
@pytest.mark.parametrize("sources", [BACKWARDS, BACKWARDS[::-1], BACKWARDS[6:]], ids=("all", "backwards", "all fail"))
def test_side_by_side_is_as_alone(law, sources):
    """Every target meets its own copy of the inputs, and its own chance."""
    targets = [ModuleTarget(load_source(source, "m.py")[0]) for source in sources]
    together = run_law_side_by_side(law, targets, seed=3, time_limits=[None] * len(targets))
    load_profile(shrink=False)
    try:
        alone = [run_law(law, target, seed=3) for target in targets]
    finally:
        load_profile()
    assert [(v.status, v.symptom, v.problem) for v in together] == [(v.status, v.symptom, v.problem) for v in alone]
    assert len({verdict.status for verdict in together}) == (2 if sources == BACKWARDS[6:] else 3)


@pytest.mark.exercise("zero", points=1)
class LawsOfZero:
    def test_fixed(self, target):
        """zero() is 0."""
        assert_equal(target.zero(), 0)

    @given(x=st.just(0))
    def test_input(self, target, x):
        """zero() is the input."""
        assert_equal(target.zero(), x)


@pytest.mark.parametrize("draws", ["", "random.random()", "numpy.random.rand()", "torch.rand(1)"])
def test_a_law_that_cannot_tell_seeds_apart(draws):
    """It takes no inputs, and neither it nor its target draws from a random generator."""
    source = f"import random, numpy, torch\ndef zero():\n    {draws or 'pass'}\n    return 0"
    target = ModuleTarget(load_source(source, "m.py")[0])
    for name in ("test_fixed", "test_input"):
        assert run_law(law_of(LawsOfZero, name), target, seed=3).passed
        assert drew_nothing(law_of(LawsOfZero, name), 3) == (name == "test_fixed" and not draws)


def test_side_by_side_one_that_does_not_end_takes_no_time_from_the_others():
    sources = (BACKWARDS[0], "def backwards(x, chance):\n    while True: pass", BACKWARDS[0])
    targets = [ModuleTarget(load_source(source, "m.py")[0]) for source in sources]
    law = law_of(LawsOfBackwards, "test_value")
    first, endless, last = run_law_side_by_side(law, targets, seed=3, time_limits=[30, 0.3, 30])
    assert (first.status, endless.symptom, last.status) == ("passed", "too slow", "passed")


DOUBLES = (
    "def double(x): return 2 * x",
    "def double(x): return 2 * x if x < 7 else 0",
    "def double(x):\n    raise KeyError(x)",
    "import itertools\nc = itertools.count()\ndef double(x): return 2 * x if next(c) else 1",  # right but once
    "def double(x): raise NotImplementedError",
    "def double(x): raise SystemExit",
)


@pytest.mark.parametrize(
    ("law", "source"),
    [(law, source) for law in exercise().laws for source in DOUBLES]
    + [(law_of(LawsOfBackwards, name), source) for name in ("test_value", "test_no_input") for source in BACKWARDS],
)
def test_inputs_drawn_ahead_change_no_verdict(law, source):
    """Not even its smallest counterexample: the law is run again as usual where it fails."""
    usual, ahead = (
        run_law(law, ModuleTarget(load_source(source, "m.py")[0], "m.py"), seed=3, inputs=inputs)
        for inputs in ((), draw_inputs(law, 3))
    )
    if usual.symptom not in ("SystemExit", "flaky"):  # then there is no smaller input to look for
        assert replace(usual, seconds=0) == replace(ahead, seconds=0)
    assert (usual.status, usual.symptom, usual.problem) == (ahead.status, ahead.symptom, ahead.problem)


def test_inputs_drawn_ahead_are_all_that_a_right_answer_meets():
    law, met = exercise().laws[0], []
    run_law(law, ModuleTarget({"double": lambda x: met.append(x) or 2 * x}), seed=3)
    inputs = draw_inputs(law, 3)
    assert [one.values["x"] for one in inputs] == met
    met.clear()
    assert run_law(law, ModuleTarget({"double": lambda x: met.append(x) or 2 * x}), inputs=inputs[:2]).passed
    assert met == [one.values["x"] for one in inputs[:2]]


def test_load_source_keeps_what_came_before_an_error():
    names, problem = load_source("a = 1\nraise KeyError('x')\nb = 2", "m.py")
    assert names["a"] == 1 and "b" not in names
    assert problem == "m.py, line 2: KeyError: 'x'"
    assert "SyntaxError" in load_source("def f(:", "m.py")[1]


def test_a_syntax_error_loses_only_its_own_cell():
    names, problem = load_source("# %%\na = 1\n\n# %%\nb = (\n\n# %%\nc = 3\n", "m.py")
    assert (names["a"], names["c"]) == (1, 3) and "b" not in names
    assert problem.startswith("m.py, line 5: ") and "SyntaxError" in problem


def test_check_law_raises_for_otter():
    law_class = exercise().laws[0].test_class
    check_law(law_class, "test_value", {"double": lambda x: 2 * x})
    with pytest.raises(LawFailed, match="Law: double"):
        check_law(law_class, "test_value", {"double": lambda x: x})
    with pytest.raises(LawFailed, match="KeyboardInterrupt"):
        check_law(law_class, "test_value", {"double": interrupt})


def interrupt(x):
    raise KeyboardInterrupt


def test_a_law_needs_a_sentence_and_an_exercise_points():
    def module(test_class):
        made = type(pytest)("test_sample")
        test_class.__module__ = "test_sample"
        made.T = test_class
        return made

    @pytest.mark.exercise("e", points=1)
    class NoSentence:
        def test_a(self, target):
            pass

    @pytest.mark.exercise("e")
    class NoPoints:
        def test_a(self, target):
            """A."""

    for wrong, words in ((NoSentence, "docstring"), (NoPoints, "points")):
        with pytest.raises(ValueError, match=words):
            collect(module(wrong))


def test_finite_differences_and_autograd_agree():
    x = torch.tensor([0.3, -0.7], dtype=DOUBLE)

    def f(v):
        return torch.stack([v[0] * v[1], v.sin().sum(), v[0] ** 3])

    assert torch.allclose(laws.finite_difference_jacobian(f, x), laws.jacobian(f, x), atol=1e-8)
    cotangent = torch.tensor([1.0, -2.0, 0.5], dtype=DOUBLE)
    assert torch.allclose(laws.gradient(f, x, cotangent), cotangent @ laws.jacobian(f, x))


def test_time_limit_is_taken_back():
    start = time.monotonic()
    verdicts("def double(x): return 2 * x", time_limit=0.3)
    time.sleep(0.4)
    assert time.monotonic() - start >= 0.4


def test_inputs_do_not_depend_on_what_is_imported(tmp_path, monkeypatch):
    """Hypothesis looks for constants in modules outside site-packages, such as a student's; laws must not see them."""
    constants = range(987654321000, 987654321300)
    (tmp_path / "mine.py").write_text(f"NUMBERS = {list(constants)}\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("mine")
    drawn = []

    @settings(max_examples=1000)
    @given(number=st.integers())
    def draw(number):
        drawn.append(number)

    draw()
    assert len(drawn) == 1000 and not {*drawn} & {*constants}


def test_functions_are_passed_as_they_will_be_when_graded():
    """torch.func cannot look into another process: what would fail in grading fails in `check`, alone and in a list."""

    def slope(f, x):
        return torch.func.grad(f)(x)

    def slopes(functions, x):
        return [torch.autograd.grad(f(x.requires_grad_()), x)[0] for f in functions]

    target = ModuleTarget({"slope": slope, "slopes": slopes})
    with pytest.raises(TypeError, match=r"use torch\.autograd"):
        target.slope(lambda x: x**2, torch.tensor(3.0))
    assert target.slopes([lambda x: x**2], torch.tensor(3.0)) == [torch.tensor(6.0)]
