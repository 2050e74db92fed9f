"""A pipeline that is deployed to a local AWS that enforces IAM, what uses its roles, and what is denied to them."""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

import boto3

from smproc.local import LocalAws
from tests.helpers.deployment import cdk, session_at
from tools.iam_mutations.action import DENIED, Action, listed
from tools.iam_mutations.documented import DOCUMENTED

if TYPE_CHECKING:
    from types_boto3_sqs.literals import QueueAttributeFilterType

DEADLINE_SECONDS = 30
# How long a denial may take to show, once what has the action in it is over.
LATE_SECONDS = 1.0

# Yields until it is over.
Steps = Generator[None, None, None]
Use = Callable[[], Steps]


class Pipeline(ABC):
    """A deployed stack with one pipeline in it.

    What uses actions is a generator, which yields until it is over: somebody looks for denials meanwhile.

    Args:
        local_aws: where to deploy it.
        environment: what points there.
        folder: what the deployment may write into.
    """

    stack: ClassVar[str]
    # What `cdk deploy` is told beside the folder.
    deploy: ClassVar[Sequence[str]] = ()
    good: ClassVar[bytes]
    bad: ClassVar[bytes]
    # Whose role is whose, by how its logical id starts.
    parts: ClassVar[Mapping[str, str]] = {
        "SKLearnRole": "job",
        "PipelineStateMachineRole": "state machine",
        "PipelineTriggerFunctionRole": "trigger",
        "ProcessingCodeUnpackerFunctionRole": "unpacker",
    }

    def __init__(self, local_aws: LocalAws, environment: dict[str, str], folder: Path) -> None:
        self.local_aws = local_aws
        cdk(["deploy", *self.deploy, "--output", str(folder / self.stack)], environment)
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        self.client = session_at(session, local_aws.endpoint).client
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
        self.bucket, _, self.prefix = outputs["UploadTo"].removeprefix("s3://").partition("/")
        self._resources = self.formation.describe_stack_resources(StackName=self.stack)["StackResources"]
        self.queue = self.named("PipelineTriggerQueue", "AWS::SQS::Queue")
        self._count = 0
        self._read = 0

    # --- Whose actions there are ---

    def named(self, start: str, kind: str) -> str:
        """The physical id of the resource of a type whose logical id starts so, up to the hash."""
        found: str
        (found,) = (
            one["PhysicalResourceId"]
            for one in self._resources
            if one["ResourceType"] == kind and re.fullmatch(rf"{start}[0-9A-F]{{8}}", one["LogicalResourceId"])
        )
        return found

    def actions(self) -> Iterator[Action]:
        """Every action of every statement of every role of the stack."""
        roles = {self.named(start, "AWS::IAM::Role"): part for start, part in self.parts.items()}
        all_roles = {one["PhysicalResourceId"] for one in self._resources if one["ResourceType"] == "AWS::IAM::Role"}
        if unknown := all_roles - set(roles):
            raise SystemExit(f"nobody says what uses these roles: {', '.join(sorted(unknown))}")
        for role, part in roles.items():
            (policy,) = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
            document: Any = self.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for index, statement in enumerate(document["Statement"]):
                for name in listed(statement["Action"]):
                    yield Action(part, role, policy, document, index, name)

    # --- What uses the actions ---

    @abstractmethod
    def arrive(self, body: bytes) -> str:
        """Put what starts an execution; what its input names it by."""

    def uses(self) -> dict[Use, set[tuple[str, str]]]:
        """What uses something, and whose actions it takes to see them used; `upload` uses all others."""
        return {
            self.upload: set(),
            self.upload_first: {("job", "logs:CreateLogGroup")},
            self.fail: {("trigger", "states:GetExecutionHistory"), ("trigger", "events:PutEvents")},
            self.poison: {("trigger", "sqs:SendMessage")},
            self.stop: {("state machine", "sagemaker:StopProcessingJob")},
            self.unpack: {("unpacker", name) for name in (*DOCUMENTED["unpacker"], "s3:GetObject", "s3:PutObject")},
        }

    def upload(self) -> Steps:
        """What arrives, its job, and the ends of both."""
        yield from self.over(self.arrive(self.good))

    def upload_first(self) -> Steps:
        """An upload whose job is the first of the account, which has no log group for jobs yet."""
        self.logs.delete_log_group(logGroupName="/aws/sagemaker/ProcessingJobs")
        yield from self.upload()

    def fail(self) -> Steps:
        """An upload that makes its job fail."""
        yield from self.over(self.arrive(self.bad))

    def poison(self) -> Steps:
        """A message that is no event."""
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="no event")
        yield from self.drained()

    def stop(self) -> Steps:
        """An execution that is stopped while its job runs."""
        self.local_aws.put_fault("delay", times=1, seconds=DEADLINE_SECONDS)
        mark = self.arrive(self.good)
        while (found := self.execution(mark)) is None or not self._submitted(found):
            yield
        self.states.stop_execution(executionArn=found["executionArn"])
        yield from self.over(mark)

    def unpack(self) -> Steps:
        """The custom resource of the code, made once more."""
        template = self.formation.get_template(StackName=self.stack)["TemplateBody"]
        template = template if isinstance(template, dict) else json.loads(template)
        (resource,) = (one for one in template["Resources"].values() if one["Type"] == "Custom::ProcessingCode")
        given = {
            **resource["Properties"],
            "SourceBucket": f"cdk-hnb659fds-assets-000000000000-{self.local_aws.region}",
            "Bucket": self.named("SKLearnBucket", "AWS::S3::Bucket"),
        }
        with _answered() as url:
            event = {
                "RequestType": "Create",
                "ResponseURL": url,
                "StackId": "stack",
                "RequestId": "request",
                "LogicalResourceId": "resource",
                "ResourceProperties": given,
            }
            function = self.named("ProcessingCodeUnpackerFunction", "AWS::Lambda::Function")
            self.functions.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        yield

    def new_name(self) -> str:
        """What has not arrived before."""
        self._count += 1
        return f"{self._count:04}"

    def over(self, mark: str) -> Steps:
        """Until the execution has ended."""
        while (found := self.execution(mark)) is None or found["status"] == "RUNNING":
            yield

    def drained(self) -> Steps:
        """Until the queue is empty."""
        names: list[QueueAttributeFilterType] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while any(
            int(count)
            for count in self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"].values()
        ):
            yield

    def execution(self, mark: str) -> dict[str, Any] | None:
        """The execution of what has arrived; None when there is none."""
        for each in self.states.list_executions(stateMachineArn=self.machine, maxResults=20)["executions"]:
            found = self.states.describe_execution(executionArn=each["executionArn"])
            if mark in json.loads(found["input"]).values():
                return {**found}
        return None

    def _submitted(self, execution: dict[str, Any]) -> bool:
        events = self.states.get_execution_history(executionArn=execution["executionArn"])["events"]
        return any(event["type"] == "TaskSubmitted" for event in events)

    # --- What is denied ---

    def clear(self) -> None:
        """Leave nothing of the last removal."""
        self.local_aws.clear_faults()
        self.sqs.purge_queue(QueueUrl=self.queue)

    def denials(self) -> list[re.Match[str]]:
        """The denials that are new in the server's log."""
        with self.local_aws.status().log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        return [*DENIED.finditer(whole.decode(errors="replace"))]

    def denied_without(self, action: Action) -> re.Match[str] | None:
        """The denial that there is without an action; None when nothing is denied."""
        documented = action.name in DOCUMENTED[action.part]
        use = next((use for use, uses in self.uses().items() if (action.part, action.name) in uses), self.upload)

        def look() -> re.Match[str] | None:
            fitting = (one for one in self.denials() if (one["role"], one["action"]) == (action.role, action.name))
            return next(fitting, None)

        self.clear()
        self.denials()
        self._put(action, action.removed())
        try:
            ends = time.monotonic() + DEADLINE_SECONDS
            with closing(use()) as using:
                for _ in using:
                    if found := look():
                        return found
                    if time.monotonic() > ends:
                        break
                    time.sleep(0.1)
            late = time.monotonic() + (LATE_SECONDS if documented else DEADLINE_SECONDS)
            while (found := look()) is None and time.monotonic() < late:
                time.sleep(0.1)
            return found
        finally:
            self._put(action, action.document)

    def check_everything_is_allowed(self) -> None:
        """Run everything with all actions: a denial now would prove nothing later."""
        self.denials()
        for use in self.uses():
            ends = time.monotonic() + DEADLINE_SECONDS
            for _ in use():
                if time.monotonic() > ends:
                    raise SystemExit(f"{self.stack}: not over after {DEADLINE_SECONDS} seconds: {use.__doc__}")
                time.sleep(0.1)
        time.sleep(LATE_SECONDS)
        if denied := self.denials():
            raise SystemExit(f"{self.stack}: denied with every action in place: {denied[0].group()}")

    def _put(self, action: Action, document: dict[str, Any]) -> None:
        self.iam.put_role_policy(RoleName=action.role, PolicyName=action.policy, PolicyDocument=json.dumps(document))


@contextmanager
def _answered() -> Iterator[str]:
    """Where a custom resource answers, as it would to CloudFormation."""

    class Taking(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
