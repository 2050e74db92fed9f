"""The command `smproc run` while no execution starts: how long it waits in AWS and locally, and what it says."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model import names
from smproc import operations
from smproc.cli import run as command

AWS, LOCAL = "https://states.eu-west-1.amazonaws.com", "http://127.0.0.1:4566"
SLOW_START = (
    "for at most 600 s (--start-timeout): S3 sends no events in the first minutes, about five, after a deployment"
)
MACHINE = "arn:aws:states:eu-west-1:111122223333:stateMachine:m"


@dataclass
class Clock:
    """A clock on which only `sleep` takes time."""

    now: float = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeSession:
    """The responses of AWS to the command: an execution starts so many seconds after the upload, or never."""

    endpoint: str
    clock: Clock
    starts_after: float | None = None
    uploaded: float = field(default=0.0)
    batch_size: int = 1
    paused: int = 0
    rule: str = "ENABLED"
    denies: bool = False

    def client(self, name: str) -> Any:  # noqa: ANN401
        return {
            "resourcegroupstaggingapi": SimpleNamespace(
                get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: [self._tagged()])
            ),
            "lambda": SimpleNamespace(get_function_configuration=lambda **_: self._configuration()),
            "s3": SimpleNamespace(put_object=self._put_object),
            "stepfunctions": SimpleNamespace(
                meta=SimpleNamespace(endpoint_url=self.endpoint),
                get_paginator=lambda operation: SimpleNamespace(paginate=lambda **_: self._pages(operation)),
                describe_execution=lambda **_: self._execution(),
            ),
            "dynamodb": SimpleNamespace(batch_get_item=self._ledger),
            "events": SimpleNamespace(
                get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: [{"RuleNames": ["uploads"]}]),
                describe_rule=lambda **_: {"State": self.rule, "EventPattern": '{"source": ["aws.s3"]}'},
                test_event_pattern=self._match,
            ),
            "sagemaker": None,
            "logs": None,
        }[name]

    def _tagged(self) -> dict[str, Any]:
        tags = {
            names.PIPELINE_TAG: "Stack/Pipeline",
            names.STACK_TAG: "Stack",
            names.BUCKET_TAG: "in",
            names.STATE_MACHINE_TAG: MACHINE,
            names.LEDGER_TAG: "ledger",
        }
        parts = {names.DISPATCHER: "lambda:r:1:function:d", names.INPUT_QUEUE: "sqs:r:1:q"}
        tagged = [
            {
                "ResourceARN": f"arn:aws:{arn}",
                "Tags": [{"Key": key, "Value": value} for key, value in {**tags, names.PART_TAG: part}.items()],
            }
            for part, arn in parts.items()
        ]
        return {"ResourceTagMappingList": tagged}

    def _configuration(self) -> dict[str, Any]:
        settings = {"prefixes": ["incoming/"], "batch_size": self.batch_size}
        return {"Environment": {"Variables": {"SETTINGS": json.dumps(settings)}}}

    def _ledger(self, **_: object) -> dict[str, Any]:
        self._deny("BatchGetItem")
        item = {"pk": {"S": "slots"}, "sk": {"S": "count"}, "paused": {"N": str(self.paused)}}
        return {"Responses": {"ledger": [item]}}

    def _match(self, Event: str, **_: object) -> dict[str, bool]:  # noqa: N803 - boto3's
        self._deny("TestEventPattern")
        found = json.loads(Event)["detail"]["object"]
        return {"Result": found["key"].endswith(".csv") and found["size"] < 1000}

    def _deny(self, operation: str) -> None:
        if self.denies:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)

    def _put_object(self, **_: object) -> dict[str, Any]:
        self.uploaded = self.clock.now
        return {"ResponseMetadata": {"HTTPHeaders": {}}}

    def _pages(self, operation: str) -> list[dict[str, Any]]:
        started = self.starts_after is not None and self.clock.now >= self.uploaded + self.starts_after
        if operation == "list_executions":
            return [{"executions": [self._execution()] if started else []}]
        return [{"events": []}]

    def _execution(self) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.uploaded + (self.starts_after or 0), tz=UTC)
        return {
            "executionArn": "arn:e",
            "name": "e",
            "status": "SUCCEEDED",
            "startDate": at,
            "stopDate": at,
            "input": json.dumps({"bucket": "in", "key": "incoming/data.csv"}),
        }


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    for module in ("watch", "pipeline"):
        monkeypatch.setattr(importlib.import_module(f"smproc.operations.{module}"), "time", fake)
    return fake


def run(
    session: FakeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, size: int = 4, **arguments: float
) -> None:
    (tmp_path / "data.csv").write_text("a,b\n".ljust(size, "."))
    monkeypatch.setattr(command, "open_session", lambda _: session)
    command.run(tmp_path / "data.csv", **arguments)  # type: ignore[arg-type] # any option


@pytest.mark.parametrize(
    ("endpoint", "seconds"),
    [(AWS, 600), (LOCAL, 60), ("http://localhost:4566", 60), ("http://s3.localhost:80", 60), ("http://[::1]:1", 60)],
)
def test_the_command_waits_longer_in_aws(
    endpoint: str, seconds: int, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = FakeSession(endpoint, clock)
    with pytest.raises(operations.NoExecutionStartedError, match=f"within {seconds} s") as caught:
        run(session, tmp_path, monkeypatch)
    assert seconds < clock.now - session.uploaded < seconds + 2
    again = "if the stack was deployed within five minutes before the upload, S3 may not have reported it"
    assert (again in str(caught.value)) == (endpoint == AWS)


def test_the_option_decides(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(AWS, clock)
    with pytest.raises(operations.NoExecutionStartedError, match="within 3 s"):
        run(session, tmp_path, monkeypatch, start_timeout=3)


def test_an_execution_that_starts_after_minutes_is_followed(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(FakeSession(AWS, clock, starts_after=290), tmp_path, monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["uploaded s3://in/incoming/data.csv (4 bytes)", "    0.0 s  waiting for an execution"]
    assert [line.split(" s  ", 1)[1] for line in lines[2:4]] == [
        SLOW_START,
        "execution SUCCEEDED",
    ]
    assert 15 < float(lines[2].split(" s  ")[0]) < 17


def test_a_quick_start_needs_no_explanation(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(FakeSession(AWS, clock, starts_after=4), tmp_path, monkeypatch)
    assert "may be filling" not in capsys.readouterr().out


def test_the_local_aws_sends_events_immediately(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(operations.NoExecutionStartedError):
        run(FakeSession(LOCAL, clock), tmp_path, monkeypatch)
    shown = capsys.readouterr().out
    assert "for at most 60 s (--start-timeout)\n" in shown


@pytest.mark.parametrize("batch_size", [1, 2, 0])
def test_a_batch_is_named_where_there_are_batches(
    batch_size: int,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(operations.NoExecutionStartedError) as caught:
        run(FakeSession(LOCAL, clock, batch_size=batch_size), tmp_path, monkeypatch)
    assert ("a batch may be filling" in capsys.readouterr().out) == (batch_size != 1)
    assert ("it may wait for a batch to fill" in str(caught.value)) == (batch_size != 1)


@pytest.mark.parametrize(
    ("changes", "size", "message"),
    [
        (
            {"paused": 1_800_000_000},
            4,
            (
                "the pipeline Stack/Pipeline has been paused since 2027-01-15 08:00:00 UTC, so nothing would "
                "start, and nothing was uploaded; resume it first: smproc resume --pipeline Stack/Pipeline"
            ),
        ),
        (
            {"rule": "DISABLED"},
            4,
            (
                "uploads do not start the pipeline Stack/Pipeline: its rule is disabled (start_on_upload=False, or see "
                "smproc doctor --pipeline Stack/Pipeline), so nothing was uploaded; start it with smproc schedule fire "
                "--pipeline Stack/Pipeline or smproc backfill start --pipeline Stack/Pipeline"
            ),
        ),
        (
            {},
            2000,
            (
                "an object 'incoming/data.csv' of 2,000 bytes starts nothing, so it was not uploaded: no rule of the "
                "pipeline Stack/Pipeline matches it; choose a key that matches with --name, or see: smproc doctor "
                "--pipeline Stack/Pipeline --key incoming/data.csv"
            ),
        ),
    ],
    ids=["paused", "disabled", "size"],
)
def test_a_file_that_can_start_nothing_is_not_uploaded(
    changes: dict[str, Any], size: int, message: str, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = FakeSession(LOCAL, clock, **changes)
    with pytest.raises(operations.NoExecutionStartedError) as caught:
        run(session, tmp_path, monkeypatch, size=size)
    assert str(caught.value) == message
    assert not session.uploaded


def test_what_may_not_be_read_is_not_checked(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(FakeSession(LOCAL, clock, starts_after=1, paused=1, denies=True), tmp_path, monkeypatch)


def test_a_file_that_does_not_exist_is_not_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "open_session", lambda _: pytest.fail("must not call AWS"))
    with pytest.raises(FileNotFoundError):
        command.run(tmp_path / "absent.csv", "Stack")


def test_a_failed_execution_is_the_exit_status(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(AWS, clock, starts_after=1)
    failed = session._execution() | {"status": "FAILED"}
    monkeypatch.setattr(
        session, "_execution", lambda: failed | {"startDate": datetime.fromtimestamp(clock.now, tz=UTC)}
    )
    with pytest.raises(typer.Exit):
        run(session, tmp_path, monkeypatch)
