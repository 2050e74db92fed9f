"""``smproc run``: put a file into a pipeline and follow it to its outputs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smproc.cli import session as session_options

if TYPE_CHECKING:  # rich and boto3 take a while to import; other commands do without
    from smproc.operations import Pipeline, Run, Upload

_EPILOG = """\
examples:
  smproc run wine.csv --stack ProcessingDemo            in the account that boto3 finds
  smproc run wine.csv --stack ProcessingDemo --local    on the local AWS
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "run",
        help="put a file into a pipeline and follow it to its outputs",
        description="Put a file into a pipeline's input bucket, follow its execution and its jobs, show the outputs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--name", help="the object's name below the pipeline's prefix (default: the file's)")
    session_options.add_to(parser)
    parser.add_argument(
        "--start-timeout", type=float, default=60.0, metavar="S", help="seconds to wait for an execution (default: 60)"
    )
    parser.add_argument(
        "--timeout", type=float, default=86400.0, metavar="S", help="seconds to wait for its end (default: a day)"
    )
    parser.set_defaults(do=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when the execution succeeded."""
    from smproc.cli.report import RunReport  # noqa: PLC0415 - takes a while
    from smproc.operations import Pipeline  # noqa: PLC0415 - the same

    if not arguments.file.is_file():
        raise FileNotFoundError(2, "there is no such file", str(arguments.file))
    session = session_options.session(arguments)
    pipeline = Pipeline.of_stack(session, arguments.stack)
    upload = pipeline.upload(session, arguments.file, name=arguments.name)
    with RunReport(sys.stdout, upload) as screen:
        last = _follow(session, pipeline, upload, arguments, screen)
    screen.finish(session, last)
    return 0 if last.succeeded else 1


def _follow(
    session: Any,  # noqa: ANN401 - boto3 has no types
    pipeline: Pipeline,
    upload: Upload,
    arguments: argparse.Namespace,
    screen: Any,  # noqa: ANN401 - imported late
) -> Run:
    from smproc.operations import watch  # noqa: PLC0415 - takes a while

    for look in watch(session, pipeline, upload, start_timeout=arguments.start_timeout, timeout=arguments.timeout):
        screen.show(look)
    return look
