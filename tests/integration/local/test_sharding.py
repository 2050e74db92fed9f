"""The script of examples/sharded on several hosts, and what docs/scale-of-a-job.md says of their outputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import sharding

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws


def cluster(hosts: int) -> dict[str, Any]:
    return {"ClusterConfig": {"InstanceCount": hosts, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}}


@pytest.mark.parametrize(("hosts", "files"), [(1, [3]), (2, [2, 1]), (4, [1, 1, 1, 0])])
def test_each_file_is_on_one_host_and_each_host_writes_its_own_file(
    local_aws: RunningLocalAws, hosts: int, files: list[int]
) -> None:
    for number in range(3):
        local_aws.put(f"sharded-{hosts}/{number}.csv", f"a,b\n{number},1\n")
    data = local_aws.input("data", f"s3://{local_aws.bucket}/sharded-{hosts}/", distribution="ShardedByS3Key")
    script = sharding.SCRIPT.read_text(encoding="utf-8")

    job = local_aws.run(script, inputs=[data], ProcessingResources=cluster(hosts))

    prefix = f"{job['ProcessingJobName']}/"
    names = sorted(local_aws.keys(prefix))
    results = [json.loads(local_aws.get(f"{prefix}{name}")) for name in names]
    assert names == [f"sums-algo-{host}.json" for host in range(1, hosts + 1)]
    assert [len(result["files"]) for result in results] == files
    assert sum(result["sums"].get("a", 0) for result in results) == 3
    assert sum(result["rows"] for result in results) == 3


def test_outputs_with_one_name_overwrite_each_other(local_aws: RunningLocalAws) -> None:
    script = "open('/opt/ml/processing/output/result', 'w').write('one of them')"
    job = local_aws.run(script, ProcessingResources=cluster(2))
    assert job["ProcessingJobStatus"] == "Completed"
    assert local_aws.keys(f"{job['ProcessingJobName']}/") == ["result"]
