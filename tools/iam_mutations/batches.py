"""The example with batches: a table, and a dispatcher that starts what is ready."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from smproc.local import LocalAws
from tools.iam_mutations.pipeline import LATE_SECONDS, Pipeline, Steps, Use

# The example's batches are of 1,000 objects, and its messages are gathered for some seconds; roles are no others here.
BATCH_SIZE = 2
# Longer than the dispatcher waits for the news of an end before it asks.
UNSEEN_SECONDS = 300


class Batches(Pipeline):
    """examples/batches.py, deployed, with small batches."""

    stack = "BatchExample"
    deploy = ("--app", f"{sys.executable} examples/batches.py", "--parameters", "Mail=somebody@example.com")
    good = b"a,b\n1,2\n"
    bad = b"\xff\xfe is no text"
    parts: ClassVar[Mapping[str, str]] = {**Pipeline.parts, "PipelineTriggerLedgerDispatcherRole": "dispatcher"}

    def __init__(self, local_aws: LocalAws, environment: dict[str, str], folder: Path) -> None:
        super().__init__(local_aws, environment, folder)
        self.dynamodb, self.events = self.client("dynamodb"), self.client("events")
        self.table = self.named("PipelineTriggerLedgerTable", "AWS::DynamoDB::GlobalTable")
        self.dispatcher = self.named("PipelineTriggerLedgerDispatcher", "AWS::Lambda::Function")
        self.ends = self.named("PipelineTriggerEndedRule", "AWS::Events::Rule")
        self._make_quick()

    def _make_quick(self) -> None:
        intake = self.named("PipelineTriggerFunction", "AWS::Lambda::Function")
        for function in (intake, self.dispatcher):
            variables = self.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
            settings = json.dumps({**json.loads(variables["SETTINGS"]), "batch_size": BATCH_SIZE})
            self.functions.update_function_configuration(
                FunctionName=function, Environment={"Variables": {**variables, "SETTINGS": settings}}
            )
        (source,) = self.functions.list_event_source_mappings(FunctionName=intake)["EventSourceMappings"]
        self.functions.update_event_source_mapping(UUID=source["UUID"], BatchSize=10, MaximumBatchingWindowInSeconds=0)

    def arrive(self, body: bytes) -> str:
        """Put what fills a batch; its group."""
        group = f"{self.prefix}{self.new_name()}"
        for number in range(BATCH_SIZE):
            self.s3.put_object(Bucket=self.bucket, Key=f"{group}/{number}.csv", Body=body)
        return group

    def uses(self) -> dict[Use, set[tuple[str, str]]]:
        """The shared ones, and what the dispatcher alone sees to."""
        uses = super().uses()
        tells = {"states:GetExecutionHistory", "events:PutEvents", "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey*"}
        return {
            **uses,
            self.fail: {("trigger", name) for name in tells},
            self.lose: {("dispatcher", name) for name in {*tells, "states:DescribeExecution", "dynamodb:GetItem"}},
            self.vanish: {("dispatcher", "sqs:SendMessage"), ("dispatcher", "s3:ListBucket")},
        }

    def lose(self) -> Steps:
        """A batch that fails without anybody hearing of it, until the dispatcher asks."""
        self.events.disable_rule(Name=self.ends)
        try:
            mark = self.arrive(self.bad)
            yield from super().over(mark)
            time.sleep(LATE_SECONDS)  # the news is on its way when the execution is over
        finally:
            self.events.enable_rule(Name=self.ends)
        for slot in self._items("slot"):
            self.dynamodb.update_item(
                TableName=self.table,
                Key={name: slot[name] for name in ("pk", "sk")},
                UpdateExpression="SET claimed = claimed - :seconds",
                ExpressionAttributeValues={":seconds": {"N": str(UNSEEN_SECONDS)}},
            )
        # What its rule sends each minute.
        self.functions.invoke(FunctionName=self.dispatcher, InvocationType="Event", Payload=b'{"minute": true}')
        yield from self._settled()

    def vanish(self) -> Steps:
        """A batch one of whose objects is deleted before the batch is full."""
        group = f"{self.prefix}{self.new_name()}"
        for number in range(BATCH_SIZE):
            self.s3.put_object(Bucket=self.bucket, Key=f"{group}/{number}.csv", Body=self.good)
            if not number:
                self.s3.delete_object(Bucket=self.bucket, Key=f"{group}/0.csv")
        yield from self.over(group)

    def over(self, mark: str) -> Steps:
        """Until the execution has ended, and all that follows from its end."""
        yield from super().over(mark)
        yield from self._settled()

    def _settled(self) -> Steps:
        while self._items("slot") or self._items("ready"):
            yield

    def _items(self, partition: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
        )["Items"]
        return found

    def clear(self) -> None:
        """Leave nothing of the last removal, in the table neither."""
        super().clear()
        for item in self.dynamodb.scan(TableName=self.table)["Items"]:
            self.dynamodb.delete_item(TableName=self.table, Key={name: item[name] for name in ("pk", "sk")})
