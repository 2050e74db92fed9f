"""The latency that the pipeline adds: the deployment of the demo, and from an upload to the outputs in S3."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from sklearn.datasets import load_wine

from benchmarks.measurement import Measurements, paired
from smproc.local import LocalAws
from tests.helpers.deployment import Deployment, bootstrap, cdk, session_at
from tests.helpers.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "examples" / "demo" / "preprocess.py"
UPLOADS, DEPLOYMENTS = 7, 3
# The smallest app: what the CDK CLI and CloudFormation take for any.
ONE_QUEUE = """
import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
app = cdk.App()
sqs.Queue(cdk.Stack(app, "OneQueue"), "Queue")
app.synth()
"""


def measurements() -> Measurements:
    """Yield the figures of the deployment and of an upload."""
    with tempfile.TemporaryDirectory() as name, _deployment(Path(name)) as deployed:
        directory = Path(name)
        app = directory / "one_queue.py"
        app.write_text(ONE_QUEUE)
        yield paired(
            "cdk deploy of the demo",
            lambda: _deploy(deployed, directory, "ProcessingDemo"),
            "of a stack with one queue",
            lambda: _deploy(deployed, directory, "OneQueue", "--app", f"{sys.executable} {app}"),
            pairs=DEPLOYMENTS,
        )
        cdk(["deploy", "ProcessingDemo", "--output", str(directory / "out")], deployed.environment)
        load_wine(as_frame=True).frame.to_csv(directory / "wine.csv", index=False)
        bare, pipeline = _bare(directory), _pipeline(deployed, directory / "wine.csv")
        bare()
        pipeline()
        yield paired("from an upload to its outputs", pipeline, "the script alone", bare, pairs=UPLOADS)


@contextmanager
def _deployment(directory: Path) -> Iterator[Deployment]:
    with LocalAws(port=free_port(), state_dir=directory / "state") as local_aws:
        environment = local_aws.redirect(os.environ)
        bootstrap(environment)
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        session_at(session, local_aws.endpoint)
        yield Deployment(port=local_aws.port, environment=environment, session=session)


def _deploy(deployed: Deployment, directory: Path, stack: str, *options: str) -> float:
    """Deploy a stack, remove it, and return the seconds that the deployment took."""
    arguments = [stack, *options, "--output", str(directory / "out")]
    start = time.monotonic()
    cdk(["deploy", *arguments], deployed.environment)
    seconds = time.monotonic() - start
    cdk(["destroy", "--force", *arguments], deployed.environment)
    return seconds


def _bare(directory: Path) -> Callable[[], float]:
    """Return what runs the script alone, in a directory other than /opt/ml and away from the files beside it."""
    base = directory / "opt" / "ml"
    (base / "processing" / "input").mkdir(parents=True)
    (base / "processing" / "input" / "wine.csv").write_bytes((directory / "wine.csv").read_bytes())
    script = directory / "code" / "preprocess.py"
    script.parent.mkdir()
    script.write_text(SCRIPT.read_text().replace('"/opt/ml/', f'"{base}/'))

    def run() -> float:
        start = time.monotonic()
        command = [sys.executable, str(script), "--train-test-split-ratio", "0.2"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - start

    return run


def _pipeline(deployed: Deployment, file: Path) -> Callable[[], float]:
    """Return what uploads a file and waits for both outputs in S3."""
    s3 = deployed.session.client("s3")
    outputs = deployed.outputs("ProcessingDemo")
    bucket, _, prefix = outputs["UploadTo"].removeprefix("s3://").partition("/")

    def count() -> int:
        return int(s3.list_objects_v2(Bucket=outputs["OutputBucket"], Prefix="outputs/")["KeyCount"])

    def run() -> float:
        expected = count() + 2
        start = time.monotonic()
        s3.put_object(Bucket=bucket, Key=f"{prefix}wine.csv", Body=file.read_bytes())
        while count() < expected:
            time.sleep(0.01)
        return time.monotonic() - start

    return run
