"""What the end-to-end tests share: a local AWS with what is deployed on it, and the commands against it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers.stacks import ROOT

AWS_CLI = ROOT / ".tools" / "awscli" / "bin" / "aws"


@dataclass(frozen=True)
class Deployment:
    """A local AWS and what is deployed on it."""

    port: int
    environment: dict[str, str]
    session: Any

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


class SessionAt:
    """A boto3 session whose clients all talk to one endpoint."""

    def __init__(self, session: Any, endpoint: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._session = session
        self._endpoint = endpoint

    def client(self, service: str) -> Any:  # noqa: ANN401
        return self._session.client(service, endpoint_url=self._endpoint)


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
