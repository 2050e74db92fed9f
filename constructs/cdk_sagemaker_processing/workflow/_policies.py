"""What a state machine's role must be allowed so that Step Functions can run a processing job for it."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import IConstruct

from cdk_sagemaker_processing._internal.stack_facts import StackFacts

# Step Functions learns of a job's end by this rule, which it makes and keeps itself.
MANAGED_RULE = "StepFunctionsGetEventsForSageMakerProcessingJobsRule"


def state_machine_statements(
    scope: IConstruct, *, job_name: str, role: iam.IRole, waits: bool
) -> list[iam.PolicyStatement]:
    """The statements, each as narrow as AWS allows.

    Source of all: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html, which gives them for
    training and transform jobs; for processing jobs the names follow, as in every public example.

    Args:
        scope: a construct of the stack, for region and account.
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
        iam.PolicyStatement(actions=job_actions, resources=[job_arns(scope, job_name)]),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    ]
    if waits:
        rule = StackFacts.of(scope).arn("events", f"rule/{MANAGED_RULE}")
        statements += [
            # The page gives ListTags with "*": Step Functions asks before it knows the job's ARN.
            iam.PolicyStatement(actions=["sagemaker:ListTags"], resources=["*"]),
            iam.PolicyStatement(
                actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"], resources=[rule]
            ),
        ]
    return statements


def job_arns(scope: IConstruct, job_name: str) -> str:
    """The ARN of every job whose name starts so."""
    return StackFacts.of(scope).arn("sagemaker", f"processing-job/{job_name}*")
