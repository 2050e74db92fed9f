"""CloudTrail's event history: which calls are management events, and LookupEvents over the last of them.

Pure logic. `smproc.local.server.patches.cloudtrail_events` feeds it with the requests to the local AWS.
"""

from smproc.local.server.cloudtrail.calls import Call, Caller, is_management_event
from smproc.local.server.cloudtrail.history import EventHistory, InvalidLookupError

__all__ = ["Call", "Caller", "EventHistory", "InvalidLookupError", "is_management_event"]
