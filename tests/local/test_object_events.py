"""What EventBridge is told of an object in a bucket with versions, and in one without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.conftest import Laptop


class Bucket:
    """A bucket whose events are in a queue."""

    def __init__(self, laptop: Laptop) -> None:
        self.laptop, self.name, self.sqs = laptop, laptop.name(), laptop.client("sqs")
        laptop.s3.create_bucket(Bucket=self.name)
        laptop.s3.put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [self.name]}}}
        laptop.client("events").put_rule(Name=self.name, EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:us-east-1:000000000000:{self.name}"
        laptop.client("events").put_targets(Rule=self.name, Targets=[{"Id": "it", "Arn": arn}])

    def version(self, status: str) -> None:
        self.laptop.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def event(self) -> dict[str, Any]:
        """The next event."""
        (message,) = self.laptop.until(lambda: self.sqs.receive_message(QueueUrl=self.queue).get("Messages"), bool)
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        event: dict[str, Any] = json.loads(message["Body"])
        return event


def test_an_upload_to_a_versioned_bucket_names_its_version(laptop: Laptop) -> None:
    bucket = Bucket(laptop)
    bucket.version("Enabled")
    for body in (b"one", b"two"):
        put = laptop.s3.put_object(Bucket=bucket.name, Key="a/b c.csv", Body=body)
        written = bucket.event()["detail"]["object"]
        assert (written["key"], written["version-id"]) == ("a/b c.csv", put["VersionId"])
        assert written["etag"] == put["ETag"].strip('"')


def test_so_do_a_copy_a_multipart_upload_and_a_deletion(laptop: Laptop) -> None:
    bucket = Bucket(laptop)
    bucket.version("Enabled")
    laptop.s3.put_object(Bucket=bucket.name, Key="a")
    bucket.event()
    copied = laptop.s3.copy_object(Bucket=bucket.name, Key="b", CopySource=f"{bucket.name}/a")
    assert bucket.event()["detail"]["object"]["version-id"] == copied["VersionId"]
    upload = laptop.s3.create_multipart_upload(Bucket=bucket.name, Key="c")["UploadId"]
    part = laptop.s3.upload_part(Bucket=bucket.name, Key="c", UploadId=upload, PartNumber=1, Body=b"c")["ETag"]
    completed = laptop.s3.complete_multipart_upload(
        Bucket=bucket.name, Key="c", UploadId=upload, MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]}
    )
    assert bucket.event()["detail"]["object"]["version-id"] == completed["VersionId"]
    deleted = laptop.s3.delete_object(Bucket=bucket.name, Key="a")
    event = bucket.event()
    assert (event["detail-type"], event["detail"]["object"]["version-id"]) == ("Object Deleted", deleted["VersionId"])


def test_without_versions_there_is_none_to_name(laptop: Laptop) -> None:
    bucket = Bucket(laptop)
    laptop.s3.put_object(Bucket=bucket.name, Key="a")
    assert "version-id" not in bucket.event()["detail"]["object"]
    bucket.version("Suspended")
    laptop.s3.put_object(Bucket=bucket.name, Key="a")
    assert "version-id" not in bucket.event()["detail"]["object"]
