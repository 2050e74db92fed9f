"""The log of an execution in CloudWatch Logs, as the LoggingConfiguration of its state machine asks for.

See: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproc.local.server.step_functions import clients

_FLUSH_IN_SECONDS = 0.5
_FATAL = ("ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut")
_ERROR_SUFFIXES = ("Failed", "Aborted", "TimedOut")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Role:
    role_arn: str


@dataclass(frozen=True, slots=True)
class LogOptions:
    """The part of a logging configuration that the interpreter reads.

    Attributes:
        include_execution_data: whether events have their input and output.
    """

    include_execution_data: bool


class ExecutionLog:
    """A log stream that gets the events of an execution.

    Args:
        execution_arn: the execution.
        configuration: the LoggingConfiguration.
        role_arn: the role of the state machine, which writes the log.
        region: the region of the execution.
        redrive_count: how often the execution has been redriven.
    """

    def __init__(
        self,
        execution_arn: str,
        configuration: Mapping[str, Any],
        role_arn: str,
        region: str,
        redrive_count: int,
    ) -> None:
        self.execution_arn = execution_arn
        self._redrive_count = redrive_count
        self.configuration = LogOptions(bool(configuration.get("includeExecutionData")))
        self._level = configuration["level"]
        self._group = _group(configuration)
        self._role = _Role(role_arn)
        self._region = region
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._lines: list[dict[str, Any]] = []
        self._stream = ""

    @classmethod
    def of(cls, record: Mapping[str, Any], machine: Mapping[str, Any], region: str) -> ExecutionLog | None:
        """Return the log of an execution; None if its state machine has none.

        Args:
            record: ministack's record of the execution.
            machine: ministack's record of the state machine.
            region: the region of the execution.
        """
        configuration = machine.get("loggingConfiguration") or {}
        if configuration.get("level", "OFF") == "OFF" or not _group(configuration):
            return None
        redrive_count = record.get("redriveCount", 0)
        return cls(record["executionArn"], configuration, machine["roleArn"], region, redrive_count)

    def log_level_filter(self, history_event_type: str) -> bool:
        """Return whether an event is logged; the interpreter calls this by name.

        Args:
            history_event_type: the type of the event.
        """
        kind = str(history_event_type)
        if self._level == "ALL" or kind in _FATAL:
            return True
        return self._level == "ERROR" and (kind.endswith(_ERROR_SUFFIXES) or kind == "FailStateEntered")

    def publish_history_log(self, history_log: Mapping[str, Any]) -> None:
        """Log an event, soon; the interpreter calls this by name.

        Args:
            history_log: the event.
        """
        moment = datetime.strptime(history_log["event_timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        milliseconds = int(moment.timestamp() * 1000)
        message = {**history_log, "event_timestamp": str(milliseconds), "redrive_count": str(self._redrive_count)}
        with self._lock:
            self._lines.append({"timestamp": milliseconds, "message": json.dumps(message, default=str)})
            if len(self._lines) > 1:
                return
        timer = threading.Timer(_FLUSH_IN_SECONDS, self.flush)
        timer.daemon = True
        timer.start()

    def flush(self) -> None:
        """Write what has been logged."""
        with self._flushing:
            with self._lock:
                lines, self._lines = self._lines, []
            if not lines:
                return
            client = clients.boto_client_for(self._region, "logs", self._role)
            try:
                if not self._stream:
                    self._stream = self._create_stream(client)
                client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=lines)
            except (BotoCoreError, ClientError) as error:
                _log.warning("The log group %s did not take the log of %s: %s", self._group, self.execution_arn, error)

    def _create_stream(self, client: Any) -> str:
        name = self.execution_arn.split(":")[6]
        stream = f"states/{name}/{time.strftime('%Y-%m-%d-%H-%M', time.gmtime())}/{uuid.uuid4().hex[:8]}"
        with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_stream(logGroupName=self._group, logStreamName=stream)
        return stream


def _group(configuration: Mapping[str, Any]) -> str:
    """Return the name of the log group of a configuration; empty if it has none."""
    for destination in configuration.get("destinations") or ():
        arn = str((destination.get("cloudWatchLogsLogGroup") or {}).get("logGroupArn", ""))
        return arn.partition(":log-group:")[2].removesuffix(":*")
    return ""
