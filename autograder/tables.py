"""Tables for the terminal, never narrower than their content: a column that is cut off misleads."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

WIDEST = 10_000


def print_whole(console: Console, table: Table) -> None:
    """Print a table at the width it needs, beyond that of the terminal if need be: lines may then wrap or be piped."""
    needed = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    wide = Console(file=console.file, width=max(console.width, needed), highlight=False)
    wide.print(table)
