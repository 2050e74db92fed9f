"""Helpers of the end-to-end tests: a local AWS with deployed stacks, and the commands against it."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
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


def session_at(session: Session, endpoint: str) -> Session:
    """Direct every client that a boto3 session creates to one endpoint, and return the session."""
    session.client = functools.partial(session.client, endpoint_url=endpoint)  # type: ignore[method-assign]
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
