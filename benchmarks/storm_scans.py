"""Storms of listings: a backfill during uploads, and reconciliations after lost events."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from benchmarks.storm_uploads import PUTTING_THREADS, Storm
from s3_trigger.config import Config
from s3_trigger.runtime import Runtime
from s3_trigger.scan_requests import answer_request

# Of the objects of a backfill, one in so many is uploaded while it runs, and those of one folder in so many have an
# event then.
UPLOADED_MEANWHILE, ALSO_REPORTED = 10, 5
# The parts of the objects after which the backfill is stopped, and all dispatchers are killed.
STOPPED_AT, KILLED_AT = 0.2, (0.4, 0.7)
STOPPED_SECONDS = 3


class VersionedStorm(Storm):
    """A storm on a bucket with versions, whose events are those of real uploads."""

    def __init__(self, uploads: int, settings: dict[str, Any]) -> None:
        super().__init__(uploads, settings)
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.keys = [f"in/{number // 1000:03}/{number:06}.csv" for number in range(uploads)]
        self.deleted = set()
        self._peak_kibibytes = 0

    def attend(self, dispatchers: Sequence[BaseProcess]) -> None:
        """Note the memory of the dispatchers."""
        for process in dispatchers:
            status = Path(f"/proc/{process.pid}/status")
            if process.is_alive() and status.exists():
                lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
                self._peak_kibibytes = max(self._peak_kibibytes, int(lines.get("VmHWM", "0 kB").split()[0]))

    def report(self) -> str:
        """Return the peak memory of a dispatcher."""
        return f", peak memory of a dispatcher {self._peak_kibibytes / 1024:.0f} MiB"

    def _put(self, numbers: Sequence[int]) -> list[str]:
        """Put objects, and return the events that S3 would send."""

        def put(number: int) -> str:
            answer = self.s3.put_object(Bucket=self.bucket, Key=self.keys[number], Body=b"x")
            uploaded = {
                "key": self.keys[number],
                "size": 1,
                "etag": answer["ETag"].strip('"'),
                "version-id": answer["VersionId"],
                "sequencer": f"00{int(time.time()):08X}{number:08X}",
            }
            detail = {"bucket": {"name": self.bucket}, "object": uploaded}
            sent = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            event = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail, "time": sent}
            return json.dumps(event)

        with ThreadPoolExecutor(PUTTING_THREADS) as pool:
            return list(pool.map(put, numbers))

    def _scan(self, kind: str) -> dict[str, Any]:
        """Return the record of a scan; an empty one if there is none."""
        key = {"pk": {"S": "scan"}, "sk": {"S": kind}}
        item = self.dynamodb.get_item(TableName=self.settings["table"], Key=key, ConsistentRead=True).get("Item", {})
        return {name: next(iter(value.values())) for name, value in item.items()}


class BackfillStorm(VersionedStorm):
    """A backfill that is stopped, killed and resumed, while uploads go on, some of them of objects that it finds."""

    def put(self) -> float:
        """Put the objects that are there before the backfill."""
        before = self.uploads - self.uploads // UPLOADED_MEANWHILE
        self._meanwhile = range(before, self.uploads)
        started = time.monotonic()
        events = self._put(range(before))
        seconds = time.monotonic() - started
        # Whole folders: a job's objects that are far apart take a request each, in which a function may be killed.
        self._late = [event for number, event in enumerate(events) if number // 1000 % ALSO_REPORTED == 0]
        self._runtime = Runtime(Config.from_settings(self.settings))
        time.sleep(1)  # objects have the second of their upload
        self._request("start", concurrency=8)
        self._kills, self._is_stopped, self._resumes_at = list(KILLED_AT), False, 0.0
        self._interruptions = 0
        return seconds

    def draw(self, duplicated: float) -> int:
        """Draw the events that arrive during the backfill; return their number."""
        late = [event for event in self._late for _ in range(1 + (random.random() < duplicated))]  # noqa: S311
        random.shuffle(late)
        self._unsent = [late[start : start + 10] for start in range(0, len(late), 10)]
        return len(late) + len(self._meanwhile)

    def send(self) -> None:
        """Upload further objects, and send their events and the late ones."""
        numbers = list(self._meanwhile)
        for start in range(0, len(numbers), 100):
            events = self._put(numbers[start : start + 100])
            self._unsent += [events[first : first + 10] for first in range(0, len(events), 10)]
        super().send()

    def attend(self, dispatchers: Sequence[BaseProcess]) -> None:
        """Stop and resume the backfill, and kill all dispatchers, at certain points of it."""
        super().attend(dispatchers)
        scan = self._scan("backfill")
        progress = int(scan.get("listed", 0)) / self.uploads
        if self._resumes_at and time.monotonic() > self._resumes_at:
            self._resumes_at = 0.0
            self._request("resume")
        elif not self._is_stopped and progress >= STOPPED_AT and scan["status"] == "RUNNING":
            self._request("stop")
            self._is_stopped, self._resumes_at = True, time.monotonic() + STOPPED_SECONDS
        elif self._kills and progress >= self._kills[0]:
            del self._kills[0]
            for process in dispatchers:
                process.kill()
            self._interruptions += 1

    def is_over(self) -> bool:
        """Check that the backfill is over, too."""
        return super().is_over() and self._scan("backfill").get("status") == "DONE"

    def report(self) -> str:
        """Return how the backfill went."""
        scan = self._scan("backfill")
        return (
            f", the backfill took {int(scan['taken']):,} and knew {int(scan['known']):,} of {int(scan['listed']):,} "
            f"objects, was stopped {int(self._is_stopped)} times and killed {self._interruptions} times besides"
            f"{super().report()}"
        )

    def _request(self, action: str, **parameters: object) -> None:
        refused = answer_request(self._runtime, {"action": action, **parameters})["refused"]
        assert not refused, refused


class LostEventsStorm(VersionedStorm):
    """Uploads of which every tenth has no event."""

    def put(self) -> float:
        """Put the objects."""
        self.minute["reconcile"] = 10
        started = time.monotonic()
        self._events = self._put(range(self.uploads))
        self._put_until = time.time()
        return time.monotonic() - started

    def draw(self, duplicated: float) -> int:
        """Draw the events that arrive; return their number."""
        kept = [event for number, event in enumerate(self._events) if number % 10]
        sent = [event for event in kept for _ in range(1 + (random.random() < duplicated))]  # noqa: S311
        random.shuffle(sent)
        self._unsent = [sent[start : start + 10] for start in range(0, len(sent), 10)]
        return len(sent)

    def is_over(self) -> bool:
        """Check that a reconciliation has looked at everything, too."""
        scan = self._scan("reconciliation")
        is_complete = scan.get("status") == "DONE" and int(scan["until"]) > self._put_until + 1
        return super().is_over() and is_complete

    def report(self) -> str:
        """Return the number of events that were lost."""
        return f", {len(self._events[::10]):,} events were lost{super().report()}"
