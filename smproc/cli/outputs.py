"""``smproc outputs``: the files that a pipeline wrote."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.output import Output, OutputFormat, clock, console, print_json, print_table
from smproc.cli.session import LocalPort, PipelineName, SmprocCommand, Stack, open_pipeline_of, open_session
from smproc.terminal_text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from smproc.operations import Execution, JobRecord, OutputFile, Pipeline, Preview

# Listing more takes a request for each thousand.
_COUNTED = 10_000
EPILOG = """\
\b
Examples:
  Of the newest execution that succeeded:
    smproc outputs list
  Of the execution that processed an object:
    smproc outputs get results s3://bucket/in/wine.csv
  The first rows of a file:
    smproc outputs show s3://bucket/out/train.csv
"""
Object = Annotated[
    str | None,
    typer.Argument(
        metavar="S3_URI",
        help="The S3 URI of an uploaded object, for the outputs of its execution.",
        show_default=False,
    ),
]
ExecutionName = Annotated[
    str | None,
    typer.Option(
        "--execution",
        metavar="NAME",
        help="The execution: its ARN, its name, or a beginning of it.  [default: the newest that succeeded]",
        show_default=False,
    ),
]

app = typer.Typer(no_args_is_help=True, help="List, download and look at what a pipeline wrote.", epilog=EPILOG)


@app.command("list", cls=SmprocCommand)
def list_outputs(
    uri: Object = None,
    execution: ExecutionName = None,
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="NUMBER", help="Show so many files.")] = 100,
    output: Output = OutputFormat.TABLE,
) -> None:
    """List the files that an execution wrote: the newest one that succeeded, if none is named."""
    found, one = _execution(local, uri, execution, pipeline, stack)
    jobs = _jobs(found, one)
    files = list(islice(_files(found, jobs), max(limit, _COUNTED) + 1))
    listed = files[: max(limit, _COUNTED)]
    if output is OutputFormat.JSON:
        print_json(
            {
                "execution": one.name,
                "status": one.status,
                "count": len(listed),
                "count_is_exact": len(files) == len(listed),
                "files": listed[:limit],
            }
        )
        return
    print_table(
        ("STEP", "OUTPUT", ">BYTES", "STORED (UTC)", "FILE"),
        [(file.step, file.output_name, f"{file.size:,}", clock(file.modified), file.uri) for file in listed[:limit]],
        empty=f"the execution {one.name} of {found.name}, which is {one.status}, wrote no files",
    )
    if len(listed) > limit:
        least = "at least " if len(files) > len(listed) else ""
        typer.echo(f"{limit:,} of {least}{len(listed):,} files; more: --limit {len(listed)}")
    if len(files) == len(listed):
        _print_empty_outputs(jobs, listed)


@app.command("get", cls=SmprocCommand)
def get_outputs(
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="The directory to write to.", show_default=False)
    ],
    uri: Object = None,
    execution: ExecutionName = None,
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,  # noqa: FBT002
) -> None:
    """Download the files that an execution wrote, as STEP/OUTPUT/PATH below a directory.

    Files that exist are left alone, and so are keys that would lead out of the directory; the exit status is 1 then.
    """
    from smproc.operations import download  # noqa: PLC0415 - slow to load

    found, one = _execution(local, uri, execution, pipeline, stack)
    files = _files(found, _jobs(found, one))
    count = problems = 0
    with _progress(files) as (wanted, advance):
        for ended in download(found.session, wanted, directory, overwrite=force, progress=advance):
            if ended.problem:
                problems += 1
                sys.stderr.write(printable(f"{ended.file.uri}: not downloaded: {ended.problem}", keep="") + "\n")
            else:
                count += 1
    typer.echo(printable(f"{counted(count, 'file')} of the execution {one.name} in {directory}"))
    if problems:
        typer.echo(f"{problems:,} not downloaded" + ("" if force else "; --force replaces files that exist"), err=True)
        raise typer.Exit(1)


@app.command("show", cls=SmprocCommand)
def show_output(
    uri: Annotated[str, typer.Argument(metavar="S3_URI", help="The S3 URI of the file.")],
    local: LocalPort = None,
    rows: Annotated[int, typer.Option("--rows", min=1, max=1000, metavar="NUMBER", help="Rows of a table.")] = 10,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Show the first rows of a CSV or Parquet file, or the first lines of JSON or text.

    At most some megabytes are read. Parquet needs the extra `parquet`.
    """
    from smproc.operations import preview  # noqa: PLC0415 - slow to load

    found = preview(open_session(local), uri, rows=rows)
    if output is OutputFormat.JSON:
        print_json(found)
        return
    _print_preview(found)


def _execution(
    local: int | None, uri: str | None, execution: str | None, pipeline: str | None, stack: str | None
) -> tuple[Pipeline, Execution]:
    """Return the execution that a user means."""
    from smproc.operations import OutputNotFoundError, find_execution, last_success, trace  # noqa: PLC0415 - slow to load

    if uri is not None and execution is not None:
        raise typer.BadParameter("excludes an S3 URI; give one of them", param_hint="--execution")
    if uri is not None:
        traced = trace(open_session(local), uri, pipeline=pipeline)
        if traced.upload is None or traced.upload.execution is None:
            raise OutputNotFoundError(f"no execution has processed {uri}: `smproc trace` shows where it is")
        return traced.pipeline, traced.upload.execution
    found = open_pipeline_of(local, execution, pipeline, stack)
    return found, last_success(found) if execution is None else find_execution(found, execution)


def _jobs(pipeline: Pipeline, execution: Execution) -> list[JobRecord]:
    from smproc.operations import jobs_of  # noqa: PLC0415 - slow to load

    return list(reversed(list(jobs_of(pipeline, executions=[execution]))))


def _files(pipeline: Pipeline, jobs: Iterable[JobRecord]) -> Iterator[OutputFile]:
    from smproc.operations import outputs_of_jobs  # noqa: PLC0415 - slow to load

    return outputs_of_jobs(pipeline.session, jobs)


def _print_empty_outputs(jobs: Iterable[JobRecord], files: Iterable[OutputFile]) -> None:
    from smproc.operations import output_directories  # noqa: PLC0415 - slow to load

    wrote = {(file.step, file.output_name) for file in files}
    for job in jobs:
        for name, directory in output_directories(job.description):
            if (job.step, name) not in wrote:
                typer.echo(printable(f"{job.step} ({job.status}) wrote nothing to its output {name}: {directory}"))


@contextmanager
def _progress(files: Iterable[OutputFile]) -> Iterator[tuple[Iterator[OutputFile], Callable[[int], None]]]:
    """Show the progress of a download on a terminal."""
    from rich.markup import escape  # noqa: PLC0415 - slow to load
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn  # noqa: PLC0415 - the same

    target = console()
    columns = (TextColumn("{task.description}", markup=False), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=target, transient=True, disable=not target.is_terminal) as progress:
        task = progress.add_task("", total=0)
        total = 0

        def started() -> Iterator[OutputFile]:
            nonlocal total
            for file in files:
                total += file.size
                progress.update(task, total=total, description=escape(printable(file.path, keep="")))
                yield file

        yield started(), lambda count: progress.advance(task, count)


def _print_preview(found: Preview) -> None:
    from smproc.cli.previews import shape, table_of  # noqa: PLC0415 - slow to load

    typer.echo(printable(f"{found.uri}  {shape(found)}", keep=""))
    if found.kind == "table" and found.columns:
        target = console()
        target.print(table_of(found, target.width))
        if not found.is_whole:
            typer.echo(f"the first {counted(len(found.head), 'row')}")
    elif found.kind == "text":
        for line in found.lines:
            typer.echo(printable(line))
        if not found.is_whole:
            typer.echo(f"the first {counted(len(found.lines), 'line')}")
    else:
        typer.echo(printable(f"no text, stored as {found.content_type or 'an unknown type'}" * bool(found.size)))
