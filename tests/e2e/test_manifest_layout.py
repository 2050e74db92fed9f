"""Single objects and batches on a local AWS that stores a manifest's objects under their whole keys; IAM is enforced.

The other end-to-end tests run with the layout that is the default.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from smproc.local import LocalAws
from tests.helpers.deployment import Deployment, bootstrap, cdk, session_at
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

_DEADLINE_SECONDS = 240.0


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("layouts")
    local_aws = LocalAws(port=free_port(), state_dir=folder / "state", manifest_layout="key")
    with local_aws:
        environment = local_aws.redirect(os.environ) | {"SMPROC_HOME": str(folder / "state")}
        bootstrap(environment)
        app = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'layouts' / 'app.py'}"
        cdk(["deploy", "--app", app, "--output", str(folder / "out")], environment)
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106
        yield Deployment(local_aws.port, environment, session_at(session, local_aws.endpoint))


class Pipeline:
    """A pipeline of the app."""

    def __init__(self, deployment: Deployment, name: str) -> None:
        self._outputs = {
            key.removeprefix(name): value for key, value in deployment.outputs("Layouts").items() if name in key
        }
        self.bucket = self._outputs["UploadTo"].removeprefix("s3://").partition("/")[0]
        self.s3 = deployment.session.client("s3")
        self.states = deployment.session.client("stepfunctions")

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"text")

    def input_of(self, key: str) -> dict[str, Any]:
        """Return the input of the execution that has processed a key, when it has succeeded."""
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while True:
            listed = self.states.list_executions(stateMachineArn=self._outputs["StateMachine"])["executions"]
            for execution in (self.states.describe_execution(executionArn=one["executionArn"]) for one in listed):
                found: dict[str, Any] = json.loads(execution["input"])
                if found.get("key", key) == key and execution["status"] != "RUNNING":
                    assert execution["status"] == "SUCCEEDED", execution
                    return found
            assert time.monotonic() < deadline, listed
            time.sleep(0.2)

    def copies(self) -> set[str]:
        """Return the paths that the jobs found below the directory of their input."""
        bucket = self._outputs["OutputBucket"]
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="outputs/")
        return {item["Key"].partition("/copies/")[2] for page in pages for item in page.get("Contents", ())}


def test_a_single_object_has_its_name_and_one_with_a_sibling_its_whole_key(deployed: Deployment) -> None:
    pipeline = Pipeline(deployed, "Single")
    pipeline.put("drop/blue/a.csv")
    found = pipeline.input_of("drop/blue/a.csv")
    assert (found["s3_data_type"], found["s3_uri"]) == ("S3Prefix", f"s3://{pipeline.bucket}/drop/blue/a.csv")
    pipeline.put("drop/blue/b.csv.bak")
    pipeline.put("drop/blue/b.csv")
    assert pipeline.input_of("drop/blue/b.csv")["s3_data_type"] == "ManifestFile"
    assert pipeline.copies() == {"a.csv", "drop/blue/b.csv"}


def test_the_objects_of_a_batch_have_their_whole_keys(deployed: Deployment) -> None:
    pipeline = Pipeline(deployed, "Batch")
    pipeline.put("drop/blue/a.csv")
    pipeline.put("drop/red/b.csv")
    found = pipeline.input_of("")
    assert (found["s3_data_type"], found["objects"]) == ("ManifestFile", 2)
    assert pipeline.copies() == {"drop/blue/a.csv", "drop/red/b.csv"}
