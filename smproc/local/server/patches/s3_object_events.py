"""S3: an object's event on EventBridge names the object's version.

AWS: ``detail.object`` of an event of a versioned bucket has ``version-id``.
See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html

ministack 1.5.33: `ministack.services.s3._fire_s3_event` takes the version and passes it on to S3's own notifications
alone, not to `ministack.services.eventbridge._dispatch_event`.

Removable when: the ``detail.object`` that `_fire_s3_event` builds for EventBridge has ``version-id`` (not so in
1.5.33).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, takes

NAMES: Names = {
    "ministack.services.eventbridge": {"_dispatch_event": takes("event", "view")},
    "ministack.services.s3": {
        "_fire_s3_event": takes(
            "bucket_name",
            "key",
            "event_name",
            "size",
            "etag",
            "deletion_type",
            "restore_event_data",
            "version_id",
            "sequencer",
            "object_extra",
            "record_extra",
        ),
    },
}

# The version in the event that the calling thread is about to hand to EventBridge.
_version: ContextVar[str | None] = ContextVar("smproc_object_version", default=None)


def _fire_s3_event(
    original: Callable[..., Any], *args: object, version_id: str | None = None, **options: object
) -> None:
    token = _version.set(version_id if version_id != "null" else None)
    try:
        original(*args, version_id=version_id, **options)
    finally:
        _version.reset(token)


def _dispatch_event(original: Callable[..., Any], event: dict[str, Any], view: object = None) -> None:
    version = _version.get()
    if version is None:
        original(event, view)
        return
    # Events that this one leads to, such as those of another bus, are not about this version.
    token = _version.set(None)
    detail = json.loads(event["Detail"])
    detail["object"]["version-id"] = version
    try:
        original({**event, "Detail": json.dumps(detail)}, view)
    finally:
        _version.reset(token)


WRAPPERS: Wrappers = {
    "ministack.services.s3": {"_fire_s3_event": _fire_s3_event},
    "ministack.services.eventbridge": {"_dispatch_event": _dispatch_event},
}
