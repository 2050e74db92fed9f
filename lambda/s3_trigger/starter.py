"""The start of a run's executions. Every step may be repeated, by this dispatcher or by another one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from s3_trigger import manifest
from s3_trigger.errors import is_transient
from s3_trigger.executions import has_started, start_once
from s3_trigger.index_set import IndexSet
from s3_trigger.messages import Upload
from s3_trigger.object_lookup import Found, look_up
from s3_trigger.outbox import MISSING_REASON, Notice, publish
from s3_trigger.packing import pack, unpack
from s3_trigger.runs import BATCH, EMPTY, ENDED, NO_INDEXES, NOTICES_MAX, SET_ASIDE, Run
from s3_trigger.sources import manifest_source, source_of
from s3_trigger.units import Members

if TYPE_CHECKING:
    from s3_trigger.dynamodb import Change
    from s3_trigger.runtime import Runtime

# The failures after which a run is not tried again: of a kind that repetition cannot mend, and of any other.
ATTEMPTS_MAX = 5
TRANSIENT_SECONDS = 24 * 3600
# An event reports the end of an execution; only executions that have run for a while are asked for theirs.
RECONCILED_SECONDS = 60
_BACKOFF_SECONDS, _BACKOFF_MAX_SECONDS = 60, 600
_THREADS = 16
# A check of so many keys is recorded, so that another attempt need not repeat it.
_CHECKPOINT_KEYS = 5000


class OutOfTimeError(Exception):
    """The end of an attempt whose function has too little time left; the next attempt goes on where it stopped."""


class Starter:
    """The work of starting runs.

    Args:
        runtime: the function's runtime.
        has_time: a function that returns whether there is time for another step.
        reconciled_seconds: the age from which a started execution is asked for its end.
    """

    def __init__(
        self, runtime: Runtime, has_time: Callable[[], bool], *, reconciled_seconds: float = RECONCILED_SECONDS
    ) -> None:
        self._runtime = runtime
        self._config = runtime.config
        self._runs = runtime.runs
        self._has_time = has_time
        self._reconciled_seconds = int(reconciled_seconds)

    def start(self, run: Run) -> None:
        """Start the executions of a run that has slots.

        Raises:
            OutOfTimeError: there is too little time left.
            Exception: the run could not be started; the failure is recorded, and a later attempt goes on.
        """
        try:
            if run.kind == BATCH:
                self._start_batch(run)
            else:
                self._start_each(run)
        except OutOfTimeError:
            self._postpone(run, seconds=0, attempts=run.attempts - 1, reason=run.reason)
            raise
        except Exception as error:
            self._record_failure(run, error)
            raise

    def _start_batch(self, run: Run) -> None:
        decided = run if run.input else self._decide(run)
        if decided is None:
            return  # another dispatcher has decided, or the run has no object
        if start_once(self._runtime, decided.state_machine, decided.name, json.loads(decided.input)):
            self._runtime.logger.info("started", extra={"run": run.name, "objects": decided.objects})

    def _decide(self, run: Run) -> Run | None:
        """Decide for good which objects a run has, and on the input of its execution."""
        uploads = self._runtime.units.sorted_uploads(run.members)
        missing = self._missing(run, uploads)
        there = [upload for upload in uploads if upload.key not in missing]
        gone = [upload for upload in uploads if upload.key in missing]
        changes: list[Change] = []
        members = self._stored(run, there) if gone else run.members
        if gone:
            aside = replace(run.again(self._stored(run, gone)), status=SET_ASIDE, version=self._runtime.new_id())
            notice = Notice(run=aside, members=aside.members, next_step="SET_ASIDE", reason=MISSING_REASON)
            changes = [self._runs.put_ended(aside), *notice.to_changes_of_unstarted(self._runtime)]
        if not there:
            self._advance(run, replace(run, status=EMPTY), changes)
            return None
        # A name for this attempt alone: two dispatchers may find different objects missing, and one decides.
        target = (
            self._config.manifest_bucket,
            f"{self._config.manifest_prefix}/{run.name}/{self._runtime.new_id()}.json",
        )
        keys = list(dict.fromkeys(upload.key for upload in there))
        manifest.write(self._runtime.s3, target, (run.bucket, run.root), keys)
        execution_input = {
            "batch": run.origin,
            "bucket": run.bucket,
            "group": run.group or "-",
            "objects": len(keys),
            "trigger": self._config.trigger,
            **manifest_source(target),
        }
        decided = replace(
            run,
            members=members,
            state_machine=self._config.state_machine_arn,
            input=json.dumps(execution_input, sort_keys=True),
            lease=self._runtime.seconds() + self._reconciled_seconds,
        )
        return self._advance(run, decided, changes)

    def _missing(self, run: Run, uploads: list[Upload]) -> set[str]:
        """Return the keys of a run that have no object; go on where an earlier attempt stopped."""
        table, partition = self._runtime.table, f"run#{run.name}"
        keys = list(dict.fromkeys(upload.key for upload in uploads))
        checked, missing = 0, set[str]()
        is_large = len(keys) > _CHECKPOINT_KEYS
        if is_large and (item := table.get(partition, "checked")) is not None:
            checked = item["count"]
            missing = {keys[index] for index in IndexSet.parse(unpack(item["missing"]))}
        for start in range(checked, len(keys), _CHECKPOINT_KEYS):
            part = keys[start : start + _CHECKPOINT_KEYS]
            missing |= {key for key, found in zip(part, self._look_up(run, part), strict=True) if not found.exists}
            if is_large:
                indexes = IndexSet.of(index for index, key in enumerate(keys) if key in missing)
                fields = {
                    "count": start + len(part),
                    "missing": pack(str(indexes)),
                    "expires": self._runtime.seconds() + TRANSIENT_SECONDS,
                }
                table.apply(table.put(partition, "checked", fields))
                if not self._has_time():
                    raise OutOfTimeError
        return missing

    def _stored(self, run: Run, uploads: list[Upload]) -> Members:
        """Return the members that are some uploads of a run, as rows of new units."""
        return self._runtime.units.store(run.bucket, ((run.group, upload) for upload in uploads))

    def _start_each(self, run: Run) -> None:
        """Start an execution for each member that has none yet, and record which have one."""
        uploads = list(self._runtime.units.uploads(run.members))
        pending = sorted(run.pending, key=lambda index: uploads[index].key.encode())
        keys = list(dict.fromkeys(uploads[index].key for index in pending))
        found = dict(zip(keys, self._look_up(run, keys, alone=True), strict=True))
        errors: list[Exception] = []
        missing: list[int] = []
        started: list[int] = []

        def start(index: int) -> None:
            try:
                has_started = self._start_single(run, uploads[index], found[uploads[index].key])
                (started if has_started else missing).append(index)
            except Exception as error:  # noqa: BLE001 - the others go on, and the first error is raised below
                errors.append(error)

        with self._runtime.pool(_THREADS) as pool:
            list(pool.map(start, pending))
        self._record_started(run, uploads, IndexSet.of(started), IndexSet.of(missing))
        if errors:
            raise errors[0]

    def _start_single(self, run: Run, upload: Upload, found: Found) -> bool:
        """Start the execution of an upload; return False when its object is missing and it was never started."""
        state_machine = run.state_machine or self._config.state_machine_arn
        if not found.exists:
            # The job, or somebody after it, may have deleted the object.
            return has_started(self._runtime, state_machine, upload.name, _identity(upload))
        execution_input = {
            **_identity(upload),
            "run": run.name,
            "trigger": self._config.trigger,
            **source_of(self._runtime, upload, is_alone=found.is_alone),
        }
        start_once(self._runtime, state_machine, upload.name, execution_input)
        return True

    def _record_started(self, run: Run, uploads: list[Upload], started: IndexSet, missing: IndexSet) -> None:
        """Record the members whose executions have started; some may have ended meanwhile, and are not pending."""
        current: Run | None = run
        while current is not None:
            some = _first(current.pending.both(missing))
            notices = self._set_aside(current, uploads, some, MISSING_REASON)
            to = replace(
                current,
                pending=current.pending.without(started).without(some),
                outstanding=current.outstanding.union(current.pending.both(started)),
                lease=self._runtime.seconds() + self._reconciled_seconds,
            )
            if not to.weight:
                to = replace(to, status=ENDED)
            advanced = self._advance(current, to, notices)
            if advanced is not None and not advanced.pending.both(missing):
                return
            current = advanced or self._runs.active_ones([run.name]).get(run.name)

    def _record_failure(self, run: Run, error: Exception) -> None:
        """Record that a run could not be started; set aside what has failed too often, and free its slots."""
        current = self._runs.active_ones([run.name]).get(run.name)
        if current is None or (current.attempts, current.claimed) != (run.attempts, run.claimed):
            return  # another dispatcher is working on it
        reason = f"{type(error).__name__}: {error}"
        age = self._runtime.seconds() - current.claimed
        if is_transient(error) and age < TRANSIENT_SECONDS:
            self._postpone(run, seconds=_BACKOFF_SECONDS, attempts=current.attempts - 1, reason=reason)
        elif current.attempts < ATTEMPTS_MAX:
            seconds = min(_BACKOFF_SECONDS * 2 ** (current.attempts - 1), _BACKOFF_MAX_SECONDS)
            self._postpone(run, seconds=seconds, attempts=current.attempts, reason=reason)
        else:
            self.give_up(current, reason)

    def give_up(self, run: Run, reason: str, *, may_exist: bool = True) -> None:
        """Send the members of a run that were not started to the dead-letter queue, and free their slots.

        Args:
            run: the run.
            reason: the reason.
            may_exist: whether an attempt may have started an execution whose answer was lost.
        """
        reason = f"the execution could not be started: {reason}" if may_exist else reason
        if run.kind == BATCH:
            if (
                may_exist
                and run.input
                and has_started(self._runtime, run.state_machine, run.name, json.loads(run.input))
            ):
                self._postpone(run, seconds=self._reconciled_seconds, attempts=0, reason=reason)
                return  # an attempt has started it, but the answer was lost
            notice = Notice(run=run, members=run.members, next_step="SET_ASIDE", reason=reason)
            to = replace(run, status=SET_ASIDE, reason=reason)
            self._advance(run, to, notice.to_changes_of_unstarted(self._runtime), failed=run.objects)
            return
        try:
            uploads = list(self._runtime.units.uploads(run.members))
        except LookupError:
            # Nobody can tell which executions the run has; it ends, and its dead letter names the run.
            notice = Notice(run=run, members=run.members, next_step="SET_ASIDE", reason=reason)
            to = replace(run, status=SET_ASIDE, reason=reason, pending=NO_INDEXES, outstanding=NO_INDEXES)
            self._advance(run, to, notice.to_changes_of_unstarted(self._runtime))
            return
        machine = run.state_machine or self._config.state_machine_arn
        started = IndexSet.of(
            index
            for index in (run.pending if may_exist else ())
            if has_started(self._runtime, machine, uploads[index].name, _identity(uploads[index]))
        )
        current: Run | None = run
        while current is not None:
            some = _first(current.pending.without(started))
            notices = self._set_aside(run, uploads, some, reason)
            pending = current.pending.without(started).without(some)
            to = replace(
                current,
                pending=pending,
                outstanding=current.outstanding.union(started),
                state_machine=machine,
                attempts=run.attempts if pending else 0,
            )
            to = to if to.weight else replace(to, status=ENDED)
            current = self._advance(current, to, notices, failed=len(some))
            if not pending:
                return

    def _set_aside(self, run: Run, uploads: list[Upload], indexes: IndexSet, reason: str) -> list[Change]:
        """Return the changes that report and remember uploads of a run that get no executions of their own."""
        notices = (
            Notice(run=run, members=run.member(index), next_step="SET_ASIDE", reason=reason, name=uploads[index].name)
            for index in indexes
        )
        return [change for notice in notices for change in notice.to_changes_of_unstarted(self._runtime)]

    def _postpone(self, run: Run, *, seconds: int, attempts: int, reason: str) -> None:
        """Schedule another attempt on a run after some seconds."""
        current = self._runs.active_ones([run.name]).get(run.name)
        if current is not None and current.claimed == run.claimed:
            lease = self._runtime.seconds() + seconds
            self._runs.advance(current, replace(current, lease=lease, attempts=attempts, reason=reason[:1000]))

    def _advance(self, run: Run, to: Run, changes: list[Change], *, failed: int = 0) -> Run | None:
        advanced = self._runs.advance(run, to, *changes, failed=failed)
        if advanced is not None:
            publish(self._runtime, changes)
        return advanced

    def _look_up(self, run: Run, keys: list[str], *, alone: bool = False) -> Iterator[Found]:
        return look_up(
            self._runtime.s3, run.bucket, keys, prefixes=self._config.prefixes, alone=alone, pool=self._runtime.pool
        )


def _identity(upload: Upload) -> dict[str, str]:
    """Return the fields of an input that identify an upload."""
    return {"bucket": upload.bucket, "key": upload.key, "sequencer": upload.sequencer}


def _first(indexes: IndexSet) -> IndexSet:
    """Return the first of some indexes, few enough for a transaction with a notice and a record for each."""
    return IndexSet.of(itertools.islice(indexes, NOTICES_MAX // 2))
