"""`autograder verify`, as tables and lists of what is wrong."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder import build
from autograder.course import Course, Topic
from autograder.flakes import Flake, flakes, trials
from autograder.laws import load_laws
from autograder.mutants.report import print_trials, write_reports
from autograder.mutants.tally import LawTally, tally, try_idle
from autograder.mutants.trial import TopicTrials, try_mutants
from autograder.tables import print_whole
from autograder.verify import Finding, chosen_cases, verify

KINDS = ("reference", "stub", "mistake", "alternative", "left out")
HEADS = ("reference", "stub", "mistakes", "alternatives", "alone", "leaks")

SLOWER = 5  # times the slowest law on the reference: on a busy machine a mutant must not die of the clock


def report(
    course: Course, topics: list[Topic], jobs: int | None, console: Console, quick: bool = False
) -> tuple[bool, list[Finding]]:
    """Verify `topics`, print the table and every problem; whether there was none, and all findings in order."""
    leaks = {topic.name: build.leaks(course, topic) for topic in topics}  # first, since it takes no time
    listed = chosen_cases(course, topics, quick)
    order = {case.key: place for place, case in enumerate(listed)}
    findings = list(_tracked(verify(course, listed, jobs, quick), len(order), "Verifying", console))
    findings.sort(key=lambda finding: order[finding.case.key])
    counts, good = Counter(), Counter()
    problems, skipped = [], []
    for finding in findings:
        case = finding.case
        if finding.skipped:
            skipped.append(f"{case.topic}: {case.label} {finding.skipped}")
            continue
        counts[case.topic, case.kind] += 1
        good[case.topic, case.kind] += not finding.problems
        problems += [f"{case.key}: {problem}" for problem in finding.problems]
    problems += [f"{name}: {leak}" for name, found in leaks.items() for leak in found]
    print_whole(console, _table(topics, counts, good, leaks))
    for line in skipped:
        console.print(f"skipped: {line}", markup=False)
    for line in dict.fromkeys(problems):
        console.print(line, markup=False, style="red")
    return not problems, findings


def report_flakes(course: Course, topics: list[Topic], seeds: range, jobs: int | None, console: Console) -> bool:
    """Grade under every seed, print what depends on it and how long it took, and tell whether nothing does."""
    start = time.monotonic()
    work = trials(course, topics, seeds)
    total = sum(len(task.seeds) * len(task.subjects) for task in work.tasks)
    found: list[Flake] = []
    with _progress(console) as progress:
        bar = progress.add_task(f"{len(seeds)} seeds", total=total)
        for task, some in flakes(work, jobs):
            found += some
            progress.advance(bar, len(task.seeds) * len(task.subjects))
    for flake in sorted(found, key=lambda flake: (flake.case.key, flake.law, flake.seed)):
        line = f"seed {flake.seed}: {flake.case.key}: {flake.law} {flake.problem}"
        console.print(line, markup=False, style="red")
    seconds = time.monotonic() - start
    per_thousand = seconds / len(seeds) * 1000 / 60
    console.print(
        f"{len(found)} flakes in {total} gradings under {len(seeds)} seeds, {seconds:.0f} s "
        f"({per_thousand:.0f} minutes per 1,000 seeds)."
    )
    return not found


def report_mutants(
    course: Course,
    topics: list[Topic],
    findings: list[Finding],
    sample: int | None,
    jobs: int | None,
    law_seconds: float,
    out: Path,
    console: Console,
) -> bool:
    """Try the mutants, print and write what came of them; whether enough were killed and every list is in order."""
    trials = []
    for topic in topics:
        limit = max(law_seconds, SLOWER * slowest_law(topic, findings))
        with _progress(console) as progress:
            task = progress.add_task(f"Mutants of {topic.name}", total=None)

            def advance(done: int, total: int, progress=progress, task=task) -> None:
                progress.update(task, completed=done, total=total)

            trials += try_mutants(course, [topic], sample, jobs, limit, advance)
    print_trials(trials, console)
    tallies = law_tallies(course, topics, findings, trials if sample is None else [], jobs)
    for name, laws in tallies.items():
        for law in laws:
            if sample is None and law.idle:
                console.print(f"{name}: {law.key} rejects no mutant and no mistake", markup=False, style="yellow")
    written = write_reports(out, trials, tallies)
    console.print(f"Written: {', '.join(map(str, written))}", markup=False)
    return all(topic.good for topic in trials)


def slowest_law(topic: Topic, findings: list[Finding]) -> float:
    """The seconds of the slowest law on the topic's reference, as measured just now."""
    mine = [f for f in findings if f.case.topic == topic.name and f.case.kind == "reference"]
    return max((verdict.seconds for finding in mine for verdict in finding.verdicts), default=0.0)


def law_tallies(
    course: Course, topics: list[Topic], findings: list[Finding], trials: list[TopicTrials], jobs: int | None = None
) -> dict[str, list[LawTally]]:
    """By topic, what each law rejects; laws that seem to reject nothing are tried on every mutant of their exercise."""
    by_topic = {found.topic: found for found in trials}
    tallies = {}
    for topic in topics:
        found = by_topic.get(topic.name)
        mine = [finding for finding in findings if finding.case.topic == topic.name]
        tallies[topic.name] = tally(load_laws(course.laws(topic)), mine, found)
        if found:
            tallies[topic.name] = try_idle(course, topic, tallies[topic.name], found, jobs)
    return tallies


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _tracked(items: Iterable, total: int, title: str, console: Console) -> Iterator:
    with _progress(console) as progress:
        yield from progress.track(items, total=total, description=title)


def _table(topics, counts, good, leaks) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, head in enumerate(("topic", *HEADS)):
        table.add_column(head, justify="right" if index else "left")
    for topic in topics:
        numbers = [(good[topic.name, kind], counts[topic.name, kind]) for kind in KINDS]
        cells = [f"{right} of {all_of_them}" if all_of_them else "–" for right, all_of_them in numbers]
        table.add_row(topic.name, *cells, str(len(leaks[topic.name])))
    return table
