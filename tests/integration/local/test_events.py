"""The event at each change of a job's status, as a rule delivers it to a queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.helpers.deployment import session_at

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

CREDENTIAL = "test"
Received = Callable[[str, int], list[dict[str, Any]]]


@pytest.fixture
def received(local_aws: RunningLocalAws) -> Iterator[Received]:
    """A function that waits for a number of events of a job and returns them in order."""
    session = boto3.Session(aws_access_key_id=CREDENTIAL, aws_secret_access_key=CREDENTIAL, region_name="us-east-1")
    session_at(session, local_aws.aws.endpoint)
    events, queues = session.client("events"), session.client("sqs")
    name = local_aws.name()
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Processing Job State Change"]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def wait(job: str, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def receive() -> list[dict[str, Any]]:
            for message in queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()):
                queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                event = json.loads(message["Body"])
                if event["detail"]["ProcessingJobName"] == job:
                    found.append(event)
            return found

        local_aws.until(receive, lambda events: len(events) >= count)
        return found

    yield wait
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    events.close()
    queues.close()


def statuses(events: list[dict[str, Any]]) -> list[str]:
    return [event["detail"]["ProcessingJobStatus"] for event in events]


def test_a_job_that_completes_publishes_two_events_in_the_format_of_aws(
    local_aws: RunningLocalAws, received: Received
) -> None:
    request = local_aws.request("", Tags=[{"Key": "team", "Value": "x"}], Environment={"A": "1"})
    job = local_aws.wait(local_aws.create(request))
    started, ended = received(request["ProcessingJobName"], 2)
    assert statuses([started, ended]) == ["InProgress", "Completed"]
    assert {name: ended[name] for name in ("source", "account", "region", "resources", "version")} == {
        "source": "aws.sagemaker",
        "account": "000000000000",
        "region": "us-east-1",
        "resources": [job["ProcessingJobArn"]],
        "version": "0",
    }
    detail = ended["detail"]
    for member, value in request.items():
        assert detail[member] == ({"team": "x"} if member == "Tags" else value)
    assert detail["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert detail["CreationTime"] == round(job["CreationTime"].timestamp() * 1000)
    assert detail["CreationTime"] <= detail["ProcessingStartTime"] <= detail["ProcessingEndTime"]
    assert "ProcessingEndTime" not in started["detail"]


def test_a_failure_carries_its_reason_and_message(local_aws: RunningLocalAws, received: Received) -> None:
    job = local_aws.run("import sys; open('/opt/ml/output/message', 'w').write('no rows'); sys.exit(4)")
    *_, ended = received(job["ProcessingJobName"], 2)
    assert ended["detail"]["FailureReason"] == job["FailureReason"]
    assert ended["detail"]["ExitMessage"] == "no rows"


def test_a_stop_publishes_an_event_when_it_is_requested_and_when_it_is_done(
    local_aws: RunningLocalAws, received: Received
) -> None:
    name = local_aws.create(local_aws.request("print('ready', flush=True); import time; time.sleep(60)"))
    local_aws.wait_for_log(name, "ready")
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    local_aws.wait(name)
    assert statuses(received(name, 3)) == ["InProgress", "Stopping", "Stopped"]
