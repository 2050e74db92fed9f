"""SQS, standard queues: what an operation costs does not depend on the number of messages in the queue.

AWS: the number of messages in a queue is unlimited, and up to 120,000 of them are in flight.
See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html

ministack 1.5.33: `ministack.services.sqs._collect_msgs`, `ministack.services.sqs._dlq_sweep`,
`ministack.services.sqs._expire_retained` and the operations that take receipt handles go through all messages of the
queue, and `ministack.services.sqs._prune_dedup` copies the whole deduplication cache for each message of a FIFO queue.
Each of them gets only the messages that it would act on here; what it does to them is its own affair.

Removable when: these functions find their messages without a walk through the queue (not so in 1.5.33).
"""

from __future__ import annotations

import functools
import json
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import Any

from smproc.local.server.patches.registry import Names, Wrappers, service, takes

# The operations that take receipt handles.
_BY_HANDLE = (
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
)

NAMES: Names = {
    "ministack.services.sqs": {
        "_HANDLERS": lambda value: all(value[name].__code__.co_varnames[:2] == ("data", "qurl") for name in _BY_HANDLE),
        "_queues": lambda value: callable(value.all_values),
        "_get_q": takes("url", "action"),
        "_ensure_msg_fields": takes("m"),
        "_collect_msgs": takes("q", "max_n", "vis_timeout"),
        "_dlq_sweep": takes("q"),
        "_expire_retained": takes("q"),
        "_prune_dedup": takes("q"),
        "_delete_messages_for_esm": takes("queue_url", "receipt_handles"),
    }
}

_DEFAULT_RETENTION_IN_SECONDS = 345_600
# A heap is rebuilt when most of its items are about messages that are gone or have moved on.
_SMALL_HEAP = 1000
# For all queues: a sweep adds messages to another queue.
_lock = threading.RLock()


@dataclass(slots=True, eq=False)
class _Entry:
    """A message of a queue, and where the index has it."""

    message: dict[str, Any]
    order: int
    handle: str | None = None
    # Whether it can be received, and how often it had been received before.
    ready: bool = False
    count: int = 0


class _Index:
    """An index of a queue's messages, beside ministack's list of them.

    Others add to the list at its end, which the index catches up with. Whatever else they do to it moves the last
    message that the index knows; then the index is made anew.
    """

    def __init__(self, queue: Mapping[str, Any]) -> None:
        self.queue = queue
        self._reset()

    def _reset(self) -> None:
        self._messages: list[dict[str, Any]] = self.queue["messages"]
        self._entries: list[_Entry] = []
        self._by_order: dict[int, _Entry] = {}
        self._by_handle: dict[str, _Entry] = {}
        self._received: defaultdict[int, set[int]] = defaultdict(set)
        # By order; by the time at which they can be received; by age. What has changed since is skipped.
        self._ready: list[int] = []
        self._waiting: list[tuple[float, int]] = []
        self._ages: list[tuple[float, int]] = []
        self._next_order = 0

    def catch_up(self) -> None:
        """Add the messages that are new, and make those ready whose time has come."""
        known = len(self._entries)
        messages = self.queue["messages"]
        if messages is not self._messages or (
            known and (len(messages) < known or messages[known - 1] is not self._entries[-1].message)
        ):
            self._reset()
            known = 0
        for message in self._messages[known:]:
            service("sqs")._ensure_msg_fields(message)
            entry = _Entry(message, self._next_order)
            self._next_order += 1
            self._entries.append(entry)
            self._by_order[entry.order] = entry
            heappush(self._ages, (message.get("enqueued_at", message["sent_at"]), entry.order))
            self.place([entry])
        now = time.time()
        while self._waiting and self._waiting[0][0] <= now:
            due, order = heappop(self._waiting)
            waiting = self._by_order.get(order)
            if waiting is not None and not waiting.ready and waiting.message["visible_at"] == due:
                self._make_ready(waiting)
        self._compact()

    def place(self, entries: Iterable[_Entry]) -> None:
        """Note what has become of messages that are still in the queue."""
        now = time.time()
        for entry in entries:
            self._make_unready(entry)
            handle = entry.message["receipt_handle"]
            if handle != entry.handle:
                self._by_handle.pop(entry.handle or "", None)
                entry.handle = handle
                self._by_handle[handle] = entry
            if entry.message["visible_at"] <= now:
                self._make_ready(entry)
            else:
                heappush(self._waiting, (entry.message["visible_at"], entry.order))

    def ready(self, limit: int) -> list[_Entry]:
        """Return the first messages that can be received. They must be placed again."""
        found: list[_Entry] = []
        while self._ready and len(found) < limit:
            entry = self._by_order.get(heappop(self._ready))
            if entry is not None and entry.ready:
                self._make_unready(entry)
                found.append(entry)
        return found

    def received(self, at_least: int) -> list[_Entry]:
        """Return the messages that can be received, and have been before at least so many times."""
        orders = [order for count, found in self._received.items() if count >= at_least for order in found]
        return [self._by_order[order] for order in sorted(orders)]

    def sent_until(self, cutoff: float) -> list[_Entry]:
        """Return the messages that were sent at a time or before. They must be removed."""
        found: list[_Entry] = []
        while self._ages and (self._ages[0][0] <= cutoff or self._ages[0][1] not in self._by_order):
            if (entry := self._by_order.get(heappop(self._ages)[1])) is not None:
                found.append(entry)
        return found

    def with_handles(self, handles: Iterable[str]) -> list[_Entry]:
        """Return the messages with these receipt handles."""
        found = {entry.order: entry for handle in handles if (entry := self._by_handle.get(handle)) is not None}
        return [found[order] for order in sorted(found)]

    def keep(self, entries: Sequence[_Entry], kept: Iterable[dict[str, Any]]) -> None:
        """Remove those of the messages that are not among the kept ones, and place the others."""
        remaining = {id(message) for message in kept}
        self.place(entry for entry in entries if id(entry.message) in remaining)
        for entry in entries:
            if id(entry.message) in remaining:
                continue
            position = bisect_left(self._entries, entry.order, key=attrgetter("order"))
            del self._messages[position], self._entries[position], self._by_order[entry.order]
            self._by_handle.pop(entry.handle or "", None)
            self._make_unready(entry)

    def _make_ready(self, entry: _Entry) -> None:
        entry.ready, entry.count = True, entry.message["receive_count"]
        heappush(self._ready, entry.order)
        if entry.count:
            self._received[entry.count].add(entry.order)

    def _make_unready(self, entry: _Entry) -> None:
        if entry.ready and entry.count:
            orders = self._received[entry.count]
            orders.discard(entry.order)
            if not orders:
                del self._received[entry.count]
        entry.ready = False

    def _compact(self) -> None:
        limit = _SMALL_HEAP + 2 * len(self._entries)
        if len(self._ready) > limit:
            self._ready = [entry.order for entry in self._entries if entry.ready]
        if len(self._waiting) > limit:
            self._waiting = [(entry.message["visible_at"], entry.order) for entry in self._entries if not entry.ready]
            heapify(self._waiting)
        if len(self._ages) > limit:
            self._ages = [item for item in self._ages if item[1] in self._by_order]
            heapify(self._ages)


@dataclass(slots=True)
class _Selection:
    """The messages of an operation with receipt handles: those with the handles, once its queue is known."""

    handles: Iterable[str]
    held: ExitStack
    index: _Index | None = None
    entries: list[_Entry] = field(default_factory=list)
    view: dict[str, Any] | None = None


_indexes: dict[int, _Index] = {}
_selection: ContextVar[_Selection | None] = ContextVar("smproc_messages_with_handles", default=None)


def apply() -> None:
    """Wrap the operations that take receipt handles where SQS' dispatcher finds them."""
    handlers = service("sqs")._HANDLERS
    handlers.update({name: functools.partial(_by_handle, handlers[name]) for name in _BY_HANDLE})


def _index(queue: dict[str, Any]) -> _Index:
    index = _indexes.get(id(queue))
    if index is None or index.queue is not queue:
        live = {id(other) for other in service("sqs")._queues.all_values()}
        for gone in _indexes.keys() - live:
            del _indexes[gone]
        index = _indexes[id(queue)] = _Index(queue)
    index.catch_up()
    return index


def _view(queue: dict[str, Any], entries: Iterable[_Entry]) -> dict[str, Any]:
    return {**queue, "messages": [entry.message for entry in entries]}


def _by_handle(original: Callable[..., Any], data: Mapping[str, Any], qurl: str) -> object:
    handles = [str(entry.get("ReceiptHandle")) for entry in (data, *(data.get("Entries") or ()))]
    return _with_handles(handles, lambda: original(data, qurl))


def _delete_messages_for_esm(original: Callable[..., Any], queue_url: str, receipt_handles: set[str]) -> object:
    return _with_handles(receipt_handles, lambda: original(queue_url, receipt_handles))


def _with_handles(handles: Iterable[str], operation: Callable[[], object]) -> object:
    # ministack's own lock is taken before this one wherever both are: here by the operation of a mapping.
    with ExitStack() as held:
        selection = _Selection(handles, held)
        token = _selection.set(selection)
        try:
            return operation()
        finally:
            _selection.reset(token)
            if selection.index is not None and selection.view is not None:
                selection.index.keep(selection.entries, selection.view["messages"])


def _get_q(original: Callable[..., Any], url: str, action: str | None = None) -> object:
    queue: dict[str, Any] = original(url, action)
    selection = _selection.get()
    if selection is None or selection.index is not None or queue["is_fifo"]:
        return queue
    # The lock is released when the operation has ended.
    selection.held.enter_context(_lock)
    selection.index = _index(queue)
    selection.entries = selection.index.with_handles(selection.handles)
    selection.view = _view(queue, selection.entries)
    return selection.view


def _collect_msgs(original: Callable[..., Any], q: dict[str, Any], max_n: int, vis_timeout: int) -> object:
    if q["is_fifo"]:
        return original(q, max_n, vis_timeout)
    with _lock:
        index = _index(q)
        entries = index.ready(max_n)
        collected = original(_view(q, entries), max_n, vis_timeout)
        index.place(entries)
        return collected


def _dlq_sweep(original: Callable[..., Any], q: dict[str, Any]) -> None:
    if q["is_fifo"]:
        original(q)
        return
    most = _max_receive_count(q)
    if most < 1:
        return
    with _lock:
        index = _index(q)
        if entries := index.received(most):
            view = _view(q, entries)
            original(view)
            index.keep(entries, view["messages"])


def _max_receive_count(queue: Mapping[str, Any]) -> int:
    try:
        return int(json.loads(queue["attributes"]["RedrivePolicy"])["maxReceiveCount"])
    except (KeyError, TypeError, ValueError):
        return 0


def _expire_retained(original: Callable[..., Any], q: dict[str, Any]) -> None:
    if q["is_fifo"]:
        original(q)
        return
    retention = int(q["attributes"].get("MessageRetentionPeriod", _DEFAULT_RETENTION_IN_SECONDS))
    with _lock:
        index = _index(q)
        if entries := index.sent_until(time.time() - retention):
            view = _view(q, entries)
            original(view)
            index.keep(entries, view["messages"])


def _prune_dedup(original: Callable[..., Any], q: dict[str, Any]) -> None:
    # Each entry is kept for the same time, so that the first one is the first to expire.
    first = next(iter(q["dedup_cache"].values()), None)
    if first is not None and first["expire"] <= time.time():
        original(q)


WRAPPERS: Wrappers = {
    "ministack.services.sqs": {
        "_get_q": _get_q,
        "_collect_msgs": _collect_msgs,
        "_dlq_sweep": _dlq_sweep,
        "_expire_retained": _expire_retained,
        "_prune_dedup": _prune_dedup,
        "_delete_messages_for_esm": _delete_messages_for_esm,
    }
}
