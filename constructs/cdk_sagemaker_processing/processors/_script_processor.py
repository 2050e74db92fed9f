"""A processor that runs a script in somebody else's image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing.processors._processor import Processor
from cdk_sagemaker_processing.workflow import SageMakerCreateProcessingJob
from smproc.job import InvalidValue, NetworkConfig, ProcessingInput, ProcessingOutput

_CODE_FOLDER = "/opt/ml/processing/input/code"


class ScriptProcessor(Processor):
    """Run a script in an image that has an interpreter for it.

    Names, defaults and meaning are those of ``sagemaker.processing.ScriptProcessor``.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        image_uri: the container's image.
        command: the interpreter and its own arguments, e.g. ``["python3", "-v"]``.
        instance_type: e.g. ``ml.m5.xlarge``.
        instance_count: 1 to 100 instances. Default: 1.
        role: as for `Processor`, like all that follow.
        bucket: where local code goes, and outputs that name no destination.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30.
        volume_kms_key: encrypts the instances' volumes.
        output_kms_key: encrypts what the jobs upload.
        max_runtime_in_seconds: 1 to 777,600; then the job is stopped.
        base_job_name: what job names start with.
        env: environment variables.
        tags: tags for the jobs, by key.
        network_config: where in a network the jobs run.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        image_uri: str,
        command: Sequence[str],
        instance_type: str,
        instance_count: int = 1,
        role: iam.IRole | None = None,
        bucket: s3.IBucket | None = None,
        volume_size_in_gb: int = 30,
        volume_kms_key: kms.IKey | str | None = None,
        output_kms_key: kms.IKey | str | None = None,
        max_runtime_in_seconds: int | None = None,
        base_job_name: str | None = None,
        env: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        network_config: NetworkConfig | None = None,
    ) -> None:
        if isinstance(command, str) or not command:
            raise InvalidValue("command", command, "be a list of at least one word", 'for example ["python3"]')
        super().__init__(
            scope,
            construct_id,
            image_uri=image_uri,
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
        self.command = list(command)

    def run(  # type: ignore[override]  # a script is what a ScriptProcessor cannot do without, as in the SDK
        self,
        run_id: str,
        *,
        code: str,
        inputs: Sequence[ProcessingInput] = (),
        outputs: Sequence[ProcessingOutput] = (),
        arguments: Sequence[str] | None = None,
        result_path: str | None = None,
    ) -> SageMakerCreateProcessingJob:
        """A state that runs the script once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            code: the script: a local file, which the deployment uploads under its own name, or ``s3://bucket/key``.
            inputs: at most 9, the script is one more.
            outputs: at most 10.
            arguments: 1 to 100 words for the script, 256 characters at most each.
            result_path: where the job's description goes in the state's input. Default: it replaces the input.

        Returns:
            A task state: chain it, retry it, catch its errors, use it in any Standard state machine.

        Raises:
            InvalidProcessingJob: a request that the service would refuse, or a script that is not there.
        """
        script = ProcessingInput(
            source=self._script_uri(run_id, code, parameter="code"), destination=_CODE_FOLDER, input_name="code"
        )
        return self._run(
            run_id,
            inputs=[*inputs, script],
            outputs=outputs,
            arguments=arguments,
            entrypoint=[*self.command, f"{_CODE_FOLDER}/{code.rstrip('/').rsplit('/', 1)[-1]}"],
            result_path=result_path,
        )
