"""The processor for any image, and the base of all others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import jsii
from aws_cdk import Annotations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_ids import free_id
from cdk_sagemaker_processing._internal.construct_tree import inherit, node_of
from cdk_sagemaker_processing._internal.grants import grant_key, grantee
from cdk_sagemaker_processing.model import (
    ExperimentConfig,
    InstancePreferences,
    InvalidValueError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    check_bucket,
    check_each,
    is_unresolved,
)
from cdk_sagemaker_processing.model.s3_uri import is_s3_uri, split_s3_uri
from cdk_sagemaker_processing.processors.image_uri import check_instances
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.resources import ProcessingRole
from cdk_sagemaker_processing.resources.hotswappable_values import settled
from cdk_sagemaker_processing.tasks import ProcessorOptions, RunOptions, SageMakerCreateProcessingJob, StateOptions

if TYPE_CHECKING:
    from aws_cdk.aws_stepfunctions_tasks import DockerImage

    from cdk_sagemaker_processing._internal.source_records import Members
    from cdk_sagemaker_processing.model.content_hash import Files
    from cdk_sagemaker_processing.processors.local_source import LocalSource
    from cdk_sagemaker_processing.resources import LocalCode


@public
@jsii.implements(iam.IGrantable)
class Processor(Construct):
    """A processor that runs an image.

    Names, defaults and meanings are those of ``sagemaker.processing.Processor``, without the parameters that only a
    notebook needs (``sagemaker_session``, ``wait``, ``logs``).

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        image_uri: the container's image: a URI of at most 255 characters, or an
            ``aws_stepfunctions_tasks.DockerImage``: from your own repository by tag or digest, or from a directory with
            a Dockerfile that the deployment builds. API: ``AppSpecification.ImageUri``.
        role: the role that the jobs assume: a role, its ARN or its name. Default: a new `ProcessingRole` with the
            permissions that the requests of the runs call for. API: ``RoleArn``.
        instance_count: 1 to 100 instances. Default: 1. API: ``ClusterConfig.InstanceCount``.
        instance_type: e.g. ``ml.m5.xlarge``. Required without
            ``instance_preferences``. API: ``ClusterConfig.InstanceType``.
        entrypoint: 1 to 100 strings of at most 256 characters each that replace the image's entry point. Default: the
            image's own. API: ``AppSpecification.ContainerEntrypoint``.
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
        InvalidProcessingJobError: no instance type, or at the first run a value that the service would refuse.

    Example:
        >>> processor = Processor(
        ...     stack,
        ...     "Count",
        ...     image_uri="111122223333.dkr.ecr.eu-west-1.amazonaws.com/count:1",
        ...     instance_type="ml.m5.large",
        ... )
        >>> step = processor.run("CountWords", arguments=["--deep"])

    See: https://sagemaker.readthedocs.io/en/v2/api/training/processing.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        image_uri: str | DockerImage,
        role: iam.IRole | str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        entrypoint: Sequence[str] | None = None,
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
        check_instances(instance_type, instance_preferences)
        check_bucket(bucket)
        super().__init__(scope, construct_id)
        inherit(self, scope, construct_id)
        self.role: iam.IRole = ProcessingRole.of(self, role)
        self.image_uri = image_uri
        self._bucket = bucket
        self._entrypoint = entrypoint
        self._upload_keys: dict[str, kms.IKey] = {}
        self._may_name_jobs_after_steps = base_job_name is None
        self._options: ProcessorOptions = {
            "image_uri": image_uri,
            "role": self.role,
            "instance_type": instance_type,
            "instance_count": instance_count,
            "instance_preferences": instance_preferences,
            "volume_size_in_gb": volume_size_in_gb,
            "volume_kms_key": volume_kms_key,
            "output_kms_key": output_kms_key,
            "max_runtime_in_seconds": max_runtime_in_seconds,
            "base_job_name": base_job_name or _repository_name(image_uri) or construct_id,
            "env": env,
            "tags": tags,
            "network_config": network_config,
        }

    @property
    def bucket(self) -> s3.IBucket:
        """The bucket of local code and of outputs without a destination."""
        if self._bucket is None:
            from cdk_sagemaker_processing.resources import ProcessingBucket  # noqa: PLC0415 - imported on first use

            self._bucket = ProcessingBucket(self, free_id(self, "Bucket"))
        return self._bucket

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role of the jobs, which receives what is granted to the processor."""
        return grantee(self.role, self)

    def run(
        self,
        run_id: str,
        *,
        inputs: Sequence[ProcessingInput] | None = None,
        outputs: Sequence[ProcessingOutput] | None = None,
        arguments: Sequence[str] | None = None,
        job_name: str | None = None,
        experiment_config: ExperimentConfig | Mapping[str, str] | None = None,
        kms_key: kms.IKey | str | None = None,
        **state: Unpack[StateOptions],
    ) -> SageMakerCreateProcessingJob:
        """Return a state that runs the image once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            inputs: at most 10. The deployment uploads sources that are local files or directories. Default: none. API:
                ``ProcessingInputs``.
            outputs: at most 10. Default: none. API: ``ProcessingOutputConfig.Outputs``.
            arguments: 1 to 100 arguments of the image's entry point, of at most 256 characters each. Default: none.
                API: ``AppSpecification.ContainerArguments``.
            job_name: the job's full name, part of which must be known only at run time. Default: ``base_job_name``, a
                hyphen and a new UUID for each attempt. API: ``ProcessingJobName``.
            experiment_config: the experiment that the job belongs to. Default: none. API: ``ExperimentConfig``.
            kms_key: encrypts the files that the deployment uploads for the job: a key or its ARN. Default: the bucket's
                own encryption.
            **state: options of the state; see `SageMakerCreateProcessingJob`, from ``integration_pattern`` on.

        Returns:
            A task state, for any Standard state machine: chain it, retry it, catch its errors.

        Raises:
            InvalidProcessingJobError: a request that the service would refuse.
        """
        return self._run(
            run_id,
            inputs=inputs,
            outputs=outputs,
            arguments=arguments,
            entrypoint=self._entrypoint,
            kms_key=kms_key,
            job_name=job_name,
            experiment_config=experiment_config,
            **state,
        )

    def _run(
        self,
        run_id: str,
        *,
        inputs: Sequence[ProcessingInput] | None,
        outputs: Sequence[ProcessingOutput] | None,
        arguments: Sequence[str] | None,
        entrypoint: Sequence[str] | None,
        kms_key: kms.IKey | str | None,
        **options: Unpack[RunOptions],
    ) -> SageMakerCreateProcessingJob:
        check_each("inputs", inputs, ProcessingInput)
        check_each("outputs", outputs, ProcessingOutput)
        key = self._upload_key(run_id, kms_key)
        needs_bucket = any(output.needs_destination for output in outputs or ())
        processor_options = self._options
        if self._options.get("output_kms_key") is not None and not outputs:
            processor_options = {**self._options, "output_kms_key": None}
            Annotations.of(self).add_warning_v2(
                f"cdk-sagemaker-processing:no-outputs-{run_id}",
                f"output_kms_key encrypts nothing in {run_id!r}, which has no outputs; as in the SageMaker SDK, the "
                "request does not contain it",
            )
        if isinstance(image := processor_options["image_uri"], str):
            processor_options = {**processor_options, "image_uri": settled(self, image)}
        state_id = self._state_id(run_id)
        if state_id != run_id:
            options = {**options, "state_name": options.get("state_name", run_id)}
        task = SageMakerCreateProcessingJob(
            self,
            state_id,
            inputs=[
                self._with_uploaded_source(run_id, item, position, key)
                for position, item in enumerate(inputs or (), start=1)
            ],
            outputs=outputs,
            arguments=arguments,
            entrypoint=entrypoint,
            bucket=self.bucket if needs_bucket else self._bucket,
            **processor_options,
            **options,
        )
        task.may_be_named_after_step = self._may_name_jobs_after_steps
        return task

    def _state_id(self, run_id: str) -> str:
        """Return the construct id of a run: its own, unless something else in the processor has it."""
        existing = node_of(self).try_find_child(run_id)
        if isinstance(existing, SageMakerCreateProcessingJob):
            raise InvalidValueError(
                "run_id", run_id, f"be unique in the processor {self.node.path!r}", "choose another id for this run"
            )
        return run_id if existing is None else free_id(self, f"{run_id}-Run")

    def _upload_key(self, run_id: str, kms_key: kms.IKey | str | None) -> kms.IKey | None:
        """Return the key of a run's uploads, after granting its job the use of the key to read them."""
        key = self._imported_key(run_id, kms_key) if isinstance(kms_key, str) else kms_key
        if key is not None:
            grant_key(key, self.role, "kms:Decrypt", scope=self)
        return key

    def _imported_key(self, run_id: str, arn: str) -> kms.IKey:
        if not (arn.startswith("arn:") or is_unresolved(arn)):
            raise InvalidValueError("kms_key", arn, "be a key or its ARN", "the deployment needs permission to use it")
        if arn not in self._upload_keys:
            self._upload_keys[arn] = kms.Key.from_key_arn(self, free_id(self, f"{run_id}-UploadKey"), arn)
        return self._upload_keys[arn]

    def _script_uri(self, run_id: str, code: str, *, parameter: str, kms_key: kms.IKey | str | None) -> str:
        """Return the URI of a run's script or application; the deployment uploads a local one."""
        if is_unresolved(code) or is_s3_uri(code):
            return code
        if "://" in code and not code.startswith("file:"):
            raise InvalidValueError(parameter, code, "be a local file, a file:// URL or an s3:// URI")
        source = _local_source(code, parameter)
        if source.is_dir:
            raise InvalidValueError(parameter, code, "be a file, not a directory", "name the script in it")
        return source.upload(
            self, free_id(self, f"{run_id}-code"), self.bucket, self._upload_key(run_id, kms_key), "code"
        )

    def _stage(
        self,
        run_id: str,
        suffix: str,
        files: Files,
        location: str | None,
        kms_key: kms.IKey | str | None,
        *,
        archives: Mapping[str, Members] | None = None,
    ) -> LocalCode:
        """Upload files to a location of the user's choice, or to the processor's bucket, at deployment."""
        from cdk_sagemaker_processing.resources import LocalCode  # noqa: PLC0415 - it imports aws_lambda

        key = self._upload_key(run_id, kms_key)
        construct_id = free_id(self, f"{run_id}-{suffix}")
        if location is None:
            return LocalCode(self, construct_id, bucket=self.bucket, files=files, encryption_key=key, archives=archives)
        name, prefix = split_s3_uri(location.rstrip("/"))
        if not is_s3_uri(location) or not name:
            raise InvalidValueError(
                "a location for uploads", location, "be an S3 URI", "for example s3://my-bucket/a/prefix"
            )
        bucket = s3.Bucket.from_bucket_name(self, free_id(self, f"{construct_id}-Bucket"), name)
        prefix = f"{prefix}/code" if prefix else "code"
        return LocalCode(
            self, construct_id, bucket=bucket, files=files, prefix=prefix, encryption_key=key, archives=archives
        )

    def _with_uploaded_source(
        self, run_id: str, item: ProcessingInput, position: int, key: kms.IKey | None
    ) -> ProcessingInput:
        """Return the input with a local source replaced by the URI that the deployment uploads it to."""
        uri = item.s3_uri
        if uri is None or is_unresolved(uri) or is_s3_uri(uri):
            return item
        name = item.input_name or f"input-{position}"
        source = _local_source(uri, "source" if item.s3_input is None else "s3_uri")
        return item.at(source.upload(self, free_id(self, f"{run_id}-{name}"), self.bucket, key, name))


def _local_source(text: str, parameter: str) -> LocalSource:
    from cdk_sagemaker_processing.processors.local_source import LocalSource  # noqa: PLC0415 - imported on first use

    return LocalSource.of(text, parameter=parameter)


def _repository_name(image_uri: str | DockerImage) -> str:
    """Return the last part of the image's path, as the SDK names jobs; empty if it is known only later."""
    if not isinstance(image_uri, str):
        return ""
    matched = re.fullmatch(r"(?:.*/)?([^/:@$]+)(?::[^/]*|@.*)?", image_uri)
    return matched[1] if matched and not is_unresolved(matched[1]) else ""
