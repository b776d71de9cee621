"""Grade mutants through the warm judge: which law is the first to reject each, and which mutants none rejects."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from autograder.build.cells import Solution, read_solution
from autograder.course import Course, Topic
from autograder.judge.worker import Job
from autograder.mutants.equivalents import Equivalent, equivalents_path, read_equivalents
from autograder.mutants.generate import Mutant, mutants
from autograder.staff import affected, defined_by_exercise, grade_staff

LAW_SECONDS = 2.0  # a mutant that hangs is killed, and should cost little
WANTED = 0.97  # of the mutants that are not equivalent


@dataclass(frozen=True)
class Trial:
    """What came of one mutant: the law that rejected it first ("" if none did), how, and why it may survive."""

    mutant: Mutant
    law: str = ""  # as exercise::law
    symptom: str = ""
    equivalent: str = ""  # the reason, if it is recorded as equivalent
    refusal: str = ""  # why it could not be graded

    @property
    def state(self) -> str:
        """ "killed", "survived", "equivalent" or "not graded"."""
        if self.refusal:
            return "not graded"
        if self.law:
            return "killed"
        return "equivalent" if self.equivalent else "survived"


@dataclass(frozen=True)
class TopicTrials:
    """All trials of one topic, with what is wrong with its list of equivalent mutants."""

    topic: str
    trials: tuple[Trial, ...]
    errors: tuple[str, ...]
    mutants: int  # how many there are; fewer were tried if it is a sample

    def count(self, state: str, exercise: str | None = None) -> int:
        """How many trials ended in `state`."""
        return sum(t.state == state and exercise in (None, t.mutant.exercise) for t in self.trials)

    @property
    def score(self) -> float:
        """The part of those not equivalent that was killed."""
        relevant = len(self.trials) - self.count("equivalent")
        return self.count("killed") / relevant if relevant else 1.0

    @property
    def good(self) -> bool:
        """Whether enough were killed, all were graded and the list of equivalent ones is in order."""
        return self.score >= WANTED and not self.errors and not self.count("not graded")


def try_mutants(
    course: Course,
    topics: Iterable[Topic],
    sample: int | None = None,
    workers: int | None = None,
    law_seconds: float = LAW_SECONDS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[TopicTrials]:
    """Grade every mutant of `topics`, or per topic a `sample` drawn with the course's seed; a law gets `law_seconds`.

    `progress(done, total)` is called as they are done. The result does not depend on the order in which they are.
    """
    topics = list(topics)
    solutions = {topic.name: read_solution(course.solution(topic)) for topic in topics}
    found = {name: mutants(solution) for name, solution in solutions.items()}
    chosen = {name: _sample(name, listed, sample, course.seed) for name, listed in found.items()}
    jobs, by_key = [], {}
    for topic in topics:
        for mutant in chosen[topic.name]:
            job = mutant_job(topic, solutions[topic.name], mutant)
            jobs.append(job)
            by_key[job.key] = mutant
    trials: dict[str, Trial] = {}
    progress(0, len(jobs))
    quick = replace(course, limits=replace(course.limits, law_seconds=law_seconds))
    for job, outcome in grade_staff(quick, jobs, workers):
        failed = next((verdict for verdict in outcome.verdicts if not verdict.passed), None)
        law, symptom = (failed.key, failed.symptom) if failed else ("", "")
        trials[job.key] = Trial(by_key[job.key], law, symptom, refusal=outcome.refusal)
        progress(len(trials), len(jobs))
    return [_topic_trials(course, topic, found[topic.name], trials) for topic in topics]


def mutant_job(topic: Topic, solution: Solution, mutant: Mutant) -> Job:
    """The mutant as a job: its own exercise, then those whose code uses what was changed, up to the first failure."""
    exercises = affected(solution.text, mutant.definition, defined_by_exercise(solution), mutant.exercise)
    return Job(f"{topic.name} {mutant.identity}", None, topic, exercises=exercises, source=mutant.source, stop=True)


def _sample(name: str, listed: list[Mutant], size: int | None, seed: int) -> list[Mutant]:
    if size is None or size >= len(listed):
        return listed
    return random.Random(f"{name} {seed}").sample(listed, size)


def _topic_trials(course: Course, topic: Topic, found: list[Mutant], trials: dict[str, Trial]) -> TopicTrials:
    """The trials of one topic in the order of its mutants, with the list of equivalent ones taken into account."""
    path = equivalents_path(course, topic)
    entries = read_equivalents(path)
    errors = [f"{path.name}: {problem}" for problem in _wrong_entries(entries, found)]
    ordered = []
    for mutant in found:
        trial = trials.get(f"{topic.name} {mutant.identity}")
        if trial is None:
            continue
        entry = next((entry for entry in entries if entry.names(mutant)), None)
        if entry and trial.law:
            change = f"{entry.before!r} → {entry.after!r}"
            errors.append(f"{path.name}: {trial.law} kills what is said to be equivalent: {change}.")
        ordered.append(replace(trial, equivalent=entry.reason) if entry else trial)
    return TopicTrials(topic.name, tuple(ordered), tuple(errors), len(found))


def _wrong_entries(entries: list[Equivalent], found: list[Mutant]) -> list[str]:
    """What is wrong with a list of equivalent mutants, by itself and against the mutants there are."""
    problems = []
    for entry in entries:
        named = sum(entry.names(mutant) for mutant in found)
        where = f"{entry.exercise}, in {entry.function}: {entry.before!r} → {entry.after!r}"
        if not named:
            problems.append(f"stale, no mutant makes this change any more: {where}.")
        elif named > 1:
            problems.append(f"{named} mutants make this change; only one can be meant: {where}.")
        if entries.count(entry) > 1:
            problems.append(f"listed twice: {where}.")
    return problems
