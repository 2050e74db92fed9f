"""The outbox: failures and dead letters that a transaction has decided on, and that are not published yet.

An item is deleted only after everything in it was published, so a function that is killed in between publishes it twice
rather than never.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from s3_trigger.messages import EVENT_SOURCE, REPLAY, ExecutionEnded, Upload
from s3_trigger.notifications import NextStep, publish_failure
from s3_trigger.runs import EACH, KEPT_FOR_SECONDS, Run
from s3_trigger.units import Members, count_of, from_text, to_text

if TYPE_CHECKING:
    from s3_trigger.dynamodb import Change
    from s3_trigger.runtime import Runtime

OUTBOX, ASIDE = "outbox", "aside"
SHOWN_OBJECTS = 10
MISSING_REASON = "the object was deleted before the job started"
_REASON_MAX = 1000
# Each takes up to four calls; the intake must not run out of time.
_PUBLISHED_TOGETHER = 10
_LEFT_OVER_MAX = 1000
# The function that has written an item is publishing it.
_LEFT_OVER_SECONDS = 60
_THREADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to publish.

    Attributes:
        run: the run that it is about, whose name a replay request has.
        members: the members that it is about.
        next_step: what happens to their objects; a dead letter is sent for ``SET_ASIDE``.
        reason: why; empty where the execution's history has the reason.
        ended: the end of the execution that failed; None where there was none.
        name: of the kind `EACH`, the name of the execution.
    """

    run: Run
    members: Members
    next_step: NextStep
    reason: str = ""
    ended: ExecutionEnded | None = None
    name: str = ""

    def to_change(self, runtime: Runtime) -> Change:
        """Return the change that adds it to the outbox."""
        ended = json.dumps(asdict(self.ended) | {"input": ""}) if self.ended is not None else ""
        fields = {
            "run": self.run.name,
            "kind": self.run.kind,
            "origin": self.run.origin,
            "bucket": self.run.bucket,
            "members": to_text(self.members),
            "next": self.next_step,
            "reason": self.reason[:_REASON_MAX],
            "ended": ended,
            "name": self.name,
        }
        return runtime.table.put(OUTBOX, f"{runtime.milliseconds():013}#{runtime.new_id()}", fields)

    def to_changes_of_unstarted(self, runtime: Runtime) -> list[Change]:
        """Return the change that adds it to the outbox, and the one that remembers that no execution has its members.

        No execution leads to them, and their dead letter may be discarded: this record tells what became of them.
        """
        fields = {
            "run": self.run.name,
            "members": to_text(self.members),
            "reason": self.reason[:_REASON_MAX],
            "expires": runtime.seconds() + KEPT_FOR_SECONDS,
        }
        aside = runtime.table.put(ASIDE, f"{runtime.milliseconds():013}#{runtime.new_id()}", fields)
        return [self.to_change(runtime), aside]


def publish(runtime: Runtime, changes: list[Change]) -> None:
    """Publish the first of what some changes have added to the outbox, once their transaction is made."""
    items = (change["Put"]["Item"] for change in changes if "Put" in change)
    added = (item for item in items if item["pk"]["S"] == OUTBOX)
    for item in itertools.islice(added, _PUBLISHED_TOGETHER):
        try:
            _publish(runtime, runtime.table.unmarshal(item))
        except (BotoCoreError, ClientError, RuntimeError):
            # The dispatcher publishes it within a minute, and its alarm reports that it cannot.
            runtime.logger.exception("a failure could not be published")


def publish_left_over(runtime: Runtime) -> None:
    """Publish what other functions have left in the outbox, the oldest first."""
    latest = runtime.milliseconds() - _LEFT_OVER_SECONDS * 1000
    items = itertools.islice(runtime.table.query(OUTBOX, between=("0", f"{latest:013}$")), _LEFT_OVER_MAX)
    with runtime.pool(_THREADS) as pool:
        list(pool.map(lambda item: _publish(runtime, item), items))


def send_dead_letter(runtime: Runtime, body: str, reason: str) -> None:
    """Send a message to the dead-letter queue.

    Args:
        runtime: the function's runtime.
        body: the message, in the form in which the intake processes it.
        reason: the reason why it was not processed.
    """
    reason = "".join(character if character.isprintable() else " " for character in reason)[:_REASON_MAX] or "unknown"
    runtime.sqs.send_message(
        QueueUrl=runtime.config.dead_letter_queue,
        MessageBody=body,
        MessageAttributes={"Reason": {"DataType": "String", "StringValue": reason}},
    )
    runtime.logger.warning("sent to the dead-letter queue", extra={"reason": reason, "dead_letter": body[:_REASON_MAX]})


def _publish(runtime: Runtime, item: dict[str, Any]) -> None:
    members, reason = from_text(item["members"]), item["reason"]
    uploads, count = _first_uploads(runtime, members), count_of(members)
    objects = [f"s3://{upload.bucket}/{upload.key}" for upload in uploads]
    if item["ended"]:
        ended = ExecutionEnded(**json.loads(item["ended"]))
        reason = publish_failure(runtime, ended, objects, count, item["next"])
    if item["next"] == "SET_ASIDE":
        send_dead_letter(runtime, json.dumps(_dead_letter(item, uploads, count, reason)), reason)
    runtime.table.apply(runtime.table.delete(OUTBOX, item["sk"]))


def _dead_letter(item: dict[str, Any], uploads: Sequence[Upload], count: int, reason: str) -> dict[str, Any]:
    """Return the message that starts the objects again: the request to replay a run, or the event of one upload."""
    if item["kind"] == EACH and uploads:
        return uploads[0].to_event(item["name"])
    detail = {
        "batch": item["origin"],
        "run": item["run"],
        "objects": [f"s3://{upload.bucket}/{upload.key}" for upload in uploads],
        "objectCount": count,
        "reason": reason[:_REASON_MAX],
    }
    return {"source": EVENT_SOURCE, "detail-type": REPLAY, "detail": detail}


def _first_uploads(runtime: Runtime, members: Members) -> list[Upload]:
    """Return the first uploads of some members; none if the ledger has lost them, which must not stop the report."""
    try:
        return list(itertools.islice(runtime.units.uploads(members), SHOWN_OBJECTS))
    except LookupError:
        runtime.logger.exception("the members of a run are not in the ledger")
        return []
