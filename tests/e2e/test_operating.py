"""The commands that operate a deployed pipeline, as a user runs them, also one with exactly their permissions."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smproc.operations import Pipeline, find_pipeline
from smproc.operations.permissions import COMMANDS, Permission, policy_of
from tests.helpers.command import run_command
from tests.helpers.deployment import Deployment, cdk
from tests.helpers.waiting import until

pytestmark = pytest.mark.exhaustive

NAME = "ProcessingDemo/Pipeline"
GOOD = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(20))
BAD = b"no numbers\nat all\n"
USER = "operator"
SCHEDULES = "Nights"
# The circumstances of permissions that hold here.
PRESENT = {
    "retry": ("a job runs or failed",),
    "trace": ("a job runs or failed",),
    "uploads show": ("a job runs or failed",),
    "executions show": ("only the beginning of a name is given",),
    "executions stop": ("only the beginning of a name is given",),
    "executions redrive": ("only the beginning of a name is given",),
    "jobs wait": ("--logs",),
    "graph": ("--execution",),
    "doctor": ("--key",),
    "schedule fire": ("it starts runs",),
}


@dataclass(frozen=True)
class Operator:
    """A person who operates the demo."""

    deployment: Deployment
    pipeline: Pipeline

    def run(self, *arguments: str, keys: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return run_command([*arguments], self.deployment.environment | (keys or {}))

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


@pytest.fixture(scope="module")
def operator(untouched: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """An operator of the demo alone: the failed executions of other tests would need their attention."""
    cdk(["deploy", "ProcessingDemo", "--output", str(tmp_path_factory.mktemp("demo"))], untouched.environment)
    found = Operator(untouched, find_pipeline(untouched.session, NAME))
    with untouched.minutes_pass("ProcessingDemo"):  # the dispatcher works for the first time
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
    refused = operator.deployment.smproc("dead-letters", "discard", left["id"], "--pipeline", NAME)
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
    # A minute may have passed while the dispatcher was not to run, and was throttled.
    assert operator.problems() <= {"metrics"}


@dataclass(frozen=True)
class Uses:
    """A use of each command, by a person who has no permissions but those of a policy."""

    operator: Operator
    keys: dict[str, str]
    succeeded: str
    failed: str
    job: str
    directory: Path

    def words(self, command: str) -> list[str]:
        """Return the words of a use of a command."""
        bucket = self.operator.pipeline.bucket
        failed = f"s3://{bucket}/incoming/failed.csv"
        more: dict[str, Callable[[], list[str]]] = {
            "run": lambda: [str(self.directory / "good.csv")],
            "uploads show": lambda: [failed],
            "trace": lambda: [failed],
            "retry": lambda: [failed],
            "dead-letters show": lambda: ["no-such"],
            "dead-letters discard": lambda: ["--all", "--yes"],
            "doctor": lambda: ["--key", "incoming/a.csv"],
            "executions show": lambda: [self.failed[:12]],
            "executions stop": lambda: [self.running()["name"][:12]],
            "executions redrive": lambda: [self.failed[:12]],
            "adopt job": lambda: [self.job],
            "jobs show": lambda: [self.job],
            "jobs logs": lambda: [self.job],
            "jobs stop": lambda: [self.running()["job"]],
            "jobs wait": lambda: [self.job, "--logs"],
            "outputs get": lambda: [str(self.directory / "outputs"), "--force"],
            "outputs show": lambda: [self.output()],
            "backfill start": lambda: ["--no-follow", "--prefix", "incoming/none"],
            "backfill resume": lambda: ["--no-follow"],
            "graph": lambda: ["--execution", self.arn(self.succeeded)],
            "schedule list": lambda: ["--stack", SCHEDULES],
            "schedule fire": lambda: ["--stack", SCHEDULES],
        }
        of_a_pipeline = command not in (
            *("pipelines", "retry", "trace", "uploads show", "graph"),
            *("adopt job", "jobs show", "jobs logs", "jobs stop", "jobs wait"),
            *("outputs show", "schedule list", "schedule fire"),
        )
        words = more.get(command, list)()
        return [*command.split(), *words, *(["--pipeline", NAME] if of_a_pipeline else [])]

    def arn(self, name: str) -> str:
        return f"{self.operator.pipeline.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"

    def output(self) -> str:
        listed = self.operator.json("outputs", "list")["files"]
        return str(next(one["uri"] for one in listed if one["uri"].endswith(".csv")))

    def running(self) -> dict[str, str]:
        """Return an execution whose job goes on for some minutes, and its job."""
        listed = self.operator.json("executions", "list", "--status", "RUNNING")
        if not listed:
            port = ("--port", str(self.operator.deployment.port))
            self.operator.run("local", "fault", "delay", "--seconds", "600", "--times", "1", *port)
            self.operator.put("incoming/slow.csv", GOOD)
            listed = until(lambda: self.operator.json("executions", "list", "--status", "RUNNING"))
        name = str(listed[0]["name"])
        jobs = until(lambda: [one for one in self.operator.json("executions", "show", name)["jobs"] if one["name"]])
        return {"name": name, "job": str(jobs[-1]["name"])}

    def prepare(self, command: str) -> None:
        """Provide what a command works on."""
        if command == "executions redrive":
            states = self.operator.client("stepfunctions")
            until(lambda: states.describe_execution(executionArn=self.arn(self.failed))["status"] == "FAILED")
        if command in ("backfill stop", "backfill resume"):
            self.operator.run("backfill", "start", "--no-follow", "--pipeline", NAME)
        if command == "backfill resume":
            self.operator.run("backfill", "stop", "--pipeline", NAME)
        if command in ("dead-letters list", "dead-letters discard", "redrive"):
            url = self.operator.pipeline.dead_letter_queue_url
            self.operator.client("sqs").send_message(QueueUrl=url, MessageBody="not JSON")

    def permit(self, command: str, *, but: Permission | None = None) -> None:
        """Give the user the permissions of a command, but for one."""
        pipeline = self.operator.pipeline
        if command.startswith("schedule"):
            pipeline = replace(pipeline, stack=SCHEDULES)
        policy = policy_of([command], pipeline, but=but)
        # A policy has at least one statement.
        policy["Statement"].append({"Effect": "Allow", "Action": ["sts:GetCallerIdentity"], "Resource": ["*"]})
        document = json.dumps(policy)
        self.operator.client("iam").put_user_policy(UserName=USER, PolicyName="permissions", PolicyDocument=document)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return self.operator.run(*self.words(command), keys=self.keys)


def ended(operator: Operator, uri: str) -> Any:  # noqa: ANN401 - what the command prints
    """Return an upload whose execution has ended; None before."""
    upload = operator.json("trace", uri)["upload"]
    return upload if upload is not None and upload["state"] in ("SUCCEEDED", "FAILED") else None


@pytest.fixture(scope="module")
def uses(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> Uses:
    """A user without permissions, one execution that has succeeded and one that has failed, and a schedule."""
    directory = tmp_path_factory.mktemp("uses")
    (directory / "good.csv").write_bytes(GOOD)
    iam = operator.client("iam")
    iam.create_user(UserName=USER)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="nightly", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    target = {
        "Arn": operator.pipeline.state_machine_arn,
        "RoleArn": role,
        "Input": "{}",
    }
    schedule = {
        "ScheduleExpression": "cron(0 2 * * ? *)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "DISABLED",
        "Description": "Nights/Nightly: starts runs",
        "Target": target,
    }
    template = {"Resources": {"Nightly": {"Type": "AWS::Scheduler::Schedule", "Properties": schedule}}}
    stacks = operator.client("cloudformation")
    stacks.create_stack(StackName=SCHEDULES, TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName=SCHEDULES, WaiterConfig={"Delay": 1})
    uris = {name: operator.put(f"incoming/{name}", body) for name, body in (("failed.csv", BAD), ("good.csv", GOOD))}
    records = {name: until(partial(ended, operator, uri)) for name, uri in uris.items()}
    assert [one["state"] for one in records.values()] == ["FAILED", "SUCCEEDED"]
    until(lambda: operator.json("dead-letters", "list"))
    return Uses(
        operator=operator,
        keys={"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]},
        succeeded=records["good.csv"]["execution"]["name"],
        failed=records["failed.csv"]["execution"]["name"],
        job=operator.json("jobs", "list")[0]["name"],
        directory=directory,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_listed_permissions_are_enough(uses: Uses, command: str) -> None:
    uses.prepare(command)
    uses.permit(command)
    ran = uses.run(command)

    assert "not authorized" not in ran.stderr
    assert "unknown" not in ran.stdout
    expected = ("no dead letter 'no-such'", f"the job {uses.job} failed:")
    assert ran.returncode in (0, 3) or any(one in ran.stderr for one in expected), ran.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_listed_permission_is_needed(uses: Uses, command: str) -> None:
    """Remove each in turn, as far as what it is for is there; the command names the one that is missing."""
    removed = [one for one in COMMANDS[command] if not one.when or one.when in PRESENT.get(command, ())]
    for permission in dict.fromkeys(removed):
        uses.prepare(command)
        uses.permit(command, but=permission)
        ran = uses.run(command)
        if command == "doctor":
            # Without the first one, there is no pipeline to examine.
            missing = (f"needs {permission.action}", f"not authorized to perform: {permission.action} on")
            assert any(one in ran.stdout + ran.stderr for one in missing), permission
        else:
            assert f"not authorized to perform: {permission.action} on" in ran.stderr, (permission, ran)
            assert ran.returncode == 1, (permission, ran)
    if command == "pause":
        operator = uses.operator
        operator.run("resume", "--pipeline", NAME)
