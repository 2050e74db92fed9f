"""EventBridge, PutEvents: events that a service of ours publishes as ``aws.<service>``.

AWS: its services publish events whose source begins with ``aws.``; a caller of PutEvents cannot.
See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event.html

ministack 1.5.33: only the internal `ministack.services.eventbridge._put_events` accepts such a source. It raises
RuntimeError when a rule is created or deleted while `ministack.services.eventbridge._dispatch_event` iterates over the
rules.

Removable when: a release of ministack has a public function to publish events of a service, and iterates over a copy
of the rules (1.5.33 does not).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smproc.local.server.patches.registry import Names, core, service, takes

NAMES: Names = {
    "ministack.services.eventbridge": {"_put_events": takes("data", "allow_aws_source")},
    "ministack.core.responses": {"request_scope": callable},
}
_ATTEMPTS = 3


def put_events(account: str, region: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Publish events of a service of ours on the default event bus of an account and region.

    Args:
        account: the account id.
        region: the region.
        entries: the entries, as in PutEvents; their Source may begin with ``aws.``.
    """
    events = service("eventbridge")
    with core("responses").request_scope(account, region):
        for attempt in range(_ATTEMPTS):
            try:
                events._put_events({"Entries": list(entries)}, allow_aws_source=True)
            except RuntimeError:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return
