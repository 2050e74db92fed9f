"""The role that a processing job runs as."""

from __future__ import annotations

from aws_cdk import Token
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_sagemaker_processing._internal.nag import INLINE_POLICY, suppress, suppress_wildcards_by_resource
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model import InvalidValueError
from cdk_sagemaker_processing.model.names import PROCESSING_LOG_GROUP


class ProcessingRole(iam.Role):
    """What a processing job may do before it is granted anything: write its own logs and metrics.

    Grant it more as any role: ``bucket.grant_read(role)``. The constructs grant what they know the job needs.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.

    See: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createprocessingjob-perms
    """

    @classmethod
    def of(cls, scope: Construct, role: iam.IRole | str | None) -> iam.IRole:
        """The role that was given, by itself, its ARN or its name; a new one when none was."""
        if role is None:
            return cls(scope, "Role")
        if not isinstance(role, str):
            if not hasattr(role, "role_arn"):
                raise InvalidValueError("role", role, "be a role, its ARN or its name")
            return role
        if role.startswith("arn:") or Token.is_unresolved(role):
            return iam.Role.from_role_arn(scope, "Role", role)
        return iam.Role.from_role_name(scope, "Role", role)

    def __init__(self, scope: Construct, construct_id: str) -> None:
        facts = StackFacts.of(scope)
        super().__init__(
            scope,
            construct_id,
            description="What a SageMaker processing job may do",
            # The condition keeps SageMaker from using the role for somebody else's account (the confused deputy):
            # https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": facts.account}},
            ),
        )
        group = facts.arn("logs", f"log-group:{PROCESSING_LOG_GROUP}")
        self.add_to_policy(
            iam.PolicyStatement(
                # See the page above. The group is shared by every processing job of the account and made by the first.
                actions=[
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                resources=[group, f"{group}:*"],
            )
        )
        self.add_to_policy(
            iam.PolicyStatement(
                # See the page above. PutMetricData has no resources; the namespace is what can be narrowed:
                # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": PROCESSING_LOG_GROUP}},
            )
        )
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
