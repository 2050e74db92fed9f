"""``smproc executions``: the executions of a pipeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.output import Output, OutputFormat, age, clock, duration, plain, print_json, print_table
from smproc.cli.session import (
    LocalPort,
    PipelineName,
    SmprocCommand,
    Stack,
    open_pipeline,
    open_pipeline_of,
)
from smproc.cli.since import Since
from smproc.terminal_text import counted, printable, shell_word

if TYPE_CHECKING:
    from smproc.operations import Execution, ExecutionDetails

_OBJECTS_SHOWN = 20
EPILOG = """\
\b
Examples:
  smproc executions list --status FAILED --since 7d
  smproc executions show 1f0c2f3a
  smproc executions redrive 1f0c2f3a
"""
Name = Annotated[
    str,
    typer.Argument(
        metavar="EXECUTION", help="The execution: its ARN, its name, or a beginning of it that no other has."
    ),
]

app = typer.Typer(no_args_is_help=True, help="List, stop and redrive executions.", epilog=EPILOG)


@app.command("list", cls=SmprocCommand)
def list_executions(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    since: Since = timedelta(hours=24),
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS", help="Only those with this status, such as RUNNING or FAILED.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="NUMBER", help="The newest ones alone.")] = 50,
    output: Output = OutputFormat.TABLE,
) -> None:
    """List the executions of a pipeline, the newest first."""
    from smproc.operations import STATUSES, executions_of  # noqa: PLC0415 - slow to load

    wanted = status.upper() if status is not None else None
    if wanted is not None and wanted not in STATUSES:
        raise typer.BadParameter(f"must be one of {', '.join(STATUSES)}, got {status!r}", param_hint="--status")
    found = open_pipeline(local, pipeline, stack)
    executions = list(executions_of(found, since=datetime.now(UTC) - since, status=wanted, limit=limit))
    executions.sort(key=lambda one: one.started, reverse=True)
    if output is OutputFormat.JSON:
        print_json([_fields(one) for one in executions])
        return
    print_table(
        ("EXECUTION", "STATUS", "STARTED (UTC)", ">AGO", ">TOOK"),
        [(one.name, one.status, clock(one.started), age(one.started), duration(one.seconds)) for one in executions],
        empty=f"{found.name}: no execution of the last {duration(since.total_seconds())}"
        + (f" is {wanted}" if wanted else ""),
    )


@app.command("show", cls=SmprocCommand)
def show_execution(
    execution: Name,
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Show what an execution has done: its states, jobs and objects, and why it failed."""
    from smproc.operations import execution_details, find_execution  # noqa: PLC0415 - slow to load

    found = open_pipeline_of(local, execution, pipeline, stack)
    details = execution_details(found.session, find_execution(found, execution))
    if output is OutputFormat.JSON:
        print_json({**_fields(details.execution), **{key: plain(one) for key, one in _details(details).items()}})
        return
    _print(details)


@app.command("stop", cls=SmprocCommand)
def stop_execution(
    execution: Name, pipeline: PipelineName = None, stack: Stack = None, local: LocalPort = None
) -> None:
    """Stop an execution, and the job that it waits for.

    Nothing happens to an execution that has ended already. `smproc retry` runs the objects of a stopped one again.
    """
    from smproc.operations import find_execution, stop_execution  # noqa: PLC0415 - slow to load

    found = open_pipeline_of(local, execution, pipeline, stack)
    one = find_execution(found, execution)
    if stop_execution(found.session, one):
        typer.echo(printable(f"{one.name} is stopped"))
    else:
        typer.echo(printable(f"{one.name} had ended already"))


@app.command("redrive", cls=SmprocCommand)
def redrive_execution(
    execution: Name, pipeline: PipelineName = None, stack: Stack = None, local: LocalPort = None
) -> None:
    """Run an execution again from the step that failed, without the steps before it.

    It keeps its input and the definition that the state machine had when it started. `smproc retry` starts a new
    execution instead, with all steps and the present definition.
    """
    from smproc.operations import find_execution, redrive_execution  # noqa: PLC0415 - slow to load

    found = open_pipeline_of(local, execution, pipeline, stack)
    one = find_execution(found, execution)
    redrive_execution(found.session, one)
    typer.echo(
        printable(f"{one.name} goes on from the step that failed: smproc executions show {shell_word(one.name)}")
    )


def _fields(one: Execution) -> dict[str, object]:
    return {**plain(one), "seconds": round(one.seconds, 3)}


def _details(details: ExecutionDetails) -> dict[str, object]:
    return {name: getattr(details, name) for name in details.__slots__ if name != "execution"}


def _print(details: ExecutionDetails) -> None:
    def line(text: str) -> None:
        typer.echo(printable(text))

    one = details.execution
    line(one.arn)
    line(
        f"  {one.status}, started {clock(one.started)} UTC, {'took' if one.ended else 'has run for'} "
        f"{duration(one.seconds)}" + (f", redriven {counted(details.redrives, 'time')}" if details.redrives else "")
    )
    if details.error or details.cause:
        line(f"  error      {details.error}")
        reason = next((job.reason for job in reversed(details.jobs) if job.reason), details.cause)
        line(f"  cause      {reason}")
        line(f"  redrive    {'possible' if details.redrivable else details.why_not_redrivable}")
    typer.echo()
    print_table(
        ("STATE", "STATUS", ">TOOK", ">TRIES", "ERROR"),
        [(name, run.status, duration(run.seconds), run.tries, run.error) for name, run in details.states.items()],
        empty="it has entered no state",
    )
    if details.jobs:
        typer.echo()
        print_table(
            ("JOB", "STATUS", "STEP"),
            [(job.name or "could not be created", job.status, job.step) for job in details.jobs],
            empty="",
        )
    typer.echo()
    print_table(("OBJECT",), [(uri,) for uri in details.objects[:_OBJECTS_SHOWN]], empty="its input names no object")
    if len(details.objects) > _OBJECTS_SHOWN:
        line(f"and {len(details.objects) - _OBJECTS_SHOWN:,} more; all: --json")
