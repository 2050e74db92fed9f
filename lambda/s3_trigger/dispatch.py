"""The dispatcher: it seals the inbox, fills and closes batches, starts executions, and reconciles stuck runs.

It is called once a minute, and whenever something may start; any number of times concurrently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from s3_trigger.batches import OPEN, Batches
from s3_trigger.outbox import publish_left_over
from s3_trigger.reconciler import Reconciler
from s3_trigger.runs import ACTIVE, KEPT_FOR_SECONDS, READY
from s3_trigger.runtime import Runtime, lambda_runtime
from s3_trigger.scans import ScanPlan
from s3_trigger.sealing import SEALED, Sealer
from s3_trigger.starter import RECONCILED_SECONDS, OutOfTimeError, Starter
from s3_trigger.summary import write_summary
from s3_trigger.units import UNIT, from_text

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_MARGIN_MILLISECONDS = 60_000
_DAY_MINUTES = 24 * 60
# A run that has ended may be repeated for 120 days, and its units may be some weeks older.
_UNITS_KEPT_SECONDS = 2 * KEPT_FOR_SECONDS


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """Start what can be started; every minute, also close batches, reconcile runs and advance scans.

    Args:
        event: from the rule of every minute ``{"minute": true, "rules": [...], "pattern": ..., "reconcile": ...,
            "undelivered": ...}``, with the names of the rules that send uploads, a text that another pattern of theirs
            replaces, the seconds between two reconciliations, 0 for none, and the URL of the queue of undelivered
            events; ``{"scan": {...}}`` with a request about a scan; ``{"measure": {...}}`` from the rule of a monitored
            pipeline.
        context: Lambda's context.

    Returns:
        The answer to a request about a scan, as `answer_request` documents it.

    Raises:
        RuntimeError: some steps failed; all others were done.
    """
    runtime = lambda_runtime()
    if "scan" in event:
        from s3_trigger.scan_requests import answer_request  # noqa: PLC0415 - only an operator needs it

        return answer_request(runtime, event["scan"])
    if "measure" in event:
        from s3_trigger.measurement import measure  # noqa: PLC0415 - only a monitored pipeline needs it

        measure(runtime, event["measure"])
        return None
    Dispatcher(runtime).dispatch(event, context)
    return None


class Dispatcher:
    """The dispatcher's work.

    Args:
        runtime: the function's runtime.
        reconciled_seconds: the age from which a started execution is asked for its end.
    """

    def __init__(self, runtime: Runtime, *, reconciled_seconds: float = RECONCILED_SECONDS) -> None:
        self._runtime = runtime
        self._config = runtime.config
        self._runs = runtime.runs
        self._reconciled_seconds = reconciled_seconds
        self._failed = 0

    def dispatch(self, event: dict[str, Any], context: LambdaContext) -> None:
        """Process one invocation, as `handler` documents."""

        def has_time() -> bool:
            return context.get_remaining_time_in_millis() > _MARGIN_MILLISECONDS

        self._failed = 0
        self._starter = Starter(self._runtime, has_time, reconciled_seconds=self._reconciled_seconds)
        reconciler = Reconciler(self._runtime, self._starter, self._attempt)
        batches = Batches(self._runtime)
        try:
            self._attempt("seal the inbox", lambda: self._seal(batches, has_time))
            if event.get("minute"):
                self._attempt("distribute units", batches.distribute_left_over)
                self._attempt("close batches", batches.close_due)
                self._attempt("publish failures", lambda: publish_left_over(self._runtime))
                self._attempt("reconcile runs", lambda: reconciler.reconcile(has_time))
                if self._runtime.seconds() // 60 % _DAY_MINUTES == 0:
                    self._attempt("delete old units", lambda: delete_old_units(self._runtime))
            self._attempt("claim slots", lambda: self._start_ready(has_time))
            if event.get("minute"):
                plan = ScanPlan.from_event(event)
                self._attempt("scan the bucket", lambda: self._scan(batches, has_time, plan))
                if undelivered_queue := event.get("undelivered"):
                    self._attempt("write the summary", lambda: self._summarize(undelivered_queue))
        finally:
            self._runtime.flush_metrics()
        if self._failed:
            raise RuntimeError(
                f"all steps must succeed, got errors in {self._failed}; the log names them, and the next minute tries "
                "them again"
            )

    def _seal(self, batches: Batches, has_time: Callable[[], bool]) -> None:
        if not self._runtime.upgrade.go_on():
            return
        sealer = Sealer(self._runtime)
        while has_time() and (units := sealer.seal()) is not None:
            for unit in units:
                batches.distribute(unit, cursor=0)

    def _scan(self, batches: Batches, has_time: Callable[[], bool], plan: ScanPlan) -> None:
        def between(units: list[str]) -> None:
            for unit in units:
                batches.distribute(unit, cursor=0)
            self._seal(batches, has_time)
            self._start_ready(has_time)

        self._runtime.scanner.scan(plan, has_time, between)

    def _summarize(self, undelivered_queue: str) -> None:
        write_summary(self._runtime, undelivered_queue=undelivered_queue, failed_steps=self._failed)

    def _start_ready(self, has_time: Callable[[], bool]) -> None:
        if not has_time():
            return
        for run in self._runs.claim():
            self._attempt(f"start the run {run.name}", lambda run=run: self._starter.start(run))  # type: ignore[misc]
            if not has_time():
                return  # the invocation of the next minute goes on

    def _attempt(self, name: str, step: Callable[[], object]) -> None:
        """Try a step; the others go on when it fails."""
        try:
            step()
        except OutOfTimeError:
            self._runtime.logger.info("the next invocation goes on", extra={"step": name})
        except Exception:
            self._runtime.logger.exception("a step failed", extra={"step": name})
            self._failed += 1


def delete_old_units(runtime: Runtime) -> None:
    """Delete the units that are older than any replay request may be, and that nothing refers to."""
    oldest = runtime.milliseconds() - _UNITS_KEPT_SECONDS * 1000
    used: set[str] | None = None
    for item in runtime.table.query(UNIT, between=("0", f"{oldest:013}")):
        if used is None:
            # In the order in which a reference moves on, so that none is missed.
            used = {one["sk"] for one in runtime.table.query(SEALED)}
            for partition in (OPEN, READY, ACTIVE):
                for one in runtime.table.query(partition):
                    used |= {unit for unit, _, _ in from_text(one.get("members", "[]"))}
        if item["sk"] not in used:
            runtime.table.apply(runtime.table.delete(UNIT, item["sk"]))
