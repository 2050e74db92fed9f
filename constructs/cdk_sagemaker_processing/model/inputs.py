"""The inputs of a processing job."""

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
    """A data source in S3, with every option of the API.

    Names, defaults and meanings are those of ``sagemaker.dataset_definition.S3Input``; it becomes the API's
    ``S3Input``.

    Args:
        s3_uri: ``s3://bucket/prefix``, a value known only later, or a local file or directory, which the deployment
            uploads. At most 1,024 characters. API: ``S3Uri``.
        local_path: the directory in the container, ``/opt/ml/processing`` or below. Required unless the application
            manages the input. API: ``LocalPath``.
        s3_data_type: ``S3Prefix``, ``ManifestFile`` or a value known only at run time. Default: ``S3Prefix``. API:
            ``S3DataType``.
        s3_input_mode: ``File`` or ``Pipe``. Default: ``File``. API: ``S3InputMode``.
        s3_data_distribution_type: ``FullyReplicated`` or ``ShardedByS3Key``. Default: ``FullyReplicated``. API:
            ``S3DataDistributionType``.
        s3_compression_type: ``Gzip`` requires ``Pipe``. Default: not sent, which the service treats as ``None``. API:
            ``S3CompressionType``.

    Raises:
        InvalidValueError: a value that the API refuses, or a path outside ``/opt/ml/processing/``.
        ConflictingValuesError: ``Gzip`` without ``Pipe``.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
    """

    s3_uri: str
    local_path: str | None = None
    s3_data_type: str = "S3Prefix"
    s3_input_mode: Literal["File", "Pipe"] = "File"
    s3_data_distribution_type: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"
    s3_compression_type: Literal["None", "Gzip"] | None = None

    def __post_init__(self) -> None:
        check_source("s3_uri", self.s3_uri)
        if self.local_path is not None:
            check_local_path("local_path", self.local_path)
        check_fields(self, "ProcessingS3Input", exclude=("s3_uri",))  # it may still be a local path
        if self.s3_compression_type == "Gzip" and self.s3_input_mode == "File":
            raise ConflictingValuesError(
                "s3_compression_type='Gzip' goes only with s3_input_mode='Pipe', got s3_input_mode='File'; "
                "decompress the files in the script, or read them through a pipe"
            )


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingS3Input(S3Input):
    """A data source in S3, with every option of the API, under the name that SDK 3 has for it.

    Names and meanings are those of ``sagemaker.core.shapes.ProcessingS3Input``; it becomes the API's ``S3Input``.

    Args:
        s3_uri: ``s3://bucket/prefix``, a value known only later, or a local file or directory, which the deployment
            uploads. At most 1,024 characters. API: ``S3Uri``.
        local_path: the directory in the container, ``/opt/ml/processing`` or below. Required unless the application
            manages the input. API: ``LocalPath``.
        s3_data_type: ``S3Prefix``, ``ManifestFile`` or a value known only at run time. Default: ``S3Prefix``. API:
            ``S3DataType``.
        s3_input_mode: ``File`` or ``Pipe``. Default: ``File``. API: ``S3InputMode``.
        s3_data_distribution_type: ``FullyReplicated`` or ``ShardedByS3Key``. Default: ``FullyReplicated``. API:
            ``S3DataDistributionType``.
        s3_compression_type: ``Gzip`` requires ``Pipe``. Default: ``"None"``, which SDK 3 sends. API:
            ``S3CompressionType``.

    Raises:
        InvalidValueError: a value that the API refuses.
        ConflictingValuesError: ``Gzip`` without ``Pipe``.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
    """

    s3_compression_type: Literal["None", "Gzip"] | None = "None"


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingInput:
    """Data that a processing job finds in a directory of its container: objects in S3, or the result of a query.

    Names, defaults and meanings are those of ``sagemaker.processing.ProcessingInput``; it becomes an entry of the API's
    ``ProcessingInputs``. It has one data source: ``source`` with ``destination``, ``s3_input`` or
    ``dataset_definition``. Pass a long value or a value with many parts in a file that is an input: an argument or an
    environment variable holds at most 256 characters.

    Args:
        source: the location of the data: ``s3://bucket/prefix``, a value known only later, or a local file or
            directory, which the deployment uploads. An ``S3Prefix`` is a prefix of keys, not a folder:
            ``s3://b/a.csv`` also includes ``a.csv.bak``. At most 1,024 characters. Required together with
            ``destination``. API: ``S3Input.S3Uri``.
        destination: the directory in the container, ``/opt/ml/processing`` or below. Required together with
            ``source``. API: ``S3Input.LocalPath``.
        input_name: unique in the job. Default: ``input-<position>``, counted from 1 over all inputs. API:
            ``InputName``.
        s3_data_type: ``S3Prefix`` for all objects whose key starts with the prefix, ``ManifestFile`` for the objects
            that the JSON file at ``source`` lists, or a value known only at run time. Default: ``S3Prefix``. API:
            ``S3Input.S3DataType``.
        s3_input_mode: ``File`` copies the data before the job starts, ``Pipe`` streams it through named pipes.
            Default: ``File``. API: ``S3Input.S3InputMode``.
        s3_data_distribution_type: ``FullyReplicated`` copies all objects to every instance, ``ShardedByS3Key`` an equal
            share of them to each. Default: ``FullyReplicated``. API: ``S3Input.S3DataDistributionType``.
        s3_compression_type: ``Gzip`` requires ``Pipe``. Default: ``"None"``, the API's value. API:
            ``S3Input.S3CompressionType``.
        s3_input: the data source with every option, instead of ``source`` and the ``s3_`` arguments; in SDK 3 a
            `ProcessingS3Input`. API: ``S3Input``.
        dataset_definition: a query, instead of objects. API: ``DatasetDefinition``.
        app_managed: whether the application reads the data itself. Default: False. API: ``AppManaged``.

    Raises:
        InvalidValueError: a value that the API refuses, or a destination outside ``/opt/ml/processing``.
        ConflictingValuesError: ``Gzip`` without ``Pipe``; no data source, an incomplete one or several; no directory in
            the container for data that the service copies there.

    Example:
        >>> ProcessingInput(source="s3://my-bucket/raw/", destination="/opt/ml/processing/input").input_name is None
        True

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingInput.html
    """

    source: str | PathLike[str] | None = None
    destination: str | None = None
    input_name: str | None = None
    s3_data_type: str = "S3Prefix"
    s3_input_mode: Literal["File", "Pipe"] = "File"
    s3_data_distribution_type: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"
    s3_compression_type: Literal["None", "Gzip"] = "None"
    s3_input: S3Input | None = None
    dataset_definition: DatasetDefinition | None = None
    app_managed: bool = False

    def __post_init__(self) -> None:
        check("String", "input_name", self.input_name)
        check("AppManaged", "app_managed", self.app_managed)
        self._check_one_source()
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
                    "name the directory of the container for the data in local_path"
                )

    def _check_one_source(self) -> None:
        if (self.source is None) != (self.destination is None):
            present, missing = ("source", "destination") if self.destination is None else ("destination", "source")
            raise ConflictingValuesError(
                f"source and destination go only together, got {present} alone; give {missing} too"
            )
        sources = {"source": self.source, "s3_input": self.s3_input, "dataset_definition": self.dataset_definition}
        names = [name for name, source in sources.items() if source is not None]
        if len(names) != 1:
            raise ConflictingValuesError(
                "an input must have one data source: source with destination, s3_input or dataset_definition, "
                f"got {' and '.join(names) or 'none of them'}; make an input of each data source"
            )

    @property
    def s3_uri(self) -> str | None:
        """The location of the data as the caller wrote it; None for the result of a query."""
        if self.s3_input is not None:
            return self.s3_input.s3_uri
        return None if self.source is None else fspath(self.source)

    def at(self, s3_uri: str) -> Self:
        """Return a copy of the input that reads from another location in S3."""
        if self.s3_input is not None:
            return replace(self, s3_input=replace(self.s3_input, s3_uri=s3_uri))
        return replace(self, source=s3_uri)

    def to_request(self, position: int) -> dict[str, Any]:
        """Return the API's structure; ``position`` counts from 1."""
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
