"""The otter package of a topic: all laws, otter's configuration and the wheel of this package, in one zip.

`otter_zip(course, source, wheel)` gives its bytes; `wheel(root)` the name and bytes of the wheel. Both are the same to
the byte at every build.
"""

import io
import json
import os
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import autograder
from autograder.build.errors import BuildError
from autograder.build.ottertests import otter_file
from autograder.build.topic import TopicSource
from autograder.course import Course

PYTHON_VERSION = "3.11"  # of the environment that otter makes on its own servers
FIXED_TIME = (2020, 1, 1, 0, 0, 0)
EXECUTABLE = {"run_autograder", "setup.sh"}


def otter_zip(course: Course, source: TopicSource, shipped: tuple[str, bytes]) -> bytes:
    """The zip that `otter run`, `otter grade` and Gradescope take, the same to the byte at every build.

    `shipped` is the name and the bytes of the wheel that it installs from.
    """
    from otter.generate import main as otter_generate  # students build nothing and may have no otter

    wheel_name, wheel_bytes = shipped
    with tempfile.TemporaryDirectory() as folder, _working_in(folder):
        Path("tests").mkdir()
        for exercise in source.points:
            Path("tests", f"{exercise}.py").write_text(
                otter_file(source, exercise, hidden=True, seed=course.seed), encoding="ascii"
            )
        Path(wheel_name).write_bytes(wheel_bytes)
        Path("otter_config.json").write_text(
            json.dumps(otter_config(source.points) | plugin_config(course, source)), encoding="ascii"
        )
        Path("requirements.txt").write_text("\n".join(_requirements(course, wheel_name)) + "\n", encoding="ascii")
        otter_generate(
            tests_dir="tests",
            output_path="autograder.zip",
            config="otter_config.json",
            requirements="requirements.txt",
            no_environment=True,
            files=[wheel_name],
            python_version=PYTHON_VERSION,
        )
        return _normalised(Path("autograder.zip").read_bytes())


def otter_config(points: dict[str, float]) -> dict:
    """Otter's settings for a topic.

    There is no `seed`: every law seeds Python, numpy and torch itself, and otter would write its seeding above the
    first line of a student's file, which makes `from __future__ import …` there a syntax error.
    """
    return {
        "lang": "python",
        "points_possible": sum(points.values()),
        "show_stdout": False,
        "show_hidden": False,
        "grade_from_log": False,
        "pdf": False,
        "zips": False,
        "logo": False,
    }


def plugin_config(course: Course, source: TopicSource) -> dict:
    """Otter's setting of the plugin that keeps student code in the sandbox."""
    settings = {"topic": source.topic.name, "limits": asdict(course.limits)}
    return {"plugins": [{"autograder.judge.plugin.SandboxPlugin": settings}]}


def package_root(course: Course) -> Path:
    """The folder with the source of this package: the course's own, or the one it was imported from."""
    for root in (course.root, Path(autograder.__file__).resolve().parents[1]):
        if (root / "pyproject.toml").is_file() and (root / "autograder" / "__init__.py").is_file():
            return root
    message = "its package cannot be shipped: there is no pyproject.toml with the folder autograder/ beside it."
    raise BuildError(course.root / "course.toml", 1, message)


def wheel(root: Path) -> tuple[str, bytes]:
    """The file name and bytes of the wheel of the package in `root`, which holds nothing but the package."""
    try:
        from hatchling.builders.wheel import WheelBuilder
    except ImportError:
        message = "building otter's zip needs hatchling: pip install 'autograder[dev]'."
        raise BuildError(root / "pyproject.toml", 1, message) from None
    with tempfile.TemporaryDirectory() as folder:
        built = Path(next(WheelBuilder(str(root)).build(directory=folder, versions=["standard"])))
        data = _normalised(built.read_bytes())
    _check_wheel(root, set(zipfile.ZipFile(io.BytesIO(data)).namelist()))
    return built.name, data


def _check_wheel(root: Path, names: set[str]) -> None:
    for name in sorted(names):
        if not name.startswith(("autograder/", "autograder-")):
            raise BuildError(root / "pyproject.toml", 1, f"the wheel would hold {name}, which is not of the package.")
    for path in sorted((root / "autograder").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name not in names:
            message = f"the wheel would lack {name}: does a line of .gitignore, which hatchling obeys, match it?"
            raise BuildError(root / "pyproject.toml", 1, message)


def _requirements(course: Course, wheel_name: str) -> list[str]:
    """What otter installs on its own servers: the wheel from the zip, and torch as the course pins it."""
    return [f"autograder[grading] @ file:///autograder/source/files/{wheel_name}", f"torch=={_torch_version(course)}"]


def _torch_version(course: Course) -> str:
    constraints = course.root / "constraints.txt"
    if constraints.is_file():
        for line in constraints.read_text(encoding="utf-8").splitlines():
            if line.startswith("torch=="):
                return line.removeprefix("torch==").split()[0]
    try:
        return version("torch").partition("+")[0]
    except PackageNotFoundError:
        raise BuildError(constraints, 1, "there is no line torch==VERSION, and torch is not installed.") from None


def _normalised(archive: bytes) -> bytes:
    """The same files in alphabetical order with fixed times and permissions, stored without compression.

    Compressed bytes depend on the version of zlib.
    """
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist()):
            info = zipfile.ZipInfo(name, FIXED_TIME)
            info.create_system = 3  # Unix, whose permissions follow
            info.external_attr = (0o100755 if name in EXECUTABLE else 0o100644) << 16
            new.writestr(info, old.read(name))
    return result.getvalue()


@contextmanager
def _working_in(folder: str):
    """Otter takes files only from below the working folder."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
