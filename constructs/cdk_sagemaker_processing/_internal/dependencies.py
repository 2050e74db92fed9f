"""Say of a resource's dependencies what CloudFormation does not know by itself, and no more."""

from __future__ import annotations

from aws_cdk import CfnResource
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def depend_on_policy_alone(construct: IConstruct, role: iam.IRole) -> None:
    """Let a resource wait for its role's policy, not also for the role, which its own reference to the role does.

    aws-cdk says both, and cfn-lint finds the second to say nothing (W3005).
    """
    resource = construct.node.default_child
    policy = role.node.try_find_child("DefaultPolicy")
    policy_resource = policy.node.default_child if policy is not None else None
    if isinstance(resource, CfnResource) and isinstance(policy_resource, CfnResource):
        resource.add_override("DependsOn", [policy_resource.logical_id])
