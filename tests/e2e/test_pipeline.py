"""The main job through `cdk deploy`: verified on the local AWS."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sklearn.datasets import load_breast_cancer, load_wine

from smproc.terminal_text import printable
from tests.helpers.deployment import AWS_CLI, Deployment
from tests.helpers.hostile_names import NAMES

Answer = TypeVar("Answer")
KEYS = [f"{name[:240]}.csv" for name in NAMES] + [
    "ärger/日本語.csv",
    "deep/er/and/deeper.csv",
    "../../up.csv",
    "a/../b.csv",
    "//two.csv",
]


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(path, index=False)
    return path


def outputs_of(deployment: Deployment, execution: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Return the outputs of an execution's job, downloaded and read as CSV."""
    s3 = deployment.session.client("s3")
    found = {}
    for output in json.loads(execution["output"])["ProcessingOutputConfig"]["Outputs"]:
        bucket, _, prefix = output["S3Output"]["S3Uri"].removeprefix("s3://").partition("/")
        assert execution["name"] in prefix
        (item,) = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")["Contents"]
        body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode()
        found[output["OutputName"]] = list(csv.reader(io.StringIO(body)))
    return found


def execution_of(deployment: Deployment, stack: str, key: str, *, seconds: float = 60) -> dict[str, Any]:
    """Return the ended execution of a key."""
    states = deployment.session.client("stepfunctions")
    machine = deployment.outputs(stack)["StateMachine"]

    def find() -> dict[str, Any] | None:
        for listed in states.list_executions(stateMachineArn=machine)["executions"]:
            execution = states.describe_execution(executionArn=listed["executionArn"])
            if json.loads(execution["input"])["key"] == key and execution["status"] != "RUNNING":
                return {**execution}
        return None

    found = until(find, seconds=seconds)
    assert found is not None, f"no execution of {key!r} ended"
    return found


def until(find: Callable[[], Answer], *, seconds: float) -> Answer | None:
    """Return the first answer that is true, or None at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := find():
            return answer
        time.sleep(0.1)
    return None


def test_a_real_data_set_becomes_train_and_test(deployment: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "breast_cancer.csv"
    load_breast_cancer(as_frame=True).frame.to_csv(path, index=False)
    ran = deployment.run(path, "ProcessingDemo")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for shown in (
        "uploaded s3://",
        "upload -> execution",
        "job Completed",
        "execution SUCCEEDED",
        "train/train.csv  455 rows x 31 columns",
        "test/test.csv  114 rows x 31 columns",
        "mean radius",
    ):
        assert shown in ran.stdout, ran.stdout
    assert ran.stderr == ""


@pytest.mark.exhaustive
def test_every_valid_key_is_processed(deployment: Deployment, wine: Path) -> None:
    s3 = deployment.session.client("s3")
    bucket, _, prefix = deployment.outputs("ProcessingDemo")["UploadTo"].removeprefix("s3://").partition("/")
    body = wine.read_bytes()
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=f"{prefix}{key}", Body=body)

    names = set()
    for key in KEYS:
        execution = execution_of(deployment, "ProcessingDemo", f"{prefix}{key}", seconds=120)
        assert execution["status"] == "SUCCEEDED", (key, execution.get("cause"))
        found = outputs_of(deployment, execution)
        assert {name: len(rows) - 1 for name, rows in found.items()} == {"train": 142, "test": 36}, key
        names.add(execution["name"])
    assert len(names) == len(KEYS)


def test_the_outputs_are_scaled_and_a_split_of_the_input(deployment: Deployment, wine: Path) -> None:
    assert deployment.run(wine, "ProcessingDemo").returncode == 0
    found = outputs_of(deployment, execution_of(deployment, "ProcessingDemo", "incoming/wine.csv"))

    source = list(csv.reader(io.StringIO(wine.read_text())))
    train, test = found["train"], found["test"]
    assert train[0] == test[0] == source[0]
    assert sorted(row[-1] for row in train[1:] + test[1:]) == sorted(row[-1] for row in source[1:])
    alcohol = [float(row[0]) for row in train[1:]]
    assert abs(sum(alcohol) / len(alcohol)) < 1e-9


def test_a_script_that_exits_3_fails_job_execution_and_command_and_the_next_upload_works(
    deployment: Deployment, tmp_path: Path
) -> None:
    bad, good = tmp_path / "bad.txt", tmp_path / "good.txt"
    bad.write_text("exit 3")
    good.write_text("all is well")
    failed, worked = deployment.run(bad, "Obedient"), deployment.run(good, "Obedient")

    assert failed.returncode == 1
    for shown in (
        "execution FAILED  States.TaskFailed",
        "Failed",
        "exit code: 3",
        "exit message told to fail",
        "last 10 of ",
        "  line 29",
    ):
        assert shown in failed.stdout, failed.stdout
    assert "  line 19" not in failed.stdout
    assert worked.returncode == 0, worked.stdout + worked.stderr
    assert "done/good.txt  11 bytes" in worked.stdout


def test_an_empty_file_fails_with_the_scripts_reason(deployment: Deployment, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    ran = deployment.run(empty, "ProcessingDemo")

    assert ran.returncode == 1
    assert "exit message empty.csv is not a readable CSV file" in ran.stdout


def test_no_key_or_message_writes_more_than_text_on_the_terminal(deployment: Deployment, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text("all is well")
    bad.write_text("exit 3 \x1b[2J\u202e")
    key = "\x1b]0;title\x07[red]\u202e\nexecution SUCCEEDED :warning:"
    worked = deployment.run(good, "Obedient", "--name", f"{key}.txt")
    failed = deployment.run(bad, "Obedient", "--name", f"{key}.bad.txt")
    event = {"source": "aws.s3", "detail-type": "Object Created"}
    outputs = deployment.outputs("Obedient")
    queue, bucket = outputs["Queue"], outputs["UploadTo"].removeprefix("s3://").partition("/")[0]
    detail = {"bucket": {"name": bucket}, "object": {"key": f"{key}/", "sequencer": "1", "size": 1}}
    deployment.session.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps({**event, "detail": detail}))
    written = "\\x1b]0;title\\x07[red]\\u202e\\nexecution SUCCEEDED :warning:"

    def dead_letters() -> str:
        listed = deployment.smproc("redrive", "--stack", "Obedient", "--local", str(deployment.port), "--dry-run")
        return listed.stdout if ":warning:/" in listed.stdout else ""

    letters = until(dead_letters, seconds=30) or ""
    missing = deployment.smproc("retry", key, "--stack", "Obedient", "--local", str(deployment.port))
    deployment.session.client("sqs").purge_queue(QueueUrl=deployment.outputs("Obedient")["DeadLetterQueue"])
    assert (worked.returncode, failed.returncode, missing.returncode) == (0, 1, 1)
    assert f"done/{written}.txt  11 bytes" in worked.stdout
    assert "exit message told to fail \\x1b[2J\\u202e" in failed.stdout
    assert f"s3://{bucket}/{written}/\n" in letters
    for shown in (worked.stdout, failed.stdout, letters, missing.stderr):
        assert printable(shown, keep="\n") == shown


def test_a_file_that_does_not_match_starts_nothing_and_is_reported(deployment: Deployment, tmp_path: Path) -> None:
    other = tmp_path / "notes.md"
    other.write_text("not for the pipeline")
    ran = deployment.run(other, "ProcessingDemo")

    assert ran.returncode == 1
    assert "smproc: an object 'incoming/notes.md' of 20 bytes starts nothing, so it was not uploaded" in ran.stderr
    bucket, _, prefix = deployment.outputs("ProcessingDemo")["UploadTo"].removeprefix("s3://").partition("/")
    deployment.session.client("s3").upload_file(str(other), bucket, f"{prefix}notes.md")
    time.sleep(3)  # in which an execution would start
    machine = deployment.outputs("ProcessingDemo")["StateMachine"]
    states = deployment.session.client("stepfunctions")
    for listed in states.list_executions(stateMachineArn=machine)["executions"]:
        assert "notes.md" not in states.describe_execution(executionArn=listed["executionArn"])["input"]


def test_a_file_deleted_before_its_job_starts_is_a_dead_letter_with_the_reason(deployment: Deployment) -> None:
    outputs = deployment.outputs("Obedient")
    s3, lambda_ = deployment.session.client("s3"), deployment.session.client("lambda")
    (mapping,) = lambda_.list_event_source_mappings(FunctionName=outputs["Function"])["EventSourceMappings"]
    bucket = outputs["UploadTo"].removeprefix("s3://").partition("/")[0]
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        time.sleep(1.5)  # until the poller notices it
        s3.put_object(Bucket=bucket, Key="gone soon.txt", Body=b"x")
        s3.delete_object(Bucket=bucket, Key="gone soon.txt")
    finally:
        lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    sqs = deployment.session.client("sqs")

    def dead_letter() -> dict[str, Any] | None:
        received = sqs.receive_message(
            QueueUrl=outputs["DeadLetterQueue"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
        ).get("Messages", ())
        return next(({**one} for one in received if "gone soon.txt" in one["Body"]), None)

    letter = until(dead_letter, seconds=60)
    assert letter is not None
    sqs.delete_message(QueueUrl=outputs["DeadLetterQueue"], ReceiptHandle=letter["ReceiptHandle"])
    reason = letter["MessageAttributes"]["Reason"]["StringValue"]
    assert reason == "the object was deleted before the job started"
    states = deployment.session.client("stepfunctions")
    for listed in states.list_executions(stateMachineArn=outputs["StateMachine"])["executions"]:
        assert "gone soon.txt" not in states.describe_execution(executionArn=listed["executionArn"])["input"]


def test_an_event_delivered_twice_starts_one_execution(deployment: Deployment) -> None:
    outputs = deployment.outputs("Obedient")
    s3, sqs = deployment.session.client("s3"), deployment.session.client("sqs")
    bucket = outputs["UploadTo"].removeprefix("s3://").partition("/")[0]
    s3.put_object(Bucket=bucket, Key="twice.txt", Body=b"well")
    first = execution_of(deployment, "Obedient", "twice.txt")
    execution_input = json.loads(first["input"])
    event = {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        # S3 writes a sequencer in several lengths; padded with zeros, it is that of the same upload.
        "detail": {
            "bucket": {"name": bucket},
            "object": {"key": "twice.txt", "sequencer": execution_input["sequencer"].rstrip("0")},
        },
    }
    for _ in range(3):
        sqs.send_message(QueueUrl=outputs["Queue"], MessageBody=json.dumps(event))

    def queue_is_empty() -> bool:
        attributes = sqs.get_queue_attributes(QueueUrl=outputs["Queue"], AttributeNames=["All"])["Attributes"]
        waiting = attributes["ApproximateNumberOfMessages"], attributes["ApproximateNumberOfMessagesNotVisible"]
        return waiting == ("0", "0")

    def inbox_is_empty() -> bool:
        items = deployment.session.client("dynamodb").scan(TableName=outputs["Table"])["Items"]
        return not any(item["pk"]["S"] in ("inbox", "sealed", "ready") for item in items)

    assert until(queue_is_empty, seconds=20)
    assert until(inbox_is_empty, seconds=20)
    states = deployment.session.client("stepfunctions")
    names = [
        listed["name"]
        for listed in states.list_executions(stateMachineArn=outputs["StateMachine"])["executions"]
        if '"twice.txt"' in states.describe_execution(executionArn=listed["executionArn"])["input"]
    ]
    identity = json.dumps([bucket, "twice.txt", execution_input["sequencer"]])
    assert names == [hashlib.sha256(identity.encode()).hexdigest()]


def test_a_message_that_is_not_an_event_does_not_affect_others(deployment: Deployment) -> None:
    outputs = deployment.outputs("Obedient")
    sqs, s3 = deployment.session.client("sqs"), deployment.session.client("s3")
    bucket = outputs["UploadTo"].removeprefix("s3://").partition("/")[0]
    sqs.send_message(QueueUrl=outputs["Queue"], MessageBody="no JSON at all")
    s3.put_object(Bucket=bucket, Key="beside.txt", Body=b"well")

    assert execution_of(deployment, "Obedient", "beside.txt")["status"] == "SUCCEEDED"


def test_a_folder_marker_is_not_data(deployment: Deployment) -> None:
    outputs = deployment.outputs("Obedient")
    s3, states = deployment.session.client("s3"), deployment.session.client("stepfunctions")
    bucket = outputs["UploadTo"].removeprefix("s3://").partition("/")[0]
    s3.put_object(Bucket=bucket, Key="folder/", Body=b"")
    s3.put_object(Bucket=bucket, Key="folder/after.txt", Body=b"well")
    assert execution_of(deployment, "Obedient", "folder/after.txt")["status"] == "SUCCEEDED"

    for listed in states.list_executions(stateMachineArn=outputs["StateMachine"])["executions"]:
        execution_input = json.loads(states.describe_execution(executionArn=listed["executionArn"])["input"])
        assert execution_input["key"] != "folder/"


def test_the_tags_of_a_job_name_its_execution(deployment: Deployment, wine: Path) -> None:
    assert deployment.run(wine, "ProcessingDemo").returncode == 0
    execution = execution_of(deployment, "ProcessingDemo", "incoming/wine.csv")
    arn = json.loads(execution["output"])["ProcessingJobArn"]
    tags = deployment.session.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]

    assert {tag["Key"]: tag["Value"] for tag in tags} | {
        "processing:execution": execution["executionArn"],
        "processing:pipeline": "ProcessingDemo/Pipeline",
    } == {tag["Key"]: tag["Value"] for tag in tags}


def test_logs_of_job_and_function_can_be_read_with_the_plain_aws_cli(deployment: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "logged.txt"
    path.write_text("write a log")
    assert deployment.run(path, "Obedient").returncode == 0

    job = aws_logs(deployment, "/aws/sagemaker/ProcessingJobs")
    assert "the order is ['write', 'a', 'log']" in job
    function = deployment.session.client("lambda").get_function(FunctionName=deployment.outputs("Obedient")["Function"])
    group = function["Configuration"]["LoggingConfig"]["LogGroup"]
    assert "START RequestId" in aws_logs(deployment, group)


def aws_logs(deployment: Deployment, group: str) -> str:
    """Return the text that `aws logs` prints for a log group."""
    command = [str(AWS_CLI), "logs", "filter-log-events", "--log-group-name", group]
    ran = subprocess.run(
        [*command, "--query", "events[].[message]", "--output", "text"],
        env=deployment.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return str(ran.stdout)
