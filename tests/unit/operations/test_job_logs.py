"""Logs of jobs, page by page as CloudWatch Logs answers: nothing is lost, repeated or awaited in vain."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from smproc.operations import JobFailedError, JobLog, JobNotFoundError, ProcessingJob, RunTimedOutError
from smproc.operations.logs import host_of
from tests.helpers.answers import RefusalError, session_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Logs:
    """CloudWatch Logs and SageMaker for one job: each page has two lines, and every other page of a stream is empty."""

    streams: dict[str, list[tuple[int, str]]]
    status: str = "Completed"
    hosts: int = 1
    calls: list[str] = field(default_factory=list)

    def __call__(self, operation: str, given: dict[str, Any]) -> Mapping[str, Any]:
        self.calls.append(operation)
        if operation == "DescribeProcessingJob":
            if given["ProcessingJobName"] != "job":
                raise RefusalError("ValidationException", "Could not find requested job")
            return self.description()
        if operation == "DescribeLogStreams":
            names = sorted(self.streams)
            at = int(given.get("nextToken", 0))
            following = {"nextToken": str(at + 1)} if at + 1 < len(names) else {}
            return {"logStreams": [{"logStreamName": name} for name in names[at : at + 1]], **following}
        return self.page(given)

    def description(self) -> dict[str, Any]:
        config = {"InstanceType": "ml.m5.large", "InstanceCount": self.hosts, "VolumeSizeInGB": 1}
        return {
            "ProcessingJobName": "job",
            "ProcessingJobArn": "arn:aws:sagemaker:us-east-1:111122223333:processing-job/job",
            "ProcessingJobStatus": self.status,
            "ProcessingResources": {"ClusterConfig": config},
            "AppSpecification": {"ImageUri": "i"},
            "CreationTime": EPOCH,
            "ProcessingEndTime": EPOCH,
            "ExitMessage": "it is so",
        }

    def page(self, given: dict[str, Any]) -> Mapping[str, Any]:
        lines = self.streams[given["logStreamName"]]
        lines = [line for line in lines if line[0] >= given.get("startTime", 0)]
        token = given.get("nextToken", "")
        if given["startFromHead"]:
            # f/3/e: an empty page comes before the lines from the third on.
            _, at, is_empty = token.split("/") if token else ("f", "0", "")
            first = int(at)
            if not is_empty and first < len(lines):
                return _page([], f"f/{first}/e", "b/0")
            last = min(first + 2, len(lines))
            return _page(lines[first:last], f"f/{last}/", "b/0")
        last = int(token.split("/")[1]) if token else len(lines)
        first = max(0, last - min(2, given.get("limit", 2)))
        return _page(lines[first:last], f"f/{last}/", f"b/{first}/")


def _page(lines: list[tuple[int, str]], forward: str, backward: str) -> dict[str, Any]:
    events = [{"timestamp": at, "message": text, "ingestionTime": at} for at, text in lines]
    return {"events": events, "nextForwardToken": forward, "nextBackwardToken": backward}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smproc.operations.jobs.time.sleep", lambda _: None)


def lines_of(host: str, times: range) -> list[tuple[int, str]]:
    return [(at, f"{host} {at}") for at in times]


@pytest.mark.parametrize(
    ("stream", "host"),
    [("j/algo-1", "algo-1"), ("j/algo-12-1700000000", "algo-12"), ("j/algo-2-1700000000", "algo-2"), ("j/x", "x")],
)
def test_the_host_is_in_the_name_of_the_stream(stream: str, host: str) -> None:
    assert host_of(stream, "j") == host


def test_lines_of_all_hosts_come_by_time_across_empty_pages() -> None:
    logs = Logs({"job/algo-1-17": lines_of("a", range(0, 20, 2)), "job/algo-2-17": lines_of("b", range(1, 20, 2))})
    log = JobLog(session_of(logs), "job")
    found = [(line.host, line.text) for line in log.new_lines()]
    assert found == [(f"algo-{at % 2 + 1}", f"{'ab'[at % 2]} {at}") for at in range(20)]
    assert list(log.new_lines()) == []
    logs.streams["job/algo-2-17"].append((30, "late"))
    assert [line.text for line in log.new_lines()] == ["late"]


def test_streams_are_not_looked_for_once_all_hosts_have_one() -> None:
    logs = Logs({"job/algo-1-17": [(1, "a")]})
    log = JobLog(session_of(logs), "job", hosts=1)
    for _ in range(3):
        list(log.new_lines())
    assert logs.calls.count("DescribeLogStreams") == 1


@pytest.mark.parametrize("count", [0, 1, 3, 5, 50])
def test_a_tail_has_the_last_lines_of_all_hosts_and_what_follows_is_new(count: int) -> None:
    logs = Logs({"job/algo-1-17": lines_of("a", range(0, 12, 2)), "job/algo-2-17": lines_of("b", range(1, 12, 2))})
    log = JobLog(session_of(logs), "job")
    texts = [f"{'ab'[at % 2]} {at}" for at in range(12)]
    assert [line.text for line in log.tail(count)] == (texts[-count:] if count else [])
    logs.streams["job/algo-1-17"].append((40, "new"))
    assert [line.text for line in log.new_lines()] == ["new"]


def test_a_job_that_has_printed_nothing_has_no_lines() -> None:
    def refuse(*_: object) -> Mapping[str, Any]:
        raise RefusalError("ResourceNotFoundException")

    assert list(JobLog(session_of(refuse), "job").new_lines()) == []


def test_following_ends_with_the_job_and_has_its_last_lines() -> None:
    logs = Logs({"job/algo-1-17": lines_of("a", range(3))}, status="InProgress")
    job = ProcessingJob("job", session=session_of(logs))
    lines = job.logs(follow=True, tail=1)
    assert next(lines).text == "a 2"
    logs.streams["job/algo-1-17"] += [(5, "more"), (6, "last")]
    logs.status = "Completed"
    assert [line.text for line in lines] == ["more", "last"]


def test_waiting_prints_the_host_where_there_are_several_and_escapes_what_is_printed() -> None:
    logs = Logs({"job/algo-1-17": [(1, "\x1b[2Jgone")], "job/algo-2-17": [(2, "two")]}, hosts=2)
    stream = io.StringIO()
    ProcessingJob("job", session=session_of(logs)).wait(stream=stream)
    assert stream.getvalue() == "algo-1 | \\x1b[2Jgone\nalgo-2 | two\n"


@pytest.mark.parametrize(("status", "verb"), [("Failed", "failed"), ("Stopped", "was stopped")])
def test_a_job_that_did_not_complete_raises_its_reason(status: str, verb: str) -> None:
    job = ProcessingJob("arn:aws:sagemaker:r:1:processing-job/job", session=session_of(Logs({}, status=status)))
    with pytest.raises(JobFailedError, match=f"the job job {verb}: it is so"):
        job.wait(logs=False)


def test_a_wait_ends_in_time() -> None:
    job = ProcessingJob("job", session=session_of(Logs({}, status="InProgress")))
    with pytest.raises(RunTimedOutError, match="the job job is still InProgress after 0 s; it continues without"):
        job.wait(timeout=0)


@pytest.mark.parametrize("ask", [lambda job: job.wait(), lambda job: list(job.logs()), lambda job: job.stop()])
def test_a_job_that_does_not_exist_is_an_error(ask: Any) -> None:  # noqa: ANN401 - a call
    with pytest.raises(JobNotFoundError, match="there is no processing job 'other' in the region us-east-1"):
        ask(ProcessingJob("other", session=session_of(Logs({}))))


@pytest.mark.parametrize(("status", "stops"), [("InProgress", True), ("Completed", False)])
def test_a_job_that_has_ended_is_not_stopped(status: str, stops: bool) -> None:  # noqa: FBT001
    stopped: list[str] = []
    logs = Logs({}, status=status)

    def answer(operation: str, given: dict[str, Any]) -> Mapping[str, Any]:
        if operation == "StopProcessingJob":
            stopped.append(given["ProcessingJobName"])
            return {}
        return logs(operation, given)

    assert ProcessingJob("job", session=session_of(answer)).stop() is stops
    assert stopped == ["job"] * stops
