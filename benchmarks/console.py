"""Ten browsers that look at the console: the processor time that this costs the local AWS and the console.

Both are shares of one core. Each browser asks for the pages that its script would ask for: half of them look at a
pipeline, half at an execution, while the pipeline runs a job after the other; no page is asked for more often than by
an open tab.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import os
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

import boto3
import psutil

from benchmarks.measurement import Measurement, Measurements
from smproc.console import Console
from smproc.local import LocalAws
from smproc.operations import Pipeline, find_pipeline
from smproc.operations.execution_lists import pages_of_executions
from tests.helpers.deployment import bootstrap, cdk, session_at
from tests.helpers.ports import free_port

BROWSERS = 10
SECONDS = 60.0
_BOUND_PERCENT = 20.0
_PIPELINE_SECONDS, _EXECUTION_SECONDS = 2.0, 1.0


class Tab(threading.Thread):
    """An open page, which asks for itself as its script does.

    Args:
        base: the console's address.
        cookie: the cookie of the session.
        path: the page.
        seconds: the time between two requests.
        until: the time at which it is closed.
    """

    def __init__(self, base: str, cookie: str, path: str, seconds: float, until: float) -> None:
        super().__init__(daemon=True)
        self._address = urlsplit(base)
        self._cookie = cookie
        self._path = path
        self._seconds = seconds
        self._until = until
        self.answers: list[int] = []

    def run(self) -> None:
        """Ask until the tab is closed."""
        connection = http.client.HTTPConnection(str(self._address.hostname), self._address.port, timeout=60)
        etag = ""
        while time.monotonic() < self._until:
            connection.request("GET", self._path, headers={"Cookie": self._cookie, "If-None-Match": etag})
            answer = connection.getresponse()
            answer.read()
            self.answers.append(answer.status)
            etag = answer.getheader("ETag") or etag
            time.sleep(self._seconds)
        connection.close()


def measurements() -> Measurements:
    """Yield the shares of both."""
    with tempfile.TemporaryDirectory() as directory, LocalAws(free_port(), state_dir=directory) as local_aws:
        environment = local_aws.redirect(os.environ)
        bootstrap(environment)
        cdk(["deploy", "ProcessingDemo", "--output", f"{directory}/cdk.out"], environment)
        session = session_at(
            boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"),  # noqa: S106
            local_aws.endpoint,
        )
        pipeline = find_pipeline(session)
        first = _run(pipeline, Path(directory), 0)
        console = Console(local_aws)
        try:
            yield from _measure(local_aws, console, pipeline, first, Path(directory))
        finally:
            console.stop()


def _measure(local_aws: LocalAws, console: Console, pipeline: Pipeline, execution: str, files: Path) -> Measurements:
    jar = http.cookiejar.CookieJar()
    url = console.open()
    urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open(url).close()
    (cookie,) = (f"{one.name}={one.value}" for one in jar)
    base = url.partition("/open")[0]
    lock = (local_aws.status().folder / "console" / "lock").read_text()
    servers = {"local AWS": psutil.Process(local_aws.status().pid), "console": psutil.Process(_pid(lock))}
    until = time.monotonic() + SECONDS
    before = {name: _seconds_of(process) for name, process in servers.items()}
    started = time.monotonic()
    paths = [
        (f"/pipelines/{quote(pipeline.name)}", _PIPELINE_SECONDS),
        (f"/executions/{execution}", _EXECUTION_SECONDS),
    ]
    tabs = [Tab(base, cookie, *paths[number % 2], until) for number in range(BROWSERS)]
    for tab in tabs:
        tab.start()
    uploads = 1
    while time.monotonic() < until:
        _run(pipeline, files, uploads)
        uploads += 1
    for tab in tabs:
        tab.join()
    elapsed = time.monotonic() - started
    answers = [status for tab in tabs for status in tab.answers]
    shares = {name: 100 * (_seconds_of(process) - before[name]) / elapsed for name, process in servers.items()}
    assert set(answers) <= {200, 304}, set(answers)
    for name, share in shares.items():
        yield Measurement(
            what=f"share of a core of the {name}, with {BROWSERS} browsers at the console and {uploads - 1} executions",
            value=share,
            unit="%",
            most=_BOUND_PERCENT if name == "local AWS" else None,
        )


def _run(pipeline: Pipeline, directory: Path, number: int) -> str:
    """Upload a file, wait for the end of its execution, and return its ARN."""
    path = directory / f"{number}.csv"
    path.write_text("class,value\n" + "".join(f"{row % 3},{row}\n" for row in range(30)))
    upload = pipeline.upload(path)
    while True:
        newest = next(iter(next(pages_of_executions(pipeline.session, pipeline.state_machine_arn), [])), None)
        if newest is not None and newest.started.timestamp() >= upload.at and newest.ended is not None:
            return newest.arn
        time.sleep(2)


def _seconds_of(process: psutil.Process) -> float:
    """Return the processor time of a process, without that of the programs of jobs."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _pid(lock: str) -> int:

    return int(json.loads(lock)["pid"])
