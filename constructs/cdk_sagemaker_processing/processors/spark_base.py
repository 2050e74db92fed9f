"""The base of the Spark processors: image, dependencies, configuration, event logs."""

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

from cdk_sagemaker_processing._internal.local_tree import DEFAULT_EXCLUDES
from cdk_sagemaker_processing.model import (
    INPUTS_DIRECTORY,
    ConflictingValuesError,
    InstancePreferences,
    InvalidValueError,
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
from cdk_sagemaker_processing.model.content_hash import Files
from cdk_sagemaker_processing.model.s3_uri import is_s3_uri
from cdk_sagemaker_processing.processors.image_uri import framework_image_uri
from cdk_sagemaker_processing.processors.local_source import LocalSource, check_names, script_name
from cdk_sagemaker_processing.processors.processor import Processor
from cdk_sagemaker_processing.tasks import RunOptions, SageMakerCreateProcessingJob

if TYPE_CHECKING:
    from aws_cdk.aws_stepfunctions_tasks import DockerImage


class SparkProcessor(Processor):
    """The base of `PySparkProcessor` and `SparkJarProcessor`; it has no ``run`` of its own.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        role: the role that the jobs assume: a role, its ARN or its name. Default: a new `ProcessingRole` with the
            permissions that the requests of the runs call for. API: ``RoleArn``.
        instance_count: 1 to 100 instances. Default: 1. API: ``ClusterConfig.InstanceCount``.
        instance_type: e.g. ``ml.m5.xlarge``; an x86 instance. Required without
            ``instance_preferences``. API: ``ClusterConfig.InstanceType``.
        framework_version: a version of Spark that SageMaker offers, e.g. ``3.3``. Default: the newest known. API: in
            ``AppSpecification.ImageUri``.
        py_version: e.g. ``py39``; only together with ``container_version``. Default: the image's.
        container_version: the image's build, e.g. ``1``; only together with ``py_version``. Default: the newest.
        image_uri: another image, as for `Processor`; the three versions then have no effect. Default: SageMaker's.
            API: ``AppSpecification.ImageUri``.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30. API: ``ClusterConfig.VolumeSizeInGB``.
        volume_kms_key: encrypts the instances' volumes: a key, its ID or its ARN. Default: the key of the scope's
            `Safeguards` for instance types without local storage, or a key that the service owns. API:
            ``ClusterConfig.VolumeKmsKeyId``.
        output_kms_key: encrypts the outputs of the jobs: a key, its ID or its ARN. Default: the key of the destination
            bucket, if the app has a construct for it; without one, SageMaker chooses.
            API: ``ProcessingOutputConfig.KmsKeyId``.
        configuration_location: ``s3://bucket/prefix`` for Spark configurations. Default: ``bucket``.
        dependency_location: ``s3://bucket/prefix`` for local dependencies. Default: ``bucket``.
        max_runtime_in_seconds: 1 to 777,600; a job that runs longer is stopped. Default: the service's, 86,400. API:
            ``StoppingCondition.MaxRuntimeInSeconds``.
        base_job_name: the start of job names; shortened to 26 letters, digits and hyphens. Default:
            ``sagemaker-spark-processing``, or in a `ProcessingWorkflow` the step's name. API: ``ProcessingJobName``.
        env: at most 100 environment variables of at most 256 characters each. Default: none; an empty mapping is
            sent, as by the SDK. API: ``Environment``.
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
        ConflictingValuesError: ``py_version`` without ``container_version``, or the reverse, without ``image_uri``.
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
        instance_preferences: InstancePreferences | None = None,
        bucket: s3.IBucket | None = None,
    ) -> None:
        if image_uri is None:
            spark_container.check_builds(py_version, container_version)
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
            env=env or {},  # the SDK's Spark processors always send an environment
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
        """Return the state that submits the application.

        ``channels`` has, by input name, the parameter's name for messages, the option and the dependencies.
        """
        submit_app = path_text("submit_app", submit_app)
        check_each("inputs", inputs, ProcessingInput)
        check_each("outputs", outputs, ProcessingOutput)
        if is_s3_uri(submit_app) and not script_name(submit_app):
            raise InvalidValueError("submit_app", submit_app, "name an object", "for example s3://my-bucket/app.py")
        if spark_event_logs_s3_uri is not None:
            check_s3_uri("spark_event_logs_s3_uri", spark_event_logs_s3_uri)
        all_inputs = list(inputs or ())
        submit_options: dict[str, str | None] = {"--class": submit_class}
        for channel, (parameter, option, listed) in channels.items():
            items = path_texts(parameter, listed)
            submit_options[option] = spark_container.dependencies(parameter, items, channel) if items else None
            self._check_isolation(parameter, items)
            if local := self._local_dependencies(parameter, items):
                channel_files = {f"{channel}/{name}": path for name, path in local.items()}
                uploaded = self._stage(run_id, channel, channel_files, self._dependency_location, kms_key)
                all_inputs.append(_input(channel, uploaded.uri(channel)))
        if configuration:
            files: Files = {"configuration.json": spark_container.configuration_file(configuration)}
            uploaded = self._stage(run_id, "conf", files, self._configuration_location, kms_key)
            all_inputs.append(_input("conf", uploaded.uri("configuration.json")))
        all_inputs.append(_input("code", self._script_uri(run_id, submit_app, parameter="submit_app", kms_key=kms_key)))
        all_outputs = list(outputs or ())
        if spark_event_logs_s3_uri is not None:
            all_outputs.append(
                ProcessingOutput(
                    source=spark_container.EVENT_LOGS_DIRECTORY,
                    destination=spark_event_logs_s3_uri,
                    s3_upload_mode="Continuous",
                )
            )
        task = self._run(
            run_id,
            inputs=all_inputs,
            outputs=all_outputs,
            arguments=arguments,
            entrypoint=spark_container.submit(
                script_name(submit_app), options=submit_options, event_logs=spark_event_logs_s3_uri is not None
            ),
            kms_key=kms_key,
            **options,
        )
        for parameter, _, listed in channels.values():
            for item in path_texts(parameter, listed):
                if spark_container.is_remote(item):  # Spark itself fetches it, with the job's role
                    task.grant_read_uri(item.replace("s3a://", "s3://", 1))
        return task

    def _check_isolation(self, parameter: str, items: Sequence[str]) -> None:
        """Check that Spark has nothing to fetch from S3 in a container that makes no network calls."""
        network = self._options.get("network_config")
        remote = [item for item in items if spark_container.is_remote(item)]
        if remote and network is not None and network.enable_network_isolation is True:
            raise ConflictingValuesError(
                f"{parameter} in S3 cannot be combined with enable_network_isolation=True: Spark itself fetches "
                f"{remote[0]!r}, and the container makes no network calls; pass a local file, which the service copies "
                "to the container"
            )

    def _local_dependencies(self, parameter: str, items: Sequence[str]) -> dict[str, Path | bytes]:
        """Return the files to upload by name in the input; those of a directory are below the directory's name."""
        files: dict[str, Path | bytes] = {}
        for number, item in enumerate(items):
            spark_container.check_dependency(f"{parameter}[{number}]", item)
            if spark_container.is_remote(item):
                continue
            source = LocalSource.of(item, parameter=f"{parameter}[{number}]")
            item_files = {source.name: source.path}
            if source.name in (".", ".."):
                raise InvalidValueError(source.parameter, item, "end in the name of a file or directory")
            if source.is_dir:
                content = source.tree(self, exclude=DEFAULT_EXCLUDES).files()
                item_files = {f"{source.name}/{name}": path for name, path in content.items()}
                Annotations.of(self).add_warning_v2(
                    f"cdk-sagemaker-processing:spark-folder-{parameter}-{number}",
                    f"{parameter}[{number}] is a directory, {item}: SageMaker's Spark container does not search "
                    "subdirectories for dependencies, so it finds nothing in this one; list its files instead",
                )
            check_names(source.parameter, item_files)
            directories = {name.split("/")[0] for name in item_files}, {name.split("/")[0] for name in files}
            if duplicates := sorted(
                (files.keys() & item_files.keys())
                | (files.keys() & directories[0])
                | (item_files.keys() & directories[1])
            ):
                raise ConflictingValuesError(
                    f"each of {parameter} must have its own file name, got {duplicates[0]!r} twice; rename one of them"
                )
            files |= item_files
        if files and len(items) > 1 and any(spark_container.is_remote(item) for item in items):
            Annotations.of(self).add_warning_v2(
                "cdk-sagemaker-processing:spark-mixed-dependencies",
                f"{parameter} mixes files in S3 with local ones: SageMaker's Spark container expands the directory of "
                "the local ones only if it comes first, but the SDK's order, which this library follows, puts it last; "
                "put all of them in S3, or none",
            )
        return files


def _input(name: str, uri: str) -> ProcessingInput:
    return ProcessingInput(source=uri, destination=f"{INPUTS_DIRECTORY}/{name}", input_name=name)
