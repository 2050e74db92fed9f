"""A deployed pipeline: its input bucket and its state machine."""

from __future__ import annotations

import email.utils
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cdk_sagemaker_processing.model.s3_uri import S3Uri, split_s3_uri
from smproc.operations.errors import PipelineNotFoundError
from smproc.operations.stack_resources import no_stack

if TYPE_CHECKING:
    from boto3 import Session

_REQUIRED_OUTPUTS = ("UploadTo", "StateMachine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An object that was uploaded to a pipeline.

    Attributes:
        bucket: the bucket's name.
        key: the object's key.
        size: bytes.
        at: the time at which S3 stored it, in seconds since 1970, by S3's clock: a whole second, rounded down.
        returned: the time at which the upload returned, in seconds since 1970, by this machine's clock.
        monotonic: the same time by `time.monotonic`.
    """

    bucket: str
    key: str
    size: int
    at: float
    returned: float
    monotonic: float

    @property
    def uri(self) -> str:
        """The object's S3 URI."""
        return str(S3Uri(self.bucket, self.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A deployed pipeline.

    Attributes:
        bucket: the input bucket's name.
        prefix: the key prefix of the objects that start the pipeline; empty, or ending as it was configured.
        state_machine_arn: the ARN of the state machine that runs the jobs.
    """

    bucket: str
    prefix: str
    state_machine_arn: str

    @classmethod
    def of_stack(cls, session: Session, stack_name: str) -> Pipeline:
        """Find the pipeline of a stack by two of the stack's outputs, ``UploadTo`` and ``StateMachine``.

        Args:
            session: a boto3 session.
            stack_name: the name of the CloudFormation stack.

        Raises:
            PipelineNotFoundError: the stack does not exist, or lacks one of the outputs.
        """
        try:
            stacks = session.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise no_stack(stack_name) from None
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", ())}
        if missing := [name for name in _REQUIRED_OUTPUTS if name not in outputs]:
            raise PipelineNotFoundError(
                f"the stack {stack_name!r} has no output {' and no output '.join(missing)}; add to it "
                'CfnOutput(self, "UploadTo", value=pipeline.upload_uri) and '
                'CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)'
            )
        bucket, prefix = split_s3_uri(outputs["UploadTo"])
        return cls(bucket=bucket, prefix=prefix, state_machine_arn=outputs["StateMachine"])

    def upload(self, session: Session, path: Path, *, name: str | None = None) -> Upload:
        """Upload a file to the pipeline.

        Args:
            session: a boto3 session.
            path: the file.
            name: the object's name below the prefix. Default: the file's own.
        """
        key = f"{self.prefix}{name or path.name}"
        with path.open("rb") as body:
            response = session.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        returned, monotonic = time.time(), time.monotonic()
        date = response["ResponseMetadata"]["HTTPHeaders"].get("date")
        at = email.utils.parsedate_to_datetime(date).timestamp() if date else returned
        return Upload(
            bucket=self.bucket,
            key=key,
            size=path.stat().st_size,
            at=int(at),
            returned=returned,
            monotonic=monotonic,
        )
