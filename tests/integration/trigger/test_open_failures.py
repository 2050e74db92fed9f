"""The failures that need attention, as `smproc status` counts them, after repairs of each kind."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from smproc.operations import UploadReader
from smproc.operations.failures import open_failures
from tests.helpers.trigger_world import Trigger
from tests.integration.trigger.test_states_of_uploads import pipeline_of

Make = Callable[..., Trigger]


def found(world: Trigger, *, seconds: float = 3600) -> tuple[int, list[str]]:
    """Return the number of executions, and the keys of the uploads."""
    failures = open_failures(UploadReader(pipeline_of(world)), datetime.fromtimestamp(time.time() - seconds, tz=UTC))
    return failures.executions, sorted(upload.key for upload in failures.uploads)


def fail(world: Trigger, *keys: str) -> None:
    world.start(*map(world.upload, keys))
    for execution in world.running_now():
        world.end(execution, error="Failed")


def succeed(world: Trigger) -> None:
    for execution in world.running_now():
        world.end(execution)


def test_a_dead_letter_that_is_sent_back_makes_its_failure_good(trigger: Make) -> None:
    world = trigger()
    fail(world, "in/a.csv", "in/b.csv")
    assert found(world) == (2, ["in/a.csv", "in/b.csv"])

    bodies = [body for body, _ in world.dead_letters() if "in/a.csv" in body]
    world.start(*bodies)
    assert found(world) == (1, ["in/b.csv"])
    for execution in world.running_now():
        world.end(execution, error="Failed")
    assert found(world) == (2, ["in/a.csv", "in/b.csv"])

    world.start(*[body for body, _ in world.dead_letters()])
    succeed(world)
    assert found(world) == (1, ["in/b.csv"])


def test_a_later_upload_of_the_same_object_makes_a_failure_good(trigger: Make) -> None:
    world = trigger()
    fail(world, "in/a.csv", "in/b.csv")
    world.start(world.upload("in/a.csv"))
    succeed(world)
    assert found(world) == (1, ["in/b.csv"])
    fail(world, "in/a.csv")
    assert found(world) == (2, ["in/a.csv", "in/b.csv"])


def test_the_halves_of_a_bisected_batch_count_and_not_the_batch(trigger: Make) -> None:
    world = trigger(batch_size=4, batch_window=60, max_replays=50)
    keys = [f"in/{name}.csv" for name in "abcd"]
    fail(world, *keys)
    world.dispatch()
    assert found(world) == (0, [])  # the halves are on their way
    first, second = sorted(world.running_now(), key=lambda one: one.keys)
    world.end(first)
    world.end(second, error="States.Runtime")  # of which no object is to blame
    assert found(world) == (1, keys[2:])

    world.start(*map(world.upload, keys))
    succeed(world)
    assert found(world) == (0, [])


def test_a_part_of_a_batch_that_was_uploaded_again_leaves_the_rest_open(trigger: Make) -> None:
    world = trigger(batch_size=2, batch_window=60)
    world.start(world.upload("in/a.csv"), world.upload("in/b.csv"))
    for execution in world.running_now():
        world.end(execution, error="States.Runtime")
    world.start(world.upload("in/b.csv"), world.upload("in/c.csv"))
    succeed(world)
    assert found(world) == (1, ["in/a.csv"])


def test_an_execution_that_no_upload_started_stays_open(trigger: Make) -> None:
    world = trigger()
    world.states.start_execution(stateMachineArn=str(world.settings["state_machine_arn"]), name="nightly", input="{}")
    world.states.stop_execution(executionArn=world.arn("nightly"))
    assert found(world) == (1, [])
    assert found(world, seconds=0) == (0, [])


def test_an_old_failure_is_left_out(trigger: Make) -> None:
    world = trigger()
    fail(world, "in/a.csv")
    assert found(world, seconds=0) == (0, [])
