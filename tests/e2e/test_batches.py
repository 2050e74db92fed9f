"""Batches, shared and imported buckets: deployed by the unmodified CDK CLI, and run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.deployment import Deployment, cdk
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import until

if TYPE_CHECKING:
    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef, ExecutionListItemTypeDef

pytestmark = pytest.mark.exhaustive

_DEADLINE_SECONDS = 480.0
# Objects of two groups that do not fill a batch.
WAITING = ["green/a.txt", "green/b.txt", "red/a.txt"]


class Pipeline:
    """One of the stacks of the app."""

    def __init__(self, deployment: Deployment, stack: str) -> None:
        self.outputs = deployment.outputs(stack)
        self.bucket, _, self.prefix = self.outputs["UploadTo"].removeprefix("s3://").partition("/")
        self.s3 = deployment.session.client("s3")
        self.sqs = deployment.session.client("sqs")
        self.states = deployment.session.client("stepfunctions")

    def put(self, name: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.prefix}{name}", Body=body)

    def executions(self) -> list[ExecutionListItemTypeDef]:
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.outputs["StateMachine"])
        return [execution for page in pages for execution in page["executions"]]

    def grouped(self) -> list[tuple[str, DescribeExecutionOutputTypeDef]]:
        """Return the executions, each after the group of its batch, the latest first."""
        described = [
            self.states.describe_execution(executionArn=listed["executionArn"]) for listed in self.executions()
        ]
        return [(json.loads(one["input"])["group"].removeprefix(self.prefix), one) for one in described]

    def executions_of(self, group: str) -> list[DescribeExecutionOutputTypeDef]:
        """Return the executions of the batches of a group, the latest first."""
        return [one for name, one in self.grouped() if name == group]

    def copies(self) -> list[str]:
        """Return the keys of all outputs, without the location of each job."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.outputs["OutputBucket"], Prefix="outputs/"
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return sorted(key.partition("/copies/")[2] for key in keys)

    def dead_letters(self) -> list[tuple[dict[str, Any], str]]:
        found: list[tuple[str, str]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.outputs["DeadLetterQueue"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
            WaitTimeSeconds=0,
        ).get("Messages"):
            new = [one for one in messages if one["Body"] not in {body for body, _ in found}]
            if not new:
                break
            found += [(one["Body"], one["MessageAttributes"]["Reason"]["StringValue"]) for one in new]
        return [(json.loads(body)["detail"], reason) for body, reason in found]

    def until(self, fits: Callable[[], bool]) -> None:
        until(
            fits,
            seconds=_DEADLINE_SECONDS,
            state=lambda: ([one["status"] for one in self.executions()], len(self.copies())),
        )


@pytest.fixture(scope="module")
def deployed(bootstrapped: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    app = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'batches' / 'app.py'}"
    folder = tmp_path_factory.mktemp("batches")
    cdk(["deploy", "--all", "--app", app, "--output", str(folder)], bootstrapped.environment)
    # The window of a minute passes while other tests run; the test of these objects comes last.
    waiting = Pipeline(bootstrapped, "BatchCopy")
    for name in WAITING:
        waiting.put(name, b"text")
    yield bootstrapped
    cdk(["destroy", "--all", "--force", "--app", app, "--output", str(folder)], bootstrapped.environment)


def test_a_thousand_objects_are_one_job_and_two_bad_ones_block_no_others(deployed: Deployment) -> None:
    pipeline = Pipeline(deployed, "BatchCopy")
    bodies = {f"blue/{number:03}.txt": str(number).encode() for number in range(1000)}
    bodies["blue/617.txt"] = b"corrupt"
    *most, last = bodies.items()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: pipeline.put(*item), most))
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key="batch/blue/230.txt")
    pipeline.put(*last)

    good = sorted(name for name in bodies if name not in ("blue/617.txt", "blue/230.txt"))
    pipeline.until(lambda: [name for name in pipeline.copies() if name not in WAITING] == good)
    # The end of an execution is reported through the queue, whose messages are batched for some seconds.
    pipeline.until(lambda: len(pipeline.dead_letters()) == 2)
    letters = sorted((letter["objects"], reason) for letter, reason in pipeline.dead_letters())
    assert letters == [
        ([f"s3://{pipeline.bucket}/batch/blue/230.txt"], "the object was deleted before the job started"),
        ([f"s3://{pipeline.bucket}/batch/blue/617.txt"], letters[1][1]),
    ]
    assert "617.txt is corrupt" in letters[1][1]
    statuses = [one["status"] for one in pipeline.executions_of("blue")]
    # The whole batch, and two halves at each of the ten levels.
    assert (statuses.count("FAILED"), statuses.count("SUCCEEDED")) == (11, 10)


def test_the_alarms_of_dead_letters_and_of_failed_executions_tell_their_topic(deployed: Deployment) -> None:
    """Read what the topic of the alarms got after the first test."""
    pipeline = Pipeline(deployed, "BatchCopy")
    told: dict[str, dict[str, Any]] = {}

    def metrics() -> set[str]:
        received = pipeline.sqs.receive_message(QueueUrl=pipeline.outputs["Alarms"], MaxNumberOfMessages=10)
        for message in received.get("Messages", ()):
            alarm = json.loads(json.loads(message["Body"])["Message"])
            told[alarm["Trigger"]["MetricName"]] = alarm
        return {*told}

    wanted = {"ApproximateNumberOfMessagesVisible", "ExecutionsFailed"}
    pipeline.until(lambda: metrics() >= wanted)
    assert {told[metric]["NewStateValue"] for metric in wanted} == {"ALARM"}
    (dimension,) = told["ApproximateNumberOfMessagesVisible"]["Trigger"]["Dimensions"]
    assert dimension["value"] == pipeline.outputs["DeadLetterQueue"].rpartition("/")[2]
    (dimension,) = told["ExecutionsFailed"]["Trigger"]["Dimensions"]
    assert dimension == {"value": pipeline.outputs["StateMachine"], "name": "StateMachineArn"}


def test_dead_letters_are_shown_and_sent_back(deployed: Deployment) -> None:
    """Redrive what the first test has sent to the dead-letter queue."""
    pipeline = Pipeline(deployed, "BatchCopy")
    before = len(pipeline.executions_of("blue"))
    shown = deployed.smproc("redrive", "--stack", "BatchCopy", "--dry-run", "--local", str(deployed.port))
    assert shown.returncode == 0, shown.stderr
    assert (
        f"s3://{pipeline.bucket}/batch/blue/230.txt\n    the object was deleted before the job started" in shown.stdout
    )
    assert shown.stdout.endswith("BatchCopy/Pipeline: 2 dead letters found\n")
    sent = deployed.smproc("redrive", "--stack", "BatchCopy", "--local", str(deployed.port))
    assert sent.stdout.endswith("BatchCopy/Pipeline: 2 dead letters sent back\n")
    # The object is still corrupt, and the other one still missing.
    pipeline.until(lambda: len(pipeline.executions_of("blue")) == before + 1)
    pipeline.until(lambda: len(pipeline.dead_letters()) == 2)
    assert pipeline.executions_of("blue")[0]["status"] == "FAILED"


def test_a_second_pipeline_on_the_same_imported_bucket(deployed: Deployment, tmp_path: Path) -> None:
    def batches() -> list[str]:
        started = [group for group, _ in Pipeline(deployed, "BatchCopy").grouped()]
        return [group for group in started if group not in ("green", "red")]  # these may start at any time

    pipeline = Pipeline(deployed, "ImportedCopy")
    before = batches()
    file = tmp_path / "one.txt"
    file.write_text("text")
    ran = deployed.run(file, "ImportedCopy")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert pipeline.copies() == ["one.txt"]
    assert batches() == before


def test_a_failure_is_published_and_can_be_retried_once(deployed: Deployment, tmp_path: Path) -> None:
    pipeline = Pipeline(deployed, "ImportedCopy")
    file = tmp_path / "bad one.txt"
    file.write_text("corrupt")
    assert deployed.run(file, "ImportedCopy").returncode == 1

    published: list[dict[str, Any]] = []

    def receive() -> bool:
        answer = pipeline.sqs.receive_message(QueueUrl=pipeline.outputs["Failures"])
        published.extend(json.loads(message["Body"])["detail"] for message in answer.get("Messages", ()))
        return bool(published)

    pipeline.until(receive)
    (first,) = [one for one in pipeline.executions() if one["status"] == "FAILED"]
    detail = published[0]
    assert detail["pipeline"] == "ImportedCopy/Pipeline"
    assert detail["executionArn"] == first["executionArn"]
    assert detail["objects"] == [f"s3://{pipeline.bucket}/single/bad one.txt"]
    assert detail["reason"].startswith("bad one.txt is corrupt")
    assert detail["links"]["log"].endswith(f"$3FlogStreamNameFilter$3D{detail['job']}")
    assert detail["following"] == "SET_ASIDE"  # an object whose execution failed is a dead letter, too

    retry = ("retry", "single/bad one.txt", "--stack", "ImportedCopy", "--local", str(deployed.port))
    ran = deployed.smproc(*retry)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"single/bad one.txt runs again, in a new execution after {first['name']}\n")
    pipeline.until(lambda: [one["status"] for one in pipeline.executions()].count("FAILED") == 2)
    by_arn = deployed.smproc("retry", first["executionArn"], "--stack", "ImportedCopy", "--local", str(deployed.port))
    assert by_arn.returncode == 0
    good = next(one for one in pipeline.executions() if one["status"] == "SUCCEEDED")
    refused = deployed.smproc("retry", good["executionArn"], "--stack", "ImportedCopy", "--local", str(deployed.port))
    assert refused.returncode == 1
    assert f"the execution {good['name']} is SUCCEEDED; only one that failed" in refused.stderr
    unknown = deployed.smproc("retry", "single/none.txt", "--stack", "ImportedCopy", "--local", str(deployed.port))
    assert "no failed execution of the pipeline was about s3://" in unknown.stderr
    assert "/single/none.txt: the pipeline has taken no upload of it" in unknown.stderr
    time.sleep(2)
    assert [one["status"] for one in pipeline.executions()].count("FAILED") == 2


def test_a_message_that_cannot_be_processed_is_a_dead_letter_with_its_reason(deployed: Deployment) -> None:
    pipeline = Pipeline(deployed, "ImportedCopy")
    pipeline.sqs.send_message(QueueUrl=pipeline.outputs["Queue"], MessageBody="not an event")
    command = ("redrive", "--stack", "ImportedCopy", "--local", str(deployed.port))
    pipeline.until(lambda: "the message is not JSON" in deployed.smproc(*command, "--dry-run").stdout)
    refused = deployed.smproc("redrive", "--stack", "ImportedCopy", "--pipeline", "x", "--local", str(deployed.port))
    assert refused.returncode == 1
    assert "no pipeline 'x'; name one of these with --pipeline: ImportedCopy/Pipeline" in refused.stderr


def test_an_incomplete_batch_runs_when_its_window_is_over(deployed: Deployment) -> None:
    pipeline = Pipeline(deployed, "BatchCopy")
    pipeline.until(lambda: [name for name in pipeline.copies() if name in WAITING] == WAITING)
    assert [len(pipeline.executions_of(group)) for group in ("green", "red")] == [1, 1]
