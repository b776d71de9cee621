"""What a worker's process does: hold the laws and a warm process, and fork a judge for every submission.

A role of `sandbox.ForkServer`: `prepare` runs once, `run` in each fork. The fork gets a job, examines the submission in
a child of the warm process, and answers with an outcome; then it ends, and whatever the submission's data did to its
memory ends with it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from pathlib import Path
from typing import Any

from autograder.course import GradingLimits
from autograder.judge.examination import examine, sandbox_limits
from autograder.judge.hygiene import clean_outcome
from autograder.judge.outcome import Outcome
from autograder.laws import Exercise, ModuleTarget, load_laws, run_law
from autograder.sandbox import WarmProcess
from autograder.sandbox.forkserver import receive_message, send_message
from autograder.submission import SubmissionError, read

PR_SET_PDEATHSIG = 1


def prepare(settings: dict) -> tuple[dict, Any]:
    """Import the laws, start the warm process, and run one law so that nothing is imported for the first time later."""
    import torch

    torch.set_num_threads(1)  # a fork does not inherit threads
    limits = GradingLimits(**settings["limits"])
    exercises = {topic: load_laws(Path(path)) for topic, path in settings["laws"].items()}
    warm = WarmProcess(sandbox_limits(limits), unconfined=settings["unconfined"])
    warm.start()
    for laws in exercises.values():
        run_law(laws[0].laws[0], ModuleTarget({}))
    return {"tier": warm.tier, "reasons": warm.reasons}, (warm, exercises, limits)


def run(descriptors: list[int], prepared: Any) -> None:
    """Examine one submission: read the job from the socket, write the outcome to it."""
    _die_with_parent()
    warm, exercises, limits = prepared
    connection = socket.socket(fileno=descriptors[0])
    job, _ = receive_message(connection)
    outcome = _outcome(warm, exercises[job["topic"]], job, limits)
    send_message(connection, clean_outcome(outcome).to_json())


def _outcome(warm: WarmProcess, exercises: tuple[Exercise, ...], job: dict, limits: GradingLimits) -> Outcome:
    chosen = tuple(exercise for exercise in exercises if not job["exercises"] or exercise.name in job["exercises"])
    try:
        submission = read(Path(job["path"]), job["topic"])
    except SubmissionError as error:
        return Outcome(refusal=str(error), tier=warm.tier)
    return examine(warm, submission, chosen, job["seed"], limits)


def _die_with_parent() -> None:
    """Ask the kernel to end this process when the worker ends, however that happens."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(70)
