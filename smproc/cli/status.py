"""``smproc pipelines`` and ``smproc status``: which pipelines there are, and how they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smproc.cli.output import Output, OutputFormat, age, clock, console, plain, print_json, print_table
from smproc.cli.session import LocalPort, PipelineName, Stack, open_session
from smproc.terminal_text import counted, printable, shell_word

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.operations import PipelineDetails, PipelineStatus

NEEDS_ATTENTION = 3
STATUS_EPILOG = """\
\b
Examples:
  All pipelines of the account and region:
    smproc status
  One of them in detail, again every five seconds:
    smproc status --pipeline Demo/Pipeline --watch
  In a script:
    smproc status --json || echo "something is wrong"
"""
_POLL_SECONDS = 5.0
_RUNS_SHOWN = 10


def pipelines(stack: Stack = None, local: LocalPort = None, output: Output = OutputFormat.TABLE) -> None:
    """List the pipelines of the account and region, by the tags of their parts."""
    from smproc.operations import find_pipelines  # noqa: PLC0415 - slow to load

    found = find_pipelines(open_session(local), stack=stack)
    if output is OutputFormat.JSON:
        fields = ("name", "stack", "bucket", "state_machine_arn", "table", "dispatcher", "intake")
        print_json([{name: getattr(one, name) for name in fields} for one in found])
        return
    print_table(
        ("PIPELINE", "STACK", "BUCKET", "STATE MACHINE"),
        [(one.name, one.stack, one.bucket, one.state_machine_arn.rpartition(":")[2]) for one in found],
        empty="there is no pipeline in " + ("this account and region" if stack is None else f"the stack {stack!r}"),
    )


def status(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    output: Output = OutputFormat.TABLE,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every five seconds, until Ctrl-C.")] = False,  # noqa: FBT002
) -> None:
    """Show what runs, waits and failed, and what is wrong.

    Without --pipeline, all pipelines are shown, as their dispatchers saw them in the last minute; a single one, or the
    only one, is shown in detail, as it is now. Failures are those of the last 24 hours that no retry, redrive or later
    upload of the same object has resolved. The exit status is 0 if nothing is wrong, and 3 if something needs
    attention.
    """
    session = open_session(local)
    code = _show(session, pipeline, stack, output)
    while watch:
        time.sleep(_POLL_SECONDS)
        console().clear()
        code = _show(session, pipeline, stack, output)
    raise typer.Exit(code)


def _show(session: Session, name: str | None, stack: str | None, output: OutputFormat) -> int:
    from smproc.operations import choose_pipeline, details_of, find_pipelines, status_of  # noqa: PLC0415 - slow to load

    found = find_pipelines(session, stack=stack)
    if name is not None or (len(found) == 1 and found[0].dispatcher):
        details = details_of(choose_pipeline(found, name, stack=stack))
        if output is OutputFormat.JSON:
            print_json(_with_health(details.status) | {"runs": details.runs, "failures": details.failures})
        else:
            _print_details(details)
        return NEEDS_ATTENTION if details.status.needs_attention else 0
    statuses = status_of(session, found)
    if output is OutputFormat.JSON:
        print_json([_with_health(one) for one in statuses])
    else:
        _print_overview(statuses)
    return NEEDS_ATTENTION if any(one.needs_attention for one in statuses) else 0


def _with_health(one: PipelineStatus) -> dict[str, Any]:
    fields: dict[str, Any] = plain(one)
    return {"health": one.health, "problems": one.problems, **fields}


def _print_overview(statuses: list[PipelineStatus]) -> None:
    print_table(
        ("PIPELINE", "HEALTH", ">RUNNING", ">WAITING", ">OLDEST", ">FAILED 24 H", ">DEAD LETTERS", ">UNDELIVERED"),
        [
            (
                one.pipeline.name,
                one.health,
                f"{one.running:,}",
                f"{one.waiting:,}",
                age(one.oldest),
                f"{one.failed:,}",
                f"{one.dead_letters:,}",
                f"{one.undelivered:,}",
            )
            for one in statuses
        ],
        empty="there is no pipeline in this account and region",
    )
    for one in statuses:
        for problem in one.problems:
            typer.echo(printable(f"{one.pipeline.name}: {problem}"))


def _print_details(details: PipelineDetails) -> None:
    one = details.status
    line: Callable[[str], None] = lambda text: typer.echo(printable(text))  # noqa: E731 - shorter
    line(f"{one.pipeline.name}: {one.health}")
    line(
        f"  {one.running:,} running, {one.waiting:,} waiting"
        + (f", the oldest for {age(one.oldest)}" * bool(one.oldest))
    )
    if one.paused is not None:
        line(f"  paused since {clock(one.paused)} UTC: smproc resume --pipeline {shell_word(one.pipeline.name)}")
    for problem in one.problems:
        line(f"  {problem}")
    for run in details.runs[:_RUNS_SHOWN]:
        said = f", {counted(run.attempts, 'attempt')}, the last failed: {run.reason}" if run.reason else ""
        line(f"  {run.status.lower()}: {counted(run.objects, 'object')}{said}")
    if len(details.runs) > _RUNS_SHOWN:
        line(f"  and {len(details.runs) - _RUNS_SHOWN:,} more")
    if details.failures:
        typer.echo("")
        print_table(
            ("FAILED", "STATE", ">AGO"),
            [(upload.uri, upload.state, age(upload.received)) for upload in details.failures],
            empty="",
        )
        line(f"the cause of one: smproc trace {shell_word(details.failures[0].uri)}")
    elif one.dead_letters or one.undelivered:
        line(f"their reasons: smproc dead-letters list --pipeline {shell_word(one.pipeline.name)}")
