"""SQS: StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask, which redrive a dead-letter queue.

AWS: a task moves the messages of a dead-letter queue back to their source queues or to another queue, up to 500 a
second. A queue has one running task at a time, and its ten most recent tasks can be listed.
See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html
See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html

ministack 1.5.33: `ministack.services.sqs._HANDLERS` has none of the three operations.

Removable when: `_HANDLERS` has the three operations (not so in 1.5.33).
"""

from __future__ import annotations

import base64
import contextvars
import json
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smproc.local.server.patches.registry import Names, service, takes

NAMES: Names = {
    "ministack.services.sqs": {
        "_HANDLERS": lambda value: isinstance(value, dict) and callable(value.get("SendMessage")),
        "_Err": lambda value: value("code", "text", 404).status == 404,  # noqa: PLR2004 - the status passed in
        "_queues": lambda value: callable(value.values),
        "_queues_lock": lambda value: hasattr(value, "__enter__"),
        "_queue_by_arn": takes("arn"),
        "_act_send_message": takes("data", "qurl"),
    }
}

_LISTED_MAX = 10
_RATE_MAX_PER_SECOND = 500
_NOT_FOUND = 404


@dataclass(slots=True)
class _Move:
    """A message movement task."""

    source: str
    destination: str | None
    per_second: int | None
    to_move: int
    handle: str
    started_in_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    status: str = "RUNNING"
    moved: int = 0
    failure: str | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def describe(self) -> dict[str, Any]:
        described = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source,
            "DestinationArn": self.destination,
            "MaxNumberOfMessagesPerSecond": self.per_second,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.failure,
            "StartedTimestamp": self.started_in_ms,
        }
        return {name: value for name, value in described.items() if value is not None}

    def run(self) -> None:
        for _ in range(self.to_move):
            if self.cancelled.is_set():
                self.status = "CANCELLED"
                return
            try:
                moved = self._move_one()
            except Exception as error:  # noqa: BLE001 - any error of the destination is the task's failure reason
                self.status, self.failure = "FAILED", str(getattr(error, "code", error))
                return
            if not moved:
                break
            if self.per_second:
                self.cancelled.wait(1 / self.per_second)
        self.status = "COMPLETED"

    def _move_one(self) -> bool:
        sqs = service("sqs")
        with sqs._queues_lock:
            messages = _queue(self.source, "SourceArn")["messages"]
            now = time.time()
            index = next((at for at, message in enumerate(messages) if message["visible_at"] <= now), None)
            if index is None:
                return False
            message = messages[index]
            destination = self.destination or message["sys"].get("DeadLetterQueueSourceArn")
            if destination is None:
                raise _error("CouldNotDetermineMessageSource", "The message has no dead-letter queue source.")
            name = _queue(destination, "DestinationArn")["attributes"]["QueueArn"].rpartition(":")[2]
            sent = {
                "QueueUrl": name,
                "MessageBody": message["body"],
                "MessageAttributes": message["message_attributes"],
                "MessageGroupId": message.get("group_id"),
                # The destination may have received the message within its deduplication interval; this one is new.
                "MessageDeduplicationId": str(uuid.uuid4()) if name.endswith(".fifo") else None,
            }
            sqs._act_send_message(sent, name)
            del messages[index]
        self.moved += 1
        return True


_starting = threading.Lock()
_moves: defaultdict[str, deque[_Move]] = defaultdict(lambda: deque(maxlen=_LISTED_MAX))


def apply() -> None:
    """Register the three operations."""
    service("sqs")._HANDLERS.update(
        {"StartMessageMoveTask": _start, "ListMessageMoveTasks": _list, "CancelMessageMoveTask": _cancel}
    )


def _start(data: Mapping[str, Any], _url: str) -> dict[str, Any]:
    source, destination = str(data.get("SourceArn")), data.get("DestinationArn")
    per_second = data.get("MaxNumberOfMessagesPerSecond")
    queue = _queue(source, "SourceArn")
    if not any(_dead_letter_queue_of(other) == source for other in service("sqs")._queues.values()):
        raise _error("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    if destination is not None:
        _queue(str(destination), "DestinationArn")
    if per_second is not None and not 1 <= int(per_second) <= _RATE_MAX_PER_SECOND:
        raise _error(
            "InvalidParameterValue",
            f"Value {per_second} for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and "
            f"{_RATE_MAX_PER_SECOND}.",
        )
    with _starting:
        if any(move.status == "RUNNING" for move in _moves[source]):
            raise _error(
                "InvalidParameterValue",
                "There is already a task running. Only one active task is allowed for a source queue arn at a given "
                "time.",
            )
        now = time.time()
        visible = sum(message["visible_at"] <= now for message in queue["messages"])
        identity = json.dumps({"taskId": str(uuid.uuid4()), "sourceArn": source})
        move = _Move(source, destination, per_second, visible, base64.b64encode(identity.encode()).decode())
        _moves[source].append(move)
    threading.Thread(target=contextvars.copy_context().run, args=(move.run,), name="message-move", daemon=True).start()
    return {"TaskHandle": move.handle}


def _list(data: Mapping[str, Any], _url: str) -> dict[str, Any]:
    source = str(data.get("SourceArn"))
    _queue(source, "SourceArn")
    newest = list(reversed(_moves[source]))[: int(data.get("MaxResults") or 1)]
    return {"Results": [move.describe() for move in newest]}


def _cancel(data: Mapping[str, Any], _url: str) -> dict[str, Any]:
    handle = data.get("TaskHandle")
    move = next((move for moves in _moves.values() for move in moves if move.handle == handle), None)
    if move is None:
        raise _error("ResourceNotFoundException", "Task does not exist.", _NOT_FOUND)
    if move.status != "RUNNING":
        raise _error("InvalidParameterValue", "Only active tasks can be cancelled.")
    move.cancelled.set()
    return {"ApproximateNumberOfMessagesMoved": move.moved}


def _queue(arn: str, parameter: str) -> dict[str, Any]:
    queue: dict[str, Any] | None = service("sqs")._queue_by_arn(arn)
    if queue is None:
        raise _error(
            "ResourceNotFoundException",
            f"The resource that you specified for the {parameter} parameter doesn't exist.",
            _NOT_FOUND,
        )
    return queue


def _dead_letter_queue_of(queue: Mapping[str, Any]) -> object:
    return json.loads(queue["attributes"].get("RedrivePolicy") or "{}").get("deadLetterTargetArn")


def _error(code: str, message: str, status: int = 400) -> Exception:
    error: Exception = service("sqs")._Err(code, message, status)
    return error
