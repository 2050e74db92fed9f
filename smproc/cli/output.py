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
_PADDED_MAX = 100
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
    """Print a value as JSON; characters that do more than show themselves are escaped, as U+202E is."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=not _is_utf8())
    escaped = (letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text)
    sys.stdout.write(f"{''.join(escaped)}\n")


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
    """Print a table, each row as one line however narrow the terminal is, so that what is in it can be copied.

    Args:
        columns: the headings; one that starts with ``>`` is of a column that is aligned to the right.
        rows: the cells.
        empty: the sentence to print instead of a table without rows.
    """
    from rich.cells import cell_len  # noqa: PLC0415 - slow to load
    from rich.text import Text  # noqa: PLC0415 - the same

    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not cells:
        typer.echo(printable(empty))
        return
    headings = [column.removeprefix(">") for column in columns]
    # One long cell does not move the columns of the other rows.
    widths = [
        max(width for row in [headings, *cells] if (width := cell_len(row[index])) <= _PADDED_MAX or row is headings)
        for index in range(len(headings))
    ]
    target = console()
    for row in [headings, *cells]:
        line = Text(style="dim" if row is headings else "")
        for column, cell, width in zip(columns, row, widths, strict=True):
            padding = " " * (width - cell_len(cell))
            styled = Text(cell, style="" if row is headings else _STYLES.get(cell, ""))
            line += Text(padding) + styled if column.startswith(">") else styled + Text(padding)
            line.append("  ")
        line.rstrip()
        target.print(line, soft_wrap=True)


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
