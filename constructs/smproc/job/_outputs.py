"""What a processing job leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from smproc.job._paths import check_local_path, check_s3_uri
from smproc.job.api import check
from smproc.job.errors import InvalidValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingOutput:
    """A folder of the container whose files a processing job uploads to S3.

    Names, defaults and meaning are those of ``sagemaker.processing.ProcessingOutput``.

    Args:
        source: the folder in the container, ``/opt/ml/processing/`` and below. It exists when the script starts.
        destination: ``s3://bucket/prefix``, or a value only known later. Default: a prefix in the processor's bucket
            that no other execution, and no other try of it, writes to.
        output_name: unique in the job. Default: ``output-<position>``, counted from 1 over all outputs.
        s3_upload_mode: ``EndOfJob``, or ``Continuous`` while the job runs. Default: ``EndOfJob``.
        app_managed: the application writes the data itself. Default: False.

    Raises:
        InvalidValue: a value that the API refuses, a source outside ``/opt/ml/processing/``, or a destination that is
            not in S3.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingOutput.html
    """

    source: str
    destination: str | None = None
    output_name: str | None = None
    s3_upload_mode: Literal["EndOfJob", "Continuous"] = "EndOfJob"
    app_managed: bool = False

    def __post_init__(self) -> None:
        check("String", "output_name", self.output_name)
        check("ProcessingS3UploadMode", "s3_upload_mode", self.s3_upload_mode)
        check("AppManaged", "app_managed", self.app_managed)
        check_local_path("source", self.source)
        if self.output_name is not None and ("/" in self.output_name or not self.output_name):
            raise InvalidValue(
                "output_name", self.output_name, "be a name without '/'", "it ends the output's S3 prefix"
            )
        if self.destination is not None:
            check_s3_uri("destination", self.destination)

    def name(self, position: int) -> str:
        """The output's name in the request; ``position`` counts from 1."""
        return self.output_name or f"output-{position}"

    def to_request(self, position: int, default_destination: str) -> dict[str, object]:
        """The output as the API takes it, uploaded to ``default_destination`` when it names no place of its own."""
        return {
            "OutputName": self.name(position),
            "AppManaged": self.app_managed,
            "S3Output": {
                "S3Uri": self.destination or default_destination,
                "LocalPath": self.source,
                "S3UploadMode": self.s3_upload_mode,
            },
        }
