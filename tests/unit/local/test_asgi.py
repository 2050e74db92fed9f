"""The requests after which the account is saved."""

from __future__ import annotations

import pytest

from smproc.local.server import asgi


@pytest.mark.parametrize(
    ("method", "target", "changes"),
    [
        ("GET", b"", False),
        ("HEAD", b"", False),
        ("PUT", b"", True),
        ("DELETE", b"", True),
        ("POST", b"", True),  # the Query protocol of IAM and CloudFormation, whose operation is in the body
        ("POST", b"AWSStepFunctions.CreateStateMachine", True),
        ("POST", b"AWSStepFunctions.DescribeExecution", False),
        ("POST", b"AWSStepFunctions.GetActivityTask", True),
        ("POST", b"AmazonSQS.ReceiveMessage", True),
        ("POST", b"AmazonSQS.GetQueueAttributes", False),
        ("POST", b"DynamoDB_20120810.BatchGetItem", False),
        ("POST", b"DynamoDB_20120810.BatchWriteItem", True),
        ("POST", b"Logs_20140328.FilterLogEvents", False),
    ],
)
def test_requests_that_only_read_are_no_changes(method: str, target: bytes, changes: bool) -> None:  # noqa: FBT001
    headers = [(b"host", b"localhost"), *([(b"x-amz-target", target)] if target else [])]
    assert asgi._may_change({"type": "http", "method": method, "headers": headers}) is changes
