"""``smproc redrive`` and ``smproc retry``: process again what the trigger could not, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.session import LocalPort, PipelineName, Stack, open_pipeline, open_session
from smproc.terminal_text import printable

if TYPE_CHECKING:
    from smproc.operations import Trace

REDRIVE_EPILOG = """\
\b
Examples:
  List the dead letters and the reasons why they failed:
    smproc redrive --stack ProcessingDemo --dry-run
  Send them back, once the cause is fixed:
    smproc redrive --stack ProcessingDemo
"""
RETRY_EPILOG = """\
\b
Examples:
  The newest failed execution of an object:
    smproc retry incoming/wine.csv --stack ProcessingDemo
  An execution:
    smproc retry arn:aws:states:... --stack ProcessingDemo
"""


def redrive_dead_letters(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the dead letters and leave them.")] = False,  # noqa: FBT002
) -> None:
    """Send the trigger's dead letters back to its queue.

    An object whose execution has started already does not start a second one.
    """
    from smproc.operations import dead_letters, redrive  # noqa: PLC0415 - slow to load

    found = open_pipeline(local, pipeline, stack)
    count = 0
    for letter in dead_letters(found) if dry_run else redrive(found):
        count += 1
        typer.echo(f"{printable(letter.about)}\n    {printable(letter.reason)}")
    done = "found" if dry_run else "sent back"
    typer.echo(f"{printable(found.name)}: {count} dead letter{'' if count == 1 else 's'} {done}")


def retry_failed(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="The S3 URI or key of an object, or the ARN of an execution.")
    ],
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
) -> None:
    """Run the objects of a failed execution again, in a new execution."""
    from smproc.operations import choose_pipeline, find_pipelines, retry, trace, trace_in  # noqa: PLC0415 - slow to load

    session = open_session(local)
    if target.startswith("arn:"):
        machine = target.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        known = [one for one in find_pipelines(session, stack=stack) if one.state_machine_arn == machine]
        found, execution = choose_pipeline(known, pipeline, stack=stack), target
    elif target.startswith("s3://"):
        traced = trace(session, target, pipeline=pipeline)
        found, execution = traced.pipeline, execution_to_retry(traced)
    else:
        found = choose_pipeline(find_pipelines(session, stack=stack), pipeline, stack=stack)
        execution = execution_to_retry(trace_in(found, target))
    about = retry(found, execution)
    typer.echo(f"{printable(about)} runs again, in a new execution after {printable(execution.rpartition(':')[2])}")
    typer.echo("(unless it has been run again already, by a bisected batch or a dead letter that was sent back)")


def execution_to_retry(traced: Trace) -> str:
    """Return the ARN of the execution that failed for an object.

    Raises:
        NothingToRetryError: no execution failed for it.
    """
    from smproc.operations import NothingToRetryError  # noqa: PLC0415 - slow to load

    upload = traced.upload
    if upload is None or upload.execution is None:
        state = f"the upload is {upload.state}" if upload is not None else "the pipeline has taken no upload of it"
        raise NothingToRetryError(f"no failed execution of the pipeline was about {traced.uri}: {state}")
    return upload.execution.arn
