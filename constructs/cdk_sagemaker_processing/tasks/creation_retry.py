"""The retry of errors at the creation of processing jobs."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn


def retry_creation(state: sfn.TaskStateBase) -> None:
    """Retry errors at a job's creation, with a new job name for each attempt; a job that ran and failed is not retried.

    The error names are the ones seen in practice, in both spellings; AWS documents no complete list.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    state.add_retry(
        # The account's quota of instances is used up, which ends when other jobs do. About an hour in all.
        errors=[
            "SageMaker.ResourceLimitExceededException",
            "SageMaker.ResourceLimitExceeded",
            "SageMaker.ThrottlingException",
            "SageMaker.Throttling",
        ],
        interval=Duration.seconds(30),
        backoff_rate=2,
        max_delay=Duration.minutes(10),
        max_attempts=10,
        jitter_strategy=sfn.JitterType.FULL,
    )
    state.add_retry(
        # Errors that the service model does not name have these names: throttling, but also requests that stay invalid,
        # so the retry is short. About two and a half minutes in all.
        errors=["SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException"],
        interval=Duration.seconds(5),
        backoff_rate=2,
        max_attempts=5,
        jitter_strategy=sfn.JitterType.FULL,
    )
