"""The cells of a module in the percent format: so that a syntax error in one does not lose the others."""

import re

MARKER = re.compile(r"^# %%", re.MULTILINE)


def percent_cells(source: str) -> list[str]:
    """The source cut before every line that begins with `# %%`, each part at its own line numbers.

    Each part is preceded by as many empty lines as stand before it. A module without markers is one part.
    """
    starts = sorted({0, *(match.start() for match in MARKER.finditer(source))})
    ends = [*starts[1:], len(source)]
    return ["\n" * source.count("\n", 0, start) + source[start:end] for start, end in zip(starts, ends)]
