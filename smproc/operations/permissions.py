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
    "child executions",
    "dead-letter queues",
    "dispatcher",
    "executions",
    "functions",
    "jobs",
    "job logs",
    "keys",
    "map runs",
    "objects",
    "objects of code and outputs",
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
_RUNS = "a job runs"
_AT_ONCE = "to know before the upload that nothing can start"
_FIND = _all("any", "tag:GetResources")
_READ_LEDGER = (
    *_all("table", "dynamodb:BatchGetItem", "dynamodb:Query"),
    *_all("keys", "kms:Decrypt", when=_ENCRYPTED),
)
_MAPPED = "the state machine has a Distributed Map"
_LIST_EXECUTIONS = _all("state machine", "states:ListExecutions")
_HISTORY = (
    *_all("executions", "states:GetExecutionHistory"),
    *_all("map runs", "states:ListExecutions", when=_MAPPED),
    *_all("child executions", "states:GetExecutionHistory", when=_MAPPED),
)
_EXECUTION = (
    *_FIND,
    *_all("executions", "states:DescribeExecution"),
    *_all("state machine", "states:ListExecutions", when="only the beginning of a name is given"),
)
_JOB = _all("jobs", "sagemaker:DescribeProcessingJob")
_LOGS = _all("job logs", "logs:DescribeLogStreams", "logs:GetLogEvents")
_JOBS = (
    *_FIND,
    *_LIST_EXECUTIONS,
    *_HISTORY,
    *_all("jobs", "sagemaker:DescribeProcessingJob", when=_RUNS),
)
_OUTPUTS = (
    *_JOBS,
    *_all("executions", "states:DescribeExecution", when="--execution"),
    *_all("bucket of code and outputs", "s3:ListBucket"),
)
_BACKFILL = (*_FIND, *_all("dispatcher", "lambda:InvokeFunction"))
_ESTIMATE = _all("state machine", "states:DescribeStateMachine", "states:ListExecutions", when="it was a dry run")
_SCHEDULE = (
    *_all("any", "tag:GetResources", when="--stack is left out"),
    *_all("stack", "cloudformation:ListStackResources"),
    *_all("schedules", "scheduler:GetSchedule"),
)
_UPLOADS = (
    *_FIND,
    *_all("table", "dynamodb:Query"),
    *_all("table", "dynamodb:BatchGetItem", when="the uploads are in batches"),
    *_all("keys", "kms:Decrypt", when=_ENCRYPTED),
    *_LIST_EXECUTIONS,
)
_SHOW_AGAIN = "sqs:ChangeMessageVisibility"
_READ_QUEUES = (_SHOW_AGAIN, "sqs:GetQueueUrl", "sqs:ReceiveMessage")
_TRACE = (
    *_UPLOADS,
    *_all("bucket", "s3:ListBucketVersions"),
    *_all("executions", "states:DescribeExecution", when="1,000 executions have started since"),
    *_HISTORY,
    *_all("jobs", "sagemaker:DescribeProcessingJob", when=_RUNS),
    *_all("job logs", "logs:DescribeLogStreams", "logs:GetLogEvents", when="a job runs or failed"),
    *_all("dead-letter queues", *_READ_QUEUES, when="the pipeline has not taken the object's last upload"),
)
_RECEIVE = (
    *_FIND,
    *_all("dead-letter queues", *_READ_QUEUES),
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
    "run": (
        *_FIND,
        *_all("dispatcher", "lambda:GetFunctionConfiguration"),
        *_all("objects", "s3:PutObject"),
        *_all("keys", "kms:GenerateDataKey", when="the bucket has a key of yours"),
        *_LIST_EXECUTIONS,
        *_all("executions", "states:DescribeExecution", "states:GetExecutionHistory"),
        *_JOB,
        *_LOGS,
        *_all("bucket of code and outputs", "s3:ListBucket"),
        *_all("objects of code and outputs", "s3:GetObject"),
        *_all("table", "dynamodb:BatchGetItem", when=_AT_ONCE),
        *_all("any", "events:ListRuleNamesByTarget", "events:TestEventPattern", when=_AT_ONCE),
        *_all("rules", "events:DescribeRule", when=_AT_ONCE),
    ),
    "status": (
        *_UPLOADS,
        *_all("table", "dynamodb:BatchGetItem"),
        *_all("executions", "states:GetExecutionHistory", when="an execution runs"),
        *_all("any", "cloudwatch:GetMetricData", when="several pipelines are shown"),
        *_all("dead-letter queues", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
    ),
    "uploads list": _UPLOADS,
    "uploads show": _TRACE,
    "trace": _TRACE,
    "retry": (
        *_TRACE,
        *_all("executions", "states:DescribeExecution"),
        *_SEND,
        *_all("dispatcher", "lambda:GetFunctionConfiguration", when="--all-failed, for uploads that waited long"),
    ),
    "dead-letters list": _RECEIVE,
    "dead-letters show": _RECEIVE,
    "dead-letters discard": (*_RECEIVE, *_all("dead-letter queues", "sqs:DeleteMessage")),
    "redrive": (
        *(one for one in _RECEIVE if one.action != _SHOW_AGAIN),
        *_all("dead-letter queues", _SHOW_AGAIN, when="some stay there"),
        *_all("dead-letter queues", "sqs:DeleteMessage"),
        *_SEND,
    ),
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
        *_all("dead-letter queues", _SHOW_AGAIN, "sqs:ReceiveMessage", when="--key"),
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
    "executions list": (*_FIND, *_LIST_EXECUTIONS),
    "executions show": (
        *_EXECUTION,
        *_HISTORY,
        *_all("map runs", "states:DescribeMapRun", when=_MAPPED),
        *_all("jobs", "sagemaker:DescribeProcessingJob", when=_RUNS),
        *_all("objects of code and outputs", "s3:GetObject", when="to list the objects of a batch"),
    ),
    "executions stop": (*_EXECUTION, *_all("executions", "states:StopExecution")),
    "executions redrive": (*_EXECUTION, *_all("executions", "states:RedriveExecution")),
    "adopt job": (*_JOB, *_all("jobs", "sagemaker:ListTags")),
    "jobs list": _JOBS,
    "jobs show": _JOB,
    "jobs logs": (*_JOB, *_LOGS),
    "jobs stop": (*_JOB, *_all("jobs", "sagemaker:StopProcessingJob")),
    "jobs wait": (*_JOB, *_all("job logs", "logs:DescribeLogStreams", "logs:GetLogEvents", when="--logs")),
    "logs": (
        *_FIND,
        *_LIST_EXECUTIONS,
        *_HISTORY,
        *_all("executions", "states:DescribeExecution", when="--follow"),
        *_LOGS,
    ),
    "outputs list": _OUTPUTS,
    "outputs get": (*_OUTPUTS, *_all("objects of code and outputs", "s3:GetObject")),
    "outputs show": _all("objects of code and outputs", "s3:GetObject"),
    "cost": _JOBS,
    "graph": (
        *_all("stack", "cloudformation:ListStackResources", when="--stack"),
        *_all("state machine", "states:DescribeStateMachine", when="--stack"),
        *_all(
            "executions",
            "states:DescribeExecution",
            "states:DescribeStateMachineForExecution",
            "states:GetExecutionHistory",
            when="--execution",
        ),
        *_all("map runs", "states:DescribeMapRun", when=f"--execution, and {_MAPPED}"),
    ),
    "backfill start": (*_BACKFILL, *_ESTIMATE),
    "backfill status": (*_BACKFILL, *_ESTIMATE),
    "backfill stop": _BACKFILL,
    "backfill resume": _BACKFILL,
    "schedule list": _SCHEDULE,
    "schedule fire": (
        *_SCHEDULE,
        *_all("state machines of schedules", "states:StartExecution", when="it starts runs"),
        *_all("table", "dynamodb:PutItem", when="it flushes batches"),
    ),
}


def policy_of(commands: Iterable[str], pipeline: Pipeline, *, but: Permission | None = None) -> dict[str, Any]:
    """Return the policy of a person who runs some commands for one pipeline.

    Args:
        commands: keys of `COMMANDS`.
        pipeline: the pipeline.
        but: a permission to leave out, in whatever circumstances it is needed. Default: none.
    """
    left_out = (but.resource, but.action) if but is not None else None
    needed = sorted({(one.resource, one.action) for command in commands for one in COMMANDS[command]} - {left_out})
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
        "child executions": [f"{machine.replace(':stateMachine:', ':execution:')}/*"],
        "dead-letter queues": dead,
        "dispatcher": [dispatcher],
        "executions": [f"{machine.replace(':stateMachine:', ':execution:')}:*"],
        "functions": [dispatcher, intake],
        "jobs": [arn("sagemaker", "processing-job/*")],
        "job logs": [arn("logs", f"log-group:{group}") for group in (names.PROCESSING_LOG_GROUP, _STREAMS)],
        "keys": [arn("kms", "key/*")],
        "map runs": [f"{machine.replace(':stateMachine:', ':mapRun:')}/*"],
        "objects": [f"arn:{partition}:s3:::{pipeline.bucket}/*"],
        "objects of code and outputs": [f"arn:{partition}:s3:::*/*"],
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
