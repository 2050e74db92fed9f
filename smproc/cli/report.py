"""The report of a run on the terminal: live while it goes on, then printed to stay."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from smproc.cli.previews import LINES, PREVIEWS, ROWS, print_head, shape
from smproc.operations import Backfill, Job, Run, Upload, output_directories, output_files, preview
from smproc.terminal_text import counted, printable, shell_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from boto3 import Session
    from rich.console import RenderableType

_LOG_LINES = 10
# An execution usually starts within seconds; after this many, the report explains what it waits for.
_USUAL_START_SECONDS = 15
# Of each output of a job: the files that are named, and those that are counted.
_FILES_SHOWN, _COUNTED = 10, 10_000


class RunReport:
    """The progress of a run on a terminal, and its report afterwards.

    A stream that is not a terminal gets one line per change of state instead of a live display, then the same report.

    Args:
        stream: receives the report.
        upload: the upload of the run.
        slow_start: the sentence that explains why an execution may take long to start.
        pipeline: the pipeline's name, for the commands that the report names.
        local_port: the port of the local AWS, for the same. Default: they need none.
    """

    def __init__(
        self, stream: TextIO, upload: Upload, *, slow_start: str = "", pipeline: str = "", local_port: int | None = None
    ) -> None:
        self._local = "" if local_port is None else f" --local {local_port}"
        self._options = (f" --pipeline {shell_word(pipeline)}" if pipeline else "") + self._local
        self._console = Console(file=stream, highlight=False, emoji=False, soft_wrap=True)
        self._upload = upload
        self._slow_start = slow_start
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)
        self._printed: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._console.print(f"[bold]uploaded[/] {_plain(self._upload.uri)} ({counted(self._upload.size, 'byte')})")
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def update(self, run: Run) -> None:
        """Show the current state of the run."""
        if self._console.is_terminal:
            self._live.update(_progress(run, self._slow_start))
            return
        for kind, text in {"state": _state(run), "explanation": _explanation(run, self._slow_start)}.items():
            if text and text != self._printed.get(kind):
                self._printed[kind] = text
                self._console.print(f"{run.seconds:7.1f} s  {_plain(text)}")

    def finish(self, session: Session, run: Run) -> None:
        """Print the report of a run that has ended: its steps with durations, then the outputs or the reason."""
        if run.execution is not None:
            self._console.print(f"[bold]execution[/] {run.execution['name']}")
        for job in run.jobs:
            self._console.print(f"[bold]job[/] {job.name}")
        self._console.print(_steps(run))
        if run.succeeded:
            for job in run.jobs:
                self._print_outputs(session, run, job)
        else:
            self._print_failure(run)

    def _print_outputs(self, session: Session, run: Run, job: Job) -> None:
        files = list(islice(output_files(session, job.description), _COUNTED))
        for name, directory in output_directories(job.description):
            mine = [file for file in files if file.output_name == name]
            if not mine and len(files) < _COUNTED:
                self._console.print(f"\n[bold]{_plain(name)}[/]  nothing was written to {_plain(str(directory))}")
            for number, file in enumerate(mine[:_FILES_SHOWN]):
                found = preview(session, file.uri, rows=ROWS, lines=LINES) if number < PREVIEWS else None
                shown = shape(found) if found is not None else counted(file.size, "byte")
                self._console.print(f"\n[bold]{_plain(name)}[/]  {_plain(file.uri)}  {shown}")
                if found is not None:
                    print_head(self._console, found)
            if len(mine) > _FILES_SHOWN:
                least = "at least " if len(files) == _COUNTED else ""
                execution = run.execution["name"] if run.execution is not None else ""
                more = counted(len(mine) - _FILES_SHOWN, "more file")
                self._console.print(
                    f"\n[bold]{_plain(name)}[/]  {least}{more}: smproc outputs list --execution {execution}"
                    f"{self._options}"
                )

    def _print_failure(self, run: Run) -> None:
        error = run.execution.get("error", "") if run.execution else ""
        self._console.print(f"\n[bold red]execution {run.status}[/]  {_plain(error)}")
        for job in run.jobs:
            if job.status == "Completed":
                continue
            self._console.print(f"[bold]job[/] {job.name} [bold]{job.status}[/]")
            if job.reason:
                self._console.print(f"[bold]reason[/] {_plain(job.reason)}")
            if job.exit_message:
                self._console.print(f"[bold]exit message[/] {_plain(job.exit_message)}")
            if job.log:
                shown = job.log[-_LOG_LINES:]
                self._console.print(f"[bold]last {len(shown)} of {counted(len(job.log), 'line')} of its log[/]")
                for line in shown:
                    self._console.print(f"  {_plain(line)}")
            self._console.print(f"the whole log: smproc jobs logs {job.name}{self._local}", soft_wrap=True)
        if not run.jobs and run.execution and (cause := run.execution.get("cause")):
            self._console.print(f"[bold]cause[/] {_plain(cause)}")


def _progress(run: Run, slow_start: str) -> Group:
    """Render the state of a run that goes on."""
    parts: list[RenderableType] = [Text.assemble((f"{run.seconds:6.1f} s  ", "dim"), (_state(run), "bold"))]
    if explanation := _explanation(run, slow_start):
        parts.append(Text(f"          {explanation}", style="dim"))
    if run.jobs:
        parts += [Text(f"          {printable(line)}", style="dim") for line in run.jobs[-1].log[-_LOG_LINES:]]
    return Group(*parts)


def _explanation(run: Run, slow_start: str) -> str:
    """Return why no execution has started, once that takes longer than usual."""
    return slow_start if run.execution is None and run.seconds > _USUAL_START_SECONDS else ""


def _state(run: Run) -> str:
    if run.execution is None:
        return "waiting for an execution"
    if not run.jobs:
        return f"execution {run.status}"
    return f"execution {run.status}, job {run.jobs[-1].name} {run.jobs[-1].status}"


def _steps(run: Run) -> Table:
    """Tabulate upload -> execution -> job -> outputs with durations, by AWS's clock except for the upload's."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("step")
    table.add_column("took", justify="right")
    before = run.execution["startDate"] if run.execution else None
    table.add_row("upload -> execution", _between(datetime.fromtimestamp(run.upload.returned, tz=UTC), before))
    for job in run.jobs:
        started, ended = job.description.get("ProcessingStartTime"), job.description.get("ProcessingEndTime")
        table.add_row("  -> job", _between(before, started))
        table.add_row(f"     job {job.status}", _between(started, ended), style="bold")
        before = ended
    table.add_row(
        f"  -> execution {run.status}", _between(before, run.execution.get("stopDate") if run.execution else None)
    )
    table.add_row("in all, until seen", f"{run.seconds:.2f} s", style="bold")
    return table


def _between(start: datetime | None, end: datetime | None) -> str:
    return "" if start is None or end is None else f"{max((end - start).total_seconds(), 0.0):.2f} s"


def _plain(text: str) -> str:
    """Escape text from outside, for strings in which rich reads markup."""
    return escape(printable(text))


def show_backfill(states: Iterable[Backfill], stream: TextIO | None = None) -> Backfill:
    """Show the progress of a backfill, and return its last state.

    The bar, the rate and the time left count the objects of the bucket that were looked at; their number is known when
    a dry run came before. A stream that is not a terminal gets a line for each change instead.

    Args:
        states: the states of the backfill, as they come.
        stream: receives the progress. Default: the standard output.
    """
    console = Console(file=stream, highlight=False, emoji=False, soft_wrap=True)
    last: Backfill | None = None
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None, rate=0.0)
        for state in states:
            unfinished = counted(state.unfinished, "execution waits or runs", "executions wait or run")
            text = f"{state.taken:,} taken, {state.failed:,} failed, {unfinished}"
            rate = state.listed / max(1, state.updated - state.started)
            total = max(state.expected, state.listed) if state.expected else None
            progress.update(task, completed=state.listed, total=total, description=text, rate=rate)
            if not console.is_terminal and (last is None or last.listed != state.listed):
                console.print(f"{counted(state.listed, 'object')} listed, {text}")
            last = state
    assert last is not None  # noqa: S101 - a backfill has at least one state
    return last
