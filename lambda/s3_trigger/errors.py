"""The failures of calls that may pass by themselves."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

# https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html
_TRANSIENT = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "ExecutionLimitExceeded",
        "ServiceUnavailable",
        "InternalFailure",
        "InternalServerError",
        "InternalError",
        "SlowDown",
        "RequestTimeout",
        "TransactionConflictException",
    }
)


def is_transient(error: Exception) -> bool:
    """Check whether a failure may pass by itself: a service that is throttled or unavailable, or a lost connection."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response["Error"]["Code"] in _TRANSIENT or status >= 500  # noqa: PLR2004 - of HTTP
    return isinstance(error, BotoCoreError)
