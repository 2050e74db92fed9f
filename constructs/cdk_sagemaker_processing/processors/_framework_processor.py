"""A processor for a script with the sources around it, in a framework's image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_sagemaker_processing._internal.staging import tree
from cdk_sagemaker_processing.processors._image_uri import image_uri as uri_of
from cdk_sagemaker_processing.processors._local_source import LocalSource
from cdk_sagemaker_processing.processors._processor import Processor
from cdk_sagemaker_processing.workflow import SageMakerCreateProcessingJob
from smproc.job import Framework as FrameworkName
from smproc.job import InvalidValue, NetworkConfig, ProcessingInput, ProcessingOutput, sagemaker_image
from smproc.job import framework as contract


class FrameworkProcessor(Processor):
    """Run a script, with the modules and the requirements it needs, in the image of a framework.

    Names, defaults and meaning are those of ``sagemaker.processing.FrameworkProcessor``, but for ``framework``: the SDK
    takes an estimator's class there.

    Args:
        scope: the construct to live in.
        construct_id: unique in the scope.
        framework: ``sklearn``, ``pytorch``, ``tensorflow``, ``mxnet``, ``xgboost``, ``spark`` or ``huggingface``.
        framework_version: a version that SageMaker offers.
        instance_type: e.g. ``ml.m5.xlarge``; it decides between the images for CPU and for GPU.
        instance_count: 1 to 100 instances. Default: 1.
        py_version: the image's Python. Default: ``py3``, which newer versions of PyTorch and TensorFlow do not have;
            the message then names those they have.
        image_uri: another image. Default: SageMaker's.
        command: the interpreter and its own arguments. Default: ``["python"]``.
        code_location: ``s3://bucket/prefix`` for the sources. Default: ``bucket``.
        role: as for `Processor`, like all that follow.
        bucket: where local code goes, and outputs that name no destination.
        volume_size_in_gb: 1 to 16,384 GB for each instance. Default: 30.
        volume_kms_key: encrypts the instances' volumes.
        output_kms_key: encrypts what the jobs upload.
        max_runtime_in_seconds: 1 to 777,600; then the job is stopped.
        base_job_name: what job names start with. Default: the framework's name.
        env: environment variables; ``PIP_INDEX_URL`` makes pip use a package index of yours.
        tags: tags for the jobs, by key.
        network_config: where in a network the jobs run; ``requirements.txt`` needs one that reaches a package index.

    Raises:
        InvalidValue: a version that SageMaker does not offer, or an instance that it has no image for.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        framework: FrameworkName,
        framework_version: str,
        instance_type: str,
        instance_count: int = 1,
        py_version: str = "py3",
        image_uri: str | None = None,
        command: Sequence[str] = ("python",),
        code_location: str | None = None,
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
        if image_uri is None:
            image_uri = uri_of(
                scope, sagemaker_image(framework, framework_version, instance_type, py_version=py_version)
            )
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
            base_job_name=base_job_name or framework,
            env=env,
            tags=tags,
            network_config=network_config,
        )
        self.command = list(command)
        self._code_location = code_location

    def run(  # type: ignore[override]  # a script is what a framework cannot do without, as in the SDK
        self,
        run_id: str,
        *,
        code: str,
        source_dir: str | None = None,
        dependencies: Sequence[str] = (),
        inputs: Sequence[ProcessingInput] = (),
        outputs: Sequence[ProcessingOutput] = (),
        arguments: Sequence[str] | None = None,
        codeartifact_repo_arn: str | None = None,
        result_path: str | None = None,
    ) -> SageMakerCreateProcessingJob:
        """A state that runs the script once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            code: the script: relative to ``source_dir``, or a local file; or ``s3://bucket/run.sh``, a shell script
                that is run as it is.
            source_dir: a local folder with the script, its modules and perhaps ``requirements.txt``; or
                ``s3://bucket/prefix/sourcedir.tar.gz``.
            dependencies: local files and folders that are put beside the script.
            inputs: with sources and entry point at most 10.
            outputs: at most 10.
            arguments: 1 to 100 words for the script, 256 characters at most each.
            codeartifact_repo_arn: a CodeArtifact repository to take the requirements from.
            result_path: where the job's description goes in the state's input. Default: it replaces the input.

        Returns:
            A task state.

        Raises:
            InvalidProcessingJob: a request that the service would refuse, or a script that is not there.
        """
        if code.startswith("s3://"):
            entry, sources, script = code, [], code.rsplit("/", 1)[-1]
        else:
            entry, archive = self._packed(run_id, code, source_dir, dependencies, codeartifact_repo_arn)
            sources = [ProcessingInput(source=archive, destination=contract.CODE_FOLDER, input_name="code")]
            script = contract.SCRIPT
        task = self._run(
            run_id,
            inputs=[
                *inputs,
                *sources,
                ProcessingInput(source=entry, destination=contract.ENTRYPOINT_FOLDER, input_name="entrypoint"),
            ],
            outputs=outputs,
            arguments=arguments,
            entrypoint=["/bin/bash", f"{contract.ENTRYPOINT_FOLDER}/{script}"],
            result_path=result_path,
        )
        if codeartifact_repo_arn is not None:
            _grant_packages(self.role, codeartifact_repo_arn)
        return task

    def _packed(
        self,
        run_id: str,
        code: str,
        source_dir: str | None,
        dependencies: Sequence[str],
        codeartifact_repo_arn: str | None,
    ) -> tuple[str, str]:
        """Where start script and sources are in S3."""
        files: dict[str, Path | bytes] = {}
        if source_dir is not None and source_dir.startswith("s3://"):
            if not source_dir.endswith(f"/{contract.SOURCES}"):
                raise InvalidValue("source_dir", source_dir, f"end in /{contract.SOURCES} when it is in S3")
            script = code
        else:
            script, sources = _sources(code, source_dir, dependencies)
            files[contract.SOURCES] = contract.source_archive(sources)
        files[contract.SCRIPT] = contract.start_script(self.command, script, codeartifact_repo_arn)
        staged = self._staged(f"{run_id}-source", files, self._code_location)
        archive = staged.uri(contract.SOURCES) if contract.SOURCES in files else source_dir or ""
        return staged.uri(contract.SCRIPT), archive


def _sources(code: str, source_dir: str | None, dependencies: Sequence[str]) -> tuple[str, dict[str, Path]]:
    """The script's name in the archive, and the archive's files."""
    if source_dir is None:
        path = LocalSource.of(code, parameter="code").path
        if path.is_dir():
            raise InvalidValue("code", code, "be a file, not a folder", "name the folder as source_dir")
        script, files = path.name, {path.name: path}
    else:
        folder = LocalSource.of(source_dir, parameter="source_dir").path
        files = tree(folder)
        script = PurePosixPath(code).as_posix()
        if script not in files:
            raise InvalidValue("code", code, f"name a file in source_dir, which is {folder}")
    for number, item in enumerate(dependencies):
        path = LocalSource.of(item, parameter=f"dependencies[{number}]").path
        files |= tree(path, prefix=f"{path.name}/") if path.is_dir() else {path.name: path}
    return script, files


def _grant_packages(role: iam.IRole, arn: str) -> None:
    """Let the job read packages.

    https://docs.aws.amazon.com/codeartifact/latest/ug/auth-and-access-control-permissions-reference.html
    """
    parts = contract.repository_parts(arn)
    prefix = arn.split(":repository/", maxsplit=1)[0]
    domain = f"{prefix}:domain/{parts['domain']}"
    for actions, resource in (
        (["codeartifact:GetAuthorizationToken"], domain),
        (["codeartifact:GetRepositoryEndpoint", "codeartifact:ReadFromRepository"], arn),
    ):
        role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
    role.add_to_principal_policy(
        iam.PolicyStatement(
            # A bearer token is of no resource; the service it is for is what can be narrowed.
            actions=["sts:GetServiceBearerToken"],
            resources=["*"],
            conditions={"StringEquals": {"sts:AWSServiceName": "codeartifact.amazonaws.com"}},
        )
    )
