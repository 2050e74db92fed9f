"""Tell of a failed execution: an EventBridge event, and a message of an SNS topic where there is one."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from s3_trigger.messages import REPLAY_SOURCE, ExecutionEnded
from s3_trigger.runtime import client, logger, metrics, settings

DETAIL_TYPE = "Processing Execution Failed"
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_REASON_MAX = 2000
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def publish_failure(ended: ExecutionEnded, objects: Sequence[str], object_count: int, following: str) -> str:
    """Tell whoever listens, at least once; why it failed.

    Args:
        ended: the execution.
        objects: the first objects that it was about.
        object_count: how many there are.
        following: what happens to them: ``BISECTED``, ``SET_ASIDE`` or ``NOTHING``.
    """
    job, reason = job_and_reason(ended)
    detail = {
        "pipeline": settings.pipeline,
        "stateMachineArn": settings.state_machine_arn,
        "executionArn": ended.arn,
        "status": ended.status,
        "objects": list(objects),
        "objectCount": object_count,
        "job": job,
        "reason": reason,
        "logs": log_link(job) if job else None,
        "following": following,
    }
    logger.error("execution failed", extra=detail)
    metrics.add_metric(name="ExecutionsFailed", unit="Count", value=1)
    answer = client("events").put_events(
        Entries=[{"Source": REPLAY_SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}]
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge refused the event of a failure: {answer['Entries']}")
    if settings.failure_topic:
        client("sns").publish(
            TopicArn=settings.failure_topic,
            Subject=f"{settings.pipeline}: a processing execution {ended.status.lower().replace('_', ' ')}"[:99],
            Message=json.dumps(detail, indent=2),
        )
    return f"{job}: {reason}" if job else reason


def job_and_reason(ended: ExecutionEnded) -> tuple[str | None, str]:
    """The job that the execution started last, and why the execution failed in the words nearest to its cause."""
    try:
        events = client("stepfunctions").get_execution_history(
            executionArn=ended.arn, reverseOrder=True, maxResults=100
        )["events"]
    except ClientError as error:
        logger.warning("no history", extra={"execution": ended.arn, "error": str(error)})
        events = []
    job = next(filter(None, map(_submitted_job, events)), None)
    for event in events:
        description = _description(event.get("taskFailedEventDetails", {}).get("cause"))
        if name := description.get("ProcessingJobName"):
            said = [description.get("ExitMessage"), description.get("FailureReason")]
            return name, ": ".join(filter(None, said))[:_REASON_MAX] or description.get("ProcessingJobStatus", "")
    return job, (": ".join(filter(None, (ended.error, ended.cause))) or ended.status)[:_REASON_MAX]


def log_link(job: str) -> str:
    """Where the console shows what a job printed."""
    _, partition, _, region, _ = settings.state_machine_arn.split(":", 4)
    # The console decodes what comes after # twice.
    group = urllib.parse.quote(urllib.parse.quote(LOG_GROUP, safe=""), safe="").replace("%", "$")
    return (
        f"https://{region}.{_CONSOLES.get(partition, _CONSOLES['aws'])}/cloudwatch/home?region={region}"
        f"#logsV2:log-groups/log-group/{group}$3FlogStreamNameFilter$3D{job}"
    )


def _submitted_job(event: dict[str, Any]) -> str | None:
    arn = _description(event.get("taskSubmittedEventDetails", {}).get("output")).get("ProcessingJobArn")
    return str(arn).rpartition("/")[2] if arn else None


def _description(text: object) -> dict[str, Any]:
    """The JSON in a text of Step Functions; empty when it is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
