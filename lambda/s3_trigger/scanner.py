"""The scanner: it lists the bucket, compares with the ledger, and seals what nobody has taken.

A seal of listed objects is one transaction: it creates their unit, records the stretch of keys for the events that come
later, and moves the scan's marker on. So a scanner may be killed or stopped at any point, and several may work at the
same time: each object is taken once, and a scan goes on where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from s3_trigger.dynamodb import NEW
from s3_trigger.known_uploads import MEMORABLE, KnownUploads
from s3_trigger.listed_uploads import stretch
from s3_trigger.messages import Upload, digest, is_version, listed_sequencer, mark_of
from s3_trigger.object_filter import ObjectFilter
from s3_trigger.packing import pack, unpack
from s3_trigger.rule_history import RuleHistory
from s3_trigger.runs import KEPT_FOR_SECONDS
from s3_trigger.scans import DONE, FAILED, RECONCILIATION, RUNNING, Scan, ScanPlan, Scans
from s3_trigger.sealing import SEALED
from s3_trigger.seals import Seals

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

SEALED_TOGETHER = 1000
LEASE_SECONDS = 120
# An event arrives within seconds; a reconciliation leaves it this time.
GRACE_SECONDS = 15 * 60
# The modification of an object that is uploaded in parts is the start of its upload, and buckets that this library
# creates abort an upload that takes longer: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
UPLOADING_SECONDS = 7 * 24 * 3600
_PAGE, _PAGE_MIN = 1000, 100
# A scan that takes nothing is recorded after so many pages.
_PAGES_TOGETHER = 20
_GROUPS_MAX = 5000
_LOST_RACES = 5


@dataclass(frozen=True, slots=True)
class Listed:
    """An object that a listing shows.

    Attributes:
        key: its key.
        mark: its mark.
        modified: the time of its last modification, in seconds.
        size: its size in bytes.
        is_version: whether its version identifies the upload.
    """

    key: str
    mark: bytes
    modified: int
    size: int
    is_version: bool


@dataclass
class _Read:
    """A part of a listing that was read at a time.

    Attributes:
        scan: the scan with the counts and the marker after it, and without the objects to take.
        candidates: the objects to take if they are not known.
        listed: the time at which the latest page was complete, in seconds.
        is_over: whether the listing is over.
    """

    scan: Scan
    candidates: list[Listed] = field(default_factory=list)
    listed: int = 0
    is_over: bool = False


class Scanner:
    """The work of scans.

    Args:
        runtime: the function's runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._table = runtime.table
        self._scans = Scans(runtime)
        self._known: tuple[str, int, KnownUploads] | None = None
        self._units: list[str] = []
        self._history = RuleHistory()
        self._objects: ObjectFilter | None = None

    def scan(self, plan: ScanPlan, has_time: Callable[[], bool], between: Callable[[list[str]], None]) -> None:
        """Advance the scans that run, as long as there is time, and room for executions.

        Args:
            plan: the parameters of scans.
            has_time: a function that returns whether there is time for another step.
            between: a function that is called after each step with the units that it has sealed. It seals the inbox,
                too: each step makes all others who seal at the time repeat their work.
        """
        scans, self._history = self._scans.all()
        # An earlier version's rule of every minute names no rules.
        if not plan.rules:
            return
        self._objects = None
        self._follow(plan, scans.get(RECONCILIATION))
        if plan.reconcile:
            scans[RECONCILIATION] = self._due(scans.get(RECONCILIATION), plan)
        running = [scan for scan in scans.values() if scan.status == RUNNING]
        if not running or not self._runtime.upgrade.may_scan():
            return
        objects = self._filter(plan)
        for scan in running:
            if scan.lease <= self._runtime.seconds():
                self._advance(scan, objects, has_time, between)

    def _filter(self, plan: ScanPlan) -> ObjectFilter:
        """Return the filter of the rules, as they are deployed.

        See: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeRule.html
        """
        if self._objects is None:
            rules = (self._runtime.events.describe_rule(Name=name) for name in plan.rules)
            self._objects = ObjectFilter.of_rules((rule["EventPattern"] for rule in rules), self._runtime.config.bucket)
        return self._objects

    def _follow(self, plan: ScanPlan, last: Scan | None) -> None:
        """Record the filter of the rules if they were deployed with another one."""
        deployed = digest(self._runtime.config.bucket, plan.pattern, str(plan.disabled), *plan.rules)
        if self._history.deployed == deployed:
            return
        try:
            objects, since = ObjectFilter(()) if plan.disabled else self._filter(plan), None
        except (ClientError, ValueError):
            # In the middle of a deployment. What needs the rules reads them itself, and fails if it cannot.
            self._runtime.logger.warning("the next minute reads the rules again", exc_info=True)
            return
        if not self._history.eras:
            # Rules are as old as the trigger, unless an earlier version has recorded that they were others.
            is_other = last is not None and last.filter != self._described(objects)
            since = last.started if last is not None and is_other else self._table.created()
        self._history = self._history.follow(self._runtime, deployed, objects, since)

    def _described(self, objects: ObjectFilter) -> str:
        """Return what identifies the bucket and its objects that a scan lists."""
        return digest(self._runtime.config.bucket, objects.to_text())

    def _due(self, last: Scan | None, plan: ScanPlan) -> Scan:
        """Return the last reconciliation, or the next one if it is due.

        One that runs while the rules change is replaced: it has looked at other keys.
        """
        now, config = self._runtime.seconds(), self._runtime.config
        if last is not None:
            is_obsolete = last.status == RUNNING and last.filter != self._described(self._filter(plan))
            if not is_obsolete and (last.status == RUNNING or now < last.started + plan.reconcile):
                return last
        scan = Scan(
            kind=RECONCILIATION,
            id=self._runtime.new_id(),
            started=now,
            updated=now,
            # Not what was uploaded before there was a trigger.
            since=max(self._table.created(), now - plan.reconcile - UPLOADING_SECONDS),
            until=now - GRACE_SECONDS,
            concurrency=config.max_concurrent_jobs or 1000,
            filter=self._described(self._filter(plan)),
        )
        return self._scans.put(last, scan) or replace(scan, status=DONE)

    def _advance(
        self, scan: Scan, objects: ObjectFilter, has_time: Callable[[], bool], between: Callable[[list[str]], None]
    ) -> None:
        described = self._described(objects)
        if scan.filter not in ("", described):
            reason = (
                "the bucket or the objects of the trigger were changed by a deployment; start another backfill, which "
                "takes what this one has not taken"
            )
            self._scans.put(scan, replace(scan, status=FAILED, reason=reason, lease=0))
            return
        current: Scan | None = scan
        while current is not None and current.status == RUNNING:
            room = SEALED_TOGETHER if current.dry else self._room(current)
            if self._has_failed(current):
                reason = f"more than {scan.tolerated} objects have failed since its start"
                self._scans.put(current, replace(current, status=FAILED, reason=reason, lease=0))
                return
            if not has_time() or room <= 0:
                if current.lease:
                    self._scans.put(current, replace(current, lease=0))
                return
            if not current.lease:
                lease = self._runtime.seconds() + LEASE_SECONDS
                current = self._scans.put(current, replace(current, lease=lease, filter=described))
            if current is not None:
                self._units = []
                current = self._step(current, objects, room)
                between(self._units)
        self._known = None

    def _room(self, scan: Scan) -> int:
        """Return the number of objects that may be taken now."""
        free = scan.concurrency - self._runtime.runs.unfinished(scan.concurrency)
        return min(free * self._runtime.config.batch_size, SEALED_TOGETHER)

    def _has_failed(self, scan: Scan) -> bool:
        return scan.tolerated >= 0 and self._runtime.runs.failed() - scan.failed_before > scan.tolerated

    def _step(self, scan: Scan, objects: ObjectFilter, room: int) -> Scan | None:
        """Take some more objects; return the scan afterwards, and None when somebody else has changed it."""
        seals = Seals.read(self._runtime)
        scan, known = self._remember(scan, seals)
        read = self._read(scan, objects, known, room)
        for _ in range(_LOST_RACES):
            fresh = [one for one in read.candidates if scan.again or not self._is_known(known, one)]
            to = self._counted(read, fresh)
            if not fresh or scan.dry:
                return self._scans.put(scan, to)
            refused, to = self._seal(scan, to, read, fresh, seals)
            if not refused:
                return to
            if 0 in refused:
                return None  # the scan's record
            seals = Seals.read(self._runtime)
            known.read(seals.latest)
        return self._scans.put(scan, replace(scan, lease=self._runtime.seconds() + LEASE_SECONDS))

    def _seal(
        self, scan: Scan, to: Scan, read: _Read, fresh: list[Listed], seals: Seals
    ) -> tuple[set[int] | None, Scan]:
        """Seal objects; return the numbers of the changes that were refused, if any, and the scan afterwards."""
        known = self._known
        assert known is not None  # noqa: S101 - `_remember` was called
        uploads = [self._upload(scan, one, known[2]) for one in fresh]
        group_of = self._runtime.grouping.group_of
        rows = sorted(((group_of(one.key), one) for one in uploads), key=lambda row: (row[0], row[1].key.encode()))
        self._runtime.go_on_after(seals.latest)
        members, created = self._runtime.units.create(
            self._runtime.config.bucket, rows, received=self._runtime.seconds()
        )
        units = [unit for unit, _, _ in members]
        to, recorded = self._scans.change(scan, to)
        changes = [recorded, *created, *(self._table.put(SEALED, unit, {"cursor": 0}, NEW) for unit in units)]
        listings = dict(seals.listings)
        if once := [upload for upload in uploads if not upload.replay]:
            oldest = self._runtime.seconds() - KEPT_FOR_SECONDS
            listings = {name: time for name, time in listings.items() if time >= oldest}
            listings[scan.partition] = read.listed
            changes.append(stretch(self._runtime, scan.partition, once, read.listed))
        changes.append(seals.follow(self._runtime, units[-1], listings))
        refused = self._table.transact(changes)
        if refused is None:
            self._units = units
        return refused, to

    def _upload(self, scan: Scan, one: Listed, known: KnownUploads) -> Upload:
        bucket = self._runtime.config.bucket
        is_repeated = scan.again and (self._is_known(known, one) or _is_forgotten(scan, one))
        sequencer = listed_sequencer(bucket, one.key, one.mark, one.modified)
        return Upload(bucket, one.key, sequencer, scan.id if is_repeated else "", one.mark)

    @staticmethod
    def _is_known(known: KnownUploads, one: Listed) -> bool:
        return known.has(one.key, one.mark, one.modified, is_version=one.is_version)

    def _remember(self, scan: Scan, seals: Seals) -> tuple[Scan, KnownUploads]:
        """Read what was sealed since the scan's beginning; divide it where it is too much for the memory."""
        while True:
            if self._known is None or self._known[:2] != (scan.id, scan.part) or self._known[2].parts != scan.parts:
                self._known = scan.id, scan.part, KnownUploads(self._runtime, scan.since, scan.parts, scan.part)
            known = self._known[2]
            if known.read(seals.latest, None if scan.marker or scan.part else MEMORABLE):
                return scan, known
            self._known = None
            scan = replace(scan, parts=2 * scan.parts)

    def _read(self, scan: Scan, objects: ObjectFilter, known: KnownUploads, room: int) -> _Read:
        """Read the listing on until there is enough to take, or for some pages."""
        counts: Counter[str] = Counter()
        read, marker = _Read(scan), scan.marker
        for listed, key in self._listed(objects.prefixes(scan.within), marker, room, read, counts):
            marker = key
            if listed is None or not known.has_part(key):
                continue
            counts["listed"] += 1
            if not (scan.since <= listed.modified < scan.until and self._is_wanted(scan, objects, listed)):
                continue
            if key.endswith("/"):
                counts["folders"] += 1
                continue
            counts["matched"] += 1
            if scan.again or not self._is_known(known, listed):
                if _is_forgotten(scan, listed) and not scan.again:
                    counts["forgotten"] += 1
                    continue
                read.candidates.append(listed)
                if len(read.candidates) == room:
                    break
            else:
                counts["known"] += 1
        else:
            read.is_over = counts["pages"] < _PAGES_TOGETHER
        totals = {name: getattr(scan, name) + count for name, count in counts.items()}
        read.scan = replace(scan, marker=marker, **totals)
        return read

    def _is_wanted(self, scan: Scan, objects: ObjectFilter, listed: Listed) -> bool:
        """Check whether the rules send an object, and for a reconciliation whether they did when it was uploaded."""
        return objects.matches(listed.key, listed.size) and (
            scan.kind != RECONCILIATION
            or self._history.sent(self._runtime.config.bucket, listed.key, listed.size, listed.modified)
        )

    def _listed(
        self, prefixes: list[str], marker: str, room: int, read: _Read, counts: Counter[str]
    ) -> Iterator[tuple[Listed | None, str]]:
        """Yield the current version of each object after a key, in the order of keys; None for an earlier version.

        See: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
        """
        s3, bucket = self._runtime.s3, self._runtime.config.bucket
        for prefix in prefixes:
            if marker.encode() > prefix.encode() and not marker.startswith(prefix):
                continue  # it is over
            after = marker if marker.startswith(prefix) else ""
            version = ""
            while True:
                if counts["pages"] == _PAGES_TOGETHER:
                    return
                options: dict[str, Any] = {"KeyMarker": after} if after else {}
                options |= {"VersionIdMarker": version} if version else {}
                answer = s3.list_object_versions(
                    Bucket=bucket,
                    Prefix=prefix,
                    MaxKeys=min(_PAGE, max(_PAGE_MIN, 2 * room)),
                    **options,
                )
                counts["pages"] += 1
                read.listed = self._runtime.seconds()
                for one in answer.get("Versions", ()):
                    if one["IsLatest"] and one["Key"].encode() > after.encode():
                        mark, modified = mark_of(one["VersionId"], one["ETag"]), int(one["LastModified"].timestamp())
                        found = Listed(one["Key"], mark, modified, one["Size"], is_version(one["VersionId"]))
                        yield found, found.key
                if not answer["IsTruncated"]:
                    break
                # The current version of a key is its first one, so the rest of the last key need not be listed; the
                # version tells where to go on if the key is listed again nevertheless.
                everything = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
                last = max(one["Key"].encode() for one in everything).decode()
                version = answer["NextVersionIdMarker"] if last == after else ""
                after = last
                yield None, after

    def _counted(self, read: _Read, fresh: list[Listed]) -> Scan:
        """Return a scan that has taken some of what was read."""
        scan, now = read.scan, self._runtime.seconds()
        to = replace(
            scan,
            updated=now,
            lease=now + LEASE_SECONDS,
            known=scan.known + len(read.candidates) - len(fresh),
            taken=scan.taken + len(fresh),
            taken_bytes=scan.taken_bytes + sum(one.size for one in fresh),
        )
        if scan.dry:
            to = self._with_jobs(to, fresh)
        if not read.is_over:
            return to
        if scan.part + 1 < scan.parts:
            return replace(to, part=scan.part + 1, marker="")
        jobs = to.jobs + sum(1 for count in _open_groups(to).values() if count)
        return replace(to, status=DONE, lease=0, jobs=jobs, groups=b"")

    def _with_jobs(self, scan: Scan, fresh: list[Listed]) -> Scan:
        """Return a dry run with the batches that some more objects fill."""
        size, jobs, groups = self._runtime.config.batch_size, scan.jobs, _open_groups(scan)
        for one in fresh:
            group = digest(self._runtime.grouping.group_of(one.key))[:16]
            groups[group] = (groups[group] + 1) % size
            jobs += not groups[group]
        if len(groups) > _GROUPS_MAX:
            jobs, groups = jobs + sum(1 for count in groups.values() if count), Counter()
        return replace(scan, jobs=jobs, groups=pack(groups))


def _open_groups(scan: Scan) -> Counter[str]:
    return Counter(unpack(scan.groups) if scan.groups else {})


def _is_forgotten(scan: Scan, one: Listed) -> bool:
    """Check whether the ledger was there when an object was uploaded, and has forgotten what was uploaded then."""
    return scan.forgotten_since <= one.modified < scan.forgotten_until
