"""What Step Functions retries by itself when a processing job cannot be created."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn


def retry_creation(state: sfn.TaskStateBase) -> None:
    """Retry errors at the job's creation, each try under a new job name; a job that ran and failed is not retried.

    The names of the errors are those seen in the wild, in both spellings; AWS documents no complete list:
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    state.add_retry(
        # The account's quota of instances is used up: worth waiting for, others' jobs end. About an hour in all.
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
        # What the service's model does not name comes under this: throttling, but also a request that stays wrong, so
        # not for long. About two and a half minutes in all.
        errors=["SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException"],
        interval=Duration.seconds(5),
        backoff_rate=2,
        max_attempts=5,
        jitter_strategy=sfn.JitterType.FULL,
    )
