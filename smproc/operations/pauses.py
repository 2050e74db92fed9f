"""Pauses: nothing starts while a pipeline is paused, and nothing is lost.

A pause is an attribute of the ledger's item that counts the slots. The dispatcher takes slots on the condition that the
item has no such attribute, so no execution starts after the pause, also where a dispatcher is running at that time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from smproc.operations.ledger import PAUSE, Ledger
from smproc.operations.schedules import schedules_of, switch_schedule

if TYPE_CHECKING:
    from smproc.operations.pipeline import Pipeline

_KEY = dict(zip(("pk", "sk"), ({"S": part} for part in PAUSE), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The answer to a request to pause or to resume a pipeline.

    Attributes:
        pipeline: the pipeline.
        since: the time at which it was paused; None if it is not paused.
        changed: whether the request has changed that.
        waiting: the number of uploads that wait for an execution.
        oldest: the time at which the oldest of them was received; None if none waits.
        schedules: the names of the schedules that the request has disabled, or enabled again.
        problem: why the schedules could not be changed; empty if they could.
    """

    pipeline: Pipeline
    since: datetime | None = None
    changed: bool = False
    waiting: int = 0
    oldest: datetime | None = None
    schedules: tuple[str, ...] = ()
    problem: str = ""


def pause(pipeline: Pipeline) -> Pause:
    """Keep a pipeline from starting executions, until somebody resumes it.

    Uploads are taken and batches are closed as before. The enabled schedules that start executions of the pipeline are
    disabled. A pipeline that is paused stays so, since the same time.

    Args:
        pipeline: the pipeline.

    Raises:
        PipelineNotFoundError: it was deployed by a version that cannot be paused.
    """
    pipeline.needs_dispatcher()
    client = pipeline.session.client("dynamodb")
    changed = put_pause(client, pipeline.table, int(time.time()))
    return _with_schedules(_answer(pipeline, changed=changed), _disable_schedules)


def resume(pipeline: Pipeline) -> Pause:
    """Resume a pipeline: what waits starts at once.

    The schedules that `pause` has disabled are enabled again.

    Args:
        pipeline: the pipeline.

    Raises:
        PipelineNotFoundError: it was deployed by a version that cannot be paused.
    """
    dispatcher = pipeline.needs_dispatcher()
    # Before the record of them is removed, so that nothing that fails in between can lose it.
    found = _with_schedules(Pause(pipeline=pipeline), _enable_schedules)
    if found.problem:
        return replace(_answer(pipeline, changed=False), problem=found.problem)
    changed = remove_pause(pipeline.session.client("dynamodb"), pipeline.table)
    answer = replace(_answer(pipeline, changed=changed), schedules=found.schedules)
    pipeline.session.client("lambda").invoke(FunctionName=dispatcher, InvocationType="Event", Payload=b"{}")
    return answer


def put_pause(client: Any, table: str, at: int) -> bool:  # noqa: ANN401 - a client of DynamoDB
    """Record a pause in a ledger; return False if it has one.

    Args:
        client: the client of DynamoDB.
        table: the name of the ledger's table.
        at: the time, in seconds since 1970.
    """
    return _update(
        client,
        table,
        "SET paused = :at",
        "attribute_not_exists(paused)",
        ExpressionAttributeValues={":at": _number(at)},
    )


def remove_pause(client: Any, table: str) -> bool:  # noqa: ANN401 - a client of DynamoDB
    """Remove the pause from a ledger; return False if it has none.

    Args:
        client: the client of DynamoDB.
        table: the name of the ledger's table.
    """
    return _update(client, table, "REMOVE paused, paused_schedules", "attribute_exists(paused)")


def _answer(pipeline: Pipeline, *, changed: bool) -> Pause:
    ledger = Ledger(pipeline.session, pipeline.table)
    waiting, since = ledger.waiting(), ledger.paused()
    return Pause(
        pipeline=pipeline,
        since=_time(since),
        changed=changed,
        waiting=sum(count for count, _ in waiting),
        oldest=_time(min((received for _, received in waiting), default=0)),
    )


def _with_schedules(found: Pause, switch: Any) -> Pause:  # noqa: ANN401 - one of the functions below
    """Return an answer with the schedules that were switched, or with the reason why they were not."""
    try:
        return replace(found, schedules=tuple(switch(found.pipeline)))
    except ClientError as error:
        # What was done before stays done; a second request goes on.
        return replace(found, problem=str(error))


def _disable_schedules(pipeline: Pipeline) -> Iterator[str]:
    """Disable the enabled schedules that start executions of a pipeline; yield their names."""
    session = pipeline.session
    enabled = {
        one.schedule_id: one.name
        for one in schedules_of(session, pipeline.stack)
        if one.enabled and not one.flushes and _starts(pipeline, one.target_arn)
    }
    if not enabled:
        return
    recorded = sorted({*_recorded_schedules(pipeline), *enabled})
    values = {":names": {"S": json.dumps(recorded)}}
    # First the record, so that none stays disabled for ever.
    if _update(
        session.client("dynamodb"),
        pipeline.table,
        "SET paused_schedules = :names",
        "attribute_exists(paused)",
        ExpressionAttributeValues=values,
    ):
        for schedule_id, name in sorted(enabled.items()):
            switch_schedule(session, schedule_id, enabled=False)
            yield name


def _enable_schedules(pipeline: Pipeline) -> Iterator[str]:
    for schedule_id in _recorded_schedules(pipeline):
        if switch_schedule(pipeline.session, schedule_id, enabled=True):
            yield schedule_id


def _starts(pipeline: Pipeline, state_machine_arn: str) -> bool:
    """Return whether a state machine starts that of a pipeline."""
    described = pipeline.session.client("stepfunctions").describe_state_machine(stateMachineArn=state_machine_arn)
    return json.dumps(pipeline.state_machine_arn).strip('"') in described["definition"]


def _recorded_schedules(pipeline: Pipeline) -> list[str]:
    item = Ledger(pipeline.session, pipeline.table).item(*PAUSE)
    found: list[str] = json.loads(item.get("paused_schedules", "[]"))
    return found


def _update(client: Any, table: str, expression: str, condition: str, **values: Any) -> bool:  # noqa: ANN401
    """Update the item if a condition holds; return whether it does."""
    try:
        client.update_item(
            TableName=table, Key=_KEY, UpdateExpression=expression, ConditionExpression=condition, **values
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds else None
