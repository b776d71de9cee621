"""What a worker's process does: hold the laws and a warm process, and fork a judge for every submission.

A role of `sandbox.ForkServer`: `prepare` runs once, `run` in each fork. The fork gets a job, examines the submission in
a child of the warm process, and answers with an outcome; then it ends, and whatever the submission's data did to its
memory ends with it. What is the same for all submissions is done before a fork, by `expect`: it draws the inputs of the
laws that the job will want, and imports what an earlier fork had to import. Each takes about as long as the rest.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.course import GradingLimits
from autograder.judge.examination import Ahead, examine_seeds, sandbox_limits
from autograder.judge.hygiene import clean_outcome
from autograder.judge.outcome import Outcome
from autograder.laws import Exercise, ModuleTarget, draw_inputs, load_laws, run_law
from autograder.laws.profile import load_profile
from autograder.sandbox import WarmProcess, kernel
from autograder.sandbox.forkserver import receive_message, send_message
from autograder.submission import Cell, Submission, SubmissionError, read


@dataclass
class Prepared:
    """What all forks share: the warm process, the topics' exercises, and by topic the inputs drawn so far."""

    warm: WarmProcess
    exercises: dict[str, tuple[Exercise, ...]]
    limits: GradingLimits
    seed: int
    ahead: dict[str, Ahead] = field(default_factory=dict)


def prepare(settings: dict) -> tuple[dict, Prepared]:
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
    return {"tier": warm.tier, "reasons": warm.reasons, "warm": warm.process.pid}, Prepared(
        warm, exercises, limits, settings["seed"]
    )


def expect(order: dict, prepared: Prepared) -> None:
    """Import the order's modules, and draw the inputs of its laws for the course's own seed, unless that is done.

    Other seeds are too rare to keep their inputs.
    """
    for module in order["modules"]:
        with contextlib.suppress(Exception):  # a law that needs it will say so
            importlib.import_module(module)
    if prepared.seed not in order["seeds"]:
        return
    ahead = prepared.ahead.setdefault(order["topic"], {})
    for exercise in _chosen(prepared.exercises[order["topic"]], order):
        for law in exercise.laws:
            key = law.key, prepared.seed
            if key in ahead:
                continue
            try:
                ahead[key] = draw_inputs(law, prepared.seed)
            except Exception:
                ahead[key] = ()  # a broken law: the judge that runs it says so


def run(descriptors: list[int], prepared: Prepared) -> None:
    """Examine one submission: read the job from the socket, write the outcome to it."""
    kernel.die_with_parent(os.getppid())
    connection = socket.socket(fileno=descriptors[0])
    modules = set(sys.modules)
    job, _ = receive_message(connection)
    outcomes = _outcomes(prepared, job)
    answer = {
        "outcomes": [clean_outcome(outcome).to_json() for outcome in outcomes],
        "modules": [module for module in sys.modules if module not in modules],  # packages before what is in them
    }
    send_message(connection, answer)


def _chosen(exercises: tuple[Exercise, ...], job: dict) -> list[Exercise]:
    """The exercises that the job names, in its order, with the laws that it names; all where it names none."""
    known = {exercise.name: exercise for exercise in exercises}
    chosen = [known[name] for name in job["exercises"] or known]
    if not job["laws"]:
        return chosen
    return [replace(e, laws=tuple(law for law in e.laws if law.key in job["laws"])) for e in chosen]


def _outcomes(prepared: Prepared, job: dict) -> list[Outcome]:
    """One outcome for each seed of the job."""
    name, warm = f"{job['topic']}.py", prepared.warm
    if job["source"]:
        submission = Submission(name, (Cell(name, job["source"]),))
    else:
        try:
            submission = read(Path(job["path"]), job["topic"], other_topics=job["other_topics"])
        except SubmissionError as error:
            return [Outcome(refusal=str(error), tier=warm.tier) for _ in job["seeds"]]
    exercises = _chosen(prepared.exercises[job["topic"]], job)
    ahead = prepared.ahead.get(job["topic"])
    return examine_seeds(warm, submission, exercises, job["seeds"], prepared.limits, job["stop"], ahead)
