"""What the tests share while they run."""

import pytest
from support import COURSE

from autograder.judge.worker import Worker


@pytest.fixture(scope="session")
def worker():
    """A warm worker that holds the laws of every topic: starting one costs more than most tests."""
    with Worker(COURSE, COURSE.topics) as started:
        yield started
