"""The base of the framework processors: a script with its modules and requirements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import ClassVar, Unpack

from aws_cdk import Annotations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from cdk_sagemaker_processing._internal.grants import allow
from cdk_sagemaker_processing._internal.local_tree import DEFAULT_EXCLUDES, check_excludes
from cdk_sagemaker_processing._internal.statements import Statement
from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    ExperimentConfig,
    ProcessingInput,
    ProcessingOutput,
    check_command,
    check_each,
    is_unresolved,
    path_text,
    path_texts,
)
from cdk_sagemaker_processing.model import framework_container as contract
from cdk_sagemaker_processing.model.s3_uri import is_s3_uri
from cdk_sagemaker_processing.processors.framework_sources import entry_point_script, local_sources, requirements_in
from cdk_sagemaker_processing.processors.local_source import script_name
from cdk_sagemaker_processing.processors.processor import Processor
from cdk_sagemaker_processing.resources.upload_limits import check_amount
from cdk_sagemaker_processing.tasks import ProcessorOptions, SageMakerCreateProcessingJob, StateOptions

_REPOSITORY_VARIABLE = "CA_REPOSITORY_ARN"


class FrameworkProcessorBase(Processor):
    """A processor that packs a script's sources into one archive and starts them in a framework's image.

    The arguments are those of `FrameworkProcessor`, after the framework and its version.

    Attributes:
        DEFAULT_EXCLUDES: the patterns that ``exclude`` of `run` has by default; extend them with
            ``exclude=[*FrameworkProcessor.DEFAULT_EXCLUDES, "tests"]``.
    """

    DEFAULT_EXCLUDES: ClassVar[tuple[str, ...]] = DEFAULT_EXCLUDES

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
        if isinstance(command, str) or command:
            check_command(command)
            contract.check_pasted_command(command)
        self.command = list(command or ["python"])
        if contract.is_for_shell(self.command):
            Annotations.of(self).add_warning_v2(
                "cdk-sagemaker-processing:command-in-shell",
                f"command is part of a bash script, as in the SageMaker SDK, and bash interprets characters of "
                f"{' '.join(self.command)!r}; quote them for bash if they are meant literally",
            )
        self._code_location = code_location

    def run(  # type: ignore[override]  # a script is required, as in the SDK
        self,
        run_id: str,
        *,
        code: str | PathLike[str],
        source_dir: str | PathLike[str] | None = None,
        dependencies: Sequence[str | PathLike[str]] | None = None,
        requirements: str | PathLike[str] | None = None,
        entry_point: str | PathLike[str] | None = None,
        inputs: Sequence[ProcessingInput] | None = None,
        outputs: Sequence[ProcessingOutput] | None = None,
        arguments: Sequence[str] | None = None,
        job_name: str | None = None,
        experiment_config: ExperimentConfig | Mapping[str, str] | None = None,
        kms_key: kms.IKey | str | None = None,
        codeartifact_repo_arn: str | None = None,
        exclude: Sequence[str] | None = None,
        **state: Unpack[StateOptions],
    ) -> SageMakerCreateProcessingJob:
        """Return a state that runs the script once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            code: the script: relative to ``source_dir``; or a local file, or a local directory with ``__main__.py``; or
                ``s3://bucket/run.sh``, a shell script that runs unchanged. API: the input ``entrypoint``.
            source_dir: a local directory with the script, its modules and optionally ``requirements.txt``; or
                ``s3://bucket/prefix/sourcedir.tar.gz``, or the prefix of that archive. Links are followed; a linked
                file has the link's name. Default: the script alone. API: the input ``code``.
            dependencies: local files and directories to place beside the script; of a path that ends in ``/``, the
                content of the directory without the directory. Where names are equal, the last one is used. Default:
                none.
            requirements: the file that pip installs from, relative to ``source_dir``, or to the directory of a script
                alone; from SDK 3. Default: ``requirements.txt`` in ``source_dir``, if there is one.
            entry_point: a local shell script that starts the job instead of the library's own, relative to
                ``source_dir``; from SDK 3. It unpacks the sources and installs what they need; the call of ``code``
                follows it. With a ``source_dir`` in S3, a script in that archive, which runs before ``code``. Default:
                none.
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
            codeartifact_repo_arn: the CodeArtifact repository to install the requirements from. Default: the variable
                ``CA_REPOSITORY_ARN`` of ``env``, as in SDK 3; without it pip's own index.
            exclude: glob patterns of files and directories to leave out of ``source_dir`` and of directories in
                ``dependencies``, as for ``exclude`` of aws-cdk's assets; ``[]`` leaves nothing out. The app's output
                directory and virtual environments are never included. Default: `DEFAULT_EXCLUDES`, caches and data of
                tools.
            **state: options of the state; see `SageMakerCreateProcessingJob`, from ``integration_pattern`` on.

        Returns:
            A task state, for any Standard state machine: chain it, retry it, catch its errors.

        Raises:
            InvalidProcessingJobError: a request that the service would refuse, or a script that does not exist.
        """
        code = path_text("code", code)
        check_each("inputs", inputs, ProcessingInput)
        source_dir = None if source_dir is None else path_text("source_dir", source_dir)
        check_excludes(exclude)
        repository = codeartifact_repo_arn or self._repository_in_env()
        dependencies = path_texts("dependencies", dependencies)
        requirements = None if requirements is None else path_text("requirements", requirements)
        entry_point = None if entry_point is None else path_text("entry_point", entry_point)
        if is_s3_uri(code) or is_unresolved(code):
            entry, sources, script = code, [], script_name(code)
            contract.check_shell_script(code, script)
            self._warn_of_unused(
                run_id,
                "code",
                source_dir=source_dir,
                dependencies=dependencies,
                requirements=requirements,
                entry_point=entry_point,
                codeartifact_repo_arn=codeartifact_repo_arn,
            )
        else:
            files: dict[str, Path | bytes] = {}
            archives: dict[str, dict[str, Path]] = {}
            archive = None
            if source_dir is not None and (is_s3_uri(source_dir) or is_unresolved(source_dir)):
                archive = contract.archive_uri(source_dir)
                self._warn_of_unused(run_id, "source_dir", dependencies=dependencies)
                for parameter, member in (("requirements", requirements), ("entry_point", entry_point)):
                    contract.check_member(parameter, member)
                start = contract.start_script(
                    self.command, code, repository, requirements or contract.REQUIREMENTS, entry_point
                )
            else:
                patterns = DEFAULT_EXCLUDES if exclude is None else exclude
                name, members = local_sources(self, code, source_dir, dependencies, patterns)
                listed = contract.REQUIREMENTS
                if requirements is not None:
                    listed = requirements_in(requirements, code, source_dir, members)
                if entry_point is None:
                    self._check_isolation(listed, members.get(listed))
                    start = contract.start_script(self.command, name, repository, listed)
                else:
                    _check_entry_point(requirements=requirements, codeartifact_repo_arn=codeartifact_repo_arn)
                    own = entry_point_script(entry_point, source_dir)
                    start = contract.custom_start_script(own, self.command, name)
                check_amount(f"{self.node.path}/{run_id}-source", members)  # before they are compressed in memory
                files[contract.SOURCES] = contract.source_archive(members)
                archives[contract.SOURCES] = members
            files[contract.SCRIPT] = start
            staged = self._stage(run_id, "source", files, self._code_location, kms_key, archives=archives)
            archive = archive or staged.uri(contract.SOURCES)
            sources = [ProcessingInput(source=archive, destination=contract.CODE_DIRECTORY, input_name="code")]
            entry, script = staged.uri(contract.SCRIPT), contract.SCRIPT
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
        if repository is not None:
            _grant_read_packages(self, self.role, repository)
        return task

    def _repository_in_env(self) -> str | None:
        """Return the CodeArtifact repository of the variable that SDK 3 reads in the container; None if unknown."""
        env = self._options.get("env")
        arn = env.get(_REPOSITORY_VARIABLE) if isinstance(env, Mapping) else None
        return None if arn is None or is_unresolved(arn) else arn

    def _warn_of_unused(self, run_id: str, parameter: str, **unused: object) -> None:
        """Warn of arguments that have no effect next to a location in S3; the SageMaker SDK ignores them silently."""
        for name, value in unused.items():
            if value:
                Annotations.of(self).add_warning_v2(
                    f"cdk-sagemaker-processing:unused-{name}-{run_id}",
                    f"{name} of {run_id!r} is not used, as in the SageMaker SDK, because {parameter} is in S3; put its "
                    "content there, or make it local",
                )

    def _check_isolation(self, name: str, requirements: Path | None) -> None:
        """Check that a job without a network has nothing to install from one."""
        network = self._options.get("network_config")
        if requirements is None or network is None or network.enable_network_isolation is not True:
            return
        if listed := contract.packages_of_an_index(requirements.read_text(encoding="utf-8", errors="replace")):
            raise ConflictingValuesError(
                f"{name} cannot be combined with enable_network_isolation=True: the container makes no "
                f"network calls, so pip cannot download {listed[0]!r}; use an image that has the packages, or put "
                f"their wheels beside the script, and --no-index and --find-links into {name}"
            )


def _check_entry_point(**installed: object) -> None:
    """Check that nothing is left to install for a start script of the user's own; SDK 3 ignores it silently."""
    for name, value in installed.items():
        if value is not None:
            raise ConflictingValuesError(
                f"{name} and entry_point exclude each other, got both: the entry point installs what the script needs; "
                f"leave out {name}, or entry_point"
            )


def _grant_read_packages(scope: IConstruct, role: iam.IRole, arn: str) -> None:
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
        allow(role, Statement(actions=actions, resources=[resource]), scope=scope)
    allow(
        role,
        Statement(
            # The action supports no resources; only the service that the token is for can be restricted.
            actions=["sts:GetServiceBearerToken"],
            resources=["*"],
            conditions={"StringEquals": {"sts:AWSServiceName": "codeartifact.amazonaws.com"}},
        ),
        scope=scope,
    )
