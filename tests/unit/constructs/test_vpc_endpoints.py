"""A VPC without internet access, and the endpoints that it needs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_sns as sns

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    InvalidValueError,
    ProcessingOutput,
    ProcessingVpcEndpoints,
    Safeguards,
    ScriptProcessor,
    uploaded_objects,
)
from tests.helpers.stacks import ROOT, resources, stack, statements

SCRIPT = str(ROOT / "examples" / "processors" / "scripts" / "count_rows.py")
IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
# Services that AWS calls with a role from its own network: to encrypt for other services, write logs and traces, create
# network interfaces.
OF_SERVICES = {"ec2", "kms", "logs", "xray"}


def isolated_vpc(scope: Stack) -> ec2.Vpc:
    """Return a VPC without a route to the internet."""
    subnet = ec2.SubnetConfiguration(name="Closed", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    return ec2.Vpc(scope, "Vpc", max_azs=2, subnet_configuration=[subnet])


def imported_vpc(scope: Stack, **arguments: Any) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=["us-west-2a", "us-west-2b"],
        private_subnet_ids=["subnet-1", "subnet-2"],
        **arguments,
    )


def pipeline(scope: Stack, construct_id: str = "Pipeline", **arguments: Any) -> EventDrivenProcessing:
    processor = ScriptProcessor(
        scope, f"{construct_id}Script", image_uri=IMAGE, command=["python3"], instance_type="ml.m5.large"
    )
    outputs = [ProcessingOutput(source="/opt/ml/processing/out")]
    run = processor.run(f"{construct_id}Run", code=SCRIPT, inputs=[uploaded_objects()], outputs=outputs)
    return EventDrivenProcessing(scope, construct_id, steps=[run], prefixes=[f"{construct_id}/"], **arguments)


def endpoints(scope: Stack) -> dict[str, dict[str, Any]]:
    """Return the properties of each endpoint by its service."""
    found = {}
    for entry in resources(scope, "AWS::EC2::VPCEndpoint").values():
        name = json.dumps(entry["Properties"]["ServiceName"]).rpartition(".")[2].strip('"]}')
        assert name not in found
        found[name] = entry["Properties"]
    return found


def test_jobs_alone_need_only_the_free_endpoint_of_s3() -> None:
    scope = stack()
    vpc = isolated_vpc(scope)
    pipeline(scope)  # its functions run in Lambda's own network
    vpc_endpoints = ProcessingVpcEndpoints(scope, "Endpoints", vpc=vpc)

    assert (vpc_endpoints.services, list(vpc_endpoints.gateways), vpc_endpoints.interfaces) == (("s3",), ["s3"], {})
    assert {name: entry["VpcEndpointType"] for name, entry in endpoints(scope).items()} == {"s3": "Gateway"}
    assert len(endpoints(scope)["s3"]["RouteTableIds"]) == 2
    assert not resources(scope, "AWS::EC2::SecurityGroup")


@pytest.mark.parametrize("topic", [False, True])
@pytest.mark.parametrize("batches", [1, 2])
def test_functions_reach_what_their_roles_allow_them_to_call(batches: int, topic: bool) -> None:  # noqa: FBT001
    scope = stack()
    vpc = isolated_vpc(scope)
    Safeguards(vpc=vpc).apply_to(scope)
    pipeline(scope, batch_size=batches, failure_topic=sns.Topic(scope, "Failures") if topic else None)
    needed = ProcessingVpcEndpoints.needed(scope, vpc)
    assert not endpoints(scope)  # a list of the services creates nothing
    scope = stack()
    vpc = isolated_vpc(scope)
    Safeguards(vpc=vpc).apply_to(scope)
    pipeline(scope, batch_size=batches, failure_topic=sns.Topic(scope, "Failures") if topic else None)
    vpc_endpoints = ProcessingVpcEndpoints(scope, "Endpoints", vpc=vpc)

    assert vpc_endpoints.services == needed
    allowed = {
        action.partition(":")[0]
        for role in ("PipelineTriggerFunction", "PipelineTriggerLedgerDispatcher", "ProcessingCodeUnpacker")
        for statement in statements(scope, role)
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert set(vpc_endpoints.services) == allowed - OF_SERVICES
    assert set(endpoints(scope)) == set(vpc_endpoints.services)


def test_everything_in_the_vpc_may_use_an_interface_and_nobody_else() -> None:
    scope = stack()
    vpc = isolated_vpc(scope)
    vpc_endpoints = ProcessingVpcEndpoints(
        scope, "Endpoints", vpc=vpc, services=["sqs", "sagemaker.featurestore-runtime"]
    )

    assert vpc_endpoints.services == ("s3", "sagemaker.featurestore-runtime", "sqs")
    (group,) = resources(scope, "AWS::EC2::SecurityGroup").values()
    (ingress,) = group["Properties"]["SecurityGroupIngress"]
    assert (ingress["CidrIp"], ingress["FromPort"], ingress["ToPort"], ingress["IpProtocol"]) == (
        scope.resolve(vpc.vpc_cidr_block),
        443,
        443,
        "tcp",
    )
    interface = endpoints(scope)["sqs"]
    assert (interface["VpcEndpointType"], interface["PrivateDnsEnabled"]) == ("Interface", True)
    assert len(interface["SubnetIds"]) == 2
    assert interface["ServiceName"] == "com.amazonaws.us-west-2.sqs"


def test_existing_endpoints_are_not_created_again() -> None:
    scope = stack()
    vpc_endpoints = ProcessingVpcEndpoints(
        scope, "Endpoints", vpc=imported_vpc(scope), services=["sqs"], existing=["s3", "sqs", "sns"]
    )
    assert vpc_endpoints.services == ("s3", "sqs")
    assert (vpc_endpoints.gateways, vpc_endpoints.interfaces) == ({}, {})


def test_an_imported_vpc_with_its_route_tables() -> None:
    scope = stack()
    vpc = imported_vpc(scope, vpc_cidr_block="10.0.0.0/16", private_subnet_route_table_ids=["rtb-1", "rtb-2"])
    one = ec2.SubnetSelection(availability_zones=["us-west-2b"])
    ProcessingVpcEndpoints(scope, "Endpoints", vpc=vpc, services=["sqs"], subnets=one)

    found = endpoints(scope)
    assert sorted(found["s3"]["RouteTableIds"]) == ["rtb-1", "rtb-2"]
    assert found["sqs"]["SubnetIds"] == ["subnet-2"]


def test_functions_wait_for_the_endpoints() -> None:
    scope = stack()
    vpc = isolated_vpc(scope)
    Safeguards(vpc=vpc).apply_to(scope)
    pipeline(scope)
    ProcessingVpcEndpoints(scope, "Endpoints", vpc=vpc)

    names = set(resources(scope, "AWS::EC2::VPCEndpoint"))
    functions = resources(scope, "AWS::Lambda::Function")
    unpacker = next(entry for name, entry in functions.items() if name.startswith("ProcessingCodeUnpacker"))
    assert names <= set(unpacker["DependsOn"])


def test_a_later_pipeline_that_needs_more_endpoints_fails_the_synth() -> None:
    scope = stack()
    vpc = isolated_vpc(scope)
    Safeguards(vpc=vpc).apply_to(scope)
    pipeline(scope)
    ProcessingVpcEndpoints(scope, "Endpoints", vpc=vpc)
    pipeline(scope, "Later", failure_topic=sns.Topic(scope, "Failures"))

    with pytest.raises(RuntimeError, match=r"call sns too, because something was created after .*Endpoints'"):
        resources(scope, "AWS::EC2::VPCEndpoint")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"services": "sqs"}, r"services must be a list of services, got 'sqs'; write \['sqs'\]"),
        (
            {"services": ["com.amazonaws.us-west-2.sqs"]},
            "services\\[\\] must be the part of an endpoint's service name .* write 'sqs'",
        ),
        (
            {"existing": ["S3"]},
            r"existing\[\] must be the part of an endpoint's service name after the region, got 'S3'",
        ),
        ({"services": [""]}, "must be the part of an endpoint's service name"),
        (
            {"services": [ec2.InterfaceVpcEndpointAwsService("sqs")]},
            "must be the part of an endpoint's service name .* write 'sqs'",
        ),
    ],
)
def test_unknown_services_are_refused(arguments: dict[str, Any], message: str) -> None:
    scope = stack()
    with pytest.raises(InvalidValueError, match=message):
        ProcessingVpcEndpoints(scope, "Endpoints", vpc=isolated_vpc(scope), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"vpc must have known route tables, got 'Stack/Vpc'; .* existing=\['s3'\]"),
        (
            {"private_subnet_route_table_ids": ["rtb-1", "rtb-2"]},
            "have a known CIDR block, got 'Stack/Vpc'; pass vpc_cidr",
        ),
    ],
)
def test_an_imported_vpc_without_the_needed_attributes_is_refused(arguments: dict[str, Any], message: str) -> None:
    scope = stack()
    with pytest.raises(InvalidValueError, match=message):
        ProcessingVpcEndpoints(scope, "Endpoints", vpc=imported_vpc(scope, **arguments), services=["sqs"])
