"""What a worker's process does: hold the laws and a warm process, and fork a judge for every submission.

A role of `sandbox.ForkServer`: `prepare` runs once, `run` in each fork. The fork gets a job, examines the submission in
a child of the warm process, and answers with an outcome; then it ends, and whatever the submission's data did to its
memory ends with it.
"""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.course import GradingLimits
from autograder.judge.examination import examine_seeds, sandbox_limits
from autograder.judge.hygiene import clean_outcome
from autograder.judge.outcome import Outcome
from autograder.laws import Exercise, ModuleTarget, load_laws, run_law
from autograder.laws.profile import load_profile
from autograder.sandbox import WarmProcess, kernel
from autograder.sandbox.forkserver import receive_message, send_message
from autograder.submission import Cell, Submission, SubmissionError, read


def prepare(settings: dict) -> tuple[dict, Any]:
    """Import the laws, start the warm process, and run one law so that nothing is imported for the first time later."""
    import torch

    torch.set_num_threads(1)  # a fork does not inherit threads
    load_profile(settings["shrink"])  # a law keeps the profile under which it was loaded
    limits = GradingLimits(**settings["limits"])
    exercises = {topic: load_laws(Path(path)) for topic, path in settings["laws"].items()}
    warm = WarmProcess(sandbox_limits(limits), unconfined=settings["unconfined"])
    warm.start()
    for laws in exercises.values():
        run_law(laws[0].laws[0], ModuleTarget({}))
    return {"tier": warm.tier, "reasons": warm.reasons, "warm": warm.process.pid}, (warm, exercises, limits)


def run(descriptors: list[int], prepared: Any) -> None:
    """Examine one submission: read the job from the socket, write the outcome to it."""
    kernel.die_with_parent(os.getppid())
    warm, exercises, limits = prepared
    connection = socket.socket(fileno=descriptors[0])
    job, _ = receive_message(connection)
    outcomes = _outcomes(warm, _chosen(exercises[job["topic"]], job), job, limits)
    send_message(connection, [clean_outcome(outcome).to_json() for outcome in outcomes])


def _chosen(exercises: tuple[Exercise, ...], job: dict) -> list[Exercise]:
    """The exercises that the job names, in its order, with the laws that it names; all where it names none."""
    known = {exercise.name: exercise for exercise in exercises}
    chosen = [known[name] for name in job["exercises"] or known]
    if not job["laws"]:
        return chosen
    return [replace(e, laws=tuple(law for law in e.laws if law.key in job["laws"])) for e in chosen]


def _outcomes(warm: WarmProcess, exercises: list[Exercise], job: dict, limits: GradingLimits) -> list[Outcome]:
    """One outcome for each seed of the job."""
    name = f"{job['topic']}.py"
    if job["source"]:
        submission = Submission(name, (Cell(name, job["source"]),))
    else:
        try:
            submission = read(Path(job["path"]), job["topic"], other_topics=job["other_topics"])
        except SubmissionError as error:
            return [Outcome(refusal=str(error), tier=warm.tier) for _ in job["seeds"]]
    return examine_seeds(warm, submission, exercises, job["seeds"], limits, job["stop"])
