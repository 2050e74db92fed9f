"""The trials of one command: one, or one after each save."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from smproc.assemblies import AssemblyError, CdkApp, CloudAssembly, state_of, wait_for_save
from smproc.trials import (
    OutputFolder,
    OutputFolderError,
    TrialAccount,
    TrialError,
    TrialRequest,
    changes_between,
    given_files,
    run_trial,
)

if TYPE_CHECKING:
    from smproc.cli.trial_report import TrialReport

_LAST = "last"
_FAILED, _DIFFERENT = 1, 3
# The app's own modules are looked at less often than the script: they may be many.
_APP_SECONDS = 1.0


class TrialSession:
    """The trials of one command, in an account that is created for the first.

    Args:
        app: the app.
        report: prints what happens.
        request_for: returns the options of a trial for an assembly of the app.
        folder_for: returns the folder of its outputs.
        against: the folder of outputs to compare with, or ``last``. Default: none.
        runner: the runner of jobs. Default: ``auto``.
        images: substitutes for images. Default: none.
    """

    def __init__(
        self,
        app: CdkApp,
        report: TrialReport,
        request_for: Callable[[CloudAssembly], TrialRequest],
        folder_for: Callable[[TrialRequest], OutputFolder],
        *,
        against: str | None = None,
        runner: Literal["auto", "process", "container"] | None = None,
        images: Mapping[str, str | Path] | None = None,
    ) -> None:
        self._app = app
        self._report = report
        self._request_for = request_for
        self._folder_for = folder_for
        self._against = against
        self._runner: Literal["auto", "process", "container"] | None = runner
        self._images = images
        self._account: TrialAccount | None = None
        self._exits = ExitStack()
        self._title = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exits.close()

    def run(self) -> int:
        """Run one trial, and return the exit status of the command.

        Raises:
            AssemblyError: the app cannot be synthesized, or has no such step.
            TrialError: the step cannot be tried with these files.
        """
        assembly = self._app.assembly()
        return self._run(assembly, self._request_for(assembly))

    def watch(self) -> int:
        """Run a trial, and another one after each save, until Ctrl-C.

        Raises:
            AssemblyError: the app cannot be synthesized at first, or has no such step.
            TrialError: the step cannot be tried with these files.
        """
        assembly = self._app.assembly()
        request = self._request_for(assembly)
        self._prepare(request)
        while True:
            files = self._watched(assembly, request)
            before = state_of(files)
            try:
                self._run(assembly, request)
            except (TrialError, OSError) as error:  # a file that is not there, or not yet
                self._report.problem(error)
            self._report.waiting()
            saved = wait_for_save(files, before, is_over=self._app_check(assembly))
            if saved:
                self._report.saved(saved)
            # The script may be gone, or the app may have changed as well.
            assembly, request = self._next(assembly, request)

    def _next(self, assembly: CloudAssembly, request: TrialRequest) -> tuple[CloudAssembly, TrialRequest]:
        """Return the assembly as it is now, synthesized anew if need be, until that succeeds."""
        while (changed := self._app.change_since(assembly)) is not None:
            self._report.saved([changed])
            before = changed.stat().st_mtime_ns if changed.exists() else 0
            try:
                assembly = self._app.assembly()
                request = self._request_for(assembly)
                self._prepare(request)
            except (AssemblyError, TrialError) as error:
                self._report.problem(error)
                self._report.waiting()
                while (
                    changed == self._app.change_since(assembly)
                    and changed.exists()
                    and (changed.stat().st_mtime_ns == before)
                ):
                    time.sleep(_APP_SECONDS)
        return assembly, request

    def _prepare(self, request: TrialRequest) -> OutputFolder:
        """Check a request and its folder, before anything runs."""
        folder = self._folder_for(request)
        folder.check()
        self._previous(folder)
        request.check()
        return folder

    def _run(self, assembly: CloudAssembly, request: TrialRequest) -> int:
        folder = self._prepare(request)
        title = request.machine.name if request.step is None else request.step.path
        if title != self._title:
            self._report.heading(title)
            self._title = title
        account = self._open_account(assembly, request)
        trial = run_trial(account, assembly, request, on_line=self._report.line, on_job=self._report.job)
        if not trial.succeeded:
            self._report.failure(trial)
            return _FAILED
        fetched = folder.fetch(account.session, trial.outputs, {"of": title})
        previous, changes = self._previous(folder), None
        try:
            if previous is not None:
                changes = changes_between(previous, fetched)
        except BaseException:
            shutil.rmtree(fetched, ignore_errors=True)
            raise
        folder.replace_with(fetched)
        self._report.outputs(account.session, trial, folder.path)
        if changes is None:
            if self._against is not None:
                self._report.note("these are the first outputs, so there are none to compare with")
            return 0
        self._report.changes(changes, "the last outputs" if self._against == _LAST else str(self._against))
        return _DIFFERENT if any(change.kind != "same" for change in changes) else 0

    def _previous(self, folder: OutputFolder) -> Path | None:
        """Return the folder to compare the outputs with; None if there is none.

        Raises:
            OutputFolderError: the folder that is named does not exist.
        """
        if self._against is None:
            return None
        if self._against == _LAST:
            return folder.path if folder.is_written else None
        if not (named := Path(self._against)).is_dir():
            raise OutputFolderError(f"--against must be a folder of outputs, or last, got {self._against!r}")
        return named

    def _open_account(self, assembly: CloudAssembly, request: TrialRequest) -> TrialAccount:
        if self._account is None:
            account = TrialAccount(assembly, stack=request.machine.stack, runner=self._runner, images=self._images)
            with self._report.busy("starting the local AWS of this command"):
                self._account = self._exits.enter_context(account)
        return self._account

    def _watched(self, assembly: CloudAssembly, request: TrialRequest) -> list[Path]:
        copies = {path for local in assembly.local_files_of(request.steps) for path in local.working_copies}
        given = [file.path for paths in (request.files, *request.inputs.values()) for file in given_files(paths)]
        return sorted({*copies, *given})

    def _app_check(self, assembly: CloudAssembly) -> Callable[[], bool]:
        """Return a function that tells, once in a while, whether the app has changed."""
        looked = time.monotonic()

        def has_changed() -> bool:
            nonlocal looked
            if time.monotonic() - looked < _APP_SECONDS:
                return False
            changed = self._app.change_since(assembly) is not None
            looked = time.monotonic()
            return changed

        return has_changed
