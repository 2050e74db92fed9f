"""Notifications of failed executions: an EventBridge event, and an SNS message where there is a topic."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from s3_trigger.job_logs import LOG_GROUP, printable
from s3_trigger.messages import EVENT_SOURCE, ExecutionEnded

if TYPE_CHECKING:
    from types_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from s3_trigger.runtime import Runtime

FAILURE_DETAIL_TYPE = "Processing Execution Failed"
# Published in the event's field ``following``.
NextStep = Literal["BISECTED", "SET_ASIDE", "NOTHING"]
_REASON_MAX = 2000
# SNS takes fewer than 100 ASCII characters: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_SUBJECT_MAX = 99
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
# Escapes of JSON that mean the same, so that a program which shows the message as HTML shows text.
_WITHOUT_TAGS = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of a failure, as far as the execution's history says it.

    Attributes:
        job: the name of the job that failed, or of the last one; None if none was created.
        step: the name of the state that failed; None if it is not known.
        reason: the most specific reason that is recorded.
    """

    job: str | None
    step: str | None
    reason: str


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
    cause = cause_of(runtime, ended)
    job, reason = cause.job, cause.reason
    links = links_of(config.state_machine_arn, ended.arn, job)
    detail = {
        "pipeline": config.pipeline,
        "stateMachineArn": config.state_machine_arn,
        "executionArn": ended.arn,
        "status": ended.status,
        "objects": list(objects),
        "objectCount": object_count,
        "step": cause.step,
        "job": job,
        "reason": reason,
        "logLines": runtime.job_logs.last_lines(job) if job else [],
        "links": links,
        "following": next_step,
    }
    runtime.logger.error("execution failed", extra=detail)
    answer = runtime.events.put_events(
        Entries=[{"Source": EVENT_SOURCE, "DetailType": FAILURE_DETAIL_TYPE, "Detail": to_json(detail)}]
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge must accept the event of a failure, got {answer['Entries']}")
    if config.failure_topic:
        runtime.sns.publish(
            TopicArn=config.failure_topic,
            Subject=subject_of(config.pipeline, ended.status),
            Message=to_json(detail, indent=2),
        )
    return f"{job}: {reason}" if job else reason


def to_json(detail: Mapping[str, Any], *, indent: int | None = None) -> str:
    """Return a message as JSON of ASCII characters without those of HTML, whatever keys and log lines contain."""
    return json.dumps(detail, indent=indent).translate(_WITHOUT_TAGS)


def subject_of(pipeline: str, status: str) -> str:
    """Return the subject of a message, which SNS refuses if it has other characters or more."""
    end = f": a processing execution {status.lower().replace('_', ' ')}"
    name = printable(pipeline).encode("ascii", "replace").decode("ascii")
    return f"{name[: _SUBJECT_MAX - len(end)]}{end}"


def cause_of(runtime: Runtime, ended: ExecutionEnded) -> Cause:
    """Return what the history of an execution says about its failure."""
    try:
        events = runtime.step_functions.get_execution_history(
            executionArn=ended.arn, reverseOrder=True, maxResults=100
        )["events"]
    except ClientError as error:
        runtime.logger.warning("no history", extra={"execution": ended.arn, "error": str(error)})
        events = []
    for event in events:
        description = _parse_object(event.get("taskFailedEventDetails", {}).get("cause"))
        if name := description.get("ProcessingJobName"):
            texts = [description.get("ExitMessage"), description.get("FailureReason")]
            reason = ": ".join(filter(None, texts)) or description.get("ProcessingJobStatus", "")
            return Cause(name, _state_of(event, events), _readable(reason))
    job = next(filter(None, map(submitted_job, events)), None)
    failed = next((event for event in events if event["type"].startswith(("Task", "Lambda")) and _fails(event)), None)
    reason = ": ".join(filter(None, (ended.error, ended.cause))) or ended.status
    return Cause(job, _state_of(failed, events), _readable(reason))


def links_of(state_machine_arn: str, execution_arn: str, job: str | None) -> dict[str, str | None]:
    """Return the links to an execution, a job and its log in the console of the state machine's region."""
    _, partition, _, region, _ = state_machine_arn.split(":", 4)
    console = f"https://{region}.{_CONSOLES.get(partition, _CONSOLES['aws'])}"
    execution = urllib.parse.quote(execution_arn, safe=":")
    # The console decodes what comes after # twice.
    group = urllib.parse.quote(urllib.parse.quote(LOG_GROUP, safe=""), safe="").replace("%", "$")
    return {
        "execution": f"{console}/states/home?region={region}#/v2/executions/details/{execution}",
        "job": f"{console}/sagemaker/home?region={region}#/processing-jobs/{job}" if job else None,
        "log": f"{console}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}"
        f"$3FlogStreamNameFilter$3D{job}"
        if job
        else None,
    }


def _readable(reason: str) -> str:
    """Return a reason without characters that control a terminal."""
    return "\n".join(map(printable, reason[:_REASON_MAX].split("\n")))


def _fails(event: HistoryEventTypeDef) -> bool:
    return event["type"].endswith(("Failed", "TimedOut"))


def _state_of(event: HistoryEventTypeDef | None, events: Sequence[HistoryEventTypeDef]) -> str | None:
    """Return the name of the state that an event belongs to; None if it was entered before the known events."""
    by_id = {each["id"]: each for each in events}
    while event is not None:
        if "stateEnteredEventDetails" in event:
            return event["stateEnteredEventDetails"]["name"]
        event = by_id.get(event.get("previousEventId", 0))
    return None


def submitted_job(event: HistoryEventTypeDef) -> str | None:
    """Return the name of the job that an event of a history says was created; None if it says no such thing."""
    arn = _parse_object(event.get("taskSubmittedEventDetails", {}).get("output")).get("ProcessingJobArn")
    return str(arn).rpartition("/")[2] if arn else None


def _parse_object(text: object) -> dict[str, Any]:
    """Return the JSON object in a text of Step Functions; an empty one when there is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
