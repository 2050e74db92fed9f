"""The progress of a backfill, and the estimate of a dry run."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from smproc.cli.report import show_backfill
from smproc.operations import Backfill, BackfillRefusedError, Backfills, estimate
from smproc.operations.prices import PRICES

STATE = Backfill(
    status="RUNNING",
    reason="",
    is_dry=False,
    started=100,
    updated=110,
    pages=1,
    listed=500,
    expected=2000,
    matched=400,
    known=100,
    forgotten=0,
    folders=0,
    taken=300,
    taken_bytes=3,
    jobs=0,
    failed=2,
    unfinished=7,
    key="in/a",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_the_rate_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "140")
    stream = Terminal()
    last = show_backfill([STATE, replace(STATE, status="DONE", listed=2000, updated=140)], stream)
    assert last.status == "DONE"
    assert "2000/2000" in stream.getvalue()
    assert "50/s" in stream.getvalue()
    assert "300 taken, 2 failed, 7 executions wait or run" in stream.getvalue()


def test_a_pipe_gets_a_line_for_each_change() -> None:
    stream = io.StringIO()
    show_backfill([STATE, STATE, replace(STATE, listed=900, taken=700)], stream)
    assert stream.getvalue().splitlines() == [
        "500 objects listed, 300 taken, 2 failed, 7 executions wait or run",
        "900 objects listed, 700 taken, 2 failed, 7 executions wait or run",
    ]


def session(definition: object, minutes: list[float]) -> Any:  # noqa: ANN401 - a session
    start = datetime(2026, 1, 1, tzinfo=UTC)
    listed = [{"startDate": start, "stopDate": start + timedelta(minutes=taken)} for taken in minutes]
    states = SimpleNamespace(
        describe_state_machine=lambda **_: {"definition": json.dumps(definition)},
        list_executions=lambda **_: {"executions": listed},
    )
    return SimpleNamespace(client=lambda _: states)


def cluster(kind: object, count: object) -> dict[str, Any]:
    return {"Parameters": {"ProcessingResources": {"ClusterConfig": {"InstanceType": kind, "InstanceCount": count}}}}


def test_an_estimate_is_that_of_the_instances_of_all_jobs() -> None:
    definition = {"States": {"A": cluster("ml.m5.xlarge", 2), "B": {"Branches": [cluster("ml.c5.xlarge", 1)]}}}
    found = estimate(session(definition, [10, 20, 30]), "m", 60, pages=1000)
    assert (found.minutes, found.measured) == (20, 3)
    assert found.instances == (("ml.m5.xlarge", 2), ("ml.c5.xlarge", 1))
    assert found.hours == pytest.approx(10 * 2 + 10)
    assert found.usd == pytest.approx(10 * 2 * 0.23 + 10 * 0.204 + 0.005 + 120 * 2.5e-5)


@pytest.mark.parametrize("kind", ["ml.unknown.large", None])
def test_an_unknown_price_is_not_invented(kind: str | None) -> None:
    definition = cluster(kind, 1) if kind else {"ClusterConfig": {"InstanceType.$": "$.type", "InstanceCount.$": "$.n"}}
    found = estimate(session(definition, []), "m", 12)
    assert (found.minutes, found.measured, found.usd) == (5, 0, None)
    assert found.hours == 1


def test_the_prices_name_their_date_and_pages() -> None:
    assert "public tables of 2025" in PRICES["about"]
    assert PRICES["page"].startswith("https://aws.amazon.com/")
    assert all(price > 0 for price in PRICES["instance_hours"].values())


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"FunctionError": "Unhandled", "Payload": b'"why"'}, 'the function dispatcher has failed: "why"'),
        ({"Payload": b"null"}, "the function dispatcher knows no backfills; deploy the stack again"),
        ({"Payload": b'{"refused": "it is over", "backfill": null}'}, "it is over"),
        (
            {"Payload": b'{"refused": "", "backfill": null}'},
            "there was no backfill of pipeline; start one: smproc backfill start",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(answer: dict[str, Any], text: str) -> None:
    payload = answer | {"Payload": io.BytesIO(answer["Payload"])}
    client = SimpleNamespace(invoke=lambda **_: payload)
    backfills = Backfills(pipeline="pipeline", state_machine_arn="m", dispatcher="dispatcher")
    with pytest.raises(BackfillRefusedError) as raised:
        backfills.status(SimpleNamespace(client=lambda _: client))  # type: ignore[arg-type]
    assert str(raised.value) == text
