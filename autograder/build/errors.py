"""The one error that building raises."""

from pathlib import Path

from autograder.errors import UserError


class BuildError(UserError):
    """A topic's source cannot be built; the message begins with the file and line, for the topic's author."""

    def __init__(self, path: Path, line: int, message: str):
        self.path = path
        self.line = line
        super().__init__(f"{path}:{line}: {message}")
