"""The example with batches: a table, and a dispatcher that starts the batches that are ready."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from smproc.local import LocalAws
from tools.iam_mutations.pipeline import LATE_SECONDS, Pipeline, Scenario, Steps

# The example has batches of 1,000 objects and collects messages for some seconds; the roles are the same with less.
BATCH_SIZE = 2
# Longer than the dispatcher waits for the event of an end before it queries the execution.
OVERDUE_SECONDS = 300


class Batches(Pipeline):
    """examples/batches.py, deployed, with small batches."""

    stack = "BatchExample"
    deploy = ("--app", f"{sys.executable} examples/batches.py", "--parameters", "Mail=somebody@example.com")
    good = b"a,b\n1,2\n"
    bad = b"\xff\xfe is not text"
    parts: ClassVar[Mapping[str, str]] = {**Pipeline.parts, "PipelineTriggerLedgerDispatcherRole": "dispatcher"}

    def __init__(self, local_aws: LocalAws, environment: dict[str, str], directory: Path) -> None:
        super().__init__(local_aws, environment, directory)
        self.dynamodb, self.events = self.client("dynamodb"), self.client("events")
        self.table = self.named("PipelineTriggerLedgerTable", "AWS::DynamoDB::GlobalTable")
        self.dispatcher = self.named("PipelineTriggerLedgerDispatcher", "AWS::Lambda::Function")
        self.ends = self.named("PipelineTriggerEndedRule", "AWS::Events::Rule")
        self._shorten_batches()

    def _shorten_batches(self) -> None:
        intake = self.named("PipelineTriggerFunction", "AWS::Lambda::Function")
        for function in (intake, self.dispatcher):
            variables = self.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
            settings = json.dumps({**json.loads(variables["SETTINGS"]), "batch_size": BATCH_SIZE})
            self.functions.update_function_configuration(
                FunctionName=function, Environment={"Variables": {**variables, "SETTINGS": settings}}
            )
        (source,) = self.functions.list_event_source_mappings(FunctionName=intake)["EventSourceMappings"]
        self.functions.update_event_source_mapping(UUID=source["UUID"], BatchSize=10, MaximumBatchingWindowInSeconds=0)

    def upload_objects(self, body: bytes) -> str:
        """Upload a full batch and return its group."""
        group = f"{self.prefix}{self.new_name()}"
        for number in range(BATCH_SIZE):
            self.s3.put_object(Bucket=self.bucket, Key=f"{group}/{number}.csv", Body=body)
        return group

    def scenarios(self) -> dict[Scenario, set[tuple[str, str]]]:
        """Return the scenarios of every pipeline and those of the dispatcher."""
        scenarios = super().scenarios()
        reports = {
            "states:GetExecutionHistory",
            "events:PutEvents",
            "sns:Publish",
            "kms:Decrypt",
            "kms:GenerateDataKey*",
        }
        return {
            **scenarios,
            self.fail: {("trigger", name) for name in reports},
            self.lose_end_event: {
                ("dispatcher", name) for name in {*reports, "states:DescribeExecution", "dynamodb:GetItem"}
            },
            self.delete_object: {("dispatcher", "sqs:SendMessage"), ("dispatcher", "s3:ListBucket")},
        }

    def lose_end_event(self) -> Steps:
        """Fail a batch whose end event is lost, until the dispatcher queries the execution."""
        self.events.disable_rule(Name=self.ends)
        try:
            mark = self.upload_objects(self.bad)
            yield from super().until_ended(mark)
            time.sleep(LATE_SECONDS)  # the event may be under way when the execution has ended
        finally:
            self.events.enable_rule(Name=self.ends)
        for slot in self._items("slot"):
            self.dynamodb.update_item(
                TableName=self.table,
                Key={name: slot[name] for name in ("pk", "sk")},
                UpdateExpression="SET claimed = claimed - :seconds",
                ExpressionAttributeValues={":seconds": {"N": str(OVERDUE_SECONDS)}},
            )
        # The event that its rule sends each minute.
        self.functions.invoke(FunctionName=self.dispatcher, InvocationType="Event", Payload=b'{"minute": true}')
        yield from self._settled()

    def delete_object(self) -> Steps:
        """Delete an object of a batch before the batch is full."""
        group = f"{self.prefix}{self.new_name()}"
        for number in range(BATCH_SIZE):
            self.s3.put_object(Bucket=self.bucket, Key=f"{group}/{number}.csv", Body=self.good)
            if not number:
                self.s3.delete_object(Bucket=self.bucket, Key=f"{group}/0.csv")
        yield from self.until_ended(group)

    def until_ended(self, mark: str) -> Steps:
        """Wait until the execution has ended and its end is handled."""
        yield from super().until_ended(mark)
        yield from self._settled()

    def _settled(self) -> Steps:
        while self._items("slot") or self._items("ready"):
            yield

    def _items(self, partition: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
        )["Items"]
        return items

    def clear(self) -> None:
        """Remove the traces of the previous mutation, also from the table."""
        super().clear()
        for item in self.dynamodb.scan(TableName=self.table)["Items"]:
            self.dynamodb.delete_item(TableName=self.table, Key={name: item[name] for name in ("pk", "sk")})
