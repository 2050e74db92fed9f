"""Events in any order: each upload is in exactly one first execution, or in the dead-letter queue.

A model of the world draws the events: uploads; late, duplicated and reordered deliveries; functions that are killed at
any call; executions that end, fail and are stopped; ends that no event reports. The functions and the services are the
real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.helpers.trigger_world import Clients, Execution, Killed, Trigger, dead_keys

pytestmark = pytest.mark.exhaustive

KINDS: dict[str, dict[str, Any]] = {
    "single_objects": {},
    "one_by_one": {"max_concurrent_jobs": 1, "max_replays": 100},
    "batches": {"batch_size": 3, "batch_window": 60, "max_replays": 100},
    "batches_in_two_slots": {"batch_size": 4, "batch_window": 60, "max_concurrent_jobs": 2, "max_replays": 100},
}
KILLS = st.none() | st.tuples(st.integers(1, 12), st.booleans())


class World(RuleBasedStateMachine):
    """The events that may happen."""

    clients: Clients
    kind: dict[str, Any]

    @initialize()
    def create_world(self) -> None:
        self.world = Trigger(self.clients, **self.kind)
        self.waiting: list[str] = []  # messages that are not acknowledged yet
        self.acknowledged: list[str] = []
        self.keys: list[str] = []
        self.missing: set[str] = set()
        self.siblings: set[str] = set()
        self.stopped: set[str] = set()

    @rule(count=st.integers(1, 5), kind=st.sampled_from(["good", "good", "bad", "deleted"]))
    def upload(self, count: int, kind: str) -> None:
        for _ in range(count):
            key = f"in/{kind}-{len(self.keys)}"
            self.keys.append(key)
            self.waiting.append(self.world.upload(key))
        if kind == "deleted":
            self.world.s3.delete_object(Bucket=self.world.bucket, Key=key)
            self.missing.add(key)

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def add_or_delete_sibling(self, data: st.DataObject) -> None:
        """Change whether another key starts with an object's key, without an event."""
        sibling = f"{data.draw(st.sampled_from(self.keys))}.bak"
        if sibling in self.siblings:
            self.world.s3.delete_object(Bucket=self.world.bucket, Key=sibling)
        else:
            self.world.s3.put_object(Bucket=self.world.bucket, Key=sibling, Body=b"x")
        self.siblings ^= {sibling}

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), kill=KILLS)
    def deliver(self, data: st.DataObject, kill: tuple[int, bool] | None) -> None:
        messages = data.draw(st.lists(st.sampled_from(self.waiting), min_size=1, max_size=6))
        self._deliver(messages, kill)

    @precondition(lambda self: self.acknowledged)
    @rule(data=st.data(), kill=KILLS)
    def deliver_again(self, data: st.DataObject, kill: tuple[int, bool] | None) -> None:
        self._deliver(data.draw(st.lists(st.sampled_from(self.acknowledged), min_size=1, max_size=4)), kill)

    @rule(minutes=st.sampled_from([0, 1, 2, 12]), kill=KILLS)
    def dispatch(self, minutes: int, kill: tuple[int, bool] | None) -> None:
        self._run_with_kill(lambda: self.world.dispatch(minutes=minutes), kill)

    @rule(data=st.data(), report=st.booleans(), stop=st.sampled_from([False, False, True]))
    def end(self, data: st.DataObject, *, report: bool, stop: bool) -> None:
        running = self._running()
        if running:
            self._end(data.draw(st.sampled_from(running)), report=report, stop=stop)

    @invariant()
    def no_more_run_than_allowed(self) -> None:
        slots = self.kind.get("max_concurrent_jobs")
        assert slots is None or len(self._running()) <= slots

    def teardown(self) -> None:
        """Finish all remaining work, then check the outcome."""
        if not hasattr(self, "world"):
            return
        for _ in range(200):
            if self.waiting:
                self._deliver(list(self.waiting), None)
            self.world.dispatch(minutes=12)
            running = self._running()
            for execution in running:
                self._end(execution, report=True, stop=False)
            if not running and not self.waiting and not self.world.pending():
                break
        else:
            raise AssertionError(self.world.pending())
        assert self.world.slots() == 0
        self._check()

    def _check(self) -> None:
        executions = list(self.world.executions.values())
        repetitions = {item["name"] for item in self._runs() if "after" in item}
        in_first = sorted(key for one in executions if one.name not in repetitions for key in one.keys)
        assert in_first == sorted(set(self.keys) - self.missing)
        dead = set(self._dead_objects())
        letters = dead - self.missing
        done = list(self.world.keys("SUCCEEDED", "ABORTED").elements())
        assert sorted([*done, *letters]) == sorted(set(self.keys) - self.missing)
        assert self.missing <= dead
        assert all("bad" in key for key in letters)

    def _runs(self) -> list[dict[str, Any]]:
        return [item for item in self.world.items() if item["sk"] == "run"]

    def _dead_objects(self) -> list[str]:
        return [key for body in {body for body, _ in self.world.dead_letters()} for key in dead_keys(body)]

    def _running(self) -> list[Execution]:
        return self.world.running_now()

    def _end(self, execution: Execution, *, report: bool, stop: bool) -> None:
        bad = any("bad" in key for key in execution.keys)
        error = "ABORTED" if stop else "States.TaskFailed" if bad else ""
        event = self.world.end(execution, error=error, report=False)
        if report:
            self.waiting.append(event)

    def _deliver(self, messages: list[str], kill: tuple[int, bool] | None) -> None:
        def work() -> None:
            failed = {messages[position] for position in self.world.deliver(*messages)}
            for message in set(messages) - failed:
                if message in self.waiting:
                    self.waiting.remove(message)
                    self.acknowledged.append(message)

        self._run_with_kill(work, kill)

    def _run_with_kill(self, work: Callable[[], None], kill: tuple[int, bool] | None) -> None:
        if kill is None:
            work()
            return
        faults = self.world.faults
        faults.kill_at, faults.after = len(faults.calls) + kill[0], kill[1]
        try:
            work()
        except Killed:
            pass
        finally:
            faults.kill_at = None


@pytest.mark.parametrize("kind", KINDS)
def test_each_upload_is_in_one_first_execution(clients: Clients, kind: str) -> None:
    machine = type("World", (World,), {"clients": clients, "kind": KINDS[kind]})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # shrinking a world takes too long; its events are printed
            suppress_health_check=list(HealthCheck),
        ),
    )
