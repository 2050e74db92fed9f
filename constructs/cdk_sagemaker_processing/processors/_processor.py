"""A processor: an image with the resources to run it, as the SageMaker SDK has it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing._internal.staging import Files
from cdk_sagemaker_processing.processors._local_source import LocalSource
from cdk_sagemaker_processing.resources import LocalCode, ProcessingBucket, ProcessingRole
from cdk_sagemaker_processing.workflow import SageMakerCreateProcessingJob
from smproc.job import InvalidValue, NetworkConfig, ProcessingInput, ProcessingOutput, is_unresolved


@jsii.implements(iam.IGrantable)
class Processor(Construct):
    """Run an image as a processing job.

    Names, defaults and meaning are those of ``sagemaker.processing.Processor``; what only a notebook needs
    (``sagemaker_session``, ``wait``, ``logs``) is absent.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        image_uri: the container's image.
        instance_type: e.g. ``ml.m5.xlarge``.
        instance_count: 1 to 100 instances. Default: 1.
        role: what the jobs may do. Default: a new `ProcessingRole`, granted what each run shows its job to need.
        bucket: where local code goes, and outputs that name no destination. Default: a new `ProcessingBucket`, made
            when first needed.
        entrypoint: the words that replace the image's entry point. Default: the image's own.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30.
        volume_kms_key: encrypts the instances' volumes: a key, its id or its ARN. Default: a key of the service.
        output_kms_key: encrypts what the jobs upload. Default: the encryption of the bucket it goes to.
        max_runtime_in_seconds: 1 to 777,600; then the job is stopped. Default: the service's, 86,400.
        base_job_name: what job names start with; shortened to 26 letters, digits and hyphens. Default: the name of the
            image's repository.
        env: environment variables.
        tags: tags for the jobs, by key.
        network_config: where in a network the jobs run. Default: the service's own network.

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
        image_uri: str,
        instance_type: str,
        instance_count: int = 1,
        role: iam.IRole | None = None,
        bucket: s3.IBucket | None = None,
        entrypoint: Sequence[str] | None = None,
        volume_size_in_gb: int = 30,
        volume_kms_key: kms.IKey | str | None = None,
        output_kms_key: kms.IKey | str | None = None,
        max_runtime_in_seconds: int | None = None,
        base_job_name: str | None = None,
        env: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        network_config: NetworkConfig | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role: iam.IRole = role or ProcessingRole(self, "Role")
        self.image_uri = image_uri
        self._bucket = bucket
        self._entrypoint = entrypoint
        self._options: dict[str, Any] = {
            "image_uri": image_uri,
            "role": self.role,
            "instance_type": instance_type,
            "instance_count": instance_count,
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
            self._bucket = ProcessingBucket(self, "Bucket")
        return self._bucket

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The jobs' role: what is granted to the processor, its jobs may do."""
        return self.role.grant_principal

    def run(
        self,
        run_id: str,
        *,
        inputs: Sequence[ProcessingInput] = (),
        outputs: Sequence[ProcessingOutput] = (),
        arguments: Sequence[str] | None = None,
        result_path: str | None = None,
    ) -> SageMakerCreateProcessingJob:
        """A state that runs the image once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            inputs: at most 10. A local file or folder as source is uploaded by the deployment.
            outputs: at most 10.
            arguments: 1 to 100 words for the image's entry point, 256 characters at most each.
            result_path: where the job's description goes in the state's input. Default: it replaces the input.

        Returns:
            A task state: chain it, retry it, catch its errors, use it in any Standard state machine.

        Raises:
            InvalidProcessingJob: a request that the service would refuse.
        """
        return self._run(
            run_id,
            inputs=inputs,
            outputs=outputs,
            arguments=arguments,
            entrypoint=self._entrypoint,
            result_path=result_path,
        )

    def _run(
        self,
        run_id: str,
        *,
        inputs: Sequence[ProcessingInput],
        outputs: Sequence[ProcessingOutput],
        arguments: Sequence[str] | None,
        entrypoint: Sequence[str] | None,
        result_path: str | None,
    ) -> SageMakerCreateProcessingJob:
        needs_bucket = any(output.destination is None for output in outputs)
        return SageMakerCreateProcessingJob(
            self,
            run_id,
            inputs=[self._in_s3(run_id, item, position) for position, item in enumerate(inputs, start=1)],
            outputs=outputs,
            arguments=arguments,
            entrypoint=entrypoint,
            bucket=self.bucket if needs_bucket else self._bucket,
            result_path=result_path,
            **self._options,
        )

    def _script_uri(self, run_id: str, code: str, *, parameter: str) -> str:
        """Where a run's script or application is in S3; the deployment uploads one of this machine."""
        if is_unresolved(code) or code.startswith("s3://"):
            return code
        if "://" in code and not code.startswith("file://"):
            raise InvalidValue(parameter, code, "be a local file, a file:// URL or an s3:// URI")
        source = LocalSource.of(code, parameter=parameter)
        if source.path.is_dir():
            raise InvalidValue(parameter, code, "be a file, not a folder", "name the script in it")
        return source.upload(self, f"{run_id}-code", self.bucket)

    def _staged(self, construct_id: str, files: Files, location: str | None) -> LocalCode:
        """The files where the user wants them, or in the processor's bucket."""
        if location is None:
            return LocalCode(self, construct_id, bucket=self.bucket, files=files)
        name, _, prefix = location.removeprefix("s3://").strip("/").partition("/")
        place = s3.Bucket.from_bucket_name(self, f"{construct_id}-Bucket", name)
        return LocalCode(self, construct_id, bucket=place, files=files, prefix=f"{prefix}/code" if prefix else "code")

    def _in_s3(self, run_id: str, item: ProcessingInput, position: int) -> ProcessingInput:
        """The input with its local source, if it is one, replaced by the place that the deployment copies it to."""
        if is_unresolved(item.source) or item.source.startswith("s3://"):
            return item
        name = item.input_name or f"input-{position}"
        source = LocalSource.of(item.source, parameter="source")
        return item.at(source.upload(self, f"{run_id}-{name}", self.bucket))


def _repository_name(image_uri: str) -> str:
    """The last part of the image's path, as the SDK names jobs; empty when it is only known later."""
    matched = re.fullmatch(r"(?:.*/)?([^/:@$]+)(?::[^/]*|@.*)?", image_uri)
    return matched[1] if matched and not is_unresolved(matched[1]) else ""
