"""EventBridge Scheduler on the local AWS: when schedules are due, what they start, and what happens if they cannot."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.helpers.local_aws import RunningLocalAws, process_local_aws
from tests.helpers.sandboxes import require_any_sandbox

ROLE = "arn:aws:iam::000000000000:role/scheduler"
PAST = "at(2024-02-29T12:30:00)"


@pytest.fixture(name="queue")
def _queue(local_aws: RunningLocalAws) -> str:
    return str(local_aws.client("sqs").create_queue(QueueName=local_aws.name())["QueueUrl"])


def arn_of(queue: str) -> str:
    return f"arn:aws:sqs:us-east-1:000000000000:{queue.rpartition('/')[2]}"


def schedule(aws: RunningLocalAws, target: dict[str, Any], expression: str = PAST, **more: Any) -> str:
    name = aws.name()
    created = aws.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"RoleArn": ROLE, **target},
        **more,
    )
    return str(created["ScheduleArn"])


def message(aws: RunningLocalAws, queue: str) -> dict[str, Any]:
    def receive() -> list[dict[str, Any]]:
        received = aws.client("sqs").receive_message(QueueUrl=queue, MessageAttributeNames=["All"])
        return list(received.get("Messages", ()))

    return aws.until(receive, bool)[0]


def test_any_action_of_any_service_is_a_target_and_the_context_has_values(
    local_aws: RunningLocalAws, queue: str
) -> None:
    text = "<aws.scheduler.scheduled-time> <aws.scheduler.schedule-arn> <aws.scheduler.attempt-number>"
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
        "Input": json.dumps({"QueueUrl": queue, "MessageBody": text}),
    }
    arn = schedule(local_aws, target, "at(2024-07-01T12:30:00)", ScheduleExpressionTimezone="Europe/Berlin")
    # The clock of Berlin is two hours ahead in July.
    assert message(local_aws, queue)["Body"] == f"2024-07-01T10:30:00Z {arn} 1"


def test_a_processing_job_is_a_target(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("print('scheduled')")
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob", "Input": json.dumps(request)}
    schedule(local_aws, target)
    name = request["ProcessingJobName"]
    names = lambda: [  # noqa: E731
        job["ProcessingJobName"]
        for job in local_aws.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    ]
    local_aws.until(names, bool)
    assert local_aws.wait(name)["ProcessingJobStatus"] == "Completed"


def test_state_machines_queues_and_topics_are_targets(local_aws: RunningLocalAws, queue: str) -> None:
    machine = local_aws.machine({"Pass": {"Type": "Pass", "End": True}})
    schedule(local_aws, {"Arn": machine, "Input": '{"a": 1}'})
    sns = local_aws.client("sns")
    topic = sns.create_topic(Name=local_aws.name())["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(queue), Attributes={"RawMessageDelivery": "true"})
    schedule(local_aws, {"Arn": topic, "Input": "hello"})
    assert message(local_aws, queue)["Body"] == "hello"
    schedule(local_aws, {"Arn": arn_of(queue)})
    event = json.loads(message(local_aws, queue)["Body"])
    assert (event["source"], event["time"]) == ("aws.scheduler", "2024-02-29T12:30:00Z")

    def executions() -> list[Any]:
        return list(local_aws.states.list_executions(stateMachineArn=machine)["executions"])

    (execution,) = local_aws.until(executions, bool)
    assert local_aws.wait_for_execution(execution["executionArn"])["input"] == '{"a": 1}'


def test_a_rate_begins_at_once_and_one_time_happens_once(local_aws: RunningLocalAws, queue: str) -> None:
    schedule(local_aws, {"Arn": arn_of(queue), "Input": "rate"}, "rate(1 hour)")
    once = schedule(local_aws, {"Arn": arn_of(queue), "Input": "once"}, ActionAfterCompletion="DELETE")
    bodies = {message(local_aws, queue)["Body"] for _ in range(2)}
    assert bodies == {"rate", "once"}
    scheduler = local_aws.client("scheduler")
    names = lambda: {one["Arn"] for one in scheduler.list_schedules()["Schedules"]}  # noqa: E731
    assert once not in local_aws.until(names, lambda found: once not in found)


def test_what_cannot_be_started_is_in_the_dead_letter_queue(local_aws: RunningLocalAws, queue: str) -> None:
    missing = "arn:aws:states:us-east-1:000000000000:stateMachine:missing"
    arn = schedule(local_aws, {"Arn": missing, "Input": '{"a": 1}', "DeadLetterConfig": {"Arn": arn_of(queue)}})
    letter = message(local_aws, queue)
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert letter["Body"] == '{"a": 1}'
    assert attributes["ERROR_CODE"] == "StateMachineDoesNotExist"
    assert (attributes["SCHEDULE_ARN"], attributes["TARGET_ARN"]) == (arn, missing)
    assert attributes["SCHEDULED_TIME"] == "2024-02-29T12:30:00Z"


def test_a_schedule_that_is_disabled_or_not_due_starts_nothing(local_aws: RunningLocalAws, queue: str) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    schedule(local_aws, {"Arn": arn_of(queue), "Input": "disabled"}, State="DISABLED")
    schedule(local_aws, {"Arn": arn_of(queue), "Input": "later"}, f"at({tomorrow:%Y-%m-%dT%H:%M:%S})")
    schedule(local_aws, {"Arn": arn_of(queue), "Input": "not begun"}, "rate(1 minute)", StartDate=tomorrow)
    schedule(local_aws, {"Arn": arn_of(queue), "Input": "a leap day"}, "cron(0 12 29 2 ? *)")
    # This one is looked at last.
    schedule(local_aws, {"Arn": arn_of(queue), "Input": "now"})
    assert message(local_aws, queue)["Body"] == "now"
    assert "Messages" not in local_aws.client("sqs").receive_message(QueueUrl=queue)


def test_the_role_of_a_schedule_must_trust_the_scheduler(tmp_path: Path) -> None:
    with process_local_aws(tmp_path, require_any_sandbox(), enforce_iam=True) as local_aws:
        aws = RunningLocalAws(local_aws, "any")
        queue = str(aws.client("sqs").create_queue(QueueName="queue")["QueueUrl"])
        trust: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}
        trust["Action"] = "sts:AssumeRole"
        aws.iam.create_role(RoleName="scheduler", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
            schedule(aws, {"Arn": arn_of(queue)})
        trust["Principal"] = {"Service": "scheduler.amazonaws.com"}
        group = "arn:aws:scheduler:us-east-1:000000000000:schedule-group/default"
        trust["Condition"] = {"StringEquals": {"aws:SourceArn": group, "aws:SourceAccount": "000000000000"}}
        aws.iam.update_assume_role_policy(RoleName="scheduler", PolicyDocument=json.dumps({"Statement": [trust]}))
        letters = {"DeadLetterConfig": {"Arn": arn_of(queue)}}
        # The role may send the dead letter, and start nothing.
        grant = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn_of(queue)}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
        aws.iam.put_role_policy(RoleName="scheduler", PolicyName="letters", PolicyDocument=policy)
        other = str(aws.client("sqs").create_queue(QueueName="other")["QueueUrl"])
        schedule(aws, {"Arn": arn_of(other), **letters})
        denied = message(aws, queue)["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
        assert "not authorized to perform: sqs:sendmessage" in denied.lower()
        aws.close()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ScheduleExpression": "rate(0 minutes)"}, "Invalid Schedule Expression rate"),
        ({"ScheduleExpression": "cron(* * * * *)"}, "Invalid Schedule Expression cron"),
        ({"ScheduleExpression": "at(2024-02-30T00:00:00)"}, "Invalid Schedule Expression at"),
        ({"ScheduleExpressionTimezone": "Europe/Nowhere"}, "Invalid Schedule Expression Timezone Europe/Nowhere"),
        ({"Target": "arn:aws:scheduler:::aws-sdk:sqs:noSuchAction"}, "no service has this action"),
        ({"Target": "arn:aws:scheduler:::aws-sdk:sagemaker:listProcessingJobs"}, "does not support actions that only"),
        ({"Target": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}, "is not one of the local AWS"),
    ],
)
def test_what_is_wrong_is_refused_at_creation(local_aws: RunningLocalAws, changed: dict[str, str], reason: str) -> None:
    request: dict[str, Any] = {
        "Name": local_aws.name(),
        "ScheduleExpression": PAST,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        **changed,
        "Target": {"Arn": changed.get("Target", "arn:aws:sqs:us-east-1:000000000000:q"), "RoleArn": ROLE},
    }
    with pytest.raises(ClientError, match=reason) as refused:
        local_aws.client("scheduler").create_schedule(**request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
