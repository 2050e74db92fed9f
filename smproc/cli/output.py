"""The output of commands: tables for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smproc.terminal_text import printable

if TYPE_CHECKING:
    from rich.console import Console

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class OutputFormat(enum.StrEnum):
    """The formats of a command's output."""

    TABLE = "table"
    JSON = "json"


Output = Annotated[
    OutputFormat,
    typer.Option("--output", help="The format of the output; --json is short for --output json.", show_default=True),
]


def console() -> Console:
    """Return the terminal, or the pipe, that a command writes to; it respects NO_COLOR."""
    from rich.console import Console  # noqa: PLC0415 - slow to load

    return Console(highlight=False, emoji=False, markup=False, soft_wrap=not sys.stdout.isatty())


def print_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(f"{json.dumps(plain(value), indent=2, ensure_ascii=not _is_utf8())}\n")


def plain(value: object) -> Any:  # noqa: ANN401 - a value of JSON
    """Return the value of JSON that describes an object: times in ISO 8601, fields by their names."""
    from smproc.operations import Pipeline  # noqa: PLC0415 - slow to load

    if isinstance(value, Pipeline):
        return value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table; on a terminal its cells are folded, in a pipe its lines are as long as they have to be.

    Args:
        columns: the headings; one that starts with ``>`` is of a column that is aligned to the right.
        rows: the cells.
        empty: the sentence to print instead of a table without rows.
    """
    from rich.table import Table  # noqa: PLC0415 - slow to load
    from rich.text import Text  # noqa: PLC0415 - the same

    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not cells:
        typer.echo(printable(empty))
        return
    headings = [column.removeprefix(">") for column in columns]
    right = [column.startswith(">") for column in columns]
    target = console()
    if not target.is_terminal:
        widths = [max(len(row[index]) for row in [headings, *cells]) for index in range(len(headings))]
        for row in [headings, *cells]:
            padded = [
                cell.rjust(width) if is_right else cell.ljust(width)
                for cell, width, is_right in zip(row, widths, right, strict=True)
            ]
            typer.echo("  ".join(padded).rstrip())
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading, is_right in zip(headings, right, strict=True):
        table.add_column(heading, justify="right" if is_right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    target.print(table)


def age(since: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago a time was, such as ``5 min``; empty for no time."""
    if since is None:
        return ""
    return duration(((now or datetime.now(UTC)) - since).total_seconds())


def duration(seconds: float) -> str:
    """Return a duration in its largest unit, such as ``90 s``, ``5 min``, ``3 h`` or ``2 d``."""
    seconds = max(seconds, 0)
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def short_name(name: str, length: int = 12) -> str:
    """Return the beginning of an execution's name if it is a digest, which commands take for the whole.

    Names that people give begin alike and differ at their ends, so they stay as they are.
    """
    return name[:length] if _DIGEST.fullmatch(name) else name


def clock(time: datetime | None) -> str:
    """Return a time in UTC, to the second; empty for none."""
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _is_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


_STYLES = {
    "ok": "green",
    "attention": "bold red",
    "stalled": "bold red",
    "paused": "yellow",
    "SUCCEEDED": "green",
    "Completed": "green",
    "FAILED": "bold red",
    "Failed": "bold red",
    "TIMED_OUT": "bold red",
    "ABORTED": "red",
    "Stopped": "red",
    "DEAD_LETTER": "bold red",
    "RUNNING": "cyan",
    "InProgress": "cyan",
}
