"""The demo, in which each object has an execution of its own."""

from __future__ import annotations

import json

from tools.iam_mutations.pipeline import Pipeline, Scenario, Steps


class Demo(Pipeline):
    """app.py, deployed."""

    stack = "ProcessingDemo"
    good = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(20))
    bad = b"no numbers\nat all\n"

    def upload_objects(self, body: bytes) -> str:
        """Upload an object and return its key."""
        key = f"{self.prefix}{self.new_name()}.csv"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def scenarios(self) -> dict[Scenario, set[tuple[str, str]]]:
        """Return the scenarios of every pipeline, the repetition of an event and an object in a manifest."""
        return {
            **super().scenarios(),
            self.repeat: {("trigger", "states:DescribeExecution")},
            self.upload_beside_sibling: {("trigger", "s3:PutObject")},
        }

    def upload_beside_sibling(self) -> Steps:
        """Upload an object whose key another key starts with."""
        key = f"{self.prefix}{self.new_name()}.csv"
        for name in (f"{key}.bak", key):
            self.s3.put_object(Bucket=self.bucket, Key=name, Body=self.good)
        yield from self.until_ended(key)

    def repeat(self) -> Steps:
        """Deliver an event again after its execution has ended."""
        key = self.upload_objects(self.good)
        yield from self.until_ended(key)
        execution = self.execution(key)
        assert execution is not None  # noqa: S101 - it has ended
        sequencer = json.loads(execution["input"])["sequencer"]
        s3_object = {"key": key, "sequencer": sequencer, "size": len(self.good)}
        detail = {"bucket": {"name": self.bucket}, "object": s3_object}
        event = {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(event))
        yield from self.until_queue_is_empty()
