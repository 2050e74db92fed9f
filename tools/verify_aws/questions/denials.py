"""The calls that IAM denied the roles of the stack meanwhile, as AWS CloudTrail has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tools.verify_aws.laboratory import STACK, Lab
from tools.verify_aws.question import Evidence, NotAnsweredError, Question

# The services that the roles call, by the sources of events; data events, such as those of S3, are not among them.
_SOURCES: Final = (
    "dynamodb.amazonaws.com",
    "events.amazonaws.com",
    "kms.amazonaws.com",
    "lambda.amazonaws.com",
    "logs.amazonaws.com",
    "sagemaker.amazonaws.com",
    "sqs.amazonaws.com",
    "states.amazonaws.com",
)
_PAGES_MAX: Final = 20


def _ask(lab: Lab) -> Evidence:
    """Read the events since the deployment. The newest minutes may be missing: CloudTrail is late by up to 15."""
    start = datetime.fromtimestamp(lab.deployed_at, UTC)
    seen, denied = 0, []
    for source in _SOURCES:
        token: dict[str, str] = {}
        for _ in range(_PAGES_MAX):
            attributes = [{"AttributeKey": "EventSource", "AttributeValue": source}]
            page = lab.account.ask("cloudtrail", "lookup_events", LookupAttributes=attributes, StartTime=start, **token)
            seen += len(page["Events"])
            found = [json.loads(event["CloudTrailEvent"]) for event in page["Events"]]
            denied += [_without_addresses(event) for event in found if _is_denial(event)]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
    if not seen:
        raise NotAnsweredError("CloudTrail has no event of this run")
    return {"seen": seen, "denied": denied}


def _without_addresses(event: Mapping[str, Any]) -> Evidence:
    """Return what a record of an event needs: it is published, and events have addresses and access keys."""
    members = ("eventTime", "eventSource", "eventName", "errorCode", "errorMessage")
    return {name: event.get(name) for name in members} | {"caller": event["userIdentity"]["arn"]}


def _is_denial(event: Mapping[str, Any]) -> bool:
    caller = str(event.get("userIdentity", {}).get("arn", ""))
    return f"assumed-role/{STACK}-" in caller and "AccessDenied" in str(event.get("errorCode", ""))


def _read(evidence: Mapping[str, Any]) -> list[str]:
    return sorted(
        {f"{each['caller'].split('/')[1]}: {each['eventSource']} {each['eventName']}" for each in evidence["denied"]}
    )


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="nothing-is-denied",
        asks="Which calls of the roles of the stack did IAM deny?",
        claims=("iam-requests", "task-role", "iam-without-requests"),
        relied_on=("constructs/cdk_sagemaker_processing/_internal/statements.py",),
        expected=[],
        because="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html",
        ask=_ask,
        read=_read,
    ),
)
