"""The quality of the laws, as far as it can be read off their source: the rest is measured by `autograder verify`."""

import ast

import pytest
from support import COURSE, TOPICS

from autograder import bank
from autograder.laws import load_laws

ALLOWED = set("__future__ autograder collections functools gymnasium hypothesis itertools math numpy pytest".split())
ALLOWED |= {"torch", "typing"}
ORACLES = {"scipy"}  # inside hidden laws only: students need not install them
CHECKS = ("assert_", "check_", "raises", "unchanged")


def law_functions(name):
    """Every law of a topic: (exercise class, function node, whether it is hidden)."""
    tree = ast.parse(COURSE.laws(TOPICS[name]).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name.startswith("test_"):
                    hidden = any("hidden" in ast.unparse(mark) for mark in method.decorator_list)
                    yield node.name, method, hidden


@pytest.mark.parametrize("name", TOPICS)
def test_laws_have_sentences_and_use_the_target(name):
    for test_class, law, _ in law_functions(name):
        where = f"{test_class}.{law.name}"
        sentence = ast.get_docstring(law)
        assert sentence and sentence.rstrip().endswith((".", "!", "?", "…")), f"{where}: no sentence"
        names = [node for node in ast.walk(law) if isinstance(node, ast.Name)]
        assert any(node.id == "target" for node in names), f"{where}: the target is not examined"
        called = {ast.unparse(node.func).rpartition(".")[2] for node in ast.walk(law) if isinstance(node, ast.Call)}
        asserts = any(isinstance(node, ast.Assert) for node in ast.walk(law))
        assert asserts or any(call.startswith(CHECKS) for call in called) or "target" in ast.unparse(law), where


@pytest.mark.parametrize("name", TOPICS)
def test_laws_import_no_solution_and_nothing_students_lack(name):
    tree = ast.parse(COURSE.laws(TOPICS[name]).read_text(encoding="utf-8"))
    hidden = [law for _, law, is_hidden in law_functions(name) if is_hidden]
    inside_hidden = {id(node) for law in hidden for node in ast.walk(law)}
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        for module in modules:
            top = module.partition(".")[0]
            assert top != "solutions" and top not in TOPICS, f"line {node.lineno} imports {module}"
            if top in ORACLES:
                public = [law.name for _, law, is_hidden in law_functions(name) if not is_hidden]
                uses = {id(n) for _, law, is_hidden in law_functions(name) if not is_hidden for n in ast.walk(law)}
                assert id(node) in inside_hidden or id(node) not in uses, f"line {node.lineno}: {public}"
            else:
                assert top in ALLOWED, f"line {node.lineno} imports {module}"


@pytest.mark.parametrize("name", TOPICS)
def test_laws_look_at_no_types_and_patch_nothing(name):
    for test_class, law, _ in law_functions(name):
        text = ast.unparse(law)
        for word in ("monkeypatch", "mock", "isinstance(target", "type(target", "setattr(target"):
            assert word not in text, f"{test_class}.{law.name} uses {word}"


@pytest.mark.parametrize("name", TOPICS)
def test_every_exercise_has_public_laws_mistakes_and_alternatives(name):
    topic = TOPICS[name]
    mistakes, others = bank.entries(COURSE.mistakes(topic)), bank.entries(COURSE.alternatives(topic))
    for exercise in load_laws(COURSE.laws(topic)):
        laws = {law.name for law in exercise.laws}
        assert any(not law.hidden for law in exercise.laws), f"{exercise.name}: no public law"
        wrong = [entry for entry in mistakes if entry.exercise == exercise.name]
        assert len(wrong) >= 2, f"{exercise.name}: fewer than two mistakes"
        assert all(entry.law in laws for entry in wrong), f"{exercise.name}: a mistake names an unknown law"
        assert all(entry.diagnosis.rstrip().endswith((".", "!", "?")) for entry in wrong), exercise.name
        assert any(entry.exercise == exercise.name for entry in others), f"{exercise.name}: no alternative"
