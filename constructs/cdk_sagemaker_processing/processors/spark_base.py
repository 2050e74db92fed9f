"""What the two Spark processors share: image, dependencies, configuration, event logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from aws_cdk import Annotations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing._internal.asset_files import Files, tree
from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    InstancePreference,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    check_each,
    check_s3_uri,
    latest_version,
    path_text,
    path_texts,
    spark_container,
)
from cdk_sagemaker_processing.processors.image_uri import framework_image_uri
from cdk_sagemaker_processing.processors.local_source import LocalSource
from cdk_sagemaker_processing.processors.processor import Processor
from cdk_sagemaker_processing.tasks import RunOptions, SageMakerCreateProcessingJob

if TYPE_CHECKING:
    from aws_cdk.aws_stepfunctions_tasks import DockerImage

_INPUTS_FOLDER = "/opt/ml/processing/input"


class SparkProcessor(Processor):
    """The base of `PySparkProcessor` and `SparkJarProcessor`; it has no ``run`` of its own.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        role: what the jobs may do: a role, its ARN or its name. Default: a new `ProcessingRole`, granted what each run
            shows its job to need. API: ``RoleArn``.
        instance_count: 1 to 100 instances. Default: 1. API: ``ClusterConfig.InstanceCount``.
        instance_type: e.g. ``ml.m5.xlarge``; an x86 instance. Required without
            ``instance_preferences``. API: ``ClusterConfig.InstanceType``.
        framework_version: a version of Spark that SageMaker offers, e.g. ``3.3``. Default: the newest known. API: in
            ``AppSpecification.ImageUri``.
        py_version: e.g. ``py39``; only together with ``container_version``. Default: the image's.
        container_version: the image's build, e.g. ``1``; only together with ``py_version``. Default: the newest.
        image_uri: another image, as for `Processor`. Default: SageMaker's. API: ``AppSpecification.ImageUri``.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30. API: ``ClusterConfig.VolumeSizeInGB``.
        volume_kms_key: encrypts the instances' volumes: a key, its id or its ARN. Default: a key of the service. API:
            ``ClusterConfig.VolumeKmsKeyId``.
        output_kms_key: encrypts what the jobs upload: a key, its id or its ARN. Default: the encryption of the bucket
            it goes to. API: ``ProcessingOutputConfig.KmsKeyId``.
        configuration_location: ``s3://bucket/prefix`` for Spark configurations. Default: ``bucket``.
        dependency_location: ``s3://bucket/prefix`` for local dependencies. Default: ``bucket``.
        max_runtime_in_seconds: 1 to 777,600; then the job is stopped. Default: the service's, 86,400. API:
            ``StoppingCondition.MaxRuntimeInSeconds``.
        base_job_name: what job names start with; shortened to 26 letters, digits and hyphens. Default:
            ``sagemaker-spark-processing``. API:
            ``ProcessingJobName``.
        env: at most 100 environment variables, 256 characters at most each. Default: none, but
            an empty one is sent, as the SDK does. API: ``Environment``.
        tags: at most 50 tags for the jobs, by key or as the API's list. Default: none. API: ``Tags``.
        network_config: where in a network the jobs run. Default: the service's own network. API: ``NetworkConfig``.
        instance_preferences: 1 to 5 instance types in order of preference, instead of ``instance_type``; whether the
            Step Functions integration accepts them is not known. Default: none. API:
            ``ClusterConfig.InstancePreferences``.
        bucket: where local code and data go, and outputs that name no destination. Default: a new `ProcessingBucket`,
            made when first needed.

    Raises:
        InvalidValueError: a version that SageMaker does not offer, or an instance that the image does not run on.
        ConflictingValuesError: ``py_version`` without ``container_version``, or the reverse.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role: iam.IRole | str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        framework_version: str | None = None,
        py_version: str | None = None,
        container_version: str | None = None,
        image_uri: str | DockerImage | None = None,
        volume_size_in_gb: int = 30,
        volume_kms_key: kms.IKey | str | None = None,
        output_kms_key: kms.IKey | str | None = None,
        configuration_location: str | None = None,
        dependency_location: str | None = None,
        max_runtime_in_seconds: int | None = None,
        base_job_name: str | None = None,
        env: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None,
        network_config: NetworkConfig | None = None,
        instance_preferences: Sequence[InstancePreference] | None = None,
        bucket: s3.IBucket | None = None,
    ) -> None:
        spark_container.check_builds(py_version, container_version)
        if image_uri is None:
            image_uri = framework_image_uri(
                scope,
                "spark",
                framework_version or latest_version("spark"),
                instance_type,
                instance_preferences,
                py_version=py_version,
                container_version=container_version and f"v{container_version}",
            )
        super().__init__(
            scope,
            construct_id,
            image_uri=image_uri,
            role=role,
            instance_count=instance_count,
            instance_type=instance_type,
            volume_size_in_gb=volume_size_in_gb,
            volume_kms_key=volume_kms_key,
            output_kms_key=output_kms_key,
            max_runtime_in_seconds=max_runtime_in_seconds,
            base_job_name=base_job_name,
            env=env or {},  # as the SDK's Spark processors do, which always send an environment
            tags=tags,
            network_config=network_config,
            instance_preferences=instance_preferences,
            bucket=bucket,
        )
        self._configuration_location = configuration_location
        self._dependency_location = dependency_location

    def _submit(
        self,
        run_id: str,
        *,
        submit_app: str | PathLike[str],
        submit_class: str | None,
        channels: Mapping[str, tuple[str, str, Sequence[str | PathLike[str]] | None]],
        inputs: Sequence[ProcessingInput] | None,
        outputs: Sequence[ProcessingOutput] | None,
        arguments: Sequence[str] | None,
        configuration: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
        spark_event_logs_s3_uri: str | None,
        kms_key: kms.IKey | str | None,
        **options: Unpack[RunOptions],
    ) -> SageMakerCreateProcessingJob:
        """The state; ``channels`` has, by input name, the parameter to blame, the option and the dependencies."""
        submit_app = path_text("submit_app", submit_app)
        check_each("inputs", inputs, ProcessingInput)
        check_each("outputs", outputs, ProcessingOutput)
        if spark_event_logs_s3_uri is not None:
            check_s3_uri("spark_event_logs_s3_uri", spark_event_logs_s3_uri)
        extended = list(inputs or ())
        words: dict[str, str | None] = {"--class": submit_class}
        for channel, (parameter, option, listed) in channels.items():
            items = path_texts(parameter, listed)
            words[option] = spark_container.dependencies(parameter, items, channel) if items else None
            if local := self._local_dependencies(parameter, items):
                named = {f"{channel}/{name}": path for name, path in local.items()}
                staged = self._staged(run_id, channel, named, self._dependency_location, kms_key)
                extended.append(_input(channel, staged.uri(channel)))
        if configuration:
            files: Files = {"configuration.json": spark_container.configuration_file(configuration)}
            staged = self._staged(run_id, "conf", files, self._configuration_location, kms_key)
            extended.append(_input("conf", staged.uri("configuration.json")))
        extended.append(_input("code", self._script_uri(run_id, submit_app, parameter="submit_app", kms_key=kms_key)))
        extended_outputs = list(outputs or ())
        if spark_event_logs_s3_uri is not None:
            extended_outputs.append(
                ProcessingOutput(
                    source=spark_container.EVENT_LOGS_FOLDER,
                    destination=spark_event_logs_s3_uri,
                    s3_upload_mode="Continuous",
                )
            )
        task = self._run(
            run_id,
            inputs=extended,
            outputs=extended_outputs,
            arguments=arguments,
            entrypoint=spark_container.submit(
                submit_app.rsplit("/", 1)[-1], options=words, event_logs=spark_event_logs_s3_uri is not None
            ),
            kms_key=kms_key,
            **options,
        )
        for parameter, _, listed in channels.values():
            for item in path_texts(parameter, listed):
                if spark_container.is_remote(item):  # Spark itself fetches it, as the job's role
                    task.grant_read_uri(item.replace("s3a://", "s3://", 1))
        return task

    def _local_dependencies(self, parameter: str, items: Sequence[str]) -> dict[str, Path | bytes]:
        """The files to upload by their names in the input: a file by its own, a folder's below the folder's."""
        files: dict[str, Path | bytes] = {}
        for number, item in enumerate(items):
            spark_container.check_dependency(f"{parameter}[{number}]", item)
            if spark_container.is_remote(item):
                continue
            path = LocalSource.of(item, parameter=f"{parameter}[{number}]").path
            found = tree(path, prefix=f"{path.name}/") if path.is_dir() else {path.name: path}
            if path.is_dir():
                Annotations.of(self).add_warning_v2(
                    f"cdk-sagemaker-processing:spark-folder-{parameter}-{number}",
                    f"{parameter}[{number}] is a folder, {item}: SageMaker's Spark container looks for dependencies in "
                    "one folder without those below it, so nothing in this one is found; list its files instead",
                )
            if twice := sorted(files.keys() & found.keys()):
                raise ConflictingValuesError(
                    f"each of {parameter} must have a file name of its own, got {twice[0]!r} twice; rename one of them"
                )
            files |= found
        if files and len(items) > 1 and any(spark_container.is_remote(item) for item in items):
            Annotations.of(self).add_warning_v2(
                "cdk-sagemaker-processing:spark-mixed-dependencies",
                f"{parameter} mixes files in S3 with local ones: SageMaker's Spark container expands the folder of the "
                "local ones only when it comes first, and the SDK's order, which this follows, puts it last; "
                "put all of them in S3, or none",
            )
        return files


def _input(name: str, uri: str) -> ProcessingInput:
    return ProcessingInput(source=uri, destination=f"{_INPUTS_FOLDER}/{name}", input_name=name)
