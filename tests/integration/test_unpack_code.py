"""What the function that unpacks code does with an archive that means no good; it runs over a real S3."""

from __future__ import annotations

import importlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import boto3
import pytest
from botocore.config import Config

from smproc.local import LocalAws
from tests.helpers.hostile_names import NAMES
from tests.helpers.ports import free_port

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Unpack = Callable[[bytes], dict[str, Any]]
PREFIX = "code/0123"


class _CloudFormation(BaseHTTPRequestHandler):
    """Takes the answer to a custom resource's request."""

    answers: ClassVar[list[dict[str, Any]]] = []

    def do_PUT(self) -> None:
        self.answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Context:
    log_stream_name = "stream"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Client]:
    with LocalAws(port=free_port(), state_dir=tmp_path_factory.mktemp("state")) as local_aws:
        client = boto3.client(
            "s3",
            endpoint_url=local_aws.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the local AWS's own
            config=Config(proxies={}, s3={"addressing_style": "path"}),
        )
        for bucket in ("assets", "target"):
            client.create_bucket(Bucket=bucket)
        yield client
        client.close()


@pytest.fixture
def unpack(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unpack]:
    """Runs the function on an archive; what it answers to CloudFormation."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    handler = importlib.import_module("unpack_code.handler")
    monkeypatch.setattr(handler, "s3", s3)
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
                _Context(),
            )
            return _CloudFormation.answers.pop()

        try:
            yield run
        finally:
            server.shutdown()
            thread.join()


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as files:
        for name, content in members:
            files.writestr(name, content)
    return written.getvalue()


def keys(s3: S3Client) -> list[str]:
    found = [item["Key"] for item in s3.list_objects_v2(Bucket="target").get("Contents", ())]
    for key in found:
        s3.delete_object(Bucket="target", Key=key)
    return found


def test_every_name_is_a_key_below_the_prefix(s3: S3Client, unpack: Unpack) -> None:
    answer = unpack(archive(*((name, name.encode()) for name in NAMES), ("a folder/", b"")))
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"Prefix": PREFIX})
    assert s3.get_object(Bucket="target", Key=f"{PREFIX}/-rf")["Body"].read() == b"-rf"
    assert sorted(keys(s3)) == sorted(f"{PREFIX}/{name}" for name in NAMES)


@pytest.mark.parametrize("name", ["../up.py", "a/../../up.py", "/etc/up.py", "..", "./up.py", "a//up.py"])
def test_a_member_that_leads_out_of_its_folder_fails_the_deployment(s3: S3Client, unpack: Unpack, name: str) -> None:
    answer = unpack(archive(("main.py", b""), (name, b"")))
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == f"ValueError: the archive's member {name!r} is no file of its folder (log stream stream)"
    assert keys(s3) == []


def test_a_link_is_not_followed(s3: S3Client, unpack: Unpack) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    assert unpack(archive((link, b"/proc/self/environ")))["Status"] == "SUCCESS"
    assert s3.get_object(Bucket="target", Key=f"{PREFIX}/link")["Body"].read() == b"/proc/self/environ"
    assert keys(s3) == [f"{PREFIX}/link"]


@pytest.mark.parametrize(("room", "what"), [(50, "the archive"), (500, "the archive with its member 'huge.bin'")])
def test_what_would_fill_the_memory_fails_the_deployment_and_is_not_unpacked(
    s3: S3Client,
    unpack: Unpack,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    what: str,
) -> None:
    monkeypatch.setattr("unpack_code.handler.ROOM_BYTES", room)
    answer = unpack(archive(("small.py", b""), ("huge.bin", bytes(600))))
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"ValueError: {what} has ")
    assert f" bytes, and {room} can be unpacked; put data into an input of the job" in answer["Reason"]
    assert keys(s3) == []


def test_what_is_no_archive_fails_the_deployment(s3: S3Client, unpack: Unpack) -> None:
    assert unpack(b"no archive")["Reason"].startswith("BadZipFile: ")
    assert keys(s3) == []
