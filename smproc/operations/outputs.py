"""The files that jobs wrote to S3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.errors import OutputNotFoundError
from smproc.operations.times import time_of

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.operations.pipeline_jobs import JobRecord

# S3 stores whole seconds, and the clocks of the services may differ.
_CLOCKS = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A file that a job uploaded.

    Attributes:
        output_name: the output's name in the job.
        uri: the file's S3 URI.
        size: bytes.
        path: its path below the output's directory.
        step: the state that created the job; empty if the job was not found by an execution.
        modified: the time at which it was stored.
    """

    output_name: str
    uri: str
    size: int
    path: str = ""
    step: str = ""
    modified: datetime | None = None


def output_files(session: Session, description: Mapping[str, Any]) -> Iterator[OutputFile]:
    """Yield the files in a job's outputs, a page of the listing at a time.

    Objects that were stored before the job started are not among them: an output may go where others went.

    Args:
        session: a boto3 session.
        description: the response of DescribeProcessingJob.

    Raises:
        OutputNotFoundError: the bucket of an output does not exist any more.
    """
    pages = session.client("s3").get_paginator("list_objects_v2")
    started = time_of(description.get("ProcessingStartTime"))
    for name, directory in output_directories(description):
        try:
            for page in pages.paginate(Bucket=directory.bucket, Prefix=directory.key):
                for item in page.get("Contents", ()):
                    if started is None or item["LastModified"] >= started - _CLOCKS:
                        yield OutputFile(
                            output_name=name,
                            uri=str(S3Uri(directory.bucket, item["Key"])),
                            size=item["Size"],
                            path=item["Key"].removeprefix(directory.key),
                            modified=item["LastModified"],
                        )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
            raise OutputNotFoundError(
                f"the bucket {directory.bucket!r} of the output {name!r} does not exist any more"
            ) from None


def output_directories(description: Mapping[str, Any]) -> Iterator[tuple[str, S3Uri]]:
    """Yield the names of a job's outputs in S3, and their directories.

    Args:
        description: the response of DescribeProcessingJob.
    """
    for output in description.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        if "S3Output" in output:  # otherwise it goes to a feature group
            yield output["OutputName"], S3Uri.parse(output["S3Output"]["S3Uri"]).below("")


def outputs_of_jobs(session: Session, jobs: Iterable[JobRecord]) -> Iterator[OutputFile]:
    """Yield the files in the outputs of some jobs, in the order of the jobs; those of jobs that failed, too.

    Args:
        session: a boto3 session.
        jobs: the jobs.
    """
    for job in jobs:
        for file in output_files(session, job.description):
            yield replace(file, step=job.step)
