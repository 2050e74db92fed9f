"""Lambda's event source mappings of SQS queues: batches as large, as late and as failed as in AWS.

ministack's poller takes ten messages at most and never waits for more, and takes an answer that says nothing sensible
about the batch for success.
"""

from __future__ import annotations

import importlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from smproc.local.server.patches.registry import Names, responses, service, takes, wrap

NAMES: Names = {
    "ministack.core.concurrency": {"esm_wake": lambda value: isinstance(value, threading.Event)},
    "ministack.core.responses": {"error_response_json": callable},
    "ministack.services.lambda_svc": {
        "_iter_all_esms": takes(),
        "_create_esm": takes("data"),
        "_update_esm": takes("esm_id", "data"),
        "_release_esm_poll_state": takes("esm_id"),
        "_run_sqs_batch": takes("esm", "func_rec", "event", "batch", "queue_url", "queue_name"),
        "_execute_function": takes("func", "event"),
        "_esms": lambda value: callable(value.get),
    },
    "ministack.services.sqs": {
        "_receive_messages_for_esm": takes("queue_url", "max_number"),
        "_queues_lock": lambda value: hasattr(value, "__enter__"),
        "_get_q": takes("url", "action"),
        "_expire_retained": takes("q"),
        "_dlq_sweep": takes("q"),
        "_collect_msgs": takes("q", "max_n", "vis_timeout"),
    },
}

_UNWINDOWED_LIMIT = 10
_BATCH_LIMIT = 10_000
_WINDOW_LIMIT_IN_SECONDS = 300
_PAYLOAD_LIMIT_IN_BYTES = 6 * 1024 * 1024
# What a record is besides the message's body and attributes: ids, ARNs, times.
_RECORD_IN_BYTES = 580


@dataclass(slots=True)
class _Gathering:
    """Messages received for one batch that is not complete yet."""

    closes_at: float
    messages: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    size_in_bytes: int = 0
    full: bool = False


_gatherings: dict[str, _Gathering] = {}
# The mapping that the poller asks for; ministack's functions are told of its queue alone.
_polled: ContextVar[Mapping[str, Any] | None] = ContextVar("smproc_polled_mapping", default=None)
# The identifiers in the batch that the calling thread has a function work on, when it may report some of them failed.
_batch: ContextVar[frozenset[str] | None] = ContextVar("smproc_batch", default=None)


def apply() -> None:
    """Let mappings have large batches and windows, and let a malformed answer fail its batch."""
    functions = service("lambda_svc")
    wrap(functions, "_iter_all_esms", _mappings)
    wrap(functions, "_create_esm", _create)
    wrap(functions, "_update_esm", _update)
    wrap(functions, "_release_esm_poll_state", _release)
    wrap(functions, "_run_sqs_batch", _run_batch)
    wrap(functions, "_execute_function", _execute)
    wrap(service("sqs"), "_receive_messages_for_esm", _receive)


def _create(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    return _refusal(data, str(data.get("EventSourceArn", ""))) or original(data)


def _update(original: Callable[..., Any], esm_id: str, data: Mapping[str, Any]) -> object:
    current = service("lambda_svc")._esms.get(esm_id)
    if current is None:
        return original(esm_id, data)
    return _refusal({**current, **data}, str(current["EventSourceArn"])) or original(esm_id, data)


def _refusal(settings: Mapping[str, Any], source: str) -> object:
    """AWS' answer to what a mapping of a queue cannot be; None for what it can."""
    if not source.startswith("arn:aws:sqs:"):
        return None
    size = int(settings.get("BatchSize") or _UNWINDOWED_LIMIT)
    window = int(settings.get("MaximumBatchingWindowInSeconds") or 0)
    fifo = source.endswith(".fifo")
    reason = None
    if not 1 <= size <= _BATCH_LIMIT:
        reason = f"Batch size must be between 1 and {_BATCH_LIMIT} for a queue, got {size}."
    elif not 0 <= window <= _WINDOW_LIMIT_IN_SECONDS:
        reason = f"Maximum batch window must be between 0 and {_WINDOW_LIMIT_IN_SECONDS} seconds, got {window}."
    elif fifo and window:
        reason = "Batching window is not supported for FIFO queues."
    elif fifo and size > _UNWINDOWED_LIMIT:
        reason = f"Batch size must not exceed {_UNWINDOWED_LIMIT} for a FIFO queue, got {size}."
    elif size > _UNWINDOWED_LIMIT and not window:
        reason = (
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than "
            f"{_UNWINDOWED_LIMIT}"
        )
    return reason and responses().error_response_json("InvalidParameterValueException", reason, 400)


def _release(original: Callable[..., Any], esm_id: str) -> None:
    _gatherings.pop(esm_id, None)
    original(esm_id)


def _mappings(original: Callable[..., Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for account, region, mapping in original():
        _polled.set(mapping)
        yield account, region, mapping


def _receive(original: Callable[..., Any], queue_url: str, max_number: int) -> Sequence[Mapping[str, Any]]:
    mapping = _polled.get()
    window = float((mapping or {}).get("MaximumBatchingWindowInSeconds") or 0)
    if mapping is None or not window:
        received: Sequence[Mapping[str, Any]] = original(queue_url, max_number)
        return received
    key = str(mapping["UUID"])
    gathering = _gatherings.get(key) or _Gathering(time.monotonic() + window)
    _gather(gathering, queue_url, int(max_number))
    if not gathering.messages:
        return []
    if key not in _gatherings:
        _gatherings[key] = gathering
        closing = threading.Timer(window, importlib.import_module("ministack.core.concurrency").esm_wake.set)
        closing.daemon = True
        closing.start()
    if not gathering.full and time.monotonic() < gathering.closes_at:
        return []
    _gatherings.pop(key, None)
    return list(gathering.messages.values())


def _gather(gathering: _Gathering, queue_url: str, batch_size: int) -> None:
    sqs = service("sqs")
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        now, wanted = time.time(), 0
        for message in queue["messages"]:
            if message["visible_at"] > now or message["id"] in gathering.messages:
                continue
            size = _size_in_bytes(message)
            fits = gathering.size_in_bytes + size <= _PAYLOAD_LIMIT_IN_BYTES
            if len(gathering.messages) + wanted >= batch_size or not fits:
                gathering.full = True
                break
            gathering.size_in_bytes += size
            wanted += 1
        visibility = int(queue["attributes"].get("VisibilityTimeout", "30"))
        for message in sqs._collect_msgs(queue, wanted, visibility) if wanted else ():
            gathering.messages[message["id"]] = message
        gathering.full = gathering.full or len(gathering.messages) >= batch_size


def _size_in_bytes(message: Mapping[str, Any]) -> int:
    return len(json.dumps([message["body"], message.get("message_attributes")])) + _RECORD_IN_BYTES


def _run_batch(
    original: Callable[..., Any],
    esm: Mapping[str, Any],
    func_rec: object,
    event: Mapping[str, Any],
    batch: object,
    *args: object,
) -> None:
    reports = "ReportBatchItemFailures" in esm.get("FunctionResponseTypes", ())
    token = _batch.set(frozenset(record["messageId"] for record in event["Records"]) if reports else None)
    try:
        original(esm, func_rec, event, batch, *args)
    finally:
        _batch.reset(token)


def _execute(original: Callable[..., Any], func: object, event: object) -> object:
    result: dict[str, Any] = original(func, event)
    if _batch.get() is None or result.get("error"):
        return result
    failed = _reported(result.get("body"))
    if failed is None:
        body = {"errorType": "MalformedBatchResponse", "errorMessage": f"not a batch response: {result.get('body')!r}"}
        return {**result, "error": True, "body": body}
    return {**result, "body": {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}}


def _reported(answer: object) -> list[str] | None:
    """The identifiers that a function reports failed; None for an answer that AWS takes for a failure of them all."""
    if isinstance(answer, str | bytes):
        try:
            answer = json.loads(answer or "null")
        except ValueError:
            return None
    if answer is None:
        return []
    if not isinstance(answer, Mapping):
        return None
    failures = answer.get("batchItemFailures")
    if failures is None:
        return []
    if not isinstance(failures, list):
        return None
    identifiers = [failure.get("itemIdentifier") if isinstance(failure, Mapping) else None for failure in failures]
    return None if not all(isinstance(one, str) and one for one in identifiers) else [str(one) for one in identifiers]
