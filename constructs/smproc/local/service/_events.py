"""The event ``SageMaker Processing Job State Change`` at each change of a job's status.

AWS documents the event's name and that its detail follows DescribeProcessingJob; of other jobs it shows samples, with
times in milliseconds and tags as a map, and so it is here.

See: https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from smproc.local import seams
from smproc.local.jobs import ProcessingJob

DETAIL_TYPE: Final = "SageMaker Processing Job State Change"
_MILLISECONDS = 1000
# A rule that is made or removed while ministack walks through its rules breaks the walk.
_ATTEMPTS = 3
_log = logging.getLogger(__name__)


def _takes(*names: str) -> Callable[[Any], bool]:
    return lambda value: tuple(inspect.signature(value).parameters) == names


# What we reach into of ministack, as in `seams`.
NAMES: Final[Mapping[str, Mapping[str, Callable[[Any], bool]]]] = {
    "ministack.services.eventbridge": {"_put_events": _takes("data", "allow_aws_source")},
    "ministack.core.responses": {"request_scope": _takes("account_id", "region")},
}


@dataclass(frozen=True, slots=True)
class _Event:
    account: str
    region: str
    entry: Mapping[str, Any]


class StateChangeEvents:
    """Sends events in the order in which they happened, on a thread of its own: rules may start what takes long.

    Raises:
        UnsupportedMinistack: what we reach into has moved.
    """

    def __init__(self) -> None:
        for module, names in NAMES.items():
            seams.check(module, names)
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
        responses = importlib.import_module("ministack.core.responses")
        while True:
            event = self._waiting.get()
            try:
                with responses.request_scope(event.account, event.region):
                    _send(event.entry)
            except Exception:  # noqa: BLE001 - the next event is still to be sent
                _log.exception("an event was lost: %s", event.entry)


def _send(entry: Mapping[str, Any]) -> None:
    events = importlib.import_module("ministack.services.eventbridge")
    for attempt in range(_ATTEMPTS):
        try:
            events._put_events({"Entries": [entry]}, allow_aws_source=True)  # noqa: SLF001 - a seam
        except RuntimeError:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _detail(job: ProcessingJob) -> dict[str, Any]:
    described = {
        name: int(value.timestamp() * _MILLISECONDS) if isinstance(value, datetime) else value
        for name, value in job.describe().items()
    }
    return {**described, "Tags": dict(job.tags)}
