"""The event ``SageMaker Processing Job State Change`` at each change of a job's status.

AWS documents the event's name and that its detail follows DescribeProcessingJob; of other jobs it shows samples, with
times in milliseconds and tags as a map, and so it is here.

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
from typing import Any, Final

from smproc.local.server import patches
from smproc.local.server.execution import ProcessingJob

DETAIL_TYPE: Final = "SageMaker Processing Job State Change"
_MILLISECONDS = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Event:
    account: str
    region: str
    entry: Mapping[str, Any]


class StateChangeEvents:
    """Sends events in the order in which they happened, on a thread of its own: rules may start what takes long."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        threading.Thread(target=self._send_all, name="events", daemon=True).start()

    def changed(self, job: ProcessingJob) -> None:
        """Tell of a job's status as it is now."""
        *_, region, account, _resource = job.arn.split(":", 5)
        entry = {
            "Source": "aws.sagemaker",
            "DetailType": DETAIL_TYPE,
            "Detail": json.dumps(_detail(job)),
            "Resources": [job.arn],
        }
        self._waiting.put(_Event(account, region, entry))

    def _send_all(self) -> None:
        while True:
            event = self._waiting.get()
            try:
                patches.put_events(event.account, event.region, [event.entry])
            except Exception:  # noqa: BLE001 - the next event is still to be sent
                _log.exception("an event was lost: %s", event.entry)


def _detail(job: ProcessingJob) -> dict[str, Any]:
    described = {
        name: int(value.timestamp() * _MILLISECONDS) if isinstance(value, datetime) else value
        for name, value in job.describe().items()
    }
    return {**described, "Tags": dict(job.tags)}
