"""The cost of ``smproc status`` and ``smproc trace`` for 50 pipelines with 10,000 uploads: time, calls of AWS, memory.

The ledgers are made by the functions' own code.
"""

from __future__ import annotations

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
from unittest.mock import patch

import boto3

from benchmarks.measurement import Measurement, Measurements
from cdk_sagemaker_processing.model import names
from smproc.local import LocalAws
from smproc.operations import find_pipelines, status_of, trace
from tests.helpers.deployment import session_at
from tests.helpers.ports import free_port
from tests.helpers.trigger_world import Clients, Trigger

STATUS_SECONDS_MAX, STATUS_CALLS_MAX, TRACE_CALLS_MAX = 3.0, 60, 10
# In MiB. Nearly all of the command's memory is that of boto3; each pipeline adds its tags and its metrics of a day.
MORE_MEMORY_MAX = 40
PIPELINES, UPLOADS = 50, 10_000
BATCH = 100
_REPETITIONS = 3
T = TypeVar("T")
_ROLE = "arn:aws:iam::000000000000:role/function"


def measurements() -> Measurements:
    """Yield the figures of both commands."""
    # The functions log each start.
    with tempfile.TemporaryDirectory() as directory, patch.dict(os.environ, {"POWERTOOLS_LOG_LEVEL": "ERROR"}):
        yield from _measure(Path(directory))


def _measure(directory: Path) -> Measurements:
    local_aws = LocalAws(port=free_port(), state_dir=directory / "state", enforce_iam=False)
    with local_aws:
        endpoint, session = local_aws.endpoint, _session(local_aws.endpoint)
        each = UPLOADS // PIPELINES
        environment = local_aws.redirect(os.environ)
        uris = [_pipeline(endpoint, session, 0, each)]
        alone = max(_run(["status"], environment)[1] for _ in range(_REPETITIONS))
        uris += [_pipeline(endpoint, session, number, each) for number in range(1, PIPELINES)]
        of_status = [_run(["status"], environment) for _ in range(_REPETITIONS)]
        of_trace = [_run(["trace", uris[-1]], environment) for _ in range(_REPETITIONS)]
        status, _ = _calls(lambda session: status_of(session, find_pipelines(session)), endpoint)
        traced, found = _calls(lambda session: trace(session, uris[-1]), endpoint)
        assert found.upload is not None
        assert found.upload.state == "SUCCEEDED"
    label = f"of {PIPELINES} pipelines with {UPLOADS:,} uploads"
    seconds = min(one[0] for one in of_status)
    yield Measurement(what=f"smproc status {label}", value=seconds, most=STATUS_SECONDS_MAX)
    yield Measurement(what=f"smproc status {label}", value=status.total(), unit="calls", most=STATUS_CALLS_MAX)
    peak = max(one[1] for one in of_status)
    yield Measurement(
        what=f"memory of smproc status {label}",
        value=peak,
        unit="MiB",
        baseline="of one pipeline",
        of_baseline=alone,
        most=(alone + MORE_MEMORY_MAX) / alone,
    )
    yield Measurement(what="smproc trace of one of the uploads", value=min(one[0] for one in of_trace))
    yield Measurement(
        what="smproc trace of one of the uploads", value=traced.total(), unit="calls", most=TRACE_CALLS_MAX
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


def _run(arguments: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run the command in a process of its own; return the seconds that it takes, and its peak memory in MiB."""
    started = time.monotonic()
    command = [sys.executable, "-m", "smproc", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}")
    return time.monotonic() - started, used.ru_maxrss / 1024


def _calls(work: Callable[[boto3.Session], T], endpoint: str) -> tuple[Counter[str], T]:
    """Return the calls of AWS that some work makes, by their operations, and its result."""
    calls: Counter[str] = Counter()

    def count(event_name: str, **_: object) -> None:
        calls[event_name.rpartition(".")[2]] += 1

    session = _session(endpoint)
    session.events.register("before-send.*.*", count)  # clients take it over when they are created
    return calls, work(session)
