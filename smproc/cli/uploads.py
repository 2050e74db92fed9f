"""``smproc uploads`` and ``smproc trace``: what became of the objects that arrived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.output import Output, OutputFormat, age, clock, duration, print_json, print_table
from smproc.cli.session import LocalPort, PipelineName, SmprocCommand, Stack, open_pipeline, open_session
from smproc.cli.since import Since
from smproc.terminal_text import counted, printable, shell_word

if TYPE_CHECKING:
    from smproc.operations import Trace, UploadRecord

TRACE_EPILOG = """\
\b
Examples:
  smproc trace s3://my-bucket/incoming/wine.csv
  smproc trace s3://my-bucket/incoming/wine.csv --json

\b
The exit status is 0 if nothing is wrong with the object,
and 3 if it failed, is a dead letter, never arrived,
or is in an execution that tries again what failed.
"""
_NEEDS_ATTENTION = 3
_STATE_HELP = "Only uploads in this state, such as FAILED, WAITING or DEAD_LETTER; may be given several times."

app = typer.Typer(no_args_is_help=True, help="List what arrived, and what became of it.")


@app.command("list", cls=SmprocCommand)
def list_uploads(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    since: Since = timedelta(hours=24),
    state: Annotated[list[str] | None, typer.Option("--state", metavar="STATE", help=_STATE_HELP)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="NUMBER", help="The newest ones alone.")] = 50,
    output: Output = OutputFormat.TABLE,
) -> None:
    """List the uploads of a pipeline, the newest first."""
    from smproc.operations import STATES, UploadReader  # noqa: PLC0415 - slow to load

    wanted = {one.upper() for one in state or ()}
    if unknown := sorted(wanted - set(STATES)):
        raise typer.BadParameter(f"must be one of {', '.join(STATES)}, got {unknown[0]!r}", param_hint="--state")
    found = open_pipeline(local, pipeline, stack)
    records = UploadReader(found).newest(
        datetime.now(UTC) - since, limit=limit, keep=lambda record: not wanted or record.state in wanted
    )
    if output is OutputFormat.JSON:
        print_json([{"uri": one.uri, **_fields(one)} for one in records])
        return
    print_table(
        ("UPLOAD", "STATE", ">AGO", ">TOOK", ">OBJECTS", "EXECUTION"),
        [_row(one) for one in records],
        empty=f"{found.name}: no upload of the last {duration(since.total_seconds())} "
        + (f"is {' or '.join(sorted(wanted))}" if wanted else "is in the ledger"),
    )


@app.command("show", cls=SmprocCommand, epilog=TRACE_EPILOG.replace("smproc trace", "smproc uploads show"))
def show_upload(
    uri: Annotated[str, typer.Argument(metavar="S3_URI", help="The object's S3 URI.")],
    pipeline: PipelineName = None,
    local: LocalPort = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Show what became of an object; the same as `smproc trace`."""
    trace_object(uri, pipeline, local, output)


def trace_object(
    uri: Annotated[str, typer.Argument(metavar="S3_URI", help="The object's S3 URI.")],
    pipeline: PipelineName = None,
    local: LocalPort = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Follow an object: its upload, execution, jobs, log and outputs, or where it is stuck, and why."""
    from smproc.operations import trace  # noqa: PLC0415 - slow to load

    found = trace(open_session(local), uri, pipeline=pipeline)
    if output is OutputFormat.JSON:
        print_json(found)
    else:
        _print_trace(found)
    raise typer.Exit(_NEEDS_ATTENTION if found.is_wrong else 0)


def _fields(record: UploadRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__slots__}


def _row(record: UploadRecord) -> tuple[object, ...]:
    execution = record.execution
    return (
        record.uri,
        record.state,
        age(record.received),
        duration(execution.seconds) if execution is not None else "",
        f"{record.objects:,}",
        execution.name if execution is not None else "",
    )


def _print_trace(found: Trace) -> None:
    def line(text: str) -> None:
        typer.echo(printable(text))

    stored = found.stored
    line(found.uri)
    if stored.exists:
        version = f", version {stored.version}" if stored.version else ""
        line(f"  object     {counted(stored.size, 'byte')}, stored {clock(stored.modified)} UTC{version}")
    else:
        line("  object     there is none" + (f" since {clock(stored.modified)} UTC" if stored.modified else ""))
    line(f"  pipeline   {found.pipeline.name}")
    _print_upload(found)
    if found.cause:
        line(f"  cause      {found.cause}")
    if found.log:
        job = found.log[-1].job
        last = "last line" if len(found.log) == 1 else f"last {len(found.log)} lines"
        line(f"  log        the {last} of {job}; all: smproc jobs logs {shell_word(job)}")
        for one in found.log:
            line(f"             {one.text}")
    for uri in found.outputs:
        line(f"  output     {uri}")
    if found.advice:
        line(f"  next       {found.advice}")


def _print_upload(found: Trace) -> None:
    """Print what the pipeline knows of the last upload of an object."""

    def line(text: str) -> None:
        typer.echo(printable(text))

    upload = found.upload
    letter = found.dead_letter
    if letter is not None:
        line(f"  upload     not taken: its event became a dead letter, {clock(letter.sent)} UTC")
        line("  state      DEAD_LETTER")
        line(f"  message    smproc dead-letters show {letter.id} --pipeline {shell_word(found.pipeline.name)}")
    elif upload is None:
        line("  upload     the pipeline has taken no upload of this object")
    else:
        kind = "a retry" if upload.is_retry else "an upload"
        more = f", with {len(found.earlier)} before it" if found.earlier else ""
        line(f"  upload     {kind}, taken {clock(upload.received)} UTC{more}")
        if upload.objects > 1:
            line(f"  batch      of {counted(upload.objects, 'object')}")
        _print_execution(found, upload)


def _print_execution(found: Trace, upload: UploadRecord) -> None:
    execution = upload.execution
    if execution is None:
        typer.echo(printable(f"  state      {upload.state}"))
        return
    typer.echo(printable(f"  execution  {execution.name}"))
    typer.echo(
        printable(
            f"  state      {upload.state}, started {clock(execution.started)} UTC, "
            f"{'took' if execution.ended else 'has run for'} {duration(execution.seconds)}"
        )
    )
    for job in found.jobs:
        typer.echo(printable(f"  job        {job.status:<10}  {job.step}: {job.name or 'could not be created'}"))
    if found.failed_state:
        typer.echo(printable(f"  failed     in the state {shell_word(found.failed_state)}: {found.error}"))
