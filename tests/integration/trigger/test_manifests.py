"""The content of manifests, and the upload of large ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from s3_trigger import manifest, starter
from s3_trigger.messages import is_name
from s3_trigger.object_lookup import Found
from tests.helpers.hostile_names import NAMES
from tests.helpers.trigger_world import Trigger, dead_keys

Make = Callable[..., Trigger]
KEYS = [
    f"in/{name}" for name in (*NAMES, "ä/日本語.csv", "../up.csv", "../../up.csv", "/two.csv", "a/../b", "k" * 1021)
]


def test_keys_are_data(trigger: Make) -> None:
    world = trigger(batch_size=len(KEYS), batch_window=60)
    assert world.deliver(*(world.upload(key) for key in KEYS)) == []
    world.dispatch()
    (execution,) = world.running(1)
    assert sorted(execution.keys) == sorted(KEYS)


def test_keys_are_data_without_batches(trigger: Make) -> None:
    world = trigger()
    world.start(*(world.upload(key) for key in KEYS))
    executions = world.running(len(KEYS))
    assert sorted(execution.keys for execution in executions) == sorted((key,) for key in KEYS)
    assert sorted(execution.input["key"] for execution in executions) == sorted(KEYS)
    assert all(is_name(execution.name) for execution in executions)
    listed = world.s3.list_objects_v2(Bucket=world.manifests)["Contents"]
    in_manifests = {one.name: one.input["key"] for one in executions if one.input["s3_data_type"] == "ManifestFile"}
    assert {item["Key"] for item in listed} == {f"manifests/{name}.json" for name in in_manifests}
    assert {key for key in KEYS if any(other != key and other.startswith(key) for other in KEYS)} <= {
        *in_manifests.values()
    }


@pytest.mark.parametrize("group_by", [{"folders": 1}, {"pattern": "(?s)^in/(.*)/file$"}])
def test_groups_are_data(trigger: Make, group_by: dict[str, Any]) -> None:
    names = [name for name in NAMES if name not in ("..", ".")]
    world = trigger(batch_size=2, batch_window=60, group_by=group_by)
    assert world.deliver(*(world.upload(f"in/{name}/file") for name in names)) == []
    world.dispatch(minutes=2)
    executions = world.running(len(names))
    assert sorted(execution.keys for execution in executions) == sorted((f"in/{name}/file",) for name in names)
    groups = names if "pattern" in group_by else [f"in/{name}" for name in names]
    assert sorted(execution.input["group"] for execution in executions) == sorted(groups)


def test_keys_are_data_in_dead_letters_and_events_of_failures(trigger: Make) -> None:
    world = trigger(batch_size=1, max_replays=0, max_concurrent_jobs=len(KEYS))
    world.listen()
    assert world.deliver(*(world.upload(key) for key in KEYS)) == []
    world.dispatch()
    for execution in world.running(len(KEYS)):
        world.end(execution, error="Failed")
    world.dispatch(minutes=2)
    uris = sorted([f"s3://{world.bucket}/{key}"] for key in KEYS)
    assert sorted(dead_keys(body) for body, _ in world.dead_letters()) == sorted([key] for key in KEYS)
    assert sorted(event["objects"] for event in world.published()) == uris


def test_a_key_that_is_uploaded_several_times_is_listed_once(trigger: Make) -> None:
    world = trigger(batch_size=4, batch_window=60)
    assert world.deliver(*(world.upload(f"in/{name}") for name in "abab")) == []
    world.dispatch()
    (execution,) = world.running(1)
    assert execution.keys == ("in/a", "in/b")
    assert execution.input["objects"] == 2


@pytest.mark.parametrize(
    ("prefixes", "root"),
    [
        ([], ""),
        (["in/"], "in/"),
        (["in/blue", "in/black"], "in/"),
        (["in/2024/", "in/2025/"], "in/"),
        (["a/", "b/"], ""),
        (["in/da"], "in/"),
    ],
)
def test_a_manifest_has_the_folder_that_all_prefixes_share_as_its_prefix(
    trigger: Make, prefixes: list[str], root: str
) -> None:
    world = trigger(prefixes=prefixes, batch_size=2, batch_window=60)
    assert world.runtime.grouping.root == root


def test_an_object_that_the_function_may_not_read_is_left_to_the_job(trigger: Make) -> None:
    world = trigger(batch_size=2, batch_window=60)
    events = [world.upload("in/visible"), world.event("in/hidden")]
    world.faults.refused["HeadObject"] = ("403", 403, lambda parameters: parameters["Key"] == "in/hidden")
    world.faults.refused["ListObjectsV2"] = ("AccessDenied", 403, lambda _: True)
    world.start(*events)
    (execution,) = world.running(1)
    assert execution.keys == ("in/hidden", "in/visible")
    assert world.dead_letters() == []


LONG_KEYS = [f"in/{number:05}" + "k" * 1000 for number in range(7000)]  # a manifest of 7 MB


def test_a_large_manifest_is_uploaded_in_parts(trigger: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = trigger(batch_size=7000, batch_window=60)
    monkeypatch.setattr(
        starter, "look_up", lambda _, __, keys, **___: iter([Found(exists=True, is_alone=False)] * len(keys))
    )
    for first in range(0, len(LONG_KEYS), 1000):
        assert world.deliver(*map(world.event, LONG_KEYS[first : first + 1000])) == []
    calls = world.count(world.dispatch)
    assert calls.count("UploadPart") == 2
    (execution,) = world.running(1)
    assert list(execution.keys) == LONG_KEYS
    uri = execution.input["s3_uri"].removeprefix(f"s3://{world.manifests}/")
    body = world.s3.get_object(Bucket=world.manifests, Key=uri)["Body"].read()
    assert len(json.loads(body)) == 7001


@pytest.mark.parametrize("failing", ["keys", "UploadPart"])
def test_an_upload_that_fails_midway_leaves_no_parts(
    trigger: Make, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    world = trigger()
    s3 = world.runtime.s3
    upload_part = s3.upload_part
    parts: list[int] = []

    def keys() -> Iterator[str]:
        for key in LONG_KEYS:
            if failing == "keys" and key == LONG_KEYS[-1]:
                raise RuntimeError("no way")
            yield key

    def upload(**arguments: Any) -> Any:  # noqa: ANN401
        parts.append(arguments["PartNumber"])
        if failing == "UploadPart" and len(parts) > 1:
            raise RuntimeError("no way")
        return upload_part(**arguments)

    monkeypatch.setattr(s3, "upload_part", upload)

    def write() -> None:
        with pytest.raises(RuntimeError, match="no way"):
            manifest.write(s3, (world.manifests, "manifests/m.json"), (world.bucket, "in/"), keys())

    calls = world.count(write)

    assert "UploadPart" in calls
    assert calls[-1] == "AbortMultipartUpload"
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.manifests)
    assert "Contents" not in world.s3.list_objects_v2(Bucket=world.manifests)


def test_a_manifest_of_missing_objects_is_not_written(trigger: Make) -> None:
    world = trigger(batch_size=3, batch_window=60)
    world.start(*(world.event(f"in/{number}") for number in range(3)))
    world.running(0)
    assert "Contents" not in world.s3.list_objects_v2(Bucket=world.manifests)
