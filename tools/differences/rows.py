"""The rows of the tables of differences."""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TABLES: Final = ROOT / "tools" / "differences" / "tables"
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class RowError(ValueError):
    """A row that is no row, or one that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A difference.

    Attributes:
        id: names the row, and is its anchor in the page: lower-case words with hyphens.
        topic: the subject, as the first cell has it.
        aws: AWS's behaviour.
        local: that of the local AWS.
        source: the page that documents what ``aws`` says; empty if there is none.
    """

    id: str
    topic: str
    aws: str
    local: str
    source: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise RowError(f"id must be lower-case words with hyphens, got {self.id!r}")
        if self.source and not self.source.startswith("https://"):
            raise RowError(f"source of {self.id} must be an address with https, got {self.source!r}")


def rows_of(table: str) -> list[Row]:
    """Return the rows of a table, in their order.

    Args:
        table: its name, that of a file in ``tables``.

    Raises:
        RowError: there is no such table, or a row has a member that rows do not have.
    """
    path = TABLES / f"{table}.toml"
    if not path.is_file():
        raise RowError(
            f"table must be one of {', '.join(sorted(each.stem for each in TABLES.glob('*.toml')))}, got {table!r}"
        )
    try:
        return [Row(**row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["rows"]]
    except TypeError as error:
        raise RowError(f"{path.name}: {error}") from None


@functools.cache
def all_rows() -> dict[str, Row]:
    """Return the rows of all tables by their ids.

    Raises:
        RowError: two rows have one id.
    """
    found: dict[str, Row] = {}
    for path in sorted(TABLES.glob("*.toml")):
        for row in rows_of(path.stem):
            if row.id in found:
                raise RowError(f"id must be unique, got {row.id!r} twice")
            found[row.id] = row
    return found


def row_named(name: str) -> Row:
    """Return the row of an id.

    Raises:
        RowError: there is none.
    """
    if (row := all_rows().get(name)) is None:
        raise RowError(f"claim must be the id of a row of tools/differences/tables, got {name!r}")
    return row
