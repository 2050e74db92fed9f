"""An app of ordinary constructs is deployed, updated and destroyed by the unmodified CDK CLI, with IAM enforced."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from smproc.local import LocalAws
from tests.helpers.deployment import Deployment, bootstrap, cdk, session_at
from tests.helpers.ports import free_port

if TYPE_CHECKING:
    from types_boto3_ec2.type_defs import FilterTypeDef

pytestmark = pytest.mark.exhaustive

APP = Path(__file__).with_name("ordinary") / "app.py"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Deployment]:
    """Run a local AWS with bootstrapped regions only."""
    with LocalAws(port=free_port(), state_dir=tmp_path / "state") as local_aws:
        environment = local_aws.redirect(os.environ) | {"SMPROC_HOME": str(tmp_path / "state")}
        bootstrap(environment)
        session = boto3.Session("test", "test", region_name="us-east-1")
        yield Deployment(local_aws.port, environment, session_at(session, local_aws.endpoint))


@pytest.fixture
def command(empty: Deployment, tmp_path: Path) -> Callable[..., str]:
    """Run the CDK CLI with the app."""

    def command(*arguments: str, text: str) -> str:
        app = ["--app", f"{sys.executable} {APP}", "--context", f"text={text}", "--output", str(tmp_path / "out")]
        return cdk([*arguments, "--all", *app], empty.environment, cwd=tmp_path)

    return command


def test_ordinary_constructs(empty: Deployment, command: Callable[..., str]) -> None:
    s3, ec2 = empty.session.client("s3"), empty.session.client("ec2")
    for text in ("one", "two"):
        command("deploy", text=text)
        outputs = empty.outputs("Ordinary")
        bucket = outputs["BucketName"]
        assert s3.get_object(Bucket=bucket, Key="site/text")["Body"].read().decode() == text
        assert (outputs["Echoed"], outputs["Value"], outputs["Tries"]) == (text, text, "2")

    logs = empty.session.client("logs")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{outputs['FunctionName']}")["logGroups"]
    assert group["retentionInDays"] == 7
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])["Vpcs"]
    in_vpc: list[FilterTypeDef] = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    gateways = ec2.describe_nat_gateways(Filters=in_vpc)["NatGateways"]
    assert {gateway["State"] for gateway in gateways} == {"available"}
    (default,) = ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"]
    assert (default["IpPermissions"], default["IpPermissionsEgress"]) == ([], [])
    s3.put_object(Bucket=bucket, Key="in/object", Body=b"")
    sqs = empty.session.client("sqs")
    messages = sqs.receive_message(QueueUrl=outputs["QueueUrl"], MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
    assert any("in/object" in message["Body"] for message in messages)
    assert any(message["Body"] == "scheduled" for message in messages)

    command("destroy", "--force", text=text)
    names = {found["Name"] for found in s3.list_buckets()["Buckets"]}
    assert bucket not in names
    assert not ec2.describe_nat_gateways(Filters=[*in_vpc, {"Name": "state", "Values": ["available"]}])["NatGateways"]
    assert not ec2.describe_addresses()["Addresses"]
