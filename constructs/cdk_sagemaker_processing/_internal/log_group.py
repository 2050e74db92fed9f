"""A log group of this library."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk_sagemaker_processing._internal.encryption import let_log_groups_use
from cdk_sagemaker_processing._internal.findings import NO_KEY_FOR_LOGS, explain
from cdk_sagemaker_processing.safeguards import Safeguards


def log_group(scope: Construct, construct_id: str) -> logs.LogGroup:
    """A log group as the scope's `Safeguards` ask for it."""
    safeguards = Safeguards.of(scope)
    key = safeguards.encryption_key
    made = logs.LogGroup(
        scope,
        construct_id,
        encryption_key=key,
        retention=safeguards.log_retention or logs.RetentionDays.THREE_MONTHS,
        removal_policy=RemovalPolicy.DESTROY,
    )
    if key is None:
        explain(made, NO_KEY_FOR_LOGS)
    else:
        let_log_groups_use(key, made)
    return made
