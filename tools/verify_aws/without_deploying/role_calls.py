"""The calls of the roles of the demo: those that the code makes, and some that must be denied.

Resources are written as the template has them: ``{PipelineInputBucket}`` is the ARN of the resource whose logical id is
that text and a hash. The calls come from the code of the functions, the request of the job and AWS's pages for
services that act with a role, not from the policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_JOB: Final = "arn:aws:sagemaker:{region}:{account}:processing-job/"
_LOGS: Final = "arn:aws:logs:{region}:{account}:log-group:/aws/sagemaker/ProcessingJobs"
_NAME: Final = "sagemaker-scikit-learn-1.2-1-x"
_BUS: Final = "arn:aws:events:{region}:{account}:event-bus/default"
_RULE: Final = "arn:aws:events:{region}:{account}:rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule"
_ASSETS: Final = "arn:aws:s3:::cdk-hnb659fds-assets-{account}-{region}"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a role makes, or must not be able to make.

    Attributes:
        action: its action.
        resource: the ARN of its resource.
        keys: the condition keys of the request.
    """

    action: str
    resource: str
    keys: Mapping[str, str] = field(default_factory=dict)


def _all(resource: str, *actions: str, **keys: str) -> tuple[Call, ...]:
    return tuple(Call(action, resource, keys) for action in actions)


def _prefix(bucket: str, prefix: str) -> Call:
    return Call("s3:ListBucket", bucket, {"s3:prefix": prefix})


# The roles of app.py, by the starts of their logical ids.
ALLOWED: Final[Mapping[str, tuple[Call, ...]]] = {
    "SKLearnRole": (
        *_all("{PipelineInputBucket}/incoming/a.csv", "s3:GetObject"),
        *_all("{SKLearnBucket}/code/x/preprocess.py", "s3:GetObject"),
        *_all("{SKLearnBucket}/manifests/x.json", "s3:GetObject"),
        _prefix("{PipelineInputBucket}", "incoming/a.csv"),
        _prefix("{SKLearnBucket}", "code/x/"),
        *_all("{SKLearnBucket}/outputs/x/train.csv", "s3:PutObject"),
        *_all(_LOGS, "logs:CreateLogGroup", "logs:DescribeLogStreams"),
        *_all(f"{_LOGS}:log-stream:x", "logs:CreateLogStream", "logs:PutLogEvents"),
        *_all("*", "ecr:GetAuthorizationToken"),
    ),
    "PipelineStateMachineRole": (
        *_all(
            f"{_JOB}{_NAME}",
            "sagemaker:CreateProcessingJob",
            "sagemaker:AddTags",
            "sagemaker:DescribeProcessingJob",
            "sagemaker:StopProcessingJob",
        ),
        Call("iam:PassRole", "{SKLearnRole}", {"iam:PassedToService": "sagemaker.amazonaws.com"}),
        *_all(_RULE, "events:PutRule", "events:PutTargets", "events:DescribeRule"),
        *_all("*", "sagemaker:ListTags", "logs:CreateLogDelivery", "xray:PutTraceSegments"),
    ),
    "PipelineTriggerFunctionRole": (
        *_all("{PipelineTriggerQueue}", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        *_all("{PipelineTriggerLedgerTable}", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"),
        *_all("{PipelineTriggerDeadLetterQueue}", "sqs:SendMessage"),
        *_all("{PipelineTriggerLedgerDispatcher}", "lambda:InvokeFunction"),
        Call("events:PutEvents", _BUS, {"events:source": "cdk-sagemaker-processing"}),
    ),
    "PipelineTriggerLedgerDispatcherRole": (
        *_all("{PipelineStateMachine}", "states:StartExecution", "states:ListExecutions"),
        *_all("{PipelineTriggerLedgerTable}", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DescribeTable"),
        *_all("{SKLearnBucket}/manifests/x.json", "s3:PutObject", "s3:AbortMultipartUpload"),
        _prefix("{PipelineInputBucket}", "incoming/a.csv"),
        *_all("{PipelineTriggerDeadLetterQueue}", "sqs:SendMessage"),
    ),
    "ProcessingCodeUnpackerFunctionRole": (
        *_all(f"{_ASSETS}/x.zip", "s3:GetObject"),
        *_all("{SKLearnBucket}/code/x/preprocess.py", "s3:PutObject"),
    ),
}
DENIED: Final[Mapping[str, tuple[Call, ...]]] = {
    "SKLearnRole": (
        *_all("{PipelineInputBucket}/private/a.csv", "s3:GetObject"),
        *_all("{PipelineInputBucket}/incoming/a.csv", "s3:PutObject"),
        *_all("{SKLearnBucket}/code/x", "s3:PutObject"),
        *_all("{SKLearnBucket}/outputs/x", "s3:DeleteObject"),
        *_all(f"{_JOB}{_NAME}", "sagemaker:CreateProcessingJob"),
        _prefix("{PipelineInputBucket}", "private/"),
    ),
    "PipelineStateMachineRole": (
        *_all(f"{_JOB}other", "sagemaker:CreateProcessingJob", "sagemaker:StopProcessingJob"),
        Call("iam:PassRole", "{SKLearnRole}", {"iam:PassedToService": "lambda.amazonaws.com"}),
        Call("iam:PassRole", "{PipelineTriggerFunctionRole}", {"iam:PassedToService": "sagemaker.amazonaws.com"}),
        *_all("{PipelineInputBucket}/incoming/a.csv", "s3:GetObject"),
    ),
    "PipelineTriggerFunctionRole": (
        *_all("{PipelineTriggerQueue}", "sqs:SendMessage"),
        *_all("{PipelineStateMachine}", "states:StartExecution"),
        Call("events:PutEvents", _BUS, {"events:source": "mine"}),
    ),
    "PipelineTriggerLedgerDispatcherRole": (
        *_all("{SKLearnBucket}/outputs/x", "s3:PutObject"),
        *_all("{PipelineInputBucket}/incoming/a.csv", "s3:GetObject"),
        *_all(f"{_JOB}{_NAME}", "sagemaker:CreateProcessingJob"),
    ),
    "ProcessingCodeUnpackerFunctionRole": (
        *_all("{SKLearnBucket}/outputs/x", "s3:PutObject"),
        *_all("{SKLearnBucket}/code/x", "s3:GetObject"),
    ),
}
