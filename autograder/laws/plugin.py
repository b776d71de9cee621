"""The pytest plugin: gives laws their `target` and the same inputs at every run.

It is found by pytest wherever the package is installed, so this module imports nothing heavy until a law is run.
"""

import importlib.util
from pathlib import Path

import pytest


def pytest_addoption(parser):
    """Add `--target`."""
    group = parser.getgroup("autograder")
    group.addoption("--target", metavar="FILE", help="the module that the laws examine (default: the one beside them)")


def pytest_configure(config):
    """Register the marks of laws."""
    config.addinivalue_line("markers", "exercise(name, points): the exercise whose laws this class holds")
    config.addinivalue_line("markers", "hidden: a law that students do not receive")


def pytest_collection_modifyitems(items):
    """Seed every law, so that a run repeats."""
    laws = [item for item in items if item.get_closest_marker("exercise")]
    if not laws:
        return
    from hypothesis import seed

    for item in laws:
        if hasattr(item.obj, "hypothesis"):
            seed(0)(item.obj.__func__)


@pytest.fixture(scope="module")
def target(request):
    """The module under examination: `--target`, or `T.py` beside `test_T.py`."""
    from autograder.laws.target import ModuleTarget

    chosen = request.config.getoption("--target")
    here = Path(request.module.__file__)
    path = Path(chosen) if chosen else here.with_name(here.name.removeprefix("test_"))
    if not path.is_file():
        pytest.fail(f"There is nothing to examine: {path} does not exist (name another file with --target).")
    spec = importlib.util.spec_from_file_location(f"target_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return ModuleTarget(vars(module), str(path))
