"""EventBridge: events that a service of ours puts, as ``aws.<service>``.

AWS: its own services put events whose source begins with ``aws.``, which no caller may.
See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event.html

ministack: has a parameter for that on its internal function alone; and a rule that is made or removed while it walks
through its rules breaks the walk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smproc.local.server.patches.registry import Names, responses, service, takes

NAMES: Names = {
    "ministack.services.eventbridge": {"_put_events": takes("data", "allow_aws_source")},
    "ministack.core.responses": {"request_scope": callable},
}
_ATTEMPTS = 3


def apply() -> None:
    """Do nothing: ministack's own function serves, called as `put_events` calls it."""


def put_events(account: str, region: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Put events of a service of ours on the default bus of an account and region."""
    events = service("eventbridge")
    with responses().request_scope(account, region):
        for attempt in range(_ATTEMPTS):
            try:
                events._put_events({"Entries": list(entries)}, allow_aws_source=True)
            except RuntimeError:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return
