"""Sealing: uploads leave the inbox, each once however often it was delivered, and become rows of units.

All copies of an upload's event have the same sequencer, hence the same head, and a seal succeeds only if no other seal
has changed the heads of its uploads: of two seals with copies of one upload, one reads the uploads of the other. What
was taken from a listing is recognized by `ListedUploads`, and `Seals` is the order of both kinds of seals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from s3_trigger.dynamodb import EXISTING, NEW, Change
from s3_trigger.errors import is_transient
from s3_trigger.inbox import HEADS_MAX, INBOX, uploads_of
from s3_trigger.messages import Upload
from s3_trigger.runs import KEPT_FOR_SECONDS
from s3_trigger.seals import KEY as SEALS
from s3_trigger.seals import Seals

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

SEALED = "sealed"
_SEEN = "seen"
_IDENTITY_BYTES = 16
# Of the 100 changes of a transaction, two are for each head, and some for units.
_ITEMS_MAX = 25
# So many identities fit in an item if all have the same head.
_UPLOADS_MAX = 20_000
# A transaction has at most 4 MB. What is sealed counts twice, as it leaves the inbox and as it enters units:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
_PACKED_MAX_BYTES = 1_500_000
_LOST_RACES = 3


class Sealer:
    """The work of sealing.

    Args:
        runtime: the function's runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._table = runtime.table
        self._is_empty = False
        self._items_max = _ITEMS_MAX
        self._failed: dict[str, Exception] = {}

    def seal(self) -> list[str] | None:
        """Seal some of the inbox; return the new units, and None when the inbox is empty or others are sealing it.

        It is empty when all of it was sealed: a part that arrives meanwhile has an invocation of its own. Items that
        cannot be sealed together are sealed one by one, and one that cannot be sealed stays where it is.

        Raises:
            Exception: an item cannot be sealed, after all others were; or a failure that may pass.
        """
        lost = 0
        while not self._is_empty and lost < _LOST_RACES:
            items = self._next_items()
            if not items:
                break
            try:
                units = self._seal(items)
            except Exception as error:
                if is_transient(error):
                    raise
                if len(items) == 1:
                    self._failed[items[0][0]["sk"]] = error
                self._items_max, self._is_empty = 1, False
                continue
            if units is not None:
                return units
            lost += 1  # what other dispatchers leave, the next minute seals
        if self._failed:
            raise next(iter(self._failed.values()))
        return None

    def _next_items(self) -> list[tuple[dict[str, Any], list[Upload]]]:
        """Return the oldest items of the inbox that fit in one transaction, with their uploads."""
        taken: list[tuple[dict[str, Any], list[Upload]]] = []
        heads: set[str] = set()
        count = size = 0
        self._is_empty = False
        for item in self._table.query(INBOX):
            if item["sk"] in self._failed:
                continue
            if taken and (item["bucket"] != taken[0][0]["bucket"] or count + item["count"] > _UPLOADS_MAX):
                break
            uploads = uploads_of(item)
            more = heads | {upload.head for upload in uploads}
            packed = len(item["uploads"]) + len(item.get("marks", b""))
            is_too_large = size + packed > _PACKED_MAX_BYTES
            if taken and (len(more) > HEADS_MAX or len(taken) == self._items_max or is_too_large):
                break
            heads, count, size = more, count + item["count"], size + packed
            taken.append((item, uploads))
        else:
            self._is_empty = True
        return taken

    def _seal(self, items: list[tuple[dict[str, Any], list[Upload]]]) -> list[str] | None:
        """Seal some items; return None when another dispatcher has sealed some of them, or copies of their uploads."""
        uploads = {upload.identity: upload for _, some in items for upload in some}
        heads = self._table.get_many([SEALS, *((_SEEN, upload.head) for upload in uploads.values())])
        earlier = Seals.from_item(heads.pop(SEALS, None))
        known = self._identities(head for _, head in heads)
        before = self._runtime.upgrade.taken_before(uploads.values())
        new = {
            identity: upload
            for identity, upload in uploads.items()
            if identity not in known and upload.name not in before
        }
        listed = self._runtime.listed_uploads.taken(earlier, new.values())
        new = {identity: upload for identity, upload in new.items() if upload not in listed}
        changes = [self._table.delete(INBOX, item["sk"], EXISTING) for item, _ in items]
        units: list[str] = []
        if new:
            group_of = self._runtime.grouping.group_of
            rows = sorted(
                ((group_of(upload.key), upload) for upload in new.values()),
                key=lambda row: (row[0], row[1].key.encode(), row[1].sequencer, row[1].replay),
            )
            self._runtime.go_on_after(earlier.latest)
            received = int(items[0][0]["sk"].partition("#")[0]) // 1000
            members, created = self._runtime.units.create(items[0][0]["bucket"], rows, received=received)
            units = [unit for unit, _, _ in members]
            changes += [*created, *(self._table.put(SEALED, unit, {"cursor": 0}, NEW) for unit in units)]
            changes += [*self._see(new, heads), earlier.follow(self._runtime, units[-1])]
        if self._table.transact(changes) is not None:
            return None
        return units

    def _identities(self, heads: Iterable[str]) -> set[bytes]:
        """Return the identities of the uploads with some heads that were sealed before."""
        known: set[bytes] = set()
        for head in heads:
            for item in self._table.query(f"{_SEEN}#{head}"):
                packed = item["identities"]
                known.update(
                    packed[start : start + _IDENTITY_BYTES] for start in range(0, len(packed), _IDENTITY_BYTES)
                )
        return known

    def _see(self, new: dict[bytes, Upload], heads: dict[tuple[str, str], dict[str, Any]]) -> list[Change]:
        """Return the changes that remember uploads, if their heads are unchanged."""
        by_head: defaultdict[str, list[bytes]] = defaultdict(list)
        for identity, upload in new.items():
            by_head[upload.head].append(identity)
        expires = self._runtime.seconds() + KEPT_FOR_SECONDS
        changes = []
        for head, identities in by_head.items():
            version, found = self._runtime.new_id(), heads.get((_SEEN, head))
            fields = {"version": version, "expires": expires}
            changes += [
                self._table.put(_SEEN, head, fields, NEW)
                if found is None
                else self._table.put(_SEEN, head, fields, "#version = :was", was=found["version"]),
                self._table.put(
                    f"{_SEEN}#{head}", version, {"identities": b"".join(sorted(identities)), "expires": expires}
                ),
            ]
        return changes
