"""Notifications of failed executions: an EventBridge event, and an SNS message where there is a topic."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from s3_trigger.messages import EVENT_SOURCE, ExecutionEnded

if TYPE_CHECKING:
    from types_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from s3_trigger.runtime import Runtime

FAILURE_DETAIL_TYPE = "Processing Execution Failed"
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
# Published in the event's field ``following``.
NextStep = Literal["BISECTED", "SET_ASIDE", "NOTHING"]
_REASON_MAX = 2000
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def publish_failure(
    runtime: Runtime, ended: ExecutionEnded, objects: Sequence[str], object_count: int, next_step: NextStep
) -> str:
    """Publish the failure of an execution at least once, and return its reason.

    Args:
        runtime: the function's runtime.
        ended: the end of the execution.
        objects: the URIs of its first objects.
        object_count: the number of its objects.
        next_step: what happens to its objects: ``BISECTED``, ``SET_ASIDE`` or ``NOTHING``.
    """
    config = runtime.config
    job, reason = job_and_reason(runtime, ended)
    detail = {
        "pipeline": config.pipeline,
        "stateMachineArn": config.state_machine_arn,
        "executionArn": ended.arn,
        "status": ended.status,
        "objects": list(objects),
        "objectCount": object_count,
        "job": job,
        "reason": reason,
        "logs": log_link(config.state_machine_arn, job) if job else None,
        "following": next_step,
    }
    runtime.logger.error("execution failed", extra=detail)
    runtime.count("ExecutionsFailed")
    answer = runtime.events.put_events(
        Entries=[{"Source": EVENT_SOURCE, "DetailType": FAILURE_DETAIL_TYPE, "Detail": json.dumps(detail)}]
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge must accept the event of a failure, got {answer['Entries']}")
    if config.failure_topic:
        runtime.sns.publish(
            TopicArn=config.failure_topic,
            Subject=f"{config.pipeline}: a processing execution {ended.status.lower().replace('_', ' ')}"[:99],
            Message=json.dumps(detail, indent=2),
        )
    return f"{job}: {reason}" if job else reason


def job_and_reason(runtime: Runtime, ended: ExecutionEnded) -> tuple[str | None, str]:
    """Return the last job that an execution started, and the most specific reason of the failure that is recorded."""
    try:
        events = runtime.step_functions.get_execution_history(
            executionArn=ended.arn, reverseOrder=True, maxResults=100
        )["events"]
    except ClientError as error:
        runtime.logger.warning("no history", extra={"execution": ended.arn, "error": str(error)})
        events = []
    job = next(filter(None, map(_submitted_job, events)), None)
    for event in events:
        description = _parse_object(event.get("taskFailedEventDetails", {}).get("cause"))
        if name := description.get("ProcessingJobName"):
            texts = [description.get("ExitMessage"), description.get("FailureReason")]
            return name, ": ".join(filter(None, texts))[:_REASON_MAX] or description.get("ProcessingJobStatus", "")
    return job, (": ".join(filter(None, (ended.error, ended.cause))) or ended.status)[:_REASON_MAX]


def log_link(state_machine_arn: str, job: str) -> str:
    """Return the link to a job's log in the console of the state machine's region."""
    _, partition, _, region, _ = state_machine_arn.split(":", 4)
    # The console decodes what comes after # twice.
    group = urllib.parse.quote(urllib.parse.quote(LOG_GROUP, safe=""), safe="").replace("%", "$")
    return (
        f"https://{region}.{_CONSOLES.get(partition, _CONSOLES['aws'])}/cloudwatch/home?region={region}"
        f"#logsV2:log-groups/log-group/{group}$3FlogStreamNameFilter$3D{job}"
    )


def _submitted_job(event: HistoryEventTypeDef) -> str | None:
    arn = _parse_object(event.get("taskSubmittedEventDetails", {}).get("output")).get("ProcessingJobArn")
    return str(arn).rpartition("/")[2] if arn else None


def _parse_object(text: object) -> dict[str, Any]:
    """Return the JSON object in a text of Step Functions; an empty one when there is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
