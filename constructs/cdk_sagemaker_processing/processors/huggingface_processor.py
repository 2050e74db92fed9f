"""A processor for scripts that use Hugging Face Transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing.model import ConflictingValuesError, InstancePreferences, InvalidValueError, NetworkConfig
from cdk_sagemaker_processing.processors.framework_base import FrameworkProcessorBase
from cdk_sagemaker_processing.processors.image_uri import framework_image_uri
from cdk_sagemaker_processing.public_api import public

if TYPE_CHECKING:
    from aws_cdk.aws_stepfunctions_tasks import DockerImage


@public
class HuggingFaceProcessor(FrameworkProcessorBase):
    """A processor that runs a script with its modules and requirements in SageMaker's Hugging Face image.

    Names, defaults and meanings are those of ``sagemaker.huggingface.processing.HuggingFaceProcessor``.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        role: the role that the jobs assume: a role, its ARN or its name. Default: a new `ProcessingRole` with the
            permissions that the requests of the runs call for. API: ``RoleArn``.
        instance_count: 1 to 100 instances. Default: 1. API: ``ClusterConfig.InstanceCount``.
        instance_type: e.g. ``ml.g5.xlarge``; the images are for GPUs only. Required without
            ``instance_preferences``. API: ``ClusterConfig.InstanceType``.
        transformers_version: a version of Transformers that SageMaker offers, e.g. ``4.28.1``. Required without
            ``image_uri``. API: in ``AppSpecification.ImageUri``.
        tensorflow_version: the version of TensorFlow below Transformers; only without ``pytorch_version``.
        pytorch_version: the version of PyTorch below Transformers; only without ``tensorflow_version``.
        py_version: the Python version of the image. Default: ``py36``, which newer versions do not offer; the message
            then lists those they offer. None: the version's own, if it has only one. API: in
            ``AppSpecification.ImageUri``.
        image_uri: another image, as for `Processor`. Default: SageMaker's. API: ``AppSpecification.ImageUri``.
        command: the interpreter and its own arguments. Default: ``["python"]``.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30. API: ``ClusterConfig.VolumeSizeInGB``.
        volume_kms_key: encrypts the instances' volumes: a key, its ID or its ARN. Default: the key of the scope's
            `Safeguards` for instance types without local storage, or a key that the service owns. API:
            ``ClusterConfig.VolumeKmsKeyId``.
        output_kms_key: encrypts the outputs of the jobs: a key, its ID or its ARN. Default: the key of the destination
            bucket, if the app has a construct for it; without one, SageMaker chooses.
            API: ``ProcessingOutputConfig.KmsKeyId``.
        code_location: ``s3://bucket/prefix`` for the sources. Default: ``bucket``.
        max_runtime_in_seconds: 1 to 777,600; a job that runs longer is stopped. Default: the service's, 86,400. API:
            ``StoppingCondition.MaxRuntimeInSeconds``.
        base_job_name: the start of job names; shortened to 26 letters, digits and hyphens. Default: the framework's
            name, or in a `ProcessingWorkflow` that of the step. API: ``ProcessingJobName``.
        env: at most 100 environment variables of at most 256 characters each; ``PIP_INDEX_URL`` makes pip use your own
            package index. Default: none. API: ``Environment``.
        tags: at most 50 tags for the jobs, as a mapping or as the API's list. Default: none. API: ``Tags``.
        network_config: the network that the jobs run in; ``requirements.txt`` needs one with access to a package index.
            Default: the service's own network. API: ``NetworkConfig``.
        instance_preferences: 1 to 5 instance types in order of preference, instead of ``instance_type``, as
            `InstancePreference` or the dictionaries of SDK 3; AWS does not document whether the Step Functions
            integration accepts them. Default: none. API:
            ``ClusterConfig.InstancePreferences``.
        bucket: holds local code and data, and outputs without a destination. Default: a new `ProcessingBucket`, created
            on first use.

    Raises:
        InvalidValueError: a version that SageMaker does not offer, or an instance that it has no image for.
        ConflictingValuesError: both ``pytorch_version`` and ``tensorflow_version``, or neither.

    Example:
        >>> processor = HuggingFaceProcessor(
        ...     stack,
        ...     "Tokenize",
        ...     transformers_version="4.28.1",
        ...     pytorch_version="2.0.0",
        ...     py_version="py310",
        ...     instance_type="ml.g5.xlarge",
        ... )
        >>> step = processor.run("Prepare", code="preprocess.py", source_dir="src")
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role: iam.IRole | str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        transformers_version: str | None = None,
        tensorflow_version: str | None = None,
        pytorch_version: str | None = None,
        py_version: str | None = "py36",
        image_uri: str | DockerImage | None = None,
        command: Sequence[str] | None = None,
        volume_size_in_gb: int = 30,
        volume_kms_key: kms.IKey | str | None = None,
        output_kms_key: kms.IKey | str | None = None,
        code_location: str | None = None,
        max_runtime_in_seconds: int | None = None,
        base_job_name: str | None = None,
        env: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None,
        network_config: NetworkConfig | None = None,
        instance_preferences: InstancePreferences | None = None,
        bucket: s3.IBucket | None = None,
    ) -> None:
        if image_uri is None:
            if transformers_version is None:
                raise InvalidValueError("transformers_version", None, "be given, or image_uri", "for example '4.28.1'")
            image_uri = framework_image_uri(
                scope,
                "huggingface",
                transformers_version,
                instance_type,
                instance_preferences,
                py_version=py_version,
                base_framework=_base_framework(tensorflow_version, pytorch_version),
            )
        super().__init__(
            scope,
            construct_id,
            image_uri=image_uri,
            base_job_name=base_job_name or "huggingface",
            command=command,
            code_location=code_location,
            role=role,
            instance_count=instance_count,
            instance_type=instance_type,
            volume_size_in_gb=volume_size_in_gb,
            volume_kms_key=volume_kms_key,
            output_kms_key=output_kms_key,
            max_runtime_in_seconds=max_runtime_in_seconds,
            env=env,
            tags=tags,
            network_config=network_config,
            instance_preferences=instance_preferences,
            bucket=bucket,
        )
        self._may_name_jobs_after_steps = base_job_name is None


def _base_framework(tensorflow_version: str | None, pytorch_version: str | None) -> str:
    if (tensorflow_version is None) == (pytorch_version is None):
        raise ConflictingValuesError(
            "one of tensorflow_version and pytorch_version must be given, got "
            f"tensorflow_version={tensorflow_version!r} and pytorch_version={pytorch_version!r}; "
            "name the one below Transformers in the image"
        )
    return f"pytorch{pytorch_version}" if pytorch_version is not None else f"tensorflow{tensorflow_version}"
