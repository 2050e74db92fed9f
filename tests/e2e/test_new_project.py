"""A new project, as its README says: deployed, and a file run through it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.deployment import Deployment, cdk

pytestmark = pytest.mark.exhaustive


def test_a_new_project_deploys_and_processes_a_file(bootstrapped: Deployment, tmp_path: Path) -> None:
    created = bootstrapped.smproc("new", str(tmp_path / "row-counts"))
    assert created.returncode == 0, created.stderr
    (tmp_path / "data.csv").write_text("x,y\n1,2\n3,4\n")

    cdk(["deploy", "--output", str(tmp_path / "out")], bootstrapped.environment, cwd=tmp_path / "row-counts")
    ran = bootstrapped.run(tmp_path / "data.csv", "RowCounts")

    assert ran.returncode == 0, ran.stderr
    s3 = bootstrapped.session.client("s3")
    bucket = next(one["Name"] for one in s3.list_buckets()["Buckets"] if "processorbucket" in one["Name"])
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="outputs/")["Contents"]]
    (key,) = [key for key in keys if key.endswith("counts.json")]
    assert b'"data.csv": 2' in s3.get_object(Bucket=bucket, Key=key)["Body"].read()
