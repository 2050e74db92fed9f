"""The permissions that each command needs, at least: actions, the resources that they are for, and their sources.

``tools/regenerate_permissions.py`` writes them to ``docs/operating.md``, and a test runs the commands as a user with
exactly the policy that `policy_of` returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from cdk_sagemaker_processing.model import names

if TYPE_CHECKING:
    from smproc.operations.pipeline import Pipeline

_STREAMS = f"{names.PROCESSING_LOG_GROUP}:*"
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_REFERENCE = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_{}.html"
_PAGES: Final[Mapping[str, str]] = {
    "cloudformation": "awscloudformation",
    "cloudwatch": "amazoncloudwatch",
    "dynamodb": "amazondynamodb",
    "ec2": "amazonec2",
    "ecr": "amazonelasticcontainerregistry",
    "events": "amazoneventbridge",
    "iam": "awsidentityandaccessmanagementiam",
    "kms": "awskeymanagementservice",
    "lambda": "awslambda",
    "logs": "amazoncloudwatchlogs",
    "s3": "amazons3",
    "sagemaker": "amazonsagemaker",
    "scheduler": "amazoneventbridgescheduler",
    "servicequotas": "servicequotas",
    "sqs": "amazonsqs",
    "states": "awsstepfunctions",
    "tag": "amazonresourcegrouptaggingapi",
}

Resource = Literal[
    "any",
    "bucket",
    "bucket of code and outputs",
    "dead-letter queues",
    "dispatcher",
    "executions",
    "functions",
    "jobs",
    "job logs",
    "keys",
    "queue",
    "queues",
    "repositories",
    "role of the schedule",
    "roles",
    "rules",
    "schedules",
    "stack",
    "state machine",
    "state machines of schedules",
    "table",
]


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission.

    Attributes:
        action: the action, such as ``dynamodb:Query``.
        resource: the resource that it is for; ``any`` for an action without resources, or of those that are not known.
        when: the circumstances in which it is needed; empty for always.
    """

    action: str
    resource: Resource
    when: str = ""

    @property
    def source(self) -> str:
        """The page of AWS with the action and the kinds of its resources."""
        return _REFERENCE.format(_PAGES[self.action.partition(":")[0]])


def _all(resource: Resource, *actions: str, when: str = "") -> tuple[Permission, ...]:
    return tuple(Permission(action, resource, when) for action in actions)


_SCHEDULED = "the stack has schedules that start the pipeline"
_ENCRYPTED = "the table or the queues have a key of yours"
_FIND = _all("any", "tag:GetResources")
_READ_LEDGER = (
    *_all("table", "dynamodb:BatchGetItem", "dynamodb:Query"),
    *_all("keys", "kms:Decrypt", when=_ENCRYPTED),
)
_LIST_EXECUTIONS = _all("state machine", "states:ListExecutions")
_UPLOADS = (*_FIND, *_READ_LEDGER, *_LIST_EXECUTIONS)
_TRACE = (
    *_UPLOADS,
    *_all("bucket", "s3:ListBucketVersions"),
    *_all("executions", "states:DescribeExecution", "states:GetExecutionHistory"),
    *_all("jobs", "sagemaker:DescribeProcessingJob", when="a job runs"),
    *_all("job logs", "logs:DescribeLogStreams", "logs:GetLogEvents", when="a job runs or failed"),
)
_RECEIVE = (
    *_FIND,
    *_all("dead-letter queues", "sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", "sqs:ReceiveMessage"),
    *_all("keys", "kms:Decrypt", when=_ENCRYPTED),
)
_SEND = (
    *_all("queue", "sqs:GetQueueUrl", "sqs:SendMessage"),
    *_all("keys", "kms:Decrypt", "kms:GenerateDataKey", when=_ENCRYPTED),
)
_SWITCH = (
    *_all("schedules", "scheduler:GetSchedule", "scheduler:UpdateSchedule", when=_SCHEDULED),
    *_all("role of the schedule", "iam:PassRole", when=_SCHEDULED),
)

COMMANDS: Final[Mapping[str, tuple[Permission, ...]]] = {
    "pipelines": _FIND,
    "status": (
        *_UPLOADS,
        *_all("any", "cloudwatch:GetMetricData"),
        *_all("dead-letter queues", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
    ),
    "uploads list": _UPLOADS,
    "uploads show": _TRACE,
    "trace": _TRACE,
    "retry": (
        *_TRACE,
        *_SEND,
        *_all("dispatcher", "lambda:GetFunctionConfiguration", when="--all-failed, for uploads that waited long"),
    ),
    "dead-letters list": _RECEIVE,
    "dead-letters show": _RECEIVE,
    "dead-letters discard": (*_RECEIVE, *_all("dead-letter queues", "sqs:DeleteMessage")),
    "redrive": (*_RECEIVE, *_all("dead-letter queues", "sqs:DeleteMessage"), *_SEND),
    "pause": (
        *_FIND,
        *_READ_LEDGER,
        *_all("table", "dynamodb:UpdateItem"),
        *_all("stack", "cloudformation:ListStackResources"),
        *_all("state machines of schedules", "states:DescribeStateMachine", when=_SCHEDULED),
        *_SWITCH,
    ),
    "resume": (
        *_FIND,
        *_READ_LEDGER,
        *_all("table", "dynamodb:UpdateItem"),
        *_all("dispatcher", "lambda:InvokeFunction"),
        *_SWITCH,
    ),
    "doctor": (
        *_FIND,
        *_all("bucket", "s3:GetBucketLocation", "s3:GetBucketNotification"),
        *_all("any", "events:ListRuleNamesByTarget"),
        *_all("rules", "events:DescribeRule", "events:ListTargetsByRule"),
        *_all("any", "events:TestEventPattern", when="--key"),
        *_all("stack", "cloudformation:GetTemplate", "cloudformation:ListStackResources"),
        *_all("queues", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
        *_all("functions", "lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration"),
        *_all("any", "lambda:ListEventSourceMappings"),
        *_all("any", "cloudwatch:GetMetricData"),
        *_all("table", "dynamodb:BatchGetItem", "dynamodb:DescribeTable"),
        *_all("keys", "kms:Decrypt", "kms:DescribeKey", "kms:GetKeyPolicy", when=_ENCRYPTED),
        *_all("state machine", "states:DescribeStateMachine"),
        *_all("roles", "iam:GetRole"),
        *_all("bucket of code and outputs", "s3:ListBucket"),
        *_all("repositories", "ecr:DescribeImages", when="an image is in a repository of the account"),
        *_all("any", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", when="a job runs in a VPC"),
        *_all("any", "servicequotas:ListServiceQuotas"),
    ),
}


def policy_of(commands: Iterable[str], pipeline: Pipeline) -> dict[str, Any]:
    """Return the policy of a person who runs some commands for one pipeline.

    Args:
        commands: keys of `COMMANDS`.
        pipeline: the pipeline.
    """
    needed = sorted({(one.resource, one.action) for command in commands for one in COMMANDS[command]})
    actions: dict[str, list[str]] = {}
    for resource, action in needed:
        actions.setdefault(resource, []).append(action)
    arns = _arns(pipeline)
    statements = [{"Effect": "Allow", "Action": some, "Resource": arns[resource]} for resource, some in actions.items()]
    return {"Version": "2012-10-17", "Statement": statements}


def _arns(pipeline: Pipeline) -> Mapping[str, list[str]]:
    """Return the ARNs of the resources of a pipeline, by their kinds; with a wildcard where its tags do not tell."""
    machine = pipeline.state_machine_arn
    _, partition, _, region, account, *_ = machine.split(":")

    def arn(service: str, resource: str) -> str:
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    dispatcher, intake = (arn("lambda", f"function:{name}") for name in (pipeline.dispatcher, pipeline.intake))
    dead = [pipeline.dead_letter_queue_arn, pipeline.undelivered_queue_arn]
    roles = f"arn:{partition}:iam::{account}:role/*"
    return {
        "any": ["*"],
        "bucket": [f"arn:{partition}:s3:::{pipeline.bucket}"],
        "bucket of code and outputs": [f"arn:{partition}:s3:::*"],
        "dead-letter queues": dead,
        "dispatcher": [dispatcher],
        "executions": [f"{machine.replace(':stateMachine:', ':execution:')}:*"],
        "functions": [dispatcher, intake],
        "jobs": [arn("sagemaker", "processing-job/*")],
        "job logs": [arn("logs", f"log-group:{group}") for group in (names.PROCESSING_LOG_GROUP, _STREAMS)],
        "keys": [arn("kms", "key/*")],
        "queue": [pipeline.queue_arn],
        "queues": [pipeline.queue_arn, *dead],
        "repositories": [arn("ecr", "repository/*")],
        "role of the schedule": [roles],
        "roles": [roles],
        "rules": [arn("events", "rule/*")],
        "schedules": [arn("scheduler", "schedule/*/*")],
        "stack": [arn("cloudformation", f"stack/{pipeline.stack}/*")],
        "state machine": [machine],
        "state machines of schedules": [arn("states", "stateMachine:*")],
        "table": [arn("dynamodb", f"table/{pipeline.table}")],
    }
