"""The comparison of executions with recordings: what counts as a difference, and what the recording replaced."""

from __future__ import annotations

import pytest

from tools.recordings.comparison import ROLE, End, Verdict, compare
from tools.recordings.objects import object_of


def end(output: object = None, *events: str, event: str = "ExecutionSucceeded", error: str | None = None) -> End:
    return End(event=event, error=error, output=output, events=events)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        (end({"a": 1}), end({"a": 1}), Verdict.SAME),
        (end({"a": 1}), end({"a": 1.5}), Verdict.OUTPUT),
        (end({"a": 1}), end({"a": 1, "b": 2}), Verdict.OUTPUT),
        (end({"a": True}), end({"a": 1}), Verdict.OUTPUT),
        (end([1, 2]), end([1]), Verdict.OUTPUT),
        (end({"id": "5f", "at": "2026-01-01"}), end({"id": "<id:1>", "at": "date"}), Verdict.SAME),
        (end({"role": ROLE}), end({"role": "snf_role_arn"}), Verdict.SAME),
        (end({"role": "another"}), end({"role": "snf_role_arn"}), Verdict.OUTPUT),
        (end(error="A"), end(error="B"), Verdict.ERROR),
        (end(event="ExecutionFailed"), end(), Verdict.STATUS),
        (end(None, "a", "b"), end(None, "b", "a"), Verdict.SAME),
        (end(None, "a", "a"), end(None, "a"), Verdict.EVENTS),
    ],
)
def test_an_execution_is_compared_with_its_recording(ours: End, theirs: End, verdict: Verdict) -> None:
    assert compare(ours, theirs) is verdict


def test_the_object_of_a_recording_is_that_of_its_test() -> None:
    assert object_of("scenarios/test_a.py::TestA::test_map_item_reader_csv_max_items[0]") is not None
    assert object_of("scenarios/test_a.py::TestA::test_pass") is None
