"""Grants to roles on keys, buckets, topics and repositories; every grant of this library goes through here.

aws-cdk accepts statements for policies that it cannot change and silently drops them. These functions report them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import jsii
from aws_cdk import Resource
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from cdk_sagemaker_processing._internal.consuming_stacks import add_statement, has_policy_of_other_stack
from cdk_sagemaker_processing._internal.policy_sizes import note_statement
from cdk_sagemaker_processing._internal.resource_facts import account_of_resource, principal_account_of
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing._internal.unmanaged_policies import UnmanagedPolicy
from cdk_sagemaker_processing.model import is_unresolved, sagemaker_accounts

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns


@jsii.implements(iam.IPrincipal)
class _RoleGrantee:
    """A grantee that adds statements to a role's policy, and reports those that an imported role drops."""

    def __init__(self, role: iam.IRole, scope: IConstruct | None) -> None:
        self._role = role
        self._scope = scope

    @property
    def grant_principal(self) -> iam.IPrincipal:
        return self

    @property
    def assume_role_action(self) -> str:
        return self._role.assume_role_action

    @property
    def policy_fragment(self) -> iam.PrincipalPolicyFragment:
        return self._role.policy_fragment

    @property
    def principal_account(self) -> str | None:
        return self._role.principal_account

    def add_to_principal_policy(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        if self._scope is None:
            result = self._role.add_to_principal_policy(statement)
        else:
            result = add_statement(self._role, statement, self._scope)
        if drops_statements(self._role):
            role_policies(self._role).require(statement)
        return result


def drops_statements(role: iam.IRole) -> bool:
    """Return whether a role drops the statements that are added to it, although aws-cdk reports them as added."""
    return (
        not isinstance(role, iam.Role)
        and not any(isinstance(child, iam.Policy) for child in role.node.children)
        and not has_policy_of_other_stack(role)
    )


def role_policies(role: iam.IRole) -> UnmanagedPolicy:
    """Return the policies of a role that drops statements."""
    return UnmanagedPolicy.of(role, f"the policies of the role {role.role_arn}")


def grantee(role: iam.IRole, scope: IConstruct | None = None) -> iam.IPrincipal:
    """Return the principal to grant permissions to.

    Args:
        role: the role.
        scope: the construct that uses the role, in whose stack the statements belong. Default: the role's own stack.

    Returns:
        The role, or a wrapper that puts statements into a policy of the right stack and reports those that are dropped.
    """
    return role if isinstance(role, iam.Role) and scope is None else _RoleGrantee(role, scope)


def allow(
    role: iam.IRole,
    statement: Statement,
    *,
    bucket: s3.IBucket | None = None,
    scope: IConstruct | None = None,
    reasons: Mapping[str, str] | None = None,
) -> None:
    """Add a statement to a role's policy.

    Args:
        role: the role.
        statement: the statement.
        bucket: the bucket that the statement is about; in another account, its bucket policy must allow the same.
            Default: none.
        scope: the construct that uses the role, in whose stack the statement belongs. Default: the role's own stack.
        reasons: the reason by resource for wildcards in the statement; only with ``scope``. Default: none.
    """
    if bucket is not None:
        grant_in_bucket_policy(bucket, role, statement)
    if scope is not None:
        add_statement(role, statement, scope, reasons)
        if drops_statements(role):
            role_policies(role).require(statement)
    elif isinstance(role, iam.Role):
        statement.add_to(role)
        note_statement(role, statement)
    else:
        grantee(role).add_to_principal_policy(statement.made)


def grant_in_bucket_policy(bucket: s3.IBucket, role: iam.IRole, statement: Statement) -> None:
    """Allow in a bucket's policy what a role of another account is allowed by its own policy.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-walkthroughs-managing-access-example2.html
    """
    if not _of_another_account(bucket, role):
        return
    bucket_statement = statement.made.copy(principals=[iam.ArnPrincipal(role.role_arn)])
    owned = Resource.is_owned_resource(bucket)
    if owned and isinstance(role, iam.Role):
        # Both belong to this app, in stacks of two accounts: neither stack can depend on the other.
        policy = UnmanagedPolicy.of(role, f"the policy of the bucket {bucket.node.path} of another stack")
        policy.require(bucket_statement)
    elif not (owned and bucket.add_to_resource_policy(bucket_statement).statement_added):
        UnmanagedPolicy.of(bucket, f"the policy of the bucket {bucket.bucket_name}").require(bucket_statement)


def grant_publish(topic: sns.ITopic, role: iam.IRole) -> None:
    """Grant a role permission to publish to a topic; in another account, the topic's policy must allow it too.

    See: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    topic.grant_publish(role)
    if _of_another_account(topic, role):
        UnmanagedPolicy.of(topic, f"the policy of the topic {topic.topic_arn}").require(
            iam.PolicyStatement(
                actions=["sns:Publish"], principals=[iam.ArnPrincipal(role.role_arn)], resources=[topic.topic_arn]
            )
        )


def grant_key(key: kms.IKey, role: iam.IRole, *actions: str, scope: IConstruct | None = None) -> None:
    """Grant a role the use of a key.

    Args:
        key: the key.
        role: the role.
        actions: the actions of KMS.
        scope: the construct that uses the role, in whose stack the statement belongs. Default: the role's own stack.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    """
    key.grant(grantee(role, scope), *actions)
    if not Resource.is_owned_resource(key):
        key_policy(key, elsewhere=_of_another_account(key, role)).require(
            iam.PolicyStatement(actions=list(actions), principals=[iam.ArnPrincipal(role.role_arn)], resources=["*"])
        )


def key_policy(key: kms.IKey, *, elsewhere: bool = False) -> UnmanagedPolicy:
    """Return the policy of an imported key.

    Args:
        key: the key.
        elsewhere: whether the key is in another account, whose key policy must name the roles of this one.
            Default: False.
    """
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    unless = "" if elsewhere else "it allows this, as key policies by default do for the roles of their account"
    return UnmanagedPolicy.of(key, f"the policy of the key {key.key_arn}", unless=unless)


def report_repository_permissions(account: str, repository: str, role: iam.IRole, actions: list[str]) -> None:
    """Report the permissions that the policy of a repository must grant, if it is known to be in another account.

    See: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
    """
    role_account = account_of(role)
    if is_unresolved(account) or is_unresolved(role_account):
        return
    if account == role_account or account in sagemaker_accounts():
        return
    UnmanagedPolicy.of(
        role,
        f"the policy of the repository {repository} of the account {account}",
        unless="it allows this already",
    ).require(iam.PolicyStatement(actions=actions, principals=[iam.ArnPrincipal(role.role_arn)]))


def account_of(role: iam.IRole) -> str:
    """Return the account of a role, or that of its stack if the role's is known only at deployment."""
    if isinstance(role, iam.Role):
        return StackFacts.of(role).account
    account = principal_account_of(role)
    return StackFacts.of(role).account if account is None or is_unresolved(account) else account


def _of_another_account(resource: s3.IBucket | kms.IKey | sns.ITopic, role: iam.IRole) -> bool:
    """Return whether a resource is known at synth to be in another account than a role."""
    resource_account, role_account = account_of_resource(resource), account_of(role)
    known = not is_unresolved(resource_account) and not is_unresolved(role_account)
    return known and resource_account != role_account
