"""Name a known mistake by how it fails.

With the same seed, code that makes a known mistake fails the same laws with the same smallest inputs and the same wrong
results as the mistake in the bank did. `learn` writes these symptoms down for a topic, beside its mistakes; `diagnose`
looks a submission's failures up. One that fails in any other way gets no diagnosis: a wrong one would be worse.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from autograder import bank
from autograder.course import Course, Topic
from autograder.judge.outcome import Outcome
from autograder.judge.worker import Job, grade_all
from autograder.laws import Verdict

# A time limit is no symptom that tells one mistake from another.
TELLS_NOTHING = {"too slow", "not started", "not loaded", "memory"}


def symptoms_path(course: Course, topic: Topic) -> Path:
    """The file that holds the symptoms of a topic's mistakes."""
    return course.mistakes(topic).with_suffix(".symptoms.json")


def fingerprint(verdicts: Iterable[Verdict]) -> str:
    """What identifies the way in which one exercise fails; empty if that tells nothing."""
    failed = sorted((v for v in verdicts if not v.passed), key=lambda v: v.law)
    if not failed or any(v.symptom in TELLS_NOTHING for v in failed):
        return ""
    # The student's own line (`where`) is left out: it differs between two who make the same mistake.
    facts = [[v.law, v.symptom, v.counterexample, v.problem] for v in failed]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


def learn(course: Course, topic: Topic, workers: int | None = None) -> dict:
    """Grade every mistake of `topic` and write down how it fails; two that fail alike are not told apart."""
    reference = course.solution(topic).read_text(encoding="utf-8")
    entries = {entry.label: entry for entry in bank.entries(course.mistakes(topic))}
    jobs = [job(topic, entry, reference) for entry in entries.values()]
    seen: dict[str, dict[str, set[str]]] = {}
    for done, outcome in grade_all(course, jobs, workers):
        entry = entries[done.key]
        if key := fingerprint(outcome.verdicts):
            seen.setdefault(entry.exercise, {}).setdefault(key, set()).add(entry.diagnosis)
    symptoms = {
        exercise: {key: diagnoses.pop() for key, diagnoses in sorted(found.items()) if len(diagnoses) == 1}
        for exercise, found in sorted(seen.items())
    }
    return {"laws": _digest(course.laws(topic)), "seed": course.seed, "symptoms": symptoms}


def job(topic: Topic, entry: bank.Entry, reference: str) -> Job:
    """The job of grading one mistake in its own exercise."""
    return Job(entry.label, None, topic, exercises=(entry.exercise,), source=entry.apply(reference))


def write(course: Course, topic: Topic, learnt: dict) -> Path:
    """Write what `learn` returned beside the topic's mistakes."""
    path = symptoms_path(course, topic)
    path.write_text(json.dumps(learnt, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def load(course: Course, topic: Topic) -> dict[str, dict[str, str]]:
    """The diagnoses by exercise and fingerprint; none if they were learnt with other laws or another seed."""
    path = symptoms_path(course, topic)
    if not path.is_file():
        return {}
    learnt = json.loads(path.read_text(encoding="utf-8"))
    current = learnt["laws"] == _digest(course.laws(topic)) and learnt["seed"] == course.seed
    return learnt["symptoms"] if current else {}


def diagnose(outcome: Outcome, symptoms: dict[str, dict[str, str]]) -> Outcome:
    """The same outcome; the first failure of an exercise that fails like a known mistake names it."""
    verdicts = list(outcome.verdicts)
    for exercise, known in symptoms.items():
        own = [index for index, verdict in enumerate(verdicts) if verdict.exercise == exercise]
        diagnosis = known.get(fingerprint(verdicts[index] for index in own))
        if diagnosis:
            first = next(index for index in own if not verdicts[index].passed)
            verdicts[first] = replace(verdicts[first], diagnosis=diagnosis)
    return replace(outcome, verdicts=tuple(verdicts))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:24]
