"""The report of a trial on the terminal: the log as it is printed, then the outputs or the reason of the failure."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from smproc.cli.previews import LINES, PREVIEWS, ROWS, print_head, print_indented, shape
from smproc.operations import OutputFile, StepJob, output_directories, preview
from smproc.terminal_text import counted, printable

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.trials import FileChange, Line, TrialResult

# The files of each output that are named.
_FILES_SHOWN = 10
_DETAILS = 20
_LINE_BREAKS = "\t\n"
_NOTE = "[local AWS] "


class TrialReport:
    """The report of one trial, or of many, one after the other.

    Args:
        stream: receives the report.
        has_steps: whether lines and outputs are of several steps, whose names are shown then.
    """

    def __init__(self, stream: TextIO, *, has_steps: bool) -> None:
        self._console = Console(file=stream, highlight=False, emoji=False, soft_wrap=True)
        self._has_steps = has_steps
        self._notes: set[str] = set()

    def note(self, text: str) -> None:
        """Print a remark of the command itself."""
        self._console.print(f"[dim]{_plain(text)}[/]")

    def busy(self, what: str) -> AbstractContextManager[object]:
        """Show what takes a moment, as long as it does; on a terminal alone."""
        return self._console.status(_plain(what)) if self._console.is_terminal else nullcontext()

    def heading(self, text: str) -> None:
        """Print the heading of a trial."""
        self._console.print(f"[bold]{_plain(text)}[/]")

    def line(self, line: Line) -> None:
        """Print a line of a job's log; those of the local AWS itself once."""
        if line.text.startswith(_NOTE):
            note = line.text.removeprefix(_NOTE)
            if note not in self._notes:
                self._notes.add(note)
                self.note(note)
            return
        origin = " ".join(filter(None, (line.step if self._has_steps else "", line.host)))
        self._print_indented(f"[dim]{_plain(origin)}[/]  {_plain(line.text)}" if origin else _plain(line.text))

    def job(self, job: StepJob) -> None:
        """Print that the job of a step of several has started or ended."""
        if self._has_steps:
            state = "started" if job.status == "InProgress" else job.status
            self._console.print(f"[bold]{_plain(job.step)}[/] {state}")

    def outputs(self, session: Session, trial: TrialResult, folder: Path) -> None:
        """Print the outputs of a trial that succeeded: their names here, their sizes and first rows."""
        self._console.print(f"[bold green]succeeded[/] in {trial.seconds:.2f} s")
        for (step, name), some in groupby(trial.outputs, key=lambda file: (file.step, file.output_name)):
            title = f"{step} / {name}" if step else name
            files = list(some)
            for number, file in enumerate(files[:_FILES_SHOWN]):
                self._output(session, file, title, folder, with_rows=number < PREVIEWS)
            if len(files) > _FILES_SHOWN:
                place = folder / step / name if step else folder / name
                more = counted(len(files) - _FILES_SHOWN, "more file")
                self._console.print(f"\n[bold]{_plain(title)}[/]  {more} in {_plain(str(place))}")
        written = {(file.step, file.output_name) for file in trial.outputs}
        for job in trial.jobs:
            step = job.step if self._has_steps else ""
            for name, _ in output_directories(job.description):
                if (step, name) not in written:
                    title = f"{step} / {name}" if step else name
                    self._console.print(f"\n[bold]{_plain(title)}[/]  nothing was written")

    def saved(self, paths: Sequence[Path]) -> None:
        """Print that files were saved, before the trial that follows."""
        names = ", ".join(_shown(path) for path in paths[:_FILES_SHOWN])
        more = f" and {len(paths) - _FILES_SHOWN:,} more" if len(paths) > _FILES_SHOWN else ""
        self._console.print(f"\n[dim]{datetime.now().astimezone():%H:%M:%S}[/] [bold]saved {_plain(names)}{more}[/]")

    def waiting(self, what: str = "the next save") -> None:
        """Print what is awaited."""
        self._console.print(f"\n[dim]waiting for {what}; Ctrl-C ends it[/]")

    def problem(self, error: Exception) -> None:
        """Print an error that the next save may correct."""
        self._console.print(f"[bold red]error[/] {escape(printable(str(error), keep=_LINE_BREAKS))}")

    def changes(self, changes: Sequence[FileChange], name: str) -> None:
        """Print the differences from other outputs.

        Args:
            changes: the differences, file by file.
            name: the name of the other outputs.
        """
        different = [change for change in changes if change.kind != "same"]
        count = counted(len(changes), "file")
        if not different:
            self._console.print(f"\n[bold green]no difference[/] from {_plain(name)} in {count}")
            return
        verb = "differs" if len(different) == 1 else "differ"
        self._console.print(f"\n[bold yellow]{len(different):,} of {count} {verb}[/] from {_plain(name)}")
        for change in different:
            self._console.print(f"[bold]{_plain(change.name)}[/]  {change.kind}")
            for detail in change.details[:_DETAILS]:
                self._print_indented(_plain(detail))
            if len(change.details) > _DETAILS:
                self._print_indented(counted(len(change.details) - _DETAILS, "more difference"))

    def failure(self, trial: TrialResult) -> None:
        """Print why a trial failed."""
        self._console.print(f"[bold red]{trial.status.lower().replace('_', ' ')}[/] after {trial.seconds:.2f} s")
        failed = [job for job in trial.jobs if job.status not in ("Completed", "InProgress")]
        for job in failed:
            step = f"{_plain(job.step)}: " if self._has_steps else ""
            if message := str(job.description.get("ExitMessage", "")):
                self._console.print(f"[bold]exit message[/] {step}{_plain(message)}")
            reason = str(job.description.get("FailureReason", "")) or job.reason
            self._console.print(f"[bold]reason[/] {step}{_plain(reason)}")
        if not failed:
            self._console.print(f"[bold]error[/] {_plain(trial.error)}")
            for line in islice(trial.cause.splitlines(), LINES):
                self._console.print(f"[bold]cause[/] {_plain(line)}")

    def _print_indented(self, text: str) -> None:
        print_indented(self._console, Text.from_markup(text, emoji=False))

    def _output(self, session: Session, file: OutputFile, title: str, folder: Path, *, with_rows: bool) -> None:
        found = preview(session, file.uri, rows=ROWS, lines=LINES) if with_rows else None
        shown = shape(found) if found is not None else counted(file.size, "byte")
        path = folder.joinpath(*filter(None, (file.step, file.output_name)), file.path)
        self._console.print(f"\n[bold]{_plain(title)}[/]  {_plain(_shown(path))}  {shown}")
        if found is not None:
            print_head(self._console, found)


def _shown(path: Path) -> str:
    """Return a path as short as it can be from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _plain(text: str) -> str:
    """Escape text from outside, for strings in which rich reads markup."""
    return escape(printable(text))
