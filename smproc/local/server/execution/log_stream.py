"""A host's log stream in CloudWatch Logs, to which the program's output is sent while it runs."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import InputLogEventTypeDef

_FLUSH_INTERVAL_IN_SECONDS = 0.3
_EVENT_MAX_BYTES = 256 * 1024 - 26
_BATCH_MAX_BYTES = 1024 * 1024
_BATCH_MAX_EVENTS = 10_000
_EVENT_OVERHEAD_IN_BYTES = 26
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class LogStream:
    """A log stream, to which lines are sent a few times a second, or as soon as they fill a request.

    Logs that cannot be delivered do not fail the job; the server's own log reports them once.

    Attributes:
        logs: a CloudWatch Logs client that acts as the job's role.
        group: the log group's name.
        name: the stream's name.
    """

    logs: CloudWatchLogsClient
    group: str
    name: str
    _events: list[InputLogEventTypeDef] = field(default_factory=list)
    _size: int = 0
    _partial: bytes = b""
    _last_flush: float = field(default_factory=time.monotonic)
    _created: bool = False
    _broken: bool = False

    def write(self, data: bytes) -> None:
        """Add output of the program; an incomplete line is kept until it is complete.

        Args:
            data: the output.
        """
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._add(lines)
        while len(self._partial) > _EVENT_MAX_BYTES:
            self._add([self._partial[:_EVENT_MAX_BYTES]])
            self._partial = self._partial[_EVENT_MAX_BYTES:]

    def flush_if_due(self) -> None:
        """Send the lines if the last ones were sent long enough ago, or if they fill a request."""
        if self._events and (
            self._size >= _BATCH_MAX_BYTES
            or len(self._events) >= _BATCH_MAX_EVENTS
            or time.monotonic() - self._last_flush >= _FLUSH_INTERVAL_IN_SECONDS
        ):
            self._flush()

    def close(self) -> None:
        """Send the remaining lines."""
        if self._partial:
            self._add([self._partial])
            self._partial = b""
        self._flush()

    def _add(self, lines: list[bytes]) -> None:
        now = time.time_ns() // 1_000_000
        for line in lines:
            for start in range(0, len(line), _EVENT_MAX_BYTES):
                text = line[start : start + _EVENT_MAX_BYTES].decode(errors="replace").rstrip("\r")
                # The service rejects an empty message. Empty lines are dropped, as AWS's own agents do.
                if text:
                    self._events.append({"timestamp": now, "message": text})
                    self._size += len(text) + _EVENT_OVERHEAD_IN_BYTES

    def _flush(self) -> None:
        events, self._events, self._size = self._events, [], 0
        self._last_flush = time.monotonic()
        if not events or self._broken:
            return
        try:
            if not self._created:
                self._create()
            for batch in _batches(events):
                self.logs.put_log_events(logGroupName=self.group, logStreamName=self.name, logEvents=batch)
        except (ClientError, BotoCoreError):
            self._broken = True
            _log.exception("The logs of %s are lost: CloudWatch Logs rejected them", self.name)

    def _create(self) -> None:
        already_exists = self.logs.exceptions.ResourceAlreadyExistsException
        try:
            self.logs.create_log_stream(logGroupName=self.group, logStreamName=self.name)
        except self.logs.exceptions.ResourceNotFoundException:
            with contextlib.suppress(already_exists):  # another job created it meanwhile
                self.logs.create_log_group(logGroupName=self.group)
            self.logs.create_log_stream(logGroupName=self.group, logStreamName=self.name)
        self._created = True


def _batches(events: list[InputLogEventTypeDef]) -> list[list[InputLogEventTypeDef]]:
    """Split events into batches that PutLogEvents accepts."""
    batches: list[list[InputLogEventTypeDef]] = [[]]
    size = 0
    for event in events:
        event_size = len(event["message"].encode()) + _EVENT_OVERHEAD_IN_BYTES
        if batches[-1] and (size + event_size > _BATCH_MAX_BYTES or len(batches[-1]) >= _BATCH_MAX_EVENTS):
            batches.append([])
            size = 0
        batches[-1].append(event)
        size += event_size
    return batches
