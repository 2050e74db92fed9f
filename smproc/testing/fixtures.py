"""The functions that the fixtures of the pytest plugin return."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from smproc.assemblies import CdkApp, CloudAssembly, StateMachine, Step, cdk_cli, find_machine, find_step
from smproc.local import PrivateLocalAws
from smproc.operations import Pipeline, ProcessingJob, download, find_pipeline, outputs_of_jobs, watch
from smproc.operations.pipeline_executions import find_execution
from smproc.operations.pipeline_jobs import jobs_of
from smproc.testing.cloudformation import DeploymentError, deploy
from smproc.testing.results import Outputs, StepResult, UploadResult, failure_text
from smproc.trials import TrialAccount, TrialRequest, run_trial

if TYPE_CHECKING:
    from boto3 import Session

Paths = str | Path | Sequence[str | Path]
_UPLOAD_TIMEOUT_SECONDS = 600.0


class SynthesizableStack(Protocol):
    """A stack of aws-cdk, which a test has created."""

    @property
    def stack_name(self) -> str:
        """The name of the stack."""

    @property
    def node(self) -> Any:  # noqa: ANN401 - a node of the construct tree
        """The node, whose root is the app."""


@dataclass(frozen=True, kw_only=True)
class DeployedStack:
    """A stack on the local AWS of the tests.

    Attributes:
        name: its name.
        session: a boto3 session of the local AWS.
        outputs: its outputs, by their keys.
        deployed_by: ``cdk``: the CDK CLI, with a bootstrap; ``cloudformation``: its assets and its template, directly.
    """

    name: str
    session: Session = field(repr=False)
    outputs: Mapping[str, str] = field(default_factory=dict, repr=False)
    deployed_by: str = "cdk"

    def pipeline(self, name: str | None = None) -> Pipeline:
        """Return a pipeline of the stack.

        Args:
            name: its name, or the end of it after a slash. Default: the only one.

        Raises:
            PipelineNotFoundError: there is none, or there are several.
        """
        return find_pipeline(self.session, name, stack=self.name)


class Deployer:
    """The fixture ``deployed``: deploys a stack to the local AWS of the tests, once.

    Args:
        local_aws: starts the local AWS, and returns it.
        directory: the directory of the app.
        outputs: a directory for assemblies.
    """

    def __init__(self, local_aws: Callable[[], PrivateLocalAws], directory: Path, outputs: Path) -> None:
        self._local_aws = local_aws
        self._directory = directory
        self._outputs = outputs
        self._deployed: dict[tuple[str, str], DeployedStack] = {}
        self._bootstrapped = False
        self._by_cli: bool | None = None

    def __call__(
        self, stack: str | SynthesizableStack | None = None, *, app: str | None = None, cli: bool | None = None
    ) -> DeployedStack:
        """Deploy a stack, and what it depends on; a second call returns the same.

        Args:
            stack: the name of a stack of the app, or a stack of aws-cdk that the test has created. Default: the only
                stack.
            app: the command of the CDK app, or a cloud assembly. Default: that of ``cdk.json``.
            cli: whether the CDK CLI deploys it; otherwise its assets and its template are given to CloudFormation
                directly. The first deployment decides for all. Default: True if there is a CDK CLI.

        Raises:
            AssemblyError: there is no app, or it fails, or it has no such stack.
            DeploymentError: the deployment failed.
        """
        __tracebackhide__ = True
        if stack is None or isinstance(stack, str):
            key = (app or "", stack or "")
        else:
            key = (f"{id(stack)}", stack.stack_name)
        if key not in self._deployed:
            self._deployed[key] = self._deploy(stack, app, cli)
        return self._deployed[key]

    def _deploy(self, stack: str | SynthesizableStack | None, app: str | None, cli: bool | None) -> DeployedStack:  # noqa: FBT001 - as given
        __tracebackhide__ = True
        if stack is None or isinstance(stack, str):
            assembly = CdkApp.find(app, directory=self._directory).assembly()
            name = stack
        else:
            assembly = CloudAssembly(Path(stack.node.root.synth().directory))
            name = stack.stack_name
        artifact = assembly.stack_named(name)
        if self._by_cli is None:
            self._by_cli = cdk_cli(self._directory) is not None if cli is None else cli
        elif cli not in (None, self._by_cli):
            # A bootstrap and a deployment without one both own the bucket of assets.
            raise DeploymentError(
                f"all deployments of a test session must have the same cli, got {cli} after {not cli}"
            )
        found = cdk_cli(self._directory) if self._by_cli else None
        if self._by_cli and found is None:
            raise DeploymentError("there is no CDK CLI on the PATH; install it with npm, or pass cli=False")
        local_aws = self._local_aws()
        if found is not None:
            self._deploy_by_cli(found, local_aws, assembly, artifact.id)
        else:
            deploy(local_aws.session(), assembly, artifact.name, account=local_aws.account, region=local_aws.region)
        session = local_aws.session()
        (described,) = session.client("cloudformation").describe_stacks(StackName=artifact.name)["Stacks"]
        return DeployedStack(
            name=artifact.name,
            session=session,
            outputs={output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())},
            deployed_by="cdk" if found is not None else "cloudformation",
        )

    def _deploy_by_cli(self, cli: str, local_aws: PrivateLocalAws, assembly: CloudAssembly, artifact_id: str) -> None:
        environment = local_aws.redirect(os.environ)
        if not self._bootstrapped:
            # From a directory without an app, whose output directory the CLI would lock.
            with tempfile.TemporaryDirectory() as elsewhere:
                place = f"aws://{local_aws.account}/{local_aws.region}"
                _run([cli, "bootstrap", place, "--no-notices"], Path(elsewhere), environment)
            self._bootstrapped = True
        command = [
            cli,
            "deploy",
            artifact_id,
            "--app",
            str(assembly.path),
            "--require-approval",
            "never",
            "--no-notices",
        ]
        _run(command, self._directory, environment)


class StepRunner:
    """The fixture ``run_step``: runs a step, or a workflow, on files of this machine without a deployment.

    Args:
        directory: the directory of the app.
        outputs: returns a new directory for outputs.
    """

    def __init__(self, directory: Path, outputs: Callable[[], Path]) -> None:
        self._directory = directory
        self._outputs = outputs
        self._assemblies: dict[str, CloudAssembly] = {}
        self._accounts: dict[str, TrialAccount] = {}
        self._exits = ExitStack()

    def close(self) -> None:
        """Stop the local AWS of the steps."""
        self._exits.close()

    def __call__(
        self,
        step: str | None = None,
        files: Paths = (),
        *,
        inputs: Mapping[str, Paths] | None = None,
        arguments: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        execution_input: Mapping[str, Any] | None = None,
        workflow: bool = False,
        app: str | None = None,
        check: bool = True,
    ) -> StepResult:
        """Run a step as `smproc try` does.

        Args:
            step: the step, by the name of its state or the end of its path. Default: the only one.
            files: files and directories in the place of the objects that start an execution. Default: none.
            inputs: files of other inputs, by name, and objects in S3, by their URIs. Default: none.
            arguments: the arguments of the script. Default: those of the step.
            environment: variables to add to those of the step. Default: none.
            execution_input: fields to add to the input of the execution. Default: none.
            workflow: whether to run all steps of the pipeline that ``step`` names. Default: False.
            app: the command of the CDK app, or a cloud assembly. Default: that of ``cdk.json``.
            check: whether a failure of the step is one of the test; otherwise the result tells. Default: True.

        Raises:
            AssertionError: the step failed, and ``check`` is true.
            AssemblyError: there is no app, or it fails, or it has no such step.
            TrialError: the step cannot be run with these files.
        """
        __tracebackhide__ = True
        assembly = self._assembly(app)
        found, machine = _chosen(assembly, step, workflow=workflow)
        request = TrialRequest(
            step=found,
            machine=machine,
            files=_paths(files),
            inputs={name: _paths(paths) for name, paths in (inputs or {}).items()},
            arguments=arguments,
            environment=environment or {},
            execution_input=execution_input or {},
        )
        request.check()
        log: list[str] = []
        account = self._account(assembly, machine)
        trial = run_trial(account, assembly, request, on_line=lambda line: log.append(line.text))
        lines = [line for line in log if not line.startswith("[local AWS] ")]
        failed = [job for job in trial.jobs if job.status not in ("Completed", "InProgress")]
        reason = "; ".join(job.reason for job in failed) or ": ".join(filter(None, (trial.error, trial.cause)))
        if check and not trial.succeeded:
            what = f"the step {found.name}" if found is not None else f"the workflow {machine.name}"
            raise AssertionError(failure_text(what, trial.status, reason, lines))
        directory = self._outputs()
        _downloaded(account.session, trial.outputs, directory)
        return StepResult(
            status=trial.status,
            log=lines,
            outputs=Outputs(directory),
            reason="" if trial.succeeded else reason,
            exit_message="; ".join(filter(None, (str(job.description.get("ExitMessage", "")) for job in trial.jobs))),
            seconds=trial.seconds,
        )

    def _assembly(self, app: str | None) -> CloudAssembly:
        key = app or ""
        if key not in self._assemblies:
            self._assemblies[key] = CdkApp.find(app, directory=self._directory).assembly()
        return self._assemblies[key]

    def _account(self, assembly: CloudAssembly, machine: StateMachine) -> TrialAccount:
        key = f"{assembly.path}#{machine.stack}"
        if key not in self._accounts:
            self._accounts[key] = self._exits.enter_context(TrialAccount(assembly, stack=machine.stack))
        return self._accounts[key]


class Uploader:
    """The fixture ``uploaded``: uploads a file to a deployed pipeline, and follows the execution to its end.

    Args:
        outputs: returns a new directory for outputs.
    """

    def __init__(self, outputs: Callable[[], Path]) -> None:
        self._outputs = outputs

    def __call__(
        self,
        stack: DeployedStack,
        file: str | Path,
        *,
        pipeline: str | None = None,
        name: str | None = None,
        timeout: float = _UPLOAD_TIMEOUT_SECONDS,
        check: bool = True,
    ) -> UploadResult:
        """Upload a file, and return what became of it.

        Args:
            stack: the stack, as ``deployed`` returns it.
            file: the file.
            pipeline: the pipeline, by its name or the end of it. Default: the only one of the stack.
            name: the object's name below the pipeline's prefix. Default: the file's name.
            timeout: seconds to wait for the end of the execution. Default: 600.
            check: whether a failure of the execution is one of the test; otherwise the result tells. Default: True.

        Raises:
            AssertionError: the execution failed, and ``check`` is true.
            OperationError: no execution starts, or it does not end in time.
        """
        __tracebackhide__ = True
        path = Path(file)
        if not path.is_file():
            raise FileNotFoundError(2, "there is no such file", str(file))
        found = stack.pipeline(pipeline)
        *_, run = watch(stack.session, found, found.upload(path, name=name), timeout=timeout)
        log = [line for job in run.jobs for line in job.log if not line.startswith("[local AWS] ")]
        execution = dict(run.execution or {})
        reason = "; ".join(filter(None, (": ".join(filter(None, (job.exit_message, job.reason))) for job in run.jobs)))
        reason = reason or str(execution.get("cause", ""))
        if check and not run.succeeded:
            raise AssertionError(failure_text(f"the execution for {path.name}", run.status, reason, log))
        arn = str(execution["executionArn"])
        directory = self._outputs()
        records = list(jobs_of(found, executions=[find_execution(found, arn)]))
        _downloaded(stack.session, outputs_of_jobs(stack.session, reversed(records)), directory)
        return UploadResult(
            status=run.status,
            execution_arn=arn,
            jobs=[ProcessingJob(job.name, session=stack.session) for job in run.jobs],
            log=log,
            outputs=Outputs(directory),
            reason="" if run.succeeded else reason,
        )


def _chosen(assembly: CloudAssembly, name: str | None, *, workflow: bool) -> tuple[Step | None, StateMachine]:
    if workflow:
        return None, find_machine(assembly, name)
    step = find_step(assembly, name)
    return step, assembly.machine_of(step)


def _paths(paths: Paths) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def _downloaded(session: Session, files: Any, directory: Path) -> None:  # noqa: ANN401 - outputs, one after the other
    for result in download(session, files, directory):
        if result.problem:
            raise RuntimeError(f"the output {result.file.uri} was not stored: {result.problem}")


def _run(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> None:
    ran = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if ran.returncode:
        said = "\n".join(ran.stdout.strip().splitlines()[-30:])
        shown = re.sub(r"^.*/", "", command[0])
        raise DeploymentError(f"{shown} {' '.join(command[1:3])} failed with exit status {ran.returncode}:\n{said}")
