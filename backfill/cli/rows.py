"""Rows of words with the first columns aligned: wrapped to the terminal, and whole lines anywhere else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

GAP = 2

Row = Sequence[str | Text]


def print_facts(console: Console, facts: Sequence[tuple[str, str]], *, indent: str = "  ") -> None:
    """Names and what there is to say of each."""
    print_rows(console, [(Text(f"{indent}{name}", style="dim"), words) for name, words in facts])


def print_rows(console: Console, rows: Sequence[Row], *, right: Collection[int] = ()) -> None:
    """The last column takes what is left of the line; the columns `right` are numbers."""
    if not rows:
        return
    if console.is_terminal:
        console.print(_grid(rows, right))
        return
    *aligned, _ = zip(*([str(cell) for cell in row] for row in rows), strict=True)
    widths = [max(map(cell_len, column)) for column in aligned]
    for row in rows:
        *cells, last = (str(cell) for cell in row)
        padded = [_padded(cell, widths[place], place in right) for place, cell in enumerate(cells)]
        console.print((" " * GAP).join([*padded, last]).rstrip())


def _padded(cell: str, width: int, is_right: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return f"{blanks}{cell}" if is_right else f"{cell}{blanks}"


def _grid(rows: Sequence[Row], right: Collection[int]) -> Table:
    grid = Table.grid(padding=(0, GAP))
    last = len(rows[0]) - 1
    for place in range(last):
        grid.add_column(no_wrap=True, justify="right" if place in right else "left")
    grid.add_column(overflow="fold", justify="right" if last in right else "left")
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return grid
