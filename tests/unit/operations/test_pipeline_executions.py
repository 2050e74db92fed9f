"""Executions, jobs, logs and cost of a pipeline, by pages of lists and histories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from smproc import operations
from smproc.operations import (
    ExecutionNotFoundError,
    JobRecord,
    OutputNotFoundError,
    Pipeline,
    PipelineLog,
    RedriveRefusedError,
    cost_of_jobs,
)
from smproc.operations.pipeline_logs import PipelineLine, merged
from tests.helpers.answers import MACHINE, NOW, RefusalError, cluster, execution, history, session_of


@dataclass
class States:
    """Step Functions with some executions, the newest first; a page has two."""

    executions: list[dict[str, Any]]
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, operation: str, given: dict[str, Any]) -> Mapping[str, Any]:
        self.calls.append((operation, given))
        name = given.get("executionArn", "").rpartition(":")[2]
        match operation:
            case "ListExecutions":
                wanted = [one for one in self.executions if given.get("statusFilter") in (None, one["status"])]
                at = int(given.get("nextToken", 0))
                following = {"nextToken": str(at + 2)} if at + 2 < len(wanted) else {}
                return {"executions": wanted[at : at + 2], **following}
            case "DescribeExecution":
                found = next((one for one in self.executions if one["name"] == name), None)
                if found is None:
                    raise RefusalError("ExecutionDoesNotExist")
                return {**found, **self.more}
            case "GetExecutionHistory":
                events = self.histories.get(name, [])
                at = int(given.get("nextToken", 0))
                following = {"nextToken": str(at + 2)} if at + 2 < len(events) else {}
                return {"events": events[at : at + 2], **following}
            case "DescribeProcessingJob":
                raise RefusalError("ValidationException")
            case "DescribeLogStreams":
                job = given["logStreamNamePrefix"].rstrip("/")
                return {"logStreams": [{"logStreamName": f"{job}/algo-1-17"}] if job in self.lines else []}
            case "GetLogEvents":
                return self.page(given)
            case "StopExecution":
                return {"stopDate": NOW}
            case "RedriveExecution":
                raise RefusalError("ExecutionNotRedrivable", "It is too old.")
        raise AssertionError(operation)

    def page(self, given: dict[str, Any]) -> Mapping[str, Any]:
        lines = self.lines[given["logStreamName"].partition("/")[0]]
        first = int(given.get("nextToken", 0))
        events = [{"timestamp": int(at.timestamp() * 1000), "message": text} for at, text in lines[first:]]
        return {"events": events, "nextForwardToken": str(len(lines)), "nextBackwardToken": "b"}

    def count(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.calls)


def pipeline_of(states: States) -> Pipeline:
    return Pipeline(session=session_of(states), name="Stack/Pipeline", state_machine_arn=MACHINE, bucket="in")


def five() -> States:
    return States([execution(f"{'ab' * number}{number}", minutes_ago=number) for number in range(1, 6)])


def test_executions_come_across_pages_until_the_time_or_the_limit() -> None:
    states = five()
    pipeline = pipeline_of(states)
    assert len(list(pipeline.executions())) == 5
    assert len(list(pipeline.executions(since=NOW - timedelta(minutes=3)))) == 3
    states.calls.clear()
    assert [one.name for one in pipeline.executions(limit=2)] == ["ab1", "abab2"]
    assert states.calls[0][1]["maxResults"] == 2
    assert list(pipeline.executions(status="FAILED")) == []


def test_newer_executions_are_found_behind_one_that_is_listed_by_its_end_or_its_redrive() -> None:
    long = execution("long", minutes_ago=600, took=36_000)
    redriven = {**execution("redriven", minutes_ago=500), "redriveDate": NOW - timedelta(minutes=1)}
    states = States([long, redriven, execution("new", "RUNNING", minutes_ago=2), execution("old", minutes_ago=90)])
    pipeline = pipeline_of(states)
    assert [one.name for one in pipeline.executions(since=NOW - timedelta(minutes=60))] == ["redriven", "new"]


@pytest.mark.parametrize("text", ["ababab3", "ababab3"[:7], f"{MACHINE.replace('stateMachine', 'execution')}:ababab3"])
def test_an_execution_is_found_by_its_name_or_arn(text: str) -> None:
    assert operations.find_execution(pipeline_of(five()), text).name == "ababab3"


def test_an_execution_is_found_by_a_beginning_that_no_other_has() -> None:
    assert operations.find_execution(pipeline_of(five()), "ab1").name == "ab1"
    assert operations.find_execution(pipeline_of(five()), "ababababab").name == "ababababab5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "the pipeline Stack/Pipeline has no execution 'x'; `smproc executions list` shows its executions"),
        ("", "has no execution ''"),
        (
            "abab",
            "4 executions of the pipeline .* begin with 'abab'; give more of the name: abab2, ababab3",
        ),
        ("arn:aws:states:us-east-1:1:execution:other:ab1", "is not an execution of the pipeline Stack/Pipeline"),
    ],
)
def test_an_execution_that_is_none_or_several_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ExecutionNotFoundError, match=message):
        operations.find_execution(pipeline_of(five()), text)


@pytest.mark.parametrize(
    ("status", "more", "message"),
    [
        (
            "SUCCEEDED",
            {},
            "the execution e is SUCCEEDED; only one that failed, timed out or was stopped can be redriven",
        ),
        (
            "FAILED",
            {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": "Execution is older than 14 days."},
            "does not redrive the execution e: Execution is older than 14 days; `smproc retry arn:.*:e` runs",
        ),
        ("FAILED", {"redriveStatus": "REDRIVABLE"}, "does not redrive the execution e: It is too old; `smproc retry"),
    ],
)
def test_a_redrive_that_aws_refuses_says_why_and_what_to_do(status: str, more: dict[str, Any], message: str) -> None:
    pipeline = pipeline_of(States([execution("e", status)], more=more))
    with pytest.raises(RedriveRefusedError, match=message):
        operations.redrive_execution(pipeline.session, operations.find_execution(pipeline, "e"))


@pytest.mark.parametrize(("status", "stops"), [("RUNNING", True), ("SUCCEEDED", False), ("ABORTED", False)])
def test_an_execution_that_has_ended_is_not_stopped(status: str, stops: bool) -> None:  # noqa: FBT001
    states = States([execution("e", status)])
    pipeline = pipeline_of(states)
    assert operations.stop_execution(pipeline.session, operations.find_execution(pipeline, "e")) is stops
    assert states.count("StopExecution") == stops


def test_an_execution_tells_its_states_jobs_and_objects() -> None:
    states = States(
        [execution("e")],
        {"e": history("job-1", cluster())},
        {"input": json.dumps({"bucket": "in", "key": "a b\x1b.csv"}), "redriveStatus": "NOT_REDRIVABLE"},
    )
    found = pipeline_of(states).execution("e")
    assert list(found.states) == ["Split"]
    assert [(job.name, job.status) for job in found.jobs] == [("job-1", "Completed")]
    assert found.objects == ("s3://in/a b\x1b.csv",)
    assert not found.redrivable


def test_jobs_come_from_the_histories_as_far_as_they_are_wanted() -> None:
    states = five()
    states.histories = {one["name"]: history(f"job-{one['name']}", cluster()) for one in states.executions}
    pipeline = pipeline_of(states)
    assert [job.name for job in pipeline.jobs(limit=1)] == ["job-ab1"]
    pages = states.count("GetExecutionHistory")
    jobs = list(pipeline.jobs())
    assert [job.name for job in jobs] == [f"job-{one['name']}" for one in states.executions]
    assert pages <= 6
    assert (jobs[0].instance_type, jobs[0].instance_count, jobs[0].seconds) == ("ml.m5.xlarge", 1, 3600)
    assert jobs[0].started == NOW
    assert jobs[0].usd == pytest.approx(0.23)


def test_a_job_that_the_history_has_not_the_end_of_is_described() -> None:
    states = States([execution("e", "RUNNING")], {"e": history("job")})
    (job,) = pipeline_of(states).jobs()
    assert (job.status, job.started, job.usd) == ("InProgress", None, 0.0)
    assert states.count("DescribeProcessingJob") == 1


def test_the_cost_is_the_price_of_all_instances_for_the_billed_seconds() -> None:
    def job(step: str, kind: str, count: int, seconds: float, *, day: int = 26, ended: bool = True) -> JobRecord:
        start = datetime(2026, 11, day, 23, 59, tzinfo=UTC)
        description = cluster(kind, count, seconds=seconds, start=start)
        end = start + timedelta(seconds=seconds) if ended else None
        return JobRecord(
            name="j",
            step=step,
            execution="e",
            status="Completed",
            started=start,
            ended=end,
            instance_type=kind,
            instance_count=count,
            description=description,
        )

    found = cost_of_jobs(
        [
            job("a", "ml.m5.xlarge", 2, 1800),
            job("a", "ml.m5.xlarge", 1, 3600),
            job("b", "ml.m5.xlarge", 1, 3600, day=25),
            job("b", "ml.p9.unknown", 1, 10),
            JobRecord(name="", step="c", execution="e", status="Failed"),
        ]
    )
    assert [(line.day, line.step, line.jobs, line.instance_seconds) for line in found.lines] == [
        (date(2026, 11, 26), "a", 2, 7200),
        (date(2026, 11, 26), "b", 1, 10),
        (date(2026, 11, 25), "b", 1, 3600),
    ]
    assert found.usd == pytest.approx(3 * 0.23)
    assert (found.jobs, found.running, found.unknown) == (4, 0, ("ml.p9.unknown",))
    assert operations.sums(found, "step") == pytest.approx({"a": 0.46, "b": 0.23})
    assert operations.sums(found, "day") == pytest.approx({"2026-11-26": 0.46, "2026-11-25": 0.23})


def test_without_a_success_there_are_no_outputs() -> None:
    with pytest.raises(OutputNotFoundError, match=r"no execution of the pipeline Stack/Pipeline has succeeded yet; "):
        pipeline_of(States([execution("e", "FAILED")])).outputs()


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def test_lines_are_merged_by_time_and_a_source_is_opened_when_it_is_due() -> None:
    opened: list[str] = []

    def source(name: str, *minutes: float) -> Any:  # noqa: ANN401 - a generator
        opened.append(name)
        for minute in minutes:
            yield PipelineLine(at=at(minute), execution=name, step="s", host="h", text=str(minute), job="j")

    lines = merged(
        [(at(0), source("a", 1, 4)), (at(2), source("b", 2, 3)), (at(3.5), source("c")), (at(9), source("d", 9))]
    )
    assert next(lines).text == "1"
    assert opened == ["a"]
    assert [line.text for line in lines] == ["2", "3", "4", "9"]
    assert opened == ["a", "b", "c", "d"]


def test_following_a_pipeline_finds_new_jobs_and_forgets_those_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime.now(UTC)
    running = {**execution("one", "RUNNING"), "startDate": start - timedelta(minutes=5)}
    states = States([running], {"one": history("job-1")}, lines={"job-1": [(start, "first")]})
    log = PipelineLog(pipeline_of(states), since=start - timedelta(hours=1))
    ticks: list[float] = []

    def tick(seconds: float) -> None:
        ticks.append(seconds)
        if len(ticks) == 1:
            states.lines["job-1"].append((start + timedelta(seconds=1), "second"))
        if len(ticks) == 2:
            ended = {"status": "SUCCEEDED", "stopDate": start - timedelta(minutes=1)}
            states.executions[:] = [{**running, **ended}]
            states.lines["job-1"].append((start + timedelta(seconds=2), "last"))
        if len(ticks) == 4:
            new = {**execution("two", "RUNNING"), "startDate": datetime.now(UTC)}
            states.executions.insert(0, new)
            states.histories["two"] = history("job-2", step="Other")
            states.lines["job-2"] = [(start + timedelta(seconds=3), "other")]

    monkeypatch.setattr("smproc.operations.pipeline_logs.time.sleep", tick)
    lines = log.lines(follow=True)
    assert [(line.step, line.text) for line in (next(lines), next(lines), next(lines))] == [
        ("Split", "first"),
        ("Split", "second"),
        ("Split", "last"),
    ]
    found = next(lines)
    assert (found.execution, found.step, found.text) == ("two", "Other", "other")
    assert [live.execution.name for live in log._live.values()] == ["two"]


def test_a_redriven_execution_is_followed_again_without_its_first_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    ended = {
        **execution("one", "FAILED"),
        "startDate": now - timedelta(minutes=9),
        "stopDate": now - timedelta(minutes=8),
    }
    states = States([ended], {"one": history("job-1", cluster())}, lines={"job-1": [(now - timedelta(minutes=8), "a")]})
    log = PipelineLog(pipeline_of(states), since=now - timedelta(hours=1))

    def tick(_: float) -> None:
        again = {**ended, "status": "RUNNING", "redriveDate": now}
        del again["stopDate"]
        states.executions[:] = [again]
        states.histories["one"] = history("job-2")
        states.lines["job-2"] = [(now + timedelta(seconds=1), "b")]

    monkeypatch.setattr("smproc.operations.pipeline_logs.time.sleep", tick)
    lines = log.lines(follow=True)
    assert [next(lines).text, next(lines).text] == ["a", "b"]


def test_an_execution_that_started_long_before_and_printed_since_is_included() -> None:
    now = datetime.now(UTC)
    old = {**execution("old"), "startDate": now - timedelta(hours=3), "stopDate": now - timedelta(minutes=2)}
    over = {**execution("over"), "startDate": now - timedelta(hours=4), "stopDate": now - timedelta(hours=3)}
    states = States([old, over], {"old": history("job-1", cluster()), "over": history("job-2", cluster())})
    states.lines = {"job-1": [(now - timedelta(minutes=3), "line")], "job-2": [(now - timedelta(minutes=3), "no")]}
    log = PipelineLog(pipeline_of(states), since=now - timedelta(minutes=10))
    assert [line.text for line in log.lines()] == ["line"]
    assert log._live == {}
