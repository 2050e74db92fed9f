"""A pipeline on a local AWS that enforces IAM, with the scenarios that use its roles and the denials that follow."""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

import boto3

from cdk_sagemaker_processing.model import names
from cdk_sagemaker_processing.model.s3_uri import split_s3_uri
from smproc.local import LocalAws
from smproc.operations import find_pipeline, retry
from tests.helpers.deployment import cdk, session_at
from tools.iam_mutations.action import DENIED, Action, as_list
from tools.iam_mutations.documented import DOCUMENTED

if TYPE_CHECKING:
    from types_boto3_sqs.literals import QueueAttributeFilterType

DEADLINE_SECONDS = 30
# How long a denial may take to reach the log after the end of a scenario.
LATE_SECONDS = 1.0

# A scenario that yields until it has ended.
Steps = Generator[None, None, None]
Scenario = Callable[[], Steps]


class Pipeline(ABC):
    """A deployed stack with one pipeline in it.

    A scenario is a generator that yields until it has ended; the caller checks for denials in between.

    Args:
        local_aws: the local AWS to deploy to.
        environment: the variables that lead to it.
        directory: a directory for the output of the deployment.
    """

    stack: ClassVar[str]
    # The arguments of `cdk deploy` besides the output directory.
    deploy: ClassVar[Sequence[str]] = ()
    good: ClassVar[bytes]
    bad: ClassVar[bytes]
    # The actions that publish a failure.
    reports: ClassVar[Collection[str]] = (
        "states:GetExecutionHistory",
        "events:PutEvents",
        "logs:DescribeLogStreams",
        "logs:GetLogEvents",
    )
    # The owner of each role, by the start of its logical id.
    parts: ClassVar[Mapping[str, str]] = {
        "SKLearnRole": "job",
        "PipelineStateMachineRole": "state machine",
        "PipelineTriggerFunctionRole": "trigger",
        "PipelineTriggerLedgerDispatcherRole": "dispatcher",
        "ProcessingCodeUnpackerFunctionRole": "unpacker",
    }

    def __init__(self, local_aws: LocalAws, environment: dict[str, str], directory: Path) -> None:
        self.local_aws = local_aws
        cdk(["deploy", *self.deploy, "--output", str(directory / self.stack)], environment)
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        self.session = session_at(session, local_aws.endpoint)
        self.client = self.session.client
        self.dynamodb, self.events = self.client("dynamodb"), self.client("events")
        self.formation = self.client("cloudformation")
        self.iam = self.client("iam")
        self.functions = self.client("lambda")
        self.logs = self.client("logs")
        self.s3 = self.client("s3")
        self.sqs = self.client("sqs")
        self.states = self.client("stepfunctions")
        (stack,) = self.formation.describe_stacks(StackName=self.stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.machine = outputs["StateMachine"]
        self.bucket, self.prefix = split_s3_uri(outputs["UploadTo"])
        self._resources = self.formation.describe_stack_resources(StackName=self.stack)["StackResources"]
        self.queue = self.named("PipelineTriggerQueue", "AWS::SQS::Queue")
        self.dead_letter_queue = self.named("PipelineTriggerDeadLetterQueue", "AWS::SQS::Queue")
        self.table = self.named("PipelineTriggerLedgerTable", "AWS::DynamoDB::GlobalTable")
        self.intake = self.named("PipelineTriggerFunction", "AWS::Lambda::Function")
        self.dispatcher = self.named("PipelineTriggerLedgerDispatcher", "AWS::Lambda::Function")
        self.ends = self.named("PipelineTriggerEndedRule", "AWS::Events::Rule")
        self.minute = self.named("PipelineTriggerLedgerMinute", "AWS::Events::Rule")
        self._count = 0
        self._read = 0

    # --- The actions ---

    def named(self, start: str, kind: str) -> str:
        """Return the physical id of the resource of a type whose logical id is a prefix and a hash."""
        physical_id: str
        (physical_id,) = (
            one["PhysicalResourceId"]
            for one in self._resources
            if one["ResourceType"] == kind and re.fullmatch(rf"{start}[0-9A-F]{{8}}", one["LogicalResourceId"])
        )
        return physical_id

    def actions(self) -> Iterator[Action]:
        """Yield every action of every statement of every role of the stack."""
        roles = {self.named(start, "AWS::IAM::Role"): part for start, part in self.parts.items()}
        all_roles = {one["PhysicalResourceId"] for one in self._resources if one["ResourceType"] == "AWS::IAM::Role"}
        if unknown := all_roles - set(roles):
            raise SystemExit(f"parts must name the owner of every role, got none for: {', '.join(sorted(unknown))}")
        for role, part in roles.items():
            (policy,) = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
            document: Any = self.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for index, statement in enumerate(document["Statement"]):
                for name in as_list(statement["Action"]):
                    yield Action(part, role, policy, document, index, name)

    # --- The scenarios ---

    @abstractmethod
    def upload_objects(self, body: bytes) -> str:
        """Upload what starts one execution, and return a value of its input that identifies it."""

    @abstractmethod
    def delete_object(self) -> Steps:
        """Delete an object before its execution starts."""

    def scenarios(self) -> dict[Scenario, set[tuple[str, str]]]:
        """Return the scenarios, each with the owners and actions that only it uses; `upload` uses all others."""
        return {
            self.upload: set(),
            self.upload_first: {("job", "logs:CreateLogGroup")},
            self.fail: {("trigger", name) for name in self.reports},
            self.poison: {("trigger", "sqs:SendMessage")},
            self.repeat: {("trigger", "states:DescribeExecution")},
            self.request_unknown_run: {("trigger", "dynamodb:GetItem"), ("trigger", "dynamodb:Query")},
            self.lose_end_event: {
                ("dispatcher", name) for name in {*self.reports, "states:ListExecutions", "states:DescribeExecution"}
            },
            self.delete_object: {("dispatcher", "sqs:SendMessage")},
            self.backfill: {
                ("dispatcher", name)
                for name in ("s3:ListBucketVersions", "events:DescribeRule", "dynamodb:DescribeTable")
            },
            self.restart: {("dispatcher", "dynamodb:GetItem"), ("dispatcher", "dynamodb:Scan")},
            self.stop: {("state machine", "sagemaker:StopProcessingJob")},
            self.unpack: {("unpacker", name) for name in (*DOCUMENTED["unpacker"], "s3:GetObject", "s3:PutObject")},
        }

    def upload(self) -> Steps:
        """Upload objects, and wait for the end of their execution."""
        yield from self.until_ended(self.upload_objects(self.good))

    def upload_first(self) -> Steps:
        """Upload objects whose job is the first of the account, which has no log group for jobs yet."""
        self.logs.delete_log_group(logGroupName="/aws/sagemaker/ProcessingJobs")
        yield from self.upload()

    def fail(self) -> Steps:
        """Upload objects that make their job fail."""
        yield from self.until_ended(self.upload_objects(self.bad))

    def poison(self) -> Steps:
        """Send a message that is not an event."""
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="not an event")
        yield from self.until_queue_is_empty()

    def repeat(self) -> Steps:
        """Retry a failed execution, which runs again unless it runs already."""
        mark = self.upload_objects(self.bad)
        yield from self.until_ended(mark)
        execution = self.execution(mark)
        assert execution is not None  # noqa: S101 - it has ended
        retry(find_pipeline(self.session, stack=self.stack), execution["executionArn"])
        yield from self.until_queue_is_empty()
        yield from self.until_settled()

    def request_unknown_run(self) -> Steps:
        """Send a request to run a run again that the table does not have."""
        detail = {"batch": self.new_name(), "run": self.new_name()}
        request = {"source": names.EVENT_SOURCE, "detail-type": names.REPLAY_DETAIL_TYPE, "detail": detail}
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(request))
        yield from self.until_queue_is_empty()

    def lose_end_event(self) -> Steps:
        """Fail an execution whose end event is lost, until the dispatcher lists the executions that run."""
        self.events.disable_rule(Name=self.ends)
        try:
            mark = self.upload_objects(self.bad)
            yield from self.until_execution_ended(mark)
            time.sleep(LATE_SECONDS)  # the event may be under way when the execution has ended
        finally:
            self.events.enable_rule(Name=self.ends)
        # The dispatcher asks for the ends of executions that started a minute ago.
        for run in self.items("active"):
            self.dynamodb.update_item(
                TableName=self.table,
                Key={name: run[name] for name in ("pk", "sk")},
                UpdateExpression="SET lease = :past",
                ExpressionAttributeValues={":past": {"N": "1"}},
            )
        # The event that its rule sends each minute.
        self.functions.invoke(FunctionName=self.dispatcher, InvocationType="Event", Payload=b'{"minute": true}')
        yield from self.until_settled()

    def backfill(self) -> Steps:
        """Count what is in the bucket, in a dry run of a backfill."""
        before = [item["id"] for item in self.items("scan")]
        request = json.dumps({"scan": {"action": "start", "dry": True}})
        self.functions.invoke(FunctionName=self.dispatcher, InvocationType="Event", Payload=request)
        while [item["id"] for item in self.items("scan")] == before:
            yield
        (target,) = self.events.list_targets_by_rule(Rule=self.minute)["Targets"]
        self.functions.invoke(FunctionName=self.dispatcher, InvocationType="Event", Payload=target["Input"])
        while any(item["status"]["S"] == "RUNNING" for item in self.items("scan")):
            yield

    def restart(self) -> Steps:
        """Upload objects after the dispatcher has changed, whose new process examines the table."""
        self.configure(self.dispatcher, {"restarts": self.new_name()})
        yield from self.upload()

    def configure(self, function: str, settings: Mapping[str, object]) -> None:
        """Change settings of a function; those that it does not know go into another variable."""
        variables = self.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        known = json.loads(variables["SETTINGS"])
        changed = {name: value for name, value in settings.items() if name in known}
        others = {name.upper(): str(value) for name, value in settings.items() if name not in known}
        self.functions.update_function_configuration(
            FunctionName=function,
            Environment={"Variables": {**variables, **others, "SETTINGS": json.dumps(known | changed)}},
        )

    def stop(self) -> Steps:
        """Stop an execution while its job runs."""
        self.local_aws.put_fault("delay", times=1, seconds=DEADLINE_SECONDS)
        mark = self.upload_objects(self.good)
        while (execution := self.execution(mark)) is None or not self._submitted(execution):
            yield
        self.states.stop_execution(executionArn=execution["executionArn"])
        yield from self.until_ended(mark)

    def unpack(self) -> Steps:
        """Create the custom resource of the code again."""
        template = self.formation.get_template(StackName=self.stack)["TemplateBody"]
        template = template if isinstance(template, dict) else json.loads(template)
        (resource,) = (one for one in template["Resources"].values() if one["Type"] == "Custom::CDKBucketDeployment")
        properties = {
            **resource["Properties"],
            "SourceBucket": f"cdk-hnb659fds-assets-000000000000-{self.local_aws.region}",
            "DestinationBucketName": self.named("SKLearnBucket", "AWS::S3::Bucket"),
        }
        with _response_server() as url:
            event = {
                "RequestType": "Create",
                "ResponseURL": url,
                "StackId": "stack",
                "RequestId": "request",
                "LogicalResourceId": "resource",
                "ResourceProperties": properties,
            }
            function = self.named("ProcessingCodeUnpackerFunction", "AWS::Lambda::Function")
            self.functions.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        yield

    def new_name(self) -> str:
        """Return a name that no earlier scenario has used."""
        self._count += 1
        return f"{self._count:04}"

    def until_ended(self, mark: str) -> Steps:
        """Wait until the execution has ended and its end is handled."""
        yield from self.until_execution_ended(mark)
        yield from self.until_settled()

    def until_execution_ended(self, mark: str) -> Steps:
        """Wait until the execution has ended."""
        while (execution := self.execution(mark)) is None or execution["status"] == "RUNNING":
            yield

    def until_settled(self) -> Steps:
        """Wait until the table has no work."""
        while any(self.items(partition) for partition in ("inbox", "sealed", "ready", "active", "outbox")):
            yield

    def items(self, partition: str) -> list[dict[str, Any]]:
        """Return the items of a partition of the table."""
        found: list[dict[str, Any]] = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
        )["Items"]
        return found

    def until_queue_is_empty(self) -> Steps:
        """Wait until the queue is empty."""
        while self.messages_in(self.queue):
            yield

    def messages_in(self, queue_url: str) -> int:
        """Return the number of messages in a queue, also of those that somebody has received."""
        counts: list[QueueAttributeFilterType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        found = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=counts)["Attributes"]
        return sum(map(int, found.values()))

    def execution(self, mark: str) -> dict[str, Any] | None:
        """Return the execution whose input contains a value, None if there is none."""
        for each in self.states.list_executions(stateMachineArn=self.machine, maxResults=20)["executions"]:
            found = self.states.describe_execution(executionArn=each["executionArn"])
            if mark in json.loads(found["input"]).values():
                return {**found}
        return None

    def _submitted(self, execution: dict[str, Any]) -> bool:
        events = self.states.get_execution_history(executionArn=execution["executionArn"])["events"]
        return any(event["type"] == "TaskSubmitted" for event in events)

    # --- The denials ---

    def clear(self) -> None:
        """Remove the traces of the previous mutation."""
        self.local_aws.clear_faults()
        self.sqs.purge_queue(QueueUrl=self.queue)
        for item in self.dynamodb.scan(TableName=self.table)["Items"]:
            self.dynamodb.delete_item(TableName=self.table, Key={name: item[name] for name in ("pk", "sk")})

    def denials(self) -> list[re.Match[str]]:
        """Return the new denials in the server's log."""
        with self.local_aws.status().log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        complete = new[: new.rfind(b"\n") + 1]
        self._read += len(complete)
        return [*DENIED.finditer(complete.decode(errors="replace"))]

    def denial_without(self, action: Action) -> re.Match[str] | None:
        """Return the denial that the absence of an action causes, None if there is none."""
        documented = action.name in DOCUMENTED[action.part]
        key = (action.part, action.name)
        scenario = next((run for run, actions in self.scenarios().items() if key in actions), self.upload)

        def find_denial() -> re.Match[str] | None:
            matching = (one for one in self.denials() if (one["role"], one["action"]) == (action.role, action.name))
            return next(matching, None)

        self.clear()
        self.denials()
        self._put(action, action.policy_without())
        try:
            deadline = time.monotonic() + DEADLINE_SECONDS
            with closing(scenario()) as steps:
                for _ in steps:
                    if denial := find_denial():
                        return denial
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.1)
            late = time.monotonic() + (LATE_SECONDS if documented else DEADLINE_SECONDS)
            while (denial := find_denial()) is None and time.monotonic() < late:
                time.sleep(0.1)
            return denial
        finally:
            self._put(action, action.document)

    def check_everything_is_allowed(self) -> None:
        """Run every scenario with all actions: a denial now would invalidate the results."""
        self.denials()
        for scenario in self.scenarios():
            deadline = time.monotonic() + DEADLINE_SECONDS
            for _ in scenario():
                if time.monotonic() > deadline:
                    raise SystemExit(f"{self.stack}: not finished after {DEADLINE_SECONDS} seconds: {scenario.__doc__}")
                time.sleep(0.1)
        time.sleep(LATE_SECONDS)
        if denied := self.denials():
            raise SystemExit(f"{self.stack}: denied with every action in place: {denied[0].group()}")

    def _put(self, action: Action, document: dict[str, Any]) -> None:
        self.iam.put_role_policy(RoleName=action.role, PolicyName=action.policy, PolicyDocument=json.dumps(document))


@contextmanager
def _response_server() -> Iterator[str]:
    """Serve the address to which a custom resource sends its response, as CloudFormation does."""

    class ResponseHandler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), ResponseHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
