"""What a child may use: `Limits`, one immutable record handed to `WarmProcess`."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True)
class Limits:
    """Bounds on one child; sizes in bytes, times in seconds.

    `memory` bounds the address space, `cpu_seconds` the processor time of a child's whole life, `load_seconds`
    the wall time of importing a submission, `call_seconds` that of one call into it (callbacks included).
    A child may print without bound up to `output_kill`; `output_kept` of it is kept.
    """

    memory: int = 3 * GIB
    cpu_seconds: int = 120
    load_seconds: float = 15.0
    call_seconds: float = 5.0
    output_kept: int = 64 * KIB
    output_kill: int = 8 * MIB
    frame: int = 32 * MIB
    threads: int = 64
    open_files: int = 64

    def __post_init__(self) -> None:
        """Raise ValueError for a limit that is not positive."""
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"limit {name} must be positive, not {value}")
