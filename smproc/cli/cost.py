"""``smproc cost``: what the jobs of a pipeline cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.output import Output, OutputFormat, duration, print_json, print_table
from smproc.cli.session import LocalPort, PipelineName, Stack, open_pipeline
from smproc.cli.since import parse_duration
from smproc.terminal_text import counted, printable

if TYPE_CHECKING:
    from smproc.operations import Cost

EPILOG = """\
\b
Examples:
  smproc cost --since 30d
  smproc cost --json
"""


def cost(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    since: Annotated[
        timedelta,
        typer.Option(
            metavar="DURATION",
            parser=parse_duration,
            help="How far to look back, such as 24h or 30d.  [default: 7d]",
            show_default=False,
        ),
    ] = timedelta(days=7),
    output: Output = OutputFormat.TABLE,
) -> None:
    """Show what a pipeline's jobs cost, by list prices, for each day and step.

    Counted are the instances of each job for the seconds between its start and its end. Each execution takes a request.
    """
    from smproc.operations import LEFT_OUT, cost_of_jobs, jobs_of, sums  # noqa: PLC0415 - slow to load
    from smproc.operations.prices import PRICES  # noqa: PLC0415 - the same

    found = open_pipeline(local, pipeline, stack)
    now = datetime.now(UTC)
    total = cost_of_jobs(jobs_of(found, since=now - since))
    if output is OutputFormat.JSON:
        print_json(
            {
                "pipeline": found.name,
                "since": now - since,
                "until": now,
                "usd": total.usd,
                "jobs": total.jobs,
                "running": total.running,
                "unknown_prices": total.unknown,
                "by_day": sums(total, "day"),
                "by_step": sums(total, "step"),
                "lines": total.lines,
                "left_out": LEFT_OUT,
                "prices": PRICES["about"],
            }
        )
        return
    _print(total, f"{found.name}: no job ran in the last {duration(since.total_seconds())}")
    if total.jobs:
        typer.echo(printable(f"not in it: {LEFT_OUT}"))
        typer.echo(printable(PRICES["about"]))


def _print(total: Cost, empty: str) -> None:
    print_table(
        ("DAY (UTC)", "STEP", "INSTANCE TYPE", ">JOBS", ">INSTANCE HOURS", ">USD"),
        [
            (
                line.day.isoformat(),
                line.step,
                line.instance_type,
                f"{line.jobs:,}",
                f"{line.instance_seconds / 3600:,.3f}",
                f"{line.usd:,.4f}" if line.usd is not None else "?",
            )
            for line in total.lines
        ],
        empty=empty,
    )
    if not total.jobs:
        return
    running = f", {counted(total.running, 'of which still runs', 'of which still run')}" if total.running else ""
    typer.echo(f"USD {total.usd:,.4f} for {counted(total.jobs, 'job')}{running}")
    if total.unknown:
        typer.echo(printable(f"without those on instances whose price is not known: {', '.join(total.unknown)}"))
