"""The two functions of a trigger with real services on loopback, without a deployment, and faults in their calls."""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config as ClientConfig
from botocore.exceptions import ReadTimeoutError

from s3_trigger import intake
from s3_trigger.config import Config
from s3_trigger.dispatch import Dispatcher
from s3_trigger.messages import Upload, parse_message
from s3_trigger.runtime import Runtime
from s3_trigger.scan_requests import answer_request

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

TERMINAL = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
# The partitions of what is not finished.
UNFINISHED = ("inbox", "sealed", "open", "ready", "active", "outbox")
ROLE = "arn:aws:iam::000000000000:role/machine"
_DEADLINE_IN_SECONDS = 120.0


class Killed(BaseException):
    """The end of a function that is killed at one of its calls."""


@dataclass
class Faults:
    """Faults in the functions' calls: each call is counted, and the function may be killed at one of them.

    Attributes:
        calls: the names of the calls so far.
        kill_at: the number of the call at which the function is killed.
        after: True to kill it after the service has processed the call.
        lost: True to lose the response, or the connection before the call, instead of killing the function.
        refused: the error code and HTTP status with which calls of an operation are refused, and the condition for
            their parameters.
    """

    calls: list[str] = field(default_factory=list)
    kill_at: int | None = None
    after: bool = False
    lost: bool = False
    refused: dict[str, tuple[str, int, Callable[[Mapping[str, Any]], bool]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def before(self, event_name: str) -> None:
        with self._lock:
            self.calls.append(event_name.rpartition(".")[2])
            number = len(self.calls)
        if number == self.kill_at and not self.after:
            self._raise()

    def after_call(self) -> None:
        if len(self.calls) == self.kill_at and self.after:
            self._raise()

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> tuple[AWSResponse, dict[str, Any]] | None:
        """Return the refusal of a call; None for one that goes to the service."""
        code, status, is_refused = self.refused.get(operation, ("", 0, lambda _: False))
        if not is_refused(parameters):
            return None
        parsed = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return AWSResponse("http://refused", status, HTTPHeaders(), None), parsed

    def _raise(self) -> None:
        if self.lost:
            raise ReadTimeoutError(endpoint_url="http://lost")
        raise Killed


class Clients:
    """Clients of the services at an endpoint: the world's own, and the functions', whose calls are recorded."""

    def __init__(self, endpoint: str) -> None:
        self.faults = Faults()
        session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106
        config = ClientConfig(s3={"addressing_style": "path"}, proxies={}, max_pool_connections=32)
        services = ("s3", "sqs", "stepfunctions", "dynamodb", "events", "sns", "logs")
        self.own, self.watched = (
            {service: session.client(service, endpoint_url=endpoint, config=config) for service in services}
            for _ in range(2)
        )
        for client in self.watched.values():
            client.meta.events.register("before-parameter-build.*.*", self._keep_parameters)
            client.meta.events.register("before-call.*.*", self._answer)
            client.meta.events.register("before-send.*.*", self._before)
            client.meta.events.register("response-received.*.*", self._after)
        self.watched["lambda"] = _Lambda()

    @staticmethod
    def _keep_parameters(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["parameters"] = params

    def _answer(self, model: Any, context: dict[str, Any], **_: object) -> object:  # noqa: ANN401 - of botocore
        return self.faults.answer(model.name, context["parameters"])

    def _before(self, event_name: str, **_: object) -> None:
        self.faults.before(event_name)

    def _after(self, **_: object) -> None:
        self.faults.after_call()


class Context(LambdaContext):
    """The part of Lambda's context that the functions use."""

    def __init__(self, milliseconds: Iterator[int] | None = None) -> None:
        self._function_name, self._memory_limit_in_mb, self._aws_request_id = "trigger", 256, "request"
        self._invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:trigger"
        self._milliseconds = milliseconds or itertools.repeat(300_000)

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]  # of an invocation
        return next(self._milliseconds)


@dataclass(frozen=True)
class Execution:
    """An execution that was started.

    Attributes:
        name: its name.
        input: its input.
        keys: the keys that its job reads.
        token: the task token that ends it.
        arn: its ARN.
    """

    name: str
    input: dict[str, Any]
    keys: tuple[str, ...]
    token: str
    arn: str = ""


class Trigger:
    """The functions with some settings, the services that they use, and the world around them."""

    def __init__(self, clients: Clients, **settings: object) -> None:
        self.s3, self.sqs, self.states, self.dynamodb, self.events = (
            clients.own[service] for service in ("s3", "sqs", "stepfunctions", "dynamodb", "events")
        )
        self.id = uuid.uuid4().hex[:10]
        self.bucket, self.manifests = f"in-{self.id}", f"out-{self.id}"
        for bucket in (self.bucket, self.manifests):
            self.s3.create_bucket(Bucket=bucket)
        self._dead, self._tasks, self._published, _ = (
            self.sqs.create_queue(QueueName=f"{name}-{self.id}")["QueueUrl"]
            for name in ("dead", "tasks", "published", "undelivered")
        )
        self._machines: list[str] = []
        self.settings = {
            "bucket": self.bucket,
            "state_machine_arn": self._create_machine(),
            "manifest_bucket": self.manifests,
            "manifest_prefix": "manifests",
            "pipeline": "Stack/Pipeline",
            "dead_letter_queue": self._dead,
            "max_receives": 5,
            "prefixes": ["in/"],
            "trigger": f"trigger-{self.id}",
            "table": f"ledger-{self.id}",
            "dispatcher": "dispatcher",
            **settings,
        }
        self.minute: dict[str, Any] = {"minute": True, "rules": [f"uploads-{self.id}"]}
        self.match({"key": [{"prefix": "in/"}]})
        create_table(self.dynamodb, str(self.settings["table"]))
        self.faults = clients.faults = Faults()
        self.now = time.time()
        self.executions: dict[str, Execution] = {}
        self._sequence = itertools.count(1)
        self._new_client = clients.watched.__getitem__
        self.configure()

    def configure(self, **settings: object) -> None:
        """Update the functions with changed settings, as a deployment does."""
        self.settings |= settings
        self.now += 1  # later functions have a later time
        self.runtime = Runtime(Config.from_settings(self.settings), new_client=self._new_client, clock=lambda: self.now)

    def match(self, objects: Mapping[str, object]) -> None:
        """Change the objects that the rule matches."""
        detail = {"bucket": {"name": [self.bucket]}, "object": objects}
        pattern = json.dumps({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail})
        self.events.put_rule(Name=f"uploads-{self.id}", EventPattern=pattern)

    def deploy(self, objects: Mapping[str, object]) -> None:
        """Change the objects that the rule matches, and tell the dispatcher, as a deployment does."""
        self.match(objects)
        self.minute["pattern"] = json.dumps(objects)

    def version(self, status: Literal["Enabled", "Suspended"] = "Enabled") -> None:
        """Turn the versions of the bucket on, or suspend them."""
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": status})

    def request(self, action: str, **parameters: object) -> dict[str, Any]:
        """Make a request about a backfill, and return the answer."""
        return answer_request(self.runtime, {"action": action, **parameters})

    def replace_state_machine(self) -> None:
        """Update the functions with another state machine, as a deployment does that replaces it."""
        self.configure(state_machine_arn=self._create_machine())

    def _create_machine(self) -> str:
        name, definition = f"machine-{uuid.uuid4().hex[:10]}", json.dumps(_waiting_machine(self._tasks))
        created = self.states.create_state_machine(name=name, roleArn=ROLE, definition=definition)
        self._machines.append(created["stateMachineArn"])
        return str(created["stateMachineArn"])

    def upload(self, key: str, body: bytes = b"x") -> str:
        """Put an object, and return the event that EventBridge would send."""
        put = self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return self.event(key, len(body), etag=put["ETag"].strip('"'), version=put.get("VersionId", ""))

    def event(
        self, key: str, size: int = 1, *, sequencer: str = "", etag: str = "0", version: str = "", **changes: object
    ) -> str:
        sequencer = sequencer or f"{next(self._sequence):018X}"
        uploaded = {"key": key, "size": size, "etag": etag, "sequencer": sequencer}
        detail = {
            "version": "0",
            "bucket": {"name": self.bucket},
            "object": uploaded | ({"version-id": version} if version else {}),
            "reason": "PutObject",
        }
        sent = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail, "time": sent}
        return json.dumps({**event, **changes})

    def name_of(self, event: str) -> str:
        """Return the name of the execution that an upload's event starts where each object has one."""
        upload = parse_message(event)
        assert isinstance(upload, Upload)
        return upload.name

    def deliver(self, *bodies: str, receive_count: int = 1) -> list[int]:
        """Deliver messages to the intake, and return the positions of those that failed."""
        records = [
            {
                "messageId": str(number),
                "receiptHandle": str(number),
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receive_count)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
        answer = intake.process(self.runtime, {"Records": records})
        return [int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def dispatch(self, *, minutes: float = 0, milliseconds: Iterator[int] | None = None) -> None:
        """Invoke the dispatcher, directly or some minutes later as the schedule of every minute does.

        Args:
            minutes: the minutes that pass before.
            milliseconds: the time that the function has left whenever it asks. Default: always enough.
        """
        self.now += 60 * minutes
        Dispatcher(self.runtime).dispatch(self.minute if minutes else {}, Context(milliseconds))

    def start(self, *events: str) -> None:
        """Deliver messages, none of which fails, and invoke the dispatcher."""
        assert self.deliver(*events) == []
        self.dispatch()

    def attempt(self, *, minutes: float) -> bool:
        """Invoke the dispatcher some minutes later; return False when one of its steps fails."""
        try:
            self.dispatch(minutes=minutes)
        except RuntimeError:
            return False
        return True

    def finish(self) -> None:
        """Dispatch until nothing is pending; each execution succeeds."""
        for _ in range(100):
            self.dispatch(minutes=12)
            running = self.running_now()
            for execution in running:
                self.end(execution)
            if not running and not self.pending():
                return
        raise AssertionError(self.pending())

    def pending(self) -> list[dict[str, Any]]:
        """Return the items of the table that are not finished."""
        return [item for item in self.items() if item["pk"] in UNFINISHED]

    def slots(self) -> int:
        """Return the number of slots that executions have."""
        return sum(int(item["count"]) for item in self.items() if item["pk"] == "slots")

    def expire(self) -> int:
        """Delete the items that have expired, as DynamoDB does at any time; return their number."""
        expired = [item for item in self.items() if "expires" in item and int(item["expires"]) <= self.now]
        for item in expired:
            key: Any = {name: {"S": item[name]} for name in ("pk", "sk")}
            self.dynamodb.delete_item(TableName=str(self.settings["table"]), Key=key)
        return len(expired)

    def running_now(self) -> list[Execution]:
        """Return the executions that run."""
        listed = [
            self.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=1000)["executions"]
            for machine in self._machines
        ]
        return self.running(sum(map(len, listed)))

    def keys(self, *statuses: str) -> Counter[str]:
        """Return how often each key is in an execution, or in one with some statuses."""
        found: Counter[str] = Counter()
        for execution in self.executions.values():
            status = self.states.describe_execution(executionArn=self.arn(execution.name))["status"]
            if not statuses or status in statuses:
                found.update(execution.keys)
        return found

    def running(self, count: int) -> list[Execution]:
        """Wait until the given number of executions runs, and return them."""
        deadline = time.monotonic() + _DEADLINE_IN_SECONDS
        while True:
            answer = self.sqs.receive_message(QueueUrl=self._tasks, MaxNumberOfMessages=10)
            for message in answer.get("Messages", ()):
                task = json.loads(message["Body"])
                self.sqs.delete_message(QueueUrl=self._tasks, ReceiptHandle=message["ReceiptHandle"])
                assert task["name"] not in self.executions, "an execution started twice"
                keys = self.keys_of(task["input"])
                self.executions[task["name"]] = Execution(task["name"], task["input"], keys, task["token"], task["arn"])
            now = [execution for execution in self.executions.values() if execution.token]
            if len(now) >= count:
                assert len(now) == count, [execution.keys for execution in now]
                return now
            assert time.monotonic() < deadline, f"{len(now)} of {count} executions run"
            time.sleep(0.02)

    def keys_of(self, execution_input: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the keys that a job reads: the one that its S3Prefix is, or those that its manifest names."""
        bucket, _, key = execution_input["s3_uri"].removeprefix("s3://").partition("/")
        if execution_input["s3_data_type"] == "S3Prefix":
            assert bucket == execution_input["bucket"]
            return (key,)
        prefix, *names = json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        start = prefix["prefix"].removeprefix(f"s3://{execution_input['bucket']}/")
        assert start != prefix["prefix"]
        return tuple(f"{start}{name}" for name in names)

    def end(
        self, execution: Execution, *, error: str = "", cause: str = "the script failed", report: bool = True
    ) -> str:
        """End an execution, and return the event of its end, which by default is delivered to the intake."""
        if error == "ABORTED":
            self.states.stop_execution(executionArn=self.arn(execution.name))
        elif error:
            self.states.send_task_failure(taskToken=execution.token, error=error, cause=cause)
        else:
            self.states.send_task_success(taskToken=execution.token, output="{}")
        self.executions[execution.name] = replace(execution, token="")
        deadline = time.monotonic() + _DEADLINE_IN_SECONDS
        while (found := self.states.describe_execution(executionArn=self.arn(execution.name)))["status"] == "RUNNING":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        names = ("name", "executionArn", "status", "error", "cause", "input", "redriveCount")
        event = json.dumps(
            {
                "source": "aws.states",
                "detail-type": "Step Functions Execution Status Change",
                "detail": {name: found.get(name) for name in names},
            }
        )
        if report:
            assert self.deliver(event) == []
        return event

    def arn(self, name: str) -> str:
        if name in self.executions:
            return self.executions[name].arn
        machine = str(self.settings["state_machine_arn"])
        return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"

    def dead_letters(self) -> list[tuple[str, str]]:
        """Return the messages of the dead-letter queue and their reasons."""
        found = []
        while messages := self.sqs.receive_message(
            QueueUrl=self._dead, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=600
        ).get("Messages"):
            found += [(one["Body"], one["MessageAttributes"]["Reason"]["StringValue"]) for one in messages]
        return found

    def published(self) -> list[dict[str, Any]]:
        """Return the events of failures that were published."""
        found = []
        while messages := self.sqs.receive_message(
            QueueUrl=self._published, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            found += [json.loads(one["Body"])["detail"] for one in messages]
        return found

    def listen(self) -> None:
        """Keep the events of failures in a queue."""
        queue = self.sqs.get_queue_attributes(QueueUrl=self._published, AttributeNames=["QueueArn"])
        self.events.put_rule(
            Name=self.id,
            EventPattern=json.dumps(
                {
                    "source": ["cdk-sagemaker-processing"],
                    "detail": {"stateMachineArn": [self.settings["state_machine_arn"]]},
                }
            ),
        )
        self.events.put_targets(Rule=self.id, Targets=[{"Id": "queue", "Arn": queue["Attributes"]["QueueArn"]}])

    def items(self) -> list[dict[str, Any]]:
        """Return all items of the table."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.settings["table"])
        return [
            {name: next(iter(value.values())) for name, value in item.items()}
            for page in pages
            for item in page["Items"]
        ]

    @contextmanager
    def killed_at(self, call: int, *, after: bool) -> Iterator[None]:
        """Kill the function that is invoked within at one of its calls."""
        self.faults.kill_at, self.faults.after = len(self.faults.calls) + call, after
        try:
            yield
        except Killed:
            pass
        finally:
            self.faults.kill_at = None

    def count(self, work: Callable[[], object]) -> list[str]:
        """Return the calls that some work makes."""
        start = len(self.faults.calls)
        work()
        return self.faults.calls[start:]


class _Lambda:
    """A client of Lambda that invokes nothing: the tests invoke the dispatcher themselves."""

    def invoke(self, **_: object) -> Mapping[str, Any]:
        return {}


def later() -> int:
    """Return a time that is later than all uploads, whose times are whole seconds."""
    return int(time.time()) + 2


def backfill(world: Trigger, **parameters: Any) -> dict[str, Any]:
    """Start a backfill, let everything finish, and return the backfill's record."""
    answer = world.request("start", **{"until": later(), "concurrency": 100, **parameters})
    assert answer["refused"] == ""
    world.finish()
    found: dict[str, Any] = world.request("status")["backfill"]
    return found


def dead_keys(body: str) -> list[str]:
    """Return the keys that a dead letter names: one, if it is the event of an upload, or those of a run."""
    detail = json.loads(body)["detail"]
    if "object" in detail:
        return [detail["object"]["key"]]
    return [uri.partition("s3://")[2].partition("/")[2] for uri in detail["objects"]]


def create_table(dynamodb: DynamoDBClient, name: str) -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


def _waiting_machine(queue: str) -> dict[str, Any]:
    """Return a definition whose executions run until a token ends them."""
    return {
        "StartAt": "Wait",
        "States": {
            "Wait": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": {
                    "QueueUrl": queue,
                    "MessageBody": {
                        "token.$": "$$.Task.Token",
                        "name.$": "$$.Execution.Name",
                        "arn.$": "$$.Execution.Id",
                        "input.$": "$",
                    },
                },
                "End": True,
            }
        },
    }
