"""Cases of the bank examined in processes of our own, not in the sandbox.

That is for the staff's own code, and twice as fast: the laws say the same of a module in process and of one in the
sandbox (tests/test_judge.py sees to it).
"""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import torch

from autograder.errors import UserError
from autograder.laws import Law, ModuleTarget, Verdict, load_laws, run_law
from autograder.laws.profile import load_profile
from autograder.sandbox import kernel
from autograder.source import load_source


@dataclass(frozen=True)
class Result:
    """The verdicts under each seed, and what was said while the source was loaded."""

    verdicts: tuple[tuple[Verdict, ...], ...]
    said: str


@dataclass(frozen=True)
class Task:
    """One source to examine by the named laws of a topic (those that exist) under every seed.

    `seconds` is what one law may take.
    """

    key: str
    topic: str
    source: str
    laws: Path
    law_keys: tuple[str, ...]
    seeds: tuple[int, ...]
    seconds: float


def examine_all(tasks: list[Task], jobs: int | None = None) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, as it is done; on all cores, or in `jobs` processes.

    Raises UserError if a source ends its process, which nothing here prevents.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs or os.cpu_count(), context, initializer=_prepare, initargs=(os.getpid(),)) as pool:
        futures = {pool.submit(examine, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
        except BrokenProcessPool:
            raise UserError(
                "Some code of the bank ended the process it ran in. `autograder verify`, without --quick or --seeds, "
                "runs it in the sandbox and says which."
            ) from None


def examine(task: Task) -> Result:
    """The result of one task, in this process."""
    laws = [_laws(task.laws)[key] for key in task.law_keys if key in _laws(task.laws)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        names, said = load_source(task.source, f"{task.topic}.py")
        verdicts = tuple(
            tuple(run_law(law, ModuleTarget(names), seed=seed, time_limit=task.seconds) for law in laws)
            for seed in task.seeds
        )
    return Result(verdicts, said)


@functools.cache
def _laws(path: Path) -> dict[str, Law]:
    return {law.key: law for exercise in load_laws(path) for law in exercise.laws}


def _prepare(parent: int) -> None:
    """Once in each process: one thread, no search for the smallest input that fails, and an end with the parent."""
    kernel.die_with_parent(parent)
    torch.set_num_threads(1)
    load_profile(shrink=False)
    gc.freeze()  # what has been imported stays: nothing to look through again and again
