"""``smproc logs``: the logs of all jobs of a pipeline as one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from smproc.cli.follow import FollowLines
from smproc.cli.jobs import Timestamps, print_lines
from smproc.cli.output import Output, OutputFormat, short_name
from smproc.cli.session import LocalPort, PipelineName, Stack, open_pipeline
from smproc.cli.since import Since

EPILOG = """\
\b
Examples:
  smproc logs --pipeline ProcessingDemo/Pipeline
  smproc logs --follow | grep -i error
"""
_NAME_LENGTH = 8


def logs(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    follow: FollowLines = False,  # noqa: FBT002 - Typer's options are positional
    since: Since = timedelta(hours=24),
    timestamps: Timestamps = False,  # noqa: FBT002 - the same
    output: Output = OutputFormat.TABLE,
) -> None:
    """Print what the jobs of a pipeline have printed, by time; with --follow, those that start later, too.

    Each line begins with the execution's name, or the first characters of it, the step and the host. With --json, each
    line is an object of JSON.
    """
    from smproc.operations import PipelineLog  # noqa: PLC0415 - slow to load

    found = open_pipeline(local, pipeline, stack)
    lines = PipelineLog(found, since=datetime.now(UTC) - since).lines(follow=follow)
    print_lines(
        ((one, f"{short_name(one.execution, _NAME_LENGTH)} {one.step} {one.host}") for one in lines),
        output,
        timestamps=timestamps,
    )
