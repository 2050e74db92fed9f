"""Schedules that are due start their targets.

See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
See: https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

from __future__ import annotations

import json
import logging
import secrets
import uuid
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproc.local.server import patches
from smproc.local.server.scheduler import targets
from smproc.local.server.scheduler.times import InvalidExpressionError, Times

# The member of a schedule's record that has the time at which it was last due; so a restart repeats nothing.
_LAST = "SmprocLastTime"
_SCHEDULER = "scheduler.amazonaws.com"
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_log = logging.getLogger(__name__)


class Schedules:
    """The schedules; see `smproc.local.server.patches.scheduler_schedules.Scheduler`."""

    def problem(self, schedule: Mapping[str, Any]) -> str | None:
        """Return why Scheduler refuses a schedule, None if it does not.

        Args:
            schedule: the request that creates or updates it.
        """
        try:
            _times(schedule, datetime.now(UTC))
            targets.check(schedule["Target"])
        except (InvalidExpressionError, targets.InvalidTargetError) as error:
            return str(error)
        account, region = patches.request_account(), patches.request_region()
        group = f"arn:aws:scheduler:{region}:{account}:schedule-group/{schedule.get('GroupName', 'default')}"
        keys = {"aws:SourceAccount": account, "aws:SourceArn": group}
        if not patches.role_trusts(str(schedule["Target"].get("RoleArn")), _SCHEDULER, keys):
            return (
                "The execution role you provide must allow AWS EventBridge Scheduler to assume the role. "
                f"(local AWS: {patches.IAM_OFF})"
            )
        return None

    def fire_if_due(self, schedule: MutableMapping[str, Any], now: datetime) -> bool:
        """Start the target of a schedule if it is due; return whether the schedule is over.

        Of times that were missed while nothing ran, only the last one counts.

        Args:
            schedule: the record, in which the time is noted.
            now: the present time.
        """
        # The times since it was disabled are not counted again each second.
        if schedule.get("State") != "ENABLED":
            return False
        start, end = _moment(schedule.get("StartDate")), _moment(schedule.get("EndDate"))
        created = _moment(schedule.get("LastModificationDate")) or now
        times = _times(schedule, start or created)
        until = now if end is None else min(now, end)
        last = _moment(schedule.get(_LAST))
        # A rate begins when the schedule does; one time counts even if it is over already.
        begin = datetime.fromtimestamp(0, UTC) if times.is_one_time else (start or created)
        due = times.latest(last or begin.replace(microsecond=0), until)
        if last is None and times.expression.startswith("rate") and times.anchor <= until:
            due = due or times.anchor
        if due is not None:
            schedule[_LAST] = due.timestamp()
            self.fire(schedule, due)
        return (times.is_one_time and _LAST in schedule) or (end is not None and now > end)

    def fire(self, schedule: Mapping[str, Any], time: datetime) -> None:
        """Start the target of a schedule.

        Args:
            schedule: the record.
            time: the time for which it is started.
        """
        target, arn = schedule["Target"], str(schedule["Arn"])
        execution = secrets.token_hex(8)
        text = str(target.get("Input") or "") or _event(arn, time)
        context = {
            "schedule-arn": arn,
            "scheduled-time": time.strftime(_FORMAT),
            "execution-id": execution,
            "attempt-number": "1",
        }
        for name, value in context.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        region = arn.split(":")[3]
        try:
            targets.call_of(target, text).send(region, str(target["RoleArn"]))
        except (ClientError, BotoCoreError, targets.InvalidTargetError) as error:
            _log.warning("The schedule %s could not start its target %s: %s", arn, target["Arn"], error)
            self._send_dead_letter(schedule, text, error, context)
        else:
            _log.info("The schedule %s started its target %s", arn, target["Arn"])

    def _send_dead_letter(
        self, schedule: Mapping[str, Any], text: str, error: Exception, context: Mapping[str, str]
    ) -> None:
        target = schedule["Target"]
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue:
            return
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        attributes = {
            "ERROR_CODE": code,
            "ERROR_MESSAGE": str(error),
            "EXECUTION_ID": context["execution-id"],
            "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str((target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", 185)),
            "SCHEDULED_TIME": context["scheduled-time"],
            "SCHEDULE_ARN": str(schedule["Arn"]),
            "TARGET_ARN": str(target["Arn"]),
        }
        call = targets.call_of({"Arn": queue}, text)
        message = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        letter = targets.Call(call.service, call.action, {**call.parameters, "MessageAttributes": message})
        try:
            letter.send(str(schedule["Arn"]).split(":")[3], str(target["RoleArn"]))
        except (ClientError, BotoCoreError) as failure:
            _log.warning("The dead letter of the schedule %s could not be sent: %s", schedule["Arn"], failure)


def _times(schedule: Mapping[str, Any], anchor: datetime) -> Times:
    zone = str(schedule.get("ScheduleExpressionTimezone") or "UTC")
    return Times.parse(str(schedule.get("ScheduleExpression")), zone, anchor)


def _moment(value: object) -> datetime | None:
    """Return a time of a record: a number of seconds, or a text of ISO 8601 from a template."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _event(arn: str, time: datetime) -> str:
    """Return the input of a target without one."""
    account, region = arn.split(":")[4], arn.split(":")[3]
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": account,
            "time": time.strftime(_FORMAT),
            "region": region,
            "resources": [arn],
            "detail": "{}",
        }
    )
