"""Mutants: the reference with one small thing wrong, to find out what the laws let through.

`mutants(solution)` makes them, `try_mutants(course, topics)` grades them through the warm judge, `read_equivalents` and
`as_toml` are about those that compute the same as the reference, and `write_reports` writes what was found.
"""

from autograder.mutants.equivalents import as_toml, equivalents_path, read_equivalents
from autograder.mutants.generate import Mutant, mutants
from autograder.mutants.trial import TopicTrials, Trial, try_mutants

__all__ = [
    "Mutant",
    "TopicTrials",
    "Trial",
    "as_toml",
    "equivalents_path",
    "mutants",
    "read_equivalents",
    "try_mutants",
]
