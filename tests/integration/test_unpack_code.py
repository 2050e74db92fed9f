"""The function that unpacks code: hostile archives against the S3 of the local AWS."""

from __future__ import annotations

import io
import json
import random
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.helpers.hostile_names import NAMES
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.stacks import ROOT
from unpack_code import handler
from unpack_code.retries import Clock

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from types_boto3_s3 import S3Client

Unpack = Callable[[bytes], dict[str, Any]]
PREFIX = "code/0123"
PROPERTIES = {
    "SourceBucket": "assets",
    "SourceKey": "asset.zip",
    "DestinationBucketName": "target",
    "Prefix": PREFIX,
    "PhysicalResourceId": "code",
}


class _CloudFormation(BaseHTTPRequestHandler):
    """A server that receives the response to a custom resource's request."""

    received: ClassVar[list[dict[str, Any]]] = []

    def do_PUT(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Context(LambdaContext):
    def __init__(self) -> None:
        self._log_stream_name = "stream"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 900_000


class Time:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time of the function, which passes without waiting."""
    time = Time()
    monkeypatch.setattr(handler, "clock", Clock(lambda: time.now, time.sleep))
    return time


Deny = Callable[..., None]


@pytest.fixture
def client(local_aws: RunningLocalAws, monkeypatch: pytest.MonkeyPatch) -> S3Client:
    """The client of the function, with boto3's uploader; its events belong to this test."""
    created: S3Client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=local_aws.aws.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the local AWS's own
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={}),
    )
    monkeypatch.setattr(handler, "s3_client", lambda: created)
    return created


@pytest.fixture
def deny(client: S3Client) -> Deny:
    """A function that makes S3 refuse calls of the function, as IAM does until a new policy is in force."""

    def refuse(code: str, **times: int) -> None:
        def before_call(model: OperationModel, **_: object) -> None:
            name = xform_name(model.name)
            if times.get(name, 0) > 0:
                times[name] -= 1
                raise ClientError({"Error": {"Code": code, "Message": "not authorized"}}, name)

        client.meta.events.register("before-call.s3", before_call)

    return refuse


@pytest.fixture
def s3(local_aws: RunningLocalAws) -> S3Client:
    for bucket in ("assets", "target"):
        local_aws.s3.create_bucket(Bucket=bucket)
    return local_aws.s3


@pytest.fixture
def unpack(s3: S3Client, client: S3Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unpack]:
    """A function that unpacks an archive, and returns the response to CloudFormation."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    del client  # which the function uses
    with HTTPServer(("127.0.0.1", 0), _CloudFormation) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def run(archive: bytes) -> dict[str, Any]:
            s3.put_object(Bucket="assets", Key="asset.zip", Body=archive)
            names = ("StackId", "RequestId", "LogicalResourceId")
            url = f"http://127.0.0.1:{server.server_port}/"
            handler.handler(
                {"RequestType": "Create", "ResponseURL": url, "ResourceProperties": PROPERTIES}
                | dict.fromkeys(names, "x"),
                Context(),
            )
            return _CloudFormation.received.pop()

        try:
            yield run
        finally:
            server.shutdown()
            thread.join()


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as files:
        for name, content in members:
            files.writestr(name, content)
    return buffer.getvalue()


def keys(s3: S3Client) -> list[str]:
    found = [item["Key"] for item in s3.list_objects_v2(Bucket="target").get("Contents", ())]
    for key in found:
        s3.delete_object(Bucket="target", Key=key)
    return found


def test_every_name_is_a_key_below_the_prefix(s3: S3Client, unpack: Unpack) -> None:
    response = unpack(archive(*((name, name.encode()) for name in NAMES), ("a folder/", b"")))
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", "code")
    assert s3.get_object(Bucket="target", Key=f"{PREFIX}/-rf")["Body"].read() == b"-rf"
    assert sorted(keys(s3)) == sorted(f"{PREFIX}/{name}" for name in NAMES)


@pytest.mark.parametrize("name", ["../up.py", "a/../../up.py", "/etc/up.py", "..", "./up.py", "a//up.py"])
def test_a_member_outside_the_root_of_the_archive_fails_the_deployment(s3: S3Client, unpack: Unpack, name: str) -> None:
    response = unpack(archive(("main.py", b""), (name, b"")))
    assert response["Status"] == "FAILED"
    reason = f"ValueError: a member of the archive must be a file below its root, got {name!r} (log stream stream)"
    assert response["Reason"] == reason
    assert keys(s3) == []


def test_a_link_is_not_followed(s3: S3Client, unpack: Unpack) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    assert unpack(archive((link, b"/proc/self/environ")))["Status"] == "SUCCESS"
    assert s3.get_object(Bucket="target", Key=f"{PREFIX}/link")["Body"].read() == b"/proc/self/environ"
    assert keys(s3) == [f"{PREFIX}/link"]


def test_files_larger_than_a_part_are_uploaded_part_by_part(s3: S3Client, unpack: Unpack) -> None:
    content = random.Random(0).randbytes(20 * 1024 * 1024)  # noqa: S311 - bytes that do not compress
    assert unpack(archive(("small.py", b"1"), ("large.bin", content), ("empty", b"")))["Status"] == "SUCCESS"
    assert s3.get_object(Bucket="target", Key=f"{PREFIX}/large.bin")["Body"].read() == content
    assert s3.head_object(Bucket="target", Key=f"{PREFIX}/large.bin")["ETag"].strip('"').endswith("-3")
    assert sorted(keys(s3)) == [f"{PREFIX}/{name}" for name in ("empty", "large.bin", "small.py")]


def test_many_files(s3: S3Client, unpack: Unpack) -> None:
    names = [f"folder/{number:04}" for number in range(500)]
    assert unpack(archive(*((name, name.encode()) for name in names)))["Status"] == "SUCCESS"
    assert s3.get_object(Bucket="target", Key=f"{PREFIX}/{names[-1]}")["Body"].read() == names[-1].encode()
    assert sorted(keys(s3)) == [f"{PREFIX}/{name}" for name in names]


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "403"])
@pytest.mark.parametrize("operation", ["get_object", "put_object", "create_multipart_upload", "upload_part"])
def test_a_denial_is_retried_until_new_permissions_must_be_in_force(
    s3: S3Client, unpack: Unpack, deny: Deny, time: Time, operation: str, code: str
) -> None:
    deny(code, **{operation: 5})
    response = unpack(archive(("main.py", b"1"), ("large.bin", bytes(handler.PART_BYTES + 1))))
    assert response["Status"] == "SUCCESS", response
    assert time.pauses == [1, 2, 4, 8, 10]
    assert sorted(keys(s3)) == [f"{PREFIX}/large.bin", f"{PREFIX}/main.py"]


def test_a_lasting_denial_fails_the_deployment_after_a_minute_and_a_half(
    s3: S3Client, unpack: Unpack, deny: Deny, time: Time
) -> None:
    deny("AccessDenied", put_object=1000)
    response = unpack(archive(("main.py", b"1")))
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("ClientError: An error occurred (AccessDenied)")
    assert sum(time.pauses) == 90
    assert keys(s3) == []


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket", "KMS.DisabledException", "InvalidRequest"])
def test_other_errors_are_not_retried(unpack: Unpack, deny: Deny, time: Time, code: str) -> None:
    deny(code, put_object=1)
    assert code in unpack(archive(("main.py", b"1")))["Reason"]
    assert time.pauses == []


@pytest.mark.parametrize("operation", ["upload_part", "complete_multipart_upload"])
def test_parts_of_a_failed_upload_are_removed(s3: S3Client, unpack: Unpack, deny: Deny, operation: str) -> None:
    deny("NoSuchBucket", **{operation: 1})
    assert unpack(archive(("large.bin", bytes(handler.PART_BYTES + 1))))["Status"] == "FAILED"
    assert not s3.list_multipart_uploads(Bucket="target").get("Uploads")


def test_the_function_responds_before_lambda_ends_it(
    s3: S3Client, client: S3Client, unpack: Unpack, time: Time
) -> None:
    def before_call(**_: object) -> None:
        time.now += 100

    client.meta.events.register("before-call.s3", before_call)
    response = unpack(archive(*((f"{number}.py", bytes(10)) for number in range(20))))
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("TimeoutError: the files must be unpacked within 780 seconds; upload data")
    assert time.now < 900
    keys(s3)


def test_a_large_file_does_not_take_longer_than_the_function_has(
    s3: S3Client, client: S3Client, unpack: Unpack, time: Time
) -> None:
    def before_call(**_: object) -> None:
        time.now += 200

    client.meta.events.register("before-call.s3", before_call)
    content = random.Random(0).randbytes(4 * handler.PART_BYTES)  # noqa: S311 - bytes that do not compress
    response = unpack(archive(("large.bin", content)))
    assert response["Reason"].startswith("TimeoutError: the files must be unpacked within 780 seconds; upload data")
    assert not s3.list_multipart_uploads(Bucket="target").get("Uploads")


def test_the_cdk_cli_hotswaps_the_files_and_waits_for_no_response(s3: S3Client, unpack: Unpack) -> None:
    del unpack
    s3.put_object(Bucket="assets", Key="asset.zip", Body=archive(("main.py", b"1")))
    required = "required-to-be-present-by-cfn"  # what the CLI sends, and what its bucket deployments get
    names = ("ResponseURL", "PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId")
    event = {"RequestType": "Update", "ResourceProperties": PROPERTIES} | dict.fromkeys(names, required)
    handler.handler(event, Context())
    assert keys(s3) == [f"{PREFIX}/main.py"]
    s3.delete_object(Bucket="assets", Key="asset.zip")
    with pytest.raises(ClientError, match="NoSuchKey"):
        handler.handler(event, Context())


def test_the_cli_sends_what_the_function_expects_in_place_of_a_url() -> None:
    source = (ROOT / "node_modules" / "aws-cdk" / "lib" / "index.js").read_text(encoding="utf-8")
    assert f'REQUIRED_BY_CFN = "{handler.NO_RESPONSE_URL}"' in source


def test_a_deletion_removes_nothing(s3: S3Client, unpack: Unpack, monkeypatch: pytest.MonkeyPatch) -> None:
    unpack(archive(("main.py", b"1")))
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr("urllib.request.Request", lambda _, data, **__: sent.append(json.loads(data)))
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO())
    names = ("StackId", "RequestId", "LogicalResourceId", "ResponseURL")
    event = {"RequestType": "Delete", "PhysicalResourceId": "code", "ResourceProperties": PROPERTIES}
    handler.handler(event | dict.fromkeys(names, "x"), Context())
    assert sent[0]["Status"] == "SUCCESS"
    assert sent[0]["PhysicalResourceId"] == "code"
    assert keys(s3) == [f"{PREFIX}/main.py"]


def test_an_invalid_archive_fails_the_deployment(s3: S3Client, unpack: Unpack) -> None:
    assert unpack(b"no archive")["Reason"].startswith("BadZipFile: ")
    assert keys(s3) == []
