"""The logs of processing jobs in CloudWatch Logs: one stream for each host.

See: https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.names import PROCESSING_LOG_GROUP

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_logs import CloudWatchLogsClient

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
TAIL_MAX = 10_000
# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html: [job]/[host]-[epoch timestamp]
_EPOCH = re.compile(r"(?<=\d)-\d+$")


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """A line that a job printed.

    Attributes:
        at: the time of the line, as its host noted it.
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
        hosts: the number of the job's hosts, after which no more streams are looked for. Default: unknown.
        page_size: the number of lines that are held in memory for each host. Default: as many as 1 MB has.
        client: the client of CloudWatch Logs. Default: a new one.
    """

    def __init__(
        self,
        session: Session,
        job_name: str,
        *,
        since: datetime | None = None,
        hosts: int | None = None,
        page_size: int | None = None,
        client: CloudWatchLogsClient | None = None,
    ) -> None:
        self._logs = client or session.client("logs")
        self._job = job_name
        self._since = since
        self._hosts = hosts
        self._page_size = page_size
        self._known: list[str] = []
        self._tokens: dict[str, str] = {}

    def new_lines(self) -> Iterator[LogLine]:
        """Yield the lines since the last call, those of all hosts by their times.

        Each host's lines are read a page at a time, so a long log needs little memory.
        """
        yield from heapq.merge(*(self._new_lines_of(stream) for stream in self._streams()), key=lambda line: line.at)

    def tail(self, count: int) -> list[LogLine]:
        """Return the last lines, those of all hosts by their times; `new_lines` goes on after them.

        Args:
            count: the maximum number of lines, up to 10,000.
        """
        lines = [line for stream in self._streams() for line in self._tail_of(stream, count)]
        return sorted(lines, key=lambda line: line.at)[-count:] if count else []

    def _streams(self) -> list[str]:
        if self._hosts is not None and len(self._known) >= self._hosts:
            return self._known
        pages = self._logs.get_paginator("describe_log_streams").paginate(
            logGroupName=PROCESSING_LOG_GROUP, logStreamNamePrefix=f"{self._job}/"
        )
        try:
            self._known = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            # No job of the account has printed anything yet.
        return self._known

    def _new_lines_of(self, stream: str) -> Iterator[LogLine]:
        while True:
            token = self._tokens.get(stream)
            page = self._page(stream, token, forward=True)
            # A page without events is not the end, as long as it leads to another one.
            self._tokens[stream] = page["nextForwardToken"]
            for event in page["events"]:
                yield self._line(stream, event)
            if page["nextForwardToken"] == token:
                return

    def _tail_of(self, stream: str, count: int) -> list[LogLine]:
        """Return the last lines of a stream, and remember its end."""
        lines: list[LogLine] = []
        token: str | None = None
        while True:
            page = self._page(stream, token, forward=False, limit=max(1, min(count, TAIL_MAX)))
            if token is None:
                self._tokens[stream] = page["nextForwardToken"]
            lines = [self._line(stream, event) for event in page["events"]] + lines
            if len(lines) >= count or page["nextBackwardToken"] == token:
                return lines[-count:] if count else []
            token = page["nextBackwardToken"]

    def _page(self, stream: str, token: str | None, *, forward: bool, limit: int | None = None) -> dict[str, Any]:
        request: dict[str, Any] = {
            "logGroupName": PROCESSING_LOG_GROUP,
            "logStreamName": stream,
            "startFromHead": forward,
        }
        if token is not None:
            request["nextToken"] = token
        if self._since is not None:
            request["startTime"] = int(self._since.timestamp() * 1000)
        if limit or self._page_size:
            request["limit"] = limit or self._page_size
        return dict(self._logs.get_log_events(**request))

    def _line(self, stream: str, event: dict[str, Any]) -> LogLine:
        at = datetime.fromtimestamp(event["timestamp"] / 1000, tz=UTC)
        return LogLine(at, host_of(stream, self._job), event["message"], self._job)


def host_of(stream: str, job_name: str) -> str:
    """Return the host that a log stream is of, without the time that AWS appends to its name.

    Args:
        stream: the stream's name, such as ``split-1/algo-1-1700000000`` or ``split-1/algo-1``.
        job_name: the job's name.
    """
    return _EPOCH.sub("", stream.removeprefix(f"{job_name}/"))
