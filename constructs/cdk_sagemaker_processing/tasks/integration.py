"""The Step Functions integration of the task state: its ARN and its patterns."""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import InvalidValueError

ACTION = "sagemaker:createProcessingJob"


def check_pattern(pattern: sfn.IntegrationPattern) -> None:
    """Check that Step Functions offers an integration pattern for processing jobs.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
    """
    if pattern == sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN:
        raise InvalidValueError(
            "integration_pattern",
            "WAIT_FOR_TASK_TOKEN",
            "be RUN_JOB or REQUEST_RESPONSE",
            "Step Functions offers no task token for CreateProcessingJob; RUN_JOB waits for the job's end",
        )


def integration_arn(partition: str, pattern: sfn.IntegrationPattern) -> str:
    """Return the ARN of the integration, which is also its dimension in metrics."""
    waits = pattern == sfn.IntegrationPattern.RUN_JOB
    return f"arn:{partition}:states:::{ACTION}{'.sync' if waits else ''}"
