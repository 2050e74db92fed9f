"""A processor for scripts that use scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing.processors._image_uri import image_uri
from cdk_sagemaker_processing.processors._script_processor import ScriptProcessor
from smproc.job import NetworkConfig, sagemaker_image


class SKLearnProcessor(ScriptProcessor):
    """Run a script in SageMaker's scikit-learn image.

    Names, defaults and meaning are those of ``sagemaker.sklearn.processing.SKLearnProcessor``.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        framework_version: a version of scikit-learn that SageMaker offers, e.g. ``1.2-1``.
        instance_type: e.g. ``ml.m5.xlarge``; an x86 instance without accelerator.
        instance_count: 1 to 100 instances. Default: 1.
        role: as for `Processor`, like all that follow.
        bucket: where local code goes, and outputs that name no destination.
        command: the interpreter and its own arguments. Default: ``["python3"]``.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30.
        volume_kms_key: encrypts the instances' volumes.
        output_kms_key: encrypts what the jobs upload.
        max_runtime_in_seconds: 1 to 777,600; then the job is stopped.
        base_job_name: what job names start with. Default: ``sagemaker-scikit-learn``.
        env: environment variables.
        tags: tags for the jobs, by key.
        network_config: where in a network the jobs run.

    Raises:
        InvalidValue: a version that SageMaker does not offer, or an instance that the image does not run on.

    Example:
        >>> processor = SKLearnProcessor(stack, "Split", framework_version="1.2-1", instance_type="ml.m5.xlarge")
        >>> step = processor.run("SplitData", code="preprocess.py", arguments=["--train-test-split-ratio", "0.2"])
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        framework_version: str,
        instance_type: str,
        instance_count: int = 1,
        role: iam.IRole | None = None,
        bucket: s3.IBucket | None = None,
        command: Sequence[str] = ("python3",),
        volume_size_in_gb: int = 30,
        volume_kms_key: kms.IKey | str | None = None,
        output_kms_key: kms.IKey | str | None = None,
        max_runtime_in_seconds: int | None = None,
        base_job_name: str | None = None,
        env: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        network_config: NetworkConfig | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            image_uri=image_uri(scope, sagemaker_image("sklearn", framework_version, instance_type)),
            command=command,
            instance_type=instance_type,
            instance_count=instance_count,
            role=role,
            bucket=bucket,
            volume_size_in_gb=volume_size_in_gb,
            volume_kms_key=volume_kms_key,
            output_kms_key=output_kms_key,
            max_runtime_in_seconds=max_runtime_in_seconds,
            base_job_name=base_job_name,
            env=env,
            tags=tags,
            network_config=network_config,
        )
