"""Dependencies between resources, without those that CloudFormation infers from references."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import jsii
from aws_cdk import CfnResource, IStableAnyProducer, Lazy, NestedStack
from aws_cdk import aws_iam as iam
from constructs import IConstruct, IValidation

from cdk_sagemaker_processing._internal.construct_tree import default_child_of, node_of, path_of, stack_of, stage_of


def depend_on_policy_alone(construct: IConstruct, role: iam.IRole, *, has_others: bool = False) -> None:
    """Make a resource depend on its role's policy but not on the role, which it already references.

    aws-cdk writes both dependencies, and cfn-lint reports the second as redundant (W3005). All other dependencies of
    the resource stay. A synth without validation leaves both.

    Args:
        construct: the resource.
        role: its role.
        has_others: whether the resource is known to have further dependencies, which this library has always written
            in another order than aws-cdk, so that templates do not change. Default: False.
    """
    resource, role_resource = default_child_of(construct), default_child_of(role)
    if not isinstance(resource, CfnResource) or not isinstance(role_resource, CfnResource):
        return
    if isinstance(stack := stack_of(construct), NestedStack) or has_others:
        # aws-cdk writes the template of a nested stack, for its hash, before it validates the app.
        dependencies = _DependenciesExcept(resource, role_resource)
        resource.add_override("DependsOn", Lazy.any(dependencies, omit_empty_array=True))
        return
    stage = stage_of(stack)
    if stage not in _REDUNDANT:
        _REDUNDANT[stage] = []
        node_of(stage).add_validation(_Removal(stage))
    _REDUNDANT[stage].append((resource, role_resource))


_REDUNDANT: WeakKeyDictionary[IConstruct, list[tuple[CfnResource, CfnResource]]] = WeakKeyDictionary()


@jsii.implements(IValidation)
class _Removal:
    """The removal of dependencies when a stage is validated: aws-cdk has found all by then, and written none."""

    def __init__(self, stage: IConstruct) -> None:
        self._stage = stage

    def validate(self) -> list[str]:
        """Remove the dependencies; aws-cdk calls this when the stage is synthesized."""
        for resource, redundant in _REDUNDANT[self._stage]:
            resource.remove_resource_dependency(redundant)
        return []


@jsii.implements(IStableAnyProducer)
class _DependenciesExcept:
    """A resource's dependencies except one, in the form that aws-cdk writes; known when the app is synthesized."""

    def __init__(self, resource: CfnResource, excluded: CfnResource) -> None:
        self._resource = resource
        self._excluded = excluded

    def produce(self) -> list[str]:
        stack = stack_of(self._resource)
        logical_ids = {
            path_of(dependency): stack.resolve(dependency.logical_id)
            for dependency in self._resource.obtain_dependencies()
            if isinstance(dependency, CfnResource) and stack_of(dependency) is stack
        }
        logical_ids.pop(path_of(self._excluded), None)
        return [logical_ids[path] for path in sorted(logical_ids)]
