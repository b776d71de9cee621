"""What came of the mutants, for the terminal and as `dist/mutants/TOPIC.md` and `.json`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.mutants.equivalents import as_toml
from autograder.mutants.tally import LawTally
from autograder.mutants.trial import WANTED, TopicTrials, Trial
from autograder.tables import print_whole

STATES = ("killed", "survived", "equivalent", "not graded")


def print_trials(found: list[TopicTrials], console: Console) -> None:
    """A table with a row per topic and exercise, then every survivor with its diff, and every error."""
    table = Table(title="Mutants", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, head in enumerate(("topic", "tried", "killed", "survived", "equivalent", "ungraded", "score")):
        table.add_column(head, justify="right" if index else "left", no_wrap=True)
    for trials in found:
        tried = len(trials.trials)
        part = f" of {trials.mutants}" if tried < trials.mutants else ""
        cells = [f"{tried}{part}", *(str(trials.count(state)) for state in STATES)]
        style = "bold green" if trials.good else "bold red"
        table.add_row(trials.topic, *cells, f"{trials.score:.1%}", style=style)
        for exercise in _exercises(trials):
            counts = [trials.count(state, exercise) for state in STATES]
            part = counts[0] / (sum(counts) - counts[2]) if sum(counts) > counts[2] else 1.0
            table.add_row(f"  {exercise}", str(sum(counts)), *map(str, counts), f"{part:.0%}")
    print_whole(console, table)
    for trials in found:
        for trial in trials.trials:
            if trial.state in ("survived", "not graded"):
                console.print(f"\n{_headline(trials.topic, trial)}", markup=False, style="red")
                console.print(trial.mutant.diff, markup=False)
        for error in trials.errors:
            console.print(error, markup=False, style="red")


def write_reports(folder: Path, found: list[TopicTrials], tallies: dict[str, list[LawTally]]) -> list[Path]:
    """Write a Markdown and a JSON file for each topic into `folder`; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for trials in found:
        laws = tallies.get(trials.topic, [])
        for suffix, text in ((".md", _markdown(trials, laws)), (".json", _json(trials, laws))):
            path = folder / f"{trials.topic}{suffix}"
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def _exercises(trials: TopicTrials) -> list[str]:
    return list(dict.fromkeys(trial.mutant.exercise for trial in trials.trials))


def _headline(topic: str, trial: Trial) -> str:
    mutant = trial.mutant
    return f"{topic}: {trial.state}: {mutant.function}, line {mutant.line} ({mutant.operator}) {trial.refusal}".rstrip()


def _markdown(trials: TopicTrials, laws: list[LawTally]) -> str:
    lines = [
        f"# Mutants of {trials.topic}",
        "",
        f"{len(trials.trials)} of {trials.mutants} mutants tried: {trials.count('killed')} killed, "
        f"{trials.count('survived')} survived, {trials.count('equivalent')} equivalent. "
        f"Killed of those not equivalent: {trials.score:.1%} (wanted: {WANTED:.0%}).",
        "",
        "| exercise | tried | killed | survived | equivalent |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in _exercises(trials):
        counts = [trials.count(state, name) for state in STATES]
        lines.append(f"| {name} | {sum(counts)} | {counts[0]} | {counts[1]} | {counts[2]} |")
    lines += [*_law_table(laws), *_kinds(trials)]
    for state, heading in (("survived", "Survivors"), ("not graded", "Not graded"), ("equivalent", "Equivalent")):
        listed = [trial for trial in trials.trials if trial.state == state]
        if listed:
            lines += ["", f"## {heading}"]
        for trial in listed:
            mutant = trial.mutant
            lines += ["", f"{mutant.function}, line {mutant.line}, {mutant.operator} ({mutant.identity})", ""]
            lines += ["```diff", mutant.diff, "```"]
            lines += [trial.equivalent or trial.refusal] if state != "survived" else []
    survivors = [trial.mutant for trial in trials.trials if trial.state == "survived"]
    if survivors:
        lines += ["", "## Entries for the file of equivalent mutants, for those that are", "", "```toml"]
        lines += ["\n\n".join(as_toml(mutant) for mutant in survivors), "```"]
    lines += [f"\n**{error}**" for error in trials.errors]
    return "\n".join(lines) + "\n"


def _law_table(laws: list[LawTally]) -> list[str]:
    if not laws:
        return []
    head = "| law | first to kill | also kills | mistakes | named by | |"
    lines = ["", "## Laws", "", head, "|---|---:|---:|---:|---:|---|"]
    for law in laws:
        remark = "rejects nothing" if law.idle else "holds of the stub" if law.holds_of_stub else ""
        also = str(law.others) if not law.mutants else ""
        lines.append(f"| {law.key} | {law.mutants} | {also} | {law.mistakes} | {law.named} | {remark} |")
    return lines


def _kinds(trials: TopicTrials) -> list[str]:
    """How mutants die, and what each operator yields."""
    symptoms = Counter(trial.symptom for trial in trials.trials if trial.state == "killed")
    lines = ["", "## How they were killed", "", "| symptom | mutants |", "|---|---:|"]
    lines += [f"| {symptom} | {count} |" for symptom, count in symptoms.most_common()]
    lines += ["", "| operator | tried | survived |", "|---|---:|---:|"]
    for operator, count in Counter(trial.mutant.operator for trial in trials.trials).most_common():
        survived = sum(t.state == "survived" and t.mutant.operator == operator for t in trials.trials)
        lines.append(f"| {operator} | {count} | {survived} |")
    return lines


def _json(trials: TopicTrials, laws: list[LawTally]) -> str:
    def record(trial: Trial) -> dict:
        mutant = {key: value for key, value in asdict(trial.mutant).items() if key != "source"}
        return {**mutant, "state": trial.state, "law": trial.law, "symptom": trial.symptom, "reason": trial.equivalent}

    data = {
        "topic": trials.topic,
        "mutants": trials.mutants,
        "tried": len(trials.trials),
        **{state: trials.count(state) for state in STATES},
        "score": trials.score,
        "errors": list(trials.errors),
        "laws": [{**asdict(law), "idle": law.idle} for law in laws],
        "trials": [record(trial) for trial in trials.trials],
    }
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"
