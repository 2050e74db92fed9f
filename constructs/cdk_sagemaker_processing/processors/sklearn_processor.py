"""A processor for scripts that use scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing.model import InstancePreferences, NetworkConfig
from cdk_sagemaker_processing.processors.image_uri import framework_image_uri
from cdk_sagemaker_processing.processors.script_processor import ScriptProcessor
from cdk_sagemaker_processing.public_api import public


@public
class SKLearnProcessor(ScriptProcessor):
    """A processor that runs a script in SageMaker's scikit-learn image.

    Names, defaults and meanings are those of ``sagemaker.sklearn.processing.SKLearnProcessor``.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        framework_version: a version of scikit-learn that SageMaker offers, e.g. ``1.2-1``. API: in
            ``AppSpecification.ImageUri``.
        role: the role that the jobs assume: a role, its ARN or its name. Default: a new `ProcessingRole` with the
            permissions that the requests of the runs call for. API: ``RoleArn``.
        instance_count: 1 to 100 instances. Default: 1. API: ``ClusterConfig.InstanceCount``.
        instance_type: e.g. ``ml.m5.xlarge``; an x86 instance without accelerator. Required without
            ``instance_preferences``. API: ``ClusterConfig.InstanceType``.
        command: the interpreter and its own arguments. Default: ``["python3"]``. API: the start of
            ``AppSpecification.ContainerEntrypoint``.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30. API: ``ClusterConfig.VolumeSizeInGB``.
        volume_kms_key: encrypts the instances' volumes: a key, its ID or its ARN. Default: the key of the scope's
            `Safeguards` for instance types without local storage, or a key that the service owns. API:
            ``ClusterConfig.VolumeKmsKeyId``.
        output_kms_key: encrypts the outputs of the jobs: a key, its ID or its ARN. Default: the key of the destination
            bucket, if the app has a construct for it; without one, SageMaker chooses.
            API: ``ProcessingOutputConfig.KmsKeyId``.
        max_runtime_in_seconds: 1 to 777,600; a job that runs longer is stopped. Default: the service's, 86,400. API:
            ``StoppingCondition.MaxRuntimeInSeconds``.
        base_job_name: the start of job names; shortened to 26 letters, digits and hyphens. Default:
            ``sagemaker-scikit-learn``, or in a `ProcessingWorkflow` the step's name. API: ``ProcessingJobName``.
        env: at most 100 environment variables of at most 256 characters each. Default: none. API: ``Environment``.
        tags: at most 50 tags for the jobs, as a mapping or as the API's list. Default: none. API: ``Tags``.
        network_config: the network that the jobs run in. Default: the service's own network. API: ``NetworkConfig``.
        instance_preferences: 1 to 5 instance types in order of preference, instead of ``instance_type``, as
            `InstancePreference` or the dictionaries of SDK 3; AWS does not document whether the Step Functions
            integration accepts them. Default: none. API:
            ``ClusterConfig.InstancePreferences``.
        bucket: holds local code and data, and outputs without a destination. Default: a new `ProcessingBucket`, created
            on first use.

    Raises:
        InvalidValueError: a version that SageMaker does not offer, or an instance that the image does not run on.

    Example:
        >>> processor = SKLearnProcessor(stack, "Split", framework_version="1.2-1", instance_type="ml.m5.xlarge")
        >>> step = processor.run("SplitData", code="preprocess.py", arguments=["--train-test-split-ratio", "0.2"])

    See: https://sagemaker.readthedocs.io/en/v2/frameworks/sklearn/sagemaker.sklearn.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        framework_version: str,
        role: iam.IRole | str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        command: Sequence[str] | None = None,
        volume_size_in_gb: int = 30,
        volume_kms_key: kms.IKey | str | None = None,
        output_kms_key: kms.IKey | str | None = None,
        max_runtime_in_seconds: int | None = None,
        base_job_name: str | None = None,
        env: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None,
        network_config: NetworkConfig | None = None,
        instance_preferences: InstancePreferences | None = None,
        bucket: s3.IBucket | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            image_uri=framework_image_uri(scope, "sklearn", framework_version, instance_type, instance_preferences),
            command=["python3"] if command is None or command == [] else command,
            role=role,
            instance_count=instance_count,
            instance_type=instance_type,
            volume_size_in_gb=volume_size_in_gb,
            volume_kms_key=volume_kms_key,
            output_kms_key=output_kms_key,
            max_runtime_in_seconds=max_runtime_in_seconds,
            base_job_name=base_job_name,
            env=env,
            tags=tags,
            network_config=network_config,
            instance_preferences=instance_preferences,
            bucket=bucket,
        )
