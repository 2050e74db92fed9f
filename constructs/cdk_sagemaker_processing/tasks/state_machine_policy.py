"""What a state machine's role must be allowed so that Step Functions can run a processing job for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.grants import account_of
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing._internal.unmanaged_policies import UnmanagedPolicy
from cdk_sagemaker_processing.model import InvalidValueError, is_unresolved

# Step Functions learns of a job's end by this rule, which it makes and keeps itself.
MANAGED_RULE = "StepFunctionsGetEventsForSageMakerProcessingJobsRule"


def state_machine_statements(
    facts: StackFacts, *, job_name: str, role: iam.IRole, waits: bool
) -> list[iam.PolicyStatement]:
    """The statements, each as narrow as AWS allows.

    Source of all: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html, which gives them for
    training and transform jobs; for processing jobs the names follow, as in every public example.

    Args:
        facts: partition, region and account of the jobs.
        job_name: what the jobs' names start with; empty when nothing of them is known.
        role: the jobs' role.
        waits: whether the state waits for the job's end (``.sync``).
    """
    job_actions = ["sagemaker:CreateProcessingJob"]
    if waits:
        job_actions += ["sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob"]
    # In .sync Step Functions tags what it starts (MANAGED_BY_AWS = STARTED_BY_STEP_FUNCTIONS), and tags at creation
    # need the right to tag: aws/aws-cdk#26012, #32294.
    job_actions.append("sagemaker:AddTags")
    statements = [
        iam.PolicyStatement(actions=job_actions, resources=[job_arns(facts, job_name)]),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    ]
    if waits:
        rule = facts.arn("events", f"rule/{MANAGED_RULE}")
        statements += [
            # The page gives ListTags with "*": Step Functions asks before it knows the job's ARN.
            iam.PolicyStatement(actions=["sagemaker:ListTags"], resources=["*"]),
            iam.PolicyStatement(
                actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"], resources=[rule]
            ),
        ]
    return statements


def job_arns(facts: StackFacts, job_name: str) -> str:
    """The ARN of every job whose name starts so."""
    return facts.arn("sagemaker", f"processing-job/{job_name}*")


def check_account(task: IConstruct, role: iam.IRole, credentials: sfn.Credentials | None) -> None:
    """Refuse what AWS refuses when the job is created: a role can be passed only within its account.

    See: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html

    Raises:
        InvalidValueError: the job's role is known to be of another account than the one that the job runs in.
    """
    theirs = account_of(role)
    runs_in = Stack.of(task).account if credentials is None else _account_of_arn(credentials.role.role_arn)
    if theirs != runs_in and not is_unresolved(theirs) and not is_unresolved(runs_in):
        raise InvalidValueError(
            "role",
            role.node.path if is_unresolved(role.role_arn) else role.role_arn,
            f"be of the account that the job runs in, {runs_in}",
            "AWS passes no role across accounts: take a role of that account, and let the buckets and keys of others "
            "allow it; a job runs in another account by the credentials= of a role there",
        )


def report_assumed_role_permissions(
    task: IConstruct, credentials: sfn.Credentials, needed: Callable[[StackFacts], list[iam.PolicyStatement]]
) -> None:
    """Have told what the role of a task's credentials has to be allowed: aws-cdk knows no more of it than its ARN.

    Args:
        task: the task.
        credentials: its credentials.
        needed: the statements, for an account.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-access-cross-acct-resources.html
    """
    arn = credentials.role.role_arn
    account = _account_of_arn(arn)
    facts = StackFacts.of(task)
    policies = UnmanagedPolicy.of(task, f"the policies of the role {arn}")
    for statement in needed(replace(facts, account="<its account>" if is_unresolved(account) else account)):
        policies.needs(statement)


def _account_of_arn(arn: str) -> str:
    """The account in an ARN; the ARN itself where it is not known before deployment."""
    return arn if is_unresolved(arn) else arn.split(":")[4]
