"""A deployed pipeline: where files go in, and what runs on them."""

from __future__ import annotations

import email.utils
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproc.operations.errors import PipelineNotFoundError

_WANTED = ("UploadTo", "StateMachine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An object that somebody put into a pipeline.

    Attributes:
        bucket: the bucket's name.
        key: the object's key.
        size: bytes.
        at: when S3 had it, in seconds since 1970, by S3's clock: a whole second that is not after the moment.
        returned: when the upload returned, in seconds since 1970, by this machine's clock.
        monotonic: the same moment by `time.monotonic`.
    """

    bucket: str
    key: str
    size: int
    at: float
    returned: float
    monotonic: float

    @property
    def uri(self) -> str:
        """Where it is."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A deployed pipeline.

    Attributes:
        bucket: the input bucket's name.
        prefix: where objects start it, empty or ending as the user wrote it.
        state_machine_arn: what runs.
    """

    bucket: str
    prefix: str
    state_machine_arn: str

    @classmethod
    def of_stack(cls, session: Any, stack_name: str) -> Pipeline:  # noqa: ANN401 - boto3 has no types
        """Find the pipeline of a stack by two of the stack's outputs, ``UploadTo`` and ``StateMachine``.

        Raises:
            PipelineNotFoundError: no such stack, or it lacks one of the outputs.
        """
        try:
            stacks = session.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise PipelineNotFoundError(
                f"there is no stack {stack_name!r} here; deploy it with `cdk deploy`, or name another with --stack"
            ) from None
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", ())}
        if missing := [name for name in _WANTED if name not in outputs]:
            raise PipelineNotFoundError(
                f"the stack {stack_name!r} has no output {' and no output '.join(missing)}; add to it "
                'CfnOutput(self, "UploadTo", value=pipeline.upload_uri) and '
                'CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)'
            )
        bucket, _, prefix = outputs["UploadTo"].removeprefix("s3://").partition("/")
        return cls(bucket=bucket, prefix=prefix, state_machine_arn=outputs["StateMachine"])

    def upload(self, session: Any, path: Path, *, name: str | None = None) -> Upload:  # noqa: ANN401
        """Put a file into the pipeline.

        Args:
            session: a boto3 session.
            path: the file.
            name: the object's name below the prefix. Default: the file's own.
        """
        key = f"{self.prefix}{name or path.name}"
        with path.open("rb") as body:
            answer = session.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        returned, monotonic = time.time(), time.monotonic()
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        at = email.utils.parsedate_to_datetime(date).timestamp() if date else returned
        return Upload(
            bucket=self.bucket,
            key=key,
            size=path.stat().st_size,
            at=int(at),
            returned=returned,
            monotonic=monotonic,
        )
