"""The summary of a minute: how much waits, since when, how much runs, how many dead letters there are.

``smproc status`` reads the summaries of all pipelines in one request, and sees by their times which dispatcher is idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from s3_trigger.batches import OPEN
from s3_trigger.inbox import INBOX
from s3_trigger.runs import READY
from s3_trigger.sealing import SEALED
from s3_trigger.units import Members, count_of, from_text

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

SUMMARY = "summary", "minute"
Waiting = tuple[int, int]


def write_summary(runtime: Runtime, *, undelivered_queue: str, failed_steps: int) -> None:
    """Write the summary of this minute over that of the last one.

    Args:
        runtime: the function's runtime.
        undelivered_queue: the URL of the queue of events that EventBridge could not deliver.
        failed_steps: the number of steps of this minute's work that failed.
    """
    waiting = list(_waiting(runtime))
    slots = runtime.table.get("slots", "count") or {}
    fields = {
        "at": runtime.seconds(),
        "waiting": sum(count for count, _ in waiting),
        "oldest": min((since for _, since in waiting), default=0),
        "running": slots.get("count", 0),
        "paused": slots.get("paused", 0),
        "dead_letters": _messages(runtime, runtime.config.dead_letter_queue),
        "undelivered": _messages(runtime, undelivered_queue),
        "failed_steps": failed_steps,
    }
    runtime.table.apply(runtime.table.put(*SUMMARY, fields))


def _waiting(runtime: Runtime) -> Iterator[Waiting]:
    """Yield how many uploads wait in each place, and since when, in seconds since 1970."""
    for item in runtime.table.query(INBOX):
        yield item["count"], _seconds_in(item["sk"])
    for item in runtime.table.query(SEALED):
        yield len(runtime.units.get(item["sk"]).rows) - int(item["cursor"]), _seconds_in(item["sk"])
    for item in runtime.table.query(OPEN):
        if "members" in item:  # else an earlier version wrote it
            yield item["objects"], item["opened"]
    for item in runtime.table.query(READY):
        if "members" in item:
            members = from_text(item["members"])
            yield count_of(members), _since(members)


def _since(members: Members) -> int:
    return min(_seconds_in(unit) for unit, _, _ in members)


def _seconds_in(name: str) -> int:
    """Return the time at the start of the name of a unit, or of a part of the inbox."""
    return int(name.partition("#")[0]) // 1000


def _messages(runtime: Runtime, queue: str) -> int:
    """Return the number of messages in a queue, as SQS approximates it."""
    attributes = runtime.sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return sum(int(value) for value in attributes.values())
