"""The dispatcher: it seals the inbox, fills and closes batches, starts executions, and reconciles stuck runs.

It is called once a minute, and whenever something may start; any number of times concurrently.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from s3_trigger.batches import OPEN, Batches
from s3_trigger.executions import describe, running_names
from s3_trigger.index_set import IndexSet
from s3_trigger.messages import ExecutionEnded
from s3_trigger.outbox import publish_left_over
from s3_trigger.outcomes import handle_ends
from s3_trigger.runs import ACTIVE, BATCH, KEPT_FOR_SECONDS, READY, Run
from s3_trigger.runtime import Runtime, lambda_runtime
from s3_trigger.sealing import SEALED, Sealer
from s3_trigger.starter import ATTEMPTS_MAX, RECONCILED_SECONDS, OutOfTimeError, Starter
from s3_trigger.units import UNIT, from_text

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_MARGIN_MILLISECONDS = 60_000
_DAY_MINUTES = 24 * 60
_RUNNING = ("RUNNING", "PENDING_REDRIVE")


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Start what can be started; every minute, also close batches and reconcile runs.

    Args:
        event: ``{"minute": true}`` from the rule of every minute.
        context: Lambda's context.

    Raises:
        RuntimeError: some steps failed; all others were done.
    """
    Dispatcher(lambda_runtime()).dispatch(event, context)


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
        self._runtime.count("Dispatches")
        self._starter = Starter(self._runtime, has_time, reconciled_seconds=self._reconciled_seconds)
        batches = Batches(self._runtime)
        try:
            self._attempt("seal the inbox", lambda: self._seal(batches, has_time))
            if event.get("minute"):
                self._attempt("distribute units", batches.distribute_left_over)
                self._attempt("close batches", batches.close_due)
                self._attempt("publish failures", lambda: publish_left_over(self._runtime))
                self._attempt("reconcile runs", lambda: self._reconcile(has_time))
                if self._runtime.seconds() // 60 % _DAY_MINUTES == 0:
                    self._attempt("delete old units", self._delete_old_units)
            self._attempt("claim slots", lambda: self._start_ready(has_time))
        finally:
            self._runtime.metrics.flush_metrics()
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
                batches.distribute(unit)

    def _start_ready(self, has_time: Callable[[], bool]) -> None:
        if not has_time():
            return
        for run in self._runs.claim():
            self._start(run)
            if not has_time():
                return  # the invocation of the next minute goes on

    def _start(self, run: Run) -> None:
        try:
            self._attempt(f"start the run {run.name}", lambda: self._starter.start(run))
        except OutOfTimeError:
            self._runtime.logger.info("the next invocation goes on", extra={"run": run.name})

    def _reconcile(self, has_time: Callable[[], bool]) -> None:
        """Continue runs whose dispatcher was killed or has failed, and handle ends whose events did not arrive."""
        now = self._runtime.seconds()
        due = [run for run in self._runs.active() if run.lease <= now]
        for run in due:
            if not has_time():
                return
            if (not run.input) if run.kind == BATCH else run.pending:
                self._attempt(f"continue the run {run.name}", lambda run=run: self._continue(run))  # type: ignore[misc]
        started = [run for run in due if run.input or run.outstanding]
        for state_machine in sorted({run.state_machine for run in started}):
            some = [run for run in started if run.state_machine == state_machine]
            self._attempt("find ends", lambda some=some, arn=state_machine: self._find_ends(arn, some))  # type: ignore[misc]

    def _continue(self, run: Run) -> None:
        """Make another attempt on a run that has not started."""
        if run.attempts >= ATTEMPTS_MAX:
            reason = run.reason or f"the function was stopped {run.attempts} times while it started the run"
            self._starter.give_up(run, reason)
        elif (claimed := self._runs.extend_lease(run)) is not None:
            self._start(claimed)

    def _find_ends(self, state_machine: str, runs: list[Run]) -> None:
        """Handle the ends of executions that do not run any more."""
        # The functions may have lost their permissions for a state machine that was replaced.
        lost = () if state_machine == self._config.state_machine_arn else (ClientError,)
        running: set[str] = set()
        with contextlib.suppress(*lost):
            running = running_names(self._runtime, state_machine)
        ends: list[ExecutionEnded] = []
        for run in runs:
            uploads = list(self._runtime.units.uploads(run.members)) if run.kind != BATCH else []
            names = [uploads[index].name for index in run.outstanding] if uploads else [run.name]
            unknown = []
            for name in names:
                if name in running:
                    continue
                execution = None
                with contextlib.suppress(*lost):
                    execution = describe(self._runtime, state_machine, name)
                if execution is None:
                    unknown.append(name)
                elif execution.status not in _RUNNING:
                    ends.append(replace(execution, input=_input_naming(run)))
            if unknown:
                self._start_again(run, IndexSet.of(i for i in run.outstanding if uploads[i].name in unknown))
        handle_ends(self._runtime, ends)

    def _start_again(self, run: Run, indexes: IndexSet) -> None:
        """Start executions that do not exist, unless their state machine was replaced and they may have run."""
        if run.state_machine != self._config.state_machine_arn:
            reason = f"the state machine {run.state_machine} was replaced; whether the execution succeeded is not known"
            pending = run.pending.union(indexes)
            outstanding = run.outstanding.without(indexes)
            self._starter.give_up(replace(run, pending=pending, outstanding=outstanding), reason, may_exist=False)
        elif run.kind == BATCH:
            self._continue(run)
        else:
            to = replace(
                run,
                pending=run.pending.union(indexes),
                outstanding=run.outstanding.without(indexes),
                lease=self._runtime.seconds(),
            )
            if (run := self._runs.advance(run, to)) is not None:  # type: ignore[assignment]
                self._continue(run)

    def _delete_old_units(self) -> None:
        """Delete the units that are older than any replay request may be, and that nothing refers to."""
        oldest = self._runtime.milliseconds() - KEPT_FOR_SECONDS * 1000
        table = self._runtime.table
        used: set[str] | None = None
        for item in table.query(UNIT, between=("0", f"{oldest:013}")):
            if used is None:
                waiting = [one for partition in (OPEN, READY, ACTIVE) for one in table.query(partition)]
                used = {unit for one in waiting for unit, _, _ in from_text(one.get("members", "[]"))}
                used |= {one["sk"] for one in table.query(SEALED)}
            if item["sk"] not in used:
                table.apply(table.delete(UNIT, item["sk"]))

    def _attempt(self, name: str, step: Callable[[], object]) -> None:
        """Try a step; the others go on when it fails."""
        try:
            step()
        except OutOfTimeError:
            raise
        except Exception:
            self._runtime.logger.exception("a step failed", extra={"step": name})
            self._failed += 1


def _input_naming(run: Run) -> str:
    """Return an input by which an execution is known to belong to a run."""
    return "" if run.kind == BATCH else f'{{"run": "{run.name}"}}'
