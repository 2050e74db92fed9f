"""The record of a run: every question with its answer and its evidence, as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tools.differences.status import AWS
from tools.verify_aws.account import Account
from tools.verify_aws.question import Answer

# The start of the file name of a record of the local AWS.
LOCAL: Final = "local"
# In the place of the account's number: a record is made to be published.
_ACCOUNT: Final = "111122223333"


def record_of(account: Account, answers: Sequence[Answer], *, left: Sequence[str], now: datetime) -> dict[str, Any]:
    """Return the record of a run.

    Args:
        account: the account.
        answers: the answers.
        left: what is left in the account.
        now: the time of the run.
    """
    record = {
        "endpoint": account.endpoint or AWS,
        "region": account.region,
        "date": now.astimezone(UTC).date().isoformat(),
        "calls": sorted(account.calls),
        "answers": [dataclasses.asdict(each) for each in answers],
        "left": list(left),
    }
    text = json.dumps(record, default=_as_json)
    anonymous: dict[str, Any] = json.loads(text.replace(account.number, _ACCOUNT))
    return anonymous


def write_record(record: Mapping[str, Any], directory: Path) -> Path:
    """Write a record to the file of its region and date, and return the path.

    The answers of an earlier run of the day to other questions stay in it.

    Args:
        record: the record.
        directory: the directory.
    """
    where = record["region"] if record["endpoint"] == AWS else LOCAL
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{where}-{record['date']}.json"
    asked = {each["question"] for each in record["answers"]}
    earlier = json.loads(path.read_text(encoding="utf-8"))["answers"] if path.is_file() else []
    answers = [*record["answers"], *(each for each in earlier if each["question"] not in asked)]
    whole = {**record, "answers": answers}
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    return path


def _as_json(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case bytes():
            return value.decode(errors="replace")
        case set() | frozenset():
            return sorted(value)
    return str(value)
