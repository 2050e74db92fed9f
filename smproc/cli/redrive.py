"""``smproc redrive`` and ``smproc retry``: process again what the trigger could not, and what failed."""

from __future__ import annotations

from typing import Annotated

import typer

from smproc.cli.session import LocalPort, PipelineName, Stack, open_session
from smproc.terminal_text import printable

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


def redrive(
    stack: Stack,
    pipeline: PipelineName = None,
    local: LocalPort = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the dead letters and leave them.")] = False,  # noqa: FBT002
) -> None:
    """Send the trigger's dead letters back to its queue.

    An object whose execution has started already does not start a second one.
    """
    from smproc.operations import Trigger  # noqa: PLC0415 - slow to load

    session = open_session(local)
    trigger = Trigger.of_stack(session, stack, pipeline)
    count = 0
    for letter in trigger.dead_letters(session) if dry_run else trigger.redrive(session):
        count += 1
        typer.echo(f"{printable(letter.about)}\n    {printable(letter.reason)}")
    done = "found" if dry_run else "sent back"
    typer.echo(f"{printable(trigger.pipeline)}: {count} dead letter{'' if count == 1 else 's'} {done}")


def retry(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="The ARN of an execution, or the key or S3 URI of an object.")
    ],
    stack: Stack,
    pipeline: PipelineName = None,
    local: LocalPort = None,
) -> None:
    """Run the objects of a failed execution again, in a new execution."""
    from smproc.operations import Trigger, failed_execution_of  # noqa: PLC0415 - slow to load

    session = open_session(local)
    trigger = Trigger.of_stack(session, stack, pipeline)
    execution = target if target.startswith("arn:") else failed_execution_of(session, trigger.state_machine_arn, target)
    about = trigger.retry(session, execution)
    typer.echo(f"{printable(about)} runs again, in a new execution after {printable(execution.rpartition(':')[2])}")
    typer.echo("(unless it has been run again already, by a bisected batch or a dead letter that was sent back)")
