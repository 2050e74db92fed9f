"""``smproc run``: upload a file to a pipeline and follow it to its outputs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from smproc.cli.session import LocalPort, PipelineName, Stack, open_session

EPILOG = """\
\b
Examples:
  In the account that boto3 finds:
    smproc run wine.csv --stack ProcessingDemo
  On the local AWS:
    smproc run wine.csv --stack ProcessingDemo --local
"""


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to upload.", show_default=False)],
    pipeline: PipelineName = None,
    stack: Stack = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The object's name below the pipeline's prefix.  [default: the file's name]"),
    ] = None,
    local: LocalPort = None,
    start_timeout: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Seconds to wait for an execution to start.  [default: 600, as S3 sends no events in the first "
            "minutes after a deployment; 60 on the local AWS]",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Seconds to wait for its end.  [default: 86400, a day]", show_default=False
        ),
    ] = 86400,
) -> None:
    """Upload a file to a pipeline and follow it to its outputs.

    Uploads the file to the pipeline's input bucket, follows the execution and its jobs, and shows what they write. A
    file that cannot start an execution, as the pipeline is paused for example, is not uploaded. The exit status is 0 if
    the execution succeeds, and 1 if it fails or none starts.
    """
    from smproc.cli.report import RunReport  # noqa: PLC0415 - slow to load
    from smproc.operations import (  # noqa: PLC0415 - the same
        check_starts,
        default_start_timeout,
        find_pipeline,
        uses_local_aws,
        watch,
    )

    if file.is_dir():
        raise IsADirectoryError(21, "it is a directory; run its files one by one", str(file))
    if file.exists() and not file.is_file():
        raise OSError(22, "it is not a regular file; run a file", str(file))
    if not file.is_file():
        raise FileNotFoundError(2, "there is no such file", str(file))
    session = open_session(local)
    found = find_pipeline(session, pipeline, stack=stack)
    if start_timeout is None:
        start_timeout = default_start_timeout(session)
    check_starts(found, found.key_of(file, name=name), file.stat().st_size)
    upload = found.upload(file, name=name)
    reasons = ["a batch may be filling"] if found.takes_batches else []
    if not uses_local_aws(session):
        reasons.append("S3 sends no events in the first minutes, about five, after a deployment")
    slow_start = f"for at most {start_timeout:g} s (--start-timeout)" + (
        f": {', or '.join(reasons)}" if reasons else ""
    )
    with RunReport(sys.stdout, upload, slow_start=slow_start, pipeline=found.name, local_port=local) as report:
        for state in watch(session, found, upload, start_timeout=start_timeout, timeout=timeout):
            report.update(state)
    report.finish(session, state)
    if not state.succeeded:
        raise typer.Exit(1)
