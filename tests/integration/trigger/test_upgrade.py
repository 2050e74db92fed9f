"""An upgrade in place: what an earlier version of the functions has left is continued, nothing lost, nothing twice.

``earlier_ledger/`` has tables, manifests and executions that the functions of the version without an inbox have
written, stopped at different points. Names in the table are hashes of the bucket's name, among others, and are computed
anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s3_trigger.messages import Upload, digest, parse_message
from tests.helpers.trigger_world import Execution, Trigger

Make = Callable[..., Trigger]
RECORDED = {path.stem: path for path in sorted((Path(__file__).parent / "earlier_ledger").glob("*.json"))}
CHANGES: dict[str, dict[str, Any]] = {
    "unchanged": {},
    "batches": {"batch_size": 5, "batch_window": 60, "max_concurrent_jobs": None},
    "one_by_one": {"batch_size": 1, "max_concurrent_jobs": 1},
    "other_keys": {"prefixes": ["in/deeper/"], "group_by": {"folders": 1}},
}
# The earlier version's intake may run for two minutes; nothing is sealed before.
WAIT_MINUTES = 3


def restore(trigger: Make, name: str, **changes: Any) -> tuple[Trigger, dict[str, Any]]:
    """Create the world of a recording, deployed with changed settings, and return it with the recording."""
    recorded = json.loads(RECORDED[name].read_text(encoding="utf-8"))
    world = trigger(**(recorded["settings"] | changes))
    text = json.dumps(recorded)
    for old, new in _renamed(recorded, world).items():
        text = text.replace(old, new)
    recorded = json.loads(text)
    world.now = recorded["now"]
    for item in recorded["items"]:
        world.dynamodb.put_item(TableName=str(world.settings["table"]), Item=item)
    for key, body in recorded["manifests"].items():
        world.s3.put_object(Bucket=world.manifests, Key=key, Body=body.encode())
    for event in recorded["events"]:
        key = _upload(event).key
        if (name, key) != ("decided_slot", "in/b.csv"):  # which was deleted
            world.s3.put_object(Bucket=world.bucket, Key=key, Body=b"x")
    for execution in recorded["executions"]:
        world.states.start_execution(
            stateMachineArn=str(world.settings["state_machine_arn"]),
            name=execution["name"],
            input=json.dumps(execution["input"], sort_keys=True),
        )
    for execution in world.running(len(recorded["executions"])):
        if not next(one["running"] for one in recorded["executions"] if one["name"] == execution.name):
            world.end(execution, error="" if name == "over" else "States.TaskFailed", report=False)
    return world, recorded


def _renamed(recorded: dict[str, Any], world: Trigger) -> dict[str, str]:
    """Return the new texts for the old ones: names of resources, uploads, batches and runs."""
    old_id = recorded["id"]
    renamed = {f"in-{old_id}": world.bucket, f"out-{old_id}": world.manifests}
    for event in recorded["events"]:
        upload = parse_message(event)
        assert isinstance(upload, Upload)
        renamed[upload.name] = digest(world.bucket, upload.key, upload.sequencer)
    runs = [item for item in recorded["items"] if "positions" in item]
    for _ in range(len(runs)):  # a run's name is derived from that of the one that it repeats
        for item in runs:
            batch, positions, after = (item[field]["S"] for field in ("batch", "positions", "after"))
            renamed[item["run"]["S"]] = digest(renamed[batch], positions, renamed.get(after, after))
    return renamed


def _upload(event: str) -> Upload:
    detail = json.loads(event)["detail"]
    return Upload(detail["bucket"]["name"], detail["object"]["key"], detail["object"]["sequencer"].ljust(64, "0"))


def finish(world: Trigger, *messages: str) -> None:
    """Deliver messages, and let everything that waits or runs succeed."""
    assert world.deliver(*messages) == []
    for _ in range(30):
        world.dispatch(minutes=WAIT_MINUTES)
        running = _running(world)
        for execution in running:
            world.end(execution)
        if not running and not _pending(world):
            return
    raise AssertionError(_pending(world))


def _running(world: Trigger) -> list[Execution]:
    listed = world.states.list_executions(
        stateMachineArn=str(world.settings["state_machine_arn"]), statusFilter="RUNNING", maxResults=1000
    )
    return world.running(len(listed["executions"]))


def _pending(world: Trigger) -> list[dict[str, Any]]:
    partitions = ("inbox", "sealed", "open", "ready", "active", "slot", "outbox")
    return [item for item in world.items() if item["pk"] in partitions]


def succeeded(world: Trigger) -> Counter[str]:
    """Return how often each key was in an execution that succeeded."""
    statuses = {
        name: world.states.describe_execution(executionArn=world.arn(name))["status"] for name in world.executions
    }
    return Counter(key for name, one in world.executions.items() if statuses[name] == "SUCCEEDED" for key in one.keys)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", RECORDED)
def test_what_an_earlier_version_has_left_is_finished_once(trigger: Make, name: str, change: str) -> None:
    world, recorded = restore(trigger, name, **CHANGES[change])
    # Each event once more, as S3 may deliver it, and each dead letter twice, as an operator may send it back.
    finish(world, *recorded["events"], *recorded["dead_letters"], *recorded["dead_letters"])
    keys = [_upload(event).key for event in recorded["events"]]
    missing = {"in/b.csv"} if name == "decided_slot" else set()
    assert succeeded(world) == Counter(key for key in keys if key not in missing)
    slots = [int(item["count"]) for item in world.items() if item["pk"] == "slots"]
    assert slots in ([], [0])


def test_retry_and_redrive_of_an_earlier_failure_start_it_once(trigger: Make) -> None:
    world, recorded = restore(trigger, "running_and_dead")
    failed = next(execution for execution in recorded["executions"] if not execution["running"])
    retry = {"batch": failed["input"]["batch"], "run": failed["name"]}
    message = {"source": "cdk-sagemaker-processing", "detail-type": "Replay", "detail": retry}
    finish(world, json.dumps(message), *recorded["dead_letters"], json.dumps(message))
    assert succeeded(world) == Counter(["in/a.csv", "in/b.csv", "in/c.csv", "in/d.csv"])


def test_members_that_have_expired_stop_nothing_else(trigger: Make) -> None:
    world, recorded = restore(trigger, "open_and_ready")
    lost = next(item for item in recorded["items"] if item["sk"]["S"].startswith("objects#"))
    world.dynamodb.delete_item(TableName=str(world.settings["table"]), Key={name: lost[name] for name in ("pk", "sk")})
    finish(world, *recorded["events"])
    ((body, reason),) = world.dead_letters()
    assert "has no member" in reason
    dead = json.loads(body)["detail"]
    assert dead["batch"] == lost["pk"]["S"].removeprefix("batch#")
    assert sum(succeeded(world).values()) + dead["objectCount"] == len(recorded["events"])


def test_nothing_is_sealed_while_a_function_of_the_earlier_version_may_run(trigger: Make) -> None:
    world, recorded = restore(trigger, "over")
    assert world.deliver(*recorded["events"], world.upload("in/new.csv")) == []
    world.dispatch(minutes=1)
    assert [item["pk"] for item in _pending(world)] == ["inbox"]
    finish(world)
    assert succeeded(world)["in/new.csv"] == 1
    world.deliver(world.upload("in/later.csv"))
    world.dispatch(minutes=2)
    assert [item["pk"] for item in _pending(world)] == ["active"]


def test_a_new_ledger_waits_for_nobody(trigger: Make) -> None:
    world = trigger()
    world.deliver(world.upload("in/a.csv"))
    world.dispatch()
    world.running(1)
