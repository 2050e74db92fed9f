"""The role that a processing job assumes."""

from __future__ import annotations

import re
from typing import Final
from weakref import WeakKeyDictionary, WeakSet

from aws_cdk import Fn, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import inherit
from cdk_sagemaker_processing._internal.nag import INLINE_POLICY, suppress, suppress_wildcards_by_resource
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing.model import InvalidValueError
from cdk_sagemaker_processing.model.names import PROCESSING_LOG_GROUP
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.resources.role_trust import SAGEMAKER, register_trust_check


@public
class ProcessingRole(iam.Role):
    """An execution role for processing jobs, with permission to write logs and metrics.

    Grant it more permissions like any role: ``bucket.grant_read(role)``. The constructs grant the permissions that the
    request of a job calls for.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.

    See: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createprocessingjob-perms
    """

    @classmethod
    def of(cls, scope: Construct, role: iam.IRole | str | None) -> iam.IRole:
        """Return the role of a parameter that takes a role, its ARN, its name, or None for a new role.

        An ARN may be known only at run time; nothing is granted to such a role.
        """
        if role is None:
            created = cls(scope, "Role")
            _NOT_PASSED.add(created)
            return created
        if not isinstance(role, str):
            if isinstance(role, cls):  # its own trust policy names SageMaker
                return role
            if not hasattr(role, "role_arn"):
                raise InvalidValueError("role", role, "be a role, its ARN or its name")
            register_trust_check(role)
            return role
        if _is_known_at_run_time(role):
            # Joined, because aws-cdk takes an ARN apart unless it is a token.
            imported = iam.Role.from_role_arn(scope, "Role", Fn.join("", [role]), mutable=False)
            _RUN_TIME_ARNS[imported] = role
            return imported
        if role.startswith("arn:") or Token.is_unresolved(role):
            return iam.Role.from_role_arn(scope, "Role", role)
        if not re.fullmatch(_ROLE_NAME, role):
            raise InvalidValueError(
                "role",
                role,
                "be the name of a role, which has 1 to 64 letters, digits and +=,.@_-, or its ARN",
                "for example 'ProcessingRole' or 'arn:aws:iam::111122223333:role/ProcessingRole'",
            )
        return iam.Role.from_role_name(scope, "Role", role)

    def __init__(self, scope: Construct, construct_id: str) -> None:
        facts = StackFacts.of(scope)
        super().__init__(
            scope,
            construct_id,
            description="What a SageMaker processing job may do",
            # The condition keeps SageMaker from using the role on behalf of another account (the confused deputy):
            # https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
            assumed_by=iam.ServicePrincipal(
                SAGEMAKER,
                conditions={"StringEquals": {"aws:SourceAccount": facts.account}},
            ),
        )
        inherit(self, scope, construct_id)
        group = facts.arn("logs", f"log-group:{PROCESSING_LOG_GROUP}")
        for statement in (
            # See the page above. All processing jobs of the account share the group; the first one creates it.
            Statement(
                ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                [group, f"{group}:*"],
            ),
            # See the page above. PutMetricData supports no resources; only the namespace can be restricted:
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
            Statement(
                ["cloudwatch:PutMetricData"],
                ["*"],
                {"StringEquals": {"cloudwatch:namespace": PROCESSING_LOG_GROUP}},
            ),
        ):
            statement.add_to(self)
        suppress(self, INLINE_POLICY)
        suppress_wildcards_by_resource(
            self,
            {
                f"{group}:*": "a job's log streams are named after the job",
                "*": (
                    "cloudwatch:PutMetricData (narrowed to one namespace) and ecr:GetAuthorizationToken support no "
                    "resource-level permissions"
                ),
            },
        )


def run_time_arn(role: iam.IRole) -> str | None:
    """Return the value of the execution that is the ARN of a role; None for a role that is known at deployment."""
    return _RUN_TIME_ARNS.get(role)


def is_passed(role: iam.IRole) -> bool:
    """Return whether the user passed a role, which may have policies of the user's; a construct has the other ones."""
    return role not in _NOT_PASSED


def _is_known_at_run_time(role: str) -> bool:
    return "{%" in role or any(sfn.JsonPath.is_encoded_json_path(token) for token in STRING_TOKEN.findall(role))


# A path before the name, which aws-cdk keeps in the ARN:
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
_ROLE_NAME: Final = r"(?:[\x21-\x7e]{0,511}/)?[A-Za-z0-9_+=,.@-]{1,64}"
_NOT_PASSED: WeakSet[iam.IRole] = WeakSet()
_RUN_TIME_ARNS: WeakKeyDictionary[iam.IRole, str] = WeakKeyDictionary()
