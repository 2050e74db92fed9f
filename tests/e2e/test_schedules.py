"""Schedules on the local AWS: runs over windows that neither overlap nor leave a gap, and flushes of batches."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from smproc.cli import main
from smproc.local import LocalAws
from tests.helpers.deployment import bootstrap, cdk, session_at
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import until

pytestmark = pytest.mark.exhaustive

YEAR = datetime.now(UTC).strftime("%Y")


@dataclass(frozen=True)
class Schedules:
    """The deployed stack."""

    local_aws: LocalAws
    session: Any
    outputs: dict[str, str]

    def put(self, bucket: str, *keys: str) -> None:
        for key in keys:
            self.session.client("s3").put_object(Bucket=self.outputs[bucket], Key=key, Body=b"a\n")

    def executions(self, machine: str) -> list[dict[str, Any]]:
        """Return the executions of a state machine, the oldest first."""
        states = self.session.client("stepfunctions")
        listed = states.list_executions(stateMachineArn=self.outputs[machine])["executions"]
        return [states.describe_execution(executionArn=each["executionArn"]) for each in reversed(listed)]

    def started(self, *scheduled_times: str) -> list[str]:
        """Start the window's state machine as the schedule does at some times; return the executions' ARNs."""
        states = self.session.client("stepfunctions")
        return [
            states.start_execution(
                stateMachineArn=self.outputs["Starter"], input=json.dumps({"scheduled_time": scheduled})
            )["executionArn"]
            for scheduled in scheduled_times
        ]

    def open_objects(self) -> int:
        """Return the number of objects in open batches."""
        dynamodb = self.session.client("dynamodb")
        items = [
            item for table in dynamodb.list_tables()["TableNames"] for item in dynamodb.scan(TableName=table)["Items"]
        ]
        return sum(int(item["objects"]["N"]) for item in items if item["pk"]["S"] == "open")

    def told(self, text: str) -> list[dict[str, Any]]:
        """Return what the jobs have logged that contains a text."""
        logs = self.session.client("logs")
        events = logs.filter_log_events(logGroupName="/aws/sagemaker/ProcessingJobs", filterPattern=f'"{text}"')
        return [json.loads(event["message"]) for event in events["events"] if event["message"].startswith("{")]


@pytest.fixture(scope="module")
def schedules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Schedules]:
    folder = tmp_path_factory.mktemp("schedules")
    local_aws = LocalAws(port=free_port(), state_dir=folder / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0.02")  # half a minute between two looks is long for a test
        local_aws.start()
    try:
        environment = local_aws.redirect(os.environ)
        bootstrap(environment)
        app = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'schedules' / 'app.py'}"
        outputs = folder / "outputs.json"
        cdk(["deploy", "--app", app, "--output", str(folder / "out"), "--outputs-file", str(outputs)], environment)
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        session_at(session, local_aws.endpoint)
        deployed = Schedules(local_aws, session, json.loads(outputs.read_text())["Schedules"])
        # The flush is the last test: the uploads are in a batch within a minute, while the others wait too.
        deployed.put("BatchesBucket", "in/a.csv", "in/b.csv")
        yield deployed
    finally:
        local_aws.stop()


def windows(schedules: Schedules) -> list[tuple[str, str]]:
    inputs = [json.loads(each["input"]) for each in schedules.executions("WindowsMachine")]
    return [(each["start"], each["end"]) for each in inputs]


def test_a_schedule_fires_twice_and_its_runs_and_windows_do_not_overlap(schedules: Schedules) -> None:
    schedules.put("WindowsBucket", f"in/{YEAR}/a.csv", "in/1999/old.csv")

    until(lambda: len(schedules.executions("WindowsMachine")) > 1, seconds=180)
    until(lambda: schedules.executions("WindowsMachine")[1]["status"] != "RUNNING")

    first, second = schedules.executions("WindowsMachine")[:2]
    assert (first["status"], second["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert first["stopDate"] <= second["startDate"]
    (start, end), (next_start, next_end) = windows(schedules)[:2]
    assert (next_start, start < end < next_end) == (end, True)
    assert {"arguments": [start, end, f'the {end[:10]} of "it\'s"'], "files": ["a.csv"]} in schedules.told(end)


def test_windows_have_no_gap_where_a_day_has_25_hours(schedules: Schedules) -> None:
    """Two in the morning in Berlin, before and after the end of daylight saving: 25 hours apart in UTC."""
    earlier = len(windows(schedules))
    times = ["2030-10-26T00:00:00Z", "2030-10-27T01:00:00Z", "2030-10-28T01:00:00Z"]
    schedules.put("WindowsBucket", "in/2030/a.csv")

    for number, scheduled in enumerate(times, start=1):
        schedules.started(scheduled)
        until(lambda number=number: len(windows(schedules)) == earlier + number)  # type: ignore[misc]

    found = windows(schedules)[earlier:]
    assert [end for _, end in found] == times
    assert [start for start, _ in found[1:]] == times[:-1]


def test_a_time_that_comes_twice_starts_one_run(schedules: Schedules) -> None:
    schedules.put("WindowsBucket", "in/2031/a.csv")
    scheduled = "2031-01-01T00:00:00Z"
    states = schedules.session.client("stepfunctions")

    for arn in (schedules.started(scheduled)[0], schedules.started(scheduled)[0]):
        until(lambda arn=arn: states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")  # type: ignore[misc]
    assert [end for _, end in windows(schedules)].count(scheduled) == 1


def test_a_run_waits_for_the_one_before_and_the_times_meanwhile_are_in_its_successor(schedules: Schedules) -> None:
    schedules.put("WindowsBucket", "in/2032/a.csv")
    times = [f"2032-01-0{day}T00:00:00Z" for day in range(1, 5)]

    schedules.started(times[0])
    until(lambda: times[0] in [end for _, end in windows(schedules)])
    schedules.started(*times[1:3])
    states = schedules.session.client("stepfunctions")
    until(
        lambda: (
            not states.list_executions(stateMachineArn=schedules.outputs["Starter"], statusFilter="RUNNING")[
                "executions"
            ]
        )
    )
    schedules.started(times[3])
    until(lambda: times[3] in [end for _, end in windows(schedules)])

    runs = [
        (datetime.fromisoformat(json.loads(each["input"])["end"]), each)
        for each in schedules.executions("WindowsMachine")
    ]
    of_2032 = [run for end, run in runs if end.year == 2032]
    covered = [(json.loads(run["input"])["start"], json.loads(run["input"])["end"]) for run in of_2032]
    assert all(before["stopDate"] <= after["startDate"] for before, after in itertools.pairwise(of_2032))
    assert [start for start, _ in covered[1:]] == [end for _, end in covered[:-1]]
    assert covered[-1][1] == times[3]


def test_a_window_without_objects_starts_no_run(schedules: Schedules) -> None:
    states = schedules.session.client("stepfunctions")
    before = len(windows(schedules))

    (arn,) = schedules.started("2040-01-01T00:00:00Z")

    until(lambda: states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
    assert json.loads(states.describe_execution(executionArn=arn)["output"])["execution"] == "none"
    assert len(windows(schedules)) == before


def test_a_flush_starts_the_open_batches(schedules: Schedules, capsys: pytest.CaptureFixture[str]) -> None:
    until(lambda: schedules.open_objects() == 2, seconds=150)  # the ledger is sealed once a minute
    assert schedules.executions("BatchesMachine") == []
    port = str(schedules.local_aws.port)

    assert main(["schedule", "list", "--stack", "Schedules", "--local", port]) == 0
    listed = "Schedules/Batches/Trigger/Flush\n    rate(1 minute) Etc/UTC, disabled, flushes the open batches"
    assert listed in capsys.readouterr().out
    assert main(["schedule", "fire", "--stack", "Schedules", "--local", port]) == 1
    assert "has several schedules; name one of these: Schedules/Batches/Trigger/Flush" in capsys.readouterr().err
    assert main(["schedule", "fire", "Flush", "--stack", "Schedules", "--local", port]) == 0

    (run,) = until(lambda: schedules.executions("BatchesMachine"), seconds=150)
    assert json.loads(run["input"])["objects"] == 2
