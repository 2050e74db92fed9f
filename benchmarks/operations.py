"""The cost of ``smproc status`` and ``smproc trace`` for 50 pipelines with 10,000 uploads: time, calls of AWS, memory.

``python -m benchmarks.operations`` starts a local AWS, makes the ledgers by the functions' own code, prints the
figures, and fails above the bounds.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import boto3

from cdk_sagemaker_processing.model import names
from smproc.local import LocalAws
from smproc.operations import find_pipelines, status_of, trace
from tests.helpers.deployment import session_at
from tests.helpers.ports import free_port
from tests.helpers.trigger_world import Clients, Trigger

STATUS_SECONDS_MAX, STATUS_CALLS_MAX, TRACE_CALLS_MAX = 3.0, 60, 10
# In MiB. Nearly all of the command's memory is that of boto3; each pipeline adds its tags and its metrics of a day.
MORE_MEMORY_MAX = 40
BATCH = 100
_REPETITIONS = 3
T = TypeVar("T")
_ROLE = "arn:aws:iam::000000000000:role/function"


def main() -> int:
    """Print the figures, and return 1 if one is above its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipelines", type=int, default=50)
    parser.add_argument("--uploads", type=int, default=10_000, help="of all pipelines together")
    arguments = parser.parse_args()
    os.environ["POWERTOOLS_LOG_LEVEL"] = "ERROR"  # the functions log each start
    with tempfile.TemporaryDirectory() as directory:
        local_aws = LocalAws(port=free_port(), state_dir=Path(directory) / "state", enforce_iam=False)
        with local_aws:
            session = _session(local_aws.endpoint)
            each = arguments.uploads // arguments.pipelines
            environment = local_aws.redirect(os.environ)
            uris = [_pipeline(local_aws.endpoint, session, 0, each)]
            alone = max(_run(["status"], environment)[2] for _ in range(_REPETITIONS))
            uris += [_pipeline(local_aws.endpoint, session, number, each) for number in range(1, arguments.pipelines)]
            return _measure(
                local_aws.endpoint, environment, uris[-1], arguments.pipelines, each * arguments.pipelines, alone
            )


def _pipeline(endpoint: str, session: boto3.Session, number: int, uploads: int) -> str:
    """Make a pipeline whose uploads have been processed, and return the URI of one of them."""
    trigger = Trigger(Clients(endpoint), batch_size=BATCH, batch_window=60, pipeline=f"Stack{number}/Pipeline")
    undelivered = trigger.sqs.create_queue(QueueName=f"undelivered-{trigger.id}")["QueueUrl"]
    queue = trigger.sqs.create_queue(QueueName=f"queue-{trigger.id}")["QueueUrl"]
    events = [trigger.upload(f"in/{index:05}.csv") for index in range(uploads)]
    trigger.start(*events)
    trigger.dispatch(minutes=2)
    for execution in trigger.running_now():
        trigger.end(execution)
    trigger.minute["undelivered"] = undelivered
    trigger.now = time.time()
    trigger.configure()
    trigger.dispatch(minutes=0.001)
    _tag(session, trigger, queue, undelivered)
    return f"s3://{trigger.bucket}/in/{uploads // 2:05}.csv"


def _tag(session: boto3.Session, trigger: Trigger, queue: str, undelivered: str) -> None:
    """Give the parts of a pipeline the tags that its deployment gives them."""
    settings: dict[str, Any] = trigger.settings
    pipeline = {names.PIPELINE_TAG: settings["pipeline"], names.STATE_MACHINE_TAG: settings["state_machine_arn"]}
    for url, part in (
        (queue, names.INPUT_QUEUE),
        (str(settings["dead_letter_queue"]), names.DEAD_LETTER_QUEUE),
        (undelivered, names.UNDELIVERED_QUEUE),
    ):
        trigger.sqs.tag_queue(QueueUrl=url, Tags={**pipeline, names.PART_TAG: part})
    located = {
        names.STACK_TAG: settings["pipeline"].partition("/")[0],
        names.BUCKET_TAG: settings["bucket"],
        names.LEDGER_TAG: settings["table"],
    }
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): pass\n")
    for part in (names.INTAKE, names.DISPATCHER):
        session.client("lambda").create_function(
            FunctionName=f"{part}-{trigger.id}",
            Runtime="python3.12",
            Role=_ROLE,
            Handler="index.handler",
            Code={"ZipFile": package.getvalue()},
            Environment={"Variables": {"SETTINGS": json.dumps(settings)}},
            Tags={**pipeline, **located, names.PART_TAG: part},
        )


def _session(endpoint: str) -> boto3.Session:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")  # noqa: S106 - of the local AWS
    return session_at(session, endpoint)


def _measure(endpoint: str, environment: dict[str, str], uri: str, pipelines: int, uploads: int, alone: float) -> int:
    figures = [_run(["status"], environment) for _ in range(_REPETITIONS)]
    seconds, cpu = min(one[0] for one in figures), min(one[1] for one in figures)
    peak = max(one[2] for one in figures)
    tracing = max(_run(["trace", uri], environment)[2] for _ in range(_REPETITIONS))
    status, _ = _calls(lambda session: status_of(session, find_pipelines(session)), endpoint)
    traced, found = _calls(lambda session: trace(session, uri), endpoint)
    state = found.upload.state if found.upload is not None else "not known"
    _say(f"{pipelines} pipelines with {uploads:,} uploads, on the local AWS")
    _say(f"smproc status: {seconds:.2f} s, {cpu:.2f} s of them on a processor")
    _say(f"  peak memory {peak:.0f} MiB; with one pipeline {alone:.0f} MiB")
    _say(f"  {status.total()} calls of AWS: {_listed(status)}")
    _say(f"smproc trace, of an upload whose state is {state}: peak memory {tracing:.0f} MiB")
    _say(f"  {traced.total()} calls of AWS: {_listed(traced)}")
    exceeded = [
        name
        for name, value, bound in (
            ("the time of status", seconds, STATUS_SECONDS_MAX),
            ("the calls of status", status.total(), STATUS_CALLS_MAX),
            ("the calls of trace", traced.total(), TRACE_CALLS_MAX),
            ("the memory of status for more pipelines", peak - alone, MORE_MEMORY_MAX),
        )
        if value > bound
    ]
    for name in exceeded:
        sys.stderr.write(f"above the bound: {name}\n")
    return 1 if exceeded or state != "SUCCEEDED" else 0


def _run(arguments: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Run the command in a process of its own.

    Returns:
        The seconds that it takes, those of them on a processor, and its peak memory in MiB.
    """
    started = time.monotonic()
    command = [sys.executable, "-m", "smproc", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}")
    return time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _calls(work: Callable[[boto3.Session], T], endpoint: str) -> tuple[Counter[str], T]:
    """Return the calls of AWS that some work makes, by their operations, and its result."""
    calls: Counter[str] = Counter()

    def count(event_name: str, **_: object) -> None:
        calls[event_name.rpartition(".")[2]] += 1

    session = _session(endpoint)
    session.events.register("before-send.*.*", count)  # clients take it over when they are created
    return calls, work(session)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _listed(calls: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(calls.items()))


if __name__ == "__main__":
    sys.exit(main())
