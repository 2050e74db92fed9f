"""A deployment of a cloud assembly to the local AWS without the CDK CLI: its assets, then its stacks.

See: https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from smproc.assemblies import CloudAssembly, StackArtifact

if TYPE_CHECKING:
    from boto3 import Session

_BOOTSTRAP_VERSION = ("/cdk-bootstrap/hnb659fds/version", "30")
_TEMPLATES_BUCKET = "templates-of-tests"
_POLL_SECONDS = 0.2
_REASONS = 5


class DeploymentError(RuntimeError):
    """A stack that cannot be deployed; the message starts with one sentence."""


def deploy(session: Session, assembly: CloudAssembly, stack: str, *, account: str, region: str) -> None:
    """Deploy a stack, and first those that it depends on.

    Args:
        session: a boto3 session of the local AWS.
        assembly: the assembly.
        stack: the name of the stack.
        account: the account.
        region: the region.

    Raises:
        DeploymentError: CloudFormation failed, or the stack has assets that only the CDK CLI publishes.
    """
    # The template asks for the version of the bootstrap stack, which this deployment does without.
    name, version = _BOOTSTRAP_VERSION
    session.client("ssm").put_parameter(Name=name, Value=version, Type="String", Overwrite=True)
    for artifact in assembly.stacks_for(stack):
        for asset in artifact.assets:
            _publish(
                session, artifact, asset, {"AWS::AccountId": account, "AWS::Region": region, "AWS::Partition": "aws"}
            )
        _deploy(session, artifact, region)


def _publish(session: Session, artifact: StackArtifact, asset: Mapping[str, Any], values: Mapping[str, str]) -> None:
    source = asset.get("source") or {}
    if "path" not in source or asset.get("kind") == "docker":
        raise DeploymentError(
            f"the stack {artifact.name} has an asset that only the CDK CLI publishes (an image, or a program that "
            "makes the asset); install the CDK CLI: npm install aws-cdk"
        )
    path = artifact.directory / str(source["path"])
    body = _zipped(path) if source.get("packaging") == "zip" else path.read_bytes()
    for destination in (asset.get("destinations") or {}).values():
        bucket = str(destination["bucketName"])
        for name, value in values.items():
            bucket = bucket.replace(f"${{{name}}}", value)
        _put(session, bucket, str(destination["objectKey"]), body)


def _put(session: Session, bucket: str, key: str, body: bytes) -> None:
    s3 = session.client("s3")
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError:
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=body)


def _zipped(directory: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for root, _, names in os.walk(directory):
            for name in sorted(names):
                path = Path(root) / name
                archive.write(path, path.relative_to(directory))
    return packed.getvalue()


def _deploy(session: Session, artifact: StackArtifact, region: str) -> None:
    client = session.client("cloudformation")
    _put(session, _TEMPLATES_BUCKET, artifact.name, artifact.template.read_bytes())
    request: dict[str, Any] = {
        "StackName": artifact.name,
        # A body may have 51,200 bytes: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
        "TemplateURL": f"https://s3.{region}.amazonaws.com/{_TEMPLATES_BUCKET}/{artifact.name}",
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        if _exists(session, artifact.name):
            client.update_stack(**request)
        else:
            client.create_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise DeploymentError(f"the stack {artifact.name} was refused: {error.response['Error']['Message']}") from None
    while (status := _status(session, artifact.name)).endswith("_IN_PROGRESS"):
        time.sleep(_POLL_SECONDS)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        reasons = "; ".join(list(_reasons(session, artifact.name))[:_REASONS]) or "no reason is given"
        raise DeploymentError(f"the stack {artifact.name} ended as {status}: {reasons}")


def _exists(session: Session, name: str) -> bool:
    try:
        return bool(_status(session, name))
    except ClientError:
        return False


def _status(session: Session, name: str) -> str:
    return str(session.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


def _reasons(session: Session, name: str) -> Iterator[str]:
    for event in session.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]:
        if str(event.get("ResourceStatus", "")).endswith("FAILED"):
            yield f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason', 'failed')}"
