"""What several test files need: the course, commands in another process, an environment without the repository."""

import io
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from autograder.course import load
from autograder.laws import ModuleTarget, run_law
from autograder.source import load_source

REPOSITORY = Path(__file__).parents[1]
COURSE = load(REPOSITORY)
TOPICS = {topic.name: topic for topic in COURSE.topics}


def every_topic(*tried: str) -> list:
    """All topics as parameters. `make test` tries the first one, or those that are named; `make sample` the others.

    For tests that are slow and go through the same machinery with every topic.
    """
    tried = tried or tuple(TOPICS)[:1]
    return [pytest.param(name, marks=() if name in tried else pytest.mark.every_topic) for name in TOPICS]


EVERY_TOPIC = every_topic("gradients", "dynamic_programming")


def command(*arguments: str, cwd: Path, expect: int | None = 0, columns: int = 200) -> subprocess.CompletedProcess:
    """Run `autograder` with these arguments in another process, in a terminal so wide, and check its exit status."""
    process = subprocess.run(
        [sys.executable, "-m", "autograder.cli", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        env=os.environ | {"COLUMNS": str(columns), "NO_COLOR": "1"},
    )
    if expect is not None:
        assert process.returncode == expect, process.stdout + process.stderr
    return process


def examine_here(source: str, exercises, seed: int) -> list:
    """The verdicts on a module's source in this process: only for code of the staff."""
    names, _ = load_source(source, "here.py")
    target = ModuleTarget(names, "here.py")
    return [run_law(law, target, seed=seed, time_limit=10) for exercise in exercises for law in exercise.laws]


def otter_run(python: Path, package: Path, submission: Path, out: Path) -> dict[str, float]:
    """`otter run` one submission; the score of each exercise."""
    out.mkdir(parents=True, exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    run = subprocess.run(
        [python, "-m", "otter", "run", "-a", package, "-o", out, "--no-logo", submission],
        cwd=out,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout
    return scores_of(json.loads((out / "results.json").read_text(encoding="utf-8")))


def scores_of(results: dict) -> dict[str, float]:
    """The score of each exercise in results of Gradescope's form."""
    return {test["name"]: test["score"] for test in results["tests"] if "score" in test}


def environment_with_wheel(package: Path, folder: Path) -> Path:
    """The Python of an environment that has the wheel from otter's zip and this one's packages, not the repository.

    A folder named in a .pth file is searched, but its own .pth files, such as an editable install's, are not read.
    """
    venv.create(folder, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    with zipfile.ZipFile(package) as archive:
        wheel_name = next(name for name in archive.namelist() if name.endswith(".whl"))
        with zipfile.ZipFile(io.BytesIO(archive.read(wheel_name))) as wheel_archive:
            wheel_archive.extractall(site)
    return python
