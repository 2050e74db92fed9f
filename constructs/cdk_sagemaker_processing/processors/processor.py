"""A processor: an image with the resources to run it, as the SageMaker SDK has it."""

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

from cdk_sagemaker_processing._internal.asset_files import Files
from cdk_sagemaker_processing._internal.grants import grant_key, grantee
from cdk_sagemaker_processing.model import (
    ExperimentConfig,
    InstancePreference,
    InvalidValueError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    check_each,
    is_unresolved,
)
from cdk_sagemaker_processing.processors.image_uri import check_instances
from cdk_sagemaker_processing.processors.local_source import LocalSource
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.resources import ProcessingRole
from cdk_sagemaker_processing.tasks import ProcessorOptions, RunOptions, SageMakerCreateProcessingJob, StateOptions

if TYPE_CHECKING:
    from aws_cdk.aws_stepfunctions_tasks import DockerImage

    from cdk_sagemaker_processing.resources import LocalCode


@public
@jsii.implements(iam.IGrantable)
class Processor(Construct):
    """Run an image as a processing job.

    Names, defaults and meaning are those of ``sagemaker.processing.Processor``; what only a notebook needs
    (``sagemaker_session``, ``wait``, ``logs``) is absent.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        image_uri: the container's image: a URI of 255 characters at most, or an
            ``aws_stepfunctions_tasks.DockerImage``: from a repository of yours and a tag or digest, or from a folder
            with a Dockerfile that the deployment builds. API: ``AppSpecification.ImageUri``.
        role: what the jobs may do: a role, its ARN or its name. Default: a new `ProcessingRole`, granted what each run
            shows its job to need. API: ``RoleArn``.
        instance_count: 1 to 100 instances. Default: 1. API: ``ClusterConfig.InstanceCount``.
        instance_type: e.g. ``ml.m5.xlarge``. Required without
            ``instance_preferences``. API: ``ClusterConfig.InstanceType``.
        entrypoint: 1 to 100 words that replace the image's entry point, 256 characters at most each. Default: the
            image's own. API: ``AppSpecification.ContainerEntrypoint``.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30. API: ``ClusterConfig.VolumeSizeInGB``.
        volume_kms_key: encrypts the instances' volumes: a key, its id or its ARN. Default: a key of the service. API:
            ``ClusterConfig.VolumeKmsKeyId``.
        output_kms_key: encrypts what the jobs upload: a key, its id or its ARN. Default: the encryption of the bucket
            it goes to. API: ``ProcessingOutputConfig.KmsKeyId``.
        max_runtime_in_seconds: 1 to 777,600; then the job is stopped. Default: the service's, 86,400. API:
            ``StoppingCondition.MaxRuntimeInSeconds``.
        base_job_name: what job names start with; shortened to 26 letters, digits and hyphens. Default: the name of the
            image's repository. API: ``ProcessingJobName``.
        env: at most 100 environment variables, 256 characters at most each. Default: none. API: ``Environment``.
        tags: at most 50 tags for the jobs, by key or as the API's list. Default: none. API: ``Tags``.
        network_config: where in a network the jobs run. Default: the service's own network. API: ``NetworkConfig``.
        instance_preferences: 1 to 5 instance types in order of preference, instead of ``instance_type``; whether the
            Step Functions integration accepts them is not known. Default: none. API:
            ``ClusterConfig.InstancePreferences``.
        bucket: where local code and data go, and outputs that name no destination. Default: a new `ProcessingBucket`,
            made when first needed.

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
        instance_preferences: Sequence[InstancePreference] | None = None,
        bucket: s3.IBucket | None = None,
    ) -> None:
        check_instances(instance_type, instance_preferences)
        if isinstance(bucket, str):
            raise InvalidValueError(
                "bucket", bucket, "be an IBucket", "for example s3.Bucket.from_bucket_name(self, ...)"
            )
        super().__init__(scope, construct_id)
        self.role: iam.IRole = ProcessingRole.of(self, role)
        self.image_uri = image_uri
        self._bucket = bucket
        self._entrypoint = entrypoint
        self._upload_keys: dict[str, kms.IKey] = {}
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
        """Where local code goes, and outputs that name no destination."""
        if self._bucket is None:
            from cdk_sagemaker_processing.resources import ProcessingBucket  # noqa: PLC0415 - only where it is needed

            self._bucket = ProcessingBucket(self, "Bucket")
        return self._bucket

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The jobs' role: what is granted to the processor, its jobs may do."""
        return grantee(self.role)

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
        """A state that runs the image once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            inputs: at most 10. A local file or folder as source is uploaded by the deployment. Default: none. API:
                ``ProcessingInputs``.
            outputs: at most 10. Default: none. API: ``ProcessingOutputConfig.Outputs``.
            arguments: 1 to 100 words for the image's entry point, 256 characters at most each. Default: none. API:
                ``AppSpecification.ContainerArguments``.
            job_name: the job's whole name, with a part that is known only at run time. Default: ``base_job_name``, a
                hyphen and a new UUID for each try. API: ``ProcessingJobName``.
            experiment_config: the experiment that the job belongs to. Default: none. API: ``ExperimentConfig``.
            kms_key: encrypts what the deployment uploads for the job: a key or its ARN. Default: the bucket's own
                encryption.
            **state: options of the state: see `SageMakerCreateProcessingJob`, from ``integration_pattern`` on.

        Returns:
            A task state: chain it, retry it, catch its errors, use it in any Standard state machine.

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
        for name in options.keys() - RunOptions.__optional_keys__:
            raise TypeError(f"run() got an unexpected keyword argument {name!r}")
        key = self._upload_key(run_id, kms_key)
        needs_bucket = any(output.needs_place for output in outputs or ())
        processor_options = self._options
        if self._options.get("output_kms_key") is not None and not outputs:
            processor_options = {**self._options, "output_kms_key": None}
            Annotations.of(self).add_warning_v2(
                f"cdk-sagemaker-processing:no-outputs-{run_id}",
                f"output_kms_key encrypts nothing in {run_id!r}, which has no outputs; as the SageMaker SDK does, it "
                "is left out of the request",
            )
        return SageMakerCreateProcessingJob(
            self,
            run_id,
            inputs=[self._in_s3(run_id, item, position, key) for position, item in enumerate(inputs or (), start=1)],
            outputs=outputs,
            arguments=arguments,
            entrypoint=entrypoint,
            bucket=self.bucket if needs_bucket else self._bucket,
            **processor_options,
            **options,
        )

    def _upload_key(self, run_id: str, kms_key: kms.IKey | str | None) -> kms.IKey | None:
        """The key of what a run uploads, which its job may use to read it."""
        key = self._imported_key(run_id, kms_key) if isinstance(kms_key, str) else kms_key
        if key is not None:
            grant_key(key, self.role, "kms:Decrypt")
        return key

    def _imported_key(self, run_id: str, arn: str) -> kms.IKey:
        if not (arn.startswith("arn:") or is_unresolved(arn)):
            raise InvalidValueError("kms_key", arn, "be a key or its ARN", "the deployment is granted its use")
        if arn not in self._upload_keys:
            self._upload_keys[arn] = kms.Key.from_key_arn(self, f"{run_id}-UploadKey", arn)
        return self._upload_keys[arn]

    def _script_uri(self, run_id: str, code: str, *, parameter: str, kms_key: kms.IKey | str | None) -> str:
        """Where a run's script or application is in S3; the deployment uploads one of this machine."""
        if is_unresolved(code) or code.startswith("s3://"):
            return code
        if "://" in code and not code.startswith("file://"):
            raise InvalidValueError(parameter, code, "be a local file, a file:// URL or an s3:// URI")
        source = LocalSource.of(code, parameter=parameter)
        if source.path.is_dir():
            raise InvalidValueError(parameter, code, "be a file, not a folder", "name the script in it")
        return source.upload(self, f"{run_id}-code", self.bucket, self._upload_key(run_id, kms_key), "code")

    def _staged(
        self, run_id: str, what: str, files: Files, location: str | None, kms_key: kms.IKey | str | None
    ) -> LocalCode:
        """The files where the user wants them, or in the processor's bucket."""
        from cdk_sagemaker_processing.resources import LocalCode  # noqa: PLC0415 - it brings aws_lambda with it

        key = self._upload_key(run_id, kms_key)
        construct_id = f"{run_id}-{what}"
        if location is None:
            return LocalCode(self, construct_id, bucket=self.bucket, files=files, encryption_key=key)
        if not location.startswith("s3://"):
            raise InvalidValueError(
                "a location for uploads", location, "be an S3 URI", "for example s3://my-bucket/a/prefix"
            )
        name, _, prefix = location.removeprefix("s3://").strip("/").partition("/")
        place = s3.Bucket.from_bucket_name(self, f"{construct_id}-Bucket", name)
        prefix = f"{prefix}/code" if prefix else "code"
        return LocalCode(self, construct_id, bucket=place, files=files, prefix=prefix, encryption_key=key)

    def _in_s3(self, run_id: str, item: ProcessingInput, position: int, key: kms.IKey | None) -> ProcessingInput:
        """The input with its local source, if it is one, replaced by the place that the deployment copies it to."""
        uri = item.s3_uri
        if uri is None or is_unresolved(uri) or uri.startswith("s3://"):
            return item
        name = item.input_name or f"input-{position}"
        source = LocalSource.of(uri, parameter="source" if item.s3_input is None else "s3_uri")
        return item.at(source.upload(self, f"{run_id}-{name}", self.bucket, key, name))


def _repository_name(image_uri: str | DockerImage) -> str:
    """The last part of the image's path, as the SDK names jobs; empty when it is only known later."""
    if not isinstance(image_uri, str):
        return ""
    matched = re.fullmatch(r"(?:.*/)?([^/:@$]+)(?::[^/]*|@.*)?", image_uri)
    return matched[1] if matched and not is_unresolved(matched[1]) else ""
