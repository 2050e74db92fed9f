"""Everything under one key, in a VPC without a route out: deployed with IAM enforced, and run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.helpers.deployment import Deployment, cdk
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive


def test_the_example_deploys_and_runs(bootstrapped: Deployment, tmp_path: Path) -> None:
    app = f"{sys.executable} {ROOT / 'examples' / 'closed-network' / 'app.py'}"
    cdk(["deploy", "--app", app, "--output", str(tmp_path / "out")], bootstrapped.environment)
    data = tmp_path / "numbers.csv"
    data.write_text("a,b\n1,2\n3,4\n")

    ran = bootstrapped.run(data, "ClosedNetworkExample")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    session = bootstrapped.session
    (job, *_) = session.client("sagemaker").list_processing_jobs(SortBy="CreationTime", SortOrder="Descending")[
        "ProcessingJobSummaries"
    ]
    described = session.client("sagemaker").describe_processing_job(ProcessingJobName=job["ProcessingJobName"])
    network = described["NetworkConfig"]
    assert network["EnableInterContainerTrafficEncryption"]
    (group,) = network["VpcConfig"]["SecurityGroupIds"]
    assert len(network["VpcConfig"]["Subnets"]) == 2
    assert described["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 2
    ec2 = session.client("ec2")
    (hosts,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    ((pair,),) = [rule["UserIdGroupPairs"] for rule in hosts["IpPermissions"]]
    assert pair["GroupId"] == group  # the hosts accept connections from each other only
    # Filters of endpoints are ignored here, and so refused.
    endpoints = [one for one in ec2.describe_vpc_endpoints()["VpcEndpoints"] if one["VpcId"] == hosts["VpcId"]]
    services = {endpoint["ServiceName"].rpartition(".")[2] for endpoint in endpoints}
    assert services == {"s3", "dynamodb", "states", "sqs", "events", "lambda"}
