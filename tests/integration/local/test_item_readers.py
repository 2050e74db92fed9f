"""The items that a Distributed Map reads from S3.

See: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
The rules of CSV are those of executions recorded in AWS.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smproc.local.server.step_functions import columnar_items

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

FIRST_ROW = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
GIVEN = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "y"]}
COLUMNS = "a,b\n1,2\n3,4\n"
BOTH = [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def reader(aws: RunningLocalAws, key: str, **config: Any) -> dict[str, Any]:
    return {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": config,
        "Parameters": {"Bucket": aws.bucket, "Key": key},
    }


def states(item_reader: dict[str, Any]) -> dict[str, Any]:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Item",
        "States": {"Item": {"Type": "Pass", "End": True}},
    }
    return {"Map": {"Type": "Map", "ItemReader": item_reader, "ItemProcessor": processor, "End": True}}


def items(aws: RunningLocalAws, item_reader: dict[str, Any], execution_input: object = None) -> Any:  # noqa: ANN401
    execution = aws.wait_for_execution(aws.execute(states(item_reader), execution_input))
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return json.loads(execution["output"])


def failure(aws: RunningLocalAws, item_reader: dict[str, Any], execution_input: object = None) -> str:
    execution = aws.wait_for_execution(aws.execute(states(item_reader), execution_input))
    assert execution["error"] == "States.ItemReaderFailed"
    return execution["cause"]


def parquet(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "config", "expected"),
    [
        ("a,b\n1,2\n3\n", FIRST_ROW, [{"a": "1", "b": "2"}, {"a": "3", "b": ""}]),
        ("1|2\n", {**GIVEN, "CSVDelimiter": "PIPE"}, [{"x": "1", "y": "2"}]),
        ("1\t2\n", {**GIVEN, "CSVDelimiter": "TAB"}, [{"x": "1", "y": "2"}]),
        (",,,\n   \n1,'y'\n", GIVEN, [{"x": "", "y": ""}, {"x": "   ", "y": ""}, {"x": "1", "y": "'y'"}]),
        ("1,2,3\n", {**GIVEN, "CSVHeaders": ["x"]}, [{"x": "1"}]),
        (COLUMNS, {**FIRST_ROW, "MaxItems": 0}, BOTH),
        (COLUMNS, {**FIRST_ROW, "MaxItems": 1}, BOTH[:1]),
        (COLUMNS, {**FIRST_ROW, "MaxItemsPath": "$.max"}, BOTH[:1]),
        ("[1, 2, 3]", {"InputType": "JSON", "MaxItems": 2}, [1, 2]),
        ('{"n": 1}\n{"n": 2}\n', {"InputType": "JSONL"}, [{"n": 1}, {"n": 2}]),
        ('{"a": {"b": [4]}}', {"InputType": "JSON", "ItemsPointer": "/a/b"}, [4]),
    ],
)
def test_text_is_read(local_aws: RunningLocalAws, content: str, config: dict[str, Any], expected: list[object]) -> None:
    local_aws.put("items/text", content)
    assert items(local_aws, reader(local_aws, "items/text", **config), {"max": 1}) == expected


def test_parquet_is_read(local_aws: RunningLocalAws) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {"n": 1, "deep": {"list": [1.5, None]}, "at": moment, "raw": b"\x00"},
        {"n": 2, "deep": None},
    ]
    local_aws.put("items/a.parquet", parquet(rows))
    found = items(local_aws, reader(local_aws, "items/a.parquet", InputType="PARQUET", MaxItems=2))
    assert found == [
        {"n": 1, "deep": {"list": [1.5, None]}, "at": "2026-01-02T03:04:05+00:00", "raw": "AA=="},
        {"n": 2, "deep": None, "at": None, "raw": None},
    ]


def test_what_is_no_parquet_fails(local_aws: RunningLocalAws) -> None:
    local_aws.put("items/no.parquet", "a,b\n")
    cause = failure(local_aws, reader(local_aws, "items/no.parquet", InputType="PARQUET"))
    assert cause.startswith("The object is no Parquet file that can be read: ")


def test_parquet_without_pyarrow_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        columnar_items.ItemReaderError, match=r"Parquet files: pyarrow is not installed .*; pip install"
    ):
        next(columnar_items.parquet_rows(b""))


@pytest.mark.parametrize("compress", [gzip.compress, lambda content: pa.compress(content, "zstd", asbytes=True)])
def test_compressed_objects_are_read(local_aws: RunningLocalAws, compress: Any) -> None:  # noqa: ANN401
    local_aws.put("items/compressed", compress(COLUMNS.encode()))
    assert items(local_aws, reader(local_aws, "items/compressed", **FIRST_ROW)) == BOTH


def test_a_version_of_an_object_is_read(local_aws: RunningLocalAws) -> None:
    local_aws.s3.create_bucket(Bucket="versions")
    local_aws.s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    first = local_aws.s3.put_object(Bucket="versions", Key="a.json", Body=b"[1]")["VersionId"]
    local_aws.s3.put_object(Bucket="versions", Key="a.json", Body=b"[2]")
    of_first = reader(local_aws, "a.json", InputType="JSON")
    of_first["Parameters"] = {"Bucket": "versions", "Key": "a.json", "VersionId": first}
    assert items(local_aws, of_first) == [1]


@pytest.mark.parametrize("config", [{"InputType": "MANIFEST"}, {"ManifestType": "S3_INVENTORY"}])
def test_an_inventory_is_read(local_aws: RunningLocalAws, config: dict[str, str]) -> None:
    local_aws.put("inventory/1.csv.gz", gzip.compress(b'"data","a.csv","3"\n"data","b.csv","4"\n'))
    manifest = {
        "destinationBucket": f"arn:aws:s3:::{local_aws.bucket}",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "inventory/1.csv.gz", "size": 1}],
    }
    local_aws.put("inventory/manifest.json", json.dumps(manifest))
    assert items(local_aws, reader(local_aws, "inventory/manifest.json", **config)) == [
        {"Bucket": "data", "Key": "a.csv", "Size": "3"},
        {"Bucket": "data", "Key": "b.csv", "Size": "4"},
    ]


def test_an_inventory_in_another_format_fails(local_aws: RunningLocalAws) -> None:
    local_aws.put("inventory/orc.json", json.dumps({"fileFormat": "ORC", "files": []}))
    cause = failure(local_aws, reader(local_aws, "inventory/orc.json", InputType="MANIFEST"))
    assert cause == "The manifest lists files of the format ORC; an S3 inventory must be in CSV"


@pytest.mark.parametrize(
    ("config", "content", "expected"),
    [
        ({"InputType": "JSONL"}, b'{"n": 1}\n', {"n": 1}),
        (GIVEN, b"1,2\n", {"x": "1", "y": "2"}),
        ({"InputType": "PARQUET"}, parquet([{"n": 1}]), {"n": 1}),
    ],
)
def test_the_files_of_an_unload_are_read(
    local_aws: RunningLocalAws, config: dict[str, Any], content: bytes, expected: object
) -> None:
    uris = [local_aws.put(f"unload/{name}", content) for name in ("1", "2")]
    local_aws.put("unload/manifest.csv", "\n".join(uris))
    item_reader = reader(local_aws, "unload/manifest.csv", ManifestType="ATHENA_DATA", **config)
    assert items(local_aws, item_reader) == [expected, expected]


def test_objects_are_listed(local_aws: RunningLocalAws) -> None:
    for name in ("a", "b"):
        local_aws.put(f"listed/{name}", name)
    parameters = {"Bucket": local_aws.bucket, "Prefix": "listed/"}
    listing = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": parameters}
    assert [(item["Key"], item["Size"]) for item in items(local_aws, listing)] == [("listed/a", 1), ("listed/b", 1)]


def test_listed_objects_are_loaded_and_flattened(local_aws: RunningLocalAws) -> None:
    for key, content in (("", ""), ("1.csv", COLUMNS), ("2.csv", "a,b\n5,6\n")):
        local_aws.put(f"flattened/{key}", content)
    listing = {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "ReaderConfig": {**FIRST_ROW, "Transformation": "LOAD_AND_FLATTEN"},
        "Parameters": {"Bucket": local_aws.bucket, "Prefix": "flattened/"},
    }
    assert items(local_aws, listing) == [*BOTH, {"a": "5", "b": "6"}]


def test_items_that_cannot_be_read_fail_the_map_run(local_aws: RunningLocalAws) -> None:
    arn = local_aws.execute(states(reader(local_aws, "none.json", InputType="JSON")))
    assert local_aws.wait_for_execution(arn)["error"] == "States.ItemReaderFailed"
    types = [event["type"] for event in local_aws.history(arn)]
    assert types[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


def test_the_maximum_of_items_is_no_negative_number(local_aws: RunningLocalAws) -> None:
    local_aws.put("items/max.csv", COLUMNS)
    cause = failure(local_aws, reader(local_aws, "items/max.csv", **FIRST_ROW, MaxItemsPath="$.max"), {"max": -1})
    assert cause == "field MaxItems must be positive"


def test_the_header_of_csv_has_at_most_10_kib(local_aws: RunningLocalAws) -> None:
    local_aws.put("items/header.csv", f"{'h' * 10_241}\n1\n")
    cause = failure(local_aws, reader(local_aws, "items/header.csv", **FIRST_ROW))
    assert cause == "CSV headers cannot exceed 10 KiB."
