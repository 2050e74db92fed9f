"""The evidence for what a row says of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.differences.rows import ROOT, Row

VERIFIED: Final = ROOT / "docs" / "verified"
# In a record of AWS itself; a record of the local AWS has its address.
AWS: Final = "aws"


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a row, with its evidence as the page has it.

    Attributes:
        word: ``verified``, ``documented``, ``assumed`` or ``refuted``.
        text: the cell of the table.
    """

    word: str
    text: str


def verified_records(directory: Path = VERIFIED) -> list[Mapping[str, Any]]:
    """Return the records of runs in AWS, the newest first: those of the local AWS prove nothing about AWS.

    Args:
        directory: the directory of the records.
    """
    records = [json.loads(path.read_text(encoding="utf-8")) for path in directory.glob("*.json")]
    return sorted(
        (each for each in records if each["endpoint"] == AWS), key=lambda each: str(each["date"]), reverse=True
    )


def status_of(row: Row, records: Iterable[Mapping[str, Any]]) -> Status:
    """Return the status of a row.

    Args:
        row: the row.
        records: records of runs in AWS, the newest first. The newest one that answers all questions about the row
            decides.
    """
    for record in records:
        outcomes = {each["outcome"] for each in record["answers"] if row.id in each["claims"]}
        # What was not provoked, or not answered, decides nothing.
        if outcomes and outcomes <= {"as expected", "otherwise"}:
            when = f"{record['date']}, {record['region']}"
            if "otherwise" in outcomes:
                return Status("refuted", f"**refuted** ({when})")
            return Status("verified", f"*verified* ({when})")
    if row.source:
        return Status("documented", f"[documented]({row.source})")
    return Status("assumed", "*assumed*")
