"""The upgrade of a ledger that an earlier version of the functions has written, while both may still be running.

The earlier version has an item for each upload (``upload#<name>``), members in items of 96 (``batch#<batch>``), and
pending work in ``open``, ``ready`` and ``slot``. Pending work becomes runs of this version, each in the transaction
that deletes the item which the earlier version would go on with; so whichever is first, the other finds nothing.

Uploads that the earlier version has taken are recognized by their items for as long as those live. So that all of these
items are there, nothing is sealed before the last function of the earlier version has ended: its time-out after the
first upload that the new intake has received.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from s3_trigger.dynamodb import EXISTING, NEW, Change
from s3_trigger.inbox import INBOX
from s3_trigger.index_set import IndexSet
from s3_trigger.messages import EVENT_SOURCE, REPLAY, BadMessageError, Upload, digest
from s3_trigger.outbox import MISSING_REASON, SHOWN_OBJECTS, send_dead_letter
from s3_trigger.regrouping import run_of
from s3_trigger.runs import (
    ACTIVE,
    BATCH,
    EACH,
    FAILURES,
    KEPT_FOR_SECONDS,
    LEASE_SECONDS,
    REPLAYED,
    RUNNING,
    SET_ASIDE,
    Run,
)
from s3_trigger.sources import manifest_source

if TYPE_CHECKING:
    from s3_trigger.messages import ReplayRequest
    from s3_trigger.runtime import Runtime

_META = "meta", "ledger"
_OPEN, _READY, _SLOT = "open", "ready", "slot"
# The time-out of the earlier version's intake, and ten seconds.
_INTAKE_SECONDS = 130
_SCANNED = 200
_MEMBERS_TOGETHER = 96


class Upgrade:
    """The state of the upgrade, as a function knows it.

    Args:
        runtime: the function's runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._table = runtime.table
        self._marked_until = 0
        self._marks_since = 0
        self._is_over = False

    def go_on(self) -> bool:
        """Convert what can be converted; return whether uploads may be sealed."""
        if self._is_over:
            return True
        now = self._runtime.seconds()
        meta = self._table.get(*_META) or self._create_meta()
        self._marked_until = meta["marked_until"]
        if "marks_since" not in meta:
            meta = self._expect_marks(meta)
        self._marks_since = meta["marks_since"]
        if meta["over"]:
            self._is_over = True
            return True
        left = self._convert()
        since = meta["since"]
        if not since and next(self._table.query(INBOX, limit=1), None) is not None:
            since = now
            self._table.apply(self._table.put(*_META, meta | {"since": since}))
        may_seal = bool(since) and now >= since + _INTAKE_SECONDS
        if may_seal and not left:
            self._table.apply(self._table.put(*_META, meta | {"since": since, "over": 1}))
            self._is_over = True
        return may_seal

    def taken_before(self, uploads: Iterable[Upload]) -> set[str]:
        """Return the names of the uploads that the earlier version has taken."""
        if self._marked_until < self._runtime.seconds():
            return set()
        found = self._table.get_many((f"upload#{upload.name}", "upload") for upload in uploads)
        return {partition.removeprefix("upload#") for partition, _ in found}

    def may_scan(self) -> bool:
        """Return whether no function runs any more that does not seal in the order of `Seals`, or that has no marks."""
        return self._is_over and self._runtime.seconds() >= self._marks_since + (
            LEASE_SECONDS if self._marks_since else 0
        )

    @property
    def unknown_until(self) -> int:
        """The time before which uploads may have been taken that a listing does not recognize; 0 if there are none."""
        return max(self._marked_until - KEPT_FOR_SECONDS, 0)

    def _expect_marks(self, meta: dict[str, Any]) -> dict[str, Any]:
        """Record that functions of the version before, which have no marks, may be running now."""
        to = meta | {"marks_since": self._runtime.seconds()}
        self._table.apply(self._table.put(*_META, to, "attribute_not_exists(#marks_since)"))
        return self._table.get(*_META) or to

    def _create_meta(self) -> dict[str, Any]:
        """Record whether an earlier version has written the table, which is examined once."""
        has_marks = any(pk.startswith(("upload#", "batch#")) for pk in self._table.scan_partitions(_SCANNED))
        marked_until = self._runtime.seconds() + KEPT_FOR_SECONDS if has_marks else 0
        meta = {"since": 0, "over": int(not has_marks), "marked_until": marked_until, "marks_since": 0}
        self._table.apply(self._table.put(*_META, meta, NEW))
        return self._table.get(*_META) or meta

    def _convert(self) -> int:
        """Convert pending work of the earlier version; return the number of items that must wait."""
        for item in self._table.query(_OPEN):
            if "batch" in item:
                leaving = self._table.delete(
                    _OPEN,
                    item["sk"],
                    "#batch = :batch AND #objects = :objects",
                    batch=item["batch"],
                    objects=item["objects"],
                )
                run = {"positions": f"0-{item['objects'] - 1}", "group": item["sk"], "after": "", **item}
                self._requeue(run, leaving)
        for item in self._table.query(_READY):
            if "batch" in item:
                self._requeue(item, self._table.delete(_READY, item["sk"], EXISTING))
        return sum(not self._convert_slot(item) for item in self._table.query(_SLOT))

    def _convert_slot(self, item: dict[str, Any]) -> bool:
        """Convert a run that has a slot; return False while a dispatcher of the earlier version may work on it."""
        if "manifest" in item:
            leaving = self._table.delete(
                _SLOT, item["sk"], "#run = :run AND #manifest = :manifest", run=item["run"], manifest=item["manifest"]
            )
            self._convert_decided(item, leaving)
            return True
        if self._runtime.seconds() - item["claimed"] < LEASE_SECONDS:
            return False
        condition = "#run = :run AND attribute_not_exists(#manifest)"
        self._requeue(item, self._table.delete(_SLOT, item["sk"], condition, run=item["run"]))
        return True

    def _convert_decided(self, item: dict[str, Any], leaving: Change) -> None:
        """Convert a run whose execution the earlier version was about to start, or has started."""
        indexes, missing = IndexSet.parse(item["positions"]), IndexSet.parse(item.get("gone", ""))
        if missing:
            # The earlier version may not have sent it. A second one has the same text, and starts nothing twice.
            again = {**item, "run": digest(item["batch"], str(missing), item["run"]), "after": item["run"]}
            self._send_dead_letter(again, missing, MISSING_REASON)
        if not item.get("objects"):
            self._table.transact([leaving])
            return
        try:
            uploads = self._uploads(item["batch"], indexes.without(missing))
        except LookupError as error:
            self._give_up(item, leaving, error)
            return
        run = replace(
            self._run_of(uploads, item["group"], kind=BATCH),
            name=item["run"],
            origin=item["batch"],
            after=item["after"],
            status=RUNNING,
            version=self._runtime.new_id(),
            attempts=1,
            claimed=item["claimed"],
            lease=self._runtime.seconds(),
            state_machine=self._runtime.config.state_machine_arn,
            input=json.dumps(self._input(item, uploads), sort_keys=True),
        )
        slots = self._table.update(
            "slots", "count", "SET #count = if_not_exists(#count, :none) + :taken", none=0, taken=1
        )
        self._table.transact([leaving, self._table.put(ACTIVE, run.name, run.to_item(), NEW), slots])

    def replay(self, request: ReplayRequest) -> Run | None:
        """Start a run of the earlier version again that failed or is in the dead-letter queue, once.

        Raises:
            BadMessageError: there is no such run.
        """
        partition, sort = f"batch#{request.batch}", f"run#{request.run}"
        item = self._table.get(partition, sort) if request.batch else None
        if item is None:
            raise BadMessageError(f"the table has no run {request.run}")
        if item["status"] in FAILURES:
            item = self._dead_run_of(item)
        if item["status"] not in (*FAILURES, SET_ASIDE):
            return None
        was = self._table.update(
            partition, f"run#{item['run']}", "SET #status = :now", "#status = :was", now=REPLAYED, was=item["status"]
        )
        return self._create_run(item, was)

    def _dead_run_of(self, failed: dict[str, Any]) -> dict[str, Any]:
        """Return the run that the earlier version has sent to the dead-letter queue for a failed one, or the latter.

        A run of the members whose objects were missing was recorded earlier, and is a dead letter of its own.
        """
        records = self._table.query(f"batch#{failed['batch']}", between=("run#", "run$"))
        repeating = [item for item in records if item["after"] == failed["run"]]
        left = IndexSet.parse(failed["positions"])
        for item in repeating:
            left = left.without(IndexSet.parse(item["positions"]))
        if not len(left):
            return max(repeating, key=lambda item: int(item["expires"]))
        return {**failed, "positions": str(left)}

    def _requeue(self, item: dict[str, Any], leaving: Change) -> None:
        """Queue a run of the earlier version as one of this version."""
        try:
            self._create_run(item, leaving)
        except LookupError as error:
            self._give_up(item, leaving, error)

    def _give_up(self, item: dict[str, Any], leaving: Change, error: LookupError) -> None:
        """Send a run whose members have expired to the dead-letter queue, so that nothing else waits for it."""
        run = {"run": digest(item["batch"], item["positions"], item["after"]), **item}
        self._send_dead_letter(run, IndexSet.parse(item["positions"]), str(error))
        self._table.transact([leaving])

    def _create_run(self, item: dict[str, Any], leaving: Change) -> Run | None:
        """Create a run of this version in the transaction that ends one of the earlier version."""
        uploads = self._uploads(item["batch"], IndexSet.parse(item["positions"]))
        is_single = self._runtime.config.batch_size == 1 and len(uploads) == 1
        run = self._run_of(uploads, item["group"], kind=EACH if is_single else BATCH)
        return run if self._table.transact([leaving, self._runtime.runs.create(run)]) is None else None

    def _run_of(self, uploads: list[Upload], group: str, *, kind: str) -> Run:
        members = self._runtime.units.store(uploads[0].bucket, ((group, upload) for upload in uploads))
        return run_of(self._runtime, uploads, group, members, kind=kind)

    def _uploads(self, batch: str, indexes: IndexSet) -> list[Upload]:
        """Return the uploads at some indexes of a batch of the earlier version.

        Raises:
            LookupError: the table does not have them all.
        """
        first, last = indexes.ranges[0][0], indexes.ranges[-1][1]
        between = f"objects#{max(0, first - _MEMBERS_TOGETHER + 1):06}", f"objects#{last:06}"
        found: dict[int, Upload] = {}
        for item in self._table.query(f"batch#{batch}", between=between):
            rows = json.loads(item["members"])
            for index, row in zip(itertools.count(int(item["sk"].removeprefix("objects#"))), rows, strict=False):
                found[index] = Upload(item["bucket"], *row)
        try:
            return [found[index] for index in indexes]
        except KeyError as error:
            raise LookupError(f"the batch {batch} has no member {error}") from None

    def _input(self, item: dict[str, Any], uploads: list[Upload]) -> dict[str, Any]:
        """Return the input that the earlier version has decided on, or one about the same objects."""
        config, manifest = self._runtime.config, item["manifest"]
        source = manifest_source((config.manifest_bucket, manifest))
        if manifest and len(uploads) > 1:
            fields = {"bucket": uploads[0].bucket, "group": item["group"], "objects": item["objects"]}
        else:
            (upload,) = uploads
            fields = {"bucket": upload.bucket, "key": upload.key, "sequencer": upload.sequencer}
            if not manifest:
                source = {"s3_data_type": "S3Prefix", "s3_uri": f"s3://{upload.bucket}/{upload.key}"}
        return {"batch": item["batch"], "trigger": config.trigger, **fields, **source}

    def _send_dead_letter(self, item: dict[str, Any], indexes: IndexSet, reason: str) -> None:
        """Send the request to replay a run of the earlier version to the dead-letter queue."""
        try:
            uploads = self._uploads(item["batch"], indexes)
        except LookupError:
            uploads = []
        detail = {
            "batch": item["batch"],
            "run": item["run"],
            "objects": [f"s3://{upload.bucket}/{upload.key}" for upload in uploads[:SHOWN_OBJECTS]],
            "objectCount": len(indexes),
            "reason": reason,
            "after": item["after"],
        }
        message = {"source": EVENT_SOURCE, "detail-type": REPLAY, "detail": detail}
        send_dead_letter(self._runtime, json.dumps(message), reason)
