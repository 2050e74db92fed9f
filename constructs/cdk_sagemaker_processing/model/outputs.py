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
class ProcessingOutput:
    """A directory of the container that a processing job uploads to S3, or a feature group that it writes to.

    Names, defaults and meanings are those of ``sagemaker.processing.ProcessingOutput``; it becomes an entry of the
    API's ``ProcessingOutputConfig.Outputs``.

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
        app_managed: whether the application writes the data itself. Default: False. API: ``AppManaged``.
        feature_store_output: the feature group; requires ``app_managed``. Default: none. API: ``FeatureStoreOutput``.

    Raises:
        InvalidValueError: a value that the API refuses, a source outside ``/opt/ml/processing``, or a destination that
            is not in S3.
        ConflictingValuesError: neither a directory nor a feature group, or a feature group without ``app_managed``.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingOutput.html
    """

    source: str | None = None
    destination: str | None = None
    output_name: str | None = None
    s3_upload_mode: Literal["EndOfJob", "Continuous"] = "EndOfJob"
    app_managed: bool = False
    feature_store_output: FeatureStoreOutput | None = None

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
        if self.source is None and (self.feature_store_output is None or self.destination is not None):
            raise ConflictingValuesError(
                "an output must have a source, got none; name the directory of the container to upload"
            )

    @property
    def needs_destination(self) -> bool:
        """True if the output is uploaded to S3 without a destination of its own."""
        return self.source is not None and self.destination is None

    def name(self, position: int) -> str:
        """Return the output's name in the request; ``position`` counts from 1."""
        return self.output_name or f"output-{position}"

    def to_request(self, position: int, default_destination: str) -> dict[str, Any]:
        """Return the API's structure, with ``default_destination`` if the output has no destination of its own."""
        request: dict[str, Any] = {"OutputName": self.name(position), "AppManaged": self.app_managed}
        if self.source is not None:
            request["S3Output"] = {
                "S3Uri": self.destination or default_destination,
                "LocalPath": self.source,
                "S3UploadMode": self.s3_upload_mode,
            }
        if self.feature_store_output is not None:
            request["FeatureStoreOutput"] = to_api(self.feature_store_output)
        return request
