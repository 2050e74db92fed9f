"""Dependencies between resources, without those that CloudFormation infers from references."""

from __future__ import annotations

import jsii
from aws_cdk import CfnResource, IStableAnyProducer, Lazy, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def depend_on_policy_alone(construct: IConstruct, role: iam.IRole) -> None:
    """Make a resource depend on its role's policy but not on the role, which it already references.

    aws-cdk writes both dependencies, and cfn-lint reports the second as redundant (W3005). All other dependencies of
    the resource stay.
    """
    resource, role_resource = construct.node.default_child, role.node.default_child
    if isinstance(resource, CfnResource) and isinstance(role_resource, CfnResource):
        resource.add_override(
            "DependsOn", Lazy.any(_DependenciesExcept(resource, role_resource), omit_empty_array=True)
        )


@jsii.implements(IStableAnyProducer)
class _DependenciesExcept:
    """A resource's dependencies except one, in the form that aws-cdk writes; known when the app is synthesized."""

    def __init__(self, resource: CfnResource, excluded: CfnResource) -> None:
        self._resource = resource
        self._excluded = excluded

    def produce(self) -> list[str]:
        stack = Stack.of(self._resource)
        logical_ids = {
            dependency.node.path: stack.resolve(dependency.logical_id)
            for dependency in self._resource.obtain_dependencies()
            if isinstance(dependency, CfnResource) and Stack.of(dependency) is stack
        }
        logical_ids.pop(self._excluded.node.path, None)
        return [logical_ids[path] for path in sorted(logical_ids)]
