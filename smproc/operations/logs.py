"""The logs of processing jobs in CloudWatch Logs: one stream for each host.

See: https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.names import PROCESSING_LOG_GROUP

if TYPE_CHECKING:
    from boto3 import Session


class _Position(TypedDict, total=False):
    """The position in a log stream, as GetLogEvents takes it."""

    nextToken: str
    startTime: int


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """A line that a job printed.

    Attributes:
        at: the time at which CloudWatch Logs received it.
        host: the host, e.g. ``algo-1``.
        text: the line.
        job: the job's name.
    """

    at: datetime
    host: str
    text: str
    job: str = ""


class JobLog:
    """The log of a job, of which each call reads what is new.

    Args:
        session: a boto3 session.
        job_name: the job's name.
        since: lines before this time are left out. Default: none.
    """

    def __init__(self, session: Session, job_name: str, *, since: datetime | None = None) -> None:
        self._logs = session.client("logs")
        self._job = job_name
        self._since = since
        self._tokens: dict[str, str] = {}

    def new_lines(self) -> Iterator[LogLine]:
        """Yield the lines since the last call, those of all hosts by their times.

        Each host's lines are read a page at a time, so a long log needs little memory.
        """
        yield from heapq.merge(*(self._new_lines_of(stream) for stream in self._streams()), key=lambda line: line.at)

    def tail(self, count: int) -> list[LogLine]:
        """Return the last lines, those of all hosts by their times.

        Args:
            count: the maximum number of lines, up to 10,000.
        """
        lines = [
            self._line(stream, event["timestamp"], event["message"])
            for stream in self._streams()
            for event in self._logs.get_log_events(
                logGroupName=PROCESSING_LOG_GROUP, logStreamName=stream, startFromHead=False, limit=count
            )["events"]
        ]
        return sorted(lines, key=lambda line: line.at)[-count:]

    def _streams(self) -> list[str]:
        pages = self._logs.get_paginator("describe_log_streams").paginate(
            logGroupName=PROCESSING_LOG_GROUP, logStreamNamePrefix=f"{self._job}/"
        )
        try:
            return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":  # no job of the account has printed yet
                return []
            raise

    def _new_lines_of(self, stream: str) -> Iterator[LogLine]:
        while True:
            token = self._tokens.get(stream)
            position: _Position = {"nextToken": token} if token else {}
            if self._since is not None:
                position["startTime"] = int(self._since.timestamp() * 1000)
            response = self._logs.get_log_events(
                logGroupName=PROCESSING_LOG_GROUP, logStreamName=stream, startFromHead=True, **position
            )
            self._tokens[stream] = response["nextForwardToken"]
            for event in response["events"]:
                yield self._line(stream, event["timestamp"], event["message"])
            if response["nextForwardToken"] == token or not response["events"]:
                return

    def _line(self, stream: str, timestamp: int, message: str) -> LogLine:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html: [job]/[host]-[epoch timestamp]
        host = stream.removeprefix(f"{self._job}/")
        head, _, tail = host.rpartition("-")
        host = head if head and tail.isdecimal() and head.rpartition("-")[2].isdecimal() else host
        return LogLine(datetime.fromtimestamp(timestamp / 1000, tz=UTC), host, message, self._job)
