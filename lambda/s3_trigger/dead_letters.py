"""The dead-letter queue: messages that cannot be processed, each with its reason, in a form that can be redriven."""

from __future__ import annotations

import itertools
import json

from s3_trigger.ledger import Ledger, Run
from s3_trigger.messages import EVENT_SOURCE, REPLAY
from s3_trigger.runtime import Runtime

SHOWN_OBJECTS = 10
_REASON_MAX = 1000


def send(runtime: Runtime, body: str, reason: str) -> None:
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


def send_run(runtime: Runtime, run: Run, reason: str) -> None:
    """Send the request to replay a run to the dead-letter queue, for nothing starts it otherwise."""
    detail = {
        "batch": run.batch,
        "run": run.name,
        "objects": first_objects(runtime.ledger, run),
        "objectCount": len(run.indexes),
        "reason": reason[:_REASON_MAX],
        "after": run.after,
    }
    send(runtime, json.dumps({"source": EVENT_SOURCE, "detail-type": REPLAY, "detail": detail}), reason)


def first_objects(ledger: Ledger, run: Run) -> list[str]:
    """Return the URIs of the first objects of a run."""
    members = itertools.chain.from_iterable(ledger.members(run.batch, run.indexes))
    return [f"s3://{upload.bucket}/{upload.key}" for _, upload in itertools.islice(members, SHOWN_OBJECTS)]
