"""EventBridge tests each pattern with events.

See: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.without_deploying.samples import matching, others
from tools.verify_aws.without_deploying.templates import CheckContext


def _ask(context: CheckContext) -> Evidence:
    account = context.account

    def is_matched(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
        request = {"EventPattern": json.dumps(pattern), "Event": json.dumps(event)}
        return bool(account.ask("events", "test_event_pattern", **request)["Result"])

    tested: dict[str, Any] = {}
    for rule in context.resources("AWS::Events::Rule"):
        if pattern := rule.properties.get("EventPattern"):
            event = matching(pattern, account=account.number, region=account.region)
            different = {path: is_matched(pattern, other) for path, other in others(pattern, event)}
            tested[rule.name] = {"event": event, "matches": is_matched(pattern, event), "others": different}
    return {"patterns": tested}


def _read(evidence: Mapping[str, Any]) -> list[str]:
    found = []
    for name, tested in evidence["patterns"].items():
        found += [] if tested["matches"] else [f"{name} does not match its event"]
        found += [
            f"{name} matches an event with another {path}" for path, matched in tested["others"].items() if matched
        ]
    return found


PATTERNS: Final = Question(
    id="patterns-match",
    asks="Which event patterns do not match their events, or match others?",
    claims=("event-pattern-size",),
    relied_on=("constructs/cdk_sagemaker_processing/trigger/object_pattern.py",),
    expected=[],
    because="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html",
    ask=_ask,
    read=_read,
)
