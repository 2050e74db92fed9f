"""What a processing job reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from smproc.job._paths import check_local_path, check_source
from smproc.job.api import check
from smproc.job.errors import ConflictingValues


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingInput:
    """A part of S3 that a processing job finds as files below a folder of its container.

    Names, defaults and meaning are those of ``sagemaker.processing.ProcessingInput``.

    Args:
        source: where the data is: ``s3://bucket/prefix``, or a value only known later, or a local file or folder
            (which the deployment uploads). An ``S3Prefix`` is a prefix of key names, not a folder: ``s3://b/a.csv``
            also brings ``a.csv.bak``.
        destination: the folder in the container, ``/opt/ml/processing/`` and below.
        input_name: unique in the job. Default: ``input-<position>``, counted from 1 over all inputs.
        s3_data_type: ``S3Prefix`` for all objects whose key starts so, ``ManifestFile`` for the objects that the JSON
            at ``source`` lists. Default: ``S3Prefix``.
        s3_input_mode: ``File`` copies before the start, ``Pipe`` streams through named pipes. Default: ``File``.
        s3_data_distribution_type: ``FullyReplicated`` gives every instance everything, ``ShardedByS3Key`` an equal part
            of the objects each. Default: ``FullyReplicated``.
        s3_compression_type: ``Gzip`` only goes with ``Pipe``. Default: ``None`` (the word, as the API has it).
        app_managed: the application reads the data itself. Default: False.

    Raises:
        InvalidValue: a value that the API refuses, or a destination outside ``/opt/ml/processing/``.
        ConflictingValues: ``Gzip`` without ``Pipe``.

    Example:
        >>> ProcessingInput(source="s3://my-bucket/raw/", destination="/opt/ml/processing/input").input_name is None
        True

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingInput.html
    """

    source: str
    destination: str
    input_name: str | None = None
    s3_data_type: Literal["S3Prefix", "ManifestFile"] = "S3Prefix"
    s3_input_mode: Literal["File", "Pipe"] = "File"
    s3_data_distribution_type: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"
    s3_compression_type: Literal["None", "Gzip"] = "None"
    app_managed: bool = False

    def __post_init__(self) -> None:
        check("String", "input_name", self.input_name)
        check("ProcessingS3DataType", "s3_data_type", self.s3_data_type)
        check("ProcessingS3InputMode", "s3_input_mode", self.s3_input_mode)
        check("ProcessingS3DataDistributionType", "s3_data_distribution_type", self.s3_data_distribution_type)
        check("ProcessingS3CompressionType", "s3_compression_type", self.s3_compression_type)
        check("AppManaged", "app_managed", self.app_managed)
        check_source("source", self.source)
        check_local_path("destination", self.destination)
        if self.s3_compression_type == "Gzip" and self.s3_input_mode == "File":
            raise ConflictingValues(
                "s3_compression_type='Gzip' goes only with s3_input_mode='Pipe', got s3_input_mode='File'; "
                "let the script unpack the files, or read them through a pipe"
            )

    def at(self, source: str) -> ProcessingInput:
        """The same input from another place."""
        return replace(self, source=source)

    def to_request(self, position: int) -> dict[str, object]:
        """The input as the API takes it; ``position`` counts from 1."""
        return {
            "InputName": self.input_name or f"input-{position}",
            "AppManaged": self.app_managed,
            "S3Input": {
                "S3Uri": self.source,
                "LocalPath": self.destination,
                "S3DataType": self.s3_data_type,
                "S3InputMode": self.s3_input_mode,
                "S3DataDistributionType": self.s3_data_distribution_type,
                "S3CompressionType": self.s3_compression_type,
            },
        }
