"""The functions of a trigger over services in memory, the world around them, and what must hold in it.

Always:

- no object is in two executions, unless all earlier ones have failed;
- every running execution belongs to a run that has a slot, and the count of slots is the number of executions that have
  one;
- a claim never exceeds the limit of the function that makes it;
- nothing is claimed while the pipeline is paused.

At each end, after a recovery (unprocessed messages are delivered again, minutes pass, executions end):

- every upload has succeeded once, or it is in one dead letter, or somebody has stopped its execution;
- nothing waits, and all slots are free;
- every failure was published;
- after that, every dead letter and every retry, each sent twice, starts its objects once.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import greenlet
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError, ReadTimeoutError

from s3_trigger import intake, sealing
from s3_trigger.config import Config
from s3_trigger.dispatch import Dispatcher
from s3_trigger.index_set import IndexSet
from s3_trigger.runtime import Runtime
from smproc.operations.pauses import put_pause, remove_pause
from tests.helpers.exploration.search import BrokenError, KilledError, Worker
from tests.helpers.exploration.services import Call, Execution, Services, writing

MACHINE = "arn:aws:states:us-east-1:0:stateMachine:machine"
SETTINGS: Mapping[str, object] = {
    "bucket": "in",
    "state_machine_arn": MACHINE,
    "manifest_bucket": "out",
    "manifest_prefix": "manifests",
    "pipeline": "Stack/Pipeline",
    "dead_letter_queue": "dead",
    "max_receives": 5,
    "prefixes": ["in/"],
    "trigger": "trigger",
    "table": "ledger",
    "dispatcher": "dispatcher",
    "batch_size": 2,
    "batch_window": 60,
}
FAILURES = ("FAILED", "TIMED_OUT", "ABORTED")
WAITING = ("inbox", "sealed", "open", "ready", "active", "outbox")
# The life of a dispatcher is over, and all leases are.
_ROUND_SECONDS = 720
_ROUNDS = 40

_ITEMS_TOGETHER = sealing._ITEMS_MAX


class _Context(LambdaContext):
    """The part of Lambda's context that the functions use."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 300_000


class _Quiet:
    """A logger, and metrics, that keep nothing but the exceptions that are logged."""

    def __init__(self, errors: list[BaseException]) -> None:
        self._errors = errors

    def exception(self, *_: object, **__: object) -> None:
        error = sys.exc_info()[1]
        assert error is not None
        self._errors.append(error)

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_, **__: None


class _Serial:
    """An executor that does the work in the thread of its caller."""

    def __init__(self, _: int) -> None: ...

    def __enter__(self) -> _Serial:  # noqa: PYI034
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, function: Callable[[Any], Any], *values: Sequence[Any]) -> Iterator[Any]:
        return iter(list(map(function, *values)))


class Functions:
    """An instance of both functions, with the settings of one deployment.

    Args:
        world: the world.
        name: a name that no other instance has; the identifiers that it creates start with it.
        settings: what differs from `SETTINGS`.
        seconds: the time by which it is ahead of the world's.
    """

    def __init__(self, world: World, name: str, settings: Mapping[str, object], seconds: float = 0) -> None:
        self.world = world
        self._settings = settings
        self.errors: list[BaseException] = []
        self._count = 0
        self._name = name
        self.runtime = Runtime(
            Config.from_settings({**SETTINGS, **settings}),
            new_client=world.services.client,
            clock=lambda: world.now + seconds,
            new_id=self._new_id,
            pool=cast("Any", _Serial),
        )
        self.runtime.logger = cast("Logger", _Quiet(self.errors))
        self.runtime.metrics = cast("Metrics", _Quiet(self.errors))

    def later(self, seconds: float) -> Functions:
        """Return another instance, whose time is later."""
        return Functions(self.world, f"{self._name}z", self._settings, seconds)

    def _new_id(self) -> str:
        self._count += 1
        return f"{self._name}{self._count:03}"

    def deliver(self, *bodies: str) -> None:
        """Deliver messages to the intake; those that fail are delivered again later."""
        records = [
            {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
            for number, body in enumerate(bodies)
        ]
        self.world.enter(self)
        answer = intake.process(self.runtime, {"Records": records})
        self.world.finish()
        failed = {int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]}
        self.world.processed.update(body for number, body in enumerate(bodies) if number not in failed)
        self._check()

    def dispatch(self, *, minute: bool = True) -> None:
        """Invoke the dispatcher."""
        self.world.enter(self)
        try:
            Dispatcher(self.runtime).dispatch(self.world.minute if minute else {}, _Context())
        except RuntimeError as error:
            if not self.errors:
                self.errors.append(error)
        self.world.finish()
        self._check()

    def _check(self) -> None:
        for error in self.errors:
            if not self.world.permits(error):
                raise BrokenError(f"a function has failed: {type(error).__name__}: {error}") from error
        self.errors.clear()


class World:
    """The services, the time, the queue and the jobs.

    Args:
        settings: the settings that are deployed first.
        deployed: the settings that change later.
        ignored: the mutation.

    Attributes:
        now: the time in seconds.
        uploads: the messages of all uploads, by the object.
        queued: the messages in the queue beside uploads: dead letters that were sent back, and ends that are not lost.
        processed: the messages that the intake has processed.
        bad: the keys whose jobs fail.
        missing: the objects that do not exist.
        aborted: the keys whose executions are stopped by somebody.
        errors: the codes of the errors that the scenario injects.
        heals_after: the number of the recovery's rounds after which requests are not refused any more.
        retries: the number of executions that somebody retries beside the batch's own replays.
        items_together: the number of items of the inbox that a seal takes.
        permits_repetition: whether an object may be in several executions.
        reports_ends: whether the events of ends arrive.
        is_versioned: whether the bucket has versions.
        minute: the event of the rule of every minute.
        lost: the events of uploads that are lost.
    """

    def __init__(self, settings: Mapping[str, object], deployed: Mapping[str, object], ignored: Any = None) -> None:  # noqa: ANN401
        self.services = Services(before=self._before, after=self._after, checks=self._check, ignored=ignored)
        self.services.objects |= {"in": {}, "in-2": {}, "out": {}}
        self.now = 1_700_000_000.0
        self.settings, self.deployed = settings, {**settings, **deployed}
        self.uploads: dict[str, str] = {}
        self.processed: set[str] = set()
        self.bad: set[str] = set()
        self.missing: set[str] = set()
        self.aborted: set[str] = set()
        self.errors: set[str] = set()
        self.heals_after = 0
        self.items_together = _ITEMS_TOGETHER
        self.retries = 0
        self.permits_repetition = False
        self.reports_ends = True
        self.is_versioned = True
        self.minute: dict[str, Any] = {"minute": True, "rules": ["in"]}
        self.lost: set[str] = set()
        self.workers: dict[Any, Worker] = {}
        self._functions: dict[Any, Functions] = {}
        self.queued: list[str] = []
        self._slots = 0
        self._executions = 0
        self._writes_left: int | None = None

    def enter(self, functions: Functions) -> None:
        """Note which functions the current worker runs."""
        self._functions[greenlet.getcurrent()] = functions
        sealing._ITEMS_MAX = self.items_together

    def finish(self) -> None:
        """Kill the current worker before it returns, if it is to be killed after its last write."""
        worker = self.workers.get(greenlet.getcurrent())
        if worker is not None:
            worker.finish()

    def survive(self) -> None:
        """Make the current worker do the rest of its work without being killed."""
        worker = self.workers.get(greenlet.getcurrent())
        if worker is not None:
            worker.survive()

    def permits(self, error: BaseException) -> bool:
        """Check whether a function may have failed so."""
        if isinstance(error, ClientError):
            return error.response["Error"]["Code"] in self.errors
        return bool(self.errors) and isinstance(error, (RuntimeError, ReadTimeoutError))

    def upload(self, key: str, sequencer: str = "65AA0001", bucket: str = "in") -> str:
        """Put an object, and return the event that EventBridge sends."""
        self.services.objects[bucket][key] = b"x"
        self.services.versions[bucket, key] = f"version-{sequencer}" if self.is_versioned else "null", self.now
        uploaded = {"key": key, "size": 1, "sequencer": sequencer, "etag": "etag"}
        uploaded |= {"version-id": f"version-{sequencer}"} if self.is_versioned else {}
        detail = {"bucket": {"name": bucket}, "object": uploaded}
        time = datetime.fromtimestamp(self.now, UTC).isoformat()
        body = json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail, "time": time})
        self.uploads[f"{bucket}/{key}"] = body
        return body

    def delete(self, key: str, bucket: str = "in") -> None:
        """Delete an object."""

        def effect() -> None:
            self.services.objects[bucket].pop(key, None)
            self.missing.add(f"{bucket}/{key}")

        self.services.call(f"delete {key}", [writing(f"s3 {bucket}", key)], effect)

    def expire(self, seconds: float = 0) -> None:
        """Delete what has expired, item by item, as DynamoDB's time to live does."""
        now = self.now + seconds
        for key, item in sorted(self.services.items.items()):
            if "expires" in item and float(item["expires"]["N"]) < now:
                self.services.call(
                    f"expire {key[0][:12]}",
                    [writing(*key)],
                    lambda key=key: self.services.items.pop(key, None),  # type: ignore[misc]
                )

    def restore(self) -> None:
        """Put the objects again that were deleted."""
        for name in self.missing:
            bucket, _, key = name.partition("/")
            self.services.objects[bucket][key] = b"x"

    def redrive(self) -> None:
        """Redrive all executions that have failed."""
        for execution in self.services.executions.values():
            execution.status, execution.redrives = "RUNNING", 1

    def abort(self) -> None:
        """Stop all executions."""
        for execution in self.running():
            self.end(execution, "ABORTED")

    def report_nothing(self) -> None:
        """Lose the events of all ends, and have ListExecutions know executions late."""
        self.reports_ends = False
        self.services.is_listing_late = True

    def pause(self) -> None:
        """Pause the pipeline, as `smproc pause` does."""
        put_pause(self.services.client("dynamodb"), "ledger", int(self.now))

    def resume(self) -> None:
        """Resume the pipeline, as `smproc resume` does."""
        remove_pause(self.services.client("dynamodb"), "ledger")

    def running(self) -> list[Execution]:
        """Return the executions that run."""
        return [one for one in self.services.executions.values() if one.status == "RUNNING"]

    def end(self, execution: Execution | None = None, status: str = "") -> str:
        """End an execution, by default the first that runs, and return the event; an empty text if none runs."""
        ended: list[str] = []

        def effect() -> None:
            running = self.running()
            if not running:
                return
            one = execution or running[0]
            one.status = status or self._status_of(one)
            ended.append(end_event(one))

        machine = execution.state_machine if execution else MACHINE
        accesses = [writing(f"executions {machine}"), writing("object")]
        self.services.call("an execution ends", accesses, effect)
        return ended[0] if ended else ""

    def _status_of(self, execution: Execution) -> str:
        if self.aborted.intersection(execution.keys):
            return "ABORTED"
        return "FAILED" if self.bad.intersection(execution.keys) else "SUCCEEDED"

    def _before(self, call: Call) -> None:
        worker = self.workers.get(greenlet.getcurrent())
        if worker is not None:
            worker.before(call)

    def _after(self, call: Call) -> None:
        worker = self.workers.get(greenlet.getcurrent())
        if worker is not None:
            worker.after(call)
        elif self._writes_left is not None and call.writes:
            self._writes_left -= 1
            if not self._writes_left:
                raise KilledError

    def _check(self) -> None:
        """Check what must hold always."""
        items = self.services.items
        active = {sort: item for (partition, sort), item in items.items() if partition == "active"}
        weights = {name: _weight(item) for name, item in active.items()}
        slots = items.get(("slots", "count"), {})
        count = int(slots.get("count", {"N": "0"})["N"])
        if count != sum(weights.values()):
            raise BrokenError(f"{count} slots are counted, and the active runs have {weights}")
        if count > self._slots and (functions := self._functions.get(greenlet.getcurrent())):
            limit = functions.runtime.config.max_concurrent_jobs
            if limit is not None and count > limit:
                raise BrokenError(f"{count} slots are claimed, and the limit is {limit}")
        if count > self._slots and "paused" in slots:
            raise BrokenError(f"{count - self._slots} slots are claimed while the pipeline is paused")
        self._slots = count
        executions = self.services.executions
        running = Counter(_run_of(one) for one in executions.values() if one.status == "RUNNING")
        for run, number in running.items():
            if number > weights.get(run, 0):
                raise BrokenError(
                    f"{number} executions of the run {run[:6]} are running, which has {weights.get(run, 0)} slots"
                )
        if len(executions) > self._executions:
            self._executions = len(executions)
            self._check_started(list(executions.values()))

    def _check_started(self, executions: list[Execution]) -> None:
        *earlier, started = executions
        unknown = set(started.keys) - set(self.uploads)
        if unknown:
            raise BrokenError(f"an execution is about objects that were never uploaded: {sorted(unknown)}")
        if self.permits_repetition:
            return
        for one in earlier:
            common = set(one.keys) & set(started.keys)
            if common and one.status not in FAILURES:
                raise BrokenError(f"{sorted(common)} is processed again, while its execution is {one.status}")

    def send_back(self) -> list[str]:
        """Take the messages of the dead-letter queue, and return them."""
        letters = list(dict.fromkeys(body for body, _ in self.services.letters))
        self.services.letters.clear()
        self.queued += letters
        self.processed.difference_update(letters)
        return letters

    def send_back_all(self) -> None:
        """Send the messages of the dead-letter queue back."""
        self.send_back()

    def kill(self, work: Callable[[], None], writes: int) -> None:
        """Do some work, and kill it after so many writes."""
        self._writes_left = writes
        try:
            work()
        except KilledError:
            return
        finally:
            self._writes_left = None
        raise AssertionError(f"the work must make {writes} writes")

    def recover(self) -> None:
        """Wait until everything is finished, and check what must hold then."""
        self.resume()
        functions = Functions(self, "y", self.deployed)
        messages = [event for event in self.uploads.values() if event not in self.lost]
        self._finish(functions, [*messages, *self.queued])
        self._check_outcomes()
        self._repeat(functions)

    def _finish(self, functions: Functions, messages: Sequence[str]) -> None:
        for number in range(_ROUNDS):
            if number == self.heals_after:
                self.services.refused.clear()
                self.services.lost.clear()
                self.services.is_listing_late = False
            left = [body for body in messages if body not in self.processed]
            if left:
                functions.deliver(*left)
            self.now += _ROUND_SECONDS
            functions.dispatch()
            running = self.running()
            for execution in running:
                event = self.end(execution)
                if self.reports_ends and execution.state_machine == functions.runtime.config.state_machine_arn:
                    functions.deliver(event, event)
            waiting = sorted({key for key in self.services.items if key[0] in WAITING})
            if not left and not running and not waiting:
                return
        raise BrokenError(f"this is never finished: {waiting or left}")

    def _check_outcomes(self) -> None:
        count = self.services.items.get(("slots", "count"), {}).get("count", {"N": "0"})["N"]
        if count != "0":
            raise BrokenError(f"nothing runs, and {count} slots are taken")
        published = {detail["executionArn"] for detail in self.services.published}
        for execution in self.services.executions.values():
            if execution.status in FAILURES and execution.arn not in published:
                raise BrokenError(f"the failure of {execution.keys} was not published")
        batches = Counter(one.fields.get("batch") for one in self.services.executions.values())
        most = 1 + self.retries + max(int(str(some.get("max_replays", 0))) for some in (self.settings, self.deployed))
        del batches[None]
        if not self.queued and max(batches.values(), default=0) > most:
            raise BrokenError(f"a batch may have {most} executions, and has {max(batches.values())}")
        dead = self._dead()
        for name in self.uploads:
            ended = [one.status for one in self.services.executions.values() if name in one.keys]
            letters = sum(name in objects for objects in dead.values())
            outcomes = ended.count("SUCCEEDED") + letters + (ended[-1:] == ["ABORTED"])
            if outcomes != 1 and not self.permits_repetition:
                raise BrokenError(f"{name} has {ended} and is in {letters} dead letters")

    def _dead(self) -> dict[str, tuple[str, ...]]:
        """Return the objects of each dead letter; several letters may say the same, and some are about repeated runs."""  # noqa: E501
        dead: dict[str, tuple[str, ...]] = {}
        for body, _ in self.services.letters:
            event = json.loads(body)
            detail = event["detail"]
            if event["source"] == "aws.s3":
                name = f"{detail['bucket']['name']}/{detail['object']['key']}"
                dead[f"{name} {event.get('replay', '')}"] = (name,)
            elif self.services.items.get((f"run#{detail['run']}", "run"), {}).get("status") != {"S": "REPLAYED"}:
                dead[detail["run"]] = tuple(uri.removeprefix("s3://") for uri in detail["objects"])
        return dead

    def _repeat(self, functions: Functions) -> None:
        """Send all dead letters back and retry all failures, twice, and check that each object succeeds once."""
        self.bad.clear()
        self.aborted.clear()
        self.restore()
        self.heals_after = 0
        letters = self.send_back()
        retries = [retry(one, self.uploads) for one in self.services.executions.values() if one.status in FAILURES]
        if letters or retries:
            for messages in ([*letters, *retries], [*retries, *letters], letters):
                self.processed.difference_update(messages)
                self._finish(functions, messages)
        if self.services.letters:
            raise BrokenError(f"what was sent back is a dead letter again: {self.services.letters}")
        for name in self.uploads:
            succeeded = sum(one.status == "SUCCEEDED" for one in self.services.executions.values() if name in one.keys)
            if succeeded != 1 and not self.permits_repetition:
                raise BrokenError(f"after all replays, {name} has succeeded {succeeded} times")


def end_event(execution: Execution, **changes: object) -> str:
    """Return the event of the end of an execution."""
    detail = {
        "name": execution.name,
        "executionArn": execution.arn,
        "status": execution.status,
        "input": execution.input,
        "error": execution.error or None,
        "cause": "the script failed" if execution.error else None,
        "redriveCount": execution.redrives,
        **changes,
    }
    kind = "Step Functions Execution Status Change"
    return json.dumps({"source": "aws.states", "detail-type": kind, "detail": detail})


def retry(execution: Execution, uploads: Mapping[str, str]) -> str:
    """Return the message that `smproc retry` sends for an execution."""
    fields = execution.fields
    detail: dict[str, Any]
    if "batch" not in fields:
        event = json.loads(uploads[f"{fields['bucket']}/{fields['key']}"])
        detail = {
            "bucket": {"name": fields["bucket"]},
            "object": {"key": fields["key"], "sequencer": fields["sequencer"]},
        }
        return json.dumps({**event, "detail": detail, "replay": execution.name})
    detail = {"batch": fields["batch"], "run": execution.name}
    return json.dumps({"source": "cdk-sagemaker-processing", "detail-type": "Replay", "detail": detail})


def _run_of(execution: Execution) -> str:
    return str(execution.fields.get("run", execution.name))


def _weight(item: Mapping[str, Any]) -> int:
    if item["kind"]["S"] == "batch":
        return 1
    return sum(len(IndexSet.parse(item[name]["S"])) for name in ("pending", "outstanding") if name in item)
