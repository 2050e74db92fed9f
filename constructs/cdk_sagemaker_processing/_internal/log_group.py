"""Log groups for the functions and state machines of this library."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk_sagemaker_processing._internal.kms_grants import grant_key_to_log_groups
from cdk_sagemaker_processing._internal.nag import NO_KEY_FOR_LOGS, suppress
from cdk_sagemaker_processing.safeguards import Safeguards


def log_group(scope: Construct, construct_id: str) -> logs.LogGroup:
    """Create a log group with the retention and the key of the scope's `Safeguards`."""
    safeguards = Safeguards.of(scope)
    key = safeguards.encryption_key
    group = logs.LogGroup(
        scope,
        construct_id,
        encryption_key=key,
        retention=safeguards.log_retention or logs.RetentionDays.THREE_MONTHS,
        removal_policy=RemovalPolicy.DESTROY,
    )
    if key is None:
        suppress(group, NO_KEY_FOR_LOGS)
    else:
        grant_key_to_log_groups(key, group)
    return group
