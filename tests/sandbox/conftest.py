"""Shared by the sandbox's tests: one warm process per session, and children with a given source."""

import sys
import textwrap
from pathlib import Path

import pytest
import torch

from autograder.sandbox import Limits, WarmProcess

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def warm():
    """The best tier this machine offers."""
    with WarmProcess(Limits(call_seconds=20.0)) as process:
        yield process


@pytest.fixture
def submit(warm):
    """A function that loads a source and returns the child; all are ended with the test."""
    children = []

    def load(source, **files):
        contents = {"work.py": textwrap.dedent(source).encode(), **files}
        child = warm.spawn(contents, "work.py")
        children.append(child)
        return child

    yield load
    for child in children:
        child.kill()
