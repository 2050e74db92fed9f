"""What a job left in S3."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

_HEAD_ROWS = 5
_TABLE_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A file that a job uploaded.

    Attributes:
        output_name: the output's name in the job.
        uri: where it is.
        size: bytes.
        columns: the header of a CSV file; empty for others.
        rows: how many rows are below the header; None for what is no CSV file, or one over 64 MiB.
        head: the first five of them.
    """

    output_name: str
    uri: str
    size: int
    columns: tuple[str, ...] = ()
    rows: int | None = None
    head: tuple[tuple[str, ...], ...] = field(default=(), repr=False)


def output_files(session: Any, description: dict[str, Any]) -> list[OutputFile]:  # noqa: ANN401 - boto3 has no types
    """Download what a job's outputs hold, and look into the CSV files among it.

    Args:
        session: a boto3 session.
        description: the answer of DescribeProcessingJob.
    """
    s3 = session.client("s3")
    files = []
    for output in description.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        bucket, _, prefix = output["S3Output"]["S3Uri"].removeprefix("s3://").partition("/")
        folder = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
            for item in page.get("Contents", ()):
                file = OutputFile(
                    output_name=output["OutputName"], uri=f"s3://{bucket}/{item['Key']}", size=item["Size"]
                )
                if item["Key"].endswith(".csv") and item["Size"] <= _TABLE_MAX_BYTES:
                    body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                    file = _with_table(file, body)
                files.append(file)
    return files


def _with_table(file: OutputFile, body: bytes) -> OutputFile:
    rows = list(csv.reader(io.StringIO(body.decode("utf-8", errors="replace"))))
    header, data = (rows[0], rows[1:]) if rows else ([], [])
    return OutputFile(
        output_name=file.output_name,
        uri=file.uri,
        size=file.size,
        columns=tuple(header),
        rows=len(data),
        head=tuple(tuple(row) for row in data[:_HEAD_ROWS]),
    )
