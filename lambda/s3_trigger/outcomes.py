"""The consequences of an execution's end: its slot is freed, and a failed run is bisected or becomes a dead letter."""

from __future__ import annotations

from s3_trigger.dead_letters import first_objects, send_run
from s3_trigger.ledger import FAILURES, HALVED, SET_ASIDE, Slot
from s3_trigger.messages import ExecutionEnded
from s3_trigger.notifications import NextStep, publish_failure
from s3_trigger.runtime import Runtime

# Errors of the definition or of its role, for which no object is to blame:
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_NO_OBJECT_TO_BLAME = frozenset(
    {
        "States.Permissions",
        "States.Runtime",
        "States.ParameterPathFailure",
        "States.QueryEvaluationError",
        "States.NoChoiceMatched",
        "States.IntrinsicFailure",
        "States.ResultPathMatchFailure",
    }
)


def handle_execution_end(runtime: Runtime, slot: Slot, ended: ExecutionEnded) -> None:
    """Free the slot of a run whose execution has ended, once, whichever function notices first.

    A failure is published before the slot is freed: a function that is killed in between publishes it twice rather than
    never.
    """
    ledger = runtime.ledger
    if ended.status not in FAILURES:
        ledger.release(slot, ended.status)
        return
    left = slot.run.indexes.without(slot.missing)
    run = slot.run.again(left)
    next_step = _next_step(runtime, slot, ended, len(left))
    reason = publish_failure(runtime, ended, first_objects(ledger, run), len(left), next_step)
    if next_step == "BISECTED":
        if ledger.release_bisected(slot, HALVED, runtime.config.max_replays):
            runtime.logger.info("bisected", extra={"run": slot.run.name, "objects": len(left)})
            runtime.count("BatchesHalved")
    elif next_step == "SET_ASIDE":
        dead = slot.run.again(left, status=SET_ASIDE)
        send_run(runtime, dead, reason)
        runtime.count("ObjectsSetAside", len(left))
        ledger.release(slot, ended.status, dead)
    else:
        ledger.release(slot, ended.status)


def _next_step(runtime: Runtime, slot: Slot, ended: ExecutionEnded, objects: int) -> NextStep:
    if ended.status == "ABORTED":  # somebody stopped it on purpose
        return "NOTHING"
    limit = runtime.config.max_replays
    if objects > 1 and may_be_an_object(ended.error) and runtime.ledger.replays(slot.run.batch) + 2 <= limit:
        return "BISECTED"
    return "SET_ASIDE"


def may_be_an_object(error: str) -> bool:
    """Check whether an object may have caused an error: not when the job could not be created, for example.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    return not error.startswith("SageMaker.") and error not in _NO_OBJECT_TO_BLAME
