"""The example with batches: uploads wait for each other, and the dispatcher starts the batches that are full."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar

from smproc.local import LocalAws
from tools.iam_mutations.pipeline import Pipeline, Scenario, Steps

# The example has batches of 1,000 objects and collects messages for some seconds; the roles are the same with less.
BATCH_SIZE = 2
# Dispatchers that run concurrently leave work to each other.
INVOCATION_SECONDS = 3.0


class Batches(Pipeline):
    """examples/batches, deployed, with small batches."""

    stack = "BatchExample"
    deploy = ("--app", f"{sys.executable} examples/batches/app.py", "--parameters", "Mail=somebody@example.com")
    good = b"a,b\n1,2\n"
    bad = b"\xff\xfe is not text"
    reports: ClassVar[Collection[str]] = (*Pipeline.reports, "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey*")

    def __init__(self, local_aws: LocalAws, environment: dict[str, str], directory: Path) -> None:
        super().__init__(local_aws, environment, directory)
        for function in (self.intake, self.dispatcher):
            self.configure(function, {"batch_size": BATCH_SIZE})
        (source,) = self.functions.list_event_source_mappings(FunctionName=self.intake)["EventSourceMappings"]
        self.functions.update_event_source_mapping(UUID=source["UUID"], BatchSize=10, MaximumBatchingWindowInSeconds=1)

    def upload_objects(self, body: bytes) -> str:
        """Upload a full batch and return its group."""
        group = f"{self.prefix}{self.new_name()}"
        for number in range(BATCH_SIZE):
            self.s3.put_object(Bucket=self.bucket, Key=f"{group}/{number}.csv", Body=body)
        return group

    def scenarios(self) -> dict[Scenario, set[tuple[str, str]]]:
        """Return the scenarios of every pipeline; S3 is asked for the objects of a batch one by one if they are few."""
        scenarios = super().scenarios()
        return {**scenarios, self.delete_object: scenarios[self.delete_object] | {("dispatcher", "s3:ListBucket")}}

    def until_execution_ended(self, mark: str) -> Steps:
        """Wait until the execution has ended.

        The intake invokes the dispatcher for a delivery that fills a batch; other batches wait for the next minute.
        """
        next_invocation = 0.0
        while self.execution(mark) is None:
            has_work = any(self.items(partition) for partition in ("inbox", "sealed", "ready"))
            if has_work and time.monotonic() > next_invocation:
                self.functions.invoke(FunctionName=self.dispatcher, InvocationType="Event", Payload=b"{}")
                next_invocation = time.monotonic() + INVOCATION_SECONDS
            yield
        yield from super().until_execution_ended(mark)

    def delete_object(self) -> Steps:
        """Delete an object of a batch before the batch is full."""
        group = f"{self.prefix}{self.new_name()}"
        for number in range(BATCH_SIZE):
            self.s3.put_object(Bucket=self.bucket, Key=f"{group}/{number}.csv", Body=self.good)
            if not number:
                self.s3.delete_object(Bucket=self.bucket, Key=f"{group}/0.csv")
        yield from self.until_ended(group)
