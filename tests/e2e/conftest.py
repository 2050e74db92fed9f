"""The local AWS with the demo and a second pipeline on it, deployed by the unmodified CDK CLI, once for all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import boto3
import pytest

from smproc.local import LocalAws
from tests.helpers.deployment import Deployment, bootstrap, cdk, session_at
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("state")
    # Everything that the library deploys and does at run time must not rely on what is ignored here.
    local_aws = LocalAws(port=free_port(), state_dir=folder / "state", strict=True)
    with local_aws:
        environment = local_aws.redirect(os.environ) | {"SMPROC_HOME": str(folder / "state")}
        bootstrap(environment)
        cdk(["deploy", "--output", str(folder / "demo")], environment)
        app = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'app' / 'app.py'}"
        cdk(["deploy", "--app", app, "--output", str(folder / "obedient")], environment)
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        session_at(session, local_aws.endpoint)
        yield Deployment(port=local_aws.port, environment=environment, session=session)
