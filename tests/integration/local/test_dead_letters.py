"""Events whose target does not exist, and their dead letters."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

ACCOUNT = "000000000000"
MISSING = {
    "sqs": f"arn:aws:sqs:us-east-1:{ACCOUNT}:gone",
    "lambda": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:gone",
    "states": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:gone",
    "sns": f"arn:aws:sns:us-east-1:{ACCOUNT}:gone",
}


class Rule:
    """A rule for one detail type, with a dead-letter queue for its target."""

    def __init__(self, local_aws: RunningLocalAws, target: str, **more: Any) -> None:
        self.local_aws, self.name = local_aws, local_aws.name()
        self.events, self.sqs = local_aws.client("events"), local_aws.client("sqs")
        self.queue = self.sqs.create_queue(QueueName=f"{self.name}-dead")["QueueUrl"]
        self.queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}-dead"
        self.arn = self.events.put_rule(Name=self.name, EventPattern=json.dumps({"detail-type": [self.name]}))[
            "RuleArn"
        ]
        configuration = {"Id": "it", "Arn": target, "DeadLetterConfig": {"Arn": self.queue_arn}, **more}
        self.events.put_targets(Rule=self.name, Targets=[configuration])

    def send(self, **detail: object) -> None:
        entry = {"Source": "mine", "DetailType": self.name, "Detail": json.dumps(detail)}
        assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def dead(self) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages


@pytest.mark.parametrize("kind", MISSING)
def test_an_event_for_a_missing_target_is_sent_to_the_dead_letter_queue(local_aws: RunningLocalAws, kind: str) -> None:
    rule = Rule(local_aws, MISSING[kind])
    rule.send(a=1)
    (message,) = rule.dead()
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"], event["detail"]) == ("mine", rule.name, {"a": 1})
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {
        "RULE_ARN": rule.arn,
        "TARGET_ARN": MISSING[kind],
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": f"The target {MISSING[kind]} does not exist.",
    }


def test_the_dead_letter_has_the_input_of_the_target(local_aws: RunningLocalAws) -> None:
    transformer = {"InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '{"only": <a>}'}
    rule = Rule(local_aws, MISSING["sqs"], InputTransformer=transformer)
    rule.send(a=1)
    (message,) = rule.dead()
    assert json.loads(message["Body"]) == {"only": 1}


def test_a_delivery_that_fails_for_another_reason_reports_exhausted_retries(local_aws: RunningLocalAws) -> None:
    sqs, name = local_aws.client("sqs"), f"{local_aws.name()}.fifo"
    sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})
    rule = Rule(local_aws, MISSING["sqs"])
    # No client sends this parameter, and ministack's delivery fails on it.
    broken = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}", "SqsParameters": "broken"}
    target = {"Id": "it", "DeadLetterConfig": {"Arn": rule.queue_arn}, **broken}
    request = urllib.request.Request(  # noqa: S310 - the local AWS's own address
        local_aws.aws.endpoint,
        data=json.dumps({"Rule": rule.name, "Targets": [target]}).encode(),
        headers={"X-Amz-Target": "AWSEvents.PutTargets", "Content-Type": "application/x-amz-json-1.1"},
    )
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).close()
    rule.send()
    (message,) = rule.dead()
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "ERROR_FROM_TARGET"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"


def test_a_delivered_event_leaves_no_dead_letter(local_aws: RunningLocalAws) -> None:
    sqs = local_aws.client("sqs")
    url = sqs.create_queue(QueueName=local_aws.name())["QueueUrl"]
    rule = Rule(
        local_aws, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    )
    rule.send(a=1)
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    assert rule.dead() == []


def test_a_deleted_queue_and_its_successor(local_aws: RunningLocalAws) -> None:
    """Check that no event is lost while a queue is deleted by hand and created again."""
    sqs, name = local_aws.client("sqs"), local_aws.name()
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    rule = Rule(local_aws, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
    rule.send(number=1)
    sqs.delete_queue(QueueUrl=url)
    rule.send(number=2)
    sqs.create_queue(QueueName=name)
    rule.send(number=3)
    (dead,) = rule.dead()
    (alive,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"])["detail"]["number"] for message in (dead, alive)] == [2, 3]


def test_of_several_targets_only_the_missing_one_gets_a_dead_letter(local_aws: RunningLocalAws) -> None:
    sqs = local_aws.client("sqs")
    url = sqs.create_queue(QueueName=local_aws.name())["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = Rule(local_aws, MISSING["lambda"])
    rule.events.put_targets(
        Rule=rule.name, Targets=[{"Id": "other", "Arn": arn, "DeadLetterConfig": {"Arn": rule.queue_arn}}]
    )
    rule.send()
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    (message,) = rule.dead()
    assert message["MessageAttributes"]["TARGET_ARN"]["StringValue"] == MISSING["lambda"]
