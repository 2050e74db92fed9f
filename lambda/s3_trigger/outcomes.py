"""The ends of executions. One transaction decides on the consequences of an end, and only then is it published.

Whoever reads an end first decides; for everybody else the run has ended already.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from s3_trigger.dynamodb import NEW, Change
from s3_trigger.executions import describe
from s3_trigger.index_set import IndexSet
from s3_trigger.messages import ExecutionEnded, ReplayRequest, Upload
from s3_trigger.notifications import NextStep, publish_failure
from s3_trigger.outbox import Notice, publish
from s3_trigger.runs import BATCH, EACH, ENDED, FAILURES, HALVED, KEPT_FOR_SECONDS, NOTICES_MAX, SET_ASIDE, Run
from s3_trigger.runtime import SUCCEEDED_OBJECTS
from s3_trigger.units import Members, split

if TYPE_CHECKING:
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
# A transaction has at most 4 MB, and a cause 32,768 characters, each of up to 6 bytes in JSON:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html and
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html
_NOTICES_BYTES = 2_000_000
_RENEWED_AFTER_MILLISECONDS = 30 * 24 * 3600 * 1000


def handle_ends(runtime: Runtime, ends: Sequence[ExecutionEnded]) -> None:
    """Free the slots of executions that have ended, and decide on the consequences of failures.

    Args:
        runtime: the function's runtime.
        ends: the ends, each of which may have been handled before.
    """
    by_run: defaultdict[str, list[ExecutionEnded]] = defaultdict(list)
    for ended in ends:
        by_run[_run_of(ended)].append(ended)
    active = runtime.runs.active_ones(list(by_run))
    for name in _succeed_together(runtime, active, by_run):
        del by_run[name]
    for name, some in by_run.items():
        run = active.get(name)
        ends_max = 1 if run is not None and run.kind == BATCH else NOTICES_MAX
        for number, together in enumerate(_in_transactions(some, ends_max)):
            if number:
                run = runtime.runs.active_ones([name]).get(name)
            _handle_ends_of(runtime, name, run, together)


def _in_transactions(ends: Sequence[ExecutionEnded], most: int) -> Iterator[list[ExecutionEnded]]:
    """Yield ends in lists whose notices fit into a transaction of DynamoDB."""
    some: list[ExecutionEnded] = []
    total = 0
    for ended in ends:
        size = len(json.dumps([ended.error, ended.cause]))
        if some and (len(some) == most or total + size > _NOTICES_BYTES):
            yield some
            some, total = [], 0
        some.append(ended)
        total += size
    if some:
        yield some


def _handle_ends_of(runtime: Runtime, name: str, run: Run | None, ends: Sequence[ExecutionEnded]) -> None:
    """Handle ends of executions of one run."""
    while run is not None and not _handle(runtime, run, ends):
        run = runtime.runs.active_ones([name]).get(name)  # another function has changed it
    if run is None:
        for ended in ends:
            _handle_other(runtime, name, ended)


def _succeed_together(
    runtime: Runtime, active: dict[str, Run], by_run: Mapping[str, Sequence[ExecutionEnded]]
) -> set[str]:
    """Record ends without consequences, of several runs in one transaction; return the names of these runs.

    A failure has consequences, and so has the end of an execution that has ended before.
    """
    steps: list[tuple[Run, Run]] = []
    for name, ends in by_run.items():
        run = active.get(name)
        if run is None or any(ended.status in FAILURES for ended in ends):
            continue
        if run.kind == BATCH:
            steps.append((run, replace(run, status=ends[0].status)))
        elif len(known := _open_indexes(runtime, run, ends)) == len(ends):
            steps.append((run, _without(run, IndexSet.of(known))))
    advanced = runtime.runs.advance_together(steps)
    for run, to in steps:
        if run.name in advanced:
            runtime.count(SUCCEEDED_OBJECTS, run.objects if run.kind == BATCH else run.weight - to.weight)
    return advanced


def replay(runtime: Runtime, request: ReplayRequest) -> Run | None:
    """Start a run again that failed or was set aside, once however often it is requested.

    Returns:
        The run that will start; None when the run is waiting or running, has succeeded or was repeated.

    Raises:
        BadMessageError: there is no such run.
    """
    run = runtime.runs.ended(request.run)
    if run is None:
        if runtime.runs.is_known(request.run):
            return None
        run = runtime.runs.ended(request.run)  # it may have ended since it was read
    if run is None:
        return runtime.upgrade.replay(request)
    if run.status not in (*FAILURES, SET_ASIDE):
        return None
    if run.input and _runs_or_succeeded(runtime, run.state_machine, run.name):
        return None
    return runtime.runs.replay(run, _renewed(runtime, run))


def may_repeat(runtime: Runtime, upload: Upload) -> bool:
    """Check whether an upload may be repeated: not while its execution runs, or when it succeeded after a redrive."""
    return not _runs_or_succeeded(runtime, runtime.config.state_machine_arn, upload.replay)


def may_be_an_object(error: str) -> bool:
    """Check whether an object may have caused an error: not when the job could not be created, for example.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    return not error.startswith("SageMaker.") and error not in _NO_OBJECT_TO_BLAME


def _run_of(ended: ExecutionEnded) -> str:
    run = ended.fields.get("run")
    return run if isinstance(run, str) else ended.name


def _handle(runtime: Runtime, run: Run, ends: Sequence[ExecutionEnded]) -> bool:
    """Handle ends of executions of an active run; return False when another function has changed the run."""
    if run.kind == BATCH:
        return _handle_batch(runtime, run, ends[0])
    known = _open_indexes(runtime, run, ends)
    if not known:
        for ended in ends:
            _handle_again(runtime, run, ended)
        return True
    names = {ended.name for ended in known.values()}
    others = [ended for ended in ends if ended.name not in names]
    to = _without(run, IndexSet.of(known))
    changes = [
        Notice(
            run=run,
            members=run.member(index),
            next_step="NOTHING" if ended.status == "ABORTED" else "SET_ASIDE",
            ended=ended,
            name=ended.name,
        ).to_change(runtime)
        for index, ended in known.items()
        if ended.status in FAILURES
    ]
    failed = sum(ended.status in FAILURES and ended.status != "ABORTED" for ended in known.values())
    if runtime.runs.advance(run, to, *changes, failed=failed) is None:
        return False
    runtime.count(SUCCEEDED_OBJECTS, sum(ended.status not in FAILURES for ended in known.values()))
    publish(runtime, changes)
    for ended in others:
        _handle_again(runtime, to, ended)
    return True


def _open_indexes(runtime: Runtime, run: Run, ends: Sequence[ExecutionEnded]) -> dict[int, ExecutionEnded]:
    """Return the indexes of the members whose executions have ended, of those that were not known to have."""
    indexes = {upload.name: index for index, upload in enumerate(runtime.units.uploads(run.members))}
    waiting = set(run.pending) | set(run.outstanding)
    return {indexes[ended.name]: ended for ended in ends if indexes.get(ended.name) in waiting}


def _without(run: Run, over: IndexSet) -> Run:
    """Return a run without members whose executions have ended."""
    to = replace(run, pending=run.pending.without(over), outstanding=run.outstanding.without(over))
    return to if to.weight else replace(to, status=ENDED)


def _handle_batch(runtime: Runtime, run: Run, ended: ExecutionEnded) -> bool:
    runs = runtime.runs
    if ended.status not in FAILURES:
        if runs.advance(run, replace(run, status=ended.status)) is None:
            return False
        runtime.count(SUCCEEDED_OBJECTS, run.objects)
        return True
    next_step = _next_step(runtime, run, ended)
    members = _renewed(runtime, run)
    notice = Notice(run=run, members=members, next_step=next_step, ended=ended).to_change(runtime)
    status, changes = ended.status, [notice]
    if next_step == "BISECTED":
        status = HALVED
        halves = split(members, (run.objects + 1) // 2)
        changes += [runs.spend_replays(run, len(halves)), *(runs.create(run.again(half)) for half in halves)]
    failed = run.objects if next_step == "SET_ASIDE" else 0
    if runs.advance(run, replace(run, status=status, members=members), *changes, failed=failed) is None:
        return False
    if next_step == "BISECTED":
        runtime.logger.info("bisected", extra={"run": run.name, "objects": run.objects})
    publish(runtime, changes)
    return True


def _next_step(runtime: Runtime, run: Run, ended: ExecutionEnded) -> NextStep:
    if ended.status == "ABORTED":  # somebody stopped it on purpose
        return "NOTHING"
    if run.objects > 1 and may_be_an_object(ended.error) and runtime.runs.may_replay(run, 2):
        return "BISECTED"
    return "SET_ASIDE"


def _handle_other(runtime: Runtime, name: str, ended: ExecutionEnded) -> None:
    """Handle the end of an execution whose run is not active."""
    run = runtime.runs.ended(name)
    if run is not None:
        _handle_again(runtime, run, ended)
    elif ended.status in FAILURES and _is_own(runtime, ended):
        # An execution of an earlier version, of a run whose record has expired, or that somebody else started.
        publish_failure(runtime, ended, ended.objects, len(ended.objects), "NOTHING")


def _handle_again(runtime: Runtime, run: Run, ended: ExecutionEnded) -> None:
    """Handle the end of an execution that has ended before: a report of the same end, or one after a redrive."""
    if not ended.redrives:
        return
    marker = runtime.table.put(
        f"end#{ended.name}", str(ended.redrives), {"expires": runtime.seconds() + KEPT_FOR_SECONDS}, NEW
    )
    changes: list[Change] = [marker]
    if run.kind == EACH:
        indexes = {upload.name: index for index, upload in enumerate(runtime.units.uploads(run.members))}
        if ended.name not in indexes:
            return
        members: Members = run.member(indexes[ended.name])
    else:
        members = run.members
        if run.status in FAILURES and ended.status not in FAILURES:
            changes.append(runtime.runs.put_ended_again(run, ended.status))
    if ended.status in FAILURES:
        # A dead letter was sent when it failed first; one that was sent back meanwhile has repeated it.
        is_dead = ended.status != "ABORTED" and (run.kind == EACH or run.status in FAILURES)
        notice = Notice(
            run=run,
            members=members,
            next_step="SET_ASIDE" if is_dead else "NOTHING",
            ended=ended,
            name=ended.name,
        )
        changes.append(notice.to_change(runtime))
    if runtime.table.transact(changes) is None:
        publish(runtime, changes)


def _is_own(runtime: Runtime, ended: ExecutionEnded) -> bool:
    """Check whether this trigger publishes a failure, of several that may start the same state machine."""
    trigger = ended.fields.get("trigger")
    if trigger is not None:
        return bool(trigger == runtime.config.trigger)
    return runtime.config.reports_other_executions


def _runs_or_succeeded(runtime: Runtime, state_machine: str, name: str) -> bool:
    execution = describe(runtime, state_machine, name)
    return execution is not None and execution.status not in FAILURES


def _renewed(runtime: Runtime, run: Run) -> Members:
    """Return members that will exist for as long as a replay may be requested: old units are deleted one day."""
    oldest = min(int(unit.partition("#")[0]) for unit, _, _ in run.members)
    if runtime.milliseconds() - oldest < _RENEWED_AFTER_MILLISECONDS:
        return run.members
    uploads: Iterable[Upload] = runtime.units.uploads(run.members)
    return runtime.units.store(run.bucket, ((run.group, upload) for upload in uploads))
