"""A job that has run, from its description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from smproc.adoption.app import AdoptedApp
from smproc.adoption.errors import UnreadableSourceError
from smproc.adoption.names import base_name, construct_id
from smproc.adoption.requests import adopt_request

if TYPE_CHECKING:
    from boto3 import Session

# What DescribeProcessingJob returns beside the request:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html
_OF_THE_JOB: Final = {
    "AutoMLJobArn",
    "CreationTime",
    "ExitMessage",
    "FailureReason",
    "LastModifiedTime",
    "MonitoringScheduleArn",
    "ProcessingEndTime",
    "ProcessingJobArn",
    "ProcessingJobStatus",
    "ProcessingStartTime",
    "ResponseMetadata",
    "TrainingJobArn",
}
_STARTED_BY: Final = {
    "MonitoringScheduleArn": "the monitoring schedule",
    "AutoMLJobArn": "the AutoML job",
}


def describe(session: Session, name: str) -> dict[str, Any]:
    """Return a job's description, with its tags.

    Args:
        session: a boto3 session.
        name: the job's name or ARN.

    Raises:
        JobNotFoundError: there is no such job.
    """
    from smproc.operations import ProcessingJob  # noqa: PLC0415 - slow to load

    described: dict[str, Any] = dict(ProcessingJob(name, session=session).describe())
    pages = session.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=described["ProcessingJobArn"])
    return described | {"Tags": [dict(tag) for page in pages for tag in page["Tags"]]}


def read_description(path: Path) -> dict[str, Any]:
    """Return a description from a file, as ``aws sagemaker describe-processing-job`` prints it.

    Args:
        path: the file: a response of DescribeProcessingJob, or a request of CreateProcessingJob.

    Raises:
        UnreadableSourceError: the file is not JSON, or describes no processing job.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UnreadableSourceError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise UnreadableSourceError(f"{path}: not JSON: {error.reason} at byte {error.start}") from None
    check_description(found, str(path))
    return dict(found)


def check_description(found: object, source: str) -> None:
    """Check that a value describes a processing job, by botocore's model.

    Raises:
        UnreadableSourceError: it has not the fields of one, or has them with other types.
    """
    import botocore.session  # noqa: PLC0415 - slow to load
    from botocore.validate import ParamValidator  # noqa: PLC0415 - the same

    advice = "save one with: aws sagemaker describe-processing-job --processing-job-name NAME"
    if not isinstance(found, dict) or "AppSpecification" not in found:
        raise UnreadableSourceError(f"{source}: not the description of a processing job; {advice}")
    shape = botocore.session.Session().get_service_model("sagemaker").shape_for("CreateProcessingJobRequest")
    request = {"RoleArn": "", **{name: value for name, value in found.items() if name not in _OF_THE_JOB}}
    request = {"ProcessingJobName": "job", **request}
    report = ParamValidator().validate(request, shape).generate_report()
    problems = [line for line in report.splitlines() if not line.startswith("Unknown parameter in input")]
    problems = [line for line in problems if "Invalid length" not in line]
    if problems:
        raise UnreadableSourceError(f"{source}: not the description of a processing job: {problems[0].strip()}")


def adopt_job(description: Mapping[str, Any], *, keep_role: bool = False) -> AdoptedApp:
    """Return the app that runs a job again.

    Args:
        description: a response of DescribeProcessingJob, or a request of CreateProcessingJob; with ``Tags``, if known.
        keep_role: whether the job keeps its role. Default: the construct creates one.
    """
    request = {name: value for name, value in description.items() if name not in _OF_THE_JOB}
    step = adopt_request(request, keep_role=keep_role)
    step.notes += [
        f"The job was started by {what} {description[field]}, which goes on starting jobs like it."
        for field, what in _STARTED_BY.items()
        if description.get(field)
    ]
    name = str(description.get("ProcessingJobName", ""))
    return AdoptedApp(
        title=f"The processing job {name}, as a state machine" if name else "A processing job, as a state machine",
        stack_name=construct_id(base_name(name), "Job"),
        steps=[step],
    )
