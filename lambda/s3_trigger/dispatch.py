"""The dispatcher: it closes batches, claims slots, writes manifests, starts executions, and reconciles stuck runs.

It is called once a minute, and whenever a run became ready or a slot became free; any number of times concurrently.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from s3_trigger import manifest
from s3_trigger.dead_letters import send_run
from s3_trigger.executions import single_input, start_once
from s3_trigger.index_set import IndexSet
from s3_trigger.ledger import EMPTY, Slot
from s3_trigger.messages import ExecutionEnded, Upload
from s3_trigger.outcomes import handle_execution_end
from s3_trigger.runtime import Runtime, lambda_runtime
from s3_trigger.single_object import MISSING_REASON, NO_MANIFEST, decide_source, manifest_source

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Longer than the function may run: no dispatcher is still working on a slot that has had no manifest for that long.
ABANDONED_SECONDS = 11 * 60
# An event reports the end of an execution; only executions that have run for a while are asked for theirs.
RECONCILED_SECONDS = 60
_MARGIN_MILLISECONDS = 60_000


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Start the runs that can be started; every minute, also close batches and reconcile slots.

    Args:
        event: ``{"minute": true}`` from the rule of every minute.
        context: Lambda's context.

    Raises:
        RuntimeError: some runs could not be started or reconciled; all others were.
    """
    Dispatcher(lambda_runtime()).dispatch(event, context)


class Dispatcher:
    """The dispatcher's work.

    Args:
        runtime: the function's runtime.
        abandoned_seconds: the age from which a slot without a manifest is taken over.
        reconciled_seconds: the age from which a slot's execution is asked for its end.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        abandoned_seconds: float = ABANDONED_SECONDS,
        reconciled_seconds: float = RECONCILED_SECONDS,
    ) -> None:
        self._runtime = runtime
        self._config = runtime.config
        self._ledger = runtime.ledger
        self._abandoned_seconds = abandoned_seconds
        self._reconciled_seconds = reconciled_seconds

    def dispatch(self, event: dict[str, Any], context: LambdaContext) -> None:
        """Process one invocation, as `handler` documents."""
        failed = 0
        self._runtime.count("Dispatches")
        try:
            if event.get("minute"):
                self._ledger.seal_older_than(self._config.batch_window)
                for slot in self._ledger.slots():
                    failed += not self._attempt(self.reconcile, slot)
            for slot in self._ledger.claim():
                failed += not self._attempt(self.start, slot)
                if context.get_remaining_time_in_millis() < _MARGIN_MILLISECONDS:
                    break  # the invocation of the next minute goes on
        finally:
            self._runtime.metrics.flush_metrics()
        if failed:
            raise RuntimeError(
                f"all runs must be started or reconciled, got errors for {failed}; the log names them, and the next "
                "minute tries them again"
            )

    def start(self, slot: Slot) -> None:
        """Start the execution of a run that has a slot. Every step may be repeated."""
        run = slot.run
        if slot.manifest is None:
            # A name for this attempt alone: two dispatchers may find different objects missing, and one decides.
            key = f"{self._config.manifest_prefix}/{run.name}/{time.time_ns()}.json"
            key, objects, missing = self._decide_source(slot, key)
            decided = self._ledger.decide(slot, key, objects, missing)
            if decided is None:
                return
            slot = decided
        if slot.missing:
            send_run(self._runtime, run.again(slot.missing), MISSING_REASON)
            self._runtime.count("ObjectsSetAside", len(slot.missing))
        if not slot.objects:
            self._ledger.release(slot, EMPTY)
            return
        if start_once(self._runtime, run.name, self._execution_input(slot)):
            self._runtime.count("ExecutionsStarted")
            self._runtime.logger.info("started", extra={"run": run.name, "objects": slot.objects})

    def reconcile(self, slot: Slot) -> None:
        """Continue a run whose dispatcher was killed, or handle the end of one whose event did not arrive."""
        age = self._runtime.clock() - slot.claimed
        if slot.manifest is None:
            if age > self._abandoned_seconds and (claimed := self._ledger.take_over(slot)) is not None:
                self.start(claimed)
            return
        if age < self._reconciled_seconds:
            return
        arn = self._config.execution_arn(slot.run.name)
        try:
            execution = self._runtime.step_functions.describe_execution(executionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
            self.start(slot)
            return
        if execution["status"] not in ("RUNNING", "PENDING_REDRIVE"):
            ended = ExecutionEnded(
                name=slot.run.name,
                arn=arn,
                status=execution["status"],
                error=execution.get("error") or "",
                cause=execution.get("cause") or "",
            )
            handle_execution_end(self._runtime, slot, ended)

    def _decide_source(self, slot: Slot, key: str) -> tuple[str, int, IndexSet]:
        """Write the manifest of a run where it needs one.

        Returns:
            Its key, or `NO_MANIFEST`; the number of objects; the indexes of the members whose objects are missing.
        """
        if self._is_single(slot):
            manifest_key = decide_source(self._runtime, self._only_member(slot), key)
            if manifest_key is None:
                return key, 0, slot.run.indexes
            return manifest_key, 1, IndexSet(())
        members = self._ledger.members(slot.run.batch, slot.run.indexes)
        target = self._config.manifest_bucket, key
        return key, *manifest.write(self._runtime.s3, target, self._runtime.grouping.root, members)

    def _execution_input(self, slot: Slot) -> dict[str, Any]:
        """Return the same input for every attempt: from the ledger alone."""
        batch, manifest_key = {"batch": slot.run.batch}, str(slot.manifest)
        if self._is_single(slot):
            return batch | single_input(self._config, self._only_member(slot), manifest_key)
        return {
            **batch,
            "bucket": self._config.bucket,
            "group": slot.run.group,
            "objects": slot.objects,
            **manifest_source(self._config, manifest_key),
        }

    def _is_single(self, slot: Slot) -> bool:
        """Check whether a run is a single upload: also one of the time before or after a change of the batch size."""
        return slot.manifest == NO_MANIFEST or (self._config.batch_size == 1 and len(slot.run.indexes) == 1)

    def _only_member(self, slot: Slot) -> Upload:
        (((_, upload),),) = self._ledger.members(slot.run.batch, slot.run.indexes)
        return upload

    def _attempt(self, step: Callable[[Slot], None], slot: Slot) -> bool:
        """Try a step for one run; return False when it fails, for the other runs go on."""
        try:
            step(slot)
        except Exception:
            self._runtime.logger.exception("the run could not be started or reconciled", extra={"run": slot.run.name})
            return False
        return True
