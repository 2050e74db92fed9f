"""The retry of errors at the creation of processing jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Retry errors at a job's creation, with a new job name for each attempt; a job that ran and failed is not retried. The
# error names are the ones seen in practice, in both spellings; AWS documents no complete list:
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
CREATION_RETRIERS: Final[tuple[Mapping[str, Any], ...]] = (
    {
        # The account's quota of instances is used up, which ends when other jobs do. About an hour in all.
        "ErrorEquals": [
            "SageMaker.ResourceLimitExceededException",
            "SageMaker.ResourceLimitExceeded",
            "SageMaker.ThrottlingException",
            "SageMaker.Throttling",
        ],
        "IntervalSeconds": 30,
        "MaxAttempts": 10,
        "BackoffRate": 2,
        "MaxDelaySeconds": 600,
        "JitterStrategy": "FULL",
    },
    {
        # Errors that the service model does not name have these names: throttling, but also requests that stay invalid,
        # so the retry is short. About two and a half minutes in all.
        "ErrorEquals": ["SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException"],
        "IntervalSeconds": 5,
        "MaxAttempts": 5,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    },
)
