"""Two stacks bound to an account and a region, deployed with the variables of ``smproc local env``, and run."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import boto3
import pytest

from smproc.local.environment import redirected
from tests.helpers.deployment import Deployment, cdk
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

ACCOUNT, REGION = "111122223333", "eu-west-1"
APP = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'stacks' / 'app.py'}"


@pytest.fixture(scope="module")
def bound(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Deploy the two stacks to an account and a region of their own in the same local AWS."""
    printed = deployment.smproc(
        "local", "env", "--port", str(deployment.port), "--account", ACCOUNT, "--region", REGION
    )
    assert printed.returncode == 0, printed.stderr
    exports = [line.removeprefix("export ") for line in printed.stdout.splitlines() if line.startswith("export ")]
    variables = dict(shlex.split(line)[0].split("=", 1) for line in exports)
    environment = deployment.environment | variables
    directory = tmp_path_factory.mktemp("stacks")
    cdk(["bootstrap", f"aws://{ACCOUNT}/{REGION}"], environment, cwd=directory)
    cdk(["deploy", "--all", "--app", APP, "--output", str(directory / "out")], environment)
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    deployed = Deployment(port=deployment.port, environment=environment, session=session)
    endpoint = environment["AWS_ENDPOINT_URL"]
    client = session.client
    session.client = lambda service, **options: client(service, endpoint_url=endpoint, **options)  # type: ignore[method-assign,assignment]
    return deployed


def test_the_pipeline_runs_with_the_role_and_the_key_of_the_base_stack(bound: Deployment, tmp_path: Path) -> None:
    data = tmp_path / "numbers.csv"
    data.write_text("a,b\n1,2\n")
    ran = bound.run(data, "OwnPipeline")
    assert ran.returncode == 0, ran.stdout + ran.stderr

    outputs = bound.outputs("OwnPipeline")
    s3 = bound.session.client("s3")
    listed = s3.list_objects_v2(Bucket=outputs["OutputBucket"], Prefix="outputs/")["Contents"]
    (copied,) = [entry["Key"] for entry in listed if entry["Key"].endswith("numbers.csv")]
    head = s3.head_object(Bucket=outputs["OutputBucket"], Key=copied)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", outputs["KeyArn"])

    sagemaker = bound.session.client("sagemaker")
    (job,) = sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
    described = sagemaker.describe_processing_job(ProcessingJobName=job["ProcessingJobName"])
    assert described["ProcessingJobArn"].startswith(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:")
    assert described["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == outputs["KeyArn"]


def test_the_log_group_of_the_state_machine_is_below_the_vended_prefix(bound: Deployment) -> None:
    outputs = bound.outputs("OwnPipeline")
    assert outputs["LogGroup"].startswith("/aws/vendedlogs/states/OwnPipeline")
    logs = bound.session.client("logs")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=outputs["LogGroup"])["logGroups"]
    assert group["kmsKeyId"] == outputs["KeyArn"]


def test_the_other_accounts_see_nothing_of_it(deployment: Deployment, bound: Deployment) -> None:
    stacks = deployment.session.client("cloudformation").describe_stacks()["Stacks"]
    assert "OwnPipeline" not in {stack["StackName"] for stack in stacks}
    assert bound.outputs("OwnPipeline")
    assert redirected(bound.port, REGION, {}, ACCOUNT)["CDK_DEFAULT_ACCOUNT"] == ACCOUNT
