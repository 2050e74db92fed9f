"""A processing job in SageMaker: a handle like that of the SageMaker SDK, without the SDK."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

from botocore.exceptions import ClientError

from smproc.operations.errors import JobFailedError, JobNotFoundError, RunTimedOutError
from smproc.operations.logs import JobLog, LogLine
from smproc.operations.outputs import OutputFile, output_files
from smproc.operations.times import time_of
from smproc.terminal_text import printable

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_sagemaker.type_defs import DescribeProcessingJobResponseTypeDef

ENDED_STATUSES: Final = frozenset({"Completed", "Failed", "Stopped"})
# Lines of a log may arrive some seconds after the end of the job.
_SETTLING_SECONDS = 2.0
_MIN_PAUSE, _MAX_PAUSE, _PAUSE_GROWTH = 0.2, 5.0, 1.5


class ProcessingJob:
    """A processing job, by its name or ARN.

    Args:
        job: the job's name or ARN.
        session: a boto3 session. Default: that of the default profile and region.

    Example:
        >>> job = ProcessingJob("split-1f0c2f3a-5c1d-4d5e-9a53-0a4c6a1f9c53")
        >>> job.wait(logs=True)
        >>> [file.uri for file in job.outputs]
        ['s3://my-bucket/outputs/1f0c2f3a/Split/try-0/train/train.csv']

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html
    """

    def __init__(self, job: str, *, session: Session | None = None) -> None:
        import boto3  # noqa: PLC0415 - a caller without a session alone needs it

        self.session: Session = session or boto3.Session()
        self.name: str = job.rpartition("/")[2]
        self._sagemaker = self.session.client("sagemaker")

    def __repr__(self) -> str:
        return f"ProcessingJob({self.name!r})"

    def describe(self) -> DescribeProcessingJobResponseTypeDef:
        """Return the response of DescribeProcessingJob.

        Raises:
            JobNotFoundError: there is no such job in this account and region.
        """
        try:
            return self._sagemaker.describe_processing_job(ProcessingJobName=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ValidationException", "ResourceNotFound"):
                raise
            raise JobNotFoundError(
                f"there is no processing job {self.name!r} in the region {self.session.region_name}; "
                "`smproc jobs list` shows those of a pipeline"
            ) from None

    @property
    def status(self) -> str:
        """``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``."""
        return str(self.describe()["ProcessingJobStatus"])

    @property
    def outputs(self) -> list[OutputFile]:
        """The files in the job's outputs; `smproc.preview` shows what is in one."""
        return list(output_files(self.session, self.describe()))

    def stop(self) -> bool:
        """Stop the job: its container gets SIGTERM, and SIGKILL after two minutes; return False if it had ended.

        Raises:
            JobNotFoundError: there is no such job.

        See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopProcessingJob.html
        """
        if self.status in ENDED_STATUSES:
            return False
        self._sagemaker.stop_processing_job(ProcessingJobName=self.name)
        return True

    def logs(
        self, *, follow: bool = False, since: datetime | None = None, tail: int | None = None
    ) -> Iterator[LogLine]:
        """Yield the lines that the job has printed, those of all hosts by their times.

        Args:
            follow: whether to go on until the job has ended.
            since: lines before this time are left out. Default: none.
            tail: the number of lines to begin with, counted from the last one, up to 10,000. Default: all.

        Raises:
            JobNotFoundError: there is no such job.
        """
        description = self.describe()
        log = JobLog(self.session, self.name, since=since, hosts=hosts_of(description))
        if tail is not None:
            yield from log.tail(tail)
            if not follow:
                return
        pause = _MIN_PAUSE
        while True:
            # The status first: when it shows the end, what is read afterwards has every line.
            ended = not follow or _has_ended(description)
            if ended and follow:
                _settle(description)
            grown = min(pause * _PAUSE_GROWTH, _MAX_PAUSE)
            for line in log.new_lines():
                yield line
                grown = _MIN_PAUSE
            if ended:
                return
            time.sleep(pause)
            pause = grown
            description = self.describe()

    def wait(self, *, logs: bool = True, timeout: float | None = None, stream: TextIO | None = None) -> None:
        """Wait for the end of the job.

        Args:
            logs: whether to print what the job prints, with the host before each line if there are several.
            timeout: seconds to wait. Default: any number.
            stream: receives the lines. Default: the standard output.

        Raises:
            JobNotFoundError: there is no such job.
            JobFailedError: the job failed or was stopped; the message has the reason.
            RunTimedOutError: the job did not end in time.
        """
        deadline, pause = time.monotonic() + (float("inf") if timeout is None else timeout), _MIN_PAUSE
        description = self.describe()
        log = JobLog(self.session, self.name, hosts=hosts_of(description))
        out = stream or sys.stdout
        while True:
            ended = _has_ended(description)
            if ended and logs:
                _settle(description)
            grown = min(pause * _PAUSE_GROWTH, _MAX_PAUSE)
            for line in log.new_lines() if logs else ():
                host = f"{line.host} | " if hosts_of(description) > 1 else ""
                out.write(f"{printable(host + line.text)}\n")
                grown = _MIN_PAUSE
            if logs:
                out.flush()
            if ended:
                break
            if time.monotonic() >= deadline:
                raise RunTimedOutError(
                    f"the job {self.name} is still {description['ProcessingJobStatus']} after {timeout:g} s; it "
                    "continues without this command"
                )
            time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
            pause = grown
            description = self.describe()
        if (status := description["ProcessingJobStatus"]) != "Completed":
            reason = reason_of(description)
            ending = "failed" if status == "Failed" else "was stopped"
            raise JobFailedError(f"the job {self.name} {ending}" + (f": {reason}" if reason else ""))


def hosts_of(description: Mapping[str, Any]) -> int:
    """Return the number of a job's hosts; 1 if the description does not tell."""
    return int(description.get("ProcessingResources", {}).get("ClusterConfig", {}).get("InstanceCount", 1))


def _has_ended(description: Mapping[str, Any]) -> bool:
    return description["ProcessingJobStatus"] in ENDED_STATUSES


def _settle(description: Mapping[str, Any]) -> None:
    """Wait for the last lines of a job that has just ended."""
    ended = time_of(description.get("ProcessingEndTime"))
    age = (datetime.now(UTC) - ended).total_seconds() if ended is not None else 0.0
    time.sleep(max(0.0, min(_SETTLING_SECONDS, _SETTLING_SECONDS - age)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepJob:
    """A processing job of an execution.

    Attributes:
        step: the state that created it.
        name: its name; empty if it could not be created.
        status: its status; ``InProgress`` as long as the execution does not tell.
        reason: the reason of its failure; empty if it has not failed.
        description: the response of DescribeProcessingJob, as far as the history has it; empty if it has not.
    """

    step: str
    name: str
    status: str
    reason: str = ""
    description: Mapping[str, Any] = field(default_factory=dict, repr=False)


def jobs_in(events: Iterable[Mapping[str, Any]]) -> list[StepJob]:
    """Return the processing jobs of an execution, in the order of their creation.

    Args:
        events: the events of GetExecutionHistory, in their order.
    """
    steps: dict[int, str] = {}
    jobs: dict[int, StepJob] = {}
    tasks: dict[int, int] = {}
    for event in events:
        number, before = event["id"], event.get("previousEventId", 0)
        details: Mapping[str, Any] = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
        steps[number] = details["name"] if event["type"].endswith("StateEntered") else steps.get(before, "")
        task = tasks[number] = number if event["type"] == "TaskScheduled" else tasks.get(before, 0)
        if event["type"] == "TaskSubmitted" and details.get("resourceType") == "sagemaker":
            name = _parse(details.get("output", "")).get("ProcessingJobArn", "").rpartition("/")[2]
            if name:
                jobs[task] = StepJob(step=steps[number], name=name, status="InProgress")
        elif event["type"] in ("TaskSucceeded", "TaskFailed", "TaskTimedOut") and (
            task in jobs or details.get("resourceType") == "sagemaker"
        ):
            description = _parse(details.get("output", "") or details.get("cause", ""))
            name = description.get("ProcessingJobName", jobs[task].name if task in jobs else "")
            failed = event["type"] != "TaskSucceeded"
            said = ": ".join(filter(None, (details.get("error", ""), details.get("cause", ""))))
            jobs[task] = StepJob(
                step=steps[number],
                name=name,
                status=description.get("ProcessingJobStatus", "Failed" if failed else "Completed"),
                reason=reason_of(description) or (_why_stopped(description) or said if failed else ""),
                description=description,
            )
    return [job for _, job in sorted(jobs.items())]


def with_end(session: Session, job: StepJob) -> StepJob:
    """Return a job with its description as it is now, where the history does not have its end.

    Args:
        session: a boto3 session.
        job: a job of an execution.
    """
    if job.description or not job.name:
        return job
    try:
        description = ProcessingJob(job.name, session=session).describe()
    except JobNotFoundError:
        return job
    status = description["ProcessingJobStatus"]
    return replace(job, status=status, reason=job.reason or reason_of(description), description=description)


def reason_of(description: Mapping[str, Any]) -> str:
    """Return why a job failed: what the script wrote to /opt/ml/output/message, and SageMaker's own reason."""
    return ": ".join(filter(None, (description.get("ExitMessage"), description.get("FailureReason"))))


def _why_stopped(description: Mapping[str, Any]) -> str:
    """Return why a job was stopped, of which SageMaker gives no reason; empty if it was not."""
    if description.get("ProcessingJobStatus") != "Stopped":
        return ""
    started, ended = time_of(description.get("ProcessingStartTime")), time_of(description.get("ProcessingEndTime"))
    limit = description.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    if started is None or ended is None or limit is None or (ended - started).total_seconds() < limit:
        return "the job was stopped"
    return f"the job was stopped at its time limit: MaxRuntimeInSeconds is {limit:,}"


def _parse(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
