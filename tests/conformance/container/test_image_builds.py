"""Images with the contents of SageMaker's own, which are built here, run the jobs of those."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from smproc.local import LocalAws
from tests.conformance.container import image
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.ports import free_port

SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
SPARK = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu-py39-v1.0"
VERSION = ".".join(map(str, sys.version_info[:3]))


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smproc.cli", "local", "images", "build", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def containers(_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalAws]:
    with LocalAws(
        free_port(), state_dir=tmp_path_factory.mktemp("state"), runner="container", enforce_iam=False
    ) as aws:
        running = RunningLocalAws(aws, "container")
        yield running
        running.close()


def with_image(aws: RunningLocalAws, uri: str, script: str, entrypoint: str) -> tuple[dict[str, object], list[str]]:
    request = aws.request(script)
    request["AppSpecification"] = {
        "ImageUri": uri,
        "ContainerEntrypoint": [entrypoint, "/opt/ml/processing/input/code/main.py"],
    }
    job = aws.wait(aws.create(request))
    return job, aws.all_lines(str(job["ProcessingJobName"]))


@pytest.mark.exhaustive
def test_a_job_of_scikit_learns_image_runs_with_its_versions(containers: RunningLocalAws) -> None:
    request = containers.request("")
    request["AppSpecification"]["ImageUri"] = SCIKIT_LEARN
    failed = containers.wait(containers.create(request))
    assert "smproc local images build sagemaker-scikit-learn:1.4-2-cpu-py3" in failed["FailureReason"]

    built = command(SCIKIT_LEARN, "--base", image.NAME)
    assert built.returncode == 0, built.stderr
    expected = "sagemaker-scikit-learn:1.4-2, with its versions of scikit-learn 1.4.2"
    assert built.stdout.startswith(f"Built smproc/sagemaker-scikit-learn:1.4-2. A container runs {expected}")

    script = """
import boto3, pandas, sklearn
print("versions", sklearn.__version__, pandas.__version__)
print("bucket", boto3.client("s3").list_buckets()["Buckets"][0]["Name"])
pandas.DataFrame().append({})
"""
    _, lines = with_image(containers, SCIKIT_LEARN, script, "python3")
    assert lines[0].startswith(f"[local AWS] A container runs {expected}")
    assert lines[1:3] == ["versions 1.4.2 2.3.2", f"bucket {containers.bucket}"]
    assert "'DataFrame' object has no attribute 'append'" in "".join(lines)


@pytest.mark.exhaustive
def test_a_spark_application_reads_and_writes_s3(containers: RunningLocalAws) -> None:
    built = command("sagemaker-spark-processing:3.5-cpu-py39-v1.0", "--base", image.NAME)
    assert built.returncode == 0, built.stderr
    assert f"Python {VERSION} instead of 3.9" in built.stdout
    script = f"""
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(5).write.parquet("s3://{containers.bucket}/numbers")
print("rows", len(spark.read.parquet("s3a://{containers.bucket}/numbers").toPandas()))
"""
    job, lines = with_image(containers, SPARK, script, "smspark-submit")
    assert job["ProcessingJobStatus"] == "Completed", "\n".join(lines[-20:])
    assert "rows 5" in lines
    assert "_SUCCESS" in containers.keys("numbers/")


@pytest.mark.usefixtures("_engine")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("sagemaker-scikit-learn:9.9",),
            r"the versions in the image must be known .* got 'sagemaker-scikit-learn:9.9'",
        ),
        (("my-image",), r"known are: sagemaker-scikit-learn:0.20.0, "),
        (("sagemaker-scikit-learn:1.2-1", "--base", "no-such-image"), r"cannot run python3 in the base no-such-image"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_reason(arguments: tuple[str, ...], message: str) -> None:
    refused = command(*arguments)
    assert refused.returncode == 1
    assert re.search(message, refused.stderr), refused.stderr
    assert "Traceback" not in refused.stderr
