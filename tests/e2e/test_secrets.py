"""A search for the values of secrets in logs, manifests, histories and deployed templates.

tests/conformance/template/test_examples.py searches the synthesized templates.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from smproc.local import LocalAws
from smproc.local.probes import children
from tests.helpers.deployment import Deployment, bootstrap, cdk, session_at
from tests.helpers.ports import free_port
from tests.helpers.secret_search import OF_THE_USER, Texts, unpacked, where
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

# The start of every secret that the local AWS generates: keys and tokens of role sessions, tokens of programs.
MARK = "5ec2e75ec2e7"
_MARKING = f"""
import secrets
def marked(make):
    # Shorter ones are not secrets: ids of traces, of access keys, of addresses.
    return lambda size=32: "{MARK}" + make(size)[{len(MARK)}:] if size >= 20 else make(size)
secrets.token_hex, secrets.token_urlsafe = marked(secrets.token_hex), marked(secrets.token_urlsafe)
"""
OBEDIENT = ROOT / "tests" / "e2e" / "app" / "app.py"


@dataclass(frozen=True)
class World:
    """A local AWS whose secrets can be recognised, with a pipeline on it."""

    local_aws: LocalAws
    deployment: Deployment

    def client(self, service: str) -> Any:  # noqa: ANN401 - the type depends on the service
        client: Any = self.deployment.session.client
        return client(service)

    def pages(self, service: str, operation: str, **parameters: str) -> Iterator[dict[str, Any]]:
        yield from self.client(service).get_paginator(operation).paginate(**parameters)

    def run(self, name: str, order: str) -> dict[str, Any]:
        """Upload an order, and return the execution that it starts when it has ended."""
        outputs = self.deployment.outputs("Obedient")
        bucket = outputs["UploadTo"].removeprefix("s3://").partition("/")[0]
        # A sibling, which starts no execution, so that the object is in a manifest.
        self.client("s3").put_object(Bucket=bucket, Key=f"{name}/")
        self.client("s3").put_object(Bucket=bucket, Key=name, Body=order.encode())
        deadline = time.monotonic() + 120
        while True:
            for execution in self.executions():
                if json.loads(execution["input"])["key"] == name and execution["status"] != "RUNNING":
                    return execution
            assert time.monotonic() < deadline, f"no execution of {name!r} has ended"
            time.sleep(0.1)

    def executions(self) -> Iterator[dict[str, Any]]:
        machine = self.deployment.outputs("Obedient")["StateMachine"]
        for page in self.pages("stepfunctions", "list_executions", stateMachineArn=machine):
            for listed in page["executions"]:
                yield self.client("stepfunctions").describe_execution(executionArn=listed["executionArn"])

    def log(self, group: str) -> Texts:
        for page in self.pages("logs", "filter_log_events", logGroupName=group):
            yield from ((f"log {group}", event["message"].encode()) for event in page["events"])

    def texts(self) -> Texts:
        """Yield everything that the local AWS shows to its clients, each part with its kind."""
        yield "server.log", self.local_aws.status().log.read_bytes()
        for page in self.pages("logs", "describe_log_groups"):
            for group in page["logGroups"]:
                yield from self.log(group["logGroupName"])
        s3 = self.client("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            for page in self.pages("s3", "list_objects_v2", Bucket=bucket["Name"]):
                for item in page.get("Contents", ()):
                    kind = "manifest" if item["Key"].startswith("manifests/") else "object"
                    body = s3.get_object(Bucket=bucket["Name"], Key=item["Key"])["Body"].read()
                    yield from ((f"{kind} {name}", content) for name, content in unpacked(item["Key"], body))
        for execution in self.executions():
            yield "execution", repr(execution).encode()
            for page in self.pages("stepfunctions", "get_execution_history", executionArn=execution["executionArn"]):
                yield "history", repr(page["events"]).encode()
        sagemaker = self.client("sagemaker")
        for job in sagemaker.list_processing_jobs(MaxResults=100)["ProcessingJobSummaries"]:
            described = sagemaker.describe_processing_job(ProcessingJobName=job["ProcessingJobName"])
            yield "job", repr([described, sagemaker.list_tags(ResourceArn=job["ProcessingJobArn"])]).encode()
        formation = self.client("cloudformation")
        for stack in formation.describe_stacks()["Stacks"]:
            parts = [formation.get_template(StackName=stack["StackName"])["TemplateBody"], stack]
            parts += formation.describe_stack_events(StackName=stack["StackName"])["StackEvents"]
            yield "stack", repr(parts).encode()

    def secrets_of_functions(self) -> set[str]:
        """Return the keys and tokens of roles in the environment of the functions' processes."""
        pid = self.local_aws.status().pid
        assert pid
        variables = [
            variable.decode().partition("=")
            for child in children(pid)
            for variable in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        ]
        return {value for name, _, value in variables if name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "sitecustomize.py").write_text(_MARKING)
    local_aws = LocalAws(port=free_port(), state_dir=folder / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("A_PASSWORD", OF_THE_USER)
        patch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        local_aws.start()
    try:
        environment = local_aws.redirect(os.environ) | {"A_PASSWORD": OF_THE_USER}
        bootstrap(environment)
        cdk(["deploy", "--app", f"{sys.executable} {OBEDIENT}", "--output", str(folder / "out")], environment)
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106
        yield World(local_aws, Deployment(local_aws.port, environment, session_at(session, local_aws.endpoint)))
    finally:
        local_aws.stop()


def test_no_secret_is_visible(world: World) -> None:
    assert world.run("good.txt", "show the beginnings")["status"] == "SUCCEEDED"
    assert world.run("bad.txt", "exit 3")["status"] == "FAILED"
    # The program had a marked token, and through it a marked key and a marked session.
    beginnings = [text for _, text in world.log("/aws/sagemaker/ProcessingJobs") if text.startswith(b"beginnings ")]
    assert beginnings == [f"beginnings {[MARK[:8]] * 3}".encode()]
    of_functions = world.secrets_of_functions()
    assert len(of_functions) >= 2
    assert where(world.texts(), {MARK, OF_THE_USER, *of_functions}) == set()


@pytest.mark.parametrize(
    ("order", "status", "shows"),
    [
        ("", "SUCCEEDED", ("object", "manifest", "execution", "history", "ProcessingJobs", "TriggerFunctionLogs")),
        ("exit 3 ", "FAILED", ("ProcessingJobs", "history", "server.log", "job")),
    ],
)
def test_a_planted_secret_is_found(world: World, order: str, status: str, shows: tuple[str, ...]) -> None:
    planted = f"planted-{status}"
    assert world.run(f"{planted}.txt", f"{order}{planted}")["status"] == status
    found = where(world.texts(), {planted})
    assert [part for part in shows if not any(part in kind for kind in found)] == [], found
