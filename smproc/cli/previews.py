"""The beginnings of files on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from smproc.terminal_text import counted, printable

if TYPE_CHECKING:
    from smproc.operations import Preview

# Of each output of a run: the files of which the first rows or lines are shown, and these.
PREVIEWS, ROWS, LINES = 2, 5, 8
_GAP = 2
_CELL_MAX = 60


def shape(preview: Preview) -> str:
    """Return the number of rows and columns of a table, or the size of another file."""
    if preview.kind != "table" or not preview.columns:
        return counted(preview.size, "byte")
    least = "" if preview.is_exact else "at least "
    return f"{least}{counted(preview.rows or 0, 'row')} x {counted(preview.column_count, 'column')}"


def print_head(console: Console, preview: Preview) -> None:
    """Print the first rows of a table, or the first lines of a text.

    Args:
        console: the terminal, or a pipe.
        preview: the beginning of a file.
    """
    if preview.columns:
        console.print(table_of(preview, console.width))
    for line in preview.lines:
        print_indented(console, Text(printable(line)))
    if preview.lines and not preview.is_whole:
        console.print("  ...")


def print_indented(console: Console, line: Text) -> None:
    """Print a line that is indented also where a terminal is too narrow for it; a pipe gets it in one piece."""
    console.print(Padding(line, (0, 0, 0, 2), expand=False) if console.is_terminal else Text("  ").append_text(line))


def table_of(preview: Preview, width: int) -> Table:
    """Tabulate the first rows, with as many columns as fit the width entirely.

    Args:
        preview: the beginning of a table.
        width: the number of characters of a line.
    """
    columns = tuple(_short(column) for column in preview.columns)
    cells = [tuple(_short(cell) for cell in row) for row in preview.head]
    shown, used = 0, len("...")
    for number, column in enumerate(columns):
        used += _GAP + max(len(column), *(len(row[number]) for row in cells if number < len(row)), 0)
        if used > width and shown:
            break
        shown += 1
    more = ["..."] if shown < preview.column_count else []
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    for column in [*columns[:shown], *more]:
        table.add_column(Text(column), justify="right", overflow="ellipsis", no_wrap=True)
    for row in cells:
        filled = [*row[:shown], *([""] * (shown - len(row)))]
        table.add_row(*map(Text, filled), *more)
    return table


def _short(cell: str) -> str:
    """Round a number to six digits; escape the control characters of anything else, and cut it."""
    try:
        return f"{float(cell):.6g}"
    except ValueError:
        text = printable(cell[: _CELL_MAX + 1], keep="")
        return text if len(text) <= _CELL_MAX else f"{text[: _CELL_MAX - 3]}..."
