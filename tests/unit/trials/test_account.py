"""The input of a trial's execution is the one that the trigger sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdk_sagemaker_processing.trigger.job_input import BATCH_FIELDS, OBJECT_FIELDS
from smproc.assemblies import CloudAssembly, Trigger
from smproc.trials import TrialAccount, given_files
from smproc.trials.objects import given_objects
from tests.helpers.assemblies import write_assembly


class Store:
    """A session whose only service holds objects in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts = 0

    def client(self, _: str) -> Store:
        return self

    def create_bucket(self, **_: Any) -> None:
        pass

    def put_object(self, **request: Any) -> None:
        body = request["Body"]
        self.puts += 1
        content = body if isinstance(body, bytes) else body.read()
        self.objects[f"s3://{request['Bucket']}/{request['Key']}"] = content


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def account(tmp_path: Path, store: Store) -> Iterator[TrialAccount]:
    account = TrialAccount(CloudAssembly(write_assembly(tmp_path / "cdk.out")))
    account.session = store  # type: ignore[assignment]
    yield account
    account._aws.leave()


def files(tmp_path: Path, *names: str) -> list[Path]:
    for name in names:
        (tmp_path / name).write_text(name)
    return [tmp_path / name for name in names]


def test_one_file_is_one_object(account: TrialAccount, store: Store, tmp_path: Path) -> None:
    trigger = Trigger(bucket="in", prefix="incoming/", manifest_bucket="out")

    sent = account.put_uploaded(given_files(files(tmp_path, "a.csv")), trigger)

    assert sorted(sent) == sorted(OBJECT_FIELDS)
    assert (sent["s3_data_type"], sent["s3_uri"]) == ("S3Prefix", "s3://in/incoming/a.csv")
    assert store.objects == {"s3://in/incoming/a.csv": b"a.csv"}


@pytest.mark.parametrize(("batch_size", "names"), [(1, ("a.csv", "b.csv")), (10, ("a.csv",))])
def test_several_files_and_a_pipeline_with_batches_have_a_manifest(
    account: TrialAccount, store: Store, tmp_path: Path, batch_size: int, names: tuple[str, ...]
) -> None:
    trigger = Trigger(bucket="in", prefix="incoming/", manifest_bucket="out", batch_size=batch_size)

    sent = account.put_uploaded(given_files(files(tmp_path, *names)), trigger)

    assert sorted(sent) == sorted(BATCH_FIELDS)
    assert sent["s3_data_type"] == "ManifestFile"
    assert json.loads(store.objects[sent["s3_uri"]]) == [{"prefix": "s3://in/incoming/"}, *names]


def test_an_object_is_at_its_location(account: TrialAccount, store: Store, tmp_path: Path) -> None:
    account.put_objects(given_objects({"s3://data/raw/lookup.csv": files(tmp_path, "a.csv")}))

    assert store.objects == {"s3://data/raw/lookup.csv": b"a.csv"}


def test_what_has_not_changed_is_uploaded_once(account: TrialAccount, store: Store, tmp_path: Path) -> None:
    (path,) = files(tmp_path, "a.csv")

    assert account.put_input("table", given_files([path])) == "s3://inputs-of-trials/table/a.csv"
    account.put_input("table", given_files([path]))
    assert store.puts == 1

    path.write_text("other")
    account.put_input("table", given_files([path]))
    assert store.objects["s3://inputs-of-trials/table/a.csv"] == b"other"


def test_local_files_go_where_a_deployment_puts_them(account: TrialAccount, store: Store, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print(2)\n")
    assembly = CloudAssembly(write_assembly(tmp_path / "other" / "cdk.out", script=tmp_path / "main.py"))

    account.put_local_files(assembly.local_files)

    assert store.objects == {f"{assembly.local_files[0].uri}main.py": b"print(2)\n"}
