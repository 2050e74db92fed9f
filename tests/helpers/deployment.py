"""Helpers of the end-to-end tests: a local AWS with deployed stacks, and the commands against it."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.helpers.stacks import ROOT

if TYPE_CHECKING:
    from boto3 import Session

AWS_CLI = ROOT / ".tools" / "awscli" / "bin" / "aws"


@dataclass(frozen=True)
class Deployment:
    """A local AWS with deployed stacks."""

    port: int
    environment: dict[str, str]
    session: Session

    def smproc(self, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would."""
        return subprocess.run(
            [sys.executable, "-m", "smproc.cli", *arguments],
            env=self.environment,
            cwd=cwd,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def run(self, path: Path, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``smproc run``."""
        return self.smproc("run", str(path), "--stack", stack, "--local", str(self.port), *arguments)

    def outputs(self, stack: str) -> dict[str, str]:
        """Return the outputs of a stack."""
        (description,) = self.session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}

    @contextlib.contextmanager
    def minutes_pass(self, stack: str) -> Iterator[None]:
        """Send each second what the rules of a stack send each minute to their functions.

        That the rules themselves do so is what test_batches and test_schedules wait for.
        """
        events, lambda_ = self.session.client("events"), self.session.client("lambda")
        listed = self.session.client("cloudformation").list_stack_resources(StackName=stack)["StackResourceSummaries"]
        rules = [each["PhysicalResourceId"] for each in listed if each["ResourceType"] == "AWS::Events::Rule"]
        of_minutes = [
            rule for rule in rules if events.describe_rule(Name=rule).get("ScheduleExpression") == "rate(1 minute)"
        ]
        targets = [target for rule in of_minutes for target in events.list_targets_by_rule(Rule=rule)["Targets"]]
        assert targets
        is_over = threading.Event()

        def pass_minutes() -> None:
            while not is_over.wait(1):
                for target in targets:
                    lambda_.invoke(FunctionName=target["Arn"], Payload=target["Input"])

        thread = threading.Thread(target=pass_minutes)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def session_at(session: Session, endpoint: str) -> Session:
    """Direct every client that a boto3 session creates, now once, to one endpoint, and return the session."""
    session.client = functools.cache(functools.partial(session.client, endpoint_url=endpoint))  # type: ignore[method-assign]
    return session


def bootstrap(environment: dict[str, str]) -> None:
    """Bootstrap the account from a directory without an app: the output directory of an app would be locked."""
    with tempfile.TemporaryDirectory() as directory:
        cdk(["bootstrap", "aws://000000000000/us-east-1"], environment, cwd=Path(directory))


def cdk(arguments: list[str], environment: dict[str, str], *, cwd: Path = ROOT) -> str:
    """Run the CDK CLI from npm, and return its output."""
    ran = subprocess.run(
        ["cdk", *arguments, *(["--require-approval", "never"] if arguments[0] == "deploy" else []), "--no-notices"],
        env=environment,
        cwd=cwd,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout
