"""Batches, shared and imported buckets: deployed by the unmodified CDK CLI and really run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deployed import Deployment, cdk
from support import ROOT

_DEADLINE_SECONDS = 480.0


class Pipeline:
    """One of the stacks of the app."""

    def __init__(self, deployment: Deployment, stack: str) -> None:
        self.outputs = deployment.outputs(stack)
        self.bucket, _, self.prefix = self.outputs["UploadTo"].removeprefix("s3://").partition("/")
        self.s3, self.sqs, self.states = (deployment.session.client(name) for name in ("s3", "sqs", "stepfunctions"))

    def put(self, name: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.prefix}{name}", Body=body)

    def executions(self) -> list[dict[str, Any]]:
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.outputs["StateMachine"])
        return [execution for page in pages for execution in page["executions"]]

    def copies(self) -> list[str]:
        """The keys of all outputs, below the place that each job has for itself."""
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
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not fits():
            assert time.monotonic() < deadline, ([one["status"] for one in self.executions()], len(self.copies()))
            time.sleep(0.5)


@pytest.fixture(scope="module")
def deployed(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    app = f"{sys.executable} {ROOT / 'tests' / 'e2e' / 'batches' / 'app.py'}"
    folder = tmp_path_factory.mktemp("batches")
    cdk(["deploy", "--all", "--app", app, "--output", str(folder)], deployment.environment)
    yield deployment
    cdk(["destroy", "--all", "--force", "--app", app, "--output", str(folder)], deployment.environment)


def test_a_thousand_objects_are_one_job_and_two_bad_ones_keep_none_of_the_others(deployed: Deployment) -> None:
    pipeline = Pipeline(deployed, "BatchCopy")
    bodies = {f"blue/{number:03}.txt": str(number).encode() for number in range(1000)}
    bodies["blue/617.txt"] = b"corrupt"
    *most, last = bodies.items()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: pipeline.put(*item), most))
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key="batch/blue/230.txt")
    pipeline.put(*last)

    good = sorted(name for name in bodies if name not in ("blue/617.txt", "blue/230.txt"))
    pipeline.until(lambda: pipeline.copies() == good)
    # The end of an execution is told through the queue, whose messages are gathered for some seconds.
    pipeline.until(lambda: len(pipeline.dead_letters()) == 2)
    letters = sorted((letter["objects"], reason) for letter, reason in pipeline.dead_letters())
    assert letters == [
        ([f"s3://{pipeline.bucket}/batch/blue/230.txt"], "the object was gone before the job started"),
        ([f"s3://{pipeline.bucket}/batch/blue/617.txt"], letters[1][1]),
    ]
    assert "617.txt is corrupt" in letters[1][1]
    statuses = sorted(one["status"] for one in pipeline.executions())
    # The whole batch, and two halves at each of ten levels.
    assert (statuses.count("FAILED"), statuses.count("SUCCEEDED")) == (11, 10)


def test_what_does_not_fill_a_batch_runs_when_its_window_is_over(deployed: Deployment) -> None:
    pipeline = Pipeline(deployed, "BatchCopy")
    before = len(pipeline.executions())
    for name in ("green/a.txt", "green/b.txt", "red/a.txt"):
        pipeline.put(name, b"text")
    pipeline.until(
        lambda: (
            [name for name in pipeline.copies() if "blue" not in name]
            == [
                "green/a.txt",
                "green/b.txt",
                "red/a.txt",
            ]
        )
    )
    assert len(pipeline.executions()) == before + 2


def test_a_second_pipeline_on_the_same_imported_bucket(deployed: Deployment, tmp_path: Path) -> None:
    pipeline = Pipeline(deployed, "ImportedCopy")
    batches = len(Pipeline(deployed, "BatchCopy").executions())
    file = tmp_path / "one.txt"
    file.write_text("text")
    ran = deployed.run(file, "ImportedCopy")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert pipeline.copies() == ["one.txt"]
    assert len(Pipeline(deployed, "BatchCopy").executions()) == batches
