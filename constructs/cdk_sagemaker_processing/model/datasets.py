"""Inputs that are the results of queries."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from cdk_sagemaker_processing.model.api_mapping import check_fields, to_api
from cdk_sagemaker_processing.model.errors import ConflictingValuesError
from cdk_sagemaker_processing.model.locations import check_local_path, check_s3_uri
from cdk_sagemaker_processing.public_api import public


class _Key(Protocol):
    """An object with the ARN of a KMS key, such as aws-cdk's ``IKey``."""

    @property
    def key_arn(self) -> str: ...


class _Role(Protocol):
    """An object with the ARN of a role, such as aws-cdk's ``IRole``."""

    @property
    def role_arn(self) -> str: ...


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class AthenaDatasetDefinition:
    """The result of an Athena query, as an input.

    Names and meanings are those of ``sagemaker.dataset_definition.AthenaDatasetDefinition``; it becomes the API's
    ``AthenaDatasetDefinition``.

    Args:
        catalog: the data catalog, 1 to 256 characters, e.g. ``AwsDataCatalog``. API: ``Catalog``.
        database: the database, 1 to 255 characters. API: ``Database``.
        query_string: the SQL, 1 to 4,096 characters. API: ``QueryString``.
        output_s3_uri: the location of the result, ``s3://bucket/prefix``. API: ``OutputS3Uri``.
        output_format: ``PARQUET``, ``ORC``, ``AVRO``, ``JSON`` or ``TEXTFILE``. API: ``OutputFormat``.
        work_group: the workgroup that runs the query. Default: the account's primary one. API: ``WorkGroup``.
        kms_key_id: encrypts the result: a key, its ID or its ARN. Default: none. API: ``KmsKeyId``.
        output_compression: ``GZIP``, ``SNAPPY`` or ``ZLIB``. Default: none. API: ``OutputCompression``.

    Raises:
        InvalidValueError: a value that the API refuses.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AthenaDatasetDefinition.html
    """

    catalog: str
    database: str
    query_string: str
    output_s3_uri: str
    output_format: Literal["PARQUET", "ORC", "AVRO", "JSON", "TEXTFILE"]
    work_group: str | None = None
    kms_key_id: str | _Key | None = None
    output_compression: Literal["GZIP", "SNAPPY", "ZLIB"] | None = None

    def __post_init__(self) -> None:
        check_fields(self, "AthenaDatasetDefinition")
        check_s3_uri("output_s3_uri", self.output_s3_uri)


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class RedshiftDatasetDefinition:
    """The result of a Redshift query, as an input.

    Names and meanings are those of ``sagemaker.dataset_definition.RedshiftDatasetDefinition``; it becomes the API's
    ``RedshiftDatasetDefinition``.

    Args:
        cluster_id: the cluster, 1 to 63 characters. API: ``ClusterId``.
        database: the database, 1 to 64 characters. API: ``Database``.
        db_user: the database user that runs the query, 1 to 128 characters. API: ``DbUser``.
        query_string: the SQL, 1 to 4,096 characters. API: ``QueryString``.
        cluster_role_arn: the role that the cluster assumes to unload the result: a role or its ARN. API:
            ``ClusterRoleArn``.
        output_s3_uri: the location of the result, ``s3://bucket/prefix``. API: ``OutputS3Uri``.
        output_format: ``PARQUET`` or ``CSV``. API: ``OutputFormat``.
        kms_key_id: encrypts the result: a key, its ID or its ARN. Default: none. API: ``KmsKeyId``.
        output_compression: ``"None"``, ``GZIP``, ``BZIP2``, ``ZSTD`` or ``SNAPPY``. Default: none. API:
            ``OutputCompression``.

    Raises:
        InvalidValueError: a value that the API refuses.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RedshiftDatasetDefinition.html
    """

    cluster_id: str
    database: str
    db_user: str
    query_string: str
    cluster_role_arn: str | _Role
    output_s3_uri: str
    output_format: Literal["PARQUET", "CSV"]
    kms_key_id: str | _Key | None = None
    output_compression: Literal["None", "GZIP", "BZIP2", "ZSTD", "SNAPPY"] | None = None

    def __post_init__(self) -> None:
        check_fields(self, "RedshiftDatasetDefinition")
        check_s3_uri("output_s3_uri", self.output_s3_uri)


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDefinition:
    """A query whose result is an input.

    Names, defaults and meanings are those of ``sagemaker.dataset_definition.DatasetDefinition``; it becomes the API's
    ``DatasetDefinition``.

    Args:
        data_distribution_type: ``ShardedByS3Key`` copies an equal share of the result's files to each instance,
            ``FullyReplicated`` all of them. Default: ``ShardedByS3Key``, unlike for inputs from S3. API:
            ``DataDistributionType``.
        input_mode: ``File`` copies the data before the job starts, ``Pipe`` streams it. Default: ``File``. API:
            ``InputMode``.
        local_path: the directory in the container, ``/opt/ml/processing`` or below. Required unless the application
            manages the input. API: ``LocalPath``.
        redshift_dataset_definition: the query, if it is for Redshift. API: ``RedshiftDatasetDefinition``.
        athena_dataset_definition: the query, if it is for Athena. API: ``AthenaDatasetDefinition``.

    Raises:
        InvalidValueError: a value that the API refuses.
        ConflictingValuesError: both queries, or neither.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DatasetDefinition.html
    """

    data_distribution_type: Literal["FullyReplicated", "ShardedByS3Key"] = "ShardedByS3Key"
    input_mode: Literal["File", "Pipe"] = "File"
    local_path: str | None = None
    redshift_dataset_definition: RedshiftDatasetDefinition | None = None
    athena_dataset_definition: AthenaDatasetDefinition | None = None

    def __post_init__(self) -> None:
        check_fields(self, "DatasetDefinition")
        if self.local_path is not None:
            check_local_path("local_path", self.local_path)
        if (self.redshift_dataset_definition is None) == (self.athena_dataset_definition is None):
            present = "neither" if self.athena_dataset_definition is None else "both"
            raise ConflictingValuesError(
                "a DatasetDefinition must have one query, redshift_dataset_definition or athena_dataset_definition, "
                f"got {present}; make an input of each query"
            )

    @property
    def output_s3_uri(self) -> str:
        """The location of the query's result."""
        query = self.athena_dataset_definition or self.redshift_dataset_definition
        return query.output_s3_uri if query is not None else ""

    def to_request(self) -> dict[str, Any]:
        """Return the API's structure."""
        return to_api(self)
