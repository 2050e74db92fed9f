"""Checks that resources are in the region of the construct that uses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aws_cdk import Stage
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import path_of, stack_of
from cdk_sagemaker_processing._internal.resource_facts import region_of_resource
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_stepfunctions as sfn


def check_region(
    scope: IConstruct,
    parameter: str,
    resource: s3.IBucket | sns.ITopic | sfn.IStateMachine,
    reason: str,
    advice: str,
) -> None:
    """Check that a resource is in the region of a construct, as far as both regions are known at synth.

    Args:
        scope: the construct that uses the resource.
        parameter: the parameter's name for the message.
        resource: the resource.
        reason: the reason for the rule, phrased to follow a colon.
        advice: the remedy.

    Raises:
        InvalidValueError: the resource is in another region.
    """
    region, other = StackFacts.of(scope).region, region_of_resource(resource)
    if region != other and not is_unresolved(region) and not is_unresolved(other):
        raise InvalidValueError(parameter, f"one in {other}", f"be in {region}: {reason}", advice)


def check_reference(scope: IConstruct, parameter: str, resource: IConstruct, value: str) -> None:
    """Check that the stack of a construct can refer to a resource of another stack of the app.

    Args:
        scope: the construct that uses the resource.
        parameter: the parameter's name for the message.
        resource: the resource.
        value: its name or ARN, to which the stack would refer.

    Raises:
        InvalidValueError: a resource of another stage, or of another account or region, without a physical name.
    """
    ours, theirs = stack_of(scope), stack_of(resource)
    if path_of(ours) == path_of(theirs):
        return
    path = path_of(resource)
    same_stage = Stage.of(scope) == Stage.of(resource)
    try:
        refers = re.search(_REFERENCE, str(ours.resolve(value))) is not None
    except RuntimeError as error:
        if same_stage:
            raise InvalidValueError(
                parameter,
                path,
                f"be of the account and region of {scope.node.path}, or have a fixed name",
                "a stack of another account or region can refer to it only by a name that is known at synth; give both "
                "stacks the same env",
            ) from error
        refers = True
    if refers and not same_stage:
        advice = "create one in each stage, or import one by its fixed name or ARN"
        raise InvalidValueError(parameter, path, f"belong to the same stage as {scope.node.path}", advice)


# A reference to what is not of every stack, unlike AWS::Partition.
_REFERENCE: Final = r"'Ref': '(?!AWS::)|'Fn::GetAtt'"
