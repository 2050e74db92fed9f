"""The question about denials, over the answers of CloudTrail, CloudFormation and CloudWatch Logs."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from tests.helpers.answers import session_of
from tools.verify_aws.account import Account
from tools.verify_aws.laboratory import STACK, Deployment, Lab
from tools.verify_aws.provoking import provoker_for
from tools.verify_aws.question import AS_EXPECTED, NOT_ANSWERED, OTHERWISE, Answer, answer
from tools.verify_aws.questions import denials

(QUESTION,) = denials.QUESTIONS
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ROLE = f"{STACK}-DispatchRole-1a2b"
STATES = "states.amazonaws.com"
LINE = "[ERROR] ClientError: An error occurred (AccessDenied) when calling the SendMessage operation: User: arn is not"


def event(name: str, source: str = STATES, *, code: str = "", role: str = ROLE) -> dict[str, Any]:
    error = {"errorCode": code, "errorMessage": "is not authorized"} if code else {}
    identity = {"type": "AssumedRole", "arn": f"arn:aws:sts::111122223333:assumed-role/{role}/session"}
    members = {"userIdentity": identity, "eventTime": "2026-11-27T12:00:00Z", "eventSource": source, "eventName": name}
    return {**members, **error}


class Endpoint:
    """The answers of an account; a page of events has two."""

    def __init__(self, *events: dict[str, Any], lines: tuple[str, ...] = (), late: int = 0) -> None:
        self.events = events
        self.lines = lines
        self.late = late

    def __call__(self, operation: str, given: dict[str, Any]) -> Mapping[str, Any]:
        if operation == "ListStackResources":
            kinds = {"DispatchLogs": "AWS::Logs::LogGroup", "Data": "AWS::S3::Bucket"}
            return {"StackResourceSummaries": [_resource(name, kind) for name, kind in kinds.items()]}
        if operation == "FilterLogEvents":
            assert given["logGroupName"] == "DispatchLogs-name"
            assert given["startTime"] == int(NOW.timestamp() * 1000)
            return {"events": [{"message": line} for line in self.lines]}
        assert operation == "LookupEvents"
        (attribute,) = given["LookupAttributes"]
        if attribute["AttributeKey"] == "EventName":
            assert attribute["AttributeValue"] == "LookupEvents"
            self.late -= 1
            return {"Events": [] if self.late >= 0 else [{"EventId": "a"}]}
        assert given["StartTime"] == NOW
        found = [each for each in self.events if each["eventSource"] == attribute["AttributeValue"]]
        at = int(given.get("NextToken", 0))
        more = {"NextToken": str(at + 2)} if at + 2 < len(found) else {}
        return {"Events": [{"CloudTrailEvent": json.dumps(each)} for each in found[at : at + 2]], **more}


def _resource(name: str, kind: str) -> dict[str, Any]:
    members = {"LastUpdatedTimestamp": NOW, "ResourceStatus": "CREATE_COMPLETE"}
    return {"LogicalResourceId": name, "PhysicalResourceId": f"{name}-name", "ResourceType": kind, **members}


def an_account(clients_of: Callable[..., Any]) -> Account:
    return Account(
        number="111122223333",
        region="us-east-1",
        caller="arn",
        endpoint="http://127.0.0.1:4566",
        _clients_of=clients_of,
    )


def asked(endpoint: Endpoint) -> Answer:
    account = an_account(session_of(endpoint).client)
    lab = Lab(
        account=account,
        deployment=Deployment(account, None),
        provoker=provoker_for(account),
        outputs={},
        slots=threading.BoundedSemaphore(1),
        deployed_at=NOW.timestamp(),
    )
    return answer(QUESTION, lab)


def test_calls_of_the_roles_without_a_denial_are_as_expected() -> None:
    of_others = event("StopExecution", code="AccessDenied", role="another-stack")
    found = asked(Endpoint(event("StartExecution"), event("StartExecution"), of_others))
    assert (found.outcome, found.note) == (AS_EXPECTED, "")
    assert found.evidence["calls"] == [f"{ROLE}: {STATES} StartExecution"]
    assert found.evidence["seen"] == 2


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation"])
def test_a_denied_call_on_any_page_is_otherwise(code: str) -> None:
    found = asked(Endpoint(*[event("DescribeExecution")] * 4, event("StartExecution", code=code)))
    assert found.outcome == OTHERWISE
    assert found.actual == [f"{ROLE}: {STATES} StartExecution"]
    assert found.evidence["denied"][0]["errorCode"] == code


@pytest.mark.parametrize(
    ("line", "call"),
    [
        (LINE, "SendMessage"),
        ("User: arn is not authorized to perform: dynamodb:PutItem on resource: arn", "dynamodb:PutItem"),
        ("AccessDenied", "a call"),
    ],
)
def test_a_denied_data_event_is_found_in_the_log_of_its_function(line: str, call: str) -> None:
    found = asked(Endpoint(event("StartExecution"), lines=(line,)))
    assert (found.outcome, found.actual) == (OTHERWISE, [f"DispatchLogs: {call}"])
    assert "arn" not in json.dumps(found.evidence["logged"])


def test_the_question_waits_until_cloudtrail_has_its_own_calls() -> None:
    endpoint = Endpoint(event("StartExecution"), late=2)
    assert asked(endpoint).outcome == AS_EXPECTED
    assert endpoint.late == -1


def test_a_history_that_may_lack_events_is_no_answer_unless_it_has_a_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "seconds", lambda *_: 0.01)
    found = asked(Endpoint(event("StartExecution"), late=1000))
    assert found.outcome == NOT_ANSWERED
    assert found.note == "CloudTrail did not have the calls of this question within 0 minutes"
    assert asked(Endpoint(event("StartExecution", code="AccessDenied"), late=1000)).outcome == OTHERWISE


def test_more_events_than_are_read_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "_PAGES_MAX", 2)
    found = asked(Endpoint(*[event("StartExecution")] * 5))
    assert (found.outcome, found.note) == (NOT_ANSWERED, f"CloudTrail has more events of {STATES} than are read")


def test_a_history_without_the_roles_is_no_answer() -> None:
    found = asked(Endpoint(event("StartExecution", role="another-stack")))
    assert (found.outcome, found.note) == (NOT_ANSWERED, "CloudTrail has no event of the roles of this run")


class Throttling(BaseHTTPRequestHandler):
    """A CloudTrail that answers the third request."""

    requests = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).requests += 1
        is_throttled = self.requests < 3
        body: dict[str, Any] = (
            {"__type": "ThrottlingException", "message": "Rate exceeded"} if is_throttled else {"Events": []}
        )
        self.send_response(400 if is_throttled else 200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def throttling() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Throttling) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_throttled_lookup_is_repeated(throttling: str) -> None:
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")  # noqa: S106 - none
    account = an_account(functools.partial(session.client, endpoint_url=throttling))
    assert account.ask("cloudtrail", "lookup_events")["Events"] == []
    assert Throttling.requests == 3
