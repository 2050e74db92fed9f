"""Grants to roles, on keys, buckets, topics and repositories. Every grant of this library goes through here.

aws-cdk accepts statements for policies that it cannot change and drops them silently; these functions report them.
"""

from __future__ import annotations

import jsii
from aws_cdk import Resource, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from cdk_sagemaker_processing._internal.unmanaged_policies import UnmanagedPolicy
from cdk_sagemaker_processing.model import is_unresolved, sagemaker_accounts


@jsii.implements(iam.IPrincipal)
class _ReportingGrantee:
    """An imported role as aws-cdk's grants see it: hands statements on, and has told those that the role drops."""

    def __init__(self, role: iam.IRole) -> None:
        self._role = role

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
        result = self._role.add_to_principal_policy(statement)
        if drops_statements(self._role):
            policies_of(self._role).needs(statement)
        return result


def drops_statements(role: iam.IRole) -> bool:
    """Whether a role that was handed statements has dropped them: aws-cdk says that they were added all the same."""
    return not isinstance(role, iam.Role) and not any(isinstance(child, iam.Policy) for child in role.node.children)


def policies_of(role: iam.IRole) -> UnmanagedPolicy:
    """The policies of a role that drops statements."""
    return UnmanagedPolicy.of(role, f"the policies of the role {role.role_arn}")


def grantee(role: iam.IRole) -> iam.IPrincipal:
    """Whom to grant what a role shall be allowed: the role, or who tells what it drops."""
    return role if isinstance(role, iam.Role) else _ReportingGrantee(role)


def allow(role: iam.IRole, statement: iam.PolicyStatement, *, bucket: s3.IBucket | None = None) -> None:
    """Add a statement to a role's policy.

    Args:
        role: the role.
        statement: the statement.
        bucket: the bucket that it is about, whose own policy has to agree when it is of another account.
    """
    if bucket is not None:
        grant_in_bucket_policy(bucket, role, statement)
    if isinstance(role, iam.Role):
        role.add_to_policy(statement)
    else:
        grantee(role).add_to_principal_policy(statement)


def grant_in_bucket_policy(bucket: s3.IBucket, role: iam.IRole, statement: iam.PolicyStatement) -> None:
    """Have a bucket's policy allow what a role of another account may do by its own.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-walkthroughs-managing-access-example2.html
    """
    if not _of_another_account(bucket, role):
        return
    theirs = statement.copy(principals=[iam.ArnPrincipal(role.role_arn)])
    owned = Resource.is_owned_resource(bucket)
    if owned and isinstance(role, iam.Role):
        # Both are of this app, in stacks of two accounts: neither stack can wait for the other.
        UnmanagedPolicy.of(role, f"the policy of the bucket {bucket.node.path} of another stack").needs(theirs)
    elif not (owned and bucket.add_to_resource_policy(theirs).statement_added):
        UnmanagedPolicy.of(bucket, f"the policy of the bucket {bucket.bucket_name}").needs(theirs)


def grant_publish(topic: sns.ITopic, role: iam.IRole) -> None:
    """Let a role publish to a topic, whose own policy has to agree when it is of another account.

    See: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    topic.grant_publish(role)
    if _of_another_account(topic, role):
        UnmanagedPolicy.of(topic, f"the policy of the topic {topic.topic_arn}").needs(
            iam.PolicyStatement(
                actions=["sns:Publish"], principals=[iam.ArnPrincipal(role.role_arn)], resources=[topic.topic_arn]
            )
        )


def grant_key(key: kms.IKey, role: iam.IRole, *actions: str) -> None:
    """Let a role use a key.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    """
    key.grant(grantee(role), *actions)
    if not Resource.is_owned_resource(key):
        policy_of(key, elsewhere=_of_another_account(key, role)).needs(
            iam.PolicyStatement(actions=list(actions), principals=[iam.ArnPrincipal(role.role_arn)], resources=["*"])
        )


def policy_of(key: kms.IKey, *, elsewhere: bool = False) -> UnmanagedPolicy:
    """The policy of an imported key.

    Args:
        key: the key.
        elsewhere: whether it is of another account, where roles of this one need more than their own policies.
    """
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    until = "" if elsewhere else "it allows this, as key policies by default do for the roles of their account"
    return UnmanagedPolicy.of(key, f"the policy of the key {key.key_arn}", until=until)


def repository_of(account: str, repository: str, role: iam.IRole, actions: list[str]) -> None:
    """Have told what the policy of a repository of another account has to allow, if the account is known to be another.

    See: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
    """
    ours = account_of(role)
    if is_unresolved(account) or is_unresolved(ours) or account == ours or account in sagemaker_accounts():
        return
    UnmanagedPolicy.of(
        role,
        f"the policy of the repository {repository} of the account {account}",
        until="it allows this already",
    ).needs(iam.PolicyStatement(actions=actions, principals=[iam.ArnPrincipal(role.role_arn)]))


def account_of(role: iam.IRole) -> str:
    """A role's account; that of its stack where only deployment tells it."""
    account = role.principal_account
    return Stack.of(role).account if account is None or is_unresolved(account) else account


def _of_another_account(resource: s3.IBucket | kms.IKey | sns.ITopic, role: iam.IRole) -> bool:
    """Whether a resource is known at synth to be of another account than a role."""
    theirs, ours = resource.env.account, account_of(role)
    return not is_unresolved(theirs) and not is_unresolved(ours) and theirs != ours
