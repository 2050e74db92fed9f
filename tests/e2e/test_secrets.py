"""No secret gets into a template, an asset, a log, a manifest or a history: looked for by the very values."""

from __future__ import annotations

import io
import json
import os
import sys
import time
import zipfile
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
from tests.helpers.stacks import ROOT, run_app

# What every secret that the local AWS makes begins with: keys and tokens of roles' sessions, tokens of programs.
MADE = "5ec2e75ec2e7"
_MARKING = f"""
import secrets
def marked(make):
    # The shorter ones are no secrets: ids of traces, of access keys, of addresses.
    return lambda size=32: "{MADE}" + make(size)[{len(MADE)}:] if size >= 20 else make(size)
secrets.token_hex, secrets.token_urlsafe = marked(secrets.token_hex), marked(secrets.token_urlsafe)
"""
# What is in the environment of whoever synthesizes, deploys and starts the local AWS.
OF_THE_USER = "7b1e-a-secret-of-the-user"
ENVIRONMENT = dict.fromkeys(("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "A_PASSWORD"), OF_THE_USER)
APPS = [
    ROOT / "app.py",
    *sorted((ROOT / "examples").glob("*.py")),
    *sorted((ROOT / "examples").glob("processors/*.py")),
]
OBEDIENT = ROOT / "tests" / "e2e" / "app" / "app.py"
_FROM_THE_USER = 'os.environ["A_PASSWORD"]'
Texts = Iterator[tuple[str, bytes]]


def unpacked(name: str, content: bytes) -> Texts:
    """A file, and when it is a zip, the files in it."""
    yield name, name.encode() + content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as files:
            for inner in files.namelist():
                yield f"{name}!{inner}", files.read(inner)


def files_of(folder: Path) -> Texts:
    for path in folder.rglob("*"):
        if path.is_file():
            yield from unpacked(path.name, path.read_bytes())


@dataclass(frozen=True)
class World:
    """A local AWS whose secrets can be recognised, with a pipeline on it."""

    local_aws: LocalAws
    deployment: Deployment

    def client(self, service: str) -> Any:  # noqa: ANN401 - the type depends on the service
        client: Any = self.deployment.session.client
        return client(service)

    def pages(self, service: str, operation: str, **given: str) -> Iterator[dict[str, Any]]:
        yield from self.client(service).get_paginator(operation).paginate(**given)

    def run(self, name: str, order: str) -> dict[str, Any]:
        """Upload an order; the execution that it starts, when it has ended."""
        outputs = self.deployment.outputs("Obedient")
        bucket = outputs["UploadTo"].removeprefix("s3://").partition("/")[0]
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
        """Everything that the local AWS shows to whoever may look, each part by its kind."""
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
            told = [formation.get_template(StackName=stack["StackName"])["TemplateBody"], stack]
            told += formation.describe_stack_events(StackName=stack["StackName"])["StackEvents"]
            yield "stack", repr(told).encode()

    def secrets_of_functions(self) -> set[str]:
        """What the functions' processes have been given: their roles' keys and tokens."""
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
    local_aws = LocalAws(port=free_port(), state_dir=folder / "state", enforce_iam=True)
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


def where(texts: Texts, secrets: set[str]) -> set[str]:
    """The kinds of what one of the secrets stands in."""
    return {name for name, content in texts if any(secret.encode() in content for secret in secrets)}


@pytest.mark.parametrize("app", APPS, ids=[app.stem for app in APPS])
def test_no_secret_of_the_user_is_in_what_is_synthesized(app: Path, tmp_path: Path) -> None:
    run_app(tmp_path, app=app, cwd=tmp_path, **ENVIRONMENT)
    assert list(tmp_path.glob("*.template.json"))
    assert where(files_of(tmp_path), {OF_THE_USER}) == set()


def test_a_secret_in_the_environment_of_a_processor_would_be_found(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    source = (ROOT / "examples" / "processors" / "processor.py").read_text()
    assert '"INFO"' in source  # of a variable that the example gives to its processor
    app.write_text(
        f"import os\n{source.split('from __future__ import annotations')[1]}".replace('"INFO"', _FROM_THE_USER)
    )
    run_app(tmp_path / "out", app=app, cwd=tmp_path, **ENVIRONMENT)
    (template,) = (tmp_path / "out").glob("*.template.json")
    assert template.name in where(files_of(tmp_path / "out"), {OF_THE_USER})


def test_no_secret_is_where_others_look(world: World) -> None:
    assert world.run("good.txt", "show the beginnings")["status"] == "SUCCEEDED"
    assert world.run("bad.txt", "exit 3")["status"] == "FAILED"
    # The program had a marked token, and by it a marked key and a marked session.
    beginnings = [text for _, text in world.log("/aws/sagemaker/ProcessingJobs") if text.startswith(b"beginnings ")]
    assert beginnings == [f"beginnings {[MADE[:8]] * 3}".encode()]
    of_functions = world.secrets_of_functions()
    assert len(of_functions) >= 2
    assert where(world.texts(), {MADE, OF_THE_USER, *of_functions}) == set()


@pytest.mark.parametrize(
    ("order", "status", "shows"),
    [
        ("", "SUCCEEDED", ("object", "manifest", "execution", "history", "ProcessingJobs", "TriggerFunctionLogs")),
        ("exit 3 ", "FAILED", ("ProcessingJobs", "history", "server.log", "job")),
    ],
)
def test_what_somebody_gives_away_is_found(world: World, order: str, status: str, shows: tuple[str, ...]) -> None:
    planted = f"planted-{status}"
    assert world.run(f"{planted}.txt", f"{order}{planted}")["status"] == status
    found = where(world.texts(), {planted})
    assert [part for part in shows if not any(part in kind for kind in found)] == [], found
