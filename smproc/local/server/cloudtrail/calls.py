"""Calls of AWS's APIs: who made them, and whether CloudTrail records them as management events.

See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# The data events, by the name of the service in the routing of requests. Those of DynamoDB's items, functions, topics
# and SQS are on the pages of the services; the others are assumed.
# See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/logging-using-cloudtrail.html
# See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/logging-using-cloudtrail.html
# See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
_DATA_EVENTS: Final[Mapping[str, frozenset[str]]] = {
    "dynamodb": frozenset(
        {
            "BatchExecuteStatement",
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "ExecuteStatement",
            "ExecuteTransaction",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        }
    ),
    "dynamodbstreams": frozenset({"GetRecords", "GetShardIterator"}),
    "events": frozenset({"PutEvents"}),
    "firehose": frozenset({"PutRecord", "PutRecordBatch"}),
    "kinesis": frozenset({"GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"}),
    "lambda": frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"}),
    "logs": frozenset({"FilterLogEvents", "GetLogEvents", "GetLogRecord", "PutLogEvents", "StartLiveTail"}),
    "monitoring": frozenset(
        {"GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage", "ListMetrics", "PutMetricData"}
    ),
    "sns": frozenset({"Publish", "PublishBatch"}),
    "sqs": frozenset(
        {
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "DeleteMessage",
            "DeleteMessageBatch",
            "GetQueueAttributes",
            "GetQueueUrl",
            "ListDeadLetterSourceQueues",
            "ListQueueTags",
            "ListQueues",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
        }
    ),
    "states": frozenset({"GetActivityTask", "SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess"}),
}
# The operations of S3 without an object's key in their path that are data events all the same.
_DATA_EVENTS_OF_BUCKETS: Final = frozenset(
    {"DeleteObjects", "HeadBucket", "ListObjectVersions", "ListObjects", "ListObjectsV2"}
)
# Services that have nothing but data events.
_DATA_SERVICES: Final = frozenset(
    {"appsync-events", "bedrock-agent-runtime", "ecs-metadata", "imds", "iot-data", "iot-jobs-data", "rds-data"}
)
_READS: Final = ("BatchGet", "Check", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Search", "Validate")
_READS_BESIDE: Final = frozenset(
    {"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "Decrypt", "Encrypt"}
)
_READS_OF_KEYS: Final = ("GenerateDataKey", "GenerateMac", "Verify")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller of an operation.

    Attributes:
        kind: ``Root``, ``IAMUser``, ``AssumedRole`` or ``FederatedUser``.
        arn: the ARN; of a role, that of its session.
        principal_id: the id; of a role, with the name of the session.
        account: the account.
        access_key: the access key id.
        name: the name of the user, or of the role's session.
        role_arn: the ARN of the role; empty for other callers.
        since: when the session began, in seconds since 1970; None if it is not known.
    """

    kind: str
    arn: str
    principal_id: str
    account: str
    access_key: str
    name: str
    role_arn: str = ""
    since: float | None = None

    def identity(self) -> dict[str, Any]:
        """Return the ``userIdentity`` of an event."""
        found: dict[str, Any] = {
            "type": self.kind,
            "principalId": self.principal_id,
            "arn": self.arn,
            "accountId": self.account,
        }
        if self.access_key:
            found["accessKeyId"] = self.access_key
        if self.kind == "IAMUser":
            found["userName"] = self.name
        if self.role_arn:
            issuer = {
                "type": "Role",
                "principalId": self.principal_id.partition(":")[0],
                "arn": self.role_arn,
                "accountId": self.account,
                "userName": self.role_arn.rpartition("/")[2],
            }
            attributes = {} if self.since is None else {"creationDate": utc(self.since), "mfaAuthenticated": "false"}
            found["sessionContext"] = {"sessionIssuer": issuer, "attributes": attributes}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of an operation.

    Attributes:
        service: the name of the service, in the routing of requests.
        operation: the name of the operation.
        region: the region.
        caller: who makes it.
        request_id: the id of the request.
        user_agent: the client; empty if it is not known.
        error_code: the code of the error; empty if there is none.
        error_message: its message.
    """

    service: str
    operation: str
    region: str
    caller: Caller
    request_id: str
    user_agent: str = ""
    error_code: str = ""
    error_message: str = ""

    @property
    def is_read(self) -> bool:
        """True if the operation changes nothing, as its name says."""
        return (
            self.operation.startswith(_READS)
            or self.operation in _READS_BESIDE
            or (self.service == "kms" and self.operation.startswith(_READS_OF_KEYS))
        )


def is_management_event(service: str, operation: str, *, of_an_object: bool = False) -> bool:
    """Return whether CloudTrail records a call as a management event, and not as a data event or not at all.

    Args:
        service: the name of the service, in the routing of requests.
        operation: the name of the operation.
        of_an_object: whether the request names an object of S3.
    """
    if service == "s3":
        return not of_an_object and operation not in _DATA_EVENTS_OF_BUCKETS
    return service not in _DATA_SERVICES and operation not in _DATA_EVENTS.get(service, ())


def utc(seconds: float) -> str:
    """Return a time as CloudTrail writes it.

    Args:
        seconds: the seconds since 1970.
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
