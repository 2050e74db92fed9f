"""The files that a job wrote to S3."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cdk_sagemaker_processing.model.s3_uri import S3Uri

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_sagemaker.type_defs import DescribeProcessingJobResponseTypeDef

_HEAD_ROWS = 5
_TABLE_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A file that a job uploaded.

    Attributes:
        output_name: the output's name in the job.
        uri: the file's S3 URI.
        size: bytes.
        columns: the header of a CSV file; empty for others.
        rows: the number of rows below the header; None for files that are not CSV or are larger than 64 MiB.
        head: the first five rows.
    """

    output_name: str
    uri: str
    size: int
    columns: tuple[str, ...] = ()
    rows: int | None = None
    head: tuple[tuple[str, ...], ...] = field(default=(), repr=False)


def output_files(session: Session, description: DescribeProcessingJobResponseTypeDef) -> list[OutputFile]:
    """List the files in a job's outputs; read the CSV files among them.

    Args:
        session: a boto3 session.
        description: the response of DescribeProcessingJob.
    """
    s3 = session.client("s3")
    files = []
    config = description.get("ProcessingOutputConfig")
    for output in config["Outputs"] if config else ():
        target = output.get("S3Output")
        if target is None:  # the output goes to a feature group
            continue
        directory = S3Uri.parse(target["S3Uri"]).below("")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=directory.bucket, Prefix=directory.key):
            for item in page.get("Contents", ()):
                uri = S3Uri(directory.bucket, item["Key"])
                file = OutputFile(output_name=output["OutputName"], uri=str(uri), size=item["Size"])
                if uri.key.endswith(".csv") and file.size <= _TABLE_MAX_BYTES:
                    body = s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()
                    file = _with_table(file, body)
                files.append(file)
    return files


def _with_table(file: OutputFile, body: bytes) -> OutputFile:
    rows = list(csv.reader(io.StringIO(body.decode("utf-8", errors="replace"))))
    header, data = (rows[0], rows[1:]) if rows else ([], [])
    return replace(file, columns=tuple(header), rows=len(data), head=tuple(tuple(row) for row in data[:_HEAD_ROWS]))
