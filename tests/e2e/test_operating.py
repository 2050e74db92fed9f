"""The commands that operate a deployed pipeline, as a user runs them, also one with exactly their permissions."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from smproc.operations import Pipeline, find_pipeline
from smproc.operations.permissions import COMMANDS, policy_of
from tests.helpers.deployment import Deployment
from tests.helpers.stacks import ROOT

NAME = "ProcessingDemo/Pipeline"
GOOD = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(20))
BAD = b"no numbers\nat all\n"
USER = "operator"


@dataclass(frozen=True)
class Operator:
    """A person who operates the demo."""

    deployment: Deployment
    pipeline: Pipeline

    def run(self, *arguments: str, keys: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "smproc", *arguments],
            env=self.deployment.environment | (keys or {}),
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - what the command prints
        ran = self.run(*arguments, "--pipeline", NAME, "--json")
        assert ran.stderr == ""
        return json.loads(ran.stdout)

    def client(self, service: str) -> Any:  # noqa: ANN401 - as boto3's
        make: Any = self.deployment.session.client
        return make(service)

    def put(self, key: str, body: bytes) -> str:
        self.client("s3").put_object(Bucket=self.pipeline.bucket, Key=key, Body=body)
        return f"s3://{self.pipeline.bucket}/{key}"

    def problems(self) -> set[str]:
        return {one["check"] for one in self.json("doctor") if one["state"] == "problem"}


def until(condition: Callable[[], Any], seconds: float = 90) -> Any:  # noqa: ANN401 - what the condition returns
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def operator(deployment: Deployment) -> Operator:
    found = Operator(deployment, find_pipeline(deployment.session, NAME))
    # Until the dispatcher has worked for the first time, at the end of a minute.
    until(lambda: not found.problems())
    return found


def test_a_paused_pipeline_takes_uploads_and_starts_them_when_it_is_resumed(operator: Operator) -> None:
    paused = operator.json("pause")
    uri = operator.put("incoming/it's paused.csv", GOOD)
    until(lambda: operator.json("pause")["waiting"] == 1)
    again, traced = operator.json("pause"), operator.json("trace", uri)

    assert (paused["changed"], again["changed"], again["since"]) == (True, False, paused["since"])
    assert traced["upload"]["state"] in ("WAITING", "RECEIVED")
    assert operator.json("status")["health"] == "paused"
    assert operator.problems() == {"paused"}
    resumed = operator.json("resume")
    assert (resumed["changed"], resumed["since"]) == (True, None)
    until(lambda: operator.json("trace", uri)["upload"]["state"] == "SUCCEEDED")
    assert operator.json("resume")["changed"] is False


def test_what_failed_is_listed_retried_once_sent_back_and_discarded(operator: Operator) -> None:
    uri = operator.put("incoming/bad 1.csv", BAD)
    (letter,) = until(lambda: operator.json("dead-letters", "list"))

    assert (letter["about"], letter["objects"]) == (uri, 1)
    assert operator.json("dead-letters", "list")[0]["id"] == letter["id"]
    shown = operator.run("dead-letters", "show", letter["id"], "--pipeline", NAME)
    assert "cannot be split" in shown.stdout

    planned = operator.json("retry", "--all-failed", "--since", "1h", "--dry-run")
    followed = operator.run("retry", "--all-failed", "--since", "1h", "--follow", "--pipeline", NAME)
    assert [one["about"] for one in planned["retries"]] == [uri]
    assert followed.returncode == 1
    assert "1 of 1 ended, 1 of them failed" in followed.stdout
    assert f"failed again: {uri}" in followed.stdout
    until(lambda: len(operator.json("dead-letters", "list")) == 2)
    assert operator.json("retry", "--all-failed", "--since", "1h", "--dry-run")["skipped"] == {
        "it was retried already": 1
    }

    # The first of the two letters is about a failure that was repeated: it starts nothing.
    sent = operator.json("redrive", letter["id"])
    assert [one["id"] for one in sent] == [letter["id"]]
    (left,) = until(lambda: operator.json("dead-letters", "list"))
    refused = operator.run("dead-letters", "discard", left["id"], "--pipeline", NAME)
    assert refused.returncode == 130  # nobody has said yes
    assert f"{uri}: the object stays unprocessed" in refused.stderr
    assert operator.json("dead-letters", "discard", "--all", "--yes")[0]["id"] == left["id"]
    assert operator.json("dead-letters", "list") == []


def test_the_doctor_finds_what_somebody_has_broken(operator: Operator) -> None:
    assert operator.problems() == set()
    assert operator.run("doctor", "--pipeline", NAME, "--key", "incoming/a.csv").returncode == 0
    assert operator.run("doctor", "--pipeline", NAME, "--key", "elsewhere/a.csv").returncode == 3
    events, functions, s3 = (operator.client(service) for service in ("events", "lambda", "s3"))
    rules = events.list_rule_names_by_target(TargetArn=operator.pipeline.queue_arn)["RuleNames"]
    (mapping,) = functions.list_event_source_mappings(FunctionName=operator.pipeline.intake)["EventSourceMappings"]
    uuid, bucket = mapping["UUID"], operator.pipeline.bucket
    port = str(operator.deployment.port)
    try:
        for rule in rules:
            events.disable_rule(Name=rule)
        functions.update_event_source_mapping(UUID=uuid, Enabled=False)
        functions.put_function_concurrency(FunctionName=operator.pipeline.dispatcher, ReservedConcurrentExecutions=0)
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        operator.run("local", "fault", "quota", "--instance-type", "ml.m5.xlarge", "--port", port)

        assert operator.problems() >= {"rule", "event source", "function", "bucket", "quota"}
        assert operator.run("doctor", "--pipeline", NAME).returncode == 3
    finally:
        operator.run("local", "fault", "clear", "--port", port)
        for rule in rules:
            events.enable_rule(Name=rule)
        functions.update_event_source_mapping(UUID=uuid, Enabled=True)
        functions.delete_function_concurrency(FunctionName=operator.pipeline.dispatcher)
        enabled: dict[str, dict[str, str]] = {"EventBridgeConfiguration": {}}
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=enabled)
    assert operator.problems() == set()


@pytest.fixture(scope="module")
def keys(operator: Operator) -> dict[str, str]:
    """The keys of a user without permissions."""
    iam = operator.client("iam")
    iam.create_user(UserName=USER)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def permit(operator: Operator, policy: dict[str, Any]) -> None:
    document = json.dumps(policy)
    operator.client("iam").put_user_policy(UserName=USER, PolicyName="permissions", PolicyDocument=document)


def words(operator: Operator, command: str) -> list[str]:
    """Return a use of a command."""
    uri = f"s3://{operator.pipeline.bucket}/incoming/failed.csv"
    more = {
        "uploads show": [uri],
        "trace": [uri],
        "retry": [uri],
        "dead-letters show": ["no-such"],
        "dead-letters discard": ["--all", "--yes"],
        "doctor": ["--key", "incoming/a.csv"],
    }
    named = [] if command in ("pipelines", "retry", "trace", "uploads show") else ["--pipeline", NAME]
    return [*command.split(), *more.get(command, ()), *named]


@pytest.fixture(scope="module")
def _failed(operator: Operator) -> None:
    """An upload that has failed."""
    operator.put("incoming/failed.csv", BAD)
    until(lambda: operator.json("dead-letters", "list"))


@pytest.mark.usefixtures("_failed")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_listed_permissions_are_enough(operator: Operator, keys: dict[str, str], command: str) -> None:
    permit(operator, policy_of([command], operator.pipeline))
    ran = operator.run(*words(operator, command), keys=keys)

    assert "not authorized" not in ran.stderr
    assert "unknown" not in ran.stdout
    assert ran.returncode in (0, 3) or "no dead letter 'no-such'" in ran.stderr, ran.stderr


@pytest.mark.usefixtures("_failed")
@pytest.mark.parametrize(
    ("command", "action"),
    [
        ("pipelines", "tag:GetResources"),
        ("status", "cloudwatch:GetMetricData"),
        ("status", "dynamodb:BatchGetItem"),
        ("status", "sqs:GetQueueAttributes"),
        ("uploads list", "states:ListExecutions"),
        ("trace", "s3:ListBucketVersions"),
        ("trace", "states:GetExecutionHistory"),
        ("retry", "sqs:SendMessage"),
        ("dead-letters list", "sqs:ChangeMessageVisibility"),
        ("redrive", "sqs:ReceiveMessage"),
        ("pause", "dynamodb:UpdateItem"),
        ("pause", "cloudformation:ListStackResources"),
        ("resume", "lambda:InvokeFunction"),
        ("doctor", "iam:GetRole"),
        ("doctor", "servicequotas:ListServiceQuotas"),
        ("doctor", "s3:GetBucketNotification"),
        ("doctor", "lambda:GetFunctionConcurrency"),
    ],
)
def test_a_missing_permission_is_named(operator: Operator, keys: dict[str, str], command: str, action: str) -> None:
    policy = policy_of([command], operator.pipeline)
    for statement in policy["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    # A policy has at least one statement.
    others = {"Effect": "Allow", "Action": ["sts:GetCallerIdentity"], "Resource": "*"}
    policy["Statement"] = [others, *(statement for statement in policy["Statement"] if statement["Action"])]
    permit(operator, policy)
    if command in ("dead-letters list", "redrive"):
        operator.client("sqs").send_message(QueueUrl=operator.pipeline.dead_letter_queue_url, MessageBody="not JSON")
    ran = operator.run(*words(operator, command), keys=keys)

    if command == "doctor":
        assert f"needs {action}" in ran.stdout
    else:
        assert f"not authorized to perform: {action} on" in ran.stderr
        assert ran.returncode == 1
    if command == "pause":
        operator.run("resume", "--pipeline", NAME)
