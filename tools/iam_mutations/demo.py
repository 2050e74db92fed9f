"""The demo: each object has an execution of its own."""

from __future__ import annotations

import json

from tools.iam_mutations.pipeline import Pipeline, Steps, Use


class Demo(Pipeline):
    """app.py, deployed."""

    stack = "ProcessingDemo"
    good = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(20))
    bad = b"no numbers\nat all\n"

    def arrive(self, body: bytes) -> str:
        """Put an object; its key."""
        key = f"{self.prefix}{self.new_name()}.csv"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def uses(self) -> dict[Use, set[tuple[str, str]]]:
        """The shared ones, and the repetition of an event."""
        return {**super().uses(), self.repeat: {("trigger", "states:DescribeExecution")}}

    def repeat(self) -> Steps:
        """An event that comes again when its execution is over."""
        key = self.arrive(self.good)
        yield from self.over(key)
        found = self.execution(key)
        assert found is not None  # noqa: S101 - it is over
        sequencer = json.loads(found["input"])["sequencer"]
        thing = {"key": key, "sequencer": sequencer, "size": len(self.good)}
        detail = {"bucket": {"name": self.bucket}, "object": thing}
        event = {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(event))
        yield from self.drained()
