"""Take each action out of each IAM statement of the demo's roles, and see what is denied then.

Run by ``make test-iam``. It deploys app.py to a laptop AWS that enforces IAM, and runs what uses each action: once with
everything, when nothing may be denied, and once without the action, when that must be denied. What the laptop AWS
cannot enforce, because AWS itself acts there and not a request, has the page of AWS's documentation that demands it
instead.

The exit status is 0 when every action is denied when it is missing, or documented.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from deployed import SessionAt, bootstrap, cdk  # noqa: E402
from ports import free_port  # noqa: E402
from smproc.local import LaptopAws  # noqa: E402

STACK = "ProcessingDemo"
DEADLINE_SECONDS = 30
# How long a denial may take to show, once what has the action in it is over.
LATE_SECONDS = 1.0
GOOD = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(20))
BAD = b"no numbers\nat all\n"

_JOBS = "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html"
_LOGS = "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"
_RULE = "https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html"
_TRACES = "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html"
_FUNCTION = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"
_POLLER = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
# What AWS does with a role where nobody makes a request here, and the page that demands the action for it.
DOCUMENTED = {
    "job": {
        "cloudwatch:PutMetricData": _JOBS,
        "logs:DescribeLogStreams": _JOBS,
        # Of a manifest and of what it lists nothing is listed here; the page gives it for every input.
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
        "logs:CreateLogStream": _FUNCTION,
        "logs:PutLogEvents": _FUNCTION,
        "xray:PutTraceSegments": _FUNCTION,
        "xray:PutTelemetryRecords": _FUNCTION,
        "sqs:ReceiveMessage": _POLLER,
        "sqs:DeleteMessage": _POLLER,
        "sqs:GetQueueAttributes": _POLLER,
        "sqs:ChangeMessageVisibility": _POLLER,
        "sqs:GetQueueUrl": _POLLER,
    },
    "unpacker": {
        "logs:CreateLogStream": _FUNCTION,
        "logs:PutLogEvents": _FUNCTION,
        "xray:PutTraceSegments": _FUNCTION,
        "xray:PutTelemetryRecords": _FUNCTION,
    },
}
DENIED = re.compile(
    r"denied by (?P<by>ministack|our own seam): User: \S+?:assumed-role/(?P<role>[^/]+)/\S+ is not authorized to "
    r"perform: (?P<action>\S+) on resource: (?P<resource>\S+)"
)


@dataclass(frozen=True)
class Action:
    """One action of one statement of one role.

    Attributes:
        part: whose role it is: the job's, the state machine's, the trigger's or the unpacker's.
        role: the role's name.
        policy: the name of the role's policy.
        document: the policy as deployed.
        index: the statement's.
        name: the action's.
    """

    part: str
    role: str
    policy: str
    document: dict[str, Any]
    index: int
    name: str

    @property
    def resource(self) -> str:
        """What the statement is about, in short."""
        found = self.document["Statement"][self.index]["Resource"]
        return str(found if isinstance(found, str) else found[0])

    def removed(self) -> dict[str, Any]:
        """The policy without the action."""
        changed: dict[str, Any] = json.loads(json.dumps(self.document))
        statement = changed["Statement"][self.index]
        left = [name for name in _listed(statement["Action"]) if name != self.name]
        if left:
            statement["Action"] = left
        else:
            del changed["Statement"][self.index]
        return changed


@dataclass(frozen=True)
class Row:
    """What came of one removal."""

    action: Action
    enforced_by: str
    shown_by: str


class Demo:
    """The demo, deployed to a laptop AWS that enforces IAM."""

    def __init__(self, laptop: LaptopAws, folder: Path) -> None:
        self.laptop = laptop
        environment = laptop.redirect(os.environ) | {"SMPROC_HOME": str(folder / "state")}
        bootstrap(environment)
        cdk(["deploy", "--output", str(folder / "demo")], environment)
        keys = {
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
            "region_name": environment["AWS_REGION"],
        }
        session = SessionAt(boto3.Session(**keys), laptop.endpoint)
        names = ("cloudformation", "iam", "lambda", "logs", "s3", "sqs", "stepfunctions")
        clients = map(session.client, names)
        self.formation, self.iam, self.functions, self.logs, self.s3, self.sqs, self.states = clients
        (stack,) = self.formation.describe_stacks(StackName=STACK)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.machine = outputs["StateMachine"]
        self.bucket, _, self.prefix = outputs["UploadTo"].removeprefix("s3://").partition("/")
        resources = self.formation.describe_stack_resources(StackName=STACK)["StackResources"]
        self.resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
        (self.queue,) = self._named("PipelineTriggerQueue", "https") or self._named("PipelineTriggerQueue", "http")
        self._count = 0
        self._read = 0

    def _named(self, start: str, physical: str) -> list[str]:
        return [
            found
            for name, found in self.resources.items()
            if re.fullmatch(rf"{start}[0-9A-F]{{8}}", name) and found.startswith(physical)
        ]

    def actions(self) -> Iterator[Action]:
        """Every action of every statement of every role."""
        parts = {"SKLearnRole": "job", "PipelineStateMachineRole": "state machine"}
        parts |= {"PipelineTriggerFunctionRole": "trigger", "ProcessingCodeUnpackerFunctionRole": "unpacker"}
        for start, part in parts.items():
            (role,) = self._named(start, "")
            (policy,) = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
            document = self.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for index, statement in enumerate(document["Statement"]):
                for name in _listed(statement["Action"]):
                    yield Action(part, role, policy, document, index, name)

    def denials(self) -> list[re.Match[str]]:
        """The denials that are new in the server's log."""
        text = self.laptop.status().log.read_text(errors="replace")
        found = [*DENIED.finditer(text, self._read)]
        self._read = len(text)
        return found

    def put(self, action: Action, document: dict[str, Any]) -> None:
        """Give a role a policy."""
        self.iam.put_role_policy(RoleName=action.role, PolicyName=action.policy, PolicyDocument=json.dumps(document))

    # --- What uses the actions ---

    def upload(self, body: bytes = GOOD) -> Iterator[None]:
        """An object that arrives, its job, and the ends of both."""
        key = self._new_key()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        while (found := self._execution(key)) is None or found["status"] == "RUNNING":
            yield

    def upload_first(self) -> Iterator[None]:
        """An object whose job is the first of the account, which has no log group for jobs yet."""
        self.logs.delete_log_group(logGroupName="/aws/sagemaker/ProcessingJobs")
        yield from self.upload()

    def fail(self) -> Iterator[None]:
        """An object that makes its job fail."""
        yield from self.upload(BAD)

    def repeat(self) -> Iterator[None]:
        """An event that comes again when its execution is over."""
        key = self._new_key()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=GOOD)
        while (found := self._execution(key)) is None or found["status"] == "RUNNING":
            yield
        sequencer = json.loads(found["input"])["sequencer"]
        detail = {"bucket": {"name": self.bucket}, "object": {"key": key, "sequencer": sequencer, "size": len(GOOD)}}
        event = {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(event))
        yield from self._drained()

    def poison(self) -> Iterator[None]:
        """A message that is no event."""
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="no event")
        yield from self._drained()

    def stop(self) -> Iterator[None]:
        """An execution that is stopped while its job runs."""
        self.laptop.put_fault("delay", times=1, seconds=DEADLINE_SECONDS)
        key = self._new_key()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=GOOD)
        while (found := self._execution(key)) is None or not self._submitted(found):
            yield
        self.states.stop_execution(executionArn=found["executionArn"])
        yield

    def unpack(self) -> Iterator[None]:
        """The custom resource of the code, made once more."""
        template = self.formation.get_template(StackName=STACK)["TemplateBody"]
        template = template if isinstance(template, dict) else json.loads(template)
        (resource,) = (one for one in template["Resources"].values() if one["Type"] == "Custom::ProcessingCode")
        (bucket,) = self._named("SKLearnBucket", "")
        given = {
            **resource["Properties"],
            "SourceBucket": f"cdk-hnb659fds-assets-000000000000-{self.laptop.region}",
            "Bucket": bucket,
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
            (function,) = self._named("ProcessingCodeUnpackerFunction", "")
            self.functions.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        yield

    def _new_key(self) -> str:
        self._count += 1
        return f"{self.prefix}{self._count:04}.csv"

    def _execution(self, key: str) -> dict[str, Any] | None:
        for listed in self.states.list_executions(stateMachineArn=self.machine, maxResults=20)["executions"]:
            found: dict[str, Any] = self.states.describe_execution(executionArn=listed["executionArn"])
            if json.loads(found["input"]).get("key") == key:
                return found
        return None

    def _submitted(self, execution: dict[str, Any]) -> bool:
        events = self.states.get_execution_history(executionArn=execution["executionArn"])["events"]
        return any(event["type"] == "TaskSubmitted" for event in events)

    def _drained(self) -> Iterator[None]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while any(
            int(count)
            for count in self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"].values()
        ):
            yield

    def used(self, action: Action | None = None) -> Callable[[], Iterator[None]]:
        """What uses an action."""
        special = {
            ("job", "logs:CreateLogGroup"): self.upload_first,
            ("trigger", "states:DescribeExecution"): self.repeat,
            ("trigger", "states:GetExecutionHistory"): self.fail,
            ("trigger", "events:PutEvents"): self.fail,
            ("trigger", "sqs:SendMessage"): self.poison,
            ("state machine", "sagemaker:StopProcessingJob"): self.stop,
        }
        if action is None:
            return self.upload
        return self.unpack if action.part == "unpacker" else special.get((action.part, action.name), self.upload)

    def denied_without(self, action: Action) -> re.Match[str] | None:
        """The denial that there is without an action; None when nothing is denied."""
        documented = action.name in DOCUMENTED[action.part]

        def look() -> re.Match[str] | None:
            fitting = (one for one in self.denials() if (one["role"], one["action"]) == (action.role, action.name))
            return next(fitting, None)

        self.sqs.purge_queue(QueueUrl=self.queue)  # what the last removal has left there
        self.denials()
        self.put(action, action.removed())
        try:
            ends = time.monotonic() + DEADLINE_SECONDS
            for _ in self.used(action)():
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
            self.put(action, action.document)
            self.laptop.clear_faults()

    def check_everything_is_allowed(self) -> None:
        """Run everything with all actions: a denial now would prove nothing later."""
        for use in (self.upload, self.upload_first, self.fail, self.repeat, self.poison, self.stop, self.unpack):
            for _ in use():
                time.sleep(0.1)
        time.sleep(LATE_SECONDS)
        if denied := self.denials():
            raise SystemExit(f"denied with every action in place: {denied[0].group()}")


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


class _answered:  # noqa: N801 - a context manager
    """Where a custom resource answers, as it would to CloudFormation."""

    def __enter__(self) -> str:
        class Taking(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = HTTPServer(("127.0.0.1", 0), Taking)
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def rows(demo: Demo) -> Iterator[Row]:
    """What comes of each removal."""
    for action in demo.actions():
        found = demo.denied_without(action)
        if found is not None:
            yield Row(action, found["by"], f"denied on {found['resource'].strip(chr(34))}")
        elif page := DOCUMENTED[action.part].get(action.name):
            yield Row(action, "AWS's documentation alone", page)
        else:
            yield Row(action, "nobody", "nothing was denied, and no page demands it")


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LaptopAws(port=free_port(), state_dir=folder / "state", enforce_iam=True) as laptop:
            demo = Demo(laptop, folder)
            demo.check_everything_is_allowed()
            sys.stdout.write("| role | action taken away | of the statement on | enforced here by | shown by |\n")
            sys.stdout.write("|---|---|---|---|---|\n")
            found = []
            for row in rows(demo):
                found.append(row)
                action = row.action
                sys.stdout.write(
                    f"| {action.part} | {action.name} | {action.resource} | {row.enforced_by} | {row.shown_by} |\n"
                )
                sys.stdout.flush()
    counts = {by: sum(row.enforced_by == by for row in found) for by in sorted({row.enforced_by for row in found})}
    sys.stdout.write(f"\n{len(found)} actions: {', '.join(f'{count} by {by}' for by, count in counts.items())}\n")
    return 1 if "nobody" in counts else 0


if __name__ == "__main__":
    sys.exit(main())
