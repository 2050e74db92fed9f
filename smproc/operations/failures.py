"""The failures that need attention: those that no retry, redrive or later upload has resolved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from smproc.operations.executions import FAILED_STATUSES
from smproc.operations.ledger import Row
from smproc.operations.uploads import FAILED_STATES, UploadReader, UploadRecord

# Of batches: the halves of a bisected one run by themselves, and the repetition of a replayed one has its own end.
_REPEATED: Final = frozenset({"HALVED", "REPLAYED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFailures:
    """The failures of some time that need attention.

    Attributes:
        executions: the number of executions that failed, timed out or were stopped.
        uploads: the uploads in them, and those in dead letters without an execution; the newest first.
    """

    executions: int = 0
    uploads: tuple[UploadRecord, ...] = ()


def open_failures(reader: UploadReader, since: datetime) -> OpenFailures:
    """Return the failures of a pipeline that nothing has resolved.

    The last upload or retry of an object decides about the object, as a job reads the object that is there now. An
    execution that no upload since then explains, such as one of a schedule, counts until it is redriven or retried.

    Args:
        reader: the uploads of the pipeline.
        since: what ended before, or was uploaded before, is left out.
    """
    rows = reader.rows(since)
    last = {(row.bucket, row.key): row for row in rows}
    records = sorted(reader.records(list(last.values())), key=lambda record: record.received, reverse=True)
    failed = {
        name
        for name, one in reader.executions(since.timestamp()).items()
        if one.status in FAILED_STATUSES and one.ended is not None and one.ended >= since
    }
    uploads = [
        record
        for record in records
        if record.state in FAILED_STATES and (record.execution is None or record.execution.name in failed)
    ]
    open_ones = {record.execution.name for record in uploads if record.execution is not None}
    return OpenFailures(
        executions=len(open_ones) + len(_unexplained(reader, failed - open_ones, rows, since)), uploads=tuple(uploads)
    )


def _unexplained(reader: UploadReader, names: Iterable[str], rows: Iterable[Row], since: datetime) -> set[str]:
    """Return the failed executions that neither a later upload of the same object nor a repetition has resolved."""
    superseded = {name for row in rows for name in (row.execution_name, row.replay)}
    left = set(names) - superseded
    for name, run in reader.ledger.ended(sorted(left)).items():
        # Each object of a batch since then has a later upload, or the batch would be among the open ones.
        is_recent = all(int(unit.partition("#")[0]) >= since.timestamp() * 1000 for unit, _, _ in run.members)
        if run.status in _REPEATED or is_recent:
            left.discard(name)
    return left
