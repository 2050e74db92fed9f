"""A processor for a script, in any image that has an interpreter for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Final, Unpack

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing.model import (
    INPUTS_DIRECTORY,
    ExperimentConfig,
    InstancePreferences,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    check_command,
    check_each,
    path_text,
)
from cdk_sagemaker_processing.processors.local_source import script_name
from cdk_sagemaker_processing.processors.processor import Processor
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks import SageMakerCreateProcessingJob, StateOptions

if TYPE_CHECKING:
    from aws_cdk.aws_stepfunctions_tasks import DockerImage

_CODE_DIRECTORY = f"{INPUTS_DIRECTORY}/code"
_SCIKIT_LEARN: Final = "sklearn|scikit-learn"


@public
class ScriptProcessor(Processor):
    """A processor that runs a script in an image that has an interpreter for it.

    Names, defaults and meanings are those of ``sagemaker.processing.ScriptProcessor``.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        image_uri: the container's image, as for `Processor`. API: ``AppSpecification.ImageUri``.
        command: the interpreter and its own arguments, e.g. ``["python3", "-v"]``. Default: ``["python3"]`` for an
            image with ``sklearn`` or ``scikit-learn`` in its URI, as in SDK 3; required for any other. API: the start
            of ``AppSpecification.ContainerEntrypoint``.
        role: the role that the jobs assume: a role, its ARN or its name. Default: a new `ProcessingRole` with the
            permissions that the requests of the runs call for. API: ``RoleArn``.
        instance_count: 1 to 100 instances. Default: 1. API: ``ClusterConfig.InstanceCount``.
        instance_type: e.g. ``ml.m5.xlarge``. Required without
            ``instance_preferences``. API: ``ClusterConfig.InstanceType``.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30. API: ``ClusterConfig.VolumeSizeInGB``.
        volume_kms_key: encrypts the instances' volumes: a key, its ID or its ARN. Default: the key of the scope's
            `Safeguards` for instance types without local storage, or a key that the service owns. API:
            ``ClusterConfig.VolumeKmsKeyId``.
        output_kms_key: encrypts the outputs of the jobs: a key, its ID or its ARN. Default: the key of the destination
            bucket, if the app has a construct for it; without one, SageMaker chooses.
            API: ``ProcessingOutputConfig.KmsKeyId``.
        max_runtime_in_seconds: 1 to 777,600; a job that runs longer is stopped. Default: the service's, 86,400. API:
            ``StoppingCondition.MaxRuntimeInSeconds``.
        base_job_name: the start of job names; shortened to 26 letters, digits and hyphens. Default: the name of the
            image's repository, or in a `ProcessingWorkflow` that of the step. API: ``ProcessingJobName``.
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
        InvalidProcessingJobError: no command or instance type, or at the first run a value that the service would
            refuse.

    Example:
        >>> processor = ScriptProcessor(
        ...     stack,
        ...     "Count",
        ...     image_uri="111122223333.dkr.ecr.eu-west-1.amazonaws.com/count:1",
        ...     command=["python3"],
        ...     instance_type="ml.m5.large",
        ... )
        >>> step = processor.run("CountWords", code="count.py")

    See: https://sagemaker.readthedocs.io/en/v2/api/training/processing.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        image_uri: str | DockerImage,
        command: Sequence[str] | None = None,
        role: iam.IRole | str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
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
        if command is None and isinstance(image_uri, str) and re.search(_SCIKIT_LEARN, image_uri):
            command = ["python3"]
        check_command(command)
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
            env=env,
            tags=tags,
            network_config=network_config,
            instance_preferences=instance_preferences,
            bucket=bucket,
        )
        self.command = list(command or ())

    def run(  # type: ignore[override]  # a script is required, as in the SDK
        self,
        run_id: str,
        *,
        code: str | PathLike[str],
        inputs: Sequence[ProcessingInput] | None = None,
        outputs: Sequence[ProcessingOutput] | None = None,
        arguments: Sequence[str] | None = None,
        job_name: str | None = None,
        experiment_config: ExperimentConfig | Mapping[str, str] | None = None,
        kms_key: kms.IKey | str | None = None,
        **state: Unpack[StateOptions],
    ) -> SageMakerCreateProcessingJob:
        """Return a state that runs the script once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            code: the script: a local file, which the deployment uploads under its own name, or ``s3://bucket/key``.
                A link is uploaded under the link's name. ``s3://bucket/prefix/`` is a Python program of several files
                with ``__main__.py``. API: the input ``code``.
            inputs: at most 9, because the script is one too. The deployment uploads sources that are local files or
                directories. Default: none. API: ``ProcessingInputs``.
            outputs: at most 10. Default: none. API: ``ProcessingOutputConfig.Outputs``.
            arguments: 1 to 100 arguments of the script, of at most 256 characters each. Default: none. API:
                ``AppSpecification.ContainerArguments``.
            job_name: the job's full name, part of which must be known only at run time. Default: ``base_job_name``, a
                hyphen and a new UUID for each attempt. API: ``ProcessingJobName``.
            experiment_config: the experiment that the job belongs to. Default: none. API: ``ExperimentConfig``.
            kms_key: encrypts the files that the deployment uploads for the job: a key or its ARN. Default: the bucket's
                own encryption.
            **state: options of the state; see `SageMakerCreateProcessingJob`, from ``integration_pattern`` on.

        Returns:
            A task state, for any Standard state machine: chain it, retry it, catch its errors.

        Raises:
            InvalidProcessingJobError: a request that the service would refuse, or a script that does not exist.
        """
        code = path_text("code", code)
        check_each("inputs", inputs, ProcessingInput)
        script = ProcessingInput(
            source=self._script_uri(run_id, code, parameter="code", kms_key=kms_key),
            destination=_CODE_DIRECTORY,
            input_name="code",
        )
        return self._run(
            run_id,
            inputs=[*(inputs or ()), script],
            outputs=outputs,
            arguments=arguments,
            entrypoint=[*self.command, f"{_CODE_DIRECTORY}/{script_name(code)}".rstrip("/")],
            kms_key=kms_key,
            job_name=job_name,
            experiment_config=experiment_config,
            **state,
        )
