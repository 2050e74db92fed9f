"""The parts of the container contract that need Python in the container, or that concern the server."""

from __future__ import annotations

import gzip
import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smproc.local.server.execution import Credentials, CredentialsEndpoint, JobClientError
from smproc.local.server.execution.opt_ml import OptMl
from smproc.local.server.execution.volume import GIGABYTE, Volume

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

ADDRESS = "/_smproc/credentials/"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def endpoint(clock: Clock) -> CredentialsEndpoint:
    numbers = iter(range(1, 100))
    return CredentialsEndpoint(
        "http://127.0.0.1:1", lambda role: Credentials(f"ASIA{next(numbers)}", f"of {role}", "token"), clock
    )


def test_credentials_are_renewed_half_an_hour_before_they_expire() -> None:
    clock = Clock()
    at = endpoint(clock)
    with at.open("arn:role") as variables:
        path = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"].removeprefix("http://127.0.0.1:1")
        token = variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        status, body = at.answer(path, token)
        assert status == HTTPStatus.OK
        assert json.loads(body) == {
            "RoleArn": "arn:role",
            "AccessKeyId": "ASIA1",
            "SecretAccessKey": "of arn:role",
            "Token": "token",
            "Expiration": "2027-01-15T09:00:00Z",
        }
        clock.now += 1799
        assert json.loads(at.answer(path, token)[1])["AccessKeyId"] == "ASIA1"
        clock.now += 2
        renewed = json.loads(at.answer(path, token)[1])
        assert (renewed["AccessKeyId"], renewed["Expiration"]) == ("ASIA2", "2027-01-15T09:30:01Z")
    assert at.answer(path, token)[0] == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("token", ["", "wrong", "\u00ff"])
def test_credentials_require_the_token(token: str) -> None:
    at = endpoint(Clock())
    with at.open("arn:role") as variables:
        path = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"].removeprefix("http://127.0.0.1:1")
        status, body = at.answer(path, token)
    assert status == HTTPStatus.FORBIDDEN
    assert b"SecretAccessKey" not in body
    assert at.answer(f"{ADDRESS}other", "word")[0] == HTTPStatus.FORBIDDEN


def test_boto3_finds_the_credentials_and_their_expiry_without_configuration(local_aws: RunningLocalAws) -> None:
    job = local_aws.run(
        """
import boto3, pathlib
credentials = boto3.Session().get_credentials()
pathlib.Path("/opt/ml/output/message").write_text(f"{credentials.method} {credentials.refresh_needed()}")
"""
    )
    assert job["ExitMessage"] == "container-role False"


def test_a_program_with_network_isolation_has_no_credentials(local_aws: RunningLocalAws) -> None:
    job = local_aws.run(
        """
import os, pathlib
pathlib.Path("/opt/ml/output/message").write_text(" ".join(sorted(name for name in os.environ if "AWS" in name)))
""",
        NetworkConfig={"EnableNetworkIsolation": True},
    )
    assert job["ExitMessage"] == "AWS_DEFAULT_REGION AWS_ENDPOINT_URL AWS_REGION"


def test_the_credentials_of_an_ended_job_are_revoked(local_aws: RunningLocalAws) -> None:
    import urllib.error  # noqa: PLC0415
    import urllib.request  # noqa: PLC0415

    job = local_aws.run(
        """
import json, os, pathlib
names = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
pathlib.Path("/opt/ml/output/message").write_text(json.dumps([os.environ[name] for name in names]))
"""
    )
    address, token = json.loads(job["ExitMessage"])
    request = urllib.request.Request(address, headers={"Authorization": token})  # noqa: S310 - loopback
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)  # noqa: S310
    with caught.value as refusal:
        assert refusal.code == HTTPStatus.FORBIDDEN


def piped(local_aws: RunningLocalAws, uri: str, **changes: str) -> dict[str, object]:
    entry = local_aws.input("data", uri)
    entry["S3Input"] |= {"S3InputMode": "Pipe", **changes}
    return entry


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no gzip", "is not gzip, although S3CompressionType is Gzip"),
        (gzip.compress(b"x" * 99)[:-6], "it is truncated"),
    ],
    ids=["not-gzip", "truncated"],
)
def test_a_file_that_is_not_gzip_fails_the_job_by_name(local_aws: RunningLocalAws, content: bytes, reason: str) -> None:
    uri = local_aws.put(f"not-gzip/{len(content)}", content)
    job = local_aws.run(
        "open('/opt/ml/processing/input/data_0').read(); import time; time.sleep(60)",
        inputs=[piped(local_aws, uri, S3CompressionType="Gzip")],
    )
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f'ClientError: The object at S3 URL "{uri}"')
    assert reason in job["FailureReason"]


@pytest.mark.parametrize(
    "script",
    [
        "",
        "open('/opt/ml/processing/input/data_0', 'rb').read(10)",
        "import os; os.remove('/opt/ml/processing/input/data_0')",
        "import os, shutil; shutil.rmtree('/opt/ml/processing/input'); os.symlink('/etc', '/opt/ml/processing/input')",
        """
import os
path = "/opt/ml/processing/input/data_0"
os.remove(path); open(path, "w").write("mine"); import time; time.sleep(0.3); assert open(path).read() == "mine"
""",
    ],
    ids=["unread", "half-read", "removed", "redirected", "replaced"],
)
@pytest.mark.each_sandbox
def test_a_job_completes_whatever_its_program_does_with_its_pipes(local_aws: RunningLocalAws, script: str) -> None:
    uri = local_aws.put("piped/large", b"x" * 3_000_000)
    job = local_aws.run(script, inputs=[piped(local_aws, uri)])
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")


def test_a_pipe_needs_a_path_below_the_processing_directory(local_aws: RunningLocalAws) -> None:
    request = local_aws.request("", inputs=[piped(local_aws, "s3://data/piped/", LocalPath="/opt/ml/processing/")])
    with pytest.raises(local_aws.sagemaker.exceptions.ClientError, match="must begin with /opt/ml/processing/, got"):
        local_aws.create(request)


def test_a_file_that_outgrows_its_volume_ends_the_job(local_aws: RunningLocalAws) -> None:
    request = local_aws.request(
        """
import os, time
with open("/opt/ml/processing/output/large", "wb") as file:
    os.posix_fallocate(file.fileno(), 0, 1100 * 2**20)
time.sleep(60)
"""
    )
    request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] = 1
    job = local_aws.wait(local_aws.create(request))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "ClientError: No space left on the volume: /opt/ml of algo-1 has grown to 1.1 GB, and VolumeSizeInGB is 1"
    )
    assert local_aws.keys(f"{job['ProcessingJobName']}/") == []


def test_a_sparse_file_counts_with_its_allocated_size(local_aws: RunningLocalAws) -> None:
    request = local_aws.request(
        "with open('/opt/ml/processing/hole', 'wb') as file: file.truncate(5 * 2**30)\nimport time; time.sleep(1.5)"
    )
    request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] = 1
    assert local_aws.wait(local_aws.create(request))["ProcessingJobStatus"] == "Completed"


def test_inputs_larger_than_the_volume_are_refused_before_they_fill_the_disk(tmp_path: Path) -> None:
    volume = Volume(OptMl(tmp_path), 2 * GIGABYTE)
    volume.reserve(2 * GIGABYTE - 5, "s3://data/a")
    volume.reserve(5, "s3://data/b")
    with pytest.raises(
        JobClientError, match=r'inputs up to S3 URL "s3://data/c" are larger than the 2 GB of VolumeSize'
    ):
        volume.reserve(1, "s3://data/c")


def continuous(local_aws: RunningLocalAws, script: str) -> dict[str, object]:
    request = local_aws.request(script)
    request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3UploadMode"] = "Continuous"
    return request


def test_only_changed_files_are_uploaded_again(local_aws: RunningLocalAws) -> None:
    script = """
import pathlib, time
out = pathlib.Path("/opt/ml/processing/output")
(out / "same").write_text("same")
(out / "log").write_text("one")
print("ready", flush=True)
while not pathlib.Path("/opt/ml/processing/go").exists():
    time.sleep(0.01)
"""
    name = local_aws.create(continuous(local_aws, script))
    local_aws.until(lambda: local_aws.keys(f"{name}/"), lambda keys: keys == ["log", "same"])
    first = local_aws.s3.head_object(Bucket="data", Key=f"{name}/same")["LastModified"]
    directory = local_aws.aws.status().folder / "jobs" / name / "algo-1" / "processing"
    (directory / "output" / "log").write_text("one two")
    local_aws.until(lambda: local_aws.get(f"{name}/log"), lambda content: content == b"one two")
    (directory / "go").touch()
    assert local_aws.wait(name)["ProcessingJobStatus"] == "Completed"
    assert local_aws.s3.head_object(Bucket="data", Key=f"{name}/same")["LastModified"] == first


def test_a_continuous_upload_that_s3_refuses_fails_the_job_at_its_end(local_aws: RunningLocalAws) -> None:
    request = continuous(local_aws, "open('/opt/ml/processing/output/x', 'w').write('x'); import time; time.sleep(1.5)")
    request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = "s3://no-such-bucket/x"  # type: ignore[index]
    job = local_aws.wait(local_aws.create(request))
    assert job["ProcessingJobStatus"] == "Failed"
    assert 'Failed to upload output data to S3 URL "s3://no-such-bucket/x/x"' in job["FailureReason"]


def test_twenty_concurrent_jobs_neither_mix_nor_fail(local_aws: RunningLocalAws) -> None:
    script = "import sys, time; time.sleep(0.2); open('/opt/ml/output/message', 'w').write(sys.argv[1])"
    names = []
    for number in range(20):
        request = local_aws.request(script, inputs=[piped(local_aws, local_aws.put(f"twenty/{number}", "x"))])
        request["AppSpecification"]["ContainerArguments"] = [str(number)]
        names.append(local_aws.create(request))
    jobs = [local_aws.wait(name) for name in names]
    assert [job.get("FailureReason") for job in jobs] == [None] * 20
    assert [job["ExitMessage"] for job in jobs] == [str(number) for number in range(20)]
