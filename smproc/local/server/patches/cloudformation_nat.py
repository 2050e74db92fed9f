"""CloudFormation: EIP and NatGateway resources, which a VPC with private subnets has.

AWS: the template of CDK's ``Vpc`` has an elastic IP address and a NAT gateway per availability zone.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-eip.html
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-natgateway.html

ministack 1.5.33: `ministack.services.ec2` has addresses and NAT gateways, but
`ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` has neither type.

Removable when: `_RESOURCE_HANDLERS` has the two types (not so in 1.5.33).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, service, takes

_ADDED_TYPES = {"AWS::EC2::EIP", "AWS::EC2::NatGateway"}
NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        # Without the added types only: they are part of the handlers once the patch is applied.
        "_RESOURCE_HANDLERS": lambda value: not _ADDED_TYPES & set(value),
    },
    "ministack.services.ec2": {
        "_addresses": lambda value: hasattr(value, "get"),
        "_allocate_address": takes("p"),
        "_release_address": takes("p"),
        "_create_nat_gateway": takes("params"),
        "_delete_nat_gateway": takes("params"),
    },
}

Properties = Mapping[str, Any]
# The physical id of a resource, and its attributes for Fn::GetAtt.
Created = tuple[str, dict[str, Any]]


def apply() -> None:
    """Register the resource types."""
    handlers = service("cloudformation.provisioners")._RESOURCE_HANDLERS
    handlers["AWS::EC2::EIP"] = {"create": _create_address, "delete": _delete_address}
    handlers["AWS::EC2::NatGateway"] = {"create": _create_nat_gateway, "delete": _delete_nat_gateway}


def _create_address(_logical_id: str, properties: Properties, _stack: str) -> Created:
    ec2 = service("ec2")
    tags = _tags("elastic-ip", properties)
    allocation = _id_in(ec2._allocate_address({"Domain": str(properties.get("Domain", "vpc")), **tags}), "eipalloc")
    address = ec2._addresses[allocation]["PublicIp"]
    # Ref is the address, Fn::GetAtt AllocationId the allocation.
    return address, {"AllocationId": allocation, "PublicIp": address}


def _delete_address(physical_id: str, _properties: Properties) -> None:
    ec2 = service("ec2")
    for allocation, address in list(ec2._addresses.items()):
        if address["PublicIp"] == physical_id:
            ec2._release_address({"AllocationId": allocation})


def _create_nat_gateway(_logical_id: str, properties: Properties, _stack: str) -> Created:
    names = ("SubnetId", "AllocationId", "ConnectivityType")
    parameters = {name: str(properties[name]) for name in names if name in properties}
    created = service("ec2")._create_nat_gateway(parameters | _tags("natgateway", properties))
    gateway = _id_in(created, "nat")
    return gateway, {"NatGatewayId": gateway}


def _delete_nat_gateway(physical_id: str, _properties: Properties) -> None:
    service("ec2")._delete_nat_gateway({"NatGatewayId": physical_id})


def _tags(resource_type: str, properties: Properties) -> dict[str, str]:
    """Return the tags of a resource as parameters of EC2's API."""
    parameters = {"TagSpecification.1.ResourceType": resource_type} if properties.get("Tags") else {}
    for number, tag in enumerate(properties.get("Tags") or (), start=1):
        parameters[f"TagSpecification.1.Tag.{number}.Key"] = str(tag["Key"])
        parameters[f"TagSpecification.1.Tag.{number}.Value"] = str(tag["Value"])
    return parameters


def _id_in(response: tuple[int, Mapping[str, str], bytes | str], prefix: str) -> str:
    """Return the id of a new resource.

    Raises:
        ValueError: the API refused to create it.
    """
    _, _, body = response
    text = body if isinstance(body, str) else body.decode()
    match = re.search(rf"{prefix}-\w+", text)
    if match is None:
        raise ValueError(f"EC2 refused to create the resource: {text}")
    return match[0]
