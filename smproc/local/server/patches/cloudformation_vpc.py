"""CloudFormation: SecurityGroupIngress, SecurityGroupEgress and FlowLog resources, and the CidrBlock of a VPC.

AWS: templates with a VPC have these resource types, and ``Fn::GetAtt`` on a VPC returns its CidrBlock.
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroupingress.html
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroupegress.html
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-flowlog.html
See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpc.html

ministack 1.5.33: `ministack.services.ec2` has such rules and flow logs, but
`ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS` has none of the three types, and
`ministack.services.cloudformation.provisioners._ec2_vpc_create` returns no CidrBlock.

Removable when: `_RESOURCE_HANDLERS` has the three types and a VPC's attributes have CidrBlock (not so in 1.5.33).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, service, takes

_ADDED_TYPES = {"AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::FlowLog"}
NAMES: Names = {
    "ministack.services.cloudformation.provisioners": {
        # Without the added types only: they are part of the handlers once the patch is applied.
        "_RESOURCE_HANDLERS": lambda value: (
            {"create", "update", "delete"} <= set(value["AWS::EC2::SecurityGroup"])
            and {"create", "update"} <= set(value["AWS::EC2::VPC"])
            and not _ADDED_TYPES & set(value)
        ),
        "_ec2_sg_permissions": takes("rules"),
    },
    "ministack.services.ec2": {
        "_security_groups": lambda value: hasattr(value, "get"),
        "_vpcs": lambda value: hasattr(value, "get"),
        "_sg_rule_id": takes("sg_id", "is_egress", "rule"),
        "_create_flow_logs": takes("params"),
        "_delete_flow_logs": takes("params"),
    },
}

Properties = Mapping[str, Any]
# The physical id of a resource, and its attributes for Fn::GetAtt.
Created = tuple[str, dict[str, Any]]


def apply() -> None:
    """Register the resource types, and add CidrBlock to the attributes of a VPC."""
    handlers = service("cloudformation.provisioners")._RESOURCE_HANDLERS
    for name, direction in (("Ingress", "IpPermissions"), ("Egress", "IpPermissionsEgress")):
        handlers[f"AWS::EC2::SecurityGroup{name}"] = _RuleHandlers(direction).handlers()
    vpc = handlers["AWS::EC2::VPC"]
    for verb in ("create", "update"):
        vpc[verb] = _with_cidr_block(vpc[verb])
    handlers["AWS::EC2::FlowLog"] = {"create": _create_flow_log, "delete": _delete_flow_log}


def _with_cidr_block(original: Callable[..., Created]) -> Callable[..., Created]:
    @functools.wraps(original)
    def handler(*args: Any, **kwargs: Any) -> Created:
        vpc_id, attributes = original(*args, **kwargs)
        cidr_block = service("ec2")._vpcs[vpc_id]["CidrBlock"]
        return vpc_id, {**attributes, "CidrBlock": cidr_block}

    return handler


class _RuleHandlers:
    """Handlers for the rules of security groups in one direction that are resources of their own.

    Args:
        direction: ``IpPermissions`` or ``IpPermissionsEgress``.
    """

    def __init__(self, direction: str) -> None:
        self._direction = direction

    def handlers(self) -> dict[str, Any]:
        return {"create": self.create, "update": self.update, "delete": self.delete}

    def create(self, _logical_id: str, properties: Properties, _stack: str) -> Created:
        group_id = str(properties["GroupId"])
        group = service("ec2")._security_groups.get(group_id)
        if group is None:
            raise ValueError(f"The security group '{group_id}' does not exist")
        (rule,) = service("cloudformation.provisioners")._ec2_sg_permissions([properties])
        rule["SecurityGroupRuleId"] = service("ec2")._sg_rule_id(group_id, self._direction.endswith("Egress"), rule)
        group[self._direction].append(rule)
        return rule["SecurityGroupRuleId"], {"Id": rule["SecurityGroupRuleId"]}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        self.delete(physical_id, old)
        return self.create("", new, stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        group = service("ec2")._security_groups.get(str(properties["GroupId"]))
        if group is not None:
            rules = group[self._direction]
            rules[:] = [rule for rule in rules if rule.get("SecurityGroupRuleId") != physical_id]


def _create_flow_log(_logical_id: str, properties: Properties, _stack: str) -> Created:
    # The log stays empty: the local AWS has no traffic to log.
    names = ("ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName")
    parameters = {name: str(properties[name]) for name in names if name in properties}
    _, _, body = service("ec2")._create_flow_logs({"ResourceId.1": str(properties["ResourceId"]), **parameters})
    match = re.search(r"fl-\w+", body if isinstance(body, str) else body.decode())
    if match is None:
        raise ValueError(f"No flow log of {properties['ResourceId']} was created")
    return match[0], {"Id": match[0]}


def _delete_flow_log(physical_id: str, _properties: Properties) -> None:
    service("ec2")._delete_flow_logs({"FlowLogId.1": physical_id})
