"""The metrics that a monitored pipeline writes: what waits, jobs near their limit, objects by how they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from s3_trigger.config import Config
from s3_trigger.measurement import measure
from s3_trigger.runtime import FAILED_OBJECTS, SUCCEEDED_OBJECTS, Runtime
from tests.unit.trigger.test_shared_constants import SETTINGS

NOW = 1_800_000_000
MINUTE = 60


def before(seconds: float) -> str:
    """Return the time with which a name starts."""
    return f"{int((NOW - seconds) * 1000):013}#{seconds:g}"


def run(seconds: float, objects: int, **fields: Any) -> dict[str, Any]:
    """Return the record of a run that waits, whose unit is so old."""
    members = json.dumps([[before(seconds), 0, objects - 1]])
    return {"name": "r", "kind": "batch", "bucket": "in", "origin": "r", "members": members, "queued": 1, **fields}


class World:
    """A function whose services are tables of answers."""

    def __init__(self, ledger: Mapping[str, list[dict[str, Any]]] | None = None, *, monitored: bool = True) -> None:
        self.ledger = dict(ledger or {})
        self.limits: list[int] = []
        self.executions: dict[str, float] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.described: list[str] = []
        self.errors: list[str] = []
        config = Config.from_settings({**SETTINGS, "monitored": monitored})
        runtime: Any = Runtime(config, clock=lambda: NOW, new_client=lambda service: getattr(self, service))
        runtime.table = SimpleNamespace(query=self._query)
        runtime.units = SimpleNamespace(get=lambda _: SimpleNamespace(rows=[()] * 10))
        runtime.logger = SimpleNamespace(exception=self.errors.append)
        self.runtime: Runtime = runtime
        self.sagemaker = SimpleNamespace(describe_processing_job=self._describe)
        self.stepfunctions = SimpleNamespace(
            get_paginator=lambda _: SimpleNamespace(paginate=self._list), get_execution_history=self._history
        )

    def add_job(self, name: str, used: float, limit: int | None = 1000, status: str = "InProgress") -> None:
        self.executions[name] = used
        start = datetime.fromtimestamp(NOW, UTC) - timedelta(seconds=used)
        self.jobs[name] = {"ProcessingJobStatus": status, "ProcessingStartTime": start}
        if limit is not None:
            self.jobs[name]["StoppingCondition"] = {"MaxRuntimeInSeconds": limit}

    def _query(self, partition: str, *, limit: int) -> list[dict[str, Any]]:
        self.limits.append(limit)
        return self.ledger.get(partition, [])[:limit]

    def _list(self, **request: Any) -> list[dict[str, Any]]:
        assert request["statusFilter"] == "RUNNING"
        now = datetime.fromtimestamp(NOW, UTC)
        listed = [
            {"executionArn": name, "startDate": now - timedelta(seconds=age)} for name, age in self.executions.items()
        ]
        return [{"executions": listed}]

    def _history(self, *, executionArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's
        output = json.dumps({"ProcessingJobArn": f"arn:aws:sagemaker:::processing-job/{executionArn}"})
        return {"events": [{"taskSubmittedEventDetails": {"output": output}}] * 2}

    def _describe(self, *, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.described.append(ProcessingJobName)
        return self.jobs[ProcessingJobName]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Callable[[], dict[str, float]]:
    """Return the metrics that were written since, as CloudWatch reads them from the log."""

    def read() -> dict[str, float]:
        found: dict[str, float] = {}
        for line in capsys.readouterr().out.splitlines():
            document = json.loads(line)
            (directive,) = document["_aws"]["CloudWatchMetrics"]
            assert (directive["Namespace"], directive["Dimensions"]) == ("SageMakerProcessing", [["service"]])
            assert document["service"] == "Stack/Pipeline"
            found |= {metric["Name"]: document[metric["Name"]][0] for metric in directive["Metrics"]}
        return found

    return read


def test_what_waits_is_counted_in_each_of_its_states(written: Callable[[], dict[str, float]]) -> None:
    world = World(
        {
            "inbox": [{"sk": before(10), "count": 3}],
            "sealed": [{"sk": before(20), "cursor": 4}],
            "open": [
                {"group": "g", "bucket": "in", "opened": 1, "version": "v", "members": run(600, 5)["members"]},
                {"an": "earlier version"},
            ],
            "ready": [run(5 * MINUTE, 7), {"name": "of an earlier version"}],
        }
    )

    measure(world.runtime, {})

    assert written() == {"WaitingUploads": 3 + 6 + 5 + 7, "OldestWaitingUpload": 600}
    assert sorted(world.limits) == [50, 1000, 1000, 1000]
    assert world.errors == []


def test_a_repetition_waits_since_it_was_queued(written: Callable[[], dict[str, float]]) -> None:
    world = World({"ready": [run(30 * 86_400, 1, after="failed", queued=int((NOW - 90) * 1000))]})

    measure(world.runtime, {})

    assert written() == {"WaitingUploads": 1, "OldestWaitingUpload": 90}


def test_nothing_waits(written: Callable[[], dict[str, float]]) -> None:
    measure(World().runtime, {})

    assert written() == {"WaitingUploads": 0, "OldestWaitingUpload": 0}


def test_the_job_nearest_to_its_limit(written: Callable[[], dict[str, float]]) -> None:
    world = World()
    world.add_job("half", 500)
    world.add_job("near", 910)
    world.add_job("ended", 2000, status="Completed")
    world.add_job("default", 4000, limit=None)
    world.add_job("young", 100)

    measure(world.runtime, {"seconds": 400})

    assert written()["JobTimeUsed"] == 91.0
    assert world.described == ["default", "ended", "near", "half"]


def test_no_job_is_described_before_it_has_used_half_of_its_time(written: Callable[[], dict[str, float]]) -> None:
    world = World()
    world.add_job("young", 399)

    measure(world.runtime, {"seconds": 400})

    assert "JobTimeUsed" not in written()
    assert world.described == []


def test_the_oldest_ten_executions_are_looked_at(written: Callable[[], dict[str, float]]) -> None:
    world = World()
    for number in range(50):
        world.add_job(f"{number:02}", 500 + number)

    measure(world.runtime, {"seconds": 1})

    assert world.described == [f"{number:02}" for number in range(49, 39, -1)]
    assert written()["JobTimeUsed"] == 54.9


def test_an_error_costs_the_metrics_that_it_concerns(written: Callable[[], dict[str, float]]) -> None:
    world = World({"sealed": [{"sk": "no time", "cursor": 0}]})
    world.add_job("near", 900)

    measure(world.runtime, {"seconds": 1})

    assert written() == {"JobTimeUsed": 90.0}
    assert world.errors == ["a metric could not be measured"]


def test_objects_are_counted_in_pairs(written: Callable[[], dict[str, float]]) -> None:
    runtime = World().runtime
    runtime.count(SUCCEEDED_OBJECTS, 2)
    runtime.count(SUCCEEDED_OBJECTS, 3)
    runtime.flush_metrics()
    assert written() == {SUCCEEDED_OBJECTS: 5, FAILED_OBJECTS: 0}

    runtime.count(FAILED_OBJECTS)
    runtime.flush_metrics()
    assert written() == {SUCCEEDED_OBJECTS: 0, FAILED_OBJECTS: 1}

    runtime.flush_metrics()
    assert written() == {}


def test_a_pipeline_that_is_not_monitored_writes_no_metrics(written: Callable[[], dict[str, float]]) -> None:
    world = World(monitored=False)
    world.runtime.count(FAILED_OBJECTS)
    world.runtime.flush_metrics()
    measure(world.runtime, {})

    assert written() == {}


@pytest.mark.parametrize(("environment", "monitored"), [({}, False), ({"MONITORED": "true"}, True)])
def test_the_environment_says_whether_it_is_monitored(environment: dict[str, str], monitored: bool) -> None:  # noqa: FBT001
    assert Config.from_environment({"SETTINGS": json.dumps(SETTINGS), **environment}).monitored is monitored
