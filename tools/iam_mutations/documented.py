"""The actions that AWS itself performs with a role, without a request to the local AWS, and their documentation."""

from __future__ import annotations

_JOBS = "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html"
_LOGS = "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"
_RULE = "https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html"
_TRACES = "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html"
_FUNCTION = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"
_POLLER = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
_TOPIC = "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"
_PARTS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"
_HEAD = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"
_DESCRIBE = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html"
_ABORT = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html"

_FUNCTIONS = {
    "logs:CreateLogStream": _FUNCTION,
    "logs:PutLogEvents": _FUNCTION,
    "xray:PutTraceSegments": _FUNCTION,
    "xray:PutTelemetryRecords": _FUNCTION,
}
# SNS uses the topic's key on behalf of the publisher.
_PUBLISHERS = {"kms:Decrypt": _TOPIC, "kms:GenerateDataKey*": _TOPIC}
# The page by action, by the owner of the role.
DOCUMENTED = {
    "job": {
        "cloudwatch:PutMetricData": _JOBS,
        "logs:DescribeLogStreams": _JOBS,
        # The local AWS lists nothing for a manifest and its objects; the page requires it for every input.
        "s3:ListBucket": _JOBS,
        "ecr:GetAuthorizationToken": _JOBS,
        "ecr:BatchCheckLayerAvailability": _JOBS,
        "ecr:BatchGetImage": _JOBS,
        "ecr:GetDownloadUrlForLayer": _JOBS,
    },
    "state machine": {
        "sagemaker:ListTags": _RULE,
        "events:PutTargets": _RULE,
        "events:PutRule": _RULE,
        "events:DescribeRule": _RULE,
        "logs:CreateLogDelivery": _LOGS,
        "logs:GetLogDelivery": _LOGS,
        "logs:UpdateLogDelivery": _LOGS,
        "logs:DeleteLogDelivery": _LOGS,
        "logs:ListLogDeliveries": _LOGS,
        "logs:PutResourcePolicy": _LOGS,
        "logs:DescribeResourcePolicies": _LOGS,
        "logs:DescribeLogGroups": _LOGS,
        "xray:PutTraceSegments": _TRACES,
        "xray:PutTelemetryRecords": _TRACES,
        "xray:GetSamplingRules": _TRACES,
        "xray:GetSamplingTargets": _TRACES,
    },
    "trigger": {
        **_FUNCTIONS,
        **_PUBLISHERS,
        "sqs:ReceiveMessage": _POLLER,
        "sqs:DeleteMessage": _POLLER,
        "sqs:GetQueueAttributes": _POLLER,
        "sqs:ChangeMessageVisibility": _POLLER,
        "sqs:GetQueueUrl": _POLLER,
    },
    "dispatcher": {
        **_FUNCTIONS,
        **_PUBLISHERS,
        # Without it S3 returns 403 for a missing object; the local AWS always returns 404.
        "s3:ListBucket": _HEAD,
        # Only when a part of a large manifest cannot be uploaded.
        "s3:AbortMultipartUpload": _ABORT,
        # Only for a job that has used half of its time.
        "sagemaker:DescribeProcessingJob": _DESCRIBE,
    },
    # Called only when an upload of parts fails.
    "unpacker": {**_FUNCTIONS, "s3:AbortMultipartUpload": _PARTS},
}
