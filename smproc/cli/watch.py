"""``smproc local watch``: edited scripts in the deployed stacks of the local AWS, and the uploads that follow."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.session import AppCommand, PipelineName, Port, Stack, open_session

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.assemblies import CdkApp, CloudAssembly
    from smproc.cli.trial_report import TrialReport
    from smproc.hotswaps import DeployedMachine
    from smproc.operations import Pipeline, Upload

EPILOG = """\
\b
Examples:
  Swap edited scripts in, and follow the uploads:
    smproc local watch
  Upload a file again after each edit:
    smproc local watch wine.csv
"""
_PAUSE_SECONDS = 0.2


def watch(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A file to upload at first and after each edit.  [default: uploads of others are followed]",
            show_default=False,
        ),
    ] = None,
    pipeline: PipelineName = None,
    stack: Stack = None,
    app: AppCommand = None,
    port: Port,
) -> None:
    """Bring each saved script into the stacks that are deployed on the local AWS, and follow the uploads.

    A saved script is uploaded and the state machine updated, without a synth and without CloudFormation, as `cdk deploy
    --hotswap` does it with a synth. An execution that runs keeps its files. Ctrl-C ends the command.
    """
    from smproc.assemblies import CdkApp  # noqa: PLC0415 - slow to load
    from smproc.cli.trial_report import TrialReport  # noqa: PLC0415 - the same
    from smproc.local import LocalAws, LocalAwsError  # noqa: PLC0415 - the same
    from smproc.local.ports import port_option  # noqa: PLC0415 - the same
    from smproc.operations import PipelineNotFoundError, find_pipeline  # noqa: PLC0415 - the same

    if file is not None and not file.is_file():
        raise FileNotFoundError(2, "there is no such file", str(file))
    if not LocalAws(port).status().running:
        raise LocalAwsError(f"no local AWS runs on port {port}; start it with: smproc local start{port_option(port)}")
    report = TrialReport(sys.stdout, has_steps=True)
    found_app = CdkApp.find(app, notify=report.note)
    session = open_session(port)
    found: Pipeline | None = None
    try:
        found = find_pipeline(session, pipeline, stack=stack)
    except PipelineNotFoundError:
        # A state machine without a trigger has no uploads to follow.
        if file is not None or pipeline is not None:
            raise
    watcher = _Watcher(found_app, report, session, found, stack, port)
    try:
        watcher.run(file)
    except KeyboardInterrupt:
        typer.echo()


class _Watcher:
    """The saves of an app's scripts, and the uploads to one of its pipelines."""

    def __init__(
        self,
        app: CdkApp,
        report: TrialReport,
        session: Session,
        pipeline: Pipeline | None,
        stack: str | None,
        port: int,
    ) -> None:
        self._app = app
        self._report = report
        self._session = session
        self._pipeline = pipeline
        self._stack = stack
        self._port = port
        self._seen: set[str] = set()

    def run(self, file: Path | None) -> None:
        """Swap, upload and follow, until Ctrl-C."""
        from smproc.assemblies import state_of, wait_for_save  # noqa: PLC0415 - slow to load
        from smproc.hotswaps import deployed_machines  # noqa: PLC0415 - the same

        assembly = self._app.assembly()
        machines = deployed_machines(self._session, assembly, stack=self._stack)
        names = ", ".join(one.machine.name for one in machines)
        self._report.heading(f"watching the scripts of {names}")
        self._uploads_since_last_look()
        files = self._files(assembly, machines)
        # Before the swap: what is saved from here on, also while an upload is followed, is to be swapped in again.
        before = state_of(files)
        self._swap(machines)
        uploads = self._upload(file)
        while True:
            for upload in uploads:
                self._follow(upload)
            self._report.waiting("the next save" if self._pipeline is None else "the next save or upload")
            uploads = []
            saved = wait_for_save(files, before, is_over=self._upload_check(uploads))
            if saved:
                before = state_of(files)
                self._report.saved(saved)
                self._swap(machines)
                uploads = self._upload(file)

    def _upload(self, file: Path | None) -> list[Upload]:
        from smproc.operations import NoExecutionStartedError, check_starts  # noqa: PLC0415 - slow to load

        if file is None or self._pipeline is None:
            return []
        try:
            check_starts(self._pipeline, self._pipeline.key_of(file), file.stat().st_size)
        except NoExecutionStartedError as error:  # somebody may resume the pipeline before the next save
            self._report.problem(error)
            return []
        return [self._pipeline.upload(file)]

    def _swap(self, machines: list[DeployedMachine]) -> None:
        for machine in machines:
            try:
                swap = machine.swap()
            except OSError as error:  # a file that is gone for a moment, or for good
                self._report.problem(error)
                continue
            if swap is not None:
                self._report.note(f"swapped {', '.join(swap.steps)} of {swap.machine} in {swap.seconds:.2f} s")

    def _follow(self, upload: Upload) -> None:
        from smproc.cli.report import RunReport  # noqa: PLC0415 - slow to load
        from smproc.operations import OperationError  # noqa: PLC0415 - the same
        from smproc.operations import watch as follow  # noqa: PLC0415 - the same

        assert self._pipeline is not None  # noqa: S101 - uploads are those to a pipeline
        try:
            with RunReport(sys.stdout, upload, pipeline=self._pipeline.name, local_port=self._port) as report:
                for state in follow(self._session, self._pipeline, upload):
                    report.update(state)
        except OperationError as error:  # a batch that fills, for example
            self._report.problem(error)
            return
        report.finish(self._session, state)
        if state.execution is not None:
            self._seen.add(state.execution["executionArn"])

    def _files(self, assembly: CloudAssembly, machines: list[DeployedMachine]) -> list[Path]:
        steps = [step for machine in machines for step in machine.machine.steps]
        return sorted({path for local in assembly.local_files_of(steps) for path in local.working_copies})

    def _upload_check(self, uploads: list[Upload]) -> Callable[[], bool]:
        """Return a function that tells, once in a while, whether executions have started, and lists their uploads."""
        looked = time.monotonic()

        def has_started() -> bool:
            nonlocal looked
            if time.monotonic() - looked < _PAUSE_SECONDS:
                return False
            looked = time.monotonic()
            uploads.extend(self._uploads_since_last_look())
            return bool(uploads)

        return has_started

    def _uploads_since_last_look(self) -> list[Upload]:
        """Return the first uploads of the executions that have started since."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - slow to load

        from smproc.operations import Upload, executions_of  # noqa: PLC0415 - slow to load
        from smproc.operations.executions import describe_execution, keys_of, parse_object  # noqa: PLC0415 - the same

        found: list[Upload] = []
        if self._pipeline is None:
            return found
        for execution in executions_of(self._pipeline, limit=20):
            if execution.arn in self._seen:
                continue
            self._seen.add(execution.arn)
            fields = parse_object(describe_execution(self._session, execution.arn).get("input"))
            keys = keys_of(self._session, fields)
            if not keys:
                continue
            try:
                head = self._session.client("s3").head_object(Bucket=fields["bucket"], Key=keys[0])
            except ClientError:  # the job, or somebody, has deleted it
                continue
            stored = head["LastModified"]
            age = (datetime.now(UTC) - stored).total_seconds()
            found.append(
                Upload(
                    bucket=fields["bucket"],
                    key=keys[0],
                    size=head["ContentLength"],
                    at=int(stored.timestamp()),
                    returned=stored.timestamp(),
                    monotonic=time.monotonic() - age,
                )
            )
        return found
