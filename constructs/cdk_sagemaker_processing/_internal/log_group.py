"""Log groups for the functions and state machines of this library."""

from __future__ import annotations

from aws_cdk import Fn, Names, RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import stack_of
from cdk_sagemaker_processing._internal.kms_grants import grant_key_to_log_groups
from cdk_sagemaker_processing._internal.nag import NO_KEY_FOR_LOGS, suppress
from cdk_sagemaker_processing.safeguards import Safeguards

# All state machines of an account share, in each region, a resource policy of CloudWatch Logs that is limited to 5,120
# characters. It does not grow with the log groups below this prefix:
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
STATE_MACHINE_LOGS_PREFIX = "/aws/vendedlogs/states/"
_ID_LENGTH_MAX = 200


def log_group(scope: Construct, construct_id: str, *, name: str | None = None) -> logs.LogGroup:
    """Create a log group with the retention and the key of the scope's `Safeguards`.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        name: the log group's name. Default: CloudFormation generates one.
    """
    safeguards = Safeguards.of(scope)
    key = safeguards.encryption_key
    group = logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        encryption_key=key,
        retention=safeguards.log_retention or logs.RetentionDays.THREE_MONTHS,
        removal_policy=RemovalPolicy.DESTROY,
    )
    if key is None:
        suppress(group, NO_KEY_FOR_LOGS)
    else:
        grant_key_to_log_groups(key, group)
    return group


def state_machine_log_group(scope: Construct, construct_id: str) -> logs.LogGroup:
    """Create the log group of a state machine below ``/aws/vendedlogs/states/``, as `log_group` does otherwise.

    The name contains the stack's ID, so that neither another stack, nor a new one with the name of a deleted stack, nor
    late logs of the deleted one collide with it. It does not change while the stack and the construct's path are the
    same.
    """
    stack_uuid = Fn.select(2, Fn.split("/", stack_of(scope).stack_id))
    unique = Names.unique_resource_name(scope, separator="-", max_length=_ID_LENGTH_MAX)
    return log_group(scope, construct_id, name=f"{STATE_MACHINE_LOGS_PREFIX}{unique}-{stack_uuid}")
