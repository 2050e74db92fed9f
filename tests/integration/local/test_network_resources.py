"""Stacks with a VPC: security group rules as separate resources, flow logs, and the CIDR block of the VPC."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws


def template(*, port: int, egress: bool) -> str:
    """Return a template with a VPC, a group whose rules are separate resources, and a flow log."""
    group = {"Fn::GetAtt": ["Group", "GroupId"]}
    resources: dict[str, Any] = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.7.0.0/16"}},
        "Group": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": "Hosts", "VpcId": {"Ref": "Vpc"}},
        },
        "Among": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {"GroupId": group, "IpProtocol": "-1", "SourceSecurityGroupId": group},
        },
        "FromVpc": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": group,
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "CidrIp": {"Fn::GetAtt": ["Vpc", "CidrBlock"]},
            },
        },
        "Flows": {
            "Type": "AWS::EC2::FlowLog",
            "Properties": {
                "ResourceId": {"Ref": "Vpc"},
                "ResourceType": "VPC",
                "TrafficType": "REJECT",
                "LogGroupName": "flows",
                "DeliverLogsPermissionArn": "arn:aws:iam::000000000000:role/flows",
            },
        },
    }
    if egress:
        resources["Out"] = {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": group,
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "CidrIp": "10.0.0.0/8",
            },
        }
    outputs = {
        "Group": {"Value": group},
        "Rule": {"Value": {"Ref": "FromVpc"}},
        "Flows": {"Value": {"Ref": "Flows"}},
        "Addresses": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}},
    }
    return json.dumps({"Resources": resources, "Outputs": outputs})


def test_the_resources_are_created_updated_and_deleted(local_aws: RunningLocalAws) -> None:
    formation, ec2, name = local_aws.client("cloudformation"), local_aws.client("ec2"), local_aws.name()

    def outputs() -> dict[str, str]:
        (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def rules(direction: str) -> list[tuple[Any, ...]]:
        (group,) = ec2.describe_security_groups(GroupIds=[outputs()["Group"]])["SecurityGroups"]
        return sorted(
            (
                rule["IpProtocol"],
                rule.get("FromPort", 0),
                *(pair["GroupId"] for pair in rule["UserIdGroupPairs"]),
                *(each["CidrIp"] for each in rule["IpRanges"]),
            )
            for rule in group[direction]
        )

    formation.create_stack(StackName=name, TemplateBody=template(port=443, egress=True))
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    created = outputs()
    assert created["Addresses"] == "10.7.0.0/16"
    assert created["Rule"].startswith("sgr-")
    assert rules("IpPermissions") == [("-1", 0, created["Group"]), ("tcp", 443, "10.7.0.0/16")]
    assert ("tcp", 443, "10.0.0.0/8") in rules("IpPermissionsEgress")
    (flows,) = ec2.describe_flow_logs(FlowLogIds=[created["Flows"]])["FlowLogs"]
    assert (flows["TrafficType"], flows["LogDestination"]) == ("REJECT", "flows")

    formation.update_stack(StackName=name, TemplateBody=template(port=5432, egress=False))
    formation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert rules("IpPermissions") == [("-1", 0, created["Group"]), ("tcp", 5432, "10.7.0.0/16")]
    assert ("tcp", 443, "10.0.0.0/8") not in rules("IpPermissionsEgress")
    assert outputs()["Flows"] == created["Flows"]

    formation.delete_stack(StackName=name)
    formation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert ec2.describe_flow_logs(FlowLogIds=[created["Flows"]])["FlowLogs"] == []


def test_a_rule_of_a_missing_group_fails_the_stack(local_aws: RunningLocalAws) -> None:
    formation, name = local_aws.client("cloudformation"), local_aws.name()
    rule = {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {"GroupId": "sg-0", "IpProtocol": "-1", "CidrIp": "10.0.0.0/8"},
    }
    formation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Rule": rule}}))
    ended = local_aws.until(
        lambda: formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"],
        lambda status: status.endswith("_COMPLETE"),
    )
    assert ended == "ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in formation.describe_stack_events(StackName=name)["StackEvents"]
    ]
    assert any("The security group 'sg-0' does not exist" in reason for reason in reasons)
