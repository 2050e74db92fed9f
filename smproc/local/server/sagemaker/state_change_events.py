"""The events of jobs, such as ``SageMaker Processing Job State Change``, at each change of a job's status.

AWS documents the events' names, and that the details follow DescribeProcessingJob and DescribeTrainingJob. Times in
milliseconds and tags as a map follow its samples.

See: https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smproc.local.server import patches
from smproc.local.server.execution import Job

_MILLISECONDS = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Event:
    account: str
    region: str
    entry: Mapping[str, Any]


class StateChangeEvents:
    """A publisher of events in order, on a thread of its own, because targets of rules may take long."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        threading.Thread(target=self._send_all, name="events", daemon=True).start()

    def publish(self, job: Job) -> None:
        """Publish the event of a job's current status.

        Args:
            job: the job.
        """
        *_, region, account, _resource = job.arn.split(":", 5)
        entry = {
            "Source": "aws.sagemaker",
            "DetailType": job.event_type,
            "Detail": json.dumps(_detail(job)),
            "Resources": [job.arn],
        }
        self._queue.put(_Event(account, region, entry))

    def _send_all(self) -> None:
        while True:
            event = self._queue.get()
            try:
                patches.put_events(event.account, event.region, [event.entry])
            except Exception:  # noqa: BLE001 - an error must not stop the later events
                _log.exception("An event was lost: %s", event.entry)


def _detail(job: Job) -> dict[str, Any]:
    return {**in_milliseconds(job.describe()), "Tags": dict(job.tags)}


def in_milliseconds(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description with times in milliseconds since 1970, as in events and in Step Functions."""
    return {name: _converted(value) for name, value in described.items()}


def _converted(value: object) -> object:
    match value:
        case datetime():
            return int(value.timestamp() * _MILLISECONDS)
        case dict():
            return in_milliseconds(value)
        case list():
            return [_converted(item) for item in value]
    return value
