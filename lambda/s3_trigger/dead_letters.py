"""The dead-letter queue: what cannot be worked on, with the reason, in words that `smproc redrive` sends back."""

from __future__ import annotations

import itertools
import json

from s3_trigger.ledger import Ledger, Run
from s3_trigger.messages import REPLAY, REPLAY_SOURCE
from s3_trigger.runtime import client, logger, settings

SHOWN_OBJECTS = 10
_REASON_MAX = 1000


def send(body: str, reason: str) -> None:
    """Put a message with the queue of dead letters.

    Args:
        body: the message, as it would be worked on.
        reason: why it is not.
    """
    reason = "".join(character if character.isprintable() else " " for character in reason)[:_REASON_MAX] or "unknown"
    client("sqs").send_message(
        QueueUrl=settings.dead_letter_queue,
        MessageBody=body,
        MessageAttributes={"Reason": {"DataType": "String", "StringValue": reason}},
    )
    logger.warning("set aside", extra={"reason": reason, "dead_letter": body[:_REASON_MAX]})


def to_dead_letters(ledger: Ledger, run: Run, reason: str) -> None:
    """Tell of a run that will not start by itself."""
    detail = {
        "batch": run.batch,
        "run": run.name,
        "objects": shown_objects(ledger, run),
        "objectCount": len(run.positions),
        "reason": reason[:_REASON_MAX],
        "after": run.after,
    }
    send(json.dumps({"source": REPLAY_SOURCE, "detail-type": REPLAY, "detail": detail}), reason)


def shown_objects(ledger: Ledger, run: Run) -> list[str]:
    """The first objects of a run."""
    members = itertools.chain.from_iterable(ledger.members(run.batch, run.positions))
    return [f"s3://{upload.bucket}/{upload.key}" for _, upload in itertools.islice(members, SHOWN_OBJECTS)]
