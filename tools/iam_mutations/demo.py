"""The demo, in which each object has an execution of its own."""

from __future__ import annotations

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
        """Return the scenarios of every pipeline, and that of an object in a manifest."""
        return {**super().scenarios(), self.upload_beside_sibling: {("dispatcher", "s3:PutObject")}}

    def upload_beside_sibling(self) -> Steps:
        """Upload an object whose key another key starts with."""
        key = f"{self.prefix}{self.new_name()}.csv"
        for name in (f"{key}.bak", key):
            self.s3.put_object(Bucket=self.bucket, Key=name, Body=self.good)
        yield from self.until_ended(key)

    def delete_object(self) -> Steps:
        """Delete an object before its execution starts, while its event waits for others."""
        before = self.messages_in(self.dead_letter_queue)
        key = self.upload_objects(self.good)
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        while self.messages_in(self.dead_letter_queue) == before:
            yield
        yield from self.until_settled()
