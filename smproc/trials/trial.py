"""A trial: one step, or a whole workflow, run now on files of this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from smproc.assemblies import CloudAssembly, StateMachine, Step
from smproc.operations import JobLog, OutputFile, ProcessingJob, StepJob, hosts_of, jobs_in, output_files
from smproc.operations.histories import events_of
from smproc.trials.account import TrialAccount
from smproc.trials.definitions import buckets_in, single_step
from smproc.trials.errors import InputError
from smproc.trials.files import given_files
from smproc.trials.inputs import GivenInputs, assign_inputs
from smproc.trials.objects import given_objects, is_location

_PAUSE_SECONDS = 0.03
_RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """The options of a trial.

    Attributes:
        step: the step; None for the whole workflow.
        machine: the state machine of the step, or the workflow.
        files: files in the place of the objects that start an execution.
        inputs: files for other inputs of the step, by name, and for locations in S3, by their URIs.
        arguments: the arguments of the script. Default: those of the step.
        environment: variables to add to those of the step. Default: none.
        execution_input: fields to add to the input of the execution. Default: none.
    """

    step: Step | None
    machine: StateMachine
    files: Sequence[Path] = ()
    inputs: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    arguments: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    execution_input: Mapping[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> Sequence[Step]:
        """The steps that may run."""
        return self.machine.steps if self.step is None else (self.step,)

    def check(self) -> None:
        """Check what can be checked before anything runs.

        Raises:
            InputError: an input has no file, or a file no input.
            RunTimeValueError: the step needs a value of another one.
        """
        if self.step is not None:
            given = assign_inputs(self.step, self.files, self.inputs)
            self.definition(dict.fromkeys(given.named, "s3://checked/"))
            return
        if others := [name for name in self.inputs if not is_location(name)]:
            raise InputError(
                f"an input of a workflow must be a location in S3, got {others[0]!r}; name it by its URI, or try its "
                "step alone"
            )
        given_objects(self.inputs)
        if not given_files(self.files) and any(each.kind == "trigger" for one in self.steps for each in one.inputs):
            raise InputError(
                f"{self.machine.name} reads the objects that start it; name files in their place, after its name"
            )

    def definition(self, sources: Mapping[int, str]) -> Mapping[str, Any]:
        """Return the definition to run.

        Args:
            sources: the S3 URIs of the inputs that files are given for, by their positions.

        Raises:
            RunTimeValueError: the step needs a value of another one.
        """
        if self.step is None:
            return self.machine.definition
        return single_step(self.step, sources, arguments=self.arguments, environment=self.environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a job's log.

    Attributes:
        step: the state that created the job.
        host: the host; empty for a job with one host.
        text: the line.
    """

    step: str
    host: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """A trial that has ended.

    Attributes:
        status: the status of the execution: ``SUCCEEDED``, ``FAILED``, ``TIMED_OUT`` or ``ABORTED``.
        jobs: its jobs, in the order of their creation.
        outputs: the files that they wrote.
        seconds: how long it took, from its request to its end.
        error: the name of the error of an execution that failed.
        cause: the cause of the error.
        execution_input: the input of the execution.
    """

    status: str
    jobs: Sequence[StepJob] = ()
    outputs: Sequence[OutputFile] = ()
    seconds: float = 0.0
    error: str = ""
    cause: str = ""
    execution_input: Mapping[str, Any] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """True if it succeeded."""
        return self.status == "SUCCEEDED"


def run_trial(
    account: TrialAccount,
    assembly: CloudAssembly,
    request: TrialRequest,
    *,
    on_line: Callable[[Line], object] = lambda _: None,
    on_job: Callable[[StepJob], object] = lambda _: None,
) -> TrialResult:
    """Run a trial to its end.

    Args:
        account: the account to run it in.
        assembly: the assembly of the app.
        request: the options.
        on_line: receives each line that a job prints. Default: nobody.
        on_job: receives each job when it is created, and when it has ended. Default: nobody.

    Raises:
        InputError: an input has no file, or a file no input.
        RunTimeValueError: the step needs a value of another one.
        AssemblyError: the definition cannot be read.
    """
    began = time.monotonic()
    account.need_buckets(assembly.buckets)
    account.put_local_files(assembly.local_files_of(request.steps))
    definition, execution_input = _prepared(account, request)
    account.need_buckets(buckets_in(definition))
    arn = account.start(definition, request.machine, execution_input)
    follower = _Follower(account, arn, on_line, on_job)
    try:
        trial = follower.follow()
    except BaseException:
        account.stop(arn)
        raise
    outputs = [
        replace(file, step=job.step if request.step is None else "")
        for job in trial.jobs
        if trial.succeeded and job.description
        for file in output_files(account.session, job.description)
    ]
    return replace(trial, outputs=outputs, seconds=time.monotonic() - began, execution_input=execution_input)


def _prepared(account: TrialAccount, request: TrialRequest) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Upload the files of a trial, and return the definition and the input of its execution."""
    step, trigger = request.step, request.machine.trigger
    if step is None:
        given, sources = (
            GivenInputs(uploaded=given_files(request.files), objects=given_objects(request.inputs)),
            {},
        )
    else:
        given = assign_inputs(step, request.files, request.inputs)
        inputs = {each.position: each.name for each in step.inputs}
        sources = {position: account.put_input(inputs[position], files) for position, files in given.named.items()}
    account.put_objects(given.objects)
    uploaded = account.put_uploaded(given.uploaded, trigger) if given.uploaded else {}
    return request.definition(sources), {**uploaded, **request.execution_input}


class _Follower:
    """The progress of an execution."""

    def __init__(
        self,
        account: TrialAccount,
        arn: str,
        on_line: Callable[[Line], object],
        on_job: Callable[[StepJob], object],
    ) -> None:
        self._session = account.session
        self._arn = arn
        self._on_line = on_line
        self._on_job = on_job
        self._logs: dict[str, JobLog] = {}
        self._hosts: dict[str, int] = {}
        self._ended: set[str] = set()

    def follow(self) -> TrialResult:
        """Follow it to its end."""
        states = self._session.client("stepfunctions")
        while True:
            # The status first: once it has ended, the history that is read afterwards is whole.
            execution = states.describe_execution(executionArn=self._arn)
            jobs = jobs_in(events_of(self._session, self._arn))
            for job in jobs:
                self._report(job)
            if execution["status"] != _RUNNING:
                return TrialResult(
                    status=execution["status"],
                    jobs=jobs,
                    error=execution.get("error", ""),
                    cause=execution.get("cause", ""),
                )
            time.sleep(_PAUSE_SECONDS)

    def _report(self, job: StepJob) -> None:
        if not job.name or job.name in self._ended:
            return
        if job.name not in self._logs:
            self._logs[job.name] = JobLog(self._session, job.name)
            self._hosts[job.name] = hosts_of(ProcessingJob(job.name, session=self._session).describe())
            self._on_job(replace(job, status="InProgress"))
        for line in self._logs[job.name].new_lines():
            host = line.host if self._hosts[job.name] > 1 else ""
            self._on_line(Line(step=job.step, host=host, text=line.text))
        if job.status != "InProgress":
            self._ended.add(job.name)
            self._on_job(job)


def execution_input_of(option: str) -> dict[str, Any]:
    """Return the fields of an execution's input, as a user writes them: a JSON object, or the path of a file with one.

    Raises:
        InputError: it is neither.
    """
    text = option
    if not text.lstrip().startswith("{"):
        path = Path(option)
        if not path.is_file():
            raise InputError(f"--execution-input must be a JSON object, or the path of a file with one, got {option!r}")
        text = path.read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"--execution-input must be a JSON object: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"--execution-input must be a JSON object, got {text.strip()[:60]!r}")
    return found
