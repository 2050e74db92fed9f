"""Retries of everything that failed, against the trigger's own functions over services in memory."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from smproc.operations import OperationError, Pipeline, RetryPlan, follow_retries, plan_retries, send_retries
from smproc.operations.retries import BISECTED, OTHERS, PENDING, RETRIED, STOPPED
from tests.helpers.exploration.services import Execution
from tests.helpers.exploration.world import FAILURES, MACHINE, Functions, World

SINGLE = {"batch_size": 1, "batch_window": 0}


class Session:
    """A session whose pages have one item each; executions start a second after one another."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent: list[str] = []
        self.refuses = False
        self.requests: list[int] = []

    def client(self, service: str) -> Any:  # noqa: ANN401 - as boto3's
        dynamodb = self.world.services.client("dynamodb")
        clients = {
            "dynamodb": SimpleNamespace(
                get_paginator=lambda _: self._pages_of(dynamodb.query), batch_get_item=dynamodb.batch_get_item
            ),
            "stepfunctions": SimpleNamespace(
                get_paginator=lambda _: SimpleNamespace(paginate=self._list_executions),
                describe_execution=lambda **request: self._described(request["executionArn"]),
            ),
            "sqs": SimpleNamespace(get_queue_url=lambda **_: {"QueueUrl": "q"}, send_message_batch=self._send),
            "lambda": SimpleNamespace(
                get_function_configuration=lambda **_: {
                    "Environment": {"Variables": {"SETTINGS": json.dumps({"trigger": "trigger"})}}
                }
            ),
        }
        return clients[service]

    @staticmethod
    def _pages_of(query: Any) -> Any:  # noqa: ANN401
        def paginate(**request: Any) -> Any:  # noqa: ANN401
            while True:
                page = query(**request, Limit=1)
                yield page
                if "LastEvaluatedKey" not in page:
                    return
                request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

        return SimpleNamespace(paginate=paginate)

    def _list_executions(self, *, stateMachineArn: str, statusFilter: str = "", **_: object) -> Any:  # noqa: ANN401, N803
        for execution in reversed(self.world.services.executions.values()):
            if execution.state_machine == stateMachineArn and statusFilter in ("", execution.status):
                yield {"executions": [self._described(execution.arn)]}

    def _described(self, arn: str) -> dict[str, Any]:
        number = list(self.world.services.executions).index(arn)
        execution = self.world.services.executions[arn]
        started = datetime.fromtimestamp(self.world.now - 100 + number, UTC)
        found = {"name": execution.name, "executionArn": arn, "status": execution.status, "startDate": started}
        ended = {} if execution.status == "RUNNING" else {"stopDate": started + timedelta(seconds=30)}
        return {**found, **ended, "input": execution.input}

    def _send(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "q"
        assert len({entry["Id"] for entry in Entries}) == len(Entries) <= 10
        self.requests.append(len(Entries))
        if self.refuses:
            return {"Failed": [{"Id": "0", "Code": "InternalError", "Message": "try again"}]}
        self.sent += [entry["MessageBody"] for entry in Entries]
        return {}


class Operated:
    """A pipeline with uploads of some keys, a letter each, of which some fail."""

    def __init__(self, keys: str, bad: str, **settings: object) -> None:
        self.world = World(settings, {})
        self.functions = Functions(self.world, "a", settings)
        self.session = Session(self.world)
        session: Any = self.session
        self.pipeline = Pipeline(
            session=session, name="p", state_machine_arn=MACHINE, table="ledger", dispatcher="d", queue_arn="a:q"
        )
        self.functions.dispatch()
        self.world.bad.update(f"in/in/{key}" for key in bad)
        self.functions.deliver(*(self.world.upload(f"in/{key}", f"65AA{number:04}") for number, key in enumerate(keys)))
        self.functions.dispatch()

    def end_all(self) -> None:
        """End what runs, and whatever starts because of that."""
        while running := self.world.running():
            for execution in running:
                event = self.world.end(execution)
                self.functions.deliver(event)
            self.functions.dispatch()

    def plan(self) -> RetryPlan:
        return plan_retries(self.pipeline, datetime.fromtimestamp(self.world.now - 3600, UTC))

    def retry(self) -> RetryPlan:
        """Retry what failed, in two requests."""
        plan = self.plan()
        send_retries(self.pipeline, plan.retries)
        send_retries(self.pipeline, plan.retries)
        self.functions.deliver(*self.session.sent)
        self.functions.dispatch()
        return plan

    def succeeded(self, key: str) -> int:
        return sum(
            one.status == "SUCCEEDED" for one in self.world.services.executions.values() if f"in/in/{key}" in one.keys
        )


def test_a_single_object_runs_again_once_and_once_more_if_it_fails_again() -> None:
    operated = Operated("abc", "a", **SINGLE)
    operated.end_all()
    first = operated.retry()
    operated.end_all()
    second = operated.plan()
    operated.world.bad.clear()
    operated.retry()
    operated.end_all()

    assert [one.about for one in first.retries] == ["s3://in/in/a"]
    assert (len(first.retries), len(second.retries)) == (1, 1)
    assert first.retries[0].again == second.retries[0].name
    assert second.skipped == {RETRIED: 1}
    assert (operated.plan().retries, operated.plan().skipped) == ((), {RETRIED: 2})
    assert [operated.succeeded(key) for key in "abc"] == [1, 1, 1]


def test_a_bisected_batch_is_left_and_its_failed_half_runs_again() -> None:
    operated = Operated("ab", "a", batch_size=2, max_replays=2)
    operated.end_all()
    plan = operated.plan()
    operated.world.bad.clear()
    operated.retry()
    operated.end_all()

    assert [(one.about, one.objects) for one in plan.retries] == [("a batch of 1 object", 1)]
    assert plan.skipped == {BISECTED: 1}
    assert plan.retries[0].again in {one.name for one in operated.world.services.executions.values()}
    assert operated.plan() == RetryPlan(skipped={BISECTED: 1, RETRIED: 1})
    assert [operated.succeeded(key) for key in "ab"] == [1, 1]


def test_a_batch_runs_again_as_a_whole() -> None:
    operated = Operated("ab", "a", batch_size=2, max_replays=0)
    operated.end_all()
    operated.world.bad.clear()
    plan = operated.retry()
    operated.end_all()

    assert [(one.about, one.objects) for one in plan.retries] == [("a batch of 2 objects", 2)]
    assert plan.retries[0].again in {one.name for one in operated.world.services.executions.values()}
    assert [operated.succeeded(key) for key in "ab"] == [1, 1]
    assert operated.plan() == RetryPlan(skipped={RETRIED: 1})


@pytest.mark.parametrize("settings", [SINGLE, {"batch_size": 2}], ids=["single", "batch"])
def test_what_somebody_has_stopped_is_left(settings: dict[str, object]) -> None:
    operated = Operated("ab", "", **settings)
    for execution in operated.world.running():
        operated.functions.deliver(operated.world.end(execution, "ABORTED"))
    count = len(operated.world.services.executions)

    assert operated.plan() == RetryPlan(skipped={STOPPED: count})


def test_a_batch_whose_end_is_not_in_the_ledger_has_to_wait() -> None:
    operated = Operated("ab", "a", batch_size=2, max_replays=0)
    (execution,) = operated.world.running()
    event = operated.world.end(execution)

    assert operated.plan() == RetryPlan(skipped={PENDING: 1})
    operated.functions.deliver(event)
    assert len(operated.plan().retries) == 1


def test_executions_that_no_upload_started_are_left() -> None:
    operated = Operated("a", "", **SINGLE)
    inputs = [
        {"schedule": "Nightly", "bucket": "in"},
        {"bucket": "other", "key": "k", "sequencer": "1", "trigger": "another"},
        {"bucket": "in", "key": "in/z", "sequencer": "1", "trigger": "trigger"},
    ]
    for number, one in enumerate(inputs):
        execution = Execution(MACHINE, f"by-hand-{number}", json.dumps(one), (), "FAILED")
        operated.world.services.executions[execution.arn] = execution

    plan = operated.plan()
    assert plan.skipped == {OTHERS: 2}
    assert [one.about for one in plan.retries] == ["in/z"]  # which was uploaded long before


def test_failures_of_earlier_times_are_left() -> None:
    operated = Operated("a", "a", **SINGLE)
    operated.end_all()
    later = datetime.fromtimestamp(operated.world.now + 3600, UTC)
    assert plan_retries(operated.pipeline, later) == RetryPlan()


def test_ten_retries_are_requested_together_and_a_refusal_is_an_error() -> None:
    operated = Operated("abcdefghijkl", "abcdefghijkl", **SINGLE)
    operated.end_all()
    retries = operated.plan().retries
    send_retries(operated.pipeline, retries)
    assert operated.session.requests == [10, 2]

    operated.session.refuses = True
    with pytest.raises(OperationError, match="the queue of p refused a retry: try again; run the command again"):
        send_retries(operated.pipeline, retries)


def test_the_progress_ends_with_the_last_new_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    operated = Operated("ab", "ab", **SINGLE)
    operated.end_all()
    plan = operated.plan()
    send_retries(operated.pipeline, plan.retries)
    steps = [
        lambda: operated.functions.deliver(*operated.session.sent),
        operated.functions.dispatch,
        lambda: operated.world.bad.discard("in/in/a"),
        operated.end_all,
    ]
    monkeypatch.setattr("smproc.operations.retries.time.sleep", lambda _: steps.pop(0)())
    monkeypatch.setattr("smproc.operations.retries.time.time", lambda: operated.world.now - 200)
    progress = list(follow_retries(operated.pipeline, plan.retries))

    assert [(one.waiting, one.running, one.ended) for one in progress[:2]] == [(2, 0, 0), (2, 0, 0)]
    assert (progress[-1].ended, len(progress[-1].failed)) == (2, 1)
    assert all(one.status in (*FAILURES, "SUCCEEDED") for one in operated.world.services.executions.values())
