"""``smproc schedule``: list the schedules of a stack, and fire one now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.session import LocalPort, PipelineName, SmprocCommand, Stack, open_session
from smproc.terminal_text import printable

if TYPE_CHECKING:
    from boto3 import Session

_FIRE_EPILOG = """\
\b
Examples:
  The only schedule of the only pipeline:
    smproc schedule fire
  One of several, by the end of its construct's path:
    smproc schedule fire Nightly --pipeline ProcessingDemo/Pipeline
"""

app = typer.Typer(help="List the schedules of a pipeline, and fire one now.", no_args_is_help=True)


@app.command("list", cls=SmprocCommand)
def list_schedules(pipeline: PipelineName = None, stack: Stack = None, local: LocalPort = None) -> None:
    """List the schedules of the stack of a pipeline: their names, times, and what they do."""
    from smproc.operations import schedules_of  # noqa: PLC0415 - slow to load

    session = open_session(local)
    stack = _stack_of(session, pipeline, stack)
    schedules = schedules_of(session, stack)
    for schedule in schedules:
        does = "flushes the open batches" if schedule.flushes else "runs over the window since the last run"
        state = "" if schedule.enabled else ", disabled"
        typer.echo(printable(schedule.name))
        typer.echo(printable(f"    {schedule.expression} {schedule.time_zone}{state}, {does}"))
    if not schedules:
        typer.echo(printable(f"the stack {stack!r} has no schedule of a pipeline"))


@app.command("fire", cls=SmprocCommand, epilog=_FIRE_EPILOG)
def fire(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The schedule.  [default: the only one of the stack]")
    ] = None,
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
) -> None:
    """Do now what a schedule does at its times, with the present as the time; it need not be enabled.

    The window of the next run starts where the window of this one ends.
    """
    from smproc.operations import schedule_named  # noqa: PLC0415 - slow to load

    session = open_session(local)
    schedule = schedule_named(session, _stack_of(session, pipeline, stack), name)
    typer.echo(printable(f"{schedule.name}: {schedule.fire(session)}"))


def _stack_of(session: Session, pipeline: str | None, stack: str | None) -> str:
    """Return the stack whose schedules are meant."""
    from smproc.operations import find_pipeline  # noqa: PLC0415 - slow to load

    if stack is not None and pipeline is None:
        return stack
    return find_pipeline(session, pipeline, stack=stack).stack
