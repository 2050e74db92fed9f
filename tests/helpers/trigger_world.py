"""A trigger's two functions over real services on loopback, without a deployment, and faults at their calls."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.config import Config

TERMINAL = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
ROLE = "arn:aws:iam::000000000000:role/machine"


class Killed(BaseException):
    """The function is killed here; nothing of it goes on."""


@dataclass
class Faults:
    """What happens to the functions' calls: each is counted, and one of them may be the last.

    Attributes:
        calls: the names of the calls so far.
        kill_at: the number of the call to be killed at.
        after: whether the service has done it before the function is killed.
    """

    calls: list[str] = field(default_factory=list)
    kill_at: int | None = None
    after: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def before(self, event_name: str) -> None:
        with self._lock:
            self.calls.append(event_name.rpartition(".")[2])
            number = len(self.calls)
        if number == self.kill_at and not self.after:
            raise Killed

    def after_it(self) -> None:
        if len(self.calls) == self.kill_at and self.after:
            raise Killed


class Clients:
    """Clients of the services at an endpoint: the world's own, and the functions', whose calls are watched."""

    def __init__(self, endpoint: str) -> None:
        self.faults = Faults()
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106
        config = Config(s3={"addressing_style": "path"}, proxies={}, max_pool_connections=32)
        services = ("s3", "sqs", "stepfunctions", "dynamodb", "events", "sns")
        self.own, self.watched = (
            {
                service: session.client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]
                for service in services
            }
            for _ in range(2)
        )
        for client in self.watched.values():
            client.meta.events.register("before-send.*.*", self._before)
            client.meta.events.register("response-received.*.*", self._after)
        self.watched["lambda"] = _Waker()

    def _before(self, event_name: str, **_: object) -> None:
        self.faults.before(event_name)

    def _after(self, **_: object) -> None:
        self.faults.after_it()


class Context:
    """Lambda's context, as much of it as is used."""

    function_name, memory_limit_in_mb, aws_request_id = "trigger", 256, "request"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:trigger"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 300_000


@dataclass(frozen=True)
class Execution:
    """An execution that was started.

    Attributes:
        name: its name.
        input: what it was started with.
        keys: the keys that its manifest names.
        token: what ends it.
    """

    name: str
    input: dict[str, Any]
    keys: tuple[str, ...]
    token: str


class Trigger:
    """The functions with some settings, the services that they work on, and the world around them."""

    def __init__(self, clients: Clients, **settings: object) -> None:
        self.s3, self.sqs, self.states, self.dynamodb, self.events = (
            clients.own[service] for service in ("s3", "sqs", "stepfunctions", "dynamodb", "events")
        )
        self.id = uuid.uuid4().hex[:10]
        self.bucket, self.manifests = f"in-{self.id}", f"out-{self.id}"
        for bucket in (self.bucket, self.manifests):
            self.s3.create_bucket(Bucket=bucket)
        self._dead, self._tasks, self._told = (
            self.sqs.create_queue(QueueName=f"{name}-{self.id}")["QueueUrl"] for name in ("dead", "tasks", "told")
        )
        machine = self.states.create_state_machine(
            name=f"machine-{self.id}", roleArn=ROLE, definition=json.dumps(_waiting_machine(self._tasks))
        )
        self.settings = {
            "bucket": self.bucket,
            "state_machine_arn": machine["stateMachineArn"],
            "manifest_bucket": self.manifests,
            "manifest_prefix": "manifests",
            "pipeline": "Stack/Pipeline",
            "dead_letter_queue": self._dead,
            "max_receives": 5,
            "prefixes": ["in/"],
            **settings,
        }
        if self.has_ledger:
            self.settings |= {"table": f"ledger-{self.id}", "dispatcher": "dispatcher"}
            create_table(self.dynamodb, str(self.settings["table"]))
        self.faults = clients.faults = Faults()
        self.now = time.time()
        self.executions: dict[str, Execution] = {}
        self._sequence = itertools.count(1)
        self._load(clients.watched)

    @property
    def has_ledger(self) -> bool:
        return any(name in self.settings for name in ("batch_size", "max_concurrent_jobs"))

    def _load(self, clients: dict[str, Any]) -> None:
        """Import the functions as a new Lambda would, with clients that talk to loopback and tell of their calls."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SETTINGS", json.dumps(self.settings))
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            for name in [name for name in sys.modules if name.partition(".")[0] == "s3_trigger"]:
                del sys.modules[name]
            self.intake: Any = importlib.import_module("s3_trigger.intake")
            self.dispatcher: Any = importlib.import_module("s3_trigger.dispatch")
        shared: Any = sys.modules["s3_trigger.runtime"]
        own: list[Any] = [module for name, module in sys.modules.items() if name.partition(".")[0] == "s3_trigger"]
        for module in own:
            if hasattr(module, "client"):
                module.client = clients.__getitem__
        if self.has_ledger:
            ledger = shared.Ledger(
                shared.Table(clients["dynamodb"], self.settings["table"]),
                batch_size=shared.settings.batch_size,
                slots=shared.settings.max_concurrent_jobs,
                clock=lambda: self.now,
            )
            for module in own:
                if hasattr(module, "ledger") and not isinstance(module.ledger, ModuleType):
                    module.ledger = lambda: ledger
        self.ledger: Any = ledger if self.has_ledger else None
        sys.modules["s3_trigger.dispatch"].__dict__["time"] = _Clock(self)

    def upload(self, key: str, body: bytes = b"x") -> str:
        """Put an object; the event that EventBridge would send of it."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return self.event(key)

    def event(self, key: str, **changes: object) -> str:
        detail = {
            "version": "0",
            "bucket": {"name": self.bucket},
            "object": {"key": key, "size": 1, "etag": "0", "sequencer": f"{next(self._sequence):018X}"},
            "reason": "PutObject",
        }
        event = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail, "region": "us-east-1"}
        return json.dumps({**event, **changes})

    def deliver(self, *bodies: str, receive_count: int = 1) -> list[int]:
        """Hand messages to the intake; which of them failed, by position."""
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
        answer = self.intake.handler({"Records": records}, Context())
        return [int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def dispatch(self, *, minutes: float = 0) -> None:
        """Let the dispatcher work; some minutes later, on the minute."""
        self.now += 60 * minutes
        self.dispatcher.handler({"minute": True} if minutes else {}, Context())

    def running(self, count: int) -> list[Execution]:
        """Wait until so many executions run that have not been ended; all of them."""
        deadline = time.monotonic() + 20
        while True:
            answer = self.sqs.receive_message(QueueUrl=self._tasks, MaxNumberOfMessages=10)
            for message in answer.get("Messages", ()):
                task = json.loads(message["Body"])
                self.sqs.delete_message(QueueUrl=self._tasks, ReceiptHandle=message["ReceiptHandle"])
                assert task["name"] not in self.executions, "an execution started twice"
                keys = self.keys_of(task["input"]["manifest_uri"])
                self.executions[task["name"]] = Execution(task["name"], task["input"], keys, task["token"])
            now = [execution for execution in self.executions.values() if execution.token]
            if len(now) >= count:
                assert len(now) == count, [execution.keys for execution in now]
                return now
            assert time.monotonic() < deadline, f"{len(now)} of {count} executions run"
            time.sleep(0.02)

    def keys_of(self, manifest_uri: str) -> tuple[str, ...]:
        bucket, _, key = manifest_uri.removeprefix("s3://").partition("/")
        prefix, *names = json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        start = prefix["prefix"].removeprefix(f"s3://{self.bucket}/")
        return tuple(f"{start}{name}" for name in names)

    def end(self, execution: Execution, *, error: str = "", tell: bool = True) -> str:
        """Let an execution end; the event of it, delivered at once unless told otherwise."""
        if error == "ABORTED":
            self.states.stop_execution(executionArn=self.arn(execution.name))
        elif error:
            self.states.send_task_failure(taskToken=execution.token, error=error, cause="the script failed")
        else:
            self.states.send_task_success(taskToken=execution.token, output="{}")
        self.executions[execution.name] = Execution(execution.name, execution.input, execution.keys, "")
        deadline = time.monotonic() + 20
        while (found := self.states.describe_execution(executionArn=self.arn(execution.name)))["status"] == "RUNNING":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        names = ("name", "executionArn", "status", "error", "cause", "input")
        event = json.dumps(
            {
                "source": "aws.states",
                "detail-type": "Step Functions Execution Status Change",
                "detail": {name: found.get(name) for name in names},
            }
        )
        if tell:
            assert self.deliver(event) == []
        return event

    def arn(self, name: str) -> str:
        machine = str(self.settings["state_machine_arn"])
        return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"

    def dead_letters(self) -> list[tuple[str, str]]:
        """What is in the dead-letter queue: the message and the reason."""
        found = []
        while messages := self.sqs.receive_message(
            QueueUrl=self._dead, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=600
        ).get("Messages"):
            found += [(one["Body"], one["MessageAttributes"]["Reason"]["StringValue"]) for one in messages]
        return found

    def told(self) -> list[dict[str, Any]]:
        """The events of failures."""
        found = []
        while messages := self.sqs.receive_message(
            QueueUrl=self._told, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            found += [json.loads(one["Body"])["detail"] for one in messages]
        return found

    def listen(self) -> None:
        """Have the events of failures kept."""
        arn = self.sqs.get_queue_attributes(QueueUrl=self._told, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.events.put_rule(
            Name=self.id,
            EventPattern=json.dumps(
                {
                    "source": ["cdk-sagemaker-processing"],
                    "detail": {"stateMachineArn": [self.settings["state_machine_arn"]]},
                }
            ),
        )
        self.events.put_targets(Rule=self.id, Targets=[{"Id": "queue", "Arn": arn}])

    def items(self) -> list[dict[str, Any]]:
        """Everything in the table."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.settings["table"])
        return [
            {name: next(iter(value.values())) for name, value in item.items()}
            for page in pages
            for item in page["Items"]
        ]

    @contextmanager
    def killed_at(self, call: int, *, after: bool) -> Iterator[None]:
        """Kill the function that is called within at one of its calls."""
        self.faults.kill_at, self.faults.after = len(self.faults.calls) + call, after
        try:
            yield
        except Killed:
            pass
        finally:
            self.faults.kill_at = None

    def count(self, work: Callable[[], object]) -> list[str]:
        """The calls that something makes."""
        start = len(self.faults.calls)
        work()
        return self.faults.calls[start:]


class _Waker:
    """The Lambda service: the dispatcher is woken by the tests themselves."""

    def invoke(self, **_: object) -> Mapping[str, Any]:
        return {}


class _Clock:
    """The dispatcher's ``time``: the world's."""

    def __init__(self, world: Trigger) -> None:
        self._world = world

    def time(self) -> float:
        return self._world.now

    def time_ns(self) -> int:
        return time.time_ns()


def create_table(dynamodb: Any, name: str) -> None:  # noqa: ANN401 - boto3 has no types
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


def _waiting_machine(queue: str) -> dict[str, Any]:
    """A machine whose executions run until a token ends them."""
    return {
        "StartAt": "Wait",
        "States": {
            "Wait": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": {
                    "QueueUrl": queue,
                    "MessageBody": {"token.$": "$$.Task.Token", "name.$": "$$.Execution.Name", "input.$": "$"},
                },
                "End": True,
            }
        },
    }
