"""The local AWS with much output, many jobs, objects and messages, and with nothing to do.

Times are ratios to a baseline that is measured in the same run: the same thing with little, or the same rows in the
database alone. Memory and processor time are absolute.
"""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measurement import Measurement, Measurements
from smproc.local import LocalAws
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.ports import free_port

MEGABYTE = 2**20
LINE_BYTES = 110
PAGE = 10_000
FEW, MANY = 1000, 100_000
IDLE_SECONDS = 60
THREADS = 8
_QUIET_PERCENT = 3


class Server:
    """A local AWS, its process and its user."""

    def __init__(self, user: RunningLocalAws) -> None:
        self.user = user
        pid = user.aws.status().pid
        assert pid is not None
        self.process = psutil.Process(pid)

    def memory(self) -> float:
        """Return the resident megabytes."""
        return float(self.process.memory_info().rss / MEGABYTE)

    def processor_seconds(self) -> float:
        """Return the seconds of user and system time since the start."""
        return float(sum(self.process.cpu_times()[:2]))

    def settle(self) -> None:
        """Wait until the server has nothing to do, such as to save what was changed."""
        while self.process.cpu_percent(interval=2) > _QUIET_PERCENT:
            continue

    @contextlib.contextmanager
    def watched(self) -> Iterator[list[float]]:
        """Yield the highest memory, in megabytes, and the highest number of threads; complete at the end."""
        peak, ended = [self.memory(), float(self.process.num_threads())], threading.Event()

        def watch() -> None:
            while not ended.wait(0.1):
                peak[:] = max(peak[0], self.memory()), max(peak[1], float(self.process.num_threads()))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield peak
        finally:
            ended.set()
            watcher.join()


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Run a local AWS with an empty account."""
    with tempfile.TemporaryDirectory() as directory:
        aws = LocalAws(free_port(), state_dir=Path(directory) / "state", runner="process", enforce_iam=False)
        aws.start()
        user = RunningLocalAws(aws, "process")
        try:
            user.run("")
            yield Server(user)
        finally:
            user.close()
            aws.stop()


def measurements() -> Measurements:
    """Yield all figures."""
    yield from idle()
    yield from output(megabytes=100)
    yield from jobs(one_after_another=1000, at_once=200)
    yield from large_stores()


def seconds(operation: Callable[[], object]) -> float:
    """Return the duration of an operation."""
    start = time.perf_counter()
    operation()
    return time.perf_counter() - start


def median(operation: Callable[[], object], times: int = 15) -> float:
    """Return the median duration of an operation."""
    return statistics.median(seconds(operation) for _ in range(times))


def _ratio(what: str, value: float, baseline: str, of_baseline: float, most: float) -> Measurement:
    return Measurement(what=what, value=value, baseline=baseline, of_baseline=of_baseline, most=most)


def output(megabytes: int) -> Measurements:
    """Yield the figures of a job that prints much, and of what comes after it."""
    with server() as running:
        baseline_stop = seconds(running.user.aws.stop)
        running.user.aws.start()
    with server() as running:
        user = running.user
        before = running.memory()
        lines = megabytes * MEGABYTE // LINE_BYTES
        script = f"""
text = "x" * {LINE_BYTES - 11}
for start in range(0, {lines}, 1000):
    print("\\n".join(f"{{number:09}} {{text}}" for number in range(start, min(start + 1000, {lines}))))
"""
        with running.watched() as peak:
            name = user.create(user.request(script))
            user.wait(name, 1800)
        yield Measurement(
            what=f"memory added by a job that prints {megabytes} MB", value=peak[0] - before, unit="MB", most=60
        )
        stream = user.logs.describe_log_streams(logGroupName=user.log_group, logStreamNamePrefix=f"{name}/")
        names: Any = {"logGroupName": user.log_group, "logStreamName": stream["logStreams"][0]["logStreamName"]}
        rows = _database(lines)
        last_rows = "SELECT timestamp, message FROM events WHERE position >= ? ORDER BY position"
        page = median(lambda: user.logs.get_log_events(**names, limit=100), 9)
        alone = median(lambda: user.logs.get_log_events(**names, limit=100, startFromHead=True), 9)
        yield _ratio("the last 100 of its lines", page, "the first 100", alone, 2)
        page = median(lambda: user.logs.get_log_events(**names, limit=PAGE), 5)
        alone = median(lambda: rows.execute(last_rows, (lines - PAGE,)).fetchall(), 5)
        yield _ratio("10,000 of its lines by GetLogEvents", page, "the rows in SQLite alone", alone, 100)
        stop = seconds(user.aws.stop)
        yield _ratio("smproc local stop after it", stop, "of an empty server", baseline_stop, 3)
        user.aws.start()
        pid = user.aws.status().pid
        assert pid is not None
        more = psutil.Process(pid).memory_info().rss / MEGABYTE - before
        yield Measurement(what="memory that the next server has more", value=more, unit="MB", most=60)


def _database(lines: int) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, timestamp INTEGER, message TEXT)")
    text = "x" * LINE_BYTES
    database.executemany("INSERT INTO events VALUES (?, 1, ?)", ((at, text) for at in range(lines)))
    return database


def jobs(one_after_another: int, at_once: int) -> Measurements:
    """Yield the figures of many jobs."""
    with server() as running:
        user = running.user
        request = user.request("print('done')")
        tenth = one_after_another // 10
        tenths, memory = [], []
        for part in range(10):
            names = [f"one-{part}-{number}" for number in range(tenth)]

            def run_all(names: list[str] = names) -> None:
                for name in names:
                    user.create({**request, "ProcessingJobName": name})
                    user.wait(name)

            tenths.append(seconds(run_all))
            memory.append(running.memory())
        threads = running.process.num_threads()
        label = f"{one_after_another:,} jobs one after another: "
        yield _ratio(f"{label}the last tenth", tenths[-1], "the first tenth", tenths[0], 1.5)
        yield Measurement(
            what=f"{label}memory added after the first tenth", value=memory[-1] - memory[0], unit="MB", most=20
        )
        with running.watched() as peak:
            start = time.perf_counter()
            names = [user.create({**request, "ProcessingJobName": f"at-once-{number}"}) for number in range(at_once)]
            for name in names:
                user.wait(name, 900)
            each = (time.perf_counter() - start) / at_once
        label = f"{at_once} jobs at once: "
        yield _ratio(f"{label}each", each, "one after another", sum(tenths) / one_after_another, 1.5)
        yield Measurement(what=f"{label}memory added at the peak", value=peak[0] - memory[-1], unit="MB", most=200)
        user.until(running.process.num_threads, lambda now: now <= threads + 1, 60)
        left = running.process.num_threads() - threads
        yield Measurement(what=f"{label}threads left", value=left, unit="", most=1)
        yield Measurement(what=f"{label}memory left", value=running.memory() - memory[-1], unit="MB", most=120)


def large_stores() -> Measurements:
    """Yield the figures of a bucket with many objects and of a queue with many messages."""
    with server() as running:
        client = running.user.s3
        for bucket, count in (("few", FEW), ("many", MANY)):
            client.create_bucket(Bucket=bucket)
            keys = [f"in/{number:06}.csv" for number in range(count)]
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(lambda key, bucket=bucket: client.put_object(Bucket=bucket, Key=key), keys))
        few, many = (
            median(
                lambda bucket=bucket: client.list_objects_v2(Bucket=bucket, StartAfter=f"in/{FEW // 2:06}", MaxKeys=100)
            )
            for bucket in ("few", "many")
        )
        yield _ratio(f"a page of a listing in a bucket of {MANY:,} objects", many, f"of {FEW:,}", few, 1.5)
        sqs = running.user.client("sqs")
        times = []
        for name, count in (("few", FEW), ("many", MANY)):
            queue = sqs.create_queue(QueueName=name)["QueueUrl"]
            entries = [{"Id": str(number), "MessageBody": "x" * 500} for number in range(10)]

            def send(_: int, queue: str = queue, entries: Any = entries) -> None:
                sqs.send_message_batch(QueueUrl=queue, Entries=entries)

            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(send, range(count // 10)))
            receive = {"QueueUrl": queue, "MaxNumberOfMessages": 10}
            sqs.receive_message(**receive)
            running.settle()
            times.append(median(lambda receive=receive: sqs.receive_message(**receive)))
        yield _ratio(f"ten messages from a queue of {MANY:,}", times[1], f"of {FEW:,}", times[0], 1.5)


def idle() -> Measurements:
    """Yield the processor time of a server that has work behind it and none to do."""
    with server() as running:
        running.user.run("print('done')")
        time.sleep(5)
        before = running.processor_seconds()
        time.sleep(IDLE_SECONDS)
        used = running.processor_seconds() - before
        yield Measurement(what=f"processor time of an idle server in {IDLE_SECONDS} s", value=used, most=0.1)
