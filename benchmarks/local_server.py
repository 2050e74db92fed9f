"""The local AWS with much output, many jobs, objects and messages, and with nothing to do.

``make bench`` prints it and fails when a figure exceeds its bound. Times are ratios to a baseline that is measured in
the same run: the same thing with little, or the same rows in the database alone. Memory and processor time are
absolute.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

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


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, what it is compared with, and its bound."""

    name: str
    value: float
    unit: str
    most: float

    def __str__(self) -> str:
        verdict = "" if self.value <= self.most else "  EXCEEDED"
        return f"  {self.name:<88} {self.value:9.2f} {self.unit:<3} (at most {self.most:g}){verdict}"


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


def seconds(operation: Callable[[], object]) -> float:
    """Return the duration of an operation."""
    start = time.perf_counter()
    operation()
    return time.perf_counter() - start


def median(operation: Callable[[], object], times: int = 15) -> float:
    """Return the median duration of an operation."""
    return statistics.median(seconds(operation) for _ in range(times))


def output(megabytes: int) -> Iterator[Figure]:
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
        yield Figure(f"memory added by a job that prints {megabytes} MB", peak[0] - before, "MB", 60)
        stream = user.logs.describe_log_streams(logGroupName=user.log_group, logStreamNamePrefix=f"{name}/")
        names: Any = {"logGroupName": user.log_group, "logStreamName": stream["logStreams"][0]["logStreamName"]}
        rows = _database(lines)
        last_rows = "SELECT timestamp, message FROM events WHERE position >= ? ORDER BY position"
        page = median(lambda: user.logs.get_log_events(**names, limit=100), 9)
        alone = median(lambda: user.logs.get_log_events(**names, limit=100, startFromHead=True), 9)
        yield Figure("the last 100 lines of it, against the first 100", page / alone, "x", 2)
        page = median(lambda: user.logs.get_log_events(**names, limit=PAGE), 5)
        alone = median(lambda: rows.execute(last_rows, (lines - PAGE,)).fetchall(), 5)
        yield Figure("10,000 lines of it by GetLogEvents, against the rows in SQLite alone", page / alone, "x", 100)
        stop = seconds(user.aws.stop)
        yield Figure("smproc local stop after it, against that of an empty server", stop / baseline_stop, "x", 3)
        yield Figure("smproc local stop after it", stop, "s", 2)
        user.aws.start()
        pid = user.aws.status().pid
        assert pid is not None
        yield Figure("memory of the next server", psutil.Process(pid).memory_info().rss / MEGABYTE - before, "MB", 60)


def _database(lines: int) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, timestamp INTEGER, message TEXT)")
    text = "x" * LINE_BYTES
    database.executemany("INSERT INTO events VALUES (?, 1, ?)", ((at, text) for at in range(lines)))
    return database


def jobs(one_after_another: int, at_once: int) -> Iterator[Figure]:
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
        label = f"{one_after_another} jobs one after another: "
        yield Figure(f"{label}the last tenth, against the first", tenths[-1] / tenths[0], "x", 1.5)
        yield Figure(f"{label}memory added after the first tenth", memory[-1] - memory[0], "MB", 20)
        with running.watched() as peak:
            start = time.perf_counter()
            names = [user.create({**request, "ProcessingJobName": f"at-once-{number}"}) for number in range(at_once)]
            for name in names:
                user.wait(name, 900)
            each = (time.perf_counter() - start) / at_once
        label = f"{at_once} jobs at once: "
        yield Figure(f"{label}each, against one after another", each / (sum(tenths) / one_after_another), "x", 1.5)
        yield Figure(f"{label}memory added at the peak", peak[0] - memory[-1], "MB", 200)
        user.until(running.process.num_threads, lambda now: now <= threads + 1, 60)
        yield Figure(f"{label}threads left", running.process.num_threads() - threads, "", 1)
        yield Figure(f"{label}memory left", running.memory() - memory[-1], "MB", 120)


def large_stores() -> Iterator[Figure]:
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
        label = f"a page of a listing in a bucket of {MANY:,} objects, against one of {FEW:,}"
        yield Figure(label, many / few, "x", 1.5)
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
        label = f"ten messages from a queue of {MANY:,}, against one of {FEW:,}"
        yield Figure(label, times[1] / times[0], "x", 1.5)


def idle() -> Iterator[Figure]:
    """Yield the processor time of a server that has work behind it and none to do."""
    with server() as running:
        running.user.run("print('done')")
        time.sleep(5)
        before = running.processor_seconds()
        time.sleep(IDLE_SECONDS)
        yield Figure(f"idle: processor seconds in {IDLE_SECONDS} s", running.processor_seconds() - before, "s", 0.1)


def main() -> int:
    """Print the figures; return whether one exceeds its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100, help="the output of the job that prints much")
    parser.add_argument("--jobs", type=int, default=1000, help="the jobs one after another")
    parser.add_argument("--at-once", type=int, default=200, help="the jobs at once")
    options = parser.parse_args()
    exceeded = False
    for figures in (idle(), output(options.megabytes), jobs(options.jobs, options.at_once), large_stores()):
        for figure in figures:
            print(figure, flush=True)  # noqa: T201 - what this program is for
            exceeded |= figure.value > figure.most
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
