"""Lambda, event source mappings of SQS queues: large batches, batching windows, and malformed batch responses.

AWS: a standard queue's mapping has batches of up to 10,000 messages and 6 MB, gathered for up to
MaximumBatchingWindowInSeconds (300 at most; required for more than 10 messages); a FIFO queue's has 10 messages at most
and no window. With ReportBatchItemFailures a response that is not a valid one fails the whole batch.
See: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
See: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
See: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html

ministack 1.5.33: `ministack.services.sqs._receive_messages_for_esm` returns 10 messages at most and does not wait for
more; `ministack.services.lambda_svc._create_esm` and `ministack.services.lambda_svc._update_esm` check neither limit;
`ministack.services.lambda_svc._run_sqs_batch` takes a malformed response for a success.

Removable when: a release of ministack honours both limits and the window, and fails the batch of a malformed response
(1.5.33 does not).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, core, service, takes

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
# The part of a record besides the message's body and attributes: ids, ARNs, times.
_RECORD_IN_BYTES = 580


@dataclass(slots=True)
class _PartialBatch:
    """The messages received for a batch that is not complete yet."""

    closes_at: float
    messages: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    size_in_bytes: int = 0
    full: bool = False


_partial_batches: dict[str, _PartialBatch] = {}
# The mapping that the poller works for; the function that receives messages gets its queue alone.
_polled: ContextVar[Mapping[str, Any] | None] = ContextVar("smproc_polled_mapping", default=None)
# The identifiers in the batch that the calling thread has a function process, if it may report some of them as failed.
_batch: ContextVar[frozenset[str] | None] = ContextVar("smproc_batch", default=None)


def _create_esm(original: Callable[..., Any], data: Mapping[str, Any]) -> object:
    return _error_response(data, str(data.get("EventSourceArn", ""))) or original(data)


def _update_esm(original: Callable[..., Any], esm_id: str, data: Mapping[str, Any]) -> object:
    current = service("lambda_svc")._esms.get(esm_id)
    if current is None:
        return original(esm_id, data)
    return _error_response({**current, **data}, str(current["EventSourceArn"])) or original(esm_id, data)


def _error_response(settings: Mapping[str, Any], source: str) -> object:
    """Return AWS' error response to settings that a queue's mapping cannot have; None if it can."""
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
    return reason and core("responses").error_response_json("InvalidParameterValueException", reason, 400)


def _release_esm_poll_state(original: Callable[..., Any], esm_id: str) -> None:
    _partial_batches.pop(esm_id, None)
    original(esm_id)


def _iter_all_esms(original: Callable[..., Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for account, region, mapping in original():
        _polled.set(mapping)
        yield account, region, mapping


def _receive_messages_for_esm(
    original: Callable[..., Any], queue_url: str, max_number: int
) -> Sequence[Mapping[str, Any]]:
    mapping = _polled.get()
    window = float((mapping or {}).get("MaximumBatchingWindowInSeconds") or 0)
    if mapping is None or not window:
        received: Sequence[Mapping[str, Any]] = original(queue_url, max_number)
        return received
    key = str(mapping["UUID"])
    partial = _partial_batches.get(key) or _PartialBatch(time.monotonic() + window)
    _receive_more(partial, queue_url, int(max_number))
    if not partial.messages:
        return []
    if key not in _partial_batches:
        _partial_batches[key] = partial
        closing = threading.Timer(window, core("concurrency").esm_wake.set)
        closing.daemon = True
        closing.start()
    if not partial.full and time.monotonic() < partial.closes_at:
        return []
    _partial_batches.pop(key, None)
    return list(partial.messages.values())


def _receive_more(partial: _PartialBatch, queue_url: str, batch_size: int) -> None:
    sqs = service("sqs")
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        now, wanted = time.time(), 0
        for message in queue["messages"]:
            if message["visible_at"] > now or message["id"] in partial.messages:
                continue
            size = _size_in_bytes(message)
            fits = partial.size_in_bytes + size <= _PAYLOAD_LIMIT_IN_BYTES
            if len(partial.messages) + wanted >= batch_size or not fits:
                partial.full = True
                break
            partial.size_in_bytes += size
            wanted += 1
        visibility = int(queue["attributes"].get("VisibilityTimeout", "30"))
        for message in sqs._collect_msgs(queue, wanted, visibility) if wanted else ():
            partial.messages[message["id"]] = message
        partial.full = partial.full or len(partial.messages) >= batch_size


def _size_in_bytes(message: Mapping[str, Any]) -> int:
    return len(json.dumps([message["body"], message.get("message_attributes")])) + _RECORD_IN_BYTES


def _run_sqs_batch(
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


def _execute_function(original: Callable[..., Any], func: object, event: object) -> object:
    result: dict[str, Any] = original(func, event)
    if _batch.get() is None or result.get("error"):
        return result
    failed = _failed_identifiers(result.get("body"))
    if failed is None:
        body = {"errorType": "MalformedBatchResponse", "errorMessage": f"not a batch response: {result.get('body')!r}"}
        return {**result, "error": True, "body": body}
    return {**result, "body": {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}}


def _failed_identifiers(response: object) -> list[str] | None:
    """Return the identifiers that a batch response reports as failed; None if it fails the whole batch."""
    if isinstance(response, str | bytes):
        try:
            response = json.loads(response or "null")
        except ValueError:
            return None
    if response is None:
        return []
    if not isinstance(response, Mapping):
        return None
    failures = response.get("batchItemFailures")
    if failures is None:
        return []
    if not isinstance(failures, list):
        return None
    identifiers = [failure.get("itemIdentifier") if isinstance(failure, Mapping) else None for failure in failures]
    return None if not all(isinstance(one, str) and one for one in identifiers) else [str(one) for one in identifiers]


WRAPPERS: Wrappers = {
    "ministack.services.lambda_svc": {
        "_iter_all_esms": _iter_all_esms,
        "_create_esm": _create_esm,
        "_update_esm": _update_esm,
        "_release_esm_poll_state": _release_esm_poll_state,
        "_run_sqs_batch": _run_sqs_batch,
        "_execute_function": _execute_function,
    },
    "ministack.services.sqs": {"_receive_messages_for_esm": _receive_messages_for_esm},
}
