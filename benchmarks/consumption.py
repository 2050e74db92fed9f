"""The consumption of the trigger's functions: calls, units of DynamoDB, invocations, processor time and logs.

The functions are the real ones and the services those of the local AWS, so the calls are those that AWS would receive.
The units are computed from the items' sizes, as DynamoDB bills them.

See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from s3_trigger import intake
from s3_trigger.config import Config
from s3_trigger.dispatch import Dispatcher
from s3_trigger.runtime import Runtime
from s3_trigger.scan_requests import answer_request
from s3_trigger.scans import BACKFILL, RUNNING, Scans
from tests.helpers.trigger_world import Clients, Context, Faults, Trigger

# The configuration of the event source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
DELIVERY_MAX = 1000
_WRITE_UNIT_BYTES, _READ_UNIT_BYTES = 1024, 4096
_WRITES = {"PutItem": "Item", "DeleteItem": "Key", "UpdateItem": "Key"}


def item_bytes(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the size of an item: its attributes' names and values.

    See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content.lstrip("-").strip("0")) // 2 + 2
    return len(content) if kind == "B" else 1


def _partition(key: Mapping[str, str]) -> str:
    return key["S"].partition("#")[0]


@dataclass
class Units:
    """The units that requests to a table consume.

    Attributes:
        write: the write request units by partition; the seen uploads of all heads are together.
        read: the read request units by partition.
    """

    write: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    _sizes: dict[tuple[str, str, str], int] = field(default_factory=dict, repr=False)

    def register(self, client: Any) -> None:
        """Count the requests of a client."""
        client.meta.events.register("provide-client-params.dynamodb.*", self._before)
        client.meta.events.register("after-call.dynamodb.*", self._after)

    @property
    def stored_bytes(self) -> int:
        """The size of all items, with the 100 bytes that DynamoDB adds to each for the price of storage."""
        return sum(size + 100 for size in self._sizes.values())

    def clear(self) -> None:
        """Forget the requests, but not the items."""
        self.write.clear()
        self.read.clear()

    def _before(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["benchmark_params"] = params

    def _after(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: object) -> None:
        params = context["benchmark_params"]
        is_made = parsed["ResponseMetadata"]["HTTPStatusCode"] == 200  # noqa: PLR2004 - of HTTP
        match model.name:
            case "GetItem":
                self.read[_partition(params["Key"]["pk"])] += self._read_units([parsed.get("Item", {})])
            case "BatchGetItem":
                for name, wanted in params["RequestItems"].items():
                    items = {(item["pk"]["S"], item["sk"]["S"]): item for item in parsed["Responses"].get(name, ())}
                    for key in wanted["Keys"]:
                        item = items.get((key["pk"]["S"], key["sk"]["S"]), {})
                        self.read[_partition(key["pk"])] += self._read_units([item])
            case "Query":
                partition = _partition(params["ExpressionAttributeValues"][":pk"])
                self.read[partition] += self._read_units(parsed.get("Items", []))
            case "TransactWriteItems":
                for change in params["TransactItems"]:
                    ((kind, request),) = change.items()
                    units = self._write_units(f"{kind}Item", request, is_made=is_made)
                    self.write[_partition(request[_WRITES[f"{kind}Item"]]["pk"])] += 2 * units
            case name if name in _WRITES:
                self.write[_partition(params[_WRITES[name]]["pk"])] += self._write_units(name, params, is_made=is_made)

    @staticmethod
    def _read_units(items: Sequence[Mapping[str, Any]]) -> int:
        return max(1, -(-sum(map(item_bytes, items)) // _READ_UNIT_BYTES))

    def _write_units(self, operation: str, request: Mapping[str, Any], *, is_made: bool) -> int:
        """Return the units of one write, which the larger one of the item before and after it determines."""
        item = request[_WRITES[operation]]
        key = (request["TableName"], item["pk"]["S"], item["sk"]["S"])
        before = self._sizes.get(key, 0)
        after = 0 if operation == "DeleteItem" else max(item_bytes(item), 64)
        if is_made and operation == "DeleteItem":
            self._sizes.pop(key, None)
        elif is_made:
            self._sizes[key] = after
        return max(1, -(-max(before, after) // _WRITE_UNIT_BYTES))


@dataclass
class Consumption:
    """The consumption of some objects, from their events to the ends of their executions.

    Attributes:
        objects: the number of objects.
        executions: the number of executions.
        calls: the calls by operation.
        messages: the messages that were delivered.
        deliveries: the deliveries, which are the invocations of the intake.
        dispatches: the invocations of the dispatcher.
        write_units: the write request units by partition.
        read_units: the read request units by partition.
        stored_bytes: the bytes that are stored in the table afterwards.
        logged_bytes: the bytes that were logged.
        processor: the milliseconds of the processor, by function.
        waits: the calls that follow one another, by function: those of up to 16 threads count once.
    """

    objects: int
    executions: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    deliveries: int = 0
    dispatches: int = 0
    write_units: Counter[str] = field(default_factory=Counter)
    read_units: Counter[str] = field(default_factory=Counter)
    stored_bytes: int = 0
    logged_bytes: int = 0
    processor: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)

    def per_thousand(self) -> dict[str, Any]:
        """Return the consumption per 1,000 objects."""

        def share(value: float) -> float:
            return round(value * 1000 / self.objects, 2)

        return {
            "objects": self.objects,
            "executions": share(self.executions),
            "calls": {name: share(count) for name, count in sorted(self.calls.items())},
            "all_calls": share(sum(self.calls.values())),
            "messages": share(self.messages),
            "deliveries": share(self.deliveries),
            "dispatches": share(self.dispatches),
            "write_units": share(self.write_units.total()),
            "read_units": share(self.read_units.total()),
            "written_partitions": {name: share(value) for name, value in sorted(self.write_units.items())},
            "read_partitions": {name: share(value) for name, value in sorted(self.read_units.items())},
            "stored_bytes": share(self.stored_bytes),
            "logged_bytes": share(self.logged_bytes),
            "processor_milliseconds": {name: share(value) for name, value in sorted(self.processor.items())},
            "waits": {name: share(value) for name, value in sorted(self.waits.items())},
        }


class _Lambda:
    """A client of Lambda that notes invocations."""

    def __init__(self) -> None:
        self.waiting = 0

    def invoke(self, **_: object) -> Mapping[str, Any]:
        self.waiting += 1
        return {}


class Measured:
    """A trigger whose functions are invoked as Lambda would, each in a warm environment of its own.

    Args:
        clients: the clients.
        bucket: the bucket that has the objects.
        log: the descriptor of the file that the functions log to.
        settings: the settings of the trigger.
    """

    def __init__(self, clients: Clients, bucket: str, log: int, **settings: object) -> None:
        self.units = Units()
        self.units.register(clients.watched["dynamodb"])
        self._lambda = clients.watched["lambda"] = _Lambda()
        world = Trigger(clients, **settings)
        world.bucket = bucket
        world.match({"key": [{"prefix": "in/"}]})
        self._event = world.minute | {"undelivered": world.settings["dead_letter_queue"]}
        self._world, self._log, self._clients = world, log, clients
        self._settings = world.settings | {"bucket": bucket}
        config = Config.from_settings(self._settings)
        # Later than the objects, and whole minutes but one of those in which the dispatcher also deletes old units.
        self.now = (time.time() // 86400 + 1) * 86400 + 3600
        self._runtimes = {
            name: Runtime(config, new_client=clients.watched.__getitem__, clock=lambda: self.now)
            for name in ("intake", "dispatcher")
        }
        self.started: list[tuple[str, str]] = []
        events = clients.watched["stepfunctions"].meta.events
        self._note = lambda params, **_: self.started.append((params["name"], params["input"]))
        events.register("provide-client-params.stepfunctions.StartExecution", self._note)
        self._sequence = 0
        self.minute()  # it finds that the table is new

    def close(self) -> None:
        """Count no more calls."""
        events = self._clients.watched["stepfunctions"].meta.events
        events.unregister("provide-client-params.stepfunctions.StartExecution", self._note)

    def measure(
        self, keys: Sequence[str], *, delivered: int = DELIVERY_MAX, ended: int = DELIVERY_MAX, within: str = ""
    ) -> Consumption:
        """Return the consumption of some objects.

        Args:
            keys: their keys.
            delivered: the number of uploads of a delivery.
            ended: the number of ends of a delivery, in random order.
            within: a prefix of all objects, if a backfill finds them, and no events.
        """
        if within:
            request = {"action": "start", "within": within, "until": 2**32, "concurrency": 50}
            assert not answer_request(self._runtimes["dispatcher"], request)["refused"]
        self._world.faults = self._clients.faults = Faults()
        self.units.clear()
        self._counted = counted = Consumption(len(keys))
        stored, logged = self.units.stored_bytes, os.lseek(self._log, 0, os.SEEK_END)
        window = float(self._settings.get("batch_window") or 0)  # type: ignore[arg-type]
        if within:
            self.minute()
        for first in range(0, 0 if within else len(keys), delivered):
            self._deliver([self._upload(key) for key in keys[first : first + delivered]])
            self._pass(5 if window else 1)
        running: list[tuple[str, str]] = []
        handled = 0
        while True:
            running += self.started[handled:]
            handled = len(self.started)
            if not running:
                if counted.executions if not within else not self._is_scanning():
                    break
                self.now += window
                self.minute()
                continue
            random.Random(1).shuffle(running)  # noqa: S311 - no secret
            some, running = running[:ended], running[ended:]
            counted.executions += len(some)
            self._deliver([self._end(*one) for one in some])
            if within and not running and self._is_scanning():
                self.minute()
            if len(self.started) == handled and not running and self._is_open():
                self.now += window
                self.minute()
        counted.calls = Counter(self._clients.faults.calls)
        counted.calls["Invoke"] = self._invoked
        self._invoked, self._counted = 0, None
        counted.write_units, counted.read_units = self.units.write.copy(), self.units.read.copy()
        counted.stored_bytes = self.units.stored_bytes - stored
        counted.logged_bytes = os.lseek(self._log, 0, os.SEEK_END) - logged
        self.started.clear()
        return counted

    _counted: Consumption | None = None
    _invoked = 0

    def idle_minute(self) -> dict[str, int]:
        """Return the calls of a minute in which nothing happens, by their operations."""
        before = len(self._clients.faults.calls)
        self.now += 60
        self.minute()
        return dict(sorted(Counter(self._clients.faults.calls[before:]).items()))

    def minute(self) -> None:
        """Invoke the dispatcher as the schedule of every minute does."""
        self._dispatch(self._event)

    def _pass(self, seconds: float) -> None:
        before, self.now = self.now, self.now + seconds
        if before // 60 != self.now // 60:
            self.minute()

    def _is_scanning(self) -> bool:
        scan = Scans(self._world.runtime).get(BACKFILL)
        return scan is not None and scan.status == RUNNING

    def _is_open(self) -> bool:
        table = self._runtimes["dispatcher"].table
        own = self._clients.own["dynamodb"]
        return any(
            own.query(
                TableName=table.name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
            )["Count"]
            for partition in ("open", "inbox", "ready")
        )

    def _deliver(self, bodies: Sequence[str]) -> None:
        records = [
            {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
            for number, body in enumerate(bodies)
        ]
        with self._timed("intake"):
            answer = intake.process(self._runtimes["intake"], {"Records": records})
        assert answer == {"batchItemFailures": []}, answer
        if self._counted is not None:
            self._counted.messages += len(bodies)
            self._counted.deliveries += 1
        while self._lambda.waiting:
            self._lambda.waiting -= 1
            self._invoked += 1
            self._dispatch({})

    def _dispatch(self, event: dict[str, Any]) -> None:
        with self._timed("dispatcher"):
            Dispatcher(self._runtimes["dispatcher"]).dispatch(event, Context())
        if self._counted is not None:
            self._counted.dispatches += 1

    def _timed(self, function: str) -> _Timed:
        return _Timed(self, function)

    def _upload(self, key: str) -> str:
        """Return the event of an upload, whose sequencer starts with the time, as those that S3 publishes."""
        self._sequence += 1
        sequencer = f"00{int(self.now):08X}{self._sequence:08X}"
        detail = {
            "version": "0",
            "bucket": {"name": self._settings["bucket"]},
            "object": {"key": key, "size": 1, "etag": "0", "sequencer": sequencer},
            "reason": "PutObject",
        }
        return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})

    def _end(self, name: str, execution_input: str) -> str:
        """Return the event of an execution that succeeded."""
        detail = {
            "name": name,
            "executionArn": self._world.arn(name),
            "status": "SUCCEEDED",
            "input": execution_input,
        }
        return json.dumps(
            {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
        )


class _Timed:
    """The time and the calls of one invocation, added to a consumption."""

    def __init__(self, measured: Measured, function: str) -> None:
        self._measured, self._function = measured, function

    def __enter__(self) -> None:
        self._calls = len(self._measured._clients.faults.calls)  # noqa: SLF001 - of the same module
        self._started = time.process_time()

    def __exit__(self, *_: object) -> None:
        counted = self._measured._counted  # noqa: SLF001 - of the same module
        if counted is None:
            return
        counted.processor[self._function] += round(1000 * (time.process_time() - self._started))  # type: ignore[assignment]
        calls = Counter(self._measured._clients.faults.calls[self._calls :])  # noqa: SLF001 - of the same module
        together = calls.pop("StartExecution", 0) + (calls.pop("HeadObject", 0))
        counted.waits[self._function] += sum(calls.values()) + -(-together // 16)
