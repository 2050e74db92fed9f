"""What follows from the end of an execution: its slot is free, and what failed runs again in halves or is set aside."""

from __future__ import annotations

from s3_trigger.dead_letters import shown_objects, to_dead_letters
from s3_trigger.ledger import FAILURES, SET_ASIDE, Ledger, Slot
from s3_trigger.messages import ExecutionEnded
from s3_trigger.notifications import publish_failure
from s3_trigger.runtime import logger, metrics, settings


def handle_execution_end(ledger: Ledger, slot: Slot, ended: ExecutionEnded) -> None:
    """Free the slot of a run whose execution has ended, once, whoever sees it first.

    What has to be told is told before the slot is freed: a function that is killed in between tells it twice, never not
    at all.
    """
    if ended.status not in FAILURES:
        ledger.release(slot, ended.status)
        return
    left = slot.run.positions.without(slot.missing)
    run = slot.run.again(left)
    following = _following(ledger, slot, ended, len(left))
    reason = publish_failure(ended, shown_objects(ledger, run), len(left), following)
    if following == "BISECTED":
        if ledger.release_bisected(slot, "HALVED", settings.max_replays):
            logger.info("runs again in halves", extra={"run": slot.run.name, "objects": len(left)})
            metrics.add_metric(name="BatchesHalved", unit="Count", value=1)
    elif following == "SET_ASIDE":
        aside = slot.run.again(left, status=SET_ASIDE)
        to_dead_letters(ledger, aside, reason)
        metrics.add_metric(name="ObjectsSetAside", unit="Count", value=len(left))
        ledger.release(slot, ended.status, aside)
    else:
        ledger.release(slot, ended.status)


def _following(ledger: Ledger, slot: Slot, ended: ExecutionEnded, objects: int) -> str:
    if ended.status == "ABORTED":  # somebody wanted it
        return "NOTHING"
    if objects > 1 and may_be_an_object(ended.error) and ledger.replays(slot.run.batch) + 2 <= settings.max_replays:
        return "BISECTED"
    return "SET_ASIDE"


def may_be_an_object(error: str) -> bool:
    """Whether an object could be to blame: not when the job could not be created, or the definition is at fault.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    return not error.startswith("SageMaker.") and error not in (
        "States.Permissions",
        "States.Runtime",
        "States.ParameterPathFailure",
        "States.QueryEvaluationError",
        "States.NoChoiceMatched",
        "States.IntrinsicFailure",
        "States.ResultPathMatchFailure",
    )
