"""The reconciliation of active runs: it continues what a dispatcher has left, and finds ends that no event reported."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from s3_trigger.executions import describe, running_names
from s3_trigger.index_set import IndexSet
from s3_trigger.messages import ExecutionEnded
from s3_trigger.outcomes import handle_ends
from s3_trigger.runs import BATCH, LEASE_SECONDS, Run
from s3_trigger.starter import ATTEMPTS_MAX, Starter

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

_RUNNING = ("RUNNING", "PENDING_REDRIVE")
Attempt = Callable[[str, Callable[[], object]], None]


class Reconciler:
    """The work of reconciliation.

    Args:
        runtime: the function's runtime.
        starter: the starter of runs.
        attempt: a function that tries a named step, so that a failure does not keep the others from being tried.
    """

    def __init__(self, runtime: Runtime, starter: Starter, attempt: Attempt) -> None:
        self._runtime = runtime
        self._config = runtime.config
        self._runs = runtime.runs
        self._starter = starter
        self._attempt = attempt

    def reconcile(self, has_time: Callable[[], bool]) -> None:
        """Continue runs whose dispatcher was killed or has failed, and handle ends whose events did not arrive."""
        now = self._runtime.seconds()
        due = [run for run in self._runs.active() if run.lease <= now]
        for run in due:
            if not has_time():
                return
            if (not run.input) if run.kind == BATCH else run.pending and not self._is_replaced(run):
                self._attempt(f"continue the run {run.name}", lambda run=run: self._continue(run))  # type: ignore[misc]
        started = [run for run in due if run.input or run.outstanding or (run.pending and self._is_replaced(run))]
        for state_machine in sorted({run.state_machine for run in started}):
            some = [run for run in started if run.state_machine == state_machine]
            self._attempt("find ends", lambda some=some, arn=state_machine: self._find_ends(arn, some))  # type: ignore[misc]

    def _is_replaced(self, run: Run) -> bool:
        """Check whether the executions of a run are those of a state machine that was replaced."""
        return run.state_machine not in ("", self._config.state_machine_arn)

    def _continue(self, run: Run) -> None:
        """Make another attempt on a run that has not started."""
        if run.attempts >= ATTEMPTS_MAX:
            reason = run.reason or f"the function was stopped {run.attempts} times while it started the run"
            self._starter.give_up(run, reason)
        elif (claimed := self._runs.extend_lease(run)) is not None:
            self._starter.start(claimed)

    def _find_ends(self, state_machine: str, runs: list[Run]) -> None:
        """Handle the ends of executions that do not run any more."""
        running: set[str] = set()
        with contextlib.suppress(*self._lost_access(state_machine)):
            running = running_names(self._runtime, state_machine)
        for run in runs:
            self._attempt(
                f"find the ends of the run {run.name}",
                lambda run=run: handle_ends(self._runtime, self._ends_of(run, running)),  # type: ignore[misc]
            )

    def _ends_of(self, run: Run, running: Collection[str]) -> list[ExecutionEnded]:
        """Return the ends of the executions of a run; start again those that do not exist.

        Args:
            run: the run.
            running: the names of the executions of its state machine that run.
        """
        try:
            uploads = list(self._runtime.units.uploads(run.members)) if run.kind != BATCH else []
        except LookupError as error:
            self._starter.give_up(run, f"the ledger must have all uploads of a run: {error}", may_exist=False)
            return []
        # A dispatcher of an earlier deployment may have been stopped before it recorded what it has started.
        started = run.outstanding.union(run.pending) if self._is_replaced(run) else run.outstanding
        ends, unknown = [], set()
        for name in [uploads[index].name for index in started] if uploads else [run.name]:
            if name in running:
                continue
            execution = None
            with contextlib.suppress(*self._lost_access(run.state_machine)):
                execution = describe(self._runtime, run.state_machine, name)
            if execution is None:
                unknown.add(name)
            elif execution.status not in _RUNNING:
                ends.append(replace(execution, input=_input_naming(run)))
        if unknown:
            self._start_again(run, IndexSet.of(i for i in started if uploads[i].name in unknown))
        return ends

    def _lost_access(self, state_machine: str) -> tuple[type[ClientError], ...]:
        """Return the errors that mean nothing: the functions may have lost access to a replaced state machine."""
        return () if state_machine == self._config.state_machine_arn else (ClientError,)

    def _start_again(self, run: Run, indexes: IndexSet) -> None:
        """Start executions that do not exist, unless their state machine was replaced and they may have run."""
        if self._is_replaced(run):
            if self._runtime.seconds() < run.lease + LEASE_SECONDS:
                return  # a function of the earlier deployment may still be starting them
            reason = (
                f"the state machine {run.state_machine} was replaced, and has no such execution any more: it may have "
                "succeeded, or never have started; look for its outputs before you send the dead letter back"
            )
            if run.reason:
                reason += f". The last attempt to start it failed: {run.reason}"
            others = run.outstanding.union(run.pending).without(indexes)
            self._starter.give_up(replace(run, pending=indexes, outstanding=others), reason, may_exist=False)
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


def _input_naming(run: Run) -> str:
    """Return an input by which an execution is known to belong to a run."""
    return "" if run.kind == BATCH else f'{{"run": "{run.name}"}}'
