"""An edit of a script reaches the jobs: by `cdk deploy` without a terminal, by its hotswaps, and by `cdk watch`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.deployment import Deployment
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import ended_execution

pytestmark = pytest.mark.exhaustive

STACKS = ("EditsAnywhere", "EditsBound")
SCRIPT = """
import pathlib

told = pathlib.Path("/opt/ml/processing/told")
told.mkdir(exist_ok=True)
data = pathlib.Path("/opt/ml/processing/data/version").read_text()
(told / "version").write_text(f"script {VERSION}, data {{data}}")
"""


@dataclass(frozen=True)
class Edits:
    """The app, whose script the tests edit."""

    deployment: Deployment
    directory: Path

    def edit(self, version: int) -> None:
        code = self.directory / "code"
        (code / "data").mkdir(parents=True, exist_ok=True)
        (code / "data" / "version").write_text(str(version))
        (code / "main.py").write_text(SCRIPT.replace("{VERSION}", str(version)).replace("{{data}}", "{data}"))

    def cdk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CDK CLI as a pipeline does: without a terminal, and with its default for --require-approval."""
        return subprocess.run(
            self._command(*arguments),
            env=self._environment(),
            cwd=ROOT,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )

    @contextmanager
    def watch(self, stack: str) -> Iterator[Path]:
        """Run `cdk watch` meanwhile, and return the file with its messages."""
        watched = self.directory / "code"
        # The CLI watches the directory with the cdk.json that it reads.
        (watched / "cdk.json").write_text(json.dumps({"watch": {"include": ["**"]}}))
        messages = self.directory / "watch.log"
        with messages.open("w") as log:
            process = subprocess.Popen(
                self._command("watch", stack, "--no-logs"),
                env=self._environment(),
                cwd=watched,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                yield messages
            finally:
                process.terminate()
                process.wait(timeout=30)

    def _command(self, *arguments: str) -> list[str]:
        app = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'edits' / 'app.py'}"
        return ["cdk", *arguments, "--app", app, "--output", str(self.directory / "out"), "--no-notices"]

    def _environment(self) -> dict[str, str]:
        return self.deployment.environment | {"EDITED_CODE": str(self.directory / "code")}

    def told(self, *stacks: str) -> dict[str, str]:
        """Return what the job of each stack writes now."""
        states, s3 = self.deployment.session.client("stepfunctions"), self.deployment.session.client("s3")
        arns = {stack: self.deployment.outputs(stack)["MachineArn"] for stack in stacks}
        executions = {
            name: states.start_execution(stateMachineArn=arn, input=json.dumps({"items": [1]}))["executionArn"]
            for name, arn in arns.items()
        }
        found = {}
        for name, arn in executions.items():
            execution = ended_execution(states, arn)
            assert execution["status"] == "SUCCEEDED", execution.get("cause")
            (job,) = json.loads(execution["output"])
            uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
            bucket, _, prefix = uri.removeprefix("s3://").partition("/")
            found[name] = s3.get_object(Bucket=bucket, Key=f"{prefix}/version")["Body"].read().decode()
        return found


@pytest.fixture(scope="module")
def edits(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Edits:
    edits = Edits(deployment, tmp_path_factory.mktemp("edits"))
    edits.edit(1)
    ran = edits.cdk("deploy", "--all", "--require-approval", "never")
    assert ran.returncode == 0, ran.stdout
    return edits


def test_a_deployment_without_a_terminal_is_not_stopped_for_a_change_of_permissions(edits: Edits) -> None:
    # Of the stack without a nested one: the local AWS cannot update those.
    stack = STACKS[0]
    edits.edit(2)
    diff = edits.cdk("diff", stack, "--security-only", "--fail")
    assert diff.returncode == 0, diff.stdout  # with --fail, a difference is an error
    ran = edits.cdk("deploy", stack)
    assert ran.returncode == 0, ran.stdout
    assert edits.told(stack) == {stack: "script 2, data 2"}


def test_a_hotswap_reaches_the_jobs(edits: Edits) -> None:
    edits.edit(3)
    ran = edits.cdk("deploy", "--all", "--hotswap")
    assert ran.returncode == 0, ran.stdout
    for refusal in ("non-hotswappable", "Could not perform a hotswap"):
        assert refusal not in ran.stdout
    # For each machine its definition, its script and its local input.
    assert ran.stdout.count("hotswapped!") == 3 * len(STACKS), ran.stdout
    assert edits.told(*STACKS) == dict.fromkeys(STACKS, "script 3, data 3")


def test_a_hotswap_with_fallback_reaches_the_jobs(edits: Edits) -> None:
    stack = STACKS[0]
    edits.edit(4)
    ran = edits.cdk("deploy", stack, "--hotswap-fallback")
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.count("hotswapped!") == 3, ran.stdout
    assert edits.told(stack) == {stack: "script 4, data 4"}


def test_watch_deploys_a_saved_script(edits: Edits) -> None:
    stack = STACKS[0]
    edits.edit(5)
    with edits.watch(stack) as messages:
        wait_for(messages, "hotswapped!", 3)  # the deployment that it starts with
        assert edits.told(stack) == {stack: "script 5, data 5"}
        edits.edit(6)
        wait_for(messages, "hotswapped!", 6)
        assert edits.told(stack) == {stack: "script 6, data 6"}


def test_after_a_hotswap_without_an_upload_no_job_runs_the_old_script(edits: Edits) -> None:
    # The CLI does not read the result of the function. With less time than it reserves for its response, it fails.
    stack = STACKS[0]
    functions = edits.deployment.session.client("lambda")
    (name,) = (
        function["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for function in page["Functions"]
        if function["FunctionName"].startswith(f"{stack}-ProcessingCodeUnpacker")
    )
    functions.update_function_configuration(FunctionName=name, Timeout=60)
    edits.edit(7)
    try:
        ran = edits.cdk("deploy", stack, "--hotswap")
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=900)
    assert ran.stdout.count("hotswapped!") == 3, ran.stdout
    with pytest.raises(AssertionError, match=r"code/[0-9a-f]{8,}"):  # the reason names the files that are missing
        edits.told(stack)


def wait_for(messages: Path, text: str, count: int) -> None:
    deadline = time.monotonic() + 120
    while messages.read_text().count(text) < count:
        assert time.monotonic() < deadline, messages.read_text()
        time.sleep(0.2)
