"""The deployment of the stack by the CDK CLI, as a user deploys."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smproc.assemblies import cdk_cli
from tools.verify_aws.account import Account
from tools.verify_aws.laboratory.names import STACK

ROOT: Final = Path(__file__).resolve().parents[3]
_LINES_SHOWN: Final = 30


class DeploymentError(Exception):
    """The CDK CLI is not there, or could not deploy."""


@dataclass(frozen=True)
class Deployment:
    """The stack in an account.

    Attributes:
        account: the account.
        profile: a profile of the AWS configuration, for the CDK CLI; None for the chain's.
    """

    account: Account
    profile: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def deploy(self, revision: int = 0) -> str:
        """Deploy the stack, and return what the CDK CLI printed.

        Args:
            revision: changes the content of one script.

        Raises:
            DeploymentError: it failed.
        """
        app = f"{sys.executable} {ROOT / 'tools' / 'verify_aws' / 'laboratory' / 'app.py'}"
        options = ["--app", app, "--context", f"revision={revision}", "--require-approval", "never", "--no-notices"]
        with self._lock, tempfile.TemporaryDirectory() as output:
            return self._cdk("deploy", STACK, *options, "--output", output)

    def outputs(self) -> Mapping[str, str]:
        """Return the outputs of the stack."""
        (stack,) = self.account.ask("cloudformation", "describe_stacks", StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}

    def _cdk(self, *arguments: str) -> str:
        cli = cdk_cli(ROOT)
        if cli is None:
            raise DeploymentError("the CDK CLI must be installed, got none; run make setup, or npm install aws-cdk")
        profile = ["--profile", self.profile] if self.profile else []
        environment = {**os.environ, "AWS_REGION": self.account.region, "AWS_DEFAULT_REGION": self.account.region}
        ran = subprocess.run(
            [cli, *arguments, *profile],
            cwd=ROOT,
            env=environment,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if ran.returncode:
            end = "\n".join(ran.stdout.strip().splitlines()[-_LINES_SHOWN:])
            raise DeploymentError(f"cdk {arguments[0]} failed with exit status {ran.returncode}:\n{end}")
        return ran.stdout
