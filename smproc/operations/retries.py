"""Retries: run again what failed, each upload and each batch once, however often it is requested."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cdk_sagemaker_processing.model import names
from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.errors import NothingToRetryError, OperationError
from smproc.operations.execution_lists import Execution, failed_executions, pages_of_executions
from smproc.operations.executions import FAILED_STATUSES, describe_execution, parse_object
from smproc.operations.ledger import Ledger, LedgerRun, Row
from smproc.terminal_text import counted

if TYPE_CHECKING:
    from smproc.operations.pipeline import Pipeline

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_BATCH_MAX = 10
# Clocks of services may differ, and an end is in the ledger some seconds after it.
_CLOCKS = timedelta(seconds=60)
_POLL_SECONDS = 2.0

STOPPED: Final = "somebody stopped it on purpose; retry it by itself"
BISECTED: Final = "its batch was bisected, and both halves run by themselves"
RETRIED: Final = "it was retried already"
SUCCEEDED: Final = "it succeeded after a redrive"
PENDING: Final = "its end is not in the ledger yet; wait a minute"
OTHERS: Final = "no upload to this pipeline started it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A failed execution to run again.

    Attributes:
        name: the name of the failed execution.
        about: the object, or a description of the objects.
        objects: the number of objects.
        again: the name of the new execution; empty if it cannot be told.
        message: the message that requests it.
    """

    name: str
    about: str
    objects: int = 1
    again: str = ""
    message: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPlan:
    """The executions that failed, and what is to be done about each of them.

    Attributes:
        retries: those to run again.
        skipped: the numbers of the others, by the reasons.
    """

    retries: tuple[Retry, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryProgress:
    """The progress of new executions.

    Attributes:
        total: their number.
        waiting: the number of those that have not started.
        running: the number of those that run.
        failed: the names of those that failed.
    """

    total: int
    waiting: int
    running: int
    failed: tuple[str, ...] = ()

    @property
    def ended(self) -> int:
        """The number of those that have ended."""
        return self.total - self.waiting - self.running


def retry(pipeline: Pipeline, execution_arn: str) -> str:
    """Run the objects of a failed execution again, in a new execution; return a description of them.

    Two requests for one execution start one, because the new execution is named after the failed one.

    Args:
        pipeline: the pipeline.
        execution_arn: the failed execution.

    Raises:
        NothingToRetryError: the execution does not exist, has not failed, or was not started by a trigger.
    """
    execution = describe_execution(pipeline.session, execution_arn)
    name = execution["name"]
    if execution["status"] not in FAILED_STATUSES:
        raise NothingToRetryError(
            f"the execution {name} is {execution['status']}; only one that failed, timed out or was stopped can be "
            "retried (to run an object again, upload it again)"
        )
    message, about = _replay_of(name, parse_object(execution.get("input")))
    pipeline.session.client("sqs").send_message(QueueUrl=pipeline.queue_url, MessageBody=json.dumps(message))
    return about


def plan_retries(pipeline: Pipeline, since: datetime) -> RetryPlan:
    """Return the executions of uploads that failed, and that nothing has run again.

    Args:
        pipeline: the pipeline.
        since: executions that ended before are left out, and so are those that ran for more than a day.

    Raises:
        PipelineNotFoundError: an earlier version deployed the pipeline.
    """
    pipeline.needs_dispatcher()
    failed = list(failed_executions(pipeline.session, pipeline.state_machine_arn, since=since))
    if not failed:
        return RetryPlan()
    ledger = Ledger(pipeline.session, pipeline.table)
    runs = ledger.ended(one.name for one in failed)
    started = min(one.started for one in failed) - _CLOCKS
    rows = [row for some in ledger.units(started.timestamp()) for row in some] + list(ledger.inbox())
    planner = _Planner(
        pipeline=pipeline,
        runs=runs,
        active=frozenset(run.name for run in ledger.active()),
        rows={row.execution_name: row for row in rows},
        replayed=frozenset(row.replay for row in rows if row.replay),
    )
    retries: list[Retry] = []
    skipped: Counter[str] = Counter()
    for one in failed:
        found = planner.decide(one)
        if isinstance(found, Retry):
            retries.append(found)
        else:
            skipped[found] += 1
    return RetryPlan(retries=tuple(retries), skipped=dict(skipped))


def send_retries(pipeline: Pipeline, retries: Sequence[Retry]) -> None:
    """Request retries, ten in a request.

    Args:
        pipeline: the pipeline.
        retries: the retries.

    Raises:
        OperationError: the queue refused one; those before it were requested.
    """
    sqs = pipeline.session.client("sqs")
    for start in range(0, len(retries), _BATCH_MAX):
        answer = sqs.send_message_batch(
            QueueUrl=pipeline.queue_url,
            Entries=[
                {"Id": str(number), "MessageBody": json.dumps(one.message)}
                for number, one in enumerate(retries[start : start + _BATCH_MAX])
            ],
        )
        for refused in answer.get("Failed", ()):
            raise OperationError(
                f"the queue of {pipeline.name} refused a retry: {refused.get('Message') or refused['Code']}; run the "
                "command again, which skips what it has requested"
            )


def follow_retries(
    pipeline: Pipeline, retries: Sequence[Retry], *, poll_seconds: float = _POLL_SECONDS
) -> Iterator[RetryProgress]:
    """Yield the progress of the new executions until all of them have ended.

    Args:
        pipeline: the pipeline.
        retries: the retries that were requested.
        poll_seconds: the seconds between two requests.
    """
    wanted = {one.again for one in retries if one.again}
    known: dict[str, Execution] = {}
    since = time.time() - _CLOCKS.total_seconds()
    while True:
        for page in pages_of_executions(pipeline.session, pipeline.state_machine_arn):
            known |= {one.name: one for one in page if one.name in wanted}
            if not page or page[-1].started.timestamp() < since:
                break
        running = sum(one.ended is None for one in known.values())
        yield RetryProgress(
            total=len(wanted),
            waiting=len(wanted) - len(known),
            running=running,
            failed=tuple(sorted(name for name, one in known.items() if one.status in FAILED_STATUSES)),
        )
        if not running and len(known) == len(wanted):
            return
        time.sleep(poll_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planner:
    """The knowledge of the ledger about failed executions."""

    pipeline: Pipeline
    runs: Mapping[str, LedgerRun]
    active: frozenset[str]
    rows: Mapping[str, Row]
    replayed: frozenset[str]

    def decide(self, execution: Execution) -> Retry | str:
        """Return the retry of an execution, or why there is none."""
        name = execution.name
        if name in self.active:
            return PENDING
        if (run := self.runs.get(name)) is not None:
            return self._decide_batch(execution, run)
        if name in self.replayed:
            return RETRIED
        if execution.status == "ABORTED":
            return STOPPED
        if (row := self.rows.get(name)) is not None:
            return _of_row(name, row)
        return self._decide_unknown(execution)

    def _decide_batch(self, execution: Execution, run: LedgerRun) -> Retry | str:
        if run.status in _SKIPPED:
            return _SKIPPED[run.status]
        if execution.status == "ABORTED":
            return STOPPED
        about = f"a batch of {counted(run.objects, 'object')}"
        message, _ = _replay_of(run.name, {"batch": run.origin, "objects": run.objects})
        return Retry(name=run.name, about=about, objects=run.objects, again=run.again(), message=message)

    def _decide_unknown(self, execution: Execution) -> Retry | str:
        """Decide on an execution by its input: of an object that was uploaded long before it started, for example."""
        described = describe_execution(self.pipeline.session, execution.arn)
        found = parse_object(described.get("input"))
        if found.get("trigger") != self.pipeline.settings["trigger"]:
            return OTHERS  # of a schedule, of somebody, or of another trigger of the same state machine
        try:
            message, about = _replay_of(execution.name, found)
        except NothingToRetryError:
            return OTHERS
        if "key" not in found:
            return Retry(name=execution.name, about=about, objects=int(found.get("objects", 1)), message=message)
        row = Row(found["bucket"], found["key"], found["sequencer"], execution.name, 0)
        return Retry(name=execution.name, about=about, again=row.execution_name, message=message)


_SKIPPED: Final[Mapping[str, str]] = {"HALVED": BISECTED, "REPLAYED": RETRIED, "SUCCEEDED": SUCCEEDED}


def _of_row(name: str, row: Row) -> Retry:
    message, _ = _replay_of(name, {"bucket": row.bucket, "key": row.key, "sequencer": row.sequencer})
    again = Row(row.bucket, row.key, row.sequencer, name, 0)
    return Retry(name=name, about=str(S3Uri(row.bucket, row.key)), again=again.execution_name, message=message)


def _replay_of(name: str, execution_input: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the message that runs an execution's objects again, and a description of them.

    It is the message that the trigger itself sends to the dead-letter queue for a failure, so that `retry` and
    `redrive` of one failure start its objects once.
    """
    batch = execution_input.get("batch")
    # Executions that an earlier version started may have both a batch and a key.
    if isinstance(batch, str):
        about = execution_input.get("key") or f"{execution_input.get('objects')} objects of the batch {batch}"
        detail: dict[str, Any] = {"batch": batch, "run": name}
        return {"source": names.EVENT_SOURCE, "detail-type": names.REPLAY_DETAIL_TYPE, "detail": detail}, str(about)
    if not all(isinstance(execution_input.get(field), str) for field in ("bucket", "key", "sequencer")):
        raise NothingToRetryError(
            f"the execution {name} was not started by a trigger: its input names no uploaded object"
        )
    key = execution_input["key"]
    detail = {
        "bucket": {"name": execution_input["bucket"]},
        "object": {"key": key, "sequencer": execution_input["sequencer"]},
    }
    event = {"source": names.S3_EVENT_SOURCE, "detail-type": names.OBJECT_CREATED, "detail": detail}
    return {**event, "replay": name}, key
