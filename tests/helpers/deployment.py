"""What the end-to-end tests share: a local AWS with what is deployed on it, and the commands against it."""

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
    """A local AWS and what is deployed on it."""

    port: int
    environment: dict[str, str]
    session: Session

    def smproc(self, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would."""
        return subprocess.run(
            [sys.executable, "-m", "smproc.cli", *words],
            env=self.environment,
            cwd=cwd,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def run(self, path: Path, stack: str, *words: str) -> subprocess.CompletedProcess[str]:
        """``smproc run``."""
        return self.smproc("run", str(path), "--stack", stack, "--local", str(self.port), *words)

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of a stack."""
        (found,) = self.session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def session_at(session: Session, endpoint: str) -> Session:
    """Point every client that a boto3 session makes at one endpoint; return the session."""
    session.client = functools.partial(session.client, endpoint_url=endpoint)  # type: ignore[method-assign]
    return session


def bootstrap(environment: dict[str, str]) -> None:
    """Bootstrap the account, from a folder without an app: it needs none, and would lock the output folder of one."""
    with tempfile.TemporaryDirectory() as folder:
        cdk(["bootstrap", "aws://000000000000/us-east-1"], environment, cwd=Path(folder))


def cdk(words: list[str], environment: dict[str, str], *, cwd: Path = ROOT) -> str:
    """Run the CDK CLI from npm; returns what it prints."""
    ran = subprocess.run(
        ["cdk", *words, *(["--require-approval", "never"] if words[0] == "deploy" else []), "--no-notices"],
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
