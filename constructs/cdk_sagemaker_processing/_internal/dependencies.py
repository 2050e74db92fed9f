"""Say of a resource's dependencies what CloudFormation does not know by itself, and no more."""

from __future__ import annotations

import jsii
from aws_cdk import CfnResource, IStableAnyProducer, Lazy, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def depend_on_policy_alone(construct: IConstruct, role: iam.IRole) -> None:
    """Let a resource wait for its role's policy, not also for the role, which its own reference to the role does.

    aws-cdk says both, and cfn-lint finds the second to say nothing (W3005). What else it waits for is left.
    """
    resource, role_resource = construct.node.default_child, role.node.default_child
    if isinstance(resource, CfnResource) and isinstance(role_resource, CfnResource):
        resource.add_override("DependsOn", Lazy.any(_AllBut(resource, role_resource), omit_empty_array=True))


@jsii.implements(IStableAnyProducer)
class _AllBut:
    """What a resource waits for, without one of them, as aws-cdk writes it; known when the app is synthesized."""

    def __init__(self, resource: CfnResource, left_out: CfnResource) -> None:
        self._resource = resource
        self._left_out = left_out

    def produce(self) -> list[str]:
        stack = Stack.of(self._resource)
        names = {
            found.node.path: stack.resolve(found.logical_id)
            for found in self._resource.obtain_dependencies()
            if isinstance(found, CfnResource) and Stack.of(found) is stack
        }
        names.pop(self._left_out.node.path, None)
        return [names[path] for path in sorted(names)]
