"""The outputs of a processing job."""

from dataclasses import dataclass
from typing import Any, Literal

from cdk_sagemaker_processing.model.api_mapping import check_fields, to_api
from cdk_sagemaker_processing.model.errors import ConflictingValuesError, InvalidValueError
from cdk_sagemaker_processing.model.limits import check
from cdk_sagemaker_processing.model.locations import check_local_path, check_s3_uri
from cdk_sagemaker_processing.public_api import public


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureStoreOutput:
    """A feature group that the application of a job writes to.

    Name and meaning are those of ``sagemaker.processing.FeatureStoreOutput``; it becomes the API's
    ``FeatureStoreOutput``.

    Args:
        feature_group_name: 1 to 64 letters, digits, hyphens and underscores. API: ``FeatureGroupName``.

    Raises:
        InvalidValueError: a name that the API refuses.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingFeatureStoreOutput.html
    """

    feature_group_name: str

    def __post_init__(self) -> None:
        check_fields(self, "ProcessingFeatureStoreOutput")


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingS3Output:
    """A directory of the container and the location in S3 that it is uploaded to, as SDK 3 spells them.

    Names and meanings are those of ``sagemaker.core.shapes.ProcessingS3Output``; it becomes the API's ``S3Output``.

    Args:
        local_path: the directory in the container, ``/opt/ml/processing`` or below. Required unless the application
            manages the output. API: ``LocalPath``.
        s3_uri: ``s3://bucket/prefix``, or a value known only later; at most 1,024 characters. Default: as for
            ``destination`` of `ProcessingOutput`. API: ``S3Uri``.
        s3_upload_mode: ``EndOfJob``, or ``Continuous`` while the job runs. Default: ``EndOfJob``. API:
            ``S3UploadMode``.

    Raises:
        InvalidValueError: a value that the API refuses, a directory outside ``/opt/ml/processing``, or a location that
            is not in S3.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Output.html
    """

    local_path: str | None = None
    s3_uri: str | None = None
    s3_upload_mode: Literal["EndOfJob", "Continuous"] = "EndOfJob"

    def __post_init__(self) -> None:
        check("ProcessingS3UploadMode", "s3_upload_mode", self.s3_upload_mode)
        if self.local_path is not None:
            check_local_path("local_path", self.local_path)
        if self.s3_uri == "":  # SDK 3 requires a value, and makes up a location for one that is not in S3
            raise InvalidValueError("s3_uri", self.s3_uri, "be an S3 URI", "leave it out for a location of its own")
        if self.s3_uri is not None:
            check_s3_uri("s3_uri", self.s3_uri)


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingOutput:
    """A directory of the container that a processing job uploads to S3, or a feature group that it writes to.

    Names, defaults and meanings are those of ``sagemaker.processing.ProcessingOutput``; it becomes an entry of the
    API's ``ProcessingOutputConfig.Outputs``. Directory and location are ``source`` with ``destination``, or
    ``s3_output`` as in SDK 3.

    Args:
        source: the directory in the container, ``/opt/ml/processing`` or below. It exists when the script starts. May
            be left out with ``feature_store_output``. API: ``S3Output.LocalPath``.
        destination: ``s3://bucket/prefix``, or a value known only later; at most 1,024 characters. Default: a prefix in
            the processor's bucket that no other execution, and no other attempt of this one, writes to. Where an
            execution enters the state more than once (in a loop, in a ``Map``), it ends in a UUID. The result of the
            state contains it. API: ``S3Output.S3Uri``.
        output_name: unique in the job. Default: ``output-<position>``, counted from 1 over all outputs. API:
            ``OutputName``.
        s3_upload_mode: ``EndOfJob``, or ``Continuous`` while the job runs. Default: ``EndOfJob``. API:
            ``S3Output.S3UploadMode``.
        s3_output: the directory and the location, instead of ``source``, ``destination`` and ``s3_upload_mode``. API:
            ``S3Output``.
        app_managed: whether the application writes the data itself. Default: False. API: ``AppManaged``.
        feature_store_output: the feature group; requires ``app_managed``. Default: none. API: ``FeatureStoreOutput``.

    Raises:
        InvalidValueError: a value that the API refuses, a source outside ``/opt/ml/processing``, or a destination that
            is not in S3.
        ConflictingValuesError: neither a directory nor a feature group, the directory in two spellings, or a feature
            group or no directory without ``app_managed``.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingOutput.html
    """

    source: str | None = None
    destination: str | None = None
    output_name: str | None = None
    s3_upload_mode: Literal["EndOfJob", "Continuous"] = "EndOfJob"
    app_managed: bool = False
    feature_store_output: FeatureStoreOutput | None = None
    s3_output: ProcessingS3Output | None = None

    def __post_init__(self) -> None:
        check("String", "output_name", self.output_name)
        check("ProcessingS3UploadMode", "s3_upload_mode", self.s3_upload_mode)
        check("AppManaged", "app_managed", self.app_managed)
        if self.output_name is not None and ("/" in self.output_name or not self.output_name):
            raise InvalidValueError(
                "output_name", self.output_name, "be a name without '/'", "it is the end of the output's S3 prefix"
            )
        if self.source is not None:
            check_local_path("source", self.source)
        if self.destination is not None:
            check_s3_uri("destination", self.destination)
        if self.feature_store_output is not None and self.app_managed is False:
            raise ConflictingValuesError(
                "feature_store_output goes only with app_managed=True, got app_managed=False; "
                "the application writes to a feature group, the service does not"
            )
        self._check_one_spelling()
        if self._upload is None and (self.feature_store_output is None or self.destination is not None):
            raise ConflictingValuesError(
                "an output must have a source, got none; name the directory of the container to upload"
            )

    def _check_one_spelling(self) -> None:
        if self.s3_output is None:
            return
        fields = {"source": self.source, "destination": self.destination}
        given = [name for name, value in fields.items() if value is not None]
        given += ["s3_upload_mode"] if self.s3_upload_mode != "EndOfJob" else []
        if given:
            raise ConflictingValuesError(
                f"s3_output and {given[0]} exclude each other, got both; put the directory, the location and the mode "
                "into s3_output"
            )
        if self.s3_output.local_path is None and self.app_managed is False:
            raise ConflictingValuesError(
                "s3_output without local_path goes only with app_managed=True, got app_managed=False; "
                "name the directory of the container to upload in local_path"
            )

    @property
    def _upload(self) -> ProcessingS3Output | None:
        """The directory and its location, in either spelling."""
        if self.s3_output is not None or self.source is None:
            return self.s3_output
        return ProcessingS3Output(local_path=self.source, s3_uri=self.destination, s3_upload_mode=self.s3_upload_mode)

    @property
    def needs_destination(self) -> bool:
        """True if the output is uploaded to S3 without a destination of its own."""
        return self._upload is not None and self._upload.s3_uri is None

    def name(self, position: int) -> str:
        """Return the output's name in the request; ``position`` counts from 1."""
        return self.output_name or f"output-{position}"

    def to_request(self, position: int, default_destination: str) -> dict[str, Any]:
        """Return the API's structure, with ``default_destination`` if the output has no destination of its own."""
        request: dict[str, Any] = {"OutputName": self.name(position), "AppManaged": self.app_managed}
        if self._upload is not None:
            request["S3Output"] = {"S3Uri": default_destination} | to_api(self._upload)
        if self.feature_store_output is not None:
            request["FeatureStoreOutput"] = to_api(self.feature_store_output)
        return request
