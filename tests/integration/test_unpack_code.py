"""The function that unpacks code: hostile archives against the S3 of the local AWS."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from tests.helpers.hostile_names import NAMES
from tests.helpers.local_aws import RunningLocalAws
from unpack_code import handler

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Unpack = Callable[[bytes], dict[str, Any]]
PREFIX = "code/0123"


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


@pytest.fixture
def s3(local_aws: RunningLocalAws) -> S3Client:
    for bucket in ("assets", "target"):
        local_aws.s3.create_bucket(Bucket=bucket)
    return local_aws.s3


@pytest.fixture
def unpack(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unpack]:
    """A function that unpacks an archive, and returns the response to CloudFormation."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(handler, "s3_client", lambda: s3)
    with HTTPServer(("127.0.0.1", 0), _CloudFormation) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def run(archive: bytes) -> dict[str, Any]:
            s3.put_object(Bucket="assets", Key="asset.zip", Body=archive)
            properties = {"SourceBucket": "assets", "SourceKey": "asset.zip", "Bucket": "target", "Prefix": PREFIX}
            names = ("StackId", "RequestId", "LogicalResourceId")
            url = f"http://127.0.0.1:{server.server_port}/"
            handler.handler(
                {"RequestType": "Create", "ResponseURL": url, "ResourceProperties": properties}
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
    assert (response["Status"], response["Data"]) == ("SUCCESS", {"Prefix": PREFIX})
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


@pytest.mark.parametrize(("limit", "name"), [(50, "the archive"), (500, "the archive with its member 'huge.bin'")])
def test_an_archive_that_would_fill_the_memory_fails_the_deployment_and_is_not_unpacked(
    s3: S3Client,
    unpack: Unpack,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    name: str,
) -> None:
    monkeypatch.setattr("unpack_code.handler.MEMORY_BYTES", limit)
    response = unpack(archive(("small.py", b""), ("huge.bin", bytes(600))))
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith(f"ValueError: {name} must have at most {limit} bytes, got ")
    assert "; put data into an input of the job" in response["Reason"]
    assert keys(s3) == []


def test_an_invalid_archive_fails_the_deployment(s3: S3Client, unpack: Unpack) -> None:
    assert unpack(b"no archive")["Reason"].startswith("BadZipFile: ")
    assert keys(s3) == []
