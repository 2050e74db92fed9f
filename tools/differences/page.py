"""The tables of the page, which stand between comments that name them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tools.differences.rows import ROOT, TABLES, Row, RowError, rows_of
from tools.differences.status import status_of

PAGE: Final = ROOT / "docs" / "local-and-aws.md"
_TABLE: Final = re.compile(r"<!-- rows: (\w+) -->\n.*?<!-- end of rows -->", re.DOTALL)
_COUNTS: Final = re.compile(r"<!-- counts -->\n.*?<!-- end of counts -->", re.DOTALL)


def render(page: str, records: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of the page with the tables as they are in the data.

    Args:
        page: the text of the page.
        records: records of runs in AWS, the newest first.

    Raises:
        RowError: a table of the data is not in the page.
    """
    if missing := {path.stem for path in TABLES.glob("*.toml")} - set(_TABLE.findall(page)):
        raise RowError(f"the page must have a place for each table, got none for {', '.join(sorted(missing))}")
    shown = [row for name in _TABLE.findall(page) for row in rows_of(name)]
    page = _COUNTS.sub(lambda _: f"<!-- counts -->\n{_counts(shown, records)}\n<!-- end of counts -->", page)
    return _TABLE.sub(
        lambda match: f"<!-- rows: {match[1]} -->\n{table(rows_of(match[1]), records)}<!-- end of rows -->", page
    )


def table(rows: Sequence[Row], records: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of rows."""
    lines = ["| | AWS | the local AWS | evidence for AWS |", "|---|---|---|---|"]
    for row in rows:
        cells = (
            f'<a id="{row.id}"></a>{_cell(row.topic)}',
            _cell(row.aws),
            _cell(row.local),
            status_of(row, records).text,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _counts(rows: Sequence[Row], records: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(status_of(row, records).word for row in rows)
    words = [f"{counts[word]} {word}" for word in ("verified", "documented", "assumed", "refuted") if counts[word]]
    return f"Of {len(rows)} rows, {', '.join(words)}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
