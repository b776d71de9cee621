"""Workers and the pool: submissions in, outcomes out, one warm pair of processes per core.

>>> with Worker(course, topics) as worker:
...     worker.grade(Path("ada.py"), topic).scores(exercises)
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from autograder.course import Course, Topic, other_names
from autograder.judge.outcome import Outcome
from autograder.sandbox import ForkServer
from autograder.sandbox.forkserver import receive_message, send_message

GRACE_SECONDS = 30.0  # beyond the limit of a submission, for a judge to come to an end by itself


@dataclass(frozen=True)
class Job:
    """One submission to grade, under a key of the caller's.

    It lies at `path`, or is the text `source`, which is for code of the staff. `seeds` are one or more course seeds
    (none: the course's own), `exercises` some exercises in the order wanted (none: all), `laws` the keys of some laws
    (none: all of those exercises'); with `stop`, the first law that fails ends it.
    """

    key: str
    path: Path | None
    topic: Topic
    seeds: tuple[int, ...] = ()
    exercises: tuple[str, ...] = ()
    source: str = ""
    laws: tuple[str, ...] = ()
    stop: bool = False


class Worker:
    """A process that holds the laws of some topics and forks a judge for every submission; a context manager.

    Raises SandboxError on entering if student code cannot be confined and `unconfined` is not set. Without `shrink`,
    laws report the first input that fails instead of looking for the smallest.
    """

    def __init__(self, course: Course, topics: Iterable[Topic], unconfined: bool = False, shrink: bool = True):
        self._course = course
        self._settings = {
            "laws": {topic.name: str(course.laws(topic)) for topic in topics},
            "limits": asdict(course.limits),
            "unconfined": unconfined,
            "shrink": shrink,
            "seed": course.seed,
        }
        self._server: ForkServer | None = None
        self._modules: list[str] = []  # that the last judge had to import, for the server to import before the next

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

    def pids(self) -> list[int]:
        """The processes that live as long as the worker: itself, and the warm process of its students' code."""
        return [self._server.process.pid, self._server.report["warm"]]

    def grade(self, path: Path, topic: Topic, seed: int | None = None, exercises: Iterable[str] = ()) -> Outcome:
        """The outcome of the submission at `path`; of some `exercises` only, if any are named."""
        seeds = () if seed is None else (seed,)
        return self.run(Job("", path, topic, seeds, tuple(exercises)))[0]

    def run(self, job: Job) -> list[Outcome]:
        """An outcome for each seed of the job."""
        seeds = list(job.seeds) or [self._course.seed]
        message = {
            "path": str(job.path.absolute()) if job.path else "",
            "source": job.source,
            "topic": job.topic.name,
            "other_topics": list(other_names(self._course, job.topic)),
            "seeds": seeds,
            "exercises": list(job.exercises),
            "laws": list(job.laws),
            "stop": job.stop,
        }
        order = {key: message[key] for key in ("topic", "exercises", "laws", "seeds")}
        judge = self._server.fork(order | {"modules": self._modules})
        try:
            judge.socket.settimeout(self._course.limits.submission_seconds * len(seeds) + GRACE_SECONDS)
            send_message(judge.socket, message)
            answer, _ = receive_message(judge.socket)
            judge.status(1.0)
            self._modules = answer["modules"]
            return [Outcome.from_json(text) for text in answer["outcomes"]]
        except (EOFError, OSError) as error:
            # The judge is ours: that it ended or hangs is a defect of the grader, and nobody's zero.
            self._restart()
            refusal = f"The judge failed ({error or 'it ended without a verdict'}): grade this again."
            return [Outcome(refusal=refusal) for _ in seeds]
        finally:
            judge.close()

    def _restart(self) -> None:
        self._server.close()
        self.__enter__()


def grade_all(
    course: Course, jobs: list[Job], workers: int | None = None, unconfined: bool = False, shrink: bool = True
) -> Iterator[tuple[Job, Outcome]]:
    """Grade `jobs` on `workers` workers (default: one per core); yield each with its outcome as it is done.

    A job with several seeds is yielded once for each, with that seed alone. Raises SandboxError if a worker cannot be
    started.
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
            with Worker(course, topics, unconfined, shrink) as worker:
                while not stop.is_set():
                    try:
                        job = waiting.get_nowait()
                    except queue.Empty:
                        return
                    done.put((job, worker.run(job)))
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
            job, outcomes = result
            for seed, outcome in zip(job.seeds or (course.seed,), outcomes):
                yield replace(job, seeds=(seed,)), outcome
    finally:
        stop.set()
        for thread in threads:
            thread.join()
