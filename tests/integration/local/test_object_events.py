"""The events of objects in a bucket with versioning, and in one without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws


class Bucket:
    """A bucket whose events are in a queue."""

    def __init__(self, local_aws: RunningLocalAws) -> None:
        self.local_aws, self.name, self.sqs = local_aws, local_aws.name(), local_aws.client("sqs")
        local_aws.s3.create_bucket(Bucket=self.name)
        local_aws.s3.put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [self.name]}}}
        local_aws.client("events").put_rule(Name=self.name, EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:us-east-1:000000000000:{self.name}"
        local_aws.client("events").put_targets(Rule=self.name, Targets=[{"Id": "it", "Arn": arn}])

    def version(self, status: Literal["Enabled", "Suspended"]) -> None:
        self.local_aws.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def event(self) -> dict[str, Any]:
        """Return the next event."""
        (message,) = self.local_aws.until(lambda: self.sqs.receive_message(QueueUrl=self.queue).get("Messages"), bool)
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        event: dict[str, Any] = json.loads(message["Body"])
        return event


def test_an_upload_to_a_versioned_bucket_names_its_version(local_aws: RunningLocalAws) -> None:
    bucket = Bucket(local_aws)
    bucket.version("Enabled")
    for body in (b"one", b"two"):
        put = local_aws.s3.put_object(Bucket=bucket.name, Key="a/b c.csv", Body=body)
        written = bucket.event()["detail"]["object"]
        assert (written["key"], written["version-id"]) == ("a/b c.csv", put["VersionId"])
        assert written["etag"] == put["ETag"].strip('"')


def test_a_copy_a_multipart_upload_and_a_deletion_name_their_version(local_aws: RunningLocalAws) -> None:
    bucket = Bucket(local_aws)
    bucket.version("Enabled")
    local_aws.s3.put_object(Bucket=bucket.name, Key="a")
    bucket.event()
    copied = local_aws.s3.copy_object(Bucket=bucket.name, Key="b", CopySource=f"{bucket.name}/a")
    assert bucket.event()["detail"]["object"]["version-id"] == copied["VersionId"]
    upload = local_aws.s3.create_multipart_upload(Bucket=bucket.name, Key="c")["UploadId"]
    part = local_aws.s3.upload_part(Bucket=bucket.name, Key="c", UploadId=upload, PartNumber=1, Body=b"c")["ETag"]
    completed = local_aws.s3.complete_multipart_upload(
        Bucket=bucket.name, Key="c", UploadId=upload, MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]}
    )
    assert bucket.event()["detail"]["object"]["version-id"] == completed["VersionId"]
    deleted = local_aws.s3.delete_object(Bucket=bucket.name, Key="a")
    event = bucket.event()
    assert (event["detail-type"], event["detail"]["object"]["version-id"]) == ("Object Deleted", deleted["VersionId"])


def test_an_event_of_an_unversioned_bucket_names_no_version(local_aws: RunningLocalAws) -> None:
    bucket = Bucket(local_aws)
    local_aws.s3.put_object(Bucket=bucket.name, Key="a")
    assert "version-id" not in bucket.event()["detail"]["object"]
    bucket.version("Suspended")
    local_aws.s3.put_object(Bucket=bucket.name, Key="a")
    assert "version-id" not in bucket.event()["detail"]["object"]
