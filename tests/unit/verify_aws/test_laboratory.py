"""The stack of stage 1 is small, and everything in it is destroyed again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from smproc.assemblies import CloudAssembly
from tools.verify_aws.costs import ENDPOINTS_MAX, INSTANCE_TYPE, JOB_MAX_SECONDS, bound
from tools.verify_aws.laboratory import STACK
from tools.verify_aws.without_deploying.synthesis import LABORATORY


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> CloudAssembly:
    out = tmp_path_factory.mktemp("laboratory")
    environment = {**os.environ, "CDK_OUTDIR": str(out)}
    ran = subprocess.run(
        [sys.executable, str(LABORATORY)], env=environment, check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return CloudAssembly(out)


@pytest.fixture(scope="module")
def resources(assembly: CloudAssembly) -> dict[str, Any]:
    template = json.loads((assembly.path / f"{STACK}.template.json").read_text())
    found: dict[str, Any] = template["Resources"]
    return found


def test_there_is_one_stack(assembly: CloudAssembly) -> None:
    assert [stack.name for stack in assembly.stacks] == [STACK]


def test_everything_is_destroyed_with_the_stack(resources: dict[str, Any]) -> None:
    kept = [name for name, resource in resources.items() if resource.get("DeletionPolicy") != "Delete"]
    replaced = [name for name, resource in resources.items() if resource.get("UpdateReplacePolicy") != "Delete"]
    assert (kept, replaced) == ([], [])
    protected = [
        name for name, each in resources.items() if each.get("Properties", {}).get("DeletionProtectionEnabled")
    ]
    assert protected == []


def test_no_resource_has_a_name_that_another_run_would_need(resources: dict[str, Any]) -> None:
    named = ("AlarmName", "BucketName", "LogGroupName", "QueueName", "RoleName", "StateMachineName", "TableName")
    # Step Functions' log groups must have a prefix; the name of the stack is in it.
    own = [name for name, each in resources.items() if set(named) & set(each.get("Properties", {}))]
    assert [name for name in own if resources[name]["Type"] != "AWS::Logs::LogGroup"] == []


def test_each_job_is_small_and_limited(assembly: CloudAssembly) -> None:
    assert len(assembly.steps) > 15
    for step in assembly.steps:
        cluster = step.request["ProcessingResources"]["ClusterConfig"]
        preferred = [each["InstanceType"] for each in cluster.get("InstancePreferences", ())]
        # Two machines are for types that AWS refuses: the questions name them.
        given = preferred or [cluster.get("InstanceType", cluster.get("InstanceType.$"))]
        assert given in ([INSTANCE_TYPE], ["$.instance_type"]), step.path
        assert step.request["StoppingCondition"]["MaxRuntimeInSeconds"] <= JOB_MAX_SECONDS, step.path


def test_the_endpoints_are_those_of_the_cost(resources: dict[str, Any]) -> None:
    endpoints = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::EC2::VPCEndpoint"]
    interfaces = [each for each in endpoints if each["VpcEndpointType"] == "Interface"]
    assert sum(len(each["SubnetIds"]) for each in interfaces) == ENDPOINTS_MAX
    assert "AWS::EC2::NatGateway" not in {each["Type"] for each in resources.values()}


def test_a_run_costs_less_than_a_dollar() -> None:
    assert 0 < sum(cost.usd for cost in bound()) < 1
    assert all(cost.page.startswith("https://aws.amazon.com/") for cost in bound())
