"""One job with 1, 2 and 4 hosts on the local AWS: the same files, sharded by key.

``python -m benchmarks.sharding`` measures and prints the table of docs/scale-of-a-job.md; ``--write`` writes it there.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
from pathlib import Path

from benchmarks.local_server import server
from benchmarks.measurement import Measurement, Measurements
from tests.helpers.local_aws import RunningLocalAws

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "scale-of-a-job.md"
SCRIPT = ROOT / "examples" / "sharded" / "scripts" / "column_sums.py"
HOSTS = (1, 2, 4)
FILES, ROWS, COLUMNS = 24, 60_000, 10
RUNS = 3
HEADER = "| hosts | files of each host | seconds of the job | against one host |"
BEGIN, END = "<!-- begin of the measured table -->\n", "<!-- end of the measured table -->\n"


def upload(user: RunningLocalAws) -> None:
    """Put the files into the bucket: the numbers from 0 on, in columns."""
    for file in range(FILES):
        text = io.StringIO()
        text.write(",".join(f"c{column}" for column in range(COLUMNS)) + "\n")
        for row in range(ROWS):
            text.write(",".join(f"{row + column}.25" for column in range(COLUMNS)) + "\n")
        user.put(f"shards/{file:03}.csv", text.getvalue())


def run(user: RunningLocalAws, hosts: int) -> tuple[float, list[int]]:
    """Run a job; return its seconds and the number of files of each host."""
    data = user.input("data", f"s3://{user.bucket}/shards/", distribution="ShardedByS3Key")
    cluster = {"InstanceCount": hosts, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
    request = user.request(
        SCRIPT.read_text(encoding="utf-8"), inputs=[data], ProcessingResources={"ClusterConfig": cluster}
    )
    job = user.wait(user.create(request), 600)
    if job["ProcessingJobStatus"] != "Completed":
        raise RuntimeError(f"the job must complete, got {job['ProcessingJobStatus']}: {job.get('FailureReason')}")
    prefix = f"{job['ProcessingJobName']}/"
    results = [json.loads(user.get(f"{prefix}{name}")) for name in sorted(user.keys(prefix))]
    if sorted(name for result in results for name in result["files"]) != [
        f"{number:03}.csv" for number in range(FILES)
    ]:
        raise RuntimeError(f"each file must be on one host, got {results}")
    seconds = (job["ProcessingEndTime"] - job["ProcessingStartTime"]).total_seconds()
    return seconds, [len(result["files"]) for result in results]


def measurements() -> Measurements:
    """Yield the time of a job with several hosts, against that of one host."""
    medians = {hosts: statistics.median(seconds for seconds, _ in runs) for hosts, runs in measured().items()}
    for hosts in HOSTS[1:]:
        yield Measurement(
            what=f"a job with {hosts} hosts on {FILES} files of {ROWS:,} rows, sharded ({RUNS} runs)",
            value=medians[hosts],
            baseline="with one host",
            of_baseline=medians[1],
        )


def measured() -> dict[int, list[tuple[float, list[int]]]]:
    """Return the seconds and the files of the hosts of each run, by the number of hosts."""
    with server() as running:
        upload(running.user)
        return {hosts: [run(running.user, hosts) for _ in range(RUNS)] for hosts in HOSTS}


def table() -> str:
    """Measure, and return the table: the median of three runs for each number of hosts."""
    found = measured()
    medians = {hosts: statistics.median(seconds for seconds, _ in runs) for hosts, runs in found.items()}
    rows = [
        f"| {hosts} | {', '.join(map(str, found[hosts][0][1]))} | {seconds:.1f} | {seconds / medians[1]:.2f} x |"
        for hosts, seconds in medians.items()
    ]
    about = (
        f"{FILES} files of {ROWS:,} rows and {COLUMNS} columns, the median of {RUNS} runs on one machine with "
        f"{os.cpu_count()} cores:"
    )
    return "\n".join([about, "", HEADER, "|---:|---|---:|---:|", *rows, ""])


def main() -> None:
    """Print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/scale-of-a-job.md")
    written = parser.parse_args().write
    text = table()
    sys.stdout.write(text)
    if written:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
