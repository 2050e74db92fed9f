"""A Spark application reads and writes S3 itself, as the job's role, on a local AWS that enforces IAM."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smproc.local.runners import CannotRunError
from smproc.local.runners.image_environments import Environments, versions_of
from smproc.local.runners.spark import SparkInstallation, compiled_file_systems, find_spark
from tests.helpers.local_aws import BUCKET, RunningLocalAws, process_local_aws
from tests.helpers.sandboxes import require_any_sandbox

pytestmark = pytest.mark.exhaustive

IMAGE = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu-py39-v1.0"
APPS = Path(__file__).parent / "spark"
WORDS = Path(__file__).parents[3] / "examples" / "processors" / "scripts" / "words.py"
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
_DEADLINE_IN_SECONDS = 300.0


@pytest.fixture(name="enforcing", scope="module")
def _enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalAws]:
    """Return a local AWS with a role that may read and write below job-* only."""
    try:
        find_spark(IMAGE)
    except CannotRunError as reason:
        pytest.skip(str(reason))
    sandbox = require_any_sandbox()
    with (
        pytest.MonkeyPatch.context() as patch,
        process_local_aws(_with_environments(patch, tmp_path_factory), sandbox, enforce_iam=True) as aws,
    ):
        running = RunningLocalAws(aws, sandbox)
        objects = [f"arn:aws:s3:::{BUCKET}/job-*", f"arn:aws:s3:::{BUCKET}/code/*"]
        grants = [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
            {
                "Effect": "Allow",
                "Action": [f"s3:{verb}Object" for verb in ("Get", "Put", "Delete")],
                "Resource": objects,
            },
            {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
        ]
        running.iam.create_role(RoleName="processing", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))
        policy = json.dumps({"Version": "2012-10-17", "Statement": grants})
        running.iam.put_role_policy(RoleName="processing", PolicyName="objects", PolicyDocument=policy)
        yield running
        running.close()


def _with_environments(patch: pytest.MonkeyPatch, directories: pytest.TempPathFactory) -> Path:
    """Return the directory of a local AWS whose applications have the versions of the image."""
    patch.setenv("SMPROC_IMAGE_ENVIRONMENTS", "on")
    # Here, because the proxy of the server leads nowhere.
    versions = versions_of("sagemaker-spark-processing", IMAGE.rpartition(":")[2])
    assert versions is not None
    Environments().make(versions, lambda _: None)
    return directories.mktemp("enforcing")


def run(aws: RunningLocalAws, app: str, name: str, *arguments: str, options: tuple[str, ...] = ()) -> None:
    """Run an application to its end and require that it completes."""
    request: dict[str, Any] = aws.request((APPS / app).read_text(encoding="utf-8"), name)
    request["AppSpecification"] = {
        "ImageUri": IMAGE,
        "ContainerEntrypoint": ["smspark-submit", *options, "/opt/ml/processing/input/code/main.py"],
        "ContainerArguments": list(arguments),
    }
    aws.create(request)
    job = aws.wait(name, _DEADLINE_IN_SECONDS)
    assert job["ProcessingJobStatus"] == "Completed", (job.get("FailureReason"), aws.log(name))


def test_an_application_reads_and_writes_s3_as_its_role(enforcing: RunningLocalAws) -> None:
    name = enforcing.name()
    objects = {
        "in/a.csv": "x,y\n1,2\n",
        "in/b.csv": "x,y\n3,4\n",
        "in/deeper/c.csv": "x,y\n5,6\n",
        "odd/ü + &%41=é.txt": "one",
        "odd/a b#c?d.txt": "two",
        "odd/<x>'\"~.txt": "three",
        "tree/1.txt": "1",
        "tree/2/3.txt": "2",
        "table/year=2025/kind=a b/x.json": '{"value": 1}',
        "table/year=2026/kind=c/x.json": '{"value": 2}',
    }
    for key, body in objects.items():
        enforcing.put(f"{name}/{key}", body)
    enforcing.put("denied/secret.txt", "secret")
    arn = "arn:aws:sqs:us-east-1:000000000000:written"
    sender = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**sender, "Resource": arn}]})
    queue = enforcing.client("sqs").create_queue(QueueName="written", Attributes={"Policy": policy})["QueueUrl"]
    suffix: Any = {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".orc"}]}}
    events: Any = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": suffix}
    enforcing.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [events]}
    )
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/ours"}}
    enforcing.s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})

    run(enforcing, "read_and_write.py", name, BUCKET, name, "denied")

    told = json.loads(enforcing.get(f"{name}/told.json"))
    refused = {key: told.pop(key) for key in ("missing", "no bucket", "denied read", "denied write")}
    refused |= {key: told.pop(key) for key in ("exists", "container", "not empty")}
    assert told == {
        "prefix": 2,
        "glob": 6,
        "braces": 3,
        "s3n": 2,
        "late": {"x": 1, "y": 2},
        "textFile": 2,
        "wholeTextFiles": {"a.csv": 8, "b.csv": 8},
        "binaryFiles": [["<x>'\"~.txt", 5], ["a b#c?d.txt", 3], ["ü + &%41=é.txt", 3]],
        "odd": ["one", "three", "two"],
        "binaryFile": [3, 3, 5],
        "recursive": 2,
        "partitions": [[2025, "a b", 1], [2026, "c", 2]],
        "written": ["_SUCCESS", "part", "part"],
        "parquet": 499500,
        "by k": ["0", "1", "2", "_SUCCESS"],
        "pruned": 333,
        "appended": 1010,
        "overwritten": ["_SUCCESS", "part"],
        "ignored": 5,
        "gzip": [True, 3],
        "dynamic": {"0": 334, "1": 333, "2": 4},
        "text": "n 19",
        "orc": 4,
        "mkdirs": [True, ["a/b/"]],
        "created": ["a/b/c d"],
        "moved": [True, ["z/b/c d"]],
        "into": [True, True, ["y/c d", "z/b/"]],
        "not moved": False,
        "deleted": [True, False, ["z/b/"]],
        "large": [True, 254, 255, -1],
        "sought": 1,
        "summary": 3,
        "hdfs": [],
        "no scheme": 6,
        "qualified": "hdfs:",
        "checkpoint": 1000,
        "file": True,
        "stream": 2,
    }
    expected = {
        "missing": r"Path does not exist: s3://data/",
        "no bucket": r"AccessDenied",
        "denied read": r"AccessDeniedException: s3://data/denied/secret.txt: HeadObject: Forbidden",
        "denied write": r"AccessDeniedException: s3://data/denied/out: HeadObject: Forbidden",
        "exists": r"already exists",
        "container": r"Path does not exist: hdfs://127.0.1.1/opt/ml/processing/input/code",
        "not empty": r"Directory is not empty",
    }
    assert {key for key, pattern in expected.items() if not re.search(pattern, refused[key])} == set()
    assert not [key for key in enforcing.keys(f"{name}/") if "_temporary" in key]
    assert enforcing.keys("denied/") == ["secret.txt"]
    # What Spark writes is encrypted as the bucket says, and is an event.
    (orc,) = [key for key in enforcing.keys(f"{name}/out/orc/") if key.endswith(".orc")]
    assert enforcing.s3.head_object(Bucket=BUCKET, Key=f"{name}/out/orc/{orc}")["ServerSideEncryption"] == "aws:kms"
    messages = enforcing.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    records = [record for message in messages for record in json.loads(message["Body"]).get("Records", ())]
    assert ("ObjectCreated:Copy", f"{name}/out/orc/{orc}") in [
        (record["eventName"], record["s3"]["object"]["key"]) for record in records
    ]


def test_an_application_has_pandas_arrow_and_its_files_from_s3(enforcing: RunningLocalAws) -> None:
    name = enforcing.name()
    table = enforcing.put(f"{name}/in/table.csv", "M,1,10\nF,2,20\nM,3,30\nI,4,40\n")
    words = enforcing.put(f"{name}/py/words.py", WORDS.read_bytes())
    logs = enforcing.put(f"{name}/logs/", b"").rstrip("/")  # Spark requires the directory
    options = ("--py-files", words, "--files", table, "--spark-event-logs-s3-uri", logs)
    arguments = ("--s3_input", f"s3a://{BUCKET}/{name}/in/*.csv", "--s3_output", f"s3a://{BUCKET}/{name}/out")

    run(enforcing, "features.py", name, *arguments, options=options)

    assert json.loads(enforcing.get(f"{name}/out/told.json")) == {
        "pandas_udf": 30.0,
        "grouped": {"F": 2.0, "I": 4.0, "M": 2.0},
        "applyInPandas": 0.0,
        "mapInPandas": 2,
        "toPandas": [10.0, 20.0, 30.0, 40.0],
        "createDataFrame": 2,
        "words": ["two", "words"],
        "files": 4,
        "same Python": True,
        "window": {"F": 2.0, "I": 4.0, "M": 3.0},
        "vector": [0.0, 1.0, 2.0],
        "pyspark.pandas": 6,
    }
    keys = enforcing.keys(f"{name}/out/")
    assert {"model/metadata/_SUCCESS", "ps/_SUCCESS", "train/_SUCCESS"} < set(keys)
    assert len([key for key in enforcing.keys(f"{name}/logs/") if key.startswith("local-")]) == 1


def test_an_object_that_changes_is_not_mixed_and_odd_keys_are_deleted(enforcing: RunningLocalAws) -> None:
    name = enforcing.name()
    run(enforcing, "changing.py", name, BUCKET, f"{name}/data")
    lines = [line for lines in enforcing.log(name).values() for line in lines]
    assert f"reading: s3://{BUCKET}/{name}/data/large: the object was overwritten while it was read" in lines
    assert "left: 0" in lines


def test_a_compiler_that_fails_is_a_job_that_fails_with_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "home" / "jars").mkdir(parents=True)
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho no compiler here\n")
    java.chmod(0o755)
    spark = SparkInstallation(home=tmp_path / "home", java_home=tmp_path / "java")
    with pytest.raises(CannotRunError, match=r"cannot be compiled with .*jars: no compiler here"):
        compiled_file_systems(spark)
