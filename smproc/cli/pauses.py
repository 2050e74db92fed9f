"""``smproc pause`` and ``smproc resume``: keep a pipeline from starting executions, and let it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from smproc.cli.output import Output, OutputFormat, age, clock, print_json
from smproc.cli.session import LocalPort, PipelineName, Stack, open_pipeline
from smproc.terminal_text import counted, printable, shell_word

if TYPE_CHECKING:
    from smproc.operations import Pause

PAUSE_EPILOG = """\
\b
Example:
  smproc pause --pipeline ProcessingDemo/Pipeline
  smproc resume --pipeline ProcessingDemo/Pipeline

\b
What runs goes on. Uploads are taken and wait, batches
fill and close, and a deployment leaves the pipeline
paused. Schedules that start executions are disabled
until smproc resume.
"""


def pause_pipeline(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Start nothing more until `smproc resume`; nothing is lost."""
    from smproc.operations import pause  # noqa: PLC0415 - slow to load

    done = pause(open_pipeline(local, pipeline, stack))
    state = "paused" if done.changed else "already paused"
    if done.since is not None:
        state += f" since {clock(done.since)} UTC"
    _print(done, output, state)


def resume_pipeline(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Resume a paused pipeline: what waits starts at once."""
    from smproc.operations import resume  # noqa: PLC0415 - slow to load

    done = resume(open_pipeline(local, pipeline, stack))
    state = (
        "resumed" if done.changed else "still paused" if done.problem else "not paused, so there is nothing to resume"
    )
    _print(done, output, state)


def _print(done: Pause, output: OutputFormat, state: str) -> None:
    """Print an answer; exit with 1 if the schedules could not be changed."""

    def line(text: str) -> None:
        typer.echo(printable(text))

    if output is OutputFormat.JSON:
        print_json(done)
    else:
        name = done.pipeline.name
        line(f"{name}: {state}")
        if done.waiting:
            oldest = f", the oldest for {age(done.oldest)}" if done.oldest is not None else ""
            line(f"  {counted(done.waiting, 'upload waits', 'uploads wait')}{oldest}")
        else:
            line("  no upload waits")
        for schedule in done.schedules:
            line(f"  schedule {schedule}: {'disabled' if done.since is not None else 'enabled again'}")
        if done.since is not None and not done.problem:
            line(f"  to go on: smproc resume --pipeline {shell_word(name)}")
    if done.problem:
        typer.echo(
            printable(f"smproc: the schedules could not be changed: {done.problem}; run the command again"), err=True
        )
        raise typer.Exit(1)
