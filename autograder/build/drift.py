"""Whether the files that students receive are those that the sources make."""

from dataclasses import dataclass
from pathlib import Path

# What running, testing or opening an assignment leaves behind.
IGNORED = {"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".hypothesis", ".OTTER_LOG", ".DS_Store"}


@dataclass(frozen=True)
class Drift:
    """A file that is not as its source makes it: `what` is "missing", "changed" or "unexpected"."""

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def compare(expected: dict[Path, bytes], folder: Path) -> list[Drift]:
    """What differs between `expected`, by absolute path, and the files in `folder`, sorted by path."""
    found = {path for path in folder.rglob("*") if path.is_file() and not IGNORED & set(path.relative_to(folder).parts)}
    drifts = [Drift(path, "unexpected") for path in found - expected.keys()]
    for path, data in expected.items():
        if path not in found:
            drifts.append(Drift(path, "missing"))
        elif path.read_bytes() != data:
            drifts.append(Drift(path, "changed"))
    return sorted(drifts, key=lambda drift: drift.path)
