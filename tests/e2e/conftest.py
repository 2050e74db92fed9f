"""A local AWS for each worker, and on it the demo and a second pipeline, deployed by the unmodified CDK CLI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from smproc.local import LocalAws
from tests.helpers.deployment import Deployment, bootstrap, cdk, session_at
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT


@pytest.fixture(scope="session")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A local AWS that is bootstrapped, to which a test deploys stacks of its own."""
    with bootstrapped_in(tmp_path_factory.mktemp("state")) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The same for one file alone: the executions and messages of other files would disturb its tests."""
    with bootstrapped_in(tmp_path_factory.mktemp("state")) as deployment:
        yield deployment


@contextmanager
def bootstrapped_in(folder: Path) -> Iterator[Deployment]:
    # Everything that the library deploys and does at run time must not rely on what is ignored here.
    local_aws = LocalAws(port=free_port(), state_dir=folder / "state", strict=True)
    with local_aws:
        environment = local_aws.redirect(os.environ) | {"SMPROC_HOME": str(folder / "state")}
        bootstrap(environment)
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        session_at(session, local_aws.endpoint)
        yield Deployment(port=local_aws.port, environment=environment, session=session)


@pytest.fixture(scope="session")
def deployment(bootstrapped: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The same with the demo, and with a pipeline whose script obeys the file that is uploaded."""
    folder = tmp_path_factory.mktemp("deployment")
    obedient = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'app' / 'app.py'}"
    cdk(["deploy", "--output", str(folder / "demo")], bootstrapped.environment)
    cdk(["deploy", "--app", obedient, "--output", str(folder / "obedient")], bootstrapped.environment)
    return bootstrapped
