"""S3's events on EventBridge: which version of an object one is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from smproc.local.server.patches.registry import Names, service, takes, wrap

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

# The version of the event that the calling thread is about to hand to EventBridge.
_version: ContextVar[str | None] = ContextVar("smproc_object_version", default=None)


def apply() -> None:
    """Let an event of a versioned bucket name its version."""
    wrap(service("s3"), "_fire_s3_event", _fire)
    wrap(service("eventbridge"), "_dispatch_event", _dispatch)


def _fire(original: Callable[..., Any], *args: object, version_id: str | None = None, **more: object) -> None:
    token = _version.set(version_id if version_id != "null" else None)
    try:
        original(*args, version_id=version_id, **more)
    finally:
        _version.reset(token)


def _dispatch(original: Callable[..., Any], event: dict[str, Any], view: object = None) -> None:
    version = _version.get()
    if version is None:
        original(event, view)
        return
    # What the event sets off, such as the events of another bus, is not about this version.
    token = _version.set(None)
    detail = json.loads(event["Detail"])
    detail["object"]["version-id"] = version
    try:
        original({**event, "Detail": json.dumps(detail)}, view)
    finally:
        _version.reset(token)
