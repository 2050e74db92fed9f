"""The base of the framework processors: a script with its modules and requirements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Unpack

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing._internal.asset_files import tree
from cdk_sagemaker_processing._internal.grants import allow
from cdk_sagemaker_processing.model import (
    ExperimentConfig,
    InvalidValueError,
    ProcessingInput,
    ProcessingOutput,
    check_command,
    check_each,
    path_text,
    path_texts,
)
from cdk_sagemaker_processing.model import framework_container as contract
from cdk_sagemaker_processing.model.s3_uri import is_s3_uri
from cdk_sagemaker_processing.processors.local_source import LocalSource
from cdk_sagemaker_processing.processors.processor import Processor
from cdk_sagemaker_processing.tasks import ProcessorOptions, SageMakerCreateProcessingJob, StateOptions


class FrameworkProcessorBase(Processor):
    """A processor that packs a script's sources into one archive and starts them in a framework's image.

    The arguments are those of `FrameworkProcessor`, after the framework and its version.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        command: Sequence[str] | None,
        code_location: str | None,
        bucket: s3.IBucket | None,
        **options: Unpack[ProcessorOptions],
    ) -> None:
        super().__init__(scope, construct_id, bucket=bucket, **options)
        if command is not None:
            check_command(command)
        self.command = ["python"] if command is None else list(command)
        self._code_location = code_location

    def run(  # type: ignore[override]  # a script is required, as in the SDK
        self,
        run_id: str,
        *,
        code: str | PathLike[str],
        source_dir: str | PathLike[str] | None = None,
        dependencies: Sequence[str | PathLike[str]] | None = None,
        inputs: Sequence[ProcessingInput] | None = None,
        outputs: Sequence[ProcessingOutput] | None = None,
        arguments: Sequence[str] | None = None,
        job_name: str | None = None,
        experiment_config: ExperimentConfig | Mapping[str, str] | None = None,
        kms_key: kms.IKey | str | None = None,
        codeartifact_repo_arn: str | None = None,
        **state: Unpack[StateOptions],
    ) -> SageMakerCreateProcessingJob:
        """Return a state that runs the script once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            code: the script: relative to ``source_dir``, or a local file; or ``s3://bucket/run.sh``, a shell script
                that runs unchanged. API: the input ``entrypoint``.
            source_dir: a local directory with the script, its modules and optionally ``requirements.txt``; or
                ``s3://bucket/prefix/sourcedir.tar.gz``. Default: the script alone. API: the input ``code``.
            dependencies: local files and directories to place beside the script. Default: none.
            inputs: at most 10, including those for sources and entry point. The deployment uploads sources that
                are local files or directories. Default: none. API: ``ProcessingInputs``.
            outputs: at most 10. Default: none. API: ``ProcessingOutputConfig.Outputs``.
            arguments: 1 to 100 arguments of the script, of at most 256 characters each. Default: none. API:
                ``AppSpecification.ContainerArguments``.
            job_name: the job's full name, part of which must be known only at run time. Default: ``base_job_name``, a
                hyphen and a new UUID for each attempt. API: ``ProcessingJobName``.
            experiment_config: the experiment that the job belongs to. Default: none. API: ``ExperimentConfig``.
            kms_key: encrypts the files that the deployment uploads for the job: a key or its ARN. Default: the bucket's
                own encryption.
            codeartifact_repo_arn: the CodeArtifact repository to install the requirements from. Default: pip's own
                index.
            **state: options of the state; see `SageMakerCreateProcessingJob`, from ``integration_pattern`` on.

        Returns:
            A task state, for any Standard state machine: chain it, retry it, catch its errors.

        Raises:
            InvalidProcessingJobError: a request that the service would refuse, or a script that does not exist.
        """
        code = path_text("code", code)
        check_each("inputs", inputs, ProcessingInput)
        source_dir = None if source_dir is None else path_text("source_dir", source_dir)
        if is_s3_uri(code):
            entry, sources, script = code, [], code.rsplit("/", 1)[-1]
        else:
            entry, archive = self._stage_sources(
                run_id, code, source_dir, path_texts("dependencies", dependencies), codeartifact_repo_arn, kms_key
            )
            sources = [ProcessingInput(source=archive, destination=contract.CODE_DIRECTORY, input_name="code")]
            script = contract.SCRIPT
        task = self._run(
            run_id,
            inputs=[
                *(inputs or ()),
                *sources,
                ProcessingInput(source=entry, destination=contract.ENTRYPOINT_DIRECTORY, input_name="entrypoint"),
            ],
            outputs=outputs,
            arguments=arguments,
            entrypoint=["/bin/bash", f"{contract.ENTRYPOINT_DIRECTORY}/{script}"],
            kms_key=kms_key,
            job_name=job_name,
            experiment_config=experiment_config,
            **state,
        )
        if codeartifact_repo_arn is not None:
            _grant_read_packages(self.role, codeartifact_repo_arn)
        return task

    def _stage_sources(
        self,
        run_id: str,
        code: str,
        source_dir: str | None,
        dependencies: Sequence[str],
        codeartifact_repo_arn: str | None,
        kms_key: kms.IKey | str | None,
    ) -> tuple[str, str]:
        """Return the URIs of the start script and of the sources."""
        files: dict[str, Path | bytes] = {}
        if source_dir is not None and is_s3_uri(source_dir):
            if not source_dir.endswith(f"/{contract.SOURCES}"):
                raise InvalidValueError("source_dir", source_dir, f"end in /{contract.SOURCES} when it is in S3")
            script = code
        else:
            script, sources = _sources(code, source_dir, dependencies)
            files[contract.SOURCES] = contract.source_archive(sources)
        files[contract.SCRIPT] = contract.start_script(self.command, script, codeartifact_repo_arn)
        code_in_s3 = self._stage(run_id, "source", files, self._code_location, kms_key)
        archive = code_in_s3.uri(contract.SOURCES) if contract.SOURCES in files else source_dir or ""
        return code_in_s3.uri(contract.SCRIPT), archive


def _sources(code: str, source_dir: str | None, dependencies: Sequence[str]) -> tuple[str, dict[str, Path]]:
    """Return the script's name in the archive, and the archive's files."""
    if source_dir is None:
        path = LocalSource.of(code, parameter="code").path
        if path.is_dir():
            raise InvalidValueError("code", code, "be a file, not a directory", "pass the directory as source_dir")
        script, files = path.name, {path.name: path}
    else:
        directory = LocalSource.of(source_dir, parameter="source_dir").path
        if not directory.is_dir():
            raise InvalidValueError("source_dir", source_dir, "be a directory", "pass a script alone as code")
        files = tree(directory)
        script = PurePosixPath(code).as_posix()
        if script not in files:
            raise InvalidValueError("code", code, f"name a file in source_dir, which is {directory}")
    for number, item in enumerate(dependencies):
        path = LocalSource.of(item, parameter=f"dependencies[{number}]").path
        files |= tree(path, prefix=f"{path.name}/") if path.is_dir() else {path.name: path}
    return script, files


def _grant_read_packages(role: iam.IRole, arn: str) -> None:
    """Grant the role of the jobs permission to read packages.

    See: https://docs.aws.amazon.com/codeartifact/latest/ug/auth-and-access-control-permissions-reference.html
    """
    parts = contract.repository_parts(arn)
    prefix = arn.split(":repository/", maxsplit=1)[0]
    domain = f"{prefix}:domain/{parts['domain']}"
    for actions, resource in (
        (["codeartifact:GetAuthorizationToken"], domain),
        (["codeartifact:GetRepositoryEndpoint", "codeartifact:ReadFromRepository"], arn),
    ):
        allow(role, iam.PolicyStatement(actions=actions, resources=[resource]))
    allow(
        role,
        iam.PolicyStatement(
            # The action supports no resources; only the service that the token is for can be restricted.
            actions=["sts:GetServiceBearerToken"],
            resources=["*"],
            conditions={"StringEquals": {"sts:AWSServiceName": "codeartifact.amazonaws.com"}},
        ),
    )
