"""Workers and the pool: submissions in, outcomes out, one warm pair of processes per core.

>>> with Worker(course, topics) as worker:
...     worker.grade(Path("ada.py"), topic).scores(exercises)
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.course import Course, Topic
from autograder.judge.outcome import Outcome
from autograder.sandbox import ForkServer
from autograder.sandbox.forkserver import receive_message, send_message

GRACE_SECONDS = 30.0  # beyond the limit of a submission, for a judge to come to an end by itself


class Worker:
    """A process that holds the laws of some topics and forks a judge for every submission; a context manager.

    Raises SandboxError on entering if student code cannot be confined and `unconfined` is not set.
    """

    def __init__(self, course: Course, topics: Iterable[Topic], unconfined: bool = False):
        self._course = course
        self._settings = {
            "laws": {topic.name: str(course.laws(topic)) for topic in topics},
            "limits": asdict(course.limits),
            "unconfined": unconfined,
        }
        self._server: ForkServer | None = None

    def __enter__(self) -> Worker:
        self._server = ForkServer("autograder.judge.role", self._settings)
        self._server.start()
        return self

    def __exit__(self, *details) -> None:
        self._server.close()

    @property
    def tier(self) -> str:
        """How student code is confined."""
        return self._server.report["tier"]

    @property
    def reasons(self) -> list[str]:
        """Why it is not confined better."""
        return self._server.report["reasons"]

    def grade(self, path: Path, topic: Topic, seed: int | None = None, exercises: Iterable[str] = ()) -> Outcome:
        """The outcome of the submission at `path`; of some `exercises` only, if any are named."""
        seed = self._course.seed if seed is None else seed
        job = {"path": str(path.absolute()), "topic": topic.name, "seed": seed, "exercises": list(exercises)}
        judge = self._server.fork()
        try:
            judge.socket.settimeout(self._course.limits.submission_seconds + GRACE_SECONDS)
            send_message(judge.socket, job)
            text, _ = receive_message(judge.socket)
            judge.status(1.0)
            return Outcome.from_json(text)
        except (EOFError, OSError) as error:
            # The judge is ours: that it ended or hangs is a defect of the grader, and nobody's zero.
            self._restart()
            return Outcome(refusal=f"The judge failed ({error or 'it ended without a verdict'}): grade this again.")
        finally:
            judge.close()

    def _restart(self) -> None:
        self._server.close()
        self.__enter__()


@dataclass(frozen=True)
class Job:
    """One submission to grade, under a key of the caller's."""

    key: str
    path: Path
    topic: Topic
    seed: int | None = None
    exercises: tuple[str, ...] = ()


def grade_all(
    course: Course, jobs: list[Job], workers: int | None = None, unconfined: bool = False
) -> Iterator[tuple[Job, Outcome]]:
    """Grade `jobs` on `workers` workers (default: one per core); yield each with its outcome as it is done.

    Raises SandboxError if a worker cannot be started.
    """
    topics = {job.topic.name: job.topic for job in jobs}.values()
    count = max(1, min(workers or os.cpu_count() or 1, len(jobs)))
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    done: queue.SimpleQueue = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        # A worker dies with the thread that started it, so each thread has its own.
        try:
            with Worker(course, topics, unconfined) as worker:
                while not stop.is_set():
                    try:
                        job = waiting.get_nowait()
                    except queue.Empty:
                        return
                    done.put((job, worker.grade(job.path, job.topic, job.seed, job.exercises)))
        except Exception as error:
            done.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        for _ in jobs:
            result = done.get()
            if isinstance(result, Exception):
                raise result
            yield result
    finally:
        stop.set()
        for thread in threads:
            thread.join()
