"""The inputs of a job: its objects, their paths, and names that must not escape their directory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

LIST = """
import json, os
found = sorted(
    os.path.relpath(os.path.join(directory, name), "/opt/ml/processing/input/data")
    for directory, _, names in os.walk("/opt/ml/processing/input/data") for name in names
)
host = json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"]
json.dump(found, open(f"/opt/ml/processing/output/{host}", "w"))
"""


def found(local_aws: RunningLocalAws, uri: str, kind: str = "S3Prefix") -> list[str]:
    job = local_aws.run(LIST, inputs=[local_aws.input("data", uri, kind=kind)])
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    listed: list[str] = json.loads(local_aws.get(f"{job['ProcessingJobName']}/algo-1"))
    return listed


def reason(local_aws: RunningLocalAws, uri: str, kind: str = "S3Prefix") -> str:
    job = local_aws.run(LIST, inputs=[local_aws.input("data", uri, kind=kind)])
    assert job["ProcessingJobStatus"] == "Failed"
    return str(job["FailureReason"])


def test_a_prefix_includes_every_key_that_starts_with_it(local_aws: RunningLocalAws) -> None:
    for key in ("prefix/x/y.csv", "prefix/z.csv", "prefix/raw.csv", "prefix/raw.csv.bak", "prefixed/w.csv"):
        local_aws.put(key, "x")
    assert found(local_aws, "s3://data/prefix/") == ["raw.csv", "raw.csv.bak", "x/y.csv", "z.csv"]
    assert found(local_aws, "s3://data/prefix/raw.csv") == ["raw.csv", "raw.csv.bak"]
    assert found(local_aws, "s3://data/prefix/x") == ["y.csv"]
    assert found(local_aws, "s3://data/prefix") == ["prefixed/w.csv", "raw.csv", "raw.csv.bak", "x/y.csv", "z.csv"]


@pytest.mark.parametrize(
    "address",
    [
        "https://data.s3.us-west-2.amazonaws.com/",
        "https://data.s3.amazonaws.com/",
        "https://s3.us-west-2.amazonaws.com/data/",
        "https://s3.amazonaws.com/data/",
    ],
)
def test_an_input_and_an_output_may_be_https_addresses(local_aws: RunningLocalAws, address: str) -> None:
    for key in ("https/a b.csv", "https/x/y.csv"):
        local_aws.put(key, "x")
    assert found(local_aws, f"{address}https/") == ["a b.csv", "x/y.csv"]
    assert found(local_aws, f"{address}https/a b.csv") == ["a b.csv"]
    output = {"Outputs": [local_aws.output("out", f"{address}https-output")]}
    inputs = [local_aws.input("data", f"{address}https/x/")]
    job = local_aws.run(LIST, inputs=inputs, ProcessingOutputConfig=output)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert json.loads(local_aws.get("https-output/algo-1")) == ["y.csv"]


def test_the_folder_markers_of_the_s3_console_are_not_files(local_aws: RunningLocalAws) -> None:
    local_aws.put("marked/")
    local_aws.put("marked/empty/")
    local_aws.put("marked/a.csv", "x")
    assert found(local_aws, "s3://data/marked/") == ["a.csv"]


def test_more_objects_than_one_page_of_the_listing_arrive(local_aws: RunningLocalAws) -> None:
    for number in range(1005):
        local_aws.put(f"many/{number:04}")
    assert len(found(local_aws, "s3://data/many/")) == 1005


def test_exactly_the_objects_of_a_manifest_arrive(local_aws: RunningLocalAws) -> None:
    for key in ("m/raw.csv", "m/raw.csv.bak", "m/sub/a b+%é'.csv", "m/ignored"):
        local_aws.put(key, "x")
    uri = local_aws.put("manifests/1", json.dumps([{"prefix": "s3://data/m/"}, "raw.csv", "sub/a b+%é'.csv"]))
    assert found(local_aws, uri, "ManifestFile") == ["raw.csv", "sub/a b+%é'.csv"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("no json", 'The manifest file at S3 URL "s3://data/manifests/bad" is not JSON'),
        ("[]", 'The manifest file at S3 URL "s3://data/manifests/bad" must be a JSON list that begins with'),
        ('{"prefix": "s3://data/"}', "must be a JSON list that begins with"),
        ('[{"prefix": "s3://data/"}, 1]', "must be a JSON list that begins with"),
        ('[{"prefix": "/data/"}, "x"]', 'The S3 URL "/data/x" is invalid'),
        ('[{"prefix": "s3://data/gone/"}, "x.csv"]', 'Failed to download data from S3 URL "s3://data/gone/x.csv"'),
        ('[{"prefix": "s3://data/m/"}, "../raw.csv"]', "'m/../raw.csv' does not name a path below"),
    ],
)
def test_an_invalid_manifest_fails_the_job_with_the_reason(
    local_aws: RunningLocalAws, content: str, expected: str
) -> None:
    failure = reason(local_aws, local_aws.put("manifests/bad", content), "ManifestFile")
    assert failure.startswith("ClientError: ")
    assert expected in failure


def test_missing_inputs_fail_the_job_by_name(local_aws: RunningLocalAws) -> None:
    nothing = reason(local_aws, "s3://data/nothing/here")
    assert nothing.startswith('ClientError: No S3 objects found under S3 URL "s3://data/nothing/here" given in input')
    assert '"s3://data/no-manifest"' in reason(local_aws, "s3://data/no-manifest", "ManifestFile")
    assert '"s3://no-such-bucket/x"' in reason(local_aws, "s3://no-such-bucket/x")


@pytest.mark.parametrize(
    "key",
    ["../../../escaped", "a/../../escaped", "..", "./a", "x/./y", "/absolute", "l" * 300, "a/" * 200 + "b"],
)
def test_no_key_writes_outside_of_its_directory(
    local_aws: RunningLocalAws, key: str, request: pytest.FixtureRequest
) -> None:
    prefix = f"hostile-{abs(hash(request.node.name))}/"
    local_aws.s3.put_object(Bucket="data", Key=prefix + key, Body=b"x")
    if key == "a/" * 200 + "b":
        assert found(local_aws, f"s3://data/{prefix}") == [key]
        return
    failure = reason(local_aws, f"s3://data/{prefix}")
    assert failure.startswith("ClientError: The S3 key ")
    assert key in failure


def test_a_key_that_is_a_file_and_a_directory_fails_the_job(local_aws: RunningLocalAws) -> None:
    local_aws.put("both/a", "x")
    local_aws.put("both/a/b", "x")
    assert "'both/a" in reason(local_aws, "s3://data/both/")


def test_a_job_with_only_its_code_finds_an_empty_output_directory(local_aws: RunningLocalAws) -> None:
    job = local_aws.run("import os; assert os.listdir('/opt/ml/processing/output') == []")
    assert job["ProcessingJobStatus"] == "Completed"


def test_sharding_gives_every_object_to_one_host(local_aws: RunningLocalAws) -> None:
    for number in range(5):
        local_aws.put(f"shards/{number}")
    request = local_aws.request(
        LIST, inputs=[local_aws.input("data", "s3://data/shards/", distribution="ShardedByS3Key")]
    )
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 2
    job = local_aws.wait(local_aws.create(request))
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    shards = [json.loads(local_aws.get(f"{job['ProcessingJobName']}/algo-{host}")) for host in (1, 2)]
    assert sorted(shards[0] + shards[1]) == ["0", "1", "2", "3", "4"]
    assert sorted(map(len, shards)) == [2, 3]


def test_replication_gives_every_object_to_every_host(local_aws: RunningLocalAws) -> None:
    local_aws.put("replicated/a")
    request = local_aws.request(LIST, inputs=[local_aws.input("data", "s3://data/replicated/")])
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 2
    job = local_aws.wait(local_aws.create(request))
    for host in (1, 2):
        assert json.loads(local_aws.get(f"{job['ProcessingJobName']}/algo-{host}")) == ["a"]


def test_inputs_that_the_application_manages_are_left_to_it(local_aws: RunningLocalAws) -> None:
    managed = {**local_aws.input("data", "s3://data/nothing-here"), "AppManaged": True}
    job = local_aws.run(LIST, inputs=[managed])
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
