"""The AWS services of the trigger in memory, at the level of boto3's clients.

Every request passes through `Services.call`, which reports what it reads and writes before it has an effect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.helpers.exploration.expressions import holds, updated

_Answer = TypeVar("_Answer")
_LAST = "\U0010ffff"
EVERYWHERE = "*"
# The time at which the table was created, in seconds.
CREATED = 1_600_000_000


class Access(NamedTuple):
    """A range of a resource that a call reads or writes.

    Attributes:
        writes: whether the call may change something in the range.
        space: the resource: a partition of the table, a bucket, the executions of a state machine.
        first: the first key of the range.
        last: its last key.
    """

    writes: bool
    space: str
    first: str
    last: str

    def conflicts(self, other: Access) -> bool:
        """Check whether the order of two accesses may make a difference."""
        return (
            (self.writes or other.writes)
            and (self.space == other.space or EVERYWHERE in (self.space, other.space))
            and self.first <= other.last
            and other.first <= self.last
        )


class Call(NamedTuple):
    """A request to a service.

    Attributes:
        name: a text for people, the same in each replay.
        accesses: what it reads and writes.
        writes: whether it may change a service, even in a way that no other request can see.
    """

    name: str
    accesses: tuple[Access, ...]
    writes: bool

    def conflicts(self, other: Call) -> bool:
        """Check whether the order of two calls may make a difference."""
        return any(mine.conflicts(theirs) for mine in self.accesses for theirs in other.accesses)

    def refused(self) -> Call:
        """Return what the call does when a condition does not hold: it reads."""
        return Call(self.name, tuple(access._replace(writes=False) for access in self.accesses), writes=False)


class Condition(NamedTuple):
    """A condition of a write, by which mutations are named.

    Attributes:
        change: the kind of the change, and the partition, such as ``Delete ready``.
        text: the condition.
    """

    change: str
    text: str


def reading(space: str, first: str = "", last: str | None = None) -> Access:
    """Return the access that reads a key, a range of keys, or everything."""
    return Access(False, space, first, first if last is None and first else last or _LAST)  # noqa: FBT003


def writing(space: str, first: str = "", last: str | None = None) -> Access:
    """Return the access that writes a key, a range of keys, or everything."""
    return reading(space, first, last)._replace(writes=True)


def client_error(operation: str, code: str, status: int = 400, **response: object) -> ClientError:
    """Return the error that boto3 raises for an answer."""
    answer = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **response}
    return ClientError(answer, operation)  # type: ignore[arg-type]


@dataclass
class Execution:
    """An execution of a state machine.

    Attributes:
        state_machine: the ARN of its state machine.
        name: its name.
        input: its input.
        keys: the keys of the objects that its job reads.
        status: its status.
        redrives: the number of times that it was redriven.
    """

    state_machine: str
    name: str
    input: str
    keys: tuple[str, ...]
    status: str = "RUNNING"
    redrives: int = 0

    @property
    def arn(self) -> str:
        return f"{self.state_machine.replace(':stateMachine:', ':execution:')}:{self.name}"

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of its input."""
        return dict(json.loads(self.input))

    @property
    def error(self) -> str:
        return {"FAILED": "States.TaskFailed", "TIMED_OUT": "States.Timeout"}.get(self.status, "")


@dataclass
class Services:
    """All services, and what was sent to them.

    Attributes:
        before: called before each request has its effect.
        after: called after that, before the caller gets the answer, with what the request really did.
        checks: called after each request that may have changed something.
        ignored: the condition of the table's writes that always holds: a mutation.
        conditions: the conditions of all writes to the table.
        items: the table's items, by partition and sort key.
        objects: the objects of each bucket. An object that `unreadable` names cannot be read by HeadObject.
        versions: the version of each object, and the time of its last modification in seconds.
        executions: the executions, by ARN, in the order in which they started.
        letters: the bodies of the messages that were sent to the dead-letter queue, and their reasons.
        published: the details of the events that were published.
        deleted_machines: the ARNs of the state machines that do not exist any more.
        refused: the operations that are answered by an error, and its code.
        lost: the operations that have their effect, and whose answers are lost.
        is_listing_late: whether ListExecutions does not know any execution yet.
    """

    before: Callable[[Call], None] = lambda call: None
    after: Callable[[Call], None] = lambda call: None
    checks: Callable[[], None] = lambda: None
    ignored: Condition | None = None
    conditions: set[Condition] = field(default_factory=set)
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, dict[str, bytes]] = field(default_factory=dict)
    versions: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    executions: dict[str, Execution] = field(default_factory=dict)
    letters: list[tuple[str, str]] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    deleted_machines: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    is_listing_late: bool = False

    def client(self, service: str) -> Any:  # noqa: ANN401 - as boto3's
        """Return the client of a service."""
        clients: dict[str, Callable[[Services], object]] = {
            "dynamodb": DynamoDB,
            "s3": S3,
            "stepfunctions": StepFunctions,
            "sqs": SQS,
            "events": EventBridge,
            "sns": SNS,
            "lambda": Lambda,
        }
        return clients[service](self)

    def call(
        self, name: str, accesses: Iterable[Access], effect: Callable[[], _Answer], *, sends: bool = False
    ) -> _Answer:
        """Make a request.

        Args:
            name: a text for people that starts with the name of the operation.
            accesses: what the request reads and writes.
            effect: a function that has the request's effect, and returns the answer.
            sends: whether the request has an effect that no other request can see.
        """
        found = tuple(accesses)
        call = Call(name, found, sends or any(access.writes for access in found))
        self.before(call)
        operation = name.partition(" ")[0]
        if operation in self.refused:
            self.after(call.refused())
            raise client_error(operation, self.refused[operation])
        try:
            answer = effect()
        except ClientError:
            self.after(call.refused())
            raise
        if call.writes:
            self.checks()
        self.after(call)
        if operation in self.lost:
            raise ReadTimeoutError(endpoint_url="https://service")
        return answer

    def partition(self, name: str) -> list[dict[str, Any]]:
        """Return the items of a partition of the table, by ascending sort key."""
        return [item for (partition, _), item in sorted(self.items.items()) if partition == name]

    def snapshot(self) -> str:
        """Return a text that two equal states of the services share."""
        executions = sorted((arn, one.status, one.input) for arn, one in self.executions.items())
        objects = [(bucket, sorted(contents.items())) for bucket, contents in sorted(self.objects.items())]
        sent = sorted(self.letters), sorted(json.dumps(detail, sort_keys=True) for detail in self.published)
        return repr((sorted(self.items.items()), objects, executions, sent))


class DynamoDB:
    """DynamoDB, with a table whose keys are ``pk`` and ``sk``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._items = services.items

    def get_item(self, *, TableName: str, Key: Mapping[str, Any], ConsistentRead: bool) -> dict[str, Any]:  # noqa: ARG002, N803
        assert ConsistentRead
        key = _key(Key)

        def effect() -> dict[str, Any]:
            return {"Item": self._items[key]} if key in self._items else {}

        return self._services.call(f"GetItem {_shown(key)}", [reading(*key)], effect)

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        ((table, request),) = RequestItems.items()
        assert request["ConsistentRead"]
        keys = [_key(key) for key in request["Keys"]]
        assert 1 <= len(set(keys)) == len(keys) <= 100, keys

        def effect() -> dict[str, Any]:
            return {"Responses": {table: [self._items[key] for key in keys if key in self._items]}}

        shown = ", ".join(map(_shown, keys))
        return self._services.call(f"BatchGetItem {shown}", [reading(*key) for key in keys], effect)

    def query(
        self,
        *,
        TableName: str,  # noqa: ARG002, N803
        KeyConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any],  # noqa: N803
        ConsistentRead: bool,  # noqa: N803
        ExpressionAttributeNames: Mapping[str, str] | None = None,  # noqa: N803
        ExclusiveStartKey: Mapping[str, Any] | None = None,  # noqa: N803
        Limit: int | None = None,  # noqa: N803
        Select: str = "",  # noqa: N803
        ScanIndexForward: bool = True,  # noqa: N803
    ) -> dict[str, Any]:
        assert ConsistentRead
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues
        _check_placeholders(KeyConditionExpression, names, values)
        partition = values[":pk"]["S"]
        first = values.get(":first", {}).get("S", "")
        last = values.get(":last", {}).get("S", _LAST)

        def effect() -> dict[str, Any]:
            found = [
                item
                for item in self._services.partition(partition)
                if holds(KeyConditionExpression, item, names, values)
                and (ExclusiveStartKey is None or item["sk"]["S"] > ExclusiveStartKey["sk"]["S"])
            ]
            page = (found if ScanIndexForward else found[::-1])[:Limit]
            answer: dict[str, Any] = {"Count": len(page)} | ({} if Select == "COUNT" else {"Items": page})
            if len(page) == Limit:  # DynamoDB does not look beyond them
                answer["LastEvaluatedKey"] = {name: page[-1][name] for name in ("pk", "sk")}
            return answer

        access = Access(False, partition, first, last)  # noqa: FBT003
        return self._services.call(f"Query {_shown((partition, ''))}", [access], effect)

    def describe_table(self, *, TableName: str) -> dict[str, Any]:  # noqa: ARG002, N803
        created = datetime.fromtimestamp(CREATED, UTC)
        return self._services.call("DescribeTable", [], lambda: {"Table": {"CreationDateTime": created}})

    def scan(self, *, TableName: str, Limit: int | None = None, **_: object) -> dict[str, Any]:  # noqa: ARG002, N803
        def effect() -> dict[str, Any]:
            return {"Items": [item for _, item in sorted(self._items.items())][:Limit]}

        return self._services.call("Scan", [reading(EVERYWHERE)], effect)

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._write("PutItem", "Put", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._write("UpdateItem", "Update", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._write("DeleteItem", "Delete", request)

    def transact_write_items(self, *, TransactItems: Sequence[Mapping[str, Any]], **_: object) -> dict[str, Any]:  # noqa: N803
        changes = [next(iter(change.items())) for change in TransactItems]
        keys = [_key_of(request) for _, request in changes]
        assert 1 <= len(set(keys)) == len(keys) <= 100, f"a transaction changes each item once, and at most 100: {keys}"

        def effect() -> dict[str, Any]:
            reasons = [
                "None" if self._permits(kind, request) else "ConditionalCheckFailed" for kind, request in changes
            ]
            if any(reason != "None" for reason in reasons):
                raise client_error(
                    "TransactWriteItems",
                    "TransactionCanceledException",
                    CancellationReasons=[{"Code": reason} for reason in reasons],
                )
            for kind, request in changes:
                self._change(kind, request)
            return {}

        shown = ", ".join(f"{kind} {_shown(key)}" for (kind, _), key in zip(changes, keys, strict=True))
        accesses = [
            reading(*key) if kind == "ConditionCheck" else writing(*key)
            for (kind, _), key in zip(changes, keys, strict=True)
        ]
        return self._services.call(f"TransactWriteItems {shown}", accesses, effect)

    def _write(self, operation: str, kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
        key = _key_of(request)

        def effect() -> dict[str, Any]:
            if not self._permits(kind, request):
                raise client_error(operation, "ConditionalCheckFailedException")
            self._change(kind, request)
            return {}

        return self._services.call(f"{operation} {_shown(key)}", [writing(*key)], effect)

    def _permits(self, kind: str, request: Mapping[str, Any]) -> bool:
        """Check whether a change's condition holds, or is the one that is ignored."""
        condition = request.get("ConditionExpression", "")
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        _check_placeholders(f"{condition} {request.get('UpdateExpression', '')}", names, values)
        if not condition:
            return True
        key = _key_of(request)
        named = Condition(f"{kind} {_pattern(key[0])}", condition)
        self._services.conditions.add(named)
        return named == self._services.ignored or holds(condition, self._items.get(key, {}), names, values)

    def _change(self, kind: str, request: Mapping[str, Any]) -> None:
        key = _key_of(request)
        if kind == "Put":
            self._items[key] = dict(request["Item"])
        elif kind == "Delete":
            self._items.pop(key, None)
        elif kind == "Update":
            existing = self._items.get(key) or request["Key"]
            names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
            self._items[key] = updated(request["UpdateExpression"], existing, names, values)


class S3:
    """S3."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._objects = services.objects

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            if Key in self._services.unreadable:  # as an object with a key of its own
                raise client_error("HeadObject", "400", 400)
            if Key not in self._objects.get(Bucket, {}):
                raise client_error("HeadObject", "404", 404)
            return {}

        return self._services.call(f"HeadObject {Key}", [reading(f"s3 {Bucket}", Key)], effect)

    def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803
        Prefix: str = "",  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        ContinuationToken: str = "",  # noqa: N803
        MaxKeys: int = 1000,  # noqa: N803
    ) -> dict[str, Any]:
        start = max(StartAfter, ContinuationToken)

        def effect() -> dict[str, Any]:
            if Bucket not in self._objects:
                raise client_error("ListObjectsV2", "NoSuchBucket", 404)
            keys = sorted(self._objects[Bucket], key=str.encode)
            matching = [key for key in keys if key.startswith(Prefix) and key.encode() > start.encode()]
            page = matching[:MaxKeys]
            answer: dict[str, Any] = {"IsTruncated": len(matching) > len(page), "KeyCount": len(page)}
            if page:
                answer["Contents"] = [{"Key": key, "Size": 1} for key in page]
            if answer["IsTruncated"]:
                answer["NextContinuationToken"] = page[-1]
            return answer

        access = reading(f"s3 {Bucket}", Prefix, f"{Prefix}{_LAST}")
        return self._services.call(f"ListObjectsV2 {Prefix}", [access], effect)

    def list_object_versions(
        self,
        *,
        Bucket: str,  # noqa: N803
        Prefix: str,  # noqa: N803
        MaxKeys: int,  # noqa: N803
        KeyMarker: str = "",  # noqa: N803
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            keys = sorted(self._objects[Bucket], key=str.encode)
            matching = [key for key in keys if key.startswith(Prefix) and key.encode() > KeyMarker.encode()]
            page = matching[:MaxKeys]
            versions = [
                {
                    "Key": key,
                    "IsLatest": True,
                    "ETag": '"etag"',
                    "Size": 1,
                    "VersionId": self._services.versions[Bucket, key][0],
                    "LastModified": datetime.fromtimestamp(self._services.versions[Bucket, key][1], UTC),
                }
                for key in page
            ]
            return {"IsTruncated": len(matching) > len(page), "Versions": versions}

        access = reading(f"s3 {Bucket}", Prefix, f"{Prefix}{_LAST}")
        return self._services.call(f"ListObjectVersions {Prefix}", [access], effect)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: object) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            self._objects[Bucket][Key] = bytes(Body)
            return {}

        return self._services.call(f"PutObject {Key[:24]}", [writing(f"s3 {Bucket}", Key)], effect)

    def upload_fileobj(self, fileobj: IO[bytes], bucket: str, key: str, **_: object) -> None:
        body = fileobj.read(-1)

        def effect() -> None:
            self._objects[bucket][key] = body

        self._services.call(f"PutObject {key[:24]}", [writing(f"s3 {bucket}", key)], effect)


class StepFunctions:
    """Step Functions."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: A002, N803
        services = self._services
        started = Execution(stateMachineArn, name, input, keys_of(services, json.loads(input)))

        def effect() -> dict[str, Any]:
            if stateMachineArn in services.deleted_machines:
                raise client_error("StartExecution", "StateMachineDoesNotExist")
            existing = services.executions.get(started.arn)
            if existing is not None and (existing.input != input or existing.status != "RUNNING"):
                raise client_error("StartExecution", "ExecutionAlreadyExists")
            services.executions.setdefault(started.arn, started)
            return {"executionArn": started.arn}

        # The checks compare with the other executions of an object, and with the records of active runs.
        run = str(started.fields.get("run", name))
        checked = [*(writing("object", key) for key in started.keys), reading("active", run)]
        return services.call(
            f"StartExecution {name[:6]}", [writing(f"executions {stateMachineArn}", name), *checked], effect
        )

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        machine, _, name = executionArn.replace(":execution:", ":stateMachine:").rpartition(":")

        def effect() -> dict[str, Any]:
            execution = self._services.executions.get(executionArn)
            if execution is None or machine in self._services.deleted_machines:
                raise client_error("DescribeExecution", "ExecutionDoesNotExist")
            return {
                "status": execution.status,
                "input": execution.input,
                "redriveCount": execution.redrives,
                **({"error": execution.error, "cause": "the script failed"} if execution.error else {}),
            }

        return self._services.call(f"DescribeExecution {name[:6]}", [reading(f"executions {machine}", name)], effect)

    def list_executions(self, *, stateMachineArn: str, statusFilter: str, **_: object) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            if stateMachineArn in self._services.deleted_machines:
                raise client_error("ListExecutions", "StateMachineDoesNotExist")
            if self._services.is_listing_late:
                return {"executions": []}
            found = [
                {"name": one.name, "executionArn": one.arn, "status": one.status}
                for one in self._services.executions.values()
                if (one.state_machine, one.status) == (stateMachineArn, statusFilter)
            ]
            return {"executions": found}

        return self._services.call("ListExecutions", [reading(f"executions {stateMachineArn}")], effect)

    def get_paginator(self, operation: str) -> StepFunctions:
        assert operation == "list_executions"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        request.pop("PaginationConfig", None)
        yield self.list_executions(**request)

    def get_execution_history(self, **_: object) -> dict[str, Any]:
        return self._services.call("GetExecutionHistory", [], lambda: {"events": []})


class SQS:
    """SQS."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002, N803
        def effect() -> dict[str, Any]:
            self._services.letters.append((MessageBody, MessageAttributes["Reason"]["StringValue"]))
            return {}

        return self._services.call("SendMessage", [], effect, sends=True)


class EventBridge:
    """EventBridge."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def put_events(self, *, Entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:  # noqa: N803
        def effect() -> dict[str, Any]:
            self._services.published += [json.loads(entry["Detail"]) for entry in Entries]
            return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}

        return self._services.call("PutEvents", [], effect, sends=True)

    def describe_rule(self, *, Name: str) -> dict[str, Any]:  # noqa: N803
        """Describe the rule of a bucket, which has its name."""
        detail = {"bucket": {"name": [Name]}, "object": {"key": [{"prefix": "in/"}]}}
        return self._services.call("DescribeRule", [], lambda: {"EventPattern": json.dumps({"detail": detail})})


class SNS:
    """SNS."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def publish(self, **_: object) -> dict[str, Any]:
        return self._services.call("Publish", [], dict, sends=True)


class Lambda:
    """Lambda, which invokes nothing: a scenario has the invocations that it is about."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def invoke(self, **_: object) -> dict[str, Any]:
        return {}


def keys_of(services: Services, execution_input: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of the objects that a job reads: the one that its S3Prefix is, or those that its manifest names.

    An object is written as ``bucket/key``.
    """
    bucket, _, key = execution_input["s3_uri"].removeprefix("s3://").partition("/")
    if execution_input["s3_data_type"] == "S3Prefix":
        return (f"{bucket}/{key}",)
    prefix, *names = json.loads(services.objects[bucket][key])
    return tuple(f"{prefix['prefix'].removeprefix('s3://')}{name}" for name in names)


def _key(key: Mapping[str, Any]) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def _key_of(request: Mapping[str, Any]) -> tuple[str, str]:
    return _key(request["Key"] if "Key" in request else request["Item"])


def _pattern(partition: str) -> str:
    """Return a partition without the name of what has one of its own."""
    start, separator, _ = partition.partition("#")
    return f"{start}{separator and '#...'}"


def _shown(key: tuple[str, str]) -> str:
    return "/".join(re.sub(r"[0-9a-f]{16,}", lambda match: match[0][:6], part) for part in key if part)


def _check_placeholders(expression: str, names: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Check that an expression uses all names and values of its request, and no others, as DynamoDB does."""
    used = set(re.findall(r"[#:]\w+", expression))
    assert used == {*names, *values}, f"{expression!r} uses {used}, the request has {sorted({*names, *values})}"
