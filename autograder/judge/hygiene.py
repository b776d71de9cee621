"""Text that a student controls, made fit for a terminal, a file and a spreadsheet."""

import re
import unicodedata
from dataclasses import replace

from autograder.judge.outcome import Outcome
from autograder.laws import Verdict

LONGEST = 4000  # characters of any one text
MOST_NOTES = 20
# Whole escape sequences go, so that no letters of theirs are left behind.
ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[PX^_][^\x1b]*(\x1b\\)?|[@-Z\\-_])?")
# Categories: control, format (such as bidirectional overrides), surrogate, private use, line and paragraph separator.
UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def clean(text: str, longest: int = LONGEST) -> str:
    """`text` without escape sequences, control and invisible characters, and no longer than `longest`."""
    text = ESCAPES.sub("", text[: 4 * longest].replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(c if c in "\n\t" or unicodedata.category(c) not in UNSAFE else "\ufffd" for c in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def one_line(text: str, longest: int = 300) -> str:
    """`text` cleaned and on one line."""
    return clean(" ".join(text.split()), longest)


def csv_cell(text: str) -> str:
    """`text` on one line, and such that no spreadsheet takes it for a formula."""
    text = one_line(text)
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "|", "%")) else text


def clean_outcome(outcome: Outcome) -> Outcome:
    """The same outcome with every text that student code may have written cleaned and bounded."""
    notes = tuple(one_line(note) for note in outcome.notes[:MOST_NOTES])
    if len(outcome.notes) > MOST_NOTES:
        notes += (f"and {len(outcome.notes) - MOST_NOTES} more notes",)
    return replace(
        outcome,
        verdicts=tuple(_clean_verdict(verdict) for verdict in outcome.verdicts),
        refusal=one_line(outcome.refusal),
        notes=notes,
        output=clean(outcome.output),
    )


def _clean_verdict(verdict: Verdict) -> Verdict:
    return replace(
        verdict,
        symptom=one_line(verdict.symptom, 60),
        problem=clean(verdict.problem, 2000),
        counterexample=tuple((one_line(name, 60), one_line(text, 500)) for name, text in verdict.counterexample),
        call=one_line(verdict.call, 600),
        where=one_line(verdict.where, 300),
    )
