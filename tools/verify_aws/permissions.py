"""The actions that the command itself needs. The deployment needs those of the roles of ``cdk bootstrap``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

STAGE_0: Final = (
    "access-analyzer:ValidatePolicy",
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "events:TestEventPattern",
    "iam:SimulateCustomPolicy",
    "lambda:GetAccountSettings",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "servicequotas:ListServiceQuotas",
    "states:ValidateStateMachineDefinition",
)
STAGE_1: Final = (
    "cloudformation:DeleteStack",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:ListStackResources",
    "cloudtrail:LookupEvents",
    "events:PutEvents",
    "iam:PassRole",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKey",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:PutObject",
    "sagemaker:CreateExperiment",
    "sagemaker:CreateTrial",
    "sagemaker:DeleteExperiment",
    "sagemaker:DeleteTrial",
    "sagemaker:DeleteTrialComponent",
    "sagemaker:DescribeProcessingJob",
    "sagemaker:DisassociateTrialComponent",
    "sagemaker:ListTrialComponents",
    "servicequotas:ListServiceQuotas",
    "sqs:DeleteMessage",
    "sqs:ReceiveMessage",
    "states:CreateStateMachine",
    "states:DeleteStateMachine",
    "states:DescribeExecution",
    "states:DescribeStateMachine",
    "states:GetExecutionHistory",
    "states:ListExecutions",
    "states:StartExecution",
    "states:StopExecution",
    "sts:AssumeRole",
)
# The prefixes of actions where they are not the names of clients, and the actions of requests with other names.
_PREFIXES: Final[Mapping[str, str]] = {
    "accessanalyzer": "access-analyzer",
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
}
_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    # Everybody may ask who they are.
    "sts:GetCallerIdentity": (),
}


def actions_of(calls: Iterable[str]) -> set[str]:
    """Return the actions that requests need.

    Args:
        calls: the requests, as ``stepfunctions:StartExecution``.
    """
    found: set[str] = set()
    for call in calls:
        service, _, operation = call.partition(":")
        action = f"{_PREFIXES.get(service, service)}:{operation}"
        found.update(_ACTIONS.get(action, (action,)))
    return found
