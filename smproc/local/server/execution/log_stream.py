"""A host's log stream in CloudWatch Logs, written while the program runs."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk_sagemaker_processing.model.names import PROCESSING_LOG_GROUP

_FLUSH_INTERVAL_IN_SECONDS = 0.3
_EVENT_MAX_BYTES = 256 * 1024 - 26
_BATCH_MAX_BYTES = 1024 * 1024
_BATCH_MAX_EVENTS = 10_000
_EVENT_OVERHEAD_IN_BYTES = 26
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class LogStream:
    """Sends lines to a log stream, not more often than a few times a second.

    A job is not failed for logs that cannot be delivered; the server's own log says so once.

    Attributes:
        logs: a CloudWatch Logs client that acts as the job's role.
        name: the stream's name.
    """

    logs: Any
    name: str
    _events: list[dict[str, Any]] = field(default_factory=list)
    _partial: bytes = b""
    _last_flush: float = field(default_factory=time.monotonic)
    _created: bool = False
    _broken: bool = False

    def write(self, data: bytes) -> None:
        """Take what the program wrote; an unfinished line waits for its rest."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._add(lines)
        while len(self._partial) > _EVENT_MAX_BYTES:
            self._add([self._partial[:_EVENT_MAX_BYTES]])
            self._partial = self._partial[_EVENT_MAX_BYTES:]

    def flush_if_due(self) -> None:
        """Send what has waited long enough."""
        if self._events and time.monotonic() - self._last_flush >= _FLUSH_INTERVAL_IN_SECONDS:
            self._flush()

    def close(self) -> None:
        """Send the rest."""
        if self._partial:
            self._add([self._partial])
            self._partial = b""
        self._flush()

    def _add(self, lines: list[bytes]) -> None:
        now = time.time_ns() // 1_000_000
        for line in lines:
            for start in range(0, len(line), _EVENT_MAX_BYTES):
                text = line[start : start + _EVENT_MAX_BYTES].decode(errors="replace").rstrip("\r")
                # The service refuses an empty message, so an empty line, as AWS's own agents do, becomes no event.
                if text:
                    self._events.append({"timestamp": now, "message": text})

    def _flush(self) -> None:
        events, self._events = self._events, []
        self._last_flush = time.monotonic()
        if not events or self._broken:
            return
        try:
            if not self._created:
                self._create()
            for batch in _batches(events):
                self.logs.put_log_events(logGroupName=PROCESSING_LOG_GROUP, logStreamName=self.name, logEvents=batch)
        except (ClientError, BotoCoreError):
            self._broken = True
            _log.exception("the logs of %s are lost: CloudWatch Logs refused them", self.name)

    def _create(self) -> None:
        existing = self.logs.exceptions.ResourceAlreadyExistsException
        try:
            self.logs.create_log_stream(logGroupName=PROCESSING_LOG_GROUP, logStreamName=self.name)
        except self.logs.exceptions.ResourceNotFoundException:
            with contextlib.suppress(existing):  # another job's, at the same moment
                self.logs.create_log_group(logGroupName=PROCESSING_LOG_GROUP)
            self.logs.create_log_stream(logGroupName=PROCESSING_LOG_GROUP, logStreamName=self.name)
        self._created = True


def _batches(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Cut what would be too much for one call."""
    batches: list[list[dict[str, Any]]] = [[]]
    size = 0
    for event in events:
        weight = len(event["message"].encode()) + _EVENT_OVERHEAD_IN_BYTES
        if batches[-1] and (size + weight > _BATCH_MAX_BYTES or len(batches[-1]) >= _BATCH_MAX_EVENTS):
            batches.append([])
            size = 0
        batches[-1].append(event)
        size += weight
    return batches
