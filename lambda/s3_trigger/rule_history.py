"""The filters that the trigger's rules have had, and since when, and so the buckets that uploads may be in.

A reconciliation takes what the rules would have sent when it was uploaded: a new prefix, or another bucket, starts no
jobs for what has been there for days. Uploads that wait in the queue may be in a bucket that the trigger had before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from s3_trigger.dynamodb import NEW
from s3_trigger.object_filter import ObjectFilter
from s3_trigger.packing import pack, unpack

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

KEY = "rules", "history"
# The longest interval between two reconciliations, and the longest upload.
_KEPT_SECONDS = 37 * 24 * 3600
_ERAS_MAX = 50
# The dispatcher learns of other rules within a minute after their deployment, or two.
_LATE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Era:
    """A time during which the rules did not change. It ends when the next one starts.

    Attributes:
        since: its start, in seconds.
        bucket: the bucket of the rules.
        objects: their filter.
    """

    since: int
    bucket: str
    objects: ObjectFilter


@dataclass(frozen=True, slots=True)
class RuleHistory:
    """The rules that were deployed so far.

    Attributes:
        deployed: what the dispatcher was told about the rules when they were last read.
        eras: the times of different rules, the oldest first.
        buckets: all buckets that the trigger has had.
        version: a text that each change of the record replaces; empty if there is none.
    """

    deployed: str = ""
    eras: tuple[Era, ...] = ()
    buckets: frozenset[str] = field(default_factory=frozenset)
    version: str = ""

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> RuleHistory:
        """Return the history of a record; an empty one if there is none."""
        if item is None:
            return cls()
        eras = (Era(since, bucket, ObjectFilter(tuple(found))) for since, bucket, found in unpack(item["eras"]))
        return cls(item["deployed"], tuple(eras), frozenset(json.loads(item["buckets"])), item["version"])

    @classmethod
    def read(cls, runtime: Runtime) -> RuleHistory:
        """Return the history so far."""
        return cls.from_item(runtime.table.get(*KEY))

    def follow(self, runtime: Runtime, deployed: str, objects: ObjectFilter, since: int | None = None) -> RuleHistory:
        """Record other rules, if their filter is another one; return the history afterwards.

        Whoever is slower than another dispatcher changes nothing: both have read the same rules.

        Args:
            runtime: the function's runtime.
            deployed: what the dispatcher was told about the rules.
            objects: the filter of the rules.
            since: the time from which they are in force, in seconds. Default: about now.
        """
        bucket, now = runtime.config.bucket, runtime.seconds()
        eras = self.eras
        if not eras or (eras[-1].bucket, eras[-1].objects.to_text()) != (bucket, objects.to_text()):
            eras = (*eras, Era(now - _LATE_SECONDS if since is None else since, bucket, objects))
        # Those alone that were over so long ago are of no use, as the next one follows each.
        first = max((index for index, era in enumerate(eras) if era.since <= now - _KEPT_SECONDS), default=0)
        to = replace(
            self,
            deployed=deployed,
            eras=eras[first:][-_ERAS_MAX:],
            buckets=self.buckets | {bucket},
            version=runtime.new_id(),
        )
        condition, values = ("#version = :was", {"was": self.version}) if self.version else (NEW, {})
        runtime.table.apply(runtime.table.put(*KEY, to.to_fields(), condition, **values))
        return to

    def sent(self, bucket: str, key: str, size: int, at: int) -> bool:
        """Return whether the rules of a time would have sent an upload of that time."""
        era = next((era for era in reversed(self.eras) if era.since <= at), None)
        return era is not None and era.bucket == bucket and era.objects.matches(key, size)

    def to_fields(self) -> dict[str, Any]:
        """Return the fields of its record."""
        return {
            "deployed": self.deployed,
            "eras": pack([[era.since, era.bucket, era.objects.patterns] for era in self.eras]),
            "buckets": json.dumps(sorted(self.buckets)),
            "version": self.version,
        }
