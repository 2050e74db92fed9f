"""What a processing job reads."""

from dataclasses import dataclass, replace
from os import PathLike, fspath
from typing import Any, Literal, Self

from cdk_sagemaker_processing.model.api_mapping import check_fields, to_api
from cdk_sagemaker_processing.model.datasets import DatasetDefinition
from cdk_sagemaker_processing.model.errors import ConflictingValuesError
from cdk_sagemaker_processing.model.limits import check
from cdk_sagemaker_processing.model.locations import check_local_path, check_source
from cdk_sagemaker_processing.public_api import public


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Input:
    """A part of S3 that a job reads, spelled out.

    Names, defaults and meaning are those of ``sagemaker.dataset_definition.S3Input``; it becomes the API's ``S3Input``.

    Args:
        s3_uri: ``s3://bucket/prefix``, or a value only known later, or a local file or folder (which the deployment
            uploads). 1,024 characters at most. API: ``S3Uri``.
        local_path: the folder in the container, ``/opt/ml/processing/`` and below. Required unless the input is managed
            by the application. API: ``LocalPath``.
        s3_data_type: ``S3Prefix`` or ``ManifestFile``. Default: ``S3Prefix``. API: ``S3DataType``.
        s3_input_mode: ``File`` or ``Pipe``. Default: ``File``. API: ``S3InputMode``.
        s3_data_distribution_type: ``FullyReplicated`` or ``ShardedByS3Key``. Default: ``FullyReplicated``. API:
            ``S3DataDistributionType``.
        s3_compression_type: ``Gzip`` goes only with ``Pipe``. Default: not sent, which the service takes as ``None``.
            API: ``S3CompressionType``.

    Raises:
        InvalidValueError: a value that the API refuses, or a path outside ``/opt/ml/processing/``.
        ConflictingValuesError: ``Gzip`` without ``Pipe``.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
    """

    s3_uri: str
    local_path: str | None = None
    s3_data_type: Literal["S3Prefix", "ManifestFile"] = "S3Prefix"
    s3_input_mode: Literal["File", "Pipe"] = "File"
    s3_data_distribution_type: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"
    s3_compression_type: Literal["None", "Gzip"] | None = None

    def __post_init__(self) -> None:
        check_source("s3_uri", self.s3_uri)
        if self.local_path is not None:
            check_local_path("local_path", self.local_path)
        check_fields(self, "ProcessingS3Input", but=("s3_uri",))  # which may be a local path still
        if self.s3_compression_type == "Gzip" and self.s3_input_mode == "File":
            raise ConflictingValuesError(
                "s3_compression_type='Gzip' goes only with s3_input_mode='Pipe', got s3_input_mode='File'; "
                "let the script unpack the files, or read them through a pipe"
            )


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingInput:
    """Data that a processing job finds below a folder of its container: a part of S3, or the result of a query.

    Names, defaults and meaning are those of ``sagemaker.processing.ProcessingInput``; it becomes an entry of the API's
    ``ProcessingInputs``. It names one place: ``source`` with ``destination``, or ``s3_input``, or
    ``dataset_definition``. A value that is long or has many parts goes better into a file, and the file into an input,
    than into an argument or an environment variable, which hold 256 characters.

    Args:
        source: where the data is: ``s3://bucket/prefix``, or a value only known later, or a local file or folder
            (which the deployment uploads). An ``S3Prefix`` is a prefix of key names, not a folder: ``s3://b/a.csv``
            also brings ``a.csv.bak``. 1,024 characters at most. Required together with
            ``destination``. API: ``S3Input.S3Uri``.
        destination: the folder in the container, ``/opt/ml/processing/`` and below. Required together with ``source``.
            API: ``S3Input.LocalPath``.
        input_name: unique in the job. Default: ``input-<position>``, counted from 1 over all inputs. API:
            ``InputName``.
        s3_data_type: ``S3Prefix`` for all objects whose key starts so, ``ManifestFile`` for the objects that the JSON
            at ``source`` lists. Default: ``S3Prefix``. API: ``S3Input.S3DataType``.
        s3_input_mode: ``File`` copies before the start, ``Pipe`` streams through named pipes. Default: ``File``. API:
            ``S3Input.S3InputMode``.
        s3_data_distribution_type: ``FullyReplicated`` gives every instance everything, ``ShardedByS3Key`` an equal part
            of the objects each. Default: ``FullyReplicated``. API: ``S3Input.S3DataDistributionType``.
        s3_compression_type: ``Gzip`` only goes with ``Pipe``. Default: ``None`` (the word, as the API has it). API:
            ``S3Input.S3CompressionType``.
        s3_input: the same spelled out, instead of ``source`` and what follows it. API: ``S3Input``.
        dataset_definition: a query instead of objects. API: ``DatasetDefinition``.
        app_managed: the application reads the data itself. Default: False. API: ``AppManaged``.

    Raises:
        InvalidValueError: a value that the API refuses, or a destination outside ``/opt/ml/processing/``.
        ConflictingValuesError: ``Gzip`` without ``Pipe``; no place, half of one, or several; no folder in the container
            for data that the service brings there.

    Example:
        >>> ProcessingInput(source="s3://my-bucket/raw/", destination="/opt/ml/processing/input").input_name is None
        True

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingInput.html
    """

    source: str | PathLike[str] | None = None
    destination: str | None = None
    input_name: str | None = None
    s3_data_type: Literal["S3Prefix", "ManifestFile"] = "S3Prefix"
    s3_input_mode: Literal["File", "Pipe"] = "File"
    s3_data_distribution_type: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"
    s3_compression_type: Literal["None", "Gzip"] = "None"
    s3_input: S3Input | None = None
    dataset_definition: DatasetDefinition | None = None
    app_managed: bool = False

    def __post_init__(self) -> None:
        check("String", "input_name", self.input_name)
        check("AppManaged", "app_managed", self.app_managed)
        self._check_one_place()
        if self.source is not None and self.destination is not None:
            source = fspath(self.source)
            check_source("source", source)
            check_local_path("destination", self.destination)
            S3Input(
                s3_uri=source,
                local_path=self.destination,
                s3_data_type=self.s3_data_type,
                s3_input_mode=self.s3_input_mode,
                s3_data_distribution_type=self.s3_data_distribution_type,
                s3_compression_type=self.s3_compression_type,
            )
        for part, spelled_out in (("s3_input", self.s3_input), ("dataset_definition", self.dataset_definition)):
            if spelled_out is not None and spelled_out.local_path is None and self.app_managed is False:
                raise ConflictingValuesError(
                    f"{part} without local_path goes only with app_managed=True, got app_managed=False; "
                    "say below which folder of the container the data shall be"
                )

    def _check_one_place(self) -> None:
        if (self.source is None) != (self.destination is None):
            given, missing = ("source", "destination") if self.destination is None else ("destination", "source")
            raise ConflictingValuesError(
                f"source and destination go only together, got {given} alone; give {missing} too"
            )
        places = {"source": self.source, "s3_input": self.s3_input, "dataset_definition": self.dataset_definition}
        given_places = [name for name, place in places.items() if place is not None]
        if len(given_places) != 1:
            raise ConflictingValuesError(
                "an input has one place: source with destination, s3_input or dataset_definition, "
                f"got {' and '.join(given_places) or 'none of them'}; make an input of each place"
            )

    @property
    def s3_uri(self) -> str | None:
        """Where the data is, as it was given; None for the result of a query."""
        if self.s3_input is not None:
            return self.s3_input.s3_uri
        return None if self.source is None else fspath(self.source)

    def at(self, s3_uri: str) -> Self:
        """The same input from another place in S3."""
        if self.s3_input is not None:
            return replace(self, s3_input=replace(self.s3_input, s3_uri=s3_uri))
        return replace(self, source=s3_uri)

    def to_request(self, position: int) -> dict[str, Any]:
        """The input as the API takes it; ``position`` counts from 1."""
        request: dict[str, Any] = {"InputName": self.input_name or f"input-{position}", "AppManaged": self.app_managed}
        if self.dataset_definition is not None:
            return request | {"DatasetDefinition": self.dataset_definition.to_request()}
        if self.s3_input is not None:
            return request | {"S3Input": to_api(self.s3_input)}
        return request | {
            "S3Input": {
                "S3Uri": self.s3_uri,
                "LocalPath": self.destination,
                "S3DataType": self.s3_data_type,
                "S3InputMode": self.s3_input_mode,
                "S3DataDistributionType": self.s3_data_distribution_type,
                "S3CompressionType": self.s3_compression_type,
            }
        }
