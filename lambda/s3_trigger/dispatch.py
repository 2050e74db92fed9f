"""Start what is ready: close batches, give slots, write manifests, start executions, and look after what got stuck.

Called once a minute, and whenever something became ready or a slot became free; any number of times at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from s3_trigger import manifest
from s3_trigger.dead_letters import to_dead_letters
from s3_trigger.executions import single_input, start_once
from s3_trigger.index_set import IndexSet
from s3_trigger.ledger import Slot
from s3_trigger.messages import ExecutionEnded
from s3_trigger.outcomes import handle_execution_end
from s3_trigger.runtime import client, ledger, logger, metrics, settings

# Longer than the function may run: what has had no manifest for that long is nobody's work any more.
ABANDONED_SECONDS = 11 * 60
# The end of an execution is told by an event; only what has run for a while is asked for.
SETTLED_SECONDS = 60
_MARGIN_MILLISECONDS = 60_000


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ANN401 - Lambda's own object
    """Start what can be started; on the minute, look after what waits or got stuck.

    Args:
        event: ``{"minute": true}`` on the minute.
        context: Lambda's.

    Raises:
        RuntimeError: some runs could not be started, or their ends not be seen to; all others were.
    """
    failed = 0
    metrics.add_metric(name="Dispatches", unit="Count", value=1)
    try:
        if event.get("minute"):
            ledger().seal_older_than(settings.batch_window)
            for slot in ledger().slots():
                failed += not _tried(reconcile, slot)
        for slot in ledger().claim():
            failed += not _tried(start, slot)
            if context.get_remaining_time_in_millis() < _MARGIN_MILLISECONDS:
                break  # the next minute goes on
    finally:
        metrics.flush_metrics()
    if failed:
        raise RuntimeError(f"{failed} runs could not be seen to; the log says which, and they are tried again")


def start(slot: Slot) -> None:
    """Start the execution of a run that has a slot; every step may be repeated."""
    run = slot.run
    if slot.manifest is None:
        # A name of this try's own: two dispatchers may see different objects gone, and one of them decides.
        key = f"{settings.manifest_prefix}/{run.name}/{time.time_ns()}.json"
        objects, missing = _write(slot, key)
        decided = ledger().decide(slot, key, objects, missing)
        if decided is None:
            return
        slot = decided
    if slot.missing:
        to_dead_letters(ledger(), run.again(slot.missing), "the object was gone before the job started")
        metrics.add_metric(name="ObjectsSetAside", unit="Count", value=len(slot.missing))
    if not slot.objects:
        ledger().release(slot, "EMPTY")
        return
    if start_once(run.name, _input(slot)):
        metrics.add_metric(name="ExecutionsStarted", unit="Count", value=1)
        logger.info("started", extra={"run": run.name, "objects": slot.objects})


def reconcile(slot: Slot) -> None:
    """See to a run whose dispatcher was killed, or whose end nobody saw."""
    age = time.time() - slot.claimed
    if slot.manifest is None:
        if age > ABANDONED_SECONDS and (mine := ledger().take_over(slot)) is not None:
            start(mine)
        return
    if age < SETTLED_SECONDS:
        return
    arn = settings.execution_arn(slot.run.name)
    try:
        execution = client("stepfunctions").describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        start(slot)
        return
    if execution["status"] not in ("RUNNING", "PENDING_REDRIVE"):
        ended = ExecutionEnded(
            name=slot.run.name,
            arn=arn,
            status=execution["status"],
            error=execution.get("error") or "",
            cause=execution.get("cause") or "",
        )
        handle_execution_end(ledger(), slot, ended)


def _write(slot: Slot, key: str) -> tuple[int, IndexSet]:
    members = ledger().members(slot.run.batch, slot.run.positions)
    prefix = settings.root
    if settings.batch_size == 1:
        first = next(members)
        prefix, members = first[0][1].folder, iter([first])
    return manifest.write(client("s3"), (settings.manifest_bucket, key), prefix, members)


def _input(slot: Slot) -> dict[str, Any]:
    """The same for every try: from the ledger alone."""
    given: dict[str, Any] = {"batch": slot.run.batch}
    if settings.batch_size == 1:
        ((_, upload),) = next(ledger().members(slot.run.batch, slot.run.positions))
        return given | single_input(upload, str(slot.manifest))
    return given | {
        "bucket": settings.bucket,
        "group": slot.run.group,
        "manifest_uri": f"s3://{settings.manifest_bucket}/{slot.manifest}",
        "objects": slot.objects,
    }


def _tried(step: Callable[[Slot], None], slot: Slot) -> bool:
    """One run that cannot be started keeps no other from it."""
    try:
        step(slot)
    except Exception:  # noqa: BLE001 - whatever it is, the other runs go on
        logger.exception("could not be seen to", extra={"run": slot.run.name})
        return False
    return True
