"""The content of manifests, and the upload of large ones."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from s3_trigger import manifest
from s3_trigger.index_set import IndexSet
from s3_trigger.messages import Upload, is_name
from tests.helpers.hostile_names import NAMES
from tests.helpers.trigger_world import Trigger

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


def test_keys_are_data_without_batches_and_each_has_a_line_in_the_log(
    trigger: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = trigger()
    log = io.StringIO()
    monkeypatch.setattr(world.runtime.logger.registered_handler, "stream", log)
    assert world.deliver(*(world.upload(key) for key in KEYS)) == []
    executions = world.running(len(KEYS))
    assert sorted(execution.keys for execution in executions) == sorted((key,) for key in KEYS)
    assert sorted(execution.input["key"] for execution in executions) == sorted(KEYS)
    assert all(is_name(execution.name) for execution in executions)
    logged = [json.loads(line) for line in log.getvalue().splitlines()]
    assert sorted(line["key"] for line in logged if line.get("message") == "started") == sorted(KEYS)
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
    uris = sorted([f"s3://{world.bucket}/{key}"] for key in KEYS)
    assert sorted(json.loads(body)["detail"]["objects"] for body, _ in world.dead_letters()) == uris
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


def test_an_object_that_the_function_may_not_read_is_left_to_the_job(
    trigger: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = trigger(batch_size=2, batch_window=60)
    events = [world.upload("in/seen"), world.upload("in/hidden")]
    client = world.runtime.s3
    head = client.head_object

    def refuse(**arguments: Any) -> Any:  # noqa: ANN401
        if arguments["Key"] == "in/hidden":
            response: Any = {"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            raise client.exceptions.ClientError(response, "HeadObject")
        return head(**arguments)

    monkeypatch.setattr(client, "head_object", refuse)
    assert world.deliver(*events) == []
    world.dispatch()
    (execution,) = world.running(1)
    assert execution.keys == ("in/seen", "in/hidden")
    assert world.dead_letters() == []


LONG_KEYS = [f"in/{number:05}" + "k" * 1000 for number in range(7000)]  # a manifest of 7 MB


def test_a_large_manifest_is_uploaded_in_parts(trigger: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = trigger(batch_size=7000, batch_window=60)
    monkeypatch.setattr(manifest, "exists", lambda *_: True)
    for first in range(0, len(LONG_KEYS), 1000):
        assert world.deliver(*map(world.event, LONG_KEYS[first : first + 1000])) == []
    calls = world.count(world.dispatch)
    assert calls.count("UploadPart") == 2
    (execution,) = world.running(1)
    assert list(execution.keys) == LONG_KEYS
    uri = execution.input["s3_uri"].removeprefix(f"s3://{world.manifests}/")
    body = world.s3.get_object(Bucket=world.manifests, Key=uri)["Body"].read()
    assert len(json.loads(body)) == 7001


@pytest.mark.parametrize("failing", ["HeadObject", "UploadPart"])
def test_an_upload_that_fails_midway_leaves_no_parts(
    trigger: Make, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    world = trigger()
    uploads = [Upload(world.bucket, key, "1") for key in LONG_KEYS]
    s3 = world.runtime.s3
    upload_part = s3.upload_part
    parts: list[int] = []

    def check(_: object, upload: Upload) -> bool:
        if failing == "HeadObject" and upload is uploads[-1]:
            raise RuntimeError("no way")
        return True

    def upload(**arguments: Any) -> Any:  # noqa: ANN401
        parts.append(arguments["PartNumber"])
        if failing == "UploadPart" and len(parts) > 1:
            raise RuntimeError("no way")
        return upload_part(**arguments)

    monkeypatch.setattr(manifest, "exists", check)
    monkeypatch.setattr(s3, "upload_part", upload)

    def write() -> None:
        with pytest.raises(RuntimeError, match="no way"):
            manifest.write(s3, (world.manifests, "manifests/m.json"), "in/", [list(enumerate(uploads))])

    calls = world.count(write)

    assert "UploadPart" in calls
    assert calls[-1] == "AbortMultipartUpload"
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.manifests)
    assert "Contents" not in world.s3.list_objects_v2(Bucket=world.manifests)


def test_a_manifest_of_missing_objects_is_not_written(trigger: Make) -> None:
    world = trigger()
    members = [(number, Upload(world.bucket, f"in/{number}", "1")) for number in range(3)]
    assert manifest.write(world.runtime.s3, (world.manifests, "m.json"), "in/", [members]) == (0, IndexSet.of(range(3)))
    assert "Contents" not in world.s3.list_objects_v2(Bucket=world.manifests)
