"""In the repository the laws examine the reference solutions, unless `--target` names another module."""

import importlib.util
from pathlib import Path

import pytest

from autograder.laws import ModuleTarget


@pytest.fixture(scope="module")
def target(request):
    chosen = request.config.getoption("--target")
    name = Path(request.module.__file__).stem.removeprefix("test_")
    path = Path(chosen) if chosen else Path(__file__).parents[2] / "solutions" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"reference_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return ModuleTarget(vars(module), str(path))
