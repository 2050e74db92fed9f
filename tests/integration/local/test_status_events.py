"""The events of an execution's status."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

WAIT = {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}
PASS = {"Pass": {"Type": "Pass", "End": True}}
FAIL = {"Fail": {"Type": "Fail", "Error": "Mine", "Cause": "because"}}
FIELDS = {
    "executionArn",
    "stateMachineArn",
    "stateMachineVersionArn",
    "stateMachineAliasArn",
    "name",
    "status",
    "startDate",
    "stopDate",
    "input",
    "inputDetails",
    "output",
    "outputDetails",
    "error",
    "cause",
    "redriveCount",
    "redriveDate",
    "redriveStatus",
    "redriveStatusReason",
}


class Listener:
    """A queue of the events of one machine's executions."""

    def __init__(self, local_aws: RunningLocalAws, machine: str) -> None:
        self.local_aws, self.sqs, self.machine, name = local_aws, local_aws.client("sqs"), machine, local_aws.name()
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [machine]}}
        local_aws.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        local_aws.client("events").put_targets(Rule=name, Targets=[{"Id": "it", "Arn": arn}])

    def start(self) -> str:
        started = self.local_aws.states.start_execution(stateMachineArn=self.machine, input='{"a": 1}')
        return str(started["executionArn"])

    def event(self) -> dict[str, Any]:
        (message,) = self.local_aws.until(lambda: self.sqs.receive_message(QueueUrl=self.queue).get("Messages"), bool)
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        event: dict[str, Any] = json.loads(message["Body"])
        assert event["detail-type"] == "Step Functions Execution Status Change"
        assert event["resources"] == [event["detail"]["executionArn"]]
        assert set(event["detail"]) == FIELDS
        detail: dict[str, Any] = event["detail"]
        return detail


def test_a_start_and_a_success_are_published(local_aws: RunningLocalAws) -> None:
    listener = Listener(local_aws, local_aws.machine(PASS))
    before = time.time() * 1000
    arn = listener.start()
    running, succeeded = listener.event(), listener.event()
    assert (running["executionArn"], running["status"], running["name"]) == (arn, "RUNNING", arn.rpartition(":")[2])
    assert (running["input"], running["output"], running["stopDate"]) == ('{"a": 1}', None, None)
    assert running["redriveStatus"] == "NOT_REDRIVABLE"
    assert before - 1000 <= running["startDate"] <= succeeded["stopDate"] <= time.time() * 1000
    assert (succeeded["status"], json.loads(succeeded["output"])) == ("SUCCEEDED", {"a": 1})
    assert (succeeded["error"], succeeded["cause"]) == (None, None)
    assert succeeded["redriveStatus"] == "NOT_REDRIVABLE"


def test_a_failure_is_published_with_its_cause(local_aws: RunningLocalAws) -> None:
    listener = Listener(local_aws, local_aws.machine(FAIL))
    listener.start()
    assert listener.event()["status"] == "RUNNING"
    failed = listener.event()
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "Mine", "because")
    assert (failed["output"], failed["redriveStatus"], failed["redriveStatusReason"]) == (None, "REDRIVABLE", None)


def test_an_abort_is_published_with_its_cause(local_aws: RunningLocalAws) -> None:
    listener = Listener(local_aws, local_aws.machine(WAIT))
    arn = listener.start()
    assert listener.event()["status"] == "RUNNING"
    local_aws.states.stop_execution(executionArn=arn, error="Changed", cause="my mind")
    aborted = listener.event()
    assert (aborted["status"], aborted["error"], aborted["cause"]) == ("ABORTED", "Changed", "my mind")
    assert aborted["redriveStatus"] == "REDRIVABLE"
    assert isinstance(aborted["stopDate"], int)


def test_a_timeout_is_published(local_aws: RunningLocalAws) -> None:
    listener = Listener(local_aws, local_aws.machine(WAIT, TimeoutSeconds=1))
    listener.start()
    assert listener.event()["status"] == "RUNNING"
    timed_out = listener.event()
    assert (timed_out["status"], timed_out["redriveStatus"]) == ("TIMED_OUT", "REDRIVABLE")
    assert timed_out["stopDate"] - timed_out["startDate"] >= 1000
    assert timed_out["output"] is None


def test_an_express_execution_is_not_published(local_aws: RunningLocalAws) -> None:
    created = local_aws.states.create_state_machine(
        name=local_aws.name(),
        type="EXPRESS",
        roleArn="arn:aws:iam::000000000000:role/machine",
        definition=json.dumps({"StartAt": "Pass", "States": PASS}),
    )
    listener = Listener(local_aws, created["stateMachineArn"])
    arn = listener.start()
    assert local_aws.wait_for_execution(arn)["status"] == "SUCCEEDED"
    assert "Messages" not in listener.sqs.receive_message(QueueUrl=listener.queue, WaitTimeSeconds=1)
