"""The calls that IAM denied the roles of the stack meanwhile, as CloudTrail and the logs of the functions have them.

CloudTrail's event history has management events alone. A denied data event, such as one of an object, an item or a
message, is not in it: if a function makes the call, its log has the error; a task of a state machine, a job or the
poller of a queue that is denied one fails, and so do the executions and the uploads of the other questions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tools.verify_aws.laboratory import STACK, Lab
from tools.verify_aws.laboratory.lab import TooLateError
from tools.verify_aws.question import Evidence, NotAnsweredError, Question

# The services whose management events are calls of the roles, by the sources of events.
_SOURCES: Final = (
    "ec2.amazonaws.com",
    "ecr.amazonaws.com",
    "events.amazonaws.com",
    "kms.amazonaws.com",
    "logs.amazonaws.com",
    "s3.amazonaws.com",
    "sagemaker.amazonaws.com",
    "states.amazonaws.com",
)
# Most events are the polling of the other questions.
_PAGES_MAX: Final = 400
# CloudTrail promises no time; most events arrive within 5 minutes.
_LATE_SECONDS: Final = 1200
_DENIALS: Final = ("AccessDenied", "UnauthorizedOperation")
_PATTERN: Final = '?"AccessDenied" ?"not authorized to perform"'
_IN_LOGS: Final = re.compile(
    r"\(AccessDenied\w*\) when calling the (?P<operation>\w+) operation|not authorized to perform: (?P<action>[\w:-]+)"
)


def _ask(lab: Lab) -> Evidence:
    """Read the events since the deployment, once CloudTrail has got as far as this question."""
    why_incomplete = _wait_for(lab, datetime.now(UTC))
    calls: list[dict[str, Any]] = []
    for source in _SOURCES:
        events, complete = _events(lab, source, datetime.fromtimestamp(lab.deployed_at, UTC))
        calls += filter(_role_of, events)
        if not complete:
            why_incomplete = f"CloudTrail has more events of {source} than are read"
    denied = [_without_addresses(event) for event in calls if _is_denial(event)]
    logged = list(_denials_in_logs(lab))
    if not calls:
        why_incomplete = why_incomplete or "CloudTrail has no event of the roles of this run"
    if why_incomplete and not (denied or logged):
        raise NotAnsweredError(why_incomplete)
    return {"calls": sorted(set(map(_described, calls))), "seen": len(calls), "denied": denied, "logged": logged}


def _wait_for(lab: Lab, asked: datetime) -> str:
    """Wait until CloudTrail has the calls of this question itself; return why it has not, empty if it has."""
    limit = lab.seconds(_LATE_SECONDS, 60)
    try:
        lab.until(lambda: _page(lab, "EventName", "LookupEvents", asked)["Events"], bool, seconds=limit)
    except TooLateError:
        return f"CloudTrail did not have the calls of this question within {limit / 60:.0f} minutes"
    return ""


def _page(lab: Lab, key: str, value: str, start: datetime, **token: str) -> Any:  # noqa: ANN401 - of the API
    """Return a page of events. CloudTrail answers twice a second, and the account's client tries again until then."""
    attributes = [{"AttributeKey": key, "AttributeValue": value}]
    return lab.account.ask("cloudtrail", "lookup_events", LookupAttributes=attributes, StartTime=start, **token)


def _events(lab: Lab, source: str, start: datetime) -> tuple[list[dict[str, Any]], bool]:
    """Return the events of a source, the newest first, and whether these are all."""
    events: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    for _ in range(_PAGES_MAX):
        page = _page(lab, "EventSource", source, start, **token)
        events += (json.loads(event["CloudTrailEvent"]) for event in page["Events"])
        if "NextToken" not in page:
            return events, True
        token = {"NextToken": page["NextToken"]}
    return events, False


def _denials_in_logs(lab: Lab) -> Iterator[Evidence]:
    """Yield the denials in the log groups of the stack, without the lines, which have addresses of resources."""
    stacks = lab.account.client("cloudformation").get_paginator("list_stack_resources")
    resources = [each for page in stacks.paginate(StackName=STACK) for each in page["StackResourceSummaries"]]
    lines = lab.account.client("logs").get_paginator("filter_log_events")
    for group in (each for each in resources if each["ResourceType"] == "AWS::Logs::LogGroup"):
        request = {"logGroupName": group["PhysicalResourceId"], "startTime": int(lab.deployed_at * 1000)}
        for page in lines.paginate(**request, filterPattern=_PATTERN):
            for event in page["events"]:
                found = _IN_LOGS.search(event["message"])
                call = (found["operation"] or found["action"]) if found else "a call"
                yield {"log": group["LogicalResourceId"], "call": call}


def _without_addresses(event: Mapping[str, Any]) -> Evidence:
    """Return what a record of an event needs: it is published, and events have addresses and access keys."""
    members = ("eventTime", "eventSource", "eventName", "errorCode", "errorMessage")
    return {name: event.get(name) for name in members} | {"caller": event["userIdentity"]["arn"]}


def _role_of(event: Mapping[str, Any]) -> str:
    """Return the name of the role of the stack that made a call; empty if another caller did."""
    caller = str(event.get("userIdentity", {}).get("arn", ""))
    return caller.split("/")[1] if f":assumed-role/{STACK}-" in caller else ""


def _is_denial(event: Mapping[str, Any]) -> bool:
    return any(code in str(event.get("errorCode", "")) for code in _DENIALS)


def _described(event: Mapping[str, Any]) -> str:
    return f"{_role_of(event)}: {event['eventSource']} {event['eventName']}"


def _read(evidence: Mapping[str, Any]) -> list[str]:
    denied = {
        f"{each['caller'].split('/')[1]}: {each['eventSource']} {each['eventName']}" for each in evidence["denied"]
    }
    return sorted(denied | {f"{each['log']}: {each['call']}" for each in evidence["logged"]})


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="nothing-is-denied",
        asks="Which calls of the roles of the stack did IAM deny, by the management events and the logs of functions?",
        claims=("iam-requests", "task-role", "iam-without-requests"),
        relied_on=("constructs/cdk_sagemaker_processing/_internal/statements.py",),
        expected=[],
        because="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html",
        ask=_ask,
        read=_read,
    ),
)
