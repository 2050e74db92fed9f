"""``smproc backfill``: process what is in the bucket already."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.follow import FollowProgress
from smproc.cli.session import LocalPort, PipelineName, SmprocCommand, Stack, open_session
from smproc.terminal_text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boto3 import Session

    from smproc.operations import Backfill, Backfills, Estimate

app = typer.Typer(
    no_args_is_help=True,
    help="""Process what is in the bucket already, or was there before the pipeline.

    Objects that an upload's event or an earlier backfill has brought are not processed again.""",
)
START_EPILOG = """\
\b
Examples:
  Count objects, jobs and cost, and start nothing:
    smproc backfill start --stack ProcessingDemo --dry-run
  The objects of a year, at most 20 executions at a time:
    smproc backfill start --stack ProcessingDemo
    --since 2025-01-01 --until 2026-01-01 --concurrency 20
"""
_POLL_SECONDS = 5.0
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@app.command(cls=SmprocCommand, epilog=START_EPILOG)
def start(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count and estimate, and process nothing.")] = False,  # noqa: FBT002
    prefix: Annotated[
        str,
        typer.Option(
            metavar="PREFIX",
            help="Only keys with this prefix.  [default: those that start the pipeline]",
            show_default=False,
        ),
    ] = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            formats=_TIMES,
            help="Only objects modified at this time or later, in UTC, such as 2026-01-31 or 2026-01-31T12:00:00.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            formats=_TIMES,
            help="Only objects modified before this time, in UTC.  [default: now]",
            show_default=False,
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also process what was processed before, once more.")] = False,  # noqa: FBT002
    concurrency: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=1,
            max=1000,
            help="Take nothing more while so many executions wait or run.  [default: max_concurrent_jobs of the "
            "pipeline, or 10]",
            show_default=False,
        ),
    ] = None,
    tolerated_failures: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=0,
            help="Stop when more objects have failed.  [default: any number]",
            show_default=False,
        ),
    ] = None,
    minutes_per_job: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            min=0,
            help="For the estimate of a dry run.  [default: the median of the last 20 executions, or 5]",
            show_default=False,
        ),
    ] = None,
    follow: FollowProgress = True,  # noqa: FBT002
) -> None:
    """Start a backfill, and show its progress.

    It goes on without this command, which may be interrupted. The exit status is 1 if it stops because of failures.
    """
    session = open_session(local)
    backfills = _backfills(session, stack, pipeline)
    backfill = backfills.start(
        session,
        dry=dry_run,
        within=prefix,
        since=_seconds(since),
        until=_seconds(until),
        again=again,
        concurrency=concurrency or 0,
        tolerated_failures=-1 if tolerated_failures is None else tolerated_failures,
    )
    typer.echo(f"{printable(backfills.pipeline)}: {'a dry run' if dry_run else 'a backfill'} has started")
    if follow or dry_run:
        _follow(session, backfills, backfill, minutes_per_job)


@app.command(cls=SmprocCommand)
def status(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    follow: FollowProgress = False,  # noqa: FBT002
) -> None:
    """Show the state of the last backfill."""
    session = open_session(local)
    backfills = _backfills(session, stack, pipeline)
    backfill = backfills.status(session)
    if follow:
        _follow(session, backfills, backfill, None)
    else:
        _print_end(session, backfills, backfill, None)


@app.command(cls=SmprocCommand)
def stop(pipeline: PipelineName = None, stack: Stack = None, local: LocalPort = None) -> None:
    """Stop the backfill that runs.

    What it has taken is processed; `smproc backfill resume` goes on after it.
    """
    session = open_session(local)
    backfills = _backfills(session, stack, pipeline)
    _print_end(session, backfills, backfills.stop(session), None)


@app.command(cls=SmprocCommand)
def resume(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    follow: FollowProgress = True,  # noqa: FBT002
) -> None:
    """Go on with the backfill that was stopped."""
    session = open_session(local)
    backfills = _backfills(session, stack, pipeline)
    backfill = backfills.resume(session)
    if follow:
        _follow(session, backfills, backfill, None)


def _backfills(session: Session, stack: str | None, pipeline: str | None) -> Backfills:
    from smproc.operations import Backfills, find_pipeline  # noqa: PLC0415 - slow to load

    return Backfills.of(find_pipeline(session, pipeline, stack=stack))


def _seconds(time: datetime | None) -> int:
    return int(time.replace(tzinfo=UTC).timestamp()) if time is not None else 0


def _follow(session: Session, backfills: Backfills, backfill: Backfill, minutes: float | None) -> None:
    """Show the progress of a backfill until it does not run any more."""
    from smproc.cli.report import show_backfill  # noqa: PLC0415 - slow to load

    def states() -> Iterator[Backfill]:
        current = backfill
        yield current
        while current.status == "RUNNING":
            time.sleep(_POLL_SECONDS)
            current = backfills.status(session)
            yield current

    last = show_backfill(states())
    _print_end(session, backfills, last, minutes)
    if last.status == "FAILED":
        raise typer.Exit(1)


def _print_end(session: Session, backfills: Backfills, backfill: Backfill, minutes: float | None) -> None:
    """Print the state of a backfill, and the estimate of a dry run."""
    from smproc.operations import estimate  # noqa: PLC0415 - slow to load

    kind = "dry run" if backfill.is_dry else "backfill"
    reason = f": {printable(backfill.reason)}" if backfill.reason else ""
    typer.echo(f"{kind} {backfill.status.lower()}{reason}")
    would = "would be taken" if backfill.is_dry else "taken"
    listed, matched = counted(backfill.listed, "object"), counted(backfill.matched, "matches", "match")
    typer.echo(f"  {listed} listed, {matched}")
    typer.echo(f"  {backfill.taken:,} {would} ({counted(backfill.taken_bytes, 'byte')})")
    for count, text in (
        (backfill.known, "already processed, or being processed"),
        (
            backfill.forgotten,
            "perhaps processed so long ago that the pipeline has forgotten it (--again takes these)",
        ),
        (backfill.folders, "with a key that ends in '/', which no job can read"),
        (backfill.failed, "failed in the pipeline since the start"),
    ):
        if count:
            typer.echo(f"  {count:,} {text}")
    if backfill.is_dry:
        if backfill.status == "DONE":
            _print_estimate(
                estimate(session, backfills.state_machine_arn, backfill.jobs, pages=backfill.pages, minutes=minutes)
            )
    else:
        wait = ("execution of the pipeline waits or runs", "executions of the pipeline wait or run")
        typer.echo(f"  {counted(backfill.unfinished, *wait)}")


def _print_estimate(found: Estimate) -> None:
    from smproc.operations.prices import PRICES  # noqa: PLC0415 - slow to load

    source = f"the median of {counted(found.measured, 'execution')}" if found.measured else "assumed or given"
    jobs = [
        f"{counted(times, 'job')} on {count} x {printable(kind)}"
        for (kind, count), times in Counter(found.instances).items()
    ]
    typer.echo(f"  {counted(found.executions, 'execution')}, each {found.minutes:.1f} minutes ({source})")
    typer.echo(f"  in each, one after the other: {', '.join(jobs) or 'no processing job'}")
    if found.usd is None:
        typer.echo(f"  {found.hours:,.1f} instance hours; the price of these instances is not known: {PRICES['page']}")
    else:
        typer.echo(f"  {found.hours:,.1f} instance hours, about {found.usd:,.2f} USD")
        typer.echo(f"  {PRICES['about']}")
