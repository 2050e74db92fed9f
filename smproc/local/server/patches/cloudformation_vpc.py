"""CloudFormation's types for what a VPC has around it, where ministack's EC2 has more than its CloudFormation knows."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from smproc.local.server.patches.registry import Names, service, takes

_PROVISIONERS = "ministack.services.cloudformation.provisioners"

_ADDED = {"AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::FlowLog"}

NAMES: Names = {
    _PROVISIONERS: {
        "_RESOURCE_HANDLERS": lambda value: (
            {"create", "update", "delete"} <= set(value["AWS::EC2::SecurityGroup"])
            and not {"AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::FlowLog"}
            & set(value)
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
Made = tuple[str, dict[str, Any]]


def apply() -> None:
    """Let a template have them."""
    handlers = importlib.import_module(_PROVISIONERS)._RESOURCE_HANDLERS
    for name, direction in (("Ingress", "IpPermissions"), ("Egress", "IpPermissionsEgress")):
        handlers[f"AWS::EC2::SecurityGroup{name}"] = _Rules(direction).handlers()
    vpc = handlers["AWS::EC2::VPC"]
    for verb in ("create", "update"):
        vpc[verb] = _with_addresses(vpc[verb])
    handlers["AWS::EC2::FlowLog"] = {"create": _create_flow_log, "delete": _delete_flow_log}


def _with_addresses(original: Callable[..., Made]) -> Callable[..., Made]:
    """A VPC that answers ``Fn::GetAtt`` for its range of addresses.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpc.html
    """

    @functools.wraps(original)
    def made(*args: Any, **kwargs: Any) -> Made:
        name, attributes = original(*args, **kwargs)
        addresses = service("ec2")._vpcs[name]["CidrBlock"]
        return name, {**attributes, "CidrBlock": addresses}

    return made


class _Rules:
    """The rules of security groups in one direction, which others than the group itself add.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroupingress.html
    """

    def __init__(self, direction: str) -> None:
        self._direction = direction

    def handlers(self) -> dict[str, Any]:
        return {"create": self.create, "update": self.update, "delete": self.delete}

    def create(self, _logical_id: str, properties: Properties, _stack: str) -> Made:
        name = str(properties["GroupId"])
        group = service("ec2")._security_groups.get(name)
        if group is None:
            raise ValueError(f"The security group '{name}' does not exist")
        (rule,) = importlib.import_module(_PROVISIONERS)._ec2_sg_permissions([properties])
        rule["SecurityGroupRuleId"] = service("ec2")._sg_rule_id(name, self._direction.endswith("Egress"), rule)
        group[self._direction].append(rule)
        return rule["SecurityGroupRuleId"], {"Id": rule["SecurityGroupRuleId"]}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        self.delete(physical_id, old)
        return self.create("", new, stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        group = service("ec2")._security_groups.get(str(properties["GroupId"]))
        if group is not None:
            rules = group[self._direction]
            rules[:] = [rule for rule in rules if rule.get("SecurityGroupRuleId") != physical_id]


def _create_flow_log(_logical_id: str, properties: Properties, _stack: str) -> Made:
    """A flow log, in which nothing is ever written here: nothing flows.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-flowlog.html
    """
    named = ("ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName")
    given = {name: str(properties[name]) for name in named if name in properties}
    _, _, body = service("ec2")._create_flow_logs({"ResourceId.1": str(properties["ResourceId"]), **given})
    found = re.search(r"fl-\w+", body if isinstance(body, str) else body.decode())
    if found is None:
        raise ValueError(f"no flow log of {properties['ResourceId']} was made")
    return found[0], {"Id": found[0]}


def _delete_flow_log(physical_id: str, _properties: Properties) -> None:
    service("ec2")._delete_flow_logs({"FlowLogId.1": physical_id})
