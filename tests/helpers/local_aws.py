"""A running local AWS with the clients of its user, and helpers for tests of jobs."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.session
import pytest
from botocore.config import Config

from cdk_sagemaker_processing.model.names import PROCESSING_LOG_GROUP
from smproc.local import LocalAws
from tests.helpers.ports import free_port

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client
    from types_boto3_sagemaker import SageMakerClient
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef, HistoryEventTypeDef

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
ROLE = "arn:aws:iam::000000000000:role/processing"
BUCKET = "data"
Answer = TypeVar("Answer")
# Variables of the server's own environment, which no job may see; Podman would pass a proxy on.
SERVER_ENVIRONMENT = {"A_SECRET_OF_THE_SERVER": "3f1c-of-the-server", "HTTPS_PROXY": "http://proxy-of-the-server:9"}
_DEADLINE_IN_SECONDS = 90.0
# The programs that a local AWS without bubblewrap finds on its PATH.
_WITHOUT_BUBBLEWRAP = ("unshare", "setpriv", "java")


class RunningLocalAws:
    """A running local AWS and the clients of its user."""

    image = IMAGE
    role = ROLE
    bucket = BUCKET
    log_group = PROCESSING_LOG_GROUP

    def __init__(self, aws: LocalAws, sandbox: str) -> None:
        self.aws = aws
        self.sandbox = sandbox
        self._session = botocore.session.Session()
        self._clients: dict[str, Any] = {}
        self.s3: S3Client = self.client("s3")
        self.sagemaker: SageMakerClient = self.client("sagemaker")
        self.states: SFNClient = self.client("stepfunctions")
        self.logs: CloudWatchLogsClient = self.client("logs")
        self.iam: IAMClient = self.client("iam")
        self.s3.create_bucket(Bucket=BUCKET)

    def client(self, service: str) -> Any:  # noqa: ANN401 - the type depends on the service
        """Return the client of a service, created once."""
        if service not in self._clients:
            self._clients[service] = self._session.create_client(
                service,
                region_name="us-east-1",
                endpoint_url=self.aws.endpoint,
                aws_access_key_id="test",
                aws_secret_access_key="test",  # noqa: S106 - the local AWS's own
                config=Config(
                    s3={"addressing_style": "path"},
                    retries={"total_max_attempts": 1},
                    proxies={},
                    # A client adds "sync-" to the host of some actions, which for an address is no name.
                    inject_host_prefix=False,
                ),
            )
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def put(self, key: str, body: str | bytes = b"") -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def get(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def keys(self, prefix: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"].removeprefix(prefix) for item in listed.get("Contents", ())]

    def name(self) -> str:
        return f"job-{uuid.uuid4().hex[:12]}"

    def request(self, script: str, name: str | None = None, **changes: Any) -> dict[str, Any]:
        """Return a request for a job that runs a script and uploads /opt/ml/processing/output to s3://data/<job>/."""
        name = name or self.name()
        self.put(f"code/{name}/main.py", script)
        request: dict[str, Any] = {
            "ProcessingJobName": name,
            "RoleArn": ROLE,
            "AppSpecification": {
                "ImageUri": self.image,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/main.py"],
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
            },
            "ProcessingInputs": [
                self.input("code", f"s3://{BUCKET}/code/{name}/main.py", "/opt/ml/processing/input/code")
            ],
            "ProcessingOutputConfig": {"Outputs": [self.output("out", f"s3://{BUCKET}/{name}")]},
        }
        extra = changes.pop("inputs", [])
        request["ProcessingInputs"] += extra
        return {**request, **changes}

    @staticmethod
    def input(
        name: str,
        uri: str,
        local_path: str | None = None,
        kind: str = "S3Prefix",
        distribution: str = "FullyReplicated",
    ) -> dict[str, Any]:
        return {
            "InputName": name,
            "S3Input": {
                "S3Uri": uri,
                "LocalPath": local_path or f"/opt/ml/processing/input/{name}",
                "S3DataType": kind,
                "S3InputMode": "File",
                "S3DataDistributionType": distribution,
            },
        }

    @staticmethod
    def output(name: str, uri: str, local_path: str = "/opt/ml/processing/output") -> dict[str, Any]:
        return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": local_path, "S3UploadMode": "EndOfJob"}}

    def create(self, request: Mapping[str, Any]) -> str:
        self.sagemaker.create_processing_job(**request)
        return str(request["ProcessingJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        return {**self.sagemaker.describe_processing_job(ProcessingJobName=name)}

    def wait(self, name: str, deadline_in_seconds: float = _DEADLINE_IN_SECONDS) -> dict[str, Any]:
        return self.until(
            lambda: self.describe(name),
            lambda job: job["ProcessingJobStatus"] not in ("InProgress", "Stopping"),
            deadline_in_seconds,
        )

    def run(self, script: str, **changes: Any) -> dict[str, Any]:
        return self.wait(self.create(self.request(script, **changes)))

    def log(self, name: str) -> dict[str, list[str]]:
        """Return the lines of a job's logs by host, without those of the local AWS itself."""
        return {
            host: [line for line in lines if not line.startswith("[local AWS] ")]
            for host, lines in self._lines(name).items()
        }

    def all_lines(self, name: str) -> list[str]:
        """Return all lines of a job's logs."""
        return [line for lines in self._lines(name).values() for line in lines]

    def _lines(self, name: str) -> dict[str, list[str]]:
        streams = self.logs.describe_log_streams(logGroupName=PROCESSING_LOG_GROUP, logStreamNamePrefix=f"{name}/")[
            "logStreams"
        ]
        return {
            stream["logStreamName"].removeprefix(f"{name}/").rpartition("-")[0]: [
                event["message"]
                for event in self.logs.get_log_events(
                    logGroupName=PROCESSING_LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True
                )["events"]
            ]
            for stream in streams
        }

    def wait_for_log(self, name: str, line: str, deadline_in_seconds: float = _DEADLINE_IN_SECONDS) -> None:
        def lines() -> list[str]:
            try:
                return [text for host in self.log(name).values() for text in host]
            except self.logs.exceptions.ResourceNotFoundException:
                return []

        self.until(lines, lambda found: line in found, deadline_in_seconds)

    @staticmethod
    def until(
        read: Callable[[], Answer],
        condition: Callable[[Answer], bool],
        deadline_in_seconds: float = _DEADLINE_IN_SECONDS,
    ) -> Answer:
        deadline = time.monotonic() + deadline_in_seconds
        while not condition(answer := read()):
            assert time.monotonic() < deadline, f"still {answer!r}"
            time.sleep(0.01)
        return answer

    def machine(self, states: Mapping[str, Any], **more: Any) -> str:
        """Create a state machine that starts at the first of the given states, and return its ARN."""
        machine = self.states.create_state_machine(
            name=self.name(),
            roleArn="arn:aws:iam::000000000000:role/machine",
            definition=json.dumps({"StartAt": next(iter(states)), "States": states, **more}),
        )
        return str(machine["stateMachineArn"])

    def execute(self, states: Mapping[str, Any], execution_input: object = None, **more: Any) -> str:
        """Start an execution of a state machine that starts at the first of the given states, and return its ARN."""
        started = self.states.start_execution(
            stateMachineArn=self.machine(states, **more), input=json.dumps(execution_input or {})
        )
        return str(started["executionArn"])

    def wait_for_execution(self, arn: str) -> DescribeExecutionOutputTypeDef:
        return self.until(
            lambda: self.states.describe_execution(executionArn=arn), lambda found: found["status"] != "RUNNING"
        )

    def history(self, arn: str) -> list[HistoryEventTypeDef]:
        return self.states.get_execution_history(executionArn=arn)["events"]


def command_lines() -> set[bytes]:
    """Return the command lines of all processes, which every user of this machine can read."""
    found = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                found.add((process / "cmdline").read_bytes())
    return found


def path_with(directory: Path, *programs: str) -> str:
    """Create a PATH with only the named ones of the programs that isolate jobs."""
    for program in programs:
        if found := shutil.which(program):
            (directory / program).symlink_to(found)
    return str(directory)


@contextlib.contextmanager
def sandbox_alone(name: str, directory: Path) -> Iterator[None]:
    """Restrict each local AWS that starts in the context to one sandbox: ``unshare``, or the preferred ``bubblewrap``.

    Args:
        name: the sandbox, which must work here.
        directory: an empty directory for a PATH.
    """
    with pytest.MonkeyPatch.context() as patch:
        if name == "unshare":
            patch.setenv("PATH", path_with(directory, *_WITHOUT_BUBBLEWRAP))
        yield


@contextlib.contextmanager
def process_local_aws(
    directory: Path, sandbox: str, *, enforce_iam: bool = False, **options: Any
) -> Iterator[LocalAws]:
    """Run a local AWS whose jobs run in one sandbox.

    Args:
        directory: an empty directory for its state and its PATH.
        sandbox: ``bubblewrap`` or ``unshare``, which must work here.
        enforce_iam: whether policies are enforced. Default: False, as most tests name roles that do not exist.
        options: those of `LocalAws`.
    """
    aws = LocalAws(free_port(), state_dir=directory / "state", runner="process", enforce_iam=enforce_iam, **options)
    (directory / "path").mkdir()
    with sandbox_alone(sandbox, directory / "path"), pytest.MonkeyPatch.context() as patch:
        for name, value in SERVER_ENVIRONMENT.items():
            patch.setenv(name, value)
        aws.start()
    try:
        yield aws
    finally:
        aws.stop()
