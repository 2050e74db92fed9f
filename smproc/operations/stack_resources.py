"""The resources of a deployed stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from smproc.operations.errors import PipelineNotFoundError

if TYPE_CHECKING:
    from boto3 import Session


def resources_of(session: Session, stack_name: str, resource_type: str) -> dict[str, str]:
    """Return the physical ids of a stack's resources of one type, by their logical ids.

    Args:
        session: a boto3 session.
        stack_name: the name of the CloudFormation stack.
        resource_type: the type, e.g. ``AWS::SQS::Queue``.

    Raises:
        PipelineNotFoundError: there is no such stack.
    """
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name)
    try:
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == resource_type
            and resource["ResourceStatus"] != "DELETE_COMPLETE"
            and "PhysicalResourceId" in resource
        }
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise no_stack(stack_name) from None


def no_stack(stack_name: str) -> PipelineNotFoundError:
    """Return the error for a stack that does not exist."""
    return PipelineNotFoundError(
        f"there is no stack {stack_name!r} here; deploy it with `npx cdk deploy`, or name another with --stack"
    )
